/* SPDX-License-Identifier: Apache-2.0 */

/* What operations do to values. Total: every operation gives a value or a failed value, and failure
 * is what CEL says (integer overflow, division by zero), never undefined behaviour. Strings are
 * views into facts, program or the run's arena.
 */

#include "core/policy/expr_value.h"

#include "core/base/limits.h"
#include "core/policy/expr_duration.h"
#include "core/policy/expr_regex.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

struct expr_value expr_failed(enum expr_type type, enum expr_failure why)
{
	struct expr_value v = { .type = type, .failed = why };
	return v;
}

struct expr_value expr_of_bool(bool b)
{
	struct expr_value v = { .type = EXPR_BOOL, .as.b = b };
	return v;
}

struct expr_value expr_of_int(int64_t i)
{
	struct expr_value v = { .type = EXPR_INT, .as.i = i };
	return v;
}

struct expr_value expr_of_double(double d)
{
	struct expr_value v = { .type = EXPR_DOUBLE, .as.d = d };
	return v;
}

struct expr_value expr_of_str(baton_str s)
{
	struct expr_value v = { .type = EXPR_STRING, .as.s = s };
	return v;
}

struct expr_value expr_of_duration(int64_t ns)
{
	struct expr_value v = { .type = EXPR_DURATION, .as.i = ns };
	return v;
}

void *expr_room(struct baton_arena *arena, size_t n)
{
	if (n > BATON_EXPR_RUN_BYTES_MAX || arena->bytes > BATON_EXPR_RUN_BYTES_MAX - n)
		return NULL;
	return baton_arena_alloc(arena, n + 1);
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
	case EXPR_DURATION:
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

static struct expr_value compare(enum expr_code code, const struct expr_value *a,
				 const struct expr_value *b)
{
	enum order o;

	if (code == EXPR_EQ || code == EXPR_NE)
		return expr_of_bool(values_equal(a, b) == (code == EXPR_EQ));
	o = order_values(a, b);
	if (o == UNORDERED)
		return expr_of_bool(false);
	if (code == EXPR_LT || code == EXPR_GE)
		return expr_of_bool((o == LESS) == (code == EXPR_LT));
	return expr_of_bool((o == MORE) == (code == EXPR_GT));
}

/* --- computing --- */

/* INT and DURATION. */
static struct expr_value int_op(enum expr_code code, enum expr_type type, int64_t a, int64_t b)
{
	struct expr_value v = { .type = type };
	bool over = false;

	if ((code == EXPR_DIV || code == EXPR_MOD) && b == 0)
		return expr_failed(type, EXPR_FAIL_ZERO);
	if (code == EXPR_ADD)
		over = __builtin_add_overflow(a, b, &v.as.i);
	else if (code == EXPR_SUB)
		over = __builtin_sub_overflow(a, b, &v.as.i);
	else if (code == EXPR_MUL)
		over = __builtin_mul_overflow(a, b, &v.as.i);
	else if (b == -1) /* the smallest number has no opposite; its remainder is 0 all the same */
		over = code == EXPR_DIV && __builtin_sub_overflow(0, a, &v.as.i);
	else
		v.as.i = code == EXPR_DIV ? a / b : a % b;
	return over ? expr_failed(type, EXPR_FAIL_OVERFLOW) : v;
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
		return expr_of_double(a + b);
	if (code == EXPR_SUB)
		return expr_of_double(a - b);
	return expr_of_double(code == EXPR_MUL ? a * b : divide(a, b));
}

static struct expr_value join_text(struct baton_arena *arena, baton_str a, baton_str b)
{
	char *p = a.n + b.n <= BATON_EXPR_TEXT_BYTES_MAX ? expr_room(arena, a.n + b.n) : NULL;

	if (!p)
		return expr_failed(EXPR_STRING, EXPR_FAIL_MEMORY);
	if (a.n)
		memcpy(p, a.p, a.n);
	if (b.n)
		memcpy(p + a.n, b.p, b.n);
	return expr_of_str((baton_str){ p, a.n + b.n });
}

static struct expr_value join_lists(struct baton_arena *arena, const struct expr_value *a,
				    const struct expr_value *b)
{
	size_t n = a->as.list.n + b->as.list.n;
	struct expr_value list = { .type = EXPR_LIST };
	struct expr_value *v = expr_room(arena, n * sizeof(*v));

	if (!v)
		return expr_failed(EXPR_LIST, EXPR_FAIL_MEMORY);
	for (size_t i = 0; i < n; i++)
		v[i] = i < a->as.list.n ? a->as.list.v[i] : b->as.list.v[i - a->as.list.n];
	list.as.list.v = v;
	list.as.list.n = n;
	return list;
}

static struct expr_value arithmetic(struct baton_arena *arena, enum expr_code code,
				    const struct expr_value *a, const struct expr_value *b)
{
	if (a->type == EXPR_INT || a->type == EXPR_DURATION)
		return int_op(code, a->type, a->as.i, b->as.i);
	if (a->type == EXPR_DOUBLE)
		return double_op(code, a->as.d, b->as.d);
	if (a->type == EXPR_LIST)
		return join_lists(arena, a, b);
	return join_text(arena, a->as.s, b->as.s);
}

/* --- text --- */

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
	int64_t n = 0;

	if (v->type == EXPR_LIST)
		return expr_of_int((int64_t)v->as.list.n);
	for (size_t i = 0; i < v->as.s.n; i++) /* characters, not bytes */
		n += ((unsigned char)v->as.s.p[i] & 0xc0) != 0x80;
	return expr_of_int(n);
}

/* The other case of ASCII letters; all else stays, as CEL's strings extension has it. */
static struct expr_value recased(struct baton_arena *arena, enum expr_code code, baton_str s)
{
	char from = code == EXPR_LOWER ? 'A' : 'a';
	char *p = expr_room(arena, s.n);

	if (!p)
		return expr_failed(EXPR_STRING, EXPR_FAIL_MEMORY);
	for (size_t i = 0; i < s.n; i++)
		p[i] = (char)(s.p[i] >= from && s.p[i] < from + 26 ? s.p[i] ^ 0x20 : s.p[i]);
	return expr_of_str((baton_str){ p, s.n });
}

static struct expr_value matches(const struct expr_regex *regex, baton_str s)
{
	if (s.n > BATON_EXPR_TEXT_BYTES_MAX)
		return expr_failed(EXPR_BOOL, EXPR_FAIL_MEMORY);
	return expr_of_bool(expr_regex_test(regex, s));
}

/* --- converting --- */

static size_t digits_at(baton_str s, size_t at)
{
	size_t n = 0;

	while (at + n < s.n && s.p[at + n] >= '0' && s.p[at + n] <= '9')
		n++;
	return n;
}

static struct expr_value int_of_text(baton_str s)
{
	bool negative = s.n > 0 && s.p[0] == '-';
	size_t at = negative || (s.n > 0 && s.p[0] == '+') ? 1 : 0;
	uint64_t magnitude = 0;

	if (at == s.n || digits_at(s, at) != s.n - at)
		return expr_failed(EXPR_INT, EXPR_FAIL_TEXT);
	for (; at < s.n; at++)
		if (__builtin_mul_overflow(magnitude, 10u, &magnitude) ||
		    __builtin_add_overflow(magnitude, (uint64_t)(s.p[at] - '0'), &magnitude))
			return expr_failed(EXPR_INT, EXPR_FAIL_OVERFLOW);
	if (magnitude > (uint64_t)INT64_MAX + (negative ? 1 : 0))
		return expr_failed(EXPR_INT, EXPR_FAIL_OVERFLOW);
	return expr_of_int(negative ? (int64_t)(0 - magnitude) : (int64_t)magnitude);
}

/* Decimal notation only: strtod alone would take hexadecimals, blanks and `inf`. */
static bool is_decimal(baton_str s)
{
	size_t at = s.n > 0 && (s.p[0] == '-' || s.p[0] == '+') ? 1 : 0;
	size_t whole = digits_at(s, at), fraction = 0;

	at += whole;
	if (at < s.n && s.p[at] == '.') {
		fraction = digits_at(s, ++at);
		at += fraction;
	}
	if (whole + fraction == 0)
		return false;
	if (at < s.n && (s.p[at] == 'e' || s.p[at] == 'E')) {
		at++;
		if (at < s.n && (s.p[at] == '-' || s.p[at] == '+'))
			at++;
		size_t exponent = digits_at(s, at);
		if (exponent == 0)
			return false;
		at += exponent;
	}
	return at == s.n;
}

static struct expr_value double_of_text(baton_str s)
{
	char digits[64];
	bool sign = s.n > 0 && (s.p[0] == '-' || s.p[0] == '+');
	baton_str word = { s.p + sign, s.n - sign };

	if (baton_str_is(word, "Infinity"))
		return expr_of_double(s.p[0] == '-' ? -HUGE_VAL : HUGE_VAL);
	if (baton_str_is(s, "NaN"))
		return expr_of_double(__builtin_nan(""));
	if (s.n >= sizeof(digits) || !is_decimal(s))
		return expr_failed(EXPR_DOUBLE, EXPR_FAIL_TEXT);
	memcpy(digits, s.p, s.n);
	digits[s.n] = '\0';
	return expr_of_double(strtod(digits, NULL));
}

static struct expr_value bool_of_text(baton_str s)
{
	static const char *const words[][2] = {
		{ "false", "true" }, { "False", "True" }, { "FALSE", "TRUE" },
		{ "f", "t" },        { "0", "1" },
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		for (size_t truth = 0; truth < 2; truth++)
			if (baton_str_is(s, words[i][truth]))
				return expr_of_bool(truth == 1);
	return expr_failed(EXPR_BOOL, EXPR_FAIL_TEXT);
}

/* Towards zero. The bounds themselves count as too far, as in the specification's tests. */
static struct expr_value int_of_double(double d)
{
	if (!(d > -9223372036854775808.0 && d < 9223372036854775808.0))
		return expr_failed(EXPR_INT, EXPR_FAIL_OVERFLOW);
	return expr_of_int((int64_t)d);
}

static struct expr_value text_of(const struct expr_value *v, struct baton_arena *arena)
{
	char *p = expr_room(arena, 32);

	if (!p)
		return expr_failed(EXPR_STRING, EXPR_FAIL_MEMORY);
	if (v->type == EXPR_BOOL)
		return expr_of_str(v->as.b ? BATON_STR("true") : BATON_STR("false"));
	int n = snprintf(p, 32, "%lld", (long long)v->as.i);
	return expr_of_str((baton_str){ p, (size_t)n });
}

static struct expr_value cast(enum expr_type to, const struct expr_value *v,
			      struct baton_arena *arena)
{
	int64_t ns;

	switch (to) {
	case EXPR_INT:
		return v->type == EXPR_DOUBLE ? int_of_double(v->as.d) : int_of_text(v->as.s);
	case EXPR_DOUBLE:
		return v->type == EXPR_INT ? expr_of_double((double)v->as.i)
					   : double_of_text(v->as.s);
	case EXPR_STRING:
		return text_of(v, arena);
	case EXPR_BOOL:
		return bool_of_text(v->as.s);
	case EXPR_DURATION:
		return expr_duration_parse(v->as.s, &ns)
			       ? expr_of_duration(ns)
			       : expr_failed(EXPR_DURATION, EXPR_FAIL_TEXT);
	case EXPR_NONE:
	case EXPR_LIST:
		break;
	}
	return *v;
}

/* --- the doors --- */

static enum expr_type result_of(const struct expr_op *op, const struct expr_value *v)
{
	if (op->code == EXPR_CAST)
		return (enum expr_type)op->arg;
	if (op->code == EXPR_NOT || op->code == EXPR_MATCHES)
		return EXPR_BOOL;
	return op->code == EXPR_NEG || op->code == EXPR_LOWER || op->code == EXPR_UPPER ? v->type
											: EXPR_INT;
}

struct expr_value expr_unary(const struct expr_op *op, const struct expr_value *v,
			     struct baton_arena *arena)
{
	static const int64_t second_ns = 1000000000;

	if (v->failed)
		return expr_failed(result_of(op, v), v->failed);
	if (op->code == EXPR_SIZE)
		return size_of(v);
	if (op->code == EXPR_NOT)
		return expr_of_bool(!v->as.b);
	if (op->code == EXPR_CAST)
		return cast((enum expr_type)op->arg, v, arena);
	if (op->code == EXPR_LOWER || op->code == EXPR_UPPER)
		return recased(arena, op->code, v->as.s);
	if (op->code == EXPR_MATCHES)
		return matches(op->regex, v->as.s);
	if (op->code == EXPR_HOURS)
		return expr_of_int(v->as.i / (3600 * second_ns));
	if (op->code == EXPR_MINUTES)
		return expr_of_int(v->as.i / (60 * second_ns));
	if (op->code == EXPR_SECONDS)
		return expr_of_int(v->as.i / second_ns);
	if (v->type == EXPR_DOUBLE)
		return expr_of_double(-v->as.d);
	return int_op(EXPR_SUB, EXPR_INT, 0, v->as.i);
}

/* CEL: one side that decides alone wins over a failure on the other, in either order. */
struct expr_value expr_logic(enum expr_code code, const struct expr_value *a,
			     const struct expr_value *b)
{
	bool decides = code == EXPR_OR;

	if ((!a->failed && a->as.b == decides) || (!b->failed && b->as.b == decides))
		return expr_of_bool(decides);
	if (a->failed || b->failed)
		return expr_failed(EXPR_BOOL, a->failed ? a->failed : b->failed);
	return expr_of_bool(!decides);
}

/* The value of a list at a place. What type it would have is the compiler's knowledge; a failed
 * value is only ever asked why. */
static struct expr_value at_index(const struct expr_value *list, int64_t i)
{
	if (i < 0 || (uint64_t)i >= list->as.list.n)
		return expr_failed(EXPR_NONE, EXPR_FAIL_INDEX);
	return list->as.list.v[i];
}

struct expr_value expr_binary(enum expr_code code, const struct expr_value *a,
			      const struct expr_value *b, struct baton_arena *arena)
{
	if (code == EXPR_AND || code == EXPR_OR)
		return expr_logic(code, a, b);
	if (a->failed || b->failed)
		return expr_failed(code <= EXPR_MOD ? a->type : EXPR_BOOL,
				   a->failed ? a->failed : b->failed);
	if (code <= EXPR_MOD)
		return arithmetic(arena, code, a, b);
	if (code <= EXPR_GE)
		return compare(code, a, b);
	if (code == EXPR_IN)
		return expr_of_bool(value_in(a, b));
	if (code == EXPR_INDEX)
		return at_index(a, b->as.i);
	return expr_of_bool(text_op(code, a->as.s, b->as.s));
}
