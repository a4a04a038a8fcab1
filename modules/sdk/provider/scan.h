/* SPDX-License-Identifier: Apache-2.0 */

/* A strict cursor over JSON text (RFC 8259), for answers and errors of providers. Reads in place,
 * without allocating and without recursion; what it gives are views into the text.
 *
 * A value of another kind than expected is read over and counts as absent. A member that stands
 * twice counts as its last. Surprising: keys may be written with escapes, scan_is() knows.
 */
#pragma once

#include "modules/sdk/provider/text.h"

#include <string.h>

struct scan {
	const char *at, *end;
	bool bad; /* not JSON, or deeper than SCAN_DEPTH_MAX; nothing is read any more */
};

enum { SCAN_DEPTH_MAX = 64 };

bool scan_utf8_ok(baton_str text);

static inline struct scan scan_of(baton_str text)
{
	const char *p = text.p ? text.p : "";
	struct scan scan = { p, p + text.n, false };
	return scan;
}

/* The next byte that is not white space, 0 at the end. */
static inline char scan_peek(struct scan *scan)
{
	if (scan->at < scan->end && *scan->at > ' ' && !scan->bad)
		return *scan->at;
	while (scan->at < scan->end && (*scan->at == ' ' || *scan->at == '\n' ||
					*scan->at == '\r' || *scan->at == '\t'))
		scan->at++;
	return scan->at < scan->end && !scan->bad ? *scan->at : '\0';
}
/* Takes `c` if it comes next. */
static inline bool scan_take(struct scan *scan, char c)
{
	if (scan_peek(scan) != c)
		return false;
	scan->at++;
	return true;
}
/* As take, and `bad` if it does not. */
void scan_expect(struct scan *scan, char c);
/* A string's inside as written, escapes checked but not resolved. */
baton_str scan_string(struct scan *scan);
/* Takes `null` if it comes next. */
bool scan_null(struct scan *scan);
/* Reads over one value of any kind. */
void scan_skip(struct scan *scan);
/* Nothing but white space is left, and all of it was JSON. */
bool scan_ended(struct scan *scan);

/* Walk an object or an array: true while there is another member, whose value the caller then
 * reads or skips. `begun` is false before the first. Any other value is read over; the walk is
 * then empty. */
bool scan_member(struct scan *scan, bool *begun, baton_str *ret_key);
bool scan_element(struct scan *scan, bool *begun);

/* The inside of a string; false and read over if it is something else. */
bool scan_text(struct scan *scan, baton_str *ret_inside);
/* A whole number, 0 if it is negative, broken, too large or something else. */
uint64_t scan_count(struct scan *scan);
/* The value as it stands in the text. */
baton_str scan_raw(struct scan *scan);
bool scan_true(struct scan *scan);

/* Is the inside of a string, written with or without escapes, this ASCII word? */
bool scan_is_escaped(baton_str inside, const char *word, size_t n);
static inline bool scan_is(baton_str inside, const char *word)
{
	size_t n = __builtin_strlen(word);
	if (inside.n == n)
		return n == 0 || memcmp(inside.p, word, n) == 0;
	return inside.n > n && memchr(inside.p, '\\', inside.n) && scan_is_escaped(inside, word, n);
}

/* Resolves the escapes of a string's inside into `to`. *half keeps the first half of a surrogate
 * pair from one string to the next, 0 if none. False: a half without its other half, or U+0000. */
bool scan_unescape(baton_str inside, unsigned *half, struct text *to);
/* The same into a C string, cut at its end; '?' for what cannot be resolved or printed. */
void scan_copy(baton_str inside, char *to, size_t cap);
