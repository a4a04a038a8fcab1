/* SPDX-License-Identifier: Apache-2.0 */

/* The outbound HTTP client of a loop: libcurl's multi interface, driven by readiness and by turns.
 *
 * Surprising: there are several of these interfaces. libcurl looks for a free connection among all
 * that one of them has, for each request that begins, and finds it anew when the request ends: with
 * a thousand open requests that took longer than all else. So each has few, and requests go to the
 * first that has room.
 *
 * Nothing is done to libcurl from inside its callbacks or from inside start(), pause() and stop():
 * those leave the request on a list, and the turn that ends each lap of the loop works it off,
 * before the loop waits. So a request leaves in the lap in which it was asked for, many of one lap
 * share one call, and callbacks may start and stop whatever they like.
 *
 * Timeouts are ours, one timer for each request: set once, moved only when it strikes early.
 */
#include "core/loop/request.h"
#include "core/loop/slot.h"

#include "core/base/assert.h"
#include "core/base/errors.h"
#include "core/base/limits.h"
#include "core/base/mem.h"

#include <pthread.h>

#include <utlist.h>

enum {
	NS_PER_MS = 1000000,
	LAPS_MAX = 4,
	SPARE_MAX = 256,
	KNOWN_MAX = 8,
	GROUP_OPEN_MAX = 128,
	GROUPS_MAX = (BATON_HTTP_OPEN_MAX + GROUP_OPEN_MAX - 1) / GROUP_OPEN_MAX,
	GROUPS_KEEPING = BATON_HTTP_IDLE_CONNS_MAX / GROUP_OPEN_MAX /* idle connections */
};

/* A server asks few URLs many times; reading one costs as much as all else we do to start. */
struct known_url {
	char *url;
	size_t n;
	struct baton_target *target;
};

/* The requests and connections of one multi interface. */
struct baton_group {
	struct baton_http *http;
	CURLM *multi;
	unsigned n_open;
	bool kick;                           /* libcurl wants to be called now */
	bool called;                         /* it was, and there may be messages */
	uint64_t timer, timer_due, curl_due; /* libcurl's own timeouts: resolver, second address */
};

struct baton_http {
	struct baton_guest guest; /* of the loop */
	struct baton_loop *loop;
	struct baton_group *groups[GROUPS_MAX];
	unsigned n_groups;
	struct baton_wires wires;
	struct baton_slots slots;
	struct baton_request *open, *todo, *spare;
	unsigned n_open, n_spare;
	struct known_url known[KNOWN_MAX];
	unsigned known_next;
	bool ending;
};

static void request_todo(struct baton_http *http, struct baton_request *request)
{
	http->guest.wants_turn = true;
	if (request->listed)
		return;
	request->listed = true;
	DL_APPEND2(http->todo, request, todo_prev, todo_next);
}

static void request_unlist(struct baton_http *http, struct baton_request *request)
{
	if (request->listed)
		DL_DELETE2(http->todo, request, todo_prev, todo_next);
	request->listed = false;
}

/* Takes it from libcurl and keeps it for the next question. */
static void request_retire(struct baton_http *http, struct baton_request *request)
{
	request_unlist(http, request);
	baton_loop_timer_stop(http->loop, request->timer);
	if (request->added)
		curl_multi_remove_handle(request->group->multi, request->easy);
	request->group->n_open--;
	request->group = NULL;
	DL_DELETE(http->open, request);
	http->n_open--;
	if (http->n_spare >= SPARE_MAX || http->ending) {
		baton_request_free(request);
		return;
	}
	baton_request_reset(request);
	http->n_spare++;
	DL_PREPEND(http->spare, request);
}

/* The one end: told last, when nothing of the request is left but its reason. */
static void request_finish(struct baton_http *http, struct baton_request *request)
{
	baton_http_handle handle = request->handle;
	void (*on_end)(void *, baton_http_handle, const baton_error *) = request->events.on_end;
	void *ud = request->ud;
	baton_error error = { .size = sizeof(error) };
	char message[BATON_REQUEST_MESSAGE];

	bool failed = baton_request_error(request, &error);
	if (failed) {
		memcpy(message, error.message.p, error.message.n);
		error.message.p = message;
	} else {
		baton_request_flush(request);
		handle = request->handle; /* the last line may have made the user stop */
	}
	request->handle = 0;
	baton_slots_take(&http->slots, handle);
	request_retire(http, request);
	if (handle)
		on_end(ud, handle, failed ? &error : NULL);
}

/* --- the clock of a request --- */

static void on_request_clock(void *ud);

static void request_arm(struct baton_http *http, struct baton_request *request, uint64_t now)
{
	uint64_t look = baton_request_look(request, now);
	uint64_t wait_ns = look > now ? look - now : 0;
	request->timer = baton_loop_timer(http->loop, (wait_ns + NS_PER_MS - 1) / NS_PER_MS,
					  on_request_clock, request);
}

static const char *timeout_text(const char *code)
{
	if (strcmp(code, "timeout_connect") == 0)
		return "no connection in time";
	if (strcmp(code, "timeout_first_byte") == 0)
		return "connected, but no answer in time";
	if (strcmp(code, "timeout_idle") == 0)
		return "the answer fell silent";
	return "the answer did not end in time";
}

static void on_request_clock(void *ud)
{
	struct baton_request *request = ud;
	struct baton_http *http = request->http;
	uint64_t now = baton_loop_now_ns(http->loop);
	const char *code;

	request->timer = 0;
	if (now < baton_request_due(request, &code)) {
		request_arm(http, request, now);
		return;
	}
	baton_request_fail(request, BATON_FAIL_TIMEOUT, code, timeout_text(code));
	request_finish(http, request);
}

/* --- turns --- */

static void request_step(struct baton_http *http, struct baton_request *request)
{
	if (!request->handle) { /* stopped */
		request_retire(http, request);
		return;
	}
	if (!request->added) {
		struct baton_group *group = request->group;
		request->added = curl_multi_add_handle(group->multi, request->easy) == CURLM_OK;
		if (!request->added) {
			baton_request_fail(request, BATON_FAIL_INTERNAL, "no_memory",
					   "cannot start");
			request_finish(http, request);
		}
		group->kick = true;
		return;
	}
	if (!request->resume || request->paused)
		return;

	request->resume = false;
	baton_request_replay(request);
	if (request->paused)
		return;
	if (!request->handle || request->code || request->done) {
		if (request->handle)
			request_finish(http, request);
		else
			request_retire(http, request);
		return;
	}
	if (request->curl_paused) {
		request->curl_paused = false;
		curl_easy_pause(request->easy, CURLPAUSE_CONT);
	}
}

static void todo_work(struct baton_http *http)
{
	/* What the steps add comes in the next lap: no request can hold this one. */
	struct baton_request *last = http->todo ? http->todo->todo_prev : NULL;
	bool more = last != NULL;

	while (more && http->todo) {
		struct baton_request *request = http->todo;
		more = request != last;
		request_unlist(http, request);
		request_step(http, request);
	}
}

static void messages_read(struct baton_http *http, struct baton_group *group)
{
	CURLMsg *message;
	int left;

	while ((message = curl_multi_info_read(group->multi, &left))) {
		struct baton_request *request = NULL;
		CURLcode result = message->data.result;
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&request);
		request->result = result;
		request->done = true;
		if (!request->handle)
			request_retire(http, request);
		else if (!request->held.n)
			request_finish(http, request);
		/* else the user paused in the last piece and has not heard all of it */
	}
}

static void group_work(struct baton_http *http, struct baton_group *group)
{
	int running;

	if (group->kick) {
		group->kick = false;
		group->called = true;
		curl_multi_socket_action(group->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	}
	if (group->called) {
		group->called = false;
		messages_read(http, group);
	}
}

/* What one group brought may have been about a request in another. */
static bool has_more(const struct baton_http *http)
{
	bool more = http->todo != NULL;

	for (unsigned i = 0; i < http->n_groups; i++)
		more |= http->groups[i]->kick;
	return more;
}

static void on_turn(void *ud)
{
	struct baton_http *http = ud;

	for (int lap = 0; lap < LAPS_MAX; lap++) {
		todo_work(http);
		for (unsigned i = 0; i < http->n_groups; i++)
			group_work(http, http->groups[i]);
		if (!has_more(http)) {
			http->guest.wants_turn = false;
			return;
		}
	}
	http->guest.wants_turn = true; /* goes on after the loop has looked at its descriptors */
}

static void on_settle(void *ud)
{
	struct baton_http *http = ud;
	baton_wires_settle(&http->wires);
}

/* --- what libcurl calls --- */

static int on_want(CURL *easy, curl_socket_t fd, int what, void *ud, void *wire)
{
	struct baton_group *group = ud;
	(void)easy;
	(void)wire;
	baton_wires_want(&group->http->wires, fd, what, group);
	return 0;
}

static void on_ready(void *ud, curl_socket_t fd, int mask)
{
	struct baton_group *group = ud;
	int running;
	curl_multi_socket_action(group->multi, fd, mask, &running);
	group->called = true;
	group->http->guest.wants_turn = true;
}

static void on_group_clock(void *ud);

static void group_arm(struct baton_group *group, uint64_t now)
{
	struct baton_loop *loop = group->http->loop;

	if (group->timer && group->timer_due <= group->curl_due)
		return;
	baton_loop_timer_stop(loop, group->timer);
	group->timer_due = group->curl_due;
	uint64_t wait_ns = group->curl_due > now ? group->curl_due - now : 0;
	group->timer = baton_loop_timer(loop, (wait_ns + NS_PER_MS - 1) / NS_PER_MS, on_group_clock,
					group);
}

static void group_kick(struct baton_group *group)
{
	group->kick = true;
	group->http->guest.wants_turn = true;
}

static void on_group_clock(void *ud)
{
	struct baton_group *group = ud;
	uint64_t now = baton_loop_now_ns(group->http->loop);

	group->timer = 0;
	if (group->curl_due == UINT64_MAX)
		return;
	if (now < group->curl_due) {
		group_arm(group, now); /* libcurl moved it; it will not say so twice */
		return;
	}
	group->curl_due = UINT64_MAX;
	group_kick(group);
}

/* 0 means now, and now is this turn: rounding it up to a tick costs a millisecond a request. */
static int on_timeout_set(CURLM *multi, long timeout_ms, void *ud)
{
	struct baton_group *group = ud;
	(void)multi;

	group->curl_due = UINT64_MAX;
	if (timeout_ms == 0) {
		group_kick(group);
	} else if (timeout_ms > 0) {
		uint64_t now = baton_loop_now_ns(group->http->loop);
		group->curl_due = now + (uint64_t)timeout_ms * NS_PER_MS;
		group_arm(group, now);
	}
	return 0;
}

/* --- groups --- */

static struct baton_group *group_new(struct baton_http *http, unsigned place)
{
	struct baton_group *group = baton_new(struct baton_group);
	long keeps = place < GROUPS_KEEPING ? GROUP_OPEN_MAX : 1; /* 0 would mean many */

	group->http = http;
	group->curl_due = UINT64_MAX;
	group->multi = curl_multi_init();
	baton_assert(group->multi);
	curl_multi_setopt(group->multi, CURLMOPT_SOCKETFUNCTION, on_want);
	curl_multi_setopt(group->multi, CURLMOPT_SOCKETDATA, group);
	curl_multi_setopt(group->multi, CURLMOPT_TIMERFUNCTION, on_timeout_set);
	curl_multi_setopt(group->multi, CURLMOPT_TIMERDATA, group);
	curl_multi_setopt(group->multi, CURLMOPT_MAXCONNECTS, keeps);
	return group;
}

/* The first with room: the connections of the others are for when there is more to do. */
static struct baton_group *group_for_one_more(struct baton_http *http)
{
	unsigned i = 0;

	while (i < http->n_groups && http->groups[i]->n_open == GROUP_OPEN_MAX)
		i++;
	if (i == http->n_groups) {
		baton_assert(i < GROUPS_MAX); /* which is what BATON_HTTP_OPEN_MAX needs */
		http->groups[http->n_groups++] = group_new(http, i);
	}
	http->groups[i]->n_open++;
	return http->groups[i];
}

static void group_free(struct baton_group *group)
{
	curl_multi_cleanup(group->multi);
	baton_loop_timer_stop(group->http->loop, group->timer);
	baton_free(group);
}

/* --- life --- */

static void *curl_take(size_t n)
{
	return baton_realloc(NULL, n);
}

static char *curl_strdup(const char *text)
{
	return baton_memdupz(text, strlen(text));
}

static void *curl_zeroed(size_t n, size_t bytes)
{
	size_t all;

	baton_assert(!__builtin_mul_overflow(n, bytes, &all));
	return baton_alloc(all);
}

static void curl_start(void)
{
	/* Half of what a request allocates it frees a moment later. */
	baton_assert(curl_global_init_mem(CURL_GLOBAL_DEFAULT, curl_take, baton_free, baton_realloc,
					  curl_strdup, curl_zeroed) == CURLE_OK);
}

struct baton_http *baton_http_new(struct baton_loop *loop)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, curl_start);

	struct baton_http *http = baton_new(struct baton_http);
	http->loop = loop;
	http->wires = (struct baton_wires){ .uv = baton_loop_uv(loop), .on_ready = on_ready };
	http->guest = (struct baton_guest){ .ud = http, .turn = on_turn, .settle = on_settle };
	baton_loop_guest_add(loop, &http->guest);
	return http;
}

void baton_http_free(struct baton_http **phttp)
{
	struct baton_http *http = *phttp;
	if (!http)
		return;
	*phttp = NULL;

	http->ending = true; /* start() refuses from here on */
	while (http->open) {
		struct baton_request *request = http->open;
		baton_request_fail(request, BATON_FAIL_CANCELLED, "cancelled", "the loop ends");
		if (request->handle)
			request_finish(http, request);
		else
			request_retire(http, request);
	}
	while (http->spare) {
		struct baton_request *request = http->spare;
		DL_DELETE(http->spare, request);
		baton_request_free(request);
	}
	while (http->n_groups > 0)
		group_free(http->groups[--http->n_groups]);
	baton_loop_guest_remove(http->loop, &http->guest);
	baton_wires_done(&http->wires);
	baton_slots_done(&http->slots);
	for (size_t i = 0; i < KNOWN_MAX; i++) {
		baton_free(http->known[i].url);
		baton_target_unref(&http->known[i].target);
	}
	baton_free(http);
}

static void on_loop_end(void *ud)
{
	struct baton_http *http = ud;
	*baton_loop_http_place(http->loop) = NULL;
	baton_http_free(&http);
}

struct baton_http *baton_loop_http(struct baton_loop *loop)
{
	struct baton_http **place = baton_loop_http_place(loop);
	if (!*place) {
		*place = baton_http_new(loop);
		(*place)->guest.end = on_loop_end;
	}
	return *place;
}

/* --- what users call --- */

/* Borrowed: the table holds it, until it is asked for others. */
static int target_find(struct baton_http *http, baton_str url, struct baton_target **ret)
{
	for (size_t i = 0; i < KNOWN_MAX; i++) {
		const struct known_url *known = &http->known[i];
		if (known->url && known->n == url.n && memcmp(known->url, url.p, url.n) == 0) {
			*ret = known->target;
			return BATON_OK;
		}
	}
	int rc = baton_target_new(url, ret);
	if (rc)
		return rc;

	struct known_url *oldest = &http->known[http->known_next++ % KNOWN_MAX];
	baton_free(oldest->url);
	baton_target_unref(&oldest->target);
	*oldest = (struct known_url){ baton_memdupz(url.p, url.n), url.n, *ret };
	return BATON_OK;
}

static struct baton_request *request_get(struct baton_http *http)
{
	struct baton_request *request = http->spare;
	if (!request)
		return baton_request_new(http, &http->wires);
	DL_DELETE(http->spare, request);
	http->n_spare--;
	return request;
}

static void request_begin(struct baton_http *http, struct baton_request *request, uint64_t now)
{
	request->handle = baton_slots_put(&http->slots, request);
	request->group = group_for_one_more(http);
	DL_APPEND(http->open, request);
	http->n_open++;
	request_arm(http, request, now);
	request_todo(http, request);
}

int baton_http_start(struct baton_http *http, const struct baton_http_ask *ask,
		     const struct baton_http_events *events, void *ud,
		     baton_http_handle *ret_handle)
{
	if (http->ending || http->n_open >= BATON_HTTP_OPEN_MAX)
		return BATON_E_LIMIT;

	struct baton_target *target;
	int rc = target_find(http, ask->url, &target);
	if (rc)
		return rc;
	bool plain = !target->https && !ask->allow_loopback_http;
	if (plain || !baton_target_allowed(target, ask->egress, ask->n_egress))
		return BATON_E_DENIED;

	uint64_t now = baton_loop_now_ns(http->loop);
	struct baton_request *request = request_get(http);
	rc = request ? baton_request_ask(request, ask, target, now) : BATON_E_LIMIT;
	if (rc) {
		if (request)
			baton_request_free(request);
		return rc;
	}
	request->events = *events;
	request->ud = ud;
	request_begin(http, request, now);
	*ret_handle = request->handle;
	return BATON_OK;
}

void baton_http_pause(struct baton_http *http, baton_http_handle h, bool paused)
{
	struct baton_request *request = baton_slots_get(&http->slots, h);
	if (!request || request->paused == paused)
		return;
	request->paused = paused;
	if (paused)
		return;
	request->resume = true;
	request_todo(http, request);
}

void baton_http_stop(struct baton_http *http, baton_http_handle h)
{
	struct baton_request *request = baton_slots_take(&http->slots, h);
	if (!request)
		return;
	request->handle = 0;
	baton_loop_timer_stop(http->loop, request->timer);
	request->timer = 0;
	request_todo(http, request);
}
