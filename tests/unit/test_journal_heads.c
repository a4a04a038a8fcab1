/* SPDX-License-Identifier: Apache-2.0 */

/* Sessions in memory: the roll that finds them, which heads are kept when there are too many. */
#include "core/journal/heads.h"
#include "core/journal/inside.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { MANY = 5000 };

static struct baton_id id_of(unsigned n)
{
	uint8_t random[10] = { (uint8_t)n, (uint8_t)(n >> 8), (uint8_t)(n >> 16) };
	return baton_id_make(1700000000000 + n, random);
}

static void a_roll_finds_what_is_on_it_and_nothing_else(void **state)
{
	static struct baton_rolled entries[MANY];
	struct baton_roll roll = { 0 };
	struct baton_id nobody = id_of(MANY);
	(void)state;
	assert_null(baton_roll_find(&roll, &nobody));
	for (unsigned i = 0; i < MANY; i++) {
		entries[i].id = id_of(i);
		baton_roll_add(&roll, &entries[i]);
	}
	assert_int_equal(roll.n, MANY);
	for (unsigned i = 0; i < MANY; i++)
		assert_ptr_equal(baton_roll_find(&roll, &entries[i].id), &entries[i]);
	assert_null(baton_roll_find(&roll, &nobody));
	for (unsigned i = 0; i < MANY; i += 2)
		baton_roll_remove(&roll, &entries[i]);
	for (unsigned i = 0; i < MANY; i++)
		assert_ptr_equal(baton_roll_find(&roll, &entries[i].id),
				 i % 2 ? &entries[i] : NULL);
	for (unsigned i = 1; i < MANY; i += 2)
		baton_roll_remove(&roll, &entries[i]);
	assert_int_equal(roll.n, 0);
	assert_null(baton_roll_find(&roll, &entries[1].id));
	baton_roll_done(&roll);
}

static void a_turn_of_the_hand_meets_everybody_once(void **state)
{
	static struct baton_rolled entries[MANY];
	static unsigned met[MANY];
	struct baton_roll roll = { 0 };
	(void)state;
	for (unsigned i = 0; i < MANY; i++) {
		entries[i].id = id_of(i);
		baton_roll_add(&roll, &entries[i]);
	}
	for (size_t i = 0; i < roll.n_slots; i++)
		for (struct baton_rolled *e = baton_roll_turn(&roll); e; e = e->next)
			met[e - entries]++;
	for (unsigned i = 0; i < MANY; i++)
		assert_int_equal(met[i], 1);
	baton_roll_done(&roll);
}

static void commit(struct baton_heads *heads, unsigned n, uint64_t seq, bool committed)
{
	struct baton_id id = id_of(n);
	struct baton_head_entry *entry = baton_heads_find(heads, &id);
	struct baton_head *head = baton_heads_touch(heads, entry);
	assert_ptr_equal(baton_heads_touch(heads, entry), head);
	head->seq = seq;
	baton_heads_settle(heads, committed);
}

static void what_the_index_does_not_know_is_never_dropped(void **state)
{
	enum { ALL = BATON_HEADS_CLEAN_MAX + 3000, DIRTY = 500 };
	struct baton_heads heads;
	struct baton_head head = { .seq = 1 };
	unsigned found = 0;
	(void)state;
	baton_heads_init(&heads);
	for (unsigned i = 0; i < ALL; i++) {
		struct baton_id id = id_of(i);
		baton_heads_add(&heads, &id, &head);
	}
	for (unsigned i = 0; i < DIRTY; i++)
		commit(&heads, i, 2, true);
	assert_int_equal(heads.n_clean, ALL - DIRTY);
	baton_heads_trim(&heads);
	assert_int_equal(heads.n_clean, BATON_HEADS_CLEAN_MAX);
	for (unsigned i = 0; i < ALL; i++) {
		struct baton_id id = id_of(i);
		bool is_there = baton_heads_get(&heads, &id, &head);
		found += is_there;
		if (i < DIRTY)
			assert_true(is_there && head.seq == 2);
	}
	assert_int_equal(found, BATON_HEADS_CLEAN_MAX + DIRTY);
	for (unsigned i = 0; i < DIRTY; i++)
		baton_heads_cleaned(&heads);
	assert_null(heads.dirty);
	baton_heads_trim(&heads);
	assert_int_equal(heads.n_clean, BATON_HEADS_CLEAN_MAX);
	baton_heads_done(&heads);
}

/* Those that talk stay; it is the silent ones whose heads are read from the index again. */
static void what_is_used_outlives_what_is_not(void **state)
{
	enum { BUSY = 1000 };
	struct baton_heads heads;
	struct baton_head head = { .seq = 1 };
	(void)state;
	baton_heads_init(&heads);
	for (unsigned i = 0; i < BATON_HEADS_CLEAN_MAX + 4000; i++) {
		struct baton_id id = id_of(i);
		baton_heads_add(&heads, &id, &head);
		if (i % 500 == 499) {
			for (unsigned busy = 0; busy < BUSY && busy <= i; busy++)
				commit(&heads, busy, 1, true);
			baton_heads_trim(&heads);
		}
	}
	baton_heads_trim(&heads);
	for (unsigned busy = 0; busy < BUSY; busy++) {
		struct baton_id id = id_of(busy);
		assert_true(baton_heads_get(&heads, &id, &head));
	}
	assert_true(heads.n_clean <= BATON_HEADS_CLEAN_MAX);
	baton_heads_done(&heads);
}

static void a_batch_that_failed_leaves_heads_as_they_were(void **state)
{
	struct baton_heads heads;
	struct baton_head head = { .seq = 7 };
	struct baton_id id = id_of(1);
	(void)state;
	baton_heads_init(&heads);
	baton_heads_add(&heads, &id, &head);
	commit(&heads, 1, 9, false);
	assert_true(baton_heads_get(&heads, &id, &head));
	assert_int_equal(head.seq, 7);
	assert_null(heads.dirty);
	commit(&heads, 1, 8, true);
	assert_true(baton_heads_get(&heads, &id, &head));
	assert_int_equal(head.seq, 8);
	assert_non_null(heads.dirty);
	baton_heads_done(&heads);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_roll_finds_what_is_on_it_and_nothing_else),
		cmocka_unit_test(a_turn_of_the_hand_meets_everybody_once),
		cmocka_unit_test(what_the_index_does_not_know_is_never_dropped),
		cmocka_unit_test(what_is_used_outlives_what_is_not),
		cmocka_unit_test(a_batch_that_failed_leaves_heads_as_they_were),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
