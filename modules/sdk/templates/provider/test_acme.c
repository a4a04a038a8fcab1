/* SPDX-License-Identifier: Apache-2.0 */

/* What provider-acme promises. No server, no network, no waiting: the test host plays the
 * service. */
#include "test.h"

#define CONFIG "{\"url\":\"https://api.acme.example/v1/answers\",\"secret\":\"ACME_KEY\"}"
#define ASKED "> POST https://api.acme.example/v1/answers\n"
#define STREAM ASKED "< 200\n< Content-Type: text/event-stream\n"

static const baton_heard *ask(struct rig *rig, const char *play)
{
	baton_call call;

	baton_testhost_play(rig->host, play);
	if (baton_testhost_ask(rig->host, rig->inst, "Where is my order?", &call) != BATON_OK)
		rig->failed = "start() refused";
	baton_testhost_run(rig->host, call, 120000);
	return baton_testhost_heard(rig->host, call);
}

static void an_answer_is_streamed_and_counted(struct rig *rig)
{
	const baton_heard *heard =
		ask(rig, STREAM "\n"
				"event: text\ndata: {\"text\":\"Your order \"}\n\n"
				"event: ping\ndata: whatever\n\n"
				"event: text\ndata: {\"text\":\"is on its way \\ud83d\\ude9a\"}\n\n"
				"event: usage\ndata: {\"in\":120,\"out\":34}\n\n"
				"event: done\ndata: {\"reason\":\"stop\"}\n\n");

	CHECK(heard->ended && !heard->failed && heard->end_reason == BATON_END_STOP);
	CHECK(strcmp(heard->text, "Your order is on its way \xf0\x9f\x9a\x9a") == 0);
	CHECK(heard->usage.in_tokens == 120 && heard->usage.out_tokens == 34);
	CHECK(!(heard->usage.flags & BATON_USAGE_ESTIMATED));
}

static void cuts_anywhere_change_nothing(struct rig *rig)
{
	const baton_heard *heard =
		ask(rig, STREAM "@ piece 1, wait 1\n\n"
				"event: text\ndata: {\"text\":\"Gr\xc3\xbc\xc3\x9f\x65 \"}\n\n"
				"event: text\ndata: {\"text\":\"\\ud83d\"}\n\n"
				"event: text\ndata: {\"text\":\"\\ude9a\"}\n\n"
				"event: done\ndata: {\"reason\":\"length\"}\n\n");

	CHECK(heard->ended && heard->end_reason == BATON_END_LENGTH);
	CHECK(strcmp(heard->text, "Gr\xc3\xbc\xc3\x9f\x65 \xf0\x9f\x9a\x9a") == 0);
	CHECK(heard->usage.flags & BATON_USAGE_ESTIMATED);
}

static void the_key_is_named_and_never_seen(struct rig *rig)
{
	(void)ask(rig, STREAM "\nevent: text\ndata: {\"text\":\"x\"}\n\nevent: done\ndata: {}\n\n");
	const baton_asked *asked = baton_testhost_asked(rig->host, 0);

	CHECK(asked && strstr(asked->headers, "Authorization: Bearer {{secret:ACME_KEY}}"));
	CHECK(asked && strstr(asked->body, "Where is my order?"));
}

static void every_status_has_its_class(struct rig *rig)
{
	static const struct {
		const char *status;
		uint32_t fail;
	} rows[] = {
		{ "400", BATON_FAIL_BAD_REQUEST },  { "401", BATON_FAIL_ACCESS },
		{ "402", BATON_FAIL_QUOTA },        { "403", BATON_FAIL_ACCESS },
		{ "404", BATON_FAIL_MODEL_GONE },   { "408", BATON_FAIL_TIMEOUT },
		{ "413", BATON_FAIL_TOO_LONG },     { "418", BATON_FAIL_BAD_REQUEST },
		{ "429", BATON_FAIL_RATE_LIMITED }, { "500", BATON_FAIL_UNAVAILABLE },
		{ "503", BATON_FAIL_OVERLOADED },   { "529", BATON_FAIL_OVERLOADED },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char play[512];
		snprintf(play, sizeof(play),
			 ASKED "< %s\n< Content-Type: application/json\n"
			       "< Retry-After: 7\n\n{\"message\":\"no\"}\n",
			 rows[i].status);
		const baton_heard *heard = ask(rig, play);
		CHECK(heard->failed && heard->error.fail == rows[i].fail);
		CHECK(heard->error.retry_after_ms == 7000);
	}
}

static void what_the_service_says_comes_before_its_status(struct rig *rig)
{
	const baton_heard *heard =
		ask(rig, ASKED "< 400\n< Content-Type: application/json\n\n"
			       "{\"code\":\"quota\",\"message\":\"your credit is used up\"}\n");

	CHECK(heard->failed && heard->error.fail == BATON_FAIL_QUOTA);
	CHECK(heard->error.scope == BATON_SCOPE_ACCOUNT);
	heard = ask(rig, STREAM "\nevent: text\ndata: {\"text\":\"Well, \"}\n\n"
				"event: error\ndata: {\"code\":\"overloaded\"}\n\n");
	CHECK(heard->failed && heard->error.fail == BATON_FAIL_OVERLOADED);
	CHECK(heard->error.flags & BATON_ERROR_BILLED);
}

static void half_an_answer_is_a_failure(struct rig *rig)
{
	const baton_heard *heard = ask(rig, STREAM "\nevent: text\ndata: {\"text\":\"Your\"}\n\n");

	CHECK(heard->failed && heard->error.fail == BATON_FAIL_TRUNCATED);
	heard = ask(rig, STREAM "\nevent: done\ndata: {\"reason\":\"stop\"}\n\n");
	CHECK(heard->failed && heard->error.fail == BATON_FAIL_EMPTY);
	heard = ask(rig, STREAM "\nevent: done\ndata: {\"reason\":\"filtered\"}\n\n");
	CHECK(heard->failed && heard->error.fail == BATON_FAIL_REFUSED);
	heard = ask(rig, STREAM "\nevent: text\ndata: {\"text\":\n\n");
	CHECK(heard->failed && heard->error.fail == BATON_FAIL_BAD_OUTPUT);
}

static void without_room_it_waits_and_loses_nothing(struct rig *rig)
{
	baton_call call;
	const baton_heard *heard;

	baton_testhost_play(
		rig->host, STREAM
		"@ wait 1\n\n"
		"event: text\ndata: {\"text\":\"one \"}\n\nevent: text\ndata: {\"text\":\"two \"}\n\n"
		"event: text\ndata: {\"text\":\"three\"}\n\nevent: done\ndata: {}\n\n");
	(void)baton_testhost_ask(rig->host, rig->inst, "Count!", &call);
	baton_testhost_credit(rig->host, call, 1);
	baton_testhost_advance(rig->host, 1000);
	heard = baton_testhost_heard(rig->host, call);
	CHECK(heard->open && strcmp(heard->text, "one ") == 0 && heard->n_again > 0);
	CHECK(baton_testhost_asked(rig->host, 0)->paused);
	baton_testhost_credit(rig->host, call, BATON_TESTHOST_NO_BOUND);
	baton_testhost_run(rig->host, call, 60000);
	heard = baton_testhost_heard(rig->host, call);
	CHECK(heard->ended && strcmp(heard->text, "one two three") == 0);
}

static void all_at_once_it_holds_the_rest_and_its_end(struct rig *rig)
{
	baton_call call;

	baton_testhost_play(rig->host, STREAM "\n"
					      "event: text\ndata: {\"text\":\"one \"}\n\n"
					      "event: text\ndata: {\"text\":\"two\"}\n\n"
					      "event: done\ndata: {\"reason\":\"length\"}\n\n");
	(void)baton_testhost_ask(rig->host, rig->inst, "Count!", &call);
	baton_testhost_credit(rig->host, call, 1);
	baton_testhost_advance(rig->host, 1000);
	CHECK(baton_testhost_heard(rig->host, call)->open);
	baton_testhost_credit(rig->host, call, BATON_TESTHOST_NO_BOUND);
	baton_testhost_run(rig->host, call, 60000);
	const baton_heard *heard = baton_testhost_heard(rig->host, call);
	CHECK(heard->ended && heard->end_reason == BATON_END_LENGTH);
	CHECK(strcmp(heard->text, "one two") == 0);
}

static void cancelled_it_ends_at_once_and_hangs_up(struct rig *rig)
{
	baton_call call;

	baton_testhost_play(rig->host,
			    STREAM "@ hang\n\nevent: text\ndata: {\"text\":\"one \"}\n\n");
	(void)baton_testhost_ask(rig->host, rig->inst, "Count!", &call);
	baton_testhost_advance(rig->host, 100);
	baton_testhost_cancel(rig->host, call, BATON_CANCEL_USER);
	CHECK(!baton_testhost_heard(rig->host, call)->open);
	CHECK(baton_testhost_pending(rig->host, rig->inst) == 0);
}

static void who_cannot_be_reached_is_told_apart(struct rig *rig)
{
	baton_exchange gone = { .size = sizeof(gone), .fail = BATON_FAIL_CONNECT };
	baton_call call;

	baton_testhost_expect(rig->host, &gone);
	(void)baton_testhost_ask(rig->host, rig->inst, "Hello?", &call);
	baton_testhost_run(rig->host, call, 60000);
	CHECK(baton_testhost_heard(rig->host, call)->error.fail == BATON_FAIL_CONNECT);
}

int main(int argc, char **argv)
{
	const char *file = argc > 1 ? argv[1] : "build/release/provider-acme.so";

#define TEST(name) test(file, CONFIG, #name, name)
	TEST(an_answer_is_streamed_and_counted);
	TEST(cuts_anywhere_change_nothing);
	TEST(the_key_is_named_and_never_seen);
	TEST(every_status_has_its_class);
	TEST(what_the_service_says_comes_before_its_status);
	TEST(half_an_answer_is_a_failure);
	TEST(without_room_it_waits_and_loses_nothing);
	TEST(all_at_once_it_holds_the_rest_and_its_end);
	TEST(cancelled_it_ends_at_once_and_hangs_up);
	TEST(who_cannot_be_reached_is_told_apart);
	return tests_failed > 0;
}
