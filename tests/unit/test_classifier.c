/* SPDX-License-Identifier: Apache-2.0 */

/* classifier-linear through its entry symbol, as the server sees it: small own intents, a bounded
 * part of CLINC150 for accuracy, and bytes that nobody would type. */

#include "tests/unit/module_host.h"

#include <jansson.h>
#include <time.h>

/* after the standard headers that cmocka needs first */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { CAP = 5 };

/* What was measured on the subset, less one point. */
#define ACCURACY_FLOOR 0.871
#define AUROC_FLOOR 0.91

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

static void the_descriptor_is_of_this_abi(void **state)
{
	struct module_host *host = small_host();

	(void)state;
	assert_int_equal(host->module->magic, BATON_MAGIC);
	assert_int_equal(host->module->abi_major, BATON_ABI_MAJOR);
	assert_int_equal(host->module->n_ifaces, 1);
	assert_string_equal(host->module->ifaces[0].id, BATON_CLASSIFIER);
	assert_string_equal(host->module->id, "classifier-linear");
	json_t *schema = json_loads(host->module->config_schema, 0, NULL);

	assert_true(json_is_object(schema));
	json_decref(schema);
	host_free(&host);
}

static void a_message_in_other_words_finds_its_intent(void **state)
{
	static const char *const cases[][2] = {
		{ "please refund the order", "refund" },
		{ "I'd like my money back!!", "refund" },
		{ "parcel still not here, where is it?", "delivery" },
		{ "when does my package arrive", "delivery" },
		{ "passwort forgot my pasword", "password" },
		{ "can\xe2\x80\x99t log in", "password" },
		{ "are you OPEN on saturdays", "opening-hours" },
		{ "closing time today?", "opening-hours" },
	};
	struct module_host *host = small_host();

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct answer a = ask(host, cases[i][0]);

		if (!is_named(&a, cases[i][1]))
			fail_msg("\"%s\" is not understood as %s", cases[i][0], cases[i][1]);
	}
	host_free(&host);
}

static void a_small_set_is_sure_of_its_own_and_unsure_of_the_rest(void **state)
{
	struct module_host *host = small_host();
	struct answer own = ask(host, "where is my parcel");
	struct answer foreign = ask(host, "what do penguins eat for breakfast");
	struct answer unknown = ask(host, "xylophon zebra qwertz");

	(void)state;
	assert_true(is_named(&own, "delivery"));
	assert_in_range(own.v[0].confidence_ppm, 600000, 1000000);
	/* 32 examples cannot do better than this; the shop below can. */
	assert_true(foreign.out.n == 0 || foreign.v[0].confidence_ppm < 700000);
	assert_true(unknown.out.n == 0 || unknown.v[0].confidence_ppm <= 250000);
	host_free(&host);
}

static void intents_come_best_first_and_never_more_than_asked_for(void **state)
{
	struct module_host *host = small_host();
	const baton_classifier *vt = host->vt;
	struct answer a = ask(host, "where is my refund order");

	(void)state;
	assert_int_equal(a.out.n, 4);
	uint64_t sum = 0;

	for (uint32_t i = 0; i < a.out.n; i++) {
		sum += a.v[i].confidence_ppm;
		assert_true(i == 0 || a.v[i].confidence_ppm <= a.v[i - 1].confidence_ppm);
	}
	assert_in_range(sum, 1, 1000004); /* each is rounded */
	const baton_turn turn = { .size = sizeof(turn) };

	a.out.cap = 0;
	assert_int_equal(vt->classify(host->inst, 1, &turn, &a.out), BATON_OK);
	assert_int_equal(a.out.n, 0);
	host_free(&host);
}

static void nothing_said_is_no_intent(void **state)
{
	static const char *const texts[] = { "", "   ", "...", "'", "\xe2\x80\x99" };
	struct module_host *host = small_host();

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct answer a = ask(host, texts[i]);

		assert_int_equal(a.out.n, 0);
		assert_int_equal(a.out.sentiment_ppm, 500000);
		assert_int_equal(a.out.language.n, 0);
	}
	host_free(&host);
}

static void loops_with_the_same_configuration_share_one_model(void **state)
{
	struct module_host *host = small_host();
	void *first = host->inst, *second = NULL, *other = NULL;
	struct answer a = ask(host, "where is my parcel");
	const char *less =
		"{\"policy\":{\"intents\":[{\"name\":\"delivery\",\"examples\":[\"where is "
		"my parcel\"]}]}}";

	(void)state;
	assert_int_equal(
		host->module->create(host->mod, host_ctx(host), host_str(small_config), &second),
		BATON_OK);
	assert_int_equal(host->module->create(host->mod, host_ctx(host), host_str(less), &other),
			 BATON_OK);
	host_run_jobs(host);
	host->inst = second;
	struct answer b = ask(host, "where is my parcel");

	assert_ptr_equal(a.v[0].name.p, b.v[0].name.p);
	assert_int_equal(a.v[0].confidence_ppm, b.v[0].confidence_ppm);
	host->inst = other;
	struct answer c = ask(host, "where is my parcel");

	assert_true(is_named(&c, "delivery"));
	assert_ptr_not_equal(a.v[0].name.p, c.v[0].name.p);
	/* The first may go: the second still serves. */
	host->module->destroy(first);
	host->module->destroy(other);
	host->inst = second;
	b = ask(host, "where is my parcel");
	assert_true(is_named(&b, "delivery"));
	host_free(&host);
}

static void training_twice_gives_the_same_confidence(void **state)
{
	struct module_host *one = small_host(), *two = small_host();

	(void)state;
	struct answer a = ask(one, "my refund did not arrive"),
		      b = ask(two, "my refund did not arrive");

	assert_int_equal(a.v[0].confidence_ppm, b.v[0].confidence_ppm);
	assert_int_equal(a.v[1].confidence_ppm, b.v[1].confidence_ppm);
	host_free(&one);
	host_free(&two);
}

static int32_t to_text(void *ud, const void *p, size_t n)
{
	return snprintf(ud, 1024, "%.*s", (int)n, (const char *)p) < 1024 ? BATON_OK
									  : BATON_E_LIMIT;
}

static void labels_are_the_names_in_order(void **state)
{
	struct module_host *host = small_host();
	const baton_classifier *vt = host->vt;
	char text[1024] = "";
	const baton_sink sink = { .size = sizeof(sink), .ud = text, .write = to_text };

	(void)state;
	assert_int_equal(vt->labels(host->inst, &sink), BATON_OK);
	assert_string_equal(text, "[\"refund\",\"delivery\",\"password\",\"opening-hours\"]");
	host_free(&host);
}

static void the_self_test_passes_on_good_examples_and_fails_on_contradicting_ones(void **state)
{
	const char *bad =
		"{\"policy\":{\"intents\":[{\"name\":\"a\",\"examples\":[\"x y\",\"z w\"]},"
		"{\"name\":\"b\",\"examples\":[\"x y\",\"z w\"]},"
		"{\"name\":\"c\",\"examples\":[\"x y\",\"z w\"]}]}}";
	struct module_host *host = small_host();

	(void)state;
	struct host_call *call = host_call_open(host, 1);

	host->module->check(host->inst, 1, 0);
	assert_int_equal(call->n_ends, 1);
	host_destroy(host);
	assert_int_equal(host_create(host, bad), BATON_OK);
	call = host_call_open(host, 2);
	host->module->check(host->inst, 2, 0);
	assert_int_equal(call->n_fails, 1);
	host_free(&host);
}

static void a_wrong_configuration_is_refused_with_a_reason(void **state)
{
	static const char *const configs[] = {
		"[]",
		"{",
		"nonsense",
		"{\"policy\":[]}",
		"{\"policy\":{\"intents\":{}}}",
		"{\"policy\":{\"intents\":[{}]}}",
		"{\"policy\":{\"intents\":[7]}}",
		"{\"policy\":{\"intents\":[{\"name\":\"\"}]}}",
		"{\"policy\":{\"intents\":[{\"name\":\"a\",\"examples\":\"b\"}]}}",
		"{\"policy\":{\"intents\":[{\"name\":\"a\",\"examples\":[\"ok\",1]}]}}",
		"{\"epochs\":0}",
		"{\"epochs\":1000}",
		"{\"out_of_scope_ppm\":-1}",
		"{\"out_of_scope_ppm\":\"5\"}",
	};
	struct module_host *host = host_new("classifier-linear");

	(void)state;
	for (size_t i = 0; i < sizeof(configs) / sizeof(configs[0]); i++) {
		if (!host_refuses(host, configs[i]))
			fail_msg("accepted: %s", configs[i]);
	}
	host_free(&host);
}

/* Another instance, as another loop would have one; its job and letters wait. */
static void *another(struct module_host *host)
{
	void *inst = NULL;

	assert_int_equal(
		host->module->create(host->mod, host_ctx(host), host_str(small_config), &inst),
		BATON_OK);
	return inst;
}

static int32_t classify_with(struct module_host *host, void *inst)
{
	const baton_classifier *vt = host->vt;
	baton_turn turn = { .size = sizeof(turn) };
	baton_intent v[4];
	baton_intents out = { .size = sizeof(out), .cap = 4, .v = v };

	return vt->classify(inst, 9, &turn, &out);
}

static void training_is_one_job_and_every_loop_waits_for_it(void **state)
{
	struct module_host *host = host_new("classifier-linear");
	const baton_classifier *vt = host->vt;
	void *first = another(host), *second = another(host), *gone = another(host);
	struct host_call *calls[] = { host_call_open(host, 1), host_call_open(host, 2),
				      host_call_open(host, 3), host_call_open(host, 4) };

	(void)state;
	assert_int_equal(host->n_jobs, 1);
	assert_int_equal(classify_with(host, first), BATON_E_STATE);
	assert_int_equal(classify_with(host, second), BATON_E_STATE);
	assert_int_equal(host->module->check(first, 1, 0), BATON_PENDING);
	assert_int_equal(host->module->check(second, 2, 0), BATON_PENDING);
	assert_int_equal(host->module->check(second, 3, 0), BATON_PENDING);
	assert_int_equal(host->module->check(gone, 4, 0), BATON_PENDING);
	vt->cancel(second, 3, BATON_CANCEL_DEADLINE);
	assert_int_equal(calls[2]->n_ends, 1);
	host->module->destroy(gone);
	assert_int_equal(calls[0]->n_ends + calls[1]->n_ends, 0);
	host_run_jobs(host);
	assert_int_equal(calls[0]->n_ends, 1);
	assert_int_equal(calls[1]->n_ends, 1);
	assert_int_equal(calls[2]->n_ends, 1);
	assert_int_equal(calls[3]->n_ends + calls[3]->n_fails, 0); /* the host ends it itself */
	assert_int_equal(classify_with(host, second), BATON_OK);
	/* One that comes later finds it made. */
	void *late = another(host);
	assert_int_equal(host->n_jobs, 0);
	assert_int_equal(classify_with(host, late), BATON_OK);
	host->module->destroy(first);
	host->module->destroy(late);
	assert_int_equal(classify_with(host, second), BATON_OK);
	host->module->destroy(second);
	host_free(&host);
}

static void an_empty_policy_understands_nothing_but_still_hears_the_tone(void **state)
{
	static const char *const configs[] = { "", "{}", "{\"policy\":{}}",
					       "{\"policy\":{\"intents\":[]}}",
					       "{\"policy\":{\"intents\":[{\"name\":\"a\"}]}}" };
	struct module_host *host = host_new("classifier-linear");

	(void)state;
	for (size_t i = 0; i < sizeof(configs) / sizeof(configs[0]); i++) {
		assert_int_equal(host_create(host, configs[i]), BATON_OK);
		struct answer a = ask(host, "this is terrible, I am very angry");

		assert_int_equal(a.out.n, 0);
		assert_true(a.out.sentiment_ppm < 300000);
		struct host_call *call = host_call_open(host, 1);

		host->module->check(host->inst, 1, 1);
		assert_int_equal(call->n_ends, 1);
		host_destroy(host);
	}
	host_free(&host);
}

static void the_mood_is_heard(void **state)
{
	static const struct {
		const char *text;
		uint32_t min, max;
	} cases[] = {
		{ "my order number is 12345", 480000, 520000 },
		{ "can you help me please", 480000, 520000 },
		{ "this is the worst service ever, I am furious", 0, 250000 },
		{ "thank you so much, that was great!", 750000, 1000000 },
		{ "not good", 0, 450000 },
		{ "I am not angry", 510000, 1000000 },
		{ "you are very friendly but my lamp arrived broken and nobody answers", 0,
		  450000 },
		{ "Ich bin wirklich entt\xc3\xa4uscht, das ist eine Frechheit", 0, 300000 },
		{ "merci beaucoup, c'est parfait", 700000, 1000000 },
	};
	struct module_host *host = small_host();

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint32_t ppm = ask(host, cases[i].text).out.sentiment_ppm;

		if (ppm < cases[i].min || ppm > cases[i].max)
			fail_msg("\"%s\": %u", cases[i].text, ppm);
	}
	/* Louder is stronger. */
	assert_true(ask(host, "THIS IS TERRIBLE!!!").out.sentiment_ppm <
		    ask(host, "this is terrible").out.sentiment_ppm);
	host_free(&host);
}

static void the_language_is_guessed_or_left_open(void **state)
{
	static const char *const cases[][2] = {
		{ "Where is my order and when does it arrive?", "en" },
		{ "Wo ist meine Bestellung und wann kommt sie an?", "de" },
		{ "O\xc3\xb9 est ma commande s'il vous pla\xc3\xaet", "fr" },
		{ "\xc2\xbf"
		  "D\xc3\xb3nde est\xc3\xa1 mi pedido, por favor?",
		  "es" },
		{ "Dove si trova il mio ordine, grazie", "it" },
		{ "Waar is mijn bestelling, ik wil het weten", "nl" },
		{ "iPhone 15 refund", "" },
		{ "1234", "" },
		{ "\xd0\xb3\xd0\xb4\xd0\xb5 \xd0\xb7\xd0\xb0\xd0\xba\xd0\xb0\xd0\xb7", "" },
	};
	struct module_host *host = small_host();

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		baton_str language = ask(host, cases[i][0]).out.language;

		if (language.n != strlen(cases[i][1]) ||
		    memcmp(language.p, cases[i][1], language.n) != 0)
			fail_msg("\"%s\": \"%.*s\"", cases[i][0], (int)language.n, language.p);
	}
	host_free(&host);
}

static void no_bytes_can_break_it(void **state)
{
	struct module_host *host = small_host();
	char *text = malloc(20000);
	uint32_t random = 1;

	(void)state;
	assert_non_null(text);
	for (unsigned round = 0; round < 300; round++) {
		size_t n = round * 61 % 20000;

		for (size_t i = 0; i < n; i++) {
			random = random * 1664525U + 1013904223U;
			text[i] = (char)(random >> (round % 3 == 0 ? 24 : 25));
		}
		struct answer a = ask_bytes(host, text, n);

		assert_true(a.out.n <= CAP && a.out.sentiment_ppm <= 1000000);
	}
	/* One letter words, one endless word, only question marks: the most features possible. */
	for (size_t i = 0; i < 20000; i++)
		text[i] = i % 2 ? ' ' : (char)('a' + i % 26);
	ask_bytes(host, text, 20000);
	memset(text, 'x', 20000);
	ask_bytes(host, text, 20000);
	memset(text, '?', 20000);
	ask_bytes(host, text, 20000);
	ask_bytes(host, "\xe2\x80", 2);
	ask_bytes(host, "\0a\0", 3);
	free(text);
	host_free(&host);
}

/* --- a bounded part of CLINC150: 150 intents, 20 examples each --- */

static json_t *intents_of(char *tsv)
{
	json_t *list = json_array();
	char *at = strchr(tsv, '\n');

	while (at && at[1]) {
		char *label = at + 1, *tab = strchr(label, '\t');

		at = tab ? strchr(tab, '\n') : NULL;
		if (!at)
			break;
		*tab = *at = 0;
		json_t *last = json_array_get(list, json_array_size(list) - 1);
		const char *name = json_string_value(json_object_get(last, "name"));

		if (!name || strcmp(name, label) != 0) {
			last = json_pack("{s:s, s:[]}", "name", label, "examples");
			json_array_append_new(list, last);
		}
		json_array_append_new(json_object_get(last, "examples"), json_string(tab + 1));
	}
	return list;
}

static json_t *tsv_read(const char *name)
{
	size_t n;
	char *tsv = host_data(name, &n);

	assert_non_null(tsv);
	json_t *intents = intents_of(tsv);

	free(tsv);
	return intents;
}

/* Confidence of every message into `ppm`; returns how many were understood rightly. */
static size_t ask_all(struct module_host *host, const json_t *intents, uint32_t *ppm, size_t *ret_n)
{
	size_t i, k, right = 0;
	json_t *intent, *text;

	*ret_n = 0;
	json_array_foreach(intents, i, intent) {
		json_array_foreach(json_object_get(intent, "examples"), k, text) {
			struct answer a = ask(host, json_string_value(text));

			right += is_named(&a, json_string_value(json_object_get(intent, "name")));
			ppm[(*ret_n)++] = a.out.n > 0 ? a.v[0].confidence_ppm : 0;
		}
	}
	return right;
}

static void the_benchmark_subset_keeps_its_accuracy(void **state)
{
	struct module_host *host = host_new("classifier-linear");
	json_t *train = json_pack("{s:{s:o}}", "policy", "intents", tsv_read("clinc150/train.tsv"));
	json_t *val = tsv_read("clinc150/val.tsv"), *oos = tsv_read("clinc150/oos_val.tsv");
	char *config = json_dumps(train, JSON_COMPACT);
	static uint32_t in[4000], out[400];
	size_t n_in, n_out, wins = 0;

	(void)state;
	assert_int_equal(host_create(host, config), BATON_OK);
	size_t right = ask_all(host, val, in, &n_in);

	ask_all(host, oos, out, &n_out);
	for (size_t i = 0; i < n_in; i++)
		for (size_t k = 0; k < n_out; k++)
			wins += in[i] > out[k];
	double accuracy = (double)right / (double)n_in,
	       auroc = (double)wins / (double)(n_in * n_out);

	print_message("accuracy %.4f on %zu, AUROC out of scope %.4f on %zu\n", accuracy, n_in,
		      auroc, n_out);
	assert_int_equal(n_in, 1500);
	assert_true(accuracy >= ACCURACY_FLOOR);
	assert_true(auroc >= AUROC_FLOOR);
	free(config);
	json_decref(train);
	json_decref(val);
	json_decref(oos);
	host_free(&host);
}

/* Every tenth intent: a shop's set of 15 intents with 20 examples each. */
static json_t *tenth_of(json_t *intents, bool others)
{
	json_t *part = json_array();

	for (size_t i = 0; i < json_array_size(intents); i++)
		if ((i % 10 == 0) != others)
			json_array_append(part, json_array_get(intents, i));
	json_decref(intents);
	return part;
}

static struct module_host *shop_host(double *ret_ms)
{
	json_t *root = json_pack("{s:{s:o}}", "policy", "intents",
				 tenth_of(tsv_read("clinc150/train.tsv"), false));
	char *config = json_dumps(root, JSON_COMPACT);
	struct module_host *host = host_new("classifier-linear");
	double start = cpu_ms();

	assert_int_equal(host_create(host, config), BATON_OK);
	*ret_ms = cpu_ms() - start;
	free(config);
	json_decref(root);
	return host;
}

/* Training happens while a loop waits. */
static void a_shop_is_trained_within_fifty_milliseconds(void **state)
{
	double took;
	struct module_host *host = shop_host(&took);

	(void)state;
	print_message("trained in %.1f ms\n", took);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
	assert_true(took < 50);
#endif
	host_free(&host);
}

static size_t count_sure(const uint32_t *ppm, size_t n)
{
	size_t sure = 0;

	for (size_t i = 0; i < n; i++)
		sure += ppm[i] >= 800000;
	return sure;
}

/* The other 135 intents are what a shop never heard of. */
static void a_shop_is_sure_of_its_own_questions_and_seldom_of_others(void **state)
{
	double took;
	struct module_host *host = shop_host(&took);
	json_t *own = tenth_of(tsv_read("clinc150/val.tsv"), false);
	json_t *others = tenth_of(tsv_read("clinc150/val.tsv"), true);
	static uint32_t in[400], out[4000];
	size_t n_in, n_out, right = ask_all(host, own, in, &n_in);

	(void)state;
	ask_all(host, others, out, &n_out);
	double accuracy = (double)right / (double)n_in;
	double sure = (double)count_sure(in, n_in) / (double)n_in;
	double leaks = (double)count_sure(out, n_out) / (double)n_out;

	print_message("accuracy %.3f, sure of own %.3f, of others %.3f\n", accuracy, sure, leaks);
	assert_true(accuracy >= 0.93);
	assert_true(sure >= 0.88);
	assert_true(leaks <= 0.14);
	json_decref(own);
	json_decref(others);
	host_free(&host);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_descriptor_is_of_this_abi),
		cmocka_unit_test(a_message_in_other_words_finds_its_intent),
		cmocka_unit_test(a_small_set_is_sure_of_its_own_and_unsure_of_the_rest),
		cmocka_unit_test(intents_come_best_first_and_never_more_than_asked_for),
		cmocka_unit_test(nothing_said_is_no_intent),
		cmocka_unit_test(loops_with_the_same_configuration_share_one_model),
		cmocka_unit_test(training_twice_gives_the_same_confidence),
		cmocka_unit_test(labels_are_the_names_in_order),
		cmocka_unit_test(
			the_self_test_passes_on_good_examples_and_fails_on_contradicting_ones),
		cmocka_unit_test(a_wrong_configuration_is_refused_with_a_reason),
		cmocka_unit_test(training_is_one_job_and_every_loop_waits_for_it),
		cmocka_unit_test(an_empty_policy_understands_nothing_but_still_hears_the_tone),
		cmocka_unit_test(the_mood_is_heard),
		cmocka_unit_test(the_language_is_guessed_or_left_open),
		cmocka_unit_test(no_bytes_can_break_it),
		cmocka_unit_test(the_benchmark_subset_keeps_its_accuracy),
		cmocka_unit_test(a_shop_is_trained_within_fifty_milliseconds),
		cmocka_unit_test(a_shop_is_sure_of_its_own_questions_and_seldom_of_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
