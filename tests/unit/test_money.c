/* SPDX-License-Identifier: Apache-2.0 */

/* Money: what is reserved, what is settled, what a ceiling stops, and when it is money again. */

#include "tests/unit/board_rig.h"

#include "core/route/inside.h"

/* 1000 tokens of output at 10 dollars a million: a call is one cent at most. */
static void dear(struct rig *rig)
{
	rig_open(rig);
	rig->provider = rig_all_well;
	for (size_t i = 0; i < 3; i++)
		rig->targets[i].out_microusd_per_mtok = 10000000;
}

static void readopt(struct rig *rig)
{
	baton_board_adopt(rig->board, rig_now(rig), &rig->policy);
}

static uint64_t costs;

static void costly(struct rig *rig, const struct baton_choice *choice, struct baton_outcome *ret,
		   bool *ret_showed)
{
	(void)rig;
	(void)choice;
	(void)ret_showed;
	rig_answer(ret);
	ret->cost_microusd = costs;
}

static void the_worst_case_is_the_longest_answer(void **state)
{
	struct baton_target target = { .max_output_tokens = 1000,
				       .in_microusd_per_mtok = 3000000,
				       .out_microusd_per_mtok = 15000000 };

	(void)state;
	assert_int_equal(baton_money_worst(&target, 2000), 6000 + 15000);
	assert_int_equal(baton_money_worst(&target, 1), 3 + 15000);
	target.in_microusd_per_mtok = 1;
	assert_int_equal(baton_money_worst(&target, 1), 1 + 15000); /* rounded up, never down */
	target.out_microusd_per_mtok = UINT64_MAX;
	assert_true(baton_money_worst(&target, 2000) == UINT64_MAX);
}

static void a_turn_has_its_ceiling(void **state)
{
	struct rig rig;
	struct baton_choice choice;

	(void)state;
	dear(&rig);
	rig.route.turn_microusd = 15000;
	struct baton_ask ask = rig_ask(&rig);

	assert_string_equal(rig_next(&rig, &ask, &choice), "main");
	ask.spent_microusd = 5000;
	assert_string_equal(rig_next(&rig, &ask, &choice), "main");
	ask.spent_microusd = 5001;
	assert_string_equal(rig_next(&rig, &ask, &choice), "nobody");
	assert_int_equal(choice.n_skipped, 3);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(choice.skipped[i].trigger, BATON_TRIGGER_COST);
	/* A cheap one still fits. */
	rig.targets[2].out_microusd_per_mtok = 0;
	assert_string_equal(rig_next(&rig, &ask, &choice), "other");
	assert_int_equal(choice.trigger, BATON_TRIGGER_COST);
	/* Without its own, the route has that of all. */
	rig.route.turn_microusd = 0;
	rig.policy.budgets.turn_microusd = 9999;
	ask.spent_microusd = 0;
	assert_string_equal(rig_next(&rig, &ask, &choice), "other");
	rig_close(&rig);
}

static void calls_at_the_same_time_cannot_spend_the_same_cent_twice(void **state)
{
	struct rig rig;
	struct baton_choice first, second, third;

	(void)state;
	dear(&rig);
	rig.route.n_fallbacks = 0;
	rig.route.day_microusd = 25000;
	readopt(&rig);
	struct baton_ask ask = rig_ask(&rig);

	assert_true(baton_board_next(rig.board, rig_now(&rig), &ask, &first));
	assert_true(baton_board_next(rig.board, rig_now(&rig), &ask, &second));
	assert_false(baton_board_next(rig.board, rig_now(&rig), &ask, &third));
	assert_int_equal(third.skipped[0].trigger, BATON_TRIGGER_COST);
	/* It is spoken for, not gone: nothing is told, and it is free again. */
	assert_int_equal(rig_count(&rig, BATON_HAPPENED_BUDGET, "route:refund", "exhausted"), 0);
	struct baton_outcome cheap = { .answered = true, .cost_microusd = 100 };

	baton_board_settle(rig.board, rig_now(&rig), first.lease, &cheap);
	assert_true(baton_board_next(rig.board, rig_now(&rig), &ask, &third));
	baton_board_settle(rig.board, rig_now(&rig), second.lease, &cheap);
	baton_board_settle(rig.board, rig_now(&rig), third.lease, &cheap);
	assert_int_equal(rig.board->money.whole.spent, 300);
	assert_int_equal(rig.board->money.whole.reserved, 0);
	rig_close(&rig);
}

/* Which purse of the three is the small one. */
static void exhausts(struct rig *rig, const char *subject)
{
	costs = 8000;
	rig->provider = costly;
	readopt(rig);
	assert_string_equal(rig_turn(rig), "main");
	assert_string_equal(rig_turn(rig), "main");
	(void)rig_turn(rig);
	assert_int_equal(rig_count(rig, BATON_HAPPENED_BUDGET, subject, "exhausted"), 1);
	(void)rig_turn(rig);
	baton_board_tick(rig->board, rig_now(rig));
	assert_int_equal(rig_count(rig, BATON_HAPPENED_BUDGET, subject, "exhausted"), 1);
	assert_int_equal(rig_count(rig, BATON_HAPPENED_BUDGET, subject, "renewed"), 0);
	/* Midnight in UTC. */
	rig->ms = 86400000;
	baton_board_tick(rig->board, rig_now(rig));
	assert_int_equal(rig_count(rig, BATON_HAPPENED_BUDGET, subject, "renewed"), 1);
	assert_string_equal(rig_turn(rig), "main");
}

static void a_route_an_account_and_the_whole_have_their_days(void **state)
{
	struct rig rig;
	struct baton_account_budget accounts[] = { { "acme", 20000 } };

	(void)state;
	dear(&rig);
	rig.route.day_microusd = 20000;
	exhausts(&rig, "route:refund");
	rig_close(&rig);

	dear(&rig);
	rig.policy.budgets.accounts = accounts;
	rig.policy.budgets.n_accounts = 1;
	exhausts(&rig, "account:acme");
	rig_close(&rig);

	dear(&rig);
	rig.policy.budgets.day_microusd = 20000;
	exhausts(&rig, "tenant");
	rig_close(&rig);
}

static void an_account_without_money_is_passed_over_and_another_pays(void **state)
{
	struct rig rig;
	struct baton_account_budget accounts[] = { { "acme", 10000 } };

	(void)state;
	dear(&rig);
	rig.policy.budgets.accounts = accounts;
	rig.policy.budgets.n_accounts = 1;
	costs = 5000;
	rig.provider = costly;
	readopt(&rig);
	assert_string_equal(rig_turn(&rig), "main");
	assert_string_equal(rig_turn(&rig), "other");
	assert_int_equal(rig.choices[0].trigger, BATON_TRIGGER_COST);
	/* A higher ceiling is money at once. */
	accounts[0].day_microusd = 30000;
	readopt(&rig);
	assert_int_equal(rig_count(&rig, BATON_HAPPENED_BUDGET, "account:acme", "renewed"), 1);
	assert_string_equal(rig_turn(&rig), "main");
	rig_close(&rig);
}

static void a_clock_that_is_set_back_opens_no_second_day(void **state)
{
	struct rig rig;

	(void)state;
	dear(&rig);
	costs = 4000;
	rig.provider = costly;
	rig.ms = 86400000 + 1000;
	assert_string_equal(rig_turn(&rig), "main");
	struct baton_now yesterday = { .ms = rig_now(&rig).ms, .unix_ms = RIG_UNIX_MS + 1000 };

	baton_board_tick(rig.board, yesterday);
	assert_int_equal(rig.board->money.whole.spent, 4000);
	/* One that was a year ahead keeps nobody without money for a year. */
	struct baton_now ahead = { .ms = rig_now(&rig).ms,
				   .unix_ms = RIG_UNIX_MS + 365ull * 86400000 };

	baton_board_tick(rig.board, ahead);
	assert_string_equal(rig_turn(&rig), "main");
	assert_int_equal(rig.board->money.whole.spent, 4000);
	rig.ms += 86400000;
	baton_board_tick(rig.board, rig_now(&rig));
	assert_int_equal(rig.board->money.whole.spent, 0);
	rig_close(&rig);
}

/* Calls of chance, with days that pass and policies that change: what is reserved is the sum of
 * what runs, and in the end nothing is. */
static void reserved_is_what_runs_and_in_the_end_nothing(void **state)
{
	enum { RUNNING_MAX = 64 };
	struct rig rig;
	struct baton_choice running[RUNNING_MAX];
	size_t n = 0;

	(void)state;
	dear(&rig);
	for (int i = 0; i < 20000; i++) {
		struct baton_ask ask = rig_ask(&rig);
		uint64_t reserved = 0;

		rig.ms += rig_random(&rig) % 20000 / (n > RUNNING_MAX / 2 ? 4 : 1);
		if (rig_random(&rig) % 500 == 0) {
			rig.route.day_microusd = rig_random(&rig) % 1000000;
			rig.policy.budgets.day_microusd = rig_random(&rig) % 1000000;
			rig.targets[0].account = rig_random(&rig) % 2 ? "acme" : "initech";
			readopt(&rig);
		}
		if (n < RUNNING_MAX && rig_random(&rig) % 2) {
			n += baton_board_next(rig.board, rig_now(&rig), &ask, &running[n]);
		} else if (n > 0) {
			size_t at = rig_random(&rig) % n;
			struct baton_outcome outcome = { .answered = rig_random(&rig) % 4 > 0,
							 .fail = (uint32_t)(rig_random(&rig) % 21),
							 .cost_microusd =
								 rig_random(&rig) % 20000 };

			baton_board_settle(rig.board, rig_now(&rig), running[at].lease, &outcome);
			running[at] = running[--n];
		}
		for (uint32_t slot = 0; slot < rig.board->leases.n; slot++)
			if (rig.board->leases.slots[slot].target)
				reserved += rig.board->leases.slots[slot].worst;
		assert_int_equal(rig.board->money.whole.reserved, reserved);
		if (i % 100 == 0)
			baton_board_tick(rig.board, rig_now(&rig));
	}
	rig.ms += 120000;
	baton_board_tick(rig.board, rig_now(&rig));
	assert_int_equal(rig.board->leases.held, 0);
	assert_int_equal(rig.board->money.whole.reserved, 0);
	for (struct baton_purse *purse = rig.board->money.accounts; purse; purse = purse->hh.next)
		assert_int_equal(purse->reserved, 0);
	rig_close(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_worst_case_is_the_longest_answer),
		cmocka_unit_test(a_turn_has_its_ceiling),
		cmocka_unit_test(calls_at_the_same_time_cannot_spend_the_same_cent_twice),
		cmocka_unit_test(a_route_an_account_and_the_whole_have_their_days),
		cmocka_unit_test(an_account_without_money_is_passed_over_and_another_pays),
		cmocka_unit_test(a_clock_that_is_set_back_opens_no_second_day),
		cmocka_unit_test(reserved_is_what_runs_and_in_the_end_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
