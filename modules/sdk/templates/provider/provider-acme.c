/* SPDX-License-Identifier: Apache-2.0 */

/* provider-acme: asks a model behind an HTTP service and streams its answer to the customer.
 *
 * One question is one POST. The service answers with a stream of events:
 *
 *	event: text     data: {"text":"Your order "}        any number
 *	event: usage    data: {"in":120,"out":34}           once, before done
 *	event: done     data: {"reason":"stop"}             stop, length or filtered
 *	event: error    data: {"code":"overloaded","message":"..."}
 *
 * Yours speaks otherwise: then change body_write(), event_read() and event_take(); the rest stays.
 * Keys never come here: the host fills {{secret:NAME}} in. */

/* The oldest minor of the ABI that is enough: so it also runs on older servers (docs/ABI.md). */
#define BATON_ABI_NEEDED 0u
#include "scan.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>

BATON_MODULE_NOTE("provider-acme", "0.1.0", "provider", 0);

enum { URL_BYTES = 512, HEADER_BYTES = 256, HELD_BYTES_MAX = 64 * 1024, ERROR_BYTES_MAX = 4096 };

/* One instance: there is one per event loop, so nothing in here needs a lock. */
struct provider {
	baton_ctx *ctx;
	const baton_host *host;
	char url[URL_BYTES];
	char key[HEADER_BYTES]; /* "Authorization: ..."; empty: the service wants none */
};

/* One answer on its way. It is freed with the one end() or fail() of its call. */
struct answer {
	struct provider *provider;
	baton_call call;
	baton_http http;
	uint32_t status, retry_after_ms;
	unsigned half;    /* of a character that is cut between two events */
	struct text held; /* what the host had no room for yet */
	struct text body; /* of an answer that is an error */
	bool said, done;
	uint32_t reason; /* BATON_END_*, once done */
	baton_usage usage;
};

/* What one event, or the body of an error, may say. Views into its text. */
struct event {
	baton_str text, reason, code, message;
	uint64_t in, out;
};

static void answer_free(struct answer *answer)
{
	text_done(&answer->held);
	text_done(&answer->body);
	free(answer);
}

/* --- the two ends --- */

/* Nothing of the request is told any more after http_stop(). */
static void answer_close(struct answer *answer)
{
	const struct provider *p = answer->provider;

	(void)p->host->http_stop(p->ctx, answer->http);
	answer_free(answer);
}

static void answer_fail(struct answer *answer, baton_error error)
{
	const struct provider *p = answer->provider;

	error.size = sizeof(error);
	error.http_status = answer->status;
	if (answer->usage.out_tokens > 0) { /* it will stand on the bill */
		error.flags |= BATON_ERROR_BILLED;
		(void)p->host->usage(p->ctx, answer->call, &answer->usage);
	}
	(void)p->host->fail(p->ctx, answer->call, &error);
	answer_close(answer);
}

static void answer_fail_as(struct answer *answer, uint32_t fail, const char *message)
{
	answer_fail(answer, (baton_error){ .fail = fail, .message = str_z(message) });
}

static void answer_end(struct answer *answer)
{
	const struct provider *p = answer->provider;

	if (!answer->said && answer->reason == BATON_END_FILTERED) {
		answer_fail_as(answer, BATON_FAIL_REFUSED, "the service would not answer");
		return;
	}
	if (!answer->said) {
		answer_fail_as(answer, BATON_FAIL_EMPTY, "an answer without text");
		return;
	}
	(void)p->host->usage(p->ctx, answer->call, &answer->usage);
	(void)p->host->end(p->ctx, answer->call, answer->reason);
	answer_close(answer);
}

/* --- saying: the host may have no room, then we hold text back and stop reading --- */

/* false: the answer is over and freed. */
static bool answer_say(struct answer *answer, baton_str text)
{
	const struct provider *p = answer->provider;
	int32_t rc = BATON_E_AGAIN;

	if (text.n == 0)
		return true;
	if (answer->held.n == 0)
		rc = p->host->delta(p->ctx, answer->call, BATON_DELTA_TEXT, text);
	if (rc == BATON_OK) {
		answer->said = true;
		if (answer->usage.flags & BATON_USAGE_ESTIMATED) /* until the service tells */
			answer->usage.out_tokens += (text.n + 3) / 4;
		return true;
	}
	if (rc == BATON_E_STALE) { /* the host has ended the call: nobody is to be told */
		answer_close(answer);
		return false;
	}
	text_add(&answer->held, text.p, text.n);
	if (rc != BATON_E_AGAIN || answer->held.failed || answer->held.n > HELD_BYTES_MAX) {
		answer_fail_as(answer, BATON_FAIL_BAD_OUTPUT, "more text than an answer may have");
		return false;
	}
	(void)p->host->http_pause(p->ctx, answer->http, 1);
	return true;
}

/* [loop] There is room again. */
static void resume(void *inst, baton_call call)
{
	const struct provider *p = inst;
	struct answer *answer = p->host->call_get(p->ctx, call);

	if (!answer)
		return;
	struct text held = answer->held;
	answer->held = (struct text){ 0 };
	bool open = answer_say(answer, text_view(&held));
	text_done(&held);
	if (!open || answer->held.n > 0)
		return;
	(void)p->host->http_pause(p->ctx, answer->http, 0);
	if (answer->done)
		answer_end(answer);
}

/* --- what an error means: what a router must know, not what a vendor says --- */

struct meaning {
	uint32_t status;
	const char *code;
	uint32_t fail, scope;
};

/* The first row that fits: its code, or its status and no code. */
static const struct meaning meanings[] = {
	{ 0, "overloaded", BATON_FAIL_OVERLOADED, BATON_SCOPE_MODEL },
	{ 0, "rate_limited", BATON_FAIL_RATE_LIMITED, BATON_SCOPE_MODEL },
	{ 0, "quota", BATON_FAIL_QUOTA, BATON_SCOPE_ACCOUNT },
	{ 0, "refused", BATON_FAIL_REFUSED, BATON_SCOPE_REQUEST },
	{ 0, "too_long", BATON_FAIL_TOO_LONG, BATON_SCOPE_REQUEST },
	{ 400, NULL, BATON_FAIL_BAD_REQUEST, BATON_SCOPE_REQUEST },
	{ 401, NULL, BATON_FAIL_ACCESS, BATON_SCOPE_ACCOUNT },
	{ 402, NULL, BATON_FAIL_QUOTA, BATON_SCOPE_ACCOUNT },
	{ 403, NULL, BATON_FAIL_ACCESS, BATON_SCOPE_ACCOUNT },
	{ 404, NULL, BATON_FAIL_MODEL_GONE, BATON_SCOPE_MODEL },
	{ 408, NULL, BATON_FAIL_TIMEOUT, BATON_SCOPE_MODEL },
	{ 413, NULL, BATON_FAIL_TOO_LONG, BATON_SCOPE_REQUEST },
	{ 422, NULL, BATON_FAIL_BAD_REQUEST, BATON_SCOPE_REQUEST },
	{ 429, NULL, BATON_FAIL_RATE_LIMITED, BATON_SCOPE_MODEL },
	{ 503, NULL, BATON_FAIL_OVERLOADED, BATON_SCOPE_MODEL },
	{ 504, NULL, BATON_FAIL_TIMEOUT, BATON_SCOPE_MODEL },
	{ 529, NULL, BATON_FAIL_OVERLOADED, BATON_SCOPE_MODEL },
};

static void answer_fail_said(struct answer *answer, const struct event *event)
{
	baton_error error = { .fail = answer->status == 200 || answer->status >= 500
					      ? BATON_FAIL_UNAVAILABLE
					      : BATON_FAIL_BAD_REQUEST,
			      .retry_after_ms = answer->retry_after_ms,
			      .code = event->code,
			      .message = event->message };

	for (size_t i = 0; i < sizeof(meanings) / sizeof(meanings[0]); i++) {
		const struct meaning *m = &meanings[i];
		if (m->code ? !scan_is(event->code, m->code) : m->status != answer->status)
			continue;
		error.fail = m->fail;
		error.scope = m->scope;
		break;
	}
	answer_fail(answer, error);
}

/* --- hearing --- */

static bool event_read(baton_str data, struct event *ret)
{
	struct scan scan = scan_of(data);
	bool begun = false;
	baton_str key;

	while (scan_member(&scan, &begun, &key)) {
		if (scan_is(key, "text"))
			scan_text(&scan, &ret->text);
		else if (scan_is(key, "reason"))
			scan_text(&scan, &ret->reason);
		else if (scan_is(key, "code"))
			scan_text(&scan, &ret->code);
		else if (scan_is(key, "message"))
			scan_text(&scan, &ret->message);
		else if (scan_is(key, "in"))
			ret->in = scan_count(&scan);
		else if (scan_is(key, "out"))
			ret->out = scan_count(&scan);
		else
			scan_skip(&scan);
	}
	return scan_ended(&scan);
}

static void text_take(struct answer *answer, baton_str inside)
{
	struct text text = { 0 };

	if (scan_unescape(inside, &answer->half, &text) && !text.failed)
		(void)answer_say(answer, text_view(&text));
	else
		answer_fail_as(answer, BATON_FAIL_BAD_OUTPUT, "text that is half a character");
	text_done(&text);
}

static void done_take(struct answer *answer, const struct event *event)
{
	if (answer->half) {
		answer_fail_as(answer, BATON_FAIL_BAD_OUTPUT, "it ends in half a character");
		return;
	}
	answer->done = true;
	answer->reason = scan_is(event->reason, "length")     ? BATON_END_LENGTH
			 : scan_is(event->reason, "filtered") ? BATON_END_FILTERED
							      : BATON_END_STOP;
	if (answer->held.n == 0) /* else resume() ends it */
		answer_end(answer);
}

/* Events of other names may come one day: they are read over. */
static bool is_known(baton_str name)
{
	return scan_is(name, "text") || scan_is(name, "usage") || scan_is(name, "done") ||
	       scan_is(name, "error");
}

static void event_take(struct answer *answer, baton_str name, baton_str data)
{
	struct event event = { 0 };

	if (!is_known(name))
		return;
	if (!scan_utf8_ok(data) || !event_read(data, &event)) {
		answer_fail_as(answer, BATON_FAIL_BAD_OUTPUT, "an event that is not JSON");
	} else if (scan_is(name, "text")) {
		text_take(answer, event.text);
	} else if (scan_is(name, "usage")) {
		answer->usage.in_tokens = event.in;
		answer->usage.out_tokens = event.out;
		answer->usage.flags = 0; /* told, not estimated */
	} else if (scan_is(name, "done")) {
		done_take(answer, &event);
	} else {
		answer_fail_said(answer, &event);
	}
}

static void on_head(void *user, baton_http h, uint32_t status, const baton_str *headers, uint32_t n)
{
	static const char name[] = "retry-after:";
	struct answer *answer = user;
	(void)h;

	answer->status = status;
	for (uint32_t i = 0; i < n; i++) {
		size_t at = 0;
		while (at < headers[i].n && name[at] &&
		       (headers[i].p[at] | 0x20) == (name[at] | 0x20))
			at++;
		if (at != sizeof(name) - 1)
			continue;
		uint32_t seconds = 0; /* a date is not worth the trouble: 0 says nothing */
		for (; at < headers[i].n && seconds < 86400; at++)
			if (headers[i].p[at] >= '0' && headers[i].p[at] <= '9')
				seconds = seconds * 10 + (uint32_t)(headers[i].p[at] - '0');
			else if (headers[i].p[at] != ' ')
				return;
		answer->retry_after_ms = (seconds < 86400 ? seconds : 86400) * 1000;
	}
}

/* An event has a name; bytes of anything else have none. */
static void on_data(void *user, baton_http h, baton_str event, baton_str data)
{
	struct answer *answer = user;
	(void)h;

	if (answer->done)
		return;
	if (answer->status == 200 && event.n > 0) {
		event_take(answer, event, data);
		return;
	}
	size_t room = ERROR_BYTES_MAX - answer->body.n;
	text_add(&answer->body, data.p, data.n < room ? data.n : room);
}

/* Exactly once per request that was not stopped. */
static void on_end(void *user, baton_http h, const baton_error *error)
{
	struct answer *answer = user;
	struct event event = { 0 };
	(void)h;

	if (answer->done) /* all is heard; resume() says the rest */
		return;
	if (answer->status != 0 && answer->status != 200) { /* the status says why, cut or not */
		if (!event_read(text_view(&answer->body), &event))
			event = (struct event){ 0 };
		answer_fail_said(answer, &event);
	} else if (error) {
		answer_fail(answer, *error); /* the host's own classes: connect, timeout, ... */
	} else {
		answer_fail_as(answer, BATON_FAIL_TRUNCATED, "the stream ended without `done`");
	}
}

static const baton_http_cb http_cb = {
	.size = sizeof(http_cb), .on_head = on_head, .on_data = on_data, .on_end = on_end
};

/* --- asking --- */

static void body_write(const baton_prompt *prompt, struct text *to)
{
	static const char *const roles[] = { "system", "customer", "bot", "agent", "tool" };
	const baton_turn *turn = prompt->turn;

	text_z(to, "{\"model\":");
	text_json(to, prompt->model);
	text_z(to, ",\"stream\":true,\"max_tokens\":");
	text_u64(to, prompt->max_output_tokens);
	text_z(to, ",\"messages\":[");
	for (uint32_t i = 0; i < turn->n_msgs; i++) {
		const baton_msg *msg = &turn->msgs[i];
		text_z(to, i ? ",{\"role\":" : "{\"role\":");
		/* A role that is added later is treated as value 0 (rule R3). */
		text_json(to, str_z(roles[msg->role <= BATON_ROLE_TOOL ? msg->role : 0]));
		text_z(to, ",\"text\":");
		text_json(to, msg->text);
		text_z(to, "}");
	}
	text_z(to, "],\"passages\":[");
	for (uint32_t i = 0; i < prompt->n_docs; i++) {
		text_z(to, i ? ",{\"title\":" : "{\"title\":");
		text_json(to, prompt->docs[i].title);
		text_z(to, ",\"text\":");
		text_json(to, prompt->docs[i].snippet);
		text_z(to, "}");
	}
	text_z(to, "]}");
}

/* The same key for the same question: a retry is not billed twice, where the service knows it. */
static uint32_t headers_write(const struct provider *p, const baton_prompt *prompt, char *key,
			      baton_str headers[3])
{
	uint32_t n = 0;

	headers[n++] = str_z("Content-Type: application/json");
	if (p->key[0])
		headers[n++] = str_z(p->key);
	if (prompt->idempotency_key.n > 0 && prompt->idempotency_key.n < HEADER_BYTES - 32) {
		(void)snprintf(key, HEADER_BYTES, "Idempotency-Key: %.*s",
			       (int)prompt->idempotency_key.n, prompt->idempotency_key.p);
		headers[n++] = str_z(key);
	}
	return n;
}

static uint32_t total_ms(const struct provider *p, const baton_turn *turn)
{
	uint64_t now = p->host->now_ns(p->ctx), left = 60000;

	if (turn->deadline_ns)
		left = turn->deadline_ns > now ? (turn->deadline_ns - now) / 1000000 + 1 : 1;
	return left < 600000 ? (uint32_t)left : 600000;
}

static int32_t ask(struct answer *answer, const baton_prompt *prompt)
{
	const struct provider *p = answer->provider;
	struct text body = { 0 };
	char key[HEADER_BYTES];
	baton_str headers[3];
	baton_http_req req = { .size = sizeof(req), .flags = BATON_HTTP_SSE };

	body_write(prompt, &body);
	req.method = str_z("POST");
	req.url = str_z(p->url);
	req.headers = headers;
	req.n_headers = headers_write(p, prompt, key, headers);
	req.connect_ms = 3000;
	req.idle_ms = 20000;
	req.total_ms = total_ms(p, prompt->turn);
	req.body = text_view(&body);
	int32_t rc = body.failed ? BATON_E_NOMEM
				 : p->host->http(p->ctx, &req, &http_cb, answer, &answer->http);
	text_done(&body);
	return rc;
}

/* A negative result means that nothing was started: then no end() may come. */
static int32_t start(void *inst, baton_call call, const baton_prompt *prompt)
{
	struct provider *p = inst;

	/* The beginning of an answer that we shall continue: this service cannot. */
	if (BATON_HAS(prompt, prefill) && prompt->prefill.n > 0) {
		baton_error error = { .size = sizeof(error),
				      .fail = BATON_FAIL_BAD_REQUEST,
				      .scope = BATON_SCOPE_REQUEST,
				      .code = str_z("prefill_refused") };
		(void)p->host->fail(p->ctx, call, &error);
		return BATON_OK;
	}
	struct answer *answer = calloc(1, sizeof(*answer));
	if (!answer)
		return BATON_E_NOMEM;
	answer->provider = p;
	answer->call = call;
	answer->usage =
		(baton_usage){ .size = sizeof(answer->usage), .flags = BATON_USAGE_ESTIMATED };
	int32_t rc = ask(answer, prompt);
	if (rc != BATON_OK) {
		answer_free(answer);
		return rc;
	}
	/* Hang our state on the call, so that cancel() and resume() find it. */
	(void)p->host->call_set(p->ctx, call, answer);
	return BATON_OK;
}

/* Nobody waits any more. The end is still due, within 250 ms; at once is best. */
static void cancel(void *inst, baton_call call, uint32_t why)
{
	const struct provider *p = inst;
	struct answer *answer = p->host->call_get(p->ctx, call);
	(void)why;

	if (!answer)
		return;
	(void)p->host->end(p->ctx, call, BATON_END_STOP);
	answer_close(answer);
}

/* --- life: load once per generation, create once per event loop --- */

/* What all instances share. Read-only from here on; nothing static is needed for it. */
static int32_t load(baton_ctx *ctx, const baton_host *host, void **mod)
{
	(void)ctx;
	*mod = (void *)(uintptr_t)host;
	return BATON_OK;
}

/* The configuration fits config_schema below: the host has checked that. */
static void config_read(struct provider *p, baton_str json)
{
	struct scan scan = scan_of(json);
	char secret[HEADER_BYTES / 2] = "";
	bool begun = false;
	baton_str key, value = { NULL, 0 };

	while (scan_member(&scan, &begun, &key)) {
		bool is_url = scan_is(key, "url"), is_secret = scan_is(key, "secret");
		if (!scan_text(&scan, &value))
			continue;
		if (is_url)
			scan_copy(value, p->url, sizeof(p->url));
		else if (is_secret)
			scan_copy(value, secret, sizeof(secret));
	}
	if (secret[0])
		(void)snprintf(p->key, sizeof(p->key), "Authorization: Bearer {{secret:%s}}",
			       secret);
}

static int32_t create(void *mod, baton_ctx *ctx, baton_str config_json, void **inst)
{
	struct provider *p = calloc(1, sizeof(*p));

	if (!p)
		return BATON_E_NOMEM;
	p->ctx = ctx;
	p->host = mod;
	config_read(p, config_json);
	*inst = p;
	return BATON_OK;
}

/* No call is open any more: each was ended or cancelled before. */
static void destroy(void *inst)
{
	free(inst);
}

static const baton_provider provider = {
	.size = sizeof(provider), .start = start, .cancel = cancel, .resume = resume
};
static const baton_iface ifaces[] = { { BATON_PROVIDER, &provider } };

/* The one symbol that a module exports. Id, version and flags are those of the note. */
BATON_EXPORT const baton_module baton_module_entry = {
	BATON_MODULE_HEAD,
	.n_ifaces = 1,
	.id = "provider-acme",
	.version = "0.1.0",
	.license = "Apache-2.0",
	.summary = "Answers of the model behind acme",
	.config_schema =
		"{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"url\"],"
		"\"properties\":{"
		"\"url\":{\"type\":\"string\",\"minLength\":8,\"maxLength\":500},"
		"\"secret\":{\"type\":\"string\",\"maxLength\":64}}}",
	.ifaces = ifaces,
	.load = load,
	.create = create,
	.destroy = destroy,
};
