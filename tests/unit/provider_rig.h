/* SPDX-License-Identifier: Apache-2.0 */

/* The host's HTTP client, played for a provider module: what was asked is recorded, what is
 * answered is scripted, and streams go through the server's own event-stream parser. Below that,
 * what must hold of every wire: heard the same in pieces of any size, cut anywhere never taken
 * for complete. */
#pragma once

#include "core/loop/sse.h"

#include "tests/unit/module_host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

/* Rows of tables leave out what is 0. */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

enum { CALL = 1, MS = 1000000 };

static struct {
	baton_http_cb cb;
	void *user;
	bool open, paused;
	unsigned asked, stopped;
	uint32_t total_ms, flags;
	char url[256], method[8], headers[2048], body[65536];
	int32_t refuse;
} web;

static struct {
	char code[32], message[256], reasoning[256], tools[1024];
	uint32_t retry_after_ms, http_status, scope, flags;
	uint64_t until_unix_ms;
	unsigned text_deltas;
} told;

static struct module_host *host;
static const baton_provider *provider;

/* --- the host's part --- */

static int32_t web_http(baton_ctx *ctx, const baton_http_req *req, const baton_http_cb *cb,
			void *user, baton_http *out)
{
	(void)ctx;
	if (web.refuse)
		return web.refuse;
	web.cb = *cb;
	web.user = user;
	web.open = true;
	web.paused = false;
	web.asked++;
	web.total_ms = req->total_ms;
	web.flags = req->flags;
	snprintf(web.url, sizeof(web.url), "%.*s", (int)req->url.n, req->url.p);
	snprintf(web.method, sizeof(web.method), "%.*s", (int)req->method.n, req->method.p);
	snprintf(web.body, sizeof(web.body), "%.*s", (int)req->body.n, req->body.p);
	web.headers[0] = '\0';
	for (uint32_t i = 0; i < req->n_headers; i++) {
		size_t n = strlen(web.headers);
		snprintf(web.headers + n, sizeof(web.headers) - n, "%.*s\n", (int)req->headers[i].n,
			 req->headers[i].p);
	}
	*out = 7;
	return BATON_OK;
}

static int32_t web_pause(baton_ctx *ctx, baton_http h, uint32_t paused)
{
	(void)ctx;
	assert_int_equal(h, 7);
	assert_true(web.open);
	web.paused = paused != 0;
	return BATON_OK;
}

static int32_t web_stop(baton_ctx *ctx, baton_http h)
{
	(void)ctx;
	assert_int_equal(h, 7);
	assert_true(web.open);
	web.open = false;
	web.stopped++;
	return BATON_OK;
}

static int32_t hear_delta(baton_ctx *ctx, baton_call call, uint32_t kind, baton_str data)
{
	char *to = kind == BATON_DELTA_REASONING ? told.reasoning : told.tools;
	size_t cap = kind == BATON_DELTA_REASONING ? sizeof(told.reasoning) : sizeof(told.tools);
	if (kind == BATON_DELTA_TEXT) {
		int32_t rc = host_delta(ctx, call, kind, data);
		told.text_deltas += rc == BATON_OK;
		return rc;
	}
	size_t n = strlen(to);
	snprintf(to + n, cap - n, "%.*s\n", (int)data.n, data.p);
	return BATON_OK;
}

static int32_t hear_fail(baton_ctx *ctx, baton_call call, const baton_error *error)
{
	snprintf(told.code, sizeof(told.code), "%.*s", (int)error->code.n, error->code.p);
	snprintf(told.message, sizeof(told.message), "%.*s", (int)error->message.n,
		 error->message.p);
	told.retry_after_ms = error->retry_after_ms;
	told.http_status = error->http_status;
	told.scope = error->scope;
	told.flags = error->flags;
	told.until_unix_ms = error->until_unix_ms;
	return host_fail(ctx, call, error);
}

static uint64_t host_unix_ms(baton_ctx *ctx)
{
	(void)ctx;
	return UINT64_C(1445412470) * 1000; /* Wed, 21 Oct 2015 07:27:50 GMT */
}

/* Which module, and how its streams come: events, or lines. */
static const char *rig_module = "provider-openai";
static bool rig_lines;

static void begin(const char *config)
{
	memset(&web, 0, sizeof(web));
	memset(&told, 0, sizeof(told));
	host = host_new(rig_module);
	assert_non_null(host);
	host->table.http = web_http;
	host->table.http_pause = web_pause;
	host->table.http_stop = web_stop;
	host->table.delta = hear_delta;
	host->table.fail = hear_fail;
	host->table.unix_ms = host_unix_ms;
	provider = host->vt;
	assert_int_equal(host_create(host, config), BATON_OK);
}

static void finish(void)
{
	host_free(&host);
	assert_false(web.open); /* nothing stays behind */
}

static struct host_call *call_record(void)
{
	return &host->calls[CALL - 1];
}

/* --- asking --- */

static baton_msg question = { .role = BATON_ROLE_CUSTOMER, .text = { "Where is my order?", 18 } };

static int32_t ask_with(const baton_prompt *prompt)
{
	memset(&told, 0, sizeof(told));
	host_call_open(host, CALL);
	return provider->start(host->inst, CALL, prompt);
}

static void ask(void)
{
	baton_turn turn = { .size = sizeof(turn), .msgs = &question, .n_msgs = 1 };
	baton_prompt prompt = { .size = sizeof(prompt),
				.turn = &turn,
				.model = host_str("m"),
				.temperature_milli = -1 };
	assert_int_equal(ask_with(&prompt), BATON_OK);
	assert_true(web.open);
}

/* --- answering --- */

static void head(uint32_t status, const char *type, const char *more)
{
	baton_str headers[2] = { host_str(type), host_str(more ? more : "") };
	if (web.open)
		web.cb.on_head(web.user, 7, status, headers, more ? 2 : 1);
}

static void stream_head(void)
{
	head(200, rig_lines ? "Content-Type: application/x-ndjson"
			    : "Content-Type: text/event-stream; charset=utf-8", NULL);
}

static void on_event(void *ud, baton_str event, baton_str data)
{
	(void)ud;
	if (web.open)
		web.cb.on_data(web.user, 7, event, data);
}

/* The host gives whole lines, whatever pieces they came in. */
static void lines_feed(const char *bytes)
{
	for (const char *lf = strchr(bytes, '\n'); lf && web.open; lf = strchr(bytes, '\n')) {
		if (lf > bytes)
			web.cb.on_data(web.user, 7, (baton_str){ NULL, 0 },
				       (baton_str){ bytes, (size_t)(lf - bytes) });
		bytes = lf + 1;
	}
}

static void stream_in_pieces(const char *bytes, size_t piece)
{
	if (rig_lines) {
		lines_feed(bytes);
		return;
	}
	struct baton_sse sse;
	size_t n = strlen(bytes);
	baton_sse_init(&sse, on_event, NULL);
	for (size_t at = 0; at < n; at += piece)
		baton_sse_feed(&sse, (baton_str){ bytes + at, n - at < piece ? n - at : piece });
	baton_sse_done(&sse);
}

static void stream(const char *bytes)
{
	stream_in_pieces(bytes, SIZE_MAX / 2);
}

static void end(void)
{
	if (!web.open)
		return;
	web.open = false;
	web.cb.on_end(web.user, 7, NULL);
}

static void end_with(uint32_t fail, const char *code)
{
	baton_error error = { .size = sizeof(error),
			      .fail = fail,
			      .code = host_str(code),
			      .message = host_str("x") };
	if (!web.open)
		return;
	web.open = false;
	web.cb.on_end(web.user, 7, &error);
}

static void body(const char *text)
{
	if (web.open)
		web.cb.on_data(web.user, 7, (baton_str){ NULL, 0 }, host_str(text));
}

static void is_answer(const char *text, uint32_t reason)
{
	assert_string_equal(told.code, "");
	assert_int_equal(call_record()->n_ends, 1);
	assert_int_equal(call_record()->n_fails, 0);
	assert_int_equal(call_record()->end_reason, reason);
	assert_string_equal(call_record()->text, text);
}

static void is_fail(uint32_t fail, const char *code)
{
	assert_string_equal(told.code, code);
	assert_int_equal(call_record()->n_fails, 1);
	assert_int_equal(call_record()->n_ends, 0);
	assert_int_equal(call_record()->fail, fail);
	assert_false(web.open);
}

/* --- what must hold of every wire --- */

struct recorded {
	const char *stream, *text;
	uint32_t reason;
	uint64_t in, cached, out; /* in 0: estimated */
	const char *mark;         /* what says that it is complete; NULL: a finish reason or [DONE] */
};

__attribute__((unused)) static void is_usage(const struct recorded *r)
{
	const baton_usage *usage = &call_record()->usage;
	bool estimated = r->in == 0;
	assert_int_equal(usage->flags & BATON_USAGE_ESTIMATED, estimated);
	assert_int_equal(usage->out_tokens, estimated ? (strlen(r->text) + 3) / 4 : r->out);
	assert_int_equal(usage->cached_tokens, r->cached);
	if (!estimated)
		assert_int_equal(usage->in_tokens, r->in);
	else
		assert_true(usage->in_tokens > 10);
}

__attribute__((unused)) static void heard_in_any_pieces(const char *config,
							const struct recorded *r, size_t n)
{
	static const size_t pieces[] = { SIZE_MAX / 2, 1, 2, 3, 7, 64 };
	begin(config);
	for (size_t i = 0; i < n; i++)
		for (size_t p = 0; p < sizeof(pieces) / sizeof(pieces[0]); p++) {
			ask();
			stream_head();
			stream_in_pieces(r[i].stream, pieces[p]);
			end();
			is_answer(r[i].text, r[i].reason);
			is_usage(&r[i]);
		}
	finish();
}

static size_t mark_of(const struct recorded *r)
{
	if (r->mark)
		return (size_t)(strstr(r->stream, r->mark) - r->stream);
	const char *finish_mark = strstr(r->stream, "\"finish_reason\":\"");
	const char *done_mark = strstr(r->stream, "[DONE]");
	if (!finish_mark || (done_mark && done_mark < finish_mark))
		finish_mark = done_mark;
	return (size_t)(finish_mark - r->stream);
}

/* Whatever byte the stream is cut after: never complete without its mark, never silent. */
__attribute__((unused)) static void cut_anywhere(const char *config, const struct recorded *r, size_t n)
{
	begin(config);
	for (size_t i = 0; i < n; i++) {
		size_t bytes = strlen(r[i].stream), mark = mark_of(&r[i]);
		for (size_t cut = 0; cut < bytes; cut++) {
			char *part = strndup(r[i].stream, cut);
			ask();
			stream_head();
			stream(part);
			end_with(BATON_FAIL_BAD_OUTPUT, "cut");
			if (cut > mark && call_record()->n_ends)
				is_answer(r[i].text, r[i].reason);
			else
				is_fail(BATON_FAIL_TRUNCATED, "truncated");
			free(part);
		}
	}
	finish();
}

/* --- errors, as they stand in bodies --- */

struct body_case {
	uint32_t status;
	const char *body;
	uint32_t fail;
	const char *code;
	uint32_t scope;
	uint64_t until_unix_ms;
	uint32_t retry_after_ms;
};

static void is_case(const struct body_case *c)
{
	if (strcmp(told.code, c->code) != 0 || told.scope != c->scope)
		print_message("%u %s\n", c->status, c->body);
	is_fail(c->fail, c->code);
	assert_int_equal(told.scope, c->scope);
	assert_int_equal(told.until_unix_ms, c->until_unix_ms);
	assert_int_equal(told.retry_after_ms, c->retry_after_ms);
	assert_int_equal(told.http_status, c->status);
	assert_true(strlen(told.message) > 0);
	for (const char *at = told.message; *at; at++)
		assert_in_range(*at, ' ', '~');
}

__attribute__((unused)) static void bodies_mean(const char *config, const struct body_case *c, size_t n)
{
	begin(config);
	for (size_t i = 0; i < n; i++) {
		ask();
		head(c[i].status, "Content-Type: application/json", NULL);
		body(c[i].body);
		end();
		is_case(&c[i]);
		assert_int_equal(told.flags, 0);
	}
	finish();
}
