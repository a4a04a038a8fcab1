/* SPDX-License-Identifier: Apache-2.0 */

/* Summaries of long conversations. Prompts carry the newest lines only, and a session remembers
 * no more than those; before older ones fall out, a model puts them into few words
 * (session-summary in the policies; without it nothing happens). Beside everything else, one at a
 * time, in nobody's way: whoever has the case does not matter, only that no newer summary is there.
 * It fails in silence, and is tried again when there is something new.
 */

#include "core/actor/actor.h"

#include "core/base/assert.h"

/* So many lines without a summary, and all but the newest get one. BATON_PROMPT_MSGS_MAX are kept,
 * so there is time for two failures. */
enum { LINES_WITHOUT = 16, LINES_KEPT = 8, SOON_MS = 1, SUMMARIES_MAX = 256 };

bool actor_summary_busy(const struct baton_actor *actor)
{
	return actor->aside->summary.run || actor->aside->summary.due;
}

/* The seq up to which a summary would go; 0: none is wanted. */
static uint64_t wanted_upto(const struct baton_actor *actor)
{
	const struct baton_session *session = actor->state;

	if (!session || session->n_lines <= LINES_WITHOUT || session->erased)
		return 0;
	const struct baton_line *newest = &session->lines[session->n_lines - 1];
	/* Seqs only rise: if this one is in the summary, so few are not. */
	if (newest->seq <= actor->aside->summary.tried ||
	    newest[-LINES_WITHOUT].seq <= session->summary_upto ||
	    strcmp(session->channel, "drill") == 0)
		return 0;
	return newest[-LINES_KEPT].seq;
}

static bool may_start(const struct baton_actor *actor)
{
	return !actor->shard->draining && !actor->failed && actor->shard->n_assists < SUMMARIES_MAX;
}

void actor_summary_soon(struct baton_actor *actor)
{
	const struct baton_seam *seam = &actor->shard->seam;

	if (actor_summary_busy(actor) || !may_start(actor) || wanted_upto(actor) == 0)
		return;
	actor_aside(actor)->summary.due = true;
	seam->timer_set(seam->ud, actor_key(actor, TIMER_SUMMARY), SOON_MS);
}

static void ended(struct baton_actor *actor)
{
	const struct baton_seam *seam = &actor->shard->seam;

	seam->timer_stop(seam->ud, actor_key(actor, TIMER_SUMMARY));
	baton_run_free(&actor_aside(actor)->summary.run);
	seam->release_unpin(seam->ud, actor->aside->summary.release);
	actor_aside(actor)->summary.release = NULL;
	actor->shard->n_assists--;
	actor_touch(actor);
}

void actor_summary_go(struct baton_actor *actor)
{
	baton_assert(!actor->aside->summary.in_run);
	actor_aside(actor)->summary.in_run = true;
	baton_run_go(actor->aside->summary.run);
	actor_aside(actor)->summary.in_run = false;
	if (actor->aside->summary.run->done)
		ended(actor);
}

static void start(struct baton_actor *actor, uint64_t upto)
{
	const struct baton_seam *seam = &actor->shard->seam;
	struct baton_release *release = seam->release_pin(seam->ud, &actor->id);
	const struct baton_policy *policy = seam->policy(seam->ud, release);

	actor_aside(actor)->summary.tried = actor->state->lines[actor->state->n_lines - 1].seq;
	if (!baton_assist_route(policy, BATON_PURPOSE_SUMMARY)) {
		/* Nobody wants one, and mostly it stays so: not to be asked with each message. */
		actor_aside(actor)->summary.tried += LINES_WITHOUT;
		seam->release_unpin(seam->ud, release);
		return;
	}
	actor_aside(actor)->summary.release = release;
	actor->shard->n_assists++;
	actor_aside(actor)->summary.run = baton_run_new(&(struct baton_run_start){
		.ops = &actor_run_ops,
		.ud = actor,
		.session = actor->state,
		.release = release,
		.policy = policy,
		.release_number = seam->release_number(seam->ud, release),
		.purpose = BATON_PURPOSE_SUMMARY,
		.about = upto,
	});
	actor_summary_go(actor);
}

void actor_summary_timer(struct baton_actor *actor)
{
	if (actor->aside->summary.run) {
		actor_summary_go(actor);
	} else if (actor->aside->summary.due) {
		uint64_t upto = may_start(actor) ? wanted_upto(actor) : 0;

		actor_aside(actor)->summary.due = false;
		if (upto > 0)
			start(actor, upto);
	}
}

void actor_summary_cancel(struct baton_actor *actor)
{
	const struct baton_seam *seam = &actor->shard->seam;

	if (!actor_summary_busy(actor))
		return;
	if (actor->aside->summary.due)
		seam->timer_stop(seam->ud, actor_key(actor, TIMER_SUMMARY));
	actor_aside(actor)->summary.due = false;
	if (!actor->aside->summary.run)
		return;
	baton_run_cancel(actor->aside->summary.run, BATON_CANCEL_SUPERSEDED);
	if (!actor->aside->summary.in_run)
		ended(actor);
}
