/* SPDX-License-Identifier: Apache-2.0 */

/* One attempt after the other: whom the board names is asked and heard; a failure leads back to the
 * board. What the customer has seen of an answer that broke off is either gone on with, by a target
 * that can, or taken back in front of him before the next one begins.
 */

#include "core/turn/inside.h"

#include "core/base/assert.h"
#include "core/observe/metrics.h"
#include "core/turn/budget.h"
#include "core/turn/ground.h"

enum {
	FLOOR_AFTER_MS = 3000, /* a stream is not judged by its speed before this */
	FLOOR_LOOK_MS = 500,   /* how often it is looked at */
	BYTES_PER_TOKEN = 4,
	PROMPT_TOKENS = 300 /* what system prompt and framing come to, for estimates */
};

/* --- the board --- */

static uint64_t prompt_tokens(const struct baton_run *run)
{
	size_t bytes = 0;

	for (size_t i = 0; i < run->session->n_lines; i++)
		bytes += run->session->lines[i].text.n;
	for (uint32_t i = 0; i < run->n_docs; i++)
		bytes += run->docs[i].snippet.n;
	for (size_t i = 0; i < run->n_more; i++)
		bytes += run->more[i].text.n + run->more[i].parts_json.n;
	bytes += run->package.n + run->tools_json.n + run->session->summary.n;
	return least(bytes, BUDGET_BYTES_MAX) / BYTES_PER_TOKEN + PROMPT_TOKENS;
}

/* What cannot be left out of a prompt to make it fit. */
static uint64_t least_tokens(const struct baton_run *run)
{
	size_t bytes = run->tools_json.n;

	for (size_t i = 0; i < run->session->n_lines; i++)
		if (run->session->lines[i].seq == run->turn)
			bytes += run->session->lines[i].text.n;
	for (size_t i = 0; i < run->n_more; i++)
		bytes += run->more[i].text.n + run->more[i].parts_json.n;
	return bytes / BYTES_PER_TOKEN + PROMPT_TOKENS;
}

static bool choose(struct baton_run *run)
{
	struct baton_now now;
	baton_facts facts = { .size = sizeof(facts) };
	struct baton_attempt failed[BATON_RUN_ATTEMPTS_MAX];

	if (run->route->n_switches > 0)
		baton_run_facts(run, BATON_STAGE_BEFORE, &facts);
	struct baton_ask ask = {
		.policy = run->policy,
		.route = run->route,
		.facts = &facts,
		.session = &run->session->id,
		.past = failed,
		.n_past = run_failed_attempts(run, failed),
		.again = run_tools_again(run),
		.whole = run->tools.round > 0,
		.left_ms = run_left_ms(run),
		.random = run->ops->random(run->ud),
		.spent_microusd = run->spent_microusd,
		.in_tokens = prompt_tokens(run),
		.least_tokens = least_tokens(run),
		.asks = run_plan_wanted(run) ? 2 : 1,
		.labelled = strcmp(run->session->channel, "drill") == 0,
		.use = run->in_mode && run->mode.what == BATON_MODE_SUBSTITUTE &&
				       run->mode.mode->use
			       ? run->mode.mode->use->name
			       : NULL,
	};
	struct baton_board *board = run->ops->board(run->ud, &now);
	bool found = baton_board_next(board, now, &ask, &run->choice);
	run->in_drill |= run->choice.drilled;
	run->ops->board_done(run->ud);
	return found;
}

static uint64_t ms_between(uint64_t from_ns, uint64_t to_ns)
{
	return from_ns > 0 && to_ns > from_ns ? (to_ns - from_ns) / BATON_NS_PER_MS : 0;
}

void run_settle(struct baton_run *run, bool answered, bool cancelled)
{
	const struct baton_attempt *attempt =
		run->n_attempts > 0 ? &run->attempts[run->n_attempts - 1] : NULL;
	struct baton_now now;

	if (run->choice.lease == 0)
		return;
	struct baton_outcome outcome = { .answered = answered, .cancelled = cancelled || !attempt };
	if (attempt && !cancelled) {
		outcome.fail = attempt->fail;
		outcome.scope = attempt->scope;
		outcome.retry_after_ms = attempt->retry_after_ms;
		outcome.until_unix_ms = run->fail_until_ms;
		outcome.first_token_ms = ms_between(run->asked_ns, run->first_token_ns);
		outcome.total_ms = ms_between(run->asked_ns, run->ops->now_ns(run->ud));
		outcome.out_tokens = run->usage.out_tokens;
		run->unnoted_microusd += answered ? run_cost_microusd(run) : 0;
		outcome.cost_microusd = run->asked_microusd +
					(answered || run->fail_billed ? run_cost_microusd(run) : 0);
	}
	struct baton_board *board = run->ops->board(run->ud, &now);
	baton_board_settle(board, now, run->choice.lease, &outcome);
	run->ops->board_done(run->ud);
	run->choice.lease = 0;
}

uint64_t run_board_facts(const struct baton_run *run, baton_facts *facts)
{
	struct baton_now now;

	struct baton_board *board = run->ops->board(run->ud, &now);
	if (run->route)
		baton_board_facts(board, now, run->policy, run->route, facts);
	run->ops->board_done(run->ud);
	return now.unix_ms;
}

/* Priced at the target that was asked. */
uint64_t run_cost_microusd(const struct baton_run *run)
{
	const struct baton_target *target = run->choice.target;

	if (run->usage.cost_microusd > 0)
		return run->usage.cost_microusd;
	return (run->usage.in_tokens * target->in_microusd_per_mtok +
		run->usage.out_tokens * target->out_microusd_per_mtok) /
	       1000000;
}

/* --- asking --- */

/* An attempt begins from nothing, or from what the customer has seen of the one before. */
static void forget_attempt(struct baton_run *run)
{
	run->heard_end = run->heard_fail = false;
	run->tools.n = run->tools.at; /* what a failed attempt wanted is nobody's wish */
	run->tools.wanted = false;
	if (run->choice.proceed) {
		run_say_blank(run);
		run->answer.n = run->said;
	} else if (run->tools.lead > 0) {
		run->answer.n = run->tools.lead;
		run->said = least(run->said, run->tools.lead);
	} else {
		baton_buf_reset(&run->answer);
		run->said = 0;
		run->first_word_ns = 0;
		run->text_attempt = run->n_attempts + 1;
	}
	run->kept = run->answer.n;
	run->deltas = run->drilled = 0;
	run->unknown = run->planning = false;
	run->asked_microusd = 0;
	run_ground_forget(run, run->choice.proceed);
	run_guard_forget(run, run->choice.proceed);
	run->usage = (baton_usage){ .size = sizeof(run->usage) };
	run->first_token_ns = run->last_token_ns = 0;
	run->http_status = 0;
	run->fail_message = BATON_STR("");
	run->fail_until_ms = 0;
	run->fail_billed = false;
}

static baton_str skipped_json(struct baton_run *run)
{
	struct baton_buf json = { NULL, 0, 0 };

	if (run->choice.n_skipped == 0)
		return BATON_STR("");
	for (size_t i = 0; i < run->choice.n_skipped; i++) {
		baton_buf_z(&json, i ? ",{\"target\":" : "[{\"target\":");
		baton_buf_json(&json, baton_str_of(run->choice.skipped[i].target->name));
		baton_buf_z(&json, ",\"trigger\":");
		baton_buf_json(&json,
			       baton_str_of(baton_trigger_name(run->choice.skipped[i].trigger)));
		baton_buf_z(&json, "}");
	}
	baton_buf_z(&json, "]");
	return run_keep_buf(run, &json);
}

static void note_route(struct baton_run *run)
{
	const struct baton_choice *choice = &run->choice;

	if (run->purpose != BATON_PURPOSE_ANSWER)
		return; /* the outcome says who wrote it; the board knows the rest */
	run_note(run, BATON_EV_ROUTE_SELECTED)->route_selected = (struct baton_ev_route_selected){
		.turn = run->turn,
		.route = baton_str_of(run->route->intent),
		.class_name = baton_str_of(run->route->class_ ? run->route->class_->name : ""),
		.tier = run->tier,
		.target = baton_str_of(choice->target->name),
		.model = baton_str_of(choice->target->model),
		.attempt = run->n_attempts,
		.reason = baton_str_of(choice->reason),
		.trigger = baton_str_of(baton_trigger_name(choice->trigger)),
		.skipped = skipped_json(run),
		.delay_ms = choice->delay_ms,
		.mode = baton_str_of(run->in_mode ? run->mode.mode->name : ""),
		.tools_off = choice->tools_off,
		.drill = baton_str_of(baton_fault_name(choice->fault.type)),
	};
}

/* The class forbids what the route offers: that is a decision of policy, and it is on record. */
static void note_downgrade_refused(struct baton_run *run)
{
	const struct baton_class *class_ = run->route->class_;

	if (!class_ || class_->on_failure != BATON_ON_FAILURE_ESCALATE ||
	    run->route->n_fallbacks == 0 || !run->choice.to_person)
		return;
	run_note(run, BATON_EV_POLICY_DECIDED)->policy_decided = (struct baton_ev_policy_decided){
		.turn = run->turn,
		.stage = BATON_STR("route"),
		.action = BATON_STR("escalate"),
		.rule = BATON_STR("core.downgrade_refused"),
		.reason = BATON_STR("the class approves no substitute that could answer"),
		.facts = skipped_json(run),
		.release = run->release_number,
	};
}

/* Automation may go on with it later: nothing was wrong with the question. */
static struct then until_targets_are_back(struct baton_run *run, const char *rule,
					  const char *reason)
{
	return run_hand_over_for_now(run, rule, reason, BATON_STR("targets"));
}

static struct then nobody_left(struct baton_run *run)
{
	const struct baton_attempt *last =
		run->n_attempts ? &run->attempts[run->n_attempts - 1] : NULL;
	const struct baton_class *class_ = run->route->class_;
	struct baton_now now;

	if (run->purpose != BATON_PURPOSE_ANSWER)
		return run_assist_nobody_left(run);
	if (last && last->failed && last->fail == BATON_FAIL_REFUSED)
		return run_hand_over(run, "core.refused", "the model refused to answer");
	if (!run->route->primary)
		return run_hand_over(run, "core.no_target", "no target is declared for this route");
	if (run_left_ms(run) == 0)
		return run_hand_over(run, "core.total_time",
				     "no answer within the route's total time");
	note_downgrade_refused(run);
	if (run->choice.to_person)
		return until_targets_are_back(run, "core.person_first",
					      baton_trigger_meaning(run->choice.trigger));
	if (!class_ || !class_->mode)
		return until_targets_are_back(run, "core.model_unavailable",
					      "no model could answer");
	struct baton_board *board = run->ops->board(run->ud, &now);
	/* What a drill makes of its own sessions is no reason to turn customers away: they get the
	 * class's mode each for itself, and it is on for nobody else. */
	if (!run->in_drill)
		baton_board_mode_met(board, now, class_->mode);
	run->ops->board_done(run->ud);
	run->in_mode = true;
	run->mode = (struct baton_mode_view){
		.mode = class_->mode,
		.what = class_->mode->what,
		.since_unix_ms = now.unix_ms,
		.until_unix_ms = now.unix_ms + class_->mode->max_duration_ms,
		.trigger = BATON_TRIGGER_ALL_DOWN,
	};
	run_note_mode(run);
	return run_obey_mode(run);
}

static void generate(struct baton_run *run)
{
	baton_turn view;
	baton_prompt prompt;

	run->ask_at_ns = 0;
	baton_run_view(run, &view);
	baton_run_prompt(run, &view, &prompt);
	run->ticket = run->ops->ticket(run->ud, run);
	if (run->ops->generate(run->ud, run, run->choice.target->provider, &prompt) == 0)
		return;
	run->ticket = 0;
	baton_run_heard_fail(
		run, &(baton_error){ .size = sizeof(baton_error),
				     .fail = BATON_FAIL_MODULE,
				     .scope = BATON_SCOPE_PROVIDER,
				     .code = BATON_STR("module"),
				     .message = BATON_STR("the provider module did not start") });
}

static bool may_speak(const struct baton_run *run)
{
	return run->tier == BATON_TIER_AUTOMATED && run->purpose == BATON_PURPOSE_ANSWER &&
	       !run->planning;
}

/* Who only quotes the articles need not be asked what it means to do. */
static void make_plan(struct baton_run *run)
{
	if (!run_plan_wanted(run))
		return;
	run->planning = !run->quotes;
	if (!run->planning)
		run_plan_of_policy(run);
}

static struct then begin_attempt(struct baton_run *run)
{
	run->chosen = false;
	if (!run_room_for_notes(run))
		return done();
	forget_attempt(run);
	run->attempts[run->n_attempts++] =
		(struct baton_attempt){ .target = run->choice.target,
					.proceeded = run->choice.proceed };
	/* Where the class says so, a substitute only drafts: a person approves. */
	if (run->choice.review && run->tier < BATON_TIER_REVIEWED)
		run->tier = BATON_TIER_REVIEWED;
	note_route(run);
	make_plan(run);
	run->speaks = may_speak(run);
	run->ops->count(run->ud, BATON_METRIC_ATTEMPTS, 1);
	run->asked_ns = run->ops->now_ns(run->ud);
	run->step = BATON_STEP_HEAR; /* so that a refusal is recorded as this attempt's */
	if (run_fault_at_start(run))
		return go_on(BATON_STEP_HEAR);
	if (run->choice.fault.type == BATON_FAULT_SLOW)
		run->ask_at_ns = run->asked_ns + run->choice.fault.ms * BATON_NS_PER_MS;
	else
		generate(run);
	return go_on(BATON_STEP_HEAR);
}

/* Made once; asked when its time has come. */
struct then step_ask(struct baton_run *run)
{
	if (run_guard_down(run))
		return run_guard_refused(run);
	if (run->chosen && run->choice.delay_ms > 0 && !run_clock_ran_out(run))
		return wait_for(BATON_STEP_ASK,
				1 + (run->wait_until_ns - run->ops->now_ns(run->ud)) /
						BATON_NS_PER_MS);
	if (!run->chosen) {
		run->choice = (struct baton_choice){ 0 };
		if (run->n_attempts == BATON_RUN_ATTEMPTS_MAX || !choose(run))
			return nobody_left(run);
		run->chosen = true;
		/* Text that nobody goes on with is taken back now, not after the delay. */
		if (!run->choice.proceed && run->said > run->tools.lead) {
			run_note_withdrawn(run);
			if (run_flush_notes(run) < 0)
				return done();
		}
		if (run->choice.delay_ms > 0)
			return wait_for(BATON_STEP_ASK, run->choice.delay_ms);
	}
	return begin_attempt(run);
}

/* --- hearing --- */

/* When the running attempt has used up its patience: first token, then a stall, then the total. */
static uint64_t patience_ns(const struct baton_run *run)
{
	uint64_t until = run->last_token_ns
				 ? run->last_token_ns + run->route->stall_ms * BATON_NS_PER_MS
				 : run->asked_ns + run->route->first_token_ms * BATON_NS_PER_MS;

	return least(until, run->deadline_ns);
}

/* A token is about four bytes; a provider that sends its tokens one by one is believed. */
static bool too_slow(const struct baton_run *run, uint64_t now_ns)
{
	uint64_t ms = ms_between(run->first_token_ns, now_ns);
	uint64_t tokens = (run->answer.n - run->kept) / BYTES_PER_TOKEN;

	if (tokens < run->deltas)
		tokens = run->deltas;
	return run->route->min_tokens_per_s > 0 && ms >= FLOOR_AFTER_MS &&
	       tokens * 1000 < run->route->min_tokens_per_s * ms;
}

static const char *const scope_names[] = { "model", "request", "provider", "account" };

static void note_failed(struct baton_run *run, const struct baton_attempt *attempt, uint64_t cost)
{
	if (run->purpose != BATON_PURPOSE_ANSWER)
		return;
	run_note(run, BATON_EV_MODEL_FAILED)->model_failed = (struct baton_ev_model_failed){
		.turn = run->turn,
		.attempt = run->n_attempts,
		.target = baton_str_of(attempt->target->name),
		.model = baton_str_of(attempt->target->model),
		.fail = attempt->code[0] ? baton_str_of(attempt->code)
					 : baton_str_of(baton_fail_name(attempt->fail)),
		.http_status = run->http_status,
		.retry_after_ms = attempt->retry_after_ms,
		.shown_bytes = run->said,
		.message = run->fail_message,
		.scope = baton_str_of(
			scope_names[attempt->scope <= BATON_SCOPE_ACCOUNT ? attempt->scope : 0]),
		.trigger = baton_str_of(baton_trigger_name(baton_fail_trigger(attempt->fail))),
		.total_ms = ms_between(run->asked_ns, run->ops->now_ns(run->ud)),
		.cost_microusd = cost,
		.drill = baton_str_of(baton_fault_name(run->choice.fault.type)),
	};
}

static struct then attempt_failed(struct baton_run *run)
{
	struct baton_attempt *attempt = &run->attempts[run->n_attempts - 1];
	uint64_t cost = run->fail_billed ? run_cost_microusd(run) : 0;

	/* A refusal is never routed around, and a drill's fault is not the release's. */
	bool moves = attempt->fail != BATON_FAIL_REFUSED &&
		     run->choice.fault.type == BATON_FAULT_NONE && run_may_move(run);

	run->ask_at_ns = 0;
	run->faulty = true;
	attempt->showed = run->said > run->tools.lead;
	run_settle(run, false, moves);
	run->spent_microusd += cost;
	run->ops->count(run->ud, BATON_METRIC_ATTEMPTS_FAILED, 1);
	note_failed(run, attempt, cost);
	if (moves)
		return run_move(run, baton_fail_name(attempt->fail));
	/* A failure is news: agents and operators see it now. */
	if (run_flush_notes(run) < 0)
		return done();
	return go_on(BATON_STEP_ASK);
}

static struct then fail_attempt(struct baton_run *run, uint32_t fail, const char *code)
{
	run_give_up_waiting(run);
	baton_run_heard_fail(run, &(baton_error){ .size = sizeof(baton_error),
						  .fail = fail,
						  .scope = BATON_SCOPE_PROVIDER,
						  .code = baton_str_of(code) });
	return attempt_failed(run);
}

static struct then ran_out(struct baton_run *run, uint64_t now_ns)
{
	if (now_ns >= run->deadline_ns)
		return fail_attempt(run, BATON_FAIL_TOTAL, "total_timeout");
	if (run->last_token_ns)
		return fail_attempt(run, BATON_FAIL_STALL, "stall");
	return fail_attempt(run, BATON_FAIL_FIRST_TOKEN, "first_token_timeout");
}

/* The same target, in the same attempt, is asked for the answer now. Agents see the plan at
 * once. */
static struct then heard_plan(struct baton_run *run)
{
	run_plan_heard(run);
	run->tools.n = run->tools.at;
	run->tools.wanted = false;
	if (run_flush_notes(run) < 0)
		return done();
	baton_buf_reset(&run->answer);
	run_ground_forget(run, false);
	run->planning = run->unknown = run->heard_end = false;
	run->usage = (baton_usage){ .size = sizeof(run->usage) };
	run->first_token_ns = run->last_token_ns = run->first_word_ns = 0;
	run->deltas = 0;
	run->asked_ns = run->ops->now_ns(run->ud);
	run->speaks = may_speak(run);
	generate(run);
	return go_on(BATON_STEP_HEAR);
}

/* Nobody could look at the answer: it is nobody's fault who wrote it. */
static struct then guard_failed(struct baton_run *run)
{
	run_give_up_waiting(run);
	run_settle(run, true, false);
	return run_guard_refused(run);
}

static struct then heard_end(struct baton_run *run)
{
	if (run->end_reason == BATON_END_FILTERED)
		return fail_attempt(run, BATON_FAIL_REFUSED, "filtered");
	if (!run_room_for_notes(run))
		return done();
	if (run->planning)
		return heard_plan(run);
	/* Who has said what must not be sent gets no tools for it. */
	if (run->tools.wanted && !run->policy_hit)
		return run_tools_asked(run);
	if (run->end_reason == BATON_END_TOOL_CALLS && run->answer.n == run->kept)
		return fail_attempt(run, BATON_FAIL_BAD_OUTPUT, "no_tool_named");
	/* Whoever says that he does not know has said something. */
	if (run->answer.n == run->kept && !run->unknown)
		return fail_attempt(run, BATON_FAIL_EMPTY, "empty");
	run_ground(run);
	if (!run_guard_whole(run))
		return guard_failed(run);
	run_say_all(run);
	return go_on(run->purpose == BATON_PURPOSE_ANSWER ? BATON_STEP_RULES_AFTER
							  : BATON_STEP_ASSISTED);
}

struct then step_hear(struct baton_run *run)
{
	uint64_t now_ns = run->ops->now_ns(run->ud);

	if (run->ask_at_ns > 0 && now_ns >= run->ask_at_ns)
		generate(run);
	if (run_guard_pending(run)) {
		if (!run_room_for_notes(run))
			return done();
		run_guard_settle(run);
		if (run_flush_notes(run) < 0)
			return done();
	}
	if (run_guard_down(run))
		return guard_failed(run);
	if (run->heard_fail)
		return attempt_failed(run);
	if (run->answer.n > BATON_ANSWER_BYTES_MAX)
		return fail_attempt(run, BATON_FAIL_BAD_OUTPUT, "too_long_an_answer");
	if (run->heard_end)
		return heard_end(run);
	if (now_ns >= patience_ns(run))
		return ran_out(run, now_ns);
	if (too_slow(run, now_ns))
		return fail_attempt(run, BATON_FAIL_STALL, "too_slow");

	uint64_t wake_ns = patience_ns(run);
	if (run->ask_at_ns > 0)
		wake_ns = least(wake_ns, run->ask_at_ns);
	if (run->route->min_tokens_per_s > 0)
		wake_ns = least(wake_ns, now_ns + FLOOR_LOOK_MS * BATON_NS_PER_MS);
	return wait_for(BATON_STEP_HEAR, (wake_ns - now_ns) / BATON_NS_PER_MS + 1);
}
