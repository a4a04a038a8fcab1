/* SPDX-License-Identifier: Apache-2.0 */

/* A customer's words as an FTS5 expression. Nothing a customer types reaches the expression but
 * letters, digits and valid UTF-8 beyond ASCII, always inside double quotes: FTS5's own syntax
 * (AND, NEAR, column filters, wildcards) cannot be spoken through it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	QUERY_TEXT_MAX = 2048, /* bytes of the message that are read */
	QUERY_WORDS_MAX = 32,
	QUERY_GRAMS_MAX = 96,
	QUERY_SQL_MAX = 4096,
};

struct query {
	unsigned n;       /* words; 0: nothing to look for */
	unsigned n_skip;  /* phrases of the expression before those of the words */
	bool has_subject; /* at least one word is no function word */
	/* How much a word says about the subject: 1, or little for words like "what". */
	float weights[QUERY_WORDS_MAX];
	char match[QUERY_SQL_MAX]; /* NUL-terminated FTS5 expression */
};

/* Distinct words of the text. */
void query_words(const char *text, size_t n, struct query *out);
/* Hashes of the distinct runs of three characters, spaces included; at most QUERY_GRAMS_MAX. */
size_t query_grams(const char *text, size_t n, uint32_t grams[QUERY_GRAMS_MAX]);
