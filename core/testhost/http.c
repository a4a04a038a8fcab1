/* SPDX-License-Identifier: Apache-2.0 */

/* HTTP without a network. A request takes the next expectation and lives through the stations of a
 * real one (connection, head, pieces of the body, end), each at its moment of the clock, with the
 * module's own time limits, and with the pauses and stops that the module asks for. Event streams
 * and lines are cut as the server's client cuts them (core/loop/request.c). */
#include "core/testhost/inside.h"

#include "core/base/abi.h"
#include "core/base/errors.h"
#include "core/base/limits.h"
#include "core/loop/sse.h"

#include <stdio.h>
#include <strings.h>

enum { HEADERS_MAX = 64, TOTAL_MS = 60000, NEVER_MS = 0 };

struct baton_rig_exchange {
	struct baton_rig_exchange *next;
	baton_exchange e;
	uint32_t left;
	uint32_t refs; /* requests that are answered by it, and the queue */
};

enum station { CONNECTING, WAITING, BODY, ENDED };

struct baton_rig_request {
	baton_asked asked;
	struct baton_ctx *ctx;
	struct baton_rig_thing *thing; /* NULL: it has ended */
	uint64_t id;
	struct baton_rig_exchange *exchange; /* NULL: nobody expected it */
	baton_http_cb cb;
	void *user;
	enum station station;
	bool is_sse, failed;
	uint64_t next_ns, total_due, phase_due, heard_ns; /* next: of the script; UINT64_MAX: no */
	size_t arrived, at;                               /* of the body: there, told */
	struct baton_sse sse;
	struct baton_buf line;
	uint32_t fail;
	const char *code;
};

/* --- expectations ------------------------------------------------------------------------- */

baton_exchange baton_testhost_exchange(void)
{
	return (baton_exchange){ .size = sizeof(baton_exchange) };
}

static const char *copy_of(const char *text)
{
	return text ? baton_memdupz(text, strlen(text)) : NULL;
}

static void exchange_drop(struct baton_rig_exchange *x)
{
	if (--x->refs > 0)
		return;
	const char *const texts[] = { x->e.method,  x->e.url,  x->e.header_has, x->e.body_has,
				      x->e.headers, x->e.body, x->e.fail_code };
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		baton_free((void *)(uintptr_t)texts[i]);
	baton_free(x);
}

void baton_testhost_expect(baton_testhost *host, const baton_exchange *exchange)
{
	struct baton_rig_exchange *x = baton_new(struct baton_rig_exchange);
	memcpy(&x->e, exchange, exchange->size < sizeof(x->e) ? exchange->size : sizeof(x->e));
	x->e.method = copy_of(exchange->method);
	x->e.url = copy_of(exchange->url);
	x->e.header_has = copy_of(exchange->header_has);
	x->e.body_has = copy_of(exchange->body_has);
	x->e.headers = copy_of(exchange->headers);
	x->e.fail_code = copy_of(exchange->fail_code);
	if (x->e.body_n == 0 && exchange->body)
		x->e.body_n = strlen(exchange->body);
	x->e.body = exchange->body ? baton_memdupz(exchange->body, x->e.body_n) : NULL;
	x->left = x->e.times ? x->e.times : 1;
	x->refs = 1;
	struct baton_rig_exchange **end = &host->exchanges;
	while (*end)
		end = &(*end)->next;
	*end = x;
}

void baton_testhost_expect_nothing(baton_testhost *host)
{
	while (host->exchanges) {
		struct baton_rig_exchange *x = host->exchanges;
		host->exchanges = x->next;
		exchange_drop(x);
	}
}

const baton_exchange *baton_testhost_expected(const baton_testhost *host)
{
	return host->exchanges ? &host->exchanges->e : NULL;
}

static bool url_fits(const char *want, const char *url)
{
	size_t n = strlen(want);
	if (n > 0 && want[n - 1] == '*')
		return strncmp(want, url, n - 1) == 0;
	return strcmp(want, url) == 0;
}

static bool fits(const baton_exchange *e, const baton_asked *asked)
{
	if (e->method && strcmp(e->method, asked->method) != 0)
		return false;
	if (e->url && !url_fits(e->url, asked->url))
		return false;
	if (e->header_has && !strstr(asked->headers, e->header_has))
		return false;
	return !e->body_has ||
	       memmem(asked->body, asked->body_n, e->body_has, strlen(e->body_has)) != NULL;
}

/* The first of the queue, if it fits. */
static struct baton_rig_exchange *take(baton_testhost *host, const baton_asked *asked)
{
	struct baton_rig_exchange *x = host->exchanges;
	if (!x || !fits(&x->e, asked))
		return NULL;
	x->refs++;
	if (--x->left == 0) {
		host->exchanges = x->next;
		exchange_drop(x);
	}
	return x;
}

/* --- asking ------------------------------------------------------------------------------- */

static bool good_request(const baton_http_req *req, const baton_http_cb *cb)
{
	return req && cb && req->size >= BATON_FIRST_HTTP_REQ && cb->size >= BATON_FIRST_HTTP_CB &&
	       cb->on_end && baton_rig_text_ok(req->method, 16) &&
	       baton_rig_text_ok(req->url, 8192) && (req->body.p || req->body.n == 0) &&
	       (req->headers || req->n_headers == 0) && req->n_headers <= HEADERS_MAX &&
	       !(req->flags & ~(uint32_t)(BATON_HTTP_SSE | BATON_HTTP_NDJSON | BATON_HTTP_ONCE));
}

static bool egress_ok(const baton_testhost *host, baton_str url)
{
	const char *at = memmem(url.p, url.n, "://", 3);
	if (!host->egress)
		return true;
	if (!at)
		return false;
	at += 3;
	size_t n = strcspn(at, "/?#");
	for (size_t i = 0; host->egress[i]; i++) {
		size_t want = strlen(host->egress[i]);
		if (strncasecmp(at, host->egress[i], want) == 0 &&
		    (n == want || (at[want] == ':' && !strchr(host->egress[i], ':'))))
			return true;
	}
	return false;
}

/* Without a list every secret is set, to its own name behind "value-of-". */
int32_t baton_rig_secret(const baton_testhost *host, baton_str name, char *to, size_t cap)
{
	if (!host->secrets) {
		(void)snprintf(to, cap, "value-of-%.*s", (int)name.n, name.p);
		return 0;
	}
	for (size_t i = 0; host->secrets[i]; i++) {
		const char *s = host->secrets[i];
		if (strncmp(s, name.p, name.n) != 0 || (s[name.n] != '=' && s[name.n] != '\0'))
			continue;
		if (s[name.n] == '\0')
			return BATON_E_NOTFOUND;
		(void)snprintf(to, cap, "%s", s + name.n + 1);
		return 0;
	}
	return BATON_E_DENIED;
}

/* Of a header, or of a URL, which `out` gets with its secrets. */
static int32_t secrets_ok(const baton_testhost *host, baton_str text, struct baton_buf *out)
{
	static const char mark[] = "{{secret:";
	if (!baton_rig_text_ok(text, 16 * 1024) || text.n == 0 || memchr(text.p, '\n', text.n) ||
	    memchr(text.p, '\r', text.n))
		return BATON_E_INVAL;
	const char *from = text.p, *end = text.p + text.n;
	const char *at = memmem(from, text.n, mark, sizeof(mark) - 1);
	while (at) {
		const char *name = at + sizeof(mark) - 1;
		const char *close = memmem(name, (size_t)(end - name), "}}", 2);
		if (!close)
			return BATON_E_INVAL;
		char value[512];
		int32_t rc = baton_rig_secret(host, (baton_str){ name, (size_t)(close - name) },
					      value, sizeof(value));
		if (rc < 0)
			return rc;
		baton_buf_add(out, from, (size_t)(at - from));
		baton_buf_z(out, value);
		from = close + 2;
		at = memmem(from, (size_t)(end - from), mark, sizeof(mark) - 1);
	}
	baton_buf_add(out, from, (size_t)(end - from));
	return 0;
}

static int32_t request_ok(const baton_testhost *host, const baton_http_req *req)
{
	struct baton_buf filled = { 0 };
	int32_t rc = 0;
	for (uint32_t i = 0; rc == 0 && i < req->n_headers; i++)
		rc = secrets_ok(host, req->headers[i], &filled);
	baton_buf_reset(&filled);
	if (rc == 0)
		rc = secrets_ok(host, req->url, &filled);
	if (rc == 0 && !egress_ok(host, baton_buf_view(&filled)))
		rc = BATON_E_DENIED;
	baton_buf_done(&filled);
	return rc;
}

static void record(struct baton_rig_request *r, const baton_http_req *req)
{
	struct baton_buf headers = { 0 };
	for (uint32_t i = 0; i < req->n_headers; i++) {
		baton_buf_str(&headers, req->headers[i]);
		baton_buf_z(&headers, "\n");
	}
	baton_buf_add(&headers, "", 0);
	r->asked =
		(baton_asked){ .size = sizeof(r->asked),
			       .flags = req->flags,
			       .method = baton_memdupz(req->method.p, req->method.n),
			       .url = baton_memdupz(req->url.p, req->url.n),
			       .headers = headers.n ? headers.p : baton_memdupz("", 0),
			       .body = baton_memdupz(req->body.n ? req->body.p : "", req->body.n),
			       .body_n = req->body.n,
			       .connect_ms = req->connect_ms,
			       .first_byte_ms = req->first_byte_ms,
			       .idle_ms = req->idle_ms,
			       .total_ms = req->total_ms,
			       .at_ns = r->ctx->host->now_ns };
	if (headers.n == 0)
		baton_buf_done(&headers);
}

static void on_event(void *ud, baton_str event, baton_str data);

static void request_list(baton_testhost *host, struct baton_rig_request *r)
{
	if (host->n_requests == host->cap_requests) {
		host->cap_requests = host->cap_requests ? host->cap_requests * 2 : 64;
		host->requests = baton_realloc(
			host->requests, host->cap_requests * sizeof(struct baton_rig_request *));
	}
	host->requests[host->n_requests++] = r;
	baton_sse_init(&r->sse, on_event, r);
}

static uint64_t in_ms(const struct baton_rig_request *r, uint32_t ms)
{
	return r->ctx->host->now_ns + (uint64_t)ms * BATON_RIG_NS_PER_MS;
}

static void look(struct baton_rig_request *r);

static void begin(struct baton_rig_request *r)
{
	const struct baton_rig_thing thing = {
		.kind = BATON_RIG_HTTP, .ctx = r->ctx, .due_ns = r->ctx->host->now_ns, .request = r
	};
	r->thing = baton_rig_thing_new(&thing);
	r->id = r->thing->id;
	r->station = CONNECTING;
	r->next_ns = in_ms(r, r->exchange ? r->exchange->e.connect_ms : 0);
	r->phase_due = in_ms(r, r->asked.connect_ms ? r->asked.connect_ms : BATON_CONNECT_MS);
	r->total_due = in_ms(r, r->asked.total_ms ? r->asked.total_ms : TOTAL_MS);
	look(r);
}

int32_t baton_rig_host_http(baton_ctx *ctx, const baton_http_req *req, const baton_http_cb *cb,
			    void *user, baton_http *out)
{
	int32_t rc = baton_rig_on_loop(ctx, "http");
	if (rc < 0)
		return rc;
	baton_testhost *host = ctx->host;
	if (!good_request(req, cb)) {
		baton_rig_breach(host, BATON_TESTHOST_BREACH_ARGUMENT, "http");
		return BATON_E_INVAL;
	}
	rc = baton_rig_fault(host, BATON_TESTHOST_HTTP);
	if (rc == 0)
		rc = request_ok(host, req);
	if (rc < 0)
		return rc;
	struct baton_rig_request *r = baton_new(struct baton_rig_request);
	r->ctx = ctx;
	baton_abi_take(&r->cb, sizeof(r->cb), cb, cb->size);
	r->user = user;
	record(r, req);
	request_list(host, r);
	r->exchange = take(host, &r->asked);
	if (r->exchange && r->exchange->e.refuse < 0) {
		r->station = ENDED;
		r->asked.ended = true;
		return r->exchange->e.refuse;
	}
	if (!r->exchange) {
		host->n_unexpected++;
		r->asked.unexpected = true;
	}
	begin(r);
	if (out)
		*out = r->id;
	return BATON_OK;
}

/* --- answering ---------------------------------------------------------------------------- */

static bool alive(const struct baton_rig_request *r)
{
	return r->thing != NULL;
}

static void let_go(struct baton_rig_request *r)
{
	struct baton_rig_thing *thing = r->thing;
	r->thing = NULL;
	r->station = ENDED;
	if (thing)
		baton_rig_thing_drop(thing);
}

void baton_rig_http_forget(struct baton_rig_request *r)
{
	r->thing = NULL;
	r->station = ENDED;
	r->asked.stopped = true;
}

static void tell_data(struct baton_rig_request *r, baton_str event, baton_str data)
{
	if (!alive(r) || !r->cb.on_data || r->failed)
		return;
	struct baton_rig_visit visit = baton_rig_enter(r->ctx->host, "on_data");
	r->cb.on_data(r->user, r->id, event, data);
	baton_rig_leave(&visit);
}

static void on_event(void *ud, baton_str event, baton_str data)
{
	tell_data(ud, event, data);
}

static void finish(struct baton_rig_request *r, uint32_t fail, const char *code)
{
	char message[128];
	(void)snprintf(message, sizeof(message), "%.90s: %s", r->asked.url, code);
	const baton_error error = { .size = sizeof(error),
				    .fail = fail,
				    .code = baton_str_of(code),
				    .message = baton_str_of(message) };
	if (!fail && (r->asked.flags & BATON_HTTP_NDJSON) && r->line.n > 0)
		tell_data(r, BATON_STR_NONE, baton_buf_view(&r->line));
	if (!alive(r)) /* the last line made the module stop */
		return;
	let_go(r);
	r->asked.ended = true;
	struct baton_rig_visit visit = baton_rig_enter(r->ctx->host, "on_end");
	r->cb.on_end(r->user, r->id, fail ? &error : NULL);
	baton_rig_leave(&visit);
}

static bool type_is_sse(const baton_str *headers, uint32_t n)
{
	static const char name[] = "content-type:", type[] = "text/event-stream";
	for (uint32_t i = 0; i < n; i++) {
		const char *p = headers[i].p, *end = p + headers[i].n;
		if (headers[i].n < sizeof(name) || strncasecmp(p, name, sizeof(name) - 1) != 0)
			continue;
		for (p += sizeof(name) - 1; p < end && (*p == ' ' || *p == '\t');)
			p++;
		if ((size_t)(end - p) >= sizeof(type) - 1 &&
		    strncasecmp(p, type, sizeof(type) - 1) == 0)
			return true;
	}
	return false;
}

static void tell_head(struct baton_rig_request *r)
{
	const baton_exchange *e = &r->exchange->e;
	baton_str headers[HEADERS_MAX];
	uint32_t n = 0;
	const char *at = e->headers ? e->headers : "";
	while (*at && n < HEADERS_MAX) {
		size_t len = strcspn(at, "\n");
		if (len > 0)
			headers[n++] = (baton_str){ at, len - (at[len - 1] == '\r') };
		at += len + (at[len] != '\0');
	}
	r->is_sse = (r->asked.flags & BATON_HTTP_SSE) && type_is_sse(headers, n);
	if (!r->cb.on_head)
		return;
	struct baton_rig_visit visit = baton_rig_enter(r->ctx->host, "on_head");
	r->cb.on_head(r->user, r->id, e->status, headers, n);
	baton_rig_leave(&visit);
}

static bool feed_line(struct baton_rig_request *r, baton_str piece)
{
	if (r->line.n + piece.n > BATON_HTTP_LINE_BYTES_MAX + 1)
		return false;
	baton_buf_str(&r->line, piece);
	if (r->line.p[r->line.n - 1] != '\n')
		return true;
	baton_str line = { r->line.p, r->line.n - 1 };
	if (line.n && line.p[line.n - 1] == '\r')
		line.n--;
	if (line.n)
		tell_data(r, BATON_STR_NONE, line);
	baton_buf_reset(&r->line);
	return true;
}

static bool feed(struct baton_rig_request *r, baton_str piece)
{
	if (r->is_sse)
		return baton_sse_feed(&r->sse, piece) == 0;
	if (r->asked.flags & BATON_HTTP_NDJSON)
		return feed_line(r, piece);
	tell_data(r, BATON_STR_NONE, piece);
	return true;
}

/* Line by line, because each may make the module pause or stop. */
static void tell_body(struct baton_rig_request *r)
{
	bool lines = r->is_sse || (r->asked.flags & BATON_HTTP_NDJSON);
	while (alive(r) && !r->asked.paused && r->at < r->arrived) {
		baton_str piece = { r->exchange->e.body + r->at, r->arrived - r->at };
		const char *lf = lines ? memchr(piece.p, '\n', piece.n) : NULL;
		if (lf)
			piece.n = (size_t)(lf - piece.p) + 1;
		r->at += piece.n;
		if (feed(r, piece) && r->at <= BATON_HTTP_ANSWER_BYTES_MAX)
			continue;
		if (alive(r))
			finish(r, BATON_FAIL_BAD_OUTPUT, "too_big");
		return;
	}
}

static size_t next_cut(const baton_exchange *e, size_t from)
{
	size_t to = e->piece ? from + e->piece : e->body_n;
	if (e->split > from && e->split < to)
		to = e->split;
	return to < e->body_n ? to : e->body_n;
}

/* The body has been told: how does it end? */
static void body_over(struct baton_rig_request *r)
{
	const baton_exchange *e = &r->exchange->e;
	if (e->hang) {
		r->next_ns = UINT64_MAX;
		return;
	}
	finish(r, e->fail, e->fail ? (e->fail_code ? e->fail_code : "cut") : "");
}

static void connected(struct baton_rig_request *r)
{
	const struct baton_rig_exchange *x = r->exchange;
	if (!x) {
		finish(r, BATON_FAIL_UNAVAILABLE, "connect");
		return;
	}
	if (x->e.status == 0 && !x->e.hang) {
		finish(r, x->e.fail ? x->e.fail : (uint32_t)BATON_FAIL_UNAVAILABLE,
		       x->e.fail_code ? x->e.fail_code : "connect");
		return;
	}
	r->station = WAITING;
	r->next_ns = x->e.status == 0 ? UINT64_MAX : in_ms(r, x->e.head_ms);
	r->phase_due = r->asked.first_byte_ms ? in_ms(r, r->asked.first_byte_ms) : UINT64_MAX;
}

static void scripted(struct baton_rig_request *r)
{
	const baton_exchange *e = r->exchange ? &r->exchange->e : NULL;
	switch (r->station) {
	case CONNECTING:
		connected(r);
		return;
	case WAITING:
		r->station = BODY;
		r->heard_ns = r->ctx->host->now_ns;
		r->next_ns = in_ms(r, e->piece_ms);
		tell_head(r);
		return;
	case BODY:
		if (r->arrived == e->body_n) {
			body_over(r);
			return;
		}
		r->arrived = next_cut(e, r->arrived);
		r->heard_ns = r->ctx->host->now_ns;
		r->next_ns = in_ms(r, r->arrived == e->body_n ? NEVER_MS : e->piece_ms);
		tell_body(r);
		return;
	case ENDED:
		return;
	}
}

static const char *timeout_code(const struct baton_rig_request *r, uint64_t now)
{
	if (r->total_due <= now)
		return "timeout_total";
	return r->station == CONNECTING ? "timeout_connect"
	       : r->station == WAITING  ? "timeout_first_byte"
					: "timeout_idle";
}

/* When it has to be looked at next: the script's next moment, or a limit that would be passed. */
static void look(struct baton_rig_request *r)
{
	if (!alive(r))
		return;
	if (r->station == BODY)
		r->phase_due =
			r->asked.idle_ms && !r->asked.paused
				? r->heard_ns + (uint64_t)r->asked.idle_ms * BATON_RIG_NS_PER_MS
				: UINT64_MAX;
	uint64_t due = r->asked.paused && r->station == BODY ? UINT64_MAX : r->next_ns;
	if (r->phase_due < due)
		due = r->phase_due;
	if (r->total_due < due)
		due = r->total_due;
	baton_rig_thing_move(r->thing, due);
}

void baton_rig_http_step(struct baton_rig_request *r)
{
	uint64_t now = r->ctx->host->now_ns;
	bool held = r->asked.paused && r->station == BODY;
	if (r->at < r->arrived && !held)
		tell_body(r);
	else if (r->next_ns <= now && !held)
		scripted(r);
	else if (r->total_due <= now || r->phase_due <= now)
		finish(r, BATON_FAIL_TIMEOUT, timeout_code(r, now));
	look(r);
}

/* --- pausing, stopping, looking ----------------------------------------------------------- */

static struct baton_rig_request *find(const struct baton_ctx *ctx, baton_http http)
{
	for (uint32_t i = ctx->host->n_requests; i > 0; i--) {
		struct baton_rig_request *r = ctx->host->requests[i - 1];
		if (r->id == http && r->ctx == ctx)
			return alive(r) ? r : NULL;
	}
	return NULL;
}

int32_t baton_rig_host_http_pause(baton_ctx *ctx, baton_http http, uint32_t paused)
{
	int32_t rc = baton_rig_on_loop(ctx, "http_pause");
	if (rc < 0)
		return rc;
	struct baton_rig_request *r = find(ctx, http);
	if (!r)
		return BATON_E_STALE;
	r->asked.paused = paused != 0;
	r->heard_ns = ctx->host->now_ns;
	if (!paused)
		baton_rig_thing_move(r->thing, ctx->host->now_ns); /* what waited comes next */
	return BATON_OK;
}

int32_t baton_rig_host_http_stop(baton_ctx *ctx, baton_http http)
{
	int32_t rc = baton_rig_on_loop(ctx, "http_stop");
	if (rc < 0)
		return rc;
	struct baton_rig_request *r = find(ctx, http);
	if (!r)
		return BATON_E_STALE;
	let_go(r);
	r->asked.stopped = true;
	return BATON_OK;
}

void baton_rig_http_free(baton_testhost *host)
{
	for (uint32_t i = 0; i < host->n_requests; i++) {
		struct baton_rig_request *r = host->requests[i];
		const char *const texts[] = { r->asked.method, r->asked.url, r->asked.headers,
					      r->asked.body };
		for (size_t t = 0; t < 4; t++)
			baton_free((void *)(uintptr_t)texts[t]);
		baton_sse_done(&r->sse);
		baton_buf_done(&r->line);
		if (r->exchange)
			exchange_drop(r->exchange);
		baton_free(r);
	}
	baton_free(host->requests);
	baton_testhost_expect_nothing(host);
}

unsigned baton_testhost_requests(const baton_testhost *host)
{
	return host->n_requests;
}

const baton_asked *baton_testhost_asked(const baton_testhost *host, unsigned i)
{
	return i < host->n_requests ? &host->requests[i]->asked : NULL;
}

unsigned baton_testhost_unexpected(const baton_testhost *host)
{
	return host->n_unexpected;
}
