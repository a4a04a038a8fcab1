/* SPDX-License-Identifier: Apache-2.0 */

/* What the files of the journal share: the journal itself and what travels to the writer's thread.
 *
 * Ownership: an op belongs to whoever holds it: the lane that makes it, the queue, the writer, then
 * the lane again (appends) or the caller that waits (erase, put). The store and the heads are the
 * writer's to change; everybody reads them through store.h and heads.h. */
#pragma once

#include "core/base/buf.h"
#include "core/journal/file.h"
#include "core/journal/stored.h"
#include "core/journal/heads.h"
#include "core/journal/queue.h"
#include "core/journal/space.h"
#include "core/journal/store.h"

#include <semaphore.h>

enum {
	BATON_QUEUE_BYTES_MAX = 256 * 1024 * 1024, /* waiting for the writer; the memory bound */
	BATON_BATCH_BYTES_MAX = 16 * 1024 * 1024,  /* of one transaction: LMDB keeps it in memory */
	BATON_INDEX_LAG = 16384, /* records: an index write, and 25 ms at a start */
	BATON_INDEX_LAG_US = 200 * 1000,
	BATON_INDEX_LAG_MAX = 1024 * 1024, /* the index cannot be written: refuse */
	BATON_INDEX_PUTS = 4096,           /* of one index transaction */
	BATON_SWEEP_US = 10 * 1000 * 1000,
	BATON_FOLLOWERS = 8,
	BATON_LANE_ENTRIES = 8192, /* sessions with a cached key; more only while all are in use */
	BATON_GATHER_MAX = 64, /* beyond it a commit gains little, and the disk could be at work */
	BATON_COMMIT_BUCKETS = 16
};

enum baton_op_kind {
	BATON_OP_APPEND,
	BATON_OP_SNAPSHOT,
	BATON_OP_ERASE,
	BATON_OP_PUT,
	BATON_OP_BARRIER,
	BATON_OP_STOP /* the last one: the writer ends behind it */
};

struct baton_op {
	struct baton_op *next;
	enum baton_op_kind kind;
	int rc;
	struct baton_id session;
	size_t bytes_n;
	/* APPEND */
	struct baton_lane *lane;        /* who is told */
	struct baton_lane_entry *entry; /* the lane's own view of the session */
	uint64_t ticket, position;
	uint64_t expected_seq, expected_epoch;
	uint64_t epoch; /* after the last record */
	uint32_t marks, slot, n_frames, entry_generation;
	bool is_doomed; /* cannot succeed, only keeps its place */
	bool is_new;    /* begins a session: has a key */
	uint8_t hash[BATON_HASH_BYTES];
	union {
		struct baton_key_row *key; /* APPEND, is_new */
		uint64_t snapshot_seq;     /* SNAPSHOT */
		const struct baton_put *put; /* PUT: the waiting caller's */
	};
	sem_t *done;     /* all but appends and snapshots: the caller waits on its own stack */
	uint8_t bytes[]; /* APPEND: frames back to back; SNAPSHOT: the row */
};

struct baton_put {
	baton_str key, value;
};

struct baton_journal {
	struct baton_store store;
	struct baton_space space;
	struct baton_heads heads;
	struct baton_queue queue;
	pthread_t writer;
	bool has_writer, has_heads, read_only;
	_Atomic int state; /* 0, BATON_E_FULL, BATON_E_IO */
	uint64_t reserve_bytes;
	uint32_t delay_commit_us;
	_Atomic uint32_t lanes;

	_Atomic uint64_t queued, queued_bytes;
	_Atomic uint64_t last_position, indexed_position;

	pthread_mutex_t followers_lock;
	struct {
		void (*wake)(void *ud);
		void *ud;
	} followers[BATON_FOLLOWERS];

	_Atomic uint64_t records, commits, bytes, conflicts, refused_full, erased;
	_Atomic uint64_t commit_us_sum, commit_us_max, commit_us_buckets[BATON_COMMIT_BUCKETS];

	/* writer only */
	bool stopping;
	struct baton_seal seal;
	struct baton_op *backlog, *backlog_last;
	size_t snapshot_bytes;  /* waiting for the next index write */
	uint64_t index_due_us;  /* 0: nothing to index */
	uint64_t full_until_us; /* the disk is full: no new try before */
	uint64_t sweep_due_us;  /* when to look for readers that have died */
	bool index_failed;      /* said once */
};

struct baton_lane {
	struct baton_journal *journal;
	struct baton_lane_events events;
	struct baton_seal seal;
	struct baton_queue done;                   /* completed appends on their way back */
	struct baton_roll entries;
	uint64_t erasures; /* of the key file when the cached keys were taken */
	bool gathers;
	struct baton_op *gathered[BATON_GATHER_MAX]; /* in order; sealed when they are queued */
	size_t n_gathered;
	/* writer, while it completes a batch */
	struct baton_op *batch_newest, *batch_oldest;
	struct baton_lane *batch_next;
};

/* [any thread] The committed head. 0, BATON_E_NOTFOUND, _CORRUPT, _IO, _AGAIN. Does not look at
 * flags. */
int baton_journal_head(struct baton_journal *journal, const struct baton_id *session,
		       struct baton_head *ret_head);
/* As above, and the flags are answers: BATON_E_ERASED, _CORRUPT; also the session's key. */
int baton_journal_head_key(struct baton_journal *journal, struct baton_seal *seal,
			   const struct baton_id *session, struct baton_head *ret_head,
			   uint8_t ret_key[BATON_KEY_BYTES]);
/* [any thread] Queues the op and waits for its rc. BATON_E_UNSUPPORTED if read only. */
int baton_journal_wait(struct baton_journal *journal, struct baton_op *op);

/* --- tail.c: records that the index does not know yet ----------------------------------------- */

/* Tells the log's records behind position `after`; `frame` is NULL if it is damaged. Ends with the
 * log, or with what `each` returns if that is not 0. 0, BATON_E_CORRUPT, _IO, _SCHEMA. */
typedef int baton_tail_fn(void *ud, uint64_t position, const struct baton_stored *frame);
int baton_tail_walk(struct baton_store *store, MDB_txn *txn, uint64_t after, baton_tail_fn *each,
		    void *ud);
/* Moves the head on by a record of its session; one that it counts already changes nothing. 0, or
 * BATON_E_CORRUPT if the record does not follow: the head is unchanged then. */
int baton_tail_follow(struct baton_seal *seal, struct baton_head *head, uint64_t position,
		      const struct baton_stored *frame);
/* [any thread, read only] The head as the index and the log say now. 0, BATON_E_NOTFOUND, _CORRUPT,
 * _IO, _AGAIN, _SCHEMA. */
int baton_tail_head(struct baton_journal *journal, struct baton_seal *seal,
		    const struct baton_id *session, struct baton_head *ret_head);
/* [any thread, read only] Refreshes the two positions and the sizes. 0, BATON_E_CORRUPT, _IO,
 * _AGAIN. */
int baton_tail_measure(struct baton_journal *journal);

/* [writer, or open] Reads the log from `indexed` on into the heads. 0, BATON_E_CORRUPT, _IO. */
int baton_index_replay(struct baton_journal *journal);
/* [writer] Writes heads, work and snapshots behind. 0, BATON_E_FULL, _IO, _CORRUPT. */
int baton_index_write(struct baton_journal *journal);
/* [writer] The head entry of a session, from memory or the index; an empty one if there is none.
 * 0, BATON_E_CORRUPT, _IO. */
int baton_index_entry(struct baton_journal *journal, const struct baton_id *session,
		      struct baton_head_entry **ret_entry);
/* [writer] After the key is gone: drops rows, marks the head. 0, BATON_E_FULL, _IO. */
int baton_index_erase(struct baton_journal *journal, struct baton_head_entry *entry);

/* [writer's thread] */
void *baton_writer_run(void *ud);
/* [writer] From now on nothing is acknowledged. Logs the first time. */
void baton_writer_broken(struct baton_journal *journal, const char *what, const char *why);
