/* SPDX-License-Identifier: Apache-2.0 */

/* What the files of the report share: a conversation as the report remembers it. */
#pragma once

#include "core/base/table.h"
#include "core/observe/report.h"
#include "core/observe/wordset.h"

enum { REPEAT_WINDOW = 4 /* messages back that a repetition is looked for */ };

enum report_owner { REPORT_BOT, REPORT_QUEUE, REPORT_AGENT };
enum report_outcome { REPORT_NONE, REPORT_ANSWERED, REPORT_DRAFTED, REPORT_PERSON, REPORT_CAPTURED };

/* Where to count what comes later about something that is over: a slice by numbers. */
struct report_place {
	uint16_t intent;
	uint8_t side;
};

/* The turn that is open. */
struct report_turn {
	uint64_t asked_ms; /* unix ms of the oldest message without an outcome, 0: no turn is open */
	uint64_t failed_ms;
	uint32_t attempts, failed, superseded;
	uint64_t failed_cost_microusd;
	bool degraded, restarted, late;
	bool reasoned; /* an escalation said why in words */
};

struct report_session {
	struct baton_id id;
	uint64_t seq, last_message; /* seqs */
	uint16_t intent, target;    /* of the newest turn; target 0xffff: none */
	enum report_owner owner;
	enum report_outcome last_outcome;
	struct report_turn turn;
	struct report_place last, handoff, draft_place;
	uint64_t first_message_ms, held_ms; /* held: a kept or queued message that has no answer yet */
	uint64_t takeover_ms, queued_ms, claimed_ms, resumed_ms;
	uint64_t incident; /* number of the last one it was counted in */
	uint32_t claims, answers_since_resume, handoff_count, reopens;
	uint16_t draft_target;
	bool in_window, past_end /* events behind the window have come */, is_drill;
	bool messages_in_window;
	bool degraded, mode_on, replied, resolved, abandoned, down, trouble, disclosed, spoken,
		spoke_undisclosed;
	bool handoff_full, handoff_repeated, handoff_counted /* within the window */, wants_pickup, resumed;
	bool draft;     /* the bot wrote one in this stretch: a person reads it */
	bool suggested; /* the newest draft is one that an agent asked for */
	uint64_t targets[(BATON_REPORT_TARGETS_MAX + 63) / 64]; /* those that were asked in it */
	struct baton_wordset said[REPEAT_WINDOW];
	uint32_t n_said;
	struct report_session *prev, *next; /* oldest first */
	UT_hash_handle hh;
};

struct baton_report_sessions {
	struct report_session *table, *oldest;
	size_t n;
};

/* One event on its way through. */
struct report_fold {
	struct baton_report *report;
	struct report_session *session;
	const struct baton_event *event;
	bool counts; /* within the window, and not told before */
};

/* Folds the event into the session and counts it. */
void baton_report_fold(struct report_fold *fold);
/* Counts (or with `back` takes back) what is so about the conversation as it stands. */
void baton_report_settle(struct baton_report *report, const struct report_session *session,
			 bool back);

struct baton_slice *baton_report_slice(struct report_fold *fold, struct report_place place);
uint16_t baton_report_intent_of(struct baton_report *report, baton_str name);
uint16_t baton_report_target_of(struct baton_report *report, baton_str name);
/* NULL: not this one. */
struct baton_report_pair *baton_report_pair_of(struct baton_report *report, uint16_t intent,
					       uint16_t target);
struct baton_report_step *baton_report_step_of(struct baton_report *report, uint64_t unix_ms);
