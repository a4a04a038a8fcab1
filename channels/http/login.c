/* SPDX-License-Identifier: Apache-2.0 */

/* Surprising: a page of another origin cannot set X-Baton without asking first (a preflight), and
 * is told no; SameSite keeps the cookie from it besides. Either would do; a browser that lacks
 * one of them is why there are both, and Origin a third. */

#include "channels/http/login.h"

#include "channels/http/answer.h"
#include "channels/http/guesses.h"
#include "core/base/errors.h"
#include "core/base/json.h"

#include <libwebsockets.h>
#include <stdio.h>
#include <strings.h>

#define COOKIE "__Host-baton"
#define COOKIE_IS "; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age="
enum { BEARER_BYTES_MAX = 4096 + 8, COOKIES_BYTES_MAX = 4096, COOKIE_HEADER_MAX = 400 };

/* --- what a request shows --- */

static bool says_baton(struct lws *wsi)
{
	char value[4];
	static const char name[] = "x-baton:";

	return lws_hdr_custom_length(wsi, name, sizeof(name) - 1) == 1 &&
	       lws_hdr_custom_copy(wsi, value, sizeof(value), name, sizeof(name) - 1) == 1 &&
	       value[0] == '1';
}

static bool has_bearer(struct lws *wsi)
{
	return lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_AUTHORIZATION) > 0;
}

bool baton_login_claimed(struct lws *wsi)
{
	return has_bearer(wsi) || says_baton(wsi);
}

static bool is_self(const struct baton_request *request)
{
	return baton_port_origin_self(baton_str_of(request->origin), baton_str_of(request->host));
}

/* The value of our cookie, a view into `cookies`; "" if there is none. */
static baton_str find_cookie(const char *cookies)
{
	const size_t n = sizeof(COOKIE) - 1;

	for (const char *at = cookies; *at; at += strcspn(at, ";"), at += *at == ';') {
		at += strspn(at, " ");
		if (strncmp(at, COOKIE "=", n + 1) == 0)
			return (baton_str){ at + n + 1, strcspn(at + n + 1, "; ") };
	}
	return BATON_STR("");
}

/* --- who it is --- */

/* A token of desk.yaml, or one that somebody has signed: it has dots. */
static int by_token(struct baton_listener *listener, baton_str token, struct baton_identity *ret,
		    struct baton_identity_answer *answer)
{
	int rc = baton_port_agent_token(listener->port, token, ret);

	if (rc < 0 && token.n > 0 && memchr(token.p, '.', token.n))
		rc = baton_port_agent_jwt(listener->port, token, ret, answer);
	return rc;
}

static int by_bearer(struct baton_listener *listener, struct lws *wsi, struct baton_identity *ret)
{
	char header[BEARER_BYTES_MAX];
	struct baton_identity_answer answer;

	if (!baton_guess_may(listener, wsi, 0))
		return BATON_E_RATE;
	int rc = BATON_E_AUTH;
	if (baton_request_header(wsi, WSI_TOKEN_HTTP_AUTHORIZATION, header, sizeof(header)) &&
	    strncasecmp(header, "Bearer ", 7) == 0)
		rc = by_token(listener, baton_str_of(header + 7), ret, &answer);
	if (rc < 0)
		(void)baton_guess_may(listener, wsi, 1);
	return rc;
}

static int by_cookie(struct baton_listener *listener, struct lws *wsi,
		     const struct baton_request *request, struct baton_identity *ret,
		     uint64_t *ret_expires_ms)
{
	char cookies[COOKIES_BYTES_MAX];
	bool only_reads = request->method & (BATON_METHOD_GET | BATON_METHOD_HEAD);

	if (request->origin[0] ? !is_self(request) : !only_reads)
		return BATON_E_ORIGIN;
	if (!only_reads && !says_baton(wsi))
		return BATON_E_ORIGIN;
	if (!baton_request_header(wsi, WSI_TOKEN_HTTP_COOKIE, cookies, sizeof(cookies)))
		return BATON_E_AUTH;
	return baton_port_login_check(listener->port, find_cookie(cookies), ret, ret_expires_ms);
}

int baton_login_agent(struct baton_listener *listener, struct lws *wsi,
		      const struct baton_request *request, struct baton_identity *ret,
		      unsigned *ret_status, uint64_t *ret_expires_ms)
{
	uint64_t expires_ms = 0;
	int rc = has_bearer(wsi) ? by_bearer(listener, wsi, ret)
				 : by_cookie(listener, wsi, request, ret, &expires_ms);

	*ret_status = rc == BATON_E_RATE ? 429 : rc == BATON_E_ORIGIN ? 403 : 401;
	if (ret_expires_ms)
		*ret_expires_ms = expires_ms;
	return rc;
}

/* --- answers --- */

static void put_agent(struct baton_buf *out, const struct baton_identity *who, uint64_t expires_ms)
{
	baton_buf_z(out, "{\"agent\":");
	baton_buf_json(out, baton_str_of(who->agent));
	baton_buf_z(out, ",\"name\":");
	baton_buf_json(out, baton_str_of(who->agent_name));
	baton_buf_printf(out, ",\"role\":\"%s\"", baton_port_role_word(who->role));
	if (expires_ms > 0)
		baton_buf_printf(out, ",\"expires_ms\":%llu", (unsigned long long)expires_ms);
	baton_buf_z(out, "}\n");
}

static int answer_agent(struct baton_listener *listener, struct lws *wsi,
			const struct baton_identity *who, uint64_t expires_ms, baton_str headers)
{
	struct baton_buf body = { NULL, 0, 0 };

	put_agent(&body, who, expires_ms);
	struct baton_answer answer = { .status = 200,
				       .type = "application/json",
				       .body = baton_buf_view(&body),
				       .headers = headers };
	int rc = baton_answer(listener, wsi, &answer);
	baton_buf_done(&body);
	return rc;
}

static int answer_refused(struct baton_listener *listener, struct lws *wsi, unsigned status,
			  int code)
{
	return baton_answer_error(listener, wsi, status, code,
				  code == BATON_E_RATE ? BATON_STR("Retry-After: 60\r\n")
						       : BATON_STR_NONE);
}

bool baton_login_admit(struct baton_listener *listener, struct lws *wsi,
		       const struct baton_request *request, struct baton_ticket_request *ret)
{
	*ret = (struct baton_ticket_request){ .who = NULL };
	if (request->origin[0] && !is_self(request))
		(void)answer_refused(listener, wsi, 403, BATON_E_ORIGIN);
	else if (!baton_guess_may(listener, wsi, 0))
		(void)answer_refused(listener, wsi, 429, BATON_E_RATE);
	else
		return true;
	return false;
}

/* {"token"} or {"jwt"}, and not both. */
static int read_login(struct baton_listener *listener, baton_str body, struct baton_identity *ret,
		      struct baton_identity_answer *answer)
{
	struct baton_arena arena = { 0 };
	struct baton_json json;

	if (baton_json_parse(body, &json) < 0 || json.type != BATON_JSON_OBJECT)
		return BATON_E_JSON;
	struct baton_json token = baton_json_get(&json, "token"),
			  jwt = baton_json_get(&json, "jwt");
	int rc = BATON_E_INVAL;
	if (token.type == BATON_JSON_STRING && jwt.type == BATON_JSON_NONE)
		rc = baton_port_agent_token(listener->port, baton_json_text(&token, &arena), ret);
	else if (jwt.type == BATON_JSON_STRING && token.type == BATON_JSON_NONE)
		rc = baton_port_agent_jwt(listener->port, baton_json_text(&jwt, &arena), ret,
					  answer);
	baton_arena_done(&arena);
	return rc;
}

int baton_login_answer(struct baton_listener *listener, struct lws *wsi,
		       const struct baton_ticket_request *ticket, baton_str body, bool close_it)
{
	char text[BATON_LOGIN_TEXT_MAX + 1], headers[COOKIE_HEADER_MAX];
	struct baton_identity who = { .role = BATON_CUSTOMER };
	struct baton_identity_answer why = { "", "" };
	uint64_t expires_ms = 0;

	(void)ticket;
	(void)close_it;
	int rc = read_login(listener, body, &who, &why);
	if (rc == 0)
		rc = baton_port_login_make(listener->port, &who, text, &expires_ms);
	if (rc == BATON_E_AUTH)
		(void)baton_guess_may(listener, wsi, 1);
	if (rc < 0)
		return baton_answer_refusal(listener, wsi, rc == BATON_E_AUTH ? 401 : 400, rc, &why,
					    BATON_STR_NONE);

	uint64_t now_ms = baton_loop_unix_ms();
	int n = snprintf(
		headers, sizeof(headers), "Set-Cookie: " COOKIE "=%s" COOKIE_IS "%llu\r\n", text,
		(unsigned long long)(expires_ms > now_ms ? expires_ms - now_ms : 0) / 1000);
	return answer_agent(listener, wsi, &who, expires_ms, (baton_str){ headers, (size_t)n });
}

int baton_login_out(struct baton_listener *listener, struct lws *wsi,
		    const struct baton_request *request)
{
	if (request->origin[0] && !is_self(request))
		return answer_refused(listener, wsi, 403, BATON_E_ORIGIN);

	struct baton_answer answer = {
		.status = 204,
		.headers = BATON_STR("Set-Cookie: " COOKIE "=" COOKIE_IS "0\r\n"),
		.close = true,
	};
	return baton_answer(listener, wsi, &answer);
}

int baton_login_me(struct baton_listener *listener, struct lws *wsi,
		   const struct baton_request *request)
{
	struct baton_identity who = { .role = BATON_CUSTOMER };
	uint64_t expires_ms;
	unsigned status;

	int rc = baton_login_agent(listener, wsi, request, &who, &status, &expires_ms);
	if (rc < 0)
		return answer_refused(listener, wsi, status, rc);
	return answer_agent(listener, wsi, &who, expires_ms, BATON_STR_NONE);
}
