/* SPDX-License-Identifier: Apache-2.0 */

/* Who is asked next, after which failure: the table of core/route, row by row. */

#include "tests/unit/unit.h"

#include "core/route/route.h"

static const struct baton_target main_target = { .name = "main", .account = "acme", .prompt = "" };
static const struct baton_target sister = { .name = "sister", .account = "acme", .prompt = "" };
static const struct baton_target other = { .name = "other", .account = "globex", .prompt = "" };

static const char *approved[] = { "other" };
static const struct baton_class drafting = { .name = "drafting",
					     .on_failure = BATON_ON_FAILURE_FALLBACK };
static const struct baton_class money = { .name = "money",
					  .on_failure = BATON_ON_FAILURE_ESCALATE };
static const struct baton_class money_approved = { .name = "money",
						   .on_failure = BATON_ON_FAILURE_ESCALATE,
						   .approved = approved,
						   .n_approved = 1 };

static struct baton_route route_with(const struct baton_class *class_)
{
	return (struct baton_route){ .intent = "x",
				     .primary = &main_target,
				     .fallbacks = { &sister, &other },
				     .n_fallbacks = 2,
				     .class_ = class_ };
}

static const char *next_after(const struct baton_route *route, uint32_t fail,
			      uint32_t retry_after_ms, uint64_t left_ms)
{
	struct baton_attempt past = { .target = &main_target,
				      .fail = fail,
				      .retry_after_ms = retry_after_ms };
	static struct baton_choice choice;

	return baton_route_next(route, &past, 1, left_ms, 12345, &choice) ? choice.target->name
									  : "nobody";
}

static void the_primary_comes_first(void **state)
{
	struct baton_route route = route_with(&drafting);
	struct baton_choice choice;

	(void)state;
	assert_true(baton_route_next(&route, NULL, 0, 30000, 0, &choice));
	assert_string_equal(choice.target->name, "main");
	assert_string_equal(choice.reason, "primary");
	assert_int_equal(choice.delay_ms, 0);
	assert_false(choice.substitute);
	assert_false(baton_route_next(&route, NULL, 0, 100, 0,
				      &choice)); /* no time is left for anybody */
}

static void each_failure_goes_where_its_row_says(void **state)
{
	struct baton_route route = route_with(&drafting);

	(void)state;
	assert_string_equal(next_after(&route, BATON_FAIL_UNAVAILABLE, 0, 30000), "main");
	assert_string_equal(next_after(&route, BATON_FAIL_TIMEOUT, 0, 30000), "sister");
	assert_string_equal(next_after(&route, BATON_FAIL_QUOTA, 0, 30000),
			    "other"); /* the account is closed */
	assert_string_equal(next_after(&route, BATON_FAIL_ACCESS, 0, 30000), "other");
	assert_string_equal(next_after(&route, BATON_FAIL_MODEL_GONE, 0, 30000), "sister");
	assert_string_equal(next_after(&route, BATON_FAIL_TOO_LONG, 0, 30000), "sister");
	assert_string_equal(next_after(&route, BATON_FAIL_BAD_OUTPUT, 0, 30000), "sister");
	assert_string_equal(next_after(&route, BATON_FAIL_MODULE, 0, 30000), "sister");
	assert_string_equal(next_after(&route, BATON_FAIL_REFUSED, 0, 30000),
			    "nobody"); /* never routed around */
	assert_string_equal(next_after(&route, BATON_FAIL_BAD_REQUEST, 0, 30000), "nobody");
	assert_string_equal(next_after(&route, 999, 0, 30000), "sister"); /* unknown is INTERNAL */
}

static void a_hint_is_obeyed_inside_the_budget_only(void **state)
{
	struct baton_route route = route_with(&drafting);
	struct baton_attempt past = { .target = &main_target,
				      .fail = BATON_FAIL_RATE_LIMITED,
				      .retry_after_ms = 2000 };
	struct baton_choice choice;

	(void)state;
	assert_true(baton_route_next(&route, &past, 1, 30000, 0, &choice));
	assert_string_equal(choice.target->name, "main");
	assert_int_equal(choice.delay_ms, 2000);
	assert_string_equal(next_after(&route, BATON_FAIL_RATE_LIMITED, 2000, 2100),
			    "sister"); /* no time for it */
	assert_string_equal(next_after(&route, BATON_FAIL_RATE_LIMITED, 60000, 90000),
			    "sister"); /* too long to wait */
}

static void a_target_is_retried_once_and_never_after_words_were_shown(void **state)
{
	struct baton_route route = route_with(&drafting);
	struct baton_attempt past[2] = { { .target = &main_target, .fail = BATON_FAIL_UNAVAILABLE },
					 { .target = &main_target,
					   .fail = BATON_FAIL_UNAVAILABLE } };
	struct baton_choice choice;

	(void)state;
	assert_true(baton_route_next(&route, past, 2, 30000, 0, &choice));
	assert_string_equal(choice.target->name, "sister");
	past[0].showed = true;
	assert_true(baton_route_next(&route, past, 1, 30000, 0, &choice));
	assert_string_equal(choice.target->name, "sister");
	assert_true(choice.substitute);
}

static void attempts_have_a_bound(void **state)
{
	struct baton_route route = route_with(&drafting);
	struct baton_attempt past[BATON_TURN_ATTEMPTS_MAX];
	struct baton_choice choice;

	(void)state;
	for (size_t i = 0; i < BATON_TURN_ATTEMPTS_MAX; i++)
		past[i] = (struct baton_attempt){ .target = &main_target,
						  .fail = BATON_FAIL_TIMEOUT };
	assert_false(baton_route_next(&route, past, BATON_TURN_ATTEMPTS_MAX, 30000, 0, &choice));
}

static void a_critical_class_takes_no_substitute_unless_approved(void **state)
{
	struct baton_route strict = route_with(&money), named = route_with(&money_approved);

	(void)state;
	assert_string_equal(next_after(&strict, BATON_FAIL_TIMEOUT, 0, 30000), "nobody");
	assert_string_equal(next_after(&named, BATON_FAIL_TIMEOUT, 0, 30000), "other");
}

static void an_unknown_intent_takes_the_default_route(void **state)
{
	struct baton_route routes[2] = { { .intent = "default", .primary = &other },
					 { .intent = "refund", .primary = &main_target } };
	struct baton_policy policy = { .routes = routes, .n_routes = 2 };

	(void)state;
	assert_ptr_equal(baton_policy_route(&policy, BATON_STR("refund")), &routes[1]);
	assert_ptr_equal(baton_policy_route(&policy, BATON_STR("weather")), &routes[0]);
	policy.n_routes = 0;
	assert_null(baton_policy_route(&policy, BATON_STR("refund")));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_primary_comes_first),
		cmocka_unit_test(each_failure_goes_where_its_row_says),
		cmocka_unit_test(a_hint_is_obeyed_inside_the_budget_only),
		cmocka_unit_test(a_target_is_retried_once_and_never_after_words_were_shown),
		cmocka_unit_test(attempts_have_a_bound),
		cmocka_unit_test(a_critical_class_takes_no_substitute_unless_approved),
		cmocka_unit_test(an_unknown_intent_takes_the_default_route),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
