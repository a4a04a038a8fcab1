/* SPDX-License-Identifier: Apache-2.0 */

/* Quantiles in a few kilobytes: exact when small, 1.6 % off at most when large. */
#include "core/observe/spread.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void small_values_are_exact(void **state)
{
	struct baton_spread spread = { 0 };

	(void)state;
	for (uint64_t i = 1; i <= 50; i++)
		baton_spread_add(&spread, i);
	assert_int_equal(baton_spread_quantile(&spread, 500000), 25);
	assert_int_equal(baton_spread_quantile(&spread, 1000000), 50);
	assert_int_equal(baton_spread_quantile(&spread, 0), 1);
	assert_int_equal(baton_spread_mean(&spread), 26); /* 25.5 */
	baton_spread_done(&spread);
}

static void large_values_are_nearly_right(void **state)
{
	(void)state;
	for (uint64_t value = 64; value < 1ull << 39; value = value * 9 / 7 + 1) {
		struct baton_spread spread = { 0 };
		baton_spread_add(&spread, value);
		uint64_t told = baton_spread_quantile(&spread, 500000);
		uint64_t off = told > value ? told - value : value - told;
		assert_true(off * 64 <= value);
		baton_spread_done(&spread);
	}
}

static void values_beyond_all_bounds_are_kept_in_the_last_bucket(void **state)
{
	struct baton_spread spread = { 0 };

	(void)state;
	baton_spread_add(&spread, UINT64_MAX);
	baton_spread_add(&spread, 1ull << 50);
	assert_int_equal(spread.n, 2);
	assert_true(baton_spread_quantile(&spread, 500000) > 1ull << 38);
	baton_spread_done(&spread);
}

static void two_spreads_add_up_to_the_spread_of_both(void **state)
{
	struct baton_spread a = { 0 }, b = { 0 }, both = { 0 };

	(void)state;
	for (uint64_t i = 0; i < 1000; i++) {
		baton_spread_add(i % 3 ? &a : &b, i * 7);
		baton_spread_add(&both, i * 7);
	}
	baton_spread_merge(&a, &b);
	assert_int_equal(a.n, both.n);
	assert_int_equal(a.sum, both.sum);
	for (uint32_t ppm = 0; ppm <= 1000000; ppm += 50000)
		assert_int_equal(baton_spread_quantile(&a, ppm), baton_spread_quantile(&both, ppm));
	baton_spread_done(&a);
	baton_spread_done(&b);
	baton_spread_done(&both);
}

static void what_was_added_can_be_taken_back(void **state)
{
	struct baton_spread spread = { 0 };

	(void)state;
	baton_spread_add(&spread, 10);
	baton_spread_add(&spread, 1000000);
	baton_spread_sub(&spread, 1000000);
	assert_int_equal(spread.n, 1);
	assert_int_equal(spread.sum, 10);
	assert_int_equal(baton_spread_quantile(&spread, 990000), 10);
	baton_spread_done(&spread);
}

static void an_empty_spread_says_zero(void **state)
{
	struct baton_spread spread = { 0 }, other = { 0 };

	(void)state;
	baton_spread_merge(&spread, &other);
	assert_null(spread.buckets);
	assert_int_equal(baton_spread_mean(&spread), 0);
	assert_int_equal(baton_spread_quantile(&spread, 500000), 0);
	baton_spread_done(&spread);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(small_values_are_exact),
		cmocka_unit_test(large_values_are_nearly_right),
		cmocka_unit_test(values_beyond_all_bounds_are_kept_in_the_last_bucket),
		cmocka_unit_test(two_spreads_add_up_to_the_spread_of_both),
		cmocka_unit_test(what_was_added_can_be_taken_back),
		cmocka_unit_test(an_empty_spread_says_zero),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
