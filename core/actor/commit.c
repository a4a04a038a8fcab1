/* SPDX-License-Identifier: Apache-2.0 */

/* A command's way: decide, apply, queue for the disk; and what follows once it is there. */

#include "core/actor/actor.h"

#include <stdalign.h>
#include <stddef.h>

#include "core/base/assert.h"
#include "core/base/errors.h"
#include "core/base/log.h"
#include "core/observe/metrics.h"

static const char *const verb_names[] = {
	[BATON_CMD_MESSAGE] = "msg",
	[BATON_CMD_HUMAN] = "human",
	[BATON_CMD_FEEDBACK] = "feedback",
	[BATON_CMD_CLAIM] = "claim",
	[BATON_CMD_RELEASE] = "release",
	[BATON_CMD_REPLY] = "reply",
	[BATON_CMD_NOTE] = "note",
	[BATON_CMD_DRAFT] = "draft",
	[BATON_CMD_HANDBACK] = "handback",
	[BATON_CMD_RESOLVE] = "resolve",
	[BATON_CMD_ERASE] = "erase",
	[BATON_CMD_EVENT] = "event",
	[BATON_CMD_HAND_OVER] = "hand_over",
	[BATON_CMD_RESTART] = "restart",
	[BATON_CMD_SAVED] = "saved",
	[BATON_CMD_MODE] = "mode",
	[BATON_CMD_SUMMARY] = "summary",
	[BATON_CMD_TOOL_REVIEW] = "tool",
	[BATON_CMD_TOOL] = "tool_call",
	[BATON_CMD_RESUME] = "resume",
	[BATON_CMD_TICKET] = "ticket",
	[BATON_CMD_TRANSFER] = "transfer",
	[BATON_CMD_TAG] = "tag",
	[BATON_CMD_SUGGEST] = "suggest",
	[BATON_CMD_ABANDON] = "abandon",
	[BATON_CMD_ASSIST] = "assist",
};

static void count(const struct baton_actor *actor, unsigned metric)
{
	actor->shard->seam.count(actor->shard->seam.ud, metric, 1);
}

void commit_free(struct commit *commit)
{
	baton_arena_done(&commit->arena);
	baton_notice_unref(&commit->desk);
	baton_free(commit);
}

/* A customer's message needs no other memory than this. */
static struct commit *commit_new(void)
{
	enum { WORDS_BYTES = 848 };
	struct whole {
		struct commit commit;
		alignas(max_align_t) unsigned char words[WORDS_BYTES];
	} *whole = baton_realloc(NULL, sizeof(*whole));

	/* The words need not be zeroed: an arena does that as it gives them out. */
	memset(&whole->commit, 0, sizeof(whole->commit));
	baton_arena_lend(&whole->commit.arena, whole->words, sizeof(whole->words));
	return &whole->commit;
}

static void add_waiter(struct commit *commit, const struct waiter *from)
{
	if (from->conn == 0)
		return;
	struct waiter *waiter = baton_arena_alloc(&commit->arena, sizeof(*waiter));
	*waiter = *from;
	if (from->client_id.n > 0)
		waiter->client_id.p =
			baton_arena_dup(&commit->arena, from->client_id.p, from->client_id.n);
	LL_APPEND(commit->waiters, waiter);
}

/* The seq that an acknowledgement of this verb names. */
static uint64_t ack_seq(const struct baton_actor *actor, const struct baton_command *command,
			const struct baton_decision *decision)
{
	enum baton_event_type type = command->verb == BATON_CMD_MESSAGE ? BATON_EV_MESSAGE_RECEIVED
				     : command->verb == BATON_CMD_DRAFT ? BATON_EV_DRAFT_REVIEWED
									: BATON_EV_NONE;

	if (decision->repeat_of > 0)
		return decision->repeat_of;
	for (size_t i = 0; i < decision->n_events; i++)
		if (decision->events[i].type == type)
			return decision->events[i].seq;
	return actor->state->seq + decision->n_events;
}

/* Acknowledges at once what is durable, else when it will be. */
static void ack_when_durable(struct baton_actor *actor, const struct waiter *waiter)
{
	struct commit *commit;

	LL_FOREACH(actor->commits, commit) {
		if (commit->last_seq < waiter->seq)
			continue;
		add_waiter(commit, waiter);
		return;
	}
	tell_ack(actor, waiter);
}

static bool is_outcome(enum baton_event_type type)
{
	return type == BATON_EV_ANSWER_GENERATED || type == BATON_EV_DRAFT_PROPOSED ||
	       type == BATON_EV_CASE_QUEUED || type == BATON_EV_CASE_CLAIMED ||
	       type == BATON_EV_MESSAGE_CAPTURED || type == BATON_EV_SESSION_RESOLVED ||
	       type == BATON_EV_SESSION_ERASED;
}

static bool changes_case(enum baton_event_type type)
{
	return type == BATON_EV_CASE_QUEUED || type == BATON_EV_CASE_CLAIMED ||
	       type == BATON_EV_CASE_RELEASED || type == BATON_EV_HANDBACK_APPROVED ||
	       type == BATON_EV_SESSION_RESOLVED || type == BATON_EV_SESSION_ERASED ||
	       type == BATON_EV_DRAFT_REVIEWED || type == BATON_EV_HUMAN_MESSAGE ||
	       type == BATON_EV_AUTOMATION_RESUMED || type == BATON_EV_CASE_TRANSFERRED ||
	       type == BATON_EV_TICKET_LEFT || type == BATON_EV_CASE_ABANDONED ||
	       type == BATON_EV_CASE_TAGGED;
}

/* Of a case that is open, the desk shows these too. */
static bool shows_in_case(enum baton_event_type type)
{
	return type == BATON_EV_MODE_ENTERED || type == BATON_EV_MODE_LEFT ||
	       type == BATON_EV_IDENTITY_VERIFIED || type == BATON_EV_DRAFT_PROPOSED;
}

static void note_event(struct baton_actor *actor, struct commit *commit,
		       const struct baton_event *event)
{
	baton_event_keep(&commit->events[commit->n_events++], event, &commit->arena);
	if (actor->run && is_outcome(event->type))
		commit->ends_turn = actor->run->turn;
	if (event->type == BATON_EV_SESSION_ERASED)
		commit->erases = true;
	commit->moves_case |=
		event->type == BATON_EV_CASE_QUEUED || event->type == BATON_EV_CASE_CLAIMED ||
		event->type == BATON_EV_CASE_RELEASED || event->type == BATON_EV_CASE_TRANSFERRED;
}

static bool case_changed(const struct baton_actor *actor, const struct baton_decision *decision)
{
	for (size_t i = 0; i < decision->n_events; i++) {
		enum baton_event_type type = decision->events[i].type;

		if (changes_case(type))
			return true;
		if (shows_in_case(type) && actor->state->owner != BATON_OWNER_BOT)
			return true;
	}
	return false;
}

static bool writes_to_people(const struct baton_actor *actor, const struct baton_decision *decision)
{
	if (actor->state->owner == BATON_OWNER_BOT)
		return false;
	for (size_t i = 0; i < decision->n_events; i++)
		if (decision->events[i].type == BATON_EV_MESSAGE_RECEIVED)
			return true;
	return false;
}

static void scratch_begin(struct baton_buf *scratch)
{
	enum { KEEP_BYTES = 256 * 1024 };

	if (scratch->cap > KEEP_BYTES)
		baton_buf_done(scratch);
	baton_buf_reset(scratch);
}

/* The state as it will be; then the records, whose marks say what the session needs from now on. */
static int queue_events(struct baton_actor *actor, const struct baton_decision *decision,
			struct commit *commit)
{
	const struct baton_seam *seam = &actor->shard->seam;
	struct baton_record records[BATON_APPEND_RECORDS_MAX];
	struct baton_buf *json = &actor->shard->scratch;
	size_t ends[BATON_APPEND_RECORDS_MAX];
	struct baton_append append = { .session = actor->id,
				       .expected_seq = actor->state->seq,
				       .expected_epoch = actor->state->epoch,
				       .records = records,
				       .n_records = decision->n_events };

	meter_before(actor, decision, commit);
	scratch_begin(json);
	commit->events =
		baton_arena_take(&commit->arena, decision->n_events * sizeof(*commit->events));
	/* Copies first: an event may borrow words from the state (a draft that is accepted), and
	 * the next apply() may be what frees them. */
	for (size_t i = 0; i < decision->n_events; i++) {
		baton_event_json(&decision->events[i], BATON_AUDIENCE_AGENT, json);
		ends[i] = json->n;
		note_event(actor, commit, &decision->events[i]);
	}
	for (size_t i = 0; i < decision->n_events; i++) {
		const struct baton_event *event = &commit->events[i];
		size_t begin = i > 0 ? ends[i - 1] : 0;

		baton_session_apply(actor->state, event);
		records[i] = (struct baton_record){ event->seq,
						    event->unix_ms,
						    actor->state->epoch,
						    event->type,
						    0,
						    { json->p + begin, ends[i] - begin } };
	}
	for (size_t i = 0; i < decision->n_events; i++)
		records[i].marks = baton_session_marks(actor->state);
	commit->ticket = actor_ticket(actor);
	commit->last_seq = actor->state->seq;
	commit->begun_ns = seam->now_ns(seam->ud);
	return seam->append(seam->ud, &append, commit->ticket);
}

static void tell_run_ended(struct baton_actor *actor, uint64_t turn)
{
	struct baton_notice *ended = baton_notice_new(BATON_NOTE_RUN, &actor->id);

	ended->turn = turn;
	tell_all(actor, ended);
}

/* Nothing may be built on a state that did not reach the disk. What was shown of an answer is
 * withdrawn with its run: the next one may find other words for the same turn and attempt. */
static void fail_actor(struct baton_actor *actor, int rc)
{
	const struct baton_seam *seam = &actor->shard->seam;

	if (actor->run && actor->run_shown && !actor->run->done)
		tell_run_ended(actor, actor->run->turn);
	if (!actor->failed) {
		baton_log(BATON_LOG_WARN, "append_refused", "ds", "session", &actor->id, "code",
			  baton_error_info(rc)->wire);
		actor->failed = rc;
	}
	count(actor, BATON_METRIC_STORE_REFUSED);
	actor_run_cancel(actor, BATON_CANCEL_SHUTDOWN);
	actor_assist_cancel(actor, rc);
	actor_summary_cancel(actor);
	actor_tools_cancel(actor);
	seam->timer_set(seam->ud, actor_key(actor, TIMER_RETRY), RETRY_MS);
}

static int perform(struct baton_actor *actor, const struct baton_decision *decision,
		   const struct waiter *waiter)
{
	struct commit *commit = commit_new();
	uint64_t epoch = actor->state->epoch;

	if (decision->events[0].type == BATON_EV_SESSION_OPENED)
		count(actor, BATON_METRIC_SESSIONS_OPENED);
	commit->sender = waiter->conn;
	int rc = queue_events(actor, decision, commit);
	if (rc < 0) {
		fail_actor(actor, rc);
		tell_refused(actor, waiter, rc);
		commit_free(commit);
		return rc;
	}
	add_waiter(commit, waiter);
	commit->touches_case = writes_to_people(actor, decision);
	actor->has_place = actor->has_place && actor->state->owner == BATON_OWNER_QUEUE;
	if (case_changed(actor, decision) || (commit->touches_case && actor->case_due)) {
		commit->desk = actor_case_notice(actor);
		actor->case_due = false;
	}
	LL_APPEND(actor->commits, commit);
	actor->n_commits++;
	if (decision->cancels_turn)
		actor_run_cancel(actor, BATON_CANCEL_SUPERSEDED);
	/* Help for agents was for those who had the case before. */
	if (actor->state->epoch != epoch || actor->state->erased)
		actor_assist_cancel(actor, BATON_E_STALE);
	if (actor->state->erased) {
		actor_summary_cancel(actor);
		actor_tools_cancel(actor);
	}
	return BATON_OK;
}

static int refuse(struct baton_actor *actor, const struct waiter *waiter, int code)
{
	count(actor, BATON_METRIC_COMMANDS_REFUSED);
	tell_refused(actor, waiter, code);
	return code;
}

static baton_str words_or(const char *words, const char *otherwise)
{
	return baton_str_of(words && words[0] ? words : otherwise);
}

/* The newest are kept: most commands are decided by the same. Another set at the same place has
 * another number. */
static const struct baton_says *says_of(struct baton_shard *shard,
					const struct baton_policy *policy, uint64_t release)
{
	if (shard->says_of == policy && shard->says.release == release)
		return &shard->says;
	shard->says_of = policy;
	shard->says = (struct baton_says){
		.disclosure = baton_str_of(policy->say_disclosure),
		.handed_over = baton_str_of(policy->say_handed_over),
		.handed_back = baton_str_of(policy->say_handed_back),
		.draft_pending = baton_str_of(policy->say_draft_pending),
		.resumed = baton_str_of(policy->say_resumed),
		.transferred = words_or(policy->say_transferred, BATON_SAY_TRANSFERRED),
		.ticket = words_or(policy->say_ticket, BATON_SAY_TICKET),
		.lost_agent = words_or(policy->say_lost_agent, BATON_SAY_LOST_AGENT),
		.release = release,
		.default_queue = baton_str_of(policy->default_queue)
	};
	return &shard->says;
}

/* Decides with the sentences of the live policy set, and carries the decision out while that set is
 * still pinned: the events borrow its strings. */
static int decide_and_perform(struct baton_actor *actor, const struct baton_command *command,
			      struct waiter *waiter)
{
	const struct baton_seam *seam = &actor->shard->seam;
	/* What a run says is decided with its own release. */
	struct baton_release *release =
		actor->in_run ? actor->release : seam->release_pin(seam->ud, &actor->id);
	bool pinned = !actor->in_run;
	struct baton_decision decision;

	const struct baton_policy *policy = seam->policy(seam->ud, release);
	baton_decision_begin(
		&decision, says_of(actor->shard, policy, seam->release_number(seam->ud, release)));
	if (actor->run && actor->run_shown)
		decision.shown = baton_run_shown(actor->run);
	int rc = people_may(actor, policy, command);
	if (rc == BATON_OK)
		rc = baton_session_decide(actor->state, command, &decision);
	waiter->seq = rc == 0 ? ack_seq(actor, command, &decision) : 0;
	if (rc < 0)
		refuse(actor, waiter, rc);
	else if (decision.n_events == 0)
		ack_when_durable(actor, waiter);
	else
		rc = perform(actor, &decision, waiter);
	if (rc == 0 && decision.wants_suggestion)
		actor_suggest(actor, waiter->conn, command->agent);
	if (decision.repeat_of > 0)
		count(actor, BATON_METRIC_MESSAGES_REPEATED);
	if (pinned)
		seam->release_unpin(seam->ud, release);
	return rc;
}

int actor_take(struct baton_actor *actor, baton_conn conn, const struct baton_command *command)
{
	struct waiter waiter = { .conn = conn,
				 .client_id = command->client_id,
				 .verb_name = verb_names[command->verb] };

	if (actor->failed)
		return refuse(actor, &waiter, actor->failed);
	/* For those who can ask again. An outcome that is refused would cost the turn a second
	 * run. */
	if (actor->n_commits >= BATON_SESSION_PENDING_MAX && command->role != BATON_SELF)
		return refuse(actor, &waiter, BATON_E_AGAIN);
	int rc = actor_load(actor);
	bool may_begin = command->verb == BATON_CMD_MESSAGE || command->verb == BATON_CMD_HUMAN;
	if (rc == BATON_E_NOTFOUND && may_begin)
		rc = BATON_OK;
	if (rc == BATON_OK && actor->state->seq == 0 && !may_begin)
		rc = BATON_E_NOTFOUND;
	if (rc < 0)
		return refuse(actor, &waiter, rc);
	actor_touch(actor);
	return decide_and_perform(actor, command, &waiter);
}

/* --- once it is on disk --- */

static void count_event(const struct baton_actor *actor, enum baton_event_type type)
{
	switch ((int)type) {
	case BATON_EV_MESSAGE_RECEIVED:
		count(actor, BATON_METRIC_MESSAGES);
		break;
	case BATON_EV_ESCALATION_TRIGGERED:
		count(actor, BATON_METRIC_ESCALATIONS);
		break;
	case BATON_EV_CASE_CLAIMED:
		count(actor, BATON_METRIC_CLAIMS);
		break;
	case BATON_EV_HUMAN_MESSAGE:
		count(actor, BATON_METRIC_HUMAN_MESSAGES);
		break;
	case BATON_EV_HANDBACK_APPROVED:
		count(actor, BATON_METRIC_HANDBACKS);
		break;
	default:
		break;
	}
}

/* What agents make of drafts, and customers of answers, moves routes and modes. What an agent asked
 * for is no matter of the customer's intent: it says something about the helper. */
static void judge(const struct baton_actor *actor, const struct baton_event *event)
{
	const struct baton_seam *seam = &actor->shard->seam;
	const struct baton_session *state = actor->state;
	struct baton_now now;

	if (!state ||
	    (event->type != BATON_EV_DRAFT_REVIEWED && event->type != BATON_EV_FEEDBACK_GIVEN))
		return;
	struct baton_board *board = seam->board(seam->ud, &now);
	if (event->type == BATON_EV_FEEDBACK_GIVEN)
		baton_board_judged(board, now, state->intent, event->feedback_given.value);
	else
		baton_board_reviewed(
			board, now,
			&(struct baton_review){
				.intent = state->draft_suggested ? "reply-suggestion"
					  : state->intent[0]     ? state->intent
								 : "default",
				.target = state->draft_target,
				.action = event->draft_reviewed.action,
				.edit_ppm = (uint32_t)event->draft_reviewed.edit_ppm });
	seam->board_done(seam->ud);
}

static void tell_committed(struct baton_actor *actor, struct commit *commit)
{
	const struct baton_seam *seam = &actor->shard->seam;
	struct waiter *waiter;

	for (size_t i = 0; i < commit->n_events; i++) {
		const struct baton_event *event = &commit->events[i];
		bool own_words = event->type == BATON_EV_MESSAGE_RECEIVED;

		count_event(actor, event->type);
		judge(actor, event);
		meter_event(actor, commit, event);
		tell_event(actor, event, own_words ? commit->sender : 0);
	}
	/* After the events: who resumes behind an acknowledged seq has been told all before it. */
	LL_FOREACH(commit->waiters, waiter)
		tell_ack(actor, waiter);
	if (commit->ends_turn > 0)
		tell_run_ended(actor, commit->ends_turn);
	if (commit->desk)
		seam->desk(seam->ud, commit->desk);
	else if (commit->touches_case)
		tell_desk_soon(actor);
	if (commit->moves_case)
		actor_writeup_soon(actor);
	actor_summary_soon(actor);
	seam->observe(seam->ud, BATON_HIST_COMMIT,
		      (seam->now_ns(seam->ud) - commit->begun_ns) / 1000);
}

static void finish_erasure(struct baton_actor *actor)
{
	const struct baton_seam *seam = &actor->shard->seam;
	int rc = seam->erase(seam->ud, &actor->id);

	if (rc < 0)
		baton_log(BATON_LOG_ERROR, "erase_failed", "ds", "session", &actor->id, "code",
			  baton_error_info(rc)->wire);
}

/* Who waits for his own words to be on disk goes on. */
static void wake(struct baton_actor *actor)
{
	uint64_t run = actor->run ? baton_run_awaits(actor->run) : 0;
	uint64_t tools = actor->aside->tools.run ? baton_run_awaits(actor->aside->tools.run) : 0;

	if (run > 0 && run <= actor->committed_seq)
		actor_run_go(actor);
	else if (tools > 0 && tools <= actor->committed_seq)
		actor_tools_go(actor);
	else
		actor_tools_start(actor);
}

void actor_committed(struct baton_actor *actor, int rc)
{
	struct commit *commit = actor->commits;

	LL_DELETE(actor->commits, commit);
	actor->n_commits--;
	if (rc == 0) {
		actor->committed_seq = commit->last_seq;
		tell_committed(actor, commit);
		actor_run_show(actor);
		if (actor->case_due && !actor->commits && !actor->failed)
			tell_desk_now(actor);
		if (commit->erases)
			finish_erasure(actor);
	} else {
		struct waiter *waiter;

		fail_actor(actor, rc);
		if (commit->ends_turn > 0 && commit->ends_turn <= actor->committed_seq)
			tell_run_ended(actor, commit->ends_turn);
		LL_FOREACH(commit->waiters, waiter)
			tell_refused(actor, waiter, rc);
	}
	commit_free(commit);
	if (rc == 0 && !actor->failed)
		wake(actor);
}
