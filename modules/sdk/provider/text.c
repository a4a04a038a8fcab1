/* SPDX-License-Identifier: Apache-2.0 */

/* Growing bytes and JSON strings; see text.h. */
#include "modules/sdk/provider/text.h"

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

/* Which of eight bytes is the first that is not 0; one of them is not. */
static inline size_t first_set(uint64_t eight)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	return (size_t)__builtin_ctzll(eight) / 8;
#else
	return (size_t)__builtin_clzll(eight) / 8;
#endif
}

/* 16 if all of them stand for themselves. */
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

static inline size_t plain_run(const char *p, size_t n, bool more)
{
	char rest[16] = { 0 }; /* what is behind the end is 0, which is special */
	size_t i = 0;

	for (; n - i >= sizeof(rest); i += sizeof(rest)) {
		size_t plain = plain_of(p + i, more);
		if (plain < sizeof(rest))
			return i + plain;
	}
	if (i < n)
		memcpy(rest, p + i, n - i);
	return i + plain_of(rest, more);
}

size_t text_plain(const char *p, size_t n)
{
	return plain_run(p, n, false);
}

static void escape_add(struct text *text, char c)
{
	static const char hex[] = "0123456789abcdef";
	unsigned char u = (unsigned char)c;
	char pair[] = { '\\', c == '\n' ? 'n' : c };
	char unit[] = { '\\', 'u', '0', '0', hex[u >> 4], hex[u & 15] };

	if (c == '"' || c == '\\' || c == '\n')
		text_add(text, pair, sizeof(pair));
	else
		text_add(text, unit, sizeof(unit));
}

void text_json_inside(struct text *text, baton_str s)
{
	size_t at = 0;

	while (at < s.n) {
		size_t plain = plain_run(s.p + at, s.n - at, true);
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
