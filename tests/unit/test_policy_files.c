/* SPDX-License-Identifier: Apache-2.0 */

/* What is said about files that are not of the form: the exact words, the exact place. */

#include "tests/unit/policy_set.h"

/* clang-format off: one line of a file is one line here */
static const struct policy_case cases[] = {
	{ "an_unknown_key_is_answered_with_the_nearest", "routes.yaml",
	  "routes:\n"
	  "- intent: default\n"
	  "  class: customer-policy\n"
	  "  primary: primary_chat_model\n"
	  "- intent: refund-policy\n"
	  "  primary: primary_chat_model\n"
	  "  fallbck: fast_backup_model\n",
	  "routes.yaml:7:3: error: unknown key `fallbck`, did you mean `fallback`?\n"
	  "    7 |   fallbck: fast_backup_model\n"
	  "      |   ^~~~~~~\n" },
	{ "an_unknown_key_with_no_near_one_lists_them_all", "classes.yaml",
	  "classes:\n"
	  "- { name: customer-policy, on_failure: escalate, approved: [fast_backup_model] }\n"
	  "- { name: internal-drafting, on_failure: fallback, colour: red }\n",
	  "classes.yaml:3:52: error: unknown key `colour`; a class has: name, on_failure, approved, critical, needs, unattended, approve_all, mode, mark_substitute, on_restart\n"
	  "    3 | - { name: internal-drafting, on_failure: fallback, colour: red }\n"
	  "      |                                                    ^~~~~~\n" },
	{ "a_file_with_another_name", "route.yaml",
	  "routes:\n"
	  "- intent: default\n"
	  "  class: customer-policy\n"
	  "  primary: primary_chat_model\n",
	  "route.yaml: error: no such file belongs to a set, did you mean `routes.yaml`?\n" },
	{ "a_file_with_a_short_ending", "intents/more.yml", "intents: []\n",
	  "intents/more.yml: error: files of a set end in .yaml\n" },
	{ "a_missing_file", "desk.yaml", NULL, "desk.yaml: error: this file is missing\n" },
	{ "an_empty_file", "escalation.yaml", "# nothing yet\n",
	  "escalation.yaml: error: the file is empty\n" },
	{ "a_list_where_a_map_belongs", "desk.yaml", "- default_queue\n",
	  "desk.yaml:1:1: error: desk.yaml is a map of keys and values, not a list\n"
	  "    1 | - default_queue\n"
	  "      | ^\n" },
	{ "text_where_a_list_belongs", "routes.yaml", "routes: none\n",
	  "routes.yaml:1:9: error: `routes` must be a list, not the text `none`\n"
	  "    1 | routes: none\n"
	  "      |         ^~~~\n" },
	{ "a_tab", "escalation.yaml",
	  "rules:\n"
	  "\t- id: a\n",
	  "escalation.yaml:2:1: error: YAML is not indented with tabs: use spaces\n"
	  "    2 | \t- id: a\n"
	  "      | ^\n" },
	{ "a_colon_in_a_condition", "escalation.yaml",
	  "rules:\n"
	  "- id: a\n"
	  "  when: exchanges > (legal ? 1 : 2)\n"
	  "  action: review\n"
	  "  reason: x\n",
	  "escalation.yaml:3:32: error: a colon here makes a key: put the whole value in quotes, or check the indentation\n"
	  "    3 |   when: exchanges > (legal ? 1 : 2)\n"
	  "      |                                ^\n" },
	{ "a_bracket_that_is_not_closed", "desk.yaml",
	  "default_queue: general\n"
	  "queues: [{ name: general }\n",
	  "desk.yaml:3:1: error: not valid YAML: did not find expected ',' or ']' while parsing a flow sequence\n"
	  "    3 | \n"
	  "      | ^\n" },
	{ "a_key_twice", "desk.yaml",
	  "default_queue: general\n"
	  "queues: [{ name: general }, { name: billing }]\n"
	  "agents:\n"
	  "- { id: nina, name: Nina, secret: AGENT_NINA_TOKEN }\n"
	  "default_queue: billing\n",
	  "desk.yaml:5:1: error: the key `default_queue` stands in line 1 already\n"
	  "    5 | default_queue: billing\n"
	  "      | ^~~~~~~~~~~~~\n" },
	{ "a_merge_key", "escalation.yaml",
	  "rules:\n"
	  "- &a\n"
	  "  id: a\n"
	  "  when: legal\n"
	  "  action: review\n"
	  "  reason: x\n"
	  "- <<: *a\n"
	  "  id: b\n",
	  "escalation.yaml:7:3: error: merge keys are not read: write the values out\n"
	  "    7 | - <<: *a\n"
	  "      |   ^~\n" },
	{ "a_second_document", "escalation.yaml",
	  "rules:\n"
	  "- id: asked\n"
	  "  when: asked_human\n"
	  "  action: escalate_now\n"
	  "  reason: asks for a person\n"
	  "---\n"
	  "rules: []\n",
	  "escalation.yaml:6:1: error: a second document begins here: one file holds one\n"
	  "    6 | ---\n"
	  "      | ^~~\n" },
	{ "a_foreign_tag", "desk.yaml",
	  "default_queue: !secret general\n"
	  "queues: [{ name: general }, { name: billing }]\n"
	  "agents:\n"
	  "- { id: nina, name: Nina, secret: AGENT_NINA_TOKEN }\n",
	  "desk.yaml:1:24: error: this tag is not read here, or the value is not what it says\n"
	  "    1 | default_queue: !secret general\n"
	  "      |                        ^~~~~~~\n" },
	{ "a_tag_that_lies", "routes.yaml",
	  "routes:\n"
	  "- intent: default\n"
	  "  class: customer-policy\n"
	  "  primary: primary_chat_model\n"
	  "  max_p95_ms: !!int soon\n",
	  "routes.yaml:5:21: error: this tag is not read here, or the value is not what it says\n"
	  "    5 |   max_p95_ms: !!int soon\n"
	  "      |                     ^~~~\n" },
	{ "yaml_1_1", "escalation.yaml",
	  "%YAML 1.1\n"
	  "---\n"
	  "rules:\n"
	  "- id: asked\n"
	  "  when: asked_human\n"
	  "  action: escalate_now\n"
	  "  reason: asks for a person\n",
	  "escalation.yaml:1:1: error: files are read as YAML 1.2: remove the %YAML line\n"
	  "    1 | %YAML 1.1\n"
	  "      | ^~~~~~~~~\n" },
	{ "an_alias_without_an_anchor", "desk.yaml",
	  "default_queue: *q\n"
	  "queues: [{ name: general }]\n",
	  "desk.yaml:1:16: error: this alias has no anchor before it\n"
	  "    1 | default_queue: *q\n"
	  "      |                ^~\n" },
	{ "a_list_as_a_key", "desk.yaml",
	  "default_queue: general\n"
	  "queues: [{ name: general }, { name: billing }]\n"
	  "agents:\n"
	  "- { id: nina, name: Nina, secret: AGENT_NINA_TOKEN }\n"
	  "[a]: b\n",
	  "desk.yaml:5:1: error: a key must be one word\n"
	  "    5 | [a]: b\n"
	  "      | ^\n" },
	{ "yes_is_a_word", "routes.yaml",
	  "routes:\n"
	  "- intent: default\n"
	  "  class: customer-policy\n"
	  "  primary: primary_chat_model\n"
	  "  disable_tools_on_fallback: yes\n",
	  "routes.yaml:5:30: error: `disable_tools_on_fallback` must be true or false, not the text `yes` (in YAML 1.2 that is a word like any other)\n"
	  "    5 |   disable_tools_on_fallback: yes\n"
	  "      |                              ^~~\n" },
	{ "a_number_where_text_belongs", "escalation.yaml",
	  "rules:\n"
	  "- id: asked\n"
	  "  when: asked_human\n"
	  "  action: escalate_now\n"
	  "  reason: 404\n",
	  "escalation.yaml:5:11: error: `reason` must be text, not the number `404`: put it in quotes\n"
	  "    5 |   reason: 404\n"
	  "      |           ^~~\n" },
	{ "a_quoted_number_is_text", "routes.yaml",
	  "routes:\n"
	  "- intent: default\n"
	  "  class: customer-policy\n"
	  "  primary: primary_chat_model\n"
	  "  max_p95_ms: \"3500\"\n",
	  "routes.yaml:5:15: error: `max_p95_ms` must be a time such as 3500 (milliseconds), 3500ms, 5s or 2m, not the text `3500`\n"
	  "    5 |   max_p95_ms: \"3500\"\n"
	  "      |               ^~~~~~\n" },
	{ "an_unknown_unit", "routes.yaml",
	  "routes:\n"
	  "- intent: default\n"
	  "  class: customer-policy\n"
	  "  primary: primary_chat_model\n"
	  "  stall_ms: 5min\n",
	  "routes.yaml:5:13: error: `stall_ms` must be a time such as 3500 (milliseconds), 3500ms, 5s or 2m, not the text `5min`\n"
	  "    5 |   stall_ms: 5min\n"
	  "      |             ^~~~\n" },
	{ "a_time_out_of_bounds", "routes.yaml",
	  "routes:\n"
	  "- intent: default\n"
	  "  class: customer-policy\n"
	  "  primary: primary_chat_model\n"
	  "  total_ms: 2m\n",
	  "routes.yaml:5:13: error: `total_ms` must be between 1000 and 30000 ms\n"
	  "    5 |   total_ms: 2m\n"
	  "      |             ^~\n" },
	{ "a_fraction_of_a_tier", "routes.yaml",
	  "routes:\n"
	  "- intent: default\n"
	  "  class: customer-policy\n"
	  "  primary: primary_chat_model\n"
	  "  tier: 1.5\n",
	  "routes.yaml:5:9: error: `tier` must be a whole number, not the number `1.5`\n"
	  "    5 |   tier: 1.5\n"
	  "      |         ^~~\n" },
	{ "a_tier_that_does_not_exist", "intents/all.yaml",
	  "intents:\n"
	  "- name: refund-policy\n"
	  "  class: customer-policy\n"
	  "  tier: 1\n"
	  "  examples: [when do I get my money back, refund please]\n"
	  "- name: internal-agent-draft\n"
	  "  class: internal-drafting\n"
	  "  tier: 2\n"
	  "  internal: true\n"
	  "- name: complaint\n"
	  "  class: customer-policy\n"
	  "  tier: 4\n"
	  "  examples: [I want to complain, this is unacceptable]\n",
	  "intents/all.yaml:12:9: error: `tier` must be between 1 and 3\n"
	  "   12 |   tier: 4\n"
	  "      |         ^\n" },
	{ "a_word_that_is_none_of_them", "classes.yaml",
	  "classes:\n"
	  "- { name: customer-policy, on_failure: esclate, approved: [fast_backup_model] }\n"
	  "- { name: internal-drafting, on_failure: fallback }\n",
	  "classes.yaml:2:40: error: `on_failure` cannot be `esclate`, did you mean `escalate`?\n"
	  "    2 | - { name: customer-policy, on_failure: esclate, approved: [fast_backup_model] }\n"
	  "      |                                        ^~~~~~~\n" },
	{ "a_word_far_from_all", "modules.yaml",
	  "modules:\n"
	  "- { name: rules, kind: rule, file: rule-policy.so }\n"
	  "- { name: classifier, kind: classifier, file: classifier-linear.so }\n"
	  "- { name: openai, kind: provider, file: provider-openai.so }\n"
	  "- { name: x, kind: oracle, file: x.so }\n",
	  "modules.yaml:5:20: error: `kind` cannot be `oracle`, only `classifier`, `provider`, `rule`, `transcript`, `retriever`, `tool`, `guard`\n"
	  "    5 | - { name: x, kind: oracle, file: x.so }\n"
	  "      |                    ^~~~~~\n" },
	{ "a_required_key_is_missing", "escalation.yaml",
	  "rules:\n"
	  "- id: asked\n"
	  "  when: asked_human\n"
	  "  reason: asks for a person\n",
	  "escalation.yaml:2:3: error: a rule needs `action`\n"
	  "    2 | - id: asked\n"
	  "      |   ^~\n" },
	{ "an_empty_value", "escalation.yaml",
	  "rules:\n"
	  "- id: asked\n"
	  "  when: asked_human\n"
	  "  action: escalate_now\n"
	  "  reason: \"\"\n",
	  "escalation.yaml:5:11: error: `reason` is empty\n"
	  "    5 |   reason: \"\"\n"
	  "      |           ^~\n" },
	{ "no_value", "targets.yaml",
	  "targets:\n"
	  "- { name: primary_chat_model, provider: openai, account: one }\n"
	  "- { name: fast_backup_model, provider: openai, account: two }\n"
	  "- { name: reasoning_model, provider: openai, account: three, prompt: support }\n"
	  "- name:\n"
	  "  provider: openai\n",
	  "targets.yaml:5:8: error: `name` must be a name (letters, digits, `-`, `_`, `.`; at most 64), not nothing\n"
	  "    5 | - name:\n"
	  "      |        ^\n" },
	{ "a_bad_name", "desk.yaml",
	  "default_queue: general\n"
	  "queues: [{ name: general }, { name: ../billing }]\n"
	  "agents:\n"
	  "- { id: nina, name: Nina, secret: AGENT_NINA_TOKEN }\n",
	  "desk.yaml:2:37: error: `name` must be a name (letters, digits, `-`, `_`, `.`; at most 64), not the text `../billing`\n"
	  "    2 | queues: [{ name: general }, { name: ../billing }]\n"
	  "      |                                     ^~~~~~~~~~\n" },
	{ "a_module_in_another_folder", "modules.yaml",
	  "modules:\n"
	  "- { name: rules, kind: rule, file: rule-policy.so }\n"
	  "- { name: classifier, kind: classifier, file: classifier-linear.so }\n"
	  "- { name: openai, kind: provider, file: provider-openai.so }\n"
	  "- { name: x, kind: pool, file: /tmp/x.so }\n",
	  "modules.yaml:5:20: error: `kind` cannot be `pool`, did you mean `tool`?\n"
	  "    5 | - { name: x, kind: pool, file: /tmp/x.so }\n"
	  "      |                    ^~~~\n"
	  "modules.yaml:5:32: error: `file` must be a file name such as provider-openai.so (small letters, digits, dashes; no folder), not the text `/tmp/x.so`\n"
	  "    5 | - { name: x, kind: pool, file: /tmp/x.so }\n"
	  "      |                                ^~~~~~~~~\n" },
	{ "an_isolation_that_nobody_knows", "modules.yaml",
	  "modules:\n"
	  "- { name: rules, kind: rule, file: rule-policy.so }\n"
	  "- { name: classifier, kind: classifier, file: classifier-linear.so }\n"
	  "- { name: openai, kind: provider, file: provider-openai.so }\n"
	  "- name: x\n"
	  "  kind: provider\n"
	  "  file: provider-x.so\n"
	  "  isolation: thread\n",
	  "modules.yaml:8:14: error: `isolation` cannot be `thread`, only `inline`, `process`\n"
	  "    8 |   isolation: thread\n"
	  "      |              ^~~~~~\n" },
	{ "a_secret_itself", "desk.yaml",
	  "default_queue: general\n"
	  "queues: [{ name: general }, { name: billing }]\n"
	  "agents:\n"
	  "- { id: nina, name: Nina, secret: hunter2-hunter2 }\n",
	  "desk.yaml:4:35: error: `secret` must be the name of a secret (capitals, digits, `_`), never the secret itself, not the text `hunter2-hunter2`\n"
	  "    4 | - { id: nina, name: Nina, secret: hunter2-hunter2 }\n"
	  "      |                                   ^~~~~~~~~~~~~~~\n" },
	{ "an_agent_without_a_secret", "desk.yaml",
	  "default_queue: general\n"
	  "queues: [{ name: general }, { name: billing }]\n"
	  "agents:\n"
	  "- { id: nina, name: Nina }\n",
	  "desk.yaml:4:5: error: the agent `nina` cannot sign in: give it a `secret`, or identity.yaml a key that signs for agents\n"
	  "    4 | - { id: nina, name: Nina }\n"
	  "      |     ^~\n" },
	{ "a_timezone_that_is_none", "desk.yaml",
	  "default_queue: general\n"
	  "queues: [{ name: general, hours: ofice }, { name: billing }]\n"
	  "hours: [{ name: office, timezone: Europe/Berln, open: { mon: \"09:00-17:00\" } }]\n"
	  "agents: [{ id: nina, name: Nina, secret: AGENT_NINA_TOKEN }]\n",
	  "desk.yaml:2:34: error: there is no opening hours called `ofice`, did you mean `office`?\n"
	  "    2 | queues: [{ name: general, hours: ofice }, { name: billing }]\n"
	  "      |                                  ^~~~~\n"
	  "desk.yaml:3:35: error: there is no timezone `Europe/Berln`, did you mean `Europe/Berlin`?\n"
	  "    3 | hours: [{ name: office, timezone: Europe/Berln, open: { mon: \"09:00-17:00\" } }]\n"
	  "      |                                   ^~~~~~~~~~~~\n" },
	{ "a_timezone_that_is_a_path", "desk.yaml",
	  "default_queue: general\n"
	  "queues: [{ name: general }, { name: billing }]\n"
	  "hours: [{ name: office, timezone: /etc/passwd, open: { mon: \"09:00-17:00\" } }]\n"
	  "agents: [{ id: nina, name: Nina, secret: AGENT_NINA_TOKEN }]\n",
	  "desk.yaml:3:35: error: there is no timezone `/etc/passwd`\n"
	  "    3 | hours: [{ name: office, timezone: /etc/passwd, open: { mon: \"09:00-17:00\" } }]\n"
	  "      |                                   ^~~~~~~~~~~\n" },
	{ "days_and_times_that_are_none", "desk.yaml",
	  "default_queue: general\n"
	  "queues: [{ name: general }, { name: billing }]\n"
	  "hours:\n"
	  "- name: office\n"
	  "  timezone: UTC\n"
	  "  open:\n"
	  "    mon-fry: \"09:00-17:00\"\n"
	  "    sat: [\"10:00-25:00\", [1]]\n"
	  "    sun: 9\n"
	  "    tue: \"09:00-17:00\"\n"
	  "agents: [{ id: nina, name: Nina, secret: AGENT_NINA_TOKEN }]\n",
	  "desk.yaml:7:5: error: `mon-fry` is no day and no range of days such as mon or mon-fri, did you mean `fri`?\n"
	  "    7 |     mon-fry: \"09:00-17:00\"\n"
	  "      |     ^~~~~~~\n"
	  "desk.yaml:8:11: error: times are written \"09:00-17:30\", in quotes, not `10:00-25:00`\n"
	  "    8 |     sat: [\"10:00-25:00\", [1]]\n"
	  "      |           ^~~~~~~~~~~~~\n"
	  "desk.yaml:8:26: error: times are written \"09:00-17:30\", in quotes, not `a list or a map`\n"
	  "    8 |     sat: [\"10:00-25:00\", [1]]\n"
	  "      |                          ^\n"
	  "desk.yaml:9:10: error: times are written \"09:00-17:30\", in quotes, not `9`\n"
	  "    9 |     sun: 9\n"
	  "      |          ^\n" },
	{ "canned_text_for_a_queue_that_is_none", "desk.yaml",
	  "default_queue: general\n"
	  "queues: [{ name: general }, { name: billing }]\n"
	  "canned: [{ name: hi, text: Hello!, queues: [bililng] }, { name: hi, text: Hi! }]\n"
	  "agents: [{ id: nina, name: Nina, secret: AGENT_NINA_TOKEN }]\n",
	  "desk.yaml:3:45: error: there is no queue `bililng`, did you mean `billing`?\n"
	  "    3 | canned: [{ name: hi, text: Hello!, queues: [bililng] }, { name: hi, text: Hi! }]\n"
	  "      |                                             ^~~~~~~\n"
	  "desk.yaml:3:65: error: the canned text `hi` stands in line 3 already\n"
	  "    3 | canned: [{ name: hi, text: Hello!, queues: [bililng] }, { name: hi, text: Hi! }]\n"
	  "      |                                                                 ^~\n" },
	{ "two_agents_with_one_secret", "desk.yaml",
	  "default_queue: general\n"
	  "queues: [{ name: general }, { name: billing }]\n"
	  "agents:\n"
	  "- { id: nina, name: Nina, secret: AGENT_NINA_TOKEN }\n"
	  "- { id: omar, name: Omar, secret: AGENT_NINA_TOKEN }\n",
	  "desk.yaml:5:35: error: the secret `AGENT_NINA_TOKEN` stands in line 4 already\n"
	  "    5 | - { id: omar, name: Omar, secret: AGENT_NINA_TOKEN }\n"
	  "      |                                   ^~~~~~~~~~~~~~~~\n" },
	{ "two_agents_with_one_id", "desk.yaml",
	  "default_queue: general\n"
	  "queues: [{ name: general }, { name: billing }]\n"
	  "agents:\n"
	  "- { id: nina, name: Nina, secret: AGENT_NINA_TOKEN }\n"
	  "- { id: nina, name: Nina B, secret: AGENT_B }\n",
	  "desk.yaml:5:9: error: the agent `nina` stands in line 4 already\n"
	  "    5 | - { id: nina, name: Nina B, secret: AGENT_B }\n"
	  "      |         ^~~~\n" },
	{ "egress_without_a_port", "modules.yaml",
	  "modules:\n"
	  "- { name: rules, kind: rule, file: rule-policy.so }\n"
	  "- { name: classifier, kind: classifier, file: classifier-linear.so }\n"
	  "- { name: openai, kind: provider, file: provider-openai.so }\n"
	  "- { name: x, kind: provider, file: x.so, egress: [api.example.com] }\n",
	  "modules.yaml:5:51: error: `egress` must be host:port, such as api.example.com:443 or \"*.example.com:443\", not the text `api.example.com`\n"
	  "    5 | - { name: x, kind: provider, file: x.so, egress: [api.example.com] }\n"
	  "      |                                                   ^~~~~~~~~~~~~~~\n" },
	{ "an_origin_with_a_path", "channel.yaml", "origins: [self, \"https://shop.example/\"]\n",
	  "channel.yaml:1:17: error: `origins` must be `self` or an origin such as https://shop.example (no path), not the text `https://shop.example/`\n"
	  "    1 | origins: [self, \"https://shop.example/\"]\n"
	  "      |                 ^~~~~~~~~~~~~~~~~~~~~~~\n" },
	{ "no_disclosure", "channel.yaml", "say: { disclosure: \"\" }\n",
	  "channel.yaml:1:20: error: `disclosure` is empty\n"
	  "    1 | say: { disclosure: \"\" }\n"
	  "      |                    ^~\n" },
	{ "knowledge_for_a_rule", "modules.yaml",
	  "modules:\n"
	  "- { name: rules, kind: rule, file: rule-policy.so, knowledge: true }\n"
	  "- { name: classifier, kind: classifier, file: classifier-linear.so }\n"
	  "- { name: openai, kind: provider, file: provider-openai.so }\n",
	  "modules.yaml:2:63: error: only a retriever or a provider can be given the articles\n"
	  "    2 | - { name: rules, kind: rule, file: rule-policy.so, knowledge: true }\n"
	  "      |                                                               ^~~~\n" },
	{ "policy_in_a_config", "modules.yaml",
	  "modules:\n"
	  "- { name: rules, kind: rule, file: rule-policy.so, config: { policy: {} } }\n"
	  "- { name: classifier, kind: classifier, file: classifier-linear.so }\n"
	  "- { name: openai, kind: provider, file: provider-openai.so }\n",
	  "modules.yaml:2:62: error: `policy` is what the server adds to a module's config: choose another key\n"
	  "    2 | - { name: rules, kind: rule, file: rule-policy.so, config: { policy: {} } }\n"
	  "      |                                                              ^~~~~~\n" },
};
/* clang-format on */

static void every_mistake_in_a_file_is_named_with_its_place(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		set_check_case(&cases[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_mistake_in_a_file_is_named_with_its_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
