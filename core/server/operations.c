/* SPDX-License-Identifier: Apache-2.0 */

/* The operations log's writer: a queue, one append at a time, a lane of its own.
 *
 * What a full or failing disk refuses is tried again each second, in order. A conflict means that
 * somebody else wrote into this session, which nobody may; the end is looked up again and the
 * events go behind it. To find the end of a long log without reading all of it, a snapshot (which
 * says nothing but its seq) is put now and then.
 */

#include "core/server/operations.h"

#include "core/base/errors.h"
#include "core/base/log.h"
#include "core/base/table.h"
#include "core/journal/journal.h"
#include "core/loop/loop.h"
#include "core/session/event.h"

enum { RETRY_MS = 1000, SNAPSHOT_EVERY = 256 };

struct note {
	unsigned type;
	uint64_t unix_ms;
	struct baton_buf json;
	struct note *prev, *next;
};

struct operations {
	struct baton_loop *loop;
	struct baton_lane *lane;
	uint64_t seq;       /* of the newest event that is durable */
	uint64_t snapshot;  /* seq of the newest snapshot put */
	struct note *notes; /* oldest first; the first `flying` are on their way */
	size_t n_notes, flying;
	uint64_t timer;
	_Atomic(int) signalled;
	_Atomic(uint64_t) *dropped;
};

static void write_some(struct operations *operations);

/* --- the lane -------------------------------------------------------------------------------- */

struct wake_mail {
	struct baton_mail mail;
	struct operations *operations;
};

static void wake_deliver(struct baton_mail *mail, struct baton_loop *loop)
{
	struct operations *operations = ((struct wake_mail *)mail)->operations;

	baton_free(mail);
	if (!loop)
		return; /* the loop ended, and what the letter is about with it */
	atomic_store(&operations->signalled, 0);
	if (operations->lane)
		baton_lane_poll(operations->lane);
}

/* [journal's writer] */
static void lane_wake(void *ud)
{
	struct operations *operations = ud;

	if (atomic_exchange(&operations->signalled, 1))
		return;
	struct wake_mail *letter = baton_new(struct wake_mail);
	letter->mail.deliver = wake_deliver;
	letter->operations = operations;
	baton_loop_post(operations->loop, &letter->mail);
}

static void drop_first(struct operations *operations)
{
	struct note *note = operations->notes;

	DL_DELETE(operations->notes, note);
	operations->n_notes--;
	baton_buf_done(&note->json);
	baton_free(note);
}

static void put_snapshot(struct operations *operations)
{
	if (operations->seq < operations->snapshot + SNAPSHOT_EVERY)
		return;
	operations->snapshot = operations->seq;
	(void)baton_lane_snapshot_put(operations->lane, &BATON_OPERATIONS_ID, operations->seq,
				      BATON_STR("{}"));
}

static bool count_record(void *ud, const struct baton_id *session,
			 const struct baton_record *record)
{
	uint64_t *seq = ud;

	(void)session;
	*seq = record->seq;
	return true;
}

static int find_end(struct operations *operations)
{
	struct baton_buf unread = { NULL, 0, 0 };
	uint64_t seq = 0;

	if (baton_lane_snapshot_get(operations->lane, &BATON_OPERATIONS_ID, &seq, &unread) < 0)
		seq = 0;
	baton_buf_done(&unread);
	operations->snapshot = seq;
	int64_t n = baton_lane_read(operations->lane, &BATON_OPERATIONS_ID, seq, UINT64_MAX,
				    count_record, &seq);
	if (n < 0 && n != BATON_E_NOTFOUND)
		return (int)n;
	operations->seq = seq;
	return BATON_OK;
}

static void again(void *ud)
{
	struct operations *operations = ud;

	operations->timer = 0;
	write_some(operations);
}

static void refused(struct operations *operations, int rc)
{
	baton_log(BATON_LOG_WARN, "operations_log_refused", "su", "code",
		  baton_error_info(rc)->wire, "waiting", (uint64_t)operations->n_notes);
	if (rc == BATON_E_CONFLICT)
		(void)find_end(operations);
	if (operations->timer == 0)
		operations->timer = baton_loop_timer(operations->loop, RETRY_MS, again, operations);
}

static void committed(void *ud, uint64_t ticket, int rc, uint64_t position)
{
	struct operations *operations = ud;
	size_t n = operations->flying;

	(void)ticket;
	(void)position;
	operations->flying = 0;
	if (rc < 0) {
		refused(operations, rc);
		return;
	}
	operations->seq += n;
	while (n-- > 0)
		drop_first(operations);
	put_snapshot(operations);
	write_some(operations);
}

/* --- writing --------------------------------------------------------------------------------- */

static void write_some(struct operations *operations)
{
	struct baton_record records[BATON_APPEND_RECORDS_MAX];
	struct baton_append append = { .session = BATON_OPERATIONS_ID,
				       .expected_seq = operations->seq,
				       .records = records };
	struct note *note;

	if (operations->flying > 0 || operations->timer != 0 || !operations->notes)
		return;
	DL_FOREACH(operations->notes, note) {
		if (append.n_records == BATON_APPEND_RECORDS_MAX)
			break;
		records[append.n_records++] =
			(struct baton_record){ .unix_ms = note->unix_ms,
					       .type = note->type,
					       .payload = baton_buf_view(&note->json) };
	}
	for (size_t i = 0; i < append.n_records; i++)
		records[i].seq = append.expected_seq + 1 + i;
	int rc = baton_lane_append(operations->lane, &append, 1);
	if (rc < 0)
		refused(operations, rc);
	else
		operations->flying = append.n_records;
}

void operations_note(struct operations *operations, const struct baton_event *event)
{
	if (operations->n_notes == OPERATIONS_QUEUE_MAX) {
		/* Once per thousand: the log must not become the next thing that overflows. */
		if (atomic_fetch_add(operations->dropped, 1) % 1000 == 0)
			baton_log(BATON_LOG_ERROR, "operations_log_overflows", "u", "waiting",
				  (uint64_t)operations->n_notes);
		return;
	}
	struct note *note = baton_new(struct note);
	note->type = event->type;
	note->unix_ms = event->unix_ms ? event->unix_ms : baton_loop_unix_ms();
	baton_event_json(event, BATON_AUDIENCE_AGENT, &note->json);
	DL_APPEND(operations->notes, note);
	operations->n_notes++;
	write_some(operations);
}

int operations_open(struct baton_journal *journal, struct baton_loop *loop,
		    _Atomic(uint64_t) *dropped, struct operations **ret_operations)
{
	struct operations *operations = baton_new(struct operations);
	struct baton_lane_events events = { operations, lane_wake, committed };

	operations->loop = loop;
	operations->dropped = dropped;
	int rc = baton_lane_open(journal, &events, &operations->lane);
	if (rc == BATON_OK)
		rc = find_end(operations);
	if (rc < 0) {
		baton_log(BATON_LOG_ERROR, "operations_log_unreadable", "ss", "code",
			  baton_error_info(rc)->wire, "hint",
			  "stop the server and run `baton fsck`");
		operations_close(&operations);
		return rc;
	}
	*ret_operations = operations;
	return BATON_OK;
}

/* As if it were written already: nobody will hear of it any more. */
static void let_go(struct operations *operations)
{
	operations->seq += operations->flying;
	for (; operations->flying > 0; operations->flying--)
		drop_first(operations);
}

/* What is flying is written by the lane's close; what is behind it gets one try. */
void operations_close(struct operations **poperations)
{
	struct operations *operations = *poperations;

	if (!operations)
		return;
	*poperations = NULL;
	baton_loop_timer_stop(operations->loop, operations->timer);
	operations->timer = 0;
	let_go(operations);
	while (operations->lane && operations->notes) {
		write_some(operations);
		if (operations->flying == 0)
			break;
		let_go(operations);
	}
	baton_lane_close(&operations->lane);
	while (operations->notes)
		drop_first(operations);
	baton_free(operations);
}
