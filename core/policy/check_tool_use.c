/* SPDX-License-Identifier: Apache-2.0 */

/* Proofs about what routes, classes and look-ups do with tools: nothing is changed without a
 * person's leave but what a class names, what is looked up without being asked for can be, and
 * it fits into a turn.
 */

#include "core/policy/load.h"

#include "core/policy/json_schema.h"

#include <string.h>

/* One route and the class it works in. */
struct use {
	struct baton_load *load;
	const struct baton_route *route;
	const struct baton_yaml *node; /* NULL: made from the default route */
	struct baton_place place;      /* of the route, or of the intent */
};

/* --- names into pointers --- */

static const struct baton_tool_def *tool_at(struct baton_load *load, const struct baton_yaml *name)
{
	int i = baton_named_at(load, baton_named_tools(load), name);

	return i < 0 ? NULL : &load->policy->tools[i];
}

static void resolve_lookup(struct baton_load *load, struct baton_lookup_def *lookup,
			   const struct baton_yaml *node)
{
	const struct baton_yaml *arguments = baton_yaml_get(node, "arguments");

	lookup->tool = tool_at(load, baton_yaml_get(node, "tool"));
	lookup->arguments = arguments && arguments->kind == BATON_YAML_MAP
				    ? baton_load_json(load, arguments)
				    : json_object();
	lookup->arguments_json = baton_load_json_text(load, lookup->arguments);
}

void baton_resolve_tools(struct baton_load *load, struct baton_route *route,
			 const struct baton_yaml *node)
{
	const struct baton_yaml *tools = baton_yaml_get(node, "tools");
	const struct baton_yaml *lookups = baton_yaml_get(node, "lookups");
	size_t n = tools && tools->kind == BATON_YAML_LIST ? tools->n : 0;

	route->tools =
		baton_arena_alloc(&load->policy->arena, n * sizeof(struct baton_tool_def *) + 1);
	for (size_t i = 0; i < n; i++) {
		const struct baton_tool_def *tool = tool_at(load, tools->items[i].value);

		if (tool)
			route->tools[route->n_tools++] = tool;
	}
	for (size_t i = 0; i < route->n_lookups; i++)
		resolve_lookup(load, &route->lookups[i], baton_load_entry(lookups, i));
}

/* --- leave --- */

static bool names(const char *const *list, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(list[i], name) == 0)
			return true;
	return false;
}

static bool is_unattended(const struct baton_route *route, const struct baton_tool_def *tool)
{
	const struct baton_class *class_ = route->class_;

	return class_ && names(class_->unattended, class_->n_unattended, tool->name);
}

static bool needs_leave(const struct baton_route *route, const struct baton_tool_def *tool)
{
	return (route->class_ && route->class_->approve_all) ||
	       (tool->approval && !is_unattended(route, tool));
}

static struct baton_place tool_place(const struct use *use, const struct baton_tool_def *tool)
{
	const struct baton_yaml *list = use->node ? baton_yaml_get(use->node, "tools") : NULL;

	for (size_t i = 0; list && i < list->n; i++)
		if (baton_str_is(list->items[i].value->text, tool->name))
			return list->items[i].value->place;
	return use->place;
}

static void prove_leave(const struct use *use, const struct baton_tool_def *tool)
{
	const struct baton_route *route = use->route;

	if (!tool->writes || needs_leave(route, tool))
		return;
	if (!is_unattended(route, tool)) {
		baton_proof_broken(
			&use->load->findings, BATON_PROOF_TOOL_LEAVE, tool_place(use, tool),
			"nobody would be asked: for a message of `%s` a model could call `%s`, which "
			"changes something; it needs `approval: agent`, or class `%s` must name it "
			"in `unattended`",
			route->intent, tool->name, route->class_ ? route->class_->name : "?");
		return;
	}
	for (size_t i = 0; i < route->n_fallbacks && !route->disable_tools_on_fallback; i++)
		if (route->fallbacks[i]->tools)
			baton_proof_doubted(
				&use->load->findings, BATON_PROOF_TOOL_LEAVE, tool_place(use, tool),
				"with `%s` down, `%s` could call `%s` without anybody's leave: say "
				"disable_tools_on_fallback if it should not",
				route->primary ? route->primary->name : "?",
				route->fallbacks[i]->name, tool->name);
}

/* --- it can be asked for, and comes to an end in time --- */

static bool signs_for_customers(const struct baton_policy *policy)
{
	for (size_t i = 0; i < policy->identity.n_keys; i++)
		if (policy->identity.keys[i].for_ &&
		    strcmp(policy->identity.keys[i].for_, "customers") == 0)
			return true;
	return policy->identity.hash_secret && policy->identity.hash_secret[0];
}

static void prove_callable(const struct use *use, const struct baton_tool_def *tool,
			   struct baton_place place)
{
	const struct baton_route *route = use->route;

	if (tool->verified && !signs_for_customers(use->load->policy))
		baton_proof_doubted(
			&use->load->findings, BATON_PROOF_TOOL_SOUND, place,
			"`%s` is for verified customers alone, and nobody signs for any "
			"(identity.yaml): it would never be called",
			tool->name);
	if (tool->timeout_ms > route->total_ms)
		baton_proof_doubted(&use->load->findings, BATON_PROOF_TOOL_SOUND, place,
				    "`%s` may take %u ms, the whole answer only %u ms", tool->name,
				    tool->timeout_ms, route->total_ms);
}

static void prove_models(const struct use *use)
{
	const struct baton_route *route = use->route;
	struct baton_place place = use->node ? baton_load_place(use->node, "tools") : use->place;

	if (route->n_tools == 0 || !use->node)
		return;
	if (route->tier >= BATON_TIER_HUMAN)
		baton_proof_doubted(
			&use->load->findings, BATON_PROOF_TOOL_SOUND, place,
			"a route of tier 3 asks no model: nobody would ask for these tools");
	else if (route->primary && !route->primary->tools)
		baton_proof_doubted(&use->load->findings, BATON_PROOF_TOOL_SOUND, place,
				    "`%s` does not call tools (`tools: true` in targets.yaml)",
				    route->primary->name);
}

/* --- look-ups --- */

static const struct baton_intent_def *intent_of(const struct use *use)
{
	return baton_policy_intent(use->load->policy, baton_str_of(use->route->intent));
}

static bool has_slot(const struct baton_intent_def *intent, const char *name, size_t n)
{
	for (size_t i = 0; intent && i < intent->n_slots; i++)
		if (baton_str_eq(baton_str_of(intent->slots[i].name), (baton_str){ name, n }))
			return true;
	return false;
}

/* Every {{slot}} is one that the intent finds in a message. True if there is none in the text. */
static bool prove_slots(const struct use *use, const struct baton_yaml *text)
{
	const char *at = text->text.p;
	bool none = true;

	while (at && (at = strstr(at, "{{")) != NULL) {
		const char *end = strstr(at += 2, "}}");
		size_t n = end ? (size_t)(end - at) : 0;

		none = false;
		if (has_slot(intent_of(use), at, n) || use->load->broken[BATON_SHAPE_INTENTS])
			continue;
		baton_proof_broken(
			&use->load->findings, BATON_PROOF_LOOKUP_KNOWN, text->place,
			"`%s` is no slot of the intent `%s`: this call would never be made",
			baton_finding_word(&use->load->findings, (baton_str){ at, n }),
			use->route->intent);
	}
	return none;
}

static void prove_argument(const struct use *use, const struct baton_lookup_def *lookup,
			   const struct baton_yaml_item *item)
{
	struct baton_findings *findings = &use->load->findings;
	const struct baton_yaml *value = item->value;
	const json_t *schema = json_object_get(
		json_object_get(lookup->tool->arguments, "properties"), item->key->text.p);
	char why[200];

	if (value->kind > BATON_YAML_STRING || value->kind == BATON_YAML_NULL) {
		baton_finding_error(findings, value->place,
				    "what a look-up is given is text, a number, true or false");
		return;
	}
	for (size_t i = 0; i < lookup->tool->n_binds; i++)
		if (strcmp(lookup->tool->binds[i].argument, item->key->text.p) == 0)
			baton_proof_broken(findings, BATON_PROOF_LOOKUP_KNOWN, item->key->place,
					   "the tool binds `%s`: the server sets it",
					   lookup->tool->binds[i].argument);
	if (!schema) {
		baton_proof_broken(findings, BATON_PROOF_LOOKUP_KNOWN, item->key->place,
				   "`%s` has no argument `%s`: the call would be refused",
				   lookup->tool->name,
				   baton_finding_word(findings, item->key->text));
		return;
	}
	if (value->kind == BATON_YAML_STRING && !prove_slots(use, value))
		return; /* known only when a message names it */
	const char *rule = baton_load_json_text(use->load, schema);
	const char *text = baton_load_json_text(
		use->load, json_object_get(lookup->arguments, item->key->text.p));
	if (baton_json_schema_fits(baton_str_of(rule), baton_str_of(text), item->key->text.p, why,
				   sizeof(why)) == BATON_E_INVAL)
		baton_proof_broken(findings, BATON_PROOF_LOOKUP_KNOWN, value->place,
				   "the call would be refused: %s", why);
}

static void prove_required(const struct use *use, const struct baton_lookup_def *lookup,
			   const struct baton_yaml *node)
{
	const json_t *names_ = json_object_get(lookup->tool->arguments, "required");

	for (size_t i = 0; i < json_array_size(names_); i++) {
		const char *name = json_string_value(json_array_get(names_, i));
		bool given = name && json_object_get(lookup->arguments, name);

		for (size_t j = 0; j < lookup->tool->n_binds && !given; j++)
			given = strcmp(lookup->tool->binds[j].argument, name) == 0;
		if (!given)
			baton_proof_broken(
				&use->load->findings, BATON_PROOF_LOOKUP_KNOWN,
				baton_load_place(node, "arguments"),
				"`%s` needs `%s`, which is not given: the call would be refused",
				lookup->tool->name, name ? name : "?");
	}
}

/* Such a message goes to a person anyway, and with the call there is something to say yes to. */
static void prove_proposed(const struct use *use, const struct baton_lookup_def *lookup,
			   struct baton_place place)
{
	if (!needs_leave(use->route, lookup->tool))
		baton_proof_broken(
			&use->load->findings, BATON_PROOF_LOOKUP_KNOWN, place,
			"`%s` needs nobody's leave here: nothing would be left to a person",
			lookup->tool->name);
	if (use->route->tier < 2)
		baton_proof_broken(
			&use->load->findings, BATON_PROOF_LOOKUP_KNOWN, place,
			"`%s` is answered at once (tier 1), and each message of it would go to a "
			"person",
			use->route->intent);
}

static void prove_lookup(const struct use *use, const struct baton_lookup_def *lookup,
			 const struct baton_yaml *node)
{
	const struct baton_yaml *arguments = baton_yaml_get(node, "arguments");
	struct baton_place place = baton_load_place(node, "tool");

	if (!lookup->tool)
		return;
	if (lookup->propose)
		prove_proposed(use, lookup, place);
	else if (lookup->tool->writes)
		baton_proof_broken(
			&use->load->findings, BATON_PROOF_LOOKUP_KNOWN, place,
			"`%s` changes something: each message of `%s` would cause it, asked "
			"for or not",
			lookup->tool->name, use->route->intent);
	else if (needs_leave(use->route, lookup->tool))
		baton_proof_broken(
			&use->load->findings, BATON_PROOF_LOOKUP_KNOWN, place,
			"`%s` needs a person's leave here: each message of `%s` would go to "
			"a person",
			lookup->tool->name, use->route->intent);
	prove_callable(use, lookup->tool, place);
	for (size_t i = 0; arguments && arguments->kind == BATON_YAML_MAP && i < arguments->n; i++)
		prove_argument(use, lookup, &arguments->items[i]);
	prove_required(use, lookup, node);
}

static void prove_lookups(const struct use *use)
{
	const struct baton_yaml *list = use->node ? baton_yaml_get(use->node, "lookups") : NULL;
	uint64_t sum_ms = use->route->first_token_ms;

	for (size_t i = 0; i < use->route->n_lookups; i++) {
		const struct baton_lookup_def *lookup = &use->route->lookups[i];

		if (use->node)
			prove_lookup(use, lookup, baton_load_entry(list, i));
		else if (lookup->tool && needs_leave(use->route, lookup->tool))
			baton_proof_broken(
				&use->load->findings, BATON_PROOF_LOOKUP_KNOWN, use->place,
				"the default route looks up `%s`, which needs a person's leave in "
				"class `%s`: each message of `%s` would go to a person",
				lookup->tool->name, use->route->class_->name, use->route->intent);
		sum_ms += lookup->tool ? lookup->tool->timeout_ms : 0;
	}
	if (use->node && use->route->n_lookups > 0 && sum_ms > use->route->total_ms)
		baton_proof_doubted(
			&use->load->findings, BATON_PROOF_TOOL_SOUND,
			baton_load_place(use->node, "lookups"),
			"with each look-up at its `timeout` and the first word after %u ms, "
			"more than the whole answer may take (%u ms) is gone",
			use->route->first_token_ms, use->route->total_ms);
}

/* --- classes and routes --- */

static void prove_class(struct baton_load *load, const struct baton_class *class_,
			const struct baton_yaml *node)
{
	if (class_->approve_all && class_->n_unattended > 0)
		baton_proof_broken(
			&load->findings, BATON_PROOF_TOOL_LEAVE,
			baton_load_place(node, "unattended"),
			"`approve_all` wants a person's leave for each call, `unattended` for "
			"none of `%s`",
			class_->unattended[0]);
	for (size_t i = 0; i < class_->n_unattended; i++) {
		const struct baton_tool_def *tool =
			baton_policy_tool(load->policy, baton_str_of(class_->unattended[i]));

		if (tool && !tool->writes && !tool->approval)
			baton_proof_doubted(&load->findings, BATON_PROOF_TOOL_LEAVE,
					    baton_load_place(node, "unattended"),
					    "`%s` only looks up: it needs nobody's leave anyway",
					    tool->name);
	}
}

static void prove_route(struct baton_load *load, size_t i)
{
	struct use use = { .load = load, .route = &load->policy->routes[i] };

	if (!use.route->intent)
		return;
	if (i < load->n_routes_written) {
		use.node = baton_load_entry(load->lists[BATON_SHAPE_ROUTES], i);
		if (!use.node || use.node->kind != BATON_YAML_MAP)
			return;
		use.place = use.node->place;
	} else {
		int intent = baton_named_find(baton_named_intents(load), use.route->intent);

		use.place = baton_load_place(load->intent_nodes[intent], "name");
	}
	for (size_t j = 0; j < use.route->n_tools; j++) {
		prove_leave(&use, use.route->tools[j]);
		if (use.node)
			prove_callable(&use, use.route->tools[j],
				       tool_place(&use, use.route->tools[j]));
	}
	prove_models(&use);
	prove_lookups(&use);
}

void baton_check_tool_use(struct baton_load *load)
{
	const struct baton_policy *policy = load->policy;

	for (size_t i = 0; i < policy->n_classes; i++) {
		const struct baton_yaml *node =
			baton_load_entry(load->lists[BATON_SHAPE_CLASSES], i);

		if (node && node->kind == BATON_YAML_MAP)
			prove_class(load, &policy->classes[i], node);
	}
	for (size_t i = 0; i < policy->n_routes; i++)
		prove_route(load, i);
}
