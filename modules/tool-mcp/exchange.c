/* SPDX-License-Identifier: Apache-2.0 */

/* Messages and their answers; see exchange.h. What was answered is read on for a second, so that
 * the connection can be used again; nobody is told of that. */
#include "exchange.h"

#include "answer.h"
#include "modules/sdk/provider/hint.h"
#include "visit.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

enum {
	RESUMES_MAX = 8,    /* connections for one answer */
	QUESTIONS_MAX = 16, /* requests of the server beside one answer */
	RESUME_MS = 1000,   /* where the server has not said */
	DRAIN_MS = 1000,
	LINES_MAX = SERVER_HEADERS_MAX + 8 + 40,
	REPLY_MS = 5000,
	LISTEN_MS = 5000, /* before the next try, where there was no connection */
	RPC_NO_METHOD = -32601,
};

struct exchange {
	struct server *server;
	struct exchange *prev, *next;
	struct exchange_ask ask; /* without its texts */
	baton_http http;
	baton_timer timer;
	bool head, sse, told, resuming;
	uint32_t status, retry_after_ms;
	char session[SESSION_MAX + 1];
	struct text body;
	struct stream stream;
	unsigned resumes, questions;
};

static bool resume(struct exchange *x);

uint64_t exchange_id(const struct exchange *exchange)
{
	return exchange->ask.id;
}

/* --- the end ------------------------------------------------------------------------------ */

static void close_it(struct exchange *x)
{
	const struct module_inst *inst = x->server->inst;

	if (x->http)
		(void)inst->host->http_stop(inst->ctx, x->http);
	if (x->timer)
		(void)inst->host->timer_stop(inst->ctx, x->timer);
	if (x->prev)
		x->prev->next = x->next;
	else
		x->server->exchanges = x->next;
	if (x->next)
		x->next->prev = x->prev;
	stream_done(&x->stream);
	text_done(&x->body);
	free(x);
}

void exchange_stop(struct exchange **exchange)
{
	if (*exchange)
		close_it(*exchange);
	*exchange = NULL;
}

void exchanges_stop(struct server *server)
{
	while (server->exchanges)
		close_it(server->exchanges);
}

static void on_drained(void *user)
{
	struct exchange *x = user;

	x->timer = 0;
	close_it(x);
}

/* Tells, and lets go: at once, or when the rest of the answer has been read over. */
static void tell(struct exchange *x, struct outcome *outcome)
{
	const struct module_inst *inst = x->server->inst;

	outcome->status = x->status;
	outcome->retry_after_ms = x->retry_after_ms;
	outcome->session = x->session[0] ? x->session : NULL;
	x->told = true;
	x->ask.done(x->ask.user, outcome);
	if (x->http && inst->host->timer(inst->ctx, DRAIN_MS, on_drained, x, &x->timer) == BATON_OK)
		return;
	close_it(x);
}

static void tell_as(struct exchange *x, enum outcome_kind kind, uint32_t fail, const char *code,
		    const char *why)
{
	struct outcome outcome = { .kind = kind, .fail = fail, .code = code, .why = why };

	tell(x, &outcome);
}

/* --- what a server asks beside its answer (up to 2025-11-25) ------------------------------ */

static void on_reply_done(void *user, const struct outcome *outcome)
{
	(void)user;
	(void)outcome; /* whoever asked and does not hear us has lost nothing that we promised */
}

static void reply_write(struct text *to, const struct exchange *x, const struct frame *frame)
{
	struct text result = { 0 };
	bool accept = x->ask.kind == EXCHANGE_LISTEN ? !visits_write(x->server) : x->ask.may_accept;

	if (scan_is(frame->method, "ping"))
		text_z(&result, "{}");
	else if (scan_is(frame->method, "elicitation/create"))
		(void)answer_elicit(&result, frame->params, accept);
	if (result.n)
		frame_write_result(to, frame->id, text_view(&result));
	else
		frame_write_error(to, frame->id, RPC_NO_METHOD, "Method not found");
	text_done(&result);
}

static void question_take(struct exchange *x, const struct frame *frame)
{
	const struct module_inst *inst = x->server->inst;
	struct text body = { 0 };
	struct outcome ignored;

	inst->host->count(inst->ctx, "questions", 1);
	if (x->server->era == ERA_MODERN || x->questions++ == QUESTIONS_MAX)
		return; /* a modern server may not ask so, and we may not answer */
	reply_write(&body, x, frame);
	const struct exchange_ask ask = { .kind = EXCHANGE_NOTICE,
					  .method = "",
					  .version = x->ask.version,
					  .body = &body,
					  .total_ms = REPLY_MS,
					  .done = on_reply_done };
	if (!body.failed)
		(void)exchange_start(x->server, &ask, &ignored);
	text_done(&body);
}

static void notice_take(struct exchange *x, const struct frame *frame)
{
	const struct module_inst *inst = x->server->inst;

	if (!scan_is(frame->method, "notifications/tools/list_changed"))
		return; /* progress and log lines: said by the server, for nobody here */
	inst->host->count(inst->ctx, "list_changes", 1);
	x->server->list_stale = true;
}

/* --- messages ----------------------------------------------------------------------------- */

static bool id_is(const struct exchange *x, baton_str raw)
{
	int64_t value;

	return frame_integer(raw, &value) && value > 0 && (uint64_t)value == x->ask.id;
}

/* Is it the answer that is waited for? An error may come without an id: the request could not be
 * read, and in this answer it can only be ours. */
static bool frame_take(struct exchange *x, const struct frame *frame)
{
	struct outcome outcome = { .frame = *frame };

	switch (frame->kind) {
	case FRAME_RESULT:
		outcome.kind = OUTCOME_RESULT;
		break;
	case FRAME_ERROR:
		outcome.kind = OUTCOME_ERROR;
		break;
	case FRAME_REQUEST:
		question_take(x, frame);
		return false;
	case FRAME_NOTICE:
		notice_take(x, frame);
		return false;
	case FRAME_BAD:
		return false;
	}
	if (frame->kind == FRAME_RESULT || frame->id.n) {
		if (!id_is(x, frame->id)) {
			x->server->inst->host->count(x->server->inst->ctx, "strange_answers", 1);
			return false;
		}
	}
	tell(x, &outcome);
	return true;
}

/* true: the exchange has been told, and may be gone. */
static bool message_take(struct exchange *x, baton_str text)
{
	struct frames frames = frames_of(text);
	struct frame frame;

	while (frames_next(&frames, &frame))
		if (frame_take(x, &frame))
			return true;
	return false;
}

/* An answer that is no stream, whole. */
static void body_take(struct exchange *x)
{
	bool good = x->status >= 200 && x->status < 300;

	if (good && x->ask.kind == EXCHANGE_NOTICE) {
		tell_as(x, OUTCOME_RESULT, 0, NULL, NULL);
		return;
	}
	if (x->body.n && x->ask.kind == EXCHANGE_ASK && message_take(x, text_view(&x->body)))
		return;
	if (good)
		tell_as(x, OUTCOME_BAD, BATON_FAIL_BAD_OUTPUT, "no_answer",
			"the answer has no JSON-RPC message for us in it");
	else
		tell_as(x, OUTCOME_STATUS, 0, NULL, NULL);
}

/* --- HTTP --------------------------------------------------------------------------------- */

/* The value of a header, without blanks around it; false if it is another one. */
static bool header_is(baton_str line, const char *name, baton_str *ret_value)
{
	size_t n = strlen(name);

	if (line.n <= n || line.p[n] != ':' || strncasecmp(line.p, name, n) != 0)
		return false;
	n++;
	while (n < line.n && (line.p[n] == ' ' || line.p[n] == '\t'))
		n++;
	*ret_value = (baton_str){ line.p + n, line.n - n };
	return true;
}

static bool type_is(baton_str value, const char *type)
{
	size_t n = strlen(type);

	return value.n >= n && strncasecmp(value.p, type, n) == 0 &&
	       (value.n == n || strchr("; \t", value.p[n]));
}

/* Only what a header can carry back, and nothing that the host would read a secret into. */
static void session_take(struct exchange *x, baton_str value)
{
	if (value.n == 0 || value.n > SESSION_MAX)
		return;
	for (size_t i = 0; i < value.n; i++)
		if (value.p[i] <= ' ' || value.p[i] > '~' || value.p[i] == '{')
			return;
	memcpy(x->session, value.p, value.n);
	x->session[value.n] = '\0';
}

static void on_head(void *user, baton_http h, uint32_t status, const baton_str *headers, uint32_t n)
{
	struct exchange *x = user;
	const struct module_inst *inst = x->server->inst;
	baton_str value;

	(void)h;
	x->head = true;
	x->status = status;
	x->sse = false;
	for (uint32_t i = 0; i < n; i++) {
		if (header_is(headers[i], "content-type", &value))
			x->sse = status >= 200 && status < 300 &&
				 type_is(value, "text/event-stream");
		else if (header_is(headers[i], "mcp-session-id", &value))
			session_take(x, value);
	}
	x->retry_after_ms = hint_of_headers(headers, n, inst->host->unix_ms(inst->ctx));
}

static void on_data(void *user, baton_http h, baton_str event, baton_str data)
{
	struct exchange *x = user;
	baton_str message;

	(void)h;
	(void)event;
	if (x->told)
		return;
	if (!x->sse) {
		if (x->body.n + data.n <= STREAM_BYTES_MAX)
			text_add(&x->body, data.p, data.n);
		return;
	}
	if (!stream_add(&x->stream, data)) {
		tell_as(x, OUTCOME_BAD, BATON_FAIL_BAD_OUTPUT, "too_big",
			"an event of the answer is larger than 1 MiB");
		return;
	}
	while (stream_next(&x->stream, &message))
		if (message_take(x, message))
			return;
}

static bool is_code(baton_str code, const char *word)
{
	return code.n == strlen(word) && memcmp(code.p, word, code.n) == 0;
}

/* Codes of the host's client that say: it was over before a byte of ours was on its way. */
static bool is_unsent(baton_str code)
{
	static const char *const codes[] = { "connect", "dns", "tls", "timeout_connect", "denied" };

	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if (is_code(code, codes[i]))
			return true;
	return false;
}

static void lost(struct exchange *x, const baton_error *error)
{
	bool slow = error && error->code.n > 8 && memcmp(error->code.p, "timeout_", 8) == 0;

	if (error && !x->head && !x->resuming && is_unsent(error->code))
		tell_as(x, OUTCOME_UNSENT,
			error->fail == BATON_FAIL_ACCESS ? BATON_FAIL_ACCESS : BATON_FAIL_CONNECT,
			"connect", "no connection to the server");
	else if (error && is_code(error->code, "too_big"))
		tell_as(x, OUTCOME_BAD, BATON_FAIL_BAD_OUTPUT, "too_big",
			"the answer is larger than 1 MiB");
	else if (slow)
		tell_as(x, OUTCOME_LOST, BATON_FAIL_STALL, "timeout",
			"the server did not answer in time");
	else
		tell_as(x, OUTCOME_LOST, BATON_FAIL_TRUNCATED, "cut",
			"the connection ended before the answer");
}

static void on_end(void *user, baton_http h, const baton_error *error)
{
	struct exchange *x = user;

	(void)h;
	x->http = 0;
	if (x->told) {
		close_it(x);
		return;
	}
	bool good = x->head && x->status >= 200 && x->status < 300;
	if (x->ask.kind == EXCHANGE_LISTEN && (!x->head || x->sse) && resume(x))
		return; /* any other answer: it has no such stream */
	if ((x->sse || x->resuming) && x->ask.kind == EXCHANGE_ASK) {
		if ((!x->head || good) && resume(x))
			return;
		lost(x, error);
	} else if (!x->head || (error && good)) {
		lost(x, error);
	} else {
		body_take(x);
	}
}

/* --- asking ------------------------------------------------------------------------------- */

static void line_add(struct text *to, const char *name, const char *value)
{
	text_z(to, name);
	text_z(to, ": ");
	text_z(to, value);
	text_add(to, "", 1);
}

static void lines_write(const struct exchange *x, const struct exchange_ask *ask, struct text *to)
{
	bool modern = strcmp(ask->version, FRAME_MODERN) == 0;

	if (ask->body)
		line_add(to, "Content-Type", "application/json");
	line_add(to, "Accept",
		 ask->body ? "application/json, text/event-stream" : "text/event-stream");
	if (strcmp(ask->method, "initialize") != 0)
		line_add(to, "MCP-Protocol-Version", ask->version);
	if (modern && ask->method[0])
		line_add(to, "Mcp-Method", ask->method);
	if (modern && ask->name) {
		text_z(to, "Mcp-Name: ");
		header_value(to, str_z(ask->name));
		text_add(to, "", 1);
	}
	if (!modern && x->server->session[0])
		line_add(to, "Mcp-Session-Id", x->server->session);
	if (!ask->body && x->stream.id[0])
		line_add(to, "Last-Event-ID", x->stream.id);
	for (unsigned i = 0; i < x->server->set->n_headers; i++) {
		text_z(to, x->server->set->headers[i]);
		text_add(to, "", 1);
	}
	if (ask->lines)
		text_add(to, ask->lines->p, ask->lines->n);
}

static uint32_t lines_split(const struct text *text, baton_str lines[LINES_MAX])
{
	uint32_t n = 0;

	for (size_t at = 0; at < text->n && n < LINES_MAX; n++) {
		lines[n] = str_z(text->p + at);
		at += lines[n].n + 1;
	}
	return n;
}

/* `ask->body` NULL: the GET that goes on with a stream. */
static int32_t request(struct exchange *x, const struct exchange_ask *ask)
{
	static const baton_http_cb cb = {
		.size = sizeof(cb), .on_head = on_head, .on_data = on_data, .on_end = on_end
	};
	const struct module_inst *inst = x->server->inst;
	struct text text = { 0 };
	baton_str lines[LINES_MAX];

	lines_write(x, ask, &text);
	if (text.failed || (ask->body && ask->body->failed)) {
		text_done(&text);
		return BATON_E_NOMEM;
	}
	const baton_http_req req = {
		.size = sizeof(req),
		.flags = ask->once ? BATON_HTTP_ONCE : 0u,
		.method = str_z(ask->body ? "POST" : "GET"),
		.url = str_z(x->server->set->url),
		.headers = lines,
		.n_headers = lines_split(&text, lines),
		.connect_ms = x->server->set->connect_ms,
		.idle_ms = ask->kind == EXCHANGE_LISTEN ? 0 : x->server->set->idle_ms,
		.total_ms = ask->total_ms,
		.body = ask->body ? text_view(ask->body) : (baton_str){ NULL, 0 },
	};
	int32_t rc = inst->host->http(inst->ctx, &req, &cb, x, &x->http);
	text_done(&text);
	return rc;
}

static const char *refusal(int32_t rc)
{
	switch (rc) {
	case BATON_E_DENIED:
		return "the address is not in the module's `egress`, or the key not in its "
		       "`secrets` (modules.yaml)";
	case BATON_E_NOTFOUND:
		return "the secret is not set on this machine";
	case BATON_E_INVAL:
		return "no request can be made of url and headers";
	default:
		return "the request could not be started";
	}
}

struct exchange *exchange_start(struct server *server, const struct exchange_ask *ask,
				struct outcome *ret)
{
	struct exchange *x = calloc(1, sizeof(*x));

	*ret = (struct outcome){ .kind = OUTCOME_REFUSED,
				 .fail = BATON_FAIL_ACCESS,
				 .code = "not_started",
				 .why = "out of memory" };
	if (!x)
		return NULL;
	x->server = server;
	x->ask = *ask;
	x->next = server->exchanges;
	if (x->next)
		x->next->prev = x;
	server->exchanges = x;
	int32_t rc = request(x, ask);
	x->ask.lines = x->ask.body = NULL;
	x->ask.name = NULL;
	if (rc == BATON_OK)
		return x;
	ret->why = refusal(rc);
	x->http = 0;
	close_it(x);
	return NULL;
}

/* --- going on with a stream --------------------------------------------------------------- */

static void on_resume(void *user)
{
	struct exchange *x = user;

	x->timer = 0;
	x->head = false;
	x->resuming = true;
	x->questions = 0;
	if (request(x, &x->ask) != BATON_OK) {
		x->http = 0;
		tell_as(x, OUTCOME_LOST, BATON_FAIL_TRUNCATED, "cut",
			"the stream could not be taken up again");
	}
}

/* false: this stream cannot be gone on with. An id that was sent once is good for ever; a modern
 * server sends none that would mean anything. */
static bool resume(struct exchange *x)
{
	const struct module_inst *inst = x->server->inst;
	bool listens = x->ask.kind == EXCHANGE_LISTEN;
	uint32_t ms = x->stream.retry_ms ? x->stream.retry_ms : RESUME_MS;

	if (listens && !x->head)
		ms = LISTEN_MS;
	if (x->server->era == ERA_MODERN || strcmp(x->ask.version, FRAME_MODERN) == 0)
		return false;
	stream_resume(&x->stream);
	if (!listens && (!x->stream.id[0] || x->resumes++ == RESUMES_MAX))
		return false;
	if (!listens)
		inst->host->count(inst->ctx, "resumed", 1);
	return inst->host->timer(inst->ctx, ms, on_resume, x, &x->timer) == BATON_OK;
}
