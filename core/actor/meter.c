/* SPDX-License-Identifier: Apache-2.0 */

/* What durable events say to metrics: how long customers wait for a reply, how fast answers are
 * with and without something degraded, what fallbacks write, who gives up. */

#include "core/actor/actor.h"

#include "core/observe/metrics.h"

enum { US_PER_MS = 1000 };

static void observe_ms(const struct baton_actor *actor, enum baton_series histogram, uint64_t ms)
{
	const struct baton_seam *seam = &actor->shard->seam;

	seam->observe(seam->ud, histogram, ms * US_PER_MS);
}

static void count(const struct baton_actor *actor, unsigned metric)
{
	actor->shard->seam.count(actor->shard->seam.ud, metric, 1);
}

/* From the oldest message without a reply; nothing if nobody was waiting (a second in a row). */
static void reply(const struct baton_actor *actor, const struct commit *commit,
		  const struct baton_event *event, bool person)
{
	static const enum baton_series which[2][2] = {
		{ BATON_HIST_REPLY_BOT, BATON_HIST_REPLY_BOT_FIRST },
		{ BATON_HIST_REPLY_PERSON, BATON_HIST_REPLY_PERSON_FIRST },
	};

	if (commit->waiting_since_ms > 0 && event->unix_ms >= commit->waiting_since_ms)
		observe_ms(actor, which[person][!commit->had_reply],
			   event->unix_ms - commit->waiting_since_ms);
}

static void answer(const struct baton_actor *actor, const struct baton_ev_answer_generated *answer)
{
	bool degraded = answer->substitute || answer->mode.n > 0;

	observe_ms(actor, degraded ? BATON_HIST_ANSWER_DEGRADED : BATON_HIST_ANSWER,
		   answer->total_ms);
	if (answer->substitute)
		count(actor, BATON_METRIC_ANSWERS_SUBSTITUTE);
}

static bool replies(const struct baton_decision *decision)
{
	for (size_t i = 0; i < decision->n_events; i++)
		if (decision->events[i].type == BATON_EV_ANSWER_GENERATED ||
		    decision->events[i].type == BATON_EV_HUMAN_MESSAGE)
			return true;
	return false;
}

void meter_before(const struct baton_actor *actor, const struct baton_decision *decision,
		  struct commit *commit)
{
	const struct baton_session *state = actor->state;

	commit->waiting_since_ms = state->first_unanswered_ms;
	if (!replies(decision)) /* then nobody asks whether it is the first */
		return;
	for (size_t i = 0; i < state->n_lines && !commit->had_reply; i++)
		commit->had_reply = state->lines[i].role != BATON_ROLE_CUSTOMER;
}

void meter_event(const struct baton_actor *actor, const struct commit *commit,
		 const struct baton_event *event)
{
	switch ((int)event->type) {
	case BATON_EV_ANSWER_GENERATED:
		answer(actor, &event->answer_generated);
		reply(actor, commit, event, false);
		break;
	case BATON_EV_DRAFT_PROPOSED:
		if (event->draft_proposed.substitute)
			count(actor, BATON_METRIC_ANSWERS_SUBSTITUTE);
		break;
	case BATON_EV_HUMAN_MESSAGE:
		reply(actor, commit, event, true);
		break;
	case BATON_EV_AUTOMATION_RESUMED:
		count(actor, BATON_METRIC_RESUMED);
		break;
	case BATON_EV_SESSION_RESOLVED:
		if (commit->waiting_since_ms > 0 &&
		    baton_str_is(event->session_resolved.by, "customer"))
			count(actor, BATON_METRIC_ABANDONED);
		break;
	default:
		break;
	}
}
