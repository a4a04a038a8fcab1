/* SPDX-License-Identifier: Apache-2.0 */

/* The doors of a shard: each finds the actor and hands over. */

#include "core/actor/actor.h"

#include "core/base/assert.h"
#include "core/base/errors.h"
#include "core/base/log.h"
#include "core/observe/metrics.h"

static const uint64_t NS_PER_MS = 1000000;

struct baton_shard *baton_shard_new(const struct baton_seam *seam)
{
	struct baton_shard *shard = baton_new(struct baton_shard);

	shard->seam = *seam;
	seam->timer_set(seam->ud, SWEEP_KEY, SWEEP_MS);
	return shard;
}

void baton_shard_free(struct baton_shard **shard)
{
	struct baton_actor *actor, *after;

	if (!*shard)
		return;
	probe_stop(*shard);
	ACTOR_EACH(*shard, i, actor, after)
	actor_free(actor);
	baton_free((*shard)->chains);
	baton_buf_done(&(*shard)->scratch);
	baton_free(*shard);
	*shard = NULL;
}

/* A customer's connection follows what it began; the events of this very command reach it. */
static void follow_as_customer(struct baton_actor *actor, baton_conn conn)
{
	bool was_present = people_present(actor);

	if (actor_subscriber(actor, conn))
		return;
	struct subscriber *subscriber = actor_follow(actor, conn, BATON_AUDIENCE_CUSTOMER);
	if (!subscriber)
		return;
	subscriber->live = true;
	tell_run(actor, conn);
	people_tell_place(actor, subscriber);
	people_presence(actor, was_present);
}

/* That a connection could not prove who it speaks for is put on record once. */
static int take_once(struct baton_actor *actor, baton_conn conn, struct baton_command *command)
{
	const struct subscriber *subscriber = actor_subscriber(actor, conn);
	bool load = command->auth_failed.n > 0 && conn != 0;

	if (load && subscriber && subscriber->auth_told)
		command->auth_failed = BATON_STR("");
	if (load && !actor->failed)
		(void)actor_load(actor);
	uint64_t before = load && actor->state ? actor->state->auth_failures : 0;
	int rc = actor_take(actor, conn, command);
	if (rc == 0 && command->role == BATON_CUSTOMER && conn != 0)
		follow_as_customer(actor, conn);
	struct subscriber *now = load ? actor_subscriber(actor, conn) : NULL;
	if (now && actor->state && actor->state->auth_failures > before)
		now->auth_told = true;
	return rc;
}

void baton_shard_command(struct baton_shard *shard, const struct baton_id *session, baton_conn conn,
			 const struct baton_command *command)
{
	const struct baton_seam *seam = &shard->seam;
	struct baton_command stamped = *command;
	struct baton_actor *actor = actor_get(shard, session);

	stamped.unix_ms = seam->unix_ms(seam->ud);
	/* What we say to ourselves (a transcript was saved) would be lost for good. */
	if (shard->draining && command->role != BATON_SELF) {
		tell_refused(actor,
			     &(struct waiter){ .conn = conn, .client_id = command->client_id },
			     BATON_E_CLOSED);
	} else {
		(void)take_once(actor, conn, &stamped);
		actor_run_start(actor);
	}
	if (!actor->state)
		actor_cool(actor);
}

void baton_shard_subscribe(struct baton_shard *shard, const struct baton_id *session,
			   baton_conn conn, enum baton_audience audience, uint64_t after)
{
	struct baton_actor *actor = actor_get(shard, session);
	bool was_present = people_present(actor);
	int rc = actor->failed ? actor->failed : actor_load(actor);

	/* A session whose first message is on its way to the disk exists, even if the disk has
	 * nothing. */
	if (rc == BATON_OK && actor->state->seq == 0)
		rc = BATON_E_NOTFOUND;
	struct subscriber *subscriber = rc == BATON_OK ? actor_follow(actor, conn, audience) : NULL;
	if (rc == BATON_OK && !subscriber)
		rc = BATON_E_LIMIT;
	if (rc < 0) {
		tell_refused(actor, &(struct waiter){ .conn = conn, .verb_name = "resume" }, rc);
	} else {
		actor_replay(actor, subscriber, after);
		people_tell_place(actor, subscriber);
		people_presence(actor, was_present);
	}
	actor_touch(actor);
	if (rc == BATON_E_NOTFOUND || !actor->state)
		actor_cool(actor);
}

void baton_shard_unsubscribe(struct baton_shard *shard, const struct baton_id *session,
			     baton_conn conn)
{
	struct baton_actor *actor = actor_find(shard, session);
	struct subscriber *subscriber = actor ? actor_subscriber(actor, conn) : NULL;

	if (!subscriber)
		return;
	bool was_present = people_present(actor);
	*subscriber = actor->subscribers[--actor->n_subscribers];
	people_presence(actor, was_present);
	if (!actor->state)
		actor_cool(actor);
}

void baton_shard_typing(struct baton_shard *shard, const struct baton_id *session, baton_conn conn,
			enum baton_role role, baton_str agent_name)
{
	struct baton_actor *actor = actor_find(shard, session);

	if (!actor)
		return;
	struct baton_notice *notice = baton_notice_new(BATON_NOTE_TYPING, session);
	notice->actor = role == BATON_CUSTOMER ? 0 : 1;
	notice->agent_name = baton_notice_keep(notice, agent_name);
	for (size_t i = 0; i < actor->n_subscribers; i++)
		if (actor->subscribers[i].live && actor->subscribers[i].conn != conn)
			shard->seam.notify(shard->seam.ud, actor->subscribers[i].conn, notice);
	baton_notice_unref(&notice);
}

/* An open turn is run again; after BATON_TURN_RESTARTS_MAX crashes, or where the class says so, a
 * person gets it: perhaps this very message is what kills us. */
static bool rerun_allowed(const struct baton_actor *actor)
{
	const struct baton_seam *seam = &actor->shard->seam;
	struct baton_release *release = seam->release_pin(seam->ud, &actor->id);
	const struct baton_policy *policy = seam->policy(seam->ud, release);
	const struct baton_route *route =
		baton_policy_route(policy, baton_str_of(actor->state->intent));
	bool allowed = actor->state->restarts <= BATON_TURN_RESTARTS_MAX;

	if (route && route->class_ && route->class_->on_restart &&
	    strcmp(route->class_->on_restart, "hand_over") == 0)
		allowed = false;
	seam->release_unpin(seam->ud, release);
	return allowed;
}

static void hand_over_restarted(struct baton_actor *actor)
{
	const struct baton_seam *seam = &actor->shard->seam;
	struct baton_event why = { .type = BATON_EV_ESCALATION_TRIGGERED };
	uint64_t turn = actor->state->last_message;

	why.escalation_triggered = (struct baton_ev_escalation_triggered){
		.turn = turn,
		.rule = BATON_STR("core.restart"),
		.reason = BATON_STR("the server was interrupted while it worked on the answer"),
		.priority = 5,
	};
	struct baton_command command = { .verb = BATON_CMD_HAND_OVER,
					 .role = BATON_SELF,
					 .unix_ms = seam->unix_ms(seam->ud),
					 .turn = turn,
					 .epoch = actor->state->epoch,
					 .events = &why,
					 .n_events = 1 };
	actor_take(actor, 0, &command);
}

static void restart_turn(struct baton_actor *actor)
{
	const struct baton_seam *seam = &actor->shard->seam;
	struct baton_command command = { .verb = BATON_CMD_RESTART,
					 .role = BATON_SELF,
					 .unix_ms = seam->unix_ms(seam->ud) };

	seam->count(seam->ud, BATON_METRIC_TURNS_RESTARTED, 1);
	if (actor_take(actor, 0, &command) == 0 && !rerun_allowed(actor))
		hand_over_restarted(actor);
}

void baton_shard_recover(struct baton_shard *shard, const struct baton_id *session)
{
	struct baton_actor *actor = actor_get(shard, session);
	int rc = actor_load(actor);

	if (rc < 0) {
		baton_log(BATON_LOG_ERROR, "session_unreadable", "ds", "session", session, "code",
			  baton_error_info(rc)->wire);
		actor_cool(actor);
		return;
	}
	if (actor->state->owner != BATON_OWNER_BOT) {
		struct baton_notice *notice = actor_case_notice(actor);

		shard->seam.desk(shard->seam.ud, notice);
		baton_notice_unref(&notice);
	}
	if (baton_session_turn_open(actor->state))
		restart_turn(actor);
	actor_touch(actor);
	actor_tools_start(actor);
	actor_run_start(actor);
}

void baton_shard_committed(struct baton_shard *shard, uint64_t ticket, int rc, uint64_t position)
{
	struct baton_actor *actor = actor_of_number(shard, ACTOR_OF(ticket));

	(void)position;
	/* An actor never leaves while something of it is in flight, and its commits come in
	 * order. */
	baton_assert(actor && actor->commits && actor->commits->ticket == ticket);
	actor_committed(actor, rc);
}

/* What failed has settled: look at the disk again, and take up what is open there. */
static void retry(struct baton_actor *actor)
{
	const struct baton_seam *seam = &actor->shard->seam;

	if (!actor->failed)
		return;
	if (actor->commits) {
		seam->timer_set(seam->ud, actor_key(actor, TIMER_RETRY), RETRY_MS);
		return;
	}
	int failed = actor->failed;
	bool case_due = actor->case_due;
	actor_reset(actor);
	int rc = actor_load(actor);
	if (rc == BATON_E_NOTFOUND || rc == BATON_E_ERASED || rc == BATON_E_CORRUPT) {
		actor_cool(actor);
		return;
	}
	if (rc < 0) { /* a turn may be open there, and nobody else looks for it */
		actor->failed = failed;
		actor->case_due = case_due;
		seam->timer_set(seam->ud, actor_key(actor, TIMER_RETRY), RETRY_MS);
		return;
	}
	actor_touch(actor);
	if (case_due)
		tell_desk_soon(actor);
	/* The restart was stored, and the hand-over that was to follow it was not. */
	if (baton_session_turn_open(actor->state) && actor->state->restarts > 0 &&
	    !rerun_allowed(actor))
		hand_over_restarted(actor);
	actor_tools_start(actor);
	actor_run_start(actor);
}

/* What sessions had that left memory lies in pages that can go, too. */
static void tidy(struct baton_shard *shard)
{
	enum { MANY = 4096 };

	if (shard->n_cooled > MANY || (shard->n_cooled > 0 && !shard->hot)) {
		baton_mem_rest(!shard->hot);
		shard->n_cooled = 0;
	} else {
		baton_mem_settle();
	}
}

/* Sessions in which nothing happens leave memory. */
static void sweep(struct baton_shard *shard)
{
	const struct baton_seam *seam = &shard->seam;
	uint64_t now_ns = seam->now_ns(seam->ud);
	struct baton_actor *actor, *after;

	DL_FOREACH_SAFE2(shard->hot, actor, after, next)
	{
		if (actor->touched_ns + BATON_SESSION_IDLE_MS * NS_PER_MS > now_ns)
			break;
		if (actor->run || actor->commits || actor->failed || actor_assist_busy(actor) ||
		    actor_summary_busy(actor) || actor_tools_busy(actor))
			actor_touch(actor);
		else
			actor_cool(actor);
	}
	probe_sweep(shard);
	tidy(shard);
	seam->timer_set(seam->ud, SWEEP_KEY, SWEEP_MS);
}

void baton_shard_timer(struct baton_shard *shard, uint64_t key)
{
	if (key == SWEEP_KEY) {
		sweep(shard);
		return;
	}
	if (key == DESK_KEY) {
		tell_desk_stale(shard);
		return;
	}
	struct baton_actor *actor = actor_of_number(shard, ACTOR_OF(key));
	if (!actor)
		return;
	uint64_t kind = key & ((1u << ACTOR_TICKET_BITS) - 1);
	if (kind == TIMER_RETRY)
		retry(actor);
	else if (kind == TIMER_RUN && actor->run)
		actor_run_go(actor);
	else if (kind == TIMER_ASSIST)
		actor_assist_timer(actor);
	else if (kind == TIMER_TOOLS && actor->aside->tools.run)
		actor_tools_go(actor);
	else if (kind == TIMER_SUMMARY)
		actor_summary_timer(actor);
}

/* The run that waits for this very ticket: of a turn, or help for agents. NULL: late, repeated, or
 * nobody's. */
static struct baton_run *listener(struct baton_shard *shard, baton_ticket ticket,
				  struct baton_actor **ret_actor)
{
	struct baton_actor *actor = actor_of_number(shard, ACTOR_OF(ticket));

	*ret_actor = actor;
	if (actor && actor->run && actor->run->ticket == ticket)
		return actor->run;
	if (actor && actor->aside->assist.run && actor->aside->assist.run->ticket == ticket)
		return actor->aside->assist.run;
	if (actor && actor->aside->tools.run && actor->aside->tools.run->ticket == ticket)
		return actor->aside->tools.run;
	if (actor && actor->aside->summary.run && actor->aside->summary.run->ticket == ticket)
		return actor->aside->summary.run;
	return NULL;
}

static void go_on_with(struct baton_actor *actor, const struct baton_run *run)
{
	if (run == actor->run)
		actor_run_go(actor);
	else if (run == actor->aside->tools.run)
		actor_tools_go(actor);
	else if (run == actor->aside->summary.run)
		actor_summary_go(actor);
	else
		actor_assist_go(actor);
}

void baton_shard_heard_intents(struct baton_shard *shard, baton_ticket ticket,
			       const baton_intents *intents)
{
	struct baton_actor *actor;
	struct baton_run *run = listener(shard, ticket, &actor);

	if (run)
		baton_run_heard_intents(run, intents);
}

void baton_shard_heard_docs(struct baton_shard *shard, baton_ticket ticket, const baton_doc *docs,
			    uint32_t n)
{
	struct baton_actor *actor;
	struct baton_run *run = listener(shard, ticket, &actor);

	if (run)
		baton_run_heard_docs(run, docs, n);
}

void baton_shard_heard_tool(struct baton_shard *shard, baton_ticket ticket,
			    const baton_tool_result *result)
{
	struct baton_actor *actor;
	struct baton_run *run = listener(shard, ticket, &actor);

	if (run)
		baton_run_heard_result(run, result);
}

void baton_shard_heard_delta(struct baton_shard *shard, baton_ticket ticket, uint32_t kind,
			     baton_str data)
{
	struct baton_actor *actor;
	struct baton_run *run = listener(shard, ticket, &actor);

	if (probe_is(shard, ticket))
		probe_heard_delta(shard, kind, data);
	if (!run)
		return;
	baton_run_heard_delta(run, kind, data);
	/* Deltas move no step; only an answer beyond its bound ends the attempt here. */
	if (run->answer.n > BATON_ANSWER_BYTES_MAX)
		go_on_with(actor, run);
}

void baton_shard_heard_whole(struct baton_shard *shard, baton_ticket ticket, baton_str text)
{
	struct baton_actor *actor;
	struct baton_run *run = listener(shard, ticket, &actor);

	if (probe_is(shard, ticket))
		probe_heard_delta(shard, BATON_DELTA_TEXT, text);
	if (!run)
		return;
	baton_run_heard_whole(run, text);
	if (run->answer.n > BATON_ANSWER_BYTES_MAX)
		go_on_with(actor, run);
}

void baton_shard_heard_usage(struct baton_shard *shard, baton_ticket ticket,
			     const baton_usage *usage)
{
	struct baton_actor *actor;
	struct baton_run *run = listener(shard, ticket, &actor);

	if (probe_is(shard, ticket))
		probe_heard_usage(shard, usage);
	if (run)
		baton_run_heard_usage(run, usage);
}

void baton_shard_heard_end(struct baton_shard *shard, baton_ticket ticket, uint32_t reason)
{
	struct baton_actor *actor;
	struct baton_run *run = listener(shard, ticket, &actor);

	if (probe_is(shard, ticket))
		probe_heard_end(shard);
	if (!run)
		return;
	baton_run_heard_end(run, reason);
	go_on_with(actor, run);
}

void baton_shard_heard_fail(struct baton_shard *shard, baton_ticket ticket,
			    const baton_error *error)
{
	struct baton_actor *actor;
	struct baton_run *run = listener(shard, ticket, &actor);

	if (probe_is(shard, ticket))
		probe_heard_fail(shard, error);
	if (!run)
		return;
	baton_run_heard_fail(run, error);
	go_on_with(actor, run);
}

void baton_shard_drain(struct baton_shard *shard)
{
	struct baton_actor *actor, *after;

	shard->draining = true;
	probe_stop(shard);
	/* Nobody waits for help while the house is being closed. */
	DL_FOREACH_SAFE2(shard->hot, actor, after, next)
	{
		actor_assist_cancel(actor, BATON_E_CLOSED);
		actor_summary_cancel(actor);
	}
}

bool baton_shard_idle(const struct baton_shard *shard)
{
	const struct baton_actor *actor;

	if (shard->n_runs > 0)
		return false;
	DL_FOREACH(shard->hot, actor)
		if (actor->commits)
			return false;
	return true;
}
