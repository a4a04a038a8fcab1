/* SPDX-License-Identifier: Apache-2.0 */

/* The desk shows what sessions told it last, to everybody who looks. And the counters that /metrics
 * shows. */

#include "tests/unit/desk_rig.h"

static void a_watcher_gets_the_list_and_then_every_change(void **state)
{
	struct rig rig;

	(void)state;
	rig_begin(&rig);
	rig_tell(&rig, 2, WAITS());
	rig_tell(&rig, 1, WAITS());
	rig_watch(&rig, 7, "a");
	rig_expect(&rig, "7:d2 7:c1w1 7:c2w2 ");
	rig_tell(&rig, 1, CLAIMED());
	rig_tell(&rig, 2, GONE());
	rig_expect(&rig, "7:c1c 7:c2g ");
	baton_desk_unwatch(rig.desk, rig.now, 7);
	baton_desk_unwatch(rig.desk, rig.now, 8); /* was never here */
	rig_tell(&rig, 3, WAITS());
	rig_expect(&rig, "");
	rig_end(&rig);
}

static void older_news_is_no_news(void **state)
{
	struct rig rig;
	uint64_t waiting, claimed;

	(void)state;
	rig_begin(&rig);
	rig_tell(&rig, 1, (struct rig_told){ .state = BATON_CASE_CLAIMED, .epoch = 5 });
	rig_tell(&rig, 1, (struct rig_told){ .state = BATON_CASE_WAITING, .epoch = 4 });
	rig_tell(&rig, 9, GONE()); /* of a case nobody knows */
	baton_desk_counts(rig.desk, &waiting, &claimed);
	assert_int_equal(waiting, 0);
	assert_int_equal(claimed, 1);
	rig_end(&rig);
}

static void the_backlog_has_an_age_and_agents_are_people_not_cases(void **state)
{
	struct rig rig;
	struct baton_desk_figures figures;

	(void)state;
	rig_begin(&rig);
	baton_desk_figures(rig.desk, &figures);
	assert_int_equal(figures.waiting + figures.claimed + figures.oldest_ms, 0);
	rig_tell(&rig, 1, WAITS(.waits_ms = 100));
	rig_tell(&rig, 2, WAITS(.waits_ms = 300));
	rig_tell(&rig, 3, WAITS());
	rig_tell(&rig, 4, CLAIMED(.waits_ms = 500, .agent = "nina"));
	rig_tell(&rig, 5, CLAIMED(.waits_ms = 500, .agent = "nina"));
	rig_tell(&rig, 6, CLAIMED(.waits_ms = 500, .agent = "omar"));
	rig_watch(&rig, 7, "a");
	baton_desk_figures(rig.desk, &figures);
	assert_int_equal(figures.waiting, 3);
	assert_int_equal(figures.claimed, 3);
	assert_int_equal(figures.oldest_ms, rig.now.unix_ms - 300);
	assert_int_equal(figures.agents_busy, 2);
	assert_int_equal(figures.watchers, 1);
	rig_end(&rig);
}

static void people_are_free_below_their_capacity_while_they_are_there(void **state)
{
	struct rig rig;
	struct baton_desk_figures figures;

	(void)state;
	rig_begin(&rig);
	rig.policy.desk.capacity = 2;
	rig_adopt(&rig);
	rig_watch(&rig, 7, "a");
	rig_watch(&rig, 8, "a"); /* two consoles are one person */
	rig_watch(&rig, 9, "b");
	rig_watch(&rig, 10, "z"); /* an admin takes no cases */
	rig_tell(&rig, 1, CLAIMED(.agent = "a"));
	baton_desk_figures(rig.desk, &figures);
	assert_int_equal(figures.agents_free, 2);
	rig_tell(&rig, 2, CLAIMED(.agent = "a"));
	baton_desk_figures(rig.desk, &figures);
	assert_int_equal(figures.agents_free, 1);
	baton_desk_status(rig.desk, rig.now, 9, false);
	baton_desk_figures(rig.desk, &figures);
	assert_int_equal(figures.agents_free, 0);
	rig_tell(&rig, 2, GONE());
	baton_desk_unwatch(rig.desk, rig.now, 7);
	baton_desk_figures(rig.desk, &figures);
	assert_int_equal(figures.agents_free, 1);
	baton_desk_unwatch(rig.desk, rig.now, 8);
	baton_desk_figures(rig.desk, &figures);
	assert_int_equal(figures.agents_free, 0);
	rig_end(&rig);
}

static void waits_and_handling_are_counted_by_the_clock(void **state)
{
	struct rig rig;
	struct baton_desk_figures figures;

	(void)state;
	rig_begin(&rig);
	rig_tell(&rig, 1, WAITS());
	rig.now.unix_ms += 500;
	rig_tell(&rig, 1, WAITS()); /* a word more */
	rig.now.unix_ms += 1500;
	rig_tell(&rig, 1, CLAIMED(.agent = "nina"));
	rig.now.unix_ms += 4000;
	rig_tell(&rig, 1, WAITS(.epoch = 3)); /* given back */
	rig.now.unix_ms += 2000;
	rig_tell(&rig, 1, GONE()); /* nobody took it */
	/* A case that there was before the clock. */
	uint64_t unix_ms = rig.now.unix_ms;
	rig.now.unix_ms = 0;
	rig_tell(&rig, 2, WAITS());
	rig.now.unix_ms = unix_ms;
	rig_tell(&rig, 2, CLAIMED(.agent = "nina"));
	rig.now.unix_ms += 1000;
	rig_tell(&rig, 2, GONE());
	baton_desk_figures(rig.desk, &figures);
	assert_int_equal(figures.waits, 1);
	assert_int_equal(figures.waits_ms, 2000);
	assert_int_equal(figures.handled, 2);
	assert_int_equal(figures.handled_ms, 5000);
	rig_end(&rig);
}

static void watching_twice_is_watching_once(void **state)
{
	struct rig rig;

	(void)state;
	rig_begin(&rig);
	rig_watch(&rig, 7, "a");
	rig_watch(&rig, 7, "a");
	rig_forget(&rig);
	rig_tell(&rig, 1, WAITS());
	rig_expect(&rig, "7:c1w1 ");
	rig_end(&rig);
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
		cmocka_unit_test(people_are_free_below_their_capacity_while_they_are_there),
		cmocka_unit_test(waits_and_handling_are_counted_by_the_clock),
		cmocka_unit_test(watching_twice_is_watching_once),
		cmocka_unit_test(counters_of_all_workers_are_summed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
