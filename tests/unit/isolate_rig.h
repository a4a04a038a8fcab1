/* SPDX-License-Identifier: Apache-2.0 */

/* A host for isolation tests: the functions of the host table over a real loop, with a record of
 * everything that came. The same host takes a module inline or in its own process; what is recorded
 * must be the same. Static functions, so that a test is still one file. */
#pragma once

#include "core/base/errors.h"
#include "core/base/table.h"
#include "core/isolate/child.h"
#include "core/loop/loop.h"
#include "core/policy/expr.h"

#include <baton/sign.h>
#include <dirent.h>
#include <dlfcn.h>
#include <libgen.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "unit.h"

enum { RIG_CALLS = 64, RIG_GUARD_MS = 20000, RIG_CHUNKS = 400 };

struct rig_call {
	struct baton_buf said;
	unsigned deltas, ends, fails;
	uint32_t fail;
	size_t bytes;
	unsigned accept; /* deltas to take before BATON_E_AGAIN; 0: no bound */
	bool full;       /* told BATON_E_AGAIN, and nothing has come since */
	void *user;
};

struct rig_http {
	struct rig_http *next;
	struct rig *rig;
	baton_http_cb cb;
	void *user;
	baton_http id;
	unsigned chunk;
	bool paused, stopped, posted;
};

struct rig {
	baton_host table;
	struct baton_loop *loop;
	const baton_module *module;
	struct baton_child *child;
	void *dl, *mod, *inst;
	struct rig_call calls[RIG_CALLS + 1];
	unsigned ends, wanted;
	bool guarded, closed, running;
	struct baton_buf log, counts, value;
	struct rig_http *https;
	uint64_t https_made;
	char url[256];
	size_t body_bytes;
	unsigned chunks; /* of an HTTP answer */
	pthread_mutex_t lock;
	unsigned crashes;
	char how[256];
	uint64_t watches;
};

static inline struct rig *rig_of(baton_ctx *ctx)
{
	return (struct rig *)(void *)ctx;
}

static inline baton_ctx *rig_ctx(struct rig *rig)
{
	return (baton_ctx *)(void *)rig;
}

/* --- observe ----------------------------------------------------------------------------- */

static inline void rig_log(baton_ctx *ctx, uint32_t level, baton_str msg)
{
	struct rig *rig = rig_of(ctx);
	pthread_mutex_lock(&rig->lock);
	if (rig->log.n < 1000000)
		baton_buf_printf(&rig->log, "%u %.*s\n", level, (int)msg.n, msg.p);
	pthread_mutex_unlock(&rig->lock);
}

static inline void rig_count(baton_ctx *ctx, const char *name, uint64_t v)
{
	struct rig *rig = rig_of(ctx);
	pthread_mutex_lock(&rig->lock);
	if (rig->counts.n < 1000000)
		baton_buf_printf(&rig->counts, "%s=%llu ", name, (unsigned long long)v);
	pthread_mutex_unlock(&rig->lock);
}

static inline void rig_observe(baton_ctx *ctx, const char *name, uint64_t us)
{
	(void)us;
	rig_count(ctx, name, 0);
}

static inline uint64_t rig_now(baton_ctx *ctx)
{
	return baton_loop_now_ns(rig_of(ctx)->loop);
}

static inline uint64_t rig_unix(baton_ctx *ctx)
{
	(void)ctx;
	return baton_loop_unix_ms();
}

/* No real code: the parts' first bytes, so that it shows that they came, and in which order. */
static inline int32_t rig_sign(baton_ctx *ctx, baton_str name, const baton_str *parts, uint32_t n,
			       uint8_t *mac)
{
	(void)ctx;
	if (!baton_str_is(name, "KEY"))
		return BATON_E_DENIED;
	memset(mac, 'x', BATON_SIGN_HMAC_SHA256_BYTES);
	for (uint32_t i = 0, at = 0; i < n; i++)
		for (size_t j = 0; j < parts[i].n && at < BATON_SIGN_HMAC_SHA256_BYTES; j++)
			mac[at++] = (uint8_t)parts[i].p[j];
	return BATON_OK;
}

static inline const void *rig_get(baton_ctx *ctx, const char *id)
{
	static const baton_host_sign signing = { .size = sizeof(signing), .hmac_sha256 = rig_sign };
	(void)ctx;
	if (strcmp(id, BATON_HOST_SIGN) == 0)
		return &signing;
	return strcmp(id, BATON_HOST_EXPR) == 0 ? baton_expr_host() : NULL;
}

/* --- run --------------------------------------------------------------------------------- */

struct rig_letter {
	struct baton_mail mail;
	struct rig *rig;
	void (*fn)(void *);
	void *user;
};

static inline void rig_deliver(struct baton_mail *mail, struct baton_loop *loop)
{
	struct rig_letter *letter = (struct rig_letter *)mail;
	if (loop && !letter->rig->closed)
		letter->fn(letter->user);
	baton_free(letter);
}

static inline int32_t rig_post(baton_ctx *ctx, void (*fn)(void *), void *user)
{
	struct rig_letter *letter = baton_new(struct rig_letter);
	letter->mail.deliver = rig_deliver;
	letter->rig = rig_of(ctx);
	letter->fn = fn;
	letter->user = user;
	baton_loop_post(rig_of(ctx)->loop, &letter->mail);
	return BATON_OK;
}

static inline int32_t rig_timer(baton_ctx *ctx, uint32_t ms, void (*fn)(void *), void *user,
				baton_timer *out)
{
	uint64_t id = baton_loop_timer(rig_of(ctx)->loop, ms, fn, user);
	if (out)
		*out = id;
	return BATON_OK;
}

static inline int32_t rig_timer_stop(baton_ctx *ctx, baton_timer timer)
{
	return baton_loop_timer_stop(rig_of(ctx)->loop, timer) ? BATON_OK : BATON_E_STALE;
}

struct rig_job {
	void (*work)(void *);
	void (*done)(void *, int32_t);
	void *user;
};

static inline void rig_job_work(void *ud)
{
	struct rig_job *job = ud;
	job->work(job->user);
}

static inline void rig_job_done(void *ud)
{
	struct rig_job *job = ud;
	if (job->done)
		job->done(job->user, BATON_OK);
	baton_free(job);
}

static inline int32_t rig_job(baton_ctx *ctx, void (*work)(void *), void (*done)(void *, int32_t),
			      void *user, baton_job *out)
{
	struct rig_job *job = baton_new(struct rig_job);
	*job = (struct rig_job){ work, done, user };
	if (out)
		*out = 1;
	return baton_loop_job(rig_of(ctx)->loop, rig_job_work, rig_job_done, job);
}

struct rig_watch {
	void (*fn)(void *, int, uint32_t);
	void *user;
	int fd;
	uint64_t inner;
	bool used;
};

static _Thread_local struct rig_watch rig_watches[64]; /* of this thread's loop */

static inline void rig_watched(void *ud, bool readable, bool writable)
{
	struct rig_watch w = *(struct rig_watch *)ud;
	w.fn(w.user, w.fd,
	     (readable ? BATON_WATCH_READ : 0u) | (writable ? BATON_WATCH_WRITE : 0u));
}

static inline int32_t rig_watch(baton_ctx *ctx, int fd, uint32_t events,
				void (*fn)(void *, int, uint32_t), void *user, baton_watch *out)
{
	struct rig *rig = rig_of(ctx);
	for (unsigned i = 0; i < 64; i++) {
		struct rig_watch *w = &rig_watches[i];
		if (w->used)
			continue;
		*w = (struct rig_watch){ fn, user, fd, 0, true };
		w->inner = baton_loop_watch(rig->loop, fd, events & BATON_WATCH_READ,
					    events & BATON_WATCH_WRITE, rig_watched, w);
		*out = i + 1;
		rig->watches++;
		return BATON_OK;
	}
	return BATON_E_LIMIT;
}

static inline int32_t rig_watch_stop(baton_ctx *ctx, baton_watch id)
{
	assert_true(id > 0 && id <= 64 && rig_watches[id - 1].used);
	baton_loop_watch_stop(rig_of(ctx)->loop, rig_watches[id - 1].inner);
	rig_watches[id - 1].used = false;
	rig_of(ctx)->watches--;
	return BATON_OK;
}

/* --- HTTP: an answer of `chunks` lines, one per turn of the loop ------------------------- */

static inline void rig_http_step(void *ud);

static inline void rig_http_next(struct rig_http *http)
{
	if (!http->posted && !http->paused && !http->stopped) {
		http->posted = true;
		rig_post(rig_ctx(http->rig), rig_http_step, http);
	}
}

static inline void rig_http_step(void *ud)
{
	struct rig_http *http = ud;
	char line[64];
	http->posted = false;
	if (http->paused || http->stopped)
		return;
	int n = snprintf(line, sizeof(line), "line %u of an answer", http->chunk);
	if (http->chunk == 0 && http->cb.on_head) {
		const baton_str headers[] = { BATON_STR("Content-Type: text/event-stream"),
					      BATON_STR("X-Odd:") };
		http->cb.on_head(http->user, http->id, 200, headers, 2);
	}
	if (!http->stopped && http->chunk++ < http->rig->chunks) {
		http->cb.on_data(http->user, http->id, BATON_STR("delta"),
				 (baton_str){ line, (size_t)n });
		rig_http_next(http);
	} else if (!http->stopped) {
		http->stopped = true;
		http->cb.on_end(http->user, http->id, NULL);
	}
}

static inline int32_t rig_http(baton_ctx *ctx, const baton_http_req *req, const baton_http_cb *cb,
			       void *user, baton_http *out)
{
	struct rig *rig = rig_of(ctx);
	if (req->url.n >= 9 && memcmp(req->url.p, "https://x", 9) == 0)
		return BATON_E_DENIED;
	struct rig_http *http = baton_new(struct rig_http);
	http->rig = rig;
	http->cb = *cb;
	http->user = user;
	http->id = ++rig->https_made;
	http->next = rig->https;
	rig->https = http;
	rig->body_bytes = req->body.n;
	snprintf(rig->url, sizeof(rig->url), "%.*s %.*s %.*s %u %.*s", (int)req->method.n,
		 req->method.p, (int)req->url.n, req->url.p, (int)req->body.n, req->body.p,
		 req->n_headers, req->n_headers ? (int)req->headers[0].n : 0,
		 req->n_headers ? req->headers[0].p : "");
	*out = http->id;
	rig_http_next(http);
	return BATON_OK;
}

static inline struct rig_http *rig_http_find(struct rig *rig, baton_http id)
{
	struct rig_http *http = rig->https;
	while (http && http->id != id)
		http = http->next;
	assert_non_null(http);
	return http;
}

static inline int32_t rig_http_pause(baton_ctx *ctx, baton_http id, uint32_t paused)
{
	struct rig_http *http = rig_http_find(rig_of(ctx), id);
	http->paused = paused != 0;
	rig_http_next(http);
	return BATON_OK;
}

static inline int32_t rig_http_stop(baton_ctx *ctx, baton_http id)
{
	rig_http_find(rig_of(ctx), id)->stopped = true;
	return BATON_OK;
}

/* --- keep -------------------------------------------------------------------------------- */

static inline int32_t rig_kv_get(baton_ctx *ctx, baton_str key, const baton_sink *out)
{
	struct rig *rig = rig_of(ctx);
	if (!baton_str_is(key, "kept") || rig->value.n == 0)
		return BATON_E_NOTFOUND;
	return out->write(out->ud, rig->value.p, rig->value.n);
}

static inline int32_t rig_kv_put(baton_ctx *ctx, baton_str key, baton_str value)
{
	struct rig *rig = rig_of(ctx);
	if (!baton_str_is(key, "kept"))
		return BATON_E_INVAL;
	baton_buf_reset(&rig->value);
	baton_buf_str(&rig->value, value);
	return BATON_OK;
}

static inline int32_t rig_unsupported_get(baton_ctx *ctx, baton_call call, baton_str key,
					  const baton_sink *out)
{
	(void)ctx, (void)call, (void)key, (void)out;
	return BATON_E_UNSUPPORTED;
}

static inline int32_t rig_unsupported_put(baton_ctx *ctx, baton_call call, baton_str key,
					  uint32_t schema, baton_str value)
{
	(void)ctx, (void)call, (void)key, (void)schema, (void)value;
	return BATON_E_UNSUPPORTED;
}

static inline int32_t rig_event(baton_ctx *ctx, baton_call call, baton_str type, baton_str json)
{
	(void)ctx, (void)call, (void)type, (void)json;
	return BATON_E_UNSUPPORTED;
}

/* --- answers ----------------------------------------------------------------------------- */

static inline struct rig_call *rig_open(baton_ctx *ctx, baton_call call)
{
	struct rig_call *c = call > 0 && call <= RIG_CALLS ? &rig_of(ctx)->calls[call] : NULL;
	return c && c->ends + c->fails == 0 ? c : NULL;
}

static inline int32_t rig_delta(baton_ctx *ctx, baton_call call, uint32_t kind, baton_str data)
{
	struct rig_call *c = rig_open(ctx, call);
	if (!c)
		return BATON_E_STALE;
	if (c->accept > 0 && c->deltas >= c->accept) {
		c->full = true;
		return BATON_E_AGAIN;
	}
	c->deltas++;
	c->bytes += data.n;
	if (c->said.n < 65536) {
		baton_buf_printf(&c->said, "%u:", kind);
		baton_buf_str(&c->said, data);
		baton_buf_add(&c->said, "|", 1);
	}
	return BATON_OK;
}

static inline void rig_say_str(struct baton_buf *b, baton_str s)
{
	baton_buf_str(b, s);
	baton_buf_add(b, ";", 1);
}

static inline void rig_say_intents(struct baton_buf *b, const baton_intents *intents)
{
	baton_buf_printf(b, "intents %u %u ", intents->n, intents->sentiment_ppm);
	rig_say_str(b, intents->language);
	for (uint32_t i = 0; i < intents->n; i++) {
		rig_say_str(b, intents->v[i].name);
		baton_buf_printf(b, "%u ", intents->v[i].confidence_ppm);
		rig_say_str(b, intents->v[i].entities_json);
	}
}

static inline int32_t rig_result(baton_ctx *ctx, baton_call call, const char *type, const void *pod,
				 size_t n)
{
	struct rig_call *c = rig_open(ctx, call);
	if (!c)
		return BATON_E_STALE;
	if (strcmp(type, BATON_RESULT_INTENTS) == 0 && n >= sizeof(baton_intents)) {
		baton_intents intents;
		memcpy(&intents, pod, sizeof(intents));
		rig_say_intents(&c->said, &intents);
		return BATON_OK;
	}
	if (strcmp(type, BATON_RESULT_TOOL) == 0 && n >= sizeof(baton_tool_result)) {
		baton_tool_result result;
		memcpy(&result, pod, sizeof(result));
		baton_buf_printf(&c->said, "tool %u %u %u ", result.flags, result.http_status,
				 result.tries);
		rig_say_str(&c->said, result.json);
		rig_say_str(&c->said, result.code);
		return BATON_OK;
	}
	if (strcmp(type, BATON_RESULT_DOCS) != 0 || n % sizeof(baton_doc) != 0) {
		baton_buf_printf(&c->said, "odd %s %zu", type, n);
		return BATON_OK;
	}
	const baton_doc *docs = pod;
	for (size_t i = 0; i < n / sizeof(*docs); i++) {
		rig_say_str(&c->said, docs[i].id);
		rig_say_str(&c->said, docs[i].title);
		rig_say_str(&c->said, docs[i].uri);
		rig_say_str(&c->said, docs[i].snippet);
		rig_say_str(&c->said, docs[i].version);
		baton_buf_printf(&c->said, "%u|", docs[i].score_ppm);
	}
	return BATON_OK;
}

static inline int32_t rig_usage(baton_ctx *ctx, baton_call call, const baton_usage *usage)
{
	struct rig_call *c = rig_open(ctx, call);
	if (!c || !usage)
		return c ? BATON_E_INVAL : BATON_E_STALE;
	baton_buf_printf(&c->said, "usage %llu %llu|", (unsigned long long)usage->in_tokens,
			 (unsigned long long)usage->out_tokens);
	return BATON_OK;
}

static inline void rig_ended(struct rig *rig)
{
	if (++rig->ends >= rig->wanted && rig->running)
		baton_loop_stop(rig->loop);
}

static inline int32_t rig_end(baton_ctx *ctx, baton_call call, uint32_t reason)
{
	struct rig_call *c = rig_open(ctx, call);
	if (!c)
		return BATON_E_STALE;
	c->ends++;
	baton_buf_printf(&c->said, "end %u", reason);
	rig_ended(rig_of(ctx));
	return BATON_OK;
}

static inline int32_t rig_fail(baton_ctx *ctx, baton_call call, const baton_error *error)
{
	struct rig_call *c = rig_open(ctx, call);
	if (!c)
		return BATON_E_STALE;
	c->fails++;
	c->fail = error ? error->fail : UINT32_MAX;
	if (error)
		baton_buf_printf(&c->said, "fail %u %.*s %.*s", error->fail, (int)error->code.n,
				 error->code.p, (int)error->message.n, error->message.p);
	rig_ended(rig_of(ctx));
	return BATON_OK;
}

static inline int32_t rig_call_set(baton_ctx *ctx, baton_call call, void *user)
{
	struct rig_call *c = rig_open(ctx, call);
	if (!c)
		return BATON_E_STALE;
	c->user = user;
	return BATON_OK;
}

static inline void *rig_call_get(baton_ctx *ctx, baton_call call)
{
	return call > 0 && call <= RIG_CALLS ? rig_of(ctx)->calls[call].user : NULL;
}

static inline void rig_crashed(void *ud, const char *how)
{
	struct rig *rig = ud;
	pthread_mutex_lock(&rig->lock);
	rig->crashes++;
	snprintf(rig->how, sizeof(rig->how), "%s", how);
	pthread_mutex_unlock(&rig->lock);
}

/* --- running ----------------------------------------------------------------------------- */

static inline void rig_guard(void *ud)
{
	struct rig *rig = ud;
	rig->guarded = true;
	baton_loop_stop(rig->loop);
}

/* Runs the loop until `n` more calls have ended. */
static inline void rig_run_for(struct rig *rig, unsigned n)
{
	uint64_t guard = baton_loop_timer(rig->loop, RIG_GUARD_MS, rig_guard, rig);
	rig->wanted = rig->ends + n;
	rig->running = true;
	baton_loop_run(rig->loop);
	rig->running = false;
	(void)baton_loop_timer_stop(rig->loop, guard);
	assert_false(rig->guarded);
}

static inline void rig_stop_cb(void *ud)
{
	struct rig *rig = ud;
	baton_loop_stop(rig->loop);
}

/* Lets the loop run for a while: what the child does by itself takes some time. */
static inline void rig_linger(struct rig *rig, uint64_t ms)
{
	baton_loop_timer(rig->loop, ms, rig_stop_cb, rig);
	rig->wanted = UINT_MAX;
	baton_loop_run(rig->loop);
}

/* Until `fn` says so, or the guard. */
static inline void rig_until(struct rig *rig, bool (*fn)(struct rig *))
{
	for (unsigned i = 0; i < RIG_GUARD_MS / 5 && !fn(rig); i++)
		rig_linger(rig, 5);
	assert_true(fn(rig));
}

/* Lines come from the keeper's thread, too, and a moment later. */
static inline bool rig_logged(struct rig *rig, const char *text)
{
	bool found = false;
	for (unsigned i = 0; i < 400 && !found; i++) {
		pthread_mutex_lock(&rig->lock);
		found = rig->log.n > 0 && strstr(rig->log.p, text);
		pthread_mutex_unlock(&rig->lock);
		if (!found)
			rig_linger(rig, 5);
	}
	return found;
}

static inline const char *rig_said(struct rig *rig, unsigned call)
{
	return rig->calls[call].said.n ? rig->calls[call].said.p : "";
}

static inline void rig_init(struct rig *rig)
{
	memset(rig, 0, sizeof(*rig));
	pthread_mutex_init(&rig->lock, NULL);
	rig->loop = baton_loop_new("rig");
	rig->chunks = 3;
	rig->table = (baton_host){
		.size = sizeof(rig->table),
		.version = "test",
		.get = rig_get,
		.log = rig_log,
		.count = rig_count,
		.observe = rig_observe,
		.now_ns = rig_now,
		.unix_ms = rig_unix,
		.timer = rig_timer,
		.timer_stop = rig_timer_stop,
		.job = rig_job,
		.post = rig_post,
		.watch = rig_watch,
		.watch_stop = rig_watch_stop,
		.http = rig_http,
		.http_pause = rig_http_pause,
		.http_stop = rig_http_stop,
		.session_get = rig_unsupported_get,
		.session_put = rig_unsupported_put,
		.kv_get = rig_kv_get,
		.kv_put = rig_kv_put,
		.event = rig_event,
		.delta = rig_delta,
		.result = rig_result,
		.usage = rig_usage,
		.end = rig_end,
		.fail = rig_fail,
		.call_set = rig_call_set,
		.call_get = rig_call_get,
	};
}

/* build/<variant>, where this test is in tests/. */
static inline void rig_built(char *path, size_t cap, const char *name)
{
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	assert_true(n > 0);
	self[n] = 0;
	assert_true(snprintf(path, cap, "%s/%s", dirname(dirname(self)), name) < (int)cap);
}

static inline const void *rig_vt(const struct rig *rig, const char *iface)
{
	for (uint32_t i = 0; i < rig->module->n_ifaces; i++)
		if (strcmp(rig->module->ifaces[i].id, iface) == 0)
			return rig->module->ifaces[i].vt;
	return NULL;
}

static inline int rig_child_start(struct rig *rig, const char *file,
				  const struct baton_child_options *with, char *why, size_t cap)
{
	char path[PATH_MAX], modhost[PATH_MAX];
	struct baton_child_options o = { 0 };
	if (with)
		o = *with;
	rig_built(path, sizeof(path), file);
	rig_built(modhost, sizeof(modhost), "baton-modhost");
	o.modhost = o.modhost ? o.modhost : modhost;
	o.path = path;
	o.name = "test";
	o.host = &rig->table;
	o.ud = rig;
	o.crashed = rig_crashed;
	o.evaluate_ms = o.evaluate_ms ? o.evaluate_ms : 2000;
	int rc = baton_child_start(&o, &rig->child, &rig->module, why, cap);
	if (rc == 0)
		rig->mod = rig->child;
	return rc;
}

/* load, create and activate, as a rack does. */
static inline int32_t rig_begin(struct rig *rig, const char *config)
{
	int32_t rc = rig->module->load ? rig->module->load(rig_ctx(rig), &rig->table, &rig->mod)
				       : BATON_OK;
	if (rc == BATON_OK)
		rc = rig->module->create(rig->mod, rig_ctx(rig), baton_str_of(config), &rig->inst);
	if (rc == BATON_OK && rig->module->activate)
		rc = rig->module->activate(rig->inst);
	return rc;
}

static inline void rig_isolated(struct rig *rig, const char *file, const char *config,
				const struct baton_child_options *with)
{
	char why[256] = "";
	rig_init(rig);
	if (rig_child_start(rig, file, with, why, sizeof(why)) != 0)
		fail_msg("%s", why);
	assert_int_equal(rig_begin(rig, config), BATON_OK);
}

static inline void rig_inline(struct rig *rig, const char *file, const char *config)
{
	char path[PATH_MAX];
	rig_init(rig);
	rig_built(path, sizeof(path), file);
	rig->dl = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	assert_non_null(rig->dl);
	rig->module = dlsym(rig->dl, BATON_ENTRY_SYMBOL);
	assert_int_equal(rig_begin(rig, config), BATON_OK);
}

static inline void rig_done(struct rig *rig)
{
	if (rig->inst) {
		if (rig->module->quiesce)
			rig->module->quiesce(rig->inst);
		rig->module->destroy(rig->inst);
	}
	rig->closed = true;
	assert_int_equal(rig->watches, 0);
	if (rig->child)
		baton_child_stop(&rig->child);
	else if (rig->module && rig->module->unload)
		rig->module->unload(rig->mod);
	if (rig->dl)
		dlclose(rig->dl);
	baton_loop_free(&rig->loop);
	for (unsigned i = 0; i <= RIG_CALLS; i++)
		baton_buf_done(&rig->calls[i].said);
	while (rig->https) {
		struct rig_http *http = rig->https;
		rig->https = http->next;
		baton_free(http);
	}
	baton_buf_done(&rig->log);
	baton_buf_done(&rig->counts);
	baton_buf_done(&rig->value);
	pthread_mutex_destroy(&rig->lock);
}

/* Open descriptors of this process. */
static inline unsigned rig_fds(void)
{
	unsigned n = 0;
	DIR *dir = opendir("/proc/self/fd");
	assert_non_null(dir);
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

static inline bool rig_has_children(void)
{
	siginfo_t info = { 0 };
	return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0;
}
