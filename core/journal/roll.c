/* SPDX-License-Identifier: Apache-2.0 */

/* Sessions in memory, found by id: chains of one entry on average, in a table that doubles when it
 * has as many entries as slots. */
#include "core/journal/roll.h"

#include "core/base/assert.h"
#include "core/base/mem.h"

enum { SLOTS_FIRST = 32 };

static struct baton_rolled **roll_slot(const struct baton_roll *roll, const struct baton_id *id)
{
	return &roll->slots[baton_id_hash(id) & (roll->n_slots - 1)];
}

struct baton_rolled *baton_roll_find(const struct baton_roll *roll, const struct baton_id *id)
{
	struct baton_rolled *entry = roll->n ? *roll_slot(roll, id) : NULL;
	while (entry && !baton_id_eq(&entry->id, id))
		entry = entry->next;
	return entry;
}

static void roll_push(struct baton_roll *roll, struct baton_rolled *entry)
{
	struct baton_rolled **slot = roll_slot(roll, &entry->id);
	entry->next = *slot;
	*slot = entry;
}

static void roll_grow(struct baton_roll *roll)
{
	struct baton_roll was = *roll;
	roll->n_slots = was.n_slots ? was.n_slots * 2 : SLOTS_FIRST;
	roll->slots = baton_alloc(roll->n_slots * sizeof(struct baton_rolled *));
	for (size_t i = 0; i < was.n_slots; i++) {
		for (struct baton_rolled *entry = was.slots[i], *next; entry; entry = next) {
			next = entry->next;
			roll_push(roll, entry);
		}
	}
	baton_free(was.slots);
}

void baton_roll_add(struct baton_roll *roll, struct baton_rolled *entry)
{
	if (roll->n == roll->n_slots)
		roll_grow(roll);
	roll_push(roll, entry);
	roll->n++;
}

void baton_roll_remove(struct baton_roll *roll, struct baton_rolled *entry)
{
	struct baton_rolled **link = roll_slot(roll, &entry->id);
	while (*link != entry) {
		baton_assert(*link);
		link = &(*link)->next;
	}
	*link = entry->next;
	roll->n--;
}

struct baton_rolled *baton_roll_turn(struct baton_roll *roll)
{
	roll->hand = (roll->hand + 1) & (roll->n_slots - 1);
	return roll->slots[roll->hand];
}

void baton_roll_done(struct baton_roll *roll)
{
	baton_free(roll->slots);
	*roll = (struct baton_roll){ 0 };
}
