/* SPDX-License-Identifier: Apache-2.0 */

/* Bytes that grow by doubling. */

#include "core/base/buf.h"

#include "core/base/assert.h"
#include "core/base/mem.h"

#include <stdarg.h>
#include <stdio.h>

enum { BUF_FIRST_BYTES = 256, PRINTF_ROOM_BYTES = 64 };

void baton_buf_grow(struct baton_buf *b, size_t n)
{
	baton_assert(n < SIZE_MAX / 4);
	size_t want = b->n + n + 1;
	size_t cap = b->cap ? b->cap : BUF_FIRST_BYTES;

	while (cap < want)
		cap *= 2;
	b->p = baton_realloc(b->p, cap);
	b->cap = cap;
}

/* By how many bits it has: 1233 / 4096 is the logarithm of 2, as exact as need be for 64 bits. */
static size_t digits_of(uint64_t v)
{
	static const uint64_t tens[] = { 0,
					 10,
					 100,
					 1000,
					 10000,
					 100000,
					 1000000,
					 10000000,
					 100000000,
					 1000000000,
					 10000000000,
					 100000000000,
					 1000000000000,
					 10000000000000,
					 100000000000000,
					 1000000000000000,
					 10000000000000000,
					 100000000000000000,
					 1000000000000000000,
					 10000000000000000000u };
	size_t n = (64 - (size_t)__builtin_clzll(v | 1)) * 1233 >> 12;

	return n + (v >= tens[n]);
}

/* Two digits at a time: half the divisions. */
static inline size_t u64_text(uint64_t v, char *to)
{
	static const char pairs[] = "00010203040506070809101112131415161718192021222324"
				    "25262728293031323334353637383940414243444546474849"
				    "50515253545556575859606162636465666768697071727374"
				    "75767778798081828384858687888990919293949596979899";
	size_t n = digits_of(v), at = n;

	for (; v >= 10; v /= 100) {
		at -= 2;
		memcpy(to + at, pairs + 2 * (v % 100), 2);
	}
	if (at > 0)
		to[0] = (char)('0' + v);
	return n;
}

size_t baton_u64_text(uint64_t v, char to[BATON_U64_TEXT])
{
	return u64_text(v, to);
}

void baton_buf_u64(struct baton_buf *b, uint64_t v)
{
	char *to = baton_buf_room(b, BATON_U64_TEXT);
	size_t n = u64_text(v, to);

	to[n] = '\0';
	b->n += n;
}

void baton_buf_i64(struct baton_buf *b, int64_t v)
{
	if (v < 0)
		baton_buf_z(b, "-");
	baton_buf_u64(b, v < 0 ? 0 - (uint64_t)v : (uint64_t)v);
}

void baton_buf_printf(struct baton_buf *b, const char *fmt, ...)
{
	va_list args, again;

	va_start(args, fmt);
	va_copy(again, args);
	char *to = baton_buf_room(b, PRINTF_ROOM_BYTES); /* mostly it fits at once */
	int n = vsnprintf(to, b->cap - b->n, fmt, args);
	va_end(args);
	baton_assert(n >= 0);
	if ((size_t)n >= b->cap - b->n) {
		to = baton_buf_room(b, (size_t)n);
		int wrote = vsnprintf(to, (size_t)n + 1, fmt, again);
		baton_assert(wrote == n);
	}
	va_end(again);
	b->n += (size_t)n;
}

static const char *json_short_escape(unsigned char c)
{
	switch (c) {
	case '"':
		return "\\\"";
	case '\\':
		return "\\\\";
	case '\n':
		return "\\n";
	case '\r':
		return "\\r";
	case '\t':
		return "\\t";
	case '\b':
		return "\\b";
	case '\f':
		return "\\f";
	default:
		return NULL;
	}
}

/* U+2028 and U+2029 are legal in JSON; no reader of ours evaluates it as a script. */
static void json_escaped(struct baton_buf *b, baton_str s)
{
	static const char hex[] = "0123456789abcdef";

	for (size_t i = 0; i < s.n;) {
		size_t run = baton_str_json_plain((baton_str){ s.p + i, s.n - i });

		baton_buf_add(b, s.p + i, run);
		i += run;
		if (i == s.n)
			break;
		unsigned char c = (unsigned char)s.p[i++];
		const char *escape = json_short_escape(c);
		if (escape)
			baton_buf_z(b, escape);
		else
			baton_buf_add(b, (char[]){ '\\', 'u', '0', '0', hex[c >> 4], hex[c & 15] },
				      6);
	}
}

/* What must be escaped, or looked at as UTF-8. */
__attribute__((noinline)) static void json_with_care(struct baton_buf *b, baton_str s)
{
	baton_buf_z(b, "\"");
	while (!baton_str_utf8_ok(s)) {
		baton_str good = baton_str_utf8_prefix(s);

		json_escaped(b, good);
		baton_buf_z(b, "\xef\xbf\xbd");
		s.p += good.n + 1;
		s.n -= good.n + 1;
	}
	json_escaped(b, s);
	baton_buf_z(b, "\"");
}

/* Sixteen bytes; compilers make vector instructions of them where the processor has some. */
typedef uint8_t sixteen __attribute__((vector_size(16)));

/* A byte that is not ASCII is below zero here, so one comparison finds it and the control
 * characters. */
typedef int8_t sixteen_signed __attribute__((vector_size(16)));
typedef uint64_t words __attribute__((vector_size(16)));

static inline bool stops_json(sixteen x)
{
	sixteen found = (sixteen)(((sixteen_signed)x < 0x20) | (x == '"') | (x == '\\'));
	uint64_t half[2];

	memcpy(half, &found, sizeof(half));
	return (half[0] | half[1]) != 0;
}

/* Fewer than sixteen: two words that overlap, or one that is filled up with spaces. */
static inline bool copy_short(char *to, const char *p, size_t n)
{
	uint64_t first = 0x2020202020202020, last = first;
	uint32_t half, end;

	if (n >= 8) {
		memcpy(&first, p, 8);
		memcpy(&last, p + n - 8, 8);
		memcpy(to, &first, 8);
		memcpy(to + n - 8, &last, 8);
	} else if (n >= 4) {
		memcpy(&half, p, 4);
		memcpy(&end, p + n - 4, 4);
		memcpy(to, &half, 4);
		memcpy(to + n - 4, &end, 4);
		first = half | (uint64_t)end << 32;
	} else {
		for (size_t i = 0; i < n; i++) {
			to[i] = p[i];
			first = first << 8 | (unsigned char)p[i];
		}
	}
	return !stops_json((sixteen)(words){ first, last });
}

/* Copies `s` if all of it stands for itself in JSON and is ASCII, as names, numbers and most
 * English text are. False: it is not, and what is written at `to` means nothing. */
static inline bool json_copy(char *to, baton_str s)
{
	sixteen x;

	if (s.n < sizeof(x))
		return copy_short(to, s.p, s.n);
	for (size_t i = 0; s.n - i >= sizeof(x); i += sizeof(x)) {
		memcpy(&x, s.p + i, sizeof(x));
		if (stops_json(x))
			return false;
		memcpy(to + i, &x, sizeof(x));
	}
	/* The last sixteen: some of them once more. */
	memcpy(&x, s.p + s.n - sizeof(x), sizeof(x));
	memcpy(to + s.n - sizeof(x), &x, sizeof(x));
	return !stops_json(x);
}

void baton_buf_json(struct baton_buf *b, baton_str s)
{
	char *to = baton_buf_room(b, s.n + 2);

	if (!json_copy(to + 1, s)) {
		json_with_care(b, s);
		return;
	}
	to[0] = to[s.n + 1] = '"';
	to[s.n + 2] = '\0';
	b->n += s.n + 2;
}

void baton_buf_drop(struct baton_buf *b, size_t n)
{
	baton_assert(n <= b->n);
	if (n == 0)
		return;
	memmove(b->p, b->p + n, b->n - n);
	b->n -= n;
	b->p[b->n] = '\0';
}

void baton_buf_done(struct baton_buf *b)
{
	baton_free(b->p);
	*b = (struct baton_buf){ NULL, 0, 0 };
}
