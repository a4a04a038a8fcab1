/* SPDX-License-Identifier: Apache-2.0 */

/* What expr.c compiles to and expr_run.c runs: a postfix program over typed values.
 *
 * There are no jumps. A value may be "failed" (overflow, division by zero); && and || absorb
 * failures and ?: picks a side, exactly as CEL defines it, so both sides can be computed always:
 * everything is pure and bounded by BATON_EXPR_NODES_MAX.
 */
#pragma once

#include "core/base/mem.h"
#include "core/policy/env.h"
#include "core/policy/expr.h"

enum expr_type {
	EXPR_NONE, /* of an empty list's elements; and after an error */
	EXPR_BOOL,
	EXPR_INT,
	EXPR_DOUBLE,
	EXPR_STRING,
	EXPR_LIST
};

struct expr_value {
	enum expr_type type;
	bool failed;
	union {
		bool b;
		int64_t i;
		double d;
		baton_str s;
		struct {
			const struct expr_value *v;
			size_t n;
		} list;
	} as;
};

enum expr_code {
	EXPR_CONST, /* push `value` */
	EXPR_FACT,  /* push fact `arg` */
	EXPR_MAKE,  /* pop `arg` values, push the list of them */
	EXPR_NOT,
	EXPR_NEG,
	EXPR_SIZE,
	EXPR_ADD, /* from here on: two operands */
	EXPR_SUB,
	EXPR_MUL,
	EXPR_DIV,
	EXPR_MOD,
	EXPR_EQ,
	EXPR_NE,
	EXPR_LT,
	EXPR_LE,
	EXPR_GT,
	EXPR_GE,
	EXPR_IN,
	EXPR_AND,
	EXPR_OR,
	EXPR_STARTS,
	EXPR_ENDS,
	EXPR_CONTAINS,
	EXPR_IF /* three: condition, then, else */
};

struct expr_op {
	enum expr_code code;
	uint32_t arg;
	struct expr_value value;
};

struct baton_expr {
	const struct baton_env *env;
	struct baton_arena arena; /* text of literals */
	struct expr_op *ops;
	size_t n, cap;
};
