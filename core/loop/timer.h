/* SPDX-License-Identifier: Apache-2.0 */

/* The timers of one loop: a heap by due time. Knows no clock: it is told what time it is. Setting
 * and stopping costs a few dozen nanoseconds with 10,000 timers open, because nearly every timer of
 * a chat server is stopped before it fires. One thread at a time. */
#pragma once

#include "core/loop/slot.h"

#include <stdbool.h>

struct baton_timer_entry {
	uint64_t due_ns;
	uint64_t order; /* timers due at the same time fire in the order they were set */
	struct baton_timer_node *node;
};

struct baton_timers {
	struct baton_timer_entry *heap;
	size_t n, cap;
	uint64_t order;
	struct baton_slots slots;
	struct baton_timer_node *spare;
};

/* A number that is never reused; fn(ud) runs once from baton_timers_fire(). */
uint64_t baton_timers_set(struct baton_timers *timers, uint64_t due_ns, void (*fn)(void *ud), void *ud);
/* false if it has fired or never was. */
bool baton_timers_stop(struct baton_timers *timers, uint64_t timer);
/* When the next one is due; UINT64_MAX if none is set. */
uint64_t baton_timers_next(const struct baton_timers *timers);
/* Fires what is due at `now_ns`. A timer that is set meanwhile waits for the next call, even if it
 * is due at once: a timer that sets itself again cannot hold the loop. */
void baton_timers_fire(struct baton_timers *timers, uint64_t now_ns);
void baton_timers_done(struct baton_timers *timers);
