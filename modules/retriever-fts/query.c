/* SPDX-License-Identifier: Apache-2.0 */

/* Message bytes to FTS5 phrases: lower case, split where the unicode61 tokenizer would split ASCII,
 * repeated words once. Bytes that are not UTF-8 separate words like a space does. */

#include "query.h"

#include <stdio.h>
#include <string.h>

/* Words that carry a question without saying what it is about. They still rank ("what is X" is not
 * "where is X"), but a match of nothing else is no match. */
static const char *const function_words[] = {
	"a",    "about", "an",     "and",   "any",   "are",   "at",    "be",     "been", "but",
	"by",   "can",   "could",  "did",   "do",    "does",  "for",   "from",   "get",  "got",
	"had",  "has",   "have",   "hello", "hey",   "hi",    "how",   "i",      "if",   "im",
	"in",   "is",    "it",     "its",   "ive",   "just",  "know",  "like",   "me",   "my",
	"need", "no",    "not",    "of",    "on",    "or",    "our",   "please", "so",   "some",
	"tell", "thank", "thanks", "that",  "the",   "there", "they",  "this",   "to",   "up",
	"us",   "want",  "was",    "we",    "what",  "when",  "where", "which",  "who",  "why",
	"will", "with",  "would",  "you",   "your",  "ab",    "als",   "am",     "auf",  "aus",
	"bei",  "bin",   "bitte",  "das",   "dass",  "dem",   "den",   "der",    "die",  "ein",
	"eine", "einen", "er",     "es",    "gibt",  "habe",  "haben", "ich",    "ihr",  "ist",
	"kann", "mein",  "meine",  "mit",   "nicht", "oder",  "sie",   "sind",   "und",  "von",
	"wann", "warum", "wie",    "wir",   "wo",    "zu",    "zum",   "de",     "du",   "el",
	"en",   "est",   "et",     "il",    "je",    "la",    "le",    "les",    "ma",   "mes",
	"mi",   "mon",   "per",    "por",   "pour",  "que",   "un",    "una",    "une",  "van",
	"het",  "een",   "ik",     "mijn",  "che",   "di",    "con",
};

static float weight_of(const char *word, size_t n)
{
	for (size_t i = 0; i < sizeof(function_words) / sizeof(function_words[0]); i++)
		if (strlen(function_words[i]) == n && memcmp(function_words[i], word, n) == 0)
			return 0.1F;
	return 1.0F;
}

/* Length of the UTF-8 character at p, 0 if there is none. */
static size_t character(const unsigned char *p, size_t left)
{
	size_t n = p[0] < 0x80                   ? 1
		   : p[0] >= 0xc2 && p[0] < 0xe0 ? 2
		   : p[0] >= 0xe0 && p[0] < 0xf0 ? 3
						 : 4;

	if ((p[0] >= 0x80 && p[0] < 0xc2) || p[0] > 0xf4 || n > left)
		return 0;
	for (size_t i = 1; i < n; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	/* Overlong forms, surrogates and what lies beyond U+10FFFF. */
	if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) ||
	    (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
		return 0;
	return n;
}

/* Typographic marks of U+2000..U+206F are no letters; the apostrophe among them joins, as ASCII's. */
static bool is_mark(const unsigned char *p, size_t n)
{
	return n == 3 && p[0] == 0xe2 && (p[1] == 0x80 || p[1] == 0x81);
}

static bool is_apostrophe(const unsigned char *p, size_t n)
{
	return p[0] == '\'' || (n == 3 && p[0] == 0xe2 && p[1] == 0x80 && p[2] == 0x99);
}

/* Words separated by single spaces; returns the bytes written, at most QUERY_TEXT_MAX. */
static size_t clean(const char *text, size_t n, char *out)
{
	const unsigned char *p = (const unsigned char *)text;
	size_t o = 0, len;

	if (n > QUERY_TEXT_MAX)
		n = QUERY_TEXT_MAX;
	for (size_t i = 0; i < n; i += len ? len : 1) {
		len = character(p + i, n - i);
		if (len > 0 && is_apostrophe(p + i, len))
			continue;
		bool is_word = len > 1 ? !is_mark(p + i, len)
				       : len == 1 && ((p[i] >= '0' && p[i] <= '9') ||
						      ((p[i] | 32) >= 'a' && (p[i] | 32) <= 'z'));

		if (is_word && len > 1)
			memcpy(out + o, p + i, len);
		else if (is_word)
			out[o] = (char)(p[i] >= 'A' && p[i] <= 'Z' ? p[i] + 32 : p[i]);
		else if (o > 0 && out[o - 1] != ' ')
			out[o] = ' ';
		else
			continue;
		o += is_word ? len : 1;
	}
	while (o > 0 && out[o - 1] == ' ')
		o--;
	return o;
}

/* Appends `"word"` to a list joined by OR, unless it is there already or there is no room. */
static bool add(char *list, size_t cap, const char *word, size_t n)
{
	char quoted[128];
	size_t have = strlen(list);

	if (n > sizeof(quoted) - 3)
		return false;
	snprintf(quoted, sizeof(quoted), "\"%.*s\"", (int)n, word);
	if (strstr(list, quoted) || have + n + 7 > cap)
		return false;
	snprintf(list + have, cap - have, "%s%s", have ? " OR " : "", quoted);
	return true;
}

/* In a large collection "how do I" matches nearly everything, and ranking all of it costs
 * milliseconds. So a row must have one of the words that carry the subject, if there are any; the
 * others still count for the rank, as the second half of the expression holds them all. */
static void require_subject(struct query *out, const char *subject, const char *all)
{
	if (*subject && strcmp(subject, all) != 0)
		snprintf(out->match, sizeof(out->match), "(%s) AND (%s)", subject, all);
	else
		snprintf(out->match, sizeof(out->match), "%s", all);
}

void query_words(const char *text, size_t n, struct query *out)
{
	char words[QUERY_TEXT_MAX], subject[QUERY_SQL_MAX / 2 - 16] = "", all[sizeof(subject)] = "";
	float weights[QUERY_WORDS_MAX];
	size_t len = clean(text, n, words), begin = 0;
	unsigned n_all = 0, n_subject = 0;

	for (size_t i = 0; i <= len && n_all < QUERY_WORDS_MAX; i++) {
		if (i < len && words[i] != ' ')
			continue;
		float weight = weight_of(words + begin, i - begin);

		if (i > begin && add(all, sizeof(all), words + begin, i - begin)) {
			weights[n_all++] = weight;
			if (weight >= 1.0F &&
			    add(subject, sizeof(subject), words + begin, i - begin))
				n_subject++;
		}
		begin = i + 1;
	}
	require_subject(out, subject, all);
	/* FTS5 numbers phrases as they stand: those of the first half do not count a second time. */
	out->n_skip = strcmp(out->match, all) == 0 ? 0 : n_subject;
	out->n = n_all;
	out->has_subject = n_subject > 0;
	memcpy(out->weights, weights, n_all * sizeof(*weights));
}

static uint32_t gram_hash(const char *p, size_t n)
{
	uint32_t h = 2166136261U;

	for (size_t i = 0; i < n; i++)
		h = (h ^ (unsigned char)p[i]) * 16777619U;
	return h;
}

size_t query_grams(const char *text, size_t n, uint32_t grams[QUERY_GRAMS_MAX])
{
	char words[QUERY_TEXT_MAX];
	size_t len = clean(text, n, words), starts[3] = { 0 }, count = 0;

	for (size_t i = 0, seen = 0; i < len && count < QUERY_GRAMS_MAX; seen++) {
		size_t c = character((const unsigned char *)words + i, len - i);
		bool is_new = seen >= 2;

		starts[seen % 3] = i;
		i += c ? c : 1;
		size_t start = starts[(seen + 1) % 3];
		uint32_t hash = gram_hash(words + start, i - start);

		for (size_t k = 0; k < count && is_new; k++)
			is_new = grams[k] != hash;
		if (is_new)
			grams[count++] = hash;
	}
	return count;
}
