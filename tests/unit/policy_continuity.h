/* SPDX-License-Identifier: Apache-2.0 */

/* A set that uses all that continuity is declared with, and keeps every proof; and how one file of it is
 * changed, to something sound and to something that is not. */
#pragma once

#include "tests/unit/policy_set.h"

/* clang-format off: one line of a file is one line here */
static const struct policy_file whole[] = {
	{ "modules.yaml",
	  "modules:\n"
	  "- { name: rules, kind: rule, file: rule-policy.so }\n"
	  "- { name: classifier, kind: classifier, file: classifier-linear.so }\n"
	  "- { name: openai, kind: provider, file: provider-openai.so }\n"
	  "- { name: pii, kind: guard, file: guard-pii.so }\n"
	  "- { name: shop, kind: tool, file: tool-http.so }\n" },
	{ "guards.yaml",
	  "guards:\n"
	  "- { module: pii, at: everywhere }\n" },
	{ "tools.yaml",
	  "tools:\n"
	  "- name: opening_times\n"
	  "  module: shop\n"
	  "  title: looks up the hours\n"
	  "  description: Opening hours of a shop.\n"
	  "  arguments: { properties: { town: { type: string, maxLength: 40 }, tier: { type: string } }, required: [town, tier] }\n"
	  "  result: { type: object, properties: { hours: { type: string } } }\n"
	  "  bind: { tier: customer_tier }\n"
	  "  writes: false\n"
	  "  timeout: 2s\n"
	  "  answer: We are open {{hours}}.\n"
	  "- { name: refund, module: shop, title: refunds, description: Pays back., writes: true,\n"
	  "    arguments: { properties: { order: { type: string, pattern: '^[0-9]{4,8}$' }, cents: { type: integer, minimum: 1 } }, required: [order, cents] } }\n"
	  "- { name: note, module: shop, title: takes a note, description: Takes a note., writes: true, idempotent: true, approval: none }\n" },
	{ "targets.yaml",
	  "targets:\n"
	  "- { name: main, provider: openai, account: one, region: eu, prompt: support, tools: true, context_tokens: 8000,\n"
	  "    in_usd_per_mtok: 2, out_usd_per_mtok: 8, max_output_tokens: 500 }\n"
	  "- { name: backup, provider: openai, account: two, region: us, out_usd_per_mtok: 4, tools: true }\n"
	  "- { name: cheap, provider: openai, account: three, substitute: backup }\n" },
	{ "classes.yaml",
	  "classes:\n"
	  "- { name: general, on_failure: fallback, mode: intake-only }\n"
	  "- { name: promise, on_failure: escalate, approved: [backup], needs: [rules], unattended: [note] }\n"
	  "- { name: account, on_failure: pause, mode: hold }\n" },
	{ "routes.yaml",
	  "routes:\n"
	  "- { intent: opening-hours, primary: main, fallback: [backup, cheap], min_tokens_per_s: 5, lookups: [ { tool: opening_times, arguments: { town: Berlin } } ],\n"
	  "    switches: [ { when: queue_depth > 50, to: cheap, trigger: slow } ] }\n"
	  "- { intent: refund-policy, primary: main, fallback: backup, turn_usd: 0.05, day_usd: 20, tool_rounds: 3,\n"
	  "    switches: [ { when: primary_health < 0.2, to: person, reason: the model wobbles } ] }\n"
	  "- { intent: change-address, primary: main }\n"
	  "- { intent: default, class: general, tier: 1, primary: main }\n" },
	{ "intents/all.yaml",
	  "intents:\n"
	  "- { name: opening-hours, class: general, tier: 1, examples: [when are you open, opening times] }\n"
	  "- { name: refund-policy, class: promise, tier: 1, examples: [money back, refund please] }\n"
	  "- { name: change-address, class: account, tier: 2, examples: [I moved, new address] }\n"
	  "- { name: complaint, class: promise, tier: 3, examples: [I complain, unacceptable] }\n" },
	{ "modes.yaml",
	  "modes:\n"
	  "- { name: intake-only, do: intake, enter_when: all_down, enter_for: 10s, recover_when: healthy_targets > 0,\n"
	  "    recover_for: 60s, max_duration: 4h, trigger: all_down, say: A colleague will answer. }\n"
	  "- { name: hold, do: pause, applies_to: { classes: [account] }, recover_when: healthy_targets > 0,\n"
	  "    max_duration: 30m, at_expiry: next, next: later, say: We have your message. }\n"
	  "- { name: later, do: ticket, applies_to: { classes: [account] }, max_duration: 8h, say: By mail. }\n"
	  "- { name: reviewed, do: templated, enter_when: override_share > 0.5 && turns >= 20,\n"
	  "    recover_when: override_share < 0.2, max_duration: 2h, at_expiry: normal, template: support, say: A moment. }\n"
	  "- { name: thrifty, do: substitute, applies_to: { intents: [opening-hours] }, use: cheap, max_duration: 1d,\n"
	  "    say: A smaller assistant answers. }\n" },
	{ "budgets.yaml",
	  "turn_usd: 0.10\n"
	  "day_usd: 100\n"
	  "accounts: [ { account: one, day_usd: 80 } ]\n"
	  "retry: { ratio: 0.1, burst: 5 }\n" },
	{ "alerts.yaml",
	  "window: 10m\n"
	  "p95_ms: 6000\n"
	  "tool_success: 0.9\n"
	  "override_rate: 0.4\n" },
	{ "drills/outage.yaml",
	  "name: outage\n"
	  "duration: 10m\n"
	  "faults: [ { target: primary, fault: outage, at: 1m, for: 3m }, { target: cheap, fault: slow, ms: 2s } ]\n"
	  "conversations:\n"
	  "- { scenario: hours, intent: opening-hours, every: 5s, messages: [when are you open], expect: { outcome: answered } }\n"
	  "objectives: { max_time_to_recover: 60s, max_p95_ms: 12s, min_answered_share: 0.9 }\n" },
};
/* clang-format on */

/* `file` holds `good`: nothing is said. It holds `bad`: this is said, places and sentences. */
struct proof_case {
	const char *file, *good, *bad, *said;
};

static inline void continuity_report(void *ud, const struct baton_policy_finding *finding)
{
	struct baton_policy_finding line = *finding;

	line.source = NULL;
	baton_policy_finding_text(&line, ud);
}

/* Loads the set with `text` in `file` (NULL: as it is). Exactly `expected` must be said. */
static inline void continuity_expect(const char *file, const char *text, const char *expected)
{
	char dir[POLICY_DIR];
	struct baton_buf said = { 0 };
	struct baton_policy *policy = NULL;

	baton_buf_z(&said, "");
	set_begin(dir);
	for (size_t i = 0; i < sizeof(whole) / sizeof(whole[0]); i++)
		set_text(dir, whole[i].name, whole[i].text);
	if (file)
		set_text(dir, file, text);
	int rc = baton_policy_load(dir, continuity_report, &said, &policy);
	set_end(dir);
	if (said.n != strlen(expected) || memcmp(said.p, expected, said.n) != 0)
		fail_msg("%s with\n%s\nsaid\n%.*s\nnot\n%s", file ? file : "the set",
			 text ? text : "", (int)said.n, said.p, expected);
	if ((rc == 0) != (strstr(expected, ": error: ") == NULL) || (rc == 0) != (policy != NULL))
		fail_msg("%s: result %d", file ? file : "the set", rc);
	baton_policy_free(&policy);
	baton_buf_done(&said);
}

static inline void continuity_run(const struct proof_case *cases, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		continuity_expect(cases[i].file, cases[i].good, "");
		continuity_expect(cases[i].file, cases[i].bad, cases[i].said);
	}
}
