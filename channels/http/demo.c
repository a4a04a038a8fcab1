/* SPDX-License-Identifier: Apache-2.0 */

/* Whoever can reach a demonstration may play with it, but no page of somebody else's may do it
 * through their browser: the Origin has to be ours, and ours by a name that no foreign DNS can
 * point here, which is an address or `localhost`.
 */

#include "channels/http/demo.h"

#include "channels/http/answer.h"
#include "core/base/errors.h"

#include <libwebsockets.h>
#include <stdio.h>
#include <string.h>

/* "127.0.0.1:7070", "[::1]:7070", "localhost:7070": an address is not a name. */
static bool is_address(const char *host)
{
	size_t n = strcspn(host, ":");

	if (host[0] == '[')
		return true;
	return (n == strlen("localhost") && strncmp(host, "localhost", n) == 0) ||
	       (n > 0 && strspn(host, "0123456789.") == n);
}

static bool is_ours(const struct baton_request *request)
{
	char origin[sizeof(request->host) + 8];

	snprintf(origin, sizeof(origin), "http://%s", request->host);
	return is_address(request->host) && strcmp(request->origin, origin) == 0;
}

static int answer_json(struct baton_listener *listener, struct lws *wsi,
		       const struct baton_request *request,
		       int (*make)(struct baton_port *port, struct baton_buf *out))
{
	struct baton_buf json = { NULL, 0, 0 };

	int rc = make(listener->port, &json);
	if (rc < 0)
		return baton_answer_error(listener, wsi, 404, rc, BATON_STR_NONE);
	struct baton_answer answer = { .status = 200,
				       .type = "application/json",
				       .body = baton_buf_view(&json),
				       .head = request->method == BATON_METHOD_HEAD };
	rc = baton_answer(listener, wsi, &answer);
	baton_buf_done(&json);
	return rc;
}

int baton_demo_look(struct baton_listener *listener, struct lws *wsi,
		    const struct baton_request *request)
{
	if (!is_address(request->host))
		return baton_answer_error(listener, wsi, 404, BATON_E_NOTFOUND, BATON_STR_NONE);
	return answer_json(listener, wsi, request, baton_port_demo);
}

int baton_demo_vera(struct baton_listener *listener, struct lws *wsi,
		    const struct baton_request *request)
{
	if (!is_ours(request))
		return baton_answer_error(listener, wsi, 403, BATON_E_ORIGIN, BATON_STR_NONE);
	return answer_json(listener, wsi, request, baton_port_demo_identity);
}

static int turn(struct baton_listener *listener, struct lws *wsi,
		const struct baton_request *request, bool on)
{
	if (!is_ours(request))
		return baton_answer_error(listener, wsi, 403, BATON_E_ORIGIN, BATON_STR_NONE);
	int rc = baton_port_demo_switch(listener->port, on);
	if (rc < 0)
		return baton_answer_error(listener, wsi, 404, rc, BATON_STR_NONE);
	return baton_answer(listener, wsi, &(struct baton_answer){ .status = 202 });
}

int baton_demo_off(struct baton_listener *listener, struct lws *wsi,
		   const struct baton_request *request)
{
	return turn(listener, wsi, request, false);
}

int baton_demo_on(struct baton_listener *listener, struct lws *wsi,
		  const struct baton_request *request)
{
	return turn(listener, wsi, request, true);
}
