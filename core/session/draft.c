/* SPDX-License-Identifier: Apache-2.0 */

/* What an agent does with a draft: sends it, changes it first, throws it away. */

#include "core/session/decide.h"

#include "core/base/errors.h"
#include "core/session/edit.h"

enum { ALL_PPM = 1000000 };

int decide_draft(const struct baton_session *session, const struct baton_command *command,
		 struct baton_decision *decision)
{
	bool accept = baton_str_is(command->value, "accept"),
	     edit = baton_str_is(command->value, "edit");

	if (!decide_is_agent(command))
		return BATON_E_DENIED;
	int rc = decide_client_id(session, command, BATON_AGENT, decision);
	if (rc < 0 || decision->repeat_of > 0)
		return rc;
	if (!accept && !edit && !baton_str_is(command->value, "reject"))
		return BATON_E_INVAL;
	if (!decide_holds(session, command))
		return BATON_E_STATE;
	if (session->draft == 0 || command->about_seq != session->draft)
		return BATON_E_STALE;
	rc = edit ? decide_need_text(command->text, BATON_TEXT_BYTES_MAX) : BATON_OK;
	if (rc < 0)
		return rc;

	/* Sent as it was is accepted, whichever key was pressed. */
	if (edit && baton_str_eq(command->text, session->draft_text)) {
		accept = true;
		edit = false;
	}
	/* One event carries the console's id: the message, or the review if nothing is said. */
	bool speaks = accept || edit;
	struct baton_event *reviewed =
		decide_add(decision, session, command, BATON_EV_DRAFT_REVIEWED);
	reviewed->draft_reviewed = (struct baton_ev_draft_reviewed){
		.draft = session->draft,
		.agent = command->agent,
		.action = accept ? BATON_STR("accepted")
			  : edit ? BATON_STR("edited")
				 : BATON_STR("rejected"),
		.client_id = speaks ? BATON_STR("") : command->client_id,
		.edit_ppm = accept ? 0
			    : edit ? baton_edit_ppm(session->draft_text, command->text)
				   : ALL_PPM,
	};
	if (speaks)
		decide_add_human_message(session, command, decision,
					 edit ? command->text : session->draft_text);
	return BATON_OK;
}
