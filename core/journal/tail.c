/* SPDX-License-Identifier: Apache-2.0 */

/* The tail of the log: records that the indexes do not know yet. A start replays them into memory
 * (index.c). A journal that is open read only has no memory of heads, since another process changes
 * them; it reads what the index says and then the tail, in one transaction, at each question. The
 * tail is short: the writer indexes after 200 ms or 16,384 records, and refuses appends when it
 * cannot. */
#include "core/base/errors.h"
#include "core/journal/inside.h"

int baton_tail_walk(struct baton_store *store, MDB_txn *txn, uint64_t after, baton_tail_fn *each,
		    void *ud)
{
	MDB_cursor *cursor;
	uint64_t position = after + 1;
	MDB_val key = baton_store_val(&position, sizeof(position)), value;
	int rc = 0;
	if (mdb_cursor_open(txn, store->table[BATON_TABLE_LOG], &cursor))
		return BATON_E_IO;

	int mdb_rc = baton_store_mdb_move(cursor, &key, &value, MDB_SET_RANGE);
	for (; mdb_rc == 0 && rc == 0; position++) {
		struct baton_stored frame;
		uint64_t found = 0;
		if (key.mv_size == sizeof(found) && baton_store_inside(store, &key))
			memcpy(&found, key.mv_data, sizeof(found));
		if (!baton_store_inside(store, &value)) {
			rc = BATON_E_CORRUPT;
			break;
		}
		rc = baton_stored_read(value.mv_data, value.mv_size, &frame);
		const struct baton_stored *row = rc == 0 ? &frame : NULL;
		if (baton_stored_begin(position, found, row) == 0)
			rc = BATON_E_CORRUPT;
		else if (rc != BATON_E_SCHEMA)
			rc = each(ud, found, row);
		position = found;
		if (rc == 0)
			mdb_rc = baton_store_mdb_move(cursor, &key, &value, MDB_NEXT);
	}
	mdb_cursor_close(cursor);
	if (rc == 0 && mdb_rc != MDB_NOTFOUND)
		rc = baton_store_rc(store, mdb_rc, 0);
	return rc;
}

int baton_tail_follow(struct baton_seal *seal, struct baton_head *head, uint64_t position,
		      const struct baton_stored *frame)
{
	if (frame->seq <= head->seq)
		return 0; /* the index was ahead of its position */
	if (frame->first_seq != head->seq + 1 ||
	    memcmp(frame->prev_hash, head->hash, sizeof(head->hash)) != 0)
		return BATON_E_CORRUPT;

	head->seq = frame->seq;
	head->epoch = frame->epoch;
	head->marks = frame->marks;
	head->slot = frame->slot;
	head->more = frame->n_records - 1;
	head->skip_position = frame->skip_position;
	head->position = position;
	baton_stored_hash(seal, frame, head->hash);
	return 0;
}

/* --- read only -------------------------------------------------------------------------------- */

struct finder {
	struct baton_seal *seal;
	const struct baton_id *session;
	struct baton_head head;
};

static int finder_each(void *ud, uint64_t position, const struct baton_stored *frame)
{
	struct finder *finder = ud;
	struct baton_head *head = &finder->head;
	if (!frame || !baton_id_eq(&frame->session, finder->session))
		return 0;
	if (baton_tail_follow(finder->seal, head, position, frame) < 0) {
		head->flags |= BATON_HEAD_DAMAGED;
		head->seq = head->seq ? head->seq : frame->seq;
	}
	return 0;
}

static int finder_row(struct finder *finder, struct baton_store *store, MDB_txn *txn)
{
	MDB_val value;
	int rc = baton_store_get(store, txn, BATON_TABLE_HEADS, baton_store_key(finder->session),
				 &value);
	if (rc == 0)
		rc = baton_row_head_read(finder->session, &value, &finder->head);
	return rc == BATON_E_NOTFOUND ? 0 : rc;
}

int baton_tail_head(struct baton_journal *journal, struct baton_seal *seal,
		    const struct baton_id *session, struct baton_head *ret_head)
{
	MDB_txn *txn;
	uint64_t indexed = 0;
	struct baton_store *store = &journal->store;
	struct finder finder = { .seal = seal, .session = session };
	int rc = baton_store_look(store, &txn);
	if (rc < 0)
		return rc;

	rc = finder_row(&finder, store, txn);
	if (rc == 0)
		rc = baton_store_indexed(store, txn, &indexed);
	if (rc == 0)
		rc = baton_tail_walk(store, txn, indexed, finder_each, &finder);
	baton_store_looked(store, &txn);
	if (rc == 0 && finder.head.seq == 0)
		rc = BATON_E_NOTFOUND;
	if (rc == 0)
		*ret_head = finder.head;
	return rc;
}

int baton_tail_measure(struct baton_journal *journal)
{
	MDB_txn *txn;
	uint64_t indexed = 0, last = 0;
	struct baton_store *store = &journal->store;
	int rc = baton_store_look(store, &txn);
	if (rc < 0)
		return rc;

	rc = baton_store_indexed(store, txn, &indexed);
	if (rc == 0)
		rc = baton_store_last(store, txn, &last);
	baton_store_measure(store);
	baton_store_looked(store, &txn);
	if (rc == 0) {
		atomic_store(&journal->indexed_position, indexed);
		atomic_store(&journal->last_position, last);
	}
	return rc;
}
