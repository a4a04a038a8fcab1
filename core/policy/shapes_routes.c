/* SPDX-License-Identifier: Apache-2.0 */

/* The tables of targets.yaml, routes.yaml and classes.yaml: whom we ask, in which order, and what a
 * kind of work may do when that fails. */

#include "core/policy/shapes_table.h"

const char *const baton_trigger_words[] = {
#define TRIGGER(NAME, word, meaning) word,
#include "core/route/triggers.def"
#undef TRIGGER
	NULL
};

/* --- targets.yaml --- */

/* The defaults of the breaker stand here and nowhere else. They keep two promises together: at most
 * five calls of the primary in an outage of a minute, and back in use within 30 s of its end. */
static const struct baton_field breaker_fields[] = {
	{ "failures", BATON_FIELD_U32, AT(struct baton_target, breaker.failures), FROM_TO(1, 1000),
	  .otherwise = "3", .doc = "So many failed calls in a row open it." },
	{ "share", BATON_FIELD_PPM, AT(struct baton_target, breaker.share_ppm), FROM_TO(0, 1),
	  .otherwise = "0.5",
	  .doc = "So large a share of failed calls opens it, if there were min_calls in the window." },
	{ "min_calls", BATON_FIELD_U32, AT(struct baton_target, breaker.min_calls),
	  FROM_TO(2, 100000), .otherwise = "20", .doc = "Fewer calls say nothing about a share." },
	{ "window", BATON_FIELD_MS, AT(struct baton_target, breaker.window_ms),
	  FROM_TO(1000, DAY_MS), .otherwise = "60s", .doc = "How far back the share looks." },
	{ "open", BATON_FIELD_MS, AT(struct baton_target, breaker.open_ms), FROM_TO(100, DAY_MS),
	  .otherwise = "15s", .doc = "Wait before one call tries whether it is back." },
	{ "open_max", BATON_FIELD_MS, AT(struct baton_target, breaker.open_max_ms),
	  FROM_TO(100, DAY_MS), .otherwise = "25s",
	  .doc = "Each failed try doubles the wait, up to this." },
	{ 0 },
};
static const struct baton_shape breaker_shape = { "`breaker`", "When a target counts as down.",
						  breaker_fields, 0 };

static const struct baton_field target_fields[] = {
	{ "name", BATON_FIELD_NAME, REQUIRED, AT(struct baton_target, name),
	  .doc = "How routes call it." },
	{ "provider", BATON_FIELD_NAME, REQUIRED, AT(struct baton_target, provider),
	  .doc = "Name of a module of kind provider." },
	{ "model", BATON_FIELD_TEXT, AT(struct baton_target, model), .otherwise = "", .max = 256,
	  .doc = "The model's name as the provider spells it." },
	{ "account", BATON_FIELD_NAME, AT(struct baton_target, account),
	  .doc = "Whose credit it uses. Targets of one account fail together when it is blocked. "
		 "Default: the provider's name." },
	{ "prompt", BATON_FIELD_NAME, AT(struct baton_target, prompt),
	  .doc = "File of prompts/ without .md: the system prompt." },
	{ "in_usd_per_mtok", BATON_FIELD_MICRO, AT(struct baton_target, in_microusd_per_mtok),
	  FROM_TO(0, 1000000), .otherwise = "0",
	  .doc = "Price of a million input tokens in US dollars." },
	{ "out_usd_per_mtok", BATON_FIELD_MICRO, AT(struct baton_target, out_microusd_per_mtok),
	  FROM_TO(0, 1000000), .otherwise = "0",
	  .doc = "Price of a million output tokens in US dollars." },
	{ "max_output_tokens", BATON_FIELD_U32, AT(struct baton_target, max_output_tokens),
	  FROM_TO(1, 1000000), .otherwise = "1024", .doc = "Longest answer." },
	{ "temperature", BATON_FIELD_MILLI, AT(struct baton_target, temperature_milli),
	  FROM_TO(0, 2), .doc = "0 to 2. Default: the provider's." },
	{ "tools", BATON_FIELD_BOOL, AT(struct baton_target, tools), .otherwise = "false",
	  .doc = "The model may call tools." },
	{ "local", BATON_FIELD_BOOL, AT(struct baton_target, local), .otherwise = "false",
	  .doc = "Needs no network: stays up when everything else is down." },
	{ "region", BATON_FIELD_NAME, AT(struct baton_target, region),
	  .doc = "Where it runs: what an outage of a region takes with it. Default: none." },
	{ "context_tokens", BATON_FIELD_U32, AT(struct baton_target, context_tokens),
	  FROM_TO(256, 100000000),
	  .doc = "Longest prompt and answer together: prompts are cut to it. Default: unknown; prompts "
		 "have room for 8192 tokens." },
	{ "max_concurrent", BATON_FIELD_U32, AT(struct baton_target, max_concurrent),
	  FROM_TO(1, BATON_TARGET_CALLS_MAX),
	  .doc = "Calls at once, so that a slow target cannot hold everybody. Default: 2000." },
	{ "can_continue", BATON_FIELD_BOOL, AT(struct baton_target, can_continue),
	  .otherwise = "false",
	  .doc = "Goes on from the middle of an answer that another target began. Otherwise the "
		 "answer starts again, and the customer sees that it does." },
	{ "substitute", BATON_FIELD_NAME, AT(struct baton_target, substitute),
	  .doc = "Target that is asked while an admin has switched this one off. Default: the "
		 "route's fallbacks." },
	{ "breaker", BATON_FIELD_MAP, NOWHERE, .shape = &breaker_shape,
	  .doc = "When it counts as down, and when it is tried again." },
	{ 0 },
};
static const struct baton_shape target_shape = { "a target", "A provider, a model and an account.",
						 target_fields, sizeof(struct baton_target) };
static const struct baton_field targets_fields[] = {
	{ "targets", BATON_FIELD_LIST, REQUIRED, MANY_AT(struct baton_policy, targets),
	  .max = LISTED_MAX, .shape = &target_shape, .doc = "Whom a route can ask." },
	{ 0 },
};
const struct baton_shape baton_shape_targets = { "targets.yaml", "Whom a route can ask.",
						 targets_fields, 0 };

/* --- routes.yaml --- */

static const struct baton_field switch_fields[] = {
	{ "when", BATON_FIELD_EXPR, REQUIRED, AT(struct baton_switch_def, when),
	  .doc = "A condition over facts; see docs/RULES.md." },
	{ "to", BATON_FIELD_NAME, REQUIRED, NOWHERE,
	  .doc = "Target that is asked first instead, or `person`." },
	{ "trigger", BATON_FIELD_WORD, AT(struct baton_switch_def, trigger),
	  .otherwise = "condition", .words = TRIGGER_WORDS,
	  .doc = "Why, in one word of docs/POLICIES.md: what metrics and transcripts count." },
	{ "reason", BATON_FIELD_TEXT, AT(struct baton_switch_def, reason), .max = 200,
	  .doc = "Why, in a sentence for the transcript. Default: the trigger's meaning." },
	{ 0 },
};
static const struct baton_shape switch_shape = { "a switch",
						 "Another first target while a condition holds.",
						 switch_fields, sizeof(struct baton_switch_def) };

static const struct baton_field lookup_fields[] = {
	{ "tool", BATON_FIELD_NAME, REQUIRED, NOWHERE,
	  .doc = "A tool that only looks up and needs nobody's leave; or, with `propose`, one that "
		 "needs it." },
	{ "arguments", BATON_FIELD_FREE, NOWHERE,
	  .doc = "What it is given. \"{{slot}}\" in a text is what the customer has named; while it is "
		 "not known, the call is not made." },
	{ "propose", BATON_FIELD_BOOL, AT(struct baton_lookup_def, propose), .otherwise = "false",
	  .doc = "It is not called but proposed to a person, once all that it is given is known: what "
		 "a model would ask for, where there is none. Not in tier 1." },
	{ "ask", BATON_FIELD_TEXT, AT(struct baton_lookup_def, ask), .otherwise = "", .max = 500,
	  .doc = "What a customer is asked who has not named it, by a provider without a model." },
	{ 0 },
};
static const struct baton_shape lookup_shape = { "a look-up",
						 "A call that is made before any model is asked.",
						 lookup_fields, sizeof(struct baton_lookup_def) };

static const char *const groundings[] = { "off", "cited", "required", NULL };

static const struct baton_field route_fields[] = {
	{ "intent", BATON_FIELD_NAME, REQUIRED, AT(struct baton_route, intent),
	  .doc = "Name of an intent, or `default` for all that have no route of their own." },
	{ "primary", BATON_FIELD_NAME, NOWHERE,
	  .doc = "Target that is asked first. Tier 3 needs none." },
	{ "fallback", BATON_FIELD_NAME, .flags = BATON_FIELD_MANY | BATON_FIELD_ONE_OR_MANY,
	  NOWHERE, .max = BATON_ROUTE_FALLBACKS_MAX,
	  .doc = "Target or targets that are asked next, in order." },
	{ "max_p95_ms", BATON_FIELD_MS, AT(struct baton_route, max_p95_ms), FROM_TO(1, DAY_MS),
	  .doc = "When 5 % of answers take longer than this, the primary counts as degraded." },
	{ "min_tokens_per_s", BATON_FIELD_U32, AT(struct baton_route, min_tokens_per_s),
	  FROM_TO(0, 100000), .otherwise = "2",
	  .doc = "A slower stream counts as a stall: words a second, nearly. 0: no floor." },
	{ "turn_usd", BATON_FIELD_MICRO, AT(struct baton_route, turn_microusd), FROM_TO(0, 1000000),
	  .otherwise = "0",
	  .doc = "What one message may cost, in US dollars. Default: that of budgets.yaml." },
	{ "day_usd", BATON_FIELD_MICRO, AT(struct baton_route, day_microusd), FROM_TO(0, 1000000),
	  .otherwise = "0",
	  .doc = "What this route may cost in one day (UTC). Default: no ceiling of its own." },
	{ "switches", BATON_FIELD_LIST, MANY_AT(struct baton_route, switches),
	  .max = BATON_ROUTE_SWITCHES_MAX, .shape = &switch_shape,
	  .doc = "Other first targets while a condition holds. The first that holds wins." },
	{ "tools", BATON_FIELD_NAME, .flags = BATON_FIELD_MANY, NOWHERE,
	  .max = BATON_ROUTE_TOOLS_MAX,
	  .doc = "Tools of tools.yaml that its model may ask for. Default: none." },
	{ "tool_rounds", BATON_FIELD_U32, AT(struct baton_route, tool_rounds),
	  FROM_TO(1, BATON_TOOL_ROUNDS_MAX), .otherwise = "4",
	  .doc = "How often in one turn the model may ask for tools before it has to answer." },
	{ "lookups", BATON_FIELD_LIST, MANY_AT(struct baton_route, lookups),
	  .max = BATON_LOOKUPS_MAX, .shape = &lookup_shape,
	  .doc = "Tools that are called before any model is asked, in this order." },
	{ "disable_tools_on_fallback", BATON_FIELD_BOOL,
	  AT(struct baton_route, disable_tools_on_fallback), .otherwise = "false",
	  .doc = "A fallback answers without tools; what look-ups brought it is shown all the same." },
	{ "first_token_ms", BATON_FIELD_MS, AT(struct baton_route, first_token_ms),
	  FROM_TO(100, BATON_TURN_TOTAL_MS), .otherwise = "8000",
	  .doc = "Longest wait for the first word." },
	{ "stall_ms", BATON_FIELD_MS, AT(struct baton_route, stall_ms),
	  FROM_TO(100, BATON_TURN_TOTAL_MS), .otherwise = "5000",
	  .doc = "Longest silence between two words." },
	{ "total_ms", BATON_FIELD_MS, AT(struct baton_route, total_ms),
	  FROM_TO(1000, BATON_TURN_TOTAL_MS), .otherwise = "30000",
	  .doc = "Longest time to an outcome, all attempts together." },
	{ "class", BATON_FIELD_NAME, NOWHERE, .doc = "Name of a class. Default: the intent's." },
	{ "tier", BATON_FIELD_U32, AT(struct baton_route, tier), FROM_TO(1, 3),
	  .doc = "1 automated, 2 a person sends the draft, 3 a person owns it. Never below the intent's. "
		 "Default: the intent's; 3 for the default route." },
	{ "queue", BATON_FIELD_NAME, AT(struct baton_route, queue),
	  .doc = "Where it is handed over to. Default: default_queue of desk.yaml." },
	{ "grounding", BATON_FIELD_CHOICE, AT(struct baton_route, grounding), .words = groundings,
	  .otherwise = "cited",
	  .doc = "What its answers must rest on: cited = what it cites was found by the search; "
		 "required = and it cites something, or says that it does not know; off = sources are "
		 "not looked at. An answer that fails is not sent (docs/PROMPTS.md)." },
	{ "plan", BATON_FIELD_BOOL, AT(struct baton_route, plan), .otherwise = "false",
	  .doc = "Before anything is looked up or changed, what is to be done is written down; nothing "
		 "else is done then." },
	{ 0 },
};
static const struct baton_shape route_shape = { "a route", "What is done about an intent.",
						route_fields, sizeof(struct baton_route) };
static const struct baton_field routes_fields[] = {
	{ "routes", BATON_FIELD_LIST, REQUIRED, MANY_AT(struct baton_policy, routes), .max = 4096,
	  .shape = &route_shape,
	  .doc = "One for each intent that needs its own, and one `default`." },
	{ 0 },
};
const struct baton_shape baton_shape_routes = { "routes.yaml", "What is done about each intent.",
						routes_fields, 0 };

/* --- classes.yaml --- */

static const char *const on_failures[] = { "fallback", "escalate", "review", "pause", NULL };
static const char *const on_restarts[] = { "rerun", "hand_over", NULL };

static const struct baton_field class_fields[] = {
	{ "name", BATON_FIELD_NAME, REQUIRED, AT(struct baton_class, name),
	  .doc = "How intents and routes call it." },
	{ "on_failure", BATON_FIELD_CHOICE, REQUIRED, AT(struct baton_class, on_failure),
	  .words = on_failures,
	  .doc = "When the primary fails: fallback = ask the route's fallbacks, then a person; "
		 "escalate = a person at once, unless the fallback is approved by name; "
		 "review = fallbacks only write drafts that a person sends; "
		 "pause = nobody stands in: the class's mode holds the message." },
	{ "approved", BATON_FIELD_NAME, .flags = BATON_FIELD_MANY,
	  MANY_AT(struct baton_class, approved), .max = LISTED_MAX,
	  .doc = "Targets that may stand in for the primary, by name." },
	{ "critical", BATON_FIELD_BOOL, AT(struct baton_class, critical), .otherwise = "false",
	  .doc = "A primary that is merely degraded already means a person, at once, without "
		 "another try." },
	{ "needs", BATON_FIELD_NAME, .flags = BATON_FIELD_MANY, MANY_AT(struct baton_class, needs),
	  .max = 16,
	  .doc = "Modules (guards, verifiers) without which its work stops: while one of them does "
		 "not work, a person gets the message." },
	{ "unattended", BATON_FIELD_NAME, .flags = BATON_FIELD_MANY,
	  MANY_AT(struct baton_class, unattended), .max = BATON_TOOLS_MAX,
	  .doc = "Tools that change something and may do so in this class without a person's leave." },
	{ "approve_all", BATON_FIELD_BOOL, AT(struct baton_class, approve_all),
	  .otherwise = "false",
	  .doc = "Every call of a tool needs a person's leave, also one that only looks up." },
	{ "mode", BATON_FIELD_NAME, NOWHERE,
	  .doc = "Mode of modes.yaml that holds a message when nobody is left to ask. Default: a "
		 "person." },
	{ "mark_substitute", BATON_FIELD_BOOL, AT(struct baton_class, mark_substitute),
	  .otherwise = "true", .doc = "Answers of a fallback are marked as such." },
	{ "on_restart", BATON_FIELD_WORD, AT(struct baton_class, on_restart), .otherwise = "rerun",
	  .words = on_restarts,
	  .doc = "A question that was being answered when the server stopped: "
		 "rerun it, or hand it over to a person." },
	{ 0 },
};
static const struct baton_shape class_shape = { "a class",
						"What a kind of work may do when things fail.",
						class_fields, sizeof(struct baton_class) };
static const struct baton_field classes_fields[] = {
	{ "classes", BATON_FIELD_LIST, REQUIRED, MANY_AT(struct baton_policy, classes), .max = 256,
	  .shape = &class_shape, .doc = "The workflow classes." },
	{ 0 },
};
const struct baton_shape baton_shape_classes = { "classes.yaml",
						 "What kinds of work may do when things fail.",
						 classes_fields, 0 };
