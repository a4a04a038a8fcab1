/* SPDX-License-Identifier: Apache-2.0 */

/* Takes a verdict apart: a condition is cut at its && || ! and ?: into terms, and each term is
 * shown with its own verdict and the facts it rests on. Terms that did not decide are shown, too:
 * an admin asks "why not" as often as "why".
 */

#include "core/base/limits.h"
#include "core/policy/expr_duration.h"
#include "core/policy/expr_value.h"

enum { TEXT_COLUMNS = 34, TERM_BYTES_MAX = 200 };

/* Where an operation's operands are. */
struct node {
	size_t first;   /* the first operation of it and all below */
	size_t kids[3]; /* of &&, ||, ! and ?: */
};

struct explaining {
	const struct baton_expr *expr;
	const void *base;
	struct node nodes[BATON_EXPR_NODES_MAX];
	struct expr_value seen[BATON_EXPR_NODES_MAX];
	size_t terms[BATON_EXPR_NODES_MAX], n_terms;
	struct baton_buf *out;
};

static const char *failure_text(enum expr_failure failure)
{
	switch (failure) {
	case EXPR_FAIL_ZERO:
		return "a division by zero";
	case EXPR_FAIL_OVERFLOW:
		return "a number beyond 64 bits";
	case EXPR_FAIL_INDEX:
		return "a list has no such place";
	case EXPR_FAIL_TEXT:
		return "text that cannot be converted";
	case EXPR_FAIL_LIST:
		return "a fact that is no list of texts, or too long a list";
	case EXPR_FAIL_MEMORY:
		return "too much text";
	case EXPR_FINE:
		break;
	}
	return "";
}

/* Links operations to their operands; the body of a loop belongs to its NEXT. */
static void link_nodes(struct explaining *x)
{
	size_t stack[BATON_EXPR_NODES_MAX], top = 0;

	for (size_t i = 0; i < x->expr->n; i++) {
		const struct expr_op *op = &x->expr->ops[i];
		size_t n = expr_takes(op);

		if (op->code == EXPR_EACH)
			i = op->arg;
		top -= n;
		x->nodes[i].first = n > 0 ? x->nodes[stack[top]].first : i;
		for (size_t k = 0; k < n && k < 3; k++)
			x->nodes[i].kids[k] = stack[top + k];
		stack[top++] = i;
	}
}

static bool joins(enum expr_code code)
{
	return code == EXPR_AND || code == EXPR_OR || code == EXPR_IF;
}

/* Collects the terms from left to right. */
static void cut(struct explaining *x)
{
	size_t todo[BATON_EXPR_NODES_MAX], n = 0;

	todo[n++] = x->expr->n - 1;
	while (n > 0) {
		size_t i = todo[--n];
		const struct expr_op *op = &x->expr->ops[i];
		const struct node *node = &x->nodes[i];
		enum expr_code below = x->expr->ops[node->kids[0]].code;

		if (joins(op->code)) {
			for (size_t k = expr_takes(op); k-- > 0;)
				todo[n++] = node->kids[k];
		} else if (op->code == EXPR_NOT && (joins(below) || below == EXPR_NOT)) {
			todo[n++] = node->kids[0];
		} else {
			x->terms[x->n_terms++] = i;
		}
	}
}

static void begin(struct explaining *x, struct baton_arena *arena)
{
	struct baton_arena alone = { 0 };

	(void)expr_run(x->expr, x->base, arena, x->seen);
	/* All sides together may need more memory than a run has; the verdict is what it is without
	 * those that cannot change it. */
	x->seen[x->expr->n - 1] = expr_run(x->expr, x->base, &alone, NULL);
	baton_arena_done(&alone);
	link_nodes(x);
	cut(x);
}

/* The text of an operation on one line. */
static void write_text(const struct explaining *x, const struct expr_op *op, struct baton_buf *to)
{
	baton_str text = { x->expr->text.p + op->from, op->to - op->from };
	baton_str shown = baton_str_clip(text, TERM_BYTES_MAX);
	bool blank = false;

	for (size_t i = 0; i < shown.n; i++) {
		bool is_blank = strchr(" \t\n\r\f", shown.p[i]) != NULL;

		if (!is_blank || !blank)
			baton_buf_add(to, is_blank ? " " : &shown.p[i], 1);
		blank = is_blank;
	}
	if (shown.n < text.n)
		baton_buf_z(to, "...");
}

/* --- facts --- */

static bool names_fact(const struct expr_op *op)
{
	return op->code == EXPR_FACT || op->code == EXPR_SPAN || op->code == EXPR_HAS;
}

/* Is operation `i` of a term the first in it that names this fact? */
static bool is_first(const struct explaining *x, size_t first, size_t i)
{
	const struct expr_op *ops = x->expr->ops;

	for (size_t k = first; k < i; k++)
		if (names_fact(&ops[k]) && ops[k].arg == ops[i].arg &&
		    (ops[k].code == EXPR_SPAN) == (ops[i].code == EXPR_SPAN))
			return false;
	return names_fact(&ops[i]);
}

static baton_str fact_name(const struct explaining *x, const struct expr_op *op)
{
	baton_str name = baton_str_of(x->expr->env->facts[op->arg].name);

	name.n -= op->code == EXPR_SPAN ? 3 : 0; /* without `_ms` */
	return name;
}

/* A value as a condition would write it; a share without the zeros behind it. */
static void write_value(const struct explaining *x, const struct expr_op *op, struct baton_buf *to)
{
	const struct baton_fact *fact = &x->expr->env->facts[op->arg];
	size_t from = to->n;

	if (op->code == EXPR_SPAN) {
		uint64_t ms = 0;
		uint32_t ms32;

		memcpy(&ms32, (const char *)x->base + fact->offset, sizeof(ms32));
		if (fact->kind == BATON_FACT_KIND_U64)
			memcpy(&ms, (const char *)x->base + fact->offset, sizeof(ms));
		else
			ms = ms32;
		expr_duration_write(expr_duration_of_ms(ms), to);
		return;
	}
	baton_env_fact_json(fact, x->base, to);
	while (fact->kind == BATON_FACT_KIND_PPM && to->n > from + 3 && to->p[to->n - 1] == '0' &&
	       to->p[to->n - 2] != '.')
		to->n--;
}

/* `(intent_confidence = 0.82, exchanges = 3)`; nothing for a term that is a fact and no more. */
static void write_facts(const struct explaining *x, size_t term)
{
	size_t first = x->nodes[term].first;
	const char *lead = "(";

	if (term - first < 2 && (x->expr->ops[first].code == EXPR_FACT))
		return;
	for (size_t i = first; i <= term; i++) {
		if (!is_first(x, first, i))
			continue;
		baton_buf_z(x->out, lead);
		baton_buf_str(x->out, fact_name(x, &x->expr->ops[i]));
		baton_buf_z(x->out, " = ");
		write_value(x, &x->expr->ops[i], x->out);
		lead = ", ";
	}
	if (lead[0] == ',')
		baton_buf_z(x->out, ")");
}

/* --- text --- */

static void write_term(const struct explaining *x, size_t term)
{
	const struct expr_value *value = &x->seen[term];
	struct baton_buf text = { 0 };
	size_t columns = 0;

	write_text(x, &x->expr->ops[term], &text);
	baton_buf_z(x->out, "  ");
	baton_buf_str(x->out, baton_buf_view(&text));
	for (size_t i = 0; i < text.n; i++)
		columns += ((unsigned char)text.p[i] & 0xc0) != 0x80;
	do
		baton_buf_z(x->out, " ");
	while (++columns < TEXT_COLUMNS);
	baton_buf_printf(x->out, "%-8s", value->failed ? "error" : value->as.b ? "true" : "false");
	if (value->failed)
		baton_buf_printf(x->out, "%s ", failure_text(value->failed));
	write_facts(x, term);
	while (x->out->p[x->out->n - 1] == ' ')
		x->out->n--;
	baton_buf_z(x->out, "\n");
	baton_buf_done(&text);
}

void baton_expr_explain(const baton_expr *expr, const void *base, struct baton_buf *out)
{
	struct explaining x = { .expr = expr, .base = base, .out = out };
	struct baton_arena arena = { 0 };
	const struct expr_value *whole = &x.seen[expr->n - 1];

	begin(&x, &arena);
	for (size_t i = 0; i < x.n_terms; i++)
		write_term(&x, x.terms[i]);
	if (whole->failed)
		baton_buf_printf(out, "  => undecided: %s\n", failure_text(whole->failed));
	else
		baton_buf_printf(out, "  => %s\n", whole->as.b ? "true" : "false");
	baton_arena_done(&arena);
}

/* --- JSON --- */

static void json_value(struct baton_buf *out, const char *name, const struct expr_value *value)
{
	baton_buf_printf(out, "\"%s\":%s", name,
			 value->failed ? "null"
			 : value->as.b ? "true"
				       : "false");
	if (value->failed)
		baton_buf_printf(out, ",\"why\":\"%s\"", failure_text(value->failed));
}

static void json_term(const struct explaining *x, size_t term)
{
	struct baton_buf text = { 0 };
	size_t first = x->nodes[term].first;
	const char *comma = "";

	write_text(x, &x->expr->ops[term], &text);
	baton_buf_z(x->out, "{\"text\":");
	baton_buf_json(x->out, baton_buf_view(&text));
	baton_buf_z(x->out, ",");
	json_value(x->out, "value", &x->seen[term]);
	baton_buf_z(x->out, ",\"facts\":{");
	for (size_t i = first; i <= term; i++) {
		const struct expr_op *op = &x->expr->ops[i];

		if (!is_first(x, first, i))
			continue;
		baton_buf_z(x->out, comma);
		baton_buf_json(x->out, fact_name(x, op));
		baton_buf_z(x->out, op->code == EXPR_SPAN ? ":\"" : ":");
		write_value(x, op, x->out);
		baton_buf_z(x->out, op->code == EXPR_SPAN ? "\"" : "");
		comma = ",";
	}
	baton_buf_z(x->out, "}}");
	baton_buf_done(&text);
}

void baton_expr_explain_json(const baton_expr *expr, const void *base, struct baton_buf *out)
{
	struct explaining x = { .expr = expr, .base = base, .out = out };
	struct baton_arena arena = { 0 };

	begin(&x, &arena);
	baton_buf_z(out, "{");
	json_value(out, "verdict", &x.seen[expr->n - 1]);
	baton_buf_z(out, ",\"terms\":[");
	for (size_t i = 0; i < x.n_terms; i++) {
		baton_buf_z(out, i > 0 ? "," : "");
		json_term(&x, x.terms[i]);
	}
	baton_buf_z(out, "]}");
	baton_arena_done(&arena);
}
