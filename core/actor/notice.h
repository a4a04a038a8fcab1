/* SPDX-License-Identifier: Apache-2.0 */

/* What the core tells a connection. A channel turns notices into frames of its protocol; the core
 * knows nothing of frames. A notice is immutable and shared by all that follow the session; whoever
 * keeps one beyond the call takes a reference. References may be dropped on any thread.
 */
#pragma once

#include "core/session/session.h"

#include <stdatomic.h>

/* A connection's name: worker, slot and generation in one number; 0 is nobody. A name whose
 * connection has gone is never used again; telling it something does nothing. */
typedef uint64_t baton_conn;

enum baton_notice_type {
	BATON_NOTE_EVENT, /* a durable event; `event`, encoded for the connection's audience */
	BATON_NOTE_ACK,   /* client_id is durable as `seq` (also for a repeated one) */
	BATON_NOTE_REFUSED, /* client_id or `verb_name` was refused: `code`; for if_seq conflicts `seq` */
	BATON_NOTE_SUBSCRIBED, /* answer to a subscription: `seq` = last durable event, `state` */
	BATON_NOTE_MORE,      /* replay paused after `seq`: subscribe again after it when drained */
	BATON_NOTE_CAUGHT_UP, /* all events up to `seq` were told */
	BATON_NOTE_RUN,       /* a turn began (`running`) or ended */
	BATON_NOTE_DELTA,     /* `text` at byte `offset` of attempt `attempt` of turn `turn` */
	BATON_NOTE_TYPING,    /* `actor` is typing: 0 customer, 1 agent (`agent_name`) */
	BATON_NOTE_CASE,      /* desk: one case changed, `kase`; state NONE means it is gone */
	BATON_NOTE_DESK, /* desk: the list of waiting and claimed cases follows as CASE notices */
	BATON_NOTE_OFFER, /* desk, to one agent: `session` is theirs to claim until `unix_ms`; 0: no more */
	BATON_NOTE_OVERVIEW, /* desk: queues and people; `text` = a JSON object's members */
	BATON_NOTE_PLACE,    /* to the customer of a waiting case: `place` */
	BATON_NOTE_PACKAGE,  /* answer to an agent: the case package of `session`, `text` = JSON */
	BATON_NOTE_OPERATIONS, /* to an admin: `text` = JSON, what `baton status --json` says */
	BATON_NOTE_DONE /* to an admin: what was asked for under client_id; `code`, `text` = JSON or "" */
};

enum baton_case_state { BATON_CASE_NONE, BATON_CASE_WAITING, BATON_CASE_CLAIMED };

/* A case as the desk shows it. */
struct baton_case {
	struct baton_id session;
	enum baton_case_state state;
	uint64_t priority, waiting_since_ms, epoch,
		position /* in the order of service, 1 = next of all; 0 unknown; the desk's */;
	baton_str queue, reason, agent, agent_name, customer_tier,
		preview /* newest customer words */,
		mode /* the degraded mode it was told of, "" none */;
	bool has_draft;
	uint64_t tier;   /* of the question, 1..3; 0 unknown */
	uint64_t precedence; /* the desk's: priority as waiting and the customer's tier made it */
	uint64_t due_ms; /* unix ms by which the first reply is promised; the desk's; 0: none */
	uint64_t
		unanswered_ms; /* unix ms of the oldest message without a reply; 0: all are replied to */
	uint64_t queued_ms;  /* unix ms since when it waits in the queue it is in */
	uint64_t claimed_ms; /* unix ms of the claim; 0: not claimed */
	baton_str language, intent, customer_name /* "" unless signed */,
		to_agent /* transferred to */, tags /* JSON list or "" */,
		rule /* that brought it here */;
	bool verified;  /* who the customer is has been signed */
	bool present;   /* the customer has a connection */
	bool ticket;    /* does not wait here: an answer is to come later */
	bool abandoned; /* went away before anybody came */
	bool claimable; /* by who is told: the desk's word for one agent's queues */
};

/* What somebody who waits may be told. */
struct baton_queue_place {
	uint64_t position, waiting; /* 1 = next; of so many in the queue */
	uint64_t wait_ms; /* expected, from how fast cases were claimed lately; 0: cannot be said */
	uint64_t agents;  /* people at work on the queue now */
	bool open;        /* within its hours */
	uint64_t opens_ms; /* unix ms when it opens, if it is closed and that is known */
};

struct baton_notice {
	_Atomic(unsigned) refs;
	enum baton_notice_type type;
	struct baton_id session;
	uint64_t seq, unix_ms;
	baton_str client_id, verb_name, text, agent_name;
	int code;
	uint64_t turn, attempt, offset;
	bool running;
	unsigned actor;
	/* Kept by the notice for all strings above and below. */
	struct baton_arena arena;

	struct baton_event event; /* EVENT; strings inside the notice */
	struct { /* SUBSCRIBED, CAUGHT_UP */
		enum baton_owner owner;
		uint64_t epoch;
		bool resolved, disclosed;
		baton_str mode; /* the degraded mode the customer was told of, "" none */
		baton_str customer; /* whose conversation it is, if that was signed; "" */
	} state;
	struct baton_case kase;
	struct baton_queue_place place;
};

/* A notice with one reference, its strings not yet copied: use baton_notice_keep() for each. What its
 * type does not have may hold anything. */
struct baton_notice *baton_notice_new(enum baton_notice_type type, const struct baton_id *session);
/* A copy of `s` that lives as long as the notice. Only before the notice is shared. */
baton_str baton_notice_keep(struct baton_notice *notice, baton_str s);
/* Makes `event` the notice's own, strings included. */
void baton_notice_keep_event(struct baton_notice *notice, const struct baton_event *event);
struct baton_notice *baton_notice_ref(struct baton_notice *notice);
/* NULL-tolerant; sets the caller's pointer to NULL. Any thread. */
void baton_notice_unref(struct baton_notice **notice);
