/* SPDX-License-Identifier: Apache-2.0 */

/* The indexes that are written behind: heads, work and snapshots, with the position up to which
 * they are true. A start reads the log from there on. Rows may be ahead of that position (a write
 * in several transactions, an erase), never behind it. */
#include "core/base/assert.h"
#include "core/base/errors.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/journal/inside.h"

/* Pages that one put into a tree of any depth we reach can dirty: its path, twice for splits. */
enum { PAGES_PER_PUT = 8, SNAPSHOT_BATCH_BYTES = 8 * 1024 * 1024 };

/* Looks with a read transaction of its own: a damaged page spoils the transaction that meets it and
 * must not spoil a batch. The table is the writer's own; nothing of it is pending. */
static int index_head(struct baton_journal *journal, const struct baton_id *session,
		      struct baton_head *ret_head)
{
	MDB_txn *txn;
	MDB_val value;
	int rc = baton_store_look(&journal->store, &txn);
	if (rc < 0)
		return rc;
	rc = baton_store_get(&journal->store, txn, BATON_TABLE_HEADS, baton_store_key(session),
			     &value);
	if (rc == 0)
		rc = baton_row_head_read(session, &value, ret_head);
	baton_store_looked(&journal->store, &txn);
	return rc == BATON_E_NOTFOUND ? 0 : rc;
}

int baton_index_entry(struct baton_journal *journal, const struct baton_id *session,
		      struct baton_head_entry **ret_entry)
{
	struct baton_head head = { 0 };
	struct baton_head_entry *entry = baton_heads_find(&journal->heads, session);
	if (!entry) {
		int rc = index_head(journal, session, &head);
		if (rc < 0)
			return rc;
		entry = baton_heads_add(&journal->heads, session, &head);
	}
	*ret_entry = entry;
	return 0;
}

/* --- replay ----------------------------------------------------------------------------------- */

static void replay_damaged(struct baton_journal *journal, struct baton_head_entry *entry,
			   uint64_t position, const struct baton_stored *frame)
{
	struct baton_head head = entry->now;
	baton_log(BATON_LOG_ERROR, "record_damaged", "duus", "session", &frame->session, "position",
		  position, "seq", frame->seq, "hint", "run baton fsck");
	head.flags |= BATON_HEAD_DAMAGED;
	if (head.seq == 0)
		head.seq = frame->seq;
	baton_heads_set(&journal->heads, entry, &head);
}

static int replay_record(void *ud, uint64_t position, const struct baton_stored *frame)
{
	struct baton_journal *journal = ud;
	struct baton_head_entry *entry;
	if (!frame) { /* whose it was cannot be told; that session's next record will miss it */
		baton_log(BATON_LOG_ERROR, "record_damaged", "us", "position", position, "hint",
			  "run baton fsck");
		return 0;
	}
	int rc = baton_index_entry(journal, &frame->session, &entry);
	if (rc < 0)
		return rc == BATON_E_CORRUPT ? 0 : rc;

	struct baton_head head = entry->now;
	if (baton_tail_follow(&journal->seal, &head, position, frame) < 0)
		replay_damaged(journal, entry, position, frame);
	else if (head.seq != entry->now.seq)
		baton_heads_set(&journal->heads, entry, &head);
	return 0;
}

int baton_index_replay(struct baton_journal *journal)
{
	MDB_txn *txn;
	uint64_t indexed = 0, last = 0;
	int rc = baton_store_look(&journal->store, &txn);
	if (rc < 0)
		return rc;

	rc = baton_store_indexed(&journal->store, txn, &indexed);
	if (rc == 0)
		rc = baton_store_last(&journal->store, txn, &last);
	if (rc == 0 && indexed > last)
		rc = BATON_E_CORRUPT;
	atomic_store(&journal->last_position, last);
	atomic_store(&journal->indexed_position, indexed);
	if (rc == 0)
		rc = baton_tail_walk(&journal->store, txn, indexed, replay_record, journal);
	baton_store_looked(&journal->store, &txn);
	if (rc < 0)
		baton_log(BATON_LOG_ERROR, "journal_index_damaged", "us", "indexed", indexed,
			  "hint", "run baton fsck --repair");
	return rc;
}

/* --- writing ---------------------------------------------------------------------------------- */

static int put_row(struct baton_journal *journal, MDB_txn *txn, enum baton_table table, MDB_val key,
		   MDB_val value)
{
	return baton_store_mdb_put(txn, journal->store.table[table], &key, &value, 0);
}

static int drop_row(struct baton_journal *journal, MDB_txn *txn, enum baton_table table,
		    MDB_val key)
{
	int rc = baton_store_mdb_del(txn, journal->store.table[table], &key);
	return rc == MDB_NOTFOUND ? 0 : rc;
}

static int index_put_snapshot(struct baton_journal *journal, MDB_txn *txn,
			      struct baton_head_entry *entry)
{
	MDB_val key = baton_store_key(&entry->rolled.id);
	const struct baton_op *snapshot = entry->snapshot;
	/* One of a record that was never written would be a lie after a crash. */
	if (!snapshot || snapshot->snapshot_seq > entry->now.seq ||
	    (entry->now.flags & BATON_HEAD_ERASED))
		return 0;
	return put_row(journal, txn, BATON_TABLE_SNAPSHOTS, key,
		       baton_store_val(snapshot->bytes, snapshot->bytes_n));
}

/* LMDB's code. */
static int index_put(struct baton_journal *journal, MDB_txn *txn, struct baton_head_entry *entry)
{
	uint8_t head[BATON_HEAD_ROW], work[BATON_WORK_ROW];
	const struct baton_head *now = &entry->now;
	MDB_val key = baton_store_key(&entry->rolled.id);
	if (now->seq == 0)
		return 0; /* a snapshot of a session that never was */

	baton_row_head(&entry->rolled.id, now, head);
	int rc = put_row(journal, txn, BATON_TABLE_HEADS, key, baton_store_val(head, sizeof(head)));
	if (rc)
		return rc;
	if (baton_row_is_work(now->marks, now->flags)) {
		baton_row_work(&entry->rolled.id, now->seq, now->marks, work);
		rc = put_row(journal, txn, BATON_TABLE_WORK, key,
			     baton_store_val(work, sizeof(work)));
	} else {
		rc = drop_row(journal, txn, BATON_TABLE_WORK, key);
	}
	return rc ? rc : index_put_snapshot(journal, txn, entry);
}

static void index_done(struct baton_journal *journal)
{
	struct baton_head_entry *entry = journal->heads.dirty;
	if (entry->snapshot) {
		journal->snapshot_bytes -= entry->snapshot->bytes_n;
		baton_free(entry->snapshot);
		entry->snapshot = NULL;
	}
	baton_heads_cleaned(&journal->heads);
}

/* One transaction: as many dirty entries as fit, from the oldest. With the last of them goes the
 * position. *ret_n entries are in it. */
static int index_txn(struct baton_journal *journal, MDB_txn *txn, size_t *ret_n,
		     uint64_t *ret_pages)
{
	size_t n = 0, bytes = 0;
	int rc = 0;
	struct baton_head_entry *entry = journal->heads.dirty;
	for (; entry && n < BATON_INDEX_PUTS && bytes < SNAPSHOT_BATCH_BYTES && rc == 0;
	     entry = entry->dirtied, n++) {
		rc = index_put(journal, txn, entry);
		bytes += entry->snapshot ? entry->snapshot->bytes_n : 0;
	}
	if (rc == 0 && !entry)
		rc = baton_store_put_indexed(&journal->store, txn,
					     atomic_load(&journal->last_position));
	*ret_n = n;
	*ret_pages = (3 * n + 1) * PAGES_PER_PUT + 2 * bytes / journal->store.page_bytes;
	return rc;
}

static int index_step(struct baton_journal *journal)
{
	MDB_txn *txn;
	size_t n = 0;
	uint64_t pages = 0;
	struct baton_store *store = &journal->store;
	int rc = mdb_txn_begin(store->env, NULL, 0, &txn);
	if (rc == 0) {
		rc = index_txn(journal, txn, &n, &pages);
		if (rc == 0)
			rc = baton_space_commit(&journal->space, txn, pages);
		else
			mdb_txn_abort(txn);
	}
	if (rc == MDB_MAP_FULL && baton_store_grow(store) == 0)
		return BATON_E_AGAIN;
	if (rc)
		return baton_store_rc(store, rc, pages * store->page_bytes);

	for (; n; n--)
		index_done(journal);
	if (!journal->heads.dirty)
		atomic_store(&journal->indexed_position, atomic_load(&journal->last_position));
	return 0;
}

/* A reader of another process may have been killed. Looked for here because this comes now and
 * then, and only while something is written. */
static void index_sweep(struct baton_journal *journal)
{
	uint64_t now = baton_file_now_us();
	if (now < journal->sweep_due_us)
		return;
	journal->sweep_due_us = now + BATON_SWEEP_US;
	baton_store_sweep(&journal->store);
}

int baton_index_write(struct baton_journal *journal)
{
	int rc = 0;
	uint64_t lag =
		atomic_load(&journal->last_position) - atomic_load(&journal->indexed_position);
	journal->index_due_us = 0;
	index_sweep(journal);
	if (!journal->heads.dirty && lag == 0)
		return 0;

	do
		rc = index_step(journal);
	while (rc == BATON_E_AGAIN || (rc == 0 && journal->heads.dirty));
	baton_heads_trim(&journal->heads);
	if (rc == 0) {
		journal->index_failed = false;
		return 0;
	}

	/* What it would have said is in memory and in the log: a later write catches up. */
	journal->index_due_us = baton_file_now_us() + 5 * BATON_INDEX_LAG_US;
	if (rc == BATON_E_IO || rc == BATON_E_CORRUPT)
		baton_writer_broken(journal, "index", baton_error_info(rc)->text);
	else if (!journal->index_failed)
		baton_log(BATON_LOG_WARN, "journal_index_behind", "us", "records", lag, "why",
			  baton_error_info(rc)->text);
	journal->index_failed = true;
	return rc;
}

/* --- erasing ---------------------------------------------------------------------------------- */

static int erase_txn(struct baton_journal *journal, MDB_txn *txn, struct baton_head_entry *entry,
		     const struct baton_head *head)
{
	uint8_t row[BATON_HEAD_ROW];
	MDB_val key = baton_store_key(&entry->rolled.id);
	baton_row_head(&entry->rolled.id, head, row);
	int rc = drop_row(journal, txn, BATON_TABLE_SNAPSHOTS, key);
	if (rc == 0)
		rc = drop_row(journal, txn, BATON_TABLE_WORK, key);
	if (rc == 0)
		rc = put_row(journal, txn, BATON_TABLE_HEADS, key,
			     baton_store_val(row, sizeof(row)));
	return rc;
}

int baton_index_erase(struct baton_journal *journal, struct baton_head_entry *entry)
{
	MDB_txn *txn;
	struct baton_store *store = &journal->store;
	struct baton_head head = entry->now;
	head.flags |= BATON_HEAD_ERASED;
	baton_heads_set(&journal->heads, entry,
			&head); /* stays dirty: the next index write repeats it */

	int rc;
	do {
		rc = mdb_txn_begin(store->env, NULL, 0, &txn);
		if (rc == 0) {
			rc = erase_txn(journal, txn, entry, &head);
			if (rc == 0)
				rc = baton_space_commit(&journal->space, txn, 4 * PAGES_PER_PUT);
			else
				mdb_txn_abort(txn);
		}
	} while (rc == MDB_MAP_FULL && baton_store_grow(store) == 0);
	return baton_store_rc(store, rc, store->page_bytes * 4ull * PAGES_PER_PUT);
}
