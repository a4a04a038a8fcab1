/* SPDX-License-Identifier: Apache-2.0 */

/* The proofs of core/policy/proofs.def, one by one: a set that keeps the promise loads without a
 * word, one that breaks it is named with its place and a counterexample. And what the whole
 * becomes. */

#include "tests/unit/policy_continuity_guards.h"
#include "tests/unit/policy_continuity_modes.h"
#include "tests/unit/policy_continuity_routes.h"
#include "tests/unit/policy_continuity_tools.h"

#include "core/policy/expr.h"
#include "core/policy/mode_facts.h"

enum {
	ROUTE_CASES_N = sizeof(route_cases) / sizeof(route_cases[0]),
	MODE_CASES_N = sizeof(mode_cases) / sizeof(mode_cases[0]),
	TOOL_CASES_N = sizeof(tool_cases) / sizeof(tool_cases[0])
};

static void a_set_that_keeps_every_proof_loads_without_a_word(void **state)
{
	(void)state;
	continuity_expect(NULL, NULL, "");
}

static void broken_proofs_of_routes_are_named_with_place_and_counterexample(void **state)
{
	(void)state;
	continuity_run(route_cases, ROUTE_CASES_N);
}

static void broken_proofs_of_modes_are_named_with_place_and_counterexample(void **state)
{
	(void)state;
	continuity_run(mode_cases, MODE_CASES_N);
}

static void broken_proofs_of_guards_are_named_with_place_and_counterexample(void **state)
{
	(void)state;
	continuity_run(guard_cases, GUARD_CASES_N);
}

static void broken_proofs_of_tools_are_named_with_place_and_counterexample(void **state)
{
	(void)state;
	continuity_run(tool_cases, TOOL_CASES_N);
}

static bool is_broken_by(const struct proof_case *cases, size_t n, const char *name)
{
	char mark[64];

	snprintf(mark, sizeof(mark), "[%s]\n", name);
	for (size_t i = 0; i < n; i++)
		if (strstr(cases[i].said, mark))
			return true;
	return false;
}

static void every_proof_has_a_case_that_breaks_it(void **state)
{
	const struct baton_policy_proof *proof;
	size_t n = 0;

	(void)state;
	for (; (proof = baton_policy_proof_at(n)) != NULL; n++)
		if (!is_broken_by(route_cases, ROUTE_CASES_N, proof->name) &&
		    !is_broken_by(mode_cases, MODE_CASES_N, proof->name) &&
		    !is_broken_by(guard_cases, GUARD_CASES_N, proof->name) &&
		    !is_broken_by(tool_cases, TOOL_CASES_N, proof->name))
			fail_msg("no case breaks `%s`", proof->name);
	assert_true(n >= 20);
	assert_null(baton_policy_proof_at(SIZE_MAX));
}

/* --- what the members come to --- */

static struct baton_policy *load_whole(const char *file, const char *text)
{
	char dir[POLICY_DIR];
	struct baton_buf said = { 0 };
	struct baton_policy *policy = NULL;

	set_begin(dir);
	for (size_t i = 0; i < sizeof(whole) / sizeof(whole[0]); i++)
		set_text(dir, whole[i].name, whole[i].text);
	if (file && text)
		set_text(dir, file, text);
	else if (file)
		set_unlink(dir, file);
	if (set_load(dir, &said, &policy) != 0)
		fail_msg("said\n%.*s", (int)said.n, said.p);
	set_end(dir);
	baton_buf_done(&said);
	return policy;
}

static void targets_have_a_breaker_whether_they_say_so_or_not(void **state)
{
	struct baton_policy *policy = load_whole(
		"targets.yaml",
		"targets:\n"
		"- { name: main, provider: openai, account: one, region: eu, substitute: cheap, max_concurrent: 7,\n"
		"    can_continue: true, context_tokens: 128000,\n"
		"    breaker: { failures: 5, share: 0.25, min_calls: 40, window: 2m, open: 5s, open_max: 1m } }\n"
		"- { name: backup, provider: openai, account: two }\n"
		"- { name: cheap, provider: openai, account: three }\n");
	const struct baton_target *main_ = &policy->targets[0], *backup = &policy->targets[1];

	(void)state;
	assert_string_equal(main_->region, "eu");
	assert_string_equal(main_->substitute, "cheap");
	assert_int_equal(main_->max_concurrent, 7);
	assert_int_equal(main_->context_tokens, 128000);
	assert_true(main_->can_continue);
	assert_int_equal(main_->breaker.failures, 5);
	assert_int_equal(main_->breaker.share_ppm, 250000);
	assert_int_equal(main_->breaker.min_calls, 40);
	assert_int_equal(main_->breaker.window_ms, 120000);
	assert_int_equal(main_->breaker.open_ms, 5000);
	assert_int_equal(main_->breaker.open_max_ms, 60000);
	assert_string_equal(backup->region, "");
	assert_string_equal(backup->substitute, "");
	assert_int_equal(backup->max_concurrent, 0);
	assert_false(backup->can_continue);
	assert_int_equal(backup->breaker.failures, 3);
	assert_int_equal(backup->breaker.share_ppm, 500000);
	assert_int_equal(backup->breaker.min_calls, 20);
	assert_int_equal(backup->breaker.window_ms, 60000);
	assert_int_equal(backup->breaker.open_ms, 15000);
	assert_int_equal(backup->breaker.open_max_ms, 25000);
	baton_policy_free(&policy);
}

static void switches_and_ceilings_of_a_route_are_compiled(void **state)
{
	struct baton_policy *policy = load_whole(NULL, NULL);
	const struct baton_route *hours = baton_policy_route(policy, BATON_STR("opening-hours"));
	const struct baton_route *refund = baton_policy_route(policy, BATON_STR("refund-policy"));
	baton_facts facts = { .size = sizeof(facts),
			      .queue_depth = 51,
			      .primary_health_ppm = 100000 };

	(void)state;
	assert_int_equal(hours->min_tokens_per_s, 5);
	assert_int_equal(hours->n_switches, 1);
	assert_string_equal(hours->switches[0].to->name, "cheap");
	assert_string_equal(hours->switches[0].trigger, "slow");
	assert_true(strlen(hours->switches[0].reason) > 10);
	assert_int_equal(baton_expr_test(hours->switches[0].test, &facts), 1);
	facts.queue_depth = 50;
	assert_int_equal(baton_expr_test(hours->switches[0].test, &facts), 0);
	assert_null(refund->switches[0].to);
	assert_string_equal(refund->switches[0].trigger, "condition");
	assert_string_equal(refund->switches[0].reason, "the model wobbles");
	assert_int_equal(baton_expr_test(refund->switches[0].test, &facts), 1);
	assert_int_equal(refund->turn_microusd, 50000);
	assert_int_equal(refund->day_microusd, 20000000);
	assert_int_equal(hours->turn_microusd, 0);
	baton_policy_free(&policy);
}

static void tools_have_their_terms_and_models_are_shown_what_is_not_bound(void **state)
{
	struct baton_policy *policy = load_whole(NULL, NULL);
	const struct baton_tool_def *times = baton_policy_tool(policy, BATON_STR("opening_times"));
	const struct baton_tool_def *refund = baton_policy_tool(policy, BATON_STR("refund"));
	const struct baton_tool_def *note = baton_policy_tool(policy, BATON_STR("note"));
	const struct baton_route *hours = baton_policy_route(policy, BATON_STR("opening-hours"));
	const struct baton_route *money = baton_policy_route(policy, BATON_STR("refund-policy"));

	(void)state;
	assert_string_equal(
		times->arguments_json,
		"{\"properties\":{\"town\":{\"type\":\"string\",\"maxLength\":40}},"
		"\"required\":[\"town\"],\"type\":\"object\",\"additionalProperties\":false}");
	assert_non_null(strstr(times->schema_json, "\"tier\""));
	assert_string_equal(times->binds[0].from, "customer_tier");
	assert_int_equal(times->timeout_ms, 2000);
	assert_true(times->idempotent && !times->approval && !times->writes);
	assert_true(refund->approval && refund->writes && !refund->idempotent);
	assert_string_equal(refund->result_json, "");
	assert_true(!note->approval && note->idempotent);
	assert_int_equal(money->tool_rounds, 3);
	assert_int_equal(hours->n_lookups, 1);
	assert_ptr_equal(hours->lookups[0].tool, times);
	assert_string_equal(hours->lookups[0].arguments_json, "{\"town\":\"Berlin\"}");
	assert_string_equal(money->class_->unattended[0], "note");
	assert_null(baton_policy_tool(policy, BATON_STR("nothing")));
	assert_non_null(strstr(policy->modules[4].config_json, "\"timeout_ms\":2000"));
	baton_policy_free(&policy);
}

static void classes_know_their_mode_and_what_they_need(void **state)
{
	struct baton_policy *policy = load_whole(NULL, NULL);

	(void)state;
	assert_ptr_equal(policy->classes[0].mode, &policy->modes[0]);
	assert_null(policy->classes[1].mode);
	assert_int_equal(policy->classes[1].n_needs, 1);
	assert_string_equal(policy->classes[1].needs[0], "rules");
	assert_false(policy->classes[1].critical);
	assert_int_equal(policy->classes[2].on_failure, BATON_ON_FAILURE_PAUSE);
	assert_string_equal(policy->classes[2].mode->name, "hold");
	baton_policy_free(&policy);
}

static void modes_are_compiled_in_their_order(void **state)
{
	struct baton_policy *policy = load_whole(NULL, NULL);
	const struct baton_mode_def *intake = &policy->modes[0], *hold = &policy->modes[1];
	const struct baton_mode_def *reviewed = &policy->modes[3], *thrifty = &policy->modes[4];
	struct baton_mode_facts facts = { .flags = BATON_MODE_FACT_ALL_DOWN };

	(void)state;
	assert_int_equal(policy->n_modes, 5);
	assert_int_equal(intake->what, BATON_MODE_INTAKE);
	assert_int_equal(intake->enter_for_ms, 10000);
	assert_int_equal(intake->recover_for_ms, 60000);
	assert_int_equal(intake->max_duration_ms, 4 * 3600000);
	assert_int_equal(intake->at_expiry, BATON_EXPIRY_HAND_OVER);
	assert_string_equal(intake->trigger, "all_down");
	assert_int_equal(baton_expr_test_on(intake->enter_test, &facts), 1);
	assert_int_equal(baton_expr_test_on(intake->recover_test, &facts), 0);
	assert_int_equal(hold->what, BATON_MODE_PAUSE);
	assert_null(hold->enter_test);
	assert_string_equal(hold->trigger, "declared");
	assert_ptr_equal(hold->next, &policy->modes[2]);
	assert_int_equal(hold->n_classes, 1);
	assert_int_equal(hold->n_intents, 0);
	assert_int_equal(reviewed->what, BATON_MODE_TEMPLATED);
	assert_int_equal(reviewed->at_expiry, BATON_EXPIRY_NORMAL);
	assert_string_equal(reviewed->template_, "support");
	assert_string_equal(reviewed->trigger, "condition");
	assert_string_equal(thrifty->use->name, "cheap");
	assert_int_equal(thrifty->max_duration_ms, 86400000);
	assert_string_equal(thrifty->queue, "");
	baton_policy_free(&policy);
}

static void money_alarms_and_drills_are_read(void **state)
{
	struct baton_policy *policy = load_whole(NULL, NULL);
	const struct baton_drill_file *drill = baton_policy_drill(policy, BATON_STR("outage"));

	(void)state;
	assert_int_equal(policy->budgets.turn_microusd, 100000);
	assert_int_equal(policy->budgets.day_microusd, 100000000);
	assert_int_equal(policy->budgets.accounts[0].day_microusd, 80000000);
	assert_int_equal(policy->budgets.retry_ratio_ppm, 100000);
	assert_int_equal(policy->budgets.retry_burst, 5);
	assert_int_equal(policy->alert.window_ms, 600000);
	assert_int_equal(policy->alert.min_turns, 20);
	assert_int_equal(policy->alert.tool_success_ppm, 900000);
	assert_int_equal(policy->alert.needed, 2);
	assert_int_equal(drill->duration_ms, 600000);
	assert_int_equal(drill->share_ppm, 1000000);
	assert_true(drill->labelled_only);
	assert_int_equal(drill->faults[0].fault.type, BATON_FAULT_OUTAGE);
	assert_int_equal(drill->faults[0].at_ms, 60000);
	assert_int_equal(drill->faults[0].for_ms, 180000);
	assert_int_equal(drill->faults[1].fault.type, BATON_FAULT_SLOW);
	assert_int_equal(drill->faults[1].fault.ms, 2000);
	assert_int_equal(drill->talks[0].expect.outcomes, BATON_DRILL_ANSWERED);
	assert_int_equal(drill->talks[0].degraded.outcomes, BATON_DRILL_ANSWERED);
	assert_int_equal(drill->talks[0].every_ms, 5000);
	assert_string_equal(drill->talks[0].tier, "");
	assert_int_equal(drill->objectives.recover_ms, 60000);
	assert_int_equal(drill->objectives.answered_ppm, 900000);
	assert_int_equal(drill->objectives.expected_ppm, 1000000);
	assert_int_equal(drill->objectives.preserved_ppm, 1000000);
	assert_null(baton_policy_drill(policy, BATON_STR("nobody")));
	baton_policy_free(&policy);
}

static void outcomes_of_a_drill_are_one_word_or_several(void **state)
{
	struct baton_policy *policy = load_whole(
		"drills/outage.yaml",
		"name: outage\nduration: 1m\nfaults: [ { target: fallback, fault: garbage } ]\n"
		"conversations:\n"
		"- { scenario: a, messages: [x], expect: { outcome: [answered, drafted], within_ms: 9000 },\n"
		"    degraded: { outcome: [handed_over, captured] } }\n"
		"- { scenario: b, messages: [x, y], customer_tier: vip, expect: { outcome: any } }\n"
		"- { scenario: c, messages: [how long do I have to ask for a refund] }\n");
	const struct baton_drill_talk *talks = policy->drills[0].talks;

	(void)state;
	assert_int_equal(policy->drills[0].faults[0].fault.type, BATON_FAULT_GARBAGE);
	assert_int_equal(talks[0].expect.outcomes, BATON_DRILL_ANSWERED | BATON_DRILL_DRAFTED);
	assert_int_equal(talks[0].degraded.outcomes,
			 BATON_DRILL_HANDED_OVER | BATON_DRILL_CAPTURED);
	assert_int_equal(talks[0].degraded.within_ms, 9000);
	assert_int_equal(talks[1].expect.outcomes, BATON_DRILL_ANY);
	assert_string_equal(talks[1].tier, "vip");
	assert_int_equal(talks[2].degraded.outcomes, BATON_DRILL_ANY);
	baton_policy_free(&policy);
}

static void a_set_without_the_files_has_no_ceiling_no_alert_and_a_budget_of_retries(void **state)
{
	struct baton_policy *policy = load_whole("budgets.yaml", NULL);

	(void)state;
	assert_int_equal(policy->budgets.turn_microusd, 0);
	assert_int_equal(policy->budgets.retry_ratio_ppm, 200000);
	assert_int_equal(policy->budgets.retry_burst, 10);
	baton_policy_free(&policy);
	policy = load_whole("alerts.yaml", NULL);
	assert_int_equal(policy->alert.needed, 0);
	baton_policy_free(&policy);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_set_that_keeps_every_proof_loads_without_a_word),
		cmocka_unit_test(broken_proofs_of_routes_are_named_with_place_and_counterexample),
		cmocka_unit_test(broken_proofs_of_guards_are_named_with_place_and_counterexample),
		cmocka_unit_test(broken_proofs_of_tools_are_named_with_place_and_counterexample),
		cmocka_unit_test(broken_proofs_of_modes_are_named_with_place_and_counterexample),
		cmocka_unit_test(every_proof_has_a_case_that_breaks_it),
		cmocka_unit_test(targets_have_a_breaker_whether_they_say_so_or_not),
		cmocka_unit_test(switches_and_ceilings_of_a_route_are_compiled),
		cmocka_unit_test(tools_have_their_terms_and_models_are_shown_what_is_not_bound),
		cmocka_unit_test(classes_know_their_mode_and_what_they_need),
		cmocka_unit_test(modes_are_compiled_in_their_order),
		cmocka_unit_test(money_alarms_and_drills_are_read),
		cmocka_unit_test(outcomes_of_a_drill_are_one_word_or_several),
		cmocka_unit_test(
			a_set_without_the_files_has_no_ceiling_no_alert_and_a_budget_of_retries),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
