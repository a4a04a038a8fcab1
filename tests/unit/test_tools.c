/* SPDX-License-Identifier: Apache-2.0 */

/* Tools in a turn: what a model asks for and whether it gets it, on a bench where modules are
 * recorders. What becomes of it in a storm is the simulation's. */

#include "tests/unit/turn_bench.h"

#define OBJECT_ "{\"type\":\"object\",\"additionalProperties\":false,"

static struct baton_tool_bind binds[] = {
	{ .argument = "who", .from = "customer", .required = true }
};
static struct baton_tool_def tools[] = {
	{ .name = "find",
	  .module = "shop",
	  .title = "looks it up",
	  .description = "d",
	  .arguments_json = OBJECT_ "\"properties\":{\"n\":{\"type\":\"integer\"}}}",
	  .schema_json = OBJECT_ "\"properties\":{\"n\":{\"type\":\"integer\"}}}",
	  .result_json = OBJECT_ "\"properties\":{\"at\":{\"type\":\"string\"}}}",
	  .idempotent = true,
	  .timeout_ms = 2000 },
	{ .name = "note",
	  .module = "shop",
	  .title = "takes a note",
	  .description = "d",
	  .arguments_json = "{\"type\":\"object\"}",
	  .schema_json = "{\"type\":\"object\"}",
	  .result_json = "{\"type\":\"object\"}",
	  .writes = true,
	  .idempotent = true,
	  .timeout_ms = 2000 },
	{ .name = "burn",
	  .module = "shop",
	  .title = "burns it",
	  .description = "d",
	  .arguments_json = "{\"type\":\"object\"}",
	  .schema_json = "{\"type\":\"object\"}",
	  .result_json = "{\"type\":\"object\"}",
	  .writes = true,
	  .timeout_ms = 2000 },
	{ .name = "pay",
	  .module = "shop",
	  .title = "pays back",
	  .description = "d",
	  .arguments_json = "{\"type\":\"object\"}",
	  .schema_json = "{\"type\":\"object\"}",
	  .result_json = "",
	  .writes = true,
	  .approval = true,
	  .timeout_ms = 2000 },
	{ .name = "mine",
	  .module = "shop",
	  .title = "looks up what is yours",
	  .description = "d",
	  .arguments_json = OBJECT_ "\"properties\":{}}",
	  .schema_json = OBJECT_ "\"properties\":{\"who\":{\"type\":\"string\"}}}",
	  .result_json = "",
	  .idempotent = true,
	  .verified = true,
	  .binds = binds,
	  .n_binds = 1,
	  .timeout_ms = 2000 },
};
static const struct baton_tool_def *offered[] = { &tools[0], &tools[1], &tools[2], &tools[3],
						  &tools[4] };
static struct baton_lookup_def lookups[] = {
	{ .tool = &tools[0], .arguments_json = "{\"n\":\"{{order}}\"}", .ask = "Which?" },
};

static int open_shop(void **state)
{
	int rc = open_bench(state);
	struct bench *bench = *state;

	bench->policy.tools = tools;
	bench->policy.n_tools = 5;
	bench->policy.say_approval = "A colleague has to allow that.";
	bench->routes[0].tools = offered;
	bench->routes[0].n_tools = 5;
	bench->routes[0].tool_rounds = 2;
	bench->targets[0].tools = bench->targets[1].tools = true;
	return rc;
}

static void want(struct bench *bench, const char *name, const char *arguments)
{
	char json[512];

	snprintf(json, sizeof(json), "{\"id\":\"x\",\"name\":\"%s\",\"arguments\":%s}", name,
		 arguments);
	baton_run_heard_delta(bench->run, BATON_DELTA_TOOL_CALL, baton_str_of(json));
}

static void end_wanting(struct bench *bench)
{
	baton_run_heard_end(bench->run, BATON_END_TOOL_CALLS);
	baton_run_go(bench->run);
}

static void bring(struct bench *bench, const char *json)
{
	baton_run_heard_result(bench->run, &(baton_tool_result){ .size = sizeof(baton_tool_result),
								 .json = baton_str_of(json),
								 .tries = 1 });
	hear_end(bench);
}

static void answered(struct bench *bench, const char *text)
{
	hear_text(bench, text);
	hear_end(bench);
	assert_true(bench->run->done);
}

static void a_call_is_on_disk_before_it_is_made(void **state)
{
	struct bench *bench = *state;

	ask(bench, "", 0);
	assert_non_null(strstr(bench->tools, "\"name\":\"find\""));
	bench->not_durable = true;
	want(bench, "find", "{ \"n\" : 1 }");
	end_wanting(bench);
	assert_string_equal(bench->calls, "record:find");
	baton_run_go(bench->run);
	assert_string_equal(bench->calls, "record:find");
	assert_int_not_equal(baton_run_awaits(bench->run), 0);
	bench->not_durable = false;
	baton_run_go(bench->run);
	assert_string_equal(bench->calls, "record:find shop.find{\"n\":1}");
	bring(bench, "{\"at\":\"home\"}");
	assert_string_equal(bench->calls, "record:find shop.find{\"n\":1} ok:{\"at\":\"home\"}");
	assert_string_equal(bench->asked, "classify retrieve main main");
	assert_non_null(strstr(bench->rounds, "\"name\":\"find\",\"arguments\":{\"n\":1}}]"));
	assert_non_null(strstr(bench->rounds, "{\"at\":\"home\"}"));
	answered(bench, "It is at home.");
	assert_string_equal(bench->answer, "It is at home.");
}

static void a_call_that_is_not_on_disk_in_time_is_not_made(void **state)
{
	struct bench *bench = *state;

	ask(bench, "", 0);
	bench->not_durable = true;
	want(bench, "burn", "{}");
	end_wanting(bench);
	pass_ms(bench, 30000);
	assert_string_equal(bench->calls, "record:burn failed:not_recorded");
}

static void what_was_not_offered_is_refused_and_twice_is_a_matter_for_a_person(void **state)
{
	struct bench *bench = *state;

	ask(bench, "", 0);
	want(bench, "drop_tables", "{}");
	end_wanting(bench);
	assert_non_null(strstr(bench->rounds, "{\"error\":\"unauthorised_tool\""));
	want(bench, "drop_tables", "{}");
	end_wanting(bench);
	assert_true(bench->run->done);
	assert_string_equal(bench->calls, "refuse:unauthorised_tool refuse:unauthorised_tool");
	assert_string_equal(bench->why, "core.tool_abuse");
}

static void arguments_that_do_not_fit_reach_no_tool(void **state)
{
	static const char *const bad[] = { "{\"n\":\"one\"}", "{\"n\":1,\"more\":2}", "[]", "7" };
	struct bench *bench = *state;

	ask(bench, "", 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		want(bench, "find", bad[i]);
	baton_run_heard_delta(bench->run, BATON_DELTA_TOOL_CALL,
			      BATON_STR("{\"name\":\"find\",\"arguments\":{"));
	end_wanting(bench);
	/* The model is told the place, and nobody the value. */
	assert_non_null(strstr(bench->rounds, "arguments.n: expected integer, found string"));
	answered(bench, "I cannot say.");
	assert_string_equal(bench->calls, "refuse:bad_arguments refuse:bad_arguments "
					  "refuse:bad_arguments refuse:bad_arguments "
					  "refuse:unauthorised_tool");
}

static void what_needs_leave_is_proposed_and_nothing_is_done(void **state)
{
	struct bench *bench = *state;

	ask(bench, "", 0);
	hear_text(bench, "One moment.");
	want(bench, "find", "{\"n\":1}");
	want(bench, "pay", "{\"cents\":100}");
	want(bench, "note", "{}");
	want(bench, "pay", "{\"cents\":200}");
	end_wanting(bench);
	bring(bench, "{}");
	assert_true(bench->run->done);
	assert_string_equal(bench->calls,
			    "record:find shop.find{\"n\":1} ok:{} propose:pay propose:pay");
	assert_string_equal(bench->why, "core.tool_approval");
	assert_string_equal(bench->told, "A colleague has to allow that.");
}

static void a_class_may_want_leave_for_everything_or_for_less(void **state)
{
	static const char *names[] = { "pay" };
	struct bench *bench = *state;

	bench->class_.approve_all = true;
	ask(bench, "", 0);
	want(bench, "find", "{\"n\":1}");
	end_wanting(bench);
	assert_string_equal(bench->calls, "propose:find");
	close_bench(state);
	open_shop(state);
	bench->class_.unattended = names;
	bench->class_.n_unattended = 1;
	ask(bench, "", 0);
	want(bench, "pay", "{}");
	end_wanting(bench);
	assert_string_equal(bench->calls, "record:pay shop.pay{}");
}

static void words_that_read_like_instructions_make_every_write_a_matter_for_a_person(void **state)
{
	static const char *names[] = { "pay" };
	struct bench *bench = *state;

	bench->class_.unattended = names;
	bench->class_.n_unattended = 1;
	ask(bench, "", 0);
	bench->run->injection = true;
	want(bench, "find", "{}");
	want(bench, "pay", "{}");
	end_wanting(bench);
	bring(bench, "{}");
	assert_string_equal(bench->calls, "record:find shop.find{} ok:{} propose:pay");
}

static void pay(struct bench *bench, uint64_t tokens)
{
	baton_run_heard_usage(bench->run,
			      &(baton_usage){ .size = sizeof(baton_usage), .in_tokens = tokens });
}

static void a_model_that_only_asks_for_tools_comes_to_an_end(void **state)
{
	struct bench *bench = *state;

	ask(bench, "", 0);
	for (int round = 0; round < 2; round++) {
		char arguments[32];

		snprintf(arguments, sizeof(arguments), "{\"n\":%d}", round);
		want(bench, "find", arguments);
		pay(bench, 1000);
		end_wanting(bench);
		bring(bench, "{}");
	}
	want(bench, "find", "{\"n\":9}");
	pay(bench, 1000);
	end_wanting(bench);
	assert_non_null(strstr(bench->rounds, "{\"error\":\"too_many_rounds\"}"));
	want(bench, "find", "{\"n\":9}");
	pay(bench, 1000);
	end_wanting(bench);
	assert_true(bench->run->done);
	assert_non_null(strstr(bench->calls, "refuse:too_many_rounds"));
	assert_string_equal(bench->why, "core.tool_rounds");
	/* What was asked for in vain has been paid for. */
	assert_int_equal(bench->cost_microusd, 4000);
}

static void a_turn_that_tools_bring_to_a_person_says_what_it_cost(void **state)
{
	struct bench *bench = *state;

	ask(bench, "", 0);
	want(bench, "find", "{}");
	pay(bench, 1000);
	end_wanting(bench);
	bring(bench, "{}");
	want(bench, "pay", "{\"sum\":5}");
	pay(bench, 500);
	end_wanting(bench);
	assert_true(bench->run->done);
	assert_non_null(strstr(bench->calls, "propose:pay"));
	assert_int_equal(bench->cost_microusd, 1500);
}

static void an_answer_says_what_the_rounds_before_it_cost(void **state)
{
	struct bench *bench = *state;

	ask(bench, "", 0);
	want(bench, "find", "{}");
	pay(bench, 1000);
	end_wanting(bench);
	bring(bench, "{}");
	pay(bench, 300);
	answered(bench, "There it is.");
	assert_int_equal(bench->cost_microusd, 1300);
}

static void the_same_call_is_made_once(void **state)
{
	struct bench *bench = *state;

	ask(bench, "", 0);
	want(bench, "burn", "{\"a\":1,\"b\":2}");
	want(bench, "burn", "{ \"b\":2, \"a\":1.0 }");
	end_wanting(bench);
	bring(bench, "{\"done\":1}");
	assert_string_equal(bench->calls, "record:burn shop.burn{\"a\":1,\"b\":2} ok:{\"done\":1}");
	assert_string_equal(bench->asked, "classify retrieve main main");
}

static void a_write_without_an_answer_is_in_doubt_and_a_persons(void **state)
{
	struct bench *bench = *state;

	ask(bench, "", 0);
	want(bench, "burn", "{}");
	end_wanting(bench);
	pass_ms(bench, 2100);
	assert_int_equal(bench->cancels, 1);
	assert_true(bench->run->done);
	assert_string_equal(bench->calls, "record:burn shop.burn{} failed:in_doubt");
	assert_string_equal(bench->why, "core.tool_in_doubt");
	assert_string_equal(bench->answer, "");
}

static void a_write_that_may_be_repeated_is_asked_once_more_with_the_same_key(void **state)
{
	struct bench *bench = *state;
	char key[64];

	ask(bench, "", 0);
	want(bench, "note", "{}");
	end_wanting(bench);
	memcpy(key, bench->last_key, sizeof(key));
	assert_int_equal(strlen(key), 32);
	pass_ms(bench, 2100);
	assert_string_equal(bench->calls, "record:note shop.note{} shop.note{}");
	assert_string_equal(bench->last_key, key);
	pass_ms(bench, 2100);
	assert_string_equal(bench->calls, "record:note shop.note{} shop.note{} failed:in_doubt");
}

static void what_only_looks_up_is_never_in_doubt(void **state)
{
	struct bench *bench = *state;

	ask(bench, "", 0);
	want(bench, "find", "{}");
	end_wanting(bench);
	pass_ms(bench, 2100);
	assert_string_equal(bench->calls, "record:find shop.find{} failed:timeout");
	assert_non_null(strstr(bench->rounds, "{\"error\":\"timeout\"}"));
	answered(bench, "I cannot look it up.");
	assert_int_equal(bench->run->tools.n_failed, 1);
}

static void a_result_that_does_not_fit_is_a_failure_and_of_a_write_a_doubt(void **state)
{
	struct bench *bench = *state;

	ask(bench, "", 0);
	want(bench, "find", "{}");
	want(bench, "burn", "{}");
	end_wanting(bench);
	bring(bench, "{\"at\":7}");
	bring(bench, "[]");
	assert_string_equal(bench->calls, "record:find shop.find{} failed:bad_result "
					  "record:burn shop.burn{} failed:in_doubt");
}

static void no_is_an_answer(void **state)
{
	struct bench *bench = *state;

	ask(bench, "", 0);
	want(bench, "find", "{}");
	end_wanting(bench);
	baton_run_heard_result(bench->run, &(baton_tool_result){ .size = sizeof(baton_tool_result),
								 .flags = BATON_TOOL_NO,
								 .code = BATON_STR("not_found"),
								 .json = BATON_STR("null") });
	hear_end(bench);
	assert_string_equal(bench->calls, "record:find shop.find{} ok:not_found");
	assert_non_null(strstr(bench->rounds, "{\"error\":\"not_found\"}"));
	assert_int_equal(bench->run->tools.n_failed, 0);
}

static void a_module_that_does_not_start_has_done_nothing(void **state)
{
	struct bench *bench = *state;

	bench->no_tool = BATON_E_MODULE;
	ask(bench, "", 0);
	want(bench, "burn", "{}");
	end_wanting(bench);
	assert_string_equal(bench->calls, "record:burn shop.burn{} failed:module");
	assert_false(bench->run->done);
}

static void what_is_bound_is_set_by_the_server_for_who_is_verified(void **state)
{
	struct bench *bench = *state;

	ask(bench, "", 0);
	want(bench, "mine", "{}");
	want(bench, "mine", "{\"who\":\"somebody-else\"}");
	end_wanting(bench);
	answered(bench, "Please sign in.");
	assert_string_equal(bench->calls, "refuse:not_verified refuse:not_verified");
	close_bench(state);
	open_shop(state);
	bench->session.verified = true;
	memcpy(bench->session.customer, "vera", 5);
	ask(bench, "", 0);
	want(bench, "mine", "{\"who\":\"somebody-else\"}");
	want(bench, "mine", "{}");
	end_wanting(bench);
	assert_string_equal(bench->calls,
			    "refuse:bad_arguments record:mine shop.mine{\"who\":\"vera\"}");
}

static void a_substitute_is_offered_nothing_where_the_route_says_so(void **state)
{
	struct bench *bench = *state;

	bench->routes[0].disable_tools_on_fallback = true;
	ask(bench, "", 0);
	want(bench, "find", "{}");
	end_wanting(bench);
	bring(bench, "{\"at\":\"home\"}");
	hear_fail(bench, BATON_FAIL_ACCESS, "access");
	assert_string_equal(bench->asked, "classify retrieve main main backup");
	assert_string_equal(bench->tools, "");
	/* What was found is not lost with who asked for it. */
	assert_non_null(strstr(bench->rounds, "{\"at\":\"home\"}"));
	want(bench, "find", "{}");
	end_wanting(bench);
	answered(bench, "It is at home.");
	assert_non_null(strstr(bench->calls, "refuse:unauthorised_tool"));
}

static void rounds_of_tools_are_no_tries(void **state)
{
	struct bench *bench = *state;

	bench->routes[0].tool_rounds = 8;
	ask(bench, "", 0);
	for (int round = 0; round < 8; round++) {
		char arguments[32];

		snprintf(arguments, sizeof(arguments), "{\"n\":%d}", round);
		want(bench, "find", arguments);
		end_wanting(bench);
		bring(bench, "{}");
		assert_false(bench->run->done);
	}
	answered(bench, "At last.");
	assert_string_equal(bench->answer, "At last.");
}

static void words_before_tools_are_the_beginning_of_the_answer(void **state)
{
	struct bench *bench = *state;

	ask(bench, "", 0);
	hear_text(bench, "Let me look.");
	want(bench, "find", "{}");
	end_wanting(bench);
	bring(bench, "{}");
	assert_non_null(strstr(bench->rounds, "Let me look."));
	answered(bench, " It is here.");
	assert_string_equal(bench->answer, "Let me look.\n\nIt is here.");
	assert_string_equal(bench->said, bench->answer);
	assert_null(strstr(bench->emitted, "answer_superseded"));
}

static void a_lookup_is_made_before_anybody_is_asked_if_it_can_be(void **state)
{
	struct bench *bench = *state;
	baton_intent found = { .name = BATON_STR(""),
			       .entities_json = BATON_STR("{\"order\":\"17\"}") };

	bench->routes[0].lookups = lookups;
	bench->routes[0].n_lookups = 1;
	baton_run_go(bench->run);
	baton_run_heard_intents(bench->run, &(baton_intents){ .n = 1, .v = &found });
	hear_end(bench);
	baton_run_heard_docs(bench->run, NULL, 0);
	hear_end(bench);
	assert_string_equal(bench->asked, "classify retrieve");
	assert_string_equal(bench->calls, "record:find shop.find{\"n\":17}");
	bring(bench, "{\"at\":\"home\"}");
	assert_string_equal(bench->asked, "classify retrieve main");
	assert_non_null(strstr(bench->rounds, "{\"at\":\"home\"}"));
	close_bench(state);
	open_shop(state);
	bench->routes[0].lookups = lookups;
	bench->routes[0].n_lookups = 1;
	ask(bench, "", 0);
	assert_string_equal(bench->calls, ""); /* no order is named */
}

static void what_was_called_before_a_restart_is_not_called_again(void **state)
{
	struct bench *bench = *state;
	struct baton_event called = { .type = BATON_EV_TOOL_CALLED, .seq = 4 };
	struct baton_event finished = { .type = BATON_EV_TOOL_FINISHED, .seq = 5 };

	ask(bench, "", 0);
	want(bench, "burn", "{\"a\":1}");
	end_wanting(bench);
	called.tool_called = (struct baton_ev_tool_called){ .turn = 3,
							    .call = BATON_STR("c"),
							    .tool = BATON_STR("burn"),
							    .arguments = BATON_STR("{\"a\":1}"),
							    .key = baton_str_of(bench->last_key),
							    .writes = true };
	finished.tool_finished =
		(struct baton_ev_tool_finished){ .turn = 3,
						 .call = BATON_STR("c"),
						 .ok = true,
						 .tool = BATON_STR("burn"),
						 .result = BATON_STR("{\"x\":5}") };
	baton_session_apply(&bench->session, &called);
	baton_session_apply(&bench->session, &finished);
	baton_run_free(&bench->run);
	bench->calls[0] = '\0';
	bench->run = baton_run_new(&(struct baton_run_start){ .ops = &bench_ops,
							      .ud = bench,
							      .session = &bench->session,
							      .policy = &bench->policy });
	ask(bench, "", 0);
	assert_non_null(strstr(bench->rounds, "{\"x\":5}"));
	want(bench, "burn", "{\"a\":1}");
	end_wanting(bench);
	assert_string_equal(bench->calls, "");
	answered(bench, "It is done.");
}

static void a_turn_that_is_tried_out_changes_nothing(void **state)
{
	struct bench *bench = *state;

	bench->run->shadow = true;
	ask(bench, "", 0);
	want(bench, "burn", "{}");
	want(bench, "find", "{}");
	end_wanting(bench);
	bring(bench, "{}");
	assert_string_equal(bench->calls,
			    "record:burn ok:{\"shadow\":true} record:find shop.find{} ok:{}");
}

static void a_write_of_a_turn_that_became_void_is_heard_to_its_end(void **state)
{
	struct bench *bench = *state;

	ask(bench, "", 0);
	want(bench, "burn", "{}");
	end_wanting(bench);
	assert_true(baton_run_owes(bench->run));
	baton_run_detach(bench->run);
	baton_run_go(bench->run);
	assert_int_equal(bench->cancels, 0);
	bring(bench, "{\"done\":true}");
	assert_true(bench->run->done);
	assert_string_equal(bench->calls, "record:burn shop.burn{} ok:{\"done\":true}");
	assert_string_equal(bench->answer, "");
}

static void a_lookup_of_a_turn_that_became_void_is_stopped(void **state)
{
	struct bench *bench = *state;

	ask(bench, "", 0);
	want(bench, "find", "{}");
	end_wanting(bench);
	baton_run_detach(bench->run);
	baton_run_go(bench->run);
	assert_int_equal(bench->cancels, 1);
	assert_true(bench->run->done);
	assert_string_equal(bench->calls, "record:find shop.find{} failed:cancelled");
}

static void a_call_that_was_not_made_when_its_turn_became_void_is_not_made(void **state)
{
	struct bench *bench = *state;

	ask(bench, "", 0);
	bench->not_durable = true;
	want(bench, "burn", "{}");
	end_wanting(bench);
	baton_run_detach(bench->run);
	bench->not_durable = false;
	baton_run_go(bench->run);
	assert_string_equal(bench->calls, "record:burn failed:cancelled");
	assert_true(bench->run->done);
}

static void more_calls_than_a_turn_may_have_are_refused(void **state)
{
	struct bench *bench = *state;

	ask(bench, "", 0);
	for (int i = 0; i < 200; i++) {
		char arguments[32];

		snprintf(arguments, sizeof(arguments), "{\"n\":%d}", i);
		want(bench, "find", arguments);
	}
	end_wanting(bench);
	for (int i = 0; i < BATON_TOOL_CALLS_MAX; i++)
		bring(bench, "{}");
	assert_int_equal(bench->run->tools.n_called, BATON_TOOL_CALLS_MAX);
	assert_int_equal(bench->run->tools.n, BATON_RUN_CALLS_MAX);
	answered(bench, "Enough.");
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, open_shop, close_bench)
int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_call_is_on_disk_before_it_is_made),
		CASE(a_call_that_is_not_on_disk_in_time_is_not_made),
		CASE(what_was_not_offered_is_refused_and_twice_is_a_matter_for_a_person),
		CASE(arguments_that_do_not_fit_reach_no_tool),
		CASE(what_needs_leave_is_proposed_and_nothing_is_done),
		CASE(a_class_may_want_leave_for_everything_or_for_less),
		CASE(words_that_read_like_instructions_make_every_write_a_matter_for_a_person),
		CASE(a_model_that_only_asks_for_tools_comes_to_an_end),
		CASE(a_turn_that_tools_bring_to_a_person_says_what_it_cost),
		CASE(an_answer_says_what_the_rounds_before_it_cost),
		CASE(the_same_call_is_made_once),
		CASE(a_write_without_an_answer_is_in_doubt_and_a_persons),
		CASE(a_write_that_may_be_repeated_is_asked_once_more_with_the_same_key),
		CASE(what_only_looks_up_is_never_in_doubt),
		CASE(a_result_that_does_not_fit_is_a_failure_and_of_a_write_a_doubt),
		CASE(no_is_an_answer),
		CASE(a_module_that_does_not_start_has_done_nothing),
		CASE(what_is_bound_is_set_by_the_server_for_who_is_verified),
		CASE(a_substitute_is_offered_nothing_where_the_route_says_so),
		CASE(rounds_of_tools_are_no_tries),
		CASE(words_before_tools_are_the_beginning_of_the_answer),
		CASE(a_lookup_is_made_before_anybody_is_asked_if_it_can_be),
		CASE(what_was_called_before_a_restart_is_not_called_again),
		CASE(a_turn_that_is_tried_out_changes_nothing),
		CASE(a_write_of_a_turn_that_became_void_is_heard_to_its_end),
		CASE(a_lookup_of_a_turn_that_became_void_is_stopped),
		CASE(a_call_that_was_not_made_when_its_turn_became_void_is_not_made),
		CASE(more_calls_than_a_turn_may_have_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
