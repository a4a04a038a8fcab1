/* SPDX-License-Identifier: Apache-2.0 */
/* baton/expr.h - host part "host.expr/1": conditions over facts.
 *
 * The expressions are a subset of CEL (Common Expression Language, github.com/google/cel-spec):
 * typed, total, bounded. bool, int, double, string, duration, lists; == != < <= > >=; && || !;
 * + - * / %; `in`, list[0]; size(), startsWith(), endsWith(), contains(), matches(), lowerAscii(),
 * upperAscii(); all(), exists(), exists_one(), filter(), map(); duration() and its parts; int(),
 * double(), string(), bool(); has(facts.x); ?: ; parentheses. Names are the
 * facts of baton_facts (see docs/RULES.md). A rule module gets it by
 * host->get(ctx, BATON_HOST_EXPR), so that it and `baton check` understand the same language.
 */
#ifndef BATON_EXPR_H
#define BATON_EXPR_H
#include <baton/module.h>
#ifdef __cplusplus
extern "C" {
#endif

#define BATON_HOST_EXPR "host.expr/1"

typedef struct baton_expr baton_expr; /* compiled condition; immutable, usable from any thread */

typedef struct baton_host_expr {
  uint32_t size; uint32_t reserved;
  /* [any] Compiles and type-checks `text`. BATON_OK and *out, to be freed with drop(); or
   * BATON_E_INVAL with a sentence in `why` (NUL-terminated, cut to `cap`) and the 1-based column. */
  int32_t (*compile)(baton_str text, baton_expr **out, char *why, size_t cap, uint32_t *column);
  /* [any] 1 true, 0 false, <0 it could not be decided (then the safe reading is: it fired). */
  int32_t (*test)(const baton_expr *, const baton_facts *);
  void (*drop)(baton_expr *);
} baton_host_expr;

#ifdef __cplusplus
}
#endif
#endif
