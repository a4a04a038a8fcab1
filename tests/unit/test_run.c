/* SPDX-License-Identifier: Apache-2.0 */

/* The life of a turn: who is asked, who may speak, and what the clock does. No sockets and no
 * sleeping: modules are recorders, time is a number. */

#include "tests/unit/unit.h"

#include "core/base/errors.h"
#include "core/turn/run.h"

#include <stdio.h>

#define MS 1000000ull

struct bench {
	uint64_t now_ns, wait_ns;
	baton_ticket last_ticket;
	char asked[256];           /* "classify retrieve main ..." */
	char said[4096];           /* what a customer would see of the running attempt */
	char emitted[1024];        /* names of the events, in order */
	char why[128], fails[256]; /* of the hand-over; classes of failed attempts */
	char answer[4096];
	uint64_t cost_microusd;
	unsigned cancels;
	int refuse; /* what emit() answers */
	int no_classifier, no_rules;
	bool no_guard;
	baton_verdict verdict[2]; /* by stage */
	struct baton_target targets[3];
	struct baton_class class_;
	struct baton_route routes[2];
	struct baton_intent_def intents[1];
	struct baton_prompt_def prompts[1];
	struct baton_policy policy;
	struct baton_session session;
	struct baton_board *board;
	struct baton_run *run;
	char system[64], prefill[64], told[64], resumes[64];
	struct baton_mode_def modes[1];
};

static void note(char *list, size_t cap, const char *what)
{
	size_t n = strlen(list);

	snprintf(list + n, cap - n, "%s%s", n ? " " : "", what);
}

static uint64_t op_now(void *ud)
{
	return ((struct bench *)ud)->now_ns;
}

static uint64_t op_random(void *ud)
{
	(void)ud;
	return 100;
}

static baton_ticket op_ticket(void *ud, struct baton_run *run)
{
	(void)run;
	return ++((struct bench *)ud)->last_ticket;
}

static int op_classify(void *ud, struct baton_run *run, const baton_turn *turn)
{
	struct bench *bench = ud;

	(void)run;
	assert_int_equal(turn->n_msgs, 1);
	note(bench->asked, sizeof(bench->asked), "classify");
	return bench->no_classifier;
}

static int op_retrieve(void *ud, struct baton_run *run, const baton_query *query)
{
	struct bench *bench = ud;

	(void)run;
	assert_true(baton_str_is(query->text, "Where is it?"));
	note(bench->asked, sizeof(bench->asked), "retrieve");
	return 0;
}

static int op_generate(void *ud, struct baton_run *run, const char *provider,
		       const baton_prompt *prompt)
{
	struct bench *bench = ud;

	(void)run;
	note(bench->asked, sizeof(bench->asked), provider);
	if (prompt->prefill.n == 0)
		bench->said[0] = '\0';
	if (prompt->turn->msgs[0].role == BATON_ROLE_SYSTEM)
		snprintf(bench->system, sizeof(bench->system), "%.*s",
			 (int)prompt->turn->msgs[0].text.n, prompt->turn->msgs[0].text.p);
	snprintf(bench->prefill, sizeof(bench->prefill), "%.*s", (int)prompt->prefill.n,
		 prompt->prefill.p ? prompt->prefill.p : "");
	return 0;
}

static void op_cancel(void *ud, struct baton_run *run, uint32_t why)
{
	(void)run;
	(void)why;
	((struct bench *)ud)->cancels++;
}

static int op_rules(void *ud, struct baton_run *run, const baton_facts *facts, baton_verdict *ret)
{
	struct bench *bench = ud;

	(void)run;
	*ret = bench->verdict[facts->stage];
	return bench->no_rules;
}

static struct baton_now bench_now(const struct bench *bench)
{
	return (struct baton_now){ bench->now_ns / MS, 1795000000000 + bench->now_ns / MS };
}

static struct baton_board *op_board(void *ud, struct baton_now *ret_now)
{
	struct bench *bench = ud;

	*ret_now = bench_now(bench);
	return bench->board;
}

static void op_board_done(void *ud)
{
	(void)ud;
}

static bool op_module_works(void *ud, struct baton_run *run, const char *module)
{
	struct bench *bench = ud;

	(void)run;
	return strcmp(module, "guard") != 0 || !bench->no_guard;
}

static void nothing_happened(void *ud, const struct baton_happening *happening)
{
	(void)ud;
	(void)happening;
}

static void op_wait(void *ud, struct baton_run *run, uint64_t ms)
{
	(void)run;
	((struct bench *)ud)->wait_ns = ((struct bench *)ud)->now_ns + ms * MS;
}

static void record(struct bench *bench, const struct baton_event *event)
{
	note(bench->emitted, sizeof(bench->emitted), baton_event_info(event->type)->name);
	if (event->type == BATON_EV_ESCALATION_TRIGGERED) {
		snprintf(bench->why, sizeof(bench->why), "%.*s",
			 (int)event->escalation_triggered.rule.n,
			 event->escalation_triggered.rule.p);
		snprintf(bench->resumes, sizeof(bench->resumes), "%.*s",
			 (int)event->escalation_triggered.resumes.n,
			 event->escalation_triggered.resumes.p);
	}
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
	}
}

static int op_emit(void *ud, struct baton_run *run, enum baton_verb verb,
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

static void op_say(void *ud, struct baton_run *run, baton_str text, uint64_t offset)
{
	struct bench *bench = ud;

	(void)run;
	assert_int_equal(offset, strlen(bench->said));
	snprintf(bench->said + offset, sizeof(bench->said) - offset, "%.*s", (int)text.n, text.p);
}

static void op_count(void *ud, unsigned metric, uint64_t add)
{
	(void)ud;
	(void)metric;
	(void)add;
}

static const struct baton_run_ops ops = { .now_ns = op_now,
					  .random = op_random,
					  .ticket = op_ticket,
					  .classify = op_classify,
					  .retrieve = op_retrieve,
					  .generate = op_generate,
					  .cancel = op_cancel,
					  .rules = op_rules,
					  .board = op_board,
					  .board_done = op_board_done,
					  .module_works = op_module_works,
					  .wait = op_wait,
					  .emit = op_emit,
					  .say = op_say,
					  .count = op_count,
					  .observe = op_count };

static void fill_policy(struct bench *bench)
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
	bench->prompts[0] = (struct baton_prompt_def){ "support", "Be kind." };
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

static int open_bench(void **state)
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
	bench.run = baton_run_new(&(struct baton_run_start){
		.ops = &ops, .ud = &bench, .session = &bench.session, .policy = &bench.policy });
	*state = &bench;
	return 0;
}

static int close_bench(void **state)
{
	struct bench *bench = *state;

	baton_run_free(&bench->run);
	baton_board_free(&bench->board);
	baton_session_done(&bench->session);
	return 0;
}

static void pass_ms(struct bench *bench, uint64_t ms)
{
	bench->now_ns += ms * MS;
	if (bench->now_ns >= bench->wait_ns && !bench->run->done)
		baton_run_go(bench->run);
}

static void hear_end(struct bench *bench)
{
	baton_run_heard_end(bench->run, BATON_END_STOP);
	baton_run_go(bench->run);
}

static void hear_fail(struct bench *bench, uint32_t fail, const char *code)
{
	baton_run_heard_fail(bench->run,
			     &(baton_error){ .fail = fail, .code = baton_str_of(code) });
	baton_run_go(bench->run);
}

static void hear_text(struct bench *bench, const char *text)
{
	baton_run_heard_delta(bench->run, BATON_DELTA_TEXT, baton_str_of(text));
}

/* To the point where the first provider has been asked. */
static void ask(struct bench *bench, const char *intent, uint32_t ppm)
{
	baton_intent found = { .name = baton_str_of(intent), .confidence_ppm = ppm };

	baton_run_go(bench->run);
	baton_run_heard_intents(bench->run, &(baton_intents){ .n = 1, .v = &found });
	hear_end(bench);
	if (!bench->run->done)
		hear_end(bench); /* of the search */
}

static void an_answer_streams_and_ends(void **state)
{
	struct bench *bench = *state;

	ask(bench, "shipping", 900000);
	assert_string_equal(bench->asked, "classify retrieve main");
	assert_string_equal(bench->system, "Be kind.");
	hear_text(bench, "\n ");
	assert_string_equal(bench->said, ""); /* white space alone opens no bubble */
	hear_text(bench, "It left");
	hear_text(bench, " today.");
	assert_string_equal(bench->said, "It left today.");
	baton_run_heard_usage(bench->run, &(baton_usage){ .in_tokens = 3000, .out_tokens = 1000 });
	hear_end(bench);
	assert_true(bench->run->done);
	assert_string_equal(bench->answer, "It left today.");
	assert_int_equal(bench->cost_microusd, 5000);
	assert_string_equal(
		bench->emitted,
		"intent_detected policy_decided sources_retrieved route_selected policy_decided "
		"answer_generated");
}

static void the_backup_speaks_when_the_main_target_is_late(void **state)
{
	struct bench *bench = *state;

	ask(bench, "shipping", 900000);
	pass_ms(bench, 3999);
	assert_string_equal(bench->asked, "classify retrieve main");
	pass_ms(bench, 2);
	assert_string_equal(bench->asked, "classify retrieve main backup");
	assert_string_equal(bench->fails, "first_token_timeout");
	assert_int_equal(bench->cancels, 1);
	hear_text(bench, "Today.");
	hear_end(bench);
	assert_string_equal(bench->answer, "Today.");
}

static void a_stalled_answer_is_withdrawn_and_begun_again(void **state)
{
	struct bench *bench = *state;

	ask(bench, "shipping", 900000);
	hear_text(bench, "It le");
	pass_ms(bench, 2000);
	hear_text(bench, "f"); /* alive: the clock begins again */
	pass_ms(bench, 2999);
	assert_string_equal(bench->fails, "");
	pass_ms(bench, 1100);
	assert_string_equal(bench->fails, "stall");
	assert_non_null(strstr(bench->emitted, "model_failed answer_superseded"));
	assert_string_equal(bench->asked, "classify retrieve main backup");
	hear_text(bench, "It left.");
	hear_end(bench);
	assert_string_equal(bench->answer, "It left.");
}

static void thinking_counts_as_life_but_not_as_words(void **state)
{
	struct bench *bench = *state;

	ask(bench, "shipping", 900000);
	pass_ms(bench, 3500);
	baton_run_heard_delta(bench->run, BATON_DELTA_REASONING, BATON_STR("hm"));
	pass_ms(bench, 1000);
	assert_string_equal(bench->fails, "");
	assert_string_equal(bench->said, "");
}

static void a_failure_is_retried_once_then_the_fallback(void **state)
{
	struct bench *bench = *state;

	ask(bench, "shipping", 900000);
	hear_fail(bench, BATON_FAIL_UNAVAILABLE, "overloaded");
	pass_ms(bench, 101);
	assert_string_equal(bench->asked, "classify retrieve main main");
	hear_fail(bench, BATON_FAIL_UNAVAILABLE, "overloaded");
	assert_string_equal(bench->asked, "classify retrieve main main backup");
	hear_fail(bench, BATON_FAIL_TIMEOUT, "timeout");
	assert_true(bench->run->done);
	assert_string_equal(bench->why, "core.model_unavailable");
}

static void a_refusal_goes_to_a_person_and_nowhere_else(void **state)
{
	struct bench *bench = *state;

	ask(bench, "shipping", 900000);
	hear_fail(bench, BATON_FAIL_REFUSED, "refused");
	assert_true(bench->run->done);
	assert_string_equal(bench->asked, "classify retrieve main");
	assert_string_equal(bench->why, "core.refused");
}

static void an_empty_answer_is_a_failure(void **state)
{
	struct bench *bench = *state;

	ask(bench, "shipping", 900000);
	hear_text(bench, "  \n");
	hear_end(bench);
	assert_string_equal(bench->fails, "empty");
	assert_string_equal(bench->asked, "classify retrieve main backup");
}

static void the_total_time_ends_in_a_person(void **state)
{
	struct bench *bench = *state;

	ask(bench, "shipping", 900000);
	for (int i = 0; i < 30 && !bench->run->done; i++) {
		hear_text(bench, "word "); /* alive, and never done */
		pass_ms(bench, 1000);
	}
	assert_true(bench->run->done);
	assert_string_equal(bench->fails, "total_timeout");
	assert_string_equal(bench->why, "core.total_time");
}

static void an_answer_without_end_is_cut(void **state)
{
	static char much[8192];
	struct bench *bench = *state;

	memset(much, 'x', sizeof(much) - 1);
	ask(bench, "shipping", 900000);
	bench->run->speaks = false; /* the recorder's page is small */
	for (int i = 0; i < 10; i++)
		hear_text(bench, much);
	baton_run_go(bench->run);
	assert_string_equal(bench->fails, "too_long_an_answer");
}

static void an_unsure_classifier_means_the_default_route(void **state)
{
	struct bench *bench = *state;

	bench->routes[0].tier = BATON_TIER_HUMAN;
	ask(bench, "shipping", 499999);
	assert_true(bench->run->done);
	assert_string_equal(bench->why, "core.tier_3");
}

static void a_dead_classifier_does_not_stop_the_turn(void **state)
{
	struct bench *bench = *state;

	bench->no_classifier = BATON_E_MODULE;
	baton_run_go(bench->run);
	assert_string_equal(bench->asked, "classify retrieve");
	pass_ms(bench, 1001); /* and neither does a dead search */
	assert_string_equal(bench->asked, "classify retrieve main");
}

static void rules_hand_over_before_any_model_is_asked(void **state)
{
	struct bench *bench = *state;

	bench->verdict[BATON_STAGE_BEFORE] = (baton_verdict){
		.action = BATON_ACT_ESCALATE, .rule = "lockout", .reason = "x", .queue = "security"
	};
	ask(bench, "shipping", 900000);
	assert_true(bench->run->done);
	assert_string_equal(bench->asked, "classify");
	assert_string_equal(bench->why, "lockout");
}

static void rules_that_cannot_be_asked_count_as_fired(void **state)
{
	struct bench *bench = *state;

	bench->no_rules = BATON_E_MODULE;
	ask(bench, "shipping", 900000);
	assert_true(bench->run->done);
	assert_string_equal(bench->why, "core.rules_failed");
}

static void rules_on_the_answer_withdraw_what_was_shown(void **state)
{
	struct bench *bench = *state;

	bench->verdict[BATON_STAGE_AFTER] = (baton_verdict){
		.action = BATON_ACT_ESCALATE, .rule = "unsure", .reason = "x", .queue = ""
	};
	ask(bench, "shipping", 900000);
	hear_text(bench, "Maybe.");
	hear_end(bench);
	assert_true(bench->run->done);
	assert_string_equal(bench->answer, "");
	assert_non_null(strstr(bench->emitted, "answer_superseded escalation_triggered"));
}

static void a_whole_answer_is_judged_before_it_is_shown(void **state)
{
	struct bench *bench = *state;

	bench->verdict[BATON_STAGE_AFTER] = (baton_verdict){
		.action = BATON_ACT_ESCALATE, .rule = "unsure", .reason = "x", .queue = ""
	};
	ask(bench, "shipping", 900000);
	baton_run_heard_whole(bench->run, BATON_STR(" \nMaybe."));
	assert_string_equal(bench->said, "");
	hear_end(bench);
	assert_true(bench->run->done);
	assert_null(strstr(bench->emitted, "answer_superseded"));
	assert_non_null(strstr(bench->emitted, "escalation_triggered"));
}

static void a_whole_answer_comes_with_its_event(void **state)
{
	struct bench *bench = *state;

	ask(bench, "shipping", 900000);
	baton_run_heard_whole(bench->run, BATON_STR(" \nIt left today."));
	hear_end(bench);
	assert_true(bench->run->done);
	assert_string_equal(bench->said, "");
	assert_string_equal(bench->answer, "It left today.");
}

static void rules_that_want_a_review_withdraw_what_was_shown(void **state)
{
	struct bench *bench = *state;

	bench->verdict[BATON_STAGE_AFTER] = (baton_verdict){
		.action = BATON_ACT_REVIEW, .rule = "unsure", .reason = "x", .queue = ""
	};
	ask(bench, "shipping", 900000);
	hear_text(bench, "Maybe.");
	assert_string_equal(bench->said, "Maybe.");
	hear_end(bench);
	assert_true(bench->run->done);
	assert_non_null(strstr(bench->emitted, "answer_superseded draft_proposed"));
}

static void tier_two_drafts_in_silence(void **state)
{
	struct bench *bench = *state;

	bench->routes[1].tier = BATON_TIER_REVIEWED;
	ask(bench, "shipping", 900000);
	hear_text(bench, "It left.");
	assert_string_equal(bench->said, "");
	hear_end(bench);
	assert_non_null(strstr(bench->emitted, "draft_proposed"));
	assert_string_equal(bench->answer, "");
}

static void a_substitute_only_drafts_where_the_class_says_so(void **state)
{
	struct bench *bench = *state;

	bench->class_.on_failure = BATON_ON_FAILURE_REVIEW;
	ask(bench, "shipping", 900000);
	hear_fail(bench, BATON_FAIL_TIMEOUT, "timeout");
	hear_text(bench, "It left.");
	assert_string_equal(bench->said, "");
	hear_end(bench);
	assert_non_null(strstr(bench->emitted, "draft_proposed"));
}

static void a_critical_class_goes_to_a_person_at_once(void **state)
{
	struct bench *bench = *state;

	bench->class_.on_failure = BATON_ON_FAILURE_ESCALATE;
	ask(bench, "shipping", 900000);
	hear_fail(bench, BATON_FAIL_TIMEOUT, "timeout");
	assert_true(bench->run->done);
	assert_string_equal(bench->asked, "classify retrieve main");
	assert_string_equal(bench->why, "core.person_first");
}

static void a_refused_outcome_ends_in_silence(void **state)
{
	struct bench *bench = *state;

	ask(bench, "shipping", 900000);
	hear_text(bench, "It left.");
	bench->refuse = BATON_E_STALE; /* a person was faster */
	hear_end(bench);
	assert_true(bench->run->done);
	assert_string_equal(bench->emitted, "");
}

static void a_cancelled_run_says_what_was_shown(void **state)
{
	struct bench *bench = *state;

	ask(bench, "shipping", 900000);
	hear_text(bench, "It le");
	struct baton_ev_answer_superseded shown = baton_run_shown(bench->run);
	assert_true(baton_str_is(shown.text, "It le"));
	assert_int_equal(shown.attempt, 1);
	baton_run_cancel(bench->run, BATON_CANCEL_SUPERSEDED);
	assert_true(bench->run->done);
	assert_int_equal(bench->cancels, 1);
}

/* --- rescue in mid-answer --- */

static void a_target_that_can_goes_on_from_what_was_shown(void **state)
{
	struct bench *bench = *state;

	bench->targets[1].can_continue = true;
	ask(bench, "shipping", 900000);
	hear_text(bench, "It left ");
	hear_fail(bench, BATON_FAIL_TRUNCATED, "truncated");
	assert_string_equal(bench->asked, "classify retrieve main backup");
	assert_string_equal(bench->prefill, "It left ");
	assert_null(strstr(bench->emitted, "answer_superseded"));
	hear_text(bench, "today.");
	assert_string_equal(bench->said, "It left today.");
	hear_end(bench);
	assert_string_equal(bench->answer, "It left today.");
}

static void a_continuation_that_says_nothing_is_empty_and_withdrawn(void **state)
{
	struct bench *bench = *state;

	bench->targets[1].can_continue = true;
	ask(bench, "shipping", 900000);
	hear_text(bench, "It left ");
	hear_fail(bench, BATON_FAIL_TRUNCATED, "truncated");
	hear_end(bench);
	assert_string_equal(bench->fails, "truncated empty");
	assert_true(bench->run->done);
	assert_non_null(strstr(bench->emitted, "answer_superseded escalation_triggered"));
}

static void a_stream_below_the_floor_is_given_up(void **state)
{
	struct bench *bench = *state;

	bench->routes[1].min_tokens_per_s = 2;
	ask(bench, "shipping", 900000);
	for (int i = 0; i < 6 && !bench->fails[0]; i++) {
		hear_text(bench, "a ");
		pass_ms(bench, 1000);
	}
	assert_string_equal(bench->fails, "too_slow");
	assert_string_equal(bench->asked, "classify retrieve main backup");
}

/* --- modes --- */

static void declare(struct bench *bench, enum baton_mode_do what)
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

static void intake_queues_it_and_says_so(void **state)
{
	struct bench *bench = *state;

	declare(bench, BATON_MODE_INTAKE);
	ask(bench, "shipping", 900000);
	assert_true(bench->run->done);
	assert_string_equal(bench->asked, "classify");
	assert_string_equal(bench->emitted,
			    "intent_detected policy_decided mode_entered escalation_triggered");
	assert_string_equal(bench->why, "mode.calm");
	assert_string_equal(bench->resumes, "mode:calm");
	assert_string_equal(bench->told, "It takes longer today.");
}

static void a_pause_keeps_the_message(void **state)
{
	struct bench *bench = *state;

	declare(bench, BATON_MODE_PAUSE);
	ask(bench, "shipping", 900000);
	assert_true(bench->run->done);
	assert_string_equal(bench->emitted,
			    "intent_detected policy_decided mode_entered message_captured");
	assert_string_equal(bench->told, "It takes longer today.");
}

static void a_template_is_a_draft(void **state)
{
	struct bench *bench = *state;

	declare(bench, BATON_MODE_TEMPLATED);
	ask(bench, "shipping", 900000);
	assert_true(bench->run->done);
	assert_string_equal(bench->asked, "classify");
	assert_non_null(strstr(bench->emitted, "mode_entered draft_proposed"));
	assert_string_equal(bench->told, "Be kind.");
}

static void a_substitute_mode_asks_its_target(void **state)
{
	struct bench *bench = *state;

	declare(bench, BATON_MODE_SUBSTITUTE);
	ask(bench, "shipping", 900000);
	assert_string_equal(bench->asked, "classify retrieve backup");
	hear_text(bench, "It left.");
	hear_end(bench);
	assert_string_equal(bench->answer, "It left.");
}

static void the_classes_own_mode_takes_what_nobody_can_answer(void **state)
{
	struct bench *bench = *state;

	declare(bench, BATON_MODE_PAUSE);
	assert_int_equal(baton_board_mode_leave(bench->board, bench_now(bench), "calm",
						&(struct baton_admin){ "root", "" }),
			 0);
	bench->class_.on_failure = BATON_ON_FAILURE_PAUSE;
	bench->class_.mode = &bench->modes[0];
	ask(bench, "shipping", 900000);
	hear_fail(bench, BATON_FAIL_QUOTA, "quota");
	assert_true(bench->run->done);
	assert_string_equal(bench->asked, "classify retrieve main");
	assert_non_null(strstr(bench->emitted, "mode_entered message_captured"));
}

static void a_drill_for_some_puts_nobody_else_into_a_mode(void **state)
{
	static const struct baton_admin admin = { "root", "test" };
	struct bench *bench = *state;
	struct baton_mode_view view;
	struct baton_drill drill = { .name = "some",
				     .share_ppm = 999999,
				     .start_ms = bench_now(bench).ms,
				     .until_ms = bench_now(bench).ms + 60000,
				     .n_faults = 1,
				     .faults = { { .target = "main",
						   .fault = { .type = BATON_FAULT_OUTAGE } } } };

	declare(bench, BATON_MODE_PAUSE);
	assert_int_equal(baton_board_mode_leave(bench->board, bench_now(bench), "calm", &admin), 0);
	bench->class_.on_failure = BATON_ON_FAILURE_PAUSE;
	bench->class_.mode = &bench->modes[0];
	assert_int_equal(baton_board_drill_start(bench->board, bench_now(bench), &drill, &admin),
			 0);
	ask(bench, "shipping", 900000);
	for (int i = 0; i < 5; i++)
		pass_ms(bench, 300);
	assert_true(bench->run->done);
	assert_string_equal(bench->asked, "classify retrieve");
	assert_non_null(strstr(bench->emitted, "mode_entered message_captured"));
	assert_false(baton_board_mode(bench->board, bench_now(bench), &bench->policy,
				      &bench->routes[1], &view));
}

static void a_mode_that_is_over_is_told(void **state)
{
	struct bench *bench = *state;

	snprintf(bench->session.mode, sizeof(bench->session.mode), "calm");
	ask(bench, "shipping", 900000);
	hear_text(bench, "It left.");
	hear_end(bench);
	assert_non_null(strstr(bench->emitted, "mode_left"));
}

static void work_that_needs_a_guard_stops_without_it(void **state)
{
	struct bench *bench = *state;
	const char *needs[] = { "guard" };

	bench->class_.needs = needs;
	bench->class_.n_needs = 1;
	bench->no_guard = true;
	ask(bench, "shipping", 900000);
	assert_true(bench->run->done);
	assert_string_equal(bench->asked, "classify");
	assert_string_equal(bench->why, "core.guard_missing");
}

#define TURN(test) cmocka_unit_test_setup_teardown(test, open_bench, close_bench)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TURN(an_answer_streams_and_ends),
		TURN(the_backup_speaks_when_the_main_target_is_late),
		TURN(a_stalled_answer_is_withdrawn_and_begun_again),
		TURN(thinking_counts_as_life_but_not_as_words),
		TURN(a_failure_is_retried_once_then_the_fallback),
		TURN(a_refusal_goes_to_a_person_and_nowhere_else),
		TURN(an_empty_answer_is_a_failure),
		TURN(the_total_time_ends_in_a_person),
		TURN(an_answer_without_end_is_cut),
		TURN(an_unsure_classifier_means_the_default_route),
		TURN(a_dead_classifier_does_not_stop_the_turn),
		TURN(rules_hand_over_before_any_model_is_asked),
		TURN(rules_that_cannot_be_asked_count_as_fired),
		TURN(rules_on_the_answer_withdraw_what_was_shown),
		TURN(a_whole_answer_is_judged_before_it_is_shown),
		TURN(a_whole_answer_comes_with_its_event),
		TURN(rules_that_want_a_review_withdraw_what_was_shown),
		TURN(tier_two_drafts_in_silence),
		TURN(a_substitute_only_drafts_where_the_class_says_so),
		TURN(a_critical_class_goes_to_a_person_at_once),
		TURN(a_refused_outcome_ends_in_silence),
		TURN(a_cancelled_run_says_what_was_shown),
		TURN(a_target_that_can_goes_on_from_what_was_shown),
		TURN(a_continuation_that_says_nothing_is_empty_and_withdrawn),
		TURN(a_stream_below_the_floor_is_given_up),
		TURN(intake_queues_it_and_says_so),
		TURN(a_pause_keeps_the_message),
		TURN(a_template_is_a_draft),
		TURN(a_substitute_mode_asks_its_target),
		TURN(the_classes_own_mode_takes_what_nobody_can_answer),
		TURN(a_drill_for_some_puts_nobody_else_into_a_mode),
		TURN(a_mode_that_is_over_is_told),
		TURN(work_that_needs_a_guard_stops_without_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
