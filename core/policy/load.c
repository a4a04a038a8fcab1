/* SPDX-License-Identifier: Apache-2.0 */

/* One load from directory to immutable set: each file into its structs, then the proofs, then the
 * verdict. A file that cannot be read does not stop the others from being looked at: an admin gets
 * all findings of a run at once.
 */

#include "core/policy/load.h"

#include "core/base/errors.h"
#include "core/base/limits.h"
#include "core/route/triggers.h"

#include <limits.h>
#include <stdlib.h>

/* --- one file --- */

static void root_read(struct baton_load *load, struct baton_load_file *file)
{
	static const char *const list_keys[BATON_SHAPES_N] = {
		[BATON_SHAPE_MODULES] = "modules",  [BATON_SHAPE_TARGETS] = "targets",
		[BATON_SHAPE_ROUTES] = "routes",    [BATON_SHAPE_CLASSES] = "classes",
		[BATON_SHAPE_ESCALATION] = "rules", [BATON_SHAPE_DESK] = "queues",
		[BATON_SHAPE_MODES] = "modes",      [BATON_SHAPE_BUDGETS] = "accounts",
		[BATON_SHAPE_IDENTITY] = "keys",    [BATON_SHAPE_GUARDS] = "guards",
		[BATON_SHAPE_TOOLS] = "tools",
	};

	void *into = file->kind == BATON_SHAPE_GUARDS ? (void *)&load->guards : load->policy;

	baton_schema_read(&load->reader, baton_shape_files[file->kind].shape, file->root, into);
	load->policy->guards = load->guards.guards;
	load->policy->n_guards = load->guards.n_guards;
	if (list_keys[file->kind])
		load->lists[file->kind] = baton_yaml_get(file->root, list_keys[file->kind]);
	if (file->kind == BATON_SHAPE_DESK)
		load->agents = baton_yaml_get(file->root, "agents");
}

/* Intents of all files become one array. */
static void intents_read(struct baton_load *load, struct baton_load_file *file)
{
	struct baton_policy *policy = load->policy;
	struct baton_intents_file into = { 0 };
	const struct baton_yaml *list = baton_yaml_get(file->root, "intents");

	baton_schema_read(&load->reader, baton_shape_files[file->kind].shape, file->root, &into);
	if (into.n_intents == 0)
		return;
	size_t n = policy->n_intents + into.n_intents;
	struct baton_intent_def *all = baton_arena_alloc(&policy->arena, n * sizeof(*all));
	const struct baton_yaml **nodes = baton_arena_alloc(&load->scratch, n * sizeof(*nodes));
	for (size_t i = 0; i < policy->n_intents; i++) {
		all[i] = policy->intents[i];
		nodes[i] = load->intent_nodes[i];
	}
	for (size_t i = 0; i < into.n_intents; i++) {
		all[policy->n_intents + i] = into.intents[i];
		nodes[policy->n_intents + i] = list->items[i].value;
	}
	policy->intents = all;
	policy->n_intents = n;
	load->intent_nodes = nodes;
}

/* "knowledge/returns.md" -> "returns"; an error if that is no name. */
static const char *file_stem(struct baton_load *load, const struct baton_load_file *file)
{
	const char *name = strchr(file->source->name, '/') + 1;
	size_t n = strlen(name) - strlen(baton_shape_files[file->kind].ends);

	for (size_t i = 0; i < n; i++) {
		if (strchr("abcdefghijklmnopqrstuvwxyz0123456789-_.", name[i]) &&
		    n <= BATON_NAME_BYTES_MAX)
			continue;
		baton_finding_error(
			&load->findings, baton_policy_source_whole(file->source),
			"the file's name must be small letters, digits and dashes; at most %d",
			(int)BATON_NAME_BYTES_MAX);
		break;
	}
	return baton_arena_dup(&load->policy->arena, name, n);
}

static void prompt_read(struct baton_load *load, struct baton_load_file *file)
{
	struct baton_policy *policy = load->policy;
	struct baton_prompt_def *prompt = &policy->prompts[policy->n_prompts++];

	prompt->name = file_stem(load, file);
	prompt->text = baton_arena_dup(&policy->arena, file->source->text, file->source->n);
	baton_load_version(file->source, prompt->version);
	if (strspn(prompt->text, " \t\r\n") == file->source->n)
		baton_finding_error(&load->findings, baton_policy_source_whole(file->source),
				    "this prompt is empty");
}

static void drill_read(struct baton_load *load, struct baton_load_file *file)
{
	struct baton_policy *policy = load->policy;

	load->drill_files[policy->n_drills] = file;
	baton_schema_read(&load->reader, baton_shape_files[file->kind].shape, file->root,
			  &policy->drills[policy->n_drills++]);
}

/* --- articles: front matter between two lines of ---, then Markdown --- */

static bool is_fence(const struct baton_policy_source *source, size_t line)
{
	size_t from = source->lines[line];
	size_t to = line + 1 < source->n_lines ? source->lines[line + 1] : source->n;

	while (to > from && strchr(" \t\r\n", source->text[to - 1]))
		to--;
	return to - from == 3 && memcmp(source->text + from, "---", 3) == 0;
}

static void article_body(struct baton_load *load, struct baton_load_file *file, size_t from,
			 struct baton_article *article)
{
	const struct baton_policy_source *source = file->source;
	size_t to = source->n;

	while (from < to && strchr(" \t\r\n", source->text[from]))
		from++;
	while (to > from && strchr(" \t\r\n", source->text[to - 1]))
		to--;
	if (from == to)
		baton_finding_error(&load->findings, baton_policy_source_whole(file->source),
				    "this article says nothing below its front matter");
	article->text = baton_arena_dup(&load->policy->arena, source->text + from, to - from);
}

static void article_read(struct baton_load *load, struct baton_load_file *file)
{
	struct baton_policy_source *source = file->source;
	struct baton_article *article = &load->articles[load->n_articles];
	size_t line = 1;

	while (line < source->n_lines && !is_fence(source, line))
		line++;
	if (!is_fence(source, 0) || line >= source->n_lines) {
		baton_finding_error(
			&load->findings, baton_policy_source_place(source, 0, 1),
			"an article begins with a line of ---, its title and the date it was "
			"updated, and another line of ---");
		return;
	}
	file->root = baton_yaml_load(source, source->lines[line], &load->scratch, &load->findings);
	if (!file->root)
		return;
	baton_schema_read(&load->reader, baton_shape_files[file->kind].shape, file->root, article);
	article->id = file_stem(load, file);
	if (!article->uri)
		article->uri =
			baton_arena_dup(&load->policy->arena, source->name, strlen(source->name));
	article_body(load, file, line + 1 < source->n_lines ? source->lines[line + 1] : source->n,
		     article);
	if (article->valid_until && article->updated &&
	    strcmp(article->valid_until, article->updated) < 0)
		baton_finding_error(&load->findings, baton_load_place(file->root, "valid_until"),
				    "it ends before it was updated (%s)", article->updated);
	load->article_files[load->n_articles++] = file;
}

/* --- all files --- */

static void file_parse(struct baton_load *load, struct baton_load_file *file)
{
	if (file->source->broken)
		return;
	if (file->kind == BATON_SHAPE_PROMPTS) {
		prompt_read(load, file);
		return;
	}
	if (file->kind == BATON_SHAPE_KNOWLEDGE) {
		article_read(load, file);
		return;
	}
	file->root =
		baton_yaml_load(file->source, file->source->n, &load->scratch, &load->findings);
	if (!file->root)
		load->broken[file->kind] = true;
	else if (file->kind == BATON_SHAPE_INTENTS)
		intents_read(load, file);
	else if (file->kind == BATON_SHAPE_DRILLS)
		drill_read(load, file);
	else
		root_read(load, file);
}

static const char *or_else(const char *text, const char *otherwise)
{
	return text ? text : otherwise;
}

static void complete_mode(struct baton_mode_def *mode)
{
	mode->enter_when = or_else(mode->enter_when, "");
	mode->recover_when = or_else(mode->recover_when, "");
	mode->trigger = or_else(mode->trigger,
				baton_trigger_name(mode->enter_when[0] ? BATON_TRIGGER_CONDITION
								       : BATON_TRIGGER_DECLARED));
	mode->say = or_else(mode->say, "");
	mode->queue = or_else(mode->queue, "");
	mode->template_ = or_else(mode->template_, "");
}

static void complete_talk(struct baton_drill_talk *talk)
{
	talk->intent = or_else(talk->intent, "");
	talk->tier = or_else(talk->tier, "");
	if (talk->expect.outcomes == 0)
		talk->expect.outcomes = BATON_DRILL_ANY;
	if (talk->degraded.outcomes == 0)
		talk->degraded.outcomes = talk->expect.outcomes;
	if (talk->degraded.within_ms == 0)
		talk->degraded.within_ms = talk->expect.within_ms;
}

/* Defaults that hang on another field. */
static void complete(struct baton_load *load)
{
	struct baton_policy *policy = load->policy;

	for (size_t i = 0; i < policy->n_targets; i++) {
		struct baton_target *target = &policy->targets[i];

		target->account = or_else(target->account, target->provider);
		target->prompt = or_else(target->prompt, "");
		target->model = or_else(target->model, "");
		target->region = or_else(target->region, "");
		target->substitute = or_else(target->substitute, "");
		if (!baton_yaml_get(baton_load_entry(load->lists[BATON_SHAPE_TARGETS], i),
				    "temperature"))
			target->temperature_milli = -1;
	}
	for (size_t i = 0; i < policy->n_queues; i++)
		policy->queues[i].title = or_else(policy->queues[i].title, policy->queues[i].name);
	for (size_t i = 0; i < policy->n_agents; i++)
		policy->agents[i].secret = or_else(policy->agents[i].secret, "");
	for (size_t i = 0; i < policy->n_modes; i++)
		complete_mode(&policy->modes[i]);
	for (size_t i = 0; i < policy->n_drills; i++)
		for (size_t j = 0; j < policy->drills[i].n_talks; j++)
			complete_talk(&policy->drills[i].talks[j]);
	for (size_t i = 0; i < policy->n_rules; i++)
		policy->rules[i].queue = or_else(policy->rules[i].queue, "");
	for (size_t i = 0; i < load->n_articles; i++) {
		load->articles[i].valid_until = or_else(load->articles[i].valid_until, "");
		load->articles[i].language = or_else(load->articles[i].language, "");
	}
}

void baton_load_trees(struct baton_load *load)
{
	struct baton_policy *policy = load->policy;
	size_t n = load->n_files;

	/* At most as many of each as there are files. */
	policy->prompts = baton_arena_alloc(&policy->arena, n * sizeof(*policy->prompts) + 1);
	load->articles = baton_arena_alloc(&load->scratch, n * sizeof(*load->articles) + 1);
	load->article_files =
		baton_arena_alloc(&load->scratch, n * sizeof(*load->article_files) + 1);
	policy->drills = baton_arena_alloc(&policy->arena, n * sizeof(*policy->drills) + 1);
	load->drill_files = baton_arena_alloc(&load->scratch, n * sizeof(*load->drill_files) + 1);
	/* What a set has without these files; without alerts.yaml there is no alert. */
	baton_schema_defaults(&load->reader, &baton_shape_channel, policy);
	baton_schema_defaults(&load->reader, &baton_shape_identity, policy);
	baton_schema_defaults(&load->reader, &baton_shape_budgets, policy);
	baton_schema_defaults(&load->reader, &baton_shape_releases, policy);
	for (size_t i = 0; i < n; i++)
		file_parse(load, &load->files[i]);
	complete(load);
	load->n_routes_written = policy->n_routes;
}

/* What every turn asks for. */
static void look_up(struct baton_policy *policy)
{
	for (size_t i = 0; i < policy->n_targets; i++) {
		struct baton_target *target = &policy->targets[i];

		target->words = baton_policy_prompt_for(policy, target->prompt, target->name);
	}
}

static int load_run(struct baton_load *load)
{
	int rc = baton_load_files(load);

	if (rc < 0)
		return rc;
	baton_load_sha256(load);
	baton_load_trees(load);
	baton_check_names(load);
	baton_check_slots(load);
	baton_check_desk(load);
	baton_check_rules(load);
	baton_check_modes(load);
	baton_check_tool_defs(load);
	baton_check_routes(load);
	baton_check_tool_use(load);
	baton_check_stand_ins(load);
	baton_check_reach(load);
	baton_check_fit(load);
	baton_check_money(load);
	baton_check_drills(load);
	baton_check_releases(load);
	baton_check_identity(load);
	baton_check_guards(load);
	look_up(load->policy);
	/* Last: it adds nothing but trouble to a set that is refused already. */
	if (load->findings.n_errors == 0)
		baton_load_configs(load);
	return load->findings.n_errors > 0 ? BATON_E_POLICY : 0;
}

int baton_policy_load(const char *path, baton_policy_report *report, void *ud,
		      struct baton_policy **ret_policy)
{
	struct baton_policy *policy = baton_new(struct baton_policy);
	struct baton_load load = { .policy = policy };
	char real[PATH_MAX];
	int rc = BATON_E_IO;

	load.findings.arena = &load.scratch;
	load.reader = (struct baton_reader){ &policy->arena, &load.findings };
	if (realpath(path, real)) {
		policy->path = baton_arena_dup(&policy->arena, real, strlen(real));
		rc = load_run(&load);
	}
	baton_findings_report(&load.findings, report, ud);
	baton_findings_done(&load.findings);
	baton_free(load.files);
	baton_arena_done(&load.scratch);
	if (rc == 0)
		*ret_policy = policy;
	else
		baton_policy_free(&policy);
	return rc;
}
