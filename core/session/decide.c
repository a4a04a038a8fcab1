/* SPDX-License-Identifier: Apache-2.0 */

/* What a command leads to: events, or a refusal. One small function per verb and a table of them.
 *
 * Nothing here changes the state; that is apply()'s work once the events are what happened. Where a
 * decision has several events, each is written for the state that the earlier ones will leave.
 */

#include "core/session/session.h"

#include "core/base/assert.h"
#include "core/base/errors.h"
#include "core/session/client_ids.h"

typedef int decide_fn(const struct baton_session *session, const struct baton_command *command,
		      struct baton_decision *decision);

static struct baton_event *add(struct baton_decision *decision, const struct baton_session *session,
			       const struct baton_command *command, enum baton_event_type type)
{
	baton_assert(decision->n_events < BATON_DECISION_EVENTS_MAX);
	struct baton_event *event = &decision->events[decision->n_events++];

	*event = (struct baton_event){ .type = type,
				       .seq = session->seq + decision->n_events,
				       .unix_ms = command->unix_ms };
	return event;
}

static bool is_agent(const struct baton_command *command)
{
	return command->role == BATON_AGENT || command->role == BATON_SUPERVISOR;
}

static bool holds(const struct baton_session *session, const struct baton_command *command)
{
	return session->owner == BATON_OWNER_AGENT && baton_str_is(command->agent, session->agent);
}

/* An agent's own case, or any claimed case for a supervisor. */
static int need_holder(const struct baton_session *session, const struct baton_command *command)
{
	if (!is_agent(command))
		return BATON_E_DENIED;
	if (session->owner != BATON_OWNER_AGENT)
		return BATON_E_STATE;
	if (!holds(session, command) && command->role != BATON_SUPERVISOR)
		return BATON_E_DENIED;
	return BATON_OK;
}

static int need_text(baton_str text, size_t bytes_max)
{
	if (text.n == 0)
		return BATON_E_INVAL;
	return text.n > bytes_max ? BATON_E_TOO_BIG : BATON_OK;
}

/* Checks the client's id and finds out whether it was seen. */
static int check_client_id(const struct baton_session *session, const struct baton_command *command,
			   enum baton_role speaker, struct baton_decision *decision)
{
	if (command->client_id.n == 0)
		return BATON_E_INVAL;
	if (command->client_id.n > BATON_CLIENT_ID_BYTES_MAX)
		return BATON_E_TOO_BIG;
	decision->repeat_of =
		baton_client_ids_find(session->client_ids, speaker, command->client_id);
	return BATON_OK;
}

/* The first events of a session: that it began, and that an AI answers. */
static void open_session(const struct baton_session *session, const struct baton_command *command,
			 struct baton_decision *decision)
{
	if (session->seq > 0)
		return;
	struct baton_event *opened = add(decision, session, command, BATON_EV_SESSION_OPENED);
	opened->session_opened = (struct baton_ev_session_opened){
		.channel = command->channel,
		.locale = baton_str_clip(command->locale, BATON_NAME_BYTES_MAX),
		.customer = baton_str_clip(command->customer, BATON_NAME_BYTES_MAX),
		.customer_tier = baton_str_clip(command->customer_tier, BATON_NAME_BYTES_MAX),
		.origin = command->origin,
		.release = decision->says->release,
	};
	add(decision, session, command, BATON_EV_DISCLOSURE_MADE)->disclosure_made.text =
		decision->says->disclosure;
}

/* Whatever the bot was about to say is void; what was seen of it is taken back in the same
 * append. */
static void cancel_turn(const struct baton_session *session, const struct baton_command *command,
			struct baton_decision *decision)
{
	decision->cancels_turn = true;
	if (decision->shown.text.n > 0)
		add(decision, session, command, BATON_EV_ANSWER_SUPERSEDED)->answer_superseded =
			decision->shown;
}

struct hand_over {
	baton_str text, reason, queue;
	uint64_t priority, last_message;
};

/* Adds case_queued: the conversation changes hands here. */
static void add_queued(const struct baton_session *session, const struct baton_command *command,
		       struct baton_decision *decision, const struct hand_over *hand_over)
{
	struct baton_event *queued = add(decision, session, command, BATON_EV_CASE_QUEUED);

	queued->case_queued = (struct baton_ev_case_queued){
		.epoch = session->epoch + 1,
		.queue = hand_over->queue.n ? hand_over->queue : decision->says->default_queue,
		.text = hand_over->text,
		.upto = hand_over->last_message,
		.priority = hand_over->priority ? hand_over->priority : 5,
		.reason = hand_over->reason,
		.waiting_since_ms = session->first_unanswered_ms ? session->first_unanswered_ms
								 : command->unix_ms,
	};
}

/* The customer wants a person: no rule, module or policy has a say in it. */
static void add_customer_asked(const struct baton_session *session,
			       const struct baton_command *command, struct baton_decision *decision,
			       uint64_t last_message)
{
	static const char reason[] = "the customer asked for a person";

	cancel_turn(session, command, decision);
	struct baton_event *why = add(decision, session, command, BATON_EV_ESCALATION_TRIGGERED);

	why->escalation_triggered = (struct baton_ev_escalation_triggered){
		.turn = baton_session_turn_open(session) ? session->last_message : 0,
		.rule = BATON_STR("core.customer_asked"),
		.reason = baton_str_of(reason),
		.queue = decision->says->default_queue,
		.priority = 3,
		.release = decision->says->release,
	};
	add_queued(session, command, decision,
		   &(struct hand_over){ .text = decision->says->handed_over,
					.reason = baton_str_of(reason),
					.priority = 3,
					.last_message = last_message });
}

static int decide_message(const struct baton_session *session, const struct baton_command *command,
			  struct baton_decision *decision)
{
	if (command->role != BATON_CUSTOMER)
		return BATON_E_DENIED;
	int rc = check_client_id(session, command, BATON_CUSTOMER, decision);
	if (rc < 0 || decision->repeat_of > 0)
		return rc;
	rc = need_text(command->text, BATON_TEXT_BYTES_MAX);
	if (rc < 0)
		return rc;
	if (session->messages >= BATON_SESSION_MESSAGES_MAX)
		return BATON_E_LIMIT;

	open_session(session, command, decision);
	struct baton_event *message = add(decision, session, command, BATON_EV_MESSAGE_RECEIVED);
	message->message_received.client_id = command->client_id;
	message->message_received.text = command->text;
	if (session->owner == BATON_OWNER_BOT && baton_asks_for_person(command->text))
		add_customer_asked(session, command, decision, message->seq);
	return BATON_OK;
}

static int decide_human(const struct baton_session *session, const struct baton_command *command,
			struct baton_decision *decision)
{
	if (command->role != BATON_CUSTOMER)
		return BATON_E_DENIED;
	if (session->owner != BATON_OWNER_BOT)
		return BATON_OK; /* it is on its way already */
	open_session(session, command, decision);
	add_customer_asked(session, command, decision, session->last_message);
	return BATON_OK;
}

static int decide_feedback(const struct baton_session *session, const struct baton_command *command,
			   struct baton_decision *decision)
{
	if (command->role != BATON_CUSTOMER)
		return BATON_E_DENIED;
	int rc = check_client_id(session, command, BATON_CUSTOMER, decision);
	if (rc < 0 || decision->repeat_of > 0)
		return rc;
	if (!baton_str_is(command->value, "up") && !baton_str_is(command->value, "down"))
		return BATON_E_INVAL;
	if (command->text.n > BATON_TEXT_BYTES_MAX)
		return BATON_E_TOO_BIG;
	if (session->seq == 0 || command->about_seq > session->seq)
		return BATON_E_STATE;
	add(decision, session, command, BATON_EV_FEEDBACK_GIVEN)->feedback_given =
		(struct baton_ev_feedback_given){ command->client_id, command->about_seq,
						  command->value, command->text };
	return BATON_OK;
}

static int decide_claim(const struct baton_session *session, const struct baton_command *command,
			struct baton_decision *decision)
{
	if (!is_agent(command))
		return BATON_E_DENIED;
	if (session->seq == 0 || session->resolved)
		return BATON_E_STATE;
	if (holds(session, command))
		return BATON_OK;
	if (session->owner == BATON_OWNER_AGENT)
		return BATON_E_STALE;
	cancel_turn(session, command, decision);
	add(decision, session, command, BATON_EV_CASE_CLAIMED)->case_claimed =
		(struct baton_ev_case_claimed){ .epoch = session->epoch + 1,
						.agent_name = command->agent_name,
						.agent = command->agent };
	return BATON_OK;
}

static int decide_release(const struct baton_session *session, const struct baton_command *command,
			  struct baton_decision *decision)
{
	int rc = need_holder(session, command);
	if (rc < 0)
		return rc;
	add(decision, session, command, BATON_EV_CASE_RELEASED)->case_released =
		(struct baton_ev_case_released){ session->epoch + 1, baton_str_of(session->agent),
						 baton_str_clip(command->text, 255) };
	return BATON_OK;
}

static void add_human_message(const struct baton_session *session,
			      const struct baton_command *command, struct baton_decision *decision,
			      baton_str text)
{
	add(decision, session, command, BATON_EV_HUMAN_MESSAGE)->human_message =
		(struct baton_ev_human_message){ command->client_id, command->agent,
						 command->agent_name, text };
}

static int decide_reply(const struct baton_session *session, const struct baton_command *command,
			struct baton_decision *decision)
{
	if (!is_agent(command))
		return BATON_E_DENIED;
	int rc = check_client_id(session, command, BATON_AGENT, decision);
	if (rc < 0 || decision->repeat_of > 0)
		return rc;
	if (!holds(session, command))
		return BATON_E_STATE; /* a supervisor too speaks only after taking the case */
	rc = need_text(command->text, BATON_TEXT_BYTES_MAX);
	if (rc < 0)
		return rc;
	if (command->if_seq > 0 && session->last_message > command->if_seq)
		return BATON_E_CONFLICT;
	add_human_message(session, command, decision, command->text);
	return BATON_OK;
}

static int decide_note(const struct baton_session *session, const struct baton_command *command,
		       struct baton_decision *decision)
{
	if (!is_agent(command))
		return BATON_E_DENIED;
	int rc = check_client_id(session, command, BATON_AGENT, decision);
	if (rc < 0 || decision->repeat_of > 0)
		return rc;
	rc = need_text(command->text, BATON_NOTE_BYTES_MAX);
	if (rc < 0)
		return rc;
	if (session->seq == 0)
		return BATON_E_STATE;
	add(decision, session, command, BATON_EV_NOTE_ADDED)->note_added =
		(struct baton_ev_note_added){ command->client_id, command->agent, command->text };
	return BATON_OK;
}

static int decide_draft(const struct baton_session *session, const struct baton_command *command,
			struct baton_decision *decision)
{
	bool accept = baton_str_is(command->value, "accept"),
	     edit = baton_str_is(command->value, "edit");

	if (!is_agent(command))
		return BATON_E_DENIED;
	int rc = check_client_id(session, command, BATON_AGENT, decision);
	if (rc < 0 || decision->repeat_of > 0)
		return rc;
	if (!accept && !edit && !baton_str_is(command->value, "reject"))
		return BATON_E_INVAL;
	if (!holds(session, command))
		return BATON_E_STATE;
	if (session->draft == 0 || command->about_seq != session->draft)
		return BATON_E_STALE;
	rc = edit ? need_text(command->text, BATON_TEXT_BYTES_MAX) : BATON_OK;
	if (rc < 0)
		return rc;

	/* One event carries the console's id: the message, or the review if nothing is said. */
	bool speaks = accept || edit;
	struct baton_event *reviewed = add(decision, session, command, BATON_EV_DRAFT_REVIEWED);
	reviewed->draft_reviewed = (struct baton_ev_draft_reviewed){
		.draft = session->draft,
		.agent = command->agent,
		.action = accept ? BATON_STR("accepted")
			  : edit ? BATON_STR("edited")
				 : BATON_STR("rejected"),
		.client_id = speaks ? BATON_STR("") : command->client_id,
	};
	if (speaks)
		add_human_message(session, command, decision,
				  edit ? command->text : session->draft_text);
	return BATON_OK;
}

static int decide_handback(const struct baton_session *session, const struct baton_command *command,
			   struct baton_decision *decision)
{
	int rc = need_holder(session, command);
	if (rc < 0)
		return rc;
	add(decision, session, command, BATON_EV_HANDBACK_APPROVED)->handback_approved =
		(struct baton_ev_handback_approved){ session->epoch + 1,
						     decision->says->handed_back, command->agent };
	return BATON_OK;
}

static int decide_resolve(const struct baton_session *session, const struct baton_command *command,
			  struct baton_decision *decision)
{
	bool customer = command->role == BATON_CUSTOMER;

	if (session->seq == 0)
		return BATON_E_STATE;
	if (session->resolved)
		return BATON_OK;
	int rc = customer ? BATON_OK : need_holder(session, command);
	if (rc < 0)
		return rc;
	cancel_turn(session, command, decision);
	add(decision, session, command, BATON_EV_SESSION_RESOLVED)->session_resolved =
		(struct baton_ev_session_resolved){
			customer ? BATON_STR("customer") : BATON_STR("agent"), command->agent,
			baton_str_clip(command->value, BATON_NAME_BYTES_MAX), session->epoch + 1
		};
	return BATON_OK;
}

static int decide_erase(const struct baton_session *session, const struct baton_command *command,
			struct baton_decision *decision)
{
	if (command->role != BATON_ADMIN)
		return BATON_E_DENIED;
	if (session->seq == 0)
		return BATON_E_NOTFOUND;
	cancel_turn(session, command, decision);
	add(decision, session, command, BATON_EV_SESSION_ERASED)->session_erased.by =
		command->agent;
	return BATON_OK;
}

/* A turn speaks: only while the bot owns the conversation and the turn's messages are unanswered.
 * A takeover and a return in between have moved answered_upto past it. */
static int need_turn(const struct baton_session *session, const struct baton_command *command)
{
	if (command->role != BATON_SELF)
		return BATON_E_DENIED;
	if (!baton_session_turn_open(session))
		return BATON_E_STALE;
	if (command->turn <= session->answered_upto || command->turn > session->last_message)
		return BATON_E_STALE;
	return BATON_OK;
}

static void add_draft_review(const struct baton_session *session,
			     const struct baton_command *command, struct baton_decision *decision)
{
	static const char reason[] = "a draft waits for review";

	add(decision, session, command, BATON_EV_ESCALATION_TRIGGERED)->escalation_triggered =
		(struct baton_ev_escalation_triggered){ .turn = command->turn,
							.rule = BATON_STR("core.tier_2_review"),
							.reason = baton_str_of(reason),
							.queue = command->value,
							.priority = 5,
							.release = decision->says->release };
	add_queued(session, command, decision,
		   &(struct hand_over){ .text = decision->says->draft_pending,
					.reason = baton_str_of(reason),
					.queue = command->value,
					.last_message = session->last_message });
}

/* A turn notes a mode when it is routed and tells of it later: somebody who looks on may have been
 * told meanwhile. A mode begins once and ends once. */
static bool is_old_news(const struct baton_event *event, baton_str *mode)
{
	if (event->type == BATON_EV_MODE_ENTERED) {
		if (baton_str_eq(event->mode_entered.mode, *mode))
			return true;
		*mode = event->mode_entered.mode;
	} else if (event->type == BATON_EV_MODE_LEFT) {
		if (!baton_str_eq(event->mode_left.mode, *mode))
			return true;
		*mode = BATON_STR("");
	}
	return false;
}

/* The turn's own events as they are; seq and time are the session's. */
static void add_events(const struct baton_session *session, const struct baton_command *command,
		       struct baton_decision *decision)
{
	baton_str mode = baton_str_of(session->mode);

	for (size_t i = 0; i < command->n_events; i++) {
		if (is_old_news(&command->events[i], &mode))
			continue;
		struct baton_event *event =
			add(decision, session, command, command->events[i].type);
		uint64_t seq = event->seq;

		baton_assert(event->type != BATON_EV_ANSWER_GENERATED || session->disclosed);
		*event = command->events[i];
		event->seq = seq;
		event->unix_ms = command->unix_ms;
	}
}

static int decide_event(const struct baton_session *session, const struct baton_command *command,
			struct baton_decision *decision)
{
	int rc = need_turn(session, command);
	if (rc < 0)
		return rc;
	add_events(session, command, decision);
	if (command->n_events > 0 &&
	    command->events[command->n_events - 1].type == BATON_EV_DRAFT_PROPOSED)
		add_draft_review(session, command, decision);
	return BATON_OK;
}

static int decide_hand_over(const struct baton_session *session,
			    const struct baton_command *command, struct baton_decision *decision)
{
	int rc = need_turn(session, command);
	if (rc < 0)
		return rc;
	baton_assert(command->n_events > 0);
	const struct baton_ev_escalation_triggered *why =
		&command->events[command->n_events - 1].escalation_triggered;

	add_events(session, command, decision);
	add_queued(session, command, decision,
		   &(struct hand_over){ .text = command->text.n ? command->text
								: decision->says->handed_over,
					.reason = why->reason,
					.queue = why->queue,
					.priority = why->priority,
					.last_message = session->last_message });
	return BATON_OK;
}

static int decide_restart(const struct baton_session *session, const struct baton_command *command,
			  struct baton_decision *decision)
{
	if (command->role != BATON_SELF)
		return BATON_E_DENIED;
	if (!baton_session_turn_open(session))
		return BATON_E_STALE;
	add(decision, session, command, BATON_EV_TURN_RESTARTED)->turn_restarted =
		(struct baton_ev_turn_restarted){ session->last_message, session->restarts + 1 };
	return BATON_OK;
}

static int decide_saved(const struct baton_session *session, const struct baton_command *command,
			struct baton_decision *decision)
{
	if (command->role != BATON_SELF)
		return BATON_E_DENIED;
	if (session->seq == 0)
		return BATON_E_NOTFOUND;
	add(decision, session, command, BATON_EV_TRANSCRIPT_SAVED)->transcript_saved =
		command->events[0].transcript_saved;
	return BATON_OK;
}

/* A degraded mode begins or ends for this conversation. */
static int decide_mode(const struct baton_session *session, const struct baton_command *command,
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
	add_events(session, command, decision);
	return BATON_OK;
}

/* Nothing came back in time: a person gets what a mode has kept. */
static void add_expired(const struct baton_session *session, const struct baton_command *command,
			struct baton_decision *decision)
{
	static const char reason[] = "nothing could answer before the degraded mode ran out";

	add(decision, session, command, BATON_EV_ESCALATION_TRIGGERED)->escalation_triggered =
		(struct baton_ev_escalation_triggered){ .turn = session->last_message,
							.rule = BATON_STR("core.mode_expired"),
							.reason = baton_str_of(reason),
							.queue = decision->says->default_queue,
							.priority = 4,
							.release = decision->says->release };
	add_queued(session, command, decision,
		   &(struct hand_over){ .text = decision->says->handed_over,
					.reason = baton_str_of(reason),
					.priority = 4,
					.last_message = session->last_message });
}

/* The bot takes up what was kept, or what waits and nobody has claimed. */
static int decide_resume(const struct baton_session *session, const struct baton_command *command,
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
	add(decision, session, command, BATON_EV_AUTOMATION_RESUMED)->automation_resumed =
		(struct baton_ev_automation_resumed){ .epoch = session->epoch + 1,
						      .text = decision->says->resumed,
						      .after = session->held_after,
						      .reason = command->value };
	return BATON_OK;
}

static decide_fn *const verbs[] = {
	[BATON_CMD_MESSAGE] = decide_message,     [BATON_CMD_HUMAN] = decide_human,
	[BATON_CMD_FEEDBACK] = decide_feedback,   [BATON_CMD_CLAIM] = decide_claim,
	[BATON_CMD_RELEASE] = decide_release,     [BATON_CMD_REPLY] = decide_reply,
	[BATON_CMD_NOTE] = decide_note,           [BATON_CMD_DRAFT] = decide_draft,
	[BATON_CMD_HANDBACK] = decide_handback,   [BATON_CMD_RESOLVE] = decide_resolve,
	[BATON_CMD_ERASE] = decide_erase,         [BATON_CMD_EVENT] = decide_event,
	[BATON_CMD_HAND_OVER] = decide_hand_over, [BATON_CMD_RESTART] = decide_restart,
	[BATON_CMD_SAVED] = decide_saved,         [BATON_CMD_MODE] = decide_mode,
	[BATON_CMD_RESUME] = decide_resume,
};

int baton_session_decide(const struct baton_session *session, const struct baton_command *command,
			 struct baton_decision *decision)
{
	decision->n_events = 0;
	decision->repeat_of = 0;
	decision->cancels_turn = false;
	baton_assert((size_t)command->verb < sizeof(verbs) / sizeof(verbs[0]));
	if (session->erased)
		return BATON_E_ERASED;
	if (!verbs[command->verb])
		return BATON_E_UNSUPPORTED;
	int rc = verbs[command->verb](session, command, decision);
	if (rc < 0)
		decision->n_events = 0;
	return rc;
}
