/* SPDX-License-Identifier: Apache-2.0 */

/* How much words read like instructions to a model: a linear model over words, pairs of words
 * and their letters, hashed. The same code learns (tests/quality/make_injection.c) and looks. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	SCORE_BITS = 14,
	SCORE_BUCKETS = 1 << SCORE_BITS,
	SCORE_LONG_BYTES = 300,  /* from here on a text is prose, and held to another measure */
	SCORE_FEATURES_MAX = 40, /* of one word */
	SCORE_BLOCK = 2048       /* words that are looked at together */
};

struct score_word {
	uint32_t begin, end;    /* bytes */
	uint32_t hash, letters; /* of its letters; how many */
};
/* Up to `cap` words from *at on, which moves behind them. Invisible characters are not there. */
size_t score_words(const char *text, size_t n, size_t *at, struct score_word *v, size_t cap);
/* Buckets of word `i` and of the pair with the one before; how many. */
size_t score_features(const char *text, const struct score_word *v, size_t i, uint32_t *buckets);

struct score {
	float value;       /* of the strangest window */
	size_t begin, end; /* its bytes */
};
/* weights: SCORE_BUCKETS of them. Bounded by the text. `scratch` has room for SCORE_BLOCK words and
 * one more sum. */
struct score_scratch {
	struct score_word words[SCORE_BLOCK];
	float sums[SCORE_BLOCK + 1];
};
struct score score_text(const float *weights, float bias, const char *text, size_t n,
			struct score_scratch *scratch);
/* Bytes of an invisible character at `at`: 0, none. `alone`: one that has a meaning in some
 * scripts, and none among others of its kind. */
size_t score_invisible(const unsigned char *p, size_t n, size_t at, bool *ret_alone);
