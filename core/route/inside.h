/* SPDX-License-Identifier: Apache-2.0 */

/* The board from the inside: what its files share. Nothing outside core/route includes this. */
#pragma once

#include "core/base/buf.h"
#include "core/route/alert.h"
#include "core/route/board.h"
#include "core/route/drills.h"
#include "core/route/health.h"
#include "core/route/modes.h"
#include "core/route/money.h"
#include "core/route/reviews.h"
#include "core/route/tally.h"
#include "core/route/tool_tally.h"

/* A call that was chosen and has not been settled. */
struct baton_lease {
	struct baton_target_health *target; /* NULL: the slot is free */
	struct baton_health *health;
	struct baton_purses purses;
	uint64_t worst; /* reserved */
	uint64_t since_ms;
	unsigned probes;
	uint32_t generation, next_free; /* slot + 1, 0: none */
};
struct baton_leases {
	struct baton_lease *slots;
	uint32_t n, cap, free, held; /* free: slot + 1 */
};

struct baton_board {
	baton_board_happened *happened;
	void *ud;
	const struct baton_policy *policy; /* the adopted one; NULL before the first */
	struct baton_health health;
	struct baton_health drilled; /* of sessions that a drill for some concerns, while it runs */
	bool drilling;               /* it is in use */
	struct baton_money money;
	struct baton_leases leases;
	struct baton_modes modes;
	struct baton_tallies tallies;
	struct baton_tool_tallies tools;
	struct baton_reviews reviews;
	struct baton_alert alert;
	struct baton_drills drills;
	uint32_t waiting, agents_free;
	uint64_t oldest_wait_ms;
	uint64_t swept_ms, lost; /* leases that nobody gave back */
	bool ready;              /* the first time is known: tallies have begun */
};

/* The number of a new lease, or 0: too many are held. */
uint64_t baton_leases_take(struct baton_leases *leases, const struct baton_lease *lease);
/* Takes the lease back; false if there is none of that number (any more). */
bool baton_leases_give(struct baton_leases *leases, uint64_t number, struct baton_lease *ret_lease);
/* The number of a lease that is older than `ms`, 0 if there is none. */
uint64_t baton_leases_lost(const struct baton_leases *leases, uint64_t now_ms, uint64_t ms);
void baton_leases_done(struct baton_leases *leases);
