/* SPDX-License-Identifier: Apache-2.0 */

/* Turns that begin again on the live release: when they do, what is forgotten, who is told. */

#include "tests/unit/turn_bench.h"

static void what_fails_on_a_canary_is_tried_on_the_live_release(void **state)
{
	struct bench *bench = *state;

	bench->doubtful = true;
	ask(bench, "shipping", 900000);
	hear_fail(bench, BATON_FAIL_INTERNAL, "boom");
	assert_int_equal(bench->moves, 1);
	assert_int_equal(bench->turned, 1);
	assert_true(bench->sample.failed);
	assert_string_equal(bench->asked, "classify retrieve main classify");
	ask(bench, "shipping", 900000);
	hear_text(bench, "Here.");
	hear_end(bench);
	assert_true(bench->run->done);
	assert_string_equal(bench->answer, "Here.");
	assert_non_null(strstr(bench->emitted, "turn_moved"));
	/* The second try says nothing about the release that it was moved to. */
	assert_int_equal(bench->turned, 1);
}

static void a_model_does_not_pay_for_what_a_canary_broke(void **state)
{
	struct bench *bench = *state;
	struct baton_buf json = { NULL, 0, 0 };

	bench->doubtful = true;
	ask(bench, "shipping", 900000);
	hear_fail(bench, BATON_FAIL_UNAVAILABLE, "503");
	baton_board_json(bench->board, bench_now(bench), &json);
	assert_null(strstr(json.p, "\"last_fail\":\"unavailable\""));
	baton_buf_done(&json);
}

static void what_the_customer_has_seen_is_not_begun_again(void **state)
{
	struct bench *bench = *state;

	bench->doubtful = true;
	ask(bench, "shipping", 900000);
	hear_text(bench, "It is ");
	hear_fail(bench, BATON_FAIL_TRUNCATED, "cut");
	assert_int_equal(bench->moves, 0);
}

/* A drain that is cut short again and again, while the turn has shown nothing. */
static void it_moves_as_often_as_it_must_and_not_for_ever(void **state)
{
	struct bench *bench = *state;

	for (unsigned i = 0; i < 5; i++) {
		bench->doubtful = true;
		ask(bench, "shipping", 900000);
		hear_fail(bench, BATON_FAIL_INTERNAL, "boom");
		assert_int_equal(bench->moves, i < 4 ? i + 1 : 4);
	}
}

static void a_refusal_is_not_routed_around(void **state)
{
	struct bench *bench = *state;

	bench->doubtful = true;
	ask(bench, "shipping", 900000);
	hear_fail(bench, BATON_FAIL_REFUSED, "content_filter");
	assert_int_equal(bench->moves, 0);
	assert_true(bench->run->done);
	assert_string_equal(bench->why, "core.refused");
}

static void a_classifier_or_rules_that_fail_move_it_too(void **state)
{
	struct bench *bench = *state;

	bench->doubtful = true;
	bench->no_classifier = -1;
	baton_run_go(bench->run);
	assert_int_equal(bench->moves, 1);
	assert_non_null(strstr(bench->emitted, "intent_detected"));
}

static void rules_that_cannot_be_asked_move_it(void **state)
{
	struct bench *bench = *state;

	bench->doubtful = true;
	bench->no_rules = -1;
	baton_run_go(bench->run);
	hear_end(bench);
	assert_int_equal(bench->moves, 1);
	assert_false(bench->run->done);
}

static void a_good_turn_is_told_to_the_trial(void **state)
{
	struct bench *bench = *state;

	ask(bench, "shipping", 900000);
	pass_ms(bench, 40);
	hear_text(bench, "Here.");
	pass_ms(bench, 60);
	hear_end(bench);
	assert_int_equal(bench->turned, 1);
	assert_false(bench->sample.failed);
	assert_false(bench->sample.escalated);
	assert_int_equal(bench->sample.first_ms, 40);
	assert_int_equal(bench->sample.total_ms, 100);
}

#define TURN(test) cmocka_unit_test_setup_teardown(test, open_bench, close_bench)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TURN(what_fails_on_a_canary_is_tried_on_the_live_release),
		TURN(a_model_does_not_pay_for_what_a_canary_broke),
		TURN(what_the_customer_has_seen_is_not_begun_again),
		TURN(it_moves_as_often_as_it_must_and_not_for_ever),
		TURN(a_refusal_is_not_routed_around),
		TURN(a_classifier_or_rules_that_fail_move_it_too),
		TURN(rules_that_cannot_be_asked_move_it),
		TURN(a_good_turn_is_told_to_the_trial),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
