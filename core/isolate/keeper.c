/* SPDX-License-Identifier: Apache-2.0 */

/* The keeper of a child: spawns it, hears its control socket, asks now and then whether it still
 * answers, kills it when it does not, reaps it, and spawns the next after a pause. One thread for
 * all lives, because a child that was told PR_SET_PDEATHSIG dies with the thread that spawned it;
 * and so none outlives the server, whatever way that ends. */
#include "core/isolate/inside.h"

#include "core/base/errors.h"
#include "core/base/log.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { READ_BYTES = 32 * 1024 };

/* One life, on the keeper's stack. */
struct life {
	struct baton_child *child;
	int control;
	struct baton_buf in;
	uint32_t phase_ms; /* what the phase may take that it is in; 0: no bound */
	struct baton_wait phase;
	bool asked; /* a PING that is not answered yet */
	struct baton_wait heart;
	uint64_t next_ask_ms;
	bool leaving;
};

void baton_keeper_wake(struct baton_child *child)
{
	uint64_t one = 1;
	ssize_t n = write(child->wake, &one, sizeof(one));
	(void)n; /* full: it will look anyway */
}

static void kill_locked(struct baton_child *child, const char *why)
{
	if (child->pid <= 0)
		return;
	if (!child->blame[0])
		(void)snprintf(child->blame, sizeof(child->blame), "%s", why);
	(void)kill(child->pid, SIGKILL);
}

void baton_child_kill(struct baton_child *child, uint32_t life, const char *why)
{
	(void)pthread_mutex_lock(&child->lock);
	if (child->life == life)
		kill_locked(child, why);
	(void)pthread_mutex_unlock(&child->lock);
}

void baton_child_pulse(struct baton_child *child, uint32_t life, struct baton_pulse *ret)
{
	*ret = (struct baton_pulse){ 0 };
	(void)pthread_mutex_lock(&child->lock);
	if (child->life == life && child->pid > 0)
		baton_pulse_read(child->pid, ret);
	(void)pthread_mutex_unlock(&child->lock);
	ret->inside = atomic_load(&child->beacon->place) != BATON_PLACE_NOWHERE;
}

static void set_state(struct baton_child *child, enum baton_child_state state)
{
	(void)pthread_mutex_lock(&child->lock);
	child->state = state;
	(void)pthread_cond_broadcast(&child->told);
	(void)pthread_mutex_unlock(&child->lock);
}

static void send_frames(struct life *l, const struct baton_buf *frames)
{
	struct baton_child *child = l->child;
	(void)pthread_mutex_lock(&child->lock);
	if (!baton_spawn_send(l->control, frames, -1))
		kill_locked(child, "it does not read");
	(void)pthread_mutex_unlock(&child->lock);
}

static void send_bare(struct life *l, enum baton_frame_op op)
{
	struct baton_buf out = { 0 };
	(void)baton_frame_end(&out, baton_frame_begin(&out, op, 0));
	send_frames(l, &out);
	baton_buf_done(&out);
}

/* The child shall be done with something within `ms`. */
static void set_phase(struct life *l, uint32_t ms)
{
	l->phase_ms = ms;
	l->phase = baton_wait_from(baton_spawn_ms());
}

/* --- the orders -------------------------------------------------------------------------- */

static void order_begin(struct life *l)
{
	const struct baton_child_options *o = &l->child->options;
	struct baton_buf out = { 0 };
	size_t at = baton_frame_begin(&out, BATON_FRAME_BEGIN, 0);
	baton_put_u32(&out, baton_frame_revision());
	baton_put_u32(&out, (uint32_t)getpid());
	baton_put_u64(&out, o->memory_bytes);
	baton_put_u32(&out, o->cpu_s);
	baton_put_u32(&out, o->nofile);
	baton_put_u32(&out, l->child->host->abi_minor);
	baton_put_str(&out, baton_str_of(l->child->host->version));
	baton_put_str(&out, baton_str_of(o->path));
	baton_put_u32(&out, (uint32_t)o->n_grants);
	for (size_t i = 0; i < o->n_grants; i++) {
		baton_put_str(&out, baton_str_of(o->grants[i].path));
		baton_put_u32(&out, o->grants[i].write);
	}
	if (baton_frame_end(&out, at))
		send_frames(l, &out);
	else
		baton_child_kill(l->child, l->child->life, "too many grants");
	baton_buf_done(&out);
}

static void order_load(struct life *l)
{
	struct baton_buf out = { 0 };
	size_t at = baton_frame_begin(&out, BATON_FRAME_LOAD, 0);
	baton_put_u32(&out, l->child->parts);
	(void)baton_frame_end(&out, at);
	set_phase(l, l->child->options.start_ms);
	set_state(l->child, BATON_CHILD_LOADING);
	send_frames(l, &out);
	baton_buf_done(&out);
}

/* --- the reports ------------------------------------------------------------------------- */

static bool on_describe(struct life *l, baton_str payload)
{
	struct baton_child *child = l->child;
	struct baton_reader in = baton_reader_of(payload);
	baton_str sandbox = baton_str_clip(baton_get_str(&in), sizeof(child->sandbox) - 1);
	if (child->state != BATON_CHILD_STARTING || in.bad || !baton_str_utf8_ok(sandbox))
		return false;
	if (child->descriptor.n > 0) {
		if (!baton_str_eq(baton_buf_view(&child->descriptor), payload))
			return false;
	} else {
		baton_buf_str(&child->descriptor, payload);
		if (!baton_describe(child, payload))
			return false;
	}
	(void)pthread_mutex_lock(&child->lock);
	memset(child->sandbox, 0, sizeof(child->sandbox));
	memcpy(child->sandbox, sandbox.p, sandbox.n);
	(void)pthread_mutex_unlock(&child->lock);
	l->phase_ms = 0;
	set_state(child, BATON_CHILD_MAPPED);
	return true;
}

static bool on_loaded(struct life *l, struct baton_reader *in)
{
	struct baton_child *child = l->child;
	int32_t rc = baton_get_i32(in);
	if (child->state != BATON_CHILD_LOADING || !baton_reader_ended(in))
		return false;
	if (child->kept && rc != 0) { /* it could before */
		baton_child_kill(child, child->life, "load() refuses after a restart");
		return true;
	}
	l->phase_ms = 0;
	if (child->kept)
		baton_log(BATON_LOG_NOTICE, "module_process_back", "si", "module",
			  child->options.name, "starts", (int64_t)child->starts);
	(void)pthread_mutex_lock(&child->lock);
	child->load_rc = rc;
	child->kept = rc == 0;
	child->state = BATON_CHILD_READY;
	(void)pthread_cond_broadcast(&child->told);
	for (struct baton_proxy *p = child->proxies; p; p = p->next)
		(void)child->host->post(p->ctx, baton_proxy_revive, p);
	(void)pthread_mutex_unlock(&child->lock);
	return true;
}

static bool on_say(struct life *l, struct baton_reader *in)
{
	struct baton_child *child = l->child;
	uint32_t level = baton_get_u32(in);
	baton_str text = baton_get_str(in);
	if (!baton_reader_ended(in))
		return false;
	(void)pthread_mutex_lock(&child->lock);
	baton_ctx *ctx = child->ctx;
	if (ctx)
		child->host->log(ctx, level, text);
	(void)pthread_mutex_unlock(&child->lock);
	text = baton_str_clip(baton_str_utf8_prefix(text), 512);
	if (!ctx)
		baton_log(level <= BATON_LOG_ERROR ? level : BATON_LOG_DEBUG, "modhost_says", "sS",
			  "module", child->options.name, "text", &text);
	return true;
}

static bool on_unfit(struct life *l, struct baton_reader *in)
{
	char why[BATON_CHILD_HOW_BYTES];
	baton_str text = baton_get_str(in);
	if (!baton_reader_ended(in))
		return false;
	text = baton_str_clip(baton_str_utf8_prefix(text), sizeof(why) - 1);
	(void)snprintf(why, sizeof(why), "%.*s", (int)text.n, text.p ? text.p : "");
	baton_child_kill(l->child, l->child->life, why);
	return true;
}

static bool hear(struct life *l, const struct baton_frame *frame)
{
	struct baton_reader in = baton_reader_of(frame->payload);
	switch (frame->head.op) {
	case BATON_FRAME_DESCRIBE:
		return on_describe(l, frame->payload);
	case BATON_FRAME_UNFIT:
		return on_unfit(l, &in);
	case BATON_FRAME_LOADED:
		return on_loaded(l, &in);
	case BATON_FRAME_SAY:
		return on_say(l, &in);
	case BATON_FRAME_PONG:
		l->asked = false;
		return true;
	default:
		return false;
	}
}

/* false: the child's end of the socket is closed. */
static bool hear_all(struct life *l)
{
	ssize_t n = recv(l->control, baton_buf_room(&l->in, READ_BYTES), READ_BYTES, MSG_DONTWAIT);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	if (n == 0)
		return false;
	l->in.n += (size_t)n;
	struct baton_frame frame;
	size_t at = 0;
	int rc;
	do {
		baton_str rest = { l->in.p + at, l->in.n - at };
		rc = baton_frame_next(rest, BATON_FRAME_REPORT, &frame);
		if (rc > 0) {
			at += sizeof(frame.head) + frame.head.len;
			rc = hear(l, &frame) ? 1 : BATON_E_INVAL;
		}
	} while (rc > 0);
	baton_buf_drop(&l->in, at);
	if (rc < 0)
		baton_child_kill(l->child, l->child->life, "garbage on its control socket");
	return rc == 0;
}

struct where {
	char text[64];
};

/* Where the module is, or was when it died: of two threads nobody can say which. */
static struct where where(const struct baton_child *child)
{
	struct where in;
	uint32_t place = atomic_load(&child->beacon->place);
	bool in_job = atomic_load(&child->beacon->job) != 0;
	(void)snprintf(in.text, sizeof(in.text), "%s%s%s",
		       place || !in_job ? baton_place_name(place) : "",
		       place && in_job ? " or " : "", in_job ? "a job" : "");
	return in;
}

/* --- the watch --------------------------------------------------------------------------- */

/* Whether a wait of `ms` is over. What has been said meanwhile is heard first: this thread may have
 * been without a processor just as long as the child. */
static bool over(struct life *l, struct baton_wait *wait, uint32_t ms, bool in_phase)
{
	const struct baton_patience patience = { ms, ms * BATON_CHILD_SILENT_TIMES };
	struct baton_pulse at;
	baton_child_pulse(l->child, l->child->life, &at);
	at.inside |= in_phase; /* until it is done, whatever it waits for is its own affair */
	if (baton_wait_look(wait, patience, &at, baton_spawn_ms()) == BATON_WAIT_ON)
		return false;
	(void)hear_all(l); /* its end is found again by poll() */
	return true;
}

static void check_phase(struct life *l)
{
	char why[BATON_CHILD_HOW_BYTES];
	const struct baton_child *child = l->child;
	uint32_t ms = l->phase_ms;
	if (!ms || !over(l, &l->phase, ms, true) || l->phase_ms != ms)
		return;
	(void)snprintf(why, sizeof(why), "not done within %u ms, hung in %s", ms,
		       where(child).text);
	baton_child_kill(l->child, child->life, why);
	l->phase_ms = 0;
}

/* A child that is stopped by a debugger or starved by the machine is not killed as soon as one
 * whose module spins or sleeps. */
static void check_heart(struct life *l)
{
	const struct baton_child *child = l->child;
	char why[BATON_CHILD_HOW_BYTES];
	uint64_t now = baton_spawn_ms();
	if (l->phase_ms || child->state != BATON_CHILD_READY)
		return;
	if (!l->asked) {
		if (now < l->next_ask_ms)
			return;
		l->asked = true;
		l->heart = baton_wait_from(now);
		(void)over(l, &l->heart, child->options.hang_ms, false); /* the first look */
		l->next_ask_ms = now + child->options.heartbeat_ms;
		send_bare(l, BATON_FRAME_PING);
		return;
	}
	if (!over(l, &l->heart, child->options.hang_ms, false) || !l->asked)
		return;
	(void)snprintf(why, sizeof(why), "hung for %llu ms in %s",
		       (unsigned long long)(baton_spawn_ms() - l->heart.since_ms),
		       where(child).text);
	baton_child_kill(l->child, child->life, why);
	l->heart = baton_wait_from(now); /* once is enough; its end comes by the socket */
}

/* Something else asks: to load, to stop. */
static void look_around(struct life *l)
{
	struct baton_child *child = l->child;
	(void)pthread_mutex_lock(&child->lock);
	bool stop = child->stopping && !l->leaving;
	bool load = child->load_due && child->state == BATON_CHILD_MAPPED;
	(void)pthread_mutex_unlock(&child->lock);
	if (stop) {
		l->leaving = true;
		set_phase(l, BATON_CHILD_STOP_MS);
		send_bare(l, BATON_FRAME_LEAVE);
	} else if (load) {
		order_load(l);
	}
}

static void serve(struct life *l)
{
	bool open = true;
	while (open) {
		struct pollfd fds[2] = { { .fd = l->control, .events = POLLIN },
					 { .fd = l->child->wake, .events = POLLIN } };
		uint64_t woken;
		int rc = poll(fds, 2, (int)l->child->options.heartbeat_ms);
		if (rc < 0 && errno != EINTR)
			break;
		if (rc > 0 && fds[1].revents && read(l->child->wake, &woken, sizeof(woken)) < 0)
			continue;
		if (rc > 0 && fds[0].revents)
			open = hear_all(l);
		look_around(l);
		check_phase(l);
		check_heart(l);
	}
}

/* --- a life ------------------------------------------------------------------------------ */

static void describe_end(const siginfo_t *end, struct baton_child *child)
{
	const struct where in = where(child);
	const char *name = sigdescr_np(end->si_status);
	if (child->blame[0])
		(void)snprintf(child->how, sizeof(child->how), "%s", child->blame);
	else if (end->si_code == CLD_EXITED)
		(void)snprintf(child->how, sizeof(child->how), "exit %d in %s", end->si_status,
			       in.text);
	else
		(void)snprintf(child->how, sizeof(child->how), "signal %d (%s) in %s",
			       end->si_status, name ? name : "unknown", in.text);
}

/* The number stays the child's until it is reaped, and is ours to kill only until then. */
static void reap(struct baton_child *child)
{
	siginfo_t end = { 0 };
	pid_t pid = child->pid;
	(void)kill(pid, SIGKILL);
	while (waitid(P_PID, (id_t)pid, &end, WEXITED | WNOWAIT) < 0 && errno == EINTR)
		continue;
	(void)pthread_mutex_lock(&child->lock);
	child->pid = 0;
	while (waitid(P_PID, (id_t)pid, &end, WEXITED) < 0 && errno == EINTR)
		continue;
	describe_end(&end, child);
	(void)close(child->control);
	child->control = -1;
	child->state = BATON_CHILD_DOWN;
	(void)pthread_mutex_unlock(&child->lock);
}

static int begin(struct baton_child *child, char *why, size_t cap)
{
	int pair[2];
	pid_t pid = 0;
	int rc = baton_spawn_pair(pair);
	if (rc < 0) {
		(void)snprintf(why, cap, "no socket pair");
		return rc;
	}
	atomic_store(&child->beacon->place, BATON_PLACE_NOWHERE);
	atomic_store(&child->beacon->job, 0);
	rc = baton_spawn(child, pair[1], &pid, why, cap);
	(void)close(pair[1]);
	if (rc < 0) {
		(void)close(pair[0]);
		return rc;
	}
	(void)pthread_mutex_lock(&child->lock);
	child->state = BATON_CHILD_STARTING;
	child->life++;
	child->starts++;
	child->since_ms = baton_spawn_ms();
	child->blame[0] = 0;
	child->pid = pid;
	child->control = pair[0];
	(void)pthread_mutex_unlock(&child->lock);
	return 0;
}

static void live(struct baton_child *child)
{
	struct life l = { .child = child };
	char why[BATON_CHILD_HOW_BYTES];
	if (begin(child, why, sizeof(why)) < 0) {
		(void)pthread_mutex_lock(&child->lock);
		memcpy(child->how, why, sizeof(why));
		(void)pthread_mutex_unlock(&child->lock);
		return;
	}
	l.control = child->control;
	set_phase(&l, child->options.start_ms);
	order_begin(&l);
	serve(&l);
	reap(child);
	baton_buf_done(&l.in);
}

/* false: it was told to stop meanwhile. */
static bool pause_ms(struct baton_child *child, uint64_t ms)
{
	uint64_t until = baton_spawn_ms() + ms, now;
	bool stopping = false;
	while (!stopping && (now = baton_spawn_ms()) < until) {
		struct pollfd fd = { .fd = child->wake, .events = POLLIN };
		uint64_t woken;
		if (poll(&fd, 1, (int)(until - now)) > 0 &&
		    read(child->wake, &woken, sizeof(woken)) < 0)
			continue;
		(void)pthread_mutex_lock(&child->lock);
		stopping = child->stopping;
		(void)pthread_mutex_unlock(&child->lock);
	}
	return !stopping;
}

/* true: it died although nobody had told it to, and shall live again. */
static bool died(struct baton_child *child)
{
	(void)pthread_mutex_lock(&child->lock);
	bool again = child->kept && !child->stopping;
	bool stopped = child->stopping;
	child->crashes += again;
	if (!again)
		child->state = BATON_CHILD_ENDED;
	(void)pthread_cond_broadcast(&child->told);
	(void)pthread_mutex_unlock(&child->lock);
	if (stopped)
		return false;
	baton_log(again ? BATON_LOG_ERROR : BATON_LOG_WARN, "module_process_died", "ssi", "module",
		  child->options.name, "how", child->how, "starts", (int64_t)child->starts);
	if (again && child->options.crashed)
		child->options.crashed(child->options.ud, child->how);
	return again;
}

void *baton_keeper_main(void *ud)
{
	struct baton_child *child = ud;
	uint64_t pause = child->options.pause_ms;
	(void)pthread_setname_np(pthread_self(), "baton-keeper");
	for (;;) {
		uint64_t born = baton_spawn_ms();
		live(child);
		if (!died(child))
			break;
		if (baton_spawn_ms() - born >= BATON_CHILD_GOOD_MS)
			pause = child->options.pause_ms;
		if (!pause_ms(child, pause))
			break;
		pause = pause * 2 < BATON_CHILD_PAUSE_MS_MAX ? pause * 2 : BATON_CHILD_PAUSE_MS_MAX;
	}
	set_state(child, BATON_CHILD_ENDED);
	baton_mem_thread_done();
	return NULL;
}
