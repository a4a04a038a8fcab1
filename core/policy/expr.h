/* SPDX-License-Identifier: Apache-2.0 */

/* Conditions over facts: the implementation behind baton/expr.h. Pure; see there for the language. */
#pragma once

#include "core/base/buf.h"

#include <baton/expr.h>

struct baton_env;

/* The static host part, same functions as below. */
const baton_host_expr *baton_expr_host(void);

/* A condition over the facts of `env`, which must outlive it: 0, or BATON_E_INVAL with a sentence in
 * `why` (cut to `cap`, NUL-terminated) and the 1-based column, in characters. */
int32_t baton_expr_compile_in(const struct baton_env *env, baton_str text, baton_expr **ret_expr,
			      char *why, size_t cap, uint32_t *ret_column);
/* 1, 0, or BATON_E_INVAL if it cannot be decided. `base` is the struct that the environment of the
 * condition describes. */
int32_t baton_expr_test_on(const baton_expr *expr, const void *base);

/* Why: each term of the condition (what stands between && || ! and ?:) on a line with its own verdict
 * and the facts it rests on, then the verdict of the whole:
 *
 *   intent_confidence < 0.3           false   (intent_confidence = 0.82)
 *   legal                             true
 *   => true
 */
void baton_expr_explain(const baton_expr *expr, const void *base, struct baton_buf *out);
/* The same as {"verdict":true|false|null,"terms":[{"text","value","facts":{name:value}}]}; null comes
 * with a "why". Durations are text. */
void baton_expr_explain_json(const baton_expr *expr, const void *base, struct baton_buf *out);

/* Compiling and testing over the facts of a turn (baton_env_facts). */
int32_t baton_expr_compile(baton_str text, baton_expr **ret_expr, char *why, size_t cap,
			   uint32_t *ret_column);
int32_t baton_expr_test(const baton_expr *expr, const baton_facts *facts);
void baton_expr_free(baton_expr *expr);

/* Facts as one JSON object, names as in conditions: what events record. Those that are
 * empty, 0 or false are left out; baton_facts_parse() gives the same facts back. */
void baton_facts_json(const baton_facts *facts, struct baton_buf *out);
/* Reads it back, for replay; strings live in `json` or `arena`. 0 or BATON_E_JSON. */
struct baton_arena;
int baton_facts_parse(baton_str json, struct baton_arena *arena, baton_facts *ret_facts);
