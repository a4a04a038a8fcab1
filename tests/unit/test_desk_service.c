/* SPDX-License-Identifier: Apache-2.0 */

/* Who is next, who is offered what, who sees what, what time takes away, and what those who
 * wait are told. */

#include "tests/unit/desk_rig.h"

#include "core/desk/inside.h"

#include <time.h>

/* --- the order of service --- */

static void inside_a_priority_whoever_waits_longest_is_first(void **state)
{
	struct rig rig;

	(void)state;
	rig_begin(&rig);
	rig_adopt(&rig);
	rig_tell(&rig, 3, WAITS(.waits_ms = 1000));
	rig_tell(&rig, 1, WAITS(.waits_ms = 3000));
	rig_tell(&rig, 2, WAITS(.waits_ms = 2000, .queue = "billing"));
	rig_tell(&rig, 4, WAITS(.waits_ms = 1, .priority = 4));
	rig_tell(&rig, 6, WAITS(.waits_ms = 500));
	rig_tell(&rig, 5, WAITS(.waits_ms = 500)); /* the same moment: the older session */
	rig_watch(&rig, 7, "super");
	rig_expect(&rig, "7:d6 7:c4w1 7:c1w2 7:c2w3 7:c3w4 7:c5w5 7:c6w6 ");
	rig_end(&rig);
}

static void each_step_of_waiting_counts_as_one_priority(void **state)
{
	const struct baton_case kase = { .priority = 5, .waiting_since_ms = 1000000 };
	const struct baton_case first = { .priority = 1, .waiting_since_ms = 1000000 };
	const struct baton_case new = { .priority = 5 };

	(void)state;
	assert_int_equal(order_priority(&kase, 0, 60000, 1000000 + 59999), 5);
	assert_int_equal(order_priority(&kase, 0, 60000, 1000000 + 60000), 4);
	assert_int_equal(order_priority(&kase, 0, 60000, 1000000 + 60000 * 100), 1);
	assert_int_equal(order_priority(&kase, 1, 60000, 1000000 + 60000), 3);
	assert_int_equal(order_priority(&kase, 8, 0, 1000000), 1);
	assert_int_equal(order_priority(&kase, 0, 0, UINT64_MAX), 5);
	assert_int_equal(order_priority(&kase, 0, 60000, 5), 5); /* the clock was set back */
	assert_int_equal(order_priority(&first, 3, 60000, UINT64_MAX), 1);
	assert_int_equal(order_priority(&new, 0, 60000, UINT64_MAX), 5);
}

static void nobody_starves(void **state)
{
	struct rig rig;
	bool served = false;

	(void)state;
	rig_begin(&rig);
	rig.queues[0].age_ms = 10000;
	rig_adopt(&rig);
	rig_tell(&rig, 1, WAITS(.priority = 9));
	/* Each second somebody urgent comes, and each second one is served. */
	for (int i = 2; i < 200 && !served; i++) {
		rig_tell(&rig, i, WAITS(.priority = 1));
		rig_pass(&rig, 1000);
		struct desk_case *next = rig.desk->order[0];
		served = rig_number(&next->notice->session) == 1;
		if (!served)
			rig_tell(&rig, rig_number(&next->notice->session), GONE());
	}
	assert_true(served);
	assert_true(rig.now.unix_ms - 1795000000000 <= 82000);
	rig_end(&rig);
}

static void a_vip_comes_earlier_and_is_promised_more(void **state)
{
	struct rig rig;

	(void)state;
	rig_begin(&rig);
	rig.tiers[0].raise = 1;
	rig.tiers[0].first_reply_ms = 2 * 60000;
	rig.queues[0].first_reply_ms = 5 * 60000;
	rig_adopt(&rig);
	rig_watch(&rig, 7, "a");
	rig_forget(&rig);
	rig_tell(&rig, 1, WAITS(.waits_ms = 5000, .unanswered_ms = rig.now.unix_ms - 5000));
	assert_int_equal(rig.kase.due_ms, rig.now.unix_ms - 5000 + 5 * 60000);
	rig_tell(&rig, 2, WAITS(.tier = "vip", .unanswered_ms = rig.now.unix_ms));
	assert_int_equal(rig.kase.due_ms, rig.now.unix_ms + 2 * 60000);
	rig_expect(&rig, "7:c1w1 7:c2w1 ");
	rig_pass(&rig, 100);
	rig_expect(&rig, "p2:1/2 p1:2/2 7:c1w2 ");
	rig_end(&rig);
}

static void a_promise_survives_hand_overs_and_is_broken_once(void **state)
{
	struct rig rig;

	(void)state;
	rig_begin(&rig);
	rig.queues[0].first_reply_ms = 60000;
	rig.queues[1].first_reply_ms = 60000;
	rig_adopt(&rig);
	rig_watch(&rig, 7, "a");
	uint64_t since = rig.now.unix_ms, due = since + 60000;
	rig_tell(&rig, 1, WAITS(.unanswered_ms = since));
	assert_int_equal(rig.kase.due_ms, due);
	rig_pass(&rig, 20000);
	rig_tell(&rig, 1, CLAIMED(.unanswered_ms = since, .agent = "a"));
	assert_int_equal(rig.kase.due_ms, due);
	rig_pass(&rig, 20000);
	rig_tell(&rig, 1, WAITS(.epoch = 3, .unanswered_ms = since, .queue = "billing"));
	assert_int_equal(rig.kase.due_ms, due);
	rig_pass(&rig, 19900);
	assert_int_equal(rig.counts[BATON_METRIC_DESK_BREACHED], 0);
	rig_pass(&rig, 5000);
	assert_int_equal(rig.counts[BATON_METRIC_DESK_BREACHED], 1);
	/* Answered: no clock runs. The next question has one of its own. */
	rig_tell(&rig, 1, CLAIMED(.epoch = 4, .agent = "a"));
	assert_int_equal(rig.kase.due_ms, 0);
	rig_tell(&rig, 1, CLAIMED(.epoch = 4, .agent = "a", .unanswered_ms = rig.now.unix_ms));
	assert_int_equal(rig.kase.due_ms, rig.now.unix_ms + 60000);
	rig_pass(&rig, 61000);
	assert_int_equal(rig.counts[BATON_METRIC_DESK_BREACHED], 2);
	rig_end(&rig);
}

/* --- offers --- */

static void offering(struct rig *rig)
{
	rig_begin(rig);
	rig->queues[0].assign = BATON_ASSIGN_OFFER;
	rig->queues[0].offer_ms = 20000;
	rig_adopt(rig);
	rig->quiet = true;
}

static void an_offer_goes_to_who_has_been_idle_longest(void **state)
{
	struct rig rig;

	(void)state;
	offering(&rig);
	rig_watch(&rig, 8, "b");
	rig_pass(&rig, 100);
	rig_watch(&rig, 7, "a");
	rig_tell(&rig, 1, WAITS());
	rig_expect(&rig, "8:o1 ");
	rig_tell(&rig, 2, WAITS());
	rig_expect(&rig, "7:o2 ");
	/* Claimed by the one it was offered to: no word of withdrawal is wrong, and the next
	 * comes. */
	rig_pass(&rig, 100);
	rig_tell(&rig, 1, CLAIMED(.agent = "b"));
	rig_tell(&rig, 2, CLAIMED(.agent = "a"));
	rig_expect(&rig, "8:x1 7:x2 ");
	assert_int_equal(rig.counts[BATON_METRIC_DESK_OFFERS], 2);
	assert_int_equal(rig.counts[BATON_METRIC_DESK_OFFERS_TAKEN], 2);
	/* b was done first, so b has been idle longer. */
	rig_tell(&rig, 1, GONE());
	rig_pass(&rig, 100);
	rig_tell(&rig, 2, GONE());
	rig_tell(&rig, 3, WAITS());
	rig_expect(&rig, "8:o3 ");
	rig_end(&rig);
}

static void who_has_nothing_comes_before_who_has_something(void **state)
{
	struct rig rig;

	(void)state;
	offering(&rig);
	rig_watch(&rig, 7, "a");
	rig_tell(&rig, 1, CLAIMED(.agent = "a"));
	rig_pass(&rig, 60000);
	rig_watch(&rig, 8, "b");
	rig_tell(&rig, 2, WAITS());
	rig_expect(&rig, "8:o2 ");
	rig_end(&rig);
}

static void a_declined_offer_goes_to_the_next_at_once(void **state)
{
	struct rig rig;
	struct baton_id one = rig_session(1);

	(void)state;
	offering(&rig);
	rig_watch(&rig, 7, "a");
	rig_tell(&rig, 1, WAITS());
	rig_pass(&rig, 100);
	rig_watch(&rig, 8, "b");
	rig_expect(&rig, "7:o1 ");
	baton_desk_decline(rig.desk, rig.now, 8, &one); /* is not his to decline */
	rig_expect(&rig, "");
	baton_desk_decline(rig.desk, rig.now, 7, &one);
	rig_expect(&rig, "7:x1 8:o1 ");
	baton_desk_decline(rig.desk, rig.now, 8, &one);
	rig_expect(&rig, "8:x1 ");
	rig_pass(&rig, 59000); /* nobody is asked again and again */
	rig_expect(&rig, "");
	rig_pass(&rig, 2000);
	rig_expect(&rig, "7:o1 ");
	assert_int_equal(rig.counts[BATON_METRIC_DESK_OFFERS_DECLINED], 2);
	rig_end(&rig);
}

static void an_offer_that_nobody_answers_goes_on_and_two_in_a_row_make_away(void **state)
{
	struct rig rig;

	(void)state;
	offering(&rig);
	rig.policy.desk.missed_offers = 2;
	rig_watch(&rig, 7, "a");
	rig_tell(&rig, 1, WAITS());
	rig_expect(&rig, "7:o1 ");
	rig_pass(&rig, 19900);
	rig_expect(&rig, "");
	rig_pass(&rig, 100);
	rig_expect(&rig, "7:x1 ");
	rig_tell(&rig, 2, WAITS());
	rig_tell(&rig, 3, WAITS());
	rig_expect(&rig, "7:o2 7:o3 ");
	rig_watch(&rig, 8, "b");
	rig_expect(&rig, "8:o1 ");
	rig_tell(&rig, 1, CLAIMED(.agent = "b"));
	rig_forget(&rig);
	rig_pass(&rig, 20000);
	/* The second one that is missed: away, and all that is his goes to somebody who is
	 * there. */
	rig_expect(&rig, "7:x2 7:x3 8:o3 8:o2 ");
	assert_int_equal(rig.counts[BATON_METRIC_DESK_OFFERS_MISSED], 2);
	rig_pass(&rig, 1000);
	assert_non_null(strstr(rig.overview, "\"id\":\"a\",\"name\":\"a\",\"role\":\"agent\","
					     "\"state\":\"away\""));
	/* He says that he is back. */
	rig_tell(&rig, 4, WAITS());
	rig_tell(&rig, 5, WAITS());
	rig_expect(&rig, "8:o4 ");
	baton_desk_status(rig.desk, rig.now, 7, true);
	rig_expect(&rig, "7:o5 ");
	rig_end(&rig);
}

static void a_freed_agent_gets_the_next_at_once(void **state)
{
	struct rig rig;

	(void)state;
	offering(&rig);
	rig.policy.desk.capacity = 1;
	rig_watch(&rig, 7, "a");
	rig_tell(&rig, 1, CLAIMED(.agent = "a"));
	rig_tell(&rig, 2, WAITS(.waits_ms = 1000));
	rig_tell(&rig, 3, WAITS(.waits_ms = 2000));
	rig_expect(&rig, "");
	rig_tell(&rig, 1, GONE()); /* no round in between */
	rig_expect(&rig, "7:o3 ");
	rig_tell(&rig, 3, CLAIMED(.agent = "a"));
	rig_tell(&rig, 3, WAITS(.epoch = 3)); /* given back: he is asked again like anybody */
	rig_expect(&rig, "7:x3 7:o3 ");
	rig_end(&rig);
}

static void capacity_bounds_offers_and_not_claims(void **state)
{
	struct rig rig;

	(void)state;
	offering(&rig);
	rig.agents[0].capacity = 2;
	rig_watch(&rig, 7, "a");
	for (int i = 1; i <= 5; i++)
		rig_tell(&rig, i, WAITS());
	rig_expect(&rig, "7:o1 7:o2 ");
	for (int i = 3; i <= 5; i++)
		rig_tell(&rig, i, CLAIMED(.agent = "a"));
	rig_pass(&rig, 1000);
	rig_expect(&rig, "");
	assert_non_null(strstr(rig.overview, "\"cases\":3,\"capacity\":2"));
	rig_end(&rig);
}

static void skills_and_language_are_asked_for_until_it_has_waited_too_long(void **state)
{
	static const char *payments[] = { "payments" }, *german[] = { "de" }, *english[] = { "en" };
	struct rig rig;

	(void)state;
	offering(&rig);
	rig.queues[0].relax_ms = 120000;
	rig.queues[0].skills = payments;
	rig.queues[0].n_skills = 1;
	rig.agents[0].skills = payments;
	rig.agents[0].n_skills = 1;
	rig.agents[0].languages = english;
	rig.agents[0].n_languages = 1;
	rig.agents[1].languages = german;
	rig.agents[1].n_languages = 1;
	rig_watch(&rig, 8, "b");
	rig_pass(&rig, 1000);
	rig_watch(&rig, 7, "a");
	rig_tell(&rig, 1, WAITS(.language = "en-GB"));
	rig_expect(&rig, "7:o1 "); /* b has been idle longer and knows nothing of payments */
	rig_tell(&rig, 1, CLAIMED(.agent = "a"));
	rig_tell(&rig, 2, WAITS(.language = "de"));
	rig_forget(&rig);
	rig_pass(&rig, 119000);
	rig_expect(&rig, "");
	rig_pass(&rig, 2000);
	rig_expect(&rig, "8:o2 ");
	/* Where nobody knows the language, whoever names none will do. */
	rig.agents[1].n_languages = 0;
	rig.agents[1].skills = payments;
	rig.agents[1].n_skills = 1;
	rig_tell(&rig, 3, WAITS(.language = "fr"));
	rig_expect(&rig, "8:o3 ");
	rig_end(&rig);
}

static void a_transferred_case_is_kept_for_its_person_for_a_while(void **state)
{
	struct rig rig;

	(void)state;
	offering(&rig);
	rig_watch(&rig, 7, "a");
	rig_tell(&rig, 1, WAITS(.to_agent = "b"));
	rig_pass(&rig, 59000);
	rig_expect(&rig, "");
	rig_watch(&rig, 8, "b");
	rig_expect(&rig, "8:o1 ");
	baton_desk_unwatch(rig.desk, rig.now, 8);
	rig_pass(&rig, 3000);
	rig_expect(&rig, "7:o1 ");
	rig_end(&rig);
}

static void an_offer_is_withdrawn_when_somebody_else_takes_it(void **state)
{
	struct rig rig;

	(void)state;
	offering(&rig);
	rig_watch(&rig, 7, "a");
	rig_watch(&rig, 9, "a"); /* a second console hears the same */
	rig_tell(&rig, 1, WAITS());
	rig_expect(&rig, "7:o1 9:o1 ");
	rig_watch(&rig, 10, "a"); /* and one that comes later is told */
	rig_expect(&rig, "10:o1 ");
	rig_tell(&rig, 1, CLAIMED(.agent = "b"));
	rig_expect(&rig, "7:x1 9:x1 10:x1 ");
	assert_int_equal(rig.counts[BATON_METRIC_DESK_OFFERS_TAKEN], 0);
	rig_tell(&rig, 2, WAITS());
	rig_forget(&rig);
	rig_tell(&rig, 2, WAITS(.epoch = 2, .queue = "billing")); /* transferred */
	rig_expect(&rig, "7:x2 9:x2 10:x2 ");
	rig_end(&rig);
}

static void offers_go_with_the_last_console_and_with_being_away(void **state)
{
	struct rig rig;

	(void)state;
	offering(&rig);
	rig_watch(&rig, 7, "a");
	rig_watch(&rig, 9, "a");
	rig_tell(&rig, 1, WAITS());
	rig_pass(&rig, 100);
	rig_watch(&rig, 8, "b");
	rig_forget(&rig);
	baton_desk_unwatch(rig.desk, rig.now, 9);
	rig_expect(&rig, "");
	baton_desk_unwatch(rig.desk, rig.now, 7);
	rig_expect(&rig, "8:o1 ");
	rig_watch(&rig, 7, "a");
	baton_desk_status(rig.desk, rig.now, 8, false);
	rig_expect(&rig, "8:x1 7:o1 ");
	rig_end(&rig);
}

static void only_who_works_on_a_queue_is_offered_its_cases(void **state)
{
	static const char *billing[] = { "billing" }, *general[] = { "general" };
	struct rig rig;

	(void)state;
	offering(&rig);
	rig.agents[0].queues = billing;
	rig.agents[0].n_queues = 1;
	rig.agents[2] = (struct baton_agent_def){ .id = "s", .name = "Sue", .role = "supervisor" };
	rig.agents[3] = (struct baton_agent_def){ .id = "z", .name = "Zoe", .role = "admin" };
	rig.agents[4] = (struct baton_agent_def){
		.id = "sam", .name = "Sam", .role = "supervisor", .queues = general, .n_queues = 1
	};
	rig.policy.n_agents = 5;
	rig_adopt(&rig);
	rig_watch(&rig, 7, "a");
	rig_watch(&rig, 5, "s"); /* looks after all, works on none */
	rig_watch(&rig, 6, "z");
	rig_watch(&rig, 4, "eve"); /* nobody that the policies know */
	rig_tell(&rig, 1, WAITS());
	rig_pass(&rig, 2000);
	rig_expect(&rig, "");
	rig_watch(&rig, 9, "sam");
	rig_expect(&rig, "9:o1 ");
	rig_end(&rig);
}

static void who_has_given_up_is_not_offered_until_he_is_back(void **state)
{
	struct rig rig;

	(void)state;
	offering(&rig);
	rig_watch(&rig, 7, "a");
	rig_tell(&rig, 1, WAITS(.absent = true, .abandoned = true));
	rig_expect(&rig, "");
	assert_true(rig.kase.abandoned && rig.kase.claimable);
	rig_tell(&rig, 1, WAITS(.abandoned = true)); /* the event stays, the customer is there */
	rig_expect(&rig, "7:o1 ");
	assert_false(rig.kase.abandoned);
	rig_end(&rig);
}

/* --- what time takes away --- */

static void leasing(struct rig *rig)
{
	rig_begin(rig);
	rig->policy.desk.lost_ms = 90000;
	rig->policy.desk.abandon_ms = 300000;
	rig->queues[0].return_ms = 600000;
	rig_adopt(rig);
	rig->quiet = true;
}

static void a_lost_agents_cases_come_back(void **state)
{
	struct rig rig;

	(void)state;
	leasing(&rig);
	rig_watch(&rig, 7, "a");
	rig_tell(&rig, 1, CLAIMED(.epoch = 4, .agent = "a"));
	rig_tell(&rig, 2, CLAIMED(.epoch = 6, .agent = "a"));
	rig_pass(&rig, 200000);
	rig_expect(&rig, "");
	baton_desk_unwatch(rig.desk, rig.now, 7);
	rig_pass(&rig, 89900);
	rig_expect(&rig, "");
	rig_pass(&rig, 100);
	rig_expect(&rig, "r1:agent_lost@4 r2:agent_lost@6 ");
	rig_tell(&rig, 1, WAITS(.epoch = 5, .waits_ms = 400000));
	rig_pass(&rig, 4900);
	rig_expect(&rig, "");
	rig_pass(&rig, 200); /* nothing came of the other one: asked for again */
	rig_expect(&rig, "r2:agent_lost@6 ");
	assert_int_equal(rig.counts[BATON_METRIC_DESK_LEASES_LOST], 2);
	rig_end(&rig);
}

static void who_is_back_in_time_keeps_his_cases(void **state)
{
	struct rig rig;

	(void)state;
	leasing(&rig);
	rig_watch(&rig, 7, "a");
	rig_tell(&rig, 1, CLAIMED(.agent = "a"));
	for (int i = 0; i < 5; i++) {
		baton_desk_unwatch(rig.desk, rig.now, 7);
		rig_pass(&rig, 89000);
		rig_watch(&rig, 7, "a");
	}
	baton_desk_unwatch(rig.desk, rig.now, 7);
	rig_watch(&rig, 8, "super");
	rig_pass(&rig, 1000);
	assert_non_null(strstr(rig.overview, "\"state\":\"lost\",\"cases\":1"));
	rig_expect(&rig, "");
	rig_end(&rig);
}

static void after_a_start_the_timers_begin_anew(void **state)
{
	struct rig rig;

	(void)state;
	leasing(&rig);
	/* What the journal's index brings: the agent has not come back yet. */
	rig_tell(&rig, 1, CLAIMED(.agent = "a", .unanswered_ms = 1));
	rig_tell(&rig, 2, WAITS(.absent = true, .waits_ms = 7200000));
	rig_pass(&rig, 89000);
	rig_watch(&rig, 7, "a");
	rig_pass(&rig, 210000);
	rig_expect(&rig, "");
	rig_pass(&rig, 1100);
	rig_expect(&rig, "a2@1:300000 ");
	rig_pass(&rig, 299000);
	rig_expect(&rig, "");
	rig_pass(&rig, 1000);
	rig_expect(&rig, "r1:no_reply@2 ");
	rig_end(&rig);
}

static void a_case_without_a_reply_goes_back(void **state)
{
	struct rig rig;

	(void)state;
	leasing(&rig);
	rig_watch(&rig, 7, "a");
	rig_tell(&rig, 1, CLAIMED(.agent = "a", .unanswered_ms = 17));
	rig_pass(&rig, 599000);
	rig_tell(&rig, 1, CLAIMED(.agent = "a")); /* a reply */
	rig_pass(&rig, 700000);
	rig_expect(&rig, "");
	rig_tell(&rig, 1, CLAIMED(.agent = "a", .unanswered_ms = 18)); /* another question */
	rig_pass(&rig, 300000);
	rig_tell(&rig, 1, CLAIMED(.agent = "a", .unanswered_ms = 18)); /* a word more of it */
	rig_pass(&rig, 299900);
	rig_expect(&rig, "");
	rig_pass(&rig, 100);
	rig_expect(&rig, "r1:no_reply@2 ");
	assert_int_equal(rig.counts[BATON_METRIC_DESK_RETURNS], 1);
	rig_end(&rig);
}

static void a_clock_that_is_set_takes_nothing_from_anybody(void **state)
{
	struct rig rig;

	(void)state;
	leasing(&rig);
	rig_tell(&rig, 1, CLAIMED(.agent = "a", .unanswered_ms = rig.now.unix_ms));
	rig_tell(&rig, 2, WAITS(.absent = true));
	rig.now.unix_ms += 86400000;
	rig_pass(&rig, 1000);
	rig.now.unix_ms -= 2 * 86400000ull;
	rig_pass(&rig, 1000);
	rig_expect(&rig, "");
	rig_end(&rig);
}

static void who_goes_away_and_stays_away_has_given_up(void **state)
{
	struct rig rig;

	(void)state;
	leasing(&rig);
	rig_tell(&rig, 1, WAITS());
	rig_tell(&rig, 2, WAITS(.absent = true, .ticket = true));
	rig_pass(&rig, 400000);
	rig_forget(&rig);
	rig_tell(&rig, 1, WAITS(.absent = true));
	rig_pass(&rig, 299000);
	rig_tell(&rig, 1, WAITS()); /* back */
	rig_tell(&rig, 1, WAITS(.absent = true));
	rig_pass(&rig, 299900);
	rig_expect(&rig, "");
	rig_pass(&rig, 100);
	rig_expect(&rig, "a1@1:300000 ");
	rig_pass(&rig, 600000); /* once */
	rig_expect(&rig, "");
	assert_int_equal(rig.counts[BATON_METRIC_DESK_ABANDONED], 1);
	rig_end(&rig);
}

/* --- who sees what --- */

static void agents_see_their_queues_and_supervisors_all(void **state)
{
	static const char *billing[] = { "billing" };
	struct rig rig;

	(void)state;
	rig_begin(&rig);
	rig.agents[0].queues = billing;
	rig.agents[0].n_queues = 1;
	rig_adopt(&rig);
	rig_tell(&rig, 1, WAITS(.waits_ms = 9));
	rig_tell(&rig, 2, WAITS(.waits_ms = 8, .queue = "billing"));
	rig_tell(&rig, 3, CLAIMED(.agent = "a"));
	rig_tell(&rig, 4, WAITS(.waits_ms = 7, .to_agent = "a"));
	rig_tell(&rig, 5, WAITS(.waits_ms = 6, .queue = "closed-down"));
	rig_watch(&rig, 7, "a");
	rig_expect(&rig, "7:d4 7:c2w2 7:c4w3 7:c5w4 7:c3c ");
	assert_false(rig.kase.claimable);
	rig_watch(&rig, 8, "super");
	rig_expect(&rig, "8:d5 8:c1w1 8:c2w2 8:c4w3 8:c5w4 8:c3c ");
	rig_watch(&rig, 9, "zoe");
	rig_forget(&rig);
	rig_tell(&rig, 6, WAITS());
	rig_expect(&rig, "8:c6w5 9:c6w5 ");
	assert_false(rig.kase.claimable); /* an admin only looks */
	rig_watch(&rig, 10, "nobody");
	rig_expect(&rig, "10:d1 10:c5w4 "); /* a queue nobody has is everybody's */
	rig_end(&rig);
}

static void what_leaves_somebodys_sight_is_gone_for_him(void **state)
{
	static const char *billing[] = { "billing" };
	struct rig rig;

	(void)state;
	rig_begin(&rig);
	rig.agents[0].queues = billing;
	rig.agents[0].n_queues = 1;
	rig_adopt(&rig);
	rig_watch(&rig, 7, "a");
	rig_watch(&rig, 8, "b");
	rig_tell(&rig, 1, WAITS(.queue = "billing"));
	rig_forget(&rig);
	rig_tell(&rig, 1, WAITS(.epoch = 2)); /* transferred to general */
	rig_expect(&rig, "7:c1g 8:c1w1 ");
	rig_tell(&rig, 1, WAITS(.epoch = 2)); /* a word more: none of his */
	rig_expect(&rig, "8:c1w1 ");
	rig_tell(&rig, 1,
		 (struct rig_told){ .state = BATON_CASE_CLAIMED, .epoch = 3, .agent = "a" });
	rig_expect(&rig, "7:c1c 8:c1c ");
	rig_tell(&rig, 1, WAITS(.epoch = 4));
	rig_expect(&rig, "7:c1g 8:c1w1 ");
	rig_tell(&rig, 1, GONE());
	rig_expect(&rig, "8:c1g ");
	rig_end(&rig);
}

static void a_reload_changes_what_people_see(void **state)
{
	static const char *billing[] = { "billing" };
	struct rig rig, next;

	(void)state;
	rig_begin(&rig);
	rig_adopt(&rig);
	rig_tell(&rig, 1, WAITS(.unanswered_ms = rig.now.unix_ms));
	rig_tell(&rig, 2, WAITS(.queue = "billing"));
	rig_watch(&rig, 7, "a");
	rig_forget(&rig);
	memcpy(next.queues, rig.queues, sizeof(next.queues));
	memcpy(next.agents, rig.agents, sizeof(next.agents));
	next.policy = rig.policy;
	next.policy.queues = next.queues;
	next.policy.agents = next.agents;
	next.agents[0].queues = billing;
	next.agents[0].n_queues = 1;
	next.queues[1].first_reply_ms = 1000;
	baton_desk_policy(rig.desk, rig.now, &next.policy);
	memset(rig.queues, 0xff,
	       sizeof(rig.queues)); /* nothing of the old set is looked at again */
	memset(rig.agents, 0xff, sizeof(rig.agents));
	rig_expect(&rig, "7:c1g 7:c2w2 ");
	rig_tell(&rig, 2, WAITS(.queue = "billing", .unanswered_ms = rig.now.unix_ms));
	assert_int_equal(rig.kase.due_ms, rig.now.unix_ms + 1000);
	rig_pass(&rig, 2000);
	rig_end(&rig);
}

static void a_long_list_comes_in_pages_that_are_asked_for(void **state)
{
	struct rig rig;

	(void)state;
	rig_begin(&rig);
	rig_adopt(&rig);
	for (int i = 1; i <= 250; i++)
		rig_tell(&rig, i, WAITS(.waits_ms = 1000 - (uint64_t)i));
	rig.quiet = true;
	rig_watch(&rig, 7, "a");
	rig_expect(&rig, "7:more150 ");
	assert_int_equal(rig_number(&rig.kase.session), 100);
	/* What changes meanwhile is told at once; what has gone is not told again. */
	rig_tell(&rig, 240, CLAIMED(.agent = "b"));
	assert_int_equal(rig_number(&rig.kase.session), 240);
	rig_tell(&rig, 150, GONE());
	uint64_t before = rig.notices;
	baton_desk_more(rig.desk, 7);
	rig_expect(&rig, "7:more50 ");
	assert_int_equal(rig.notices - before, 99 + 1);
	baton_desk_more(rig.desk, 7);
	rig_expect(&rig, "");
	assert_int_equal(rig_number(&rig.kase.session), 250);
	before = rig.notices;
	baton_desk_more(rig.desk, 7); /* there is nothing left */
	baton_desk_more(rig.desk, 8); /* nobody */
	assert_int_equal(rig.notices, before);
	rig_watch(&rig, 7, "a"); /* all of it again; and gone in the middle of it */
	rig_expect(&rig, "7:more149 ");
	baton_desk_unwatch(rig.desk, rig.now, 7);
	rig_watch(&rig, 8, "a");
	rig_end(&rig);
}

static void ranks_are_told_a_few_at_a_time_and_all_in_the_end(void **state)
{
	enum { CASES = 300 };
	struct rig rig;

	(void)state;
	rig_begin(&rig);
	rig_adopt(&rig);
	rig.quiet = true;
	for (int i = 1; i <= CASES; i++)
		rig_tell(&rig, i, WAITS(.waits_ms = 10000 - (uint64_t)i, .absent = true));
	rig_watch(&rig, 7, "a");
	rig_pass(&rig, 1000);
	uint64_t before = rig.notices;
	rig_tell(&rig, 1, CLAIMED(.agent = "b"));
	assert_int_equal(rig.notices - before, 1); /* and not one for each that moved up */
	before = rig.notices;
	rig_pass(&rig, 100);
	assert_in_range(rig.notices - before, 1, 26);
	rig_pass(&rig, 10000);
	for (size_t i = 0; i < rig.desk->n_order; i++) {
		assert_int_equal(rig.desk->order[i]->rank, i + 1);
		assert_int_equal(rig.desk->order[i]->told_rank, i + 1);
	}
	rig_end(&rig);
}

/* --- what those who wait are told --- */

static void who_waits_is_told_the_place_when_it_changes(void **state)
{
	struct rig rig;

	(void)state;
	rig_begin(&rig);
	rig_adopt(&rig);
	rig_tell(&rig, 1, WAITS(.waits_ms = 50));
	rig_tell(&rig, 2, WAITS(.waits_ms = 40, .queue = "billing"));
	rig_tell(&rig, 3, WAITS(.waits_ms = 30));
	rig_tell(&rig, 4, WAITS(.waits_ms = 20, .absent = true));
	rig_pass(&rig, 100);
	rig_expect(&rig, "p1:1/3 p2:1/1 p3:2/3 ");
	rig_pass(&rig, 10000);
	rig_expect(&rig, ""); /* nothing has changed */
	rig_tell(&rig, 1, CLAIMED(.agent = "a"));
	rig_pass(&rig, 100);
	rig_expect(&rig, "p3:1/2 ");
	rig_tell(&rig, 5, WAITS(.waits_ms = 10));
	rig_pass(&rig, 1800);
	rig_expect(&rig, "p5:3/3 "); /* 3 has been told a moment ago */
	rig_pass(&rig, 200);
	rig_expect(&rig, "p3:1/3 ");
	rig_tell(&rig, 4, WAITS(.waits_ms = 20)); /* is back */
	rig_pass(&rig, 100);
	assert_int_equal(rig.place.position, 2);
	rig_end(&rig);
}

static void no_wait_is_named_before_five_claims_say_something(void **state)
{
	struct rig rig;

	(void)state;
	rig_begin(&rig);
	rig_adopt(&rig);
	rig_watch(&rig, 7, "a");
	rig.quiet = true;
	for (int i = 1; i <= 5; i++) {
		rig_tell(&rig, i, WAITS());
		rig_tell(&rig, i, CLAIMED(.agent = "a"));
		if (i < 5)
			rig_pass(&rig, 60000);
		if (i == 4) {
			rig_tell(&rig, 9, WAITS());
			rig_pass(&rig, 2000);
			assert_int_equal(rig.place.position, 1);
			assert_int_equal(rig.place.wait_ms, 0);
			assert_int_equal(rig.place.agents, 1);
			assert_true(rig.place.open);
		}
	}
	rig_pass(&rig, 2000);
	/* Five claims in a little more than four minutes: about one a minute. */
	assert_in_range(rig.place.wait_ms, 60000, 120000);
	/* While nobody claims, it takes longer and longer. */
	rig_pass(&rig, 1200000);
	assert_in_range(rig.place.wait_ms, 300000, 480000);
	/* Nobody is at work: nothing can be said. */
	baton_desk_unwatch(rig.desk, rig.now, 7);
	rig_pass(&rig, 3000);
	assert_int_equal(rig.place.wait_ms, 0);
	assert_int_equal(rig.place.agents, 0);
	/* An hour later the claims say nothing any more. */
	rig_watch(&rig, 7, "a");
	rig_pass(&rig, 3600000);
	assert_int_equal(rig.place.wait_ms, 0);
	rig_end(&rig);
}

static void outside_of_its_hours_a_queue_says_when_it_opens(void **state)
{
	struct baton_open_span span = { 9 * 60, 17 * 60 }; /* Mondays, UTC */
	const struct baton_hours_def hours = { .name = "h", .open = &span, .n_open = 1 };
	struct rig rig;

	(void)state;
	rig_begin(&rig);
	rig.queues[0].hours = &hours;
	rig.queues[0].first_reply_ms = 60000;
	rig_adopt(&rig);
	rig_watch(&rig, 7, "a");
	rig.quiet = true;
	uint64_t opens = baton_hours_next(&hours, rig.now.unix_ms);
	assert_true(opens > rig.now.unix_ms + 60000);
	rig_tell(&rig, 1, WAITS(.unanswered_ms = rig.now.unix_ms));
	assert_int_equal(rig.kase.due_ms, opens + 60000); /* the clock stands until then */
	assert_true(rig.kase.claimable);
	rig_pass(&rig, 1000);
	assert_false(rig.place.open);
	assert_int_equal(rig.place.opens_ms, opens);
	assert_int_equal(rig.place.wait_ms, 0);
	assert_non_null(strstr(rig.overview, "\"open\":false"));
	rig.now.unix_ms = opens;
	rig_pass(&rig, 3000);
	assert_true(rig.place.open);
	assert_int_equal(rig.place.opens_ms, 0);
	rig_end(&rig);
}

/* --- the whole --- */

static void an_outage_is_one_line_of_the_overview(void **state)
{
	struct rig rig;

	(void)state;
	rig_begin(&rig);
	rig.queues[0].first_reply_ms = 30000;
	rig_adopt(&rig);
	rig.quiet = true;
	rig_watch(&rig, 7, "super");
	for (int i = 1; i <= 300; i++)
		rig_tell(&rig, i,
			 WAITS(.rule = "core.no_answer", .reason = "nobody answers",
			       .mode = "intake", .waits_ms = (uint64_t)i,
			       .unanswered_ms = rig.now.unix_ms - (uint64_t)i));
	rig_tell(&rig, 301, WAITS(.rule = "core.customer_asked", .reason = "asked \"now\""));
	rig_tell(&rig, 302, CLAIMED(.rule = "core.no_answer", .agent = "a"));
	rig_pass(&rig, 1000);
	char line[256];
	snprintf(line, sizeof(line),
		 "\"groups\":[{\"waiting\":300,\"oldest_ms\":%llu,\"rule\":\"core.no_answer\","
		 "\"reason\":\"nobody answers\",\"mode\":\"intake\"},{\"waiting\":1,",
		 (unsigned long long)(rig.now.unix_ms - 1000 - 300));
	assert_non_null(strstr(rig.overview, line));
	assert_non_null(strstr(rig.overview, "asked \\\"now\\\""));
	assert_non_null(strstr(rig.overview, "{\"name\":\"general\",\"title\":\"General\","
					     "\"waiting\":301,\"claimed\":1,\"open\":true"));
	assert_non_null(strstr(rig.overview, "\"breached\":0,\"due_soon\":300"));
	/* Somebody who is not here is in the list, too. */
	assert_non_null(strstr(rig.overview, "{\"id\":\"b\",\"name\":\"Bob\",\"role\":\"agent\","
					     "\"state\":\"offline\",\"cases\":0,\"capacity\":4}"));
	uint64_t before = rig.overviews;
	rig_pass(&rig, 5000);
	assert_in_range(rig.overviews - before, 0, 5); /* only if it has changed, once a second */
	struct baton_buf out = { NULL, 0, 0 };
	baton_desk_metrics(rig.desk, rig.now, &out);
	assert_non_null(strstr(out.p, "\nbaton_desk_queue_waiting{queue=\"general\"} 301\n"));
	assert_non_null(
		strstr(out.p, "\nbaton_desk_queue_oldest_seconds{queue=\"general\"} 6.3\n"));
	assert_non_null(strstr(out.p, "\nbaton_desk_people{state=\"available\"} 1\n"));
	baton_buf_done(&out);
	rig_end(&rig);
}

/* --- what it costs --- */

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void two_thousand_cases_and_fifty_agents_cost_microseconds(void **state)
{
	enum { CASES = 2000, PEOPLE = 50, ROUNDS = 500, TICKS = 50 };
	static char names[PEOPLE][8];
	struct rig rig;

	(void)state;
	rig_begin(&rig);
	for (size_t i = 0; i < PEOPLE; i++) {
		snprintf(names[i], sizeof(names[i]), "p%zu", i);
		rig.agents[i] = (struct baton_agent_def){ .id = names[i],
							  .name = names[i],
							  .role = "agent" };
	}
	rig.policy.n_agents = PEOPLE;
	rig.queues[0].assign = BATON_ASSIGN_OFFER;
	rig.queues[0].offer_ms = 20000;
	rig.queues[0].age_ms = 600000;
	rig.queues[0].first_reply_ms = 300000;
	rig_adopt(&rig);
	rig.quiet = true;
	for (size_t i = 0; i < PEOPLE; i++)
		rig_watch(&rig, 100 + i, names[i]);
	for (int i = 1; i <= CASES; i++)
		rig_tell(&rig, i,
			 WAITS(.waits_ms = (uint64_t)(i * 7919 % 600000),
			       .priority = 1 + (uint64_t)(i % 9),
			       .unanswered_ms = rig.now.unix_ms));
	double begun = seconds();
	for (int i = 0; i < ROUNDS; i++) {
		int session = rig_number(&rig.desk->order[0]->notice->session);
		uint64_t epoch = 2 + (uint64_t)i * 2;

		rig_tell(&rig, session,
			 (struct rig_told){ .state = BATON_CASE_CLAIMED,
					    .epoch = epoch,
					    .agent = names[i % PEOPLE] });
		rig_tell(&rig, session,
			 (struct rig_told){ .state = BATON_CASE_WAITING, .epoch = epoch + 1 });
		rig_forget(&rig);
	}
	double update = (seconds() - begun) / (2 * ROUNDS);
	begun = seconds();
	for (int i = 0; i < TICKS; i++)
		rig_pass(&rig, 100);
	double tick = (seconds() - begun) / TICKS;
	print_message("# %d cases, %d consoles: %.1f us per notice, %.0f us per round\n", CASES,
		      PEOPLE, update * 1e6, tick * 1e6);
	/* Generous: sanitizers and a busy machine. A sort of everything for each notice is
	 * past it. */
	assert_true(update < 0.002);
	assert_true(tick < 0.05);
	rig_end(&rig);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(inside_a_priority_whoever_waits_longest_is_first),
		cmocka_unit_test(each_step_of_waiting_counts_as_one_priority),
		cmocka_unit_test(nobody_starves),
		cmocka_unit_test(a_vip_comes_earlier_and_is_promised_more),
		cmocka_unit_test(a_promise_survives_hand_overs_and_is_broken_once),
		cmocka_unit_test(an_offer_goes_to_who_has_been_idle_longest),
		cmocka_unit_test(who_has_nothing_comes_before_who_has_something),
		cmocka_unit_test(a_declined_offer_goes_to_the_next_at_once),
		cmocka_unit_test(an_offer_that_nobody_answers_goes_on_and_two_in_a_row_make_away),
		cmocka_unit_test(a_freed_agent_gets_the_next_at_once),
		cmocka_unit_test(capacity_bounds_offers_and_not_claims),
		cmocka_unit_test(skills_and_language_are_asked_for_until_it_has_waited_too_long),
		cmocka_unit_test(a_transferred_case_is_kept_for_its_person_for_a_while),
		cmocka_unit_test(an_offer_is_withdrawn_when_somebody_else_takes_it),
		cmocka_unit_test(offers_go_with_the_last_console_and_with_being_away),
		cmocka_unit_test(only_who_works_on_a_queue_is_offered_its_cases),
		cmocka_unit_test(who_has_given_up_is_not_offered_until_he_is_back),
		cmocka_unit_test(a_lost_agents_cases_come_back),
		cmocka_unit_test(who_is_back_in_time_keeps_his_cases),
		cmocka_unit_test(after_a_start_the_timers_begin_anew),
		cmocka_unit_test(a_case_without_a_reply_goes_back),
		cmocka_unit_test(a_clock_that_is_set_takes_nothing_from_anybody),
		cmocka_unit_test(who_goes_away_and_stays_away_has_given_up),
		cmocka_unit_test(agents_see_their_queues_and_supervisors_all),
		cmocka_unit_test(what_leaves_somebodys_sight_is_gone_for_him),
		cmocka_unit_test(a_reload_changes_what_people_see),
		cmocka_unit_test(a_long_list_comes_in_pages_that_are_asked_for),
		cmocka_unit_test(ranks_are_told_a_few_at_a_time_and_all_in_the_end),
		cmocka_unit_test(who_waits_is_told_the_place_when_it_changes),
		cmocka_unit_test(no_wait_is_named_before_five_claims_say_something),
		cmocka_unit_test(outside_of_its_hours_a_queue_says_when_it_opens),
		cmocka_unit_test(an_outage_is_one_line_of_the_overview),
		cmocka_unit_test(two_thousand_cases_and_fifty_agents_cost_microseconds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
