/* SPDX-License-Identifier: Apache-2.0 */

/* What a changed set would have done with recorded turns: sets are files, turns are events. */

#include "core/base/json.h"
#include "core/policy/expr.h"
#include "core/swap/replay.h"
#include "tests/unit/often.h"
#include "tests/unit/policy_set.h"
#include "tests/unit/set_rules.h"

#include <time.h>

enum { HOUR = 3600000 };
static const uint64_t day = 1800000000000ull;

static const char rules_old[] = "rules:\n"
				"- id: asked\n  when: asked_human\n  action: escalate_now\n"
				"  reason: asks for a person\n"
				"- id: circles\n  when: unresolved_exchanges >= 3\n"
				"  action: escalate\n  priority: 4\n  reason: in circles\n";

/* A set with these files changed; NULL ends. */
static struct baton_policy *set_of(const char *const *changes)
{
	char dir[POLICY_DIR];
	struct baton_buf said = { 0 };
	struct baton_policy *policy = NULL;

	set_begin(dir);
	set_text(dir, "escalation.yaml", rules_old);
	for (size_t i = 0; changes && changes[i]; i += 2)
		set_text(dir, changes[i], changes[i + 1]);
	if (set_load(dir, &said, &policy) != 0)
		fail_msg("%s", said.p);
	set_end(dir);
	baton_buf_done(&said);
	return policy;
}

/* --- turns ------------------------------------------------------------------------------------ */

struct turn {
	const char *text, *intent;
	uint32_t confidence_ppm;
	baton_facts before;
	uint32_t answer_ppm; /* of an answer that was weighed; 0: it did not come to that */
};

static struct baton_id nth_session(uint64_t n)
{
	uint8_t random[10] = { 0 };

	memcpy(random + 3, &n, sizeof(random) - 3);
	return baton_id_make(day, random);
}

static void decided(struct baton_replay *replay, const struct baton_id *id, const char *stage,
		    const baton_facts *facts, struct baton_event event)
{
	struct baton_buf json = { NULL, 0, 0 };

	baton_facts_json(facts, &json);
	event.type = BATON_EV_POLICY_DECIDED;
	event.policy_decided = (struct baton_ev_policy_decided){ .turn = 2,
								 .stage = baton_str_of(stage),
								 .facts = baton_buf_view(&json) };
	baton_replay_event(replay, id, &event);
	baton_buf_done(&json);
}

static void record(struct baton_replay *replay, uint64_t session, uint64_t unix_ms,
		   const struct turn *turn)
{
	struct baton_id id = nth_session(session);
	struct baton_event event = { .seq = 2, .unix_ms = unix_ms };
	baton_facts facts = turn->before;

	event.type = BATON_EV_MESSAGE_RECEIVED;
	event.message_received.text = baton_str_of(turn->text);
	baton_replay_event(replay, &id, &event);
	event = (struct baton_event){ .type = BATON_EV_INTENT_DETECTED,
				      .seq = 3,
				      .unix_ms = unix_ms };
	event.intent_detected.turn = 2;
	event.intent_detected.intent = baton_str_of(turn->intent);
	event.intent_detected.confidence_ppm = turn->confidence_ppm;
	baton_replay_event(replay, &id, &event);
	event = (struct baton_event){ .seq = 4, .unix_ms = unix_ms };
	facts.size = sizeof(facts);
	facts.intent_ppm = turn->confidence_ppm;
	if (!facts.channel.p)
		facts.channel = BATON_STR("web");
	decided(replay, &id, "before", &facts, event);
	if (turn->answer_ppm == 0)
		return;
	facts.stage = BATON_STAGE_AFTER;
	facts.answer_ppm = turn->answer_ppm;
	decided(replay, &id, "after", &facts, event);
}

static const struct turn refund = { .text = "money back?",
				    .intent = "refund-policy",
				    .confidence_ppm = 900000,
				    .answer_ppm = 800000 };

struct outcome {
	struct baton_policy *old, *now;
	struct baton_replay_sum sum;
	struct baton_buf text, json;
};

static struct outcome compare(struct baton_replay *replay, const char *const *old,
			      const char *const *now)
{
	struct outcome o = { .old = set_of(old), .now = set_of(now) };
	struct set_rules *a = set_rules_new(o.old), *b = set_rules_new(o.now);
	struct baton_replay_side x = { o.old, a, set_rules_ask, NULL },
				 y = { o.now, b, set_rules_ask, NULL };

	baton_replay_compare(replay, &x, &y, NULL, NULL, &o.sum);
	baton_replay_text(&o.sum, &o.text);
	baton_replay_json(&o.sum, &o.json);
	struct baton_json json;
	assert_int_equal(baton_json_parse(baton_buf_view(&o.json), &json), 0);
	set_rules_free(&a);
	set_rules_free(&b);
	return o;
}

static void end(struct outcome *o, struct baton_replay **replay)
{
	baton_replay_sum_done(&o->sum);
	baton_buf_done(&o->text);
	baton_buf_done(&o->json);
	baton_policy_free(&o->old);
	baton_policy_free(&o->now);
	baton_replay_free(replay);
}

/* --- what is found ---------------------------------------------------------------------------- */

static void the_same_set_changes_nothing(void **state)
{
	struct baton_replay *replay = baton_replay_new(100, day, day + 24ull * HOUR);
	struct turn circles = refund;

	(void)state;
	circles.before.unresolved_exchanges = 5;
	for (uint64_t i = 0; i < 20; i++)
		record(replay, i, day + i, i % 2 ? &refund : &circles);
	struct outcome o = compare(replay, NULL, NULL);
	assert_int_equal(o.sum.turns, 20);
	assert_int_equal(o.sum.changed, 0);
	assert_int_equal(o.sum.renamed, 0);
	assert_int_equal(o.sum.n_queues, 1);
	assert_int_equal(o.sum.queues[0].before, 10);
	assert_int_equal(o.sum.queues[0].after, 10);
	assert_int_equal(o.sum.span_ms, 24 * HOUR);
	assert_non_null(strstr(o.text.p, "0 of 20 recorded decisions would change (0.0 %)\n"));
	assert_null(strstr(o.text.p, "an hour"));
	end(&o, &replay);
}

static void a_stricter_rule_sends_more_to_its_queue_and_says_why(void **state)
{
	static const char *const now[] = {
		"escalation.yaml",
		"rules:\n"
		"- id: asked\n  when: asked_human\n  action: escalate_now\n"
		"  reason: asks for a person\n"
		"- id: circles\n  when: unresolved_exchanges >= 2\n"
		"  action: escalate\n  priority: 4\n  queue: billing\n  reason: in circles\n",
		NULL
	};
	struct baton_replay *replay = baton_replay_new(100, day, day + 10ull * HOUR);
	struct turn twice = refund, thrice = refund;

	(void)state;
	twice.before.unresolved_exchanges = 2;
	thrice.before.unresolved_exchanges = 3;
	for (uint64_t i = 0; i < 60; i++)
		record(replay, i, day + i, i < 40 ? &refund : i < 55 ? &twice : &thrice);
	struct outcome o = compare(replay, NULL, now);
	assert_int_equal(o.sum.changed, 20);
	assert_int_equal(o.sum.rules, 20);
	assert_int_equal(o.sum.routes, 0);
	/* Billing gets all of them, and the five of before come from the general queue. */
	assert_string_equal(o.sum.queues[0].name, "billing");
	assert_int_equal(o.sum.queues[0].before, 0);
	assert_int_equal(o.sum.queues[0].after, 20);
	assert_string_equal(o.sum.queues[1].name, "general");
	assert_int_equal(o.sum.queues[1].before, 5);
	assert_int_equal(o.sum.queues[1].after, 0);
	assert_int_equal(o.sum.n_groups, 2);
	assert_int_equal(o.sum.groups[0].count, 15);
	assert_string_equal(o.sum.groups[0].before,
			    "answer by `primary_chat_model` (intent refund-policy, class "
			    "customer-policy, tier 1)");
	assert_string_equal(o.sum.groups[0].after,
			    "person, queue billing, priority 4 (intent refund-policy; before: "
			    "escalate by `circles`)");
	struct baton_id newest = nth_session(54);
	assert_true(baton_id_eq(&o.sum.groups[0].session, &newest));
	assert_non_null(strstr(o.text.p,
			       "20 of 60 recorded decisions would change (33.3 %); worst: "
			       "queue billing +2.0 an hour, none before\n"));
	assert_non_null(strstr(o.text.p, "      old: unresolved_exchanges >= 3 => false   "
					 "(unresolved_exchanges = 2)\n"
					 "      new: unresolved_exchanges >= 2 => true   "
					 "(unresolved_exchanges = 2)\n"));
	end(&o, &replay);
}

static void a_rule_with_another_name_changes_nothing_for_anybody(void **state)
{
	static const char *const now[] = {
		"escalation.yaml",
		"rules:\n"
		"- id: wants-a-person\n  when: asked_human\n  action: escalate_now\n"
		"  reason: asks for a person\n",
		NULL
	};
	struct baton_replay *replay = baton_replay_new(100, day, day + HOUR);
	struct turn asked = refund;

	(void)state;
	asked.before.flags = BATON_FACT_ASKED_HUMAN;
	record(replay, 1, day, &asked);
	record(replay, 2, day, &refund);
	struct outcome o = compare(replay, NULL, now);
	assert_int_equal(o.sum.changed, 0);
	assert_int_equal(o.sum.renamed, 1);
	end(&o, &replay);
}

static void words_that_a_topic_has_now_are_looked_for_in_what_was_said(void **state)
{
	static const char rule[] = "rules:\n"
				   "- id: law\n  when: legal\n  action: escalate_now\n"
				   "  reason: a lawyer\n";
	static const char *const old[] = { "escalation.yaml", rule, NULL };
	static const char *const now[] = { "escalation.yaml",
					   "topics: [{ name: legal, words: [money back] }]\n"
					   "rules:\n"
					   "- id: law\n  when: legal\n  action: escalate_now\n"
					   "  reason: a lawyer\n",
					   NULL };
	struct baton_replay *replay = baton_replay_new(100, day, day + HOUR);
	struct turn other = refund, recorded = refund;

	(void)state;
	other.text = "back to my money";
	recorded.text = "see you in court";
	recorded.before.flags = BATON_FACT_LEGAL; /* by words that the old set does not say */
	record(replay, 1, day, &refund);
	record(replay, 2, day, &other);
	record(replay, 3, day, &recorded);
	struct outcome o = compare(replay, old, now);
	assert_int_equal(o.sum.turns, 3);
	assert_int_equal(o.sum.changed, 2); /* the first is law now, the third is not any more */
	end(&o, &replay);
}

static void routes_tiers_and_limits_of_confidence_are_looked_at(void **state)
{
	static const char *const target[] = {
		"routes.yaml",
		"routes:\n"
		"- { intent: refund-policy, primary: fast_backup_model }\n"
		"- { intent: internal-agent-draft, primary: reasoning_model }\n"
		"- { intent: default, primary: primary_chat_model, class: customer-policy, tier: 1 }\n",
		NULL
	};
	static const char *const tier[] = {
		"routes.yaml",
		"routes:\n"
		"- { intent: refund-policy, primary: primary_chat_model, tier: 2 }\n"
		"- { intent: internal-agent-draft, primary: reasoning_model }\n"
		"- { intent: default, primary: primary_chat_model, class: customer-policy, tier: 1 }\n",
		NULL
	};
	static const char *const switched[] = {
		"routes.yaml",
		"routes:\n"
		"- { intent: refund-policy, primary: primary_chat_model,\n"
		"    switches: [ { when: queue_depth > 10, to: person } ] }\n"
		"- { intent: internal-agent-draft, primary: reasoning_model }\n"
		"- { intent: default, primary: primary_chat_model, class: customer-policy, tier: 1 }\n",
		NULL
	};
	static const char *const unsure[] = {
		"intents/all.yaml",
		"intents:\n"
		"- { name: refund-policy, class: customer-policy, tier: 1, min_confidence: 0.95,\n"
		"    examples: [when do I get my money back, refund please] }\n"
		"- { name: internal-agent-draft, class: internal-drafting, tier: 2, internal: true }\n"
		"- { name: complaint, class: customer-policy, tier: 3,\n"
		"    examples: [I want to complain, this is unacceptable] }\n",
		NULL
	};
	static const struct {
		const char *const *now;
		unsigned intents, routes;
		const char *after;
	} rows[] = {
		{ target, 0, 1,
		  "answer by `fast_backup_model` (intent refund-policy, class customer-policy, tier 1)" },
		{ tier, 0, 1,
		  "draft by `primary_chat_model` (intent refund-policy, class customer-policy, tier 2)" },
		{ switched, 0, 1,
		  "person, queue general (intent refund-policy, class customer-policy, tier 1)" },
		{ unsure, 1, 1,
		  "person, queue general (not understood, class customer-policy, tier 3)" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct baton_replay *replay = baton_replay_new(100, day, day + HOUR);
		struct turn turn = refund;

		turn.before.queue_depth = 20;
		record(replay, 1, day, &turn);
		struct outcome o = compare(replay, NULL, rows[i].now);
		assert_int_equal(o.sum.changed, 1);
		assert_int_equal(o.sum.intents, rows[i].intents);
		assert_int_equal(o.sum.routes, rows[i].routes);
		assert_int_equal(o.sum.rules, 0);
		assert_string_equal(o.sum.groups[0].after, rows[i].after);
		end(&o, &replay);
	}
}

static void rules_on_answers_see_the_recorded_answer(void **state)
{
	static const char *const now[] = {
		"escalation.yaml",
		"rules:\n"
		"- id: weak\n  stage: after\n  when: answer_confidence < 0.9\n"
		"  action: review\n  reason: not well supported\n",
		NULL
	};
	struct baton_replay *replay = baton_replay_new(100, day, day + HOUR);
	struct turn early = refund;

	(void)state;
	early.before.flags = BATON_FACT_ASKED_HUMAN;
	early.answer_ppm = 0;
	record(replay, 1, day, &refund);
	record(replay, 2, day,
	       &early); /* no answer was ever weighed: nothing is known against one */
	struct outcome o = compare(replay, NULL, now);
	assert_int_equal(o.sum.changed, 2);
	assert_non_null(strstr(o.text.p,
			       "new: draft by `primary_chat_model` (intent refund-policy, "
			       "class customer-policy, tier 2; after: review by `weak`)"));
	assert_non_null(strstr(o.text.p,
			       "new: answer by `primary_chat_model` (intent refund-policy, "
			       "class customer-policy, tier 1)"));
	end(&o, &replay);
}

/* --- classifiers ------------------------------------------------------------------------------ */

struct ears {
	const char *only; /* the text that is a complaint */
	unsigned asked;
	bool broken;
};

static int no_rules(void *ud, const baton_facts *facts, baton_verdict *ret)
{
	(void)ud;
	(void)facts;
	ret->action = BATON_ACT_NONE;
	return 0;
}

static int hears_complaints(void *ud, const struct baton_replay_turn *turn, baton_str *ret_intent,
			    uint32_t *ret_ppm)
{
	struct ears *ears = ud;

	ears->asked++;
	if (ears->broken)
		return BATON_E_MODULE;
	bool complains = baton_str_is(turn->text, ears->only);
	*ret_intent = complains ? BATON_STR("complaint") : turn->intent;
	*ret_ppm = 700000;
	return 0;
}

static void another_classifier_changes_what_is_understood(void **state)
{
	struct baton_replay *replay = baton_replay_new(100, day, day + HOUR);
	struct baton_policy *policy = set_of(NULL);
	struct ears deaf = { "", 0, false }, sharp = { "money back?", 0, false };
	struct baton_replay_side old = { policy, &deaf, no_rules, hears_complaints };
	struct baton_replay_side now = { policy, &sharp, no_rules, hears_complaints };
	struct turn other = refund;
	struct baton_replay_sum sum;

	(void)state;
	record(replay, 1, day, &refund);
	other.text = "refund please";
	record(replay, 2, day, &other);
	baton_replay_compare(replay, &old, &now, NULL, NULL, &sum);
	assert_true(sum.classified);
	assert_int_equal(deaf.asked, 2);
	assert_int_equal(sum.changed, 1);
	assert_int_equal(sum.intents, 1);
	assert_string_equal(
		sum.groups[0].after,
		"person, queue general (intent complaint, class customer-policy, tier 3)");
	baton_replay_sum_done(&sum);
	/* If one of them cannot say, both are what was recorded. */
	deaf.broken = true;
	baton_replay_compare(replay, &old, &now, NULL, NULL, &sum);
	assert_int_equal(sum.changed, 0);
	baton_replay_sum_done(&sum);
	deaf = (struct ears){ "", 2, false };
	/* One alone says nothing: what was recorded came about otherwise. */
	now.classify = NULL;
	baton_replay_compare(replay, &old, &now, NULL, NULL, &sum);
	assert_false(sum.classified);
	assert_int_equal(deaf.asked, 2);
	assert_int_equal(sum.changed, 0);
	baton_replay_sum_done(&sum);
	baton_policy_free(&policy);
	baton_replay_free(&replay);
}

/* --- bounds ----------------------------------------------------------------------------------- */

static void only_the_newest_turns_of_the_window_are_kept(void **state)
{
	struct baton_replay *replay = baton_replay_new(8, day + 10, day + 99);
	bool full = true;

	(void)state;
	record(replay, 1, day + 9, &refund);
	record(replay, 2, day + 100, &refund);
	assert_int_equal(baton_replay_turns(replay, &full), 0);
	assert_false(full);
	for (uint64_t i = 0; i < 30; i++)
		record(replay, 10 + i, day + 20 + i, &refund);
	assert_int_equal(baton_replay_turns(replay, &full), 8);
	assert_true(full);
	static const char *const now[] = {
		"escalation.yaml",
		"rules:\n- { id: all, when: exchanges >= 0, action: escalate, reason: all of them }\n",
		NULL
	};
	struct outcome o = compare(replay, NULL, now);
	struct baton_id newest = nth_session(39);
	assert_int_equal(o.sum.changed, 8);
	assert_int_equal(o.sum.first_ms, day + 20 + 22);
	assert_true(baton_id_eq(&o.sum.groups[0].session, &newest));
	end(&o, &replay);
}

/* A turn that was moved to another release decides twice: it is one, and the last time counts. */
static void a_turn_that_began_again_is_one_turn(void **state)
{
	struct baton_replay *replay = baton_replay_new(8, day, day + HOUR);
	struct turn turn = refund;
	bool full;

	(void)state;
	turn.answer_ppm = 0;
	record(replay, 1, day, &turn);
	turn.before.unresolved_exchanges = 7;
	record(replay, 1, day + 1, &turn);
	assert_int_equal(baton_replay_turns(replay, &full), 1);
	struct outcome o = compare(replay, NULL, NULL);
	assert_int_equal(o.sum.queues[0].before, 1);
	end(&o, &replay);
}

static void what_had_changed_is_read_over_what_was_before(void **state)
{
	static const char *const now[] = {
		"escalation.yaml",
		"rules:\n"
		"- id: weak\n  stage: after\n  when: answer_confidence < 0.9 && locale == 'de'\n"
		"  action: review\n  reason: not well supported\n",
		NULL
	};
	struct baton_replay *whole = baton_replay_new(8, day, day + HOUR);
	struct baton_replay *changed = baton_replay_new(8, day, day + HOUR);
	struct baton_event event = { .type = BATON_EV_POLICY_DECIDED, .seq = 5, .unix_ms = day };
	struct baton_id id = nth_session(1);
	struct turn turn = refund;

	(void)state;
	turn.before.locale = BATON_STR("de");
	record(whole, 1, day, &turn);
	turn.answer_ppm = 0; /* what was before, alone */
	record(changed, 1, day, &turn);
	event.policy_decided = (struct baton_ev_policy_decided){
		.turn = 2,
		.stage = BATON_STR("after"),
		.changed = BATON_STR("{\"answer_confidence\":0.8}"),
	};
	baton_replay_event(changed, &id, &event);
	struct outcome a = compare(whole, NULL, now);
	struct outcome b = compare(changed, NULL, now);
	assert_int_equal(b.sum.changed, 1);
	assert_string_equal(a.json.p, b.json.p);
	end(&a, &whole);
	end(&b, &changed);
}

static void drills_are_passed_over_and_unreadable_facts_are_counted(void **state)
{
	struct baton_replay *replay = baton_replay_new(8, day, day + HOUR);
	struct baton_id id = nth_session(9);
	struct baton_event event = { .type = BATON_EV_POLICY_DECIDED, .seq = 4, .unix_ms = day };
	struct turn drill = refund;
	bool full;

	(void)state;
	drill.before.channel = BATON_STR("drill");
	record(replay, 1, day, &drill);
	assert_int_equal(baton_replay_turns(replay, &full), 0);
	event.policy_decided.turn = 2;
	event.policy_decided.stage = BATON_STR("before");
	event.policy_decided.facts = BATON_STR("[1");
	baton_replay_event(replay, &id, &event);
	record(replay, 2, day, &refund);
	struct outcome o = compare(replay, NULL, NULL);
	assert_int_equal(o.sum.turns, 1);
	assert_int_equal(o.sum.unread, 1);
	end(&o, &replay);
}

static bool three_times(void *ud)
{
	return ++*(unsigned *)ud <= 3;
}

static void time_that_is_over_leaves_the_older_ones(void **state)
{
	struct baton_replay *replay = baton_replay_new(1000, day, day + HOUR);
	struct baton_policy *policy = set_of(NULL);
	struct baton_replay_side side = { policy, NULL, no_rules, NULL };
	struct baton_replay_sum sum;
	unsigned asked = 0;

	(void)state;
	for (uint64_t i = 0; i < 1000; i++)
		record(replay, i, day + i, &refund);
	baton_replay_compare(replay, &side, &side, three_times, &asked, &sum);
	assert_true(sum.out_of_time);
	assert_int_equal(sum.turns, 192);
	baton_replay_sum_done(&sum);
	baton_policy_free(&policy);
	baton_replay_free(&replay);
}

/* --- what is said ----------------------------------------------------------------------------- */

static void a_refusal_says_how_many_what_is_worst_and_what_to_do(void **state)
{
	struct baton_replay_queue queues[] = { { "billing", 10, 44 }, { "general", 9, 3 } };
	struct baton_replay_sum sum = {
		.turns = 10000, .changed = 1204, .span_ms = HOUR, .queues = queues, .n_queues = 2
	};
	struct baton_buf out = { NULL, 0, 0 };

	(void)state;
	assert_true(baton_replay_blocks(&sum, 100000));
	assert_false(baton_replay_blocks(&sum, 120400));
	assert_false(baton_replay_blocks(&sum, 1000000));
	baton_replay_refusal(&sum, 100000, &out);
	assert_string_equal(
		out.p,
		"1,204 of 10,000 recorded decisions would change (12.0 %, at most 10.0 %); "
		"worst: queue billing +340 %; `baton rules diff` shows them, `baton reload --force` "
		"activates it anyway");
	baton_buf_reset(&out);
	baton_replay_line(&sum, &out);
	assert_string_equal(out.p,
			    "1,204 of 10,000 recorded decisions would change (12.0 %); worst: "
			    "queue billing +340 %");
	/* A handful refuses nothing, even if all of it changes. */
	sum.turns = sum.changed = BATON_REPLAY_BLOCKS_FROM - 1;
	assert_false(baton_replay_blocks(&sum, 0));
	baton_buf_done(&out);
}

/* --- speed ------------------------------------------------------------------------------------ */

/* Of this thread: what others do on the machine is not our work. */
static double seconds(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* The shop's own rules over ten thousand turns. */
static void ten_thousand_turns_take_less_than_a_second(void **state)
{
	struct baton_replay *replay = baton_replay_new(10000, day, day + 24ull * HOUR);
	struct baton_policy *policy = NULL;
	struct baton_buf said = { 0 };
	struct baton_replay_sum sum;

	(void)state;
	assert_int_equal(set_load("policies/shop", &said, &policy), 0);
	for (uint64_t i = 0; i < 10000; i++) {
		struct turn turn = refund;

		turn.before.unresolved_exchanges = (uint32_t)(i % 5);
		turn.before.flags = i % 7 == 0 ? BATON_FACT_BILLING : 0;
		turn.before.customer_tier = i % 3 ? BATON_STR("vip") : BATON_STR("standard");
		record(replay, i, day + i, &turn);
	}
	struct set_rules *rules = set_rules_new(policy);
	struct baton_replay_side side = { policy, rules, set_rules_ask, NULL };
	double before = seconds();
	baton_replay_compare(replay, &side, &side, NULL, NULL, &sum);
	double took = seconds() - before;
	print_message("# 10000 turns decided twice by %zu rules in %.0f ms\n", policy->n_rules,
		      took * 1000);
	assert_int_equal(sum.turns, 10000);
	assert_int_equal(sum.changed, 0);
	assert_true(took < 1 * SLOWER);
	baton_replay_sum_done(&sum);
	set_rules_free(&rules);
	baton_policy_free(&policy);
	baton_replay_free(&replay);
	baton_buf_done(&said);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_same_set_changes_nothing),
		cmocka_unit_test(a_stricter_rule_sends_more_to_its_queue_and_says_why),
		cmocka_unit_test(a_rule_with_another_name_changes_nothing_for_anybody),
		cmocka_unit_test(words_that_a_topic_has_now_are_looked_for_in_what_was_said),
		cmocka_unit_test(routes_tiers_and_limits_of_confidence_are_looked_at),
		cmocka_unit_test(rules_on_answers_see_the_recorded_answer),
		cmocka_unit_test(another_classifier_changes_what_is_understood),
		cmocka_unit_test(only_the_newest_turns_of_the_window_are_kept),
		cmocka_unit_test(a_turn_that_began_again_is_one_turn),
		cmocka_unit_test(what_had_changed_is_read_over_what_was_before),
		cmocka_unit_test(drills_are_passed_over_and_unreadable_facts_are_counted),
		cmocka_unit_test(time_that_is_over_leaves_the_older_ones),
		cmocka_unit_test(a_refusal_says_how_many_what_is_worst_and_what_to_do),
		cmocka_unit_test(ten_thousand_turns_take_less_than_a_second),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
