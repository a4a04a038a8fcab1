/* SPDX-License-Identifier: Apache-2.0 */

/* The tables. A key is added here and nowhere else: reading, defaults, bounds, the sentence for a
 * mistake, and policies/schema/ all follow. The `doc` column is what an editor shows to an admin.
 */

#include "core/policy/shapes.h"

#include "core/base/limits.h"

#define AT(type, member) .offset = offsetof(type, member)
#define MANY_AT(type, member) \
	.offset = offsetof(type, member), .count_offset = offsetof(type, n_##member)
#define NOWHERE .offset = BATON_FIELD_NOWHERE
#define REQUIRED .flags = BATON_FIELD_REQUIRED
#define FROM_TO(a, b) .min = (a), .max = (b)

enum { DAY_MS = 86400000, TEXT_MAX = 2000, LISTED_MAX = 1000 };

/* --- modules.yaml --- */

static const char *const kinds[] = { "classifier", "provider",  "rule",
				     "transcript", "retriever", NULL };
static const char *const isolations[] = { "inline", "process", NULL };

static const struct baton_field module_fields[] = {
	{ "name", BATON_FIELD_NAME, REQUIRED, AT(struct baton_policy_module, name),
	  .doc = "How other files call it." },
	{ "file", BATON_FIELD_FILE, REQUIRED, AT(struct baton_policy_module, file),
	  .doc = "The shared object within the modules directory. Several entries may use one." },
	{ "kind", BATON_FIELD_WORD, REQUIRED, AT(struct baton_policy_module, kind), .words = kinds,
	  .doc = "What it is used as." },
	{ "isolation", BATON_FIELD_WORD, AT(struct baton_policy_module, isolation),
	  .otherwise = "inline", .words = isolations,
	  .doc = "Where it runs. Only inline (in the server) exists in this version." },
	{ "egress", BATON_FIELD_PEER, .flags = BATON_FIELD_MANY,
	  MANY_AT(struct baton_policy_module, egress), .max = LISTED_MAX,
	  .doc = "host:port it may reach through the server. Nothing else is reachable." },
	{ "secrets", BATON_FIELD_SECRET, .flags = BATON_FIELD_MANY,
	  MANY_AT(struct baton_policy_module, secrets), .max = LISTED_MAX,
	  .doc = "Names of the secrets it may use in HTTP headers. It never sees the values." },
	{ "knowledge", BATON_FIELD_BOOL, AT(struct baton_policy_module, knowledge),
	  .otherwise = "false",
	  .doc = "Hand it the articles of knowledge/. For retrievers and providers." },
	{ "config", BATON_FIELD_FREE, NOWHERE,
	  .doc = "What the module itself wants; its manual says." },
	{ 0 },
};
static const struct baton_shape module_shape = { "a module", "Something that is loaded.",
						 module_fields,
						 sizeof(struct baton_policy_module) };
static const struct baton_field modules_fields[] = {
	{ "modules", BATON_FIELD_LIST, REQUIRED, MANY_AT(struct baton_policy, modules), .max = 256,
	  .shape = &module_shape, .doc = "What to load, and as what." },
	{ 0 },
};

/* --- targets.yaml --- */

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
	{ 0 },
};
static const struct baton_shape target_shape = { "a target", "A provider, a model and an account.",
						 target_fields, sizeof(struct baton_target) };
static const struct baton_field targets_fields[] = {
	{ "targets", BATON_FIELD_LIST, REQUIRED, MANY_AT(struct baton_policy, targets),
	  .max = LISTED_MAX, .shape = &target_shape, .doc = "Whom a route can ask." },
	{ 0 },
};

/* --- routes.yaml --- */

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
	{ "disable_tools_on_fallback", BATON_FIELD_BOOL,
	  AT(struct baton_route, disable_tools_on_fallback), .otherwise = "false",
	  .doc = "A fallback answers without tools." },
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

/* --- classes.yaml --- */

static const char *const on_failures[] = { "fallback", "escalate", "review", NULL };
static const char *const on_restarts[] = { "rerun", "hand_over", NULL };

static const struct baton_field class_fields[] = {
	{ "name", BATON_FIELD_NAME, REQUIRED, AT(struct baton_class, name),
	  .doc = "How intents and routes call it." },
	{ "on_failure", BATON_FIELD_CHOICE, REQUIRED, AT(struct baton_class, on_failure),
	  .words = on_failures,
	  .doc = "When the primary fails: fallback = ask the route's fallbacks, then a person; "
		 "escalate = a person at once, unless the fallback is approved by name; "
		 "review = fallbacks only write drafts that a person sends." },
	{ "approved", BATON_FIELD_NAME, .flags = BATON_FIELD_MANY,
	  MANY_AT(struct baton_class, approved), .max = LISTED_MAX,
	  .doc = "Targets that may stand in for the primary, by name." },
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

/* --- escalation.yaml --- */

static const char *const stages[] = { "before", "after", NULL };
static const char *const actions[] = { "offer_human", "review", "escalate", "escalate_now", NULL };

static const struct baton_field rule_fields[] = {
	{ "id", BATON_FIELD_NAME, REQUIRED, AT(struct baton_rule_def, id),
	  .doc = "Its name in transcripts. Keep it." },
	{ "stage", BATON_FIELD_WORD, AT(struct baton_rule_def, stage), .otherwise = "before",
	  .words = stages,
	  .doc = "before any model is asked, or after an answer is there and unseen." },
	{ "when", BATON_FIELD_EXPR, REQUIRED, AT(struct baton_rule_def, when),
	  .doc = "A condition over facts; see docs/RULES.md." },
	{ "action", BATON_FIELD_WORD, REQUIRED, AT(struct baton_rule_def, action), .words = actions,
	  .doc = "What happens. The strictest of all rules that fire wins." },
	{ "queue", BATON_FIELD_NAME, AT(struct baton_rule_def, queue),
	  .doc = "Where to. Default: the queue of the intent's route." },
	{ "priority", BATON_FIELD_U32, AT(struct baton_rule_def, priority), FROM_TO(1, 9),
	  .otherwise = "5", .doc = "1 first, 9 last." },
	{ "reason", BATON_FIELD_TEXT, REQUIRED, AT(struct baton_rule_def, reason), .max = 200,
	  .doc = "What the agent reads." },
	{ "reversible", BATON_FIELD_BOOL, AT(struct baton_rule_def, reversible),
	  .otherwise = "false",
	  .doc = "May return to automation while nobody has claimed the case." },
	{ 0 },
};
static const struct baton_shape rule_shape = { "a rule", "When a person is needed.", rule_fields,
					       sizeof(struct baton_rule_def) };
static const struct baton_field escalation_fields[] = {
	{ "rules", BATON_FIELD_LIST, REQUIRED, MANY_AT(struct baton_policy, rules),
	  .max = LISTED_MAX, .shape = &rule_shape,
	  .doc = "All are asked; the strictest action wins." },
	{ 0 },
};

/* --- desk.yaml --- */

static const char *const roles[] = { "agent", "supervisor", NULL };

static const struct baton_field queue_fields[] = {
	{ "name", BATON_FIELD_NAME, REQUIRED, AT(struct baton_queue_def, name),
	  .doc = "How routes, rules and agents call it." },
	{ "title", BATON_FIELD_TEXT, AT(struct baton_queue_def, title), .max = 200,
	  .doc = "What the console shows. Default: the name." },
	{ "skills", BATON_FIELD_NAME, .flags = BATON_FIELD_MANY,
	  MANY_AT(struct baton_queue_def, skills), .max = LISTED_MAX,
	  .doc = "What its cases ask for." },
	{ 0 },
};
static const struct baton_field agent_fields[] = {
	{ "id", BATON_FIELD_NAME, REQUIRED, AT(struct baton_agent_def, id),
	  .doc = "Its name in transcripts." },
	{ "name", BATON_FIELD_TEXT, REQUIRED, AT(struct baton_agent_def, name), .max = 64,
	  .doc = "What customers see." },
	{ "secret", BATON_FIELD_SECRET, REQUIRED, AT(struct baton_agent_def, secret),
	  .doc = "Name of the secret that holds the agent's token." },
	{ "role", BATON_FIELD_WORD, AT(struct baton_agent_def, role), .otherwise = "agent",
	  .words = roles, .doc = "A supervisor may take over and transfer what others own." },
	{ "queues", BATON_FIELD_NAME, .flags = BATON_FIELD_MANY,
	  MANY_AT(struct baton_agent_def, queues), .max = LISTED_MAX,
	  .doc = "Queues this agent works on. Default: all." },
	{ 0 },
};
static const struct baton_shape queue_shape = { "a queue", "Where cases wait.", queue_fields,
						sizeof(struct baton_queue_def) };
static const struct baton_shape agent_shape = { "an agent", "A person at the desk.", agent_fields,
						sizeof(struct baton_agent_def) };
static const struct baton_field desk_fields[] = {
	{ "default_queue", BATON_FIELD_NAME, REQUIRED, AT(struct baton_policy, default_queue),
	  .doc = "Where cases go that nothing else sends elsewhere." },
	{ "queues", BATON_FIELD_LIST, REQUIRED, MANY_AT(struct baton_policy, queues), .max = 256,
	  .shape = &queue_shape, .doc = "At least one: a person must be reachable." },
	{ "agents", BATON_FIELD_LIST, MANY_AT(struct baton_policy, agents), .max = BATON_AGENTS_MAX,
	  .shape = &agent_shape, .doc = "Who works at the desk." },
	{ 0 },
};

/* --- channel.yaml --- */

static const struct baton_field say_fields[] = {
	{ "disclosure", BATON_FIELD_TEXT, AT(struct baton_policy, say_disclosure), .max = TEXT_MAX,
	  .min = 1,
	  .otherwise =
		  "You are chatting with an AI assistant. You can ask for a person at any time.",
	  .doc = "Says that this is an AI. Cannot be empty." },
	{ "greeting", BATON_FIELD_TEXT, AT(struct baton_policy, say_greeting), .max = TEXT_MAX,
	  .otherwise = "Hello! How can we help?", .doc = "The first line of the chat." },
	{ "handed_over", BATON_FIELD_TEXT, AT(struct baton_policy, say_handed_over),
	  .max = TEXT_MAX, .min = 1,
	  .otherwise = "I am passing you to a colleague, who can see everything you have written. "
		       "You will not have to repeat anything.",
	  .doc = "When the conversation goes to a person." },
	{ "handed_back", BATON_FIELD_TEXT, AT(struct baton_policy, say_handed_back),
	  .max = TEXT_MAX, .min = 1,
	  .otherwise = "The assistant is with you again. You can ask for a person at any time.",
	  .doc = "When an agent gives the conversation back." },
	{ "draft_pending", BATON_FIELD_TEXT, AT(struct baton_policy, say_draft_pending),
	  .max = TEXT_MAX, .min = 1,
	  .otherwise = "Thank you. A colleague is looking over the answer and will send it here.",
	  .doc = "When a draft waits for a person." },
	{ "resumed", BATON_FIELD_TEXT, AT(struct baton_policy, say_resumed), .max = TEXT_MAX,
	  .otherwise = "Thank you for waiting. The assistant goes on with your question.",
	  .doc = "When a degraded mode ends and the assistant takes up what had to wait." },
	{ 0 },
};
static const struct baton_shape say_shape = { "`say`", "Baton's own sentences to customers.",
					      say_fields, 0 };
static const struct baton_field channel_fields[] = {
	{ "origins", BATON_FIELD_ORIGIN, .flags = BATON_FIELD_MANY,
	  MANY_AT(struct baton_policy, origins), .max = LISTED_MAX,
	  .doc = "Web pages that may open a chat: exact origins, or `self`." },
	{ "say", BATON_FIELD_MAP, .shape = &say_shape, NOWHERE,
	  .doc = "What Baton itself says; English unless written here." },
	{ 0 },
};

/* --- intents/ and knowledge/ --- */

static const struct baton_field intent_fields[] = {
	{ "name", BATON_FIELD_NAME, REQUIRED, AT(struct baton_intent_def, name),
	  .doc = "How routes call it." },
	{ "class", BATON_FIELD_NAME, REQUIRED, AT(struct baton_intent_def, class_name),
	  .doc = "Name of a class." },
	{ "tier", BATON_FIELD_U32, REQUIRED, AT(struct baton_intent_def, tier), FROM_TO(1, 3),
	  .doc = "1 automated, 2 a person sends the draft, 3 a person owns it." },
	{ "min_confidence", BATON_FIELD_PPM, AT(struct baton_intent_def, min_confidence_ppm),
	  FROM_TO(0, 1), .otherwise = "0.3",
	  .doc = "Below this the message counts as not understood." },
	{ "internal", BATON_FIELD_BOOL, AT(struct baton_intent_def, internal), .otherwise = "false",
	  .doc = "Work of Baton's own, such as drafting for an agent: never looked for in messages." },
	{ "examples", BATON_FIELD_TEXT, .flags = BATON_FIELD_MANY,
	  MANY_AT(struct baton_intent_def, examples), .max = LISTED_MAX,
	  .doc = "What customers write. At least two; twenty are good." },
	{ 0 },
};
static const struct baton_shape intent_shape = { "an intent", "Something customers want.",
						 intent_fields, sizeof(struct baton_intent_def) };
static const struct baton_field intents_fields[] = {
	{ "intents", BATON_FIELD_LIST, REQUIRED, MANY_AT(struct baton_intents_file, intents),
	  .max = 4096, .shape = &intent_shape, .doc = "One or several." },
	{ 0 },
};

static const char *const audiences[] = { "customers", "agents", NULL };
static const struct baton_field article_fields[] = {
	{ "title", BATON_FIELD_TEXT, REQUIRED, AT(struct baton_article, title), .max = 200,
	  .doc = "The question it answers, or its subject." },
	{ "also", BATON_FIELD_TEXT, .flags = BATON_FIELD_MANY, MANY_AT(struct baton_article, also),
	  .max = LISTED_MAX, .doc = "Other ways to ask for it." },
	{ "intents", BATON_FIELD_NAME, .flags = BATON_FIELD_MANY,
	  MANY_AT(struct baton_article, intents), .max = LISTED_MAX,
	  .doc = "Intents whose messages it answers: it is then found without a common word." },
	{ "audience", BATON_FIELD_WORD, AT(struct baton_article, audience),
	  .otherwise = "customers", .words = audiences,
	  .doc = "customers, or agents only: then no module gets it." },
	{ "updated", BATON_FIELD_DATE, REQUIRED, AT(struct baton_article, updated),
	  .doc = "When somebody last made sure that it is true." },
	{ "valid_until", BATON_FIELD_DATE, AT(struct baton_article, valid_until),
	  .doc = "Last day it may be used. Default: no end." },
	{ "uri", BATON_FIELD_TEXT, AT(struct baton_article, uri), .max = 1000,
	  .doc = "Public address of the page. Default: the file's name." },
	{ 0 },
};

static const struct baton_shape shapes[] = {
	[BATON_SHAPE_MODULES] = { "modules.yaml", "What is loaded, and as what.", modules_fields,
				  0 },
	[BATON_SHAPE_TARGETS] = { "targets.yaml", "Whom a route can ask.", targets_fields, 0 },
	[BATON_SHAPE_ROUTES] = { "routes.yaml", "What is done about each intent.", routes_fields,
				 0 },
	[BATON_SHAPE_CLASSES] = { "classes.yaml", "What kinds of work may do when things fail.",
				  classes_fields, 0 },
	[BATON_SHAPE_ESCALATION] = { "escalation.yaml", "When a person is needed.",
				     escalation_fields, 0 },
	[BATON_SHAPE_DESK] = { "desk.yaml", "Queues and the people who work on them.", desk_fields,
			       0 },
	[BATON_SHAPE_CHANNEL] = { "channel.yaml",
				  "Where the chat may stand, and what Baton itself says.",
				  channel_fields, 0 },
	[BATON_SHAPE_INTENTS] = { "an intents file", "What customers want, with examples.",
				  intents_fields, sizeof(struct baton_intents_file) },
	[BATON_SHAPE_KNOWLEDGE] = { "the front matter",
				    "The lines between --- at the top of an article.",
				    article_fields, sizeof(struct baton_article) },
};

const struct baton_shape_file baton_shape_files[BATON_SHAPES_N] = {
	[BATON_SHAPE_MODULES] = { "modules.yaml", NULL, true, &shapes[BATON_SHAPE_MODULES] },
	[BATON_SHAPE_TARGETS] = { "targets.yaml", NULL, true, &shapes[BATON_SHAPE_TARGETS] },
	[BATON_SHAPE_ROUTES] = { "routes.yaml", NULL, true, &shapes[BATON_SHAPE_ROUTES] },
	[BATON_SHAPE_CLASSES] = { "classes.yaml", NULL, true, &shapes[BATON_SHAPE_CLASSES] },
	[BATON_SHAPE_ESCALATION] = { "escalation.yaml", NULL, false,
				     &shapes[BATON_SHAPE_ESCALATION] },
	[BATON_SHAPE_DESK] = { "desk.yaml", NULL, true, &shapes[BATON_SHAPE_DESK] },
	[BATON_SHAPE_CHANNEL] = { "channel.yaml", NULL, false, &shapes[BATON_SHAPE_CHANNEL] },
	[BATON_SHAPE_INTENTS] = { "intents", ".yaml", false, &shapes[BATON_SHAPE_INTENTS] },
	[BATON_SHAPE_KNOWLEDGE] = { "knowledge", ".md", false, &shapes[BATON_SHAPE_KNOWLEDGE] },
	[BATON_SHAPE_PROMPTS] = { "prompts", ".md", false, NULL },
};
