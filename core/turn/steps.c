/* SPDX-License-Identifier: Apache-2.0 */

/* The life of a turn: read the table at the end of this file downwards.
 *
 *   classify -> rules -> route -> retrieve -> ask -> hear -> rules -> answer | draft
 *                  \________\_______\_________\______\_______\-> hand over | capture
 *
 *   assist -> retrieve -> ask -> hear -> assisted      help for agents (assist.c)
 *
 * What a step finds out becomes a note (an event); notes are written with the outcome in one
 * append, earlier where somebody should see them at once (a failure, a withdrawn text). Asking and
 * hearing are in attempt.c, the outcomes in outcome.c.
 */

#include "core/turn/inside.h"

#include "core/base/assert.h"
#include "core/policy/expr.h"
#include "core/policy/facts.h"

static struct then step_classify(struct baton_run *run)
{
	baton_turn view;

	if (!run_guard_lines(run))
		return run_guard_refused(run);
	baton_run_view(run, &view);
	/* What the message before was about: "4711" alone may answer our question for a number. */
	view.intent = baton_str_of(run->session->intent);
	/* What was said before a person gave it back, or before it was settled, is history. */
	uint64_t history = least(run->session->stretch_seq, run->session->answered_upto);
	for (size_t i = 0; view.n_msgs > 1 && run->session->lines[i].seq <= history; i++) {
		view.msgs++;
		view.n_msgs--;
	}
	run->heard_end = run->heard_fail = false;
	run->ticket = run->ops->ticket(run->ud, run);
	int rc = run->ops->classify(run->ud, run, &view);
	run->no_classifier = rc == BATON_E_NOTFOUND;
	if (rc < 0) {
		run->ticket = 0;
		run->heard_fail = true;
		return go_on(BATON_STEP_CLASSIFIED);
	}
	return wait_for(BATON_STEP_CLASSIFIED, BATON_CLASSIFY_MS);
}

static baton_str why_nothing_came(const struct baton_run *run)
{
	return run->heard_end    ? BATON_STR("")
	       : run->heard_fail ? BATON_STR("module")
				 : BATON_STR("timeout");
}

static struct then step_classified(struct baton_run *run)
{
	if (!run->heard_end && !run->heard_fail && !run_clock_ran_out(run))
		return wait_for(BATON_STEP_CLASSIFIED, BATON_CLASSIFY_MS);
	run_give_up_waiting(run);
	run->classifier_failed = !run->heard_end;

	const struct baton_intent_def *intent =
		baton_policy_intent(run->policy, baton_str_of(run->intent));
	struct baton_ev_intent_detected *detected =
		&run_note(run, BATON_EV_INTENT_DETECTED)->intent_detected;
	*detected = (struct baton_ev_intent_detected){
		.turn = run->turn,
		.intent = { baton_arena_dup(&run->arena, run->intent, strlen(run->intent)),
			    strlen(run->intent) },
		.confidence_ppm = run->intent_ppm,
		.sentiment_ppm = run->sentiment_known ? run->sentiment_ppm : 0,
		.language = baton_str_of(run->language),
		.failed = why_nothing_came(run),
		.slots = run->slots,
		.others = run->others,
		.out_of_scope_ppm = run->out_of_scope_ppm,
		.human_ppm = run->human_ppm,
	};
	if (run->classifier_failed && !run->no_classifier) {
		run->faulty = true;
		if (run_may_move(run))
			return run_move(run, "classifier");
	}
	/* Not sure enough, or work of our own: the note says what it might have been, the route is
	 * the default one. */
	if (!intent || intent->internal || run->intent_ppm < intent->min_confidence_ppm)
		run->intent[0] = '\0';
	run->route = baton_policy_route(run->policy, baton_str_of(run->intent));
	run_find_topics(run);
	return go_on(BATON_STEP_RULES_BEFORE);
}

static const char *const action_names[] = { "none", "offer_human", "review", "escalate",
					    "escalate_now" };

/* What the rules saw, for the record: all of it before the answer, and then what is different. */
static void note_facts(struct baton_run *run, const baton_facts *facts,
		       struct baton_ev_policy_decided *decided)
{
	struct baton_buf json = { NULL, 0, 0 };

	if (facts->stage == BATON_STAGE_AFTER && run->decided_on) {
		baton_env_json_changed(&baton_env_facts, facts, run->decided_on, &json);
		decided->changed = run_keep_buf(run, &json);
		return;
	}
	/* Theirs may be gone by then: the session's words change under a run. */
	baton_facts *keep = baton_arena_take(&run->arena, sizeof(*keep));
	*keep = *facts;
	baton_env_keep(&baton_env_facts, keep, &run->arena);
	run->decided_on = keep;
	baton_facts_json(facts, &json);
	decided->facts = run_keep_buf(run, &json);
}

static void note_verdict(struct baton_run *run, const baton_facts *facts,
			 const baton_verdict *verdict)
{
	struct baton_ev_policy_decided *decided =
		&run_note(run, BATON_EV_POLICY_DECIDED)->policy_decided;

	*decided = (struct baton_ev_policy_decided){
		.turn = run->turn,
		.stage = facts->stage == BATON_STAGE_BEFORE ? BATON_STR("before")
							    : BATON_STR("after"),
		.action = baton_str_of(
			action_names[verdict->action <= BATON_ACT_ESCALATE_NOW ? verdict->action
									       : 0]),
		.rule = baton_str_of(verdict->rule),
		.reason = baton_str_of(verdict->reason),
		.release = run->release_number,
	};
	note_facts(run, facts, decided);
}

static baton_str kept(struct baton_run *run, const char *word)
{
	baton_str text = baton_str_of(word);

	return (baton_str){ baton_arena_dup(&run->arena, text.n ? text.p : "", text.n), text.n };
}

/* A model that has failed, or is known to fail, may be back before anybody comes. */
static bool model_failed(const struct baton_run *run, const baton_facts *facts)
{
	return run_last_failure(run) != NULL ||
	       (facts->primary_state.n > 0 && !baton_str_is(facts->primary_state, "closed"));
}

static void take_verdict(struct baton_run *run, const baton_facts *facts,
			 const baton_verdict *verdict)
{
	run->why.rule = kept(run, verdict->rule);
	run->why.reason = kept(run, verdict->reason);
	run->why.queue = kept(run, verdict->queue);
	run->why.priority = verdict->priority;
	run->why.reversible = (verdict->flags & BATON_VERDICT_REVERSIBLE) != 0;
	run->why.resumes = run->why.reversible && model_failed(run, facts) ? BATON_STR("targets")
									   : BATON_STR("");
}

/* Asks the rules; true if they want a person now. A rule that cannot answer counts as one that
 * fired, where the turn cannot begin again on a release that is not in doubt. */
static bool rules_escalate(struct baton_run *run, uint32_t stage)
{
	baton_facts facts;
	baton_verdict verdict = { .size = sizeof(verdict) };

	baton_run_facts(run, stage, &facts);
	run->rules_failed = run->ops->rules(run->ud, run, &facts, &verdict) < 0;
	run->faulty |= run->rules_failed;
	if (run->rules_failed)
		verdict =
			(baton_verdict){ .action = BATON_ACT_ESCALATE,
					 .rule = "core.rules_failed",
					 .reason = "the escalation rules could not be evaluated" };
	note_verdict(run, &facts, &verdict);
	if (verdict.action == BATON_ACT_REVIEW && run->tier < BATON_TIER_REVIEWED)
		run->tier = BATON_TIER_REVIEWED;
	if (verdict.action == BATON_ACT_OFFER_HUMAN) {
		run->offer.rule = kept(run, verdict.rule);
		run->offer.reason = kept(run, verdict.reason);
	}
	if (verdict.action < BATON_ACT_ESCALATE || verdict.action > BATON_ACT_ESCALATE_NOW)
		return false;
	take_verdict(run, &facts, &verdict);
	return true;
}

static struct then step_rules_before(struct baton_run *run)
{
	bool escalates = rules_escalate(run, BATON_STAGE_BEFORE);

	if (run->rules_failed && run_may_move(run))
		return run_move(run, "rules");
	return go_on(escalates ? BATON_STEP_HAND_OVER : BATON_STEP_ROUTE);
}

const char *run_missing_module(struct baton_run *run)
{
	const struct baton_class *class_ = run->route->class_;

	for (size_t i = 0; class_ && i < class_->n_needs; i++)
		if (!run->ops->module_works(run->ud, run, class_->needs[i]))
			return class_->needs[i];
	return NULL;
}

static struct then step_route(struct baton_run *run)
{
	struct baton_now now;

	if (!run->route)
		return run_hand_over(run, "core.no_route",
				     "no route is declared for this question");
	/* A rule may have raised the tier; nothing lowers it. */
	if (run->route->tier > run->tier)
		run->tier = run->route->tier;
	run->deadline_ns = run->started_ns +
			   least(run->route->total_ms, BATON_TURN_TOTAL_MS) * BATON_NS_PER_MS;
	if (run->tier >= BATON_TIER_HUMAN)
		return run_hand_over(run, "core.tier_3",
				     "this kind of question belongs to a person");
	if (run_missing_module(run))
		return run_hand_over(run, "core.guard_missing",
				     "a guard that this work needs does not work");

	struct baton_board *board = run->ops->board(run->ud, &now);
	run->in_mode = baton_board_mode(board, now, run->policy, run->route, &run->mode);
	run->ops->board_done(run->ud);
	run_note_mode(run);
	return run->in_mode ? run_obey_mode(run) : go_on(BATON_STEP_RETRIEVE);
}

static baton_str last_question(struct baton_run *run)
{
	for (size_t i = run->session->n_lines; i > 0; i--)
		if (run->session->lines[i - 1].seq == run->turn)
			return run_veiled_line(run, &run->session->lines[i - 1]);
	return BATON_STR("");
}

static struct then step_retrieve(struct baton_run *run)
{
	baton_turn *view = baton_arena_take(&run->arena, sizeof(*view));

	baton_run_view(run, view);
	baton_query query = {
		.size = sizeof(query),
		.k = BATON_DOCS_MAX,
		.turn = view,
		.text = last_question(run),
		.filter_json = run_filter_json(run),
	};
	run->heard_end = run->heard_fail = false;
	run->ticket = run->ops->ticket(run->ud, run);
	int rc = run->ops->retrieve(run->ud, run, &query);
	if (rc == BATON_E_UNSUPPORTED && query.filter_json.n > 0) {
		/* It knows no filters; what may not be shown is left out when it comes. */
		query.filter_json = BATON_STR_NONE;
		rc = run->ops->retrieve(run->ud, run, &query);
	}
	if (rc < 0)
		run->ticket = 0;
	if (rc == BATON_E_NOTFOUND)
		return go_on(BATON_STEP_LOOK_UP); /* the release has no retriever: nothing failed */
	run->searched = true;
	if (rc < 0) {
		run->heard_fail = true;
		return go_on(BATON_STEP_RETRIEVED);
	}
	return wait_for(BATON_STEP_RETRIEVED, least(BATON_RETRIEVE_MS, run_left_ms(run)));
}

static struct then step_retrieved(struct baton_run *run)
{
	if (!run->heard_end && !run->heard_fail && !run_clock_ran_out(run))
		return wait_for(BATON_STEP_RETRIEVED, least(BATON_RETRIEVE_MS, run_left_ms(run)));
	run_give_up_waiting(run);
	if (run->purpose == BATON_PURPOSE_ANSWER)
		run_note(run, BATON_EV_SOURCES_RETRIEVED)->sources_retrieved =
			(struct baton_ev_sources_retrieved){
				.turn = run->turn,
				.sources = run_docs_json(run),
				.failed = why_nothing_came(run),
			};
	if (!run->heard_end) {
		run->faulty = true;
		if (run_may_move(run))
			return run_move(run, "retriever");
	}
	return run_guard_docs(run) ? go_on(BATON_STEP_LOOK_UP) : run_guard_refused(run);
}

static struct then step_rules_after(struct baton_run *run)
{
	run_settle(run, true, false);
	if (!run_room_for_notes(run))
		return done();
	bool escalates = rules_escalate(run, BATON_STAGE_AFTER);
	if (run->rules_failed && run_may_move(run))
		return run_move(run, "rules");
	if (escalates)
		return go_on(BATON_STEP_HAND_OVER);
	if (run_must_not_send(run))
		return run_blocked(run);
	if (run->answer.n == 0) /* it says that it does not know, and nothing else */
		return run_hand_over(run, "core.unknown", "the model does not know an answer");
	return go_on(run->tier == BATON_TIER_AUTOMATED ? BATON_STEP_ANSWER : BATON_STEP_DRAFT);
}

/* Read down: this is the life of a turn. */
static struct then (*const steps[BATON_STEP_COUNT])(struct baton_run *run) = {
	[BATON_STEP_CLASSIFY] = step_classify,
	[BATON_STEP_CLASSIFIED] = step_classified,
	[BATON_STEP_RULES_BEFORE] = step_rules_before,
	[BATON_STEP_ROUTE] = step_route,
	[BATON_STEP_RETRIEVE] = step_retrieve,
	[BATON_STEP_RETRIEVED] = step_retrieved,
	[BATON_STEP_LOOK_UP] = step_look_up,
	[BATON_STEP_ASK] = step_ask,
	[BATON_STEP_HEAR] = step_hear,
	[BATON_STEP_TOOLS] = step_tools,
	[BATON_STEP_CALL] = step_call,
	[BATON_STEP_CALLED] = step_called,
	[BATON_STEP_RULES_AFTER] = step_rules_after,
	[BATON_STEP_ANSWER] = step_answer,
	[BATON_STEP_DRAFT] = step_draft,
	[BATON_STEP_CAPTURE] = step_capture,
	[BATON_STEP_HAND_OVER] = step_hand_over,
	/* Help for agents begins and ends here; retrieve, ask and hear are the same. */
	[BATON_STEP_ASSIST] = step_assist,
	[BATON_STEP_ASSISTED] = step_assisted,
	/* Calls outside of a turn; call and called are the same. */
	[BATON_STEP_SETTLE] = step_settle,
};

const char *baton_run_step_name(const struct baton_run *run)
{
	static const char *const names[BATON_STEP_COUNT] = {
		[BATON_STEP_CLASSIFY] = "classify",
		[BATON_STEP_CLASSIFIED] = "classify",
		[BATON_STEP_RULES_BEFORE] = "rules_before",
		[BATON_STEP_ROUTE] = "route",
		[BATON_STEP_RETRIEVE] = "retrieve",
		[BATON_STEP_RETRIEVED] = "retrieve",
		[BATON_STEP_LOOK_UP] = "look_up",
		[BATON_STEP_ASK] = "ask",
		[BATON_STEP_HEAR] = "hear",
		[BATON_STEP_RULES_AFTER] = "rules_after",
		[BATON_STEP_ANSWER] = "answer",
		[BATON_STEP_DRAFT] = "draft",
		[BATON_STEP_CAPTURE] = "capture",
		[BATON_STEP_HAND_OVER] = "hand_over",
		[BATON_STEP_ASSIST] = "assist",
		[BATON_STEP_ASSISTED] = "assist",
		[BATON_STEP_TOOLS] = "tools",
		[BATON_STEP_CALL] = "tools",
		[BATON_STEP_CALLED] = "tools",
		[BATON_STEP_SETTLE] = "settle",
	};

	return names[run->step];
}

void baton_run_go(struct baton_run *run)
{
	for (unsigned lap = 0; lap < BATON_TURN_STEPS_MAX && !run->done; lap++) {
		struct then then = steps[run->step](run);

		run->done = run->done || then.verb == DONE;
		if (run->done)
			return;
		run->step = then.step;
		if (then.verb == WAIT) {
			/* Nobody waits without a deadline. */
			baton_assert(then.wait_ms > 0 || run_left_ms(run) == 0);
			run->wait_until_ns =
				run->ops->now_ns(run->ud) + then.wait_ms * BATON_NS_PER_MS;
			run->ops->wait(run->ud, run, then.wait_ms);
			return;
		}
	}
	baton_assert(run->done);
}
