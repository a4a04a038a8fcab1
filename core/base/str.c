/* SPDX-License-Identifier: Apache-2.0 */

/* UTF-8, as RFC 3629 has it. */

#include "core/base/str.h"

#include <endian.h>

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

/* Sixteen bytes; compilers make vector instructions of them where the processor has some. */
typedef uint8_t sixteen __attribute__((vector_size(16)));
typedef uint64_t words __attribute__((vector_size(16)));

/* What ends a run: a byte that is not ASCII, one that JSON writes with a backslash. */
enum stop { STOP_HIGH = 1, STOP_JSON = 2 };

/* Where in `x` the first of them is, 16: nowhere. */
static inline size_t first_stop(sixteen x, unsigned stop)
{
	sixteen found = stop & STOP_HIGH ? x & 0x80 : (sixteen){ 0 };
	uint64_t half[2];

	if (stop & STOP_JSON)
		found |= (sixteen)((x < 0x20) | (x == '"') | (x == '\\'));
	memcpy(half, &found, sizeof(half));
	if (half[0])
		return (size_t)__builtin_ctzll(le64toh(half[0])) / 8;
	return half[1] ? 8 + (size_t)__builtin_ctzll(le64toh(half[1])) / 8 : 16;
}

/* The same of fewer than sixteen bytes, up to `n`: two words that overlap, or one that is filled up
 * with spaces, which stop nothing. */
static inline size_t first_stop_short(const char *p, size_t n, unsigned stop)
{
	uint64_t first = 0x2020202020202020, last = first;
	uint32_t half, end;

	if (n >= 8) {
		memcpy(&first, p, 8);
		memcpy(&last, p + n - 8, 8);
	} else if (n >= 4) {
		memcpy(&half, p, 4);
		memcpy(&end, p + n - 4, 4);
		first = htole64(le32toh(half) | (uint64_t)le32toh(end) << 32);
	} else {
		for (size_t i = n; i-- > 0;)
			first = first << 8 | (unsigned char)p[i];
		first = htole64(first);
	}
	sixteen x = (sixteen)(words){ first, last };
	size_t at = first_stop(x, stop);
	if (n >= 8)
		return at < 8 ? at : n - 16 + at;
	if (n >= 4 && at >= 4 && at < 8)
		return n - 8 + at;
	return at < n ? at : n;
}

/* Bytes at the start of `s` of which none stops it. In line, so that `stop` is known. */
static inline size_t run_of(baton_str s, unsigned stop)
{
	sixteen x;

	if (s.n < sizeof(x))
		return first_stop_short(s.p, s.n, stop);
	for (size_t i = 0; s.n - i >= sizeof(x); i += sizeof(x)) {
		memcpy(&x, s.p + i, sizeof(x));
		size_t at = first_stop(x, stop);
		if (at < sizeof(x))
			return i + at;
	}
	/* The last sixteen: some of them once more. */
	memcpy(&x, s.p + s.n - sizeof(x), sizeof(x));
	return s.n - sizeof(x) + first_stop(x, stop);
}

baton_str baton_str_utf8_prefix(baton_str s)
{
	size_t i = run_of(s, STOP_HIGH); /* most text ends here */

	while (i < s.n) {
		size_t len = utf8_char((const unsigned char *)s.p + i, s.n - i);

		if (len == 0)
			break;
		i += len;
		if (i < s.n && (unsigned char)s.p[i] < 0x80)
			i += run_of((baton_str){ s.p + i, s.n - i }, STOP_HIGH);
	}
	return (baton_str){ s.p, i };
}

/* Without stopping where it is not: the quickest way through what mostly is. */
static bool is_ascii(baton_str s)
{
	sixteen all = { 0 }, x;
	uint64_t half[2] = { 0, 0 };

	if (s.n >= sizeof(x)) {
		for (size_t i = 0; s.n - i >= sizeof(x); i += sizeof(x)) {
			memcpy(&x, s.p + i, sizeof(x));
			all |= x;
		}
		/* The last sixteen: some of them once more. */
		memcpy(&x, s.p + s.n - sizeof(x), sizeof(x));
		all |= x;
		memcpy(half, &all, sizeof(half));
	} else if (s.n >= 8) {
		memcpy(&half[0], s.p, 8);
		memcpy(&half[1], s.p + s.n - 8, 8);
	} else {
		for (size_t i = 0; i < s.n; i++)
			half[0] |= (unsigned char)s.p[i];
	}
	return ((half[0] | half[1]) & 0x8080808080808080) == 0;
}

bool baton_str_utf8_ok(baton_str s)
{
	return is_ascii(s) || baton_str_utf8_prefix(s).n == s.n;
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

size_t baton_str_json_plain(baton_str s)
{
	return run_of(s, STOP_JSON);
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
