/* SPDX-License-Identifier: Apache-2.0 */

/* The calls that run, by number: a slot and its generation, so that a number that was given back
 * finds nobody. */

#include "core/route/inside.h"

enum { SLOTS_FIRST = 64, SLOTS_MAX = 1 << 17 };

uint64_t baton_leases_take(struct baton_leases *leases, const struct baton_lease *lease)
{
	uint32_t slot;

	if (leases->free) {
		slot = leases->free - 1;
		leases->free = leases->slots[slot].next_free;
	} else {
		if (leases->n == SLOTS_MAX)
			return 0;
		if (leases->n == leases->cap) {
			leases->cap = leases->cap ? 2 * leases->cap : SLOTS_FIRST;
			leases->slots = baton_realloc(leases->slots,
						      leases->cap * sizeof(leases->slots[0]));
		}
		slot = leases->n++;
		leases->slots[slot].generation = 0;
	}
	uint32_t generation = leases->slots[slot].generation + 1;

	leases->slots[slot] = *lease;
	leases->slots[slot].generation = generation;
	leases->held++;
	return (uint64_t)generation << 32 | (slot + 1);
}

bool baton_leases_give(struct baton_leases *leases, uint64_t number, struct baton_lease *ret_lease)
{
	uint32_t slot = (uint32_t)number - 1;

	if ((uint32_t)number == 0 || slot >= leases->n || !leases->slots[slot].target ||
	    leases->slots[slot].generation != (uint32_t)(number >> 32))
		return false;
	*ret_lease = leases->slots[slot];
	leases->slots[slot].target = NULL;
	leases->slots[slot].next_free = leases->free;
	leases->free = slot + 1;
	leases->held--;
	return true;
}

uint64_t baton_leases_lost(const struct baton_leases *leases, uint64_t now_ms, uint64_t ms)
{
	for (uint32_t slot = 0; leases->held > 0 && slot < leases->n; slot++) {
		const struct baton_lease *lease = &leases->slots[slot];

		if (lease->target && now_ms > lease->since_ms + ms)
			return (uint64_t)lease->generation << 32 | (slot + 1);
	}
	return 0;
}

void baton_leases_done(struct baton_leases *leases)
{
	baton_free(leases->slots);
	*leases = (struct baton_leases){ .slots = NULL };
}
