/* SPDX-License-Identifier: Apache-2.0 */

/* Proofs about tools, look-ups and people's leave, kept and broken. */
#pragma once

#include "tests/unit/policy_continuity.h"

/* What the set's routes and classes name is there; and one tool with other terms. */
#define TOOL_(terms)                                                                               \
	"tools:\n"                                                                                 \
	"- { name: opening_times, module: shop, title: t, description: d, writes: false,\n"        \
	"    arguments: { properties: { town: {} } } }\n"                                          \
	"- { name: note, module: shop, title: t, description: d, writes: true, approval: none }\n" \
	"- { name: x, module: shop, title: t, description: d, " terms " }\n"
#define ROUTES_(refund)                                             \
	"routes:\n"                                                 \
	"- { intent: refund-policy, primary: main, " refund " }\n"  \
	"- { intent: change-address, primary: main }\n"             \
	"- { intent: default, class: general, tier: 1, primary: main }\n"
#define CLASSES_(general, promise)                                                   \
	"classes:\n"                                                                 \
	"- { name: general, on_failure: fallback, mode: intake-only" general " }\n"  \
	"- { name: promise, on_failure: escalate, approved: [backup]" promise " }\n" \
	"- { name: account, on_failure: pause, mode: hold }\n"

/* clang-format off: one line of a file is one line here */
static const struct proof_case tool_cases[] = {
	/* --- the tools --- */
	{ "tools.yaml",
	  TOOL_("writes: false, arguments: { properties: { a: { type: string, pattern: 'a+' } } }"),
	  TOOL_("writes: false, arguments: { properties: { a: { type: string, format: date } } }"),
	  "tools.yaml:5:82: error: calls could not be checked against these `arguments`: unknown keyword at the schema.a: \"format\" [tool-sound]\n" },
	{ "tools.yaml",
	  TOOL_("writes: false, result: { type: array }"),
	  TOOL_("writes: false, result: { type: list }"),
	  "tools.yaml:5:79: error: calls could not be checked against these `result`: bad value of keyword at the schema: \"type\" [tool-sound]\n" },
	{ "tools.yaml",
	  TOOL_("writes: false, arguments: { type: object }"),
	  TOOL_("writes: false, arguments: { type: array }"),
	  "tools.yaml:5:88: error: a tool is given an object: the `type` of its arguments must be `object` [tool-sound]\n" },
	{ "tools.yaml",
	  TOOL_("writes: false, arguments: { properties: { who: {} } }, bind: { who: customer }"),
	  TOOL_("writes: false, arguments: { properties: { who: {} } }, bind: { whom: customer }"),
	  "tools.yaml:5:117: error: `whom` is bound, but is none of the tool's arguments: each call would be refused [tool-sound]\n" },
	{ "tools.yaml",
	  TOOL_("writes: false, arguments: { properties: { who: {} } }, bind: { who: session }"),
	  TOOL_("writes: false, arguments: { properties: { who: {} } }, bind: { who: password }"),
	  "tools.yaml:5:122: error: an argument is bound to customer, customer_tier, session or locale\n" },
	{ "tools.yaml",
	  TOOL_("writes: true"),
	  "tools:\n- { name: x, module: rules, title: t, description: d, writes: true }\n",
	  "classes.yaml:3:91: error: there is no tool `note`\n"
	  "routes.yaml:2:110: error: there is no tool `opening_times`\n"
	  "tools.yaml:2:22: error: `rules` is a rule: it performs no tools [tool-sound]\n" },
	{ "tools.yaml",
	  TOOL_("writes: false, remote: { tool: y }"),
	  TOOL_("writes: false, remote: { tool: y }, request: { url: z }"),
	  "tools.yaml:5:69: error: `request` and `remote` are for different modules: only one\n" },
	{ "tools.yaml",
	  TOOL_("writes: false, result: { properties: { hours: {} } }, answer: 'Open {{hours}}.'"),
	  TOOL_("writes: false, result: { properties: { hours: {} } }, answer: 'Open {{times}}.'"),
	  "tools.yaml:5:116: warning: `result` has no member `times`: nothing would be said [tool-sound]\n" },
	/* --- whom they are offered to --- */
	{ "routes.yaml", ROUTES_("tools: [refund, note]"), ROUTES_("tools: [refund, notes]"),
	  "routes.yaml:2:59: error: there is no tool `notes`, did you mean `note`?\n" },
	{ "routes.yaml",
	  ROUTES_("tools: [refund]"),
	  "routes:\n"
	  "- { intent: refund-policy, primary: cheap, tools: [refund] }\n"
	  "- { intent: change-address, primary: main }\n"
	  "- { intent: default, class: general, tier: 1, primary: main }\n",
	  "routes.yaml:2:51: warning: `cheap` does not call tools (`tools: true` in targets.yaml) [tool-sound]\n" },
	{ "routes.yaml",
	  ROUTES_("tools: [refund]"),
	  ROUTES_("total_ms: 9000, first_token_ms: 3000, tools: [refund]"),
	  "routes.yaml:2:89: warning: `refund` may take 10000 ms, the whole answer only 9000 ms [tool-sound]\n" },
	/* --- leave --- */
	{ "routes.yaml",
	  ROUTES_("tools: [refund, note]"),
	  "routes:\n"
	  "- { intent: change-address, primary: main, tools: [refund, note] }\n"
	  "- { intent: default, class: general, tier: 1, primary: main }\n",
	  "routes.yaml:2:60: error: nobody would be asked: for a message of `change-address` a model could call `note`, which changes something; it needs `approval: agent`, or class `account` must name it in `unattended` [tool-leave]\n" },
	{ "routes.yaml",
	  ROUTES_("tools: [refund]"),
	  "routes:\n"
	  "- { intent: change-address, primary: main }\n"
	  "- { intent: default, class: general, tier: 1, primary: main, tools: [opening_times, note] }\n",
	  "intents/all.yaml:2:11: error: nobody would be asked: for a message of `opening-hours` a model could call `note`, which changes something; it needs `approval: agent`, or class `general` must name it in `unattended` [tool-leave]\n"
	  "routes.yaml:3:85: error: nobody would be asked: for a message of `default` a model could call `note`, which changes something; it needs `approval: agent`, or class `general` must name it in `unattended` [tool-leave]\n" },
	{ "routes.yaml",
	  ROUTES_("fallback: backup, tools: [note], disable_tools_on_fallback: true"),
	  ROUTES_("fallback: backup, tools: [note]"),
	  "routes.yaml:2:69: warning: with `main` down, `backup` could call `note` without anybody's leave: say disable_tools_on_fallback if it should not [tool-leave]\n" },
	{ "classes.yaml",
	  CLASSES_("", ", unattended: [note]"),
	  CLASSES_("", ", unattended: [note], approve_all: true"),
	  "classes.yaml:3:74: error: `approve_all` wants a person's leave for each call, `unattended` for none of `note` [tool-leave]\n" },
	{ "classes.yaml",
	  CLASSES_("", ", unattended: [note]"),
	  CLASSES_("", ", unattended: [note, opening_times]"),
	  "classes.yaml:3:74: warning: `opening_times` only looks up: it needs nobody's leave anyway [tool-leave]\n" },
	/* --- look-ups --- */
	{ "routes.yaml",
	  ROUTES_("lookups: [ { tool: opening_times, arguments: { town: Ulm } } ]"),
	  ROUTES_("lookups: [ { tool: opening_times } ]"),
	  "routes.yaml:2:56: error: `opening_times` needs `town`, which is not given: the call would be refused [lookup-known]\n" },
	{ "routes.yaml",
	  ROUTES_("lookups: [ { tool: opening_times, arguments: { town: Ulm } } ]"),
	  ROUTES_("lookups: [ { tool: opening_times, arguments: { town: '{{place}}' } } ]"),
	  "routes.yaml:2:96: error: `place` is no slot of the intent `refund-policy`: this call would never be made [lookup-known]\n" },
	{ "routes.yaml",
	  ROUTES_("lookups: [ { tool: opening_times, arguments: { town: Ulm } } ]"),
	  ROUTES_("lookups: [ { tool: opening_times, arguments: { town: 17, tier: vip, at: noon } } ]"),
	  "routes.yaml:2:96: error: the call would be refused: town: expected string, found integer [lookup-known]\n"
	  "routes.yaml:2:100: error: the tool binds `tier`: the server sets it [lookup-known]\n"
	  "routes.yaml:2:111: error: `opening_times` has no argument `at`: the call would be refused [lookup-known]\n" },
	{ "routes.yaml",
	  ROUTES_("lookups: [ { tool: opening_times, arguments: { town: Ulm } } ]"),
	  ROUTES_("lookups: [ { tool: note } ]"),
	  "routes.yaml:2:62: error: `note` changes something: each message of `refund-policy` would cause it, asked for or not [lookup-known]\n" },
	{ "classes.yaml",
	  CLASSES_("", ", unattended: [note]"),
	  CLASSES_(", approve_all: true", ", unattended: [note]"),
	  "routes.yaml:2:110: error: `opening_times` needs a person's leave here: each message of `opening-hours` would go to a person [lookup-known]\n" },
	{ "routes.yaml",
	  ROUTES_("lookups: [ { tool: opening_times, arguments: { town: Ulm } } ]"),
	  ROUTES_("lookups: [ { tool: opening_times, arguments: { town: Ulm }, propose: true } ]"),
	  "routes.yaml:2:62: error: `opening_times` needs nobody's leave here: nothing would be left to a person [lookup-known]\n"
	  "routes.yaml:2:62: error: `refund-policy` is answered at once (tier 1), and each message of it would go to a person [lookup-known]\n" },
};
/* clang-format on */
