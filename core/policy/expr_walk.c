/* SPDX-License-Identifier: Apache-2.0 */

/* The short way through a condition. Most are facts compared with constants, between && || and !.
 * Such a comparison cannot fail and needs no stack: it is a leaf that knows which leaf comes next
 * when it holds and which when it does not. What stands between && || ! and is anything else is a
 * leaf too, which the machine of expr_run.c computes; if it fails, the machine does the whole, as
 * failure has rules of its own (expr_logic). Conditions with loops have no leaves.
 *
 * Rules are asked in every turn, two dozen of them twice: this is why there are two ways. */

#include "core/base/assert.h"
#include "core/base/errors.h"
#include "core/base/limits.h"
#include "core/policy/expr_value.h"

enum kind {
	FLAG,
	WHOLE, /* a whole number: `than.i` */
	SHARE, /* of a million, as a fraction: `than.d` */
	TEXT,
	ONE_OF, /* a text in a list of texts: `from` the first of `n` constants */
	REST    /* `from` and `n` operations for the machine */
};

/* Which outcomes of a comparison mean yes. */
enum { LESS = 1, SAME = 2, MORE = 4 };

/* What a leaf may lead to instead of a leaf; NEXT while leaves are made: the one made last. */
enum { NO = BATON_EXPR_NODES_MAX, YES, NEXT };

struct expr_leaf {
	enum kind kind;
	uint32_t yes, no;
	uint32_t outcomes;
	const struct baton_fact *fact;
	union {
		int64_t i;
		double d;
		baton_str s;
		struct {
			size_t from, n;
		} ops;
	} than;
};

/* --- making leaves --- */

static uint32_t outcomes_of(enum expr_code code)
{
	static const uint32_t of[] = {
		[EXPR_EQ - EXPR_EQ] = SAME, [EXPR_NE - EXPR_EQ] = LESS | MORE,
		[EXPR_LT - EXPR_EQ] = LESS, [EXPR_LE - EXPR_EQ] = LESS | SAME,
		[EXPR_GT - EXPR_EQ] = MORE, [EXPR_GE - EXPR_EQ] = MORE | SAME
	};

	return of[code - EXPR_EQ];
}

/* A double that says exactly what the value says. */
static bool as_double(const struct expr_value *v, double *ret_d)
{
	static const int64_t exact = (int64_t)1 << 53;

	if (v->type == EXPR_INT && v->as.i >= -exact && v->as.i <= exact)
		*ret_d = (double)v->as.i;
	else if (v->type == EXPR_DOUBLE)
		*ret_d = v->as.d;
	else
		return false;
	return true;
}

/* A fact and a constant; false: the machine knows how these compare. */
static bool compares(const struct expr_value *v, struct expr_leaf *leaf)
{
	switch (leaf->fact->kind) {
	case BATON_FACT_KIND_STR:
		leaf->kind = TEXT;
		leaf->than.s = v->as.s;
		return leaf->outcomes == SAME || leaf->outcomes == (LESS | MORE);
	case BATON_FACT_KIND_PPM:
		leaf->kind = SHARE;
		return as_double(v, &leaf->than.d);
	case BATON_FACT_KIND_U32:
	case BATON_FACT_KIND_U64:
		leaf->kind = WHOLE;
		leaf->than.i = v->as.i;
		return v->type == EXPR_INT;
	case BATON_FACT_KIND_FLAG:
	case BATON_FACT_KIND_FAIL:
	case BATON_FACT_KIND_TAGS:
		break;
	}
	return false;
}

/* `text in ["a", "b"]`, of which `in` is the last operation. */
static bool is_one_of(const struct baton_expr *expr, size_t in, struct expr_leaf *leaf)
{
	size_t n = expr->ops[in - 1].arg;

	if (expr->ops[in - 1].code != EXPR_MAKE || in < n + 2)
		return false;
	const struct expr_op *fact = &expr->ops[in - 2 - n];
	leaf->fact = &expr->env->facts[fact->arg];
	if (fact->code != EXPR_FACT || leaf->fact->kind != BATON_FACT_KIND_STR)
		return false;
	for (const struct expr_op *op = fact + 1; op < fact + 1 + n; op++)
		if (op->code != EXPR_CONST || op->value.type != EXPR_STRING)
			return false;
	leaf->kind = ONE_OF;
	leaf->than.ops.from = in - 1 - n;
	leaf->than.ops.n = n;
	return true;
}

/* The leaf whose last operation is at `last`; returns where it begins. */
static size_t make_leaf(struct baton_expr *expr, size_t last, struct expr_leaf *leaf)
{
	const struct expr_op *op = &expr->ops[last];
	size_t from = last;

	if (op->code == EXPR_FACT) { /* what is true or false by itself */
		leaf->kind = FLAG;
		leaf->fact = &expr->env->facts[op->arg];
		return last;
	}
	if (op->code >= EXPR_EQ && op->code <= EXPR_GE && op[-1].code == EXPR_CONST &&
	    op[-2].code == EXPR_FACT) {
		leaf->fact = &expr->env->facts[op[-2].arg];
		leaf->outcomes = outcomes_of(op->code);
		if (compares(&op[-1].value, leaf))
			return last - 2;
	}
	if (op->code == EXPR_IN && is_one_of(expr, last, leaf))
		return leaf->than.ops.from - 1;
	for (size_t wanted = expr_takes(op); wanted > 0; wanted--)
		wanted += expr_takes(&expr->ops[--from]);
	expr->is_short = false;
	leaf->kind = REST;
	leaf->than.ops.from = from;
	leaf->than.ops.n = last + 1 - from;
	return from;
}

static bool has_loops(const struct baton_expr *expr)
{
	for (size_t i = 0; i < expr->n; i++)
		if (expr->ops[i].code == EXPR_EACH)
			return true;
	return false;
}

/* The program read backwards: an operator, its right side, its left side. So the leaf at which a
 * right side begins is the one that was made last when its left side's turn comes. */
void expr_walk_plan(struct baton_expr *expr)
{
	struct {
		uint32_t yes, no;
	} todo[BATON_EXPR_NODES_MAX] = { { YES, NO } }, side;
	size_t n_todo = 1, at = expr->n;

	if (has_loops(expr))
		return;
	expr->is_short = true;
	expr->leaves = baton_arena_alloc(&expr->arena, expr->n * sizeof(*expr->leaves));
	while (n_todo > 0) {
		const struct expr_op *op = &expr->ops[--at];

		side = todo[--n_todo];
		side.yes = side.yes == NEXT ? expr->n_leaves - 1 : side.yes;
		side.no = side.no == NEXT ? expr->n_leaves - 1 : side.no;
		if (op->code == EXPR_AND || op->code == EXPR_OR) {
			bool is_and = op->code == EXPR_AND;

			todo[n_todo].yes = is_and ? NEXT : side.yes;
			todo[n_todo++].no = is_and ? side.no : NEXT;
			todo[n_todo++] = side;
		} else if (op->code == EXPR_NOT) {
			todo[n_todo].yes = side.no;
			todo[n_todo++].no = side.yes;
		} else {
			struct expr_leaf *leaf = &expr->leaves[expr->n_leaves++];

			leaf->yes = side.yes;
			leaf->no = side.no;
			at = make_leaf(expr, at, leaf);
		}
	}
	baton_assert(at == 0);
}

/* --- walking --- */

static uint32_t order_whole(int64_t a, int64_t b)
{
	return a < b ? LESS : a > b ? MORE : SAME;
}

static uint32_t order_share(double a, double b)
{
	return a < b ? LESS : a > b ? MORE : SAME; /* no literal is a NaN, and no share */
}

static int64_t whole_fact(const struct baton_fact *fact, const char *field)
{
	uint32_t u32;
	uint64_t u64;

	if (fact->kind == BATON_FACT_KIND_U64) {
		memcpy(&u64, field, sizeof(u64));
		return u64 > INT64_MAX ? INT64_MAX : (int64_t)u64;
	}
	memcpy(&u32, field, sizeof(u32));
	return u32;
}

static bool is_text(const char *field, baton_str word)
{
	baton_str s;

	memcpy(&s, field, sizeof(s));
	return s.n == word.n && (s.n == 0 || memcmp(s.p, word.p, s.n) == 0);
}

static bool is_one(const char *field, const struct expr_op *op, size_t n)
{
	for (const struct expr_op *end = op + n; op < end; op++)
		if (is_text(field, op->value.as.s))
			return true;
	return false;
}

/* Apart, so that the walk itself needs little of the stack. */
__attribute__((noinline)) static int rest_says(const struct baton_expr *expr,
					       const struct expr_leaf *leaf, const void *base,
					       struct baton_arena *arena)
{
	struct expr_value v =
		expr_run_part(expr, leaf->than.ops.from, leaf->than.ops.n, base, arena);

	return v.failed ? BATON_E_INVAL : v.as.b;
}

/* 1, 0, or below zero: it cannot be decided. */
static int says(const struct baton_expr *expr, const struct expr_leaf *leaf, const void *base,
		struct baton_arena *arena)
{
	const char *field = base;

	if (leaf->kind != REST)
		field += leaf->fact->offset;
	switch (leaf->kind) {
	case FLAG:
		return (whole_fact(leaf->fact, field) & leaf->fact->flag) != 0;
	case WHOLE:
		return (order_whole(whole_fact(leaf->fact, field), leaf->than.i) &
			leaf->outcomes) != 0;
	case SHARE:
		return (order_share((double)whole_fact(leaf->fact, field) / 1e6, leaf->than.d) &
			leaf->outcomes) != 0;
	case TEXT:
		return is_text(field, leaf->than.s) == (leaf->outcomes == SAME);
	case ONE_OF:
		return is_one(field, &expr->ops[leaf->than.ops.from], leaf->than.ops.n);
	case REST:
		return rest_says(expr, leaf, base, arena);
	}
	return BATON_E_INVAL;
}

int expr_walk(const struct baton_expr *expr, const void *base, struct baton_arena *arena)
{
	uint32_t at = expr->n_leaves - 1; /* made backwards */

	while (at < NO) {
		const struct expr_leaf *leaf = &expr->leaves[at];
		int said = says(expr, leaf, base, arena);

		if (said < 0)
			return said;
		at = said ? leaf->yes : leaf->no;
	}
	return at == YES;
}
