/* SPDX-License-Identifier: Apache-2.0 */

/* What retriever-acme promises. */
#include "test.h"

#define CONFIG                                                                   \
	"{\"passages\":["                                                        \
	"{\"id\":\"delivery\",\"title\":\"Delivery\",\"uri\":\"help/delivery\"," \
	"\"text\":\"A delivery takes two days.\"},"                              \
	"{\"id\":\"returns\",\"title\":\"Returns\",\"uri\":\"help/returns\","    \
	"\"text\":\"Send it back in 30 days; the delivery is free.\"}]}"

static const baton_heard *search(struct rig *rig, const char *text, uint32_t k)
{
	baton_turn turn = { .size = sizeof(turn) };
	baton_query query = { .size = sizeof(query), .k = k, .turn = &turn };
	baton_call call;

	query.text = (baton_str){ text, strlen(text) };
	if (baton_testhost_search(rig->host, rig->inst, &query, &call) != BATON_OK)
		rig->failed = "search() refused";
	baton_testhost_run(rig->host, call, 1000);
	return baton_testhost_heard(rig->host, call);
}

static bool doc_is(const baton_heard *heard, uint32_t i, const char *id)
{
	return i < heard->n_docs && heard->docs[i].id.n == strlen(id) &&
	       memcmp(heard->docs[i].id.p, id, strlen(id)) == 0;
}

static void the_best_comes_first(struct rig *rig)
{
	const baton_heard *heard = search(rig, "How is the delivery of returns?", 5);

	CHECK(heard->ended && heard->n_docs == 2 && doc_is(heard, 0, "returns"));
	CHECK(heard->n_docs == 2 && heard->docs[0].score_ppm > heard->docs[1].score_ppm);
}

static void no_more_than_asked_for(struct rig *rig)
{
	CHECK(search(rig, "DELIVERY", 1)->n_docs == 1);
}

static void the_title_counts_too(struct rig *rig)
{
	CHECK(doc_is(search(rig, "returns", 5), 0, "returns"));
}

static void nothing_found_is_an_answer_too(struct rig *rig)
{
	const baton_heard *heard = search(rig, "quantum physics", 5);

	CHECK(heard->ended && !heard->failed && heard->n_docs == 0 && heard->n_results == 1);
	CHECK(search(rig, "", 5)->ended);
}

int main(int argc, char **argv)
{
	const char *file = argc > 1 ? argv[1] : "build/release/retriever-acme.so";

#define TEST(name) test(file, CONFIG, #name, name)
	TEST(the_best_comes_first);
	TEST(no_more_than_asked_for);
	TEST(the_title_counts_too);
	TEST(nothing_found_is_an_answer_too);
	return tests_failed > 0;
}
