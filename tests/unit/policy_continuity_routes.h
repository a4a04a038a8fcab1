/* SPDX-License-Identifier: Apache-2.0 */

/* Proofs about targets, routes, classes, rules and the desk, kept and broken. */
#pragma once

#include "tests/unit/policy_continuity.h"

/* clang-format off: one line of a file is one line here */
static const struct proof_case route_cases[] = {
	{ "intents/more.yaml",
	  "intents:\n"
	  "- { name: case-writeup, class: general, tier: 2, internal: true }\n",
	  "intents:\n"
	  "- { name: case-writeup, class: general, tier: 1, internal: true }\n",
	  "intents/more.yaml:2:47: error: `case-writeup` is for agents: in tier 1 it would be said to a customer at once; 2 is a draft that an agent reads, 3 is no model at all [internal-quiet]\n" },
	{ "routes.yaml",
	  "routes:\n"
	  "- { intent: opening-hours, primary: main, fallback: backup }\n"
	  "- { intent: change-address, primary: main }\n"
	  "- { intent: default, class: general, tier: 1, primary: main }\n",
	  "routes:\n"
	  "- { intent: opening-hours, primary: main, fallback: backup }\n"
	  "- { intent: change-address, primary: main }\n"
	  "- { intent: default, tier: 1, primary: main }\n",
	  "routes.yaml:4:5: error: the default route needs a `class`: nobody would know what may be done when its primary fails [intent-way]\n" },
	{ "routes.yaml",
	  "routes:\n"
	  "- { intent: opening-hours, primary: main, fallback: backup }\n"
	  "- { intent: change-address, primary: main }\n"
	  "- { intent: default, class: general, tier: 1, primary: main }\n",
	  "routes:\n"
	  "- { intent: refund-policy }\n"
	  "- { intent: default, class: general, tier: 1, primary: main }\n",
	  "routes.yaml:2:5: error: a route of tier 1 needs a `primary` [intent-way]\n" },
	{ "routes.yaml",
	  "routes:\n"
	  "- { intent: complaint, switches: [ { when: queue_depth > 9, to: person } ] }\n"
	  "- { intent: default, class: general, tier: 1, primary: main }\n",
	  "routes:\n"
	  "- { intent: complaint, switches: [ { when: queue_depth > 9, to: cheap } ] }\n"
	  "- { intent: default, class: general, tier: 1, primary: main }\n",
	  "routes.yaml:2:65: error: when `queue_depth > 9` holds, `cheap` would be asked, but this route is of tier 3: a person answers [tier-kept]\n" },
	{ "routes.yaml",
	  "routes:\n"
	  "- { intent: change-address, primary: main, tier: 3 }\n"
	  "- { intent: default, class: general, tier: 1, primary: main }\n",
	  "routes:\n"
	  "- { intent: change-address, primary: main, tier: 1 }\n"
	  "- { intent: default, class: general, tier: 1, primary: main }\n",
	  "routes.yaml:2:50: error: the intent `change-address` is of tier 2: its route cannot be of tier 1 [tier-kept]\n" },
	{ "routes.yaml",
	  "routes:\n"
	  "- { intent: refund-policy, primary: main, fallback: backup }\n"
	  "- { intent: default, class: general, tier: 1, primary: main }\n",
	  "routes:\n"
	  "- { intent: refund-policy, primary: main, fallback: cheap }\n"
	  "- { intent: default, class: general, tier: 1, primary: main }\n",
	  "routes.yaml:2:53: error: silent downgrade: with `main` down, `cheap` would answer, but class `promise` escalates on failure and `cheap` is not approved there by name [no-silent-downgrade]\n" },
	{ "routes.yaml",
	  "routes:\n"
	  "- intent: refund-policy\n"
	  "  primary: main\n"
	  "  switches:\n"
	  "  - { when: primary_health < 0.5, to: backup }\n"
	  "- { intent: default, class: general, tier: 1, primary: main }\n",
	  "routes:\n"
	  "- intent: refund-policy\n"
	  "  primary: main\n"
	  "  switches:\n"
	  "  - { when: primary_health < 0.5, to: cheap }\n"
	  "- { intent: default, class: general, tier: 1, primary: main }\n",
	  "routes.yaml:5:39: error: silent downgrade: when `primary_health < 0.5` holds, `cheap` would answer, but class `promise` escalates on failure and `cheap` is not approved there by name [no-silent-downgrade]\n" },
	{ "routes.yaml",
	  "routes:\n"
	  "- { intent: change-address, primary: main }\n"
	  "- { intent: default, class: general, tier: 1, primary: main }\n",
	  "routes:\n"
	  "- { intent: change-address, primary: main, fallback: backup }\n"
	  "- { intent: default, class: general, tier: 1, primary: main }\n",
	  "routes.yaml:2:54: error: silent downgrade: with `main` down, `backup` would answer, but class `account` pauses on failure: nobody stands in [no-silent-downgrade]\n" },
	{ "routes.yaml",
	  "routes:\n"
	  "- { intent: opening-hours, primary: main, fallback: backup }\n"
	  "- { intent: change-address, primary: main }\n"
	  "- { intent: default, class: general, tier: 1, primary: main, fallback: backup }\n",
	  "routes:\n"
	  "- { intent: opening-hours, primary: main, fallback: backup }\n"
	  "- { intent: change-address, primary: main }\n"
	  "- { intent: default, class: general, tier: 1, primary: main, fallback: cheap }\n",
	  "intents/all.yaml:3:11: error: silent downgrade: `refund-policy` takes the default route, and with `main` down, `cheap` would answer, but class `promise` escalates on failure and `cheap` is not approved there by name [no-silent-downgrade]\n" },
	{ "routes.yaml",
	  "routes:\n"
	  "- { intent: opening-hours, primary: main, fallback: backup }\n"
	  "- { intent: change-address, primary: main }\n"
	  "- { intent: default, class: general, tier: 1, primary: main, switches: [ { when: exchanges > 5, to: backup } ] }\n",
	  "routes:\n"
	  "- { intent: opening-hours, primary: main, fallback: backup }\n"
	  "- { intent: change-address, primary: main }\n"
	  "- { intent: default, class: general, tier: 1, primary: main, switches: [ { when: exchanges > 5, to: cheap } ] }\n",
	  "intents/all.yaml:3:11: error: silent downgrade: `refund-policy` takes the default route, and when `exchanges > 5` holds, `cheap` would answer, but class `promise` escalates on failure and `cheap` is not approved there by name [no-silent-downgrade]\n" },
	{ "routes.yaml",
	  "routes:\n"
	  "- { intent: opening-hours, primary: main, fallback: backup }\n"
	  "- { intent: change-address, primary: main }\n"
	  "- { intent: default, class: general, tier: 1, primary: main }\n",
	  "routes:\n"
	  "- { intent: opening-hours, primary: main, fallback: [backup, main] }\n"
	  "- { intent: change-address, primary: main }\n"
	  "- { intent: default, class: general, tier: 1, primary: main }\n",
	  "routes.yaml:2:62: error: the fallback `main` is the primary: with it down, the same is asked again [no-circle]\n" },
	{ "routes.yaml",
	  "routes:\n"
	  "- { intent: opening-hours, primary: main, fallback: [backup, cheap] }\n"
	  "- { intent: change-address, primary: main }\n"
	  "- { intent: default, class: general, tier: 1, primary: main }\n",
	  "routes:\n"
	  "- { intent: opening-hours, primary: main, fallback: [backup, cheap, backup] }\n"
	  "- { intent: change-address, primary: main }\n"
	  "- { intent: default, class: general, tier: 1, primary: main }\n",
	  "routes.yaml:2:69: error: the fallback `backup` stands here twice [no-circle]\n" },
	{ "routes.yaml",
	  "routes:\n"
	  "- { intent: opening-hours, primary: main, switches: [ { when: exchanges > 5, to: cheap } ] }\n"
	  "- { intent: change-address, primary: main }\n"
	  "- { intent: default, class: general, tier: 1, primary: main }\n",
	  "routes:\n"
	  "- { intent: opening-hours, primary: main, switches: [ { when: exchanges > 5, to: main } ] }\n"
	  "- { intent: change-address, primary: main }\n"
	  "- { intent: default, class: general, tier: 1, primary: main }\n",
	  "routes.yaml:2:82: warning: `main` is the primary already: this switch changes nothing [no-circle]\n" },
	{ "targets.yaml",
	  "targets:\n"
	  "- { name: main, provider: openai, account: one, region: eu, prompt: support, context_tokens: 8000,\n"
	  "    in_usd_per_mtok: 2, out_usd_per_mtok: 8, max_output_tokens: 500 }\n"
	  "- { name: backup, provider: openai, account: two, region: us, out_usd_per_mtok: 4 }\n"
	  "- { name: cheap, provider: openai, account: three, substitute: backup }\n",
	  "targets:\n"
	  "- { name: main, provider: openai, account: one, region: eu, prompt: support, context_tokens: 8000,\n"
	  "    in_usd_per_mtok: 2, out_usd_per_mtok: 8, max_output_tokens: 500 }\n"
	  "- { name: backup, provider: openai, account: two, region: us, substitute: cheap, out_usd_per_mtok: 4 }\n"
	  "- { name: cheap, provider: openai, account: three, substitute: backup }\n",
	  "targets.yaml:4:75: error: substitutes go in a circle, `backup` -> `cheap` -> `backup`: with all of them switched off, nobody is found [no-circle]\n" },
	{ "targets.yaml",
	  "targets:\n"
	  "- { name: main, provider: openai, account: one, region: eu, prompt: support, context_tokens: 8000,\n"
	  "    in_usd_per_mtok: 2, out_usd_per_mtok: 8, max_output_tokens: 500 }\n"
	  "- { name: backup, provider: openai, account: two, region: us, out_usd_per_mtok: 4 }\n"
	  "- { name: cheap, provider: openai, account: three, substitute: backup }\n",
	  "targets:\n"
	  "- { name: main, provider: openai, account: one, region: eu, prompt: support, context_tokens: 8000,\n"
	  "    in_usd_per_mtok: 2, out_usd_per_mtok: 8, max_output_tokens: 500 }\n"
	  "- { name: backup, provider: openai, account: two, region: us, out_usd_per_mtok: 4 }\n"
	  "- { name: cheap, provider: openai, account: three, substitute: cheap }\n",
	  "targets.yaml:5:64: error: substitutes go in a circle, `cheap` -> `cheap`: with all of them switched off, nobody is found [no-circle]\n" },
	{ "targets.yaml",
	  "targets:\n"
	  "- { name: main, provider: openai, account: one, region: eu, prompt: support, context_tokens: 8000,\n"
	  "    in_usd_per_mtok: 2, out_usd_per_mtok: 8, max_output_tokens: 500 }\n"
	  "- { name: backup, provider: openai, account: two, region: us, out_usd_per_mtok: 4 }\n"
	  "- { name: cheap, provider: openai, account: three, substitute: backup }\n",
	  "targets:\n"
	  "- { name: main, provider: openai, account: one, region: eu, prompt: support, context_tokens: 8000,\n"
	  "    in_usd_per_mtok: 2, out_usd_per_mtok: 8, max_output_tokens: 500 }\n"
	  "- { name: backup, provider: openai, account: one, region: us, out_usd_per_mtok: 4 }\n"
	  "- { name: cheap, provider: openai, account: three, substitute: backup }\n",
	  "routes.yaml:2:54: warning: the fallback shares the account `one` with the primary: a spend cap or a block takes both down [shared-fate]\n"
	  "routes.yaml:4:53: warning: the fallback shares the account `one` with the primary: a spend cap or a block takes both down [shared-fate]\n" },
	{ "targets.yaml",
	  "targets:\n"
	  "- { name: main, provider: openai, account: one, region: eu, prompt: support, context_tokens: 8000,\n"
	  "    in_usd_per_mtok: 2, out_usd_per_mtok: 8, max_output_tokens: 500 }\n"
	  "- { name: backup, provider: openai, account: two, region: us, out_usd_per_mtok: 4 }\n"
	  "- { name: cheap, provider: openai, account: three, substitute: backup }\n",
	  "targets:\n"
	  "- { name: main, provider: openai, account: one, region: eu, prompt: support, context_tokens: 8000,\n"
	  "    in_usd_per_mtok: 2, out_usd_per_mtok: 8, max_output_tokens: 500 }\n"
	  "- { name: backup, provider: openai, account: two, region: eu, out_usd_per_mtok: 4 }\n"
	  "- { name: cheap, provider: openai, account: three, substitute: backup }\n",
	  "routes.yaml:2:54: warning: the fallback is in the region `eu` of the primary: an outage there takes both down [shared-fate]\n"
	  "routes.yaml:4:53: warning: the fallback is in the region `eu` of the primary: an outage there takes both down [shared-fate]\n" },
	{ "classes.yaml",
	  "classes:\n"
	  "- { name: general, on_failure: fallback, critical: true, approved: [backup, cheap] }\n"
	  "- { name: promise, on_failure: escalate, approved: [backup], needs: [rules] }\n"
	  "- { name: account, on_failure: pause, mode: hold }\n",
	  "classes:\n"
	  "- { name: general, on_failure: fallback, critical: true, approved: [backup] }\n"
	  "- { name: promise, on_failure: escalate, approved: [backup], needs: [rules] }\n"
	  "- { name: account, on_failure: pause, mode: hold }\n",
	  "routes.yaml:2:62: warning: `cheap` is never asked: class `general` is critical, and with `main` down a person gets the message unless `cheap` is approved there [asked-sometime]\n"
	  "routes.yaml:3:47: warning: `cheap` is never asked: class `general` is critical and `cheap` is not approved there by name [asked-sometime]\n" },
	{ "targets.yaml",
	  "targets:\n"
	  "- { name: main, provider: openai, account: one, region: eu, prompt: support, context_tokens: 8000,\n"
	  "    in_usd_per_mtok: 2, out_usd_per_mtok: 8, max_output_tokens: 500 }\n"
	  "- { name: backup, provider: openai, account: two, region: us, out_usd_per_mtok: 4 }\n"
	  "- { name: cheap, provider: openai, account: three, substitute: backup }\n",
	  "targets:\n"
	  "- { name: main, provider: openai, account: one, region: eu, prompt: support, substitute: backup, context_tokens: 8000,\n"
	  "    in_usd_per_mtok: 2, out_usd_per_mtok: 8, max_output_tokens: 500 }\n"
	  "- { name: backup, provider: openai, account: two, region: us, out_usd_per_mtok: 4 }\n"
	  "- { name: cheap, provider: openai, account: three, substitute: backup }\n",
	  "targets.yaml:2:90: warning: with `main` switched off, `backup` is not asked for `change-address`: class `account` pauses on failure: nobody stands in [asked-sometime]\n" },
	{ "routes.yaml",
	  "routes:\n"
	  "- { intent: opening-hours, primary: main, switches: [ { when: exchanges > 5, to: cheap }, { when: exchanges > 4, to: backup } ] }\n"
	  "- { intent: change-address, primary: main }\n"
	  "- { intent: default, class: general, tier: 1, primary: main }\n",
	  "routes:\n"
	  "- { intent: opening-hours, primary: main, switches: [ { when: exchanges > 5, to: cheap }, { when: exchanges > 5, to: backup } ] }\n"
	  "- { intent: change-address, primary: main }\n"
	  "- { intent: default, class: general, tier: 1, primary: main }\n",
	  "routes.yaml:2:99: error: never reached: a switch before this one has the same condition [asked-sometime]\n" },
	{ "desk.yaml",
	  "default_queue: general\n"
	  "hours: [ { name: h, timezone: Europe/Berlin, open: { mon: [ \"09:00-12:00\", \"12:00-17:00\" ] }, closed: [ 2026-12-25 ] } ]\n"
	  "queues: [ { name: general, hours: h } ]\n"
	  "agents: [ { id: a, name: A, secret: A } ]\n",
	  "default_queue: general\n"
	  "hours: [ { name: h, timezone: Europe/Berlin, open: { mon: [ \"09:00-12:00\", \"11:00-17:00\" ] }, closed: [ 2026-12-25 ] } ]\n"
	  "queues: [ { name: general, hours: h } ]\n"
	  "agents: [ { id: a, name: A, secret: A } ]\n",
	  "desk.yaml:2:54: error: two times overlap: on mon at 11:00 it is open twice [hours-open]\n" },
	{ "desk.yaml",
	  "default_queue: general\n"
	  "hours: [ { name: h, timezone: UTC, open: { fri-sun: \"22:00-06:00\" } } ]\n"
	  "queues: [ { name: general, hours: h } ]\n"
	  "agents: [ { id: a, name: A, secret: A } ]\n",
	  "default_queue: general\n"
	  "hours: [ { name: h, timezone: UTC, open: {} } ]\n"
	  "queues: [ { name: general, hours: h } ]\n"
	  "agents: [ { id: a, name: A, secret: A } ]\n",
	  "desk.yaml:2:42: error: these hours never open: whoever writes on a Monday waits for ever [hours-open]\n" },
	{ "desk.yaml",
	  "default_queue: general\n"
	  "queues: [ { name: general, assign: offer, skills: [ payments ], relax_after: 0s } ]\n"
	  "agents: [ { id: a, name: A, secret: A, skills: [ payments ] } ]\n",
	  "default_queue: general\n"
	  "queues: [ { name: general, assign: offer, skills: [ payments ], relax_after: 0s } ]\n"
	  "agents: [ { id: a, name: A, secret: A } ]\n",
	  "desk.yaml:2:51: error: nobody who works on `general` has all its skills, and with `relax_after: 0s` nobody else is offered a case [offer-taken]\n" },
	{ "desk.yaml",
	  "default_queue: general\n"
	  "queues: [ { name: general }, { name: vip, assign: offer } ]\n"
	  "agents: [ { id: a, name: A, secret: A, queues: [ general ] }, { id: b, name: B, secret: B } ]\n",
	  "default_queue: general\n"
	  "queues: [ { name: general }, { name: vip, assign: offer } ]\n"
	  "agents: [ { id: a, name: A, secret: A, queues: [ general ] }, { id: b, name: B, secret: B, role: admin } ]\n",
	  "desk.yaml:2:51: error: cases of `vip` are offered, and there is no agent who works on it: each would wait for ever [offer-taken]\n" },
	{ "desk.yaml",
	  "default_queue: general\n"
	  "queues: [ { name: general, assign: offer, skills: [ payments ] } ]\n"
	  "agents: [ { id: a, name: A, secret: A, skills: [ payments ] } ]\n",
	  "default_queue: general\n"
	  "queues: [ { name: general, assign: offer, skills: [ payments ] } ]\n"
	  "agents: [ { id: a, name: A, secret: A, skills: [ identity ] } ]\n",
	  "desk.yaml:2:51: warning: nobody who works on `general` has all its skills: every case waits 120 s before anybody is offered it [offer-taken]\n" },
	{ "desk.yaml",
	  "default_queue: general\n"
	  "queues: [ { name: general, assign: offer, offer_for: 20s, first_reply: 2m, return_after: 5m } ]\n"
	  "agents: [ { id: a, name: A, secret: A } ]\n",
	  "default_queue: general\n"
	  "queues: [ { name: general, assign: offer, offer_for: 20s, first_reply: 20s, return_after: 5m } ]\n"
	  "agents: [ { id: a, name: A, secret: A } ]\n",
	  "desk.yaml:2:72: warning: one agent who does not answer an offer (20 s) breaks the promise of 20 s [promise-fits]\n" },
	{ "desk.yaml",
	  "default_queue: general\n"
	  "queues: [ { name: general, first_reply: 5m, return_after: 5m } ]\n"
	  "agents: [ { id: a, name: A, secret: A } ]\n",
	  "default_queue: general\n"
	  "queues: [ { name: general, first_reply: 5m, return_after: 1m } ]\n"
	  "agents: [ { id: a, name: A, secret: A } ]\n",
	  "desk.yaml:2:59: warning: a case is taken from an agent after 60 s, who has promised a reply within 300 s [promise-fits]\n" },
	{ "desk.yaml",
	  "default_queue: general\n"
	  "queues: [ { name: general, first_reply: 5m } ]\n"
	  "customer_tiers: [ { name: vip, raise: 1, first_reply: 2m } ]\n"
	  "agents: [ { id: a, name: A, secret: A } ]\n",
	  "default_queue: general\n"
	  "queues: [ { name: general, first_reply: 5m } ]\n"
	  "customer_tiers: [ { name: vip, raise: 1, first_reply: 10m } ]\n"
	  "agents: [ { id: a, name: A, secret: A } ]\n",
	  "desk.yaml:3:55: warning: `vip` is promised nothing: every queue promises a reply within 600 s or less to everybody [promise-fits]\n" },
	{ "desk.yaml",
	  "default_queue: general\n"
	  "queues: [ { name: general }, { name: vip } ]\n"
	  "agents: [ { id: a, name: A, secret: A } ]\n",
	  "default_queue: general\n"
	  "queues: []\n"
	  "agents: [ { id: a, name: A, secret: A } ]\n",
	  "desk.yaml:2:9: error: there is no queue: no person could be reached [person-reached]\n" },
	{ "desk.yaml",
	  "default_queue: general\n"
	  "queues: [ { name: general } ]\n"
	  "agents: [ { id: a, name: A, secret: A, queues: [general] } ]\n",
	  "default_queue: general\n"
	  "queues:\n"
	  "- { name: general }\n"
	  "- { name: vip }\n"
	  "agents: [ { id: a, name: A, secret: A, queues: [vip] } ]\n",
	  "desk.yaml:3:11: warning: nobody works on the queue `general`: with every target down, messages of `opening-hours` would wait there until somebody else looks [person-reached]\n" },
	{ "desk.yaml",
	  "default_queue: general\n"
	  "queues: [ { name: general } ]\n"
	  "agents: [ { id: a, name: A, secret: A, role: supervisor } ]\n",
	  "default_queue: general\n"
	  "queues: [ { name: general } ]\n",
	  "desk.yaml:2:9: warning: there are no agents: nobody can take a case [person-reached]\n" },
	{ "classes.yaml",
	  "classes:\n"
	  "- { name: general, on_failure: fallback, mode: intake-only }\n"
	  "- { name: promise, on_failure: escalate, approved: [backup], needs: [rules] }\n"
	  "- { name: account, on_failure: pause, mode: hold }\n",
	  "classes:\n"
	  "- { name: general, on_failure: fallback, mode: intake-only }\n"
	  "- { name: promise, on_failure: escalate, approved: [backup], needs: [rules] }\n"
	  "- { name: account, on_failure: pause }\n",
	  "classes.yaml:4:32: error: class `account` pauses on failure and names no `mode`: with its primary down, nothing would hold the message [pause-held]\n" },
	{ "routes.yaml",
	  "routes:\n"
	  "- { intent: opening-hours, primary: cheap, fallback: main, turn_usd: 0.01, day_usd: 1 }\n"
	  "- { intent: default, class: general, tier: 1, primary: main }\n",
	  "routes:\n"
	  "- { intent: opening-hours, primary: cheap, fallback: main, turn_usd: 0.001 }\n"
	  "- { intent: default, class: general, tier: 1, primary: main }\n",
	  "routes.yaml:2:54: error: `main` can never be asked here: its prompt and longest answer (500 tokens) cost up to $0.004006, and turn_usd of this route is $0.001000 [budget-allows]\n" },
	{ "routes.yaml",
	  "routes:\n"
	  "- intent: opening-hours\n"
	  "  primary: main\n"
	  "  first_token_ms: 5s\n"
	  "  stall_ms: 3s\n"
	  "  total_ms: 10s\n"
	  "- { intent: default, class: general, tier: 1, primary: main }\n",
	  "routes:\n"
	  "- intent: opening-hours\n"
	  "  primary: main\n"
	  "  first_token_ms: 12s\n"
	  "  total_ms: 10s\n"
	  "- { intent: default, class: general, tier: 1, primary: main }\n",
	  "routes.yaml:4:19: warning: the first word may take longer (12000 ms) than the whole answer (10000 ms) [time-fits]\n" },
	{ "routes.yaml",
	  "routes:\n"
	  "- intent: opening-hours\n"
	  "  primary: main\n"
	  "  first_token_ms: 5s\n"
	  "  stall_ms: 3s\n"
	  "  total_ms: 10s\n"
	  "- { intent: default, class: general, tier: 1, primary: main }\n",
	  "routes:\n"
	  "- intent: opening-hours\n"
	  "  primary: main\n"
	  "  first_token_ms: 8s\n"
	  "  stall_ms: 3s\n"
	  "  total_ms: 10s\n"
	  "- { intent: default, class: general, tier: 1, primary: main }\n",
	  "routes.yaml:6:13: warning: a first word after 8000 ms and one silence of 3000 ms are more than the whole answer may take (10000 ms) [time-fits]\n" },
	{ "routes.yaml",
	  "routes:\n"
	  "- intent: opening-hours\n"
	  "  primary: main\n"
	  "  fallback: backup\n"
	  "  first_token_ms: 5s\n"
	  "- { intent: default, class: general, tier: 1, primary: main }\n",
	  "routes:\n"
	  "- intent: opening-hours\n"
	  "  primary: main\n"
	  "  fallback: backup\n"
	  "  first_token_ms: 20s\n"
	  "- { intent: default, class: general, tier: 1, primary: main }\n",
	  "routes.yaml:4:13: warning: with `main` silent for 20000 ms, `backup` has less than that left of 30000 ms: shorten first_token_ms [time-fits]\n" },
	{ "routes.yaml",
	  "routes:\n"
	  "- intent: opening-hours\n"
	  "  primary: main\n"
	  "  max_p95_ms: 9s\n"
	  "- { intent: default, class: general, tier: 1, primary: main }\n",
	  "routes:\n"
	  "- intent: opening-hours\n"
	  "  primary: main\n"
	  "  max_p95_ms: 60s\n"
	  "- { intent: default, class: general, tier: 1, primary: main }\n",
	  "routes.yaml:4:15: warning: this is never reached: after total_ms (30000 ms) an answer has failed already [time-fits]\n" },
	{ "targets.yaml",
	  "targets:\n"
	  "- { name: main, provider: openai, account: one, region: eu, prompt: support, context_tokens: 8000,\n"
	  "    in_usd_per_mtok: 2, out_usd_per_mtok: 8, max_output_tokens: 500 }\n"
	  "- { name: backup, provider: openai, account: two, region: us, out_usd_per_mtok: 4 }\n"
	  "- { name: cheap, provider: openai, account: three, substitute: backup }\n",
	  "targets:\n"
	  "- { name: main, provider: openai, account: one, region: eu, prompt: support, context_tokens: 500,\n"
	  "    in_usd_per_mtok: 2, out_usd_per_mtok: 8, max_output_tokens: 500 }\n"
	  "- { name: backup, provider: openai, account: two, region: us, out_usd_per_mtok: 4 }\n"
	  "- { name: cheap, provider: openai, account: three, substitute: backup }\n",
	  "routes.yaml:6:38: error: no target of this route has room for its own prompt and longest answer: each message would go to a person [context-fits]\n"
	  "routes.yaml:7:56: error: no target of this route has room for its own prompt and longest answer: each message would go to a person [context-fits]\n"
	  "targets.yaml:2:94: warning: its prompt (about 3 tokens) and longest answer (500 tokens) do not fit into 500: it can never be asked [context-fits]\n" },
	{ "targets.yaml",
	  "targets:\n"
	  "- { name: main, provider: openai, account: one, region: eu, prompt: support, context_tokens: 8000,\n"
	  "    in_usd_per_mtok: 2, out_usd_per_mtok: 8, max_output_tokens: 500 }\n"
	  "- { name: backup, provider: openai, account: two, region: us, breaker: { failures: 5, open: 20s }, out_usd_per_mtok: 4 }\n"
	  "- { name: cheap, provider: openai, account: three, substitute: backup }\n",
	  "targets:\n"
	  "- { name: main, provider: openai, account: one, region: eu, prompt: support, context_tokens: 8000,\n"
	  "    in_usd_per_mtok: 2, out_usd_per_mtok: 8, max_output_tokens: 500 }\n"
	  "- { name: backup, provider: openai, account: two, region: us, breaker: { failures: 5, open: 30s }, out_usd_per_mtok: 4 }\n"
	  "- { name: cheap, provider: openai, account: three, substitute: backup }\n",
	  "targets.yaml:4:93: error: the longest wait (25000 ms) is shorter than the first (30000 ms) [breaker-closes]\n" },
	{ "targets.yaml",
	  "targets:\n"
	  "- { name: main, provider: openai, account: one, region: eu, prompt: support, context_tokens: 8000,\n"
	  "    in_usd_per_mtok: 2, out_usd_per_mtok: 8, max_output_tokens: 500 }\n"
	  "- { name: backup, provider: openai, account: two, region: us, breaker: { share: 0.3 }, out_usd_per_mtok: 4 }\n"
	  "- { name: cheap, provider: openai, account: three, substitute: backup }\n",
	  "targets:\n"
	  "- { name: main, provider: openai, account: one, region: eu, prompt: support, context_tokens: 8000,\n"
	  "    in_usd_per_mtok: 2, out_usd_per_mtok: 8, max_output_tokens: 500 }\n"
	  "- { name: backup, provider: openai, account: two, region: us, breaker: { share: 0 }, out_usd_per_mtok: 4 }\n"
	  "- { name: cheap, provider: openai, account: three, substitute: backup }\n",
	  "targets.yaml:4:81: error: with a share of 0 it opens after 20 calls that all succeed [breaker-closes]\n" },
	{ "routes.yaml",
	  "routes:\n"
	  "- { intent: opening-hours, primary: main, switches: [ { when: exchanges > 5, to: cheap } ] }\n"
	  "- { intent: change-address, primary: main }\n"
	  "- { intent: default, class: general, tier: 1, primary: main }\n",
	  "routes:\n"
	  "- { intent: opening-hours, primary: main, switches: [ { when: 1 < 2, to: cheap } ] }\n"
	  "- { intent: change-address, primary: main }\n"
	  "- { intent: default, class: general, tier: 1, primary: main }\n",
	  "routes.yaml:2:63: error: this condition asks for no fact: it always comes to the same [condition-meant]\n" },
	{ "routes.yaml",
	  "routes:\n"
	  "- { intent: opening-hours, primary: main, switches: [ { when: sentiment < 0.2 && exchanges > 2, to: person } ] }\n"
	  "- { intent: change-address, primary: main }\n"
	  "- { intent: default, class: general, tier: 1, primary: main }\n",
	  "routes:\n"
	  "- { intent: opening-hours, primary: main, switches: [ { when: sentiment < 0.2, to: person } ] }\n"
	  "- { intent: change-address, primary: main }\n"
	  "- { intent: default, class: general, tier: 1, primary: main }\n",
	  "routes.yaml:2:63: error: `sentiment` must not decide alone: join it with another fact [condition-meant]\n" },
	{ "routes.yaml",
	  "routes:\n"
	  "- { intent: opening-hours, primary: main, switches: [ { when: intent_confidence < 0.2, to: person } ] }\n"
	  "- { intent: change-address, primary: main }\n"
	  "- { intent: default, class: general, tier: 1, primary: main }\n",
	  "routes:\n"
	  "- { intent: opening-hours, primary: main, switches: [ { when: answer_confidence < 0.2, to: person } ] }\n"
	  "- { intent: change-address, primary: main }\n"
	  "- { intent: default, class: general, tier: 1, primary: main }\n",
	  "routes.yaml:2:63: warning: `answer_confidence` is 0.0 before there is an answer, which is when switches are looked at [condition-meant]\n" },
	{ "escalation.yaml",
	  "rules:\n"
	  "- { id: a, when: sentiment < 0.2 && exchanges > 2, action: review, reason: x }\n",
	  "rules:\n"
	  "- { id: a, when: sentiment < 0.2, action: review, reason: x }\n",
	  "escalation.yaml:2:18: error: `sentiment` must not decide alone: join it with another fact [condition-meant]\n" },
	{ "classes.yaml",
	  "classes:\n"
	  "- { name: general, on_failure: fallback, mode: intake-only }\n"
	  "- { name: promise, on_failure: fallback, mode: intake-only, needs: [rules] }\n"
	  "- { name: account, on_failure: pause, mode: hold }\n",
	  "classes:\n"
	  "- { name: general, on_failure: fallback, mode: intake-only }\n"
	  "- { name: promise, on_failure: escalate, approved: [backup], mode: intake-only, needs: [rules] }\n"
	  "- { name: account, on_failure: pause, mode: hold }\n",
	  "classes.yaml:3:68: warning: no message meets `intake-only`: class `promise` escalates on failure, and with nobody left to ask a person gets it at once [asked-sometime]\n" },
	{ "classes.yaml",
	  "classes:\n"
	  "- { name: general, on_failure: fallback, mode: intake-only }\n"
	  "- { name: promise, on_failure: escalate, approved: [backup], needs: [rules] }\n"
	  "- { name: account, on_failure: pause, mode: hold }\n",
	  "classes:\n"
	  "- { name: general, on_failure: fallback, mode: intake-only }\n"
	  "- { name: promise, on_failure: escalate, approved: [backup], needs: [rules] }\n"
	  "- { name: account, on_failure: pause, mode: hold, approved: [backup] }\n",
	  "classes.yaml:4:61: warning: nobody named here is ever asked: class `account` pauses on failure [asked-sometime]\n" },
	{ "classes.yaml",
	  "classes:\n"
	  "- { name: general, on_failure: fallback, mode: intake-only }\n"
	  "- { name: promise, on_failure: escalate, approved: [backup], needs: [rules] }\n"
	  "- { name: account, on_failure: pause, mode: hold }\n",
	  "classes:\n"
	  "- { name: general, on_failure: fallback, mode: intake-only, critical: true, approved: [backup, cheap] }\n"
	  "- { name: promise, on_failure: escalate, approved: [backup], needs: [rules] }\n"
	  "- { name: account, on_failure: pause, mode: hold }\n",
	  "classes.yaml:2:48: warning: no message meets `intake-only`: class `general` is critical, and with nobody left to ask a person gets it at once [asked-sometime]\n" },
};
/* clang-format on */
