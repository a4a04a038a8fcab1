/* SPDX-License-Identifier: Apache-2.0 */

/* A turn that begins again on the live release. Its own was a canary on which something failed,
 * or an old one whose time to drain is over. Nothing of the first try has been shown, so the
 * customer notices nothing; what failed counts against the release it was tried on, and not
 * against the model that was asked through it.
 */

#include "core/turn/inside.h"

#include "core/observe/metrics.h"
#include "core/turn/ground.h"

/* Once away from a canary, it is in doubt only if the live release has been replaced and its drain
 * cut short meanwhile, which may happen again. The turn's time goes on all the while. */
enum { MOVES_MAX = 4 };

bool run_may_move(const struct baton_run *run)
{
	/* Also what was shown and taken back was shown: attempts are counted from one again, and
	 * whoever follows would take the new first one for that. */
	for (size_t i = 0; i < run->n_attempts; i++)
		if (run->attempts[i].showed)
			return false;
	return run->moves < MOVES_MAX && run->said == 0 && run->ops->doubtful(run->ud, run);
}

static enum baton_step first_step(const struct baton_run *run)
{
	return run->purpose == BATON_PURPOSE_ANSWER ? BATON_STEP_CLASSIFY : BATON_STEP_ASSIST;
}

/* Everything that the release has said. What the customer has said, what was spent and how much
 * time is left stay. */
static void forget(struct baton_run *run)
{
	run->step = first_step(run);
	run->intent[0] = run->language[0] = '\0';
	run->intent_ppm = 0;
	run->sentiment_ppm = 500000;
	run->out_of_scope_ppm = run->human_ppm = 0;
	run->slots = run->others = BATON_STR("");
	run->sentiment_known = run->classifier_failed = run->searched = run->unknown = false;
	run->docs = NULL;
	run->n_docs = 0;
	run->route = NULL;
	run->tier = BATON_TIER_AUTOMATED;
	run->origin = BATON_STR("ai");
	run->told = run->guard_rule = run->prompt = run->tools_json = BATON_STR("");
	run_ground_forget(run, false);
	run_guard_moved(run);
	run->ungrounded = run->policy_hit = run->planning = run->plan_failed = false;
	run->plan = (struct baton_plan){ 0 };
	run->n_more = 0;
	memset(&run->tools, 0, sizeof(run->tools));
	run->n_attempts = 0;
	run->choice = (struct baton_choice){ 0 };
	run->chosen = run->in_mode = run->in_drill = run->speaks = false;
	run->heard_end = run->heard_fail = false;
	run->ask_at_ns = run->first_word_ns = 0;
	baton_buf_reset(&run->answer);
	memset(&run->mode, 0, sizeof(run->mode));
	memset(&run->why, 0, sizeof(run->why));
	run->deadline_ns = run->started_ns + BATON_TURN_TOTAL_MS * BATON_NS_PER_MS;
}

struct then run_move(struct baton_run *run, const char *reason)
{
	struct baton_trial_sample failed = { .failed = true };
	uint64_t from = run->release_number;

	run_give_up_waiting(run);
	run_settle(run, false, true);
	/* What is noted borrows the words of the old release: it is written while that is held. */
	if (run_flush_notes(run) < 0)
		return done();
	if (run->purpose == BATON_PURPOSE_ANSWER) /* a trial compares turns */
		run->ops->turned(run->ud, run, &failed);
	run->ops->move(run->ud, run);
	run->moves++;
	forget(run);
	run->ops->count(run->ud, BATON_METRIC_TURNS_MOVED, 1);
	if (run->purpose != BATON_PURPOSE_ANSWER)
		return go_on(first_step(run));
	run_note(run, BATON_EV_TURN_MOVED)->turn_moved =
		(struct baton_ev_turn_moved){ .turn = run->turn,
					      .from = from,
					      .release = run->release_number,
					      .reason = baton_str_of(reason) };
	return go_on(BATON_STEP_CLASSIFY);
}
