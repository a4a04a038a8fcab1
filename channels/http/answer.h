/* SPDX-License-Identifier: Apache-2.0 */

/* HTTP answers: every one with its length, the security headers and, where the connection cannot be
 * used again, `Connection: close`. */
#pragma once

#include "channels/http/listener.h"

struct baton_answer {
	unsigned status;
	const char *type; /* Content-Type; NULL: there is no body */
	baton_str body;
	baton_str headers; /* further lines, each with its CRLF */
	bool cacheable;    /* `headers` say how; otherwise no-store */
	bool head;         /* the request was HEAD: headers alone */
	bool close;
	/* The body outlives the call, so a large one is sent in steps. */
	const struct baton_web_file *file;
	const char *csp; /* Content-Security-Policy; NULL: that of our own pages */
	/* The head alone goes out now; the caller sends the body: `bytes` of it, or chunks. */
	bool streamed, chunked;
	uint64_t bytes;
};

/* Writes it. Returns what the callback shall return: 0, or -1 to close. */
int baton_answer(struct baton_listener *listener, struct lws *wsi,
		 const struct baton_answer *answer);

/* {"error":{"code":...,"message":...}} with what errors.def says of `code`; the connection
 * closes. */
int baton_answer_error(struct baton_listener *listener, struct lws *wsi, unsigned status, int code,
		       baton_str headers);

/* The same with what an integrator does about it: `why->refused` and `why->hint`, where not "". */
int baton_answer_refusal(struct baton_listener *listener, struct lws *wsi, unsigned status, int code,
			 const struct baton_identity_answer *why, baton_str headers);
