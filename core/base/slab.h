/* SPDX-License-Identifier: Apache-2.0 */

/* Small blocks out of pages of our own. Internal to mem.c.
 *
 * Why not malloc() for all: in its heap the blocks of a turn lie between those of connections that
 * stay, so the pages of a busy hour never go back to the system. Here a span of pages holds blocks
 * of one size and one lifetime, and is given back when its last block is.
 *
 * Address space is set aside once, so whether a block is ours is one comparison; nothing is touched
 * before it is used. Where it cannot be set aside, or is used up, malloc() serves. Threads keep a
 * few blocks of each kind at hand (mem.c): what is here takes a lock and moves them by the dozen. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Sizes up to 128 in steps of 16, above it eight to each doubling, up to SLAB_BYTES_MAX. Each size is
 * there twice: for what passes and for what lasts. */
enum { SLAB_SIZES = 64, SLAB_KINDS = 2 * SLAB_SIZES, SLAB_BYTES_MAX = 16 * 1024 };
enum { SLAB_SPAN_BITS = 16, SLAB_SPAN_BYTES = 1 << SLAB_SPAN_BITS };

struct slab_block {
	struct slab_block *next;
};

/* Written by slab_open() alone. */
struct slab_space {
	uintptr_t begin, bytes; /* 0: nothing is set aside */
	uint8_t *kinds;         /* by span */
};
extern struct slab_space slab_space;

/* [one thread, before there are others] Sets the address space aside. */
void slab_open(void);
/* [any thread] A chain of up to `want` blocks; returns how many, 0: there are no more. */
unsigned slab_take(unsigned kind, unsigned want, struct slab_block **ret_chain);
/* [any thread] Takes back a chain, of whatever kinds. */
void slab_give(struct slab_block *chain);
/* [any thread, now and then] Pages that nobody needed since the last time go back to the system, a few
 * MiB each time; or all that are free. */
void slab_settle(bool all);

static inline bool slab_owns(const void *p)
{
	return (uintptr_t)p - slab_space.begin < slab_space.bytes;
}

static inline unsigned slab_kind_of(const void *p)
{
	return slab_space.kinds[((uintptr_t)p - slab_space.begin) >> SLAB_SPAN_BITS];
}

/* The size whose blocks hold `n` bytes, 1 <= n <= SLAB_BYTES_MAX. */
static inline unsigned slab_size_for(size_t n)
{
	if (n <= 256) /* the first eighths are steps of 16, too */
		return (unsigned)(n - 1) / 16;
	unsigned log2 = 63 - (unsigned)__builtin_clzll(n - 1);

	return 8 + (log2 - 7) * 8 + (unsigned)((n - 1) >> (log2 - 3)) - 8;
}

static inline size_t slab_bytes(unsigned kind)
{
	unsigned size = kind % SLAB_SIZES;

	return size < 8 ? (size + 1) * 16 : (size_t)(9 + (size - 8) % 8) << (4 + (size - 8) / 8);
}
