/* SPDX-License-Identifier: Apache-2.0 */

/* How a turn ends: an answer, a draft, a hand over, or a message that a mode keeps. And the notes,
 * which go to the session with the outcome. */

#include "core/turn/inside.h"

#include "core/base/assert.h"
#include "core/observe/metrics.h"
#include "core/policy/expr.h"
#include "core/turn/mode_event.h"

uint64_t run_left_ms(const struct baton_run *run)
{
	uint64_t now_ns = run->ops->now_ns(run->ud);

	return now_ns < run->deadline_ns ? (run->deadline_ns - now_ns) / BATON_NS_PER_MS : 0;
}

bool run_clock_ran_out(const struct baton_run *run)
{
	return run->ops->now_ns(run->ud) >= run->wait_until_ns;
}

/* --- notes --- */

int run_flush_notes(struct baton_run *run)
{
	if (run->n_notes == 0)
		return BATON_OK;
	int rc = run->ops->emit(
		run->ud, run, run->purpose == BATON_PURPOSE_TOOL ? BATON_CMD_TOOL : BATON_CMD_EVENT,
		run->notes, run->n_notes);
	run->n_notes = 0;
	return rc;
}

struct baton_event *run_note(struct baton_run *run, enum baton_event_type type)
{
	baton_assert(run->n_notes < BATON_RUN_NOTES_MAX);
	struct baton_event *event = &run->notes[run->n_notes++];
	*event = (struct baton_event){ .type = type };
	return event;
}

bool run_room_for_notes(struct baton_run *run)
{
	return run->n_notes + 4 <= BATON_RUN_NOTES_MAX || run_flush_notes(run) == BATON_OK;
}

baton_str run_keep_buf(struct baton_run *run, struct baton_buf *buf)
{
	baton_str kept = { baton_arena_dup(&run->arena, buf->p, buf->n), buf->n };

	baton_buf_done(buf);
	return kept;
}

baton_str run_join(struct baton_run *run, const baton_str *parts, size_t n)
{
	baton_str text = BATON_STR_NONE;

	for (size_t i = 0; i < n; i++)
		text.n += parts[i].n;
	char *to = baton_arena_take(&run->arena, text.n + 1);
	text.p = to;
	for (size_t i = 0; i < n; i++) {
		if (parts[i].n > 0)
			memcpy(to, parts[i].p, parts[i].n);
		to += parts[i].n;
	}
	*to = '\0';
	return text;
}

baton_str run_queue(const struct baton_run *run)
{
	return run->route ? baton_str_of(run->route->queue) : BATON_STR("");
}

void run_give_up_waiting(struct baton_run *run)
{
	if (run->ticket != 0)
		run->ops->cancel(run->ud, run, BATON_CANCEL_DEADLINE);
	run->ticket = 0;
}

void run_note_withdrawn(struct baton_run *run)
{
	if (run->said == 0)
		return;
	run_note(run, BATON_EV_ANSWER_SUPERSEDED)->answer_superseded = baton_run_shown(run);
	run->ops->count(run->ud, BATON_METRIC_SUPERSEDED, 1);
	run->said = run->tools.lead = 0;
}

/* What the customer will have been told once the notes so far are out. */
static baton_str known_mode(const struct baton_run *run)
{
	for (size_t i = run->n_notes; i > 0; i--) {
		if (run->notes[i - 1].type == BATON_EV_MODE_ENTERED)
			return run->notes[i - 1].mode_entered.mode;
		if (run->notes[i - 1].type == BATON_EV_MODE_LEFT)
			return BATON_STR("");
	}
	return baton_str_of(run->session->mode);
}

/* The customer hears of a mode when it first meets him, and when it is over. */
void run_note_mode(struct baton_run *run)
{
	baton_str known = known_mode(run);

	if (run->in_mode && !baton_str_is(known, run->mode.mode->name))
		baton_mode_entered_event(&run->mode, run->release_number,
					 run_note(run, BATON_EV_MODE_ENTERED));
	else if (!run->in_mode && known.n > 0)
		baton_mode_left_event(baton_arena_dup(&run->arena, known.p, known.n + 1),
				      run_note(run, BATON_EV_MODE_LEFT));
}

/* --- hand over, for good or until something is back --- */

struct then run_hand_over(struct baton_run *run, const char *rule, const char *reason)
{
	run->why.rule = baton_str_of(rule);
	run->why.reason = baton_str_of(reason);
	run->why.queue = run_queue(run);
	run->why.priority = 5;
	return go_on(BATON_STEP_HAND_OVER);
}

struct then run_hand_over_for_now(struct baton_run *run, const char *rule, const char *reason,
				  baton_str resumes)
{
	struct then then = run_hand_over(run, rule, reason);

	run->why.reversible = true;
	run->why.resumes = resumes;
	return then;
}

/* --- what a mode does --- */

static baton_str mode_word(struct baton_run *run, const char *prefix)
{
	struct baton_buf word = { NULL, 0, 0 };

	baton_buf_printf(&word, "%s%s", prefix, run->mode.mode->name);
	return run_keep_buf(run, &word);
}

static struct then queue_for_now(struct baton_run *run)
{
	const struct baton_mode_def *mode = run->mode.mode;
	struct then then = run_hand_over_for_now(run, "", baton_trigger_meaning(run->mode.trigger),
						 mode_word(run, "mode:"));

	run->why.rule = mode_word(run, "mode.");
	if (mode->queue && mode->queue[0])
		run->why.queue = baton_str_of(mode->queue);
	/* After an expiry the mode's own words are not true any more. */
	if (run->mode.what == mode->what)
		run->told = baton_str_of(mode->say);
	return then;
}

static struct then draft_from_template(struct baton_run *run)
{
	const char *text = baton_policy_prompt(run->policy, run->mode.mode->template_);

	if (!text || !text[0])
		return queue_for_now(run);
	baton_buf_reset(&run->answer);
	baton_buf_z(&run->answer, text);
	run->origin = BATON_STR("template");
	run->tier = BATON_TIER_REVIEWED;
	return go_on(BATON_STEP_DRAFT);
}

struct then run_obey_mode(struct baton_run *run)
{
	switch (run->mode.what) {
	case BATON_MODE_INTAKE:
	case BATON_MODE_TICKET:
		return queue_for_now(run);
	case BATON_MODE_TEMPLATED:
		return draft_from_template(run);
	case BATON_MODE_PAUSE:
		return go_on(BATON_STEP_CAPTURE);
	case BATON_MODE_SUBSTITUTE:
		/* Met because nobody was left: then the substitute cannot answer either. */
		return run->mode.trigger == BATON_TRIGGER_ALL_DOWN && run->n_attempts > 0
			       ? queue_for_now(run)
			       : go_on(BATON_STEP_RETRIEVE);
	}
	return queue_for_now(run);
}

/* --- the ends --- */

static uint64_t since_start_ms(const struct baton_run *run, uint64_t at_ns)
{
	return at_ns > run->started_ns ? (at_ns - run->started_ns) / BATON_NS_PER_MS : 0;
}

static uint32_t support_ppm(const struct baton_run *run)
{
	return run->n_docs > 0 ? run->docs[0].score_ppm : 0;
}

static bool is_degraded(const struct baton_run *run)
{
	return run->in_mode || (run->choice.target && run->choice.substitute);
}

static void report(struct baton_run *run, unsigned metric)
{
	struct baton_turn_report report = {
		.intent = run->route ? run->route->intent : "default",
		.class_name = run->route && run->route->class_ ? run->route->class_->name : "",
		.answered = metric == BATON_METRIC_TURNS_ANSWERED,
		.drafted = metric == BATON_METRIC_TURNS_DRAFTED,
		.handed_over = metric == BATON_METRIC_TURNS_HANDED_OVER,
		.captured = metric == BATON_METRIC_TURNS_CAPTURED,
		.degraded = is_degraded(run),
		.tool_calls = run->tools.n_called,
		.tool_errors = run->tools.n_failed,
		.low_confidence = support_ppm(run) < BATON_WEAK_PPM || run->unknown,
		.retrieval_empty = run->searched && run->n_docs == 0,
		.stale = run_stale(run) > 0,
		.total_ms = since_start_ms(run, run->ops->now_ns(run->ud)),
		.first_token_ms = since_start_ms(run, run->first_word_ns),
	};
	struct baton_now now;

	struct baton_board *board = run->ops->board(run->ud, &now);
	baton_board_report(board, now, &report);
	run->ops->board_done(run->ud);
}

static void tell_trial(struct baton_run *run, unsigned metric)
{
	struct baton_trial_sample sample = {
		.failed = run->faulty,
		.first_ms = (uint32_t)since_start_ms(run, run->first_word_ns),
		.total_ms = (uint32_t)since_start_ms(run, run->ops->now_ns(run->ud)),
		.cost_microusd =
			run->spent_microusd + (run->choice.target ? run_cost_microusd(run) : 0),
		.escalated = metric == BATON_METRIC_TURNS_HANDED_OVER,
	};

	if (run->moves == 0)
		run->ops->turned(run->ud, run, &sample);
}

static struct then finish(struct baton_run *run, enum baton_verb verb, unsigned metric)
{
	int rc = run->ops->emit(run->ud, run, verb, run->notes, run->n_notes);

	run->n_notes = 0;
	if (rc == BATON_OK) {
		run->ops->count(run->ud, metric, 1);
		run->ops->observe(run->ud, BATON_HIST_TURN,
				  (run->ops->now_ns(run->ud) - run->started_ns) / 1000);
		report(run, metric);
		tell_trial(run, metric);
	}
	return done();
}

static baton_str mode_name(const struct baton_run *run)
{
	return run->in_mode ? baton_str_of(run->mode.mode->name) : BATON_STR("");
}

static const char *const finish_names[] = { "stop", "length", "tool_calls", "filtered" };

enum { OFFER_EVERY = 3 }; /* exchanges */

/* A rule would rather offer a person than decide for one: said behind the answer, and not with
 * each. */
static void note_offer(struct baton_run *run)
{
	const struct baton_session *session = run->session;
	const char *words = run->policy->say_offer_human;
	bool lately = session->offered_at > 0 &&
		      session->exchanges + 1 < session->offered_at + OFFER_EVERY;

	if (run->offer.rule.n == 0 || lately)
		return;
	run_note(run, BATON_EV_HUMAN_OFFERED)->human_offered = (struct baton_ev_human_offered){
		.turn = run->turn,
		.text = baton_str_of(words && words[0] ? words : BATON_SAY_OFFER_HUMAN),
		.rule = run->offer.rule,
		.reason = run->offer.reason,
	};
}

struct then step_answer(struct baton_run *run)
{
	const struct baton_target *target = run->choice.target;
	const struct baton_class *class_ = run->route->class_;

	run_note(run, BATON_EV_ANSWER_GENERATED)
		->answer_generated = (struct baton_ev_answer_generated){
		.turn = run->turn,
		.upto = run->turn,
		.attempt = run->text_attempt,
		.text = baton_buf_view(&run->answer),
		.origin = run->origin,
		.sources = run->sources,
		.target = baton_str_of(target->name),
		.model = baton_str_of(target->model),
		.finish = baton_str_of(
			finish_names[run->end_reason <= BATON_END_FILTERED ? run->end_reason : 0]),
		.in_tokens = run->usage.in_tokens,
		.out_tokens = run->usage.out_tokens,
		.cost_microusd = run->unnoted_microusd,
		.first_token_ms = since_start_ms(run, run->first_word_ns),
		.total_ms = since_start_ms(run, run->ops->now_ns(run->ud)),
		.substitute = run->choice.substitute,
		.marked = run->choice.substitute && class_ && class_->mark_substitute,
		.continued = run->kept > run->tools.lead,
		.mode = mode_name(run),
		.confidence_ppm = support_ppm(run),
		.stale = run_stale(run),
		.unknown = run->unknown,
		.prompt = run->prompt,
	};
	note_offer(run);
	run->ops->observe(run->ud, BATON_HIST_FIRST_TOKEN,
			  (run->first_word_ns - run->started_ns) / 1000);
	return finish(run, BATON_CMD_EVENT, BATON_METRIC_TURNS_ANSWERED);
}

struct then step_draft(struct baton_run *run)
{
	const struct baton_target *target = run->choice.target;

	/* A rule that looked at the whole answer wants it reviewed; it may be on the screen
	 * already. */
	run_note_withdrawn(run);
	run_note(run, BATON_EV_DRAFT_PROPOSED)->draft_proposed = (struct baton_ev_draft_proposed){
		.turn = run->turn,
		.upto = run->turn,
		.text = baton_buf_view(&run->answer),
		.sources = run->sources,
		.target = baton_str_of(target ? target->name : ""),
		.model = baton_str_of(target ? target->model : ""),
		.confidence_ppm = run->intent_ppm,
		.substitute = run->choice.substitute,
		.origin = run->origin,
		.cost_microusd = run->unnoted_microusd,
		.mode = mode_name(run),
		.stale = run_stale(run),
		.unknown = run->unknown,
		.prompt = run->prompt,
	};
	return finish(run, BATON_CMD_EVENT, BATON_METRIC_TURNS_DRAFTED);
}

struct then step_capture(struct baton_run *run)
{
	run_give_up_waiting(run);
	if (!run_room_for_notes(run))
		return done();
	run_note_withdrawn(run);
	run_note(run, BATON_EV_MESSAGE_CAPTURED)->message_captured =
		(struct baton_ev_message_captured){
			.turn = run->turn,
			.upto = run->turn,
			.mode = baton_str_of(run->mode.mode->name),
			.text = baton_str_of(run->mode.mode->say),
			.until_ms = run->mode.until_unix_ms,
			.trigger = baton_str_of(baton_trigger_name(run->mode.trigger)),
			.cost_microusd = run->unnoted_microusd,
		};
	return finish(run, BATON_CMD_EVENT, BATON_METRIC_TURNS_CAPTURED);
}

struct then step_hand_over(struct baton_run *run)
{
	baton_facts facts;
	struct baton_buf json = { NULL, 0, 0 };

	run_give_up_waiting(run);
	if (!run_room_for_notes(run))
		return done();
	/* An answer that the rules stopped was perhaps on the screen already. */
	run_note_withdrawn(run);
	baton_run_facts(run, BATON_STAGE_AFTER, &facts);
	baton_facts_json(&facts, &json);
	run_note(run, BATON_EV_ESCALATION_TRIGGERED)->escalation_triggered =
		(struct baton_ev_escalation_triggered){
			.turn = run->turn,
			.rule = run->why.rule,
			.reason = run->why.reason,
			.queue = run->why.queue.n ? run->why.queue : run_queue(run),
			.priority = run->why.priority ? run->why.priority : 5,
			.reversible = run->why.reversible,
			.facts = run_keep_buf(run, &json),
			.release = run->release_number,
			.resumes = run->why.resumes,
			.tier = run_tier(run),
			.cost_microusd = run->unnoted_microusd,
		};
	return finish(run, BATON_CMD_HAND_OVER, BATON_METRIC_TURNS_HANDED_OVER);
}
