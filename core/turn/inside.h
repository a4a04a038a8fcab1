/* SPDX-License-Identifier: Apache-2.0 */

/* Shared by the steps of a turn. Internal to core/turn. */
#pragma once

#include "core/turn/run.h"

static const uint64_t BATON_NS_PER_MS = 1000000;

/* What a step says: go on with another, wait for it (with a deadline), or the run is done. */
struct then {
	enum { GO_ON, WAIT, DONE } verb;
	enum baton_step step;
	uint64_t wait_ms;
};

static inline struct then go_on(enum baton_step step)
{
	return (struct then){ GO_ON, step, 0 };
}

static inline struct then wait_for(enum baton_step step, uint64_t wait_ms)
{
	return (struct then){ WAIT, step, wait_ms };
}

static inline struct then done(void)
{
	return (struct then){ DONE, BATON_STEP_COUNT, 0 };
}

static inline uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* --- outcome.c: notes, and how a turn ends --- */

uint64_t run_left_ms(const struct baton_run *run);
/* The wait of this step has used up its time. */
bool run_clock_ran_out(const struct baton_run *run);
/* A fresh event of the turn, written with the outcome or by run_flush_notes(). */
struct baton_event *run_note(struct baton_run *run, enum baton_event_type type);
int run_flush_notes(struct baton_run *run);
/* Room for what one step may note; false if the session refuses us by now. */
bool run_room_for_notes(struct baton_run *run);
/* The bytes, in the run's arena; the buffer is emptied. */
baton_str run_keep_buf(struct baton_run *run, struct baton_buf *buf);
/* The parts as one text, in the run's arena. */
baton_str run_join(struct baton_run *run, const baton_str *parts, size_t n);
baton_str run_queue(const struct baton_run *run);
/* Lets go of whoever is working for the run. */
void run_give_up_waiting(struct baton_run *run);
struct then run_hand_over(struct baton_run *run, const char *rule, const char *reason);
/* The same, and automation may go on with it once `resumes` has come true. */
struct then run_hand_over_for_now(struct baton_run *run, const char *rule, const char *reason,
				  baton_str resumes);
/* What the declared mode does with this message. */
struct then run_obey_mode(struct baton_run *run);
void run_note_mode(struct baton_run *run);
void run_note_withdrawn(struct baton_run *run);
struct then step_answer(struct baton_run *run);
struct then step_draft(struct baton_run *run);
struct then step_capture(struct baton_run *run);
struct then step_hand_over(struct baton_run *run);

/* --- steps.c --- */

/* A guard or verifier that the class cannot do without; NULL: all are there. */
const char *run_missing_module(struct baton_run *run);

/* --- sources.c: what was found, and what the answer rests on --- */

/* What a retriever is asked to leave out; empty: nothing. */
baton_str run_filter_json(const struct baton_run *run);
/* False: an article for agents only, and this run answers a customer. */
bool run_may_show(const struct baton_run *run, const baton_doc *doc);
/* What the search found, as in sources_retrieved. */
baton_str run_docs_json(struct baton_run *run);
/* How many articles that the answer rests on are past their date. */
uint32_t run_stale(const struct baton_run *run);

/* --- object.c: an answer that must not be sent as it is --- */

/* A guard has hit, or Baton itself objects: on record, a fact for rules (policy_hit, guard_rule), and
 * no further word is shown. There is room for a note. */
void run_objected(struct baton_run *run, const struct baton_ev_guard_hit *hit);
/* Behind the rules: none of them has made a draft or a hand-over of it. */
bool run_must_not_send(const struct baton_run *run);
struct then run_blocked(struct baton_run *run);

/* --- assist.c: help for agents --- */

struct then step_assist(struct baton_run *run);
struct then step_assisted(struct baton_run *run);
/* No model helps: a write-up is made without one, a suggestion is refused with `code`. `why` is
 * static or in the run's arena. */
struct then run_assist_failed(struct baton_run *run, const char *why, int code);
struct then run_assist_nobody_left(struct baton_run *run);
/* Writes at most turn->n_msgs + 2 messages; returns how many. */
size_t run_assist_messages(struct baton_run *run, const baton_turn *turn, baton_msg *msgs);

/* --- prompt.c --- */

/* Bytes that a prompt for the chosen target may have, at four a token. */
size_t run_prompt_room(const struct baton_run *run);
/* The system prompt of this name, as the chosen target is told it; `otherwise` if the set has none.
 * Sets run->prompt. */
baton_str run_prompt_words(struct baton_run *run, const char *name, const char *otherwise);
/* What the search found, each passage between fences, as far as `room` goes; 0: nothing was added. */
size_t run_prompt_docs(struct baton_run *run, uint64_t number, size_t room, struct baton_buf *out);

/* --- known.c: what tools said in earlier turns --- */

/* Between fences, as far as `room` goes; returns how much of it is used. */
size_t run_known_show(struct baton_run *run, uint64_t number, size_t room, struct baton_buf *out);
/* A tool of this name has said something there. */
bool run_known_from(const struct baton_run *run, baton_str tool);

/* --- facts.c --- */

/* What the open messages speak of, once the intent is known. */
void run_find_topics(struct baton_run *run);
/* Of the question: what the route says, or what a rule has raised it to. 0: not routed. */
unsigned run_tier(const struct baton_run *run);
/* The newest attempt that failed, or NULL. */
const struct baton_attempt *run_last_failure(const struct baton_run *run);

/* --- run.c --- */

/* The rest of an answer that is being shown. */
void run_say_all(struct baton_run *run);
/* A blank that was held back because a mark might follow is a blank after all. */
void run_say_blank(struct baton_run *run);

/* --- attempt.c: asking a target, hearing it, and what follows when it fails --- */

struct then step_ask(struct baton_run *run);
struct then step_hear(struct baton_run *run);
/* Tells the board how the attempt ended; gives its lease back. `cancelled`: for reasons that are
 * not the target's. Nothing happens if no lease is held. */
void run_settle(struct baton_run *run, bool answered, bool cancelled);
/* The board's view of the route, into facts for rules; returns the time, unix ms. */
uint64_t run_board_facts(const struct baton_run *run, baton_facts *facts);
/* What the attempt cost by the prices of its target, if the provider does not say. */
uint64_t run_cost_microusd(const struct baton_run *run);

/* --- tools.c: what models ask for, and whether they get it --- */

/* One whole call, as BATON_DELTA_TOOL_CALL brings it. */
void run_tool_wanted(struct baton_run *run, baton_str json);
/* The attempt has ended and wants tools. */
struct then run_tools_asked(struct baton_run *run);
struct then step_look_up(struct baton_run *run);
struct then step_tools(struct baton_run *run);
/* Bytes [begin, end) of the answer are `n` others now. */
void run_tools_moved(struct baton_run *run, size_t begin, size_t end, size_t n);
/* The target that was chosen may ask for tools. */
bool run_tools_offered(const struct baton_run *run);
/* The next target is asked within a turn that has called tools; NULL: none was. */
const struct baton_target *run_tools_again(const struct baton_run *run);
/* Attempts that failed, for the board: rounds of tools are no tries. */
size_t run_failed_attempts(const struct baton_run *run, struct baton_attempt *to);

/* --- call.c: one call, from the record to its end --- */

/* Records that it is made, makes it when that is durable, records the end, and goes on with `back`. */
struct then run_call(struct baton_run *run, struct baton_run_call *call, enum baton_step back);
/* The same for one that is on record. */
struct then run_call_again(struct baton_run *run, struct baton_run_call *call,
			   enum baton_step back);
/* Records that it is called and over, and asks nobody. */
struct then run_call_void(struct baton_run *run, struct baton_run_call *call, const char *code,
			  enum baton_step back);
/* Records the end of one that is on record, and asks nobody. */
struct then run_call_over(struct baton_run *run, struct baton_run_call *call, const char *code,
			  enum baton_step back);
struct then step_call(struct baton_run *run);
struct then step_called(struct baton_run *run);
/* {"error":"..."} for the model. */
baton_str run_call_error(struct baton_run *run, const char *code, const char *why);

/* --- settle.c --- */
struct then step_settle(struct baton_run *run);

/* --- move.c: beginning again on the live release --- */

/* Something has failed: may the turn begin again? */
bool run_may_move(const struct baton_run *run);
/* Does so. `reason` is static, or lives as long as the process. */
struct then run_move(struct baton_run *run, const char *reason);

/* --- fault.c: what a drill does to an attempt --- */

/* True if the fault ends or replaces the attempt before the provider is asked. */
bool run_fault_at_start(struct baton_run *run);
/* True if this delta must not be heard any more. */
bool run_fault_at_delta(struct baton_run *run);
