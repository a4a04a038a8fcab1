/* SPDX-License-Identifier: Apache-2.0 */

/* The fold of a case: who has the conversation, since when it waits, what a person's stretch leaves
 * behind.
 *
 * The clock of waiting starts at the customer's first message without a reply and is no business of
 * queues: hand over, release and transfer leave it alone. `open_after` is the other thread through
 * all of it: which messages a hand back opens for the bot. What led to a person is not among them,
 * or the bot would read it as a new wish; unless a failure led there, which is over or will show.
 */

#include "core/session/fold.h"

#include "core/session/client_ids.h"

/* Everything the customer has said so far has found its outcome or its person. */
static void set_owner(struct baton_session *session, enum baton_owner owner, uint64_t epoch)
{
	session->owner = owner;
	session->epoch = epoch;
	session->answered_upto = session->last_message;
	session->restarts = 0;
}

static void set_reason(struct baton_session *session, baton_str from)
{
	baton_str cut = baton_str_clip(from, sizeof(session->reason) - 1);

	memcpy(session->reason, cut.p ? cut.p : "", cut.n);
	session->reason[cut.n] = '\0';
}

/* Nobody has it and nobody waits for anybody. */
static void forget_case(struct baton_session *session)
{
	session->agent[0] = session->agent_name[0] = session->to_agent[0] = '\0';
	session->reason[0] = session->queue[0] = session->rule[0] = '\0';
	session->priority = session->tier = session->queued_seq = 0;
	session->waiting_since_ms = session->queued_ms = session->claimed_ms = 0;
	session->ticket = session->abandoned = session->abandon_told = false;
	fold_forget_hold(session);
}

void fold_escalated(struct baton_session *session, const struct baton_event *event)
{
	const struct baton_ev_escalation_triggered *why = &event->escalation_triggered;

	fold_name(session->rule, why->rule);
	session->tier = why->tier;
	session->cost_microusd += why->cost_microusd;
	if (why->reversible && why->resumes.n > 0 && why->resumes.n < sizeof(session->resumes))
		fold_hold(session, BATON_STR(""), why->resumes);
	else
		fold_forget_hold(session);
}

void fold_queued(struct baton_session *session, const struct baton_event *event)
{
	const struct baton_ev_case_queued *queued = &event->case_queued;

	set_owner(session, BATON_OWNER_QUEUE, queued->epoch);
	fold_name(session->queue, queued->queue);
	set_reason(session, queued->reason);
	session->priority = queued->priority;
	if (queued->tier > 0)
		session->tier = queued->tier;
	session->queued_seq = event->seq;
	session->open_after = queued->upto;
	session->reopen_count += session->resolved; /* the button works on what was resolved, too */
	session->resolved = false;
	session->to_agent[0] = '\0';
	/* Who presses the button and writes nothing waits all the same. */
	if (session->first_unanswered_ms == 0)
		session->first_unanswered_ms = queued->waiting_since_ms;
	session->waiting_since_ms =
		session->first_unanswered_ms ? session->first_unanswered_ms : event->unix_ms;
	session->queued_ms = event->unix_ms;
}

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

void fold_claimed(struct baton_session *session, const struct baton_event *event)
{
	if (session->resumes[0])
		session->open_after = least(session->held_after, session->last_message);
	else if (session->owner == BATON_OWNER_BOT)
		session->open_after = session->answered_upto;
	set_owner(session, BATON_OWNER_AGENT, event->case_claimed.epoch);
	fold_forget_hold(session); /* from here on only the agent gives it back */
	fold_name(session->agent, event->case_claimed.agent);
	fold_name(session->agent_name, event->case_claimed.agent_name);
	session->to_agent[0] = '\0';
	session->claimed_ms = event->unix_ms;
	session->claimed_before = true;
	session->waiting_since_ms = session->queued_ms = 0;
	session->abandoned = session->abandon_told = false;
}

/* Back among those who wait: as long as it has waited. */
static void wait_again(struct baton_session *session, uint64_t epoch, uint64_t unix_ms)
{
	bool waited = session->owner == BATON_OWNER_QUEUE;

	set_owner(session, BATON_OWNER_QUEUE, epoch);
	if (!waited)
		session->waiting_since_ms =
			session->first_unanswered_ms ? session->first_unanswered_ms : unix_ms;
	session->queued_ms = unix_ms;
	session->claimed_ms = 0;
	session->agent[0] = session->agent_name[0] = session->to_agent[0] = '\0';
}

void fold_released(struct baton_session *session, const struct baton_event *event)
{
	wait_again(session, event->case_released.epoch, event->unix_ms);
	if (event->case_released.queue.n > 0)
		fold_name(session->queue, event->case_released.queue);
}

void fold_transferred(struct baton_session *session, const struct baton_event *event)
{
	const struct baton_ev_case_transferred *transferred = &event->case_transferred;

	wait_again(session, transferred->epoch, event->unix_ms);
	fold_forget_hold(session); /* a person has decided who it is for */
	fold_name(session->queue, transferred->queue);
	fold_name(session->to_agent, transferred->to_agent);
	if (transferred->reason.n > 0)
		set_reason(session, transferred->reason);
}

static void give_to_bot(struct baton_session *session, uint64_t epoch, uint64_t seq)
{
	baton_calls_void(&session->calls);
	set_owner(session, BATON_OWNER_BOT, epoch);
	session->exchanges = session->weak_answers = session->offered_at = 0;
	session->stretch_seq = seq;
	forget_case(session);
	fold_drop_draft(session);
}

/* What a person has allowed is told by the bot: the message that led to it opens again, unless
 * somebody has told the customer. */
static void open_untold(struct baton_session *session)
{
	uint64_t turn = baton_calls_untold(&session->calls);

	if (turn > 0 && turn <= session->last_message)
		session->open_after = least(session->open_after, turn - 1);
}

void fold_handback(struct baton_session *session, const struct baton_event *event)
{
	give_to_bot(session, event->handback_approved.epoch, event->seq);
	open_untold(session);
	if (session->open_after < session->last_message)
		session->answered_upto = session->open_after;
	else
		session->first_unanswered_ms = 0;
}

void fold_resolved(struct baton_session *session, const struct baton_event *event)
{
	give_to_bot(session, event->session_resolved.epoch, event->seq);
	baton_calls_told(&session->calls);
	session->resolved = true;
	session->first_unanswered_ms = 0;
}

void fold_resumed(struct baton_session *session, const struct baton_event *event)
{
	session->owner = BATON_OWNER_BOT;
	session->epoch = event->automation_resumed.epoch;
	session->answered_upto = event->automation_resumed.after;
	session->restarts = 0;
	forget_case(session);
}

void fold_ticket(struct baton_session *session, const struct baton_event *event)
{
	session->ticket = true;
	session->abandoned = false;
	fold_client_id(session, BATON_CUSTOMER, event->ticket_left.client_id, event->seq);
}

void fold_abandoned(struct baton_session *session, const struct baton_event *event)
{
	(void)event;
	session->abandoned = session->abandon_told = true;
}

void fold_tagged(struct baton_session *session, const struct baton_event *event)
{
	baton_str_drop(&session->tags);
	session->tags = baton_str_keep(event->case_tagged.tags);
	fold_client_id(session, BATON_AGENT, event->case_tagged.client_id, event->seq);
}
