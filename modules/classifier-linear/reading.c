/* SPDX-License-Identifier: Apache-2.0 */

/* A message of several clauses is looked at as a whole and clause by clause: "The lamp came
 * broken. And where is my other parcel?" is two intents, of which the whole shows a mixture. A
 * clause counts only if it is sure of itself; the whole stays the measure for everything else. */

#include "reading.h"

#include "human.h"

#include <math.h>
#include <string.h>
#include <strings.h>

enum { CLAUSES_MAX = 3, CLAUSE_WORDS_MIN = 3, ANSWER_WORDS_MAX = 8 };
static const float clause_sure = 0.6F, whole_sure = 0.75F, answer_below = 0.5F,
		   mixture_below = 0.3F;

/* --- clauses --- */

/* A stop within a number or an address is none. */
static bool is_stop(const char *p, size_t n)
{
	switch (*p) {
	case '\n':
		return true;
	case '.':
	case '!':
	case '?':
	case ';':
		return n == 1 || p[1] == ' ' || p[1] == '\n';
	default:
		return false;
	}
}

static bool is_joint(const char *p, size_t n, bool words, size_t *ret_n)
{
	static const char *const joints[] = { " and ",  " but ", " also ", " plus ", " und ",
					      " aber ", " et ",  " mais ", " pero ", " maar " };

	words = words && *p == ' '; /* as each of them begins */
	for (size_t i = 0; words && i < sizeof(joints) / sizeof(joints[0]); i++) {
		*ret_n = strlen(joints[i]);
		if (*ret_n <= n && strncasecmp(p, joints[i], *ret_n) == 0)
			return true;
	}
	*ret_n = 1;
	return is_stop(p, n);
}

static unsigned words_in(const char *p, size_t n)
{
	unsigned words = 0;

	for (size_t i = 0; i < n; i++)
		words += p[i] != ' ' && (i == 0 || p[i - 1] == ' ');
	return words;
}

/* At stops, and at joining words if `words`. */
static unsigned split(baton_str text, bool words, baton_str clauses[CLAUSES_MAX])
{
	size_t begin = 0, joint = 0, end = text.n < TEXT_BYTES_MAX ? text.n : TEXT_BYTES_MAX;
	unsigned n = 0;

	for (size_t i = 0; i <= end && n < CLAUSES_MAX; i++) {
		if (i < end && (text.p[i] > '?' || /* a letter, as most are */
				!is_joint(text.p + i, end - i, words, &joint)))
			continue;
		/* A question mark is a word of its own. */
		size_t to = i < end && text.p[i] == '?' ? i + 1 : i;

		if (words_in(text.p + begin, to - begin) >= CLAUSE_WORDS_MIN)
			clauses[n++] = (baton_str){ text.p + begin, to - begin };
		if (i < end)
			i += joint - 1;
		begin = i + 1;
	}
	return n;
}

/* --- intents --- */

static uint32_t place_of(const struct reading *reading, uint32_t label)
{
	uint32_t i = 0;

	while (i < reading->n && reading->v[i].label != label)
		i++;
	return i;
}

/* Keeps the order; of two for one intent the surer one. */
static void add(struct reading *reading, uint32_t label, float p)
{
	uint32_t at = place_of(reading, label);

	if (at == reading->n && reading->n == READING_MAX)
		return;
	if (at == reading->n)
		reading->v[reading->n++].p = -1;
	if (reading->v[at].p >= p)
		return;
	reading->v[at].p = p;
	reading->v[at].label = label;
	for (; at > 0 && reading->v[at - 1].p < p; at--) {
		reading->v[at] = reading->v[at - 1];
		reading->v[at - 1].label = label;
		reading->v[at - 1].p = p;
	}
}

/* The intents that clauses are sure of; of use if they differ. */
static void read_clauses(const struct model *model, struct scratch *scratch, baton_str text,
			 bool words, struct reading *out)
{
	baton_str clauses[CLAUSES_MAX];
	unsigned n = text.p ? split(text, words, clauses) : 0;

	if (n < 2)
		return;
	memcpy(scratch->whole, scratch->margins, model->n_padded * sizeof(float));
	for (unsigned i = 0; i < n; i++) {
		struct guess guess = model_predict(model, scratch, clauses[i].p, clauses[i].n);
		float p = model_confidence(model, &guess), doubt = model_doubt(model, &guess);

		if (!guess.in_scope || p < clause_sure)
			continue;
		add(out, guess.label, p);
		out->doubt = doubt < out->doubt ? doubt : out->doubt;
	}
	memcpy(scratch->margins, scratch->whole, model->n_padded * sizeof(float));
	size_t length = text_normalise(text.p, text.n, scratch->normal, sizeof(scratch->normal));

	text_words(scratch->normal, length, &scratch->features);
}

/* Two clauses that are sure of different things are two intents. The best of the whole stays the
 * best, unless it is none of theirs and doubtful: a mixture. */
static void add_clauses(const struct model *model, struct scratch *scratch, baton_str text,
			struct reading *out)
{
	struct reading clauses = { .doubt = out->doubt };

	read_clauses(model, scratch, text, out->v[0].p < whole_sure, &clauses);
	if (clauses.n < 2)
		return;
	uint32_t whole = out->v[0].label, at = place_of(&clauses, whole);

	if (at == clauses.n && out->v[0].p >= mixture_below)
		return;
	if (at < clauses.n)
		reading_put_first(&clauses, whole, clauses.v[0].p, READING_MAX);
	*out = clauses;
}

/* The best intents that are not listed, at most `max`, best first; of equals the first. */
static uint32_t next_best(const struct model *model, const float *z, const struct reading *reading,
			  uint32_t max, uint32_t best[READING_MAX])
{
	uint32_t n = 0;

	for (uint32_t c = 0; c < model->n_classes; c++) {
		uint32_t at;

		if ((n == max && z[c] <= z[best[n - 1]]) || place_of(reading, c) < reading->n)
			continue;
		for (at = n < max ? n++ : n - 1; at > 0 && z[best[at - 1]] < z[c]; at--)
			best[at] = best[at - 1];
		best[at] = c;
	}
	return n;
}

/* What the best leaves of certainty is shared out by distance; none is surer than those before. */
static void add_others(const struct model *model, const struct scratch *scratch, uint32_t best,
		       float p, uint32_t cap, struct reading *out)
{
	const float *z = scratch->margins;
	uint32_t max = cap < READING_MAX ? cap : READING_MAX, others[READING_MAX];
	float sum = 0;

	if (out->n >= max)
		return;
	for (uint32_t c = 0; c < model->n_classes; c++)
		sum += c == best ? 0 : expf(4.0F * (z[c] - z[best]));
	uint32_t n = next_best(model, z, out, max - out->n, others);

	for (uint32_t i = 0; i < n; i++) {
		uint32_t c = others[i];
		float least = out->v[out->n - 1].p;
		float share = sum > 0 ? (1.0F - p) * expf(4.0F * (z[c] - z[best])) / sum : 0;

		out->v[out->n].label = c;
		out->v[out->n++].p = share < least ? share : least;
	}
}

static float person_of(const struct model *model, const struct scratch *scratch,
		       const struct reading *reading)
{
	float most = human_wanted(model->human, &scratch->features);

	for (uint32_t i = 0; i < reading->n; i++)
		if (model->asks_person[reading->v[i].label] && reading->v[i].p > most)
			most = reading->v[i].p;
	return most;
}

void model_read(const struct model *model, struct scratch *scratch, baton_str text, uint32_t cap,
		struct reading *out)
{
	struct guess guess = model_predict(model, scratch, text.p, text.n);
	float p = model_confidence(model, &guess);

	*out = (struct reading){ .doubt = model_doubt(model, &guess) };
	if (guess.has_evidence && cap > 0) {
		add(out, guess.label, p);
		add_clauses(model, scratch, text, out);
		add_others(model, scratch, guess.label, p, cap, out);
	}
	out->n = out->n < cap ? out->n : cap;
	out->human = person_of(model, scratch, out);
}

bool reading_is_answer(const struct scratch *scratch, const struct reading *reading)
{
	return text_n_words(&scratch->features) <= ANSWER_WORDS_MAX &&
	       (reading->n == 0 || reading->v[0].p < answer_below);
}

void reading_put_first(struct reading *reading, uint32_t label, float p, uint32_t cap)
{
	uint32_t at = place_of(reading, label);

	if (at == reading->n) {
		if (cap == 0)
			return;
		at = reading->n < cap && reading->n < READING_MAX ? reading->n++ : reading->n - 1;
	}
	for (; at > 0; at--)
		reading->v[at] = reading->v[at - 1];
	reading->v[0].label = label;
	reading->v[0].p = p;
}
