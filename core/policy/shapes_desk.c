/* SPDX-License-Identifier: Apache-2.0 */

/* The tables of escalation.yaml and desk.yaml: when a person is needed, and who that is. */

#include "core/policy/shapes_table.h"

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
const struct baton_shape baton_shape_escalation = { "escalation.yaml", "When a person is needed.",
						    escalation_fields, 0 };

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
const struct baton_shape baton_shape_desk = { "desk.yaml",
					      "Queues and the people who work on them.",
					      desk_fields, 0 };
