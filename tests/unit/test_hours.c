/* SPDX-License-Identifier: Apache-2.0 */

/* Opening hours: what is open when, how much of a time is open, and the two nights of the year that
 * are not as long as the others. The hours are read from a set, so the zone is the system's. */

#include "tests/unit/policy_set.h"

#include "core/base/mem.h"

#include <string.h>

enum { MIN = 60000, HOUR = 60 * MIN };
static const uint64_t DAY = 24ull * HOUR;

static struct baton_policy *policy; /* of `begin` */

/* Unix ms of a date and a time in UTC. */
static uint64_t utc(int year, int month, int day, int hour, int minute)
{
	int y = month <= 2 ? year - 1 : year, m = (month + 9) % 12;
	int64_t era = y / 400, yoe = y - era * 400;
	int64_t days = era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + (153 * m + 2) / 5 + day -
		       1 - 719468;

	return ((uint64_t)days * 1440 + (uint64_t)(hour * 60 + minute)) * MIN;
}

static const struct baton_hours_def *begin(const char *zone, const char *open, const char *closed)
{
	struct baton_buf said = { 0 }, text = { 0 };
	char dir[POLICY_DIR];

	baton_buf_printf(
		&text,
		"default_queue: general\n"
		"queues: [{ name: general, hours: h, first_reply: 30m }, { name: billing }]\n"
		"customer_tiers: [{ name: vip, raise: 1, first_reply: 5m },"
		" { name: slow, first_reply: 2h }]\n"
		"hours: [{ name: h, timezone: %s, open: { %s }, closed: [%s] }]\n"
		"agents: [{ id: nina, name: Nina, secret: N, queues: [general] },"
		" { id: omar, name: Omar, secret: O }]\n",
		zone, open, closed);
	set_begin(dir);
	set_text(dir, "desk.yaml", text.p);
	if (set_load(dir, &said, &policy) != 0)
		fail_msg("said\n%.*s", (int)said.n, said.p);
	set_end(dir);
	baton_buf_done(&said);
	baton_buf_done(&text);
	return baton_policy_queue(policy, BATON_STR("general"))->hours;
}

static void end(void)
{
	baton_policy_free(&policy);
}

static void hours_open_and_close_to_the_minute(void **state)
{
	const struct baton_hours_def *h = begin("UTC", "mon-fri: \"09:00-17:30\"", "");

	(void)state;
	/* 2026-11-23 is a Monday. */
	assert_false(baton_hours_open(h, utc(2026, 11, 23, 9, 0) - 1));
	assert_true(baton_hours_open(h, utc(2026, 11, 23, 9, 0)));
	assert_true(baton_hours_open(h, utc(2026, 11, 23, 17, 30) - 1));
	assert_false(baton_hours_open(h, utc(2026, 11, 23, 17, 30)));
	assert_false(baton_hours_open(h, utc(2026, 11, 22, 12, 0))); /* Sunday */
	assert_int_equal(baton_hours_next(h, utc(2026, 11, 20, 18, 0)), utc(2026, 11, 23, 9, 0));
	assert_int_equal(baton_hours_next(h, utc(2026, 11, 23, 10, 0)), utc(2026, 11, 23, 10, 0));
	end();
}

static void a_clock_stands_outside_of_the_hours(void **state)
{
	const struct baton_hours_def *h =
		begin("UTC", "mon-fri: [\"09:00-12:00\", \"13:00-17:00\"]", "");

	(void)state;
	assert_int_equal(baton_hours_between(h, utc(2026, 11, 23, 0, 0), utc(2026, 11, 30, 0, 0)),
			 5 * 7 * HOUR);
	assert_int_equal(baton_hours_between(h, utc(2026, 11, 23, 11, 0), utc(2026, 11, 23, 14, 0)),
			 2 * HOUR);
	assert_int_equal(baton_hours_between(h, 5, 5) + baton_hours_between(h, 6, 5), 0);
	/* Friday 16:30, an hour: Monday 09:30. */
	assert_int_equal(baton_hours_after(h, utc(2026, 11, 20, 16, 30), HOUR),
			 utc(2026, 11, 23, 9, 30));
	/* To the very end of a span. */
	assert_int_equal(baton_hours_after(h, utc(2026, 11, 23, 9, 0), 3 * HOUR),
			 utc(2026, 11, 23, 12, 0));
	assert_int_equal(baton_hours_after(h, utc(2026, 11, 23, 9, 0), 3 * HOUR + 1),
			 utc(2026, 11, 23, 13, 0) + 1);
	end();
}

static void without_hours_it_is_always_open(void **state)
{
	(void)state;
	assert_true(baton_hours_open(NULL, 17));
	assert_int_equal(baton_hours_between(NULL, 17, 20), 3);
	assert_int_equal(baton_hours_after(NULL, 17, 20), 37);
	assert_int_equal(baton_hours_next(NULL, 17), 17);
}

static void closed_dates_are_local_dates(void **state)
{
	const struct baton_hours_def *h =
		begin("America/New_York", "mon-sun: \"00:00-24:00\"", "2026-12-25, 2026-01-01");

	(void)state;
	/* Midnight in New York is 05:00 UTC in winter. */
	assert_true(baton_hours_open(h, utc(2026, 12, 25, 5, 0) - 1));
	assert_false(baton_hours_open(h, utc(2026, 12, 25, 5, 0)));
	assert_false(baton_hours_open(h, utc(2026, 12, 26, 5, 0) - 1));
	assert_int_equal(baton_hours_next(h, utc(2026, 12, 25, 12, 0)), utc(2026, 12, 26, 5, 0));
	end();
}

static void the_night_that_loses_an_hour_has_an_hour_less(void **state)
{
	const struct baton_hours_def *h = begin("Europe/Berlin", "sat-sun: \"20:00-08:00\"", "");
	uint64_t evening = utc(2027, 3, 27, 19, 0); /* 20:00 of a Saturday, winter time */

	(void)state;
	assert_false(baton_hours_open(h, evening - 1));
	assert_true(baton_hours_open(h, evening));
	/* 08:00 summer time is 06:00 UTC: eleven hours and not twelve. */
	assert_true(baton_hours_open(h, utc(2027, 3, 28, 6, 0) - 1));
	assert_false(baton_hours_open(h, utc(2027, 3, 28, 6, 0)));
	assert_int_equal(baton_hours_between(h, evening, utc(2027, 3, 28, 12, 0)), 11 * HOUR);
	assert_int_equal(baton_hours_after(h, evening, 11 * HOUR), utc(2027, 3, 28, 6, 0));
	end();
}

static void the_night_that_gains_an_hour_has_an_hour_more(void **state)
{
	const struct baton_hours_def *h = begin("Europe/Berlin", "sat-sun: \"20:00-08:00\"", "");
	uint64_t evening = utc(2027, 10, 30, 18, 0); /* 20:00 of a Saturday, summer time */

	(void)state;
	assert_false(baton_hours_open(h, evening - 1));
	assert_true(baton_hours_open(h, evening));
	assert_int_equal(baton_hours_between(h, evening, utc(2027, 10, 31, 12, 0)), 13 * HOUR);
	assert_false(baton_hours_open(h, utc(2027, 10, 31, 7, 0)));
	end();
}

static void hours_that_begin_in_an_hour_that_there_is_not_begin_behind_it(void **state)
{
	/* 02:00 to 03:00 does not exist on 2027-03-28 in Berlin. */
	const struct baton_hours_def *h = begin("Europe/Berlin", "sun: \"02:30-04:00\"", "");

	(void)state;
	assert_int_equal(baton_hours_next(h, utc(2027, 3, 27, 12, 0)), utc(2027, 3, 28, 1, 0));
	assert_int_equal(baton_hours_between(h, utc(2027, 3, 27, 12, 0), utc(2027, 3, 28, 12, 0)),
			 HOUR);
	/* And 02:00 to 03:00 is there twice on 2027-10-31. */
	assert_int_equal(baton_hours_between(h, utc(2027, 10, 30, 12, 0), utc(2027, 10, 31, 12, 0)),
			 2 * HOUR);
	end();
}

static void the_same_local_time_holds_in_summer_and_winter_for_years(void **state)
{
	const struct baton_hours_def *h = begin("Europe/Berlin", "mon-fri: \"09:00-17:00\"", "");

	(void)state;
	/* Each week of four years is 40 hours long. */
	for (uint64_t monday = utc(2026, 11, 23, 0, 0); monday < utc(2030, 11, 1, 0, 0);
	     monday += 7 * DAY)
		assert_int_equal(baton_hours_between(h, monday, monday + 7 * DAY), 40ull * HOUR);
	assert_true(baton_hours_open(h, utc(2030, 7, 1, 7, 0)));
	assert_false(baton_hours_open(h, utc(2030, 7, 1, 7, 0) - 1));
	end();
}

static void hours_that_go_past_the_weeks_end_begin_on_monday(void **state)
{
	const struct baton_hours_def *h = begin("UTC", "sun: \"22:00-02:00\"", "");

	(void)state;
	assert_true(baton_hours_open(h, utc(2026, 11, 23, 1, 59)));
	assert_false(baton_hours_open(h, utc(2026, 11, 23, 2, 0)));
	assert_int_equal(baton_hours_between(h, utc(2026, 11, 22, 0, 0), utc(2026, 11, 24, 0, 0)),
			 4 * HOUR);
	end();
}

static void the_piecewise_count_agrees_with_asking_each_minute(void **state)
{
	const struct baton_hours_def *h = begin(
		"Europe/Berlin",
		"mon-thu: [\"08:15-12:00\", \"12:45-17:07\"], fri: \"22:00-03:00\"", "2027-03-29");
	uint64_t from = utc(2027, 3, 25, 0, 0), counted = 0;

	(void)state;
	for (uint64_t minute = from; minute < from + 6 * DAY; minute += MIN)
		counted += baton_hours_open(h, minute) ? MIN : 0;
	assert_int_equal(baton_hours_between(h, from, from + 6 * DAY), counted);
	/* What has passed after so much open time is so much open time later. */
	for (uint64_t open = 1; open < counted; open += 37 * MIN)
		assert_int_equal(baton_hours_between(h, from, baton_hours_after(h, from, open)),
				 open);
	end();
}

static void a_promise_is_the_shorter_one_and_counts_open_time_only(void **state)
{
	uint64_t friday = 0;

	(void)state;
	begin("UTC", "mon-fri: \"09:00-17:00\"", "");
	friday = utc(2026, 11, 20, 16, 50);
	assert_int_equal(baton_policy_due_ms(policy, BATON_STR("general"), BATON_STR(""), friday),
			 utc(2026, 11, 23, 9, 20));
	assert_int_equal(
		baton_policy_due_ms(policy, BATON_STR("general"), BATON_STR("vip"), friday),
		friday + 5 * MIN);
	/* A tier's longer promise does not take away the queue's. */
	assert_int_equal(
		baton_policy_due_ms(policy, BATON_STR("general"), BATON_STR("slow"), friday),
		utc(2026, 11, 23, 9, 20));
	assert_int_equal(
		baton_policy_due_ms(policy, BATON_STR("billing"), BATON_STR("vip"), friday),
		friday + 5 * MIN);
	assert_int_equal(baton_policy_due_ms(policy, BATON_STR("billing"), BATON_STR(""), friday),
			 0);
	assert_int_equal(baton_policy_due_ms(policy, BATON_STR("general"), BATON_STR("vip"), 0), 0);
	assert_int_equal(baton_policy_due_ms(policy, BATON_STR("gone"), BATON_STR(""), friday), 0);
	end();
}

static void who_names_no_queue_works_on_all_and_strangers_on_none(void **state)
{
	(void)state;
	begin("UTC", "mon: \"09:00-17:00\"", "");
	assert_true(baton_agent_serves(policy, BATON_STR("nina"), BATON_STR("general")));
	assert_false(baton_agent_serves(policy, BATON_STR("nina"), BATON_STR("billing")));
	assert_true(baton_agent_serves(policy, BATON_STR("omar"), BATON_STR("billing")));
	assert_false(baton_agent_serves(policy, BATON_STR("eve"), BATON_STR("general")));
	assert_false(baton_agent_serves(policy, BATON_STR(""), BATON_STR("")));
	end();
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(hours_open_and_close_to_the_minute),
		cmocka_unit_test(a_clock_stands_outside_of_the_hours),
		cmocka_unit_test(without_hours_it_is_always_open),
		cmocka_unit_test(closed_dates_are_local_dates),
		cmocka_unit_test(the_night_that_loses_an_hour_has_an_hour_less),
		cmocka_unit_test(the_night_that_gains_an_hour_has_an_hour_more),
		cmocka_unit_test(hours_that_begin_in_an_hour_that_there_is_not_begin_behind_it),
		cmocka_unit_test(the_same_local_time_holds_in_summer_and_winter_for_years),
		cmocka_unit_test(hours_that_go_past_the_weeks_end_begin_on_monday),
		cmocka_unit_test(the_piecewise_count_agrees_with_asking_each_minute),
		cmocka_unit_test(a_promise_is_the_shorter_one_and_counts_open_time_only),
		cmocka_unit_test(who_names_no_queue_works_on_all_and_strangers_on_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
