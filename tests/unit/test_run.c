/* SPDX-License-Identifier: Apache-2.0 */

/* The life of a turn: who is asked, who may speak, and what the clock does. */

#include "core/policy/expr.h"
#include "core/policy/facts.h"
#include "tests/unit/turn_bench.h"

static void an_answer_streams_and_ends(void **state)
{
	struct bench *bench = *state;

	ask(bench, "shipping", 900000);
	assert_string_equal(bench->asked, "classify retrieve main");
	assert_string_equal(bench->system, "Be kind.");
	hear_text(bench, "\n ");
	assert_string_equal(bench->said, ""); /* white space alone opens no bubble */
	hear_text(bench, "It left");
	hear_text(bench, " today.");
	assert_string_equal(bench->said, "It left today.");
	baton_run_heard_usage(bench->run, &(baton_usage){ .in_tokens = 3000, .out_tokens = 1000 });
	hear_end(bench);
	assert_true(bench->run->done);
	assert_string_equal(bench->answer, "It left today.");
	assert_int_equal(bench->cost_microusd, 5000);
	assert_string_equal(
		bench->emitted,
		"intent_detected policy_decided sources_retrieved route_selected policy_decided "
		"answer_generated");
}

static void the_backup_speaks_when_the_main_target_is_late(void **state)
{
	struct bench *bench = *state;

	ask(bench, "shipping", 900000);
	pass_ms(bench, 3999);
	assert_string_equal(bench->asked, "classify retrieve main");
	pass_ms(bench, 2);
	assert_string_equal(bench->asked, "classify retrieve main backup");
	assert_string_equal(bench->fails, "first_token_timeout");
	assert_int_equal(bench->cancels, 1);
	hear_text(bench, "Today.");
	hear_end(bench);
	assert_string_equal(bench->answer, "Today.");
}

static void a_stalled_answer_is_withdrawn_and_begun_again(void **state)
{
	struct bench *bench = *state;

	ask(bench, "shipping", 900000);
	hear_text(bench, "It le");
	pass_ms(bench, 2000);
	hear_text(bench, "f"); /* alive: the clock begins again */
	pass_ms(bench, 2999);
	assert_string_equal(bench->fails, "");
	pass_ms(bench, 1100);
	assert_string_equal(bench->fails, "stall");
	assert_non_null(strstr(bench->emitted, "model_failed answer_superseded"));
	assert_string_equal(bench->asked, "classify retrieve main backup");
	hear_text(bench, "It left.");
	hear_end(bench);
	assert_string_equal(bench->answer, "It left.");
}

static void thinking_counts_as_life_but_not_as_words(void **state)
{
	struct bench *bench = *state;

	ask(bench, "shipping", 900000);
	pass_ms(bench, 3500);
	baton_run_heard_delta(bench->run, BATON_DELTA_REASONING, BATON_STR("hm"));
	pass_ms(bench, 1000);
	assert_string_equal(bench->fails, "");
	assert_string_equal(bench->said, "");
}

static void a_failure_is_retried_once_then_the_fallback(void **state)
{
	struct bench *bench = *state;

	ask(bench, "shipping", 900000);
	hear_fail(bench, BATON_FAIL_UNAVAILABLE, "overloaded");
	assert_string_equal(bench->asked, "classify retrieve main"); /* not at once */
	pass_ms(bench, 101);
	assert_string_equal(bench->asked, "classify retrieve main main");
	hear_fail(bench, BATON_FAIL_UNAVAILABLE, "overloaded");
	assert_string_equal(bench->asked, "classify retrieve main main backup");
	hear_fail(bench, BATON_FAIL_TIMEOUT, "timeout");
	assert_true(bench->run->done);
	assert_string_equal(bench->why, "core.model_unavailable");
}

static void a_refusal_goes_to_a_person_and_nowhere_else(void **state)
{
	struct bench *bench = *state;

	ask(bench, "shipping", 900000);
	hear_fail(bench, BATON_FAIL_REFUSED, "refused");
	assert_true(bench->run->done);
	assert_string_equal(bench->asked, "classify retrieve main");
	assert_string_equal(bench->why, "core.refused");
}

static void an_empty_answer_is_a_failure(void **state)
{
	struct bench *bench = *state;

	ask(bench, "shipping", 900000);
	hear_text(bench, "  \n");
	hear_end(bench);
	assert_string_equal(bench->fails, "empty");
	assert_string_equal(bench->asked, "classify retrieve main backup");
}

static void the_total_time_ends_in_a_person(void **state)
{
	struct bench *bench = *state;

	ask(bench, "shipping", 900000);
	for (int i = 0; i < 30 && !bench->run->done; i++) {
		hear_text(bench, "word "); /* alive, and never done */
		pass_ms(bench, 1000);
	}
	assert_true(bench->run->done);
	assert_string_equal(bench->fails, "total_timeout");
	assert_string_equal(bench->why, "core.total_time");
}

static void an_answer_without_end_is_cut(void **state)
{
	static char much[8192];
	struct bench *bench = *state;

	memset(much, 'x', sizeof(much) - 1);
	ask(bench, "shipping", 900000);
	bench->run->speaks = false; /* the recorder's page is small */
	for (int i = 0; i < 10; i++)
		hear_text(bench, much);
	baton_run_go(bench->run);
	assert_string_equal(bench->fails, "too_long_an_answer");
}

static void an_unsure_classifier_means_the_default_route(void **state)
{
	struct bench *bench = *state;

	bench->routes[0].tier = BATON_TIER_HUMAN;
	ask(bench, "shipping", 499999);
	assert_true(bench->run->done);
	assert_string_equal(bench->why, "core.tier_3");
}

static void a_dead_classifier_does_not_stop_the_turn(void **state)
{
	struct bench *bench = *state;

	bench->no_classifier = BATON_E_MODULE;
	baton_run_go(bench->run);
	assert_string_equal(bench->asked, "classify retrieve");
	pass_ms(bench, 1001); /* and neither does a dead search */
	assert_string_equal(bench->asked, "classify retrieve main");
}

static void rules_hand_over_before_any_model_is_asked(void **state)
{
	struct bench *bench = *state;

	bench->verdict[BATON_STAGE_BEFORE] = (baton_verdict){
		.action = BATON_ACT_ESCALATE, .rule = "lockout", .reason = "x", .queue = "security"
	};
	ask(bench, "shipping", 900000);
	assert_true(bench->run->done);
	assert_string_equal(bench->asked, "classify");
	assert_string_equal(bench->why, "lockout");
}

static void rules_that_cannot_be_asked_count_as_fired(void **state)
{
	struct bench *bench = *state;

	bench->no_rules = BATON_E_MODULE;
	ask(bench, "shipping", 900000);
	assert_true(bench->run->done);
	assert_string_equal(bench->why, "core.rules_failed");
}

static void rules_on_the_answer_withdraw_what_was_shown(void **state)
{
	struct bench *bench = *state;

	bench->verdict[BATON_STAGE_AFTER] = (baton_verdict){
		.action = BATON_ACT_ESCALATE, .rule = "unsure", .reason = "x", .queue = ""
	};
	ask(bench, "shipping", 900000);
	hear_text(bench, "Maybe.");
	hear_end(bench);
	assert_true(bench->run->done);
	assert_string_equal(bench->answer, "");
	assert_non_null(strstr(bench->emitted, "answer_superseded escalation_triggered"));
}

static void a_whole_answer_is_judged_before_it_is_shown(void **state)
{
	struct bench *bench = *state;

	bench->verdict[BATON_STAGE_AFTER] = (baton_verdict){
		.action = BATON_ACT_ESCALATE, .rule = "unsure", .reason = "x", .queue = ""
	};
	ask(bench, "shipping", 900000);
	baton_run_heard_whole(bench->run, BATON_STR(" \nMaybe."));
	assert_string_equal(bench->said, "");
	hear_end(bench);
	assert_true(bench->run->done);
	assert_null(strstr(bench->emitted, "answer_superseded"));
	assert_non_null(strstr(bench->emitted, "escalation_triggered"));
}

static void a_whole_answer_comes_with_its_event(void **state)
{
	struct bench *bench = *state;

	ask(bench, "shipping", 900000);
	baton_run_heard_whole(bench->run, BATON_STR(" \nIt left today."));
	hear_end(bench);
	assert_true(bench->run->done);
	assert_string_equal(bench->said, "");
	assert_string_equal(bench->answer, "It left today.");
}

static void rules_that_want_a_review_withdraw_what_was_shown(void **state)
{
	struct bench *bench = *state;

	bench->verdict[BATON_STAGE_AFTER] = (baton_verdict){
		.action = BATON_ACT_REVIEW, .rule = "unsure", .reason = "x", .queue = ""
	};
	ask(bench, "shipping", 900000);
	hear_text(bench, "Maybe.");
	assert_string_equal(bench->said, "Maybe.");
	hear_end(bench);
	assert_true(bench->run->done);
	assert_non_null(strstr(bench->emitted, "answer_superseded draft_proposed"));
}

/* R106: whatever the route's tier is, and whatever rules say before and after, in any combination:
 * the answer of a tier above 1 never goes out by itself, and no verdict makes it do so. */
static void tiers_only_go_up(void **state)
{
	static const uint32_t actions[] = { BATON_ACT_NONE, BATON_ACT_OFFER_HUMAN,
					    BATON_ACT_REVIEW };

	for (unsigned i = 0; i < 3 * 3 * 2; i++) {
		struct bench *bench = *state;
		unsigned tier = i % 2 + 1;
		uint32_t before = actions[i / 2 % 3], after = actions[i / 6];

		bench->routes[1].tier = tier;
		bench->verdict[BATON_STAGE_BEFORE].action = before;
		bench->verdict[BATON_STAGE_AFTER].action = after;
		ask(bench, "shipping", 900000);
		hear_text(bench, "It left.");
		hear_end(bench);
		assert_true(bench->run->done);
		bool reviewed = tier > 1 || before == BATON_ACT_REVIEW || after == BATON_ACT_REVIEW;
		assert_true((strstr(bench->emitted, "draft_proposed") != NULL) == reviewed);
		assert_true((strstr(bench->emitted, "answer_generated") != NULL) == !reviewed);
		close_bench(state);
		open_bench(state);
	}
}

static void tier_two_drafts_in_silence(void **state)
{
	struct bench *bench = *state;

	bench->routes[1].tier = BATON_TIER_REVIEWED;
	ask(bench, "shipping", 900000);
	hear_text(bench, "It left.");
	assert_string_equal(bench->said, "");
	hear_end(bench);
	assert_non_null(strstr(bench->emitted, "draft_proposed"));
	assert_string_equal(bench->answer, "");
}

static void a_substitute_only_drafts_where_the_class_says_so(void **state)
{
	struct bench *bench = *state;

	bench->class_.on_failure = BATON_ON_FAILURE_REVIEW;
	ask(bench, "shipping", 900000);
	hear_fail(bench, BATON_FAIL_TIMEOUT, "timeout");
	hear_text(bench, "It left.");
	assert_string_equal(bench->said, "");
	hear_end(bench);
	assert_non_null(strstr(bench->emitted, "draft_proposed"));
}

static void a_critical_class_goes_to_a_person_at_once(void **state)
{
	struct bench *bench = *state;

	bench->class_.on_failure = BATON_ON_FAILURE_ESCALATE;
	ask(bench, "shipping", 900000);
	hear_fail(bench, BATON_FAIL_TIMEOUT, "timeout");
	assert_true(bench->run->done);
	assert_string_equal(bench->asked, "classify retrieve main");
	assert_string_equal(bench->why, "core.person_first");
}

static void a_refused_outcome_ends_in_silence(void **state)
{
	struct bench *bench = *state;

	ask(bench, "shipping", 900000);
	hear_text(bench, "It left.");
	bench->refuse = BATON_E_STALE; /* a person was faster */
	hear_end(bench);
	assert_true(bench->run->done);
	assert_string_equal(bench->emitted, "");
}

static void a_cancelled_run_says_what_was_shown(void **state)
{
	struct bench *bench = *state;

	ask(bench, "shipping", 900000);
	hear_text(bench, "It le");
	struct baton_ev_answer_superseded shown = baton_run_shown(bench->run);
	assert_true(baton_str_is(shown.text, "It le"));
	assert_int_equal(shown.attempt, 1);
	baton_run_cancel(bench->run, BATON_CANCEL_SUPERSEDED);
	assert_true(bench->run->done);
	assert_int_equal(bench->cancels, 1);
}

/* --- rescue in mid-answer --- */

static void a_target_that_can_goes_on_from_what_was_shown(void **state)
{
	struct bench *bench = *state;

	bench->targets[1].can_continue = true;
	ask(bench, "shipping", 900000);
	hear_text(bench, "It left ");
	hear_fail(bench, BATON_FAIL_TRUNCATED, "truncated");
	assert_string_equal(bench->asked, "classify retrieve main backup");
	assert_string_equal(bench->prefill, "It left ");
	assert_null(strstr(bench->emitted, "answer_superseded"));
	hear_text(bench, "today.");
	assert_string_equal(bench->said, "It left today.");
	hear_end(bench);
	assert_string_equal(bench->answer, "It left today.");
}

static void a_continuation_that_says_nothing_is_empty_and_withdrawn(void **state)
{
	struct bench *bench = *state;

	bench->targets[1].can_continue = true;
	ask(bench, "shipping", 900000);
	hear_text(bench, "It left ");
	hear_fail(bench, BATON_FAIL_TRUNCATED, "truncated");
	hear_end(bench);
	assert_string_equal(bench->fails, "truncated empty");
	assert_true(bench->run->done);
	assert_non_null(strstr(bench->emitted, "answer_superseded escalation_triggered"));
}

static void a_stream_below_the_floor_is_given_up(void **state)
{
	struct bench *bench = *state;

	bench->routes[1].min_tokens_per_s = 2;
	ask(bench, "shipping", 900000);
	for (int i = 0; i < 6 && !bench->fails[0]; i++) {
		hear_text(bench, "a ");
		pass_ms(bench, 1000);
	}
	assert_string_equal(bench->fails, "too_slow");
	assert_string_equal(bench->asked, "classify retrieve main backup");
}

/* --- modes --- */

static void intake_queues_it_and_says_so(void **state)
{
	struct bench *bench = *state;

	declare(bench, BATON_MODE_INTAKE);
	ask(bench, "shipping", 900000);
	assert_true(bench->run->done);
	assert_string_equal(bench->asked, "classify");
	assert_string_equal(bench->emitted,
			    "intent_detected policy_decided mode_entered escalation_triggered");
	assert_string_equal(bench->why, "mode.calm");
	assert_string_equal(bench->resumes, "mode:calm");
	assert_string_equal(bench->told, "It takes longer today.");
}

static void a_pause_keeps_the_message(void **state)
{
	struct bench *bench = *state;

	declare(bench, BATON_MODE_PAUSE);
	ask(bench, "shipping", 900000);
	assert_true(bench->run->done);
	assert_string_equal(bench->emitted,
			    "intent_detected policy_decided mode_entered message_captured");
	assert_string_equal(bench->told, "It takes longer today.");
}

static void a_template_is_a_draft(void **state)
{
	struct bench *bench = *state;

	declare(bench, BATON_MODE_TEMPLATED);
	ask(bench, "shipping", 900000);
	assert_true(bench->run->done);
	assert_string_equal(bench->asked, "classify");
	assert_non_null(strstr(bench->emitted, "mode_entered draft_proposed"));
	assert_string_equal(bench->told, "Be kind.");
}

static void a_substitute_mode_asks_its_target(void **state)
{
	struct bench *bench = *state;

	declare(bench, BATON_MODE_SUBSTITUTE);
	ask(bench, "shipping", 900000);
	assert_string_equal(bench->asked, "classify retrieve backup");
	hear_text(bench, "It left.");
	hear_end(bench);
	assert_string_equal(bench->answer, "It left.");
}

static void the_classes_own_mode_takes_what_nobody_can_answer(void **state)
{
	struct bench *bench = *state;

	declare(bench, BATON_MODE_PAUSE);
	assert_int_equal(baton_board_mode_leave(bench->board, bench_now(bench), "calm",
						&(struct baton_admin){ "root", "" }),
			 0);
	bench->class_.on_failure = BATON_ON_FAILURE_PAUSE;
	bench->class_.mode = &bench->modes[0];
	ask(bench, "shipping", 900000);
	hear_fail(bench, BATON_FAIL_QUOTA, "quota");
	assert_true(bench->run->done);
	assert_string_equal(bench->asked, "classify retrieve main");
	assert_non_null(strstr(bench->emitted, "mode_entered message_captured"));
	assert_int_equal(bench->upto, 3); /* the message that was kept, no less */
	assert_true(mode_is_on(bench));   /* and the next customer is told at once */
}

static void a_drill_for_some_puts_nobody_else_into_a_mode(void **state)
{
	static const struct baton_admin admin = { "root", "test" };
	struct bench *bench = *state;
	struct baton_mode_view view;
	struct baton_drill drill = { .name = "some",
				     .share_ppm = 999999,
				     .start_ms = bench_now(bench).ms,
				     .until_ms = bench_now(bench).ms + 60000,
				     .n_faults = 1,
				     .faults = { { .target = "main",
						   .fault = { .type = BATON_FAULT_OUTAGE } } } };

	declare(bench, BATON_MODE_PAUSE);
	assert_int_equal(baton_board_mode_leave(bench->board, bench_now(bench), "calm", &admin), 0);
	bench->class_.on_failure = BATON_ON_FAILURE_PAUSE;
	bench->class_.mode = &bench->modes[0];
	assert_int_equal(baton_board_drill_start(bench->board, bench_now(bench), &drill, &admin),
			 0);
	ask(bench, "shipping", 900000);
	for (int i = 0; i < 5; i++)
		pass_ms(bench, 300);
	assert_true(bench->run->done);
	assert_string_equal(bench->asked, "classify retrieve");
	assert_non_null(strstr(bench->emitted, "mode_entered message_captured"));
	assert_false(baton_board_mode(bench->board, bench_now(bench), &bench->policy,
				      &bench->routes[1], &view));
}

static void a_mode_that_is_over_is_told(void **state)
{
	struct bench *bench = *state;

	snprintf(bench->session.mode, sizeof(bench->session.mode), "calm");
	ask(bench, "shipping", 900000);
	hear_text(bench, "It left.");
	hear_end(bench);
	assert_non_null(strstr(bench->emitted, "mode_left"));
}

static void work_that_needs_a_guard_stops_without_it(void **state)
{
	struct bench *bench = *state;
	const char *needs[] = { "guard" };

	bench->class_.needs = needs;
	bench->class_.n_needs = 1;
	bench->no_guard = true;
	ask(bench, "shipping", 900000);
	assert_true(bench->run->done);
	assert_string_equal(bench->asked, "classify");
	assert_string_equal(bench->why, "core.guard_missing");
}

/* The second decision of a turn records only what is different by then. */
static void what_rules_saw_is_on_record(void **state)
{
	struct bench *bench = *state;
	struct baton_buf saw = { NULL, 0, 0 }, read = { NULL, 0, 0 };
	struct baton_arena arena = { NULL, 0 };
	baton_facts facts = { .size = sizeof(facts) };

	ask(bench, "shipping", 900000);
	baton_facts_json(&bench->facts[BATON_STAGE_BEFORE], &saw);
	/* The customer signs who he is while the model thinks. */
	snprintf(bench->session.customer_tier, sizeof(bench->session.customer_tier), "gold");
	hear_text(bench, "It left.");
	hear_end(bench);
	assert_string_equal(bench->on_record[0], saw.p);
	assert_null(strstr(bench->on_record[1], "shipping"));
	assert_non_null(strstr(bench->on_record[1], "\"customer_tier\":\"gold\""));
	assert_int_equal(baton_facts_parse(baton_str_of(bench->on_record[0]), &arena, &facts), 0);
	assert_int_equal(baton_env_parse(&baton_env_facts, baton_str_of(bench->on_record[1]),
					 &arena, &facts),
			 0);
	baton_buf_reset(&saw);
	baton_facts_json(&bench->facts[BATON_STAGE_AFTER], &saw);
	baton_facts_json(&facts, &read);
	assert_string_equal(read.p, saw.p);
	baton_arena_done(&arena);
	baton_buf_done(&saw);
	baton_buf_done(&read);
}

#define TURN(test) cmocka_unit_test_setup_teardown(test, open_bench, close_bench)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TURN(an_answer_streams_and_ends),
		TURN(the_backup_speaks_when_the_main_target_is_late),
		TURN(a_stalled_answer_is_withdrawn_and_begun_again),
		TURN(thinking_counts_as_life_but_not_as_words),
		TURN(a_failure_is_retried_once_then_the_fallback),
		TURN(a_refusal_goes_to_a_person_and_nowhere_else),
		TURN(an_empty_answer_is_a_failure),
		TURN(the_total_time_ends_in_a_person),
		TURN(an_answer_without_end_is_cut),
		TURN(an_unsure_classifier_means_the_default_route),
		TURN(a_dead_classifier_does_not_stop_the_turn),
		TURN(rules_hand_over_before_any_model_is_asked),
		TURN(rules_that_cannot_be_asked_count_as_fired),
		TURN(rules_on_the_answer_withdraw_what_was_shown),
		TURN(a_whole_answer_is_judged_before_it_is_shown),
		TURN(a_whole_answer_comes_with_its_event),
		TURN(rules_that_want_a_review_withdraw_what_was_shown),
		TURN(tiers_only_go_up),
		TURN(tier_two_drafts_in_silence),
		TURN(a_substitute_only_drafts_where_the_class_says_so),
		TURN(a_critical_class_goes_to_a_person_at_once),
		TURN(a_refused_outcome_ends_in_silence),
		TURN(a_cancelled_run_says_what_was_shown),
		TURN(a_target_that_can_goes_on_from_what_was_shown),
		TURN(a_continuation_that_says_nothing_is_empty_and_withdrawn),
		TURN(a_stream_below_the_floor_is_given_up),
		TURN(intake_queues_it_and_says_so),
		TURN(a_pause_keeps_the_message),
		TURN(a_template_is_a_draft),
		TURN(a_substitute_mode_asks_its_target),
		TURN(the_classes_own_mode_takes_what_nobody_can_answer),
		TURN(a_drill_for_some_puts_nobody_else_into_a_mode),
		TURN(a_mode_that_is_over_is_told),
		TURN(work_that_needs_a_guard_stops_without_it),
		TURN(what_rules_saw_is_on_record),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
