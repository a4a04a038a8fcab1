/* SPDX-License-Identifier: Apache-2.0 */

/* Pages of our own for small blocks: sizes, threads, and that what is free is given back. */

#include "tests/unit/unit.h"

#include "core/base/mem.h"
#include "core/base/slab.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

enum { KIB = 1024, MIB = 1024 * KIB };

/* Memory in use of this process that is no file's. */
static size_t resident(void)
{
	unsigned long size = 0, all = 0, shared = 0;
	FILE *file = fopen("/proc/self/statm", "re");

	assert_non_null(file);
	assert_int_equal(fscanf(file, "%lu %lu %lu", &size, &all, &shared), 3);
	fclose(file);
	return (all - shared) * (size_t)sysconf(_SC_PAGESIZE);
}

static bool opened(void)
{
	void *p = baton_alloc(100);
	bool is_ours = slab_owns(p);

	baton_free(p);
	return is_ours;
}

static void a_size_holds_what_is_asked_for_and_little_more(void **state)
{
	(void)state;
	for (size_t n = 1; n <= SLAB_BYTES_MAX; n++) {
		unsigned size = slab_size_for(n);

		assert_in_range(size, 0, SLAB_SIZES - 1);
		assert_in_range(slab_bytes(size), n, n + 15 + n / 8);
		assert_true(size == 0 || slab_bytes(size - 1) < n);
		assert_int_equal(slab_bytes(size) % 16, 0);
		assert_int_equal(slab_bytes(size + SLAB_SIZES), slab_bytes(size));
	}
}

/* Nothing but this byte. */
static bool holds(const void *block, int byte, size_t n)
{
	const unsigned char *p = block;

	return n == 0 || (p[0] == byte && memcmp(p, p + 1, n - 1) == 0);
}

static void blocks_do_not_overlap_and_know_their_kind(void **state)
{
	(void)state;
	for (unsigned kind = 0; kind < SLAB_KINDS; kind++) {
		struct slab_block *chain, *block;
		unsigned n = slab_take(kind, 50, &chain), seen = 0;

		assert_int_equal(n, 50);
		for (block = chain; block; block = block->next, seen++) {
			assert_true(slab_owns(block));
			assert_int_equal(slab_kind_of(block), kind);
			memset(block + 1, (int)seen, slab_bytes(kind) - sizeof(*block));
		}
		assert_int_equal(seen, n);
		seen = 0;
		for (block = chain; block; block = block->next, seen++)
			assert_true(holds(block + 1, (int)seen, slab_bytes(kind) - sizeof(*block)));
		slab_give(chain);
	}
	assert_false(slab_owns(state));
}

/* As many seconds of a server: a few MiB of what nobody needs each time. */
static void settle(void)
{
	for (int i = 0; i < 8; i++)
		baton_mem_settle();
}

static void what_is_freed_is_given_back(void **state)
{
	enum { N = 32 * MIB / 1000 };
	static void *blocks[N];
	size_t before = resident();

	(void)state;
	if (!opened())
		skip();
	for (size_t i = 0; i < N; i++)
		blocks[i] = baton_alloc(1000);
	assert_true(resident() > before + 30 * (size_t)MIB);
	for (size_t i = 0; i < N; i++)
		baton_free(blocks[i]);
	settle();
	assert_true(resident() < before + 2 * (size_t)MIB);
}

static void touch(size_t bytes)
{
	enum { EACH = 8000 };
	static void *blocks[32 * MIB / EACH];
	size_t n = bytes / EACH;

	for (size_t i = 0; i < n; i++)
		blocks[i] = baton_alloc(EACH);
	for (size_t i = 0; i < n; i++)
		baton_free(blocks[i]);
}

static void what_is_needed_again_and_again_stays(void **state)
{
	(void)state;
	if (!opened())
		skip();
	baton_mem_rest(true);
	size_t before = resident();
	for (int i = 0; i < 8; i++) {
		touch(12 * MIB);
		baton_mem_settle();
	}
	assert_true(resident() > before + 11 * (size_t)MIB);
	/* A quieter time: some of it is needed, the rest goes. */
	for (int i = 0; i < 8; i++) {
		touch(4 * MIB);
		baton_mem_settle();
	}
	assert_in_range(resident() - before, 3 * MIB, 6 * MIB);
	baton_mem_rest(true);
	assert_true(resident() < before + 1 * (size_t)MIB);
}

static void what_lasts_does_not_hold_the_pages_of_what_passes(void **state)
{
	enum { N = 16 * MIB / 500 };
	static void *passing[N], *lasting[N / 10 + 1];
	size_t before = resident();

	(void)state;
	if (!opened())
		skip();
	for (size_t i = 0; i < N; i++) {
		passing[i] = baton_alloc(500);
		if (i % 10 == 0)
			lasting[i / 10] = baton_alloc_lasting(500);
	}
	for (size_t i = 0; i < N; i++)
		baton_free(passing[i]);
	settle();
	assert_true(resident() < before + 4 * (size_t)MIB);
	for (size_t i = 0; i <= (N - 1) / 10; i++)
		baton_free(lasting[i]);
}

static void contents_survive_growing_and_shrinking(void **state)
{
	static const size_t sizes[] = { 1, 16, 17, 200, 5000, 40000, 90000, 3000, 100, 0 };
	unsigned char *p = NULL;
	size_t had = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		size_t kept = had < sizes[i] ? had : sizes[i];

		p = baton_realloc(p, sizes[i]);
		for (size_t k = 0; k < kept; k++)
			assert_int_equal(p[k], k % 251);
		for (size_t k = kept; k < sizes[i]; k++)
			p[k] = (unsigned char)(k % 251);
		had = sizes[i];
	}
	baton_free(p);
}

static void freed_memory_is_zero_when_it_comes_again(void **state)
{
	(void)state;
	for (int i = 0; i < 100; i++) {
		unsigned char *p = baton_alloc(300);

		for (size_t k = 0; k < 300; k++)
			assert_int_equal(p[k], 0);
		memset(p, 0xff, 300);
		baton_free(p);
	}
}

/* One thread takes, another frees, both at once, over and over. */
enum { RING = 512, LAPS = 200000 };
static struct {
	_Atomic(unsigned char *) slots[RING];
	_Atomic unsigned wrong;
} ring;

static void *take_over(void *ud)
{
	for (unsigned i = 0; i < LAPS; i++) {
		unsigned char *p;

		while (!(p = atomic_exchange(&ring.slots[i % RING], NULL)))
			sched_yield(); /* the other one may want this core */
		if (p[0] != i % 200 || p[i % 700] != i % 200)
			ring.wrong++;
		baton_free(p);
	}
	baton_mem_thread_done();
	return ud;
}

static void a_block_may_be_freed_by_another_thread(void **state)
{
	pthread_t thread;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, take_over, NULL), 0);
	for (unsigned i = 0; i < LAPS; i++) {
		unsigned char *p = baton_alloc(i % 700 + 1);

		p[0] = p[i % 700] = (unsigned char)(i % 200);
		while (atomic_load(&ring.slots[i % RING]))
			sched_yield();
		atomic_store(&ring.slots[i % RING], p);
	}
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(ring.wrong, 0);
	baton_mem_thread_done();
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_size_holds_what_is_asked_for_and_little_more),
		cmocka_unit_test(blocks_do_not_overlap_and_know_their_kind),
		cmocka_unit_test(what_is_freed_is_given_back),
		cmocka_unit_test(what_is_needed_again_and_again_stays),
		cmocka_unit_test(what_lasts_does_not_hold_the_pages_of_what_passes),
		cmocka_unit_test(contents_survive_growing_and_shrinking),
		cmocka_unit_test(freed_memory_is_zero_when_it_comes_again),
		cmocka_unit_test(a_block_may_be_freed_by_another_thread),
	};

	slab_open();
	baton_mem_open();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
