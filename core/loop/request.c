/* SPDX-License-Identifier: Apache-2.0 */

/* One request, whoever carries it: what may be asked, how the answer is handed on and bounded, the
 * clock, the reason why it failed. */
#include "core/loop/request.h"

#include "core/base/assert.h"
#include "core/base/errors.h"
#include "core/base/limits.h"
#include "core/base/mem.h"

#include <ctype.h>
#include <stdio.h>
#include <strings.h>

enum { NS_PER_MS = 1000000, TOTAL_MS = 60000, KEEP_BYTES = 64 * 1024 };

void baton_request_fail(struct baton_request *request, uint32_t fail, const char *code,
			const char *why)
{
	if (request->code)
		return;
	request->fail = fail;
	request->code = code;
	int n = snprintf(request->message, sizeof(request->message), "%s:%u: %s",
			 request->target.host, request->target.port, why);
	if (n >= (int)sizeof(request->message))
		request->message[sizeof(request->message) - 2] = '~'; /* cut */
}

/* --- connecting --- */

bool baton_request_may_connect(const struct baton_request *request, const struct sockaddr *address)
{
	return baton_address_allowed(address, request->target.https, request->allow_loopback) ||
	       (request->allow_private && baton_address_private(address));
}

/* --- the head of the answer --- */

static bool type_is(baton_str header, const char *type)
{
	static const char name[] = "content-type:";
	size_t n = sizeof(name) - 1;
	if (header.n < n || strncasecmp(header.p, name, n) != 0)
		return false;
	while (n < header.n && (header.p[n] == ' ' || header.p[n] == '\t'))
		n++;
	size_t len = strlen(type);
	if (header.n - n < len || strncasecmp(header.p + n, type, len) != 0)
		return false;
	return header.n - n == len || strchr("; \t", header.p[n + len]);
}

/* Splits the lines after the status line. Folded lines are obsolete and dropped. */
static size_t head_split(baton_str head, baton_str *headers, size_t max)
{
	size_t n = 0, at = 0;
	bool first = true;

	while (at < head.n && n < max) {
		const char *lf = memchr(head.p + at, '\n', head.n - at);
		size_t end = lf ? (size_t)(lf - head.p) : head.n;
		baton_str line = { head.p + at, end - at };
		at = end + 1;
		while (line.n && (line.p[line.n - 1] == '\r' || line.p[line.n - 1] == ' '))
			line.n--;
		if (!first && line.n && line.p[0] != ' ' && line.p[0] != '\t')
			headers[n++] = line;
		first = false;
	}
	return n;
}

static bool head_tell(struct baton_request *request, unsigned status, baton_str head)
{
	baton_str headers[BATON_HTTP_HEADERS_MAX + 1];
	size_t n = head_split(head, headers, BATON_HTTP_HEADERS_MAX + 1);
	if (n > BATON_HTTP_HEADERS_MAX)
		return false;

	for (size_t i = 0; request->sse && i < n; i++)
		request->is_sse = request->is_sse || type_is(headers[i], "text/event-stream");
	request->head_told = true;
	if (request->handle)
		request->events.on_head(request->ud, request->handle, status, headers, n);
	return true;
}

bool baton_request_head(struct baton_request *request, unsigned status, baton_str head)
{
	bool ok = head_tell(request, status, head);

	if (!ok)
		baton_request_fail(request, BATON_FAIL_BAD_OUTPUT, "too_big", "too many headers");
	return ok && request->handle && !request->code;
}

/* --- the body --- */

static void data_tell(struct baton_request *request, baton_str event, baton_str data)
{
	if (request->handle && !request->code)
		request->events.on_data(request->ud, request->handle, event, data);
}

static void on_sse_event(void *ud, baton_str event, baton_str data)
{
	data_tell(ud, event, data);
}

static bool line_feed(struct baton_request *request, baton_str piece)
{
	if (request->line.n + piece.n > BATON_HTTP_LINE_BYTES_MAX + 1)
		return false;

	baton_buf_str(&request->line, piece);
	if (request->line.p[request->line.n - 1] != '\n')
		return true;
	baton_str line = { request->line.p, request->line.n - 1 };
	if (line.n && line.p[line.n - 1] == '\r')
		line.n--;
	if (line.n)
		data_tell(request, BATON_STR_NONE, line);
	baton_buf_reset(&request->line);
	return true;
}

static bool piece_feed(struct baton_request *request, baton_str piece)
{
	if (request->is_sse)
		return baton_sse_feed(&request->parser, piece) == 0;
	if (request->ndjson)
		return line_feed(request, piece);
	data_tell(request, BATON_STR_NONE, piece);
	return true;
}

static size_t line_bytes(const struct baton_request *request, baton_str bytes)
{
	if (!request->is_sse && !request->ndjson)
		return bytes.n;
	const char *lf = memchr(bytes.p, '\n', bytes.n);
	return lf ? (size_t)(lf - bytes.p) + 1 : bytes.n;
}

/* Line by line, because each may make the user pause or stop. Returns how much was taken. */
static size_t body_feed(struct baton_request *request, baton_str bytes)
{
	size_t at = 0;

	while (at < bytes.n && !request->paused && request->handle && !request->code) {
		baton_str rest = { bytes.p + at, bytes.n - at };
		baton_str piece = { rest.p, line_bytes(request, rest) };
		if (!piece_feed(request, piece))
			baton_request_fail(request, BATON_FAIL_BAD_OUTPUT, "too_big",
					   "a line or an event of the answer is too long");
		at += piece.n;
	}
	return at;
}

bool baton_request_body(struct baton_request *request, baton_str bytes)
{
	if (!request->handle || request->code)
		return false;
	request->body_bytes += bytes.n;
	if (request->body_bytes > BATON_HTTP_ANSWER_BYTES_MAX) {
		baton_request_fail(request, BATON_FAIL_BAD_OUTPUT, "too_big",
				   "the answer is too long");
		return false;
	}
	request->phase = BATON_REQUEST_BODY;
	request->heard_ns = baton_loop_now_ns(NULL);

	size_t taken = request->held.n ? 0 : body_feed(request, bytes); /* in their order */
	if (!request->handle || request->code)
		return false;
	if (taken < bytes.n)
		baton_buf_add(&request->held, bytes.p + taken, bytes.n - taken);
	return true;
}

void baton_request_replay(struct baton_request *request)
{
	request->heard_ns = baton_loop_now_ns(NULL);
	size_t taken = body_feed(request, baton_buf_view(&request->held));
	baton_buf_drop(&request->held, taken);
}

void baton_request_flush(struct baton_request *request)
{
	if (request->ndjson && request->line.n)
		data_tell(request, BATON_STR_NONE, baton_buf_view(&request->line));
}

/* --- the clock --- */

uint64_t baton_request_due(const struct baton_request *request, const char **ret_code)
{
	uint64_t due = request->total_due, other = UINT64_MAX;
	const char *code = "timeout_connect";

	switch (request->phase) {
	case BATON_REQUEST_CONNECT:
		other = request->connect_due;
		break;
	case BATON_REQUEST_FIRST_BYTE:
		other = request->first_byte_due;
		code = "timeout_first_byte";
		break;
	case BATON_REQUEST_BODY:
		if (request->idle_ns && !request->paused && !request->held.n)
			other = request->heard_ns + request->idle_ns;
		code = "timeout_idle";
		break;
	}
	*ret_code = other < due ? code : "timeout_total";
	return other < due ? other : due;
}

/* One timer is enough, although phases change while it runs: it is set to the earliest of what may
 * come, and each silence begins after now. */
uint64_t baton_request_look(const struct baton_request *request, uint64_t now_ns)
{
	const char *code;
	uint64_t look = baton_request_due(request, &code);

	if (request->phase == BATON_REQUEST_CONNECT && request->first_byte_due < look)
		look = request->first_byte_due;
	if (request->idle_ns && now_ns + request->idle_ns < look)
		look = now_ns + request->idle_ns;
	return look;
}

/* --- what an error means --- */

bool baton_request_error(struct baton_request *request, baton_error *ret)
{
	if (request->result == CURLE_OK && !request->code)
		return false;

	baton_easy_explain(request);
	for (char *c = request->message; *c; c++) /* parts of it may be the peer's words */
		*c = isprint((unsigned char)*c) ? *c : '?';
	*ret = (baton_error){
		.size = sizeof(baton_error),
		.fail = request->fail,
		.code = baton_str_of(request->code),
		.message = baton_str_of(request->message),
	};
	return true;
}

/* --- life --- */

struct baton_request *baton_request_new(struct baton_http *http, struct baton_wires *wires)
{
	struct baton_request *request = baton_new(struct baton_request);
	request->http = http;
	request->wires = wires;
	baton_sse_init(&request->parser, on_sse_event, request);
	return request;
}

static void request_drop_ask(struct baton_request *request)
{
	baton_target_done(&request->target);
	baton_easy_drop_ask(request);
	if (request->out.p)
		explicit_bzero(request->out.p, request->out_body);
	request->out_body = 0;
}

void baton_request_free(struct baton_request *request)
{
	baton_easy_free(request);
	request_drop_ask(request);
	baton_sse_done(&request->parser);
	baton_buf_done(&request->out);
	baton_buf_done(&request->head);
	baton_buf_done(&request->line);
	baton_buf_done(&request->held);
	baton_free(request);
}

static void buf_keep_small(struct baton_buf *buf)
{
	if (buf->cap > KEEP_BYTES)
		baton_buf_done(buf);
	baton_buf_reset(buf);
}

void baton_request_reset(struct baton_request *request)
{
	request_drop_ask(request);
	baton_sse_reset(&request->parser);
	buf_keep_small(&request->out);
	buf_keep_small(&request->head);
	buf_keep_small(&request->line);
	buf_keep_small(&request->held);
	request->handle = 0;
	request->listed = request->added = request->paused = request->curl_paused = false;
	request->resume = request->done = request->head_told = request->is_sse = false;
	request->result = CURLE_OK;
	request->phase = BATON_REQUEST_CONNECT;
	request->sockets_opened = 0;
	request->timer = 0;
	request->head_bytes = request->body_bytes = 0;
	request->code = NULL;
	request->message[0] = request->curl_message[0] = '\0';
}

/* --- asking --- */

static int headers_ok(const struct baton_http_ask *ask)
{
	size_t bytes = 0;

	if (ask->n_headers > BATON_HTTP_HEADERS_MAX)
		return BATON_E_LIMIT;
	for (size_t i = 0; i < ask->n_headers; i++) {
		bytes += ask->headers[i].n;
		if (!baton_header_ok(ask->headers[i]))
			return BATON_E_INVAL;
	}
	return bytes > BATON_HTTP_HEAD_BYTES_MAX ? BATON_E_LIMIT : BATON_OK;
}

static int ask_ok(const struct baton_http_ask *ask)
{
	if (ask->body.n > BATON_HTTP_ANSWER_BYTES_MAX)
		return BATON_E_LIMIT;
	if (ask->method.n == 0 || ask->method.n > BATON_REQUEST_METHOD)
		return BATON_E_INVAL;
	for (size_t i = 0; i < ask->method.n; i++)
		if (!isupper((unsigned char)ask->method.p[i]))
			return BATON_E_INVAL;
	if (ask->body.n && baton_str_is(ask->method, "GET"))
		return BATON_E_INVAL;
	return headers_ok(ask);
}

static uint64_t due_after(uint64_t now, uint32_t ms, uint32_t otherwise_ms)
{
	ms = ms ? ms : otherwise_ms;
	return ms ? now + (uint64_t)ms * NS_PER_MS : UINT64_MAX;
}

int baton_request_ask(struct baton_request *request, const struct baton_http_ask *ask,
		      struct baton_target *target, uint64_t now_ns)
{
	int rc = ask_ok(ask);
	if (rc)
		return rc;
	bool direct = !target->https && target->address.any.sa_family != AF_UNSPEC &&
		      baton_target_path(target);
	rc = direct ? baton_direct_ask(request, ask, target) : baton_easy_ask(request, ask, target);
	if (rc)
		return rc;

	request->target = *target;
	request->direct = direct;
	request->once = ask->once;
	request->bodiless = baton_str_is(ask->method, "HEAD");
	request->sse = ask->sse;
	request->ndjson = ask->ndjson;
	request->allow_loopback = ask->allow_loopback_http;
	request->allow_private = baton_target_private(target, ask->egress, ask->n_egress);
	request->connect_due = due_after(now_ns, ask->connect_ms, BATON_CONNECT_MS);
	request->first_byte_due = due_after(now_ns, ask->first_byte_ms, 0);
	request->total_due = due_after(now_ns, ask->total_ms, TOTAL_MS);
	request->idle_ns = (uint64_t)ask->idle_ms * NS_PER_MS;
	return BATON_OK;
}
