/* SPDX-License-Identifier: Apache-2.0 */

/* provider-knowledge through its entry symbol: what it quotes, how it says that it does not know,
 * and how an answer flows under a virtual clock, back-pressure and cancellation. */

#include "tests/unit/module_host.h"

#include <jansson.h>

/* after the standard headers that cmocka needs first */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const char returns_text[] =
	"## Returning\n\nYou can return any item within 30 days. Shoes must not have been worn outside.\n\n"
	"To send it back:\n\n1. Open your order.\n2. Choose *Return*.\n3. Print the label and drop the "
	"parcel at any shop.\n\nOur offices are in a lovely old mill near the river. The cat is called "
	"Biscuit. We are closed on public holidays and during the inventory in January.";

static baton_doc returns_doc(void)
{
	return (baton_doc){
		.id = host_str("returns"),
		.title = host_str("Returning an item"),
		.uri = host_str("/help/returns"),
		.snippet = host_str(returns_text),
		.version = host_str("2026-05-01"),
		.score_ppm = 800000,
	};
}

static struct module_host *host_with(const char *config)
{
	struct module_host *host = host_new("provider-knowledge");

	assert_non_null(host);
	assert_int_equal(host_create(host, config), BATON_OK);
	return host;
}

struct asked {
	baton_msg msgs[3];
	baton_turn turn;
	baton_prompt prompt;
};

static void ask_prepare(struct asked *a, const char *text, size_t n, const baton_doc *docs,
			uint32_t n_docs)
{
	*a = (struct asked){
		.msgs = { { .role = BATON_ROLE_SYSTEM, .text = host_str("hello") },
			  { .role = BATON_ROLE_CUSTOMER, .text = host_str("thanks") },
			  { .role = BATON_ROLE_CUSTOMER, .text = { text, n } } },
		.turn = { .size = sizeof(a->turn), .n_msgs = 3, .locale = { "", 0 } },
		.prompt = { .size = sizeof(a->prompt), .docs = docs, .n_docs = n_docs },
	};
	a->turn.msgs = a->msgs;
	a->prompt.turn = &a->turn;
}

static struct host_call *start(struct module_host *host, baton_call id, const char *text,
			       const baton_doc *docs, uint32_t n_docs)
{
	const baton_provider *vt = host->vt;
	struct host_call *call = host_call_open(host, id);
	struct asked a;

	ask_prepare(&a, text, strlen(text), docs, n_docs);
	assert_int_equal(vt->start(host->inst, id, &a.prompt), BATON_OK);
	return call;
}

static void an_answer_quotes_the_passage_and_names_its_source(void **state)
{
	struct module_host *host = host_with("{\"delta_ms\":0}");
	const baton_doc doc = returns_doc();
	struct host_call *call =
		start(host, 1, "within how many days can I return an item?", &doc, 1);

	(void)state;
	assert_int_equal(call->n_ends, 1);
	assert_int_equal(call->end_reason, BATON_END_STOP);
	assert_int_equal(call->n_unknown, 0);
	assert_non_null(strstr(call->text, "You can return any item within 30 days."));
	assert_non_null(strstr(call->text, "[Returning an item](/help/returns)"));
	assert_null(strstr(call->text, "##"));
	assert_int_equal(call->n_citations, 1);
	assert_string_equal(call->citation,
			    "[{\"id\":\"returns\",\"title\":\"Returning an item\","
			    "\"uri\":\"/help/returns\",\"version\":\"2026-05-01\"}]");
	host_free(&host);
}

static void the_usage_is_an_estimate_that_costs_nothing(void **state)
{
	struct module_host *host = host_with("{\"delta_ms\":0}");
	const baton_provider *vt = host->vt;
	const baton_doc doc = returns_doc();
	struct host_call *call = start(host, 1, "return an item", &doc, 1);
	struct asked a;
	baton_usage usage = { .size = sizeof(usage) };

	(void)state;
	assert_int_equal(call->usage.flags, BATON_USAGE_ESTIMATED);
	assert_true(call->usage.in_tokens > 50 && call->usage.out_tokens > 10);
	assert_true(call->usage.cost_microusd == 0);
	ask_prepare(&a, "return an item", 14, &doc, 1);
	assert_int_equal(vt->estimate(host->inst, &a.prompt, &usage), BATON_OK);
	assert_true(usage.out_tokens == call->usage.out_tokens);
	assert_true(usage.in_tokens == call->usage.in_tokens);
	host_free(&host);
}

static void a_list_is_quoted_whole(void **state)
{
	struct module_host *host = host_with("{\"delta_ms\":0,\"quote_bytes\":60}");
	const baton_doc doc = returns_doc();
	struct host_call *call =
		start(host, 1, "where do I print the label for the parcel", &doc, 1);

	(void)state;
	assert_non_null(strstr(call->text, "1. Open your order.\n2. Choose *Return*.\n3. Print"));
	assert_null(strstr(call->text, "Biscuit"));
	host_free(&host);
}

static void the_part_that_answers_is_chosen(void **state)
{
	struct module_host *host = host_with("{\"delta_ms\":0,\"quote_bytes\":160}");
	const baton_doc doc = returns_doc();

	(void)state;
	struct host_call *call = start(host, 1, "are you closed on holidays", &doc, 1);

	assert_non_null(strstr(call->text, "closed on public holidays"));
	assert_null(strstr(call->text, "30 days"));
	host_free(&host);
}

/* Text above `quote_bytes` ends with a sentence, wrapped lines are joined, lists stay whole with
 * the line that introduces them, and the page is named once, last. */
static void an_answer_reads_like_one(void **state)
{
	static const char text[] =
		"Parcels come Monday to\nSaturday. The checkout shows the\nday for your postcode.\n\n"
		"## Email\n\nNo email?\n\n- Look into the spam\n  folder.\n- Ask us.\n\n"
		"Gift cards never expire. They are sold in\nthe shop, too.";
	static const struct {
		const char *config, *question, *answer;
	} cases[] = {
		{ "{\"delta_ms\":0,\"quote_bytes\":40}", "parcels",
		  "Parcels come Monday to Saturday.\n\n" },
		{ "{\"delta_ms\":0,\"quote_bytes\":80}", "parcels",
		  "Parcels come Monday to Saturday. The checkout shows the day for your postcode.\n\n" },
		{ "{\"delta_ms\":0,\"quote_bytes\":90}", "where is the email, in the spam folder?",
		  "No email?\n\n- Look into the spam folder.\n- Ask us.\n\n" },
		{ "{\"delta_ms\":0}", "do gift cards expire?",
		  "Gift cards never expire. They are sold in the shop, too.\n\n" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct module_host *host = host_with(cases[i].config);
		baton_doc doc = returns_doc();
		char expected[512];

		doc.snippet = host_str(text);
		snprintf(expected, sizeof(expected),
			 "%sFrom our help pages: [Returning an item](/help/returns)",
			 cases[i].answer);
		assert_string_equal(start(host, 1, cases[i].question, &doc, 1)->text, expected);
		host_free(&host);
	}
}

static void a_weak_first_find_is_not_replaced_by_a_second(void **state)
{
	struct module_host *host = host_with("{\"delta_ms\":0}");
	baton_doc docs[2] = { returns_doc(), returns_doc() };

	(void)state;
	docs[0].score_ppm = 300000;
	docs[1].id = host_str("other");
	assert_int_equal(start(host, 1, "return an item", docs, 2)->n_unknown, 1);
	host_free(&host);
}

static void not_knowing_is_said_and_marked(void **state)
{
	struct module_host *host = host_with("{\"delta_ms\":0}");
	baton_doc doc = returns_doc();

	(void)state;
	struct host_call *call = start(host, 1, "do you sell helicopters?", NULL, 0);

	assert_int_equal(call->n_unknown, 1);
	assert_int_equal(call->n_citations, 0);
	assert_int_equal(call->n_ends, 1);
	assert_int_equal(call->end_reason, BATON_END_STOP);
	assert_non_null(strstr(call->text, "could not find that"));
	assert_non_null(strstr(call->text, "colleague"));
	/* A weak find is none. */
	doc.score_ppm = 399999;
	call = start(host, 2, "within how many days can I return an item?", &doc, 1);
	assert_int_equal(call->n_unknown, 1);
	/* Nor is one that shares no word with the question. */
	doc.score_ppm = 450000;
	call = start(host, 3, "do you sell helicopters?", &doc, 1);
	assert_int_equal(call->n_unknown, 1);
	host_free(&host);
}

static void small_talk_gets_a_short_reply_and_no_source(void **state)
{
	static const char *const cases[][2] = {
		{ "hi", "Hello!" },
		{ "Hello there!!", "Hello!" },
		{ "good morning", "Hello!" },
		{ "Thanks a lot :)", "You are welcome" },
		{ "thank you so much for your help", "You are welcome" },
		{ "ok bye", "Goodbye" },
		{ "Hallo", "Womit kann ich" },
		{ "Vielen Dank!", "Gern geschehen" },
		{ "merci beaucoup", "Avec plaisir" },
		{ "\xc2\xa1Hola!", "ayudarle" },
		{ "thanks \xf0\x9f\x98\x80", "You are welcome" },
		{ "grazie mille", "Prego" },
		{ "bedankt", "Graag gedaan" },
	};
	struct module_host *host = host_with("{\"delta_ms\":0}");
	const baton_doc doc = returns_doc();

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct host_call *call = start(host, 1, cases[i][0], &doc, 1);

		if (!strstr(call->text, cases[i][1]) || call->n_unknown || call->n_citations)
			fail_msg("\"%s\" -> \"%s\"", cases[i][0], call->text);
	}
	/* More than small talk is a question. */
	assert_int_equal(start(host, 2, "hi, where is my order", NULL, 0)->n_unknown, 1);
	assert_int_equal(start(host, 3, "so?", NULL, 0)->n_unknown, 1);
	assert_int_equal(start(host, 4, "", NULL, 0)->n_unknown, 1);
	host_free(&host);
}

static void the_frame_is_in_the_customers_language(void **state)
{
	static const char *const cases[][2] = {
		{ "de", "nichts gefunden" }, { "de-AT", "nichts gefunden" },
		{ "FR", "pas trouv" },       { "es_MX", "No lo he" },
		{ "it", "Non l'ho" },        { "nl", "heb ik niet" },
		{ "deu", "could not find" }, { "x", "could not find" },
		{ "", "could not find" },
	};
	struct module_host *host = host_with("{\"delta_ms\":0}");
	const baton_provider *vt = host->vt;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct host_call *call = host_call_open(host, 1);
		struct asked a;

		ask_prepare(&a, "helicopter", 10, NULL, 0);
		a.turn.locale = host_str(cases[i][0]);
		assert_int_equal(vt->start(host->inst, 1, &a.prompt), BATON_OK);
		if (!strstr(call->text, cases[i][1]))
			fail_msg("%s: \"%s\"", cases[i][0], call->text);
	}
	host_free(&host);
}

static void an_answer_flows_in_groups_of_words(void **state)
{
	struct module_host *host = host_with("{\"delta_ms\":20}");
	const baton_doc doc = returns_doc();
	struct host_call *call = start(host, 1, "return an item", &doc, 1);

	(void)state;
	assert_int_equal(call->n_deltas, 1);
	assert_true(call->n_text >= 16 && call->n_text <= 64);
	assert_int_equal(host_timers_armed(host), 1);
	host_pass_ms(host, 19);
	assert_int_equal(call->n_deltas, 1);
	host_pass_ms(host, 1);
	assert_int_equal(call->n_deltas, 2);
	assert_int_equal(call->n_ends, 0);
	host_pass_ms(host, 5000);
	assert_int_equal(call->n_ends, 1);
	assert_int_equal(host_timers_armed(host), 0);
	/* All at once says the same. */
	struct module_host *fast = host_with("{\"delta_ms\":0}");
	struct host_call *same = start(fast, 1, "return an item", &doc, 1);

	assert_string_equal(call->text, same->text);
	host_free(&fast);
	host_free(&host);
}

static void back_pressure_stops_the_flow_until_resumed(void **state)
{
	static const char *const configs[] = { "{\"delta_ms\":0}", "{\"delta_ms\":5}" };
	const baton_doc doc = returns_doc();

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct module_host *host = host_with(configs[i]);
		const baton_provider *vt = host->vt;
		struct host_call *free_call = start(host, 2, "return an item", &doc, 1);

		host_pass_ms(host, 5000);
		struct host_call *call = host_call_open(host, 1);
		struct asked a;

		call->accept = 2;
		ask_prepare(&a, "return an item", 14, &doc, 1);
		assert_int_equal(vt->start(host->inst, 1, &a.prompt), BATON_OK);
		host_pass_ms(host, 5000);
		assert_int_equal(call->n_deltas, 2);
		assert_int_equal(call->n_ends, 0);
		assert_int_equal(host_timers_armed(host), 0);
		call->accept = 3;
		vt->resume(host->inst, 1);
		host_pass_ms(host, 5000);
		assert_int_equal(call->n_deltas, 3);
		call->accept = 0;
		vt->resume(host->inst, 1);
		/* A second resume must not make it speak twice. */
		vt->resume(host->inst, 1);
		host_pass_ms(host, 5000);
		assert_int_equal(call->n_ends, 1);
		assert_string_equal(call->text, free_call->text);
		vt->resume(host->inst, 1);
		assert_int_equal(call->n_ends, 1);
		host_free(&host);
	}
}

static void cancelling_ends_the_call_at_once(void **state)
{
	struct module_host *host = host_with("{\"delta_ms\":20}");
	const baton_provider *vt = host->vt;
	const baton_doc doc = returns_doc();
	struct host_call *one = start(host, 1, "return an item", &doc, 1);
	struct host_call *two = start(host, 2, "return an item", &doc, 1);

	(void)state;
	host_pass_ms(host, 40);
	vt->cancel(host->inst, 1, BATON_CANCEL_USER);
	assert_int_equal(one->n_fails, 1);
	assert_int_equal(one->fail, BATON_FAIL_CANCELLED);
	size_t said = one->n_text;

	vt->cancel(host->inst, 1, BATON_CANCEL_USER);
	vt->cancel(host->inst, 9, BATON_CANCEL_USER);
	host_pass_ms(host, 5000);
	assert_int_equal(one->n_text, said);
	assert_int_equal(one->n_fails, 1);
	assert_int_equal(one->n_ends, 0);
	assert_int_equal(two->n_ends, 1);
	host_free(&host);
}

static void a_call_that_the_host_ended_is_forgotten(void **state)
{
	struct module_host *host = host_with("{\"delta_ms\":20}");
	const baton_doc doc = returns_doc();
	struct host_call *call = start(host, 1, "return an item", &doc, 1);

	(void)state;
	call->stale = true;
	host_pass_ms(host, 5000);
	assert_int_equal(call->n_deltas, 1);
	assert_int_equal(host_timers_armed(host), 0);
	/* Destroying with a stream open (the host fenced it) leaks nothing and stops its timer. */
	start(host, 2, "return an item", &doc, 1);
	host_destroy(host);
	assert_int_equal(host_timers_armed(host), 0);
	assert_int_equal(host_create(host, "{}"), BATON_OK);
	host_free(&host);
}

static void a_link_is_only_made_of_an_address(void **state)
{
	static const struct {
		const char *uri;
		bool link;
	} cases[] = {
		{ "/help/returns", true },
		{ "https://shop.example/a?b=1#c", true },
		{ "http://shop.example/", true },
		{ "javascript:alert(1)", false },
		{ "//evil.example/", false },
		{ "/a)[x](https://evil.example", false },
		{ "data:text/html,x", false },
		{ "/with space", false },
		{ "", false },
		{ "HTTPS://x", false },
		{ "/\xc3\xa4", false },
	};
	struct module_host *host = host_with("{\"delta_ms\":0}");

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		baton_doc doc = returns_doc();

		doc.uri = host_str(cases[i].uri);
		doc.title = host_str("A [b](c) *d*");
		struct host_call *call = start(host, 1, "return an item", &doc, 1);

		if ((strstr(call->text, "](") != NULL) != cases[i].link &&
		    !strstr(call->text, "A \\[b\\](c) \\*d\\*"))
			fail_msg("%s -> %s", cases[i].uri, call->text);
		if ((strstr(call->text, "](/") || strstr(call->text, "](http")) != cases[i].link)
			fail_msg("%s -> %s", cases[i].uri, call->text);
	}
	host_free(&host);
}

/* Whole UTF-8 characters only, also at every border between two deltas. */
static bool is_utf8(const char *text, size_t n)
{
	json_t *json = json_stringn(text, n);
	bool is_valid = json != NULL;

	json_decref(json);
	return is_valid;
}

static void no_bytes_can_break_it(void **state)
{
	struct module_host *host = host_with("{\"delta_ms\":0}");
	const baton_provider *vt = host->vt;
	char text[3000], question[300];
	uint32_t random = 99;

	(void)state;
	for (unsigned round = 0; round < 300; round++) {
		size_t n = round * 37 % sizeof(text), n_question = round * 11 % sizeof(question);

		for (size_t i = 0; i < n; i++) {
			random = random * 1664525U + 1013904223U;
			text[i] = (char)(random >> (round % 2 ? 24 : 25));
		}
		for (size_t i = 0; i < n_question; i++)
			question[i] = text[n > 0 ? (i * 7) % n : 0];
		baton_doc docs[2] = { returns_doc(), returns_doc() };

		docs[0].snippet = (baton_str){ text, n };
		docs[0].title = docs[0].uri = docs[0].id = (baton_str){ text, n / 8 };
		docs[0].score_ppm = 1000000;
		docs[1].snippet = (baton_str){ NULL, 0 };
		struct host_call *call = host_call_open(host, 1);
		struct asked a;

		ask_prepare(&a, question, n_question, docs, 2);
		assert_int_equal(vt->start(host->inst, 1, &a.prompt), BATON_OK);
		assert_int_equal(call->n_ends, 1);
		assert_true(is_utf8(call->text, call->n_text));
	}
	host_free(&host);
}

static void every_delta_is_whole_characters(void **state)
{
	struct module_host *host = host_with("{\"delta_ms\":10,\"quote_bytes\":4000}");
	char body[2000] = "parcel ";
	baton_doc doc = returns_doc();

	(void)state;
	for (unsigned i = 0; i < 300; i++)
		snprintf(body + strlen(body), sizeof(body) - strlen(body), "%s",
			 i % 3 ? "\xe2\x82\xac" : "\xf0\x9f\x9a\x9a");
	doc.snippet = host_str(body);
	struct host_call *call = start(host, 1, "parcel", &doc, 1);

	for (unsigned i = 0; i < 1000 && call->n_ends == 0; i++) {
		assert_true(is_utf8(call->text, call->n_text));
		host_pass_ms(host, 10);
	}
	assert_int_equal(call->n_ends, 1);
	host_free(&host);
}

static int32_t to_text(void *ud, const void *p, size_t n)
{
	return snprintf(ud, 1024, "%.*s", (int)n, (const char *)p) < 1024 ? BATON_OK
									  : BATON_E_LIMIT;
}

static void it_says_what_it_is_and_tests_itself(void **state)
{
	struct module_host *host = host_with("{}");
	const baton_provider *vt = host->vt;
	char text[1024] = "";
	const baton_sink sink = { .size = sizeof(sink), .ud = text, .write = to_text };

	(void)state;
	assert_int_equal(vt->models(host->inst, &sink), BATON_OK);
	json_t *list = json_loads(text, 0, NULL);

	assert_string_equal(json_string_value(json_object_get(json_array_get(list, 0), "name")),
			    "knowledge");
	json_decref(list);
	for (uint32_t level = 0; level < 2; level++) {
		struct host_call *call = host_call_open(host, 1);

		host->module->check(host->inst, 1, level);
		assert_int_equal(call->n_ends, 1);
	}
	/* What it cannot do it does not start. */
	struct asked a;

	ask_prepare(&a, "x", 1, NULL, 0);
	a.prompt.response_schema = host_str("{\"type\":\"object\"}");
	assert_int_equal(vt->start(host->inst, 2, &a.prompt), BATON_E_UNSUPPORTED);
	host_free(&host);
}

static void a_wrong_configuration_is_refused_with_a_reason(void **state)
{
	static const char *const configs[] = { "[]",
					       "x",
					       "{\"delta_ms\":-1}",
					       "{\"delta_ms\":5000}",
					       "{\"delta_ms\":\"5\"}",
					       "{\"min_score_ppm\":1000001}",
					       "{\"quote_bytes\":100000}" };
	struct module_host *host = host_new("provider-knowledge");

	(void)state;
	for (size_t i = 0; i < sizeof(configs) / sizeof(configs[0]); i++) {
		unsigned logs = host->n_logs;

		if (host_create(host, configs[i]) != BATON_E_INVAL)
			fail_msg("accepted: %s", configs[i]);
		assert_true(host->n_logs > logs);
	}
	assert_int_equal(host_create(host, "{\"policy\":{\"articles\":[]},\"quote_bytes\":0}"),
			 BATON_OK);
	host_free(&host);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_answer_quotes_the_passage_and_names_its_source),
		cmocka_unit_test(the_usage_is_an_estimate_that_costs_nothing),
		cmocka_unit_test(a_list_is_quoted_whole),
		cmocka_unit_test(the_part_that_answers_is_chosen),
		cmocka_unit_test(an_answer_reads_like_one),
		cmocka_unit_test(a_weak_first_find_is_not_replaced_by_a_second),
		cmocka_unit_test(not_knowing_is_said_and_marked),
		cmocka_unit_test(small_talk_gets_a_short_reply_and_no_source),
		cmocka_unit_test(the_frame_is_in_the_customers_language),
		cmocka_unit_test(an_answer_flows_in_groups_of_words),
		cmocka_unit_test(back_pressure_stops_the_flow_until_resumed),
		cmocka_unit_test(cancelling_ends_the_call_at_once),
		cmocka_unit_test(a_call_that_the_host_ended_is_forgotten),
		cmocka_unit_test(a_link_is_only_made_of_an_address),
		cmocka_unit_test(no_bytes_can_break_it),
		cmocka_unit_test(every_delta_is_whole_characters),
		cmocka_unit_test(it_says_what_it_is_and_tests_itself),
		cmocka_unit_test(a_wrong_configuration_is_refused_with_a_reason),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
