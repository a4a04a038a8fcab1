/* SPDX-License-Identifier: Apache-2.0 */

/* Reads a request's head strictly: what is not understood is refused, never guessed. */

#include "channels/http/request.h"

#include <ctype.h>
#include <libwebsockets.h>

bool baton_request_header(struct lws *wsi, int token, char *p, size_t size)
{
	p[0] = '\0';
	return lws_hdr_copy(wsi, p, (int)size, (enum lws_token_indexes)token) >= 0;
}

static enum baton_method method_of(int index)
{
	switch (index) {
	case LWSHUMETH_GET:
		return BATON_METHOD_GET;
	case LWSHUMETH_HEAD:
		return BATON_METHOD_HEAD;
	case LWSHUMETH_POST:
		return BATON_METHOD_POST;
	case LWSHUMETH_OPTIONS:
		return BATON_METHOD_OPTIONS;
	default:
		return BATON_METHOD_OTHER;
	}
}

/* Content-Length is digits and nothing else: no sign, no list of two lengths, no overflow. */
static unsigned read_length(struct lws *wsi, struct baton_request *ret)
{
	char digits[16];

	if (lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_TRANSFER_ENCODING) > 0)
		return 501; /* chunked bodies cannot be framed by this libwebsockets */
	ret->has_length = lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_CONTENT_LENGTH) > 0;
	if (!ret->has_length)
		return 0;
	if (!baton_request_header(wsi, WSI_TOKEN_HTTP_CONTENT_LENGTH, digits, sizeof(digits)))
		return 413;
	for (const char *c = digits; *c; c++) {
		if (!isdigit((unsigned char)*c))
			return 400;
		ret->body_bytes = 10 * ret->body_bytes + (uint64_t)(*c - '0');
	}
	return 0;
}

static unsigned read_version(struct lws *wsi, struct baton_request *ret)
{
	char version[16];

	if (!baton_request_header(wsi, WSI_TOKEN_HTTP, version, sizeof(version)))
		return 400;
	ret->http10 = strcmp(version, "HTTP/1.0") == 0;
	if (!ret->http10 && strcmp(version, "HTTP/1.1") != 0)
		return strncmp(version, "HTTP/", 5) == 0 ? 505 : 400;
	if (!baton_request_header(wsi, WSI_TOKEN_HOST, ret->host, sizeof(ret->host)))
		return 400;
	if (!ret->http10 && ret->host[0] == '\0')
		return 400;
	return 0;
}

static unsigned read_path(struct lws *wsi, struct baton_request *ret)
{
	char *uri = NULL, query[16] = "";
	int n = 0;

	int index = lws_http_get_uri_and_method(wsi, &uri, &n);
	if (index < 0 || n <= 0 || uri[0] != '/')
		return 400;
	if (n > BATON_HTTP_URI_BYTES_MAX)
		return 414;
	ret->method = method_of(index);
	memcpy(ret->path, uri, (size_t)n);
	ret->path[n] = '\0';

	if (lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_URI_ARGS) > BATON_HTTP_URI_BYTES_MAX)
		return 414;
	int args = lws_hdr_copy_fragment(wsi, query, sizeof(query), WSI_TOKEN_HTTP_URI_ARGS, 0);
	ret->verbose =
		args > 0 && (strcmp(query, "verbose") == 0 || strcmp(query, "verbose=") == 0);
	return 0;
}

unsigned baton_request_read(struct lws *wsi, struct baton_request *ret)
{
	*ret = (struct baton_request){ .method = BATON_METHOD_OTHER };

	unsigned status = read_path(wsi, ret);
	if (status == 0)
		status = read_version(wsi, ret);
	if (status == 0)
		status = read_length(wsi, ret);
	if (status == 0 &&
	    !baton_request_header(wsi, WSI_TOKEN_ORIGIN, ret->origin, sizeof(ret->origin)))
		status = 400;
	return status;
}
