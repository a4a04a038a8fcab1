/* SPDX-License-Identifier: Apache-2.0 */

/* Does the message ask for a person? By words of six languages; what a policy's own intents say of it
 * comes on top (reading.c). The core's own list (the words that hand over at once) is stricter: this
 * is a number for rules, and may be wrong. */
#pragma once

#include "text.h"

struct human_words; /* read-only */

/* NULL: no memory. */
struct human_words *human_words_new(void);
void human_words_free(struct human_words **table);
/* 0..1 from the words of a text. */
float human_wanted(const struct human_words *table, const struct text_features *text);
