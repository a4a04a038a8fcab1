/* SPDX-License-Identifier: Apache-2.0 */

/* Racks: what a turn hears of modules that behave, and of modules that do not. */
#include "tests/unit/module_rig.h"

#include "core/journal/journal.h"
#include "core/module/meter.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

/* One generate call of a sinner; what was told must be `heard`. */
static void generate_tells(struct rig *rig, const char *sin, const char *heard)
{
	rig_sinner(rig, "provider", sin, "");
	assert_int_equal(rig_generate(rig, 1, "sinner"), 0);
	assert_string_equal(rig_heard(rig), ""); /* never from inside the starting call */
	rig_run(rig, 1);
	rig_idle(rig, 5);
	assert_string_equal(rig_heard(rig), heard);
}

static void an_answer_given_at_once_is_told_later_and_in_order(void **state)
{
	generate_tells(*state, "none", "1 delta 0 hel\n1 delta 0 lo\n1 usage 3 4\n1 end 0\n");
}

static void a_second_end_is_counted_and_changes_nothing(void **state)
{
	generate_tells(*state, "two_ends", "1 end 0\n");
	assert_int_equal(rig_broken(*state, "sinner", "two_ends"), 1);
	assert_true(rig_logged(*state, "\"event\":\"module_contract_broken\""));
}

static void a_word_after_the_end_is_counted_and_dropped(void **state)
{
	generate_tells(*state, "delta_after_end", "1 end 0\n");
	assert_int_equal(rig_broken(*state, "sinner", "word_after_end"), 1);
}

static void text_that_is_not_utf8_fails_the_call(void **state)
{
	generate_tells(*state, "bad_utf8", "1 delta 0 a\n1 fail 11 the text is not UTF-8\n");
	assert_int_equal(rig_broken(*state, "sinner", "bad_output"), 1);
	assert_int_equal(rig_broken(*state, "sinner", "word_after_end"), 1);
}

static void a_character_may_come_in_pieces(void **state)
{
	generate_tells(*state, "split_utf8", "1 delta 0 \xe2\x82\xac\n1 end 0\n");
}

static void an_end_inside_a_character_fails_the_call(void **state)
{
	generate_tells(*state, "cut_utf8", "1 fail 11 the text ends inside a character\n");
}

static void a_huge_delta_fails_the_call(void **state)
{
	generate_tells(*state, "huge", "1 fail 11 the answer is longer than 64 KiB\n");
}

static void an_endless_answer_is_cut(void **state)
{
	struct rig *rig = *state;
	rig_sinner(rig, "provider", "many", "");
	assert_int_equal(rig_generate(rig, 1, "sinner"), 0);
	rig_run(rig, 1);
	assert_true(rig->heard.n > 60000 && rig->heard.n < 70000);
	assert_non_null(strstr(rig->heard.p, "1 fail 11 the answer is longer than 64 KiB\n"));
}

static void bad_arguments_are_refused_one_by_one(void **state)
{
	generate_tells(*state, "null_data", "1 end 0\n");
	assert_int_equal(rig_broken(*state, "sinner", "bad_argument"), 2);
}

static void an_unknown_kind_of_delta_is_refused(void **state)
{
	generate_tells(*state, "bad_kind", "1 end 0\n");
	assert_int_equal(rig_broken(*state, "sinner", "bad_argument"), 1);
}

static void an_unknown_reason_to_end_fails_the_call(void **state)
{
	generate_tells(*state, "bad_reason", "1 fail 11 an end for a reason that does not exist\n");
}

static void a_module_cannot_speak_for_the_host(void **state)
{
	generate_tells(*state, "bad_fail", "1 fail 0 \n");
	assert_int_equal(rig_broken(*state, "sinner", "bad_argument"), 1);
}

static void handles_that_never_were_are_stale(void **state)
{
	generate_tells(*state, "stale", "1 end 0\n");
	assert_int_equal(rig_broken(*state, "sinner", "stale_handle"), 3);
}

static void timers_and_posts_answer_from_the_loop(void **state)
{
	generate_tells(*state, "by_timer", "1 delta 0 tick\n1 end 0\n");
}

static void a_post_runs_on_the_loop(void **state)
{
	generate_tells(*state, "by_post", "1 delta 0 tick\n1 end 0\n");
}

static void another_thread_is_refused_and_counted(void **state)
{
	generate_tells(*state, "wrong_thread", "1 delta 0 refused\n1 end 0\n");
	assert_int_equal(rig_broken(*state, "sinner", "wrong_thread"), 2);
}

static void data_hangs_on_a_call_until_its_end(void **state)
{
	generate_tells(*state, "call_data", "1 end 0\n");
	assert_int_equal(rig_broken(*state, "sinner", "stale_handle"), 0);
}

static void without_a_journal_kv_is_unsupported(void **state)
{
	generate_tells(*state, "kv", "1 end 0\n");
}

static void setting_up_has_more_time_than_a_call(void **state)
{
	struct baton_meter meter;

	baton_meter_init(&meter, "slow");
	baton_meter_visit(&meter, "create", 50000);
	baton_meter_visit(&meter, "activate", 99000);
	assert_int_equal(atomic_load(&meter.overruns), 0);
	assert_true(rig_logged(*state, "\"event\":\"module_set_up\""));
	baton_meter_visit(&meter, "create", 101000);
	assert_int_equal(atomic_load(&meter.overruns), 1);
	baton_meter_visit(&meter, "start", 6000);
	assert_int_equal(atomic_load(&meter.overruns), 2);
	baton_meter_done(&meter);
}

static void a_slow_call_is_an_overrun(void **state)
{
	generate_tells(*state, "sleepy", "1 end 0\n");
	assert_int_equal(rig_metric(*state, "baton_module_call_overruns_total{module=\"sinner\"} "),
			 1);
	assert_true(rig_logged(*state, "\"event\":\"module_overrun\""));
	struct rig *rig = *state;
	struct rig_totals totals;
	rig_totals(rig, &totals);
	assert_int_equal(totals.overruns, 1);
}

static void what_a_module_counts_is_offered_and_its_log_is_bounded(void **state)
{
	struct rig *rig = *state;
	generate_tells(rig, "measures", "1 end 0\n");
	assert_int_equal(
		rig_metric(rig, "baton_module_value_total{module=\"sinner\",name=\"answers\"} "),
		2);
	assert_int_equal(
		rig_metric(
			rig,
			"baton_module_observed_seconds_count{module=\"sinner\",name=\"upstream\"} "),
		1);
	assert_int_equal(rig_broken(rig, "sinner", "bad_argument"), 1);
	assert_true(rig_metric(rig, "baton_module_log_dropped_total{module=\"sinner\"} ") > 400);
}

static void leftover_timers_are_freed_and_counted(void **state)
{
	struct rig *rig = *state;
	generate_tells(rig, "timers", "1 end 0\n");
	baton_rack_free(&rig->rack);
	assert_int_equal(rig_broken(rig, "sinner", "leftovers"), 1);
	assert_true(rig_logged(rig, "3 timers, requests or watches at destroy"));
}

static void secrets_do_not_pass_in_errors_or_logs(void **state)
{
	struct rig *rig = *state;
	char path[256];
	rig->secret[0] = "KEY";
	rig_path(path, sizeof(path), rig->secrets, "KEY");
	rig_write(path, BATON_STR("sk-very-secret\n"));
	assert_int_equal(chmod(path, 0400), 0);
	rig_sinner(rig, "provider", "fail_text", "bad key sk-very-secret given");
	assert_int_equal(rig_generate(rig, 1, "sinner"), 0);
	rig_run(rig, 1);
	assert_string_equal(rig_heard(rig), "1 fail 6 bad key [secret] given\n");
	assert_true(rig_logged(rig, "bad key [secret] given"));
	assert_false(rig_logged(rig, "sk-very-secret"));
}

static void a_failure_says_its_scope_and_until_when(void **state)
{
	struct rig *rig = *state;
	rig_sinner(rig, "provider", "fail_scope", "");
	assert_int_equal(rig_generate(rig, 1, "sinner"), 0);
	rig_run(rig, 1);
	assert_int_equal(rig->error.fail, BATON_FAIL_CONNECT);
	assert_int_equal(rig->error.scope, BATON_SCOPE_ACCOUNT);
	assert_int_equal(rig->error.flags, BATON_ERROR_BILLED);
	assert_int_equal(rig->error.until_unix_ms, 1900000000000);
}

static void what_an_older_header_did_not_have_is_not_read(void **state)
{
	struct rig *rig = *state;
	rig_sinner(rig, "provider", "fail_scope", "short");
	assert_int_equal(rig_generate(rig, 1, "sinner"), 0);
	rig_run(rig, 1);
	assert_int_equal(rig->error.fail, BATON_FAIL_CONNECT);
	assert_int_equal(rig->error.scope, BATON_SCOPE_MODEL);
	assert_int_equal(rig->error.flags, 0);
	assert_int_equal(rig->error.until_unix_ms, 0);
}

static void a_refused_start_tells_nothing(void **state)
{
	struct rig *rig = *state;
	rig_sinner(rig, "provider", "refuse", "");
	assert_int_equal(rig_generate(rig, 1, "sinner"), BATON_E_DENIED);
	assert_int_equal(rig_generate(rig, 2, "nobody"), BATON_E_NOTFOUND);
	rig_idle(rig, 5);
	assert_string_equal(rig_heard(rig), "");
}

static void answering_and_refusing_at_once_is_a_refusal(void **state)
{
	struct rig *rig = *state;
	rig_sinner(rig, "provider", "answer_and_refuse", "");
	assert_int_equal(rig_generate(rig, 1, "sinner"), BATON_E_IO);
	rig_idle(rig, 5);
	assert_string_equal(rig_heard(rig), "");
	assert_int_equal(rig_broken(rig, "sinner", "wrong_state"), 2); /* one from load() */
}

static void a_result_that_does_not_exist_is_a_broken_module(void **state)
{
	struct rig *rig = *state;
	rig_sinner(rig, "provider", "odd_rc", "");
	assert_int_equal(rig_generate(rig, 1, "sinner"), BATON_E_MODULE);
}

static void a_ticket_serves_one_call_at_a_time(void **state)
{
	struct rig *rig = *state;
	rig_sinner(rig, "provider", "never", "");
	assert_int_equal(rig_generate(rig, 1, "sinner"), 0);
	assert_int_equal(rig_generate(rig, 1, "sinner"), BATON_E_STATE);
}

static void nothing_comes_after_cancel_and_silence_is_counted(void **state)
{
	struct rig *rig = *state;
	rig_sinner(rig, "provider", "never", "");
	assert_int_equal(rig_generate(rig, 1, "sinner"), 0);
	baton_rack_cancel(rig->rack, 1, BATON_CANCEL_USER);
	baton_rack_cancel(rig->rack, 1, BATON_CANCEL_USER);
	baton_rack_cancel(rig->rack, 99, BATON_CANCEL_USER);
	rig_idle(rig, 300);
	assert_string_equal(rig_heard(rig), "");
	assert_int_equal(rig_broken(rig, "sinner", "no_end_after_cancel"), 1);
}

static void an_end_soon_after_cancel_is_in_order(void **state)
{
	struct rig *rig = *state;
	rig_sinner(rig, "provider", "late_end", "");
	assert_int_equal(rig_generate(rig, 1, "sinner"), 0);
	baton_rack_cancel(rig->rack, 1, BATON_CANCEL_USER);
	assert_int_equal(rig_generate(rig, 1, "sinner"), 0); /* the ticket is free again */
	rig_idle(rig, 300);
	assert_string_equal(rig_heard(rig), "1 delta 0 so far\n1 delta 0 tick\n1 end 0\n");
	assert_int_equal(rig_broken(rig, "sinner", "no_end_after_cancel"), 1);
}

static void a_word_after_cancel_is_fenced(void **state)
{
	struct rig *rig = *state;
	rig_sinner(rig, "provider", "late_delta", "");
	assert_int_equal(rig_generate(rig, 1, "sinner"), 0);
	baton_rack_cancel(rig->rack, 1, BATON_CANCEL_DEADLINE);
	rig_idle(rig, 5);
	assert_string_equal(rig_heard(rig), "");
	assert_int_equal(rig_broken(rig, "sinner", "word_after_cancel"), 1);
}

static void the_end_of_a_rack_fails_what_is_open(void **state)
{
	struct rig *rig = *state;
	rig_sinner(rig, "provider", "never", "");
	assert_int_equal(rig_generate(rig, 1, "sinner"), 0);
	assert_int_equal(rig_generate(rig, 2, "sinner"), 0);
	baton_rack_free(&rig->rack);
	assert_null(rig->rack);
	assert_string_equal(rig_heard(rig),
			    "1 delta 0 so far\n2 delta 0 so far\n1 fail 12 \n2 fail 12 \n");
}

static void free_rack(struct rig *rig)
{
	baton_rack_free(&rig->rack);
}

static void a_rack_may_end_from_inside_what_it_tells(void **state)
{
	struct rig *rig = *state;
	rig_sinner(rig, "provider", "none", "");
	assert_int_equal(rig_generate(rig, 1, "sinner"), 0);
	assert_int_equal(rig_generate(rig, 2, "sinner"), 0);
	rig->on_end = free_rack;
	rig_run(rig, 2);
	assert_null(rig->rack);
	assert_non_null(strstr(rig_heard(rig), "2 end 0\n"));
}

static void an_instance_waits_for_its_running_job(void **state)
{
	struct rig *rig = *state;
	rig_sinner(rig, "provider", "slow_job", "");
	assert_int_equal(rig_generate(rig, 1, "sinner"), 0);
	baton_rack_free(&rig->rack);
	struct baton_release *release = rig->release;
	assert_int_equal(
		rig_metric(rig, "baton_module_value_total{module=\"sinner\",name=\"jobs_done\"} "),
		-1);
	rig_idle(rig, 100);
	assert_int_equal(
		rig_metric(rig, "baton_module_value_total{module=\"sinner\",name=\"jobs_done\"} "),
		1);
	assert_int_equal(rig_broken(rig, "sinner", "leftovers"), 0);
	assert_ptr_equal(release, rig->release);
}

static void the_code_stays_while_a_job_runs_in_it(void **state)
{
	struct rig *rig = *state;
	rig_sinner(rig, "provider", "slow_job", "");
	assert_int_equal(rig_generate(rig, 1, "sinner"), 0);
	baton_rack_free(&rig->rack);
	baton_release_unref(&rig->release); /* the job's own reference is the last one */
	assert_false(rig_logged(rig, "module_unloaded"));
	rig_idle(rig, 100);
	assert_true(rig_logged(rig, "module_unloaded"));
}

static void an_instance_that_cannot_start_refuses_the_rack(void **state)
{
	static const char *const sins[] = { "create_fails", "activate_fails" };
	struct rig *rig = *state;
	rig_install(rig, "tests/modules/good.so", "good.so");
	rig_install(rig, "tests/modules/sinner.so", "sinner.so");
	for (size_t i = 0; i < 2; i++) {
		char config[64];
		(void)snprintf(config, sizeof(config), "{\"sin\":\"%s\"}", sins[i]);
		(void)rig_module(rig, "fine", "provider", "good.so", "{}");
		(void)rig_module(rig, "it", "provider", "sinner.so", config);
		assert_int_equal(rig_stage(rig), 0);
		assert_int_equal(rig_rack(rig), BATON_E_MODULE);
		assert_non_null(
			strstr(rig->why, i == 0 ? "module it: create" : "module it: activate"));
		assert_null(rig->rack);
		baton_release_unref(&rig->release);
	}
}

/* --- HTTP and kv with the real parts ------------------------------------------------------ */

/* One connection: keeps what was asked, answers `answer`. */
struct upstream {
	int fd;
	unsigned port;
	pthread_t thread;
	char asked[2048];
	const char *answer;
};

static void *upstream_serve(void *arg)
{
	struct upstream *up = arg;
	int fd = accept(up->fd, NULL, NULL);
	size_t n = 0;
	while (fd >= 0 && n < sizeof(up->asked) - 1 && !strstr(up->asked, "\r\n\r\n")) {
		ssize_t got = recv(fd, up->asked + n, sizeof(up->asked) - 1 - n, 0);
		if (got <= 0)
			break;
		n += (size_t)got;
	}
	if (fd >= 0) {
		(void)!write(fd, up->answer, strlen(up->answer));
		(void)close(fd);
	}
	return NULL;
}

static void upstream_start(struct upstream *up, const char *answer)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof(at);
	memset(up, 0, sizeof(*up));
	up->answer = answer;
	up->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(up->fd, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(up->fd, 4), 0);
	assert_int_equal(getsockname(up->fd, (struct sockaddr *)&at, &n), 0);
	up->port = ntohs(at.sin_port);
	assert_int_equal(pthread_create(&up->thread, NULL, upstream_serve, up), 0);
}

static void upstream_stop(struct upstream *up)
{
	(void)shutdown(up->fd, SHUT_RDWR);
	(void)pthread_join(up->thread, NULL);
	(void)close(up->fd);
}

static void give_secret(struct rig *rig)
{
	char path[256];
	rig->secret[0] = "KEY";
	rig->egress[0] = "127.0.0.1";
	rig->loopback = true;
	rig_path(path, sizeof(path), rig->secrets, "KEY");
	rig_write(path, BATON_STR("sk-very-secret\n"));
	assert_int_equal(chmod(path, 0400), 0);
}

static void the_host_fills_in_the_secret_and_the_module_never_sees_it(void **state)
{
	struct rig *rig = *state;
	struct upstream up;
	char url[64];
	give_secret(rig);
	upstream_start(&up,
		       "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello");
	(void)snprintf(url, sizeof(url), "http://127.0.0.1:%u/v1", up.port);
	rig_sinner(rig, "provider", "http", url);
	assert_int_equal(rig_generate(rig, 1, "sinner"), 0);
	rig_run(rig, 1);
	upstream_stop(&up);
	assert_string_equal(rig_heard(rig), "1 delta 0 hello\n1 delta 0 ended 0\n1 end 0\n");
	assert_non_null(strstr(up.asked, "Authorization: Bearer sk-very-secret\r\n"));
	assert_false(rig_logged(rig, "sk-very-secret"));
}

static void requests_with_what_is_not_allowed_are_not_sent(void **state)
{
	struct rig *rig = *state;
	give_secret(rig);
	rig_sinner(rig, "provider", "bad_http", "");
	assert_int_equal(rig_generate(rig, 1, "sinner"), 0);
	rig_run(rig, 1);
	assert_string_equal(rig_heard(rig), "1 end 0\n");
}

static void hosts_outside_the_list_are_not_reached(void **state)
{
	struct rig *rig = *state;
	struct upstream up;
	char url[64];
	give_secret(rig);
	rig->egress[0] = "api.example.com";
	upstream_start(&up, "");
	(void)snprintf(url, sizeof(url), "http://127.0.0.1:%u/v1", up.port);
	rig_sinner(rig, "provider", "http", url);
	assert_int_equal(rig_generate(rig, 1, "sinner"), BATON_E_DENIED);
	rig_idle(rig, 5);
	upstream_stop(&up);
	assert_string_equal(up.asked, "");
}

static void a_secret_that_is_not_set_fails_the_request(void **state)
{
	struct rig *rig = *state;
	rig->secret[0] = "KEY";
	rig->egress[0] = "127.0.0.1";
	rig->loopback = true;
	rig_sinner(rig, "provider", "http", "http://127.0.0.1:9/");
	assert_int_equal(rig_generate(rig, 1, "sinner"), BATON_E_NOTFOUND);
}

static void an_open_request_is_stopped_at_the_end_of_its_rack(void **state)
{
	struct rig *rig = *state;
	struct upstream up;
	char url[64];
	give_secret(rig);
	upstream_start(&up, "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\nhello");
	(void)snprintf(url, sizeof(url), "http://127.0.0.1:%u/v1", up.port);
	rig_sinner(rig, "provider", "http", url);
	assert_int_equal(rig_generate(rig, 1, "sinner"), 0);
	baton_rack_free(&rig->rack);
	assert_int_equal(rig_broken(rig, "sinner", "leftovers"), 1);
	assert_string_equal(rig_heard(rig), "1 fail 12 \n");
	rig_idle(rig, 5);
	upstream_stop(&up);
}

static void values_are_kept_in_the_journal(void **state)
{
	struct rig *rig = *state;
	char path[96], key[96];
	struct baton_buf value = { 0 };
	rig_path(path, sizeof(path), rig->dir, "journal");
	rig_path(key, sizeof(key), rig->dir, "key");
	struct baton_journal_options options = { .path = path, .key_path = key };
	assert_int_equal(baton_journal_open(&options, &rig->journal), 0);
	generate_tells(rig, "kv", "1 delta 0 kept\n1 end 0\n");
	assert_int_equal(baton_journal_get(rig->journal, BATON_STR("kv/sinner/k"), &value), 0);
	assert_int_equal(value.n, 4);
	baton_buf_done(&value);
	baton_rack_free(&rig->rack);
	baton_journal_close(&rig->journal);
}

/* --- the other kinds ---------------------------------------------------------------------- */

static void classify_tells(struct rig *rig, const char *sin, const char *heard)
{
	baton_turn turn = { .size = sizeof(turn), .intent = BATON_STR("refund") };
	rig_sinner(rig, "classifier", sin, "");
	assert_int_equal(baton_rack_classify(rig->rack, rig->release, 1, &turn), 0);
	assert_string_equal(rig_heard(rig), "");
	rig_run(rig, 1);
	assert_string_equal(rig_heard(rig), heard);
}

static void intents_come_before_the_end(void **state)
{
	classify_tells(*state, "", "1 intents refund=900000 other=100000 de\n1 end 0\n");
}

static void intents_may_come_later(void **state)
{
	/* It also says a delta, which a classifier has not. */
	classify_tells(
		*state, "c_later",
		"1 intents refund=900000 other=100000 de\n1 fail 11 a delta in a call that has no text\n");
}

static void intents_out_of_range_fail_the_call(void **state)
{
	classify_tells(*state, "c_ppm", "1 fail 11 confidence_ppm above 1000000\n");
}

static void too_many_intents_fail_the_call(void **state)
{
	classify_tells(*state, "c_many", "1 fail 11 more intents than there is room for\n");
}

static void names_of_intents_are_text(void **state)
{
	classify_tells(*state, "c_name",
		       "1 fail 11 an intent's name is empty, too long or not UTF-8\n");
}

static void intents_counted_but_not_given_fail_the_call(void **state)
{
	classify_tells(*state, "c_null", "1 fail 11 intents counted, but none given\n");
}

static void an_end_without_intents_fails_the_call(void **state)
{
	classify_tells(*state, "c_nothing", "1 fail 11 an end without a result\n");
}

static void retrieve_tells(struct rig *rig, const char *sin, const char *heard)
{
	baton_turn turn = { .size = sizeof(turn) };
	baton_query query = {
		.size = sizeof(query), .k = 3, .turn = &turn, .text = BATON_STR("q")
	};
	rig_sinner(rig, "retriever", sin, "");
	assert_int_equal(baton_rack_retrieve(rig->rack, rig->release, 1, &query), 0);
	rig_run(rig, 1);
	assert_string_equal(rig_heard(rig), heard);
}

static void documents_are_copied_and_come_before_the_end(void **state)
{
	retrieve_tells(*state, "", "1 docs q:text q:text\n1 end 0\n");
}

static void more_documents_than_asked_for_fail_the_call(void **state)
{
	retrieve_tells(*state, "d_many", "1 fail 11 doc/1: more documents than were asked for\n");
}

static void documents_without_their_text_fail_the_call(void **state)
{
	retrieve_tells(*state, "d_null",
		       "1 fail 11 a document's text is NULL, too long or not UTF-8\n");
}

static void scores_out_of_range_fail_the_call(void **state)
{
	retrieve_tells(*state, "d_ppm", "1 fail 11 a document's score_ppm above 1000000\n");
}

static void unknown_types_of_result_fail_the_call(void **state)
{
	retrieve_tells(*state, "d_type", "1 fail 11 a result of a type that was not asked for\n");
}

static void two_results_fail_the_call(void **state)
{
	retrieve_tells(*state, "d_twice",
		       "1 docs q:text q:text\n1 fail 11 two results in one call\n");
}

static void a_verdict_outlives_the_call(void **state)
{
	struct rig *rig = *state;
	baton_facts facts = { .size = sizeof(facts) };
	baton_verdict a, b;
	rig_sinner(rig, "rule", "", "");
	assert_int_equal(baton_rack_rules(rig->rack, rig->release, &facts, &a), 0);
	assert_int_equal(baton_rack_rules(rig->rack, rig->release, &facts, &b), 0);
	assert_int_equal(a.action, BATON_ACT_ESCALATE);
	assert_string_equal(a.rule, "sin");
	assert_ptr_equal(a.rule, b.rule);
}

static void bad_verdicts_say_that_nothing_was_decided(void **state)
{
	static const char *const sins[] = { "r_action", "r_unnamed", "r_long", "r_fails" };
	struct rig *rig = *state;
	baton_facts facts = { .size = sizeof(facts) };
	for (size_t i = 0; i < 4; i++) {
		baton_verdict v;
		rig_sinner(rig, "rule", sins[i], "");
		assert_int_equal(baton_rack_rules(rig->rack, rig->release, &facts, &v),
				 BATON_E_MODULE);
		assert_int_equal(v.action, BATON_ACT_NONE);
		baton_rack_free(&rig->rack);
		baton_release_unref(&rig->release);
	}
}

static void a_transcript_written_at_once_ends_at_once(void **state)
{
	struct rig *rig = *state;
	baton_entry entry = { .seq = 1,
			      .session_id = BATON_STR("s"),
			      .type = BATON_STR("t"),
			      .json = BATON_STR("{}") };
	rig_sinner(rig, "transcript", "", "");
	assert_int_equal(baton_rack_transcript(rig->rack, rig->release, 1, "sinner", &entry, 1), 0);
	rig_run(rig, 1);
	assert_string_equal(rig_heard(rig), "1 end 0\n");
	assert_int_equal(baton_rack_transcript(rig->rack, rig->release, 2, "sinner", &entry, 0),
			 BATON_E_INVAL);
	assert_int_equal(baton_rack_transcript(rig->rack, rig->release, 2, "other", &entry, 1),
			 BATON_E_NOTFOUND);
}

static void the_example_streams_word_by_word(void **state)
{
	struct rig *rig = *state;
	rig_install(rig, "example/provider-echo.so", "provider-echo.so");
	(void)rig_module(rig, "echo", "provider", "provider-echo.so", "{}");
	assert_int_equal(rig_stage(rig), 0);
	assert_int_equal(rig_rack(rig), 0);
	assert_int_equal(rig_generate(rig, 1, "echo"), 0);
	assert_int_equal(rig_generate(rig, 2, "echo"), 0);
	baton_rack_cancel(rig->rack, 2, BATON_CANCEL_USER);
	rig_run(rig, 1);
	assert_string_equal(rig_heard(rig),
			    "1 delta 0 where \n1 delta 0 is \n1 delta 0 my \n1 delta 0 order\n"
			    "1 usage 0 5\n1 end 0\n");
	assert_int_equal(rig_generate(rig, 3, "echo"), 0);
	baton_rack_free(&rig->rack);
	struct rig_totals totals;
	rig_totals(rig, &totals);
	assert_int_equal(totals.broken, 0);
}

#define T(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(an_answer_given_at_once_is_told_later_and_in_order),
		T(a_second_end_is_counted_and_changes_nothing),
		T(a_word_after_the_end_is_counted_and_dropped),
		T(text_that_is_not_utf8_fails_the_call),
		T(a_character_may_come_in_pieces),
		T(an_end_inside_a_character_fails_the_call),
		T(a_huge_delta_fails_the_call),
		T(an_endless_answer_is_cut),
		T(bad_arguments_are_refused_one_by_one),
		T(an_unknown_kind_of_delta_is_refused),
		T(an_unknown_reason_to_end_fails_the_call),
		T(a_module_cannot_speak_for_the_host),
		T(handles_that_never_were_are_stale),
		T(timers_and_posts_answer_from_the_loop),
		T(a_post_runs_on_the_loop),
		T(another_thread_is_refused_and_counted),
		T(data_hangs_on_a_call_until_its_end),
		T(without_a_journal_kv_is_unsupported),
		T(setting_up_has_more_time_than_a_call),
		T(a_slow_call_is_an_overrun),
		T(what_a_module_counts_is_offered_and_its_log_is_bounded),
		T(leftover_timers_are_freed_and_counted),
		T(secrets_do_not_pass_in_errors_or_logs),
		T(a_failure_says_its_scope_and_until_when),
		T(what_an_older_header_did_not_have_is_not_read),
		T(a_refused_start_tells_nothing),
		T(answering_and_refusing_at_once_is_a_refusal),
		T(a_result_that_does_not_exist_is_a_broken_module),
		T(a_ticket_serves_one_call_at_a_time),
		T(nothing_comes_after_cancel_and_silence_is_counted),
		T(an_end_soon_after_cancel_is_in_order),
		T(a_word_after_cancel_is_fenced),
		T(the_end_of_a_rack_fails_what_is_open),
		T(a_rack_may_end_from_inside_what_it_tells),
		T(an_instance_waits_for_its_running_job),
		T(the_code_stays_while_a_job_runs_in_it),
		T(an_instance_that_cannot_start_refuses_the_rack),
		T(the_host_fills_in_the_secret_and_the_module_never_sees_it),
		T(requests_with_what_is_not_allowed_are_not_sent),
		T(hosts_outside_the_list_are_not_reached),
		T(a_secret_that_is_not_set_fails_the_request),
		T(an_open_request_is_stopped_at_the_end_of_its_rack),
		T(values_are_kept_in_the_journal),
		T(intents_come_before_the_end),
		T(intents_may_come_later),
		T(intents_out_of_range_fail_the_call),
		T(too_many_intents_fail_the_call),
		T(names_of_intents_are_text),
		T(intents_counted_but_not_given_fail_the_call),
		T(an_end_without_intents_fails_the_call),
		T(documents_are_copied_and_come_before_the_end),
		T(more_documents_than_asked_for_fail_the_call),
		T(documents_without_their_text_fail_the_call),
		T(scores_out_of_range_fail_the_call),
		T(unknown_types_of_result_fail_the_call),
		T(two_results_fail_the_call),
		T(a_verdict_outlives_the_call),
		T(bad_verdicts_say_that_nothing_was_decided),
		T(a_transcript_written_at_once_ends_at_once),
		T(the_example_streams_word_by_word),
	};
	(void)setvbuf(stdout, NULL, _IONBF, 0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
