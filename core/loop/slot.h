/* SPDX-License-Identifier: Apache-2.0 */

/* Numbers for things: what is held across a wait is a number, never a pointer. A number is a slot
 * of a table and how often that slot was used; a slot that is used 10,000 times a second repeats a
 * number after 13 years. Looking up an old number finds nothing. One thread at a time. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct baton_slots {
	struct baton_slot *v;
	uint32_t n, cap;
	uint32_t free_first; /* slot + 1; 0: none is free */
};

/* Gives `thing` (not NULL, stays the caller's) a number that is never 0. */
uint64_t baton_slots_put(struct baton_slots *slots, void *thing);
/* NULL if the number is not, or no longer, good. */
void *baton_slots_get(const struct baton_slots *slots, uint64_t number);
/* As get, and the number is good no more. */
void *baton_slots_take(struct baton_slots *slots, uint64_t number);
/* Any thing still in the table, NULL if there is none: for ends. *at starts at 0. */
void *baton_slots_each(const struct baton_slots *slots, uint32_t *at);
/* Frees the table, not the things. */
void baton_slots_done(struct baton_slots *slots);
