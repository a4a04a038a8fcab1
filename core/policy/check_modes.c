/* SPDX-License-Identifier: Apache-2.0 */

/* Proofs about modes: each ends, leads somewhere, and can do what it says. Resolves names into
 * pointers and compiles the conditions on the way. Whether conditions contradict each other is
 * check_flapping.c.
 */

#include "core/policy/load.h"

#include "core/policy/mode_facts.h"

#include <string.h>

/* The longest stay in degraded modes in a row, as one mode alone may declare it. */
enum { CHAIN_MS_MAX = 7 * 86400000 };

static bool is_one_of(const char *const *names, size_t n, const char *name)
{
	for (size_t i = 0; i < n && name; i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return false;
}

/* As the board decides it (core/route/modes.h): both lists empty means everybody. */
bool baton_mode_covers(const struct baton_mode_def *mode, const char *intent, const char *class_)
{
	if (mode->n_intents == 0 && mode->n_classes == 0)
		return true;
	return is_one_of(mode->intents, mode->n_intents, intent) ||
	       is_one_of(mode->classes, mode->n_classes, class_);
}

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

/* --- it ends --- */

static bool is_of_a_class(const struct baton_policy *policy, const struct baton_mode_def *mode)
{
	for (size_t i = 0; i < policy->n_classes; i++)
		if (policy->classes[i].mode == mode)
			return true;
	return false;
}

static void prove_recovery(struct baton_load *load, const struct baton_mode_def *mode,
			   const struct baton_yaml *node)
{
	const char *who = mode->enter_when[0]                 ? "enters by itself"
			  : is_of_a_class(load->policy, mode) ? "is entered for a class"
							      : NULL;

	if (who && !baton_yaml_get(node, "recover_when"))
		baton_proof_broken(&load->findings, BATON_PROOF_MODE_ENDS,
				   baton_load_place(node, "name"),
				   "mode `%s` %s and has no `recover_when`: with the trouble over "
				   "after a minute, it would go on for all of max_duration",
				   mode->name ? mode->name : "?", who);
	if (baton_yaml_get(node, "enter_for") && !mode->enter_when[0])
		baton_proof_broken(&load->findings, BATON_PROOF_MODE_ENDS,
				   baton_load_place(node, "enter_for"),
				   "`enter_for` without `enter_when`: there is nothing that could "
				   "hold so long");
	if (baton_yaml_get(node, "recover_for") && !mode->recover_when[0])
		baton_proof_broken(&load->findings, BATON_PROOF_MODE_ENDS,
				   baton_load_place(node, "recover_for"),
				   "`recover_for` without `recover_when`: there is nothing that "
				   "could hold so long");
}

static void prove_expiry(struct baton_load *load, const struct baton_mode_def *mode,
			 const struct baton_yaml *node)
{
	bool returns = mode->enter_when[0] || is_of_a_class(load->policy, mode);

	if (mode->at_expiry == BATON_EXPIRY_NEXT && !baton_yaml_get(node, "next"))
		baton_proof_broken(&load->findings, BATON_PROOF_MODE_ENDS,
				   baton_load_place(node, "at_expiry"),
				   "`at_expiry: next` needs `next`: the mode that follows");
	if (mode->at_expiry != BATON_EXPIRY_NEXT && baton_yaml_get(node, "next"))
		baton_proof_broken(&load->findings, BATON_PROOF_MODE_ENDS,
				   baton_load_place(node, "next"),
				   "`next` is never reached: it needs `at_expiry: next`");
	if (mode->what == BATON_MODE_PAUSE && mode->at_expiry == BATON_EXPIRY_NORMAL && returns)
		baton_proof_doubted(
			&load->findings, BATON_PROOF_PAUSE_HELD,
			baton_load_place(node, "at_expiry"),
			"with the trouble still there, `%s` is entered again and again, "
			"and what it holds waits for ever: let it expire into hand_over "
			"or a `next` that does",
			mode->name ? mode->name : "?");
}

/* Chains are said once, at the mode that stands first in the file. */
static void prove_chain(struct baton_load *load, const struct baton_mode_def *mode,
			const struct baton_yaml *node)
{
	const struct baton_policy *policy = load->policy;
	const struct baton_mode_def *at = mode;
	uint64_t total_ms = 0;
	char path[512] = "";

	for (size_t steps = 0; at && steps <= policy->n_modes; steps++) {
		size_t n = strlen(path);

		if (at < mode || !at->name)
			return;
		(void)snprintf(path + n, sizeof(path) - n, "%s`%s`", n ? " -> " : "", at->name);
		total_ms += at->max_duration_ms;
		at = at->at_expiry == BATON_EXPIRY_NEXT ? at->next : NULL;
		if (at != mode)
			continue;
		baton_proof_broken(
			&load->findings, BATON_PROOF_MODE_CHAIN, baton_load_place(node, "next"),
			"modes go in a circle, %s -> `%s`: with the trouble still there, "
			"nothing would ever be normal again",
			path, mode->name);
		return;
	}
	if (total_ms > CHAIN_MS_MAX && mode->at_expiry == BATON_EXPIRY_NEXT)
		baton_proof_broken(&load->findings, BATON_PROOF_MODE_CHAIN,
				   baton_load_place(node, "next"),
				   "%s last %llu hours together; at most 168 are allowed", path,
				   (unsigned long long)(total_ms / 3600000));
}

/* --- it can do what it says --- */

static void needs(struct baton_load *load, const struct baton_yaml *node, const char *what,
		  const char *key)
{
	if (!baton_yaml_get(node, key))
		baton_proof_broken(
			&load->findings, BATON_PROOF_MODE_ABLE, baton_load_place(node, "do"),
			"`do: %s` needs `%s`: with the mode on, there is nothing to do it "
			"with",
			what, key);
}

static void only_of(struct baton_load *load, const struct baton_yaml *node, const char *what,
		    const char *key)
{
	const struct baton_yaml *name = baton_yaml_key(node, key);

	if (name)
		baton_proof_broken(&load->findings, BATON_PROOF_MODE_ABLE, name->place,
				   "`%s` is of `do: %s` alone: this mode never looks at it", key,
				   what);
}

static void prove_able(struct baton_load *load, const struct baton_mode_def *mode,
		       const struct baton_yaml *node)
{
	const struct baton_yaml *what = baton_yaml_get(node, "do");

	if (!what)
		return;
	if (mode->what == BATON_MODE_SUBSTITUTE)
		needs(load, node, "substitute", "use");
	else
		only_of(load, node, "substitute", "use");
	if (mode->what == BATON_MODE_TEMPLATED)
		needs(load, node, "templated", "template");
	else
		only_of(load, node, "templated", "template");
}

static void prove_class_mode(struct baton_load *load, const struct baton_class *class_,
			     const struct baton_yaml *node)
{
	const struct baton_mode_def *mode = class_->mode;
	struct baton_place place = baton_load_place(node, "mode");
	bool pauses = class_->on_failure == BATON_ON_FAILURE_PAUSE;

	if (!class_->name)
		return;
	if (pauses && !baton_yaml_get(node, "mode"))
		baton_proof_broken(&load->findings, BATON_PROOF_PAUSE_HELD,
				   baton_load_place(node, "on_failure"),
				   "class `%s` pauses on failure and names no `mode`: with its "
				   "primary down, nothing would hold the message",
				   class_->name);
	if (!mode || !mode->name)
		return;
	if (pauses && mode->what == BATON_MODE_SUBSTITUTE)
		baton_proof_broken(
			&load->findings, BATON_PROOF_NO_SILENT_DOWNGRADE, place,
			"silent downgrade: class `%s` pauses on failure, but its mode `%s` "
			"lets `%s` answer",
			class_->name, mode->name, mode->use ? mode->use->name : "?");
	if (!baton_mode_covers(mode, NULL, class_->name))
		baton_proof_broken(
			&load->findings, BATON_PROOF_MODE_COVERS, place,
			"mode `%s` does not concern class `%s`: entered for a message of "
			"it, it would hold nothing (see its applies_to)",
			mode->name, class_->name);
}

void baton_check_modes(struct baton_load *load)
{
	struct baton_policy *policy = load->policy;
	const struct baton_yaml *list = load->lists[BATON_SHAPE_MODES];

	for (size_t i = 0; i < policy->n_modes; i++)
		if (baton_load_entry(list, i)->kind == BATON_YAML_MAP)
			mode_resolve(load, &policy->modes[i], baton_load_entry(list, i));
	for (size_t i = 0; i < policy->n_modes; i++) {
		const struct baton_mode_def *mode = &policy->modes[i];
		const struct baton_yaml *node = baton_load_entry(list, i);

		if (node->kind != BATON_YAML_MAP)
			continue;
		prove_recovery(load, mode, node);
		prove_expiry(load, mode, node);
		prove_chain(load, mode, node);
		prove_able(load, mode, node);
		baton_prove_conditions(load, mode, node);
	}
	for (size_t i = 0; i < policy->n_classes; i++)
		prove_class_mode(load, &policy->classes[i],
				 baton_load_entry(load->lists[BATON_SHAPE_CLASSES], i));
}
