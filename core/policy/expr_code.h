/* SPDX-License-Identifier: Apache-2.0 */

/* What expr.c compiles to and expr_run.c runs: a postfix program over typed values.
 *
 * A value may be "failed" (overflow, division by zero, ...); && and || absorb failures and ?: picks
 * a side, exactly as CEL defines it. So both sides can be computed always, and what decides alone can
 * be left standing without computing the other: the verdict is the same (`left_of`). EACH and NEXT
 * run what stands between them once for each value of a list. How often that can be at most is known
 * when the condition is compiled (BATON_EXPR_STEPS_MAX).
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
	EXPR_DURATION,
	EXPR_LIST
};

/* Why there is no value. */
enum expr_failure {
	EXPR_FINE = 0,
	EXPR_FAIL_ZERO,     /* a division by zero */
	EXPR_FAIL_OVERFLOW, /* does not fit into 64 bits */
	EXPR_FAIL_INDEX,    /* a list has no such place */
	EXPR_FAIL_TEXT,     /* text that is no number, truth or duration */
	EXPR_FAIL_LIST,     /* a fact that should be a list of texts is none, or a too long one */
	EXPR_FAIL_MEMORY    /* BATON_EXPR_RUN_BYTES_MAX, BATON_EXPR_TEXT_BYTES_MAX */
};

struct expr_value {
	enum expr_type type;
	enum expr_failure failed;
	union {
		bool b;
		int64_t i; /* INT; DURATION: nanoseconds */
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
	EXPR_SPAN,  /* push fact `arg`, which is milliseconds, as a duration */
	EXPR_HAS,   /* push whether fact `arg` is more than nothing */
	EXPR_VAR,   /* push the present value of the loop `arg`, 0 the outermost */
	EXPR_MAKE,  /* pop `arg` values, push the list of them */
	EXPR_EACH,  /* pop a list, begin a loop; `arg`: where its NEXT is */
	EXPR_NEXT,  /* pop a value, and go on or push what the loop has found; `arg`: enum expr_loop */
	EXPR_NOT,   /* from here on: one operand */
	EXPR_NEG,
	EXPR_SIZE,
	EXPR_CAST, /* `arg`: enum expr_type */
	EXPR_LOWER,
	EXPR_UPPER,
	EXPR_HOURS,
	EXPR_MINUTES,
	EXPR_SECONDS,
	EXPR_MATCHES, /* `regex` */
	EXPR_ADD,     /* from here on: two operands */
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
	EXPR_INDEX,
	EXPR_IF /* three: condition, then, else */
};

enum expr_loop { EXPR_ALL, EXPR_EXISTS, EXPR_EXISTS_ONE, EXPR_FILTER, EXPR_MAP };

struct expr_regex;

struct expr_op {
	enum expr_code code;
	uint32_t arg;
	uint32_t from, to; /* its bytes in the text, with those of its operands */
	uint32_t left_of;  /* it gives the left side of this && or ||; 0: of none */
	struct expr_value value;
	const struct expr_regex *regex;
};

struct baton_expr {
	const struct baton_env *env;
	struct baton_arena arena; /* the text, literals, patterns */
	baton_str text;
	struct expr_op *ops;
	size_t n, cap;
	struct expr_leaf *leaves; /* the short way (expr_walk.c) */
	uint32_t n_leaves;        /* 0: there is none */
	bool is_short;            /* it never needs the machine */
};

/* How many values an operation takes from the stack. */
static inline size_t expr_takes(const struct expr_op *op)
{
	if (op->code <= EXPR_VAR)
		return 0;
	if (op->code == EXPR_MAKE)
		return op->arg;
	if (op->code == EXPR_IF)
		return 3;
	return op->code < EXPR_ADD ? 1 : 2;
}

/* The value of the whole. `seen` (NULL, or room for as many values as there are operations) gets what
 * each operation gave last. Texts and lists live in `arena`, which the caller ends. */
struct expr_value expr_run(const struct baton_expr *expr, const void *base,
			   struct baton_arena *arena, struct expr_value *seen);
/* The same of `n` operations that leave one value. */
struct expr_value expr_run_part(const struct baton_expr *expr, size_t from, size_t n,
				const void *base, struct baton_arena *arena);

/* The short way to 1 or 0, where the condition has one; below zero: expr_run() must say. `arena` is
 * for the machine; NULL if the condition is short. */
void expr_walk_plan(struct baton_expr *expr);
int expr_walk(const struct baton_expr *expr, const void *base, struct baton_arena *arena);
