/* SPDX-License-Identifier: Apache-2.0 */

/* Money of a day: what may be spent, what was, and what is spoken for by calls that still run.
 *
 * The worst case of a call is reserved before it and what it cost is settled after it, so that calls
 * at the same time cannot spend the same dollar twice. A day is a day of UTC. All in microdollars.
 */
#pragma once

#include "core/base/table.h"
#include "core/route/board.h"

struct baton_purse { /* of a route, of an account, of everything */
	char name[BATON_NAME_BYTES_MAX + 1];
	bool adopted;
	uint64_t day;     /* since 1970 */
	uint64_t ceiling; /* 0: none */
	uint64_t broke;   /* the ceiling at which a call was refused today, 0: none was */
	uint32_t calls;   /* that hold a reservation, be it of nothing */
	uint64_t spent, reserved;
	uint64_t total; /* spent since the start: a counter that no midnight resets */
	UT_hash_handle hh;
};

struct baton_money {
	struct baton_purse whole, *routes, *accounts;
	bool dirty;
	baton_board_happened *happened;
	void *ud;
};

/* Whose money a call is. */
struct baton_purses {
	struct baton_purse *of[3];
};

void baton_money_done(struct baton_money *money);
void baton_money_adopt(struct baton_money *money, struct baton_now now,
		       const struct baton_policy *policy);
/* The purses of a call; a route or an account that is not known gets one without a ceiling. */
struct baton_purses baton_money_purses(struct baton_money *money, struct baton_now now,
				       const struct baton_route *route,
				       const struct baton_target *target);
struct baton_purse *baton_money_account(struct baton_money *money, const char *name);
struct baton_purse *baton_money_route(struct baton_money *money, const char *intent);

/* What a call may cost at most. Saturates. */
uint64_t baton_money_worst(const struct baton_target *target, uint64_t in_tokens);
/* Reserves, or says that it does not fit into one of them. */
bool baton_money_reserve(struct baton_money *money, struct baton_now now,
			 const struct baton_purses *purses, uint64_t worst);
void baton_money_settle(struct baton_money *money, struct baton_now now,
			const struct baton_purses *purses, uint64_t worst, uint64_t cost);
/* A new day begins: tells who may spend again. Forgets purses that nobody declares. */
void baton_money_tick(struct baton_money *money, struct baton_now now);

/* Spent millionths of the ceiling, the highest of the scope's routes, their accounts' and the whole;
 * 0 without ceilings. */
uint32_t baton_money_share_ppm(struct baton_money *money, struct baton_now now,
			       const struct baton_policy *policy,
			       const struct baton_mode_def *scope);
