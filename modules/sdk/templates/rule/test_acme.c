/* SPDX-License-Identifier: Apache-2.0 */

/* What rule-acme promises. */
#include "test.h"

#define CONFIG "{\"answers\":2,\"queue\":\"general\"}"

static baton_verdict verdict(struct rig *rig, uint32_t answers, uint32_t flags, uint32_t stage)
{
	baton_facts facts = {
		.size = sizeof(facts), .flags = flags, .exchanges = answers, .stage = stage
	};
	baton_verdict verdict = { .size = sizeof(verdict) };

	if (baton_testhost_evaluate(rig->host, rig->inst, &facts, &verdict) != BATON_OK)
		rig->failed = "evaluate() failed";
	return verdict;
}

static void one_answer_is_no_reason(struct rig *rig)
{
	CHECK(verdict(rig, 1, 0, BATON_STAGE_BEFORE).action == BATON_ACT_NONE);
}

static void after_the_second_a_person_takes_over(struct rig *rig)
{
	baton_verdict v = verdict(rig, 2, 0, BATON_STAGE_BEFORE);

	CHECK(v.action == BATON_ACT_ESCALATE && strcmp(v.rule, "acme-long-talk") == 0);
	CHECK(v.queue && strcmp(v.queue, "general") == 0 && v.reason);
}

static void it_speaks_once_and_never_to_a_person(struct rig *rig)
{
	CHECK(verdict(rig, 9, 0, BATON_STAGE_AFTER).action == BATON_ACT_NONE);
	CHECK(verdict(rig, 9, BATON_FACT_HUMAN_ACTIVE, BATON_STAGE_BEFORE).action ==
	      BATON_ACT_NONE);
}

static void facts_of_an_older_server_are_enough(struct rig *rig)
{
	baton_facts facts = { .size = offsetof(baton_facts, stage),
			      .exchanges = 5,
			      .stage =
				      BATON_STAGE_AFTER /* not there for whoever looks at size */ };
	baton_verdict v = { .size = sizeof(v) };

	CHECK(baton_testhost_evaluate(rig->host, rig->inst, &facts, &v) == BATON_OK);
	CHECK(v.action == BATON_ACT_ESCALATE);
}

int main(int argc, char **argv)
{
	const char *file = argc > 1 ? argv[1] : "build/release/rule-acme.so";

#define TEST(name) test(file, CONFIG, #name, name)
	TEST(one_answer_is_no_reason);
	TEST(after_the_second_a_person_takes_over);
	TEST(it_speaks_once_and_never_to_a_person);
	TEST(facts_of_an_older_server_are_enough);
	return tests_failed > 0;
}
