/* SPDX-License-Identifier: Apache-2.0 */

/* Sentences and lines are units; every run of units that fits is weighed by the question's words in
 * it. Words are compared by their first letters: "returning" meets "return" without a stemmer. */

#include "quote.h"

#include <stdbool.h>
#include <string.h>

enum { UNITS_MAX = 64, WORDS_MAX = 48, STEM_BYTES = 5, STEM_BYTES_MIN = 3 };

struct unit {
	size_t begin, end;
	bool is_item;   /* of a list */
	uint64_t words; /* bit per word of the question */
};
/* Stems of the question's words. */
struct stems {
	char v[WORDS_MAX][STEM_BYTES];
	uint8_t n[WORDS_MAX];
	unsigned count;
};

/* Short words that carry no subject; longer ones of the kind are "about", "could", ... */
static const char *const function_words[] = {
	"the",   "and",    "can",  "how",     "what",  "when",  "where", "why",  "who",  "does",
	"did",   "you",    "your", "for",     "with",  "have",  "has",   "are",  "was",  "will",
	"would", "could",  "this", "that",    "there", "about", "from",  "get",  "not",  "but",
	"any",   "please", "want", "need",    "like",  "tell",  "know",  "der",  "die",  "das",
	"und",   "ist",    "wie",  "ich",     "wann",  "mein",  "meine", "kann", "eine", "les",
	"des",   "est",    "que",  "comment", "pour",  "mon",   "una",   "mis",  "como", "che",
	"con",   "het",    "een",  "hoe",     "mijn",
};

static bool is_letter(char c)
{
	return (unsigned char)c >= 0x80 || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
	       (c >= 'A' && c <= 'Z');
}

static bool is_one_of(char c, const char *set)
{
	return c != 0 && strchr(set, c);
}

static char lower(char c)
{
	return (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
}

/* The next word's place; false at the end. */
static bool next_word(baton_str text, size_t *at, size_t *ret_begin)
{
	while (*at < text.n && !is_letter(text.p[*at]))
		(*at)++;
	*ret_begin = *at;
	while (*at < text.n && is_letter(text.p[*at]))
		(*at)++;
	return *at > *ret_begin;
}

static bool is_function_word(const char *word, size_t n)
{
	for (size_t i = 0; i < sizeof(function_words) / sizeof(function_words[0]); i++) {
		const char *f = function_words[i];
		size_t k = 0;

		while (k < n && f[k] && lower(word[k]) == f[k])
			k++;
		if (k == n && f[k] == 0)
			return true;
	}
	return false;
}

/* Index of the word's stem, or count if it is none of them. */
static unsigned stem_find(const struct stems *stems, const char *word, size_t n)
{
	size_t len = n < STEM_BYTES ? n : STEM_BYTES;

	for (unsigned s = 0; s < stems->count; s++) {
		size_t k = 0;

		while (k < len && stems->n[s] == len && stems->v[s][k] == lower(word[k]))
			k++;
		if (k == len)
			return s;
	}
	return stems->count;
}

static struct stems stems_of(baton_str question)
{
	struct stems stems = { .count = 0 };
	size_t at = 0, begin;

	while (stems.count < WORDS_MAX && next_word(question, &at, &begin)) {
		const char *word = question.p + begin;
		size_t n = at - begin;

		if (n < STEM_BYTES_MIN || is_function_word(word, n) ||
		    stem_find(&stems, word, n) < stems.count)
			continue;
		stems.n[stems.count] = (uint8_t)(n < STEM_BYTES ? n : STEM_BYTES);
		for (size_t k = 0; k < stems.n[stems.count]; k++)
			stems.v[stems.count][k] = lower(word[k]);
		stems.count++;
	}
	return stems;
}

static uint64_t words_in(baton_str text, const struct stems *stems)
{
	uint64_t found = 0;
	size_t at = 0, begin;

	while (next_word(text, &at, &begin)) {
		unsigned s = stem_find(stems, text.p + begin, at - begin);

		if (s < stems->count)
			found |= UINT64_C(1) << s;
	}
	return found;
}

static bool starts_item(baton_str text, size_t at)
{
	while (at < text.n && text.p[at] == ' ')
		at++;
	size_t digits = at;

	/* A table's rows belong together as a list's items do. */
	if (at < text.n && text.p[at] == '|')
		return true;
	if (at + 1 < text.n && is_one_of(text.p[at], "-*+") && text.p[at + 1] == ' ')
		return true;
	while (digits < text.n && text.p[digits] >= '0' && text.p[digits] <= '9')
		digits++;
	return digits > at && digits + 1 < text.n && text.p[digits] == '.' &&
	       text.p[digits + 1] == ' ';
}

/* End of the unit at `at`: after a sentence or a line; a list item is one unit. */
static size_t unit_end(baton_str text, size_t at, bool is_item)
{
	for (size_t i = at; i < text.n; i++) {
		if (text.p[i] == '\n')
			return i + 1;
		if (!is_item && is_one_of(text.p[i], ".!?") && i + 1 < text.n &&
		    text.p[i + 1] == ' ')
			return i + 2;
	}
	return text.n;
}

static unsigned units_of(baton_str text, const struct stems *stems, struct unit units[UNITS_MAX])
{
	unsigned n = 0;

	for (size_t at = 0; at < text.n && n < UNITS_MAX;) {
		bool is_item = starts_item(text, at) && (at == 0 || text.p[at - 1] == '\n');
		size_t end = unit_end(text, at, is_item);

		units[n++] = (struct unit){ at, end, is_item,
					    words_in((baton_str){ text.p + at, end - at }, stems) };
		at = end;
	}
	return n;
}

/* Lines that open a passage with '#' are its heading: the source line names the article anyway. */
static baton_str without_heading(baton_str text)
{
	size_t at = 0;

	while (at < text.n && (text.p[at] == '#' || text.p[at] == '\n')) {
		const char *end = memchr(text.p + at, '\n', text.n - at);

		if (!end)
			return text; /* nothing but a heading: better than nothing */
		at = (size_t)(end - text.p) + 1;
	}
	return at < text.n ? (baton_str){ text.p + at, text.n - at } : text;
}

static uint32_t bits(uint64_t words)
{
	return (uint32_t)__builtin_popcountll(words);
}

/* Lists are steps or alternatives: half of one misleads. A line that ends in ':' introduces what
 * follows. Grows a run until neither end cuts through such a thing. */
static void widen(baton_str text, const struct unit *units, unsigned n, unsigned *from,
		  unsigned *to)
{
	while (*to < n && units[*to].is_item &&
	       (units[*to - 1].is_item || text.p[units[*to].begin - 1] == '\n'))
		(*to)++;
	while (*from > 0 && units[*from].is_item)
		(*from)--;
}

static baton_str trimmed(const char *p, size_t n)
{
	while (n > 0 && is_one_of(p[n - 1], " \n\r\t"))
		n--;
	while (n > 0 && is_one_of(*p, " \n\r\t")) {
		p++;
		n--;
	}
	return (baton_str){ p, n };
}

struct quote quote_best(baton_str passage, baton_str question, uint32_t bytes)
{
	struct unit units[UNITS_MAX];
	baton_str text = without_heading(passage);
	const struct stems stems = stems_of(question);
	unsigned n = units_of(text, &stems, units), best_from = 0, best_to = n > 0;
	uint32_t best = 0;

	for (unsigned from = 0; from < n; from++) {
		uint64_t words = 0;

		for (unsigned to = from; to < n; to++) {
			if (to > from && units[to].end - units[from].begin > bytes)
				break;
			words |= units[to].words;
			/* Of equal runs the earliest, and of these the longest: context helps. */
			if (bits(words) > best || (bits(words) == best && from == best_from)) {
				best = bits(words);
				best_from = from;
				best_to = to + 1;
			}
		}
	}
	if (n == 0)
		return (struct quote){ .text = trimmed(text.p, text.n) };
	widen(text, units, n, &best_from, &best_to);
	size_t begin = units[best_from].begin, end = units[best_to - 1].end;

	return (struct quote){ trimmed(text.p + begin, end - begin), best };
}

uint32_t quote_overlap(baton_str text, baton_str question)
{
	const struct stems stems = stems_of(question);

	return bits(words_in(text, &stems));
}
