/* SPDX-License-Identifier: Apache-2.0 */

/* provider-openai's wire for Ollama's own API, lines of JSON, against scripted answers. No sockets;
 * see provider_rig.h. */
#include "tests/unit/provider_rig.h"

#define CONFIG "{\"api\":\"ollama\"}"
#define LINE(more) "{\"model\":\"m\",\"created_at\":\"2026-10-26T17:15:24.097767Z\"," more "}\n"
#define SAY(text) \
	LINE("\"message\":{\"role\":\"assistant\",\"content\":\"" text "\"},\"done\":false")
#define DONE(reason)                                                                           \
	LINE("\"message\":{\"role\":\"assistant\",\"content\":\"\"},\"done_reason\":\"" reason \
	     "\",\"done\":true,\"total_duration\":4883583458,\"prompt_eval_count\":26,\"eval_count\":282")

static const struct recorded recorded[] = {
	{ SAY("Your order") SAY(" left\\nour \\\"depot\\\".") DONE("stop"),
	  "Your order left\nour \"depot\".", BATON_END_STOP, 26, 0, 282, "\"done\":true" },
	{ SAY("Hi") DONE("length"), "Hi", BATON_END_LENGTH, 26, 0, 282, "\"done\":true" },
	/* older servers: no reason, no message at the end; the last words in the last line */
	{ SAY("gr\xc3\xbc\xc3\x9f \\ud83d") SAY("\\ude00")
		  LINE("\"done\":true,\"prompt_eval_count\":3,\"eval_count\":2"),
	  "gr\xc3\xbc\xc3\x9f \xf0\x9f\x98\x80", BATON_END_STOP, 3, 0, 2, "\"done\":true" },
	/* nothing counted: estimated */
	{ SAY("12345678") LINE("\"done\":true,\"prompt_eval_count\":0,\"eval_count\":0"),
	  "12345678", BATON_END_STOP, 0, 0, 2, "\"done\":true" },
	{ "\n" SAY("A") "oops\n" SAY("B") LINE("\"message\":{\"content\":\"C\"},\"done\":true"),
	  "ABC", BATON_END_STOP, 0, 0, 1, "\"done\":true" },
};
enum { RECORDED_N = sizeof(recorded) / sizeof(recorded[0]) };

static int setup(void **state)
{
	(void)state;
	rig_lines = true;
	return 0;
}

static void a_question_is_written_as_the_api_wants_it(void **state)
{
	(void)state;
	begin("{\"api\":\"ollama\",\"options\":{\"num_ctx\":8192},\"extra_body\":{\"keep_alive\":\"10m\",\"think\":false}}");
	baton_msg msgs[] = {
		{ .role = BATON_ROLE_SYSTEM, .text = host_str("Be kind.") },
		{ .role = BATON_ROLE_CUSTOMER, .text = host_str("Hi") },
	};
	baton_turn turn = { .size = sizeof(turn), .msgs = msgs, .n_msgs = 2 };
	baton_prompt prompt = { .size = sizeof(prompt),
				.turn = &turn,
				.model = host_str("llama3.2"),
				.temperature_milli = 200,
				.max_output_tokens = 600,
				.response_schema = host_str("{\"type\":\"object\"}") };
	assert_int_equal(ask_with(&prompt), BATON_OK);
	assert_string_equal(web.url, "http://127.0.0.1:11434/api/chat");
	assert_string_equal(web.headers, "Content-Type: application/json\nUser-Agent: Baton\n");
	assert_int_equal(web.flags, BATON_HTTP_NDJSON);
	assert_string_equal(
		web.body,
		"{\"model\":\"llama3.2\",\"messages\":[{\"role\":\"system\",\"content\":\"Be kind.\"},"
		"{\"role\":\"user\",\"content\":\"Hi\"}],\"format\":{\"type\":\"object\"},"
		"\"options\":{\"num_predict\":600,\"temperature\":0.200,\"num_ctx\":8192},"
		"\"stream\":true,\"keep_alive\":\"10m\",\"think\":false}");
	provider->cancel(host->inst, CALL, BATON_CANCEL_USER);
	finish();

	begin(CONFIG);
	ask();
	assert_null(strstr(web.body, "options"));
	finish();
}

static void streams_are_heard_line_by_line(void **state)
{
	(void)state;
	heard_in_any_pieces(CONFIG, recorded, RECORDED_N);
}

static void a_stream_cut_anywhere_is_never_taken_for_complete(void **state)
{
	(void)state;
	cut_anywhere(CONFIG, recorded, RECORDED_N);
}

static void tool_calls_and_thinking_are_told_apart(void **state)
{
	(void)state;
	begin(CONFIG);
	ask();
	stream_head();
	stream(LINE(
		"\"message\":{\"role\":\"assistant\",\"content\":\"\",\"thinking\":\"Hm\"},\"done\":false")
		       LINE("\"message\":{\"role\":\"assistant\",\"content\":\"\",\"tool_calls\":[{\"function\":{\"name\":\"order\","
			    "\"arguments\":{\"id\":7}}}]},\"done\":false")
			       LINE("\"message\":{\"tool_calls\":[{\"id\":\"b\",\"function\":{\"name\":\"mail\"}}]},\"done\":false")
				       DONE("stop"));
	end();
	is_answer("", BATON_END_TOOL_CALLS);
	assert_string_equal(told.reasoning, "Hm\n");
	assert_string_equal(told.tools,
			    "{\"id\":\"call_1\",\"name\":\"order\",\"arguments\":{\"id\":7}}\n"
			    "{\"id\":\"b\",\"name\":\"mail\",\"arguments\":{}}\n");
	finish();
}

static void a_whole_answer_is_heard_as_well(void **state)
{
	(void)state;
	begin("{\"api\":\"ollama\",\"stream\":false}");
	ask();
	assert_int_equal(web.flags & BATON_HTTP_NDJSON, 0);
	head(200, "content-type: application/json; charset=utf-8", NULL);
	body(LINE(
		"\"message\":{\"role\":\"assistant\",\"content\":\"Whole\"},\"done_reason\":\"stop\",\"done\":true,"
		"\"prompt_eval_count\":26,\"eval_count\":3"));
	end();
	is_answer("Whole", BATON_END_STOP);
	assert_int_equal(call_record()->usage.in_tokens, 26);
	finish();
}

static void failures_have_their_class_wherever_they_stand(void **state)
{
	(void)state;
	static const struct {
		const char *stream;
		uint32_t fail;
		const char *code;
	} cases[] = {
		{ SAY("A") "{\"error\":\"an error was encountered while running the model\"}\n",
		  BATON_FAIL_UNAVAILABLE, "inband" },
		{ "{\"error\":\"model 'x' not found, try pulling it first\"}\n",
		  BATON_FAIL_MODEL_GONE, "model_gone" },
		{ SAY("") LINE("\"done\":true,\"done_reason\":\"load\""), BATON_FAIL_EMPTY,
		  "empty" },
		{ SAY("A"), BATON_FAIL_TRUNCATED, "truncated" },
		{ "", BATON_FAIL_BAD_OUTPUT, "protocol" },
		{ SAY("\xff"), BATON_FAIL_BAD_OUTPUT, "protocol" },
		{ "a\nb\nc\n" SAY("A") DONE("stop"), BATON_FAIL_BAD_OUTPUT, "protocol" },
	};
	begin(CONFIG);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		ask();
		stream_head();
		stream(cases[i].stream);
		end();
		is_fail(cases[i].fail, cases[i].code);
	}
	/* A page, or events where lines are spoken. */
	ask();
	head(200, "Content-Type: text/event-stream", NULL);
	is_fail(BATON_FAIL_BAD_OUTPUT, "protocol");
	finish();
}

static void bodies_and_statuses_have_their_class_and_scope(void **state)
{
	(void)state;
	static const struct body_case bodies[] = {
		{ 404, "{\"error\":\"model 'llama9' not found\"}", BATON_FAIL_MODEL_GONE,
		  "model_gone", BATON_SCOPE_MODEL },
		{ 400, "{\"error\":\"registry.ollama.ai/library/x does not support tools\"}",
		  BATON_FAIL_BAD_REQUEST, "bad_request", BATON_SCOPE_REQUEST },
		{ 401, "{\"error\":\"unauthorized\",\"signin_url\":\"https://x\"}",
		  BATON_FAIL_ACCESS, "access", BATON_SCOPE_ACCOUNT },
		{ 500,
		  "{\"error\":\"model requires more system memory (8 GiB) than is available\"}",
		  BATON_FAIL_UNAVAILABLE, "server", BATON_SCOPE_PROVIDER },
		{ 503,
		  "{\"error\":\"server busy, please try again.  maximum pending requests exceeded\"}",
		  BATON_FAIL_OVERLOADED, "overloaded", BATON_SCOPE_PROVIDER },
		{ 502, "", BATON_FAIL_UNAVAILABLE, "server", BATON_SCOPE_PROVIDER },
	};
	bodies_mean(CONFIG, bodies, sizeof(bodies) / sizeof(bodies[0]));
}

static void the_models_are_asked_for_by_their_tags(void **state)
{
	(void)state;
	begin(CONFIG);
	host_call_open(host, CALL);
	assert_int_equal(host->module->check(host->inst, CALL, 1), BATON_OK);
	assert_string_equal(web.url, "http://127.0.0.1:11434/api/tags");
	head(200, "Content-Type: application/json", NULL);
	body("{\"models\":[]}");
	end();
	is_answer("", BATON_END_STOP);
	finish();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_question_is_written_as_the_api_wants_it),
		cmocka_unit_test(streams_are_heard_line_by_line),
		cmocka_unit_test(a_stream_cut_anywhere_is_never_taken_for_complete),
		cmocka_unit_test(tool_calls_and_thinking_are_told_apart),
		cmocka_unit_test(a_whole_answer_is_heard_as_well),
		cmocka_unit_test(failures_have_their_class_wherever_they_stand),
		cmocka_unit_test(bodies_and_statuses_have_their_class_and_scope),
		cmocka_unit_test(the_models_are_asked_for_by_their_tags),
	};
	return cmocka_run_group_tests(tests, setup, NULL);
}
