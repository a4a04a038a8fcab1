/* SPDX-License-Identifier: Apache-2.0 */

/* Proofs about rules: every condition compiles, and none rests on a mood alone. */

#include "core/policy/load.h"

#include "core/policy/facts.h"

#include <string.h>

static void check_meaning(struct baton_load *load, const struct baton_rule_def *rule,
			  const struct baton_yaml *when, const struct baton_expr *expr)
{
	if (baton_condition_uses(expr, "sentiment", false) &&
	    !baton_condition_uses(expr, "sentiment", true))
		baton_proof_broken(&load->findings, BATON_PROOF_CONDITION_MEANT, when->place,
				   "`sentiment` must not decide alone: join it with another fact");
	if (baton_condition_uses(expr, "answer_confidence", false) && rule->stage &&
	    strcmp(rule->stage, "before") == 0)
		baton_proof_doubted(
			&load->findings, BATON_PROOF_CONDITION_MEANT, when->place,
			"`answer_confidence` is 0.0 before there is an answer: this rule "
			"belongs into stage `after`");
}

void baton_check_rules(struct baton_load *load)
{
	baton_check_topics(load);
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
