/* SPDX-License-Identifier: Apache-2.0 */

/* What classifier-acme promises. */
#include "test.h"

#define CONFIG                                                                              \
	"{\"intents\":[{\"name\":\"refund-policy\",\"words\":[\"refund\",\"money back\"]}," \
	"{\"name\":\"order-status\",\"words\":[\"order\",\"Parcel\"]}]}"

static const baton_heard *classify(struct rig *rig, const char *text)
{
	baton_msg msgs[] = { { .role = BATON_ROLE_CUSTOMER }, { .role = BATON_ROLE_BOT } };
	baton_turn turn = { .size = sizeof(turn), .msgs = msgs, .n_msgs = 2 };
	baton_call call;

	msgs[0].text = (baton_str){ text, strlen(text) };
	msgs[1].text = (baton_str){ "refund", 6 }; /* what others said is no wish of the customer */
	if (baton_testhost_classify(rig->host, rig->inst, &turn, &call) != BATON_OK)
		rig->failed = "classify() refused";
	return baton_testhost_heard(rig->host, call);
}

static bool first_is(const baton_heard *heard, const char *name)
{
	return heard->n_intents > 0 && heard->intents[0].name.n == strlen(name) &&
	       memcmp(heard->intents[0].name.p, name, strlen(name)) == 0;
}

static void words_name_the_intent(struct rig *rig)
{
	const baton_heard *heard = classify(rig, "I want my MONEY BACK!");

	CHECK(first_is(heard, "refund-policy") && heard->intents[0].confidence_ppm == 650000);
	heard = classify(rig, "where is the parcel");
	CHECK(first_is(heard, "order-status"));
}

static void more_words_make_it_surer(struct rig *rig)
{
	const baton_heard *heard = classify(rig, "refund: money back");

	CHECK(first_is(heard, "refund-policy") && heard->intents[0].confidence_ppm == 770000);
}

static void parts_of_words_do_not_count(struct rig *rig)
{
	CHECK(classify(rig, "refunded, prerefund and disorder")->n_intents == 0);
	CHECK(classify(rig, "")->n_intents == 0);
}

static void two_that_fit_alike_are_both_unsure(struct rig *rig)
{
	const baton_heard *heard = classify(rig, "a refund for my order");

	CHECK(heard->n_intents == 2 && heard->intents[0].confidence_ppm == 325000);
	CHECK(heard->n_intents == 2 && heard->intents[1].confidence_ppm == 325000);
}

static void it_says_which_intents_it_knows(struct rig *rig)
{
	const baton_classifier *vt = baton_testhost_vt(rig->host);
	baton_str json;

	CHECK(baton_testhost_read_sink(rig->host, vt->labels, rig->inst, &json) == BATON_OK);
	CHECK(strcmp(json.p, "[\"refund-policy\",\"order-status\"]") == 0);
}

int main(int argc, char **argv)
{
	const char *file = argc > 1 ? argv[1] : "build/release/classifier-acme.so";

#define TEST(name) test(file, CONFIG, #name, name)
	TEST(words_name_the_intent);
	TEST(more_words_make_it_surer);
	TEST(parts_of_words_do_not_count);
	TEST(two_that_fit_alike_are_both_unsure);
	TEST(it_says_which_intents_it_knows);
	return tests_failed > 0;
}
