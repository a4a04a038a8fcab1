/* SPDX-License-Identifier: Apache-2.0 */

/* A plan: what the bot means to do, written down before it does anything (`plan: true` of a route).
 *
 * A target is asked for it first, in JSON and with at most six steps; a provider without a model has
 * the plan that the route's look-ups are. It is an event, so that agents and replays see it; it
 * stands in the prompt; and a tool that is not in it is not called. A model changes it by calling
 * `update_plan`, which makes a new version. A plan that cannot be read means a turn without tools.
 */
#pragma once

#include "core/base/limits.h"
#include "core/base/mem.h"
#include "core/base/buf.h"

struct baton_run;
struct baton_route;

#define BATON_PLAN_TOOL "update_plan"
enum { BATON_PLAN_VERSIONS_MAX = 4, BATON_PLAN_WORDS_MAX = 300 };

struct baton_plan_step {
	baton_str what, tool; /* tool "": none is needed */
};
struct baton_plan {
	unsigned version; /* 0: there is none */
	size_t n;
	struct baton_plan_step steps[BATON_PLAN_STEPS_MAX];
};

/* Reads {"steps":[{"do","tool"?}]}, which may stand among other words. NULL, or why it is no plan
 * (then *ret_plan is as it was): "no_json", "no_steps", "too_many_steps", "bad_step",
 * "unknown_tool". Strings are made in `arena`. Pure. */
const char *baton_plan_parse(baton_str text, const struct baton_route *route,
			     struct baton_arena *arena, struct baton_plan *ret_plan);
/* [{"do","tool"?}] */
void baton_plan_json(const struct baton_plan *plan, struct baton_buf *out);

/* --- for the turn --- */

/* The route asks for a plan, and there is none yet. */
bool run_plan_wanted(const struct baton_run *run);
/* The plan of a provider that needs no asking: the declared look-ups. There is room for a note. */
void run_plan_of_policy(struct baton_run *run);
/* The target's answer to being asked for one is whole: notes plan_made, empties the answer. There is
 * room for a note. */
void run_plan_heard(struct baton_run *run);
/* What a target is told when it is asked for a plan, behind the set's own words. */
void run_plan_ask(const struct baton_run *run, struct baton_buf *out);
extern const char run_plan_words[]; /* where the set has no prompts/plan.md */
/* The plan, between fences; nothing if there is none. */
void run_plan_show(const struct baton_run *run, uint64_t number, struct baton_buf *out);

/* May this tool be called? Also `update_plan` itself, where there is a plan. */
bool run_plan_allows(const struct baton_run *run, baton_str tool);
/* `update_plan`, as an element of tools_json. */
void run_plan_tool_json(const struct baton_run *run, struct baton_buf *out);
/* A model has called it: notes plan_made and writes what the model is told. There is room for a
 * note. */
void run_plan_update(struct baton_run *run, baton_str arguments, struct baton_buf *out);
