/* SPDX-License-Identifier: Apache-2.0 */

/* Proofs about guards.yaml: whatever guards is asked somewhere, what a class cannot work without is
 * asked and never open, and no pattern takes long on what strangers write. */

#include "core/policy/load.h"

#include "core/policy/pattern.h"

enum { AT_CUSTOMER_OR_AGENT = 3, AT_ANSWER = 32 };

static const struct baton_yaml *root_of(const struct baton_load *load)
{
	for (size_t i = 0; i < load->n_files; i++)
		if (load->files[i].kind == BATON_SHAPE_GUARDS)
			return load->files[i].root;
	return NULL;
}

static bool is_guard(const struct baton_policy_module *module)
{
	return module->kind && strcmp(module->kind, "guard") == 0;
}

/* --- who looks --- */

static void check_guard(struct baton_load *load, const struct baton_guard_def *def,
			const struct baton_yaml *node)
{
	const struct baton_policy *policy = load->policy;
	int module = baton_named_expect(load, baton_named_modules(load), def->module,
					baton_load_place(node, "module"));

	if (module >= 0 && policy->modules[module].kind && !is_guard(&policy->modules[module]))
		baton_finding_error(&load->findings, baton_load_place(node, "module"),
				    "`%s` is a %s, not a guard", def->module,
				    policy->modules[module].kind);
	baton_named_each(load, node, "intents", baton_named_intents(load));
	if (def->n_intents > 0 && def->at != 0 &&
	    (def->at | AT_CUSTOMER_OR_AGENT) == AT_CUSTOMER_OR_AGENT)
		baton_proof_broken(
			&load->findings, BATON_PROOF_GUARD_ASKED, baton_load_place(node, "intents"),
			"what people write is looked at before any intent is known: with `intents`, "
			"this guard would look at nothing");
}

static const struct baton_guard_def *guard_of(const struct baton_policy *policy, const char *module,
					      bool open)
{
	for (size_t i = 0; i < policy->n_guards; i++)
		if (policy->guards[i].module && strcmp(policy->guards[i].module, module) == 0 &&
		    (!open || policy->guards[i].open))
			return &policy->guards[i];
	return NULL;
}

static void prove_modules_asked(struct baton_load *load)
{
	const struct baton_policy *policy = load->policy;

	for (size_t i = 0; i < policy->n_modules; i++) {
		const struct baton_policy_module *module = &policy->modules[i];

		if (is_guard(module) && module->name && !load->broken[BATON_SHAPE_GUARDS] &&
		    !guard_of(policy, module->name, false))
			baton_proof_doubted(
				&load->findings, BATON_PROOF_GUARD_ASKED,
				baton_load_place(
					baton_load_entry(load->lists[BATON_SHAPE_MODULES], i),
					"name"),
				"guards.yaml does not name `%s`: it is loaded, and never looks at "
				"anything",
				module->name);
	}
}

/* `needs: [pii]` promises that nothing of this work goes out unseen. */
static void prove_need(struct baton_load *load, const char *need, struct baton_place place)
{
	const struct baton_policy *policy = load->policy;
	int module = baton_named_find(baton_named_modules(load), need);

	if (module < 0 || !is_guard(&policy->modules[module]) || load->broken[BATON_SHAPE_GUARDS])
		return;
	if (!guard_of(policy, need, false))
		baton_proof_broken(
			&load->findings, BATON_PROOF_GUARD_ASKED, place,
			"the class needs `%s`, but guards.yaml does not name it: its work "
			"would go on with nobody looking",
			need);
	else if (guard_of(policy, need, true))
		baton_proof_broken(&load->findings, BATON_PROOF_GUARD_ASKED, place,
				   "the class needs `%s`, but guards.yaml leaves it open: when it "
				   "fails, everything would pass",
				   need);
}

static void prove_needs(struct baton_load *load)
{
	for (size_t i = 0; i < load->policy->n_classes; i++) {
		const struct baton_yaml *needs = baton_yaml_get(
			baton_load_entry(load->lists[BATON_SHAPE_CLASSES], i), "needs");

		for (size_t j = 0; needs && needs->kind == BATON_YAML_LIST && j < needs->n; j++)
			if (needs->items[j].value->kind == BATON_YAML_STRING)
				prove_need(load, needs->items[j].value->text.p,
					   needs->items[j].value->place);
	}
}

/* --- what they look for --- */

static void prove_pattern(struct baton_load *load, baton_str pattern, struct baton_place place)
{
	char why[400];

	if (!baton_pattern_ok(pattern, why, sizeof(why)))
		baton_proof_broken(&load->findings, BATON_PROOF_PATTERN_BOUNDED, place, "%s", why);
}

static bool is_type_name(const char *name)
{
	return strlen(name) <= 31 &&
	       name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_")] == '\0';
}

static void check_patterns(struct baton_load *load, const struct baton_yaml *list)
{
	for (size_t i = 0; i < load->guards.n_patterns; i++) {
		const struct baton_guard_pattern *def = &load->guards.patterns[i];
		const struct baton_yaml *node = baton_load_entry(list, i);

		if (!node)
			continue;
		if (def->name && !is_type_name(def->name))
			baton_finding_error(
				&load->findings, baton_load_place(node, "name"),
				"the name of a pattern has small letters, digits and `_`, at "
				"most 31");
		if (def->pattern)
			prove_pattern(load, baton_str_of(def->pattern),
				      baton_load_place(node, "pattern"));
		if (def->context)
			prove_pattern(load, baton_str_of(def->context),
				      baton_load_place(node, "context"));
	}
}

/* "/.../" is a pattern, anything else a phrase that needs a letter or a digit. */
static void check_phrase(struct baton_load *load, const struct baton_yaml *node)
{
	baton_str text = node->text;
	bool word = false;

	if (node->kind != BATON_YAML_STRING)
		return;
	if (text.n >= 2 && text.p[0] == '/' && text.p[text.n - 1] == '/') {
		prove_pattern(load, (baton_str){ text.p + 1, text.n - 2 }, node->place);
		return;
	}
	for (size_t i = 0; i < text.n; i++) {
		unsigned char c = (unsigned char)text.p[i];

		word = word || c >= 0x80 || (c >= '0' && c <= '9') ||
		       ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
	}
	if (!word)
		baton_finding_error(&load->findings, node->place,
				    "this phrase has no letter or digit: nobody says it");
}

static void check_phrases(struct baton_load *load, const struct baton_yaml *entry, const char *key)
{
	const struct baton_yaml *list = baton_yaml_get(entry, key);

	if (list && list->kind == BATON_YAML_STRING)
		check_phrase(load, list);
	for (size_t i = 0; list && list->kind == BATON_YAML_LIST && i < list->n; i++)
		check_phrase(load, list->items[i].value);
}

static void check_sayings(struct baton_load *load, const struct baton_yaml *list,
			  const struct baton_guard_promise *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct baton_yaml *node = baton_load_entry(list, i);

		if (!node)
			continue;
		for (size_t j = 0; j < i; j++)
			if (v[i].id && v[j].id && strcmp(v[i].id, v[j].id) == 0)
				baton_finding_error(&load->findings, baton_load_place(node, "id"),
						    "`%s` stands here twice", v[i].id);
		baton_named_each(load, node, "intents", baton_named_intents(load));
		check_phrases(load, node, "forbid");
		check_phrases(load, node, "phrases");
		check_phrases(load, node, "unless");
	}
}

static bool looks_at_answers(const struct baton_policy *policy)
{
	for (size_t i = 0; i < policy->n_guards; i++)
		if (policy->guards[i].at == 0 || (policy->guards[i].at & AT_ANSWER))
			return true;
	return false;
}

void baton_check_guards(struct baton_load *load)
{
	const struct baton_guards_file *file = &load->guards;
	const struct baton_yaml *root = root_of(load);
	const struct baton_yaml *promises = baton_yaml_get(root, "promises");
	const struct baton_yaml *required = baton_yaml_get(root, "required");
	const struct baton_yaml *list = load->lists[BATON_SHAPE_GUARDS];

	for (size_t i = 0; i < file->n_guards; i++)
		if (baton_load_entry(list, i))
			check_guard(load, &file->guards[i], baton_load_entry(list, i));
	prove_modules_asked(load);
	prove_needs(load);
	check_patterns(load, baton_yaml_get(baton_yaml_get(root, "pii"), "patterns"));
	check_sayings(load, promises, file->promises, file->n_promises);
	check_sayings(load, required, file->required, file->n_required);
	if ((promises || required) && !looks_at_answers(load->policy))
		baton_proof_doubted(&load->findings, BATON_PROOF_GUARD_ASKED,
				    (promises ? promises : required)->place,
				    "no guard looks at answers: nobody would notice");
}
