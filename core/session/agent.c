/* SPDX-License-Identifier: Apache-2.0 */

/* What agents and supervisors may do: take a case, give it on, speak, label, note, end. */

#include "core/session/decide.h"

#include "core/base/errors.h"
#include "core/base/json.h"

enum { REASON_BYTES_MAX = 255 };

/* Exactly one has it. What somebody else has is taken by a supervisor only, and only on purpose. */
int decide_claim(const struct baton_session *session, const struct baton_command *command,
		 struct baton_decision *decision)
{
	bool taken = session->owner == BATON_OWNER_AGENT;

	if (!decide_is_agent(command) || (command->take && command->role != BATON_SUPERVISOR))
		return BATON_E_DENIED;
	if (session->seq == 0 || session->resolved)
		return BATON_E_STATE;
	if (decide_holds(session, command))
		return BATON_OK;
	if (taken && !command->take)
		return BATON_E_STALE;
	decide_cancel_turn(session, command, decision);
	decide_add(decision, session, command, BATON_EV_CASE_CLAIMED)->case_claimed =
		(struct baton_ev_case_claimed){
			.epoch = session->epoch + 1,
			.agent_name = command->agent_name,
			.agent = command->agent,
			.from = baton_str_of(taken ? session->agent : ""),
		};
	return BATON_OK;
}

/* A conversation that was taken from the bot has never been in a queue. */
static baton_str queue_it_had(const struct baton_session *session,
			      const struct baton_decision *decision)
{
	return session->queue[0] ? baton_str_of(session->queue) : decision->says->default_queue;
}

/* By whoever has it, or by the desk for an agent who is gone: then only the very case it means. */
int decide_release(const struct baton_session *session, const struct baton_command *command,
		   struct baton_decision *decision)
{
	bool self = command->role == BATON_SELF;
	int rc = self ? BATON_OK : decide_need_holder(session, command);

	if (self && (session->owner != BATON_OWNER_AGENT || command->epoch != session->epoch))
		rc = BATON_E_STALE;
	if (rc < 0)
		return rc;
	decide_add(decision, session, command, BATON_EV_CASE_RELEASED)->case_released =
		(struct baton_ev_case_released){
			.epoch = session->epoch + 1,
			.agent = baton_str_of(session->agent),
			.reason = baton_str_clip(command->text, REASON_BYTES_MAX),
			.queue = queue_it_had(session, decision),
			.text = self ? decision->says->lost_agent : BATON_STR(""),
		};
	return BATON_OK;
}

static int may_transfer(const struct baton_session *session, const struct baton_command *command)
{
	if (command->role == BATON_SUPERVISOR && session->owner == BATON_OWNER_QUEUE)
		return BATON_OK;
	return decide_need_holder(session, command);
}

/* To another queue, to one colleague, or both. That they exist is the actor's to know. */
int decide_transfer(const struct baton_session *session, const struct baton_command *command,
		    struct baton_decision *decision)
{
	int rc = may_transfer(session, command);

	if (rc < 0)
		return rc;
	if (command->value.n > BATON_NAME_BYTES_MAX || command->to_agent.n > BATON_NAME_BYTES_MAX)
		return BATON_E_TOO_BIG;
	bool nowhere = command->to_agent.n == 0 && command->value.n == 0;
	bool to_holder = session->owner == BATON_OWNER_AGENT &&
			 baton_str_is(command->to_agent, session->agent);
	if (nowhere || to_holder)
		return BATON_E_INVAL;
	decide_add(decision, session, command, BATON_EV_CASE_TRANSFERRED)->case_transferred =
		(struct baton_ev_case_transferred){
			.epoch = session->epoch + 1,
			.queue =
				command->value.n ? command->value : queue_it_had(session, decision),
			.text = decision->says->transferred,
			.agent = command->agent,
			.to_agent = command->to_agent,
			.reason = baton_str_clip(command->text, REASON_BYTES_MAX),
		};
	return BATON_OK;
}

/* A label is one line of text without blanks around it. */
static bool is_label(baton_str label)
{
	if (label.n == 0 || label.n > BATON_NAME_BYTES_MAX || label.p[0] == ' ' ||
	    label.p[label.n - 1] == ' ')
		return false;
	for (size_t i = 0; i < label.n; i++)
		if ((unsigned char)label.p[i] < ' ' || label.p[i] == 127)
			return false;
	return true;
}

static int check_labels(baton_str list)
{
	struct baton_arena arena = { NULL, 0 };
	struct baton_json array, one;
	size_t at = 0, n = 0;
	int rc = baton_json_parse(list, &array) == 0 && array.type == BATON_JSON_ARRAY
			 ? BATON_OK
			 : BATON_E_INVAL;

	while (rc == BATON_OK && baton_json_element(&array, &at, &one)) {
		if (++n > BATON_TAGS_MAX)
			rc = BATON_E_LIMIT;
		else if (one.type != BATON_JSON_STRING || !is_label(baton_json_text(&one, &arena)))
			rc = BATON_E_INVAL;
	}
	baton_arena_done(&arena);
	return rc;
}

int decide_tag(const struct baton_session *session, const struct baton_command *command,
	       struct baton_decision *decision)
{
	if (!decide_is_agent(command))
		return BATON_E_DENIED;
	int rc = decide_client_id(session, command, BATON_AGENT, decision);
	if (rc < 0 || decision->repeat_of > 0)
		return rc;
	rc = check_labels(command->value);
	if (rc < 0)
		return rc;
	decide_add(decision, session, command, BATON_EV_CASE_TAGGED)->case_tagged =
		(struct baton_ev_case_tagged){ command->client_id, command->agent, command->value };
	return BATON_OK;
}

/* Nothing happens to the conversation: the actor begins a run that will end in a draft. */
int decide_suggest(const struct baton_session *session, const struct baton_command *command,
		   struct baton_decision *decision)
{
	if (!decide_is_agent(command))
		return BATON_E_DENIED;
	if (!decide_holds(session, command))
		return BATON_E_STATE;
	decision->wants_suggestion = true;
	return BATON_OK;
}

int decide_reply(const struct baton_session *session, const struct baton_command *command,
		 struct baton_decision *decision)
{
	if (!decide_is_agent(command))
		return BATON_E_DENIED;
	int rc = decide_client_id(session, command, BATON_AGENT, decision);
	if (rc < 0 || decision->repeat_of > 0)
		return rc;
	if (!decide_holds(session, command))
		return BATON_E_STATE; /* a supervisor too speaks only after taking the case */
	rc = people_check_files(session, command);
	if (rc == BATON_OK && (command->text.n > 0 || command->n_attachments == 0))
		rc = decide_need_text(command->text, BATON_TEXT_BYTES_MAX);
	if (rc < 0)
		return rc;
	if (command->if_seq > 0 && session->last_message > command->if_seq)
		return BATON_E_CONFLICT;
	people_add_files(session, command, decision, "human");
	decide_add_human_message(session, command, decision, command->text);
	return BATON_OK;
}

int decide_note(const struct baton_session *session, const struct baton_command *command,
		struct baton_decision *decision)
{
	if (!decide_is_agent(command))
		return BATON_E_DENIED;
	int rc = decide_client_id(session, command, BATON_AGENT, decision);
	if (rc < 0 || decision->repeat_of > 0)
		return rc;
	rc = decide_need_text(command->text, BATON_NOTE_BYTES_MAX);
	if (rc < 0)
		return rc;
	if (session->seq == 0)
		return BATON_E_STATE;
	decide_add(decision, session, command, BATON_EV_NOTE_ADDED)->note_added =
		(struct baton_ev_note_added){ command->client_id, command->agent, command->text };
	return BATON_OK;
}

int decide_handback(const struct baton_session *session, const struct baton_command *command,
		    struct baton_decision *decision)
{
	int rc = decide_need_holder(session, command);
	if (rc < 0)
		return rc;
	decide_add(decision, session, command, BATON_EV_HANDBACK_APPROVED)->handback_approved =
		(struct baton_ev_handback_approved){ session->epoch + 1,
						     decision->says->handed_back, command->agent };
	return BATON_OK;
}

int decide_resolve(const struct baton_session *session, const struct baton_command *command,
		   struct baton_decision *decision)
{
	bool customer = command->role == BATON_CUSTOMER;

	if (session->seq == 0)
		return BATON_E_STATE;
	if (session->resolved)
		return BATON_OK;
	int rc = customer ? BATON_OK : decide_need_holder(session, command);
	if (rc < 0)
		return rc;
	decide_cancel_turn(session, command, decision);
	decide_add(decision, session, command, BATON_EV_SESSION_RESOLVED)->session_resolved =
		(struct baton_ev_session_resolved){
			customer ? BATON_STR("customer") : BATON_STR("agent"), command->agent,
			baton_str_clip(command->value, BATON_NAME_BYTES_MAX), session->epoch + 1
		};
	return BATON_OK;
}
