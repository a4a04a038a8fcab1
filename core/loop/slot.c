/* SPDX-License-Identifier: Apache-2.0 */

/* A table of things by number; see slot.h. Free slots form a list, the last freed is used first,
 * because it is the one that is still in the cache. */
#include "core/loop/slot.h"

#include "core/base/assert.h"
#include "core/base/mem.h"

enum { SLOT_BITS = 22, SLOTS_MAX = 1 << SLOT_BITS };

struct baton_slot {
	void *thing; /* NULL: free */
	uint64_t uses;
	uint32_t free_next; /* slot + 1 */
};

static uint32_t slots_grow(struct baton_slots *slots)
{
	baton_assert(slots->n < SLOTS_MAX - 1);
	if (slots->n == slots->cap) {
		slots->cap = slots->cap ? slots->cap * 2 : 64;
		slots->v = baton_realloc(slots->v, slots->cap * sizeof(*slots->v));
	}
	slots->v[slots->n] = (struct baton_slot){ .uses = 0 };
	return slots->n++;
}

uint64_t baton_slots_put(struct baton_slots *slots, void *thing)
{
	baton_assert(thing);

	uint32_t at = slots->free_first ? slots->free_first - 1 : slots_grow(slots);
	struct baton_slot *slot = &slots->v[at];
	slots->free_first = slot->free_next;
	slot->thing = thing;
	slot->uses++; /* so the first number of slot 0 is not 0 */
	return slot->uses << SLOT_BITS | at;
}

static struct baton_slot *slots_find(const struct baton_slots *slots, uint64_t number)
{
	uint64_t at = number & (SLOTS_MAX - 1);
	if (at >= slots->n)
		return NULL;

	struct baton_slot *slot = &slots->v[at];
	if (!slot->thing || slot->uses != number >> SLOT_BITS)
		return NULL;
	return slot;
}

void *baton_slots_get(const struct baton_slots *slots, uint64_t number)
{
	struct baton_slot *slot = slots_find(slots, number);
	return slot ? slot->thing : NULL;
}

void *baton_slots_take(struct baton_slots *slots, uint64_t number)
{
	struct baton_slot *slot = slots_find(slots, number);
	if (!slot)
		return NULL;

	void *thing = slot->thing;
	slot->thing = NULL;
	slot->free_next = slots->free_first;
	slots->free_first = (uint32_t)(slot - slots->v) + 1;
	return thing;
}

void *baton_slots_each(const struct baton_slots *slots, uint32_t *at)
{
	while (*at < slots->n) {
		void *thing = slots->v[(*at)++].thing;
		if (thing)
			return thing;
	}
	return NULL;
}

void baton_slots_done(struct baton_slots *slots)
{
	baton_free(slots->v);
	*slots = (struct baton_slots){ 0 };
}
