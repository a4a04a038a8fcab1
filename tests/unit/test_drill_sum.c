/* SPDX-License-Identifier: Apache-2.0 */

/* What came of a drill: fault from 10 s to 40 s, by hand. */
#include "core/observe/drill_sum.h"

#include "core/policy/expr.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum {
	ANSWERED = BATON_DRILL_ANSWERED,
	PERSON = BATON_DRILL_HANDED_OVER,
	KEPT = BATON_DRILL_CAPTURED
};

static struct baton_drill_talk scripts[] = {
	{ .scenario = "billing-dispute",
	  .expect = { .outcomes = ANSWERED, .within_ms = 1000 },
	  .degraded = { .outcomes = PERSON, .within_ms = 5000 } },
	{ .scenario = "vip", .expect = { .outcomes = ANSWERED } },
};
static struct baton_drill_file file = { .name = "outage", .talks = scripts, .n_talks = 2 };

static struct baton_drill_sample at(uint32_t talk, uint64_t sent, uint64_t took, unsigned outcome)
{
	return (struct baton_drill_sample){ .talk = talk,
					    .last = true,
					    .sent_ms = sent,
					    .done_ms = outcome ? sent + took : 0,
					    .outcome = outcome,
					    .primary = outcome == ANSWERED,
					    .degraded = outcome != ANSWERED,
					    .concerned = sent >= 10000 && sent < 40000,
					    .handoff_full = outcome == PERSON };
}

static struct baton_drill_sum sum_of(const struct baton_drill_sample *samples, size_t n)
{
	struct baton_drill_run run = { .file = &file,
				       .fault_ms = 10000,
				       .healed_ms = 40000,
				       .end_ms = 90000,
				       .samples = samples,
				       .n_samples = n,
				       .conversations = n,
				       .preserved = n };
	struct baton_drill_sum sum;

	baton_drill_add_up(&run, &sum);
	return sum;
}
#define SUM(...)                                                            \
	sum_of((const struct baton_drill_sample[]){ __VA_ARGS__ },          \
	       sizeof((const struct baton_drill_sample[]){ __VA_ARGS__ }) / \
		       sizeof(struct baton_drill_sample))

static void a_good_run_holds_and_its_times_are_from_fault_and_end(void **state)
{
	(void)state;
	file.objectives = (struct baton_drill_objectives){ .degrade_ms = 3000,
							   .recover_ms = 20000,
							   .resume_ms = 1,
							   .p95_ms = 4000,
							   .answered_ppm = 400000,
							   .expected_ppm = 1000000,
							   .preserved_ppm = 1000000 };
	struct baton_drill_sum sum = SUM(at(1, 1000, 200, ANSWERED), at(2, 11000, 1500, PERSON),
					 at(3, 30000, 300, PERSON), at(4, 42000, 300, PERSON),
					 at(5, 55000, 400, ANSWERED), at(6, 60000, 200, ANSWERED));
	assert_true(sum.held);
	assert_int_equal(sum.degrade.ms, 2500);
	assert_int_equal(sum.recover.ms, 15400);
	assert_true(sum.resume.known);
	assert_int_equal(sum.resume.ms, 0);
	assert_int_equal(sum.phases[BATON_PHASE_BEFORE].answered, 1);
	assert_int_equal(sum.phases[BATON_PHASE_FAULT].handed_over, 2);
	assert_int_equal(sum.phases[BATON_PHASE_RECOVERING].messages, 2);
	assert_int_equal(sum.phases[BATON_PHASE_AFTER].messages, 1);
	assert_int_equal(sum.handoffs, 3);
	assert_int_equal(sum.handoffs_full, 3);
	assert_int_equal(sum.expected, 6);
	baton_drill_sum_done(&sum);
}

static void who_answers_once_and_is_shut_out_again_has_not_recovered_yet(void **state)
{
	(void)state;
	file.objectives = (struct baton_drill_objectives){ .expected_ppm = 1000000 };
	struct baton_drill_sum sum = SUM(at(1, 41000, 200, ANSWERED), at(2, 45000, 200, PERSON),
					 at(3, 60000, 300, ANSWERED), at(4, 70000, 300, ANSWERED));
	assert_int_equal(sum.recover.ms, 20300);
	assert_int_equal(sum.expected, 4); /* the second one was on the way back */
	baton_drill_sum_done(&sum);
	sum = SUM(at(1, 41000, 200, ANSWERED), at(2, 45000, 200, PERSON));
	assert_false(sum.recover.known);
	baton_drill_sum_done(&sum);
}

static void each_objective_can_fail_alone(void **state)
{
	static const struct baton_drill_objectives alone[] = {
		{ .degrade_ms = 2499 },     { .recover_ms = 15399 }, { .p95_ms = 1000 },
		{ .answered_ppm = 700000 }, { .resume_ms = 1 },      { .cost_microusd = 1 },
	};
	struct baton_drill_sample kept = at(4, 20000, 100, KEPT);

	(void)state;
	for (size_t i = 0; i < sizeof(alone) / sizeof(alone[0]); i++) {
		file.objectives = alone[i];
		kept.cost_microusd = 5;
		struct baton_drill_sum sum =
			SUM(at(1, 1000, 200, ANSWERED), at(2, 11000, 1500, PERSON),
			    at(3, 55000, 400, ANSWERED), kept);
		assert_false(sum.held);
		baton_drill_sum_done(&sum);
	}
}

static baton_expr *condition(const char *text)
{
	baton_expr *expr = NULL;
	char why[128];
	uint32_t column;

	assert_int_equal(baton_expr_compile_in(&baton_env_drill, baton_str_of(text), &expr, why,
					       sizeof(why), &column),
			 0);
	return expr;
}

static void a_condition_over_what_came_of_it_holds_or_does_not(void **state)
{
	static const struct {
		const char *text;
		bool holds;
	} cases[] = {
		{ "lost == 0 && conversations == 3 && messages == 3", true },
		{ "handed_over_share == 1.0 && answered_share == 0.0", true },
		{ "degraded && recovered && resumed", true },
		{ "time_to_degrade == duration(\"2500ms\")", true },
		{ "time_to_recover_ms < 1000", false },
		{ "p95_ms < 3 * p95_before_ms", false },
		{ "p95_before > duration(\"190ms\") && p95_before < duration(\"210ms\")", true },
		{ "1 / lost == 1", false }, /* cannot be decided: does not hold */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *text[] = { cases[i].text };
		baton_expr *tests[] = { condition(cases[i].text) };

		file.objectives = (struct baton_drill_objectives){ .hold = text,
								   .n_hold = 1,
								   .hold_tests = tests };
		struct baton_drill_sum sum =
			SUM(at(1, 1000, 200, ANSWERED), at(2, 11000, 1500, PERSON),
			    at(3, 55000, 400, ANSWERED));
		if (sum.held != cases[i].holds)
			fail_msg("%s", cases[i].text);
		assert_string_equal(sum.objectives[BATON_DRILL_NUMBERS].name, cases[i].text);
		baton_drill_sum_done(&sum);
		baton_expr_free(tests[0]);
	}
	file.objectives = (struct baton_drill_objectives){ 0 };
}

static void what_was_kept_and_answered_later_says_when_all_was_resumed(void **state)
{
	struct baton_drill_sample kept = at(1, 20000, 100, KEPT);

	(void)state;
	file.objectives = (struct baton_drill_objectives){ .resume_ms = 8000 };
	kept.late_ms = 47000;
	struct baton_drill_sum sum = SUM(kept);
	assert_true(sum.resume.known);
	assert_int_equal(sum.resume.ms, 7000);
	assert_int_equal(sum.kept, 1);
	assert_int_equal(sum.kept_waiting, 0);
	baton_drill_sum_done(&sum);
	kept.late_ms = 0;
	sum = SUM(kept);
	assert_false(sum.resume.known);
	assert_false(sum.held);
	baton_drill_sum_done(&sum);
}

static void never_is_not_in_time(void **state)
{
	(void)state;
	file.objectives = (struct baton_drill_objectives){ .recover_ms = 3600000 };
	struct baton_drill_sum sum = SUM(at(1, 1000, 200, ANSWERED), at(2, 50000, 200, PERSON));
	assert_false(sum.recover.known);
	assert_false(sum.held);
	assert_true(sum.objectives[1].got < 0);
	baton_drill_sum_done(&sum);
}

static void who_is_spared_or_had_begun_may_be_served_as_ever(void **state)
{
	struct baton_drill_sample spared = at(1, 20000, 200, ANSWERED),
				  begun = at(2, 9900, 500, ANSWERED),
				  met = at(3, 20000, 200, ANSWERED);

	(void)state;
	file.objectives = (struct baton_drill_objectives){ .expected_ppm = 1000000 };
	spared.concerned = false;
	struct baton_drill_sum sum = SUM(spared, begun);
	assert_int_equal(sum.expected, 2);
	baton_drill_sum_done(&sum);
	sum = SUM(met); /* the script says: a person */
	assert_int_equal(sum.expected, 0);
	assert_false(sum.held);
	baton_drill_sum_done(&sum);
}

static void a_lost_message_is_never_expected(void **state)
{
	struct baton_drill_sample lost = at(1, 20000, 0, 0);

	(void)state;
	file.objectives = (struct baton_drill_objectives){ .expected_ppm = 1000000 };
	lost.script = 1;
	struct baton_drill_sum sum = SUM(lost);
	assert_int_equal(sum.expected, 0);
	assert_int_equal(sum.phases[BATON_PHASE_FAULT].lost, 1);
	assert_string_equal(baton_drill_outcome_name(lost.outcome), "lost");
	baton_drill_sum_done(&sum);
}

static void a_conversation_is_expected_if_all_its_messages_are(void **state)
{
	struct baton_drill_sample first = at(1, 1000, 3000, ANSWERED), /* too late: within 1 s */
		second = at(1, 5000, 100, ANSWERED), other = at(2, 6000, 100, ANSWERED);

	(void)state;
	file.objectives = (struct baton_drill_objectives){ .expected_ppm = 1000000 };
	first.last = false;
	struct baton_drill_sum sum = SUM(first, second, other);
	assert_int_equal(sum.expected, 1);
	baton_drill_sum_done(&sum);
}

static void a_drill_without_a_conversation_proves_nothing(void **state)
{
	struct baton_drill_run run = { .file = &file, .end_ms = 1000 };
	struct baton_drill_sum sum;

	(void)state;
	file.objectives = (struct baton_drill_objectives){ 0 };
	baton_drill_add_up(&run, &sum);
	assert_false(sum.held);
	baton_drill_sum_done(&sum);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_good_run_holds_and_its_times_are_from_fault_and_end),
		cmocka_unit_test(who_answers_once_and_is_shut_out_again_has_not_recovered_yet),
		cmocka_unit_test(each_objective_can_fail_alone),
		cmocka_unit_test(a_condition_over_what_came_of_it_holds_or_does_not),
		cmocka_unit_test(what_was_kept_and_answered_later_says_when_all_was_resumed),
		cmocka_unit_test(never_is_not_in_time),
		cmocka_unit_test(who_is_spared_or_had_begun_may_be_served_as_ever),
		cmocka_unit_test(a_lost_message_is_never_expected),
		cmocka_unit_test(a_conversation_is_expected_if_all_its_messages_are),
		cmocka_unit_test(a_drill_without_a_conversation_proves_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
