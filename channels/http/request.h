/* SPDX-License-Identifier: Apache-2.0 */

/* What we take from a request's head, copied out of libwebsockets once and checked there: its own
 * parser reads lengths with atoll() and lets bodies through that it cannot frame. */
#pragma once

#include "core/base/limits.h"
#include "core/base/str.h"

struct lws;

enum baton_method {
	BATON_METHOD_GET = 1,
	BATON_METHOD_HEAD = 2,
	BATON_METHOD_POST = 4,
	BATON_METHOD_OPTIONS = 8,
	BATON_METHOD_OTHER = 16
};

struct baton_request {
	enum baton_method method;
	char path[BATON_HTTP_URI_BYTES_MAX + 1];
	char host[256], origin[129]; /* origin "": none was sent */
	uint64_t body_bytes;
	bool has_length; /* a Content-Length was sent */
	bool verbose;    /* the query is `verbose` */
	bool http10;
};

/* 0, or the status to refuse it with. */
unsigned baton_request_read(struct lws *wsi, struct baton_request *ret);

/* Copies a header; "" if absent. False if it does not fit. `token` is of enum lws_token_indexes. */
bool baton_request_header(struct lws *wsi, int token, char *p, size_t size);
