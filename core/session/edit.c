/* SPDX-License-Identifier: Apache-2.0 */

/* Levenshtein's distance over words. Each word becomes a number (its hash) once, so comparing two
 * is comparing two numbers; what is the same at both ends, mostly nearly all, is left out before
 * the table is filled. A million cells at worst: about a millisecond. */

#include "core/session/edit.h"

#include "core/base/mem.h"

enum { PPM = 1000000 };

struct words {
	uint64_t v[BATON_EDIT_WORDS_MAX];
	size_t n;
};

/* FNV-1a: nothing depends on it but the answer to "the same word?". */
static uint64_t hash_of(baton_str word)
{
	uint64_t hash = 0xcbf29ce484222325u;

	for (size_t i = 0; i < word.n; i++)
		hash = (hash ^ (unsigned char)word.p[i]) * 0x100000001b3u;
	return hash;
}

/* Bytes of the white space at `p`: ASCII, and what people paste: U+0085, U+00A0, U+2000..U+200A,
 * U+2028, U+2029, U+202F, U+3000. */
static size_t space_at(const char *p, size_t left)
{
	const unsigned char *u = (const unsigned char *)p;

	if (u[0] == ' ' || (u[0] >= '\t' && u[0] <= '\r'))
		return 1;
	if (left >= 2 && u[0] == 0xc2 && (u[1] == 0x85 || u[1] == 0xa0))
		return 2;
	if (left >= 3 && u[0] == 0xe2 && u[1] == 0x80 &&
	    (u[2] <= 0x8a || u[2] == 0xa8 || u[2] == 0xa9 || u[2] == 0xaf))
		return 3;
	return left >= 3 && u[0] == 0xe3 && u[1] == 0x80 && u[2] == 0x80 ? 3 : 0;
}

/* False if there are more words than fit. */
static bool split_words(baton_str text, struct words *ret)
{
	ret->n = 0;
	for (size_t i = 0; i < text.n;) {
		size_t gap = space_at(text.p + i, text.n - i), begin = i;

		if (gap > 0) {
			i += gap;
			continue;
		}
		while (i < text.n && space_at(text.p + i, text.n - i) == 0)
			i++;
		if (ret->n == BATON_EDIT_WORDS_MAX)
			return false;
		ret->v[ret->n++] = hash_of((baton_str){ text.p + begin, i - begin });
	}
	return true;
}

/* A line's hash over its words, so that its white space does not count; empty lines are none. */
static void split_lines(baton_str text, struct words *ret)
{
	size_t i = 0;

	ret->n = 0;
	while (i < text.n) {
		bool last = ret->n == BATON_EDIT_WORDS_MAX - 1, any = false;
		uint64_t hash = 0;

		while (i < text.n && (last || text.p[i] != '\n')) {
			size_t gap = space_at(text.p + i, text.n - i), begin = i;

			if (gap > 0) {
				i += gap;
				continue;
			}
			while (i < text.n && space_at(text.p + i, text.n - i) == 0)
				i++;
			hash = hash * 31 + hash_of((baton_str){ text.p + begin, i - begin });
			any = true;
		}
		i += i < text.n;
		if (any)
			ret->v[ret->n++] = hash;
	}
}

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* One row of the table at a time. */
static size_t distance(const uint64_t *a, size_t n, const uint64_t *b, size_t m)
{
	size_t row[BATON_EDIT_WORDS_MAX + 1];

	for (size_t j = 0; j <= m; j++)
		row[j] = j;
	for (size_t i = 1; i <= n; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= m; j++) {
			size_t up = row[j];
			size_t same = diagonal + (a[i - 1] != b[j - 1]);

			row[j] = least(same, least(up, row[j - 1]) + 1);
			diagonal = up;
		}
	}
	return row[m];
}

static uint32_t compare(const struct words *from, const struct words *to)
{
	size_t longer = from->n > to->n ? from->n : to->n;
	const uint64_t *a = from->v, *b = to->v;
	size_t n = from->n, m = to->n;

	if (longer == 0)
		return 0;
	while (n > 0 && m > 0 && a[0] == b[0]) {
		a++;
		b++;
		n--;
		m--;
	}
	while (n > 0 && m > 0 && a[n - 1] == b[m - 1]) {
		n--;
		m--;
	}
	return (uint32_t)(distance(a, n, b, m) * PPM / longer);
}

uint32_t baton_edit_ppm(baton_str from, baton_str to)
{
	struct words *a = baton_new(struct words), *b = baton_new(struct words);

	if (!split_words(from, a) || !split_words(to, b)) {
		split_lines(from, a);
		split_lines(to, b);
	}
	uint32_t ppm = compare(a, b);
	baton_free(a);
	baton_free(b);
	return ppm;
}
