/* SPDX-License-Identifier: Apache-2.0 */

/* What guard-acme promises. */
#include "test.h"

#define CONFIG "{\"prefix\":\"ACM-\",\"digits\":6}"

static const baton_hits *look(struct rig *rig, const char *text)
{
	const baton_hits *hits = baton_testhost_look(rig->host, rig->inst, BATON_AT_CUSTOMER, text);
	static const baton_hits none;

	if (!hits)
		rig->failed = "inspect() failed";
	return hits ? hits : &none;
}

static void a_number_is_masked(struct rig *rig)
{
	const baton_hits *hits = look(rig, "I am ACM-123456, and my wife is ACM-654321.");

	CHECK(hits->n == 2);
	CHECK(hits->n == 2 && hits->v[0].begin == 5 && hits->v[0].end == 15);
	CHECK(hits->n == 2 && hits->v[1].action == BATON_GUARD_REDACT);
	CHECK(hits->n == 2 && strcmp(hits->v[1].type.p, "member_id") == 0);
}

static void what_only_looks_like_one_is_not(struct rig *rig)
{
	CHECK(look(rig, "ACM-12345 and ACM-1234567 and XACM-123456")->n == 0);
	CHECK(look(rig, "")->n == 0);
	CHECK(look(rig, "acm-123456")->n == 0);
}

/* How much of an answer that grows may be shown. */
static uint32_t safe(struct rig *rig, const char *text)
{
	baton_hit v[4];
	baton_hits hits = { .size = sizeof(hits), .cap = 4, .v = v };
	const baton_inspection what = { .size = sizeof(what),
					.at = BATON_AT_ANSWER,
					.text = { text, strlen(text) } };

	if (baton_testhost_inspect(rig->host, rig->inst, &what, &hits) != BATON_OK)
		rig->failed = "inspect() failed";
	return hits.safe;
}

static void the_beginning_of_a_number_is_held_back(struct rig *rig)
{
	CHECK(safe(rig, "You are A") == 8);
	CHECK(safe(rig, "You are ACM-12") == 8);
	CHECK(safe(rig, "You are ACM-123456") == 8); /* one more digit, and it is none */
	CHECK(safe(rig, "You are ACM-123456,") == 19);
	CHECK(safe(rig, "You are ACM-1234567") == 19);
	CHECK(safe(rig, "You are Ann") == 11);
}

static void more_numbers_than_room_are_told(struct rig *rig)
{
	baton_hit v[1];
	baton_hits hits = { .size = sizeof(hits), .cap = 1, .v = v };
	const char *text = "ACM-123456 ACM-123457";
	const baton_inspection what = { .size = sizeof(what),
					.at = BATON_AT_TOOL_RESULT,
					.text = { text, strlen(text) },
					.final = 1 };

	CHECK(baton_testhost_inspect(rig->host, rig->inst, &what, &hits) == BATON_E_LIMIT);
}

int main(int argc, char **argv)
{
	const char *file = argc > 1 ? argv[1] : "build/release/guard-acme.so";

#define TEST(name) test(file, CONFIG, #name, name)
	TEST(a_number_is_masked);
	TEST(what_only_looks_like_one_is_not);
	TEST(the_beginning_of_a_number_is_held_back);
	TEST(more_numbers_than_room_are_told);
	return tests_failed > 0;
}
