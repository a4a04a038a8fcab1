/* SPDX-License-Identifier: Apache-2.0 */

/* Conversations over the control socket: for drills, and for whoever tests a set by hand. To a
 * session each is a connection like a widget's, named by CONTROL_WORKER and a number that is never
 * used twice; what it hears is the same, told as facts instead of frames.
 *
 * As an agent it follows the session with an agent's eyes from its first message on: it speaks as
 * the customer and sees why things are done. What it hears until then, as the customer that
 * it is, is dropped, because the replay brings it again.
 */

#include "core/server/control.h"

#include "core/base/errors.h"

struct conversation {
	uint64_t number;
	struct baton_id session;
	struct control_conn *conn;
	char key[BATON_NAME_BYTES_MAX + 1];
	char channel[BATON_NAME_BYTES_MAX + 1], locale[BATON_NAME_BYTES_MAX + 1];
	char customer_tier[BATON_NAME_BYTES_MAX + 1];
	bool as_agent, deltas;
	bool begun;      /* something was said: the session exists, or soon will */
	bool subscribed; /* as an agent: what comes now is the replay or later */
	bool closing;    /* the customer is done; it ends with session_resolved */
	bool resolved;   /* it has ended, and nothing was said since */
	uint64_t told;   /* seq of the newest event told */
	struct conversation *prev, *next;
	UT_hash_handle hh;
};

static baton_conn name_of(const struct conversation *talk)
{
	return BATON_CONN(CONTROL_WORKER, talk->number);
}

static struct conversation *find_number(struct control *control, uint64_t number)
{
	struct conversation *talk = NULL;

	HASH_FIND(hh, control->talks, &number, sizeof(number), talk);
	return talk;
}

static struct conversation *find_key(const struct control_conn *conn, baton_str key)
{
	struct conversation *talk;

	DL_FOREACH(conn->talks, talk)
		if (baton_str_is(key, talk->key))
			return talk;
	return NULL;
}

/* --- facts ----------------------------------------------------------------------------------- */

/* `{"key":...,"ms":...,"what":` and whatever the caller adds; end_fact() closes both braces. */
static void begin_fact(const struct conversation *talk, const char *what, struct baton_buf *line)
{
	baton_buf_z(line, "{\"key\":");
	baton_buf_json(line, baton_str_of(talk->key));
	baton_buf_z(line, ",\"ms\":");
	baton_buf_u64(line, baton_loop_unix_ms());
	baton_buf_printf(line, ",\"%s\":", what);
}

static void end_fact(const struct conversation *talk, struct baton_buf *line)
{
	baton_buf_z(line, "}");
	control_send(talk->conn, line);
	baton_buf_done(line);
}

static void put_name(struct baton_buf *line, const char *lead, baton_str value)
{
	baton_buf_z(line, lead);
	baton_buf_json(line, value);
}

static void tell_ack(const struct conversation *talk, const struct baton_notice *notice)
{
	struct baton_buf line = { NULL, 0, 0 };

	begin_fact(talk, "ack", &line);
	put_name(&line, "{\"id\":", notice->client_id);
	baton_buf_printf(&line, ",\"seq\":%llu}", (unsigned long long)notice->seq);
	end_fact(talk, &line);
}

static void tell_refused(const struct conversation *talk, const struct baton_notice *notice)
{
	const struct baton_error_info *info = baton_error_info(notice->code);
	struct baton_buf line = { NULL, 0, 0 };

	begin_fact(talk, "refused", &line);
	put_name(&line, "{\"id\":", notice->client_id);
	put_name(&line, ",\"do\":", notice->verb_name);
	put_name(&line, ",\"code\":", baton_str_of(info->wire));
	put_name(&line, ",\"message\":", baton_str_of(info->text));
	baton_buf_z(&line, info->may_retry ? ",\"retryable\":true}" : ",\"retryable\":false}");
	end_fact(talk, &line);
}

static void tell_event(const struct conversation *talk, const struct baton_event *event)
{
	const struct baton_event_info *info = baton_event_info(event->type);
	struct baton_buf line = { NULL, 0, 0 };

	if (!info || (!talk->as_agent && !info->for_customers))
		return;
	begin_fact(talk, "event", &line);
	baton_buf_printf(&line, "{\"seq\":%llu,\"ts\":%llu,\"type\":\"%s\",\"data\":",
			 (unsigned long long)event->seq, (unsigned long long)event->unix_ms,
			 info->name);
	baton_event_json(event, talk->as_agent ? BATON_AUDIENCE_AGENT : BATON_AUDIENCE_CUSTOMER,
			 &line);
	baton_buf_z(&line, "}");
	end_fact(talk, &line);
}

static void tell_run(const struct conversation *talk, const struct baton_notice *notice)
{
	struct baton_buf line = { NULL, 0, 0 };

	begin_fact(talk, "run", &line);
	baton_buf_printf(&line, "{\"turn\":%llu,\"running\":%s}", (unsigned long long)notice->turn,
			 notice->running ? "true" : "false");
	end_fact(talk, &line);
}

static void tell_delta(const struct conversation *talk, const struct baton_notice *notice)
{
	struct baton_buf line = { NULL, 0, 0 };

	if (!talk->deltas)
		return;
	begin_fact(talk, "delta", &line);
	baton_buf_printf(&line, "{\"turn\":%llu,\"attempt\":%llu,\"off\":%llu",
			 (unsigned long long)notice->turn, (unsigned long long)notice->attempt,
			 (unsigned long long)notice->offset);
	put_name(&line, ",\"text\":", notice->text);
	baton_buf_z(&line, "}");
	end_fact(talk, &line);
}

/* --- beginning and end ----------------------------------------------------------------------- */

static void talk_free(struct conversation *talk)
{
	struct control_conn *conn = talk->conn;

	if (talk->begun)
		baton_port_unsubscribe(&conn->control->server->workers[0].port, &talk->session,
				       name_of(talk));
	HASH_DEL(conn->control->talks, talk);
	DL_DELETE(conn->talks, talk);
	conn->n_talks--;
	baton_free(talk);
}

void converse_leave_all(struct control_conn *conn)
{
	while (conn->talks)
		talk_free(conn->talks);
}

static void talk_close(struct conversation *talk)
{
	struct baton_buf line = { NULL, 0, 0 };

	begin_fact(talk, "closed", &line);
	baton_buf_z(&line, "true");
	end_fact(talk, &line);
	talk_free(talk);
}

static void set_name(char to[BATON_NAME_BYTES_MAX + 1], baton_str name, const char *otherwise)
{
	if (name.n == 0)
		name = baton_str_of(otherwise);
	memcpy(to, name.p, name.n);
	to[name.n] = '\0';
}

void converse_open(struct control_conn *conn, const struct control_request *request)
{
	struct control *control = conn->control;
	struct baton_port *port = &control->server->workers[0].port;
	struct baton_buf line = { NULL, 0, 0 };
	char text[BATON_ID_TEXT + 1];

	if (request->key.n == 0 || find_key(conn, request->key)) {
		control_refuse(conn, request, BATON_E_STATE,
			       "choose a `key` that no open conversation of this connection has");
		return;
	}
	if (conn->n_talks == CONTROL_TALKS_MAX) {
		control_refuse(conn, request, BATON_E_LIMIT,
			       "256 conversations are open here; close some, or connect once more");
		return;
	}
	struct conversation *talk = baton_new(struct conversation);
	talk->number = ++control->last_talk;
	talk->session = baton_port_new_session(port);
	talk->conn = conn;
	talk->as_agent = request->as_agent;
	talk->deltas = request->deltas;
	set_name(talk->key, request->key, "");
	set_name(talk->channel, request->channel, "drill");
	set_name(talk->locale, request->locale, "en");
	set_name(talk->customer_tier, request->customer_tier, "");
	HASH_ADD(hh, control->talks, number, sizeof(talk->number), talk);
	DL_APPEND(conn->talks, talk);
	conn->n_talks++;

	baton_id_text(&talk->session, text);
	put_name(&line, "{\"ok\":true,\"do\":\"converse\",\"tag\":", request->tag);
	put_name(&line, ",\"key\":", request->key);
	put_name(&line, ",\"session\":", baton_str_of(text));
	baton_buf_z(&line, "}");
	control_send(conn, &line);
	baton_buf_done(&line);
}

/* --- what is said ---------------------------------------------------------------------------- */

static void post(struct conversation *talk, struct baton_command *command)
{
	struct baton_server *server = talk->conn->control->server;

	command->role = BATON_CUSTOMER;
	command->channel = baton_str_of(talk->channel);
	command->locale = baton_str_of(talk->locale);
	command->customer_tier = baton_str_of(talk->customer_tier);
	worker_command(worker_of(server, &talk->session), &talk->session, name_of(talk), command);
	if (!talk->begun && talk->as_agent)
		baton_port_subscribe(&server->workers[0].port, &talk->session, name_of(talk),
				     BATON_AUDIENCE_AGENT, 0);
	talk->begun = true;
}

static void say(struct conversation *talk, const struct control_request *request)
{
	struct baton_command command = { .verb = BATON_CMD_MESSAGE,
					 .client_id = request->id,
					 .text = request->text,
					 .value = request->value,
					 .about_seq = request->about };

	if (request->verb == CONTROL_HUMAN)
		command.verb = BATON_CMD_HUMAN;
	if (request->verb == CONTROL_FEEDBACK)
		command.verb = BATON_CMD_FEEDBACK;
	if (request->verb == CONTROL_CLOSE)
		command.verb = BATON_CMD_RESOLVE;
	talk->closing = talk->closing || request->verb == CONTROL_CLOSE;
	talk->resolved = false;
	post(talk, &command);
}

void converse_say(struct control_conn *conn, const struct control_request *request)
{
	struct conversation *talk = find_key(conn, request->key);

	if (!talk)
		control_refuse(conn, request, BATON_E_NOTFOUND,
			       "no conversation of this connection has that `key`; open it with"
			       " {\"do\":\"converse\",\"key\":...}");
	else if (request->verb == CONTROL_LEAVE ||
		 (request->verb == CONTROL_CLOSE && (!talk->begun || talk->resolved)))
		talk_close(talk);
	else if (request->verb == CONTROL_FEEDBACK && !talk->begun)
		control_refuse(conn, request, BATON_E_STATE, "say something first");
	else
		say(talk, request);
}

/* --- what is heard --------------------------------------------------------------------------- */

static void hear_event(struct conversation *talk, const struct baton_notice *notice)
{
	if (notice->event.seq <= talk->told || (talk->as_agent && !talk->subscribed))
		return;
	talk->told = notice->event.seq;
	tell_event(talk, &notice->event);
	talk->resolved = notice->event.type == BATON_EV_SESSION_RESOLVED;
	if (talk->closing && talk->resolved)
		talk_close(talk);
}

/* "resume" was ours, behind a first message that was refused: the next one tries again. A server
 * that drains refuses without naming what. */
static void hear_refused(struct conversation *talk, const struct baton_notice *notice)
{
	bool closes = baton_str_is(notice->verb_name, "resolve") ||
		      (notice->verb_name.n == 0 && notice->client_id.n == 0);

	if (baton_str_is(notice->verb_name, "resume"))
		talk->begun = false;
	else
		tell_refused(talk, notice);
	if (talk->closing && closes)
		talk_close(talk);
}

static void hear(struct conversation *talk, const struct baton_notice *notice)
{
	switch (notice->type) {
	case BATON_NOTE_EVENT:
		hear_event(talk, notice);
		break;
	case BATON_NOTE_ACK:
		tell_ack(talk, notice);
		break;
	case BATON_NOTE_REFUSED:
		hear_refused(talk, notice);
		break;
	case BATON_NOTE_SUBSCRIBED:
		talk->subscribed = true;
		break;
	case BATON_NOTE_MORE:
		baton_port_subscribe(&talk->conn->control->server->workers[0].port, &talk->session,
				     name_of(talk),
				     talk->as_agent ? BATON_AUDIENCE_AGENT
						    : BATON_AUDIENCE_CUSTOMER,
				     notice->seq);
		break;
	case BATON_NOTE_RUN:
		if (!talk->as_agent || talk->subscribed)
			tell_run(talk, notice);
		break;
	case BATON_NOTE_DELTA:
		if (!talk->as_agent || talk->subscribed)
			tell_delta(talk, notice);
		break;
	case BATON_NOTE_CAUGHT_UP:
	case BATON_NOTE_TYPING:
	case BATON_NOTE_CASE:
	case BATON_NOTE_OFFER:
	case BATON_NOTE_OVERVIEW:
	case BATON_NOTE_PLACE:
	case BATON_NOTE_PACKAGE:
	case BATON_NOTE_OPERATIONS:
	case BATON_NOTE_DONE:
	case BATON_NOTE_DESK:
		break;
	}
}

struct hear_mail {
	struct baton_mail mail;
	struct control *control;
	uint64_t number;
	struct baton_notice *notice;
};

static void hear_deliver(struct baton_mail *mail, struct baton_loop *loop)
{
	struct hear_mail *letter = (struct hear_mail *)mail;
	struct conversation *talk = loop ? find_number(letter->control, letter->number) : NULL;

	if (talk)
		hear(talk, letter->notice);
	else if (loop)
		(void)control_erase_hear(letter->control, letter->number, letter->notice);
	baton_notice_unref(&letter->notice);
	baton_free(letter);
}

void control_notify(struct control *control, baton_conn conn, struct baton_notice *notice)
{
	struct hear_mail *letter = baton_new(struct hear_mail);

	letter->mail.deliver = hear_deliver;
	letter->control = control;
	letter->number = conn & ((UINT64_C(1) << 56) - 1);
	letter->notice = baton_notice_ref(notice);
	baton_loop_post(control->loop, &letter->mail);
}
