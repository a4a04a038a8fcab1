/* SPDX-License-Identifier: Apache-2.0 */

/* What a client says, and what we make of it: hello, commands for sessions, and the refusals
 * that do not need a session. A customer's hello stores nothing: the session exists from the
 * first message on, so somebody who only looks costs nothing.
 */

#include "channels/chat/conn.h"

#include "core/base/errors.h"
#include "core/base/limits.h"

enum {
	CLOSE_POLICY = 1008,
	LIMITED_MAX = 100, /* frames refused in a row for their rate; then it is no accident */
	FRAME_MILLI = 1000 /* of the bucket */
};

static void refuse(struct conn *conn, const struct baton_frame *frame, int code)
{
	conn_err(conn, &(struct baton_refusal){ .code = code, .id = frame->id, .type = frame->t });
}

/* --- hello --------------------------------------------------------------------------------- */

/* `subscribed` tells of a session that exists; NULL for a new one. Agents have none. */
static void welcome(struct conn *conn, const struct follow *follow,
		    const struct baton_notice *subscribed)
{
	struct baton_port *port = chat_port(conn->chat);
	char token[BATON_RESUME_TEXT + 1] = "";
	struct baton_welcome frame = { .role = conn_role(conn),
				       .files = baton_port_file_limits(port) };
	struct baton_buf words = { NULL, 0, 0 };

	if (follow) {
		baton_port_resume_token(port, &follow->session, token);
		frame.session = &follow->session;
		frame.token = token;
		frame.seq = subscribed ? subscribed->seq : 0;
		frame.owner = subscribed ? subscribed->state.owner : BATON_OWNER_BOT;
		frame.mode = subscribed ? subscribed->state.mode : BATON_STR("");
		frame.greeting = subscribed ? NULL : baton_port_greeting(port);
		frame.disclosure = subscribed && subscribed->state.disclosed
					   ? NULL
					   : baton_port_disclosure(port);
	} else {
		frame.agent = conn_who(conn, WHO_AGENT);
		frame.agent_name = conn_who(conn, WHO_AGENT_NAME);
		if (frame.role != BATON_ADMIN)
			baton_port_desk_words(port, frame.agent, &words);
		frame.desk_words = baton_buf_view(&words);
	}
	conn->state = follow ? CONN_CUSTOMER : CONN_AGENT;
	chat_young(conn, false);
	baton_wire_welcome(&frame, conn_frame_begin(conn));
	conn_frame_end(conn, FRAME_KEPT);
	baton_buf_done(&words);
}

/* 0, or why not; the identity is known afterwards. */
static int show_ticket(struct conn *conn, baton_str ticket)
{
	struct baton_identity identity;

	if (conn->known)
		return 0;
	if (ticket.n == 0)
		return BATON_E_AUTH;
	int rc = baton_port_ticket_take(chat_port(conn->chat), ticket, conn_who(conn, WHO_ORIGIN),
					&identity);
	if (rc < 0)
		return rc;
	conn->known = true;
	conn_identify(conn, &identity, BATON_STR_NONE);
	return 0;
}

static void resume(struct conn *conn, const struct baton_frame *frame)
{
	if (!baton_port_resume_ok(chat_port(conn->chat), &frame->session, frame->token)) {
		refuse(conn, frame, BATON_E_AUTH);
		return;
	}
	conn->state = CONN_RESUMING;
	conn->has_begun = true;
	follow_subscribe(conn, follow_add(conn, &frame->session, frame->after));
}

static void begin(struct conn *conn)
{
	struct baton_id session = baton_port_new_session(chat_port(conn->chat));

	welcome(conn, follow_add(conn, &session, 0), NULL);
}

static void on_hello(struct conn *conn, const struct baton_frame *frame)
{
	if (conn->state != CONN_NEW) {
		refuse(conn, frame, BATON_E_STATE);
		return;
	}
	int rc = show_ticket(conn, frame->ticket);
	if (rc < 0) {
		chat_count(conn->chat, BATON_METRIC_HANDSHAKES_REFUSED);
		refuse(conn, frame, rc);
		conn_close(conn, CLOSE_POLICY);
		return;
	}
	conn_set_locale(conn, frame->locale);
	if (conn_role(conn) != BATON_CUSTOMER)
		welcome(conn, NULL, NULL);
	else if (frame->has_resume)
		resume(conn, frame);
	else
		begin(conn);
}

void talk_resumed(struct conn *conn, const struct baton_notice *subscribed)
{
	struct follow *follow = follow_find(conn, &subscribed->session);

	/* Somebody else has signed in since: his page begins a conversation of his own. */
	baton_str customer = conn_who(conn, WHO_CUSTOMER), owner = subscribed->state.customer;
	if (customer.n > 0 && owner.n > 0 && !baton_str_eq(customer, owner)) {
		follow_leave(conn, follow);
		talk_resume_refused(conn, BATON_E_AUTH);
		return;
	}
	/* The client says what it has seen; it cannot be ahead of what there is. */
	if (follow->told > subscribed->seq)
		follow->told = follow->sent = subscribed->seq;
	welcome(conn, follow, subscribed);
}

void talk_resume_refused(struct conn *conn, int code)
{
	conn->state = CONN_NEW;
	conn->has_begun = false;
	conn_err(conn, &(struct baton_refusal){ .code = code, .type = BATON_STR("hello") });
}

/* --- the rest ------------------------------------------------------------------------------ */

/* The session that the frame is about, NULL if there is none. */
static const struct baton_id *session_of(const struct conn *conn, const struct baton_frame *frame)
{
	if (conn->state == CONN_AGENT)
		return frame->has_session ? &frame->session : NULL;
	return conn->n_follows > 0 ? &conn->follows[0]->session : NULL;
}

/* Who says it. A failed proof is told once: the connection shows nothing new with its second
 * word. */
static void add_who(struct conn *conn, struct baton_command *command)
{
	baton_str who[WHO_FIELDS];

	baton_who_texts(conn->who, who);
	command->role = conn_role(conn);
	command->agent = who[WHO_AGENT];
	command->agent_name = who[WHO_AGENT_NAME];
	command->channel = BATON_STR("web");
	command->locale = who[WHO_LOCALE];
	command->customer = who[WHO_CUSTOMER];
	command->customer_tier = who[WHO_TIER];
	command->origin = who[WHO_ORIGIN];
	command->identity = (struct baton_signed_identity){
		.customer = command->customer,
		.name = who[WHO_NAME],
		.email = who[WHO_EMAIL],
		.customer_tier = command->customer_tier,
		.attributes = who[WHO_ATTRIBUTES],
		.key = who[WHO_KEY],
	};
	command->claimed = who[WHO_CLAIMED];
	if (conn->told_failure ||
	    (command->verb != BATON_CMD_MESSAGE && command->verb != BATON_CMD_HUMAN))
		return;
	command->auth_failed = who[WHO_AUTH_FAILED];
	conn->told_failure = true;
}

/* What a message names must have been uploaded for this conversation, by who names it. */
struct attached {
	struct baton_file_info info[BATON_MSG_ATTACHMENTS_MAX];
	struct baton_attachment of[BATON_MSG_ATTACHMENTS_MAX];
};

static bool attach(struct conn *conn, const struct baton_id *session,
		   const struct baton_frame *frame, struct attached *to)
{
	bool is_agent = conn_role(conn) != BATON_CUSTOMER;
	baton_str agent = is_agent ? conn_who(conn, WHO_AGENT) : BATON_STR("");

	for (size_t i = 0; i < frame->n_attachments; i++) {
		struct baton_file_info *info = &to->info[i];

		if (!baton_port_attachment(chat_port(conn->chat), session, frame->attachments[i],
					   agent, info))
			return false;
		for (size_t k = 0; k < i; k++)
			if (baton_id_eq(&to->info[k].id, &info->id))
				return false;
		to->of[i] = (struct baton_attachment){ .id = frame->attachments[i],
						       .name = baton_str_of(info->name),
						       .media_type = baton_str_of(info->type),
						       .sha256 = baton_str_of(info->sha256),
						       .bytes = info->bytes };
	}
	return true;
}

static void command(struct conn *conn, const struct baton_frame *frame)
{
	struct baton_command command;
	struct attached attached;
	const struct baton_id *session = session_of(conn, frame);

	if (!session || !baton_frame_command(frame, &command)) {
		refuse(conn, frame, BATON_E_INVAL);
		return;
	}
	if (!attach(conn, session, frame, &attached)) {
		refuse(conn, frame, BATON_E_INVAL);
		return;
	}
	add_who(conn, &command);
	command.attachments = attached.of;
	command.n_attachments = frame->n_attachments;
	conn->has_begun = true;
	baton_port_command(chat_port(conn->chat), session, conn->id, &command);
}

/* About a conversation that there is: nothing to close or to judge before the first message. */
static void command_if_begun(struct conn *conn, const struct baton_frame *frame)
{
	if (conn->has_begun)
		command(conn, frame);
	else
		refuse(conn, frame, BATON_E_STATE);
}

static void on_typing(struct conn *conn, const struct baton_frame *frame)
{
	const struct baton_id *session = session_of(conn, frame);

	if (!session)
		refuse(conn, frame, BATON_E_INVAL);
	else if (conn->has_begun || conn->state == CONN_AGENT)
		baton_port_typing(chat_port(conn->chat), session, conn->id, conn_role(conn),
				  conn_who(conn, WHO_AGENT_NAME));
}

static void on_read(struct conn *conn, const struct baton_frame *frame)
{
	(void)conn; /* checked and counted; nobody is told of it yet */
	(void)frame;
}

static void on_ping(struct conn *conn, const struct baton_frame *frame)
{
	baton_wire_pong(frame->has_n, frame->n, conn_frame_begin(conn));
	conn_frame_end(conn, FRAME_KEPT);
}

static void on_desk(struct conn *conn, const struct baton_frame *frame)
{
	(void)frame;
	conn->watches_desk = true;
	conn_watch_desk(conn);
}

static void on_status(struct conn *conn, const struct baton_frame *frame)
{
	baton_port_desk_status(chat_port(conn->chat), conn->id, frame->available);
}

static void on_decline(struct conn *conn, const struct baton_frame *frame)
{
	baton_port_desk_decline(chat_port(conn->chat), conn->id, &frame->session);
}

static void on_open(struct conn *conn, const struct baton_frame *frame)
{
	struct follow *follow = follow_add(conn, &frame->session, frame->after);

	if (follow)
		follow_subscribe(conn, follow);
	else
		refuse(conn, frame, BATON_E_LIMIT);
}

static void on_leave(struct conn *conn, const struct baton_frame *frame)
{
	struct follow *follow = follow_find(conn, &frame->session);

	if (follow)
		follow_leave(conn, follow);
}

static void on_operations(struct conn *conn, const struct baton_frame *frame)
{
	conn->watches_operations = !frame->off;
	baton_port_operations(chat_port(conn->chat), conn->id, !frame->off);
}

static void on_admin(struct conn *conn, const struct baton_frame *frame)
{
	baton_port_admin(chat_port(conn->chat), conn->id, conn_who(conn, WHO_AGENT), frame->id,
			 frame->request);
}

static void on_package(struct conn *conn, const struct baton_frame *frame)
{
	baton_port_package(chat_port(conn->chat), &frame->session, conn->id);
}

/* Read down: everything a client can say. */
static void (*const handlers[BATON_FRAME_TYPES])(struct conn *conn,
						 const struct baton_frame *frame) = {
	[BATON_FRAME_HELLO] = on_hello,
	[BATON_FRAME_MSG] = command,
	[BATON_FRAME_HUMAN] = command,
	[BATON_FRAME_TYPING] = on_typing,
	[BATON_FRAME_READ] = on_read,
	[BATON_FRAME_FEEDBACK] = command_if_begun,
	[BATON_FRAME_CLOSE] = command_if_begun,
	[BATON_FRAME_PING] = on_ping,
	[BATON_FRAME_DESK] = on_desk,
	[BATON_FRAME_OPEN] = on_open,
	[BATON_FRAME_LEAVE] = on_leave,
	[BATON_FRAME_CLAIM] = command,
	[BATON_FRAME_RELEASE] = command,
	[BATON_FRAME_REPLY] = command,
	[BATON_FRAME_NOTE] = command,
	[BATON_FRAME_DRAFT] = command,
	[BATON_FRAME_HANDBACK] = command,
	[BATON_FRAME_RESOLVE] = command,
	[BATON_FRAME_TICKET] = command,
	[BATON_FRAME_TRANSFER] = command,
	[BATON_FRAME_TAG] = command,
	[BATON_FRAME_SUGGEST] = command,
	[BATON_FRAME_TOOL] = command,
	[BATON_FRAME_STATUS] = on_status,
	[BATON_FRAME_DECLINE] = on_decline,
	[BATON_FRAME_PACKAGE] = on_package,
	[BATON_FRAME_OPERATIONS] = on_operations,
	[BATON_FRAME_ADMIN] = on_admin,
};

/* --- bounds -------------------------------------------------------------------------------- */

/* 0: there was room in the bucket; else after how many milliseconds there will be. */
static uint64_t take_token(struct conn *conn)
{
	uint64_t now = chat_now_ms(conn->chat);
	uint64_t milli = conn->tokens_milli + (now - conn->refilled_ms) * BATON_MSG_PER_S;

	conn->refilled_ms = now;
	if (milli >= BATON_MSG_BURST * FRAME_MILLI) {
		milli = BATON_MSG_BURST * FRAME_MILLI;
		conn->limited = 0;
	}
	conn->tokens_milli = (uint32_t)milli;
	if (milli < FRAME_MILLI)
		return (FRAME_MILLI - milli + BATON_MSG_PER_S - 1) / BATON_MSG_PER_S;
	conn->tokens_milli -= FRAME_MILLI;
	return 0;
}

static void refuse_rate(struct conn *conn, const struct baton_frame *frame, uint64_t wait_ms)
{
	chat_count(conn->chat, BATON_METRIC_FRAMES_LIMITED);
	conn_err(conn, &(struct baton_refusal){ .code = BATON_E_RATE,
						.id = frame->id,
						.type = frame->t,
						.retry_after_ms = wait_ms });
	if (++conn->limited > LIMITED_MAX)
		conn_close(conn, CLOSE_POLICY);
}

static void refuse_bad(struct conn *conn, const struct baton_frame *frame, int code)
{
	chat_count(conn->chat, BATON_METRIC_FRAMES_BAD);
	refuse(conn, frame, code);
	if (code == BATON_E_JSON && ++conn->bad >= BATON_BAD_FRAMES_MAX)
		conn_close(conn, CLOSE_POLICY);
}

static bool may_say(const struct conn *conn, enum baton_frame_type type)
{
	if (type == BATON_FRAME_HELLO || type == BATON_FRAME_PING)
		return true;
	return conn->state == CONN_CUSTOMER || conn->state == CONN_AGENT;
}

int talk(struct conn *conn, baton_str bytes)
{
	struct baton_arena arena = { 0 };
	struct baton_frame frame;

	int rc = baton_frame_read(bytes, &arena, &frame);
	if (rc == BATON_E_UTF8)
		return rc;
	uint64_t wait_ms = baton_port_rate_limited(chat_port(conn->chat)) ? take_token(conn) : 0;
	if (wait_ms > 0)
		refuse_rate(conn, &frame, wait_ms);
	else if (rc < 0)
		refuse_bad(conn, &frame, rc);
	else if (!may_say(conn, frame.type)) /* a resume on its way is over in a moment */
		refuse(conn, &frame, conn->state == CONN_RESUMING ? BATON_E_AGAIN : BATON_E_STATE);
	else if (frame.type != BATON_FRAME_HELLO &&
		 !baton_frame_allowed(frame.type, conn_role(conn)))
		refuse(conn, &frame, BATON_E_DENIED);
	else
		handlers[frame.type](conn, &frame);
	baton_arena_done(&arena);
	return BATON_OK;
}
