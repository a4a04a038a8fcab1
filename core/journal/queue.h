/* SPDX-License-Identifier: Apache-2.0 */

/* The way from many threads to one: a lock-free stack that the reader takes whole and turns round.
 *
 * Pushing is one compare-and-swap, taking is one exchange for however many there are. What one
 * thread pushed comes out in its order; between threads the order is that of the pushes. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct baton_op;

struct baton_queue {
	_Atomic(struct baton_op *) top;
	_Atomic uint32_t waiting; /* the reader sleeps, or is about to */
};

/* `newest` .. `oldest` are linked by op->next in that direction; one op is both. */
void baton_queue_push(struct baton_queue *queue, struct baton_op *newest, struct baton_op *oldest);
/* All that is there, oldest first; NULL if nothing. `ret_newest` may be NULL. [the one reader] */
struct baton_op *baton_queue_take(struct baton_queue *queue, struct baton_op **ret_newest);
/* Returns when something has been pushed, at the latest after `timeout_us` (UINT64_MAX: no limit).
 * May return early. [the one reader] */
void baton_queue_wait(struct baton_queue *queue, uint64_t timeout_us);
