/* SPDX-License-Identifier: Apache-2.0 */

/* What came of a drill: each message a sample, the fault a window of time, and from them the figures
 * and whether the objectives of the drill's file held. Pure; all times are ms since the run began.
 *
 * A sample belongs to a phase: before the fault; while it is on (also if it was sent earlier and was
 * still open when the fault came); recovering, from the fault's end until the primary answers again
 * for good; after that. What a script expects while degraded counts while the fault is on; while
 * recovering either expectation will do, as the switch back is the policy's to time.
 */
#pragma once

#include "core/policy/drill_facts.h"
#include "core/observe/spread.h"
#include "core/policy/policy.h"

enum baton_drill_phase {
	BATON_PHASE_BEFORE,
	BATON_PHASE_FAULT,
	BATON_PHASE_RECOVERING,
	BATON_PHASE_AFTER,
	BATON_PHASES
};

struct baton_drill_sample {
	uint32_t talk;     /* which conversation */
	uint16_t script;   /* which entry of the drill's file */
	bool last;         /* the conversation's outcome is this one's */
	uint64_t sent_ms, done_ms; /* done 0: no outcome ever came */
	uint64_t late_ms;  /* a kept message was answered then, or a person got it; 0 not yet */
	unsigned outcome;  /* BATON_DRILL_ANSWERED, ..., 0 none */
	bool degraded;     /* not as on a good day: substitute, mode, fault, person in place of an answer */
	bool primary;      /* answered or drafted by the route's own target */
	bool concerned;    /* the drill's fault was put in its way */
	bool handoff_full; /* the person gets reason and every message */
	uint32_t attempts, failed;
	uint64_t cost_microusd;
};

struct baton_drill_run {
	const struct baton_drill_file *file;
	uint64_t fault_ms, healed_ms; /* first fault on, last fault off */
	uint64_t end_ms;
	const struct baton_drill_sample *samples;
	size_t n_samples;
	size_t conversations, preserved; /* transcripts that hold all that was sent, once, in order */
};

struct baton_drill_counts {
	uint64_t messages, answered, drafted, handed_over, captured, lost, expected, failed_attempts;
	uint64_t cost_microusd;
	struct baton_spread response_ms;
};
struct baton_drill_time {
	bool known; /* it came to it */
	uint64_t ms;
};
struct baton_drill_objective {
	const char *name; /* as in the file */
	bool asked, held, is_share;
	bool is_condition; /* wanted: 1; got: 1, 0, or <0: it could not be decided */
	double wanted, got; /* ms, shares of 1, or USD; got < 0: it never came to it */
};
enum { BATON_DRILL_NUMBERS = 8, BATON_DRILL_OBJECTIVES = BATON_DRILL_NUMBERS + BATON_DRILL_HOLDS_MAX };

struct baton_drill_sum {
	struct baton_drill_counts phases[BATON_PHASES];
	struct baton_drill_time degrade, recover, resume;
	uint64_t handoffs, handoffs_full; /* degraded ones */
	uint64_t kept, kept_waiting;      /* captured; and nothing has come of it */
	uint64_t expected, conversations, answered, preserved;
	uint64_t cost_microusd;
	struct baton_drill_objective objectives[BATON_DRILL_OBJECTIVES];
	bool held; /* all that were asked for */
};

enum baton_drill_phase baton_drill_phase_of(const struct baton_drill_run *run,
					    const struct baton_drill_sum *sum,
					    const struct baton_drill_sample *sample);
/* Did it end as its script says? */
bool baton_drill_expected(const struct baton_drill_run *run, const struct baton_drill_sum *sum,
			  const struct baton_drill_sample *sample);
void baton_drill_add_up(const struct baton_drill_run *run, struct baton_drill_sum *ret_sum);
/* What conditions of the file may name. */
void baton_drill_facts_of(const struct baton_drill_run *run, const struct baton_drill_sum *sum,
			  struct baton_drill_facts *ret_facts);
void baton_drill_sum_done(struct baton_drill_sum *sum);
const char *baton_drill_phase_name(enum baton_drill_phase phase);
/* "answered", ..., "lost" for none. */
const char *baton_drill_outcome_name(unsigned outcome);
