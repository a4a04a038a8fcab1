/* SPDX-License-Identifier: Apache-2.0 */

/* Proofs about rules: every condition compiles, and none rests on a mood alone. */

#include "core/policy/load.h"

#include "core/policy/expr_code.h"
#include "core/policy/facts.h"

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

static bool uses(const struct baton_expr *expr, const char *fact, bool others)
{
	int index = baton_fact_find(baton_str_of(fact));

	for (size_t i = 0; i < expr->n; i++)
		if (expr->ops[i].code == EXPR_FACT && ((int)expr->ops[i].arg == index) != others)
			return true;
	return false;
}

static void check_meaning(struct baton_load *load, const struct baton_rule_def *rule,
			  const struct baton_yaml *when, const struct baton_expr *expr)
{
	if (uses(expr, "sentiment", false) && !uses(expr, "sentiment", true))
		baton_finding_error(&load->findings, when->place,
				    "`sentiment` must not decide alone: join it with another fact");
	if (uses(expr, "answer_confidence", false) && rule->stage &&
	    strcmp(rule->stage, "before") == 0)
		baton_finding_warning(
			&load->findings, when->place,
			"`answer_confidence` is 0.0 before there is an answer: this rule "
			"belongs into stage `after`");
}

static void check_condition(struct baton_load *load, const struct baton_rule_def *rule,
			    const struct baton_yaml *when)
{
	baton_expr *expr = NULL;
	char why[512];
	uint32_t column = 1;

	if (baton_expr_compile(when->text, &expr, why, sizeof(why), &column) == 0) {
		check_meaning(load, rule, when, expr);
		baton_expr_free(expr);
		return;
	}
	size_t at = column_offset(when->text, column);
	baton_finding_error(&load->findings, baton_yaml_inside(when, at, word_at(when->text, at)),
			    "%s", why);
}

void baton_check_rules(struct baton_load *load)
{
	for (size_t i = 0; i < load->policy->n_rules; i++) {
		const struct baton_rule_def *rule = &load->policy->rules[i];
		const struct baton_yaml *node =
			baton_load_entry(load->lists[BATON_SHAPE_ESCALATION], i);
		const struct baton_yaml *when = baton_yaml_get(node, "when");

		if (rule->when && when)
			check_condition(load, rule, when);
		if (rule->queue && rule->queue[0])
			baton_named_expect(load, baton_named_queues(load), rule->queue,
					   baton_load_place(node, "queue"));
	}
}
