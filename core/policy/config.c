/* SPDX-License-Identifier: Apache-2.0 */

/* What each module is told: the `config` of its entry, and what its kind needs of the set.
 * Built once; modules get the text. */

#include "core/policy/load.h"

#include <math.h>
#include <stdlib.h>

/* Calls itself as deep as the tree is, which yaml.c bounds by BATON_POLICY_DEPTH_MAX. */
json_t *baton_load_json(struct baton_load *load, const struct baton_yaml *node)
{
	json_t *json;

	switch (node->kind) {
	case BATON_YAML_NULL:
		return json_null();
	case BATON_YAML_BOOL:
		return json_boolean(node->b);
	case BATON_YAML_INT:
		return json_integer(node->i);
	case BATON_YAML_FLOAT:
		if (isfinite(node->d))
			return json_real(node->d);
		baton_finding_error(&load->findings, node->place,
				    "a module cannot be told this number");
		return json_null();
	case BATON_YAML_STRING:
		return json_stringn(node->text.p, node->text.n);
	case BATON_YAML_LIST:
		json = json_array();
		for (size_t i = 0; i < node->n; i++)
			json_array_append_new(json, baton_load_json(load, node->items[i].value));
		return json;
	case BATON_YAML_MAP:
		json = json_object();
		for (size_t i = 0; i < node->n; i++)
			json_object_setn_new(json, node->items[i].key->text.p,
					     node->items[i].key->text.n,
					     baton_load_json(load, node->items[i].value));
		return json;
	}
	return json_null();
}

const char *baton_load_json_text(struct baton_load *load, const json_t *json)
{
	char *text = json_dumps(json, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
	const char *kept = baton_arena_dup(&load->policy->arena, text, strlen(text));

	free(text); /* jansson's own allocation */
	return kept;
}

static json_t *strings(const char *const *v, size_t n)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, json_string(v[i]));
	return list;
}

static json_t *slots(const struct baton_intent_def *intent)
{
	json_t *list = json_array();

	for (size_t i = 0; i < intent->n_slots; i++) {
		const struct baton_slot_def *slot = &intent->slots[i];

		json_array_append_new(list,
				      json_pack("{s:s, s:s, s:s, s:o}", "name", slot->name, "type",
						slot->type, "pattern", slot->pattern, "words",
						strings(slot->words, slot->n_words)));
	}
	return list;
}

static json_t *intents(const struct baton_policy *policy)
{
	json_t *list = json_array();

	for (size_t i = 0; i < policy->n_intents; i++) {
		const struct baton_intent_def *intent = &policy->intents[i];

		if (intent->internal)
			continue;
		json_t *json = json_pack("{s:s, s:I, s:I, s:o}", "name", intent->name, "tier",
					 (json_int_t)intent->tier, "min_confidence_ppm",
					 (json_int_t)intent->min_confidence_ppm, "examples",
					 strings(intent->examples, intent->n_examples));
		if (intent->n_slots > 0)
			json_object_set_new(json, "slots", slots(intent));
		json_array_append_new(list, json);
	}
	return list;
}

static json_t *rules(const struct baton_policy *policy)
{
	json_t *list = json_array();

	for (size_t i = 0; i < policy->n_rules; i++) {
		const struct baton_rule_def *rule = &policy->rules[i];

		json_array_append_new(list,
				      json_pack("{s:s, s:s, s:s, s:s, s:s, s:I, s:s, s:b}", "id",
						rule->id, "stage", rule->stage, "when", rule->when,
						"action", rule->action, "queue", rule->queue,
						"priority", (json_int_t)rule->priority, "reason",
						rule->reason, "reversible", rule->reversible));
	}
	return list;
}

/* What is written for agents is found by retrievers alone: what they find passes the core, which
 * knows whom the answer is for. A provider that reads articles by itself would not. */
static json_t *for_customers(json_t *all)
{
	json_t *list = json_array(), *article;
	size_t i;

	json_array_foreach(all, i, article) {
		const char *audience = json_string_value(json_object_get(article, "audience"));

		if (strcmp(audience, "customers") == 0)
			json_array_append(list, article);
	}
	return list;
}

static json_t *articles(const struct baton_load *load)
{
	json_t *list = json_array();

	for (size_t i = 0; i < load->n_articles; i++) {
		const struct baton_article *a = &load->articles[i];

		json_array_append_new(
			list,
			json_pack("{s:s, s:s, s:o, s:o, s:s, s:s, s:s, s:s, s:s, s:s}", "id", a->id,
				  "title", a->title, "also", strings(a->also, a->n_also), "intents",
				  strings(a->intents, a->n_intents), "audience", a->audience,
				  "language", a->language, "text", a->text, "updated", a->updated,
				  "valid_until", a->valid_until, "uri", a->uri));
	}
	return list;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Files come sorted; what is looked up by halving is sorted by ourselves all the same. */
static void agents_only(const struct baton_load *load, struct baton_policy *policy)
{
	policy->agents_only = baton_arena_alloc(
		&policy->arena, (load->n_articles + 1) * sizeof(*policy->agents_only));
	for (size_t i = 0; i < load->n_articles; i++)
		if (strcmp(load->articles[i].audience, "agents") == 0)
			policy->agents_only[policy->n_agents_only++] = load->articles[i].id;
	qsort(policy->agents_only, policy->n_agents_only, sizeof(*policy->agents_only), by_name);
}

/* JSON that is the set's own is copied: references of jansson are not counted atomically. */
static json_t *copy_of(json_t *json)
{
	return json ? json_deep_copy(json) : json_null();
}

/* Its module's part of a tool: what it performs. */
static json_t *tool(const struct baton_tool_def *def)
{
	return json_pack("{s:s, s:s, s:s, s:b, s:b, s:I, s:o, s:o, s:s, s:o}", "name", def->name,
			 "title", def->title, "description", def->description, "writes",
			 def->writes, "idempotent", def->idempotent, "timeout_ms",
			 (json_int_t)def->timeout_ms, "arguments", copy_of(def->arguments),
			 "result", copy_of(def->result), "answer", def->answer, "config",
			 copy_of(def->config));
}

/* `module` NULL: all of them. */
static json_t *tools(const struct baton_policy *policy, const char *module)
{
	json_t *list = json_array();

	for (size_t i = 0; i < policy->n_tools; i++)
		if (!module || strcmp(policy->tools[i].module, module) == 0)
			json_array_append_new(list, tool(&policy->tools[i]));
	return list;
}

static json_t *policy_part(const struct baton_policy *policy,
			   const struct baton_policy_module *module)
{
	if (strcmp(module->kind, "classifier") == 0)
		return json_pack("{s:o}", "intents", intents(policy));
	if (strcmp(module->kind, "rule") == 0)
		return json_pack("{s:o}", "rules", rules(policy));
	if (strcmp(module->kind, "tool") == 0)
		return json_pack("{s:o}", "tools", tools(policy, module->name));
	if (strcmp(module->kind, "guard") == 0)
		return policy->guards_json ? json_incref(policy->guards_json) : json_object();
	if (module->knowledge && strcmp(module->kind, "provider") == 0)
		return json_pack("{s:o, s:o}", "articles", for_customers(policy->articles), "tools",
				 tools(policy, NULL));
	if (module->knowledge)
		return json_pack("{s:O}", "articles", policy->articles);
	return NULL;
}

void baton_load_configs(struct baton_load *load)
{
	struct baton_policy *policy = load->policy;

	policy->articles = articles(load);
	agents_only(load, policy);
	for (size_t i = 0; i < load->n_files; i++)
		if (load->files[i].kind == BATON_SHAPE_GUARDS && load->files[i].root)
			policy->guards_json = baton_load_json(load, load->files[i].root);
	for (size_t i = 0; i < policy->n_modules; i++) {
		struct baton_policy_module *module = &policy->modules[i];
		const struct baton_yaml *node =
			baton_load_entry(load->lists[BATON_SHAPE_MODULES], i);
		const struct baton_yaml *config = baton_yaml_get(node, "config");
		json_t *part = policy_part(policy, module);

		module->config = config ? baton_load_json(load, config) : json_object();
		if (part)
			json_object_set_new(module->config, "policy", part);
		module->config_json = baton_load_json_text(load, module->config);
		module->config_json_n = strlen(module->config_json);
	}
}
