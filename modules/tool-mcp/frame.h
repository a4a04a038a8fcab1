/* SPDX-License-Identifier: Apache-2.0 */

/* JSON-RPC messages as MCP uses them: reading what a server says, writing what we say. Pure.
 *
 * What is read are views into the message; nothing in it is trusted but its form. Values that go
 * back to the server as they came (ids of its requests, cursors, requestState) are kept as written,
 * escapes and all: what is never taken apart is never put together differently.
 */
#pragma once

#include "modules/sdk/provider/scan.h"

#define FRAME_MODERN "2026-07-28" /* no handshake: each request says all that is to be known */
#define FRAME_LEGACY "2025-11-25" /* the newest with `initialize` */

enum frame_kind {
	FRAME_BAD,     /* no JSON-RPC message */
	FRAME_RESULT,  /* id, result */
	FRAME_ERROR,   /* code, message, data; id may be missing */
	FRAME_REQUEST, /* of the server: id, method, params */
	FRAME_NOTICE,  /* of the server: method, params */
};

struct frame {
	enum frame_kind kind;
	baton_str id;                   /* as written, with its quotes; empty: none or null */
	baton_str method, message;      /* insides of strings */
	baton_str result, params, data; /* as written */
	int64_t code;
};

/* Every message in `text`: one, or those of an array (batches, which 2025-03-26 had). */
struct frames {
	struct scan scan;
	bool array, begun;
};
struct frames frames_of(baton_str text);
/* false: there is no further one. A message that is none comes as FRAME_BAD. */
bool frames_next(struct frames *frames, struct frame *ret_frame);

/* The member `key` of an object as written; empty if there is none. The last one counts. */
baton_str frame_member(baton_str object, const char *key);
/* The inside of a string member; empty without `p` if there is none. */
baton_str frame_string(baton_str object, const char *key);
bool frame_is_true(baton_str object, const char *key);
/* Takes the quotes off a string as written; false if it is no string. */
bool frame_inside(baton_str raw, baton_str *ret_inside);
/* A whole number as written, with its sign; false if it is anything else or has over 15 digits. */
bool frame_integer(baton_str raw, int64_t *ret_value);

struct frame_ask {
	uint64_t id; /* 0: a notification */
	const char *method;
	const char *version;  /* of the protocol; FRAME_MODERN puts it into each request */
	const char *software; /* our own version, for clientInfo */
	bool elicitation;     /* we can answer questions for a form */
	baton_str params;     /* members of params, "\"a\":1,\"b\":2"; may be empty */
};
void frame_write(struct text *to, const struct frame_ask *ask);
/* An answer to a request of the server. `id` as written. */
void frame_write_result(struct text *to, baton_str id, baton_str result);
void frame_write_error(struct text *to, baton_str id, int code, const char *message);
/* Members of params of `initialize`. */
void frame_initialize(struct text *to, const struct frame_ask *ask);
/* {"elicitation":{"form":{}}} or {} */
const char *frame_capabilities(bool elicitation);
/* Is `version` one with `initialize` that we speak? */
bool frame_legacy_known(baton_str version);
