/* SPDX-License-Identifier: Apache-2.0 */

/* What a customer may ask: to say something, a person, to leave a ticket; and what the server knows
 * of them as they do. */

#include "core/session/decide.h"

#include "core/base/errors.h"

/* The first events of a session: that it began, and that an AI answers. */
static void open_session(const struct baton_session *session, const struct baton_command *command,
			 struct baton_decision *decision)
{
	if (session->seq > 0)
		return;
	struct baton_event *opened =
		decide_add(decision, session, command, BATON_EV_SESSION_OPENED);
	opened->session_opened = (struct baton_ev_session_opened){
		.channel = command->channel,
		.locale = baton_str_clip(command->locale, BATON_NAME_BYTES_MAX),
		.customer = baton_str_clip(command->customer, BATON_NAME_BYTES_MAX),
		.customer_tier = baton_str_clip(command->customer_tier, BATON_NAME_BYTES_MAX),
		.origin = command->origin,
		.release = decision->says->release,
	};
	decide_add(decision, session, command, BATON_EV_DISCLOSURE_MADE)->disclosure_made.text =
		decision->says->disclosure;
}

/* What there is to read: words, or files alone. */
static int check_words(const struct baton_session *session, const struct baton_command *command)
{
	int rc = people_check_files(session, command);

	if (rc == BATON_OK && (command->text.n > 0 || command->n_attachments == 0))
		rc = decide_need_text(command->text, BATON_TEXT_BYTES_MAX);
	return rc;
}

/* The customer wants a person: no rule, module or policy has a say in it. */
static void add_customer_asked(const struct baton_session *session,
			       const struct baton_command *command, struct baton_decision *decision,
			       uint64_t last_message)
{
	static const char reason[] = "the customer asked for a person";

	decide_cancel_turn(session, command, decision);
	struct baton_event *why =
		decide_add(decision, session, command, BATON_EV_ESCALATION_TRIGGERED);

	why->escalation_triggered = (struct baton_ev_escalation_triggered){
		.turn = baton_session_turn_open(session) ? session->last_message : 0,
		.rule = BATON_STR("core.customer_asked"),
		.reason = baton_str_of(reason),
		.queue = decision->says->default_queue,
		.priority = 3,
		.release = decision->says->release,
	};
	decide_add_queued(session, command, decision,
			  &(struct hand_over){ .text = decision->says->handed_over,
					       .reason = baton_str_of(reason),
					       .priority = 3,
					       .last_message = last_message });
}

int decide_message(const struct baton_session *session, const struct baton_command *command,
		   struct baton_decision *decision)
{
	if (command->role != BATON_CUSTOMER)
		return BATON_E_DENIED;
	int rc = people_check(session, command);
	if (rc == BATON_OK)
		rc = decide_client_id(session, command, BATON_CUSTOMER, decision);
	if (rc < 0 || decision->repeat_of > 0)
		return rc;
	rc = check_words(session, command);
	if (rc < 0)
		return rc;
	if (session->messages >= BATON_SESSION_MESSAGES_MAX)
		return BATON_E_LIMIT;

	open_session(session, command, decision);
	people_add_identity(session, command, decision);
	people_add_files(session, command, decision, "customer");
	struct baton_event *message =
		decide_add(decision, session, command, BATON_EV_MESSAGE_RECEIVED);
	message->message_received.client_id = command->client_id;
	message->message_received.text = command->text;
	if (session->owner == BATON_OWNER_BOT && baton_asks_for_person(command->text))
		add_customer_asked(session, command, decision, message->seq);
	return BATON_OK;
}

int decide_human(const struct baton_session *session, const struct baton_command *command,
		 struct baton_decision *decision)
{
	if (command->role != BATON_CUSTOMER)
		return BATON_E_DENIED;
	int rc = people_check(session, command);
	if (rc < 0)
		return rc;
	open_session(session, command, decision);
	people_add_identity(session, command, decision);
	if (session->owner == BATON_OWNER_BOT) /* else it is on its way already */
		add_customer_asked(session, command, decision, session->last_message);
	return BATON_OK;
}

/* The customer would rather not wait here. The case keeps its place; a second ticket corrects the
 * address of the first. */
int decide_ticket(const struct baton_session *session, const struct baton_command *command,
		  struct baton_decision *decision)
{
	if (command->role != BATON_CUSTOMER)
		return BATON_E_DENIED;
	int rc = people_check(session, command);
	if (rc == BATON_OK)
		rc = decide_client_id(session, command, BATON_CUSTOMER, decision);
	if (rc < 0 || decision->repeat_of > 0)
		return rc;
	rc = decide_need_text(command->value, BATON_CONTACT_BYTES_MAX);
	if (rc < 0)
		return rc;
	if (session->owner == BATON_OWNER_BOT)
		return BATON_E_STATE; /* nobody is being waited for */
	decide_add(decision, session, command, BATON_EV_TICKET_LEFT)->ticket_left =
		(struct baton_ev_ticket_left){ command->client_id, decision->says->ticket,
					       command->value };
	return BATON_OK;
}

int decide_feedback(const struct baton_session *session, const struct baton_command *command,
		    struct baton_decision *decision)
{
	if (command->role != BATON_CUSTOMER)
		return BATON_E_DENIED;
	int rc = decide_client_id(session, command, BATON_CUSTOMER, decision);
	if (rc < 0 || decision->repeat_of > 0)
		return rc;
	if (!baton_str_is(command->value, "up") && !baton_str_is(command->value, "down"))
		return BATON_E_INVAL;
	if (command->text.n > BATON_TEXT_BYTES_MAX)
		return BATON_E_TOO_BIG;
	if (session->seq == 0 || command->about_seq > session->seq)
		return BATON_E_STATE;
	decide_add(decision, session, command, BATON_EV_FEEDBACK_GIVEN)->feedback_given =
		(struct baton_ev_feedback_given){ command->client_id, command->about_seq,
						  command->value, command->text };
	return BATON_OK;
}
