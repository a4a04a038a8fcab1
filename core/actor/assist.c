/* SPDX-License-Identifier: Apache-2.0 */

/* Help for agents at a session: the write-up of a case, and a reply that an agent asked for. One
 * at a time, and never in anybody's way: it begins when the hand-over is on disk and told, comes to
 * nothing when the case changes hands, and is simply gone if the server stops. A write-up that is
 * missing is made again at the case's next change of hands (a claim, mostly).
 */

#include "core/actor/actor.h"

#include "core/base/assert.h"
#include "core/base/errors.h"
#include "core/session/package.h"

/* Of one worker; more than so many hand-overs at once are an outage, not work for a model. */
enum { ASSISTS_MAX = 256, SOON_MS = 1 };

bool actor_assist_busy(const struct baton_actor *actor)
{
	return actor->aside->assist.run || actor->aside->assist.due;
}

static void tell_asker(struct baton_actor *actor, baton_conn *conn, int code)
{
	baton_conn to = *conn;

	*conn = 0;
	if (to != 0)
		tell_refused(actor, &(struct waiter){ .conn = to, .verb_name = "suggest" }, code);
}

void actor_assist_refused(struct baton_actor *actor, int code)
{
	if (actor_assist_busy(actor))
		tell_asker(actor, &actor_aside(actor)->assist.conn, code);
}

static void ended(struct baton_actor *actor)
{
	const struct baton_seam *seam = &actor->shard->seam;

	seam->timer_stop(seam->ud, actor_key(actor, TIMER_ASSIST));
	baton_run_free(&actor_aside(actor)->assist.run);
	seam->release_unpin(seam->ud, actor->aside->assist.release);
	actor_aside(actor)->assist.release = NULL;
	actor_aside(actor)->assist.conn = 0;
	actor->shard->n_assists--;
	actor_touch(actor);
}

static void start_next(struct baton_actor *actor);

void actor_assist_go(struct baton_actor *actor)
{
	baton_assert(!actor->aside->assist.in_run);
	actor_aside(actor)->assist.in_run = true;
	baton_run_go(actor->aside->assist.run);
	actor_aside(actor)->assist.in_run = false;
	if (!actor->aside->assist.run->done)
		return;
	ended(actor);
	start_next(actor);
}

/* A person has the case, or it waits for one, and nothing stands in the way. */
static int may_start(const struct baton_actor *actor)
{
	if (actor->shard->draining)
		return BATON_E_CLOSED;
	if (actor->failed)
		return actor->failed;
	if (!actor->state || actor->state->erased || actor->state->owner == BATON_OWNER_BOT)
		return BATON_E_STATE;
	return actor->shard->n_assists < ASSISTS_MAX ? BATON_OK : BATON_E_AGAIN;
}

static void start(struct baton_actor *actor, enum baton_purpose purpose, baton_str agent,
		  struct baton_package *package)
{
	const struct baton_seam *seam = &actor->shard->seam;
	struct baton_buf json = { NULL, 0, 0 }, words = { NULL, 0, 0 };

	baton_package_json(package, &json);
	baton_package_text(package, &words);
	actor_aside(actor)->assist.release = seam->release_pin(seam->ud, &actor->id);
	actor->shard->n_assists++;
	actor_aside(actor)->assist.run = baton_run_new(&(struct baton_run_start){
		.ops = &actor_run_ops,
		.ud = actor,
		.session = actor->state,
		.release = actor->aside->assist.release,
		.policy = seam->policy(seam->ud, actor->aside->assist.release),
		.release_number = seam->release_number(seam->ud, actor->aside->assist.release),
		.purpose = purpose,
		.asked_by = agent,
		.package = baton_buf_view(&json),
		.in_words = baton_buf_view(&words),
		.about = baton_package_queued(package),
	});
	baton_buf_done(&json);
	baton_buf_done(&words);
	actor_assist_go(actor);
}

/* --- a suggested reply --- */

static int start_suggestion(struct baton_actor *actor, baton_conn conn, baton_str agent)
{
	int rc = may_start(actor);

	/* Nothing to answer: the customer asked for a person without a word. */
	if (rc == BATON_OK && actor->state->last_message == 0)
		rc = BATON_E_STATE;
	if (rc < 0)
		return rc;
	struct baton_package *package = actor_package(actor, true);
	if (!package)
		return BATON_E_IO;
	actor_aside(actor)->assist.conn = conn;
	start(actor, BATON_PURPOSE_SUGGESTION, agent, package);
	baton_package_free(&package);
	return BATON_OK;
}

void actor_suggest(struct baton_actor *actor, baton_conn conn, baton_str agent)
{
	int rc = BATON_OK;

	if (!actor_assist_busy(actor)) {
		rc = start_suggestion(actor, conn, agent);
	} else if (actor->aside->assist.next_conn != 0 ||
		   (actor->aside->assist.run &&
		    actor->aside->assist.run->purpose == BATON_PURPOSE_SUGGESTION)) {
		rc = BATON_E_AGAIN; /* it is on its way */
	} else {
		baton_str name = baton_str_clip(agent, BATON_NAME_BYTES_MAX);

		actor_aside(actor)->assist.next_conn = conn;
		char *agent_name = baton_memdupz(name.p, name.n);
		baton_free(actor->aside->assist.next_agent); /* `agent` may be a view of it */
		actor_aside(actor)->assist.next_agent = agent_name;
	}
	if (rc < 0)
		tell_asker(actor, &conn, rc);
}

static void start_next(struct baton_actor *actor)
{
	baton_conn conn = actor->aside->assist.next_conn;

	actor_aside(actor)->assist.next_conn = 0;
	if (conn != 0)
		actor_suggest(actor, conn, baton_str_of(actor->aside->assist.next_agent));
}

/* --- the write-up --- */

/* Questions of tier 3 have one in any case; others where the set says who writes it. */
static bool wants_writeup(const struct baton_actor *actor)
{
	const struct baton_seam *seam = &actor->shard->seam;

	if (actor->state->tier >= BATON_TIER_HUMAN)
		return true;
	struct baton_release *release = seam->release_pin(seam->ud, &actor->id);
	bool has_route =
		baton_assist_route(seam->policy(seam->ud, release), BATON_PURPOSE_WRITEUP) != NULL;
	seam->release_unpin(seam->ud, release);
	return has_route;
}

/* Nobody reads what a drill leaves in the queue, and it is left there by the hundred. */
static bool lacks_writeup(const struct baton_actor *actor)
{
	return actor->state && strcmp(actor->state->channel, "drill") != 0 &&
	       actor->state->owner != BATON_OWNER_BOT &&
	       actor->state->queued_seq > actor->state->written_about;
}

void actor_writeup_soon(struct baton_actor *actor)
{
	const struct baton_seam *seam = &actor->shard->seam;

	if (actor_assist_busy(actor) || may_start(actor) < 0 || !lacks_writeup(actor) ||
	    !wants_writeup(actor))
		return;
	actor_aside(actor)->assist.due = true;
	seam->timer_set(seam->ud, actor_key(actor, TIMER_ASSIST), SOON_MS);
}

static void start_writeup(struct baton_actor *actor)
{
	actor_aside(actor)->assist.due = false;
	if (may_start(actor) < 0 || !lacks_writeup(actor)) {
		start_next(actor);
		return;
	}
	struct baton_package *package = actor_package(actor, true);
	if (package && baton_package_queued(package) > 0)
		start(actor, BATON_PURPOSE_WRITEUP, BATON_STR(""), package);
	else
		start_next(actor);
	baton_package_free(&package);
}

void actor_assist_timer(struct baton_actor *actor)
{
	if (actor->aside->assist.run)
		actor_assist_go(actor);
	else if (actor->aside->assist.due)
		start_writeup(actor);
}

/* --- its end before its end --- */

void actor_assist_cancel(struct baton_actor *actor, int code)
{
	const struct baton_seam *seam = &actor->shard->seam;

	if (!actor_assist_busy(actor))
		return;
	if (actor->aside->assist.due)
		seam->timer_stop(seam->ud, actor_key(actor, TIMER_ASSIST));
	actor_aside(actor)->assist.due = false;
	tell_asker(actor, &actor_aside(actor)->assist.next_conn, code);
	tell_asker(actor, &actor_aside(actor)->assist.conn, code);
	if (!actor->aside->assist.run)
		return;
	baton_run_cancel(actor->aside->assist.run, BATON_CANCEL_SUPERSEDED);
	if (!actor->aside->assist.in_run)
		ended(actor);
}
