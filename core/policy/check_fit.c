/* SPDX-License-Identifier: Apache-2.0 */

/* Proofs by adding up: limits of time that leave room for each other, room for prompt and answer
 * in a model's context, and breakers that close again.
 */

#include "core/policy/load.h"

#include "core/policy/fit.h"

#include <string.h>

uint64_t baton_target_prompt_tokens(const struct baton_policy *policy,
				    const struct baton_target *target)
{
	const struct baton_prompt_def *prompt =
		baton_policy_prompt_for(policy, target->prompt, target->name);

	return prompt ? strlen(prompt->text) / 4 + 1 : 1;
}

/* --- time --- */

static void prove_times(struct baton_load *load, const struct baton_route *route,
			const struct baton_yaml *node)
{
	struct baton_findings *findings = &load->findings;
	uint64_t first_ms = route->first_token_ms, stall_ms = route->stall_ms;

	if (first_ms > route->total_ms)
		baton_proof_doubted(
			findings, BATON_PROOF_TIME_FITS, baton_load_place(node, "first_token_ms"),
			"the first word may take longer (%u ms) than the whole answer (%u "
			"ms)",
			route->first_token_ms, route->total_ms);
	else if (first_ms + stall_ms > route->total_ms)
		baton_proof_doubted(
			findings, BATON_PROOF_TIME_FITS, baton_load_place(node, "total_ms"),
			"a first word after %u ms and one silence of %u ms are more than "
			"the whole answer may take (%u ms)",
			route->first_token_ms, route->stall_ms, route->total_ms);
	else if (route->n_fallbacks > 0 && first_ms * 2 > route->total_ms)
		baton_proof_doubted(
			findings, BATON_PROOF_TIME_FITS, baton_load_place(node, "fallback"),
			"with `%s` silent for %u ms, `%s` has less than that left of %u "
			"ms: shorten first_token_ms",
			route->primary ? route->primary->name : "?", route->first_token_ms,
			route->fallbacks[0]->name, route->total_ms);
	if (route->max_p95_ms > route->total_ms)
		baton_proof_doubted(findings, BATON_PROOF_TIME_FITS,
				    baton_load_place(node, "max_p95_ms"),
				    "this is never reached: after total_ms (%u ms) an answer has "
				    "failed already",
				    route->total_ms);
}

/* --- room --- */

static bool has_room(const struct baton_policy *policy, const struct baton_target *target)
{
	return target->context_tokens == 0 ||
	       baton_target_prompt_tokens(policy, target) + target->max_output_tokens <
		       target->context_tokens;
}

static void prove_route_room(struct baton_load *load, const struct baton_route *route,
			     const struct baton_yaml *node)
{
	const struct baton_policy *policy = load->policy;
	bool room = !route->primary || has_room(policy, route->primary);

	for (size_t i = 0; i < route->n_fallbacks && !room; i++)
		room = has_room(policy, route->fallbacks[i]);
	if (!room)
		baton_proof_broken(
			&load->findings, BATON_PROOF_CONTEXT_FITS,
			baton_load_place(node, "primary"),
			"no target of this route has room for its own prompt and longest "
			"answer: each message would go to a person");
}

static void prove_target_room(struct baton_load *load, const struct baton_target *target,
			      const struct baton_yaml *node)
{
	if (!has_room(load->policy, target))
		baton_proof_doubted(
			&load->findings, BATON_PROOF_CONTEXT_FITS,
			baton_load_place(node, "context_tokens"),
			"its prompt (about %llu tokens) and longest answer (%u tokens) do "
			"not fit into %u: it can never be asked",
			(unsigned long long)baton_target_prompt_tokens(load->policy, target),
			target->max_output_tokens, target->context_tokens);
}

/* --- breakers --- */

static void prove_breaker(struct baton_load *load, const struct baton_target *target,
			  const struct baton_yaml *node)
{
	const struct baton_breaker_def *def = &target->breaker;
	const struct baton_yaml *breaker = baton_yaml_get(node, "breaker");

	if (!breaker)
		return;
	if (def->open_max_ms < def->open_ms)
		baton_proof_broken(&load->findings, BATON_PROOF_BREAKER_CLOSES,
				   baton_load_place(breaker, baton_yaml_get(breaker, "open_max")
								     ? "open_max"
								     : "open"),
				   "the longest wait (%u ms) is shorter than the first (%u ms)",
				   def->open_max_ms, def->open_ms);
	if (def->share_ppm == 0)
		baton_proof_broken(&load->findings, BATON_PROOF_BREAKER_CLOSES,
				   baton_load_place(breaker, "share"),
				   "with a share of 0 it opens after %u calls that all succeed",
				   def->min_calls);
}

void baton_check_fit(struct baton_load *load)
{
	const struct baton_policy *policy = load->policy;

	for (size_t i = 0; i < policy->n_targets; i++) {
		const struct baton_yaml *node =
			baton_load_entry(load->lists[BATON_SHAPE_TARGETS], i);

		if (node->kind != BATON_YAML_MAP || !policy->targets[i].name)
			continue;
		prove_target_room(load, &policy->targets[i], node);
		prove_breaker(load, &policy->targets[i], node);
	}
	for (size_t i = 0; i < load->n_routes_written; i++) {
		const struct baton_yaml *node =
			baton_load_entry(load->lists[BATON_SHAPE_ROUTES], i);

		if (node->kind != BATON_YAML_MAP)
			continue;
		prove_times(load, &policy->routes[i], node);
		prove_route_room(load, &policy->routes[i], node);
	}
}
