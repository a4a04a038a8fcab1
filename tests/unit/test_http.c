/* SPDX-License-Identifier: Apache-2.0 */

/* What the outbound client promises, against a scripted server on loopback: what arrives, what is
 * cut off, what is refused before a byte leaves. Names are resolved by the test, so that a
 * name can be hostile or slow. */
#include "core/base/buf.h"
#include "core/base/errors.h"
#include "core/base/limits.h"
#include "core/base/mem.h"
#include "core/loop/http.h"
#include "core/loop/target.h"

#include "tests/unit/http_heard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

/* --- what arrives --- */

static void an_answer_is_told_as_head_data_and_one_end(void **state)
{
	(void)state;
	struct heard heard = { 0 };
	hear(&heard, "/plain", (struct baton_http_ask){ 0 });
	assert_int_equal(heard.heads, 1);
	assert_int_equal(heard.status, 200);
	is_text(&heard, "hello");
	assert_string_equal(heard.headers.p, "Content-Length: 5;X-A: 1;x-b:  two;");
	is_end(&heard, 0, "");
	heard_done(&heard);
}

static void odd_but_valid_answers_are_read(void **state)
{
	(void)state;
	static const struct {
		const char *path;
		unsigned status;
		const char *text;
	} cases[] = {
		{ "/bytes", 200, "hello" },         { "/empty", 204, "" },
		{ "/close", 200, "until the end" }, { "/continue", 200, "ok" },
		{ "/trailer", 200, "ok" },          { "/gzip", 200, "\x1f\x8b\x08" },
		{ "/redirect", 302, "" },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct heard heard = { 0 };
		hear(&heard, cases[i].path, (struct baton_http_ask){ 0 });
		assert_int_equal(heard.heads, 1);
		assert_int_equal(heard.status, cases[i].status);
		assert_memory_equal(heard.text.n ? heard.text.p : "", cases[i].text,
				    strlen(cases[i].text));
		is_end(&heard, 0, "");
		heard_done(&heard);
	}
}

static void a_request_carries_what_was_asked_and_nothing_of_the_environment(void **state)
{
	(void)state;
	struct heard heard = { 0 };
	const baton_str headers[] = { BATON_STR("X-One: 1"), BATON_STR("X-Empty:") };
	setenv("http_proxy", "http://127.0.0.1:9", 1);
	setenv("ALL_PROXY", "http://127.0.0.1:9", 1);
	hear(&heard, "/echo",
	     (struct baton_http_ask){ .method = BATON_STR("POST"),
				      .body = BATON_STR("{}"),
				      .headers = headers,
				      .n_headers = 2 });
	char expected[200];
	snprintf(
		expected, sizeof(expected),
		"POST /echo HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nAccept: */*\r\nX-One: 1\r\nX-Empty:\r\n"
		"Content-Length: 2\r\n\r\n{}",
		peer.port);
	is_text(&heard, expected);
	heard_done(&heard);
	unsetenv("http_proxy");
	unsetenv("ALL_PROXY");
}

static void nothing_of_a_request_stays_for_the_next_one(void **state)
{
	(void)state;
	struct heard heard = { .ask_again = true };
	const baton_str headers[] = { BATON_STR("Authorization: Bearer s3cret") };
	unsigned conns = atomic_load(&peer.n_conns), requests = atomic_load(&peer.n_requests);
	hear(&heard, "/cookie",
	     (struct baton_http_ask){ .method = BATON_STR("PUT"),
				      .body = BATON_STR("x"),
				      .headers = headers,
				      .n_headers = 1 });
	assert_int_equal(heard.ends, 2);
	assert_int_equal(atomic_load(&peer.n_requests) - requests, 2);

	/* A third one on the same connection tells what it sends. */
	struct baton_http_ask how = { 0 };
	heard.heads = heard.datas = heard.ends = 0;
	baton_buf_reset(&heard.text);
	*heard.open = 1;
	unsigned open = 1;
	heard.open = &open;
	ask(&heard, "/echo", &how);
	baton_loop_run(heard.loop);
	char expected[128];
	snprintf(expected, sizeof(expected),
		 "GET /echo HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nAccept: */*\r\n\r\n", peer.port);
	is_text(&heard, expected);
	assert_int_equal(atomic_load(&peer.n_conns) - conns, 1);
	heard_done(&heard);
}

/* A kept connection that is dead: libcurl would send it again, although the peer has read it. */
static void what_must_leave_once_leaves_once(void **state)
{
	(void)state;
	for (unsigned once = 0; once < 2; once++) {
		struct heard heard = { .ask_again = true };
		struct baton_http_ask how = { .method = BATON_STR("POST"),
					      .body = BATON_STR("x"),
					      .once = once };
		hear(&heard, "/plain", (struct baton_http_ask){ 0 });
		unsigned requests = atomic_load(&peer.n_requests);
		unsigned open = 1;
		heard.open = &open;
		ask(&heard, "/hang-up", &how);
		baton_loop_run(heard.loop);
		assert_int_equal(atomic_load(&peer.n_requests) - requests, once ? 1 : 2);
		heard_done(&heard);
	}
}

static void events_come_whole_whatever_the_pieces(void **state)
{
	(void)state;
	static const char *const paths[] = { "/sse", "/sse-bytes" };
	for (size_t i = 0; i < 2; i++) {
		struct heard heard = { 0 };
		hear(&heard, paths[i], (struct baton_http_ask){ .sse = true });
		is_text(&heard, "message|one;two|zwei;");
		is_end(&heard, 0, "");
		heard_done(&heard);
	}
}

static void an_error_in_place_of_a_stream_comes_as_it_is(void **state)
{
	(void)state;
	struct heard heard = { 0 };
	hear(&heard, "/sse-not", (struct baton_http_ask){ .sse = true });
	assert_int_equal(heard.status, 429);
	is_text(&heard, "{\"error\":{}}");
	heard_done(&heard);
}

static void lines_of_ndjson_come_whole(void **state)
{
	(void)state;
	struct heard heard = { 0 };
	hear(&heard, "/ndjson", (struct baton_http_ask){ .ndjson = true });
	is_text(&heard, "{\"a\":1}{\"b\":2}{\"c\"");
	assert_int_equal(heard.datas, 3);
	heard_done(&heard);
}

static void a_paused_answer_is_silent_and_complete_afterwards(void **state)
{
	(void)state;
	static const char *const paths[] = { "/sse", "/sse-bytes" };
	for (size_t i = 0; i < 2; i++) {
		struct heard heard = { .pause_at = 1 };
		hear(&heard, paths[i], (struct baton_http_ask){ .sse = true, .idle_ms = 1000 });
		is_text(&heard, "message|one;two|zwei;");
		is_end(&heard, 0, "");
		heard_done(&heard);
	}
}

/* --- what goes wrong --- */

static void failures_have_a_class_and_a_code(void **state)
{
	(void)state;
	static const struct {
		const char *path;
		uint32_t fail;
		const char *code;
		bool sse, ndjson;
	} cases[] = {
		{ "/cut-length", BATON_FAIL_BAD_OUTPUT, "cut", false, false },
		{ "/cut-chunk", BATON_FAIL_BAD_OUTPUT, "cut", false, false },
		{ "/cut-last-chunk", BATON_FAIL_BAD_OUTPUT, "cut", false, false },
		{ "/cut-chunk", BATON_FAIL_BAD_OUTPUT, "cut", true, false },
		{ "/reset", BATON_FAIL_UNAVAILABLE, "cut", false, false },
		{ "/nothing-is-there", BATON_FAIL_UNAVAILABLE, "cut", false, false },
		{ "/reset-body", EITHER, "cut", false, false },
		{ "/endless-head", BATON_FAIL_BAD_OUTPUT, "too_big", false, false },
		{ "/endless-headers", BATON_FAIL_BAD_OUTPUT, "too_big", false, false },
		{ "/endless-body", BATON_FAIL_BAD_OUTPUT, "too_big", false, false },
		{ "/endless-line", BATON_FAIL_BAD_OUTPUT, "too_big", true, false },
		{ "/endless-ndjson", BATON_FAIL_BAD_OUTPUT, "too_big", false, true },
		{ "/endless-sse", BATON_FAIL_BAD_OUTPUT, "too_big", true, false },
		{ "/not-http", BATON_FAIL_BAD_OUTPUT, "protocol", false, false },
		{ "/bad-chunk", BATON_FAIL_BAD_OUTPUT, "cut", false, false },
		{ "/endless-header", BATON_FAIL_BAD_OUTPUT, "too_big", false, false },
		{ "unknown.test", BATON_FAIL_UNAVAILABLE, "dns", false, false },
		{ "private.test", BATON_FAIL_ACCESS, "denied", false, false },
		{ "metadata.test", BATON_FAIL_ACCESS, "denied", false, false },
		{ "zero.test", BATON_FAIL_ACCESS, "denied", false, false },
		{ "multicast.test", BATON_FAIL_ACCESS, "denied", false, false },
		{ "https://127.0.0.1:443/", BATON_FAIL_UNAVAILABLE, "connect", false, false },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct heard heard = { 0 };
		hear(&heard, cases[i].path,
		     (struct baton_http_ask){ .sse = cases[i].sse, .ndjson = cases[i].ndjson });
		is_end(&heard, cases[i].fail, cases[i].code);
		assert_true(strlen(heard.message) > 0);
		heard_done(&heard);
	}
}

static void what_is_bounded_is_bounded_in_what_is_told_too(void **state)
{
	(void)state;
	struct heard heard = { 0 };
	hear(&heard, "/endless-body", (struct baton_http_ask){ 0 });
	assert_true(heard.text.n <= BATON_HTTP_ANSWER_BYTES_MAX);
	assert_true(heard.text.n > BATON_HTTP_ANSWER_BYTES_MAX / 2);
	heard_done(&heard);
}

static void a_message_holds_no_header_of_the_request(void **state)
{
	(void)state;
	struct heard heard = { 0 };
	const baton_str headers[] = { BATON_STR("Authorization: Bearer s3cret") };
	hear(&heard, "/reset", (struct baton_http_ask){ .headers = headers, .n_headers = 1 });
	assert_null(strstr(heard.message, "s3cret"));
	assert_non_null(strstr(heard.message, "127.0.0.1"));
	heard_done(&heard);
}

static void each_kind_of_silence_has_its_own_limit(void **state)
{
	(void)state;
	static const struct {
		const char *path;
		uint32_t connect_ms, first_byte_ms, idle_ms, total_ms;
		const char *code;
	} cases[] = {
		{ "/silent", 1000, 20, 0, 0, "timeout_first_byte" },
		{ "/silent-body", 1000, 20, 5, 0, "timeout_first_byte" },
		{ "/silent-later", 1000, 1000, 20, 0, "timeout_idle" },
		{ "/silent-later", 1000, 0, 20, 0, "timeout_idle" },
		{ "/silent", 1000, 0, 20, 40, "timeout_total" },
		{ "/silent-later", 0, 0, 0, 20, "timeout_total" },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct heard heard = { 0 };
		uint64_t start = baton_loop_now_ns(NULL);
		hear(&heard, cases[i].path,
		     (struct baton_http_ask){ .connect_ms = cases[i].connect_ms,
					      .first_byte_ms = cases[i].first_byte_ms,
					      .idle_ms = cases[i].idle_ms,
					      .total_ms = cases[i].total_ms });
		uint64_t took_ms = (baton_loop_now_ns(NULL) - start) / 1000000;
		is_end(&heard, BATON_FAIL_TIMEOUT, cases[i].code);
		assert_in_range(took_ms, 20, 900);
		heard_done(&heard);
	}
}

/* The resolver's thread hangs; neither the request, nor the loop, nor its end wait for it. */
static void a_slow_name_is_given_up_at_the_connect_limit(void **state)
{
	(void)state;
	struct heard heard = { 0 };
	uint64_t start = baton_loop_now_ns(NULL);
	hear(&heard, "slow.test", (struct baton_http_ask){ .connect_ms = 20 });
	is_end(&heard, BATON_FAIL_TIMEOUT, "timeout_connect");
	heard_done(&heard);
	assert_true(baton_loop_now_ns(NULL) - start < 2000000000);

	pthread_mutex_lock(&slow_lock);
	slow_go = true;
	pthread_cond_broadcast(&slow_cond);
	while (!slow_done)
		pthread_cond_wait(&slow_cond, &slow_lock);
	pthread_mutex_unlock(&slow_lock);
}

static void a_name_that_resolves_to_loopback_is_refused_unless_allowed(void **state)
{
	(void)state;
	struct heard heard = { 0 };
	hear(&heard, "loop.test", (struct baton_http_ask){ 0 });
	is_text(&heard, "hello");
	heard_done(&heard);

	struct heard denied = { 0 };
	unsigned open;
	const char *const list[] = { "loop.test:443" };
	heard_init(&denied, &open);
	struct baton_http_ask how = { .method = BATON_STR("GET"),
				      .url = BATON_STR("https://loop.test/"),
				      .egress = list,
				      .n_egress = 1 };
	assert_int_equal(baton_http_start(denied.http, &how, &events, &denied, &denied.handle), 0);
	baton_loop_run(denied.loop);
	is_end(&denied, BATON_FAIL_ACCESS, "denied");
	heard_done(&denied);
}

/* More than any buffer of a socket holds, both ways. */
static void what_is_long_arrives_whole(void **state)
{
	(void)state;
	enum { LONG = 900 * 1024 };
	char *body = malloc(LONG);
	assert_non_null(body);
	for (size_t i = 0; i < LONG; i++)
		body[i] = (char)('a' + i % 23);
	for (unsigned pause_at = 0; pause_at < 2; pause_at++) {
		struct heard heard = { .pause_at = pause_at };
		hear(&heard, "/echo",
		     (struct baton_http_ask){ .method = BATON_STR("POST"),
					      .body = { body, LONG } });
		is_end(&heard, 0, "");
		assert_true(heard.text.n > LONG);
		assert_memory_equal(heard.text.p + heard.text.n - LONG, body, LONG);
		heard_done(&heard);
	}
	free(body);
}

/* --- stop and end --- */

static void after_a_stop_nothing_more_is_told(void **state)
{
	(void)state;
	struct heard at_head = { .stop_at_head = true };
	hear(&at_head, "/plain", (struct baton_http_ask){ 0 });
	assert_int_equal(at_head.datas + at_head.ends, 0);
	heard_done(&at_head);

	struct heard at_data = { .stop_at = 1 };
	hear(&at_data, "/sse", (struct baton_http_ask){ .sse = true });
	is_text(&at_data, "message|one;");
	assert_int_equal(at_data.ends, 0);
	heard_done(&at_data);
}

static void a_stop_closes_the_connection_of_an_answer_in_progress(void **state)
{
	(void)state;
	struct heard heard = { .stop_at = 1 };
	unsigned left = atomic_load(&peer.n_left);
	hear(&heard, "/silent-later", (struct baton_http_ask){ 0 });
	heard_done(&heard);
	while (atomic_load(&peer.n_left) == left)
		sched_yield();
	assert_int_equal(heard.ends, 0);
}

static void a_request_stopped_before_its_turn_never_leaves(void **state)
{
	(void)state;
	struct heard heard = { 0 };
	unsigned open, requests = atomic_load(&peer.n_requests);
	heard_init(&heard, &open);
	struct baton_http_ask how = { 0 };
	ask(&heard, "/plain", &how);
	baton_http_stop(heard.http, heard.handle);
	baton_http_stop(heard.http, heard.handle);
	baton_loop_stop(heard.loop);
	baton_loop_run(heard.loop);
	assert_int_equal(heard.heads + heard.ends, 0);
	assert_int_equal(atomic_load(&peer.n_requests), requests);
	heard_done(&heard);
}

static void open_requests_end_as_cancelled_with_the_loop(void **state)
{
	(void)state;
	struct heard heard[3] = { 0 };
	unsigned open;
	heard_init(&heard[0], &open);
	open = 100; /* never reached: the loop is stopped by hand */
	for (int i = 0; i < 3; i++) {
		heard[i].loop = heard[0].loop;
		heard[i].http = heard[0].http;
		heard[i].open = &open;
		struct baton_http_ask how = { 0 };
		ask(&heard[i], i == 0 ? "/silent" : "/silent-later", &how);
	}
	baton_http_stop(heard[2].http, heard[2].handle);
	baton_loop_stop(heard[0].loop);
	baton_loop_run(heard[0].loop);
	heard_done(&heard[0]);
	is_end(&heard[0], BATON_FAIL_CANCELLED, "cancelled");
	is_end(&heard[1], BATON_FAIL_CANCELLED, "cancelled");
	assert_int_equal(heard[2].ends, 0);
	baton_buf_done(&heard[1].text);
	baton_buf_done(&heard[1].headers);
}

static void many_requests_share_a_loop(void **state)
{
	(void)state;
	enum { MANY = 300 }; /* more than one multi interface has */
	static struct heard heard[MANY];
	unsigned open, conns = atomic_load(&peer.n_conns);
	memset(heard, 0, sizeof(heard));
	heard_init(&heard[0], &open);
	for (int round = 0; round < 3; round++) {
		open = MANY;
		for (int i = 0; i < MANY; i++) {
			heard[i] = (struct heard){ .loop = heard[0].loop,
						   .http = heard[0].http,
						   .open = &open };
			struct baton_http_ask how = { .sse = true };
			ask(&heard[i], i % 2 ? "/sse" : "/plain", &how);
		}
		baton_loop_run(heard[0].loop);
		for (int i = 0; i < MANY; i++) {
			is_text(&heard[i], i % 2 ? "message|one;two|zwei;" : "hello");
			baton_buf_done(&heard[i].text);
			baton_buf_done(&heard[i].headers);
		}
	}
	assert_true(atomic_load(&peer.n_conns) - conns < 2 * MANY); /* used again */
	heard_done(&heard[0]);
}

/* --- what is refused --- */

static void bad_questions_are_refused(void **state)
{
	(void)state;
	static const char *const list[] = { "127.0.0.1" };
	static const struct {
		const char *method, *url, *header;
		int rc;
	} cases[] = {
		{ "GET", "http://user:pw@127.0.0.1/", NULL, BATON_E_INVAL },
		{ "GET", "http://user@127.0.0.1/", NULL, BATON_E_INVAL },
		{ "GET", "http://@127.0.0.1/", NULL, BATON_E_INVAL },
		{ "GET", "file:///etc/passwd", NULL, BATON_E_INVAL },
		{ "GET", "ftp://127.0.0.1/", NULL, BATON_E_INVAL },
		{ "GET", "gopher://127.0.0.1/", NULL, BATON_E_INVAL },
		{ "GET", "127.0.0.1", NULL, BATON_E_INVAL },
		{ "GET", "", NULL, BATON_E_INVAL },
		{ "GET", "http://", NULL, BATON_E_INVAL },
		{ "GET", "http://127.0.0.1/a b", NULL, BATON_E_INVAL },
		{ "GET", "http://127.0.0.1/\r\nX: y", NULL, BATON_E_INVAL },
		{ "GET", "http://127.0.0.1:99999/", NULL, BATON_E_INVAL },
		{ "get", "http://127.0.0.1/", NULL, BATON_E_INVAL },
		{ "", "http://127.0.0.1/", NULL, BATON_E_INVAL },
		{ "GET /x", "http://127.0.0.1/", NULL, BATON_E_INVAL },
		{ "GET", "http://127.0.0.1/", "X: a\r\nY: b", BATON_E_INVAL },
		{ "GET", "http://127.0.0.1/", "no colon", BATON_E_INVAL },
		{ "GET", "http://127.0.0.1/", ": no name", BATON_E_INVAL },
		{ "GET", "http://127.0.0.1/", "Bad Name: x", BATON_E_INVAL },
		{ "GET", "http://127.0.0.1/", "Host: elsewhere", BATON_E_INVAL },
		{ "GET", "http://127.0.0.1/", "content-length: 0", BATON_E_INVAL },
		{ "GET", "http://127.0.0.1/", "Transfer-Encoding: chunked", BATON_E_INVAL },
		{ "GET", "http://example.org/", NULL, BATON_E_DENIED },
		{ "GET", "http://127.0.0.1.example.org/", NULL, BATON_E_DENIED },
		{ "GET", "https://127.0.0.1:8443/", NULL, BATON_E_DENIED },
	};
	struct heard heard = { 0 };
	unsigned open;
	heard_init(&heard, &open);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		baton_str header = baton_str_of(cases[i].header);
		struct baton_http_ask how = { .method = baton_str_of(cases[i].method),
					      .url = baton_str_of(cases[i].url),
					      .headers = &header,
					      .n_headers = cases[i].header ? 1 : 0,
					      .egress = list,
					      .n_egress = 1,
					      .allow_loopback_http = true };
		heard.handle = 77;
		assert_int_equal(baton_http_start(heard.http, &how, &events, &heard, &heard.handle),
				 cases[i].rc);
		assert_int_equal(heard.handle, 77);
	}
	struct baton_http_ask nul = { .method = BATON_STR("GET"),
				      .url = BATON_STR("http://127.0.0.1/\0x"),
				      .egress = list,
				      .n_egress = 1,
				      .allow_loopback_http = true };
	assert_int_equal(baton_http_start(heard.http, &nul, &events, &heard, &heard.handle),
			 BATON_E_INVAL);
	struct baton_http_ask plain = { .method = BATON_STR("GET"),
					.url = BATON_STR("http://127.0.0.1/"),
					.egress = list,
					.n_egress = 1 };
	assert_int_equal(baton_http_start(heard.http, &plain, &events, &heard, &heard.handle),
			 BATON_E_DENIED);
	plain.allow_loopback_http = true;
	plain.n_egress = 0;
	assert_int_equal(baton_http_start(heard.http, &plain, &events, &heard, &heard.handle),
			 BATON_E_DENIED);
	assert_int_equal(heard.ends, 0);
	heard_done(&heard);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_answer_is_told_as_head_data_and_one_end),
		cmocka_unit_test(odd_but_valid_answers_are_read),
		cmocka_unit_test(a_request_carries_what_was_asked_and_nothing_of_the_environment),
		cmocka_unit_test(nothing_of_a_request_stays_for_the_next_one),
		cmocka_unit_test(what_must_leave_once_leaves_once),
		cmocka_unit_test(events_come_whole_whatever_the_pieces),
		cmocka_unit_test(an_error_in_place_of_a_stream_comes_as_it_is),
		cmocka_unit_test(lines_of_ndjson_come_whole),
		cmocka_unit_test(a_paused_answer_is_silent_and_complete_afterwards),
		cmocka_unit_test(failures_have_a_class_and_a_code),
		cmocka_unit_test(what_is_bounded_is_bounded_in_what_is_told_too),
		cmocka_unit_test(a_message_holds_no_header_of_the_request),
		cmocka_unit_test(each_kind_of_silence_has_its_own_limit),
		cmocka_unit_test(a_slow_name_is_given_up_at_the_connect_limit),
		cmocka_unit_test(a_name_that_resolves_to_loopback_is_refused_unless_allowed),
		cmocka_unit_test(what_is_long_arrives_whole),
		cmocka_unit_test(after_a_stop_nothing_more_is_told),
		cmocka_unit_test(a_stop_closes_the_connection_of_an_answer_in_progress),
		cmocka_unit_test(a_request_stopped_before_its_turn_never_leaves),
		cmocka_unit_test(open_requests_end_as_cancelled_with_the_loop),
		cmocka_unit_test(many_requests_share_a_loop),
		cmocka_unit_test(bad_questions_are_refused),
	};
	if (peer_start(&peer, scripts, sizeof(scripts) / sizeof(scripts[0])) != 0)
		return 1;
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	peer_stop(&peer);
	return failed;
}
