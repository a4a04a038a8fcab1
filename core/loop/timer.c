/* SPDX-License-Identifier: Apache-2.0 */

/* A binary heap of timers, each of which knows its place, so that any one can be taken out. The due
 * times stand in the heap itself: walking it touches no other memory. */
#include "core/loop/timer.h"

#include "core/base/mem.h"

struct baton_timer_node {
	void (*fn)(void *ud);
	void *ud;
	uint64_t number;
	size_t at; /* place in the heap */
	struct baton_timer_node *spare_next;
};

static bool entry_before(const struct baton_timer_entry *a, const struct baton_timer_entry *b)
{
	if (a->due_ns != b->due_ns)
		return a->due_ns < b->due_ns;
	return a->order < b->order;
}

static void heap_put(struct baton_timers *timers, size_t at, struct baton_timer_entry entry)
{
	timers->heap[at] = entry;
	entry.node->at = at;
}

static void heap_rise(struct baton_timers *timers, size_t at, struct baton_timer_entry entry)
{
	while (at > 0) {
		size_t parent = (at - 1) / 2;
		if (!entry_before(&entry, &timers->heap[parent]))
			break;
		heap_put(timers, at, timers->heap[parent]);
		at = parent;
	}
	heap_put(timers, at, entry);
}

static void heap_sink(struct baton_timers *timers, size_t at, struct baton_timer_entry entry)
{
	for (;;) {
		size_t child = at * 2 + 1;
		if (child >= timers->n)
			break;
		if (child + 1 < timers->n &&
		    entry_before(&timers->heap[child + 1], &timers->heap[child]))
			child++;
		if (!entry_before(&timers->heap[child], &entry))
			break;
		heap_put(timers, at, timers->heap[child]);
		at = child;
	}
	heap_put(timers, at, entry);
}

static void heap_remove(struct baton_timers *timers, size_t at)
{
	struct baton_timer_entry last = timers->heap[--timers->n];
	if (at == timers->n)
		return;

	/* The last entry takes the hole; it may belong above or below it. */
	if (at > 0 && entry_before(&last, &timers->heap[(at - 1) / 2]))
		heap_rise(timers, at, last);
	else
		heap_sink(timers, at, last);
}

static struct baton_timer_node *node_new(struct baton_timers *timers)
{
	struct baton_timer_node *node = timers->spare;
	if (!node)
		return baton_new(struct baton_timer_node);
	timers->spare = node->spare_next;
	return node;
}

static void node_free(struct baton_timers *timers, struct baton_timer_node *node)
{
	node->spare_next = timers->spare;
	timers->spare = node;
}

uint64_t baton_timers_set(struct baton_timers *timers, uint64_t due_ns, void (*fn)(void *ud),
			  void *ud)
{
	struct baton_timer_node *node = node_new(timers);
	node->fn = fn;
	node->ud = ud;
	node->number = baton_slots_put(&timers->slots, node);

	if (timers->n == timers->cap) {
		timers->cap = timers->cap ? timers->cap * 2 : 64;
		timers->heap = baton_realloc(timers->heap, timers->cap * sizeof(*timers->heap));
	}
	struct baton_timer_entry entry = { due_ns, timers->order++, node };
	heap_rise(timers, timers->n++, entry);
	return node->number;
}

bool baton_timers_stop(struct baton_timers *timers, uint64_t timer)
{
	struct baton_timer_node *node = baton_slots_take(&timers->slots, timer);
	if (!node)
		return false;

	heap_remove(timers, node->at);
	node_free(timers, node);
	return true;
}

uint64_t baton_timers_next(const struct baton_timers *timers)
{
	return timers->n ? timers->heap[0].due_ns : UINT64_MAX;
}

void baton_timers_fire(struct baton_timers *timers, uint64_t now_ns)
{
	uint64_t set_later = timers->order;

	while (timers->n && timers->heap[0].due_ns <= now_ns && timers->heap[0].order < set_later) {
		struct baton_timer_node *node = timers->heap[0].node;
		void (*fn)(void *ud) = node->fn;
		void *ud = node->ud;

		baton_timers_stop(timers, node->number); /* before fn: it may set and stop others */
		fn(ud);
	}
}

void baton_timers_done(struct baton_timers *timers)
{
	for (size_t i = 0; i < timers->n; i++)
		baton_free(timers->heap[i].node);
	while (timers->spare) {
		struct baton_timer_node *node = timers->spare;
		timers->spare = node->spare_next;
		baton_free(node);
	}
	baton_free(timers->heap);
	baton_slots_done(&timers->slots);
	*timers = (struct baton_timers){ 0 };
}
