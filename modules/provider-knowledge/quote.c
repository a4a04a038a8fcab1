/* SPDX-License-Identifier: Apache-2.0 */

/* An article is read as units (a paragraph, a list with its introduction, a table, code). The unit
 * where the answer begins is the one with most of the question's words, rare ones first; the
 * opening has an advantage, as it answers the general question. Words are compared without their
 * endings: "returning" meets "return". */

#include "quote.h"

#include <stdbool.h>
#include <string.h>

enum { WORDS_MAX = 48, STEM_BYTES = 16, STEM_BYTES_MIN = 3, QUOTE_WORDS_MIN = 60 };
static const double opening_weight = 1.05;
static const double unit_weight_min = 0.5; /* of a unit that is added though there is enough */

struct unit {
	baton_str text;
	bool continues; /* the paragraph of the unit before */
	uint32_t n_words;
	uint64_t found; /* bit per word of the question */
};
/* Stems of the question's words. */
struct stems {
	char v[WORDS_MAX][STEM_BYTES];
	uint8_t n[WORDS_MAX];
	unsigned count;
};

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

/* The word in lower case without its English ending, at most STEM_BYTES of it. */
static size_t stem_of(const char *word, size_t n, char stem[STEM_BYTES])
{
	static const char *const endings[] = { "ies", "ing", "ed", "es", "s", "e", "y", "i" };

	n = n < STEM_BYTES ? n : STEM_BYTES;
	for (size_t k = 0; k < n; k++)
		stem[k] = lower(word[k]);
	for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
		size_t len = strlen(endings[i]);

		if (n < len + STEM_BYTES_MIN || memcmp(stem + n - len, endings[i], len) != 0)
			continue;
		return n >= 2 && stem[n - 1] == 's' && stem[n - 2] == 's' ? n : n - len;
	}
	return n;
}

/* Index of the stem, or count if it is none of them. */
static unsigned stem_find(const struct stems *stems, const char stem[STEM_BYTES], size_t n)
{
	unsigned s = 0;

	while (s < stems->count && (stems->n[s] != n || memcmp(stems->v[s], stem, n) != 0))
		s++;
	return s;
}

static struct stems stems_of(baton_str question)
{
	struct stems stems = { .count = 0 };
	size_t at = 0, begin;

	while (stems.count < WORDS_MAX && next_word(question, &at, &begin)) {
		const char *word = question.p + begin;
		char *stem = stems.v[stems.count];
		size_t n = at - begin;

		if (n < STEM_BYTES_MIN || is_function_word(word, n))
			continue;
		n = stem_of(word, n, stem);
		if (stem_find(&stems, stem, n) < stems.count)
			continue;
		stems.n[stems.count++] = (uint8_t)n;
	}
	return stems;
}

static uint64_t words_in(baton_str text, const struct stems *stems)
{
	uint64_t found = 0;
	size_t at = 0, begin;
	char stem[STEM_BYTES];

	while (next_word(text, &at, &begin)) {
		size_t n = stem_of(text.p + begin, at - begin, stem);
		unsigned s = stem_find(stems, stem, n);

		if (s < stems->count)
			found |= UINT64_C(1) << s;
	}
	return found;
}

static uint32_t words_of(baton_str text)
{
	uint32_t n = 0;
	size_t at = 0, begin;

	while (next_word(text, &at, &begin))
		n++;
	return n;
}

static uint32_t bits(uint64_t words)
{
	return (uint32_t)__builtin_popcountll(words);
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

/* --- an article as units --- */

struct units {
	struct unit v[QUOTE_PARTS_MAX];
	unsigned n;
	const struct stems *stems;
	size_t bytes;      /* a paragraph beyond this is several units */
	uint64_t headings; /* words of the headings passed since the last unit */
};

static size_t line_end(baton_str text, size_t at)
{
	const char *end = at < text.n ? memchr(text.p + at, '\n', text.n - at) : NULL;

	return end ? (size_t)(end - text.p) + 1 : text.n;
}

static bool is_blank(baton_str text, size_t from, size_t to)
{
	while (from < to && is_one_of(text.p[from], " \t\r\n"))
		from++;
	return from == to;
}

static bool is_fence(baton_str text, size_t at)
{
	return text.n - at >= 3 && memcmp(text.p + at, "```", 3) == 0;
}

static size_t after_blanks(baton_str text, size_t at)
{
	for (size_t end; at < text.n && is_blank(text, at, end = line_end(text, at));)
		at = end;
	return at;
}

/* Code up to its closing fence; a list or table up to a blank line that no item follows; a
 * paragraph up to a blank line, a heading or a list. */
static size_t block_end(baton_str text, size_t at)
{
	bool fenced = is_fence(text, at), is_list = starts_item(text, at);
	size_t end = line_end(text, at);

	while (end < text.n) {
		size_t next = line_end(text, end);

		if (fenced && is_fence(text, end))
			return next;
		if (!fenced && is_blank(text, end, next)) {
			size_t more = after_blanks(text, end);

			if (!is_list || more >= text.n || !starts_item(text, more))
				return end;
			next = line_end(text, more);
		} else if (!fenced &&
			   (text.p[end] == '#' || (!is_list && starts_item(text, end)))) {
			return end;
		}
		end = next;
	}
	return end;
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

static void unit_add(struct units *units, baton_str text, bool continues)
{
	text = trimmed(text.p, text.n);
	if (units->n == QUOTE_PARTS_MAX || text.n == 0)
		return;
	units->v[units->n++] = (struct unit){
		.text = text,
		.continues = continues,
		.found = words_in(text, units->stems) | units->headings,
		.n_words = words_of(text),
	};
	units->headings = 0;
}

/* End of the last sentence that ends within `bytes`, or of the first. */
static size_t sentences_end(baton_str text, size_t from, size_t bytes)
{
	size_t end = 0;

	for (size_t i = from; i + 1 < text.n && (end == 0 || i < from + bytes); i++)
		if (is_one_of(text.p[i], ".!?") && is_one_of(text.p[i + 1], " \n\r"))
			end = i + 1;
	return end > 0 && text.n - from > bytes ? end : text.n;
}

/* A line that ends no sentence, or asks ("No email?"), introduces the list or table below it. */
static bool introduces(baton_str block, baton_str text, size_t next)
{
	block = trimmed(block.p, block.n);
	return block.n > 0 && !is_one_of(block.p[block.n - 1], ".!") && next < text.n &&
	       starts_item(text, next);
}

static void units_read(struct units *units, baton_str text)
{
	for (size_t at = after_blanks(text, 0), end; at < text.n; at = after_blanks(text, end)) {
		end = block_end(text, at);
		if (text.p[at] == '#') {
			end = line_end(text, at);
			units->headings |=
				words_in((baton_str){ text.p + at, end - at }, units->stems);
			continue;
		}
		size_t next = after_blanks(text, end);
		bool is_plain = !is_fence(text, at) && !starts_item(text, at);

		if (is_plain && introduces((baton_str){ text.p + at, end - at }, text, next)) {
			end = block_end(text, next);
			is_plain = false;
		}
		const baton_str block = { text.p + at, end - at };

		for (size_t from = 0, to; from < block.n; from = to) {
			to = is_plain ? sentences_end(block, from, units->bytes) : block.n;
			unit_add(units, (baton_str){ block.p + from, to - from }, from > 0);
		}
	}
}

/* --- the choice --- */

struct choice {
	bool taken[QUOTE_PARTS_MAX];
	size_t n_bytes;
	uint32_t n_words;
};

/* A word counts the less the more units have it, and half if the whole article is about it. */
static void weights_of(const struct units *units, baton_str title, double weights[WORDS_MAX])
{
	uint64_t in_title = words_in(title, units->stems);

	for (unsigned s = 0; s < units->stems->count; s++) {
		unsigned with = 0;

		for (unsigned i = 0; i < units->n; i++)
			with += (unsigned)((units->v[i].found >> s) & 1);
		weights[s] = with > 0 ? 1.0 / with : 0;
		weights[s] *= (in_title >> s) & 1 ? 0.5 : 1;
	}
}

static double weight_of(const struct unit *unit, const double weights[WORDS_MAX])
{
	double sum = 0;

	for (unsigned s = 0; s < WORDS_MAX; s++)
		sum += (unit->found >> s) & 1 ? weights[s] : 0;
	return sum;
}

/* Ties go to the earlier one. */
static unsigned best_of(const struct units *units, const double weights[WORDS_MAX])
{
	unsigned best = 0;
	double most = opening_weight + (units->n > 0 ? weight_of(&units->v[0], weights) : 0);

	for (unsigned i = 1; i < units->n; i++) {
		double weight = weight_of(&units->v[i], weights);

		if (weight <= most)
			continue;
		most = weight;
		best = i;
	}
	return best;
}

/* Takes a unit if it fits; the first always does. */
static void take(struct choice *choice, const struct units *units, unsigned i, uint32_t bytes)
{
	const struct unit *unit = &units->v[i];

	if (choice->taken[i] || (choice->n_bytes > 0 && choice->n_bytes + unit->text.n > bytes))
		return;
	choice->taken[i] = true;
	choice->n_bytes += unit->text.n;
	choice->n_words += unit->n_words;
}

/* The best unit, later ones that speak about the question, too, and what follows the best one until
 * there is enough to read. */
static struct choice choose(const struct units *units, baton_str title, uint32_t bytes)
{
	double weights[WORDS_MAX] = { 0 };
	struct choice choice = { .n_bytes = 0 };

	weights_of(units, title, weights);
	unsigned best = best_of(units, weights);

	take(&choice, units, best, bytes);
	for (unsigned i = best + 1; i < units->n; i++)
		if (weight_of(&units->v[i], weights) >= unit_weight_min)
			take(&choice, units, i, bytes);
	for (unsigned i = best + 1; i < units->n && choice.n_words < QUOTE_WORDS_MIN; i++)
		take(&choice, units, i, bytes);
	return choice;
}

void quote_best(const struct quote_source *source, baton_str question, uint32_t bytes,
		struct quote *ret_quote)
{
	const struct stems stems = stems_of(question);
	struct units units = { .stems = &stems, .bytes = bytes };
	uint64_t found = 0;

	for (unsigned i = 0; i < source->n; i++)
		units_read(&units, source->passages[i]);
	/* Nothing but a heading: better than nothing. */
	if (units.n == 0 && source->n > 0)
		unit_add(&units, source->passages[0], false);
	ret_quote->n = 0;
	if (units.n == 0)
		return;
	const struct choice choice = choose(&units, source->title, bytes);

	for (unsigned i = 0; i < units.n; i++) {
		bool continues = i > 0 && choice.taken[i - 1] && units.v[i].continues;

		if (!choice.taken[i])
			continue;
		ret_quote->parts[ret_quote->n++] =
			(struct quote_part){ units.v[i].text, continues };
		found |= units.v[i].found;
	}
	ret_quote->overlap = bits(found);
}

size_t quote_unwrap(baton_str text, char *out)
{
	size_t o = 0;
	bool is_code = text.n > 0 && is_fence(text, 0);

	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] != '\n' || is_code) {
			out[o++] = text.p[i];
			continue;
		}
		size_t next = after_blanks(text, i + 1);
		bool is_break = o >= 2 && out[o - 1] == ' ' && out[o - 2] == ' ';

		out[o++] = next > i + 1 || is_break || starts_item(text, next) ? '\n' : ' ';
		if (next > i + 1)
			out[o++] = '\n';
		else
			while (out[o - 1] == ' ' && next < text.n && text.p[next] == ' ')
				next++;
		i = next - 1;
	}
	return o;
}

uint32_t quote_overlap(baton_str text, baton_str question)
{
	const struct stems stems = stems_of(question);

	return bits(words_in(text, &stems));
}
