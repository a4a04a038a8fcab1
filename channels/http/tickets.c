/* SPDX-License-Identifier: Apache-2.0 */

/* Tickets. An anonymous customer needs an allowed origin; an agent a token. Guessing tokens is
 * slowed down per address.
 *
 * Surprising: the table of failed guesses is the one thing here that all workers share, because the
 * kernel spreads one attacker's connections over all of them. It is touched only by requests that
 * carry a token. Behind a proxy all clients have the proxy's address.
 */

#include "channels/http/tickets.h"

#include "channels/http/answer.h"
#include "core/base/errors.h"
#include "core/base/json.h"

#include <libwebsockets.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <xxhash.h>

enum { GUESSES_PER_MINUTE = 5, ADDRESSES = 1024, TOKEN_BYTES_MAX = 512 };
#define MINUTE_NS ((uint64_t)60 * 1000 * 1000 * 1000)

/* --- guesses ------------------------------------------------------------------------------- */

/* One slot per hash of an address: two addresses may share one, and then share its five guesses. */
static struct {
	pthread_mutex_t lock;
	struct {
		uint64_t since_ns;
		unsigned failed;
	} slots[ADDRESSES];
} guesses = { .lock = PTHREAD_MUTEX_INITIALIZER };

static size_t address_slot(struct lws *wsi)
{
	struct sockaddr_storage address = { 0 };
	socklen_t n = sizeof(address);
	const void *p = &((struct sockaddr_in *)&address)->sin_addr;
	size_t bytes = sizeof(struct in_addr);

	if (getpeername(lws_get_socket_fd(wsi), (struct sockaddr *)&address, &n) < 0)
		return 0;
	if (address.ss_family == AF_INET6) { /* one subscriber has a /64 */
		p = &((struct sockaddr_in6 *)&address)->sin6_addr;
		bytes = 8;
	}
	return (size_t)(XXH3_64bits(p, bytes) % ADDRESSES);
}

/* Counts `failed` guesses more; false if the address has had its share. */
static bool may_guess(size_t slot, uint64_t now_ns, unsigned failed)
{
	pthread_mutex_lock(&guesses.lock);
	if (now_ns - guesses.slots[slot].since_ns > MINUTE_NS) {
		guesses.slots[slot].since_ns = now_ns;
		guesses.slots[slot].failed = 0;
	}
	guesses.slots[slot].failed += failed;
	bool ok = guesses.slots[slot].failed < GUESSES_PER_MINUTE;
	pthread_mutex_unlock(&guesses.lock);
	return ok;
}

/* --- headers for pages of other origins ---------------------------------------------------- */

enum { CORS_BYTES_MAX = 400 };

static baton_str cors_headers(char p[CORS_BYTES_MAX], const char *origin, bool preflight)
{
	int n = snprintf(p, CORS_BYTES_MAX, "Access-Control-Allow-Origin: %s\r\nVary: Origin\r\n%s",
			 origin,
			 preflight ? "Access-Control-Allow-Methods: POST\r\n"
				     "Access-Control-Allow-Headers: authorization, content-type\r\n"
				     "Access-Control-Max-Age: 600\r\n"
				   : "");

	return (baton_str){ p, (size_t)n };
}

static bool origin_ok(struct baton_listener *listener, const struct baton_request *request)
{
	return baton_port_origin_ok(listener->port, baton_str_of(request->origin),
				    baton_str_of(request->host));
}

int baton_tickets_preflight(struct baton_listener *listener, struct lws *wsi,
			    const struct baton_request *request)
{
	char headers[CORS_BYTES_MAX];

	if (request->origin[0] == '\0' || !origin_ok(listener, request))
		return baton_answer_error(listener, wsi, 403, BATON_E_ORIGIN, BATON_STR_NONE);

	struct baton_answer answer = { .status = 204,
				       .headers = cors_headers(headers, request->origin, true) };
	return baton_answer(listener, wsi, &answer);
}

/* --- who asks ------------------------------------------------------------------------------ */

/* 0 and the identity; or a BATON_E_* and the status to refuse with. */
static int identify(struct baton_listener *listener, struct lws *wsi, unsigned *ret_status,
		    struct baton_identity *ret)
{
	char header[TOKEN_BYTES_MAX + 8];

	if (lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_AUTHORIZATION) == 0) {
		ret->role = BATON_CUSTOMER;
		return 0;
	}

	uint64_t now_ns = baton_loop_now_ns(baton_port_loop(listener->port));
	size_t slot = address_slot(wsi);
	*ret_status = 429;
	if (!may_guess(slot, now_ns, 0))
		return BATON_E_RATE;

	*ret_status = 401;
	int rc = BATON_E_AUTH;
	if (baton_request_header(wsi, WSI_TOKEN_HTTP_AUTHORIZATION, header, sizeof(header)) &&
	    strncasecmp(header, "Bearer ", 7) == 0)
		rc = baton_port_agent_token(listener->port, baton_str_of(header + 7), ret);
	if (rc < 0)
		(void)may_guess(slot, now_ns, 1);
	return rc;
}

bool baton_tickets_admit(struct baton_listener *listener, struct lws *wsi,
			 const struct baton_request *request, struct baton_ticket_request *ret)
{
	char headers[CORS_BYTES_MAX + 64];
	unsigned status = 403;

	*ret = (struct baton_ticket_request){ .cors = request->origin[0] != '\0' };
	if (ret->cors && !origin_ok(listener, request)) {
		(void)baton_answer_error(listener, wsi, status, BATON_E_ORIGIN, BATON_STR_NONE);
		return false;
	}
	int rc = identify(listener, wsi, &status, &ret->identity);
	(void)snprintf(ret->identity.origin, sizeof(ret->identity.origin), "%s", request->origin);
	if (rc == 0)
		return true;

	/* The page must be able to read why. */
	baton_str extra =
		ret->cors ? cors_headers(headers, request->origin, false) : BATON_STR_NONE;
	if (rc == BATON_E_RATE) {
		if (!ret->cors)
			extra = (baton_str){ headers, 0 };
		extra.n += (size_t)snprintf(headers + extra.n, 32, "Retry-After: 60\r\n");
	}
	(void)baton_answer_error(listener, wsi, status, rc, extra);
	return false;
}

/* --- the ticket ---------------------------------------------------------------------------- */

static bool body_ok(baton_str body)
{
	struct baton_json json;

	if (body.n == 0)
		return true;
	return baton_json_parse(body, &json) == 0 && json.type == BATON_JSON_OBJECT;
}

static const char *role_name(enum baton_role role)
{
	return role == BATON_AGENT ? "agent" : role == BATON_SUPERVISOR ? "supervisor" : "customer";
}

int baton_tickets_answer(struct baton_listener *listener, struct lws *wsi,
			 const struct baton_ticket_request *ticket, baton_str body, bool close_it)
{
	char text[BATON_TICKET_TEXT + 1], headers[CORS_BYTES_MAX], json[160];
	baton_str extra = ticket->cors ? cors_headers(headers, ticket->identity.origin, false)
				       : BATON_STR_NONE;

	if (!body_ok(body))
		return baton_answer_error(listener, wsi, 400, BATON_E_JSON, extra);
	int rc = baton_port_ticket_make(listener->port, &ticket->identity, text);
	if (rc < 0)
		return baton_answer_error(listener, wsi, 429, rc, extra);

	int n = snprintf(json, sizeof(json),
			 "{\"ticket\":\"%s\",\"expires_ms\":%d,\"role\":\"%s\"}\n", text,
			 (int)BATON_TICKET_MS, role_name(ticket->identity.role));
	struct baton_answer answer = { .status = 201,
				       .type = "application/json",
				       .body = { json, (size_t)n },
				       .headers = extra,
				       .close = close_it };
	return baton_answer(listener, wsi, &answer);
}
