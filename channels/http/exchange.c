/* SPDX-License-Identifier: Apache-2.0 */

/* Routes requests. The table below is everything this server answers, the web files apart; what is
 * not in it is 404, a known path with another method 405, and a body where none belongs is refused
 * before it is read. Every path through begin() ends in an answer or a close: libwebsockets would
 * leave the client hanging otherwise.
 */

#include "channels/http/exchange.h"

#include "channels/http/answer.h"
#include "channels/http/demo.h"
#include "channels/http/files.h"
#include "channels/http/health.h"
#include "channels/http/incoming.h"
#include "channels/http/login.h"
#include "channels/http/outgoing.h"
#include "channels/http/request.h"
#include "channels/http/tickets.h"
#include "core/base/errors.h"

#include <libwebsockets.h>
#include <stdio.h>

enum { SEND_SECONDS = 20 /* for a peer to take one step of a file */ };
enum { GET = BATON_METHOD_GET | BATON_METHOD_HEAD };
#define BODY_NS ((uint64_t)5 * 1000 * 1000 * 1000) /* for all of a body, however it drips */

struct route;

struct exchange {
	struct baton_peer peer;
	const struct route *route;          /* waiting for its body */
	struct baton_ticket_request ticket; /* ... what the head said */
	struct baton_buf body;
	uint64_t begun_ns;
	const struct baton_web_file *file; /* being sent */
	size_t sent;
};

static struct exchange *exchange_of(struct lws *wsi)
{
	struct exchange *exchange = lws_get_opaque_user_data(wsi);

	return exchange && exchange->peer.kind == BATON_PEER_HTTP ? exchange : NULL;
}

static struct exchange *exchange_new(struct lws *wsi)
{
	struct exchange *exchange = baton_new(struct exchange);

	exchange->peer.kind = BATON_PEER_HTTP;
	lws_set_opaque_user_data(wsi, exchange);
	return exchange;
}

static void exchange_free(struct exchange *exchange)
{
	baton_buf_done(&exchange->body);
	baton_ticket_request_done(&exchange->ticket);
	baton_free(exchange);
}

void baton_exchange_gone(struct baton_peer *peer)
{
	if (peer->kind == BATON_PEER_UPLOAD) {
		baton_incoming_gone(peer);
		return;
	}
	if (peer->kind == BATON_PEER_STREAM) {
		baton_outgoing_gone(peer);
		return;
	}
	void *whole = peer; /* the peer is an exchange's first member */

	exchange_free(whole);
}

/* The answer is complete: the connection may carry another request. */
static void exchange_end(struct lws *wsi)
{
	struct exchange *exchange = exchange_of(wsi);

	lws_set_opaque_user_data(wsi, NULL);
	exchange_free(exchange);
}

/* --- routes -------------------------------------------------------------------------------- */

static int route_chat(struct baton_listener *listener, struct lws *wsi,
		      const struct baton_request *request)
{
	(void)request;
	return baton_answer_error(listener, wsi, 426, BATON_E_INVAL,
				  BATON_STR("Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"));
}

/* A page's folder without its slash: relative links would miss. */
static int route_slash(struct baton_listener *listener, struct lws *wsi,
		       const struct baton_request *request)
{
	char headers[64];
	int n = snprintf(headers, sizeof(headers), "Location: %s/\r\n", request->path);
	struct baton_answer answer = { .status = 308, .headers = { headers, (size_t)n } };

	return baton_answer(listener, wsi, &answer);
}

/* A request is answered by `fn` at once; or, if it is a POST with a body to come, admitted by its
 * head and answered when the body is there. */
static const struct route {
	const char *path;
	unsigned methods;
	const char *allow;
	int (*fn)(struct baton_listener *listener, struct lws *wsi,
		  const struct baton_request *request);
	bool (*admit)(struct baton_listener *listener, struct lws *wsi,
		      const struct baton_request *request, struct baton_ticket_request *ret);
	int (*body)(struct baton_listener *listener, struct lws *wsi,
		    const struct baton_ticket_request *ticket, baton_str body, bool close_it);
} routes[] = {
	{ "/livez", GET, "GET, HEAD", baton_health_live, NULL, NULL },
	{ "/readyz", GET, "GET, HEAD", baton_health_ready, NULL, NULL },
	{ "/metrics", GET, "GET, HEAD", baton_health_metrics, NULL, NULL },
	{ "/v1/tickets", BATON_METHOD_POST | BATON_METHOD_OPTIONS, "POST, OPTIONS",
	  baton_tickets_preflight, baton_tickets_admit, baton_tickets_answer },
	{ "/v1/login", BATON_METHOD_POST, "POST", NULL, baton_login_admit, baton_login_answer },
	{ "/v1/logout", BATON_METHOD_POST, "POST", baton_login_out, NULL, NULL },
	{ "/v1/me", BATON_METHOD_GET, "GET", baton_login_me, NULL, NULL },
	{ "/v1/chat", BATON_METHOD_GET, "GET", route_chat, NULL, NULL },
	{ "/v1/demo", GET, "GET, HEAD", baton_demo_look, NULL, NULL },
	{ "/v1/demo/model/off", BATON_METHOD_POST, "POST", baton_demo_off, NULL, NULL },
	{ "/v1/demo/vera", BATON_METHOD_POST, "POST", baton_demo_vera, NULL, NULL },
	{ "/v1/demo/model/on", BATON_METHOD_POST, "POST", baton_demo_on, NULL, NULL },
	{ "/shop", GET, "GET, HEAD", route_slash, NULL, NULL },
	{ "/console", GET, "GET, HEAD", route_slash, NULL, NULL },
	{ "/admin", GET, "GET, HEAD", route_slash, NULL, NULL },
};

static int route_body(struct baton_listener *listener, struct lws *wsi, const struct route *route,
		      const struct baton_request *request)
{
	struct baton_ticket_request ticket;

	if (!route->admit(listener, wsi, request, &ticket))
		return -1;
	if (!request->has_length) { /* libwebsockets would wait for a body that is not announced */
		int rc = route->body(listener, wsi, &ticket, BATON_STR_NONE, true);
		baton_ticket_request_done(&ticket);
		return rc;
	}
	struct exchange *exchange = exchange_new(wsi);
	exchange->route = route;
	exchange->ticket = ticket;
	exchange->begun_ns = baton_loop_now_ns(baton_port_loop(listener->port));
	return 0;
}

static int wrong_method(struct baton_listener *listener, struct lws *wsi, const char *allow)
{
	char headers[64];
	int n = snprintf(headers, sizeof(headers), "Allow: %s\r\n", allow);

	return baton_answer_error(listener, wsi, 405, BATON_E_UNSUPPORTED,
				  (baton_str){ headers, (size_t)n });
}

/* Browsers name what they read as a list, "gzip, deflate, br"; who weighs it with "q=" gets it plain. */
static bool reads_gzip(struct lws *wsi)
{
	char list[128];

	return baton_request_header(wsi, WSI_TOKEN_HTTP_ACCEPT_ENCODING, list, sizeof(list)) &&
	       strstr(list, "gzip") && !strstr(list, "q=");
}

static int answer_file(struct baton_listener *listener, struct lws *wsi,
		       const struct baton_request *request, const struct baton_web_file *file)
{
	const struct baton_web_file *gzip = baton_web_gzip(&listener->web, file);
	const char *how = gzip ? "Vary: Accept-Encoding\r\n" : "";
	char known[64], headers[320];

	if (!(request->method & (BATON_METHOD_GET | BATON_METHOD_HEAD)))
		return wrong_method(listener, wsi, "GET, HEAD");
	if (gzip && reads_gzip(wsi)) {
		file = gzip;
		how = "Vary: Accept-Encoding\r\nContent-Encoding: gzip\r\n";
	}

	bool same = baton_request_header(wsi, WSI_TOKEN_HTTP_IF_NONE_MATCH, known, sizeof(known)) &&
		    strcmp(known, file->etag) == 0;
	/* The widget is a module that pages of any origin load; everything else is for our own. */
	int n = snprintf(headers, sizeof(headers), "ETag: %s\r\nCache-Control: %s\r\n%s%s",
			 file->etag, file->is_widget ? "public, max-age=300" : "no-cache",
			 file->is_widget ? "Access-Control-Allow-Origin: *\r\n"
					   "Cross-Origin-Resource-Policy: cross-origin\r\n"
					 : "",
			 how);
	struct baton_answer answer = {
		.status = same ? 304 : 200,
		.type = same ? NULL : file->type,
		.body = same ? BATON_STR_NONE : baton_buf_view(&file->body),
		.headers = { headers, (size_t)n },
		.cacheable = true,
		.head = request->method == BATON_METHOD_HEAD,
		.file = file,
	};
	return baton_answer(listener, wsi, &answer);
}

static const struct route *route_of(const char *path)
{
	for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++)
		if (strcmp(path, routes[i].path) == 0)
			return &routes[i];
	return NULL;
}

static int refuse(struct baton_listener *listener, struct lws *wsi, unsigned status)
{
	int code = status == 413 || status == 414   ? BATON_E_TOO_BIG
		   : status == 501 || status == 505 ? BATON_E_UNSUPPORTED
						    : BATON_E_INVAL;

	return baton_answer_error(listener, wsi, status, code, BATON_STR_NONE);
}

int baton_exchange_begin(struct baton_listener *listener, struct lws *wsi, baton_str path)
{
	struct baton_request request;

	(void)path;
	unsigned status = baton_request_read(wsi, &request);
	if (status != 0)
		return refuse(listener, wsi, status);

	if (baton_files_route(request.path)) /* with bodies and methods of its own */
		return baton_files_begin(listener, wsi, &request);
	const struct route *route = route_of(request.path);
	bool takes_body = route && route->body && request.method == BATON_METHOD_POST;
	if (request.body_bytes > (takes_body ? BATON_HTTP_BODY_BYTES_MAX : 0))
		return refuse(listener, wsi, 413);
	if (route && !(route->methods & request.method))
		return wrong_method(listener, wsi, route->allow);
	if (takes_body)
		return route_body(listener, wsi, route, &request);
	if (route)
		return route->fn(listener, wsi, &request);

	const struct baton_web_file *file =
		baton_web_find(&listener->web, baton_str_of(request.path));
	if (file)
		return answer_file(listener, wsi, &request, file);
	return baton_answer_error(listener, wsi, 404, BATON_E_NOTFOUND, BATON_STR_NONE);
}

/* --- bodies -------------------------------------------------------------------------------- */

int baton_exchange_body(struct baton_listener *listener, struct lws *wsi, baton_str piece)
{
	struct exchange *exchange = exchange_of(wsi);

	if (baton_incoming_is(wsi))
		return baton_incoming_body(wsi, piece);
	if (!exchange || exchange->body.n + piece.n > BATON_HTTP_BODY_BYTES_MAX ||
	    baton_loop_now_ns(baton_port_loop(listener->port)) - exchange->begun_ns > BODY_NS)
		return -1;
	baton_buf_str(&exchange->body, piece);
	return 0;
}

int baton_exchange_body_end(struct baton_listener *listener, struct lws *wsi)
{
	struct exchange *exchange = exchange_of(wsi);
	if (baton_incoming_is(wsi))
		return baton_incoming_end(wsi);
	if (!exchange || !exchange->route)
		return -1;

	/* The exchange ends before the answer is written: writing may end the connection. */
	const struct route *route = exchange->route;
	struct baton_ticket_request ticket = exchange->ticket;
	struct baton_buf body = exchange->body;
	exchange->body = (struct baton_buf){ 0 };
	exchange->ticket = (struct baton_ticket_request){ .who = NULL };
	exchange_end(wsi);
	int rc = route->body(listener, wsi, &ticket, baton_buf_view(&body), false);
	baton_ticket_request_done(&ticket);
	baton_buf_done(&body);
	return rc;
}

/* --- files --------------------------------------------------------------------------------- */

int baton_exchange_send(struct baton_listener *listener, struct lws *wsi,
			const struct baton_web_file *file)
{
	(void)listener;
	exchange_new(wsi)->file = file;
	lws_set_timeout(wsi, PENDING_TIMEOUT_HTTP_CONTENT, SEND_SECONDS);
	lws_callback_on_writable(wsi);
	return 0;
}

int baton_exchange_writable(struct baton_listener *listener, struct lws *wsi)
{
	struct exchange *exchange = exchange_of(wsi);
	if (baton_incoming_is(wsi))
		return baton_incoming_writable(wsi);
	if (baton_outgoing_is(wsi))
		return baton_outgoing_writable(wsi);
	if (!exchange || !exchange->file)
		return 0;

	size_t left = exchange->file->body.n - exchange->sent;
	size_t n = left < BATON_ANSWER_STEP_BYTES ? left : BATON_ANSWER_STEP_BYTES;
	struct baton_buf *out = &listener->out;
	baton_buf_reset(out);
	baton_buf_room(out, LWS_PRE);
	out->n = LWS_PRE;
	baton_buf_add(out, exchange->file->body.p + exchange->sent, n);
	if (lws_write(wsi, (unsigned char *)out->p + LWS_PRE, n, LWS_WRITE_HTTP) < (int)n)
		return -1;

	exchange->sent += n;
	if (exchange->sent < exchange->file->body.n) {
		lws_set_timeout(wsi, PENDING_TIMEOUT_HTTP_CONTENT, SEND_SECONDS);
		lws_callback_on_writable(wsi);
		return 0;
	}
	exchange_end(wsi);
	return lws_http_transaction_completed(wsi) ? -1 : 0;
}
