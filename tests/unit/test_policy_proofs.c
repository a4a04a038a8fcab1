/* SPDX-License-Identifier: Apache-2.0 */

/* What is said about sets whose files are of the form, and which must not serve all the same: names
 * that lead nowhere, downgrades, rules that cannot be asked, articles that cannot be true. */

#include "tests/unit/policy_set.h"

/* clang-format off: one line of a file is one line here */
static const struct policy_case cases[] = {
	{ "an_unknown_provider", "targets.yaml",
	  "targets:\n"
	  "- { name: primary_chat_model, provider: openai, account: one }\n"
	  "- { name: fast_backup_model, provider: openai, account: two }\n"
	  "- { name: reasoning_model, provider: openai, account: three, prompt: support }\n"
	  "- { name: x, provider: opnai }\n",
	  "targets.yaml:5:24: error: there is no module `opnai`, did you mean `openai`?\n"
	  "    5 | - { name: x, provider: opnai }\n"
	  "      |                        ^~~~~\n" },
	{ "a_provider_that_is_none", "targets.yaml",
	  "targets:\n"
	  "- { name: primary_chat_model, provider: openai, account: one }\n"
	  "- { name: fast_backup_model, provider: openai, account: two }\n"
	  "- { name: reasoning_model, provider: openai, account: three, prompt: support }\n"
	  "- { name: x, provider: rules }\n",
	  "targets.yaml:5:24: error: `rules` is a rule, not a provider\n"
	  "    5 | - { name: x, provider: rules }\n"
	  "      |                        ^~~~~\n" },
	{ "an_unknown_prompt", "targets.yaml",
	  "targets:\n"
	  "- { name: primary_chat_model, provider: openai, account: one }\n"
	  "- { name: fast_backup_model, provider: openai, account: two }\n"
	  "- { name: reasoning_model, provider: openai, account: three, prompt: suport }\n",
	  "targets.yaml:4:70: error: there is no prompt `suport`, did you mean `support`?\n"
	  "    4 | - { name: reasoning_model, provider: openai, account: three, prompt: suport }\n"
	  "      |                                                                      ^~~~~~\n" },
	{ "an_unknown_target", "routes.yaml",
	  "routes:\n"
	  "- intent: refund-policy\n"
	  "  primary: primary_chat_model\n"
	  "  fallback: fast_bakup_model\n"
	  "  max_p95_ms: 3500\n"
	  "  disable_tools_on_fallback: true\n"
	  "- intent: internal-agent-draft\n"
	  "  primary: reasoning_model\n"
	  "  fallback: fast_backup_model\n"
	  "  max_p95_ms: 4500\n"
	  "- intent: default\n"
	  "  primary: primary_chat_model\n"
	  "  class: customer-policy\n",
	  "routes.yaml:4:13: error: there is no target `fast_bakup_model`, did you mean `fast_backup_model`?\n"
	  "    4 |   fallback: fast_bakup_model\n"
	  "      |             ^~~~~~~~~~~~~~~~\n" },
	{ "an_unknown_intent", "routes.yaml",
	  "routes:\n"
	  "- intent: default\n"
	  "  class: customer-policy\n"
	  "  primary: primary_chat_model\n"
	  "- intent: refund-polciy\n"
	  "  primary: primary_chat_model\n",
	  "routes.yaml:5:11: error: there is no intent `refund-polciy`, did you mean `refund-policy`?\n"
	  "    5 | - intent: refund-polciy\n"
	  "      |           ^~~~~~~~~~~~~\n" },
	{ "an_unknown_class", "intents/all.yaml",
	  "intents:\n"
	  "- name: refund-policy\n"
	  "  class: customer-policy\n"
	  "  tier: 1\n"
	  "  examples: [when do I get my money back, refund please]\n"
	  "- name: internal-agent-draft\n"
	  "  class: internal-drafts\n"
	  "  tier: 2\n"
	  "  internal: true\n"
	  "- name: complaint\n"
	  "  class: customer-policy\n"
	  "  tier: 3\n"
	  "  examples: [I want to complain, this is unacceptable]\n",
	  "intents/all.yaml:7:10: error: there is no class `internal-drafts`, did you mean `internal-drafting`?\n"
	  "    7 |   class: internal-drafts\n"
	  "      |          ^~~~~~~~~~~~~~~\n" },
	{ "an_unknown_queue_everywhere", "desk.yaml",
	  "default_queue: generl\n"
	  "queues: [{ name: general }]\n"
	  "agents:\n"
	  "- { id: nina, name: Nina, secret: A, queues: [bililng] }\n",
	  "desk.yaml:1:16: error: there is no queue `generl`, did you mean `general`?\n"
	  "    1 | default_queue: generl\n"
	  "      |                ^~~~~~\n"
	  "desk.yaml:4:47: error: there is no queue `bililng`\n"
	  "    4 | - { id: nina, name: Nina, secret: A, queues: [bililng] }\n"
	  "      |                                               ^~~~~~~\n" },
	{ "an_unknown_queue_of_a_rule", "escalation.yaml",
	  "rules:\n"
	  "- id: asked\n"
	  "  when: asked_human\n"
	  "  action: escalate_now\n"
	  "  reason: asks for a person\n"
	  "  queue: biling\n",
	  "escalation.yaml:6:10: error: there is no queue `biling`, did you mean `billing`?\n"
	  "    6 |   queue: biling\n"
	  "      |          ^~~~~~\n" },
	{ "an_unknown_queue_of_a_route", "routes.yaml",
	  "routes:\n"
	  "- intent: default\n"
	  "  class: customer-policy\n"
	  "  primary: primary_chat_model\n"
	  "  queue: vip\n",
	  "routes.yaml:5:10: error: there is no queue `vip`\n"
	  "    5 |   queue: vip\n"
	  "      |          ^~~\n" },
	{ "an_unapproved_name_in_approved", "classes.yaml",
	  "classes:\n"
	  "- { name: customer-policy, on_failure: escalate, approved: [fast_backup_model, cheap_model] }\n"
	  "- { name: internal-drafting, on_failure: fallback }\n",
	  "classes.yaml:2:80: error: there is no target `cheap_model`\n"
	  "    2 | - { name: customer-policy, on_failure: escalate, approved: [fast_backup_model, cheap_model] }\n"
	  "      |                                                                                ^~~~~~~~~~~\n" },
	{ "no_queue", "desk.yaml",
	  "default_queue: general\n"
	  "queues: []\n",
	  "desk.yaml:2:9: error: there is no queue: no person could be reached [person-reached]\n"
	  "    2 | queues: []\n"
	  "      |         ^\n"
	  "desk.yaml:2:9: warning: there are no agents: nobody can take a case [person-reached]\n"
	  "    2 | queues: []\n"
	  "      |         ^\n" },
	{ "no_default_route", "routes.yaml",
	  "routes:\n"
	  "- intent: refund-policy\n"
	  "  primary: primary_chat_model\n",
	  "routes.yaml:2:1: error: there is no route for `default`: what is not understood would have no way [intent-way]\n"
	  "    2 | - intent: refund-policy\n"
	  "      | ^\n" },
	{ "two_default_routes", "routes.yaml",
	  "routes:\n"
	  "- intent: default\n"
	  "  class: customer-policy\n"
	  "  primary: primary_chat_model\n"
	  "- intent: default\n"
	  "  class: customer-policy\n"
	  "  primary: primary_chat_model\n",
	  "routes.yaml:5:11: error: the route for `default` stands in line 2 already\n"
	  "    5 | - intent: default\n"
	  "      |           ^~~~~~~\n" },
	{ "a_default_route_without_a_class", "routes.yaml",
	  "routes:\n"
	  "- intent: default\n"
	  "  primary: primary_chat_model\n",
	  "routes.yaml:2:3: error: the default route needs a `class`: nobody would know what may be done when its primary fails [intent-way]\n"
	  "    2 | - intent: default\n"
	  "      |   ^~~~~~\n" },
	{ "a_silent_downgrade", "routes.yaml",
	  "routes:\n"
	  "- intent: default\n"
	  "  class: customer-policy\n"
	  "  primary: primary_chat_model\n"
	  "- intent: refund-policy\n"
	  "  primary: primary_chat_model\n"
	  "  fallback: [fast_backup_model, reasoning_model]\n",
	  "routes.yaml:7:33: error: silent downgrade: with `primary_chat_model` down, `reasoning_model` would answer, but class `customer-policy` escalates on failure and `reasoning_model` is not approved there by name [no-silent-downgrade]\n"
	  "    7 |   fallback: [fast_backup_model, reasoning_model]\n"
	  "      |                                 ^~~~~~~~~~~~~~~\n" },
	{ "a_silent_downgrade_by_the_default_route", "routes.yaml",
	  "routes:\n"
	  "- intent: default\n"
	  "  class: internal-drafting\n"
	  "  primary: primary_chat_model\n"
	  "  fallback: reasoning_model\n",
	  "intents/all.yaml:2:9: error: silent downgrade: `refund-policy` takes the default route, and with `primary_chat_model` down, `reasoning_model` would answer, but class `customer-policy` escalates on failure and `reasoning_model` is not approved there by name [no-silent-downgrade]\n"
	  "    2 | - name: refund-policy\n"
	  "      |         ^~~~~~~~~~~~~\n"
	  "intents/all.yaml:10:9: error: silent downgrade: `complaint` takes the default route, and with `primary_chat_model` down, `reasoning_model` would answer, but class `customer-policy` escalates on failure and `reasoning_model` is not approved there by name [no-silent-downgrade]\n"
	  "   10 | - name: complaint\n"
	  "      |         ^~~~~~~~~\n" },
	{ "a_fallback_that_is_the_primary", "routes.yaml",
	  "routes:\n"
	  "- intent: default\n"
	  "  class: internal-drafting\n"
	  "  primary: fast_backup_model\n"
	  "  fallback: fast_backup_model\n",
	  "routes.yaml:5:13: error: the fallback `fast_backup_model` is the primary: with it down, the same is asked again [no-circle]\n"
	  "    5 |   fallback: fast_backup_model\n"
	  "      |             ^~~~~~~~~~~~~~~~~\n" },
	{ "a_fallback_twice", "routes.yaml",
	  "routes:\n"
	  "- intent: default\n"
	  "  class: customer-policy\n"
	  "  primary: primary_chat_model\n"
	  "  fallback: [fast_backup_model, fast_backup_model]\n",
	  "routes.yaml:5:33: error: the fallback `fast_backup_model` stands here twice [no-circle]\n"
	  "    5 |   fallback: [fast_backup_model, fast_backup_model]\n"
	  "      |                                 ^~~~~~~~~~~~~~~~~\n" },
	{ "too_many_fallbacks", "routes.yaml",
	  "routes:\n"
	  "- intent: default\n"
	  "  class: customer-policy\n"
	  "  primary: primary_chat_model\n"
	  "  fallback: [a, b, c, d, e]\n",
	  "routes.yaml:5:13: error: `fallback` holds more than 4 entries\n"
	  "    5 |   fallback: [a, b, c, d, e]\n"
	  "      |             ^\n"
	  "routes.yaml:5:14: error: there is no target `a`\n"
	  "    5 |   fallback: [a, b, c, d, e]\n"
	  "      |              ^\n"
	  "routes.yaml:5:17: error: there is no target `b`\n"
	  "    5 |   fallback: [a, b, c, d, e]\n"
	  "      |                 ^\n"
	  "routes.yaml:5:20: error: there is no target `c`\n"
	  "    5 |   fallback: [a, b, c, d, e]\n"
	  "      |                    ^\n"
	  "routes.yaml:5:23: error: there is no target `d`\n"
	  "    5 |   fallback: [a, b, c, d, e]\n"
	  "      |                       ^\n"
	  "routes.yaml:5:26: error: there is no target `e`\n"
	  "    5 |   fallback: [a, b, c, d, e]\n"
	  "      |                          ^\n" },
	{ "a_fallback_on_the_same_account", "targets.yaml",
	  "targets:\n"
	  "- { name: primary_chat_model, provider: openai, account: one }\n"
	  "- { name: fast_backup_model, provider: openai, account: one }\n"
	  "- { name: reasoning_model, provider: openai, account: three, prompt: support }\n",
	  "routes.yaml:4:13: warning: the fallback shares the account `one` with the primary: a spend cap or a block takes both down [shared-fate]\n"
	  "    4 |   fallback: fast_backup_model\n"
	  "      |             ^~~~~~~~~~~~~~~~~\n" },
	{ "a_fallback_without_a_primary", "routes.yaml",
	  "routes:\n"
	  "- intent: default\n"
	  "  class: customer-policy\n"
	  "  primary: primary_chat_model\n"
	  "- intent: complaint\n"
	  "  fallback: fast_backup_model\n",
	  "routes.yaml:6:3: error: a fallback without a primary\n"
	  "    6 |   fallback: fast_backup_model\n"
	  "      |   ^~~~~~~~\n" },
	{ "a_route_without_a_primary", "routes.yaml",
	  "routes:\n"
	  "- intent: default\n"
	  "  class: customer-policy\n"
	  "  primary: primary_chat_model\n"
	  "- intent: refund-policy\n"
	  "  max_p95_ms: 5s\n",
	  "routes.yaml:5:3: error: a route of tier 1 needs a `primary` [intent-way]\n"
	  "    5 | - intent: refund-policy\n"
	  "      |   ^~~~~~\n" },
	{ "a_tier_below_the_intents", "routes.yaml",
	  "routes:\n"
	  "- intent: default\n"
	  "  class: customer-policy\n"
	  "  primary: primary_chat_model\n"
	  "- intent: complaint\n"
	  "  primary: primary_chat_model\n"
	  "  tier: 1\n",
	  "routes.yaml:7:9: error: the intent `complaint` is of tier 3: its route cannot be of tier 1 [tier-kept]\n"
	  "    7 |   tier: 1\n"
	  "      |         ^\n" },
	{ "a_first_word_after_the_end", "routes.yaml",
	  "routes:\n"
	  "- intent: default\n"
	  "  class: customer-policy\n"
	  "  primary: primary_chat_model\n"
	  "  first_token_ms: 20s\n"
	  "  total_ms: 10s\n",
	  "routes.yaml:5:19: warning: the first word may take longer (20000 ms) than the whole answer (10000 ms) [time-fits]\n"
	  "    5 |   first_token_ms: 20s\n"
	  "      |                   ^~~\n" },
	{ "two_routes_for_one_intent", "routes.yaml",
	  "routes:\n"
	  "- intent: default\n"
	  "  class: customer-policy\n"
	  "  primary: primary_chat_model\n"
	  "- intent: complaint\n"
	  "- intent: complaint\n",
	  "routes.yaml:6:11: error: the route for `complaint` stands in line 5 already\n"
	  "    6 | - intent: complaint\n"
	  "      |           ^~~~~~~~~\n" },
	{ "one_intent_in_two_files", "intents/more.yaml",
	  "intents:\n"
	  "- name: complaint\n"
	  "  class: customer-policy\n"
	  "  tier: 3\n"
	  "  examples: [bad, worse]\n",
	  "intents/more.yaml:2:9: error: the intent `complaint` stands in intents/all.yaml:10 already\n"
	  "    2 | - name: complaint\n"
	  "      |         ^~~~~~~~~\n" },
	{ "an_intent_called_default", "intents/more.yaml",
	  "intents:\n"
	  "- name: default\n"
	  "  class: customer-policy\n"
	  "  tier: 3\n"
	  "  examples: [bad, worse]\n",
	  "intents/more.yaml:2:9: error: `default` is the route of all other intents: choose another name\n"
	  "    2 | - name: default\n"
	  "      |         ^~~~~~~\n" },
	{ "one_example_is_not_enough", "intents/more.yaml",
	  "intents:\n"
	  "- name: praise\n"
	  "  class: customer-policy\n"
	  "  tier: 1\n"
	  "  examples: [thank you]\n",
	  "intents/more.yaml:2:9: error: an intent needs at least two examples, this one has 1\n"
	  "    2 | - name: praise\n"
	  "      |         ^~~~~~\n" },
	{ "an_example_under_two_intents", "intents/more.yaml",
	  "intents:\n"
	  "- name: praise\n"
	  "  class: customer-policy\n"
	  "  tier: 1\n"
	  "  examples: [thank you, Refund please]\n",
	  "intents/more.yaml:5:25: warning: this example stands under `refund-policy`, too (intents/all.yaml:5)\n"
	  "    5 |   examples: [thank you, Refund please]\n"
	  "      |                         ^~~~~~~~~~~~~\n" },
	{ "an_example_twice", "intents/more.yaml",
	  "intents:\n"
	  "- name: praise\n"
	  "  class: customer-policy\n"
	  "  tier: 1\n"
	  "  examples:\n"
	  "  - thank you\n"
	  "  - Thank You\n",
	  "intents/more.yaml:7:5: warning: this example stands in line 6 already\n"
	  "    7 |   - Thank You\n"
	  "      |     ^~~~~~~~~\n" },
	{ "rules_that_nobody_asks", "modules.yaml",
	  "modules:\n"
	  "- { name: classifier, kind: classifier, file: classifier-linear.so }\n"
	  "- { name: openai, kind: provider, file: provider-openai.so }\n",
	  "escalation.yaml:2:1: error: modules.yaml has no module of kind rule: nothing would ask these rules\n"
	  "    2 | - id: asked\n"
	  "      | ^\n" },
	{ "intents_that_nobody_looks_for", "modules.yaml",
	  "modules:\n"
	  "- { name: rules, kind: rule, file: rule-policy.so }\n"
	  "- { name: openai, kind: provider, file: provider-openai.so }\n",
	  "intents/all.yaml:2:3: warning: modules.yaml has no classifier: every message takes the default route\n"
	  "    2 | - name: refund-policy\n"
	  "      |   ^~~~\n" },
	{ "a_condition_with_an_unknown_fact", "escalation.yaml",
	  "rules:\n"
	  "- id: a\n"
	  "  when: asked_humn\n"
	  "  action: review\n"
	  "  reason: x\n",
	  "escalation.yaml:3:9: error: there is no fact `asked_humn`, did you mean `asked_human`?\n"
	  "    3 |   when: asked_humn\n"
	  "      |         ^~~~~~~~~~\n" },
	{ "a_condition_in_single_quotes", "escalation.yaml",
	  "rules:\n"
	  "- id: a\n"
	  "  when: 'intent == ''a'' && exchangs > 1'\n"
	  "  action: review\n"
	  "  reason: x\n",
	  "escalation.yaml:3:29: error: there is no fact `exchangs`, did you mean `exchanges`?\n"
	  "    3 |   when: 'intent == ''a'' && exchangs > 1'\n"
	  "      |                             ^~~~~~~~\n" },
	{ "a_condition_in_double_quotes", "escalation.yaml",
	  "rules:\n"
	  "- id: a\n"
	  "  when: \"intent == \\\"a\\\" && exchangs > 1\"\n"
	  "  action: review\n"
	  "  reason: x\n",
	  "escalation.yaml:3:29: error: there is no fact `exchangs`, did you mean `exchanges`?\n"
	  "    3 |   when: \"intent == \\\"a\\\" && exchangs > 1\"\n"
	  "      |                             ^~~~~~~~\n" },
	{ "a_condition_over_two_lines", "escalation.yaml",
	  "rules:\n"
	  "- id: a\n"
	  "  when: legal &&\n"
	  "    exchangs > 1\n"
	  "  action: review\n"
	  "  reason: x\n",
	  "escalation.yaml:4:5: error: there is no fact `exchangs`, did you mean `exchanges`?\n"
	  "    4 |     exchangs > 1\n"
	  "      |     ^~~~~~~~\n" },
	{ "a_condition_in_a_block", "escalation.yaml",
	  "rules:\n"
	  "- id: a\n"
	  "  when: |\n"
	  "    legal &&\n"
	  "    exchangs > 1\n"
	  "\n"
	  "  action: review\n"
	  "  reason: x\n",
	  "escalation.yaml:5:5: error: there is no fact `exchangs`, did you mean `exchanges`?\n"
	  "    5 |     exchangs > 1\n"
	  "      |     ^~~~~~~~\n" },
	{ "a_condition_in_a_folded_block", "escalation.yaml",
	  "rules:\n"
	  "- id: a\n"
	  "  when: >-\n"
	  "    legal &&\n"
	  "\n"
	  "    exchangs > 1\n"
	  "\n"
	  "  action: review\n"
	  "  reason: x\n",
	  "escalation.yaml:6:5: error: there is no fact `exchangs`, did you mean `exchanges`?\n"
	  "    6 |     exchangs > 1\n"
	  "      |     ^~~~~~~~\n" },
	{ "a_type_error_in_a_block", "escalation.yaml",
	  "rules:\n"
	  "- id: a\n"
	  "  when: |\n"
	  "    // caf\xc3\xa9: what an admin writes down\n"
	  "    \"\xc3\xa9\" == intent &&\n"
	  "\n"
	  "      age_ms > duration(\"5m\")\n"
	  "  action: review\n"
	  "  reason: x\n",
	  "escalation.yaml:7:14: error: `>` does not take a whole number and a duration: the fact "
	  "without `_ms` is the duration\n"
	  "    7 |       age_ms > duration(\"5m\")\n"
	  "      |              ^\n" },
	{ "a_type_error_in_a_folded_block", "escalation.yaml",
	  "rules:\n"
	  "- id: a\n"
	  "  when: >-\n"
	  "    legal &&\n"
	  "    unresolved_exchanges\n"
	  "      >= \"3\"\n"
	  "  action: review\n"
	  "  reason: x\n",
	  "escalation.yaml:6:7: error: `>=` does not take a whole number and a string\n"
	  "    6 |       >= \"3\"\n"
	  "      |       ^\n" },
	{ "a_type_error_behind_a_folded_quote", "escalation.yaml",
	  "rules:\n"
	  "- id: a\n"
	  "  when: \"legal && \\\n"
	  "    exchanges > \\\"\\u00e9\\\"\"\n"
	  "  action: review\n"
	  "  reason: x\n",
	  "escalation.yaml:4:15: error: `>` does not take a whole number and a string\n"
	  "    4 |     exchanges > \\\"\\u00e9\\\"\"\n"
	  "      |               ^\n" },
	{ "a_block_that_is_no_condition", "escalation.yaml",
	  "rules:\n"
	  "- id: a\n"
	  "  when: |\n"
	  "\n"
	  "    exchanges +\n"
	  "     3\n"
	  "  action: review\n"
	  "  reason: x\n",
	  "escalation.yaml:5:5: error: a condition must be true or false; this one is a whole number\n"
	  "    5 |     exchanges +\n"
	  "      |     ^~~~~~~~~\n" },
	{ "a_condition_that_ends_early", "escalation.yaml",
	  "rules:\n"
	  "- id: a\n"
	  "  when: legal &&\n"
	  "  action: review\n"
	  "  reason: x\n",
	  "escalation.yaml:3:17: error: expected a value, found the end\n"
	  "    3 |   when: legal &&\n"
	  "      |                 ^\n" },
	{ "a_condition_of_the_wrong_type", "escalation.yaml",
	  "rules:\n"
	  "- id: a\n"
	  "  when: unresolved_exchanges\n"
	  "  action: review\n"
	  "  reason: x\n",
	  "escalation.yaml:3:9: error: a condition must be true or false; this one is a whole number\n"
	  "    3 |   when: unresolved_exchanges\n"
	  "      |         ^~~~~~~~~~~~~~~~~~~~\n" },
	{ "a_condition_that_is_no_text", "escalation.yaml",
	  "rules:\n"
	  "- id: a\n"
	  "  when: true\n"
	  "  action: review\n"
	  "  reason: x\n",
	  "escalation.yaml:3:9: error: `when` must be text, not the truth value `true`: put it in quotes\n"
	  "    3 |   when: true\n"
	  "      |         ^~~~\n" },
	{ "a_mood_that_decides_alone", "escalation.yaml",
	  "rules:\n"
	  "- id: a\n"
	  "  when: sentiment < 0.2\n"
	  "  action: review\n"
	  "  reason: x\n",
	  "escalation.yaml:3:9: error: `sentiment` must not decide alone: join it with another fact [condition-meant]\n"
	  "    3 |   when: sentiment < 0.2\n"
	  "      |         ^~~~~~~~~~~~~~~\n" },
	{ "an_answer_before_there_is_one", "escalation.yaml",
	  "rules:\n"
	  "- id: a\n"
	  "  when: answer_confidence < 0.2 && exchanges > 1\n"
	  "  action: review\n"
	  "  reason: x\n",
	  "escalation.yaml:3:9: warning: `answer_confidence` is 0.0 before there is an answer: this rule belongs into stage `after` [condition-meant]\n"
	  "    3 |   when: answer_confidence < 0.2 && exchanges > 1\n"
	  "      |         ^~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~\n" },
	{ "two_rules_with_one_id", "escalation.yaml",
	  "rules:\n"
	  "- id: asked\n"
	  "  when: asked_human\n"
	  "  action: escalate_now\n"
	  "  reason: asks for a person\n"
	  "- id: asked\n"
	  "  when: asked_human\n"
	  "  action: escalate_now\n"
	  "  reason: asks for a person\n",
	  "escalation.yaml:6:7: error: the rule `asked` stands in line 2 already\n"
	  "    6 | - id: asked\n"
	  "      |       ^~~~~\n" },
	{ "an_article_without_front_matter", "knowledge/hours.md", "We open at nine.\n",
	  "knowledge/hours.md:1:1: error: an article begins with a line of ---, its title and the date it was updated, and another line of ---\n"
	  "    1 | We open at nine.\n"
	  "      | ^\n" },
	{ "an_article_without_an_end_of_front_matter", "knowledge/hours.md",
	  "---\n"
	  "title: Hours\n"
	  "updated: 2026-01-01\n"
	  "We open at nine.\n",
	  "knowledge/hours.md:1:1: error: an article begins with a line of ---, its title and the date it was updated, and another line of ---\n"
	  "    1 | ---\n"
	  "      | ^\n" },
	{ "an_article_of_a_day_that_never_was", "knowledge/hours.md",
	  "---\n"
	  "title: Hours\n"
	  "updated: 2026-02-29\n"
	  "---\n"
	  "We open at nine.\n",
	  "knowledge/hours.md:3:10: error: `updated` must be a date such as 2026-11-30, not the text `2026-02-29`\n"
	  "    3 | updated: 2026-02-29\n"
	  "      |          ^~~~~~~~~~\n" },
	{ "an_article_that_ends_before_it_begins", "knowledge/hours.md",
	  "---\n"
	  "title: Hours\n"
	  "updated: 2026-03-01\n"
	  "valid_until: 2026-02-28\n"
	  "---\n"
	  "We open at nine.\n",
	  "knowledge/hours.md:4:14: error: it ends before it was updated (2026-03-01)\n"
	  "    4 | valid_until: 2026-02-28\n"
	  "      |              ^~~~~~~~~~\n" },
	{ "an_article_past_its_date", "knowledge/hours.md",
	  "---\n"
	  "title: Hours\n"
	  "updated: 2025-01-01\n"
	  "valid_until: 2025-02-28\n"
	  "---\n"
	  "We open at nine.\n",
	  "knowledge/hours.md:4:14: warning: this article is past its date: answers that rest on it are marked as stale\n"
	  "    4 | valid_until: 2025-02-28\n"
	  "      |              ^~~~~~~~~~\n" },
	{ "an_article_that_says_nothing", "knowledge/hours.md",
	  "---\n"
	  "title: Hours\n"
	  "updated: 2026-03-01\n"
	  "---\n"
	  "\n",
	  "knowledge/hours.md: error: this article says nothing below its front matter\n" },
	{ "an_article_with_a_typo_above", "knowledge/hours.md",
	  "---\n"
	  "titel: Hours\n"
	  "updated: 2026-03-01\n"
	  "---\n"
	  "We open at nine.\n",
	  "knowledge/hours.md:2:1: error: unknown key `titel`, did you mean `title`?\n"
	  "    2 | titel: Hours\n"
	  "      | ^~~~~\n"
	  "knowledge/hours.md:2:1: error: the front matter needs `title`\n"
	  "    2 | titel: Hours\n"
	  "      | ^~~~~\n" },
	{ "an_article_about_an_intent_that_is_not", "knowledge/hours.md",
	  "---\n"
	  "title: Hours\n"
	  "intents: [opening-ours]\n"
	  "updated: 2026-03-01\n"
	  "---\n"
	  "We open at nine.\n",
	  "knowledge/hours.md:3:11: error: there is no intent `opening-ours`\n"
	  "    3 | intents: [opening-ours]\n"
	  "      |           ^~~~~~~~~~~~\n" },
	{ "an_article_with_blanks_in_its_name", "knowledge/Opening hours.md",
	  "---\n"
	  "title: Hours\n"
	  "updated: 2026-03-01\n"
	  "---\n"
	  "Nine.\n",
	  "knowledge/Opening hours.md: error: the file's name must be small letters, digits and dashes; at most 64\n" },
	{ "an_empty_prompt", "prompts/empty.md", " \n",
	  "prompts/empty.md: error: this prompt is empty\n" },
	{ "a_line_that_is_not_utf8", "escalation.yaml",
	  "rules:\n"
	  "- id: caf\xe9\n",
	  "escalation.yaml:2:10: error: not UTF-8\n" },
	{ "control_characters_are_not_shown", "escalation.yaml", "rules: \"\x1b[31m\"\n",
	  "escalation.yaml:1:9: error: not valid YAML: control characters are not allowed\n"
	  "    1 | rules: \"?[31m\"\n"
	  "      |         ^\n" },
	{ "tabs_keep_the_caret_in_place", "escalation.yaml",
	  "rules:\n"
	  "- {\tid: a,\twhen: leagl, action: review, reason: x }\n",
	  "escalation.yaml:2:18: error: there is no fact `leagl`, did you mean `legal`?\n"
	  "    2 | - {\tid: a,\twhen: leagl, action: review, reason: x }\n"
	  "      |    \t      \t      ^~~~~\n" },
	{ "letters_of_two_bytes_count_once", "escalation.yaml",
	  "rules:\n"
	  "- { reason: \"gr\xc3\xb6\xc3\x9f"
	  "er\", id: a, when: leagl, action: review }\n",
	  "escalation.yaml:2:36: error: there is no fact `leagl`, did you mean `legal`?\n"
	  "    2 | - { reason: \"gr\xc3\xb6\xc3\x9f"
	  "er\", id: a, when: leagl, action: review }\n"
	  "      |                                    ^~~~~\n" },
	{ "several_findings_in_one_run", "routes.yaml",
	  "routes:\n"
	  "- intent: refund-polcy\n"
	  "  primary: primary_chat_modl\n"
	  "  max_p95: 3500\n"
	  "  tier: high\n",
	  "routes.yaml:2:1: error: there is no route for `default`: what is not understood would have no way [intent-way]\n"
	  "    2 | - intent: refund-polcy\n"
	  "      | ^\n"
	  "routes.yaml:2:11: error: there is no intent `refund-polcy`, did you mean `refund-policy`?\n"
	  "    2 | - intent: refund-polcy\n"
	  "      |           ^~~~~~~~~~~~\n"
	  "routes.yaml:3:12: error: there is no target `primary_chat_modl`, did you mean `primary_chat_model`?\n"
	  "    3 |   primary: primary_chat_modl\n"
	  "      |            ^~~~~~~~~~~~~~~~~\n"
	  "routes.yaml:4:3: error: unknown key `max_p95`, did you mean `max_p95_ms`?\n"
	  "    4 |   max_p95: 3500\n"
	  "      |   ^~~~~~~\n"
	  "routes.yaml:5:9: error: `tier` must be a whole number, not the text `high`\n"
	  "    5 |   tier: high\n"
	  "      |         ^~~~\n" },
	{ "a_number_a_module_cannot_be_told", "modules.yaml",
	  "modules:\n"
	  "- { name: rules, kind: rule, file: rule-policy.so, config: { limit: .inf } }\n"
	  "- { name: classifier, kind: classifier, file: classifier-linear.so }\n"
	  "- { name: openai, kind: provider, file: provider-openai.so }\n",
	  "modules.yaml:2:69: error: a module cannot be told this number\n"
	  "    2 | - { name: rules, kind: rule, file: rule-policy.so, config: { limit: .inf } }\n"
	  "      |                                                                     ^~~~\n" },
};
/* clang-format on */

static void every_broken_promise_of_a_set_is_named_with_its_place(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		set_check_case(&cases[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_broken_promise_of_a_set_is_named_with_its_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
