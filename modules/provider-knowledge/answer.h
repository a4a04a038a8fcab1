/* SPDX-License-Identifier: Apache-2.0 */

/* Composes the whole answer to a question from the passages that retrieval found, before any of it
 * is said. Quotes; never rephrases: what it says is what a help page says. */
#pragma once

#include "known.h"

#include <baton/module.h>

#include <stdbool.h>

struct answer {
	char *text; /* valid UTF-8, Markdown; owned */
	size_t n;
	char *citations; /* JSON list, NULL if there is none; owned */
	bool is_unknown; /* "I do not know" */
};

struct answer_settings {
	uint32_t min_score_ppm;    /* a passage below this is no answer */
	uint32_t quote_bytes;      /* about how much of a passage is quoted */
	const struct known *known; /* NULL: nothing is known of tools and dates */
};

/* 0 or BATON_E_NOMEM. Any bytes in the prompt are valid. */
int32_t answer_compose(const baton_prompt *prompt, const struct answer_settings *settings,
		       struct answer *ret_answer);
void answer_done(struct answer *answer);
/* The last thing the customer said, {"", 0} if nothing. */
baton_str answer_question(const baton_prompt *prompt);
