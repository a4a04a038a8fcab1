/* SPDX-License-Identifier: Apache-2.0 */

/* What words and pairs of words say of a mood beyond the lexicon: weights that were learned beforehand
 * (`make mood`) and are shipped as mood.bin, a part of the module's code. Read-only. */
#pragma once

#include "text.h"

#define MOOD_MAGIC UINT32_C(0x31444d42) /* "BMD1", little endian */

/* The file: the head, then n hashes in order, then n weights. */
struct mood_head {
	uint32_t magic, n;
	float scale; /* of a weight, against 1 for the lexicon's sum */
	uint32_t reserved;
};

/* Calls `each` for every word and every pair of neighbours. */
void mood_features(const struct text_features *text, void (*each)(void *ud, uint32_t hash),
		   void *ud);
/* What is to be added to the lexicon's sum. */
float mood_sum(const struct text_features *text);
