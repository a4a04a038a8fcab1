/* SPDX-License-Identifier: Apache-2.0 */

/* Rows of targets and accounts: how they are found, what they say when asked, when they are
 * forgotten. What a call's end does to them is outcome.c. */

#include "core/route/health.h"

#include <stdio.h>

enum {
	ROWS_MAX = 4 * BATON_TARGETS_MAX, /* adopted ones, and those that old turns still ask */
	FORGET_MS = 2 * BATON_TURN_TOTAL_MS,
	LANE_FORGET_MS = BATON_QUANTILE_SLICES * BATON_QUANTILE_SLICE_MS,
	TOLD_COOLING_MS = 5000, /* shorter pauses are everyday life */
	RETRY_RATIO_PPM = 200000,
	RETRY_BURST = 10,
	PPM = 1000000
};

static const char *const state_names[BATON_TARGET_STATES_N] = {
	[BATON_TARGET_CLOSED] = "closed",       [BATON_TARGET_OPEN] = "open",
	[BATON_TARGET_HALF_OPEN] = "half_open", [BATON_TARGET_DISABLED] = "disabled",
	[BATON_TARGET_COOLING] = "cooling",     [BATON_TARGET_ACCOUNT_CLOSED] = "account_closed",
};

const char *baton_target_state_name(enum baton_target_state state)
{
	return state_names[state];
}

static void name_it(char to[BATON_NAME_BYTES_MAX + 1], const char *name)
{
	(void)snprintf(to, BATON_NAME_BYTES_MAX + 1, "%s", name ? name : "");
}

/* --- rows --- */

struct baton_account_health *baton_health_account(struct baton_health *health, const char *name)
{
	struct baton_account_health *account;

	HASH_FIND_STR(health->accounts, name, account);
	if (account)
		return account;
	account = baton_new(struct baton_account_health);
	name_it(account->name, name);
	HASH_ADD_STR(health->accounts, name, account);
	return account;
}

struct baton_target_health *baton_health_find(const struct baton_health *health, const char *name)
{
	struct baton_target_health *row;

	HASH_FIND_STR(health->targets, name, row);
	return row;
}

struct baton_lane *baton_health_lane(struct baton_health *health, struct baton_now now,
				     const char *intent)
{
	struct baton_lane *lane;

	HASH_FIND_STR(health->lanes, intent, lane);
	if (!lane) {
		lane = baton_new(struct baton_lane);
		name_it(lane->intent, intent);
		HASH_ADD_STR(health->lanes, intent, lane);
	}
	lane->used_ms = now.ms;
	return lane;
}

static void describe(struct baton_health *health, struct baton_target_health *row,
		     const struct baton_target *target)
{
	row->def = baton_breaker_def_of(&target->breaker);
	row->max_concurrent =
		target->max_concurrent ? target->max_concurrent : BATON_TARGET_CALLS_MAX;
	row->local = target->local;
	name_it(row->region, target->region);
	struct baton_account_health *account =
		baton_health_account(health, target->account ? target->account : "");

	/* A probe that is under way will be settled with the new account: the old one's is lost. */
	if (row->account && row->account != account)
		row->account->closure.probing = false;
	row->account = account;
}

struct baton_target_health *baton_health_target(struct baton_health *health, struct baton_now now,
						const struct baton_target *target)
{
	struct baton_target_health *row = baton_health_find(health, target->name);

	if (row || HASH_COUNT(health->targets) >= ROWS_MAX)
		return row;
	row = baton_new(struct baton_target_health);
	name_it(row->name, target->name);
	describe(health, row, target);
	row->used_ms = now.ms;
	row->retry_ppm = (uint64_t)PPM * RETRY_BURST;
	/* That its account was closed before it came is no news. */
	row->told = baton_health_state(row, now.ms);
	row->told_unix_ms = now.unix_ms;
	HASH_ADD_STR(health->targets, name, row);
	return row;
}

void baton_health_done(struct baton_health *health)
{
	struct baton_target_health *row, *next_row;
	struct baton_account_health *account, *next_account;
	struct baton_lane *lane, *next_lane;

	HASH_ITER(hh, health->targets, row, next_row) {
		HASH_DEL(health->targets, row);
		baton_free(row);
	}
	HASH_ITER(hh, health->accounts, account, next_account) {
		HASH_DEL(health->accounts, account);
		baton_free(account);
	}
	HASH_ITER(hh, health->lanes, lane, next_lane) {
		HASH_DEL(health->lanes, lane);
		baton_free(lane);
	}
}

void baton_health_adopt(struct baton_health *health, struct baton_now now,
			const struct baton_policy *policy)
{
	struct baton_target_health *row, *next;

	if (health->began_ms == 0)
		health->began_ms = now.ms;
	health->budgets = &policy->budgets;
	HASH_ITER(hh, health->targets, row, next)
		row->adopted = row->account->adopted = false;
	for (size_t i = 0; i < policy->n_targets; i++) {
		row = baton_health_target(health, now, &policy->targets[i]);
		if (!row)
			continue;
		describe(health, row, &policy->targets[i]);
		row->adopted = row->account->adopted = true;
	}
}

/* --- what they say when asked --- */

static bool account_shut(const struct baton_target_health *target)
{
	return target->account->closure.closed;
}

static uint64_t cool_until(const struct baton_target_health *target)
{
	return target->cool_until_ms > target->account->cool_until_ms
		       ? target->cool_until_ms
		       : target->account->cool_until_ms;
}

/* What is left of the time that the provider asked us to wait. */
static uint64_t asked_to_wait_ms(const struct baton_target_health *target, uint64_t now_ms)
{
	uint64_t until_ms = target->hint_until_ms > target->account->cool_until_ms
				    ? target->hint_until_ms
				    : target->account->cool_until_ms;

	return now_ms < until_ms ? until_ms - now_ms : 0;
}

enum baton_target_state baton_health_state(const struct baton_target_health *target,
					   uint64_t now_ms)
{
	if (target->disabled)
		return BATON_TARGET_DISABLED;
	if (account_shut(target))
		return BATON_TARGET_ACCOUNT_CLOSED;
	if (target->closure.closed)
		return target->closure.probing ? BATON_TARGET_HALF_OPEN : BATON_TARGET_OPEN;
	switch (target->breaker.state) {
	case BATON_BREAKER_OPEN:
		return BATON_TARGET_OPEN;
	case BATON_BREAKER_HALF_OPEN:
		return BATON_TARGET_HALF_OPEN;
	case BATON_BREAKER_CLOSED:
		break;
	}
	return now_ms < cool_until(target) ? BATON_TARGET_COOLING : BATON_TARGET_CLOSED;
}

/* All of a region's targets have an open breaker, and there are several: it is the region. */
static bool region_down(const struct baton_health *health, const struct baton_target_health *of)
{
	const struct baton_target_health *row;
	size_t n = 0;

	if (of->region[0] == '\0')
		return false;
	for (row = health->targets; row; row = row->hh.next) {
		if (strcmp(row->region, of->region) != 0 || (!row->adopted && row != of))
			continue;
		if (row->breaker.state == BATON_BREAKER_CLOSED)
			return false;
		n++;
	}
	return n > 1;
}

/* Lets a call pass as a probe if one is due; else says why not. */
static bool pass_closure(const struct baton_closure *closure, unsigned probe, uint64_t now_ms,
			 struct baton_gate *gate)
{
	if (!closure->closed)
		return true;
	if (closure->probing || now_ms < closure->until_ms) {
		gate->trigger = closure->why;
		return false;
	}
	gate->probes |= probe;
	gate->waited_ms = now_ms - closure->until_ms;
	return true;
}

static bool pass_breaker(const struct baton_health *health,
			 const struct baton_target_health *target, uint64_t now_ms,
			 struct baton_gate *gate)
{
	if (target->breaker.state == BATON_BREAKER_CLOSED)
		return true;
	if (baton_breaker_ready(&target->breaker, now_ms)) {
		gate->probes |= BATON_PROBE_BREAKER;
		gate->waited_ms = now_ms - target->breaker.until_ms;
		return true;
	}
	gate->trigger = region_down(health, target) ? BATON_TRIGGER_REGIONAL_OUTAGE
						    : BATON_TRIGGER_DEGRADED;
	/* A probe that is under way answers for everybody. */
	gate->soft = target->breaker.state == BATON_BREAKER_OPEN && !target->best_effort;
	return false;
}

struct baton_gate baton_health_gate(const struct baton_health *health,
				    const struct baton_target_health *target, uint64_t now_ms,
				    bool again)
{
	struct baton_gate gate = { .trigger = BATON_TRIGGER_NONE };

	if (target->disabled) {
		gate.trigger = BATON_TRIGGER_DISABLED;
		return gate;
	}
	if (!pass_closure(&target->account->closure, BATON_PROBE_ACCOUNT, now_ms, &gate) ||
	    !pass_closure(&target->closure, BATON_PROBE_MODEL, now_ms, &gate))
		return gate;
	if (target->in_flight >= target->max_concurrent) {
		gate.trigger = BATON_TRIGGER_BUSY;
		return gate;
	}
	gate.wait_ms = asked_to_wait_ms(target, now_ms);
	if (!pass_breaker(health, target, now_ms, &gate) || again || now_ms >= cool_until(target))
		return gate;
	gate.trigger = BATON_TRIGGER_THROTTLED;
	/* A pause that only we thought of is broken by one at a time. */
	gate.soft = gate.probes == 0 && (gate.wait_ms > 0 || !target->best_effort);
	return gate;
}

uint32_t baton_health_p95_ms(struct baton_target_health *target, uint64_t now_ms)
{
	const struct baton_histogram *window = baton_quantile_window(&target->whole, now_ms);

	return window->n < BATON_P95_MIN ? 0 : (uint32_t)baton_histogram_quantile(window, 950000);
}

/* --- retries --- */

static uint64_t burst_ppm(const struct baton_health *health)
{
	uint32_t burst = health->budgets ? health->budgets->retry_burst : 0;

	return (uint64_t)PPM * (burst ? burst : RETRY_BURST);
}

void baton_health_earn(const struct baton_health *health, struct baton_target_health *target)
{
	uint32_t ratio = health->budgets ? health->budgets->retry_ratio_ppm : 0;
	uint64_t most = burst_ppm(health);

	target->retry_ppm += ratio ? ratio : RETRY_RATIO_PPM;
	if (target->retry_ppm > most)
		target->retry_ppm = most;
}

bool baton_health_may_retry(const struct baton_target_health *target)
{
	return target->retry_ppm >= PPM;
}

void baton_health_retried(struct baton_target_health *target)
{
	target->retry_ppm -= PPM;
	target->retries++;
}

/* --- what is told, and what is forgotten --- */

static void tell(struct baton_health *health, struct baton_now now,
		 const struct baton_happening *happening)
{
	struct baton_happening told = *happening;

	health->dirty = true;
	told.unix_ms = now.unix_ms;
	told.detail = told.detail ? told.detail : "";
	told.by = told.by ? told.by : "";
	if (health->happened)
		health->happened(health->ud, &told);
}

enum baton_trigger baton_health_why(const struct baton_target_health *target,
				    enum baton_target_state state)
{
	switch (state) {
	case BATON_TARGET_OPEN:
	case BATON_TARGET_HALF_OPEN:
		return target->closure.closed ? target->closure.why : target->why;
	case BATON_TARGET_DISABLED:
		return BATON_TRIGGER_DISABLED;
	case BATON_TARGET_COOLING:
		return BATON_TRIGGER_THROTTLED;
	case BATON_TARGET_ACCOUNT_CLOSED:
		return target->account->closure.why;
	case BATON_TARGET_CLOSED:
	case BATON_TARGET_STATES_N:
		break;
	}
	return BATON_TRIGGER_NONE;
}

static void tell_target(struct baton_health *health, struct baton_now now,
			struct baton_target_health *target, const char *by)
{
	enum baton_target_state state = baton_health_state(target, now.ms);

	if (state == BATON_TARGET_COOLING && cool_until(target) - now.ms < TOLD_COOLING_MS &&
	    target->told != BATON_TARGET_COOLING)
		state = BATON_TARGET_CLOSED;
	if (state == target->told)
		return;
	const char *was = baton_target_state_name(target->told);

	target->told = state;
	target->told_unix_ms = now.unix_ms;
	tell(health, now,
	     &(struct baton_happening){ .type = BATON_HAPPENED_TARGET,
					.trigger = baton_health_why(target, state),
					.subject = target->name,
					.was = was,
					.is = baton_target_state_name(state),
					.by = by });
}

static void tell_account(struct baton_health *health, struct baton_now now,
			 struct baton_account_health *account, const char *by)
{
	bool closed = account->closure.closed;

	if (closed == account->told_closed)
		return;
	account->told_closed = closed;
	tell(health, now,
	     &(struct baton_happening){ .type = BATON_HAPPENED_ACCOUNT,
					.trigger =
						closed ? account->closure.why : BATON_TRIGGER_NONE,
					.subject = account->name,
					.was = closed ? "open" : "closed",
					.is = closed ? "closed" : "open",
					.by = by });
}

/* Accounts that no target has any more and whose closure, if any, is over. */
static void forget_accounts(struct baton_health *health, struct baton_now now)
{
	struct baton_account_health *account, *next;
	struct baton_target_health *row;

	for (account = health->accounts; account; account = account->hh.next)
		account->named = account->adopted;
	for (row = health->targets; row; row = row->hh.next)
		row->account->named = true;
	HASH_ITER(hh, health->accounts, account, next) {
		if (account->named ||
		    (account->closure.closed && now.ms < account->closure.until_ms))
			continue;
		HASH_DEL(health->accounts, account);
		baton_free(account);
	}
}

/* Lanes of intents that nobody asks about: what they know is older than the window. */
static void forget_lanes(struct baton_health *health, struct baton_now now)
{
	struct baton_lane *lane, *next;

	HASH_ITER(hh, health->lanes, lane, next) {
		if (now.ms < lane->used_ms + LANE_FORGET_MS)
			continue;
		HASH_DEL(health->lanes, lane);
		baton_free(lane);
	}
}

void baton_health_tick(struct baton_health *health, struct baton_now now)
{
	struct baton_target_health *row, *next_row;
	struct baton_account_health *account, *next_account;

	HASH_ITER(hh, health->accounts, account, next_account)
		tell_account(health, now, account, "");
	HASH_ITER(hh, health->targets, row, next_row) {
		tell_target(health, now, row, "");
		if (row->adopted || row->in_flight > 0 || row->disabled || row->closure.closed ||
		    now.ms < row->used_ms + FORGET_MS)
			continue;
		HASH_DEL(health->targets, row);
		baton_free(row);
	}
	forget_accounts(health, now);
	forget_lanes(health, now);
}

/* --- admins --- */

bool baton_health_disable(struct baton_health *health, struct baton_now now, const char *target,
			  const struct baton_admin *admin)
{
	struct baton_target_health *row = baton_health_find(health, target);

	if (!row)
		return false;
	row->disabled = true;
	row->disabled_unix_ms = now.unix_ms;
	name_it(row->disabled_by, admin->by);
	health->dirty = true;
	tell_target(health, now, row, admin->by);
	return true;
}

bool baton_health_enable(struct baton_health *health, struct baton_now now, const char *target,
			 const struct baton_admin *admin)
{
	struct baton_target_health *row = baton_health_find(health, target);

	if (!row)
		return false;
	/* Probes that are under way find nothing left to decide. */
	row->disabled = false;
	row->disabled_by[0] = '\0';
	row->breaker = (struct baton_breaker){ .state = BATON_BREAKER_CLOSED };
	row->closure = row->account->closure = (struct baton_closure){ .closed = false };
	row->cool_until_ms = row->hint_until_ms = row->account->cool_until_ms = 0;
	row->throttled = 0;
	health->dirty = true;
	tell_account(health, now, row->account, admin->by);
	tell_target(health, now, row, admin->by);
	return true;
}
