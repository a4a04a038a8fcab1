/* SPDX-License-Identifier: Apache-2.0 */

/* tool-mcp without a network: messages, event streams, lists of tools, headers out of arguments,
 * results. Sources are included, since a module exports nothing. */
#include "modules/sdk/provider/scan.c"
#include "modules/sdk/provider/text.c"
#include "modules/tool-mcp/answer.c"
#include "modules/tool-mcp/catalogue.c"
#include "modules/tool-mcp/compare.c"
#include "modules/tool-mcp/frame.c"
#include "modules/tool-mcp/mirror.c"
#include "modules/tool-mcp/settings.c"
#undef is
#include "modules/tool-mcp/stream.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

/* What a server says is laid out for reading. */
/* clang-format off */
static void text_is(struct text *text, const char *expected)
{
	text_add(text, "", 1);
	assert_false(text->failed);
	assert_string_equal(text->p, expected);
	text_done(text);
}

static void str_is(baton_str s, const char *expected)
{
	assert_int_equal(s.n, strlen(expected));
	assert_memory_equal(s.p ? s.p : "", expected, s.n);
}

/* --- messages ----------------------------------------------------------------------------- */

static struct frame one(const char *text)
{
	struct frames frames = frames_of(str_z(text));
	struct frame frame, second;

	assert_true(frames_next(&frames, &frame));
	assert_false(frames_next(&frames, &second));
	return frame;
}

static void every_kind_of_message_is_told_apart(void **state)
{
	(void)state;
	struct frame frame = one("{\"jsonrpc\":\"2.0\",\"id\":7,\"result\":{\"a\":[1]}}");
	assert_int_equal(frame.kind, FRAME_RESULT);
	str_is(frame.id, "7");
	str_is(frame.result, "{\"a\":[1]}");
	frame = one(
		"{\"id\":\"x\\u0041\",\"error\":{\"message\":\"no\",\"data\":{\"b\":1},\"code\":-32022},"
		"\"jsonrpc\":\"2.0\"}");
	assert_int_equal(frame.kind, FRAME_ERROR);
	assert_int_equal(frame.code, -32022);
	str_is(frame.id, "\"x\\u0041\"");
	str_is(frame.data, "{\"b\":1}");
	frame = one(
		"{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32700,\"message\":\"\"}}");
	assert_int_equal(frame.kind, FRAME_ERROR);
	assert_int_equal(frame.id.n, 0);
	frame = one("{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"ping\"}");
	assert_int_equal(frame.kind, FRAME_REQUEST);
	frame = one(" {\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":{}} ");
	assert_int_equal(frame.kind, FRAME_NOTICE);
	str_is(frame.params, "{}");
}

static void what_is_no_message_is_bad(void **state)
{
	static const char *const bad[] = {
		"",
		"null",
		"7",
		"\"x\"",
		"{}",
		"{\"jsonrpc\":\"2.0\"}",
		"{\"jsonrpc\":\"1.0\",\"id\":1,\"result\":{}}",
		"{\"id\":1,\"result\":{}}",
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{},\"error\":{\"code\":1}}",
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{},\"method\":\"x\"}",
		"{\"jsonrpc\":\"2.0\",\"result\":{}}",
		"{\"jsonrpc\":\"2.0\",\"id\":1.5,\"result\":{}}",
		"{\"jsonrpc\":\"2.0\",\"id\":{},\"result\":{}}",
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":\"x\"}",
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":\"1\"}}",
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}} x",
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}",
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"a\":\"\xff\"}}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(one(bad[i]).kind, FRAME_BAD);
}

static void a_batch_is_taken_apart(void **state)
{
	struct frames frames = frames_of(str_z("[{\"jsonrpc\":\"2.0\",\"method\":\"a\"},7,"
					       "{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":{}}]"));
	struct frame frame;

	(void)state;
	assert_true(frames_next(&frames, &frame));
	assert_int_equal(frame.kind, FRAME_NOTICE);
	assert_true(frames_next(&frames, &frame));
	assert_int_equal(frame.kind, FRAME_BAD);
	assert_true(frames_next(&frames, &frame));
	assert_int_equal(frame.kind, FRAME_RESULT);
	assert_false(frames_next(&frames, &frame));
}

static void depth_has_a_bound(void **state)
{
	struct text deep = { 0 };

	(void)state;
	text_z(&deep, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":");
	for (int i = 0; i < 100000; i++)
		text_z(&deep, "[");
	struct frames frames = frames_of(text_view(&deep));
	struct frame frame;
	assert_true(frames_next(&frames, &frame));
	assert_int_equal(frame.kind, FRAME_BAD);
	text_done(&deep);
}

static void a_modern_request_says_all_that_is_to_be_known(void **state)
{
	struct text text = { 0 };
	const struct frame_ask ask = { .id = 3,
				       .method = "tools/list",
				       .version = FRAME_MODERN,
				       .software = "1.2",
				       .params = str_z("\"cursor\":\"x\"") };
	(void)state;
	frame_write(&text, &ask);
	text_is(&text,
		"{\"jsonrpc\":\"2.0\",\"id\":3,\"method\":\"tools/list\",\"params\":{\"_meta\":{"
		"\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\","
		"\"io.modelcontextprotocol/clientInfo\":{\"name\":\"baton\",\"version\":\"1.2\"},"
		"\"io.modelcontextprotocol/clientCapabilities\":{}},\"cursor\":\"x\"}}");
}

static void an_old_notification_has_neither_id_nor_meta(void **state)
{
	struct text text = { 0 };
	const struct frame_ask ask = { .method = "notifications/initialized",
				       .version = FRAME_LEGACY };

	(void)state;
	frame_write(&text, &ask);
	text_is(&text,
		"{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\",\"params\":{}}");
}

/* --- streams ------------------------------------------------------------------------------ */

/* Feeds `text` in pieces of `piece` bytes; the data of all events, a '|' behind each. */
static void stream_says(struct stream *stream, const char *text, size_t piece, const char *expected)
{
	struct text heard = { 0 };
	size_t n = strlen(text);
	baton_str data;

	for (size_t at = 0; at < n; at += piece) {
		assert_true(stream_add(stream,
				       (baton_str){ text + at, n - at < piece ? n - at : piece }));
		while (stream_next(stream, &data)) {
			text_add(&heard, data.p, data.n);
			text_z(&heard, "|");
		}
	}
	text_is(&heard, expected);
}

static void events_come_whole_whatever_the_pieces(void **state)
{
	static const char text[] = "\xef\xbb\xbf: hello\r\nid: 1\r\nretry: 250\r\ndata:\r\n\r\n"
				   "event: message\rid: 2\rdata: a\rdata:b\r\r"
				   "event: other\ndata: not ours\n\n"
				   "data: c\nid\n\ndata: cut";
	(void)state;
	for (size_t piece = 1; piece < sizeof(text); piece++) {
		struct stream stream = { 0 };
		stream_says(&stream, text, piece, "a\nb|c|");
		assert_int_equal(stream.retry_ms, 250);
		assert_string_equal(stream.id, ""); /* `id` alone forgets it */
		stream_done(&stream);
	}
}

static void the_last_id_survives_a_cut(void **state)
{
	struct stream stream = { 0 };

	(void)state;
	stream_says(&stream, "id: e-7\nretry: 20\ndata:\n\nid: e-8\ndata: half", 3, "");
	stream_resume(&stream);
	assert_string_equal(stream.id, "e-7"); /* the event with e-8 never came whole */
	stream_says(&stream, "data: x\n\n", 64, "x|");
	assert_string_equal(stream.id, "e-7");
	stream_done(&stream);
}

static void an_id_that_no_header_can_carry_is_none(void **state)
{
	static const char *const bad[] = { "{{secret:KEY}}", "a{{b", "a\tb", "gr\xc3\xbc\xc3\x9f",
					   "a\x01" };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct stream stream = { 0 };
		char text[64];
		(void)snprintf(text, sizeof(text), "id: %s\ndata:\n\n", bad[i]);
		stream_says(&stream, text, 64, "");
		assert_string_equal(stream.id, "");
		stream_done(&stream);
	}
}

static void nonsense_for_retry_is_ignored(void **state)
{
	struct stream stream = { 0 };

	(void)state;
	stream_says(&stream, "retry: -1\nretry: 1e3\nretry:\nretry: 999999999999\ndata:\n\n", 9,
		    "");
	assert_int_equal(stream.retry_ms, 0);
	stream_done(&stream);
}

static void an_event_without_an_end_is_given_up(void **state)
{
	struct stream stream = { 0 };
	char line[64 * 1024];
	baton_str data;
	unsigned n = 0;

	(void)state;
	memset(line, 'x', sizeof(line));
	while (stream_add(&stream, (baton_str){ line, sizeof(line) }) && n++ < 100)
		assert_false(stream_next(&stream, &data));
	assert_int_equal(n, 16);
	stream_done(&stream);

	/* ... and of many lines, too */
	stream = (struct stream){ 0 };
	memcpy(line, "data: ", 6);
	line[sizeof(line) - 1] = '\n';
	for (n = 0; stream_add(&stream, (baton_str){ line, sizeof(line) }) && n < 100; n++)
		assert_false(stream_next(&stream, &data));
	assert_true(n >= 16 && n < 20);
	stream_done(&stream);
}

/* --- lists -------------------------------------------------------------------------------- */

static struct settings settings;
static struct catalogue list;

/* The tool `look` of tools.yaml, `get` there, and what the server says of it. */
static struct entry *listed_as(const char *declared, const char *page)
{
	char config[4096], why[SETTINGS_WHY] = "";
	baton_str cursor;

	(void)snprintf(
		config, sizeof(config),
		"{\"url\":\"https://x.example/mcp\",\"policy\":{\"tools\":[{\"name\":\"look\",%s,"
		"\"config\":{\"remote\":{\"name\":\"get\"}}}]}}",
		declared);
	if (!settings_read(&settings, str_z(config), why))
		fail_msg("%s", why);
	assert_true(catalogue_init(&list, &settings, 0));
	assert_true(catalogue_page(&list, str_z(page), &cursor));
	catalogue_end(&list);
	return catalogue_find(&list, &settings.tools[0]);
}

static void list_forget(void)
{
	catalogue_done(&list);
	settings_done(&settings);
}

static void problems_are(const char *declared, const char *page, const char *expected)
{
	struct entry *entry = listed_as(declared, page);

	text_add(&entry->problems, "", 1);
	assert_string_equal(entry->problems.p, expected);
	list_forget();
}

#define DECLARED \
	"\"writes\":false,\"arguments\":{\"type\":\"object\",\"properties\":{\"id\":{\"type\":\"string\"}," \
	"\"n\":{\"type\":\"integer\"}},\"required\":[\"id\"]}"
#define OFFERED(schema) \
	"{\"tools\":[{\"name\":\"other\"},{\"name\":\"get\",\"inputSchema\":" schema "}]}"

static void what_fits_has_no_problems(void **state)
{
	(void)state;
	problems_are(
		DECLARED,
		OFFERED("{\"type\":\"object\",\"properties\":{\"id\":{\"type\":\"string\"},\"n\":{\"type\":"
			"\"number\"},\"more\":{}},\"required\":[\"id\"],\"additionalProperties\":false}"),
		"");
}

static void what_does_not_fit_is_said(void **state)
{
	(void)state;
	problems_are(DECLARED, "{\"tools\":[]}", "\"the server has no tool of this name\"");
	problems_are(DECLARED, OFFERED("7"), "\"its inputSchema is no object\"");
	problems_are(
		DECLARED,
		OFFERED("{\"properties\":{\"id\":{\"type\":\"integer\"}},\"required\":[\"n\",\"shop\"],"
			"\"additionalProperties\":false}"),
		"\"the server requires n, which is declared as optional\","
		"\"the server requires shop, which is not declared\","
		"\"id is declared as string, the server wants integer\","
		"\"the server does not take n, which is declared\"");
	problems_are(
		DECLARED,
		"{\"tools\":[{\"name\":\"get\",\"inputSchema\":{},\"annotations\":{\"destructiveHint\":true}}]}",
		"\"the server calls it destructive, and it is not declared as one that writes\"");
	problems_are(
		DECLARED,
		"{\"tools\":[{\"name\":\"get\",\"inputSchema\":{}},{\"name\":\"get\",\"inputSchema\":{}}]}",
		"\"the server has two tools of this name\"");
}

static void headers_are_taken_where_they_may_stand(void **state)
{
	struct text lines = { 0 };
	struct entry *entry = listed_as(
		DECLARED,
		OFFERED("{\"type\":\"object\",\"properties\":{\"id\":{\"type\":\"string\",\"x-mcp-header\":\"Id\"},"
			"\"in\":{\"type\":\"object\",\"properties\":{\"n\":{\"type\":\"integer\",\"x-mcp-header\":"
			"\"Number\"},\"b\":{\"type\":\"boolean\",\"x-mcp-header\":\"Flag\"}}},"
			"\"x-mcp-header\":{\"type\":\"string\"}}}"));
	(void)state;
	assert_null(entry->bad);
	assert_int_equal(entry->n_mirrors, 3);
	assert_int_equal(
		catalogue_mirror(entry, str_z("{\"in\":{\"b\":true,\"n\":-4},\"id\":\"a\\u0062\"}"),
				 &lines),
		3);
	for (size_t i = 0; i + 1 < lines.n; i++)
		lines.p[i] = lines.p[i] ? lines.p[i] : '|';
	assert_non_null(strstr(lines.p, "Mcp-Param-Id: ab"));
	assert_non_null(strstr(lines.p, "Mcp-Param-Number: -4"));
	assert_non_null(strstr(lines.p, "Mcp-Param-Flag: true"));
	lines.n = 0;
	assert_int_equal(
		catalogue_mirror(entry, str_z("{\"in\":{\"b\":null},\"id\":null}"), &lines), 0);
	text_done(&lines);
	list_forget();
}

static void a_tool_with_a_broken_header_is_not_called(void **state)
{
	static const char *const bad[] = {
		"{\"properties\":{\"a\":{\"type\":\"string\",\"x-mcp-header\":\"\"}}}",
		"{\"properties\":{\"a\":{\"type\":\"string\",\"x-mcp-header\":7}}}",
		"{\"properties\":{\"a\":{\"type\":\"number\",\"x-mcp-header\":\"A\"}}}",
		"{\"properties\":{\"a\":{\"type\":\"object\",\"x-mcp-header\":\"A\"}}}",
		"{\"properties\":{\"a\":{\"x-mcp-header\":\"A\"}}}",
		"{\"properties\":{\"a\":{\"type\":\"string\",\"x-mcp-header\":\"A B\"}}}",
		"{\"properties\":{\"a\":{\"type\":\"string\",\"x-mcp-header\":\"A:\"}}}",
		"{\"properties\":{\"a\":{\"type\":\"string\",\"x-mcp-header\":\"A\\r\\nX\"}}}",
		"{\"properties\":{\"a\":{\"type\":\"string\",\"x-mcp-header\":\"R\xc3\xa9gion\"}}}",
		"{\"properties\":{\"a\":{\"type\":\"string\",\"x-mcp-header\":\"Ab\"},"
		"\"b\":{\"type\":\"string\",\"x-mcp-header\":\"aB\"}}}",
		"{\"x-mcp-header\":\"A\"}",
		"{\"properties\":{\"a\":{\"type\":\"array\",\"items\":{\"type\":\"string\",\"x-mcp-header\":\"A\"}}}}",
		"{\"properties\":{\"a\":{\"oneOf\":[{\"type\":\"string\",\"x-mcp-header\":\"A\"}]}}}",
		"{\"$defs\":{\"a\":{\"type\":\"string\",\"x-mcp-header\":\"A\"}}}",
		"{\"properties\":{\"a\":{\"properties\":{\"a\":{\"properties\":{\"a\":{\"properties\":{\"a\":{"
		"\"properties\":{\"a\":{\"properties\":{\"a\":{\"properties\":{\"a\":{\"properties\":{\"a\":{"
		"\"properties\":{\"a\":{\"type\":\"string\",\"x-mcp-header\":\"A\"}}}}}}}}}}}}}}}}}}}",
	};
	char page[2048];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		(void)snprintf(page, sizeof(page),
			       "{\"tools\":[{\"name\":\"get\",\"inputSchema\":%s}]}", bad[i]);
		struct entry *entry = listed_as(DECLARED, page);
		if (!entry->bad)
			fail_msg("taken: %s", bad[i]);
		list_forget();
	}
}

static void pages_are_put_together(void **state)
{
	struct entry *entry =
		listed_as(DECLARED, "{\"tools\":[],\"nextCursor\":\"a\\\"b\",\"ttlMs\":5}");
	baton_str cursor = { NULL, 0 };

	(void)state;
	assert_true(entry->n_problems > 0);
	catalogue_done(&list);
	assert_true(catalogue_init(&list, &settings, 0));
	assert_true(catalogue_page(
		&list, str_z("{\"tools\":[],\"nextCursor\":\"a\\\"b\",\"ttlMs\":5}"), &cursor));
	str_is(cursor, "a\\\"b");
	assert_true(catalogue_page(&list, str_z(OFFERED("{}")), &cursor));
	assert_null(cursor.p);
	catalogue_end(&list);
	assert_null(catalogue_find(&list, &settings.tools[0])->bad);
	assert_int_equal(list.seen, 2);
	assert_int_equal(list.ttl_ms, 5);
	assert_false(catalogue_page(&list, str_z("{\"tools\":{}}"), &cursor));
	assert_false(catalogue_page(&list, str_z("[]"), &cursor));
	list_forget();
}

/* --- values of headers -------------------------------------------------------------------- */

static void header_becomes(const char *value, const char *expected)
{
	struct text text = { 0 };

	header_value(&text, str_z(value));
	text_is(&text, expected);
}

static void values_of_headers_are_safe(void **state)
{
	(void)state;
	header_becomes("us-west1", "us-west1");
	header_becomes("us west 1", "us west 1");
	header_becomes("Hello, \xe4\xb8\x96\xe7\x95\x8c", "=?base64?SGVsbG8sIOS4lueVjA==?=");
	header_becomes(" padded ", "=?base64?IHBhZGRlZCA=?=");
	header_becomes("line1\nline2", "=?base64?bGluZTEKbGluZTI=?=");
	header_becomes("=?base64?literal?=", "=?base64?PT9iYXNlNjQ/bGl0ZXJhbD89?=");
	header_becomes("", "=?base64?"
			   "?=");
	/* The host would read a secret into it. */
	header_becomes("{{secret:KEY}}", "=?base64?e3tzZWNyZXQ6S0VZfX0=?=");
	header_becomes("{}", "{}");
}

/* --- results ------------------------------------------------------------------------------ */

static void result_is(const char *result, bool wants_json, enum answer_kind kind, const char *json)
{
	struct answer answer;

	answer_read(&answer, str_z(result), wants_json);
	assert_int_equal(answer.kind, kind);
	text_is(&answer.json, json);
	answer_done(&answer);
}

static void results_are_read(void **state)
{
	(void)state;
	result_is("{\"content\":[{\"type\":\"text\",\"text\":\"on its \\\"way\\\"\"}]}", false,
		  ANSWER_YES, "{\"text\":\"on its \\\"way\\\"\"}");
	result_is(
		"{\"resultType\":\"complete\",\"content\":[{\"type\":\"text\",\"text\":\"a\"},{\"type\":\"image\","
		"\"data\":\"AA==\"},{\"type\":\"resource\",\"resource\":{\"uri\":\"x:y\",\"text\":\"b\"}},"
		"{\"type\":\"resource_link\",\"uri\":\"https://x\"}]}",
		false, ANSWER_YES, "{\"text\":\"a\\nb\",\"left_out\":2}");
	result_is("{\"content\":[],\"structuredContent\":{\"n\": 1.0}}", false, ANSWER_YES,
		  "{\"n\": 1.0}");
	result_is("{\"structuredContent\":[1]}", false, ANSWER_YES, "[1]");
	result_is("{\"content\":[{\"type\":\"text\",\"text\":\"{\\\"n\\\":1}\"}]}", true,
		  ANSWER_YES, "{\"n\":1}");
	result_is("{\"content\":[{\"type\":\"text\",\"text\":\"{\\\"n\\\":1}\"}]}", false,
		  ANSWER_YES, "{\"text\":\"{\\\"n\\\":1}\"}");
	result_is("{\"content\":[{\"type\":\"text\",\"text\":\"{no\"}]}", true, ANSWER_YES,
		  "{\"text\":\"{no\"}");
	result_is("{\"content\":[{\"type\":\"text\",\"text\":\"no such order\"}],\"isError\":true}",
		  true, ANSWER_NO, "{\"text\":\"no such order\"}");
	result_is("{\"resultType\":\"input_required\",\"inputRequests\":{}}", false, ANSWER_ASKS,
		  "");
	result_is("{\"resultType\":\"task\",\"content\":[]}", false, ANSWER_BAD, "");
	result_is("{}", false, ANSWER_BAD, "");
	result_is("{\"content\":\"x\"}", false, ANSWER_BAD, "");
	result_is("[]", false, ANSWER_BAD, "");
}

static void long_results_have_an_end(void **state)
{
	struct text result = { 0 };
	struct answer answer;

	(void)state;
	text_z(&result, "{\"content\":[{\"type\":\"text\",\"text\":\"x");
	for (int i = 0; i < 40000; i++)
		text_z(&result, "\xc3\xbc");
	text_z(&result, "\"}]}");
	answer_read(&answer, text_view(&result), false);
	assert_int_equal(answer.kind, ANSWER_YES);
	assert_true(answer.json.n < ANSWER_TEXT_MAX + 64);
	assert_true(scan_utf8_ok(text_view(&answer.json)));
	assert_memory_equal(answer.json.p + answer.json.n - 12, ",\"cut\":true}", 12);
	answer_done(&answer);
	result.n = 0;
	text_z(&result, "{\"structuredContent\":\"");
	for (int i = 0; i < ANSWER_BYTES_MAX; i++)
		text_z(&result, "x");
	text_z(&result, "\"}");
	answer_read(&answer, text_view(&result), false);
	assert_int_equal(answer.kind, ANSWER_TOO_BIG);
	answer_done(&answer);
	text_done(&result);
}

/* --- questions of a server ---------------------------------------------------------------- */

static void inputs_are(const char *result, bool defaults, const char *expected)
{
	struct text text = { 0 };
	bool ok = answer_inputs(&text, str_z(result), defaults);

	assert_int_equal(ok, expected != NULL);
	if (expected)
		text_is(&text, expected);
	text_done(&text);
}

#define FORM(more) \
	"{\"inputRequests\":{\"q\":{\"method\":\"elicitation/create\",\"params\":{\"requestedSchema\":{" \
	"\"type\":\"object\",\"properties\":{\"a\":{\"default\":1},\"b\":{\"type\":\"string\"}}" more    \
	"}}}}"

static void a_server_that_asks_is_declined_or_gets_its_own_defaults(void **state)
{
	(void)state;
	inputs_are(FORM("") "}", false, ",\"inputResponses\":{\"q\":{\"action\":\"decline\"}}");
	inputs_are(FORM("") "}", true,
		   ",\"inputResponses\":{\"q\":{\"action\":\"accept\",\"content\":{\"a\":1}}}");
	inputs_are(FORM(",\"required\":[\"b\"]") "}", true,
		   ",\"inputResponses\":{\"q\":{\"action\":\"decline\"}}");
	inputs_are(
		FORM("") ",\"requestState\":\"s\\u0020\\/\"}", false,
		",\"inputResponses\":{\"q\":{\"action\":\"decline\"}},\"requestState\":\"s\\u0020\\/\"");
	inputs_are("{\"requestState\":\"s\"}", false, ",\"requestState\":\"s\"");
	inputs_are("{}", false, NULL);
	inputs_are("{\"inputRequests\":{\"q\":{\"method\":\"sampling/createMessage\"}}}", true,
		   NULL);
	inputs_are("{\"inputRequests\":{\"q\":{\"method\":\"roots/list\"}}}", true, NULL);
	inputs_are(
		"{\"inputRequests\":{\"q\":{\"method\":\"elicitation/create\",\"params\":{\"mode\":\"url\","
		"\"url\":\"https://x\",\"requestedSchema\":{\"properties\":{}}}}}}",
		true, ",\"inputResponses\":{\"q\":{\"action\":\"decline\"}}");
}

/* --- what the operator writes ------------------------------------------------------------- */

static void refused_with(const char *config, const char *expected)
{
	char why[SETTINGS_WHY] = "";

	assert_false(settings_read(&settings, str_z(config), why));
	if (!strstr(why, expected))
		fail_msg("expected \"%s\" in \"%s\"", expected, why);
}

#define TOOL(remote) \
	"\"policy\":{\"tools\":[{\"name\":\"t\",\"arguments\":{\"properties\":{\"a\":{}}},\"config\":{\"remote\":" remote \
	"}}]}}"

static void a_configuration_that_cannot_work_is_refused(void **state)
{
	(void)state;
	refused_with("x", "no JSON");
	refused_with("{}", "where is the server");
	refused_with("{\"servers\":{\"a\":{}}}", "where is the server");
	refused_with("{\"url\":\"https://x\",\"headers\":{\"A B\":\"x\"}}", "is no header");
	refused_with("{\"url\":\"https://x\",\"headers\":{\"A\":\"x\\ny\"}}", "is no header");
	refused_with("{\"url\":\"https://x\",\"headers\":{\"A\":1}}", "expected text");
	refused_with("{\"url\":\"https://x\",\"secret\":\"a}}b\"}", "expected the name");
	refused_with("{\"url\":\"https://x\"," TOOL("{\"server\":\"crm\"}"),
		     "no server is called crm");
	refused_with(
		"{\"servers\":{\"a\":{\"url\":\"https://a\"},\"b\":{\"url\":\"https://b\"}}," TOOL(
			"{}"),
		"which one of them");
	refused_with("{\"url\":\"https://x\"," TOOL("{\"set\":{\"a\":1}}"),
		     "a is set and declared");
	refused_with("{\"url\":\"https://x\"," TOOL("{\"key\":\"a\"}"), "takes the key");
	refused_with("{\"url\":\"https://x\"," TOOL("{\"key\":\"k\",\"set\":{\"k\":1}}"),
		     "takes the key");
}

static void servers_and_tools_are_read(void **state)
{
	char why[SETTINGS_WHY] = "";

	(void)state;
	if (!settings_read(
		    &settings,
		    str_z("{\"servers\":{\"crm\":{\"url\":\"https://a.example/mcp\",\"secret\":\"CRM\","
			  "\"headers\":{\"X-Shop\":\"1\"},\"protocol\":\"2025-11-25\",\"elicitation\":\"defaults\","
			  "\"total_ms\":7}}," TOOL(
				  "{\"server\":\"crm\",\"name\":\"T.x\",\"set\":{\"shop\":\"s\"},\"key\":\"k\"}")),
		    why))
		fail_msg("%s", why);
	const struct server_set *server = &settings.servers[0];
	assert_string_equal(server->headers[0], "X-Shop: 1");
	assert_string_equal(server->headers[1], "Authorization: Bearer {{secret:CRM}}");
	assert_int_equal(server->protocol, PROTOCOL_LEGACY);
	assert_true(server->elicit);
	assert_int_equal(server->total_ms, 7);
	const struct tool_set *tool = settings_tool(&settings, str_z("t"));
	assert_string_equal(tool->remote, "T.x");
	assert_string_equal(tool->fixed, "\"shop\":\"s\"");
	assert_string_equal(tool->key, "k");
	assert_null(settings_tool(&settings, str_z("T.x")));
	settings_done(&settings);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_kind_of_message_is_told_apart),
		cmocka_unit_test(what_is_no_message_is_bad),
		cmocka_unit_test(a_batch_is_taken_apart),
		cmocka_unit_test(depth_has_a_bound),
		cmocka_unit_test(a_modern_request_says_all_that_is_to_be_known),
		cmocka_unit_test(an_old_notification_has_neither_id_nor_meta),
		cmocka_unit_test(events_come_whole_whatever_the_pieces),
		cmocka_unit_test(the_last_id_survives_a_cut),
		cmocka_unit_test(an_id_that_no_header_can_carry_is_none),
		cmocka_unit_test(nonsense_for_retry_is_ignored),
		cmocka_unit_test(an_event_without_an_end_is_given_up),
		cmocka_unit_test(what_fits_has_no_problems),
		cmocka_unit_test(what_does_not_fit_is_said),
		cmocka_unit_test(headers_are_taken_where_they_may_stand),
		cmocka_unit_test(a_tool_with_a_broken_header_is_not_called),
		cmocka_unit_test(pages_are_put_together),
		cmocka_unit_test(values_of_headers_are_safe),
		cmocka_unit_test(results_are_read),
		cmocka_unit_test(long_results_have_an_end),
		cmocka_unit_test(a_server_that_asks_is_declined_or_gets_its_own_defaults),
		cmocka_unit_test(a_configuration_that_cannot_work_is_refused),
		cmocka_unit_test(servers_and_tools_are_read),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
