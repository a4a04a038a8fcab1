/* SPDX-License-Identifier: Apache-2.0 */

/* Drafts and suggestions: what a person does with them, and how much of them was changed. */

#include "tests/unit/session_talk.h"

static int review(struct talk *talk, const char *id, uint64_t about, const char *what,
		  const char *text)
{
	return take(talk, (struct baton_command){ .verb = BATON_CMD_DRAFT,
						  .role = BATON_AGENT,
						  .agent = BATON_STR("nina"),
						  .client_id = baton_str_of(id),
						  .about_seq = about,
						  .value = baton_str_of(what),
						  .text = baton_str_of(text) });
}

static void claimed_draft(struct talk *talk)
{
	say(talk, "a", "one");
	draft(talk, 3);
	agent(talk, BATON_CMD_CLAIM, "nina", "", "");
}

static const struct baton_ev_draft_reviewed *reviewed(const struct talk *talk)
{
	assert_int_equal(event_type(talk, 0), BATON_EV_DRAFT_REVIEWED);
	return &talk->decision.events[0].draft_reviewed;
}

static void sent_as_it_was_is_no_edit(void **state)
{
	struct talk *talk = *state;

	claimed_draft(talk);
	assert_int_equal(review(talk, "d", talk->session.draft, "accept", ""), 0);
	assert_int_equal(reviewed(talk)->edit_ppm, 0);
	assert_true(baton_str_is(reviewed(talk)->action, "accepted"));
}

static void the_same_words_are_accepted_whichever_key_was_pressed(void **state)
{
	struct talk *talk = *state;

	claimed_draft(talk);
	assert_int_equal(review(talk, "d", talk->session.draft, "edit", "Shall I say tomorrow?"),
			 0);
	assert_true(baton_str_is(reviewed(talk)->action, "accepted"));
	assert_int_equal(reviewed(talk)->edit_ppm, 0);
}

static void one_word_of_four_is_a_quarter(void **state)
{
	struct talk *talk = *state;

	claimed_draft(talk);
	assert_int_equal(review(talk, "d", talk->session.draft, "edit", "Shall I say today?"), 0);
	assert_true(baton_str_is(reviewed(talk)->action, "edited"));
	assert_int_equal(reviewed(talk)->edit_ppm, 250000);
}

static void a_rejected_draft_needs_no_text_and_says_nothing(void **state)
{
	struct talk *talk = *state;

	claimed_draft(talk);
	assert_int_equal(review(talk, "d", talk->session.draft, "reject", ""), 0);
	assert_int_equal(talk->decision.n_events, 1);
	assert_int_equal(reviewed(talk)->edit_ppm, 1000000);
	assert_int_equal(talk->session.draft, 0);
}

static int assist(struct talk *talk, uint64_t epoch, const char *by, const char *text)
{
	struct baton_event event = { .type = BATON_EV_DRAFT_PROPOSED };

	event.draft_proposed.text = baton_str_of(text);
	event.draft_proposed.asked_by = baton_str_of(by);
	event.draft_proposed.target = BATON_STR("main");
	event.draft_proposed.cost_microusd = 7;
	return take(talk, (struct baton_command){ .verb = BATON_CMD_ASSIST,
						  .role = BATON_SELF,
						  .epoch = epoch,
						  .events = &event,
						  .n_events = 1 });
}

static void a_suggestion_replaces_the_draft_before(void **state)
{
	struct talk *talk = *state;

	claimed_draft(talk);
	uint64_t first = talk->session.draft;
	assert_false(talk->session.draft_suggested);
	assert_int_equal(agent(talk, BATON_CMD_SUGGEST, "nina", "", ""), 0);
	assert_true(talk->decision.wants_suggestion);
	assert_int_equal(talk->decision.n_events, 0);
	assert_int_equal(assist(talk, talk->session.epoch, "nina", "Say this."), 0);
	assert_true(talk->session.draft > first);
	assert_true(talk->session.draft_suggested);
	assert_string_equal(talk->session.draft_target, "main");
	assert_int_equal(talk->session.cost_microusd, 7);
	/* Nothing of it went to the customer, and the case is who it was. */
	assert_int_equal(talk->decision.n_events, 1);
	assert_int_equal(talk->session.owner, BATON_OWNER_AGENT);
	assert_int_equal(review(talk, "d", first, "accept", ""), BATON_E_STALE);
	assert_int_equal(review(talk, "e", talk->session.draft, "accept", ""), 0);
	assert_string_equal(talk->session.lines[talk->session.n_lines - 1].text.p, "Say this.");
}

static void help_ends_when_the_case_changes_hands(void **state)
{
	struct talk *talk = *state;

	claimed_draft(talk);
	uint64_t epoch = talk->session.epoch;
	agent(talk, BATON_CMD_RELEASE, "nina", "", "");
	assert_int_equal(assist(talk, epoch, "nina", "Too late."), BATON_E_STALE);
	agent(talk, BATON_CMD_CLAIM, "nina", "", "");
	assert_int_equal(assist(talk, epoch, "nina", "Too late."), BATON_E_STALE);
	agent(talk, BATON_CMD_HANDBACK, "nina", "", "");
	assert_int_equal(assist(talk, talk->session.epoch, "nina", "The bot has it."),
			 BATON_E_STALE);
}

static void only_who_has_the_case_may_ask(void **state)
{
	struct talk *talk = *state;

	say(talk, "a", "one");
	assert_true(agent(talk, BATON_CMD_SUGGEST, "nina", "", "") < 0);
	draft(talk, 3);
	assert_true(agent(talk, BATON_CMD_SUGGEST, "nina", "", "") < 0);
	agent(talk, BATON_CMD_CLAIM, "nina", "", "");
	assert_int_equal(agent(talk, BATON_CMD_SUGGEST, "omar", "", ""), BATON_E_STATE);
	assert_int_equal(customer(talk, BATON_CMD_SUGGEST), BATON_E_DENIED);
	assert_int_equal(agent(talk, BATON_CMD_SUGGEST, "nina", "", ""), 0);
}

static void a_write_up_is_known_by_its_hand_over(void **state)
{
	struct talk *talk = *state;
	struct baton_event event = { .type = BATON_EV_WRITEUP_GENERATED };

	claimed_draft(talk);
	uint64_t queued = talk->session.queued_seq;
	assert_true(queued > 0);
	event.writeup_generated.about = queued;
	assert_int_equal(take(talk, (struct baton_command){ .verb = BATON_CMD_ASSIST,
							    .role = BATON_SELF,
							    .epoch = talk->session.epoch,
							    .events = &event,
							    .n_events = 1 }),
			 0);
	assert_int_equal(talk->session.written_about, queued);
	agent(talk, BATON_CMD_HANDBACK, "nina", "", "");
	assert_int_equal(talk->session.queued_seq, 0);
}

static int sum_up(struct talk *talk, uint64_t upto, const char *text)
{
	struct baton_event event = { .type = BATON_EV_SUMMARY_MADE };

	event.summary_made.upto = upto;
	event.summary_made.text = baton_str_of(text);
	event.summary_made.cost_microusd = 5;
	return take(talk, (struct baton_command){ .verb = BATON_CMD_SUMMARY,
						  .role = BATON_SELF,
						  .epoch = 77, /* whoever has it */
						  .events = &event,
						  .n_events = 1 });
}

static void a_summary_is_fenced_by_what_was_said(void **state)
{
	struct talk *talk = *state;
	uint64_t spent;

	claimed_draft(talk);
	spent = talk->session.cost_microusd;
	assert_int_equal(sum_up(talk, talk->session.seq + 1, "Too early."), BATON_E_STALE);
	assert_int_equal(sum_up(talk, 0, "Nothing."), BATON_E_STALE);
	assert_int_equal(sum_up(talk, 3, "It began."), 0);
	assert_true(baton_str_is(talk->session.summary, "It began."));
	assert_int_equal(talk->session.summary_upto, 3);
	assert_int_equal(talk->session.cost_microusd, spent + 5);
	assert_int_equal(sum_up(talk, 3, "Again."), BATON_E_STALE);
	assert_int_equal(sum_up(talk, 2, "Backwards."), BATON_E_STALE);
	agent(talk, BATON_CMD_HANDBACK, "nina", "", "");
	assert_int_equal(sum_up(talk, 4, "It went on."), 0);
	assert_true(baton_str_is(talk->session.summary, "It went on."));
	struct baton_event event = { .type = BATON_EV_SUMMARY_MADE };
	event.summary_made.upto = 5;
	assert_int_equal(take(talk, (struct baton_command){ .verb = BATON_CMD_SUMMARY,
							    .role = BATON_AGENT,
							    .events = &event,
							    .n_events = 1 }),
			 BATON_E_DENIED);
	event.type = BATON_EV_ANSWER_GENERATED;
	assert_int_equal(take(talk, (struct baton_command){ .verb = BATON_CMD_SUMMARY,
							    .role = BATON_SELF,
							    .events = &event,
							    .n_events = 1 }),
			 BATON_E_INVAL);
}

static void a_snapshot_holds_the_summary(void **state)
{
	struct talk *talk = *state;
	struct baton_buf bytes = { NULL, 0, 0 };
	struct baton_session back;

	claimed_draft(talk);
	assert_int_equal(sum_up(talk, 3, "\"Quoted\" \xe2\x82\xac"), 0);
	baton_session_save(&talk->session, &bytes);
	assert_int_equal(baton_session_load(&back, &talk->session.id, baton_buf_view(&bytes)), 0);
	assert_true(baton_str_eq(back.summary, talk->session.summary));
	assert_int_equal(back.summary_upto, 3);
	baton_session_done(&back);
	baton_buf_done(&bytes);
}

int main(void)
{
#define TALK(test) cmocka_unit_test_setup_teardown(test, open_talk, close_talk)
	const struct CMUnitTest tests[] = {
		TALK(sent_as_it_was_is_no_edit),
		TALK(the_same_words_are_accepted_whichever_key_was_pressed),
		TALK(one_word_of_four_is_a_quarter),
		TALK(a_rejected_draft_needs_no_text_and_says_nothing),
		TALK(a_suggestion_replaces_the_draft_before),
		TALK(help_ends_when_the_case_changes_hands),
		TALK(only_who_has_the_case_may_ask),
		TALK(a_write_up_is_known_by_its_hand_over),
		TALK(a_summary_is_fenced_by_what_was_said),
		TALK(a_snapshot_holds_the_summary),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
