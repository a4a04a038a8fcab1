/* SPDX-License-Identifier: Apache-2.0 */

/* The breaker: when it opens, how long it stays open, what closes it. */

#include "tests/unit/unit.h"

#include "core/route/breaker.h"

static const struct baton_breaker_def silent = { 0 };

static uint64_t chance = 88172645463325252ull;

static uint64_t random_u64(void)
{
	chance ^= chance << 13;
	chance ^= chance >> 7;
	chance ^= chance << 17;
	return chance;
}

static void it_opens_at_the_third_failure_in_a_row_and_not_before(void **state)
{
	struct baton_breaker_def def = baton_breaker_def_of(&silent);
	struct baton_breaker breaker = { 0 };

	(void)state;
	for (int i = 0; i < 100; i++) {
		baton_breaker_failure(&breaker, 1000, &def, false, 0);
		baton_breaker_failure(&breaker, 1000, &def, false, 0);
		baton_breaker_success(&breaker, 1000, &def, false);
		/* 2 of 3 fail: after 20 calls the share opens it. */
		if (3 * (i + 1) < 20 - 2)
			assert_int_equal(breaker.state, BATON_BREAKER_CLOSED);
	}
	breaker = (struct baton_breaker){ 0 };
	baton_breaker_failure(&breaker, 1000, &def, false, 0);
	baton_breaker_failure(&breaker, 1000, &def, false, 0);
	assert_int_equal(breaker.state, BATON_BREAKER_CLOSED);
	baton_breaker_failure(&breaker, 1000, &def, false, 0);
	assert_int_equal(breaker.state, BATON_BREAKER_OPEN);
}

static void half_of_twenty_calls_of_a_minute_open_it(void **state)
{
	struct baton_breaker_def def = baton_breaker_def_of(&silent);
	struct baton_breaker breaker = { 0 };
	uint64_t now_ms = 5000;

	(void)state;
	for (int i = 0; i < 19; i++) {
		if (i % 2)
			baton_breaker_failure(&breaker, now_ms, &def, false, 0);
		else
			baton_breaker_success(&breaker, now_ms, &def, false);
	}
	assert_int_equal(breaker.state, BATON_BREAKER_CLOSED);
	baton_breaker_failure(&breaker, now_ms, &def, false, 0);
	assert_int_equal(breaker.state, BATON_BREAKER_OPEN);

	/* The same, with the first half more than a minute ago. */
	breaker = (struct baton_breaker){ 0 };
	for (int i = 0; i < 200; i++, now_ms += 7000) {
		if (i % 2)
			baton_breaker_failure(&breaker, now_ms, &def, false, 0);
		else
			baton_breaker_success(&breaker, now_ms, &def, false);
		assert_int_equal(breaker.state, BATON_BREAKER_CLOSED);
	}
}

static void one_probe_decides(void **state)
{
	struct baton_breaker_def def = baton_breaker_def_of(&silent);
	struct baton_breaker breaker = { 0 };

	(void)state;
	for (int i = 0; i < 3; i++)
		baton_breaker_failure(&breaker, 0, &def, false, random_u64());
	assert_false(baton_breaker_ready(&breaker, 13499));
	assert_true(baton_breaker_ready(&breaker, 16500));
	baton_breaker_probe(&breaker);
	assert_false(baton_breaker_ready(&breaker, 16500));
	/* Those that began before it opened say nothing. */
	baton_breaker_success(&breaker, 16600, &def, false);
	baton_breaker_failure(&breaker, 16600, &def, false, 0);
	assert_int_equal(breaker.state, BATON_BREAKER_HALF_OPEN);
	baton_breaker_failure(&breaker, 16700, &def, true, random_u64());
	assert_int_equal(breaker.state, BATON_BREAKER_OPEN);
	assert_true(breaker.until_ms >= 16700 + 22500 && breaker.until_ms <= 16700 + 25000);
	baton_breaker_probe(&breaker);
	baton_breaker_success(&breaker, 50000, &def, true);
	assert_int_equal(breaker.state, BATON_BREAKER_CLOSED);
	/* And the first wait is the short one again. */
	for (int i = 0; i < 3; i++)
		baton_breaker_failure(&breaker, 60000, &def, false, random_u64());
	assert_true(breaker.until_ms <= 60000 + 16500);
}

static void a_neutral_probe_leaves_the_next_call_to_find_out(void **state)
{
	struct baton_breaker_def def = baton_breaker_def_of(&silent);
	struct baton_breaker breaker = { 0 };

	(void)state;
	for (int i = 0; i < 3; i++)
		baton_breaker_failure(&breaker, 0, &def, false, 0);
	baton_breaker_probe(&breaker);
	baton_breaker_neutral(&breaker, 20000);
	assert_true(baton_breaker_ready(&breaker, 20000));
}

static void waits_are_spread_and_never_above_the_maximum(void **state)
{
	struct baton_breaker_def def = baton_breaker_def_of(&silent);
	uint64_t least = UINT64_MAX, most = 0;

	(void)state;
	for (int i = 0; i < 2000; i++) {
		struct baton_breaker breaker = { .opened = (uint32_t)(random_u64() % 40) };

		for (int k = 0; k < 3; k++)
			baton_breaker_failure(&breaker, 0, &def, false, random_u64());
		least = breaker.until_ms < least ? breaker.until_ms : least;
		most = breaker.until_ms > most ? breaker.until_ms : most;
	}
	assert_in_range(least, 13500, 13600);
	assert_in_range(most, 24900, 25000);
}

/* Whatever happened to it, and whatever it was told: a call is let through within the maximum. */
static void it_never_starves_a_target(void **state)
{
	(void)state;
	for (int life = 0; life < 500; life++) {
		struct baton_breaker_def def = baton_breaker_def_of(&(struct baton_breaker_def){
			.failures = (uint32_t)(random_u64() % 5),
			.open_ms = (uint32_t)(random_u64() % 60000),
			.open_max_ms = (uint32_t)(random_u64() % 60000) });
		struct baton_breaker breaker = { 0 };
		uint64_t now_ms = random_u64() % 1000000, shut_ms = 0;
		bool probing = false;

		for (int i = 0; i < 400; i++) {
			uint64_t step_ms = random_u64() % 3000;

			now_ms += step_ms;
			if (!probing && baton_breaker_ready(&breaker, now_ms)) {
				baton_breaker_probe(&breaker);
				probing = true;
			}
			bool shut = breaker.state == BATON_BREAKER_OPEN;

			shut_ms = shut ? shut_ms + step_ms : 0;
			assert_true(shut_ms <= def.open_max_ms + 3000);
			switch (random_u64() % 6) {
			case 0:
				baton_breaker_success(&breaker, now_ms, &def, probing);
				probing = false;
				break;
			case 1:
			case 2:
			case 3:
				baton_breaker_failure(&breaker, now_ms, &def, probing,
						      random_u64());
				probing = false;
				break;
			case 4:
				baton_breaker_neutral(&breaker, now_ms);
				probing = false;
				break;
			default:
				baton_breaker_failure(&breaker, now_ms, &def, false, random_u64());
			}
			/* The wait that a failed probe begins is a new one. */
			if (breaker.state != BATON_BREAKER_OPEN || !shut)
				shut_ms = 0;
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_opens_at_the_third_failure_in_a_row_and_not_before),
		cmocka_unit_test(half_of_twenty_calls_of_a_minute_open_it),
		cmocka_unit_test(one_probe_decides),
		cmocka_unit_test(a_neutral_probe_leaves_the_next_call_to_find_out),
		cmocka_unit_test(waits_are_spread_and_never_above_the_maximum),
		cmocka_unit_test(it_never_starves_a_target),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
