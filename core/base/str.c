/* SPDX-License-Identifier: Apache-2.0 */

/* UTF-8, as RFC 3629 has it. */

#include "core/base/str.h"

/* Length of the well-formed character at `p`, 0 if there is none. Table 3-7 of the Unicode
 * standard: the second byte's range depends on the first. */
static size_t utf8_char(const unsigned char *p, size_t n)
{
	unsigned char low = 0x80, high = 0xBF;
	size_t len = 0;

	if (p[0] < 0x80)
		return 1;
	if (p[0] >= 0xC2 && p[0] <= 0xDF)
		len = 2;
	else if (p[0] >= 0xE0 && p[0] <= 0xEF)
		len = 3;
	else if (p[0] >= 0xF0 && p[0] <= 0xF4)
		len = 4;
	else
		return 0;
	if (p[0] == 0xE0)
		low = 0xA0;
	else if (p[0] == 0xED)
		high = 0x9F;
	else if (p[0] == 0xF0)
		low = 0x90;
	else if (p[0] == 0xF4)
		high = 0x8F;
	if (n < len || p[1] < low || p[1] > high)
		return 0;
	for (size_t i = 2; i < len; i++)
		if ((p[i] & 0xC0) != 0x80)
			return 0;
	return len;
}

baton_str baton_str_utf8_prefix(baton_str s)
{
	const unsigned char *p = (const unsigned char *)s.p;
	size_t i = 0;

	while (i < s.n) {
		uint64_t eight = 0;

		/* Most text is ASCII: eight bytes at a time. */
		while (s.n - i >= sizeof(eight)) {
			memcpy(&eight, p + i, sizeof(eight));
			if (eight & 0x8080808080808080u)
				break;
			i += sizeof(eight);
		}
		if (i == s.n)
			break;
		size_t len = utf8_char(p + i, s.n - i);
		if (len == 0)
			break;
		i += len;
	}
	return (baton_str){ s.p, i };
}

bool baton_str_utf8_ok(baton_str s)
{
	return baton_str_utf8_prefix(s).n == s.n;
}

baton_str baton_str_clip(baton_str s, size_t bytes_max)
{
	if (s.n <= bytes_max)
		return s;
	size_t n = bytes_max;
	while (n > 0 && ((unsigned char)s.p[n] & 0xC0) == 0x80)
		n--;
	return (baton_str){ s.p, n };
}

/* Not zero if any byte of `x` is less than `c` <= 128. */
static uint64_t any_below(uint64_t x, uint8_t c)
{
	return (x - 0x0101010101010101u * c) & ~x & 0x8080808080808080u;
}

static uint64_t any_is(uint64_t x, uint8_t c)
{
	return any_below(x ^ 0x0101010101010101u * c, 1);
}

/* Compilers make vector instructions of it where the processor has some. */
typedef uint8_t sixteen __attribute__((vector_size(16)));

static bool all_plain(sixteen x)
{
	sixteen special = (sixteen)((x < 0x20) | (x == '"') | (x == '\\'));
	uint64_t half[2];

	memcpy(half, &special, sizeof(half));
	return (half[0] | half[1]) == 0;
}

size_t baton_str_json_plain(baton_str s)
{
	size_t i = 0;

	for (sixteen x; s.n - i >= sizeof(x); i += sizeof(x)) {
		memcpy(&x, s.p + i, sizeof(x));
		if (!all_plain(x))
			break;
	}
	for (uint64_t eight; s.n - i >= sizeof(eight); i += sizeof(eight)) {
		memcpy(&eight, s.p + i, sizeof(eight));
		if (any_below(eight, 0x20) | any_is(eight, '"') | any_is(eight, '\\'))
			break;
	}
	while (i < s.n && (unsigned char)s.p[i] >= 0x20 && s.p[i] != '"' && s.p[i] != '\\')
		i++;
	return i;
}

size_t baton_str_utf8_tail(baton_str s)
{
	for (size_t back = 1; back <= 3 && back <= s.n; back++) {
		unsigned char c = (unsigned char)s.p[s.n - back];
		size_t need = c >= 0xF0 ? 4 : c >= 0xE0 ? 3 : c >= 0xC0 ? 2 : 1;

		if (c < 0x80)
			return 0;
		if (c >= 0xC0)
			return need > back ? back : 0;
	}
	return 0;
}
