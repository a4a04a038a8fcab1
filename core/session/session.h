/* SPDX-License-Identifier: Apache-2.0 */

/* The state of one conversation: what its events add up to, and what may happen next.
 *
 * apply() folds one event into the state; decide() answers a command with events or a refusal.
 * Both are pure: no clock, no I/O, no randomness. The actor (core/actor) commits the events and
 * performs what follows.
 *
 * Two rules carry the promises. Every event that the bot would say is refused unless the owner is
 * the bot and the turn is the open one; every change of owner raises the epoch, which the journal
 * compares again in the append's own transaction. And a customer's message is answered by exactly
 * one outcome: `answered_upto` says up to which message that has happened.
 */
#pragma once

#include "core/base/limits.h"
#include "core/session/calls.h"
#include "core/session/client_ids.h"
#include "core/session/command.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { BATON_LANGUAGE_BYTES_MAX = 15 };
/* An answer whose best source supports it less than this is a weak one, parts per million. */
enum { BATON_WEAK_PPM = 300000 };
enum baton_owner { BATON_OWNER_BOT, BATON_OWNER_QUEUE, BATON_OWNER_AGENT };

/* One line of the conversation, for prompts and for the agent's list. */
struct baton_line {
	uint64_t seq;
	uint32_t role;  /* BATON_ROLE_CUSTOMER, _BOT or _AGENT */
	baton_str text; /* owned by the session */
};

/* What each message touches comes first, in as few cache lines as it takes: with a thousand sessions
 * each of them is cold. */
struct baton_session {
	struct baton_id id;
	uint64_t seq;   /* of the newest event; 0: nothing has happened yet */
	uint64_t epoch; /* of the owner */
	enum baton_owner owner;
	bool disclosed, resolved, erased;
	bool abandoned;         /* went away, and has not written since */
	uint64_t last_message;  /* seq of the newest customer message */
	uint64_t answered_upto; /* messages up to this seq have their outcome */
	uint64_t
		first_unanswered_ms; /* unix ms of the oldest message without a reply by bot or person */
	uint64_t messages;           /* customer messages so far */
	uint64_t last_message_ms;    /* unix ms of the newest */
	uint64_t idle_ms;            /* between the one before and the newest */
	struct baton_line *lines;    /* the newest BATON_PROMPT_MSGS_MAX, oldest first */
	size_t n_lines;
	struct baton_line *lines_room; /* where they lie; a little longer, so that they move seldom */
	struct baton_client_ids client_ids; /* every client id seen, with its seq */
	uint64_t summary_upto;
	struct baton_calls calls; /* of tools, and what a person was asked about */
	/* What has to come back before automation goes on with what is kept or waits: "mode:<name>",
	 * "targets"; "" if that is nobody's plan. Until an agent claims it. */
	char resumes[BATON_NAME_BYTES_MAX + 8];

	uint64_t opened_ms;
	uint64_t exchanges;                  /* bot answers since the conversation was last the bot's */
	uint64_t restarts;                   /* of the open turn */
	uint64_t draft;              /* seq of the draft that waits for review, 0 if none */
	baton_str draft_text;        /* its words; owned by the session */
	bool draft_suggested; /* of the newest draft, reviewed or not: an agent asked for it */
	uint64_t priority;           /* of the waiting or claimed case */
	uint64_t held_after;         /* with `resumes`: messages behind this seq open again */
	uint64_t weak_answers;       /* bot answers in a row that were not well supported */
	uint64_t cost_microusd;      /* spent on models so far */
	uint64_t reopen_count;       /* messages that opened a resolved conversation again */
	uint64_t auth_failures;      /* failed attempts to prove who the customer is */
	uint64_t lookup_failures;    /* searches and calls of tools that did not work */
	uint64_t tier;               /* of the question that brought the case here; 0 unknown */
	uint64_t queued_seq;         /* of the case_queued that did; 0: none did */
	uint64_t written_about;      /* the case_queued that the newest write-up is about */
	/* Unix ms; 0: not so. Since when it waits for a person in any queue (the customer's first message
	 * without a reply, if there is one), in the queue it is in, and has a person. */
	uint64_t waiting_since_ms, queued_ms, claimed_ms;
	/* Messages behind this seq have no reply and were not what led to a person: a hand back opens
	 * them for the bot. */
	uint64_t open_after;
	uint64_t stretch_seq; /* where the newest stretch with a person ended; older words are history */
	uint64_t offered_at;  /* exchanges when a person was last offered; 0: not in this stretch */
	uint64_t identity_hash, claimed_hash; /* of what was signed and claimed last; 0: nothing */
	bool verified;                        /* `customer` is signed */
	bool claimed_before;                  /* a person has had it at least once */
	bool ticket;                          /* the customer does not wait here */
	bool abandon_told;                    /* case_abandoned stands for this wait */

	char channel[BATON_NAME_BYTES_MAX + 1], locale[BATON_NAME_BYTES_MAX + 1];
	char customer[BATON_NAME_BYTES_MAX + 1], customer_tier[BATON_NAME_BYTES_MAX + 1];
	char queue[BATON_NAME_BYTES_MAX + 1], reason[256];
	char agent[BATON_NAME_BYTES_MAX + 1], agent_name[BATON_NAME_BYTES_MAX + 1];
	char intent[BATON_NAME_BYTES_MAX + 1], language[BATON_LANGUAGE_BYTES_MAX + 1];
	char customer_name[BATON_NAME_BYTES_MAX + 1]; /* signed; "" unknown */
	char draft_target[BATON_NAME_BYTES_MAX + 1];  /* who wrote the newest draft */
	char rule[BATON_NAME_BYTES_MAX + 1];          /* that brought the case here */
	char to_agent[BATON_NAME_BYTES_MAX + 1];      /* whom a transfer is meant for, "" anybody */
	char mode[BATON_NAME_BYTES_MAX + 1]; /* the degraded mode the customer was told of, "" none */

	baton_str tags;           /* JSON list of all labels, "" none; owned by the session */
	baton_str slots;          /* what messages have named, slots.h; newest first; owned by the session */
	baton_str marks;          /* numbers of placeholders given so far, as in redaction_applied; owned */
	baton_str summary;        /* of the lines up to summary_upto, "" none; owned by the session */
};

void baton_session_init(struct baton_session *session, const struct baton_id *id);
void baton_session_done(struct baton_session *session);

/* Folds `event` (its seq must be session->seq + 1) into the state; copies what it keeps. */
void baton_session_apply(struct baton_session *session, const struct baton_event *event);

/* True while a customer message waits for its outcome and the bot owns the conversation. */
bool baton_session_turn_open(const struct baton_session *session);

/* What the journal's work index is told about the session: BATON_MARK_* (core/journal). */
unsigned baton_session_marks(const struct baton_session *session);

/* The seq under which this client id was seen, 0 if never. */
uint64_t baton_session_seen(const struct baton_session *session, baton_str client_id);

enum { BATON_DECISION_EVENTS_MAX = BATON_APPEND_RECORDS_MAX };

struct baton_decision {
	size_t n_events;
	uint64_t
		repeat_of; /* the client id was seen before, under this seq: acknowledge, do nothing */
	bool cancels_turn;             /* whatever the bot was about to say is void */
	bool wants_suggestion;         /* the agent who holds the case asks for a draft */
	const struct baton_says *says; /* given by the caller: what customers are told */
	/* given by the caller: what an unfinished answer of the open turn has shown; if the decision makes
	 * the turn void, that text is withdrawn by an answer_superseded of its own. text.n = 0: nothing */
	struct baton_ev_answer_superseded shown;
	/* Strings: the command's, or the state's. What is not counted above is not zeroed either. */
	struct baton_event events[BATON_DECISION_EVENTS_MAX];
};

/* What customers are told where no policy has words for it. */
#define BATON_SAY_OFFER_HUMAN \
	"If that does not help, a person can take over: say so, or use \"Talk to a human\"."
#define BATON_SAY_TRANSFERRED \
	"I am passing you to a colleague who knows more about this and can see everything so far."
#define BATON_SAY_TICKET "Thank you. You need not wait here: we will answer you there."
#define BATON_SAY_LOST_AGENT \
	"The colleague who was with you cannot go on. Somebody else is taking over and can see " \
	"everything so far."

/* The sentences that the session itself says; from policies, with built-in ones behind them. */
struct baton_says {
	baton_str disclosure, handed_over, handed_back, draft_pending, resumed, transferred, ticket,
		lost_agent;
	uint64_t release;
	baton_str default_queue;
};

/* Nothing is decided yet. */
static inline void baton_decision_begin(struct baton_decision *decision,
					const struct baton_says *says)
{
	memset(decision, 0, offsetof(struct baton_decision, events));
	decision->says = says;
}

/* 0, or a refusal: BATON_E_STATE, _STALE (the turn is not the open one any more), _DENIED (role),
 * _CONFLICT (if_seq), _INVAL, _LIMIT, _TOO_BIG, _ERASED. On refusal nothing has changed. */
int baton_session_decide(const struct baton_session *session, const struct baton_command *command,
			 struct baton_decision *decision);

/* Snapshot: the state as bytes, and back. load() leaves an initialised session on every path and
 * returns 0, BATON_E_SCHEMA or BATON_E_JSON. fold(all events) equals load(snapshot) + fold(rest). */
void baton_session_save(const struct baton_session *session, struct baton_buf *out);
int baton_session_load(struct baton_session *session, const struct baton_id *id, baton_str bytes);

/* True if the words ask for a person ("talk to a human", ...), in the languages the core knows.
 * No module, model or policy file is involved. */
bool baton_asks_for_person(baton_str text);

#ifdef __cplusplus
}
#endif
