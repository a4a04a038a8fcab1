/* SPDX-License-Identifier: Apache-2.0 */

/* What may happen in a conversation, and what may not. Every command is decided and its events are
 * folded, as the actor does it. */

#include "tests/unit/session_talk.h"

static void the_first_message_opens_the_session_and_discloses(void **state)
{
	struct talk *talk = *state;

	assert_int_equal(say(talk, "a", "Where is it?"), 0);
	assert_int_equal(event_type(talk, 0), BATON_EV_SESSION_OPENED);
	assert_int_equal(event_type(talk, 1), BATON_EV_DISCLOSURE_MADE);
	assert_int_equal(event_type(talk, 2), BATON_EV_MESSAGE_RECEIVED);
	assert_int_equal(talk->session.seq, 3);
	assert_true(baton_session_turn_open(&talk->session));
	assert_int_equal(baton_session_marks(&talk->session), 1);
}

static void a_client_id_counts_once_for_the_life_of_the_session(void **state)
{
	struct talk *talk = *state;

	say(talk, "a", "one");
	assert_int_equal(say(talk, "b", "two"), 0);
	assert_int_equal(say(talk, "a", "one"), 0);
	assert_int_equal(talk->decision.repeat_of, 3);
	assert_int_equal(talk->decision.n_events, 0);
	for (int i = 0; i < 500; i++) {
		char id[16];

		snprintf(id, sizeof(id), "id-%d", i);
		assert_int_equal(say(talk, id, "more"), 0);
		assert_int_equal(talk->decision.repeat_of, 0);
	}
	say(talk, "b", "two");
	assert_int_equal(talk->decision.repeat_of, 4);
	/* An agent may use the same id: it is another speaker. */
	assert_int_equal(agent(talk, BATON_CMD_NOTE, "nina", "a", "hm"), 0);
	assert_int_equal(talk->decision.repeat_of, 0);
}

static void a_message_of_the_wrong_form_is_refused_and_leaves_nothing(void **state)
{
	static char long_text[BATON_TEXT_BYTES_MAX + 2];
	struct talk *talk = *state;

	memset(long_text, 'x', sizeof(long_text) - 1);
	assert_int_equal(say(talk, "", "x"), BATON_E_INVAL);
	assert_int_equal(say(talk, "a", ""), BATON_E_INVAL);
	assert_int_equal(say(talk, "a", long_text), BATON_E_TOO_BIG);
	long_text[BATON_CLIENT_ID_BYTES_MAX + 1] = '\0';
	assert_int_equal(say(talk, long_text, "x"), BATON_E_TOO_BIG);
	assert_int_equal(agent(talk, BATON_CMD_MESSAGE, "nina", "a", "x"), BATON_E_DENIED);
	assert_int_equal(talk->session.seq, 0);
}

static void a_turn_is_answered_once(void **state)
{
	struct talk *talk = *state;

	say(talk, "a", "one");
	assert_int_equal(answer(talk, 3), 0);
	assert_false(baton_session_turn_open(&talk->session));
	assert_int_equal(answer(talk, 3), BATON_E_STALE);
	assert_int_equal(answer(talk, 99), BATON_E_STALE);
	assert_int_equal(talk->session.exchanges, 1);
	assert_int_equal(talk->session.first_unanswered_ms, 0);
}

static void a_message_that_comes_during_a_turn_is_the_next_turn(void **state)
{
	struct talk *talk = *state;

	say(talk, "a", "one");
	say(talk, "b", "two");
	assert_int_equal(answer(talk, 3), 0);
	assert_true(baton_session_turn_open(&talk->session));
	assert_int_equal(answer(talk, 4), 0);
	assert_false(baton_session_turn_open(&talk->session));
}

static void asking_in_words_hands_over_before_any_turn(void **state)
{
	struct talk *talk = *state;

	assert_int_equal(say(talk, "a", "Let me talk to a human please"), 0);
	assert_int_equal(event_type(talk, 3), BATON_EV_ESCALATION_TRIGGERED);
	assert_int_equal(event_type(talk, 4), BATON_EV_CASE_QUEUED);
	assert_int_equal(talk->session.owner, BATON_OWNER_QUEUE);
	assert_false(baton_session_turn_open(&talk->session));
	assert_int_equal(talk->decision.events[4].case_queued.upto, 3);
}

static void the_button_works_before_the_first_word_and_twice(void **state)
{
	struct talk *talk = *state;

	assert_int_equal(customer(talk, BATON_CMD_HUMAN), 0);
	assert_int_equal(talk->session.owner, BATON_OWNER_QUEUE);
	uint64_t seq = talk->session.seq;
	assert_int_equal(customer(talk, BATON_CMD_HUMAN), 0);
	assert_int_equal(talk->session.seq, seq);
}

static void the_bot_cannot_speak_once_a_person_has_it(void **state)
{
	struct talk *talk = *state;

	say(talk, "a", "one");
	assert_int_equal(agent(talk, BATON_CMD_CLAIM, "nina", "", ""), 0);
	assert_true(talk->decision.cancels_turn);
	assert_int_equal(answer(talk, 3), BATON_E_STALE);
	assert_int_equal(draft(talk, 3), BATON_E_STALE);
	say(talk, "b", "two");
	assert_int_equal(answer(talk, talk->session.last_message), BATON_E_STALE);
	/* Handed back, what nobody replied to is open again; what was under way before is void. */
	uint64_t epoch = talk->session.epoch;
	assert_int_equal(agent(talk, BATON_CMD_HANDBACK, "nina", "", ""), 0);
	assert_true(baton_session_turn_open(&talk->session));
	assert_int_equal(answer_of_epoch(talk, talk->session.last_message, epoch), BATON_E_STALE);
	say(talk, "c", "three");
	assert_int_equal(answer(talk, talk->session.last_message), 0);
}

static void what_was_shown_is_withdrawn_in_the_same_append(void **state)
{
	struct talk *talk = *state;

	say(talk, "a", "one");
	talk->decision.shown = (struct baton_ev_answer_superseded){ 3, 1, BATON_STR("It left") };
	assert_int_equal(agent(talk, BATON_CMD_CLAIM, "nina", "", ""), 0);
	assert_int_equal(event_type(talk, 0), BATON_EV_ANSWER_SUPERSEDED);
	assert_int_equal(event_type(talk, 1), BATON_EV_CASE_CLAIMED);
}

static void a_case_is_claimed_by_one(void **state)
{
	struct talk *talk = *state;

	customer(talk, BATON_CMD_HUMAN);
	assert_int_equal(agent(talk, BATON_CMD_CLAIM, "nina", "", ""), 0);
	assert_int_equal(agent(talk, BATON_CMD_CLAIM, "omar", "", ""), BATON_E_STALE);
	assert_int_equal(agent(talk, BATON_CMD_CLAIM, "nina", "", ""),
			 0); /* again: nothing happens */
	assert_int_equal(talk->decision.n_events, 0);
	assert_int_equal(agent(talk, BATON_CMD_REPLY, "omar", "x", "hi"), BATON_E_STATE);
	assert_int_equal(agent(talk, BATON_CMD_HANDBACK, "omar", "", ""), BATON_E_DENIED);
	assert_int_equal(agent(talk, BATON_CMD_RELEASE, "nina", "", "lunch"), 0);
	assert_int_equal(agent(talk, BATON_CMD_CLAIM, "omar", "", ""), 0);
	assert_int_equal(talk->session.epoch, 4);
}

static void a_supervisor_may_return_what_an_agent_left(void **state)
{
	struct talk *talk = *state;
	struct baton_command release = { .verb = BATON_CMD_RELEASE,
					 .role = BATON_SUPERVISOR,
					 .agent = BATON_STR("ada") };

	customer(talk, BATON_CMD_HUMAN);
	agent(talk, BATON_CMD_CLAIM, "nina", "", "");
	assert_int_equal(take(talk, release), 0);
	assert_int_equal(talk->session.owner, BATON_OWNER_QUEUE);
}

static void a_reply_to_what_was_not_seen_is_a_conflict(void **state)
{
	struct talk *talk = *state;
	struct baton_command reply = { .verb = BATON_CMD_REPLY,
				       .role = BATON_AGENT,
				       .agent = BATON_STR("nina"),
				       .client_id = BATON_STR("r"),
				       .text = BATON_STR("Yes.") };

	say(talk, "a", "one");
	agent(talk, BATON_CMD_CLAIM, "nina", "", "");
	reply.if_seq = talk->session.seq;
	say(talk, "b", "wait, another thing");
	assert_int_equal(take(talk, reply), BATON_E_CONFLICT);
	reply.if_seq = talk->session.seq;
	assert_int_equal(take(talk, reply), 0);
	assert_int_equal(talk->session.first_unanswered_ms, 0);
	assert_int_equal(take(talk, reply), 0);
	assert_true(talk->decision.repeat_of > 0);
}

static void a_draft_is_approved_edited_or_rejected_once(void **state)
{
	struct talk *talk = *state;
	struct baton_command review = { .verb = BATON_CMD_DRAFT,
					.role = BATON_AGENT,
					.agent = BATON_STR("nina"),
					.client_id = BATON_STR("d1"),
					.value = BATON_STR("accept") };

	say(talk, "a", "I was charged twice");
	assert_int_equal(draft(talk, 3), 0);
	assert_int_equal(talk->session.owner, BATON_OWNER_QUEUE);
	review.about_seq = talk->session.draft;
	assert_int_equal(take(talk, review), BATON_E_STATE); /* not claimed yet */
	agent(talk, BATON_CMD_CLAIM, "nina", "", "");
	assert_int_equal(take(talk, review), 0);
	assert_int_equal(event_type(talk, 0), BATON_EV_DRAFT_REVIEWED);
	assert_int_equal(event_type(talk, 1), BATON_EV_HUMAN_MESSAGE);
	assert_string_equal(talk->session.lines[talk->session.n_lines - 1].text.p,
			    "Shall I say tomorrow?");
	assert_int_equal(take(talk, review), 0); /* the same again: the same acknowledgement */
	assert_true(talk->decision.repeat_of > 0);
	review.client_id = BATON_STR("d2");
	assert_int_equal(take(talk, review), BATON_E_STALE);
}

static void an_edited_draft_says_the_agents_words(void **state)
{
	struct talk *talk = *state;
	struct baton_command review = { .verb = BATON_CMD_DRAFT,
					.role = BATON_AGENT,
					.agent = BATON_STR("nina"),
					.client_id = BATON_STR("d1"),
					.value = BATON_STR("edit") };

	say(talk, "a", "one");
	draft(talk, 3);
	agent(talk, BATON_CMD_CLAIM, "nina", "", "");
	review.about_seq = talk->session.draft;
	assert_int_equal(take(talk, review), BATON_E_INVAL);
	review.text = BATON_STR("Thursday.");
	assert_int_equal(take(talk, review), 0);
	assert_int_equal(talk->decision.events[0].draft_reviewed.edit_ppm, 1000000);
	assert_string_equal(talk->session.lines[talk->session.n_lines - 1].text.p, "Thursday.");
	review.value = BATON_STR("burn");
	review.client_id = BATON_STR("d9");
	assert_int_equal(take(talk, review), BATON_E_INVAL);
}

static void resolving_ends_it_and_a_new_message_opens_it_again(void **state)
{
	struct talk *talk = *state;

	say(talk, "a", "one");
	assert_int_equal(customer(talk, BATON_CMD_RESOLVE), 0);
	assert_true(talk->session.resolved);
	assert_false(baton_session_turn_open(&talk->session));
	assert_int_equal(agent(talk, BATON_CMD_CLAIM, "nina", "", ""), BATON_E_STATE);
	assert_int_equal(say(talk, "b", "one more"), 0);
	assert_false(talk->session.resolved);
	assert_true(baton_session_turn_open(&talk->session));
}

static void nothing_happens_to_an_erased_session(void **state)
{
	struct talk *talk = *state;
	struct baton_command erase = { .verb = BATON_CMD_ERASE,
				       .role = BATON_ADMIN,
				       .agent = BATON_STR("root") };

	say(talk, "a", "one");
	assert_int_equal(agent(talk, BATON_CMD_ERASE, "nina", "", ""), BATON_E_DENIED);
	assert_int_equal(take(talk, erase), 0);
	assert_int_equal(say(talk, "b", "two"), BATON_E_ERASED);
	assert_int_equal(answer(talk, 3), BATON_E_ERASED);
}

static void the_clock_of_waiting_survives_a_hand_over(void **state)
{
	struct talk *talk = *state;

	say(talk, "a", "one");
	uint64_t since = talk->session.first_unanswered_ms;
	customer(talk, BATON_CMD_HUMAN);
	agent(talk, BATON_CMD_CLAIM, "nina", "", "");
	agent(talk, BATON_CMD_RELEASE, "nina", "", "");
	say(talk, "b", "still there?");
	assert_int_equal(talk->session.first_unanswered_ms, since);
}

static void a_restart_is_counted_and_only_of_an_open_turn(void **state)
{
	struct talk *talk = *state;
	struct baton_command restart = { .verb = BATON_CMD_RESTART, .role = BATON_SELF };

	say(talk, "a", "one");
	assert_int_equal(take(talk, restart), 0);
	assert_int_equal(take(talk, restart), 0);
	assert_int_equal(talk->session.restarts, 2);
	answer(talk, 3);
	assert_int_equal(talk->session.restarts, 0);
	assert_int_equal(take(talk, restart), BATON_E_STALE);
}

static void a_snapshot_is_the_state(void **state)
{
	struct talk *talk = *state;
	struct baton_session back;
	struct baton_buf bytes = { NULL, 0, 0 }, again = { NULL, 0, 0 };

	say(talk, "a", "gr\xc3\xbc\xc3\x9f \"x\"\n");
	draft(talk, 3);
	agent(talk, BATON_CMD_CLAIM, "nina", "", "");
	agent(talk, BATON_CMD_NOTE, "nina", "n1", "hm");
	baton_session_save(&talk->session, &bytes);
	assert_int_equal(baton_session_load(&back, &talk->session.id, baton_buf_view(&bytes)), 0);
	baton_session_save(&back, &again);
	assert_string_equal(bytes.p, again.p);
	assert_int_equal(baton_session_seen(&back, BATON_STR("a")), 3);
	baton_session_done(&back);
	/* Every cut of it is refused and leaves an empty session. */
	for (size_t n = 0; n < bytes.n; n += 3) {
		assert_true(baton_session_load(&back, &talk->session.id,
					       (baton_str){ bytes.p, n }) < 0);
		assert_int_equal(back.seq, 0);
		baton_session_done(&back);
	}
	baton_buf_done(&bytes);
	baton_buf_done(&again);
}

static void a_wish_for_a_person_is_heard_in_several_languages(void **state)
{
	static const char *const yes[] = { "I want to talk to a human",
					   "agent",
					   "HUMAN PLEASE!",
					   "can i speak with a real person?",
					   "please connect me to a representative",
					   "get me your supervisor",
					   "Ich möchte mit einem Menschen sprechen",
					   "Ich brauche einen Mitarbeiter",
					   "je voudrais parler à un conseiller",
					   "quiero hablar con una persona",
					   "vorrei parlare con un operatore",
					   "ik wil een medewerker spreken",
					   "real person now",
					   "my parcel is lost, a human please",
					   "No, I want to talk to a human",
					   "no. talk to a person",
					   "Nein! Ich brauche einen Mitarbeiter" };
	static const char *const no[] = { "where is my order",
					  "I do not want to talk to a human",
					  "my delivery person was rude",
					  "do not transfer me to an agent",
					  "I want to return it",
					  "",
					  "what does the agent column mean",
					  "ich will keinen Mitarbeiter",
					  "no need to talk to a human",
					  "hello, do not connect me to an agent" };

	(void)state;
	for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++)
		if (!baton_asks_for_person(baton_str_of(yes[i])))
			fail_msg("not heard: %s", yes[i]);
	for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++)
		if (baton_asks_for_person(baton_str_of(no[i])))
			fail_msg("heard in: %s", no[i]);
}

/* They are searched by halving. */
static void the_words_that_ask_for_a_person_are_in_order(void **state)
{
	static const char *const words[] = {
#define WORD(word, kinds) word,
#include "core/session/asks.def"
#undef WORD
	};

	(void)state;
	for (size_t i = 1; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(words[i - 1], words[i]) >= 0)
			fail_msg("%s stands behind %s", words[i], words[i - 1]);
}

/* --- degraded modes --- */

static int mode(struct talk *talk, enum baton_event_type type, const char *name)
{
	struct baton_event event = { .type = type };

	if (type == BATON_EV_MODE_ENTERED)
		event.mode_entered.mode = baton_str_of(name);
	else
		event.mode_left.mode = baton_str_of(name);
	return take(talk, (struct baton_command){ .verb = BATON_CMD_MODE,
						  .role = BATON_SELF,
						  .events = &event,
						  .n_events = 1 });
}

static int capture(struct talk *talk, uint64_t turn)
{
	struct baton_event event = { .type = BATON_EV_MESSAGE_CAPTURED };

	event.message_captured.turn = event.message_captured.upto = turn;
	event.message_captured.mode = BATON_STR("pause");
	return take(talk, (struct baton_command){ .verb = BATON_CMD_EVENT,
						  .role = BATON_SELF,
						  .turn = turn,
						  .events = &event,
						  .n_events = 1 });
}

static int hand_over_until(struct talk *talk, uint64_t turn, const char *resumes)
{
	struct baton_event event = { .type = BATON_EV_ESCALATION_TRIGGERED };

	event.escalation_triggered.turn = turn;
	event.escalation_triggered.reversible = true;
	event.escalation_triggered.resumes = baton_str_of(resumes);
	return take(talk, (struct baton_command){ .verb = BATON_CMD_HAND_OVER,
						  .role = BATON_SELF,
						  .turn = turn,
						  .text = BATON_STR("Later."),
						  .events = &event,
						  .n_events = 1 });
}

static int resume(struct talk *talk, const char *what)
{
	return take(talk, (struct baton_command){ .verb = BATON_CMD_RESUME,
						  .role = BATON_SELF,
						  .value = baton_str_of(what) });
}

static void a_mode_is_told_once_and_left_once(void **state)
{
	struct talk *talk = *state;

	assert_int_equal(mode(talk, BATON_EV_MODE_ENTERED, "intake"), BATON_E_NOTFOUND);
	assert_int_equal(say(talk, "a", "Hello"), 0);
	assert_int_equal(mode(talk, BATON_EV_MODE_LEFT, "intake"), BATON_E_STALE);
	assert_int_equal(mode(talk, BATON_EV_MODE_ENTERED, "intake"), 0);
	assert_string_equal(talk->session.mode, "intake");
	assert_int_equal(mode(talk, BATON_EV_MODE_ENTERED, "intake"), BATON_E_STALE);
	assert_int_equal(mode(talk, BATON_EV_MODE_LEFT, "other"), BATON_E_STALE);
	assert_int_equal(mode(talk, BATON_EV_MODE_LEFT, "intake"), 0);
	assert_string_equal(talk->session.mode, "");
}

/* The turn was routed before somebody else told of the mode, and speaks after it. */
static void what_a_turn_noted_of_a_mode_is_told_once(void **state)
{
	struct talk *talk = *state;
	struct baton_event notes[3] = { { .type = BATON_EV_MODE_LEFT },
					{ .type = BATON_EV_MODE_ENTERED },
					{ .type = BATON_EV_MESSAGE_CAPTURED } };

	assert_int_equal(say(talk, "a", "Hello"), 0);
	assert_int_equal(mode(talk, BATON_EV_MODE_ENTERED, "pause"), 0);
	uint64_t turn = talk->session.last_message, seq = talk->session.seq;
	notes[0].mode_left.mode = BATON_STR("intake");
	notes[1].mode_entered.mode = BATON_STR("pause");
	notes[2].message_captured = (struct baton_ev_message_captured){
		.turn = turn, .upto = turn, .mode = BATON_STR("pause")
	};
	assert_int_equal(take(talk, (struct baton_command){ .verb = BATON_CMD_EVENT,
							    .role = BATON_SELF,
							    .turn = turn,
							    .events = notes,
							    .n_events = 3 }),
			 0);
	assert_int_equal(talk->session.seq, seq + 1); /* the captured message alone */
	assert_string_equal(talk->session.mode, "pause");
	assert_string_equal(talk->session.resumes, "mode:pause");
}

static void what_a_mode_kept_is_open_again_when_it_ends(void **state)
{
	struct talk *talk = *state;

	assert_int_equal(say(talk, "a", "Where is it?"), 0);
	uint64_t first = talk->session.last_message, waiting = talk->session.first_unanswered_ms;
	assert_int_equal(capture(talk, first), 0);
	assert_false(baton_session_turn_open(&talk->session));
	assert_true(baton_session_marks(&talk->session) & BATON_MARK_HELD);
	assert_int_equal(capture(talk, first), BATON_E_STALE); /* one outcome */
	assert_int_equal(say(talk, "b", "And the invoice?"), 0);
	assert_int_equal(capture(talk, talk->session.last_message), 0);

	assert_int_equal(resume(talk, "mode:other"), BATON_E_STALE);
	assert_int_equal(resume(talk, "mode:pause"), 0);
	assert_true(baton_session_turn_open(&talk->session));
	assert_true(talk->session.answered_upto < first); /* both are open */
	assert_int_equal(talk->session.first_unanswered_ms, waiting);
	assert_false(baton_session_marks(&talk->session) & BATON_MARK_HELD);
	assert_int_equal(resume(talk, "mode:pause"), BATON_E_STALE);
	assert_int_equal(answer(talk, talk->session.last_message), 0);
}

static void what_a_mode_kept_goes_to_a_person_when_it_expires(void **state)
{
	struct talk *talk = *state;

	assert_int_equal(say(talk, "a", "Where is it?"), 0);
	assert_int_equal(resume(talk, "expired"), BATON_E_STALE);
	assert_int_equal(capture(talk, talk->session.last_message), 0);
	assert_int_equal(resume(talk, "expired"), 0);
	assert_int_equal(talk->session.owner, BATON_OWNER_QUEUE);
	assert_int_equal(resume(talk, "expired"), BATON_E_STALE);
	assert_int_equal(resume(talk, "mode:pause"), BATON_E_STALE);
}

static void a_waiting_case_returns_to_the_bot_unless_somebody_has_it(void **state)
{
	struct talk *talk = *state;

	assert_int_equal(say(talk, "a", "Where is it?"), 0);
	assert_int_equal(hand_over_until(talk, talk->session.last_message, "targets"), 0);
	assert_true(baton_str_is(talk->decision.events[1].case_queued.text, "Later."));
	uint64_t epoch = talk->session.epoch;
	assert_int_equal(say(talk, "b", "Hello?"), 0);
	assert_int_equal(resume(talk, "targets"), 0);
	assert_int_equal(talk->session.owner, BATON_OWNER_BOT);
	assert_int_equal(talk->session.epoch, epoch + 1);
	assert_true(baton_session_turn_open(&talk->session));

	assert_int_equal(hand_over_until(talk, talk->session.last_message, "targets"), 0);
	assert_int_equal(agent(talk, BATON_CMD_CLAIM, "ann", "", ""), 0);
	assert_int_equal(resume(talk, "targets"), BATON_E_STALE);
	assert_int_equal(agent(talk, BATON_CMD_RELEASE, "ann", "", ""), 0);
	assert_int_equal(resume(talk, "targets"), BATON_E_STALE); /* a person has seen it */
}

static void a_hand_over_for_good_is_not_taken_back(void **state)
{
	struct talk *talk = *state;

	assert_int_equal(say(talk, "a", "Where is it?"), 0);
	assert_int_equal(hand_over_until(talk, talk->session.last_message, ""), 0);
	assert_int_equal(resume(talk, ""), BATON_E_STALE);
	assert_int_equal(resume(talk, "targets"), BATON_E_STALE);
}

static void a_held_session_is_the_same_after_a_snapshot(void **state)
{
	struct talk *talk = *state;
	struct baton_session back;
	struct baton_buf bytes = { NULL, 0, 0 };

	assert_int_equal(say(talk, "a", "Where is it?"), 0);
	assert_int_equal(mode(talk, BATON_EV_MODE_ENTERED, "pause"), 0);
	assert_int_equal(capture(talk, talk->session.last_message), 0);
	baton_session_save(&talk->session, &bytes);
	assert_int_equal(baton_session_load(&back, &talk->session.id, baton_buf_view(&bytes)), 0);
	assert_string_equal(back.resumes, "mode:pause");
	assert_string_equal(back.mode, "pause");
	assert_int_equal(back.held_after, talk->session.held_after);
	baton_session_done(&back);
	baton_buf_done(&bytes);
}

#define TALK(test) cmocka_unit_test_setup_teardown(test, open_talk, close_talk)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TALK(the_first_message_opens_the_session_and_discloses),
		TALK(a_client_id_counts_once_for_the_life_of_the_session),
		TALK(a_message_of_the_wrong_form_is_refused_and_leaves_nothing),
		TALK(a_turn_is_answered_once),
		TALK(a_message_that_comes_during_a_turn_is_the_next_turn),
		TALK(asking_in_words_hands_over_before_any_turn),
		TALK(the_button_works_before_the_first_word_and_twice),
		TALK(the_bot_cannot_speak_once_a_person_has_it),
		TALK(what_was_shown_is_withdrawn_in_the_same_append),
		TALK(a_case_is_claimed_by_one),
		TALK(a_supervisor_may_return_what_an_agent_left),
		TALK(a_reply_to_what_was_not_seen_is_a_conflict),
		TALK(a_draft_is_approved_edited_or_rejected_once),
		TALK(an_edited_draft_says_the_agents_words),
		TALK(resolving_ends_it_and_a_new_message_opens_it_again),
		TALK(nothing_happens_to_an_erased_session),
		TALK(the_clock_of_waiting_survives_a_hand_over),
		TALK(a_restart_is_counted_and_only_of_an_open_turn),
		TALK(a_snapshot_is_the_state),
		TALK(a_mode_is_told_once_and_left_once),
		TALK(what_a_turn_noted_of_a_mode_is_told_once),
		TALK(what_a_mode_kept_is_open_again_when_it_ends),
		TALK(what_a_mode_kept_goes_to_a_person_when_it_expires),
		TALK(a_waiting_case_returns_to_the_bot_unless_somebody_has_it),
		TALK(a_hand_over_for_good_is_not_taken_back),
		TALK(a_held_session_is_the_same_after_a_snapshot),
		cmocka_unit_test(a_wish_for_a_person_is_heard_in_several_languages),
		cmocka_unit_test(the_words_that_ask_for_a_person_are_in_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
