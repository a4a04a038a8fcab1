/* SPDX-License-Identifier: Apache-2.0 */

/* The one place that knows libwebsockets' reasons. A case names who deals with it and nothing
 * more.
 *
 * Surprising, all of 4.1.6: HTTP/2 can be used to corrupt memory, so only HTTP/1.1 is offered
 * and the upgrade gate lets `websocket` alone pass. CONNECT turns a connection raw, so raw
 * reasons are refused. A context on a foreign loop is freed only by a second destroy, after the
 * loop has run.
 */

#include "channels/http/lws.h"

#include "channels/http/exchange.h"
#include "channels/http/gate.h"
#include "core/base/limits.h"
#include "core/base/log.h"
#include "core/base/mem.h"

#include <libwebsockets.h>
#include <pthread.h>
#include <sys/resource.h>
#include <uv.h>

enum {
	RX_BUFFER_BYTES = 512,       /* per WebSocket: this is most of what an idle one costs */
	TX_PACKET_BYTES = 64 * 1024, /* without it sends are cut to the size above */
	HEADER_BYTES_MAX = 8 * 1024,
	HEADER_SECONDS = 5,
	KEEPALIVE_SECONDS = 15,
	FDS_KEPT = 32,     /* of a low limit: for the store, providers and operators */
	FDS_BESIDE = 4096, /* of a high one: besides the connections of all workers */
	CLOSE_LAPS = 32    /* of the loop, until libwebsockets' handles are closed; it takes 3 */
};

static struct baton_listener *listener_of(struct lws *wsi)
{
	return lws_context_user(lws_get_context(wsi));
}

/* The end of a connection in either shape; both callbacks may be told, the second finds nobody. */
static void on_gone(struct lws *wsi)
{
	struct baton_listener *listener = listener_of(wsi);
	struct baton_peer *peer = lws_get_opaque_user_data(wsi);

	if (!peer)
		return;
	lws_set_opaque_user_data(wsi, NULL);
	if (peer->kind == BATON_PEER_WS)
		listener->ws->gone(peer);
	else
		baton_exchange_gone(peer);
}

static int on_http(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
		   size_t n)
{
	(void)user;
	switch (reason) {
	case LWS_CALLBACK_HTTP_CONFIRM_UPGRADE:
		return baton_gate(listener_of(wsi), wsi);
	case LWS_CALLBACK_HTTP:
		return baton_exchange_begin(listener_of(wsi), wsi, (baton_str){ in, n });
	case LWS_CALLBACK_HTTP_BODY:
		return baton_exchange_body(listener_of(wsi), wsi, (baton_str){ in, n });
	case LWS_CALLBACK_HTTP_BODY_COMPLETION:
		return baton_exchange_body_end(listener_of(wsi), wsi);
	case LWS_CALLBACK_HTTP_WRITEABLE:
		return baton_exchange_writable(listener_of(wsi), wsi);
	case LWS_CALLBACK_CLOSED_HTTP:
	case LWS_CALLBACK_WSI_DESTROY:
		on_gone(wsi);
		return 0;
	case LWS_CALLBACK_FILTER_PROTOCOL_CONNECTION: /* the gate lets no such upgrade pass */
	case LWS_CALLBACK_ESTABLISHED:
	case LWS_CALLBACK_RECEIVE:
	case LWS_CALLBACK_RAW_ADOPT:
	case LWS_CALLBACK_RAW_RX:
		return -1;
	default:
		return 0;
	}
}

static int on_ws(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t n)
{
	const struct baton_ws_ops *ws = listener_of(wsi)->ws;
	struct baton_peer *peer = lws_get_opaque_user_data(wsi);

	(void)user;
	switch (reason) {
	case LWS_CALLBACK_FILTER_PROTOCOL_CONNECTION:
		return peer && peer->kind == BATON_PEER_WS ? 0 : -1;
	case LWS_CALLBACK_ESTABLISHED:
		return peer ? ws->established(peer) : -1;
	case LWS_CALLBACK_RECEIVE:
		return peer ? ws->receive(peer, in, n) : -1;
	case LWS_CALLBACK_RECEIVE_PONG:
		if (peer)
			ws->pong(peer);
		return 0;
	case LWS_CALLBACK_SERVER_WRITEABLE:
		return peer ? ws->writable(peer) : -1;
	case LWS_CALLBACK_CLOSED:
	case LWS_CALLBACK_WSI_DESTROY:
		on_gone(wsi);
		return 0;
	default:
		return 0;
	}
}

static const struct lws_protocols protocols[] = {
	{ .name = "http", .callback = on_http, .tx_packet_size = TX_PACKET_BYTES },
	{ .name = BATON_SUBPROTOCOL,
	  .callback = on_ws,
	  .rx_buffer_size = RX_BUFFER_BYTES,
	  .tx_packet_size = TX_PACKET_BYTES },
	{ .name = NULL },
};

/* Heartbeats are ours (one sweep for all connections), so libwebsockets keeps no timers. */
static const lws_retry_bo_t no_validity_checks = { .secs_since_valid_ping = 0 };

static void on_log(int level, const char *line)
{
	(void)level;
	baton_log(BATON_LOG_DEBUG, "lws", "s", "line", line);
}

/* What libwebsockets keeps for a connection lies together, apart from what turns leave behind. It
 * zeroes what it wants to be zero, and 8 KiB for headers it does not. */
static void *lws_memory(void *p, size_t n, const char *what)
{
	(void)what;
	if (n > 0)
		return p ? baton_realloc(p, n) : baton_take_lasting(n);
	baton_free(p);
	return NULL;
}

/* Descriptors from here on are not libwebsockets'. */
static int fd_limit(const struct baton_listener *listener, const struct rlimit *limit)
{
	rlim_t most = (rlim_t)baton_port_workers(listener->port) * BATON_CONNS_MAX + FDS_BESIDE;
	rlim_t cur = limit->rlim_cur;

	if (cur > 2 * (rlim_t)FDS_KEPT)
		cur -= FDS_KEPT;
	return (int)(cur < most ? cur : most);
}

/* libwebsockets has a table of all descriptors that the limit allows, and Debian's build looks
 * through the whole of it whenever a connection closes: with a limit of a million that takes a
 * millisecond each time. So it is shown a limit that is no higher than what we shall need. */
static struct lws_context *context_new(struct baton_listener *listener,
				       const struct lws_context_creation_info *info)
{
	struct rlimit limit, less;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return NULL;
	less = limit;
	listener->fd_max = fd_limit(listener, &limit);
	less.rlim_cur = (rlim_t)listener->fd_max;
	(void)setrlimit(RLIMIT_NOFILE, &less);
	struct lws_context *context = lws_create_context(info);
	(void)setrlimit(RLIMIT_NOFILE, &limit);
	return context;
}

int baton_lws_open(struct baton_listener *listener)
{
	/* Workers start at once; creating contexts touches process-wide state of OpenSSL, of lws
	 * and of ours. */
	static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;
	void *loops[] = { baton_loop_uv(baton_port_loop(listener->port)) };
	struct lws_context_creation_info info = {
		.port = CONTEXT_PORT_NO_LISTEN,
		.options = LWS_SERVER_OPTION_LIBUV | LWS_SERVER_OPTION_DISABLE_OS_CA_CERTS,
		.foreign_loops = loops,
		.protocols = protocols,
		.user = listener,
		.alpn = "http/1.1",
		.timeout_secs = HEADER_SECONDS,
		.timeout_secs_ah_idle = HEADER_SECONDS,
		.keepalive_timeout = KEEPALIVE_SECONDS,
		.max_http_header_data = HEADER_BYTES_MAX,
		.retry_and_idle_policy = &no_validity_checks,
		.gid = -1,
		.uid = -1,
	};

	pthread_mutex_lock(&one_at_a_time);
	lws_set_allocator(lws_memory);
	/* Bad clients make lws log errors: theirs, not ours. */
	lws_set_log_level(baton_log_wants(BATON_LOG_DEBUG) ? LLL_ERR | LLL_WARN : 0, on_log);
	listener->context = context_new(listener, &info);
	pthread_mutex_unlock(&one_at_a_time);
	if (!listener->context) {
		baton_log(BATON_LOG_ERROR, "lws_context_failed", "s", "hint",
			  "is libwebsockets-evlib-uv installed?");
		return BATON_E_IO;
	}
	listener->vhost = lws_get_vhost_by_name(listener->context, "default");
	return listener->vhost ? 0 : BATON_E_IO;
}

void baton_lws_close(struct baton_listener *listener)
{
	if (!listener->context)
		return;

	uv_loop_t *uv = baton_loop_uv(baton_port_loop(listener->port));
	lws_context_destroy(listener->context);
	for (int i = 0; i < CLOSE_LAPS; i++)
		uv_run(uv, UV_RUN_NOWAIT);
	lws_context_destroy(listener->context);
	listener->context = NULL;
	listener->vhost = NULL;
}

void baton_lws_adopt(struct baton_listener *listener, int fd)
{
	(void)lws_adopt_socket_vhost(listener->vhost, fd);
}
