/* SPDX-License-Identifier: Apache-2.0 */

/* What a session decides about calls of tools: once each, by who has the case, and told to the
 * customer by the bot if nobody else has. */

#include "tests/unit/session_talk.h"

static struct baton_event called(const char *call, const char *tool, uint64_t proposal)
{
	struct baton_event event = { .type = BATON_EV_TOOL_CALLED };

	event.tool_called = (struct baton_ev_tool_called){ .turn = proposal ? 0 : 3,
							   .call = baton_str_of(call),
							   .title = BATON_STR("t"),
							   .tool = baton_str_of(tool),
							   .arguments = BATON_STR("{\"a\":1}"),
							   .key = BATON_STR("key"),
							   .writes = true,
							   .proposal = proposal };
	return event;
}

static struct baton_event finished(const char *call, bool ok, const char *result)
{
	struct baton_event event = { .type = BATON_EV_TOOL_FINISHED };

	event.tool_finished = (struct baton_ev_tool_finished){ .turn = 3,
							       .call = baton_str_of(call),
							       .ok = ok,
							       .tool = BATON_STR("pay"),
							       .result = baton_str_of(result) };
	return event;
}

static int self(struct talk *talk, enum baton_verb verb, const struct baton_event *events, size_t n)
{
	return take(talk, (struct baton_command){ .verb = verb,
						  .role = BATON_SELF,
						  .turn = talk->session.last_message,
						  .events = events,
						  .n_events = n });
}

static int one(struct talk *talk, enum baton_verb verb, struct baton_event event)
{
	return self(talk, verb, &event, 1);
}

/* A turn that wants to pay ends with a person. Returns the proposal's seq. */
static uint64_t propose(struct talk *talk)
{
	struct baton_event events[2] = { { .type = BATON_EV_TOOL_PROPOSED },
					 { .type = BATON_EV_ESCALATION_TRIGGERED } };

	events[0].tool_proposed =
		(struct baton_ev_tool_proposed){ .turn = talk->session.last_message,
						 .upto = talk->session.last_message,
						 .call = BATON_STR("c1"),
						 .tool = BATON_STR("pay"),
						 .title = BATON_STR("pays back"),
						 .arguments = BATON_STR("{\"a\":1}"),
						 .key = BATON_STR("key") };
	events[1].escalation_triggered =
		(struct baton_ev_escalation_triggered){ .turn = talk->session.last_message,
							.rule = BATON_STR("core.tool_approval"),
							.reason = BATON_STR("leave") };
	assert_int_equal(self(talk, BATON_CMD_HAND_OVER, events, 2), 0);
	assert_int_equal(talk->session.owner, BATON_OWNER_QUEUE);
	return talk->session.calls.proposed[talk->session.calls.n_proposed - 1].seq;
}

static int review(struct talk *talk, const char *who, const char *id, uint64_t seq,
		  const char *what)
{
	return take(talk, (struct baton_command){ .verb = BATON_CMD_TOOL_REVIEW,
						  .role = BATON_AGENT,
						  .agent = baton_str_of(who),
						  .client_id = baton_str_of(id),
						  .about_seq = seq,
						  .value = baton_str_of(what),
						  .text = BATON_STR("as agreed") });
}

static void claim(struct talk *talk)
{
	assert_int_equal(agent(talk, BATON_CMD_CLAIM, "nina", "", ""), 0);
}

static void a_call_has_one_beginning_and_one_end(void **state)
{
	struct talk *talk = *state;
	struct baton_event both[2] = { called("c2", "pay", 0), finished("c2", true, "{}") };

	say(talk, "a", "Hello");
	assert_int_equal(one(talk, BATON_CMD_EVENT, finished("c1", true, "{}")), BATON_E_STALE);
	assert_int_equal(one(talk, BATON_CMD_EVENT, called("c1", "pay", 0)), 0);
	assert_int_equal(one(talk, BATON_CMD_EVENT, called("c1", "pay", 0)), BATON_E_STALE);
	assert_non_null(baton_calls_pending(&talk->session.calls));
	assert_true(baton_session_marks(&talk->session) & BATON_MARK_TURN_OPEN);
	assert_int_equal(one(talk, BATON_CMD_EVENT, finished("c1", false, "")), 0);
	assert_int_equal(one(talk, BATON_CMD_EVENT, finished("c1", false, "")), BATON_E_STALE);
	assert_null(baton_calls_pending(&talk->session.calls));
	assert_int_equal(talk->session.lookup_failures, 1);
	assert_int_equal(self(talk, BATON_CMD_EVENT, both, 2), 0);
	assert_true(baton_calls_find(&talk->session.calls, BATON_STR("c2"))->ok);
}

static void an_end_is_recorded_whoever_has_the_conversation(void **state)
{
	struct talk *talk = *state;

	say(talk, "a", "Hello");
	one(talk, BATON_CMD_EVENT, called("c1", "pay", 0));
	claim(talk);
	assert_int_equal(one(talk, BATON_CMD_EVENT, finished("c1", true, "{}")), BATON_E_STALE);
	assert_int_equal(one(talk, BATON_CMD_TOOL, finished("c1", true, "{}")), 0);
	assert_int_equal(talk->session.owner, BATON_OWNER_AGENT);
	/* A call that nobody has approved is not made outside of a turn. */
	assert_int_equal(one(talk, BATON_CMD_TOOL, called("c2", "pay", 0)), BATON_E_STALE);
	assert_int_equal(
		take(talk, (struct baton_command){ .verb = BATON_CMD_TOOL, .role = BATON_AGENT }),
		BATON_E_DENIED);
}

static void only_who_has_the_case_decides_and_once(void **state)
{
	struct talk *talk = *state;

	say(talk, "a", "Pay me back");
	uint64_t seq = propose(talk);
	assert_int_equal(review(talk, "nina", "r0", seq, "approve"), BATON_E_STATE);
	claim(talk);
	assert_int_equal(review(talk, "omar", "r1", seq, "approve"), BATON_E_STATE);
	assert_int_equal(review(talk, "nina", "r2", seq, "maybe"), BATON_E_INVAL);
	assert_int_equal(review(talk, "nina", "r3", seq + 9, "approve"), BATON_E_STALE);
	assert_int_equal(review(talk, "nina", "", seq, "approve"), BATON_E_INVAL);
	assert_int_equal(review(talk, "nina", "r4", seq, "approve"), 0);
	assert_int_equal(review(talk, "nina", "r4", seq, "approve"), 0); /* a repeated frame */
	assert_int_equal(talk->decision.n_events, 0);
	assert_int_equal(review(talk, "nina", "r5", seq, "reject"), BATON_E_STALE);
}

static void what_was_approved_is_called_once_and_as_it_was_shown(void **state)
{
	struct talk *talk = *state;
	struct baton_event other = called("c1", "pay", 0);

	say(talk, "a", "Pay me back");
	uint64_t seq = propose(talk);
	assert_int_equal(one(talk, BATON_CMD_TOOL, called("c1", "pay", seq)), BATON_E_STALE);
	claim(talk);
	review(talk, "nina", "r", seq, "approve");
	other.tool_called.proposal = seq;
	other.tool_called.key = BATON_STR("another");
	assert_int_equal(one(talk, BATON_CMD_TOOL, other), BATON_E_STALE);
	assert_int_equal(one(talk, BATON_CMD_TOOL, called("c1", "pay", seq)), 0);
	assert_int_equal(one(talk, BATON_CMD_TOOL, called("c1", "pay", seq)), BATON_E_STALE);
	assert_int_equal(one(talk, BATON_CMD_TOOL, finished("c1", true, "{}")), 0);
}

static void what_was_rejected_is_never_called(void **state)
{
	struct talk *talk = *state;

	say(talk, "a", "Pay me back");
	uint64_t seq = propose(talk);
	claim(talk);
	review(talk, "nina", "r", seq, "reject");
	assert_int_equal(one(talk, BATON_CMD_TOOL, called("c1", "pay", seq)), BATON_E_STALE);
	agent(talk, BATON_CMD_HANDBACK, "nina", "", "");
	assert_false(baton_session_turn_open(&talk->session));
	assert_null(baton_calls_approved(&talk->session.calls));
}

static void a_hand_back_after_an_approved_call_opens_its_message(void **state)
{
	struct talk *talk = *state;

	say(talk, "a", "Pay me back");
	uint64_t message = talk->session.last_message, seq = propose(talk);
	claim(talk);
	review(talk, "nina", "r", seq, "approve");
	one(talk, BATON_CMD_TOOL, called("c1", "pay", seq));
	one(talk, BATON_CMD_TOOL, finished("c1", true, "{}"));
	agent(talk, BATON_CMD_HANDBACK, "nina", "", "");
	assert_true(baton_session_turn_open(&talk->session));
	assert_true(talk->session.answered_upto < message);
	/* Told once: the next hand back opens nothing. */
	assert_int_equal(answer(talk, message), 0);
	claim(talk);
	agent(talk, BATON_CMD_HANDBACK, "nina", "", "");
	assert_false(baton_session_turn_open(&talk->session));
}

static void what_the_agent_has_told_the_bot_does_not_tell_again(void **state)
{
	struct talk *talk = *state;

	say(talk, "a", "Pay me back");
	uint64_t seq = propose(talk);
	claim(talk);
	review(talk, "nina", "r", seq, "approve");
	one(talk, BATON_CMD_TOOL, called("c1", "pay", seq));
	one(talk, BATON_CMD_TOOL, finished("c1", true, "{}"));
	agent(talk, BATON_CMD_REPLY, "nina", "m", "It is paid back.");
	agent(talk, BATON_CMD_HANDBACK, "nina", "", "");
	assert_false(baton_session_turn_open(&talk->session));
}

static void a_proposal_that_nobody_decided_on_ends_with_the_case(void **state)
{
	struct talk *talk = *state;

	say(talk, "a", "Pay me back");
	uint64_t seq = propose(talk);
	say(talk, "b", "Please"); /* later words do not void it */
	assert_int_equal(baton_calls_proposal(&talk->session.calls, seq)->leave, BATON_LEAVE_OPEN);
	claim(talk);
	take(talk, (struct baton_command){ .verb = BATON_CMD_RESOLVE,
					   .role = BATON_AGENT,
					   .agent = BATON_STR("nina"),
					   .value = BATON_STR("done") });
	assert_int_equal(baton_calls_proposal(&talk->session.calls, seq)->leave, BATON_LEAVE_VOID);
	say(talk, "c", "Hello again");
	claim(talk);
	assert_int_equal(review(talk, "nina", "r", seq, "approve"), BATON_E_STALE);
}

static void a_snapshot_knows_of_calls_and_proposals(void **state)
{
	struct talk *talk = *state;
	struct baton_session loaded;
	struct baton_buf a = { NULL, 0, 0 }, b = { NULL, 0, 0 };

	say(talk, "a", "Pay me back");
	one(talk, BATON_CMD_EVENT, called("c0", "find", 0));
	one(talk, BATON_CMD_EVENT, finished("c0", true, "{\"x\":\"\\u00e9\"}"));
	one(talk, BATON_CMD_EVENT, called("c9", "find", 0));
	propose(talk);
	baton_session_save(&talk->session, &a);
	assert_int_equal(baton_session_load(&loaded, &talk->session.id, baton_buf_view(&a)), 0);
	baton_session_save(&loaded, &b);
	assert_int_equal(a.n, b.n);
	assert_memory_equal(a.p, b.p, a.n);
	assert_non_null(baton_calls_pending(&loaded.calls));
	baton_session_done(&loaded);
	baton_buf_done(&a);
	baton_buf_done(&b);
}

static void what_is_kept_is_bounded_and_nothing_open_is_forgotten(void **state)
{
	struct talk *talk = *state;
	struct baton_buf big = { NULL, 0, 0 };
	char call[32];

	baton_buf_z(&big, "\"");
	while (big.n < 60000)
		baton_buf_z(&big, "0123456789");
	baton_buf_z(&big, "\"");
	say(talk, "a", "Hello");
	one(talk, BATON_CMD_EVENT, called("open", "pay", 0));
	for (int i = 0; i < 200; i++) {
		snprintf(call, sizeof(call), "c%d", i);
		assert_int_equal(one(talk, BATON_CMD_EVENT, called(call, "pay", 0)), 0);
		assert_int_equal(one(talk, BATON_CMD_EVENT, finished(call, true, big.p)), 0);
	}
	assert_true(talk->session.calls.n_called <= BATON_CALLS_KEPT_MAX + 1);
	assert_true(talk->session.calls.result_bytes <= BATON_RESULTS_BYTES_MAX);
	assert_non_null(baton_calls_find(&talk->session.calls, BATON_STR("open")));
	assert_true(baton_calls_find(&talk->session.calls, BATON_STR("c170"))->dropped);
	assert_int_equal(baton_calls_find(&talk->session.calls, BATON_STR("c199"))->result.n,
			 big.n);
	baton_buf_done(&big);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, open_talk, close_talk)
int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_call_has_one_beginning_and_one_end),
		CASE(an_end_is_recorded_whoever_has_the_conversation),
		CASE(only_who_has_the_case_decides_and_once),
		CASE(what_was_approved_is_called_once_and_as_it_was_shown),
		CASE(what_was_rejected_is_never_called),
		CASE(a_hand_back_after_an_approved_call_opens_its_message),
		CASE(what_the_agent_has_told_the_bot_does_not_tell_again),
		CASE(a_proposal_that_nobody_decided_on_ends_with_the_case),
		CASE(a_snapshot_knows_of_calls_and_proposals),
		CASE(what_is_kept_is_bounded_and_nothing_open_is_forgotten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
