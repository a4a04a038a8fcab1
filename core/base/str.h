/* SPDX-License-Identifier: Apache-2.0 */

/* Text by value: a pointer and a length, as it comes from the wire, from the log and across the
 * module boundary. Never NUL-terminated unless a comment says so; never owns what it points to.
 */
#pragma once

#include <baton/module.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

#define BATON_STR(literal) ((baton_str){ (literal), sizeof(literal) - 1 })
#define BATON_STR_NONE ((baton_str){ NULL, 0 })

/* View of a NUL-terminated string; NULL gives the empty view. Any thread. */
static inline baton_str baton_str_of(const char *z)
{
	baton_str s = { z, z ? strlen(z) : 0 };
	return s;
}

static inline bool baton_str_eq(baton_str a, baton_str b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

/* Mostly one of a list of names is looked for, and most differ in the first letter. */
static inline bool baton_str_is(baton_str a, const char *z)
{
	if (a.n > 0 && z && a.p[0] != z[0])
		return false;
	return baton_str_eq(a, baton_str_of(z));
}

/* True if `s` is well-formed UTF-8 (RFC 3629: no surrogates, no overlong forms). Any thread. */
bool baton_str_utf8_ok(baton_str s);

/* Longest well-formed prefix; all of `s` if it is well-formed. */
baton_str baton_str_utf8_prefix(baton_str s);

/* Longest prefix of `s` of at most `bytes_max` bytes that does not cut a UTF-8 character. */
baton_str baton_str_clip(baton_str s, size_t bytes_max);

/* Number of bytes at the start of `s` that stand for themselves in a JSON string: no quote, backslash
 * or control character. Sixteen at a time: every byte that comes in or goes out passes here. */
size_t baton_str_json_plain(baton_str s);

/* Number of bytes at the end of `s` that begin a UTF-8 character but do not finish it (0..3). */
size_t baton_str_utf8_tail(baton_str s);

#ifdef __cplusplus
}
#endif
