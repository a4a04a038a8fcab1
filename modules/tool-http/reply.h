/* SPDX-License-Identifier: Apache-2.0 */

/* What a service has answered, and what that means: a result, a no, once more, or a failure; and
 * whether something may have happened all the same. No host, no I/O. */
#pragma once

#include "settings.h"

enum { REPLY_WHY_BYTES = 200 };

struct reply {
	uint32_t status, retry_after_ms; /* status 0: no answer came */
	bool is_json, too_big;
	struct text body;
};

void reply_begin(struct reply *reply);
void reply_head(struct reply *reply, uint32_t status, const baton_str *headers, uint32_t n,
		uint64_t unix_ms);
void reply_data(struct reply *reply, baton_str data, size_t max_bytes);
void reply_done(struct reply *reply);

enum outcome {
	OUTCOME_RESULT,
	OUTCOME_NO,    /* it works, and the answer is no: `code` */
	OUTCOME_AGAIN, /* a failure that another try may not meet */
	OUTCOME_FAILED
};
struct verdict {
	enum outcome outcome;
	char *json;        /* RESULT, NO: one JSON value; the verdict's */
	char code[64];     /* NO: a word; AGAIN, FAILED: what it was, for the record */
	baton_error error; /* AGAIN, FAILED: filled in, its texts in here */
	char why[REPLY_WHY_BYTES];
	bool doubt;   /* AGAIN, FAILED of what writes: it may have happened */
	bool settled; /* the service has said what became of the request */
};

/* `end` NULL: the answer ended well. `before`: an earlier try of the same call is in doubt. */
void reply_judge(const struct reply *reply, const struct tool *tool, const baton_error *end,
		 bool before, struct verdict *ret_verdict);
void verdict_done(struct verdict *verdict);
