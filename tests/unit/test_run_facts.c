/* SPDX-License-Identifier: Apache-2.0 */

/* What rules are asked with: each named trigger, followed from what happened in the conversation
 * through a turn to the fact that a condition sees. And what becomes of their verdicts. */

#include "tests/unit/turn_bench.h"

#include "core/base/json.h"
#include "core/policy/expr.h"
#include "core/policy/topics.h"

/* Facts as conditions see them. */
static bool holds(const baton_facts *facts, const char *condition)
{
	baton_expr *expr = NULL;
	char why[128];
	uint32_t column;

	assert_int_equal(
		baton_expr_compile(baton_str_of(condition), &expr, why, sizeof(why), &column), 0);
	int32_t said = baton_expr_test(expr, facts);
	baton_expr_free(expr);
	assert_in_range(said, 0, 1);
	return said == 1;
}

#define HOLDS(condition) assert_true(holds(&bench->facts[BATON_STAGE_BEFORE], condition))
#define HOLDS_AFTER(condition) assert_true(holds(&bench->facts[BATON_STAGE_AFTER], condition))

static void happens(struct bench *bench, struct baton_event event)
{
	event.seq = bench->session.seq + 1;
	baton_session_apply(&bench->session, &event);
}

static void says(struct bench *bench, const char *text, uint64_t unix_ms)
{
	struct baton_event event = { .type = BATON_EV_MESSAGE_RECEIVED, .unix_ms = unix_ms };
	char id[16];

	snprintf(id, sizeof(id), "m-%llu", (unsigned long long)bench->session.seq);
	event.message_received.client_id = baton_str_of(id);
	event.message_received.text = baton_str_of(text);
	happens(bench, event);
}

/* A turn over what the session is now. */
static void begin(struct bench *bench)
{
	bench->emitted[0] = bench->said[0] = bench->offered[0] = '\0';
	baton_run_free(&bench->run);
	bench->run = baton_run_new(&(struct baton_run_start){ .ops = &bench_ops,
							      .ud = bench,
							      .session = &bench->session,
							      .policy = &bench->policy });
}

static void answer(struct bench *bench)
{
	hear_text(bench, "It left today.");
	hear_end(bench);
	assert_true(bench->run->done);
}

static void answered(struct bench *bench)
{
	struct baton_event event = { .type = BATON_EV_ANSWER_GENERATED };

	event.answer_generated.upto = bench->session.last_message;
	event.answer_generated.text = BATON_STR("It left today.");
	event.answer_generated.confidence_ppm = 900000;
	happens(bench, event);
}

/* --- topics --- */

static const char *security_words[] = { "hacked" }, *billing_words[] = { "charged twice" },
		  *legal_words[] = { "lawyer" }, *person_intents[] = { "shipping" };
static struct baton_topic_def topics[] = {
	{ .name = "security", .words = security_words, .n_words = 1 },
	{ .name = "billing", .words = billing_words, .n_words = 1 },
	{ .name = "legal", .words = legal_words, .n_words = 1 },
	{ .name = "person", .intents = person_intents, .n_intents = 1 },
	{ .name = "press", .words = legal_words, .n_words = 1 },
};

static int open_topics(void **state)
{
	int rc = open_bench(state);
	struct bench *bench = *state;

	bench->policy.topics = topics;
	bench->policy.n_topics = 5;
	baton_topics_compile(&bench->policy);
	return rc;
}

static int close_topics(void **state)
{
	struct bench *bench = *state;
	struct baton_arena words = bench->policy.arena;
	int rc = close_bench(state);

	baton_arena_done(&words);
	return rc;
}

static void words_of_a_topic_are_a_fact_without_a_classifier(void **state)
{
	struct bench *bench = *state;

	says(bench, "I was hacked, and CHARGED TWICE", 10);
	begin(bench);
	bench->no_classifier = BATON_E_NOTFOUND;
	baton_run_go(bench->run);
	HOLDS("security && billing && !legal && !asked_human");
	HOLDS("tags == [\"security\", \"billing\"]");
}

static void an_earlier_message_that_is_open_counts_and_an_answered_one_does_not(void **state)
{
	struct bench *bench = *state;

	says(bench, "I was hacked", 10);
	says(bench, "hello?", 11);
	begin(bench);
	ask(bench, "none", 0);
	HOLDS("security");
	answered(bench);
	says(bench, "thanks", 12);
	begin(bench);
	ask(bench, "none", 0);
	HOLDS("!security && size(tags) == 0");
}

static void an_intent_can_be_of_a_topic_and_a_person_is_asked_for(void **state)
{
	struct bench *bench = *state;

	begin(bench);
	ask(bench, "shipping", 900000);
	HOLDS("asked_human && \"person\" in tags");
	begin(bench);
	ask(bench, "shipping", 100000); /* not understood */
	HOLDS("!asked_human");
}

static void labels_of_agents_stand_beside_topics(void **state)
{
	struct bench *bench = *state;
	struct baton_event tagged = { .type = BATON_EV_CASE_TAGGED };

	tagged.case_tagged.client_id = BATON_STR("t");
	tagged.case_tagged.tags = BATON_STR("[\"order-17\",\"late \\u00e9\"]");
	happens(bench, tagged);
	says(bench, "my lawyer will write", 10);
	begin(bench);
	ask(bench, "none", 0);
	HOLDS("legal && tags == [\"legal\", \"press\", \"order-17\", \"late \u00e9\"]");
}

/* --- the conversation --- */

static void who_they_are_is_a_fact(void **state)
{
	struct bench *bench = *state;
	struct baton_event failed = { .type = BATON_EV_AUTHENTICATION_FAILED },
			   verified = { .type = BATON_EV_IDENTITY_VERIFIED };

	failed.authentication_failed.reason = BATON_STR("expired");
	happens(bench, failed);
	happens(bench, failed);
	happens(bench, failed);
	begin(bench);
	ask(bench, "shipping", 900000);
	HOLDS("auth_failures == 3 && !verified && customer_tier == \"\"");
	verified.identity_verified.customer = BATON_STR("c-17");
	verified.identity_verified.customer_tier = BATON_STR("vip");
	happens(bench, verified);
	begin(bench);
	ask(bench, "shipping", 900000);
	HOLDS("verified && customer_tier == \"vip\"");
}

static void look_ups_that_failed_are_counted(void **state)
{
	struct bench *bench = *state;
	struct baton_event failed = { .type = BATON_EV_SOURCES_RETRIEVED };

	failed.sources_retrieved.failed = BATON_STR("timeout");
	happens(bench, failed);
	begin(bench);
	baton_run_go(bench->run);
	baton_intent found = { .name = BATON_STR("shipping"), .confidence_ppm = 900000 };
	baton_run_heard_intents(bench->run, &(baton_intents){ .n = 1, .v = &found });
	hear_end(bench);
	HOLDS("tool_errors == 1");
	pass_ms(bench, 1001); /* the search does not come back */
	answer(bench);
	HOLDS_AFTER("tool_errors == 2"); /* this turn's own is not on record yet, and counts */
}

static void coming_back_is_counted(void **state)
{
	struct bench *bench = *state;

	for (unsigned i = 0; i < 2; i++) {
		happens(bench, (struct baton_event){ .type = BATON_EV_SESSION_RESOLVED });
		says(bench, "again", 10 + i);
	}
	begin(bench);
	ask(bench, "shipping", 900000);
	HOLDS("reopen_count == 2 && !claimed_before");
}

static void a_person_before_is_a_fact_and_the_counters_begin_anew(void **state)
{
	struct bench *bench = *state;
	struct baton_event claimed = { .type = BATON_EV_CASE_CLAIMED, .unix_ms = 20 },
			   back = { .type = BATON_EV_HANDBACK_APPROVED, .unix_ms = 30 };

	answered(bench);
	says(bench, "and?", 15);
	claimed.case_claimed.epoch = 1;
	claimed.case_claimed.agent = BATON_STR("nina");
	happens(bench, claimed);
	back.handback_approved.epoch = 2;
	happens(bench, back);
	begin(bench);
	assert_int_equal(bench->run->turn, 5); /* nobody had replied to it: the bot does */
	ask(bench, "shipping", 900000);
	HOLDS("claimed_before && exchanges == 0 && low_confidence_streak == 0");
}

static void the_time_between_messages_is_a_fact(void **state)
{
	struct bench *bench = *state;

	begin(bench);
	ask(bench, "shipping", 900000);
	HOLDS("idle_ms == 0"); /* the first */
	says(bench, "hello?", 600005);
	begin(bench);
	ask(bench, "shipping", 900000);
	HOLDS("idle == duration(\"10m\")");
}

static void the_route_says_class_and_tier_and_the_classifier_the_language(void **state)
{
	struct bench *bench = *state;
	baton_intent found = { .name = BATON_STR("shipping"), .confidence_ppm = 900000 };

	bench->routes[1].tier = BATON_TIER_REVIEWED;
	begin(bench);
	baton_run_go(bench->run);
	baton_run_heard_intents(
		bench->run, &(baton_intents){ .n = 1, .v = &found, .language = BATON_STR("de") });
	hear_end(bench);
	HOLDS("class == \"any\" && tier == 2 && language == \"de\"");
}

/* --- the promise --- */

static struct baton_queue_def queue = { .name = "general", .first_reply_ms = 60000 };
static struct baton_customer_tier_def vip = { .name = "vip", .first_reply_ms = 20000 };

static void ask_after(struct bench *bench, uint64_t waited_ms)
{
	struct baton_now now = bench_now(bench);

	bench->session.first_unanswered_ms = now.unix_ms - waited_ms;
	begin(bench);
	ask(bench, "shipping", 900000);
}

static void the_promise_runs_from_the_first_message_without_a_reply(void **state)
{
	struct bench *bench = *state;

	bench->policy.queues = &queue;
	bench->policy.n_queues = 1;
	ask_after(bench, 20000);
	HOLDS("sla_left == duration(\"40s\") && !sla_breached");
	ask_after(bench, 60001);
	HOLDS("sla_left_ms == 0 && sla_breached");
	bench->policy.desk.tiers = &vip;
	bench->policy.desk.n_tiers = 1;
	struct baton_event verified = { .type = BATON_EV_IDENTITY_VERIFIED };
	verified.identity_verified.customer = BATON_STR("c-17");
	verified.identity_verified.customer_tier = BATON_STR("vip");
	happens(bench, verified);
	ask_after(bench, 15000);
	HOLDS("sla_left == duration(\"5s\")");
}

static void without_a_promise_there_is_no_end_of_time(void **state)
{
	struct bench *bench = *state;

	ask_after(bench, 100000000);
	HOLDS("sla_left > duration(\"1000h\") && !sla_breached");
}

/* --- verdicts --- */

static void verdict(struct bench *bench, uint32_t stage, uint32_t action, uint32_t flags)
{
	bench->verdict[stage] = (baton_verdict){ .action = action,
						 .priority = 2,
						 .flags = flags,
						 .rule = "some-rule",
						 .reason = "because",
						 .queue = "billing" };
}

static void a_verdict_carries_its_tier(void **state)
{
	struct bench *bench = *state;

	verdict(bench, BATON_STAGE_BEFORE, BATON_ACT_ESCALATE, 0);
	bench->routes[1].tier = BATON_TIER_REVIEWED;
	begin(bench);
	ask(bench, "shipping", 900000);
	assert_string_equal(bench->why, "some-rule");
	assert_int_equal(bench->tier, 2);
	assert_false(bench->reversible);
	assert_string_equal(bench->resumes, "");
}

static void a_reversible_rule_waits_for_targets_if_one_had_failed(void **state)
{
	struct bench *bench = *state;

	verdict(bench, BATON_STAGE_AFTER, BATON_ACT_ESCALATE, BATON_VERDICT_REVERSIBLE);
	begin(bench);
	ask(bench, "shipping", 900000);
	hear_fail(bench, BATON_FAIL_UNAVAILABLE, "503");
	pass_ms(bench, 3000);
	hear_text(bench, "Perhaps today.");
	hear_end(bench);
	assert_string_equal(bench->why, "some-rule");
	assert_true(bench->reversible);
	assert_string_equal(bench->resumes, "targets");
}

static void a_reversible_rule_without_a_failure_waits_for_a_person(void **state)
{
	struct bench *bench = *state;

	verdict(bench, BATON_STAGE_AFTER, BATON_ACT_ESCALATE, BATON_VERDICT_REVERSIBLE);
	begin(bench);
	ask(bench, "shipping", 900000);
	answer(bench);
	assert_true(bench->reversible);
	assert_string_equal(bench->resumes, "");
}

static void a_person_is_offered_behind_the_answer(void **state)
{
	struct bench *bench = *state;

	bench->policy.say_offer_human = "Would you rather talk to a person?";
	verdict(bench, BATON_STAGE_BEFORE, BATON_ACT_OFFER_HUMAN, 0);
	begin(bench);
	ask(bench, "shipping", 900000);
	answer(bench);
	assert_non_null(strstr(bench->emitted, "answer_generated human_offered"));
	assert_string_equal(bench->offered, "Would you rather talk to a person?");
	bench->policy.say_offer_human = "";
	begin(bench);
	ask(bench, "shipping", 900000);
	answer(bench);
	assert_true(strlen(bench->offered) > 10); /* words of our own */
}

static void an_offer_is_made_once_in_three_exchanges(void **state)
{
	struct bench *bench = *state;
	unsigned offers = 0;

	verdict(bench, BATON_STAGE_AFTER, BATON_ACT_OFFER_HUMAN, 0);
	for (unsigned i = 0; i < 7; i++) {
		begin(bench);
		ask(bench, "shipping", 900000);
		answer(bench);
		answered(bench);
		if (strstr(bench->emitted, "human_offered")) {
			struct baton_event offered = { .type = BATON_EV_HUMAN_OFFERED };

			happens(bench, offered);
			assert_int_equal(i % 3, 0);
			offers++;
		}
		says(bench, "and?", 100 + i);
	}
	assert_int_equal(offers, 3);
}

static void a_draft_is_no_occasion_for_an_offer(void **state)
{
	struct bench *bench = *state;

	verdict(bench, BATON_STAGE_BEFORE, BATON_ACT_OFFER_HUMAN, 0);
	bench->routes[1].tier = BATON_TIER_REVIEWED;
	begin(bench);
	ask(bench, "shipping", 900000);
	answer(bench);
	assert_null(strstr(bench->emitted, "human_offered"));
}

/* --- what a person leaves behind --- */

static void the_classifier_hears_nothing_of_what_led_to_a_person(void **state)
{
	struct bench *bench = *state;
	struct baton_event back = { .type = BATON_EV_HANDBACK_APPROVED };

	struct baton_event queued = { .type = BATON_EV_CASE_QUEUED };
	struct baton_event claimed = { .type = BATON_EV_CASE_CLAIMED };

	answered(bench);
	says(bench, "talk to a human", 10);
	queued.case_queued.epoch = 1;
	queued.case_queued.upto = bench->session.last_message;
	happens(bench, queued);
	claimed.case_claimed.epoch = 2;
	claimed.case_claimed.agent = BATON_STR("nina");
	happens(bench, claimed);
	back.handback_approved.epoch = 3;
	happens(bench, back);
	says(bench, "where is my parcel?", 20);
	begin(bench);
	baton_run_go(bench->run);
	assert_string_equal(bench->classified, "where is my parcel?");
}

#define FACTS(test) cmocka_unit_test_setup_teardown(test, open_bench, close_bench)
#define TOPICS(test) cmocka_unit_test_setup_teardown(test, open_topics, close_topics)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TOPICS(words_of_a_topic_are_a_fact_without_a_classifier),
		TOPICS(an_earlier_message_that_is_open_counts_and_an_answered_one_does_not),
		TOPICS(an_intent_can_be_of_a_topic_and_a_person_is_asked_for),
		TOPICS(labels_of_agents_stand_beside_topics),
		FACTS(who_they_are_is_a_fact),
		FACTS(look_ups_that_failed_are_counted),
		FACTS(coming_back_is_counted),
		FACTS(a_person_before_is_a_fact_and_the_counters_begin_anew),
		FACTS(the_time_between_messages_is_a_fact),
		FACTS(the_route_says_class_and_tier_and_the_classifier_the_language),
		FACTS(the_promise_runs_from_the_first_message_without_a_reply),
		FACTS(without_a_promise_there_is_no_end_of_time),
		FACTS(a_verdict_carries_its_tier),
		FACTS(a_reversible_rule_waits_for_targets_if_one_had_failed),
		FACTS(a_reversible_rule_without_a_failure_waits_for_a_person),
		FACTS(a_person_is_offered_behind_the_answer),
		FACTS(an_offer_is_made_once_in_three_exchanges),
		FACTS(a_draft_is_no_occasion_for_an_offer),
		FACTS(the_classifier_hears_nothing_of_what_led_to_a_person),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
