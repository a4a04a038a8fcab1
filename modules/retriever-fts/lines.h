/* SPDX-License-Identifier: Apache-2.0 */

/* How much a question looks like a title or an "also asked as" of an article, by runs of three
 * characters: finds what is mistyped, compounded or inflected, in any language. A small inverted
 * index of its own, as FTS5's trigram table was five times slower for questions of this length. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct line_posting {
	uint32_t gram, line;
};
struct line {
	uint32_t of; /* the article; the passage where passages are indexed */
	uint32_t n_grams;
};
struct lines {
	struct line *lines;
	struct line_posting *postings; /* sorted by gram, then line */
	uint32_t n, cap;
	uint32_t prior; /* lines that are thought to be there as well: of few, none is rare */
	size_t n_postings, cap_postings;
	double average_grams;
};

/* Adds one title, phrasing or passage. 0 or -1 (no memory). */
int lines_add(struct lines *lines, uint32_t of, const char *text, size_t n);
/* After the last add. */
void lines_seal(struct lines *lines);
void lines_done(struct lines *lines);

/* Working memory of one loop. */
struct line_scores {
	float *scores, *masses; /* per line, all zero between calls */
	uint32_t *touched;
};
int line_scores_init(struct line_scores *scores, const struct lines *lines);
void line_scores_done(struct line_scores *scores);

struct line_hit {
	uint32_t of;
	double score;    /* BM25 */
	double coverage; /* 0..1: share of the question found in the line, times share of the line */
};
typedef void line_found(void *user, struct line_hit hit);
/* Reports every line that shares anything with the text, in no order. */
void lines_search(const struct lines *lines, struct line_scores *scores, const char *text, size_t n,
		  line_found *found, void *user);
