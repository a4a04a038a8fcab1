/* SPDX-License-Identifier: Apache-2.0 */

/* Conditions over facts: the implementation behind baton/expr.h. Pure; see there for the language. */
#pragma once

#include "core/base/buf.h"

#include <baton/expr.h>

/* The static host part, same functions as below. */
const baton_host_expr *baton_expr_host(void);

int32_t baton_expr_compile(baton_str text, baton_expr **ret_expr, char *why, size_t cap,
			   uint32_t *ret_column);
int32_t baton_expr_test(const baton_expr *expr, const baton_facts *facts);
void baton_expr_free(baton_expr *expr);

/* All facts as one JSON object, names as in conditions: what policy_decided records. */
void baton_facts_json(const baton_facts *facts, struct baton_buf *out);
/* Reads it back, for replay; strings live in `json` or `arena`. 0 or BATON_E_JSON. */
struct baton_arena;
int baton_facts_parse(baton_str json, struct baton_arena *arena, baton_facts *ret_facts);
