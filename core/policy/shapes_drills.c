/* SPDX-License-Identifier: Apache-2.0 */

/* The table of drills/: faults on purpose, conversations that are held meanwhile, and what must
 * come of it. */

#include "core/policy/shapes_table.h"

static const char *const faults[] = { "outage", "rate_limit", "quota", "slow",    "cut",
				      "stall",  "disabled",   "empty", "garbage", NULL };
static const char *const outcomes[] = { "answered", "drafted", "handed_over",
					"captured", "any",     NULL };

static const struct baton_field fault_fields[] = {
	{ "target", BATON_FIELD_NAME, REQUIRED, AT(struct baton_drill_fault_def, target),
	  .doc = "Name of a target, or `primary` or `fallback`: of the route at hand." },
	{ "fault", BATON_FIELD_CHOICE, REQUIRED, AT(struct baton_drill_fault_def, fault.type),
	  .words = faults, .min = BATON_FAULT_OUTAGE,
	  .doc = "What it pretends: outage, rate_limit (a 429), quota (account out of credit), slow "
		 "(the first word comes `ms` later), cut (ends after `deltas` words), stall (falls "
		 "silent after them), disabled (as if switched off), empty, garbage." },
	{ "at", BATON_FIELD_MS, AT(struct baton_drill_fault_def, at_ms),
	  FROM_TO(0, BATON_DRILL_MS_MAX), .otherwise = "0s", .doc = "When it begins." },
	{ "for", BATON_FIELD_MS, AT(struct baton_drill_fault_def, for_ms),
	  FROM_TO(100, BATON_DRILL_MS_MAX), .doc = "How long it lasts. Default: to the end." },
	{ "ms", BATON_FIELD_MS, AT(struct baton_drill_fault_def, fault.ms), FROM_TO(0, 600000),
	  .doc = "Of slow: how much later. Of rate_limit: the hint when to come back." },
	{ "deltas", BATON_FIELD_U32, AT(struct baton_drill_fault_def, fault.deltas),
	  FROM_TO(0, 10000), .doc = "Of cut and stall: after so many pieces of the answer." },
	{ 0 },
};
static const struct baton_shape fault_shape = { "a fault", "What a target pretends.", fault_fields,
						sizeof(struct baton_drill_fault_def) };

static const struct baton_field expect_fields[] = {
	{ "outcome", BATON_FIELD_BITS, AT(struct baton_drill_talk, expect.outcomes),
	  .words = outcomes, .doc = "How it may end: one word or several. Default: anyhow." },
	{ "within_ms", BATON_FIELD_MS, AT(struct baton_drill_talk, expect.within_ms),
	  FROM_TO(1, DAY_MS), .doc = "Longest time from message to outcome." },
	{ 0 },
};
static const struct baton_field degraded_fields[] = {
	{ "outcome", BATON_FIELD_BITS, AT(struct baton_drill_talk, degraded.outcomes),
	  .words = outcomes, .doc = "How it may end: one word or several. Default: anyhow." },
	{ "within_ms", BATON_FIELD_MS, AT(struct baton_drill_talk, degraded.within_ms),
	  FROM_TO(1, DAY_MS), .doc = "Longest time from message to outcome." },
	{ 0 },
};
static const struct baton_shape expect_shape = { "`expect`", "How a conversation may end.",
						 expect_fields, 0 };
static const struct baton_shape degraded_shape = { "`degraded`",
						   "How it may end while a fault is on.",
						   degraded_fields, 0 };

static const struct baton_field talk_fields[] = {
	{ "scenario", BATON_FIELD_NAME, REQUIRED, AT(struct baton_drill_talk, scenario),
	  .doc = "What the report calls it." },
	{ "intent", BATON_FIELD_NAME, AT(struct baton_drill_talk, intent),
	  .doc = "What its first message should be understood as. Default: not looked at." },
	{ "customer_tier", BATON_FIELD_NAME, AT(struct baton_drill_talk, tier),
	  .doc = "What the shop says of the customer, such as vip. Default: nothing." },
	{ "every", BATON_FIELD_MS, AT(struct baton_drill_talk, every_ms),
	  FROM_TO(50, BATON_DRILL_MS_MAX),
	  .doc = "One begins this often. Default: one, at the start." },
	{ "messages", BATON_FIELD_TEXT, .flags = BATON_FIELD_MANY | BATON_FIELD_REQUIRED,
	  MANY_AT(struct baton_drill_talk, messages), .max = 32,
	  .doc = "What the customer writes. Each is sent when the one before has had its outcome." },
	{ "expect", BATON_FIELD_MAP, NOWHERE, .shape = &expect_shape,
	  .doc = "How it ends while no fault is on." },
	{ "degraded", BATON_FIELD_MAP, NOWHERE, .shape = &degraded_shape,
	  .doc = "How it ends while one is. Default: as `expect`." },
	{ 0 },
};
static const struct baton_shape talk_shape = { "a conversation", "What a customer does meanwhile.",
					       talk_fields, sizeof(struct baton_drill_talk) };

static const struct baton_field objective_fields[] = {
	{ "max_time_to_degrade", BATON_FIELD_MS, AT(struct baton_drill_file, objectives.degrade_ms),
	  FROM_TO(1, DAY_MS),
	  .doc = "From the fault to the first conversation that is served without the primary." },
	{ "max_time_to_recover", BATON_FIELD_MS, AT(struct baton_drill_file, objectives.recover_ms),
	  FROM_TO(1, DAY_MS), .doc = "From the end of the fault until the primary answers again." },
	{ "max_time_to_resume", BATON_FIELD_MS, AT(struct baton_drill_file, objectives.resume_ms),
	  FROM_TO(1, DAY_MS),
	  .doc = "From the end of the fault until nothing that was captured waits any more." },
	{ "max_p95_ms", BATON_FIELD_MS, AT(struct baton_drill_file, objectives.p95_ms),
	  FROM_TO(1, DAY_MS), .doc = "95 % of outcomes while degraded come within this." },
	{ "min_answered_share", BATON_FIELD_PPM,
	  AT(struct baton_drill_file, objectives.answered_ppm), FROM_TO(0, 1),
	  .doc = "Share of the conversations that is answered at once." },
	{ "min_expected_share", BATON_FIELD_PPM,
	  AT(struct baton_drill_file, objectives.expected_ppm), FROM_TO(0, 1), .otherwise = "1",
	  .doc = "Share of the conversations that ends as `expect` or `degraded` says." },
	{ "min_preserved_share", BATON_FIELD_PPM,
	  AT(struct baton_drill_file, objectives.preserved_ppm), FROM_TO(0, 1), .otherwise = "1",
	  .doc = "Share of the conversations whose transcript holds all that was sent." },
	{ "max_cost_usd", BATON_FIELD_MICRO, AT(struct baton_drill_file, objectives.cost_microusd),
	  FROM_TO(0, 1000000), .doc = "What the whole drill may cost, in US dollars." },
	{ "hold", BATON_FIELD_EXPR, .flags = BATON_FIELD_MANY | BATON_FIELD_ONE_OR_MANY,
	  .offset = offsetof(struct baton_drill_file, objectives.hold),
	  .count_offset = offsetof(struct baton_drill_file, objectives.n_hold),
	  .max = BATON_DRILL_HOLDS_MAX,
	  .doc = "Conditions over what came of it, such as p95_ms < 3 * p95_before_ms; see docs/RULES.md." },
	{ 0 },
};
static const struct baton_shape objective_shape = { "`objectives`", "What must come of it.",
						    objective_fields, 0 };

static const struct baton_field drill_fields[] = {
	{ "name", BATON_FIELD_NAME, REQUIRED, AT(struct baton_drill_file, name),
	  .doc = "Its name in reports: that of the file without .yaml." },
	{ "description", BATON_FIELD_TEXT, AT(struct baton_drill_file, description),
	  .max = TEXT_MAX, .otherwise = "", .doc = "What it is meant to show." },
	{ "duration", BATON_FIELD_MS, REQUIRED, AT(struct baton_drill_file, duration_ms),
	  FROM_TO(1000, BATON_DRILL_MS_MAX),
	  .doc = "It ends after this whatever happens; at most one hour." },
	{ "share", BATON_FIELD_PPM, AT(struct baton_drill_file, share_ppm), FROM_TO(0, 1),
	  .otherwise = "1", .doc = "Share of the sessions that it concerns." },
	{ "labelled_only", BATON_FIELD_BOOL, AT(struct baton_drill_file, labelled_only),
	  .otherwise = "true",
	  .doc = "Only sessions that the drill itself opens: no customer is concerned." },
	{ "faults", BATON_FIELD_LIST, REQUIRED, MANY_AT(struct baton_drill_file, faults),
	  .max = BATON_DRILL_FAULTS_MAX, .shape = &fault_shape,
	  .doc = "What goes wrong, and when." },
	{ "conversations", BATON_FIELD_LIST, .offset = offsetof(struct baton_drill_file, talks),
	  .count_offset = offsetof(struct baton_drill_file, n_talks), .max = 64,
	  .shape = &talk_shape, .doc = "What customers do meanwhile." },
	{ "objectives", BATON_FIELD_MAP, NOWHERE, .shape = &objective_shape,
	  .doc = "What must come of it: the exit code says whether it did." },
	{ 0 },
};
const struct baton_shape baton_shape_drills = { "a drill",
						"Faults on purpose, and what must come of them.",
						drill_fields, sizeof(struct baton_drill_file) };
