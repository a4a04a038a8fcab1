/* SPDX-License-Identifier: Apache-2.0 */

/* The board: what is known of every target, account, route and mode, and the choice that follows.
 *
 * One board per server, for all releases: names keep their state when policies change. It knows
 * what happened to calls (health.h), what turns came to (tally.h), which degraded modes are on (modes.h),
 * what a drill pretends (drill.h) and what money is left (money.h), and answers one question:
 * who is asked next?
 *
 * Pure: time comes in, nothing blocks. Not thread-safe: the host gives one thread at a time the
 * board (core/actor/seam.h). Everything here is short: a choice costs about a microsecond.
 */
#pragma once

#include "core/policy/policy.h"
#include "core/route/drill.h"
#include "core/route/route.h"
#include "core/route/tool_tally.h"
#include "core/route/triggers.h"

struct baton_board;

/* Both clocks: `ms` never jumps and measures; `unix_ms` says which day it is and what people read. */
struct baton_now {
	uint64_t ms, unix_ms;
};

/* Something that operators, the operations log and open conversations hear of. Strings live during
 * the call. */
enum baton_happening_type {
	BATON_HAPPENED_TARGET,      /* `subject` changed from `was` to `is`: the states of health.h */
	BATON_HAPPENED_ACCOUNT,     /* the same for an account: open, closed */
	BATON_HAPPENED_MODE_ON,     /* mode `subject`, because of `trigger` */
	BATON_HAPPENED_MODE_OFF,    /* `is` = why it ended: recovered, expired, left */
	BATON_HAPPENED_ALERT_ON,    /* `detail` = the values, JSON */
	BATON_HAPPENED_ALERT_OFF,
	BATON_HAPPENED_BUDGET,      /* `subject` = whose; `is` = exhausted, renewed */
	BATON_HAPPENED_DRILL_ON,
	BATON_HAPPENED_DRILL_OFF
};
struct baton_happening {
	enum baton_happening_type type;
	enum baton_trigger trigger;
	const char *subject, *was, *is, *by; /* by: an admin's name, "" Baton itself */
	const char *detail;                  /* JSON or "" */
	uint64_t unix_ms;
};
/* Called inside board functions, with the board held: copy, post, return. */
typedef void baton_board_happened(void *ud, const struct baton_happening *happening);

struct baton_board *baton_board_new(baton_board_happened *happened, void *ud);
void baton_board_free(struct baton_board **board);

/* Makes room for what the policy declares. State under the same name stays; a name that no adopted
 * policy has any more is forgotten when nothing refers to it. The policy must live until the next
 * adopt. */
void baton_board_adopt(struct baton_board *board, struct baton_now now,
		       const struct baton_policy *policy);

/* --- a turn asks (all with the policy and the route of its own release) --- */

struct baton_ask {
	const struct baton_policy *policy;
	const struct baton_route *route;
	const baton_facts *facts; /* for the route's switches */
	const struct baton_id *session; /* decides whether a drill concerns it */
	const struct baton_attempt *past; /* that failed */
	size_t n_past;
	const struct baton_target *again; /* whose tools have answered: it goes on if it can; NULL */
	bool whole; /* what a target has half said is not gone on with by another */
	uint64_t left_ms;         /* of the turn's total time */
	uint64_t random;
	uint64_t spent_microusd;  /* by earlier attempts of this turn */
	uint64_t in_tokens;       /* estimate for the prompt: 1 per 4 bytes */
	uint64_t least_tokens;    /* what is left when all is cut that can be; 0: nothing can be */
	unsigned asks;            /* calls that this attempt makes at most; 0: one */
	bool labelled;            /* the session was opened by a drill */
	const char *use;          /* a mode's substitute by name, NULL: the route's own */
};

/* route.h has struct baton_choice. True: ask choice->target after choice->delay_ms; a lease is held
 * (a place, money, perhaps the breaker's one probe) until baton_board_settle(). False: nobody is asked;
 * choice->trigger and choice->skipped say why. */
bool baton_board_next(struct baton_board *board, struct baton_now now, const struct baton_ask *ask,
		      struct baton_choice *ret_choice);

/* How a call ended. */
struct baton_outcome {
	bool answered;           /* semantically complete: the only success there is */
	bool cancelled;          /* by us, for reasons that are not the target's: neutral */
	uint32_t fail, scope;    /* BATON_FAIL_*, BATON_SCOPE_*; if neither answered nor cancelled */
	uint32_t retry_after_ms;
	uint64_t until_unix_ms;  /* when the provider says a block ends, 0 unknown */
	uint64_t first_token_ms, total_ms; /* 0: never came to it */
	uint64_t out_tokens;
	uint64_t cost_microusd;  /* what the provider bills */
};
void baton_board_settle(struct baton_board *board, struct baton_now now, uint64_t lease,
			const struct baton_outcome *outcome);

/* A target that wants its one probe and that no question has probed for a second: whoever is told of
 * it asks it for a word and settles the lease. So a target that works again is found out while
 * everybody waits for it and nobody asks. False: there is none, or a drill is running. */
struct baton_probe_order {
	const struct baton_target *target; /* of `policy` */
	uint64_t lease;
};
bool baton_board_probe(struct baton_board *board, struct baton_now now,
		       const struct baton_policy *policy, struct baton_probe_order *ret_order);

/* What the turn came to, for the tallies. */
struct baton_turn_report {
	const char *intent, *class_name;
	bool answered, drafted, handed_over, captured;
	bool degraded;      /* a mode was on or a substitute answered */
	bool low_confidence, retrieval_empty, stale;
	uint32_t tool_calls, tool_errors;
	uint64_t total_ms, first_token_ms;
};
void baton_board_report(struct baton_board *board, struct baton_now now,
			const struct baton_turn_report *report);
/* A call of a tool is over; see tool_tally.h. */
void baton_board_tool(struct baton_board *board, baton_str name, enum baton_tool_end end,
		      uint64_t us);
/* An agent reviewed a draft of this intent ("accepted", "edited", "rejected"), or a customer gave
 * feedback ("up", "down"). */
/* A person has decided about a draft: what that says of the intent and of who wrote it. */
struct baton_review {
	const char *intent, *target; /* target "": a template, or not known */
	baton_str action;            /* accepted, edited, rejected */
	uint32_t edit_ppm;
};
void baton_board_reviewed(struct baton_board *board, struct baton_now now,
			  const struct baton_review *review);
void baton_board_judged(struct baton_board *board, struct baton_now now, const char *intent,
			baton_str what);

/* Facts about the route's primary, the mode in force and the tallies, into the ABI's facts. */
void baton_board_facts(struct baton_board *board, struct baton_now now,
		       const struct baton_policy *policy, const struct baton_route *route,
		       baton_facts *facts);

/* The mode that concerns this route now; false: none. Strings and `mode` are the policy's; a mode
 * that the turn's own policy does not declare does not concern it. */
struct baton_mode_view {
	const struct baton_mode_def *mode;
	enum baton_mode_do what; /* may be INTAKE after an expiry, whatever the mode says */
	uint64_t since_unix_ms, until_unix_ms;
	enum baton_trigger trigger;
};
bool baton_board_mode(struct baton_board *board, struct baton_now now,
		      const struct baton_policy *policy, const struct baton_route *route,
		      struct baton_mode_view *ret_view);

/* --- the host --- */

/* Four times a second: modes enter, leave and expire; the alert; lost leases; drills that run out. */
void baton_board_tick(struct baton_board *board, struct baton_now now);
/* What the desk looks like. */
void baton_board_desk(struct baton_board *board, uint32_t waiting, uint64_t oldest_wait_ms,
		      uint32_t agents_free);

/* State as JSON, to be kept in the journal and read back after a restart: breakers, cool-downs,
 * closed accounts, switched-off targets, the day's money, modes. dirty() says that it changed. A
 * text that cannot be read is BATON_E_JSON or _SCHEMA and changes nothing. */
bool baton_board_dirty(const struct baton_board *board);
void baton_board_save(struct baton_board *board, struct baton_now now, struct baton_buf *out);
int baton_board_load(struct baton_board *board, struct baton_now now, baton_str json);

/* For people: one JSON object with targets, accounts, routes, modes, budgets, drills. */
void baton_board_json(struct baton_board *board, struct baton_now now, struct baton_buf *out);
/* Prometheus text: series with labels target, account, mode, intent. */
void baton_board_metrics(struct baton_board *board, struct baton_now now, struct baton_buf *out);

/* --- admins. `by` and `why` are recorded. 0, BATON_E_NOTFOUND (no such name), BATON_E_STATE. --- */
struct baton_admin {
	const char *by, *why;
};
int baton_board_target_disable(struct baton_board *board, struct baton_now now, const char *target,
			       const struct baton_admin *admin);
/* Also closes its breaker and ends its cool-down; opens its account again. */
int baton_board_target_enable(struct baton_board *board, struct baton_now now, const char *target,
			      const struct baton_admin *admin);
/* `for_ms` 0: the mode's own maximum; never longer than that. */
int baton_board_mode_enter(struct baton_board *board, struct baton_now now, const char *mode,
			   uint64_t for_ms, const struct baton_admin *admin);
int baton_board_mode_leave(struct baton_board *board, struct baton_now now, const char *mode,
			   const struct baton_admin *admin);
/* A class without anybody left to ask met its own mode: enters it (trigger ALL_DOWN) if it is off. */
void baton_board_mode_met(struct baton_board *board, struct baton_now now,
			  const struct baton_mode_def *mode);

/* Does a fault that a drill puts in the way of some concern the session just now? What it waits for
 * because of it comes back when the fault ends. `labelled`: see struct baton_ask. */
bool baton_board_in_drill(const struct baton_board *board, struct baton_now now,
			  const struct baton_id *session, bool labelled);
int baton_board_drill_start(struct baton_board *board, struct baton_now now,
			    const struct baton_drill *drill, const struct baton_admin *admin);
int baton_board_drill_stop(struct baton_board *board, struct baton_now now, const char *name,
			   const struct baton_admin *admin);
