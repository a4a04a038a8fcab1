/* SPDX-License-Identifier: Apache-2.0 */

/* Growing bytes and JSON strings; see text.h. */
#include "modules/sdk/provider/text.h"

#include <stdlib.h>
#include <string.h>

static bool text_room(struct text *text, size_t n)
{
	if (text->failed || n > SIZE_MAX / 4 - text->n)
		text->failed = true;
	if (text->failed || text->n + n <= text->cap)
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

void text_reserve(struct text *text, size_t n)
{
	(void)text_room(text, n);
}

void text_add(struct text *text, const char *p, size_t n)
{
	if (n == 0 || !text_room(text, n))
		return;
	memcpy(text->p + text->n, p, n);
	text->n += n;
}

void text_z(struct text *text, const char *z)
{
	text_add(text, z, strlen(z));
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

/* Is any of eight bytes less than `c`, which is at most 128; is any of them `c`? The sum may carry
 * into the bytes above the first that is, so it tells that there is one, not which. */
#define ONES UINT64_C(0x0101010101010101)
#define TOPS UINT64_C(0x8080808080808080)

static uint64_t any_below(uint64_t eight, unsigned char c)
{
	return (eight - ONES * c) & ~eight & TOPS;
}

static uint64_t any_is(uint64_t eight, unsigned char c)
{
	return any_below(eight ^ (ONES * c), 1);
}

size_t text_plain(const char *p, size_t n)
{
	size_t i = 0;

	for (uint64_t eight; n - i >= sizeof(eight); i += sizeof(eight)) {
		memcpy(&eight, p + i, sizeof(eight));
		if (any_below(eight, 0x20) | any_is(eight, '"') | any_is(eight, '\\'))
			break;
	}
	while (i < n && (unsigned char)p[i] >= 0x20 && p[i] != '"' && p[i] != '\\')
		i++;
	return i;
}

static bool json_is_plain(unsigned char c)
{
	return c >= 0x20 && c != '"' && c != '\\' && c != '<' && c != 0x7f;
}

/* As text_plain(), but for what we escape beyond need. */
static size_t plain_bytes(const char *p, size_t n)
{
	size_t i = 0;

	for (uint64_t eight; n - i >= sizeof(eight); i += sizeof(eight)) {
		memcpy(&eight, p + i, sizeof(eight));
		if (any_below(eight, 0x20) | any_is(eight, '"') | any_is(eight, '\\') |
		    any_is(eight, '<') | any_is(eight, 0x7f))
			break;
	}
	while (i < n && json_is_plain((unsigned char)p[i]))
		i++;
	return i;
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
		size_t plain = plain_bytes(s.p + at, s.n - at);
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
