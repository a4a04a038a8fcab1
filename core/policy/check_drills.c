/* SPDX-License-Identifier: Apache-2.0 */

/* Proofs about drills: what they break exists, and they end. */

#include "core/policy/load.h"

static void check_fault(struct baton_load *load, const struct baton_yaml *node)
{
	const struct baton_yaml *target = baton_yaml_get(node, "target");

	if (!target || target->kind != BATON_YAML_STRING)
		return;
	if (!baton_str_is(target->text, "primary") && !baton_str_is(target->text, "fallback"))
		baton_named_at(load, baton_named_targets(load), target);
}

void baton_check_drills(struct baton_load *load)
{
	for (size_t i = 0; i < load->policy->n_drills; i++) {
		const struct baton_yaml *root = load->drill_files[i]->root;
		const struct baton_yaml *faults = baton_yaml_get(root, "faults");
		const struct baton_yaml *talks = baton_yaml_get(root, "conversations");

		for (size_t j = 0; j < load->policy->drills[i].n_faults; j++)
			check_fault(load, baton_load_entry(faults, j));
		for (size_t j = 0; j < load->policy->drills[i].n_talks; j++)
			baton_named_at(load, baton_named_intents(load),
				       baton_yaml_get(baton_load_entry(talks, j), "intent"));
	}
}
