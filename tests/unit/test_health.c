/* SPDX-License-Identifier: Apache-2.0 */

/* What is known of targets: sliding quantiles, and how calls' ends change what may be asked. */

#include "tests/unit/board_rig.h"

#include "core/route/health.h"
#include "core/route/quantile.h"

#include <stdlib.h>

/* --- histograms --- */

static uint64_t chance = 0x9e3779b97f4a7c15ull;

static uint64_t random_u64(void)
{
	chance ^= chance << 13;
	chance ^= chance >> 7;
	chance ^= chance << 17;
	return chance;
}

/* Times as they occur: most are short, few are long. */
static uint64_t random_ms(void)
{
	return random_u64() % (1ull << (1 + random_u64() % 17));
}

static int by_value(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static void a_quantile_is_within_one_part_in_32(void **state)
{
	enum { N = 5000 };
	static const uint32_t ppms[] = {
		1, 10000, 250000, 500000, 900000, 950000, 990000, 1000000
	};
	static uint64_t values[N];

	(void)state;
	for (int round = 0; round < 20; round++) {
		struct baton_histogram histogram = { 0 };
		size_t n = 1 + random_u64() % N;

		for (size_t i = 0; i < n; i++)
			baton_histogram_add(&histogram, values[i] = random_ms());
		qsort(values, n, sizeof(values[0]), by_value);
		for (size_t i = 0; i < sizeof(ppms) / sizeof(ppms[0]); i++) {
			size_t rank = ((uint64_t)n * ppms[i] + 999999) / 1000000;
			uint64_t exact = values[rank - 1];
			uint64_t said = baton_histogram_quantile(&histogram, ppms[i]);
			uint64_t off = said > exact ? said - exact : exact - said;

			assert_true(off * 32 <= exact);
		}
	}
}

static void a_merge_is_the_histogram_of_both(void **state)
{
	struct baton_histogram a = { 0 }, b = { 0 }, both = { 0 };

	(void)state;
	for (int i = 0; i < 10000; i++) {
		uint64_t value = random_ms();

		baton_histogram_add(i % 3 ? &a : &b, value);
		baton_histogram_add(&both, value);
	}
	baton_histogram_merge(&a, &b);
	assert_memory_equal(&a, &both, sizeof(a));
}

static void nothing_has_no_quantile_and_the_longest_times_stay_in_the_last_bucket(void **state)
{
	struct baton_histogram histogram = { 0 };

	(void)state;
	assert_int_equal(baton_histogram_quantile(&histogram, 950000), 0);
	baton_histogram_add(&histogram, UINT64_MAX);
	assert_true(baton_histogram_quantile(&histogram, 500000) > 250000);
}

/* Held against a list of all values with their times. */
static void a_window_holds_the_last_five_minutes_and_nothing_else(void **state)
{
	enum { N = 20000 };
	static uint64_t at[N];
	static struct baton_quantile quantile;
	uint64_t now_ms = 0, sliced = BATON_QUANTILE_SLICE_MS;

	(void)state;
	memset(&quantile, 0, sizeof(quantile));
	for (size_t i = 0; i < N; i++) {
		/* Now and then it is quiet, for less or for much more than the window. */
		now_ms += random_u64() % 1000 == 0 ? random_u64() % 900000 : random_u64() % 200;
		at[i] = now_ms;
		baton_quantile_add(&quantile, now_ms, random_ms());
		if (i % 100)
			continue;
		uint64_t first = now_ms / sliced >= BATON_QUANTILE_SLICES - 1
					 ? now_ms / sliced - (BATON_QUANTILE_SLICES - 1)
					 : 0;
		uint64_t n = 0;

		for (size_t k = 0; k <= i; k++)
			n += at[k] / sliced >= first;
		assert_int_equal(baton_quantile_window(&quantile, now_ms)->n, n);
	}
	assert_int_equal(baton_quantile_window(&quantile, now_ms + 300000)->n, 0);
	assert_int_equal(quantile.n, N);
}

/* --- rows --- */

struct ward {
	struct baton_health health;
	struct baton_target target, sister;
	struct baton_policy policy;
	struct baton_now now;
};

static void ward_open(struct ward *ward)
{
	memset(ward, 0, sizeof(*ward));
	ward->target = rig_target("main", "acme");
	ward->sister = rig_target("spare", "acme");
	ward->now = (struct baton_now){ .ms = 1000, .unix_ms = RIG_UNIX_MS };
}

static struct baton_target_health *row_of(struct ward *ward, const struct baton_target *target)
{
	return baton_health_target(&ward->health, ward->now, target);
}

static enum baton_trigger gate_of(struct ward *ward, const struct baton_target *target)
{
	return baton_health_gate(&ward->health, row_of(ward, target), ward->now.ms, false).trigger;
}

/* A whole call, as the gate lets it pass. */
static void call(struct ward *ward, const struct baton_target *target,
		 const struct baton_outcome *outcome)
{
	struct baton_target_health *row = row_of(ward, target);
	struct baton_gate gate = baton_health_gate(&ward->health, row, ward->now.ms, false);

	assert_int_equal(gate.trigger, BATON_TRIGGER_NONE);
	baton_health_begin(&ward->health, ward->now, row, gate.probes);
	baton_health_settle(&ward->health, ward->now, row, gate.probes, outcome);
}

static void the_latest_pause_counts(void **state)
{
	struct ward ward;

	(void)state;
	ward_open(&ward);
	struct baton_target_health *row = row_of(&ward, &ward.target);

	/* Two calls run at once; the one with the shorter hint ends last. */
	baton_health_begin(&ward.health, ward.now, row, 0);
	baton_health_begin(&ward.health, ward.now, row, 0);
	baton_health_settle(&ward.health, ward.now, row, 0,
			    &(struct baton_outcome){ .fail = BATON_FAIL_RATE_LIMITED,
						     .retry_after_ms = 30000 });
	baton_health_settle(
		&ward.health, ward.now, row, 0,
		&(struct baton_outcome){ .fail = BATON_FAIL_RATE_LIMITED, .retry_after_ms = 1000 });
	ward.now.ms += 29999;
	assert_int_equal(gate_of(&ward, &ward.target), BATON_TRIGGER_THROTTLED);
	assert_int_equal(gate_of(&ward, &ward.sister), BATON_TRIGGER_NONE);
	ward.now.ms += 1;
	assert_int_equal(gate_of(&ward, &ward.target), BATON_TRIGGER_NONE);
	baton_health_done(&ward.health);
}

static void a_hint_of_a_year_is_ten_minutes_and_a_local_model_has_no_rate(void **state)
{
	struct ward ward;
	struct baton_outcome year = { .fail = BATON_FAIL_RATE_LIMITED,
				      .retry_after_ms = UINT32_MAX };

	(void)state;
	ward_open(&ward);
	call(&ward, &ward.target, &year);
	ward.now.ms += 600000;
	assert_int_equal(gate_of(&ward, &ward.target), BATON_TRIGGER_NONE);
	ward.sister.local = true;
	call(&ward, &ward.sister, &year);
	assert_int_equal(gate_of(&ward, &ward.sister), BATON_TRIGGER_NONE);
	baton_health_done(&ward.health);
}

static void throttling_of_the_account_pauses_all_its_models(void **state)
{
	struct ward ward;

	(void)state;
	ward_open(&ward);
	call(&ward, &ward.target,
	     &(struct baton_outcome){ .fail = BATON_FAIL_RATE_LIMITED,
				      .scope = BATON_SCOPE_ACCOUNT,
				      .retry_after_ms = 5000 });
	assert_int_equal(gate_of(&ward, &ward.sister), BATON_TRIGGER_THROTTLED);
	baton_health_done(&ward.health);
}

static void pauses_without_a_hint_double_and_an_answer_ends_the_row(void **state)
{
	struct ward ward;
	struct baton_outcome many = { .fail = BATON_FAIL_RATE_LIMITED };
	struct baton_outcome well = { .answered = true, .total_ms = 100 };

	(void)state;
	ward_open(&ward);
	for (uint64_t pause = 1000; pause <= 32000; pause *= 2) {
		call(&ward, &ward.target, &many);
		ward.now.ms += pause - 1;
		assert_int_equal(gate_of(&ward, &ward.target), BATON_TRIGGER_THROTTLED);
		ward.now.ms += 1;
	}
	call(&ward, &ward.target, &well);
	call(&ward, &ward.target, &many);
	ward.now.ms += 1000;
	assert_int_equal(gate_of(&ward, &ward.target), BATON_TRIGGER_NONE);
	baton_health_done(&ward.health);
}

static void the_question_s_fault_is_not_the_target_s(void **state)
{
	static const struct baton_outcome questions[] = {
		{ .fail = BATON_FAIL_REFUSED },
		{ .fail = BATON_FAIL_BAD_REQUEST },
		{ .fail = BATON_FAIL_TOO_LONG },
		{ .fail = BATON_FAIL_CANCELLED },
		{ .fail = BATON_FAIL_PRICE },
		{ .cancelled = true },
		{ .fail = BATON_FAIL_BAD_OUTPUT, .scope = BATON_SCOPE_REQUEST },
	};
	struct ward ward;

	(void)state;
	ward_open(&ward);
	for (int round = 0; round < 10; round++)
		for (size_t i = 0; i < sizeof(questions) / sizeof(questions[0]); i++)
			call(&ward, &ward.target, &questions[i]);
	assert_int_equal(gate_of(&ward, &ward.target), BATON_TRIGGER_NONE);
	assert_int_equal(baton_health_share_ppm(row_of(&ward, &ward.target), ward.now.ms), 1000000);
	baton_health_done(&ward.health);
}

static void a_date_of_the_provider_is_kept(void **state)
{
	struct ward ward;
	struct baton_outcome quota = { .fail = BATON_FAIL_QUOTA,
				       .scope = BATON_SCOPE_ACCOUNT,
				       .until_unix_ms = RIG_UNIX_MS + 7200000 };

	(void)state;
	ward_open(&ward);
	call(&ward, &ward.target, &quota);
	ward.now.ms += 7199999;
	ward.now.unix_ms += 7199999;
	assert_int_equal(gate_of(&ward, &ward.sister), BATON_TRIGGER_QUOTA);
	ward.now.ms += 1;
	ward.now.unix_ms += 1;
	/* One call finds out; while it runs, nobody else is let through. */
	struct baton_target_health *row = row_of(&ward, &ward.sister);
	struct baton_gate gate = baton_health_gate(&ward.health, row, ward.now.ms, false);

	assert_int_equal(gate.probes, BATON_PROBE_ACCOUNT);
	baton_health_begin(&ward.health, ward.now, row, gate.probes);
	assert_int_equal(gate_of(&ward, &ward.target), BATON_TRIGGER_QUOTA);
	baton_health_settle(&ward.health, ward.now, row, gate.probes,
			    &(struct baton_outcome){ .answered = true });
	assert_int_equal(gate_of(&ward, &ward.target), BATON_TRIGGER_NONE);
	baton_health_done(&ward.health);
}

static void quota_of_one_model_closes_that_model_alone(void **state)
{
	struct ward ward;

	(void)state;
	ward_open(&ward);
	call(&ward, &ward.target, &(struct baton_outcome){ .fail = BATON_FAIL_QUOTA });
	assert_int_equal(gate_of(&ward, &ward.target), BATON_TRIGGER_QUOTA);
	assert_int_equal(gate_of(&ward, &ward.sister), BATON_TRIGGER_NONE);
	baton_health_done(&ward.health);
}

static void a_region_is_down_when_all_its_targets_are(void **state)
{
	struct ward ward;
	struct baton_outcome down = { .fail = BATON_FAIL_UNAVAILABLE };

	(void)state;
	ward_open(&ward);
	struct baton_target alone = rig_target("alone", "acme");

	ward.target.region = ward.sister.region = "eu-1";
	alone.region = "us-1";
	ward.policy = (struct baton_policy){ .targets = &ward.target, .n_targets = 2 };
	struct baton_target all[3] = { ward.target, ward.sister, alone };

	ward.policy.targets = all;
	ward.policy.n_targets = 3;
	baton_health_adopt(&ward.health, ward.now, &ward.policy);
	for (int i = 0; i < 3; i++)
		call(&ward, &ward.target, &down);
	assert_int_equal(gate_of(&ward, &ward.target), BATON_TRIGGER_DEGRADED);
	for (int i = 0; i < 3; i++)
		call(&ward, &alone, &down);
	assert_int_equal(gate_of(&ward, &alone), BATON_TRIGGER_DEGRADED); /* one is no region */
	for (int i = 0; i < 3; i++)
		call(&ward, &ward.sister, &down);
	assert_int_equal(gate_of(&ward, &ward.target), BATON_TRIGGER_REGIONAL_OUTAGE);
	assert_int_equal(gate_of(&ward, &ward.sister), BATON_TRIGGER_REGIONAL_OUTAGE);
	baton_health_done(&ward.health);
}

static void as_many_calls_at_once_as_allowed(void **state)
{
	struct ward ward;

	(void)state;
	ward_open(&ward);
	ward.target.max_concurrent = 2;
	struct baton_target_health *row = row_of(&ward, &ward.target);

	baton_health_begin(&ward.health, ward.now, row, 0);
	assert_int_equal(gate_of(&ward, &ward.target), BATON_TRIGGER_NONE);
	baton_health_begin(&ward.health, ward.now, row, 0);
	assert_int_equal(gate_of(&ward, &ward.target), BATON_TRIGGER_BUSY);
	baton_health_settle(&ward.health, ward.now, row, 0,
			    &(struct baton_outcome){ .cancelled = true });
	assert_int_equal(gate_of(&ward, &ward.target), BATON_TRIGGER_NONE);
	baton_health_done(&ward.health);
}

static void facts_of_a_scope_add_up_its_primaries_and_count_each_target_once(void **state)
{
	struct ward ward;
	struct baton_outcome well = { .answered = true, .first_token_ms = 200, .total_ms = 900 };
	struct baton_outcome down = { .fail = BATON_FAIL_UNAVAILABLE };
	struct baton_outcome many = { .fail = BATON_FAIL_RATE_LIMITED };
	struct baton_mode_facts facts = { .turns = 77 };

	(void)state;
	ward_open(&ward);
	struct baton_target both[2] = { ward.target, ward.sister };
	struct baton_route routes[2] = {
		{ .intent = "a", .primary = &both[0], .fallbacks = { &both[1] }, .n_fallbacks = 1 },
		{ .intent = "b", .primary = &both[1], .fallbacks = { &both[0] }, .n_fallbacks = 1 }
	};

	ward.policy = (struct baton_policy){
		.targets = both, .n_targets = 2, .routes = routes, .n_routes = 2
	};
	baton_health_adopt(&ward.health, ward.now, &ward.policy);
	for (int i = 0; i < 6; i++)
		call(&ward, &both[0], &well);
	for (int i = 0; i < 3; i++)
		call(&ward, &both[1], &down);
	call(&ward, &both[0], &many);
	ward.now.ms += 500;
	baton_health_facts(&ward.health, ward.now, &ward.policy, NULL, &facts);
	assert_int_equal(facts.turns, 77);
	assert_int_equal(facts.total_targets, 2);
	assert_int_equal(facts.healthy_targets, 0); /* one pauses, one is down */
	assert_int_equal(facts.calls, 10);
	assert_int_equal(facts.error_ppm, 400000);
	assert_int_equal(facts.rate_limited_ppm, 100000);
	assert_int_equal(facts.healthy_ms, 500);
	assert_true(facts.p95_ms >= 870 && facts.p95_ms <= 930);
	assert_true(facts.first_token_p95_ms >= 194 && facts.first_token_p95_ms <= 206);
	assert_int_equal(facts.flags, BATON_MODE_FACT_PRIMARY_OPEN | BATON_MODE_FACT_ALL_DOWN);

	const char *only_a[] = { "a" };
	struct baton_mode_def scope = { .name = "m", .intents = only_a, .n_intents = 1 };

	facts.flags = 0;
	ward.now.ms += 1000;
	baton_health_facts(&ward.health, ward.now, &ward.policy, &scope, &facts);
	assert_int_equal(facts.calls, 7);
	assert_int_equal(facts.healthy_targets, 1);
	assert_int_equal(facts.flags, 0);
	baton_health_done(&ward.health);
}

static void names_that_nobody_uses_are_forgotten_but_not_what_an_admin_switched_off(void **state)
{
	struct ward ward;
	struct baton_policy none = { 0 };

	(void)state;
	ward_open(&ward);
	struct baton_target both[2] = { ward.target, ward.sister };

	ward.policy = (struct baton_policy){ .targets = both, .n_targets = 2 };
	baton_health_adopt(&ward.health, ward.now, &ward.policy);
	assert_true(baton_health_disable(&ward.health, ward.now, "spare",
					 &(struct baton_admin){ "ann", "cost" }));
	assert_false(baton_health_disable(&ward.health, ward.now, "nobody",
					  &(struct baton_admin){ "ann", "cost" }));
	baton_health_adopt(&ward.health, ward.now, &none);
	baton_health_tick(&ward.health, ward.now);
	assert_non_null(baton_health_find(&ward.health, "main"));
	ward.now.ms += 120000;
	baton_health_tick(&ward.health, ward.now);
	assert_null(baton_health_find(&ward.health, "main"));
	assert_true(baton_health_find(&ward.health, "spare")->disabled);
	baton_health_done(&ward.health);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_quantile_is_within_one_part_in_32),
		cmocka_unit_test(a_merge_is_the_histogram_of_both),
		cmocka_unit_test(
			nothing_has_no_quantile_and_the_longest_times_stay_in_the_last_bucket),
		cmocka_unit_test(a_window_holds_the_last_five_minutes_and_nothing_else),
		cmocka_unit_test(the_latest_pause_counts),
		cmocka_unit_test(a_hint_of_a_year_is_ten_minutes_and_a_local_model_has_no_rate),
		cmocka_unit_test(throttling_of_the_account_pauses_all_its_models),
		cmocka_unit_test(pauses_without_a_hint_double_and_an_answer_ends_the_row),
		cmocka_unit_test(the_question_s_fault_is_not_the_target_s),
		cmocka_unit_test(a_date_of_the_provider_is_kept),
		cmocka_unit_test(quota_of_one_model_closes_that_model_alone),
		cmocka_unit_test(a_region_is_down_when_all_its_targets_are),
		cmocka_unit_test(as_many_calls_at_once_as_allowed),
		cmocka_unit_test(facts_of_a_scope_add_up_its_primaries_and_count_each_target_once),
		cmocka_unit_test(
			names_that_nobody_uses_are_forgotten_but_not_what_an_admin_switched_off),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
