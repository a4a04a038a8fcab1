/* SPDX-License-Identifier: Apache-2.0 */

/* From passages to articles: what speaks for each article of those found, their order, and which
 * passage of an article comes first. */
#pragma once

#include "library.h"
#include "search.h"

#include <stdbool.h>

enum { STANDINGS_MAX = 192 };

struct standing {
	uint32_t article;
	uint32_t opening, other; /* first passage; the best of the others, or n_passages */
	double opening_score, other_score; /* BM25; 0: not found by words */
	double opening_coverage, other_coverage;
	double line_score, likeness; /* of the most alike title or "also asked as" */
	double said;                 /* share of what the customer said about the subject */
	double strength;             /* BM25 of that */
	bool on_intent;              /* has a word of the intent's name */
	bool is_tagged;              /* declares the intent */
	double rank;
};
/* A passage that words found. */
struct standing_find {
	uint32_t passage;
	double score, coverage, said, strength;
	bool on_intent;
};
struct standings {
	const struct library *library;
	const unsigned char *hidden; /* by article: left out; NULL: nothing is */
	const char *language;        /* the customer's, "" if unknown */
	int64_t today;
	struct standing v[STANDINGS_MAX];
	unsigned n;
	bool has_subject; /* the question has a word that is no function word */
	double reach;     /* the most that the question's words could bring an article */
	double rare;      /* weight of a word that no passage has; > 0 */
};

/* Each adds to what is known; what finds no room is dropped. */
void standings_passage(struct standings *standings, struct standing_find find);
void standings_line(struct standings *standings, uint32_t article, double score, double likeness);
void standings_intent(struct standings *standings, const char *intent, size_t n);
/* Best first, at most k; returns how many. */
unsigned standings_hits(struct standings *standings, uint32_t k, struct hit hits[HITS_MAX]);
