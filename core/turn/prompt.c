/* SPDX-License-Identifier: Apache-2.0 */

/* What modules are shown of a turn: facts for rules, a view for classifiers, a prompt for
 * providers. */

#include "core/turn/inside.h"

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

static uint32_t fact_flags(const struct baton_run *run)
{
	uint32_t flags = 0;

	/* Asking in words has been handled before a turn begins; the classifier may hear it too. */
	if (strcmp(run->intent, "speak-to-human") == 0)
		flags |= BATON_FACT_ASKED_HUMAN;
	if (run->unknown || (run->searched && run->step > BATON_STEP_RETRIEVED && run->n_docs == 0))
		flags |= BATON_FACT_RETRIEVAL_EMPTY;
	if (run->choice.target && run->choice.substitute)
		flags |= BATON_FACT_SUBSTITUTE;
	return flags;
}

/* The newest attempt that failed; one that is still running or has answered does not count. */
static const struct baton_attempt *last_failure(const struct baton_run *run)
{
	for (size_t i = run->n_attempts; i > 0; i--)
		if (run->attempts[i - 1].failed)
			return &run->attempts[i - 1];
	return NULL;
}

void baton_run_facts(const struct baton_run *run, uint32_t stage, baton_facts *ret_facts)
{
	const struct baton_session *session = run->session;
	const struct baton_attempt *last = last_failure(run);
	uint64_t so_far_ms = (run->ops->now_ns(run->ud) - run->started_ns) / BATON_NS_PER_MS;

	*ret_facts = (baton_facts){
		.size = sizeof(*ret_facts),
		.flags = fact_flags(run),
		.session_id = baton_str_of(run->session_id),
		.intent = baton_str_of(run->intent),
		.customer_tier = baton_str_of(session->customer_tier),
		.channel = baton_str_of(session->channel),
		.locale = baton_str_of(session->locale),
		.last_fail_provider = baton_str_of(last ? last->target->name : ""),
		.last_fail = last ? last->fail : 0,
		.intent_ppm = run->intent_ppm,
		.answer_ppm = run->n_docs > 0 ? run->docs[0].score_ppm : 0,
		.sentiment_ppm = run->sentiment_ppm,
		.exchanges = (uint32_t)session->exchanges,
		/* The customer writes again, so what was answered before did not settle it. */
		.unresolved_exchanges = (uint32_t)session->exchanges,
		.primary_health_ppm = 1000000,
		.age_ms = session->first_unanswered_ms > session->opened_ms
				  ? session->first_unanswered_ms - session->opened_ms
				  : 0,
		.idle_ms = so_far_ms,
		.cost_microusd = session->cost_microusd + run->spent_microusd +
				 (run->choice.target ? run_cost_microusd(run) : 0),
		.cost_ceiling_microusd = run->route && run->route->turn_microusd
						 ? run->route->turn_microusd
						 : run->policy->budgets.turn_microusd,
		.stage = stage,
		.low_confidence_streak = (uint32_t)session->weak_answers,
		.attempts = (uint32_t)run->n_attempts,
		.answers_total_ms = stage == BATON_STAGE_AFTER ? so_far_ms : 0,
	};
	run_board_facts(run, ret_facts);
	if (run->in_mode)
		ret_facts->mode = baton_str_of(run->mode.mode->name);
}
