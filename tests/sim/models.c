/* SPDX-License-Identifier: Apache-2.0 */

/* Modules as they are on a bad day: late, cut, silent, refusing; and a policy set for them. */

#include "tests/sim/sim.h"

#include "core/base/errors.h"
#include "core/policy/expr.h"
#include "core/policy/mode_facts.h"

static const char *const fail_codes[] = { "overloaded", "rate_limited", "quota",
					  "access",     "truncated",    "protocol" };
static const uint32_t scopes[] = {
	BATON_SCOPE_PROVIDER, BATON_SCOPE_MODEL,    BATON_SCOPE_ACCOUNT,
	BATON_SCOPE_ACCOUNT,  BATON_SCOPE_PROVIDER, BATON_SCOPE_PROVIDER
};
static const uint32_t fails[] = { BATON_FAIL_OVERLOADED, BATON_FAIL_RATE_LIMITED,
				  BATON_FAIL_QUOTA,      BATON_FAIL_ACCESS,
				  BATON_FAIL_TRUNCATED,  BATON_FAIL_BAD_OUTPUT };

enum call_kind { CALL_INTENTS, CALL_DOCS, CALL_ANSWER };

struct call {
	struct sim_shard *shard;
	uint64_t ticket;
	enum call_kind kind;
	unsigned words, said, cut_at; /* CALL_ANSWER; cut_at: fails behind this word */
	uint64_t pace_ns;
	uint32_t fail; /* 0: none, else 1 + index into the tables above */
	uint64_t retry_after_ms;
	struct cell_call cell;
	bool stopped; /* was cancelled while it spoke */
	const char *target;
	bool filtered, billed;
	bool hangs, refused, empty, late; /* late: was cancelled, and speaks all the same */
};

static void call_again(struct sim *sim, struct call *call, uint64_t delay_ns);

static void call_usage(struct call *call)
{
	baton_shard_heard_usage(call->shard->shard, call->ticket,
				&(baton_usage){ .size = sizeof(baton_usage),
						.in_tokens = 300,
						.out_tokens = call->said });
}

static void call_fail(struct call *call, uint32_t fail, uint32_t scope, const char *code)
{
	if (call->billed)
		call_usage(call);
	if (scope == BATON_SCOPE_ACCOUNT && !call->late)
		board_unpaid(call->shard->sim, call->target);
	baton_shard_heard_fail(call->shard->shard, call->ticket,
			       &(baton_error){ .size = sizeof(baton_error),
					       .fail = fail,
					       .scope = scope,
					       .flags = call->billed ? BATON_ERROR_BILLED : 0,
					       .retry_after_ms = (uint32_t)call->retry_after_ms,
					       .code = baton_str_of(code) });
}

static void probe_ends(struct sim_shard *shard, uint64_t ticket)
{
	if (shard->sim->probe[shard->index].ticket == ticket)
		shard->sim->probe[shard->index].ticket = 0;
}

static void call_ends(struct call *call)
{
	probe_ends(call->shard, call->ticket);
	if (!call->late)
		call->shard->sim->open_calls--;
}

static void hear_intents(struct sim *sim, struct call *call)
{
	static const char *const intents[] = { "shipping", "billing", "complaint",
					       "refund",   "patient", "" };
	baton_intent intent = { .name = baton_str_of(intents[sim_below(sim, 6)]),
				.confidence_ppm = (uint32_t)sim_below(sim, 1000001) };
	if (sim->cell)
		intent = (baton_intent){ .name = baton_str_of(cell_intent(sim->cell)),
					 .confidence_ppm = 1000000 };
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
		call_fail(call, BATON_FAIL_REFUSED, BATON_SCOPE_REQUEST, "refused");
		return false;
	}
	if (call->fail && call->said == call->cut_at) {
		call_ends(call);
		if (sim->cell)
			call_fail(call, call->cell.fail, call->cell.scope, call->cell.code);
		else
			call_fail(call, fails[call->fail - 1], scopes[call->fail - 1],
				  fail_codes[call->fail - 1]);
		return false;
	}
	if (call->hangs && call->said == call->cut_at)
		return false;
	if (call->said == call->words || call->empty) {
		call_ends(call);
		call_usage(call);
		baton_shard_heard_end(call->shard->shard, call->ticket,
				      call->filtered ? BATON_END_FILTERED : BATON_END_STOP);
		return false;
	}
	/* Some models do not stream: one word is the whole answer, and its end comes with it. */
	if (call->words == 1 && !call->fail && !call->hangs) {
		call->said++;
		baton_shard_heard_whole(call->shard->shard, call->ticket, BATON_STR("\n Well"));
		/* A drill may have cut it there. */
		return !call->stopped && hear_word(sim, call);
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
		sim->speaking = call;
		goes_on = hear_word(sim, call) && !call->stopped;
		sim->speaking = NULL;
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
	if (sim->cell)
		return MS;
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
	if (!sim->cell && (sim->modules_down || sim_chance(sim, 3)))
		return BATON_E_MODULE;
	sim->open_calls++;
	if (!sim->cell && sim_chance(sim, 3))
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
	if (!sim->cell && (sim->modules_down || sim_chance(sim, 5)))
		return BATON_E_NOTFOUND;
	sim->open_calls++;
	if (!sim->cell && sim_chance(sim, 3))
		return BATON_OK;
	call_again(sim, call_new(shard, ticket, CALL_DOCS), some_delay(sim));
	return BATON_OK;
}

/* One of the things that models do; when the first word comes. */
static uint64_t bad_day(struct sim *sim, struct call *call)
{
	call->words = 1 + (unsigned)sim_below(sim, 12);
	call->pace_ns = (1 + sim_below(sim, 200)) * MS;
	call->cut_at = (unsigned)sim_below(sim, call->words + 1);
	uint64_t first_ns = sim_below(sim, 2000) * MS;
	switch (sim->calm ? 11 : sim_below(sim, 12)) {
	case 0:
	case 1:
		call->fail = 1 + (uint32_t)sim_below(sim, 6);
		call->retry_after_ms = sim_chance(sim, 30) ? sim_below(sim, 5000) : 0;
		call->billed = sim_chance(sim, 40); /* read, and then not answered */
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
		call->empty = sim_chance(sim, 60);
		call->filtered = !call->empty;
		break;
	case 6: /* alive, and of no use: only the total time ends it */
		call->words = sim_chance(sim, 30) ? 60 : call->words;
		call->pace_ns = (500 + sim_below(sim, 2000)) * MS;
		break;
	default:
		break;
	}
	return first_ns;
}

/* What the cell of the matrix says. */
static uint64_t cell_day(struct sim *sim, struct call *call, const char *provider)
{
	struct cell_call fault;

	call->words = 8;
	call->pace_ns = 20 * MS;
	if (!cell_fault(sim->cell, provider, &fault))
		return 50 * MS;
	call->cell = fault;
	call->hangs = fault.hangs;
	call->empty = fault.empty;
	call->fail = fault.fails;
	call->cut_at = fault.words;
	call->retry_after_ms = fault.retry_after_ms;
	return 10 * MS;
}

static int models_generate(void *ud, struct baton_release *release, baton_ticket ticket,
			   const char *provider, const baton_prompt *prompt)
{
	struct sim_shard *shard = ud;
	struct sim *sim = shard->sim;

	(void)release;
	PROMISE(sim, prompt->turn->n_msgs > 0 && prompt->model.n > 0 && provider[0],
		"a provider is told what to do", NULL);
	sim->saw.probes += baton_str_is(prompt->turn->channel, "probe");
	PROMISE(sim, !sim->board_held, "nobody is asked with the board in hand", NULL);
	if (!sim->cell && sim_chance(sim, 2))
		return BATON_E_MODULE;
	promise_may_be_asked(sim, provider);
	if (baton_str_is(prompt->turn->channel, "probe")) {
		sim->probe[shard->index].ticket = ticket;
		sim->probe[shard->index].since_ns = sim->now_ns;
	}
	sim->open_calls++;
	struct call *call = call_new(shard, ticket, CALL_ANSWER);
	call->target = sim->policy.targets[sim_target(baton_str_of(provider))].name;
	uint64_t first_ns = sim->cell ? cell_day(sim, call, provider) : bad_day(sim, call);
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
	probe_ends(shard, ticket);
	shard->sim->open_calls--;
	/* In the middle of a word: a drill cuts an answer so. */
	struct call *speaking = shard->sim->speaking;
	if (speaking && speaking->shard == shard && speaking->ticket == ticket)
		speaking->stopped = true;
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
	*ret = (baton_verdict){ .size = sizeof(*ret), .rule = "", .reason = "", .queue = "" };
	if (sim->cell) {
		if (cell_wants_person(sim->cell) && facts->stage == BATON_STAGE_BEFORE)
			*ret = (baton_verdict){ .size = sizeof(*ret),
						.action = BATON_ACT_ESCALATE_NOW,
						.priority = 2,
						.rule = "scenario",
						.reason = "as the scenario says",
						.queue = "general" };
		return BATON_OK;
	}
	if (sim->modules_down || sim_chance(sim, 1))
		return BATON_E_MODULE;
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

static struct baton_release *models_pin(void *ud, const struct baton_id *session)
{
	struct sim_shard *shard = ud;

	(void)session;

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

static bool models_doubtful(void *ud, struct baton_release *release)
{
	(void)ud;
	(void)release;
	return false;
}

static void models_turned(void *ud, struct baton_release *release,
			  const struct baton_trial_sample *sample)
{
	(void)ud;
	(void)release;
	(void)sample;
}

static const struct baton_policy *models_policy_of(void *ud, struct baton_release *release)
{
	struct sim_shard *shard = ud;

	(void)release;
	return &shard->sim->policy;
}

static bool models_work(void *ud, struct baton_release *release, const char *module)
{
	struct sim_shard *shard = ud;

	(void)release;
	(void)module;
	return !shard->sim->modules_down;
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
	seam->release_doubtful = models_doubtful;
	seam->release_turned = models_turned;
	seam->policy = models_policy_of;
	seam->release_number = models_number;
	seam->module_works = models_work;
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

static baton_expr *condition(const char *text)
{
	baton_expr *expr = NULL;
	char why[128];
	uint32_t column;
	int32_t rc = baton_expr_compile_in(&baton_env_mode, baton_str_of(text), &expr, why,
					   sizeof(why), &column);

	baton_assert(rc == 0);
	return expr;
}

static const char **one_name(struct sim *sim, const char *name)
{
	const char **list = baton_arena_alloc(&sim->policy_arena, sizeof(*list));

	list[0] = name;
	return list;
}

/* Short ones, so that a storm of 40 s sees them come, recover and expire. */
static void add_modes(struct sim *sim)
{
	struct baton_policy *policy = &sim->policy;
	struct baton_mode_def *modes =
		baton_arena_alloc(&sim->policy_arena, 5 * sizeof(*policy->modes));

	modes[0] = (struct baton_mode_def){ .name = "intake",
					    .what = BATON_MODE_INTAKE,
					    .intents = one_name(sim, "default"),
					    .n_intents = 1,
					    .enter_when = "all_down",
					    .enter_for_ms = 1000,
					    .recover_when = "!all_down",
					    .recover_for_ms = 2000,
					    .max_duration_ms = 15000,
					    .at_expiry = BATON_EXPIRY_NORMAL };
	modes[1] = (struct baton_mode_def){ .name = "pause",
					    .what = BATON_MODE_PAUSE,
					    .classes = one_name(sim, "patient"),
					    .n_classes = 1,
					    .recover_when = "!primary_open",
					    .recover_for_ms = 1000,
					    .max_duration_ms = 10000,
					    .at_expiry = BATON_EXPIRY_HAND_OVER };
	modes[2] = (struct baton_mode_def){ .name = "ticket",
					    .what = BATON_MODE_TICKET,
					    .recover_when = "true",
					    .max_duration_ms = 6000,
					    .at_expiry = BATON_EXPIRY_NEXT,
					    .next = &modes[3] };
	modes[3] = (struct baton_mode_def){ .name = "templates",
					    .what = BATON_MODE_TEMPLATED,
					    .template_ = "template",
					    .recover_when = "error_share < 0.5",
					    .max_duration_ms = 8000,
					    .at_expiry = BATON_EXPIRY_NORMAL };
	modes[4] = (struct baton_mode_def){ .name = "local",
					    .what = BATON_MODE_SUBSTITUTE,
					    .classes = one_name(sim, "drafting"),
					    .n_classes = 1,
					    .use = &policy->targets[2],
					    .enter_when = "calls >= 5 && error_share > 0.6",
					    .recover_when = "error_share < 0.2",
					    .recover_for_ms = 3000,
					    .max_duration_ms = 20000,
					    .at_expiry = BATON_EXPIRY_NORMAL };
	for (size_t i = 0; i < 5; i++) {
		if (modes[i].enter_when && modes[i].enter_when[0])
			modes[i].enter_test = condition(modes[i].enter_when);
		modes[i].recover_test = condition(modes[i].recover_when);
		modes[i].trigger = "condition";
		modes[i].say = "It takes a little longer today.";
		modes[i].queue = "";
		modes[i].enter_when = modes[i].enter_when ? modes[i].enter_when : "";
	}
	policy->modes = modes;
	policy->n_modes = 5;
}

void models_policy_done(struct sim *sim)
{
	for (size_t i = 0; i < sim->policy.n_modes; i++) {
		baton_expr_free(sim->policy.modes[i].enter_test);
		baton_expr_free(sim->policy.modes[i].recover_test);
	}
}

static void add_targets(struct sim *sim)
{
	static const char *const names[SIM_TARGETS] = { "main", "backup", "local" };
	struct baton_policy *policy = &sim->policy;

	policy->targets =
		baton_arena_alloc(&sim->policy_arena, SIM_TARGETS * sizeof(*policy->targets));
	for (policy->n_targets = 0; policy->n_targets < SIM_TARGETS; policy->n_targets++)
		policy->targets[policy->n_targets] = (struct baton_target){
			.name = names[policy->n_targets],
			.provider = names[policy->n_targets],
			.model = "m",
			.account = policy->n_targets == 2 ? "own" : "acme",
			.prompt = "",
			.region = "",
			.substitute = policy->n_targets == 0 ? "local" : "",
			.local = policy->n_targets == 2,
			.can_continue = policy->n_targets == 1,
			.max_output_tokens = 100,
			/* One microdollar a token, half of it, nothing. */
			.in_microusd_per_mtok = 1000000 - 500000 * (uint32_t)policy->n_targets,
			.out_microusd_per_mtok = 1000000 - 500000 * (uint32_t)policy->n_targets,
			.breaker = { .failures = 3,
				     .min_calls = 20,
				     .share_ppm = 500000,
				     .window_ms = 60000,
				     .open_ms = 4000,
				     .open_max_ms = 9000 },
		};
}

static void add_classes(struct sim *sim)
{
	struct baton_policy *policy = &sim->policy;

	policy->classes = baton_arena_alloc(&sim->policy_arena, 5 * sizeof(*policy->classes));
	policy->classes[0] =
		(struct baton_class){ .name = "drafting", .on_failure = BATON_ON_FAILURE_FALLBACK };
	policy->classes[1] = (struct baton_class){ .name = "money",
						   .on_failure = BATON_ON_FAILURE_ESCALATE,
						   .approved = one_name(sim, "backup"),
						   .n_approved = 1 };
	policy->classes[2] = (struct baton_class){ .name = "careful",
						   .on_failure = BATON_ON_FAILURE_REVIEW,
						   .on_restart = "hand_over" };
	policy->classes[3] = (struct baton_class){ .name = "patient",
						   .on_failure = BATON_ON_FAILURE_PAUSE,
						   .mode = &policy->modes[1] };
	policy->classes[4] =
		(struct baton_class){ .name = "strict", .on_failure = BATON_ON_FAILURE_ESCALATE };
	policy->n_classes = 5;
}

void models_policy(struct sim *sim)
{
	static const char *const intents[] = { "shipping", "billing", "complaint",
					       "refund",   "patient", "money" };
	struct baton_policy *policy = &sim->policy;
	struct baton_arena *arena = &sim->policy_arena;

	policy->routes = baton_arena_alloc(arena, 7 * sizeof(*policy->routes));
	policy->intents = baton_arena_alloc(arena, 6 * sizeof(*policy->intents));
	policy->prompts = baton_arena_alloc(arena, sizeof(*policy->prompts));
	policy->prompts[policy->n_prompts++] =
		(struct baton_prompt_def){ "template", "We look into it and write to you." };
	add_targets(sim);
	add_modes(sim);
	add_classes(sim);
	add_route(sim, "default", &policy->classes[0], BATON_TIER_AUTOMATED);
	add_route(sim, "shipping", &policy->classes[2], BATON_TIER_AUTOMATED);
	add_route(sim, "billing", &policy->classes[0], BATON_TIER_REVIEWED);
	add_route(sim, "complaint", &policy->classes[0], BATON_TIER_HUMAN);
	add_route(sim, "refund", &policy->classes[1], BATON_TIER_AUTOMATED);
	add_route(sim, "patient", &policy->classes[3], BATON_TIER_AUTOMATED);
	add_route(sim, "money", &policy->classes[4], BATON_TIER_AUTOMATED);
	for (policy->n_intents = 0; policy->n_intents < 6; policy->n_intents++)
		policy->intents[policy->n_intents] =
			(struct baton_intent_def){ .name = intents[policy->n_intents],
						   .min_confidence_ppm = 400000 };
	policy->budgets.retry_ratio_ppm = 200000;
	policy->budgets.retry_burst = 10;
	policy->budgets.turn_microusd = SIM_TURN_MICROUSD;
	policy->budgets.day_microusd = 6000;
	policy->routes[0].day_microusd = 3000;
	policy->default_queue = "general";
	policy->say_disclosure = "You are talking to an AI.";
	policy->say_handed_over = "A colleague will be with you.";
	policy->say_handed_back = "The assistant is back.";
	policy->say_draft_pending = "A colleague checks the answer.";
	policy->say_resumed = "Now to your question.";
	policy->say_greeting = "";
}
