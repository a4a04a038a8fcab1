/* SPDX-License-Identifier: Apache-2.0 */

/* The table of failures, row by row: after each class, alone and beside others, who is asked. */

#include "tests/unit/board_rig.h"

static uint32_t fail;

static void main_fails(struct rig *rig, const struct baton_choice *choice,
		       struct baton_outcome *ret, bool *ret_showed)
{
	(void)ret_showed;
	if (choice->target != rig->route.primary || rig->calls[0] > 1) {
		rig_answer(ret);
		return;
	}
	rig_fail(ret, fail, 10);
	if (fail == BATON_FAIL_QUOTA || fail == BATON_FAIL_ACCESS)
		ret->scope = BATON_SCOPE_ACCOUNT;
}

static const char *after(uint32_t class_, size_t n_fallbacks)
{
	static struct rig rig;
	const char *by;

	rig_open(&rig);
	rig.provider = main_fails;
	rig.route.n_fallbacks = n_fallbacks;
	fail = class_;
	by = rig_turn(&rig);
	rig_close(&rig);
	return by;
}

static void each_failure_goes_where_its_row_says(void **state)
{
	static const struct {
		uint32_t fail;
		const char *beside_others, *alone;
	} rows[] = {
		{ BATON_FAIL_INTERNAL, "spare", "nobody" },
		{ BATON_FAIL_UNAVAILABLE, "main", "main" },
		{ BATON_FAIL_TIMEOUT, "spare", "nobody" },
		{ BATON_FAIL_RATE_LIMITED, "main", "main" },
		{ BATON_FAIL_QUOTA, "other", "nobody" },
		{ BATON_FAIL_PRICE, "spare", "nobody" },
		{ BATON_FAIL_ACCESS, "other", "nobody" },
		{ BATON_FAIL_MODEL_GONE, "spare", "nobody" },
		{ BATON_FAIL_REFUSED, "nobody", "nobody" },
		{ BATON_FAIL_TOO_LONG, "spare", "nobody" },
		{ BATON_FAIL_BAD_REQUEST, "nobody", "nobody" },
		{ BATON_FAIL_BAD_OUTPUT, "spare", "nobody" },
		{ BATON_FAIL_CANCELLED, "nobody", "nobody" },
		{ BATON_FAIL_MODULE, "spare", "nobody" },
		{ BATON_FAIL_OVERLOADED, "main", "main" },
		{ BATON_FAIL_TRUNCATED, "spare", "nobody" },
		{ BATON_FAIL_EMPTY, "spare", "nobody" },
		{ BATON_FAIL_STALL, "spare", "nobody" },
		{ BATON_FAIL_FIRST_TOKEN, "spare", "nobody" },
		{ BATON_FAIL_TOTAL, "spare", "nobody" },
		{ BATON_FAIL_CONNECT, "spare", "main" },
		{ 999, "spare", "nobody" }, /* unknown is INTERNAL */
	};

	(void)state;
	assert_int_equal(sizeof(rows) / sizeof(rows[0]), BATON_FAILS_N + 1);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_string_equal(after(rows[i].fail, 2), rows[i].beside_others);
		assert_string_equal(after(rows[i].fail, 0), rows[i].alone);
	}
}

static void every_class_has_a_name_of_its_own_and_a_reason(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < BATON_FAILS_N; i++) {
		assert_true(*baton_fail_name(i) != '\0');
		assert_true(i == BATON_FAIL_CANCELLED ||
			    baton_fail_trigger(i) != BATON_TRIGGER_NONE);
		for (uint32_t k = 0; k < i; k++)
			assert_string_not_equal(baton_fail_name(i), baton_fail_name(k));
	}
}

static void words_that_were_shown_are_not_asked_for_twice(void **state)
{
	struct rig rig;
	struct baton_choice choice;

	(void)state;
	rig_open(&rig);
	rig.past[0] = (struct baton_attempt){ .target = &rig.targets[0],
					      .fail = BATON_FAIL_UNAVAILABLE,
					      .failed = true,
					      .showed = true };
	rig.n_past = 1;
	struct baton_ask ask = rig_ask(&rig);

	assert_string_equal(rig_next(&rig, &ask, &choice), "spare");
	rig.past[0].showed = false;
	assert_string_equal(rig_next(&rig, &ask, &choice), "main");
	rig_close(&rig);
}

static void attempts_have_a_bound(void **state)
{
	struct rig rig;
	struct baton_choice choice;

	(void)state;
	rig_open(&rig);
	for (size_t i = 0; i < BATON_TURN_ATTEMPTS_MAX; i++)
		rig.past[i] = (struct baton_attempt){ .target = &rig.targets[3],
						      .fail = BATON_FAIL_TIMEOUT,
						      .failed = true };
	rig.n_past = BATON_TURN_ATTEMPTS_MAX;
	struct baton_ask ask = rig_ask(&rig);

	assert_string_equal(rig_next(&rig, &ask, &choice), "nobody");
	ask.n_past--;
	assert_string_equal(rig_next(&rig, &ask, &choice), "main");
	rig_close(&rig);
}

static void an_unknown_intent_takes_the_default_route(void **state)
{
	struct baton_route routes[2] = { { .intent = "default" }, { .intent = "refund" } };
	struct baton_policy policy = { .routes = routes, .n_routes = 2 };

	(void)state;
	assert_ptr_equal(baton_policy_route(&policy, BATON_STR("refund")), &routes[1]);
	assert_ptr_equal(baton_policy_route(&policy, BATON_STR("weather")), &routes[0]);
	policy.n_routes = 0;
	assert_null(baton_policy_route(&policy, BATON_STR("refund")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_failure_goes_where_its_row_says),
		cmocka_unit_test(every_class_has_a_name_of_its_own_and_a_reason),
		cmocka_unit_test(words_that_were_shown_are_not_asked_for_twice),
		cmocka_unit_test(attempts_have_a_bound),
		cmocka_unit_test(an_unknown_intent_takes_the_default_route),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
