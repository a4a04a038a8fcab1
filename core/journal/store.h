/* SPDX-License-Identifier: Apache-2.0 */

/* The LMDB side of the journal: the environment, its tables, how rows look, what its errors mean.
 * Nothing else in Baton includes lmdb.h. */
#pragma once

#include "core/journal/heads.h"
#include "core/journal/journal.h"
#include "core/journal/keys.h"

#include <lmdb.h>

enum baton_table {
	BATON_TABLE_LOG,       /* position -> record (stored.h); append only */
	BATON_TABLE_HEADS,     /* session -> head; written behind */
	BATON_TABLE_WORK,      /* session -> seq, marks, while it needs somebody; written behind */
	BATON_TABLE_SNAPSHOTS, /* session -> sealed state; written behind */
	BATON_TABLE_KV,        /* small durable values */
	BATON_TABLE_ABOUT,     /* "schema", "indexed": position up to which the indexes are true */
	BATON_TABLES
};

enum {
	BATON_HEAD_ROW = 96,
	BATON_WORK_ROW = 24,
	BATON_SNAPSHOT_EXTRA =
		32 + BATON_TAG_BYTES, /* what a snapshot's row has besides its bytes */
	BATON_SNAPSHOT_BYTES_MAX = 1024 * 1024,
	BATON_KV_KEY_MAX = 500, /* LMDB's bound is 511 */
	BATON_KV_BYTES_MAX = 1024 * 1024
};

struct baton_store {
	MDB_env *env;
	MDB_dbi table[BATON_TABLES];
	uint32_t page_bytes;
	int lock_fd; /* holds the directory; -1 if read only */
	bool read_only;
	bool is_held; /* after a failed open: by another process */
	long holder;  /* its pid, or 0 */
	struct baton_keys keys;
	pthread_rwlock_t resize; /* read transactions against a change of the map */
	uint64_t map_bytes_max;
	_Atomic uint64_t map_bytes, used_bytes;
	const uint8_t *_Atomic map; /* where the file is mapped; for readers' bounds */
	char data_path[4096];
};

/* Takes the directory (not if read only), checks the file's pages (all of them with `pages_all`;
 * findings to `tell`), opens environment, tables and keys. 0 or as baton_journal_open(); on failure
 * all is closed. */
struct baton_store_way {
	bool may_create, pages_all;
	void (*tell)(void *ud, const char *line);
	void *ud;
};
int baton_store_open(struct baton_store *store, const struct baton_journal_options *options,
		     const struct baton_store_way *way);
void baton_store_close(struct baton_store *store);

/* What an error of LMDB means: BATON_E_FULL, _NOTFOUND, _CORRUPT, _IO; 0 stays 0. `wanted` bytes
 * were to be written: a short write is EIO to LMDB, and only the free space tells the two apart. */
int baton_store_rc(struct baton_store *store, int mdb_rc, uint64_t wanted);

/* A read transaction, short: while it is open the map cannot grow, here, and no page that it sees
 * can be used again, in any process. 0 or BATON_E_IO, _AGAIN. */
int baton_store_look(struct baton_store *store, MDB_txn **ret_txn);
void baton_store_looked(struct baton_store *store, MDB_txn **txn);
/* A value inside a read transaction, checked to lie within the file. 0, _NOTFOUND, _CORRUPT,
 * _IO. */
int baton_store_get(struct baton_store *store, MDB_txn *txn, enum baton_table table, MDB_val key,
		    MDB_val *ret_value);
bool baton_store_inside(struct baton_store *store, const MDB_val *value);
/* LMDB's calls that walk pages, with its own code as result. An assertion that fails inside (a
 * damaged page) would end the process; here it is MDB_CORRUPTED. */
int baton_store_mdb_get(MDB_txn *txn, MDB_dbi dbi, MDB_val *key, MDB_val *value);
int baton_store_mdb_put(MDB_txn *txn, MDB_dbi dbi, MDB_val *key, MDB_val *value, unsigned flags);
/* Puts behind the cursor's last row; the key is larger than all there are. */
int baton_store_mdb_append(MDB_cursor *cursor, MDB_val *key, MDB_val *value);
int baton_store_mdb_del(MDB_txn *txn, MDB_dbi dbi, MDB_val *key);
int baton_store_mdb_move(MDB_cursor *cursor, MDB_val *key, MDB_val *value, MDB_cursor_op op);
/* Doubles the map, between transactions of the caller's. 0, BATON_E_FULL (at its bound), _IO. */
int baton_store_grow(struct baton_store *store);
/* Frees the places of readers whose process has died; until then the pages they saw are kept and
 * the file grows. How many there were. */
int baton_store_sweep(struct baton_store *store);
/* Refreshes used_bytes. */
void baton_store_measure(struct baton_store *store);

static inline MDB_val baton_store_key(const struct baton_id *id)
{
	union {
		const void *in;
		void *out;
	} p = { id->b }; /* LMDB's MDB_val has no const */
	MDB_val v = { sizeof(id->b), p.out };
	return v;
}
static inline MDB_val baton_store_val(const void *bytes, size_t n)
{
	union {
		const void *in;
		void *out;
	} p = { bytes };
	MDB_val v = { n, p.out };
	return v;
}

/* Rows carry a checksum of themselves and their key, since LMDB has none. */
void baton_row_head(const struct baton_id *id, const struct baton_head *head,
		    uint8_t row[BATON_HEAD_ROW]);
int baton_row_head_read(const struct baton_id *id, const MDB_val *value,
			struct baton_head *ret_head);
void baton_row_work(const struct baton_id *id, uint64_t seq, uint32_t marks,
		    uint8_t row[BATON_WORK_ROW]);
int baton_row_work_read(const struct baton_id *id, const MDB_val *value, uint64_t *ret_seq,
			uint32_t *ret_marks);
uint64_t baton_row_sum(const void *key, size_t key_n, const void *bytes, size_t n);
/* True if marks say that the session needs somebody, so that it has a row in the work table. */
static inline bool baton_row_is_work(uint32_t marks, uint32_t flags)
{
	uint32_t needs = BATON_MARK_TURN_OPEN | BATON_MARK_CASE_WAITING | BATON_MARK_CASE_CLAIMED |
			 BATON_MARK_HELD;
	return (marks & needs) && !(flags & BATON_HEAD_ERASED);
}
struct baton_snapshot {
	uint64_t seq;
	uint32_t slot;
	baton_str bytes;
};
/* A snapshot's row: seq, slot, nonce, sealed bytes. `out` takes bytes.n + BATON_SNAPSHOT_EXTRA. */
void baton_row_snapshot(struct baton_seal *seal, const uint8_t key[BATON_KEY_BYTES],
			const struct baton_id *id, const struct baton_snapshot *snapshot,
			uint8_t *out);
/* Verifies and appends the bytes to `out`. 0 or BATON_E_CORRUPT. */
int baton_row_snapshot_read(struct baton_seal *seal, const uint8_t key[BATON_KEY_BYTES],
			    const struct baton_id *id, const MDB_val *value, struct baton_buf *out);
uint64_t baton_row_snapshot_seq(const MDB_val *value);

/* The position up to which the indexes are true. Read: 0 with 0 if never written; _CORRUPT. */
int baton_store_indexed(struct baton_store *store, MDB_txn *txn, uint64_t *ret_position);
int baton_store_put_indexed(struct baton_store *store, MDB_txn *txn,
			    uint64_t position); /* an LMDB code */
/* Newest position of the log; 0 if it is empty. 0 or BATON_E_CORRUPT, _IO. */
int baton_store_last(struct baton_store *store, MDB_txn *txn, uint64_t *ret_position);
