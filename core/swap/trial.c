/* SPDX-License-Identifier: Apache-2.0 */

/* What is counted, and the verdict; the arithmetic and the words for it are below each other. */

#include "core/swap/trial.h"

#include "core/base/hash.h"

#include <math.h>
#include <stdio.h>

/* One-sided: how often chance alone makes an equal candidate look worse at one look. Early looks
 * are for what is hopeless, so they want one in two thousand. */
static const double z_early = 3.29, z_late = 2.33, z_good = 1.645;
enum { PPM = 1000000, P95_PPM = 950000 };

/* --- intervals ---------------------------------------------------------------------------- */

struct baton_interval baton_wilson(uint64_t some, uint64_t all, double z)
{
	if (all == 0)
		return (struct baton_interval){ 0, 1 };
	double n = (double)all, p = (double)some / n, zz = z * z;
	double middle = (p + zz / (2 * n)) / (1 + zz / n);
	double half = z / (1 + zz / n) * sqrt(p * (1 - p) / n + zz / (4 * n * n));

	/* Exact at the ends, where rounding would leave a trace. */
	return (struct baton_interval){ some == 0 ? 0 : middle - half,
					some == all ? 1 : middle + half };
}

static double share_of(uint64_t some, uint64_t all)
{
	return all ? (double)some / (double)all : 0;
}

struct baton_interval baton_newcombe(uint64_t some1, uint64_t all1, uint64_t some2, uint64_t all2,
				     double z)
{
	struct baton_interval a = baton_wilson(some1, all1, z), b = baton_wilson(some2, all2, z);
	double p = share_of(some1, all1), q = share_of(some2, all2);
	double down = sqrt((p - a.low) * (p - a.low) + (b.high - q) * (b.high - q));
	double up = sqrt((a.high - p) * (a.high - p) + (q - b.low) * (q - b.low));

	return (struct baton_interval){ p - q - down, p - q + up };
}

/* The times between which the quantile lies: values of the ranks that chance allows around it. */
static struct baton_interval quantile_interval(const struct baton_histogram *times, double z)
{
	double q = (double)P95_PPM / PPM, half;

	if (times->n == 0)
		return (struct baton_interval){ 0, HUGE_VAL };
	half = z * sqrt(q * (1 - q) / (double)times->n);
	struct baton_interval ret = { 0, HUGE_VAL };
	if (q > half)
		ret.low = (double)baton_histogram_quantile(times, (uint32_t)((q - half) * PPM));
	if (q + half < 1)
		ret.high = (double)baton_histogram_quantile(times, (uint32_t)((q + half) * PPM));
	return ret;
}

static double mean_cost(const struct baton_trial_side *side)
{
	return side->turns ? side->cost / (double)side->turns : 0;
}

static struct baton_interval cost_interval(const struct baton_trial_side *side, double z)
{
	double n = (double)side->turns, mean = mean_cost(side);

	if (side->turns < 2)
		return (struct baton_interval){ 0, HUGE_VAL };
	double variance = (side->cost_squares - n * mean * mean) / (n - 1);
	double half = z * sqrt((variance > 0 ? variance : 0) / n);
	return (struct baton_interval){ mean > half ? mean - half : 0, mean + half };
}

/* --- counting ----------------------------------------------------------------------------- */

void baton_trial_begin(struct baton_trial *trial, const struct baton_release_def *limits,
		       uint64_t now_ms)
{
	*trial = (struct baton_trial){ .limits = *limits,
				       .started_ms = now_ms,
				       .next_look = BATON_TRIAL_FIRST_LOOK };
	snprintf(trial->why, sizeof(trial->why), "nobody has been served by it yet");
}

void baton_trial_add(struct baton_trial *trial, enum baton_trial_who who,
		     const struct baton_trial_sample *sample)
{
	struct baton_trial_side *side = &trial->sides[who];
	double cost = (double)sample->cost_microusd;

	if (trial->verdict != BATON_TRIAL_WAIT)
		return;
	side->turns++;
	side->failed += sample->failed;
	side->escalated += sample->escalated;
	side->violations += sample->violations;
	side->cost += cost;
	side->cost_squares += cost * cost;
	if (sample->first_ms > 0)
		baton_histogram_add(&side->first_ms, sample->first_ms);
	if (sample->total_ms > 0)
		baton_histogram_add(&side->total_ms, sample->total_ms);
}

/* --- what is worse ------------------------------------------------------------------------ */

struct look {
	const struct baton_release_def *limits;
	const struct baton_trial_side *stable, *candidate;
	char *why;   /* BATON_TRIAL_WHY_MAX; NULL: nobody asks */
	double z;    /* worse is what is worse with so much taken off */
	bool points; /* the numbers as they are decide */
};

/* The line of reason. True, for those who return what they have found. */
__attribute__((format(printf, 2, 3))) static bool because(const struct look *look, const char *fmt,
							  ...)
{
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(look->why, BATON_TRIAL_WHY_MAX, fmt, args);
	va_end(args);
	return true;
}

struct share {
	const char *what, *has; /* "%% of the turns ..." and "... may have ..." */
	uint64_t candidate, stable;
	uint32_t limit_ppm;
	bool is_failure;
};

static struct share failed_share(const struct look *look)
{
	return (struct share){ "failed",
			       "failed",
			       look->candidate->failed,
			       look->stable->failed,
			       look->limits->canary_fail_delta_ppm,
			       true };
}

static struct share escalated_share(const struct look *look)
{
	return (struct share){ "went to a person",
			       "gone to a person",
			       look->candidate->escalated,
			       look->stable->escalated,
			       look->limits->canary_escalation_delta_ppm,
			       false };
}

static struct baton_interval share_interval(const struct look *look, const struct share *share,
					    double z)
{
	return baton_newcombe(share->candidate, look->candidate->turns, share->stable,
			      look->stable->turns, z);
}

/* Nothing to compare with yet, as long as the live release has had hardly a turn; but whatever that
 * does, most turns must not fail. */
static bool alone_and_hopeless(const struct look *look, struct share share)
{
	if (look->stable->turns >= BATON_TRIAL_FIRST_LOOK || !share.is_failure ||
	    baton_wilson(share.candidate, look->candidate->turns, z_early).low <= 0.25)
		return false;
	return because(look, "%llu of %llu turns failed", (unsigned long long)share.candidate,
		       (unsigned long long)look->candidate->turns);
}

static bool share_worse(const struct look *look, struct share share)
{
	double limit = (double)share.limit_ppm / PPM;
	double more = share_of(share.candidate, look->candidate->turns) -
		      share_of(share.stable, look->stable->turns);

	if (look->points ? more <= limit : share_interval(look, &share, look->z).low <= limit)
		return alone_and_hopeless(look, share);
	return because(look,
		       "%llu of %llu turns %s, %.1f %%; on the live release %.1f %%; at most %.1f "
		       "points more are allowed",
		       (unsigned long long)share.candidate,
		       (unsigned long long)look->candidate->turns, share.what,
		       100 * share_of(share.candidate, look->candidate->turns),
		       100 * share_of(share.stable, look->stable->turns), 100 * limit);
}

static bool times_worse(const struct look *look, const char *what,
			const struct baton_histogram *candidate,
			const struct baton_histogram *stable)
{
	double ratio = (double)look->limits->canary_p95_ratio_ppm / PPM;
	double c = (double)baton_histogram_quantile(candidate, P95_PPM);
	double s = (double)baton_histogram_quantile(stable, P95_PPM);
	double low = look->points ? c : quantile_interval(candidate, look->z).low;
	double high = look->points ? s : quantile_interval(stable, look->z).high;

	if (ratio <= 0 || candidate->n == 0 || stable->n == 0 || low <= high * ratio ||
	    c - s <= BATON_TRIAL_MS_FLOOR)
		return false;
	return because(
		look,
		"95 of 100 %s come within %.0f ms; on the live release within %.0f ms; at most "
		"%.2f times that is allowed",
		what, c, s, ratio);
}

static bool cost_worse(const struct look *look)
{
	double ratio = (double)look->limits->canary_cost_ratio_ppm / PPM;
	double c = mean_cost(look->candidate), s = mean_cost(look->stable);
	double low = look->points ? c : cost_interval(look->candidate, look->z).low;
	double high = look->points ? s : cost_interval(look->stable, look->z).high;

	if (ratio <= 0 || low <= high * ratio)
		return false;
	return because(look,
		       "a turn costs $%.6f; on the live release $%.6f; at most %.2f times that is "
		       "allowed",
		       c / 1e6, s / 1e6, ratio);
}

static bool violations_worse(const struct look *look)
{
	uint64_t n = look->candidate->violations;

	if (n <= look->limits->canary_violations)
		return false;
	return because(look, "its modules broke their contract %llu times; at most %u are allowed",
		       (unsigned long long)n, look->limits->canary_violations);
}

/* Read down: all that a candidate is held to. */
static bool anything_worse(const struct look *look)
{
	return violations_worse(look) || share_worse(look, failed_share(look)) ||
	       share_worse(look, escalated_share(look)) ||
	       times_worse(look, "first words", &look->candidate->first_ms,
			   &look->stable->first_ms) ||
	       times_worse(look, "answers", &look->candidate->total_ms, &look->stable->total_ms) ||
	       cost_worse(look);
}

/* --- the verdict -------------------------------------------------------------------------- */

static bool share_good(const struct look *look, struct share share)
{
	double limit = (double)share.limit_ppm / PPM;
	double high = share_interval(look, &share, z_good).high;

	if (high <= limit)
		return true;
	return !because(
		look,
		"after %llu turns, up to %.1f points more than on the live release may have %s; "
		"%.1f are allowed: more turns will tell",
		(unsigned long long)look->candidate->turns, 100 * high, share.has, 100 * limit);
}

static enum baton_trial_verdict end(struct baton_trial *trial, enum baton_trial_verdict verdict,
				    uint64_t now_ms)
{
	trial->verdict = verdict;
	trial->decided_ms = now_ms;
	return verdict;
}

static enum baton_trial_verdict promote(struct baton_trial *trial, const struct look *look,
					uint64_t now_ms)
{
	(void)because(look,
		      "%llu turns: %.1f %% failed (live %.1f %%), %.1f %% went to a person (live "
		      "%.1f %%), within all limits",
		      (unsigned long long)look->candidate->turns,
		      100 * share_of(look->candidate->failed, look->candidate->turns),
		      100 * share_of(look->stable->failed, look->stable->turns),
		      100 * share_of(look->candidate->escalated, look->candidate->turns),
		      100 * share_of(look->stable->escalated, look->stable->turns));
	return end(trial, BATON_TRIAL_PROMOTE, now_ms);
}

/* Where nothing works, nothing can be learned: equally bad is not good. */
static bool mostly_fails(const struct look *look)
{
	if (look->candidate->failed * 2 <= look->candidate->turns)
		return false;
	return because(look,
		       "%llu of %llu turns failed, and on the live release %.1f %%: nothing can "
		       "be told while most fail",
		       (unsigned long long)look->candidate->failed,
		       (unsigned long long)look->candidate->turns,
		       100 * share_of(look->stable->failed, look->stable->turns));
}

/* Numbers as they are, if there are enough: chance had its time. */
static enum baton_trial_verdict time_is_up(struct baton_trial *trial, struct look *look,
					   uint64_t now_ms)
{
	const struct baton_release_def *limits = look->limits;
	uint64_t turns = look->candidate->turns, stable = look->stable->turns;

	look->points = true;
	if (violations_worse(look))
		return end(trial, BATON_TRIAL_ROLL_BACK, now_ms);
	if (turns < limits->canary_min_turns || stable < limits->canary_min_turns) {
		(void)because(
			look,
			"only %llu turns in %u s, and %llu on the live release; at least %u of each "
			"must tell: give it a larger share, or more time",
			(unsigned long long)turns, limits->canary_for_ms / 1000,
			(unsigned long long)stable, limits->canary_min_turns);
		return end(trial, BATON_TRIAL_ROLL_BACK, now_ms);
	}
	if (anything_worse(look) || mostly_fails(look))
		return end(trial, BATON_TRIAL_ROLL_BACK, now_ms);
	return promote(trial, look, now_ms);
}

/* Few looks: each one more is a chance more to see what is not there. */
static uint64_t look_after(uint64_t turns, uint64_t min_turns)
{
	uint64_t next = BATON_TRIAL_FIRST_LOOK;

	while (next <= turns && next < min_turns)
		next *= 2;
	if (next <= turns)
		return turns + turns / 4;
	return turns < min_turns && next > min_turns ? min_turns : next;
}

enum baton_trial_verdict baton_trial_decide(struct baton_trial *trial, uint64_t now_ms)
{
	const struct baton_release_def *limits = &trial->limits;
	struct look look = { limits,
			     &trial->sides[BATON_TRIAL_STABLE],
			     &trial->sides[BATON_TRIAL_CANDIDATE],
			     trial->why,
			     z_early,
			     false };
	uint64_t turns = look.candidate->turns, min_turns = limits->canary_min_turns;

	if (trial->verdict != BATON_TRIAL_WAIT)
		return trial->verdict;
	if (violations_worse(&look))
		return end(trial, BATON_TRIAL_ROLL_BACK, now_ms);
	if (now_ms >= trial->started_ms && now_ms - trial->started_ms >= limits->canary_for_ms)
		return time_is_up(trial, &look, now_ms);
	if (turns < trial->next_look)
		return BATON_TRIAL_WAIT;
	trial->next_look = look_after(turns, min_turns);
	bool enough = turns >= min_turns && look.stable->turns >= min_turns;
	if (enough)
		look.z = z_late;
	if (anything_worse(&look))
		return end(trial, BATON_TRIAL_ROLL_BACK, now_ms);
	if (!enough) {
		(void)because(&look, "%llu turns, and %llu on the live release, of %u",
			      (unsigned long long)turns, (unsigned long long)look.stable->turns,
			      limits->canary_min_turns);
		return BATON_TRIAL_WAIT;
	}
	if (!share_good(&look, failed_share(&look)) || !share_good(&look, escalated_share(&look)))
		return BATON_TRIAL_WAIT;
	/* Times and costs as they are: between here and clearly worse, more turns will tell. */
	look.points = true;
	if (anything_worse(&look) || mostly_fails(&look))
		return BATON_TRIAL_WAIT;
	return promote(trial, &look, now_ms);
}

uint64_t baton_trial_quiet_left_ms(const struct baton_release_def *limits, uint64_t rolled_back_ms,
				   uint64_t now_ms)
{
	uint64_t end_ms = rolled_back_ms + limits->canary_quiet_ms;

	return rolled_back_ms == 0 || now_ms >= end_ms ? 0 : end_ms - now_ms;
}

bool baton_trial_takes(const struct baton_id *session, uint32_t share_ppm, uint64_t salt)
{
	/* The upper half of the hash as a fraction of one, against the share. */
	uint64_t upper = baton_hash_seeded(session->b, sizeof(session->b), salt) >> 32;

	return upper * PPM >> 32 < share_ppm;
}

/* --- for people and programs -------------------------------------------------------------- */

const char *baton_trial_verdict_name(enum baton_trial_verdict verdict)
{
	switch (verdict) {
	case BATON_TRIAL_WAIT:
		return "wait";
	case BATON_TRIAL_PROMOTE:
		return "promote";
	case BATON_TRIAL_ROLL_BACK:
		return "roll_back";
	}
	return "";
}

static void share_json(const struct look *look, const char *name, struct share share,
		       struct baton_buf *out)
{
	struct baton_interval interval = share_interval(look, &share, z_good);

	baton_buf_printf(
		out,
		",\"%s\":{\"candidate\":%.4f,\"live\":%.4f,\"more_low\":%.4f,\"more_high\":"
		"%.4f,\"more_max\":%.4f}",
		name, share_of(share.candidate, look->candidate->turns),
		share_of(share.stable, look->stable->turns), interval.low, interval.high,
		(double)share.limit_ppm / PPM);
}

static void times_json(const char *name, const struct baton_histogram *candidate,
		       const struct baton_histogram *stable, uint32_t ratio_ppm,
		       struct baton_buf *out)
{
	uint64_t c = baton_histogram_quantile(candidate, P95_PPM);
	uint64_t s = baton_histogram_quantile(stable, P95_PPM);

	baton_buf_printf(out, ",\"%s\":{\"candidate\":%llu,\"live\":%llu", name,
			 (unsigned long long)c, (unsigned long long)s);
	if (s > 0)
		baton_buf_printf(out, ",\"ratio\":%.3f", (double)c / (double)s);
	baton_buf_printf(out, ",\"ratio_max\":%.3f}", (double)ratio_ppm / PPM);
}

void baton_trial_json(const struct baton_trial *trial, uint64_t now_ms, struct baton_buf *out)
{
	const struct baton_release_def *limits = &trial->limits;
	const struct look look = { limits,
				   &trial->sides[BATON_TRIAL_STABLE],
				   &trial->sides[BATON_TRIAL_CANDIDATE],
				   NULL,
				   z_good,
				   false };
	uint64_t end_ms = trial->verdict == BATON_TRIAL_WAIT ? now_ms : trial->decided_ms;
	double c = mean_cost(look.candidate), s = mean_cost(look.stable);

	baton_buf_printf(out,
			 "{\"verdict\":\"%s\",\"why\":", baton_trial_verdict_name(trial->verdict));
	baton_buf_json(out, baton_str_of(trial->why));
	baton_buf_printf(
		out,
		",\"for_ms\":%llu,\"for_max_ms\":%u,\"turns\":{\"candidate\":%llu,\"live\":%llu,\"min\":%u}",
		(unsigned long long)(end_ms > trial->started_ms ? end_ms - trial->started_ms : 0),
		limits->canary_for_ms, (unsigned long long)look.candidate->turns,
		(unsigned long long)look.stable->turns, limits->canary_min_turns);
	share_json(&look, "failed", failed_share(&look), out);
	share_json(&look, "escalated", escalated_share(&look), out);
	times_json("first_p95_ms", &look.candidate->first_ms, &look.stable->first_ms,
		   limits->canary_p95_ratio_ppm, out);
	times_json("total_p95_ms", &look.candidate->total_ms, &look.stable->total_ms,
		   limits->canary_p95_ratio_ppm, out);
	baton_buf_printf(out, ",\"cost_usd\":{\"candidate\":%.6f,\"live\":%.6f", c / 1e6, s / 1e6);
	if (s > 0)
		baton_buf_printf(out, ",\"ratio\":%.3f", c / s);
	baton_buf_printf(out,
			 ",\"ratio_max\":%.3f},\"violations\":{\"candidate\":%llu,\"max\":%u}}",
			 (double)limits->canary_cost_ratio_ppm / PPM,
			 (unsigned long long)look.candidate->violations, limits->canary_violations);
}
