/* SPDX-License-Identifier: Apache-2.0 */

/* Probes that no customer asks for. A breaker lets a question through once its wait is over; where
 * everybody is held back until the target is well, no question comes. */

#include "core/route/inside.h"

enum { PROBE_AFTER_MS = 1000 }; /* so long a real question may be the probe */

static bool wants_probe(struct baton_board *board, struct baton_now now,
			struct baton_target_health *row, unsigned *ret_probes)
{
	struct baton_gate gate = baton_health_gate(&board->health, row, now.ms, false);

	*ret_probes = gate.probes;
	return gate.trigger == BATON_TRIGGER_NONE && gate.probes != 0 &&
	       gate.waited_ms >= PROBE_AFTER_MS;
}

bool baton_board_probe(struct baton_board *board, struct baton_now now,
		       const struct baton_policy *policy, struct baton_probe_order *ret_order)
{
	/* A drill's fault stands in front of the real target: what that says would end the
	 * drill. */
	for (size_t i = 0; board->drills.n == 0 && i < policy->n_targets; i++) {
		struct baton_target_health *row =
			baton_health_find(&board->health, policy->targets[i].name);
		unsigned probes;

		if (!row || !wants_probe(board, now, row, &probes))
			continue;
		struct baton_lease lease = { .target = row,
					     .health = &board->health,
					     .probes = probes,
					     .since_ms = now.ms };
		uint64_t number = baton_leases_take(&board->leases, &lease);

		if (number == 0)
			return false;
		baton_health_begin(&board->health, now, row, probes);
		*ret_order = (struct baton_probe_order){ &policy->targets[i], number };
		return true;
	}
	return false;
}
