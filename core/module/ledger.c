/* SPDX-License-Identifier: Apache-2.0 */

/* What an instance has running: timers, jobs, HTTP, watched descriptors. Every callback into the
 * module starts here and returns here, so the last instruction of module code is never the one that
 * lets the module go. Ids are never reused in the life of the process. */
#include "core/base/abi.h"
#include "core/base/errors.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/base/table.h"
#include "core/loop/http.h"
#include "core/module/ctx.h"
#include "core/module/host.h"

enum { HEADERS_MAX = 64, HEADER_BYTES_MAX = 16 * 1024, HEADERS_BYTES_MAX = 512 * 1024 };

struct baton_ledger_entry {
	uint64_t id;
	enum baton_ledger_kind kind;
	struct baton_ctx *ctx;
	struct baton_generation *kept; /* jobs: the code stays while a pool thread is in it */
	void *user;
	uint64_t inner; /* the loop's or the client's own number */
	union {
		void (*timer)(void *user);
		struct {
			void (*work)(void *user);
			void (*done)(void *user, int32_t status);
		} job;
		struct {
			void (*fn)(void *user, int fd, uint32_t events);
			int fd;
		} watch;
		baton_http_cb http;
	};
	UT_hash_handle hh;
};

static const unsigned open_max[BATON_LEDGER_KINDS] = { 4096, 1024, 1024, 64 };

static int entry_new(struct baton_ctx *ctx, enum baton_ledger_kind kind, void *user,
		     struct baton_ledger_entry **ret)
{
	static _Atomic(uint64_t) serial;
	if (ctx->open[kind] >= open_max[kind])
		return BATON_E_LIMIT;
	struct baton_ledger_entry *e = baton_new(struct baton_ledger_entry);
	e->id = atomic_fetch_add(&serial, 1) + 1;
	e->kind = kind;
	e->ctx = ctx;
	e->user = user;
	HASH_ADD(hh, ctx->ledger, id, sizeof(e->id), e);
	ctx->open[kind]++;
	*ret = e;
	return 0;
}

static struct baton_ledger_entry *entry_find(struct baton_ctx *ctx, uint64_t id,
					     enum baton_ledger_kind kind)
{
	struct baton_ledger_entry *e;
	HASH_FIND(hh, ctx->ledger, &id, sizeof(id), e);
	return e && e->kind == kind ? e : NULL;
}

static void entry_drop(struct baton_ledger_entry *e)
{
	HASH_DEL(e->ctx->ledger, e);
	e->ctx->open[e->kind]--;
	baton_free(e);
}

/* Stopping what has just ended is no sin: the two may have crossed. */
static int32_t stop(struct baton_ctx *ctx, uint64_t id, enum baton_ledger_kind kind,
		    const char *what)
{
	int rc = baton_ctx_on_loop(ctx, what);
	if (rc < 0)
		return rc;
	struct baton_ledger_entry *e = entry_find(ctx, id, kind);
	if (!e)
		return BATON_E_STALE;
	if (kind == BATON_LEDGER_TIMER)
		(void)baton_loop_timer_stop(ctx->loop, e->inner);
	else if (kind == BATON_LEDGER_WATCH)
		baton_loop_watch_stop(ctx->loop, e->inner);
	else
		baton_http_stop(baton_loop_http(ctx->loop), e->inner);
	entry_drop(e);
	return BATON_OK;
}

static int begin(struct baton_ctx *ctx, bool good, const char *what)
{
	int rc = baton_ctx_on_loop(ctx, what);
	if (rc == 0 && !good) {
		baton_ctx_breach(ctx, BATON_BREACH_ARGUMENT, what);
		rc = BATON_E_INVAL;
	}
	return rc;
}

/* --- timers ------------------------------------------------------------------------------- */

static void timer_fired(void *ud)
{
	struct baton_ledger_entry e = *(struct baton_ledger_entry *)ud;
	entry_drop(ud);
	struct baton_visit visit = baton_visit_begin(e.ctx, "timer");
	e.timer(e.user);
	baton_visit_end(&visit);
}

int32_t baton_ledger_timer(baton_ctx *ctx, uint32_t ms, void (*fn)(void *user), void *user,
			   baton_timer *out)
{
	struct baton_ledger_entry *e;
	int rc = begin(ctx, fn != NULL, "timer");
	if (rc == 0)
		rc = entry_new(ctx, BATON_LEDGER_TIMER, user, &e);
	if (rc < 0)
		return rc;
	e->timer = fn;
	e->inner = baton_loop_timer(ctx->loop, ms, timer_fired, e);
	if (out)
		*out = e->id;
	return BATON_OK;
}

int32_t baton_ledger_timer_stop(baton_ctx *ctx, baton_timer timer)
{
	return stop(ctx, timer, BATON_LEDGER_TIMER, "timer_stop");
}

/* --- jobs and posts ----------------------------------------------------------------------- */

static void job_work(void *ud)
{
	struct baton_ledger_entry *e = ud;
	struct baton_beacon_was was =
		baton_beacon_enter(e->ctx->generation->place, "job", BATON_BEACON_MAY_BLOCK);
	e->job.work(e->user);
	baton_beacon_leave(was);
}

static void job_done(void *ud)
{
	struct baton_ledger_entry e = *(struct baton_ledger_entry *)ud;
	entry_drop(ud);
	if (e.job.done) {
		struct baton_visit visit = baton_visit_begin(e.ctx, "job done");
		e.job.done(e.user, BATON_OK);
		baton_visit_end(&visit);
	}
	if (e.ctx->closing && e.ctx->open[BATON_LEDGER_JOB] == 0)
		baton_ctx_close(e.ctx);
	baton_generation_unref(&e.kept);
}

int32_t baton_ledger_job(baton_ctx *ctx, void (*work)(void *user),
			 void (*done)(void *user, int32_t status), void *user, baton_job *out)
{
	struct baton_ledger_entry *e;
	int rc = begin(ctx, work != NULL, "job");
	if (rc == 0 && ctx->closing)
		rc = BATON_E_STATE;
	if (rc == 0)
		rc = entry_new(ctx, BATON_LEDGER_JOB, user, &e);
	if (rc < 0)
		return rc;
	e->job.work = work;
	e->job.done = done;
	uint64_t id = e->id;
	rc = baton_loop_job(ctx->loop, job_work, job_done, e);
	if (rc < 0) {
		entry_drop(e);
		return rc;
	}
	e->kept = baton_generation_ref(ctx->generation);
	if (out)
		*out = id;
	return BATON_OK;
}

struct letter {
	struct baton_mail mail;
	struct baton_ctx *ctx;
	struct baton_generation *kept;
	void (*fn)(void *user);
	void *user;
};

static void letter_deliver(struct baton_mail *mail, struct baton_loop *loop)
{
	struct letter *letter = (struct letter *)mail;
	/* After destroy() nobody is at home; ctx->loop is the loop's own to read here. */
	if (loop && letter->ctx->loop) {
		struct baton_visit visit = baton_visit_begin(letter->ctx, "post");
		letter->fn(letter->user);
		baton_visit_end(&visit);
	}
	baton_generation_unref(&letter->kept);
	baton_free(letter);
}

int32_t baton_ledger_post(baton_ctx *ctx, void (*fn)(void *user), void *user)
{
	if (!baton_ctx_ok(ctx) || !fn)
		return BATON_E_INVAL;
	int32_t rc = BATON_E_STATE;
	(void)pthread_mutex_lock(&ctx->lock);
	if (ctx->loop) {
		struct letter *letter = baton_new(struct letter);
		letter->mail.deliver = letter_deliver;
		letter->ctx = ctx;
		letter->kept = baton_generation_ref(ctx->generation);
		letter->fn = fn;
		letter->user = user;
		baton_loop_post(ctx->loop, &letter->mail);
		rc = BATON_OK;
	}
	(void)pthread_mutex_unlock(&ctx->lock);
	return rc;
}

/* --- descriptors -------------------------------------------------------------------------- */

static void watch_ready(void *ud, bool readable, bool writable)
{
	struct baton_ledger_entry e = *(struct baton_ledger_entry *)ud;
	uint32_t events = (readable ? BATON_WATCH_READ : 0u) | (writable ? BATON_WATCH_WRITE : 0u);
	struct baton_visit visit = baton_visit_begin(e.ctx, "watch");
	e.watch.fn(e.user, e.watch.fd, events);
	baton_visit_end(&visit);
}

int32_t baton_ledger_watch(baton_ctx *ctx, int fd, uint32_t events,
			   void (*fn)(void *, int, uint32_t), void *user, baton_watch *out)
{
	struct baton_ledger_entry *e;
	bool good = fn && fd >= 0 && events &&
		    !(events & ~(uint32_t)(BATON_WATCH_READ | BATON_WATCH_WRITE));
	int rc = begin(ctx, good, "watch");
	if (rc == 0)
		rc = entry_new(ctx, BATON_LEDGER_WATCH, user, &e);
	if (rc < 0)
		return rc;
	e->watch.fn = fn;
	e->watch.fd = fd;
	e->inner = baton_loop_watch(ctx->loop, fd, events & BATON_WATCH_READ,
				    events & BATON_WATCH_WRITE, watch_ready, e);
	if (e->inner == 0) {
		entry_drop(e);
		return BATON_E_INVAL;
	}
	if (out)
		*out = e->id;
	return BATON_OK;
}

int32_t baton_ledger_watch_stop(baton_ctx *ctx, baton_watch watch)
{
	return stop(ctx, watch, BATON_LEDGER_WATCH, "watch_stop");
}

/* --- HTTP --------------------------------------------------------------------------------- */

static void http_head(void *ud, baton_http_handle h, uint32_t status, const baton_str *headers,
		      size_t n)
{
	struct baton_ledger_entry e = *(struct baton_ledger_entry *)ud;
	(void)h;
	if (!e.http.on_head)
		return;
	struct baton_visit visit = baton_visit_begin(e.ctx, "on_head");
	e.http.on_head(e.user, e.id, status, headers, (uint32_t)n);
	baton_visit_end(&visit);
}

static void http_data(void *ud, baton_http_handle h, baton_str event, baton_str data)
{
	struct baton_ledger_entry e = *(struct baton_ledger_entry *)ud;
	(void)h;
	if (!e.http.on_data)
		return;
	struct baton_visit visit = baton_visit_begin(e.ctx, "on_data");
	e.http.on_data(e.user, e.id, event, data);
	baton_visit_end(&visit);
}

static void http_end(void *ud, baton_http_handle h, const baton_error *error)
{
	struct baton_ledger_entry e = *(struct baton_ledger_entry *)ud;
	struct baton_buf message = { 0 };
	baton_error clean;
	(void)h;
	entry_drop(ud);
	if (error) {
		clean = *error;
		baton_buf_str(&message, error->message);
		baton_generation_scrub(e.ctx->generation, &message);
		clean.message = baton_buf_view(&message);
	}
	struct baton_visit visit = baton_visit_begin(e.ctx, "on_end");
	e.http.on_end(e.user, e.id, error ? &clean : NULL);
	baton_visit_end(&visit);
	baton_buf_done(&message);
}

static bool good_request(const baton_http_req *req, const baton_http_cb *cb)
{
	return req && cb && req->size >= BATON_FIRST_HTTP_REQ && cb->size >= BATON_FIRST_HTTP_CB &&
	       cb->on_end && baton_host_text_ok(req->method, 16) &&
	       baton_host_text_ok(req->url, 8192) && (req->body.p || req->body.n == 0) &&
	       (req->headers || req->n_headers == 0) && req->n_headers <= HEADERS_MAX &&
	       !(req->flags & ~(uint32_t)(BATON_HTTP_SSE | BATON_HTTP_NDJSON | BATON_HTTP_ONCE));
}

/* Headers, and behind them the URL. Those with a secret are written out, one after the other in
 * `text`, which is wiped; the others stay where they are. */
static int fill_secrets(struct baton_ctx *ctx, const baton_http_req *req, struct baton_buf *text,
			baton_str views[HEADERS_MAX + 1])
{
	size_t room = 0;
	for (uint32_t i = 0; i <= req->n_headers; i++) {
		views[i] = i < req->n_headers ? req->headers[i] : req->url;
		if (!baton_host_text_ok(views[i], HEADER_BYTES_MAX))
			return BATON_E_INVAL;
		if (baton_generation_has_secret(views[i]))
			room += views[i].n + BATON_SECRET_BYTES_MAX;
	}
	if (room > HEADERS_BYTES_MAX)
		return BATON_E_LIMIT;
	if (room == 0)
		return 0;
	/* Room at once: a buffer that moves leaves the secret behind in freed memory. */
	(void)baton_buf_room(text, room);
	for (uint32_t i = 0; i <= req->n_headers; i++) {
		size_t from = text->n;
		if (!baton_generation_has_secret(views[i]))
			continue;
		int rc = baton_generation_expand(ctx->generation, views[i], text);
		if (rc < 0)
			return rc;
		views[i] = (baton_str){ text->p + from, text->n - from };
	}
	return 0;
}

static int http_start(struct baton_ctx *ctx, const baton_http_req *req, const baton_str *headers,
		      struct baton_ledger_entry *e)
{
	static const struct baton_http_events events = { http_head, http_data, http_end };
	const struct baton_policy_module *spec = ctx->generation->spec;
	struct baton_http_ask ask = {
		.method = req->method,
		.url = headers[req->n_headers],
		.body = req->body,
		.headers = headers,
		.n_headers = req->n_headers,
		.connect_ms = req->connect_ms,
		.first_byte_ms = req->first_byte_ms,
		.idle_ms = req->idle_ms,
		.total_ms = req->total_ms,
		.sse = (req->flags & BATON_HTTP_SSE) != 0,
		.ndjson = (req->flags & BATON_HTTP_NDJSON) != 0,
		.once = (req->flags & BATON_HTTP_ONCE) != 0,
		.egress = spec->egress,
		.n_egress = spec->n_egress,
		.ca_file = ctx->generation->host.ca_file,
		.allow_loopback_http = ctx->generation->host.allow_loopback_http,
	};
	return baton_http_start(baton_loop_http(ctx->loop), &ask, &events, e, &e->inner);
}

int32_t baton_ledger_http(baton_ctx *ctx, const baton_http_req *req, const baton_http_cb *cb,
			  void *user, baton_http *out)
{
	struct baton_ledger_entry *e;
	struct baton_buf text = { 0 };
	baton_str headers[HEADERS_MAX + 1]; /* the last: the URL */
	int rc = begin(ctx, good_request(req, cb), "http");
	if (rc == 0)
		rc = entry_new(ctx, BATON_LEDGER_HTTP, user, &e);
	if (rc < 0)
		return rc;
	baton_abi_take(&e->http, sizeof(e->http), cb, cb->size);
	rc = fill_secrets(ctx, req, &text, headers);
	if (rc == 0)
		rc = http_start(ctx, req, headers, e);
	if (text.n)
		explicit_bzero(text.p, text.n);
	baton_buf_done(&text);
	if (rc < 0) {
		entry_drop(e);
		return rc;
	}
	if (out)
		*out = e->id;
	return BATON_OK;
}

int32_t baton_ledger_http_pause(baton_ctx *ctx, baton_http http, uint32_t paused)
{
	int rc = baton_ctx_on_loop(ctx, "http_pause");
	if (rc < 0)
		return rc;
	struct baton_ledger_entry *e = entry_find(ctx, http, BATON_LEDGER_HTTP);
	if (!e)
		return BATON_E_STALE;
	baton_http_pause(baton_loop_http(ctx->loop), e->inner, paused != 0);
	return BATON_OK;
}

int32_t baton_ledger_http_stop(baton_ctx *ctx, baton_http http)
{
	return stop(ctx, http, BATON_LEDGER_HTTP, "http_stop");
}

/* ------------------------------------------------------------------------------------------ */

unsigned baton_ledger_clear(struct baton_ctx *ctx)
{
	struct baton_ledger_entry *e, *next;
	unsigned n = 0;
	HASH_ITER(hh, ctx->ledger, e, next) {
		if (e->kind == BATON_LEDGER_JOB)
			continue;
		(void)stop(ctx, e->id, e->kind, "clear");
		n++;
	}
	return n;
}
