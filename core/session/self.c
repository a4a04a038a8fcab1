/* SPDX-License-Identifier: Apache-2.0 */

/* What the server says to a session: what a turn came to, a start that found one open, a mode, a
 * timer of the desk. */

#include "core/session/decide.h"

#include "core/base/assert.h"
#include "core/base/errors.h"

int decide_erase(const struct baton_session *session, const struct baton_command *command,
		 struct baton_decision *decision)
{
	if (command->role != BATON_ADMIN)
		return BATON_E_DENIED;
	if (session->seq == 0)
		return BATON_E_NOTFOUND;
	decide_cancel_turn(session, command, decision);
	decide_add(decision, session, command, BATON_EV_SESSION_ERASED)->session_erased.by =
		command->agent;
	return BATON_OK;
}

/* A turn speaks: only while the bot owns the conversation and the turn's messages are unanswered.
 * A takeover and a return in between have raised the epoch, whatever is open again. */
static int need_turn(const struct baton_session *session, const struct baton_command *command)
{
	if (command->role != BATON_SELF)
		return BATON_E_DENIED;
	if (!baton_session_turn_open(session) || command->epoch != session->epoch)
		return BATON_E_STALE;
	if (command->turn <= session->answered_upto || command->turn > session->last_message)
		return BATON_E_STALE;
	return BATON_OK;
}

/* What a turn calls needs nobody's leave; what does is called outside of it. */
static int check_calls(const struct baton_session *session, const struct baton_command *command)
{
	for (size_t i = 0; i < command->n_events; i++) {
		const struct baton_event *event = &command->events[i];
		int rc = decide_check_call(session, command, i);

		if (rc < 0)
			return rc;
		if (event->type == BATON_EV_TOOL_CALLED && event->tool_called.proposal > 0)
			return BATON_E_STALE;
	}
	return BATON_OK;
}

static void add_draft_review(const struct baton_session *session,
			     const struct baton_command *command, struct baton_decision *decision)
{
	static const char reason[] = "a draft waits for review";

	decide_add(decision, session, command, BATON_EV_ESCALATION_TRIGGERED)
		->escalation_triggered =
		(struct baton_ev_escalation_triggered){ .turn = command->turn,
							.rule = BATON_STR("core.tier_2_review"),
							.reason = baton_str_of(reason),
							.queue = command->value,
							.priority = 5,
							.tier = 2,
							.release = decision->says->release };
	decide_add_queued(session, command, decision,
			  &(struct hand_over){ .text = decision->says->draft_pending,
					       .reason = baton_str_of(reason),
					       .queue = command->value,
					       .tier = 2,
					       .last_message = session->last_message });
}

int decide_event(const struct baton_session *session, const struct baton_command *command,
		 struct baton_decision *decision)
{
	int rc = need_turn(session, command);
	if (rc == BATON_OK)
		rc = check_calls(session, command);
	if (rc < 0)
		return rc;
	decide_add_events(session, command, decision);
	if (command->n_events > 0 &&
	    command->events[command->n_events - 1].type == BATON_EV_DRAFT_PROPOSED)
		add_draft_review(session, command, decision);
	return BATON_OK;
}

int decide_hand_over(const struct baton_session *session, const struct baton_command *command,
		     struct baton_decision *decision)
{
	int rc = need_turn(session, command);
	if (rc == BATON_OK)
		rc = check_calls(session, command);
	if (rc < 0)
		return rc;
	baton_assert(command->n_events > 0);
	const struct baton_ev_escalation_triggered *why =
		&command->events[command->n_events - 1].escalation_triggered;

	decide_add_events(session, command, decision);
	decide_add_queued(session, command, decision,
			  &(struct hand_over){ .text = command->text.n
							       ? command->text
							       : decision->says->handed_over,
					       .reason = why->reason,
					       .queue = why->queue,
					       .priority = why->priority,
					       .tier = why->tier,
					       .last_message = session->last_message });
	return BATON_OK;
}

int decide_restart(const struct baton_session *session, const struct baton_command *command,
		   struct baton_decision *decision)
{
	if (command->role != BATON_SELF)
		return BATON_E_DENIED;
	if (!baton_session_turn_open(session))
		return BATON_E_STALE;
	decide_add(decision, session, command, BATON_EV_TURN_RESTARTED)->turn_restarted =
		(struct baton_ev_turn_restarted){ session->last_message, session->restarts + 1 };
	return BATON_OK;
}

int decide_saved(const struct baton_session *session, const struct baton_command *command,
		 struct baton_decision *decision)
{
	if (command->role != BATON_SELF)
		return BATON_E_DENIED;
	if (session->seq == 0)
		return BATON_E_NOTFOUND;
	decide_add(decision, session, command, BATON_EV_TRANSCRIPT_SAVED)->transcript_saved =
		command->events[0].transcript_saved;
	return BATON_OK;
}

/* A degraded mode begins or ends for this conversation. */
int decide_mode(const struct baton_session *session, const struct baton_command *command,
		struct baton_decision *decision)
{
	if (command->role != BATON_SELF)
		return BATON_E_DENIED;
	if (session->seq == 0)
		return BATON_E_NOTFOUND;
	baton_assert(command->n_events == 1);
	const struct baton_event *event = &command->events[0];
	bool enters = event->type == BATON_EV_MODE_ENTERED;
	baton_str mode = enters ? event->mode_entered.mode : event->mode_left.mode;
	if (baton_str_is(mode, session->mode) == enters)
		return BATON_E_STALE;
	decide_add_events(session, command, decision);
	return BATON_OK;
}

/* Nothing came back in time: a person gets what a mode has kept. */
static void add_expired(const struct baton_session *session, const struct baton_command *command,
			struct baton_decision *decision)
{
	static const char reason[] = "nothing could answer before the degraded mode ran out";

	decide_add(decision, session, command, BATON_EV_ESCALATION_TRIGGERED)
		->escalation_triggered =
		(struct baton_ev_escalation_triggered){ .turn = session->last_message,
							.rule = BATON_STR("core.mode_expired"),
							.reason = baton_str_of(reason),
							.queue = decision->says->default_queue,
							.priority = 4,
							.release = decision->says->release };
	decide_add_queued(session, command, decision,
			  &(struct hand_over){ .text = decision->says->handed_over,
					       .reason = baton_str_of(reason),
					       .priority = 4,
					       .last_message = session->last_message });
}

/* The bot takes up what was kept, or what waits and nobody has claimed. */
int decide_resume(const struct baton_session *session, const struct baton_command *command,
		  struct baton_decision *decision)
{
	if (command->role != BATON_SELF)
		return BATON_E_DENIED;
	/* An open turn comes to an outcome of its own, for all that is open. */
	if (session->resumes[0] == '\0' || session->owner == BATON_OWNER_AGENT ||
	    baton_session_turn_open(session))
		return BATON_E_STALE;
	if (baton_str_is(command->value, "expired")) {
		if (session->owner != BATON_OWNER_BOT)
			return BATON_E_STALE; /* it waits for a person already */
		add_expired(session, command, decision);
		return BATON_OK;
	}
	if (!baton_str_is(command->value, session->resumes))
		return BATON_E_STALE;
	decide_add(decision, session, command, BATON_EV_AUTOMATION_RESUMED)->automation_resumed =
		(struct baton_ev_automation_resumed){ .epoch = session->epoch + 1,
						      .text = decision->says->resumed,
						      .after = session->held_after,
						      .reason = command->value };
	return BATON_OK;
}

/* The desk has waited long enough for a customer who went away. Once for each wait; somebody who
 * has left an address has not given up. */
int decide_abandon(const struct baton_session *session, const struct baton_command *command,
		   struct baton_decision *decision)
{
	uint64_t since_ms = session->waiting_since_ms;

	if (command->role != BATON_SELF)
		return BATON_E_DENIED;
	if (session->owner != BATON_OWNER_QUEUE || command->epoch != session->epoch ||
	    session->ticket || session->abandon_told)
		return BATON_E_STALE;
	decide_add(decision, session, command, BATON_EV_CASE_ABANDONED)->case_abandoned =
		(struct baton_ev_case_abandoned){
			.waited_ms = command->unix_ms > since_ms ? command->unix_ms - since_ms : 0,
			.gone_ms = command->about_seq,
		};
	return BATON_OK;
}

/* Older words in few: of use to whoever answers, so the hands it is in do not matter. Only what has
 * been said can be summed up, and nothing twice. */
int decide_summary(const struct baton_session *session, const struct baton_command *command,
		   struct baton_decision *decision)
{
	if (command->role != BATON_SELF)
		return BATON_E_DENIED;
	if (command->n_events != 1 || command->events[0].type != BATON_EV_SUMMARY_MADE)
		return BATON_E_INVAL;
	const struct baton_ev_summary_made *made = &command->events[0].summary_made;
	if (made->upto <= session->summary_upto || made->upto > session->seq)
		return BATON_E_STALE;
	decide_add_events(session, command, decision);
	return BATON_OK;
}

/* Help for the agent that was worked out meanwhile: of use only while the case is what it was. */
int decide_assist(const struct baton_session *session, const struct baton_command *command,
		  struct baton_decision *decision)
{
	if (command->role != BATON_SELF)
		return BATON_E_DENIED;
	if (session->owner == BATON_OWNER_BOT || command->epoch != session->epoch)
		return BATON_E_STALE;
	decide_add_events(session, command, decision);
	return BATON_OK;
}
