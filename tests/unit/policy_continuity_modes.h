/* SPDX-License-Identifier: Apache-2.0 */

/* Proofs about modes, budgets, alerts and drills, kept and broken. */
#pragma once

#include "tests/unit/policy_continuity.h"

/* clang-format off: one line of a file is one line here */
static const struct proof_case mode_cases[] = {
	{ "modes.yaml",
	  "modes:\n"
	  "- { name: intake-only, do: intake, max_duration: 4h, say: A, recover_when: healthy_targets > 0 }\n"
	  "- { name: hold, do: pause, applies_to: { classes: [account] }, max_duration: 30m, say: B, recover_when: healthy_targets > 0 }\n"
	  "- { name: thrifty, do: substitute, applies_to: { intents: [opening-hours] }, use: cheap, max_duration: 1h, say: C }\n",
	  "modes:\n"
	  "- { name: intake-only, do: intake, max_duration: 4h, say: A, recover_when: healthy_targets > 0 }\n"
	  "- { name: hold, do: pause, applies_to: { classes: [account] }, max_duration: 30m, say: B, recover_when: healthy_targets > 0 }\n"
	  "- { name: thrifty, do: substitute, applies_to: { intents: [refund-policy] }, use: cheap, max_duration: 1h, say: C }\n",
	  "modes.yaml:4:83: error: silent downgrade: in mode `thrifty`, `cheap` would answer `refund-policy`, but class `promise` escalates on failure and `cheap` is not approved there by name [no-silent-downgrade]\n" },
	{ "modes.yaml",
	  "modes:\n"
	  "- { name: intake-only, do: intake, max_duration: 4h, say: A, recover_when: healthy_targets > 0 }\n"
	  "- { name: hold, do: pause, applies_to: { classes: [account] }, max_duration: 30m, say: B, recover_when: healthy_targets > 0 }\n",
	  "modes:\n"
	  "- { name: intake-only, do: intake, max_duration: 4h, say: A, recover_when: healthy_targets > 0 }\n"
	  "- { name: hold, do: substitute, use: main, applies_to: { classes: [account] }, max_duration: 30m, say: B, recover_when: healthy_targets > 0 }\n",
	  "classes.yaml:4:45: error: silent downgrade: class `account` pauses on failure, but its mode `hold` lets `main` answer [no-silent-downgrade]\n" },
	{ "modes.yaml",
	  "modes:\n"
	  "- { name: intake-only, do: intake, max_duration: 4h, say: A, recover_when: healthy_targets > 0 }\n"
	  "- { name: hold, do: pause, applies_to: { classes: [account] }, max_duration: 30m, at_expiry: hand_over, say: B, recover_when: healthy_targets > 0 }\n",
	  "modes:\n"
	  "- { name: intake-only, do: intake, max_duration: 4h, say: A, recover_when: healthy_targets > 0 }\n"
	  "- { name: hold, do: pause, applies_to: { classes: [account] }, max_duration: 30m, at_expiry: normal, say: B, recover_when: healthy_targets > 0 }\n",
	  "modes.yaml:3:94: warning: with the trouble still there, `hold` is entered again and again, and what it holds waits for ever: let it expire into hand_over or a `next` that does [pause-held]\n" },
	{ "modes.yaml",
	  "modes:\n"
	  "- { name: intake-only, do: intake, max_duration: 4h, say: A, recover_when: healthy_targets > 0 }\n"
	  "- { name: hold, do: pause, applies_to: { classes: [account, general] }, max_duration: 30m, say: B, recover_when: healthy_targets > 0 }\n",
	  "modes:\n"
	  "- { name: intake-only, do: intake, max_duration: 4h, say: A, recover_when: healthy_targets > 0 }\n"
	  "- { name: hold, do: pause, applies_to: { classes: [general] }, max_duration: 30m, say: B, recover_when: healthy_targets > 0 }\n",
	  "classes.yaml:4:45: error: mode `hold` does not concern class `account`: entered for a message of it, it would hold nothing (see its applies_to) [mode-covers]\n" },
	{ "modes.yaml",
	  "modes:\n"
	  "- { name: intake-only, do: intake, max_duration: 4h, say: A, recover_when: healthy_targets > 0 }\n"
	  "- { name: hold, do: pause, applies_to: { classes: [account] }, max_duration: 30m, say: B, recover_when: healthy_targets > 0 }\n",
	  "modes:\n"
	  "- { name: intake-only, do: intake, max_duration: 4h, say: A, recover_when: healthy_targets > 0 }\n"
	  "- { name: hold, do: pause, applies_to: { classes: [account] }, max_duration: 30m, say: B }\n",
	  "modes.yaml:3:11: error: mode `hold` is entered for a class and has no `recover_when`: with the trouble over after a minute, it would go on for all of max_duration [mode-ends]\n" },
	{ "modes.yaml",
	  "modes:\n"
	  "- { name: intake-only, do: intake, max_duration: 4h, say: A, recover_when: healthy_targets > 0 }\n"
	  "- { name: hold, do: pause, applies_to: { classes: [account] }, max_duration: 30m, say: B, recover_when: healthy_targets > 0 }\n"
	  "- { name: x, do: intake, max_duration: 1h, say: C, enter_when: all_down, recover_when: \"!all_down\" }\n",
	  "modes:\n"
	  "- { name: intake-only, do: intake, max_duration: 4h, say: A, recover_when: healthy_targets > 0 }\n"
	  "- { name: hold, do: pause, applies_to: { classes: [account] }, max_duration: 30m, say: B, recover_when: healthy_targets > 0 }\n"
	  "- { name: x, do: intake, max_duration: 1h, say: C, enter_when: all_down }\n",
	  "modes.yaml:4:11: error: mode `x` enters by itself and has no `recover_when`: with the trouble over after a minute, it would go on for all of max_duration [mode-ends]\n" },
	{ "modes.yaml",
	  "modes:\n"
	  "- { name: intake-only, do: intake, max_duration: 4h, say: A, recover_when: healthy_targets > 0 }\n"
	  "- { name: hold, do: pause, applies_to: { classes: [account] }, max_duration: 30m, say: B, recover_when: healthy_targets > 0 }\n"
	  "- { name: x, do: intake, max_duration: 1h, say: C, at_expiry: next, next: intake-only }\n",
	  "modes:\n"
	  "- { name: intake-only, do: intake, max_duration: 4h, say: A, recover_when: healthy_targets > 0 }\n"
	  "- { name: hold, do: pause, applies_to: { classes: [account] }, max_duration: 30m, say: B, recover_when: healthy_targets > 0 }\n"
	  "- { name: x, do: intake, max_duration: 1h, say: C, at_expiry: next }\n",
	  "modes.yaml:4:63: error: `at_expiry: next` needs `next`: the mode that follows [mode-ends]\n" },
	{ "modes.yaml",
	  "modes:\n"
	  "- { name: intake-only, do: intake, max_duration: 4h, say: A, recover_when: healthy_targets > 0 }\n"
	  "- { name: hold, do: pause, applies_to: { classes: [account] }, max_duration: 30m, say: B, recover_when: healthy_targets > 0 }\n"
	  "- { name: x, do: intake, max_duration: 1h, say: C, at_expiry: normal }\n",
	  "modes:\n"
	  "- { name: intake-only, do: intake, max_duration: 4h, say: A, recover_when: healthy_targets > 0 }\n"
	  "- { name: hold, do: pause, applies_to: { classes: [account] }, max_duration: 30m, say: B, recover_when: healthy_targets > 0 }\n"
	  "- { name: x, do: intake, max_duration: 1h, say: C, at_expiry: normal, next: intake-only }\n",
	  "modes.yaml:4:77: error: `next` is never reached: it needs `at_expiry: next` [mode-ends]\n" },
	{ "modes.yaml",
	  "modes:\n"
	  "- { name: intake-only, do: intake, max_duration: 4h, say: A, recover_when: healthy_targets > 0 }\n"
	  "- { name: hold, do: pause, applies_to: { classes: [account] }, max_duration: 30m, say: B, recover_when: healthy_targets > 0 }\n"
	  "- { name: x, do: intake, max_duration: 1h, say: C }\n",
	  "modes:\n"
	  "- { name: intake-only, do: intake, max_duration: 4h, say: A, recover_when: healthy_targets > 0 }\n"
	  "- { name: hold, do: pause, applies_to: { classes: [account] }, max_duration: 30m, say: B, recover_when: healthy_targets > 0 }\n"
	  "- { name: x, do: intake, max_duration: 1h, say: C, enter_for: 5s, recover_for: 5s }\n",
	  "modes.yaml:4:63: error: `enter_for` without `enter_when`: there is nothing that could hold so long [mode-ends]\n"
	  "modes.yaml:4:80: error: `recover_for` without `recover_when`: there is nothing that could hold so long [mode-ends]\n" },
	{ "modes.yaml",
	  "modes:\n"
	  "- { name: intake-only, do: intake, max_duration: 4h, say: A, recover_when: healthy_targets > 0 }\n"
	  "- { name: hold, do: pause, applies_to: { classes: [account] }, max_duration: 30m, say: B, recover_when: healthy_targets > 0 }\n"
	  "- { name: x, do: intake, max_duration: 1h, say: C, at_expiry: next, next: y }\n"
	  "- { name: y, do: intake, max_duration: 1h, say: D, at_expiry: normal }\n",
	  "modes:\n"
	  "- { name: intake-only, do: intake, max_duration: 4h, say: A, recover_when: healthy_targets > 0 }\n"
	  "- { name: hold, do: pause, applies_to: { classes: [account] }, max_duration: 30m, say: B, recover_when: healthy_targets > 0 }\n"
	  "- { name: x, do: intake, max_duration: 1h, say: C, at_expiry: next, next: y }\n"
	  "- { name: y, do: intake, max_duration: 1h, say: D, at_expiry: next, next: x }\n",
	  "modes.yaml:4:75: error: modes go in a circle, `x` -> `y` -> `x`: with the trouble still there, nothing would ever be normal again [mode-chain]\n" },
	{ "modes.yaml",
	  "modes:\n"
	  "- { name: intake-only, do: intake, max_duration: 4h, say: A, recover_when: healthy_targets > 0 }\n"
	  "- { name: hold, do: pause, applies_to: { classes: [account] }, max_duration: 30m, say: B, recover_when: healthy_targets > 0 }\n"
	  "- { name: x, do: intake, max_duration: 4d, say: C, at_expiry: next, next: y }\n"
	  "- { name: y, do: intake, max_duration: 3d, say: D }\n",
	  "modes:\n"
	  "- { name: intake-only, do: intake, max_duration: 4h, say: A, recover_when: healthy_targets > 0 }\n"
	  "- { name: hold, do: pause, applies_to: { classes: [account] }, max_duration: 30m, say: B, recover_when: healthy_targets > 0 }\n"
	  "- { name: x, do: intake, max_duration: 4d, say: C, at_expiry: next, next: y }\n"
	  "- { name: y, do: intake, max_duration: 4d, say: D }\n",
	  "modes.yaml:4:75: error: `x` -> `y` last 192 hours together; at most 168 are allowed [mode-chain]\n" },
	{ "modes.yaml",
	  "modes:\n"
	  "- { name: intake-only, do: intake, max_duration: 4h, say: A, recover_when: healthy_targets > 0 }\n"
	  "- { name: hold, do: pause, applies_to: { classes: [account] }, max_duration: 30m, say: B, recover_when: healthy_targets > 0 }\n",
	  "modes:\n"
	  "- { name: intake-only, do: intake, max_duration: 4h, say: A, recover_when: healthy_targets > 0 }\n"
	  "- { name: hold, do: pause, applies_to: { classes: [account] }, max_duration: 30m, say: B, recover_when: healthy_targets > 0 }\n"
	  "- { name: x, do: intake, max_duration: 1h, say: C, at_expiry: next, next: x }\n",
	  "modes.yaml:4:75: error: modes go in a circle, `x` -> `x`: with the trouble still there, nothing would ever be normal again [mode-chain]\n" },
	{ "modes.yaml",
	  "modes:\n"
	  "- { name: intake-only, do: intake, max_duration: 4h, say: A, recover_when: healthy_targets > 0 }\n"
	  "- { name: hold, do: pause, applies_to: { classes: [account] }, max_duration: 30m, say: B, recover_when: healthy_targets > 0 }\n"
	  "- { name: x, do: substitute, applies_to: { intents: [opening-hours] }, use: cheap, max_duration: 1h, say: C }\n",
	  "modes:\n"
	  "- { name: intake-only, do: intake, max_duration: 4h, say: A, recover_when: healthy_targets > 0 }\n"
	  "- { name: hold, do: pause, applies_to: { classes: [account] }, max_duration: 30m, say: B, recover_when: healthy_targets > 0 }\n"
	  "- { name: x, do: substitute, applies_to: { intents: [opening-hours] }, max_duration: 1h, say: C }\n",
	  "modes.yaml:4:18: error: `do: substitute` needs `use`: with the mode on, there is nothing to do it with [mode-able]\n" },
	{ "modes.yaml",
	  "modes:\n"
	  "- { name: intake-only, do: intake, max_duration: 4h, say: A, recover_when: healthy_targets > 0 }\n"
	  "- { name: hold, do: pause, applies_to: { classes: [account] }, max_duration: 30m, say: B, recover_when: healthy_targets > 0 }\n"
	  "- { name: x, do: templated, template: support, max_duration: 1h, say: C }\n",
	  "modes:\n"
	  "- { name: intake-only, do: intake, max_duration: 4h, say: A, recover_when: healthy_targets > 0 }\n"
	  "- { name: hold, do: pause, applies_to: { classes: [account] }, max_duration: 30m, say: B, recover_when: healthy_targets > 0 }\n"
	  "- { name: x, do: templated, max_duration: 1h, say: C }\n",
	  "modes.yaml:4:18: error: `do: templated` needs `template`: with the mode on, there is nothing to do it with [mode-able]\n" },
	{ "modes.yaml",
	  "modes:\n"
	  "- { name: intake-only, do: intake, max_duration: 4h, say: A, recover_when: healthy_targets > 0 }\n"
	  "- { name: hold, do: pause, applies_to: { classes: [account] }, max_duration: 30m, say: B, recover_when: healthy_targets > 0 }\n"
	  "- { name: x, do: intake, max_duration: 1h, say: C }\n",
	  "modes:\n"
	  "- { name: intake-only, do: intake, max_duration: 4h, say: A, recover_when: healthy_targets > 0 }\n"
	  "- { name: hold, do: pause, applies_to: { classes: [account] }, max_duration: 30m, say: B, recover_when: healthy_targets > 0 }\n"
	  "- { name: x, do: intake, use: main, template: support, max_duration: 1h, say: C }\n",
	  "modes.yaml:4:26: error: `use` is of `do: substitute` alone: this mode never looks at it [mode-able]\n"
	  "modes.yaml:4:37: error: `template` is of `do: templated` alone: this mode never looks at it [mode-able]\n" },
	{ "modes.yaml",
	  "modes:\n"
	  "- { name: intake-only, do: intake, max_duration: 4h, say: A, recover_when: healthy_targets > 0 }\n"
	  "- { name: hold, do: pause, applies_to: { classes: [account] }, max_duration: 30m, say: B, recover_when: healthy_targets > 0 }\n"
	  "- name: x\n"
	  "  do: intake\n"
	  "  max_duration: 1h\n"
	  "  say: C\n"
	  "  enter_when: tool_success_share < 0.9\n"
	  "  recover_when: tool_success_share > 0.95\n",
	  "modes:\n"
	  "- { name: intake-only, do: intake, max_duration: 4h, say: A, recover_when: healthy_targets > 0 }\n"
	  "- { name: hold, do: pause, applies_to: { classes: [account] }, max_duration: 30m, say: B, recover_when: healthy_targets > 0 }\n"
	  "- name: x\n"
	  "  do: intake\n"
	  "  max_duration: 1h\n"
	  "  say: C\n"
	  "  enter_when: tool_success_share <= 1.0\n"
	  "  recover_when: tool_success_share > 1.0 || healthy_targets > 0 && tool_success_share > 2.0\n",
	  "modes.yaml:8:15: error: this holds while all is well (no calls, every target healthy, nobody waiting): `x` would always be on [mode-quiet]\n"
	  "modes.yaml:9:17: error: this does not hold even when all is well (100 calls, no error, every target healthy, nobody waiting): `x` would never recover [mode-quiet]\n"
	  "modes.yaml:9:68: error: `tool_success_share` lies between 0.0 and 1.0: compared with this number it always comes to the same [condition-meant]\n" },
	{ "modes.yaml",
	  "modes:\n"
	  "- { name: intake-only, do: intake, max_duration: 4h, say: A, recover_when: healthy_targets > 0 }\n"
	  "- { name: hold, do: pause, applies_to: { classes: [account] }, max_duration: 30m, say: B, recover_when: healthy_targets > 0 }\n"
	  "- name: x\n"
	  "  do: intake\n"
	  "  max_duration: 1h\n"
	  "  say: C\n"
	  "  enter_when: error_share > 0.5\n"
	  "  recover_when: error_share < 0.1\n",
	  "modes:\n"
	  "- { name: intake-only, do: intake, max_duration: 4h, say: A, recover_when: healthy_targets > 0 }\n"
	  "- { name: hold, do: pause, applies_to: { classes: [account] }, max_duration: 30m, say: B, recover_when: healthy_targets > 0 }\n"
	  "- name: x\n"
	  "  do: intake\n"
	  "  max_duration: 1h\n"
	  "  say: C\n"
	  "  enter_when: error_share > 0.5\n"
	  "  recover_when: calls >= 20 && error_share < 0.1\n",
	  "modes.yaml:9:17: warning: this does not hold while there are no calls, and a mode may be the reason that there are none: `x` could last for all of max_duration [mode-quiet]\n" },
	{ "modes.yaml",
	  "modes:\n"
	  "- { name: intake-only, do: intake, max_duration: 4h, say: A, recover_when: healthy_targets > 0 }\n"
	  "- { name: hold, do: pause, applies_to: { classes: [account] }, max_duration: 30m, say: B, recover_when: healthy_targets > 0 }\n"
	  "- name: x\n"
	  "  do: intake\n"
	  "  max_duration: 1h\n"
	  "  say: C\n"
	  "  enter_when: queue_depth > 50\n"
	  "  recover_when: queue_depth < 10\n",
	  "modes:\n"
	  "- { name: intake-only, do: intake, max_duration: 4h, say: A, recover_when: healthy_targets > 0 }\n"
	  "- { name: hold, do: pause, applies_to: { classes: [account] }, max_duration: 30m, say: B, recover_when: healthy_targets > 0 }\n"
	  "- name: x\n"
	  "  do: intake\n"
	  "  max_duration: 1h\n"
	  "  say: C\n"
	  "  enter_when: queue_depth > 50\n"
	  "  recover_when: queue_depth == 10\n",
	  "modes.yaml:9:17: error: this does not hold even when all is well (100 calls, no error, every target healthy, nobody waiting): `x` would never recover [mode-quiet]\n" },
	{ "modes.yaml",
	  "modes:\n"
	  "- { name: intake-only, do: intake, max_duration: 4h, say: A, recover_when: healthy_targets > 0 }\n"
	  "- { name: hold, do: pause, applies_to: { classes: [account] }, max_duration: 30m, say: B, recover_when: healthy_targets > 0 }\n"
	  "- name: x\n"
	  "  do: intake\n"
	  "  max_duration: 1h\n"
	  "  say: C\n"
	  "  enter_when: turns > 500\n"
	  "  recover_when: turns < 400\n",
	  "modes:\n"
	  "- { name: intake-only, do: intake, max_duration: 4h, say: A, recover_when: healthy_targets > 0 }\n"
	  "- { name: hold, do: pause, applies_to: { classes: [account] }, max_duration: 30m, say: B, recover_when: healthy_targets > 0 }\n"
	  "- name: x\n"
	  "  do: intake\n"
	  "  max_duration: 1h\n"
	  "  say: C\n"
	  "  enter_when: turns > 50\n"
	  "  recover_when: turns < 40\n",
	  "modes.yaml:8:15: warning: this holds on a day on which all is well (100 calls, no error, every target healthy, nobody waiting): is `x` meant for that? [mode-quiet]\n" },
	{ "modes.yaml",
	  "modes:\n"
	  "- { name: intake-only, do: intake, max_duration: 4h, say: A, recover_when: healthy_targets > 0 }\n"
	  "- { name: hold, do: pause, applies_to: { classes: [account] }, max_duration: 30m, say: B, recover_when: healthy_targets > 0 }\n"
	  "- name: x\n"
	  "  do: intake\n"
	  "  max_duration: 1h\n"
	  "  say: C\n"
	  "  enter_when: error_share >= 0.5 && calls >= 20\n"
	  "  recover_when: error_share < 0.2\n",
	  "modes:\n"
	  "- { name: intake-only, do: intake, max_duration: 4h, say: A, recover_when: healthy_targets > 0 }\n"
	  "- { name: hold, do: pause, applies_to: { classes: [account] }, max_duration: 30m, say: B, recover_when: healthy_targets > 0 }\n"
	  "- name: x\n"
	  "  do: intake\n"
	  "  max_duration: 1h\n"
	  "  say: C\n"
	  "  enter_when: error_share >= 0.5 && calls >= 20\n"
	  "  recover_when: error_share < 0.2 || healthy_ms > 60000\n",
	  "modes.yaml:9:17: error: flapping: with error_share = 0.999999, calls = 20, healthy_ms = 60001, enter_when and recover_when both hold: `x` would be left and entered again in turn [no-flapping]\n" },
	{ "modes.yaml",
	  "modes:\n"
	  "- { name: intake-only, do: intake, max_duration: 4h, say: A, recover_when: healthy_targets > 0 }\n"
	  "- { name: hold, do: pause, applies_to: { classes: [account] }, max_duration: 30m, say: B, recover_when: healthy_targets > 0 }\n"
	  "- name: x\n"
	  "  do: intake\n"
	  "  max_duration: 1h\n"
	  "  say: C\n"
	  "  enter_when: p95_ms > 8000\n"
	  "  recover_when: p95_ms < 6000\n",
	  "modes:\n"
	  "- { name: intake-only, do: intake, max_duration: 4h, say: A, recover_when: healthy_targets > 0 }\n"
	  "- { name: hold, do: pause, applies_to: { classes: [account] }, max_duration: 30m, say: B, recover_when: healthy_targets > 0 }\n"
	  "- name: x\n"
	  "  do: intake\n"
	  "  max_duration: 1h\n"
	  "  say: C\n"
	  "  enter_when: p95_ms > 6000\n"
	  "  recover_when: p95_ms < 8000\n"
	  "  recover_for: 2m\n",
	  "modes.yaml:9:17: warning: with p95_ms = 6001, enter_when and recover_when both hold: `x` would be left and entered again in turn [no-flapping]\n" },
	{ "modes.yaml",
	  "modes:\n"
	  "- { name: intake-only, do: intake, max_duration: 4h, say: A, recover_when: healthy_targets > 0 }\n"
	  "- { name: hold, do: pause, applies_to: { classes: [account] }, max_duration: 30m, say: B, recover_when: healthy_targets > 0 }\n"
	  "- name: x\n"
	  "  do: intake\n"
	  "  max_duration: 1h\n"
	  "  say: C\n"
	  "  enter_when: primary_open || rate_limited_share > 0.3\n"
	  "  recover_when: \"!primary_open && rate_limited_share < 0.1\"\n",
	  "modes:\n"
	  "- { name: intake-only, do: intake, max_duration: 4h, say: A, recover_when: healthy_targets > 0 }\n"
	  "- { name: hold, do: pause, applies_to: { classes: [account] }, max_duration: 30m, say: B, recover_when: healthy_targets > 0 }\n"
	  "- name: x\n"
	  "  do: intake\n"
	  "  max_duration: 1h\n"
	  "  say: C\n"
	  "  enter_when: primary_open || rate_limited_share > 0.3\n"
	  "  recover_when: \"!primary_open || rate_limited_share < 0.1\"\n",
	  "modes.yaml:9:17: error: flapping: with primary_open = true, rate_limited_share = 0.000000, enter_when and recover_when both hold: `x` would be left and entered again in turn [no-flapping]\n" },
	{ "modes.yaml",
	  "modes:\n"
	  "- { name: intake-only, do: intake, max_duration: 4h, say: A, recover_when: healthy_targets > 0 }\n"
	  "- { name: hold, do: pause, applies_to: { classes: [account] }, max_duration: 30m, say: B, recover_when: healthy_targets > 0 }\n"
	  "- name: x\n"
	  "  do: intake\n"
	  "  max_duration: 1h\n"
	  "  say: C\n"
	  "  enter_when: all_down || quota\n"
	  "  recover_when: healthy_targets >= 1 && !quota\n",
	  "modes:\n"
	  "- { name: intake-only, do: intake, max_duration: 4h, say: A, recover_when: healthy_targets > 0 }\n"
	  "- { name: hold, do: pause, applies_to: { classes: [account] }, max_duration: 30m, say: B, recover_when: healthy_targets > 0 }\n"
	  "- name: x\n"
	  "  do: intake\n"
	  "  max_duration: 1h\n"
	  "  say: C\n"
	  "  enter_when: all_down || quota\n"
	  "  recover_when: healthy_targets >= 1\n",
	  "modes.yaml:9:17: error: flapping: with all_down = false, quota = true, healthy_targets = 1, enter_when and recover_when both hold: `x` would be left and entered again in turn [no-flapping]\n" },
	{ "budgets.yaml",
	  "turn_usd: 0.01\n",
	  "turn_usd: 0.004\n",
	  "routes.yaml:2:37: error: `main` can never be asked here: its prompt and longest answer (500 tokens) cost up to $0.004006, and turn_usd of budgets.yaml is $0.004000 [budget-allows]\n"
	  "routes.yaml:2:54: error: `backup` can never be asked here: its prompt and longest answer (1024 tokens) cost up to $0.004096, and turn_usd of budgets.yaml is $0.004000 [budget-allows]\n"
	  "routes.yaml:6:38: error: `main` can never be asked here: its prompt and longest answer (500 tokens) cost up to $0.004006, and turn_usd of budgets.yaml is $0.004000 [budget-allows]\n"
	  "routes.yaml:7:56: error: `main` can never be asked here: its prompt and longest answer (500 tokens) cost up to $0.004006, and turn_usd of budgets.yaml is $0.004000 [budget-allows]\n" },
	{ "budgets.yaml",
	  "accounts: [ { account: one, day_usd: 0.01 } ]\n",
	  "day_usd: 10\n"
	  "accounts: [ { account: one, day_usd: 0.001 } ]\n",
	  "routes.yaml:2:37: error: `main` can never be asked here: its prompt and longest answer (500 tokens) cost up to $0.004006, and day_usd of its account is $0.001000 [budget-allows]\n"
	  "routes.yaml:4:37: error: `main` can never be asked here: its prompt and longest answer (500 tokens) cost up to $0.004006, and day_usd of its account is $0.001000 [budget-allows]\n"
	  "routes.yaml:6:38: error: `main` can never be asked here: its prompt and longest answer (500 tokens) cost up to $0.004006, and day_usd of its account is $0.001000 [budget-allows]\n"
	  "routes.yaml:7:56: error: `main` can never be asked here: its prompt and longest answer (500 tokens) cost up to $0.004006, and day_usd of its account is $0.001000 [budget-allows]\n" },
	{ "alerts.yaml",
	  "p95_ms: 5000\n"
	  "override_rate: 0.5\n",
	  "p95_ms: 5000\n"
	  "needed: 2\n",
	  "alerts.yaml:2:9: error: the alert needs 2 signs together and watches 1 (of p95_ms, tool_success, override_rate): it could never ring [alert-rings]\n" },
	{ "alerts.yaml",
	  "p95_ms: 5000\n"
	  "override_rate: 0.5\n"
	  "tool_success: 0.9\n"
	  "needed: 3\n",
	  "p95_ms: 5000\n"
	  "override_rate: 0.5\n"
	  "needed: 3\n",
	  "alerts.yaml:3:9: error: the alert needs 3 signs together and watches 2 (of p95_ms, tool_success, override_rate): it could never ring [alert-rings]\n" },
	{ "releases.yaml",
	  "drain: 30s\n"
	  "canary: { for: 30s }\n",
	  "drain: 29s\n"
	  "canary: { for: 29s }\n",
	  "releases.yaml:1:8: warning: an answer of the route for `opening-hours` may take 30000 ms; after 29000 ms it would be cut off and begin again, with every change [release-ends]\n"
	  "releases.yaml:2:16: warning: an answer of the route for `opening-hours` may take 30000 ms; a canary of 29000 ms would end before the first of them [release-ends]\n" },
	{ "releases.yaml",
	  "canary: { max_fail_delta: 0.02, min_turns: 133, max_p95_ratio: 1, max_cost_ratio: 0, share: 0.9 }\n",
	  "canary: { max_fail_delta: 0.02, min_turns: 132, max_p95_ratio: 0.9, max_cost_ratio: 0.5, share: 0.95 }\n",
	  "releases.yaml:1:27: warning: 132 turns that all go well leave open whether 2.01 of a hundred go wrong; to know that it is less than 2.00 takes 133 [canary-decided]\n"
	  "releases.yaml:1:64: error: a release that is just like the live one would be rolled back: it is 1 times as slow and as dear, and 0.90 times is allowed [canary-decided]\n"
	  "releases.yaml:1:85: error: a release that is just like the live one would be rolled back: it is 1 times as slow and as dear, and 0.50 times is allowed [canary-decided]\n"
	  "releases.yaml:1:97: error: with a share of 0.95 too few are left to compare it with; at most 0.9 [canary-decided]\n" },
	{ "releases.yaml",
	  "canary: { max_escalation_delta: 0.1, share: 0.01 }\n",
	  "canary: { max_escalation_delta: 0, share: 0 }\n",
	  "releases.yaml:1:33: error: with `max_escalation_delta: 0` nothing can ever be promoted before its time: however many turns go well, the next may not [canary-decided]\n"
	  "releases.yaml:1:43: error: with a share of 0 nobody is served by a canary: each would be rolled back for that [canary-decided]\n" },
	{ "releases.yaml",
	  "replay: { turns: 1000, max_changed: 0.1 }\n",
	  "replay: { turns: 0, max_changed: 0.1 }\n",
	  "releases.yaml:1:18: error: no recorded decision is tried, so `max_changed` blocks nothing [replay-counts]\n" },
	{ "drills/outage.yaml",
	  "name: outage\n"
	  "duration: 10m\n"
	  "faults: [ { target: main, fault: outage, at: 1m, for: 9m } ]\n"
	  "conversations: [ { scenario: a, messages: [b] } ]\n",
	  "name: outage\n"
	  "duration: 10m\n"
	  "faults:\n"
	  "- { target: main, fault: outage, at: 10m }\n"
	  "- { target: main, fault: quota, at: 5m, for: 6m }\n"
	  "conversations: [ { scenario: a, messages: [b] } ]\n",
	  "drills/outage.yaml:4:38: error: it begins after 600000 ms, but the drill ends after 600000 ms [drill-bounded]\n"
	  "drills/outage.yaml:5:46: error: it would end after 660000 ms, but the drill ends after 600000 ms [drill-bounded]\n" },
	{ "drills/outage.yaml",
	  "name: outage\n"
	  "duration: 10m\n"
	  "faults: [ { target: main, fault: cut, deltas: 3 }, { target: main, fault: rate_limit, ms: 2s } ]\n"
	  "conversations: [ { scenario: a, messages: [b] } ]\n",
	  "name: outage\n"
	  "duration: 10m\n"
	  "faults:\n"
	  "- { target: main, fault: slow }\n"
	  "- { target: main, fault: outage, ms: 5s }\n"
	  "- { target: main, fault: empty, deltas: 5 }\n"
	  "conversations: [ { scenario: a, messages: [b] } ]\n",
	  "drills/outage.yaml:4:26: error: `fault: slow` needs `ms`: by how much the first word is late [drill-bounded]\n"
	  "drills/outage.yaml:5:34: error: `ms` is of slow and rate_limit alone [drill-bounded]\n"
	  "drills/outage.yaml:6:33: error: `deltas` is of cut and stall alone [drill-bounded]\n" },
	{ "drills/outage.yaml",
	  "name: outage\n"
	  "duration: 10m\n"
	  "faults: [ { target: main, fault: outage, for: 5m } ]\n"
	  "conversations: [ { scenario: a, messages: [b] } ]\n"
	  "objectives: { max_time_to_recover: 1m }\n",
	  "name: outage\n"
	  "duration: 10m\n"
	  "faults: [ { target: main, fault: outage } ]\n"
	  "conversations: [ { scenario: a, messages: [b] } ]\n"
	  "objectives: { max_time_to_recover: 1m, max_time_to_resume: 1m }\n",
	  "drills/outage.yaml:5:15: error: `max_time_to_recover` cannot be measured: no fault is over before the drill ends [drill-bounded]\n"
	  "drills/outage.yaml:5:40: error: `max_time_to_resume` cannot be measured: no fault is over before the drill ends [drill-bounded]\n" },
	{ "drills/outage.yaml",
	  "name: outage\n"
	  "duration: 10m\n"
	  "faults: [ { target: main, fault: outage } ]\n"
	  "conversations: [ { scenario: a, messages: [b], every: 1s } ]\n",
	  "name: outage\n"
	  "duration: 10m\n"
	  "share: 0\n"
	  "faults: [ { target: main, fault: outage } ]\n"
	  "conversations:\n"
	  "- { scenario: a, messages: [b], every: 100ms }\n",
	  "drills/outage.yaml:3:8: error: with a share of 0 it concerns no session at all [drill-bounded]\n"
	  "drills/outage.yaml:6:1: error: it would open 6001 conversations; at most 5000 are allowed [drill-bounded]\n" },
	{ "drills/outage.yaml",
	  "name: outage\n"
	  "duration: 10m\n"
	  "faults: [ { target: fallback, fault: outage } ]\n"
	  "conversations: [ { scenario: a, messages: [b] } ]\n",
	  "name: outage\n"
	  "duration: 10m\n"
	  "faults: [ { target: fallback, fault: outage } ]\n",
	  "drills/outage.yaml:1:1: warning: it has no `conversations`: nothing would be measured [drill-bounded]\n" },
	{ "modes.yaml",
	  "modes:\n"
	  "- { name: intake-only, do: intake, max_duration: 4h, say: A, recover_when: healthy_targets > 0 }\n"
	  "- { name: hold, do: pause, applies_to: { classes: [account] }, max_duration: 30m, say: B, recover_when: healthy_targets > 0 }\n"
	  "- name: x\n"
	  "  do: intake\n"
	  "  max_duration: 1h\n"
	  "  say: C\n"
	  "  enter_when: error_share > 0.5\n"
	  "  recover_when: error_share < 0.1\n",
	  "modes:\n"
	  "- { name: intake-only, do: intake, max_duration: 4h, say: A, recover_when: healthy_targets > 0 }\n"
	  "- { name: hold, do: pause, applies_to: { classes: [account] }, max_duration: 30m, say: B, recover_when: healthy_targets > 0 }\n"
	  "- name: x\n"
	  "  do: intake\n"
	  "  max_duration: 1h\n"
	  "  say: C\n"
	  "  enter_when: error_share > 50\n"
	  "  recover_when: 0.1 > error_share\n",
	  "modes.yaml:8:15: error: `error_share` lies between 0.0 and 1.0: compared with this number it always comes to the same [condition-meant]\n"
	  "modes.yaml:8:15: warning: no facts were found with which this holds: `x` would never be entered by it [condition-meant]\n" },
	{ "modes.yaml",
	  "modes:\n"
	  "- { name: intake-only, do: intake, max_duration: 4h, say: A, recover_when: healthy_targets > 0 }\n"
	  "- { name: hold, do: pause, applies_to: { classes: [account] }, max_duration: 30m, say: B, recover_when: healthy_targets > 0 }\n"
	  "- name: x\n"
	  "  do: intake\n"
	  "  max_duration: 1h\n"
	  "  say: C\n"
	  "  enter_when: primary_open && healthy_targets < total_targets\n"
	  "  recover_when: \"!primary_open\"\n",
	  "modes:\n"
	  "- { name: intake-only, do: intake, max_duration: 4h, say: A, recover_when: healthy_targets > 0 }\n"
	  "- { name: hold, do: pause, applies_to: { classes: [account] }, max_duration: 30m, say: B, recover_when: healthy_targets > 0 }\n"
	  "- name: x\n"
	  "  do: intake\n"
	  "  max_duration: 1h\n"
	  "  say: C\n"
	  "  enter_when: primary_open && healthy_targets == total_targets\n"
	  "  recover_when: \"!primary_open\"\n",
	  "modes.yaml:8:15: warning: no facts were found with which this holds: `x` would never be entered by it [condition-meant]\n" },
	{ "modes.yaml",
	  "modes:\n"
	  "- { name: intake-only, do: intake, max_duration: 4h, say: A, recover_when: healthy_targets > 0 }\n"
	  "- { name: hold, do: pause, applies_to: { classes: [account] }, max_duration: 30m, say: B, recover_when: healthy_targets > 0 }\n"
	  "- name: x\n"
	  "  do: ticket\n"
	  "  max_duration: 1h\n"
	  "  say: C\n"
	  "  enter_when: oldest_wait > duration(\"20m\")\n"
	  "  recover_when: oldest_wait < duration(\"5m\")\n",
	  "modes:\n"
	  "- { name: intake-only, do: intake, max_duration: 4h, say: A, recover_when: healthy_targets > 0 }\n"
	  "- { name: hold, do: pause, applies_to: { classes: [account] }, max_duration: 30m, say: B, recover_when: healthy_targets > 0 }\n"
	  "- name: x\n"
	  "  do: ticket\n"
	  "  max_duration: 1h\n"
	  "  say: C\n"
	  "  enter_when: oldest_wait > duration(\"20m\")\n"
	  "  recover_when: oldest_wait < duration(\"20m\") || healthy > duration(\"1h\") && [1, 2].exists(n, n == turns)\n",
	  "modes.yaml:9:17: error: flapping: with oldest_wait_ms = 1200001, healthy_ms = 3600001, turns = 1, enter_when and recover_when both hold: `x` would be left and entered again in turn [no-flapping]\n" },
	{ "modes.yaml",
	  "modes:\n"
	  "- { name: intake-only, do: intake, max_duration: 4h, say: A, recover_when: healthy_targets > 0 }\n"
	  "- { name: hold, do: pause, applies_to: { classes: [account] }, max_duration: 30m, say: B, recover_when: healthy_targets > 0 }\n"
	  "- name: x\n"
	  "  do: ticket\n"
	  "  max_duration: 1h\n"
	  "  say: C\n"
	  "  enter_when: has(facts.queue_depth) && agents_free == 0\n"
	  "  recover_when: \"!has(facts.queue_depth) || agents_free > 0\"\n",
	  "modes:\n"
	  "- { name: intake-only, do: intake, max_duration: 4h, say: A, recover_when: healthy_targets > 0 }\n"
	  "- { name: hold, do: pause, applies_to: { classes: [account] }, max_duration: 30m, say: B, recover_when: healthy_targets > 0 }\n"
	  "- name: x\n"
	  "  do: ticket\n"
	  "  max_duration: 1h\n"
	  "  say: C\n"
	  "  enter_when: has(facts.agents_free)\n"
	  "  recover_when: agents_free > 5\n",
	  "modes.yaml:8:15: error: this holds while all is well (no calls, every target healthy, nobody waiting): `x` would always be on [mode-quiet]\n"
	  "modes.yaml:9:17: error: this does not hold even when all is well (100 calls, no error, every target healthy, nobody waiting): `x` would never recover [mode-quiet]\n"
	  "modes.yaml:9:17: error: flapping: with agents_free = 6, enter_when and recover_when both hold: `x` would be left and entered again in turn [no-flapping]\n" },
};
/* clang-format on */
