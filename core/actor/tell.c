/* SPDX-License-Identifier: Apache-2.0 */

/* Who hears what: followers of a session, the sender of a command, the desk. */

#include "core/actor/actor.h"

#include "core/base/assert.h"
#include "core/base/errors.h"

void tell_one(struct baton_actor *actor, baton_conn conn, struct baton_notice *notice)
{
	const struct baton_seam *seam = &actor->shard->seam;

	if (conn != 0)
		seam->notify(seam->ud, conn, notice);
	baton_notice_unref(&notice);
}

static bool wants(const struct subscriber *subscriber, const struct baton_event *event,
		  baton_conn except)
{
	return subscriber->live && subscriber->conn != except &&
	       (subscriber->audience == BATON_AUDIENCE_AGENT ||
		baton_event_info(event->type)->for_customers);
}

/* Most events of a turn are for agents, and mostly no agent is looking: the notice is made for the
 * first who wants it. */
void tell_event(struct baton_actor *actor, const struct baton_event *event, baton_conn except)
{
	const struct baton_seam *seam = &actor->shard->seam;
	struct baton_notice *notice = NULL;

	for (size_t i = 0; i < actor->n_subscribers; i++) {
		if (!wants(&actor->subscribers[i], event, except))
			continue;
		if (!notice) {
			notice = baton_notice_new(BATON_NOTE_EVENT, &actor->id);
			baton_notice_keep_event(notice, event);
		}
		seam->notify(seam->ud, actor->subscribers[i].conn, notice);
	}
	baton_notice_unref(&notice);
}

void tell_all(struct baton_actor *actor, struct baton_notice *notice)
{
	const struct baton_seam *seam = &actor->shard->seam;

	for (size_t i = 0; i < actor->n_subscribers; i++)
		if (actor->subscribers[i].live)
			seam->notify(seam->ud, actor->subscribers[i].conn, notice);
	baton_notice_unref(&notice);
}

void tell_refused(struct baton_actor *actor, const struct waiter *waiter, int code)
{
	struct baton_notice *notice = baton_notice_new(BATON_NOTE_REFUSED, &actor->id);

	notice->client_id = baton_notice_keep(notice, waiter->client_id);
	notice->verb_name = baton_str_of(waiter->verb_name);
	notice->code = code;
	notice->seq = actor->committed_seq;
	tell_one(actor, waiter->conn, notice);
}

void tell_ack(struct baton_actor *actor, const struct waiter *waiter)
{
	if (waiter->client_id.n == 0)
		return;
	struct baton_notice *notice = baton_notice_new(BATON_NOTE_ACK, &actor->id);
	notice->client_id = baton_notice_keep(notice, waiter->client_id);
	notice->seq = waiter->seq;
	tell_one(actor, waiter->conn, notice);
}

struct subscriber *actor_subscriber(struct baton_actor *actor, baton_conn conn)
{
	for (size_t i = 0; i < actor->n_subscribers; i++)
		if (actor->subscribers[i].conn == conn)
			return &actor->subscribers[i];
	return NULL;
}

/* Room for one more, at the end. */
static struct subscriber *add_subscriber(struct baton_actor *actor)
{
	size_t n = actor->n_subscribers++;

	if (!actor->subscribers) {
		actor->subscribers = &actor->one;
	} else if (actor->subscribers != &actor->one) {
		actor->subscribers =
			baton_realloc(actor->subscribers, (n + 1) * sizeof(actor->one));
	} else if (n > 0) {
		actor->subscribers = baton_alloc((n + 1) * sizeof(actor->one));
		actor->subscribers[0] = actor->one;
	}
	return &actor->subscribers[n];
}

struct subscriber *actor_follow(struct baton_actor *actor, baton_conn conn,
				enum baton_audience audience)
{
	struct subscriber *subscriber = actor_subscriber(actor, conn);
	bool told = false;

	if (!subscriber) {
		if (actor->n_subscribers >= BATON_SUBSCRIBERS_MAX)
			return NULL;
		subscriber = add_subscriber(actor);
	} else if (subscriber->audience == audience)
		told = subscriber->auth_told;
	*subscriber = (struct subscriber){ conn, audience, false, told };
	return subscriber;
}

struct replay {
	struct baton_actor *actor;
	const struct subscriber *to;
	uint64_t last;
	int rc;
};

static bool replay_record(void *ud, const struct baton_id *session,
			  const struct baton_record *record)
{
	struct replay *replay = ud;
	struct baton_event event = { .seq = record->seq, .unix_ms = record->unix_ms };
	struct baton_arena arena = { NULL, 0 };

	/* The disk may know more than we were told of; that comes as news, in its order. */
	if (record->seq > replay->actor->committed_seq)
		return false;
	replay->rc = baton_event_parse(record->type, record->payload, &arena, &event);
	if (replay->rc == 0) {
		replay->last = record->seq;
		if (replay->to->audience == BATON_AUDIENCE_AGENT ||
		    baton_event_info(event.type)->for_customers) {
			struct baton_notice *notice = baton_notice_new(BATON_NOTE_EVENT, session);

			baton_notice_keep_event(notice, &event);
			tell_one(replay->actor, replay->to->conn, notice);
		}
	}
	baton_arena_done(&arena);
	return replay->rc == 0;
}

static struct baton_notice *state_notice(struct baton_actor *actor, enum baton_notice_type type,
					 uint64_t seq)
{
	struct baton_notice *notice = baton_notice_new(type, &actor->id);

	notice->seq = seq;
	notice->state.owner = actor->state->owner;
	notice->state.epoch = actor->state->epoch;
	notice->state.resolved = actor->state->resolved;
	notice->state.disclosed = actor->state->disclosed;
	notice->state.mode = baton_notice_keep(notice, baton_str_of(actor->state->mode));
	if (actor->state->verified)
		notice->state.customer =
			baton_notice_keep(notice, baton_str_of(actor->state->customer));
	return notice;
}

void tell_run(struct baton_actor *actor, baton_conn conn)
{
	const struct baton_run *run = actor->run;

	if (!run || !actor->run_shown)
		return;
	struct baton_notice *began = baton_notice_new(BATON_NOTE_RUN, &actor->id);
	began->turn = run->turn;
	began->running = true;
	tell_one(actor, conn, began);
	if (run->said == 0)
		return;
	struct baton_notice *text = baton_notice_new(BATON_NOTE_DELTA, &actor->id);
	text->turn = run->turn;
	text->attempt = run->text_attempt;
	text->text = baton_notice_keep(text, (baton_str){ run->answer.p, run->said });
	tell_one(actor, conn, text);
}

void actor_replay(struct baton_actor *actor, struct subscriber *subscriber, uint64_t after)
{
	const struct baton_seam *seam = &actor->shard->seam;
	struct replay replay = { actor, subscriber, after, 0 };
	baton_conn conn = subscriber->conn;

	tell_one(actor, conn, state_notice(actor, BATON_NOTE_SUBSCRIBED, actor->committed_seq));
	if (after < actor->committed_seq) {
		int64_t n = seam->read(seam->ud, &actor->id, after, BATON_REPLAY_EVENTS_MAX,
				       replay_record, &replay);

		if (n < 0 || replay.rc < 0) {
			tell_refused(actor, &(struct waiter){ .conn = conn, .verb_name = "resume" },
				     n < 0 ? (int)n : replay.rc);
			return;
		}
		if (n == BATON_REPLAY_EVENTS_MAX && replay.last < actor->committed_seq) {
			tell_one(actor, conn, state_notice(actor, BATON_NOTE_MORE, replay.last));
			return;
		}
	}
	subscriber->live = true;
	tell_one(actor, conn, state_notice(actor, BATON_NOTE_CAUGHT_UP, actor->committed_seq));
	tell_run(actor, conn);
}

static void keep_names(struct baton_notice *notice, const struct baton_session *state)
{
	const struct {
		baton_str *to;
		const char *from;
	} names[] = {
		{ &notice->kase.queue, state->queue },
		{ &notice->kase.reason, state->reason },
		{ &notice->kase.agent, state->agent },
		{ &notice->kase.agent_name, state->agent_name },
		{ &notice->kase.customer_tier, state->customer_tier },
		{ &notice->kase.customer_name, state->verified ? state->customer_name : "" },
		{ &notice->kase.mode, state->mode },
		{ &notice->kase.language, state->language },
		{ &notice->kase.intent, state->intent },
		{ &notice->kase.to_agent, state->to_agent },
		{ &notice->kase.rule, state->rule },
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		*names[i].to = baton_notice_keep(notice, baton_str_of(names[i].from));
	notice->kase.tags = baton_notice_keep(notice, state->tags);
}

static baton_str preview(const struct baton_session *state)
{
	for (size_t i = state->n_lines; i > 0; i--)
		if (state->lines[i - 1].role == BATON_ROLE_CUSTOMER &&
		    state->lines[i - 1].text.n > 0)
			return baton_str_clip(state->lines[i - 1].text, 120);
	return BATON_STR("");
}

struct baton_notice *actor_case_notice(const struct baton_actor *actor)
{
	const struct baton_session *state = actor->state;
	struct baton_notice *notice = baton_notice_new(BATON_NOTE_CASE, &actor->id);
	struct baton_case *kase = &notice->kase;

	kase->session = actor->id;
	kase->state = state->erased                       ? BATON_CASE_NONE
		      : state->owner == BATON_OWNER_QUEUE ? BATON_CASE_WAITING
		      : state->owner == BATON_OWNER_AGENT ? BATON_CASE_CLAIMED
							  : BATON_CASE_NONE;
	keep_names(notice, state);
	kase->preview = baton_notice_keep(notice, preview(state));
	kase->priority = state->priority;
	kase->waiting_since_ms =
		state->waiting_since_ms ? state->waiting_since_ms : state->first_unanswered_ms;
	kase->unanswered_ms = state->first_unanswered_ms;
	kase->queued_ms = state->queued_ms;
	kase->claimed_ms = state->claimed_ms;
	kase->epoch = state->epoch;
	kase->tier = state->tier;
	kase->has_draft = state->draft > 0;
	kase->verified = state->verified;
	kase->present = people_present(actor);
	kase->ticket = state->ticket;
	kase->abandoned = state->abandoned && !kase->present;
	return notice;
}

void tell_desk_now(struct baton_actor *actor)
{
	const struct baton_seam *seam = &actor->shard->seam;
	struct baton_notice *notice = actor_case_notice(actor);

	actor->case_due = false;
	seam->desk(seam->ud, notice);
	baton_notice_unref(&notice);
}

void tell_desk_soon(struct baton_actor *actor)
{
	struct baton_shard *shard = actor->shard;

	if (actor->is_stale)
		return;
	if (!shard->stale)
		shard->seam.timer_set(shard->seam.ud, DESK_KEY, DESK_MS);
	actor->is_stale = true;
	LL_PREPEND2(shard->stale, actor, stale_next);
}

/* The state may be ahead of the disk; then the next commit takes the case along, or the retry. */
void tell_desk_stale(struct baton_shard *shard)
{
	while (shard->stale) {
		struct baton_actor *actor = shard->stale;

		LL_DELETE2(shard->stale, actor, stale_next);
		actor->is_stale = false;
		if (!actor->state)
			continue;
		if (actor->commits || actor->failed)
			actor->case_due = true;
		else
			tell_desk_now(actor);
	}
}
