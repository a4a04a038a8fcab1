/* SPDX-License-Identifier: Apache-2.0 */

/* What the result of tools/call is for the host, and what a server is answered that asks for more
 * (multi round-trip requests of 2026-07-28, elicitation of 2025-11-25). Pure. */
#pragma once

#include "frame.h"

enum { ANSWER_BYTES_MAX = 64 * 1024, ANSWER_TEXT_MAX = 32 * 1024, ANSWER_QUESTIONS_MAX = 16 };

enum answer_kind {
	ANSWER_BAD, /* not what MCP promises */
	ANSWER_TOO_BIG,
	ANSWER_YES,  /* `json` is the result */
	ANSWER_NO,   /* isError: `json` says why */
	ANSWER_ASKS, /* the server wants more before it goes on */
};

struct answer {
	enum answer_kind kind;
	struct text json;
};
/* `wants_json`: a text that is JSON is taken as what it says. */
void answer_read(struct answer *answer, baton_str result, bool wants_json);
void answer_done(struct answer *answer);

/* The result that one request of the server gets, or false: it is refused. With `defaults` a form is
 * accepted if all that it requires has a default; else it is declined. Nobody is asked. */
bool answer_elicit(struct text *to, baton_str params, bool defaults);
/* Members that go with the next try: inputResponses and requestState. false: the server asks for
 * something that is not done here. */
bool answer_inputs(struct text *to, baton_str result, bool defaults);
