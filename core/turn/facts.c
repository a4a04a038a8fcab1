/* SPDX-License-Identifier: Apache-2.0 */

/* What rules are shown of a turn, and what the open messages speak of. */

#include "core/turn/inside.h"

#include "core/base/json.h"
#include "core/policy/topics.h"

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

	if (run->topics == 0 && run->session->tags.n == 0)
		return BATON_STR(""); /* no tags at all are no fact */
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
		baton_buf_reset(&json);
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
	if (run->choice.target && run->choice.substitute)
		flags |= BATON_FACT_SUBSTITUTE;
	if (run->unknown)
		flags |= BATON_FACT_UNKNOWN;
	if (run->ungrounded)
		flags |= BATON_FACT_UNGROUNDED;
	if (run->policy_hit)
		flags |= BATON_FACT_POLICY_HIT;
	if (run_stale(run) > 0)
		flags |= BATON_FACT_STALE;
	if (run->session->verified)
		flags |= BATON_FACT_VERIFIED;
	if (run->session->claimed_before)
		flags |= BATON_FACT_CLAIMED_BEFORE;
	if (run->injection)
		flags |= BATON_FACT_INJECTION;
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

	facts->session_id = (baton_str){ run->session_id, BATON_ID_TEXT };
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

/* Rules ask twice in a turn, and between the two opening hours do not change. */
static uint64_t due_ms(struct baton_run *run, struct baton_promise promise)
{
	uint64_t since_ms = run->session->first_unanswered_ms;

	if (run->due.since_ms != since_ms || run->due.promise.hours != promise.hours ||
	    run->due.promise.first_reply_ms != promise.first_reply_ms) {
		run->due.since_ms = since_ms;
		run->due.promise = promise;
		run->due.ms = baton_promise_due_ms(promise, since_ms);
	}
	return run->due.ms;
}

/* The promise is that of the queue the question would go to. */
static void promise_facts(struct baton_run *run, uint64_t unix_ms, baton_facts *facts)
{
	baton_str queue = run_queue(run);
	uint64_t until_ms =
		due_ms(run, baton_policy_promise(run->policy,
						 queue.n ? queue
							 : baton_str_of(run->policy->default_queue),
						 facts->customer_tier));

	facts->sla_left_ms = until_ms == 0        ? UINT64_MAX
			     : until_ms > unix_ms ? until_ms - unix_ms
						  : 0;
	if (facts->sla_left_ms == 0)
		facts->flags |= BATON_FACT_SLA_BREACHED;
}

void baton_run_facts(struct baton_run *run, uint32_t stage, baton_facts *ret_facts)
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
		.cost_microusd = run->session->cost_microusd + run->unnoted_microusd,
		.cost_ceiling_microusd = run->route && run->route->turn_microusd
						 ? run->route->turn_microusd
						 : run->policy->budgets.turn_microusd,
		.guard_rule = run->guard_rule,
		.tool_no = run->tools.no,
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
