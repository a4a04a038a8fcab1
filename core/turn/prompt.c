/* SPDX-License-Identifier: Apache-2.0 */

/* What classifiers and providers are shown of a turn: a view, and a prompt.
 *
 * A prompt is put together here, whoever is asked: the set's own words, then what fences are, how
 * to cite, the articles, what is known from earlier turns, a summary of what is too old to stand in
 * full; then the conversation as messages, and behind it what tools were asked in this turn. What
 * has no room is left out in a fixed order (budget.c).
 */

#include "core/turn/inside.h"

#include "core/turn/budget.h"
#include "core/turn/fence.h"
#include "core/turn/plan.h"

/* A second suggestion is another call: the session has gone on since the first. */
static baton_str turn_id(struct baton_run *run)
{
	static const char *const tails[] = { [BATON_PURPOSE_ANSWER] = "",
					     [BATON_PURPOSE_SUGGESTION] = "-suggestion",
					     [BATON_PURPOSE_WRITEUP] = "-writeup",
					     [BATON_PURPOSE_SUMMARY] = "-summary",
					     [BATON_PURPOSE_TOOL] = "-tool" };
	char number[BATON_U64_TEXT];

	if (run->turn_id.n > 0)
		return run->turn_id;
	size_t n = baton_u64_text(run->purpose == BATON_PURPOSE_ANSWER ? run->turn : run->begun_at,
				  number);
	baton_str parts[] = { { run->session_id, BATON_ID_TEXT },
			      BATON_STR("-"),
			      { number, n },
			      baton_str_of(tails[run->purpose]) };
	return run->turn_id = run_join(run, parts, sizeof(parts) / sizeof(parts[0]));
}

void baton_run_view(struct baton_run *run, baton_turn *ret_turn)
{
	const struct baton_session *session = run->session;
	baton_msg *msgs = baton_arena_take(&run->arena, (session->n_lines + 1) * sizeof(*msgs));
	bool is_plain = run->policy->n_guards == 0;

	for (size_t i = 0; i < session->n_lines; i++) {
		const struct baton_line *line = &session->lines[i];

		msgs[i] = (baton_msg){ .role = line->role };
		msgs[i].text = is_plain ? line->text : run_veiled_line(run, line);
	}
	*ret_turn = (baton_turn){
		.size = sizeof(*ret_turn),
		.session_id = { run->session_id, BATON_ID_TEXT },
		.turn_id = turn_id(run),
		.channel = baton_str_of(session->channel),
		.locale = baton_str_of(session->locale),
		.customer_ref = baton_str_of(session->customer),
		.customer_tier = baton_str_of(session->customer_tier),
		.intent = baton_str_of(run->purpose == BATON_PURPOSE_ANSWER ? run->intent
									    : session->intent),
		.msgs = msgs,
		.n_msgs = (uint32_t)session->n_lines,
		.attempt = (uint32_t)run->n_attempts,
		.deadline_ns = run->deadline_ns,
	};
}

/* --- the room, and the set's own words --- */

size_t run_prompt_room(const struct baton_run *run)
{
	const struct baton_target *target = run->choice.target;
	size_t tokens = target->context_tokens ? target->context_tokens : BUDGET_TOKENS;
	size_t answer =
		target->max_output_tokens < tokens / 2 ? target->max_output_tokens : tokens / 2;

	return least((tokens - answer) * BUDGET_BYTES_PER_TOKEN, BUDGET_BYTES_MAX);
}

baton_str run_prompt_words(struct baton_run *run, const char *name, const char *otherwise)
{
	const struct baton_target *target = run->choice.target;
	const struct baton_prompt_def *prompt =
		name == target->prompt && target->words
			? target->words
			: baton_policy_prompt_for(run->policy, name, target->name);

	run->prompt = BATON_STR("");
	if (!prompt || !prompt->text[0])
		return baton_str_of(otherwise);
	baton_str version[] = { baton_str_of(prompt->name), BATON_STR("@"),
				baton_str_of(prompt->version) };
	run->prompt = run_join(run, version, sizeof(version) / sizeof(version[0]));
	return baton_str_of(prompt->text);
}

/* --- what the search found --- */

/* What stands before a passage: on one line, as JSON, so that no title can break out of it. */
static void add_passage(const baton_doc *doc, uint64_t number, struct baton_buf *out)
{
	fence_open(out, number, "an article");
	baton_buf_z(out, "{\"id\":");
	baton_buf_json(out, doc->id);
	baton_buf_z(out, ",\"title\":");
	baton_buf_json(out, doc->title);
	if (doc->version.n > 0) {
		baton_buf_z(out, ",\"updated\":");
		baton_buf_json(out, doc->version);
	}
	baton_buf_z(out, doc->flags & BATON_DOC_STALE ? ",\"past_its_date\":true}\n" : "}\n");
	fence_data(out, doc->snippet);
	fence_close(out, number);
}

size_t run_prompt_docs(struct baton_run *run, uint64_t number, size_t room, struct baton_buf *out)
{
	size_t added = 0;

	for (uint32_t i = 0; i < run->n_docs; i++) {
		const baton_doc *doc = &run->docs[i];
		size_t n = doc->snippet.n + doc->title.n + doc->id.n + FENCE_BYTES;

		if (n > room)
			continue; /* a shorter one behind it may fit */
		room -= n;
		added += n;
		add_passage(doc, number, out);
	}
	return added;
}

/* --- asking for an answer --- */

struct making {
	struct baton_run *run;
	const baton_turn *turn;
	uint64_t number; /* of this prompt's fences */
	struct baton_budget budget;
	baton_str base; /* the set's own words; `words` go behind them */
	struct baton_buf words, data;
	size_t question, newest, oldest, end; /* lines: [oldest, end) is shown */
	baton_str cut;                        /* the question, if it had to be cut */
};

static bool asks_for_sources(const struct baton_run *run)
{
	return run->route->grounding != BATON_GROUNDING_OFF;
}

static void add_rules_of_citing(const struct baton_run *run, struct baton_buf *out)
{
	bool required = run->route->grounding == BATON_GROUNDING_REQUIRED;

	/* A set without any articles is not spoken to of articles, unless it asks for them. */
	if (!asks_for_sources(run) || (!run->searched && !required))
		return;
	if (run->n_docs == 0)
		baton_buf_z(out,
			    "\n\nNo article was found for this question. If you cannot answer "
			    "it without one, begin with [[unknown]] and say so in one sentence.\n");
	else
		baton_buf_z(out,
			    "Behind every statement that rests on an article put its id in two "
			    "pairs of brackets, such as [[its-id]]; name only ids that stand in "
			    "an article here. An article that is past its date may be wrong: say "
			    "so. If the articles do not answer the question, begin with "
			    "[[unknown]] and say so in one sentence. Nobody sees these marks.\n");
}

/* Lines that came after the turn's own message are left for the next turn. */
static void find_lines(struct making *making)
{
	const struct baton_run *run = making->run;
	size_t end = making->turn->n_msgs;

	while (end > 0 && run->session->lines[end - 1].seq > run->turn)
		end--;
	making->end = making->oldest = end;
}

static size_t line_bytes(const struct making *making, size_t i)
{
	return making->turn->msgs[i].text.n + BUDGET_MESSAGE_BYTES;
}

/* Goes back over lines while they fit; at most to `first`. */
static void take_lines(struct making *making, size_t first)
{
	while (making->oldest > first &&
	       baton_budget_take(&making->budget, line_bytes(making, making->oldest - 1)))
		making->oldest--;
}

/* The question itself is always there, if need be its beginning. */
static void take_question(struct making *making)
{
	if (making->end == 0)
		return;
	baton_str text = making->turn->msgs[making->end - 1].text;
	size_t room = baton_budget_left(&making->budget);

	if (room < BUDGET_QUESTION_BYTES)
		room = BUDGET_QUESTION_BYTES;
	making->oldest = making->end - 1;
	if (baton_budget_take(&making->budget, line_bytes(making, making->oldest)))
		return;
	making->cut = baton_str_clip(text, room);
	baton_budget_spend(&making->budget, making->cut.n);
}

static size_t newest_lines(const struct making *making)
{
	return making->end > BUDGET_NEWEST_LINES ? making->end - BUDGET_NEWEST_LINES : 0;
}

/* Older lines that the summary does not cover. */
static size_t uncovered_lines(const struct making *making)
{
	const struct baton_session *session = making->run->session;
	size_t first = 0;

	while (first < making->oldest && session->summary.n > 0 &&
	       session->lines[first].seq <= session->summary_upto)
		first++;
	return first;
}

static void take_docs(struct making *making)
{
	size_t n = run_prompt_docs(making->run, making->number, baton_budget_left(&making->budget),
				   &making->data);

	baton_budget_spend(&making->budget, n);
}

/* A quarter at most: what was found for this question comes first, and older lines shall not
 * starve. */
static void take_known(struct making *making)
{
	size_t n = run_known_show(making->run, making->number,
				  baton_budget_left(&making->budget) / 4, &making->data);

	baton_budget_spend(&making->budget, n);
}

static void take_summary(struct making *making)
{
	const struct baton_session *session = making->run->session;

	if (session->summary.n > 0 &&
	    baton_budget_take(&making->budget, session->summary.n + FENCE_BYTES))
		fence_around(&making->data, making->number, "a summary of what was said before",
			     session->summary);
}

/* Rounds of tools stand behind the conversation in full: what was asked must have its answer. */
static void count_more(struct making *making)
{
	const struct baton_run *run = making->run;

	for (size_t i = 0; i < run->n_more; i++)
		baton_budget_spend(&making->budget, run->more[i].text.n +
							    run->more[i].parts_json.n +
							    BUDGET_MESSAGE_BYTES);
}

static void make_system(struct making *making)
{
	struct baton_run *run = making->run;

	if (run->planning) {
		making->base = run_prompt_words(run, "plan", run_plan_words);
		run_plan_ask(run, &making->words);
	} else {
		making->base = run_prompt_words(run, run->choice.target->prompt, "");
	}
	baton_budget_spend(&making->budget, making->base.n + making->words.n + BUDGET_RULES_BYTES +
						    run->tools_json.n + run->kept);
	take_question(making);
	take_lines(making, newest_lines(making));
	count_more(making);
	take_docs(making);
	take_known(making);
	run_plan_show(run, making->number, &making->data);
	take_summary(making);
	take_lines(making, uncovered_lines(making));
	if (making->data.n > 0 || run->n_more > 0)
		fence_explain(&making->words, making->number);
	if (!run->planning)
		add_rules_of_citing(run, &making->words);
	if (making->data.n > 0)
		baton_buf_str(&making->words, baton_buf_view(&making->data));
	baton_buf_done(&making->data);
}

/* Mostly the set's own words are all there is, and then they need no copy: the run holds the
 * set. */
static baton_str system_text(struct making *making)
{
	baton_str parts[] = { making->base, baton_buf_view(&making->words) };

	if (making->words.n == 0)
		return making->base;
	return run_join(making->run, parts, 2);
}

/* What tools said is data, wherever it came from. */
static baton_msg fenced(struct making *making, const baton_msg *msg)
{
	struct baton_buf text = { NULL, 0, 0 };
	baton_msg copy = *msg;

	if (msg->role != BATON_ROLE_TOOL)
		return copy;
	fence_around(&text, making->number, "the result of a tool", msg->text);
	copy.text = run_keep_buf(making->run, &text);
	return copy;
}

static size_t answer_messages(struct baton_run *run, const baton_turn *turn, baton_msg *msgs)
{
	struct making making = { .run = run,
				 .turn = turn,
				 .number = run->ops->random(run->ud),
				 .budget = { run_prompt_room(run) } };
	size_t n = 0;

	find_lines(&making);
	make_system(&making);
	baton_str system = system_text(&making);
	baton_buf_done(&making.words);
	if (system.n > 0)
		msgs[n++] = (baton_msg){ .role = BATON_ROLE_SYSTEM, .text = system };
	for (size_t i = making.oldest; i < making.end; i++)
		msgs[n++] = turn->msgs[i];
	if (making.cut.n > 0)
		msgs[n - 1].text = making.cut;
	for (size_t i = 0; i < run->n_more; i++)
		msgs[n++] = fenced(&making, &run->more[i]);
	return n;
}

static baton_str kept_text(struct baton_run *run, baton_str s)
{
	return (baton_str){ baton_arena_dup(&run->arena, s.n ? s.p : "", s.n), s.n };
}

void run_prompt_add(struct baton_run *run, const baton_msg *msg)
{
	baton_str text = msg->role == BATON_ROLE_TOOL
				 ? run_veiled_json(run, BATON_AT_TOOL_RESULT, msg->text, msg->name)
				 : msg->text;

	if (run->n_more == run->cap_more) {
		size_t cap = run->cap_more ? 2 * run->cap_more : 8;
		baton_msg *more = baton_arena_alloc(&run->arena, cap * sizeof(*more));

		if (run->n_more > 0)
			memcpy(more, run->more, run->n_more * sizeof(*more));
		run->more = more;
		run->cap_more = cap;
	}
	run->more[run->n_more++] = (baton_msg){ .role = msg->role,
						.flags = msg->flags,
						.text = kept_text(run, text),
						.name = kept_text(run, msg->name),
						.tool_call_id = kept_text(run, msg->tool_call_id),
						.parts_json = kept_text(run, msg->parts_json) };
}

void baton_run_prompt(struct baton_run *run, const baton_turn *turn, baton_prompt *ret_prompt)
{
	const struct baton_target *target = run->choice.target;
	baton_msg *msgs =
		baton_arena_take(&run->arena, (turn->n_msgs + run->n_more + 2) * sizeof(*msgs));
	baton_turn *view = baton_arena_take(&run->arena, sizeof(*view));
	char attempt[BATON_U64_TEXT];
	baton_str key[] = { turn->turn_id,
			    BATON_STR("-"),
			    { attempt, baton_u64_text(run->n_attempts, attempt) } };
	size_t n = run->purpose == BATON_PURPOSE_ANSWER ? answer_messages(run, turn, msgs)
							: run_assist_messages(run, turn, msgs);

	*view = *turn;
	view->msgs = msgs;
	view->n_msgs = (uint32_t)n;
	view->flags = run->choice.substitute ? BATON_TURN_DEGRADED : 0;
	*ret_prompt = (baton_prompt){
		.size = sizeof(*ret_prompt),
		.turn = view,
		.model = baton_str_of(target->model),
		.idempotency_key = run_join(run, key, sizeof(key) / sizeof(key[0])),
		.max_output_tokens = target->max_output_tokens,
		.temperature_milli = target->temperature_milli,
		.docs = run->docs,
		.n_docs = run->n_docs,
		.prefill = run_veiled(
			run, (baton_str){ run->answer.p, run->choice.proceed ? run->kept : 0 }),
		.tools_json = run_tools_offered(run) ? run->tools_json : BATON_STR(""),
	};
}
