/* SPDX-License-Identifier: Apache-2.0 */

/* A strict cursor over JSON text: for the chunks of a stream, of which an answer has hundreds and
 * all but the last few look alike. Reads without allocating and without recursion. */
#pragma once

#include "text.h"

struct scan {
	const char *at, *end;
	bool bad; /* not JSON, or deeper than SCAN_DEPTH_MAX; nothing is read any more */
};

enum { SCAN_DEPTH_MAX = 32 };

bool scan_utf8_ok(baton_str text);

/* The next byte that is not white space, 0 at the end. */
char scan_peek(struct scan *scan);
/* Takes `c` if it comes next. */
bool scan_take(struct scan *scan, char c);
/* As take, and `bad` if it does not. */
void scan_expect(struct scan *scan, char c);
/* A string's inside as written, escapes checked but not resolved. */
baton_str scan_string(struct scan *scan);
/* Takes `null` if it comes next. */
bool scan_null(struct scan *scan);
/* Reads over one value of any kind. */
void scan_skip(struct scan *scan);

/* Resolves the escapes of a string's inside into `to`. *half keeps the first half of a surrogate
 * pair from one string to the next, 0 if none. False: a half without its other half, or U+0000. */
bool scan_unescape(baton_str inside, unsigned *half, struct text *to);
