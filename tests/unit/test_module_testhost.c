/* SPDX-License-Identifier: Apache-2.0 */

/* The test host: what a module does in it is what it does in the server. The sins of sinner.c are
 * named as the rack names them (test_module_rack.c), and HTTP comes as the server's client tells
 * it. */
#include <baton/testhost.h>

#include "core/base/str.h"
#include "core/module/meter.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <libgen.h>
#include <limits.h>

static baton_testhost *host;
static char why[256];

static const char *built(const char *name)
{
	static char path[PATH_MAX + 64];
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	assert_true(n > 0);
	self[n] = 0;
	(void)snprintf(path, sizeof(path), "%s/../%s", dirname(self), name);
	return path;
}

static uint32_t open_with(const char *file, const char *kind, const char *config)
{
	const baton_testhost_options options = { .size = sizeof(options), .kind = kind };
	uint32_t inst = 99;
	host = baton_testhost_open(built(file), &options, why, sizeof(why));
	if (!host)
		fail_msg("%s", why);
	assert_int_equal(baton_testhost_create(host, config, &inst), BATON_OK);
	assert_int_equal(inst, 0);
	return inst;
}

static uint32_t open_sinner(const char *kind, const char *sin)
{
	char config[128];
	(void)snprintf(config, sizeof(config), "{\"sin\":\"%s\",\"text\":\"x\"}", sin);
	return open_with("tests/modules/sinner.so", kind, config);
}

static baton_call ask(uint32_t inst, const char *question)
{
	baton_call call = 0;
	assert_int_equal(baton_testhost_ask(host, inst, question, &call), BATON_OK);
	return call;
}

static const baton_heard *heard(baton_call call)
{
	const baton_heard *h = baton_testhost_heard(host, call);
	assert_non_null(h);
	return h;
}

static int close_host(void **state)
{
	(void)state;
	(void)baton_testhost_close(&host);
	return 0;
}

/* --- life and clock --- */

static void an_answer_takes_the_time_its_timers_take(void **state)
{
	(void)state;
	uint32_t inst = open_with("example/provider-echo.so", "provider", "{}");
	baton_call call = ask(inst, "one two three");
	assert_string_equal(heard(call)->text, "");
	baton_testhost_settle(host);
	assert_string_equal(heard(call)->text, ""); /* the clock stands */
	baton_testhost_advance(host, 1);
	assert_string_equal(heard(call)->text, "one ");
	assert_true(baton_testhost_run(host, call, 1000));
	assert_string_equal(heard(call)->text, "one two three");
	assert_int_equal(heard(call)->n_text, 3);
	assert_true(heard(call)->ended);
	assert_int_equal(heard(call)->ended_ns - heard(call)->started_ns, 3000000);
	assert_int_equal(heard(call)->first_ns - heard(call)->started_ns, 1000000);
	assert_int_equal(heard(call)->usage.out_tokens, 4);
	assert_int_equal(baton_testhost_close(&host), 0);
}

static void a_cancelled_answer_says_no_more(void **state)
{
	(void)state;
	uint32_t inst = open_with("example/provider-echo.so", NULL, "{}");
	baton_call call = ask(inst, "one two three");
	baton_testhost_advance(host, 1);
	baton_testhost_cancel(host, call, BATON_CANCEL_USER);
	baton_testhost_advance(host, 1000);
	assert_true(heard(call)->cancelled && heard(call)->ended && !heard(call)->open);
	assert_string_equal(heard(call)->text, "one ");
	assert_int_equal(baton_testhost_pending(host, inst), 0);
	assert_int_equal(baton_testhost_close(&host), 0);
}

static void instances_are_apart_and_handles_are_their_own(void **state)
{
	(void)state;
	uint32_t a = open_with("example/provider-echo.so", NULL, "{}"), b;
	assert_int_equal(baton_testhost_create(host, "{}", &b), BATON_OK);
	assert_int_not_equal(baton_testhost_inst(host, a), baton_testhost_inst(host, b));
	baton_call of_a = ask(a, "a"), of_b = ask(b, "b");
	baton_testhost_destroy(host, a); /* with its call open */
	assert_true(heard(of_a)->cancelled);
	assert_null(baton_testhost_inst(host, a));
	assert_true(baton_testhost_run(host, of_b, 100));
	assert_string_equal(heard(of_b)->text, "b");
	assert_null(baton_testhost_heard(host, of_b + 1));
	assert_int_equal(baton_testhost_close(&host), 0);
}

static void what_is_no_module_is_refused_with_a_reason(void **state)
{
	const baton_testhost_options rule = { .size = sizeof(rule), .kind = "rule" };
	(void)state;
	assert_null(baton_testhost_open("/nowhere/x.so", NULL, why, sizeof(why)));
	assert_non_null(strstr(why, "/nowhere/x.so"));
	assert_null(
		baton_testhost_open(built("example/provider-echo.so"), &rule, why, sizeof(why)));
	assert_string_equal(why, "it has no interface of this kind");
	assert_null(
		baton_testhost_open(built("tests/modules/bad_load.so"), NULL, why, sizeof(why)));
	assert_non_null(strstr(why, "load: expected 0"));
}

static void a_create_that_refuses_leaves_nothing(void **state)
{
	uint32_t inst = 99;
	(void)state;
	open_sinner("provider", "none");
	assert_int_equal(baton_testhost_create(host, "{\"sin\":\"create_fails\"}", &inst),
			 BATON_E_INVAL);
	assert_int_equal(baton_testhost_create(host, "{\"sin\":\"activate_fails\"}", &inst),
			 BATON_E_IO);
	assert_null(baton_testhost_inst(host, 1));
}

/* --- the contract --- */

static void the_rules_have_the_servers_names(void **state)
{
	static const char *const labels[] = {
#define X(NAME, label) (label),
		BATON_BREACHES(X)
#undef X
	};
	(void)state;
	/* Those behind only a test host can see. */
	for (unsigned i = 0; i < BATON_TESTHOST_BREACH_AGAIN; i++) {
		const char *name = baton_testhost_breach_name((enum baton_testhost_breach)i);
		bool found = false;
		for (unsigned k = 0; k < BATON_BREACH_COUNT; k++)
			found |= strcmp(labels[k], name) == 0;
		if (!found)
			fail_msg("the server knows no rule %s", name);
	}
}

/* What a rack counts of the sinner's sins, and what a turn hears. */
static const struct sin {
	const char *name, *text;
	int breach; /* -1: none */
	unsigned times;
	bool fails;
} sins[] = {
	{ "none", "hello", -1, 0, false },
	{ "two_ends", "", BATON_TESTHOST_BREACH_TWO_ENDS, 1, false },
	{ "delta_after_end", "", BATON_TESTHOST_BREACH_AFTER_END, 1, false },
	{ "bad_utf8",
	  "a\xff"
	  "b",
	  BATON_TESTHOST_BREACH_OUTPUT, 1, true },
	{ "split_utf8", "\xe2\x82\xac", -1, 0, false },
	{ "cut_utf8", "\xe2\x82", BATON_TESTHOST_BREACH_OUTPUT, 1, true },
	{ "huge", "", BATON_TESTHOST_BREACH_OUTPUT, 1, true },
	{ "null_data", "", BATON_TESTHOST_BREACH_ARGUMENT, 2, false },
	{ "bad_kind", "", BATON_TESTHOST_BREACH_ARGUMENT, 1, false },
	{ "bad_reason", "", BATON_TESTHOST_BREACH_OUTPUT, 1, true },
	{ "bad_fail", "", BATON_TESTHOST_BREACH_ARGUMENT, 1, true },
	{ "stale", "", BATON_TESTHOST_BREACH_STALE, 3, false },
	{ "by_timer", "tick", -1, 0, false },
	{ "by_post", "tick", -1, 0, false },
	{ "wrong_thread", "refused", BATON_TESTHOST_BREACH_THREAD, 2, false },
	{ "kv", "kept", -1, 0, false },
	{ "call_data", "", -1, 0, false },
	{ "measures", "", BATON_TESTHOST_BREACH_ARGUMENT, 1, false },
};

static void each_sin_is_called_by_its_name(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(sins) / sizeof(sins[0]); i++) {
		const struct sin *sin = &sins[i];
		uint32_t inst = open_sinner("provider", sin->name);
		baton_call call = ask(inst, "?");
		baton_testhost_advance(host, 10);
		if (strcmp(heard(call)->text, sin->text) != 0 ||
		    (sin->breach >= 0 &&
		     baton_testhost_breach(host, (enum baton_testhost_breach)sin->breach) !=
			     sin->times))
			fail_msg("%s: \"%s\"\n%s", sin->name, heard(call)->text,
				 baton_testhost_breach_text(host));
		assert_int_equal(heard(call)->failed, sin->fails);
		assert_int_equal(heard(call)->ended, !sin->fails);
		assert_false(heard(call)->open);
		(void)baton_testhost_close(&host);
	}
}

static void what_is_left_behind_is_counted(void **state)
{
	(void)state;
	uint32_t inst = open_sinner("provider", "timers");
	(void)ask(inst, "?");
	assert_int_equal(baton_testhost_pending(host, inst), 3);
	baton_testhost_destroy(host, inst);
	assert_int_equal(baton_testhost_breach(host, BATON_TESTHOST_BREACH_LEFTOVER), 1);
}

static void an_end_that_never_comes_is_fenced_after_250_ms(void **state)
{
	(void)state;
	uint32_t inst = open_sinner("provider", "never");
	baton_call call = ask(inst, "?");
	baton_testhost_cancel(host, call, BATON_CANCEL_DEADLINE);
	baton_testhost_advance(host, 249);
	assert_true(heard(call)->open);
	baton_testhost_advance(host, 1);
	assert_false(heard(call)->open);
	assert_int_equal(baton_testhost_breach(host, BATON_TESTHOST_BREACH_NO_END), 1);
}

static void a_word_after_cancel_is_counted(void **state)
{
	(void)state;
	uint32_t inst = open_sinner("provider", "late_delta");
	baton_testhost_cancel(host, ask(inst, "?"), BATON_CANCEL_USER);
	assert_int_equal(baton_testhost_breach(host, BATON_TESTHOST_BREACH_AFTER_CANCEL), 1);
}

static void jobs_can_be_held_and_end_before_destroy(void **state)
{
	(void)state;
	uint32_t inst = open_sinner("provider", "slow_job");
	baton_testhost_hold_jobs(host, true);
	(void)ask(inst, "?");
	baton_testhost_advance(host, 1000);
	assert_int_equal(baton_testhost_counted(host, "slow_jobs"), 0);
	baton_testhost_destroy(host, inst);
	assert_int_equal(baton_testhost_counted(host, "slow_jobs"), 1);
	assert_int_equal(baton_testhost_counted(host, "jobs_done"), 1);
}

static void classifiers_are_held_to_their_ranges(void **state)
{
	static const char *const bad[] = { "c_many", "c_ppm", "c_name", "c_null", "c_nothing" };
	const baton_turn turn = { .size = sizeof(turn), .intent = BATON_STR("refund") };
	baton_call call;
	(void)state;
	uint32_t inst = open_sinner("classifier", "c_later");
	assert_int_equal(baton_testhost_classify(host, inst, &turn, &call), BATON_PENDING);
	baton_testhost_advance(host, 1);
	assert_int_equal(heard(call)->n_intents, 2);
	assert_memory_equal(heard(call)->intents[0].name.p, "refund", 7);
	assert_string_equal(heard(call)->language, "de");
	(void)baton_testhost_close(&host);
	for (size_t i = 0; i < 5; i++) {
		inst = open_sinner("classifier", bad[i]);
		(void)baton_testhost_classify(host, inst, &turn, &call);
		assert_true(heard(call)->failed);
		assert_int_equal(baton_testhost_breach(host, BATON_TESTHOST_BREACH_OUTPUT), 1);
		(void)baton_testhost_close(&host);
	}
}

static void retrievers_give_no_more_than_was_asked_for(void **state)
{
	static const char *const bad[] = { "d_many", "d_null", "d_ppm", "d_type", "d_twice" };
	const baton_query query = { .size = sizeof(query), .k = 3, .text = BATON_STR("returns") };
	baton_call call;
	(void)state;
	uint32_t inst = open_sinner("retriever", "");
	assert_int_equal(baton_testhost_search(host, inst, &query, &call), BATON_OK);
	assert_int_equal(heard(call)->n_docs, 2);
	assert_string_equal(heard(call)->docs[1].id.p, "returns");
	(void)baton_testhost_close(&host);
	for (size_t i = 0; i < 5; i++) {
		inst = open_sinner("retriever", bad[i]);
		(void)baton_testhost_search(host, inst, &query, &call);
		assert_true(heard(call)->failed);
		(void)baton_testhost_close(&host);
	}
}

static void rules_may_ask_nothing_and_must_be_named(void **state)
{
	const baton_facts facts = { .size = sizeof(facts) };
	baton_verdict verdict;
	(void)state;
	uint32_t inst = open_sinner("rule", "");
	assert_int_equal(baton_testhost_evaluate(host, inst, &facts, &verdict), BATON_OK);
	assert_string_equal(verdict.rule, "sin");
	(void)baton_testhost_close(&host);
	static const char *const bad[] = { "r_action", "r_unnamed", "r_long" };
	for (size_t i = 0; i < 3; i++) {
		inst = open_sinner("rule", bad[i]);
		(void)baton_testhost_evaluate(host, inst, &facts, &verdict);
		assert_int_equal(baton_testhost_breach(host, BATON_TESTHOST_BREACH_OUTPUT), 1);
		(void)baton_testhost_close(&host);
	}
}

/* --- back-pressure and faults --- */

static const char openai[] = "{\"base_url\":\"https://api.example/v1\",\"secret\":\"KEY\"}";
#define EVENT(text) "data: {\"choices\":[{\"delta\":{\"content\":\"" text "\"}}]}\n\n"
#define STREAM                                                         \
	"> POST https://api.example/v1/chat/completions\n"             \
	"> header: Bearer {{secret:KEY}}\n> has: Where is my\n< 200\n" \
	"< Content-Type: text/event-stream\n"
#define WORDS                                                             \
	EVENT("Gr\xc3\xbc")                                               \
	EVENT("\xc3\x9f ")                                                \
	EVENT("Gott")                                                     \
	"data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]," \
	"\"usage\":{\"prompt_tokens\":11,\"completion_tokens\":3}}\n\n"   \
	"data: [DONE]\n\n"

static void a_full_host_is_waited_for(void **state)
{
	(void)state;
	uint32_t inst = open_with("modules/provider-openai.so", NULL, openai);
	baton_testhost_play(host, STREAM "@ piece 40, wait 5\n\n" WORDS);
	baton_call call = ask(inst, "Where is my order?");
	baton_testhost_credit(host, call, 1);
	baton_testhost_advance(host, 2000);
	assert_string_equal(heard(call)->text, "Gr\xc3\xbc");
	assert_int_equal(heard(call)->n_again, 1);
	assert_true(baton_testhost_asked(host, 0)->paused);
	baton_testhost_credit(host, call, BATON_TESTHOST_NO_BOUND);
	assert_true(baton_testhost_run(host, call, 2000));
	assert_string_equal(heard(call)->text, "Gr\xc3\xbc\xc3\x9f Gott");
	assert_int_equal(heard(call)->usage.in_tokens, 11);
	assert_int_equal(baton_testhost_close(&host), 0);
}

static void a_fault_comes_once_and_where_it_was_ordered(void **state)
{
	(void)state;
	uint32_t inst = open_with("modules/provider-openai.so", NULL, openai);
	baton_call call;
	baton_testhost_fault(host, BATON_TESTHOST_HTTP, 2, BATON_E_LIMIT);
	baton_testhost_play(host, STREAM "@ times 2\n\n" WORDS);
	assert_int_equal(baton_testhost_ask(host, inst, "Where is my order?", &call), BATON_OK);
	assert_true(baton_testhost_run(host, call, 1000));
	assert_true(heard(call)->ended);
	(void)baton_testhost_ask(host, inst, "Where is my order?", &call);
	baton_testhost_settle(host);
	assert_false(heard(call)->ended);
	(void)baton_testhost_ask(host, inst, "Where is my order?", &call);
	assert_true(baton_testhost_run(host, call, 1000));
	assert_true(heard(call)->ended);
	assert_int_equal(baton_testhost_close(&host), 0);
}

static void a_turn_that_went_away_is_noticed(void **state)
{
	(void)state;
	uint32_t inst = open_with("example/provider-echo.so", NULL, "{}");
	baton_testhost_fault(host, BATON_TESTHOST_DELTA, 2, BATON_E_STALE);
	baton_call call = ask(inst, "one two three");
	baton_testhost_advance(host, 100);
	assert_string_equal(heard(call)->text, "one ");
	assert_false(heard(call)->ended);
	assert_int_equal(baton_testhost_pending(host, inst), 0);
	assert_int_equal(baton_testhost_close(&host), 0);
}

static void the_same_seed_gives_the_same_chance(void **state)
{
	(void)state;
	char texts[2][64];
	for (int i = 0; i < 2; i++) {
		uint32_t inst = open_with("example/provider-echo.so", NULL, "{}");
		baton_testhost_fault_by_chance(host, BATON_TESTHOST_DELTA, 300000, BATON_E_STALE);
		baton_call call = ask(inst, "a b c d e f g h i j k l m n o p");
		baton_testhost_advance(host, 100);
		(void)snprintf(texts[i], sizeof(texts[i]), "%s", heard(call)->text);
		(void)baton_testhost_close(&host);
	}
	assert_string_equal(texts[0], texts[1]);
}

/* --- HTTP --- */

static void a_stream_may_be_cut_behind_any_byte(void **state)
{
	(void)state;
	uint32_t inst = open_with("modules/provider-openai.so", NULL, openai);
	char tape[sizeof(STREAM) + sizeof(WORDS) + 64];
	for (size_t at = 1; at < sizeof(WORDS); at++) {
		(void)snprintf(tape, sizeof(tape), STREAM "@ split %zu, wait 1\n\n" WORDS, at);
		baton_testhost_play(host, tape);
		baton_call call = ask(inst, "Where is my order?");
		assert_true(baton_testhost_run(host, call, 1000));
		assert_string_equal(heard(call)->text, "Gr\xc3\xbc\xc3\x9f Gott");
	}
	assert_int_equal(baton_testhost_close(&host), 0);
}

struct http_case {
	const char *tape;
	uint32_t fail, status;
};
static const struct http_case http_cases[] = {
	{ "> * *\n< 429\n< Retry-After: 7\n\n{}", BATON_FAIL_RATE_LIMITED, 429 },
	{ "> * *\n< 503\n\n", BATON_FAIL_OVERLOADED, 503 },
	{ "> * *\n@ fail connect\n", BATON_FAIL_CONNECT, 0 },
	{ "> * *\n@ hang\n", BATON_FAIL_TOTAL, 0 },
	{ "> * *\n@ connect 1500\n< 200\n", BATON_FAIL_CONNECT, 0 },
	{ STREAM "@ fail cut\n\n" EVENT("half"), BATON_FAIL_TRUNCATED, 200 },
	{ STREAM "@ piece 20, wait 70000\n\n" WORDS, BATON_FAIL_TOTAL, 200 },
};

static void requests_fail_as_a_network_fails(void **state)
{
	(void)state;
	uint32_t inst = open_with("modules/provider-openai.so", NULL, openai);
	for (size_t i = 0; i < sizeof(http_cases) / sizeof(http_cases[0]); i++) {
		baton_testhost_play(host, http_cases[i].tape);
		baton_call call = ask(inst, "Where is my order?");
		assert_true(baton_testhost_run(host, call, 300000));
		if (heard(call)->error.fail != http_cases[i].fail ||
		    heard(call)->error.http_status != http_cases[i].status)
			fail_msg("%s: fail %u status %u (%s)", http_cases[i].tape,
				 heard(call)->error.fail, heard(call)->error.http_status,
				 heard(call)->error.code.p);
	}
	assert_int_equal(baton_testhost_unexpected(host), 0);
	assert_int_equal(baton_testhost_close(&host), 0);
}

static void a_request_nobody_expects_is_counted(void **state)
{
	(void)state;
	uint32_t inst = open_with("modules/provider-openai.so", NULL, openai);
	baton_call call = ask(inst, "Where is my order?");
	assert_true(baton_testhost_run(host, call, 1000));
	assert_int_equal(heard(call)->error.fail, BATON_FAIL_CONNECT);
	assert_int_equal(baton_testhost_unexpected(host), 1);
	assert_true(baton_testhost_asked(host, 0)->unexpected);
	assert_string_equal(baton_testhost_asked(host, 0)->method, "POST");
	assert_null(baton_testhost_asked(host, 1));
}

static void secrets_and_hosts_are_kept_to_the_list(void **state)
{
	static const char *const secrets[] = { "OTHER=x", "UNSET", NULL };
	static const char *const egress[] = { "api.example", NULL };
	baton_testhost_options options = { .size = sizeof(options), .secrets = secrets };
	uint32_t inst;
	baton_call call;
	(void)state;
	host = baton_testhost_open(built("modules/provider-openai.so"), &options, why, sizeof(why));
	assert_non_null(host);
	assert_int_equal(baton_testhost_create(host, openai, &inst), BATON_OK);
	(void)baton_testhost_ask(host, inst, "?", &call);
	baton_testhost_settle(host);
	assert_int_equal(baton_testhost_requests(host), 0); /* denied */
	(void)baton_testhost_close(&host);
	options.secrets = NULL;
	options.egress = egress;
	host = baton_testhost_open(built("modules/provider-openai.so"), &options, why, sizeof(why));
	assert_int_equal(baton_testhost_create(host, openai, &inst), BATON_OK);
	(void)baton_testhost_ask(host, inst, "?", &call);
	assert_int_equal(baton_testhost_requests(host), 1);
}

static void a_wrong_cassette_is_refused_by_line(void **state)
{
	static const char *const bad[][2] = {
		{ "< 200\n", "line 1: expected \"> METHOD URL\": < 200" },
		{ "> * *\n< no\n", "line 2: expected a status, then \"Name: value\": no" },
		{ "> * *\n@ piece x\n", "line 2: expected a number: piece" },
		{ "> * *\n@ size 3\n", "line 2: no such word: size" },
		{ "> * *\n@ fail bang\n", "line 2: no such failure: bang" },
		{ "> * *\nhello\n",
		  "line 2: expected \"> \", \"< \", \"@ \" or an empty line: hello" },
	};
	(void)state;
	open_with("example/provider-echo.so", NULL, "{}");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(
			baton_testhost_cassette(host, baton_str_of(bad[i][0]), why, sizeof(why)),
			BATON_E_INVAL);
		assert_string_equal(why, bad[i][1]);
	}
	assert_int_equal(baton_testhost_cassette_file(host, "/nowhere", why, sizeof(why)),
			 BATON_E_IO);
}

static void what_is_kept_and_logged_can_be_looked_at(void **state)
{
	(void)state;
	uint32_t inst = open_sinner("provider", "kv");
	(void)ask(inst, "?");
	assert_int_equal(baton_testhost_kv(host, "k").n, 4);
	baton_testhost_kv_set(host, "k", BATON_STR("new"));
	assert_memory_equal(baton_testhost_kv(host, "k").p, "new", 3);
	assert_null(baton_testhost_kv(host, "none").p);
	(void)baton_testhost_close(&host);
	inst = open_sinner("provider", "measures");
	(void)ask(inst, "?");
	assert_int_equal(baton_testhost_counted(host, "answers"), 2);
	assert_int_equal(baton_testhost_logs(host), 500);
	assert_true(baton_testhost_logged(host, "spa"));
	assert_false(baton_testhost_logged(host, "spat"));
}

int main(void)
{
#define T(f) cmocka_unit_test_teardown(f, close_host)
	const struct CMUnitTest tests[] = {
		T(an_answer_takes_the_time_its_timers_take),
		T(a_cancelled_answer_says_no_more),
		T(instances_are_apart_and_handles_are_their_own),
		T(what_is_no_module_is_refused_with_a_reason),
		T(a_create_that_refuses_leaves_nothing),
		T(the_rules_have_the_servers_names),
		T(each_sin_is_called_by_its_name),
		T(what_is_left_behind_is_counted),
		T(an_end_that_never_comes_is_fenced_after_250_ms),
		T(a_word_after_cancel_is_counted),
		T(jobs_can_be_held_and_end_before_destroy),
		T(classifiers_are_held_to_their_ranges),
		T(retrievers_give_no_more_than_was_asked_for),
		T(rules_may_ask_nothing_and_must_be_named),
		T(a_full_host_is_waited_for),
		T(a_fault_comes_once_and_where_it_was_ordered),
		T(a_turn_that_went_away_is_noticed),
		T(the_same_seed_gives_the_same_chance),
		T(a_stream_may_be_cut_behind_any_byte),
		T(requests_fail_as_a_network_fails),
		T(a_request_nobody_expects_is_counted),
		T(secrets_and_hosts_are_kept_to_the_list),
		T(a_wrong_cassette_is_refused_by_line),
		T(what_is_kept_and_logged_can_be_looked_at),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
