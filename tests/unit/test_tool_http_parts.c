/* SPDX-License-Identifier: Apache-2.0 */

/* What tool-http is made of, without a host: where arguments may stand, what is sent, what an
 * answer means, what is kept. Sources are included, since a module exports nothing. */
#include "modules/sdk/provider/hint.c"
#include "modules/sdk/provider/text.c"
#include "modules/tool-http/ask.c"
#undef URL_BYTES_MAX
#include "modules/tool-http/cache.c"
#include "modules/tool-http/reply.c"
#include "modules/tool-http/settings.c"
#include "modules/tool-http/template.c"

#include "core/base/errors.h"
#include "core/module/schema.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

/* --- templates ------------------------------------------------------------------------------ */

static struct why why;

static bool url_ok(const char *text, const char *known)
{
	json_t *names = json_loads(known, 0, NULL);
	bool ok = template_check_url(text, true, names, &why);

	json_decref(names);
	return ok;
}

/* "" : refused. Static. */
static const char *filled_url(const char *text, const char *args_json)
{
	static char out[4096];
	struct text url = { 0 };
	json_t *args = json_loads(args_json, 0, NULL);

	assert_non_null(args);
	enum filled rc = template_fill_url(&url, "https://api.example/v1", text, args, &why);
	snprintf(out, sizeof(out), "%.*s", rc == FILLED_OK ? (int)url.n : 0, url.p ? url.p : "");
	text_done(&url);
	json_decref(args);
	return out;
}

static void an_argument_is_one_segment_whatever_is_in_it(void **state)
{
	(void)state;
	assert_string_equal(filled_url("/orders/{order}", "{\"order\":\"HP-20441\"}"),
			    "https://api.example/v1/orders/HP-20441");
	assert_string_equal(filled_url("/orders/{order}", "{\"order\":\"a b?c=d&e#f%2F\"}"),
			    "https://api.example/v1/orders/a%20b%3Fc%3Dd%26e%23f%252F");
	assert_string_equal(filled_url("/orders/{order}", "{\"order\":\"K\\u00f6ln\"}"),
			    "https://api.example/v1/orders/K%C3%B6ln");
	assert_string_equal(filled_url("/o/{n}/{b}", "{\"n\":-7,\"b\":true}"),
			    "https://api.example/v1/o/-7/true");
	assert_string_equal(filled_url("https://other.example/{a}", "{\"a\":\"@evil.example\"}"),
			    "https://other.example/%40evil.example");
}

static void what_would_lead_elsewhere_is_refused(void **state)
{
	static const char *const values[] = { "\"..\"",  "\".\"",    "\"\"",
					      "\"a/b\"", "\"\\\\\"", "\"\\n\"",
					      "[\"a\"]", "{}",       "\"../../admin\"" };
	(void)state;
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		char args[64];

		snprintf(args, sizeof(args), "{\"order\":%s}", values[i]);
		assert_string_equal(filled_url("/orders/{order}", args), "");
		assert_non_null(strstr(why.text, "argument"));
	}
	assert_string_equal(filled_url("/orders/{order}", "{}"), "");
	assert_string_equal(filled_url("/orders/{order}", "{\"order\":null}"), "");
	assert_string_equal(filled_url("/{a}{b}/x", "{\"a\":\".\",\"b\":\".\"}"), "");
	assert_string_equal(filled_url("/%2e{a}/x", "{\"a\":\".\"}"), "");
	assert_string_equal(filled_url("/{a}?x=1", "{\"a\":\"..\"}"), "");
	/* but dots within a segment are dots */
	assert_string_equal(filled_url("/v.{a}", "{\"a\":\"..\"}"), "https://api.example/v1/v...");
}

static void an_argument_of_a_query_stays_its_value(void **state)
{
	(void)state;
	assert_string_equal(filled_url("/s?q={q}&n=1", "{\"q\":\"a&admin=1/..\"}"),
			    "https://api.example/v1/s?q=a%26admin%3D1%2F..&n=1");
	assert_string_equal(filled_url("/s?q={q}", "{\"q\":\"\"}"), "https://api.example/v1/s?q=");
}

static void an_argument_can_name_no_secret(void **state)
{
	struct text out = { 0 };
	json_t *args = json_loads("{\"a\":\"{{secret:KEY}}\",\"b\":\"{secret:KEY}}\","
				  "\"c\":\"x\\r\\nHost: evil\",\"d\":\"plain\"}",
				  0, NULL);
	(void)state;
	assert_string_equal(filled_url("/o/{a}", "{\"a\":\"{{secret:KEY}}\"}"),
			    "https://api.example/v1/o/%7B%7Bsecret%3AKEY%7D%7D");
	assert_int_equal(template_fill(&out, "{a}", PLACE_HEADER, args, &why), FILLED_REFUSED);
	assert_int_equal(template_fill(&out, "x{b}", PLACE_HEADER, args, &why), FILLED_REFUSED);
	assert_int_equal(template_fill(&out, "{c}", PLACE_HEADER, args, &why), FILLED_REFUSED);
	assert_null(strstr(why.text, "evil")); /* the name of an argument, never its value */
	text_done(&out);
	assert_int_equal(template_fill(&out, "Key {{secret:K}} {d}", PLACE_HEADER, args, &why),
			 FILLED_OK);
	assert_int_equal(out.n, strlen("Key {{secret:K}} plain"));
	assert_memory_equal(out.p, "Key {{secret:K}} plain", out.n);
	text_done(&out);
	json_decref(args);
}

static void a_template_is_checked_before_it_is_used(void **state)
{
	static const char *const bad[] = {
		"orders",
		"//evil.example/x\n",
		"/a b",
		"/a#b",
		"/{order",
		"/}order",
		"/{}",
		"/{other}",
		"https://{order}.example/",
		"https://user@host.example/",
		"https:///x",
		"ftp://h/x",
		"/x?{order}=1",
		"/x?a=1&{order}",
		"{order}",
		"/{{secret:}}",
		"/{{secret:A}",
		"{{secret:A}}x/b",
		"/\xc3\xb6",
	};
	static const char *const good[] = {
		"/orders/{order}",           "/x?a={order}&b=c{order}",
		"https://h.example/{order}", "https://h.example:8443",
		"{{secret:BASE}}/o/{order}", "/x?key={{secret:KEY}}&o={order}"
	};
	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		why.text[0] = 0;
		if (url_ok(bad[i], "{\"order\":{}}"))
			fail_msg("%s passes", bad[i]);
		assert_true(why.text[0]);
	}
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		if (!url_ok(good[i], "{\"order\":{}}"))
			fail_msg("%s: %s", good[i], why.text);
	assert_false(template_check_url("/x", false, NULL, &why));
	assert_true(template_check_base("{{secret:URL}}", &why));
	assert_true(template_check_base("https://h.example/v1/", &why));
	assert_false(template_check_base("https://h.example/{x}", &why));
	assert_false(template_check_base("https://h.example/?a=1", &why));
	assert_false(template_check_base("{{secret:URL}}.evil.example", &why));
}

/* --- settings ------------------------------------------------------------------------------- */

#define CONFIG(more, flags, request)                                                     \
	"{" more "\"policy\":{\"tools\":[{\"name\":\"t\",\"description\":\"d\"," flags   \
	"\"arguments\":{\"type\":\"object\",\"properties\":{\"order\":{},\"amount\":{}," \
	"\"note\":{},\"ids\":{}}},\"config\":" request "}]}}"
#define READS(request) CONFIG("\"base_url\":\"https://api.example\",", "\"writes\":false,", request)
#define WRITES(request) CONFIG("\"base_url\":\"https://api.example\",", "\"writes\":true,", request)

static struct settings settings;

static bool reads(const char *config)
{
	char text[240] = "";
	json_t *json = json_loads(config, 0, NULL);

	assert_non_null(json);
	int rc = baton_schema_check(SETTINGS_SCHEMA, json, text, sizeof(text));
	json_decref(json);
	if (rc == BATON_E_SCHEMA)
		fail_msg("%s", text);
	why.text[0] = 0;
	if (rc < 0)
		return why_set(&why, "%s", text);
	return settings_read(&settings, str_z(config), &why);
}

static void a_declaration_that_cannot_work_is_refused_at_the_start(void **state)
{
	static const char *const bad[] = {
		READS("{\"url\":\"/o/{nobody}\"}"),
		READS("{\"url\":\"o\"}"),
		READS("{\"url\":\"/o\",\"surprise\":1}"),
		READS("{\"url\":\"/o\",\"method\":\"TRACE\"}"),
		READS("{\"url\":\"/o\",\"headers\":{\"Host\":\"x\"}}"),
		READS("{\"url\":\"/o\",\"headers\":{\"X Y\":\"x\"}}"),
		READS("{\"url\":\"/o\",\"headers\":{\"X\":\"a\\nb\"}}"),
		READS("{\"url\":\"/o\",\"headers\":{\"X\":7}}"),
		READS("{\"url\":\"/o\",\"query\":[]}"),
		READS("{\"url\":\"/o\",\"query\":{\"{order}\":\"x\"}}"),
		READS("{\"url\":\"/o\",\"body\":{\"json\":{}}}"), /* a GET has none */
		READS("{\"url\":\"/o\",\"auth\":{\"bearer\":\"A\",\"basic\":\"B\"}}"),
		READS("{\"url\":\"/o\",\"auth\":{\"bearer\":\"A B\"}}"),
		READS("{\"url\":\"/o\",\"auth\":{\"header\":\"X-Key\"}}"),
		READS("{\"url\":\"/o\",\"answer\":{\"pick\":{\"a\":\"status\"}}}"),
		READS("{\"url\":\"/o\",\"answer\":{\"pick\":7}}"),
		READS("{\"url\":\"/o\",\"answer\":{\"no\":{\"500\":\"x\"}}}"),
		READS("{\"url\":\"/o\",\"answer\":{\"no\":{\"404\":\"Not found\"}}}"),
		WRITES("{\"url\":\"/o\"}"), /* it writes by GET */
		WRITES("{\"url\":\"/o\",\"method\":\"POST\",\"cache\":{\"ttl_ms\":5}}"),
		WRITES("{\"url\":\"/o\",\"method\":\"POST\",\"body\":{\"json\":{\"k\":"
		       "\"{{secret:KEY}}\"}}}"),
		WRITES("{\"url\":\"/o\",\"method\":\"POST\",\"body\":\"text\"}"),
		WRITES("{\"url\":\"/o\",\"method\":\"POST\",\"body\":{\"form\":{\"k\":\"{{secret:KEY}}\"}}}"),
		CONFIG("", "\"writes\":true,\"idempotent\":true,",
		       "{\"url\":\"https://a.example\",\"method\":\"POST\","
		       "\"idempotency_header\":false}"),
		CONFIG("\"base_url\":\"api.example\",", "", "{\"url\":\"/o\"}"),
		CONFIG("\"headers\":{\"X-Customer\":\"{order}\"},", "",
		       "{\"url\":\"https://a.example\"}"),
	};
	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (reads(bad[i]))
			fail_msg("%s passes", bad[i]);
		assert_true(why.text[0]);
	}
}

static void a_set_without_tools_is_no_error(void **state)
{
	(void)state;
	assert_true(reads("{}"));
	settings_done(&settings);
	assert_true(reads("{\"base_url\":\"{{secret:SHOP}}\",\"policy\":{\"tools\":[]}}"));
	settings_done(&settings);
}

/* --- what is sent ---------------------------------------------------------------------------- */

static struct ask ask;

static bool asks(const char *config, const char *args_json)
{
	if (!reads(config))
		fail_msg("%s", why.text);
	json_t *args = json_loads(args_json, 0, NULL);
	bool ok = ask_make(&ask, &settings, &settings.tools[0], args, str_z("key-1"), &why);

	json_decref(args);
	return ok;
}

static void sent(const char *url, const char *body, const char *line)
{
	assert_int_equal(ask.url.n, strlen(url));
	assert_memory_equal(ask.url.p, url, ask.url.n);
	assert_int_equal(ask.body.n, strlen(body));
	if (ask.body.n)
		assert_memory_equal(ask.body.p, body, ask.body.n);
	text_add(&ask.lines, "", 1);
	if (line && !strstr(ask.lines.p, line))
		fail_msg("no %s in %s", line, ask.lines.p);
	ask_done(&ask);
	settings_done(&settings);
}

static void refused(void)
{
	assert_true(why.text[0]);
	ask_done(&ask);
	settings_done(&settings);
}

static void a_request_is_made_as_declared(void **state)
{
	(void)state;
	assert_true(
		asks(READS("{\"url\":\"/o/{order}\",\"query\":{\"note\":\"{note}\",\"v\":\"2\"}}"),
		     "{\"order\":\"HP-1\",\"note\":\"a b&c\"}"));
	sent("https://api.example/o/HP-1?note=a%20b%26c&v=2", "", "Accept: application/json");
	assert_true(asks(READS("{\"url\":\"/o/{order}?x=1\",\"query\":{\"note\":\"{note}\","
			       "\"id\":\"{ids}\"}}"),
			 "{\"order\":\"HP-1\",\"ids\":[\"a\",\"b/c\"]}"));
	sent("https://api.example/o/HP-1?x=1&id=a&id=b%2Fc", "", NULL);
	assert_true(asks(WRITES("{\"url\":\"/o/{order}\",\"method\":\"POST\"}"),
			 "{\"order\":\"HP-1\",\"amount\":12.5,\"note\":\"\\\"x\\\"\"}"));
	sent("https://api.example/o/HP-1", "{\"amount\":12.5,\"note\":\"\\\"x\\\"\"}",
	     "Idempotency-Key: key-1");
	assert_true(asks(
		WRITES("{\"url\":\"/o\",\"method\":\"PUT\",\"body\":{\"json\":{\"a\":[\"{amount}"
		       "\",\"no. {order}\"],\"gone\":\"{note}\",\"n\":{\"m\":null}}}}"),
		"{\"order\":\"HP-1\",\"amount\":3}"));
	sent("https://api.example/o", "{\"a\":[3,\"no. HP-1\"],\"n\":{\"m\":null}}",
	     "Content-Type: application/json");
	assert_true(asks(
		WRITES("{\"url\":\"/o\",\"method\":\"POST\",\"body\":{\"form\":{\"a\":\"{order}\","
		       "\"b\":\"{note}\",\"c\":\"x y\"}},\"idempotency_header\":\"X-Once\"}"),
		"{\"order\":\"H&P\"}"));
	sent("https://api.example/o", "a=H%26P&c=x%20y", "X-Once: key-1");
}

static void keys_stand_where_the_host_fills_them_in(void **state)
{
	(void)state;
	assert_true(asks(CONFIG("\"base_url\":\"{{secret:BASE}}/\",\"auth\":{\"bearer\":\"KEY\"},",
				"", "{\"url\":\"/o\"}"),
			 "{}"));
	sent("{{secret:BASE}}/o", "", "Authorization: Bearer {{secret:KEY}}");
	assert_true(asks(
		READS("{\"url\":\"/o\",\"auth\":{\"query\":\"api_key\",\"secret\":\"K\"}}"), "{}"));
	sent("https://api.example/o?api_key={{secret:K}}", "", NULL);
	assert_true(asks(READS("{\"url\":\"/o\",\"auth\":{\"header\":\"X-Key\",\"secret\":\"K\"}}"),
			 "{}"));
	sent("https://api.example/o", "", "X-Key: {{secret:K}}");
	assert_true(asks(READS("{\"url\":\"/o\",\"auth\":{\"basic\":\"K\"}}"), "{}"));
	sent("https://api.example/o", "", "Authorization: Basic {{secret:K}}");
}

static void a_header_of_a_tool_replaces_that_of_the_entry(void **state)
{
	(void)state;
	assert_true(asks(
		CONFIG("\"base_url\":\"https://api.example\",\"headers\":{\"x-who\":\"all\"},", "",
		       "{\"url\":\"/o\",\"headers\":{\"X-Who\":\"{order}\",\"X-No\":\"{note}\"}}"),
		"{\"order\":\"me\"}"));
	text_add(&ask.lines, "", 1);
	assert_non_null(strstr(ask.lines.p, "X-Who: me"));
	assert_null(strstr(ask.lines.p, "x-who"));
	assert_null(strstr(ask.lines.p, "X-No"));
	refused();
	assert_false(asks(READS("{\"url\":\"/o\",\"headers\":{\"X\":\"{note}\"}}"),
			  "{\"note\":\"a\\nX-Admin: 1\"}"));
	refused();
}

/* --- what comes back ------------------------------------------------------------------------- */

static struct verdict verdict;

static void judge(const char *config, uint32_t status, const char *type, const char *body,
		  const char *end_code)
{
	struct reply reply = { 0 };
	baton_error end = { .size = sizeof(end), .fail = BATON_FAIL_UNAVAILABLE };
	char head[100];

	if (!reads(config))
		fail_msg("%s", why.text);
	snprintf(head, sizeof(head), "Content-Type: %s", type);
	const baton_str lines[] = { str_z(head), str_z("Retry-After: 2") };
	reply_begin(&reply);
	if (status)
		reply_head(&reply, status, lines, status == 429 ? 2 : 1, 0);
	reply_data(&reply, str_z(body), settings.tools[0].max_bytes);
	end.code = str_z(end_code ? end_code : "");
	verdict_done(&verdict);
	reply_judge(&reply, &settings.tools[0], end_code ? &end : NULL, false, &verdict);
	reply_done(&reply);
	settings_done(&settings);
}

#define JSON "application/json; charset=utf-8"

static void an_answer_is_what_was_picked_of_it(void **state)
{
	static const char body[] =
		"{\"status\":\"sent\",\"ship\":{\"by\":\"DHL\",\"a/b\":[1,{\"~\":2}]},"
		"\"card\":\"4111\"}";
	(void)state;
	judge(READS("{\"url\":\"/o\",\"answer\":{\"pick\":{\"status\":\"/status\",\"by\":\"/ship/by\","
		    "\"deep\":\"/ship/a~1b/1/~0\",\"none\":\"/ship/none\",\"far\":\"/ship/a~1b/9\"}}}"),
	      200, JSON, body, NULL);
	assert_int_equal(verdict.outcome, OUTCOME_RESULT);
	assert_string_equal(verdict.json, "{\"status\":\"sent\",\"by\":\"DHL\",\"deep\":2}");
	judge(READS("{\"url\":\"/o\",\"answer\":{\"pick\":\"/ship/by\"}}"), 200,
	      "application/vnd.shop+json", body, NULL);
	assert_string_equal(verdict.json, "\"DHL\"");
	judge(READS("{\"url\":\"/o\"}"), 200, JSON, "[1]", NULL);
	assert_string_equal(verdict.json, "[1]");
	judge(READS("{\"url\":\"/o\"}"), 204, "", "", NULL);
	assert_string_equal(verdict.json, "{}");
}

static void a_no_is_an_answer_with_a_word(void **state)
{
	(void)state;
	judge(READS("{\"url\":\"/o\"}"), 404, "text/html", "<html>", NULL);
	assert_int_equal(verdict.outcome, OUTCOME_NO);
	assert_string_equal(verdict.code, "not_found");
	assert_string_equal(verdict.json, "{\"error\":\"not_found\"}");
	judge(READS("{\"url\":\"/o\"}"), 409, JSON,
	      "{\"error\":{\"code\":\"already_refunded\",\"message\":\"It was.\"}}", NULL);
	assert_string_equal(verdict.code, "already_refunded");
	assert_string_equal(verdict.json,
			    "{\"error\":\"already_refunded\",\"message\":\"It was.\"}");
	judge(READS("{\"url\":\"/o\"}"), 422, JSON, "{\"code\":\"Not A Word\"}", NULL);
	assert_string_equal(verdict.code, "refused");
	judge(READS("{\"url\":\"/o\",\"answer\":{\"no\":{\"400\":\"odd_order\"}}}"), 400, JSON, "{",
	      NULL);
	assert_int_equal(verdict.outcome, OUTCOME_NO);
	assert_string_equal(verdict.code, "odd_order");
}

static void a_failure_says_what_it_is_of_and_whether_to_try_again(void **state)
{
	static const struct {
		uint32_t status;
		const char *type, *body, *end;
		enum outcome outcome;
		uint32_t fail;
		const char *code;
		bool doubt; /* if it writes */
	} rows[] = {
		{ 401, JSON, "{}", NULL, OUTCOME_FAILED, BATON_FAIL_ACCESS, "access", false },
		{ 403, JSON, "{}", NULL, OUTCOME_FAILED, BATON_FAIL_ACCESS, "access", false },
		{ 400, JSON, "{}", NULL, OUTCOME_FAILED, BATON_FAIL_BAD_REQUEST, "bad_request",
		  false },
		{ 429, JSON, "{}", NULL, OUTCOME_AGAIN, BATON_FAIL_RATE_LIMITED, "rate_limited",
		  false },
		{ 500, JSON, "{}", NULL, OUTCOME_AGAIN, BATON_FAIL_UNAVAILABLE, "server", true },
		{ 503, JSON, "{}", NULL, OUTCOME_AGAIN, BATON_FAIL_OVERLOADED, "overloaded", true },
		{ 504, JSON, "{}", NULL, OUTCOME_AGAIN, BATON_FAIL_TIMEOUT, "timeout", true },
		{ 302, "text/html", "", NULL, OUTCOME_FAILED, BATON_FAIL_BAD_OUTPUT, "redirect",
		  false },
		{ 200, "text/html", "<p>", NULL, OUTCOME_FAILED, BATON_FAIL_BAD_OUTPUT,
		  "content_type", true },
		{ 200, JSON, "{\"a\":", NULL, OUTCOME_FAILED, BATON_FAIL_BAD_OUTPUT, "not_json",
		  true },
		{ 200, JSON, "{\"a\":1,\"a\":2}", NULL, OUTCOME_FAILED, BATON_FAIL_BAD_OUTPUT,
		  "not_json", true },
		{ 200, JSON, "{\"a\":", "cut", OUTCOME_AGAIN, BATON_FAIL_UNAVAILABLE, "cut", true },
		{ 200, JSON, "{", "timeout_idle", OUTCOME_AGAIN, BATON_FAIL_UNAVAILABLE, "timeout",
		  true },
		{ 0, "", "", "cut", OUTCOME_AGAIN, BATON_FAIL_UNAVAILABLE, "cut", true },
		{ 0, "", "", "timeout_total", OUTCOME_AGAIN, BATON_FAIL_UNAVAILABLE, "timeout",
		  true },
		{ 0, "", "", "connect", OUTCOME_AGAIN, BATON_FAIL_UNAVAILABLE, "connect", false },
		{ 0, "", "", "dns", OUTCOME_AGAIN, BATON_FAIL_UNAVAILABLE, "dns", false },
		{ 0, "", "", "tls", OUTCOME_AGAIN, BATON_FAIL_UNAVAILABLE, "tls", false },
		{ 0, "", "", "denied", OUTCOME_FAILED, BATON_FAIL_UNAVAILABLE, "denied", false },
		{ 0, "", "", "odd", OUTCOME_AGAIN, BATON_FAIL_UNAVAILABLE, "protocol", true },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		for (int writes = 0; writes < 2; writes++) {
			judge(writes ? WRITES("{\"url\":\"/o\",\"method\":\"POST\"}")
				     : READS("{\"url\":\"/o\"}"),
			      rows[i].status, rows[i].type, rows[i].body, rows[i].end);
			if (verdict.outcome != rows[i].outcome ||
			    verdict.error.fail != rows[i].fail ||
			    strcmp(verdict.code, rows[i].code) != 0 ||
			    verdict.doubt != (writes && rows[i].doubt))
				fail_msg("row %zu: %d %u %s %d", i, (int)verdict.outcome,
					 verdict.error.fail, verdict.code, verdict.doubt);
		}
	}
	judge(READS("{\"url\":\"/o\"}"), 429, JSON, "{}", NULL);
	assert_int_equal(verdict.error.retry_after_ms, 2000);
}

static void what_is_too_long_is_not_kept(void **state)
{
	static char big[70000];
	struct reply reply = { 0 };
	(void)state;

	memset(big, 'x', sizeof(big) - 1);
	big[0] = big[sizeof(big) - 2] = '"';
	judge(READS("{\"url\":\"/o\"}"), 200, JSON, big, NULL); /* fits, but no result does */
	assert_string_equal(verdict.code, "too_big");
	judge(READS("{\"url\":\"/o\",\"answer\":{\"max_bytes\":100}}"), 200, JSON, big, NULL);
	assert_string_equal(verdict.code, "too_big");
	reply_data(&reply, str_z("0123456789"), 10);
	assert_false(reply.too_big);
	reply_data(&reply, str_z("0"), 10);
	assert_true(reply.too_big);
	assert_int_equal(reply.body.n, 10);
	reply_done(&reply);
}

static void a_conflict_over_a_try_in_doubt_is_no_answer(void **state)
{
	struct reply reply = { .status = 409 };
	(void)state;

	assert_true(reads(CONFIG("\"base_url\":\"https://a.example\",",
				 "\"writes\":true,\"idempotent\":true,",
				 "{\"url\":\"/o\",\"method\":\"POST\"}")));
	verdict_done(&verdict);
	reply_judge(&reply, &settings.tools[0], NULL, true, &verdict);
	assert_int_equal(verdict.outcome, OUTCOME_AGAIN);
	assert_true(verdict.doubt);
	settings_done(&settings);
}

/* --- what is kept ---------------------------------------------------------------------------- */

static void keep(struct cache *cache, const char *owner, const char *key, const char *json,
		 uint64_t until_ns)
{
	const struct cache_answer answer = { owner, key, json, until_ns };

	cache_put(cache, &answer, cache->changes);
}

static void kept(struct cache *cache, const char *key, uint64_t now_ns, const char *json)
{
	uint64_t changes;
	char *found = cache_get(cache, key, now_ns, &changes);

	if (json)
		assert_string_equal(found, json);
	else
		assert_null(found);
	free(found);
}

static void what_is_kept_is_bounded_and_forgotten_in_time(void **state)
{
	struct cache cache;
	uint64_t now;

	(void)state;
	cache_init(&cache);
	cache_room(&cache, 3);
	keep(&cache, "c1", "a", "1", 100);
	keep(&cache, "c1", "b", "2", 100);
	kept(&cache, "a", 99, "1");
	kept(&cache, "a", 100, NULL);
	keep(&cache, "c2", "c", "3", 200);
	keep(&cache, "", "d", "4", 200);
	keep(&cache, "c2", "c", "5", 200); /* the same once more */
	kept(&cache, "c", 0, "5");
	assert_int_equal(cache.n, 3);
	keep(&cache, "c2", "e", "6", 200);
	assert_int_equal(cache.n, 3);
	kept(&cache, "b", 0, NULL); /* the oldest went */
	cache_forget(&cache, "c2");
	kept(&cache, "c", 0, NULL);
	kept(&cache, "d", 0, NULL); /* what all share, too */
	assert_int_equal(cache.n, 0);
	assert_int_equal(cache.bytes, 0);
	/* It was asked for before something changed, and comes behind. */
	assert_null(cache_get(&cache, "f", 0, &now));
	cache_forget(&cache, "c1");
	cache_put(&cache, &(struct cache_answer){ "c2", "f", "7", 200 }, now);
	kept(&cache, "f", 0, NULL);
	cache_done(&cache);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_argument_is_one_segment_whatever_is_in_it),
		cmocka_unit_test(what_would_lead_elsewhere_is_refused),
		cmocka_unit_test(an_argument_of_a_query_stays_its_value),
		cmocka_unit_test(an_argument_can_name_no_secret),
		cmocka_unit_test(a_template_is_checked_before_it_is_used),
		cmocka_unit_test(a_declaration_that_cannot_work_is_refused_at_the_start),
		cmocka_unit_test(a_set_without_tools_is_no_error),
		cmocka_unit_test(a_request_is_made_as_declared),
		cmocka_unit_test(keys_stand_where_the_host_fills_them_in),
		cmocka_unit_test(a_header_of_a_tool_replaces_that_of_the_entry),
		cmocka_unit_test(an_answer_is_what_was_picked_of_it),
		cmocka_unit_test(a_no_is_an_answer_with_a_word),
		cmocka_unit_test(a_failure_says_what_it_is_of_and_whether_to_try_again),
		cmocka_unit_test(what_is_too_long_is_not_kept),
		cmocka_unit_test(a_conflict_over_a_try_in_doubt_is_no_answer),
		cmocka_unit_test(what_is_kept_is_bounded_and_forgotten_in_time),
	};
	int rc = cmocka_run_group_tests(tests, NULL, NULL);

	verdict_done(&verdict);
	return rc;
}
