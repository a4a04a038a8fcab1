/* SPDX-License-Identifier: Apache-2.0 */

/* tool-mcp in the test host, against servers that are played: which protocol is spoken, what is
 * asked twice and what never, what is said when nobody knows whether something happened. */
#include <baton/testhost.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* What a server says is laid out for reading. */
/* clang-format off */
static baton_testhost *host;
static uint32_t inst;

#define URL "https://mcp.example/mcp"
#define ARGUMENTS                                                                           \
	"\"arguments\":{\"type\":\"object\",\"properties\":{\"id\":{\"type\":\"string\"}}," \
	"\"required\":[\"id\"]}"
/* look only reads; refund writes; pay writes, and twice is once */
#define TOOLS                                                                                   \
	"\"policy\":{\"tools\":["                                                               \
	"{\"name\":\"look\"," ARGUMENTS ",\"config\":{\"remote\":{\"name\":\"get\"}}},"         \
	"{\"name\":\"refund\",\"writes\":true," ARGUMENTS ",\"config\":{\"remote\":{}}},"       \
	"{\"name\":\"pay\",\"writes\":true,\"idempotent\":true,\"timeout_ms\":60000," ARGUMENTS \
	",\"config\":{\"remote\":{\"key\":\"once\",\"set\":{\"shop\":\"s\"}}}},"                \
	"{\"name\":\"gone\"," ARGUMENTS ",\"config\":{\"remote\":{\"name\":\"not_there\"}}}]}"

#define POST "> POST " URL "\n"
#define JSON "< 200\n< Content-Type: application/json\n\n"
#define SSE "< 200\n< Content-Type: text/event-stream\n\n"
#define RESULT(id, result) "{\"jsonrpc\":\"2.0\",\"id\":" id ",\"result\":" result "}\n"
#define ERROR(id, code, more)                                          \
	"{\"jsonrpc\":\"2.0\",\"id\":" id ",\"error\":{\"code\":" code \
	",\"message\":\"words\"" more "}}\n"
#define SAYS(text) "{\"content\":[{\"type\":\"text\",\"text\":\"" text "\"}]}"
#define SCHEMA "{\"type\":\"object\",\"properties\":{\"id\":{\"type\":\"string\"}}}"
#define LIST                                                                              \
	"{\"tools\":[{\"name\":\"get\",\"inputSchema\":" SCHEMA "},{\"name\":\"refund\"," \
	"\"inputSchema\":" SCHEMA "},{\"name\":\"pay\",\"inputSchema\":" SCHEMA "}]}"
#define VERSIONS "{\"supportedVersions\":[\"2026-07-28\"],\"capabilities\":{}}"

#define MODERN                                                                              \
	POST "> header: Mcp-Method: server/discover\n> has: server/discover\n" JSON RESULT( \
		"1", VERSIONS) POST                                                         \
		"> header: Mcp-Method: tools/list\n> has: tools/list\n" JSON RESULT("2", LIST)
#define LEGACY                                                                                    \
	POST "> has: \"initialize\"\n< 200\n< Content-Type: application/json\n"                   \
	     "< Mcp-Session-Id: s-1\n\n" RESULT(                                                  \
		     "1", "{\"protocolVersion\":\"2025-11-25\",\"capabilities\":{}}") POST        \
		"> header: Mcp-Session-Id: s-1\n> has: notifications/initialized\n< 202\n\n" POST \
		"> header: Mcp-Session-Id: s-1\n> has: tools/list\n" JSON RESULT("2", LIST)

static void begin(const char *more)
{
	char config[4096], why[300] = "", path[300];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);

	assert_true(n > 0);
	path[n] = 0;
	for (int i = 0; i < 2; i++)
		*strrchr(path, '/') = 0;
	(void)snprintf(path + strlen(path), sizeof(path) - strlen(path), "/modules/tool-mcp.so");
	host = baton_testhost_open(path, NULL, why, sizeof(why));
	if (!host)
		fail_msg("%s", why);
	(void)snprintf(config, sizeof(config), "{\"url\":\"" URL "\"%s," TOOLS "}", more);
	assert_int_equal(baton_testhost_create(host, config, &inst), BATON_OK);
}

/* No rule broken, nothing asked that was not expected, nothing expected that was not asked. */
static void end(void)
{
	if (baton_testhost_unexpected(host)) {
		const baton_asked *asked = NULL;
		for (unsigned i = 0; i < baton_testhost_requests(host); i++)
			if (baton_testhost_asked(host, i)->unexpected)
				asked = baton_testhost_asked(host, i);
		fail_msg("unexpected: %s %s\n%s%s", asked->method, asked->url, asked->headers,
			 asked->body);
	}
	if (baton_testhost_expected(host))
		fail_msg("not asked: %s", baton_testhost_expected(host)->body_has);
	if (baton_testhost_breaches(host))
		fail_msg("%s", baton_testhost_breach_text(host));
	baton_testhost_destroy(host, inst);
	assert_int_equal(baton_testhost_close(&host), 0);
}

static baton_call start(const char *tool, uint32_t flags)
{
	baton_call call;

	assert_int_equal(baton_testhost_tool(host, inst, tool, "{\"id\":\"7\"}", flags, &call),
			 BATON_OK);
	return call;
}

static const baton_heard *call_it(const char *tool, uint32_t flags)
{
	baton_call call = start(tool, flags);

	assert_true(baton_testhost_run(host, call, 120000));
	return baton_testhost_heard(host, call);
}

static void says(const baton_heard *heard, const char *json)
{
	if (heard->failed)
		fail_msg("failed: %.*s: %.*s", (int)heard->error.code.n, heard->error.code.p,
			 (int)heard->error.message.n, heard->error.message.p);
	assert_true(heard->ended);
	assert_non_null(heard->tool);
	assert_int_equal(heard->tool->json.n, strlen(json));
	assert_memory_equal(heard->tool->json.p, json, strlen(json));
}

static void fails(const baton_heard *heard, uint32_t fail, const char *code, bool in_doubt)
{
	assert_true(heard->failed);
	if (heard->error.code.n != strlen(code) ||
	    memcmp(heard->error.code.p, code, strlen(code)) != 0)
		fail_msg("expected %s, failed with %.*s: %.*s", code, (int)heard->error.code.n,
			 heard->error.code.p, (int)heard->error.message.n, heard->error.message.p);
	assert_int_equal(heard->error.fail, fail);
	assert_int_equal(heard->error.flags & BATON_ERROR_IN_DOUBT,
			 in_doubt ? BATON_ERROR_IN_DOUBT : 0);
}

#define READS 0u
#define WRITES BATON_TOOL_WRITES
#define AGAIN (BATON_TOOL_WRITES | BATON_TOOL_IDEMPOTENT)

/* --- which protocol ----------------------------------------------------------------------- */

static void a_modern_server_is_asked_without_a_handshake(void **state)
{
	(void)state;
	begin("");
	baton_testhost_play(
		host, MODERN POST
		"> header: Mcp-Name: get\n> has: \"arguments\":{\"id\":\"7\"}\n" JSON RESULT(
			"3", SAYS("on its way")));
	says(call_it("look", READS), "{\"text\":\"on its way\"}");
	const baton_asked *asked = baton_testhost_asked(host, 2);
	assert_non_null(strstr(asked->headers, "MCP-Protocol-Version: 2026-07-28\n"));
	assert_non_null(strstr(asked->headers, "Mcp-Method: tools/call\n"));
	assert_non_null(strstr(asked->headers, "Accept: application/json, text/event-stream\n"));
	assert_non_null(
		strstr(asked->body, "\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\""));
	assert_null(strstr(asked->headers, "Mcp-Session-Id"));
	assert_null(strstr(asked->headers, "Idempotency-Key"));
	/* What is known is not asked for again. */
	baton_testhost_play(host, POST "> has: tools/call\n" SSE
				       "data: " RESULT("4", SAYS("still")) "\n");
	says(call_it("look", READS), "{\"text\":\"still\"}");
	end();
}

static void an_old_server_gets_a_session(void **state)
{
	static const char *const puzzled[] = {
		"< 400\n\n",
		"< 404\n\n",
		"< 405\n\n",
		"< 400\n< Content-Type: application/json\n\n" ERROR("null", "-32000", ""),
		JSON ERROR("1", "-32601", ""),
		JSON RESULT("1", "{}"),
		"< 202\n\n",
	};
	(void)state;
	for (size_t i = 0; i < sizeof(puzzled) / sizeof(puzzled[0]); i++) {
		char text[512];
		begin("");
		(void)snprintf(text, sizeof(text), POST "> has: server/discover\n%s", puzzled[i]);
		baton_testhost_play(host, text);
		baton_testhost_play(
			host, POST
			"> has: \"protocolVersion\":\"2025-11-25\"\n< 200\n< Content-Type: application/json\n"
			"< Mcp-Session-Id: s-1\n\n" RESULT(
				"2", "{\"protocolVersion\":\"2025-06-18\"}") POST
			"> header: MCP-Protocol-Version: 2025-06-18\n> has: notifications/initialized\n< 202\n\n" POST
			"> has: tools/list\n" JSON RESULT("3", LIST) POST
			"> header: Mcp-Session-Id: s-1\n> has: tools/call\n" JSON RESULT(
				"4", SAYS("ok")));
		says(call_it("look", READS), "{\"text\":\"ok\"}");
		assert_null(strstr(baton_testhost_asked(host, 1)->headers, "MCP-Protocol-Version"));
		assert_null(strstr(baton_testhost_asked(host, 4)->headers, "Mcp-Method"));
		end();
	}
}

static void what_is_no_puzzlement_is_no_old_server(void **state)
{
	static const struct {
		const char *answer;
		uint32_t fail;
		const char *code;
	} cases[] = {
		{ "< 401\n\n", BATON_FAIL_ACCESS, "unauthorized" },
		{ "< 503\n< Retry-After: 7\n\n", BATON_FAIL_OVERLOADED, "overloaded" },
		{ "< 400\n< Content-Type: application/json\n\n" ERROR("1", "-32021", ""),
		  BATON_FAIL_BAD_REQUEST, "bad_request" },
		{ "@ fail connect\n\n", BATON_FAIL_CONNECT, "connect" },
		{ JSON RESULT("1", "{\"supportedVersions\":[\"2031-01-01\"]}"),
		  BATON_FAIL_BAD_OUTPUT, "version" },
	};
	char text[512];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		begin("");
		(void)snprintf(text, sizeof(text), POST "> has: server/discover\n%s",
			       cases[i].answer);
		baton_testhost_play(host, text);
		const baton_heard *heard = call_it("refund", WRITES);
		fails(heard, cases[i].fail, cases[i].code, false);
		if (i == 1)
			assert_int_equal(heard->error.retry_after_ms, 7000);
		end();
	}
}

static void a_version_is_agreed_on(void **state)
{
	(void)state;
	begin(""); /* refused once, and offered again */
	baton_testhost_play(
		host,
		POST "> has: server/discover\n< 400\n< Content-Type: application/json\n\n" ERROR(
			"1", "-32022", ",\"data\":{\"supported\":[\"2026-07-28\"]}") POST
		"> has: tools/list\n" JSON RESULT("2", LIST) POST
		"> has: tools/call\n" JSON RESULT("3", SAYS("ok")));
	says(call_it("look", READS), "{\"text\":\"ok\"}");
	end();

	begin(""); /* both speak an old one */
	baton_testhost_play(host,
			    POST "> has: server/discover\n" JSON RESULT(
				    "1", "{\"supportedVersions\":[\"2027-01-01\",\"2025-03-26\"]}")
				    POST "> has: \"protocolVersion\":\"2025-03-26\"\n" JSON RESULT(
					    "2", "{\"protocolVersion\":\"2025-03-26\"}") POST
			    "> has: notifications/initialized\n< 202\n\n" POST
			    "> has: tools/list\n" JSON RESULT("3", LIST) POST
			    "> has: tools/call\n" JSON "[" RESULT("4", SAYS("ok")) "]\n");
	says(call_it("look", READS), "{\"text\":\"ok\"}");
	end();

	begin(",\"protocol\":\"2026-07-28\""); /* the operator wants no other */
	baton_testhost_play(host, POST "> has: tools/list\n< 404\n\n");
	fails(call_it("look", READS), BATON_FAIL_BAD_REQUEST, "bad_request", false);
	end();
}

/* --- answers ------------------------------------------------------------------------------ */

static void a_no_is_an_answer(void **state)
{
	(void)state;
	begin("");
	baton_testhost_play(host, MODERN POST JSON RESULT(
					  "3", "{\"isError\":true,\"content\":[{\"type\":\"text\","
					       "\"text\":\"no such order\"}]}"));
	const baton_heard *heard = call_it("look", READS);
	says(heard, "{\"text\":\"no such order\"}");
	assert_int_equal(heard->tool->flags, BATON_TOOL_NO);
	assert_memory_equal(heard->tool->code.p, "tool_error", 10);
	end();
}

static void progress_and_strangers_are_read_over(void **state)
{
	(void)state;
	begin("");
	baton_testhost_play(
		host, MODERN POST
		"> has: tools/call\n< 200\n< Content-Type: text/event-stream; charset=utf-8\n"
		"@ piece 5\n\n"
		": hello\n\n"
		"data: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":{}}\n\n"
		"data: not json\n\ndata: " RESULT(
			"99",
			SAYS("somebody's")) "\n"
					    "data: " RESULT(
						    "\"3\"",
						    SAYS("a text is no number")) "\n"
										 "data: " RESULT(
											 "3",
											 "{\"structuredContent\":{\"n\":1}}") "\n");
	says(call_it("look", READS), "{\"n\":1}");
	assert_int_equal(baton_testhost_counted(host, "strange_answers"), 2);
	end();
}

static void an_error_says_whether_it_was_done(void **state)
{
	static const struct {
		const char *answer;
		uint32_t fail;
		const char *code;
		bool doubt;
	} cases[] = {
		{ JSON ERROR("3", "-32602", ""), BATON_FAIL_BAD_REQUEST, "invalid_params", false },
		{ "< 400\n< Content-Type: application/json\n\n" ERROR("3", "-32021", ""),
		  BATON_FAIL_REFUSED, "input_required", false },
		{ JSON ERROR("3", "-32603", ""), BATON_FAIL_UNAVAILABLE, "server_error", true },
		{ "< 500\n\n", BATON_FAIL_UNAVAILABLE, "unavailable", true },
		{ "< 502\n\n", BATON_FAIL_UNAVAILABLE, "unavailable", true },
		{ "< 403\n\n", BATON_FAIL_ACCESS, "forbidden", false },
		{ "< 429\n< Retry-After: 1\n\n", BATON_FAIL_RATE_LIMITED, "rate_limited", false },
		{ "< 302\n< Location: https://evil.example/\n\n", BATON_FAIL_BAD_REQUEST,
		  "redirect", false },
		{ "< 202\n\n", BATON_FAIL_BAD_OUTPUT, "no_answer", true },
		{ JSON "<html>", BATON_FAIL_BAD_OUTPUT, "no_answer", true },
		{ JSON RESULT("3", "{}"), BATON_FAIL_BAD_OUTPUT, "bad_result", true },
		{ JSON RESULT("3", "{\"resultType\":\"task\",\"content\":[]}"),
		  BATON_FAIL_BAD_OUTPUT, "bad_result", true },
		{ "@ fail cut\n\n", BATON_FAIL_TRUNCATED, "cut", true },
		{ SSE "data: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\"}\n\n",
		  BATON_FAIL_TRUNCATED, "cut", true },
		{ "< 200\n< Content-Type: application/json\n@ fail cut\n\n{\"jsonrpc\"",
		  BATON_FAIL_TRUNCATED, "cut", true },
	};
	char text[1024];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		begin("");
		baton_testhost_play(host, MODERN);
		(void)snprintf(text, sizeof(text), POST "> has: tools/call\n%s", cases[i].answer);
		baton_testhost_play(host, text);
		fails(call_it("refund", WRITES), cases[i].fail, cases[i].code, cases[i].doubt);
		assert_int_equal(baton_testhost_requests(host),
				 3); /* what writes is never asked twice */
		assert_false(baton_testhost_logged(host, "words"));
		end();
	}
}

static void what_only_reads_is_asked_again(void **state)
{
	static const char *const answers[] = { "< 500\n\n", "< 429\n< Retry-After: 1\n\n",
					       "@ fail cut\n\n", "@ fail connect\n\n",
					       SSE ": bye\n\n" };
	char text[1024];

	(void)state;
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		begin("");
		(void)snprintf(text, sizeof(text), MODERN POST "> has: \"id\":3,\n%s", answers[i]);
		baton_testhost_play(host, text);
		baton_testhost_play(host, POST "> has: \"id\":4,\n" JSON RESULT("4", SAYS("now")));
		const baton_heard *heard = call_it("look", READS);
		says(heard, "{\"text\":\"now\"}");
		assert_int_equal(heard->tool->tries, 2);
		end();
	}
}

static void a_write_that_nobody_heard_is_tried_again(void **state)
{
	(void)state;
	begin("");
	baton_testhost_play(host, MODERN POST "> has: tools/call\n@ fail connect\n\n" POST
					      "> has: tools/call\n" JSON RESULT("4", SAYS("done")));
	says(call_it("refund", WRITES), "{\"text\":\"done\"}");
	end();
}

static void an_idempotent_write_is_tried_with_its_key(void **state)
{
	char line[200];

	(void)state;
	begin("");
	baton_testhost_play(host, MODERN POST "> has: \"shop\":\"s\"\n@ fail cut\n\n" POST
					      "> has: \"once\":\n" JSON RESULT("4", SAYS("paid")));
	says(call_it("pay", AGAIN), "{\"text\":\"paid\"}");
	const char *key = strstr(baton_testhost_asked(host, 2)->headers, "Idempotency-Key: ");
	assert_non_null(key);
	(void)snprintf(line, sizeof(line), "%.*s\n", (int)strcspn(key, "\n"), key);
	assert_non_null(strstr(baton_testhost_asked(host, 3)->headers, line));
	end();
}

static void an_idempotent_write_that_stays_lost_is_in_doubt(void **state)
{
	(void)state;
	begin("");
	baton_testhost_play(host, MODERN POST "> has: tools/call\n@ fail cut\n\n" POST
					      "> has: tools/call\n< 500\n\n" POST
					      "> has: tools/call\n< 403\n\n");
	fails(call_it("pay", AGAIN), BATON_FAIL_ACCESS, "forbidden", true);
	end();
}

static void time_runs_out_and_says_what_may_have_happened(void **state)
{
	(void)state;
	begin(",\"total_ms\":2000");
	baton_testhost_play(host, MODERN POST "> has: tools/call\n@ hang\n\n");
	const baton_heard *heard = call_it("refund", WRITES);
	fails(heard, BATON_FAIL_TOTAL, "timeout", true);
	assert_int_equal((heard->ended_ns - heard->started_ns) / 1000000, 2000);
	end();

	begin(",\"total_ms\":2000"); /* nothing was said yet of the call itself */
	baton_testhost_play(host, POST "> has: server/discover\n@ hang\n\n");
	fails(call_it("refund", WRITES), BATON_FAIL_TOTAL, "timeout", false);
	end();
}

static void a_call_that_is_cancelled_is_closed(void **state)
{
	(void)state;
	begin("");
	baton_testhost_play(host, MODERN POST "> has: tools/call\n@ hang\n\n");
	baton_call call = start("refund", WRITES);
	baton_testhost_advance(host, 100);
	baton_testhost_cancel(host, call, BATON_CANCEL_USER);
	const baton_heard *heard = baton_testhost_heard(host, call);
	fails(heard, BATON_FAIL_CANCELLED, "cancelled", true);
	assert_true(
		baton_testhost_asked(host, 2)->stopped); /* that is how a modern server is told */
	end();

	begin(",\"protocol\":\"2025-11-25\"");
	baton_testhost_play(host, LEGACY POST "> has: tools/call\n@ hang\n\n" POST
					      "> has: notifications/cancelled\n< 202\n\n");
	call = start("look", READS);
	baton_testhost_advance(host, 100);
	baton_testhost_cancel(host, call, BATON_CANCEL_USER);
	baton_testhost_advance(host, 100);
	fails(baton_testhost_heard(host, call), BATON_FAIL_CANCELLED, "cancelled", false);
	assert_non_null(strstr(baton_testhost_asked(host, 4)->body, "\"requestId\":3"));
	end();
}

static void a_dry_run_changes_nothing(void **state)
{
	(void)state;
	begin("");
	says(call_it("refund", WRITES | BATON_TOOL_SHADOW), "{\"shadow\":true}");
	assert_int_equal(baton_testhost_requests(host), 0);
	end();
}

/* --- sessions ----------------------------------------------------------------------------- */

#define GREETED(id, session)                                                    \
	POST "> has: \"initialize\"\n< 200\n< Content-Type: application/json\n" \
	     "< Mcp-Session-Id: " session                                       \
	     "\n\n" RESULT(id, "{\"protocolVersion\":\"2025-11-25\"}") POST     \
		"> header: Mcp-Session-Id: " session                            \
		"\n> has: notifications/initialized\n< 202\n\n"

static void a_session_that_is_gone_is_begun_again(void **state)
{
	static const char *const gone[] = {
		"< 404\n\n",
		"< 404\n< Content-Type: application/json\n\n" ERROR("3", "-32001", ""),
		"< 400\n< Content-Type: application/json\n\n" ERROR("null", "-32000", ""),
	};
	char text[1024];

	(void)state;
	for (size_t i = 0; i < sizeof(gone) / sizeof(gone[0]); i++) {
		begin(",\"protocol\":\"2025-11-25\"");
		(void)snprintf(text, sizeof(text), LEGACY POST "> has: tools/call\n%s", gone[i]);
		baton_testhost_play(host, text);
		baton_testhost_play(
			host,
			GREETED("4", "s-2") POST "> has: tools/list\n" JSON RESULT("5", LIST) POST
			"> header: Mcp-Session-Id: s-2\n> has: tools/call\n" JSON RESULT(
				"6", SAYS("again")));
		says(call_it("refund", WRITES), "{\"text\":\"again\"}");
		assert_null(strstr(baton_testhost_asked(host, 4)->headers, "Mcp-Session-Id"));
		end();
	}
}

static void a_session_that_is_gone_twice_is_given_up(void **state)
{
	(void)state;
	begin(",\"protocol\":\"2025-11-25\"");
	baton_testhost_play(host, LEGACY POST "> has: tools/call\n< 404\n\n" GREETED("4", "s-2")
					  POST "> has: tools/list\n" JSON RESULT("5", LIST) POST
			    "> has: tools/call\n< 404\n\n");
	fails(call_it("refund", WRITES), BATON_FAIL_BAD_REQUEST, "bad_request", false);
	end();
}

static void a_session_id_that_would_draw_a_secret_is_not_sent_back(void **state)
{
	(void)state;
	begin(",\"protocol\":\"2025-11-25\",\"secret\":\"KEY\"");
	baton_testhost_play(host,
			    POST "> has: \"initialize\"\n< 200\n< Content-Type: application/json\n"
				 "< Mcp-Session-Id: {{secret:KEY}}\n\n" RESULT(
					 "1", "{\"protocolVersion\":\"2025-11-25\"}") POST
			    "> has: notifications/initialized\n< 202\n\n" POST
			    "> has: tools/list\n" JSON RESULT("2", LIST) POST
			    "> has: tools/call\n" JSON RESULT("3", SAYS("ok")));
	says(call_it("look", READS), "{\"text\":\"ok\"}");
	const baton_asked *asked = baton_testhost_asked(host, 3);
	assert_non_null(strstr(asked->headers, "Authorization: Bearer {{secret:KEY}}\n"));
	assert_null(strstr(asked->headers, "Mcp-Session-Id"));
	end();
}

static void a_stream_that_was_cut_is_taken_up_where_it_was(void **state)
{
	(void)state;
	begin(",\"protocol\":\"2025-11-25\"");
	baton_testhost_play(host, LEGACY POST
			    "> has: tools/call\n" SSE "id: e-1\nretry: 500\ndata:\n\n"
			    "> GET " URL "\n> header: Last-Event-ID: e-1\n" SSE "id: e-2\ndata:\n\n"
			    "> GET " URL "\n> header: Last-Event-ID: e-2\n" SSE
			    "data: " RESULT("3", SAYS("at last")) "\n");
	const baton_heard *heard = call_it("refund", WRITES);
	says(heard, "{\"text\":\"at last\"}");
	uint64_t cut = baton_testhost_asked(host, 3)->at_ns,
		 resumed = baton_testhost_asked(host, 4)->at_ns;
	assert_int_equal((resumed - cut) / 1000000, 500);
	assert_int_equal(heard->tool->tries, 1);
	assert_non_null(
		strstr(baton_testhost_asked(host, 4)->headers, "Accept: text/event-stream\n"));
	end();
}

static void a_stream_that_cannot_be_taken_up_is_lost(void **state)
{
	(void)state;
	begin(",\"protocol\":\"2025-11-25\"");
	baton_testhost_play(host,
			    LEGACY POST "> has: tools/call\n" SSE "id: e-1\nretry: 5\ndata:\n\n"
					"> GET " URL "\n< 405\n\n");
	fails(call_it("refund", WRITES), BATON_FAIL_TRUNCATED, "cut", true);
	end();

	begin(",\"protocol\":\"2025-11-25\""); /* for ever, if one let it */
	baton_testhost_play(host, LEGACY POST
			    "> has: tools/call\n" SSE "id: e\nretry: 5\ndata:\n\n"
			    "> GET " URL "\n< 200\n< Content-Type: text/event-stream\n@ times 8\n\n"
			    "retry: 5\ndata:\n\n");
	fails(call_it("refund", WRITES), BATON_FAIL_TRUNCATED, "cut", true);
	end();
}

static void an_old_server_that_asks_gets_no(void **state)
{
	(void)state;
	begin(",\"protocol\":\"2025-11-25\"");
	baton_testhost_play(
		host, LEGACY POST
		"> has: tools/call\n" SSE
		"data: {\"jsonrpc\":\"2.0\",\"id\":\"q1\",\"method\":\"elicitation/create\","
		"\"params\":{\"requestedSchema\":{\"properties\":{\"a\":{\"default\":1}}}}}\n\n"
		"data: {\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"sampling/createMessage\","
		"\"params\":{}}\n\n"
		"data: {\"jsonrpc\":\"2.0\",\"id\":3,\"method\":\"ping\"}\n\n"
		"data: " RESULT(
			"3",
			SAYS("ok")) "\n" POST
				    "> has: {\"jsonrpc\":\"2.0\",\"id\":\"q1\",\"result\":{\"action\":\"decline\"}}\n< 202\n\n" POST
				    "> has: \"id\":2,\"error\":{\"code\":-32601\n< 202\n\n" POST
				    "> has: {\"jsonrpc\":\"2.0\",\"id\":3,\"result\":{}}\n< 202\n\n");
	says(call_it("look", READS), "{\"text\":\"ok\"}");
	baton_testhost_advance(host, 100);
	end();
}

static void defaults_are_said_where_nothing_is_written(void **state)
{
	static const char question[] =
		SSE "data: {\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"elicitation/create\","
		    "\"params\":{\"requestedSchema\":{\"properties\":{\"a\":{\"default\":1}}}}}\n\n"
		    "data: " RESULT("3", SAYS("ok")) "\n";
	char text[2048];

	(void)state;
	for (int i = 0; i < 2; i++) {
		begin(",\"protocol\":\"2025-11-25\",\"elicitation\":\"defaults\"");
		(void)snprintf(text, sizeof(text),
			       GREETED("1", "s-1") "> GET " URL "\n< 405\n\n"
			       POST "> has: tools/list\n" JSON RESULT("2", LIST)
			       POST "> has: tools/call\n%s" POST "> has: %s\n< 202\n\n",
			       question, i ? "\"decline\"" : "\"accept\",\"content\":{\"a\":1}");
		baton_testhost_play(host, text);
		says(call_it(i ? "refund" : "look", i ? WRITES : READS), "{\"text\":\"ok\"}");
		baton_testhost_advance(host, 100);
		assert_non_null(strstr(baton_testhost_asked(host, 0)->body,
				       "\"elicitation\":{\"form\":{}}"));
		end();
	}
}

/* Its questions come on a stream of its own, which is opened again whenever it ends. */
static void an_old_server_may_ask_beside_its_answers(void **state)
{
	(void)state;
	begin(",\"protocol\":\"2025-11-25\",\"elicitation\":\"defaults\"");
	baton_testhost_play(
		host, GREETED("1", "s-1") "> GET " URL "\n> header: Accept: text/event-stream\n" SSE
			      "id: 4\nretry: 700\ndata: {\"jsonrpc\":\"2.0\",\"id\":0,\"method\":"
			      "\"elicitation/create\",\"params\":{\"requestedSchema\":{\"properties\":"
			      "{\"a\":{\"default\":1}}}}}\n\n"
		      POST "> has: tools/list\n" JSON RESULT("2", LIST)
		      POST "> has: \"accept\",\"content\":{\"a\":1}\n< 202\n\n"
		      POST "> has: tools/call\n" JSON RESULT("3", SAYS("ok")));
	says(call_it("look", READS), "{\"text\":\"ok\"}");
	baton_testhost_play(host, "> GET " URL "\n> header: Last-Event-ID: 4\n< 200\n"
				  "< Content-Type: text/event-stream\n@ hang\n\n"
				  "data: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/tools/list_changed\"}\n\n");
	baton_testhost_advance(host, 800);
	assert_int_equal(baton_testhost_counted(host, "list_changes"), 1);
	end();
}

static void a_modern_server_that_asks_is_answered_with_the_next_try(void **state)
{
	(void)state;
	begin("");
	baton_testhost_play(
		host,
		MODERN POST "> has: tools/call\n" JSON RESULT(
			"3",
			"{\"resultType\":\"input_required\",\"inputRequests\":{\"k\":{\"method\":"
			"\"elicitation/create\",\"params\":{\"requestedSchema\":{}}}},\"requestState\":\"a\\/b\"}")
			POST
		"> has: \"inputResponses\":{\"k\":{\"action\":\"decline\"}},\"requestState\":\"a\\/b\"\n" JSON
			RESULT("4", "{\"resultType\":\"input_required\",\"requestState\":\"c\"}")
				POST
		"> has: \"requestState\":\"c\"\n" JSON RESULT("5", SAYS("fine")));
	says(call_it("refund", WRITES), "{\"text\":\"fine\"}");
	assert_null(strstr(baton_testhost_asked(host, 4)->body, "inputResponses"));
	end();

	begin(""); /* what we do not do is not done, and nothing has happened */
	baton_testhost_play(
		host, MODERN POST "> has: tools/call\n" JSON RESULT(
			      "3", "{\"resultType\":\"input_required\",\"inputRequests\":{\"k\":"
				   "{\"method\":\"sampling/createMessage\",\"params\":{}}}}"));
	fails(call_it("refund", WRITES), BATON_FAIL_REFUSED, "input_required", false);
	end();
}

static void a_server_that_never_stops_asking_is_left(void **state)
{
	(void)state;
	begin(",\"total_ms\":600000");
	baton_testhost_play(host, MODERN);
	for (int i = 0; i < 9; i++) {
		char text[400];
		(void)snprintf(
			text, sizeof(text),
			POST
			"> has: tools/call\n" JSON
			"{\"jsonrpc\":\"2.0\",\"id\":%d,\"result\":{\"resultType\":\"input_required\","
			"\"requestState\":\"s\"}}\n",
			3 + i);
		baton_testhost_play(host, text);
	}
	fails(call_it("look", READS), BATON_FAIL_REFUSED, "input_required", false);
	end();
}

/* --- the list ----------------------------------------------------------------------------- */

static void a_tool_that_is_not_there_is_not_called(void **state)
{
	(void)state;
	begin("");
	baton_testhost_play(host, MODERN);
	fails(call_it("gone", READS), BATON_FAIL_BAD_REQUEST, "unknown_tool", false);
	assert_true(baton_testhost_logged(host, "the server has no tool of this name"));
	/* The list is old by now: one more look before it is said again. */
	baton_testhost_advance(host, 40000);
	baton_testhost_play(
		host, POST "> has: tools/list\n" JSON RESULT(
			      "3", "{\"tools\":[{\"name\":\"not_there\",\"inputSchema\":{}}]}") POST
		"> has: \"name\":\"not_there\"\n" JSON RESULT("4", SAYS("new")));
	says(call_it("gone", READS), "{\"text\":\"new\"}");
	baton_call call;
	assert_int_equal(baton_testhost_tool(host, inst, "not_declared", "{}", 0, &call),
			 BATON_E_NOTFOUND);
	end();
}

static void a_list_comes_in_pages_and_has_an_end(void **state)
{
	(void)state;
	begin(",\"protocol\":\"2026-07-28\"");
	baton_testhost_play(host, POST "> has: tools/list\n" JSON RESULT(
					  "1", "{\"tools\":[],\"nextCursor\":\"a\\u0022\"}") POST
			    "> has: \"cursor\":\"a\\u0022\"\n" JSON RESULT("2", LIST) POST
			    "> has: tools/call\n" JSON RESULT("3", SAYS("ok")));
	says(call_it("look", READS), "{\"text\":\"ok\"}");
	end();

	begin(",\"protocol\":\"2026-07-28\"");
	for (int i = 1; i <= 64; i++) {
		char text[300];
		(void)snprintf(
			text, sizeof(text),
			POST
			"> has: tools/list\n" JSON
			"{\"jsonrpc\":\"2.0\",\"id\":%d,\"result\":{\"tools\":[],\"nextCursor\":\"x\"}}\n",
			i);
		baton_testhost_play(host, text);
	}
	fails(call_it("look", READS), BATON_FAIL_BAD_REQUEST, "unknown_tool", false);
	end();
}

static void a_list_that_changed_is_fetched_again(void **state)
{
	(void)state;
	begin("");
	baton_testhost_play(
		host, MODERN POST
		"> has: tools/call\n" SSE
		"data: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/tools/list_changed\"}\n\n"
		"data: " RESULT("3", SAYS("1")) "\n");
	says(call_it("look", READS), "{\"text\":\"1\"}");
	baton_testhost_play(host, POST "> has: tools/list\n" JSON RESULT("4", LIST) POST
			    "> has: tools/call\n" JSON RESULT("5", SAYS("2")));
	says(call_it("look", READS), "{\"text\":\"2\"}");
	baton_testhost_advance(host, 100);
	end();
}

#define MIRRORED \
	"{\"tools\":[{\"name\":\"refund\",\"inputSchema\":{\"type\":\"object\",\"properties\":{\"id\":" \
	"{\"type\":\"string\",\"x-mcp-header\":\"Order\"}}}}]}"

static void arguments_are_repeated_as_headers_where_the_server_wants_it(void **state)
{
	baton_call call;

	(void)state;
	begin("");
	baton_testhost_play(
		host, MODERN POST
		"> has: tools/call\n< 400\n< Content-Type: application/json\n\n" ERROR("3",
										       "-32020", "")
			POST "> has: tools/list\n" JSON RESULT("4", MIRRORED) POST
		"> header: Mcp-Param-Order: 7\n> has: tools/call\n" JSON RESULT("5", SAYS("ok")));
	says(call_it("refund", WRITES), "{\"text\":\"ok\"}");
	/* What a model says cannot draw a secret into a header. */
	baton_testhost_play(
		host,
		POST "> header: Mcp-Param-Order: =?base64?e3tzZWNyZXQ6S0VZfX0=?=\n" JSON RESULT(
			"6", SAYS("ok")));
	assert_int_equal(baton_testhost_tool(host, inst, "refund", "{\"id\":\"{{secret:KEY}}\"}",
					     WRITES, &call),
			 BATON_OK);
	assert_true(baton_testhost_run(host, call, 10000));
	says(baton_testhost_heard(host, call), "{\"text\":\"ok\"}");
	end();
}

static void what_is_there_can_be_looked_at(void **state)
{
	baton_call call;
	baton_str text;

	(void)state;
	begin("");
	const baton_tool *tool = baton_testhost_vt(host);
	assert_int_equal(baton_testhost_read_sink(host, tool->describe, inst, &text), BATON_OK);
	assert_non_null(strstr(text.p, "\"state\":\"not_asked\""));
	baton_testhost_play(host, MODERN);
	assert_int_equal(baton_testhost_check(host, inst, 1, &call), BATON_OK);
	assert_true(baton_testhost_run(host, call, 20000));
	assert_false(baton_testhost_heard(host, call)->failed);
	assert_int_equal(baton_testhost_read_sink(host, tool->describe, inst, &text), BATON_OK);
	assert_non_null(
		strstr(text.p,
		       "{\"name\":\"look\",\"description\":\"\",\"server\":\"\",\"remote\":\"get\","
		       "\"state\":\"ready\",\"protocol\":\"2026-07-28\",\"writes\":false,"
		       "\"arguments\":" SCHEMA ",\"problems\":[]}"));
	assert_non_null(strstr(text.p, "\"problems\":[\"the server has no tool of this name\"]"));
	end();

	begin("");
	baton_testhost_play(host, POST "> has: server/discover\n< 401\n\n");
	assert_int_equal(baton_testhost_check(host, inst, 1, &call), BATON_OK);
	assert_true(baton_testhost_run(host, call, 20000));
	fails(baton_testhost_heard(host, call), BATON_FAIL_ACCESS, "unauthorized", false);
	assert_int_equal(baton_testhost_read_sink(host, tool->describe, inst, &text), BATON_OK);
	assert_non_null(
		strstr(text.p, "\"state\":\"unreachable\",\"why\":\"server/discover: HTTP 401\""));
	end();
}

static void many_calls_open_a_server_once(void **state)
{
	baton_call calls[8];
	char text[300];

	(void)state;
	begin("");
	baton_testhost_play(host, MODERN);
	for (int i = 0; i < 8; i++) {
		(void)snprintf(text, sizeof(text),
			       POST "> has: \"id\":%d,\n" JSON
				    "{\"jsonrpc\":\"2.0\",\"id\":%d,\"result\":{\"content\":[]}}\n",
			       3 + i, 3 + i);
		baton_testhost_play(host, text);
		calls[i] = start("look", READS);
	}
	for (int i = 0; i < 8; i++) {
		assert_true(baton_testhost_run(host, calls[i], 10000));
		says(baton_testhost_heard(host, calls[i]), "{\"text\":\"\"}");
	}
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_modern_server_is_asked_without_a_handshake),
		cmocka_unit_test(an_old_server_gets_a_session),
		cmocka_unit_test(what_is_no_puzzlement_is_no_old_server),
		cmocka_unit_test(a_version_is_agreed_on),
		cmocka_unit_test(a_no_is_an_answer),
		cmocka_unit_test(progress_and_strangers_are_read_over),
		cmocka_unit_test(an_error_says_whether_it_was_done),
		cmocka_unit_test(what_only_reads_is_asked_again),
		cmocka_unit_test(a_write_that_nobody_heard_is_tried_again),
		cmocka_unit_test(an_idempotent_write_is_tried_with_its_key),
		cmocka_unit_test(an_idempotent_write_that_stays_lost_is_in_doubt),
		cmocka_unit_test(time_runs_out_and_says_what_may_have_happened),
		cmocka_unit_test(a_call_that_is_cancelled_is_closed),
		cmocka_unit_test(a_dry_run_changes_nothing),
		cmocka_unit_test(a_session_that_is_gone_is_begun_again),
		cmocka_unit_test(a_session_that_is_gone_twice_is_given_up),
		cmocka_unit_test(a_session_id_that_would_draw_a_secret_is_not_sent_back),
		cmocka_unit_test(a_stream_that_was_cut_is_taken_up_where_it_was),
		cmocka_unit_test(a_stream_that_cannot_be_taken_up_is_lost),
		cmocka_unit_test(an_old_server_that_asks_gets_no),
		cmocka_unit_test(defaults_are_said_where_nothing_is_written),
		cmocka_unit_test(an_old_server_may_ask_beside_its_answers),
		cmocka_unit_test(a_modern_server_that_asks_is_answered_with_the_next_try),
		cmocka_unit_test(a_server_that_never_stops_asking_is_left),
		cmocka_unit_test(a_tool_that_is_not_there_is_not_called),
		cmocka_unit_test(a_list_comes_in_pages_and_has_an_end),
		cmocka_unit_test(a_list_that_changed_is_fetched_again),
		cmocka_unit_test(arguments_are_repeated_as_headers_where_the_server_wants_it),
		cmocka_unit_test(what_is_there_can_be_looked_at),
		cmocka_unit_test(many_calls_open_a_server_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
