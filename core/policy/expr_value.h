/* SPDX-License-Identifier: Apache-2.0 */

/* What the operations of a condition do to values: comparing, computing, converting, text. Internal to
 * the conditions; pure. */
#pragma once

#include "core/policy/expr_code.h"

struct expr_value expr_failed(enum expr_type type, enum expr_failure why);
struct expr_value expr_of_bool(bool b);
struct expr_value expr_of_int(int64_t i);
struct expr_value expr_of_double(double d);
struct expr_value expr_of_str(baton_str s);
struct expr_value expr_of_duration(int64_t ns);

/* Memory of one run; NULL when the run has used up its share. */
void *expr_room(struct baton_arena *arena, size_t n);

/* One operand, two operands; the compiler has seen to the types. */
struct expr_value expr_unary(const struct expr_op *op, const struct expr_value *v,
			     struct baton_arena *arena);
struct expr_value expr_binary(enum expr_code code, const struct expr_value *a,
			      const struct expr_value *b, struct baton_arena *arena);
/* && and ||: a side that decides alone wins over a failure on the other. */
struct expr_value expr_logic(enum expr_code code, const struct expr_value *a,
			     const struct expr_value *b);
