/* SPDX-License-Identifier: Apache-2.0 */

/* One worker's door: a listening socket, a libwebsockets context on the worker's loop, and what
 * hangs on each accepted connection. HTTP is answered in this folder; connections that become
 * WebSockets are handed to whoever opened the listener.
 *
 * Everything here belongs to one loop and is called on it.
 */
#pragma once

#include "channels/http/web.h"
#include "core/base/buf.h"
#include "core/observe/metrics.h"
#include "core/server/port.h"

struct lws;
struct lws_context;
struct lws_vhost;

/* What the connection pointer of libwebsockets leads to begins with this, so that the callbacks
 * can tell an HTTP exchange from a chat connection: during an upgrade both are near. */
enum baton_peer_kind {
	BATON_PEER_HTTP = 0x62746874,
	BATON_PEER_WS = 0x62747773,
	BATON_PEER_UPLOAD = 0x62747570,
	BATON_PEER_STREAM = 0x62747374
};
struct baton_peer {
	enum baton_peer_kind kind;
};

/* An upgrade that passed all checks that HTTP can make. */
struct baton_upgrade {
	struct baton_identity identity; /* its origin as sent with this request, "" if none was */
	bool known; /* the ticket came along; else it must be in the first frame */
};

/* Who takes the WebSockets. `peer` is what accept() returned; int results are 0, or -1: close. */
struct baton_ws_ops {
	/* NULL: no room. From then on gone() will be called once, whatever happens. */
	struct baton_peer *(*accept)(void *ud, struct lws *wsi,
				     const struct baton_upgrade *upgrade);
	int (*established)(struct baton_peer *peer);
	/* A piece of a message, as it came in; what it is part of: lws_is_first_fragment() & co. */
	int (*receive)(struct baton_peer *peer, const char *p, size_t n);
	void (*pong)(struct baton_peer *peer);
	int (*writable)(struct baton_peer *peer);
	void (*gone)(struct baton_peer *peer);
};

struct baton_listener {
	struct baton_port *port;
	const struct baton_ws_ops *ws;
	void *ws_ud;
	struct lws_context *context;
	struct lws_vhost *vhost;
	struct baton_web web;
	struct baton_buf out; /* the answer being written; LWS_PRE bytes in front */
	uint64_t watch;       /* of the listening socket, 0: closed to newcomers */
	int *waiting;         /* accepted, not yet libwebsockets': from waiting_at to waiting_n */
	size_t waiting_at, waiting_n, waiting_cap;
	uint64_t next; /* timer: goes on with them, 0: none is set */
	int spare_fd;         /* given up for a moment to refuse politely when files run out */
	int fd_max; /* descriptors from here on are kept for the store and the operators */
};

/* 0, or <0 with a logged reason. */
int baton_listener_open(struct baton_listener *listener, struct baton_port *port,
			const struct baton_ws_ops *ws, void *ud);
/* Takes nobody new; those who are here stay. */
void baton_listener_drain(struct baton_listener *listener);
/* Ends every connection. Runs the loop for a few laps itself, because libwebsockets closes through
 * it: call it when the loop has stopped, on its thread. */
void baton_listener_close(struct baton_listener *listener);

static inline void baton_listener_count(struct baton_listener *listener, unsigned metric)
{
	baton_port_count(listener->port, metric, 1);
}
