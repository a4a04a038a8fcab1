/* SPDX-License-Identifier: Apache-2.0 */

/* Message bytes to FTS5 phrases: lower case, split where the unicode61 tokenizer would split ASCII,
 * repeated words once. Bytes that are not UTF-8 separate words like a space does. */

#include "query.h"

#include "synonyms.h"

#include <stdio.h>
#include <string.h>
#include <utf8proc.h>

enum { LATIN_END = 0x0530 };            /* behind Cyrillic, too */
enum { WORD_BYTES_MAX = 56 };           /* with quotes and OR, 32 of them fit half an expression */
static const float intent_share = 0.5F; /* of an intent's word, against one the customer said */

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

static bool is_function_word(const char *word, size_t n)
{
	for (size_t i = 0; i < sizeof(function_words) / sizeof(function_words[0]); i++)
		if (strlen(function_words[i]) == n && memcmp(function_words[i], word, n) == 0)
			return true;
	return false;
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

/* Typographic marks of U+2000..U+206F are no letters; the apostrophe among them joins, as ASCII's.
 * Nor are those of U+3000..U+303F, the wide forms of ASCII's, and the inverted ones of Spanish. */
static bool is_mark(const unsigned char *p, size_t n)
{
	bool is_wide = n == 3 && p[0] == 0xef && p[1] == 0xbc &&
		       (p[2] < 0x90 || (p[2] > 0x99 && p[2] < 0xa1));

	return (n == 3 && p[0] == 0xe2 && (p[1] == 0x80 || p[1] == 0x81)) ||
	       (n == 3 && p[0] == 0xe3 && p[1] == 0x80) || is_wide ||
	       (n == 2 && p[0] == 0xc2 && (p[1] == 0xa1 || p[1] == 0xbf || p[1] == 0xa0));
}

static bool is_apostrophe(const unsigned char *p, size_t n)
{
	return p[0] == '\'' || (n == 3 && p[0] == 0xe2 && p[1] == 0x80 && p[2] == 0x99);
}

/* Words separated by single spaces; returns the bytes written, at most `cap`. */
static size_t clean(const char *text, size_t n, char *out, size_t cap)
{
	const unsigned char *p = (const unsigned char *)text;
	size_t o = 0, len;

	if (n > cap)
		n = cap;
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

static struct query_word *word_find(struct query *q, const char *word, size_t n)
{
	for (unsigned i = 0; i < q->n; i++)
		if (q->words[i].n == n && memcmp(q->words[i].p, word, n) == 0)
			return &q->words[i];
	return NULL;
}

static void word_add(struct query *q, const char *word, size_t n, float share)
{
	const bool is_function = is_function_word(word, n), is_said = share >= 1;
	struct query_word *have = word_find(q, word, n);

	/* A word of both is meant twice. */
	if (have && !is_said && !is_function) {
		have->rank += share;
		have->is_intent = true;
	}
	if (have || q->n == QUERY_WORDS_MAX || n > WORD_BYTES_MAX || (is_function && !is_said))
		return;
	q->words[q->n] = (struct query_word){
		.p = word,
		.n = n,
		.rank = share,
		.evidence = is_function ? 0.1F : share,
		.is_intent = !is_said,
		.of = (uint8_t)q->n,
	};
	q->n++;
	q->has_subject = q->has_subject || (!is_function && is_said);
}

/* Other words for what was said. They match in place of their word, and add nothing to it. */
static void synonyms_add(struct query *q)
{
	for (unsigned i = 0, n_said = q->n; i < n_said; i++) {
		const struct query_word *said = &q->words[i];
		const char *word;

		if (said->is_intent)
			continue;
		for (size_t at = 0; (word = synonym_next(said->p, said->n, &at));) {
			if (q->n == QUERY_WORDS_MAX || word_find(q, word, strlen(word)))
				continue;
			q->words[q->n++] = (struct query_word){ .p = word,
								.n = strlen(word),
								.rank = said->rank,
								.evidence = said->evidence,
								.of = (uint8_t)i };
		}
	}
}

/* Words of `n` cleaned bytes at q->text + q->n_text, which become part of the text. */
static void words_add(struct query *q, size_t n, float share)
{
	const char *text = q->text + q->n_text;
	size_t begin = 0;

	for (size_t i = 0; i <= n; i++) {
		if (i < n && text[i] != ' ')
			continue;
		if (i > begin)
			word_add(q, text + begin, i - begin, share);
		begin = i + 1;
	}
	q->n_text += n;
}

/* `"a" OR "b"` of the words in `chosen`, a bit for each; returns how many. */
static unsigned alternatives(const struct query *q, uint32_t chosen, char *out, size_t cap)
{
	unsigned n = 0;

	for (unsigned i = 0; i < q->n; i++) {
		const struct query_word *word = &q->words[i];
		size_t have = strlen(out);

		if ((chosen >> i) & 1)
			snprintf(out + have, cap - have, "%s\"%.*s\"", n++ ? " OR " : "",
				 (int)word->n, word->p);
	}
	return n;
}

/* The word of the rest that is in the fewest rows; q->n: none is left. */
static unsigned rarest(const struct query *q, uint32_t left, const uint32_t *rows)
{
	unsigned best = q->n;

	for (unsigned i = 0; i < q->n; i++)
		if (((left >> i) & 1) && (best == q->n || rows[i] < rows[best]))
			best = i;
	return best;
}

static uint32_t subject_of(const struct query *q, const uint32_t *rows, uint32_t budget)
{
	uint32_t left = 0, chosen = 0, known = 0;
	uint64_t sum = 0;

	for (unsigned i = 0; i < q->n; i++)
		if (q->words[i].evidence >= intent_share)
			left |= UINT32_C(1) << i;
	for (unsigned i; (i = rarest(q, left, rows)) < q->n; known += rows[i] > 0) {
		sum += rows[i];
		if (known > 0 && sum > budget)
			break;
		left &= ~(UINT32_C(1) << i);
		chosen |= UINT32_C(1) << i;
	}
	return chosen;
}

void query_words(const char *text, size_t n, const char *intent, size_t n_intent, struct query *out)
{
	out->n = 0;
	out->n_skip = 0;
	out->n_text = 0;
	out->has_subject = false;
	out->match[0] = 0;
	words_add(out, clean(text, n, out->text, QUERY_TEXT_MAX), 1.0F);
	if (out->n > 0)
		words_add(out, clean(intent, n_intent, out->text + out->n_text, QUERY_INTENT_MAX),
			  intent_share);
	synonyms_add(out);
}

/* In a large collection "how do I" matches nearly everything, and ranking all of it costs
 * milliseconds. So a row must have one of the words that carry the subject, if there are any; the
 * others still count for the rank, as the second half of the expression holds them all. */
void query_match(struct query *query, const uint32_t rows[QUERY_WORDS_MAX], uint32_t budget)
{
	char subject[QUERY_SQL_MAX / 2 - 16] = "", all[sizeof(subject)] = "";
	unsigned n_subject =
		alternatives(query, subject_of(query, rows, budget), subject, sizeof(subject));
	unsigned n_all = alternatives(query, UINT32_MAX, all, sizeof(all));

	if (n_subject > 0 && n_subject < n_all) {
		snprintf(query->match, sizeof(query->match), "(%s) AND (%s)", subject, all);
		/* FTS5 numbers phrases as they stand: the first half does not count again. */
		query->n_skip = n_subject;
	} else {
		snprintf(query->match, sizeof(query->match), "%s", all);
	}
}

static uint32_t gram_hash(const char *p, size_t n)
{
	uint32_t h = 2166136261U;

	for (size_t i = 0; i < n; i++)
		h = (h ^ (unsigned char)p[i]) * 16777619U;
	return h;
}

/* "How many days do I have" is like many titles for its first and last words only. Leaves the text
 * alone if it has no others. */
static size_t without_function_words(char *words, size_t n)
{
	size_t begin = 0, o = 0;

	for (size_t i = 0; i <= n; i++) {
		if (i < n && words[i] != ' ')
			continue;
		if (i > begin && !is_function_word(words + begin, i - begin)) {
			if (o > 0)
				words[o++] = ' ';
			memmove(words + o, words + begin, i - begin);
			o += i - begin;
		}
		begin = i + 1;
	}
	return o > 0 ? o : n;
}

/* Small letters without accents; `words` has room for `cap`. What does not fit is left away. */
static size_t fold(const char *text, size_t n, char *words, size_t cap)
{
	size_t o = 0;

	for (size_t i = 0, len; i < n; i += len) {
		utf8proc_int32_t c = (unsigned char)text[i], parts[4] = { c };
		utf8proc_ssize_t m = 1;
		int boundary = 0;

		len = character((const unsigned char *)text + i, n - i);
		len = len ? len : 1;
		if (len > 1) {
			utf8proc_iterate((const utf8proc_uint8_t *)text + i, (utf8proc_ssize_t)len,
					 &c);
			m = utf8proc_decompose_char(
				c, parts, 4,
				UTF8PROC_DECOMPOSE | UTF8PROC_CASEFOLD |
					(c < LATIN_END ? UTF8PROC_STRIPMARK : UTF8PROC_COMPAT),
				&boundary);
		}
		for (utf8proc_ssize_t k = 0; k < m && k < 4 && o + 4 <= cap; k++)
			o += (size_t)utf8proc_encode_char(parts[k], (utf8proc_uint8_t *)words + o);
	}
	return o;
}

/* Kana, Han, Hangul, Thai: one or two characters are a word. */
static bool is_dense(const char *p, size_t n)
{
	utf8proc_int32_t c = 0;

	if (n >= 3)
		utf8proc_iterate((const utf8proc_uint8_t *)p, (utf8proc_ssize_t)n, &c);
	return (c >= 0x0e00 && c < 0x0e80) || (c >= 0x1100 && c < 0x1200) ||
	       (c >= 0x3040 && c < 0x3100) || (c >= 0x3400 && c < 0xa000) ||
	       (c >= 0xac00 && c < 0xd7a4) || (c >= 0xf900 && c < 0xfb00);
}

size_t query_grams(const char *text, size_t n, uint32_t *grams, size_t cap)
{
	char raw[QUERY_TEXT_MAX], words[QUERY_TEXT_MAX];
	size_t len = clean(text, n, raw, sizeof(raw)), starts[3] = { 0 }, count = 0;

	len = without_function_words(words, fold(raw, len, words, sizeof(words)));
	for (size_t i = 0, seen = 0; i < len && count < cap; seen++) {
		size_t c = character((const unsigned char *)words + i, len - i);
		bool is_dense_pair =
			seen >= 1 && is_dense(words + i, c) &&
			is_dense(words + starts[(seen + 2) % 3], i - starts[(seen + 2) % 3]);
		bool is_new = seen >= 2 || is_dense_pair;

		starts[seen % 3] = i;
		i += c ? c : 1;
		size_t start = starts[(seen + (is_dense_pair ? 2 : 1)) % 3];
		uint32_t hash = gram_hash(words + start, i - start);

		for (size_t k = 0; k < count && is_new; k++)
			is_new = grams[k] != hash;
		if (is_new)
			grams[count++] = hash;
	}
	return count;
}
