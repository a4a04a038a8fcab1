/* SPDX-License-Identifier: Apache-2.0 */

/* The desk shows what sessions told it last, to everybody who looks. And the counters that /metrics
 * shows. */

#include "tests/unit/unit.h"

#include "core/desk/desk.h"
#include "core/observe/metrics.h"

#include <stdio.h>
#include <string.h>

struct heard {
	char list[512]; /* "conn:type:state:first-byte-of-session" */
};

static void hear(void *ud, baton_conn conn, struct baton_notice *notice)
{
	struct heard *heard = ud;
	size_t n = strlen(heard->list);

	snprintf(heard->list + n, sizeof(heard->list) - n, "%d%c%d%d ", (int)conn,
		 notice->type == BATON_NOTE_DESK ? 'd' : 'c',
		 notice->type == BATON_NOTE_DESK ? (int)notice->seq : (int)notice->kase.state,
		 notice->session.b[0]);
}

static void tell(struct baton_desk *desk, uint8_t session, enum baton_case_state state,
		 uint64_t epoch)
{
	struct baton_id id = { { session } };
	struct baton_notice *notice = baton_notice_new(BATON_NOTE_CASE, &id);

	notice->kase.state = state;
	notice->kase.epoch = epoch;
	baton_desk_update(desk, notice);
	baton_notice_unref(&notice);
	assert_null(notice);
}

static void a_watcher_gets_the_list_and_then_every_change(void **state)
{
	struct heard heard = { "" };
	struct baton_desk *desk = baton_desk_new(hear, &heard);

	(void)state;
	tell(desk, 2, BATON_CASE_WAITING, 1);
	tell(desk, 1, BATON_CASE_WAITING, 1);
	baton_desk_watch(desk, 7);
	assert_string_equal(heard.list, "7d20 7c11 7c12 ");
	heard.list[0] = '\0';
	tell(desk, 1, BATON_CASE_CLAIMED, 2);
	tell(desk, 2, BATON_CASE_NONE, 2);
	assert_string_equal(heard.list, "7c21 7c02 ");
	heard.list[0] = '\0';
	baton_desk_unwatch(desk, 7);
	baton_desk_unwatch(desk, 8); /* was never here */
	tell(desk, 3, BATON_CASE_WAITING, 1);
	assert_string_equal(heard.list, "");
	baton_desk_free(&desk);
	assert_null(desk);
}

static void older_news_is_no_news(void **state)
{
	struct heard heard = { "" };
	struct baton_desk *desk = baton_desk_new(hear, &heard);
	uint64_t waiting, claimed;

	(void)state;
	tell(desk, 1, BATON_CASE_CLAIMED, 5);
	tell(desk, 1, BATON_CASE_WAITING, 4);
	tell(desk, 9, BATON_CASE_NONE, 1); /* of a case nobody knows */
	baton_desk_counts(desk, &waiting, &claimed);
	assert_int_equal(waiting, 0);
	assert_int_equal(claimed, 1);
	baton_desk_free(&desk);
}

struct at {
	uint64_t unix_ms, since_ms;
	const char *agent;
};

static void tell_at(struct baton_desk *desk, uint8_t session, enum baton_case_state state,
		    struct at at)
{
	struct baton_id id = { { session } };
	struct baton_notice *notice = baton_notice_new(BATON_NOTE_CASE, &id);

	notice->kase.state = state;
	notice->kase.waiting_since_ms = at.since_ms;
	notice->kase.agent = baton_str_of(at.agent);
	baton_desk_update_at(desk, at.unix_ms, notice);
	baton_notice_unref(&notice);
}

static void the_backlog_has_an_age_and_agents_are_people_not_cases(void **state)
{
	struct heard heard = { "" };
	struct baton_desk *desk = baton_desk_new(hear, &heard);
	struct baton_desk_figures figures;

	(void)state;
	baton_desk_figures(desk, &figures);
	assert_int_equal(figures.waiting + figures.claimed + figures.oldest_ms, 0);
	tell_at(desk, 1, BATON_CASE_WAITING, (struct at){ 1000, 900, "" });
	tell_at(desk, 2, BATON_CASE_WAITING, (struct at){ 1000, 700, "" });
	tell_at(desk, 3, BATON_CASE_WAITING, (struct at){ 1000, 0, "" });
	tell_at(desk, 4, BATON_CASE_CLAIMED, (struct at){ 1000, 500, "nina" });
	tell_at(desk, 5, BATON_CASE_CLAIMED, (struct at){ 1000, 500, "nina" });
	tell_at(desk, 6, BATON_CASE_CLAIMED, (struct at){ 1000, 500, "omar" });
	baton_desk_watch(desk, 7);
	baton_desk_figures(desk, &figures);
	assert_int_equal(figures.waiting, 3);
	assert_int_equal(figures.claimed, 3);
	assert_int_equal(figures.oldest_ms, 700);
	assert_int_equal(figures.agents_busy, 2);
	assert_int_equal(figures.watchers, 1);
	baton_desk_free(&desk);
}

static void waits_and_handling_are_counted_by_the_clock(void **state)
{
	struct heard heard = { "" };
	struct baton_desk *desk = baton_desk_new(hear, &heard);
	struct baton_desk_figures figures;

	(void)state;
	tell_at(desk, 1, BATON_CASE_WAITING, (struct at){ 1000, 0, "" });
	tell_at(desk, 1, BATON_CASE_WAITING, (struct at){ 1500, 0, "" }); /* a word more */
	tell_at(desk, 1, BATON_CASE_CLAIMED, (struct at){ 3000, 0, "nina" });
	tell_at(desk, 1, BATON_CASE_WAITING, (struct at){ 7000, 0, "" }); /* given back */
	tell_at(desk, 1, BATON_CASE_NONE, (struct at){ 9000, 0, "" });    /* nobody took it */
	/* A case that was there before the clock. */
	tell(desk, 2, BATON_CASE_WAITING, 0);
	tell_at(desk, 2, BATON_CASE_CLAIMED, (struct at){ 9000, 0, "nina" });
	tell_at(desk, 2, BATON_CASE_NONE, (struct at){ 10000, 0, "" });
	baton_desk_figures(desk, &figures);
	assert_int_equal(figures.waits, 1);
	assert_int_equal(figures.waits_ms, 2000);
	assert_int_equal(figures.handled, 2);
	assert_int_equal(figures.handled_ms, 5000);
	baton_desk_free(&desk);
}

static void watching_twice_is_watching_once(void **state)
{
	struct heard heard = { "" };
	struct baton_desk *desk = baton_desk_new(hear, &heard);

	(void)state;
	baton_desk_watch(desk, 7);
	baton_desk_watch(desk, 7);
	heard.list[0] = '\0';
	tell(desk, 1, BATON_CASE_WAITING, 1);
	assert_string_equal(heard.list, "7c11 ");
	baton_desk_free(&desk);
}

static void counters_of_all_workers_are_summed(void **state)
{
	static struct baton_metrics a, b;
	const struct baton_metrics *both[] = { &a, &b };
	struct baton_buf out = { NULL, 0, 0 };

	(void)state;
	baton_metrics_count(&a, BATON_METRIC_MESSAGES, 2);
	baton_metrics_count(&b, BATON_METRIC_MESSAGES, 40);
	baton_metrics_count(&a, BATON_METRIC_CONNECTIONS, 5);
	baton_metrics_count(&b, BATON_METRIC_CONNECTIONS_CLOSED, 2);
	baton_metrics_observe(&a, BATON_HIST_TURN, 64);
	baton_metrics_observe(&b, BATON_HIST_TURN, 65);
	baton_metrics_observe(&b, BATON_HIST_TURN, UINT32_MAX);
	baton_metrics_text(both, 2, &out);
	assert_non_null(strstr(out.p, "\nbaton_messages_total 42\n"));
	assert_non_null(strstr(out.p, "\nbaton_connections 3\n"));
	assert_non_null(strstr(out.p, "baton_turn_duration_seconds_bucket{le=\"0.000064\"} 1\n"));
	assert_non_null(strstr(out.p, "baton_turn_duration_seconds_bucket{le=\"0.000128\"} 2\n"));
	assert_non_null(strstr(out.p, "baton_turn_duration_seconds_bucket{le=\"+Inf\"} 3\n"));
	assert_non_null(strstr(out.p, "baton_turn_duration_seconds_count 3\n"));
	baton_buf_done(&out);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_watcher_gets_the_list_and_then_every_change),
		cmocka_unit_test(older_news_is_no_news),
		cmocka_unit_test(the_backlog_has_an_age_and_agents_are_people_not_cases),
		cmocka_unit_test(waits_and_handling_are_counted_by_the_clock),
		cmocka_unit_test(watching_twice_is_watching_once),
		cmocka_unit_test(counters_of_all_workers_are_summed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
