/* SPDX-License-Identifier: Apache-2.0 */

/* The rows S01 to S16 of docs/FAULTS.md as arithmetic: what the board does about each, in virtual
 * time, with its defaults. The same rows run over sockets in tests/e2e. */

#include "tests/unit/board_rig.h"

/* The primary as `fail` says while `sick_ms` last, or for `sick_calls`; all others answer. */
static struct {
	uint32_t fail, scope, hint_ms;
	uint64_t takes_ms, sick_calls, well_from_ms;
	bool shows;
} sick;

static void first_is_sick(struct rig *rig, const struct baton_choice *choice,
			  struct baton_outcome *ret, bool *ret_showed)
{
	bool is_sick = choice->target == rig->route.primary && rig->calls[0] <= sick.sick_calls &&
		       rig->ms < sick.well_from_ms;

	if (!is_sick) {
		rig_answer(ret);
		return;
	}
	rig_fail(ret, sick.fail, sick.takes_ms);
	ret->scope = sick.scope;
	ret->retry_after_ms = sick.hint_ms;
	*ret_showed = sick.shows;
}

static void fall_sick(struct rig *rig, uint32_t fail, uint64_t calls, uint64_t takes_ms)
{
	rig_open(rig);
	rig->provider = first_is_sick;
	memset(&sick, 0, sizeof(sick));
	sick.fail = fail;
	sick.sick_calls = calls;
	sick.takes_ms = takes_ms;
	sick.well_from_ms = UINT64_MAX;
}

static void s01_a_hint_of_two_seconds_is_kept(void **state)
{
	struct rig rig;

	(void)state;
	fall_sick(&rig, BATON_FAIL_RATE_LIMITED, 1, 20);
	sick.hint_ms = 2000;
	assert_string_equal(rig_turn(&rig), "main");
	assert_int_equal(rig.n_past, 2);
	assert_true(rig.began_ms[1] - rig.began_ms[0] >= 1800);
	assert_true(rig.ms <= 4000);
	rig_close(&rig);
}

static void s01_a_hint_above_the_budget_goes_to_the_fallback(void **state)
{
	struct rig rig;

	(void)state;
	fall_sick(&rig, BATON_FAIL_RATE_LIMITED, 1, 20);
	sick.hint_ms = 20000;
	assert_string_equal(rig_turn(&rig), "spare");
	assert_int_equal(rig.choices[1].trigger, BATON_TRIGGER_THROTTLED);
	assert_true(rig.ms < 1500);
	rig_close(&rig);
}

static void s02_throttled_for_ever_is_few_calls_and_then_the_fallback(void **state)
{
	struct rig rig;

	(void)state;
	fall_sick(&rig, BATON_FAIL_RATE_LIMITED, UINT64_MAX, 20);
	assert_string_equal(rig_turn(&rig), "spare");
	assert_true(rig.calls[0] <= 4);
	assert_true(rig.began_ms[rig.n_past - 1] < 3000);
	/* And the next one does not ask it at once. */
	assert_string_equal(rig_turn(&rig), "spare");
	assert_int_equal(rig.choices[0].skipped[0].trigger, BATON_TRIGGER_THROTTLED);
	rig_close(&rig);
}

static void alone_and_throttled_it_is_asked_now_or_when_it_said(void **state)
{
	struct rig rig;
	uint64_t calls;

	(void)state;
	fall_sick(&rig, BATON_FAIL_RATE_LIMITED, UINT64_MAX, 20);
	rig.route.n_fallbacks = 0;
	for (int i = 0; i < 10; i++) {
		calls = rig.calls[0];
		assert_string_equal(rig_turn(&rig), "nobody");
		assert_in_range(rig.calls[0] - calls, 1, 4);
		assert_true(rig.began_ms[rig.n_past - 1] - rig.began_ms[0] < 3000);
	}
	/* With a word of when, then. */
	sick.hint_ms = 9000;
	rig.ms += 60000;
	(void)rig_turn(&rig);
	sick.sick_calls = 0;
	uint64_t before_ms = rig.ms;

	assert_string_equal(rig_turn(&rig), "main");
	assert_in_range(rig.began_ms[0] - before_ms, 8000, 9250);
	rig_close(&rig);
}

static void s03_a_500_is_tried_once_more(void **state)
{
	struct rig rig;

	(void)state;
	fall_sick(&rig, BATON_FAIL_UNAVAILABLE, 1, 20);
	assert_string_equal(rig_turn(&rig), "main");
	assert_int_equal(rig.calls[0], 2);
	assert_string_equal(rig.choices[1].reason, "retry");
	assert_true(rig.choices[1].delay_ms < 250);
	rig_close(&rig);
}

static void a_provider_that_asks_not_to_be_asked_again_is_not(void **state)
{
	struct rig rig;
	struct baton_choice choice;

	(void)state;
	rig_open(&rig);
	rig.past[rig.n_past++] = (struct baton_attempt){ .target = rig.route.primary,
							 .fail = BATON_FAIL_UNAVAILABLE,
							 .failed = true };
	struct baton_ask ask = rig_ask(&rig);
	assert_string_equal(rig_next(&rig, &ask, &choice), "main");
	rig.past[0].not_again = true;
	assert_string_equal(rig_next(&rig, &ask, &choice), "spare");
	rig_close(&rig);
}

static void s04_a_503_for_ever_ends_at_the_fallback(void **state)
{
	struct rig rig;

	(void)state;
	fall_sick(&rig, BATON_FAIL_OVERLOADED, UINT64_MAX, 20);
	assert_string_equal(rig_turn(&rig), "spare");
	assert_int_equal(rig.calls[0], 2);
	assert_string_equal(rig.choices[2].reason, "fallback");
	assert_int_equal(rig.choices[2].trigger, BATON_TRIGGER_UNREACHABLE);
	assert_int_equal(rig.choices[2].delay_ms, 0);
	rig_close(&rig);
}

static void s05_a_reset_is_followed_by_somebody_who_answers(void **state)
{
	struct rig rig;

	(void)state;
	fall_sick(&rig, BATON_FAIL_CONNECT, 1, 5);
	assert_string_equal(rig_turn(&rig), "spare");
	/* Alone, it is asked once more. */
	rig_close(&rig);
	fall_sick(&rig, BATON_FAIL_CONNECT, 1, 5);
	rig.route.n_fallbacks = 0;
	assert_string_equal(rig_turn(&rig), "main");
	assert_int_equal(rig.calls[0], 2);
	rig_close(&rig);
}

static void s06_s07_a_silent_one_is_asked_once_and_rescued_in_eleven_seconds(void **state)
{
	struct rig rig;

	(void)state;
	fall_sick(&rig, BATON_FAIL_FIRST_TOKEN, UINT64_MAX, BATON_FIRST_TOKEN_MS);
	assert_string_equal(rig_turn(&rig), "spare");
	assert_int_equal(rig.calls[0], 1);
	assert_true(rig.ms <= 11000);
	assert_int_equal(rig.choices[1].trigger, BATON_TRIGGER_SLOW);
	rig_close(&rig);
}

static void s08_s09_a_cut_answer_is_begun_again_by_another(void **state)
{
	struct rig rig;

	(void)state;
	fall_sick(&rig, BATON_FAIL_TRUNCATED, 1, 700);
	sick.shows = true;
	assert_string_equal(rig_turn(&rig), "spare");
	assert_false(rig.choices[1].proceed);
	assert_true(rig.ms - 700 <= 3000);
	rig_close(&rig);

	fall_sick(&rig, BATON_FAIL_STALL, 1, BATON_STALL_MS);
	sick.shows = true;
	rig.targets[1].can_continue = true;
	assert_string_equal(rig_turn(&rig), "spare");
	assert_true(rig.choices[1].proceed);
	assert_string_equal(rig.choices[1].reason, "continue");
	rig_close(&rig);
}

static void s12_only_a_larger_context_is_asked_after_too_long(void **state)
{
	struct rig rig;

	(void)state;
	fall_sick(&rig, BATON_FAIL_TOO_LONG, UINT64_MAX, 20);
	rig.targets[0].context_tokens = 8000;
	rig.targets[1].context_tokens = 8000;
	rig.targets[2].context_tokens = 128000;
	assert_string_equal(rig_turn(&rig), "other");
	assert_int_equal(rig.calls[0], 1);
	assert_int_equal(rig.calls[1], 0);
	assert_int_equal(rig.choices[1].skipped[0].trigger, BATON_TRIGGER_UNFIT);
	assert_int_equal(rig.choices[1].trigger, BATON_TRIGGER_UNFIT);
	rig_close(&rig);
}

static void s13_a_refusal_is_never_routed_around(void **state)
{
	struct rig rig;

	(void)state;
	fall_sick(&rig, BATON_FAIL_REFUSED, UINT64_MAX, 20);
	assert_string_equal(rig_turn(&rig), "nobody");
	assert_int_equal(rig.n_past, 1);
	assert_true(rig.choices[1].to_person);
	assert_int_equal(rig.choices[1].trigger, BATON_TRIGGER_REFUSED);
	/* It says nothing about the model. */
	for (int i = 0; i < 10; i++)
		(void)rig_turn(&rig);
	assert_int_equal(rig.calls[0], 11);
	rig_close(&rig);
}

/* Cut by the first; the second refuses half answers and answers whole ones. */
static void no_half_answers(struct rig *rig, const struct baton_choice *choice,
			    struct baton_outcome *ret, bool *ret_showed)
{
	if (choice->target == rig->route.primary) {
		rig_fail(ret, BATON_FAIL_TRUNCATED, 500);
		*ret_showed = true;
	} else if (choice->proceed) {
		rig_fail(ret, BATON_FAIL_BAD_REQUEST, 20);
	} else {
		rig_answer(ret);
	}
}

static void s14_a_refused_half_answer_is_a_clean_start(void **state)
{
	struct rig rig;

	(void)state;
	rig_open(&rig);
	rig.provider = no_half_answers;
	rig.targets[1].can_continue = true;
	assert_string_equal(rig_turn(&rig), "spare");
	assert_int_equal(rig.n_past, 3);
	assert_true(rig.choices[1].proceed);
	assert_false(rig.choices[2].proceed);
	rig_close(&rig);
}

/* 100 outages of a minute with a request each four seconds, each at another moment between two. */
static void s15_an_outage_costs_five_calls_and_ends_within_thirty_seconds(void **state)
{
	uint64_t most_calls = 0, latest_ms = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= 100; seed++) {
		struct rig rig;
		uint64_t back_ms = 0;

		fall_sick(&rig, BATON_FAIL_OVERLOADED, UINT64_MAX, 5);
		rig.random *= seed;
		sick.well_from_ms = 60000;
		for (uint64_t at = seed * 40; at < 100000; at += 4000) {
			rig.ms = at;
			const char *by = rig_turn(&rig);

			assert_string_not_equal(by, "nobody");
			if (at < sick.well_from_ms)
				most_calls = rig.calls[0] > most_calls ? rig.calls[0] : most_calls;
			if (back_ms == 0 && strcmp(by, "main") == 0)
				back_ms = at - sick.well_from_ms;
		}
		assert_true(back_ms > 0);
		latest_ms = back_ms > latest_ms ? back_ms : latest_ms;
		rig_close(&rig);
	}
	print_message("# an outage of 60 s: at most %llu calls of the primary, back after %.1f s\n",
		      (unsigned long long)most_calls, (double)latest_ms / 1e3);
	assert_true(most_calls <= 5);
	assert_true(latest_ms <= 30000);
}

static void s16_the_fallback_pays_and_nobody_else(void **state)
{
	struct rig rig;
	struct baton_buf json = { 0 };

	(void)state;
	fall_sick(&rig, BATON_FAIL_OVERLOADED, UINT64_MAX, 5);
	assert_string_equal(rig_turn(&rig), "spare");
	assert_true(rig.choices[2].substitute);
	baton_board_json(rig.board, rig_now(&rig), &json);
	assert_non_null(strstr(json.p, "\"overloaded\":2"));
	baton_buf_done(&json);
	rig_close(&rig);
}

static void b05_b06_a_closed_account_closes_all_its_models(void **state)
{
	struct rig rig;

	(void)state;
	fall_sick(&rig, BATON_FAIL_QUOTA, UINT64_MAX, 20);
	sick.scope = BATON_SCOPE_ACCOUNT;
	assert_string_equal(rig_turn(&rig), "other");
	assert_int_equal(rig.calls[1], 0);
	assert_int_equal(rig.choices[1].skipped[0].trigger, BATON_TRIGGER_QUOTA);
	assert_string_equal(rig_turn(&rig), "other");
	assert_int_equal(rig.calls[0], 1);
	baton_board_tick(rig.board, rig_now(&rig));
	assert_int_equal(rig_count(&rig, BATON_HAPPENED_ACCOUNT, "acme", "closed"), 1);
	assert_int_equal(rig_count(&rig, BATON_HAPPENED_TARGET, "spare", "account_closed"), 1);
	/* Ten minutes later one call finds out, and only one. */
	rig.ms += 600000;
	assert_string_equal(rig_turn(&rig), "other");
	assert_true(rig.choices[0].probe);
	assert_int_equal(rig.calls[0] + rig.calls[1], 2);
	sick.fail = BATON_FAIL_ACCESS;
	rig.ms += 600000;
	assert_string_equal(rig_turn(&rig), "other");
	rig.ms += 600000; /* access: half an hour */
	assert_string_equal(rig_turn(&rig), "other");
	assert_int_equal(rig.calls[0], 3);
	sick.sick_calls = 0;
	rig.ms += 1200000;
	assert_string_equal(rig_turn(&rig), "main");
	assert_string_equal(rig_turn(&rig), "main");
	assert_string_equal(rig.choices[0].reason, "primary");
	rig_close(&rig);
}

static void b07_a_model_that_is_gone_is_not_asked_again(void **state)
{
	struct rig rig;

	(void)state;
	fall_sick(&rig, BATON_FAIL_MODEL_GONE, UINT64_MAX, 20);
	for (int i = 0; i < 10; i++)
		assert_string_equal(rig_turn(&rig), "spare");
	assert_int_equal(rig.calls[0], 1);
	rig_close(&rig);
}

static void everybody_is_down(struct rig *rig, const struct baton_choice *choice,
			      struct baton_outcome *ret, bool *ret_showed)
{
	(void)rig;
	(void)choice;
	(void)ret_showed;
	rig_fail(ret, BATON_FAIL_OVERLOADED, 5);
}

static void b11_with_everybody_down_somebody_is_asked_rather_than_nobody(void **state)
{
	struct rig rig;

	(void)state;
	rig_open(&rig);
	rig.provider = everybody_is_down;
	for (int i = 0; i < 5; i++) {
		assert_string_equal(rig_turn(&rig), "nobody");
		assert_true(rig.n_past >= 1);
		assert_int_equal(rig.choices[rig.n_past].trigger, BATON_TRIGGER_ALL_DOWN);
		assert_false(rig.choices[rig.n_past].to_person);
		rig.ms += 1000;
	}
	/* One that works again is found at once. */
	rig.provider = rig_all_well;
	assert_string_not_equal(rig_turn(&rig), "nobody");
	rig_close(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(s01_a_hint_of_two_seconds_is_kept),
		cmocka_unit_test(s01_a_hint_above_the_budget_goes_to_the_fallback),
		cmocka_unit_test(s02_throttled_for_ever_is_few_calls_and_then_the_fallback),
		cmocka_unit_test(alone_and_throttled_it_is_asked_now_or_when_it_said),
		cmocka_unit_test(s03_a_500_is_tried_once_more),
		cmocka_unit_test(a_provider_that_asks_not_to_be_asked_again_is_not),
		cmocka_unit_test(s04_a_503_for_ever_ends_at_the_fallback),
		cmocka_unit_test(s05_a_reset_is_followed_by_somebody_who_answers),
		cmocka_unit_test(s06_s07_a_silent_one_is_asked_once_and_rescued_in_eleven_seconds),
		cmocka_unit_test(s08_s09_a_cut_answer_is_begun_again_by_another),
		cmocka_unit_test(s12_only_a_larger_context_is_asked_after_too_long),
		cmocka_unit_test(s13_a_refusal_is_never_routed_around),
		cmocka_unit_test(s14_a_refused_half_answer_is_a_clean_start),
		cmocka_unit_test(s15_an_outage_costs_five_calls_and_ends_within_thirty_seconds),
		cmocka_unit_test(s16_the_fallback_pays_and_nobody_else),
		cmocka_unit_test(b05_b06_a_closed_account_closes_all_its_models),
		cmocka_unit_test(b07_a_model_that_is_gone_is_not_asked_again),
		cmocka_unit_test(b11_with_everybody_down_somebody_is_asked_rather_than_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
