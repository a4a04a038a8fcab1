/* SPDX-License-Identifier: Apache-2.0 */

/* The order of service: effective priority, then who has waited longest, then the session's name.
 *
 * Those that wait stand in one sorted array of all queues. A case that comes or goes costs a
 * binary search and a move of pointers; what waiting does to priorities is looked at once per
 * round, and the array is sorted again only if that changed a key. Between two rounds a new case
 * is compared by the keys of the last one: a difference of a tenth of a second.
 */

#include "core/desk/inside.h"

#include <stdlib.h>

enum { DUE_SOON_MS = 60000 };

uint64_t order_priority(const struct baton_case *kase, uint32_t raise, uint32_t age_ms,
			uint64_t unix_ms)
{
	uint64_t since = kase->waiting_since_ms, earlier = raise;

	if (age_ms > 0 && since > 0 && unix_ms > since)
		earlier += (unix_ms - since) / age_ms;
	return kase->priority > earlier + 1 ? kase->priority - earlier : 1;
}

static int key_compare(const struct desk_key *a, const struct desk_key *b)
{
	if (a->priority != b->priority)
		return a->priority < b->priority ? -1 : 1;
	if (a->since_ms != b->since_ms)
		return a->since_ms < b->since_ms ? -1 : 1;
	return memcmp(a->session.b, b->session.b, sizeof(a->session.b));
}

static int entry_compare(const void *a, const void *b)
{
	const struct desk_case *const *x = a, *const *y = b;

	return key_compare(&(*x)->key, &(*y)->key);
}

/* Where the key stands, or would. */
static size_t order_find(const struct baton_desk *desk, const struct desk_key *key)
{
	size_t low = 0, high = desk->n_order;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (key_compare(&desk->order[middle]->key, key) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static uint64_t priority_now(const struct baton_desk *desk, const struct desk_case *entry,
			     struct baton_now now)
{
	const struct baton_case *kase = desk_told(entry);
	const struct baton_queue_def *def = entry->queue->def;
	const struct baton_customer_tier_def *tier =
		desk->policy ? baton_policy_customer_tier(desk->policy, kase->customer_tier) : NULL;

	return order_priority(kase, tier ? tier->raise : 0, def ? def->age_ms : 0, now.unix_ms);
}

void order_insert(struct baton_desk *desk, struct baton_now now, struct desk_case *entry)
{
	if (desk->n_order == desk->cap_order) {
		desk->cap_order = desk->cap_order ? desk->cap_order * 2 : 64;
		desk->order =
			baton_realloc(desk->order, desk->cap_order * sizeof(struct desk_case *));
	}
	entry->key.priority = priority_now(desk, entry, now);
	entry->key.since_ms = desk_told(entry)->waiting_since_ms;
	entry->key.session = entry->notice->session;
	size_t at = order_find(desk, &entry->key);
	memmove(desk->order + at + 1, desk->order + at,
		(desk->n_order - at) * sizeof(struct desk_case *));
	desk->order[at] = entry;
	desk->n_order++;
	entry->rank = at + 1;
	entry->queue->waiting++;
	desk->news = true;
}

void order_remove(struct baton_desk *desk, struct desk_case *entry)
{
	size_t at = order_find(desk, &entry->key);

	memmove(desk->order + at, desk->order + at + 1,
		(desk->n_order - at - 1) * sizeof(struct desk_case *));
	desk->n_order--;
	entry->rank = entry->place = 0;
	entry->queue->waiting--;
	desk->news = true;
}

static void count_waiting(struct desk_case *entry, struct baton_now now)
{
	struct desk_queue *queue = entry->queue;
	uint64_t since = desk_told(entry)->waiting_since_ms;

	if (since > 0 && (queue->oldest_ms == 0 || since < queue->oldest_ms))
		queue->oldest_ms = since;
	if (entry->due_ms > 0 && now.unix_ms >= entry->due_ms)
		queue->breached++;
	else if (entry->due_ms > 0 && entry->due_ms - now.unix_ms <= DUE_SOON_MS)
		queue->due_soon++;
}

void order_refresh(struct baton_desk *desk, struct baton_now now)
{
	struct desk_queue *queue;
	bool changed = false;

	for (queue = desk->queues; queue; queue = queue->hh.next)
		queue->oldest_ms = queue->breached = queue->due_soon = 0;
	for (size_t i = 0; i < desk->n_order; i++) {
		uint64_t priority = priority_now(desk, desk->order[i], now);

		if (priority != desk->order[i]->key.priority) {
			desk->order[i]->key.priority = priority;
			desk->order[i]->told_rank = 0; /* it is to be told again */
			changed = true;
		}
		count_waiting(desk->order[i], now);
	}
	if (changed)
		qsort(desk->order, desk->n_order, sizeof(struct desk_case *), entry_compare);
	for (size_t i = 0; i < desk->n_order; i++) {
		desk->order[i]->rank = i + 1;
		desk->order[i]->queue->n_seen = 0;
	}
	for (size_t i = 0; i < desk->n_order; i++)
		desk->order[i]->place = ++desk->order[i]->queue->n_seen;
}
