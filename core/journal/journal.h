/* SPDX-License-Identifier: Apache-2.0 */

/* The durable log: one ordered, sealed, hash-chained record sequence per session, in LMDB.
 *
 * One writer thread owns the write transaction. It takes what all lanes queued, checks every append
 * against the session's head (seq and owner epoch) inside the transaction, writes records in
 * position order (append-only keys), commits once, and wakes each lane. What is found by session is
 * an index, written behind; its tail is replayed at start.
 *
 * What is appended together lies together: a clear header (length, schema, session, hash of what
 * the session appended before; for each record seq, type, marks, unix ms, epoch), then the payloads
 * sealed with the session's own data key (AES-256-GCM, header as associated data). Data keys live
 * wrapped in a file of their own and are overwritten in place when a session is erased.
 *
 * Threads: journal_* functions are for any thread unless they say otherwise; a lane belongs to one.
 */
#pragma once

#include "core/base/id.h"
#include "core/base/limits.h"
#include "core/base/str.h"

struct baton_journal;
struct baton_lane;

/* What the session needs after this record; kept in the work index so that a start finds open
 * turns and waiting cases without reading the world. */
enum baton_marks {
	BATON_MARK_TURN_OPEN = 1,
	BATON_MARK_CASE_WAITING = 2,
	BATON_MARK_CASE_CLAIMED = 4,
	BATON_MARK_RESOLVED = 8,
	BATON_MARK_HELD = 16 /* automation goes on with it when a mode ends or a model is back */
};

struct baton_record {
	uint64_t seq, unix_ms;
	uint64_t epoch;    /* of the owner after this event */
	uint32_t type;     /* number of the event */
	uint32_t marks;    /* BATON_MARK_* after this event */
	baton_str payload; /* the event's JSON, in clear */
};

struct baton_journal_options {
	const char *path;       /* directory; created (0700) if missing */
	const char *key_path;   /* 32-byte master key; created (0600) if missing */
	uint64_t map_bytes;     /* first size; 0: 64 MiB */
	uint64_t map_bytes_max; /* it grows by doubling up to this; 0: 64 GiB */
	uint64_t reserve_bytes; /* free disk below which no new session begins; 0: 64 MiB */
	bool read_only;       /* another process may be writing; see baton_journal_open() */
	bool not_durable;         /* bench only: MDB_NOSYNC, to say what durability costs */
	uint32_t delay_commit_us; /* bench and tests only: makes every commit this much slower */
};

/* Opens or creates. Checks the file's size against its pages first (a truncated map would be
 * SIGBUS), clears stale readers, replays the index tail, starts the writer thread.
 * 0, or BATON_E_IO, _FULL, _CORRUPT, _DENIED (master key does not fit), _SCHEMA; one log line says what and why.
 *
 * With `read_only` nothing is created, locked or changed, and a server may run, start or stop
 * beside it: reads, snapshots, follow, work, get and figures tell what was committed when they
 * were called; all that writes is BATON_E_UNSUPPORTED, `wake` is never called. Each read by
 * session looks through the part of the log that is not indexed yet (a fifth of a second of it),
 * so this is for single questions. BATON_E_NOTFOUND: there is no journal. */
int baton_journal_open(const struct baton_journal_options *options,
		       struct baton_journal **ret_journal);
/* Commits what is queued, writes the index behind, stops the writer. All lanes must be closed. */
void baton_journal_close(struct baton_journal **journal);

struct baton_lane_events {
	void *ud;
	/* [any thread] something has been committed: call baton_lane_poll() on the lane's thread soon. */
	void (*wake)(void *ud);
	/* [lane's thread, inside baton_lane_poll] one call per accepted append, in order of acceptance.
	 * rc: 0 (durable), BATON_E_CONFLICT (head differs), _ERASED, _FULL, _IO. position: of its last record. */
	void (*committed)(void *ud, uint64_t ticket, int rc, uint64_t position);
};

int baton_lane_open(struct baton_journal *journal, const struct baton_lane_events *events,
		    struct baton_lane **ret_lane);
/* From now on what is put into the lane stays there until baton_lane_flush(), or until there is a
 * good commit of it: what gathers in one turn of a loop shares one wake-up and one sync. */
void baton_lane_gather(struct baton_lane *lane);
void baton_lane_flush(struct baton_lane *lane);
/* Appends still queued are committed but no longer told. */
void baton_lane_close(struct baton_lane **lane);

struct baton_append {
	struct baton_id session;
	uint64_t expected_seq; /* seq of the newest record before this; 0: a new session */
	uint64_t expected_epoch;
	const struct baton_record *records; /* seq = expected_seq + 1, ... */
	size_t n_records;                   /* 1..BATON_APPEND_RECORDS_MAX */
};

/* Seals and queues; everything is copied before it returns. Appends of one session go through one
 * lane, and may be pipelined: the second may expect what the first will write.
 * 0: `committed` will be called once with `ticket`. <0 (BATON_E_AGAIN, _TOO_BIG, _ERASED, _FULL,
 * _IO, _CORRUPT): nothing was queued. */
int baton_lane_append(struct baton_lane *lane, const struct baton_append *append, uint64_t ticket);
void baton_lane_poll(struct baton_lane *lane);

/* Calls `each` for up to `max` committed records of the session with seq > after, in order; stops
 * early if it returns false. Payloads live during the call. Returns how many were told, or
 * BATON_E_NOTFOUND (no such session), _ERASED, _CORRUPT, _IO. */
typedef bool baton_record_fn(void *ud, const struct baton_id *session,
			     const struct baton_record *record);
int64_t baton_lane_read(struct baton_lane *lane, const struct baton_id *session, uint64_t after,
			uint64_t max, baton_record_fn *each, void *ud);

/* Newest snapshot of a session (sealed like its records; written behind, so it may be older than
 * the last put and may be absent). get: 0 with *ret_seq and bytes in `out`, or BATON_E_NOTFOUND. */
struct baton_buf;
int baton_lane_snapshot_put(struct baton_lane *lane, const struct baton_id *session, uint64_t seq,
			    baton_str bytes);
int baton_lane_snapshot_get(struct baton_lane *lane, const struct baton_id *session,
			    uint64_t *ret_seq, struct baton_buf *out);
/* The session is no longer in memory: drop its cached key. */
void baton_lane_forget(struct baton_lane *lane, const struct baton_id *session);

/* Destroys the session's data key and snapshot; synchronous, durable when it returns 0. The chain
 * of sealed records stays and stays provable. */
int baton_journal_erase(struct baton_journal *journal, const struct baton_id *session);

/* Keys of what lies outside the log but is the session's (files): sealed with the session's data key,
 * so they go with it. What comes before its session's first record can only be under the master key;
 * it must be wrapped again, and the old wrap overwritten, once the session is there. */
enum baton_wrap_kind { BATON_WRAP_SESSION, BATON_WRAP_MASTER };
struct baton_wrap {
	uint8_t key[32];            /* in clear: forget it after use */
	uint8_t sealed[12 + 32 + 16]; /* what is kept */
};
/* [any thread] key -> sealed, sealed -> key; `thing` is bound in. 0, BATON_E_NOTFOUND (SESSION: there is no such session),
 * _ERASED, _CORRUPT (also: not this wrap), _IO. */
int baton_journal_wrap(struct baton_journal *journal, enum baton_wrap_kind kind,
		       const struct baton_id *session, const struct baton_id *thing,
		       struct baton_wrap *wrap);
int baton_journal_unwrap(struct baton_journal *journal, enum baton_wrap_kind kind,
			 const struct baton_id *session, const struct baton_id *thing,
			 struct baton_wrap *wrap);

/* Sessions that need somebody: any of the marks in `mask`. For the start and for the desk. */
typedef bool baton_work_fn(void *ud, const struct baton_id *session, uint64_t seq, uint32_t marks);
int baton_journal_work(struct baton_journal *journal, uint32_t mask, baton_work_fn *each, void *ud);

/* Followers. `after` and the positions told are global and rise by one per record. Erased sessions'
 * records are told with an empty payload. `position` of the newest record told is in *ret_last.
 * Returns how many were told or an error as baton_lane_read(). A damaged record is an error of the
 * call that would begin with it; *ret_last is then its position, or that of the last one which lies
 * in one piece with it, so that a follower may report it and go on behind it. */
int64_t baton_journal_follow(struct baton_journal *journal, uint64_t after, uint64_t max,
			     baton_record_fn *each, void *ud, uint64_t *ret_last);
uint64_t baton_journal_last_position(struct baton_journal *journal);
/* `wake` is called after commits, from the writer's thread; must only signal. NULL removes. One follower per `slot` 0..7. */
void baton_journal_on_commit(struct baton_journal *journal, unsigned slot, void (*wake)(void *ud),
			     void *ud);

/* Small durable values: followers' cursors ("cursor/<name>") and modules' kv ("kv/<module>/<key>").
 * put is synchronous and durable; get appends to `out`, 0 or BATON_E_NOTFOUND. */
int baton_journal_put(struct baton_journal *journal, baton_str key, baton_str value);
int baton_journal_get(struct baton_journal *journal, baton_str key, struct baton_buf *out);

struct baton_journal_stats {
	uint64_t records, commits, bytes, conflicts, refused_full, erased;
	uint64_t map_bytes, used_bytes, queued, index_lag /* positions not yet indexed */;
	uint64_t commit_us_sum, commit_us_max;
	uint64_t commit_us_buckets[16]; /* <= 64 us << i */
	int state;                      /* 0 healthy, BATON_E_FULL or BATON_E_IO */
};
void baton_journal_stats(struct baton_journal *journal, struct baton_journal_stats *ret_stats);

/* Walks everything: frames, seals, chains, gaps, heads, index, keys. Calls `report` for each
 * finding (is_error) and for progress. With `repair` the indexes are rebuilt from the log. The
 * journal must not be open elsewhere. 0 if no error was found (or all found were repaired),
 * BATON_E_CORRUPT, or why it could not run; BATON_E_STATE: another process has it open, and what
 * to do was reported. */
struct baton_fsck_counts {
	uint64_t sessions, records, bytes, erased, errors, repaired;
};
int baton_journal_fsck(const struct baton_journal_options *options, bool repair,
		       void (*report)(void *ud, bool is_error, const char *line), void *ud,
		       struct baton_fsck_counts *ret_counts);
