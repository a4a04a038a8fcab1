/* SPDX-License-Identifier: Apache-2.0 */

/* The only caller of malloc in the core. Running out ends the process with one line: see mem.h.
 * Small blocks come from slab.c by way of a stock of each thread. Sanitizers want to see every
 * block, so under them, and where baton_mem_open() was not called, everything is malloc()'s. */

#include "core/base/mem.h"

#include "core/base/assert.h"
#include "core/base/log.h"
#include "core/base/slab.h"

#include <malloc.h>
#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Most arenas hold a few words, so the first block is small. */
enum { ARENA_FIRST_BYTES = 480, ARENA_BLOCK_BYTES = 2048 };

struct baton_arena_block {
	struct baton_arena_block *next;
	size_t used, cap;
	bool is_lent; /* not ours to free */
	alignas(max_align_t) unsigned char bytes[];
};

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define HAS_SLABS 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define HAS_SLABS 0
#endif
#endif
#ifndef HAS_SLABS
#define HAS_SLABS 1
#endif

/* Blocks at hand of each thread, by kind. The turns of a hundred customers take and free hundreds
 * of a size in one lap of the loop. */
enum { STOCK_BYTES = 32 * 1024, STOCK_LEAST = 16, LASTING = SLAB_SIZES };

static _Thread_local struct stock {
	struct slab_block *first;
	uint32_t n;
} stock[SLAB_KINDS];

/* Written by baton_mem_open() alone. */
static uint32_t stock_max[SLAB_KINDS];

void baton_mem_open(void)
{
	if (!HAS_SLABS)
		return;
	for (unsigned kind = 0; kind < SLAB_KINDS; kind++) {
		uint32_t n = (uint32_t)(STOCK_BYTES / slab_bytes(kind));

		stock_max[kind] = n < STOCK_LEAST ? STOCK_LEAST : n;
	}
	slab_open();
}

static void *mem_or_die(void *p, size_t n)
{
	if (p)
		return p;
	baton_log(BATON_LOG_ERROR, "out_of_memory", "u", "bytes", (uint64_t)n);
	abort();
}

/* The next three are seldom called; in line, or called anywhere but last, they would make take()
 * and give() save registers for them. */

/* Gives back all but the `keep` that were given last: theirs are the warmest bytes. */
__attribute__((noinline)) static void stock_trim(unsigned kind, uint32_t keep)
{
	struct slab_block **rest = &stock[kind].first;

	if (stock[kind].n <= keep)
		return;
	for (uint32_t i = 0; i < keep; i++)
		rest = &(*rest)->next;
	slab_give(*rest);
	*rest = NULL;
	stock[kind].n = keep;
}

__attribute__((noinline)) static void stock_full(const void *p)
{
	unsigned kind = slab_kind_of(p);

	stock_trim(kind, stock_max[kind] / 2);
}

/* None of that kind is at hand, or there are none of that size. */
__attribute__((noinline)) static void *take_new(size_t n, unsigned kind)
{
	struct slab_block *block = NULL;

	if (kind < SLAB_KINDS && slab_space.bytes > 0)
		stock[kind].n = slab_take(kind, stock_max[kind] / 2, &stock[kind].first);
	if (kind < SLAB_KINDS && (block = stock[kind].first) != NULL) {
		stock[kind].first = block->next;
		stock[kind].n--;
		return block;
	}
	return mem_or_die(malloc(n), n);
}

/* Never NULL; n > 0. */
static void *take(size_t n, unsigned kinds)
{
	if (!HAS_SLABS || n > SLAB_BYTES_MAX)
		return take_new(n, SLAB_KINDS);
	unsigned kind = slab_size_for(n) + kinds;
	struct stock *at = &stock[kind];
	struct slab_block *block = at->first;
	if (!block)
		return take_new(n, kind);
	at->first = block->next;
	at->n--;
	return block;
}

static void give(void *p)
{
	if (!HAS_SLABS || !slab_owns(p)) {
		free(p);
		return;
	}
	unsigned kind = slab_kind_of(p);
	struct stock *at = &stock[kind];
	struct slab_block *block = p;
	block->next = at->first;
	at->first = block;
	if (++at->n > stock_max[kind])
		stock_full(p);
}

void baton_mem_thread_done(void)
{
	for (unsigned kind = 0; kind < SLAB_KINDS; kind++)
		stock_trim(kind, 0);
}

void baton_mem_settle(void)
{
	baton_mem_thread_done();
	slab_settle(false);
}

void baton_mem_rest(bool is_quiet)
{
	baton_mem_thread_done();
	slab_settle(is_quiet);
	if (HAS_SLABS && slab_space.bytes > 0)
		(void)malloc_trim(0);
}

void *baton_alloc(size_t n)
{
	/* For large blocks calloc() knows which are zero already. */
	if (n > SLAB_BYTES_MAX)
		return mem_or_die(calloc(1, n), n);
	n = n ? n : 1;
	return memset(take(n, 0), 0, n);
}

void *baton_take_lasting(size_t n)
{
	return take(n ? n : 1, LASTING);
}

void *baton_alloc_lasting(size_t n)
{
	if (n > SLAB_BYTES_MAX)
		return baton_alloc(n);
	return memset(baton_take_lasting(n), 0, n ? n : 1);
}

void *baton_realloc(void *p, size_t n)
{
	n = n ? n : 1;
	if (!p)
		return take(n, 0);
	if (!HAS_SLABS || !slab_owns(p))
		return mem_or_die(realloc(p, n), n);
	unsigned kind = slab_kind_of(p);
	size_t had = slab_bytes(kind);
	if (n <= had && n > had / 2)
		return p;
	void *moved = take(n, kind / SLAB_SIZES * LASTING);
	memcpy(moved, p, n < had ? n : had);
	give(p);
	return moved;
}

char *baton_memdupz(const void *p, size_t n)
{
	char *copy = take(n + 1, 0);
	if (n > 0)
		memcpy(copy, p, n);
	copy[n] = '\0';
	return copy;
}

void baton_free(void *p)
{
	if (p)
		give(p);
}

static struct baton_arena_block *arena_grow(struct baton_arena *arena, size_t n)
{
	size_t usual = arena->blocks ? ARENA_BLOCK_BYTES : ARENA_FIRST_BYTES;
	size_t cap = n > usual ? n : usual;
	struct baton_arena_block *block = take(sizeof(*block) + cap, 0);

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

void *baton_arena_take(struct baton_arena *arena, size_t n)
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
	return p;
}

void *baton_arena_alloc(struct baton_arena *arena, size_t n)
{
	return memset(baton_arena_take(arena, n), 0, n);
}

char *baton_arena_dup(struct baton_arena *arena, const void *p, size_t n)
{
	char *copy = baton_arena_take(arena, n + 1);
	if (n > 0)
		memcpy(copy, p, n);
	copy[n] = '\0';
	return copy;
}

static baton_str text_at(const void *base, uint16_t offset)
{
	baton_str str;

	memcpy(&str, (const char *)base + offset, sizeof(str));
	return str;
}

void baton_arena_keep(struct baton_arena *arena, void *base, const uint16_t *offsets)
{
	size_t bytes = 0;

	for (const uint16_t *at = offsets; *at; at++) {
		size_t n = text_at(base, *at).n;

		bytes += n > 0 ? n + 1 : 0;
	}
	if (bytes == 0)
		return;
	char *room = baton_arena_take(arena, bytes);
	for (const uint16_t *at = offsets; *at; at++) {
		baton_str str = text_at(base, *at);

		if (str.n == 0)
			continue;
		memcpy(room, str.p, str.n);
		room[str.n] = '\0';
		str.p = room;
		memcpy((char *)base + *at, &str, sizeof(str));
		room += str.n + 1;
	}
}

void baton_arena_drop(struct baton_arena *arena)
{
	while (arena->blocks) {
		struct baton_arena_block *next = arena->blocks->next;

		if (!arena->blocks->is_lent)
			give(arena->blocks);
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
