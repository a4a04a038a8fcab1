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
		cmocka_unit_test(watching_twice_is_watching_once),
		cmocka_unit_test(counters_of_all_workers_are_summed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
