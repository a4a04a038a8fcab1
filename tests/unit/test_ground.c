/* SPDX-License-Identifier: Apache-2.0 */

/* Sources: what an answer cites is compared with what was found, and an answer whose sources do not
 * hold is not sent. */

#include "tests/unit/talk_bench.h"

static void ground(struct talk *talk, enum baton_grounding grounding)
{
	talk->bench.routes[1].grounding = grounding;
}

static void hear(struct talk *talk, const char *text)
{
	hear_text(&talk->bench, text);
}

static void citations_are_taken_out_and_become_sources(void **state)
{
	struct talk *talk = *state;

	talk_ask(talk);
	hear(talk, "Thirty days [[ret");
	hear(talk, "urns]]. No fee [[fees#2]] [[returns#1]].");
	assert_string_equal(talk->bench.said, "Thirty days. No fee.");
	hear_end(&talk->bench);
	assert_string_equal(talk->bench.answer, "Thirty days. No fee.");
	assert_string_equal(
		talk->sources,
		"[{\"id\":\"returns\",\"title\":\"Returns\",\"uri\":\"/r\",\"version\":\"2026-01-02\"},"
		"{\"id\":\"fees\",\"title\":\"Fees\",\"uri\":\"/f\",\"version\":\"2020-01-01\"}]");
	assert_string_equal(talk->hit, "");
	assert_true(talk->bench.facts[1].flags & BATON_FACT_STALE);
	assert_int_equal(talk->bench.facts[1].flags & (BATON_FACT_UNGROUNDED |
						       BATON_FACT_POLICY_HIT | BATON_FACT_UNKNOWN),
			 0);
}

static void a_source_that_was_not_found_is_caught(void **state)
{
	struct talk *talk = *state;

	talk_ask(talk);
	hear(talk, "Thirty days [[returns]]. ");
	hear(talk, "Sixty for you [[vip-returns]]. And more.");
	/* From the mark on nothing is shown. */
	assert_string_equal(talk->bench.said, "Thirty days.");
	hear_end(&talk->bench);
	assert_string_equal(talk->bench.answer, "");
	assert_string_equal(talk->hit, "core ungrounded block main [vip-returns]");
	assert_string_equal(talk->bench.why, "core.guard_blocked");
	assert_true(talk->bench.facts[1].flags & BATON_FACT_UNGROUNDED);
	assert_true(talk->bench.facts[1].flags & BATON_FACT_POLICY_HIT);
	assert_true(baton_str_is(talk->bench.facts[1].guard_rule, "core.ungrounded"));
	assert_non_null(strstr(talk->bench.emitted, "guard_hit policy_decided answer_superseded "
						    "escalation_triggered"));
}

static void rules_may_make_a_draft_of_it(void **state)
{
	struct talk *talk = *state;

	talk->bench.verdict[BATON_STAGE_AFTER] = (baton_verdict){
		.action = BATON_ACT_REVIEW, .rule = "against-policy", .reason = "x", .queue = ""
	};
	talk_ask(talk);
	hear(talk, "Sixty [[elsewhere]]. All of it.");
	hear_end(&talk->bench);
	assert_string_equal(talk->bench.answer, "");
	assert_string_equal(talk->bench.told, "Sixty. All of it.");
	assert_string_equal(talk->sources, ""); /* nothing that was found */
	assert_non_null(strstr(talk->bench.emitted, "draft_proposed"));
}

static void an_offer_of_a_person_does_not_let_it_pass(void **state)
{
	struct talk *talk = *state;

	talk->bench.verdict[BATON_STAGE_AFTER] = (baton_verdict){
		.action = BATON_ACT_OFFER_HUMAN, .rule = "weak", .reason = "x", .queue = ""
	};
	talk_ask(talk);
	hear(talk, "Sixty [[elsewhere]].");
	hear_end(&talk->bench);
	assert_string_equal(talk->bench.answer, "");
	assert_string_equal(talk->bench.why, "core.guard_blocked");
}

static void where_sources_are_required_an_answer_without_any_is_caught(void **state)
{
	struct talk *talk = *state;

	ground(talk, BATON_GROUNDING_REQUIRED);
	talk_ask(talk);
	hear(talk, "Thirty days, I think.");
	hear_end(&talk->bench);
	assert_string_equal(talk->bench.answer, "");
	assert_string_equal(talk->hit, "core ungrounded block main []");
}

static void where_they_are_not_it_passes(void **state)
{
	struct talk *talk = *state;

	talk_ask(talk);
	hear(talk, "You are welcome.");
	hear_end(&talk->bench);
	assert_string_equal(talk->bench.answer, "You are welcome.");
	assert_string_equal(talk->sources, "");
	assert_string_equal(talk->hit, "");
}

static void where_nobody_looks_marks_are_taken_out_all_the_same(void **state)
{
	struct talk *talk = *state;

	ground(talk, BATON_GROUNDING_OFF);
	talk_ask(talk);
	hear(talk, "Sixty [[elsewhere]] or thirty[[returns]].");
	hear_end(&talk->bench);
	assert_string_equal(talk->bench.answer, "Sixty  or thirty.");
	assert_non_null(strstr(talk->sources, "\"id\":\"returns\""));
	assert_string_equal(talk->hit, "");
}

static void a_provider_that_names_its_sources_is_checked_alike(void **state)
{
	struct talk *talk = *state;

	talk_ask(talk);
	hear(talk, "Thirty days.");
	baton_run_heard_delta(
		talk->bench.run, BATON_DELTA_CITATION,
		BATON_STR("[{\"id\":\"returns\",\"title\":\"Ours\",\"uri\":\"http://evil\"}]"));
	hear_end(&talk->bench);
	assert_string_equal(talk->bench.answer, "Thirty days.");
	/* Its title and address are those of the article, whatever a provider says. */
	assert_string_equal(talk->sources,
			    "[{\"id\":\"returns\",\"title\":\"Returns\",\"uri\":\"/r\","
			    "\"version\":\"2026-01-02\"}]");
}

static void citations_that_are_none_are_caught(void **state)
{
	static const char *const bad[] = { "nonsense",     "{}", "[{\"title\":\"x\"}]",
					   "[7]",          "",   "[{\"id\":\"nowhere\"}]",
					   "[\"nowhere\"]" };
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		void *opened;
		(void)open_talk(&opened);
		struct talk *talk = opened;

		talk_ask(talk);
		hear(talk, "Thirty days.");
		baton_run_heard_delta(talk->bench.run, BATON_DELTA_CITATION, baton_str_of(bad[i]));
		hear_end(&talk->bench);
		assert_string_equal(talk->bench.answer, "");
		assert_string_equal(talk->bench.why, "core.guard_blocked");
		(void)close_talk(&opened);
	}
	(void)state;
}

static void a_flood_of_sources_is_bounded(void **state)
{
	struct talk *talk = *state;

	talk_ask(talk);
	for (int i = 0; i < 2000; i++) {
		char mark[32];

		snprintf(mark, sizeof(mark), "a[[id-%d]]", i);
		hear(talk, mark);
	}
	assert_int_equal(talk->bench.run->n_cites, BATON_RUN_CITES_MAX);
	hear_end(&talk->bench);
	assert_string_equal(talk->bench.answer, "");
	assert_in_range(strlen(talk->hit), 50, 255);
}

static void the_result_of_a_tool_is_a_source_too(void **state)
{
	struct talk *talk = *state;

	ground(talk, BATON_GROUNDING_REQUIRED);
	talk_ask(talk);
	run_prompt_add(talk->bench.run, &(baton_msg){ .role = BATON_ROLE_TOOL,
						      .name = BATON_STR("order_status"),
						      .text = BATON_STR("{}") });
	hear(talk, "On its way [[order_status]].");
	hear_end(&talk->bench);
	assert_string_equal(talk->bench.answer, "On its way.");
}

/* --- it does not know --- */

static void who_does_not_know_says_so_and_that_is_an_answer(void **state)
{
	struct talk *talk = *state;

	ground(talk, BATON_GROUNDING_REQUIRED);
	talk_ask(talk);
	hear(talk, "[[unk");
	hear(talk, "nown]] I do not know that.");
	assert_string_equal(talk->bench.said, "I do not know that.");
	hear_end(&talk->bench);
	assert_string_equal(talk->bench.answer, "I do not know that.");
	assert_true(talk->unknown);
	assert_true(talk->bench.facts[1].flags & BATON_FACT_UNKNOWN);
	assert_int_equal(talk->bench.facts[1].flags & BATON_FACT_UNGROUNDED, 0);
}

static void who_says_nothing_else_leaves_it_to_a_person(void **state)
{
	struct talk *talk = *state;

	talk_ask(talk);
	hear(talk, " [[unknown]] \n");
	hear_end(&talk->bench);
	assert_string_equal(talk->bench.fails, "");
	assert_string_equal(talk->bench.why, "core.unknown");
}

/* --- attempts --- */

static void sources_of_a_failed_attempt_are_not_the_next_ones(void **state)
{
	struct talk *talk = *state;

	talk_ask(talk);
	hear(talk, "Sixty [[elsewhere]]. [[unknown]]");
	hear_fail(&talk->bench, BATON_FAIL_TRUNCATED, "truncated");
	assert_string_equal(talk->bench.asked, "classify retrieve main backup");
	hear(talk, "Thirty [[returns]].");
	hear_end(&talk->bench);
	assert_string_equal(talk->bench.answer, "Thirty.");
	assert_false(talk->unknown);
	assert_string_equal(talk->hit, "");
}

/* Cut in the middle of a mark, or behind a blank that might have had one behind it. */
static void what_is_gone_on_with_keeps_its_sources(void **state)
{
	struct talk *talk = *state;

	talk->bench.targets[1].can_continue = true;
	talk_ask(talk);
	hear(talk, "Thirty days [[returns]]. And ");
	assert_string_equal(talk->bench.said, "Thirty days. And");
	hear_fail(&talk->bench, BATON_FAIL_TRUNCATED, "truncated");
	hear(talk, "no fee [[fees]].");
	assert_string_equal(talk->bench.said, "Thirty days. And no fee.");
	hear_end(&talk->bench);
	assert_string_equal(talk->bench.answer, "Thirty days. And no fee.");
	assert_non_null(strstr(talk->sources, "returns"));
	assert_non_null(strstr(talk->sources, "fees"));
}

static void half_a_mark_is_not_gone_on_with(void **state)
{
	struct talk *talk = *state;

	talk->bench.targets[1].can_continue = true;
	talk_ask(talk);
	hear(talk, "Thirty days [[retu");
	hear_fail(&talk->bench, BATON_FAIL_TRUNCATED, "truncated");
	hear(talk, ", no fee.");
	hear_end(&talk->bench);
	assert_string_equal(talk->bench.answer, "Thirty days, no fee.");
}

/* What was cited behind the words that stand is forgotten; what is cited again is caught again. */
static void what_was_made_up_before_is_made_up_still(void **state)
{
	struct talk *talk = *state;

	talk->bench.targets[1].can_continue = true;
	talk_ask(talk);
	hear(talk, "Thirty days. ");
	hear(talk, "Sixty [[elsewhere]]. And ");
	hear_fail(&talk->bench, BATON_FAIL_TRUNCATED, "truncated");
	hear(talk, " Ninety [[elsewhere]], all of it.");
	assert_string_equal(talk->bench.said, "Thirty days.");
	hear_end(&talk->bench);
	assert_string_equal(talk->bench.answer, "");
	assert_string_equal(talk->hit, "core ungrounded block backup [elsewhere]");
}

static void a_whole_answer_is_not_shown_before_it_is_judged(void **state)
{
	struct talk *talk = *state;

	talk_ask(talk);
	baton_run_heard_whole(talk->bench.run, BATON_STR("Sixty [[elsewhere]], all [of"));
	assert_string_equal(talk->bench.said, "");
	hear_end(&talk->bench);
	assert_string_equal(talk->bench.said, "");
	assert_string_equal(talk->bench.why, "core.guard_blocked");
}

/* --- who quotes --- */

static void what_is_quoted_is_not_searched_for_marks(void **state)
{
	struct talk *talk = *state;

	talk->modules[0] = (struct baton_policy_module){ .name = "main",
							 .kind = "provider",
							 .knowledge = true };
	talk->bench.policy.modules = talk->modules;
	talk->bench.policy.n_modules = 1;
	talk_ask(talk);
	hear(talk, "See [[the wiki]].");
	baton_run_heard_delta(talk->bench.run, BATON_DELTA_CITATION,
			      BATON_STR("[{\"id\":\"returns\"}]"));
	hear_end(&talk->bench);
	assert_string_equal(talk->bench.answer, "See [[the wiki]].");
	assert_string_equal(talk->hit, "");
}

#define ON_TALK(test) cmocka_unit_test_setup_teardown(test, open_talk, close_talk)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_TALK(citations_are_taken_out_and_become_sources),
		ON_TALK(a_source_that_was_not_found_is_caught),
		ON_TALK(rules_may_make_a_draft_of_it),
		ON_TALK(an_offer_of_a_person_does_not_let_it_pass),
		ON_TALK(where_sources_are_required_an_answer_without_any_is_caught),
		ON_TALK(where_they_are_not_it_passes),
		ON_TALK(where_nobody_looks_marks_are_taken_out_all_the_same),
		ON_TALK(a_provider_that_names_its_sources_is_checked_alike),
		cmocka_unit_test(citations_that_are_none_are_caught),
		ON_TALK(a_flood_of_sources_is_bounded),
		ON_TALK(the_result_of_a_tool_is_a_source_too),
		ON_TALK(who_does_not_know_says_so_and_that_is_an_answer),
		ON_TALK(who_says_nothing_else_leaves_it_to_a_person),
		ON_TALK(sources_of_a_failed_attempt_are_not_the_next_ones),
		ON_TALK(what_is_gone_on_with_keeps_its_sources),
		ON_TALK(half_a_mark_is_not_gone_on_with),
		ON_TALK(what_was_made_up_before_is_made_up_still),
		ON_TALK(a_whole_answer_is_not_shown_before_it_is_judged),
		ON_TALK(what_is_quoted_is_not_searched_for_marks),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
