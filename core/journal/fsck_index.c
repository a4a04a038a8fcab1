/* SPDX-License-Identifier: Apache-2.0 */

/* The second half of fsck: the indexes against what the log says, and building them anew. Nothing
 * here changes a record but its links, which are no part of what is sealed. */
#include "core/base/errors.h"
#include "core/base/mem.h"
#include "core/journal/fsck.h"

enum { REPAIR_PUTS = 2048 };

static void index_wrong(struct baton_fsck *fsck, const struct baton_id *id, const char *what)
{
	char text[BATON_ID_TEXT + 1];
	baton_id_text(id, text);
	baton_fsck_wrong(fsck, "index: session %s: %s", text, what);
	fsck->index_errors++;
}

/* A row is right if it is that of the newest record, or of an older one that is not indexed yet. */
static void head_row(struct baton_fsck *fsck, const struct baton_id *id, const MDB_val *value)
{
	struct baton_head row;
	struct baton_fsck_session *session = baton_fsck_find(fsck, id);
	if (!session) {
		index_wrong(fsck, id, "has a head but no record");
		return;
	}
	session->has_row = true;
	if (baton_row_head_read(id, value, &row) < 0) {
		index_wrong(fsck, id, "its head is damaged");
		return;
	}
	const struct baton_head *head = &session->head;
	if (row.seq > head->seq || row.seq < session->indexed_seq)
		index_wrong(fsck, id, "its head is of another record");
	else if (row.seq == head->seq &&
		 (row.position != head->position || row.skip_position != head->skip_position ||
		  row.epoch != head->epoch || row.marks != head->marks || row.slot != head->slot ||
		  row.more != head->more || memcmp(row.hash, head->hash, sizeof(row.hash)) != 0))
		index_wrong(fsck, id, "its head differs from its newest record");
	else if ((row.flags & BATON_HEAD_ERASED) && !session->is_erased)
		index_wrong(fsck, id, "is said to be erased but has a key");
	else if (!(row.flags & BATON_HEAD_ERASED) && session->is_erased)
		index_wrong(fsck, id, "is erased but not said to be");
}

static void work_row(struct baton_fsck *fsck, const struct baton_id *id, const MDB_val *value)
{
	uint64_t seq = 0;
	uint32_t marks = 0;
	const struct baton_fsck_session *session = baton_fsck_find(fsck, id);
	if (!session)
		index_wrong(fsck, id, "is said to need somebody but has no record");
	else if (baton_row_work_read(id, value, &seq, &marks) < 0)
		index_wrong(fsck, id, "its work row is damaged");
	else if (seq > session->head.seq || seq < session->indexed_seq ||
		 (seq == session->head.seq && marks != session->head.marks))
		index_wrong(fsck, id, "its work row is of another record");
}

/* What is wrong with a snapshot's row; NULL if nothing is. */
static const char *snapshot_problem(struct baton_fsck *fsck, const struct baton_id *id,
				    const MDB_val *value)
{
	uint8_t key[BATON_KEY_BYTES];
	struct baton_buf clear = { 0 };
	const struct baton_fsck_session *session = baton_fsck_find(fsck, id);
	if (!session)
		return "has a snapshot but no record";
	if (session->is_erased)
		return "is erased but has a snapshot";
	if (baton_row_snapshot_seq(value) > session->head.seq)
		return "its snapshot is newer than its records";

	int rc = baton_keys_get(&fsck->store.keys, &fsck->seal, session->head.slot, id, key);
	if (rc == 0)
		rc = baton_row_snapshot_read(&fsck->seal, key, id, value, &clear);
	if (clear.p)
		baton_seal_forget(clear.p, clear.cap);
	baton_buf_done(&clear);
	baton_seal_forget(key, sizeof(key));
	return rc < 0 ? "its snapshot does not open" : NULL;
}

static void snapshot_row(struct baton_fsck *fsck, const struct baton_id *id, const MDB_val *value)
{
	const char *problem = snapshot_problem(fsck, id, value);
	if (problem)
		index_wrong(fsck, id, problem);
}

static void kv_row(struct baton_fsck *fsck, const MDB_val *key, const MDB_val *value)
{
	uint64_t sum = 0;
	const uint8_t *p = value->mv_data;
	if (value->mv_size >= sizeof(sum)) {
		memcpy(&sum, p, sizeof(sum));
		if (sum == baton_row_sum(key->mv_data, key->mv_size, p + sizeof(sum),
					 value->mv_size - sizeof(sum)))
			return;
	}
	baton_fsck_wrong(fsck, "kv: the value of \"%.*s\" is damaged", (int)key->mv_size,
			 (const char *)key->mv_data);
}

static void table_row(struct baton_fsck *fsck, enum baton_table table, const MDB_val *key,
		      const MDB_val *value)
{
	struct baton_id id;
	if (!baton_store_inside(&fsck->store, key) || !baton_store_inside(&fsck->store, value)) {
		baton_fsck_wrong(fsck, "index: a row lies outside of the file");
		return;
	}
	if (table == BATON_TABLE_KV) {
		kv_row(fsck, key, value);
		return;
	}
	if (key->mv_size != sizeof(id.b)) {
		baton_fsck_wrong(fsck, "index: a key is no session id");
		fsck->index_errors++;
		return;
	}
	memcpy(id.b, key->mv_data, sizeof(id.b));
	if (table == BATON_TABLE_HEADS)
		head_row(fsck, &id, value);
	else if (table == BATON_TABLE_WORK)
		work_row(fsck, &id, value);
	else
		snapshot_row(fsck, &id, value);
}

static int table_check(struct baton_fsck *fsck, MDB_txn *txn, enum baton_table table)
{
	MDB_cursor *cursor;
	MDB_val key, value;
	if (mdb_cursor_open(txn, fsck->store.table[table], &cursor))
		return BATON_E_IO;
	int rc = baton_store_mdb_move(cursor, &key, &value, MDB_FIRST);
	for (; rc == 0; rc = baton_store_mdb_move(cursor, &key, &value, MDB_NEXT))
		table_row(fsck, table, &key, &value);
	mdb_cursor_close(cursor);
	return rc == MDB_NOTFOUND ? 0 : baton_store_rc(&fsck->store, rc, 0);
}

/* Rows that should be there: of sessions whose newest record the index claims to know. */
static void rows_missing(struct baton_fsck *fsck, MDB_txn *txn)
{
	struct baton_fsck_session *session, *tmp;
	HASH_ITER(hh, fsck->sessions, session, tmp) {
		MDB_val value;
		const struct baton_head *head = &session->head;
		bool is_indexed = session->indexed_seq == head->seq;
		if (session->indexed_seq && !session->has_row)
			index_wrong(fsck, &session->id, "has no head");
		int rc = baton_store_get(&fsck->store, txn, BATON_TABLE_WORK,
					 baton_store_key(&session->id), &value);
		bool is_work = baton_row_is_work(head->marks, head->flags);
		if (is_indexed && is_work != (rc == 0))
			index_wrong(fsck, &session->id,
				    is_work ? "needs somebody but has no work row"
					    : "needs nobody but has a work row");
	}
}

int baton_fsck_indexes(struct baton_fsck *fsck, MDB_txn *txn)
{
	int rc = table_check(fsck, txn, BATON_TABLE_HEADS);
	if (rc == 0)
		rc = table_check(fsck, txn, BATON_TABLE_WORK);
	if (rc == 0)
		rc = table_check(fsck, txn, BATON_TABLE_SNAPSHOTS);
	if (rc == 0)
		rc = table_check(fsck, txn, BATON_TABLE_KV);
	if (rc == 0)
		rows_missing(fsck, txn);
	return rc;
}

/* --- repair ----------------------------------------------------------------------------------- */

static void repair_restart(struct baton_fsck *fsck)
{
	struct baton_fsck_session *session, *tmp;
	HASH_ITER(hh, fsck->sessions, session, tmp)
		session->has_row = false;
}

/* Runs `step` in transactions until it says that it is done; each is tried again in a larger
 * map. */
static int repair_steps(struct baton_fsck *fsck,
			int (*step)(struct baton_fsck *fsck, MDB_txn *txn, bool *done), bool *done)
{
	int rc = 0;
	while (rc == 0 && !*done) {
		MDB_txn *txn;
		rc = mdb_txn_begin(fsck->store.env, NULL, 0, &txn);
		if (rc)
			break;
		rc = step(fsck, txn, done);
		if (rc == 0)
			rc = mdb_txn_commit(txn);
		else
			mdb_txn_abort(txn);
		baton_store_measure(&fsck->store);
		if (rc == MDB_MAP_FULL && baton_store_grow(&fsck->store) == 0) {
			repair_restart(fsck);
			*done = false;
			rc = 0;
		}
	}
	return baton_store_rc(&fsck->store, rc, 0);
}

static int repair_link(struct baton_fsck *fsck, MDB_txn *txn, const struct baton_fsck_link *link)
{
	MDB_val key = baton_store_val(&link->position, sizeof(link->position)), value;
	int rc = baton_store_mdb_get(txn, fsck->store.table[BATON_TABLE_LOG], &key, &value);
	if (rc)
		return rc;
	uint8_t *copy = (uint8_t *)baton_memdupz(value.mv_data, value.mv_size);
	baton_stored_link(copy, link->prev_position, link->skip_position);
	value.mv_data = copy;
	rc = baton_store_mdb_put(txn, fsck->store.table[BATON_TABLE_LOG], &key, &value, 0);
	baton_free(copy);
	return rc;
}

/* Empties the tables, mends the links. From here on the index claims nothing, so that a crash
 * before the end leaves a journal that replays its whole log. */
static int repair_begin(struct baton_fsck *fsck, MDB_txn *txn, bool *done)
{
	int rc = mdb_drop(txn, fsck->store.table[BATON_TABLE_HEADS], 0);
	if (rc == 0)
		rc = mdb_drop(txn, fsck->store.table[BATON_TABLE_WORK], 0);
	for (size_t i = 0; i < fsck->n_links && rc == 0; i++)
		rc = repair_link(fsck, txn, &fsck->links[i]);
	*done = rc == 0;
	return rc ? rc : baton_store_put_indexed(&fsck->store, txn, 0);
}

static int repair_session(struct baton_fsck *fsck, MDB_txn *txn,
			  const struct baton_fsck_session *session)
{
	uint8_t head[BATON_HEAD_ROW], work[BATON_WORK_ROW];
	const struct baton_head *now = &session->head;
	MDB_val key = baton_store_key(&session->id), value = baton_store_val(head, sizeof(head));
	baton_row_head(&session->id, now, head);
	int rc = baton_store_mdb_put(txn, fsck->store.table[BATON_TABLE_HEADS], &key, &value, 0);
	if (rc || !baton_row_is_work(now->marks, now->flags))
		return rc;
	baton_row_work(&session->id, now->seq, now->marks, work);
	value = baton_store_val(work, sizeof(work));
	return baton_store_mdb_put(txn, fsck->store.table[BATON_TABLE_WORK], &key, &value, 0);
}

/* Some of those that have no row yet (`has_row` was cleared before). */
static int repair_sessions(struct baton_fsck *fsck, MDB_txn *txn, bool *done)
{
	struct baton_fsck_session *session, *tmp;
	size_t n = 0;
	int rc = 0;
	HASH_ITER(hh, fsck->sessions, session, tmp) {
		if (session->has_row)
			continue;
		if (rc || n++ == REPAIR_PUTS)
			return rc;
		rc = repair_session(fsck, txn, session);
		session->has_row = rc == 0;
	}
	if (rc == 0)
		rc = baton_store_put_indexed(&fsck->store, txn, fsck->last);
	*done = rc == 0;
	return rc;
}

static bool snapshot_is_good(struct baton_fsck *fsck, const MDB_val *key, const MDB_val *value)
{
	struct baton_id id;
	if (key->mv_size != sizeof(id.b))
		return false;
	memcpy(id.b, key->mv_data, sizeof(id.b));
	return snapshot_problem(fsck, &id, value) == NULL;
}

/* A snapshot is only a short cut; without it the session is read from its records. */
static int repair_snapshots(struct baton_fsck *fsck, MDB_txn *txn, bool *done)
{
	MDB_cursor *cursor;
	MDB_val key, value;
	int rc = mdb_cursor_open(txn, fsck->store.table[BATON_TABLE_SNAPSHOTS], &cursor);
	if (rc)
		return rc;
	size_t n = 0;
	rc = baton_store_mdb_move(cursor, &key, &value, MDB_FIRST);
	for (; rc == 0 && n < REPAIR_PUTS;
	     rc = baton_store_mdb_move(cursor, &key, &value, MDB_NEXT)) {
		if (snapshot_is_good(fsck, &key, &value))
			continue;
		rc = mdb_cursor_del(cursor, 0);
		n++;
		if (rc)
			break;
	}
	mdb_cursor_close(cursor);
	*done = rc == MDB_NOTFOUND;
	return rc == MDB_NOTFOUND ? 0 : rc;
}

int baton_fsck_repair(struct baton_fsck *fsck)
{
	bool begun = false, sessions = false, snapshots = false;
	repair_restart(fsck);
	int rc = repair_steps(fsck, repair_begin, &begun);
	if (rc == 0)
		rc = repair_steps(fsck, repair_sessions, &sessions);
	if (rc == 0)
		rc = repair_steps(fsck, repair_snapshots, &snapshots);
	if (rc == 0)
		fsck->counts.repaired = fsck->index_errors;
	baton_fsck_note(fsck, rc ? "the index could not be rebuilt: %s" : "the index was rebuilt%s",
			rc ? baton_error_info(rc)->text : "");
	return rc;
}
