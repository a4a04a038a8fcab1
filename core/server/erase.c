/* SPDX-License-Identifier: Apache-2.0 */

/* What there is of conversations, and how they end.
 *
 * The order: session_erased is in the log (archives follow it), the key is destroyed, the files go.
 * Each step may be done again, so an erasure that was cut short is finished by asking once more. */
#include "core/server/erase.h"

#include "core/base/errors.h"
#include "core/base/mem.h"
#include "core/server/operations.h"
#include "core/session/event.h"

#include <semaphore.h>

enum { LISTED_MAX = 1000, STEP_RECORDS = 4096 };

static struct erase_row *row_of(struct erase_list *list, const struct baton_id *session)
{
	for (size_t i = list->n; i > 0; i--)
		if (baton_id_eq(&list->rows[i - 1].session, session))
			return &list->rows[i - 1];
	return NULL;
}

static struct erase_row *row_add(struct erase_list *list, const struct baton_id *session)
{
	if (list->n == list->cap) {
		list->cap = list->cap ? 2 * list->cap : 16;
		list->rows = baton_realloc(list->rows, list->cap * sizeof(*list->rows));
	}
	struct erase_row *row = &list->rows[list->n++];
	*row = (struct erase_row){ .session = *session };
	return row;
}

void erase_list_done(struct erase_list *list)
{
	baton_free(list->rows);
	*list = (struct erase_list){ NULL, 0, 0 };
}

/* --- one ----------------------------------------------------------------------------------- */

struct last {
	struct erase_row row;
	uint64_t seq, epoch;
};

static bool count_record(void *ud, const struct baton_id *session,
			 const struct baton_record *record)
{
	struct last *last = ud;

	(void)session;
	if (record->seq == 1)
		last->row.opened_ms = record->unix_ms;
	last->row.records++;
	last->seq = record->seq;
	last->epoch = record->epoch;
	return true;
}

struct writing {
	sem_t woken;
	bool ended;
	int rc;
};

static void on_wake(void *ud)
{
	struct writing *writing = ud;

	sem_post(&writing->woken);
}

static void on_commit(void *ud, uint64_t ticket, int rc, uint64_t position)
{
	struct writing *writing = ud;

	(void)ticket;
	(void)position;
	writing->ended = true;
	writing->rc = rc;
}

static int read_last(struct baton_lane *lane, const struct baton_id *session, struct last *last)
{
	*last = (struct last){ .row = { .session = *session } };
	int64_t n = baton_lane_read(lane, session, 0, UINT64_MAX, count_record, last);

	return n < 0 ? (int)n : 0;
}

int erase_find_session(const struct erase_place *place, const struct baton_id *session,
		       struct erase_list *list)
{
	struct writing writing = { .ended = false };
	struct baton_lane_events events = { &writing, on_wake, on_commit };
	struct baton_lane *lane;
	struct last last;

	if (baton_id_eq(session, &BATON_OPERATIONS_ID))
		return BATON_E_NOTFOUND;
	sem_init(&writing.woken, 0, 0);
	int rc = baton_lane_open(place->journal, &events, &lane);
	if (rc == 0) {
		rc = read_last(lane, session, &last);
		baton_lane_close(&lane);
	}
	sem_destroy(&writing.woken);
	if (rc < 0 && rc != BATON_E_ERASED)
		return rc;
	*row_add(list, session) = last.row;
	return baton_files_count(place->files, session, &list->rows[list->n - 1].files);
}

/* --- all of a customer ----------------------------------------------------------------------- */

struct looking {
	struct erase_list *list;
	baton_str customer;
};

static bool names_customer(const struct looking *looking, const struct baton_record *record)
{
	struct baton_arena arena = { NULL, 0 };
	struct baton_event event;
	bool names = false;

	if (record->type != BATON_EV_SESSION_OPENED && record->type != BATON_EV_IDENTITY_VERIFIED)
		return false;
	if (baton_event_parse(record->type, record->payload, &arena, &event) == 0)
		names = baton_str_eq(record->type == BATON_EV_SESSION_OPENED
					     ? event.session_opened.customer
					     : event.identity_verified.customer,
				     looking->customer);
	baton_arena_done(&arena);
	return names;
}

static bool look_at(void *ud, const struct baton_id *session, const struct baton_record *record)
{
	struct looking *looking = ud;

	if (record->payload.n > 0 && names_customer(looking, record) &&
	    !row_of(looking->list, session))
		row_add(looking->list, session);
	return true;
}

/* What each of them has: a session may be named late, so its records are counted behind. */
static int count_all(const struct erase_place *place, struct erase_list *list)
{
	struct erase_list counted = { NULL, 0, 0 };
	int rc = 0;

	for (size_t i = 0; i < list->n && rc == 0; i++)
		rc = erase_find_session(place, &list->rows[i].session, &counted);
	if (rc == 0) {
		struct erase_list was = *list;

		*list = counted;
		counted = was;
	}
	erase_list_done(&counted);
	return rc;
}

int erase_find_customer(const struct erase_place *place, baton_str customer,
			struct erase_list *list)
{
	struct looking looking = { list, customer };
	uint64_t at = 0, before;
	int64_t n;

	do {
		before = at;
		n = baton_journal_follow(place->journal, at, STEP_RECORDS, look_at, &looking, &at);
		/* A record that is damaged can name nobody; fsck says more. */
	} while (at > before && (n >= 0 || n == BATON_E_CORRUPT));
	return n < 0 && n != BATON_E_CORRUPT ? (int)n : count_all(place, list);
}

/* --- the end --------------------------------------------------------------------------------- */

int erase_finish(const struct erase_place *place, const struct baton_id *session)
{
	int rc = baton_journal_erase(place->journal, session);

	return rc < 0 ? rc : baton_files_erase(place->files, session, NULL);
}

static int write_end(struct baton_lane *lane, struct writing *writing, const struct last *last,
		     const struct baton_record *record)
{
	struct baton_append append = { .session = last->row.session,
				       .expected_seq = last->seq,
				       .expected_epoch = last->epoch,
				       .records = record,
				       .n_records = 1 };
	int rc = baton_lane_append(lane, &append, 1);

	while (rc == 0 && !writing->ended) {
		while (sem_wait(&writing->woken) != 0)
			;
		baton_lane_poll(lane);
	}
	return rc < 0 ? rc : writing->rc;
}

int erase_offline(const struct erase_place *place, const struct baton_id *session, baton_str by,
		  uint64_t unix_ms)
{
	struct writing writing = { .ended = false };
	struct baton_lane_events events = { &writing, on_wake, on_commit };
	struct baton_event event = { .type = BATON_EV_SESSION_ERASED };
	struct baton_buf json = { NULL, 0, 0 };
	struct baton_lane *lane;
	struct last last;

	event.session_erased.by = by;
	baton_event_json(&event, BATON_AUDIENCE_AGENT, &json);
	sem_init(&writing.woken, 0, 0);
	int rc = baton_lane_open(place->journal, &events, &lane);
	if (rc == 0) {
		rc = read_last(lane, session, &last);
		struct baton_record record = { .seq = last.seq + 1,
					       .unix_ms = unix_ms,
					       .epoch = last.epoch,
					       .type = BATON_EV_SESSION_ERASED,
					       .payload = baton_buf_view(&json) };
		if (rc == 0)
			rc = write_end(lane, &writing, &last, &record);
		baton_lane_close(&lane);
	}
	sem_destroy(&writing.woken);
	baton_buf_done(&json);
	return rc < 0 && rc != BATON_E_ERASED ? rc : erase_finish(place, session);
}

/* --- told ------------------------------------------------------------------------------------ */

static void row_json(const struct erase_row *row, struct baton_buf *out)
{
	char id[BATON_ID_TEXT + 1];

	baton_id_text(&row->session, id);
	baton_buf_printf(out,
			 "{\"session\":\"%s\",\"opened_ms\":%llu,\"records\":%llu,\"files\":%llu,"
			 "\"bytes\":%llu",
			 id, (unsigned long long)row->opened_ms, (unsigned long long)row->records,
			 (unsigned long long)row->files.files,
			 (unsigned long long)row->files.bytes);
	if (row->rc < 0)
		baton_buf_printf(out, ",\"failed\":\"%s\"", baton_error_info(row->rc)->wire);
	baton_buf_z(out, "}");
}

void erase_json(const struct erase_list *list, bool dry_run, struct baton_buf *out)
{
	unsigned long long records = 0, files = 0, bytes = 0, failed = 0;

	for (size_t i = 0; i < list->n; i++) {
		records += list->rows[i].records;
		files += list->rows[i].files.files;
		bytes += list->rows[i].files.bytes;
		failed += list->rows[i].rc < 0;
	}
	baton_buf_printf(out,
			 "\"dry_run\":%s,\"sessions\":%zu,\"records\":%llu,\"files\":%llu,"
			 "\"bytes\":%llu,\"erased\":%llu,\"failed\":%llu,\"list\":[",
			 dry_run ? "true" : "false", list->n, records, files, bytes,
			 dry_run ? 0 : (unsigned long long)list->n - failed, failed);
	for (size_t i = 0; i < list->n && i < LISTED_MAX; i++) {
		baton_buf_z(out, i ? "," : "");
		row_json(&list->rows[i], out);
	}
	baton_buf_z(out, "]");
}
