/* SPDX-License-Identifier: Apache-2.0 */

/* Build: every line's distinct trigrams as (hash, line) pairs, sorted once. Search: each trigram of
 * the question is a range of pairs, found by halving. */

#include "lines.h"

#include "query.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double k1 = 1.2, b = 0.75;

static int room(struct lines *lines, size_t more_postings)
{
	if (lines->n == lines->cap) {
		uint32_t cap = lines->cap * 2 + 64;
		struct line *more = realloc(lines->lines, cap * sizeof(*more));

		if (!more)
			return -1;
		lines->lines = more;
		lines->cap = cap;
	}
	if (lines->n_postings + more_postings > lines->cap_postings) {
		size_t cap = lines->cap_postings * 2 + more_postings;
		struct line_posting *more = realloc(lines->postings, cap * sizeof(*more));

		if (!more)
			return -1;
		lines->postings = more;
		lines->cap_postings = cap;
	}
	return 0;
}

int lines_add(struct lines *lines, uint32_t of, const char *text, size_t n)
{
	uint32_t grams[QUERY_GRAMS_MOST];
	uint32_t count = (uint32_t)query_grams(text, n, grams, QUERY_GRAMS_MOST);

	if (room(lines, count) < 0)
		return -1;
	for (uint32_t i = 0; i < count; i++)
		lines->postings[lines->n_postings++] = (struct line_posting){ grams[i], lines->n };
	lines->lines[lines->n++] = (struct line){ of, count };
	return 0;
}

static int by_gram(const void *left, const void *right)
{
	const struct line_posting *l = left, *r = right;

	if (l->gram != r->gram)
		return l->gram < r->gram ? -1 : 1;
	return (l->line > r->line) - (l->line < r->line);
}

void lines_seal(struct lines *lines)
{
	if (lines->n_postings > 0)
		qsort(lines->postings, lines->n_postings, sizeof(*lines->postings), by_gram);
	lines->average_grams =
		lines->n_postings > 0 ? (double)lines->n_postings / (double)lines->n : 1;
}

void lines_done(struct lines *lines)
{
	free(lines->lines);
	free(lines->postings);
	*lines = (struct lines){ 0 };
}

int line_scores_init(struct line_scores *scores, const struct lines *lines)
{
	scores->scores = calloc(lines->n + 1, sizeof(*scores->scores));
	scores->masses = calloc(lines->n + 1, sizeof(*scores->masses));
	scores->touched = calloc(lines->n + 1, sizeof(*scores->touched));
	return scores->scores && scores->masses && scores->touched ? 0 : -1;
}

void line_scores_done(struct line_scores *scores)
{
	free(scores->scores);
	free(scores->masses);
	free(scores->touched);
	*scores = (struct line_scores){ 0 };
}

/* First posting whose gram is not below `gram`. */
static size_t lower_bound(const struct lines *lines, uint32_t gram)
{
	size_t low = 0, high = lines->n_postings;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (lines->postings[mid].gram < gram)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static double idf_of(size_t lines, size_t with)
{
	return log(1 + ((double)(lines - with) + 0.5) / ((double)with + 0.5));
}

void lines_search(const struct lines *lines, struct line_scores *s, const char *text, size_t n,
		  line_found *found, void *user)
{
	uint32_t grams[QUERY_GRAMS_MAX], n_touched = 0;
	size_t count = query_grams(text, n, grams, QUERY_GRAMS_MAX);
	double mass = 0;

	for (size_t i = 0; i < count; i++) {
		size_t from = lower_bound(lines, grams[i]), to = from;

		while (to < lines->n_postings && lines->postings[to].gram == grams[i])
			to++;
		double idf = idf_of(lines->n + lines->prior, to - from);

		mass += idf;
		for (size_t p = from; p < to; p++) {
			uint32_t at = lines->postings[p].line;
			double size = (double)lines->lines[at].n_grams / lines->average_grams;

			if (s->masses[at] <= 0)
				s->touched[n_touched++] = at;
			s->scores[at] += (float)(idf * (k1 + 1) / (1 + k1 * (1 - b + b * size)));
			s->masses[at] += (float)idf;
		}
	}
	for (uint32_t i = 0; i < n_touched; i++) {
		uint32_t at = s->touched[i];
		double share = (double)s->masses[at] / mass;

		found(user, (struct line_hit){ lines->lines[at].of, (double)s->scores[at], share });
		s->scores[at] = s->masses[at] = 0;
	}
}
