/* SPDX-License-Identifier: Apache-2.0 */

/* Grounding: what an answer says it rests on is compared with what the search has found. Marks in
 * the text and the citations of a provider are taken alike. Internal to core/turn.
 */
#pragma once

#include "core/base/buf.h"

struct baton_run;

/* A piece of the model's text without marks: `text` itself if it has none, else a view of `room`, which
 * is empty and the caller's. */
baton_str run_ground_text(struct baton_run *run, baton_str text, struct baton_buf *room);
/* The text is over: adds what was held back. */
void run_ground_text_end(struct baton_run *run, struct baton_buf *out);
/* A provider names its sources: a JSON list of objects with an `id`, or of ids. */
void run_ground_citation(struct baton_run *run, baton_str json);
/* Another attempt begins; `proceed`: it goes on with the text there is. */
void run_ground_forget(struct baton_run *run, bool proceed);
/* The answer is whole: its sources, and an objection if they do not hold. There is room for a note. */
void run_ground(struct baton_run *run);
/* True if this article, passage or tool has been shown to the model. */
bool run_ground_found(const struct baton_run *run, baton_str id);
