/* SPDX-License-Identifier: Apache-2.0 */

/* A turn on the bench: modules are recorders, time is a number, the board is the real one. No sockets
 * and no sleeping. */
#pragma once

#include "tests/unit/unit.h"

#include "core/base/errors.h"
#include "core/turn/run.h"

#include <stdio.h>

#define MS 1000000ull

struct bench {
	uint64_t now_ns, wait_ns;
	baton_ticket last_ticket;
	char classified[512];      /* what the classifier was shown */
	char asked[256];           /* "classify retrieve main ..." */
	char said[4096];           /* what a customer would see of the running attempt */
	char emitted[1024];        /* names of the events, in order */
	char why[128], fails[256]; /* of the hand-over; classes of failed attempts */
	char answer[4096];
	uint64_t cost_microusd, upto; /* of the answer; of what was answered or kept */
	bool substitute;
	unsigned cancels;
	int refuse;  /* what emit() answers */
	int refused; /* what the asker of a suggestion was told */
	int no_classifier, no_rules;
	bool no_guard, doubtful;
	bool no_filters;        /* the retriever refuses them */
	char filter[64];        /* what it was asked to leave out first */
	unsigned unfiltered;    /* how often it was asked again without one */
	uint64_t stale;         /* of the answer */
	unsigned moves, turned; /* to another release; what the trial was told */
	struct baton_trial_sample sample;
	baton_verdict verdict[2]; /* by stage */
	baton_facts facts[2];     /* that the rules were asked with, by stage */
	char on_record[2][2048];  /* the same as they were recorded: all, and what was different */
	char offered[256];        /* what the customer was asked behind the answer */
	uint64_t tier;            /* of the question that was handed over */
	bool reversible;
	struct baton_target targets[3];
	struct baton_class class_;
	struct baton_route routes[2];
	struct baton_intent_def intents[1];
	struct baton_prompt_def prompts[1];
	struct baton_policy policy;
	struct baton_session session;
	struct baton_board *board;
	struct baton_run *run;
	bool not_durable; /* the disk thinks */
	int no_tool;      /* what invoke() answers */
	char calls[2048]; /* of tools: what was recorded and made, in order */
	char last_key[64];
	char tools[1024],
		rounds[4096]; /* what the provider was offered, and what was called before */
	char system[64], prefill[64], told[64], resumes[64];
	struct baton_mode_def modes[1];
};

static inline void note(char *list, size_t cap, const char *what)
{
	size_t n = strlen(list);

	snprintf(list + n, cap - n, "%s%s", n ? " " : "", what);
}

static inline uint64_t op_now(void *ud)
{
	return ((struct bench *)ud)->now_ns;
}

static inline uint64_t op_random(void *ud)
{
	(void)ud;
	return 100;
}

static inline baton_ticket op_ticket(void *ud, struct baton_run *run)
{
	(void)run;
	return ++((struct bench *)ud)->last_ticket;
}

static inline int op_classify(void *ud, struct baton_run *run, const baton_turn *turn)
{
	struct bench *bench = ud;

	(void)run;
	bench->classified[0] = '\0';
	for (uint32_t i = 0; i < turn->n_msgs; i++)
		note(bench->classified, sizeof(bench->classified), turn->msgs[i].text.p);
	note(bench->asked, sizeof(bench->asked), "classify");
	return bench->no_classifier;
}

static inline int op_retrieve(void *ud, struct baton_run *run, const baton_query *query)
{
	struct bench *bench = ud;

	(void)run;
	/* The newest question, and nothing else. */
	assert_true(
		baton_str_eq(query->text, bench->session.lines[bench->session.n_lines - 1].text));
	note(bench->asked, sizeof(bench->asked), "retrieve");
	bench->unfiltered += query->filter_json.n == 0 && bench->filter[0] != '\0';
	snprintf(bench->filter + strlen(bench->filter),
		 sizeof(bench->filter) - strlen(bench->filter), "%.*s", (int)query->filter_json.n,
		 query->filter_json.n ? query->filter_json.p : "");
	return bench->no_filters && query->filter_json.n > 0 ? BATON_E_UNSUPPORTED : 0;
}

static inline int op_generate(void *ud, struct baton_run *run, const char *provider,
			      const baton_prompt *prompt)
{
	struct bench *bench = ud;

	(void)run;
	note(bench->asked, sizeof(bench->asked), provider);
	snprintf(bench->tools, sizeof(bench->tools), "%.*s", (int)prompt->tools_json.n,
		 prompt->tools_json.n ? prompt->tools_json.p : "");
	bench->rounds[0] = '\0';
	for (uint32_t i = 0; i < prompt->turn->n_msgs; i++) {
		const baton_msg *msg = &prompt->turn->msgs[i];

		if (msg->parts_json.n == 0 && msg->role != BATON_ROLE_TOOL)
			continue;
		char line[1024];
		snprintf(line, sizeof(line), "%.*s%.*s%.*s", (int)msg->tool_call_id.n,
			 msg->tool_call_id.n ? msg->tool_call_id.p : "", (int)msg->parts_json.n,
			 msg->parts_json.n ? msg->parts_json.p : "", (int)msg->text.n,
			 msg->text.n ? msg->text.p : "");
		note(bench->rounds, sizeof(bench->rounds), line);
	}
	/* Words that were said before tools were called stay. */
	if (prompt->prefill.n == 0 && bench->run->said == 0)
		bench->said[0] = '\0';
	if (prompt->turn->msgs[0].role == BATON_ROLE_SYSTEM)
		snprintf(bench->system, sizeof(bench->system), "%.*s",
			 (int)prompt->turn->msgs[0].text.n, prompt->turn->msgs[0].text.p);
	snprintf(bench->prefill, sizeof(bench->prefill), "%.*s", (int)prompt->prefill.n,
		 prompt->prefill.p ? prompt->prefill.p : "");
	return 0;
}

static inline int op_invoke(void *ud, struct baton_run *run, const char *module,
			    const baton_tool_req *req)
{
	struct bench *bench = ud;
	char line[512];

	(void)run;
	assert_int_equal(req->turn->n_msgs, 0);
	snprintf(line, sizeof(line), "%s.%.*s%.*s", module, (int)req->name.n, req->name.p,
		 (int)req->args_json.n, req->args_json.p);
	note(bench->calls, sizeof(bench->calls), line);
	snprintf(bench->last_key, sizeof(bench->last_key), "%.*s", (int)req->idempotency_key.n,
		 req->idempotency_key.p);
	return bench->no_tool;
}

static inline bool op_durable(void *ud, struct baton_run *run, uint64_t seq)
{
	(void)run;
	(void)seq;
	return !((struct bench *)ud)->not_durable;
}

static inline void op_cancel(void *ud, struct baton_run *run, uint32_t why)
{
	(void)run;
	(void)why;
	((struct bench *)ud)->cancels++;
}

static inline int op_rules(void *ud, struct baton_run *run, const baton_facts *facts,
			   baton_verdict *ret)
{
	struct bench *bench = ud;

	(void)run;
	bench->facts[facts->stage] = *facts;
	*ret = bench->verdict[facts->stage];
	return bench->no_rules;
}

static inline struct baton_now bench_now(const struct bench *bench)
{
	return (struct baton_now){ bench->now_ns / MS, 1795000000000 + bench->now_ns / MS };
}

static inline struct baton_board *op_board(void *ud, struct baton_now *ret_now)
{
	struct bench *bench = ud;

	*ret_now = bench_now(bench);
	return bench->board;
}

static inline void op_board_done(void *ud)
{
	(void)ud;
}

static inline bool op_doubtful(void *ud, const struct baton_run *run)
{
	const struct bench *bench = ud;
	(void)run;
	return bench->doubtful;
}

static inline void op_move(void *ud, struct baton_run *run)
{
	struct bench *bench = ud;
	bench->moves++;
	bench->doubtful = false;
	run->release_number++;
}

static inline void op_turned(void *ud, const struct baton_run *run,
			     const struct baton_trial_sample *sample)
{
	struct bench *bench = ud;
	(void)run;
	bench->turned++;
	bench->sample = *sample;
}

static inline bool op_module_works(void *ud, struct baton_run *run, const char *module)
{
	struct bench *bench = ud;

	(void)run;
	return strcmp(module, "guard") != 0 || !bench->no_guard;
}

static inline void nothing_happened(void *ud, const struct baton_happening *happening)
{
	(void)ud;
	(void)happening;
}

static inline void op_wait(void *ud, struct baton_run *run, uint64_t ms)
{
	(void)run;
	((struct bench *)ud)->wait_ns = ((struct bench *)ud)->now_ns + ms * MS;
}

static inline void record_call(struct bench *bench, const struct baton_event *event)
{
	baton_str what = BATON_STR("");
	const char *word = NULL;

	if (event->type == BATON_EV_TOOL_CALLED)
		word = "record", what = event->tool_called.tool;
	else if (event->type == BATON_EV_TOOL_PROPOSED)
		word = "propose", what = event->tool_proposed.tool;
	else if (event->type == BATON_EV_GUARD_HIT)
		word = "refuse", what = event->guard_hit.type;
	else if (event->type == BATON_EV_TOOL_FINISHED)
		word = event->tool_finished.ok ? "ok" : "failed",
		what = event->tool_finished.code.n || !event->tool_finished.ok
			       ? event->tool_finished.code
			       : event->tool_finished.result;
	if (!word)
		return;
	char line[256];
	snprintf(line, sizeof(line), "%s:%.*s", word, (int)what.n, what.n ? what.p : "");
	note(bench->calls, sizeof(bench->calls), line);
}

static inline void record_facts(struct bench *bench, const struct baton_ev_policy_decided *decided)
{
	bool after = baton_str_is(decided->stage, "after");
	baton_str json = after ? decided->changed : decided->facts;

	snprintf(bench->on_record[after], sizeof(bench->on_record[after]), "%.*s", (int)json.n,
		 json.n ? json.p : "");
}

static inline void record(struct bench *bench, const struct baton_event *event)
{
	note(bench->emitted, sizeof(bench->emitted), baton_event_info(event->type)->name);
	if (event->type == BATON_EV_ESCALATION_TRIGGERED) {
		bench->cost_microusd = event->escalation_triggered.cost_microusd;
		snprintf(bench->why, sizeof(bench->why), "%.*s",
			 (int)event->escalation_triggered.rule.n,
			 event->escalation_triggered.rule.p);
		snprintf(bench->resumes, sizeof(bench->resumes), "%.*s",
			 (int)event->escalation_triggered.resumes.n,
			 event->escalation_triggered.resumes.p);
		bench->tier = event->escalation_triggered.tier;
		bench->reversible = event->escalation_triggered.reversible;
	}
	record_call(bench, event);
	if (event->type == BATON_EV_POLICY_DECIDED)
		record_facts(bench, &event->policy_decided);
	if (event->type == BATON_EV_HUMAN_OFFERED)
		snprintf(bench->offered, sizeof(bench->offered), "%.*s",
			 (int)event->human_offered.text.n, event->human_offered.text.p);
	if (event->type == BATON_EV_DRAFT_PROPOSED || event->type == BATON_EV_MESSAGE_CAPTURED)
		snprintf(bench->told, sizeof(bench->told), "%.*s",
			 (int)(event->type == BATON_EV_DRAFT_PROPOSED
				       ? event->draft_proposed.text
				       : event->message_captured.text)
				 .n,
			 (event->type == BATON_EV_DRAFT_PROPOSED ? event->draft_proposed.text
								 : event->message_captured.text)
				 .p);
	if (event->type == BATON_EV_MODEL_FAILED) {
		char fail[64];

		snprintf(fail, sizeof(fail), "%.*s", (int)event->model_failed.fail.n,
			 event->model_failed.fail.p);
		note(bench->fails, sizeof(bench->fails), fail);
	}
	if (event->type == BATON_EV_ANSWER_GENERATED) {
		snprintf(bench->answer, sizeof(bench->answer), "%.*s",
			 (int)event->answer_generated.text.n, event->answer_generated.text.p);
		bench->cost_microusd = event->answer_generated.cost_microusd;
		bench->substitute = event->answer_generated.substitute;
		bench->upto = event->answer_generated.upto;
		bench->stale = event->answer_generated.stale;
	}
	if (event->type == BATON_EV_MESSAGE_CAPTURED)
		bench->upto = event->message_captured.upto;
}

static inline int op_emit(void *ud, struct baton_run *run, enum baton_verb verb,
			  const struct baton_event *events, size_t n)
{
	struct bench *bench = ud;

	if (verb == BATON_CMD_HAND_OVER)
		snprintf(bench->told, sizeof(bench->told), "%.*s", (int)run->told.n,
			 run->told.p ? run->told.p : "");
	assert_in_range(n, 1, BATON_RUN_NOTES_MAX);
	if (bench->refuse)
		return bench->refuse;
	for (size_t i = 0; i < n; i++)
		record(bench, &events[i]);
	return 0;
}

static inline void op_refused(void *ud, struct baton_run *run, int code)
{
	(void)run;
	((struct bench *)ud)->refused = code;
}

static inline void op_say(void *ud, struct baton_run *run, baton_str text, uint64_t offset)
{
	struct bench *bench = ud;

	(void)run;
	assert_int_equal(offset, strlen(bench->said));
	snprintf(bench->said + offset, sizeof(bench->said) - offset, "%.*s", (int)text.n, text.p);
}

static inline void op_count(void *ud, unsigned metric, uint64_t add)
{
	(void)ud;
	(void)metric;
	(void)add;
}

static const struct baton_run_ops bench_ops = { .now_ns = op_now,
						.random = op_random,
						.ticket = op_ticket,
						.classify = op_classify,
						.retrieve = op_retrieve,
						.generate = op_generate,
						.cancel = op_cancel,
						.rules = op_rules,
						.invoke = op_invoke,
						.durable = op_durable,
						.board = op_board,
						.board_done = op_board_done,
						.doubtful = op_doubtful,
						.move = op_move,
						.turned = op_turned,
						.module_works = op_module_works,
						.wait = op_wait,
						.emit = op_emit,
						.refused = op_refused,
						.say = op_say,
						.count = op_count,
						.observe = op_count };

static inline void fill_policy(struct bench *bench)
{
	static const char *const names[3] = { "main", "backup", "spare" };

	for (size_t i = 0; i < 3; i++)
		bench->targets[i] = (struct baton_target){ .name = names[i],
							   .provider = names[i],
							   .model = "m",
							   .account = names[i],
							   .prompt = i == 0 ? "support" : "",
							   .region = "",
							   .substitute = "",
							   .in_microusd_per_mtok = 1000000,
							   .out_microusd_per_mtok = 2000000 };
	bench->class_ =
		(struct baton_class){ .name = "any", .on_failure = BATON_ON_FAILURE_FALLBACK };
	bench->routes[0] = (struct baton_route){ .intent = "default",
						 .primary = &bench->targets[0],
						 .fallbacks = { &bench->targets[1] },
						 .n_fallbacks = 1,
						 .first_token_ms = 4000,
						 .stall_ms = 3000,
						 .total_ms = 20000,
						 .class_ = &bench->class_,
						 .tier = BATON_TIER_AUTOMATED,
						 .queue = "general" };
	bench->routes[1] = bench->routes[0];
	bench->routes[1].intent = "shipping";
	bench->intents[0] =
		(struct baton_intent_def){ .name = "shipping", .min_confidence_ppm = 500000 };
	bench->prompts[0] = (struct baton_prompt_def){ "support", "Be kind.", "1f2e3d4c" };
	bench->policy = (struct baton_policy){ .targets = bench->targets,
					       .n_targets = 3,
					       .routes = bench->routes,
					       .n_routes = 2,
					       .intents = bench->intents,
					       .n_intents = 1,
					       .prompts = bench->prompts,
					       .n_prompts = 1 };
	bench->verdict[0] = bench->verdict[1] =
		(baton_verdict){ .rule = "", .reason = "", .queue = "" };
}

static inline int open_bench(void **state)
{
	static struct bench bench;
	static const struct baton_id id = { { 9 } };
	struct baton_event opened = { .type = BATON_EV_SESSION_OPENED, .seq = 1 };
	struct baton_event disclosed = { .type = BATON_EV_DISCLOSURE_MADE, .seq = 2 };
	struct baton_event message = { .type = BATON_EV_MESSAGE_RECEIVED, .seq = 3, .unix_ms = 5 };

	memset(&bench, 0, sizeof(bench));
	bench.now_ns = 1000 * MS;
	fill_policy(&bench);
	baton_session_init(&bench.session, &id);
	message.message_received.client_id = BATON_STR("a");
	message.message_received.text = BATON_STR("Where is it?");
	baton_session_apply(&bench.session, &opened);
	baton_session_apply(&bench.session, &disclosed);
	baton_session_apply(&bench.session, &message);
	bench.board = baton_board_new(nothing_happened, NULL);
	baton_board_adopt(bench.board, bench_now(&bench), &bench.policy);
	bench.run = baton_run_new(&(struct baton_run_start){ .ops = &bench_ops,
							     .ud = &bench,
							     .session = &bench.session,
							     .policy = &bench.policy });
	*state = &bench;
	return 0;
}

static inline int close_bench(void **state)
{
	struct bench *bench = *state;

	baton_run_free(&bench->run);
	baton_board_free(&bench->board);
	baton_session_done(&bench->session);
	return 0;
}

static inline void pass_ms(struct bench *bench, uint64_t ms)
{
	bench->now_ns += ms * MS;
	if (bench->now_ns >= bench->wait_ns && !bench->run->done)
		baton_run_go(bench->run);
}

static inline void hear_end(struct bench *bench)
{
	baton_run_heard_end(bench->run, BATON_END_STOP);
	baton_run_go(bench->run);
}

static inline void hear_fail(struct bench *bench, uint32_t fail, const char *code)
{
	baton_run_heard_fail(bench->run,
			     &(baton_error){ .fail = fail, .code = baton_str_of(code) });
	baton_run_go(bench->run);
}

static inline void hear_text(struct bench *bench, const char *text)
{
	baton_run_heard_delta(bench->run, BATON_DELTA_TEXT, baton_str_of(text));
}

/* To the point where the first provider has been asked. */
static inline void ask(struct bench *bench, const char *intent, uint32_t ppm)
{
	baton_intent found = { .name = baton_str_of(intent), .confidence_ppm = ppm };

	baton_run_go(bench->run);
	baton_run_heard_intents(bench->run, &(baton_intents){ .n = 1, .v = &found });
	hear_end(bench);
	if (!bench->run->done)
		hear_end(bench); /* of the search */
}

static inline void declare(struct bench *bench, enum baton_mode_do what)
{
	static const struct baton_admin admin = { "root", "test" };

	bench->modes[0] = (struct baton_mode_def){ .name = "calm",
						   .what = what,
						   .enter_when = "",
						   .recover_when = "",
						   .max_duration_ms = 60000,
						   .trigger = "declared",
						   .say = "It takes longer today.",
						   .queue = "",
						   .use = &bench->targets[1],
						   .template_ = "support" };
	bench->policy.modes = bench->modes;
	bench->policy.n_modes = 1;
	baton_board_adopt(bench->board, bench_now(bench), &bench->policy);
	assert_int_equal(baton_board_mode_enter(bench->board, bench_now(bench), "calm", 0, &admin),
			 0);
}

static inline bool mode_is_on(const struct bench *bench)
{
	struct baton_mode_view view;

	return baton_board_mode(bench->board, bench_now(bench), &bench->policy, &bench->routes[1],
				&view);
}

/* What the board says of itself holds these words. */
static inline bool board_says(const struct bench *bench, const char *words)
{
	struct baton_buf json = { NULL, 0, 0 };

	baton_board_json(bench->board, bench_now(bench), &json);
	bool found = strstr(json.p, words) != NULL;
	baton_buf_done(&json);
	return found;
}
