/* SPDX-License-Identifier: Apache-2.0 */

#include "modules/guard-injection/score.h"

#include <math.h>
#include <string.h>

static const unsigned windows[] = { 8, 16, 32, 64 };
enum { STEP = 4, GRAM = 4, LETTERS_MAX = 24 };

static uint32_t decode(const unsigned char *p, size_t left, size_t *ret_n)
{
	if (p[0] < 0x80) {
		*ret_n = 1;
		return p[0];
	}
	size_t n = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
	uint32_t c = p[0] & (0xffu >> (n + 1));

	*ret_n = n <= left ? n : left;
	for (size_t i = 1; i < *ret_n; i++)
		c = c << 6 | (p[i] & 0x3fu);
	return c;
}

size_t score_invisible(const unsigned char *p, size_t n, size_t at, bool *ret_alone)
{
	size_t length;

	*ret_alone = false;
	if (p[at] < 0xc2)
		return 0;
	uint32_t c = decode(p + at, n - at, &length);
	/* Joiners belong to some scripts and to some pictures. */
	*ret_alone = c == 0x200c || c == 0x200d;
	if (c == 0xad || c == 0x200b || *ret_alone || (c >= 0x202a && c <= 0x202e) ||
	    (c >= 0x2060 && c <= 0x2069) || c == 0xfeff || c == 0x180e || c == 0x3164 ||
	    (c >= 0xe0000 && c <= 0xe01ef))
		return length;
	return 0;
}

static uint32_t mix(uint32_t hash, uint32_t c)
{
	return (hash ^ c) * 0x01000193u;
}

static uint32_t bucket(uint32_t hash)
{
	hash ^= hash >> 15;
	hash *= 0x2c1b3c6du;
	hash ^= hash >> 12;
	return hash & (SCORE_BUCKETS - 1);
}

/* Letters and digits in small letters, everything else parts words. */
static bool is_part(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c >= 0x80;
}

static unsigned char small(unsigned char c)
{
	return c >= 'A' && c <= 'Z' ? (unsigned char)(c | 0x20) : c;
}

/* Typing says ' or U+2019; both are nothing. */
static size_t skip_at(const unsigned char *p, size_t n, size_t at)
{
	bool alone;

	if (p[at] == '\'')
		return 1;
	if (n - at >= 3 && p[at] == 0xe2 && p[at + 1] == 0x80 && p[at + 2] == 0x99)
		return 3;
	return score_invisible(p, n, at, &alone);
}

size_t score_words(const char *text, size_t n, size_t *at, struct score_word *v, size_t cap)
{
	const unsigned char *p = (const unsigned char *)text;
	size_t words = 0, i = *at;

	while (i < n && words < cap) {
		struct score_word *word = &v[words];
		size_t skip;

		while (i < n && !is_part(p[i]))
			i++;
		*word = (struct score_word){ (uint32_t)i, (uint32_t)i, 0x811c9dc5u, 0 };
		while (i < n && (skip = skip_at(p, n, i), skip > 0 || is_part(p[i]))) {
			if (skip == 0) {
				word->hash = mix(word->hash, small(p[i]));
				word->letters++;
			}
			i += skip > 0 ? skip : 1;
		}
		word->end = (uint32_t)i;
		words += word->letters > 0;
	}
	*at = i;
	return words;
}

/* "^word$" without what is invisible. */
static size_t letters_of(const char *text, const struct score_word *word, unsigned char *out)
{
	const unsigned char *p = (const unsigned char *)text;
	size_t n = 0;

	out[n++] = '^';
	for (size_t i = word->begin; i < word->end && n < LETTERS_MAX + 1;) {
		size_t skip = skip_at(p, word->end, i);

		if (skip == 0)
			out[n++] = small(p[i]);
		i += skip > 0 ? skip : 1;
	}
	out[n++] = '$';
	return n;
}

size_t score_features(const char *text, const struct score_word *v, size_t i, uint32_t *buckets)
{
	unsigned char letters[LETTERS_MAX + 2];
	size_t n = 0, length = letters_of(text, &v[i], letters);

	buckets[n++] = bucket(v[i].hash);
	if (i > 0)
		buckets[n++] = bucket(mix(mix(v[i - 1].hash, 0x20), v[i].hash));
	if (i > 1)
		buckets[n++] = bucket(mix(mix(v[i - 2].hash, 0x2a), v[i].hash));
	for (size_t k = 0; k + GRAM <= length && n < SCORE_FEATURES_MAX; k++) {
		uint32_t hash = 0x1234567u;

		for (size_t g = 0; g < GRAM; g++)
			hash = mix(hash, letters[k + g]);
		buckets[n++] = bucket(hash);
	}
	return n;
}

static void sum_up(const float *weights, const char *text, const struct score_word *v, size_t n,
		   float *sums)
{
	uint32_t buckets[SCORE_FEATURES_MAX];

	sums[0] = 0;
	for (size_t i = 0; i < n; i++) {
		size_t m = score_features(text, v, i, buckets);
		float sum = 0;

		for (size_t k = 0; k < m; k++)
			sum += weights[buckets[k]] * (k < 3 ? 1.0f : 0.5f);
		sums[i + 1] = sums[i] + sum;
	}
}

/* Windows of several lengths, and the whole block if it is shorter than any. */
static void look_through(const struct score_scratch *scratch, size_t n, float bias,
			 struct score *best)
{
	for (size_t w = 0; w < sizeof(windows) / sizeof(windows[0]); w++) {
		size_t length = windows[w] < n ? windows[w] : n;

		for (size_t from = 0; from + length <= n; from += STEP) {
			float value = (scratch->sums[from + length] - scratch->sums[from]) /
					      sqrtf((float)length + 4.0f) +
				      bias;

			if (value <= best->value)
				continue;
			*best = (struct score){ value, scratch->words[from].begin,
						scratch->words[from + length - 1].end };
		}
		if (length == n)
			break;
	}
}

struct score score_text(const float *weights, float bias, const char *text, size_t n,
			struct score_scratch *scratch)
{
	struct score best = { -1000.0f, 0, 0 };
	size_t at = 0, words;

	while ((words = score_words(text, n, &at, scratch->words, SCORE_BLOCK)) > 0) {
		sum_up(weights, text, scratch->words, words, scratch->sums);
		look_through(scratch, words, bias, &best);
	}
	return best;
}
