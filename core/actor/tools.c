/* SPDX-License-Identifier: Apache-2.0 */

/* Calls of tools outside of a turn (core/turn/settle.c): what an agent has approved, what a
 * turn that became void had begun, what a start finds on record without an end. One at a time
 * for a session, and a turn does not begin before it is done: it would ask for what is under
 * way.
 */

#include "core/actor/actor.h"

#include "core/base/assert.h"

bool actor_tools_busy(const struct baton_actor *actor)
{
	return actor->aside->tools.run != NULL;
}

/* Somebody must know that nobody knows: an open turn goes to a person. */
static void hand_over(struct baton_actor *actor)
{
	const struct baton_seam *seam = &actor->shard->seam;
	struct baton_event why = { .type = BATON_EV_ESCALATION_TRIGGERED };

	why.escalation_triggered = (struct baton_ev_escalation_triggered){
		.turn = actor->state->last_message,
		.rule = BATON_STR("core.tool_in_doubt"),
		.reason = BATON_STR("nobody knows whether a call of a tool has had its effect"),
		.priority = 5,
	};
	actor_take(actor, 0,
		   &(struct baton_command){ .verb = BATON_CMD_HAND_OVER,
					    .role = BATON_SELF,
					    .unix_ms = seam->unix_ms(seam->ud),
					    .turn = actor->state->last_message,
					    .epoch = actor->state->epoch,
					    .events = &why,
					    .n_events = 1 });
}

static void ended(struct baton_actor *actor)
{
	const struct baton_seam *seam = &actor->shard->seam;
	bool in_doubt = actor->aside->tools.run->tools.in_doubt;

	seam->timer_stop(seam->ud, actor_key(actor, TIMER_TOOLS));
	baton_run_free(&actor_aside(actor)->tools.run);
	seam->release_unpin(seam->ud, actor->aside->tools.release);
	actor_aside(actor)->tools.release = NULL;
	actor->shard->n_runs--;
	actor_touch(actor);
	if (in_doubt && !actor->failed && actor->state && baton_session_turn_open(actor->state))
		hand_over(actor);
}

void actor_tools_go(struct baton_actor *actor)
{
	baton_assert(!actor->aside->tools.in_run);
	actor_aside(actor)->tools.in_run = true;
	baton_run_go(actor->aside->tools.run);
	actor_aside(actor)->tools.in_run = false;
	if (!actor->aside->tools.run->done)
		return;
	ended(actor);
	actor_tools_start(actor);
	actor_run_start(actor);
}

/* While a turn runs, what it has begun is its own affair. */
void actor_tools_start(struct baton_actor *actor)
{
	const struct baton_seam *seam = &actor->shard->seam;

	if (actor->aside->tools.run || actor->run || actor->failed || actor->shard->draining ||
	    !actor->state || actor->state->erased || !baton_calls_due(&actor->state->calls))
		return;
	actor_aside(actor)->tools.release = seam->release_pin(seam->ud, &actor->id);
	actor->shard->n_runs++;
	actor_aside(actor)->tools.run = baton_run_new(&(struct baton_run_start){
		.ops = &actor_run_ops,
		.ud = actor,
		.session = actor->state,
		.release = actor->aside->tools.release,
		.policy = seam->policy(seam->ud, actor->aside->tools.release),
		.release_number = seam->release_number(seam->ud, actor->aside->tools.release),
		.purpose = BATON_PURPOSE_TOOL,
	});
	actor_tools_go(actor);
}

/* From the turn that became void. */
void actor_tools_adopt(struct baton_actor *actor)
{
	const struct baton_seam *seam = &actor->shard->seam;

	baton_assert(!actor->aside->tools.run);
	seam->timer_stop(seam->ud, actor_key(actor, TIMER_RUN));
	actor_aside(actor)->tools.run = actor->run;
	actor_aside(actor)->tools.release = actor->release;
	actor->run = NULL;
	actor->release = NULL;
	baton_run_detach(actor->aside->tools.run);
}

void actor_tools_cancel(struct baton_actor *actor)
{
	if (!actor->aside->tools.run)
		return;
	baton_run_cancel(actor->aside->tools.run, BATON_CANCEL_SHUTDOWN);
	if (!actor->aside->tools.in_run)
		ended(actor);
}
