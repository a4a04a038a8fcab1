/* SPDX-License-Identifier: Apache-2.0 */

/* See drill_sum.h. */
#include "core/observe/drill_sum.h"

#include "core/policy/expr.h"

const char *baton_drill_phase_name(enum baton_drill_phase phase)
{
	static const char *const names[] = { "before", "fault", "recovering", "after" };

	return (unsigned)phase < BATON_PHASES ? names[phase] : "";
}

const char *baton_drill_outcome_name(unsigned outcome)
{
	return outcome & BATON_DRILL_ANSWERED      ? "answered"
	       : outcome & BATON_DRILL_DRAFTED     ? "drafted"
	       : outcome & BATON_DRILL_HANDED_OVER ? "handed_over"
	       : outcome & BATON_DRILL_CAPTURED    ? "captured"
						   : "lost";
}

enum baton_drill_phase baton_drill_phase_of(const struct baton_drill_run *run,
					    const struct baton_drill_sum *sum,
					    const struct baton_drill_sample *sample)
{
	uint64_t done = sample->done_ms ? sample->done_ms : run->end_ms;

	if (done < run->fault_ms)
		return BATON_PHASE_BEFORE;
	if (sample->sent_ms < run->healed_ms)
		return BATON_PHASE_FAULT;
	if (!sum->recover.known || sample->sent_ms < run->healed_ms + sum->recover.ms)
		return BATON_PHASE_RECOVERING;
	return BATON_PHASE_AFTER;
}

static bool meets(const struct baton_drill_expect *expect, const struct baton_drill_sample *sample)
{
	unsigned outcomes = expect->outcomes ? expect->outcomes : BATON_DRILL_ANY;

	return sample->done_ms > 0 && (sample->outcome & outcomes) &&
	       (expect->within_ms == 0 || sample->done_ms - sample->sent_ms <= expect->within_ms);
}

bool baton_drill_expected(const struct baton_drill_run *run, const struct baton_drill_sum *sum,
			  const struct baton_drill_sample *sample)
{
	const struct baton_drill_talk *script = &run->file->talks[sample->script];
	const struct baton_drill_expect *well = &script->expect, *ill = &script->degraded;

	if (ill->outcomes == 0 && ill->within_ms == 0)
		ill = well;
	switch (baton_drill_phase_of(run, sum, sample)) {
	case BATON_PHASE_BEFORE:
	case BATON_PHASE_AFTER:
		return meets(well, sample);
	case BATON_PHASE_FAULT:
		/* A share of the sessions: who was spared is served as ever; so is who had begun
		 * before the fault came. */
		return meets(ill, sample) ||
		       ((!sample->concerned || sample->sent_ms < run->fault_ms) &&
			meets(well, sample));
	case BATON_PHASE_RECOVERING:
		return meets(ill, sample) || meets(well, sample);
	case BATON_PHASES:
		break;
	}
	return false;
}

/* --- times --- */

static void earliest(struct baton_drill_time *time, uint64_t ms)
{
	if (!time->known || ms < time->ms)
		*time = (struct baton_drill_time){ true, ms };
}

/* What a kept message waited behind the fault's end; none kept: nothing to resume. */
static void find_resume(const struct baton_drill_run *run, struct baton_drill_sum *sum)
{
	uint64_t last = run->healed_ms;

	for (size_t i = 0; i < run->n_samples; i++) {
		const struct baton_drill_sample *sample = &run->samples[i];

		if (!(sample->outcome & BATON_DRILL_CAPTURED))
			continue;
		sum->kept++;
		sum->kept_waiting += sample->late_ms == 0;
		if (sample->late_ms > last)
			last = sample->late_ms;
	}
	sum->resume = (struct baton_drill_time){ sum->kept_waiting == 0, last - run->healed_ms };
}

/* When the last message was sent that did not find things well again. A target may answer once and
 * then be shut out by failures that had begun before: the way back is over when it stays well. */
static uint64_t last_unwell(const struct baton_drill_run *run)
{
	uint64_t last = run->healed_ms;

	for (size_t i = 0; i < run->n_samples; i++) {
		const struct baton_drill_sample *sample = &run->samples[i];

		if (sample->degraded && sample->sent_ms >= last)
			last = sample->sent_ms + 1;
	}
	return last;
}

static void find_times(const struct baton_drill_run *run, struct baton_drill_sum *sum)
{
	uint64_t well_ms = last_unwell(run);

	for (size_t i = 0; i < run->n_samples; i++) {
		const struct baton_drill_sample *sample = &run->samples[i];

		if (sample->done_ms == 0)
			continue;
		if (sample->degraded && sample->done_ms >= run->fault_ms &&
		    sample->sent_ms < run->healed_ms)
			earliest(&sum->degrade, sample->done_ms - run->fault_ms);
		if (sample->primary && sample->sent_ms >= well_ms)
			earliest(&sum->recover, sample->done_ms - run->healed_ms);
	}
	find_resume(run, sum);
}

/* --- counts --- */

static void count(const struct baton_drill_sample *sample, bool expected,
		  struct baton_drill_counts *counts)
{
	counts->messages++;
	counts->expected += expected;
	counts->answered += (sample->outcome & BATON_DRILL_ANSWERED) != 0;
	counts->drafted += (sample->outcome & BATON_DRILL_DRAFTED) != 0;
	counts->handed_over += (sample->outcome & BATON_DRILL_HANDED_OVER) != 0;
	counts->captured += (sample->outcome & BATON_DRILL_CAPTURED) != 0;
	counts->lost += sample->outcome == 0;
	counts->failed_attempts += sample->failed;
	counts->cost_microusd += sample->cost_microusd;
	if (sample->done_ms > 0)
		baton_spread_add(&counts->response_ms, sample->done_ms - sample->sent_ms);
}

/* A conversation is as expected if all of its messages are: those of one follow each other. */
static void count_samples(const struct baton_drill_run *run, struct baton_drill_sum *sum)
{
	bool expected = true;

	for (size_t i = 0; i < run->n_samples; i++) {
		const struct baton_drill_sample *sample = &run->samples[i];
		bool so = baton_drill_expected(run, sum, sample);

		if (i == 0 || run->samples[i - 1].talk != sample->talk)
			expected = true;
		expected &= so;
		count(sample, so, &sum->phases[baton_drill_phase_of(run, sum, sample)]);
		sum->cost_microusd += sample->cost_microusd;
		if ((sample->outcome & BATON_DRILL_HANDED_OVER) && sample->degraded) {
			sum->handoffs++;
			sum->handoffs_full += sample->handoff_full;
		}
		if (!sample->last)
			continue;
		sum->expected += expected;
		sum->answered += (sample->outcome & BATON_DRILL_ANSWERED) != 0;
	}
}

static double share(uint64_t part, uint64_t of)
{
	return of ? (double)part / (double)of : 0;
}

static void at_most(struct baton_drill_objective *objective, const char *name, double wanted,
		    bool known, double got)
{
	*objective = (struct baton_drill_objective){ .name = name,
						     .asked = wanted > 0,
						     .held = known && got <= wanted,
						     .wanted = wanted,
						     .got = known ? got : -1 };
}

static void at_least(struct baton_drill_objective *objective, const char *name, uint32_t ppm,
		     double got)
{
	/* A part of a million is as exact as the file can say it. */
	*objective = (struct baton_drill_objective){ .name = name,
						     .asked = ppm > 0,
						     .is_share = true,
						     .held = got * 1e6 + 0.5 >= ppm,
						     .wanted = ppm / 1e6,
						     .got = got };
}

static uint32_t ppm(uint64_t part, uint64_t of)
{
	return of ? (uint32_t)(part * 1000000 / of) : 0;
}

static uint32_t clip(uint64_t n)
{
	return n < UINT32_MAX ? (uint32_t)n : UINT32_MAX;
}

static uint64_t or_all(const struct baton_drill_time *time, const struct baton_drill_run *run)
{
	return time->known ? time->ms : run->end_ms;
}

void baton_drill_facts_of(const struct baton_drill_run *run, const struct baton_drill_sum *sum,
			  struct baton_drill_facts *ret_facts)
{
	const struct baton_drill_counts *ill = &sum->phases[BATON_PHASE_FAULT],
					*well = &sum->phases[BATON_PHASE_BEFORE];

	*ret_facts = (struct baton_drill_facts){
		.flags = (sum->degrade.known ? BATON_DRILL_FACT_DEGRADED : 0u) |
			 (sum->recover.known ? BATON_DRILL_FACT_RECOVERED : 0u) |
			 (sum->resume.known ? BATON_DRILL_FACT_RESUMED : 0u),
		.conversations = clip(sum->conversations),
		.failed_attempts = clip(ill->failed_attempts),
		.answered_ppm = ppm(ill->answered, ill->messages),
		.drafted_ppm = ppm(ill->drafted, ill->messages),
		.handed_over_ppm = ppm(ill->handed_over, ill->messages),
		.captured_ppm = ppm(ill->captured, ill->messages),
		.expected_ppm = ppm(sum->expected, sum->conversations),
		.preserved_ppm = ppm(sum->preserved, sum->conversations),
		.degrade_ms = or_all(&sum->degrade, run),
		.recover_ms = or_all(&sum->recover, run),
		.resume_ms = or_all(&sum->resume, run),
		.p50_before_ms = baton_spread_quantile(&well->response_ms, 500000),
		.p95_before_ms = baton_spread_quantile(&well->response_ms, 950000),
		.p50_ms = baton_spread_quantile(&ill->response_ms, 500000),
		.p95_ms = baton_spread_quantile(&ill->response_ms, 950000),
		.cost_microusd = sum->cost_microusd,
	};
	for (size_t i = 0; i < BATON_PHASES; i++) {
		ret_facts->messages += clip(sum->phases[i].messages);
		ret_facts->lost += clip(sum->phases[i].lost);
	}
}

/* One that cannot be decided does not hold. */
static void judge_conditions(const struct baton_drill_run *run, struct baton_drill_sum *sum)
{
	const struct baton_drill_objectives *wanted = &run->file->objectives;
	struct baton_drill_facts facts;

	baton_drill_facts_of(run, sum, &facts);
	for (size_t i = 0; i < wanted->n_hold && i < BATON_DRILL_HOLDS_MAX; i++) {
		int32_t holds = baton_expr_test_on(wanted->hold_tests[i], &facts);

		sum->objectives[BATON_DRILL_NUMBERS + i] =
			(struct baton_drill_objective){ .name = wanted->hold[i],
							.asked = true,
							.is_condition = true,
							.held = holds > 0,
							.wanted = 1,
							.got = holds };
	}
}

static void judge(const struct baton_drill_run *run, struct baton_drill_sum *sum)
{
	const struct baton_drill_objectives *wanted = &run->file->objectives;
	const struct baton_spread *ill = &sum->phases[BATON_PHASE_FAULT].response_ms;
	struct baton_drill_objective *row = sum->objectives;

	at_most(row++, "max_time_to_degrade", wanted->degrade_ms, sum->degrade.known,
		(double)sum->degrade.ms);
	at_most(row++, "max_time_to_recover", wanted->recover_ms, sum->recover.known,
		(double)sum->recover.ms);
	at_most(row++, "max_time_to_resume", wanted->resume_ms, sum->resume.known,
		(double)sum->resume.ms);
	at_most(row++, "max_p95_ms", wanted->p95_ms, ill->n > 0,
		(double)baton_spread_quantile(ill, 950000));
	at_least(row++, "min_answered_share", wanted->answered_ppm,
		 share(sum->answered, sum->conversations));
	at_least(row++, "min_expected_share", wanted->expected_ppm,
		 share(sum->expected, sum->conversations));
	at_least(row++, "min_preserved_share", wanted->preserved_ppm,
		 share(sum->preserved, sum->conversations));
	at_most(row++, "max_cost_usd", (double)wanted->cost_microusd / 1e6, true,
		(double)sum->cost_microusd / 1e6);
	judge_conditions(run, sum);
	sum->held = sum->conversations > 0;
	for (size_t i = 0; i < BATON_DRILL_OBJECTIVES; i++)
		sum->held &= !sum->objectives[i].asked || sum->objectives[i].held;
}

void baton_drill_add_up(const struct baton_drill_run *run, struct baton_drill_sum *ret_sum)
{
	*ret_sum = (struct baton_drill_sum){ .conversations = run->conversations,
					     .preserved = run->preserved };
	find_times(run, ret_sum);
	count_samples(run, ret_sum);
	judge(run, ret_sum);
}

void baton_drill_sum_done(struct baton_drill_sum *sum)
{
	for (size_t i = 0; i < BATON_PHASES; i++)
		baton_spread_done(&sum->phases[i].response_ms);
}
