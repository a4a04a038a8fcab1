/* SPDX-License-Identifier: Apache-2.0 */

/* The table of releases.yaml: how a changed set or module comes into use, and how the old goes. */

#include "core/policy/shapes_table.h"

#define RELEASE_AT(member) AT(struct baton_policy, releases.member)

/* PPM keeps thousands, too: a ratio is a share that may be more than one. */
static const struct baton_field replay_fields[] = {
	{ "turns", BATON_FIELD_U32, RELEASE_AT(replay_turns), FROM_TO(0, 100000),
	  .otherwise = "10000",
	  .doc = "So many recorded decisions are tried with the new set before it is used. 0: none." },
	{ "max_changed", BATON_FIELD_PPM, RELEASE_AT(max_changed_ppm), FROM_TO(0, 1),
	  .otherwise = "1",
	  .doc = "If a larger share of them would come out otherwise, the set is not used. 1: it is in "
		 "any case." },
	{ 0 },
};
static const struct baton_shape replay_shape = { "`replay`",
						 "What is tried with recorded decisions first.",
						 replay_fields, 0 };
static const struct baton_field canary_fields[] = {
	{ "automatic", BATON_FIELD_BOOL, RELEASE_AT(canary), .otherwise = "false",
	  .doc = "Each reload is a canary first, without being asked for." },
	{ "share", BATON_FIELD_PPM, RELEASE_AT(canary_ppm), FROM_TO(0, 1), .otherwise = "0.05",
	  .doc = "So many of the conversations are served by it. The others are what it is compared "
		 "with." },
	{ "min_turns", BATON_FIELD_U32, RELEASE_AT(canary_min_turns), FROM_TO(8, 1000000),
	  .otherwise = "200",
	  .doc = "Fewer messages promote nothing; they may roll back what is hopeless." },
	{ "max_fail_delta", BATON_FIELD_PPM, RELEASE_AT(canary_fail_delta_ppm), FROM_TO(0, 1),
	  .otherwise = "0.02",
	  .doc = "So much more of its messages may meet a failure: 0.02 is two of a hundred." },
	{ "max_escalation_delta", BATON_FIELD_PPM, RELEASE_AT(canary_escalation_delta_ppm),
	  FROM_TO(0, 1), .otherwise = "0.1",
	  .doc = "So much more of its messages may go to a person." },
	{ "max_p95_ratio", BATON_FIELD_PPM, RELEASE_AT(canary_p95_ratio_ppm), FROM_TO(0, 1000),
	  .otherwise = "1.5",
	  .doc = "The time that 95 of 100 first words, or whole answers, stay below may be so many "
		 "times the live one. 0: not looked at." },
	{ "max_cost_ratio", BATON_FIELD_PPM, RELEASE_AT(canary_cost_ratio_ppm), FROM_TO(0, 1000),
	  .otherwise = "1.5", .doc = "The same for what a message costs. 0: not looked at." },
	{ "max_violations", BATON_FIELD_U32, RELEASE_AT(canary_violations), FROM_TO(0, 1000000),
	  .otherwise = "0", .doc = "How often its modules may break their contract." },
	{ "for", BATON_FIELD_MS, RELEASE_AT(canary_for_ms), FROM_TO(1000, 7 * DAY_MS),
	  .otherwise = "30m",
	  .doc = "Decided by then, with what is known; if too little is known, it goes." },
	{ "quiet", BATON_FIELD_MS, RELEASE_AT(canary_quiet_ms), FROM_TO(0, DAY_MS),
	  .otherwise = "10m",
	  .doc = "After one that was rolled back no other begins by itself for so long." },
	{ 0 },
};
static const struct baton_shape canary_shape = {
	"`canary`", "A change that serves a share of the conversations first.", canary_fields, 0
};
static const struct baton_field releases_fields[] = {
	{ "watch", BATON_FIELD_BOOL, RELEASE_AT(watch), .otherwise = "false",
	  .doc = "Policies and modules are read again by themselves when their files change." },
	{ "settle", BATON_FIELD_MS, RELEASE_AT(settle_ms), FROM_TO(50, 600000),
	  .otherwise = "500ms", .doc = "... and have not changed for so long." },
	{ "keep", BATON_FIELD_U32, RELEASE_AT(keep), FROM_TO(1, 100), .otherwise = "3",
	  .doc = "Good releases whose files are kept, for a way back." },
	{ "drain", BATON_FIELD_MS, RELEASE_AT(drain_ms), FROM_TO(0, DAY_MS), .otherwise = "5m",
	  .doc = "Answers that an old release is writing have so long; then they begin again on the "
		 "new one." },
	{ "health", BATON_FIELD_MS, RELEASE_AT(health_ms), FROM_TO(100, 3600000),
	  .otherwise = "30s",
	  .doc = "A new module is ready by then (trained, loaded, well), or the change is refused." },
	{ "replay", BATON_FIELD_MAP, NOWHERE, .shape = &replay_shape,
	  .doc = "Recorded decisions are tried with the new set before it is used." },
	{ "canary", BATON_FIELD_MAP, NOWHERE, .shape = &canary_shape,
	  .doc = "How a change that serves a share of the conversations is judged." },
	{ 0 },
};
const struct baton_shape baton_shape_releases = {
	"releases.yaml", "How a change comes into use, and how what it replaces goes.",
	releases_fields, 0
};
