/* SPDX-License-Identifier: Apache-2.0 */

/* Tickets. An anonymous customer needs an allowed origin, an agent a token or the cookie of a
 * login. An identity that is not taken stops nobody: the chat begins all the same, the answer
 * says why to whoever integrates Baton, and the conversation's log will have it.
 */

#include "channels/http/tickets.h"

#include "channels/http/answer.h"
#include "channels/http/login.h"
#include "channels/http/shown.h"
#include "core/base/errors.h"

#include <libwebsockets.h>
#include <stdio.h>

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

void baton_ticket_request_done(struct baton_ticket_request *ticket)
{
	baton_free(ticket->who);
	*ticket = (struct baton_ticket_request){ .who = NULL };
}

static void refuse(struct baton_listener *listener, struct lws *wsi,
		   const struct baton_request *request, unsigned status, int code)
{
	char headers[CORS_BYTES_MAX + 64];
	baton_str extra = { headers, 0 };

	/* The page must be able to read why. */
	if (request->origin[0])
		extra = cors_headers(headers, request->origin, false);
	if (code == BATON_E_RATE)
		extra.n += (size_t)snprintf(headers + extra.n, 32, "Retry-After: 60\r\n");
	(void)baton_answer_error(listener, wsi, status, code, extra);
}

bool baton_tickets_admit(struct baton_listener *listener, struct lws *wsi,
			 const struct baton_request *request, struct baton_ticket_request *ret)
{
	struct baton_identity identity = { .role = BATON_CUSTOMER };
	unsigned status;

	*ret = (struct baton_ticket_request){ .cors = request->origin[0] != '\0' };
	if (ret->cors && !origin_ok(listener, request)) {
		(void)baton_answer_error(listener, wsi, 403, BATON_E_ORIGIN, BATON_STR_NONE);
		return false;
	}
	int rc = 0;
	if (baton_login_claimed(wsi))
		rc = baton_login_agent(listener, wsi, request, &identity, &status, NULL);
	if (rc < 0) {
		refuse(listener, wsi, request, status, rc);
		return false;
	}
	(void)snprintf(identity.origin, sizeof(identity.origin), "%s", request->origin);
	ret->who = baton_who_new(&identity, BATON_STR_NONE);
	return true;
}

/* --- the ticket ---------------------------------------------------------------------------- */

static void put_identity(struct baton_buf *out, const struct baton_identity *identity,
			 const struct baton_identity_answer *answer)
{
	if (answer->refused[0]) {
		baton_buf_printf(out,
				 ",\"identity\":{\"refused\":\"%s\",\"hint\":", answer->refused);
		baton_buf_json(out, baton_str_of(answer->hint));
		baton_buf_z(out, "}");
	} else if (identity->customer[0]) {
		baton_buf_z(out, ",\"identity\":{\"customer\":");
		baton_buf_json(out, baton_str_of(identity->customer));
		baton_buf_z(out, "}");
	}
}

/* Reads who it is, if it is a customer. 0, or BATON_E_* with a sentence in `why->hint`. */
static int read_body(struct baton_listener *listener, baton_str body,
		     struct baton_identity *identity, struct baton_identity_answer *why)
{
	struct baton_arena arena = { 0 };
	struct baton_identity_shown shown;

	int rc = baton_shown_read(body, &arena, &shown, &why->hint);
	if (rc == 0)
		why->hint = "";
	if (rc == 0 && identity->role == BATON_CUSTOMER)
		*why = baton_port_customer(listener->port, &shown, identity);
	baton_arena_done(&arena);
	return rc;
}

int baton_tickets_answer(struct baton_listener *listener, struct lws *wsi,
			 const struct baton_ticket_request *ticket, baton_str body, bool close_it)
{
	char text[BATON_TICKET_TEXT + 1], headers[CORS_BYTES_MAX];
	struct baton_identity identity;
	struct baton_identity_answer why = { "", "" };
	struct baton_buf out = { NULL, 0, 0 };

	baton_who_identity(ticket->who, &identity);
	baton_str extra =
		ticket->cors ? cors_headers(headers, identity.origin, false) : BATON_STR_NONE;
	int rc = read_body(listener, body, &identity, &why);
	if (rc < 0)
		return baton_answer_refusal(listener, wsi, 400, rc, &why, extra);
	rc = baton_port_ticket_make(listener->port, &identity, text);
	if (rc < 0)
		return baton_answer_error(listener, wsi, 429, rc, extra);

	baton_buf_printf(&out, "{\"ticket\":\"%s\",\"expires_ms\":%d,\"role\":\"%s\"", text,
			 (int)BATON_TICKET_MS, baton_port_role_word(identity.role));
	put_identity(&out, &identity, &why);
	baton_buf_z(&out, "}\n");
	struct baton_answer answer = { .status = 201,
				       .type = "application/json",
				       .body = baton_buf_view(&out),
				       .headers = extra,
				       .close = close_it };
	rc = baton_answer(listener, wsi, &answer);
	baton_buf_done(&out);
	return rc;
}
