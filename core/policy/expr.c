/* SPDX-License-Identifier: Apache-2.0 */

/* Compiles a condition: one pass of a precedence parser that checks types as it goes and writes a
 * postfix program (expr_code.h). The grammar is CEL's, cut to what baton/expr.h lists.
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
#include "core/base/limits.h"
#include "core/policy/expr_code.h"
#include "core/policy/expr_lex.h"
#include "core/policy/facts.h"
#include "core/policy/nearest.h"

#include <stdarg.h>
#include <stdio.h>

enum { NEST_MAX = 32, LEVELS = 5 };

/* Static type of what has just been compiled; NONE after an error. */
struct typed {
	enum expr_type type, element; /* element: of a LIST */
};

struct parser {
	struct expr_lexer lexer;
	struct expr_token token; /* the one to look at */
	struct baton_expr *expr;
	unsigned nest;
	bool failed;
	size_t failed_at;
};

static const struct typed NOTHING = { EXPR_NONE, EXPR_NONE };

static struct typed of_type(enum expr_type type)
{
	struct typed t = { type, EXPR_NONE };
	return t;
}

/* The first error counts; what comes after it is its echo. */
__attribute__((format(printf, 3, 4))) static struct typed fail(struct parser *p, size_t at,
							       const char *fmt, ...)
{
	va_list args;

	if (p->failed)
		return NOTHING;
	p->failed = true;
	p->failed_at = at;
	va_start(args, fmt);
	if (p->lexer.cap > 0)
		vsnprintf(p->lexer.why, p->lexer.cap, fmt, args);
	va_end(args);
	return NOTHING;
}

static void next(struct parser *p)
{
	if (p->failed)
		return;
	p->token = expr_lex(&p->lexer);
	if (p->token.kind == EXPR_TOKEN_BAD) { /* `why` is written already */
		p->failed = true;
		p->failed_at = p->token.at;
	}
}

static bool is_sign(const struct parser *p, const char *sign)
{
	return !p->failed && p->token.kind == EXPR_TOKEN_SIGN && baton_str_is(p->token.text, sign);
}

static bool is_word(const struct parser *p, const char *word)
{
	return !p->failed && p->token.kind == EXPR_TOKEN_NAME && baton_str_is(p->token.text, word);
}

static const char *token_shown(const struct parser *p, char shown[40])
{
	if (p->token.kind == EXPR_TOKEN_END)
		return "the end";
	if (p->token.kind == EXPR_TOKEN_STRING)
		return "a string";
	baton_str cut = baton_str_clip(p->token.text, 32);
	snprintf(shown, 40, "`%.*s`", (int)cut.n, cut.p);
	return shown;
}

static void expect(struct parser *p, const char *sign)
{
	char shown[40];

	if (is_sign(p, sign))
		next(p);
	else
		fail(p, p->token.at, "expected `%s`, found %s", sign, token_shown(p, shown));
}

static const char *type_shown(struct typed t)
{
	static const char *const names[] = { "nothing",  "true/false", "a whole number",
					     "a number", "a string",   "a list" };
	return names[t.type];
}

static void emit(struct parser *p, enum expr_code code, uint32_t arg, struct expr_value value)
{
	struct baton_expr *e = p->expr;

	if (p->failed)
		return;
	if (e->n >= BATON_EXPR_NODES_MAX) {
		fail(p, p->token.at, "the condition is too long: at most %d parts",
		     (int)BATON_EXPR_NODES_MAX);
		return;
	}
	if (e->n == e->cap) {
		e->cap = e->cap ? e->cap * 2 : 8;
		e->ops = baton_realloc(e->ops, e->cap * sizeof(*e->ops));
	}
	e->ops[e->n++] = (struct expr_op){ .code = code, .arg = arg, .value = value };
}

static void emit_op(struct parser *p, enum expr_code code, uint32_t arg)
{
	struct expr_value none = { .type = EXPR_NONE };

	emit(p, code, arg, none);
}

static struct typed parse_expr(struct parser *p);
static struct typed parse_unary(struct parser *p);

/* --- names, functions, literals --- */

static struct typed parse_int(struct parser *p, bool negative)
{
	struct expr_value v = { .type = EXPR_INT };
	uint64_t m = p->token.magnitude;

	if (m > (uint64_t)INT64_MAX + (negative ? 1 : 0))
		return fail(p, p->token.at, "this number does not fit into 64 bits");
	v.as.i = negative ? (int64_t)(0 - m) : (int64_t)m;
	emit(p, EXPR_CONST, 0, v);
	next(p);
	return of_type(EXPR_INT);
}

static struct typed parse_literal(struct parser *p)
{
	struct expr_value v = { .type = EXPR_NONE };

	if (p->token.kind == EXPR_TOKEN_INT)
		return parse_int(p, false);
	if (p->token.kind == EXPR_TOKEN_DOUBLE) {
		v.type = EXPR_DOUBLE;
		v.as.d = p->token.number;
	} else if (p->token.kind == EXPR_TOKEN_STRING) {
		v.type = EXPR_STRING;
		v.as.s = p->token.text;
	} else {
		v.type = EXPR_BOOL;
		v.as.b = is_word(p, "true");
	}
	emit(p, EXPR_CONST, 0, v);
	next(p);
	return of_type(v.type);
}

static struct typed fact_type(const struct baton_fact *fact)
{
	switch (fact->kind) {
	case BATON_FACT_KIND_STR:
	case BATON_FACT_KIND_FAIL:
		return of_type(EXPR_STRING);
	case BATON_FACT_KIND_PPM:
		return of_type(EXPR_DOUBLE);
	case BATON_FACT_KIND_U32:
	case BATON_FACT_KIND_U64:
		return of_type(EXPR_INT);
	case BATON_FACT_KIND_FLAG:
		return of_type(EXPR_BOOL);
	case BATON_FACT_KIND_TAGS:
		break;
	}
	return (struct typed){ EXPR_LIST, EXPR_STRING };
}

static struct typed unknown_fact(struct parser *p, baton_str name)
{
	struct baton_nearest nearest = baton_nearest_to(name);
	baton_str cut = baton_str_clip(name, BATON_NAME_BYTES_MAX);

	for (size_t i = 0; i < p->expr->env->n; i++)
		baton_nearest_try(&nearest, p->expr->env->facts[i].name);
	if (!nearest.name)
		return fail(p, p->token.at, "there is no fact `%.*s`", (int)cut.n, cut.p);
	return fail(p, p->token.at, "there is no fact `%.*s`, did you mean `%s`?", (int)cut.n,
		    cut.p, nearest.name);
}

static struct typed parse_fact(struct parser *p)
{
	static const char *const reserved[] = { "as",     "break",   "const",     "continue",
						"else",   "for",     "function",  "if",
						"import", "in",      "let",       "loop",
						"null",   "package", "namespace", "return",
						"var",    "void",    "while" };
	int index = baton_env_find(p->expr->env, p->token.text);

	for (size_t i = 0; i < sizeof(reserved) / sizeof(reserved[0]); i++)
		if (is_word(p, reserved[i]))
			return fail(p, p->token.at, "`%s` cannot stand here", reserved[i]);
	if (index < 0)
		return unknown_fact(p, p->token.text);
	emit_op(p, EXPR_FACT, (uint32_t)index);
	next(p);
	return fact_type(&p->expr->env->facts[index]);
}

static struct typed emit_size(struct parser *p, size_t at, struct typed of)
{
	if (p->failed)
		return NOTHING;
	if (of.type != EXPR_STRING && of.type != EXPR_LIST)
		return fail(p, at, "size() takes a string or a list, not %s", type_shown(of));
	emit_op(p, EXPR_SIZE, 0);
	return of_type(EXPR_INT);
}

static struct typed unknown_function(struct parser *p, const struct expr_token *name)
{
	static const char *const functions[] = { "size", "startsWith", "endsWith", "contains" };
	struct baton_nearest nearest = baton_nearest_to(name->text);
	baton_str cut = baton_str_clip(name->text, BATON_NAME_BYTES_MAX);

	for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++)
		baton_nearest_try(&nearest, functions[i]);
	if (nearest.distance == 0 && baton_str_is(name->text, nearest.name))
		return fail(p, name->at, "%s() belongs to a string: write `text.%s(\"...\")`",
			    nearest.name, nearest.name);
	if (!nearest.name)
		return fail(p, name->at, "there is no function `%.*s`", (int)cut.n, cut.p);
	return fail(p, name->at, "there is no function `%.*s`, did you mean `%s`?", (int)cut.n,
		    cut.p, nearest.name);
}

static struct typed parse_name(struct parser *p)
{
	struct expr_token name = p->token;
	struct expr_lexer ahead = p->lexer;
	char scratch[1];
	ahead.why = scratch; /* an error beyond the name is for later to report */
	ahead.cap = 0;
	struct expr_token after = expr_lex(&ahead);

	if (is_word(p, "true") || is_word(p, "false"))
		return parse_literal(p);
	if (after.kind != EXPR_TOKEN_SIGN || !baton_str_is(after.text, "("))
		return parse_fact(p);
	if (!is_word(p, "size"))
		return unknown_function(p, &name);
	next(p);
	next(p);
	struct typed of = parse_expr(p);
	expect(p, ")");
	return emit_size(p, name.at, of);
}

/* Adds one element's type to a list's; false if they do not go together. */
static bool list_takes(struct typed *list, struct typed element)
{
	if (list->element == EXPR_NONE)
		list->element = element.type;
	return list->element == element.type;
}

static struct typed parse_list(struct parser *p)
{
	struct typed list = { EXPR_LIST, EXPR_NONE };
	uint32_t n = 0;

	next(p);
	while (!p->failed && !is_sign(p, "]")) {
		size_t at = p->token.at;
		struct typed element = parse_expr(p);

		if (p->failed)
			return NOTHING;
		if (element.type == EXPR_LIST)
			return fail(p, at, "a list cannot hold a list");
		if (!list_takes(&list, element))
			return fail(p, at,
				    "all of a list must be of one type: this is %s, what "
				    "stands before is %s",
				    type_shown(element), type_shown(of_type(list.element)));
		n++;
		if (!is_sign(p, "]"))
			expect(p, ",");
	}
	next(p);
	emit_op(p, EXPR_MAKE, n);
	return list;
}

static struct typed parse_primary(struct parser *p)
{
	char shown[40];

	if (p->token.kind == EXPR_TOKEN_NAME)
		return parse_name(p);
	if (is_sign(p, "[")) {
		return parse_list(p);
	}
	if (is_sign(p, "(")) {
		next(p);
		struct typed inner = parse_expr(p);
		expect(p, ")");
		return inner;
	}
	if (p->token.kind == EXPR_TOKEN_SIGN || p->token.kind == EXPR_TOKEN_END)
		return fail(p, p->token.at, "expected a value, found %s", token_shown(p, shown));
	return parse_literal(p);
}

/* text.startsWith("x") and its kin; p->token is the function's name. */
static struct typed parse_method(struct parser *p, struct typed of)
{
	struct expr_token name = p->token;
	enum expr_code code = is_word(p, "startsWith") ? EXPR_STARTS
			      : is_word(p, "endsWith") ? EXPR_ENDS
			      : is_word(p, "contains") ? EXPR_CONTAINS
						       : EXPR_SIZE;
	char shown[40];

	if (name.kind != EXPR_TOKEN_NAME)
		return fail(p, name.at, "expected a function, found %s", token_shown(p, shown));
	next(p);
	if (!is_sign(p, "("))
		return fail(p, name.at,
			    "a fact has no parts: only functions can stand after a dot");
	if (code == EXPR_SIZE && !baton_str_is(name.text, "size"))
		return unknown_function(p, &name);
	next(p);
	if (code == EXPR_SIZE) {
		expect(p, ")");
		return emit_size(p, name.at, of);
	}
	size_t at = p->token.at;
	struct typed arg = parse_expr(p);
	expect(p, ")");
	if (p->failed)
		return NOTHING;
	if (of.type != EXPR_STRING)
		return fail(p, name.at, "%.*s() belongs to a string, this is %s%s",
			    (int)name.text.n, name.text.p, type_shown(of),
			    of.type == EXPR_LIST ? ": use `in`" : "");
	if (arg.type != EXPR_STRING)
		return fail(p, at, "%.*s() takes a string, not %s", (int)name.text.n, name.text.p,
			    type_shown(arg));
	emit_op(p, code, 0);
	return of_type(EXPR_BOOL);
}

static struct typed parse_member(struct parser *p)
{
	struct typed t = parse_primary(p);

	while (is_sign(p, ".")) {
		next(p);
		t = p->failed ? NOTHING : parse_method(p, t);
	}
	if (is_sign(p, "["))
		return fail(p, p->token.at, "a list has no places to pick from: use `in`");
	return p->failed ? NOTHING : t;
}

/* --- operators --- */

static struct typed emit_sign(struct parser *p, const struct expr_token *sign, struct typed t)
{
	bool is_not = baton_str_is(sign->text, "!");

	if (p->failed)
		return NOTHING;
	if (is_not && t.type != EXPR_BOOL)
		return fail(p, sign->at, "`!` takes true/false, not %s", type_shown(t));
	if (!is_not && t.type != EXPR_INT && t.type != EXPR_DOUBLE)
		return fail(p, sign->at, "`-` takes a number, not %s", type_shown(t));
	emit_op(p, is_not ? EXPR_NOT : EXPR_NEG, 0);
	return t;
}

/* CEL's Unary: a run of `!` or a run of `-`, never mixed. A minus right before a whole number is
 * part of it, or the smallest one could not be written. */
static struct typed parse_unary(struct parser *p)
{
	struct expr_token sign = p->token;
	unsigned n = 0;
	bool minus = is_sign(p, "-");
	struct typed t;

	if (!minus && !is_sign(p, "!"))
		return parse_member(p);
	while (is_sign(p, minus ? "-" : "!")) {
		n++;
		next(p);
	}
	if (minus && !p->failed && p->token.kind == EXPR_TOKEN_INT) {
		n--;
		t = parse_int(p, true);
		if (is_sign(p, "."))
			return fail(p, p->token.at, "a number has no functions");
	} else {
		t = parse_member(p);
	}
	/* An even run still checks the type, and -(-x) can overflow: each sign is done. */
	for (; n > 0 && !p->failed; n--)
		t = emit_sign(p, &sign, t);
	return p->failed ? NOTHING : t;
}

struct infix {
	const char *sign;
	enum expr_code code;
	unsigned level;
};
static const struct infix infixes[] = {
	{ "||", EXPR_OR, 0 }, { "&&", EXPR_AND, 1 }, { "==", EXPR_EQ, 2 }, { "!=", EXPR_NE, 2 },
	{ "<=", EXPR_LE, 2 }, { ">=", EXPR_GE, 2 },  { "<", EXPR_LT, 2 },  { ">", EXPR_GT, 2 },
	{ "in", EXPR_IN, 2 }, { "+", EXPR_ADD, 3 },  { "-", EXPR_SUB, 3 }, { "*", EXPR_MUL, 4 },
	{ "/", EXPR_DIV, 4 }, { "%", EXPR_MOD, 4 },
};

static const struct infix *infix_here(const struct parser *p, unsigned level)
{
	for (size_t i = 0; i < sizeof(infixes) / sizeof(infixes[0]); i++) {
		const struct infix *o = &infixes[i];
		bool here = o->code == EXPR_IN ? is_word(p, o->sign) : is_sign(p, o->sign);

		if (here && o->level == level)
			return o;
	}
	return NULL;
}

static bool is_number(struct typed t)
{
	return t.type == EXPR_INT || t.type == EXPR_DOUBLE;
}

static bool can_equal(struct typed a, struct typed b)
{
	if (a.type == EXPR_LIST && b.type == EXPR_LIST)
		return a.element == EXPR_NONE || b.element == EXPR_NONE ||
		       can_equal(of_type(a.element), of_type(b.element)); /* one level: no deeper */
	return a.type == b.type || (is_number(a) && is_number(b));
}

static bool operands_ok(enum expr_code code, struct typed a, struct typed b)
{
	switch (code) {
	case EXPR_OR:
	case EXPR_AND:
		return a.type == EXPR_BOOL && b.type == EXPR_BOOL;
	case EXPR_EQ:
	case EXPR_NE:
		return can_equal(a, b);
	case EXPR_LT:
	case EXPR_LE:
	case EXPR_GT:
	case EXPR_GE:
		return can_equal(a, b) && a.type != EXPR_LIST;
	case EXPR_IN:
		return b.type == EXPR_LIST && a.type != EXPR_LIST &&
		       (b.element == EXPR_NONE || can_equal(a, of_type(b.element)));
	case EXPR_ADD:
		return a.type == b.type && (is_number(a) || a.type == EXPR_STRING);
	case EXPR_SUB:
	case EXPR_MUL:
	case EXPR_DIV:
		return a.type == b.type && is_number(a);
	case EXPR_MOD:
		return a.type == EXPR_INT && b.type == EXPR_INT;
	case EXPR_CONST:
	case EXPR_FACT:
	case EXPR_MAKE:
	case EXPR_NOT:
	case EXPR_NEG:
	case EXPR_SIZE:
	case EXPR_STARTS:
	case EXPR_ENDS:
	case EXPR_CONTAINS:
	case EXPR_IF:
		break;
	}
	return false;
}

static struct typed emit_binary(struct parser *p, size_t at, const struct infix *o, struct typed a,
				struct typed b)
{
	if (p->failed)
		return NOTHING;
	if (!operands_ok(o->code, a, b)) {
		bool mixed = is_number(a) && is_number(b) && o->code != EXPR_MOD;
		return fail(p, at, "`%s` does not take %s and %s%s", o->sign, type_shown(a),
			    type_shown(b), mixed ? ": write whole numbers as 2.0 here" : "");
	}
	emit_op(p, o->code, 0);
	return o->level < 3 ? of_type(EXPR_BOOL) : a;
}

static struct typed parse_binary(struct parser *p, unsigned level)
{
	struct typed left;
	const struct infix *o;

	if (level == LEVELS)
		return parse_unary(p);
	left = parse_binary(p, level + 1);
	while ((o = infix_here(p, level)) != NULL) {
		size_t at = p->token.at;

		next(p);
		struct typed right = p->failed ? NOTHING : parse_binary(p, level + 1);
		left = emit_binary(p, at, o, left, right);
	}
	return p->failed ? NOTHING : left;
}

static struct typed parse_choice(struct parser *p, struct typed condition)
{
	size_t at = p->token.at;

	next(p);
	struct typed yes = p->failed ? NOTHING : parse_binary(p, 0);
	expect(p, ":");
	struct typed no = p->failed ? NOTHING : parse_expr(p);
	if (p->failed)
		return NOTHING;
	if (condition.type != EXPR_BOOL)
		return fail(p, at, "what stands before `?` must be true/false, not %s",
			    type_shown(condition));
	if (yes.type != no.type || (yes.type == EXPR_LIST && !can_equal(yes, no)))
		return fail(p, at, "both sides of `:` must be of one type, not %s and %s",
			    type_shown(yes), type_shown(no));
	emit_op(p, EXPR_IF, 0);
	return yes.element == EXPR_NONE ? no : yes;
}

static struct typed parse_expr(struct parser *p)
{
	struct typed t;

	if (p->nest >= NEST_MAX)
		return fail(p, p->token.at, "the condition is nested deeper than %d", NEST_MAX);
	p->nest++;
	t = p->failed ? NOTHING : parse_binary(p, 0);
	if (is_sign(p, "?"))
		t = parse_choice(p, t);
	p->nest--;
	return p->failed ? NOTHING : t;
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

static void compile(struct parser *p)
{
	char shown[40];

	if (p->lexer.text.n > BATON_EXPR_BYTES_MAX) {
		fail(p, 0, "the condition is longer than %d bytes", (int)BATON_EXPR_BYTES_MAX);
		return;
	}
	if (!baton_str_utf8_ok(p->lexer.text)) {
		fail(p, 0, "the condition is not UTF-8");
		return;
	}
	next(p);
	if (!p->failed && p->token.kind == EXPR_TOKEN_END) {
		fail(p, 0, "the condition is empty");
		return;
	}
	struct typed t = parse_expr(p);
	if (!p->failed && p->token.kind != EXPR_TOKEN_END)
		fail(p, p->token.at, "expected the end, found %s", token_shown(p, shown));
	if (!p->failed && t.type != EXPR_BOOL)
		fail(p, 0, "a condition must be true or false; this one is %s", type_shown(t));
}

int32_t baton_expr_compile_in(const struct baton_env *env, baton_str text, baton_expr **ret_expr,
			      char *why, size_t cap, uint32_t *ret_column)
{
	struct parser p = { .lexer = { .text = text, .why = why, .cap = why ? cap : 0 } };

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
