/* SPDX-License-Identifier: Apache-2.0 */

/* Cached watchers of libcurl's sockets; see wire.h. */
#include "core/loop/wire.h"

#include "core/base/mem.h"

#include <utlist.h>

struct baton_wire {
	uv_poll_t poll; /* first */
	struct baton_wires *wires;
	void *ud;
	curl_socket_t fd;
	int wanted, armed; /* UV_READABLE | UV_WRITABLE: what libcurl wants, what libuv watches */
	bool live;         /* `poll` is a handle of the loop */
	bool connected, dirty;
	struct baton_wire *dirty_prev, *dirty_next;
};

static struct baton_wire *wire_get(struct baton_wires *wires, curl_socket_t fd)
{
	return (size_t)fd < wires->n_fd ? wires->by_fd[fd] : NULL;
}

static struct baton_wire *wire_make(struct baton_wires *wires, curl_socket_t fd)
{
	size_t at = (size_t)fd;
	if (at >= wires->n_fd) {
		size_t n = at < 512 ? 1024 : at * 2;
		wires->by_fd = baton_realloc(wires->by_fd, n * sizeof(struct baton_wire *));
		memset(wires->by_fd + wires->n_fd, 0,
		       (n - wires->n_fd) * sizeof(struct baton_wire *));
		wires->n_fd = n;
	}
	struct baton_wire *wire = baton_new(struct baton_wire);
	wire->wires = wires;
	wire->fd = fd;
	wires->by_fd[at] = wire;
	return wire;
}

static void on_wire_closed(uv_handle_t *handle)
{
	baton_free(handle);
}

static void wire_drop(struct baton_wire *wire)
{
	struct baton_wires *wires = wire->wires;

	wires->by_fd[wire->fd] = NULL;
	if (wire->dirty)
		DL_DELETE2(wires->dirty, wire, dirty_prev, dirty_next);
	if (!wire->live) {
		baton_free(wire);
		return;
	}
	uv_poll_stop(&wire->poll); /* at once: the number may be another file's a moment later */
	uv_close((uv_handle_t *)&wire->poll, on_wire_closed);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
	struct baton_wire *wire = (struct baton_wire *)(void *)poll;
	struct baton_wires *wires = wire->wires;

	if (!wire->wanted) {
		/* An idle connection has something to say: mostly that its server left. libcurl
		 * looks before it uses it again; until then it must not keep waking us. */
		uv_poll_stop(&wire->poll);
		wire->armed = 0;
		return;
	}
	int mask = status < 0 ? CURL_CSELECT_ERR : 0;
	mask |= events & UV_READABLE ? CURL_CSELECT_IN : 0;
	mask |= events & UV_WRITABLE ? CURL_CSELECT_OUT : 0;
	wires->on_ready(wire->ud, wire->fd, mask);
}

/* Idle and still armed for reading is left as it is: the next request wants just that. */
static bool wire_is_settled(const struct baton_wire *wire)
{
	return wire->armed == wire->wanted || (wire->wanted == 0 && wire->armed == UV_READABLE);
}

static void wire_settle(struct baton_wire *wire)
{
	if (wire_is_settled(wire))
		return;
	if (!wire->live && uv_poll_init(wire->wires->uv, &wire->poll, wire->fd) != 0)
		return; /* the request's clock ends it */

	wire->live = true;
	wire->armed = wire->wanted;
	uv_poll_start(&wire->poll, wire->wanted, on_poll);
}

void baton_wires_want(struct baton_wires *wires, curl_socket_t fd, int what, void *ud)
{
	struct baton_wire *wire = wire_get(wires, fd);
	if (what == CURL_POLL_REMOVE && !wire)
		return;
	wire = wire ? wire : wire_make(wires, fd);
	wire->ud = ud;
	wire->wanted = 0;
	if (what == CURL_POLL_IN || what == CURL_POLL_INOUT)
		wire->wanted |= UV_READABLE;
	if (what == CURL_POLL_OUT || what == CURL_POLL_INOUT)
		wire->wanted |= UV_WRITABLE;

	if (what == CURL_POLL_REMOVE && !wire->connected) {
		wire_drop(wire); /* also the resolver's pipe, which is not a socket of ours */
		return;
	}
	if (!wire->dirty && !wire_is_settled(wire)) {
		wire->dirty = true;
		DL_APPEND2(wires->dirty, wire, dirty_prev, dirty_next);
	}
}

void baton_wires_opened(struct baton_wires *wires, curl_socket_t fd)
{
	struct baton_wire *stale = wire_get(wires, fd);
	if (stale)
		wire_drop(stale);
}

void baton_wires_connected(struct baton_wires *wires, curl_socket_t fd)
{
	struct baton_wire *wire = wire_get(wires, fd);
	if (!wire)
		wire = wire_make(wires, fd);
	wire->connected = true;
}

void baton_wires_closing(struct baton_wires *wires, curl_socket_t fd)
{
	struct baton_wire *wire = wire_get(wires, fd);
	if (wire)
		wire_drop(wire);
}

void baton_wires_settle(struct baton_wires *wires)
{
	while (wires->dirty) {
		struct baton_wire *wire = wires->dirty;
		DL_DELETE2(wires->dirty, wire, dirty_prev, dirty_next);
		wire->dirty = false;
		wire_settle(wire);
	}
}

void baton_wires_done(struct baton_wires *wires)
{
	for (size_t i = 0; i < wires->n_fd; i++)
		if (wires->by_fd[i])
			wire_drop(wires->by_fd[i]);
	baton_free(wires->by_fd);
	wires->by_fd = NULL;
	wires->n_fd = 0;
}
