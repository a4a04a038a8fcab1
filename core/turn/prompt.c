/* SPDX-License-Identifier: Apache-2.0 */

/* What modules are shown of a turn: facts for rules, a view for classifiers, a prompt for
 * providers. */

#include "core/turn/inside.h"

#include "core/base/json.h"
#include "core/policy/topics.h"

void baton_run_view(struct baton_run *run, baton_turn *ret_turn)
{
	const struct baton_session *session = run->session;
	baton_msg *msgs = baton_arena_alloc(&run->arena, (session->n_lines + 1) * sizeof(*msgs));
	struct baton_buf turn_id = { NULL, 0, 0 };

	static const char *const tails[] = { [BATON_PURPOSE_ANSWER] = "",
					     [BATON_PURPOSE_SUGGESTION] = "-suggestion",
					     [BATON_PURPOSE_WRITEUP] = "-writeup" };

	/* A second suggestion is another call: the session has gone on since the first. */
	baton_buf_printf(&turn_id, "%s-%llu%s", run->session_id,
			 (unsigned long long)(run->purpose == BATON_PURPOSE_ANSWER ? run->turn
										   : run->begun_at),
			 tails[run->purpose]);
	for (size_t i = 0; i < session->n_lines; i++)
		msgs[i] = (baton_msg){ .role = session->lines[i].role,
				       .text = session->lines[i].text };
	*ret_turn = (baton_turn){
		.size = sizeof(*ret_turn),
		.session_id = baton_str_of(run->session_id),
		.turn_id = { baton_arena_dup(&run->arena, turn_id.p, turn_id.n), turn_id.n },
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
	baton_buf_done(&turn_id);
}

/* Newest messages within the prompt's bounds; a system message first. Lines that came after the
 * turn's own message are left for the next turn. */
static size_t newest_within(const struct baton_run *run, const baton_turn *turn, size_t *ret_end)
{
	size_t end = turn->n_msgs, bytes = 0;

	while (end > 0 && run->session->lines[end - 1].seq > run->turn)
		end--;
	size_t begin = end;
	while (begin > 0 && bytes + turn->msgs[begin - 1].text.n <= BATON_PROMPT_BYTES_MAX)
		bytes += turn->msgs[--begin].text.n;
	*ret_end = end;
	return begin;
}

static size_t answer_messages(const struct baton_run *run, const baton_turn *turn, baton_msg *msgs)
{
	baton_str system =
		baton_str_of(baton_policy_prompt(run->policy, run->choice.target->prompt));
	size_t end, n = 0, begin = newest_within(run, turn, &end);

	if (system.n > 0)
		msgs[n++] = (baton_msg){ .role = BATON_ROLE_SYSTEM, .text = system };
	memcpy(msgs + n, turn->msgs + begin, (end - begin) * sizeof(*msgs));
	return n + (end - begin);
}

void baton_run_prompt(struct baton_run *run, const baton_turn *turn, baton_prompt *ret_prompt)
{
	const struct baton_target *target = run->choice.target;
	baton_msg *msgs = baton_arena_alloc(&run->arena, (turn->n_msgs + 2) * sizeof(*msgs));
	baton_turn *view = baton_arena_alloc(&run->arena, sizeof(*view));
	struct baton_buf key = { NULL, 0, 0 };
	size_t n = run->purpose == BATON_PURPOSE_ANSWER ? answer_messages(run, turn, msgs)
							: run_assist_messages(run, turn, msgs);

	*view = *turn;
	view->msgs = msgs;
	view->n_msgs = (uint32_t)n;
	view->flags = run->choice.substitute ? BATON_TURN_DEGRADED : 0;
	baton_buf_printf(&key, "%.*s-%zu", (int)turn->turn_id.n, turn->turn_id.p, run->n_attempts);
	*ret_prompt = (baton_prompt){
		.size = sizeof(*ret_prompt),
		.turn = view,
		.model = baton_str_of(target->model),
		.idempotency_key = { baton_arena_dup(&run->arena, key.p, key.n), key.n },
		.max_output_tokens = target->max_output_tokens,
		.temperature_milli = target->temperature_milli,
		.docs = run->docs,
		.n_docs = run->n_docs,
		.prefill = { run->answer.p, run->kept },
	};
	baton_buf_done(&key);
}

/* --- facts --- */

static const char *topic_names(const struct baton_run *run, uint32_t bit)
{
	for (size_t i = 0; i < run->policy->n_topics && i < BATON_TOPICS_MAX; i++)
		if (bit == 1u << i)
			return run->policy->topics[i].name;
	return "";
}

/* Topics first, then what agents have called the conversation; each once. */
static baton_str tags_json(struct baton_run *run)
{
	struct baton_buf json = { NULL, 0, 0 };
	struct baton_json list, one;
	size_t at = 0;

	baton_buf_z(&json, "[");
	for (uint32_t bit = 1; bit != 0; bit <<= 1) {
		if (!(run->topics & bit))
			continue;
		baton_buf_z(&json, json.n > 1 ? "," : "");
		baton_buf_json(&json, baton_str_of(topic_names(run, bit)));
	}
	if (run->session->tags.n > 0 && baton_json_parse(run->session->tags, &list) == 0) {
		while (baton_json_element(&list, &at, &one)) {
			baton_buf_z(&json, json.n > 1 ? "," : "");
			baton_buf_json(&json, baton_json_text(&one, &run->arena));
		}
	}
	baton_buf_z(&json, "]");
	if (json.n == 2)
		baton_buf_reset(&json); /* no tags at all are no fact */
	return run_keep_buf(run, &json);
}

/* All that is open counts: who writes twice in a row does not take back the first. */
void run_find_topics(struct baton_run *run)
{
	const struct baton_session *session = run->session;

	run->topics = baton_topics_of_intent(run->policy, baton_str_of(run->intent));
	for (size_t i = 0; i < session->n_lines; i++) {
		const struct baton_line *line = &session->lines[i];

		if (line->role == BATON_ROLE_CUSTOMER && line->seq > session->answered_upto &&
		    line->seq <= run->turn)
			run->topics |= baton_topics_of_text(run->policy, line->text);
	}
	run->tags = tags_json(run);
}

static uint32_t fact_flags(const struct baton_run *run)
{
	uint32_t flags = baton_topics_flags(run->policy, run->topics);

	if (run->unknown || (run->searched && run->step > BATON_STEP_RETRIEVED && run->n_docs == 0))
		flags |= BATON_FACT_RETRIEVAL_EMPTY;
	if (run_stale(run) > 0)
		flags |= BATON_FACT_STALE;
	if (run->choice.target && run->choice.substitute)
		flags |= BATON_FACT_SUBSTITUTE;
	if (run->session->verified)
		flags |= BATON_FACT_VERIFIED;
	if (run->session->claimed_before)
		flags |= BATON_FACT_CLAIMED_BEFORE;
	return flags;
}

/* One that is still running or has answered does not count. */
const struct baton_attempt *run_last_failure(const struct baton_run *run)
{
	for (size_t i = run->n_attempts; i > 0; i--)
		if (run->attempts[i - 1].failed)
			return &run->attempts[i - 1];
	return NULL;
}

unsigned run_tier(const struct baton_run *run)
{
	if (!run->route)
		return 0;
	return run->tier > run->route->tier ? run->tier : run->route->tier;
}

/* The session counts what is on record; the turn's own search is perhaps not there yet. */
static uint32_t failed_lookups(const struct baton_run *run)
{
	uint32_t failed = (uint32_t)run->session->lookup_failures;

	for (size_t i = 0; i < run->n_notes; i++)
		failed += run->notes[i].type == BATON_EV_SOURCES_RETRIEVED &&
			  run->notes[i].sources_retrieved.failed.n > 0;
	return failed;
}

static void session_facts(const struct baton_run *run, baton_facts *facts)
{
	const struct baton_session *session = run->session;

	facts->session_id = baton_str_of(run->session_id);
	facts->customer_tier = baton_str_of(session->customer_tier);
	facts->channel = baton_str_of(session->channel);
	facts->locale = baton_str_of(session->locale);
	facts->language = baton_str_of(run->language[0] ? run->language : session->language);
	facts->exchanges = (uint32_t)session->exchanges;
	/* The customer writes again, so what was answered before did not settle it. */
	facts->unresolved_exchanges = (uint32_t)session->exchanges;
	facts->tool_errors = failed_lookups(run);
	facts->auth_failures = (uint32_t)session->auth_failures;
	facts->reopen_count = (uint32_t)session->reopen_count;
	facts->low_confidence_streak = (uint32_t)session->weak_answers;
	facts->age_ms = session->first_unanswered_ms > session->opened_ms
				? session->first_unanswered_ms - session->opened_ms
				: 0;
	facts->idle_ms = session->idle_ms;
}

/* The promise is that of the queue the question would go to. */
static void promise_facts(const struct baton_run *run, uint64_t unix_ms, baton_facts *facts)
{
	baton_str queue = run_queue(run);
	uint64_t due_ms = baton_policy_due_ms(
		run->policy, queue.n ? queue : baton_str_of(run->policy->default_queue),
		baton_str_of(run->session->customer_tier), run->session->first_unanswered_ms);

	facts->sla_left_ms = due_ms == 0 ? UINT64_MAX : due_ms > unix_ms ? due_ms - unix_ms : 0;
	if (facts->sla_left_ms == 0)
		facts->flags |= BATON_FACT_SLA_BREACHED;
}

void baton_run_facts(const struct baton_run *run, uint32_t stage, baton_facts *ret_facts)
{
	const struct baton_attempt *last = run_last_failure(run);
	uint64_t so_far_ms = (run->ops->now_ns(run->ud) - run->started_ns) / BATON_NS_PER_MS;

	*ret_facts = (baton_facts){
		.size = sizeof(*ret_facts),
		.flags = fact_flags(run),
		.intent = baton_str_of(run->intent),
		.tags_json = run->tags,
		.last_fail_provider = baton_str_of(last ? last->target->name : ""),
		.last_fail = last ? last->fail : 0,
		.intent_ppm = run->intent_ppm,
		.answer_ppm = run->n_docs > 0 ? run->docs[0].score_ppm : 0,
		.sentiment_ppm = run->sentiment_ppm,
		.out_of_scope_ppm = run->out_of_scope_ppm,
		.human_ppm = run->human_ppm,
		.primary_health_ppm = 1000000,
		.cost_microusd = run->session->cost_microusd + run->spent_microusd +
				 (run->choice.target ? run_cost_microusd(run) : 0),
		.cost_ceiling_microusd = run->route && run->route->turn_microusd
						 ? run->route->turn_microusd
						 : run->policy->budgets.turn_microusd,
		.stage = stage,
		.attempts = (uint32_t)run->n_attempts,
		.answers_total_ms = stage == BATON_STAGE_AFTER ? so_far_ms : 0,
		.class_name = baton_str_of(
			run->route && run->route->class_ ? run->route->class_->name : ""),
		.tier = run_tier(run),
	};
	session_facts(run, ret_facts);
	promise_facts(run, run_board_facts(run, ret_facts), ret_facts);
	if (run->in_mode)
		ret_facts->mode = baton_str_of(run->mode.mode->name);
}
