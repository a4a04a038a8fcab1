/* SPDX-License-Identifier: Apache-2.0 */

/* The run of an actor's open turn: its start, its ops, its end. */

#include "core/actor/actor.h"

#include "core/base/assert.h"
#include "core/base/errors.h"

static const struct baton_seam *seam_of(const struct baton_actor *actor)
{
	return &actor->shard->seam;
}

/* --- what a run may ask (struct baton_run_ops); ud is the actor --- */

static uint64_t op_now_ns(void *ud)
{
	const struct baton_seam *seam = seam_of(ud);

	return seam->now_ns(seam->ud);
}

static uint64_t op_random(void *ud)
{
	const struct baton_seam *seam = seam_of(ud);
	uint64_t value;

	seam->random(seam->ud, &value, sizeof(value));
	return value;
}

static baton_ticket op_ticket(void *ud, struct baton_run *run)
{
	(void)run;
	return actor_ticket(ud);
}

static int op_classify(void *ud, struct baton_run *run, const baton_turn *turn)
{
	const struct baton_seam *seam = seam_of(ud);

	return seam->classify(seam->ud, run->release, run->ticket, turn);
}

static int op_retrieve(void *ud, struct baton_run *run, const baton_query *query)
{
	const struct baton_seam *seam = seam_of(ud);

	return seam->retrieve(seam->ud, run->release, run->ticket, query);
}

static int op_generate(void *ud, struct baton_run *run, const char *provider,
		       const baton_prompt *prompt)
{
	const struct baton_seam *seam = seam_of(ud);

	return seam->generate(seam->ud, run->release, run->ticket, provider, prompt);
}

static int op_invoke(void *ud, struct baton_run *run, const char *module, const baton_tool_req *req)
{
	const struct baton_seam *seam = seam_of(ud);

	return seam->invoke(seam->ud, run->release, run->ticket, module, req);
}

static bool op_durable(void *ud, struct baton_run *run, uint64_t seq)
{
	const struct baton_actor *actor = ud;

	(void)run;
	return actor->committed_seq >= seq;
}

static void op_cancel(void *ud, struct baton_run *run, uint32_t why)
{
	const struct baton_seam *seam = seam_of(ud);

	seam->cancel(seam->ud, run->release, run->ticket, why);
}

static int op_rules(void *ud, struct baton_run *run, const baton_facts *facts,
		    baton_verdict *ret_verdict)
{
	const struct baton_seam *seam = seam_of(ud);

	return seam->rules(seam->ud, run->release, facts, ret_verdict);
}

static int op_inspect(void *ud, struct baton_run *run, const char *module,
		      const baton_inspection *what, baton_hits *ret)
{
	const struct baton_seam *seam = seam_of(ud);

	return seam->inspect(seam->ud, run->release, module, what, ret);
}

static struct baton_board *op_board(void *ud, struct baton_now *ret_now)
{
	const struct baton_seam *seam = seam_of(ud);

	return seam->board(seam->ud, ret_now);
}

static void op_board_done(void *ud)
{
	const struct baton_seam *seam = seam_of(ud);

	seam->board_done(seam->ud);
}

static bool op_doubtful(void *ud, const struct baton_run *run)
{
	const struct baton_seam *seam = seam_of(ud);

	return seam->release_doubtful(seam->ud, run->release);
}

static void op_move(void *ud, struct baton_run *run)
{
	struct baton_actor *actor = ud;
	const struct baton_seam *seam = seam_of(actor);
	struct baton_release **pin =
		run->purpose == BATON_PURPOSE_ANSWER    ? &actor->release
		: run->purpose == BATON_PURPOSE_TOOL    ? &actor_aside(actor)->tools.release
		: run->purpose == BATON_PURPOSE_SUMMARY ? &actor_aside(actor)->summary.release
							: &actor_aside(actor)->assist.release;
	struct baton_release *old = *pin;

	*pin = seam->release_pin(seam->ud, NULL);
	seam->release_unpin(seam->ud, old);
	run->release = *pin;
	run->policy = seam->policy(seam->ud, *pin);
	run->release_number = seam->release_number(seam->ud, *pin);
}

static void op_turned(void *ud, const struct baton_run *run,
		      const struct baton_trial_sample *sample)
{
	const struct baton_seam *seam = seam_of(ud);

	seam->release_turned(seam->ud, run->release, sample);
}

static bool op_module_works(void *ud, struct baton_run *run, const char *module)
{
	const struct baton_seam *seam = seam_of(ud);

	return seam->module_works(seam->ud, run->release, module);
}

static void op_wait(void *ud, struct baton_run *run, uint64_t ms)
{
	const struct baton_seam *seam = seam_of(ud);

	unsigned kind = run->purpose == BATON_PURPOSE_ANSWER    ? TIMER_RUN
			: run->purpose == BATON_PURPOSE_SUMMARY ? TIMER_SUMMARY
			: run->purpose == BATON_PURPOSE_TOOL    ? TIMER_TOOLS
								: TIMER_ASSIST;

	seam->timer_set(seam->ud, actor_key(ud, kind), ms);
}

static int op_emit(void *ud, struct baton_run *run, enum baton_verb verb,
		   const struct baton_event *events, size_t n)
{
	struct baton_actor *actor = ud;
	const struct baton_seam *seam = seam_of(actor);
	struct baton_command command = { .verb = verb,
					 .role = BATON_SELF,
					 .unix_ms = seam->unix_ms(seam->ud),
					 .turn = run->turn,
					 .epoch = run->epoch,
					 .value = baton_str_of(run->route ? run->route->queue : ""),
					 .text = verb == BATON_CMD_HAND_OVER ? run->told
									     : BATON_STR(""),
					 .events = events,
					 .n_events = n };

	return actor_take(actor, 0, &command);
}

static void op_refused(void *ud, struct baton_run *run, int code)
{
	(void)run;
	actor_assist_refused(ud, code);
}

static void op_say(void *ud, struct baton_run *run, baton_str text, uint64_t offset)
{
	struct baton_actor *actor = ud;

	if (!actor->run_shown || actor->n_subscribers == 0)
		return;
	struct baton_notice *notice = baton_notice_new(BATON_NOTE_DELTA, &actor->id);
	notice->turn = run->turn;
	notice->attempt = run->text_attempt;
	notice->offset = offset;
	notice->text = baton_notice_keep(notice, text);
	tell_all(actor, notice);
}

static void op_count(void *ud, unsigned metric, uint64_t add)
{
	const struct baton_seam *seam = seam_of(ud);

	seam->count(seam->ud, metric, add);
}

static void op_observe(void *ud, unsigned metric, uint64_t us)
{
	const struct baton_seam *seam = seam_of(ud);

	seam->observe(seam->ud, metric, us);
}

const struct baton_run_ops actor_run_ops = {
	.now_ns = op_now_ns,
	.random = op_random,
	.ticket = op_ticket,
	.classify = op_classify,
	.retrieve = op_retrieve,
	.generate = op_generate,
	.invoke = op_invoke,
	.durable = op_durable,
	.cancel = op_cancel,
	.rules = op_rules,
	.inspect = op_inspect,
	.board = op_board,
	.board_done = op_board_done,
	.doubtful = op_doubtful,
	.move = op_move,
	.turned = op_turned,
	.module_works = op_module_works,
	.wait = op_wait,
	.emit = op_emit,
	.refused = op_refused,
	.say = op_say,
	.count = op_count,
	.observe = op_observe,
};

static void tell_pin(const struct baton_actor *actor, const struct baton_run *run,
		     void (*each)(void *ud, const struct baton_shard_pin *pin), void *ud)
{
	uint64_t now_ns = seam_of(actor)->now_ns(seam_of(actor)->ud);

	each(ud,
	     &(struct baton_shard_pin){ .session = &actor->id,
					.release = run->release,
					.turn = run->turn,
					.for_ms = (now_ns - run->started_ns) / 1000000,
					.left_ms = run->deadline_ns > now_ns
							   ? (run->deadline_ns - now_ns) / 1000000
							   : 0,
					.step = baton_run_step_name(run) });
}

void baton_shard_pins(struct baton_shard *shard,
		      void (*each)(void *ud, const struct baton_shard_pin *pin), void *ud)
{
	struct baton_actor *actor, *after;

	ACTOR_EACH(shard, i, actor, after)
	{
		if (actor->run)
			tell_pin(actor, actor->run, each, ud);
		if (actor->aside->assist.run)
			tell_pin(actor, actor->aside->assist.run, each, ud);
		if (actor->aside->tools.run)
			tell_pin(actor, actor->aside->tools.run, each, ud);
		if (actor->aside->summary.run)
			tell_pin(actor, actor->aside->summary.run, each, ud);
	}
}

/* --- its life --- */

static void run_ended(struct baton_actor *actor)
{
	const struct baton_seam *seam = seam_of(actor);

	seam->timer_stop(seam->ud, actor_key(actor, TIMER_RUN));
	baton_run_free(&actor->run);
	seam->release_unpin(seam->ud, actor->release);
	actor->release = NULL;
	actor->shard->n_runs--;
	actor_touch(actor);
}

void actor_run_go(struct baton_actor *actor)
{
	baton_assert(!actor->in_run);
	actor->in_run = true;
	baton_run_go(actor->run);
	actor->in_run = false;
	if (!actor->run->done)
		return;
	run_ended(actor);
	/* Messages that came meanwhile are the next turn. */
	actor_run_start(actor);
}

/* More turns than this worker can carry: a person gets the message at once, before memory or
 * patience runs out; automation takes it back when there is room. */
static void turn_away(struct baton_actor *actor)
{
	const struct baton_seam *seam = seam_of(actor);
	struct baton_event why = { .type = BATON_EV_ESCALATION_TRIGGERED };

	why.escalation_triggered = (struct baton_ev_escalation_triggered){
		.turn = actor->state->last_message,
		.rule = BATON_STR("core.too_many_turns"),
		.reason = BATON_STR("more questions at once than this server answers"),
		.priority = 5,
		.reversible = true,
		.resumes = BATON_STR("targets"),
	};
	struct baton_command command = { .verb = BATON_CMD_HAND_OVER,
					 .role = BATON_SELF,
					 .unix_ms = seam->unix_ms(seam->ud),
					 .turn = actor->state->last_message,
					 .epoch = actor->state->epoch,
					 .events = &why,
					 .n_events = 1 };
	actor_take(actor, 0, &command);
}

void actor_run_start(struct baton_actor *actor)
{
	const struct baton_seam *seam = seam_of(actor);

	if (actor->run || actor->failed || actor->shard->draining || !actor->state ||
	    actor->aside->tools.run || !baton_session_turn_open(actor->state))
		return;
	if (baton_calls_due(&actor->state->calls)) {
		actor_tools_start(actor); /* comes back here when they are over */
		return;
	}
	if (actor->shard->n_runs >= BATON_TURNS_PER_WORKER_MAX) {
		turn_away(actor);
		return;
	}
	actor->release = seam->release_pin(seam->ud, &actor->id);
	actor->shard->n_runs++;
	actor->run = baton_run_new(&(struct baton_run_start){
		.ops = &actor_run_ops,
		.ud = actor,
		.session = actor->state,
		.release = actor->release,
		.policy = seam->policy(seam->ud, actor->release),
		.release_number = seam->release_number(seam->ud, actor->release),
	});
	actor->run_shown = false;
	actor->run_rests_on = actor->state->seq;
	actor_run_show(actor);
	actor_run_go(actor);
}

void actor_run_cancel(struct baton_actor *actor, uint32_t why)
{
	if (!actor->run)
		return;
	if (!actor->in_run && !actor->failed && why == BATON_CANCEL_SUPERSEDED &&
	    baton_run_owes(actor->run)) {
		actor_tools_adopt(actor);
		return;
	}
	baton_run_cancel(actor->run, why);
	if (!actor->in_run)
		run_ended(actor);
}

/* The last turn's outcome is still on its way to the disk: what it showed has not been ended. */
static bool outcome_under_way(const struct baton_actor *actor)
{
	const struct commit *commit;

	LL_FOREACH(actor->commits, commit)
		if (commit->ends_turn > 0)
			return true;
	return false;
}

void actor_run_show(struct baton_actor *actor)
{
	struct baton_run *run = actor->run;

	if (!run || actor->run_shown || actor->committed_seq < actor->run_rests_on ||
	    outcome_under_way(actor))
		return;
	actor->run_shown = true;
	struct baton_notice *began = baton_notice_new(BATON_NOTE_RUN, &actor->id);
	began->turn = run->turn;
	began->running = true;
	tell_all(actor, began);
	if (run->said > 0)
		op_say(actor, run, (baton_str){ run->answer.p, run->said }, 0);
}
