/* SPDX-License-Identifier: Apache-2.0 */

/* The proof that matters most: with every target and every module down, each message still
 * reaches a person. That takes a queue at the end of every way, and somebody who works on it.
 */

#include "core/policy/load.h"

#include <string.h>

static bool works_on(const struct baton_agent_def *agent, const char *queue)
{
	bool found = agent->n_queues == 0; /* none named: all */

	for (size_t i = 0; i < agent->n_queues && !found; i++)
		found = strcmp(agent->queues[i], queue) == 0;
	return found;
}

static bool is_staffed(const struct baton_policy *policy, const char *queue)
{
	for (size_t i = 0; i < policy->n_agents; i++)
		if (works_on(&policy->agents[i], queue))
			return true;
	return false;
}

/* The first way that ends in the queue, in words; NULL if none does. */
static const char *way_to(struct baton_load *load, const char *queue)
{
	const struct baton_policy *policy = load->policy;
	char text[256] = "";

	for (size_t i = 0; i < policy->n_routes && !text[0]; i++)
		if (policy->routes[i].intent && policy->routes[i].queue &&
		    strcmp(policy->routes[i].queue, queue) == 0)
			(void)snprintf(text, sizeof(text), "messages of `%s`",
				       policy->routes[i].intent);
	for (size_t i = 0; i < policy->n_rules && !text[0]; i++)
		if (policy->rules[i].id && strcmp(policy->rules[i].queue, queue) == 0)
			(void)snprintf(text, sizeof(text), "cases of the rule `%s`",
				       policy->rules[i].id);
	for (size_t i = 0; i < policy->n_modes && !text[0]; i++)
		if (policy->modes[i].name && strcmp(policy->modes[i].queue, queue) == 0)
			(void)snprintf(text, sizeof(text), "cases of the mode `%s`",
				       policy->modes[i].name);
	return text[0] ? baton_arena_dup(&load->scratch, text, strlen(text)) : NULL;
}

void baton_check_reach(struct baton_load *load)
{
	const struct baton_policy *policy = load->policy;
	const struct baton_yaml *list = load->lists[BATON_SHAPE_DESK];

	if (!list || load->broken[BATON_SHAPE_DESK])
		return;
	if (policy->n_queues == 0)
		baton_proof_broken(&load->findings, BATON_PROOF_PERSON_REACHED, list->place,
				   "there is no queue: no person could be reached");
	if (policy->n_agents == 0) {
		baton_proof_doubted(&load->findings, BATON_PROOF_PERSON_REACHED, list->place,
				    "there are no agents: nobody can take a case");
		return;
	}
	for (size_t i = 0; i < policy->n_queues; i++) {
		const char *queue = policy->queues[i].name;
		const char *way = queue && !is_staffed(policy, queue) ? way_to(load, queue) : NULL;

		if (way)
			baton_proof_doubted(
				&load->findings, BATON_PROOF_PERSON_REACHED,
				baton_load_place(baton_load_entry(list, i), "name"),
				"nobody works on the queue `%s`: with every target down, "
				"%s would wait there until somebody else looks",
				queue, way);
	}
}
