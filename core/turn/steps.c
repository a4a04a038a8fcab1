/* SPDX-License-Identifier: Apache-2.0 */

/* The life of a turn: read the table at the end of this file downwards.
 *
 *   classify -> rules -> route -> retrieve -> ask -> hear -> rules -> answer | draft
 *                  \________________\____________\________\______\-> hand over
 *
 * What a step finds out becomes a note (an event); notes are written with the outcome in one
 * append, earlier where somebody should see them at once (a failure, a withdrawn text).
 */

#include "core/turn/run.h"

#include "core/base/assert.h"
#include "core/observe/metrics.h"
#include "core/policy/expr.h"

static const uint64_t NS_PER_MS = 1000000;

struct then {
	enum { GO_ON, WAIT, DONE } verb;
	enum baton_step step;
	uint64_t wait_ms;
};

static struct then go_on(enum baton_step step)
{
	return (struct then){ GO_ON, step, 0 };
}

static struct then wait_for(enum baton_step step, uint64_t wait_ms)
{
	return (struct then){ WAIT, step, wait_ms };
}

static struct then done(void)
{
	return (struct then){ DONE, BATON_STEP_COUNT, 0 };
}

static uint64_t left_ms(const struct baton_run *run)
{
	uint64_t now_ns = run->ops->now_ns(run->ud);

	return now_ns < run->deadline_ns ? (run->deadline_ns - now_ns) / NS_PER_MS : 0;
}

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static bool clock_ran_out(const struct baton_run *run)
{
	return run->ops->now_ns(run->ud) >= run->wait_until_ns;
}

/* --- notes --- */

static int flush_notes(struct baton_run *run)
{
	if (run->n_notes == 0)
		return BATON_OK;
	int rc = run->ops->emit(run->ud, run, BATON_CMD_EVENT, run->notes, run->n_notes);
	run->n_notes = 0;
	return rc;
}

static struct baton_event *note(struct baton_run *run, enum baton_event_type type)
{
	baton_assert(run->n_notes < BATON_RUN_NOTES_MAX);
	struct baton_event *event = &run->notes[run->n_notes++];
	*event = (struct baton_event){ .type = type };
	return event;
}

/* Room for what one step may note; false if the session refuses us by now. */
static bool room_for_notes(struct baton_run *run)
{
	return run->n_notes + 3 <= BATON_RUN_NOTES_MAX || flush_notes(run) == BATON_OK;
}

static baton_str keep_buf(struct baton_run *run, struct baton_buf *buf)
{
	baton_str kept = { baton_arena_dup(&run->arena, buf->p, buf->n), buf->n };

	baton_buf_done(buf);
	return kept;
}

static struct then hand_over(struct baton_run *run, const char *rule, const char *reason,
			     baton_str queue)
{
	run->why.rule = baton_str_of(rule);
	run->why.reason = baton_str_of(reason);
	run->why.queue = queue;
	run->why.priority = 5;
	return go_on(BATON_STEP_HAND_OVER);
}

static baton_str queue_of(const struct baton_run *run)
{
	return run->route ? baton_str_of(run->route->queue) : BATON_STR("");
}

/* --- steps --- */

static struct then step_classify(struct baton_run *run)
{
	baton_turn view;

	baton_run_view(run, &view);
	run->heard_end = run->heard_fail = false;
	run->ticket = run->ops->ticket(run->ud, run);
	if (run->ops->classify(run->ud, run, &view) < 0) {
		run->ticket = 0;
		run->heard_fail = true;
		return go_on(BATON_STEP_CLASSIFIED);
	}
	return wait_for(BATON_STEP_CLASSIFIED, BATON_CLASSIFY_MS);
}

static void give_up_waiting(struct baton_run *run)
{
	if (run->ticket != 0)
		run->ops->cancel(run->ud, run, BATON_CANCEL_DEADLINE);
	run->ticket = 0;
}

static struct then step_classified(struct baton_run *run)
{
	if (!run->heard_end && !run->heard_fail && !clock_ran_out(run))
		return wait_for(BATON_STEP_CLASSIFIED, BATON_CLASSIFY_MS);
	give_up_waiting(run);
	run->classifier_failed = !run->heard_end;

	const struct baton_intent_def *intent =
		baton_policy_intent(run->policy, baton_str_of(run->intent));
	struct baton_ev_intent_detected *detected =
		&note(run, BATON_EV_INTENT_DETECTED)->intent_detected;
	*detected = (struct baton_ev_intent_detected){
		.turn = run->turn,
		.intent = { baton_arena_dup(&run->arena, run->intent, strlen(run->intent)),
			    strlen(run->intent) },
		.confidence_ppm = run->intent_ppm,
		.sentiment_ppm = run->sentiment_known ? run->sentiment_ppm : 0,
		.language = baton_str_of(run->language),
		.failed = run->heard_end    ? BATON_STR("")
			  : run->heard_fail ? BATON_STR("module")
					    : BATON_STR("timeout"),
	};
	/* Not sure enough: the note says what it might have been, the route is the default one. */
	if (!intent || run->intent_ppm < intent->min_confidence_ppm)
		run->intent[0] = '\0';
	return go_on(BATON_STEP_RULES_BEFORE);
}

static const char *const action_names[] = { "none", "offer_human", "review", "escalate",
					    "escalate_now" };

static void note_verdict(struct baton_run *run, const baton_facts *facts,
			 const baton_verdict *verdict)
{
	struct baton_buf json = { NULL, 0, 0 };

	baton_facts_json(facts, &json);
	note(run, BATON_EV_POLICY_DECIDED)->policy_decided = (struct baton_ev_policy_decided){
		.turn = run->turn,
		.stage = facts->stage == BATON_STAGE_BEFORE ? BATON_STR("before")
							    : BATON_STR("after"),
		.action = baton_str_of(
			action_names[verdict->action <= BATON_ACT_ESCALATE_NOW ? verdict->action
									       : 0]),
		.rule = baton_str_of(verdict->rule),
		.reason = baton_str_of(verdict->reason),
		.facts = keep_buf(run, &json),
		.release = run->release_number,
	};
}

/* Asks the rules; true if they want a person now. A rule that cannot answer counts as one that
 * fired. */
static bool rules_escalate(struct baton_run *run, uint32_t stage)
{
	baton_facts facts;
	baton_verdict verdict = { .size = sizeof(verdict) };

	baton_run_facts(run, stage, &facts);
	if (run->ops->rules(run->ud, run, &facts, &verdict) < 0)
		verdict =
			(baton_verdict){ .action = BATON_ACT_ESCALATE,
					 .rule = "core.rules_failed",
					 .reason = "the escalation rules could not be evaluated" };
	note_verdict(run, &facts, &verdict);
	if (verdict.action == BATON_ACT_REVIEW && run->tier < BATON_TIER_REVIEWED)
		run->tier = BATON_TIER_REVIEWED;
	if (verdict.action < BATON_ACT_ESCALATE)
		return false;
	run->why.rule = baton_str_of(verdict.rule);
	run->why.reason = baton_str_of(verdict.reason);
	run->why.queue = baton_str_of(verdict.queue);
	run->why.priority = verdict.priority;
	run->why.reversible = (verdict.flags & BATON_VERDICT_REVERSIBLE) != 0;
	return true;
}

static struct then step_rules_before(struct baton_run *run)
{
	return go_on(rules_escalate(run, BATON_STAGE_BEFORE) ? BATON_STEP_HAND_OVER
							     : BATON_STEP_ROUTE);
}

static struct then step_route(struct baton_run *run)
{
	run->route = baton_policy_route(run->policy, baton_str_of(run->intent));
	if (!run->route)
		return hand_over(run, "core.no_route", "no route is declared for this question",
				 BATON_STR(""));
	/* A rule may have raised the tier; nothing lowers it. */
	if (run->route->tier > run->tier)
		run->tier = run->route->tier;
	run->deadline_ns =
		run->started_ns + least(run->route->total_ms, BATON_TURN_TOTAL_MS) * NS_PER_MS;
	if (run->tier >= BATON_TIER_HUMAN)
		return hand_over(run, "core.tier_3", "this kind of question belongs to a person",
				 queue_of(run));
	return go_on(BATON_STEP_RETRIEVE);
}

static baton_str last_question(const struct baton_run *run)
{
	for (size_t i = run->session->n_lines; i > 0; i--)
		if (run->session->lines[i - 1].seq == run->turn)
			return run->session->lines[i - 1].text;
	return BATON_STR("");
}

static struct then step_retrieve(struct baton_run *run)
{
	baton_turn *view = baton_arena_alloc(&run->arena, sizeof(*view));

	baton_run_view(run, view);
	baton_query query = {
		.size = sizeof(query), .k = BATON_DOCS_MAX, .turn = view, .text = last_question(run)
	};
	run->heard_end = run->heard_fail = false;
	run->ticket = run->ops->ticket(run->ud, run);
	int rc = run->ops->retrieve(run->ud, run, &query);
	if (rc < 0)
		run->ticket = 0;
	if (rc == BATON_E_NOTFOUND)
		return go_on(BATON_STEP_ASK); /* the release has no retriever: nothing failed */
	run->searched = true;
	if (rc < 0) {
		run->heard_fail = true;
		return go_on(BATON_STEP_RETRIEVED);
	}
	return wait_for(BATON_STEP_RETRIEVED, least(BATON_RETRIEVE_MS, left_ms(run)));
}

static baton_str docs_json(struct baton_run *run)
{
	struct baton_buf json = { NULL, 0, 0 };

	baton_buf_z(&json, "[");
	for (uint32_t i = 0; i < run->n_docs; i++) {
		const baton_doc *doc = &run->docs[i];

		baton_buf_z(&json, i ? ",{\"id\":" : "{\"id\":");
		baton_buf_json(&json, doc->id);
		baton_buf_z(&json, ",\"title\":");
		baton_buf_json(&json, doc->title);
		baton_buf_z(&json, ",\"uri\":");
		baton_buf_json(&json, doc->uri);
		baton_buf_z(&json, ",\"version\":");
		baton_buf_json(&json, doc->version);
		baton_buf_printf(&json, ",\"score_ppm\":%u}", doc->score_ppm);
	}
	baton_buf_z(&json, "]");
	return keep_buf(run, &json);
}

static struct then step_retrieved(struct baton_run *run)
{
	if (!run->heard_end && !run->heard_fail && !clock_ran_out(run))
		return wait_for(BATON_STEP_RETRIEVED, least(BATON_RETRIEVE_MS, left_ms(run)));
	give_up_waiting(run);
	note(run, BATON_EV_SOURCES_RETRIEVED)->sources_retrieved =
		(struct baton_ev_sources_retrieved){
			.turn = run->turn,
			.sources = docs_json(run),
			.failed = run->heard_end    ? BATON_STR("")
				  : run->heard_fail ? BATON_STR("module")
						    : BATON_STR("timeout"),
		};
	return go_on(BATON_STEP_ASK);
}

/* The answer of one attempt begins from nothing. */
static void forget_attempt(struct baton_run *run)
{
	run->heard_end = run->heard_fail = false;
	baton_buf_reset(&run->answer);
	run->said = 0;
	run->unknown = false;
	run->sources = BATON_STR("");
	run->usage = (baton_usage){ .size = sizeof(run->usage) };
	run->first_token_ns = run->last_token_ns = 0;
	run->http_status = 0;
	run->fail_message = BATON_STR("");
}

static struct then no_target_left(struct baton_run *run)
{
	const struct baton_attempt *last =
		run->n_attempts ? &run->attempts[run->n_attempts - 1] : NULL;

	if (!last)
		return hand_over(run, "core.no_target", "no target is declared for this route",
				 queue_of(run));
	if (last->fail == BATON_FAIL_REFUSED)
		return hand_over(run, "core.refused", "the model refused to answer", queue_of(run));
	if (left_ms(run) == 0)
		return hand_over(run, "core.total_time", "no answer within the route's total time",
				 queue_of(run));
	return hand_over(run, "core.model_unavailable", "no model could answer", queue_of(run));
}

static void note_route(struct baton_run *run)
{
	note(run, BATON_EV_ROUTE_SELECTED)->route_selected = (struct baton_ev_route_selected){
		.turn = run->turn,
		.route = baton_str_of(run->route->intent),
		.class_name = baton_str_of(run->route->class_ ? run->route->class_->name : ""),
		.tier = run->tier,
		.target = baton_str_of(run->choice.target->name),
		.model = baton_str_of(run->choice.target->model),
		.attempt = run->n_attempts,
		.reason = baton_str_of(run->choice.reason),
	};
}

/* A choice with a delay is made once and asked when its time has come. */
static struct then step_ask(struct baton_run *run)
{
	if (run->choice.delay_ms > 0 && !clock_ran_out(run))
		return wait_for(BATON_STEP_ASK,
				1 + (run->wait_until_ns - run->ops->now_ns(run->ud)) / NS_PER_MS);
	if (run->choice.delay_ms == 0) {
		if (!baton_route_next(run->route, run->attempts, run->n_attempts, left_ms(run),
				      run->ops->random(run->ud), &run->choice))
			return no_target_left(run);
		if (run->choice.delay_ms > 0)
			return wait_for(BATON_STEP_ASK, run->choice.delay_ms);
	}
	run->choice.delay_ms = 0;
	if (!room_for_notes(run))
		return done();

	forget_attempt(run);
	run->attempts[run->n_attempts++] = (struct baton_attempt){ .target = run->choice.target };
	/* Where the class says so, a substitute only drafts: a person approves. */
	if (run->choice.substitute && run->route->class_ &&
	    run->route->class_->on_failure == BATON_ON_FAILURE_REVIEW &&
	    run->tier < BATON_TIER_REVIEWED)
		run->tier = BATON_TIER_REVIEWED;
	run->speaks = run->tier == BATON_TIER_AUTOMATED;
	note_route(run);
	run->ops->count(run->ud, BATON_METRIC_ATTEMPTS, 1);

	baton_turn view;
	baton_prompt prompt;
	baton_run_view(run, &view);
	baton_run_prompt(run, &view, &prompt);
	run->asked_ns = run->ops->now_ns(run->ud);
	run->step = BATON_STEP_HEAR; /* so that a refusal is recorded as this attempt's */
	run->ticket = run->ops->ticket(run->ud, run);
	if (run->ops->generate(run->ud, run, run->choice.target->provider, &prompt) < 0) {
		run->ticket = 0;
		baton_run_heard_fail(
			run, &(baton_error){
				     .fail = BATON_FAIL_MODULE,
				     .code = BATON_STR("module"),
				     .message = BATON_STR("the provider module did not start") });
		return go_on(BATON_STEP_HEAR);
	}
	return wait_for(BATON_STEP_HEAR, least(run->route->first_token_ms, left_ms(run)));
}

/* When the running attempt has used up its patience: first token, then a stall, then the total. */
static uint64_t patience_ns(const struct baton_run *run)
{
	uint64_t until = run->last_token_ns
				 ? run->last_token_ns + run->route->stall_ms * NS_PER_MS
				 : run->asked_ns + run->route->first_token_ms * NS_PER_MS;

	return least(until, run->deadline_ns);
}

static struct then attempt_failed(struct baton_run *run)
{
	struct baton_attempt *attempt = &run->attempts[run->n_attempts - 1];
	uint64_t shown = run->said;

	attempt->showed = shown > 0;
	run->ops->count(run->ud, BATON_METRIC_ATTEMPTS_FAILED, 1);
	note(run, BATON_EV_MODEL_FAILED)->model_failed = (struct baton_ev_model_failed){
		.turn = run->turn,
		.attempt = run->n_attempts,
		.target = baton_str_of(attempt->target->name),
		.model = baton_str_of(attempt->target->model),
		.fail = attempt->code[0] ? baton_str_of(attempt->code)
					 : baton_str_of(baton_fail_name(attempt->fail)),
		.http_status = run->http_status,
		.retry_after_ms = attempt->retry_after_ms,
		.shown_bytes = shown,
		.message = run->fail_message,
	};
	if (shown > 0) {
		note(run, BATON_EV_ANSWER_SUPERSEDED)->answer_superseded = baton_run_shown(run);
		run->ops->count(run->ud, BATON_METRIC_SUPERSEDED, 1);
	}
	/* A failure is news: agents and operators see it now, and a withdrawn text must go. */
	if (flush_notes(run) < 0)
		return done();
	run->said = 0;
	run->choice.delay_ms = 0;
	return go_on(BATON_STEP_ASK);
}

static struct then fail_attempt(struct baton_run *run, uint32_t fail, const char *code)
{
	give_up_waiting(run);
	baton_run_heard_fail(run, &(baton_error){ .fail = fail, .code = baton_str_of(code) });
	return attempt_failed(run);
}

static struct then step_hear(struct baton_run *run)
{
	uint64_t now_ns = run->ops->now_ns(run->ud);

	if (run->heard_fail)
		return attempt_failed(run);
	if (run->answer.n > BATON_ANSWER_BYTES_MAX)
		return fail_attempt(run, BATON_FAIL_BAD_OUTPUT, "too_long_an_answer");
	if (run->heard_end) {
		if (run->end_reason == BATON_END_FILTERED)
			return fail_attempt(run, BATON_FAIL_REFUSED, "filtered");
		if (run->answer.n == 0)
			return fail_attempt(run, BATON_FAIL_BAD_OUTPUT, "empty");
		return go_on(BATON_STEP_RULES_AFTER);
	}
	if (now_ns >= patience_ns(run))
		return fail_attempt(run, BATON_FAIL_TIMEOUT,
				    now_ns >= run->deadline_ns ? "total_timeout"
				    : run->last_token_ns       ? "stall"
							       : "first_token_timeout");
	return wait_for(BATON_STEP_HEAR, (patience_ns(run) - now_ns) / NS_PER_MS + 1);
}

static struct then step_rules_after(struct baton_run *run)
{
	if (!room_for_notes(run))
		return done();
	if (rules_escalate(run, BATON_STAGE_AFTER))
		return go_on(BATON_STEP_HAND_OVER);
	return go_on(run->tier == BATON_TIER_AUTOMATED ? BATON_STEP_ANSWER : BATON_STEP_DRAFT);
}

static uint64_t since_start_ms(const struct baton_run *run, uint64_t at_ns)
{
	return at_ns > run->started_ns ? (at_ns - run->started_ns) / NS_PER_MS : 0;
}

/* Priced at the target that answered. */
static uint64_t cost_microusd(const struct baton_run *run)
{
	const struct baton_target *target = run->choice.target;

	if (run->usage.cost_microusd > 0)
		return run->usage.cost_microusd;
	return (run->usage.in_tokens * target->in_microusd_per_mtok +
		run->usage.out_tokens * target->out_microusd_per_mtok) /
	       1000000;
}

static const char *const finish_names[] = { "stop", "length", "tool_calls", "filtered" };

static struct then finish(struct baton_run *run, enum baton_verb verb, unsigned metric)
{
	int rc = run->ops->emit(run->ud, run, verb, run->notes, run->n_notes);

	run->n_notes = 0;
	if (rc == BATON_OK) {
		run->ops->count(run->ud, metric, 1);
		run->ops->observe(run->ud, BATON_HIST_TURN,
				  (run->ops->now_ns(run->ud) - run->started_ns) / 1000);
	}
	return done();
}

static struct then step_answer(struct baton_run *run)
{
	const struct baton_target *target = run->choice.target;

	note(run, BATON_EV_ANSWER_GENERATED)->answer_generated = (struct baton_ev_answer_generated){
		.turn = run->turn,
		.upto = run->turn,
		.attempt = run->n_attempts,
		.text = baton_buf_view(&run->answer),
		.origin = BATON_STR("ai"),
		.sources = run->sources,
		.target = baton_str_of(target->name),
		.model = baton_str_of(target->model),
		.finish = baton_str_of(
			finish_names[run->end_reason <= BATON_END_FILTERED ? run->end_reason : 0]),
		.in_tokens = run->usage.in_tokens,
		.out_tokens = run->usage.out_tokens,
		.cost_microusd = cost_microusd(run),
		.first_token_ms = since_start_ms(run, run->first_token_ns),
		.total_ms = since_start_ms(run, run->ops->now_ns(run->ud)),
		.substitute = run->choice.substitute,
	};
	run->ops->observe(run->ud, BATON_HIST_FIRST_TOKEN,
			  (run->first_token_ns - run->started_ns) / 1000);
	return finish(run, BATON_CMD_EVENT, BATON_METRIC_TURNS_ANSWERED);
}

static struct then step_draft(struct baton_run *run)
{
	/* A rule that looked at the whole answer wants it reviewed; it may be on the screen
	 * already. */
	if (run->said > 0)
		note(run, BATON_EV_ANSWER_SUPERSEDED)->answer_superseded = baton_run_shown(run);
	note(run, BATON_EV_DRAFT_PROPOSED)->draft_proposed = (struct baton_ev_draft_proposed){
		.turn = run->turn,
		.upto = run->turn,
		.text = baton_buf_view(&run->answer),
		.sources = run->sources,
		.target = baton_str_of(run->choice.target->name),
		.model = baton_str_of(run->choice.target->model),
		.confidence_ppm = run->intent_ppm,
		.substitute = run->choice.substitute,
	};
	return finish(run, BATON_CMD_EVENT, BATON_METRIC_TURNS_DRAFTED);
}

static struct then step_hand_over(struct baton_run *run)
{
	baton_facts facts;
	struct baton_buf json = { NULL, 0, 0 };

	give_up_waiting(run);
	if (!room_for_notes(run))
		return done();
	/* An answer that the rules stopped was perhaps on the screen already. */
	if (run->said > 0)
		note(run, BATON_EV_ANSWER_SUPERSEDED)->answer_superseded = baton_run_shown(run);
	baton_run_facts(run, BATON_STAGE_AFTER, &facts);
	baton_facts_json(&facts, &json);
	note(run, BATON_EV_ESCALATION_TRIGGERED)->escalation_triggered =
		(struct baton_ev_escalation_triggered){
			.turn = run->turn,
			.rule = run->why.rule,
			.reason = run->why.reason,
			.queue = run->why.queue.n ? run->why.queue : queue_of(run),
			.priority = run->why.priority ? run->why.priority : 5,
			.reversible = run->why.reversible,
			.facts = keep_buf(run, &json),
			.release = run->release_number,
		};
	return finish(run, BATON_CMD_HAND_OVER, BATON_METRIC_TURNS_HANDED_OVER);
}

/* Read down: this is the life of a turn. */
static struct then (*const steps[BATON_STEP_COUNT])(struct baton_run *run) = {
	[BATON_STEP_CLASSIFY] = step_classify,
	[BATON_STEP_CLASSIFIED] = step_classified,
	[BATON_STEP_RULES_BEFORE] = step_rules_before,
	[BATON_STEP_ROUTE] = step_route,
	[BATON_STEP_RETRIEVE] = step_retrieve,
	[BATON_STEP_RETRIEVED] = step_retrieved,
	[BATON_STEP_ASK] = step_ask,
	[BATON_STEP_HEAR] = step_hear,
	[BATON_STEP_RULES_AFTER] = step_rules_after,
	[BATON_STEP_ANSWER] = step_answer,
	[BATON_STEP_DRAFT] = step_draft,
	[BATON_STEP_HAND_OVER] = step_hand_over,
};

void baton_run_go(struct baton_run *run)
{
	for (unsigned lap = 0; lap < BATON_TURN_STEPS_MAX && !run->done; lap++) {
		struct then then = steps[run->step](run);

		run->done = run->done || then.verb == DONE;
		if (run->done)
			return;
		run->step = then.step;
		if (then.verb == WAIT) {
			baton_assert(then.wait_ms > 0 ||
				     left_ms(run) == 0); /* nobody waits without a deadline */
			run->wait_until_ns = run->ops->now_ns(run->ud) + then.wait_ms * NS_PER_MS;
			run->ops->wait(run->ud, run, then.wait_ms);
			return;
		}
	}
	baton_assert(run->done);
}
