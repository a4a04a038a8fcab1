/* SPDX-License-Identifier: Apache-2.0 */

/* What a command leads to: events, or a refusal. Here the table of verbs and what they share; the
 * verbs stand with those who say them: customer.c, agent.c, draft.c, self.c.
 *
 * Nothing here changes the state; that is apply()'s work once the events are what happened. Where a
 * decision has several events, each is written for the state that the earlier ones will leave.
 */

#include "core/session/decide.h"

#include "core/base/assert.h"
#include "core/base/errors.h"
#include "core/session/client_ids.h"

struct baton_event *decide_add(struct baton_decision *decision, const struct baton_session *session,
			       const struct baton_command *command, enum baton_event_type type)
{
	baton_assert(decision->n_events < BATON_DECISION_EVENTS_MAX);
	struct baton_event *event = &decision->events[decision->n_events++];

	*event = (struct baton_event){ .type = type,
				       .seq = session->seq + decision->n_events,
				       .unix_ms = command->unix_ms };
	return event;
}

/* One that is made already. */
static void add_made(struct baton_decision *decision, const struct baton_session *session,
		     const struct baton_command *command, const struct baton_event *made)
{
	baton_assert(decision->n_events < BATON_DECISION_EVENTS_MAX);
	struct baton_event *event = &decision->events[decision->n_events++];

	baton_event_copy(event, made);
	event->seq = session->seq + decision->n_events;
	event->unix_ms = command->unix_ms;
}

bool decide_is_agent(const struct baton_command *command)
{
	return command->role == BATON_AGENT || command->role == BATON_SUPERVISOR;
}

bool decide_holds(const struct baton_session *session, const struct baton_command *command)
{
	return session->owner == BATON_OWNER_AGENT && baton_str_is(command->agent, session->agent);
}

/* An agent's own case, or any claimed case for a supervisor. */
int decide_need_holder(const struct baton_session *session, const struct baton_command *command)
{
	if (!decide_is_agent(command))
		return BATON_E_DENIED;
	if (session->owner != BATON_OWNER_AGENT)
		return BATON_E_STATE;
	if (!decide_holds(session, command) && command->role != BATON_SUPERVISOR)
		return BATON_E_DENIED;
	return BATON_OK;
}

int decide_need_text(baton_str text, size_t bytes_max)
{
	if (text.n == 0)
		return BATON_E_INVAL;
	return text.n > bytes_max ? BATON_E_TOO_BIG : BATON_OK;
}

/* Checks the client's id and finds out whether it was seen. */
int decide_client_id(const struct baton_session *session, const struct baton_command *command,
		     enum baton_role speaker, struct baton_decision *decision)
{
	if (command->client_id.n == 0)
		return BATON_E_INVAL;
	if (command->client_id.n > BATON_CLIENT_ID_BYTES_MAX)
		return BATON_E_TOO_BIG;
	decision->repeat_of =
		baton_client_ids_find(&session->client_ids, speaker, command->client_id);
	return BATON_OK;
}

/* Whatever the bot was about to say is void; what was seen of it is taken back in the same
 * append. */
void decide_cancel_turn(const struct baton_session *session, const struct baton_command *command,
			struct baton_decision *decision)
{
	decision->cancels_turn = true;
	if (decision->shown.text.n > 0)
		decide_add(decision, session, command, BATON_EV_ANSWER_SUPERSEDED)
			->answer_superseded = decision->shown;
}

/* Adds case_queued: the conversation changes hands here. */
void decide_add_queued(const struct baton_session *session, const struct baton_command *command,
		       struct baton_decision *decision, const struct hand_over *hand_over)
{
	struct baton_event *queued = decide_add(decision, session, command, BATON_EV_CASE_QUEUED);

	queued->case_queued = (struct baton_ev_case_queued){
		.epoch = session->epoch + 1,
		.queue = hand_over->queue.n ? hand_over->queue : decision->says->default_queue,
		.text = hand_over->text,
		.upto = hand_over->last_message,
		.priority = hand_over->priority ? hand_over->priority : 5,
		.reason = hand_over->reason,
		.tier = hand_over->tier,
		.waiting_since_ms = session->first_unanswered_ms ? session->first_unanswered_ms
								 : command->unix_ms,
	};
}

void decide_add_human_message(const struct baton_session *session,
			      const struct baton_command *command, struct baton_decision *decision,
			      baton_str text)
{
	decide_add(decision, session, command, BATON_EV_HUMAN_MESSAGE)->human_message =
		(struct baton_ev_human_message){ command->client_id, command->agent,
						 command->agent_name, text };
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
void decide_add_events(const struct baton_session *session, const struct baton_command *command,
		       struct baton_decision *decision)
{
	baton_str mode = baton_str_of(session->mode);

	for (size_t i = 0; i < command->n_events; i++) {
		if (is_old_news(&command->events[i], &mode))
			continue;
		baton_assert(command->events[i].type != BATON_EV_ANSWER_GENERATED ||
			     session->disclosed);
		add_made(decision, session, command, &command->events[i]);
	}
}

static decide_fn *const verbs[] = {
	[BATON_CMD_MESSAGE] = decide_message,     [BATON_CMD_HUMAN] = decide_human,
	[BATON_CMD_FEEDBACK] = decide_feedback,   [BATON_CMD_TICKET] = decide_ticket,
	[BATON_CMD_CLAIM] = decide_claim,         [BATON_CMD_RELEASE] = decide_release,
	[BATON_CMD_TRANSFER] = decide_transfer,   [BATON_CMD_TAG] = decide_tag,
	[BATON_CMD_SUGGEST] = decide_suggest,     [BATON_CMD_REPLY] = decide_reply,
	[BATON_CMD_NOTE] = decide_note,           [BATON_CMD_DRAFT] = decide_draft,
	[BATON_CMD_HANDBACK] = decide_handback,   [BATON_CMD_RESOLVE] = decide_resolve,
	[BATON_CMD_ERASE] = decide_erase,         [BATON_CMD_EVENT] = decide_event,
	[BATON_CMD_HAND_OVER] = decide_hand_over, [BATON_CMD_RESTART] = decide_restart,
	[BATON_CMD_SAVED] = decide_saved,         [BATON_CMD_MODE] = decide_mode,
	[BATON_CMD_ABANDON] = decide_abandon,     [BATON_CMD_ASSIST] = decide_assist,
	[BATON_CMD_RESUME] = decide_resume,       [BATON_CMD_SUMMARY] = decide_summary,
	[BATON_CMD_TOOL] = decide_tool,           [BATON_CMD_TOOL_REVIEW] = decide_tool_review,
};

int baton_session_decide(const struct baton_session *session, const struct baton_command *command,
			 struct baton_decision *decision)
{
	decision->n_events = 0;
	decision->repeat_of = 0;
	decision->cancels_turn = decision->wants_suggestion = false;
	baton_assert((size_t)command->verb < sizeof(verbs) / sizeof(verbs[0]));
	if (session->erased)
		return BATON_E_ERASED;
	int rc = verbs[command->verb](session, command, decision);
	if (rc < 0)
		decision->n_events = 0;
	return rc;
}
