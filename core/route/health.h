/* SPDX-License-Identifier: Apache-2.0 */

/* What is known of each target and each account from the calls that were made: how long they took, how
 * they ended, whether the breaker is open, what is closed or cooling, and so whether the target may
 * be asked now. By name: policies come and go, what is known stays.
 *
 * A board has one of these for its customers. While a drill concerns only a part of the sessions,
 * those have one of their own, so that faults on purpose close nothing for anybody else; what is
 * known to all (an admin's switch, a closed account, a real outage) holds for them, too.
 */
#pragma once

#include "core/base/table.h"
#include "core/policy/mode_facts.h"
#include "core/route/board.h"
#include "core/route/breaker.h"
#include "core/route/failure.h"
#include "core/route/quantile.h"

/* The states of target_changed. */
enum baton_target_state {
	BATON_TARGET_CLOSED, /* the breaker is closed: in use */
	BATON_TARGET_OPEN,
	BATON_TARGET_HALF_OPEN,
	BATON_TARGET_DISABLED,
	BATON_TARGET_COOLING,
	BATON_TARGET_ACCOUNT_CLOSED,
	BATON_TARGET_STATES_N
};
const char *baton_target_state_name(enum baton_target_state state);

/* Closed until somebody does something: money, access, a model that is gone. From `until_ms` on one
 * call may find out whether somebody has. */
struct baton_closure {
	bool closed, probing;
	enum baton_trigger why;
	uint64_t until_ms;
	uint64_t until_unix_ms; /* as the provider said, 0: it did not */
};

/* How calls ended, over five minutes and since the start. Index: BATON_FAIL_*, or one of these. */
enum {
	BATON_CALL_ANSWERED = BATON_FAILS_N,
	BATON_CALL_BLAMED, /* failures that say something about the target, whatever their class */
	BATON_CALL_KINDS
};
struct baton_calls {
	uint64_t slice;
	uint32_t window[BATON_CALL_KINDS];
	uint32_t slices[BATON_QUANTILE_SLICES][BATON_CALL_KINDS];
	uint64_t total[BATON_CALL_KINDS];
};

struct baton_account_health {
	char name[BATON_NAME_BYTES_MAX + 1];
	bool adopted, named /* by a target */, told_closed;
	struct baton_closure closure;
	uint64_t cool_until_ms;
	UT_hash_handle hh;
};

struct baton_target_health {
	char name[BATON_NAME_BYTES_MAX + 1], region[BATON_NAME_BYTES_MAX + 1];
	struct baton_account_health *account;
	bool adopted, local, disabled;
	char disabled_by[BATON_NAME_BYTES_MAX + 1];
	uint64_t disabled_unix_ms;
	enum baton_target_state told;
	uint64_t told_unix_ms; /* since when it is in that state; of a restart, since the start */
	struct baton_breaker_def def; /* with the defaults filled in */
	struct baton_breaker breaker;
	enum baton_trigger why; /* the last failure that fed the breaker */
	struct baton_closure closure; /* of this model alone */
	uint64_t cool_until_ms, hint_until_ms; /* the latter: what a provider asked for */
	uint32_t throttled; /* in a row, without a hint */
	uint32_t in_flight, max_concurrent;
	bool best_effort; /* a call is running although it is known to be down */
	uint64_t retry_ppm; /* retries saved up, millionths of one */
	uint64_t failed_ms, used_ms; /* the last failure; the last time somebody asked */
	uint64_t seen; /* mark of a walk over a scope */
	struct baton_quantile first, whole; /* milliseconds to the first token, of whole answers */
	struct baton_calls calls;
	uint64_t cost_microusd, out_tokens, retries, skipped[BATON_TRIGGERS_N];
	UT_hash_handle hh;
};

/* A route as its turns see it: is its primary too slow for it? */
struct baton_lane {
	char intent[BATON_NAME_BYTES_MAX + 1];
	bool slow;
	uint32_t passed_by; /* turns that went elsewhere for it; every tenth does not */
	uint64_t used_ms;
	UT_hash_handle hh;
};

struct baton_health {
	struct baton_target_health *targets;
	struct baton_account_health *accounts;
	struct baton_lane *lanes; /* of routes with a max_p95_ms that were asked for */
	const struct baton_budgets *budgets; /* NULL: defaults. The policy's, as long as it is adopted */
	uint64_t began_ms, random, seen;
	bool dirty;
	baton_board_happened *happened; /* NULL: nobody hears of it */
	void *ud;
};

void baton_health_done(struct baton_health *health);
void baton_health_adopt(struct baton_health *health, struct baton_now now,
			const struct baton_policy *policy);
/* The row of a target, made if there is none; NULL if there are too many. */
struct baton_target_health *baton_health_target(struct baton_health *health, struct baton_now now,
						const struct baton_target *target);
struct baton_target_health *baton_health_find(const struct baton_health *health, const char *name);
struct baton_account_health *baton_health_account(struct baton_health *health, const char *name);
struct baton_lane *baton_health_lane(struct baton_health *health, struct baton_now now,
				     const char *intent);
enum baton_target_state baton_health_state(const struct baton_target_health *target,
					   uint64_t now_ms);
/* The reason for that state; NONE if it is in use. */
enum baton_trigger baton_health_why(const struct baton_target_health *target,
				    enum baton_target_state state);

/* What a call stands for besides itself; given back when it is settled. */
enum {
	BATON_PROBE_BREAKER = 1,
	BATON_PROBE_MODEL = 2,
	BATON_PROBE_ACCOUNT = 4,
	BATON_PROBE_BEST_EFFORT = 8 /* rather than nobody, of a target that is known to be down */
};

/* May it be asked now? `trigger` NONE: yes, and `probes` says what it would find out. */
struct baton_gate {
	enum baton_trigger trigger;
	unsigned probes;
	uint64_t waited_ms; /* how long the probe has been due */
	uint64_t wait_ms;   /* what is left of the time that the provider asked for */
	bool soft;          /* no: but rather it than nobody */
};
/* `again`: for the one retry in a turn, which is spaced by its own delay and not by a cool-down that
 * nobody asked for. */
struct baton_gate baton_health_gate(const struct baton_health *health,
				    const struct baton_target_health *target, uint64_t now_ms,
				    bool again);
/* A call begins, and ends. */
void baton_health_begin(struct baton_health *health, struct baton_now now,
			struct baton_target_health *target, unsigned probes);
void baton_health_settle(struct baton_health *health, struct baton_now now,
			 struct baton_target_health *target, unsigned probes,
			 const struct baton_outcome *outcome);

/* The retry budget: a first attempt earns a share of one, a retry spends one. */
void baton_health_earn(const struct baton_health *health, struct baton_target_health *target);
bool baton_health_may_retry(const struct baton_target_health *target);
void baton_health_retried(struct baton_target_health *target);

/* Tells what changed since the last time, and forgets names that nothing refers to. */
void baton_health_tick(struct baton_health *health, struct baton_now now);

/* False: nobody has asked for it and no policy declares it. */
bool baton_health_disable(struct baton_health *health, struct baton_now now, const char *target,
			  const struct baton_admin *admin);
bool baton_health_enable(struct baton_health *health, struct baton_now now, const char *target,
			 const struct baton_admin *admin);

/* p95 of whole answers over five minutes, 0 with fewer than BATON_P95_MIN of them. */
enum { BATON_P95_MIN = 20 };
uint32_t baton_health_p95_ms(struct baton_target_health *target, uint64_t now_ms);
/* Share of the calls of five minutes that succeeded, of those that say something about the target;
 * a million without calls. */
uint32_t baton_health_share_ppm(struct baton_target_health *target, uint64_t now_ms);
/* primary_state, primary_health_ppm and primary_p95_ms of the ABI's facts. */
void baton_health_primary_facts(struct baton_target_health *target, uint64_t now_ms,
				baton_facts *facts);

/* The fields of mode facts that targets know: calls, errors, times, who could be asked. `scope` NULL:
 * every route. Others are left alone, flags are added to. */
void baton_health_facts(struct baton_health *health, struct baton_now now,
			const struct baton_policy *policy, const struct baton_mode_def *scope,
			struct baton_mode_facts *facts);
/* Does a mode's scope hold this route? */
bool baton_scope_holds(const struct baton_mode_def *scope, const struct baton_route *route);
