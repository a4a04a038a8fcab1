/* SPDX-License-Identifier: Apache-2.0 */

/* One outbound request: its libcurl handle, what is known of its answer, its clock. Belongs to
 * http.c, which says when; request.c knows how. Not for others to include. */
#pragma once

#include "core/loop/http.h"
#include "core/loop/inside.h"
#include "core/loop/sse.h"
#include "core/loop/target.h"
#include "core/loop/wire.h"

enum { BATON_REQUEST_MESSAGE = 256, BATON_REQUEST_METHOD = 16 };

enum baton_request_phase { BATON_REQUEST_CONNECT, BATON_REQUEST_FIRST_BYTE, BATON_REQUEST_BODY };

struct baton_request { /* kept with its easy handle and used again */
	CURL *easy;
	struct baton_http *http; /* whose it is */
	struct baton_group *group; /* of the client; NULL: spare */
	struct baton_wires *wires;
	struct baton_request *prev, *next;           /* all open ones, or the spare ones */
	struct baton_request *todo_prev, *todo_next; /* those the next turn looks at */

	/* what was asked */
	baton_http_handle handle; /* 0: nobody wants to hear of it any more */
	struct baton_http_events events;
	void *ud;
	struct curl_slist *lines; /* headers; behind the last one their text */
	size_t lines_cap;
	char *text;
	size_t n_text;
	char *body;
	bool sse, ndjson, allow_loopback, allow_private;

	/* what the handle still has from the question before, and need not be told again */
	struct baton_target *target; /* of this question, once there is one */
	char easy_method[BATON_REQUEST_METHOD];
	bool easy_once;
	char *easy_ca_file; /* CURLOPT_CAINFO as last set; NULL: libcurl's own */

	/* how far it is */
	bool listed, added, paused, curl_paused, resume, done;
	CURLcode result; /* once done */
	enum baton_request_phase phase;
	int sockets_opened, socket;

	/* its clock; due times in ns */
	uint64_t timer;
	uint64_t connect_due, first_byte_due, total_due;
	uint64_t idle_ns, heard_ns;

	/* the answer */
	struct baton_buf head, line, held; /* held: came in one piece with what made the user pause */
	size_t head_bytes, body_bytes;
	bool head_told, is_sse;
	struct baton_sse parser;

	/* why it failed, if we know better than libcurl */
	uint32_t fail;
	const char *code;
	char message[BATON_REQUEST_MESSAGE];
	char curl_message[CURL_ERROR_SIZE];
};

/* NULL if libcurl cannot make a handle. */
struct baton_request *baton_request_new(struct baton_http *http, struct baton_wires *wires);
void baton_request_free(struct baton_request *request);
/* Holds the target. 0, or BATON_E_INVAL, _LIMIT; then the request is good for nothing any more. */
int baton_request_ask(struct baton_request *request, const struct baton_http_ask *ask,
                      struct baton_target *target, uint64_t now_ns);
/* Back to a state where the next question can be asked. */
void baton_request_reset(struct baton_request *request);

/* Feeds what was held back while paused; may pause again. */
void baton_request_replay(struct baton_request *request);
/* Hands on an unfinished last line. */
void baton_request_flush(struct baton_request *request);
/* When it has waited too long, and what that is called then. */
uint64_t baton_request_due(const struct baton_request *request, const char **ret_code);
/* When to look at that again: never later than it could have become true. */
uint64_t baton_request_look(const struct baton_request *request, uint64_t now_ns);
/* The first reason stays. */
void baton_request_fail(struct baton_request *request, uint32_t fail, const char *code, const char *why);
/* Why `result` came about; false if all is well. Valid until reset. */
bool baton_request_error(struct baton_request *request, baton_error *ret);
