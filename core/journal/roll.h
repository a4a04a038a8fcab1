/* SPDX-License-Identifier: Apache-2.0 */

/* Sessions in memory, found by id: a hash table whose links lie in the entries, beside the id, so a
 * look-up reads these two and nothing else. A session costs 8 bytes of its own and 8 to 16 of the
 * table here; with uthash it was 56 and some 40, and there are two of each session that talks.
 *
 * What has not been used for long is found by a hand that goes round (second chance), so there is
 * no list to keep in order at each use. Not for two threads at a time. */
#pragma once

#include "core/base/id.h"

#include <stddef.h>

/* The first member of an entry. */
struct baton_rolled {
	struct baton_rolled *next;
	struct baton_id id;
};

struct baton_roll {
	struct baton_rolled **slots;
	size_t n, n_slots; /* n_slots: 0, or a power of two */
	size_t hand;
};

/* NULL if it is not there. */
struct baton_rolled *baton_roll_find(const struct baton_roll *roll, const struct baton_id *id);
/* Its id is set, and not there yet. */
void baton_roll_add(struct baton_roll *roll, struct baton_rolled *entry);
/* It is there. */
void baton_roll_remove(struct baton_roll *roll, struct baton_rolled *entry);
/* Moves the hand on by one slot: the entries in it, linked by `next`, or NULL. The roll is not
 * empty. */
struct baton_rolled *baton_roll_turn(struct baton_roll *roll);
/* Frees the table; its entries are the caller's. */
void baton_roll_done(struct baton_roll *roll);
