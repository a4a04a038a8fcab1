/* SPDX-License-Identifier: Apache-2.0 */

/* Heads: where each session's chain ends. What an append is compared with, and where a reader
 * starts to walk.
 *
 * Heads that the index table does not know yet live here and nowhere else; of the others the most
 * recently used are kept. The writer alone changes entries; lanes copy what is committed. A batch
 * works on heads of its own, which become `now` when the commit has returned. */
#pragma once

#include "core/base/id.h"
#include "core/journal/roll.h"
#include "core/journal/seal.h"

#include <pthread.h>

enum { BATON_HEAD_ERASED = 1, BATON_HEAD_DAMAGED = 2 };
enum { BATON_HEADS_SHARDS = 16, BATON_HEADS_CLEAN_MAX = 16384 };
enum { BATON_SKIP = 64 }; /* every how many records a session's chain can be walked in one step */

struct baton_head {
	uint64_t seq; /* 0: there is no such session */
	uint64_t epoch;
	uint64_t position, skip_position; /* of the newest row, and its link (stored.h) */
	uint32_t marks, slot, flags;
	uint32_t more; /* records that lie before the newest one in its row */
	uint8_t hash[BATON_HASH_BYTES]; /* of the newest row */
};

/* Where the row that follows finds its session's newest one with a seq divisible by BATON_SKIP. */
static inline uint64_t baton_head_skip(const struct baton_head *head)
{
	bool is_here = head->seq / BATON_SKIP * BATON_SKIP >= head->seq - head->more;
	return is_here ? head->position : head->skip_position;
}

struct baton_head_entry {
	struct baton_rolled rolled;        /* first: holds the id */
	struct baton_head now;             /* committed; written by the writer under the shard's lock */
	struct baton_head_entry *dirtied;  /* writer: the one that became dirty after it */
	struct baton_op *snapshot;         /* writer: waits for the next index write */
	uint32_t change;                   /* writer: its place in the batch, counted from 1; or 0 */
	bool dirty;                        /* not in the index yet; written under the lock */
	bool is_used;                      /* writer: again, since it was looked at to be dropped */
};

/* What a batch makes of a head. */
struct baton_head_change {
	struct baton_head_entry *entry;
	struct baton_head next;
};

struct baton_heads {
	struct {
		pthread_mutex_t lock;
		struct baton_roll roll;
	} shards[BATON_HEADS_SHARDS];
	/* writer only */
	struct baton_head_entry *dirty, *dirty_last; /* oldest first */
	struct baton_head_change *changes;
	size_t n_changes, cap_changes;
	size_t n_clean, hand; /* hand: the shard whose roll is turned next */
};

void baton_heads_init(struct baton_heads *heads);
void baton_heads_done(struct baton_heads *heads);

/* [any thread] True if the session is in memory; then *ret_head is its committed head. */
bool baton_heads_get(struct baton_heads *heads, const struct baton_id *id,
		     struct baton_head *ret_head);
/* [any thread] Tells every head that the index does not know. `each` must not call back. */
void baton_heads_each_dirty(struct baton_heads *heads,
			    void (*each)(void *ud, const struct baton_head_entry *entry), void *ud);

/* --- the rest is for the writer's thread ------------------------------------------------------ */

/* NULL if it is not in memory. */
struct baton_head_entry *baton_heads_find(struct baton_heads *heads, const struct baton_id *id);
/* A clean entry with this committed head (as the index has it, or all zero: no such session). */
struct baton_head_entry *baton_heads_add(struct baton_heads *heads, const struct baton_id *id,
					 const struct baton_head *head);
/* Makes the entry part of the batch: what its head will be, which begins as `now`. Until the next
 * call. */
struct baton_head *baton_heads_touch(struct baton_heads *heads, struct baton_head_entry *entry);
/* The batch has committed (what was touched becomes `now`, dirty) or not (it is forgotten). */
void baton_heads_settle(struct baton_heads *heads, bool committed);
/* Changes a committed head outside of a batch. */
void baton_heads_set(struct baton_heads *heads, struct baton_head_entry *entry,
		     const struct baton_head *head);
/* A snapshot waits, or the head changed: the next index write must see the entry. */
void baton_heads_dirty(struct baton_heads *heads, struct baton_head_entry *entry);
/* The index knows the oldest dirty one now. */
void baton_heads_cleaned(struct baton_heads *heads);
/* Drops what was not used for long, down to BATON_HEADS_CLEAN_MAX. */
void baton_heads_trim(struct baton_heads *heads);
