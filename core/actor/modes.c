/* SPDX-License-Identifier: Apache-2.0 */

/* Degraded modes and sessions: who is told of one, and what goes on when it is over. What a turn
 * does in a mode is in core/turn. */

#include "core/actor/actor.h"

#include "core/base/errors.h"
#include "core/turn/mode_event.h"

#include <string.h>

/* The mode that concerns what the customer last talked about, as the live policies say. */
struct now_on {
	bool on;
	struct baton_mode_view view;
	bool targets_back; /* the route's primary answers again */
	bool in_drill;     /* what it waits for was made by a drill, and ends with it */
};

static void look(const struct baton_actor *actor, const struct baton_policy *policy,
		 struct now_on *ret)
{
	const struct baton_seam *seam = &actor->shard->seam;
	const struct baton_route *route =
		baton_policy_route(policy, baton_str_of(actor->state->intent));
	baton_facts facts = { .size = sizeof(facts) };
	struct baton_now now;

	*ret = (struct now_on){ 0 };
	if (!route)
		return;
	struct baton_board *board = seam->board(seam->ud, &now);
	ret->on = baton_board_mode(board, now, policy, route, &ret->view);
	baton_board_facts(board, now, policy, route, &facts);
	ret->in_drill = baton_board_in_drill(board, now, &actor->id,
					     strcmp(actor->state->channel, "drill") == 0);
	seam->board_done(seam->ud);
	ret->targets_back = route->primary && baton_str_is(facts.primary_state, "closed");
}

static void tell_mode(struct baton_actor *actor, const struct baton_event *event)
{
	struct baton_command command = { .verb = BATON_CMD_MODE,
					 .role = BATON_SELF,
					 .unix_ms =
						 actor->shard->seam.unix_ms(actor->shard->seam.ud),
					 .events = event,
					 .n_events = 1 };

	actor_take(actor, 0, &command);
}

/* At most one of the two: who leaves one mode for another hears of the new one alone. */
static void follow_mode(struct baton_actor *actor, const struct baton_policy *policy,
			uint64_t release)
{
	struct now_on now;
	struct baton_event event;

	look(actor, policy, &now);
	const char *name = now.on ? now.view.mode->name : "";
	if (strcmp(name, actor->state->mode) == 0)
		return;
	if (now.on)
		baton_mode_entered_event(&now.view, release, &event);
	else
		baton_mode_left_event(actor->state->mode, &event);
	tell_mode(actor, &event);
}

static bool is_with_bot(const struct baton_actor *actor)
{
	return actor->state && !actor->failed && actor->state->seq > 0 && !actor->state->erased &&
	       !actor->state->resolved;
}

void baton_shard_modes_changed(struct baton_shard *shard)
{
	const struct baton_seam *seam = &shard->seam;
	struct baton_release *release = seam->release_pin(seam->ud, NULL);
	struct baton_actor *actor, *after;

	ACTOR_EACH(shard, i, actor, after)
	if (actor->n_subscribers > 0 && actor_load(actor) == BATON_OK && is_with_bot(actor))
		follow_mode(actor, seam->policy(seam->ud, release),
			    seam->release_number(seam->ud, release));
	seam->release_unpin(seam->ud, release);
}

/* The word for decide(): what came back, "expired", or "" for: wait on. */
static const char *what_came_back(const struct baton_actor *actor, const struct now_on *now)
{
	const char *resumes = actor->state->resumes;

	if (now->in_drill)
		return "";
	if (strcmp(resumes, "targets") == 0)
		return now->targets_back ? "targets" : "";
	bool same = now->on && strncmp(resumes, "mode:", 5) == 0 &&
		    strcmp(resumes + 5, now->view.mode->name) == 0;
	if (!same)
		return resumes; /* a mode that follows it is met by the turn itself */
	bool kept = actor->state->owner == BATON_OWNER_BOT;
	return kept && now->view.what != BATON_MODE_PAUSE ? "expired" : "";
}

static void resume(struct baton_actor *actor)
{
	const struct baton_seam *seam = &actor->shard->seam;
	struct baton_release *release = seam->release_pin(seam->ud, &actor->id);
	struct now_on now;

	look(actor, seam->policy(seam->ud, release), &now);
	baton_str came_back = baton_str_of(what_came_back(actor, &now));
	struct baton_command command = { .verb = BATON_CMD_RESUME,
					 .role = BATON_SELF,
					 .unix_ms = seam->unix_ms(seam->ud),
					 .value = came_back };
	if (came_back.n > 0 && actor_take(actor, 0, &command) == BATON_OK)
		follow_mode(actor, seam->policy(seam->ud, release),
			    seam->release_number(seam->ud, release));
	seam->release_unpin(seam->ud, release);
}

void baton_shard_resume(struct baton_shard *shard, const struct baton_id *session)
{
	struct baton_actor *actor = actor_get(shard, session);

	if (!shard->draining && !actor->failed && actor_load(actor) == BATON_OK &&
	    actor->state->resumes[0])
		resume(actor);
	actor_touch(actor);
	actor_run_start(actor);
	if (!actor->state)
		actor_cool(actor);
}
