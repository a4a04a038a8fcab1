/* SPDX-License-Identifier: Apache-2.0 */

/* People and a session: who may take or get a case, whether its customer is there, and what
 * somebody who waits is told of the queue.
 *
 * The place comes from the desk and is kept here: tabs come and go, and the desk knows none of
 * them. It is nobody's promise: when the case leaves the queue it is forgotten.
 */

#include "core/actor/actor.h"

#include "core/base/errors.h"

static int may_claim(const struct baton_session *state, const struct baton_policy *policy,
		     const struct baton_command *command)
{
	baton_str queue = baton_str_of(state->queue);

	if (command->role != BATON_AGENT || state->owner != BATON_OWNER_QUEUE ||
	    baton_str_is(command->agent, state->to_agent))
		return BATON_OK;
	/* A queue that the policies do not have any more is everybody's. */
	if (!baton_policy_queue(policy, queue))
		return BATON_OK;
	return baton_agent_serves(policy, command->agent, queue) ? BATON_OK : BATON_E_DENIED;
}

static int may_transfer(const struct baton_policy *policy, const struct baton_command *command)
{
	if (command->value.n > 0 && !baton_policy_queue(policy, command->value))
		return BATON_E_INVAL;
	if (command->to_agent.n > 0 && !baton_policy_agent(policy, command->to_agent))
		return BATON_E_INVAL;
	return BATON_OK;
}

int people_may(const struct baton_actor *actor, const struct baton_policy *policy,
	       const struct baton_command *command)
{
	if (command->verb == BATON_CMD_CLAIM)
		return may_claim(actor->state, policy, command);
	if (command->verb == BATON_CMD_TRANSFER)
		return may_transfer(policy, command);
	return BATON_OK;
}

/* --- is the customer there? --- */

bool people_present(const struct baton_actor *actor)
{
	for (size_t i = 0; i < actor->n_subscribers; i++)
		if (actor->subscribers[i].audience == BATON_AUDIENCE_CUSTOMER)
			return true;
	return false;
}

/* The last connection of the customer has gone, or the first has come. The desk is told of open
 * cases only; of one that has left memory we know whether it is open. */
void people_presence(struct baton_actor *actor, bool was_present)
{
	if (people_present(actor) == was_present)
		return;
	if (!actor->state && (!actor->had_case || actor_load(actor) < 0))
		return;
	if (actor->state->owner != BATON_OWNER_BOT)
		tell_desk_soon(actor);
}

/* --- the place in the queue --- */

static void tell_place(struct baton_actor *actor, baton_conn conn)
{
	struct baton_notice *notice = baton_notice_new(BATON_NOTE_PLACE, &actor->id);

	notice->place = *actor->place;
	tell_one(actor, conn, notice);
}

static bool waits(const struct baton_actor *actor)
{
	return !actor->state || (actor->state->owner == BATON_OWNER_QUEUE && !actor->state->erased);
}

void people_tell_place(struct baton_actor *actor, const struct subscriber *subscriber)
{
	if (!waits(actor))
		actor->has_place = false;
	if (actor->has_place && subscriber->live && subscriber->audience == BATON_AUDIENCE_CUSTOMER)
		tell_place(actor, subscriber->conn);
}

static bool same_place(const struct baton_queue_place *a, const struct baton_queue_place *b)
{
	return a->position == b->position && a->waiting == b->waiting && a->wait_ms == b->wait_ms &&
	       a->agents == b->agents && a->open == b->open && a->opens_ms == b->opens_ms;
}

void baton_shard_place(struct baton_shard *shard, const struct baton_id *session,
		       const struct baton_queue_place *place)
{
	struct baton_actor *actor = actor_get(shard, session);
	bool changed = !actor->has_place || !same_place(actor->place, place);

	actor->has_place = waits(actor);
	if (!actor->place)
		actor->place = baton_new_lasting(struct baton_queue_place);
	*actor->place = *place;
	for (size_t i = 0; changed && actor->has_place && i < actor->n_subscribers; i++)
		people_tell_place(actor, &actor->subscribers[i]);
	if (!actor->state)
		actor_cool(actor);
}
