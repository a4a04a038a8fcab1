/* SPDX-License-Identifier: Apache-2.0 */

/* Proofs about routes: every intent has a way, and what is for people never becomes automatic.
 * Resolves names into pointers on the way. Who may stand in for whom is check_stand_ins.c.
 */

#include "core/policy/load.h"

#include "core/base/limits.h"
#include "core/policy/facts.h"
#include "core/route/triggers.h"

#include <string.h>

/* One route under proof. `node` is the map in routes.yaml, or the intent's own map if the
 * intent takes the default route. */
struct proof {
	struct baton_load *load;
	struct baton_route *route;
	const struct baton_yaml *node;
	const struct baton_intent_def *intent; /* NULL: the default route, or an unknown intent */
	bool is_default;
};

static const struct baton_target *target_of(struct proof *p, const struct baton_yaml *name)
{
	if (!name || name->kind != BATON_YAML_STRING)
		return NULL;
	int i = baton_named_expect(p->load, baton_named_targets(p->load), name->text.p,
				   name->place);
	return i < 0 ? NULL : &p->load->policy->targets[i];
}

static void prove_intent(struct proof *p)
{
	int i;

	p->is_default = p->route->intent && strcmp(p->route->intent, "default") == 0;
	if (p->is_default || !p->route->intent)
		return;
	i = baton_named_expect(p->load, baton_named_intents(p->load), p->route->intent,
			       baton_load_place(p->node, "intent"));
	if (i >= 0)
		p->intent = &p->load->policy->intents[i];
}

static void prove_class(struct proof *p)
{
	const struct baton_yaml *own = baton_yaml_get(p->node, "class");
	int i = -1;

	if (own && own->kind == BATON_YAML_STRING)
		i = baton_named_expect(p->load, baton_named_classes(p->load), own->text.p,
				       own->place);
	else if (p->intent) /* an unknown one is reported where the intent stands */
		i = baton_named_find(baton_named_classes(p->load), p->intent->class_name);
	else if (p->is_default && !own)
		baton_proof_broken(
			&p->load->findings, BATON_PROOF_INTENT_WAY, p->node->place,
			"the default route needs a `class`: nobody would know what may be "
			"done when its primary fails");
	p->route->class_ = i < 0 ? NULL : &p->load->policy->classes[i];
}

static void prove_tier(struct proof *p)
{
	struct baton_route *route = p->route;

	if (route->tier == 0) /* unknown means the safe mode: a person */
		route->tier = p->intent ? p->intent->tier : BATON_TIER_HUMAN;
	if (p->intent && route->tier < p->intent->tier)
		baton_proof_broken(&p->load->findings, BATON_PROOF_TIER_KEPT,
				   baton_load_place(p->node, "tier"),
				   "the intent `%s` is of tier %u: its route cannot be of tier %u",
				   p->intent->name, p->intent->tier, route->tier);
}

static void prove_queue(struct proof *p)
{
	if (!p->route->queue)
		p->route->queue = p->load->policy->default_queue;
	else
		baton_named_expect(p->load, baton_named_queues(p->load), p->route->queue,
				   baton_load_place(p->node, "queue"));
}

static void fallback_add(struct proof *p, const struct baton_yaml *name)
{
	const struct baton_target *target = target_of(p, name);

	if (!target || p->route->n_fallbacks >= BATON_ROUTE_FALLBACKS_MAX)
		return;
	baton_prove_fallback(p->load, p->route, target, name->place);
	p->route->fallbacks[p->route->n_fallbacks++] = target;
}

static void prove_targets(struct proof *p)
{
	const struct baton_yaml *fallback = baton_yaml_get(p->node, "fallback");
	const struct baton_yaml *primary = baton_yaml_get(p->node, "primary");

	p->route->primary = target_of(p, primary);
	if (!primary && p->route->tier < BATON_TIER_HUMAN)
		baton_proof_broken(&p->load->findings, BATON_PROOF_INTENT_WAY, p->node->place,
				   "a route of tier %u needs a `primary`", p->route->tier);
	if (!fallback)
		return;
	if (!primary)
		baton_finding_error(&p->load->findings, baton_yaml_key(p->node, "fallback")->place,
				    "a fallback without a primary");
	if (fallback->kind != BATON_YAML_LIST)
		fallback_add(p, fallback);
	for (size_t i = 0; fallback->kind == BATON_YAML_LIST && i < fallback->n; i++)
		fallback_add(p, fallback->items[i].value);
}

/* `to: person` is nobody; a target of that name would be mistaken for it. */
static void resolve_switch(struct proof *p, struct baton_switch_def *def,
			   const struct baton_yaml *node)
{
	static const char *const words[] = { "person", NULL };
	int to = baton_named_or_word(p->load, baton_named_targets(p->load),
				     baton_yaml_get(node, "to"), words);

	def->test = baton_load_condition(p->load, &baton_env_facts, baton_yaml_get(node, "when"));
	def->to = to < 0 ? NULL : &p->load->policy->targets[to];
	if (!def->reason)
		def->reason = baton_trigger_meaning(baton_trigger_find(baton_str_of(def->trigger)));
	if (to >= 0 || to == BATON_NAMED_WORD)
		baton_prove_switch(p->load, p->route, def, node);
}

static void prove_switches(struct proof *p)
{
	const struct baton_yaml *list = baton_yaml_get(p->node, "switches");

	for (size_t i = 0; i < p->route->n_switches; i++)
		resolve_switch(p, &p->route->switches[i], baton_load_entry(list, i));
}

static void prove_route(struct baton_load *load, size_t i)
{
	struct proof p = { .load = load, .route = &load->policy->routes[i] };

	p.node = baton_load_entry(load->lists[BATON_SHAPE_ROUTES], i);
	if (!p.node || p.node->kind != BATON_YAML_MAP)
		return;
	prove_intent(&p);
	prove_class(&p);
	prove_tier(&p);
	prove_queue(&p);
	prove_targets(&p);
	prove_switches(&p);
	baton_resolve_tools(load, p.route, p.node);
}

/* --- intents without a route of their own --- */

static int route_find(const struct baton_policy *policy, const char *intent)
{
	for (size_t i = 0; i < policy->n_routes; i++)
		if (policy->routes[i].intent && strcmp(policy->routes[i].intent, intent) == 0)
			return (int)i;
	return -1;
}

/* The default route with the intent's own class, and its tier if that is stricter. What the
 * class does not allow is an error of the set: nothing is left out quietly. An intent that
 * belongs to people gets no target from a route that answers by itself: there must be nothing
 * that could answer by mistake. */
static void route_derive(struct baton_load *load, size_t intent_index,
			 const struct baton_route *from, struct baton_route *to)
{
	const struct baton_intent_def *intent = &load->policy->intents[intent_index];
	struct baton_place place = baton_load_place(load->intent_nodes[intent_index], "name");
	int class_ = baton_named_find(baton_named_classes(load), intent->class_name);

	*to = *from;
	to->intent = intent->name;
	to->derived = true;
	to->class_ = class_ < 0 ? NULL : &load->policy->classes[class_];
	if (intent->tier > to->tier)
		to->tier = intent->tier;
	if (to->tier == BATON_TIER_HUMAN && from->tier != BATON_TIER_HUMAN) {
		to->primary = NULL;
		to->n_fallbacks = to->n_switches = 0;
	}
	baton_prove_derived(load, to, from, place);
}

static void derive_routes(struct baton_load *load)
{
	struct baton_policy *policy = load->policy;
	int otherwise = route_find(policy, "default");
	size_t n = policy->n_routes;
	struct baton_route *all;

	if (otherwise < 0) {
		const struct baton_yaml *list = load->lists[BATON_SHAPE_ROUTES];

		if (list && list->kind == BATON_YAML_LIST)
			baton_proof_broken(
				&load->findings, BATON_PROOF_INTENT_WAY, list->place,
				"there is no route for `default`: what is not understood "
				"would have no way");
		return;
	}
	all = baton_arena_alloc(&policy->arena, (n + policy->n_intents) * sizeof(*all) + 1);
	if (n > 0)
		memcpy(all, policy->routes, n * sizeof(*all));
	for (size_t i = 0; i < policy->n_intents; i++)
		if (policy->intents[i].name && route_find(policy, policy->intents[i].name) < 0)
			route_derive(load, i, &all[otherwise], &all[n++]);
	policy->routes = all;
	policy->n_routes = n;
}

void baton_check_routes(struct baton_load *load)
{
	for (size_t i = 0; i < load->n_routes_written; i++)
		prove_route(load, i);
	derive_routes(load);
}
