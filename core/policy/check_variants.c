/* SPDX-License-Identifier: Apache-2.0 */

/* Prompts: a file `<prompt>.<target>.md` is that target's own form of `<prompt>.md`, so both have
 * to be there; else nobody would ever be told what it says. */

#include "core/policy/load.h"

#include <string.h>

/* Those that Baton asks for by name. */
static const char *const own_names[] = { "plan", "suggestion", "summary", "writeup" };

static bool is_prompt(const struct baton_policy *policy, const char *name, size_t n)
{
	for (size_t i = 0; i < policy->n_prompts; i++)
		if (strlen(policy->prompts[i].name) == n &&
		    memcmp(policy->prompts[i].name, name, n) == 0)
			return true;
	for (size_t i = 0; i < sizeof(own_names) / sizeof(own_names[0]); i++)
		if (strlen(own_names[i]) == n && memcmp(own_names[i], name, n) == 0)
			return true;
	return false;
}

static bool is_target(const struct baton_policy *policy, const char *name)
{
	for (size_t i = 0; i < policy->n_targets; i++)
		if (policy->targets[i].name && strcmp(policy->targets[i].name, name) == 0)
			return true;
	return false;
}

/* A target may also name such a file itself. */
static bool is_named(const struct baton_policy *policy, const char *name)
{
	for (size_t i = 0; i < policy->n_targets; i++)
		if (policy->targets[i].prompt && strcmp(policy->targets[i].prompt, name) == 0)
			return true;
	return false;
}

static void check_variant(struct baton_load *load, const struct baton_load_file *file)
{
	const struct baton_policy *policy = load->policy;
	char name[2 * BATON_NAME_BYTES_MAX];
	const char *stem = strchr(file->source->name, '/') + 1;
	size_t n = strlen(stem) - strlen(".md");

	if (n >= sizeof(name))
		return;
	memcpy(name, stem, n);
	name[n] = '\0';
	const char *dot = strchr(name, '.');
	if (!dot || is_named(policy, name))
		return;
	if (!is_prompt(policy, name, (size_t)(dot - name)))
		baton_finding_warning(&load->findings, baton_policy_source_whole(file->source),
				      "there is no prompt `%.*s` that this is a form of",
				      (int)(dot - name), name);
	else if (!is_target(policy, dot + 1) && !load->broken[BATON_SHAPE_TARGETS])
		baton_finding_warning(&load->findings, baton_policy_source_whole(file->source),
				      "there is no target `%s` that is told this", dot + 1);
}

void baton_check_variants(struct baton_load *load)
{
	for (size_t i = 0; i < load->n_files; i++)
		if (load->files[i].kind == BATON_SHAPE_PROMPTS)
			check_variant(load, &load->files[i]);
}
