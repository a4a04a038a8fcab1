/* SPDX-License-Identifier: Apache-2.0 */

/* Reading: one session's records (for a resume, for an actor that loads) and the log as a whole
 * (for followers).
 *
 * A session's rows are found by walking its links back from the head; far ones in steps of
 * BATON_SKIP. Bytes are copied out of the map first and the transaction ended, then each row is
 * verified and opened, and the records in it that are wanted are told: whoever is told may take his
 * time, and may call the journal. */
#include "core/base/errors.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/journal/inside.h"

#include <stdlib.h>

enum { CHUNK_ROWS = 512, CHUNK_BYTES = 512 * 1024 };

/* Rows copied out of the map. */
struct chunk {
	struct baton_buf bytes;
	size_t n;
	struct {
		size_t at, n;
		uint64_t position; /* of its last record */
	} rows[CHUNK_ROWS];
};

struct reader {
	struct baton_journal *journal;
	struct baton_seal *seal;
	struct chunk *chunk; /* made when there is something to read: it is 12 KB */
	struct baton_buf clear;
	baton_record_fn *each;
	void *ud;
	int64_t told;
	bool stopped; /* `each` has had enough */
};

/* Rows are left as they are: they are written before they are read. */
static struct chunk *chunk_new(void)
{
	struct chunk *chunk = baton_realloc(NULL, sizeof(*chunk));
	chunk->n = 0;
	chunk->bytes = (struct baton_buf){ 0 };
	return chunk;
}

static void reader_done(struct reader *reader)
{
	if (reader->chunk)
		baton_buf_done(&reader->chunk->bytes);
	baton_free(reader->chunk);
	if (reader->clear.p)
		baton_seal_forget(reader->clear.p, reader->clear.cap);
	baton_buf_done(&reader->clear);
}

static bool chunk_is_full(const struct chunk *chunk)
{
	return chunk->n == CHUNK_ROWS || chunk->bytes.n >= CHUNK_BYTES;
}

static int chunk_add(struct chunk *chunk, uint64_t position, const MDB_val *value)
{
	if (value->mv_size > BATON_RECORD_BYTES_MAX)
		return BATON_E_CORRUPT;
	chunk->rows[chunk->n].at = chunk->bytes.n;
	chunk->rows[chunk->n].n = value->mv_size;
	chunk->rows[chunk->n++].position = position;
	baton_buf_add(&chunk->bytes, value->mv_data, value->mv_size);
	return 0;
}

static int chunk_frame(const struct chunk *chunk, size_t i, struct baton_stored *ret_frame)
{
	return baton_stored_read(chunk->bytes.p + chunk->rows[i].at, chunk->rows[i].n, ret_frame);
}

static int log_get(struct baton_store *store, MDB_txn *txn, uint64_t position, MDB_val *ret_value)
{
	MDB_val key = baton_store_val(&position, sizeof(position));
	int rc = baton_store_get(store, txn, BATON_TABLE_LOG, key, ret_value);
	return rc == BATON_E_NOTFOUND ? BATON_E_CORRUPT : rc;
}

/* Opens the row (key NULL: erased, empty payloads) and tells its records from `first` on, at most
 * `max`. How many were told, or BATON_E_CORRUPT before the first of them. */
static int reader_tell(struct reader *reader, const struct baton_stored *frame, const uint8_t *key,
		       uint64_t first, uint64_t max)
{
	int told = 0;
	baton_buf_reset(&reader->clear);
	char *payload = baton_buf_room(&reader->clear, frame->payload_n + 1);
	if (key && baton_stored_open(reader->seal, key, frame, (uint8_t *)payload) < 0)
		return BATON_E_CORRUPT;
	for (uint32_t i = 0; i < frame->n_records; i++) {
		struct baton_record record;
		baton_stored_record(frame, i, &record);
		char *end = payload + record.payload.n, next = *end;
		if (i >= first && (uint64_t)told < max && !reader->stopped) {
			*end = '\0'; /* the next payload begins there */
			record.payload = key ? (baton_str){ payload, record.payload.n }
					     : (baton_str){ NULL, 0 };
			reader->stopped = !reader->each(reader->ud, &frame->session, &record);
			*end = next;
			told++;
		}
		payload = end;
	}
	reader->told += told;
	return told;
}

/* --- one session ------------------------------------------------------------------------------ */

struct session_reader {
	struct reader base;
	struct baton_id session;
	struct baton_head head;
	uint8_t key[BATON_KEY_BYTES];
	uint64_t next, last; /* seq of the next to tell, of the last that is wanted */
	bool has_hash;
	uint64_t hash_seq; /* the row that ends with it has this hash: what follows must name it */
	uint8_t hash[BATON_HASH_BYTES];
};

/* Positions of rows that follow each other: at[first] .. at[CHUNK_ROWS - 1]. */
struct path {
	uint64_t at[CHUNK_ROWS];
	size_t first;
};

/* The row at `position`, which must be of the session and hold `seq`. Views the map. */
static int session_row(struct session_reader *r, MDB_txn *txn, uint64_t position, uint64_t seq,
		       struct baton_stored *ret_frame)
{
	MDB_val value;
	int rc = log_get(&r->base.journal->store, txn, position, &value);
	if (rc == 0)
		rc = baton_stored_read(value.mv_data, value.mv_size, ret_frame);
	if (rc < 0)
		return rc;
	bool holds = seq >= ret_frame->first_seq && seq <= ret_frame->seq;
	return holds && baton_id_eq(&ret_frame->session, &r->session) ? 0 : BATON_E_CORRUPT;
}

/* Follows the links from the head back to the row that holds the next record wanted, and notes
 * those that hold records up to `last`. *ret_frame is the first of them. */
static int session_walk(struct session_reader *r, MDB_txn *txn, uint64_t last, struct path *path,
			struct baton_stored *ret_frame)
{
	uint64_t seq = r->head.seq, position = r->head.position;
	path->first = CHUNK_ROWS;
	for (;;) {
		struct baton_stored frame;
		int rc = session_row(r, txn, position, seq, &frame);
		if (rc < 0)
			return rc;
		if (frame.first_seq <= last)
			path->at[--path->first] = position;
		if (frame.first_seq <= r->next) {
			*ret_frame = frame;
			return 0;
		}

		uint64_t before = position,
			 skip_to = (frame.first_seq - 1) / BATON_SKIP * BATON_SKIP;
		bool skips = skip_to >= last;
		seq = skips ? skip_to : frame.first_seq - 1;
		position = skips ? frame.skip_position : frame.prev_position;
		if (position == 0 || position >= before)
			return BATON_E_CORRUPT;
	}
}

/* The row before the first one wanted: only its hash, so that the first link is proved as well. */
static int session_hash_before(struct session_reader *r, MDB_txn *txn,
			       const struct baton_stored *first)
{
	struct baton_stored frame;
	r->has_hash = true;
	r->hash_seq = first->first_seq - 1;
	if (r->hash_seq == 0)
		return 0; /* zeros */
	int rc = session_row(r, txn, first->prev_position, r->hash_seq, &frame);
	if (rc == 0)
		baton_stored_hash(r->base.seal, &frame, r->hash);
	return rc;
}

static int session_fill(struct session_reader *r, MDB_txn *txn)
{
	struct path path;
	struct baton_stored first;
	struct chunk *chunk = r->base.chunk;
	uint64_t last = r->last - r->next < CHUNK_ROWS ? r->last : r->next + CHUNK_ROWS - 1;
	chunk->n = 0;
	baton_buf_reset(&chunk->bytes);

	int rc = session_walk(r, txn, last, &path, &first);
	if (rc == 0 && !r->has_hash)
		rc = session_hash_before(r, txn, &first);
	for (size_t i = path.first; i < CHUNK_ROWS && rc == 0 && !chunk_is_full(chunk); i++) {
		MDB_val value;
		rc = log_get(&r->base.journal->store, txn, path.at[i], &value);
		if (rc == 0)
			rc = chunk_add(chunk, path.at[i], &value);
	}
	return rc;
}

static int session_tell(struct session_reader *r)
{
	for (size_t i = 0; i < r->base.chunk->n && !r->base.stopped; i++) {
		struct baton_stored frame;
		int rc = chunk_frame(r->base.chunk, i, &frame);
		if (rc < 0)
			return rc;
		if (frame.first_seq != r->hash_seq + 1 ||
		    !baton_id_eq(&frame.session, &r->session) ||
		    memcmp(frame.prev_hash, r->hash, sizeof(r->hash)) != 0)
			return BATON_E_CORRUPT;
		baton_stored_hash(r->base.seal, &frame, r->hash);
		r->hash_seq = frame.seq;
		if (frame.seq == r->head.seq && memcmp(r->hash, r->head.hash, sizeof(r->hash)) != 0)
			return BATON_E_CORRUPT;
		rc = reader_tell(&r->base, &frame, r->key, r->next - frame.first_seq,
				 r->last - r->next + 1);
		if (rc < 0)
			return rc;
		r->next += (uint64_t)rc;
	}
	return 0;
}

static int session_run(struct session_reader *r)
{
	struct baton_store *store = &r->base.journal->store;
	int rc = 0;
	r->base.chunk = chunk_new();
	while (rc == 0 && !r->base.stopped && r->next <= r->last) {
		MDB_txn *txn;
		rc = baton_store_look(store, &txn);
		if (rc < 0)
			return rc;
		rc = session_fill(r, txn);
		baton_store_looked(store, &txn);
		if (rc == 0)
			rc = session_tell(r);
	}
	return rc;
}

int64_t baton_lane_read(struct baton_lane *lane, const struct baton_id *session, uint64_t after,
			uint64_t max, baton_record_fn *each, void *ud)
{
	struct session_reader r = {
		.base = { .journal = lane->journal, .seal = &lane->seal, .each = each, .ud = ud },
		.session = *session
	};
	int rc = baton_journal_head_key(lane->journal, &lane->seal, session, &r.head, r.key);
	if (rc == 0 && after < r.head.seq && max > 0) {
		r.next = after + 1;
		r.last = max < r.head.seq - after ? after + max : r.head.seq;
		rc = session_run(&r);
	}
	int64_t told = r.base.told;
	if (rc == BATON_E_CORRUPT)
		baton_log(BATON_LOG_ERROR, "session_damaged", "dus", "session", session, "after",
			  after + (uint64_t)told, "hint", "run baton fsck");
	reader_done(&r.base);
	baton_seal_forget(r.key, sizeof(r.key));
	return rc < 0 ? rc : told;
}

/* --- the whole log ---------------------------------------------------------------------------- */

static int follow_fill(struct reader *reader, MDB_txn *txn, uint64_t after, uint64_t max)
{
	MDB_cursor *cursor;
	uint64_t position = after + 1;
	MDB_val key = baton_store_val(&position, sizeof(position)), value;
	struct baton_store *store = &reader->journal->store;
	struct chunk *chunk = reader->chunk;
	chunk->n = 0;
	baton_buf_reset(&chunk->bytes);
	if (mdb_cursor_open(txn, store->table[BATON_TABLE_LOG], &cursor))
		return BATON_E_IO;

	int rc = baton_store_mdb_move(cursor, &key, &value, MDB_SET_RANGE);
	while (rc == 0 && max-- && !chunk_is_full(chunk)) {
		if (key.mv_size == sizeof(position) && baton_store_inside(store, &key))
			memcpy(&position, key.mv_data, sizeof(position));
		else
			position = 0;
		if (position <= after || !baton_store_inside(store, &value) ||
		    chunk_add(chunk, position, &value) < 0) {
			rc = MDB_CORRUPTED;
			break;
		}
		after = position;
		rc = baton_store_mdb_move(cursor, &key, &value, MDB_NEXT);
	}
	mdb_cursor_close(cursor);
	if (rc == MDB_NOTFOUND || chunk->n)
		rc = 0; /* what was read before the damage is told first */
	return baton_store_rc(store, rc, 0);
}

/* Tells the row's records that come behind `*last`. If nothing can be told, *last becomes the last
 * position of the damage. */
static int follow_row(struct reader *reader, size_t i, uint64_t max, uint64_t *last)
{
	struct baton_stored frame;
	uint8_t key[BATON_KEY_BYTES];
	uint64_t end = reader->chunk->rows[i].position, begin = end;
	int rc = chunk_frame(reader->chunk, i, &frame);
	if (rc == 0) {
		begin = end >= frame.n_records ? end - frame.n_records + 1 : 0;
		if (begin == 0 || begin > *last + 1) { /* records before it are missing */
			*last = begin ? begin - 1 : end;
			return BATON_E_CORRUPT;
		}
		rc = baton_keys_get(&reader->journal->store.keys, reader->seal, frame.slot,
				    &frame.session, key);
	}
	if (rc == 0 || rc == BATON_E_ERASED)
		rc = reader_tell(reader, &frame, rc == 0 ? key : NULL, *last + 1 - begin, max);
	baton_seal_forget(key, sizeof(key));
	if (rc < 0)
		*last = end;
	else
		*last += (uint64_t)rc;
	return rc;
}

static int follow_tell(struct reader *reader, uint64_t max, uint64_t *last)
{
	for (size_t i = 0; i < reader->chunk->n && !reader->stopped; i++) {
		uint64_t left = max - (uint64_t)reader->told, at = *last;
		if (left == 0)
			break;
		int rc = follow_row(reader, i, left, &at);
		if (rc < 0 && reader->told)
			return 0; /* the next call begins with the damage, and says so */
		*last = at;
		if (rc < 0)
			return rc;
	}
	return 0;
}

static int follow_run(struct reader *reader, uint64_t max, uint64_t *last)
{
	struct baton_store *store = &reader->journal->store;
	int rc = 0;
	while (rc == 0 && !reader->stopped && (uint64_t)reader->told < max) {
		MDB_txn *txn;
		uint64_t before = *last;
		rc = baton_store_look(store, &txn);
		if (rc < 0)
			return rc;
		rc = follow_fill(reader, txn, *last, max - (uint64_t)reader->told);
		baton_store_looked(store, &txn);
		if (rc < 0)
			*last += rc == BATON_E_CORRUPT && !reader->told;
		else
			rc = follow_tell(reader, max, last);
		if (*last == before)
			break;
	}
	return rc;
}

int64_t baton_journal_follow(struct baton_journal *journal, uint64_t after, uint64_t max,
			     baton_record_fn *each, void *ud, uint64_t *ret_last)
{
	struct baton_seal seal;
	uint64_t last = after;
	if (!journal->read_only && after >= atomic_load(&journal->last_position)) {
		*ret_last = after;
		return 0;
	}

	baton_seal_init(&seal);
	struct reader reader = { .journal = journal, .seal = &seal, .each = each, .ud = ud };
	reader.chunk = chunk_new();
	int rc = follow_run(&reader, max, &last);
	int64_t told = reader.told;
	if (rc < 0 && told == 0)
		baton_log(BATON_LOG_ERROR, "record_damaged", "us", "position", last, "hint",
			  "run baton fsck");
	reader_done(&reader);
	baton_seal_done(&seal);
	*ret_last = last;
	return rc < 0 && told == 0 ? rc : told;
}

/* --- the work index --------------------------------------------------------------------------- */

struct work_item {
	struct baton_id id;
	uint64_t seq;
	uint32_t marks;
	bool is_fresh; /* of memory or the log, not of the index */
};

struct work_list {
	struct baton_store *store;
	MDB_txn *txn;
	struct work_item *items;
	size_t n, cap;
};

static void work_add(struct work_list *list, const struct work_item *item)
{
	if (list->n == list->cap) {
		list->cap = list->cap ? list->cap * 2 : 64;
		list->items = baton_realloc(list->items, list->cap * sizeof(*item));
	}
	list->items[list->n++] = *item;
}

static void work_add_head(void *ud, const struct baton_head_entry *entry)
{
	struct work_item item = { .id = entry->rolled.id, .seq = entry->now.seq, .is_fresh = true };
	item.marks = entry->now.flags & BATON_HEAD_ERASED ? 0 : entry->now.marks;
	work_add(ud, &item);
}

static int work_add_rows(struct baton_journal *journal, MDB_txn *txn, struct work_list *list)
{
	MDB_cursor *cursor;
	MDB_val key, value;
	if (mdb_cursor_open(txn, journal->store.table[BATON_TABLE_WORK], &cursor))
		return BATON_E_IO;
	int rc = baton_store_mdb_move(cursor, &key, &value, MDB_FIRST);
	for (; rc == 0; rc = baton_store_mdb_move(cursor, &key, &value, MDB_NEXT)) {
		struct work_item item = { 0 };
		if (key.mv_size != sizeof(item.id) || !baton_store_inside(&journal->store, &key) ||
		    !baton_store_inside(&journal->store, &value)) {
			rc = MDB_CORRUPTED;
			break;
		}
		memcpy(item.id.b, key.mv_data, sizeof(item.id.b));
		if (baton_row_work_read(&item.id, &value, &item.seq, &item.marks) < 0) {
			rc = MDB_CORRUPTED;
			break;
		}
		work_add(list, &item);
	}
	mdb_cursor_close(cursor);
	return rc == MDB_NOTFOUND ? 0 : baton_store_rc(&journal->store, rc, 0);
}

/* Read only: what memory says to a writer, the log says here. An erasure is in the index at
 * once. */
static int work_add_record(void *ud, uint64_t position, const struct baton_stored *frame)
{
	MDB_val value;
	struct baton_head head;
	struct work_list *list = ud;
	(void)position;
	if (!frame)
		return 0;
	struct work_item item = {
		.id = frame->session, .seq = frame->seq, .marks = frame->marks, .is_fresh = true
	};
	if (baton_store_get(list->store, list->txn, BATON_TABLE_HEADS, baton_store_key(&item.id),
			    &value) == 0 &&
	    baton_row_head_read(&item.id, &value, &head) == 0 && (head.flags & BATON_HEAD_ERASED))
		item.marks = 0;
	work_add(list, &item);
	return 0;
}

static int work_add_tail(struct work_list *list)
{
	uint64_t indexed = 0;
	int rc = baton_store_indexed(list->store, list->txn, &indexed);
	return rc < 0 ? rc
		      : baton_tail_walk(list->store, list->txn, indexed, work_add_record, list);
}

/* By session, the newest first; of two that are as new the fresh one. */
static int work_compare(const void *a, const void *b)
{
	const struct work_item *x = a, *y = b;
	int c = memcmp(x->id.b, y->id.b, sizeof(x->id.b));
	if (c == 0 && x->seq != y->seq)
		c = x->seq < y->seq ? 1 : -1;
	return c ? c : (int)y->is_fresh - (int)x->is_fresh;
}

int baton_journal_work(struct baton_journal *journal, uint32_t mask, baton_work_fn *each, void *ud)
{
	MDB_txn *txn;
	struct work_list list = { .store = &journal->store };
	/* Memory first: what becomes indexed in between is then found in both, never in neither. */
	baton_heads_each_dirty(&journal->heads, work_add_head, &list);
	int rc = baton_store_look(&journal->store, &txn);
	if (rc == 0) {
		list.txn = txn;
		rc = work_add_rows(journal, txn, &list);
		if (rc == 0 && journal->read_only)
			rc = work_add_tail(&list);
		baton_store_looked(&journal->store, &txn);
	}
	if (rc == 0 && list.n)
		qsort(list.items, list.n, sizeof(*list.items), work_compare);
	for (size_t i = 0; i < list.n && rc == 0; i++) {
		const struct work_item *item = &list.items[i];
		bool is_second = i > 0 && baton_id_eq(&item->id, &list.items[i - 1].id);
		if (!is_second && (item->marks & mask) &&
		    !each(ud, &item->id, item->seq, item->marks))
			break;
	}
	baton_free(list.items);
	return rc;
}
