/* SPDX-License-Identifier: Apache-2.0 */

/* The bench's host table and its loop, without libuv: a probe is one of the things that must stay
 * fast, and mapping libraries is most of what a small process does. */
#include "core/modhost/bench.h"

#include "core/base/errors.h"
#include "core/base/mem.h"
#include "core/policy/expr.h"

#include <baton/expr.h>
#include <baton/sign.h>

#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

enum { ITEMS_MAX = 4096, WATCHES_MAX = 64, THREADS_WAIT_MS = 20 };

enum item_kind { ITEM_TIMER, ITEM_JOB, ITEM_LETTER, ITEM_WATCH };

struct item {
	struct item *next;
	uint64_t id, due_ns;
	enum item_kind kind;
	void (*fn)(void *user);
	void (*done)(void *user, int32_t status);
	void (*ready)(void *user, int fd, uint32_t events);
	void *user;
	int fd;
	uint32_t events;
};

static struct {
	pthread_mutex_t lock; /* `items`: a module's own threads may post */
	struct item *items, **end;
	unsigned n;
	uint64_t serial;
	int wake;
	struct bench_view view;
} bench = { .lock = PTHREAD_MUTEX_INITIALIZER, .end = &bench.items, .wake = -1 };

struct baton_ctx {
	int number;
};

static uint64_t now_ns(void)
{
	struct timespec ts;
	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* --- what runs --------------------------------------------------------------------------- */

static int32_t item_add(const struct item *like, uint64_t *ret_id)
{
	int32_t rc = BATON_E_LIMIT;
	(void)pthread_mutex_lock(&bench.lock);
	if (bench.n < ITEMS_MAX) {
		struct item *item = baton_new(struct item);
		*item = *like;
		item->next = NULL;
		item->id = ++bench.serial;
		*bench.end = item;
		bench.end = &item->next;
		bench.n++;
		if (ret_id)
			*ret_id = item->id;
		rc = BATON_OK;
	}
	(void)pthread_mutex_unlock(&bench.lock);
	if (bench.wake >= 0)
		(void)eventfd_write(bench.wake, 1);
	return rc;
}

/* Takes out the first for which `wanted` holds; NULL if there is none. */
static struct item *item_take(bool (*wanted)(const struct item *item, uint64_t arg), uint64_t arg)
{
	struct item *found = NULL;
	(void)pthread_mutex_lock(&bench.lock);
	struct item **at = &bench.items;
	while (*at && !wanted(*at, arg))
		at = &(*at)->next;
	if (*at) {
		found = *at;
		*at = found->next;
		if (bench.end == &found->next)
			bench.end = at;
		bench.n--;
	}
	(void)pthread_mutex_unlock(&bench.lock);
	return found;
}

static bool is_id(const struct item *item, uint64_t id)
{
	return item->id == id && (item->kind == ITEM_TIMER || item->kind == ITEM_WATCH);
}

static bool is_due(const struct item *item, uint64_t now)
{
	return item->kind == ITEM_JOB || item->kind == ITEM_LETTER ||
	       (item->kind == ITEM_TIMER && item->due_ns <= now);
}

static bool is_job(const struct item *item, uint64_t none)
{
	(void)none;
	return item->kind == ITEM_JOB;
}

static void run_item(struct item *item)
{
	struct item it = *item;
	baton_free(item);
	it.fn(it.user);
	if (it.kind == ITEM_JOB && it.done)
		it.done(it.user, BATON_OK);
}

/* --- the loop ---------------------------------------------------------------------------- */

/* What to wait for; returns how many descriptors, and when the next timer is due. */
static nfds_t gather(struct pollfd fds[WATCHES_MAX + 1], uint64_t ids[WATCHES_MAX + 1],
		     uint64_t *ret_due_ns)
{
	nfds_t n = 1;
	uint64_t due = UINT64_MAX;
	fds[0] = (struct pollfd){ .fd = bench.wake, .events = POLLIN };
	(void)pthread_mutex_lock(&bench.lock);
	for (const struct item *i = bench.items; i; i = i->next) {
		if (i->kind == ITEM_TIMER && i->due_ns < due)
			due = i->due_ns;
		if (i->kind != ITEM_WATCH || n > WATCHES_MAX)
			continue;
		short events = (short)((i->events & BATON_WATCH_READ ? POLLIN : 0) |
				       (i->events & BATON_WATCH_WRITE ? POLLOUT : 0));
		fds[n] = (struct pollfd){ .fd = i->fd, .events = events };
		ids[n++] = i->id;
	}
	(void)pthread_mutex_unlock(&bench.lock);
	*ret_due_ns = due;
	return n;
}

static void tell_ready(uint64_t id, short got)
{
	struct item it = { .kind = ITEM_JOB };
	uint32_t events = (got & (POLLIN | POLLHUP | POLLERR) ? BATON_WATCH_READ : 0u) |
			  (got & POLLOUT ? BATON_WATCH_WRITE : 0u);
	(void)pthread_mutex_lock(&bench.lock);
	for (const struct item *i = bench.items; i; i = i->next)
		if (i->id == id)
			it = *i;
	(void)pthread_mutex_unlock(&bench.lock);
	if (it.kind == ITEM_WATCH && (events & it.events))
		it.ready(it.user, it.fd, events & it.events);
}

/* More threads than ours: the module, or a library of its, has some, and they may post. */
static bool has_threads(void)
{
	char text[4096];
	FILE *f = fopen("/proc/self/status", "re");
	size_t n = f ? fread(text, 1, sizeof(text) - 1, f) : 0;
	text[n] = 0;
	if (f)
		(void)fclose(f);
	const char *at = strstr(text, "\nThreads:\t");
	return at && strncmp(at, "\nThreads:\t1\n", 12) != 0;
}

/* Waits once. False: there is nothing to wait for. */
static bool wait_once(void)
{
	struct pollfd fds[WATCHES_MAX + 1];
	uint64_t ids[WATCHES_MAX + 1], due, now = now_ns();
	eventfd_t drop;
	nfds_t n = gather(fds, ids, &due);
	int wait_ms = due == UINT64_MAX ? -1 : due <= now ? 0 : (int)((due - now) / 1000000u) + 1;
	if (n == 1 && due == UINT64_MAX) {
		if (!has_threads())
			return false;
		wait_ms = THREADS_WAIT_MS;
	}
	if (poll(fds, n, wait_ms) <= 0)
		return true;
	if (fds[0].revents)
		(void)eventfd_read(bench.wake, &drop);
	for (nfds_t i = 1; i < n; i++)
		if (fds[i].revents)
			tell_ready(ids[i], fds[i].revents);
	return true;
}

bool bench_run_until_checked(void)
{
	for (;;) {
		struct item *item = bench.view.check_ended ? NULL : item_take(is_due, now_ns());
		if (bench.view.check_ended)
			return true;
		if (item)
			run_item(item);
		else if (!wait_once())
			return false;
	}
}

void bench_finish_jobs(void)
{
	struct item *item;
	while ((item = item_take(is_job, 0)))
		run_item(item);
}

struct bench_view bench_view(void)
{
	struct bench_view view = bench.view;
	(void)pthread_mutex_lock(&bench.lock);
	for (const struct item *i = bench.items; i; i = i->next)
		view.open += i->kind == ITEM_TIMER || i->kind == ITEM_WATCH;
	(void)pthread_mutex_unlock(&bench.lock);
	return view;
}

/* --- the host table ---------------------------------------------------------------------- */

/* A trial has no secrets. */
static int32_t sign_hmac_sha256(baton_ctx *ctx, baton_str name, const baton_str *parts,
				uint32_t n_parts, uint8_t *mac)
{
	(void)ctx, (void)name, (void)parts, (void)n_parts, (void)mac;
	return BATON_E_NOTFOUND;
}

static const void *host_get(baton_ctx *ctx, const char *id)
{
	static const baton_host_sign sign = { .size = sizeof(sign),
					      .hmac_sha256 = sign_hmac_sha256 };
	(void)ctx;
	if (id && strcmp(id, BATON_HOST_SIGN) == 0)
		return &sign;
	return id && strcmp(id, BATON_HOST_EXPR) == 0 ? baton_expr_host() : NULL;
}

static void host_log(baton_ctx *ctx, uint32_t level, baton_str msg)
{
	(void)ctx, (void)level, (void)msg;
}

static void host_measure(baton_ctx *ctx, const char *name, uint64_t n)
{
	(void)ctx, (void)name, (void)n;
}

static uint64_t host_now_ns(baton_ctx *ctx)
{
	(void)ctx;
	return now_ns();
}

static uint64_t host_unix_ms(baton_ctx *ctx)
{
	struct timespec ts;
	(void)ctx;
	(void)clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static int32_t host_random(baton_ctx *ctx, void *p, size_t n)
{
	(void)ctx;
	return n == 0 || (n <= 256 && getrandom(p, n, 0) == (ssize_t)n) ? BATON_OK : BATON_E_IO;
}

static int32_t host_timer(baton_ctx *ctx, uint32_t ms, void (*fn)(void *user), void *user,
			  baton_timer *out)
{
	(void)ctx;
	struct item item = { .kind = ITEM_TIMER, .fn = fn, .user = user };
	item.due_ns = now_ns() + (uint64_t)ms * 1000000u;
	return fn ? item_add(&item, out) : BATON_E_INVAL;
}

static int32_t host_stop(baton_ctx *ctx, uint64_t id)
{
	struct item *item = item_take(is_id, id);
	(void)ctx;
	baton_free(item);
	return item ? BATON_OK : BATON_E_STALE;
}

static int32_t host_job(baton_ctx *ctx, void (*work)(void *user),
			void (*done)(void *user, int32_t status), void *user, baton_job *out)
{
	(void)ctx;
	struct item item = { .kind = ITEM_JOB, .fn = work, .done = done, .user = user };
	return work ? item_add(&item, out) : BATON_E_INVAL;
}

static int32_t host_post(baton_ctx *ctx, void (*fn)(void *user), void *user)
{
	(void)ctx;
	struct item item = { .kind = ITEM_LETTER, .fn = fn, .user = user };
	return fn ? item_add(&item, NULL) : BATON_E_INVAL;
}

static int32_t host_watch(baton_ctx *ctx, int fd, uint32_t events,
			  void (*fn)(void *, int, uint32_t), void *user, baton_watch *out)
{
	(void)ctx;
	struct item item = { .kind = ITEM_WATCH, .ready = fn, .user = user };
	item.fd = fd;
	item.events = events;
	return fn && fd >= 0 && events ? item_add(&item, out) : BATON_E_INVAL;
}

static int32_t host_http(baton_ctx *ctx, const baton_http_req *req, const baton_http_cb *cb,
			 void *user, baton_http *out)
{
	(void)ctx, (void)req, (void)cb, (void)user, (void)out;
	return BATON_E_DENIED;
}

static int32_t host_http_pause(baton_ctx *ctx, baton_http h, uint32_t paused)
{
	(void)ctx, (void)h, (void)paused;
	return BATON_E_STALE;
}

static int32_t host_http_stop(baton_ctx *ctx, baton_http h)
{
	(void)ctx, (void)h;
	return BATON_E_STALE;
}

static int32_t host_session_get(baton_ctx *ctx, baton_call call, baton_str key,
				const baton_sink *out)
{
	(void)ctx, (void)call, (void)key, (void)out;
	return BATON_E_UNSUPPORTED;
}

static int32_t host_session_put(baton_ctx *ctx, baton_call call, baton_str key, uint32_t schema,
				baton_str value)
{
	(void)ctx, (void)call, (void)key, (void)schema, (void)value;
	return BATON_E_UNSUPPORTED;
}

/* Empty, and what is put is forgotten: a probe leaves nothing behind. */
static int32_t host_kv_get(baton_ctx *ctx, baton_str key, const baton_sink *out)
{
	(void)ctx, (void)key, (void)out;
	return BATON_E_NOTFOUND;
}

static int32_t host_kv_put(baton_ctx *ctx, baton_str key, baton_str value)
{
	(void)ctx, (void)key, (void)value;
	return BATON_OK;
}

static int32_t host_event(baton_ctx *ctx, baton_call call, baton_str type, baton_str json)
{
	(void)ctx, (void)call, (void)type, (void)json;
	return BATON_E_UNSUPPORTED;
}

/* --- the one call ------------------------------------------------------------------------ */

void bench_expect_check(void)
{
	bench.view.check_ended = false;
	bench.view.fail = UINT32_MAX;
	bench.view.message[0] = 0;
	if (bench.wake < 0)
		bench.wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
}

static int32_t open_call(baton_call call)
{
	return call == BENCH_CHECK_CALL && !bench.view.check_ended ? BATON_OK : BATON_E_STALE;
}

static int32_t host_delta(baton_ctx *ctx, baton_call call, uint32_t kind, baton_str data)
{
	(void)ctx, (void)kind, (void)data;
	return open_call(call);
}

static int32_t host_result(baton_ctx *ctx, baton_call call, const char *type, const void *pod,
			   size_t n)
{
	(void)ctx, (void)type, (void)pod, (void)n;
	return open_call(call);
}

static int32_t host_usage(baton_ctx *ctx, baton_call call, const baton_usage *usage)
{
	(void)ctx, (void)usage;
	return open_call(call);
}

static int32_t host_end(baton_ctx *ctx, baton_call call, uint32_t reason)
{
	int32_t rc = open_call(call);
	(void)ctx, (void)reason;
	if (rc == BATON_OK)
		bench.view.check_ended = true;
	return rc;
}

static int32_t host_fail(baton_ctx *ctx, baton_call call, const baton_error *error)
{
	int32_t rc = open_call(call);
	(void)ctx;
	if (rc != BATON_OK)
		return rc;
	bench.view.check_ended = true;
	bench.view.fail = BATON_HAS(error, fail) ? error->fail : BATON_FAIL_INTERNAL;
	if (BATON_HAS(error, message) && error->message.p) {
		baton_str text = baton_str_utf8_prefix(
			baton_str_clip(error->message, sizeof(bench.view.message) - 1));
		memcpy(bench.view.message, text.p, text.n);
		bench.view.message[text.n] = 0;
	}
	return BATON_OK;
}

static int32_t host_call_set(baton_ctx *ctx, baton_call call, void *user)
{
	(void)ctx, (void)user;
	return open_call(call);
}

static void *host_call_get(baton_ctx *ctx, baton_call call)
{
	(void)ctx, (void)call;
	return NULL;
}

const baton_host *bench_host(void)
{
	static const baton_host table = {
		.size = sizeof(table),
		.abi_minor = BATON_ABI_MINOR,
		.version = "0.1.0",
		.get = host_get,
		.log = host_log,
		.count = host_measure,
		.observe = host_measure,
		.now_ns = host_now_ns,
		.unix_ms = host_unix_ms,
		.random = host_random,
		.timer = host_timer,
		.timer_stop = host_stop,
		.job = host_job,
		.post = host_post,
		.watch = host_watch,
		.watch_stop = host_stop,
		.http = host_http,
		.http_pause = host_http_pause,
		.http_stop = host_http_stop,
		.session_get = host_session_get,
		.session_put = host_session_put,
		.kv_get = host_kv_get,
		.kv_put = host_kv_put,
		.event = host_event,
		.delta = host_delta,
		.result = host_result,
		.usage = host_usage,
		.end = host_end,
		.fail = host_fail,
		.call_set = host_call_set,
		.call_get = host_call_get,
	};
	return &table;
}

baton_ctx *bench_ctx(void)
{
	static int serial;
	struct baton_ctx *ctx = baton_new(struct baton_ctx);
	ctx->number = ++serial;
	return ctx;
}
