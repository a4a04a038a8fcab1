/* SPDX-License-Identifier: Apache-2.0 */

/* Proofs about releases.yaml: what is replaced ends in time, a canary can be told from chance, and
 * what is to block a change is looked at.
 */

#include "core/policy/load.h"

#include <math.h>

static const struct baton_yaml *root_of(const struct baton_load *load)
{
	for (size_t i = 0; i < load->n_files; i++)
		if (load->files[i].kind == BATON_SHAPE_RELEASES)
			return load->files[i].root;
	return NULL;
}

/* --- time --- */

static const struct baton_route *longest_turn(const struct baton_policy *policy)
{
	const struct baton_route *longest = NULL;

	for (size_t i = 0; i < policy->n_routes; i++)
		if (policy->routes[i].primary &&
		    (!longest || policy->routes[i].total_ms > longest->total_ms))
			longest = &policy->routes[i];
	return longest;
}

static void prove_ends(struct baton_load *load, const struct baton_yaml *root)
{
	const struct baton_release_def *def = &load->policy->releases;
	const struct baton_route *longest = longest_turn(load->policy);
	const struct baton_yaml *canary = baton_yaml_get(root, "canary");

	if (longest && longest->intent && def->drain_ms < longest->total_ms)
		baton_proof_doubted(
			&load->findings, BATON_PROOF_RELEASE_ENDS, baton_load_place(root, "drain"),
			"an answer of the route for `%s` may take %u ms; after %u ms it would be cut off "
			"and begin again, with every change",
			longest->intent, longest->total_ms, def->drain_ms);
	if (longest && longest->intent && canary && def->canary_for_ms < longest->total_ms)
		baton_proof_doubted(
			&load->findings, BATON_PROOF_RELEASE_ENDS, baton_load_place(canary, "for"),
			"an answer of the route for `%s` may take %u ms; a canary of %u ms would end "
			"before the first of them",
			longest->intent, longest->total_ms, def->canary_for_ms);
}

/* --- chance --- */

/* Turns without a single failure until Wilson's upper bound (core/swap/trial.h, one-sided 95 %) is
 * below the limit: z^2 / (n + z^2) <= limit. */
static double turns_needed(uint32_t limit_ppm)
{
	return 1.645 * 1.645 * (1e6 / limit_ppm - 1);
}

static void prove_delta(struct baton_load *load, const struct baton_yaml *canary, const char *key,
			uint32_t limit_ppm)
{
	uint32_t min_turns = load->policy->releases.canary_min_turns;

	if (limit_ppm == 0)
		baton_proof_broken(
			&load->findings, BATON_PROOF_CANARY_DECIDED, baton_load_place(canary, key),
			"with `%s: 0` nothing can ever be promoted before its time: however "
			"many turns go well, the next may not",
			key);
	else if (turns_needed(limit_ppm) > min_turns)
		baton_proof_doubted(
			&load->findings, BATON_PROOF_CANARY_DECIDED, baton_load_place(canary, key),
			"%u turns that all go well leave open whether %.2f of a hundred go wrong; to know "
			"that it is less than %.2f takes %.0f",
			min_turns, 100 * 1.645 * 1.645 / (min_turns + 1.645 * 1.645),
			(double)limit_ppm / 1e4, ceil(turns_needed(limit_ppm)));
}

static void prove_ratio(struct baton_load *load, const struct baton_yaml *canary, const char *key,
			uint32_t ratio_ppm)
{
	if (ratio_ppm > 0 && ratio_ppm < 1000000)
		baton_proof_broken(
			&load->findings, BATON_PROOF_CANARY_DECIDED, baton_load_place(canary, key),
			"a release that is just like the live one would be rolled back: it is "
			"1 times as slow and as dear, and %.2f times is allowed",
			(double)ratio_ppm / 1e6);
}

static void prove_decided(struct baton_load *load, const struct baton_yaml *canary)
{
	const struct baton_release_def *def = &load->policy->releases;

	prove_delta(load, canary, "max_fail_delta", def->canary_fail_delta_ppm);
	prove_delta(load, canary, "max_escalation_delta", def->canary_escalation_delta_ppm);
	prove_ratio(load, canary, "max_p95_ratio", def->canary_p95_ratio_ppm);
	prove_ratio(load, canary, "max_cost_ratio", def->canary_cost_ratio_ppm);
	if (def->canary_ppm == 0)
		baton_proof_broken(
			&load->findings, BATON_PROOF_CANARY_DECIDED,
			baton_load_place(canary, "share"),
			"with a share of 0 nobody is served by a canary: each would be rolled "
			"back for that");
	else if (def->canary_ppm > 900000)
		baton_proof_broken(
			&load->findings, BATON_PROOF_CANARY_DECIDED,
			baton_load_place(canary, "share"),
			"with a share of %.2f too few are left to compare it with; at most 0.9",
			(double)def->canary_ppm / 1e6);
}

void baton_check_releases(struct baton_load *load)
{
	const struct baton_release_def *def = &load->policy->releases;
	const struct baton_yaml *root = root_of(load);
	const struct baton_yaml *canary = baton_yaml_get(root, "canary");
	const struct baton_yaml *replay = baton_yaml_get(root, "replay");

	if (!root || root->kind != BATON_YAML_MAP)
		return;
	prove_ends(load, root);
	if (canary && canary->kind == BATON_YAML_MAP)
		prove_decided(load, canary);
	if (replay && def->replay_turns == 0 && def->max_changed_ppm < 1000000)
		baton_proof_broken(
			&load->findings, BATON_PROOF_REPLAY_COUNTS,
			baton_load_place(replay, "turns"),
			"no recorded decision is tried, so `max_changed` blocks nothing");
}
