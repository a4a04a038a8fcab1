/* SPDX-License-Identifier: Apache-2.0 */

/* What turns came to; tally.h says how it is counted. */

#include "core/route/tally.h"

#include "core/base/buf.h"
#include "core/base/table.h"
#include "core/route/modes.h"

enum { PPM = 1000000 };

static const char *const series[] = {
#define COUNT(NAME, word, meaning) word,
	BATON_TALLY_COUNTS(COUNT)
#undef COUNT
};

/* --- one tally --- */

void baton_tally_init(struct baton_tally *tally, uint64_t now_ms, uint32_t window_ms)
{
	uint32_t slice_ms = window_ms / BATON_TALLY_SLICES;

	*tally = (struct baton_tally){ .slice_ms = slice_ms > 0 ? slice_ms : 1 };
	tally->slice = now_ms / tally->slice_ms;
}

/* The ring goes on to the slice of `now_ms`; what it passes is emptied. A clock that has not moved,
 * or a caller that is a little behind, fills the slice at hand. */
static void roll(struct baton_tally *tally, uint64_t now_ms)
{
	uint64_t slice = now_ms / tally->slice_ms;

	for (unsigned i = 0; tally->slice < slice && i < BATON_TALLY_SLICES; i++) {
		struct baton_counts *old = &tally->slices[++tally->slice % BATON_TALLY_SLICES];

		for (unsigned k = 0; k < BATON_TALLY_N; k++)
			tally->window.n[k] -= old->n[k];
		*old = (struct baton_counts){ 0 };
	}
	if (tally->slice < slice)
		tally->slice = slice; /* the whole ring is old, and empty by now */
}

void baton_tally_add(struct baton_tally *tally, uint64_t now_ms, const struct baton_counts *counts)
{
	roll(tally, now_ms);
	baton_counts_merge(&tally->slices[tally->slice % BATON_TALLY_SLICES], counts);
	baton_counts_merge(&tally->window, counts);
}

const struct baton_counts *baton_tally_window(struct baton_tally *tally, uint64_t now_ms)
{
	roll(tally, now_ms);
	return &tally->window;
}

/* --- counts --- */

void baton_counts_merge(struct baton_counts *to, const struct baton_counts *from)
{
	for (unsigned k = 0; k < BATON_TALLY_N; k++)
		to->n[k] += from->n[k];
}

void baton_counts_of_turn(const struct baton_turn_report *report, struct baton_counts *ret_counts)
{
	*ret_counts =
		(struct baton_counts){ .n = {
					       [BATON_TALLY_TURNS] = 1,
					       [BATON_TALLY_ANSWERED] = report->answered,
					       [BATON_TALLY_DRAFTED] = report->drafted,
					       [BATON_TALLY_HANDED_OVER] = report->handed_over,
					       [BATON_TALLY_CAPTURED] = report->captured,
					       [BATON_TALLY_DEGRADED] = report->degraded,
					       [BATON_TALLY_LOW_CONFIDENCE] =
						       report->low_confidence,
					       [BATON_TALLY_RETRIEVAL_EMPTY] =
						       report->retrieval_empty,
					       [BATON_TALLY_STALE] = report->stale,
					       [BATON_TALLY_TOOL_CALLS] = report->tool_calls,
					       [BATON_TALLY_TOOL_ERRORS] = report->tool_errors,
				       } };
}

bool baton_counts_of_judgement(baton_str what, struct baton_counts *ret_counts)
{
	static const enum baton_tally_count judgements[] = { BATON_TALLY_ACCEPTED,
							     BATON_TALLY_EDITED,
							     BATON_TALLY_REJECTED, BATON_TALLY_UP,
							     BATON_TALLY_DOWN };

	for (unsigned i = 0; i < sizeof(judgements) / sizeof(judgements[0]); i++) {
		if (!baton_str_is(what, series[judgements[i]]))
			continue;
		*ret_counts = (struct baton_counts){ 0 };
		ret_counts->n[judgements[i]] = 1;
		return true;
	}
	return false;
}

uint32_t baton_counts_share(uint32_t part, uint32_t whole, uint32_t otherwise)
{
	if (whole < BATON_TALLY_SAMPLES_MIN)
		return otherwise;
	/* A module may report more errors than calls; a share is never more than the whole. */
	uint64_t ppm = (uint64_t)part * PPM / whole;
	return ppm < PPM ? (uint32_t)ppm : PPM;
}

uint32_t baton_counts_judged(const struct baton_counts *counts)
{
	return counts->n[BATON_TALLY_ACCEPTED] + counts->n[BATON_TALLY_EDITED] +
	       counts->n[BATON_TALLY_REJECTED];
}

uint32_t baton_counts_override_ppm(const struct baton_counts *counts)
{
	return baton_counts_share(counts->n[BATON_TALLY_EDITED] + counts->n[BATON_TALLY_REJECTED],
				  baton_counts_judged(counts), 0);
}

uint32_t baton_counts_tool_success_ppm(const struct baton_counts *counts)
{
	return PPM - baton_counts_share(counts->n[BATON_TALLY_TOOL_ERRORS],
					counts->n[BATON_TALLY_TOOL_CALLS], 0);
}

/* --- by intent --- */

struct baton_intent_tally {
	char name[BATON_NAME_BYTES_MAX + 1];
	char class_name[BATON_NAME_BYTES_MAX + 1]; /* as the last report of it said */
	struct baton_tally tally;
	uint64_t totals[BATON_TALLY_N];
	UT_hash_handle hh;
};

void baton_tallies_init(struct baton_tallies *tallies, uint64_t now_ms)
{
	*tallies = (struct baton_tallies){ 0 };
	baton_tally_init(&tallies->all, now_ms, BATON_TALLY_WINDOW_MS);
}

void baton_tallies_done(struct baton_tallies *tallies)
{
	struct baton_intent_tally *intent, *next;

	HASH_ITER(hh, tallies->intents, intent, next) {
		HASH_DEL(tallies->intents, intent);
		baton_free(intent);
	}
	tallies->n_intents = 0;
}

static struct baton_intent_tally *find(const struct baton_tallies *tallies, const char *name)
{
	struct baton_intent_tally *intent;

	HASH_FIND_STR(tallies->intents, name, intent);
	return intent;
}

/* The tally under that name; NULL where there is no room for another. */
static struct baton_intent_tally *provide(struct baton_tallies *tallies, uint64_t now_ms,
					  const char *name)
{
	struct baton_intent_tally *intent = find(tallies, name);

	if (intent || tallies->n_intents == BATON_TALLY_INTENTS_MAX ||
	    strlen(name) > BATON_NAME_BYTES_MAX)
		return intent;
	intent = baton_new(struct baton_intent_tally);
	memcpy(intent->name, name, strlen(name) + 1);
	baton_tally_init(&intent->tally, now_ms, BATON_TALLY_WINDOW_MS);
	HASH_ADD_STR(tallies->intents, name, intent);
	tallies->n_intents++;
	return intent;
}

static void count(struct baton_intent_tally *intent, uint64_t now_ms,
		  const struct baton_counts *counts)
{
	baton_tally_add(&intent->tally, now_ms, counts);
	for (unsigned k = 0; k < BATON_TALLY_N; k++)
		intent->totals[k] += counts->n[k];
}

void baton_tallies_report(struct baton_tallies *tallies, struct baton_now now,
			  const struct baton_turn_report *report)
{
	const char *name = report->intent ? report->intent : "";
	baton_str class_name = baton_str_of(report->class_name);
	struct baton_counts counts;

	baton_counts_of_turn(report, &counts);
	baton_tally_add(&tallies->all, now.ms, &counts);
	struct baton_intent_tally *intent = provide(tallies, now.ms, name);
	if (!intent)
		return;
	if (class_name.n > 0 && class_name.n <= BATON_NAME_BYTES_MAX)
		memcpy(intent->class_name, class_name.p, class_name.n + 1);
	count(intent, now.ms, &counts);
}

void baton_tallies_judged(struct baton_tallies *tallies, struct baton_now now, const char *name,
			  baton_str what)
{
	struct baton_counts counts;

	if (!baton_counts_of_judgement(what, &counts))
		return;
	baton_tally_add(&tallies->all, now.ms, &counts);
	struct baton_intent_tally *intent = provide(tallies, now.ms, name ? name : "");
	if (intent)
		count(intent, now.ms, &counts);
}

void baton_tallies_intent(struct baton_tallies *tallies, struct baton_now now, const char *name,
			  struct baton_counts *ret_counts)
{
	struct baton_intent_tally *intent = find(tallies, name);

	*ret_counts = (struct baton_counts){ 0 };
	if (intent)
		*ret_counts = *baton_tally_window(&intent->tally, now.ms);
}

void baton_tallies_scope(struct baton_tallies *tallies, struct baton_now now,
			 const struct baton_mode_def *mode, struct baton_counts *ret_counts)
{
	struct baton_intent_tally *intent, *next;

	if (mode->n_intents == 0 && mode->n_classes == 0) {
		*ret_counts = *baton_tally_window(&tallies->all, now.ms);
		return;
	}
	*ret_counts = (struct baton_counts){ 0 };
	HASH_ITER(hh, tallies->intents, intent, next) {
		if (baton_mode_concerns(mode, intent->name, intent->class_name))
			baton_counts_merge(ret_counts, baton_tally_window(&intent->tally, now.ms));
	}
}

/* --- for people and for Prometheus --- */

static void counts_json(const struct baton_counts *counts, struct baton_buf *out)
{
	for (unsigned k = 0; k < BATON_TALLY_N; k++)
		baton_buf_printf(out, "%c\"%s\":%u", k == 0 ? '{' : ',', series[k], counts->n[k]);
	baton_buf_z(out, "}");
}

void baton_tallies_json(struct baton_tallies *tallies, struct baton_now now, struct baton_buf *out)
{
	struct baton_intent_tally *intent, *next;
	const char *comma = "";

	baton_buf_z(out, "{\"all\":");
	counts_json(baton_tally_window(&tallies->all, now.ms), out);
	baton_buf_z(out, ",\"intents\":{");
	HASH_ITER(hh, tallies->intents, intent, next) {
		baton_buf_z(out, comma);
		baton_buf_json(out, baton_str_of(intent->name));
		baton_buf_z(out, ":");
		counts_json(baton_tally_window(&intent->tally, now.ms), out);
		comma = ",";
	}
	baton_buf_z(out, "}}");
}

void baton_tallies_metrics(const struct baton_tallies *tallies, struct baton_buf *out)
{
	struct baton_intent_tally *intent, *next;

	baton_buf_z(out, "# HELP baton_intent_results_total What turns of an intent came to.\n"
			 "# TYPE baton_intent_results_total counter\n");
	HASH_ITER(hh, tallies->intents, intent, next) {
		for (unsigned k = 0; k < BATON_TALLY_N; k++)
			/* Names of policies hold nothing that a label would have to escape. */
			baton_buf_printf(out,
					 "baton_intent_results_total{intent=\"%s\",result=\"%s\"}"
					 " %llu\n",
					 intent->name, series[k],
					 (unsigned long long)intent->totals[k]);
	}
}
