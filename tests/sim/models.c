/* SPDX-License-Identifier: Apache-2.0 */

/* Modules as they are on a bad day: late, cut, silent, refusing. Those of a release that is broken
 * fail each time that they are asked; which release is asked is in releases.c. */

#include "tests/sim/sim.h"

#include "core/base/errors.h"

#include <stdlib.h>

static const char *const fail_codes[] = { "overloaded", "rate_limited", "quota",
					  "access",     "truncated",    "protocol" };
static const uint32_t scopes[] = {
	BATON_SCOPE_PROVIDER, BATON_SCOPE_MODEL,    BATON_SCOPE_ACCOUNT,
	BATON_SCOPE_ACCOUNT,  BATON_SCOPE_PROVIDER, BATON_SCOPE_PROVIDER
};
static const uint32_t fails[] = { BATON_FAIL_OVERLOADED, BATON_FAIL_RATE_LIMITED,
				  BATON_FAIL_QUOTA,      BATON_FAIL_ACCESS,
				  BATON_FAIL_TRUNCATED,  BATON_FAIL_BAD_OUTPUT };

enum call_kind { CALL_INTENTS, CALL_DOCS, CALL_ANSWER, CALL_TOOL, CALL_BROKEN };

struct call {
	struct sim_shard *shard;
	uint64_t ticket;
	enum call_kind kind;
	unsigned words, said, cut_at; /* CALL_ANSWER; cut_at: fails behind this word */
	enum say say;
	uint64_t pace_ns;
	uint32_t fail; /* 0: none, else 1 + index into the tables above */
	uint64_t retry_after_ms;
	struct cell_call cell;
	struct tool_call tool; /* CALL_TOOL */
	bool stopped;          /* was cancelled while it spoke */
	const char *target;
	struct sim_release *release; /* CALL_ANSWER */
	bool filtered, billed, wants_tools;
	char help[48]; /* of help for agents: the first word, with the epoch that the case had */
	bool hangs, refused, empty, late; /* late: was cancelled, and speaks all the same */
};

static void call_again(struct sim *sim, struct call *call, uint64_t delay_ns);

static void call_usage(struct call *call)
{
	baton_shard_heard_usage(call->shard->shard, call->ticket,
				&(baton_usage){ .size = sizeof(baton_usage),
						.in_tokens = call->wants_tools ? 20 : 300,
						.out_tokens = call->said });
}

static void call_fail(struct call *call, uint32_t fail, uint32_t scope, const char *code)
{
	if (call->billed)
		call_usage(call);
	/* What a release in doubt meets is held against it, not against the account. */
	if (scope == BATON_SCOPE_ACCOUNT && !call->late && release_trusted(call->release))
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
		release_answered(call->shard, call->ticket);
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

static void hear_tool(struct sim *sim, struct call *call)
{
	baton_tool_result result;

	call_ends(call);
	if (!tools_result(sim, &call->tool, &result)) {
		baton_error error = tools_failure(sim, &call->tool);
		baton_shard_heard_fail(call->shard->shard, call->ticket, &error);
		return;
	}
	baton_shard_heard_tool(call->shard->shard, call->ticket, &result);
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
		if (call->wants_tools)
			calls_say(sim, call->shard, call->ticket);
		if (call->stopped) /* a drill has cut it there */
			return false;
		call_ends(call);
		call_usage(call);
		baton_shard_heard_end(call->shard->shard, call->ticket,
				      call->filtered      ? BATON_END_FILTERED
				      : call->wants_tools ? BATON_END_TOOL_CALLS
							  : BATON_END_STOP);
		return false;
	}
	/* Some models do not stream: one word is the whole answer, and its end comes with it. */
	if (call->words == 1 && !call->fail && !call->hangs) {
		call->said++;
		baton_shard_heard_whole(call->shard->shard, call->ticket,
					call->help[0] ? baton_str_of(call->help)
						      : baton_str_of(words_piece(call->say, 1, 1)));
		/* A drill may have cut it there. */
		return !call->stopped && hear_word(sim, call);
	}
	call->said++;
	baton_shard_heard_delta(
		call->shard->shard, call->ticket, BATON_DELTA_TEXT,
		call->help[0] ? baton_str_of(call->said > 1 ? " wörd" : call->help)
			      : baton_str_of(words_piece(call->say, call->said, call->words)));
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
	case CALL_TOOL:
		hear_tool(sim, call);
		break;
	case CALL_BROKEN:
		call_ends(call);
		call_fail(call, BATON_FAIL_MODULE, BATON_SCOPE_PROVIDER, "module");
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

uint64_t call_name(const struct sim_shard *shard, uint64_t ticket)
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

void call_break(struct sim_shard *shard, uint64_t ticket)
{
	struct call *call = call_new(shard, ticket, CALL_BROKEN);

	sim_forget(shard->sim, DUE_CALL, call_name(shard, ticket));
	call_again(shard->sim, call, 0);
}

static uint64_t some_delay(struct sim *sim)
{
	if (sim->cell)
		return MS;
	return sim_chance(sim, 5) ? sim_below(sim, 3000) * MS : sim_below(sim, 20000) * 1000;
}

/* True: the release cannot answer, now or in a moment; *ret_rc is what the call returns. */
static bool cannot(struct sim_shard *shard, struct baton_release *release, baton_ticket ticket,
		   enum sim_broken what, int *ret_rc)
{
	*ret_rc = BATON_E_CLOSED;
	if (!release_open(shard, release))
		return true;
	if (!release_broken(shard, release, what))
		return false;
	*ret_rc = BATON_E_MODULE;
	if (sim_chance(shard->sim, 40))
		return true;
	*ret_rc = BATON_OK;
	release_asked(shard, release, ticket);
	/* Some never say a word. */
	if (!sim_chance(shard->sim, 15))
		call_again(shard->sim, call_new(shard, ticket, CALL_BROKEN),
			   some_delay(shard->sim));
	return true;
}

static int models_classify(void *ud, struct baton_release *release, baton_ticket ticket,
			   const baton_turn *turn)
{
	struct sim_shard *shard = ud;
	struct sim *sim = shard->sim;
	int rc;

	PROMISE(sim, turn->n_msgs > 0, "a classifier is shown the message", NULL);
	guards_promise_veiled(sim, turn);
	/* One that began before may begin again on another release. */
	PROMISE(sim, !sim->draining || sim->again > 0, "no turn begins while the server drains",
		NULL);
	sim->again -= sim->draining;
	if (cannot(shard, release, ticket, BROKEN_CLASSIFIER, &rc))
		return rc;
	if (!sim->cell && (sim->modules_down || sim_chance(sim, 3)))
		return BATON_E_MODULE;
	release_asked(shard, release, ticket);
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
	int rc;

	PROMISE(sim, query->text.n > 0, "a retriever is given the question", NULL);
	PROMISE(sim, !memmem(query->text.p, query->text.n, SIM_CARD, strlen(SIM_CARD)),
		"no module outside ever sees a raw value", NULL);
	guards_promise_veiled(sim, query->turn);
	if (cannot(shard, release, ticket, BROKEN_RETRIEVER, &rc))
		return rc;
	if (!sim->cell && (sim->modules_down || sim_chance(sim, 5)))
		return BATON_E_NOTFOUND;
	release_asked(shard, release, ticket);
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

/* Who helps an agent is given the case. */
static void read_case(struct sim *sim, struct call *call, const baton_prompt *prompt)
{
	const baton_msg *first = &prompt->turn->msgs[0];
	baton_str id = prompt->turn->turn_id;
	bool helps = (id.n > 11 && memcmp(id.p + id.n - 11, "-suggestion", 11) == 0) ||
		     (id.n > 8 && memcmp(id.p + id.n - 8, "-writeup", 8) == 0);

	if (first->role != BATON_ROLE_SYSTEM || !helps)
		return;
	for (uint32_t i = 0; i < prompt->turn->n_msgs; i++) {
		baton_str text = prompt->turn->msgs[i].text;
		const char *epoch = memmem(text.p, text.n, "\"epoch\":", 8);

		if (epoch && call->help[0] == '\0')
			snprintf(call->help, sizeof(call->help), "for-agents-%llu",
				 strtoull(epoch + 8, NULL, 10));
	}
	PROMISE(sim, call->help[0], "who helps an agent is shown the case", NULL);
}

static int models_generate(void *ud, struct baton_release *release, baton_ticket ticket,
			   const char *provider, const baton_prompt *prompt)
{
	struct sim_shard *shard = ud;
	struct sim *sim = shard->sim;
	int rc;

	PROMISE(sim, prompt->turn->n_msgs > 0 && prompt->model.n > 0 && provider[0],
		"a provider is told what to do", NULL);
	guards_promise_veiled(sim, prompt->turn);
	sim->saw.probes += baton_str_is(prompt->turn->channel, "probe");
	PROMISE(sim, !sim->board_held, "nobody is asked with the board in hand", NULL);
	if (!sim->cell && sim_chance(sim, 2))
		return BATON_E_MODULE;
	promise_may_be_asked(sim, provider);
	if (cannot(shard, release, ticket, BROKEN_PROVIDERS, &rc))
		return rc;
	if (baton_str_is(prompt->turn->channel, "probe")) {
		sim->probe[shard->index].ticket = ticket;
		sim->probe[shard->index].since_ns = sim->now_ns;
	}
	release_asked(shard, release, ticket);
	struct call *call = call_new(shard, ticket, CALL_ANSWER);
	call->release = (struct sim_release *)release;
	call->target = sim->policy.targets[sim_target(baton_str_of(provider))].name;
	read_case(sim, call, prompt);
	call->say = words_choose(sim, prompt);
	call->wants_tools = calls_wanted(sim, prompt);
	uint64_t first_ns =
		sim->cell && !call->help[0] ? cell_day(sim, call, provider) : bad_day(sim, call);
	/* Mostly without a word before. */
	if (call->wants_tools && sim_chance(sim, 60))
		call->empty = true;
	call_again(sim, call, first_ns);
	return BATON_OK;
}

static int models_invoke(void *ud, struct baton_release *release, baton_ticket ticket,
			 const char *module, const baton_tool_req *req)
{
	struct sim_shard *shard = ud;
	struct sim *sim = shard->sim;
	int rc;

	PROMISE(sim, module[0], "a tool has a module", NULL);
	PROMISE(sim, !sim->board_held, "no tool is asked with the board in hand", NULL);
	if (cannot(shard, release, ticket, BROKEN_TOOLS, &rc))
		return rc;
	if (!sim->cell && sim_chance(sim, 3))
		return BATON_E_MODULE; /* not started: nothing was done */
	release_asked(shard, release, ticket);
	struct call *call = call_new(shard, ticket, CALL_TOOL);
	tools_asked(sim, req, &call->tool);
	if (call->tool.ends == TOOL_HANGS) {
		baton_free(call);
		return BATON_OK; /* and never answers */
	}
	call_again(sim, call, some_delay(sim));
	return BATON_OK;
}

static int models_inspect(void *ud, struct baton_release *release, const char *module,
			  const baton_inspection *what, baton_hits *ret)
{
	struct sim_shard *shard = ud;

	PROMISE(shard->sim, module[0], "a guard has a module", NULL);
	ret->n = ret->safe = 0;
	if (release_broken(shard, release, BROKEN_GUARDS))
		return BATON_E_MODULE;
	return guards_inspect(shard->sim, what, ret);
}

static void models_cancel(void *ud, struct baton_release *release, baton_ticket ticket,
			  uint32_t why)
{
	struct sim_shard *shard = ud;
	struct due *due = sim_find(shard->sim, DUE_CALL, call_name(shard, ticket));

	(void)release_open(shard, release); /* it is held */
	(void)why;
	probe_ends(shard, ticket);
	release_answered(shard, ticket);
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

	bool broken = !release_open(shard, release) || release_broken(shard, release, BROKEN_RULES);

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
	if (broken || sim->modules_down || sim_chance(sim, 1))
		return BATON_E_MODULE;
	if ((facts->flags & BATON_FACT_UNGROUNDED) && sim_chance(sim, 50))
		*ret = (baton_verdict){ .size = sizeof(*ret),
					.action = BATON_ACT_REVIEW,
					.rule = "against-policy",
					.reason = "sources do not hold",
					.queue = "" };
	else if (facts->unresolved_exchanges >= 3 || sim_chance(sim, 3))
		*ret = (baton_verdict){ .size = sizeof(*ret),
					.action = BATON_ACT_ESCALATE,
					.priority = 4,
					.flags = sim_chance(sim, 50) ? BATON_VERDICT_REVERSIBLE : 0,
					.rule = "exchanges-spent",
					.reason = "no solution so far",
					.queue = "general" };
	else if (sim_chance(sim, 10))
		*ret = (baton_verdict){ .size = sizeof(*ret),
					.action = BATON_ACT_OFFER_HUMAN,
					.rule = "weak",
					.reason = "unsure",
					.queue = "" };
	else if (sim_chance(sim, 3))
		*ret = (baton_verdict){ .size = sizeof(*ret),
					.action = BATON_ACT_REVIEW,
					.rule = "look",
					.reason = "unsure",
					.queue = "" };
	return BATON_OK;
}

void models_seam(struct baton_seam *seam)
{
	seam->classify = models_classify;
	seam->retrieve = models_retrieve;
	seam->generate = models_generate;
	seam->cancel = models_cancel;
	seam->rules = models_rules;
	seam->invoke = models_invoke;
	seam->inspect = models_inspect;
}
