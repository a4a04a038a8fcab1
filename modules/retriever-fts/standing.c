/* SPDX-License-Identifier: Apache-2.0 */

/* Two figures for each article, from the same witnesses. Its rank (BM25 of its passages, likeness
 * to a title or phrasing, the intent it declares) orders; its score says how likely it answers,
 * which BM25 cannot: its scale follows the length of the question.
 */

#include "standing.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double line_share = 0.2;   /* of the likeness in the rank */
static const double second_share = 0.2; /* of an article's second passage in its rank */
/* An article past its date comes behind one that answers nearly as well; where articles are in
 * several languages, the customer's own comes first. */
static const double stale_share = 0.75, language_share = 1.1;
/* An article that declares the intent: what that adds to its rank, as a share of the most that the
 * question's words could bring, and to its score. */
static const double tag_rank = 0.25, tag_evidence = 0.4;
static const double tag_rank_max = 1.5; /* in words that only one passage has: a long question */
/* Words of a question that are rare and stand where they matter are evidence, too: from so many
 * rare words on, each that much, up to a bound. */
static const double strength_from = 1.25, strength_most = 2, strength_evidence = 0.18;
static const double support_full = 0.3;     /* so much of the question is support enough for both */
static const double intent_evidence = 0.12; /* a word of the intent's name in the text */
/* The opening of an article answers the general question. Another passage comes before it only if
 * its text has so much more of the question (title and phrasings count for both). */
static const double opening_margin = 0.2;

/* The first passage of an article; passages are in the articles' order. n_passages: it has none. */
static uint32_t first_passage(const struct library *l, uint32_t article)
{
	uint32_t low = 0, high = l->n_passages;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;

		if (l->passages[mid].article < article)
			low = mid + 1;
		else
			high = mid;
	}
	return low < l->n_passages && l->passages[low].article == article ? low : l->n_passages;
}

/* NULL: no room, or an article without a passage. */
static struct standing *standing_of(struct standings *s, uint32_t article)
{
	const struct library *l = s->library;

	if (s->hidden && s->hidden[article])
		return NULL;
	for (unsigned i = 0; i < s->n; i++)
		if (s->v[i].article == article)
			return &s->v[i];
	uint32_t opening = first_passage(l, article);

	if (s->n == STANDINGS_MAX || opening == l->n_passages)
		return NULL;
	s->v[s->n] = (struct standing){
		.article = article,
		.opening = opening,
		.other = l->n_passages,
	};
	return &s->v[s->n++];
}

void standings_passage(struct standings *s, struct standing_find find)
{
	struct standing *at = standing_of(s, s->library->passages[find.passage].article);

	if (!at)
		return;
	at->on_intent = at->on_intent || find.on_intent;
	at->said = fmax(at->said, find.said);
	at->strength = fmax(at->strength, find.strength);
	if (find.passage == at->opening) {
		at->opening_score = fmax(at->opening_score, find.score);
		at->opening_coverage = fmax(at->opening_coverage, find.coverage);
	} else if (find.score > at->other_score) {
		at->other = find.passage;
		at->other_score = find.score;
		at->other_coverage = find.coverage;
	}
}

void standings_line(struct standings *s, uint32_t article, double score, double likeness)
{
	struct standing *at = standing_of(s, article);

	if (at && score > at->line_score) {
		at->line_score = score;
		at->likeness = likeness;
	}
}

void standings_intent(struct standings *s, const char *intent, size_t n)
{
	const struct library *l = s->library;

	for (uint32_t i = 0; i < l->n_tags && n > 0; i++) {
		if (strlen(l->tags[i].intent) != n || memcmp(l->tags[i].intent, intent, n) != 0)
			continue;
		struct standing *at = standing_of(s, l->tags[i].article);

		if (at)
			at->is_tagged = true;
	}
}

static double rank_of(const struct standings *s, const struct standing *at)
{
	double best = fmax(at->opening_score, at->other_score);
	double second = fmin(at->opening_score, at->other_score);
	double tag = fmin(tag_rank * (s->reach + 1), tag_rank_max * s->rare);
	double rank = best + second_share * second + line_share * at->line_score +
		      (at->is_tagged ? tag : 0);
	const struct article *article = &s->library->articles[at->article];

	if (article->last_day < s->today)
		rank *= stale_share;
	if (s->library->n_languages > 1 && strcmp(article->language, s->language) == 0)
		rank *= language_share;
	return rank;
}

/* How likely a passage of this article answers. The first three terms were weighed on StackFAQ's
 * questions (500 that have an article) against 500 that have none: AUROC .93, against .89 for
 * either alone; the others on the demonstration shop. */
static uint32_t score_of(const struct standings *s, const struct standing *at, double coverage)
{
	double x = 0.3 * coverage + 0.8 * at->likeness + coverage * at->likeness;
	double strength = at->strength / s->rare - strength_from;

	/* "How can I" finds itself everywhere. */
	x *= s->has_subject ? 1 : 0.35;
	x += s->has_subject ? strength_evidence * fmin(fmax(strength, 0), strength_most) : 0;
	/* Two witnesses for one subject. The classifier takes anything for some intent: what it
	 * says counts only with something that the customer said. */
	double support = fmin((at->said + at->likeness) / support_full, 1);

	x += at->on_intent ? support * intent_evidence : 0;
	x += at->is_tagged ? support * tag_evidence : 0;
	return (uint32_t)lrint(1e6 * (1 - exp(-1.3 * x)));
}

static int by_rank(const void *left, const void *right)
{
	const struct standing *l = left, *r = right;

	if (l->rank != r->rank)
		return l->rank < r->rank ? 1 : -1;
	return (l->article > r->article) - (l->article < r->article);
}

/* The opening, and the other passage if words found it; that one first if it fits clearly
 * better. */
static unsigned hits_of(const struct standings *s, const struct standing *at, struct hit hits[2])
{
	const struct hit opening = { at->opening, score_of(s, at, at->opening_coverage) };
	const struct hit other = { at->other, score_of(s, at, at->other_coverage) };
	bool has_other = at->other < s->library->n_passages;
	bool swap = has_other && at->other_coverage > at->opening_coverage + opening_margin;

	hits[0] = swap ? other : opening;
	hits[1] = swap ? opening : other;
	/* One article, one likelihood: a list that is read from its top stays in order. */
	if (has_other && hits[1].score_ppm > hits[0].score_ppm)
		hits[0].score_ppm = hits[1].score_ppm;
	return has_other ? 2 : 1;
}

unsigned standings_hits(struct standings *s, uint32_t k, struct hit hits[HITS_MAX])
{
	unsigned n = 0;

	for (unsigned i = 0; i < s->n; i++)
		s->v[i].rank = rank_of(s, &s->v[i]);
	qsort(s->v, s->n, sizeof(*s->v), by_rank);
	for (unsigned i = 0; i < s->n; i++) {
		struct hit found[HITS_PER_ARTICLE_MAX];
		unsigned n_found = hits_of(s, &s->v[i], found);

		for (unsigned f = 0; f < n_found && n < k && n < HITS_MAX; f++)
			if (found[f].score_ppm >= s->library->min_score_ppm)
				hits[n++] = found[f];
	}
	return n;
}
