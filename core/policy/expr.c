/* SPDX-License-Identifier: Apache-2.0 */

/* Compiles a condition: one pass of a precedence parser that checks types as it goes and writes a
 * postfix program (expr_code.h). The grammar is CEL's, cut to what baton/expr.h lists. Here are
 * literals, operators and the doors; names, functions and loops are in expr_name.c.
 *
 * The parser calls itself for what stands in parentheses, lists and after `:`, at most NEST_MAX
 * deep, which is why it is no recursion on input in the sense of an unbounded stack.
 *
 * Two things are more lenient than a strict CEL checker, and mean what CEL means at run time: an
 * int may be compared with a double, and `in` compares the same way.
 */

#include "core/policy/expr.h"

#include "core/base/assert.h"
#include "core/base/errors.h"
#include "core/policy/expr_parse.h"
#include "core/policy/facts.h"

#include <stdarg.h>
#include <stdio.h>

enum { NEST_MAX = 32, LEVELS = 5 };

struct expr_typed expr_nothing(void)
{
	return expr_typed(EXPR_NONE, 0);
}

struct expr_typed expr_typed(enum expr_type type, size_t from)
{
	struct expr_typed t = { .type = type, .element = EXPR_NONE, .from = from };
	return t;
}

struct expr_typed expr_fail(struct expr_parser *p, size_t at, const char *fmt, ...)
{
	va_list args;

	if (p->failed)
		return expr_nothing();
	p->failed = true;
	p->failed_at = at;
	va_start(args, fmt);
	if (p->lexer.cap > 0)
		vsnprintf(p->lexer.why, p->lexer.cap, fmt, args);
	va_end(args);
	return expr_nothing();
}

void expr_next(struct expr_parser *p)
{
	if (p->failed)
		return;
	p->end = p->lexer.at;
	p->token = expr_lex(&p->lexer);
	if (p->token.kind == EXPR_TOKEN_BAD) { /* `why` is written already */
		p->failed = true;
		p->failed_at = p->token.at;
	}
}

bool expr_is_sign(const struct expr_parser *p, const char *sign)
{
	return !p->failed && p->token.kind == EXPR_TOKEN_SIGN && baton_str_is(p->token.text, sign);
}

bool expr_is_word(const struct expr_parser *p, const char *word)
{
	return !p->failed && p->token.kind == EXPR_TOKEN_NAME && baton_str_is(p->token.text, word);
}

const char *expr_token_shown(const struct expr_parser *p, char shown[40])
{
	if (p->token.kind == EXPR_TOKEN_END)
		return "the end";
	if (p->token.kind == EXPR_TOKEN_STRING)
		return "a string";
	baton_str cut = baton_str_clip(p->token.text, 32);
	snprintf(shown, 40, "`%.*s`", (int)cut.n, cut.p);
	return shown;
}

void expr_expect(struct expr_parser *p, const char *sign)
{
	char shown[40];

	if (expr_is_sign(p, sign))
		expr_next(p);
	else
		expr_fail(p, p->token.at, "expected `%s`, found %s", sign,
			  expr_token_shown(p, shown));
}

const char *expr_type_shown(struct expr_typed t)
{
	static const char *const names[] = { "nothing",  "true/false", "a whole number", "a number",
					     "a string", "a duration", "a list" };
	return names[t.type];
}

void expr_charge(struct expr_parser *p, uint64_t n)
{
	p->steps += n * p->times; /* both are bounded far below 2^32 */
	if (p->steps > BATON_EXPR_STEPS_MAX)
		expr_fail(p, p->token.at,
			  "the condition could take more than %d steps: put fewer of all, exists, "
			  "filter and map inside each other",
			  (int)BATON_EXPR_STEPS_MAX);
}

struct expr_op *expr_emit(struct expr_parser *p, enum expr_code code, uint32_t arg, size_t from)
{
	static struct expr_op nowhere;
	struct baton_expr *e = p->expr;

	if (!p->failed && e->n >= BATON_EXPR_NODES_MAX)
		expr_fail(p, p->token.at, "the condition is too long: at most %d parts",
			  (int)BATON_EXPR_NODES_MAX);
	expr_charge(p, 1);
	if (p->failed)
		return &nowhere; /* nobody writes to it: callers look at p->failed first */
	if (e->n == e->cap) {
		e->cap = e->cap ? e->cap * 2 : 8;
		e->ops = baton_realloc(e->ops, e->cap * sizeof(*e->ops));
	}
	e->ops[e->n] = (struct expr_op){ .code = code, .arg = arg };
	e->ops[e->n].from = (uint32_t)from;
	e->ops[e->n].to = (uint32_t)p->end;
	return &e->ops[e->n++];
}

/* --- literals --- */

/* The token to look at is a value: passes it and pushes it. */
static struct expr_typed push(struct expr_parser *p, struct expr_value value, size_t from)
{
	struct expr_op *op;

	expr_next(p);
	op = expr_emit(p, EXPR_CONST, 0, from);
	if (p->failed)
		return expr_nothing();
	op->value = value;
	return expr_typed(value.type, from);
}

static struct expr_typed parse_int(struct expr_parser *p, bool negative, size_t from)
{
	struct expr_value v = { .type = EXPR_INT };
	uint64_t m = p->token.magnitude;

	if (m > (uint64_t)INT64_MAX + (negative ? 1 : 0))
		return expr_fail(p, p->token.at, "this number does not fit into 64 bits");
	v.as.i = negative ? (int64_t)(0 - m) : (int64_t)m;
	return push(p, v, from);
}

static struct expr_typed parse_literal(struct expr_parser *p)
{
	struct expr_value v = { .type = EXPR_NONE };

	if (p->token.kind == EXPR_TOKEN_INT)
		return parse_int(p, false, p->token.at);
	if (p->token.kind == EXPR_TOKEN_DOUBLE) {
		v.type = EXPR_DOUBLE;
		v.as.d = p->token.number;
	} else if (p->token.kind == EXPR_TOKEN_STRING) {
		v.type = EXPR_STRING;
		v.as.s = p->token.text;
	} else {
		v.type = EXPR_BOOL;
		v.as.b = expr_is_word(p, "true");
	}
	return push(p, v, p->token.at);
}

/* Adds one element's type to a list's; false if they do not go together. */
static bool list_takes(struct expr_typed *list, struct expr_typed element)
{
	if (list->element == EXPR_NONE)
		list->element = element.type;
	return list->element == element.type;
}

static struct expr_typed parse_list(struct expr_parser *p)
{
	struct expr_typed list = expr_typed(EXPR_LIST, p->token.at);

	expr_next(p);
	while (!p->failed && !expr_is_sign(p, "]")) {
		size_t at = p->token.at;
		struct expr_typed element = expr_parse(p);

		if (p->failed)
			return expr_nothing();
		if (element.type == EXPR_LIST)
			return expr_fail(p, at, "a list cannot hold a list");
		if (!list_takes(&list, element))
			return expr_fail(p, at,
					 "all of a list must be of one type: this is %s, what "
					 "stands before is %s",
					 expr_type_shown(element),
					 expr_type_shown(expr_typed(list.element, 0)));
		list.n_max++;
		if (!expr_is_sign(p, "]"))
			expr_expect(p, ",");
	}
	expr_next(p);
	expr_emit(p, EXPR_MAKE, list.n_max, list.from);
	expr_charge(p, list.n_max);
	return list;
}

static struct expr_typed parse_primary(struct expr_parser *p)
{
	size_t from = p->token.at;
	char shown[40];

	if (expr_is_word(p, "true") || expr_is_word(p, "false"))
		return parse_literal(p);
	if (p->token.kind == EXPR_TOKEN_NAME)
		return expr_parse_name(p);
	if (expr_is_sign(p, "["))
		return parse_list(p);
	if (expr_is_sign(p, "(")) {
		expr_next(p);
		struct expr_typed inner = expr_parse(p);
		expr_expect(p, ")");
		inner.from = from;
		return inner;
	}
	if (p->token.kind == EXPR_TOKEN_SIGN || p->token.kind == EXPR_TOKEN_END)
		return expr_fail(p, from, "expected a value, found %s", expr_token_shown(p, shown));
	return parse_literal(p);
}

/* list[0] */
static struct expr_typed parse_index(struct expr_parser *p, struct expr_typed of)
{
	size_t at = p->token.at;

	expr_next(p);
	struct expr_typed index = expr_parse(p);
	expr_expect(p, "]");
	if (p->failed)
		return expr_nothing();
	if (of.type != EXPR_LIST)
		return expr_fail(p, at, "only a list has places to pick from, not %s",
				 expr_type_shown(of));
	if (of.element == EXPR_NONE)
		return expr_fail(p, at, "this list is always empty");
	if (index.type != EXPR_INT)
		return expr_fail(p, at, "a place of a list is a whole number, not %s",
				 expr_type_shown(index));
	expr_emit(p, EXPR_INDEX, 0, of.from);
	return expr_typed(of.element, of.from);
}

static struct expr_typed parse_member(struct expr_parser *p)
{
	struct expr_typed t = parse_primary(p);

	while (expr_is_sign(p, ".") || expr_is_sign(p, "[")) {
		if (expr_is_sign(p, "[")) {
			t = parse_index(p, t);
			continue;
		}
		expr_next(p);
		t = p->failed ? expr_nothing() : expr_parse_method(p, t);
	}
	return p->failed ? expr_nothing() : t;
}

/* --- operators --- */

static struct expr_typed emit_sign(struct expr_parser *p, const struct expr_token *sign,
				   struct expr_typed t)
{
	bool is_not = baton_str_is(sign->text, "!");

	if (p->failed)
		return expr_nothing();
	if (is_not && t.type != EXPR_BOOL)
		return expr_fail(p, sign->at, "`!` takes true/false, not %s", expr_type_shown(t));
	if (!is_not && t.type != EXPR_INT && t.type != EXPR_DOUBLE)
		return expr_fail(p, sign->at, "`-` takes a number, not %s%s", expr_type_shown(t),
				 t.type == EXPR_DURATION ? ": write duration(\"-5m\")" : "");
	expr_emit(p, is_not ? EXPR_NOT : EXPR_NEG, 0, sign->at);
	t.from = sign->at;
	return t;
}

/* CEL's Unary: a run of `!` or a run of `-`, never mixed. A minus right before a whole number is
 * part of it, or the smallest one could not be written. */
static struct expr_typed parse_unary(struct expr_parser *p)
{
	struct expr_token sign = p->token;
	unsigned n = 0;
	bool minus = expr_is_sign(p, "-");
	struct expr_typed t;

	if (!minus && !expr_is_sign(p, "!"))
		return parse_member(p);
	while (expr_is_sign(p, minus ? "-" : "!")) {
		n++;
		expr_next(p);
	}
	if (minus && !p->failed && p->token.kind == EXPR_TOKEN_INT) {
		n--;
		t = parse_int(p, true, sign.at);
		if (expr_is_sign(p, "."))
			return expr_fail(p, p->token.at, "a number has no functions");
	} else {
		t = parse_member(p);
	}
	/* An even run still checks the type, and -(-x) can overflow: each sign is done. */
	for (; n > 0 && !p->failed; n--)
		t = emit_sign(p, &sign, t);
	return p->failed ? expr_nothing() : t;
}

/* What an operator takes. */
enum operands { TRUTHS, EQUALS, ORDERED, MEMBER, SUMMANDS, TERMS, NUMBERS, WHOLE };

struct infix {
	const char *sign;
	enum expr_code code;
	unsigned level;
	enum operands takes;
};
static const struct infix infixes[] = {
	{ "||", EXPR_OR, 0, TRUTHS },  { "&&", EXPR_AND, 1, TRUTHS },
	{ "==", EXPR_EQ, 2, EQUALS },  { "!=", EXPR_NE, 2, EQUALS },
	{ "<=", EXPR_LE, 2, ORDERED }, { ">=", EXPR_GE, 2, ORDERED },
	{ "<", EXPR_LT, 2, ORDERED },  { ">", EXPR_GT, 2, ORDERED },
	{ "in", EXPR_IN, 2, MEMBER },  { "+", EXPR_ADD, 3, SUMMANDS },
	{ "-", EXPR_SUB, 3, TERMS },   { "*", EXPR_MUL, 4, NUMBERS },
	{ "/", EXPR_DIV, 4, NUMBERS }, { "%", EXPR_MOD, 4, WHOLE },
};

static const struct infix *infix_here(const struct expr_parser *p, unsigned level)
{
	for (size_t i = 0; i < sizeof(infixes) / sizeof(infixes[0]); i++) {
		const struct infix *o = &infixes[i];
		bool here =
			o->code == EXPR_IN ? expr_is_word(p, o->sign) : expr_is_sign(p, o->sign);

		if (here && o->level == level)
			return o;
	}
	return NULL;
}

static bool is_number(struct expr_typed t)
{
	return t.type == EXPR_INT || t.type == EXPR_DOUBLE;
}

static bool can_equal_plain(enum expr_type a, enum expr_type b)
{
	return a == b || (is_number(expr_typed(a, 0)) && is_number(expr_typed(b, 0)));
}

bool expr_can_equal(struct expr_typed a, struct expr_typed b)
{
	if (a.type == EXPR_LIST && b.type == EXPR_LIST)
		return a.element == EXPR_NONE || b.element == EXPR_NONE ||
		       can_equal_plain(a.element, b.element);
	return can_equal_plain(a.type, b.type);
}

static bool same_list(struct expr_typed a, struct expr_typed b)
{
	return a.type == EXPR_LIST && b.type == EXPR_LIST &&
	       (a.element == b.element || a.element == EXPR_NONE || b.element == EXPR_NONE);
}

static bool operands_ok(enum operands takes, struct expr_typed a, struct expr_typed b)
{
	bool same = a.type == b.type;

	switch (takes) {
	case TRUTHS:
		return a.type == EXPR_BOOL && b.type == EXPR_BOOL;
	case EQUALS:
		return expr_can_equal(a, b);
	case ORDERED:
		return expr_can_equal(a, b) && a.type != EXPR_LIST;
	case MEMBER:
		return b.type == EXPR_LIST && a.type != EXPR_LIST &&
		       (b.element == EXPR_NONE || can_equal_plain(a.type, b.element));
	case SUMMANDS:
		return same && (is_number(a) || a.type == EXPR_STRING || a.type == EXPR_DURATION ||
				same_list(a, b));
	case TERMS:
		return same && (is_number(a) || a.type == EXPR_DURATION);
	case NUMBERS:
		return same && is_number(a);
	case WHOLE:
		return a.type == EXPR_INT && b.type == EXPR_INT;
	}
	return false;
}

/* What to write instead, where the mistake is a common one. */
static const char *remedy(const struct infix *o, struct expr_typed a, struct expr_typed b)
{
	bool duration = a.type == EXPR_DURATION || b.type == EXPR_DURATION;

	if (is_number(a) && is_number(b) && o->takes != WHOLE)
		return ": write whole numbers as 2.0 here";
	if (duration && (a.type == EXPR_INT || b.type == EXPR_INT) && o->level == 2)
		return ": the fact without `_ms` is the duration";
	if (duration && (a.type == EXPR_STRING || b.type == EXPR_STRING))
		return ": write duration(\"5m\")";
	if (o->code == EXPR_IN && a.type == EXPR_STRING && b.type == EXPR_STRING)
		return ": for a part of a text, write text.contains(\"...\")";
	return "";
}

static struct expr_typed emit_binary(struct expr_parser *p, size_t at, const struct infix *o,
				     struct expr_typed a, struct expr_typed b)
{
	struct expr_typed result = o->level < 3 ? expr_typed(EXPR_BOOL, a.from) : a;

	if (p->failed)
		return expr_nothing();
	if (!operands_ok(o->takes, a, b))
		return expr_fail(p, at, "`%s` does not take %s and %s%s", o->sign,
				 expr_type_shown(a), expr_type_shown(b), remedy(o, a, b));
	if (result.type == EXPR_LIST) {
		result.n_max = a.n_max + b.n_max;
		result.element = a.element == EXPR_NONE ? b.element : a.element;
		if (result.n_max > BATON_EXPR_ROWS_MAX)
			return expr_fail(p, at, "this list could have more than %d values",
					 (int)BATON_EXPR_ROWS_MAX);
	}
	expr_charge(p, a.n_max + b.n_max); /* a list is walked */
	expr_emit(p, o->code, 0, a.from);
	expr_check_words(p);
	return result;
}

static struct expr_typed parse_binary(struct expr_parser *p, unsigned level)
{
	struct expr_typed left;
	const struct infix *o;

	if (level == LEVELS)
		return parse_unary(p);
	left = parse_binary(p, level + 1);
	while ((o = infix_here(p, level)) != NULL) {
		size_t at = p->token.at, last = p->expr->n - 1;

		expr_next(p);
		struct expr_typed right = p->failed ? expr_nothing() : parse_binary(p, level + 1);
		left = emit_binary(p, at, o, left, right);
		if (!p->failed && o->takes == TRUTHS)
			p->expr->ops[last].left_of = (uint32_t)p->expr->n - 1;
	}
	return p->failed ? expr_nothing() : left;
}

static struct expr_typed parse_choice(struct expr_parser *p, struct expr_typed condition)
{
	size_t at = p->token.at;

	expr_next(p);
	struct expr_typed yes = p->failed ? expr_nothing() : parse_binary(p, 0);
	expr_expect(p, ":");
	struct expr_typed no = p->failed ? expr_nothing() : expr_parse(p);
	if (p->failed)
		return expr_nothing();
	if (condition.type != EXPR_BOOL)
		return expr_fail(p, at, "what stands before `?` must be true/false, not %s",
				 expr_type_shown(condition));
	if (yes.type != no.type || (yes.type == EXPR_LIST && !same_list(yes, no)))
		return expr_fail(p, at, "both sides of `:` must be of one type, not %s and %s",
				 expr_type_shown(yes), expr_type_shown(no));
	expr_emit(p, EXPR_IF, 0, condition.from);
	struct expr_typed result = yes.element == EXPR_NONE ? no : yes;
	result.n_max = yes.n_max > no.n_max ? yes.n_max : no.n_max;
	result.from = condition.from;
	return result;
}

struct expr_typed expr_parse(struct expr_parser *p)
{
	struct expr_typed t;

	if (p->nest >= NEST_MAX)
		return expr_fail(p, p->token.at, "the condition is nested deeper than %d",
				 NEST_MAX);
	p->nest++;
	t = p->failed ? expr_nothing() : parse_binary(p, 0);
	if (expr_is_sign(p, "?"))
		t = parse_choice(p, t);
	p->nest--;
	return p->failed ? expr_nothing() : t;
}

/* --- the doors --- */

/* Columns are counted in characters, as an editor does. */
static uint32_t column_of(baton_str text, size_t at)
{
	uint32_t column = 1;

	for (size_t i = 0; i < at && i < text.n; i++)
		column += ((unsigned char)text.p[i] & 0xc0) != 0x80;
	return column;
}

static void compile(struct expr_parser *p)
{
	char shown[40];

	if (p->lexer.text.n > BATON_EXPR_BYTES_MAX) {
		expr_fail(p, 0, "the condition is longer than %d bytes", (int)BATON_EXPR_BYTES_MAX);
		return;
	}
	if (!baton_str_utf8_ok(p->lexer.text)) {
		expr_fail(p, 0, "the condition is not UTF-8");
		return;
	}
	expr_next(p);
	if (!p->failed && p->token.kind == EXPR_TOKEN_END) {
		expr_fail(p, 0, "the condition is empty");
		return;
	}
	struct expr_typed t = expr_parse(p);
	if (!p->failed && p->token.kind != EXPR_TOKEN_END)
		expr_fail(p, p->token.at, "expected the end, found %s", expr_token_shown(p, shown));
	if (!p->failed && t.type != EXPR_BOOL)
		expr_fail(p, t.from, "a condition must be true or false; this one is %s",
			  expr_type_shown(t));
}

int32_t baton_expr_compile_in(const struct baton_env *env, baton_str text, baton_expr **ret_expr,
			      char *why, size_t cap, uint32_t *ret_column)
{
	struct expr_parser p = { .lexer = { .text = text, .why = why, .cap = why ? cap : 0 } };

	p.times = 1;
	p.expr = baton_new(struct baton_expr);
	p.expr->env = env;
	p.lexer.arena = &p.expr->arena;
	compile(&p);
	if (p.failed) {
		if (ret_column)
			*ret_column = column_of(text, p.failed_at);
		baton_expr_free(p.expr);
		return BATON_E_INVAL;
	}
	p.expr->text = (baton_str){ baton_arena_dup(&p.expr->arena, text.p, text.n), text.n };
	expr_walk_plan(p.expr);
	*ret_expr = p.expr;
	return 0;
}

int32_t baton_expr_compile(baton_str text, baton_expr **ret_expr, char *why, size_t cap,
			   uint32_t *ret_column)
{
	return baton_expr_compile_in(&baton_env_facts, text, ret_expr, why, cap, ret_column);
}

void baton_expr_free(baton_expr *expr)
{
	if (!expr)
		return;
	baton_arena_done(&expr->arena);
	baton_free(expr->ops);
	baton_free(expr);
}

const baton_host_expr *baton_expr_host(void)
{
	static const baton_host_expr host = {
		.size = sizeof(host),
		.compile = baton_expr_compile,
		.test = baton_expr_test,
		.drop = baton_expr_free,
	};
	return &host;
}
