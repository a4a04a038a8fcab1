/* SPDX-License-Identifier: Apache-2.0 */

/* See report.h. Here: which conversations are remembered, the tables of names, and the sums at the
 * end. What an event counts is in report_fold.c.
 *
 * A conversation may be forgotten at any time, because everything about it that is not a plain sum
 * is computed from its own events again: what stands to its account is settled when it goes, taken
 * back when it is primed, and settled anew. */
#include "core/observe/report_inside.h"

#include "core/base/assert.h"
#include "core/base/errors.h"

#include <stdio.h>

struct baton_report *baton_report_new(const struct baton_report_options *options)
{
	struct baton_report *report = baton_new(struct baton_report);

	report->options = *options;
	report->intents = baton_alloc(sizeof(*report->intents) * BATON_REPORT_INTENTS_MAX);
	report->targets = baton_alloc(sizeof(*report->targets) * BATON_REPORT_TARGETS_MAX);
	report->pairs = baton_alloc(sizeof(*report->pairs) * BATON_REPORT_PAIRS_MAX);
	report->sessions = baton_new(struct baton_report_sessions);
	baton_incidents_init(&report->incidents);
	baton_report_intent_of(report, BATON_STR("(none)"));
	return report;
}

static void session_forget(struct baton_report_sessions *sessions, struct report_session *session)
{
	HASH_DEL(sessions->table, session);
	DL_DELETE(sessions->oldest, session);
	sessions->n--;
	baton_free(session);
}

void baton_report_free(struct baton_report **report)
{
	struct baton_report *r = *report;

	if (!r)
		return;
	while (r->sessions->oldest)
		session_forget(r->sessions, r->sessions->oldest);
	for (size_t i = 0; i < r->n_intents; i++)
		for (size_t side = 0; side < BATON_SIDES; side++)
			baton_slice_done(&r->intents[i].sides[side]);
	for (size_t i = 0; i < BATON_REPORT_STEPS; i++)
		for (size_t side = 0; side < BATON_SIDES; side++)
			baton_spread_done(&r->steps[i].response[side]);
	for (size_t side = 0; side < BATON_SIDES; side++)
		baton_slice_done(&r->total[side]);
	baton_slice_done(&r->trash);
	baton_spread_done(&r->waiting_age_ms);
	baton_free(r->sessions);
	baton_free(r->pairs);
	baton_free(r->targets);
	baton_free(r->intents);
	baton_free(r);
	*report = NULL;
}

/* --- names --- */

uint16_t baton_report_intent_of(struct baton_report *report, baton_str name)
{
	if (name.n == 0)
		name = BATON_STR("(none)");
	for (size_t i = 0; i < report->n_intents; i++)
		if (baton_str_is(name, report->intents[i].name))
			return (uint16_t)i;
	if (report->n_intents == BATON_REPORT_INTENTS_MAX - 1)
		name = BATON_STR("(other)");
	else if (report->n_intents == BATON_REPORT_INTENTS_MAX)
		return BATON_REPORT_INTENTS_MAX - 1;
	struct baton_report_intent *intent = &report->intents[report->n_intents];
	snprintf(intent->name, sizeof(intent->name), "%.*s", (int)name.n, name.p);
	return (uint16_t)report->n_intents++;
}

uint16_t baton_report_target_of(struct baton_report *report, baton_str name)
{
	for (size_t i = 0; i < report->n_targets; i++)
		if (baton_str_is(name, report->targets[i].name))
			return (uint16_t)i;
	if (name.n == 0 || report->n_targets == BATON_REPORT_TARGETS_MAX)
		return UINT16_MAX;
	struct baton_report_target *target = &report->targets[report->n_targets];
	snprintf(target->name, sizeof(target->name), "%.*s", (int)name.n, name.p);
	return (uint16_t)report->n_targets++;
}

struct baton_report_pair *baton_report_pair_of(struct baton_report *report, uint16_t intent,
					       uint16_t target)
{
	if (target == UINT16_MAX)
		return NULL;
	for (size_t i = 0; i < report->n_pairs; i++)
		if (report->pairs[i].intent == intent && report->pairs[i].target == target)
			return &report->pairs[i];
	if (report->n_pairs == BATON_REPORT_PAIRS_MAX)
		return NULL;
	struct baton_report_pair *pair = &report->pairs[report->n_pairs++];
	pair->intent = intent;
	pair->target = target;
	return pair;
}

struct baton_slice *baton_report_slice(struct report_fold *fold, struct report_place place)
{
	return fold->counts ? &fold->report->intents[place.intent].sides[place.side]
			    : &fold->report->trash;
}

struct baton_report_step *baton_report_step_of(struct baton_report *report, uint64_t unix_ms)
{
	uint64_t since = report->options.since_ms, span = report->options.until_ms - since + 1;

	return &report->steps[(unix_ms - since) * BATON_REPORT_STEPS / span];
}

/* --- conversations --- */

static struct report_session *session_find(const struct baton_report *report,
					   const struct baton_id *id)
{
	struct report_session *session;

	HASH_FIND(hh, report->sessions->table, id, sizeof(*id), session);
	return session;
}

static struct report_session *session_add(struct baton_report *report, const struct baton_id *id)
{
	struct baton_report_sessions *sessions = report->sessions;
	struct report_session *session = baton_new(struct report_session);

	if (sessions->n == BATON_REPORT_SESSIONS_MAX) {
		if (sessions->oldest->in_window)
			baton_report_settle(report, sessions->oldest, false);
		session_forget(sessions, sessions->oldest);
	}
	session->id = *id;
	session->target = session->draft_target = UINT16_MAX;
	HASH_ADD(hh, sessions->table, id, sizeof(session->id), session);
	DL_APPEND(sessions->oldest, session);
	sessions->n++;
	return session;
}

static bool is_wanted(const struct baton_report *report, const struct baton_id *id)
{
	for (size_t i = 0; i < report->options.n_only; i++)
		if (baton_id_eq(&report->options.only[i], id))
			return true;
	return !report->options.only;
}

bool baton_report_knows(const struct baton_report *report, const struct baton_id *session)
{
	return session_find(report, session) != NULL;
}

/* Folds what lies within the window or before it. */
static void take(struct baton_report *report, struct report_session *session,
		 const struct baton_event *event, bool is_new)
{
	bool in_window = event->unix_ms >= report->options.since_ms;
	struct report_fold fold = { report, session, event, is_new && in_window };

	if (event->unix_ms > report->options.until_ms) {
		session->past_end = true;
		return;
	}
	if (fold.counts && !session->in_window && session->owner == REPORT_QUEUE &&
	    !session->is_drill)
		report->waiting_start++;
	session->in_window |= in_window;
	session->seq = event->seq;
	if (session->is_drill && !report->options.drills)
		fold.counts = false;
	baton_report_fold(&fold);
	report->events += fold.counts;
}

int baton_report_event(struct baton_report *report, const struct baton_id *id,
		       const struct baton_event *event)
{
	if (baton_id_eq(id, &report->options.operations)) {
		if (event->unix_ms <= report->options.until_ms)
			baton_incidents_event(&report->incidents, event);
		return BATON_OK;
	}
	if (!is_wanted(report, id))
		return BATON_OK;
	struct report_session *session = session_find(report, id);
	if (!session) {
		if (event->seq != 1)
			return BATON_E_AGAIN;
		session = session_add(report, id);
	} else {
		DL_DELETE(report->sessions->oldest, session);
		DL_APPEND(report->sessions->oldest, session);
	}
	if (event->seq <= session->seq || session->past_end)
		return BATON_OK;
	if (event->seq != session->seq + 1)
		report->gaps++;
	take(report, session, event, true);
	return BATON_OK;
}

void baton_report_prime(struct baton_report *report, const struct baton_id *id,
			const struct baton_event *event)
{
	struct report_session *session = session_find(report, id);

	if (!session)
		session = session_add(report, id);
	if (event->seq > session->seq && !session->past_end)
		take(report, session, event, false);
}

void baton_report_primed(struct baton_report *report, const struct baton_id *id, uint64_t seq)
{
	struct report_session *session = session_find(report, id);

	if (!session)
		session = session_add(report, id); /* nothing of it could be read */
	if (!session->past_end && session->seq + 1 != seq) {
		report->gaps++;
		session->seq = seq - 1;
	}
	if (session->in_window)
		baton_report_settle(report, session, true);
}

/* --- the end --- */

static void count_end(uint64_t *count, bool is_so, bool back)
{
	if (is_so && back)
		(*count)--;
	else if (is_so)
		(*count)++;
}

static void settle_queue(struct baton_report *report, const struct report_session *session,
			 bool back)
{
	uint64_t age = report->options.until_ms > session->queued_ms
			       ? report->options.until_ms - session->queued_ms
			       : 0;

	if (session->owner != REPORT_QUEUE)
		return;
	count_end(&report->waiting_end, true, back);
	if (back)
		baton_spread_sub(&report->waiting_age_ms, age);
	else
		baton_spread_add(&report->waiting_age_ms, age);
	if (age > report->oldest_wait_ms)
		report->oldest_wait_ms = age;
}

void baton_report_settle(struct baton_report *report, const struct report_session *session,
			 bool back)
{
	struct baton_slice *slice =
		&report->intents[session->last.intent]
			 .sides[session->degraded ? BATON_SIDE_DEGRADED : BATON_SIDE_HEALTHY];
	bool resolved = session->resolved ||
			(session->owner == REPORT_BOT && !session->down &&
			 session->last_outcome == REPORT_ANSWERED && session->turn.asked_ms == 0);

	if (session->is_drill && !report->options.drills) {
		count_end(&report->drill_conversations, true, back);
		return;
	}
	settle_queue(report, session, back);
	if (!session->messages_in_window)
		return;
	count_end(&slice->conversations, true, back);
	count_end(&slice->resolved, resolved && !session->abandoned, back);
	count_end(&slice->first_contact,
		  resolved && !session->abandoned && session->reopens == 0 && session->claims <= 1,
		  back);
	count_end(&slice->reopened, session->reopens > 0, back);
	count_end(&slice->escalated, session->handoff_count > 0, back);
	count_end(&slice->abandoned, session->abandoned, back);
	count_end(&slice->open_turns, session->turn.asked_ms > 0, back);
	count_end(&slice->spoken, session->spoken, back);
	count_end(&slice->disclosed, session->spoken && !session->spoke_undisclosed, back);
	for (uint16_t i = 0; i < report->n_targets; i++)
		count_end(&report->targets[i].conversations,
			  session->targets[i / 64] >> (i % 64) & 1, back);
}

static void add_up_cost(struct baton_report *report)
{
	struct baton_report_cost *cost = &report->cost;
	uint64_t per_turn[BATON_SIDES] = { 0 };

	for (size_t side = 0; side < BATON_SIDES; side++) {
		const struct baton_slice *slice = &report->total[side];
		uint64_t labour = (uint64_t)((double)slice->handle_ms.sum / 3600000 *
					     (double)report->options.labour_microusd_per_hour);
		uint64_t all = labour + slice->cost_microusd + slice->failed_cost_microusd;

		per_turn[side] = slice->turns ? all / slice->turns : 0;
		if (side == BATON_SIDE_DEGRADED)
			*cost = (struct baton_report_cost){
				.labour_microusd = labour,
				.model_microusd = slice->cost_microusd,
				.failed_microusd = slice->failed_cost_microusd,
				.delay_ms = slice->rescue_ms.sum + slice->late_ms.sum,
				.turns = slice->turns,
			};
	}
	if (cost->turns)
		cost->extra_microusd_per_turn = (int64_t)per_turn[BATON_SIDE_DEGRADED] -
						(int64_t)per_turn[BATON_SIDE_HEALTHY];
}

/* Those that ended before the window are no part of it. */
static void trim_incidents(struct baton_report *report)
{
	struct baton_incidents *incidents = &report->incidents;
	size_t kept = 0;

	for (size_t i = 0; i < incidents->n; i++) {
		const struct baton_incident *incident = &incidents->items[i];

		if (incident->ended_ms == 0 || incident->ended_ms >= report->options.since_ms)
			incidents->items[kept++] = *incident;
	}
	incidents->n = kept;
}

void baton_report_end(struct baton_report *report)
{
	int64_t waiting;
	const struct report_session *session;

	DL_FOREACH(report->sessions->oldest, session) {
		if (!session->in_window && session->owner == REPORT_QUEUE && !session->is_drill)
			report->waiting_start++;
		baton_report_settle(report, session, false);
	}
	for (size_t i = 0; i < report->n_intents; i++)
		for (size_t side = 0; side < BATON_SIDES; side++)
			baton_slice_sum(&report->total[side], &report->intents[i].sides[side]);
	waiting = (int64_t)report->waiting_start;
	for (size_t i = 0; i < BATON_REPORT_STEPS; i++) {
		waiting += report->steps[i].waiting;
		report->steps[i].waiting = waiting;
	}
	add_up_cost(report);
	trim_incidents(report);
}

void baton_slice_sum(struct baton_slice *into, const struct baton_slice *from)
{
#define COUNT(name, what) into->name += from->name;
#define SPREAD(name, unit, what) baton_spread_merge(&into->name, &from->name);
#include "core/observe/report.def"
}

void baton_slice_done(struct baton_slice *slice)
{
#define SPREAD(name, unit, what) baton_spread_done(&slice->name);
#include "core/observe/report.def"
}

unsigned baton_report_fragility(uint64_t attempts, uint64_t failed, uint64_t redone)
{
	return attempts ? (unsigned)((failed + redone) * 100 / attempts) : 0;
}

const struct baton_metric_row *baton_report_metrics(size_t *ret_n)
{
#define AT(name) offsetof(struct baton_slice, name)
	static const struct baton_metric_row rows[] = {
#define RATE(requirement, name, numerator, denominator, what) \
	{ requirement, #name, what, AT(numerator), AT(denominator), 0, true },
#define TIME(requirement, name, spread, what) { requirement, #name, what, 0, 0, AT(spread), false },
#include "core/observe/report.def"
	};
	*ret_n = sizeof(rows) / sizeof(rows[0]);
	return rows;
}
