/* SPDX-License-Identifier: Apache-2.0 */

/* What turns came to, over the last minutes: for each intent and for everything together.
 *
 * A tally is a ring of slices with the sum of all of them beside it: adding costs two increments,
 * and what is older than the window falls out slice by slice. Sums of tallies are the tally of a
 * scope (the intents and classes of a mode), so a mode over three intents needs none of its own.
 *
 * A share of fewer than BATON_TALLY_SAMPLES_MIN things is not a share: the value that stands for
 * "nothing is wrong" takes its place. One customer who is cross is not a trend.
 *
 * Pure, not thread-safe, zeroed is not ready: baton_tallies_init().
 */
#pragma once

#include "core/route/board.h"

/* What is counted. COUNT(NAME, "series", "meaning") */
#define BATON_TALLY_COUNTS(COUNT)                                                              \
	COUNT(TURNS, "turns", "turns that came to an end")                                     \
	COUNT(ANSWERED, "answered", "answers that customers got")                              \
	COUNT(DRAFTED, "drafted", "drafts for a person to review")                             \
	COUNT(HANDED_OVER, "handed_over", "turns that became a case for a person")             \
	COUNT(CAPTURED, "captured", "messages that a mode keeps")                              \
	COUNT(DEGRADED, "degraded", "turns under a mode or with a substitute")                 \
	COUNT(LOW_CONFIDENCE, "low_confidence", "turns that were not well supported")          \
	COUNT(RETRIEVAL_EMPTY, "retrieval_empty", "turns for which no article was found")      \
	COUNT(STALE, "stale", "turns that rest on articles past their date")                   \
	COUNT(TOOL_CALLS, "tool_calls", "tool calls")                                          \
	COUNT(TOOL_ERRORS, "tool_errors", "tool calls that failed")                            \
	COUNT(ACCEPTED, "accepted", "drafts sent as they were")                                \
	COUNT(EDITED, "edited", "drafts changed by agents")                                    \
	COUNT(REJECTED, "rejected", "drafts thrown away by agents")                            \
	COUNT(UP, "up", "feedback of customers: good")                                         \
	COUNT(DOWN, "down", "feedback of customers: bad")

enum baton_tally_count {
#define COUNT(NAME, series, meaning) BATON_TALLY_##NAME,
	BATON_TALLY_COUNTS(COUNT)
#undef COUNT
	BATON_TALLY_N
};

enum {
	BATON_TALLY_SLICES = 30,
	BATON_TALLY_WINDOW_MS = 300000, /* the window of modes, as long as that of quantile.h */
	BATON_TALLY_SAMPLES_MIN = 10,
	BATON_TALLY_INTENTS_MAX = 1024 /* further ones are in the sum only */
};

struct baton_counts {
	uint32_t n[BATON_TALLY_N];
};

struct baton_tally {
	uint32_t slice_ms;
	uint64_t slice; /* number of the slice that is filled now */
	struct baton_counts window, slices[BATON_TALLY_SLICES];
};
/* An empty tally of the last `window_ms`. */
void baton_tally_init(struct baton_tally *tally, uint64_t now_ms, uint32_t window_ms);
void baton_tally_add(struct baton_tally *tally, uint64_t now_ms, const struct baton_counts *counts);
/* Lets slices go that are over, and gives the sum of the others. */
const struct baton_counts *baton_tally_window(struct baton_tally *tally, uint64_t now_ms);

void baton_counts_merge(struct baton_counts *to, const struct baton_counts *from);
/* What one turn adds; what one judgement adds (false: not a word that counts). */
void baton_counts_of_turn(const struct baton_turn_report *report, struct baton_counts *ret_counts);
bool baton_counts_of_judgement(baton_str what, struct baton_counts *ret_counts);
/* Parts per million of `part` in `whole`, or `otherwise` where there are too few. */
uint32_t baton_counts_share(uint32_t part, uint32_t whole, uint32_t otherwise);
/* Of all drafts that were judged, those that agents changed or threw away. */
uint32_t baton_counts_judged(const struct baton_counts *counts);
uint32_t baton_counts_override_ppm(const struct baton_counts *counts);
uint32_t baton_counts_tool_success_ppm(const struct baton_counts *counts);

struct baton_intent_tally; /* a tally and its totals under the name of an intent */
struct baton_tallies {
	struct baton_tally all;
	struct baton_intent_tally *intents; /* a hash by name */
	size_t n_intents;
};
void baton_tallies_init(struct baton_tallies *tallies, uint64_t now_ms);
void baton_tallies_done(struct baton_tallies *tallies);
void baton_tallies_report(struct baton_tallies *tallies, struct baton_now now,
			  const struct baton_turn_report *report);
void baton_tallies_judged(struct baton_tallies *tallies, struct baton_now now, const char *intent,
			  baton_str what);
/* The window of one intent; nothing counted if it was never seen. */
void baton_tallies_intent(struct baton_tallies *tallies, struct baton_now now, const char *intent,
			  struct baton_counts *ret_counts);
/* The window of what a mode concerns. */
void baton_tallies_scope(struct baton_tallies *tallies, struct baton_now now,
			 const struct baton_mode_def *mode, struct baton_counts *ret_counts);

/* For people: {"all":{"turns":3,...},"intents":{"refund":{...}}} over the window. */
void baton_tallies_json(struct baton_tallies *tallies, struct baton_now now, struct baton_buf *out);
/* Prometheus text: totals since the start, baton_intent_results_total{intent,result}. */
void baton_tallies_metrics(const struct baton_tallies *tallies, struct baton_buf *out);
