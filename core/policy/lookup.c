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

bool baton_policy_agents_only(const struct baton_policy *policy, baton_str id)
{
	size_t low = 0, high = policy->n_agents_only;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		baton_str name = baton_str_of(policy->agents_only[mid]);
		size_t n = name.n < id.n ? name.n : id.n;
		int order = n > 0 ? memcmp(name.p, id.p, n) : 0;

		if (order == 0 && name.n == id.n)
			return true;
		if (order < 0 || (order == 0 && name.n < id.n))
			low = mid + 1;
		else
			high = mid;
	}
	return false;
}

const struct baton_tool_def *baton_policy_tool(const struct baton_policy *policy, baton_str name)
{
	for (size_t i = 0; i < policy->n_tools; i++)
		if (baton_str_is(name, policy->tools[i].name))
			return &policy->tools[i];
	return NULL;
}

const struct baton_drill_file *baton_policy_drill(const struct baton_policy *policy, baton_str name)
{
	for (size_t i = 0; i < policy->n_drills; i++)
		if (baton_str_is(name, policy->drills[i].name))
			return &policy->drills[i];
	return NULL;
}

const struct baton_queue_def *baton_policy_queue(const struct baton_policy *policy, baton_str name)
{
	for (size_t i = 0; i < policy->n_queues; i++)
		if (baton_str_is(name, policy->queues[i].name))
			return &policy->queues[i];
	return NULL;
}

const struct baton_agent_def *baton_policy_agent(const struct baton_policy *policy, baton_str id)
{
	for (size_t i = 0; i < policy->n_agents; i++)
		if (baton_str_is(id, policy->agents[i].id))
			return &policy->agents[i];
	return NULL;
}

const struct baton_customer_tier_def *baton_policy_customer_tier(const struct baton_policy *policy,
								 baton_str name)
{
	for (size_t i = 0; i < policy->desk.n_tiers; i++)
		if (baton_str_is(name, policy->desk.tiers[i].name))
			return &policy->desk.tiers[i];
	return NULL;
}

bool baton_agent_serves(const struct baton_policy *policy, baton_str agent, baton_str queue)
{
	const struct baton_agent_def *def = baton_policy_agent(policy, agent);

	for (size_t i = 0; def && i < def->n_queues; i++)
		if (baton_str_is(queue, def->queues[i]))
			return true;
	return def && def->n_queues == 0;
}

struct baton_promise baton_policy_promise(const struct baton_policy *policy, baton_str queue,
					  baton_str tier)
{
	const struct baton_queue_def *def = baton_policy_queue(policy, queue);
	const struct baton_customer_tier_def *shorter = baton_policy_customer_tier(policy, tier);
	uint32_t promise = def ? def->first_reply_ms : 0;

	if (shorter && shorter->first_reply_ms > 0 &&
	    (promise == 0 || shorter->first_reply_ms < promise))
		promise = shorter->first_reply_ms;
	return (struct baton_promise){ def ? def->hours : NULL, promise };
}

uint64_t baton_promise_due_ms(struct baton_promise promise, uint64_t unanswered_ms)
{
	if (promise.first_reply_ms == 0 || unanswered_ms == 0)
		return 0;
	return baton_hours_after(promise.hours, unanswered_ms, promise.first_reply_ms);
}

uint64_t baton_policy_due_ms(const struct baton_policy *policy, baton_str queue, baton_str tier,
			     uint64_t unanswered_ms)
{
	return baton_promise_due_ms(baton_policy_promise(policy, queue, tier), unanswered_ms);
}

static const struct baton_prompt_def *prompt_named(const struct baton_policy *policy,
						   baton_str name)
{
	for (size_t i = 0; i < policy->n_prompts; i++)
		if (baton_str_is(name, policy->prompts[i].name))
			return &policy->prompts[i];
	return NULL;
}

const char *baton_policy_prompt(const struct baton_policy *policy, const char *name)
{
	const struct baton_prompt_def *prompt =
		name ? prompt_named(policy, baton_str_of(name)) : NULL;

	return prompt ? prompt->text : NULL;
}

/* "<name>.<target>" */
static bool is_variant(const char *text, baton_str name, const char *target)
{
	return text[0] == name.p[0] && strncmp(text, name.p, name.n) == 0 && text[name.n] == '.' &&
	       strcmp(text + name.n + 1, target) == 0;
}

const struct baton_prompt_def *baton_policy_prompt_for(const struct baton_policy *policy,
						       const char *name, const char *target)
{
	const struct baton_prompt_def *common = NULL;

	if (!name || !name[0])
		return NULL;
	baton_str wanted = baton_str_of(name);
	for (size_t i = 0; i < policy->n_prompts; i++) {
		const struct baton_prompt_def *prompt = &policy->prompts[i];

		if (target && target[0] && is_variant(prompt->name, wanted, target))
			return prompt;
		if (!common && baton_str_is(wanted, prompt->name))
			common = prompt;
	}
	return common;
}
