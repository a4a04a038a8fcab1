/* SPDX-License-Identifier: Apache-2.0 */

/* An instance as the rack sees it: its life, its socket, its open calls. create() and
 * activate() return before the child has done them; the socket keeps order, so what is asked
 * meanwhile waits in it, and check() is answered after them. Surprising: an instance outlives
 * its child. When the child dies the calls fail, the instance stays, and the next child
 * creates it anew. */
#include "core/isolate/inside.h"

#include "core/base/errors.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

enum { READ_BYTES = 64 * 1024 };

static void watched(void *user, int fd, uint32_t events);

/* --- calls ------------------------------------------------------------------------------- */

void baton_proxy_call_drop(struct baton_proxy *proxy, struct baton_proxy_call *call)
{
	HASH_DEL(proxy->calls, call);
	baton_buf_done(&call->held);
	baton_free(call);
}

void baton_proxy_call_fail(struct baton_proxy *proxy, struct baton_proxy_call *call, uint32_t fail,
			   const char *message)
{
	baton_error error = { .size = sizeof(error), .fail = fail };
	uint64_t handle = call->handle;
	bool closed = call->closed;
	error.message = baton_str_of(message);
	baton_proxy_call_drop(proxy, call);
	if (!closed)
		(void)proxy->host->fail(proxy->ctx, handle, &error);
}

/* The child is told, too: then it has forgotten it, and what comes yet is late. */
static void sweep(struct baton_proxy *proxy, uint64_t now)
{
	struct baton_proxy_call *call, *next;
	HASH_ITER(hh, proxy->calls, call, next) {
		if (!call->over_ms || now - call->over_ms < BATON_PROXY_OVER_MS)
			continue;
		size_t at = baton_frame_begin(&proxy->out, BATON_FRAME_CLOSED, call->handle);
		(void)baton_frame_end(&proxy->out, at);
		baton_proxy_call_drop(proxy, call);
	}
}

void baton_proxy_call_over(struct baton_proxy *proxy, struct baton_proxy_call *call)
{
	uint64_t now = baton_spawn_ms();
	call->over_ms = now;
	if (++proxy->overs < BATON_PROXY_SWEEP)
		return;
	proxy->overs = 0;
	sweep(proxy, now);
}

/* From the top each time: what the host does in fail() may end others. */
static void fail_all(struct baton_proxy *proxy, uint32_t fail, const char *message)
{
	while (proxy->calls)
		baton_proxy_call_fail(proxy, proxy->calls, fail, message);
}

/* --- the socket -------------------------------------------------------------------------- */

static void close_socket(struct baton_proxy *proxy)
{
	if (proxy->fd < 0)
		return;
	(void)proxy->host->watch_stop(proxy->ctx, proxy->watch);
	(void)close(proxy->fd);
	proxy->fd = -1;
	proxy->watches_write = false;
	baton_buf_reset(&proxy->in);
	baton_buf_reset(&proxy->out);
	proxy->out_at = 0;
}

void baton_proxy_lost(struct baton_proxy *proxy)
{
	if (proxy->fd < 0)
		return;
	close_socket(proxy);
	proxy->active = false;
	proxy->waiting = proxy->behind = 0;
	baton_proxy_http_stop_all(proxy);
	fail_all(proxy, BATON_FAIL_MODULE, "the module's process has died");
}

void baton_proxy_garbage(struct baton_proxy *proxy, const char *what)
{
	char why[BATON_CHILD_HOW_BYTES];
	(void)snprintf(why, sizeof(why), "garbage: %s", what);
	baton_child_kill(proxy->child, proxy->life, why);
	baton_proxy_lost(proxy);
}

static void watch(struct baton_proxy *proxy, bool write)
{
	uint32_t events = BATON_WATCH_READ | (write ? BATON_WATCH_WRITE : 0u);
	if (proxy->watch)
		(void)proxy->host->watch_stop(proxy->ctx, proxy->watch);
	proxy->watch = 0;
	proxy->watches_write = write;
	(void)proxy->host->watch(proxy->ctx, proxy->fd, events, watched, proxy, &proxy->watch);
}

void baton_proxy_push(struct baton_proxy *proxy)
{
	while (proxy->fd >= 0 && proxy->out_at < proxy->out.n) {
		ssize_t n = send(proxy->fd, proxy->out.p + proxy->out_at,
				 proxy->out.n - proxy->out_at, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			break;
		if (n <= 0) {
			/* It is gone. What it has said before is still to be read, and behind that
			 * its end is found. */
			proxy->out_at = proxy->out.n;
			break;
		}
		proxy->out_at += (size_t)n;
	}
	if (proxy->fd < 0)
		return;
	if (proxy->out_at == proxy->out.n) {
		baton_buf_reset(&proxy->out);
		proxy->out_at = 0;
		if (proxy->out.cap > BATON_FRAME_LARGE)
			baton_buf_done(&proxy->out);
	} else if (proxy->out_at > BATON_PROXY_OUT_SOFT) {
		baton_buf_drop(&proxy->out, proxy->out_at);
		proxy->out_at = 0;
	}
	if (proxy->out.n - proxy->out_at > BATON_PROXY_OUT_HARD)
		baton_proxy_garbage(proxy, "it does not read what it is sent");
	else if ((proxy->out.n > 0) != proxy->watches_write)
		watch(proxy, proxy->out.n > 0);
}

/* Frames that have come whole. Doing one may lose the child. */
static void hear_frames(struct baton_proxy *proxy)
{
	struct baton_frame frame;
	uint32_t life = proxy->life;
	size_t at = 0;
	int rc = 0;
	proxy->hearing = true;
	while (proxy->fd >= 0 && proxy->life == life) {
		baton_str rest = { proxy->in.p + at, proxy->in.n - at };
		rc = baton_frame_next(rest, BATON_FRAME_UP, &frame);
		if (rc <= 0)
			break;
		at += sizeof(frame.head) + frame.head.len;
		if (!baton_proxy_hear(proxy, &frame)) {
			rc = BATON_E_INVAL;
			break;
		}
	}
	proxy->hearing = false;
	if (proxy->fd < 0 || proxy->life != life)
		return;
	if (rc < 0) {
		uint16_t op = 0;
		if (proxy->in.n - at >= sizeof(frame.head))
			memcpy(&op, proxy->in.p + at + offsetof(struct baton_frame_head, op),
			       sizeof(op));
		baton_proxy_garbage(proxy,
				    at ? baton_frame_name(frame.head.op) : baton_frame_name(op));
		return;
	}
	baton_buf_drop(&proxy->in, at);
	if (proxy->in.n == 0 && proxy->in.cap > BATON_FRAME_LARGE)
		baton_buf_done(&proxy->in);
}

void baton_proxy_read(struct baton_proxy *proxy)
{
	for (size_t sum = 0; proxy->fd >= 0 && sum < BATON_PROXY_READ_MAX;) {
		char *to = baton_buf_room(&proxy->in, READ_BYTES);
		ssize_t n = recv(proxy->fd, to, READ_BYTES, MSG_DONTWAIT);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			break;
		if (n <= 0) {
			baton_proxy_lost(proxy);
			return;
		}
		sum += (size_t)n;
		proxy->in.n += (size_t)n;
		hear_frames(proxy);
		if (n < READ_BYTES)
			break; /* what comes now wakes us again */
	}
}

static void watched(void *user, int fd, uint32_t events)
{
	struct baton_proxy *proxy = user;
	(void)fd;
	if (events & BATON_WATCH_READ)
		baton_proxy_read(proxy);
	if (proxy->fd >= 0 && (events & BATON_WATCH_WRITE))
		baton_proxy_push(proxy);
	baton_proxy_http_go_on(proxy);
}

/* --- connecting -------------------------------------------------------------------------- */

/* The child's end goes to its main loop, which makes the instance behind it. */
static int offer_socket(struct baton_proxy *proxy)
{
	struct baton_child *child = proxy->child;
	struct baton_buf order = { 0 };
	int pair[2] = { -1, -1 };
	(void)baton_frame_end(&order, baton_frame_begin(&order, BATON_FRAME_SOCKET, 0));
	(void)pthread_mutex_lock(&child->lock);
	int rc = child->state == BATON_CHILD_READY ? baton_spawn_pair(pair) : BATON_E_AGAIN;
	if (rc == 0 && !baton_spawn_send(child->control, &order, pair[1]))
		rc = BATON_E_IO;
	proxy->life = child->life;
	(void)pthread_mutex_unlock(&child->lock);
	baton_buf_done(&order);
	if (pair[1] >= 0)
		(void)close(pair[1]);
	if (rc < 0 && pair[0] >= 0)
		(void)close(pair[0]);
	if (rc == 0)
		proxy->fd = pair[0];
	return rc;
}

static void put_bare(struct baton_proxy *proxy, enum baton_frame_op op)
{
	(void)baton_frame_end(&proxy->out, baton_frame_begin(&proxy->out, op, 0));
}

static void put_check(struct baton_proxy *proxy, struct baton_proxy_call *call)
{
	size_t at = baton_frame_begin(&proxy->out, BATON_FRAME_CHECK, call->handle);
	baton_put_u32(&proxy->out, call->level);
	(void)baton_frame_end(&proxy->out, at);
	call->unsent = false;
}

static bool connect_child(struct baton_proxy *proxy)
{
	int rc = offer_socket(proxy);
	if (rc == BATON_E_IO)
		baton_child_kill(proxy->child, proxy->life, "it does not read");
	if (rc < 0)
		return false;
	proxy->failed = 0;
	proxy->watch = 0;
	watch(proxy, false);
	size_t at = baton_frame_begin(&proxy->out, BATON_FRAME_CREATE, 0);
	baton_put_str(&proxy->out, baton_buf_view(&proxy->config));
	if (!baton_frame_end(&proxy->out, at)) {
		proxy->failed = BATON_E_LIMIT;
		proxy->failed_at = "create";
	}
	if (proxy->activate_due)
		put_bare(proxy, BATON_FRAME_ACTIVATE);
	for (struct baton_proxy_call *call = proxy->calls; call; call = call->hh.next)
		if (call->unsent)
			put_check(proxy, call);
	baton_proxy_push(proxy);
	return true;
}

void baton_proxy_revive(void *user)
{
	struct baton_proxy *proxy = user;
	(void)pthread_mutex_lock(&proxy->child->lock);
	uint32_t life = proxy->child->life;
	(void)pthread_mutex_unlock(&proxy->child->lock);
	/* It may be that we have been faster, or have not yet heard of the last one's death. */
	if (proxy->fd >= 0 && proxy->life == life)
		return;
	baton_proxy_lost(proxy);
	if (!proxy->quiesced)
		(void)connect_child(proxy);
}

/* --- the life of an instance ------------------------------------------------------------- */

static int32_t proxy_create(void *mod, baton_ctx *ctx, baton_str config_json, void **inst)
{
	struct baton_child *child = mod;
	(void)pthread_mutex_lock(&child->lock);
	enum baton_child_state state = child->state;
	bool loaded = child->kept;
	(void)pthread_mutex_unlock(&child->lock);
	if (state < BATON_CHILD_READY && !loaded)
		return BATON_E_STATE;
	if (state == BATON_CHILD_ENDED)
		return BATON_E_IO;
	struct baton_proxy *proxy = baton_new(struct baton_proxy);
	proxy->child = child;
	proxy->host = child->host;
	proxy->ctx = ctx;
	proxy->fd = -1;
	baton_buf_str(&proxy->config, config_json);
	(void)pthread_mutex_lock(&child->lock);
	DL_APPEND(child->proxies, proxy);
	(void)pthread_mutex_unlock(&child->lock);
	/* Without a child at the moment: it will be created when there is one. */
	(void)connect_child(proxy);
	*inst = proxy;
	return BATON_OK;
}

static int32_t proxy_activate(void *inst)
{
	struct baton_proxy *proxy = inst;
	proxy->activate_due = true;
	if (proxy->fd >= 0) {
		put_bare(proxy, BATON_FRAME_ACTIVATE);
		baton_proxy_push(proxy);
	}
	return BATON_OK;
}

static void proxy_quiesce(void *inst)
{
	struct baton_proxy *proxy = inst;
	proxy->quiesced = true;
	if (proxy->fd >= 0) {
		put_bare(proxy, BATON_FRAME_QUIESCE);
		baton_proxy_push(proxy);
	}
}

/* The child destroys its instance when it sees the socket's end. */
static void proxy_destroy(void *inst)
{
	struct baton_proxy *proxy = inst;
	(void)pthread_mutex_lock(&proxy->child->lock);
	DL_DELETE(proxy->child->proxies, proxy);
	(void)pthread_mutex_unlock(&proxy->child->lock);
	baton_proxy_http_stop_all(proxy);
	close_socket(proxy);
	while (proxy->calls)
		baton_proxy_call_drop(proxy, proxy->calls);
	baton_buf_done(&proxy->config);
	baton_buf_done(&proxy->in);
	baton_buf_done(&proxy->out);
	baton_buf_done(&proxy->answer);
	baton_arena_done(&proxy->said);
	baton_free(proxy);
}

/* The module's own check comes behind its create() and activate() in the socket, and so does its
 * answer. One that has no check is asked all the same: that it answers is worth knowing. */
static int32_t proxy_check(void *inst, baton_call handle, uint32_t level)
{
	struct baton_proxy *proxy = inst;
	struct baton_proxy_call *call = baton_new(struct baton_proxy_call);
	call->handle = handle;
	call->level = level;
	call->unsent = true;
	HASH_ADD(hh, proxy->calls, handle, sizeof(call->handle), call);
	if (proxy->failed) {
		char why[64];
		(void)snprintf(why, sizeof(why), "%s: expected 0, found %d", proxy->failed_at,
			       proxy->failed);
		baton_proxy_call_fail(proxy, call, BATON_FAIL_INTERNAL, why);
	} else if (proxy->fd >= 0) {
		put_check(proxy, call);
		baton_proxy_push(proxy);
	}
	return BATON_PENDING;
}

void baton_proxy_fill_entry(baton_module *entry)
{
	entry->load = baton_child_load;
	entry->create = proxy_create;
	entry->activate = proxy_activate;
	entry->quiesce = proxy_quiesce;
	entry->destroy = proxy_destroy;
	entry->check = proxy_check;
}

/* --- questions --------------------------------------------------------------------------- */

/* Hears what comes, for at most so long. */
static void listen_ms(struct baton_proxy *proxy, uint32_t ms)
{
	struct pollfd fd = { .fd = proxy->fd };
	fd.events = (short)(POLLIN | (proxy->out.n > 0 ? POLLOUT : 0));
	int rc = poll(&fd, 1, (int)ms);
	if (rc > 0 && (fd.revents & POLLOUT))
		baton_proxy_push(proxy);
	if (rc > 0 && (fd.revents & ~POLLOUT))
		baton_proxy_read(proxy);
}

static bool waits(const struct baton_proxy *proxy)
{
	return proxy->fd >= 0 && proxy->waiting;
}

/* The loop stands still meanwhile: in the end it goes on, whoever is at fault. What comes while we
 * look, or while this thread itself does not get a processor, is heard before that. */
static enum baton_wait_end await(struct baton_proxy *proxy, uint32_t ms)
{
	uint64_t limit = (uint64_t)ms * BATON_PROXY_PATIENCE_TIMES, now = baton_spawn_ms();
	if (limit > BATON_PROXY_PATIENCE_MS_MAX)
		limit = ms > BATON_PROXY_PATIENCE_MS_MAX ? ms : BATON_PROXY_PATIENCE_MS_MAX;
	const struct baton_patience patience = { ms, (uint32_t)limit };
	struct baton_wait wait = baton_wait_from(now);
	enum baton_wait_end end = BATON_WAIT_ON;
	while (waits(proxy) && end == BATON_WAIT_ON) {
		struct baton_pulse at;
		listen_ms(proxy, baton_wait_next_ms(&wait, patience, now));
		if (!waits(proxy))
			break;
		baton_child_pulse(proxy->child, proxy->life, &at);
		now = baton_spawn_ms();
		end = baton_wait_look(&wait, patience, &at, now);
		if (end != BATON_WAIT_ON)
			listen_ms(proxy, 0);
	}
	return end;
}

static void hung(struct baton_proxy *proxy, uint32_t ms, const char *what)
{
	char why[BATON_CHILD_HOW_BYTES];
	(void)snprintf(why, sizeof(why), "no answer to %s within %u ms, hung in %s", what, ms,
		       baton_place_name(atomic_load(&proxy->child->beacon->place)));
	baton_child_kill(proxy->child, proxy->life, why);
	baton_proxy_lost(proxy);
}

int baton_proxy_ask(struct baton_proxy *proxy, size_t at, uint32_t ms, const char *what)
{
	uint64_t number = ++proxy->questions;
	memcpy(proxy->out.p + at + offsetof(struct baton_frame_head, call), &number,
	       sizeof(number));
	/* From inside of what it is just saying, or while it owes an answer: it cannot be heard
	 * twice, and one that is slow does not hold up the loop once per question. */
	if (proxy->hearing || proxy->behind) {
		proxy->out.n = at;
		return proxy->hearing ? BATON_E_STATE : BATON_E_AGAIN;
	}
	if (!baton_frame_end(&proxy->out, at))
		return BATON_E_LIMIT;
	proxy->waiting = number;
	baton_proxy_push(proxy);
	enum baton_wait_end end = await(proxy, ms);
	if (proxy->fd < 0)
		return BATON_E_IO;
	if (!proxy->waiting)
		return 0;
	proxy->waiting = 0;
	proxy->behind = number;
	if (end == BATON_WAIT_HUNG)
		hung(proxy, ms, what);
	return BATON_E_IO;
}
