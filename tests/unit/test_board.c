/* SPDX-License-Identifier: Apache-2.0 */

/* The board's choice beside failures: classes, switches, modes, admins, slow primaries, and the
 * lives of leases. Failures are test_board_faults.c, drills test_board_drills.c, money
 * test_money.c. */

#include "tests/unit/board_rig.h"

#include "core/policy/expr.h"
#include "core/route/inside.h"

/* Everything fails that is named in here. */
static const char *down[4];

static void named_are_down(struct rig *rig, const struct baton_choice *choice,
			   struct baton_outcome *ret, bool *ret_showed)
{
	(void)rig;
	(void)ret_showed;
	for (size_t i = 0; i < 4; i++) {
		if (down[i] && strcmp(down[i], choice->target->name) == 0) {
			rig_fail(ret, BATON_FAIL_OVERLOADED, 5);
			return;
		}
	}
	rig_answer(ret);
}

static void open_with(struct rig *rig, enum baton_on_failure on_failure, const char *is_down)
{
	rig_open(rig);
	rig->provider = named_are_down;
	rig->class_.on_failure = on_failure;
	memset(down, 0, sizeof(down));
	down[0] = is_down;
}

/* Calls until the breaker of the primary is open. */
static void break_main(struct rig *rig)
{
	enum baton_on_failure was = rig->class_.on_failure;
	bool critical = rig->class_.critical;

	rig->class_.on_failure = BATON_ON_FAILURE_FALLBACK;
	rig->class_.critical = false;
	for (int i = 0; i < 2; i++)
		(void)rig_turn(rig);
	rig->class_.on_failure = was;
	rig->class_.critical = critical;
}

/* --- classes --- */

static void a_class_that_escalates_asks_only_whom_it_names(void **state)
{
	struct rig rig;
	const char *approved[] = { "other" };

	(void)state;
	open_with(&rig, BATON_ON_FAILURE_ESCALATE, "main");
	assert_string_equal(rig_turn(&rig), "nobody");
	assert_int_equal(rig.calls[0], 2); /* once more is no substitute */
	assert_true(rig.choices[2].to_person);
	assert_int_equal(rig.choices[2].trigger, BATON_TRIGGER_UNREACHABLE);
	rig.class_.approved = approved;
	rig.class_.n_approved = 1;
	assert_string_equal(rig_turn(&rig), "other");
	assert_int_equal(rig.calls[1], 0);
	/* With everybody it may ask down, nobody is asked for want of a better one. */
	down[1] = "other";
	for (int i = 0; i < 5; i++)
		assert_string_equal(rig_turn(&rig), "nobody");
	assert_true(rig.choices[rig.n_past].to_person);
	assert_int_equal(rig.choices[rig.n_past].trigger, BATON_TRIGGER_ALL_DOWN);
	assert_int_equal(rig.n_past, 0);
	rig_close(&rig);
}

static void a_class_that_reviews_gets_drafts_of_substitutes(void **state)
{
	struct rig rig;

	(void)state;
	open_with(&rig, BATON_ON_FAILURE_REVIEW, "main");
	assert_string_equal(rig_turn(&rig), "spare");
	assert_false(rig.choices[0].review);
	assert_true(rig.choices[2].review);
	rig_close(&rig);
}

static void a_class_that_pauses_asks_nobody_else_and_no_person(void **state)
{
	struct rig rig;

	(void)state;
	open_with(&rig, BATON_ON_FAILURE_PAUSE, "main");
	break_main(&rig);
	assert_string_equal(rig_turn(&rig), "nobody");
	assert_int_equal(rig.n_past, 0);
	assert_false(rig.choices[0].to_person);
	assert_int_equal(rig.choices[0].trigger, BATON_TRIGGER_DEGRADED);
	rig_close(&rig);
}

static void a_critical_flow_goes_to_a_person_at_once(void **state)
{
	struct rig rig;
	const char *approved[] = { "other" };

	(void)state;
	/* A failure in the turn: no second call of it, and only who is approved. */
	open_with(&rig, BATON_ON_FAILURE_FALLBACK, "main");
	rig.class_.critical = true;
	assert_string_equal(rig_turn(&rig), "nobody");
	assert_int_equal(rig.n_past, 1);
	assert_true(rig.choices[1].to_person);
	rig.class_.approved = approved;
	rig.class_.n_approved = 1;
	assert_string_equal(rig_turn(&rig), "other");
	assert_int_equal(rig.calls[0], 2);
	/* Known before the turn: nobody is asked at all, approved or not. */
	(void)rig_turn(&rig);
	assert_string_equal(rig_turn(&rig), "nobody");
	assert_int_equal(rig.n_past, 0);
	assert_true(rig.choices[0].to_person);
	assert_int_equal(rig.choices[0].trigger, BATON_TRIGGER_DEGRADED);
	/* A probe is no work for it, until for long nobody else has made one. */
	uint64_t calls = rig.calls[0];

	down[0] = NULL;
	rig.ms += 17000;
	assert_string_equal(rig_turn(&rig), "nobody");
	assert_int_equal(rig.calls[0], calls);
	rig.ms += 25000;
	assert_string_equal(rig_turn(&rig), "main");
	assert_string_equal(rig_turn(&rig), "main");
	assert_false(rig.choices[0].probe);
	rig_close(&rig);
}

static void a_busy_primary_of_a_critical_flow_is_not_an_ill_one(void **state)
{
	struct rig rig;
	struct baton_choice running, choice;
	const char *approved[] = { "other" };

	(void)state;
	open_with(&rig, BATON_ON_FAILURE_ESCALATE, NULL);
	rig.class_.critical = true;
	rig.class_.approved = approved;
	rig.class_.n_approved = 1;
	rig.targets[0].max_concurrent = 1;
	baton_board_adopt(rig.board, rig_now(&rig), &rig.policy);
	struct baton_ask ask = rig_ask(&rig);

	assert_true(baton_board_next(rig.board, rig_now(&rig), &ask, &running));
	assert_string_equal(rig_next(&rig, &ask, &choice), "other");
	assert_int_equal(choice.trigger, BATON_TRIGGER_BUSY);
	rig.class_.n_approved = 0;
	assert_string_equal(rig_next(&rig, &ask, &choice), "nobody");
	assert_true(choice.to_person);
	rig_close(&rig);
}

/* --- switches and modes --- */

static baton_expr *compile(const char *text)
{
	baton_expr *expr = NULL;
	char why[128];
	uint32_t column;

	assert_int_equal(baton_expr_compile(baton_str_of(text), &expr, why, sizeof(why), &column),
			 BATON_OK);
	return expr;
}

static void the_first_switch_that_holds_wins(void **state)
{
	struct rig rig;
	struct baton_choice choice;
	struct baton_switch_def switches[] = {
		{ .when = "x", .test = compile("customer_tier == \"vip\""), .trigger = "quality" },
		{ .when = "y", .test = compile("queue_depth > 10"), .trigger = "declared" },
	};
	baton_facts facts = { .size = sizeof(facts), .customer_tier = BATON_STR("vip") };

	(void)state;
	rig_open(&rig);
	switches[0].to = &rig.targets[3];
	rig.route.switches = switches;
	rig.route.n_switches = 2;
	struct baton_ask ask = rig_ask(&rig);

	ask.facts = &facts;
	assert_string_equal(rig_next(&rig, &ask, &choice), "big");
	assert_string_equal(choice.reason, "switch");
	assert_int_equal(choice.trigger, BATON_TRIGGER_QUALITY);
	assert_true(choice.substitute);
	facts.queue_depth = 11;
	assert_string_equal(rig_next(&rig, &ask, &choice), "big");
	facts.customer_tier = BATON_STR("");
	assert_string_equal(rig_next(&rig, &ask, &choice), "nobody");
	assert_true(choice.to_person);
	assert_int_equal(choice.trigger, BATON_TRIGGER_DECLARED);
	facts.queue_depth = 10;
	assert_string_equal(rig_next(&rig, &ask, &choice), "main");
	/* No switch leads a class to somebody it does not approve. */
	facts.customer_tier = BATON_STR("vip");
	rig.class_.on_failure = BATON_ON_FAILURE_ESCALATE;
	assert_string_equal(rig_next(&rig, &ask, &choice), "nobody");
	assert_true(choice.to_person);
	for (size_t i = 0; i < 2; i++)
		baton_expr_free(switches[i].test);
	rig_close(&rig);
}

static void a_mode_s_substitute_comes_before_the_primary(void **state)
{
	struct rig rig;
	struct baton_choice choice;

	(void)state;
	open_with(&rig, BATON_ON_FAILURE_FALLBACK, NULL);
	struct baton_mode_def mode = { .name = "thrift",
				       .what = BATON_MODE_SUBSTITUTE,
				       .max_duration_ms = 600000,
				       .enter_when = "",
				       .recover_when = "",
				       .trigger = "cost",
				       .say = "",
				       .queue = "",
				       .use = &rig.targets[3] };
	struct baton_ask ask = rig_ask(&rig);
	struct baton_mode_view view;

	rig.policy.modes = &mode;
	rig.policy.n_modes = 1;
	baton_board_adopt(rig.board, rig_now(&rig), &rig.policy);
	assert_false(baton_board_mode(rig.board, rig_now(&rig), &rig.policy, &rig.route, &view));
	assert_int_equal(baton_board_mode_enter(rig.board, rig_now(&rig), "thrift", 0,
						&(struct baton_admin){ "ann", "month's end" }),
			 BATON_OK);
	assert_true(baton_board_mode(rig.board, rig_now(&rig), &rig.policy, &rig.route, &view));
	ask.use = "big";
	assert_string_equal(rig_next(&rig, &ask, &choice), "big");
	assert_string_equal(choice.reason, "mode");
	assert_int_equal(choice.trigger, view.trigger);
	baton_facts facts = { .size = sizeof(facts) };

	baton_board_facts(rig.board, rig_now(&rig), &rig.policy, &rig.route, &facts);
	assert_int_equal(facts.degraded_level, 1);
	assert_true(baton_str_is(facts.mode, "thrift"));
	assert_true(baton_str_is(facts.primary_state, "closed"));
	rig_close(&rig);
}

/* --- admins --- */

static void a_target_that_is_switched_off_is_replaced_by_its_substitute(void **state)
{
	struct rig rig;
	struct baton_admin ann = { "ann", "a strange tone" };

	(void)state;
	open_with(&rig, BATON_ON_FAILURE_FALLBACK, NULL);
	assert_int_equal(baton_board_target_disable(rig.board, rig_now(&rig), "nobody", &ann),
			 BATON_E_NOTFOUND);
	assert_int_equal(baton_board_target_disable(rig.board, rig_now(&rig), "main", &ann),
			 BATON_OK);
	assert_int_equal(rig_count(&rig, BATON_HAPPENED_TARGET, "main", "disabled"), 1);
	assert_string_equal(rig.happened[rig.n_happened - 1].by, "ann");
	assert_string_equal(rig_turn(&rig), "spare");
	assert_int_equal(rig.choices[0].trigger, BATON_TRIGGER_DISABLED);
	rig.targets[0].substitute = "big";
	assert_string_equal(rig_turn(&rig), "big");
	assert_string_equal(rig.choices[0].reason, "fallback");
	/* A new policy does not switch it on. */
	baton_board_adopt(rig.board, rig_now(&rig), &rig.policy);
	assert_string_equal(rig_turn(&rig), "big");
	assert_int_equal(baton_board_target_enable(rig.board, rig_now(&rig), "main", &ann),
			 BATON_OK);
	assert_string_equal(rig_turn(&rig), "main");
	assert_int_equal(rig_count(&rig, BATON_HAPPENED_TARGET, "main", "closed"), 1);
	rig_close(&rig);
}

static void an_admin_closes_a_breaker_and_opens_an_account(void **state)
{
	struct rig rig;
	struct baton_admin ann = { "ann", "paid" };

	(void)state;
	open_with(&rig, BATON_ON_FAILURE_FALLBACK, "main");
	break_main(&rig);
	down[0] = NULL;
	assert_string_equal(rig_turn(&rig), "spare");
	assert_int_equal(rig_count(&rig, BATON_HAPPENED_TARGET, "main", "open"), 1);
	assert_int_equal(baton_board_target_enable(rig.board, rig_now(&rig), "main", &ann),
			 BATON_OK);
	assert_string_equal(rig_turn(&rig), "main");
	rig_close(&rig);
}

/* --- a slow primary --- */

static uint64_t main_takes_ms;

static void main_is_slow(struct rig *rig, const struct baton_choice *choice,
			 struct baton_outcome *ret, bool *ret_showed)
{
	(void)ret_showed;
	rig_answer(ret);
	if (choice->target == rig->route.primary)
		ret->total_ms = main_takes_ms;
}

static void a_primary_above_its_p95_is_passed_by_and_heals(void **state)
{
	struct rig rig;
	size_t asked = 0;

	(void)state;
	rig_open(&rig);
	rig.provider = main_is_slow;
	rig.route.max_p95_ms = 3500;
	main_takes_ms = 5000;
	for (int i = 0; i < 20; i++) /* too few answers to say so */
		assert_string_equal(rig_turn(&rig), "main");
	for (int i = 0; i < 40; i++) {
		bool main_asked = strcmp(rig_turn(&rig), "main") == 0;

		asked += main_asked;
		if (!main_asked)
			assert_int_equal(rig.choices[0].trigger, BATON_TRIGGER_P95);
		else
			assert_false(rig.choices[0].probe);
	}
	assert_int_equal(asked, 4); /* every tenth, so that it can heal */

	/* Just below the limit is not yet healed; well below is. */
	main_takes_ms = 3300;
	for (int i = 0; i < 300; i++)
		(void)rig_turn(&rig);
	assert_string_not_equal(rig_turn(&rig), "main");
	main_takes_ms = 1000;
	for (int i = 0; i < 600; i++)
		(void)rig_turn(&rig);
	assert_string_equal(rig_turn(&rig), "main");
	assert_string_equal(rig_turn(&rig), "main");
	rig_close(&rig);
}

static void a_slow_primary_is_better_than_nobody(void **state)
{
	struct rig rig;

	(void)state;
	rig_open(&rig);
	rig.provider = main_is_slow;
	rig.route.max_p95_ms = 3500;
	rig.route.n_fallbacks = 0;
	main_takes_ms = 5000;
	for (int i = 0; i < 60; i++)
		assert_string_equal(rig_turn(&rig), "main");
	rig_close(&rig);
}

/* --- retries --- */

static void retries_have_a_budget(void **state)
{
	struct rig rig;
	uint64_t calls = 0;

	(void)state;
	open_with(&rig, BATON_ON_FAILURE_FALLBACK, "main");
	/* Each call fails, and the breaker is kept out of it. */
	rig.targets[0].breaker =
		(struct baton_breaker_def){ .failures = UINT32_MAX, .min_calls = UINT32_MAX };
	baton_board_adopt(rig.board, rig_now(&rig), &rig.policy);
	for (int i = 0; i < 1000; i++)
		(void)rig_turn(&rig);
	calls = rig.calls[0];
	/* 10 saved up, and one earned by five calls. */
	assert_in_range(calls, 1200, 1211);
	rig_close(&rig);
}

static void waits_between_retries_are_spread(void **state)
{
	struct rig rig;
	uint64_t least = UINT64_MAX, most = 0;

	(void)state;
	open_with(&rig, BATON_ON_FAILURE_FALLBACK, "main");
	rig.targets[0].breaker =
		(struct baton_breaker_def){ .failures = UINT32_MAX, .min_calls = UINT32_MAX };
	rig.policy.budgets.retry_ratio_ppm = 1000000;
	baton_board_adopt(rig.board, rig_now(&rig), &rig.policy);
	for (int i = 0; i < 1000; i++) {
		(void)rig_turn(&rig);
		uint64_t delay_ms = rig.choices[1].delay_ms;

		least = delay_ms < least ? delay_ms : least;
		most = delay_ms > most ? delay_ms : most;
	}
	assert_true(least < 10);
	assert_in_range(most, 240, 249);
	rig_close(&rig);
}

static void nothing_is_begun_that_cannot_end(void **state)
{
	struct rig rig;
	struct baton_choice choice;

	(void)state;
	rig_open(&rig);
	struct baton_ask ask = rig_ask(&rig);

	ask.left_ms = 199;
	assert_string_equal(rig_next(&rig, &ask, &choice), "nobody");
	ask.left_ms = 200;
	assert_string_equal(rig_next(&rig, &ask, &choice), "main");
	rig_close(&rig);
}

/* --- leases --- */

static void a_lease_is_given_back_once_and_a_lost_one_is_taken_back(void **state)
{
	struct rig rig;
	struct baton_choice choice, later;
	struct baton_outcome well = { .answered = true, .cost_microusd = 7 };

	(void)state;
	rig_open(&rig);
	struct baton_ask ask = rig_ask(&rig);

	assert_true(baton_board_next(rig.board, rig_now(&rig), &ask, &choice));
	baton_board_settle(rig.board, rig_now(&rig), choice.lease, &well);
	baton_board_settle(rig.board, rig_now(&rig), choice.lease, &well);
	baton_board_settle(rig.board, rig_now(&rig), 0, &well);
	baton_board_settle(rig.board, rig_now(&rig), UINT64_MAX, &well);
	assert_int_equal(rig.board->money.whole.spent, 7);
	assert_true(baton_board_next(rig.board, rig_now(&rig), &ask, &later));
	assert_true(later.lease != choice.lease);
	baton_board_settle(rig.board, rig_now(&rig), choice.lease, &well); /* the same slot */
	assert_int_equal(rig.board->leases.held, 1);
	rig.ms += 2 * BATON_TURN_TOTAL_MS;
	baton_board_tick(rig.board, rig_now(&rig));
	assert_int_equal(rig.board->leases.held, 1);
	rig.ms += 2000;
	baton_board_tick(rig.board, rig_now(&rig));
	assert_int_equal(rig.board->leases.held, 0);
	baton_board_settle(rig.board, rig_now(&rig), later.lease, &well);
	assert_int_equal(rig.board->money.whole.spent, 7);
	rig_close(&rig);
}

static void a_lost_probe_is_made_again(void **state)
{
	struct rig rig;
	struct baton_choice choice;

	(void)state;
	open_with(&rig, BATON_ON_FAILURE_FALLBACK, "main");
	break_main(&rig);
	rig.ms += 20000;
	struct baton_ask ask = rig_ask(&rig);

	ask.n_past = 0;
	assert_true(baton_board_next(rig.board, rig_now(&rig), &ask, &choice));
	assert_true(choice.probe);
	assert_string_equal(choice.reason, "probe");
	assert_string_equal(rig_turn(&rig), "spare"); /* one probe at a time */
	rig.ms += 62000;
	baton_board_tick(rig.board, rig_now(&rig));
	down[0] = NULL;
	assert_string_equal(rig_turn(&rig), "main");
	rig_close(&rig);
}

static void throttled(struct rig *rig, const struct baton_choice *choice, struct baton_outcome *ret,
		      bool *ret_showed)
{
	(void)ret_showed;
	if (choice->target == rig->route.primary)
		rig_fail(ret, BATON_FAIL_RATE_LIMITED, 5);
	else
		rig_answer(ret);
}

/* It said neither yes nor no: the next turn's call may be the probe, no second one of this turn. */
static void a_probe_is_not_repeated_in_its_turn(void **state)
{
	struct rig rig;

	(void)state;
	open_with(&rig, BATON_ON_FAILURE_FALLBACK, "main");
	break_main(&rig);
	rig.ms += 20000;
	rig.provider = throttled;
	uint64_t calls = rig.calls[0];

	assert_string_equal(rig_turn(&rig), "spare");
	assert_true(rig.choices[0].probe);
	assert_int_equal(rig.calls[0], calls + 1);
	rig.provider = rig_all_well;
	rig.ms += 2000;
	assert_string_equal(rig_turn(&rig), "main");
	assert_true(rig.choices[0].probe);
	rig_close(&rig);
}

/* --- lives of chance --- */

static uint32_t mood[4]; /* millionths of calls of each target that fail */

static void moody(struct rig *rig, const struct baton_choice *choice, struct baton_outcome *ret,
		  bool *ret_showed)
{
	size_t which = (size_t)(choice->target - rig->targets);

	rig_answer(ret);
	if (rig_random(rig) % 1000000 >= mood[which])
		return;
	rig_fail(ret, (uint32_t)(rig_random(rig) % BATON_FAILS_N), rig_random(rig) % 3000);
	ret->scope = (uint32_t)(rig_random(rig) % 4);
	ret->retry_after_ms = rig_random(rig) % 4 ? 0 : (uint32_t)(rig_random(rig) % 10000);
	*ret_showed = rig_random(rig) % 3 == 0;
}

/* Whatever happened before, a primary that is well is in use again: within the longest closure. */
static void a_healthy_primary_is_found_again(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 60; seed++) {
		struct rig rig;

		rig_open(&rig);
		rig.provider = moody;
		rig.random ^= seed * 0x9e3779b97f4a7c15ull;
		rig.class_.on_failure = (enum baton_on_failure)(seed % 4);
		rig.class_.critical = seed % 5 == 0;
		for (size_t i = 0; i < 4; i++)
			mood[i] = (uint32_t)(rig_random(&rig) % 1000001);
		for (int i = 0; i < 200; i++) {
			(void)rig_turn(&rig);
			assert_true(rig.n_past <= BATON_TURN_ATTEMPTS_MAX);
			rig.ms += rig_random(&rig) % 5000;
		}
		assert_int_equal(rig.board->leases.held, 0);
		memset(mood, 0, sizeof(mood));
		bool back = false;
		uint64_t well_ms = rig.ms;

		while (!back && rig.ms < well_ms + 1800000 + 60000) {
			back = strcmp(rig_turn(&rig), "main") == 0;
			rig.ms += 3000;
		}
		assert_true(back);
		rig_close(&rig);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_class_that_escalates_asks_only_whom_it_names),
		cmocka_unit_test(a_class_that_reviews_gets_drafts_of_substitutes),
		cmocka_unit_test(a_class_that_pauses_asks_nobody_else_and_no_person),
		cmocka_unit_test(a_critical_flow_goes_to_a_person_at_once),
		cmocka_unit_test(a_busy_primary_of_a_critical_flow_is_not_an_ill_one),
		cmocka_unit_test(the_first_switch_that_holds_wins),
		cmocka_unit_test(a_mode_s_substitute_comes_before_the_primary),
		cmocka_unit_test(a_target_that_is_switched_off_is_replaced_by_its_substitute),
		cmocka_unit_test(an_admin_closes_a_breaker_and_opens_an_account),
		cmocka_unit_test(a_primary_above_its_p95_is_passed_by_and_heals),
		cmocka_unit_test(a_slow_primary_is_better_than_nobody),
		cmocka_unit_test(retries_have_a_budget),
		cmocka_unit_test(waits_between_retries_are_spread),
		cmocka_unit_test(nothing_is_begun_that_cannot_end),
		cmocka_unit_test(a_lease_is_given_back_once_and_a_lost_one_is_taken_back),
		cmocka_unit_test(a_lost_probe_is_made_again),
		cmocka_unit_test(a_probe_is_not_repeated_in_its_turn),
		cmocka_unit_test(a_healthy_primary_is_found_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
