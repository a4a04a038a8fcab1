/* SPDX-License-Identifier: Apache-2.0 */

/* The names of a condition: facts, functions, conversions, and the loops that CEL calls macros. One
 * table each; what CEL has and Baton has not is refused by name, with what to write instead. */

#include "core/policy/expr_duration.h"
#include "core/policy/expr_parse.h"
#include "core/policy/expr_regex.h"
#include "core/policy/nearest.h"

enum { MATCH_STEPS = 100 }; /* what a matches() counts for */

static const struct method {
	const char *name;
	enum expr_type of, arg, result; /* arg NONE: () */
	enum expr_code code;
} methods[] = {
	{ "startsWith", EXPR_STRING, EXPR_STRING, EXPR_BOOL, EXPR_STARTS },
	{ "endsWith", EXPR_STRING, EXPR_STRING, EXPR_BOOL, EXPR_ENDS },
	{ "contains", EXPR_STRING, EXPR_STRING, EXPR_BOOL, EXPR_CONTAINS },
	{ "matches", EXPR_STRING, EXPR_STRING, EXPR_BOOL, EXPR_MATCHES },
	{ "lowerAscii", EXPR_STRING, EXPR_NONE, EXPR_STRING, EXPR_LOWER },
	{ "upperAscii", EXPR_STRING, EXPR_NONE, EXPR_STRING, EXPR_UPPER },
	{ "getHours", EXPR_DURATION, EXPR_NONE, EXPR_INT, EXPR_HOURS },
	{ "getMinutes", EXPR_DURATION, EXPR_NONE, EXPR_INT, EXPR_MINUTES },
	{ "getSeconds", EXPR_DURATION, EXPR_NONE, EXPR_INT, EXPR_SECONDS },
};
enum { METHODS_N = sizeof(methods) / sizeof(methods[0]) };

static const struct loop_name {
	const char *name;
	enum expr_loop kind;
} loops[] = {
	{ "all", EXPR_ALL },       { "exists", EXPR_EXISTS }, { "exists_one", EXPR_EXISTS_ONE },
	{ "filter", EXPR_FILTER }, { "map", EXPR_MAP },
};
enum { LOOPS_N = sizeof(loops) / sizeof(loops[0]) };

static const struct conversion {
	const char *name, *takes;
	enum expr_type to, from[3];
} conversions[] = {
	{ "int", "a number or a string", EXPR_INT, { EXPR_INT, EXPR_DOUBLE, EXPR_STRING } },
	{ "double", "a number or a string", EXPR_DOUBLE, { EXPR_INT, EXPR_DOUBLE, EXPR_STRING } },
	{ "string",
	  "a string, a whole number or true/false",
	  EXPR_STRING,
	  { EXPR_STRING, EXPR_INT, EXPR_BOOL } },
	{ "bool", "a string or true/false", EXPR_BOOL, { EXPR_STRING, EXPR_BOOL, EXPR_NONE } },
	{ "duration", "a string", EXPR_DURATION, { EXPR_STRING, EXPR_NONE, EXPR_NONE } },
};
enum { CONVERSIONS_N = sizeof(conversions) / sizeof(conversions[0]) };

/* Of CEL, but not of this language. */
static const struct refusal {
	const char *name, *why;
} refusals[] = {
	{ "getMilliseconds", "CEL evaluators disagree on it: take the fact that ends in `_ms`" },
	{ "timestamp", "a condition knows no clock: the facts hold the times that matter" },
	{ "uint", "unsigned numbers are not part of this language: write int()" },
	{ "bytes", "bytes are not part of this language" },
	{ "dyn", "every value has one type here: leave dyn() away" },
	{ "type", "every value has one type here" },
	{ "trim", "it is not part of this language" },
	{ "existsOne", "write exists_one()" },
	{ "lower", "write text.lowerAscii()" },
	{ "upper", "write text.upperAscii()" },
};

/* --- facts --- */

static struct expr_typed fact_type(const struct baton_fact *fact, size_t from)
{
	struct expr_typed list = expr_typed(EXPR_LIST, from);

	switch (fact->kind) {
	case BATON_FACT_KIND_STR:
	case BATON_FACT_KIND_FAIL:
		return expr_typed(EXPR_STRING, from);
	case BATON_FACT_KIND_PPM:
		return expr_typed(EXPR_DOUBLE, from);
	case BATON_FACT_KIND_U32:
	case BATON_FACT_KIND_U64:
		return expr_typed(EXPR_INT, from);
	case BATON_FACT_KIND_FLAG:
		return expr_typed(EXPR_BOOL, from);
	case BATON_FACT_KIND_TAGS:
		break;
	}
	list.element = EXPR_STRING;
	list.n_max = BATON_EXPR_LIST_MAX;
	return list;
}

static struct expr_typed unknown_fact(struct expr_parser *p, baton_str name)
{
	struct baton_nearest nearest = baton_nearest_to(name);
	baton_str cut = baton_str_clip(name, BATON_NAME_BYTES_MAX);

	for (size_t i = 0; i < p->expr->env->n; i++)
		baton_nearest_try(&nearest, p->expr->env->facts[i].name);
	if (!nearest.name)
		return expr_fail(p, p->token.at, "there is no fact `%.*s`", (int)cut.n, cut.p);
	return expr_fail(p, p->token.at, "there is no fact `%.*s`, did you mean `%s`?", (int)cut.n,
			 cut.p, nearest.name);
}

static bool is_reserved(baton_str name)
{
	static const char *const reserved[] = {
		"as",        "break",  "const", "continue", "else",  "for",  "function",
		"if",        "import", "in",    "let",      "loop",  "null", "package",
		"namespace", "return", "var",   "void",     "while", "true", "false"
	};

	for (size_t i = 0; i < sizeof(reserved) / sizeof(reserved[0]); i++)
		if (baton_str_is(name, reserved[i]))
			return true;
	return false;
}

/* The token to look at is a fact's name: as an int, or without `_ms` as a duration. */
static struct expr_typed parse_fact(struct expr_parser *p, size_t from, bool has)
{
	const struct baton_env *env = p->expr->env;
	baton_str name = p->token.text;
	int index = baton_env_find(env, name);
	enum expr_code code = EXPR_FACT;

	if (p->token.kind != EXPR_TOKEN_NAME || is_reserved(name))
		return expr_fail(p, p->token.at, "`%.*s` cannot stand here",
				 (int)baton_str_clip(name, 32).n, name.p);
	if (index < 0) {
		index = baton_env_find_duration(env, name);
		code = EXPR_SPAN;
	}
	if (index < 0)
		return unknown_fact(p, name);
	struct expr_typed t = code == EXPR_SPAN ? expr_typed(EXPR_DURATION, from)
						: fact_type(&env->facts[index], from);
	expr_next(p);
	if (has) {
		expr_expect(p, ")");
		code = EXPR_HAS;
		t = expr_typed(EXPR_BOOL, from);
	}
	expr_emit(p, code, (uint32_t)index, from);
	if (env->facts[index].kind == BATON_FACT_KIND_TAGS)
		expr_charge(p, BATON_EXPR_LIST_MAX);
	return t;
}

/* has(facts.name) */
static struct expr_typed parse_has(struct expr_parser *p)
{
	size_t from = p->token.at;

	expr_next(p);
	expr_next(p);
	size_t at = p->token.at;
	baton_str what = baton_str_clip(p->token.text, BATON_NAME_BYTES_MAX);
	bool facts = expr_is_word(p, "facts");
	if (facts)
		expr_next(p);
	if (p->failed)
		return expr_nothing();
	if (!facts || !expr_is_sign(p, "."))
		return expr_fail(p, at, "has() takes a field: write `has(facts.%.*s)`",
				 facts ? 4 : (int)what.n, facts ? "name" : what.p);
	expr_next(p);
	return parse_fact(p, from, true);
}

/* --- functions --- */

static const struct conversion *conversion_named(baton_str name)
{
	for (size_t i = 0; i < CONVERSIONS_N; i++)
		if (baton_str_is(name, conversions[i].name))
			return &conversions[i];
	return NULL;
}

/* Says what a function that does not exist here might have been. */
static struct expr_typed unknown_function(struct expr_parser *p, const struct expr_token *name)
{
	struct baton_nearest nearest = baton_nearest_to(name->text);
	baton_str cut = baton_str_clip(name->text, BATON_NAME_BYTES_MAX);

	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++)
		if (baton_str_is(name->text, refusals[i].name))
			return expr_fail(p, name->at, "there is no function `%s`: %s",
					 refusals[i].name, refusals[i].why);
	baton_nearest_try(&nearest, "size");
	baton_nearest_try(&nearest, "has");
	for (size_t i = 0; i < METHODS_N; i++)
		baton_nearest_try(&nearest, methods[i].name);
	for (size_t i = 0; i < LOOPS_N; i++)
		baton_nearest_try(&nearest, loops[i].name);
	for (size_t i = 0; i < CONVERSIONS_N; i++)
		baton_nearest_try(&nearest, conversions[i].name);
	if (!nearest.name)
		return expr_fail(p, name->at, "there is no function `%.*s`", (int)cut.n, cut.p);
	return expr_fail(p, name->at, "there is no function `%.*s`, did you mean `%s`?", (int)cut.n,
			 cut.p, nearest.name);
}

/* `name(` where name is no function of its own: perhaps one that stands after a dot. */
static struct expr_typed misplaced_function(struct expr_parser *p, const struct expr_token *name)
{
	for (size_t i = 0; i < METHODS_N; i++) {
		const struct method *m = &methods[i];

		if (!baton_str_is(name->text, m->name))
			continue;
		return expr_fail(p, name->at, "%s() belongs to %s: write `%s.%s(%s)`", m->name,
				 expr_type_shown(expr_typed(m->of, 0)),
				 m->of == EXPR_STRING ? "text" : "age", m->name,
				 m->arg == EXPR_STRING ? "\"...\"" : "");
	}
	for (size_t i = 0; i < LOOPS_N; i++)
		if (baton_str_is(name->text, loops[i].name))
			return expr_fail(p, name->at,
					 "%s() belongs to a list: write `tags.%s(x, ...)`",
					 loops[i].name, loops[i].name);
	return unknown_function(p, name);
}

static struct expr_typed emit_size(struct expr_parser *p, size_t at, struct expr_typed of,
				   size_t from)
{
	if (p->failed)
		return expr_nothing();
	if (of.type != EXPR_STRING && of.type != EXPR_LIST)
		return expr_fail(p, at, "size() takes a string or a list, not %s",
				 expr_type_shown(of));
	expr_emit(p, EXPR_SIZE, 0, from);
	return expr_typed(EXPR_INT, from);
}

/* The one literal that was compiled from byte `from` on, or NULL. */
static struct expr_op *literal_since(struct expr_parser *p, size_t n_before)
{
	struct baton_expr *e = p->expr;

	return e->n == n_before + 1 && e->ops[n_before].code == EXPR_CONST ? &e->ops[n_before]
									   : NULL;
}

/* A literal's duration is read when the condition is compiled, and a wrong one is refused. */
static void fold_duration(struct expr_parser *p, struct expr_op *op, size_t at, size_t from)
{
	baton_str written = { p->lexer.text.p + op->from, op->to - op->from };
	int64_t ns = 0;

	if (!expr_duration_parse(op->value.as.s, &ns)) {
		written = baton_str_clip(written, 32);
		expr_fail(p, at,
			  "%.*s is no duration: write it like \"5m\", \"1h30m\" or \"250ms\"",
			  (int)written.n, written.p);
		return;
	}
	op->value.type = EXPR_DURATION;
	op->value.as.i = ns;
	op->from = (uint32_t)from;
	op->to = (uint32_t)p->end;
}

/* int(x) and its kin. */
static struct expr_typed parse_conversion(struct expr_parser *p, const struct conversion *c)
{
	size_t from = p->token.at, n_before = p->expr->n;

	expr_next(p);
	expr_next(p);
	size_t at = p->token.at;
	struct expr_typed arg = expr_parse(p);
	expr_expect(p, ")");
	if (p->failed)
		return expr_nothing();
	if (arg.type != c->from[0] && arg.type != c->from[1] && arg.type != c->from[2])
		return expr_fail(p, at, "%s() takes %s, not %s%s", c->name, c->takes,
				 expr_type_shown(arg),
				 c->to == EXPR_STRING && arg.type == EXPR_DOUBLE
					 ? ": CEL evaluators write it differently"
					 : "");
	struct expr_op *literal = literal_since(p, n_before);
	if (c->to == EXPR_DURATION && literal)
		fold_duration(p, literal, at, from);
	else if (arg.type != c->to)
		expr_emit(p, EXPR_CAST, c->to, from);
	return expr_typed(c->to, from);
}

static struct expr_typed parse_function(struct expr_parser *p)
{
	struct expr_token name = p->token;
	const struct conversion *conversion = conversion_named(name.text);

	if (expr_is_word(p, "has"))
		return parse_has(p);
	if (conversion)
		return parse_conversion(p, conversion);
	if (!expr_is_word(p, "size"))
		return misplaced_function(p, &name);
	expr_next(p);
	expr_next(p);
	struct expr_typed of = expr_parse(p);
	expr_expect(p, ")");
	return emit_size(p, name.at, of, name.at);
}

struct expr_typed expr_parse_name(struct expr_parser *p)
{
	struct expr_token name = p->token;
	struct expr_lexer lexer = p->lexer;
	char scratch[1];

	lexer.why = scratch; /* an error beyond the name is for later to report */
	lexer.cap = 0;
	struct expr_token ahead = expr_lex(&lexer);
	bool sign = ahead.kind == EXPR_TOKEN_SIGN;
	if (sign && baton_str_is(ahead.text, "("))
		return parse_function(p);
	for (size_t i = p->n_scopes; i-- > 0;) {
		if (!baton_str_eq(p->scopes[i].name, name.text))
			continue;
		struct expr_typed t = p->scopes[i].type;
		expr_next(p);
		expr_emit(p, EXPR_VAR, (uint32_t)i, name.at);
		t.from = name.at;
		return t;
	}
	if (sign && baton_str_is(ahead.text, ".") && expr_is_word(p, "facts")) {
		expr_next(p);
		expr_next(p);
		if (p->failed)
			return expr_nothing();
	}
	return parse_fact(p, name.at, false);
}

/* --- loops --- */

/* The name that a loop gives its values; the token behind it is next. */
static baton_str parse_variable(struct expr_parser *p)
{
	baton_str name = p->token.text;
	char shown[40];

	if (p->failed)
		return BATON_STR_NONE;
	if (p->token.kind != EXPR_TOKEN_NAME || is_reserved(name) || baton_str_is(name, "facts"))
		expr_fail(p, p->token.at, "expected a name for the values of the list, found %s",
			  expr_token_shown(p, shown));
	else if (baton_env_find(p->expr->env, name) >= 0 ||
		 baton_env_find_duration(p->expr->env, name) >= 0)
		expr_fail(p, p->token.at,
			  "`%.*s` is a fact: give the values of the list another name", (int)name.n,
			  name.p);
	expr_next(p);
	return name;
}

/* One loop's body, from EACH to NEXT. The list is on the stack; the type is that of the body. */
static struct expr_typed parse_body(struct expr_parser *p, baton_str variable,
				    struct expr_typed list, enum expr_loop kind)
{
	size_t each = p->expr->n, at = p->token.at;
	uint64_t times = p->times;

	if (p->n_scopes == BATON_EXPR_LOOPS_MAX)
		return expr_fail(p, at,
				 "at most %d of all, exists, filter and map inside each other",
				 (int)BATON_EXPR_LOOPS_MAX);
	expr_emit(p, EXPR_EACH, 0, list.from);
	p->scopes[p->n_scopes++] =
		(struct expr_scope){ variable, expr_typed(list.element, list.from) };
	p->times *= list.n_max > 0 ? list.n_max : 1;
	struct expr_typed body = p->failed ? expr_nothing() : expr_parse(p);
	expr_emit(p, EXPR_NEXT, kind, list.from);
	p->times = times;
	p->n_scopes--;
	if (p->failed)
		return expr_nothing();
	p->expr->ops[each].arg = (uint32_t)(p->expr->n - 1);
	return body;
}

static const char *loop_shown(enum expr_loop kind)
{
	return loops[kind].name; /* the table is in the order of the enum */
}

/* The end of a loop is behind its `)`: the NEXT before it spans the whole. */
static void close_loop(struct expr_parser *p)
{
	expr_expect(p, ")");
	if (!p->failed)
		p->expr->ops[p->expr->n - 1].to = (uint32_t)p->end;
}

/* map(x, value), map(x, which, value): the latter filters first. */
static struct expr_typed parse_map(struct expr_parser *p, baton_str variable,
				   struct expr_typed list)
{
	size_t at = p->token.at;
	struct expr_typed body = parse_body(p, variable, list, EXPR_MAP);

	if (expr_is_sign(p, ",")) {
		if (body.type != EXPR_BOOL)
			return expr_fail(p, at, "what map() chooses by must be true/false, not %s",
					 expr_type_shown(body));
		p->expr->ops[p->expr->n - 1].arg = EXPR_FILTER;
		expr_next(p);
		at = p->token.at;
		body = p->failed ? expr_nothing() : parse_body(p, variable, list, EXPR_MAP);
	}
	if (p->failed)
		return expr_nothing();
	if (body.type == EXPR_LIST)
		return expr_fail(p, at, "a list cannot hold a list");
	close_loop(p);
	list.element = body.type;
	return list;
}

/* p->token is the loop's name, behind it stands `(`. */
static struct expr_typed parse_loop(struct expr_parser *p, enum expr_loop kind,
				    struct expr_typed list)
{
	size_t at = p->token.at;

	expr_next(p);
	expr_next(p);
	if (p->failed)
		return expr_nothing();
	if (list.type != EXPR_LIST)
		return expr_fail(p, at, "%s() belongs to a list, this is %s", loop_shown(kind),
				 expr_type_shown(list));
	if (list.element == EXPR_NONE)
		return expr_fail(p, at, "this list is always empty");
	baton_str variable = parse_variable(p);
	expr_expect(p, ",");
	if (p->failed)
		return expr_nothing();
	if (kind == EXPR_MAP)
		return parse_map(p, variable, list);
	at = p->token.at;
	struct expr_typed body = parse_body(p, variable, list, kind);
	if (!p->failed && body.type != EXPR_BOOL)
		return expr_fail(p, at, "%s() takes a condition, not %s", loop_shown(kind),
				 expr_type_shown(body));
	close_loop(p);
	return kind == EXPR_FILTER ? list : expr_typed(EXPR_BOOL, list.from);
}

/* --- methods --- */

/* matches() takes a literal, so that a wrong pattern is found before it is needed. */
static void emit_matches(struct expr_parser *p, size_t n_before, size_t at, size_t from)
{
	struct expr_op *literal = literal_since(p, n_before);
	const char *why = NULL;

	if (!literal) {
		expr_fail(p, at, "matches() takes a pattern in quotes, nothing computed");
		return;
	}
	const struct expr_regex *regex =
		expr_regex_compile(literal->value.as.s, &p->expr->arena, &why);
	if (!regex) {
		expr_fail(p, at, "%s", why);
		return;
	}
	p->expr->n--; /* the literal */
	struct expr_op *op = expr_emit(p, EXPR_MATCHES, 0, from);
	if (!p->failed)
		op->regex = regex;
	expr_charge(p, MATCH_STEPS);
}

static struct expr_typed call_method(struct expr_parser *p, const struct expr_token *name,
				     const struct method *m, struct expr_typed of)
{
	size_t at = p->token.at, n_before = p->expr->n;
	struct expr_typed arg = m->arg == EXPR_NONE ? expr_typed(EXPR_NONE, at) : expr_parse(p);

	expr_expect(p, ")");
	if (p->failed)
		return expr_nothing();
	if (of.type != m->of)
		return expr_fail(p, name->at, "%s() belongs to %s, this is %s%s", m->name,
				 expr_type_shown(expr_typed(m->of, 0)), expr_type_shown(of),
				 of.type == EXPR_LIST && m->arg == EXPR_STRING ? ": use `in`" : "");
	if (arg.type != m->arg)
		return expr_fail(p, at, "%s() takes a string, not %s", m->name,
				 expr_type_shown(arg));
	if (m->code == EXPR_MATCHES)
		emit_matches(p, n_before, at, of.from);
	else
		expr_emit(p, m->code, 0, of.from);
	return expr_typed(m->result, of.from);
}

/* What stands after a dot; p->token is its name. */
struct expr_typed expr_parse_method(struct expr_parser *p, struct expr_typed of)
{
	struct expr_parser ahead = *p;
	struct expr_token name = p->token;
	char shown[40];

	if (name.kind != EXPR_TOKEN_NAME)
		return expr_fail(p, name.at, "expected a function, found %s",
				 expr_token_shown(p, shown));
	ahead.lexer.cap = 0;
	expr_next(&ahead);
	if (!ahead.failed && !expr_is_sign(&ahead, "("))
		return expr_fail(p, name.at,
				 "a fact has no parts: only functions can stand after a dot");
	for (size_t i = 0; i < LOOPS_N; i++)
		if (expr_is_word(p, loops[i].name))
			return parse_loop(p, loops[i].kind, of);
	expr_next(p);
	expr_next(p);
	if (p->failed)
		return expr_nothing();
	if (baton_str_is(name.text, "size")) {
		expr_expect(p, ")");
		return emit_size(p, name.at, of, of.from);
	}
	for (size_t i = 0; i < METHODS_N; i++)
		if (baton_str_is(name.text, methods[i].name))
			return call_method(p, &name, &methods[i], of);
	return unknown_function(p, &name);
}
