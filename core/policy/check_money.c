/* SPDX-License-Identifier: Apache-2.0 */

/* Proofs about money and alarms: no ceiling forbids every call, and what should ring can. The
 * price is the one that the board reserves before a call: prompt and longest answer, at the
 * target's rates.
 */

#include "core/policy/load.h"

#include "core/policy/fit.h"
#include "core/policy/nearest.h"

#include <string.h>

/* --- budgets --- */

static bool account_exists(const struct baton_policy *policy, const char *account)
{
	for (size_t i = 0; i < policy->n_targets; i++)
		if (policy->targets[i].account && strcmp(policy->targets[i].account, account) == 0)
			return true;
	return false;
}

static void check_accounts(struct baton_load *load)
{
	const struct baton_policy *policy = load->policy;
	struct baton_nearest nearest;

	for (size_t i = 0; i < policy->budgets.n_accounts; i++) {
		const char *account = policy->budgets.accounts[i].account;
		const struct baton_yaml *node =
			baton_load_entry(load->lists[BATON_SHAPE_BUDGETS], i);

		if (!account || account_exists(policy, account) ||
		    load->broken[BATON_SHAPE_TARGETS])
			continue;
		nearest = baton_nearest_to(baton_str_of(account));
		for (size_t j = 0; j < policy->n_targets; j++)
			baton_nearest_try(&nearest, policy->targets[j].account);
		baton_finding_error(&load->findings, baton_load_place(node, "account"),
				    "no target has the account `%s`%s%s%s", account,
				    nearest.name ? ", did you mean `" : "",
				    nearest.name ? nearest.name : "", nearest.name ? "`?" : "");
	}
}

static uint64_t price_of(const struct baton_policy *policy, const struct baton_target *target)
{
	uint64_t in = baton_target_prompt_tokens(policy, target) * target->in_microusd_per_mtok;
	uint64_t out = target->max_output_tokens * target->out_microusd_per_mtok;

	return (in + out + 999999) / 1000000;
}

/* The ceiling that a call of `target` on `route` breaks at once. */
struct ceiling {
	const char *what;
	uint64_t microusd; /* 0: none is broken */
};

static struct ceiling ceiling_of(const struct baton_policy *policy, const struct baton_route *route,
				 const struct baton_target *target)
{
	const struct baton_budgets *budgets = &policy->budgets;
	struct ceiling all[5] = {
		{ "turn_usd of this route", route->turn_microusd },
		{ "turn_usd of budgets.yaml", route->turn_microusd ? 0 : budgets->turn_microusd },
		{ "day_usd of this route", route->day_microusd },
		{ "day_usd of budgets.yaml", budgets->day_microusd },
		{ "day_usd of its account", 0 },
	};
	uint64_t price = price_of(policy, target);

	for (size_t i = 0; i < budgets->n_accounts; i++)
		if (budgets->accounts[i].account && target->account &&
		    strcmp(budgets->accounts[i].account, target->account) == 0)
			all[4].microusd = budgets->accounts[i].day_microusd;
	for (size_t i = 0; i < 5; i++)
		if (all[i].microusd > 0 && price > all[i].microusd)
			return all[i];
	return (struct ceiling){ "", 0 };
}

static void prove_affordable(struct baton_load *load, const struct baton_route *route,
			     const struct baton_target *target, struct baton_place place)
{
	struct ceiling broken = ceiling_of(load->policy, route, target);

	if (broken.microusd > 0)
		baton_proof_broken(
			&load->findings, BATON_PROOF_BUDGET_ALLOWS, place,
			"`%s` can never be asked here: its prompt and longest answer (%u "
			"tokens) cost up to $%.6f, and %s is $%.6f",
			target->name, target->max_output_tokens,
			(double)price_of(load->policy, target) / 1e6, broken.what,
			(double)broken.microusd / 1e6);
}

static void check_route_money(struct baton_load *load, const struct baton_route *route,
			      const struct baton_yaml *node)
{
	const struct baton_yaml *fallback = baton_yaml_get(node, "fallback");

	if (route->primary)
		prove_affordable(load, route, route->primary, baton_load_place(node, "primary"));
	for (size_t i = 0; i < route->n_fallbacks; i++) {
		const struct baton_yaml *name = baton_load_entry(fallback, i);

		prove_affordable(load, route, route->fallbacks[i],
				 name ? name->place : baton_load_place(node, "fallback"));
	}
}

/* --- the alert --- */

static const struct baton_yaml *root_of(const struct baton_load *load, enum baton_shape_kind kind)
{
	for (size_t i = 0; i < load->n_files; i++)
		if (load->files[i].kind == kind)
			return load->files[i].root;
	return NULL;
}

static void check_alert(struct baton_load *load)
{
	const struct baton_alert_def *alert = &load->policy->alert;
	const struct baton_yaml *root = root_of(load, BATON_SHAPE_ALERTS);
	unsigned signs = (alert->p95_ms > 0 ? 1U : 0U) + (alert->tool_success_ppm > 0 ? 1U : 0U) +
			 (alert->override_ppm > 0 ? 1U : 0U);

	if (root && root->kind == BATON_YAML_MAP && signs < alert->needed)
		baton_proof_broken(&load->findings, BATON_PROOF_ALERT_RINGS,
				   baton_load_place(root, "needed"),
				   "the alert needs %u signs together and watches %u (of p95_ms, "
				   "tool_success, override_rate): it could never ring",
				   alert->needed, signs);
	if (root)
		return;
	for (size_t i = 0; i < load->policy->n_modes; i++) {
		const struct baton_mode_def *mode = &load->policy->modes[i];

		if (mode->enter_test && baton_condition_uses(mode->enter_test, "alert", false))
			baton_proof_broken(
				&load->findings, BATON_PROOF_ALERT_RINGS,
				baton_load_place(
					baton_load_entry(load->lists[BATON_SHAPE_MODES], i),
					"enter_when"),
				"`alert` never holds: there is no alerts.yaml that says when it "
				"rings");
	}
}

void baton_check_money(struct baton_load *load)
{
	check_accounts(load);
	for (size_t i = 0; i < load->n_routes_written; i++) {
		const struct baton_yaml *node =
			baton_load_entry(load->lists[BATON_SHAPE_ROUTES], i);

		if (node->kind == BATON_YAML_MAP)
			check_route_money(load, &load->policy->routes[i], node);
	}
	check_alert(load);
}
