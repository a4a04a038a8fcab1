/* SPDX-License-Identifier: Apache-2.0 */

/* The choice of a target. A failure either allows the same target once more, or another target, or
 * nobody; that is one row of failure.c.
 */

#include "core/route/route.h"

#include "core/route/failure.h"

enum {
	RETRY_DELAY_MS_MAX = 250, /* full jitter below this for failures without a hint */
	ATTEMPTS_PER_TARGET_MAX = 2,
	USEFUL_MS_MIN = 200 /* an attempt with less time than this left is not begun */
};

static size_t tried(const struct baton_target *target, const struct baton_attempt *past,
		    size_t n_past)
{
	size_t n = 0;

	for (size_t i = 0; i < n_past; i++)
		n += past[i].target == target;
	return n;
}

static bool account_closed(const struct baton_target *target, const struct baton_attempt *past,
			   size_t n_past)
{
	for (size_t i = 0; i < n_past; i++)
		if ((past[i].fail == BATON_FAIL_QUOTA || past[i].fail == BATON_FAIL_ACCESS) &&
		    strcmp(past[i].target->account, target->account) == 0)
			return true;
	return false;
}

/* May `target` stand in for the primary of this workflow class? */
static bool may_substitute(const struct baton_class *class_, const struct baton_target *target)
{
	if (!class_ || class_->on_failure != BATON_ON_FAILURE_ESCALATE)
		return true;
	for (size_t i = 0; i < class_->n_approved; i++)
		if (strcmp(class_->approved[i], target->name) == 0)
			return true;
	return false;
}

static bool retry_same(const struct baton_attempt *last, const struct baton_attempt *past,
		       size_t n_past, uint64_t left_ms, uint64_t random,
		       struct baton_choice *choice)
{
	uint64_t delay_ms =
		last->retry_after_ms ? last->retry_after_ms : random % RETRY_DELAY_MS_MAX;

	if (baton_failure_of(last->fail)->again == BATON_AGAIN_NEVER || last->showed)
		return false;
	if (tried(last->target, past, n_past) >= ATTEMPTS_PER_TARGET_MAX ||
	    delay_ms + USEFUL_MS_MIN > left_ms)
		return false;
	choice->target = last->target;
	choice->delay_ms = delay_ms;
	choice->reason = "retry";
	return true;
}

static const struct baton_target *next_fallback(const struct baton_route *route,
						const struct baton_attempt *past, size_t n_past)
{
	for (size_t i = 0; i < route->n_fallbacks; i++) {
		const struct baton_target *target = route->fallbacks[i];

		if (tried(target, past, n_past) == 0 && !account_closed(target, past, n_past) &&
		    may_substitute(route->class_, target))
			return target;
	}
	return NULL;
}

bool baton_route_next(const struct baton_route *route, const struct baton_attempt *past,
		      size_t n_past, uint64_t left_ms, uint64_t random,
		      struct baton_choice *ret_choice)
{
	struct baton_choice choice = { .target = route->primary, .reason = "primary" };

	if (!route->primary || left_ms < USEFUL_MS_MIN || n_past >= BATON_TURN_ATTEMPTS_MAX)
		return false;
	if (n_past > 0) {
		const struct baton_attempt *last = &past[n_past - 1];
		const struct baton_target *fallback = next_fallback(route, past, n_past);
		/* A long hint is no reason to keep a customer waiting while somebody else could
		 * answer. */
		bool wait_is_long = last->retry_after_ms > RETRY_DELAY_MS_MAX * 10 && fallback;

		if (wait_is_long || !retry_same(last, past, n_past, left_ms, random, &choice)) {
			if (!baton_failure_of(last->fail)->elsewhere || !fallback)
				return false;
			choice = (struct baton_choice){ .target = fallback, .reason = "fallback" };
		}
	}
	choice.substitute = choice.target != route->primary;
	*ret_choice = choice;
	return true;
}
