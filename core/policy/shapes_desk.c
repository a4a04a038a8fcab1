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
static const struct baton_field topic_fields[] = {
	{ "name", BATON_FIELD_NAME, REQUIRED, AT(struct baton_topic_def, name),
	  .doc = "security, billing, legal and person set the facts security, billing, legal and "
		 "asked_human; every name stands in `tags`." },
	{ "words", BATON_FIELD_TEXT, .flags = BATON_FIELD_MANY,
	  MANY_AT(struct baton_topic_def, words), .max = LISTED_MAX,
	  .doc = "Words and phrases that make a message one of this topic. Found whole, in any case." },
	{ "intents", BATON_FIELD_NAME, .flags = BATON_FIELD_MANY,
	  MANY_AT(struct baton_topic_def, intents), .max = LISTED_MAX,
	  .doc = "Intents that are of this topic." },
	{ 0 },
};
static const struct baton_shape topic_shape = { "a topic", "What a message speaks of.",
						topic_fields, sizeof(struct baton_topic_def) };
static const struct baton_field escalation_fields[] = {
	{ "topics", BATON_FIELD_LIST, MANY_AT(struct baton_policy, topics), .max = 32,
	  .shape = &topic_shape,
	  .doc = "Known by words, whatever a classifier says and whether there is one." },
	{ "rules", BATON_FIELD_LIST, REQUIRED, MANY_AT(struct baton_policy, rules),
	  .max = LISTED_MAX, .shape = &rule_shape,
	  .doc = "All are asked; the strictest action wins." },
	{ 0 },
};
const struct baton_shape baton_shape_escalation = { "escalation.yaml", "When a person is needed.",
						    escalation_fields, 0 };

/* --- desk.yaml --- */

static const char *const roles[] = { "agent", "supervisor", "admin", NULL };
static const char *const assigns[] = { "claim", "offer", NULL };

static const struct baton_field hours_fields[] = {
	{ "name", BATON_FIELD_NAME, REQUIRED, AT(struct baton_hours_def, name),
	  .doc = "How queues call them." },
	{ "timezone", BATON_FIELD_TEXT, REQUIRED, AT(struct baton_hours_def, timezone),
	  .max = BATON_NAME_BYTES_MAX,
	  .doc = "An IANA name such as Europe/Berlin; summer time is known to it." },
	{ "open", BATON_FIELD_FREE, REQUIRED, NOWHERE,
	  .doc = "Days and times: `mon-fri: \"09:00-17:30\"`, `sat: [\"10:00-12:00\", "
		 "\"13:00-15:00\"]`. A time that ends before it begins goes on past midnight." },
	{ "closed", BATON_FIELD_DATE, .flags = BATON_FIELD_MANY,
	  MANY_AT(struct baton_hours_def, closed), .max = LISTED_MAX,
	  .doc = "Dates that are closed all day, by the same timezone." },
	{ 0 },
};
static const struct baton_field tier_fields[] = {
	{ "name", BATON_FIELD_NAME, REQUIRED, AT(struct baton_customer_tier_def, name),
	  .doc = "As a signed identity says it." },
	{ "raise", BATON_FIELD_U32, AT(struct baton_customer_tier_def, raise), FROM_TO(0, 8),
	  .otherwise = "0", .doc = "Its cases come this many priorities earlier." },
	{ "first_reply", BATON_FIELD_MS, AT(struct baton_customer_tier_def, first_reply_ms),
	  FROM_TO(0, 30LL * DAY_MS), .otherwise = "0s",
	  .doc = "Its promise, where it is shorter than the queue's. 0s: the queue's." },
	{ 0 },
};
static const struct baton_field canned_fields[] = {
	{ "name", BATON_FIELD_NAME, REQUIRED, AT(struct baton_canned_def, name),
	  .doc = "What an agent types behind the slash." },
	{ "text", BATON_FIELD_TEXT, REQUIRED, AT(struct baton_canned_def, text), .max = TEXT_MAX,
	  .doc = "What it becomes; it can be changed before it is sent." },
	{ "queues", BATON_FIELD_NAME, .flags = BATON_FIELD_MANY,
	  MANY_AT(struct baton_canned_def, queues), .max = LISTED_MAX,
	  .doc = "Only for who works on one of these. Default: for all." },
	{ 0 },
};
static const struct baton_field queue_fields[] = {
	{ "name", BATON_FIELD_NAME, REQUIRED, AT(struct baton_queue_def, name),
	  .doc = "How routes, rules and agents call it." },
	{ "title", BATON_FIELD_TEXT, AT(struct baton_queue_def, title), .max = 200,
	  .doc = "What the console shows. Default: the name." },
	{ "skills", BATON_FIELD_NAME, .flags = BATON_FIELD_MANY,
	  MANY_AT(struct baton_queue_def, skills), .max = LISTED_MAX,
	  .doc = "What is asked of who is offered one of its cases: all of them." },
	{ "assign", BATON_FIELD_CHOICE, AT(struct baton_queue_def, assign), .words = assigns,
	  .otherwise = "claim",
	  .doc = "claim: people take what is next. offer: the desk offers each case to one of "
		 "them; the others may claim it all the same." },
	{ "offer_for", BATON_FIELD_MS, AT(struct baton_queue_def, offer_ms), FROM_TO(100, 3600000),
	  .otherwise = "20s", .doc = "An offer stands so long, then it goes to the next." },
	{ "relax_after", BATON_FIELD_MS, AT(struct baton_queue_def, relax_ms), FROM_TO(0, DAY_MS),
	  .otherwise = "2m",
	  .doc = "Waited so long for somebody of that skill and language: then anybody of the "
		 "queue is offered it. 0s: never." },
	{ "first_reply", BATON_FIELD_MS, AT(struct baton_queue_def, first_reply_ms),
	  FROM_TO(0, 30LL * DAY_MS), .otherwise = "0s",
	  .doc = "Promised from the customer's first unanswered message on, counted in open "
		 "hours. 0s: nothing is promised." },
	{ "return_after", BATON_FIELD_MS, AT(struct baton_queue_def, return_ms),
	  FROM_TO(0, 30LL * DAY_MS), .otherwise = "0s",
	  .doc = "Claimed, and the customer without a reply for so long: back to the queue. 0s: "
		 "never." },
	{ "age_step", BATON_FIELD_MS, AT(struct baton_queue_def, age_ms), FROM_TO(0, 7LL * DAY_MS),
	  .otherwise = "10m",
	  .doc = "Each time it has waited so long a case counts as one priority earlier. 0s: "
		 "never." },
	{ "hours", BATON_FIELD_NAME, NOWHERE,
	  .doc = "Name of its opening hours. Default: always open." },
	{ 0 },
};
static const struct baton_field agent_fields[] = {
	{ "id", BATON_FIELD_NAME, REQUIRED, AT(struct baton_agent_def, id),
	  .doc = "Its name in transcripts." },
	{ "name", BATON_FIELD_TEXT, REQUIRED, AT(struct baton_agent_def, name), .max = 64,
	  .doc = "What customers see." },
	{ "secret", BATON_FIELD_SECRET, AT(struct baton_agent_def, secret),
	  .doc = "Name of the secret that holds the agent's token. Not needed where identity.yaml "
		 "has a key that signs for agents." },
	{ "role", BATON_FIELD_WORD, AT(struct baton_agent_def, role), .otherwise = "agent",
	  .words = roles,
	  .doc = "A supervisor sees all queues, may take over and transfer what others own. An "
		 "admin sees how the server works, too, and takes no cases." },
	{ "queues", BATON_FIELD_NAME, .flags = BATON_FIELD_MANY,
	  MANY_AT(struct baton_agent_def, queues), .max = LISTED_MAX,
	  .doc = "Queues this agent works on. Default: all." },
	{ "skills", BATON_FIELD_NAME, .flags = BATON_FIELD_MANY,
	  MANY_AT(struct baton_agent_def, skills), .max = LISTED_MAX,
	  .doc = "What this agent can do." },
	{ "languages", BATON_FIELD_NAME, .flags = BATON_FIELD_MANY,
	  MANY_AT(struct baton_agent_def, languages), .max = LISTED_MAX,
	  .doc = "Languages this agent writes: en, de, fr. Default: any." },
	{ "capacity", BATON_FIELD_U32, AT(struct baton_agent_def, capacity), FROM_TO(0, 100),
	  .otherwise = "0",
	  .doc = "Cases at a time that are offered. Default: the desk's `capacity`." },
	{ 0 },
};
static const struct baton_shape queue_shape = { "a queue", "Where cases wait.", queue_fields,
						sizeof(struct baton_queue_def) };
static const struct baton_shape agent_shape = { "an agent", "A person at the desk.", agent_fields,
						sizeof(struct baton_agent_def) };
static const struct baton_shape hours_shape = { "opening hours", "When a queue is worked on.",
						hours_fields, sizeof(struct baton_hours_def) };
static const struct baton_shape tier_shape = { "a customer tier", "Who waits less.", tier_fields,
					       sizeof(struct baton_customer_tier_def) };
static const struct baton_shape canned_shape = { "a canned text", "A text block of the console.",
						 canned_fields, sizeof(struct baton_canned_def) };
#define DESK_LIST(member)                                     \
	.offset = offsetof(struct baton_policy, desk.member), \
	.count_offset = offsetof(struct baton_policy, desk.n_##member)
static const struct baton_field desk_fields[] = {
	{ "default_queue", BATON_FIELD_NAME, REQUIRED, AT(struct baton_policy, default_queue),
	  .doc = "Where cases go that nothing else sends elsewhere." },
	{ "queues", BATON_FIELD_LIST, REQUIRED, MANY_AT(struct baton_policy, queues), .max = 256,
	  .shape = &queue_shape, .doc = "At least one: a person must be reachable." },
	{ "agents", BATON_FIELD_LIST, MANY_AT(struct baton_policy, agents), .max = BATON_AGENTS_MAX,
	  .shape = &agent_shape, .doc = "Who works at the desk." },
	{ "hours", BATON_FIELD_LIST, DESK_LIST(hours), .max = 64, .shape = &hours_shape,
	  .doc = "Opening hours. Outside of them promises stand still; cases may be claimed all "
		 "the same." },
	{ "customer_tiers", BATON_FIELD_LIST, DESK_LIST(tiers), .max = 64, .shape = &tier_shape,
	  .doc = "Customers who wait less than others." },
	{ "canned", BATON_FIELD_LIST, DESK_LIST(canned), .max = LISTED_MAX, .shape = &canned_shape,
	  .doc = "Text blocks of the console." },
	{ "capacity", BATON_FIELD_U32, AT(struct baton_policy, desk.capacity), FROM_TO(1, 100),
	  .otherwise = "4", .doc = "Cases at a time that are offered to one agent." },
	{ "agent_lost_after", BATON_FIELD_MS, AT(struct baton_policy, desk.lost_ms),
	  FROM_TO(1000, DAY_MS), .otherwise = "90s",
	  .doc = "An agent whose console is gone for so long has lost his cases: they go back to "
		 "their places." },
	{ "customer_gone_after", BATON_FIELD_MS, AT(struct baton_policy, desk.abandon_ms),
	  FROM_TO(0, DAY_MS), .otherwise = "5m",
	  .doc = "A customer who waits and is gone for so long has given up. 0s: never." },
	{ "missed_offers", BATON_FIELD_U32, AT(struct baton_policy, desk.missed_offers),
	  FROM_TO(0, 100), .otherwise = "2",
	  .doc = "So many in a row without an answer, and the agent is set to away. 0: never." },
	{ 0 },
};
const struct baton_shape baton_shape_desk = { "desk.yaml",
					      "Queues and the people who work on them.",
					      desk_fields, 0 };
