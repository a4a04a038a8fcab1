/* SPDX-License-Identifier: Apache-2.0 */

/* A canary on trial: turns on the candidate beside turns on the stable release, and one verdict.
 *
 * The verdict is final: what has been promoted or rolled back stays so, whatever comes later. It is never
 * about a handful of turns. A share (of failed turns, of escalations) counts as worse only if it is
 * so with the uncertainty of small numbers taken off, by Wilson's interval for each side (E. B. Wilson,
 * JASA 22, 1927, p. 209) and Newcombe's for their difference (R. G. Newcombe, Statistics in Medicine 17,
 * 1998, p. 873, method 10); a quantile of times by the ranks around it that chance allows (W. J. Conover,
 * Practical Nonparametric Statistics, 3rd ed., 1999, section 3.2); a mean cost by its standard error.
 * Looks are few, because whoever looks often enough finds something: before `canary_min_turns` only
 * at 8, 16, 32, ... turns and for what is hopeless, later each time a quarter more turns are there.
 *
 * Turns of one session are counted as if they were independent; they are not quite, which makes
 * intervals a little too narrow.
 *
 * Pure: time comes in. One thread: the loader's.
 */
#pragma once

#include "core/base/buf.h"
#include "core/base/id.h"
#include "core/policy/policy.h"
#include "core/route/quantile.h"

/* What one turn came to. A turn that began on the candidate and went on to the stable release is one
 * failed turn of the candidate, and none of the stable one: it says nothing about that. */
struct baton_trial_sample {
	bool failed; /* a call of a module of the release failed, an attempt did, or the turn was moved */
	uint32_t first_ms, total_ms; /* from the turn's start; 0: it never came to that */
	uint64_t cost_microusd;
	bool escalated;      /* it ended with a person */
	uint32_t violations; /* of the modules' contract, during the turn */
};

enum baton_trial_verdict { BATON_TRIAL_WAIT, BATON_TRIAL_PROMOTE, BATON_TRIAL_ROLL_BACK };
enum baton_trial_who { BATON_TRIAL_STABLE, BATON_TRIAL_CANDIDATE, BATON_TRIAL_SIDES };

enum {
	BATON_TRIAL_FIRST_LOOK = 8,   /* turns of the candidate; fewer say nothing */
	BATON_TRIAL_MS_FLOOR = 100,   /* nobody notices that an answer comes so much later */
	BATON_TRIAL_WHY_MAX = 200
};

struct baton_trial_side {
	uint64_t turns, failed, escalated, violations;
	double cost, cost_squares; /* microdollars: sum, and sum of squares */
	struct baton_histogram first_ms, total_ms;
};

struct baton_trial {
	struct baton_release_def limits; /* the candidate's own releases.yaml */
	uint64_t started_ms, decided_ms;
	uint64_t next_look; /* turns of the candidate */
	struct baton_trial_side sides[BATON_TRIAL_SIDES];
	enum baton_trial_verdict verdict;
	char why[BATON_TRIAL_WHY_MAX]; /* one line; while it waits, for what */
};

void baton_trial_begin(struct baton_trial *trial, const struct baton_release_def *limits,
		       uint64_t now_ms);
/* Counts nothing any more after the verdict. */
void baton_trial_add(struct baton_trial *trial, enum baton_trial_who who,
		     const struct baton_trial_sample *sample);
/* The verdict so far. Call it after each turn, and now and then: canary_for_ms ends it, too. */
enum baton_trial_verdict baton_trial_decide(struct baton_trial *trial, uint64_t now_ms);
/* Everything as one JSON object: docs/CONTROL.md, `releases`, `canary`. */
void baton_trial_json(const struct baton_trial *trial, uint64_t now_ms, struct baton_buf *out);
const char *baton_trial_verdict_name(enum baton_trial_verdict verdict);

/* How long the cool-down after a candidate that was rolled back at `rolled_back_ms` (0: none was)
 * still lasts; 0: a canary may begin by itself. Whoever asks for one by hand is not kept waiting. */
uint64_t baton_trial_quiet_left_ms(const struct baton_release_def *limits, uint64_t rolled_back_ms,
				   uint64_t now_ms);

/* Does the session belong to the canary? Always the same answer for the same session, share and salt;
 * and who is in with a share stays in with a larger one. The salt is the candidate's number, so
 * that not the same customers try everything first. [any] */
bool baton_trial_takes(const struct baton_id *session, uint32_t share_ppm, uint64_t salt);

/* --- the arithmetic, for tests and for who explains a verdict --- */

struct baton_interval {
	double low, high;
};
/* Wilson's interval of a share, `some` of `all`, at `z` standard deviations; 0 to 1 for all = 0. */
struct baton_interval baton_wilson(uint64_t some, uint64_t all, double z);
/* Newcombe's of the difference of two shares, first minus second. */
struct baton_interval baton_newcombe(uint64_t some1, uint64_t all1, uint64_t some2, uint64_t all2,
				     double z);
