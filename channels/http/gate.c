/* SPDX-License-Identifier: Apache-2.0 */

/* The gate in front of every upgrade. It lets `websocket` on /v1/chat pass and nothing else: h2c
 * would lead into the HTTP/2 of libwebsockets 4.1.6, which can be corrupted from outside.
 *
 * Surprising: the callback's `in` may point into memory that is gone (a refused upgrade falls
 * through to it), so the header is copied out of libwebsockets' own table again.
 */

#include "channels/http/gate.h"

#include "channels/http/answer.h"
#include "channels/http/lws.h"
#include "channels/http/request.h"
#include "core/base/errors.h"

#include <libwebsockets.h>
#include <strings.h>

#define TICKET_PREFIX "btn."
enum { PROTOCOLS_BYTES = 128, KEY_BYTES = 24 };

struct offer {
	bool speaks_baton;
	baton_str ticket;
};

static baton_str trim(baton_str s)
{
	while (s.n > 0 && (s.p[0] == ' ' || s.p[0] == '\t'))
		s = (baton_str){ s.p + 1, s.n - 1 };
	while (s.n > 0 && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
		s.n--;
	return s;
}

/* False if a name is one that libwebsockets would bind to something else than the chat. */
static bool take_name(baton_str name, struct offer *ret)
{
	const size_t prefix = sizeof(TICKET_PREFIX) - 1;

	if (baton_str_is(name, BATON_SUBPROTOCOL))
		ret->speaks_baton = true;
	else if (name.n > prefix && memcmp(name.p, TICKET_PREFIX, prefix) == 0)
		ret->ticket = (baton_str){ name.p + prefix, name.n - prefix };
	else
		return !baton_str_is(name, "http");
	return true;
}

/* Reads `Sec-WebSocket-Protocol`; views into `list`. */
static bool read_offer(baton_str list, struct offer *ret)
{
	*ret = (struct offer){ 0 };
	while (list.n > 0) {
		const char *comma = memchr(list.p, ',', list.n);
		size_t n = comma ? (size_t)(comma - list.p) : list.n;
		if (!take_name(trim((baton_str){ list.p, n }), ret))
			return false;
		n += comma ? 1 : 0;
		list = (baton_str){ list.p + n, list.n - n };
	}
	return ret->speaks_baton;
}

static int refuse(struct baton_listener *listener, struct lws *wsi, unsigned status, int code)
{
	baton_listener_count(listener, BATON_METRIC_HANDSHAKES_REFUSED);
	(void)baton_answer_error(listener, wsi, status, code,
				 status == 426 ? BATON_STR("Sec-WebSocket-Version: 13\r\n")
					       : BATON_STR_NONE);
	return -1;
}

/* The parts of the handshake that libwebsockets does not check. 0, or the status to refuse with. */
static unsigned check_handshake(struct lws *wsi, const struct baton_request *request)
{
	char text[64];

	if (!baton_request_header(wsi, WSI_TOKEN_UPGRADE, text, sizeof(text)) ||
	    strcasecmp(text, "websocket") != 0)
		return 403;
	if (strcmp(request->path, "/v1/chat") != 0)
		return 404;
	if (request->method != BATON_METHOD_GET || request->http10 || request->body_bytes > 0)
		return 400;
	if (!baton_request_header(wsi, WSI_TOKEN_VERSION, text, sizeof(text)) ||
	    strcmp(text, "13") != 0)
		return 426;
	if (!baton_request_header(wsi, WSI_TOKEN_KEY, text, sizeof(text)) ||
	    strlen(text) != KEY_BYTES)
		return 400;
	return 0;
}

/* An identity is kilobytes long, nearly all of it unused: it is filled in where it lies, once. */
static int take_ticket(struct baton_listener *listener, baton_str ticket,
		       const struct baton_request *request, struct baton_upgrade *ret)
{
	int rc = 0;

	ret->known = ticket.n > 0;
	if (ret->known)
		rc = baton_port_ticket_take(listener->port, ticket, baton_str_of(request->origin),
					    &ret->identity);
	else
		ret->identity = (struct baton_identity){ .role = BATON_CUSTOMER };
	memcpy(ret->identity.origin, request->origin, sizeof(ret->identity.origin));
	return rc;
}

int baton_gate(struct baton_listener *listener, struct lws *wsi)
{
	char list[PROTOCOLS_BYTES];
	struct baton_request request;
	struct baton_upgrade upgrade;
	struct offer offer;

	/* A refused upgrade that lws answered itself has no headers any more. */
	if (lws_hdr_total_length(wsi, WSI_TOKEN_UPGRADE) == 0)
		return -1;
	unsigned status = baton_request_read(wsi, &request);
	if (status == 0)
		status = check_handshake(wsi, &request);
	if (status != 0)
		return refuse(listener, wsi, status,
			      status == 404 ? BATON_E_NOTFOUND : BATON_E_INVAL);
	if (!baton_request_header(wsi, WSI_TOKEN_PROTOCOL, list, sizeof(list)) ||
	    !read_offer(baton_str_of(list), &offer))
		return refuse(listener, wsi, 400, BATON_E_UNSUPPORTED);
	if (baton_port_draining(listener->port))
		return refuse(listener, wsi, 503, BATON_E_CLOSED);
	if (request.origin[0] && !baton_port_origin_ok(listener->port, baton_str_of(request.origin),
						       baton_str_of(request.host)))
		return refuse(listener, wsi, 403, BATON_E_ORIGIN);

	int rc = take_ticket(listener, offer.ticket, &request, &upgrade);
	if (rc < 0)
		return refuse(listener, wsi, rc == BATON_E_ORIGIN ? 403 : 401, rc);

	struct baton_peer *peer = listener->ws->accept(listener->ws_ud, wsi, &upgrade);
	if (!peer)
		return refuse(listener, wsi, 503, BATON_E_AGAIN);
	lws_set_opaque_user_data(wsi, peer);
	return 0;
}
