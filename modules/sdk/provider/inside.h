/* SPDX-License-Identifier: Apache-2.0 */

/* What answer.c (its life: asking, saying, the two ends) and listen.c (what it hears) share.
 *
 * Functions that may close the answer return whether it is still there: false means that `answer`
 * has been freed and must not be touched.
 */
#pragma once

#include "modules/sdk/provider/answer.h"
#include "modules/sdk/provider/failure.h"

struct answer {
	struct provider *provider;
	struct answer *prev, *next;
	baton_call call;
	baton_http http;   /* 0: ended or never begun */
	baton_timer timer; /* waits for usage, later for the last bytes */
	bool check;

	bool not_again; /* the head said so */
	bool head, sse, lines, told; /* told: the call has ended, what still comes is read over */
	uint32_t status, retry_after_ms;
	struct text body; /* of an error or of an answer that is no stream */

	struct heard heard;
	unsigned bad, events;

	struct text prefill; /* what was to be continued; a server may say it again */
	struct text opening; /* first words that may be just that; later unused */
	bool opened;

	struct text held; /* text that the host had no room for */
	uint64_t asked_bytes;
	unsigned tools_told;
};

extern const baton_http_cb listen_cb;

bool answer_fail(struct answer *answer, const struct failure *failure);
bool answer_fail_as(struct answer *answer, uint32_t fail, const char *code, const char *message);
bool answer_fail_protocol(struct answer *answer, const char *message);
bool answer_end(struct answer *answer, uint32_t reason);
void answer_close(struct answer *answer);
/* Says the text of the last event. */
bool answer_say(struct answer *answer);
/* Whenever something has changed: is it complete, and all of it said? Then it ends. */
bool answer_settle(struct answer *answer);
