/* SPDX-License-Identifier: Apache-2.0 */

/* A decision taken apart, in the order in which a turn takes it (core/turn): rules before any
 * model, the tier, the mode in force, the route's switches, the targets.
 */

#include "core/server/explain.h"

#include "core/base/errors.h"
#include "core/policy/expr.h"
#include "core/policy/facts.h"
#include "core/policy/nearest.h"
#include "core/route/modes.h"

#include <stdio.h>

enum { IN_TOKENS = 500, STEPS_MAX = BATON_TURN_ATTEMPTS_MAX };

struct explaining {
	const struct explain_ask *ask;
	const struct baton_route *route;
	baton_facts facts;
	struct baton_arena arena;
	struct baton_buf *out;
	char *why;
	const struct baton_rule_def *rule; /* the strictest that holds */
};

/* --- members --------------------------------------------------------------------------------- */

static void text(struct explaining *x, const char *lead, const char *value)
{
	baton_buf_z(x->out, lead);
	baton_buf_json(x->out, baton_str_of(value ? value : ""));
}

/* --- facts ----------------------------------------------------------------------------------- */

/* What a healthy turn has; the board's own values on top; what the asker says wins. */
static void start_facts(struct explaining *x)
{
	x->facts = (baton_facts){ .size = sizeof(x->facts),
				  .intent = x->ask->intent,
				  .channel = BATON_STR("web"),
				  .locale = BATON_STR("en"),
				  .intent_ppm = 1000000,
				  .answer_ppm = 1000000,
				  .sentiment_ppm = 500000,
				  .primary_health_ppm = 1000000,
				  .tool_success_ppm = 1000000,
				  .stage = BATON_STAGE_BEFORE };
	baton_board_facts(x->ask->board, x->ask->now, x->ask->policy, x->route, &x->facts);
	/* The board's words live as long as it is held. */
	x->facts.primary_state = (baton_str){ baton_arena_dup(&x->arena, x->facts.primary_state.p,
							      x->facts.primary_state.n),
					      x->facts.primary_state.n };
}

static int take_facts(struct explaining *x)
{
	struct baton_json key, value;
	char why[160] = "";
	size_t at = 0;

	if (x->ask->facts.type == BATON_JSON_NONE)
		return BATON_OK;
	while (baton_json_member(&x->ask->facts, &at, &key, &value)) {
		baton_str name = baton_json_text(&key, &x->arena);
		baton_str typed = value.type == BATON_JSON_STRING
					  ? baton_json_text(&value, &x->arena)
					  : value.raw;
		int rc = baton_env_set(&baton_env_facts, &x->facts, name, typed, &x->arena, why);

		if (rc < 0) {
			snprintf(x->why, EXPLAIN_WHY_MAX, "%s", why);
			return BATON_E_INVAL;
		}
	}
	return BATON_OK;
}

/* --- conditions ------------------------------------------------------------------------------ */

/* On one line: YAML keeps the breaks of a long condition. */
static void put_when(struct explaining *x, const char *when)
{
	size_t n = strlen(when);
	char *line = baton_arena_dup(&x->arena, when, n);

	for (size_t i = 0; i < n; i++)
		line[i] = line[i] == '\n' || line[i] == '\t' ? ' ' : line[i];
	while (n > 0 && line[n - 1] == ' ')
		line[--n] = '\0';
	text(x, "\"when\":", line);
}

/* `"when":...,"holds":true,"terms":[]`; holds is null if it cannot be decided. Each term has its own
 * verdict and the facts that it rests on. */
static int32_t put_condition(struct explaining *x, const char *when, const baton_expr *test)
{
	int32_t holds = baton_expr_test(test, &x->facts);
	struct baton_buf why = { NULL, 0, 0 };
	struct baton_json verdict, terms;

	put_when(x, when);
	baton_buf_z(x->out, holds < 0 ? ",\"holds\":null"
			    : holds   ? ",\"holds\":true"
				      : ",\"holds\":false");
	baton_expr_explain_json(test, &x->facts, &why);
	if (baton_json_parse(baton_buf_view(&why), &verdict) == 0) {
		terms = baton_json_get(&verdict, "terms");
		baton_buf_z(x->out, ",\"terms\":");
		baton_buf_str(x->out, terms.raw);
	}
	baton_buf_done(&why);
	return holds;
}

/* Rules are a module's; the conditions are the same language, so they are tried here as it does. */
static void put_rule(struct explaining *x, const struct baton_rule_def *rule, const char *comma)
{
	baton_expr *test = NULL;
	uint32_t column = 0;
	char why[160];

	if (baton_expr_compile(baton_str_of(rule->when), &test, why, sizeof(why), &column) < 0)
		return;
	text(x, comma, rule->id);
	text(x, ",\"action\":", rule->action);
	text(x, ",\"reason\":", rule->reason);
	baton_buf_z(x->out, ",");
	/* What cannot be decided counts as fired. */
	bool fires = put_condition(x, rule->when, test) != 0;
	baton_buf_z(x->out, "}");
	bool hands_over =
		strcmp(rule->action, "escalate") == 0 || strcmp(rule->action, "escalate_now") == 0;
	if (fires && hands_over && (!x->rule || rule->priority < x->rule->priority))
		x->rule = rule;
	baton_expr_free(test);
}

static void put_rules(struct explaining *x)
{
	const struct baton_policy *policy = x->ask->policy;
	const char *comma = "{\"rule\":";

	baton_buf_z(x->out, ",\"rules\":[");
	for (size_t i = 0; i < policy->n_rules; i++) {
		if (strcmp(policy->rules[i].stage, "before") != 0)
			continue;
		put_rule(x, &policy->rules[i], comma);
		comma = ",{\"rule\":";
	}
	baton_buf_z(x->out, "]");
}

static void put_switches(struct explaining *x)
{
	baton_buf_z(x->out, ",\"switches\":[");
	for (size_t i = 0; i < x->route->n_switches; i++) {
		const struct baton_switch_def *way = &x->route->switches[i];

		baton_buf_z(x->out, i ? ",{" : "{");
		(void)put_condition(x, way->when, way->test);
		text(x, ",\"to\":", way->to ? way->to->name : "");
		text(x, ",\"trigger\":", way->trigger);
		text(x, ",\"reason\":", way->reason);
		baton_buf_z(x->out, "}");
	}
	baton_buf_z(x->out, "]");
}

/* --- modes ----------------------------------------------------------------------------------- */

static bool put_mode(struct explaining *x, struct baton_mode_view *view)
{
	if (!baton_board_mode(x->ask->board, x->ask->now, x->ask->policy, x->route, view)) {
		baton_buf_z(x->out, ",\"mode\":null");
		return false;
	}
	text(x, ",\"mode\":{\"name\":", view->mode->name);
	text(x, ",\"do\":", baton_mode_do_name(view->what));
	text(x, ",\"trigger\":", baton_trigger_name(view->trigger));
	baton_buf_printf(x->out, ",\"since_unix_ms\":%llu,\"until_unix_ms\":%llu}",
			 (unsigned long long)view->since_unix_ms,
			 (unsigned long long)view->until_unix_ms);
	return true;
}

/* --- who is asked ---------------------------------------------------------------------------- */

static void put_skipped(struct explaining *x, const struct baton_choice *choice)
{
	baton_buf_z(x->out, ",\"skipped\":[");
	for (size_t i = 0; i < choice->n_skipped; i++) {
		text(x, i ? ",{\"target\":" : "{\"target\":", choice->skipped[i].target->name);
		text(x, ",\"trigger\":", baton_trigger_name(choice->skipped[i].trigger));
		baton_buf_z(x->out, "}");
	}
	baton_buf_z(x->out, "]");
}

static void put_choice(struct explaining *x, const struct baton_choice *choice)
{
	text(x, "{\"target\":", choice->target ? choice->target->name : "");
	text(x, ",\"model\":", choice->target ? choice->target->model : "");
	text(x, ",\"reason\":", choice->reason);
	text(x, ",\"trigger\":", baton_trigger_name(choice->trigger));
	baton_buf_printf(x->out, ",\"delay_ms\":%llu", (unsigned long long)choice->delay_ms);
	if (choice->substitute)
		baton_buf_z(x->out, ",\"substitute\":true");
	if (choice->review)
		baton_buf_z(x->out, ",\"review\":true");
	if (choice->tools_off)
		baton_buf_z(x->out, ",\"tools_off\":true");
	if (choice->probe)
		baton_buf_z(x->out, ",\"probe\":true");
	if (choice->to_person)
		baton_buf_z(x->out, ",\"to_person\":true");
	if (choice->fault.type != BATON_FAULT_NONE)
		text(x, ",\"drill\":", baton_fault_name(choice->fault.type));
	put_skipped(x, choice);
	baton_buf_z(x->out, "}");
}

/* Each step is the one that would follow if the one before it could not be reached. */
static void put_steps(struct explaining *x, const char *use)
{
	static const struct baton_id nobody;
	const struct explain_ask *ask = x->ask;
	struct baton_attempt past[STEPS_MAX] = { { .target = NULL } };
	struct baton_ask next = { .policy = ask->policy,
				  .route = x->route,
				  .facts = &x->facts,
				  .session = &nobody,
				  .past = past,
				  .left_ms = x->route->total_ms,
				  .in_tokens = IN_TOKENS,
				  .use = use };
	const struct baton_outcome never = { .cancelled = true };
	struct baton_choice choice;
	bool asked = true;

	baton_buf_z(x->out, ",\"steps\":[");
	while (asked && next.n_past < STEPS_MAX) {
		asked = baton_board_next(ask->board, ask->now, &next, &choice);
		if (asked && choice.lease != 0)
			baton_board_settle(ask->board, ask->now, choice.lease, &never);
		baton_buf_z(x->out, next.n_past ? "," : "");
		put_choice(x, &choice);
		if (asked)
			past[next.n_past++] =
				(struct baton_attempt){ .target = choice.target,
							.fail = BATON_FAIL_UNAVAILABLE,
							.scope = BATON_SCOPE_PROVIDER,
							.failed = true };
	}
	baton_buf_z(x->out, "]");
}

/* --- the whole ------------------------------------------------------------------------------- */

static int find_route(struct explaining *x)
{
	const struct explain_ask *ask = x->ask;
	struct baton_nearest nearest = baton_nearest_to(ask->intent);

	for (size_t i = 0; i < ask->policy->n_intents; i++)
		baton_nearest_try(&nearest, ask->policy->intents[i].name);
	x->route = baton_policy_route(ask->policy, ask->intent);
	bool known = baton_policy_intent(ask->policy, ask->intent) ||
		     (x->route && baton_str_is(ask->intent, x->route->intent));
	if (known && x->route)
		return BATON_OK;
	snprintf(
		x->why, EXPLAIN_WHY_MAX,
		"there is no intent `%.*s`%s%s%s; `default` is the route of all that is not understood",
		(int)ask->intent.n, ask->intent.n ? ask->intent.p : "",
		nearest.name ? "; did you mean `" : "", nearest.name ? nearest.name : "",
		nearest.name ? "`?" : "");
	return BATON_E_NOTFOUND;
}

static void put_route(struct explaining *x)
{
	const struct baton_route *route = x->route;

	text(x, "{\"intent\":", baton_arena_dup(&x->arena, x->ask->intent.p, x->ask->intent.n));
	text(x, ",\"route\":", route->intent);
	text(x, ",\"class\":", route->class_ ? route->class_->name : "");
	baton_buf_printf(x->out, ",\"tier\":%u", route->tier);
	text(x, ",\"queue\":", route->queue);
	text(x, ",\"primary\":", route->primary ? route->primary->name : "");
	baton_buf_z(x->out, ",\"fallbacks\":[");
	for (size_t i = 0; i < route->n_fallbacks; i++)
		text(x, i ? "," : "", route->fallbacks[i]->name);
	baton_buf_z(x->out, "],\"facts\":");
	baton_env_json(&baton_env_facts, &x->facts, x->out);
}

/* In one word who decides: rule, tier, mode, or route. */
static void put_decision(struct explaining *x, const struct baton_mode_view *mode)
{
	if (x->rule) {
		text(x, ",\"decided_by\":\"rule\",\"decision\":", x->rule->id);
		return;
	}
	if (x->route->tier == BATON_TIER_HUMAN) {
		baton_buf_z(x->out, ",\"decided_by\":\"tier\",\"decision\":\"person\"");
		return;
	}
	if (mode && mode->what != BATON_MODE_SUBSTITUTE) {
		text(x, ",\"decided_by\":\"mode\",\"decision\":", mode->mode->name);
		return;
	}
	baton_buf_z(x->out, ",\"decided_by\":\"route\",\"decision\":\"steps\"");
}

int explain_route(const struct explain_ask *ask, struct baton_buf *out, char why[EXPLAIN_WHY_MAX])
{
	struct explaining x = { .ask = ask, .out = out, .why = why };
	struct baton_mode_view mode;

	why[0] = '\0';
	int rc = find_route(&x);
	if (rc == BATON_OK) {
		start_facts(&x);
		rc = take_facts(&x);
	}
	if (rc == BATON_OK) {
		put_route(&x);
		put_rules(&x);
		bool on = put_mode(&x, &mode);
		put_switches(&x);
		put_steps(&x, on && mode.what == BATON_MODE_SUBSTITUTE && mode.mode->use
				      ? mode.mode->use->name
				      : NULL);
		put_decision(&x, on ? &mode : NULL);
		baton_buf_z(out, "}");
	}
	baton_arena_done(&x.arena);
	return rc;
}
