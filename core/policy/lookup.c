/* SPDX-License-Identifier: Apache-2.0 */

/* Finding things in a compiled set. Pure, and linear: a set has tens of routes, not thousands. */

#include "core/policy/policy.h"

#include <string.h>

const struct baton_route *baton_policy_route(const struct baton_policy *policy, baton_str intent)
{
	const struct baton_route *otherwise = NULL;

	for (size_t i = 0; i < policy->n_routes; i++) {
		const struct baton_route *route = &policy->routes[i];

		if (baton_str_is(intent, route->intent))
			return route;
		if (strcmp(route->intent, "default") == 0)
			otherwise = route;
	}
	return otherwise;
}

const struct baton_intent_def *baton_policy_intent(const struct baton_policy *policy,
						   baton_str name)
{
	for (size_t i = 0; i < policy->n_intents; i++)
		if (baton_str_is(name, policy->intents[i].name))
			return &policy->intents[i];
	return NULL;
}

const struct baton_drill_file *baton_policy_drill(const struct baton_policy *policy, baton_str name)
{
	for (size_t i = 0; i < policy->n_drills; i++)
		if (baton_str_is(name, policy->drills[i].name))
			return &policy->drills[i];
	return NULL;
}

const char *baton_policy_prompt(const struct baton_policy *policy, const char *name)
{
	for (size_t i = 0; i < policy->n_prompts; i++)
		if (name && strcmp(policy->prompts[i].name, name) == 0)
			return policy->prompts[i].text;
	return NULL;
}
