/* SPDX-License-Identifier: Apache-2.0 */

/* A run: one turn being worked on, from a customer's message to its one outcome.
 *
 * A run is a table of small steps (steps.c). A step does one thing, never blocks, and says what
 * comes then: go on, wait (with a deadline), or done. What modules answer is recorded here and
 * wakes the run; baton_run_go() alone writes run->step. Across a wait the run holds a ticket, a
 * number good for one end; a late answer finds nobody.
 *
 * A run decides nothing that lasts: its events go to the session as commands and are refused
 * there when a person has taken over meanwhile. Pure behind its ops. One thread: the shard's.
 */
#pragma once

#include "core/route/board.h"
#include "core/session/session.h"
#include "core/swap/trial.h"
#include "core/turn/marks.h"
#include "core/turn/guard.h"
#include "core/turn/plan.h"

#include <stdalign.h>
#include <stddef.h>

typedef uint64_t baton_ticket;
struct baton_release;
struct baton_run;

enum baton_step {
	BATON_STEP_CLASSIFY,
	BATON_STEP_CLASSIFIED,
	BATON_STEP_RULES_BEFORE,
	BATON_STEP_ROUTE,
	BATON_STEP_RETRIEVE,
	BATON_STEP_RETRIEVED,
	BATON_STEP_LOOK_UP,
	BATON_STEP_ASK,
	BATON_STEP_HEAR,
	BATON_STEP_TOOLS,
	BATON_STEP_CALL,
	BATON_STEP_CALLED,
	BATON_STEP_RULES_AFTER,
	BATON_STEP_ANSWER,
	BATON_STEP_DRAFT,
	BATON_STEP_CAPTURE,
	BATON_STEP_HAND_OVER,
	BATON_STEP_ASSIST,
	BATON_STEP_ASSISTED,
	BATON_STEP_SETTLE,
	BATON_STEP_COUNT
};

/* What a run is for: the customer, (assist.c) the agent who has the case, or (settle.c) calls that
 * an agent has approved, or that somebody began and nobody saw the end of. */
enum baton_purpose {
	BATON_PURPOSE_ANSWER,
	BATON_PURPOSE_SUGGESTION,
	BATON_PURPOSE_WRITEUP,
	BATON_PURPOSE_SUMMARY, /* for later prompts: older lines in few words */
	BATON_PURPOSE_TOOL
};

struct baton_run_ops {
	uint64_t (*now_ns)(void *ud);
	uint64_t (*random)(void *ud);
	/* A fresh ticket that leads back to this run. */
	baton_ticket (*ticket)(void *ud, struct baton_run *run);
	/* The module calls of core/actor/seam.h, on the run's pinned release. */
	int (*classify)(void *ud, struct baton_run *run, const baton_turn *turn);
	int (*retrieve)(void *ud, struct baton_run *run, const baton_query *query);
	int (*generate)(void *ud, struct baton_run *run, const char *provider,
			const baton_prompt *prompt);
	int (*invoke)(void *ud, struct baton_run *run, const char *module,
		      const baton_tool_req *req);
	void (*cancel)(void *ud, struct baton_run *run, uint32_t why);
	int (*rules)(void *ud, struct baton_run *run, const baton_facts *facts,
		     baton_verdict *ret_verdict);
	/* Synchronous: one guard, as core/actor/seam.h says. */
	int (*inspect)(void *ud, struct baton_run *run, const char *module,
		       const baton_inspection *what, baton_hits *ret);
	/* The board, ours alone until board_done(); nothing else is called in between. */
	struct baton_board *(*board)(void *ud, struct baton_now *ret_now);
	void (*board_done)(void *ud);
	/* The run's release is a canary or shut, and there is another one: what fails on it says
	 * little about the turn. */
	bool (*doubtful)(void *ud, const struct baton_run *run);
	/* The live release in place of the run's: sets release, policy and release_number. */
	void (*move)(void *ud, struct baton_run *run);
	/* What the turn came to on its release. */
	void (*turned)(void *ud, const struct baton_run *run,
		       const struct baton_trial_sample *sample);
	/* False if the release has no working module of this name. */
	bool (*module_works)(void *ud, struct baton_run *run, const char *module);
	/* baton_run_go() after at most `ms`, unless waked earlier; replaces the last wait. */
	void (*wait)(void *ud, struct baton_run *run, uint64_t ms);
	/* The session takes these events in one append: BATON_CMD_EVENT or BATON_CMD_HAND_OVER
	 * (then the customer is told run->told, if it is not empty). 0, or <0: the turn is void,
	 * say nothing more. */
	int (*emit)(void *ud, struct baton_run *run, enum baton_verb verb,
		    const struct baton_event *events, size_t n);
	/* Everything up to `seq` of the session is durable; if it is not yet, the run goes on when it
	 * is. */
	bool (*durable)(void *ud, struct baton_run *run, uint64_t seq);
	/* A suggestion comes to nothing: whoever asked for it is told. Its last word. */
	void (*refused)(void *ud, struct baton_run *run, int code);
	/* Text for the customer's eyes, provisional; the next bytes of the attempt's answer. */
	void (*say)(void *ud, struct baton_run *run, baton_str text, uint64_t offset);
	void (*count)(void *ud, unsigned metric, uint64_t add);
	void (*observe)(void *ud, unsigned metric, uint64_t us);
};

enum { BATON_RUN_CITES_MAX = 32 }; /* sources that one answer names */
enum { BATON_RUN_NOTES_MAX = 10 }; /* + outcome, escalation and queue stay under one append */
/* Each round of tools is one more time that a model is asked. */
enum { BATON_RUN_ATTEMPTS_MAX = BATON_TURN_ATTEMPTS_MAX + BATON_TOOL_ROUNDS_MAX + 2 };
enum { BATON_RUN_WORDS_BYTES = 3072 }; /* what a short turn takes from its arena */
/* Those that were refused among them. */
enum { BATON_RUN_CALLS_MAX = 2 * BATON_TOOL_CALLS_MAX };

/* One call of a tool: what a model asked for, what its route declares, what is known from before. */
struct baton_run_call {
	const struct baton_tool_def *tool; /* NULL: there is none of this name here */
	unsigned round;                    /* 0: before any model was asked */
	baton_str id, name;
	baton_str given;     /* arguments as the model wrote them, in one spelling */
	baton_str arguments; /* ... and as the tool gets them */
	baton_str key;
	uint64_t proposal;
	baton_str shown; /* what the model is told of it, JSON; empty: it is not over */
	bool ok;         /* the tool has answered; no is an answer too */
	bool declined;   /* by a person */
	bool looked_at;  /* `objection` holds what speaks against it, NULL: nothing */
	const char *objection;
};

struct baton_run {
	const struct baton_run_ops *ops;
	void *ud;                            /* given to ops */
	const struct baton_session *session; /* the actor's; outlives the run */
	struct baton_release *release;       /* pinned by the actor while it is the run's */
	const struct baton_policy *policy;   /* of that release */
	uint64_t release_number;

	char session_id[BATON_ID_TEXT + 1];
	baton_str turn_id; /* what modules are told; once they have been told */
	enum baton_purpose purpose;
	baton_str asked_by;          /* of a suggestion: the agent */
	baton_str package, in_words; /* of help for agents: the case as JSON, and as text */
	uint64_t about;      /* of a write-up: seq of the case_queued; of a summary: of its last line */
	uint64_t begun_at;   /* of help for agents: the session's seq */
	uint64_t turn;       /* seq of the newest message it answers */
	uint64_t epoch;      /* of the owner it speaks for */
	uint64_t message_ms; /* unix ms of that message */
	enum baton_step step;
	bool done;
	unsigned moves; /* how often it has begun again on another release */
	bool no_classifier; /* the release has none: that is not a failure of it */
	bool rules_failed;
	bool faulty; /* something that was asked did not answer well */
	uint64_t started_ns, deadline_ns, wait_until_ns;

	baton_ticket ticket; /* 0: nobody is asked */
	bool heard_end;      /* the ticket's end has come */
	baton_tool_result *result; /* of the ticket: what the tool brought, in the arena; NULL: nothing yet */
	bool heard_fail;
	uint32_t end_reason;
	size_t n_attempts; /* begun; the last one may be running */
	uint32_t http_status;
	baton_str fail_message;
	uint64_t fail_until_ms; /* unix ms: when the provider says that a block ends */
	bool fail_billed;       /* it counted tokens for the attempt that failed */
	uint64_t ask_at_ns;     /* a drill makes the target slow: asked only then; 0: asked */

	char intent[BATON_NAME_BYTES_MAX + 1], language[16];
	uint32_t intent_ppm, sentiment_ppm, out_of_scope_ppm, human_ppm;
	baton_str slots, others; /* what the message names; what else it may be about: intent_detected */
	uint32_t topics; /* of what is open: bits of policy->topics */
	baton_str tags;  /* their names and the labels of agents, a JSON list */
	bool classifier_failed, sentiment_known;
	baton_doc *docs;
	uint32_t n_docs;
	bool searched; /* a retriever was asked */
	const struct baton_route *route;
	unsigned tier;
	bool in_mode; /* a degraded mode concerns the turn: `mode` */
	struct baton_mode_view mode;
	bool chosen; /* `choice` stands and waits for its delay */
	struct baton_choice choice;
	bool in_drill;    /* a drill that concerns only some put a fault in its way, maybe an earlier attempt */
	uint64_t drilled; /* deltas heard of an attempt that a drill will cut */

	struct baton_buf answer; /* of the attempt that is running, and of what it continues */
	struct baton_buf heard;  /* the newest piece of it without marks, while it is taken up */
	size_t said;             /* bytes of it that went to say() */
	size_t kept;             /* bytes of it that an earlier attempt wrote */
	size_t text_attempt;     /* the attempt that began the text: its name in front of customers */
	uint64_t deltas;         /* of the running attempt */
	bool speaks;             /* tier 1: the customer may see it grow */
	bool muted;              /* ... but for what somebody objects to: nothing more of this attempt */
	bool unknown;            /* the provider said that it does not know */
	baton_str sources;       /* JSON array, from citations */
	struct baton_mark_filter marks; /* what may be one (ground.c) */
	bool quotes;             /* the target is given the articles and quotes them; it is no model */
	size_t n_cites;
	bool cites_bad;          /* it names something that cannot be an id, or too many */
	bool ungrounded;         /* its sources do not hold */
	bool policy_hit;         /* it must not be sent as it is (object.c) */
	baton_str guard_rule;    /* whose rule said so first */

	/* Guards (guard.c, guard_answer.c). */
	struct baton_veil veil;
	struct baton_unveil unveil;   /* of the text that comes in */
	struct baton_veiled *veiled;  /* lines as modules are shown them */
	size_t n_veiled, cap_veiled;
	baton_hits found;             /* of the newest inspection */
	size_t looked;                /* bytes of the answer that guards have looked at */
	bool injection;               /* something of this turn reads as instructions to the model */
	bool injection_before;        /* something of earlier turns that is still shown does */
	bool guard_failed;            /* one that is not open could not look: nobody outside is asked */
	size_t n_pending;
	unsigned n_guard_notes;
	baton_str prompt;        /* name and checksum of the prompt of the newest asking */
	/* What models may ask for, as baton_prompt.tools_json; empty: nothing. And what was asked for in
	 * this turn and what came of it, in order, behind the conversation: run_prompt_add(). */
	struct baton_plan plan; /* of this turn (plan.c) */
	bool planning;          /* the target has been asked for a plan, not for an answer */
	bool plan_failed;       /* it made none that can be read: no tools in this turn */
	uint64_t asked_microusd; /* of the running attempt: what was asked before the asking that runs */
	baton_str tools_json;
	baton_msg *more;
	size_t n_more, cap_more;
	baton_usage usage;
	uint64_t asked_ns, first_token_ns, last_token_ns; /* of the running attempt */
	uint64_t first_word_ns; /* of the text that stands; 0: none yet */
	uint64_t spent_microusd; /* what earlier askings of this turn were billed */
	uint64_t unnoted_microusd; /* what whole answers cost that stands in no event yet */
	baton_str origin;       /* ai, or template */
	baton_str told;         /* to the customer at a hand over; empty: the usual words */

	struct { /* tools.c */
		size_t n, at;      /* of calls[]; calls[at]: the next one of this round */
		unsigned round;    /* of the newest answer that asked for tools */
		baton_str said[BATON_TOOL_ROUNDS_MAX + 2]; /* words of the answers that did */
		unsigned n_called, n_failed;  /* of this turn, by this run */
		unsigned n_forbidden; /* asked for without having been offered */
		size_t lookup;     /* the next one that the route declares */
		size_t lead;       /* bytes of the answer that were said before tools were called */
		bool wanted; /* the attempt that is heard has asked for some */
		baton_str no; /* word of the newest one that said no */
		/* The one that is under way. */
		struct baton_run_call *call;
		enum baton_step back; /* where the run goes on behind it */
		uint64_t record_seq; /* its beginning is on record up to here */
		uint64_t until_ns, invoked_ns;
		bool invoked, again;
		baton_error error; /* if it failed; texts in the arena */
		bool in_doubt;     /* of any call that this run has made: it may have happened */
	} tools;
	bool shadow;    /* nothing may be changed outside: the turn is tried out */
	bool detached;  /* its turn is void; only what it has begun outside comes to its end */

	size_t n_notes;
	const baton_facts *decided_on; /* what the newest decision of stage `before` records; NULL: none yet */
	struct { /* the promised first reply, of these; since_ms = 0: not worked out yet */
		struct baton_promise promise;
		uint64_t since_ms, ms;
	} due;
	struct { /* a rule would rather offer the customer a person; rule.n = 0: none would */
		baton_str rule, reason;
	} offer;
	struct { /* why a person is needed */
		baton_str rule, reason, queue;
		uint64_t priority;
		bool reversible;
		baton_str resumes; /* when automation may go on: see escalation_triggered */
	} why;
	struct baton_arena arena;

	/* Room, from here on: most turns need little of it, so it is not zeroed, and there is in it what
	 * the numbers above say. */
	struct baton_attempt attempts[BATON_RUN_ATTEMPTS_MAX];
	struct baton_event notes[BATON_RUN_NOTES_MAX];
	struct baton_run_call calls[BATON_RUN_CALLS_MAX];
	baton_str cites[BATON_RUN_CITES_MAX]; /* ids that the answer names, each once ... */
	size_t cited_at[BATON_RUN_CITES_MAX]; /* ... behind so many bytes of it */
	struct baton_ev_guard_hit pending[BATON_GUARD_PENDING_MAX]; /* for the next step to note */
	alignas(max_align_t) unsigned char words[BATON_RUN_WORDS_BYTES]; /* of the arena, first */
};

/* Everything about the turn that must be known before its first step. */
struct baton_run_start {
	const struct baton_run_ops *ops;
	void *ud;
	const struct baton_session *session;
	struct baton_release *release;
	const struct baton_policy *policy;
	uint64_t release_number;
	/* Of help for agents; copied. */
	enum baton_purpose purpose;
	baton_str asked_by, package, in_words;
	uint64_t about;
	bool shadow;
};
/* Where help of this kind is asked for; NULL: the set declares no internal intent with a way of its
 * own for it (`reply-suggestion`, `case-writeup`, `session-summary`). */
const struct baton_route *baton_assist_route(const struct baton_policy *policy,
					     enum baton_purpose purpose);
struct baton_run *baton_run_new(const struct baton_run_start *start);
void baton_run_free(struct baton_run **run);
/* For operators: what the run does now. Static. */
const char *baton_run_step_name(const struct baton_run *run);

/* Runs steps until one waits or the run is done; look at run->done afterwards. Called to start,
 * when the wait is over, and after each of the heard functions below. */
void baton_run_go(struct baton_run *run);

/* What came for the run's ticket; the caller has checked that the ticket is run->ticket. Each only
 * records; then call baton_run_go(). */
void baton_run_heard_intents(struct baton_run *run, const baton_intents *intents);
void baton_run_heard_result(struct baton_run *run, const baton_tool_result *result);
void baton_run_heard_docs(struct baton_run *run, const baton_doc *docs, uint32_t n);
void baton_run_heard_delta(struct baton_run *run, uint32_t kind, baton_str data);
/* As a delta of all the text there is: the rules look at it before the customer does. */
void baton_run_heard_whole(struct baton_run *run, baton_str text);
void baton_run_heard_usage(struct baton_run *run, const baton_usage *usage);
void baton_run_heard_end(struct baton_run *run, uint32_t reason);
void baton_run_heard_fail(struct baton_run *run, const baton_error *error);

/* A person took over, or the session ended: asks whoever is working to stop. The run is done. */
void baton_run_cancel(struct baton_run *run, uint32_t why);

/* It waits for its own words to be durable up to here; 0: it does not. */
uint64_t baton_run_awaits(const struct baton_run *run);
/* Something has been begun outside and is not over. */
bool baton_run_owes(const struct baton_run *run);
/* As cancel, for such a run: it goes on as one of PURPOSE_TOOL until that is on record. What it waits
 * for next comes by its timer. */
void baton_run_detach(struct baton_run *run);

/* What the customer has seen of an answer that is not final, for answer_superseded; text.n = 0:
 * nothing. */
struct baton_ev_answer_superseded baton_run_shown(const struct baton_run *run);

/* --- for steps.c --- */
void baton_run_facts(struct baton_run *run, uint32_t stage, baton_facts *ret_facts);
void baton_run_view(struct baton_run *run, baton_turn *ret_turn); /* arrays in the arena */
void baton_run_prompt(struct baton_run *run, const baton_turn *turn, baton_prompt *ret_prompt);
/* A message behind the conversation, for the askings to come: the bot's with `parts_json`, or a
 * tool's with `name` and `tool_call_id`. Copied. */
void run_prompt_add(struct baton_run *run, const baton_msg *msg);
