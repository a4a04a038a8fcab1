/* SPDX-License-Identifier: Apache-2.0 */

/* What happened, in figures, out of the transcripts alone: fed event by event, in the log's order, it
 * computes every metric of docs/REPORT.md per intent, healthy beside degraded.
 *
 * Pure, and bounded: it remembers BATON_REPORT_SESSIONS_MAX conversations (about 50 MB), whatever the
 * journal holds. One that was forgotten, or began before the window, is asked for again: feeding it
 * gives BATON_E_AGAIN, the caller primes it with its own earlier events and feeds the event again.
 * Figures are the same either way.
 *
 * Degraded is a turn that a mode or a substitute had a part in, or that a person or a mode got
 * because no target could answer. A conversation is degraded from its first degraded turn on.
 */
#pragma once

#include "core/base/limits.h"
#include "core/observe/incident.h"
#include "core/observe/spread.h"
#include "core/session/event.h"

enum {
	BATON_REPORT_SESSIONS_MAX = 65536,
	BATON_REPORT_INTENTS_MAX = 256, /* further ones are added up as "(other)" */
	BATON_REPORT_TARGETS_MAX = BATON_TARGETS_MAX,
	BATON_REPORT_TOOLS_MAX = BATON_TOOLS_MAX + 1,
	BATON_REPORT_PAIRS_MAX = 1024,
	BATON_REPORT_STEPS = 96 /* of the window, for curves: a quarter of an hour of a day */
};

enum baton_side { BATON_SIDE_HEALTHY, BATON_SIDE_DEGRADED, BATON_SIDES };

struct baton_slice {
#define COUNT(name, what) uint64_t name;
#define SPREAD(name, unit, what) struct baton_spread name;
#include "core/observe/report.def"
};

struct baton_report_intent {
	char name[BATON_NAME_BYTES_MAX + 1];
	struct baton_slice sides[BATON_SIDES];
};

/* What rests on a target, and how well it carries. */
struct baton_report_target {
	char name[BATON_NAME_BYTES_MAX + 1];
	uint64_t attempts, failed, answered, stood_in, redone, conversations, cost_microusd;
	uint64_t reviewed, overridden, sent, edit_ppm_sum; /* its drafts and suggestions, by people */
	struct baton_id troubled[4]; /* newest conversations with a failed attempt, zero: none */
	unsigned n_troubled;         /* total; the newest is troubled[(n_troubled - 1) % 4] */
};
/* What calls of a tool came to. */
struct baton_report_tool {
	char name[BATON_NAME_BYTES_MAX + 1];
	uint64_t answered, declined, failed, in_doubt;
};
struct baton_report_pair {
	uint16_t intent, target;
	uint64_t attempts, failed, redone;
};

struct baton_report_step {
	uint64_t turns[BATON_SIDES], handed_over, failed;
	int64_t waiting; /* change of the queue; its length after baton_report_end() */
	struct baton_spread response[BATON_SIDES];
};

struct baton_report_options {
	uint64_t since_ms, until_ms; /* unix ms, both within */
	struct baton_id operations;  /* the operations log: no conversation */
	const struct baton_id *only; /* nothing but these conversations, drills among them; NULL: all */
	size_t n_only;
	bool drills;                      /* count conversations of channel "drill" as well */
	uint64_t labour_microusd_per_hour; /* what an hour of a person costs */
};

struct baton_report_cost {
	uint64_t labour_microusd, model_microusd, failed_microusd, delay_ms;
	uint64_t turns; /* degraded ones, which this was for */
	int64_t extra_microusd_per_turn; /* than a healthy turn */
};

struct baton_report {
	struct baton_report_options options;
	struct baton_report_intent *intents;
	size_t n_intents;
	struct baton_slice total[BATON_SIDES]; /* after baton_report_end() */
	struct baton_report_target *targets;
	size_t n_targets;
	struct baton_report_pair *pairs;
	size_t n_pairs;
	struct baton_report_tool tools[BATON_REPORT_TOOLS_MAX]; /* the last: "other" */
	size_t n_tools;
	struct baton_report_step steps[BATON_REPORT_STEPS];
	struct baton_incidents incidents;
	/* the queue */
	uint64_t waiting_start, waiting_end;
	struct baton_spread waiting_age_ms; /* at the end */
	uint64_t oldest_wait_ms;
	/* transcripts */
	uint64_t events, gaps /* sequence numbers that should be there and are not */;
	uint64_t drill_conversations; /* left out unless options.drills */
	struct baton_report_cost cost;
	struct baton_report_sessions *sessions; /* inside */
	struct baton_slice trash;               /* what is not to be counted goes here */
};

/* `options` is copied, `options->only` is not. */
struct baton_report *baton_report_new(const struct baton_report_options *options);
void baton_report_free(struct baton_report **report);

/* 0, or BATON_E_AGAIN: earlier events of this conversation are needed. Then call prime() with each
 * event before this one from seq 1 on, primed(), and this again. Events behind the window are taken, too:
 * they say which conversations were open at its end. */
int baton_report_event(struct baton_report *report, const struct baton_id *session,
		       const struct baton_event *event);
void baton_report_prime(struct baton_report *report, const struct baton_id *session,
			const struct baton_event *event);
void baton_report_primed(struct baton_report *report, const struct baton_id *session, uint64_t seq);
/* True if the conversation is remembered; for those that have no event in the window. */
bool baton_report_knows(const struct baton_report *report, const struct baton_id *session);

/* No more events: adds up, closes the open ends. Once. */
void baton_report_end(struct baton_report *report);

/* Sum of both sides; the caller gives it back with baton_slice_done(). */
void baton_slice_sum(struct baton_slice *into, const struct baton_slice *from);
void baton_slice_done(struct baton_slice *slice);
/* Troubles of a hundred attempts: failures, and work that had to be done again. */
unsigned baton_report_fragility(uint64_t attempts, uint64_t failed, uint64_t redone);

/* Did this rule send somebody to a person while all was well? */
bool baton_report_rule_is_healthy(baton_str rule);

/* Everything as one JSON object (docs/REPORT.md). */
struct baton_buf;
void baton_report_json(const struct baton_report *report, struct baton_buf *out);

/* Figures of the whole: the queue, incidents, money. */
enum baton_unit { BATON_UNIT_COUNT, BATON_UNIT_MS, BATON_UNIT_SHARE, BATON_UNIT_USD };
struct baton_figure {
	const char *requirement, *name, *what;
	enum baton_unit unit;
	bool known; /* there was something to compute it from */
	double value;
};
enum { BATON_FIGURES_MAX = 32 };
/* Returns how many. After baton_report_end(). */
size_t baton_report_figures(const struct baton_report *report, struct baton_figure *ret_figures);

/* Numbers of targets or pairs, the most fragile first; those asked less than five times are last. Returns
 * how many of `max` there are. */
size_t baton_report_fragile_targets(const struct baton_report *report, uint16_t *ret, size_t max);
size_t baton_report_fragile_pairs(const struct baton_report *report, uint16_t *ret, size_t max);

/* The metrics of report.def as a table, for those that print them. */
struct baton_metric_row {
	const char *requirement, *name, *what;
	size_t numerator, denominator; /* offsets of counts; both 0: a spread */
	size_t spread;
	bool is_rate;
};
const struct baton_metric_row *baton_report_metrics(size_t *ret_n);
static inline uint64_t baton_slice_count(const struct baton_slice *slice, size_t offset)
{
	uint64_t value;

	memcpy(&value, (const char *)slice + offset, sizeof(value));
	return value;
}
static inline const struct baton_spread *baton_slice_spread(const struct baton_slice *slice,
							    size_t offset)
{
	return (const struct baton_spread *)(const void *)((const char *)slice + offset);
}
