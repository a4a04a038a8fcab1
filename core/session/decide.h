/* SPDX-License-Identifier: Apache-2.0 */

/* What the verbs share. Internal to core/session: decide.c has the table, customer.c, agent.c,
 * draft.c and self.c have the verbs by who says them, people.c who the customer is and what comes
 * with a message.
 */
#pragma once

#include "core/session/session.h"

typedef int decide_fn(const struct baton_session *session, const struct baton_command *command,
		      struct baton_decision *decision);

/* Of the table of client ids: files are known by their own ids, and count once as well. */
enum { SPEAKER_FILE = 64 };

/* --- decide.c --- */
struct baton_event *decide_add(struct baton_decision *decision, const struct baton_session *session,
			       const struct baton_command *command, enum baton_event_type type);
bool decide_is_agent(const struct baton_command *command);
bool decide_holds(const struct baton_session *session, const struct baton_command *command);
/* An agent's own case, or any claimed case for a supervisor. */
int decide_need_holder(const struct baton_session *session, const struct baton_command *command);
int decide_need_text(baton_str text, size_t bytes_max);
/* Checks the client's id and finds out whether it was seen. */
int decide_client_id(const struct baton_session *session, const struct baton_command *command,
		     enum baton_role speaker, struct baton_decision *decision);
/* Whatever the bot was about to say is void; what was seen of it is taken back in the same
 * append. */
void decide_cancel_turn(const struct baton_session *session, const struct baton_command *command,
			struct baton_decision *decision);

struct hand_over {
	baton_str text, reason, queue;
	uint64_t priority, last_message, tier;
};
/* Adds case_queued: the conversation changes hands here. */
void decide_add_queued(const struct baton_session *session, const struct baton_command *command,
		       struct baton_decision *decision, const struct hand_over *hand_over);
/* The command's events as they are; seq and time are the session's. */
void decide_add_events(const struct baton_session *session, const struct baton_command *command,
		       struct baton_decision *decision);
void decide_add_human_message(const struct baton_session *session,
			      const struct baton_command *command, struct baton_decision *decision,
			      baton_str text);

/* --- tools.c --- */
/* Event `i`, if it is of a call: each has one beginning, and one end behind it. */
int decide_check_call(const struct baton_session *session, const struct baton_command *command,
		      size_t i);

/* --- people.c --- */
/* 0, or why what the command says of the customer or of files cannot be. */
int people_check(const struct baton_session *session, const struct baton_command *command);
/* What is new of who the customer is: refused, signed, claimed. */
void people_add_identity(const struct baton_session *session, const struct baton_command *command,
			 struct baton_decision *decision);
int people_check_files(const struct baton_session *session, const struct baton_command *command);
void people_add_files(const struct baton_session *session, const struct baton_command *command,
		      struct baton_decision *decision, const char *by);
/* For the fold: what the state remembers of an identity. Never 0. */
uint64_t people_identity_hash(const struct baton_ev_identity_verified *identity);
uint64_t people_claimed_hash(baton_str attributes);

/* --- the verbs --- */
decide_fn decide_message, decide_human, decide_feedback, decide_ticket;
decide_fn decide_claim, decide_release, decide_transfer, decide_tag, decide_suggest, decide_reply,
	decide_note, decide_handback, decide_resolve;
decide_fn decide_draft;
decide_fn decide_tool_review, decide_tool;
decide_fn decide_erase, decide_event, decide_hand_over, decide_restart, decide_saved, decide_mode,
	decide_resume, decide_abandon, decide_assist, decide_summary;
