/* SPDX-License-Identifier: Apache-2.0 */

/* How a call's beginning and its end change what is known of its target and its account. */

#include "core/route/health.h"

#include "core/base/assert.h"
#include "core/route/modes.h"

enum {
	COOL_MS = 1000, /* after "too many" without a hint; doubled each time in a row */
	COOL_DOUBLINGS_MAX = 5,
	HINT_MS_MAX = 600000, /* who asks for more is asked again after ten minutes all the same */
	QUOTA_MS = 600000,    /* a closed account is tried again so seldom, if no date was given */
	ACCESS_MS = 1800000,
	GONE_MS = 600000,
	PROBE_AGAIN_MS = 60000, /* a probe of a closure came to something else */
	PPM = 1000000
};
static const uint64_t UNTIL_MS_MAX = 31ull * 86400 * 1000;

/* --- counts --- */

static void roll(struct baton_calls *calls, uint64_t now_ms)
{
	uint64_t slice = now_ms / BATON_QUANTILE_SLICE_MS;

	for (unsigned i = 0; calls->slice < slice && i < BATON_QUANTILE_SLICES; i++) {
		uint32_t *next = calls->slices[++calls->slice % BATON_QUANTILE_SLICES];

		for (unsigned kind = 0; kind < BATON_CALL_KINDS; kind++)
			calls->window[kind] -= next[kind];
		memset(next, 0, sizeof(calls->slices[0]));
	}
	if (calls->slice < slice)
		calls->slice = slice;
}

static void count(struct baton_calls *calls, uint64_t now_ms, unsigned kind)
{
	roll(calls, now_ms);
	calls->slices[calls->slice % BATON_QUANTILE_SLICES][kind]++;
	calls->window[kind]++;
	calls->total[kind]++;
}

/* Calls that say something about the target, and those of them that failed. */
static void judged(struct baton_target_health *target, uint64_t now_ms, uint32_t *calls,
		   uint32_t *failed)
{
	roll(&target->calls, now_ms);
	*failed += target->calls.window[BATON_CALL_BLAMED];
	*calls +=
		target->calls.window[BATON_CALL_ANSWERED] + target->calls.window[BATON_CALL_BLAMED];
}

uint32_t baton_health_share_ppm(struct baton_target_health *target, uint64_t now_ms)
{
	uint32_t calls = 0, failed = 0;

	judged(target, now_ms, &calls, &failed);
	return calls ? (uint32_t)((uint64_t)(calls - failed) * PPM / calls) : PPM;
}

void baton_health_primary_facts(struct baton_target_health *target, uint64_t now_ms,
				baton_facts *facts)
{
	facts->primary_health_ppm = baton_health_share_ppm(target, now_ms);
	facts->primary_p95_ms = baton_health_p95_ms(target, now_ms);
	facts->primary_state =
		baton_str_of(baton_target_state_name(baton_health_state(target, now_ms)));
}

/* --- a call begins --- */

void baton_health_begin(struct baton_health *health, struct baton_now now,
			struct baton_target_health *target, unsigned probes)
{
	target->in_flight++;
	target->used_ms = now.ms;
	if (probes == 0)
		return;
	if (probes & BATON_PROBE_BREAKER)
		baton_breaker_probe(&target->breaker);
	if (probes & BATON_PROBE_MODEL)
		target->closure.probing = true;
	if (probes & BATON_PROBE_ACCOUNT)
		target->account->closure.probing = true;
	if (probes & BATON_PROBE_BEST_EFFORT)
		target->best_effort = true;
	health->dirty = true;
}

/* --- a call ends --- */

static void later(uint64_t *deadline, uint64_t ms)
{
	if (*deadline < ms)
		*deadline = ms;
}

static uint64_t random_of(struct baton_health *health)
{
	/* splitmix64 (Steele, Lea, Flood 2014): the state is fed by what callers bring. */
	uint64_t z = health->random += 0x9e3779b97f4a7c15ull;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return z ^ (z >> 31);
}

/* What the call means for its target: its class's row, unless the scope says that it was the
 * question. */
static enum baton_effect effect_of(const struct baton_outcome *outcome)
{
	enum baton_effect effect = baton_failure_of(outcome->fail)->effect;

	if (outcome->cancelled || outcome->scope == BATON_SCOPE_REQUEST)
		return BATON_EFFECT_NONE;
	return effect;
}

static void cool_down(struct baton_target_health *target, uint64_t now_ms,
		      const struct baton_outcome *outcome, bool throttled)
{
	uint64_t hint_ms =
		outcome->retry_after_ms < HINT_MS_MAX ? outcome->retry_after_ms : HINT_MS_MAX;
	uint64_t pause_ms = hint_ms;

	if (target->local)
		return;
	if (hint_ms == 0 && throttled) {
		pause_ms = (uint64_t)COOL_MS << target->throttled;
		target->throttled += target->throttled < COOL_DOUBLINGS_MAX;
	}
	/* A later deadline stands: never is a pause shortened by another answer. */
	later(&target->cool_until_ms, now_ms + pause_ms);
	if (hint_ms > 0)
		later(&target->hint_until_ms, now_ms + hint_ms);
	if (outcome->scope == BATON_SCOPE_ACCOUNT)
		later(&target->account->cool_until_ms, now_ms + pause_ms);
}

static uint64_t closed_for_ms(struct baton_now now, const struct baton_outcome *outcome)
{
	uint64_t ms = outcome->fail == BATON_FAIL_QUOTA    ? QUOTA_MS
		      : outcome->fail == BATON_FAIL_ACCESS ? ACCESS_MS
							   : GONE_MS;

	if (outcome->until_unix_ms > now.unix_ms)
		ms = outcome->until_unix_ms - now.unix_ms;
	else if (outcome->retry_after_ms > ms)
		ms = outcome->retry_after_ms;
	return ms < UNTIL_MS_MAX ? ms : UNTIL_MS_MAX;
}

static void close_it(struct baton_now now, struct baton_closure *closure,
		     const struct baton_outcome *outcome)
{
	closure->closed = true;
	closure->why = baton_failure_of(outcome->fail)->trigger;
	later(&closure->until_ms, now.ms + closed_for_ms(now, outcome));
	if (outcome->until_unix_ms > now.unix_ms)
		later(&closure->until_unix_ms, outcome->until_unix_ms);
}

static void failed(struct baton_health *health, struct baton_now now,
		   struct baton_target_health *target, unsigned probes,
		   const struct baton_outcome *outcome)
{
	bool decides = (probes & (BATON_PROBE_BREAKER | BATON_PROBE_BEST_EFFORT)) != 0;
	enum baton_breaker_state was = target->breaker.state;
	bool account =
		outcome->scope == BATON_SCOPE_ACCOUNT || outcome->scope == BATON_SCOPE_PROVIDER;

	switch (effect_of(outcome)) {
	case BATON_EFFECT_FAILURE:
		target->failed_ms = now.ms;
		target->why = baton_failure_of(outcome->fail)->trigger;
		baton_breaker_failure(&target->breaker, now.ms, &target->def, decides,
				      random_of(health));
		if (outcome->retry_after_ms > 0)
			cool_down(target, now.ms, outcome, false);
		break;
	case BATON_EFFECT_COOLDOWN:
		target->failed_ms = now.ms;
		cool_down(target, now.ms, outcome, true);
		health->dirty = true;
		break;
	case BATON_EFFECT_CLOSE:
		target->failed_ms = now.ms;
		close_it(now,
			 account && outcome->fail != BATON_FAIL_MODEL_GONE
				 ? &target->account->closure
				 : &target->closure,
			 outcome);
		health->dirty = true;
		break;
	case BATON_EFFECT_NONE:
		break;
	}
	if (was != target->breaker.state)
		health->dirty = true;
}

/* What a probe of a closure found: open again, nothing (the next call may find out), or trouble of
 * another kind. A closure that was closed anew has its date already. */
static void probed(struct baton_closure *closure, uint64_t now_ms, bool answered, bool neutral)
{
	closure->probing = false;
	if (answered)
		*closure = (struct baton_closure){ .closed = false };
	else if (closure->until_ms <= now_ms)
		closure->until_ms = neutral ? now_ms : now_ms + PROBE_AGAIN_MS;
}

static void give_back(struct baton_health *health, struct baton_now now,
		      struct baton_target_health *target, unsigned probes,
		      const struct baton_outcome *outcome)
{
	bool neutral = !outcome->answered && effect_of(outcome) == BATON_EFFECT_NONE;

	if (probes & BATON_PROBE_MODEL)
		probed(&target->closure, now.ms, outcome->answered, neutral);
	if (probes & BATON_PROBE_ACCOUNT)
		probed(&target->account->closure, now.ms, outcome->answered, neutral);
	if (probes & BATON_PROBE_BEST_EFFORT)
		target->best_effort = false;
	/* Neither whole nor failed (throttled, refused): the breaker knows as little as before. */
	if (probes & BATON_PROBE_BREAKER)
		baton_breaker_neutral(&target->breaker, now.ms);
	health->dirty = true;
}

void baton_health_settle(struct baton_health *health, struct baton_now now,
			 struct baton_target_health *target, unsigned probes,
			 const struct baton_outcome *outcome)
{
	baton_assert(target->in_flight > 0);
	target->in_flight--;
	target->cost_microusd += outcome->cost_microusd;
	target->out_tokens += outcome->out_tokens;
	if (outcome->first_token_ms > 0)
		baton_quantile_add(&target->first, now.ms, outcome->first_token_ms);
	if (outcome->answered) {
		count(&target->calls, now.ms, BATON_CALL_ANSWERED);
		baton_quantile_add(&target->whole, now.ms, outcome->total_ms);
		target->throttled = 0;
		baton_breaker_success(&target->breaker, now.ms, &target->def,
				      (probes & (BATON_PROBE_BREAKER | BATON_PROBE_BEST_EFFORT)) !=
					      0);
	} else {
		unsigned kind = outcome->cancelled              ? (unsigned)BATON_FAIL_CANCELLED
				: outcome->fail < BATON_FAILS_N ? outcome->fail
								: (unsigned)BATON_FAIL_INTERNAL;

		count(&target->calls, now.ms, kind);
		if (effect_of(outcome) != BATON_EFFECT_NONE)
			count(&target->calls, now.ms, BATON_CALL_BLAMED);
		failed(health, now, target, probes, outcome);
	}
	if (probes)
		give_back(health, now, target, probes, outcome);
}

/* --- facts of a scope --- */

bool baton_scope_holds(const struct baton_mode_def *scope, const struct baton_route *route)
{
	return !scope ||
	       baton_mode_concerns(scope, route->intent, route->class_ ? route->class_->name : "");
}

struct walk {
	struct baton_health *health;
	struct baton_now now;
	struct baton_mode_facts *facts;
	struct baton_histogram first, whole;
	uint32_t failed, throttled;
	uint64_t failed_ms;
};

/* Each target counts once, however many routes of the scope name it. Bit 0 of the mark: it has been
 * counted as a primary, too. */
static bool first_visit(struct walk *walk, struct baton_target_health *row, bool primary)
{
	uint64_t mark = walk->health->seen | (primary ? 1 : 0);

	if (row->seen >= mark)
		return false;
	row->seen = mark;
	return true;
}

static void count_target(struct walk *walk, struct baton_target_health *row)
{
	struct baton_gate gate = baton_health_gate(walk->health, row, walk->now.ms, false);

	walk->facts->total_targets++;
	walk->facts->healthy_targets +=
		gate.trigger == BATON_TRIGGER_NONE || gate.trigger == BATON_TRIGGER_BUSY;
	if (row->account->closure.closed && row->account->closure.why == BATON_TRIGGER_QUOTA)
		walk->facts->flags |= BATON_MODE_FACT_QUOTA;
}

static void count_primary(struct walk *walk, struct baton_target_health *row)
{
	judged(row, walk->now.ms, &walk->facts->calls, &walk->failed);
	walk->throttled += row->calls.window[BATON_FAIL_RATE_LIMITED];
	baton_histogram_merge(&walk->first, baton_quantile_window(&row->first, walk->now.ms));
	baton_histogram_merge(&walk->whole, baton_quantile_window(&row->whole, walk->now.ms));
	later(&walk->failed_ms, row->failed_ms);
	if (row->disabled || row->closure.closed || row->account->closure.closed ||
	    row->breaker.state != BATON_BREAKER_CLOSED)
		walk->facts->flags |= BATON_MODE_FACT_PRIMARY_OPEN;
}

static void walk_route(struct walk *walk, const struct baton_route *route)
{
	for (size_t i = 0; route->primary && i <= route->n_fallbacks; i++) {
		const struct baton_target *target = i ? route->fallbacks[i - 1] : route->primary;
		struct baton_target_health *row =
			baton_health_target(walk->health, walk->now, target);

		if (row && row->seen < walk->health->seen)
			count_target(walk, row);
		if (row && first_visit(walk, row, i == 0) && i == 0)
			count_primary(walk, row);
	}
}

void baton_health_facts(struct baton_health *health, struct baton_now now,
			const struct baton_policy *policy, const struct baton_mode_def *scope,
			struct baton_mode_facts *facts)
{
	struct walk walk = {
		.health = health, .now = now, .facts = facts, .failed_ms = health->began_ms
	};

	health->seen += 2;
	facts->calls = facts->total_targets = facts->healthy_targets = 0;
	for (size_t i = 0; i < policy->n_routes; i++)
		if (baton_scope_holds(scope, &policy->routes[i]))
			walk_route(&walk, &policy->routes[i]);
	if (facts->calls > 0) {
		facts->error_ppm = (uint32_t)((uint64_t)walk.failed * PPM / facts->calls);
		facts->rate_limited_ppm = (uint32_t)((uint64_t)walk.throttled * PPM / facts->calls);
	}
	facts->p95_ms = baton_histogram_quantile(&walk.whole, 950000);
	facts->first_token_p95_ms = baton_histogram_quantile(&walk.first, 950000);
	facts->healthy_ms = now.ms > walk.failed_ms ? now.ms - walk.failed_ms : 0;
	if (facts->total_targets > 0 && facts->healthy_targets == 0)
		facts->flags |= BATON_MODE_FACT_ALL_DOWN;
}
