/* SPDX-License-Identifier: Apache-2.0 */

/* provider-anthropic against scripted answers: what is asked, what is heard, and what each failure
 * means. No sockets; see provider_rig.h. */
#include "tests/unit/provider_rig.h"

#define EVENT(type, more) "event: " type "\ndata: {\"type\":\"" type "\"" more "}\n\n"
#define START                                                                           \
	EVENT("message_start", ",\"message\":{\"id\":\"msg_1\",\"type\":\"message\","   \
			       "\"role\":\"assistant\",\"content\":[],\"model\":\"m\"," \
			       "\"stop_reason\":null,\"stop_sequence\":null,"           \
			       "\"usage\":{\"input_tokens\":25,"                        \
			       "\"cache_creation_input_tokens\":10,"                    \
			       "\"cache_read_input_tokens\":7,\"output_tokens\":1}}")
#define BLOCK                        \
	EVENT("content_block_start", \
	      ",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}")
#define PING EVENT("ping", "")
#define SAY(text)                    \
	EVENT("content_block_delta", \
	      ",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"" text "\"}")
#define STOP_BLOCK EVENT("content_block_stop", ",\"index\":0")
#define FINISH(reason)                                                 \
	EVENT("message_delta", ",\"delta\":{\"stop_reason\":\"" reason \
			       "\",\"stop_sequence\":null},\"usage\":{\"output_tokens\":15}")
#define STOP EVENT("message_stop", "")
#define ERROR(type, message) \
	EVENT("error", ",\"error\":{\"type\":\"" type "\",\"message\":\"" message "\"}")

static const struct recorded recorded[] = {
	{ START BLOCK PING SAY("Your order") SAY(" left\\nour \\\"depot\\\".")
		  STOP_BLOCK FINISH("end_turn") STOP,
	  "Your order left\nour \"depot\".", BATON_END_STOP, 42, 7, 15, "\"stop_reason\":\"" },
	{ START BLOCK SAY("Hi") STOP_BLOCK FINISH("max_tokens") STOP, "Hi", BATON_END_LENGTH, 42, 7,
	  15, "\"stop_reason\":\"" },
	{ START BLOCK SAY("Hi") STOP_BLOCK FINISH("stop_sequence") STOP, "Hi", BATON_END_STOP, 42,
	  7, 15, "\"stop_reason\":\"" },
	{ START BLOCK SAY("Hi") STOP_BLOCK FINISH("pause_turn") STOP, "Hi", BATON_END_LENGTH, 42, 7,
	  15, "\"stop_reason\":\"" },
	{ START BLOCK SAY("Hi") STOP_BLOCK FINISH("model_context_window_exceeded") STOP, "Hi",
	  BATON_END_LENGTH, 42, 7, 15, "\"stop_reason\":\"" },
	{ START BLOCK SAY("Hi") STOP_BLOCK FINISH("refusal") STOP, "Hi", BATON_END_FILTERED, 42, 7,
	  15, "\"stop_reason\":\"" },
	/* a reason, a block, a delta and an event that nobody knows yet */
	{ START EVENT("weather",
		      ",\"delta\":{\"type\":\"text_delta\",\"text\":\"no\"}") BLOCK SAY("A")
		  EVENT("content_block_delta",
			",\"index\":0,\"delta\":{\"type\":\"signature_delta\",\"signature\":\"x\"}")
			  SAY("B") STOP_BLOCK FINISH("because") STOP,
	  "AB", BATON_END_STOP, 42, 7, 15, "\"stop_reason\":\"" },
	/* two blocks of text; the last usage speaks of input, too; one event is no JSON */
	{ START BLOCK SAY("A ") STOP_BLOCK "data: oops\n\n" EVENT(
		  "content_block_start",
		  ",\"index\":1,\"content_block\":{\"type\":\"text\",\"text\":\"B\"}")
		  EVENT("message_delta",
			",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"input_tokens\":30,\"output_tokens\":2}")
			  STOP,
	  "A B", BATON_END_STOP, 30, 0, 2, "\"stop_reason\":\"" },
	/* a character whose halves come in two events, and one in bytes */
	{ START BLOCK SAY("gr\xc3\xbc\xc3\x9f \\ud83d") SAY("\\ude00 end") FINISH("end_turn") STOP,
	  "gr\xc3\xbc\xc3\x9f \xf0\x9f\x98\x80 end", BATON_END_STOP, 42, 7, 15,
	  "\"stop_reason\":\"" },
	/* no usage at the end: what was said is estimated, what was asked is known */
	{ BLOCK SAY("12345678") EVENT("message_delta", ",\"delta\":{\"stop_reason\":\"end_turn\"}")
		  STOP,
	  "12345678", BATON_END_STOP, 0, 0, 2, "\"stop_reason\":\"" },
	/* the end without a reason */
	{ START BLOCK SAY("A") STOP, "A", BATON_END_STOP, 0, 7, 1, "message_stop" },
};
enum { RECORDED_N = sizeof(recorded) / sizeof(recorded[0]) };

#define ERR(type, message)                                                            \
	"{\"type\":\"error\",\"error\":{\"type\":\"" type "\",\"message\":\"" message \
	"\"},\"request_id\":\"req_1\"}"

static const struct body_case bodies[] = {
	{ 400, ERR("invalid_request_error", "usage limits; access on 2019-12-31 at 00:00 UTC."),
	  BATON_FAIL_QUOTA, "quota", BATON_SCOPE_ACCOUNT, 0 },
	{ 400, ERR("invalid_request_error", "max_tokens: required"), BATON_FAIL_BAD_REQUEST,
	  "bad_request", BATON_SCOPE_REQUEST },
	{ 400, ERR("invalid_request_error", "prompt is too long: 210000 tokens > 200000 maximum"),
	  BATON_FAIL_TOO_LONG, "context_too_long", BATON_SCOPE_REQUEST },
	{ 400,
	  ERR("invalid_request_error",
	      "You have reached your specified API usage limits. You will regain access on 2026-03-01 at 00:00 UTC."),
	  BATON_FAIL_QUOTA, "quota", BATON_SCOPE_ACCOUNT, UINT64_C(1772323200000) },
	{ 400,
	  ERR("invalid_request_error",
	      "You have reached your specified workspace API usage limits. You will regain access on 2026-02-31 at 25:00 UTC."),
	  BATON_FAIL_QUOTA, "quota", BATON_SCOPE_ACCOUNT, 0 },
	{ 400,
	  ERR("invalid_request_error",
	      "Your credit balance is too low to access the Anthropic API."),
	  BATON_FAIL_QUOTA, "quota", BATON_SCOPE_ACCOUNT },
	{ 400,
	  ERR("invalid_request_error",
	      "Prefilling assistant messages is not supported for this model."),
	  BATON_FAIL_BAD_REQUEST, "prefill_refused", BATON_SCOPE_REQUEST },
	{ 400,
	  ERR("invalid_request_error",
	      "This model does not support assistant message prefill. The conversation must end with a user message."),
	  BATON_FAIL_BAD_REQUEST, "prefill_refused", BATON_SCOPE_REQUEST },
	{ 401, ERR("authentication_error", "invalid x-api-key"), BATON_FAIL_ACCESS, "access",
	  BATON_SCOPE_ACCOUNT },
	{ 402, ERR("billing_error", "check your billing"), BATON_FAIL_QUOTA, "quota",
	  BATON_SCOPE_ACCOUNT },
	{ 403, ERR("permission_error", "no"), BATON_FAIL_ACCESS, "access", BATON_SCOPE_ACCOUNT },
	{ 404, ERR("not_found_error", "model: claude-x"), BATON_FAIL_MODEL_GONE, "model_gone",
	  BATON_SCOPE_MODEL },
	{ 413, ERR("request_too_large", "Request exceeds the maximum size"), BATON_FAIL_TOO_LONG,
	  "context_too_long", BATON_SCOPE_REQUEST },
	{ 429, ERR("rate_limit_error", "This request would exceed your rate limit"),
	  BATON_FAIL_RATE_LIMITED, "rate_limited", BATON_SCOPE_MODEL },
	/* the tier's cap: a rate by name, money in truth, until the month ends (the rig's clock
	 * says October 2015) */
	{ 429,
	  "{\"type\":\"error\",\"error\":{\"type\":\"rate_limit_error\",\"message\":\"monthly\",\"details\":"
	  "{\"error_code\":\"enforced_spend_limit_reached\"}}}",
	  BATON_FAIL_QUOTA, "quota", BATON_SCOPE_ACCOUNT, UINT64_C(1446336000000) },
	{ 500, ERR("api_error", "Internal server error"), BATON_FAIL_UNAVAILABLE, "server",
	  BATON_SCOPE_PROVIDER },
	{ 504, ERR("timeout_error", "too long"), BATON_FAIL_TIMEOUT, "timeout",
	  BATON_SCOPE_PROVIDER },
	{ 529, ERR("overloaded_error", "Overloaded"), BATON_FAIL_OVERLOADED, "overloaded",
	  BATON_SCOPE_PROVIDER },
	{ 529, "", BATON_FAIL_OVERLOADED, "overloaded", BATON_SCOPE_PROVIDER },
	{ 529, "<html>upstream</html>", BATON_FAIL_OVERLOADED, "overloaded", BATON_SCOPE_PROVIDER },
	/* an error in place of an answer */
	{ 200, ERR("overloaded_error", "Overloaded"), BATON_FAIL_OVERLOADED, "overloaded",
	  BATON_SCOPE_PROVIDER },
	{ 200, ERR("rate_limit_error", "x"), BATON_FAIL_RATE_LIMITED, "rate_limited",
	  BATON_SCOPE_MODEL },
};

static int setup(void **state)
{
	(void)state;
	rig_module = "provider-anthropic";
	return 0;
}

/* --- what is asked --- */

static void a_question_is_written_as_the_api_wants_it(void **state)
{
	(void)state;
	begin("{\"base_url\":\"https://api.example.org/\",\"secret\":\"KEY\",\"beta\":[\"b-1\"],"
	      "\"extra_body\":{\"metadata\":{\"user_id\":\"u\"}}}");
	baton_msg msgs[] = {
		{ .role = BATON_ROLE_SYSTEM, .text = host_str("Be kind.") },
		{ .role = BATON_ROLE_BOT, .text = host_str("Hello, how can I help?") },
		{ .role = BATON_ROLE_CUSTOMER, .text = host_str("Hi") },
		{ .role = BATON_ROLE_CUSTOMER, .text = host_str(" \n") },
		{ .role = BATON_ROLE_CUSTOMER, .text = host_str("Are you <there>?") },
		{ .role = BATON_ROLE_AGENT, .text = host_str("I am"), .name = host_str("Kim") },
		{ .role = BATON_ROLE_TOOL, .text = host_str("{}"), .name = host_str("order") },
		{ .role = BATON_ROLE_BOT,
		  .text = host_str("I look."),
		  .parts_json = host_str("[{\"id\":\"t1\",\"name\":\"order\","
					 "\"arguments\":{\"id\":\"7\"}},{\"id\":\"t2\","
					 "\"name\":\"mail\"}]") },
		{ .role = BATON_ROLE_TOOL, .text = host_str("{}"), .tool_call_id = host_str("t1") },
		{ .role = BATON_ROLE_TOOL, .text = host_str(""), .tool_call_id = host_str("t2") },
		{ .role = BATON_ROLE_SYSTEM, .text = host_str("Be brief.") },
	};
	baton_turn turn = { .size = sizeof(turn), .msgs = msgs, .n_msgs = 11 };
	baton_prompt prompt = {
		.size = sizeof(prompt),
		.turn = &turn,
		.model = host_str("claude"),
		.temperature_milli = 1500,
		.response_schema = host_str("{\"type\":\"object\"}"),
		.tools_json =
			host_str("[{\"name\":\"order\",\"description\":\"d\","
				 "\"parameters\":{\"type\":\"object\"}},{\"name\":\"x\"},{}]"),
	};
	assert_int_equal(ask_with(&prompt), BATON_OK);
	assert_string_equal(web.url, "https://api.example.org/v1/messages");
	assert_string_equal(
		web.headers,
		"Content-Type: application/json\nx-api-key: {{secret:KEY}}\nUser-Agent: Baton\n"
		"anthropic-version: 2023-06-01\nanthropic-beta: b-1\n");
	assert_true(web.flags & BATON_HTTP_SSE);
	assert_string_equal(
		web.body,
		"{\"model\":\"claude\",\"max_tokens\":1024,\"system\":\"Be kind.\\n\\nBe brief.\",\"messages\":["
		"{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"...\"}]},"
		"{\"role\":\"assistant\",\"content\":[{\"type\":\"text\",\"text\":\"Hello, how can I help?\"}]},"
		"{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"Hi\"},"
		"{\"type\":\"text\",\"text\":\"Are you \\u003cthere>?\"}]},"
		"{\"role\":\"assistant\",\"content\":[{\"type\":\"text\",\"text\":\"[Kim] I am\"}]},"
		"{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"[tool order] {}\"}]},"
		"{\"role\":\"assistant\",\"content\":[{\"type\":\"text\",\"text\":\"I look.\"},"
		"{\"type\":\"tool_use\",\"id\":\"t1\",\"name\":\"order\",\"input\":{\"id\":\"7\"}},"
		"{\"type\":\"tool_use\",\"id\":\"t2\",\"name\":\"mail\",\"input\":{}}]},"
		"{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\",\"tool_use_id\":\"t1\",\"content\":\"{}\"},"
		"{\"type\":\"tool_result\",\"tool_use_id\":\"t2\",\"content\":\"\"}]}],"
		"\"temperature\":1.000,\"tools\":[{\"name\":\"order\",\"description\":\"d\",\"input_schema\":{\"type\":\"object\"}},"
		"{\"name\":\"x\",\"input_schema\":{\"type\":\"object\"}}],"
		"\"output_config\":{\"format\":{\"type\":\"json_schema\",\"schema\":{\"type\":\"object\"}}},"
		"\"stream\":true,\"metadata\":{\"user_id\":\"u\"}}");
	provider->cancel(host->inst, CALL, BATON_CANCEL_USER);
	finish();
}

/* Looked up before the model is asked, and nothing is offered to it. */
static void what_was_called_is_defined_where_nothing_is_offered(void **state)
{
	(void)state;
	begin("{\"base_url\":\"https://api.example.org/\",\"secret\":\"KEY\"}");
	const baton_msg msgs[] = {
		{ .role = BATON_ROLE_CUSTOMER, .text = host_str("Hi") },
		{ .role = BATON_ROLE_BOT,
		  .parts_json = host_str("[{\"id\":\"t1\",\"name\":\"order\"},"
					 "{\"id\":\"t2\",\"name\":\"mail\"},"
					 "{\"id\":\"t3\",\"name\":\"order\"}]") },
		{ .role = BATON_ROLE_TOOL, .text = host_str("1"), .tool_call_id = host_str("t1") },
		{ .role = BATON_ROLE_TOOL, .text = host_str("2"), .tool_call_id = host_str("t2") },
		{ .role = BATON_ROLE_TOOL, .text = host_str("3"), .tool_call_id = host_str("t3") },
	};
	baton_turn turn = { .size = sizeof(turn), .msgs = msgs, .n_msgs = 5 };
	baton_prompt prompt = { .size = sizeof(prompt),
				.turn = &turn,
				.model = host_str("m"),
				.temperature_milli = -1 };
	assert_int_equal(ask_with(&prompt), BATON_OK);
	assert_non_null(strstr(web.body,
			       "}]}],\"tools\":["
			       "{\"name\":\"order\",\"input_schema\":{\"type\":\"object\"}},"
			       "{\"name\":\"mail\",\"input_schema\":{\"type\":\"object\"}}],"
			       "\"tool_choice\":{\"type\":\"none\"},\"stream\":"));
	provider->cancel(host->inst, CALL, BATON_CANCEL_USER);
	finish();
}

static baton_prompt continued(baton_turn *turn, const char *prefill)
{
	*turn = (baton_turn){ .size = sizeof(*turn), .msgs = &question, .n_msgs = 1 };
	return (baton_prompt){ .size = sizeof(baton_prompt),
			       .turn = turn,
			       .model = host_str("m"),
			       .temperature_milli = -1,
			       .prefill = host_str(prefill) };
}

static void an_answer_in_progress_is_continued(void **state)
{
	(void)state;
	baton_turn turn;
	baton_prompt prompt = continued(&turn, "Your order left. \n");

	begin("{}");
	assert_int_equal(ask_with(&prompt), BATON_OK);
	assert_non_null(strstr(web.body,
			       "{\"role\":\"assistant\",\"content\":[{\"type\":\"text\",\"text\":"
			       "\"Your order left.\"}]}],\"stream\""));
	stream_head();
	stream(START BLOCK SAY(" \\nIt ") SAY("comes.") FINISH("end_turn") STOP);
	end();
	is_answer("It comes.", BATON_END_STOP); /* the white space stood at the end already */
	finish();
}

static void without_leave_nothing_is_continued(void **state)
{
	(void)state;
	baton_turn turn;
	baton_prompt prompt = continued(&turn, "Your order");

	begin("{\"prefill\":false}");
	assert_int_equal(ask_with(&prompt), BATON_OK);
	assert_int_equal(web.asked, 0); /* an answer from the start would be said twice */
	is_fail(BATON_FAIL_BAD_REQUEST, "prefill_refused");
	finish();

	/* A prompt of an older header has no such field. */
	prompt.size = offsetof(baton_prompt, prefill);
	begin("{\"prefill\":true}");
	assert_int_equal(ask_with(&prompt), BATON_OK);
	assert_null(strstr(web.body, "assistant"));
	provider->cancel(host->inst, CALL, BATON_CANCEL_USER);
	finish();
}

static void a_bad_configuration_makes_no_instance(void **state)
{
	(void)state;
	static const char *const configs[] = {
		"",
		"[]",
		"{\"base_url\":\"ftp://x\"}",
		"{\"version\":\"a\\nb\"}",
		"{\"beta\":[1]}",
		"{\"beta\":[\"a\\r\"]}",
		"{\"extra_body\":{\"messages\":[]}}",
	};
	begin("{}");
	for (size_t i = 0; i < sizeof(configs) / sizeof(configs[0]); i++) {
		void *inst = NULL;
		assert_true(host->module->create(host->mod, host_ctx(host), host_str(configs[i]),
						 &inst) < 0);
		assert_null(inst);
	}
	finish();
}

/* --- what is heard --- */

static void streams_are_heard_the_same_in_pieces_of_any_size(void **state)
{
	(void)state;
	heard_in_any_pieces("{}", recorded, RECORDED_N - 1);
}

static void a_stream_cut_anywhere_is_never_taken_for_complete(void **state)
{
	(void)state;
	cut_anywhere("{}", recorded, RECORDED_N);
}

static void what_was_asked_is_known_although_the_end_says_nothing(void **state)
{
	(void)state;
	begin("{}");
	ask();
	stream_head();
	stream(recorded[RECORDED_N - 1].stream);
	end();
	is_answer("A", BATON_END_STOP);
	assert_int_equal(call_record()->usage.flags, BATON_USAGE_ESTIMATED);
	assert_int_equal(call_record()->usage.in_tokens, 42);
	assert_int_equal(call_record()->usage.out_tokens, 1);
	finish();
}

static void tool_calls_and_thinking_are_told_apart(void **state)
{
	(void)state;
	begin("{}");
	ask();
	stream_head();
	stream(START EVENT(
		"content_block_start",
		",\"index\":0,\"content_block\":{\"type\":\"thinking\",\"thinking\":\"\"}")
		       EVENT("content_block_delta",
			     ",\"index\":0,\"delta\":{\"type\":\"thinking_delta\",\"thinking\":\"Hm\"}"));
	stream(EVENT(
		"content_block_start",
		",\"index\":1,\"content_block\":{\"type\":\"tool_use\",\"id\":\"a\",\"name\":\"order\",\"input\":{}}")
		       EVENT("content_block_delta",
			     ",\"index\":1,\"delta\":{\"type\":\"input_json_delta\",\"partial_json\":\"{\\\"id\\\":\"}")
			       EVENT("content_block_delta",
				     ",\"index\":1,\"delta\":{\"type\":\"input_json_delta\",\"partial_json\":\"7}\"}"));
	stream(EVENT(
		"content_block_start",
		",\"index\":2,\"content_block\":{\"type\":\"tool_use\",\"id\":\"b\",\"name\":\"mail\",\"input\":{}}")
		       FINISH("tool_use") STOP);
	end();
	is_answer("", BATON_END_TOOL_CALLS);
	assert_string_equal(told.reasoning, "Hm\n");
	assert_string_equal(told.tools,
			    "{\"id\":\"a\",\"name\":\"order\",\"arguments\":{\"id\":7}}\n"
			    "{\"id\":\"b\",\"name\":\"mail\",\"arguments\":{}}\n");
	finish();
}

static void a_whole_answer_is_heard_as_well(void **state)
{
	(void)state;
	begin("{\"stream\":false}");
	ask();
	assert_non_null(strstr(web.body, "\"stream\":false"));
	head(200, "content-type: application/json", NULL);
	body("{\"type\":\"message\",\"content\":[{\"type\":\"thinking\",\"thinking\":\"Hm\"},{\"type\":\"text\",\"text\":\"Who\"},"
	     "{\"type\":\"text\",\"text\":\"le\"},{\"type\":\"tool_use\",\"id\":\"a\",\"name\":\"n\",\"input\":{\"x\":1}}],"
	     "\"stop_reason\":\"tool_use\",\"usage\":{\"input_tokens\":5,\"output_tokens\":1}}");
	end();
	is_answer("Whole", BATON_END_TOOL_CALLS);
	assert_string_equal(told.reasoning, "Hm\n");
	assert_string_equal(told.tools, "{\"id\":\"a\",\"name\":\"n\",\"arguments\":{\"x\":1}}\n");
	assert_int_equal(call_record()->usage.in_tokens, 5);
	finish();
}

/* --- what failures mean --- */

static void bodies_and_statuses_have_their_class_and_scope(void **state)
{
	(void)state;
	bodies_mean("{}", bodies, sizeof(bodies) / sizeof(bodies[0]));
}

static void an_error_in_the_stream_decides_whatever_came_before(void **state)
{
	(void)state;
	begin("{}");
	for (int named = 0; named <= 1; named++) {
		ask();
		stream_head();
		stream(START BLOCK SAY("Half of"));
		stream(named ? ERROR("overloaded_error", "Overloaded")
			     : "data: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\"}}\n\n");
		stream(STOP);
		is_fail(BATON_FAIL_OVERLOADED, "overloaded");
		assert_string_equal(call_record()->text, "Half of");
		assert_int_equal(told.flags, BATON_ERROR_BILLED); /* and what was billed is told */
		assert_int_equal(call_record()->usage.in_tokens, 42);
		assert_int_equal(call_record()->usage.out_tokens, 2);
	}
	finish();
}

static void an_event_named_error_is_one_whatever_it_says(void **state)
{
	(void)state;
	static const char *const said[] = { "oops", "{}", "{\"type\":\"ping\"}", "", "[1]" };
	char event[64];

	begin("{}");
	for (size_t i = 0; i < sizeof(said) / sizeof(said[0]); i++) {
		ask();
		stream_head();
		stream(START BLOCK SAY("A"));
		snprintf(event, sizeof(event), "event: error\ndata: %s\n\n", said[i]);
		stream(event);
		is_fail(BATON_FAIL_UNAVAILABLE, "inband");
	}
	finish();
}

static void answers_that_say_nothing_have_their_class(void **state)
{
	(void)state;
	static const struct {
		const char *stream;
		uint32_t fail;
		const char *code;
	} cases[] = {
		{ START FINISH("end_turn") STOP, BATON_FAIL_EMPTY, "empty" },
		{ START BLOCK STOP_BLOCK FINISH("max_tokens") STOP, BATON_FAIL_EMPTY, "empty" },
		{ START FINISH("refusal") STOP, BATON_FAIL_REFUSED, "refused" },
		{ START FINISH("model_context_window_exceeded") STOP, BATON_FAIL_TOO_LONG,
		  "context_too_long" },
		{ START PING PING, BATON_FAIL_TRUNCATED, "truncated" },
		{ START BLOCK SAY("A") STOP_BLOCK, BATON_FAIL_TRUNCATED, "truncated" },
		{ "", BATON_FAIL_BAD_OUTPUT, "protocol" },
		{ START BLOCK SAY("a\\ud83d") SAY("b"), BATON_FAIL_BAD_OUTPUT, "protocol" },
		{ START BLOCK SAY("\xff"), BATON_FAIL_BAD_OUTPUT, "protocol" },
		{ "data: a\n\ndata: [1]\n\ndata: 7\n\n" START, BATON_FAIL_BAD_OUTPUT, "protocol" },
	};
	begin("{}");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		ask();
		stream_head();
		stream(cases[i].stream);
		end();
		is_fail(cases[i].fail, cases[i].code);
	}
	finish();
}

static void a_hint_to_wait_is_read(void **state)
{
	(void)state;
	begin("{}");
	ask();
	head(429, "Content-Type: application/json", "retry-after: 30");
	body(ERR("rate_limit_error", "x"));
	end();
	is_fail(BATON_FAIL_RATE_LIMITED, "rate_limited");
	assert_int_equal(told.retry_after_ms, 30000);
	finish();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_question_is_written_as_the_api_wants_it),
		cmocka_unit_test(what_was_called_is_defined_where_nothing_is_offered),
		cmocka_unit_test(an_answer_in_progress_is_continued),
		cmocka_unit_test(without_leave_nothing_is_continued),
		cmocka_unit_test(a_bad_configuration_makes_no_instance),
		cmocka_unit_test(streams_are_heard_the_same_in_pieces_of_any_size),
		cmocka_unit_test(a_stream_cut_anywhere_is_never_taken_for_complete),
		cmocka_unit_test(what_was_asked_is_known_although_the_end_says_nothing),
		cmocka_unit_test(tool_calls_and_thinking_are_told_apart),
		cmocka_unit_test(a_whole_answer_is_heard_as_well),
		cmocka_unit_test(bodies_and_statuses_have_their_class_and_scope),
		cmocka_unit_test(an_error_in_the_stream_decides_whatever_came_before),
		cmocka_unit_test(an_event_named_error_is_one_whatever_it_says),
		cmocka_unit_test(answers_that_say_nothing_have_their_class),
		cmocka_unit_test(a_hint_to_wait_is_read),
	};
	return cmocka_run_group_tests(tests, setup, NULL);
}
