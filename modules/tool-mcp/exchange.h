/* SPDX-License-Identifier: Apache-2.0 */

/* One message to a server and what comes back: a POST, its answer as JSON or as a stream, and, where
 * the server breaks a stream off on purpose, the GETs that go on with it.
 *
 * It ends once, with an outcome that says above all whether the server can have heard us: everything
 * that is decided later about trying again and about doubt hangs on that.
 */
#pragma once

#include "frame.h"
#include "stream.h"

struct server;
struct visit;
struct exchange;

enum outcome_kind {
	OUTCOME_RESULT,  /* `frame` is the result; of a notification: it was taken */
	OUTCOME_ERROR,   /* the server's own error, in `frame`; `status` as it came */
	OUTCOME_STATUS,  /* `status`, and no message that we know */
	OUTCOME_BAD,     /* an answer that MCP does not know; it was heard */
	OUTCOME_LOST,    /* it may have been heard; no answer came */
	OUTCOME_UNSENT,  /* nobody has heard it */
	OUTCOME_REFUSED, /* our own host does not send it: not in egress, no such secret */
};

struct outcome {
	enum outcome_kind kind;
	uint32_t status, retry_after_ms;
	struct frame frame;     /* valid during the call */
	uint32_t fail;          /* BATON_FAIL_* that fits */
	const char *code, *why; /* static; why: for the operator */
	const char *session;    /* Mcp-Session-Id of the answer; NULL: none */
};

enum exchange_kind {
	EXCHANGE_ASK,    /* a request: an answer is waited for */
	EXCHANGE_NOTICE, /* a notification or an answer of ours: 202 is enough */
	EXCHANGE_LISTEN, /* GET: what an old server has to say beside its answers; ends if it has nothing */
};

struct exchange_ask {
	enum exchange_kind kind;
	uint64_t id; /* of the request */
	const char *method, *version;
	const char *name;   /* Mcp-Name; NULL: none */
	struct text *lines; /* further headers, a NUL behind each; may be NULL */
	struct text *body;
	struct visit *visit; /* whose call it is; NULL: of the server itself */
	bool once;           /* it must not be sent twice, whatever becomes of the connection */
	bool may_accept;     /* a form of the server may be accepted with its defaults */
	uint32_t total_ms;
	/* Exactly once, never from inside exchange_start(). The exchange is over. */
	void (*done)(void *user, const struct outcome *outcome);
	void *user;
};

/* NULL: not started; `ret` says why. */
struct exchange *exchange_start(struct server *server, const struct exchange_ask *ask,
				struct outcome *ret);
/* Nothing more is told; hangs up. */
void exchange_stop(struct exchange **exchange);
uint64_t exchange_id(const struct exchange *exchange);
/* All of a server's. */
void exchanges_stop(struct server *server);
