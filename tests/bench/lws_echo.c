/* SPDX-License-Identifier: Apache-2.0 */

/* The limit that our goals are ratios of: libwebsockets as the server uses it (libuv loop of our
 * own, small receive buffers, direct writes while nothing is held back) with nothing behind it.
 * */

#include "kit.h"

#include <libwebsockets.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

enum { RX_BYTES = 1024, TX_BYTES = 64 * 1024, MESSAGE_MAX = 4096 };

/* What could not be written at once. */
struct waiting {
	size_t n;
	unsigned char p[];
};
struct per_conn {
	struct waiting *waiting;
};

static int on_receive(struct per_conn *conn, struct lws *wsi, const void *in, size_t n)
{
	static unsigned char out[LWS_PRE + MESSAGE_MAX];

	if (n > MESSAGE_MAX || !lws_is_final_fragment(wsi))
		return -1; /* the bench sends small frames */
	if (!conn->waiting && !lws_partial_buffered(wsi)) {
		memcpy(out + LWS_PRE, in, n);
		return lws_write(wsi, out + LWS_PRE, n, LWS_WRITE_TEXT) < (int)n ? -1 : 0;
	}
	free(conn->waiting);
	conn->waiting = malloc(sizeof(*conn->waiting) + LWS_PRE + n);
	conn->waiting->n = n;
	memcpy(conn->waiting->p + LWS_PRE, in, n);
	lws_callback_on_writable(wsi);
	return 0;
}

static int on_writable(struct per_conn *conn, struct lws *wsi)
{
	struct waiting *waiting = conn->waiting;

	if (!waiting)
		return 0;
	conn->waiting = NULL;
	int rc = lws_write(wsi, waiting->p + LWS_PRE, waiting->n, LWS_WRITE_TEXT);
	bool ok = rc >= (int)waiting->n;
	free(waiting);
	return ok ? 0 : -1;
}

static int callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
		    size_t n)
{
	struct per_conn *conn = user;

	if (reason == LWS_CALLBACK_RECEIVE)
		return on_receive(conn, wsi, in, n);
	if (reason == LWS_CALLBACK_SERVER_WRITEABLE)
		return on_writable(conn, wsi);
	if (reason == LWS_CALLBACK_CLOSED)
		free(conn->waiting);
	return 0;
}

int main(void)
{
	static const struct lws_protocols protocols[] = {
		{ .name = "echo",
		  .callback = callback,
		  .per_session_data_size = sizeof(struct per_conn),
		  .rx_buffer_size = RX_BYTES,
		  .tx_packet_size = TX_BYTES },
		{ .name = NULL },
	};
	static const lws_retry_bo_t no_validity_checks = { .secs_since_valid_ping = 0 };
	uv_loop_t loop;
	void *loops[] = { &loop };
	struct lws_context_creation_info info = {
		.port = 0,
		.iface = "lo",
		.options = LWS_SERVER_OPTION_LIBUV | LWS_SERVER_OPTION_DISABLE_OS_CA_CERTS,
		.foreign_loops = loops,
		.protocols = protocols,
		.retry_and_idle_policy = &no_validity_checks,
		.gid = -1,
		.uid = -1,
	};

	kit_raise_files();
	lws_set_log_level(LLL_ERR, NULL);
	uv_loop_init(&loop);
	struct lws_context *context = lws_create_context(&info);
	if (!context)
		kit_fail("libwebsockets (is libwebsockets-evlib-uv installed?)");
	struct lws_vhost *vhost = lws_get_vhost_by_name(context, "default");
	printf("{\"port\":%d}\n", lws_get_vhost_listen_port(vhost));
	fflush(stdout);
	uv_run(&loop, UV_RUN_DEFAULT);
	return 0;
}
