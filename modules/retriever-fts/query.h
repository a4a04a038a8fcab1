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
	QUERY_INTENT_MAX = 128,
	QUERY_WORDS_MAX = 32,
	QUERY_GRAMS_MAX = 96,    /* of a question */
	QUERY_GRAMS_MOST = 1024, /* of a passage */
	QUERY_SQL_MAX = 4096,
};

struct query_word {
	const char *p; /* into the query's text, or static */
	size_t n;
	float rank;     /* how much it counts for the order */
	float evidence; /* how much it says that an article is about this */
	bool is_intent; /* part of the intent name, said or not */
	uint8_t of;     /* the word it is another word for; its own index if it is none */
};
struct query {
	unsigned n;       /* words; 0: nothing to look for */
	unsigned n_skip;  /* phrases of the expression before those of the words */
	bool has_subject; /* the customer said at least one word that is no function word */
	struct query_word words[QUERY_WORDS_MAX];
	char match[QUERY_SQL_MAX]; /* NUL-terminated FTS5 expression */
	size_t n_text;
	char text[QUERY_TEXT_MAX + QUERY_INTENT_MAX];
};

/* Distinct words of the text, then those of the intent's name ("return-policy"): a customer who asks
 * "can I send it back" has not said "return", but the classifier has. query_match() comes next. */
void query_words(const char *text, size_t n, const char *intent, size_t n_intent,
		 struct query *out);
/* The expression: rows that have one of the words that carry the subject, if there are any. Of those
 * words the rarest are taken, as long as they are in at most `budget` rows together (`rows`: how many
 * each is in), so that a question of common words does not walk through a large collection. */
void query_match(struct query *query, const uint32_t rows[QUERY_WORDS_MAX], uint32_t budget);
/* Hashes of the distinct runs of three characters, spaces included, without case and accents; of two
 * in scripts whose words are that short; at most `cap`. */
size_t query_grams(const char *text, size_t n, uint32_t *grams, size_t cap);
