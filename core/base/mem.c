/* SPDX-License-Identifier: Apache-2.0 */

/* The only caller of malloc in the core. Running out ends the process with one line: see mem.h. */

#include "core/base/mem.h"

#include "core/base/assert.h"
#include "core/base/log.h"

#include <malloc.h>
#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Most arenas hold a few words, so the first block is small. */
enum { ARENA_FIRST_BYTES = 480, ARENA_BLOCK_BYTES = 2048, LARGE_BYTES = 3072 };

struct baton_arena_block {
	struct baton_arena_block *next;
	size_t used, cap;
	bool is_lent; /* not ours to free */
	alignas(max_align_t) unsigned char bytes[];
};

/* A stock of freed blocks for each thread. glibc keeps seven of a size at hand; the turns of a
 * hundred customers take and free hundreds in one lap, and each beyond the seven is cut out of the
 * heap and merged back. Blocks are plain malloc()'s, in sizes of so many STEPs: whoever frees one
 * need not know where it came from. Sanitizers want to see every free. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define HAS_STOCK 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define HAS_STOCK 0
#endif
#endif
#ifndef HAS_STOCK
#define HAS_STOCK 1
#endif

enum { STEP = 64, LEAST = 24, STOCK_SIZES = 48 /* up to 3 KiB */, STOCK_BYTES_MAX = 128 * 1024 };

struct stocked {
	struct stocked *next;
};

static _Thread_local struct {
	struct stocked *first;
	uint32_t n;
} stock[STOCK_SIZES];

/* The size whose blocks hold `n` bytes: LEAST, LEAST + STEP, ...: what malloc() adds is used. */
static size_t size_for(size_t n)
{
	return n <= LEAST ? 0 : (n - LEAST + STEP - 1) / STEP;
}

static void *stock_take(size_t n)
{
	size_t size = size_for(n);

	if (!HAS_STOCK || size >= STOCK_SIZES)
		return malloc(n);
	struct stocked *block = stock[size].first;
	if (!block)
		return malloc(LEAST + size * STEP);
	stock[size].first = block->next;
	stock[size].n--;
	return block;
}

static void stock_give(void *p)
{
	size_t usable = HAS_STOCK && p ? malloc_usable_size(p) : 0;
	size_t size = usable < LEAST ? STOCK_SIZES : (usable - LEAST) / STEP;

	if (size >= STOCK_SIZES || stock[size].n * (LEAST + size * STEP) > STOCK_BYTES_MAX) {
		free(p);
		return;
	}
	struct stocked *block = p;
	block->next = stock[size].first;
	stock[size].first = block;
	stock[size].n++;
}

void baton_mem_thread_done(void)
{
	for (size_t size = 0; size < STOCK_SIZES; size++)
		while (stock[size].first) {
			struct stocked *block = stock[size].first;

			stock[size].first = block->next;
			stock[size].n--;
			free(block);
		}
}

static void *mem_or_die(void *p, size_t n)
{
	if (p)
		return p;
	baton_log(BATON_LOG_ERROR, "out_of_memory", "u", "bytes", (uint64_t)n);
	abort();
}

void *baton_alloc(size_t n)
{
	/* For large blocks calloc() knows which are zero already. */
	if (n > LARGE_BYTES)
		return mem_or_die(calloc(1, n), n);
	return memset(mem_or_die(stock_take(n ? n : 1), n), 0, n ? n : 1);
}

void *baton_realloc(void *p, size_t n)
{
	if (!p)
		return mem_or_die(stock_take(n ? n : 1), n);
	return mem_or_die(realloc(p, n ? n : 1), n);
}

char *baton_memdupz(const void *p, size_t n)
{
	char *copy = mem_or_die(stock_take(n + 1), n + 1);
	if (n > 0)
		memcpy(copy, p, n);
	copy[n] = '\0';
	return copy;
}

void baton_free(void *p)
{
	stock_give(p);
}

static struct baton_arena_block *arena_grow(struct baton_arena *arena, size_t n)
{
	size_t usual = arena->blocks ? ARENA_BLOCK_BYTES : ARENA_FIRST_BYTES;
	size_t cap = n > usual ? n : usual;
	struct baton_arena_block *block = mem_or_die(stock_take(sizeof(*block) + cap), cap);

	block->next = arena->blocks;
	block->used = 0;
	block->cap = cap;
	block->is_lent = false;
	arena->blocks = block;
	return block;
}

void baton_arena_lend(struct baton_arena *arena, void *p, size_t n)
{
	struct baton_arena_block *block = p;

	baton_assert(!arena->blocks && n > sizeof(*block));
	*block = (struct baton_arena_block){ .cap = n - sizeof(*block), .is_lent = true };
	arena->blocks = block;
}

void *baton_arena_alloc(struct baton_arena *arena, size_t n)
{
	size_t align = alignof(max_align_t);

	baton_assert(n <= SIZE_MAX / 2);
	n = (n + align - 1) / align * align;
	struct baton_arena_block *block = arena->blocks;
	if (!block || block->cap - block->used < n)
		block = arena_grow(arena, n);

	void *p = block->bytes + block->used;
	block->used += n;
	arena->bytes += n;
	return memset(p, 0, n);
}

char *baton_arena_dup(struct baton_arena *arena, const void *p, size_t n)
{
	char *copy = baton_arena_alloc(arena, n + 1);
	if (n > 0)
		memcpy(copy, p, n);
	return copy;
}

void baton_arena_done(struct baton_arena *arena)
{
	while (arena->blocks) {
		struct baton_arena_block *next = arena->blocks->next;

		if (!arena->blocks->is_lent)
			stock_give(arena->blocks);
		arena->blocks = next;
	}
	arena->bytes = 0;
}

void baton_assert_failed(const char *what, const char *file, int line)
{
	baton_log(BATON_LOG_ERROR, "assertion_failed", "ssi", "what", what, "file", file, "line",
		  (int64_t)line);
	abort();
}

baton_str baton_str_keep(baton_str s)
{
	return (baton_str){ baton_memdupz(s.p, s.n), s.n };
}

void baton_str_drop(baton_str *s)
{
	/* The view is const for its readers; the owner made it with baton_str_keep(). */
	union {
		const char *view;
		void *owned;
	} p = { .view = s->p };

	baton_free(p.owned);
	*s = BATON_STR_NONE;
}
