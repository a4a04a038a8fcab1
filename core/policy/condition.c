/* SPDX-License-Identifier: Apache-2.0 */

/* A condition out of a file: compiled once at load, its mistakes shown where they stand. */

#include "core/policy/condition.h"

#include "core/policy/load.h"

/* Byte offset of a 1-based column in characters. */
static size_t column_offset(baton_str text, uint32_t column)
{
	size_t at = 0;

	for (uint32_t i = 1; i < column && at < text.n; i++) {
		at++;
		while (at < text.n && ((unsigned char)text.p[at] & 0xc0) == 0x80)
			at++;
	}
	return at;
}

/* Bytes of the word at an offset; 1 for a sign. */
static size_t word_at(baton_str text, size_t at)
{
	size_t n = 0;

	while (at + n < text.n) {
		char c = text.p[at + n];

		if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') &&
		    c != '_')
			break;
		n++;
	}
	return n ? n : 1;
}

int baton_condition_fact(const struct expr_op *op)
{
	bool asks = op->code == EXPR_FACT || op->code == EXPR_SPAN || op->code == EXPR_HAS;

	return asks ? (int)op->arg : -1;
}

bool baton_condition_uses(const baton_expr *expr, const char *fact, bool others)
{
	int index = baton_env_find(expr->env, baton_str_of(fact));

	for (size_t i = 0; i < expr->n; i++) {
		int here = baton_condition_fact(&expr->ops[i]);

		if (here >= 0 && (here == index) != others)
			return true;
	}
	return false;
}

/* A share next to a number that no share is: `error_share > 50` means percent, and never holds. */
static bool is_no_share(const struct baton_expr *expr, size_t i)
{
	const struct expr_op *a = &expr->ops[i], *b = &expr->ops[i + 1], *op = &expr->ops[i + 2];
	int fact = baton_condition_fact(a->code == EXPR_CONST ? b : a);
	const struct expr_value *value = a->code == EXPR_CONST ? &a->value : &b->value;

	if (fact < 0 || expr->env->facts[fact].kind != BATON_FACT_KIND_PPM ||
	    (a->code != EXPR_FACT && b->code != EXPR_FACT) ||
	    (a->code != EXPR_CONST && b->code != EXPR_CONST) || op->code < EXPR_EQ ||
	    op->code > EXPR_GE)
		return false;
	double number = value->type == EXPR_INT      ? (double)value->as.i
			: value->type == EXPR_DOUBLE ? value->as.d
						     : 0;
	return number < 0 || number > 1;
}

static void prove_shares(struct baton_load *load, const struct baton_expr *expr,
			 const struct baton_yaml *when)
{
	for (size_t i = 0; i + 2 < expr->n; i++) {
		if (!is_no_share(expr, i))
			continue;
		size_t at = expr->ops[i].code == EXPR_CONST ? i + 1 : i;
		const struct expr_op *op = &expr->ops[i + 2];

		baton_proof_broken(
			&load->findings, BATON_PROOF_CONDITION_MEANT,
			baton_yaml_inside(when, op->from, op->to - op->from),
			"`%s` lies between 0.0 and 1.0: compared with this number it always "
			"comes to the same",
			expr->env->facts[baton_condition_fact(&expr->ops[at])].name);
	}
}

baton_expr *baton_load_condition(struct baton_load *load, const struct baton_env *env,
				 const struct baton_yaml *when)
{
	struct baton_policy *policy = load->policy;
	baton_expr *expr = NULL;
	char why[512];
	uint32_t column = 1;

	if (!when || when->kind != BATON_YAML_STRING)
		return NULL;
	if (baton_expr_compile_in(env, when->text, &expr, why, sizeof(why), &column) < 0) {
		size_t at = column_offset(when->text, column);

		baton_finding_error(&load->findings,
				    baton_yaml_inside(when, at, word_at(when->text, at)), "%s",
				    why);
		return NULL;
	}
	prove_shares(load, expr, when);
	struct baton_policy_condition *kept = baton_arena_alloc(&policy->arena, sizeof(*kept));
	*kept = (struct baton_policy_condition){ expr, policy->conditions };
	policy->conditions = kept;
	return expr;
}
