/* SPDX-License-Identifier: Apache-2.0 */

/* What a turn tells the board and what it makes of its answers: leases, money, tallies, drills. */

#include "tests/unit/turn_bench.h"

/* --- leases --- */

static void a_whole_answer_counts_as_one(void **state)
{
	struct bench *bench = *state;

	ask(bench, "shipping", 900000);
	assert_true(board_says(bench, "\"calls_running\":1"));
	hear_text(bench, "Today.");
	hear_end(bench);
	assert_true(board_says(bench, "\"calls\":{\"answered\":1}"));
	assert_true(board_says(bench, "\"calls_running\":0"));
	assert_true(board_says(bench, "\"all\":{\"turns\":1"));
	assert_false(bench->substitute);
}

static void a_failure_counts_as_that_and_the_substitute_as_one(void **state)
{
	struct bench *bench = *state;

	ask(bench, "shipping", 900000);
	hear_fail(bench, BATON_FAIL_STALL, "stall");
	assert_true(board_says(bench, "\"calls\":{\"answered\":0,\"stall\":1}"));
	hear_text(bench, "Today.");
	hear_end(bench);
	assert_true(bench->substitute);
	assert_true(board_says(bench, "\"calls_running\":0"));
}

static void who_is_cancelled_is_not_to_blame(void **state)
{
	struct bench *bench = *state;

	ask(bench, "shipping", 900000);
	hear_text(bench, "It le");
	baton_run_cancel(bench->run, BATON_CANCEL_SUPERSEDED);
	assert_true(board_says(bench, "\"calls\":{\"answered\":0,\"cancelled\":1}"));
	assert_true(board_says(bench, "\"success_ppm\":1000000"));
	assert_true(board_says(bench, "\"calls_running\":0"));
	assert_false(board_says(bench, "\"retries\":1"));
}

static void an_answer_that_was_filtered_is_a_refusal(void **state)
{
	struct bench *bench = *state;

	ask(bench, "shipping", 900000);
	hear_text(bench, "It");
	baton_run_heard_end(bench->run, BATON_END_FILTERED);
	baton_run_go(bench->run);
	assert_true(bench->run->done);
	assert_string_equal(bench->asked, "classify retrieve main");
	assert_string_equal(bench->fails, "filtered");
	assert_string_equal(bench->why, "core.refused");
	assert_string_equal(bench->answer, "");
	assert_non_null(strstr(bench->emitted, "answer_superseded"));
}

static void a_route_never_lowers_what_a_rule_has_raised(void **state)
{
	struct bench *bench = *state;

	bench->verdict[BATON_STAGE_BEFORE] = (baton_verdict){
		.action = BATON_ACT_REVIEW, .rule = "look", .reason = "x", .queue = ""
	};
	ask(bench, "shipping", 900000);
	hear_text(bench, "It left.");
	assert_string_equal(bench->said, "");
	hear_end(bench);
	assert_string_equal(bench->answer, "");
	assert_non_null(strstr(bench->emitted, "draft_proposed"));
}

/* --- money --- */

static void what_failed_attempts_cost_counts_for_the_turn(void **state)
{
	struct bench *bench = *state;

	/* The worst that a call can cost: a prompt of some 300 tokens, 4096 tokens of words. */
	bench->policy.budgets.turn_microusd = 10000;
	ask(bench, "shipping", 900000);
	baton_run_heard_usage(bench->run, &(baton_usage){ .in_tokens = 3000 });
	baton_run_heard_fail(bench->run, &(baton_error){ .fail = BATON_FAIL_STALL,
							 .flags = BATON_ERROR_BILLED,
							 .code = BATON_STR("stall") });
	baton_run_go(bench->run);
	assert_true(bench->run->done);
	assert_string_equal(bench->asked, "classify retrieve main");
	assert_true(board_says(bench, "\"spent_microusd\":3000,\"reserved_microusd\":0"));
	assert_string_equal(bench->why, "core.model_unavailable");
}

/* --- drills --- */

static void drill(struct bench *bench, enum baton_fault_type type, bool for_some)
{
	struct baton_now now = bench_now(bench);
	struct baton_drill storm = { .name = "storm",
				     .share_ppm = 1000000,
				     .labelled_only = for_some,
				     .start_ms = now.ms,
				     .until_ms = now.ms + 60000,
				     .n_faults = 1 };

	snprintf(storm.faults[0].target, sizeof(storm.faults[0].target), "primary");
	storm.faults[0].fault = (struct baton_fault){ .type = type, .ms = 2000, .deltas = 1 };
	if (for_some)
		snprintf(bench->session.channel, sizeof(bench->session.channel), "drill");
	assert_int_equal(baton_board_drill_start(bench->board, now, &storm,
						 &(struct baton_admin){ "root", "" }),
			 0);
}

/* The provider is not asked, and the backup answers. */
static void drilled(struct bench *bench, enum baton_fault_type type, const char *fails)
{
	drill(bench, type, false);
	ask(bench, "shipping", 900000);
	assert_string_equal(bench->fails, fails);
	assert_string_equal(bench->asked, "classify retrieve backup");
	hear_text(bench, "Today.");
	hear_end(bench);
	assert_string_equal(bench->answer, "Today.");
	assert_true(bench->substitute);
	assert_true(board_says(bench, "\"calls_running\":0"));
}

static void a_drilled_outage_reaches_no_provider(void **state)
{
	drilled(*state, BATON_FAULT_OUTAGE, "connect");
}

static void a_drilled_rate_limit_reaches_no_provider(void **state)
{
	struct bench *bench = *state;

	drill(bench, BATON_FAULT_RATE_LIMIT, false);
	ask(bench, "shipping", 900000);
	assert_string_equal(bench->fails, "rate_limited");
	pass_ms(bench, 1990); /* its hint is kept like a real one */
	assert_string_equal(bench->fails, "rate_limited");
	pass_ms(bench, 20);
	assert_string_equal(bench->fails, "rate_limited rate_limited");
	assert_string_equal(bench->asked, "classify retrieve backup");
}

static void drilled_garbage_reaches_no_provider(void **state)
{
	drilled(*state, BATON_FAULT_GARBAGE, "protocol");
}

static void drilled_silence_reaches_no_provider(void **state)
{
	drilled(*state, BATON_FAULT_EMPTY, "empty");
}

static void a_drill_switches_a_target_off(void **state)
{
	drilled(*state, BATON_FAULT_DISABLED, "");
}

static void a_drilled_cut_lets_the_provider_go(void **state)
{
	struct bench *bench = *state;

	drill(bench, BATON_FAULT_CUT, false);
	ask(bench, "shipping", 900000);
	assert_string_equal(bench->asked, "classify retrieve main");
	hear_text(bench, "It ");
	assert_int_equal(bench->cancels, 0);
	hear_text(bench, "left");
	assert_int_equal(bench->cancels, 1);
	assert_string_equal(bench->said, "It ");
	pass_ms(bench, 2);
	assert_string_equal(bench->fails, "truncated");
	assert_string_equal(bench->asked, "classify retrieve main backup");
}

static void a_drilled_stall_is_found_out_by_our_clock(void **state)
{
	struct bench *bench = *state;

	drill(bench, BATON_FAULT_STALL, false);
	ask(bench, "shipping", 900000);
	hear_text(bench, "It ");
	hear_text(bench, "left");
	assert_int_equal(bench->cancels, 1);
	assert_string_equal(bench->said, "It ");
	pass_ms(bench, 2990);
	assert_string_equal(bench->fails, "");
	pass_ms(bench, 1020); /* the bench wakes it when it asked to be woken */
	assert_string_equal(bench->fails, "stall");
}

static void a_drilled_wait_comes_before_the_call(void **state)
{
	struct bench *bench = *state;

	drill(bench, BATON_FAULT_SLOW, false);
	ask(bench, "shipping", 900000);
	assert_string_equal(bench->asked, "classify retrieve");
	pass_ms(bench, 2001);
	assert_string_equal(bench->asked, "classify retrieve main");
}

static void a_drill_for_some_turns_no_others_away(void **state)
{
	struct bench *bench = *state;

	declare(bench, BATON_MODE_PAUSE);
	assert_int_equal(baton_board_mode_leave(bench->board, bench_now(bench), "calm",
						&(struct baton_admin){ "root", "" }),
			 0);
	bench->class_.on_failure = BATON_ON_FAILURE_PAUSE;
	bench->class_.mode = &bench->modes[0];
	drill(bench, BATON_FAULT_QUOTA, true);
	ask(bench, "shipping", 900000);
	assert_true(bench->run->done);
	assert_string_equal(bench->asked, "classify retrieve");
	assert_non_null(strstr(bench->emitted, "mode_entered message_captured"));
	assert_false(mode_is_on(bench));
	assert_true(board_says(bench, "\"state\":\"closed\",\"trigger\":\"\""));
}

/* It was over when the turn began, and nobody is there to answer: it is on again, and said so. */
static void a_mode_that_comes_back_in_one_turn_is_told_again(void **state)
{
	struct bench *bench = *state;
	struct baton_admin admin = { "root", "" };

	declare(bench, BATON_MODE_PAUSE);
	assert_int_equal(baton_board_mode_leave(bench->board, bench_now(bench), "calm", &admin), 0);
	assert_int_equal(baton_board_target_disable(bench->board, bench_now(bench), "main", &admin),
			 0);
	snprintf(bench->session.mode, sizeof(bench->session.mode), "calm");
	bench->class_.on_failure = BATON_ON_FAILURE_PAUSE;
	bench->class_.mode = &bench->modes[0];
	ask(bench, "shipping", 900000);
	assert_string_equal(bench->asked, "classify retrieve");
	assert_non_null(strstr(bench->emitted, "mode_left"));
	assert_non_null(strstr(bench->emitted, "mode_entered message_captured"));
}

#define TURN(test) cmocka_unit_test_setup_teardown(test, open_bench, close_bench)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TURN(a_whole_answer_counts_as_one),
		TURN(a_failure_counts_as_that_and_the_substitute_as_one),
		TURN(who_is_cancelled_is_not_to_blame),
		TURN(an_answer_that_was_filtered_is_a_refusal),
		TURN(a_route_never_lowers_what_a_rule_has_raised),
		TURN(what_failed_attempts_cost_counts_for_the_turn),
		TURN(a_drilled_outage_reaches_no_provider),
		TURN(a_drilled_rate_limit_reaches_no_provider),
		TURN(drilled_garbage_reaches_no_provider),
		TURN(drilled_silence_reaches_no_provider),
		TURN(a_drill_switches_a_target_off),
		TURN(a_drilled_cut_lets_the_provider_go),
		TURN(a_drilled_stall_is_found_out_by_our_clock),
		TURN(a_drilled_wait_comes_before_the_call),
		TURN(a_drill_for_some_turns_no_others_away),
		TURN(a_mode_that_comes_back_in_one_turn_is_told_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
