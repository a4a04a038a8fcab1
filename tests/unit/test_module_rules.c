/* SPDX-License-Identifier: Apache-2.0 */

/* rule-policy in a rack, with the real conditions. */
#include "tests/unit/module_rig.h"

static const char rules[] =
	"{\"policy\":{\"rules\":["
	"{\"id\":\"asked\",\"when\":\"asked_human\",\"action\":\"escalate_now\",\"queue\":\"general\","
	" \"reason\":\"The customer asks for a person\",\"priority\":2,\"reversible\":true},"
	"{\"id\":\"circles\",\"when\":\"unresolved_exchanges >= 3\",\"action\":\"escalate\",\"reason\":\"first\"},"
	"{\"id\":\"again\",\"when\":\"unresolved_exchanges >= 3\",\"action\":\"escalate\",\"reason\":\"second\"},"
	"{\"id\":\"vip\",\"when\":\"customer_tier == \\\"vip\\\" && unresolved_exchanges >= 3\",\"action\":\"escalate\","
	" \"priority\":1},"
	"{\"id\":\"unsure\",\"stage\":\"after\",\"when\":\"answer_confidence < 0.5\",\"action\":\"review\"},"
	"{\"id\":\"odd\",\"when\":\"100 / tool_errors > 1000\",\"action\":\"offer_human\"}"
	"]}}";

static baton_verdict decide(struct rig *rig, const baton_facts *facts)
{
	baton_verdict v;
	assert_int_equal(baton_rack_rules(rig->rack, rig->release, facts, &v), 0);
	return v;
}

static int start(void **state)
{
	assert_int_equal(rig_setup(state), 0);
	struct rig *rig = *state;
	rig_install(rig, "modules/rule-policy.so", "rule-policy.so");
	(void)rig_module(rig, "rules", "rule", "rule-policy.so", rules);
	if (rig_stage(rig) != 0 || rig_rack(rig) != 0)
		fail_msg("%s", rig->why);
	return 0;
}

static void no_rule_fires_on_a_quiet_turn(void **state)
{
	baton_facts facts = { .size = sizeof(facts), .tool_errors = 1 };
	baton_verdict v = decide(*state, &facts);
	assert_int_equal(v.action, BATON_ACT_NONE);
}

static void the_strictest_rule_wins_with_all_it_says(void **state)
{
	baton_facts facts = { .size = sizeof(facts),
			      .flags = BATON_FACT_ASKED_HUMAN,
			      .unresolved_exchanges = 5,
			      .tool_errors = 1 };
	baton_verdict v = decide(*state, &facts);
	assert_int_equal(v.action, BATON_ACT_ESCALATE_NOW);
	assert_string_equal(v.rule, "asked");
	assert_string_equal(v.queue, "general");
	assert_string_equal(v.reason, "The customer asks for a person");
	assert_int_equal(v.priority, 2);
	assert_int_equal(v.flags, BATON_VERDICT_REVERSIBLE);
}

static void among_equals_the_first_written_wins(void **state)
{
	baton_facts facts = { .size = sizeof(facts), .unresolved_exchanges = 3, .tool_errors = 1 };
	baton_verdict v = decide(*state, &facts);
	assert_string_equal(v.rule, "circles");
	assert_null(v.queue);
}

static void among_equals_the_more_urgent_wins(void **state)
{
	baton_facts facts = { .size = sizeof(facts),
			      .unresolved_exchanges = 3,
			      .tool_errors = 1,
			      .customer_tier = BATON_STR("vip") };
	assert_string_equal(decide(*state, &facts).rule, "vip");
}

static void rules_are_asked_at_their_stage_only(void **state)
{
	baton_facts facts = { .size = sizeof(facts), .answer_ppm = 100000, .tool_errors = 1 };
	assert_int_equal(decide(*state, &facts).action, BATON_ACT_NONE);
	facts.stage = BATON_STAGE_AFTER;
	facts.unresolved_exchanges = 9;
	assert_string_equal(decide(*state, &facts).rule, "unsure");
}

static void a_condition_that_cannot_be_decided_counts_as_fired(void **state)
{
	baton_facts facts = { .size = sizeof(facts), .tool_errors = 0 };
	baton_verdict v = decide(*state, &facts);
	assert_string_equal(v.rule, "odd");
	assert_string_equal(v.reason, "could not be decided");
}

static void a_rule_that_does_not_compile_refuses_the_rack(void **state)
{
	static const char *const rows[][2] = {
		{ "{\"id\":\"r\",\"when\":\"no_such_fact\",\"action\":\"review\"}",
		  "when: column " },
		{ "{\"id\":\"r\",\"when\":\"true\",\"action\":\"shout\"}",
		  "action: expected one of" },
		{ "{\"id\":\"r\",\"stage\":\"never\",\"action\":\"review\"}",
		  "stage: expected before or after" },
		{ "{\"id\":\"r\",\"priority\":10,\"action\":\"review\"}", "priority: expected 1" },
	};
	struct rig *rig = *state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char config[256];
		baton_rack_free(&rig->rack);
		baton_release_unref(&rig->release);
		(void)snprintf(config, sizeof(config), "{\"policy\":{\"rules\":[%s]}}", rows[i][0]);
		(void)rig_module(rig, "rules", "rule", "rule-policy.so", config);
		assert_int_equal(rig_stage(rig), 0);
		assert_int_equal(rig_rack(rig), BATON_E_MODULE);
		if (!rig_logged(rig, rows[i][1]))
			fail_msg("expected \"%s\" in %s", rows[i][1], rig->log.p);
	}
}

#define T(name) cmocka_unit_test_setup_teardown(name, start, rig_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(no_rule_fires_on_a_quiet_turn),
		T(the_strictest_rule_wins_with_all_it_says),
		T(among_equals_the_first_written_wins),
		T(among_equals_the_more_urgent_wins),
		T(rules_are_asked_at_their_stage_only),
		T(a_condition_that_cannot_be_decided_counts_as_fired),
		T(a_rule_that_does_not_compile_refuses_the_rack),
	};
	(void)setvbuf(stdout, NULL, _IONBF, 0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
