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
	BATON_CMD_TICKET,   /* customer: client_id, value = contact: does not want to wait here */
	BATON_CMD_CLAIM,    /* agent; `take`: a supervisor takes what somebody else has */
	BATON_CMD_RELEASE, /* agent: back to the queue; text = reason. Self (the desk): `epoch` must be
	                        the case's; text = "agent_lost" or "no_reply" */
	BATON_CMD_TRANSFER, /* agent, supervisor: value = queue ("": the one it has), to_agent (""), text
	                        = reason; waiting cases too if a supervisor says so */
	BATON_CMD_TAG,      /* agent: client_id, value = a JSON list of all labels */
	BATON_CMD_SUGGEST, /* agent who holds the case: a draft is wanted; no event of its own */
	BATON_CMD_REPLY,   /* agent: text, client_id, if_seq (0: do not compare) */
	BATON_CMD_NOTE,    /* agent: text, client_id */
	BATON_CMD_DRAFT, /* agent: about_seq = draft, value (accept|edit|reject), text = edited, client_id */
	BATON_CMD_HANDBACK, /* agent: back to automation */
	BATON_CMD_RESOLVE,  /* agent (or customer: close): value = code */
	BATON_CMD_ERASE,    /* admin */
	BATON_CMD_EVENT, /* self: a turn's event (intent_detected ... draft_proposed), fenced by turn and epoch;
	                        value = the queue a draft goes to */
	BATON_CMD_HAND_OVER, /* self: `events`, the last one escalation_triggered, then the queue; fenced by
	                        turn and epoch; text = what the customer is told, empty: the usual words */
	BATON_CMD_RESTART, /* self: found with an open turn after a start */
	BATON_CMD_SAVED,   /* self: a transcript backend caught up; event = transcript_saved */
	BATON_CMD_MODE,    /* self: `events`, one mode_entered or mode_left */
	BATON_CMD_ABANDON, /* self (the desk): `epoch` must be the case's; about_seq = ms since the customer went */
	BATON_CMD_ASSIST, /* self: `events` of help for agents (writeup_generated, draft_proposed with
	                       asked_by); `epoch` must be the case's */
	BATON_CMD_TOOL_REVIEW, /* agent who holds the case: about_seq = tool_proposed, value (approve|reject), text =
	                            reason, client_id */
	BATON_CMD_TOOL, /* self: `events` of a call that a person has approved: tool_called (once, while the
	                     proposal is approved), tool_finished. Who owns the case then does not matter */
	BATON_CMD_SUMMARY, /* self: `events`, one summary_made; of use whoever owns the case */
	BATON_CMD_RESUME /* self: value = what has come back ("mode:<name>", "targets"), or "expired":
	                        nothing has, and a person gets what was kept */
};

/* What the embedder's backend has signed. */
struct baton_signed_identity {
	baton_str customer, name, email, customer_tier, attributes /* JSON object or "" */, key;
};

/* A file whose bytes are on disk. */
struct baton_attachment {
	baton_str id, name, media_type, sha256;
	uint64_t bytes;
};

struct baton_command {
	enum baton_verb verb;
	enum baton_role role;
	uint64_t unix_ms; /* stamped by the shard when it takes the command */
	baton_str client_id, text, value;
	baton_str agent, agent_name; /* of the connection, not of the frame */
	baton_str to_agent;          /* TRANSFER */
	bool take;                   /* CLAIM */
	uint64_t epoch; /* EVENT, HAND_OVER, RELEASE, ABANDON, ASSIST by the server itself: it must be
	                     the session's */
	const struct baton_attachment
		*attachments; /* MESSAGE, REPLY: at most BATON_MSG_ATTACHMENTS_MAX */
	size_t n_attachments;
	/* Of the customer's connection, with each MESSAGE and HUMAN: what is new of it becomes events.
	 * `identity.customer` "": anonymous. `claimed` is a JSON object or "". `auth_failed` says why an
	 * identity was refused, "" if none was. */
	struct baton_signed_identity identity;
	baton_str claimed, auth_failed;
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
