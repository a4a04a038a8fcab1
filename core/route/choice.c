/* SPDX-License-Identifier: Apache-2.0 */

/* Who is asked next. Read baton_board_next() at the end of this file downwards from `decide`:
 *
 *   may anybody be asked after this failure? -> the same target once more? -> the first of the
 *   order that may be asked -> the same target after all, if nobody else is left -> somebody who is
 *   known to be down, rather than nobody -> nobody
 *
 * The order is the route's (a mode's substitute, a switch's target, or the primary; an admin's
 * substitute; the fallbacks); who of it may stand in, the class says; whether he can be asked now,
 * health, money and drills say.
 */

#include "core/route/inside.h"

#include "core/policy/expr.h"

enum {
	USEFUL_MS_MIN = 200,       /* an attempt with less time than this left is not begun */
	RETRY_DELAY_MS_MAX = 250,  /* full jitter below this for failures without a hint */
	HINT_WAITED_MS_MAX = 2500, /* a longer hint is not waited for while somebody else is left */
	ATTEMPTS_PER_TARGET_MAX = 2,
	HEAL_ONE_IN = 10, /* of the turns that pass a slow primary by */
	HEALED_PERCENT = 80,
	ORDER_MAX = BATON_ROUTE_FALLBACKS_MAX + 2
};

/* One choice while it is made. */
struct pick {
	struct baton_board *board;
	struct baton_health *health;
	struct baton_now now;
	const struct baton_ask *ask;
	const struct baton_route *route;
	const struct baton_attempt *last; /* NULL: the first attempt */
	struct baton_choice *choice;
	const struct baton_target *order[ORDER_MAX];
	size_t n_order;
	const char *lead;                /* why order[0] is the first: primary, switch, mode */
	enum baton_trigger trigger;      /* why the primary is not asked */
	const struct baton_target *soft; /* could be asked rather than nobody */
	uint64_t soft_rank;              /* the lower the better */
	uint64_t soft_wait_ms;
	unsigned soft_probes;
};

static bool take(struct pick *pick, const struct baton_target *target, unsigned probes,
		 const char *reason);

/* --- small questions --- */

static bool critical(const struct pick *pick)
{
	return pick->route->class_ && pick->route->class_->critical;
}

static size_t tried(const struct pick *pick, const struct baton_target *target)
{
	size_t n = 0;

	for (size_t i = 0; i < pick->ask->n_past; i++)
		n += pick->ask->past[i].target == target;
	return n;
}

static bool approved(const struct baton_class *class_, const struct baton_target *target)
{
	for (size_t i = 0; i < class_->n_approved; i++)
		if (strcmp(class_->approved[i], target->name) == 0)
			return true;
	return false;
}

/* May `target` do the work of this workflow class? */
static bool may_work(const struct pick *pick, const struct baton_target *target)
{
	const struct baton_class *class_ = pick->route->class_;

	if (!class_ || target == pick->route->primary)
		return true;
	switch (class_->on_failure) {
	case BATON_ON_FAILURE_FALLBACK:
	case BATON_ON_FAILURE_REVIEW:
		return !class_->critical || approved(class_, target);
	case BATON_ON_FAILURE_ESCALATE:
		return approved(class_, target);
	case BATON_ON_FAILURE_PAUSE:
		break;
	}
	return false;
}

static const struct baton_target *target_named(const struct baton_policy *policy, const char *name)
{
	for (size_t i = 0; i < policy->n_targets; i++)
		if (strcmp(policy->targets[i].name, name) == 0)
			return &policy->targets[i];
	return NULL;
}

static struct baton_fault fault_of(const struct pick *pick, const struct baton_target *target)
{
	struct baton_fault fault = { .type = BATON_FAULT_NONE };

	if (pick->board->drills.n > 0)
		(void)baton_drills_fault(&pick->board->drills, pick->now, pick->ask->session,
					 pick->ask->labelled, target->name,
					 target == pick->route->primary, &fault);
	return fault;
}

/* --- the order --- */

static void then(struct pick *pick, const struct baton_target *target)
{
	for (size_t i = 0; i < pick->n_order; i++)
		if (pick->order[i] == target)
			return;
	if (target && pick->n_order < ORDER_MAX)
		pick->order[pick->n_order++] = target;
}

/* The first switch whose condition holds. One that cannot be decided holds if it asks for a person,
 * and does not if it asks for another model. */
static const struct baton_switch_def *active_switch(const struct pick *pick)
{
	for (size_t i = 0; i < pick->route->n_switches; i++) {
		const struct baton_switch_def *def = &pick->route->switches[i];
		int32_t holds = def->test && pick->ask->facts
					? baton_expr_test(def->test, pick->ask->facts)
					: 0;

		if (holds > 0 || (holds < 0 && !def->to))
			return def;
	}
	return NULL;
}

static bool switched_off(const struct pick *pick, const struct baton_target *target)
{
	const struct baton_target_health *row =
		baton_health_find(&pick->board->health, target->name);

	return (row && row->disabled) || fault_of(pick, target).type == BATON_FAULT_DISABLED;
}

/* False: a switch wants a person. */
static bool find_order(struct pick *pick)
{
	const struct baton_route *route = pick->route;
	const struct baton_target *use =
		pick->ask->use ? target_named(pick->ask->policy, pick->ask->use) : NULL;
	const struct baton_switch_def *def = use ? NULL : active_switch(pick);
	struct baton_mode_view view;

	pick->lead = use ? "mode" : def ? "switch" : "primary";
	if (def) {
		pick->trigger = baton_trigger_find(baton_str_of(def->trigger));
		if (pick->trigger == BATON_TRIGGERS_N)
			pick->trigger = BATON_TRIGGER_CONDITION;
		if (!def->to)
			return false;
	} else if (use && baton_modes_view(&pick->board->modes, pick->ask->policy, route, &view)) {
		pick->trigger = view.trigger;
	}
	then(pick, use ? use : def ? def->to : route->primary);
	if (pick->order[0] && pick->order[0]->substitute && *pick->order[0]->substitute &&
	    switched_off(pick, pick->order[0]))
		then(pick, target_named(pick->ask->policy, pick->order[0]->substitute));
	for (size_t i = 0; i < route->n_fallbacks; i++)
		then(pick, route->fallbacks[i]);
	return true;
}

/* --- may this one be asked now? --- */

/* Is the route's primary slower than the route allows, over the last minutes? With few answers
 * nobody knows, and then it is not: a slow target that is hardly asked is found out again. */
static bool too_slow(struct pick *pick, struct baton_target_health *row)
{
	uint64_t limit_ms = pick->route->max_p95_ms;

	if (limit_ms == 0)
		return false;
	struct baton_lane *lane = baton_health_lane(pick->health, pick->now, pick->route->intent);
	uint64_t p95_ms = baton_health_p95_ms(row, pick->now.ms);

	lane->slow = p95_ms > 0 &&
		     (lane->slow ? p95_ms * 100 >= limit_ms * HEALED_PERCENT : p95_ms > limit_ms);
	return lane->slow;
}

/* Every tenth turn asks a slow primary all the same, so that it can show that it has healed. */
static bool heals(struct pick *pick)
{
	struct baton_lane *lane = baton_health_lane(pick->health, pick->now, pick->route->intent);

	return !pick->last && !critical(pick) && ++lane->passed_by % HEAL_ONE_IN == 0;
}

/* Is its context too small, as far as anybody knows? Known from the estimate, or because another
 * one of no smaller context has said so in this turn. */
static bool too_small(const struct pick *pick, const struct baton_target *target)
{
	if (target->context_tokens == 0)
		return false;
	for (size_t i = 0; i < pick->ask->n_past; i++)
		if (pick->ask->past[i].fail == BATON_FAIL_TOO_LONG &&
		    target->context_tokens <= pick->ask->past[i].target->context_tokens)
			return true;
	return (pick->ask->least_tokens ? pick->ask->least_tokens : pick->ask->in_tokens) >
	       target->context_tokens;
}

static enum baton_trigger closed_why(const struct baton_target_health *row)
{
	return row->account->closure.closed ? row->account->closure.why
	       : row->closure.closed        ? row->closure.why
					    : BATON_TRIGGER_DEGRADED;
}

/* In a drill what is known to all counts first, and no real breaker is probed by it. */
static struct baton_gate gate_of(const struct pick *pick, const struct baton_target_health *row,
				 bool again)
{
	if (pick->health == &pick->board->drilled) {
		const struct baton_target_health *real =
			baton_health_find(&pick->board->health, row->name);
		struct baton_gate gate = { .trigger = BATON_TRIGGER_NONE };

		if (real)
			gate = baton_health_gate(&pick->board->health, real, pick->now.ms, again);
		if (gate.trigger != BATON_TRIGGER_NONE || gate.probes != 0)
			return (struct baton_gate){ .trigger = gate.trigger ? gate.trigger
									    : closed_why(real) };
	}
	return baton_health_gate(pick->health, row, pick->now.ms, again);
}

static enum baton_trigger why_not(struct pick *pick, const struct baton_target *target,
				  struct baton_gate *gate)
{
	struct baton_target_health *row = baton_health_target(pick->health, pick->now, target);

	*gate = (struct baton_gate){ .trigger = BATON_TRIGGER_BUSY };
	if (!row)
		return BATON_TRIGGER_BUSY;
	if (fault_of(pick, target).type == BATON_FAULT_DISABLED)
		return BATON_TRIGGER_DISABLED;
	*gate = gate_of(pick, row, false);
	if (gate->trigger != BATON_TRIGGER_NONE)
		return gate->trigger;
	/* A critical turn is no probe, unless for a long time nobody else has been one. */
	if (gate->probes && critical(pick) && gate->waited_ms < row->def.open_max_ms)
		return closed_why(row);
	if (target == pick->route->primary && !gate->probes && too_slow(pick, row) &&
	    !heals(pick)) {
		gate->soft = true;
		return BATON_TRIGGER_P95;
	}
	if (too_small(pick, target))
		return BATON_TRIGGER_UNFIT;
	return BATON_TRIGGER_NONE;
}

/* --- taking --- */

/* A prompt is cut to the context of whoever gets it. */
static uint64_t likely_tokens(const struct pick *pick, const struct baton_target *target)
{
	bool cut = pick->ask->least_tokens > 0 && target->context_tokens > 0 &&
		   pick->ask->in_tokens > target->context_tokens;

	return cut ? target->context_tokens : pick->ask->in_tokens;
}

/* The turn's own ceiling, then the day's of the route, of the account and of everything. */
static bool reserve(struct pick *pick, const struct baton_target *target, struct baton_lease *lease)
{
	uint64_t ceiling = pick->route->turn_microusd ? pick->route->turn_microusd
						      : pick->ask->policy->budgets.turn_microusd;

	lease->worst = baton_money_worst(target, likely_tokens(pick, target)) *
		       (pick->ask->asks ? pick->ask->asks : 1);
	if (ceiling > 0 && (pick->ask->spent_microusd >= ceiling ||
			    lease->worst > ceiling - pick->ask->spent_microusd))
		return false;
	lease->purses = baton_money_purses(&pick->board->money, pick->now, pick->route, target);
	return baton_money_reserve(&pick->board->money, pick->now, &lease->purses, lease->worst);
}

/* Why the primary is not the one: what it failed with in this turn, or why it was passed over. */
static enum baton_trigger why_substitute(const struct pick *pick)
{
	for (size_t i = 0; i < pick->ask->n_past; i++)
		if (pick->ask->past[i].target == pick->route->primary)
			return baton_fail_trigger(pick->ask->past[i].fail);
	return pick->trigger;
}

static void describe(struct pick *pick, const struct baton_target *target, unsigned probes,
		     const char *reason)
{
	struct baton_choice *choice = pick->choice;
	const struct baton_class *class_ = pick->route->class_;

	choice->target = target;
	choice->substitute = target != pick->route->primary;
	choice->trigger = choice->substitute ? why_substitute(pick) : BATON_TRIGGER_NONE;
	choice->probe = probes != 0;
	choice->tools_off = choice->substitute && pick->route->disable_tools_on_fallback;
	choice->review =
		choice->substitute && class_ && class_->on_failure == BATON_ON_FAILURE_REVIEW;
	choice->fault = fault_of(pick, target);
	choice->proceed = !pick->ask->whole && pick->last && pick->last->showed &&
			  target->can_continue && baton_failure_of(pick->last->fail)->goes_on;
	choice->reason = choice->proceed ? "continue" : reason;
}

/* False: no money, or too many leases; the trigger is COST or BUSY. */
static bool take(struct pick *pick, const struct baton_target *target, unsigned probes,
		 const char *reason)
{
	struct baton_lease lease = { .since_ms = pick->now.ms,
				     .probes = probes,
				     .health = pick->health };

	lease.target = baton_health_target(pick->health, pick->now, target);
	if (!lease.target || !reserve(pick, target, &lease))
		return false;
	pick->choice->lease = baton_leases_take(&pick->board->leases, &lease);
	if (pick->choice->lease == 0) {
		baton_money_settle(&pick->board->money, pick->now, &lease.purses, lease.worst, 0);
		return false;
	}
	baton_health_begin(pick->health, pick->now, lease.target, probes);
	describe(pick, target, probes, reason);
	return true;
}

static void skip(struct pick *pick, const struct baton_target *target, enum baton_trigger trigger)
{
	struct baton_target_health *row = baton_health_find(pick->health, target->name);

	pick->choice->skipped[pick->choice->n_skipped++] =
		(struct baton_skip){ .target = target, .trigger = trigger };
	if (row)
		row->skipped[trigger]++;
	if (target == pick->route->primary && pick->trigger == BATON_TRIGGER_NONE)
		pick->trigger = trigger;
}

/* --- the ways --- */

/* A target that does not take half answers gets the question from the start. */
static bool clean_restart(struct pick *pick)
{
	const struct baton_attempt *last = pick->last;

	return last && last->proceeded && last->fail == BATON_FAIL_BAD_REQUEST &&
	       tried(pick, last->target) < ATTEMPTS_PER_TARGET_MAX &&
	       take(pick, last->target, 0, "retry");
}

/* `alone`: nobody else is left, so a long hint is worth waiting for. */
static bool retry(struct pick *pick, bool alone)
{
	const struct baton_attempt *last = pick->last;

	if (!last || last->showed || last->not_again || critical(pick) ||
	    tried(pick, last->target) >= ATTEMPTS_PER_TARGET_MAX)
		return false;
	enum baton_again again = baton_failure_of(last->fail)->again;

	if (again == BATON_AGAIN_NEVER || (again == BATON_AGAIN_ALONE && !alone))
		return false;
	struct baton_target_health *row =
		baton_health_target(pick->health, pick->now, last->target);

	if (!row || !baton_health_may_retry(row))
		return false;
	struct baton_gate gate = gate_of(pick, row, true);
	uint64_t delay_ms =
		gate.wait_ms > last->retry_after_ms ? gate.wait_ms : last->retry_after_ms;

	/* A probe is not repeated, and a breaker that this failure has opened is open. */
	if (gate.trigger != BATON_TRIGGER_NONE || gate.probes != 0 ||
	    fault_of(pick, last->target).type == BATON_FAULT_DISABLED)
		return false;
	if (delay_ms == 0)
		delay_ms = pick->ask->random % RETRY_DELAY_MS_MAX;
	if (delay_ms + USEFUL_MS_MIN > pick->ask->left_ms ||
	    (delay_ms > HINT_WAITED_MS_MAX && !alone))
		return false;
	if (!take(pick, last->target, 0, "retry"))
		return false;
	baton_health_retried(row);
	pick->choice->delay_ms = delay_ms;
	return true;
}

static const char *reason_of(const struct pick *pick, size_t at, unsigned probes)
{
	if (probes)
		return "probe";
	return at == 0 ? pick->lead : "fallback";
}

/* The primary of a critical flow is well, or a person does the work: no model that is merely
 * there. */
static bool person_at_once(const struct pick *pick, const struct baton_target *target,
			   enum baton_trigger trigger)
{
	if (!critical(pick) || target != pick->route->primary)
		return false;
	return trigger != BATON_TRIGGER_BUSY && trigger != BATON_TRIGGER_COST &&
	       trigger != BATON_TRIGGER_UNFIT;
}

static void keep_soft(struct pick *pick, const struct baton_target *target,
		      const struct baton_gate *gate, enum baton_trigger trigger)
{
	const struct baton_class *class_ = pick->route->class_;

	if (!gate->soft ||
	    (class_ && (class_->critical || class_->on_failure == BATON_ON_FAILURE_ESCALATE ||
			class_->on_failure == BATON_ON_FAILURE_PAUSE)))
		return;
	/* Who is slow comes before who pauses, and he before who is down. */
	bool is_down = trigger != BATON_TRIGGER_P95 && trigger != BATON_TRIGGER_THROTTLED;
	uint64_t rank = trigger == BATON_TRIGGER_P95 ? 0 : is_down ? UINT64_MAX : 1 + gate->wait_ms;

	if (gate->wait_ms + USEFUL_MS_MIN > pick->ask->left_ms ||
	    (pick->soft && pick->soft_rank <= rank))
		return;
	pick->soft = target;
	pick->soft_rank = rank;
	pick->soft_wait_ms = gate->wait_ms;
	pick->soft_probes = is_down || (trigger == BATON_TRIGGER_THROTTLED && gate->wait_ms == 0)
				    ? BATON_PROBE_BEST_EFFORT
				    : 0;
}

static bool first_free(struct pick *pick)
{
	for (size_t i = 0; i < pick->n_order; i++) {
		const struct baton_target *target = pick->order[i];
		struct baton_gate gate;

		if (tried(pick, target) > 0 || !may_work(pick, target))
			continue;
		enum baton_trigger trigger = why_not(pick, target, &gate);

		if (trigger == BATON_TRIGGER_NONE) {
			if (take(pick, target, gate.probes, reason_of(pick, i, gate.probes))) {
				struct baton_target_health *row =
					baton_health_find(pick->health, target->name);

				baton_health_earn(pick->health, row);
				return true;
			}
			trigger = BATON_TRIGGER_COST;
		}
		skip(pick, target, trigger);
		if (person_at_once(pick, target, trigger)) {
			pick->choice->to_person = true;
			pick->choice->trigger = trigger;
			return false;
		}
		keep_soft(pick, target, &gate, trigger);
	}
	return false;
}

/* Everybody is down or pausing. One of them is asked all the same: a breaker may be wrong, a
 * customer who hears nothing is certain. At most one such call of a target runs at a time. */
static bool rather_than_nobody(struct pick *pick)
{
	if (!pick->soft || !take(pick, pick->soft, pick->soft_probes, "probe"))
		return false;
	if (!pick->choice->proceed && !pick->soft_probes)
		pick->choice->reason = pick->choice->substitute ? "fallback" : pick->lead;
	if (pick->soft_wait_ms == 0)
		return true;
	/* Not all of those who wait for the same moment at the same moment. */
	pick->choice->delay_ms = pick->soft_wait_ms + pick->ask->random % RETRY_DELAY_MS_MAX;
	if (pick->choice->delay_ms + USEFUL_MS_MIN > pick->ask->left_ms)
		pick->choice->delay_ms = pick->soft_wait_ms;
	return true;
}

/* Why, in one word: the primary's reason if nobody else was allowed to, else that all are down. */
static bool nobody(struct pick *pick)
{
	const struct baton_class *class_ = pick->route->class_;
	enum baton_trigger why = why_substitute(pick);

	pick->choice->to_person =
		class_ && (class_->critical || class_->on_failure == BATON_ON_FAILURE_ESCALATE);
	for (size_t i = 0; i < pick->n_order; i++)
		if (pick->order[i] != pick->route->primary && may_work(pick, pick->order[i]))
			why = BATON_TRIGGER_ALL_DOWN;
	pick->choice->trigger = why;
	return false;
}

/* In the middle of a turn: who asked for tools gets what they brought, nobody else. */
static bool goes_on(struct pick *pick)
{
	const struct baton_target *again = pick->ask->again;
	struct baton_gate gate;

	if (!again || !may_work(pick, again))
		return false;
	enum baton_trigger trigger = why_not(pick, again, &gate);

	return (trigger == BATON_TRIGGER_NONE || trigger == BATON_TRIGGER_P95) &&
	       take(pick, again, gate.probes, "tools");
}

static bool decide(struct pick *pick)
{
	const struct baton_attempt *last = pick->last;

	if (!find_order(pick)) {
		pick->choice->to_person = true;
		pick->choice->trigger = pick->trigger;
		return false;
	}
	if (pick->ask->left_ms < USEFUL_MS_MIN || pick->ask->n_past >= BATON_TURN_ATTEMPTS_MAX)
		return nobody(pick);
	if (goes_on(pick) || clean_restart(pick))
		return true;
	if (last && !baton_failure_of(last->fail)->elsewhere) {
		/* Another model would only be asked the same wrong thing, or be laxer. */
		pick->choice->to_person = last->fail != BATON_FAIL_CANCELLED;
		pick->choice->trigger = baton_fail_trigger(last->fail);
		return false;
	}
	if (retry(pick, false) || first_free(pick))
		return true;
	if (pick->choice->to_person)
		return false;
	if (retry(pick, true) || rather_than_nobody(pick))
		return true;
	return nobody(pick);
}

/* The sessions of a drill for some have their own health, begun when the first of them asks. */
static struct baton_health *health_of(struct baton_board *board, struct baton_now now,
				      const struct baton_ask *ask)
{
	if (board->drills.n == 0 ||
	    !baton_drills_apart(&board->drills, now, ask->session, ask->labelled))
		return &board->health;
	if (!board->drilling && board->policy)
		baton_health_adopt(&board->drilled, now, board->policy);
	board->drilling = true;
	return &board->drilled;
}

/* What the route's switches see of the primary is what the drill makes of it. */
static void drill_facts(const struct pick *pick, baton_facts *facts)
{
	struct baton_target_health *row =
		baton_health_target(pick->health, pick->now, pick->route->primary);

	if (row)
		baton_health_primary_facts(row, pick->now.ms, facts);
}

bool baton_board_next(struct baton_board *board, struct baton_now now, const struct baton_ask *ask,
		      struct baton_choice *ret_choice)
{
	struct baton_facts facts;
	struct baton_ask drilled;
	struct pick pick = {
		.board = board,
		.health = health_of(board, now, ask),
		.now = now,
		.ask = ask,
		.route = ask->route,
		.last = ask->n_past ? &ask->past[ask->n_past - 1] : NULL,
		.choice = ret_choice,
	};

	memset(ret_choice, 0, sizeof(*ret_choice));
	ret_choice->reason = "";
	pick.health->random ^= ask->random;
	if (!ask->route->primary)
		return false; /* a person's work: no route to go */
	if (pick.health == &board->drilled) {
		ret_choice->drilled = true;
		drilled = *ask;
		if (ask->facts) {
			facts = *ask->facts;
			drill_facts(&pick, &facts);
			drilled.facts = &facts;
		}
		pick.ask = &drilled;
	}
	return decide(&pick);
}
