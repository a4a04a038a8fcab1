/* SPDX-License-Identifier: Apache-2.0 */

/* See wordset.h. */
#include "core/observe/wordset.h"

#include "core/base/hash.h"

static bool is_letter(unsigned char c)
{
	return c >= 0x80 || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
	       (c >= 'A' && c <= 'Z');
}

/* The next word's hash; false at the end. Of words longer than 32 bytes the beginning counts. */
static bool next_word(baton_str text, size_t *at, uint32_t *ret)
{
	char word[32];
	size_t n = 0;

	while (*at < text.n && !is_letter((unsigned char)text.p[*at]))
		(*at)++;
	if (*at >= text.n)
		return false;
	for (; *at < text.n && is_letter((unsigned char)text.p[*at]); (*at)++) {
		char c = text.p[*at];
		if (n < sizeof(word))
			word[n++] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
	}
	*ret = (uint32_t)baton_hash(word, n);
	return true;
}

static bool has(const struct baton_wordset *set, uint32_t word)
{
	for (uint32_t i = 0; i < set->n; i++)
		if (set->words[i] == word)
			return true;
	return false;
}

void baton_wordset_of(baton_str text, struct baton_wordset *ret)
{
	uint32_t word;

	ret->n = 0;
	for (size_t at = 0; ret->n < BATON_WORDSET_MAX && next_word(text, &at, &word);)
		if (!has(ret, word))
			ret->words[ret->n++] = word;
}

bool baton_wordset_same(const struct baton_wordset *a, const struct baton_wordset *b)
{
	uint32_t both = 0;

	if (a->n < 3 || b->n < 3)
		return false;
	for (uint32_t i = 0; i < a->n; i++)
		both += has(b, a->words[i]);
	return both * 5 >= (a->n + b->n - both) * 3;
}
