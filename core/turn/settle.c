/* SPDX-License-Identifier: Apache-2.0 */

/* Calls outside of a turn: those that an agent has approved, and those that are on record
 * without an end, because the server was stopped or a person took over. Nobody is shown
 * anything; the events are all there is to it. A turn of this session begins when it is done.
 */

#include "core/turn/inside.h"

#include "core/policy/json_schema.h"

static struct baton_run_call *next_call(struct baton_run *run)
{
	run->deadline_ns = run->ops->now_ns(run->ud) + BATON_TURN_TOTAL_MS * BATON_NS_PER_MS;
	memset(&run->calls[0], 0, sizeof(run->calls[0]));
	return &run->calls[0];
}

static baton_str keep(struct baton_run *run, baton_str s)
{
	return (baton_str){ baton_arena_dup(&run->arena, s.n ? s.p : "", s.n), s.n };
}

/* What only looked up is over. What wrote is asked again if twice is once; of the rest nobody
 * knows. */
static struct then settle(struct baton_run *run, const struct baton_called *pending)
{
	struct baton_run_call *call = next_call(run);

	run->turn = pending->turn;
	call->tool = baton_policy_tool(run->policy, pending->tool);
	call->id = keep(run, baton_str_of(pending->call));
	call->name = keep(run, pending->tool);
	call->arguments = keep(run, pending->arguments);
	call->key = keep(run, baton_str_of(pending->key));
	call->proposal = pending->proposal;
	if (!pending->writes)
		return run_call_over(run, call, "interrupted", BATON_STEP_SETTLE);
	if (call->tool && call->tool->writes && call->tool->idempotent)
		return run_call_again(run, call, BATON_STEP_SETTLE);
	return run_call_over(run, call, "in_doubt", BATON_STEP_SETTLE);
}

/* As it was shown to the agent, if the policies still know such a tool. */
static struct then perform(struct baton_run *run, const struct baton_proposed *approved)
{
	struct baton_run_call *call = next_call(run);
	static const struct baton_tool_def gone = { .title = "",
						    .result_json = "",
						    .writes = true };
	char why[200];

	run->turn = 0;
	call->id = keep(run, baton_str_of(approved->call));
	call->name = keep(run, approved->tool);
	call->arguments = keep(run, approved->arguments);
	call->key = keep(run, baton_str_of(approved->key));
	call->proposal = approved->seq;
	call->tool = baton_policy_tool(run->policy, approved->tool);
	if (call->tool &&
	    baton_json_schema_fits(baton_str_of(call->tool->schema_json), call->arguments,
				   "arguments", why, sizeof(why)) == 0)
		return run_call(run, call, BATON_STEP_SETTLE);
	call->tool = &gone;
	return run_call_void(run, call, "unknown_tool", BATON_STEP_SETTLE);
}

struct then step_settle(struct baton_run *run)
{
	const struct baton_calls *calls = &run->session->calls;
	const struct baton_called *pending = baton_calls_pending(calls);
	const struct baton_proposed *approved = baton_calls_approved(calls);

	if (pending)
		return settle(run, pending);
	if (approved && !run->detached)
		return perform(run, approved);
	return done();
}
