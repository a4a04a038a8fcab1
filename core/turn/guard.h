/* SPDX-License-Identifier: Apache-2.0 */

/* Guards in a turn: what people wrote, what was found and what tools brought is looked at and
 * veiled before anybody outside sees it; what a model says, before the customer does. The
 * guards find, what follows is decided here. Internal to core/turn.
 *
 * Fail closed: where a guard that is not `open` cannot answer, nobody outside is asked and a
 * person gets the conversation (core.guard_failed).
 */
#pragma once

#include "core/turn/veil.h"

struct baton_run;
struct baton_line;
struct then;

enum {
	BATON_GUARD_EXCERPT_MAX = 200,
	BATON_GUARD_PENDING_MAX = 8, /* hits in a growing answer, until a step notes them */
	BATON_GUARD_NOTES_MAX = 16   /* of one turn; more say nothing new */
};

/* --- before anybody is asked --- */

/* Everything said so far is looked at. False: run_guard_refused() says what becomes of the
 * turn. There may be notes. */
bool run_guard_lines(struct baton_run *run);
/* What was found: passages that do not pass are left out, the others are veiled. */
bool run_guard_docs(struct baton_run *run);
struct then run_guard_refused(struct baton_run *run);
/* Nobody outside may be asked any more. */
bool run_guard_down(const struct baton_run *run);
/* Words of this conversation are taken for instructions to the model: in this turn, or in what
 * is still shown of earlier ones. */
bool run_guard_suspects(const struct baton_run *run);

/* The line as modules are shown it; it is looked at if it has not been yet. */
baton_str run_veiled_line(struct baton_run *run, const struct baton_line *line);
/* The text with all that is known of the conversation veiled: for what is built of it. */
baton_str run_veiled(struct baton_run *run, baton_str text);
/* JSON for a model (the result of a tool, a case package), veiled; where it does not pass, JSON
 * that says so. `at`: BATON_AT_*; `subject` for the record, "" keeps it off the record. */
baton_str run_veiled_json(struct baton_run *run, uint32_t at, baton_str json, baton_str subject);
/* Arguments that a model wants a tool to be given: placeholders of the kinds that it reveals
 * are turned back. False: they do not pass. */
struct baton_tool_def;
bool run_guard_args(struct baton_run *run, const struct baton_tool_def *tool, baton_str args,
		    baton_str *ret_args);

/* --- the answer --- */

/* A piece of the model's text with placeholders turned back: `text` itself if there are none to turn
 * back, else a view of `room`, which is empty and the caller's. */
baton_str run_turn_back(struct baton_run *run, baton_str text, struct baton_buf *room);
void run_turn_back_end(struct baton_run *run, struct baton_buf *out);
/* The answer has grown: what may be shown of it, in bytes. May change what has not been shown. */
size_t run_guard_grown(struct baton_run *run);
/* Hits in a growing answer become notes, and what was shown of it is withdrawn. There is room. */
void run_guard_settle(struct baton_run *run);
bool run_guard_pending(const struct baton_run *run);
/* It is whole. False: a guard could not look. There is room for notes. */
bool run_guard_whole(struct baton_run *run);
/* Another attempt begins. */
void run_guard_forget(struct baton_run *run, bool proceed);
/* The run begins again on another release. */
void run_guard_moved(struct baton_run *run);
