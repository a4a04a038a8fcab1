/* SPDX-License-Identifier: Apache-2.0 */

/* What a bot must not say and what it must: guards.yaml, `promises` and `required`, compiled. */
#pragma once

#include "modules/sdk/match/match.h"

struct saying {
	char *id, *append; /* append NULL: of a promise, or a person reads it */
	char **intents, **languages;
	size_t n_intents, n_languages;
	struct match **words, **unless;
	size_t n_words, n_unless;
};
struct sayings {
	struct saying *promises, *required;
	size_t n_promises, n_required;
};

/* BATON_OK, or BATON_E_* and a sentence in `why`. */
int32_t sayings_read(struct sayings *sayings, baton_str config_json, char *why, size_t cap);
void sayings_done(struct sayings *sayings);

/* It concerns a question of this intent, in a conversation in this language. */
bool saying_concerns(const struct saying *saying, const baton_turn *turn);
/* The first of `words` that begins at or behind `from`: as match_next(). */
int saying_next(struct match *const *words, size_t n, const baton_inspection *what, size_t from,
		struct match_spot *ret_spot);
/* One of `words` stands in the text: 1; none: 0; < 0: cannot be said. */
int saying_stands(struct match *const *words, size_t n, baton_str text);
