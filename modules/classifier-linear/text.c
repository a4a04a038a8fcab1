/* SPDX-License-Identifier: Apache-2.0 */

/* Message bytes to feature hashes, for training and for serving alike: whatever is changed here
 * changes both. Letters beyond ASCII are kept but not case-folded: a fold table would cost more
 * than it gains, as the letter runs of the rest of the word still match. */

#include "text.h"

#include <endian.h>
#include <string.h>

enum { LETTERS_MIN = 3, LETTERS_MAX = 5, WORD_BYTES_MAX = 64 };

static uint64_t hash_begin(uint64_t seed)
{
	return seed * UINT64_C(0x9e3779b97f4a7c15) + UINT64_C(0xcbf29ce484222325);
}

static uint64_t hash_add(uint64_t h, unsigned char byte)
{
	return (h ^ byte) * UINT64_C(0x100000001b3);
}

/* FNV leaves the upper bits weak for short input; this spreads them. */
static uint64_t hash_end(uint64_t h)
{
	h = (h ^ (h >> 33)) * UINT64_C(0xff51afd7ed558ccd);
	h = (h ^ (h >> 33)) * UINT64_C(0xc4ceb9fe1a85ec53);
	return h ^ (h >> 33);
}

uint64_t text_hash(const void *bytes, size_t n, uint64_t seed)
{
	const unsigned char *p = bytes;
	uint64_t h = hash_begin(seed);

	for (size_t i = 0; i < n; i++)
		h = hash_add(h, p[i]);
	return hash_end(h);
}

/* U+2019, the apostrophe that phones type. */
static int is_curly_apostrophe(const unsigned char *p, size_t left)
{
	return left >= 3 && p[0] == 0xe2 && p[1] == 0x80 && p[2] == 0x99;
}

/* Folded byte, ' ' for a separator. */
static char fold(unsigned char c)
{
	if (c >= 'A' && c <= 'Z')
		return (char)(c + ('a' - 'A'));
	if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c >= 0x80)
		return (char)c;
	return ' ';
}

size_t text_normalise(const char *text, size_t n, char *out, size_t cap)
{
	const unsigned char *p = (const unsigned char *)text;
	size_t o = 0;

	for (size_t i = 0; i < n && o + 3 <= cap; i++) {
		char c = fold(p[i]);

		if (c != ' ' && p[i] != 0xe2) {
			out[o++] = c;
		} else if (is_curly_apostrophe(p + i, n - i)) {
			i += 2;
		} else if (c != ' ') {
			out[o++] = c;
		} else if (p[i] == '$' || p[i] == '%' || p[i] == '?') {
			if (o > 0 && out[o - 1] != ' ')
				out[o++] = ' ';
			out[o++] = (char)p[i];
			out[o++] = ' ';
		} else if (p[i] != '\'' && o > 0 && out[o - 1] != ' ') {
			out[o++] = ' ';
		}
	}
	while (o > 0 && out[o - 1] == ' ')
		o--;
	return o;
}

size_t text_word(const char *normal, size_t n, size_t *at, const char **ret_word)
{
	while (*at < n && normal[*at] == ' ')
		(*at)++;
	size_t begin = *at;

	while (*at < n && normal[*at] != ' ')
		(*at)++;
	*ret_word = normal + begin;
	return *at - begin;
}

static void push(struct text_features *out, uint32_t *n, uint64_t hash)
{
	if (*n < TEXT_FEATURES_MAX)
		out->hash[(*n)++] = hash;
}

static void push_pair(struct text_features *out, uint32_t *n, uint64_t left, uint64_t right)
{
	uint64_t both[2] = { left, right };

	push(out, n, text_hash(both, sizeof(both), 2));
}

static uint32_t push_words(const char *normal, size_t len, struct text_features *out, uint32_t n)
{
	const char *word;
	size_t at = 0, w;

	while ((w = text_word(normal, len, &at, &word)) > 0)
		push(out, &n, text_hash(word, w, 1));
	return n;
}

/* Pairs are made of the words' hashes: no second walk over the text. 0 marks begin and end. */
static uint32_t push_pairs(struct text_features *out, uint32_t n_words)
{
	uint32_t n = n_words;
	uint64_t left = 0;

	for (uint32_t i = 0; i < n_words; i++) {
		push_pair(out, &n, left, out->hash[i]);
		left = out->hash[i];
	}
	if (n_words > 0)
		push_pair(out, &n, left, 0);
	return n;
}

/* The first `k` of eight bytes. */
static uint64_t first_bytes(const unsigned char *p, size_t k)
{
	uint64_t eight;

	memcpy(&eight, p, sizeof(eight));
	return le64toh(eight) & (UINT64_MAX >> (64 - 8 * k));
}

/* All runs of one length stand together, the shortest first. A run is a number, and no two of them
 * are the same: nothing but spreading is left to do. Eight bytes are read wherever one begins. */
static uint32_t push_runs(const unsigned char *word, size_t len, struct text_features *out,
			  uint32_t n)
{
	enum { SIZES = LETTERS_MAX - LETTERS_MIN + 1 };

	if (len * SIZES > TEXT_FEATURES_MAX - n)
		return n; /* a message of the longest kind has room for all */
	for (size_t k = LETTERS_MIN; k <= LETTERS_MAX; k++)
		for (size_t i = 0; i + k <= len; i++)
			out->hash[n++] = hash_end(first_bytes(word + i, k));
	return n;
}

static uint32_t push_letters(const char *normal, size_t len, struct text_features *out, uint32_t n)
{
	unsigned char padded[WORD_BYTES_MAX + 2 + sizeof(uint64_t)] = { 0 };
	const char *word;
	size_t at = 0, w;

	while ((w = text_word(normal, len, &at, &word)) > 0) {
		if (w > WORD_BYTES_MAX)
			w = WORD_BYTES_MAX;
		padded[0] = ' ';
		memcpy(padded + 1, word, w);
		padded[w + 1] = ' ';
		n = push_runs(padded, w + 2, out, n);
	}
	return n;
}

void text_words(const char *normal, size_t n, struct text_features *out)
{
	out->begin[TEXT_WORDS] = 0;
	out->begin[TEXT_PAIRS] = push_words(normal, n, out, 0);
	out->begin[TEXT_LETTERS] = push_pairs(out, out->begin[TEXT_PAIRS]);
	out->begin[TEXT_BLOCKS] = out->begin[TEXT_LETTERS];
}

void text_features(const char *normal, size_t n, struct text_features *out)
{
	text_words(normal, n, out);
	out->begin[TEXT_BLOCKS] = push_letters(normal, n, out, out->begin[TEXT_LETTERS]);
}
