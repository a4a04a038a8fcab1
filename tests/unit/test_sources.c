/* SPDX-License-Identifier: Apache-2.0 */

/* What a run makes of what was found: who is shown it, what is on record, what is past its date. */

#include "tests/unit/turn_bench.h"

#include "core/turn/inside.h"

static const char *const for_agents[] = { "desk-notes", "goodwill" };

static const baton_doc docs[] = {
	{ .id = { "goodwill", 8 }, .snippet = { "Up to 20 pounds.", 16 }, .score_ppm = 900000 },
	{ .id = { "returns", 7 },
	  .title = { "Returns", 7 },
	  .snippet = { "## How to send it back\n\nPrint the label.", 40 },
	  .version = { "2025-03-01", 10 },
	  .score_ppm = 800000,
	  .flags = BATON_DOC_STALE,
	  .updated_unix_ms = 1740787200000 },
	{ .id = { "returns", 7 },
	  .snippet = { "Thirty days.", 12 },
	  .score_ppm = 700000,
	  .flags = BATON_DOC_STALE },
	{ .id = { "shipping", 8 }, .snippet = { "Two days.", 9 }, .score_ppm = 600000 },
};

static int open_with_agents(void **state)
{
	int rc = open_bench(state);
	struct bench *bench = *state;

	bench->policy.agents_only = (const char **)(uintptr_t)for_agents;
	bench->policy.n_agents_only = 2;
	return rc;
}

/* To the provider, with `n` of the docs found. */
static void find(struct bench *bench, uint32_t n)
{
	baton_intent found = { .name = BATON_STR("shipping"), .confidence_ppm = 900000 };

	baton_run_go(bench->run);
	baton_run_heard_intents(bench->run, &(baton_intents){ .n = 1, .v = &found });
	hear_end(bench);
	baton_run_heard_docs(bench->run, docs, n);
	hear_end(bench);
}

static void cite(struct bench *bench, const char *json)
{
	baton_run_heard_delta(bench->run, BATON_DELTA_CITATION, baton_str_of(json));
}

static void an_article_for_agents_reaches_no_customer(void **state)
{
	struct bench *bench = *state;

	find(bench, 4);
	assert_string_equal(bench->filter, "{\"audience\":\"customers\"}");
	assert_int_equal(bench->run->n_docs, 3);
	for (uint32_t i = 0; i < 3; i++)
		assert_false(baton_str_is(bench->run->docs[i].id, "goodwill"));
	/* Nor is it what the answer is measured by. */
	hear_text(bench, "Today.");
	hear_end(bench);
	assert_int_equal(bench->facts[1].answer_ppm, 800000);
	assert_int_equal(bench->unfiltered, 0);
}

static void a_retriever_without_filters_is_asked_without_one(void **state)
{
	struct bench *bench = *state;

	bench->no_filters = true;
	find(bench, 4);
	assert_int_equal(bench->unfiltered, 1);
	assert_int_equal(bench->run->n_docs, 3);
	hear_text(bench, "Today.");
	hear_end(bench);
	assert_string_equal(bench->answer, "Today.");
}

static void nothing_is_filtered_where_there_is_nothing_to_leave_out(void **state)
{
	struct bench *bench = *state;

	bench->policy.n_agents_only = 0;
	find(bench, 4);
	assert_string_equal(bench->filter, "");
	assert_int_equal(bench->run->n_docs, 4);
}

static void ids_are_compared_whole(void **state)
{
	struct bench *bench = *state;

	assert_true(baton_policy_agents_only(&bench->policy, BATON_STR("goodwill")));
	assert_true(baton_policy_agents_only(&bench->policy, BATON_STR("desk-notes")));
	assert_false(baton_policy_agents_only(&bench->policy, BATON_STR("goodwil")));
	assert_false(baton_policy_agents_only(&bench->policy, BATON_STR("goodwills")));
	assert_false(baton_policy_agents_only(&bench->policy, BATON_STR("")));
	assert_false(baton_policy_agents_only(&bench->policy, BATON_STR("zzz")));
}

static void an_answer_that_cites_a_stale_article_says_so(void **state)
{
	struct bench *bench = *state;

	find(bench, 4);
	assert_int_equal(bench->facts[0].flags & BATON_FACT_STALE, 0);
	hear_text(bench, "Print the label.");
	cite(bench, "[{\"id\":\"returns\"},{\"id\":\"shipping\"}]");
	hear_end(bench);
	assert_true(bench->facts[1].flags & BATON_FACT_STALE);
	assert_int_equal(bench->stale, 1);
}

static void a_stale_article_that_is_not_cited_is_no_matter(void **state)
{
	struct bench *bench = *state;

	find(bench, 4);
	hear_text(bench, "Two days.");
	cite(bench, "[{\"id\":\"shipping\"}]");
	hear_end(bench);
	assert_int_equal(bench->facts[1].flags & BATON_FACT_STALE, 0);
	assert_int_equal(bench->stale, 0);
}

static void an_answer_without_citations_may_rest_on_all_it_was_shown(void **state)
{
	struct bench *bench = *state;

	find(bench, 4);
	hear_text(bench, "Two days.");
	hear_end(bench);
	/* Two passages of one article are one. */
	assert_int_equal(bench->stale, 1);
	assert_true(bench->facts[1].flags & BATON_FACT_STALE);
}

static void citations_that_are_no_list_or_unknown_are_no_stale_source(void **state)
{
	struct bench *bench = *state;

	find(bench, 4);
	hear_text(bench, "Two days.");
	cite(bench, "[{\"id\":7},{},\"returns\",{\"id\":\"elsewhere\"}]");
	hear_end(bench);
	assert_int_equal(bench->stale, 0);
}

static void what_is_not_known_rests_on_nothing(void **state)
{
	struct bench *bench = *state;

	find(bench, 4);
	baton_run_heard_delta(bench->run, BATON_DELTA_UNKNOWN, BATON_STR(""));
	hear_text(bench, "I do not know.");
	hear_end(bench);
	assert_int_equal(bench->facts[1].flags & BATON_FACT_STALE, 0);
}

static void the_record_names_passage_date_and_age(void **state)
{
	struct bench *bench = *state;

	find(bench, 4);
	baton_str json = run_docs_json(bench->run);
	assert_non_null(strstr(json.p, "{\"id\":\"returns\",\"passage\":\"how-to-send-it-back\","));
	assert_non_null(strstr(json.p,
			       "\"version\":\"2025-03-01\",\"updated_unix_ms\":1740787200000,"
			       "\"stale\":true,\"score_ppm\":800000}"));
	assert_non_null(strstr(json.p, "{\"id\":\"shipping\",\"title\":\"\",\"uri\":\"\","
				       "\"version\":\"\",\"score_ppm\":600000}"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(F) cmocka_unit_test_setup_teardown(F, open_with_agents, close_bench)
		TEST(an_article_for_agents_reaches_no_customer),
		TEST(a_retriever_without_filters_is_asked_without_one),
		TEST(nothing_is_filtered_where_there_is_nothing_to_leave_out),
		TEST(ids_are_compared_whole),
		TEST(an_answer_that_cites_a_stale_article_says_so),
		TEST(a_stale_article_that_is_not_cited_is_no_matter),
		TEST(an_answer_without_citations_may_rest_on_all_it_was_shown),
		TEST(citations_that_are_no_list_or_unknown_are_no_stale_source),
		TEST(what_is_not_known_rests_on_nothing),
		TEST(the_record_names_passage_date_and_age),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
