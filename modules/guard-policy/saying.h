/* SPDX-License-Identifier: Apache-2.0 */

/* What a bot must not say and what it must: guards.yaml, `promises` and `required`, compiled. */
#pragma once

#include <baton/module.h>
#include <stdbool.h>

struct match;

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
/* The first of `words` at or behind `from`: 1 and its place; 0: none; < 0: cannot be said. */
int saying_find(struct match *const *words, size_t n, baton_str text, size_t from,
		size_t *ret_begin, size_t *ret_end);
