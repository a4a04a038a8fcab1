/* SPDX-License-Identifier: Apache-2.0 */

/* Asking a loaded set, and ending it. Loading is load.c. */

#include "core/policy/policy.h"

#include "core/base/assert.h"

void baton_policy_free(struct baton_policy **policy)
{
	struct baton_policy *p = *policy;

	if (!p)
		return;
	*policy = NULL;
	for (size_t i = 0; i < p->n_modules; i++)
		json_decref(p->modules[i].config);
	json_decref(p->articles);
	struct baton_arena arena = p->arena; /* p itself is not in it; the arrays are */
	baton_free(p);
	baton_arena_done(&arena);
}

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
	baton_assert(otherwise);
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

const char *baton_policy_prompt(const struct baton_policy *policy, const char *name)
{
	for (size_t i = 0; i < policy->n_prompts; i++)
		if (name && strcmp(policy->prompts[i].name, name) == 0)
			return policy->prompts[i].text;
	return NULL;
}
