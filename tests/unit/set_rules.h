/* SPDX-License-Identifier: Apache-2.0 */

/* The rules of a set without its module, for tests that have none: the strictest that fires wins,
 * among equals the more urgent, then the one written first; what cannot be decided fired. test_replay_ask
 * holds it and modules/rule-policy to each other. */
#pragma once

#include "core/base/mem.h"
#include "core/policy/expr.h"
#include "core/policy/policy.h"

struct compiled {
	const struct baton_rule_def *rule;
	baton_expr *test;
	uint32_t action, stage;
};

struct set_rules {
	struct compiled *v;
	size_t n;
};

static inline uint32_t action_of(const char *name)
{
	static const char *const names[] = { "none", "offer_human", "review", "escalate",
					     "escalate_now" };

	for (uint32_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(names[i], name) == 0)
			return i;
	return BATON_ACT_NONE;
}

static inline struct set_rules *set_rules_new(const struct baton_policy *policy)
{
	struct set_rules *rules = baton_new(struct set_rules);
	uint32_t column = 0;
	char why[160];

	rules->v = baton_alloc(policy->n_rules * sizeof(*rules->v) + 1);
	for (size_t i = 0; i < policy->n_rules; i++) {
		const struct baton_rule_def *rule = &policy->rules[i];
		struct compiled *to = &rules->v[rules->n++];

		to->rule = rule;
		to->action = action_of(rule->action);
		to->stage =
			strcmp(rule->stage, "after") == 0 ? BATON_STAGE_AFTER : BATON_STAGE_BEFORE;
		/* The set was checked: a condition that does not compile is none of it. */
		(void)baton_expr_compile(baton_str_of(rule->when), &to->test, why, sizeof(why),
					 &column);
	}
	return rules;
}

static inline int set_rules_ask(void *ud, const baton_facts *facts, baton_verdict *ret)
{
	const struct set_rules *rules = ud;
	const struct compiled *best = NULL;

	for (size_t i = 0; i < rules->n; i++) {
		const struct compiled *it = &rules->v[i];

		if (it->stage != facts->stage || !it->test ||
		    (best &&
		     (it->action < best->action ||
		      (it->action == best->action && it->rule->priority >= best->rule->priority))))
			continue;
		if (baton_expr_test(it->test, facts) != 0)
			best = it;
	}
	*ret = (baton_verdict){ .size = sizeof(*ret) };
	if (!best)
		return 0;
	ret->action = best->action;
	ret->priority = best->rule->priority;
	ret->flags = best->rule->reversible ? BATON_VERDICT_REVERSIBLE : 0;
	ret->rule = best->rule->id;
	ret->reason = best->rule->reason;
	ret->queue = best->rule->queue;
	return 0;
}

static inline void set_rules_free(struct set_rules **rules)
{
	struct set_rules *r = *rules;

	*rules = NULL;
	if (!r)
		return;
	for (size_t i = 0; i < r->n; i++)
		if (r->v[i].test)
			baton_expr_free(r->v[i].test);
	baton_free(r->v);
	baton_free(r);
}
