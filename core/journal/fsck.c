/* SPDX-License-Identifier: Apache-2.0 */

/* The proof of the journal: pages, then every record from the first to the last (frame, place,
 * links, chain, key, seal), then the indexes against what the records said. Keeps one small struct
 * per session in memory and nothing per record. */
#include "core/journal/fsck.h"

#include "core/base/errors.h"

#include <stdarg.h>
#include <stdio.h>

enum { LINE_BYTES = 320, PROGRESS_EVERY = 1000000, LINKS_MAX = 1000000 };

__attribute__((format(printf, 3, 0))) static void fsck_tell(struct baton_fsck *fsck, bool is_error,
							    const char *fmt, va_list ap)
{
	char line[LINE_BYTES];
	vsnprintf(line, sizeof(line), fmt, ap);
	if (fsck->report)
		fsck->report(fsck->ud, is_error, line);
}

void baton_fsck_wrong(struct baton_fsck *fsck, const char *fmt, ...)
{
	va_list ap;
	fsck->counts.errors++;
	va_start(ap, fmt);
	fsck_tell(fsck, true, fmt, ap);
	va_end(ap);
}

void baton_fsck_note(struct baton_fsck *fsck, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	fsck_tell(fsck, false, fmt, ap);
	va_end(ap);
}

struct baton_fsck_session *baton_fsck_find(struct baton_fsck *fsck, const struct baton_id *id)
{
	struct baton_fsck_session *session;
	HASH_FIND(hh, fsck->sessions, id, sizeof(*id), session);
	return session;
}

static struct baton_fsck_session *fsck_session(struct baton_fsck *fsck, const struct baton_id *id)
{
	struct baton_fsck_session *session = baton_fsck_find(fsck, id);
	if (session)
		return session;
	session = baton_new(struct baton_fsck_session);
	session->id = *id;
	HASH_ADD(hh, fsck->sessions, id, sizeof(session->id), session);
	fsck->counts.sessions++;
	return session;
}

static void fsck_pages_tell(void *ud, const char *line)
{
	baton_fsck_wrong(ud, "pages: %s", line);
}

/* --- records ---------------------------------------------------------------------------------- */

/* `what` is wrong with the record: the session is damaged from here on. */
static void record_wrong(struct baton_fsck *fsck, struct baton_fsck_session *session,
			 uint64_t position, const char *what)
{
	char id[BATON_ID_TEXT + 1];
	baton_id_text(&session->id, id);
	session->is_bad = true;
	baton_fsck_wrong(fsck, "record %llu of session %s: %s", (unsigned long long)position, id,
			 what);
}

static void record_seal(struct baton_fsck *fsck, struct baton_fsck_session *session,
			uint64_t position, const struct baton_stored *frame)
{
	uint8_t key[BATON_KEY_BYTES];
	int rc = baton_keys_get(&fsck->store.keys, &fsck->seal, frame->slot, &frame->session, key);
	if (rc == BATON_E_ERASED) {
		session->is_erased = true;
		return;
	}
	if (rc < 0) {
		record_wrong(fsck, session, position,
			     rc == BATON_E_IO ? "its key cannot be read"
					      : "its key is missing or damaged");
		return;
	}
	uint8_t *clear = baton_alloc(frame->payload_n + 1);
	if (baton_stored_open(&fsck->seal, key, frame, clear) < 0)
		record_wrong(fsck, session, position, "its seal is broken");
	baton_seal_forget(clear, frame->payload_n);
	baton_free(clear);
	baton_seal_forget(key, sizeof(key));
}

static void record_links(struct baton_fsck *fsck, const struct baton_fsck_session *session,
			 uint64_t position, const struct baton_stored *frame)
{
	const struct baton_head *head = &session->head;
	uint64_t skip = baton_head_skip(head);
	if (frame->prev_position == head->position && frame->skip_position == skip)
		return;
	baton_fsck_wrong(fsck, "record %llu: its links lead elsewhere",
			 (unsigned long long)position);
	fsck->index_errors++;
	if (fsck->n_links == LINKS_MAX)
		return;
	if (fsck->n_links == fsck->cap_links) {
		fsck->cap_links = fsck->cap_links ? fsck->cap_links * 2 : 64;
		fsck->links = baton_realloc(fsck->links, fsck->cap_links * sizeof(*fsck->links));
	}
	fsck->links[fsck->n_links++] = (struct baton_fsck_link){ position, head->position, skip };
}

static void record_check(struct baton_fsck *fsck, uint64_t position,
			 const struct baton_stored *frame)
{
	struct baton_fsck_session *session = fsck_session(fsck, &frame->session);
	struct baton_head *head = &session->head;
	if (frame->first_seq != head->seq + 1)
		record_wrong(fsck, session, position, "its seq does not follow");
	else if (memcmp(frame->prev_hash, head->hash, sizeof(head->hash)) != 0)
		record_wrong(fsck, session, position, "its chain is broken");
	if (head->seq && frame->slot != head->slot)
		record_wrong(fsck, session, position, "it names another key than those before it");
	record_links(fsck, session, position, frame);
	record_seal(fsck, session, position, frame);

	head->skip_position = baton_head_skip(head);
	head->position = position;
	head->more = frame->n_records - 1;
	head->seq = frame->seq;
	head->epoch = frame->epoch;
	head->marks = frame->marks;
	head->slot = frame->slot;
	baton_stored_hash(&fsck->seal, frame, head->hash);
	if (position <= fsck->indexed)
		session->indexed_seq = frame->seq;
}

/* The row at `position` does not follow what came before it. Where it begins. */
static uint64_t log_gap(struct baton_fsck *fsck, uint64_t expected, uint64_t position,
			const struct baton_stored *frame)
{
	uint64_t n = frame ? frame->n_records : 1;
	if (position - expected + 1 < n) {
		baton_fsck_wrong(fsck, "record %llu: it is said to begin where others lie",
				 (unsigned long long)position);
		return expected;
	}
	baton_fsck_wrong(fsck, "records %llu to %llu are missing", (unsigned long long)expected,
			 (unsigned long long)(position - n));
	return position - n + 1;
}

static int log_record(struct baton_fsck *fsck, uint64_t expected, const MDB_val *key,
		      const MDB_val *value)
{
	uint64_t position = 0, begin = expected;
	struct baton_stored frame;
	if (key->mv_size == sizeof(position))
		memcpy(&position, key->mv_data, sizeof(position));
	if (position < expected)
		return BATON_E_CORRUPT;
	bool is_good = baton_store_inside(&fsck->store, value) &&
		       baton_stored_read(value->mv_data, value->mv_size, &frame) == 0;
	if (baton_stored_begin(expected, position, is_good ? &frame : NULL) == 0)
		begin = log_gap(fsck, expected, position, is_good ? &frame : NULL);

	uint64_t before = fsck->counts.records;
	fsck->counts.records += position - begin + 1;
	fsck->counts.bytes += value->mv_size;
	fsck->last = position;
	if (is_good)
		record_check(fsck, position, &frame);
	else
		baton_fsck_wrong(fsck, "record %llu: its frame is damaged",
				 (unsigned long long)position);
	if (fsck->counts.records / PROGRESS_EVERY > before / PROGRESS_EVERY)
		baton_fsck_note(fsck, "%llu records", (unsigned long long)fsck->counts.records);
	return 0;
}

static int fsck_log(struct baton_fsck *fsck, MDB_txn *txn)
{
	MDB_cursor *cursor;
	MDB_val key, value;
	if (mdb_cursor_open(txn, fsck->store.table[BATON_TABLE_LOG], &cursor))
		return BATON_E_IO;
	int mdb_rc = baton_store_mdb_move(cursor, &key, &value, MDB_FIRST), rc = 0;
	for (; mdb_rc == 0 && rc == 0;
	     mdb_rc = baton_store_mdb_move(cursor, &key, &value, MDB_NEXT))
		rc = log_record(fsck, fsck->last + 1, &key, &value);
	mdb_cursor_close(cursor);
	if (rc == 0 && mdb_rc != MDB_NOTFOUND)
		rc = baton_store_rc(&fsck->store, mdb_rc, 0);
	return rc;
}

/* --- the whole -------------------------------------------------------------------------------- */

static void fsck_indexed(struct baton_fsck *fsck, MDB_txn *txn)
{
	if (baton_store_indexed(&fsck->store, txn, &fsck->indexed) == 0)
		return;
	baton_fsck_wrong(fsck, "index: the position up to which it is true is damaged");
	fsck->index_errors++;
	fsck->indexed = 0;
}

/* What a session's index row should say beyond its newest record. */
static void fsck_flags(struct baton_fsck *fsck)
{
	struct baton_fsck_session *session, *tmp;
	HASH_ITER(hh, fsck->sessions, session, tmp) {
		if (session->is_erased)
			session->head.flags |= BATON_HEAD_ERASED;
		if (session->is_bad)
			session->head.flags |= BATON_HEAD_DAMAGED;
		fsck->counts.erased += session->is_erased;
	}
}

static int fsck_run(struct baton_fsck *fsck, bool repair)
{
	MDB_txn *txn;
	int rc = baton_store_look(&fsck->store, &txn);
	if (rc < 0)
		return rc;
	fsck_indexed(fsck, txn);
	rc = fsck_log(fsck, txn);
	if (rc == 0 && fsck->indexed > fsck->last) {
		baton_fsck_wrong(fsck,
				 "the log ends at record %llu, the index at %llu: the tail is lost",
				 (unsigned long long)fsck->last, (unsigned long long)fsck->indexed);
		fsck->index_errors++; /* an index of what is left can be had */
	}
	fsck_flags(fsck);
	if (rc == 0)
		rc = baton_fsck_indexes(fsck, txn);
	baton_store_looked(&fsck->store, &txn);
	if (rc == 0 && repair && fsck->counts.errors)
		rc = baton_fsck_repair(fsck);
	return rc;
}

/* It would read what is about to change, and repair what another has in memory. */
static int fsck_refused(struct baton_fsck *fsck)
{
	baton_fsck_wrong(
		fsck,
		"the journal is in use by the process %ld: stop it (a server ends well with "
		"SIGTERM) and check again, or check a copy of its folder: one made while it was "
		"stopped, or a snapshot of the file system",
		fsck->store.holder);
	return BATON_E_STATE;
}

static void fsck_done(struct baton_fsck *fsck)
{
	struct baton_fsck_session *session, *tmp;
	HASH_ITER(hh, fsck->sessions, session, tmp) {
		HASH_DELETE(hh, fsck->sessions, session);
		baton_free(session);
	}
	baton_free(fsck->links);
	baton_seal_done(&fsck->seal);
	baton_store_close(&fsck->store);
	baton_free(fsck);
}

int baton_journal_fsck(const struct baton_journal_options *options, bool repair,
		       void (*report)(void *ud, bool is_error, const char *line), void *ud,
		       struct baton_fsck_counts *ret_counts)
{
	struct baton_fsck *fsck = baton_new(struct baton_fsck);
	struct baton_store_way way = { .pages_all = true, .tell = fsck_pages_tell, .ud = fsck };
	fsck->report = report;
	fsck->ud = ud;
	baton_seal_init(&fsck->seal);

	int rc = baton_store_open(&fsck->store, options, &way);
	if (rc == 0)
		rc = fsck_run(fsck, repair);
	else if (fsck->store.is_held)
		rc = fsck_refused(fsck);
	else
		baton_fsck_note(fsck, "cannot go on: %s", baton_error_info(rc)->text);
	if (rc == 0 && fsck->counts.errors > fsck->counts.repaired)
		rc = BATON_E_CORRUPT;
	if (rc < 0 && fsck->counts.errors == 0)
		fsck->counts.errors = 1; /* why it could not run is a finding, too */
	baton_fsck_note(
		fsck, "%llu sessions, %llu records, %llu erased, %llu errors, %llu repaired",
		(unsigned long long)fsck->counts.sessions, (unsigned long long)fsck->counts.records,
		(unsigned long long)fsck->counts.erased, (unsigned long long)fsck->counts.errors,
		(unsigned long long)fsck->counts.repaired);
	*ret_counts = fsck->counts;
	fsck_done(fsck);
	return rc;
}
