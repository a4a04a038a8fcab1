/* SPDX-License-Identifier: Apache-2.0 */

/* Headers and body go out in one write. What the peer does not take at once is kept by
 * libwebsockets; only files larger than a step are sent piece by piece as the peer drains them.
 */

#include "channels/http/answer.h"

#include "channels/http/exchange.h"
#include "core/base/errors.h"

#include <libwebsockets.h>

/* No script but our own files, nothing may frame us, no string becomes markup. */
static const char own_csp[] =
	"default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' "
	"data:; form-action 'none'; frame-ancestors 'none'; base-uri 'none'; "
	"require-trusted-types-for 'script'";
#define SECURITY_HEADERS                      \
	"X-Content-Type-Options: nosniff\r\n" \
	"Referrer-Policy: no-referrer\r\n"

static const char *reason_of(unsigned status)
{
	static const struct {
		unsigned status;
		const char *reason;
	} reasons[] = {
		{ 200, "OK" },
		{ 201, "Created" },
		{ 202, "Accepted" },
		{ 204, "No Content" },
		{ 304, "Not Modified" },
		{ 308, "Permanent Redirect" },
		{ 400, "Bad Request" },
		{ 401, "Unauthorized" },
		{ 403, "Forbidden" },
		{ 404, "Not Found" },
		{ 405, "Method Not Allowed" },
		{ 410, "Gone" },
		{ 411, "Length Required" },
		{ 413, "Content Too Large" },
		{ 414, "URI Too Long" },
		{ 415, "Unsupported Media Type" },
		{ 426, "Upgrade Required" },
		{ 429, "Too Many Requests" },
		{ 500, "Internal Server Error" },
		{ 501, "Not Implemented" },
		{ 503, "Service Unavailable" },
		{ 505, "HTTP Version Not Supported" },
		{ 507, "Insufficient Storage" },
	};

	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		if (reasons[i].status == status)
			return reasons[i].reason;
	return "Unknown";
}

static void put_head(struct baton_buf *out, const struct baton_answer *answer)
{
	baton_buf_z(out, "HTTP/1.1 ");
	baton_buf_u64(out, answer->status);
	baton_buf_z(out, " ");
	baton_buf_z(out, reason_of(answer->status));
	if (answer->type) {
		baton_buf_z(out, "\r\nContent-Type: ");
		baton_buf_z(out, answer->type);
	}
	baton_buf_z(out, "\r\n");
	if (answer->chunked)
		baton_buf_z(out, "Transfer-Encoding: chunked\r\n");
	else if (answer->status != 204 && answer->status != 304 &&
		 !(answer->streamed && answer->close)) { /* else its end is the connection's */
		baton_buf_z(out, "Content-Length: ");
		baton_buf_u64(out, answer->streamed ? answer->bytes : answer->body.n);
		baton_buf_z(out, "\r\n");
	}
	if (!answer->cacheable)
		baton_buf_z(out, "Cache-Control: no-store\r\n");
	baton_buf_z(out, "Content-Security-Policy: ");
	baton_buf_z(out, answer->csp ? answer->csp : own_csp);
	baton_buf_z(out, "\r\n" SECURITY_HEADERS);
	baton_buf_str(out, answer->headers);
	baton_buf_z(out, answer->close ? "Connection: close\r\n\r\n" : "\r\n");
}

static int finish(struct lws *wsi, bool close_it)
{
	if (close_it || lws_http_transaction_completed(wsi))
		return -1;
	return 0;
}

int baton_answer(struct baton_listener *listener, struct lws *wsi,
		 const struct baton_answer *answer)
{
	struct baton_buf *out = &listener->out;
	bool in_steps = answer->file && answer->body.n > BATON_ANSWER_STEP_BYTES && !answer->head;

	baton_listener_count(listener, BATON_METRIC_HTTP_REQUESTS);
	baton_buf_reset(out);
	baton_buf_room(out, LWS_PRE);
	out->n = LWS_PRE;
	put_head(out, answer);
	if (!answer->head && !in_steps)
		baton_buf_str(out, answer->body);

	int n = (int)(out->n - LWS_PRE);
	if (lws_write(wsi, (unsigned char *)out->p + LWS_PRE, (size_t)n, LWS_WRITE_HTTP_HEADERS) <
	    n)
		return -1;
	if (answer->streamed && !answer->head)
		return 0;
	if (in_steps)
		return baton_exchange_send(listener, wsi, answer->file);
	return finish(wsi, answer->close);
}

int baton_answer_refusal(struct baton_listener *listener, struct lws *wsi, unsigned status,
			 int code, const struct baton_identity_answer *why, baton_str headers)
{
	const struct baton_error_info *info = baton_error_info(code);
	struct baton_buf body = { 0 };

	baton_buf_printf(&body, "{\"error\":{\"code\":\"%s\",\"message\":", info->wire);
	baton_buf_json(&body, baton_str_of(info->text));
	if (why->refused[0])
		baton_buf_printf(&body, ",\"refused\":\"%s\"", why->refused);
	if (why->hint[0]) {
		baton_buf_z(&body, ",\"hint\":");
		baton_buf_json(&body, baton_str_of(why->hint));
	}
	baton_buf_z(&body, "}}\n");

	struct baton_answer answer = { .status = status,
				       .type = "application/json",
				       .body = baton_buf_view(&body),
				       .headers = headers,
				       .close = true };
	int rc = baton_answer(listener, wsi, &answer);
	baton_buf_done(&body);
	return rc;
}

int baton_answer_error(struct baton_listener *listener, struct lws *wsi, unsigned status, int code,
		       baton_str headers)
{
	return baton_answer_refusal(listener, wsi, status, code,
				    &(struct baton_identity_answer){ "", "" }, headers);
}
