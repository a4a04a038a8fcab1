/* SPDX-License-Identifier: Apache-2.0 */

/* Every two seconds one JSON is made, whoever many look, and none is told while nobody does. A
 * sample is kept every ten seconds all the same, so that whoever opens the page in the middle of
 * trouble sees how it began; it costs some microseconds and at most 60 short texts.
 *
 * What the page asks for goes through the very lines of the control socket: a connection
 * without a socket, for one line, in the name of the admin. So both do the same, and the
 * operations log has it.
 */

#include "core/server/live.h"

#include "core/base/errors.h"
#include "core/base/json.h"
#include "core/server/operations.h"
#include "core/server/status.h"

#include <stdio.h>

struct looker {
	baton_conn conn;
	struct looker *prev, *next;
};

struct live {
	struct control *control;
	uint64_t timer;
	uint64_t next_sample_ms; /* unix */
	struct looker *lookers;
	unsigned n_lookers;
	struct baton_buf samples[LIVE_SAMPLES]; /* a ring; each a JSON object */
	size_t first, n;
};

struct live_question {
	baton_conn conn; /* 0: nobody waits for it */
	struct baton_buf client_id;
};

/* --- samples --------------------------------------------------------------------------------- */

static uint64_t member(const struct baton_json *object, const char *name)
{
	struct baton_json value = baton_json_get(object, name);

	return baton_json_u64(&value, 0);
}

/* p95 of whole answers, by target. Targets nobody asked for five minutes have none. */
static void put_p95(const struct baton_json *status, struct baton_buf *out)
{
	struct baton_json targets = baton_json_get(status, "targets"), target;
	size_t at = 0, n = 0;

	baton_buf_z(out, ",\"p95\":{");
	while (n < LIVE_LINES && baton_json_element(&targets, &at, &target)) {
		struct baton_json times = baton_json_get(&target, "answer_ms");

		if (member(&times, "n") == 0)
			continue;
		baton_buf_z(out, n++ > 0 ? "," : "");
		baton_buf_str(out, baton_json_get(&target, "target").raw);
		baton_buf_printf(out, ":%llu", (unsigned long long)member(&times, "p95"));
	}
	baton_buf_z(out, "}");
}

/* The page makes the same of each status that it gets (channels/web/admin/series.js). */
static void put_sample(const struct baton_json *status, struct baton_buf *out)
{
	static const char *const counts[] = { "turns", "answered", "fallbacks", "escalations" };
	struct baton_json counted = baton_json_get(status, "counts");
	struct baton_json desk = baton_json_get(status, "desk");
	struct baton_json budget = baton_json_get(status, "budget");

	baton_buf_printf(out, "{\"at\":%llu", (unsigned long long)member(status, "unix_ms"));
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
		baton_buf_printf(out, ",\"%s\":%llu", counts[i],
				 (unsigned long long)member(&counted, counts[i]));
	baton_buf_printf(out, ",\"waiting\":%llu,\"oldest_ms\":%llu,\"spent_microusd\":%llu",
			 (unsigned long long)member(&desk, "waiting"),
			 (unsigned long long)member(&desk, "oldest_wait_ms"),
			 (unsigned long long)member(&budget, "spent_microusd"));
	put_p95(status, out);
	baton_buf_z(out, "}");
}

static void keep_sample(struct live *live, baton_str text, uint64_t now_ms)
{
	struct baton_json status;

	if (now_ms < live->next_sample_ms || baton_json_parse(text, &status) < 0)
		return;
	live->next_sample_ms = now_ms + LIVE_SAMPLE_MS;
	if (live->n == LIVE_SAMPLES)
		live->first = (live->first + 1) % LIVE_SAMPLES;
	else
		live->n++;
	struct baton_buf *sample = &live->samples[(live->first + live->n - 1) % LIVE_SAMPLES];
	baton_buf_reset(sample);
	put_sample(&status, sample);
}

/* --- telling --------------------------------------------------------------------------------- */

static void make_status(struct live *live, struct baton_buf *out)
{
	baton_buf_printf(out, "{\"unix_ms\":%llu", (unsigned long long)baton_loop_unix_ms());
	status_put(live->control->server, out);
	baton_buf_z(out, "}");
	keep_sample(live, baton_buf_view(out), baton_loop_unix_ms());
}

static void tell(struct live *live, baton_conn conn, struct baton_notice *notice)
{
	struct baton_server *server = live->control->server;
	unsigned index = BATON_CONN_WORKER(conn);

	if (index < server->n_workers)
		worker_notify_later(&server->workers[index], conn, notice);
}

static struct baton_notice *notice_of(baton_str text)
{
	struct baton_notice *notice = baton_notice_new(BATON_NOTE_OPERATIONS, &BATON_OPERATIONS_ID);

	notice->text = baton_notice_keep(notice, text);
	return notice;
}

/* Who comes hears how it is and how it was. */
static void tell_newcomer(struct live *live, baton_conn conn)
{
	struct baton_buf text = { NULL, 0, 0 };

	make_status(live, &text);
	text.n--; /* its brace */
	baton_buf_z(&text, ",\"history\":[");
	for (size_t i = 0; i < live->n; i++) {
		baton_buf_z(&text, i > 0 ? "," : "");
		baton_buf_str(&text,
			      baton_buf_view(&live->samples[(live->first + i) % LIVE_SAMPLES]));
	}
	baton_buf_z(&text, "]}");
	struct baton_notice *notice = notice_of(baton_buf_view(&text));
	tell(live, conn, notice);
	baton_notice_unref(&notice);
	baton_buf_done(&text);
}

static void tick(void *ud)
{
	struct live *live = ud;
	struct baton_buf text = { NULL, 0, 0 };
	struct looker *looker;

	make_status(live, &text);
	if (live->lookers) {
		struct baton_notice *notice = notice_of(baton_buf_view(&text));

		DL_FOREACH(live->lookers, looker)
			tell(live, looker->conn, notice);
		baton_notice_unref(&notice);
	}
	baton_buf_done(&text);
	live->timer = baton_loop_timer(live->control->loop,
				       live->lookers ? LIVE_EVERY_MS : LIVE_SAMPLE_MS, tick, live);
}

/* --- who looks ------------------------------------------------------------------------------- */

static struct looker *looker_find(struct live *live, baton_conn conn)
{
	struct looker *looker;

	DL_FOREACH(live->lookers, looker)
		if (looker->conn == conn)
			return looker;
	return NULL;
}

static void look(struct live *live, baton_conn conn)
{
	if (!looker_find(live, conn)) {
		if (live->n_lookers == LIVE_LOOKERS_MAX)
			return;
		struct looker *looker = baton_new(struct looker);
		looker->conn = conn;
		DL_APPEND(live->lookers, looker);
		if (live->n_lookers++ == 0) {
			baton_loop_timer_stop(live->control->loop, live->timer);
			live->timer =
				baton_loop_timer(live->control->loop, LIVE_EVERY_MS, tick, live);
		}
	}
	tell_newcomer(live, conn);
}

static void look_away(struct live *live, struct looker *looker)
{
	DL_DELETE(live->lookers, looker);
	live->n_lookers--;
	baton_free(looker);
}

struct live *live_start(struct control *control)
{
	struct live *live = baton_new(struct live);

	live->control = control;
	live->timer = baton_loop_timer(control->loop, LIVE_SAMPLE_MS, tick, live);
	return live;
}

void live_stop(struct live **live)
{
	struct looker *looker, *after;

	if (!*live)
		return;
	baton_loop_timer_stop((*live)->control->loop, (*live)->timer);
	DL_FOREACH_SAFE((*live)->lookers, looker, after)
	look_away(*live, looker);
	for (size_t i = 0; i < LIVE_SAMPLES; i++)
		baton_buf_done(&(*live)->samples[i]);
	baton_free(*live);
	*live = NULL;
}

struct look_mail {
	struct baton_mail mail;
	struct control *control;
	baton_conn conn;
	bool on;
};

static void look_deliver(struct baton_mail *mail, struct baton_loop *loop)
{
	struct look_mail *letter = (struct look_mail *)mail;
	struct live *live = loop ? letter->control->page : NULL;
	struct looker *looker = live ? looker_find(live, letter->conn) : NULL;

	if (live && letter->on)
		look(live, letter->conn);
	else if (looker)
		look_away(live, looker);
	baton_free(letter);
}

void baton_port_operations(struct baton_port *port, baton_conn conn, bool on)
{
	struct control *control = port->worker->server->control;
	struct look_mail *letter = baton_new(struct look_mail);

	letter->mail.deliver = look_deliver;
	letter->control = control;
	letter->conn = conn;
	letter->on = on;
	baton_loop_post(control->loop, &letter->mail);
}

/* --- what they ask for ----------------------------------------------------------------------- */

void live_question_free(struct live_question **question)
{
	if (!*question)
		return;
	baton_buf_done(&(*question)->client_id);
	baton_free(*question);
	*question = NULL;
}

static void tell_done(struct live *live, const struct live_question *question, baton_str line)
{
	struct baton_json answer, ok = { .type = BATON_JSON_NONE };

	if (question->conn == 0)
		return;
	if (baton_json_parse(line, &answer) == 0)
		ok = baton_json_get(&answer, "ok");
	struct baton_notice *notice = baton_notice_new(BATON_NOTE_DONE, &BATON_OPERATIONS_ID);
	notice->client_id = baton_notice_keep(notice, baton_buf_view(&question->client_id));
	notice->text = baton_notice_keep(notice, line);
	notice->code = baton_json_bool(&ok) ? BATON_OK : BATON_E_STATE;
	tell(live, question->conn, notice);
	baton_notice_unref(&notice);
}

void live_answered(struct control_conn *conn, baton_str line)
{
	/* A step on the way, which nobody may ask for here, would have no "ok". */
	if (!conn->closing && conn->control->page)
		tell_done(conn->control->page, conn->asked, line);
}

int live_may(const struct control_request *request, char *hint, size_t cap)
{
	bool changes = true;

	switch (request->verb) {
	case CONTROL_PING:
	case CONTROL_STATUS:
	case CONTROL_BOARD:
	case CONTROL_TARGETS:
	case CONTROL_MODES:
	case CONTROL_DRILLS:
	case CONTROL_EXPLAIN:
	case CONTROL_RELEASES:
	case CONTROL_MODULES:
	case CONTROL_WHY_LIVE:
		changes = false;
		break;
	case CONTROL_TARGET_DISABLE:
	case CONTROL_TARGET_ENABLE:
	case CONTROL_MODE_ENTER:
	case CONTROL_MODE_LEAVE:
	case CONTROL_DRILL_START:
	case CONTROL_DRILL_STOP:
	case CONTROL_RELOAD:
	case CONTROL_PROMOTE:
	case CONTROL_ROLLBACK:
	case CONTROL_DISCARD:
		break;
	case CONTROL_POLICIES:
	case CONTROL_DRAIN:
	case CONTROL_MODULE_SWAP:
	case CONTROL_MODULE_LOAD:
	case CONTROL_MODULE_CANARY:
	case CONTROL_MODULE_FORGIVE:
	case CONTROL_SESSION_ERASE:
	case CONTROL_CONVERSE:
	case CONTROL_MSG:
	case CONTROL_HUMAN:
	case CONTROL_FEEDBACK:
	case CONTROL_CLOSE:
	case CONTROL_LEAVE:
		snprintf(hint, cap, "this is done on the machine itself: see `baton --help`");
		return BATON_E_DENIED;
	}
	if (request->hold || request->steps || request->force || request->cold) {
		snprintf(hint, cap,
			 "`hold`, `steps`, `force` and `cold` are for the machine itself");
		return BATON_E_DENIED;
	}
	if (changes && request->why.n == 0) {
		snprintf(hint, cap, "say `why`: it is written into the operations log");
		return BATON_E_INVAL;
	}
	return BATON_OK;
}

struct ask_mail {
	struct baton_mail mail;
	struct control *control;
	struct live_question *question;
	char by[BATON_NAME_BYTES_MAX + 1];
	struct baton_buf request;
};

static void refuse_ask(struct live *live, const struct live_question *question)
{
	const struct baton_error_info *info = baton_error_info(BATON_E_LIMIT);
	struct baton_buf line = { NULL, 0, 0 };

	baton_buf_printf(&line,
			 "{\"ok\":false,\"error\":{\"code\":\"%s\",\"message\":", info->wire);
	baton_buf_json(&line, BATON_STR("too many requests of live pages are under way"));
	baton_buf_z(&line, ",\"retryable\":true}}");
	tell_done(live, question, baton_buf_view(&line));
	baton_buf_done(&line);
}

static void ask_deliver(struct baton_mail *mail, struct baton_loop *loop)
{
	struct ask_mail *letter = (struct ask_mail *)mail;
	struct live *live = loop ? letter->control->page : NULL;
	struct control_conn *conn =
		live ? control_conn_window(letter->control, letter->question, letter->by) : NULL;

	if (conn)
		control_answer(conn, baton_buf_view(&letter->request));
	else if (live)
		refuse_ask(live, letter->question);
	if (!conn)
		live_question_free(&letter->question);
	baton_buf_done(&letter->request);
	baton_free(letter);
}

void live_ask(struct baton_server *server, baton_conn conn, const char *by, baton_str client_id,
	      baton_str request)
{
	struct ask_mail *letter = baton_new(struct ask_mail);

	letter->mail.deliver = ask_deliver;
	letter->control = server->control;
	letter->question = baton_new(struct live_question);
	letter->question->conn = conn;
	baton_buf_str(&letter->question->client_id, client_id);
	snprintf(letter->by, sizeof(letter->by), "%s", by);
	baton_buf_str(&letter->request, request);
	baton_loop_post(server->control->loop, &letter->mail);
}

void baton_port_admin(struct baton_port *port, baton_conn conn, baton_str who, baton_str client_id,
		      baton_str request_json)
{
	char by[BATON_NAME_BYTES_MAX + 1];

	snprintf(by, sizeof(by), "admin:%.*s", (int)who.n, who.n ? who.p : "");
	live_ask(port->worker->server, conn, by, client_id, request_json);
}
