/* SPDX-License-Identifier: Apache-2.0 */

/* Calls of tools, where they are decided on: by the agent who has the case, and by the server
 * once an agent has. A call that a person approved belongs to nobody's turn: what was begun has
 * to come to its end, whoever has the conversation by then. */

#include "core/session/decide.h"

#include "core/base/errors.h"

int decide_tool_review(const struct baton_session *session, const struct baton_command *command,
		       struct baton_decision *decision)
{
	bool approve = baton_str_is(command->value, "approve");
	const struct baton_proposed *proposed;

	if (!decide_is_agent(command))
		return BATON_E_DENIED;
	int rc = decide_client_id(session, command, BATON_AGENT, decision);
	if (rc < 0 || decision->repeat_of > 0)
		return rc;
	if (!approve && !baton_str_is(command->value, "reject"))
		return BATON_E_INVAL;
	if (command->text.n > BATON_NOTE_BYTES_MAX)
		return BATON_E_TOO_BIG;
	if (!decide_holds(session, command))
		return BATON_E_STATE;
	proposed = baton_calls_proposal(&session->calls, command->about_seq);
	if (!proposed || proposed->leave != BATON_LEAVE_OPEN)
		return BATON_E_STALE;
	decide_add(decision, session, command, BATON_EV_TOOL_REVIEWED)->tool_reviewed =
		(struct baton_ev_tool_reviewed){
			.proposal = proposed->seq,
			.agent = command->agent,
			.action = approve ? BATON_STR("approved") : BATON_STR("rejected"),
			.client_id = command->client_id,
			.reason = command->text,
		};
	return BATON_OK;
}

/* A call of this command, or one that was begun before and is not over. */
static bool is_begun(const struct baton_session *session, const struct baton_command *command,
		     size_t before, baton_str call)
{
	const struct baton_called *called = baton_calls_find(&session->calls, call);

	for (size_t i = 0; i < before; i++)
		if (command->events[i].type == BATON_EV_TOOL_CALLED &&
		    baton_str_eq(command->events[i].tool_called.call, call))
			return true;
	return called && called->over == 0;
}

int decide_check_call(const struct baton_session *session, const struct baton_command *command,
		      size_t i)
{
	const struct baton_event *event = &command->events[i];

	if (event->type == BATON_EV_TOOL_CALLED)
		return baton_calls_find(&session->calls, event->tool_called.call) ? BATON_E_STALE
										  : BATON_OK;
	if (event->type == BATON_EV_TOOL_FINISHED)
		return is_begun(session, command, i, event->tool_finished.call) ? BATON_OK
										: BATON_E_STALE;
	return BATON_OK;
}

/* Once, and only while it is approved. */
static int check_approved(const struct baton_session *session,
			  const struct baton_ev_tool_called *called)
{
	const struct baton_proposed *proposed =
		baton_calls_proposal(&session->calls, called->proposal);

	return proposed && proposed->leave == BATON_LEAVE_APPROVED &&
			       baton_str_is(called->call, proposed->call) &&
			       baton_str_is(called->key, proposed->key)
		       ? BATON_OK
		       : BATON_E_STALE;
}

int decide_tool(const struct baton_session *session, const struct baton_command *command,
		struct baton_decision *decision)
{
	if (command->role != BATON_SELF)
		return BATON_E_DENIED;
	for (size_t i = 0; i < command->n_events; i++) {
		const struct baton_event *event = &command->events[i];
		int rc = decide_check_call(session, command, i);

		if (rc == BATON_OK && event->type == BATON_EV_TOOL_CALLED)
			rc = check_approved(session, &event->tool_called);
		if (rc < 0)
			return rc;
	}
	decide_add_events(session, command, decision);
	return BATON_OK;
}
