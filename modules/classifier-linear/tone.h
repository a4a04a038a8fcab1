/* SPDX-License-Identifier: Apache-2.0 */

/* How a customer sounds, and in which language: two cheap guesses from words alone, which stand in
 * one table. A mood drives a rule only together with other facts: a guess is a guess. */
#pragma once

#include "text.h"

struct tone_table; /* read-only after tone_new(), shared by all loops */

/* NULL: no memory. */
struct tone_table *tone_new(void);
void tone_free(struct tone_table **table);

/* The sum of the lexicon alone, louder for marks and capitals: about -10 to 10. */
float tone_lexicon(const struct tone_table *table, const struct text_features *text,
		   const char *raw, size_t n_raw);
/* 0 negative .. 500000 neutral .. 1000000 positive. `raw` is the message as typed: exclamation
 * marks and capitals make it louder. */
uint32_t tone_ppm(const struct tone_table *table, const struct text_features *text, const char *raw,
		  size_t n_raw);

/* "en", "de", "fr", "es", "it", "nl", or "" if the words do not settle it. Static text. */
const char *tone_language(const struct tone_table *table, const struct text_features *text);
