/* SPDX-License-Identifier: Apache-2.0 */

/* The report's figures, counted by hand. A conversation is a list of events, ten seconds apart
 * unless a test says otherwise; the window is from T to T + one hour. */
#include "core/observe/report.h"

#include "core/base/buf.h"
#include "core/base/errors.h"
#include "core/base/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

enum { HOUR = 3600000, T = 1700000000 };

static const uint64_t begin_ms = T * 1000ull;

struct talk {
	struct baton_report *report;
	struct baton_id id;
	uint64_t seq, now;
	/* what was fed, so that it can be primed with it */
	struct baton_event fed[64];
	size_t n_fed;
};

static struct baton_id id_of(unsigned number)
{
	struct baton_id id = { { 1 } };

	id.b[14] = (uint8_t)(number >> 8);
	id.b[15] = (uint8_t)number;
	return id;
}

static struct baton_report *report_new(void)
{
	struct baton_report_options options = { .since_ms = begin_ms,
						.until_ms = begin_ms + HOUR,
						.operations = id_of(0xffff),
						.labour_microusd_per_hour = 36000000 };

	return baton_report_new(&options);
}

static struct talk talk_new(struct baton_report *report, unsigned number)
{
	return (struct talk){ .report = report, .id = id_of(number), .now = begin_ms };
}

static void feed(struct talk *talk, struct baton_event event)
{
	event.seq = ++talk->seq;
	event.unix_ms = talk->now;
	talk->fed[talk->n_fed++] = event;
	assert_true(talk->n_fed < 64);
	int rc = baton_report_event(talk->report, &talk->id, &event);
	if (rc == BATON_E_AGAIN) {
		for (size_t i = 0; i + 1 < talk->n_fed; i++)
			baton_report_prime(talk->report, &talk->id, &talk->fed[i]);
		baton_report_primed(talk->report, &talk->id, event.seq);
		rc = baton_report_event(talk->report, &talk->id, &event);
	}
	assert_int_equal(rc, 0);
}

#define S(z) baton_str_of(z)
#define FEED(talk, TYPE, member, ...) \
	feed(talk, (struct baton_event){ .type = BATON_EV_##TYPE, .member = { __VA_ARGS__ } })

static void later(struct talk *talk, uint64_t ms)
{
	talk->now += ms;
}

static void asks(struct talk *talk, const char *text, const char *intent)
{
	if (talk->seq == 0) {
		FEED(talk, SESSION_OPENED, session_opened, .channel = S("web"));
		FEED(talk, DISCLOSURE_MADE, disclosure_made, .text = S("A bot answers."));
	}
	FEED(talk, MESSAGE_RECEIVED, message_received, .text = S(text));
	FEED(talk, INTENT_DETECTED, intent_detected, .intent = S(intent));
}

static void tries(struct talk *talk, const char *target, const char *reason)
{
	FEED(talk, ROUTE_SELECTED, route_selected, .target = S(target), .reason = S(reason));
}

static void fails(struct talk *talk, const char *target)
{
	FEED(talk, MODEL_FAILED, model_failed, .target = S(target), .fail = S("unreachable"),
	     .cost_microusd = 7);
}

static void answers(struct talk *talk, const char *target, bool substitute)
{
	FEED(talk, ANSWER_GENERATED, answer_generated, .text = S("It is on its way."),
	     .target = S(target), .substitute = substitute, .marked = substitute,
	     .cost_microusd = substitute ? 50 : 100, .first_token_ms = 40, .total_ms = 60);
}

static void to_person(struct talk *talk, const char *rule)
{
	FEED(talk, ESCALATION_TRIGGERED, escalation_triggered, .rule = S(rule),
	     .reason = S("in words"));
	FEED(talk, CASE_QUEUED, case_queued, .queue = S("general"), .upto = talk->seq);
}

static const struct baton_slice *slice_of(const struct baton_report *report, const char *intent,
					  enum baton_side side)
{
	for (size_t i = 0; i < report->n_intents; i++)
		if (strcmp(report->intents[i].name, intent) == 0)
			return &report->intents[i].sides[side];
	fail_msg("no intent %s", intent);
	return NULL;
}

static double figure(const struct baton_report *report, const char *name)
{
	struct baton_figure rows[BATON_FIGURES_MAX];
	size_t n = baton_report_figures(report, rows);

	for (size_t i = 0; i < n; i++)
		if (strcmp(rows[i].name, name) == 0) {
			assert_true(rows[i].known);
			return rows[i].value;
		}
	fail_msg("no figure %s", name);
	return 0;
}

static void an_answer_is_a_healthy_turn_of_its_intent(void **state)
{
	struct baton_report *report = report_new();
	struct talk talk = talk_new(report, 1);

	(void)state;
	asks(&talk, "Where is my order?", "order-status");
	later(&talk, 50);
	tries(&talk, "primary", "primary");
	answers(&talk, "primary", false);
	baton_report_end(report);
	const struct baton_slice *slice = slice_of(report, "order-status", BATON_SIDE_HEALTHY);
	assert_int_equal(slice->turns, 1);
	assert_int_equal(slice->answered, 1);
	assert_int_equal(slice->attempts, 1);
	assert_int_equal(slice->conversations, 1);
	assert_int_equal(slice->resolved, 1);
	assert_int_equal(slice->first_contact, 1);
	assert_int_equal(slice->cost_microusd, 100);
	assert_int_equal(baton_spread_quantile(&slice->response_ms, 500000), 50);
	assert_int_equal(baton_spread_mean(&slice->first_response_ms), 50);
	assert_int_equal(slice->disclosed, slice->spoken);
	assert_int_equal(report->total[BATON_SIDE_DEGRADED].turns, 0);
	assert_true(figure(report, "degraded_share") < 1e-9);
	baton_report_free(&report);
}

static void a_substitute_makes_the_turn_and_the_conversation_degraded(void **state)
{
	struct baton_report *report = report_new();
	struct talk talk = talk_new(report, 1), well = talk_new(report, 2);

	(void)state;
	asks(&talk, "Where is my order?", "order-status");
	tries(&talk, "primary", "primary");
	later(&talk, 300);
	fails(&talk, "primary");
	tries(&talk, "second", "fallback");
	later(&talk, 200);
	answers(&talk, "second", true);
	asks(&well, "When do you open?", "opening-hours");
	answers(&well, "primary", false);
	baton_report_end(report);
	const struct baton_slice *slice = &report->total[BATON_SIDE_DEGRADED];
	assert_int_equal(slice->turns, 1);
	assert_int_equal(slice->fallbacks, 1);
	assert_int_equal(slice->marked, 1);
	assert_int_equal(slice->hurt, 1);
	assert_int_equal(slice->rescued, 1);
	assert_int_equal(slice->attempts, 2);
	assert_int_equal(slice->failed_attempts, 1);
	assert_int_equal(slice->failed_cost_microusd, 7);
	assert_int_equal(baton_spread_mean(&slice->rescue_ms), 200);
	assert_int_equal(baton_spread_mean(&slice->response_ms), 500);
	assert_true(figure(report, "degraded_share") > 0.499);
	assert_int_equal(report->cost.model_microusd, 50);
	assert_int_equal(report->cost.failed_microusd, 7);
	assert_int_equal(report->cost.extra_microusd_per_turn, 57 - 100);
	baton_report_free(&report);
}

static void a_wish_for_a_person_is_healthy_a_model_that_is_gone_is_not(void **state)
{
	struct baton_report *report = report_new();
	struct talk wish = talk_new(report, 1), gone = talk_new(report, 2);

	(void)state;
	asks(&wish, "I want to talk to a human", "speak-to-human");
	to_person(&wish, "core.customer_asked");
	asks(&gone, "Where is my order?", "order-status");
	fails(&gone, "primary");
	to_person(&gone, "core.model_unavailable");
	baton_report_end(report);
	assert_int_equal(report->total[BATON_SIDE_HEALTHY].handed_over, 1);
	assert_int_equal(report->total[BATON_SIDE_DEGRADED].handed_over, 1);
	assert_int_equal(report->total[BATON_SIDE_DEGRADED].failed_to_person, 1);
	assert_int_equal(report->waiting_end, 2);
	assert_true(figure(report, "backlog_growth") > 1.99);
	baton_report_free(&report);
}

static void times_of_people_are_measured_from_queue_to_the_bots_next_answer(void **state)
{
	struct baton_report *report = report_new();
	struct talk talk = talk_new(report, 1);

	(void)state;
	asks(&talk, "This is a complaint about you", "complaint");
	to_person(&talk, "complaint-rule");
	later(&talk, 20000);
	FEED(&talk, CASE_CLAIMED, case_claimed, .agent = S("nina"));
	later(&talk, 5000);
	FEED(&talk, HUMAN_MESSAGE, human_message, .text = S("I am here."));
	later(&talk, 35000);
	FEED(&talk, HANDBACK_APPROVED, handback_approved, .agent = S("nina"));
	later(&talk, 10000);
	asks(&talk, "When do you open?", "opening-hours");
	later(&talk, 100);
	answers(&talk, "primary", false);
	baton_report_end(report);
	struct baton_slice *all = &report->total[BATON_SIDE_HEALTHY];
	assert_int_equal(baton_spread_mean(&all->wait_ms), 20000);
	assert_int_equal(baton_spread_mean(&all->pickup_ms), 25000);
	assert_int_equal(baton_spread_mean(&all->handle_ms), 40000);
	assert_int_equal(baton_spread_mean(&all->resume_ms), 70100);
	assert_int_equal(baton_spread_mean(&all->first_response_ms), 25000);
	assert_int_equal(all->resumes, 1);
	assert_int_equal(all->relapses, 0);
	assert_int_equal(report->waiting_end, 0);
	assert_int_equal(all->resolved, 1);
	baton_report_free(&report);
}

static void a_resumption_after_which_a_person_is_needed_at_once_was_not_safe(void **state)
{
	struct baton_report *report = report_new();
	struct talk talk = talk_new(report, 1);

	(void)state;
	asks(&talk, "This is a complaint about you", "complaint");
	to_person(&talk, "complaint-rule");
	FEED(&talk, CASE_CLAIMED, case_claimed, .agent = S("nina"));
	FEED(&talk, HANDBACK_APPROVED, handback_approved, .agent = S("nina"));
	asks(&talk, "When do you open?", "opening-hours");
	answers(&talk, "primary", false);
	asks(&talk, "My lawyer will write to you", "complaint");
	to_person(&talk, "complaint-rule");
	baton_report_end(report);
	assert_int_equal(report->total[BATON_SIDE_HEALTHY].resumes, 1);
	assert_int_equal(report->total[BATON_SIDE_HEALTHY].relapses, 1);
	baton_report_free(&report);
}

static void who_must_say_it_again_was_not_handed_over_well(void **state)
{
	struct baton_report *report = report_new();
	struct talk good = talk_new(report, 1), bad = talk_new(report, 2);

	(void)state;
	asks(&good, "My lamp arrived broken yesterday", "damaged-item");
	to_person(&good, "damage-rule");
	FEED(&good, CASE_CLAIMED, case_claimed, .agent = S("nina"));
	asks(&good, "Thank you, that is all I wanted", "small-talk");
	asks(&bad, "My lamp arrived broken yesterday", "damaged-item");
	to_person(&bad, "damage-rule");
	FEED(&bad, CASE_CLAIMED, case_claimed, .agent = S("nina"));
	FEED(&bad, HUMAN_MESSAGE, human_message, .text = S("What is it about?"));
	asks(&bad, "As I said: my lamp arrived broken yesterday", "damaged-item");
	asks(&bad, "My lamp arrived broken yesterday!", "damaged-item");
	baton_report_end(report);
	const struct baton_slice *slice = slice_of(report, "damaged-item", BATON_SIDE_HEALTHY);
	assert_int_equal(slice->handoffs, 2);
	assert_int_equal(slice->handoffs_full, 2);
	assert_int_equal(slice->handoffs_repeated, 1);
	assert_int_equal(slice->handoffs_good, 1);
	assert_int_equal(slice->repeats, 2);
	baton_report_free(&report);
}

static void drafts_are_counted_by_what_people_made_of_them(void **state)
{
	static const char *const actions[] = { "accepted", "edited", "rejected" };
	struct baton_report *report = report_new();

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		struct talk talk = talk_new(report, i + 1);
		asks(&talk, "I was charged twice", "billing-question");
		FEED(&talk, DRAFT_PROPOSED, draft_proposed, .text = S("one two three four"),
		     .target = S("primary"));
		to_person(&talk, "core.tier_2_review");
		FEED(&talk, CASE_CLAIMED, case_claimed, .agent = S("nina"));
		FEED(&talk, DRAFT_REVIEWED, draft_reviewed, .action = S(actions[i]),
		     .edit_ppm = i == 0   ? 0
				 : i == 1 ? 250000
					  : 1000000);
		if (i < 2)
			FEED(&talk, HUMAN_MESSAGE, human_message,
			     .text = S(i ? "one two three five" : "one two three four"));
	}
	baton_report_end(report);
	const struct baton_slice *slice = slice_of(report, "billing-question", BATON_SIDE_HEALTHY);
	assert_int_equal(slice->turns, 3);
	assert_int_equal(slice->drafted, 3);
	assert_int_equal(slice->handed_over, 0);
	assert_int_equal(slice->handoffs, 0);
	assert_int_equal(slice->reviewed, 3);
	assert_int_equal(slice->overridden, 2);
	assert_int_equal(slice->redone, 2);
	assert_int_equal(slice->edit_ppm.n, 2);
	assert_int_equal(slice->edit_ppm.sum, 250000);
	assert_int_equal(report->targets[0].reviewed, 3);
	assert_int_equal(report->targets[0].overridden, 2);
	assert_int_equal(report->targets[0].sent, 2);
	assert_int_equal(report->targets[0].edit_ppm_sum, 250000);
	baton_report_free(&report);
}

static void help_for_agents_is_no_turn_and_counted_apart(void **state)
{
	struct baton_report *report = report_new();
	struct talk talk = talk_new(report, 1);

	(void)state;
	asks(&talk, "I want to complain", "complaint");
	to_person(&talk, "core.tier_3");
	FEED(&talk, WRITEUP_GENERATED, writeup_generated, .origin = S("template"));
	FEED(&talk, WRITEUP_GENERATED, writeup_generated, .origin = S("ai"), .cost_microusd = 30,
	     .target = S("primary"));
	FEED(&talk, CASE_CLAIMED, case_claimed, .agent = S("nina"));
	for (unsigned i = 0; i < 3; i++) {
		static const char *const actions[] = { "accepted", "edited", "rejected" };

		FEED(&talk, DRAFT_PROPOSED, draft_proposed, .text = S("So."), .asked_by = S("nina"),
		     .target = S("primary"), .cost_microusd = 7);
		FEED(&talk, DRAFT_REVIEWED, draft_reviewed, .action = S(actions[i]));
	}
	baton_report_end(report);
	const struct baton_slice *slice = slice_of(report, "complaint", BATON_SIDE_HEALTHY);
	assert_int_equal(slice->turns, 1);
	assert_int_equal(slice->drafted, 0);
	assert_int_equal(slice->reviewed, 0);
	assert_int_equal(slice->overridden, 0);
	assert_int_equal(slice->suggestions, 3);
	assert_int_equal(slice->suggestions_sent, 2);
	assert_int_equal(slice->suggestions_as_they_were, 1);
	assert_int_equal(slice->writeups, 2);
	assert_int_equal(slice->writeups_template, 1);
	assert_int_equal(slice->assist_cost_microusd, 51);
	assert_int_equal(slice->cost_microusd, 0);
	assert_int_equal(slice->handoffs, 1);
	baton_report_free(&report);
}

static void what_a_mode_kept_is_answered_late_and_is_one_turn(void **state)
{
	struct baton_report *report = report_new();
	struct talk talk = talk_new(report, 1);

	(void)state;
	asks(&talk, "Where is my order?", "order-status");
	FEED(&talk, MODE_ENTERED, mode_entered, .mode = S("pause"), .what = S("pause"));
	FEED(&talk, MESSAGE_CAPTURED, message_captured, .mode = S("pause"));
	later(&talk, 60000);
	FEED(&talk, MODE_LEFT, mode_left, .mode = S("pause"));
	FEED(&talk, AUTOMATION_RESUMED, automation_resumed, .after = 2, .reason = S("mode:pause"));
	later(&talk, 500);
	answers(&talk, "primary", false);
	baton_report_end(report);
	assert_int_equal(report->total[BATON_SIDE_DEGRADED].turns, 1);
	assert_int_equal(report->total[BATON_SIDE_DEGRADED].captured, 1);
	assert_int_equal(report->total[BATON_SIDE_HEALTHY].turns, 0);
	assert_int_equal(report->total[BATON_SIDE_HEALTHY].late, 1);
	assert_int_equal(report->total[BATON_SIDE_HEALTHY].late_ms.sum, 60500);
	assert_int_equal(report->total[BATON_SIDE_DEGRADED].resolved, 1);
	baton_report_free(&report);
}

static void a_turn_that_a_crash_interrupted_is_recovered_or_not(void **state)
{
	struct baton_report *report = report_new();
	struct talk back = talk_new(report, 1), lost = talk_new(report, 2);

	(void)state;
	asks(&back, "Where is my order?", "order-status");
	FEED(&back, TURN_RESTARTED, turn_restarted, .times = 1);
	FEED(&back, TURN_RESTARTED, turn_restarted, .times = 2);
	answers(&back, "primary", false);
	asks(&lost, "Where is my order?", "order-status");
	FEED(&lost, TURN_RESTARTED, turn_restarted, .times = 1);
	baton_report_end(report);
	assert_int_equal(report->total[BATON_SIDE_HEALTHY].restarted, 2);
	assert_int_equal(report->total[BATON_SIDE_HEALTHY].restarted_settled, 1);
	assert_int_equal(report->total[BATON_SIDE_HEALTHY].open_turns, 1);
	baton_report_free(&report);
}

static void who_gives_up_waiting_is_abandoned_who_writes_again_is_reopened(void **state)
{
	struct baton_report *report = report_new();
	struct talk gone = talk_new(report, 1), again = talk_new(report, 2);

	(void)state;
	asks(&gone, "I want to talk to a human", "speak-to-human");
	to_person(&gone, "core.customer_asked");
	FEED(&gone, SESSION_RESOLVED, session_resolved, .by = S("customer"));
	asks(&again, "Where is my order?", "order-status");
	answers(&again, "primary", false);
	FEED(&again, SESSION_RESOLVED, session_resolved, .by = S("customer"));
	asks(&again, "It still is not here", "order-status");
	answers(&again, "primary", false);
	FEED(&again, FEEDBACK_GIVEN, feedback_given, .value = S("down"));
	baton_report_end(report);
	assert_int_equal(report->total[0].abandoned, 1);
	assert_int_equal(report->total[0].reopened, 1);
	assert_int_equal(report->total[0].conversations, 2);
	assert_int_equal(report->total[0].resolved, 0);
	assert_int_equal(report->total[0].rated, 1);
	assert_int_equal(report->total[0].thumbs_up, 0);
	assert_int_equal(report->total[0].redone, 1);
	assert_int_equal(report->waiting_end, 0);
	baton_report_free(&report);
}

static void what_lies_before_the_window_is_known_and_not_counted(void **state)
{
	struct baton_report *report = report_new();
	struct talk talk = talk_new(report, 1), waits = talk_new(report, 2);

	(void)state;
	talk.now = begin_ms - 60000;
	asks(&talk, "Where is my order?", "order-status");
	answers(&talk, "primary", false);
	to_person(&talk, "complaint-rule");
	waits.now = begin_ms - 50000;
	asks(&waits, "I want to talk to a human", "speak-to-human");
	to_person(&waits, "core.customer_asked");
	talk.now = begin_ms + 10000;
	FEED(&talk, CASE_CLAIMED, case_claimed, .agent = S("nina"));
	baton_report_end(report);
	assert_int_equal(report->total[0].turns, 0);
	assert_int_equal(report->total[0].conversations, 0);
	assert_int_equal(report->waiting_start, 2);
	assert_int_equal(report->waiting_end, 1);
	assert_int_equal(report->oldest_wait_ms, HOUR + 50000);
	assert_int_equal(baton_spread_mean(&report->total[0].wait_ms), 70000);
	assert_int_equal(report->steps[0].waiting, 1);
	assert_int_equal(report->steps[BATON_REPORT_STEPS - 1].waiting, 1);
	baton_report_free(&report);
}

static void what_lies_behind_the_window_changes_nothing(void **state)
{
	struct baton_report *report = report_new();
	struct talk talk = talk_new(report, 1);

	(void)state;
	asks(&talk, "I want to talk to a human", "speak-to-human");
	to_person(&talk, "core.customer_asked");
	talk.now = begin_ms + HOUR + 1;
	FEED(&talk, CASE_CLAIMED, case_claimed, .agent = S("nina"));
	asks(&talk, "Where is my order?", "order-status");
	baton_report_end(report);
	assert_int_equal(report->waiting_end, 1);
	assert_int_equal(report->total[0].turns, 1);
	assert_int_equal(report->total[0].wait_ms.n, 0);
	baton_report_free(&report);
}

/* A hundred thousand conversations, each of them coming back after it was forgotten. */
static void forgotten_conversations_are_counted_once(void **state)
{
	enum { MANY = 70000 };
	struct baton_report *report = report_new(), *beside = report_new();
	struct talk *talks = baton_alloc(sizeof(*talks));

	(void)state;
	for (unsigned round = 0; round < 2; round++)
		for (unsigned i = 0; i < MANY; i++) {
			struct talk talk = talk_new(report, 0);
			talk.id.b[13] = (uint8_t)(i >> 16);
			talk.id.b[14] = (uint8_t)(i >> 8);
			talk.id.b[15] = (uint8_t)i;
			talk.id.b[1] = 1;
			if (round == 1) { /* the same events again, told by priming if need be */
				*talks = talk;
				*talks = (struct talk){ .report = beside,
							.id = talk.id,
							.now = begin_ms };
				asks(talks, "Where is my order?", "order-status");
				talks->report = report;
				talk = *talks;
				to_person(&talk, "core.customer_asked");
			} else {
				asks(&talk, "Where is my order?", "order-status");
			}
		}
	baton_report_end(report);
	assert_int_equal(report->total[0].conversations, MANY);
	assert_int_equal(report->total[0].turns, MANY);
	assert_int_equal(report->total[0].open_turns, 0);
	assert_int_equal(report->waiting_end, MANY);
	assert_int_equal(report->gaps, 0);
	baton_free(talks);
	baton_report_free(&beside);
	baton_report_free(&report);
}

static void a_missing_event_is_a_gap_and_no_crash(void **state)
{
	struct baton_report *report = report_new();
	struct talk talk = talk_new(report, 1);

	(void)state;
	asks(&talk, "Where is my order?", "order-status");
	talk.seq += 3;
	answers(&talk, "primary", false);
	baton_report_end(report);
	assert_int_equal(report->gaps, 1);
	assert_true(figure(report, "transcript_gaps") > 0.99);
	baton_report_free(&report);
}

static void drills_are_left_out_unless_they_are_asked_for(void **state)
{
	for (unsigned drills = 0; drills < 2; drills++) {
		struct baton_report *report = report_new();
		struct talk talk = talk_new(report, 1);

		(void)state;
		report->options.drills = drills == 1;
		FEED(&talk, SESSION_OPENED, session_opened, .channel = S("drill"));
		asks(&talk, "Where is my order?", "order-status");
		to_person(&talk, "core.model_unavailable");
		baton_report_end(report);
		assert_int_equal(report->total[1].turns, drills);
		assert_int_equal(report->waiting_end, drills);
		assert_int_equal(report->drill_conversations, drills ? 0 : 1);
		baton_report_free(&report);
	}
}

static void an_incident_tells_how_quickly_and_whom_it_met(void **state)
{
	struct baton_report *report = report_new();
	struct talk talk = talk_new(report, 1), other = talk_new(report, 2), log;

	(void)state;
	log = (struct talk){ .report = report, .id = id_of(0xffff), .now = begin_ms };
	asks(&talk, "My parcel is late again", "order-status");
	fails(&talk, "primary");
	later(&talk, 400);
	answers(&talk, "second", true);
	later(&log, 2000);
	FEED(&log, TARGET_CHANGED, target_changed, .target = S("primary"), .kind = S("target"),
	     .was = S("closed"), .is = S("open"), .trigger = S("unreachable"));
	later(&other, 3000);
	asks(&other, "My parcel is late again", "order-status");
	to_person(&other, "core.model_unavailable");
	later(&other, 1000);
	asks(&other, "My parcel is late again!", "order-status");
	later(&log, 10000);
	FEED(&log, TARGET_CHANGED, target_changed, .target = S("primary"), .kind = S("target"),
	     .was = S("open"), .is = S("half_open"));
	later(&log, 1000);
	FEED(&log, TARGET_CHANGED, target_changed, .target = S("primary"), .kind = S("target"),
	     .was = S("half_open"), .is = S("closed"));
	later(&talk, 20000);
	asks(&talk, "When do you open?", "opening-hours");
	answers(&talk, "primary", false);
	baton_report_end(report);
	assert_int_equal(report->incidents.n, 1);
	const struct baton_incident *incident = &report->incidents.items[0];
	assert_int_equal(incident->begun_ms - incident->trouble_ms, 2000);
	assert_int_equal(incident->degraded_ms - incident->trouble_ms, 400);
	assert_int_equal(incident->ended_ms - incident->begun_ms, 11000);
	assert_true(incident->resumed_ms > incident->ended_ms);
	assert_int_equal(incident->conversations, 2);
	assert_int_equal(incident->turns, 2);
	assert_int_equal(incident->handed_over, 1);
	assert_int_equal(incident->handoffs_full, 1);
	assert_int_equal(incident->repeats, 1);
	assert_string_equal(incident->what, "target primary open (unreachable)");
	assert_int_equal((int)figure(report, "time_to_degrade"), 2000);
	assert_int_equal((int)figure(report, "time_to_recover"), 11000);
	baton_report_free(&report);
}

static void an_account_is_well_when_it_is_open_a_mode_when_it_is_over(void **state)
{
	struct baton_report *report = report_new();
	struct talk log = { .report = report, .id = id_of(0xffff), .now = begin_ms };

	(void)state;
	FEED(&log, DRILL_CHANGED, drill_changed, .drill = S("quota"), .on = true);
	FEED(&log, TARGET_CHANGED, target_changed, .target = S("acme"), .kind = S("account"),
	     .is = S("account_closed"), .trigger = S("quota"));
	FEED(&log, MODE_ENTERED, mode_entered, .mode = S("tickets"), .trigger = S("all_down"));
	later(&log, 5000);
	FEED(&log, TARGET_CHANGED, target_changed, .target = S("acme"), .kind = S("account"),
	     .is = S("open"));
	later(&log, 5000);
	FEED(&log, MODE_LEFT, mode_left, .mode = S("tickets"), .reason = S("recovered"));
	FEED(&log, DRILL_CHANGED, drill_changed, .drill = S("quota"), .on = false);
	later(&log, 1000000);
	FEED(&log, TARGET_CHANGED, target_changed, .target = S("primary"), .kind = S("target"),
	     .is = S("disabled"), .trigger = S("disabled"), .by = S("root"));
	baton_report_end(report);
	assert_int_equal(report->incidents.n, 2);
	assert_string_equal(report->incidents.items[0].drill, "quota");
	assert_int_equal(report->incidents.items[0].ended_ms - begin_ms, 10000);
	assert_string_equal(report->incidents.items[1].drill, "");
	assert_int_equal(report->incidents.items[1].ended_ms, 0);
	baton_report_free(&report);
}

static void a_thousand_incidents_keep_the_newest(void **state)
{
	struct baton_report *report = report_new();
	struct talk log = { .report = report, .id = id_of(0xffff), .now = begin_ms };

	(void)state;
	for (unsigned i = 0; i < 1000; i++) {
		log.n_fed = 0;
		later(&log, BATON_INCIDENT_MERGE_MS / 20);
		FEED(&log, TARGET_CHANGED, target_changed, .target = S("p"), .kind = S("target"),
		     .is = S("open"));
		FEED(&log, TARGET_CHANGED, target_changed, .target = S("p"), .kind = S("target"),
		     .is = S("closed"));
	}
	assert_int_equal(report->incidents.n, 1); /* what comes back at once is one incident */
	report->options.until_ms += 1000ull * 100000;
	for (unsigned i = 0; i < 1000; i++) {
		log.n_fed = 0;
		later(&log, 100000);
		FEED(&log, TARGET_CHANGED, target_changed, .target = S("p"), .kind = S("target"),
		     .is = S("open"));
		FEED(&log, TARGET_CHANGED, target_changed, .target = S("p"), .kind = S("target"),
		     .is = S("closed"));
	}
	baton_report_end(report);
	assert_int_equal(report->incidents.n, BATON_INCIDENTS_MAX);
	assert_int_equal(report->incidents.dropped, 1001 - BATON_INCIDENTS_MAX);
	baton_report_free(&report);
}

static void the_most_fragile_target_comes_first(void **state)
{
	struct baton_report *report = report_new();
	struct talk talk = talk_new(report, 1);
	uint16_t order[8];

	(void)state;
	asks(&talk, "Where is my order?", "order-status");
	for (unsigned i = 0; i < 6; i++)
		tries(&talk, "good", "primary");
	for (unsigned i = 0; i < 6; i++)
		tries(&talk, "bad", "fallback");
	for (unsigned i = 0; i < 3; i++)
		fails(&talk, "bad");
	tries(&talk, "rare", "fallback");
	fails(&talk, "rare");
	baton_report_end(report);
	assert_int_equal(baton_report_fragile_targets(report, order, 8), 3);
	assert_string_equal(report->targets[order[0]].name, "bad");
	assert_string_equal(report->targets[order[1]].name, "good");
	assert_string_equal(report->targets[order[2]].name, "rare"); /* asked too seldom to tell */
	assert_int_equal(baton_report_fragile_pairs(report, order, 1), 1);
	assert_int_equal(report->pairs[order[0]].failed, 3);
	assert_int_equal(report->targets[0].conversations, 1);
	baton_report_free(&report);
}

static void tools_are_counted_by_name_and_by_what_calls_came_to(void **state)
{
	static const struct {
		const char *tool, *code;
		bool ok;
	} calls[] = {
		{ "find", "", true },         { "find", "not_found", true },
		{ "find", "timeout", false }, { "pay", "in_doubt", false },
		{ "pay", "", true },
	};
	struct baton_report *report = report_new();
	struct talk talk = talk_new(report, 1);

	(void)state;
	asks(&talk, "Where is my order?", "order-status");
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		FEED(&talk, TOOL_FINISHED, tool_finished, .tool = S(calls[i].tool),
		     .code = S(calls[i].code), .ok = calls[i].ok);
	for (unsigned i = 0; i < 2 * BATON_REPORT_TOOLS_MAX; i++) {
		char name[32];
		snprintf(name, sizeof(name), "tool-%u", i);
		if (i % 50 == 0)
			talk = talk_new(report, 2 + i / 50);
		if (i % 50 == 0)
			asks(&talk, "Where is my order?", "order-status");
		FEED(&talk, TOOL_FINISHED, tool_finished, .tool = S(name), .ok = true);
	}
	baton_report_end(report);
	const struct baton_report_tool *find = &report->tools[0], *pay = find + 1;
	assert_string_equal(find->name, "find");
	assert_true(find->answered == 1 && find->declined == 1 && find->failed == 1);
	assert_string_equal(pay->name, "pay");
	assert_true(pay->answered == 1 && pay->in_doubt == 1 && pay->failed == 0);
	assert_int_equal(report->n_tools, BATON_REPORT_TOOLS_MAX);
	const struct baton_report_tool *last = &report->tools[BATON_REPORT_TOOLS_MAX - 1];
	assert_string_equal(last->name, "other");
	assert_int_equal(last->answered, BATON_REPORT_TOOLS_MAX + 3);
	double good = 3.0 + 2 * BATON_REPORT_TOOLS_MAX, all = 5.0 + 2 * BATON_REPORT_TOOLS_MAX;
	assert_true(figure(report, "tool_success") > good / all - 1e-9);
	assert_true(figure(report, "tool_success") < good / all + 1e-9);
	baton_report_free(&report);
}

static void more_intents_than_fit_are_added_up(void **state)
{
	struct baton_report *report = report_new();

	(void)state;
	for (unsigned i = 0; i < 400; i++) {
		struct talk talk = talk_new(report, i);
		char name[16];
		snprintf(name, sizeof(name), "intent-%u", i);
		asks(&talk, "Where is my order?", name);
		answers(&talk, "primary", false);
	}
	baton_report_end(report);
	assert_int_equal(report->n_intents, BATON_REPORT_INTENTS_MAX);
	assert_int_equal(report->total[0].turns, 400);
	assert_int_equal(slice_of(report, "(other)", BATON_SIDE_HEALTHY)->turns, 400 - 254);
	baton_report_free(&report);
}

static void the_json_is_whole_with_and_without_anything_in_it(void **state)
{
	for (unsigned full = 0; full < 2; full++) {
		struct baton_report *report = report_new();
		struct talk talk = talk_new(report, 1);
		struct baton_buf out = { NULL, 0, 0 };
		struct baton_json json;
		size_t at = 0, n, n_metrics = 0;
		struct baton_json element;

		(void)state;
		if (full) {
			asks(&talk, "\"quoted\" \\ text", "a \"quoted\" intent");
			fails(&talk, "primary \"x\"");
			to_person(&talk, "core.model_unavailable");
		}
		baton_report_end(report);
		baton_report_json(report, &out);
		assert_int_equal(baton_json_parse(baton_buf_view(&out), &json), 0);
		struct baton_json metrics = baton_json_get(&json, "metrics");
		while (baton_json_element(&metrics, &at, &element))
			n_metrics++;
		(void)baton_report_metrics(&n);
		assert_int_equal(n_metrics, n);
		baton_buf_done(&out);
		baton_report_free(&report);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_answer_is_a_healthy_turn_of_its_intent),
		cmocka_unit_test(a_substitute_makes_the_turn_and_the_conversation_degraded),
		cmocka_unit_test(a_wish_for_a_person_is_healthy_a_model_that_is_gone_is_not),
		cmocka_unit_test(times_of_people_are_measured_from_queue_to_the_bots_next_answer),
		cmocka_unit_test(a_resumption_after_which_a_person_is_needed_at_once_was_not_safe),
		cmocka_unit_test(who_must_say_it_again_was_not_handed_over_well),
		cmocka_unit_test(drafts_are_counted_by_what_people_made_of_them),
		cmocka_unit_test(help_for_agents_is_no_turn_and_counted_apart),
		cmocka_unit_test(what_a_mode_kept_is_answered_late_and_is_one_turn),
		cmocka_unit_test(a_turn_that_a_crash_interrupted_is_recovered_or_not),
		cmocka_unit_test(who_gives_up_waiting_is_abandoned_who_writes_again_is_reopened),
		cmocka_unit_test(what_lies_before_the_window_is_known_and_not_counted),
		cmocka_unit_test(what_lies_behind_the_window_changes_nothing),
		cmocka_unit_test(forgotten_conversations_are_counted_once),
		cmocka_unit_test(a_missing_event_is_a_gap_and_no_crash),
		cmocka_unit_test(drills_are_left_out_unless_they_are_asked_for),
		cmocka_unit_test(an_incident_tells_how_quickly_and_whom_it_met),
		cmocka_unit_test(an_account_is_well_when_it_is_open_a_mode_when_it_is_over),
		cmocka_unit_test(a_thousand_incidents_keep_the_newest),
		cmocka_unit_test(the_most_fragile_target_comes_first),
		cmocka_unit_test(tools_are_counted_by_name_and_by_what_calls_came_to),
		cmocka_unit_test(more_intents_than_fit_are_added_up),
		cmocka_unit_test(the_json_is_whole_with_and_without_anything_in_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
