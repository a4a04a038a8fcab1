/* SPDX-License-Identifier: Apache-2.0 */

/* The tables of modes.yaml, budgets.yaml and alerts.yaml: what happens while things are not as they
 * should be, what it may cost, and what rings. */

#include "core/policy/shapes_table.h"

enum { WEEK_MS = 7 * DAY_MS };

/* --- modes.yaml --- */

static const char *const mode_dos[] = {
	"intake", "ticket", "templated", "pause", "substitute", NULL
};
static const char *const mode_expiries[] = { "hand_over", "normal", "next", NULL };

static const struct baton_field applies_fields[] = {
	{ "intents", BATON_FIELD_NAME, .flags = BATON_FIELD_MANY,
	  MANY_AT(struct baton_mode_def, intents), .max = LISTED_MAX,
	  .doc = "Messages understood as one of these." },
	{ "classes", BATON_FIELD_NAME, .flags = BATON_FIELD_MANY,
	  MANY_AT(struct baton_mode_def, classes), .max = LISTED_MAX,
	  .doc = "Work of one of these classes." },
	{ 0 },
};
static const struct baton_shape applies_shape = { "`applies_to`", "Whom a mode concerns.",
						  applies_fields, 0 };
static const struct baton_field mode_fields[] = {
	{ "name", BATON_FIELD_NAME, REQUIRED, AT(struct baton_mode_def, name),
	  .doc = "Its name for admins, transcripts and metrics." },
	{ "do", BATON_FIELD_CHOICE, REQUIRED, AT(struct baton_mode_def, what), .words = mode_dos,
	  .doc = "intake = the message becomes a case, a person answers; ticket = the same, and the "
		 "customer is told that the answer comes later; templated = a prepared text as a "
		 "draft that a person must review; pause = the message is kept and answered when the "
		 "mode ends; substitute = `use` answers in place of the primary." },
	{ "applies_to", BATON_FIELD_MAP, NOWHERE, .shape = &applies_shape,
	  .doc = "Whom it concerns. Default: everybody." },
	{ "enter_when", BATON_FIELD_EXPR, AT(struct baton_mode_def, enter_when),
	  .doc = "Condition over the facts of a mode that enters it. Default: only an admin or a "
		 "class enters it." },
	{ "enter_for", BATON_FIELD_MS, AT(struct baton_mode_def, enter_for_ms), FROM_TO(0, DAY_MS),
	  .otherwise = "0s", .doc = "How long enter_when must hold without a break." },
	{ "recover_when", BATON_FIELD_EXPR, AT(struct baton_mode_def, recover_when),
	  .doc = "Condition that ends it. Needed, unless only an admin enters it." },
	{ "recover_for", BATON_FIELD_MS, AT(struct baton_mode_def, recover_for_ms),
	  FROM_TO(0, DAY_MS), .otherwise = "0s",
	  .doc = "How long recover_when must hold without a break." },
	{ "max_duration", BATON_FIELD_MS, REQUIRED, AT(struct baton_mode_def, max_duration_ms),
	  FROM_TO(1000, WEEK_MS), .doc = "It never lasts longer; at most seven days." },
	{ "at_expiry", BATON_FIELD_CHOICE, AT(struct baton_mode_def, at_expiry),
	  .otherwise = "hand_over", .words = mode_expiries,
	  .doc = "After max_duration: hand_over = it goes on as intake, a person gets what waits; "
		 "normal = it ends; next = the mode `next` follows." },
	{ "next", BATON_FIELD_NAME, NOWHERE,
	  .doc = "The mode that follows, with at_expiry: next." },
	{ "trigger", BATON_FIELD_WORD, AT(struct baton_mode_def, trigger), .words = TRIGGER_WORDS,
	  .doc = "Why, in one word of docs/POLICIES.md. Default: condition, or declared for a mode "
		 "that only an admin enters." },
	{ "say", BATON_FIELD_TEXT, REQUIRED, AT(struct baton_mode_def, say), .max = TEXT_MAX,
	  .doc = "What the customer is told: the banner, and the answer to a message that is kept. "
		 "Honest, and with what happens next." },
	{ "queue", BATON_FIELD_NAME, AT(struct baton_mode_def, queue),
	  .doc = "Where its cases wait. Default: the route's queue." },
	{ "use", BATON_FIELD_NAME, NOWHERE, .doc = "Target that answers, of do: substitute." },
	{ "template", BATON_FIELD_NAME, AT(struct baton_mode_def, template_),
	  .doc = "File of prompts/ without .md whose text is the draft, of do: templated." },
	{ 0 },
};
static const struct baton_shape mode_shape = {
	"a mode", "What happens while things are not as they should be.", mode_fields,
	sizeof(struct baton_mode_def)
};
static const struct baton_field modes_fields[] = {
	{ "modes", BATON_FIELD_LIST, REQUIRED, MANY_AT(struct baton_policy, modes),
	  .max = BATON_MODES_MAX, .shape = &mode_shape,
	  .doc = "Where several concern a message, the first of them counts." },
	{ 0 },
};
const struct baton_shape baton_shape_modes = {
	"modes.yaml", "What happens while things are not as they should be.", modes_fields, 0
};

/* --- budgets.yaml --- */

static const struct baton_field account_fields[] = {
	{ "account", BATON_FIELD_NAME, REQUIRED, AT(struct baton_account_budget, account),
	  .doc = "Name of an account of targets.yaml." },
	{ "day_usd", BATON_FIELD_MICRO, REQUIRED, AT(struct baton_account_budget, day_microusd),
	  FROM_TO(0, 1000000), .doc = "What it may cost in one day (UTC), in US dollars." },
	{ 0 },
};
static const struct baton_shape account_shape = { "an account", "What one account may cost.",
						  account_fields,
						  sizeof(struct baton_account_budget) };
static const struct baton_field retry_fields[] = {
	{ "ratio", BATON_FIELD_PPM, AT(struct baton_policy, budgets.retry_ratio_ppm), FROM_TO(0, 1),
	  .otherwise = "0.2", .doc = "Retries that each first attempt at a target earns." },
	{ "burst", BATON_FIELD_U32, AT(struct baton_policy, budgets.retry_burst), FROM_TO(0, 1000),
	  .otherwise = "10", .doc = "How many may be saved up, for each target." },
	{ 0 },
};
static const struct baton_shape retry_shape = { "`retry`", "How much may be tried again.",
						retry_fields, 0 };
static const struct baton_field budgets_fields[] = {
	{ "turn_usd", BATON_FIELD_MICRO, AT(struct baton_policy, budgets.turn_microusd),
	  FROM_TO(0, 1000000), .otherwise = "0",
	  .doc = "What one message may cost, in US dollars. 0: no ceiling." },
	{ "day_usd", BATON_FIELD_MICRO, AT(struct baton_policy, budgets.day_microusd),
	  FROM_TO(0, 1000000), .otherwise = "0",
	  .doc = "What everything together may cost in one day (UTC). 0: no ceiling." },
	{ "accounts", BATON_FIELD_LIST, .offset = offsetof(struct baton_policy, budgets.accounts),
	  .count_offset = offsetof(struct baton_policy, budgets.n_accounts), .max = LISTED_MAX,
	  .shape = &account_shape, .doc = "Ceilings of single accounts." },
	{ "retry", BATON_FIELD_MAP, NOWHERE, .shape = &retry_shape,
	  .doc = "The budget of retries, so that trouble is not multiplied." },
	{ 0 },
};
const struct baton_shape baton_shape_budgets = { "budgets.yaml", "What it may cost.",
						 budgets_fields, 0 };

/* --- alerts.yaml --- */

static const struct baton_field alert_fields[] = {
	{ "window", BATON_FIELD_MS, AT(struct baton_policy, alert.window_ms),
	  FROM_TO(60000, DAY_MS), .otherwise = "15m", .doc = "How far back it looks." },
	{ "min_turns", BATON_FIELD_U32, AT(struct baton_policy, alert.min_turns),
	  FROM_TO(1, 1000000), .otherwise = "20", .doc = "Fewer messages say nothing." },
	{ "p95_ms", BATON_FIELD_MS, AT(struct baton_policy, alert.p95_ms), FROM_TO(1, DAY_MS),
	  .doc = "First sign: 5 % of answers take longer than this." },
	{ "tool_success", BATON_FIELD_PPM, AT(struct baton_policy, alert.tool_success_ppm),
	  FROM_TO(0, 1), .doc = "Second sign: a smaller share of tool calls succeeds." },
	{ "override_rate", BATON_FIELD_PPM, AT(struct baton_policy, alert.override_ppm),
	  FROM_TO(0, 1),
	  .doc = "Third sign: agents change or reject a larger share of the drafts." },
	{ "needed", BATON_FIELD_U32, AT(struct baton_policy, alert.needed), FROM_TO(2, 3),
	  .otherwise = "2", .doc = "So many of the signs together ring it." },
	{ 0 },
};
const struct baton_shape baton_shape_alerts = { "alerts.yaml",
						"When latency, tools and agents say together that "
						"something is wrong.",
						alert_fields, 0 };
