/* SPDX-License-Identifier: Apache-2.0 */

/* tool-http in the test host: calls from invoke() to their end, their tries, and what is left open
 * when a service does not say what became of a request. */
#include "core/base/errors.h"
#include "tests/unit/unit.h"

#include <baton/testhost.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TOOLS                                                                                      \
	"{\"name\":\"order_status\",\"description\":\"d\",\"writes\":false,\"idempotent\":true,"   \
	"\"timeout_ms\":3000,\"arguments\":{\"type\":\"object\",\"properties\":{\"order\":{},"     \
	"\"customer\":{}}},\"config\":{\"url\":\"/orders/{order}\","                               \
	"\"headers\":{\"X-Customer\":\"{customer}\"},\"cache\":{\"ttl_ms\":1000},"                 \
	"\"answer\":{\"pick\":{\"status\":\"/order/status\"}}}},"                                  \
	"{\"name\":\"refund\",\"description\":\"d\",\"writes\":true,\"idempotent\":true,"          \
	"\"timeout_ms\":4000,\"config\":{\"url\":\"/orders/{order}/refunds\",\"method\":\"POST\"," \
	"\"try_ms\":1500}},"                                                                       \
	"{\"name\":\"note\",\"description\":\"d\",\"writes\":true,\"idempotent\":false,"           \
	"\"timeout_ms\":3000,\"config\":{\"url\":\"/notes\",\"method\":\"POST\"}}"
static const char config[] = "{\"base_url\":\"{{secret:SHOP}}\",\"auth\":{\"bearer\":\"KEY\"},"
			     "\"health\":\"/health\",\"policy\":{\"tools\":[" TOOLS "]}}";
static const char *const secrets[] = { "SHOP=https://shop.example", "KEY=very-secret", NULL };
static const char *const egress[] = { "shop.example", NULL };

static baton_testhost *host;
static uint32_t inst;

static int open_with(const char *const *open_egress)
{
	char path[PATH_MAX], file[PATH_MAX + 40], why[256];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);

	assert_true(n > 0);
	path[n] = '\0';
	snprintf(file, sizeof(file), "%s/../modules/tool-http.so", dirname(path));
	const baton_testhost_options options = { .size = sizeof(options),
						 .secrets = secrets,
						 .egress = open_egress };
	host = baton_testhost_open(file, &options, why, sizeof(why));
	if (!host)
		fail_msg("%s", why);
	return baton_testhost_create(host, config, &inst);
}

static int setup(void **state)
{
	(void)state;
	return open_with(egress);
}

static int teardown(void **state)
{
	const char *broken = baton_testhost_breach_text(host);

	(void)state;
	if (baton_testhost_breaches(host) > 0)
		print_error("%s", broken);
	if (baton_testhost_unexpected(host) > 0)
		fail_msg("%u requests that nobody expected", baton_testhost_unexpected(host));
	return (int)baton_testhost_close(&host);
}

static const baton_heard *invoke(const char *tool, const char *args)
{
	baton_call call;

	assert_int_equal(baton_testhost_tool(host, inst, tool, args, 0, &call), BATON_OK);
	assert_true(baton_testhost_run(host, call, 10000));
	return baton_testhost_heard(host, call);
}

static const baton_tool_result *result_of(const baton_heard *heard)
{
	if (heard->failed)
		fail_msg("%.*s: %.*s", (int)heard->error.code.n, heard->error.code.p,
			 (int)heard->error.message.n, heard->error.message.p);
	assert_true(heard->ended);
	assert_non_null(heard->tool);
	return heard->tool;
}

#define ORDER \
	"\n< 200\n< Content-Type: application/json\n\n{\"order\":{\"status\":\"sent\",\"x\":1}}\n"

static void a_look_up_brings_what_was_picked(void **state)
{
	(void)state;
	baton_testhost_play(host, "> GET {{secret:SHOP}}/orders/HP-1" ORDER);
	const baton_tool_result *result =
		result_of(invoke("order_status", "{\"order\":\"HP-1\",\"customer\":\"c7\"}"));
	assert_string_equal(result->json.p, "{\"status\":\"sent\"}");
	assert_int_equal(result->tries, 1);
	assert_int_equal(result->http_status, 200);
	assert_int_equal(result->flags, 0);
	const char *headers = baton_testhost_asked(host, 0)->headers;
	assert_non_null(strstr(headers, "Authorization: Bearer {{secret:KEY}}"));
	assert_non_null(strstr(headers, "X-Customer: c7"));
	assert_non_null(strstr(headers, "X-Request-Id: test-key-1.1"));
	assert_null(strstr(headers, "Idempotency-Key"));
}

static void a_no_is_no_failure(void **state)
{
	(void)state;
	baton_testhost_play(host, "> GET *\n< 404\n< Content-Type: application/json\n\n{}\n");
	const baton_tool_result *result = result_of(invoke("order_status", "{\"order\":\"HP-9\"}"));
	assert_int_equal(result->flags, BATON_TOOL_NO);
	assert_string_equal(result->code.p, "not_found");
	assert_int_equal(result->http_status, 404);
	assert_int_equal(baton_testhost_requests(host), 1);
}

static void an_answer_is_kept_for_its_customer_and_not_for_ever(void **state)
{
	(void)state;
	baton_testhost_play(host, "> GET *" ORDER);
	(void)result_of(invoke("order_status", "{\"order\":\"HP-1\"}"));
	const baton_tool_result *result =
		result_of(invoke("order_status", "{ \"order\": \"HP-1\"}"));
	assert_int_equal(result->flags, BATON_TOOL_CACHED);
	assert_int_equal(result->tries, 0);
	assert_int_equal(baton_testhost_requests(host), 1);
	assert_int_equal(baton_testhost_counted(host, "cache_hits"), 1);

	const baton_turn other = { .size = sizeof(other),
				   .session_id = BATON_STR("s-2"),
				   .customer_ref = BATON_STR("somebody") };
	const baton_tool_req req = { .size = sizeof(req),
				     .turn = &other,
				     .name = BATON_STR("order_status"),
				     .args_json = BATON_STR("{\"order\":\"HP-1\"}"),
				     .idempotency_key = BATON_STR("k2") };
	baton_call call;
	baton_testhost_play(host, "> GET *" ORDER);
	assert_int_equal(baton_testhost_invoke(host, inst, &req, &call), BATON_OK);
	assert_true(baton_testhost_run(host, call, 1000));
	assert_int_equal(baton_testhost_requests(host), 2);

	baton_testhost_advance(host, 1000);
	baton_testhost_play(host, "> GET *" ORDER);
	assert_int_equal(result_of(invoke("order_status", "{\"order\":\"HP-1\"}"))->flags, 0);
	assert_int_equal(baton_testhost_requests(host), 3);
}

static void what_was_written_is_not_answered_from_before(void **state)
{
	(void)state;
	baton_testhost_play(host, "> GET *" ORDER);
	(void)result_of(invoke("order_status", "{\"order\":\"HP-1\"}"));
	baton_testhost_play(host,
			    "> POST *\n< 201\n< Content-Type: application/json\n\n{\"id\":1}\n");
	(void)result_of(invoke("refund", "{\"order\":\"HP-1\"}"));
	baton_testhost_play(host, "> GET *" ORDER);
	assert_int_equal(result_of(invoke("order_status", "{\"order\":\"HP-1\"}"))->flags, 0);
}

static void what_one_loop_knows_and_changes_all_know(void **state)
{
	uint32_t first = inst, second;

	(void)state;
	assert_int_equal(baton_testhost_create(host, config, &second), BATON_OK);
	baton_testhost_play(host, "> GET *" ORDER);
	(void)result_of(invoke("order_status", "{\"order\":\"HP-1\"}"));
	inst = second;
	assert_int_equal(result_of(invoke("order_status", "{\"order\":\"HP-1\"}"))->flags,
			 BATON_TOOL_CACHED);
	baton_testhost_play(host,
			    "> POST *\n< 201\n< Content-Type: application/json\n\n{\"id\":1}\n");
	(void)result_of(invoke("refund", "{\"order\":\"HP-1\"}"));
	inst = first;
	baton_testhost_play(host, "> GET *" ORDER);
	assert_int_equal(result_of(invoke("order_status", "{\"order\":\"HP-1\"}"))->flags, 0);
}

static void a_look_up_is_tried_again_with_growing_pauses(void **state)
{
	(void)state;
	baton_testhost_play(host, "> GET *\n@ times 2\n< 500\n\n> GET *" ORDER);
	const baton_heard *heard = invoke("order_status", "{\"order\":\"HP-1\"}");
	assert_int_equal(result_of(heard)->tries, 3);
	uint64_t first =
		baton_testhost_asked(host, 1)->at_ns - baton_testhost_asked(host, 0)->at_ns;
	uint64_t second =
		baton_testhost_asked(host, 2)->at_ns - baton_testhost_asked(host, 1)->at_ns;
	assert_in_range(first, 100 * 1000000ull, 200 * 1000000ull);
	assert_in_range(second, 200 * 1000000ull, 400 * 1000000ull);
	assert_int_equal(baton_testhost_counted(host, "retries"), 2);
}

static void it_gives_up_and_says_what_it_was(void **state)
{
	(void)state;
	baton_testhost_play(host, "> GET *\n@ times 3\n< 503\n");
	const baton_heard *heard = invoke("order_status", "{\"order\":\"HP-1\"}");
	assert_true(heard->failed);
	assert_int_equal(heard->error.fail, BATON_FAIL_OVERLOADED);
	assert_int_equal(heard->error.http_status, 503);
	assert_int_equal(heard->error.flags, 0); /* it only reads: nothing can have happened */
	assert_int_equal(baton_testhost_requests(host), 3);
}

static void retry_after_is_honoured_while_there_is_time(void **state)
{
	(void)state;
	baton_testhost_play(host, "> GET *\n< 429\n< Retry-After: 2\n\n> GET *" ORDER);
	assert_int_equal(result_of(invoke("order_status", "{\"order\":\"HP-1\"}"))->tries, 2);
	assert_true(baton_testhost_asked(host, 1)->at_ns - baton_testhost_asked(host, 0)->at_ns >=
		    2000 * 1000000ull);
	baton_testhost_play(host, "> GET *\n< 429\n< Retry-After: 30\n");
	const baton_heard *heard = invoke("order_status", "{\"order\":\"HP-2\"}");
	assert_true(heard->failed);
	assert_int_equal(heard->error.fail, BATON_FAIL_RATE_LIMITED);
	assert_int_equal(heard->error.retry_after_ms, 30000);
}

static void a_write_that_may_be_repeated_is_with_the_same_key(void **state)
{
	(void)state;
	baton_testhost_play(host,
			    "> POST *\n@ fail cut\n\n"
			    "> POST *\n< 409\n\n"
			    "> POST *\n< 201\n< Content-Type: application/json\n\n{\"id\":1}\n");
	assert_int_equal(result_of(invoke("refund", "{\"order\":\"HP-1\"}"))->tries, 3);
	for (unsigned i = 0; i < 3; i++)
		assert_non_null(strstr(baton_testhost_asked(host, i)->headers,
				       "Idempotency-Key: test-key-1\n"));
}

static void doubt(const baton_heard *heard, unsigned requests)
{
	assert_true(heard->failed);
	assert_true(heard->error.flags & BATON_ERROR_IN_DOUBT);
	assert_int_equal(baton_testhost_requests(host), requests);
}

static void a_write_that_may_have_happened_is_never_repeated_and_in_doubt(void **state)
{
	static const char *const answers[] = {
		"> POST *\n@ fail cut\n",
		"> POST *\n< 500\n",
		"> POST *\n< 503\n",
		"> POST *\n< 200\n< Content-Type: text/html\n\n<p>\n",
		"> POST *\n< 200\n< Content-Type: application/json\n\n{\"id\":\n",
		"> POST *\n@ hang\n",
	};
	(void)state;
	for (unsigned i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		baton_testhost_play(host, answers[i]);
		doubt(invoke("note", "{\"text\":\"x\"}"), i + 1);
	}
	assert_int_equal(baton_testhost_counted(host, "in_doubt"), 6);
}

static void a_write_that_was_not_begun_is_in_no_doubt(void **state)
{
	static const char *const answers[] = {
		"> POST *\n@ fail connect\n", "> POST *\n@ fail dns\n", "> POST *\n< 429\n",
		"> POST *\n< 401\n",          "> POST *\n< 400\n",      "> POST *\n< 302\n",
	};
	(void)state;
	for (unsigned i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		baton_testhost_play(host, answers[i]);
		const baton_heard *heard = invoke("note", "{\"text\":\"x\"}");
		assert_true(heard->failed);
		assert_int_equal(heard->error.flags & BATON_ERROR_IN_DOUBT, 0);
	}
}

static void a_doubt_stays_until_the_service_has_said_what_happened(void **state)
{
	(void)state;
	baton_testhost_play(host, "> POST *\n@ fail cut\n\n> POST *\n@ fail connect\n\n"
				  "> POST *\n< 401\n");
	doubt(invoke("refund", "{\"order\":\"HP-1\"}"), 3);
	baton_testhost_play(host, "> POST *\n@ fail cut\n\n> POST *\n< 422\n"
				  "< Content-Type: application/json\n\n{\"code\":\"too_high\"}\n");
	const baton_tool_result *result = result_of(invoke("refund", "{\"order\":\"HP-1\"}"));
	assert_string_equal(result->code.p, "too_high");
}

static void what_nobody_waits_for_any_more_is_stopped(void **state)
{
	baton_call read, write, paused;
	(void)state;

	baton_testhost_play(host, "> GET *\n@ hang\n\n> POST *\n@ hang\n\n> GET *\n< 500\n");
	assert_int_equal(
		baton_testhost_tool(host, inst, "order_status", "{\"order\":\"1\"}", 0, &read), 0);
	assert_int_equal(baton_testhost_tool(host, inst, "note", "{}", 0, &write), 0);
	assert_int_equal(
		baton_testhost_tool(host, inst, "order_status", "{\"order\":\"2\"}", 0, &paused),
		0);
	baton_testhost_advance(host, 50);
	baton_testhost_cancel(host, read, BATON_CANCEL_USER);
	baton_testhost_cancel(host, write, BATON_CANCEL_DEADLINE);
	baton_testhost_cancel(host, paused, BATON_CANCEL_USER);
	assert_false(baton_testhost_heard(host, read)->open);
	assert_false(baton_testhost_heard(host, write)->open);
	assert_false(baton_testhost_heard(host, paused)->open);
	assert_true(baton_testhost_asked(host, 0)->stopped);
	assert_true(baton_testhost_asked(host, 1)->stopped);
	assert_int_equal(baton_testhost_heard(host, read)->error.flags & BATON_ERROR_IN_DOUBT, 0);
	assert_true(baton_testhost_heard(host, write)->error.flags & BATON_ERROR_IN_DOUBT);
	assert_int_equal(baton_testhost_pending(host, inst), 0);
}

static void in_a_shadow_nothing_is_changed(void **state)
{
	baton_call call;
	(void)state;

	assert_int_equal(baton_testhost_tool(host, inst, "refund", "{\"order\":\"1\"}",
					     BATON_TOOL_WRITES | BATON_TOOL_SHADOW, &call),
			 BATON_OK);
	assert_string_equal(result_of(baton_testhost_heard(host, call))->json.p,
			    "{\"shadow\":true}");
	assert_int_equal(baton_testhost_requests(host), 0);
	baton_testhost_play(host, "> GET *" ORDER);
	assert_int_equal(baton_testhost_tool(host, inst, "order_status", "{\"order\":\"1\"}",
					     BATON_TOOL_SHADOW, &call),
			 BATON_OK);
	assert_true(baton_testhost_run(host, call, 1000));
	assert_int_equal(baton_testhost_requests(host), 1);
}

static void what_cannot_be_asked_is_not_asked(void **state)
{
	baton_call call;
	(void)state;

	const baton_heard *heard = invoke("order_status", "{\"order\":\"../admin\"}");
	assert_true(heard->failed);
	assert_int_equal(heard->error.fail, BATON_FAIL_BAD_REQUEST);
	assert_null(strstr(heard->error.message.p, "admin"));
	assert_true(invoke("order_status", "{}")->failed);
	assert_true(invoke("order_status", "{\"order\":\"1\",\"customer\":\"{{secret:KEY}}\"}")
			    ->failed);
	assert_int_equal(baton_testhost_tool(host, inst, "nothing", "{}", 0, &call),
			 BATON_E_NOTFOUND);
	assert_int_equal(baton_testhost_tool(host, inst, "note", "[]", 0, &call), BATON_E_INVAL);
	assert_int_equal(baton_testhost_requests(host), 0);
}

static void an_address_outside_is_the_hosts_no(void **state)
{
	static const char *const elsewhere[] = { "other.example", NULL };
	(void)state;

	assert_int_equal(baton_testhost_close(&host), 0);
	assert_int_equal(open_with(elsewhere), 0);
	const baton_heard *heard = invoke("note", "{}");
	assert_true(heard->failed);
	assert_int_equal(heard->error.fail, BATON_FAIL_ACCESS);
	assert_int_equal(heard->error.flags, BATON_ERROR_NOT_AGAIN);
}

static void a_body_without_end_is_not_read(void **state)
{
	static const char head[] = "> GET *\n< 200\n< Content-Type: application/json\n\n";
	char *text = malloc(400000);
	(void)state;

	assert_non_null(text);
	memcpy(text, head, sizeof(head));
	memset(text + sizeof(head) - 1, 'x', 300000);
	text[sizeof(head) - 1 + 300000] = '\0';
	baton_testhost_play(host, text);
	free(text);
	const baton_heard *heard = invoke("order_status", "{\"order\":\"1\"}");
	assert_true(heard->failed);
	assert_string_equal(heard->error.code.p, "too_big");
	assert_int_equal(baton_testhost_requests(host), 1);
}

static void it_says_what_it_can_do_and_whether_it_is_well(void **state)
{
	const baton_tool *vt = baton_testhost_vt(host);
	baton_str text;
	baton_call call;
	(void)state;

	assert_int_equal(baton_testhost_read_sink(host, vt->describe, inst, &text), BATON_OK);
	assert_non_null(
		strstr(text.p, "{\"name\":\"refund\",\"description\":\"d\",\"writes\":true}"));
	assert_int_equal(baton_testhost_check(host, inst, 0, &call), BATON_OK);
	assert_true(baton_testhost_heard(host, call)->ended);
	assert_int_equal(baton_testhost_requests(host), 0);
	baton_testhost_play(host, "> GET {{secret:SHOP}}/health\n< 204\n\n> GET *\n< 503\n\n"
				  "> GET *\n@ fail connect\n");
	for (int i = 0; i < 3; i++) {
		(void)baton_testhost_check(host, inst, 1, &call);
		assert_true(baton_testhost_run(host, call, 10000));
		assert_int_equal(baton_testhost_heard(host, call)->failed, i > 0);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_look_up_brings_what_was_picked),
		TEST(a_no_is_no_failure),
		TEST(an_answer_is_kept_for_its_customer_and_not_for_ever),
		TEST(what_was_written_is_not_answered_from_before),
		TEST(what_one_loop_knows_and_changes_all_know),
		TEST(a_look_up_is_tried_again_with_growing_pauses),
		TEST(it_gives_up_and_says_what_it_was),
		TEST(retry_after_is_honoured_while_there_is_time),
		TEST(a_write_that_may_be_repeated_is_with_the_same_key),
		TEST(a_write_that_may_have_happened_is_never_repeated_and_in_doubt),
		TEST(a_write_that_was_not_begun_is_in_no_doubt),
		TEST(a_doubt_stays_until_the_service_has_said_what_happened),
		TEST(what_nobody_waits_for_any_more_is_stopped),
		TEST(in_a_shadow_nothing_is_changed),
		TEST(what_cannot_be_asked_is_not_asked),
		TEST(an_address_outside_is_the_hosts_no),
		TEST(a_body_without_end_is_not_read),
		TEST(it_says_what_it_can_do_and_whether_it_is_well),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
