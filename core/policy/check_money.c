/* SPDX-License-Identifier: Apache-2.0 */

/* Proofs about money and alarms: no ceiling forbids every call, and what should ring can. */

#include "core/policy/load.h"

#include "core/policy/nearest.h"

#include <string.h>

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

void baton_check_money(struct baton_load *load)
{
	check_accounts(load);
}
