/* SPDX-License-Identifier: Apache-2.0 */

/* The words by which a language is known, and what a count of them says. Who looks the words up is
 * tone.c, which looks at every word anyway. */
#pragma once

#include <stdint.h>

enum { LANGUAGES = 6 };
struct language_scores {
	unsigned of[LANGUAGES];
};

/* Calls `each` for every such word, with a bit for each language that has it. */
void language_words(void (*each)(void *ud, const char *word, uint8_t languages), void *ud);
/* A word of one language alone counts 3, a shared one 1 for each. */
static inline void language_count(struct language_scores *scores, uint8_t languages)
{
	for (unsigned l = 0; languages >> l; l++)
		if (languages >> l & 1)
			scores->of[l] += languages == 1U << l ? 3 : 1;
}
/* "en", "de", "fr", "es", "it", "nl", or "" if the words do not settle it. Static text. */
const char *language_best(const struct language_scores *scores);
