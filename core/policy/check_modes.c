/* SPDX-License-Identifier: Apache-2.0 */

/* Proofs about modes: each ends, leads somewhere, and can do what it says. Resolves names into
 * pointers and compiles the conditions on the way.
 */

#include "core/policy/load.h"

#include "core/policy/mode_facts.h"

static void mode_resolve(struct baton_load *load, struct baton_mode_def *mode,
			 const struct baton_yaml *node)
{
	struct baton_policy *policy = load->policy;
	const struct baton_yaml *applies = baton_yaml_get(node, "applies_to");
	int next = baton_named_at(load, baton_named_modes(load), baton_yaml_get(node, "next"));
	int use = baton_named_at(load, baton_named_targets(load), baton_yaml_get(node, "use"));

	mode->next = next < 0 ? NULL : &policy->modes[next];
	mode->use = use < 0 ? NULL : &policy->targets[use];
	baton_named_each(load, applies, "intents", baton_named_intents(load));
	baton_named_each(load, applies, "classes", baton_named_classes(load));
	baton_named_at(load, baton_named_queues(load), baton_yaml_get(node, "queue"));
	baton_named_at(load, baton_named_prompts(load), baton_yaml_get(node, "template"));
	mode->enter_test =
		baton_load_condition(load, &baton_env_mode, baton_yaml_get(node, "enter_when"));
	mode->recover_test =
		baton_load_condition(load, &baton_env_mode, baton_yaml_get(node, "recover_when"));
}

void baton_check_modes(struct baton_load *load)
{
	for (size_t i = 0; i < load->policy->n_modes; i++) {
		const struct baton_yaml *node = baton_load_entry(load->lists[BATON_SHAPE_MODES], i);

		if (node && node->kind == BATON_YAML_MAP)
			mode_resolve(load, &load->policy->modes[i], node);
	}
}
