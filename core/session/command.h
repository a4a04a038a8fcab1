/* SPDX-License-Identifier: Apache-2.0 */

/* Wishes: what customers, agents, admins, timers and outside work ask of a session. decide() turns
 * a command into events or refuses it. Strings are views that live as long as the call. Pure.
 */
#pragma once

#include "core/session/event.h"

#ifdef __cplusplus
extern "C" {
#endif

enum baton_role {
	BATON_CUSTOMER,
	BATON_AGENT,
	BATON_SUPERVISOR,
	BATON_ADMIN,
	BATON_SELF /* the server */
};

enum baton_verb {
	BATON_CMD_MESSAGE,  /* customer: text, client_id */
	BATON_CMD_HUMAN,    /* customer: wants a person; text = reason, may be empty */
	BATON_CMD_FEEDBACK, /* customer: about_seq, value (up|down), text = comment, client_id */
	BATON_CMD_CLAIM,    /* agent */
	BATON_CMD_RELEASE,  /* agent: back to the queue; text = reason */
	BATON_CMD_REPLY,    /* agent: text, client_id, if_seq (0: do not compare) */
	BATON_CMD_NOTE,     /* agent: text, client_id */
	BATON_CMD_DRAFT, /* agent: about_seq = draft, value (accept|edit|reject), text = edited, client_id */
	BATON_CMD_HANDBACK, /* agent: back to automation */
	BATON_CMD_RESOLVE,  /* agent (or customer: close): value = code */
	BATON_CMD_ERASE,    /* admin */
	BATON_CMD_EVENT, /* self: a turn's event (intent_detected ... draft_proposed), fenced by turn;
	                        value = the queue a draft goes to */
	BATON_CMD_HAND_OVER, /* self: `events`, the last one escalation_triggered, then the queue; fenced by
	                        turn; text = what the customer is told, empty: the usual words */
	BATON_CMD_RESTART, /* self: found with an open turn after a start */
	BATON_CMD_SAVED,   /* self: a transcript backend caught up; event = transcript_saved */
	BATON_CMD_MODE,    /* self: `events`, one mode_entered or mode_left */
	BATON_CMD_RESUME   /* self: value = what has come back ("mode:<name>", "targets"), or "expired":
	                        nothing has, and a person gets what was kept */
};

struct baton_command {
	enum baton_verb verb;
	enum baton_role role;
	uint64_t unix_ms; /* stamped by the shard when it takes the command */
	baton_str client_id, text, value;
	baton_str agent, agent_name; /* of the connection, not of the frame */
	uint64_t about_seq, if_seq;
	uint64_t turn;                    /* of a turn's own commands */
	const struct baton_event *events; /* EVENT, HAND_OVER (the last one is its reason), SAVED */
	size_t n_events;
	/* first command of a session: how it came */
	baton_str channel, locale, customer, customer_tier, origin;
};

#ifdef __cplusplus
}
#endif
