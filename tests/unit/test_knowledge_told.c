/* SPDX-License-Identifier: Apache-2.0 */

/* provider-knowledge, what it says beside the articles: results of tools in the words that the
 * policies give them, and that an article is past its date. */

#include "tests/unit/module_host.h"

/* after the standard headers that cmocka needs first */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const char config[] =
	"{\"delta_ms\":0,\"policy\":{\"tools\":["
	"{\"name\":\"order_status\",\"answer\":\"Your order {{ id }} is {{status}}. It arrives on "
	"{{delivery.date}}. First item: {{items.0.name}}! Track it: {{link}}\"},"
	"{\"name\":\"points\",\"answer\":\"You have {{points}} points, worth {{worth}}.\"},"
	"{\"name\":\"silent\",\"answer\":\"\"},{\"name\":\"nothing\",\"answer\":\"On {{when}}.\"}],"
	"\"articles\":[{\"id\":\"xmas\",\"valid_until\":\"2025-12-24\"},"
	"{\"id\":\"hours\",\"valid_until\":\"\"}]}}";

struct said {
	const char *tool, *json, *text; /* text: instead of the bare JSON */
};

static const char *tell(struct module_host *host, const struct said *said, uint32_t n,
			const char *locale)
{
	const baton_provider *vt = host->vt;
	baton_msg msgs[8] = { { .role = BATON_ROLE_TOOL,
				.name = host_str("points"),
				.parts_json = host_str("{\"points\":1,\"worth\":1}") },
			      { .role = BATON_ROLE_CUSTOMER,
				.text = host_str("where is order 7?") },
			      { .role = BATON_ROLE_BOT } };
	const baton_doc doc = { .id = host_str("track"),
				.title = host_str("Where is my order?"),
				.snippet = host_str("Open your order to track it."),
				.score_ppm = 900000 };

	for (uint32_t i = 0; i < n; i++)
		msgs[3 + i] =
			(baton_msg){ .role = BATON_ROLE_TOOL,
				     .name = host_str(said[i].tool),
				     .text = host_str(said[i].text ? said[i].text : ""),
				     .parts_json = host_str(said[i].json ? said[i].json : "") };
	const baton_turn turn = {
		.size = sizeof(turn), .locale = host_str(locale), .msgs = msgs, .n_msgs = 3 + n
	};
	const baton_prompt prompt = {
		.size = sizeof(prompt), .turn = &turn, .docs = &doc, .n_docs = 1
	};
	struct host_call *call = host_call_open(host, 1);

	assert_int_equal(vt->start(host->inst, 1, &prompt), BATON_OK);
	assert_int_equal(call->n_ends, 1);
	return call->text;
}

static struct module_host *begin(void)
{
	struct module_host *host = host_new("provider-knowledge");

	assert_int_equal(host_create(host, config), BATON_OK);
	return host;
}

static const char *tell_one(struct module_host *host, const char *tool, const char *json)
{
	return tell(host, &(struct said){ tool, json, NULL }, 1, "");
}

static void a_result_is_said_in_the_words_of_its_tool(void **state)
{
	struct module_host *host = begin();

	(void)state;
	assert_string_equal(
		tell_one(
			host, "order_status",
			"{\"id\":7,\"status\":\"on its way\",\"delivery\":{\"date\":\"2026-11-24\"},"
			"\"items\":[{\"name\":\"Bowl\"}],\"link\":\"https://t.example/a_b?c=1\"}"),
		"Your order 7 is on its way. It arrives on 2026-11-24. First item: Bowl! "
		"Track it: https://t.example/a_b?c=1");
	assert_string_equal(tell_one(host, "points", "{\"points\":12,\"worth\":1.5}"),
			    "You have 12 points, worth 1.5.");
	host_free(&host);
}

static void a_sentence_that_names_what_is_missing_is_left_out(void **state)
{
	static const char *const results[] = {
		"{\"id\":7,\"status\":\"packed\"}",
		"{\"id\":7,\"status\":\"packed\",\"delivery\":null,\"items\":[],\"link\":{}}",
		"{\"id\":7,\"status\":\"packed\",\"delivery\":\"soon\",\"items\":{\"0\":1},\"link\":\"\"}",
		"{\"id\":7,\"status\":\"packed\",\"delivery\":{\"date\":[1]},\"items\":[7],\"link\":true}",
	};
	struct module_host *host = begin();

	(void)state;
	for (size_t i = 0; i < sizeof(results) / sizeof(results[0]); i++)
		assert_string_equal(tell_one(host, "order_status", results[i]),
				    "Your order 7 is packed.");
	host_free(&host);
}

static void a_result_without_words_leaves_the_answer_to_the_articles(void **state)
{
	static const char *const cases[][2] = {
		{ "silent", "{\"a\":1}" },   { "unknown", "{\"a\":1}" }, { "nothing", "{\"a\":1}" },
		{ "points", "no JSON" },     { "points", "" },           { "points", "\xff{" },
		{ "points", "{\"points\"" }, { "points", "[]" },
	};
	struct module_host *host = begin();

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (!strstr(tell_one(host, cases[i][0], cases[i][1]), "Open your order to track"))
			fail_msg("%s %s", cases[i][0], cases[i][1]);
	host_free(&host);
}

static void a_result_between_fences_is_read(void **state)
{
	static const char text[] =
		"----- begin: the result of a tool 00ff, data and no instruction -----\n"
		"{\"points\":3,\"worth\":\"[x](http://e.example) **now** {{points}}\"}\n----- end 00ff -----";
	struct module_host *host = begin();

	(void)state;
	/* What it holds stays text, and is no template. */
	assert_string_equal(
		tell(host, &(struct said){ "points", NULL, text }, 1, ""),
		"You have 3 points, worth \\[x\\](http://e.example) \\*\\*now\\*\\* {{points}}.");
	host_free(&host);
}

static void several_results_are_a_paragraph_each(void **state)
{
	const struct said said[] = { { "order_status", "{\"id\":7,\"status\":\"packed\"}", NULL },
				     { "nothing", "{}", NULL },
				     { "points",
				       "{\"points\":2,\"worth\":\"\xc2\xa3"
				       "1\"}",
				       NULL } };
	struct module_host *host = begin();

	(void)state;
	assert_string_equal(tell(host, said, 3, ""),
			    "Your order 7 is packed.\n\nYou have 2 points, "
			    "worth \xc2\xa3"
			    "1.");
	host_free(&host);
}

static void a_no_and_a_failure_are_said_plainly_and_in_the_customers_language(void **state)
{
	const struct said no = { "points", "{\"error\":\"not_found\"}", NULL };
	const struct said failed = { "points", "{\"error\":\"timeout\"}", NULL };
	const struct said ask = { "points", "{\"ask\":\"What is your order number?\"}", NULL };
	struct module_host *host = begin();

	(void)state;
	assert_non_null(strstr(tell(host, &no, 1, "en"), "could not find anything"));
	assert_non_null(strstr(tell(host, &no, 1, "nl-BE"), "niets gevonden"));
	assert_non_null(strstr(tell(host, &failed, 1, "en"), "could not look that up"));
	assert_string_equal(tell(host, &ask, 1, "de"), "What is your order number?");
	host_free(&host);
}

static const char *quote(struct module_host *host, const char *id, const char *version,
			 uint32_t flags, const char *locale)
{
	const baton_provider *vt = host->vt;
	const baton_msg msg = { .role = BATON_ROLE_CUSTOMER, .text = host_str("delivery?") };
	const baton_turn turn = {
		.size = sizeof(turn), .locale = host_str(locale), .msgs = &msg, .n_msgs = 1
	};
	const baton_doc doc = { .id = host_str(id),
				.title = host_str("Delivery"),
				.snippet = host_str("Delivery takes two days."),
				.version = host_str(version),
				.score_ppm = 900000,
				.flags = flags };
	const baton_prompt prompt = {
		.size = sizeof(prompt), .turn = &turn, .docs = &doc, .n_docs = 1
	};
	struct host_call *call = host_call_open(host, 1);

	assert_int_equal(vt->start(host->inst, 1, &prompt), BATON_OK);
	return call->text;
}

static void an_article_past_its_date_says_since_when(void **state)
{
	struct module_host *host = begin();

	(void)state;
	assert_non_null(strstr(quote(host, "xmas", "2025-11-01", BATON_DOC_STALE, "en"),
			       "that page was valid until 2025-12-24."));
	assert_non_null(strstr(quote(host, "xmas", "2025-11-01", BATON_DOC_STALE, "fr"),
			       "valable jusqu'au 2025-12-24."));
	/* One that is no article of ours has its own date, or none. */
	assert_non_null(strstr(quote(host, "hours", "2025-11-01", BATON_DOC_STALE, "en"),
			       "it was checked last on 2025-11-01."));
	assert_non_null(
		strstr(quote(host, "hours", "", BATON_DOC_STALE, "en"), "may be out of date."));
	assert_null(strstr(quote(host, "xmas", "2025-11-01", 0, "en"), "valid until"));
	host_free(&host);
}

static void policies_of_another_shape_are_refused(void **state)
{
	static const char *const configs[] = { "{\"policy\":{\"tools\":{}}}",
					       "{\"policy\":{\"articles\":3}}" };
	struct module_host *host = host_new("provider-knowledge");

	(void)state;
	for (size_t i = 0; i < 2; i++)
		assert_true(host_refuses(host, configs[i]));
	assert_int_equal(host_create(host, "{\"policy\":{\"tools\":[1,{},{\"name\":\"a\"},"
					   "{\"answer\":\"b\"}],\"articles\":[[],null]}}"),
			 BATON_OK);
	host_free(&host);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_result_is_said_in_the_words_of_its_tool),
		cmocka_unit_test(a_sentence_that_names_what_is_missing_is_left_out),
		cmocka_unit_test(a_result_without_words_leaves_the_answer_to_the_articles),
		cmocka_unit_test(a_result_between_fences_is_read),
		cmocka_unit_test(several_results_are_a_paragraph_each),
		cmocka_unit_test(a_no_and_a_failure_are_said_plainly_and_in_the_customers_language),
		cmocka_unit_test(an_article_past_its_date_says_since_when),
		cmocka_unit_test(policies_of_another_shape_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
