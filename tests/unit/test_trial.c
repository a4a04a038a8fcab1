/* SPDX-License-Identifier: Apache-2.0 */

/* A canary's verdict: with scripted clocks one by one, and over ten thousand trials with chances
 * as real traffic has them. */

#include "tests/unit/unit.h"

#include "core/base/json.h"
#include "core/swap/trial.h"
#include "tests/unit/often.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MINUTE = 60000, PPM = 1000000 };

static const struct baton_release_def usual = {
	.canary_min_turns = 200,
	.canary_fail_delta_ppm = 20000,
	.canary_escalation_delta_ppm = 100000,
	.canary_p95_ratio_ppm = 1500000,
	.canary_cost_ratio_ppm = 1500000,
	.canary_for_ms = 30 * MINUTE,
	.canary_quiet_ms = 10 * MINUTE,
};

static const struct baton_trial_sample good = { .first_ms = 400,
						.total_ms = 1500,
						.cost_microusd = 900 };
static const struct baton_trial_sample bad = { .failed = true, .total_ms = 1500 };

static void add(struct baton_trial *trial, enum baton_trial_who who,
		const struct baton_trial_sample *sample, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		baton_trial_add(trial, who, sample);
}

/* --- too few ------------------------------------------------------------------------------- */

static void one_failure_in_three_decides_nothing(void **state)
{
	struct baton_trial trial;

	(void)state;
	baton_trial_begin(&trial, &usual, 5000);
	add(&trial, BATON_TRIAL_STABLE, &good, 300);
	assert_int_equal(baton_trial_decide(&trial, 5000), BATON_TRIAL_WAIT);
	add(&trial, BATON_TRIAL_CANDIDATE, &bad, 1);
	assert_int_equal(baton_trial_decide(&trial, 6000), BATON_TRIAL_WAIT);
	add(&trial, BATON_TRIAL_CANDIDATE, &good, 2);
	assert_int_equal(baton_trial_decide(&trial, 7000), BATON_TRIAL_WAIT);
	/* Nor one in eight, when there is a first look. */
	add(&trial, BATON_TRIAL_CANDIDATE, &good, 5);
	assert_int_equal(baton_trial_decide(&trial, 8000), BATON_TRIAL_WAIT);
	assert_string_equal(trial.why, "8 turns, and 300 on the live release, of 200");
}

static void what_fails_always_is_caught_at_eight_turns(void **state)
{
	struct baton_trial trial;

	(void)state;
	baton_trial_begin(&trial, &usual, 0);
	add(&trial, BATON_TRIAL_STABLE, &good, 100);
	for (unsigned i = 1; i < 8; i++) {
		add(&trial, BATON_TRIAL_CANDIDATE, &bad, 1);
		assert_int_equal(baton_trial_decide(&trial, i * 1000), BATON_TRIAL_WAIT);
	}
	add(&trial, BATON_TRIAL_CANDIDATE, &bad, 1);
	assert_int_equal(baton_trial_decide(&trial, 8000), BATON_TRIAL_ROLL_BACK);
	assert_string_equal(trial.why,
			    "8 of 8 turns failed, 100.0 %; on the live release 0.0 %; at "
			    "most 2.0 points more are allowed");
	/* Even with nothing to compare it with. */
	baton_trial_begin(&trial, &usual, 0);
	add(&trial, BATON_TRIAL_CANDIDATE, &bad, 8);
	assert_int_equal(baton_trial_decide(&trial, 1000), BATON_TRIAL_ROLL_BACK);
	assert_string_equal(trial.why, "8 of 8 turns failed");
	/* But not while all fail everywhere: then it is not the release. */
	baton_trial_begin(&trial, &usual, 0);
	add(&trial, BATON_TRIAL_STABLE, &bad, 40);
	add(&trial, BATON_TRIAL_CANDIDATE, &bad, 100);
	assert_int_equal(baton_trial_decide(&trial, 1000), BATON_TRIAL_WAIT);
}

/* An outage of everything: as bad as the live release, and yet nobody knows what it is worth. */
static void what_fails_everywhere_is_not_promoted(void **state)
{
	struct baton_trial trial;

	(void)state;
	baton_trial_begin(&trial, &usual, 0);
	add(&trial, BATON_TRIAL_STABLE, &bad, 2000);
	add(&trial, BATON_TRIAL_CANDIDATE, &bad, 500);
	assert_int_equal(baton_trial_decide(&trial, 1000), BATON_TRIAL_WAIT);
	assert_string_equal(trial.why, "500 of 500 turns failed, and on the live release 100.0 %: "
				       "nothing can be told while most fail");
	assert_int_equal(baton_trial_decide(&trial, 30 * MINUTE), BATON_TRIAL_ROLL_BACK);
	/* It ends in time: the good turns tell. */
	baton_trial_begin(&trial, &usual, 0);
	add(&trial, BATON_TRIAL_STABLE, &bad, 200);
	add(&trial, BATON_TRIAL_CANDIDATE, &bad, 200);
	assert_int_equal(baton_trial_decide(&trial, 1000), BATON_TRIAL_WAIT);
	add(&trial, BATON_TRIAL_STABLE, &good, 30000);
	add(&trial, BATON_TRIAL_CANDIDATE, &good, 30000);
	assert_int_equal(baton_trial_decide(&trial, 2000), BATON_TRIAL_PROMOTE);
}

static void half_of_the_turns_failing_is_caught_at_the_first_look(void **state)
{
	struct baton_trial trial;
	unsigned turns = 0;

	(void)state;
	baton_trial_begin(&trial, &usual, 0);
	add(&trial, BATON_TRIAL_STABLE, &good, 2000);
	while (baton_trial_decide(&trial, 1000) == BATON_TRIAL_WAIT && turns < 200)
		add(&trial, BATON_TRIAL_CANDIDATE, turns++ % 2 ? &good : &bad, 1);
	assert_int_equal(trial.verdict, BATON_TRIAL_ROLL_BACK);
	assert_int_equal(turns, BATON_TRIAL_FIRST_LOOK);
}

static void too_few_turns_are_no_proof_and_end_with_the_time(void **state)
{
	struct baton_trial trial;

	(void)state;
	baton_trial_begin(&trial, &usual, 1000);
	add(&trial, BATON_TRIAL_STABLE, &good, 1000);
	add(&trial, BATON_TRIAL_CANDIDATE, &good, 199);
	assert_int_equal(baton_trial_decide(&trial, 1000 + 30 * MINUTE - 1), BATON_TRIAL_WAIT);
	assert_int_equal(baton_trial_decide(&trial, 1000 + 30 * MINUTE), BATON_TRIAL_ROLL_BACK);
	assert_string_equal(trial.why,
			    "only 199 turns in 1800 s, and 1000 on the live release; at least 200 "
			    "of each must tell: give it a larger share, or more time");
	/* The same the other way round: nothing to compare with. */
	baton_trial_begin(&trial, &usual, 1000);
	add(&trial, BATON_TRIAL_STABLE, &good, 12);
	add(&trial, BATON_TRIAL_CANDIDATE, &good, 4000);
	assert_int_equal(baton_trial_decide(&trial, 2000), BATON_TRIAL_WAIT);
	assert_int_equal(baton_trial_decide(&trial, 1000 + 30 * MINUTE), BATON_TRIAL_ROLL_BACK);
}

/* --- one decision --------------------------------------------------------------------------- */

static void a_good_one_is_promoted_once_enough_turns_say_so(void **state)
{
	struct baton_trial trial;

	(void)state;
	baton_trial_begin(&trial, &usual, 0);
	add(&trial, BATON_TRIAL_STABLE, &good, 4000);
	add(&trial, BATON_TRIAL_CANDIDATE, &good, 199);
	assert_int_equal(baton_trial_decide(&trial, 60000), BATON_TRIAL_WAIT);
	add(&trial, BATON_TRIAL_CANDIDATE, &good, 1);
	assert_int_equal(baton_trial_decide(&trial, 61000), BATON_TRIAL_PROMOTE);
	assert_int_equal(trial.decided_ms, 61000);
	assert_string_equal(trial.why,
			    "200 turns: 0.0 % failed (live 0.0 %), 0.0 % went to a person (live "
			    "0.0 %), within all limits");
}

static void what_was_decided_stays_decided(void **state)
{
	struct baton_trial trial;
	char why[BATON_TRIAL_WHY_MAX];

	(void)state;
	baton_trial_begin(&trial, &usual, 0);
	add(&trial, BATON_TRIAL_STABLE, &good, 100);
	add(&trial, BATON_TRIAL_CANDIDATE, &bad, 8);
	assert_int_equal(baton_trial_decide(&trial, 1000), BATON_TRIAL_ROLL_BACK);
	memcpy(why, trial.why, sizeof(why));
	/* It would look very well by now. */
	add(&trial, BATON_TRIAL_CANDIDATE, &good, 100000);
	assert_int_equal(baton_trial_decide(&trial, 40 * MINUTE), BATON_TRIAL_ROLL_BACK);
	assert_string_equal(trial.why, why);
	assert_int_equal(trial.decided_ms, 1000);
	assert_int_equal(trial.sides[BATON_TRIAL_CANDIDATE].turns, 8);

	baton_trial_begin(&trial, &usual, 0);
	add(&trial, BATON_TRIAL_STABLE, &good, 4000);
	add(&trial, BATON_TRIAL_CANDIDATE, &good, 200);
	assert_int_equal(baton_trial_decide(&trial, 1000), BATON_TRIAL_PROMOTE);
	add(&trial, BATON_TRIAL_CANDIDATE, &bad, 100000);
	assert_int_equal(baton_trial_decide(&trial, 40 * MINUTE), BATON_TRIAL_PROMOTE);
}

/* Failures that come and go: one verdict, and then quiet. */
static void a_flapping_one_gets_one_verdict_and_then_a_cool_down(void **state)
{
	struct baton_trial trial;
	unsigned verdicts = 0;
	uint64_t now = 0;

	(void)state;
	baton_trial_begin(&trial, &usual, now);
	for (unsigned wave = 0; wave < 40; wave++) {
		enum baton_trial_verdict before = trial.verdict;

		now += 20000;
		add(&trial, BATON_TRIAL_STABLE, &good, 60);
		add(&trial, BATON_TRIAL_CANDIDATE, wave % 2 ? &bad : &good, 3);
		verdicts += baton_trial_decide(&trial, now) != before;
	}
	assert_int_equal(verdicts, 1);
	assert_int_equal(trial.verdict, BATON_TRIAL_ROLL_BACK);
	uint64_t at = trial.decided_ms;
	assert_int_equal(baton_trial_quiet_left_ms(&usual, at, at), 10 * MINUTE);
	assert_int_equal(baton_trial_quiet_left_ms(&usual, at, at + 9 * MINUTE), MINUTE);
	assert_int_equal(baton_trial_quiet_left_ms(&usual, at, at + 10 * MINUTE), 0);
	assert_int_equal(baton_trial_quiet_left_ms(&usual, 0, 1), 0);
}

/* --- what else it is held to ---------------------------------------------------------------- */

/* A hundred kinds of turns of each side; the verdict at the end of the time. */
static enum baton_trial_verdict judge(const struct baton_trial_sample *candidate,
				      const struct baton_release_def *limits,
				      struct baton_trial *trial)
{
	baton_trial_begin(trial, limits, 0);
	add(trial, BATON_TRIAL_STABLE, &good, 2000);
	add(trial, BATON_TRIAL_CANDIDATE, candidate, 400);
	(void)baton_trial_decide(trial, 1000);
	return baton_trial_decide(trial, 31 * MINUTE);
}

static void a_slow_one_is_rolled_back(void **state)
{
	struct baton_trial trial;
	struct baton_trial_sample slow = good;

	(void)state;
	slow.first_ms = 900;
	assert_int_equal(judge(&slow, &usual, &trial), BATON_TRIAL_ROLL_BACK);
	assert_string_equal(trial.why, "95 of 100 first words come within 912 ms; on the live "
				       "release within 408 ms; at most 1.50 times that is allowed");
	assert_int_equal(trial.decided_ms, 1000);
	slow = good;
	slow.total_ms = 5000;
	assert_int_equal(judge(&slow, &usual, &trial), BATON_TRIAL_ROLL_BACK);
	/* A little slower is no reason, and what nobody notices is none either. */
	slow.total_ms = 2000;
	assert_int_equal(judge(&slow, &usual, &trial), BATON_TRIAL_PROMOTE);
	struct baton_release_def strict = usual;
	strict.canary_p95_ratio_ppm = 1000000;
	slow = good;
	slow.first_ms = 480;
	assert_int_equal(judge(&slow, &strict, &trial), BATON_TRIAL_PROMOTE);
	/* Who does not care says 0. */
	strict.canary_p95_ratio_ppm = 0;
	slow.total_ms = 90000;
	assert_int_equal(judge(&slow, &strict, &trial), BATON_TRIAL_PROMOTE);
}

static void a_costly_one_is_rolled_back(void **state)
{
	struct baton_trial trial;
	struct baton_trial_sample costly = good;
	struct baton_release_def any = usual;

	(void)state;
	costly.cost_microusd = 1800;
	assert_int_equal(judge(&costly, &usual, &trial), BATON_TRIAL_ROLL_BACK);
	assert_string_equal(trial.why, "a turn costs $0.001800; on the live release $0.000900; at "
				       "most 1.50 times that is allowed");
	costly.cost_microusd = 1300;
	assert_int_equal(judge(&costly, &usual, &trial), BATON_TRIAL_PROMOTE);
	any.canary_cost_ratio_ppm = 0;
	costly.cost_microusd = 1000000;
	assert_int_equal(judge(&costly, &any, &trial), BATON_TRIAL_PROMOTE);
}

static void one_that_hands_everybody_over_is_rolled_back(void **state)
{
	struct baton_trial trial;
	struct baton_trial_sample escalating = good;

	(void)state;
	escalating.escalated = true;
	assert_int_equal(judge(&escalating, &usual, &trial), BATON_TRIAL_ROLL_BACK);
	assert_string_equal(trial.why, "400 of 400 turns went to a person, 100.0 %; on the live "
				       "release 0.0 %; at most 10.0 points more are allowed");
}

static void one_that_breaks_the_contract_is_rolled_back_at_once(void **state)
{
	struct baton_trial trial;
	struct baton_trial_sample breaking = good;
	struct baton_release_def patient = usual;

	(void)state;
	breaking.violations = 1;
	baton_trial_begin(&trial, &usual, 0);
	baton_trial_add(&trial, BATON_TRIAL_CANDIDATE, &breaking);
	assert_int_equal(baton_trial_decide(&trial, 1), BATON_TRIAL_ROLL_BACK);
	assert_string_equal(trial.why,
			    "its modules broke their contract 1 times; at most 0 are allowed");
	patient.canary_violations = 3;
	baton_trial_begin(&trial, &patient, 0);
	add(&trial, BATON_TRIAL_CANDIDATE, &breaking, 3);
	assert_int_equal(baton_trial_decide(&trial, 1), BATON_TRIAL_WAIT);
	baton_trial_add(&trial, BATON_TRIAL_CANDIDATE, &breaking);
	assert_int_equal(baton_trial_decide(&trial, 2), BATON_TRIAL_ROLL_BACK);
}

/* --- who takes part ------------------------------------------------------------------------- */

static struct baton_id nth_id(uint64_t n)
{
	uint8_t random[10] = { 0 };

	memcpy(random + 3, &n, sizeof(random) - 3);
	return baton_id_make(1700000000000ull + n / 50, random);
}

static void the_share_is_the_share_and_sessions_stick_to_it(void **state)
{
	enum { SESSIONS = 200000 };
	static const uint32_t shares[] = { 0, 100, 10000, 50000, 500000, PPM };

	(void)state;
	for (size_t s = 0; s < sizeof(shares) / sizeof(shares[0]); s++) {
		unsigned in = 0, other = 0;

		for (uint64_t i = 0; i < SESSIONS; i++) {
			struct baton_id id = nth_id(i);
			bool takes = baton_trial_takes(&id, shares[s], 7);

			in += takes;
			assert_int_equal(takes, baton_trial_takes(&id, shares[s], 7));
			/* Who was in stays in when the share grows. */
			if (takes && s + 1 < sizeof(shares) / sizeof(shares[0]))
				assert_true(baton_trial_takes(&id, shares[s + 1], 7));
			other += takes && baton_trial_takes(&id, shares[s], 8);
		}
		double share = (double)shares[s] / PPM, sd = sqrt(SESSIONS * share * (1 - share));
		assert_true(fabs(in - SESSIONS * share) <= 4 * sd + 0.5);
		/* The next candidate is tried by others: both only by chance. */
		double both = share * share, sd_both = sqrt(SESSIONS * both * (1 - both));
		assert_true(fabs(other - SESSIONS * both) <= 4 * sd_both + 0.5);
	}
}

/* --- the arithmetic ------------------------------------------------------------------------- */

/* Newcombe's own tables: E. B. Wilson's interval of 81/263 (1998, p. 857, table I), and differences
 * of method 10 (p. 873, table II). */
static void intervals_are_those_of_the_papers(void **state)
{
	static const struct {
		unsigned a, m, b, n;
		double low, high;
	} rows[] = { { 56, 70, 48, 80, 0.0524, 0.3339 }, { 9, 10, 3, 10, 0.1705, 0.8090 },
		     { 6, 7, 2, 7, 0.0582, 0.8062 },     { 5, 56, 0, 29, -0.0381, 0.1926 },
		     { 0, 10, 0, 20, -0.1611, 0.2775 },  { 10, 10, 0, 10, 0.6075, 1.0000 } };
	struct baton_interval wilson = baton_wilson(81, 263, 1.959964);

	(void)state;
	assert_true(fabs(wilson.low - 0.2553) < 0.0001 && fabs(wilson.high - 0.3662) < 0.0001);
	wilson = baton_wilson(0, 20, 1.959964);
	assert_true(wilson.low == 0 && fabs(wilson.high - 0.1611) < 0.0001);
	wilson = baton_wilson(0, 0, 1.959964);
	assert_true(wilson.low == 0 && wilson.high == 1);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct baton_interval d =
			baton_newcombe(rows[i].a, rows[i].m, rows[i].b, rows[i].n, 1.959964);

		assert_true(fabs(d.low - rows[i].low) < 0.00011);
		assert_true(fabs(d.high - rows[i].high) < 0.00011);
	}
}

/* --- thousands of trials ---------------------------------------------------------------------- */

static uint64_t rng_state;

static uint64_t rng(void)
{
	rng_state ^= rng_state << 13;
	rng_state ^= rng_state >> 7;
	rng_state ^= rng_state << 17;
	return rng_state * 0x2545F4914F6CDD1Du;
}

/* Log-normal times, drawn from a table: the sum of twelve is near enough to normal. */
enum { TIMES = 8192 };
static uint32_t times[TIMES];

static void make_times(void)
{
	for (unsigned i = 0; i < TIMES; i++) {
		double normal = -6;

		for (unsigned k = 0; k < 12; k++)
			normal += (double)(rng() >> 11) / 9007199254740992.0;
		times[i] = (uint32_t)lround(exp(6.5 + 0.8 * normal)); /* median 665 ms, p95 2.5 s */
	}
}

struct chances {
	unsigned fail_ppm, escalate_ppm;
};

static void draw(struct chances chances, struct baton_trial_sample *sample)
{
	uint64_t r = rng();

	*sample = (struct baton_trial_sample){
		.failed = (r & 0xfffff) * PPM >> 20 < chances.fail_ppm,
		.escalated = (r >> 20 & 0xfffff) * PPM >> 20 < chances.escalate_ppm,
		.first_ms = times[r >> 40 & (TIMES - 1)],
	};
	sample->total_ms = sample->first_ms + times[r >> 53 & 2047];
	sample->cost_microusd = times[(r >> 33) & (TIMES - 1)];
}

struct tally {
	unsigned promoted, rolled_back;
	uint64_t turns;
};

/* At most a thousand turns of the candidate beside four thousand, then the time is up. */
static struct tally trials(unsigned n, struct chances stable, struct chances candidate)
{
	struct tally tally = { 0, 0, 0 };

	for (unsigned i = 0; i < n; i++) {
		struct baton_trial trial;
		struct baton_trial_sample sample;

		baton_trial_begin(&trial, &usual, 0);
		for (unsigned turn = 0; turn < 1000 && trial.verdict == BATON_TRIAL_WAIT; turn++) {
			for (unsigned k = 0; k < 4; k++) {
				draw(stable, &sample);
				baton_trial_add(&trial, BATON_TRIAL_STABLE, &sample);
			}
			draw(candidate, &sample);
			baton_trial_add(&trial, BATON_TRIAL_CANDIDATE, &sample);
			(void)baton_trial_decide(&trial, turn);
		}
		(void)baton_trial_decide(&trial, usual.canary_for_ms);
		tally.promoted += trial.verdict == BATON_TRIAL_PROMOTE;
		tally.rolled_back += trial.verdict == BATON_TRIAL_ROLL_BACK;
		tally.turns += trial.sides[BATON_TRIAL_CANDIDATE].turns;
	}
	return tally;
}

static void equal_sides_are_promoted_and_worse_ones_are_not(void **state)
{
	/* Of few trials more may go by luck: three standard deviations of one in a hundred. */
	enum { TRIALS = OFTEN(3000), LUCK = TRIALS < 3000 ? TRIALS / 100 : 0 };
	static const struct {
		const char *what;
		struct chances stable, candidate;
		unsigned promoted_min, rolled_back_min; /* of a hundred */
	} rows[] = {
		{ "equal, 2 % fail", { 20000, 150000 }, { 20000, 150000 }, 99, 0 },
		{ "equal, 5 % fail", { 50000, 300000 }, { 50000, 300000 }, 99, 0 },
		{ "equal, none fails", { 0, 150000 }, { 0, 150000 }, 99, 0 },
		{ "5 points more than 2 % fail", { 20000, 150000 }, { 70000, 150000 }, 0, 99 },
		{ "5 points more than none fail", { 0, 150000 }, { 50000, 150000 }, 0, 99 },
		{ "20 points more go to a person", { 20000, 150000 }, { 20000, 350000 }, 0, 99 },
	};

	(void)state;
	unsigned n = TRIALS * often_times();

	rng_state = 20260101;
	make_times();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct tally tally = trials(n, rows[i].stable, rows[i].candidate);

		print_message("# %s: %.2f %% promoted, %.2f %% rolled back, after %.0f turns\n",
			      rows[i].what, 100.0 * tally.promoted / n,
			      100.0 * tally.rolled_back / n, (double)tally.turns / n);
		assert_int_equal(tally.promoted + tally.rolled_back, n);
		assert_true(tally.promoted + LUCK >= rows[i].promoted_min * n / 100);
		assert_true(tally.rolled_back + LUCK >= rows[i].rolled_back_min * n / 100);
	}
}

/* --- what is said --------------------------------------------------------------------------- */

static void the_numbers_are_one_json_object(void **state)
{
	struct baton_trial trial;
	struct baton_buf out = { NULL, 0, 0 };
	struct baton_json json;

	(void)state;
	baton_trial_begin(&trial, &usual, 1000);
	baton_trial_json(&trial, 1000, &out);
	assert_int_equal(baton_json_parse(baton_buf_view(&out), &json), 0);
	baton_buf_reset(&out);
	add(&trial, BATON_TRIAL_STABLE, &good, 2000);
	add(&trial, BATON_TRIAL_CANDIDATE, &good, 390);
	add(&trial, BATON_TRIAL_CANDIDATE, &bad, 10);
	baton_trial_json(&trial, 61000, &out);
	assert_int_equal(baton_json_parse(baton_buf_view(&out), &json), 0);
	struct baton_json failed = baton_json_get(&json, "failed");
	struct baton_json share = baton_json_get(&failed, "candidate");
	assert_true(fabs(baton_json_double(&share, -1) - 0.025) < 1e-9);
	struct baton_json turns = baton_json_get(&json, "turns");
	struct baton_json candidate = baton_json_get(&turns, "candidate");
	assert_int_equal(baton_json_u64(&candidate, 0), 400);
	struct baton_json for_ms = baton_json_get(&json, "for_ms");
	assert_int_equal(baton_json_u64(&for_ms, 0), 60000);
	baton_buf_done(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_failure_in_three_decides_nothing),
		cmocka_unit_test(what_fails_always_is_caught_at_eight_turns),
		cmocka_unit_test(what_fails_everywhere_is_not_promoted),
		cmocka_unit_test(half_of_the_turns_failing_is_caught_at_the_first_look),
		cmocka_unit_test(too_few_turns_are_no_proof_and_end_with_the_time),
		cmocka_unit_test(a_good_one_is_promoted_once_enough_turns_say_so),
		cmocka_unit_test(what_was_decided_stays_decided),
		cmocka_unit_test(a_flapping_one_gets_one_verdict_and_then_a_cool_down),
		cmocka_unit_test(a_slow_one_is_rolled_back),
		cmocka_unit_test(a_costly_one_is_rolled_back),
		cmocka_unit_test(one_that_hands_everybody_over_is_rolled_back),
		cmocka_unit_test(one_that_breaks_the_contract_is_rolled_back_at_once),
		cmocka_unit_test(the_share_is_the_share_and_sessions_stick_to_it),
		cmocka_unit_test(intervals_are_those_of_the_papers),
		cmocka_unit_test(equal_sides_are_promoted_and_worse_ones_are_not),
		cmocka_unit_test(the_numbers_are_one_json_object),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
