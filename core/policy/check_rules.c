/* SPDX-License-Identifier: Apache-2.0 */

/* Proofs about rules: every condition compiles, and none rests on a mood alone. */

#include "core/policy/load.h"

#include "core/policy/expr_code.h"
#include "core/policy/facts.h"

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

void baton_check_rules(struct baton_load *load)
{
	for (size_t i = 0; i < load->policy->n_rules; i++) {
		const struct baton_rule_def *rule = &load->policy->rules[i];
		const struct baton_yaml *node =
			baton_load_entry(load->lists[BATON_SHAPE_ESCALATION], i);
		const struct baton_yaml *when = baton_yaml_get(node, "when");

		const baton_expr *expr = baton_load_condition(load, &baton_env_facts, when);

		if (expr)
			check_meaning(load, rule, when, expr);
		if (rule->queue && rule->queue[0])
			baton_named_expect(load, baton_named_queues(load), rule->queue,
					   baton_load_place(node, "queue"));
	}
}
