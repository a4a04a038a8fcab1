/* SPDX-License-Identifier: Apache-2.0 */

/* retriever-fts through its entry symbol: a small shop, StackFAQ for the quality of the ranking,
 * and questions that try to speak FTS5. */

#include "tests/unit/module_host.h"

#include <jansson.h>
#include <math.h>
#include <time.h>

/* after the standard headers that cmocka needs first */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* What was measured on StackFAQ, less one point. */
#define NDCG_FLOOR 0.884

static const char shop_config[] =
	"{\"policy\":{\"articles\":["
	"{\"id\":\"returns\",\"title\":\"Returning an item\",\"uri\":\"/help/returns\","
	"\"updated\":\"2026-05-01\",\"also\":[\"send something back\",\"how do I return my order\"],"
	"\"text\":\"You can return any item within 30 days.\\n\\n## How to\\n\\n1. Open your order.\\n"
	"2. Choose *Return*.\\n3. Print the label.\\n\\n## Refund\\n\\nThe money is back on your card "
	"within five days after the parcel reached us.\"},"
	"{\"id\":\"shipping\",\"title\":\"Shipping times and costs\",\"uri\":\"/help/shipping\","
	"\"updated\":\"2026-04-11T08:30:00Z\",\"also\":[\"where is my parcel\",\"how long does delivery "
	"take\"],\"text\":\"Standard delivery takes two to four days and costs 4.90. Express arrives the "
	"next day.\"},"
	"{\"id\":\"password\",\"title\":\"Resetting your password\",\"uri\":\"/help/password\","
	"\"updated\":\"3\",\"also\":[\"I cannot log in\",\"account locked\"],"
	"\"text\":\"Choose *Forgot password* on the sign-in page. The link is valid for one hour.\"},"
	"{\"id\":\"gr\xc3\xb6\xc3\x9f"
	"en\",\"title\":\"Gr\xc3\xb6\xc3\x9f"
	"entabelle\",\"also\":[],"
	"\"text\":\"Unsere Schuhe fallen normal aus.\"}]}}";

static struct module_host *shop_host(void)
{
	struct module_host *host = host_new("retriever-fts");

	assert_non_null(host);
	assert_int_equal(host_create(host, shop_config), BATON_OK);
	return host;
}

static struct host_call *ask_bytes(struct module_host *host, const char *text, size_t n, uint32_t k)
{
	const baton_retriever *vt = host->vt;
	const baton_turn turn = { .size = sizeof(turn) };
	const baton_query query = {
		.size = sizeof(query), .k = k, .turn = &turn, .text = { text, n }
	};
	struct host_call *call = host_call_open(host, 1);

	assert_int_equal(vt->search(host->inst, 1, &query), BATON_OK);
	assert_int_equal(call->n_ends, 1);
	assert_int_equal(call->n_fails, 0);
	assert_int_equal(call->n_results, 1);
	assert_true(call->n_docs <= k);
	return call;
}

static struct host_call *ask(struct module_host *host, const char *text)
{
	return ask_bytes(host, text, strlen(text), 10);
}

static bool is_str(baton_str str, const char *text)
{
	return str.n == strlen(text) && memcmp(str.p, text, str.n) == 0;
}

static void a_question_finds_its_article(void **state)
{
	static const char *const cases[][2] = {
		{ "How do I return my order?", "returns" },
		{ "i want to send this back", "returns" },
		{ "when do I get my money back on my card", "returns" },
		{ "where is my parcel??", "shipping" },
		{ "delivery time", "shipping" },
		{ "can't log in", "password" },
		{ "forgot pasword", "password" },
		{ "Gr\xc3\xb6\xc3\x9f"
		  "entabelle",
		  "gr\xc3\xb6\xc3\x9f"
		  "en" },
		{ "GR\xc3\x96SSENTABELLE schuhe", "gr\xc3\xb6\xc3\x9f"
						  "en" },
	};
	struct module_host *host = shop_host();

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct host_call *call = ask(host, cases[i][0]);

		if (call->n_docs == 0 || !is_str(call->docs[0].id, cases[i][1]))
			fail_msg("\"%s\" does not find %s", cases[i][0], cases[i][1]);
	}
	host_free(&host);
}

static void a_document_says_where_it_is_from_and_how_old_it_is(void **state)
{
	struct module_host *host = shop_host();
	baton_doc doc = ask(host, "where is my parcel")->docs[0];

	(void)state;
	assert_true(is_str(doc.title, "Shipping times and costs"));
	assert_true(is_str(doc.uri, "/help/shipping"));
	assert_true(is_str(doc.version, "2026-04-11T08:30:00Z"));
	assert_true(doc.updated_unix_ms == UINT64_C(1775896200000));
	assert_true(doc.snippet.n > 40 && memcmp(doc.snippet.p, "Standard delivery", 17) == 0);
	assert_in_range(doc.score_ppm, 500000, 1000000);
	doc = ask(host, "reset password")->docs[0];
	assert_true(is_str(doc.version, "3"));
	assert_true(doc.updated_unix_ms == 0);
	host_free(&host);
}

static void passages_end_at_headings_and_the_best_comes_first(void **state)
{
	struct module_host *host = shop_host();
	struct host_call *call = ask(host, "when is the money back on my card after a return");

	(void)state;
	assert_true(call->n_docs >= 2);
	assert_true(is_str(call->docs[0].id, "returns"));
	assert_true(memcmp(call->docs[0].snippet.p, "## Refund", 9) == 0);
	for (uint32_t i = 0; i < call->n_docs; i++) {
		unsigned same = 0;

		for (uint32_t k = 0; k < call->n_docs; k++)
			same += call->docs[k].id.p == call->docs[i].id.p;
		assert_true(same <= 2);
	}
	host_free(&host);
}

static const char intents_config[] =
	"{\"policy\":{\"articles\":["
	"{\"id\":\"returns\",\"title\":\"Returning an item\",\"intents\":[\"return-policy\"],"
	"\"text\":\"Thirty days, in the box it came in, whatever the reason.\"},"
	"{\"id\":\"care\",\"title\":\"Care of wood\",\"intents\":[\"care\",\"advice\"],"
	"\"text\":\"Lamps want a dry cloth, tables want oil.\"},"
	"{\"id\":\"hours\",\"title\":\"Opening hours\",\"text\":\"Nine to five.\"}]}}";

static struct host_call *ask_as(struct module_host *host, const char *text, const char *intent)
{
	const baton_retriever *vt = host->vt;
	const baton_turn turn = { .size = sizeof(turn), .intent = host_str(intent) };
	const baton_query query = {
		.size = sizeof(query), .k = 5, .turn = &turn, .text = host_str(text)
	};
	struct host_call *call = host_call_open(host, 1);

	assert_int_equal(vt->search(host->inst, 1, &query), BATON_OK);
	return call;
}

static void an_article_that_declares_the_intent_comes_first(void **state)
{
	struct module_host *host = host_new("retriever-fts");

	(void)state;
	assert_int_equal(host_create(host, intents_config), BATON_OK);
	struct host_call *call = ask_as(host, "my lamps and tables came in a box", "");

	assert_true(call->n_docs > 0 && is_str(call->docs[0].id, "care"));
	call = ask_as(host, "my lamps and tables came in a box", "return-policy");
	assert_true(call->n_docs > 1 && is_str(call->docs[0].id, "returns"));
	/* An intent that nobody declares, or a part of a name, changes nothing. */
	call = ask_as(host, "my lamps and tables came in a box", "retur");
	assert_true(call->n_docs > 0 && is_str(call->docs[0].id, "care"));
	/* What was said must support it: a guess of the classifier alone is no answer. */
	call = ask_as(host, "my oranges", "return-policy");
	assert_true(call->n_docs == 0 || call->docs[0].score_ppm < 400000);
	assert_int_equal(ask_as(host, "???", "return-policy")->n_docs, 0);
	host_free(&host);
}

static void another_word_for_the_same_thing_finds_it(void **state)
{
	static const char *const texts[] = { "where is my package", "shipments" };
	struct module_host *host = shop_host();

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct host_call *call = ask(host, texts[i]);

		if (call->n_docs == 0 || !is_str(call->docs[0].id, "shipping"))
			fail_msg("%s", texts[i]);
	}
	host_free(&host);
}

static void the_opening_of_an_article_comes_first_if_no_other_part_fits_better(void **state)
{
	struct module_host *host = shop_host();
	struct host_call *call = ask(host, "can I return a lamp");

	(void)state;
	assert_true(call->n_docs >= 2);
	assert_true(is_str(call->docs[0].id, "returns") && is_str(call->docs[1].id, "returns"));
	assert_true(memcmp(call->docs[0].snippet.p, "You can return", 14) == 0);
	host_free(&host);
}

static void what_no_article_covers_scores_low(void **state)
{
	static const char *const texts[] = {
		"what is the capital of France", "how do you do", "who are you",
		"tell me a joke about penguins", "is it",
	};
	struct module_host *host = shop_host();

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct host_call *call = ask(host, texts[i]);

		if (call->n_docs > 0 && call->docs[0].score_ppm >= 400000)
			fail_msg("\"%s\" scores %u", texts[i], call->docs[0].score_ppm);
	}
	host_free(&host);
}

static void empty_and_garbage_questions_end_normally_without_documents(void **state)
{
	static const char *const texts[] = { "",  " ",        "???",          "\"\"\"",
					     "'", "\xff\xfe", "\xe2\x80\x9c", "--" };
	struct module_host *host = shop_host();

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_int_equal(ask(host, texts[i])->n_docs, 0);
	const baton_retriever *vt = host->vt;
	const baton_query nothing = { .size = sizeof(nothing), .k = 5 };
	struct host_call *call = host_call_open(host, 2);

	assert_int_equal(vt->search(host->inst, 2, &nothing), BATON_OK);
	assert_int_equal(call->n_docs, 0);
	assert_int_equal(call->n_ends, 1);
	host_free(&host);
}

static void a_customer_cannot_speak_fts(void **state)
{
	static const char *const texts[] = {
		"parcel AND NOT",
		"parcel OR",
		"NEAR(parcel, 3)",
		"title:parcel",
		"{title also}: parcel",
		"parcel*",
		"^parcel",
		"\"parcel",
		"parcel\" OR \"x",
		"parcel'; DROP TABLE words; --",
		"- title : parcel",
		"((((parcel",
		"words MATCH parcel",
		"parcel + parcel",
	};
	struct module_host *host = shop_host();

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct host_call *call = ask(host, texts[i]);

		if (call->n_docs == 0 || !is_str(call->docs[0].id, "shipping"))
			fail_msg("%s", texts[i]);
	}
	host_free(&host);
}

static void no_bytes_can_break_it(void **state)
{
	struct module_host *host = shop_host();
	char *text = malloc(20000);
	uint32_t random = 7;

	(void)state;
	assert_non_null(text);
	for (unsigned round = 0; round < 200; round++) {
		size_t n = round * 97 % 20000;

		for (size_t i = 0; i < n; i++) {
			random = random * 1664525U + 1013904223U;
			text[i] = (char)(random >> (round % 2 ? 24 : 25));
		}
		ask_bytes(host, text, n, round % 50);
	}
	for (size_t i = 0; i < 20000; i++)
		text[i] = i % 2 ? ' ' : (char)('a' + i / 2 % 26);
	ask_bytes(host, text, 20000, 10);
	memset(text, 'x', 20000);
	ask_bytes(host, text, 20000, 10);
	ask_bytes(host, "a\0parcel\0", 9, 10);
	free(text);
	host_free(&host);
}

/* --- the filter --- */

static const char mixed_config[] =
	"{\"policy\":{\"articles\":["
	"{\"id\":\"returns\",\"title\":\"Returning a parcel\",\"audience\":\"customers\","
	"\"intents\":[\"return-policy\"],\"text\":\"Thirty days.\"},"
	"{\"id\":\"goodwill\",\"title\":\"Goodwill when a parcel is returned late\","
	"\"audience\":\"agents\",\"intents\":[\"return-policy\"],\"text\":\"Up to 20 pounds.\"},"
	"{\"id\":\"parcel\",\"title\":\"Where is my parcel\",\"text\":\"Two days.\"},"
	"{\"id\":\"paket\",\"title\":\"Wo ist mein parcel\",\"language\":\"de-AT\","
	"\"text\":\"Zwei Tage.\"}]}}";

static int32_t search_in(struct module_host *host, const char *filter, struct host_call **call)
{
	const baton_retriever *vt = host->vt;
	const baton_turn turn = { .size = sizeof(turn) };
	const baton_query query = { .size = sizeof(query),
				    .k = 10,
				    .turn = &turn,
				    .text = host_str("parcel"),
				    .filter_json = host_str(filter) };

	*call = host_call_open(host, 1);
	return vt->search(host->inst, 1, &query);
}

/* "goodwill paket": ids that come, sorted. */
static void finds_only(struct module_host *host, const char *filter, const char *ids)
{
	static const char *const all[] = { "goodwill", "paket", "parcel", "returns" };
	struct host_call *call;
	char found[128] = "";

	assert_int_equal(search_in(host, filter, &call), BATON_OK);
	for (size_t a = 0; a < 4; a++) {
		bool is_there = false;

		for (uint32_t i = 0; i < call->n_docs; i++)
			is_there |= is_str(call->docs[i].id, all[a]);
		if (is_there)
			snprintf(found + strlen(found), sizeof(found) - strlen(found), "%s%s",
				 found[0] ? " " : "", all[a]);
	}
	if (strcmp(found, ids) != 0)
		fail_msg("%s finds %s", filter, found);
}

static void a_filter_leaves_out_what_it_says(void **state)
{
	struct module_host *host = host_new("retriever-fts");

	(void)state;
	assert_int_equal(host_create(host, mixed_config), BATON_OK);
	finds_only(host, "", "goodwill paket parcel returns");
	finds_only(host, "{}", "goodwill paket parcel returns");
	finds_only(host, "{\"audience\":\"customers\"}", "paket parcel returns");
	finds_only(host, "{\"audience\":\"agents\"}", "goodwill");
	finds_only(host, "{\"language\":\"DE\"}", "paket");
	finds_only(host, "{\"language\":\"en-GB\"}", "goodwill parcel returns");
	finds_only(host, "{\"language\":\"fr\"}", "");
	finds_only(host, "{\"intent\":\"return-policy\"}", "goodwill returns");
	finds_only(host, "{\"intent\":\"return-policy\",\"audience\":\"customers\"}", "returns");
	finds_only(host, "{\"intent\":\"other\"}", "");
	/* And the next one sees all of it again. */
	finds_only(host, "", "goodwill paket parcel returns");
	host_free(&host);
}

static void a_filter_that_is_not_understood_is_refused_rather_than_ignored(void **state)
{
	static const struct {
		const char *filter;
		int32_t rc;
	} cases[] = {
		{ "{\"lang\":\"de\"}", BATON_E_UNSUPPORTED },
		{ "{\"audience\":\"customers\",\"x\":1}", BATON_E_UNSUPPORTED },
		{ "{\"audience\":\"everybody\"}", BATON_E_INVAL },
		{ "{\"audience\":1}", BATON_E_INVAL },
		{ "{\"audience\":\"\"}", BATON_E_INVAL },
		{ "{\"audience\":\"customers-and-very-many-others\"}", BATON_E_INVAL },
		{ "{\"language\":\"?\"}", BATON_E_INVAL },
		{ "{\"language\":[\"de\"]}", BATON_E_INVAL },
		{ "{\"intent\":null}", BATON_E_INVAL },
		{ "{\"audience\":\"customers\",\"audience\":\"agents\"}", BATON_E_INVAL },
		{ "[]", BATON_E_INVAL },
		{ "customers", BATON_E_INVAL },
		{ "{\"audience\":\"customers\"", BATON_E_INVAL },
		{ "\xff", BATON_E_INVAL },
	};
	struct module_host *host = shop_host();
	struct host_call *call;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int32_t rc = search_in(host, cases[i].filter, &call);

		if (rc != cases[i].rc || call->n_docs > 0)
			fail_msg("%s: %d", cases[i].filter, rc);
	}
	host_free(&host);
}

/* --- freshness --- */

static const char dated_config[] =
	"{\"policy\":{\"articles\":["
	"{\"id\":\"old\",\"title\":\"Delivery before Christmas\",\"valid_until\":\"2025-12-24\","
	"\"text\":\"Order until the 20th.\"},"
	"{\"id\":\"new\",\"title\":\"Delivery before Christmas day\",\"valid_until\":\"2026-12-24\","
	"\"text\":\"Order until the 18th.\"},"
	"{\"id\":\"cards\",\"title\":\"Gift cards\",\"valid_until\":\"2025-01-01\","
	"\"text\":\"Valid for five years.\"},"
	"{\"id\":\"ever\",\"title\":\"Opening hours\",\"valid_until\":\"\",\"text\":\"Nine to five.\"}"
	"]}}";

static const baton_doc *first_doc(struct module_host *host, const char *text, const char *id)
{
	struct host_call *call = ask(host, text);

	if (call->n_docs == 0 || !is_str(call->docs[0].id, id))
		fail_msg("\"%s\" does not find %s first, but %.*s", text, id,
			 call->n_docs ? (int)call->docs[0].id.n : 0,
			 call->n_docs ? call->docs[0].id.p : "");
	return &call->docs[0];
}

static void an_article_past_its_date_is_marked_ranked_lower_and_found(void **state)
{
	struct module_host *host = host_new("retriever-fts");

	(void)state;
	assert_int_equal(host_create(host, dated_config), BATON_OK);
	host->unix_ms = UINT64_C(1766534400000); /* 2025-12-24 */
	assert_int_equal(first_doc(host, "delivery before christmas", "old")->flags, 0);
	host->unix_ms += 86400000; /* its last day is over */
	assert_int_equal(first_doc(host, "delivery before christmas", "new")->flags, 0);
	struct host_call *call = ask(host, "delivery before christmas");
	assert_true(call->n_docs > 1 && is_str(call->docs[1].id, "old"));
	assert_int_equal(call->docs[1].flags, BATON_DOC_STALE);
	/* Nothing else answers: it is found, and says what it is. */
	const baton_doc *cards = first_doc(host, "gift cards", "cards");
	assert_int_equal(cards->flags, BATON_DOC_STALE);
	assert_true(cards->score_ppm >= 400000);
	host->unix_ms = UINT64_C(4102444800000); /* 2100 */
	assert_int_equal(first_doc(host, "opening hours", "ever")->flags, 0);
	host_free(&host);
}

/* --- languages --- */

static const char tongues_config[] =
	"{\"policy\":{\"articles\":["
	"{\"id\":\"en\",\"title\":\"Returns\",\"text\":\"Send parcels back within thirty days.\"},"
	"{\"id\":\"de\",\"language\":\"de\",\"title\":\"R\u00fccksendung\",\"text\":\"Sie k\u00f6nnen "
	"jedes Paket innerhalb von drei\u00dfig Tagen zur\u00fccksenden. Die Gr\u00f6\u00dfe der "
	"Schachteln ist gleich. Wir erstatten Betr\u00e4ge auf das Konto.\"},"
	"{\"id\":\"fr\",\"language\":\"fr\",\"title\":\"Retours\",\"text\":\"Les colis retourn\u00e9s "
	"sont rembours\u00e9s sous cinq jours. Les livraisons sont gratuites.\"},"
	"{\"id\":\"es\",\"language\":\"es\",\"title\":\"Devoluciones\",\"text\":\"Las devoluciones son "
	"gratuitas. Los paquetes llegan en tres d\u00edas.\"},"
	"{\"id\":\"it\",\"language\":\"it\",\"title\":\"Resi\",\"text\":\"Le spedizioni arrivano in due "
	"giorni. I rimborsi avvengono subito.\"},"
	"{\"id\":\"nl\",\"language\":\"nl\",\"title\":\"Terugsturen\",\"text\":\"Bestellingen worden "
	"binnen twee dagen geleverd. Betalingen zijn veilig.\"},"
	"{\"id\":\"pt\",\"language\":\"pt-BR\",\"title\":\"Trocas\",\"text\":\"As encomendas chegam em "
	"dois dias. Os reembolsos s\u00e3o r\u00e1pidos.\"},"
	"{\"id\":\"ru\",\"language\":\"ru\",\"title\":\"\u0412\u043e\u0437\u0432\u0440\u0430\u0442\","
	"\"text\":\"\u041f\u043e\u0441\u044b\u043b\u043a\u0438 "
	"\u043f\u0440\u0438\u0445\u043e\u0434\u044f\u0442 \u0447\u0435\u0440\u0435\u0437 "
	"\u0434\u0432\u0430 \u0434\u043d\u044f.\"},"
	"{\"id\":\"pl\",\"language\":\"pl\",\"title\":\"Zwroty\",\"text\":\"Przesy\u0142k\u0119 mo\u017cna "
	"odes\u0142a\u0107 w ci\u0105gu trzydziestu dni. Zam\u00f3wienia anulujemy bezp\u0142atnie.\"},"
	"{\"id\":\"ja\",\"language\":\"ja\",\"title\":\"\u8fd4\u54c1\",\"text\":\"\u5546\u54c1\u306f"
	"\u4e09\u5341\u65e5\u4ee5\u5185\u306b\u8fd4\u54c1\u3067\u304d\u307e\u3059\u3002\u9001"
	"\u6599\u306f\u7121\u6599\u3067\u3059\u3002\"}]}}";

static void each_language_is_found_by_its_own_word_forms(void **state)
{
	static const char *const cases[][2] = {
		{ "sending a parcel back", "en" },
		{ "kann ich ein Paket zur\xc3\xbc"
		  "cksenden",
		  "de" },
		{ "welche groesse hat die Schachtel", "de" }, /* without the keys for it */
		{ "wann wird der Betrag erstattet", "de" },
		{ "quand mon colis sera-t-il rembours\xc3\xa9", "fr" },
		{ "remboursement du colis retourne", "fr" },
		{ "la livraison est-elle gratuite", "fr" },
		{ "\xc2\xbfla devoluci\xc3\xb3n es gratuita?", "es" },
		{ "devolucion", "es" },
		{ "quando arriva la spedizione", "it" },
		{ "wanneer wordt mijn bestelling geleverd", "nl" },
		{ "quando chega a encomenda", "pt" },
		{ "\xd0\xb3\xd0\xb4\xd0\xb5 \xd0\xbf\xd0\xbe\xd1\x81\xd1\x8b\xd0\xbb\xd0\xba\xd0\xb0",
		  "ru" },
		{ "odes\xc5\x82"
		  "a\xc4\x87 przesy\xc5\x82ka",
		  "pl" },
		{ "jak anulowac zamowienie", "pl" },
		{ "\xe8\xbf\x94\xe5\x93\x81\xe3\x81\xaf\xe3\x81\x84\xe3\x81\xa4\xe3\x81\xbe\xe3\x81\xa7",
		  "ja" },
		{ "\xe9\x80\x81\xe6\x96\x99", "ja" },
	};
	struct module_host *host = host_new("retriever-fts");

	(void)state;
	assert_int_equal(host_create(host, tongues_config), BATON_OK);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		(void)first_doc(host, cases[i][0], cases[i][1]);
	host_free(&host);
}

static void the_customers_own_language_comes_first_where_words_are_the_same(void **state)
{
	static const char config[] =
		"{\"language\":\"de\",\"policy\":{\"articles\":["
		"{\"id\":\"a\",\"title\":\"PayPal\",\"text\":\"Ja.\"},"
		"{\"id\":\"b\",\"title\":\"PayPal\",\"language\":\"en\",\"text\":\"Yes.\"}]}}";
	struct module_host *host = host_new("retriever-fts");
	const char *const cases[][2] = {
		{ "en-GB", "b" }, { "de", "a" }, { "", "a" }, { "fr", "a" }
	};

	(void)state;
	assert_int_equal(host_create(host, config), BATON_OK);
	for (size_t i = 0; i < 4; i++) {
		const baton_retriever *vt = host->vt;
		const baton_turn turn = { .size = sizeof(turn), .locale = host_str(cases[i][0]) };
		const baton_query query = {
			.size = sizeof(query), .k = 5, .turn = &turn, .text = host_str("paypal?")
		};
		struct host_call *call = host_call_open(host, 1);

		assert_int_equal(vt->search(host->inst, 1, &query), BATON_OK);
		assert_int_equal(call->n_docs, 2);
		assert_true(is_str(call->docs[0].id, cases[i][1]));
	}
	host_free(&host);
}

static void loops_with_the_same_configuration_share_one_library(void **state)
{
	struct module_host *host = shop_host();
	void *first = host->inst, *second = NULL;
	const char *snippet = ask(host, "where is my parcel")->docs[0].snippet.p;

	(void)state;
	assert_int_equal(
		host->module->create(host->mod, host_ctx(host), host_str(shop_config), &second),
		BATON_OK);
	host->inst = second;
	assert_ptr_equal(ask(host, "where is my parcel")->docs[0].snippet.p, snippet);
	host->module->destroy(first);
	assert_ptr_equal(ask(host, "where is my parcel")->docs[0].snippet.p, snippet);
	host_free(&host);
}

static void the_self_test_finds_articles_by_their_titles(void **state)
{
	struct module_host *host = shop_host();
	struct host_call *call = host_call_open(host, 3);

	(void)state;
	assert_int_equal(host->module->check(host->inst, 3, 0), BATON_OK);
	assert_int_equal(call->n_ends, 1);
	host_free(&host);
}

static void a_wrong_configuration_is_refused_with_a_reason(void **state)
{
	static const char *const configs[] = {
		"[]",
		"{\"policy\":3}",
		"{\"policy\":{\"articles\":{}}}",
		"{\"policy\":{\"articles\":[{}]}}",
		"{\"policy\":{\"articles\":[{\"id\":\"a\"}]}}",
		"{\"policy\":{\"articles\":[{\"id\":\"a\",\"title\":\"b\"}]}}",
		"{\"policy\":{\"articles\":[{\"id\":\"a\",\"title\":\"b\",\"text\":\"c\",\"also\":\"d\"}]}}",
		"{\"policy\":{\"articles\":[{\"id\":\"a\",\"title\":\"b\",\"text\":\"c\",\"also\":[1]}]}}",
		"{\"policy\":{\"articles\":[{\"id\":\"a\",\"title\":\"b\",\"text\":\"c\",\"intents\":\"d\"}]}}",
		"{\"policy\":{\"articles\":[{\"id\":\"a\",\"title\":\"b\",\"text\":\"c\",\"intents\":[1]}]}}",
		"{\"min_score_ppm\":2000000}",
		"{\"min_score_ppm\":\"1\"}",
		"{\"language\":\"\"}",
		"{\"language\":\"1\"}",
		("{\"policy\":{\"articles\":[{\"id\":\"a\",\"title\":\"b\",\"text\":\"c\","
		 "\"audience\":\"all\"}]}}"),
	};
	struct module_host *host = host_new("retriever-fts");

	(void)state;
	for (size_t i = 0; i < sizeof(configs) / sizeof(configs[0]); i++) {
		if (!host_refuses(host, configs[i]))
			fail_msg("accepted: %s", configs[i]);
	}
	assert_int_equal(host_create(host, ""), BATON_OK);
	assert_int_equal(ask(host, "parcel")->n_docs, 0);
	host_destroy(host);
	assert_int_equal(
		host_create(host, "{\"policy\":{\"articles\":[{\"id\":\"a\",\"title\":\"parcel\","
				  "\"text\":\"  \"}]}}"),
		BATON_OK);
	assert_int_equal(ask(host, "parcel")->n_docs, 0);
	host_free(&host);
}

/* Whole and in order, whatever the text: every byte that is no white space, and no passage too
 * long. */
static void long_articles_are_cut_without_loss(void **state)
{
	struct module_host *host = host_new("retriever-fts");
	char body[16384] = "";
	json_t *articles = json_array();

	(void)state;
	for (unsigned i = 0; i < 150; i++)
		snprintf(body + strlen(body), sizeof(body) - strlen(body),
			 "Sentence number%u has a k\xc3\xb6y%u. ", i, i);
	memset(body + strlen(body), 'x', 3000);
	json_array_append_new(articles, json_pack("{s:s, s:s, s:s}", "id", "long", "title", "Long",
						  "text", body));
	json_t *root =
		json_pack("{s:{s:o}, s:i}", "policy", "articles", articles, "min_score_ppm", 0);
	char *config = json_dumps(root, 0);

	assert_int_equal(host_create(host, config), BATON_OK);
	for (unsigned i = 0; i < 150; i++) {
		char word[32];

		snprintf(word, sizeof(word), "number%u", i);
		struct host_call *call = ask(host, word);

		assert_true(call->n_docs > 0);
		assert_true(call->docs[0].snippet.n <= 1000);
		assert_non_null(memmem(call->docs[0].snippet.p, call->docs[0].snippet.n, word,
				       strlen(word)));
	}
	free(config);
	json_decref(root);
	host_free(&host);
}

/* --- StackFAQ: 500 questions, 125 articles --- */

static char *faq_config(void)
{
	size_t n;
	char *jsonl = host_data("stackfaq/docs.jsonl", &n);
	json_t *articles = json_array();

	assert_non_null(jsonl);
	for (char *at = jsonl, *end; (end = strchr(at, '\n')); at = end + 1) {
		json_t *thread = json_loadb(at, (size_t)(end - at), 0, NULL), *answer;
		char *text = calloc(1, 65536);
		size_t i;

		json_array_foreach(json_object_get(thread, "answers"), i, answer)
			snprintf(text + strlen(text), 65536 - strlen(text), "%s\n\n",
				 json_string_value(answer));
		json_array_append_new(articles,
				      json_pack("{s:O, s:O, s:s}", "id",
						json_object_get(thread, "id"), "title",
						json_object_get(thread, "title"), "text", text));
		free(text);
		json_decref(thread);
	}
	json_t *root = json_pack("{s:{s:o}}", "policy", "articles", articles);
	char *config = json_dumps(root, JSON_COMPACT);

	json_decref(root);
	free(jsonl);
	return config;
}

/* Gain of the right article's rank among the distinct ones. */
static double gain_of(const struct host_call *call, const char *id)
{
	unsigned rank = 0;

	for (uint32_t i = 0; i < call->n_docs && rank < 10; i++) {
		bool seen = false;

		for (uint32_t k = 0; k < i; k++)
			seen |= call->docs[k].id.p == call->docs[i].id.p;
		rank += !seen;
		if (is_str(call->docs[i].id, id))
			return 1 / log2(rank + 1.0);
	}
	return 0;
}

static void the_right_article_ranks_high_on_stackfaq(void **state)
{
	struct module_host *host = host_new("retriever-fts");
	size_t n;
	char *config = faq_config(), *tsv = host_data("stackfaq/queries.tsv", &n);
	unsigned asked = 0;
	double gain = 0;

	(void)state;
	assert_int_equal(host_create(host, config), BATON_OK);
	for (char *at = strchr(tsv, '\n'), *end; at && (end = strchr(at + 1, '\n')); at = end) {
		char *tab = strchr(at + 1, '\t');

		*tab = *end = 0;
		gain += gain_of(ask_bytes(host, tab + 1, strlen(tab + 1), 20), at + 1);
		asked++;
	}
	print_message("nDCG@10 %.4f on %u questions\n", gain / asked, asked);
	assert_int_equal(asked, 500);
	assert_true(gain / asked >= NDCG_FLOOR);
	free(config);
	free(tsv);
	host_free(&host);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_question_finds_its_article),
		cmocka_unit_test(a_document_says_where_it_is_from_and_how_old_it_is),
		cmocka_unit_test(passages_end_at_headings_and_the_best_comes_first),
		cmocka_unit_test(an_article_that_declares_the_intent_comes_first),
		cmocka_unit_test(another_word_for_the_same_thing_finds_it),
		cmocka_unit_test(
			the_opening_of_an_article_comes_first_if_no_other_part_fits_better),
		cmocka_unit_test(what_no_article_covers_scores_low),
		cmocka_unit_test(empty_and_garbage_questions_end_normally_without_documents),
		cmocka_unit_test(a_customer_cannot_speak_fts),
		cmocka_unit_test(no_bytes_can_break_it),
		cmocka_unit_test(a_filter_leaves_out_what_it_says),
		cmocka_unit_test(a_filter_that_is_not_understood_is_refused_rather_than_ignored),
		cmocka_unit_test(an_article_past_its_date_is_marked_ranked_lower_and_found),
		cmocka_unit_test(each_language_is_found_by_its_own_word_forms),
		cmocka_unit_test(the_customers_own_language_comes_first_where_words_are_the_same),
		cmocka_unit_test(loops_with_the_same_configuration_share_one_library),
		cmocka_unit_test(the_self_test_finds_articles_by_their_titles),
		cmocka_unit_test(a_wrong_configuration_is_refused_with_a_reason),
		cmocka_unit_test(long_articles_are_cut_without_loss),
		cmocka_unit_test(the_right_article_ranks_high_on_stackfaq),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
