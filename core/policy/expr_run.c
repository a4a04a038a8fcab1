/* SPDX-License-Identifier: Apache-2.0 */

/* Runs a compiled condition over facts. Total: every operation gives a value or a failed value,
 * and failure is what CEL says (integer overflow, division by zero), never undefined behaviour.
 * Owns nothing that outlives the call; strings are views into facts, program or the call's arena.
 */

#include "core/base/assert.h"
#include "core/base/errors.h"
#include "core/base/json.h"
#include "core/base/limits.h"
#include "core/policy/expr_code.h"
#include "core/policy/facts.h"

#include <math.h>

/* What the first version of the ABI had. */
enum { FACTS_SIZE_FIRST = offsetof(baton_facts, primary_state) };

struct run {
	const struct baton_env *env;
	const void *base;
	struct baton_arena arena;
};

static struct expr_value failed(enum expr_type type)
{
	struct expr_value v = { .type = type, .failed = true };
	return v;
}

static struct expr_value of_bool(bool b)
{
	struct expr_value v = { .type = EXPR_BOOL, .as.b = b };
	return v;
}

static struct expr_value of_int(uint64_t u)
{
	struct expr_value v = { .type = EXPR_INT };

	v.as.i = u > INT64_MAX ? INT64_MAX : (int64_t)u;
	return v;
}

static struct expr_value of_double(double d)
{
	struct expr_value v = { .type = EXPR_DOUBLE, .as.d = d };
	return v;
}

static struct expr_value of_str(baton_str s)
{
	struct expr_value v = { .type = EXPR_STRING, .as.s = s };
	return v;
}

/* --- facts --- */

/* The list of strings in `json`. Text that is no such list is a failed value, not an empty one:
 * `!("vip" in tags)` must not become true because tags could not be read. */
static struct expr_value of_tags(struct run *run, baton_str json)
{
	struct expr_value list = { .type = EXPR_LIST }, *v;
	struct baton_json array, element;
	size_t at = 0, n = 0;

	if (json.n == 0)
		return list;
	if (baton_json_parse(json, &array) < 0 || array.type != BATON_JSON_ARRAY)
		return failed(EXPR_LIST);
	while (baton_json_element(&array, &at, &element))
		n++;
	v = baton_arena_alloc(&run->arena, n * sizeof(*v) + 1);
	at = 0;
	for (size_t i = 0; i < n && baton_json_element(&array, &at, &element); i++) {
		if (element.type != BATON_JSON_STRING)
			return failed(EXPR_LIST);
		v[i] = of_str(baton_json_text(&element, &run->arena));
	}
	list.as.list.v = v;
	list.as.list.n = n;
	return list;
}

static struct expr_value of_fact(struct run *run, const struct baton_fact *fact)
{
	const char *field = (const char *)run->base + fact->offset;
	uint32_t u32;
	uint64_t u64;
	baton_str s;

	switch (fact->kind) {
	case BATON_FACT_KIND_STR:
		memcpy(&s, field, sizeof(s));
		return of_str(s);
	case BATON_FACT_KIND_PPM:
		memcpy(&u32, field, sizeof(u32));
		return of_double((double)u32 / 1e6);
	case BATON_FACT_KIND_U32:
		memcpy(&u32, field, sizeof(u32));
		return of_int(u32);
	case BATON_FACT_KIND_U64:
		memcpy(&u64, field, sizeof(u64));
		return of_int(u64);
	case BATON_FACT_KIND_FLAG:
		memcpy(&u32, field, sizeof(u32));
		return of_bool((u32 & fact->flag) != 0);
	case BATON_FACT_KIND_FAIL:
		return of_str(baton_str_of(baton_fact_fail_text(fact, run->base)));
	case BATON_FACT_KIND_TAGS:
		memcpy(&s, field, sizeof(s));
		return of_tags(run, s);
	}
	return failed(EXPR_NONE);
}

/* --- comparing --- */

enum order { LESS = -1, SAME = 0, MORE = 1, UNORDERED = 2 };

static enum order order_of(bool less, bool more)
{
	return less ? LESS : more ? MORE : SAME;
}

static enum order order_double(double a, double b)
{
	return isnan(a) || isnan(b) ? UNORDERED : order_of(a<b, a> b);
}

/* Exact: an int is never rounded to a double to be compared. */
static enum order order_int_double(int64_t i, double d)
{
	if (isnan(d))
		return UNORDERED;
	if (d >= 9223372036854775808.0)
		return LESS;
	if (d < -9223372036854775808.0)
		return MORE;
	int64_t whole = (int64_t)d;
	if (i != whole)
		return order_of(i < whole, true);
	double rest = d - (double)whole;
	return order_of(rest > 0, rest < 0);
}

/* By code points, which is the order of UTF-8 bytes. */
static enum order order_str(baton_str a, baton_str b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int c = n ? memcmp(a.p, b.p, n) : 0;

	if (c != 0)
		return order_of(c < 0, true);
	return order_of(a.n<b.n, a.n> b.n);
}

/* Two values of types the compiler let through, lists excepted. */
static enum order order_values(const struct expr_value *a, const struct expr_value *b)
{
	if (a->type == EXPR_INT && b->type == EXPR_DOUBLE)
		return order_int_double(a->as.i, b->as.d);
	if (a->type == EXPR_DOUBLE && b->type == EXPR_INT) {
		enum order o = order_int_double(b->as.i, a->as.d);
		return o == LESS ? MORE : o == MORE ? LESS : o;
	}
	if (a->type != b->type)
		return UNORDERED;
	switch (a->type) {
	case EXPR_BOOL:
		return order_of(a->as.b<b->as.b, a->as.b> b->as.b);
	case EXPR_INT:
		return order_of(a->as.i<b->as.i, a->as.i> b->as.i);
	case EXPR_DOUBLE:
		return order_double(a->as.d, b->as.d);
	case EXPR_STRING:
		return order_str(a->as.s, b->as.s);
	case EXPR_LIST:
	case EXPR_NONE:
		break;
	}
	return UNORDERED;
}

static bool values_equal(const struct expr_value *a, const struct expr_value *b)
{
	if (a->type != EXPR_LIST || b->type != EXPR_LIST)
		return order_values(a, b) == SAME;
	if (a->as.list.n != b->as.list.n)
		return false;
	for (size_t i = 0; i < a->as.list.n; i++) /* lists do not nest: the compiler sees to it */
		if (order_values(&a->as.list.v[i], &b->as.list.v[i]) != SAME)
			return false;
	return true;
}

static bool value_in(const struct expr_value *needle, const struct expr_value *list)
{
	for (size_t i = 0; i < list->as.list.n; i++)
		if (order_values(needle, &list->as.list.v[i]) == SAME)
			return true;
	return false;
}

/* --- computing --- */

static struct expr_value int_op(enum expr_code code, int64_t a, int64_t b)
{
	struct expr_value v = { .type = EXPR_INT };
	bool divides = code == EXPR_DIV || code == EXPR_MOD;

	if (divides && (b == 0 || (a == INT64_MIN && b == -1)))
		return failed(EXPR_INT);
	if (code == EXPR_ADD)
		v.failed = __builtin_add_overflow(a, b, &v.as.i);
	else if (code == EXPR_SUB)
		v.failed = __builtin_sub_overflow(a, b, &v.as.i);
	else if (code == EXPR_MUL)
		v.failed = __builtin_mul_overflow(a, b, &v.as.i);
	else
		v.as.i = code == EXPR_DIV ? a / b : a % b;
	return v;
}

/* IEEE 754: a division by zero is infinite or no number, and no failure. The division is spelled
 * out because C leaves it undefined, and the sanitizers say so. */
static double divide(double a, double b)
{
	if (b != 0)
		return a / b;
	if (a == 0 || isnan(a) || isnan(b))
		return __builtin_nan("");
	return (a < 0) != (signbit(b) != 0) ? -HUGE_VAL : HUGE_VAL;
}

static struct expr_value double_op(enum expr_code code, double a, double b)
{
	if (code == EXPR_ADD)
		return of_double(a + b);
	if (code == EXPR_SUB)
		return of_double(a - b);
	return of_double(code == EXPR_MUL ? a * b : divide(a, b));
}

static struct expr_value joined(struct run *run, baton_str a, baton_str b)
{
	char *p = baton_arena_alloc(&run->arena, a.n + b.n + 1);

	if (a.n)
		memcpy(p, a.p, a.n);
	if (b.n)
		memcpy(p + a.n, b.p, b.n);
	return of_str((baton_str){ p, a.n + b.n });
}

static struct expr_value arithmetic(struct run *run, enum expr_code code,
				    const struct expr_value *a, const struct expr_value *b)
{
	if (a->type == EXPR_INT)
		return int_op(code, a->as.i, b->as.i);
	if (a->type == EXPR_DOUBLE)
		return double_op(code, a->as.d, b->as.d);
	return joined(run, a->as.s, b->as.s);
}

static bool text_op(enum expr_code code, baton_str s, baton_str part)
{
	if (part.n == 0)
		return true;
	if (part.n > s.n)
		return false;
	if (code == EXPR_STARTS)
		return memcmp(s.p, part.p, part.n) == 0;
	if (code == EXPR_ENDS)
		return memcmp(s.p + s.n - part.n, part.p, part.n) == 0;
	return memmem(s.p, s.n, part.p, part.n) != NULL;
}

static struct expr_value size_of(const struct expr_value *v)
{
	uint64_t n = 0;

	if (v->failed)
		return failed(EXPR_INT);
	if (v->type == EXPR_LIST)
		return of_int(v->as.list.n);
	for (size_t i = 0; i < v->as.s.n; i++) /* characters, not bytes */
		n += ((unsigned char)v->as.s.p[i] & 0xc0) != 0x80;
	return of_int(n);
}

/* CEL: one side that decides alone wins over a failure on the other, in either order. */
static struct expr_value logic(enum expr_code code, const struct expr_value *a,
			       const struct expr_value *b)
{
	bool decides = code == EXPR_OR;

	if ((!a->failed && a->as.b == decides) || (!b->failed && b->as.b == decides))
		return of_bool(decides);
	return a->failed || b->failed ? failed(EXPR_BOOL) : of_bool(!decides);
}

static struct expr_value unary(enum expr_code code, const struct expr_value *v)
{
	if (code == EXPR_SIZE)
		return size_of(v);
	if (v->failed)
		return *v;
	if (code == EXPR_NOT)
		return of_bool(!v->as.b);
	if (v->type == EXPR_DOUBLE)
		return of_double(-v->as.d);
	return int_op(EXPR_SUB, 0, v->as.i);
}

static struct expr_value compare(enum expr_code code, const struct expr_value *a,
				 const struct expr_value *b)
{
	enum order o;

	if (code == EXPR_EQ || code == EXPR_NE)
		return of_bool(values_equal(a, b) == (code == EXPR_EQ));
	o = order_values(a, b);
	if (o == UNORDERED)
		return of_bool(false);
	if (code == EXPR_LT || code == EXPR_GE)
		return of_bool((o == LESS) == (code == EXPR_LT));
	return of_bool((o == MORE) == (code == EXPR_GT));
}

static struct expr_value binary(struct run *run, enum expr_code code, const struct expr_value *a,
				const struct expr_value *b)
{
	if (code == EXPR_AND || code == EXPR_OR)
		return logic(code, a, b);
	if (code >= EXPR_ADD && code <= EXPR_MOD)
		return a->failed || b->failed ? failed(a->type) : arithmetic(run, code, a, b);
	if (a->failed || b->failed)
		return failed(EXPR_BOOL);
	if (code >= EXPR_EQ && code <= EXPR_GE)
		return compare(code, a, b);
	if (code == EXPR_IN)
		return of_bool(value_in(a, b));
	return of_bool(text_op(code, a->as.s, b->as.s));
}

static struct expr_value make_list(struct run *run, const struct expr_value *from, size_t n)
{
	struct expr_value list = { .type = EXPR_LIST }, *v;

	v = baton_arena_alloc(&run->arena, n * sizeof(*v) + 1);
	for (size_t i = 0; i < n; i++) {
		list.failed = list.failed || from[i].failed;
		v[i] = from[i];
	}
	list.as.list.v = v;
	list.as.list.n = n;
	return list;
}

static struct expr_value choose(const struct expr_value *v)
{
	if (v[0].failed)
		return failed(v[1].type);
	return v[0].as.b ? v[1] : v[2];
}

/* How many values an operation takes from the stack. */
static size_t takes(const struct expr_op *op)
{
	if (op->code <= EXPR_FACT)
		return 0;
	if (op->code == EXPR_MAKE)
		return op->arg;
	if (op->code == EXPR_IF)
		return 3;
	return op->code < EXPR_ADD ? 1 : 2;
}

static struct expr_value step(struct run *run, const struct expr_op *op,
			      const struct expr_value *args)
{
	if (op->code == EXPR_CONST)
		return op->value;
	if (op->code == EXPR_FACT)
		return of_fact(run, &run->env->facts[op->arg]);
	if (op->code == EXPR_MAKE)
		return make_list(run, args, op->arg);
	if (op->code == EXPR_IF)
		return choose(args);
	if (op->code < EXPR_ADD)
		return unary(op->code, &args[0]);
	return binary(run, op->code, &args[0], &args[1]);
}

int32_t baton_expr_test_on(const baton_expr *expr, const void *base)
{
	struct expr_value stack[BATON_EXPR_NODES_MAX];
	struct run run = { .base = base };
	size_t top = 0;

	if (!expr || !base)
		return BATON_E_INVAL;
	run.env = expr->env;
	for (size_t i = 0; i < expr->n; i++) {
		size_t n = takes(&expr->ops[i]);

		baton_assert(n <= top && top - n < BATON_EXPR_NODES_MAX);
		top -= n;
		stack[top] = step(&run, &expr->ops[i], &stack[top]);
		top++;
	}
	baton_assert(top == 1);
	baton_arena_done(&run.arena);
	if (stack[0].failed)
		return BATON_E_INVAL;
	return stack[0].as.b ? 1 : 0;
}

/* A module that was built before a fact existed hands over a shorter struct: what it does not know
 * has not been measured. */
int32_t baton_expr_test(const baton_expr *expr, const baton_facts *facts)
{
	baton_facts longer = { .size = sizeof(longer) };

	if (!expr || expr->env != &baton_env_facts || !facts || facts->size < FACTS_SIZE_FIRST)
		return BATON_E_INVAL;
	if (facts->size >= sizeof(*facts))
		return baton_expr_test_on(expr, facts);
	memcpy(&longer, facts, facts->size);
	return baton_expr_test_on(expr, &longer);
}
