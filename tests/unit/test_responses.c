/* SPDX-License-Identifier: Apache-2.0 */

/* provider-openai's Responses wire against scripted answers. No sockets; see provider_rig.h. */
#include "tests/unit/provider_rig.h"

#define CONFIG "{\"api\":\"responses\"}"
#define EVENT(type, more) \
	"event: " type "\ndata: {\"type\":\"" type "\",\"sequence_number\":1" more "}\n\n"
#define RESPONSE(status, more)                                                          \
	",\"response\":{\"id\":\"resp_1\",\"object\":\"response\",\"status\":\"" status \
	"\",\"instructions\":null" more "}"
#define USAGE                                                                  \
	",\"usage\":{\"input_tokens\":36,"                                     \
	"\"input_tokens_details\":{\"cached_tokens\":4},\"output_tokens\":87," \
	"\"output_tokens_details\":{\"reasoning_tokens\":0},\"total_tokens\":123}"
#define OUTPUT(text)                                                     \
	",\"error\":null,\"incomplete_details\":null,"                   \
	"\"output\":[{\"type\":\"reasoning\",\"summary\":[]},"           \
	"{\"id\":\"msg_1\",\"type\":\"message\",\"role\":\"assistant\"," \
	"\"content\":[{\"type\":\"output_text\","                        \
	"\"text\":\"" text "\",\"annotations\":[]}]}]"
#define CREATED                                                                        \
	EVENT("response.created",                                                      \
	      RESPONSE("in_progress", ",\"error\":null,\"output\":[],\"usage\":null")) \
	EVENT("response.in_progress", RESPONSE("in_progress", ",\"output\":[]"))       \
	EVENT("response.output_item.added",                                            \
	      ",\"output_index\":0,\"item\":{\"type\":\"message\",\"content\":[]}")
#define SAY(text)                           \
	EVENT("response.output_text.delta", \
	      ",\"output_index\":0,\"content_index\":0,\"delta\":\"" text "\"")
#define COMPLETED(text)                                              \
	EVENT("response.output_text.done", ",\"text\":\"" text "\"") \
	EVENT("response.completed", RESPONSE("completed", OUTPUT(text) USAGE))
#define INCOMPLETE(reason)                                                            \
	EVENT("response.incomplete",                                                  \
	      RESPONSE("incomplete",                                                  \
		       ",\"error\":null,\"incomplete_details\":{\"reason\":\"" reason \
		       "\"},\"output\":[]" USAGE))
#define FAILED(code)                                            \
	EVENT("response.failed",                                \
	      RESPONSE("failed", ",\"error\":{\"code\":\"" code \
				 "\",\"message\":\"m\"},\"output\":[],\"usage\":null"))

static const struct recorded recorded[] = {
	{ CREATED SAY("Your order") SAY(" left\\nour \\\"depot\\\".") COMPLETED("Your order left"),
	  "Your order left\nour \"depot\".", BATON_END_STOP, 36, 4, 87,
	  "event: response.completed" },
	{ CREATED SAY("Hi") INCOMPLETE("max_output_tokens"), "Hi", BATON_END_LENGTH, 36, 4, 87,
	  "event: response.incomplete" },
	{ CREATED SAY("Hi") INCOMPLETE("content_filter"), "Hi", BATON_END_FILTERED, 36, 4, 87,
	  "event: response.incomplete" },
	/* all of the text in the last event */
	{ CREATED COMPLETED("gr\xc3\xbc\xc3\x9f \\ud83d\\ude00"),
	  "gr\xc3\xbc\xc3\x9f \xf0\x9f\x98\x80", BATON_END_STOP, 36, 4, 87,
	  "event: response.completed" },
	/* halves of a character; an event that nobody knows; one that is no JSON; types without
	 * names */
	{ CREATED SAY("\\ud83d") "data: oops\n\n" EVENT(
		  "response.weather",
		  ",\"delta\":\"no\"") "data: {\"type\":\"response.output_text.delta\",\"delta\":\"\\ude00\"}\n\n"
				       "data: {\"type\":\"response.completed\",\"response\":{\"status\":\"completed\"}}\n\n",
	  "\xf0\x9f\x98\x80", BATON_END_STOP, 0, 0, 1, "data: {\"type\":\"response.completed\"" },
};
enum { RECORDED_N = sizeof(recorded) / sizeof(recorded[0]) };

static void a_question_is_written_as_the_api_wants_it(void **state)
{
	(void)state;
	begin("{\"api\":\"responses\",\"secret\":\"KEY\",\"project\":\"p\"}");
	baton_msg msgs[] = {
		{ .role = BATON_ROLE_SYSTEM, .text = host_str("Be kind.") },
		{ .role = BATON_ROLE_CUSTOMER, .text = host_str("Hi") },
		{ .role = BATON_ROLE_BOT, .text = host_str("Hello") },
		{ .role = BATON_ROLE_TOOL, .text = host_str("{}") },
		{ .role = BATON_ROLE_BOT,
		  .parts_json = host_str("[{\"id\":\"t1\",\"name\":\"order\","
					 "\"arguments\":{\"id\":\"7\"}},{\"id\":\"t2\","
					 "\"name\":\"mail\"}]") },
		{ .role = BATON_ROLE_TOOL, .text = host_str("{}"), .tool_call_id = host_str("t1") },
	};
	baton_turn turn = { .size = sizeof(turn), .msgs = msgs, .n_msgs = 6 };
	baton_prompt prompt = {
		.size = sizeof(prompt),
		.turn = &turn,
		.model = host_str("gpt"),
		.temperature_milli = 200,
		.max_output_tokens = 600,
		.response_schema = host_str("{}"),
		.tools_json = host_str("[{\"name\":\"order\",\"parameters\":{}}]"),
	};
	assert_int_equal(ask_with(&prompt), BATON_OK);
	assert_string_equal(web.url, "https://api.openai.com/v1/responses");
	assert_string_equal(
		web.headers,
		"Content-Type: application/json\nAuthorization: Bearer {{secret:KEY}}\nUser-Agent: Baton\n"
		"OpenAI-Project: p\n");
	assert_string_equal(
		web.body,
		"{\"model\":\"gpt\",\"input\":[{\"role\":\"system\",\"content\":\"Be kind.\"},"
		"{\"role\":\"user\",\"content\":\"Hi\"},{\"role\":\"assistant\",\"content\":\"Hello\"},"
		"{\"role\":\"user\",\"content\":\"[tool result] {}\"},"
		"{\"type\":\"function_call\",\"call_id\":\"t1\",\"name\":\"order\",\"arguments\":\"{\\\"id\\\":\\\"7\\\"}\"},"
		"{\"type\":\"function_call\",\"call_id\":\"t2\",\"name\":\"mail\",\"arguments\":\"{}\"},"
		"{\"type\":\"function_call_output\",\"call_id\":\"t1\",\"output\":\"{}\"}],\"max_output_tokens\":600,\"temperature\":0.200,"
		"\"tools\":[{\"type\":\"function\",\"name\":\"order\",\"parameters\":{},\"strict\":false}],"
		"\"text\":{\"format\":{\"type\":\"json_schema\",\"name\":\"answer\",\"schema\":{}}},"
		"\"store\":false,\"stream\":true}");
	provider->cancel(host->inst, CALL, BATON_CANCEL_USER);
	finish();

	begin("{\"api\":\"responses\",\"extra_body\":{\"metadata\":{\"store\":\"Berlin\"}}}");
	ask();
	assert_non_null(strstr(web.body, "\"store\":false,"));
	finish();

	begin("{\"api\":\"responses\",\"extra_body\":{\"store\":true}}");
	ask();
	assert_null(strstr(web.body, "\"store\":false"));
	assert_non_null(strstr(web.body, ",\"store\":true}"));
	finish();
}

static void streams_are_heard_the_same_in_pieces_of_any_size(void **state)
{
	(void)state;
	heard_in_any_pieces(CONFIG, recorded, RECORDED_N);
}

static void a_stream_cut_anywhere_is_never_taken_for_complete(void **state)
{
	(void)state;
	cut_anywhere(CONFIG, recorded, RECORDED_N);
}

static void tool_calls_and_reasoning_are_told_apart(void **state)
{
	(void)state;
	begin(CONFIG);
	ask();
	stream_head();
	stream(CREATED EVENT("response.reasoning_summary_text.delta", ",\"delta\":\"Hm\"") EVENT(
		"response.function_call_arguments.delta", ",\"delta\":\"{}\"")
		       EVENT("response.output_item.done",
			     ",\"item\":{\"type\":\"function_call\",\"call_id\":\"a\",\"name\":\"order\",\"arguments\":\"{}\"}")
			       EVENT("response.completed",
				     RESPONSE(
					     "completed",
					     ",\"output\":[{\"type\":\"function_call\",\"call_id\":\"a\",\"name\":\"order\","
					     "\"arguments\":\"{}\"}]")));
	end();
	is_answer("", BATON_END_TOOL_CALLS);
	assert_string_equal(told.reasoning, "Hm\n");
	assert_string_equal(told.tools, "{\"id\":\"a\",\"name\":\"order\",\"arguments\":{}}\n");
	finish();
}

static void a_whole_answer_is_heard_as_well(void **state)
{
	(void)state;
	static const struct {
		const char *body, *text;
		uint32_t reason;
	} cases[] = {
		{ "{\"object\":\"response\",\"status\":\"completed\"" OUTPUT("Whole") USAGE "}",
		  "Whole", BATON_END_STOP },
		{ "{\"status\":\"incomplete\",\"error\":null,\"incomplete_details\":{\"reason\":\"max_output_tokens\"},"
		  "\"output\":[{\"type\":\"message\",\"content\":[{\"type\":\"output_text\",\"text\":\"Ha\"},"
		  "{\"type\":\"output_text\",\"text\":\"lf\"}]}]" USAGE "}",
		  "Half", BATON_END_LENGTH },
	};
	begin("{\"api\":\"responses\",\"stream\":false}");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		ask();
		head(200, "content-type: application/json", NULL);
		body(cases[i].body);
		end();
		is_answer(cases[i].text, cases[i].reason);
		assert_int_equal(call_record()->usage.in_tokens, 36);
	}
	finish();
}

static void failures_have_their_class_wherever_they_stand(void **state)
{
	(void)state;
	static const struct {
		const char *stream;
		uint32_t fail;
		const char *code;
		uint32_t scope;
	} cases[] = {
		{ CREATED FAILED("server_error"), BATON_FAIL_UNAVAILABLE, "server",
		  BATON_SCOPE_PROVIDER },
		{ CREATED SAY("A") FAILED("rate_limit_exceeded"), BATON_FAIL_RATE_LIMITED,
		  "rate_limited", BATON_SCOPE_MODEL },
		{ CREATED FAILED("invalid_prompt"), BATON_FAIL_BAD_REQUEST, "bad_request",
		  BATON_SCOPE_REQUEST },
		{ CREATED EVENT(
			  "response.failed",
			  RESPONSE(
				  "failed",
				  ",\"error\":{\"code\":\"invalid_prompt\",\"message\":\"flagged as potentially violating our usage policy\"}")),
		  BATON_FAIL_REFUSED, "refused", BATON_SCOPE_REQUEST },
		{ CREATED EVENT("response.failed", RESPONSE("failed", ",\"error\":null")),
		  BATON_FAIL_TRUNCATED, "truncated", BATON_SCOPE_PROVIDER },
		{ CREATED SAY("A") EVENT(
			  "error", ",\"code\":\"server_error\",\"message\":\"x\",\"param\":null"),
		  BATON_FAIL_UNAVAILABLE, "server", BATON_SCOPE_PROVIDER },
		{ CREATED
		  "data: {\"type\":\"error\",\"error\":{\"type\":\"insufficient_quota\",\"code\":\"credit_balance_exhausted\"}}\n\n",
		  BATON_FAIL_QUOTA, "quota", BATON_SCOPE_ACCOUNT },
		{ "data: {\"error\":{\"code\":\"context_length_exceeded\"}}\n\n",
		  BATON_FAIL_TOO_LONG, "context_too_long", BATON_SCOPE_REQUEST },
		{ CREATED EVENT("response.refusal.delta", ",\"delta\":\"I cannot\"")
			  EVENT("response.completed", RESPONSE("completed", USAGE)),
		  BATON_FAIL_REFUSED, "refused", BATON_SCOPE_REQUEST },
		{ CREATED EVENT(
			  "response.completed",
			  RESPONSE(
				  "completed",
				  ",\"output\":[{\"type\":\"message\",\"content\":[{\"type\":\"refusal\",\"refusal\":\"no\"}]}]")),
		  BATON_FAIL_REFUSED, "refused", BATON_SCOPE_REQUEST },
		{ CREATED INCOMPLETE("content_filter"), BATON_FAIL_REFUSED, "refused",
		  BATON_SCOPE_REQUEST },
		{ CREATED INCOMPLETE("max_output_tokens"), BATON_FAIL_EMPTY, "empty",
		  BATON_SCOPE_MODEL },
		{ CREATED EVENT("response.completed", RESPONSE("completed", USAGE)),
		  BATON_FAIL_EMPTY, "empty", BATON_SCOPE_MODEL },
		{ CREATED SAY("A"), BATON_FAIL_TRUNCATED, "truncated", BATON_SCOPE_PROVIDER },
		{ CREATED EVENT("response.completed", ""), BATON_FAIL_TRUNCATED, "truncated",
		  BATON_SCOPE_PROVIDER },
		{ CREATED SAY("a\\ud83d") COMPLETED("x"), BATON_FAIL_BAD_OUTPUT, "protocol",
		  BATON_SCOPE_PROVIDER },
	};
	begin(CONFIG);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		ask();
		stream_head();
		stream(cases[i].stream);
		end();
		if (strcmp(told.code, cases[i].code) != 0)
			print_message("%zu: %s\n", i, told.message);
		is_fail(cases[i].fail, cases[i].code);
		assert_int_equal(told.scope, cases[i].scope);
	}
	finish();
}

static void bodies_and_statuses_have_their_class_and_scope(void **state)
{
	(void)state;
	static const struct body_case bodies[] = {
		{ 429,
		  "{\"error\":{\"message\":\"Rate limit reached for gpt. Please try again in 1m2.5s. Visit\",\"type\":\"tokens\",\"code\":\"rate_limit_exceeded\"}}",
		  BATON_FAIL_RATE_LIMITED, "rate_limited", BATON_SCOPE_MODEL, 0, 62500 },
		{ 429,
		  "{\"error\":{\"message\":\"Please try again in 120ms.\",\"type\":\"requests\",\"code\":\"slow_down\"}}",
		  BATON_FAIL_RATE_LIMITED, "rate_limited", BATON_SCOPE_MODEL, 0, 120 },
		{ 429,
		  "{\"error\":{\"message\":\"x\",\"type\":\"insufficient_quota\",\"code\":\"project_spend_limit_exceeded\"}}",
		  BATON_FAIL_QUOTA, "quota", BATON_SCOPE_ACCOUNT },
		{ 404,
		  "{\"error\":{\"code\":\"model_not_found\",\"type\":\"invalid_request_error\"}}",
		  BATON_FAIL_MODEL_GONE, "model_gone", BATON_SCOPE_MODEL },
		{ 503,
		  "{\"error\":{\"code\":\"server_is_overloaded\",\"type\":\"service_unavailable_error\"}}",
		  BATON_FAIL_OVERLOADED, "overloaded", BATON_SCOPE_PROVIDER },
		{ 200, "{\"error\":{\"code\":\"server_error\",\"message\":\"x\"}}",
		  BATON_FAIL_UNAVAILABLE, "server", BATON_SCOPE_PROVIDER },
		{ 200, "{\"status\":\"in_progress\",\"error\":null,\"output\":[]}",
		  BATON_FAIL_TRUNCATED, "truncated", BATON_SCOPE_PROVIDER },
		{ 200, "[]", BATON_FAIL_BAD_OUTPUT, "protocol", BATON_SCOPE_PROVIDER },
	};
	bodies_mean(CONFIG, bodies, sizeof(bodies) / sizeof(bodies[0]));
}

static void an_answer_cannot_be_continued(void **state)
{
	(void)state;
	void *inst = NULL;
	begin(CONFIG);
	assert_true(host->module->create(host->mod, host_ctx(host),
					 host_str("{\"api\":\"responses\",\"prefill\":true}"),
					 &inst) < 0);
	assert_non_null(strstr(host->last_log, "prefill"));
	finish();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_question_is_written_as_the_api_wants_it),
		cmocka_unit_test(streams_are_heard_the_same_in_pieces_of_any_size),
		cmocka_unit_test(a_stream_cut_anywhere_is_never_taken_for_complete),
		cmocka_unit_test(tool_calls_and_reasoning_are_told_apart),
		cmocka_unit_test(a_whole_answer_is_heard_as_well),
		cmocka_unit_test(failures_have_their_class_wherever_they_stand),
		cmocka_unit_test(bodies_and_statuses_have_their_class_and_scope),
		cmocka_unit_test(an_answer_cannot_be_continued),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
