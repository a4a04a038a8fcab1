/* SPDX-License-Identifier: Apache-2.0 */

/* Who may answer in another's place: as a fallback, by a switch, as the substitute of a target
 * that an admin has switched off, or in a mode. What a class forbids is refused here, ahead; at
 * run time the board asks nobody whom the class forbids either, so a name that it will never ask
 * is a finding, too.
 */

#include "core/policy/load.h"

#include <string.h>

static bool is_approved(const struct baton_class *class_, const struct baton_target *target)
{
	for (size_t i = 0; i < class_->n_approved; i++)
		if (strcmp(class_->approved[i], target->name) == 0)
			return true;
	return false;
}

/* Why the class of `route` keeps `target` from standing in, as a clause; NULL: it does not. The
 * board decides alike (may_work in core/route/choice.c). */
static const char *refusal(struct baton_load *load, const struct baton_route *route,
			   const struct baton_target *target)
{
	const struct baton_class *class_ = route->class_;
	char text[256];

	if (!class_ || !class_->name || !target->name || target == route->primary)
		return NULL;
	switch (class_->on_failure) {
	case BATON_ON_FAILURE_ESCALATE:
		if (is_approved(class_, target))
			return NULL;
		(void)snprintf(
			text, sizeof(text),
			"class `%s` escalates on failure and `%s` is not approved there by name",
			class_->name, target->name);
		return baton_arena_dup(&load->scratch, text, strlen(text));
	case BATON_ON_FAILURE_PAUSE:
		(void)snprintf(text, sizeof(text), "class `%s` pauses on failure: nobody stands in",
			       class_->name);
		return baton_arena_dup(&load->scratch, text, strlen(text));
	case BATON_ON_FAILURE_FALLBACK:
	case BATON_ON_FAILURE_REVIEW: /* drafts only, whoever writes them */
		break;
	}
	return NULL;
}

/* In a critical class only who is approved by name is ever asked in the primary's place. */
static bool is_never_asked(const struct baton_route *route, const struct baton_target *target)
{
	const struct baton_class *class_ = route->class_;

	return class_ && class_->name && class_->critical && target != route->primary &&
	       !is_approved(class_, target);
}

static bool same(const char *a, const char *b)
{
	return a && b && a[0] && strcmp(a, b) == 0;
}

/* --- fallbacks --- */

static void prove_fate(struct baton_load *load, const struct baton_route *route,
		       const struct baton_target *target, struct baton_place place)
{
	const struct baton_target *primary = route->primary;

	if (!primary || target == primary || target->local)
		return;
	if (same(primary->account, target->account))
		baton_proof_doubted(&load->findings, BATON_PROOF_SHARED_FATE, place,
				    "the fallback shares the account `%s` with the primary: a "
				    "spend cap or a block takes both down",
				    target->account);
	if (same(primary->region, target->region))
		baton_proof_doubted(&load->findings, BATON_PROOF_SHARED_FATE, place,
				    "the fallback is in the region `%s` of the primary: an outage "
				    "there takes both down",
				    target->region);
}

void baton_prove_fallback(struct baton_load *load, const struct baton_route *route,
			  const struct baton_target *target, struct baton_place place)
{
	struct baton_findings *findings = &load->findings;
	const char *primary = route->primary ? route->primary->name : "?";
	const char *why = refusal(load, route, target);

	if (target == route->primary)
		baton_proof_broken(findings, BATON_PROOF_NO_CIRCLE, place,
				   "the fallback `%s` is the primary: with it down, the same is "
				   "asked again",
				   target->name);
	for (size_t i = 0; i < route->n_fallbacks; i++)
		if (route->fallbacks[i] == target)
			baton_proof_broken(findings, BATON_PROOF_NO_CIRCLE, place,
					   "the fallback `%s` stands here twice", target->name);
	prove_fate(load, route, target, place);
	if (why)
		baton_proof_broken(findings, BATON_PROOF_NO_SILENT_DOWNGRADE, place,
				   "silent downgrade: with `%s` down, `%s` would answer, but %s",
				   primary, target->name, why);
	else if (is_never_asked(route, target))
		baton_proof_doubted(findings, BATON_PROOF_ASKED_SOMETIME, place,
				    "`%s` is never asked: class `%s` is critical, and with `%s` "
				    "down a person gets the message unless `%s` is approved there",
				    target->name, route->class_->name, primary, target->name);
}

void baton_prove_derived(struct baton_load *load, const struct baton_route *to,
			 const struct baton_route *from, struct baton_place place)
{
	for (size_t i = 0; i < to->n_fallbacks; i++) {
		const char *why = refusal(load, to, to->fallbacks[i]);

		if (why)
			baton_proof_broken(
				&load->findings, BATON_PROOF_NO_SILENT_DOWNGRADE, place,
				"silent downgrade: `%s` takes the default route, and with "
				"`%s` down, `%s` would answer, but %s",
				to->intent, from->primary ? from->primary->name : "?",
				to->fallbacks[i]->name, why);
	}
	for (size_t i = 0; i < to->n_switches; i++) {
		const struct baton_switch_def *def = &to->switches[i];
		const char *why = def->to ? refusal(load, to, def->to) : NULL;

		if (why)
			baton_proof_broken(
				&load->findings, BATON_PROOF_NO_SILENT_DOWNGRADE, place,
				"silent downgrade: `%s` takes the default route, and when "
				"`%s` holds, `%s` would answer, but %s",
				to->intent, def->when, def->to->name, why);
	}
}

/* --- switches --- */

/* A switch behind one with the very same condition is never looked at. */
static bool is_hidden(const struct baton_route *route, const struct baton_switch_def *def)
{
	for (const struct baton_switch_def *it = route->switches; it < def; it++)
		if (it->when && def->when && strcmp(it->when, def->when) == 0)
			return true;
	return false;
}

static void prove_switch_target(struct baton_load *load, const struct baton_route *route,
				const struct baton_switch_def *def, struct baton_place place)
{
	const char *why = refusal(load, route, def->to);

	if (route->tier == BATON_TIER_HUMAN)
		baton_proof_broken(
			&load->findings, BATON_PROOF_TIER_KEPT, place,
			"when `%s` holds, `%s` would be asked, but this route is of tier "
			"3: a person answers",
			def->when, def->to->name);
	else if (def->to == route->primary)
		baton_proof_doubted(&load->findings, BATON_PROOF_NO_CIRCLE, place,
				    "`%s` is the primary already: this switch changes nothing",
				    def->to->name);
	else if (why)
		baton_proof_broken(&load->findings, BATON_PROOF_NO_SILENT_DOWNGRADE, place,
				   "silent downgrade: when `%s` holds, `%s` would answer, but %s",
				   def->when, def->to->name, why);
	else if (is_never_asked(route, def->to))
		baton_proof_doubted(&load->findings, BATON_PROOF_ASKED_SOMETIME, place,
				    "`%s` is never asked: class `%s` is critical and `%s` is not "
				    "approved there by name",
				    def->to->name, route->class_->name, def->to->name);
}

void baton_prove_switch(struct baton_load *load, const struct baton_route *route,
			const struct baton_switch_def *def, const struct baton_yaml *node)
{
	struct baton_place when = baton_load_place(node, "when");

	if (!def->when)
		return;
	if (def->to)
		prove_switch_target(load, route, def, baton_load_place(node, "to"));
	if (is_hidden(route, def))
		baton_proof_broken(
			&load->findings, BATON_PROOF_ASKED_SOMETIME, when,
			"never reached: a switch before this one has the same condition");
	if (!def->test)
		return;
	if (!baton_condition_uses(def->test, "", true))
		baton_proof_broken(&load->findings, BATON_PROOF_CONDITION_MEANT, when,
				   "this condition asks for no fact: it always comes to the same");
	if (baton_condition_uses(def->test, "sentiment", false) &&
	    !baton_condition_uses(def->test, "sentiment", true))
		baton_proof_broken(&load->findings, BATON_PROOF_CONDITION_MEANT, when,
				   "`sentiment` must not decide alone: join it with another fact");
	if (baton_condition_uses(def->test, "answer_confidence", false))
		baton_proof_doubted(
			&load->findings, BATON_PROOF_CONDITION_MEANT, when,
			"`answer_confidence` is 0.0 before there is an answer, which is "
			"when switches are looked at");
}

/* --- substitutes of switched-off targets --- */

static const struct baton_target *substitute_of(const struct baton_load *load,
						const struct baton_target *target)
{
	int i = target->substitute[0]
			? baton_named_find(baton_named_targets(load), target->substitute)
			: -1;

	return i < 0 ? NULL : &load->policy->targets[i];
}

/* A circle through `start`, and only from the first target of it in the file: it is said once. */
static void prove_no_circle(struct baton_load *load, const struct baton_target *start,
			    struct baton_place place)
{
	const struct baton_policy *policy = load->policy;
	const struct baton_target *at = start;
	char path[512] = "";

	for (size_t steps = 0; at && steps <= policy->n_targets; steps++) {
		size_t n = strlen(path);

		if (at < start)
			return;
		(void)snprintf(path + n, sizeof(path) - n, "%s`%s`", n ? " -> " : "", at->name);
		at = substitute_of(load, at);
		if (at != start)
			continue;
		baton_proof_broken(&load->findings, BATON_PROOF_NO_CIRCLE, place,
				   "substitutes go in a circle, %s -> `%s`: with all of them "
				   "switched off, nobody is found",
				   path, start->name);
		return;
	}
}

/* Routes whose class forbids the substitute: said once, for the first of them. */
static void prove_substitute_use(struct baton_load *load, const struct baton_target *target,
				 const struct baton_target *substitute, struct baton_place place)
{
	const struct baton_policy *policy = load->policy;

	for (size_t i = 0; i < policy->n_routes; i++) {
		const struct baton_route *route = &policy->routes[i];
		const char *why =
			route->primary == target ? refusal(load, route, substitute) : NULL;

		if (!why)
			continue;
		baton_proof_doubted(&load->findings, BATON_PROOF_ASKED_SOMETIME, place,
				    "with `%s` switched off, `%s` is not asked for `%s`: %s",
				    target->name, substitute->name, route->intent, why);
		return;
	}
}

/* --- modes --- */

static void prove_mode_use(struct baton_load *load, const struct baton_mode_def *mode,
			   struct baton_place place)
{
	const struct baton_policy *policy = load->policy;

	for (size_t i = 0; i < policy->n_routes; i++) {
		const struct baton_route *route = &policy->routes[i];
		const char *class_name = route->class_ ? route->class_->name : NULL;

		if (!route->intent || !baton_mode_covers(mode, route->intent, class_name) ||
		    route->tier == BATON_TIER_HUMAN)
			continue;
		const char *why = refusal(load, route, mode->use);
		if (!why)
			continue;
		baton_proof_broken(&load->findings, BATON_PROOF_NO_SILENT_DOWNGRADE, place,
				   "silent downgrade: in mode `%s`, `%s` would answer `%s`, but %s",
				   mode->name ? mode->name : "?", mode->use->name, route->intent,
				   why);
		return;
	}
}

/* A class that hands over at once never comes to its mode. */
static void prove_mode_met(struct baton_load *load, const struct baton_class *class_,
			   const struct baton_yaml *node)
{
	bool escalates = class_->on_failure == BATON_ON_FAILURE_ESCALATE;

	if (class_->name && class_->mode && class_->mode->name && (escalates || class_->critical))
		baton_proof_doubted(
			&load->findings, BATON_PROOF_ASKED_SOMETIME, baton_load_place(node, "mode"),
			"no message meets `%s`: class `%s` %s, and with nobody left to ask "
			"a person gets it at once",
			class_->mode->name, class_->name,
			escalates ? "escalates on failure" : "is critical");
	if (class_->name && class_->on_failure == BATON_ON_FAILURE_PAUSE && class_->n_approved > 0)
		baton_proof_doubted(&load->findings, BATON_PROOF_ASKED_SOMETIME,
				    baton_load_place(node, "approved"),
				    "nobody named here is ever asked: class `%s` pauses on failure",
				    class_->name);
}

void baton_check_stand_ins(struct baton_load *load)
{
	const struct baton_policy *policy = load->policy;

	for (size_t i = 0; i < policy->n_targets; i++) {
		const struct baton_target *target = &policy->targets[i];
		const struct baton_target *substitute = substitute_of(load, target);
		const struct baton_yaml *node =
			baton_load_entry(load->lists[BATON_SHAPE_TARGETS], i);

		if (!target->name || !substitute || !substitute->name)
			continue;
		prove_no_circle(load, target, baton_load_place(node, "substitute"));
		if (substitute != target)
			prove_substitute_use(load, target, substitute,
					     baton_load_place(node, "substitute"));
	}
	for (size_t i = 0; i < policy->n_classes; i++)
		prove_mode_met(load, &policy->classes[i],
			       baton_load_entry(load->lists[BATON_SHAPE_CLASSES], i));
	for (size_t i = 0; i < policy->n_modes; i++)
		if (policy->modes[i].use && policy->modes[i].what == BATON_MODE_SUBSTITUTE)
			prove_mode_use(load, &policy->modes[i],
				       baton_load_place(
					       baton_load_entry(load->lists[BATON_SHAPE_MODES], i),
					       "use"));
}
