/* SPDX-License-Identifier: Apache-2.0 */

/* Plans: what is read as one, who is asked for it, and that nothing is done beside it. */

#include "tests/unit/talk_bench.h"

#include "core/turn/plan.h"

static void plan_on(struct talk *talk)
{
	struct baton_route *route = &talk->bench.routes[1];

	route->plan = true;
	route->tools = talk->tool_list;
	route->n_tools = 2;
}

#define GOOD \
	"{\"steps\":[{\"do\":\"find the order\",\"tool\":\"order_status\"},{\"do\":\"answer\"}]}"

/* --- reading --- */

static const char *parse(struct talk *talk, const char *text, struct baton_plan *plan)
{
	return baton_plan_parse(baton_str_of(text), &talk->bench.routes[1], &talk->bench.run->arena,
				plan);
}

static void a_plan_is_read_from_among_other_words(void **state)
{
	static const char *const texts[] = { GOOD,
					     ("Here it is:\n```json\n" GOOD "\n```\nShall I?"),
					     (" \n" GOOD) };
	struct talk *talk = *state;

	plan_on(talk);
	talk_ask(talk);
	for (size_t i = 0; i < 3; i++) {
		struct baton_plan plan = { .version = (unsigned)i };

		assert_null(parse(talk, texts[i], &plan));
		assert_int_equal(plan.version, i + 1);
		assert_int_equal(plan.n, 2);
		assert_true(baton_str_is(plan.steps[0].tool, "order_status"));
		assert_true(baton_str_is(plan.steps[1].what, "answer"));
		assert_int_equal(plan.steps[1].tool.n, 0);
	}
}

static void what_is_no_plan_changes_nothing(void **state)
{
	static const struct {
		const char *text, *why;
	} bad[] = {
		{ "", "no_json" },
		{ "I would look at the order.", "no_json" },
		{ "{\"steps\":[", "no_json" },
		{ "{\"steps\":[]} or {\"steps\":[]}", "no_json" },
		{ "[]", "no_json" },
		{ "{}", "no_steps" },
		{ "{\"steps\":{}}", "no_steps" },
		{ "{\"steps\":[]}", "no_steps" },
		{ "{\"steps\":[7]}", "bad_step" },
		{ "{\"steps\":[{}]}", "bad_step" },
		{ "{\"steps\":[{\"do\":\"\"}]}", "bad_step" },
		{ "{\"steps\":[{\"do\":7}]}", "bad_step" },
		{ "{\"steps\":[{\"do\":\"a\",\"tool\":[\"refund\"]}]}", "bad_step" },
		{ "{\"steps\":[{\"do\":\"a\",\"tool\":\"rm -rf\"}]}", "unknown_tool" },
		{ "{\"steps\":[{\"do\":\"a\",\"tool\":\"update_plan\"}]}", "unknown_tool" },
		{ "{\"steps\":[{\"do\":\"1\"},{\"do\":\"2\"},{\"do\":\"3\"},{\"do\":\"4\"},"
		  "{\"do\":\"5\"},{\"do\":\"6\"},{\"do\":\"7\"}]}",
		  "too_many_steps" },
	};
	struct talk *talk = *state;

	plan_on(talk);
	talk_ask(talk);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct baton_plan plan = { .version = 3, .n = 1 };
		const char *why = parse(talk, bad[i].text, &plan);

		assert_non_null(why);
		assert_string_equal(why, bad[i].why);
		assert_int_equal(plan.version, 3);
		assert_int_equal(plan.n, 1);
	}
}

static void long_words_are_cut(void **state)
{
	char text[2048];
	struct talk *talk = *state;
	struct baton_plan plan = { 0 };

	plan_on(talk);
	talk_ask(talk);
	snprintf(text, sizeof(text), "{\"steps\":[{\"do\":\"%01000d\"}]}", 1);
	assert_null(parse(talk, text, &plan));
	assert_int_equal(plan.steps[0].what.n, BATON_PLAN_WORDS_MAX);
}

/* --- the turn --- */

static void the_plan_is_made_first_and_shown_to_whoever_answers(void **state)
{
	struct talk *talk = *state;
	struct bench *bench = &talk->bench;

	plan_on(talk);
	talk_ask(talk);
	assert_non_null(strstr(talk->text[0], "You plan what a support assistant does next"));
	assert_non_null(strstr(talk->text[0], "- order_status: The state of an order."));
	assert_null(strstr(talk->text[0], "Be kind."));
	assert_string_equal(talk->tools, "");
	hear_text(bench, GOOD);
	assert_string_equal(bench->said, ""); /* no word of it is the customer's */
	baton_run_heard_usage(bench->run, &(baton_usage){ .in_tokens = 1000, .out_tokens = 500 });
	hear_end(bench);
	assert_string_equal(bench->asked, "classify retrieve main main");
	assert_string_equal(talk->plans,
			    "1 main [{\"do\":\"find the order\",\"tool\":\"order_status\"},"
			    "{\"do\":\"answer\"}] \n");
	assert_non_null(strstr(talk->text[0], "Be kind."));
	assert_non_null(strstr(talk->text[0], "begin: the plan of this turn, data"));
	hear_text(bench, "On its way.");
	baton_run_heard_usage(bench->run, &(baton_usage){ .in_tokens = 1000, .out_tokens = 1000 });
	hear_end(bench);
	assert_string_equal(bench->answer, "On its way.");
	assert_int_equal(bench->cost_microusd, 3000); /* the plan's 2000 stand with the plan */
	assert_string_equal(talk->prompt, "support@1f2e3d4c");
	/* One attempt, one route; the plan is on record before the answer. */
	assert_string_equal(bench->emitted,
			    "intent_detected policy_decided sources_retrieved route_selected "
			    "plan_made policy_decided answer_generated");
}

static void a_bad_plan_means_a_turn_without_tools(void **state)
{
	struct talk *talk = *state;

	plan_on(talk);
	talk_ask(talk);
	talk->bench.run->tools_json = BATON_STR("[{\"name\":\"order_status\"}]");
	hear_text(&talk->bench, "I will look it up.");
	hear_end(&talk->bench);
	assert_string_equal(talk->plans, "0 main [] no_json\n");
	assert_string_equal(talk->tools, "");
	assert_false(run_plan_allows(talk->bench.run, BATON_STR("order_status")));
	assert_false(run_plan_allows(talk->bench.run, BATON_STR(BATON_PLAN_TOOL)));
	hear_text(&talk->bench, "I cannot see it.");
	hear_end(&talk->bench);
	assert_string_equal(talk->bench.answer, "I cannot see it.");
}

static void a_target_that_fails_to_plan_is_replaced_like_any_other(void **state)
{
	struct talk *talk = *state;
	struct bench *bench = &talk->bench;

	plan_on(talk);
	talk_ask(talk);
	hear_text(bench, "{\"steps\":");
	hear_fail(bench, BATON_FAIL_TRUNCATED, "truncated");
	assert_string_equal(bench->asked, "classify retrieve main backup");
	assert_non_null(strstr(talk->text[0], "You plan what"));
	hear_text(bench, GOOD);
	hear_end(bench);
	/* The plan stands when the one who made it fails behind it. */
	hear_fail(bench, BATON_FAIL_QUOTA, "quota");
	assert_non_null(strstr(bench->fails, "truncated quota"));
	assert_string_equal(talk->bench.why, "core.model_unavailable");
	assert_int_equal(talk->bench.run->plan.version, 1);
}

static void the_clock_for_the_first_word_begins_again_behind_a_plan(void **state)
{
	struct talk *talk = *state;
	struct bench *bench = &talk->bench;

	plan_on(talk);
	talk_ask(talk);
	pass_ms(bench, 3900);
	hear_text(bench, GOOD);
	hear_end(bench);
	pass_ms(bench, 3900);
	assert_string_equal(bench->fails, "");
	pass_ms(bench, 101);
	assert_string_equal(bench->fails, "first_token_timeout");
}

static void who_quotes_has_the_plan_of_the_policies(void **state)
{
	struct talk *talk = *state;

	plan_on(talk);
	talk->lookups[0] = (struct baton_lookup_def){ .tool = &talk->tool_defs[0] };
	talk->bench.routes[1].lookups = talk->lookups;
	talk->bench.routes[1].n_lookups = 1;
	talk->modules[0] = (struct baton_policy_module){ .name = "main",
							 .kind = "provider",
							 .knowledge = true };
	talk->bench.policy.modules = talk->modules;
	talk->bench.policy.n_modules = 1;
	talk_ask(talk);
	assert_string_equal(talk->bench.asked, "classify retrieve main");
	hear_text(&talk->bench, "Thirty days.");
	hear_end(&talk->bench);
	assert_string_equal(talk->plans,
			    "1 policy [{\"do\":\"looks up the order\",\"tool\":\"order_status\"},"
			    "{\"do\":\"answer from the articles\"}] \n");
	assert_string_equal(talk->bench.answer, "Thirty days.");
}

static void what_is_not_planned_is_not_done(void **state)
{
	struct talk *talk = *state;
	struct baton_run *run;

	plan_on(talk);
	talk_ask(talk);
	hear_text(&talk->bench, GOOD);
	hear_end(&talk->bench);
	run = talk->bench.run;
	assert_true(run_plan_allows(run, BATON_STR("order_status")));
	assert_false(run_plan_allows(run, BATON_STR("refund")));
	assert_true(run_plan_allows(run, BATON_STR(BATON_PLAN_TOOL)));
	talk->bench.routes[1].plan = false;
	assert_true(run_plan_allows(run, BATON_STR("refund")));
	assert_true(run_plan_allows(run, BATON_STR(BATON_PLAN_TOOL)));
}

static void a_model_may_think_again_but_not_for_ever(void **state)
{
	struct talk *talk = *state;
	struct baton_buf out = { NULL, 0, 0 };

	plan_on(talk);
	talk_ask(talk);
	hear_text(&talk->bench, GOOD);
	hear_end(&talk->bench);
	run_plan_update(talk->bench.run,
			BATON_STR("{\"steps\":[{\"do\":\"x\",\"tool\":\"oops\"}]}"), &out);
	assert_string_equal(out.p, "{\"error\":\"unknown_tool\"}");
	assert_false(run_plan_allows(talk->bench.run, BATON_STR("refund")));
	for (unsigned i = 2; i <= BATON_PLAN_VERSIONS_MAX; i++) {
		char expected[64];

		baton_buf_reset(&out);
		run_plan_update(
			talk->bench.run,
			BATON_STR("{\"steps\":[{\"do\":\"pay back\",\"tool\":\"refund\"}]}"), &out);
		snprintf(expected, sizeof(expected), "{\"version\":%u}", i);
		assert_string_equal(out.p, expected);
	}
	assert_true(run_plan_allows(talk->bench.run, BATON_STR("refund")));
	assert_false(run_plan_allows(talk->bench.run, BATON_STR("order_status")));
	baton_buf_reset(&out);
	run_plan_update(talk->bench.run, BATON_STR(GOOD), &out);
	assert_string_equal(out.p, "{\"error\":\"too_many_plans\"}");
	assert_true(run_plan_allows(talk->bench.run, BATON_STR("refund")));
	hear_text(&talk->bench, "Done.");
	hear_end(&talk->bench);
	assert_non_null(
		strstr(talk->plans, "\n4 main [{\"do\":\"pay back\",\"tool\":\"refund\"}] \n"));
	baton_buf_done(&out);
}

static void the_tool_for_it_is_one_object(void **state)
{
	struct talk *talk = *state;
	struct baton_buf out = { NULL, 0, 0 };
	json_error_t error;

	run_plan_tool_json(talk->bench.run, &out);
	json_t *json = json_loadb(out.p, out.n, JSON_REJECT_DUPLICATES, &error);
	assert_non_null(json);
	assert_string_equal(json_string_value(json_object_get(json, "name")), BATON_PLAN_TOOL);
	assert_true(json_is_object(json_object_get(json, "parameters")));
	json_decref(json);
	baton_buf_done(&out);
}

#define ON_TALK(test) cmocka_unit_test_setup_teardown(test, open_talk, close_talk)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_TALK(a_plan_is_read_from_among_other_words),
		ON_TALK(what_is_no_plan_changes_nothing),
		ON_TALK(long_words_are_cut),
		ON_TALK(the_plan_is_made_first_and_shown_to_whoever_answers),
		ON_TALK(a_bad_plan_means_a_turn_without_tools),
		ON_TALK(a_target_that_fails_to_plan_is_replaced_like_any_other),
		ON_TALK(the_clock_for_the_first_word_begins_again_behind_a_plan),
		ON_TALK(who_quotes_has_the_plan_of_the_policies),
		ON_TALK(what_is_not_planned_is_not_done),
		ON_TALK(a_model_may_think_again_but_not_for_ever),
		ON_TALK(the_tool_for_it_is_one_object),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
