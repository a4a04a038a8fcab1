/* SPDX-License-Identifier: Apache-2.0 */

/* What turns came to, in sliding windows, and the alert that looks at three things together. */

#include "tests/unit/unit.h"

#include "core/base/buf.h"
#include "core/base/json.h"
#include "core/policy/expr.h"
#include "core/policy/mode_facts.h"
#include "core/route/alert.h"
#include "core/route/tally.h"

#include <stdio.h>
#include <string.h>

enum { PPM = 1000000, SECOND = 1000, MINUTE = 60000 };

static struct baton_now at(uint64_t ms)
{
	return (struct baton_now){ ms, 1800000000000ull + ms };
}

static const struct baton_turn_report answered = { .intent = "refund",
						   .class_name = "money",
						   .answered = true };

/* --- tallies --- */

static void what_is_older_than_the_window_is_gone(void **state)
{
	struct baton_tallies tallies;
	struct baton_counts counts;

	(void)state;
	baton_tallies_init(&tallies, 77000);
	baton_tallies_report(&tallies, at(77000), &answered);
	baton_tallies_report(&tallies, at(77000 + 4 * MINUTE), &answered);
	baton_tallies_intent(&tallies, at(77000 + 4 * MINUTE), "refund", &counts);
	assert_int_equal(counts.n[BATON_TALLY_ANSWERED], 2);
	baton_tallies_intent(&tallies, at(77000 + 5 * MINUTE), "refund", &counts);
	assert_int_equal(counts.n[BATON_TALLY_ANSWERED], 1);
	baton_tallies_intent(&tallies, at(77000 + 9 * MINUTE + 10 * SECOND), "refund", &counts);
	assert_int_equal(counts.n[BATON_TALLY_ANSWERED], 0);
	/* After a long silence the ring has been passed more than once. */
	baton_tallies_report(&tallies, at(77000 + 900 * MINUTE), &answered);
	baton_tallies_intent(&tallies, at(77000 + 900 * MINUTE), "refund", &counts);
	assert_int_equal(counts.n[BATON_TALLY_TURNS], 1);
	baton_tallies_intent(&tallies, at(77000 + 900 * MINUTE), "nobody asked", &counts);
	assert_int_equal(counts.n[BATON_TALLY_TURNS], 0);
	baton_tallies_done(&tallies);
}

/* The ring against a list of everything that was ever added. */
static void the_window_is_the_sum_of_what_is_in_it(void **state)
{
	enum { STEPS = 3000 };
	static uint64_t when[STEPS];
	struct baton_tally tally;
	struct baton_counts one = { .n = { [BATON_TALLY_TURNS] = 1 } };
	uint64_t now = 12345, random = 1;

	(void)state;
	baton_tally_init(&tally, now, 30000);
	for (unsigned i = 0; i < STEPS; i++) {
		random = random * 6364136223846793005ull + 1442695040888963407ull;
		now += random >> 33 & 1 ? (random >> 40) % 500 : (random >> 40) % 9000;
		when[i] = now;
		baton_tally_add(&tally, now, &one);
		unsigned inside = 0;
		for (unsigned k = 0; k <= i; k++)
			inside += when[k] / 1000 + BATON_TALLY_SLICES > now / 1000;
		assert_int_equal(baton_tally_window(&tally, now)->n[BATON_TALLY_TURNS], inside);
	}
}

static void every_field_of_a_report_is_counted(void **state)
{
	const struct baton_turn_report all = { .answered = true,
					       .drafted = true,
					       .handed_over = true,
					       .captured = true,
					       .degraded = true,
					       .low_confidence = true,
					       .retrieval_empty = true,
					       .stale = true,
					       .tool_calls = 3,
					       .tool_errors = 2 };
	static const char *const words[] = { "accepted", "edited", "rejected", "up", "down" };
	struct baton_counts counts;

	(void)state;
	baton_counts_of_turn(&all, &counts);
	for (unsigned k = 0; k < BATON_TALLY_ACCEPTED; k++)
		assert_int_equal(counts.n[k], k == BATON_TALLY_TOOL_CALLS    ? 3
					      : k == BATON_TALLY_TOOL_ERRORS ? 2
									     : 1);
	for (unsigned i = 0; i < 5; i++) {
		assert_true(baton_counts_of_judgement(baton_str_of(words[i]), &counts));
		assert_int_equal(counts.n[BATON_TALLY_ACCEPTED + i], 1);
	}
	assert_false(baton_counts_of_judgement(BATON_STR("answered"), &counts));
	assert_false(baton_counts_of_judgement(BATON_STR(""), &counts));
}

static void few_samples_are_no_share(void **state)
{
	struct baton_counts counts = { .n = { [BATON_TALLY_REJECTED] = 9,
					      [BATON_TALLY_TOOL_CALLS] = 9,
					      [BATON_TALLY_TOOL_ERRORS] = 9 } };

	(void)state;
	assert_int_equal(baton_counts_override_ppm(&counts), 0);
	assert_int_equal(baton_counts_tool_success_ppm(&counts), PPM);
	counts.n[BATON_TALLY_ACCEPTED] = 1;
	counts.n[BATON_TALLY_TOOL_CALLS] = 10;
	assert_int_equal(baton_counts_override_ppm(&counts), 900000);
	assert_int_equal(baton_counts_tool_success_ppm(&counts), 100000);
	/* A module that reports more errors than calls. */
	counts.n[BATON_TALLY_TOOL_ERRORS] = 4000000000u;
	assert_int_equal(baton_counts_tool_success_ppm(&counts), 0);
}

static void a_scope_is_the_sum_of_its_intents_and_classes(void **state)
{
	static const char *intents[] = { "refund" }, *classes[] = { "drafting" };
	const struct baton_mode_def scope = {
		.intents = intents, .n_intents = 1, .classes = classes, .n_classes = 1
	};
	const struct baton_mode_def everybody = { .name = "all" };
	static const char *const rows[][2] = {
		{ "refund", "money" }, { "summary", "drafting" }, { "hello", "chat" }, { "", "" }
	};
	struct baton_tallies tallies;
	struct baton_counts counts;

	(void)state;
	baton_tallies_init(&tallies, 0);
	for (unsigned i = 0; i < 4; i++) {
		const struct baton_turn_report report = { .intent = rows[i][0],
							  .class_name = rows[i][1] };

		for (unsigned k = 0; k < 1u << i; k++)
			baton_tallies_report(&tallies, at(5), &report);
	}
	baton_tallies_scope(&tallies, at(5), &scope, &counts);
	assert_int_equal(counts.n[BATON_TALLY_TURNS], 3);
	baton_tallies_scope(&tallies, at(5), &everybody, &counts);
	assert_int_equal(counts.n[BATON_TALLY_TURNS], 15);
	baton_tallies_done(&tallies);
}

static void too_many_intents_are_in_the_sum_only(void **state)
{
	struct baton_tallies tallies;
	struct baton_counts counts;
	char name[200];
	struct baton_turn_report report = { .intent = name, .answered = true };

	(void)state;
	baton_tallies_init(&tallies, 0);
	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	baton_tallies_report(&tallies, at(1), &report);
	assert_int_equal(tallies.n_intents, 0); /* no policy has a name as long as that */
	for (unsigned i = 0; i < BATON_TALLY_INTENTS_MAX + 50; i++) {
		snprintf(name, sizeof(name), "i%u", i);
		baton_tallies_report(&tallies, at(1), &report);
	}
	assert_int_equal(tallies.n_intents, BATON_TALLY_INTENTS_MAX);
	assert_int_equal(baton_tally_window(&tallies.all, 1)->n[BATON_TALLY_ANSWERED],
			 BATON_TALLY_INTENTS_MAX + 51);
	baton_tallies_intent(&tallies, at(1), "i1023", &counts);
	assert_int_equal(counts.n[BATON_TALLY_ANSWERED], 1);
	baton_tallies_done(&tallies);
}

static void totals_stay_when_the_window_has_passed(void **state)
{
	struct baton_tallies tallies;
	struct baton_buf out = { 0 };
	struct baton_json json;

	(void)state;
	baton_tallies_init(&tallies, 0);
	baton_tallies_report(&tallies, at(1), &answered);
	baton_tallies_judged(&tallies, at(2), "refund", BATON_STR("edited"));
	baton_tallies_judged(&tallies, at(2), "refund", BATON_STR("nonsense"));
	baton_tallies_json(&tallies, at(99 * MINUTE), &out);
	assert_int_equal(baton_json_parse(baton_buf_view(&out), &json), 0);
	assert_non_null(strstr(out.p, "\"refund\":{\"turns\":0"));
	baton_buf_reset(&out);
	baton_tallies_metrics(&tallies, &out);
	assert_non_null(strstr(out.p, "baton_intent_results_total{intent=\"refund\","
				      "result=\"answered\"} 1\n"));
	assert_non_null(strstr(out.p, "result=\"edited\"} 1\n"));
	baton_buf_done(&out);
	baton_tallies_done(&tallies);
}

/* --- the alert --- */

static char heard[512];

static void on_happened(void *ud, const struct baton_happening *happening)
{
	struct baton_json json;

	(void)ud;
	assert_string_equal(happening->subject, "business");
	assert_int_equal(baton_json_parse(baton_str_of(happening->detail), &json), 0);
	snprintf(heard + strlen(heard), sizeof(heard) - strlen(heard), "%s ", happening->is);
}

static const struct baton_alert_def limits = { .window_ms = 15 * MINUTE,
					       .min_turns = 20,
					       .p95_ms = 4000,
					       .tool_success_ppm = 900000,
					       .override_ppm = 300000,
					       .needed = 2 };

static struct baton_alert *alert_with(const struct baton_alert_def *def)
{
	struct baton_alert *alert = baton_new(struct baton_alert);

	heard[0] = '\0';
	baton_alert_init(alert, on_happened, NULL);
	baton_alert_adopt(alert, at(MINUTE), def);
	return alert;
}

/* `n` turns with their tool calls and drafts in one second. */
struct traffic {
	uint64_t ms;
	bool tools_fail, overridden;
};
static void serve(struct baton_alert *alert, struct baton_now now, unsigned n,
		  struct traffic traffic)
{
	const struct baton_turn_report report = { .intent = "refund",
						  .answered = true,
						  .tool_calls = 1,
						  .tool_errors = traffic.tools_fail,
						  .total_ms = traffic.ms };

	for (unsigned i = 0; i < n; i++) {
		baton_alert_report(alert, now, &report);
		baton_alert_judged(alert, now,
				   traffic.overridden ? BATON_STR("rejected")
						      : BATON_STR("accepted"));
	}
	baton_alert_tick(alert, now);
}

static void one_sign_alone_does_not_ring_two_do(void **state)
{
	static const struct {
		struct traffic traffic;
		bool rings;
	} rows[] = {
		{ { 100, false, false }, false }, { { 9000, false, false }, false },
		{ { 100, true, false }, false },  { { 100, false, true }, false },
		{ { 9000, true, false }, true },  { { 9000, false, true }, true },
		{ { 100, true, true }, true },    { { 9000, true, true }, true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct baton_alert *alert = alert_with(&limits);

		serve(alert, at(2 * MINUTE), 19, rows[i].traffic);
		assert_string_equal(heard, ""); /* too few turns say nothing */
		serve(alert, at(2 * MINUTE), 1, rows[i].traffic);
		assert_string_equal(heard, rows[i].rings ? "on " : "");
		baton_free(alert);
	}
	struct baton_alert_def three = limits;
	three.needed = 3;
	struct baton_alert *alert = alert_with(&three);
	serve(alert, at(2 * MINUTE), 30, (struct traffic){ 9000, true, false });
	assert_string_equal(heard, "");
	serve(alert, at(2 * MINUTE), 30, (struct traffic){ 9000, true, true });
	assert_string_equal(heard, "on ");
	baton_free(alert);
}

static void a_limit_that_is_not_set_is_never_broken(void **state)
{
	struct baton_alert_def one = {
		.window_ms = 15 * MINUTE, .min_turns = 1, .tool_success_ppm = 900000, .needed = 2
	};
	struct baton_alert *alert = alert_with(&one);

	(void)state;
	serve(alert, at(2 * MINUTE), 100, (struct traffic){ 90000, true, true });
	assert_string_equal(heard, "");
	baton_free(alert);
}

static void a_few_slow_turns_are_no_sign(void **state)
{
	struct baton_alert *alert = alert_with(&limits);

	(void)state;
	serve(alert, at(2 * MINUTE), 100,
	      (struct traffic){ 0, true, false }); /* handed over at once */
	serve(alert, at(2 * MINUTE), BATON_TALLY_SAMPLES_MIN - 1,
	      (struct traffic){ 9000, true, false });
	assert_string_equal(heard, "");
	serve(alert, at(2 * MINUTE), 1, (struct traffic){ 9000, true, false });
	assert_string_equal(heard, "on ");
	baton_free(alert);
}

static void slow_turns_of_before_the_window_are_forgotten(void **state)
{
	struct baton_alert *alert = alert_with(&limits);
	struct baton_alert_def longer = limits;

	(void)state;
	serve(alert, at(2 * MINUTE), 100, (struct traffic){ 9000, false, false });
	serve(alert, at(18 * MINUTE), 30, (struct traffic){ 100, true, false });
	assert_string_equal(heard, "");
	/* Another window begins with nothing, too. */
	serve(alert, at(40 * MINUTE), 100, (struct traffic){ 9000, false, false });
	longer.window_ms = 30 * MINUTE;
	baton_alert_adopt(alert, at(40 * MINUTE), &longer);
	serve(alert, at(40 * MINUTE), 30, (struct traffic){ 100, true, false });
	assert_string_equal(heard, "");
	baton_free(alert);
}

static void it_ends_when_there_is_room_to_spare_for_a_while(void **state)
{
	struct baton_alert *alert = alert_with(&limits);
	uint64_t ms = 2 * MINUTE;

	(void)state;
	serve(alert, at(ms), 100, (struct traffic){ 9000, true, false });
	assert_string_equal(heard, "on ");
	/* Just within the limits is not good enough: 3.9 s of 4 s, 9 % of 10 % of errors. */
	ms += 16 * MINUTE;
	for (unsigned i = 0; i < 5; i++, ms += MINUTE) {
		serve(alert, at(ms), 9, (struct traffic){ 3900, true, false });
		serve(alert, at(ms), 91, (struct traffic){ 3900, false, false });
	}
	assert_string_equal(heard, "on ");
	/* All well, once the window holds nothing else, and then for a tenth of it. */
	ms += 16 * MINUTE;
	serve(alert, at(ms), 100, (struct traffic){ 100, false, false });
	for (unsigned i = 0; i < 89; i++)
		baton_alert_tick(alert, at(ms + i * SECOND));
	assert_string_equal(heard, "on ");
	baton_alert_tick(alert, at(ms + 90 * SECOND));
	assert_string_equal(heard, "on off ");
	baton_alert_tick(alert, at(ms + 91 * SECOND));
	assert_string_equal(heard, "on off ");
	baton_free(alert);
}

static void silence_ends_it(void **state)
{
	struct baton_alert *alert = alert_with(&limits);

	(void)state;
	serve(alert, at(2 * MINUTE), 100, (struct traffic){ 9000, true, true });
	for (unsigned i = 0; i < 20 * 60; i++)
		baton_alert_tick(alert, at(2 * MINUTE + i * SECOND));
	assert_string_equal(heard, "on off ");
	baton_free(alert);
}

static void new_policies_change_limits_or_end_it(void **state)
{
	struct baton_alert *alert = alert_with(&limits);
	struct baton_alert_def other = limits;
	const struct baton_alert_def none = { 0 };
	struct baton_buf out = { 0 };

	(void)state;
	serve(alert, at(2 * MINUTE), 100, (struct traffic){ 3000, true, false });
	other.p95_ms = 2000;
	baton_alert_adopt(alert, at(2 * MINUTE), &other);
	baton_alert_tick(alert, at(2 * MINUTE)); /* what was seen is still known */
	assert_string_equal(heard, "on ");
	baton_alert_json(alert, at(2 * MINUTE), &out);
	assert_non_null(strstr(out.p, "\"signs\":[\"slow\",\"tools\"]"));
	baton_alert_adopt(alert, at(2 * MINUTE), &none);
	assert_string_equal(heard, "on off ");
	serve(alert, at(2 * MINUTE), 100, (struct traffic){ 9000, true, true });
	assert_string_equal(heard, "on off ");
	baton_buf_reset(&out);
	baton_alert_json(alert, at(2 * MINUTE), &out);
	assert_string_equal(out.p, "null");
	/* Declared again: nothing of before counts. */
	baton_alert_adopt(alert, at(3 * MINUTE), &limits);
	baton_alert_tick(alert, at(3 * MINUTE));
	assert_string_equal(heard, "on off ");
	baton_buf_done(&out);
	baton_free(alert);
}

static void a_message_that_a_mode_keeps_says_nothing_about_speed(void **state)
{
	struct baton_alert *alert = alert_with(&limits);
	const struct baton_turn_report kept = { .captured = true, .total_ms = 90000 };

	(void)state;
	for (unsigned i = 0; i < 100; i++)
		baton_alert_report(alert, at(2 * MINUTE), &kept);
	serve(alert, at(2 * MINUTE), 20, (struct traffic){ 100, true, false });
	assert_string_equal(heard, "");
	baton_free(alert);
}

/* --- the alert, and what policies do about it --- */

static void on_board_happened(void *ud, const struct baton_happening *happening)
{
	(void)ud;
	size_t n = strlen(heard);

	snprintf(heard + n, sizeof(heard) - n, "%s:%s:%s ", happening->subject, happening->is,
		 baton_trigger_name(happening->trigger));
}

static baton_expr *compiled(const char *text)
{
	baton_expr *expr = NULL;
	char why[160];
	uint32_t column;

	assert_int_equal(baton_expr_compile_in(&baton_env_mode, baton_str_of(text), &expr, why,
					       sizeof(why), &column),
			 0);
	return expr;
}

static void report_to_board(struct baton_board *board, struct baton_now now, bool well)
{
	const struct baton_turn_report report = { .intent = "refund",
						  .answered = true,
						  .tool_calls = 1,
						  .tool_errors = !well,
						  .total_ms = well ? 100 : 9000 };

	for (unsigned i = 0; i < 30; i++)
		baton_board_report(board, now, &report);
	baton_board_tick(board, now);
}

static void the_alert_rings_first_and_a_mode_of_the_policies_follows_it(void **state)
{
	struct baton_mode_def mode = { .name = "careful",
				       .what = BATON_MODE_TEMPLATED,
				       .enter_test = compiled("alert"),
				       .recover_test = compiled("!alert"),
				       .enter_for_ms = 10 * SECOND,
				       .recover_for_ms = MINUTE,
				       .max_duration_ms = 60 * MINUTE,
				       .trigger = "alert" };
	const struct baton_policy policy = { .modes = &mode, .n_modes = 1, .alert = limits };
	struct baton_board *board = baton_board_new(on_board_happened, NULL);
	uint64_t ms = MINUTE;

	(void)state;
	heard[0] = '\0';
	baton_board_adopt(board, at(ms), &policy);
	report_to_board(board, at(ms), false);
	assert_string_equal(heard, "business:on:alert ");
	for (uint64_t end = ms + 11 * SECOND; ms < end; ms += 250)
		baton_board_tick(board, at(ms));
	assert_string_equal(heard, "business:on:alert careful:templated:alert ");
	for (unsigned i = 0; i < 40; i++, ms += 30 * SECOND)
		report_to_board(board, at(ms), true);
	assert_string_equal(heard, "business:on:alert careful:templated:alert business:off:alert "
				   "careful:recovered:alert ");
	baton_board_free(&board);
	baton_expr_free(mode.enter_test);
	baton_expr_free(mode.recover_test);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_older_than_the_window_is_gone),
		cmocka_unit_test(the_window_is_the_sum_of_what_is_in_it),
		cmocka_unit_test(every_field_of_a_report_is_counted),
		cmocka_unit_test(few_samples_are_no_share),
		cmocka_unit_test(a_scope_is_the_sum_of_its_intents_and_classes),
		cmocka_unit_test(too_many_intents_are_in_the_sum_only),
		cmocka_unit_test(totals_stay_when_the_window_has_passed),
		cmocka_unit_test(one_sign_alone_does_not_ring_two_do),
		cmocka_unit_test(a_limit_that_is_not_set_is_never_broken),
		cmocka_unit_test(a_few_slow_turns_are_no_sign),
		cmocka_unit_test(slow_turns_of_before_the_window_are_forgotten),
		cmocka_unit_test(it_ends_when_there_is_room_to_spare_for_a_while),
		cmocka_unit_test(silence_ends_it),
		cmocka_unit_test(new_policies_change_limits_or_end_it),
		cmocka_unit_test(a_message_that_a_mode_keeps_says_nothing_about_speed),
		cmocka_unit_test(the_alert_rings_first_and_a_mode_of_the_policies_follows_it),
	};

	return cmocka_run_group_tests_name("tally", tests, NULL, NULL);
}
