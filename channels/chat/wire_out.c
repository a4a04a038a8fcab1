/* SPDX-License-Identifier: Apache-2.0 */

/* Writes server frames. Messages become AG-UI's START, CONTENT and END, everything else durable one
 * CUSTOM event; what a customer may see of it is the visibility in events.def and nothing here.
 * Surprising: an answer that was streamed ends with END alone, so the same durable event is three
 * frames for one connection and one for another; struct baton_stream tells which.
 */

#include "channels/chat/wire_put.h"

#include "core/base/errors.h"
#include "core/base/limits.h"

#include <stdio.h>

enum {
	MESSAGE_ID_MAX = 2 + BATON_CLIENT_ID_BYTES_MAX + 20 /* two numbers, too */,
	RETRY_LATER_MS = 1000
};

static const char *owner_name(enum baton_owner owner)
{
	switch (owner) {
	case BATON_OWNER_BOT:
		return "bot";
	case BATON_OWNER_QUEUE:
		return "queue";
	case BATON_OWNER_AGENT:
		return "agent";
	}
	return "bot";
}

static const char *role_name(enum baton_role role)
{
	switch (role) {
	case BATON_AGENT:
		return "agent";
	case BATON_SUPERVISOR:
		return "supervisor";
	case BATON_ADMIN:
		return "admin";
	case BATON_CUSTOMER:
	case BATON_SELF:
		return "customer";
	}
	return "customer";
}

/* --- frames of the connection itself ------------------------------------------------------- */

/* What may be uploaded; nothing of it where files are not taken. */
static void put_file_limits(struct baton_buf *out, const struct baton_file_limits *files)
{
	if (files->bytes == 0)
		return;
	put_u64(out, ",\"attachments\":{\"bytes\":", files->bytes);
	put_z(out, ",\"types\":[");
	for (size_t i = 0; i < files->n_types; i++)
		put_str(out, i ? "," : "", baton_str_of(files->types[i]));
	put_z(out, "]}");
}

void baton_wire_welcome(const struct baton_welcome *welcome, struct baton_buf *out)
{
	put_str(out, "{\"t\":\"welcome\",\"role\":", baton_str_of(role_name(welcome->role)));
	if (welcome->session) {
		put_id(out, ",\"session\":", welcome->session);
		put_str(out, ",\"token\":", baton_str_of(welcome->token));
		put_u64(out, ",\"seq\":", welcome->seq);
		put_str(out, ",\"owner\":", baton_str_of(owner_name(welcome->owner)));
	}
	put_u64(out, ",\"heartbeat_ms\":", BATON_HEARTBEAT_MS);
	put_u64(out, ",\"limits\":{\"msg_bytes\":", BATON_FRAME_BYTES_MAX);
	put_u64(out, ",\"text_bytes\":", BATON_TEXT_BYTES_MAX);
	put_u64(out, ",\"msgs_per_s\":", BATON_MSG_PER_S);
	put_file_limits(out, &welcome->files);
	put_str(out, "},\"mode\":", welcome->mode.n > 0 ? welcome->mode : BATON_STR("normal"));
	put_opt(out, ",\"agent\":", welcome->agent);
	put_opt(out, ",\"agent_name\":", welcome->agent_name);
	put_opt(out, ",\"greeting\":", baton_str_of(welcome->greeting));
	put_opt(out, ",\"disclosure\":", baton_str_of(welcome->disclosure));
	baton_buf_str(out, welcome->desk_words);
	put_z(out, "}");
}

static void put_error(struct baton_buf *out, int code)
{
	const struct baton_error_info *info = baton_error_info(code);

	put_str(out, "{\"t\":\"err\",\"code\":", baton_str_of(info->wire));
	put_str(out, ",\"message\":", baton_str_of(info->text));
	put_z(out, info->may_retry ? ",\"retryable\":true" : ",\"retryable\":false");
}

void baton_wire_err(const struct baton_refusal *refusal, struct baton_buf *out)
{
	put_error(out, refusal->code);
	if (refusal->retry_after_ms > 0)
		put_u64(out, ",\"retry_after_ms\":", refusal->retry_after_ms);
	put_opt(out, ",\"id\":", refusal->id);
	put_opt(out, ",\"for\":", refusal->type);
	put_z(out, "}");
}

void baton_wire_pong(bool has_n, uint64_t n, struct baton_buf *out)
{
	put_z(out, "{\"t\":\"pong\"");
	if (has_n)
		put_u64(out, ",\"n\":", n);
	put_z(out, "}");
}

void baton_wire_bye(const char *reason, uint64_t reconnect_after_ms, struct baton_buf *out)
{
	put_str(out, "{\"t\":\"bye\",\"reason\":", baton_str_of(reason));
	put_u64(out, ",\"reconnect_after_ms\":", reconnect_after_ms);
	put_z(out, "}");
}

/* --- events -------------------------------------------------------------------------------- */

static struct baton_buf *begin_ev(const struct teller *teller, bool durable, const char *type)
{
	struct baton_buf *out = teller->to->out;

	put_z(out, "{\"t\":\"ev\"");
	if (durable) {
		put_u64(out, ",\"seq\":", teller->notice->event.seq);
		put_u64(out, ",\"ts\":", teller->notice->event.unix_ms);
	}
	if (teller->audience == BATON_AUDIENCE_AGENT)
		put_id(out, ",\"session\":", &teller->notice->session);
	put_word(out, ",\"ev\":{\"type\":\"", type);
	return out;
}

/* A text message: who speaks, and under which id. */
struct message {
	char id[MESSAGE_ID_MAX + 1];
	const char *role, *author;
	baton_str author_name, text;
};

static void tell_start(const struct teller *teller, const struct message *message)
{
	struct baton_buf *out = begin_ev(teller, false, "TEXT_MESSAGE_START");

	put_str(out, ",\"messageId\":", baton_str_of(message->id));
	put_word(out, ",\"role\":\"", message->role);
	end_frame(teller, "}}");
}

/* `off` stands beside `ev`, so this frame is not begun like the others. */
static void tell_content(const struct teller *teller, const char *id, uint64_t off, baton_str delta)
{
	struct baton_buf *out = teller->to->out;

	put_u64(out, "{\"t\":\"ev\",\"off\":", off);
	if (teller->audience == BATON_AUDIENCE_AGENT)
		put_id(out, ",\"session\":", &teller->notice->session);
	put_str(out, ",\"ev\":{\"type\":\"TEXT_MESSAGE_CONTENT\",\"messageId\":", baton_str_of(id));
	put_str(out, ",\"delta\":", delta);
	end_frame(teller, "}}");
}

static bool is_set(const struct baton_field_info *field, const void *at)
{
	baton_str s = BATON_STR_NONE;
	uint64_t v = 0;
	bool b = false;

	switch (field->kind) {
	case BATON_FIELD_STR:
	case BATON_FIELD_JSON:
		memcpy(&s, at, sizeof(s));
		return s.n > 0;
	case BATON_FIELD_U64:
		memcpy(&v, at, sizeof(v));
		return v != 0;
	case BATON_FIELD_BOOL:
		memcpy(&b, at, sizeof(b));
		return b;
	}
	return false;
}

static void put_field(struct baton_buf *out, const struct baton_field_info *field, const void *at)
{
	baton_str s;
	uint64_t v;

	baton_buf_key(out, &field->key);
	switch (field->kind) {
	case BATON_FIELD_STR:
		memcpy(&s, at, sizeof(s));
		baton_buf_json(out, s);
		break;
	case BATON_FIELD_JSON:
		memcpy(&s, at, sizeof(s));
		baton_buf_str(out, s);
		break;
	case BATON_FIELD_U64:
		memcpy(&v, at, sizeof(v));
		baton_buf_u64(out, v);
		break;
	case BATON_FIELD_BOOL: /* false is left out */
		put_z(out, "true");
		break;
	}
}

/* The fields that this audience may see, but for the text, which went out as CONTENT. */
static void put_fields(const struct teller *teller, struct baton_buf *out)
{
	const struct baton_event *event = &teller->notice->event;
	const struct baton_event_info *info = baton_event_info(event->type);

	for (size_t i = 0; i < info->n_fields; i++) {
		const struct baton_field_info *field = &info->fields[i];
		const void *at = (const char *)event + field->offset;

		if (!field->is_public && teller->audience == BATON_AUDIENCE_CUSTOMER)
			continue;
		if (is_set(field, at) && strcmp(field->name, "text") != 0)
			put_field(out, field, at);
	}
}

static void tell_end(const struct teller *teller, const struct message *message)
{
	struct baton_buf *out = begin_ev(teller, true, "TEXT_MESSAGE_END");

	put_str(out, ",\"messageId\":", baton_str_of(message->id));
	put_word(out, ",\"metadata\":{\"baton\":{\"author\":{\"kind\":\"", message->author);
	put_opt(out, ",\"name\":", message->author_name);
	put_u64(out, "},\"bytes\":", message->text.n);
	put_fields(teller, out);
	end_frame(teller, "}}}}");
}

/* What the connection has not been shown of the text, then END. */
static void tell_message(const struct teller *teller, const struct message *message, uint64_t shown)
{
	if (shown == 0)
		tell_start(teller, message);
	if (shown < message->text.n) {
		baton_str rest = { message->text.p + shown, message->text.n - shown };
		tell_content(teller, message->id, shown, rest);
	}
	tell_end(teller, message);
}

/* The decimal of `v`; returns its end, where there is a NUL now. */
static char *decimal(char *to, uint64_t v)
{
	size_t n = 1;

	for (uint64_t rest = v / 10; rest > 0; rest /= 10)
		n++;
	to[n] = '\0';
	for (size_t i = n; i-- > 0; v /= 10)
		to[i] = (char)('0' + v % 10);
	return to + n;
}

static void answer_id(char id[MESSAGE_ID_MAX + 1], uint64_t turn, uint64_t attempt)
{
	char *end = decimal(id, turn);

	*end = '-';
	(void)decimal(end + 1, attempt);
}

/* Bytes of this attempt that the connection has seen; a stream of another attempt counts for
 * nothing. */
static uint64_t shown_of(const struct baton_stream *stream, uint64_t turn, uint64_t attempt)
{
	if (!stream || stream->turn != turn || stream->attempt != attempt)
		return 0;
	return stream->bytes;
}

static void tell_answer(const struct teller *teller, struct baton_stream *stream)
{
	const struct baton_ev_answer_generated *answer = &teller->notice->event.answer_generated;
	struct message message = { .role = "assistant", .author = "bot", .text = answer->text };
	uint64_t shown = shown_of(stream, answer->turn, answer->attempt);

	answer_id(message.id, answer->turn, answer->attempt);
	tell_message(teller, &message, shown <= answer->text.n ? shown : answer->text.n);
	if (stream)
		*stream = (struct baton_stream){ 0 };
}

static void tell_customer_message(const struct teller *teller)
{
	const struct baton_ev_message_received *said = &teller->notice->event.message_received;
	struct message message = { .role = "user", .author = "customer", .text = said->text };
	baton_str id = baton_str_clip(said->client_id, BATON_CLIENT_ID_BYTES_MAX);

	(void)snprintf(message.id, sizeof(message.id), "c-%.*s", (int)id.n, id.n ? id.p : "");
	tell_message(teller, &message, 0);
}

static void tell_human_message(const struct teller *teller)
{
	const struct baton_ev_human_message *said = &teller->notice->event.human_message;
	struct message message = { .role = "assistant",
				   .author = "human",
				   .author_name = said->agent_name,
				   .text = said->text };

	message.id[0] = 's';
	(void)decimal(message.id + 1, teller->notice->event.seq);
	tell_message(teller, &message, 0);
}

static void tell_custom(const struct teller *teller, const struct baton_event_info *info)
{
	struct baton_buf *out = begin_ev(teller, true, "CUSTOM");

	put_z(out, ",\"name\":\"baton.");
	put_z(out, info->name);
	put_z(out, "\",\"value\":");
	baton_event_json(&teller->notice->event, teller->audience, out);
	end_frame(teller, "}}");
}

/* Customers hear that something is looked up, in the words of its title, and when that is over.
 * What it was given and what it found is for agents, who get the events as they are. */
static void tell_tool_called(const struct teller *teller)
{
	const struct baton_ev_tool_called *called = &teller->notice->event.tool_called;
	struct baton_buf *out = begin_ev(teller, false, "TOOL_CALL_START");

	put_str(out, ",\"toolCallId\":", called->call);
	put_str(out, ",\"toolCallName\":", called->title);
	end_frame(teller, "}}");
	out = begin_ev(teller, true, "TOOL_CALL_END");
	put_str(out, ",\"toolCallId\":", called->call);
	end_frame(teller, "}}");
}

static void tell_tool_finished(const struct teller *teller)
{
	const struct baton_ev_tool_finished *finished = &teller->notice->event.tool_finished;
	struct baton_buf *out = begin_ev(teller, true, "TOOL_CALL_RESULT");

	put_u64(out, ",\"messageId\":\"s", teller->notice->event.seq);
	put_str(out, "\",\"toolCallId\":", finished->call);
	put_z(out, ",\"content\":\"\",\"role\":\"tool\"");
	end_frame(teller, "}}");
}

static void tell_event(const struct teller *teller, struct baton_stream *stream)
{
	bool to_customer = teller->audience == BATON_AUDIENCE_CUSTOMER;
	const struct baton_event *event = &teller->notice->event;
	const struct baton_event_info *info = baton_event_info(event->type);

	if (!info || (to_customer && !info->for_customers))
		return;
	if (event->type == BATON_EV_MESSAGE_RECEIVED)
		tell_customer_message(teller);
	else if (event->type == BATON_EV_ANSWER_GENERATED)
		tell_answer(teller, stream);
	else if (event->type == BATON_EV_HUMAN_MESSAGE)
		tell_human_message(teller);
	else if (event->type == BATON_EV_TOOL_CALLED && to_customer)
		tell_tool_called(teller);
	else if (event->type == BATON_EV_TOOL_FINISHED && to_customer)
		tell_tool_finished(teller);
	else
		tell_custom(teller, info);
}

/* --- what passes --------------------------------------------------------------------------- */

/* The end of a run withdraws what has no END; another run begins with its first byte. */
static void tell_run(const struct teller *teller, struct baton_stream *stream)
{
	struct baton_buf *out =
		begin_ev(teller, false, teller->notice->running ? "RUN_STARTED" : "RUN_FINISHED");

	put_id(out, ",\"threadId\":", &teller->notice->session);
	put_u64(out, ",\"runId\":\"", teller->notice->turn);
	end_frame(teller, "\"}}");
	if (stream && !teller->notice->running && stream->turn == teller->notice->turn)
		*stream = (struct baton_stream){ 0 };
}

/* Sends what is new of a delta: one that begins further on than what was shown waits for END, which
 * brings the rest; one that begins earlier (after a new subscription) is cut. */
static void tell_delta(const struct teller *teller, struct baton_stream *stream)
{
	const struct baton_notice *notice = teller->notice;
	uint64_t shown = shown_of(stream, notice->turn, notice->attempt);
	struct message message = { .role = "assistant" };

	if (!stream || notice->offset > shown || notice->offset + notice->text.n <= shown)
		return;
	answer_id(message.id, notice->turn, notice->attempt);
	if (shown == 0)
		tell_start(teller, &message);

	size_t skip = (size_t)(shown - notice->offset);
	baton_str fresh = { notice->text.p + skip, notice->text.n - skip };
	tell_content(teller, message.id, shown, fresh);
	*stream = (struct baton_stream){ .turn = notice->turn,
					 .attempt = notice->attempt,
					 .bytes = shown + fresh.n };
}

static void tell_typing(const struct teller *teller)
{
	struct baton_buf *out = begin_ev(teller, false, "CUSTOM");

	put_str(out, ",\"name\":\"baton.typing\",\"value\":{\"who\":",
		teller->notice->actor == 0 ? BATON_STR("customer") : BATON_STR("agent"));
	put_opt(out, ",\"name\":", teller->notice->agent_name);
	end_frame(teller, "}}}");
}

/* --- answers ------------------------------------------------------------------------------- */

static void put_session(const struct teller *teller)
{
	if (teller->audience == BATON_AUDIENCE_AGENT)
		put_id(teller->to->out, ",\"session\":", &teller->notice->session);
}

static void tell_ack(const struct teller *teller)
{
	put_str(teller->to->out, "{\"t\":\"ack\",\"id\":", teller->notice->client_id);
	put_u64(teller->to->out, ",\"seq\":", teller->notice->seq);
	put_session(teller);
	end_frame(teller, "}");
}

/* The core's word for what was refused, as the frame that asked for it. */
static baton_str frame_of(baton_str verb, enum baton_audience audience)
{
	if (!baton_str_is(verb, "resume"))
		return verb;
	return audience == BATON_AUDIENCE_AGENT ? BATON_STR("open") : BATON_STR("hello");
}

static void tell_refused(const struct teller *teller)
{
	const struct baton_notice *notice = teller->notice;
	struct baton_buf *out = teller->to->out;

	put_error(out, notice->code);
	if (baton_error_info(notice->code)->may_retry)
		put_u64(out, ",\"retry_after_ms\":", RETRY_LATER_MS);
	put_opt(out, ",\"id\":", notice->client_id);
	put_opt(out, ",\"for\":", frame_of(notice->verb_name, teller->audience));
	if (notice->seq > 0)
		put_u64(out, ",\"seq\":", notice->seq);
	put_session(teller);
	end_frame(teller, "}");
}

static void tell_caught_up(const struct teller *teller)
{
	put_u64(teller->to->out, "{\"t\":\"caught_up\",\"seq\":", teller->notice->seq);
	put_str(teller->to->out,
		",\"owner\":", baton_str_of(owner_name(teller->notice->state.owner)));
	put_session(teller);
	end_frame(teller, "}");
}

void baton_wire_notice(const struct baton_notice *notice, enum baton_audience audience,
		       struct baton_stream *stream, const struct baton_frames *frames)
{
	const struct teller teller = { notice, audience, frames };

	switch (notice->type) {
	case BATON_NOTE_EVENT:
		tell_event(&teller, stream);
		break;
	case BATON_NOTE_ACK:
		tell_ack(&teller);
		break;
	case BATON_NOTE_REFUSED:
		tell_refused(&teller);
		break;
	case BATON_NOTE_SUBSCRIBED:
	case BATON_NOTE_MORE:
		break;
	case BATON_NOTE_CAUGHT_UP:
		tell_caught_up(&teller);
		break;
	case BATON_NOTE_RUN:
		tell_run(&teller, stream);
		break;
	case BATON_NOTE_DELTA:
		tell_delta(&teller, stream);
		break;
	case BATON_NOTE_TYPING:
		tell_typing(&teller);
		break;
	case BATON_NOTE_CASE:
		wire_case(&teller);
		break;
	case BATON_NOTE_DESK:
		wire_desk(&teller);
		break;
	case BATON_NOTE_OFFER:
		wire_offer(&teller);
		break;
	case BATON_NOTE_OVERVIEW:
		wire_overview(&teller);
		break;
	case BATON_NOTE_PLACE:
		wire_place(&teller);
		break;
	case BATON_NOTE_PACKAGE:
		wire_package(&teller);
		break;
	case BATON_NOTE_OPERATIONS:
		wire_operations(&teller);
		break;
	case BATON_NOTE_DONE:
		wire_done(&teller);
		break;
	}
}
