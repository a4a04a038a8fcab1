/* SPDX-License-Identifier: Apache-2.0 */

/* What can be said of an article without asking anybody: its words, its headings, its links. */

#include "core/cli/knowledge.h"

#include <stdio.h>
#include <string.h>

static const char *const common[] = {
	"the",  "and",  "for",  "how",  "what", "when", "where", "which", "who",  "why",
	"can",  "did",  "you",  "are",  "was",  "does", "your",  "have",  "has",  "will",
	"with", "this", "that", "from", "not",  "but",  "get",   "want",  "need", "is",
	"it",   "to",   "do",   "of",   "on",   "in",   "my",    "me",    "an",   "or",
	"if",   "at",   "be",   "we",   "der",  "die",  "das",   "und",   "ist",  "wie",
	"ich",  "les",  "des",  "est",  "que",  "una",  "per",   "het",   "een",
};

static bool is_letter(char c)
{
	return (unsigned char)c >= 0x80 || (c >= '0' && c <= '9') ||
	       ((c | 32) >= 'a' && (c | 32) <= 'z');
}

static bool is_common(const char *p, size_t n)
{
	for (size_t i = 0; i < sizeof(common) / sizeof(common[0]); i++)
		if (strlen(common[i]) == n && memcmp(common[i], p, n) == 0)
			return true;
	return false;
}

/* The next word in small letters, cut to 24 bytes; 0 at the end. */
static size_t next_word(baton_str text, size_t *at, char word[24])
{
	size_t n = 0;

	while (*at < text.n && !is_letter(text.p[*at]))
		++*at;
	for (; *at < text.n && is_letter(text.p[*at]); ++*at) {
		char c = text.p[*at];

		if (n < 24)
			word[n++] = (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
	}
	return n;
}

static bool is_alike(const char *a, size_t n_a, const char *b, size_t n_b)
{
	size_t same = 0, more = n_a > n_b ? n_a : n_b;

	while (same < n_a && same < n_b && a[same] == b[same])
		same++;
	return same == more || (same >= 4 && more - same <= 3);
}

bool knowledge_words_have(const struct knowledge_words *words, const char *p, size_t n)
{
	for (size_t i = 0; i < words->n; i++)
		if (is_alike(words->v[i].p, words->v[i].n, p, n))
			return true;
	return false;
}

void knowledge_words_of(baton_str text, struct knowledge_words *words)
{
	size_t at = 0, n;
	char word[24];

	words->n = 0;
	while (words->n < 64 && (n = next_word(text, &at, word)) > 0) {
		if (n < 2 || is_common(word, n) || knowledge_words_have(words, word, n))
			continue;
		memcpy(words->v[words->n].p, word, n);
		words->v[words->n++].n = n;
	}
}

double knowledge_share(const struct knowledge_words *words, baton_str text)
{
	bool found[64] = { false };
	size_t at = 0, n, count = 0;
	char word[24];

	while ((n = next_word(text, &at, word)) > 0)
		for (size_t i = 0; i < words->n; i++)
			found[i] = found[i] || is_alike(words->v[i].p, words->v[i].n, word, n);
	for (size_t i = 0; i < words->n; i++)
		count += found[i];
	return words->n > 0 ? (double)count / (double)words->n : 0;
}

void knowledge_slug(baton_str heading, char *to, size_t cap)
{
	size_t n = 0;

	for (size_t i = 0; i < heading.n && heading.p[i] != '\n' && n + 1 < cap; i++) {
		char c = heading.p[i];

		if (is_letter(c))
			to[n++] = (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
		else if ((c == ' ' || c == '-') && n > 0 && to[n - 1] != '-')
			to[n++] = '-';
	}
	while (n > 0 && to[n - 1] == '-')
		n--;
	to[n] = '\0';
}

/* The line at `at` if it is a heading, without its marks; p NULL: it is none. */
static baton_str heading_at(baton_str text, size_t at)
{
	size_t begin = at, end = at;

	while (begin < text.n && text.p[begin] == '#')
		begin++;
	if (begin == at || begin - at > 6 || begin == text.n || text.p[begin] != ' ')
		return BATON_STR_NONE;
	for (end = begin; end < text.n && text.p[end] != '\n';)
		end++;
	return (baton_str){ text.p + begin + 1, end - begin - 1 };
}

static size_t next_line(baton_str text, size_t at)
{
	const char *end = at < text.n ? memchr(text.p + at, '\n', text.n - at) : NULL;

	return end ? (size_t)(end - text.p) + 1 : text.n;
}

/* Behind a heading, or at the beginning: 0; else which paragraph it is from there. */
static unsigned paragraph_of(baton_str text, size_t from, size_t to)
{
	unsigned n = 0;

	for (size_t at = from; at < to; at = next_line(text, at))
		n += text.p[at] == '\n';
	return n;
}

void knowledge_passage(const json_t *article, baton_str id, baton_str snippet, char *to, size_t cap)
{
	baton_str text = baton_str_of(knowledge_text_of(article, "text")), heading = BATON_STR_NONE;
	const char *found =
		snippet.n > 0 && text.n > 0 ? memmem(text.p, text.n, snippet.p, snippet.n) : NULL;
	size_t begin = found ? (size_t)(found - text.p) : 0, from = 0;
	char slug[64], more[16] = "";

	for (size_t at = 0; found && at <= begin && at < text.n; at = next_line(text, at)) {
		baton_str one = heading_at(text, at);

		if (!one.p)
			continue;
		heading = one;
		from = at;
	}
	knowledge_slug(heading, slug, sizeof(slug));
	unsigned paragraph = paragraph_of(text, from, begin);
	if (paragraph > 0)
		snprintf(more, sizeof(more), "+%u", paragraph);
	snprintf(to, cap, "%.*s%s%s%s", (int)id.n, id.p, slug[0] ? "#" : "", slug, more);
}

bool knowledge_link(baton_str text, size_t *at, baton_str *ret_target)
{
	for (; *at + 1 < text.n; ++*at) {
		if (text.p[*at] != ']' || text.p[*at + 1] != '(')
			continue;
		size_t begin = *at + 2, end = begin;

		while (end < text.n && !strchr(") \n", text.p[end]))
			end++;
		*at = end;
		*ret_target = (baton_str){ text.p + begin, end - begin };
		return true;
	}
	return false;
}

bool knowledge_has_anchor(baton_str text, baton_str anchor)
{
	char slug[128];

	for (size_t at = 0; at < text.n; at = next_line(text, at)) {
		baton_str heading = heading_at(text, at);

		if (!heading.p)
			continue;
		knowledge_slug(heading, slug, sizeof(slug));
		if (baton_str_is(anchor, slug))
			return true;
	}
	return false;
}

int64_t knowledge_day(const char *date)
{
	int y, m, d;

	if (sscanf(date, "%4d-%2d-%2d", &y, &m, &d) != 3)
		return INT64_MAX;
	y -= m <= 2;
	int64_t era = y / 400, year = y % 400;
	int64_t day = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;

	return era * 146097 + year * 365 + year / 4 - year / 100 + day - 719468;
}
