/* SPDX-License-Identifier: Apache-2.0 */

/* What tool-acme promises. No server, no network, no waiting: the test host plays the service. */
#include "test.h"

#define CONFIG "{\"url\":\"https://api.acme.example/v1\",\"secret\":\"ACME_KEY\"}"
#define ASKED "> POST https://api.acme.example/v1/cancel_order\n"

static const baton_heard *call(struct rig *rig, const char *play, uint32_t flags)
{
	baton_call call;

	if (play[0])
		baton_testhost_play(rig->host, play);
	if (baton_testhost_tool(rig->host, rig->inst, "cancel_order", "{\"order\":\"4711\"}", flags,
				&call) != BATON_OK)
		rig->failed = "invoke() refused";
	baton_testhost_run(rig->host, call, 120000);
	return baton_testhost_heard(rig->host, call);
}

static bool in_doubt(const baton_heard *heard)
{
	return heard->failed && (heard->error.flags & BATON_ERROR_IN_DOUBT);
}

static void a_result_is_what_the_service_says(struct rig *rig)
{
	const baton_heard *heard =
		call(rig, ASKED "< 200\n@ piece 3, wait 1\n\n{\"ok\":true}\n", 0);
	const baton_asked *asked = baton_testhost_asked(rig->host, 0);

	CHECK(heard->ended && heard->tool &&
	      strncmp(heard->tool->json.p, "{\"ok\":true}", 11) == 0);
	CHECK(heard->tool && heard->tool->http_status == 200 && !heard->tool->flags);
	CHECK(asked && strcmp(asked->body, "{\"order\":\"4711\"}") == 0);
	CHECK(asked && strstr(asked->headers, "Authorization: Bearer {{secret:ACME_KEY}}"));
	CHECK(asked && strstr(asked->headers, "Idempotency-Key: test-key-1"));
}

static void no_is_an_answer(struct rig *rig)
{
	const baton_heard *heard = call(rig, ASKED "< 404\n\n", BATON_TOOL_WRITES);

	CHECK(heard->ended && heard->tool && (heard->tool->flags & BATON_TOOL_NO));
	CHECK(heard->tool && strcmp(heard->tool->code.p, "not_found") == 0);
	heard = call(rig, ASKED "< 409\n\n", BATON_TOOL_WRITES);
	CHECK(heard->tool && strcmp(heard->tool->code.p, "conflict") == 0);
}

static void a_change_without_an_answer_is_in_doubt(struct rig *rig)
{
	CHECK(in_doubt(call(rig, ASKED "@ fail cut\n\n", BATON_TOOL_WRITES)));
	CHECK(in_doubt(call(rig, ASKED "@ hang\n\n", BATON_TOOL_WRITES)));
	CHECK(in_doubt(call(rig, ASKED "< 500\n\n", BATON_TOOL_WRITES)));
	CHECK(in_doubt(call(rig, ASKED "< 200\n\n<html>\n", BATON_TOOL_WRITES)));
	CHECK(baton_testhost_requests(rig->host) == 4); /* none was asked for twice */
}

static void what_was_never_sent_is_not(struct rig *rig)
{
	const baton_heard *heard = call(rig, ASKED "@ fail connect\n\n", BATON_TOOL_WRITES);

	CHECK(heard->failed && !in_doubt(heard));
	heard = call(rig, ASKED "< 401\n\n", BATON_TOOL_WRITES);
	CHECK(heard->failed && heard->error.fail == BATON_FAIL_ACCESS && !in_doubt(heard));
	heard = call(rig, ASKED "@ fail cut\n\n", 0); /* it only looks */
	CHECK(heard->failed && !in_doubt(heard));
}

static void a_cancelled_change_is_in_doubt(struct rig *rig)
{
	baton_call one;

	baton_testhost_play(rig->host, ASKED "@ hang\n\n");
	(void)baton_testhost_tool(rig->host, rig->inst, "cancel_order", "{}", BATON_TOOL_WRITES,
				  &one);
	baton_testhost_advance(rig->host, 100);
	baton_testhost_cancel(rig->host, one, BATON_CANCEL_DEADLINE);
	CHECK(in_doubt(baton_testhost_heard(rig->host, one)));
	CHECK(baton_testhost_asked(rig->host, 0)->stopped);
}

static void a_turn_that_is_tried_out_changes_nothing(struct rig *rig)
{
	const baton_heard *heard = call(rig, "", BATON_TOOL_WRITES | BATON_TOOL_SHADOW);

	CHECK(heard->ended && baton_testhost_requests(rig->host) == 0);
}

static void a_name_is_no_path(struct rig *rig)
{
	baton_call one;

	CHECK(baton_testhost_tool(rig->host, rig->inst, "../admin", "{}", 0, &one) ==
	      BATON_E_INVAL);
}

int main(int argc, char **argv)
{
	const char *file = argc > 1 ? argv[1] : "build/release/tool-acme.so";

#define TEST(name) test(file, CONFIG, #name, name)
	TEST(a_result_is_what_the_service_says);
	TEST(no_is_an_answer);
	TEST(a_change_without_an_answer_is_in_doubt);
	TEST(what_was_never_sent_is_not);
	TEST(a_cancelled_change_is_in_doubt);
	TEST(a_turn_that_is_tried_out_changes_nothing);
	TEST(a_name_is_no_path);
	return tests_failed > 0;
}
