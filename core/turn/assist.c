/* SPDX-License-Identifier: Apache-2.0 */

/* Help for agents: a suggested reply, and the write-up of a case. A run like any other as far as
 * asking goes (board, breakers, budgets, retries, stand-ins, canaries), and unlike any other in
 * that nothing of it is meant for the customer: no text is told while it grows, no turn hangs on
 * it, and what it comes to is one event for agents, or nothing.
 *
 * What customers wrote is data here, never an instruction: it stands as JSON between fences with a
 * number that nobody could know before.
 */

#include "core/turn/inside.h"

#include "core/base/errors.h"
#include "core/observe/metrics.h"
#include "core/turn/fence.h"

enum { CASE_BYTES_MAX = BATON_PROMPT_BYTES_MAX / 2 };

static const char *const intents[] = { [BATON_PURPOSE_ANSWER] = "",
				       [BATON_PURPOSE_SUGGESTION] = "reply-suggestion",
				       [BATON_PURPOSE_WRITEUP] = "case-writeup",
				       [BATON_PURPOSE_SUMMARY] = "session-summary" };
static const char *const prompts[] = { [BATON_PURPOSE_ANSWER] = "",
				       [BATON_PURPOSE_SUGGESTION] = "suggestion",
				       [BATON_PURPOSE_WRITEUP] = "writeup",
				       [BATON_PURPOSE_SUMMARY] = "summary" };

/* Where the set has no prompts/suggestion.md, prompts/writeup.md. */
static const char *const plain_words[] = {
	[BATON_PURPOSE_ANSWER] = "",
	[BATON_PURPOSE_SUGGESTION] =
		"You suggest to a support agent what to answer. Write only the reply, ready to be "
		"sent, in the customer's language. Use nothing but the conversation and the "
		"articles; where something must be looked up, leave a gap in square brackets.",
	[BATON_PURPOSE_WRITEUP] =
		"You write for a support agent who takes over a conversation. Do not answer the "
		"customer. In at most twelve lines: what the customer wants, what has been tried, "
		"what is known and what is not, what to do next. Put the number of the line that "
		"each statement rests on behind it in square brackets, such as [7].",
	[BATON_PURPOSE_SUMMARY] =
		"You sum up the older part of a support conversation, so that whoever goes on with it "
		"needs nothing else of it. At most twelve lines: what the customer wants, names and "
		"numbers that were given, what was tried and with what result, what was promised, what "
		"is open. Keep what the summary so far says, unless it is settled. Put the number of the "
		"line that each statement rests on behind it in square brackets, such as [7].",
};

const struct baton_route *baton_assist_route(const struct baton_policy *policy,
					     enum baton_purpose purpose)
{
	baton_str name = baton_str_of(intents[purpose]);
	const struct baton_intent_def *intent = baton_policy_intent(policy, name);
	const struct baton_route *route = baton_policy_route(policy, name);

	/* The default route is for customers: what a set derives from it is not a wish for help. */
	return intent && intent->internal && route && route->primary && !route->derived &&
			       baton_str_is(name, route->intent)
		       ? route
		       : NULL;
}

/* --- what providers are shown --- */

/* As much as fits of what is half of a prompt: the case, and a quarter: the lines, the articles. */
static size_t part(const struct baton_run *run, unsigned divisor)
{
	return least(run_prompt_room(run), 2 * CASE_BYTES_MAX) / divisor;
}

static void add_case(const struct baton_run *run, uint64_t number, struct baton_buf *out)
{
	baton_str text = baton_str_clip(run->package, part(run, 2));

	fence_open(out, number, "the case as JSON");
	fence_data(out, text);
	baton_buf_z(out, text.n < run->package.n ? "\n(cut)" : "");
	fence_close(out, number);
}

static const char *speaker(uint32_t role)
{
	return role == BATON_ROLE_CUSTOMER ? "customer" : role == BATON_ROLE_BOT ? "bot" : "agent";
}

static void add_line(const struct baton_line *line, struct baton_buf *out)
{
	baton_buf_printf(out, "{\"seq\":%llu,\"%s\":", (unsigned long long)line->seq,
			 speaker(line->role));
	baton_buf_json(out, line->text);
	baton_buf_z(out, "}\n");
}

/* The newest lines that fit, each with the number that a write-up may point at. */
static void add_lines(struct baton_run *run, const baton_turn *turn, uint64_t number,
		      struct baton_buf *out)
{
	const struct baton_session *session = run->session;
	size_t begin = session->n_lines, bytes = 0;
	struct baton_buf lines = { NULL, 0, 0 };

	while (begin > 0 && bytes + session->lines[begin - 1].text.n <= part(run, 4))
		bytes += session->lines[--begin].text.n;
	for (size_t i = begin; i < session->n_lines; i++)
		add_line(&(struct baton_line){ session->lines[i].seq, session->lines[i].role,
					       turn->msgs[i].text },
			 &lines);
	fence_around(out, number, "the conversation", baton_buf_view(&lines));
	baton_buf_done(&lines);
}

/* What is to be summed up: the summary there is, and the lines behind it. */
static void add_older(struct baton_run *run, const baton_turn *turn, uint64_t number,
		      struct baton_buf *out)
{
	const struct baton_session *session = run->session;
	struct baton_buf lines = { NULL, 0, 0 };

	if (session->summary.n > 0)
		fence_around(out, number, "the summary so far", session->summary);
	for (size_t i = 0; i < session->n_lines; i++) {
		const struct baton_line *line = &session->lines[i];
		baton_str text = baton_str_clip(turn->msgs[i].text, part(run, 8));

		if (line->seq > session->summary_upto && line->seq <= run->about &&
		    lines.n + text.n <= part(run, 2))
			add_line(&(struct baton_line){ line->seq, line->role, text }, &lines);
	}
	fence_around(out, number, "what was said after it", baton_buf_view(&lines));
	baton_buf_done(&lines);
}

/* The conversation as a provider knows it, up to the customer's newest words: what colleagues have
 * answered behind them is part of the case. */
static size_t add_turns(const struct baton_run *run, const baton_turn *turn, baton_msg *msgs)
{
	size_t end = turn->n_msgs, bytes = 0;

	while (end > 0 && turn->msgs[end - 1].role != BATON_ROLE_CUSTOMER)
		end--;
	size_t begin = end;
	while (begin > 0 && bytes + turn->msgs[begin - 1].text.n <= part(run, 4))
		bytes += turn->msgs[--begin].text.n;
	if (begin == end && end > 0)
		begin--;
	memcpy(msgs, turn->msgs + begin, (end - begin) * sizeof(*msgs));
	return end - begin;
}

size_t run_assist_messages(struct baton_run *run, const baton_turn *turn, baton_msg *msgs)
{
	struct baton_buf system = { NULL, 0, 0 }, data = { NULL, 0, 0 };
	uint64_t number = run->ops->random(run->ud);
	bool suggests = run->purpose == BATON_PURPOSE_SUGGESTION;
	struct baton_buf *to = suggests ? &system : &data;

	baton_buf_str(&system,
		      run_prompt_words(run, prompts[run->purpose], plain_words[run->purpose]));
	fence_explain(&system, number);
	if (run->purpose == BATON_PURPOSE_SUMMARY) {
		add_older(run, turn, number, to);
	} else {
		add_case(run, number, to);
		run_prompt_docs(run, number, part(run, 4), to);
	}
	if (run->purpose == BATON_PURPOSE_WRITEUP)
		add_lines(run, turn, number, to);
	msgs[0] = (baton_msg){ .role = BATON_ROLE_SYSTEM, .text = run_keep_buf(run, &system) };
	if (suggests)
		return 1 + add_turns(run, turn, msgs + 1);
	msgs[1] = (baton_msg){ .role = BATON_ROLE_CUSTOMER, .text = run_keep_buf(run, &data) };
	return 2;
}

/* --- the ends --- */

static struct then finish(struct baton_run *run, enum baton_verb verb, unsigned metric)
{
	int rc = run->ops->emit(run->ud, run, verb, run->notes, run->n_notes);

	run->n_notes = 0;
	if (rc == BATON_OK)
		run->ops->count(run->ud, metric, 1);
	return done();
}

static uint64_t total_cost(const struct baton_run *run, bool answered)
{
	return run->spent_microusd + (answered && run->choice.target ? run_cost_microusd(run) : 0);
}

static struct then suggest(struct baton_run *run)
{
	const struct baton_target *target = run->choice.target;

	run_note(run, BATON_EV_DRAFT_PROPOSED)->draft_proposed = (struct baton_ev_draft_proposed){
		.turn = run->turn,
		.upto = run->turn,
		.text = baton_buf_view(&run->answer),
		.sources = run->sources,
		.target = baton_str_of(target->name),
		.model = baton_str_of(target->model),
		.confidence_ppm = run->n_docs > 0 ? run->docs[0].score_ppm : 0,
		.substitute = run->choice.substitute,
		.origin = BATON_STR("ai"),
		.cost_microusd = total_cost(run, true),
		.mode = baton_str_of(run->in_mode ? run->mode.mode->name : ""),
		.asked_by = run->asked_by,
		.stale = run_stale(run),
		.prompt = run->prompt,
	};
	return finish(run, BATON_CMD_ASSIST, BATON_METRIC_SUGGESTIONS);
}

static struct then write_up(struct baton_run *run)
{
	const struct baton_target *target = run->choice.target;

	run_note(run, BATON_EV_WRITEUP_GENERATED)->writeup_generated =
		(struct baton_ev_writeup_generated){
			.about = run->about,
			.text = baton_buf_view(&run->answer),
			.sources = run->sources.n ? run->sources : run_docs_json(run),
			.origin = BATON_STR("ai"),
			.target = baton_str_of(target->name),
			.model = baton_str_of(target->model),
			.cost_microusd = total_cost(run, true),
		};
	return finish(run, BATON_CMD_ASSIST, BATON_METRIC_WRITEUPS);
}

/* Shorter than what it stands for, whatever a model makes of it. */
enum { SUMMARY_BYTES_MAX = 4096 };

static struct then sum_up(struct baton_run *run)
{
	const struct baton_target *target = run->choice.target;

	run_note(run, BATON_EV_SUMMARY_MADE)->summary_made = (struct baton_ev_summary_made){
		.upto = run->about,
		.text = baton_str_clip(baton_buf_view(&run->answer), SUMMARY_BYTES_MAX),
		.target = baton_str_of(target->name),
		.model = baton_str_of(target->model),
		.cost_microusd = total_cost(run, true),
	};
	return finish(run, BATON_CMD_SUMMARY, BATON_METRIC_SUMMARIES);
}

/* What the case package says in words, and what the help pages have on it. */
static struct then write_up_by_template(struct baton_run *run, const char *failed)
{
	struct baton_buf text = { NULL, 0, 0 };

	baton_buf_str(&text, run->in_words);
	if (run->n_docs > 0)
		baton_buf_z(&text, "Help pages that may fit:\n");
	for (uint32_t i = 0; i < run->n_docs; i++) {
		bool again = false;

		for (uint32_t k = 0; k < i; k++)
			again |= baton_str_eq(run->docs[k].id, run->docs[i].id);
		if (again)
			continue; /* another passage of the same page */
		baton_buf_z(&text, "- ");
		baton_buf_str(&text, run->docs[i].title.n ? run->docs[i].title : run->docs[i].id);
		baton_buf_z(&text, "\n");
	}
	run_note(run, BATON_EV_WRITEUP_GENERATED)->writeup_generated =
		(struct baton_ev_writeup_generated){
			.about = run->about,
			.text = run_keep_buf(run, &text),
			.sources = run_docs_json(run),
			.origin = BATON_STR("template"),
			.cost_microusd = total_cost(run, false),
			.failed = baton_str_of(failed),
		};
	return finish(run, BATON_CMD_ASSIST, BATON_METRIC_WRITEUPS_TEMPLATE);
}

struct then run_assist_failed(struct baton_run *run, const char *why, int code)
{
	run_give_up_waiting(run);
	run->ops->count(run->ud, BATON_METRIC_ASSISTS_FAILED, 1);
	if (run->purpose == BATON_PURPOSE_WRITEUP)
		return write_up_by_template(run, why);
	if (run->purpose == BATON_PURPOSE_SUGGESTION)
		run->ops->refused(run->ud, run, code);
	return done();
}

struct then run_assist_nobody_left(struct baton_run *run)
{
	const struct baton_attempt *last =
		run->n_attempts > 0 ? &run->attempts[run->n_attempts - 1] : NULL;
	const char *why = baton_trigger_name(run->choice.trigger);

	if (last && last->failed)
		why = last->code[0] ? baton_arena_dup(&run->arena, last->code, strlen(last->code))
				    : baton_fail_name(last->fail);
	else if (run->choice.n_skipped > 0)
		why = baton_trigger_name(run->choice.skipped[0].trigger);
	return run_assist_failed(run, why && why[0] ? why : "unavailable", BATON_E_AGAIN);
}

/* --- the steps --- */

static const char *mode_name(struct baton_run *run)
{
	struct baton_buf word = { NULL, 0, 0 };

	baton_buf_printf(&word, "mode:%s", run->mode.mode->name);
	return run_keep_buf(run, &word).p;
}

struct then step_assist(struct baton_run *run)
{
	struct baton_now now;

	run->route = baton_assist_route(run->policy, run->purpose);
	if (!run->route)
		return run_assist_failed(run, "no_route", BATON_E_UNSUPPORTED);
	run->tier = BATON_TIER_REVIEWED;
	run->deadline_ns = run->started_ns +
			   least(run->route->total_ms, BATON_TURN_TOTAL_MS) * BATON_NS_PER_MS;
	if (run_missing_module(run))
		return run_assist_failed(run, "guard_missing", BATON_E_AGAIN);

	struct baton_board *board = run->ops->board(run->ud, &now);
	run->in_mode = baton_board_mode(board, now, run->policy, run->route, &run->mode);
	run->ops->board_done(run->ud);
	if (run->in_mode && run->mode.what != BATON_MODE_SUBSTITUTE)
		return run_assist_failed(run, mode_name(run), BATON_E_AGAIN);
	if (!run_guard_lines(run))
		return run_guard_refused(run);
	run->package = run_veiled_json(run, BATON_AT_TOOL_RESULT, run->package, BATON_STR(""));
	if (run_guard_down(run))
		return run_guard_refused(run);
	bool searches = run->turn > 0 && run->purpose != BATON_PURPOSE_SUMMARY;
	return go_on(searches ? BATON_STEP_RETRIEVE : BATON_STEP_ASK);
}

struct then step_assisted(struct baton_run *run)
{
	run_settle(run, true, false);
	if (run->unknown)
		return run_assist_failed(run, "unknown", BATON_E_NOTFOUND);
	if (run->answer.n == 0)
		return run_assist_failed(run, "empty", BATON_E_AGAIN);
	if (run->purpose == BATON_PURPOSE_SUMMARY)
		return sum_up(run);
	return run->purpose == BATON_PURPOSE_WRITEUP ? write_up(run) : suggest(run);
}
