/* SPDX-License-Identifier: Apache-2.0 */

/* Growing bytes and JSON strings; see text.h. */
#include "modules/sdk/provider/text.h"

#ifdef __x86_64__
#include <immintrin.h>
#endif
#include <stdlib.h>
#include <string.h>

bool text_reserve(struct text *text, size_t n)
{
	if (text->failed || n > SIZE_MAX / 4 - text->n)
		text->failed = true;
	if (text->failed || n <= text->cap - text->n)
		return !text->failed;

	size_t cap = text->cap ? text->cap : 256;
	while (cap < text->n + n)
		cap *= 2;
	char *p = realloc(text->p, cap);
	if (!p) {
		text->failed = true;
		return false;
	}
	text->p = p;
	text->cap = cap;
	return true;
}

void text_u64(struct text *text, uint64_t value)
{
	char digits[20];
	size_t at = sizeof(digits);

	do
		digits[--at] = (char)('0' + value % 10);
	while (value /= 10);
	text_add(text, digits + at, sizeof(digits) - at);
}

/* --- bytes that stand for themselves, sixteen at a time --- */

typedef unsigned char bytes16 __attribute__((vector_size(16)));

/* All bits of a byte that does not, none of another. `more`: what we escape beyond need, too. */
static inline bytes16 special(bytes16 b, bool more)
{
	bytes16 is = (bytes16)(b < 0x20) | (bytes16)(b == '"') | (bytes16)(b == '\\');

	if (more)
		is |= (bytes16)(b == '<') | (bytes16)(b == 0x7f);
	return is;
}

#ifdef __x86_64__
/* 16 if all of them stand for themselves. */
static inline size_t plain_of(const char *p, bool more)
{
	bytes16 b;

	memcpy(&b, p, sizeof(b));
	unsigned mask = (unsigned)_mm_movemask_epi8((__m128i)special(b, more));
	return mask ? (size_t)__builtin_ctz(mask) : sizeof(b);
}
#else
/* Which of eight bytes is the first that is not 0; one of them is not. */
static inline size_t first_set(uint64_t eight)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	return (size_t)__builtin_ctzll(eight) / 8;
#else
	return (size_t)__builtin_clzll(eight) / 8;
#endif
}

static inline size_t plain_of(const char *p, bool more)
{
	bytes16 b;
	uint64_t half[2];

	memcpy(&b, p, sizeof(b));
	b = special(b, more);
	memcpy(half, &b, sizeof(half));
	if (half[0])
		return first_set(half[0]);
	return half[1] ? 8 + first_set(half[1]) : 16;
}
#endif

/* Of less than sixteen. */
static size_t plain_rest(const char *p, size_t n, bool more)
{
	char rest[16] = { 0 }; /* what is behind the end is 0, which is special */

	memcpy(rest, p, n);
	return plain_of(rest, more);
}

/* The last sixteen overlap with some that stand for themselves. */
static inline size_t plain_run(const char *p, size_t n, bool more)
{
	size_t i = 0, plain = sizeof(bytes16);

	if (n < sizeof(bytes16))
		return n ? plain_rest(p, n, more) : 0;
	for (; plain == sizeof(bytes16) && i < n; i += plain) {
		i = i < n - sizeof(bytes16) ? i : n - sizeof(bytes16);
		plain = plain_of(p + i, more);
	}
	return i;
}

size_t text_plain(const char *p, size_t n)
{
	return plain_run(p, n, false);
}

#ifdef __x86_64__
/* Prompts are long: the same with `more`, thirty-two at a time, of at least as many. */
__attribute__((target("avx2"))) static size_t plain_of_many(const char *p, size_t n)
{
	const __m256i quote = _mm256_set1_epi8('"'), slash = _mm256_set1_epi8('\\');
	const __m256i less = _mm256_set1_epi8('<'), del = _mm256_set1_epi8(0x7f);
	const __m256i control = _mm256_set1_epi8(0x1f);

	for (size_t i = 0; i < n; i += sizeof(__m256i)) {
		i = i < n - sizeof(__m256i) ? i : n - sizeof(__m256i);
		__m256i b = _mm256_loadu_si256((const __m256i *)(const void *)(p + i));
		__m256i is = _mm256_cmpeq_epi8(_mm256_min_epu8(b, control), b);

		is = _mm256_or_si256(is, _mm256_cmpeq_epi8(b, quote));
		is = _mm256_or_si256(is, _mm256_cmpeq_epi8(b, slash));
		is = _mm256_or_si256(is, _mm256_cmpeq_epi8(b, less));
		is = _mm256_or_si256(is, _mm256_cmpeq_epi8(b, del));
		unsigned mask = (unsigned)_mm256_movemask_epi8(is);
		if (mask)
			return i + (size_t)__builtin_ctz(mask);
	}
	return n;
}
#endif

static size_t plain_of_prompt(const char *p, size_t n)
{
#ifdef __x86_64__
	if (n >= sizeof(__m256i) && __builtin_cpu_supports("avx2"))
		return plain_of_many(p, n);
#endif
	return plain_run(p, n, true);
}

static void escape_add(struct text *text, char c)
{
	static const char hex[] = "0123456789abcdef";
	unsigned char u = (unsigned char)c;
	char unit[] = { '\\', 'u', '0', '0', hex[u >> 4], hex[u & 15] };

	if (c == '\n')
		text_add(text, "\\n", 2);
	else if (c == '"' || c == '\\')
		text_add(text, c == '"' ? "\\\"" : "\\\\", 2);
	else
		text_add(text, unit, sizeof(unit));
}

void text_json_inside(struct text *text, baton_str s)
{
	size_t at = 0;

	while (at < s.n) {
		size_t plain = plain_of_prompt(s.p + at, s.n - at);
		text_add(text, s.p + at, plain);
		at += plain;
		if (at < s.n)
			escape_add(text, s.p[at++]);
	}
}

void text_json(struct text *text, baton_str s)
{
	text_add(text, "\"", 1);
	text_json_inside(text, s);
	text_add(text, "\"", 1);
}

void text_done(struct text *text)
{
	free(text->p);
	*text = (struct text){ 0 };
}
