/* SPDX-License-Identifier: Apache-2.0 */

/* Customers who are known, files, tickets; agents who give a case on, take it over, label it, are
 * lost; what is left of it all for the bot. Ends with conversations by chance, after each step of
 * which the snapshot must be the state. */

#include "tests/unit/often.h"
#include "tests/unit/session_talk.h"

static struct baton_command from_customer(const char *id, const char *text)
{
	return (struct baton_command){ .verb = BATON_CMD_MESSAGE,
				       .role = BATON_CUSTOMER,
				       .client_id = baton_str_of(id),
				       .text = baton_str_of(text) };
}

static struct baton_command signed_by(struct baton_command command, const char *customer)
{
	command.identity = (struct baton_signed_identity){
		.customer = baton_str_of(customer),
		.name = BATON_STR("Ada"),
		.email = BATON_STR("ada@example.org"),
		.customer_tier = BATON_STR("vip"),
		.attributes = BATON_STR("{\"orders\":[17,18]}"),
		.key = BATON_STR("k1"),
	};
	return command;
}

static const struct baton_attachment picture = {
	{ "f1", 2 }, { "receipt.png", 11 }, { "image/png", 9 }, { "00", 2 }, 1234
};

static int supervisor(struct talk *talk, enum baton_verb verb, const char *who, bool take_over)
{
	return take(talk, (struct baton_command){ .verb = verb,
						  .role = BATON_SUPERVISOR,
						  .agent = baton_str_of(who),
						  .agent_name = baton_str_of(who),
						  .take = take_over });
}

static int transfer(struct talk *talk, enum baton_role role, const char *who, const char *queue,
		    const char *to_agent)
{
	return take(talk, (struct baton_command){ .verb = BATON_CMD_TRANSFER,
						  .role = role,
						  .agent = baton_str_of(who),
						  .value = baton_str_of(queue),
						  .to_agent = baton_str_of(to_agent),
						  .text = BATON_STR("needs a manager") });
}

static int ticket(struct talk *talk, const char *id, const char *contact)
{
	return take(talk, (struct baton_command){ .verb = BATON_CMD_TICKET,
						  .role = BATON_CUSTOMER,
						  .client_id = baton_str_of(id),
						  .value = baton_str_of(contact) });
}

static int desk(struct talk *talk, enum baton_verb verb, uint64_t epoch, const char *text)
{
	return take(talk, (struct baton_command){ .verb = verb,
						  .role = BATON_SELF,
						  .epoch = epoch,
						  .about_seq = 30000,
						  .text = baton_str_of(text) });
}

static int tag(struct talk *talk, const char *id, const char *list)
{
	return take(talk, (struct baton_command){ .verb = BATON_CMD_TAG,
						  .role = BATON_AGENT,
						  .agent = BATON_STR("nina"),
						  .client_id = baton_str_of(id),
						  .value = baton_str_of(list) });
}

static void assert_kept(const struct talk *talk)
{
	struct baton_buf before = { NULL, 0, 0 }, after = { NULL, 0, 0 };
	struct baton_session back;

	baton_session_save(&talk->session, &before);
	assert_int_equal(baton_session_load(&back, &talk->session.id, baton_buf_view(&before)), 0);
	baton_session_save(&back, &after);
	/* The table of client ids stands in an order of its own. */
	assert_int_equal(before.n, after.n);
	assert_memory_equal(before.p, after.p,
			    (size_t)(strstr(before.p, "\"client_ids\"") - before.p));
	baton_session_done(&back);
	baton_buf_done(&before);
	baton_buf_done(&after);
}

/* --- who the customer is --- */

static void what_is_signed_is_noted_once_and_again_when_it_changes(void **state)
{
	struct talk *talk = *state;
	struct baton_command command = signed_by(from_customer("a", "Hello"), "c-17");

	command.claimed = BATON_STR("{\"page\":\"/cart\"}");
	assert_int_equal(take(talk, command), 0);
	assert_int_equal(event_type(talk, 2), BATON_EV_IDENTITY_VERIFIED);
	assert_int_equal(event_type(talk, 3), BATON_EV_ATTRIBUTES_CLAIMED);
	assert_int_equal(event_type(talk, 4), BATON_EV_MESSAGE_RECEIVED);
	assert_true(talk->session.verified);
	assert_string_equal(talk->session.customer, "c-17");
	assert_string_equal(talk->session.customer_tier, "vip");
	assert_string_equal(talk->session.customer_name, "Ada");
	assert_kept(talk);

	command.client_id = BATON_STR("b");
	assert_int_equal(take(talk, command), 0);
	assert_int_equal(talk->decision.n_events, 1);
	command.client_id = BATON_STR("c");
	command.identity.customer_tier = BATON_STR("gold");
	command.claimed = BATON_STR("{\"page\":\"/help\"}");
	assert_int_equal(take(talk, command), 0);
	assert_int_equal(talk->decision.n_events, 3);
	assert_string_equal(talk->session.customer_tier, "gold");
	/* An anonymous connection goes on with it: that is what resume tokens are for. */
	assert_int_equal(say(talk, "d", "And?"), 0);
	assert_true(talk->session.verified);
}

static void another_customer_cannot_go_on_with_it(void **state)
{
	struct talk *talk = *state;
	struct baton_command other = signed_by(from_customer("b", "Hello"), "c-18");

	assert_int_equal(take(talk, signed_by(from_customer("a", "Hello"), "c-17")), 0);
	assert_int_equal(take(talk, other), BATON_E_DENIED);
	other.verb = BATON_CMD_HUMAN;
	assert_int_equal(take(talk, other), BATON_E_DENIED);
	assert_int_equal(talk->decision.n_events, 0);
	assert_int_equal(talk->session.messages, 1);
	/* A name that is too long is not cut into somebody else's. */
	char long_name[80];
	memset(long_name, 'c', sizeof(long_name) - 1);
	long_name[sizeof(long_name) - 1] = '\0';
	assert_int_equal(take(talk, signed_by(from_customer("c", "Hello"), long_name)),
			 BATON_E_TOO_BIG);
}

static void who_begins_anonymous_may_sign_in_later(void **state)
{
	struct talk *talk = *state;

	assert_int_equal(say(talk, "a", "Hello"), 0);
	assert_false(talk->session.verified);
	assert_int_equal(take(talk, signed_by(from_customer("b", "It is me"), "c-17")), 0);
	assert_true(talk->session.verified);
	assert_int_equal(event_type(talk, 0), BATON_EV_IDENTITY_VERIFIED);
}

static void a_refused_identity_is_noted_and_the_chat_goes_on(void **state)
{
	struct talk *talk = *state;
	struct baton_command command = from_customer("a", "Hello");

	command.auth_failed = BATON_STR("expired");
	assert_int_equal(take(talk, command), 0);
	assert_int_equal(event_type(talk, 2), BATON_EV_AUTHENTICATION_FAILED);
	assert_int_equal(event_type(talk, 3), BATON_EV_MESSAGE_RECEIVED);
	assert_int_equal(talk->session.auth_failures, 1);
	assert_true(baton_session_turn_open(&talk->session));
	assert_kept(talk);
}

static void attributes_that_are_no_object_are_left_out(void **state)
{
	static const char *const bad[] = { "[1]", "{", "\"x\"", "{}}", "17" };
	struct talk *talk = *state;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char id[8];

		(void)snprintf(id, sizeof(id), "m%zu", i);
		struct baton_command command = from_customer(id, "Hello");
		command.claimed = baton_str_of(bad[i]);
		assert_int_equal(take(talk, command), 0);
		assert_int_equal(event_type(talk, talk->decision.n_events - 1),
				 BATON_EV_MESSAGE_RECEIVED);
		assert_int_equal(talk->session.claimed_hash, 0);
	}
}

/* --- files --- */

static void a_file_precedes_its_message_and_belongs_to_it_once(void **state)
{
	struct talk *talk = *state;
	struct baton_command command = from_customer("a", "My receipt");

	command.attachments = &picture;
	command.n_attachments = 1;
	assert_int_equal(take(talk, command), 0);
	assert_int_equal(event_type(talk, 2), BATON_EV_ATTACHMENT_ADDED);
	assert_int_equal(event_type(talk, 3), BATON_EV_MESSAGE_RECEIVED);
	assert_kept(talk);
	command.client_id = BATON_STR("b");
	assert_int_equal(take(talk, command), BATON_E_INVAL);
	command.attachments =
		(const struct baton_attachment[]){ { .id = { "f2", 2 } }, { .id = { "f2", 2 } } };
	command.n_attachments = 2;
	assert_int_equal(take(talk, command), BATON_E_INVAL);
	command.n_attachments = BATON_MSG_ATTACHMENTS_MAX + 1;
	assert_int_equal(take(talk, command), BATON_E_LIMIT);
	command.attachments = (const struct baton_attachment[]){ { .id = { "", 0 } } };
	command.n_attachments = 1;
	assert_int_equal(take(talk, command), BATON_E_INVAL);
	assert_int_equal(talk->session.messages, 1);
}

static void a_message_may_be_a_file_alone_and_an_empty_one_is_none(void **state)
{
	struct talk *talk = *state;
	struct baton_command command = from_customer("a", "");

	assert_int_equal(take(talk, command), BATON_E_INVAL);
	command.attachments = &picture;
	command.n_attachments = 1;
	assert_int_equal(take(talk, command), 0);
	const struct baton_line *line = &talk->session.lines[talk->session.n_lines - 1];
	assert_true(baton_str_is(line->text, "[file: receipt.png]"));
	assert_int_equal(line->seq, talk->session.last_message);
}

static void an_agent_sends_a_file_with_a_reply(void **state)
{
	struct talk *talk = *state;

	customer(talk, BATON_CMD_HUMAN);
	agent(talk, BATON_CMD_CLAIM, "nina", "", "");
	assert_int_equal(take(talk, (struct baton_command){ .verb = BATON_CMD_REPLY,
							    .role = BATON_AGENT,
							    .agent = BATON_STR("nina"),
							    .client_id = BATON_STR("r1"),
							    .attachments = &picture,
							    .n_attachments = 1 }),
			 0);
	assert_int_equal(event_type(talk, 0), BATON_EV_ATTACHMENT_ADDED);
	assert_true(baton_str_is(talk->decision.events[0].attachment_added.by, "human"));
	assert_int_equal(event_type(talk, 1), BATON_EV_HUMAN_MESSAGE);
}

/* --- the case --- */

static void a_transferred_case_waits_as_long_as_it_has_waited(void **state)
{
	struct talk *talk = *state;

	say(talk, "a", "talk to a human");
	uint64_t since = talk->session.waiting_since_ms;
	assert_true(since > 0);
	assert_int_equal(agent(talk, BATON_CMD_CLAIM, "nina", "", ""), 0);
	assert_int_equal(talk->session.waiting_since_ms, 0);
	assert_int_equal(transfer(talk, BATON_AGENT, "nina", "billing", ""), 0);
	assert_int_equal(talk->session.owner, BATON_OWNER_QUEUE);
	assert_string_equal(talk->session.queue, "billing");
	assert_string_equal(talk->session.reason, "needs a manager");
	assert_int_equal(talk->session.waiting_since_ms, since);
	assert_true(talk->session.queued_ms > since);
	assert_kept(talk);
	assert_int_equal(transfer(talk, BATON_SUPERVISOR, "sue", "", "ben"), 0);
	assert_string_equal(talk->session.queue, "billing");
	assert_string_equal(talk->session.to_agent, "ben");
	assert_int_equal(talk->session.waiting_since_ms, since);
	assert_true(baton_session_marks(&talk->session) & BATON_MARK_CASE_WAITING);
	assert_int_equal(agent(talk, BATON_CMD_CLAIM, "ben", "", ""), 0);
	assert_string_equal(talk->session.to_agent, "");
	agent(talk, BATON_CMD_REPLY, "ben", "r", "Here I am.");
	agent(talk, BATON_CMD_RELEASE, "ben", "", "lunch");
	assert_true(talk->session.waiting_since_ms > since); /* nobody waits for an answer now */
}

static void who_presses_the_button_and_writes_nothing_waits_all_the_same(void **state)
{
	struct talk *talk = *state;

	customer(talk, BATON_CMD_HUMAN);
	uint64_t since = talk->session.waiting_since_ms;
	agent(talk, BATON_CMD_CLAIM, "nina", "", "");
	agent(talk, BATON_CMD_RELEASE, "nina", "", "");
	assert_int_equal(talk->session.waiting_since_ms, since);
}

static void a_transfer_leads_somewhere_and_is_the_holders(void **state)
{
	struct talk *talk = *state;

	say(talk, "a", "Hello");
	assert_int_equal(transfer(talk, BATON_AGENT, "nina", "billing", ""), BATON_E_STATE);
	assert_int_equal(transfer(talk, BATON_SUPERVISOR, "sue", "billing", ""), BATON_E_STATE);
	customer(talk, BATON_CMD_HUMAN);
	assert_int_equal(transfer(talk, BATON_AGENT, "nina", "billing", ""), BATON_E_STATE);
	agent(talk, BATON_CMD_CLAIM, "nina", "", "");
	assert_int_equal(transfer(talk, BATON_AGENT, "ben", "billing", ""), BATON_E_DENIED);
	assert_int_equal(transfer(talk, BATON_CUSTOMER, "nina", "billing", ""), BATON_E_DENIED);
	assert_int_equal(transfer(talk, BATON_ADMIN, "nina", "billing", ""), BATON_E_DENIED);
	assert_int_equal(transfer(talk, BATON_AGENT, "nina", "", ""), BATON_E_INVAL);
	assert_int_equal(transfer(talk, BATON_AGENT, "nina", "", "nina"), BATON_E_INVAL);
	assert_int_equal(transfer(talk, BATON_SUPERVISOR, "sue", "billing", "ben"), 0);
	assert_int_equal(talk->session.owner, BATON_OWNER_QUEUE);
}

static void a_supervisor_takes_over_only_on_purpose(void **state)
{
	struct talk *talk = *state;

	customer(talk, BATON_CMD_HUMAN);
	agent(talk, BATON_CMD_CLAIM, "nina", "", "");
	uint64_t epoch = talk->session.epoch;
	assert_int_equal(supervisor(talk, BATON_CMD_CLAIM, "sue", false), BATON_E_STALE);
	assert_int_equal(take(talk, (struct baton_command){ .verb = BATON_CMD_CLAIM,
							    .role = BATON_AGENT,
							    .agent = BATON_STR("ben"),
							    .take = true }),
			 BATON_E_DENIED);
	assert_string_equal(talk->session.agent, "nina");
	assert_int_equal(supervisor(talk, BATON_CMD_CLAIM, "sue", true), 0);
	assert_string_equal(talk->session.agent, "sue");
	assert_true(baton_str_is(talk->decision.events[0].case_claimed.from, "nina") ||
		    talk->decision.events[0].case_claimed.from.n == 4);
	assert_int_equal(talk->session.epoch, epoch + 1);
	assert_int_equal(agent(talk, BATON_CMD_REPLY, "nina", "r", "Still me?"), BATON_E_STATE);
}

static void the_desk_returns_the_case_of_an_agent_who_is_gone(void **state)
{
	struct talk *talk = *state;

	say(talk, "a", "talk to a human");
	uint64_t since = talk->session.waiting_since_ms;
	assert_int_equal(desk(talk, BATON_CMD_RELEASE, talk->session.epoch, "agent_lost"),
			 BATON_E_STALE);
	agent(talk, BATON_CMD_CLAIM, "nina", "", "");
	assert_int_equal(desk(talk, BATON_CMD_RELEASE, talk->session.epoch - 1, "agent_lost"),
			 BATON_E_STALE);
	assert_int_equal(desk(talk, BATON_CMD_RELEASE, talk->session.epoch, "agent_lost"), 0);
	assert_true(baton_str_is(talk->decision.events[0].case_released.text, "Another comes."));
	assert_int_equal(talk->session.owner, BATON_OWNER_QUEUE);
	assert_int_equal(talk->session.waiting_since_ms, since);
	assert_string_equal(talk->session.agent, "");
	assert_int_equal(desk(talk, BATON_CMD_RELEASE, talk->session.epoch, "agent_lost"),
			 BATON_E_STALE);
}

static void a_conversation_taken_from_the_bot_is_released_into_the_default_queue(void **state)
{
	struct talk *talk = *state;

	say(talk, "a", "Hello");
	agent(talk, BATON_CMD_CLAIM, "nina", "", "");
	assert_int_equal(agent(talk, BATON_CMD_RELEASE, "nina", "", ""), 0);
	assert_string_equal(talk->session.queue, "general");
}

static void a_ticket_is_left_while_a_person_is_waited_for(void **state)
{
	struct talk *talk = *state;

	say(talk, "a", "Hello");
	assert_int_equal(ticket(talk, "t", "ada@example.org"), BATON_E_STATE);
	customer(talk, BATON_CMD_HUMAN);
	uint64_t since = talk->session.waiting_since_ms;
	assert_int_equal(ticket(talk, "", "ada@example.org"), BATON_E_INVAL);
	assert_int_equal(ticket(talk, "t", ""), BATON_E_INVAL);
	char long_contact[BATON_CONTACT_BYTES_MAX + 2];
	memset(long_contact, 'x', sizeof(long_contact) - 1);
	long_contact[sizeof(long_contact) - 1] = '\0';
	assert_int_equal(ticket(talk, "t", long_contact), BATON_E_TOO_BIG);
	assert_int_equal(ticket(talk, "t", "ada@example.org"), 0);
	assert_true(baton_str_is(talk->decision.events[0].ticket_left.text, "We will write."));
	assert_true(talk->session.ticket);
	assert_int_equal(talk->session.waiting_since_ms, since);
	assert_int_equal(ticket(talk, "t", "ada@example.org"), 0);
	assert_true(talk->decision.repeat_of > 0);
	assert_kept(talk);
	assert_int_equal(desk(talk, BATON_CMD_ABANDON, talk->session.epoch, ""), BATON_E_STALE);
	agent(talk, BATON_CMD_CLAIM, "nina", "", "");
	assert_true(talk->session.ticket);
	agent(talk, BATON_CMD_RESOLVE, "nina", "", "");
	assert_false(talk->session.ticket);
}

static void giving_up_is_noted_once_for_each_wait(void **state)
{
	struct talk *talk = *state;

	assert_int_equal(say(talk, "a", "talk to a human"), 0);
	assert_int_equal(desk(talk, BATON_CMD_ABANDON, talk->session.epoch + 1, ""), BATON_E_STALE);
	assert_int_equal(customer(talk, BATON_CMD_ABANDON), BATON_E_DENIED);
	assert_int_equal(desk(talk, BATON_CMD_ABANDON, talk->session.epoch, ""), 0);
	assert_int_equal(talk->decision.events[0].case_abandoned.gone_ms, 30000);
	assert_true(talk->decision.events[0].case_abandoned.waited_ms >= 2000);
	assert_true(talk->session.abandoned);
	assert_int_equal(talk->session.owner, BATON_OWNER_QUEUE); /* still claimable */
	assert_int_equal(desk(talk, BATON_CMD_ABANDON, talk->session.epoch, ""), BATON_E_STALE);
	say(talk, "b", "I am back");
	assert_false(talk->session.abandoned);
	assert_int_equal(desk(talk, BATON_CMD_ABANDON, talk->session.epoch, ""), BATON_E_STALE);
	agent(talk, BATON_CMD_CLAIM, "nina", "", "");
	assert_int_equal(desk(talk, BATON_CMD_ABANDON, talk->session.epoch, ""), BATON_E_STALE);
	agent(talk, BATON_CMD_RELEASE, "nina", "", "");
	assert_int_equal(desk(talk, BATON_CMD_ABANDON, talk->session.epoch, ""), 0);
}

static void labels_are_a_short_list_of_names(void **state)
{
	static const char *const bad[] = { "",         "{}",       "[1]",         "[\"\"]",
					   "[\" a\"]", "[\"a \"]", "[\"a\\nb\"]", "[\"a\"",
					   "[null]" };
	struct talk *talk = *state;
	struct baton_buf many = { NULL, 0, 0 };

	say(talk, "a", "Hello");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(tag(talk, "t", bad[i]), BATON_E_INVAL);
	for (unsigned i = 0; i <= BATON_TAGS_MAX; i++)
		baton_buf_printf(&many, "%s\"tag-%u\"", i ? "," : "[", i);
	baton_buf_z(&many, "]");
	assert_int_equal(tag(talk, "t", many.p), BATON_E_LIMIT);
	baton_buf_done(&many);
	assert_int_equal(tag(talk, "t", "[\"order-17\", \"late\"]"), 0);
	assert_true(baton_str_is(talk->session.tags, "[\"order-17\", \"late\"]"));
	assert_kept(talk);
	assert_int_equal(tag(talk, "u", "[]"), 0);
	assert_true(baton_str_is(talk->session.tags, "[]"));
	assert_int_equal(customer(talk, BATON_CMD_TAG), BATON_E_DENIED);
}

static void a_suggestion_is_asked_for_by_who_has_the_case(void **state)
{
	struct talk *talk = *state;

	customer(talk, BATON_CMD_HUMAN);
	assert_int_equal(agent(talk, BATON_CMD_SUGGEST, "nina", "", ""), BATON_E_STATE);
	agent(talk, BATON_CMD_CLAIM, "nina", "", "");
	assert_int_equal(agent(talk, BATON_CMD_SUGGEST, "ben", "", ""), BATON_E_STATE);
	assert_int_equal(supervisor(talk, BATON_CMD_SUGGEST, "sue", false), BATON_E_STATE);
	assert_false(talk->decision.wants_suggestion);
	assert_int_equal(agent(talk, BATON_CMD_SUGGEST, "nina", "", ""), 0);
	assert_true(talk->decision.wants_suggestion);
	assert_int_equal(talk->decision.n_events, 0);
}

static void help_for_an_agent_is_void_once_the_case_has_moved_on(void **state)
{
	struct talk *talk = *state;
	struct baton_event writeup = { .type = BATON_EV_WRITEUP_GENERATED };
	struct baton_command command = {
		.verb = BATON_CMD_ASSIST, .role = BATON_SELF, .events = &writeup, .n_events = 1
	};

	writeup.writeup_generated.text = BATON_STR("They want a person.");
	writeup.writeup_generated.cost_microusd = 7;
	say(talk, "a", "Hello");
	command.epoch = talk->session.epoch;
	assert_int_equal(take(talk, command), BATON_E_STALE); /* no case */
	customer(talk, BATON_CMD_HUMAN);
	assert_int_equal(take(talk, command), BATON_E_STALE);
	command.epoch = talk->session.epoch;
	assert_int_equal(take(talk, command), 0);
	assert_int_equal(talk->session.cost_microusd, 7);
	agent(talk, BATON_CMD_CLAIM, "nina", "", "");
	assert_int_equal(take(talk, command), BATON_E_STALE);
}

/* --- what a person leaves behind --- */

static void handed_back_what_nobody_replied_to_is_the_bots(void **state)
{
	struct talk *talk = *state;

	say(talk, "a", "talk to a human");
	say(talk, "b", "Hello?");
	agent(talk, BATON_CMD_CLAIM, "nina", "", "");
	agent(talk, BATON_CMD_REPLY, "nina", "r", "Hello, I am Nina.");
	say(talk, "c", "Where is my parcel?");
	uint64_t open = talk->session.last_message, since = talk->session.first_unanswered_ms;
	assert_int_equal(agent(talk, BATON_CMD_HANDBACK, "nina", "", ""), 0);
	assert_int_equal(talk->decision.n_events, 1); /* one closing line */
	assert_true(baton_session_turn_open(&talk->session));
	assert_true(talk->session.answered_upto < open);
	assert_int_equal(talk->session.first_unanswered_ms, since);
	assert_int_equal(talk->session.exchanges, 0);
	assert_kept(talk);
	assert_int_equal(answer(talk, open), 0);
	assert_false(baton_session_turn_open(&talk->session));
}

static void handed_back_after_a_reply_nothing_is_open(void **state)
{
	struct talk *talk = *state;

	say(talk, "a", "talk to a human");
	agent(talk, BATON_CMD_CLAIM, "nina", "", "");
	agent(talk, BATON_CMD_REPLY, "nina", "r", "All done.");
	agent(talk, BATON_CMD_HANDBACK, "nina", "", "");
	assert_false(baton_session_turn_open(&talk->session));
	assert_int_equal(talk->session.first_unanswered_ms, 0);
	say(talk, "b", "And now?"); /* not silent */
	assert_true(baton_session_turn_open(&talk->session));
	assert_int_equal(talk->session.owner, BATON_OWNER_BOT);
}

static void the_wish_that_led_to_a_person_is_not_read_again(void **state)
{
	struct talk *talk = *state;

	say(talk, "a", "talk to a human");
	agent(talk, BATON_CMD_CLAIM, "nina", "", "");
	agent(talk, BATON_CMD_HANDBACK, "nina", "", ""); /* without a word */
	assert_false(baton_session_turn_open(&talk->session));
	assert_int_equal(talk->session.owner, BATON_OWNER_BOT);
	say(talk, "b", "Where is my parcel?");
	assert_int_equal(talk->session.owner, BATON_OWNER_BOT);
	assert_true(talk->session.answered_upto >= 3); /* the wish is history */
}

static void what_a_failure_led_to_a_person_is_open_again(void **state)
{
	struct talk *talk = *state;
	struct baton_event why = { .type = BATON_EV_ESCALATION_TRIGGERED };

	say(talk, "a", "Where is my parcel?");
	why.escalation_triggered = (struct baton_ev_escalation_triggered){
		.turn = talk->session.last_message,
		.rule = BATON_STR("core.all_failed"),
		.reversible = true,
		.resumes = BATON_STR("targets"),
		.tier = 2,
	};
	assert_int_equal(take(talk, (struct baton_command){ .verb = BATON_CMD_HAND_OVER,
							    .role = BATON_SELF,
							    .turn = talk->session.last_message,
							    .events = &why,
							    .n_events = 1 }),
			 0);
	assert_int_equal(talk->session.tier, 2);
	assert_string_equal(talk->session.rule, "core.all_failed");
	agent(talk, BATON_CMD_CLAIM, "nina", "", "");
	agent(talk, BATON_CMD_HANDBACK, "nina", "", "");
	assert_true(baton_session_turn_open(&talk->session));
	assert_string_equal(talk->session.rule, "");
}

static void opening_it_again_is_counted(void **state)
{
	struct talk *talk = *state;

	say(talk, "a", "Hello");
	answer(talk, talk->session.last_message);
	customer(talk, BATON_CMD_RESOLVE);
	assert_int_equal(talk->session.reopen_count, 0);
	say(talk, "b", "Again");
	assert_int_equal(talk->session.reopen_count, 1);
	say(talk, "c", "Hello?");
	assert_int_equal(talk->session.reopen_count, 1);
	assert_kept(talk);
}

static void the_button_opens_what_was_resolved_and_somebody_can_claim_it(void **state)
{
	struct talk *talk = *state;

	say(talk, "a", "Hello");
	customer(talk, BATON_CMD_RESOLVE);
	assert_int_equal(customer(talk, BATON_CMD_HUMAN), 0);
	assert_false(talk->session.resolved);
	assert_int_equal(talk->session.reopen_count, 1);
	assert_int_equal(agent(talk, BATON_CMD_CLAIM, "nina", "", ""), 0);
}

/* --- by chance --- */

static uint32_t dice(uint32_t *seed)
{
	*seed = *seed * 1664525u + 1013904223u;
	return *seed >> 16;
}

static void some_step(struct talk *talk, uint32_t *seed, unsigned n)
{
	static const char *const who[] = { "nina", "ben", "sue" };
	static const char *const queues[] = { "", "general", "billing" };
	const char *agent_id = who[dice(seed) % 3];
	char id[16];

	(void)snprintf(id, sizeof(id), "id-%u", n);
	struct baton_command command = from_customer(id, "More?");
	switch (dice(seed) % 16) {
	case 0:
		customer(talk, BATON_CMD_HUMAN);
		break;
	case 1:
		take(talk, signed_by(command, "c-17"));
		break;
	case 2:
		ticket(talk, id, "ada@example.org");
		break;
	case 3:
	case 4:
		agent(talk, BATON_CMD_CLAIM, agent_id, "", "");
		break;
	case 5:
		supervisor(talk, BATON_CMD_CLAIM, "sue", true);
		break;
	case 6:
		transfer(talk, dice(seed) % 2 ? BATON_AGENT : BATON_SUPERVISOR, agent_id,
			 queues[dice(seed) % 3], dice(seed) % 2 ? "" : "ben");
		break;
	case 7:
		tag(talk, id, "[\"late\"]");
		break;
	case 8:
		agent(talk, BATON_CMD_REPLY, agent_id, id, "Yes.");
		break;
	case 9:
		agent(talk, BATON_CMD_HANDBACK, agent_id, "", "");
		break;
	case 10:
		agent(talk, BATON_CMD_RESOLVE, agent_id, "", "");
		break;
	case 11:
		desk(talk, BATON_CMD_ABANDON, talk->session.epoch, "");
		break;
	case 12:
		desk(talk, BATON_CMD_RELEASE, talk->session.epoch, "agent_lost");
		break;
	case 13:
		answer(talk, talk->session.last_message);
		break;
	case 14:
		draft(talk, talk->session.last_message);
		break;
	default:
		take(talk, command);
		break;
	}
}

/* Whatever people do: the state is one that makes sense, and is the same after a snapshot. */
static void assert_sound(const struct talk *talk)
{
	const struct baton_session *session = &talk->session;
	bool waits = session->owner == BATON_OWNER_QUEUE;

	assert_true(session->answered_upto <= session->last_message);
	assert_true((session->owner == BATON_OWNER_AGENT) == (session->agent[0] != '\0'));
	assert_true((session->owner == BATON_OWNER_AGENT) == (session->claimed_ms > 0));
	assert_true(waits == (session->waiting_since_ms > 0));
	assert_true(!waits || session->queue[0] != '\0');
	assert_true(!waits || session->waiting_since_ms <= session->queued_ms);
	assert_true(!waits || session->first_unanswered_ms == 0 ||
		    session->waiting_since_ms <= session->first_unanswered_ms);
	assert_true(session->owner != BATON_OWNER_BOT || (!session->ticket && !session->abandoned));
	assert_true(!session->resolved || session->owner == BATON_OWNER_BOT);
	assert_kept(talk);
}

static void conversations_by_chance_stay_sound(void **state)
{
	struct talk *talk = *state;

	for (uint32_t seed = 1; seed <= OFTEN(150); seed++) {
		uint32_t chance = seed;
		uint64_t epoch = 0;

		take(talk, from_customer("first", "Hello"));
		for (unsigned n = 0; n < 60; n++) {
			some_step(talk, &chance, n);
			assert_sound(talk);
			assert_true(talk->session.epoch >= epoch);
			epoch = talk->session.epoch;
		}
		baton_session_done(&talk->session);
		baton_session_init(&talk->session, &(struct baton_id){ { 1 } });
	}
}

#define TALK(test) cmocka_unit_test_setup_teardown(test, open_talk, close_talk)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TALK(what_is_signed_is_noted_once_and_again_when_it_changes),
		TALK(another_customer_cannot_go_on_with_it),
		TALK(who_begins_anonymous_may_sign_in_later),
		TALK(a_refused_identity_is_noted_and_the_chat_goes_on),
		TALK(attributes_that_are_no_object_are_left_out),
		TALK(a_file_precedes_its_message_and_belongs_to_it_once),
		TALK(a_message_may_be_a_file_alone_and_an_empty_one_is_none),
		TALK(an_agent_sends_a_file_with_a_reply),
		TALK(a_transferred_case_waits_as_long_as_it_has_waited),
		TALK(who_presses_the_button_and_writes_nothing_waits_all_the_same),
		TALK(a_transfer_leads_somewhere_and_is_the_holders),
		TALK(a_supervisor_takes_over_only_on_purpose),
		TALK(the_desk_returns_the_case_of_an_agent_who_is_gone),
		TALK(a_conversation_taken_from_the_bot_is_released_into_the_default_queue),
		TALK(a_ticket_is_left_while_a_person_is_waited_for),
		TALK(giving_up_is_noted_once_for_each_wait),
		TALK(labels_are_a_short_list_of_names),
		TALK(a_suggestion_is_asked_for_by_who_has_the_case),
		TALK(help_for_an_agent_is_void_once_the_case_has_moved_on),
		TALK(handed_back_what_nobody_replied_to_is_the_bots),
		TALK(handed_back_after_a_reply_nothing_is_open),
		TALK(the_wish_that_led_to_a_person_is_not_read_again),
		TALK(what_a_failure_led_to_a_person_is_open_again),
		TALK(opening_it_again_is_counted),
		TALK(the_button_opens_what_was_resolved_and_somebody_can_claim_it),
		TALK(conversations_by_chance_stay_sound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
