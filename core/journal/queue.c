/* SPDX-License-Identifier: Apache-2.0 */

/* The way from many threads to one. A push wakes the reader only if it said that it sleeps, so
 * under load (the reader is in its sync) nobody makes a system call. */
#include "core/journal/queue.h"

#include "core/journal/inside.h"

#include <limits.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { US_PER_S = 1000000 };

static void queue_wake(struct baton_queue *queue)
{
	if (atomic_exchange(&queue->waiting, 0))
		syscall(SYS_futex, &queue->waiting, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
}

void baton_queue_push(struct baton_queue *queue, struct baton_op *newest, struct baton_op *oldest)
{
	struct baton_op *top = atomic_load_explicit(&queue->top, memory_order_relaxed);
	do
		oldest->next = top;
	while (!atomic_compare_exchange_weak(&queue->top, &top, newest));

	if (atomic_load(&queue->waiting))
		queue_wake(queue);
}

struct baton_op *baton_queue_take(struct baton_queue *queue, struct baton_op **ret_newest)
{
	struct baton_op *op = atomic_exchange(&queue->top, NULL);
	struct baton_op *oldest = NULL;
	if (ret_newest)
		*ret_newest = op;
	while (op) {
		struct baton_op *next = op->next;
		op->next = oldest;
		oldest = op;
		op = next;
	}
	return oldest;
}

void baton_queue_wait(struct baton_queue *queue, uint64_t timeout_us)
{
	struct timespec ts = { .tv_sec = (time_t)(timeout_us / US_PER_S),
			       .tv_nsec = (long)(timeout_us % US_PER_S) * 1000 };
	atomic_store(&queue->waiting, 1);
	/* Looked at again after saying so: a push from before that did not see `waiting`. */
	if (!atomic_load(&queue->top))
		syscall(SYS_futex, &queue->waiting, FUTEX_WAIT_PRIVATE, 1,
			timeout_us == UINT64_MAX ? NULL : &ts, NULL, 0);
	atomic_store(&queue->waiting, 0);
}
