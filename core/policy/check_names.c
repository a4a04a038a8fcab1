/* SPDX-License-Identifier: Apache-2.0 */

/* Proofs about names: each is used once, and what refers to another thing finds it. Every sentence
 * about an unknown name offers the nearest known one.
 */

#include "core/policy/load.h"

#include "core/base/limits.h"
#include "core/policy/nearest.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define NAMED(array_, what_, kind_)                                            \
	((struct baton_named){ load->policy->array_, load->policy->n_##array_, \
			       sizeof(load->policy->array_[0]), what_, kind_ })

struct baton_named baton_named_modules(const struct baton_load *load)
{
	return NAMED(modules, "module", BATON_SHAPE_MODULES);
}

struct baton_named baton_named_targets(const struct baton_load *load)
{
	return NAMED(targets, "target", BATON_SHAPE_TARGETS);
}

struct baton_named baton_named_classes(const struct baton_load *load)
{
	return NAMED(classes, "class", BATON_SHAPE_CLASSES);
}

struct baton_named baton_named_intents(const struct baton_load *load)
{
	return NAMED(intents, "intent", BATON_SHAPE_INTENTS);
}

struct baton_named baton_named_queues(const struct baton_load *load)
{
	return NAMED(queues, "queue", BATON_SHAPE_DESK);
}

struct baton_named baton_named_prompts(const struct baton_load *load)
{
	return NAMED(prompts, "prompt", BATON_SHAPE_PROMPTS);
}

struct baton_named baton_named_modes(const struct baton_load *load)
{
	return NAMED(modes, "mode", BATON_SHAPE_MODES);
}

struct baton_named baton_named_tools(const struct baton_load *load)
{
	return NAMED(tools, "tool", BATON_SHAPE_TOOLS);
}

static const char *named_at(struct baton_named named, size_t i)
{
	const char *name;

	memcpy(&name, (const char *)named.v + i * named.size, sizeof(name));
	return name;
}

int baton_named_find(struct baton_named named, const char *name)
{
	for (size_t i = 0; i < named.n && name; i++) {
		const char *here = named_at(named, i);

		if (here && strcmp(here, name) == 0)
			return (int)i;
	}
	return -1;
}

static void unknown_name(struct baton_load *load, struct baton_named named, const char *name,
			 struct baton_place place, const char *const *words)
{
	struct baton_nearest nearest = baton_nearest_to(baton_str_of(name));

	if (load->broken[named.kind])
		return;
	for (size_t i = 0; i < named.n; i++)
		baton_nearest_try(&nearest, named_at(named, i));
	for (; words && *words; words++)
		baton_nearest_try(&nearest, *words);
	if (nearest.name)
		baton_finding_error(&load->findings, place,
				    "there is no %s `%s`, did you mean `%s`?", named.what, name,
				    nearest.name);
	else
		baton_finding_error(&load->findings, place, "there is no %s `%s`", named.what,
				    name);
}

int baton_named_expect(struct baton_load *load, struct baton_named named, const char *name,
		       struct baton_place place)
{
	int index = baton_named_find(named, name);

	if (index < 0 && name)
		unknown_name(load, named, name, place, NULL);
	return index;
}

int baton_named_or_word(struct baton_load *load, struct baton_named named,
			const struct baton_yaml *name, const char *const *words)
{
	if (!name || name->kind != BATON_YAML_STRING)
		return -1;
	for (size_t i = 0; words && words[i]; i++)
		if (baton_str_is(name->text, words[i]))
			return BATON_NAMED_WORD;
	int index = baton_named_find(named, name->text.p);
	if (index < 0)
		unknown_name(load, named, name->text.p, name->place, words);
	return index;
}

int baton_named_at(struct baton_load *load, struct baton_named named, const struct baton_yaml *name)
{
	return baton_named_or_word(load, named, name, NULL);
}

void baton_named_each(struct baton_load *load, const struct baton_yaml *map, const char *key,
		      struct baton_named named)
{
	const struct baton_yaml *list = baton_yaml_get(map, key);

	for (size_t i = 0; list && list->kind == BATON_YAML_LIST && i < list->n; i++)
		baton_named_at(load, named, list->items[i].value);
}

const struct baton_yaml *baton_load_entry(const struct baton_yaml *list, size_t i)
{
	return list && list->kind == BATON_YAML_LIST && i < list->n ? list->items[i].value : NULL;
}

struct baton_place baton_load_place(const struct baton_yaml *map, const char *key)
{
	const struct baton_yaml *value = baton_yaml_get(map, key);

	return value ? value->place : map->place;
}

/* --- each name once --- */

struct seen {
	baton_str text;
	const struct baton_yaml *node;
	size_t owner; /* of an example: its intent */
};

static int fold_compare(baton_str a, baton_str b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int order = n ? strncasecmp(a.p, b.p, n) : 0;

	return order != 0 ? order : a.n < b.n ? -1 : a.n > b.n;
}

static int seen_compare(const void *a, const void *b)
{
	const struct seen *x = a, *y = b;
	int order = fold_compare(x->text, y->text);

	if (order == 0)
		order = strcmp(x->node->place.source->name, y->node->place.source->name);
	if (order != 0)
		return order;
	return x->node->from < y->node->from ? -1 : x->node->from > y->node->from;
}

/* "line 4" or "routes.yaml:4", whichever says enough. */
static const char *whereabouts(struct baton_load *load, const struct baton_yaml *of,
			       const struct baton_yaml *from)
{
	char text[256];

	if (of->place.source == from->place.source)
		snprintf(text, sizeof(text), "line %u", of->place.line);
	else
		snprintf(text, sizeof(text), "%s:%u", of->place.source->name, of->place.line);
	return baton_arena_dup(&load->scratch, text, strlen(text));
}

static void check_unique(struct baton_load *load, struct seen *seen, size_t n, const char *what)
{
	qsort(seen, n, sizeof(*seen), seen_compare);
	for (size_t i = 1; i < n; i++) {
		if (!baton_str_eq(seen[i - 1].text, seen[i].text))
			continue;
		baton_finding_error(&load->findings, seen[i].node->place,
				    "the %s `%s` stands in %s already", what,
				    baton_finding_word(&load->findings, seen[i].text),
				    whereabouts(load, seen[i - 1].node, seen[i].node));
	}
}

static void seen_add(struct seen *seen, size_t *n, const struct baton_yaml *map, const char *key)
{
	const struct baton_yaml *value = baton_yaml_get(map, key);

	if (value && value->kind == BATON_YAML_STRING)
		seen[(*n)++] = (struct seen){ .text = value->text, .node = value };
}

static void check_list_unique(struct baton_load *load, const struct baton_yaml *list,
			      const char *key, const char *what)
{
	size_t n = 0;

	if (!list || list->kind != BATON_YAML_LIST || list->n == 0)
		return;
	struct seen *seen = baton_arena_alloc(&load->scratch, list->n * sizeof(*seen));
	for (size_t i = 0; i < list->n; i++)
		seen_add(seen, &n, list->items[i].value, key);
	check_unique(load, seen, n, what);
}

static void check_desk_unique(struct baton_load *load)
{
	for (size_t i = 0; i < load->n_files; i++) {
		const struct baton_yaml *root = load->files[i].root;

		if (load->files[i].kind != BATON_SHAPE_DESK)
			continue;
		check_list_unique(load, baton_yaml_get(root, "hours"), "name", "opening hours");
		check_list_unique(load, baton_yaml_get(root, "customer_tiers"), "name",
				  "customer tier");
		check_list_unique(load, baton_yaml_get(root, "canned"), "name", "canned text");
	}
}

static void check_all_unique(struct baton_load *load)
{
	size_t n = 0, n_intents = load->policy->n_intents;
	struct seen *seen = baton_arena_alloc(&load->scratch, n_intents * sizeof(*seen) + 1);

	check_list_unique(load, load->lists[BATON_SHAPE_MODULES], "name", "module");
	check_list_unique(load, load->lists[BATON_SHAPE_TARGETS], "name", "target");
	check_list_unique(load, load->lists[BATON_SHAPE_CLASSES], "name", "class");
	check_list_unique(load, load->lists[BATON_SHAPE_ROUTES], "intent", "route for");
	check_list_unique(load, load->lists[BATON_SHAPE_ESCALATION], "id", "rule");
	check_list_unique(load, load->lists[BATON_SHAPE_DESK], "name", "queue");
	check_list_unique(load, load->lists[BATON_SHAPE_MODES], "name", "mode");
	check_list_unique(load, load->lists[BATON_SHAPE_TOOLS], "name", "tool");
	check_list_unique(load, load->lists[BATON_SHAPE_BUDGETS], "account", "budget of account");
	check_list_unique(load, load->agents, "id", "agent");
	check_list_unique(load, load->agents, "secret", "secret");
	check_desk_unique(load);
	for (size_t i = 0; i < n_intents; i++)
		seen_add(seen, &n, load->intent_nodes[i], "name");
	check_unique(load, seen, n, "intent");
}

/* --- intents and their examples --- */

static size_t examples_of(const struct baton_yaml *intent, const struct baton_yaml **ret_list)
{
	const struct baton_yaml *list = baton_yaml_get(intent, "examples");

	*ret_list = list;
	return list && list->kind == BATON_YAML_LIST ? list->n : 0;
}

/* The same words under two intents teach the classifier nothing but doubt. */
static void check_examples(struct baton_load *load)
{
	struct baton_policy *policy = load->policy;
	const struct baton_yaml *list;
	size_t n = 0, all = 0;

	for (size_t i = 0; i < policy->n_intents; i++)
		all += examples_of(load->intent_nodes[i], &list);
	struct seen *seen = baton_arena_alloc(&load->scratch, all * sizeof(*seen) + 1);
	for (size_t i = 0; i < policy->n_intents; i++) {
		size_t n_here = examples_of(load->intent_nodes[i], &list);

		for (size_t j = 0; j < n_here; j++)
			if (list->items[j].value->kind == BATON_YAML_STRING)
				seen[n++] = (struct seen){ list->items[j].value->text,
							   list->items[j].value, i };
	}
	qsort(seen, n, sizeof(*seen), seen_compare);
	for (size_t i = 1; i < n; i++) {
		const char *other = policy->intents[seen[i - 1].owner].name;
		const char *where = whereabouts(load, seen[i - 1].node, seen[i].node);

		if (fold_compare(seen[i - 1].text, seen[i].text) != 0)
			continue;
		if (seen[i - 1].owner == seen[i].owner)
			baton_finding_warning(&load->findings, seen[i].node->place,
					      "this example stands in %s already", where);
		else
			baton_finding_warning(&load->findings, seen[i].node->place,
					      "this example stands under `%s`, too (%s)",
					      other ? other : "?", where);
	}
}

static void check_intents(struct baton_load *load)
{
	struct baton_policy *policy = load->policy;

	for (size_t i = 0; i < policy->n_intents; i++) {
		const struct baton_intent_def *intent = &policy->intents[i];
		const struct baton_yaml *node = load->intent_nodes[i], *list;
		size_t n = examples_of(node, &list);

		baton_named_expect(load, baton_named_classes(load), intent->class_name,
				   baton_load_place(node, "class"));
		if (intent->name && strcmp(intent->name, "default") == 0)
			baton_finding_error(&load->findings, baton_load_place(node, "name"),
					    "`default` is the route of all other intents: choose "
					    "another name");
		if (n < 2 && !intent->internal && node->kind == BATON_YAML_MAP)
			baton_finding_error(
				&load->findings, baton_load_place(node, "name"),
				"an intent needs at least two examples, this one has %zu", n);
		if (intent->internal && intent->tier == BATON_TIER_AUTOMATED)
			baton_proof_broken(
				&load->findings, BATON_PROOF_INTERNAL_QUIET,
				baton_load_place(node, "tier"),
				"`%s` is for agents: in tier 1 it would be said to a customer at "
				"once; 2 is a draft that an agent reads, 3 is no model at all",
				intent->name ? intent->name : "?");
		if (n > 0 && intent->internal)
			baton_finding_warning(
				&load->findings, baton_load_place(node, "examples"),
				"nobody looks for an internal intent: the examples are "
				"not used");
	}
}

/* --- modules, targets, classes, desk --- */

static bool is_kind(const struct baton_policy_module *module, const char *kind)
{
	return module->kind && strcmp(module->kind, kind) == 0;
}

static void check_modules(struct baton_load *load)
{
	for (size_t i = 0; i < load->policy->n_modules; i++) {
		const struct baton_policy_module *module = &load->policy->modules[i];
		const struct baton_yaml *node =
			baton_load_entry(load->lists[BATON_SHAPE_MODULES], i);
		const struct baton_yaml *config = baton_yaml_get(node, "config");

		if (module->knowledge && !is_kind(module, "retriever") &&
		    !is_kind(module, "provider"))
			baton_finding_error(
				&load->findings, baton_load_place(node, "knowledge"),
				"only a retriever or a provider can be given the articles");
		if (baton_yaml_get(config, "policy"))
			baton_finding_error(
				&load->findings, baton_yaml_key(config, "policy")->place,
				"`policy` is what the server adds to a module's config: "
				"choose another key");
	}
}

static bool has_module(const struct baton_load *load, const char *kind)
{
	for (size_t i = 0; i < load->policy->n_modules; i++)
		if (is_kind(&load->policy->modules[i], kind))
			return true;
	return load->broken[BATON_SHAPE_MODULES];
}

static void check_kinds(struct baton_load *load)
{
	const struct baton_yaml *rules = load->lists[BATON_SHAPE_ESCALATION];

	if (load->policy->n_rules > 0 && !has_module(load, "rule"))
		baton_finding_error(&load->findings, rules->place,
				    "modules.yaml has no module of kind rule: nothing would ask "
				    "these rules");
	if (load->policy->n_intents > 0 && !has_module(load, "classifier"))
		baton_finding_warning(&load->findings, load->intent_nodes[0]->place,
				      "modules.yaml has no classifier: every message takes the "
				      "default route");
}

static void check_targets(struct baton_load *load)
{
	struct baton_policy *policy = load->policy;

	for (size_t i = 0; i < policy->n_targets; i++) {
		const struct baton_target *target = &policy->targets[i];
		const struct baton_yaml *node =
			baton_load_entry(load->lists[BATON_SHAPE_TARGETS], i);
		int module = baton_named_expect(load, baton_named_modules(load), target->provider,
						baton_load_place(node, "provider"));

		if (module >= 0 && policy->modules[module].kind &&
		    !is_kind(&policy->modules[module], "provider"))
			baton_finding_error(&load->findings, baton_load_place(node, "provider"),
					    "`%s` is a %s, not a provider", target->provider,
					    policy->modules[module].kind);
		if (target->prompt[0])
			baton_named_expect(load, baton_named_prompts(load), target->prompt,
					   baton_load_place(node, "prompt"));
		if (target->substitute[0])
			baton_named_expect(load, baton_named_targets(load), target->substitute,
					   baton_load_place(node, "substitute"));
	}
}

static void check_class(struct baton_load *load, size_t i)
{
	struct baton_class *class_ = &load->policy->classes[i];
	const struct baton_yaml *node = baton_load_entry(load->lists[BATON_SHAPE_CLASSES], i);
	int mode = baton_named_at(load, baton_named_modes(load), baton_yaml_get(node, "mode"));

	class_->mode = mode < 0 ? NULL : &load->policy->modes[mode];
	baton_named_each(load, node, "approved", baton_named_targets(load));
	baton_named_each(load, node, "needs", baton_named_modules(load));
	baton_named_each(load, node, "unattended", baton_named_tools(load));
}

static void check_desk(struct baton_load *load)
{
	const struct baton_policy *policy = load->policy;
	struct baton_named queues = baton_named_queues(load);

	for (size_t i = 0; i < policy->n_classes; i++)
		check_class(load, i);
	for (size_t i = 0; i < policy->n_agents; i++)
		baton_named_each(load, baton_load_entry(load->agents, i), "queues", queues);
	for (size_t i = 0; i < load->n_files; i++)
		if (load->files[i].kind == BATON_SHAPE_DESK && policy->n_queues > 0)
			baton_named_expect(load, queues, policy->default_queue,
					   baton_load_place(load->files[i].root, "default_queue"));
}

/* It is found all the same, and marked; who looks at the set should know. */
static void check_dates(struct baton_load *load)
{
	char today[16] = "";
	time_t now = time(NULL);
	struct tm tm;

	if (gmtime_r(&now, &tm))
		(void)strftime(today, sizeof(today), "%Y-%m-%d", &tm);
	for (size_t i = 0; i < load->n_articles; i++) {
		const struct baton_article *a = &load->articles[i];

		if (a->valid_until[0] && a->updated && strcmp(a->valid_until, today) < 0 &&
		    strcmp(a->valid_until, a->updated) >= 0)
			baton_finding_warning(
				&load->findings,
				baton_load_place(load->article_files[i]->root, "valid_until"),
				"this article is past its date: answers that rest on it are marked "
				"as stale");
	}
}

static void check_articles(struct baton_load *load)
{
	for (size_t i = 0; i < load->n_files; i++)
		if (load->files[i].kind == BATON_SHAPE_KNOWLEDGE)
			baton_named_each(load, load->files[i].root, "intents",
					 baton_named_intents(load));
	check_dates(load);
}

void baton_check_names(struct baton_load *load)
{
	check_all_unique(load);
	check_modules(load);
	check_kinds(load);
	check_targets(load);
	check_intents(load);
	check_examples(load);
	check_desk(load);
	check_articles(load);
	baton_check_variants(load);
}
