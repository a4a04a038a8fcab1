/* SPDX-License-Identifier: Apache-2.0 */

/* The policies of this world, made by hand: five classes, nine routes, five modes, three targets.
 * Each release has its own copy, in memory that goes with it. */

#include "tests/sim/sim.h"

#include "core/policy/expr.h"
#include "core/policy/mode_facts.h"

#include <stdio.h>

struct making {
	struct baton_policy *policy;
	struct baton_arena *arena;
};

/* Words are the set's own, so that whoever keeps one longer than the set is found out. */
static const char *word(struct making *making, const char *text)
{
	return baton_arena_dup(making->arena, text, strlen(text));
}

static struct baton_route *add_route(struct making *making, const char *intent,
				     const struct baton_class *class_, unsigned tier)
{
	struct baton_route *route = &making->policy->routes[making->policy->n_routes++];

	*route = (struct baton_route){ .intent = word(making, intent),
				       .primary = &making->policy->targets[0],
				       .fallbacks = { &making->policy->targets[1],
						      &making->policy->targets[2] },
				       .n_fallbacks = 2,
				       .first_token_ms = 4000,
				       .stall_ms = 3000,
				       .total_ms = 20000,
				       .class_ = class_,
				       .tier = tier,
				       .queue = word(making, "general") };
	return route;
}

static baton_expr *condition(const char *text)
{
	baton_expr *expr = NULL;
	char why[128];
	uint32_t column;
	int32_t rc = baton_expr_compile_in(&baton_env_mode, baton_str_of(text), &expr, why,
					   sizeof(why), &column);

	baton_assert(rc == 0);
	return expr;
}

static const char **one_name(struct making *making, const char *name)
{
	const char **list = baton_arena_alloc(making->arena, sizeof(*list));

	list[0] = word(making, name);
	return list;
}

/* Short ones, so that a storm of 40 s sees them come, recover and expire. */
static void add_modes(struct making *making)
{
	struct baton_policy *policy = making->policy;
	struct baton_mode_def *modes = baton_arena_alloc(making->arena, 5 * sizeof(*policy->modes));

	modes[0] = (struct baton_mode_def){ .name = "intake",
					    .what = BATON_MODE_INTAKE,
					    .intents = one_name(making, "default"),
					    .n_intents = 1,
					    .enter_when = "all_down",
					    .enter_for_ms = 1000,
					    .recover_when = "!all_down",
					    .recover_for_ms = 2000,
					    .max_duration_ms = 15000,
					    .at_expiry = BATON_EXPIRY_NORMAL };
	modes[1] = (struct baton_mode_def){ .name = "pause",
					    .what = BATON_MODE_PAUSE,
					    .classes = one_name(making, "patient"),
					    .n_classes = 1,
					    .recover_when = "!primary_open",
					    .recover_for_ms = 1000,
					    .max_duration_ms = 10000,
					    .at_expiry = BATON_EXPIRY_HAND_OVER };
	modes[2] = (struct baton_mode_def){ .name = "ticket",
					    .what = BATON_MODE_TICKET,
					    .recover_when = "true",
					    .max_duration_ms = 6000,
					    .at_expiry = BATON_EXPIRY_NEXT,
					    .next = &modes[3] };
	modes[3] = (struct baton_mode_def){ .name = "templates",
					    .what = BATON_MODE_TEMPLATED,
					    .template_ = "template",
					    .recover_when = "error_share < 0.5",
					    .max_duration_ms = 8000,
					    .at_expiry = BATON_EXPIRY_NORMAL };
	modes[4] = (struct baton_mode_def){ .name = "local",
					    .what = BATON_MODE_SUBSTITUTE,
					    .classes = one_name(making, "drafting"),
					    .n_classes = 1,
					    .use = &policy->targets[2],
					    .enter_when = "calls >= 5 && error_share > 0.6",
					    .recover_when = "error_share < 0.2",
					    .recover_for_ms = 3000,
					    .max_duration_ms = 20000,
					    .at_expiry = BATON_EXPIRY_NORMAL };
	for (size_t i = 0; i < 5; i++) {
		if (modes[i].enter_when && modes[i].enter_when[0])
			modes[i].enter_test = condition(modes[i].enter_when);
		modes[i].recover_test = condition(modes[i].recover_when);
		modes[i].name = word(making, modes[i].name);
		modes[i].trigger = "condition";
		modes[i].say = word(making, "It takes a little longer today.");
		modes[i].queue = "";
		modes[i].enter_when = modes[i].enter_when ? modes[i].enter_when : "";
	}
	policy->modes = modes;
	policy->n_modes = 5;
}

void policy_free(struct baton_policy *policy, struct baton_arena *arena)
{
	for (size_t i = 0; i < policy->n_modes; i++) {
		baton_expr_free(policy->modes[i].enter_test);
		baton_expr_free(policy->modes[i].recover_test);
	}
	baton_arena_done(arena);
}

static void add_targets(struct making *making)
{
	static const char *const names[SIM_TARGETS] = { "main", "backup", "local" };
	struct baton_policy *policy = making->policy;

	policy->targets = baton_arena_alloc(making->arena, SIM_TARGETS * sizeof(*policy->targets));
	for (policy->n_targets = 0; policy->n_targets < SIM_TARGETS; policy->n_targets++)
		policy->targets[policy->n_targets] = (struct baton_target){
			.name = word(making, names[policy->n_targets]),
			.provider = word(making, names[policy->n_targets]),
			.model = word(making, "m"),
			.account = word(making, policy->n_targets == 2 ? "own" : "acme"),
			.prompt = "",
			.region = "",
			.substitute = word(making, policy->n_targets == 0 ? "local" : ""),
			.local = policy->n_targets == 2,
			.tools = true,
			.can_continue = policy->n_targets == 1,
			.max_output_tokens = 100,
			/* One microdollar a token, half of it, nothing. */
			.in_microusd_per_mtok = 1000000 - 500000 * (uint32_t)policy->n_targets,
			.out_microusd_per_mtok = 1000000 - 500000 * (uint32_t)policy->n_targets,
			.breaker = { .failures = 3,
				     .min_calls = 20,
				     .share_ppm = 500000,
				     .window_ms = 60000,
				     .open_ms = 4000,
				     .open_max_ms = 9000 },
		};
}

static void add_classes(struct making *making)
{
	struct baton_policy *policy = making->policy;

	policy->classes = baton_arena_alloc(making->arena, 5 * sizeof(*policy->classes));
	policy->classes[0] =
		(struct baton_class){ .name = "drafting", .on_failure = BATON_ON_FAILURE_FALLBACK };
	policy->classes[1] = (struct baton_class){ .name = "money",
						   .on_failure = BATON_ON_FAILURE_ESCALATE,
						   .approved = one_name(making, "backup"),
						   .n_approved = 1 };
	policy->classes[2] = (struct baton_class){ .name = "careful",
						   .on_failure = BATON_ON_FAILURE_REVIEW,
						   .on_restart = "hand_over" };
	policy->classes[3] = (struct baton_class){ .name = "patient",
						   .on_failure = BATON_ON_FAILURE_PAUSE,
						   .mode = &policy->modes[1] };
	policy->classes[4] =
		(struct baton_class){ .name = "strict", .on_failure = BATON_ON_FAILURE_ESCALATE };
	for (policy->n_classes = 0; policy->n_classes < 5; policy->n_classes++)
		policy->classes[policy->n_classes].name =
			word(making, policy->classes[policy->n_classes].name);
}

/* Two queues, two people and a supervisor; one of the two works on one queue only. */
static void add_desk(struct making *making)
{
	struct baton_policy *policy = making->policy;

	policy->queues = baton_arena_alloc(making->arena, 2 * sizeof(*policy->queues));
	policy->queues[policy->n_queues++] =
		(struct baton_queue_def){ .name = word(making, "general"),
					  .assign = BATON_ASSIGN_OFFER,
					  .offer_ms = 1500,
					  .relax_ms = 3000,
					  .first_reply_ms = 5000,
					  .return_ms = 9000,
					  .age_ms = 10000 };
	policy->queues[policy->n_queues++] =
		(struct baton_queue_def){ .name = word(making, "billing"), .age_ms = 5000 };
	policy->desk = (struct baton_desk_def){
		.capacity = SIM_CAPACITY, .lost_ms = 4000, .abandon_ms = 3000, .missed_offers = 2
	};
	policy->agents = baton_arena_alloc(making->arena, SIM_AGENTS * sizeof(*policy->agents));
	for (; policy->n_agents < SIM_AGENTS; policy->n_agents++) {
		char id[16];

		snprintf(id, sizeof(id), "agent%zu", policy->n_agents);
		policy->agents[policy->n_agents] = (struct baton_agent_def){
			.id = word(making, id),
			.name = word(making, id),
			.role = policy->n_agents == SIM_SUPERVISOR ? "supervisor" : "agent",
			.queues = one_name(making, "general"),
			.n_queues = policy->n_agents == 0 ? 1 : 0,
		};
	}
}

/* One that looks up, two that write unasked in one class, one that a person must allow. */
static void add_tools(struct making *making)
{
	static const char *const names[4] = { "find", "note", "burn", "pay" };
	struct baton_policy *policy = making->policy;

	policy->tools = baton_arena_alloc(making->arena, 4 * sizeof(*policy->tools));
	for (; policy->n_tools < 4; policy->n_tools++) {
		size_t i = policy->n_tools;
		const char *schema =
			word(making, "{\"type\":\"object\",\"additionalProperties\":false,"
				     "\"properties\":{\"n\":{\"type\":\"integer\"}}}");

		policy->tools[i] = (struct baton_tool_def){ .name = word(making, names[i]),
							    .module = word(making, "shop"),
							    .title = word(making, names[i]),
							    .description = "",
							    .arguments_json = schema,
							    .schema_json = schema,
							    .result_json = "",
							    .writes = i > 0,
							    .idempotent = i < 2,
							    .approval = i == 3,
							    .timeout_ms = 2500,
							    .answer = "" };
	}
	policy->say_approval = word(making, "A colleague has to allow that.");
}

static void use_tools(struct making *making, struct baton_route *route, bool looks_up)
{
	struct baton_policy *policy = making->policy;

	route->tools = baton_arena_alloc(making->arena, 4 * sizeof(*route->tools));
	for (; route->n_tools < 4; route->n_tools++)
		route->tools[route->n_tools] = &policy->tools[route->n_tools];
	route->tool_rounds = 3;
	if (!looks_up)
		return;
	route->lookups = baton_arena_alloc(making->arena, sizeof(*route->lookups));
	route->lookups[route->n_lookups++] = (struct baton_lookup_def){
		.tool = &policy->tools[0], .arguments_json = word(making, "{\"n\":7}"), .ask = ""
	};
}

void policy_make(struct baton_policy *policy, struct baton_arena *arena)
{
	static const char *const intents[] = { "shipping", "billing", "complaint",
					       "refund",   "patient", "money" };
	struct making parts = { policy, arena }, *making = &parts;

	static const char *const helps[] = { "reply-suggestion", "case-writeup",
					     "session-summary" };

	policy->routes = baton_arena_alloc(arena, 10 * sizeof(*policy->routes));
	policy->intents = baton_arena_alloc(arena, 9 * sizeof(*policy->intents));
	policy->prompts = baton_arena_alloc(arena, sizeof(*policy->prompts));
	policy->prompts[policy->n_prompts++] =
		(struct baton_prompt_def){ "template", "We look into it and write to you.", "" };
	add_targets(making);
	add_modes(making);
	add_classes(making);
	add_route(making, "default", &policy->classes[0], BATON_TIER_AUTOMATED);
	add_route(making, "shipping", &policy->classes[2], BATON_TIER_AUTOMATED);
	add_route(making, "billing", &policy->classes[0], BATON_TIER_REVIEWED);
	add_route(making, "complaint", &policy->classes[0], BATON_TIER_HUMAN);
	add_route(making, "refund", &policy->classes[1], BATON_TIER_AUTOMATED);
	add_route(making, "patient", &policy->classes[3], BATON_TIER_AUTOMATED);
	add_route(making, "money", &policy->classes[4], BATON_TIER_AUTOMATED);
	for (policy->n_intents = 0; policy->n_intents < 6; policy->n_intents++)
		policy->intents[policy->n_intents] =
			(struct baton_intent_def){ .name = word(making, intents[policy->n_intents]),
						   .min_confidence_ppm = 400000 };
	/* What answers rest on is looked at, but for one route; two plan first. */
	for (size_t i = 0; i < policy->n_routes; i++)
		policy->routes[i].grounding = i == 1   ? BATON_GROUNDING_OFF
					      : i == 4 ? BATON_GROUNDING_REQUIRED
						       : BATON_GROUNDING_CITED;
	policy->routes[2].plan = policy->routes[5].plan = true;
	for (size_t i = 0; i < 3; i++) {
		add_route(making, helps[i], &policy->classes[0], BATON_TIER_REVIEWED);
		policy->intents[policy->n_intents++] =
			(struct baton_intent_def){ .name = word(making, helps[i]),
						   .internal = true };
	}
	policy->guards = baton_arena_alloc(arena, sizeof(*policy->guards));
	policy->guards[policy->n_guards++] =
		(struct baton_guard_def){ .module = word(making, "eye") };
	add_tools(making);
	use_tools(making, &policy->routes[0], true);
	use_tools(making, &policy->routes[4], false);
	use_tools(making, &policy->routes[5], true);
	policy->budgets.retry_ratio_ppm = 200000;
	policy->budgets.retry_burst = 10;
	policy->budgets.turn_microusd = SIM_TURN_MICROUSD;
	policy->budgets.day_microusd = 6000;
	policy->routes[0].day_microusd = 3000;
	policy->default_queue = "general";
	add_desk(making);
	policy->say_disclosure = "You are talking to an AI.";
	policy->say_handed_over = "A colleague will be with you.";
	policy->say_handed_back = "The assistant is back.";
	policy->say_draft_pending = "A colleague checks the answer.";
	policy->say_resumed = "Now to your question.";
	policy->say_greeting = "";
}
