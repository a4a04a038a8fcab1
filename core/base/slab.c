/* SPDX-License-Identifier: Apache-2.0 */

/* Spans: which are in use, which have room, which are free. One lock for all; it is taken once for
 * some dozen blocks.
 *
 * A span hands out its blocks in order and then what came back, so pages that no block has reached
 * are never touched. An empty span serves any kind again. It keeps its pages for a while: what one
 * lap of the loop gives back the next one needs, and a page that comes anew costs as much as a
 * message. Those that nobody needed between two slab_settle() give their pages back. */

#include "core/base/slab.h"

#include <pthread.h>
#include <sys/mman.h>

enum {
	SPACE_BITS = 34, /* 16 GiB of addresses */
	SPANS = 1 << (SPACE_BITS - SLAB_SPAN_BITS),
	EMPTY_MAX = 256, /* empty spans that keep their pages: 16 MiB */
	SETTLE_MAX = 64  /* that give them back at a time: some hundred microseconds */
};

struct span {
	struct slab_block *back;  /* came back */
	uint32_t prev, next;      /* of a list; 0: none, span 0 is not used */
	uint16_t n_used, n_begun; /* blocks; begun: handed out at least once */
};

/* What spans a list begins with. */
static struct {
	pthread_mutex_t lock;
	struct span *spans;
	uint32_t n_spans;           /* used at least once; span 0 counts */
	uint32_t roomy[SLAB_KINDS]; /* some blocks in use, some not */
	uint32_t empty, n_empty;    /* with their pages */
	uint32_t n_unneeded;        /* the least that were empty since slab_settle() */
	uint32_t dry;               /* without */
} slab = { .lock = PTHREAD_MUTEX_INITIALIZER, .n_spans = 1 };

struct slab_space slab_space;

static void list_add(uint32_t *first, uint32_t at)
{
	slab.spans[at].prev = 0;
	slab.spans[at].next = *first;
	if (*first)
		slab.spans[*first].prev = at;
	*first = at;
}

static void list_drop(uint32_t *first, uint32_t at)
{
	const struct span *span = &slab.spans[at];

	if (span->next)
		slab.spans[span->next].prev = span->prev;
	if (span->prev)
		slab.spans[span->prev].next = span->next;
	else
		*first = span->next;
}

static uint32_t list_pop(uint32_t *first)
{
	uint32_t at = *first;

	if (at)
		list_drop(first, at);
	return at;
}

static unsigned char *span_bytes(uint32_t at)
{
	union {
		uintptr_t number;
		unsigned char *bytes;
	} p = { .number = slab_space.begin + ((uintptr_t)at << SLAB_SPAN_BITS) };

	return p.bytes;
}

static unsigned span_blocks(unsigned kind)
{
	return (unsigned)(SLAB_SPAN_BYTES / slab_bytes(kind));
}

/* One for `kind`, in its list; 0: the space is used up. */
static uint32_t span_new(unsigned kind)
{
	uint32_t at = list_pop(&slab.empty);

	if (at && --slab.n_empty < slab.n_unneeded)
		slab.n_unneeded = slab.n_empty;
	if (!at)
		at = list_pop(&slab.dry);
	if (!at && slab.n_spans < SPANS)
		at = slab.n_spans++;
	if (!at)
		return 0;
	slab_space.kinds[at] = (uint8_t)kind;
	slab.spans[at] = (struct span){ .back = NULL };
	list_add(&slab.roomy[kind], at);
	return at;
}

static void span_dry(uint32_t at)
{
	(void)madvise(span_bytes(at), SLAB_SPAN_BYTES, MADV_DONTNEED);
	list_add(&slab.dry, at);
}

static void span_emptied(uint32_t at)
{
	if (slab.n_empty == EMPTY_MAX) {
		span_dry(at);
		return;
	}
	list_add(&slab.empty, at);
	slab.n_empty++;
}

void slab_settle(bool all)
{
	pthread_mutex_lock(&slab.lock);
	uint32_t give = all                            ? slab.n_empty
			: slab.n_unneeded < SETTLE_MAX ? slab.n_unneeded
						       : SETTLE_MAX;

	for (; give > 0; give--, slab.n_empty--)
		span_dry(list_pop(&slab.empty));
	slab.n_unneeded = slab.n_empty;
	pthread_mutex_unlock(&slab.lock);
}

static struct slab_block *span_take(uint32_t at, unsigned kind)
{
	struct span *span = &slab.spans[at];
	struct slab_block *block = span->back;

	if (block)
		span->back = block->next;
	else
		block = (void *)(span_bytes(at) + span->n_begun++ * slab_bytes(kind));
	if (++span->n_used == span_blocks(kind))
		list_drop(&slab.roomy[kind], at);
	return block;
}

static void span_give(struct slab_block *block)
{
	uint32_t at = (uint32_t)(((uintptr_t)block - slab_space.begin) >> SLAB_SPAN_BITS);
	unsigned kind = slab_kind_of(block);
	struct span *span = &slab.spans[at];

	block->next = span->back;
	span->back = block;
	if (span->n_used-- == span_blocks(kind))
		list_add(&slab.roomy[kind], at);
	if (span->n_used > 0)
		return;
	list_drop(&slab.roomy[kind], at);
	span_emptied(at);
}

unsigned slab_take(unsigned kind, unsigned want, struct slab_block **ret_chain)
{
	struct slab_block **last = ret_chain;
	unsigned n = 0;

	if (slab_space.bytes == 0)
		return 0;
	pthread_mutex_lock(&slab.lock);
	while (n < want && (slab.roomy[kind] || span_new(kind))) {
		*last = span_take(slab.roomy[kind], kind);
		last = &(*last)->next;
		n++;
	}
	pthread_mutex_unlock(&slab.lock);
	*last = NULL;
	return n;
}

void slab_give(struct slab_block *chain)
{
	pthread_mutex_lock(&slab.lock);
	while (chain) {
		struct slab_block *next = chain->next;

		span_give(chain);
		chain = next;
	}
	pthread_mutex_unlock(&slab.lock);
}

/* A child of a fork may take memory, whichever thread held the lock. */
static void before_fork(void)
{
	pthread_mutex_lock(&slab.lock);
}

static void after_fork(void)
{
	pthread_mutex_unlock(&slab.lock);
}

void slab_open(void)
{
	size_t table = SPANS * (sizeof(*slab.spans) + 1), bytes = (size_t)1 << SPACE_BITS;

	if (slab_space.bytes > 0)
		return;
	/* One span more than there are, to begin at a multiple of a span. Huge pages would be
	 * whole in memory for one small block each. */
	char *all = mmap(NULL, table + bytes + SLAB_SPAN_BYTES, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (all == MAP_FAILED)
		return;
	(void)madvise(all, table + bytes + SLAB_SPAN_BYTES, MADV_NOHUGEPAGE);
	if (pthread_atfork(before_fork, after_fork, after_fork) != 0) {
		(void)munmap(all, table + bytes + SLAB_SPAN_BYTES);
		return;
	}
	slab.spans = (void *)all;
	slab_space.kinds = (uint8_t *)(all + SPANS * sizeof(*slab.spans));
	slab_space.begin =
		((uintptr_t)all + table + SLAB_SPAN_BYTES - 1) & ~(uintptr_t)(SLAB_SPAN_BYTES - 1);
	slab_space.bytes = bytes;
}
