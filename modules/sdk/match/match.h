/* SPDX-License-Identifier: Apache-2.0 */

/* Patterns out of a policy, run over text that strangers write: PCRE2 with limits that hold,
 * JIT where the process allows it, no recursion on the stack. `baton check` lets no pattern in
 * that needs long; the limits are for what it has missed. One pattern belongs to one instance. */
#pragma once

#include <baton/module.h>
#include <stdbool.h>

struct match;

/* NULL and a sentence in `why` if it is none. Case is ignored; characters, not bytes. */
struct match *match_new(const char *pattern, size_t n, char *why, size_t cap);
/* The first at or behind `from`: 1 and its place (that of the first group that took part, all of it
 * if there is none); 0: none. < 0: it cannot be said, a limit was reached or `text` is no UTF-8. */
int match_find(struct match *match, const char *text, size_t n, size_t from, size_t *ret_begin,
	       size_t *ret_end);
/* The same, for who wants every place where it begins, or asks a text that grows. */
struct match_spot {
	size_t start;      /* of all of it; the next one may begin a character behind */
	size_t begin, end; /* as above */
};
/* As match_find(). `grows`: more may come behind `text`. What would be another find then, or none,
 * is not one yet: 2, and only `start` is there. So 1 stays 1 at the same place, whatever comes. */
int match_next(struct match *match, baton_str text, size_t from, bool grows,
	       struct match_spot *ret_spot);
void match_free(struct match **match);
