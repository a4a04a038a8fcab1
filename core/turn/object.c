/* SPDX-License-Identifier: Apache-2.0 */

/* An answer that must not be sent as it is: a guard has hit, or its sources do not hold. It is on
 * record, it is a fact for the rules, and no further word of it is shown. What becomes of it is for
 * the rules to say (a draft, a person); if none says anything, a person gets the question. */

#include "core/turn/inside.h"

void run_objected(struct baton_run *run, const struct baton_ev_guard_hit *hit)
{
	run_note(run, BATON_EV_GUARD_HIT)->guard_hit = *hit;
	run->policy_hit = true;
	run->muted = true;
	if (run->guard_rule.n == 0)
		run->guard_rule = hit->rule.n ? hit->rule : hit->type;
}

bool run_must_not_send(const struct baton_run *run)
{
	return run->policy_hit && run->tier == BATON_TIER_AUTOMATED;
}

struct then run_blocked(struct baton_run *run)
{
	return run_hand_over(run, "core.guard_blocked",
			     "the answer must not be sent, and no rule says what becomes of it");
}
