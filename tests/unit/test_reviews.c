/* SPDX-License-Identifier: Apache-2.0 */

/* What people make of drafts: shares by intent and by target, for a day, over a restart. */

#include "tests/unit/unit.h"

#include "core/route/reviews.h"

#include <stdio.h>

enum { HOUR_MS = 3600000 };
static const uint64_t NOW_MS = 1795000000000;

static void review(struct baton_reviews *reviews, uint64_t unix_ms, const char *intent,
		   const char *target, const char *action, uint32_t edit_ppm)
{
	baton_reviews_add(reviews, unix_ms,
			  &(struct baton_review){ intent, target, baton_str_of(action), edit_ppm });
}

static struct baton_review_sum sum(const struct baton_reviews *reviews, uint64_t unix_ms,
				   const char *intent, const char *target)
{
	struct baton_review_sum ret;

	baton_reviews_sum(reviews, unix_ms, intent, target, &ret);
	return ret;
}

static void shares_are_by_intent_and_by_who_wrote(void **state)
{
	struct baton_reviews reviews = { 0 };

	(void)state;
	for (int i = 0; i < 12; i++) {
		review(&reviews, NOW_MS, "refund", "main", i < 3 ? "edited" : "accepted",
		       i < 3 ? 200000 : 0);
		review(&reviews, NOW_MS, "refund", "backup", "rejected", 1000000);
	}
	assert_int_equal(sum(&reviews, NOW_MS, "refund", "main").override_ppm, 250000);
	assert_int_equal(sum(&reviews, NOW_MS, "refund", "main").edit_ppm, 50000);
	assert_int_equal(sum(&reviews, NOW_MS, "refund", "backup").override_ppm, 1000000);
	assert_int_equal(sum(&reviews, NOW_MS, "refund", "backup").edit_ppm, 0);
	assert_int_equal(sum(&reviews, NOW_MS, "refund", "").n, 24);
	assert_int_equal(sum(&reviews, NOW_MS, "refund", "").override_ppm, 625000);
	assert_int_equal(sum(&reviews, NOW_MS, "shipping", "").n, 0);
	baton_reviews_done(&reviews);
}

static void a_few_are_no_share(void **state)
{
	struct baton_reviews reviews = { 0 };

	(void)state;
	for (unsigned i = 1; i <= BATON_REVIEWS_MIN; i++) {
		review(&reviews, NOW_MS, "refund", "", "rejected", 1000000);
		assert_int_equal(sum(&reviews, NOW_MS, "refund", "").override_ppm,
				 i < BATON_REVIEWS_MIN ? 0 : 1000000);
	}
	baton_reviews_done(&reviews);
}

static void a_day_and_the_newest_count(void **state)
{
	struct baton_reviews reviews = { 0 };

	(void)state;
	for (int i = 0; i < 20; i++)
		review(&reviews, NOW_MS, "refund", "main", "rejected", 1000000);
	for (int i = 0; i < 20; i++)
		review(&reviews, NOW_MS + 12 * HOUR_MS, "refund", "main", "accepted", 0);
	assert_int_equal(sum(&reviews, NOW_MS + 12 * HOUR_MS, "refund", "main").override_ppm,
			 500000);
	assert_int_equal(sum(&reviews, NOW_MS + 24 * HOUR_MS, "refund", "main").override_ppm, 0);
	assert_int_equal(sum(&reviews, NOW_MS + 24 * HOUR_MS, "refund", "main").n, 20);
	assert_int_equal(sum(&reviews, NOW_MS + 36 * HOUR_MS, "refund", "main").n, 0);
	for (int i = 0; i < 1000; i++)
		review(&reviews, NOW_MS + 13 * HOUR_MS, "refund", "main", "edited", 100);
	assert_int_equal(sum(&reviews, NOW_MS + 13 * HOUR_MS, "refund", "main").n, BATON_REVIEWS_N);
	assert_int_equal(sum(&reviews, NOW_MS + 13 * HOUR_MS, "refund", "main").override_ppm,
			 1000000);
	baton_reviews_done(&reviews);
}

static struct baton_buf saved(struct baton_reviews *reviews, uint64_t unix_ms)
{
	struct baton_buf out = { NULL, 0, 0 };

	baton_reviews_save(reviews, unix_ms, &out);
	return out;
}

static bool load(struct baton_reviews *reviews, uint64_t unix_ms, const char *text)
{
	struct baton_json list;

	return baton_json_parse(baton_str_of(text), &list) == 0 &&
	       baton_reviews_load(reviews, unix_ms, &list);
}

static void they_outlive_a_restart(void **state)
{
	struct baton_reviews reviews = { 0 }, again = { 0 };

	(void)state;
	for (int i = 0; i < 90; i++)
		review(&reviews, NOW_MS - 2 * (uint64_t)i, "refund \"x\"",
		       i % 2 ? "main" : "backup", i % 3 ? "accepted" : "edited",
		       i % 3 ? 0 : 300000);
	assert_true(reviews.dirty);
	struct baton_buf text = saved(&reviews, NOW_MS);
	assert_false(reviews.dirty);
	assert_true(load(&again, NOW_MS, text.p));
	struct baton_buf second = saved(&again, NOW_MS);
	assert_string_equal(text.p, second.p);
	assert_memory_equal(
		&(struct baton_review_sum[]){ sum(&reviews, NOW_MS, "refund \"x\"", "") },
		&(struct baton_review_sum[]){ sum(&again, NOW_MS, "refund \"x\"", "") },
		sizeof(struct baton_review_sum));
	baton_buf_done(&text);
	baton_buf_done(&second);
	baton_reviews_done(&reviews);
	baton_reviews_done(&again);
}

static void what_nobody_wrote_is_not_taken(void **state)
{
	static const char *const bad[] = {
		"{}",
		"[1]",
		"[{\"intent\":\"a\"}]",
		"[{\"intent\":1,\"v\":[]}]",
		"[{\"intent\":\"a\",\"v\":[[1,2]]}]",
		"[{\"intent\":\"a\",\"v\":[[1,2,0,4]]}]",
		"[{\"intent\":\"a\",\"v\":[[1,1000001,0]]}]",
		"[{\"intent\":\"a\",\"v\":[[1,2,3]]}]",
		"[{\"intent\":\"a\",\"v\":[[1,\"2\",0]]}]",
		"[{\"intent\":\"a\\u0000b\",\"v\":[]}]",
		"[{\"intent\":\"a\",\"v\":[[1,2,0]]},{\"intent\":\"b\",\"v\":7}]",
	};
	struct baton_reviews reviews = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_false(load(&reviews, NOW_MS, bad[i]));
		assert_null(reviews.rows); /* not even the good part of it */
	}
	/* A time to come is a clock that was wrong. */
	assert_true(load(&reviews, NOW_MS, "[{\"intent\":\"a\",\"v\":[[1795000000001,2,0]]}]"));
	assert_int_equal(sum(&reviews, NOW_MS, "a", "").n, 0);
	baton_reviews_done(&reviews);
}

static void names_without_end_stay_bounded(void **state)
{
	struct baton_reviews reviews = { 0 };
	char name[80];

	(void)state;
	for (int i = 0; i < 3000; i++) {
		(void)snprintf(name, sizeof(name), "intent-%d", i);
		review(&reviews, NOW_MS, name, "main", "accepted", 0);
	}
	struct baton_buf text = saved(&reviews, NOW_MS);
	unsigned rows = 0;
	for (const char *at = text.p; (at = strstr(at, "\"intent\"")); at++)
		rows++;
	assert_int_equal(rows, BATON_REVIEWS_ROWS_MAX);
	baton_buf_done(&text);
	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	review(&reviews, NOW_MS, name, name, "accepted", 0);
	assert_int_equal(sum(&reviews, NOW_MS, name, "").n, 0);
	baton_reviews_done(&reviews);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shares_are_by_intent_and_by_who_wrote),
		cmocka_unit_test(a_few_are_no_share),
		cmocka_unit_test(a_day_and_the_newest_count),
		cmocka_unit_test(they_outlive_a_restart),
		cmocka_unit_test(what_nobody_wrote_is_not_taken),
		cmocka_unit_test(names_without_end_stay_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
