/* SPDX-License-Identifier: Apache-2.0 */

/* Patterns out of a policy, run over text that strangers write: PCRE2 with limits that hold,
 * JIT where the process allows it, no recursion on the stack. `baton check` lets no pattern in
 * that needs long; the limits are for what it has missed. One pattern belongs to one instance. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct match;

/* NULL and a sentence in `why` if it is none. Case is ignored; characters, not bytes. */
struct match *match_new(const char *pattern, size_t n, char *why, size_t cap);
/* The first at or behind `from`: 1 and its place (that of the first group that took part, all of it
 * if there is none); 0: none. < 0: it cannot be said, a limit was reached or `text` is no UTF-8. */
int match_find(struct match *match, const char *text, size_t n, size_t from, size_t *ret_begin,
	       size_t *ret_end);
void match_free(struct match **match);
