/* SPDX-License-Identifier: Apache-2.0 */

/* Modules as they are on a bad day: late, cut, silent, refusing; and a policy set for them. */

#include "tests/sim/sim.h"

#include "core/base/errors.h"

static const char *const fail_codes[] = { "overloaded", "rate_limited", "quota",
					  "access",     "truncated",    "protocol" };
static const uint32_t fails[] = { BATON_FAIL_UNAVAILABLE, BATON_FAIL_RATE_LIMITED,
				  BATON_FAIL_QUOTA,       BATON_FAIL_ACCESS,
				  BATON_FAIL_UNAVAILABLE, BATON_FAIL_BAD_OUTPUT };

enum call_kind { CALL_INTENTS, CALL_DOCS, CALL_ANSWER };

struct call {
	struct sim_shard *shard;
	uint64_t ticket;
	enum call_kind kind;
	unsigned words, said, cut_at; /* CALL_ANSWER; cut_at: fails behind this word */
	uint64_t pace_ns;
	uint32_t fail;
	uint64_t retry_after_ms;
	bool hangs, refused, empty, late; /* late: was cancelled, and speaks all the same */
};

static void call_again(struct sim *sim, struct call *call, uint64_t delay_ns);

static void call_fail(struct call *call, uint32_t fail, const char *code)
{
	baton_shard_heard_fail(call->shard->shard, call->ticket,
			       &(baton_error){ .size = sizeof(baton_error),
					       .fail = fail,
					       .retry_after_ms = (uint32_t)call->retry_after_ms,
					       .code = baton_str_of(code) });
}

static void call_ends(struct call *call)
{
	if (!call->late)
		call->shard->sim->open_calls--;
}

static void hear_intents(struct sim *sim, struct call *call)
{
	static const char *const intents[] = { "shipping", "billing", "complaint", "refund", "" };
	baton_intent intent = { .name = baton_str_of(intents[sim_below(sim, 5)]),
				.confidence_ppm = (uint32_t)sim_below(sim, 1000001) };
	baton_intents found = { .size = sizeof(found),
				.n = intent.name.n > 0,
				.cap = 1,
				.sentiment_ppm = (uint32_t)sim_below(sim, 1000001),
				.v = &intent };

	call_ends(call);
	baton_shard_heard_intents(call->shard->shard, call->ticket, &found);
	baton_shard_heard_end(call->shard->shard, call->ticket, BATON_END_STOP);
}

static void hear_docs(struct call *call)
{
	baton_doc doc = { .id = BATON_STR("returns#1"),
			  .title = BATON_STR("Returns"),
			  .snippet = BATON_STR("30 days") };

	call_ends(call);
	baton_shard_heard_docs(call->shard->shard, call->ticket, &doc, 1);
	baton_shard_heard_end(call->shard->shard, call->ticket, BATON_END_STOP);
}

/* One word at a time, until the answer is whole, cut, or nobody comes any more. */
static bool hear_word(struct sim *sim, struct call *call)
{
	if (call->said == 0 && call->refused) {
		call_ends(call);
		call_fail(call, BATON_FAIL_REFUSED, "refused");
		return false;
	}
	if (call->fail && call->said == call->cut_at) {
		call_ends(call);
		call_fail(call, call->fail, fail_codes[sim_below(sim, 6)]);
		return false;
	}
	if (call->hangs && call->said == call->cut_at)
		return false;
	if (call->said == call->words || call->empty) {
		call_ends(call);
		baton_shard_heard_usage(
			call->shard->shard, call->ticket,
			&(baton_usage){ .size = sizeof(baton_usage), .out_tokens = call->said });
		baton_shard_heard_end(call->shard->shard, call->ticket, BATON_END_STOP);
		return false;
	}
	call->said++;
	baton_shard_heard_delta(call->shard->shard, call->ticket, BATON_DELTA_TEXT,
				call->said == 1 ? BATON_STR("\n Well") : BATON_STR(" wörd"));
	return true;
}

static void call_due(struct sim *sim, void *what)
{
	struct call *call = what;
	bool goes_on = false;

	switch (call->kind) {
	case CALL_INTENTS:
		hear_intents(sim, call);
		break;
	case CALL_DOCS:
		hear_docs(call);
		break;
	case CALL_ANSWER:
		goes_on = hear_word(sim, call);
		break;
	}
	/* Hearing may have crashed nothing, but it may have ended the call: a late word finds
	 * nobody. */
	if (goes_on)
		call_again(sim, call, call->pace_ns);
	else
		baton_free(call);
}

/* Both shards number their actors from 1. */
static uint64_t call_name(const struct sim_shard *shard, uint64_t ticket)
{
	return ticket << 1 | shard->index;
}

static void call_again(struct sim *sim, struct call *call, uint64_t delay_ns)
{
	sim_later_mine(sim, delay_ns, call_due, call, DUE_CALL,
		       call_name(call->shard, call->ticket));
}

static struct call *call_new(struct sim_shard *shard, uint64_t ticket, enum call_kind kind)
{
	struct call *call = baton_new(struct call);

	call->shard = shard;
	call->ticket = ticket;
	call->kind = kind;
	return call;
}

static uint64_t some_delay(struct sim *sim)
{
	return sim_chance(sim, 5) ? sim_below(sim, 3000) * MS : sim_below(sim, 20000) * 1000;
}

static int models_classify(void *ud, struct baton_release *release, baton_ticket ticket,
			   const baton_turn *turn)
{
	struct sim_shard *shard = ud;
	struct sim *sim = shard->sim;

	(void)release;
	PROMISE(sim, turn->n_msgs > 0, "a classifier is shown the message", NULL);
	PROMISE(sim, !sim->draining, "no turn begins while the server drains", NULL);
	if (sim->modules_down || sim_chance(sim, 3))
		return BATON_E_MODULE;
	sim->open_calls++;
	if (sim_chance(sim, 3))
		return BATON_OK; /* and never answers */
	call_again(sim, call_new(shard, ticket, CALL_INTENTS), some_delay(sim));
	return BATON_OK;
}

static int models_retrieve(void *ud, struct baton_release *release, baton_ticket ticket,
			   const baton_query *query)
{
	struct sim_shard *shard = ud;
	struct sim *sim = shard->sim;

	(void)release;
	PROMISE(sim, query->text.n > 0, "a retriever is given the question", NULL);
	if (sim->modules_down || sim_chance(sim, 5))
		return BATON_E_NOTFOUND;
	sim->open_calls++;
	if (sim_chance(sim, 3))
		return BATON_OK;
	call_again(sim, call_new(shard, ticket, CALL_DOCS), some_delay(sim));
	return BATON_OK;
}

static int models_generate(void *ud, struct baton_release *release, baton_ticket ticket,
			   const char *provider, const baton_prompt *prompt)
{
	struct sim_shard *shard = ud;
	struct sim *sim = shard->sim;

	(void)release;
	PROMISE(sim, prompt->turn->n_msgs > 0 && prompt->model.n > 0 && provider[0],
		"a provider is told what to do", NULL);
	if (sim_chance(sim, 2))
		return BATON_E_MODULE;
	sim->open_calls++;
	struct call *call = call_new(shard, ticket, CALL_ANSWER);
	call->words = 1 + (unsigned)sim_below(sim, 12);
	call->pace_ns = (1 + sim_below(sim, 200)) * MS;
	call->cut_at = (unsigned)sim_below(sim, call->words + 1);
	uint64_t first_ns = sim_below(sim, 2000) * MS;
	switch (sim_below(sim, 12)) {
	case 0:
	case 1:
		call->fail = fails[sim_below(sim, 6)];
		call->retry_after_ms = sim_chance(sim, 30) ? sim_below(sim, 5000) : 0;
		break;
	case 2:
		call->hangs = true;
		break;
	case 3:
		first_ns = sim_below(sim, 40000) * MS;
		break;
	case 4:
		call->refused = true;
		break;
	case 5:
		call->empty = true;
		break;
	case 6: /* alive, and of no use: only the total time ends it */
		call->words = sim_chance(sim, 30) ? 60 : call->words;
		call->pace_ns = (500 + sim_below(sim, 2000)) * MS;
		break;
	default:
		break;
	}
	call_again(sim, call, first_ns);
	return BATON_OK;
}

static void models_cancel(void *ud, struct baton_release *release, baton_ticket ticket,
			  uint32_t why)
{
	struct sim_shard *shard = ud;
	struct due *due = sim_find(shard->sim, DUE_CALL, call_name(shard, ticket));

	(void)release;
	(void)why;
	PROMISE(shard->sim, shard->sim->open_calls > 0, "what is cancelled was asked", NULL);
	shard->sim->open_calls--;
	/* No words after cancel is the rack's promise; nobody shall have to rely on it. */
	if (due && sim_chance(shard->sim, 10))
		((struct call *)due->what)->late = true;
	else
		sim_forget(shard->sim, DUE_CALL, call_name(shard, ticket));
}

static int models_rules(void *ud, struct baton_release *release, const baton_facts *facts,
			baton_verdict *ret)
{
	struct sim_shard *shard = ud;
	struct sim *sim = shard->sim;

	(void)release;
	if (sim->modules_down || sim_chance(sim, 1))
		return BATON_E_MODULE;
	*ret = (baton_verdict){ .size = sizeof(*ret), .rule = "", .reason = "", .queue = "" };
	if (facts->unresolved_exchanges >= 3 || sim_chance(sim, 3))
		*ret = (baton_verdict){ .size = sizeof(*ret),
					.action = BATON_ACT_ESCALATE,
					.priority = 4,
					.rule = "exchanges-spent",
					.reason = "no solution so far",
					.queue = "general" };
	else if (sim_chance(sim, 3))
		*ret = (baton_verdict){ .size = sizeof(*ret),
					.action = BATON_ACT_REVIEW,
					.rule = "look",
					.reason = "unsure",
					.queue = "" };
	return BATON_OK;
}

static struct baton_release *models_pin(void *ud)
{
	struct sim_shard *shard = ud;

	shard->sim->pins++;
	return (struct baton_release *)shard->sim; /* a name, never looked into */
}

static void models_unpin(void *ud, struct baton_release *release)
{
	struct sim_shard *shard = ud;

	PROMISE(shard->sim, release == (struct baton_release *)shard->sim && shard->sim->pins > 0,
		"what is unpinned was pinned", NULL);
	shard->sim->pins--;
}

static const struct baton_policy *models_policy_of(void *ud, struct baton_release *release)
{
	struct sim_shard *shard = ud;

	(void)release;
	return &shard->sim->policy;
}

static uint64_t models_number(void *ud, struct baton_release *release)
{
	(void)ud;
	(void)release;
	return 1;
}

void models_seam(struct baton_seam *seam)
{
	seam->classify = models_classify;
	seam->retrieve = models_retrieve;
	seam->generate = models_generate;
	seam->cancel = models_cancel;
	seam->rules = models_rules;
	seam->release_pin = models_pin;
	seam->release_unpin = models_unpin;
	seam->policy = models_policy_of;
	seam->release_number = models_number;
}

static struct baton_route *add_route(struct sim *sim, const char *intent,
				     const struct baton_class *class_, unsigned tier)
{
	struct baton_route *route = &sim->policy.routes[sim->policy.n_routes++];

	*route = (struct baton_route){ .intent = intent,
				       .primary = &sim->policy.targets[0],
				       .fallbacks = { &sim->policy.targets[1],
						      &sim->policy.targets[2] },
				       .n_fallbacks = 2,
				       .first_token_ms = 4000,
				       .stall_ms = 3000,
				       .total_ms = 20000,
				       .class_ = class_,
				       .tier = tier,
				       .queue = "general" };
	return route;
}

void models_policy(struct sim *sim)
{
	static const char *const approved[] = { "backup" };
	static const char *const names[SIM_TARGETS] = { "main", "backup", "local" };
	struct baton_policy *policy = &sim->policy;
	struct baton_arena *arena = &sim->policy_arena;
	static const char *const intents[] = { "shipping", "billing", "complaint", "refund" };

	policy->targets = baton_arena_alloc(arena, SIM_TARGETS * sizeof(*policy->targets));
	policy->classes = baton_arena_alloc(arena, 3 * sizeof(*policy->classes));
	policy->routes = baton_arena_alloc(arena, 5 * sizeof(*policy->routes));
	policy->intents = baton_arena_alloc(arena, 4 * sizeof(*policy->intents));
	for (policy->n_targets = 0; policy->n_targets < SIM_TARGETS; policy->n_targets++)
		policy->targets[policy->n_targets] =
			(struct baton_target){ .name = names[policy->n_targets],
					       .provider = "any",
					       .model = "m",
					       .account = policy->n_targets == 2 ? "own" : "acme",
					       .prompt = "" };
	/* approved is a list of pointers that nobody writes through */
	const char **list = baton_arena_alloc(arena, sizeof(*list));
	list[0] = approved[0];
	policy->classes[0] =
		(struct baton_class){ .name = "drafting", .on_failure = BATON_ON_FAILURE_FALLBACK };
	policy->classes[1] = (struct baton_class){ .name = "money",
						   .on_failure = BATON_ON_FAILURE_ESCALATE,
						   .approved = list,
						   .n_approved = 1 };
	policy->classes[2] = (struct baton_class){ .name = "careful",
						   .on_failure = BATON_ON_FAILURE_REVIEW,
						   .on_restart = "hand_over" };
	policy->n_classes = 3;
	add_route(sim, "default", &policy->classes[0], BATON_TIER_AUTOMATED);
	add_route(sim, "shipping", &policy->classes[2], BATON_TIER_AUTOMATED);
	add_route(sim, "billing", &policy->classes[0], BATON_TIER_REVIEWED);
	add_route(sim, "complaint", &policy->classes[0], BATON_TIER_HUMAN);
	add_route(sim, "refund", &policy->classes[1], BATON_TIER_AUTOMATED);
	for (policy->n_intents = 0; policy->n_intents < 4; policy->n_intents++)
		policy->intents[policy->n_intents] =
			(struct baton_intent_def){ .name = intents[policy->n_intents],
						   .min_confidence_ppm = 400000 };
	policy->default_queue = "general";
	policy->say_disclosure = "You are talking to an AI.";
	policy->say_handed_over = "A colleague will be with you.";
	policy->say_handed_back = "The assistant is back.";
	policy->say_draft_pending = "A colleague checks the answer.";
	policy->say_greeting = "";
}
