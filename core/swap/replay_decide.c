/* SPDX-License-Identifier: Apache-2.0 */

/* One decision in the order in which a turn takes it (core/turn/steps.c): intent, rules, tier,
 * switch and target, rules again. */

#include "core/swap/replay_inside.h"

#include "core/policy/expr.h"
#include "core/policy/facts.h"
#include "core/policy/topics.h"

#include <stdio.h>

static const char *const actions[] = { "none", "offer_human", "review", "escalate",
				       "escalate_now" };

/* --- deciding -------------------------------------------------------------------------------- */

/* As step_classified() has it: not sure enough is not understood. */
static void take_intent(const struct baton_policy *policy, baton_str intent, uint32_t intent_ppm,
			struct replay_decided *to)
{
	const struct baton_intent_def *def = baton_policy_intent(policy, intent);

	if (def && intent_ppm >= def->min_confidence_ppm && intent.n <= BATON_NAME_BYTES_MAX)
		memcpy(to->intent, intent.p, intent.n);
	to->route = baton_policy_route(policy, baton_str_of(to->intent));
}

/* What a message speaks of is for each set to say; without topics it is what was recorded. */
static void take_topics(const struct baton_policy *policy, baton_str text, baton_facts *facts)
{
	if (policy->n_topics == 0 || text.n == 0)
		return;
	uint32_t topics =
		baton_topics_of_text(policy, text) | baton_topics_of_intent(policy, facts->intent);
	facts->flags &= ~(uint32_t)BATON_TOPICS_FLAGS;
	facts->flags |= baton_topics_flags(policy, topics);
}

static bool take_facts(const struct replay_judge *judge, baton_str json, uint32_t intent_ppm,
		       const struct replay_decided *so_far, struct baton_arena *arena,
		       baton_facts *ret)
{
	const struct baton_policy *policy = judge->side->policy;

	if (baton_facts_parse(json, arena, ret) < 0)
		return false;
	ret->intent = baton_str_of(so_far->intent);
	ret->intent_ppm = intent_ppm;
	ret->class_name = baton_str_of(
		so_far->route && so_far->route->class_ ? so_far->route->class_->name : "");
	if (so_far->route)
		ret->tier = so_far->tier > so_far->route->tier ? so_far->tier : so_far->route->tier;
	/* What the policies themselves say is theirs, not the recorded one's. */
	ret->cost_ceiling_microusd = so_far->route && so_far->route->turn_microusd
					     ? so_far->route->turn_microusd
					     : policy->budgets.turn_microusd;
	return true;
}

static void ask_rules(const struct replay_judge *judge, const baton_facts *facts,
		      struct replay_decided *so_far, baton_verdict *ret)
{
	*ret = (baton_verdict){ .size = sizeof(*ret) };
	bool failed = judge->side->rules(judge->side->ud, facts, ret) < 0;
	so_far->unanswered |= failed;
	if (failed)
		*ret = (baton_verdict){ .size = sizeof(*ret),
					.action = BATON_ACT_ESCALATE,
					.rule = "core.rules_failed" };
	if (ret->action > BATON_ACT_ESCALATE_NOW)
		ret->action = BATON_ACT_NONE;
}

static const char *queue_of(const struct replay_judge *judge, const struct replay_decided *decided,
			    const char *wanted)
{
	if (wanted && wanted[0])
		return wanted;
	if (decided->route && decided->route->queue && decided->route->queue[0])
		return decided->route->queue;
	return judge->side->policy->default_queue ? judge->side->policy->default_queue : "";
}

static bool hand_over(const struct replay_judge *judge, struct replay_decided *to,
		      const baton_verdict *verdict)
{
	to->handed_over = true;
	to->by_rule = verdict != NULL;
	to->priority = verdict && verdict->priority ? verdict->priority : 5;
	to->queue = queue_of(judge, to, verdict ? verdict->queue : NULL);
	return true;
}

/* True: a person gets it. */
static bool rules_say_person(const struct replay_judge *judge, struct replay_decided *to,
			     const baton_verdict *verdict)
{
	if (verdict->action == BATON_ACT_REVIEW && to->tier < BATON_TIER_REVIEWED)
		to->tier = BATON_TIER_REVIEWED;
	return verdict->action >= BATON_ACT_ESCALATE && hand_over(judge, to, verdict);
}

/* Whom a board without any trouble names first. */
static bool find_target(const struct replay_judge *judge, struct replay_decided *to)
{
	static const struct baton_id nobody;
	static const struct baton_now now = { 1, 1 };
	struct baton_ask ask = { .policy = judge->side->policy,
				 .route = to->route,
				 .facts = &to->before_facts,
				 .session = &nobody,
				 .left_ms = to->route->total_ms,
				 .in_tokens = 500 };
	const struct baton_outcome never = { .cancelled = true };
	struct baton_choice choice;

	if (!baton_board_next(judge->board, now, &ask, &choice))
		return false;
	if (choice.lease != 0)
		baton_board_settle(judge->board, now, choice.lease, &never);
	to->target = choice.target;
	if (choice.review && to->tier < BATON_TIER_REVIEWED)
		to->tier = BATON_TIER_REVIEWED;
	return true;
}

bool replay_decide(const struct replay_judge *judge, const struct baton_replay_turn *turn,
		   baton_str intent, uint32_t intent_ppm, struct baton_arena *arena,
		   struct replay_decided *ret)
{
	*ret = (struct replay_decided){ .tier = 0 };
	take_intent(judge->side->policy, intent, intent_ppm, ret);
	if (!take_facts(judge, turn->before, intent_ppm, ret, arena, &ret->before_facts))
		return false;
	take_topics(judge->side->policy, turn->text, &ret->before_facts);
	ret->before_facts.stage = BATON_STAGE_BEFORE;
	ask_rules(judge, &ret->before_facts, ret, &ret->before);
	if (rules_say_person(judge, ret, &ret->before))
		return true;
	if (!ret->route)
		return hand_over(judge, ret, NULL);
	if (ret->route->tier > ret->tier)
		ret->tier = ret->route->tier;
	if (ret->tier >= BATON_TIER_HUMAN || !find_target(judge, ret))
		return hand_over(judge, ret, NULL);
	if (turn->after.n == 0)
		return true;
	if (!take_facts(judge, turn->after, intent_ppm, ret, arena, &ret->after_facts))
		return false;
	take_topics(judge->side->policy, turn->text, &ret->after_facts);
	ret->after_facts.stage = BATON_STAGE_AFTER;
	ret->asked_after = true;
	ask_rules(judge, &ret->after_facts, ret, &ret->after);
	(void)rules_say_person(judge, ret, &ret->after);
	return true;
}

/* --- telling apart --------------------------------------------------------------------------- */

static bool same_text(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "") == 0;
}

/* A verdict that hands over has its queue and priority in the decision. */
static bool same_verdict(const baton_verdict *a, const baton_verdict *b)
{
	return a->action == b->action && (a->action < BATON_ACT_ESCALATE || a->flags == b->flags);
}

static bool same_route(const struct replay_decided *a, const struct replay_decided *b)
{
	const struct baton_route *x = a->route, *y = b->route;

	if (!x || !y)
		return x == y;
	return a->tier == b->tier && strcmp(x->intent, y->intent) == 0 &&
	       same_text(x->class_ ? x->class_->name : "", y->class_ ? y->class_->name : "") &&
	       same_text(a->target ? a->target->name : "", b->target ? b->target->name : "");
}

unsigned replay_differs(const struct replay_decided *a, const struct replay_decided *b,
			bool *ret_renamed)
{
	bool by_rule = a->by_rule || b->by_rule;
	bool elsewhere = a->handed_over && b->handed_over &&
			 (a->priority != b->priority || !same_text(a->queue, b->queue));
	unsigned kinds = 0;

	if (strcmp(a->intent, b->intent) != 0)
		kinds |= BATON_REPLAY_INTENT;
	if (!same_verdict(&a->before, &b->before) ||
	    (a->asked_after && b->asked_after && !same_verdict(&a->after, &b->after)) ||
	    (by_rule && (a->handed_over != b->handed_over || elsewhere)))
		kinds |= BATON_REPLAY_RULE;
	/* Whom a rule hands over at once, no route is looked at for. */
	bool routed = !(a->by_rule && !a->asked_after) && !(b->by_rule && !b->asked_after);
	if (routed &&
	    (!same_route(a, b) || (!by_rule && (a->handed_over != b->handed_over || elsewhere))))
		kinds |= BATON_REPLAY_ROUTE;
	*ret_renamed = kinds == 0 && (!same_text(a->before.rule, b->before.rule) ||
				      !same_text(a->after.rule, b->after.rule));
	return kinds;
}

/* --- in words -------------------------------------------------------------------------------- */

static void put_rule(const char *stage, const baton_verdict *verdict, struct baton_buf *out)
{
	if (verdict->action == BATON_ACT_NONE)
		return;
	baton_buf_printf(out, "%s%s by `%s`", stage, actions[verdict->action],
			 verdict->rule ? verdict->rule : "");
}

void replay_words(const struct replay_decided *decided, struct baton_buf *out)
{
	const struct baton_route *route = decided->route;

	if (decided->handed_over)
		baton_buf_printf(out, "person, queue %s", decided->queue);
	else
		baton_buf_printf(out, "%s by `%s`",
				 decided->tier == BATON_TIER_AUTOMATED ? "answer" : "draft",
				 decided->target ? decided->target->name : "");
	if (decided->by_rule && decided->priority != 5)
		baton_buf_printf(out, ", priority %u", decided->priority);
	baton_buf_printf(out, " (%s%s%s", decided->intent[0] ? "intent " : "not understood",
			 decided->intent, route ? "" : ", no route");
	if (route && !(decided->by_rule && !decided->asked_after))
		baton_buf_printf(out, ", class %s, tier %u",
				 route->class_ ? route->class_->name : "none", decided->tier);
	put_rule("; before: ", &decided->before, out);
	put_rule("; after: ", &decided->after, out);
	baton_buf_z(out, ")");
}

/* --- values ---------------------------------------------------------------------------------- */

static const struct baton_rule_def *rule_of(const struct baton_policy *policy, const char *id)
{
	for (size_t i = 0; i < policy->n_rules; i++)
		if (strcmp(policy->rules[i].id, id) == 0)
			return &policy->rules[i];
	return NULL;
}

/* The rule as one side has it, and what it says to that side's facts: null if it has none. */
static void put_condition(const char *name, const struct baton_policy *policy, const char *id,
			  const baton_facts *facts, struct baton_buf *out)
{
	const struct baton_rule_def *rule = rule_of(policy, id);
	baton_expr *test = NULL;
	uint32_t column = 0;
	char why[160];

	baton_buf_printf(out, ",\"%s\":", name);
	if (!rule ||
	    baton_expr_compile(baton_str_of(rule->when), &test, why, sizeof(why), &column) < 0) {
		baton_buf_z(out, "null");
		return;
	}
	baton_buf_z(out, "{\"when\":");
	baton_buf_json(out, baton_str_of(rule->when));
	baton_buf_printf(out, ",\"action\":\"%s\",\"explained\":", rule->action);
	baton_expr_explain_json(test, facts, out);
	baton_buf_z(out, "}");
	baton_expr_free(test);
}

struct values {
	const struct baton_policy *old_policy, *new_policy;
	struct baton_buf *out;
	const char *comma;
};

static void put_values(struct values *values, const char *stage, const char *id,
		       const baton_facts *old_facts, const baton_facts *new_facts)
{
	if (!id || !id[0])
		return;
	baton_buf_z(values->out, values->comma);
	values->comma = ",";
	baton_buf_z(values->out, "{\"rule\":");
	baton_buf_json(values->out, baton_str_of(id));
	baton_buf_printf(values->out, ",\"stage\":\"%s\"", stage);
	put_condition("old", values->old_policy, id, old_facts, values->out);
	put_condition("new", values->new_policy, id, new_facts, values->out);
	baton_buf_z(values->out, "}");
}

void replay_values(const struct baton_policy *old_policy, const struct replay_decided *old,
		   const struct baton_policy *new_policy, const struct replay_decided *now,
		   struct baton_buf *out)
{
	struct values values = { old_policy, new_policy, out, "" };

	baton_buf_z(out, "[");
	put_values(&values, "before", old->before.rule, &old->before_facts, &now->before_facts);
	if (!same_text(old->before.rule, now->before.rule))
		put_values(&values, "before", now->before.rule, &old->before_facts,
			   &now->before_facts);
	const baton_facts *a = old->asked_after ? &old->after_facts : &now->after_facts;
	const baton_facts *b = now->asked_after ? &now->after_facts : &old->after_facts;
	put_values(&values, "after", old->after.rule, a, b);
	if (!same_text(old->after.rule, now->after.rule))
		put_values(&values, "after", now->after.rule, a, b);
	baton_buf_z(out, "]");
}
