/* SPDX-License-Identifier: Apache-2.0 */

/* The clock that moves only when told, and what is on it: timers, posts, jobs, descriptors. HTTP
 * and the fence after cancel() put their moments here as well.
 *
 * A job's `work` runs on a thread of its own, which is waited for: so a [loop] function called from
 * there is seen, and still nothing runs beside anything else. */
#include "core/testhost/inside.h"

#include "core/base/errors.h"

#include <poll.h>
#include <utlist.h>

enum { OPEN_MAX = 4096, WATCHES_MAX = 64, WATCH_PAUSE_MS = 1 };

/* --- the list ----------------------------------------------------------------------------- */

static bool earlier(const struct baton_rig_thing *a, const struct baton_rig_thing *b)
{
	return a->due_ns < b->due_ns || (a->due_ns == b->due_ns && a->serial < b->serial);
}

/* Most things are due last, so the place is looked for from the end. Under the lock. */
static void insert(baton_testhost *host, struct baton_rig_thing *thing)
{
	struct baton_rig_thing *at = host->things ? host->things->prev : NULL;
	while (at && earlier(thing, at))
		at = at == host->things ? NULL : at->prev;
	if (at)
		DL_APPEND_ELEM(host->things, at, thing);
	else
		DL_PREPEND(host->things, thing);
}

struct baton_rig_thing *baton_rig_thing_new(const struct baton_rig_thing *what)
{
	baton_testhost *host = what->ctx->host;
	struct baton_rig_thing *thing = baton_new(struct baton_rig_thing);
	*thing = *what;
	(void)pthread_mutex_lock(&host->lock);
	thing->id = thing->serial = ++host->serial;
	if (thing->kind == BATON_RIG_WATCH)
		DL_APPEND(host->watches, thing);
	else
		insert(host, thing);
	(void)pthread_mutex_unlock(&host->lock);
	return thing;
}

void baton_rig_thing_drop(struct baton_rig_thing *thing)
{
	baton_testhost *host = thing->ctx->host;
	(void)pthread_mutex_lock(&host->lock);
	if (thing->kind == BATON_RIG_WATCH)
		DL_DELETE(host->watches, thing);
	else
		DL_DELETE(host->things, thing);
	(void)pthread_mutex_unlock(&host->lock);
	baton_free(thing);
}

void baton_rig_thing_move(struct baton_rig_thing *thing, uint64_t due_ns)
{
	baton_testhost *host = thing->ctx->host;
	(void)pthread_mutex_lock(&host->lock);
	DL_DELETE(host->things, thing);
	thing->due_ns = due_ns;
	thing->serial = ++host->serial;
	insert(host, thing);
	(void)pthread_mutex_unlock(&host->lock);
}

static struct baton_rig_thing *find(const struct baton_ctx *ctx, uint64_t id,
				    enum baton_rig_kind kind)
{
	struct baton_rig_thing *list =
		kind == BATON_RIG_WATCH ? ctx->host->watches : ctx->host->things;
	for (struct baton_rig_thing *at = list; at; at = at->next)
		if (at->id == id && at->kind == kind && at->ctx == ctx)
			return at;
	return NULL;
}

/* What the module has to stop itself: a fence is ours, a post may stay. */
static bool is_modules(const struct baton_rig_thing *thing)
{
	return thing->kind != BATON_RIG_FENCE && thing->kind != BATON_RIG_POST;
}

unsigned baton_testhost_pending(const baton_testhost *host, uint32_t inst)
{
	const struct baton_ctx *ctx = baton_rig_ctx(host, inst);
	unsigned n = 0;
	for (struct baton_rig_thing *at = host->things; at; at = at->next)
		n += at->ctx == ctx && is_modules(at);
	for (struct baton_rig_thing *at = host->watches; at; at = at->next)
		n += at->ctx == ctx;
	return n;
}

unsigned baton_rig_clear(struct baton_ctx *ctx)
{
	unsigned n = 0;
	struct baton_rig_thing *lists[] = { ctx->host->things, ctx->host->watches };
	for (size_t i = 0; i < 2; i++) {
		for (struct baton_rig_thing *at = lists[i], *next; at; at = next) {
			next = at->next;
			if (at->ctx != ctx)
				continue;
			n += is_modules(at);
			if (at->kind == BATON_RIG_HTTP)
				baton_rig_http_forget(at->request);
			baton_rig_thing_drop(at);
		}
	}
	return n;
}

/* --- doing -------------------------------------------------------------------------------- */

static void *work_thread(void *ud)
{
	struct baton_rig_thing *thing = ud;
	thing->job.work(thing->user);
	baton_mem_thread_done();
	return NULL;
}

static void do_job(struct baton_rig_thing *thing)
{
	struct baton_rig_thing job = *thing;
	pthread_t thread;
	baton_rig_thing_drop(thing);
	if (pthread_create(&thread, NULL, work_thread, &job) == 0)
		(void)pthread_join(thread, NULL);
	else
		job.job.work(job.user);
	if (!job.job.done)
		return;
	struct baton_rig_visit visit = baton_rig_enter(job.ctx->host, "job done");
	job.job.done(job.user, BATON_OK);
	baton_rig_leave(&visit);
}

static void do_function(struct baton_rig_thing *thing)
{
	struct baton_rig_thing f = *thing;
	baton_rig_thing_drop(thing);
	struct baton_rig_visit visit =
		baton_rig_enter(f.ctx->host, f.kind == BATON_RIG_TIMER ? "timer" : "post");
	f.fn(f.user);
	baton_rig_leave(&visit);
}

static void do_thing(struct baton_rig_thing *thing)
{
	struct baton_rig_call *call;
	switch (thing->kind) {
	case BATON_RIG_TIMER:
	case BATON_RIG_POST:
		do_function(thing);
		return;
	case BATON_RIG_JOB:
		do_job(thing);
		return;
	case BATON_RIG_HTTP:
		baton_rig_http_step(thing->request);
		return;
	case BATON_RIG_FENCE:
		call = thing->call;
		baton_rig_thing_drop(thing);
		baton_rig_fence_fired(call);
		return;
	case BATON_RIG_WATCH:
		return;
	}
}

/* true: one of the watched descriptors was ready and its function was called. */
static bool do_watch(baton_testhost *host)
{
	struct pollfd fds[WATCHES_MAX];
	uint64_t ids[WATCHES_MAX];
	struct baton_ctx *ctxs[WATCHES_MAX];
	nfds_t n = 0;
	for (struct baton_rig_thing *at = host->watches; at && n < WATCHES_MAX; at = at->next) {
		short events = (short)((at->watch.events & BATON_WATCH_READ ? POLLIN : 0) |
				       (at->watch.events & BATON_WATCH_WRITE ? POLLOUT : 0));
		ids[n] = at->id;
		ctxs[n] = at->ctx;
		fds[n++] = (struct pollfd){ .fd = at->watch.fd, .events = events };
	}
	/* What is at the other end lives by the real clock: it gets a moment. */
	if (n == 0 || poll(fds, n, WATCH_PAUSE_MS) <= 0)
		return false;
	bool done = false;
	for (nfds_t i = 0; i < n; i++) {
		struct baton_rig_thing *at =
			fds[i].revents ? find(ctxs[i], ids[i], BATON_RIG_WATCH) : NULL;
		if (!at)
			continue;
		short r = fds[i].revents;
		uint32_t events = (r & (POLLIN | POLLHUP | POLLERR) ? BATON_WATCH_READ : 0u) |
				  (r & (POLLOUT | POLLERR) ? BATON_WATCH_WRITE : 0u);
		struct baton_rig_visit visit = baton_rig_enter(host, "watch");
		at->watch.fn(at->user, at->watch.fd, events & at->watch.events);
		baton_rig_leave(&visit);
		done = true;
	}
	return done;
}

static struct baton_rig_thing *first_due(baton_testhost *host, uint64_t until_ns)
{
	(void)pthread_mutex_lock(&host->lock);
	struct baton_rig_thing *at = host->things;
	while (at && at->due_ns <= until_ns && host->hold_jobs && at->kind == BATON_RIG_JOB)
		at = at->next;
	(void)pthread_mutex_unlock(&host->lock);
	return at && at->due_ns <= until_ns ? at : NULL;
}

/* By the machine's clock: what is due, or what other processes send, or a moment's waiting. */
static bool step_real(baton_testhost *host, uint64_t until_ns)
{
	uint64_t now = baton_rig_real_ns();
	host->now_ns = now > host->now_ns ? now : host->now_ns;
	uint64_t limit = until_ns < host->now_ns ? until_ns : host->now_ns;
	struct baton_rig_thing *thing = first_due(host, limit);
	if (thing) {
		do_thing(thing);
		return true;
	}
	if (do_watch(host))
		return true;
	if (host->now_ns >= until_ns)
		return false;
	if (!host->watches)
		(void)poll(NULL, 0, WATCH_PAUSE_MS);
	return true;
}

bool baton_rig_step(baton_testhost *host, uint64_t until_ns)
{
	if (host->real_time)
		return step_real(host, until_ns);
	struct baton_rig_thing *thing = first_due(host, until_ns);
	if (!thing)
		return do_watch(host);
	if (thing->due_ns > host->now_ns)
		host->now_ns = thing->due_ns;
	do_thing(thing);
	return true;
}

bool baton_testhost_step(baton_testhost *host)
{
	return baton_rig_step(host, UINT64_MAX - 1);
}

/* An endless loop of the module must not become one of the test: told once, then left alone. */
static void steps(baton_testhost *host, uint64_t until_ns)
{
	uint64_t laps = 0, at_ns = host->now_ns;
	while (baton_rig_step(host, until_ns)) {
		laps = host->now_ns == at_ns ? laps + 1 : 0;
		at_ns = host->now_ns;
		if (laps < BATON_RIG_LAPS_MAX)
			continue;
		if (!host->spinning)
			baton_rig_breach(host, BATON_TESTHOST_BREACH_STATE,
					 "timers or posts without end while the clock stands");
		host->spinning = true;
		return;
	}
}

void baton_testhost_settle(baton_testhost *host)
{
	steps(host, host->now_ns);
}

void baton_testhost_advance(baton_testhost *host, uint64_t ms)
{
	uint64_t until_ns = host->now_ns + ms * BATON_RIG_NS_PER_MS;
	steps(host, until_ns);
	if (until_ns > host->now_ns)
		host->now_ns = until_ns;
}

uint64_t baton_testhost_now_ns(const baton_testhost *host)
{
	return host->now_ns;
}

bool baton_testhost_run(baton_testhost *host, baton_call handle, uint64_t max_ms)
{
	uint64_t until_ns = host->now_ns + max_ms * BATON_RIG_NS_PER_MS, laps = 0;
	const struct baton_rig_call *call = baton_rig_call_of(host, handle);
	/* A descriptor has its own time: it is waited for, by the real clock. */
	uint64_t waits = max_ms / WATCH_PAUSE_MS + 1;
	while (call && call->heard.open && laps++ < BATON_RIG_LAPS_MAX)
		if (!baton_rig_step(host, until_ns) && (!host->watches || waits-- == 0))
			break;
	if (call && call->heard.open && until_ns > host->now_ns)
		host->now_ns = until_ns;
	return call && !call->heard.open;
}

void baton_testhost_hold_jobs(baton_testhost *host, bool hold)
{
	host->hold_jobs = hold;
}

void baton_rig_finish_jobs(struct baton_ctx *ctx)
{
	baton_testhost *host = ctx->host;
	for (unsigned laps = 0; laps < OPEN_MAX; laps++) {
		struct baton_rig_thing *at = host->things;
		while (at && (at->kind != BATON_RIG_JOB || at->ctx != ctx))
			at = at->next;
		if (!at)
			return;
		do_job(at);
	}
}

/* --- the host table ----------------------------------------------------------------------- */

/* What all of these ask first. 0 or why not. */
static int32_t begin(struct baton_ctx *ctx, bool good, uint32_t fault, const char *what)
{
	int32_t rc = baton_rig_on_loop(ctx, what);
	if (rc < 0)
		return rc;
	if (!good) {
		baton_rig_breach(ctx->host, BATON_TESTHOST_BREACH_ARGUMENT, what);
		return BATON_E_INVAL;
	}
	if (baton_testhost_pending(ctx->host, ctx->number) >= OPEN_MAX)
		return BATON_E_LIMIT;
	return baton_rig_fault(ctx->host, fault);
}

/* Stopping what has just ended is no sin: the two may have crossed. */
static int32_t stop(struct baton_ctx *ctx, uint64_t id, enum baton_rig_kind kind, const char *what)
{
	int32_t rc = baton_rig_on_loop(ctx, what);
	if (rc < 0)
		return rc;
	struct baton_rig_thing *thing = find(ctx, id, kind);
	if (!thing)
		return BATON_E_STALE;
	baton_rig_thing_drop(thing);
	return BATON_OK;
}

int32_t baton_rig_host_timer(baton_ctx *ctx, uint32_t ms, void (*fn)(void *), void *user,
			     baton_timer *out)
{
	int32_t rc = begin(ctx, fn != NULL, BATON_TESTHOST_TIMER, "timer");
	if (rc < 0)
		return rc;
	uint64_t due_ns = ctx->host->now_ns + (uint64_t)ms * BATON_RIG_NS_PER_MS;
	const struct baton_rig_thing timer = {
		.kind = BATON_RIG_TIMER, .ctx = ctx, .due_ns = due_ns, .user = user, .fn = fn
	};
	uint64_t id = baton_rig_thing_new(&timer)->id;
	if (out)
		*out = id;
	return BATON_OK;
}

int32_t baton_rig_host_timer_stop(baton_ctx *ctx, baton_timer timer)
{
	return stop(ctx, timer, BATON_RIG_TIMER, "timer_stop");
}

int32_t baton_rig_host_job(baton_ctx *ctx, void (*work)(void *), void (*done)(void *, int32_t),
			   void *user, baton_job *out)
{
	int32_t rc = begin(ctx, work != NULL, BATON_TESTHOST_JOB, "job");
	if (rc == BATON_OK && ctx->closing)
		rc = BATON_E_STATE;
	if (rc < 0)
		return rc;
	const struct baton_rig_thing job = { .kind = BATON_RIG_JOB,
					     .ctx = ctx,
					     .due_ns = ctx->host->now_ns,
					     .user = user,
					     .job = { work, done } };
	uint64_t id = baton_rig_thing_new(&job)->id;
	if (out)
		*out = id;
	return BATON_OK;
}

int32_t baton_rig_host_post(baton_ctx *ctx, void (*fn)(void *), void *user)
{
	if (!baton_rig_ctx_ok(ctx) || !fn)
		return BATON_E_INVAL;
	if (ctx->gone || ctx == &ctx->host->load_ctx)
		return BATON_E_STATE;
	if (ctx->host->pure)
		baton_rig_breach(ctx->host, BATON_TESTHOST_BREACH_IMPURE, "post");
	int32_t rc = baton_rig_fault(ctx->host, BATON_TESTHOST_POST);
	if (rc < 0)
		return rc;
	const struct baton_rig_thing post = { .kind = BATON_RIG_POST,
					      .ctx = ctx,
					      .due_ns = ctx->host->now_ns,
					      .user = user,
					      .fn = fn };
	(void)baton_rig_thing_new(&post);
	return BATON_OK;
}

int32_t baton_rig_host_watch(baton_ctx *ctx, int fd, uint32_t events,
			     void (*fn)(void *, int, uint32_t), void *user, baton_watch *out)
{
	bool good = fn && fd >= 0 && events &&
		    !(events & ~(uint32_t)(BATON_WATCH_READ | BATON_WATCH_WRITE));
	int32_t rc = begin(ctx, good, BATON_TESTHOST_WATCH, "watch");
	if (rc < 0)
		return rc;
	const struct baton_rig_thing watch = {
		.kind = BATON_RIG_WATCH, .ctx = ctx, .user = user, .watch = { fn, fd, events }
	};
	uint64_t id = baton_rig_thing_new(&watch)->id;
	if (out)
		*out = id;
	return BATON_OK;
}

int32_t baton_rig_host_watch_stop(baton_ctx *ctx, baton_watch watch)
{
	return stop(ctx, watch, BATON_RIG_WATCH, "watch_stop");
}
