/* SPDX-License-Identifier: Apache-2.0 */

/* Reservations and their settlement; see money.h. */

#include "core/route/money.h"

#include "core/base/assert.h"
#include "core/route/health.h"

#include <stdio.h>

enum { OUT_TOKENS = 4096 /* of a target that sets no bound */, PPM = 1000000, PURSES_MAX = 4096 };
static const uint64_t DAY_MS = 86400000;

static uint64_t plus(uint64_t a, uint64_t b)
{
	return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

static uint64_t price(uint64_t tokens, uint64_t per_mtok)
{
	uint64_t whole;

	if (__builtin_mul_overflow(tokens, per_mtok, &whole))
		return UINT64_MAX;
	return whole / PPM + (whole % PPM != 0);
}

uint64_t baton_money_worst(const struct baton_target *target, uint64_t in_tokens)
{
	uint64_t out_tokens = target->max_output_tokens ? target->max_output_tokens : OUT_TOKENS;

	return plus(price(in_tokens, target->in_microusd_per_mtok),
		    price(out_tokens, target->out_microusd_per_mtok));
}

/* --- purses --- */

static struct baton_purse *purse_of(struct baton_purse **table, const char *name)
{
	struct baton_purse *purse;

	HASH_FIND_STR(*table, name, purse);
	if (purse || HASH_COUNT(*table) >= PURSES_MAX)
		return purse;
	purse = baton_new(struct baton_purse);
	(void)snprintf(purse->name, sizeof(purse->name), "%s", name);
	HASH_ADD_STR(*table, name, purse);
	return purse;
}

struct baton_purse *baton_money_account(struct baton_money *money, const char *name)
{
	return purse_of(&money->accounts, name);
}

struct baton_purse *baton_money_route(struct baton_money *money, const char *intent)
{
	return purse_of(&money->routes, intent);
}

static void tell(struct baton_money *money, struct baton_now now, const struct baton_purse *purse)
{
	char subject[BATON_NAME_BYTES_MAX + 16], detail[96];
	/* A route may have the name of an account. */
	const char *kind = purse == &money->whole ? "" : "route:";
	struct baton_purse *account;

	HASH_FIND_STR(money->accounts, purse->name, account);
	if (purse == account)
		kind = "account:";
	(void)snprintf(subject, sizeof(subject), "%s%s", kind,
		       purse == &money->whole ? "tenant" : purse->name);
	(void)snprintf(detail, sizeof(detail),
		       "{\"spent_microusd\":%llu,\"ceiling_microusd\":%llu}",
		       (unsigned long long)purse->spent, (unsigned long long)purse->ceiling);
	money->dirty = true;
	if (money->happened)
		money->happened(money->ud, &(struct baton_happening){
						   .type = BATON_HAPPENED_BUDGET,
						   .trigger = BATON_TRIGGER_COST,
						   .subject = subject,
						   .was = purse->broke ? "renewed" : "exhausted",
						   .is = purse->broke ? "exhausted" : "renewed",
						   .by = "",
						   .detail = detail,
						   .unix_ms = now.unix_ms });
}

/* A new day, or a higher ceiling: money again. */
static void renew(struct baton_money *money, struct baton_now now, struct baton_purse *purse)
{
	uint64_t day = now.unix_ms / DAY_MS;

	bool again = purse->broke > 0 && (purse->ceiling == 0 || purse->ceiling > purse->broke);

	/* A clock that is set back by hours opens no second day; one that was days ahead leaves
	 * nobody without money until then. */
	if (day + 1 < purse->day)
		purse->day = day;
	if (day > purse->day) {
		again = purse->broke > 0;
		purse->day = day;
		purse->spent = 0;
	}
	if (again) {
		purse->broke = 0;
		tell(money, now, purse);
	}
}

static void drop_all(struct baton_purse **table)
{
	struct baton_purse *purse, *next;

	HASH_ITER(hh, *table, purse, next) {
		HASH_DEL(*table, purse);
		baton_free(purse);
	}
}

void baton_money_done(struct baton_money *money)
{
	drop_all(&money->routes);
	drop_all(&money->accounts);
}

static void forsake(struct baton_purse *table)
{
	for (struct baton_purse *purse = table; purse; purse = purse->hh.next) {
		purse->adopted = false;
		purse->ceiling = 0;
	}
}

static void declare(struct baton_purse *purse, uint64_t ceiling)
{
	if (!purse)
		return;
	purse->adopted = true;
	purse->ceiling = ceiling;
}

void baton_money_adopt(struct baton_money *money, struct baton_now now,
		       const struct baton_policy *policy)
{
	forsake(money->routes);
	forsake(money->accounts);
	declare(&money->whole, policy->budgets.day_microusd);
	for (size_t i = 0; i < policy->n_routes; i++)
		declare(baton_money_route(money, policy->routes[i].intent),
			policy->routes[i].day_microusd);
	for (size_t i = 0; i < policy->n_targets; i++)
		if (policy->targets[i].account)
			declare(baton_money_account(money, policy->targets[i].account), 0);
	for (size_t i = 0; i < policy->budgets.n_accounts; i++)
		declare(baton_money_account(money, policy->budgets.accounts[i].account),
			policy->budgets.accounts[i].day_microusd);
	baton_money_tick(money, now);
}

struct baton_purses baton_money_purses(struct baton_money *money, struct baton_now now,
				       const struct baton_route *route,
				       const struct baton_target *target)
{
	struct baton_purses purses = { { &money->whole, baton_money_route(money, route->intent),
					 baton_money_account(
						 money, target->account ? target->account : "") } };

	for (size_t i = 0; i < 3; i++)
		if (purses.of[i] && purses.of[i]->day < now.unix_ms / DAY_MS)
			renew(money, now, purses.of[i]);
	return purses;
}

/* --- reservations --- */

static bool fits(const struct baton_purse *purse, uint64_t taken, uint64_t worst)
{
	return !purse || purse->ceiling == 0 || plus(taken, worst) <= purse->ceiling;
}

bool baton_money_reserve(struct baton_money *money, struct baton_now now,
			 const struct baton_purses *purses, uint64_t worst)
{
	for (size_t i = 0; i < 3; i++) {
		struct baton_purse *purse = purses->of[i];

		if (!purse || fits(purse, plus(purse->spent, purse->reserved), worst))
			continue;
		/* Not merely spoken for: gone. */
		if (!fits(purse, purse->spent, worst) && purse->broke == 0) {
			purse->broke = purse->ceiling;
			tell(money, now, purse);
		}
		return false;
	}
	for (size_t i = 0; i < 3; i++) {
		if (!purses->of[i])
			continue;
		purses->of[i]->calls++;
		purses->of[i]->reserved = plus(purses->of[i]->reserved, worst);
	}
	return true;
}

void baton_money_settle(struct baton_money *money, struct baton_now now,
			const struct baton_purses *purses, uint64_t worst, uint64_t cost)
{
	for (size_t i = 0; i < 3; i++) {
		struct baton_purse *purse = purses->of[i];

		if (!purse)
			continue;
		if (purse->day < now.unix_ms / DAY_MS)
			renew(money, now, purse);
		baton_assert(purse->calls > 0);
		purse->calls--;
		/* It saturates on the way up, so on the way down it may not suffice; without calls
		 * nothing is spoken for. */
		purse->reserved -=
			worst <= purse->reserved && purse->calls ? worst : purse->reserved;
		purse->spent = plus(purse->spent, cost);
		purse->total = plus(purse->total, cost);
	}
	money->dirty |= cost > 0;
}

static void tick(struct baton_money *money, struct baton_now now, struct baton_purse **table)
{
	struct baton_purse *purse, *next;

	HASH_ITER(hh, *table, purse, next) {
		renew(money, now, purse);
		/* What was spent today counts although nobody declares it any more. */
		if (purse->adopted || purse->calls > 0 || purse->spent > 0)
			continue;
		HASH_DEL(*table, purse);
		baton_free(purse);
	}
}

void baton_money_tick(struct baton_money *money, struct baton_now now)
{
	renew(money, now, &money->whole);
	tick(money, now, &money->routes);
	tick(money, now, &money->accounts);
}

/* --- facts --- */

static uint32_t share_ppm(const struct baton_purse *purse)
{
	if (!purse || purse->ceiling == 0)
		return 0;
	if (purse->spent >= purse->ceiling)
		return PPM;
	return (uint32_t)((double)purse->spent / (double)purse->ceiling * PPM);
}

static uint32_t larger(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

uint32_t baton_money_share_ppm(struct baton_money *money, struct baton_now now,
			       const struct baton_policy *policy,
			       const struct baton_mode_def *scope)
{
	uint32_t share = share_ppm(&money->whole);

	for (size_t i = 0; i < policy->n_routes; i++) {
		const struct baton_route *route = &policy->routes[i];

		if (!route->primary || !baton_scope_holds(scope, route))
			continue;
		struct baton_purses purses = baton_money_purses(money, now, route, route->primary);

		share = larger(share, larger(share_ppm(purses.of[1]), share_ppm(purses.of[2])));
	}
	return share;
}
