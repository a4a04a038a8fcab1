/* SPDX-License-Identifier: Apache-2.0 */

/* Proofs about the tools themselves: each has a module that performs it, schemas that can be
 * checked, and bound arguments that exist. What routes, classes and look-ups do with them is
 * check_tool_use.c.
 */

#include "core/policy/load.h"

#include "core/policy/json_schema.h"

#include <stdlib.h>
#include <string.h>

/* What a call may be given must be an object, and nothing that is not named: what a model adds
 * to it reaches nobody. */
static void close_schema(json_t *schema)
{
	if (!json_object_get(schema, "type"))
		json_object_set_new(schema, "type", json_string("object"));
	if (!json_object_get(schema, "additionalProperties"))
		json_object_set_new(schema, "additionalProperties", json_false());
}

/* The text of the schema under `key`, "" if there is none or if it cannot be checked. */
static const char *schema_text(struct baton_load *load, const struct baton_yaml *node,
			       const char *key, const json_t *schema)
{
	const char *text;
	char why[200];

	if (!schema)
		return "";
	text = baton_load_json_text(load, schema);
	if (baton_json_schema_sound(baton_str_of(text), why, sizeof(why)) == 0)
		return text;
	baton_proof_broken(&load->findings, BATON_PROOF_TOOL_SOUND, baton_load_place(node, key),
			   "calls could not be checked against these `%s`: %s", key, why);
	return "";
}

static void read_arguments(struct baton_load *load, struct baton_tool_def *tool,
			   const struct baton_yaml *node)
{
	const struct baton_yaml *arguments = baton_yaml_get(node, "arguments");
	const struct baton_yaml *result = baton_yaml_get(node, "result");
	const char *type;

	tool->arguments = arguments && arguments->kind == BATON_YAML_MAP
				  ? baton_load_json(load, arguments)
				  : json_object();
	close_schema(tool->arguments);
	type = json_string_value(json_object_get(tool->arguments, "type"));
	if (!type || strcmp(type, "object") != 0)
		baton_proof_broken(&load->findings, BATON_PROOF_TOOL_SOUND,
				   baton_load_place(arguments, "type"),
				   "a tool is given an object: the `type` of its arguments must be "
				   "`object`");
	tool->schema_json = schema_text(load, node, "arguments", tool->arguments);
	if (result && result->kind == BATON_YAML_MAP)
		tool->result = baton_load_json(load, result);
	tool->result_json = schema_text(load, node, "result", tool->result);
}

/* --- what is bound --- */

/* Was it among those that must be there? */
static bool forget_required(json_t *schema, const char *name)
{
	json_t *required = json_object_get(schema, "required");
	bool was = false;

	for (size_t i = json_array_size(required); i > 0; i--) {
		const char *here = json_string_value(json_array_get(required, i - 1));

		if (here && strcmp(here, name) == 0) {
			json_array_remove(required, i - 1);
			was = true;
		}
	}
	return was;
}

static void bind_one(struct baton_load *load, struct baton_tool_def *tool, json_t *shown,
		     const struct baton_yaml_item *item)
{
	static const char *const sources[] = { "customer", "customer_tier", "session", "locale" };
	json_t *properties = json_object_get(shown, "properties");
	const char *argument = item->key->text.p, *from = item->value->text.p;
	size_t i = 0;

	while (i < 4 && (!from || strcmp(from, sources[i]) != 0))
		i++;
	if (i == 4) {
		baton_finding_error(&load->findings, item->value->place,
				    "an argument is bound to customer, customer_tier, session or "
				    "locale");
		return;
	}
	if (!json_object_get(properties, argument)) {
		baton_proof_broken(
			&load->findings, BATON_PROOF_TOOL_SOUND, item->key->place,
			"`%s` is bound, but is none of the tool's arguments: each call would be "
			"refused",
			baton_finding_word(&load->findings, item->key->text));
		return;
	}
	json_object_del(properties, argument);
	tool->binds[tool->n_binds++] =
		(struct baton_tool_bind){ baton_arena_dup(&load->policy->arena, argument,
							  item->key->text.n),
					  sources[i], forget_required(shown, argument) };
}

/* Models are shown the schema without what is bound. */
static void read_binds(struct baton_load *load, struct baton_tool_def *tool,
		       const struct baton_yaml *node)
{
	const struct baton_yaml *bind = baton_yaml_get(node, "bind");
	json_t *shown = json_deep_copy(tool->arguments);
	size_t n = bind && bind->kind == BATON_YAML_MAP ? bind->n : 0;

	if (n > BATON_TOOL_BINDS_MAX) {
		baton_finding_error(&load->findings, bind->place,
				    "`bind` holds more than %d entries", (int)BATON_TOOL_BINDS_MAX);
		n = 0;
	}
	tool->binds = baton_arena_alloc(&load->policy->arena, n * sizeof(*tool->binds) + 1);
	for (size_t i = 0; i < n; i++)
		bind_one(load, tool, shown, &bind->items[i]);
	tool->arguments_json = baton_load_json_text(load, shown);
	json_decref(shown);
}

/* --- who performs it, and on what terms --- */

static void check_name(struct baton_load *load, const struct baton_tool_def *tool,
		       const struct baton_yaml *node)
{
	struct baton_place place = baton_load_place(node, "name");

	if (!tool->name)
		return;
	if (strchr(tool->name, '.'))
		baton_finding_error(&load->findings, place,
				    "models cannot ask for a name with a dot: use _ or -");
	if (strcmp(tool->name, "update_plan") == 0)
		baton_finding_error(&load->findings, place,
				    "`update_plan` is a tool of Baton's own: choose another name");
}

static void check_module(struct baton_load *load, const struct baton_tool_def *tool,
			 const struct baton_yaml *node)
{
	struct baton_place place = baton_load_place(node, "module");
	int i = baton_named_expect(load, baton_named_modules(load), tool->module, place);
	const char *kind = i < 0 ? NULL : load->policy->modules[i].kind;

	if (kind && strcmp(kind, "tool") != 0)
		baton_proof_broken(&load->findings, BATON_PROOF_TOOL_SOUND, place,
				   "`%s` is a %s: it performs no tools", tool->module, kind);
}

static void read_terms(struct baton_load *load, struct baton_tool_def *tool,
		       const struct baton_yaml *node)
{
	const struct baton_yaml *approval = baton_yaml_get(node, "approval");
	const struct baton_yaml *request = baton_yaml_get(node, "request");
	const struct baton_yaml *remote = baton_yaml_get(node, "remote");
	const struct baton_yaml *config = request ? request : remote;

	tool->approval = approval ? baton_str_is(approval->text, "agent") : tool->writes;
	if (!baton_yaml_get(node, "idempotent"))
		tool->idempotent = !tool->writes;
	if (request && remote)
		baton_finding_error(&load->findings, baton_yaml_key(node, "remote")->place,
				    "`request` and `remote` are for different modules: only one");
	if (config && config->kind == BATON_YAML_MAP)
		tool->config = baton_load_json(load, config);
}

/* A provider without a model can say only what is there. */
static void check_answer(struct baton_load *load, const struct baton_tool_def *tool,
			 const struct baton_yaml *node)
{
	const json_t *known = json_object_get(tool->result, "properties");
	const char *at = tool->answer;

	while (known && at && (at = strstr(at, "{{")) != NULL) {
		const char *end = strstr(at += 2, "}}");
		size_t n = end ? strcspn(at, ".}") : 0;
		char name[BATON_NAME_BYTES_MAX + 1];

		if (n == 0 || n > BATON_NAME_BYTES_MAX)
			continue;
		memcpy(name, at, n);
		name[n] = '\0';
		if (!json_object_get(known, name))
			baton_proof_doubted(&load->findings, BATON_PROOF_TOOL_SOUND,
					    baton_load_place(node, "answer"),
					    "`result` has no member `%s`: nothing would be said",
					    name);
	}
}

void baton_check_tool_defs(struct baton_load *load)
{
	struct baton_policy *policy = load->policy;

	for (size_t i = 0; i < policy->n_tools; i++) {
		struct baton_tool_def *tool = &policy->tools[i];
		const struct baton_yaml *node = baton_load_entry(load->lists[BATON_SHAPE_TOOLS], i);

		if (!node || node->kind != BATON_YAML_MAP)
			continue;
		check_name(load, tool, node);
		check_module(load, tool, node);
		read_arguments(load, tool, node);
		read_binds(load, tool, node);
		read_terms(load, tool, node);
		check_answer(load, tool, node);
	}
}
