/* SPDX-License-Identifier: Apache-2.0 */

/* classifier-linear: what a message names, several wishes in one message, the wish for a person. */

#include "tests/unit/module_host.h"

#include <time.h>

/* after the standard headers that cmocka needs first */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { CAP = 5 };

static const char small_config[] =
	"{\"policy\":{\"intents\":["
	"{\"name\":\"refund\",\"tier\":2,\"examples\":[\"I want my money back\",\"can I get a refund\","
	"\"refund my order please\",\"how long does a refund take\",\"you have not refunded me yet\","
	"\"where is my refund\",\"I returned it, when will I be paid back\",\"refund to my card\"]},"
	"{\"name\":\"delivery\",\"tier\":1,\"examples\":[\"where is my parcel\",\"when will my order arrive\","
	"\"track my delivery\",\"my package is late\",\"the courier never came\","
	"\"how long does shipping take\",\"has my order been sent\",\"delivery status of my order\"]},"
	"{\"name\":\"password\",\"tier\":1,\"examples\":[\"I forgot my password\",\"reset my password\","
	"\"I cannot log in\",\"my account is locked\",\"how do I change my password\","
	"\"the login code does not arrive\",\"sign in does not work\",\"lost access to my account\"]},"
	"{\"name\":\"opening-hours\",\"tier\":1,\"examples\":[\"when are you open\","
	"\"what are your opening hours\",\"are you open on sunday\",\"when do you close today\","
	"\"is the shop open on holidays\",\"what time does the store open\","
	"\"until when is the store open\",\"store hours please\"]}]}}";

struct answer {
	baton_intents out;
	baton_intent v[CAP];
};

static struct answer ask_bytes(struct module_host *host, const char *text, size_t n)
{
	const baton_classifier *vt = host->vt;
	const baton_msg msgs[] = {
		{ .role = BATON_ROLE_CUSTOMER, .text = host_str("I want my money back") },
		{ .role = BATON_ROLE_CUSTOMER, .text = { text, n } },
		{ .role = BATON_ROLE_BOT, .text = host_str("reset my password") },
	};
	const baton_turn turn = { .size = sizeof(turn), .msgs = msgs, .n_msgs = 3 };
	struct answer a = { .out = { .size = sizeof(a.out), .cap = CAP } };

	a.out.v = a.v;
	assert_int_equal(vt->classify(host->inst, 1, &turn, &a.out), BATON_OK);
	return a;
}

static struct answer ask(struct module_host *host, const char *text)
{
	return ask_bytes(host, text, strlen(text));
}

static bool is_named(const struct answer *a, const char *name)
{
	return a->out.n > 0 && a->v[0].name.n == strlen(name) &&
	       memcmp(a->v[0].name.p, name, strlen(name)) == 0;
}

static struct module_host *small_host(void)
{
	struct module_host *host = host_new("classifier-linear");

	assert_non_null(host);
	assert_int_equal(host_create(host, small_config), BATON_OK);
	return host;
}

static double cpu_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec / 1e6;
}

static const char slot_config[] =
	"{\"policy\":{\"intents\":["
	"{\"name\":\"order\",\"min_confidence_ppm\":300000,\"slots\":["
	"{\"name\":\"order\",\"type\":\"pattern\",\"pattern\":\"\\\\b(\\\\d{4}-\\\\d{2})\\\\b\",\"words\":[]},"
	"{\"name\":\"when\",\"type\":\"date\",\"pattern\":\"\",\"words\":[]},"
	"{\"name\":\"mail\",\"type\":\"email\"},{\"name\":\"count\",\"type\":\"number\"},"
	"{\"name\":\"size\",\"type\":\"words\",\"words\":[\"Large\",\"Extra Large\",\"Gr\u00f6\u00dfe 40\"]},"
	"{\"name\":\"slow\",\"type\":\"pattern\",\"pattern\":\"(x+x+)+y\"}],"
	"\"examples\":[\"where is my order\",\"track my parcel\",\"when does my order arrive\","
	"\"order status please\",\"has my order been sent\"]},"
	"{\"name\":\"return\",\"min_confidence_ppm\":300000,\"examples\":[\"I want to return the lamp\","
	"\"send it back\",\"return an item\",\"how can I give something back\",\"I do not want to keep it\"]},"
	"{\"name\":\"hours\",\"examples\":[\"when are you open\",\"opening hours on sunday\","
	"\"what time do you close\",\"are you open today\"]}]}}";

static struct answer ask_after(struct module_host *host, const char *text, const char *intent,
			       const char *locale)
{
	const baton_classifier *vt = host->vt;
	const baton_msg msg = { .role = BATON_ROLE_CUSTOMER, .text = host_str(text) };
	const baton_turn turn = { .size = sizeof(turn),
				  .msgs = &msg,
				  .n_msgs = 1,
				  .intent = host_str(intent),
				  .locale = host_str(locale) };
	struct answer a = { .out = { .size = sizeof(a.out), .cap = CAP } };

	a.out.v = a.v;
	assert_int_equal(vt->classify(host->inst, 1, &turn, &a.out), BATON_OK);
	return a;
}

static void names(const struct answer *a, const char *json)
{
	if (a->out.n == 0 || a->v[0].entities_json.n != strlen(json) ||
	    memcmp(a->v[0].entities_json.p, json, strlen(json)) != 0)
		fail_msg("%.*s, not %s", a->out.n ? (int)a->v[0].entities_json.n : 4,
			 a->out.n ? a->v[0].entities_json.p : "none", json);
}

static void slots_of_every_type_are_found(void **state)
{
	static const char *const cases[][3] = {
		{ "where is my order 4711-22", "", "{\"order\":\"4711-22\",\"count\":\"4711\"}" },
		{ "where is my order? me@shop.example", "", "{\"mail\":\"me@shop.example\"}" },
		{ "where is my order, I am [EMAIL_1]", "", "{\"mail\":\"[EMAIL_1]\"}" },
		{ "has my order of 3 March 2026 been sent", "",
		  "{\"when\":\"2026-03-03\",\"count\":\"3\"}" },
		{ "has my order of March 4th, 2026 been sent", "",
		  "{\"when\":\"2026-03-04\",\"count\":\"2026\"}" },
		{ "has my order of 5.3.26 been sent", "de",
		  "{\"when\":\"2026-03-05\",\"count\":\"5.3.26\"}" },
		{ "has my order of 5/3/2026 been sent", "en-US",
		  "{\"when\":\"2026-05-03\",\"count\":\"5\"}" },
		{ "where is my order of yesterday", "", "{\"when\":\"yesterday\"}" },
		{ "where is my order of an extra  large shirt", "", "{\"size\":\"Extra Large\"}" },
		{ "where is my order, GR\xc3\x96SSE 40 gr\xc3\xb6\xc3\x9f"
		  "e 40",
		  "",
		  "{\"count\":\"40\",\"size\":\"Gr\xc3\xb6\xc3\x9f"
		  "e 40\"}" },
		{ "where is my order of 45.99.2026", "", "{\"count\":\"45.99.2026\"}" },
		{ "where is my order", "", "" },
	};
	struct module_host *host = host_new("classifier-linear");

	(void)state;
	assert_int_equal(host_create(host, slot_config), BATON_OK);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct answer a = ask_after(host, cases[i][0], "", cases[i][1]);

		assert_true(is_named(&a, "order"));
		names(&a, cases[i][2]);
	}
	host_free(&host);
}

static void a_pattern_that_would_try_for_ever_finds_nothing(void **state)
{
	struct module_host *host = host_new("classifier-linear");
	char text[400] = "where is my order ";
	double begun;

	(void)state;
	assert_int_equal(host_create(host, slot_config), BATON_OK);
	memset(text + strlen(text), 'x', 300);
	begun = cpu_ms();
	struct answer a = ask_after(host, text, "", "");

	assert_true(cpu_ms() - begun < 50);
	assert_true(is_named(&a, "order"));
	names(&a, "");
	host_free(&host);
}

static void a_bare_number_answers_what_was_asked_before(void **state)
{
	struct module_host *host = host_new("classifier-linear");

	(void)state;
	assert_int_equal(host_create(host, slot_config), BATON_OK);
	struct answer a = ask_after(host, "4711-22", "order", "");

	assert_true(is_named(&a, "order"));
	assert_in_range(a.v[0].confidence_ppm, 500000, 1000000);
	assert_true(a.out.out_of_scope_ppm < 500000);
	names(&a, "{\"order\":\"4711-22\",\"count\":\"4711\"}");
	a = ask_after(host, "4711-22", "", "");
	assert_true(a.out.n == 0 || a.v[0].confidence_ppm < 500000);
	a = ask_after(host, "4711-22", "return", "");
	assert_true(!is_named(&a, "order") || a.v[0].confidence_ppm < 500000);
	a = ask_after(host, "I want to return the lamp", "order", "");
	assert_true(is_named(&a, "return"));
	host_free(&host);
}

static void two_wishes_in_one_message_are_two_intents(void **state)
{
	struct module_host *host = small_host();
	struct answer a = ask(host, "I forgot my password. And where is my parcel?");
	bool delivery = false, password = false;

	(void)state;
	for (uint32_t i = 0; i < 2 && i < a.out.n; i++) {
		delivery |= strncmp(a.v[i].name.p, "delivery", a.v[i].name.n) == 0;
		password |= strncmp(a.v[i].name.p, "password", a.v[i].name.n) == 0;
	}
	assert_true(delivery && password);
	for (uint32_t i = 1; i < a.out.n; i++)
		assert_true(a.v[i].confidence_ppm <= a.v[i - 1].confidence_ppm);
	host_free(&host);
}

static void a_wish_for_a_person_is_a_number(void **state)
{
	static const struct {
		const char *text;
		bool wishes;
	} cases[] = {
		{ "please let me speak with someone else", true },
		{ "pass me to a human", true },
		{ "ich m\xc3\xb6"
		  "chte mit einem Mitarbeiter sprechen",
		  true },
		{ "je veux parler \xc3\xa0 un conseiller", true },
		{ "quiero hablar con una persona", true },
		{ "I am tired of talking to a bot", true },
		{ "agent please", true },
		{ "my delivery person left it outside", false },
		{ "are you a real person?", false },
		{ "you do not need to transfer me to a person", false },
		{ "how many people can sit at the table", false },
		{ "where is my parcel", false },
		{ "", false },
	};
	struct module_host *host = small_host();

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint32_t ppm = ask(host, cases[i].text).out.human_ppm;

		if ((ppm >= 500000) != cases[i].wishes)
			fail_msg("\"%s\": %u", cases[i].text, ppm);
	}
	host_free(&host);
}

static void an_older_host_is_told_what_it_knows(void **state)
{
	struct module_host *host = small_host();
	const baton_classifier *vt = host->vt;
	const baton_msg msg = { .role = BATON_ROLE_CUSTOMER, .text = host_str("a human please") };
	const baton_turn turn = { .size = sizeof(turn), .msgs = &msg, .n_msgs = 1 };
	baton_intent v[CAP];
	baton_intents out = { .size = offsetof(baton_intents, out_of_scope_ppm),
			      .cap = CAP,
			      .v = v,
			      .out_of_scope_ppm = 7,
			      .human_ppm = 7 };

	(void)state;
	assert_int_equal(vt->classify(host->inst, 1, &turn, &out), BATON_OK);
	assert_int_equal(out.out_of_scope_ppm, 7);
	assert_int_equal(out.human_ppm, 7);
	host_free(&host);
}

static void wrong_slots_are_refused(void **state)
{
	static const char *const slots[] = {
		"7",
		"[{}]",
		"[{\"name\":\"a\"}]",
		"[{\"name\":\"a\",\"type\":\"words\"}]",
		"[{\"name\":\"a\",\"type\":\"pattern\"}]",
		"[{\"name\":\"a\",\"type\":\"pattern\",\"pattern\":\"(\"}]"
	};
	struct module_host *host = host_new("classifier-linear");

	(void)state;
	for (size_t i = 0; i < sizeof(slots) / sizeof(slots[0]); i++) {
		char config[300];

		snprintf(config, sizeof(config),
			 "{\"policy\":{\"intents\":[{\"name\":\"a\",\"examples\":[\"b c\"],"
			 "\"slots\":%s}]}}",
			 slots[i]);
		if (!host_refuses(host, config))
			fail_msg("accepted: %s", config);
	}
	host_free(&host);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(slots_of_every_type_are_found),
		cmocka_unit_test(a_pattern_that_would_try_for_ever_finds_nothing),
		cmocka_unit_test(a_bare_number_answers_what_was_asked_before),
		cmocka_unit_test(two_wishes_in_one_message_are_two_intents),
		cmocka_unit_test(a_wish_for_a_person_is_a_number),
		cmocka_unit_test(an_older_host_is_told_what_it_knows),
		cmocka_unit_test(wrong_slots_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
