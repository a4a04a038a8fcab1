/* SPDX-License-Identifier: Apache-2.0 */

/* "session.erase": counts first, then one conversation behind the other: its worker writes
 * session_erased and lets go of it, a job destroys the key and the files, the operations log has
 * who asked. Each is whole or not at all; what fails is told, and the others are done. It goes on
 * when the connection goes: half of it would be worse than none. */
#include "core/server/control.h"

#include "core/base/errors.h"
#include "core/base/log.h"
#include "core/server/attach.h"
#include "core/server/erase.h"
#include "core/server/operations.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <utlist.h>

enum { ANSWER_MS = 15000, STEP_ROWS = 32 };

struct erasing {
	struct control *control;
	uint64_t conn, number; /* number: as a conversation of this thread */
	char by[BATON_NAME_BYTES_MAX + 1], customer[BATON_NAME_BYTES_MAX + 1];
	char why[CONTROL_WHY_MAX + 1], tag[BATON_NAME_BYTES_MAX + 1];
	struct baton_id session;
	bool has_session, dry_run;
	struct erase_place place;
	struct erase_list list;
	size_t at;      /* the row that is being erased */
	uint64_t timer; /* 0: nobody is waited for */
	int rc;
	struct erasing *prev, *next;
};

static void erasing_free(struct erasing *erasing)
{
	DL_DELETE(erasing->control->erasings, erasing);
	erase_list_done(&erasing->list);
	baton_free(erasing);
}

/* --- the answer ------------------------------------------------------------------------------ */

static void note(struct erasing *erasing, baton_str subject)
{
	struct baton_event event = { .type = BATON_EV_ADMIN_ACTED };
	baton_str why = baton_str_of(erasing->why);

	event.admin_acted = (struct baton_ev_admin_acted){ .by = baton_str_of(erasing->by),
							   .action = BATON_STR("session erase"),
							   .subject = subject,
							   .why = why };
	baton_log(BATON_LOG_NOTICE, "admin_acted", "ssSS", "by", erasing->by, "action",
		  "session erase", "subject", &subject, "why", &why);
	if (erasing->control->operations)
		operations_note(erasing->control->operations, &event);
}

static void answer(struct erasing *erasing)
{
	struct control_conn *conn = control_conn_find(erasing->control, erasing->conn);
	struct control_request request = { .verb_name = BATON_STR("session.erase"),
					   .tag = baton_str_of(erasing->tag) };
	struct baton_buf line = { NULL, 0, 0 };

	if (conn && erasing->rc < 0) {
		control_refuse(conn, &request, erasing->rc,
			       erasing->rc == BATON_E_NOTFOUND ? "there is no such conversation"
							       : NULL);
	} else if (conn) {
		control_begin(&request, true, &line);
		baton_buf_z(&line, ",");
		erase_json(&erasing->list, erasing->dry_run, &line);
		control_end(conn, &line);
	}
	if (conn)
		control_goes_on(conn);
	erasing_free(erasing);
}

/* --- one behind the other -------------------------------------------------------------------- */

static void erase_next(struct erasing *erasing);

static void finish_work(void *ud)
{
	struct erasing *erasing = ud;
	struct erase_row *row = &erasing->list.rows[erasing->at];

	row->rc = erase_finish(&erasing->place, &row->session);
}

static void tell_step(const struct erasing *erasing)
{
	struct control_conn *conn = control_conn_find(erasing->control, erasing->conn);
	struct baton_buf line = { NULL, 0, 0 };

	if (!conn || erasing->at % STEP_ROWS != 0)
		return;
	baton_buf_printf(&line, "{\"step\":\"erased\",\"done\":%zu,\"of\":%zu}", erasing->at,
			 erasing->list.n);
	control_send(conn, &line);
	baton_buf_done(&line);
}

static void finish_done(void *ud)
{
	struct erasing *erasing = ud;
	struct erase_row *row = &erasing->list.rows[erasing->at];
	char id[BATON_ID_TEXT + 1];

	baton_id_text(&row->session, id);
	if (row->rc == 0)
		note(erasing, baton_str_of(id));
	erasing->at++;
	tell_step(erasing);
	erase_next(erasing);
}

static void finish(struct erasing *erasing)
{
	if (baton_loop_job(erasing->control->loop, finish_work, finish_done, erasing) == BATON_OK)
		return;
	erasing->list.rows[erasing->at++].rc = BATON_E_AGAIN;
	erase_next(erasing);
}

/* The worker has answered, or has not. */
static void heard(struct erasing *erasing, int rc)
{
	(void)baton_loop_timer_stop(erasing->control->loop, erasing->timer);
	erasing->timer = 0;
	/* Erased before: perhaps not to the end. */
	if (rc == 0 || rc == BATON_E_ERASED) {
		finish(erasing);
		return;
	}
	erasing->list.rows[erasing->at++].rc = rc;
	erase_next(erasing);
}

static void late(void *ud)
{
	heard(ud, BATON_E_TIMEOUT);
}

bool control_erase_hear(struct control *control, uint64_t number, struct baton_notice *notice)
{
	struct erasing *erasing;

	DL_FOREACH(control->erasings, erasing) {
		if (erasing->number != number || erasing->timer == 0)
			continue;
		if (notice->type == BATON_NOTE_ACK)
			heard(erasing, 0);
		else if (notice->type == BATON_NOTE_REFUSED)
			heard(erasing, notice->code);
		return true;
	}
	return false;
}

static void erase_next(struct erasing *erasing)
{
	struct control *control = erasing->control;

	if (erasing->at == erasing->list.n) {
		answer(erasing);
		return;
	}
	const struct baton_id *session = &erasing->list.rows[erasing->at].session;
	struct baton_command command = { .verb = BATON_CMD_ERASE,
					 .role = BATON_ADMIN,
					 .client_id = BATON_STR("erase"),
					 .agent = baton_str_of(erasing->by) };
	erasing->number = ++control->last_talk;
	erasing->timer = baton_loop_timer(control->loop, ANSWER_MS, late, erasing);
	worker_command(worker_of(control->server, session), session,
		       BATON_CONN(CONTROL_WORKER, erasing->number), &command);
}

/* --- what there is --------------------------------------------------------------------------- */

static void find_work(void *ud)
{
	struct erasing *erasing = ud;

	erasing->rc =
		erasing->has_session
			? erase_find_session(&erasing->place, &erasing->session, &erasing->list)
			: erase_find_customer(&erasing->place, baton_str_of(erasing->customer),
					      &erasing->list);
}

/* Whom it was about stays provable without being told again. */
static void note_customer(struct erasing *erasing)
{
	unsigned char sha[32];
	char subject[64];

	EVP_Digest(erasing->customer, strlen(erasing->customer), sha, NULL, EVP_sha256(), NULL);
	int n = snprintf(subject, sizeof(subject), "customer sha256:%02x%02x%02x%02x%02x%02x",
			 sha[0], sha[1], sha[2], sha[3], sha[4], sha[5]);
	note(erasing, (baton_str){ subject, (size_t)n });
}

static void find_done(void *ud)
{
	struct erasing *erasing = ud;

	if (erasing->rc < 0 || erasing->dry_run) {
		answer(erasing);
		return;
	}
	if (!erasing->has_session)
		note_customer(erasing);
	erase_next(erasing);
}

static void copy(char *to, size_t cap, baton_str text)
{
	text = baton_str_clip(text, cap - 1);
	memcpy(to, text.p ? text.p : "", text.n);
	to[text.n] = '\0';
}

void control_erase(struct control_conn *conn, const struct control_request *request)
{
	struct control *control = conn->control;
	struct baton_id session;

	if ((request->session.n > 0) == (request->customer.n > 0)) {
		control_refuse(conn, request, BATON_E_INVAL,
			       "say either a `session` or a `customer`");
		return;
	}
	if (request->session.n > 0 && baton_id_parse(request->session, &session) < 0) {
		control_refuse(conn, request, BATON_E_INVAL,
			       "`session` is the id of a conversation");
		return;
	}
	struct erasing *erasing = baton_new(struct erasing);
	erasing->control = control;
	erasing->conn = conn->number;
	erasing->has_session = request->session.n > 0;
	if (erasing->has_session)
		erasing->session = session;
	erasing->dry_run = request->dry_run;
	erasing->place =
		(struct erase_place){ control->server->journal, attach_files(control->server) };
	copy(erasing->by, sizeof(erasing->by), baton_str_of(conn->by));
	copy(erasing->customer, sizeof(erasing->customer), request->customer);
	copy(erasing->why, sizeof(erasing->why), request->why);
	copy(erasing->tag, sizeof(erasing->tag), request->tag);
	DL_APPEND(control->erasings, erasing);
	conn->busy = true;
	if (baton_loop_job(control->loop, find_work, find_done, erasing) == BATON_OK)
		return;
	erasing->rc = BATON_E_AGAIN;
	answer(erasing);
}

/* Those that wait for a worker, who will not answer any more. */
void control_erase_drop(struct control *control)
{
	struct erasing *erasing, *after;

	DL_FOREACH_SAFE(control->erasings, erasing, after)
	{
		if (erasing->timer != 0)
			erasing_free(erasing);
	}
}
