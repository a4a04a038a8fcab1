/* SPDX-License-Identifier: Apache-2.0 */

/* What somebody who waits is told: the place in the queue as it is, and how long it may take, if
 * that can be said. It rests on the claims of the last hour and on nothing else: how often one
 * came, the time since the last included, so that it grows while nobody claims. Fewer than five
 * say nothing; neither does anything while nobody is at work or the queue is closed.
 */

#include "core/desk/inside.h"

enum {
	CLAIMS_MIN = 5,
	CLAIMS_FOR_MS = 3600000,
	TELL_MS = 2000,
	ROUND_MAX = 200, /* letters per round */
	STEP_MS = 10000, /* up to a minute; then whole minutes */
	MINUTE_MS = 60000
};

void place_claimed(struct desk_queue *queue, struct baton_now now)
{
	queue->claims_ms[queue->next_claim] = now.ms;
	queue->next_claim = (queue->next_claim + 1) % DESK_CLAIMS;
	if (queue->n_claims < DESK_CLAIMS)
		queue->n_claims++;
}

static uint64_t round_up(uint64_t ms, uint64_t step)
{
	return (ms + step - 1) / step * step;
}

uint64_t place_wait_ms(const struct desk_queue *queue, struct baton_now now, uint64_t position)
{
	uint64_t first_ms = now.ms, n = 0;

	for (size_t i = 0; i < queue->n_claims; i++) {
		uint64_t at = queue->claims_ms[i];

		if (desk_passed(at, CLAIMS_FOR_MS, now))
			continue;
		first_ms = at < first_ms ? at : first_ms;
		n++;
	}
	if (n < CLAIMS_MIN || queue->agents == 0)
		return 0;
	uint64_t wait = (now.ms - first_ms) / (n - 1) * position;
	wait = round_up(wait, wait <= MINUTE_MS ? STEP_MS : MINUTE_MS);
	return wait > 0 ? wait : STEP_MS;
}

static struct baton_queue_place place_of(const struct desk_case *entry, struct baton_now now)
{
	const struct desk_queue *queue = entry->queue;
	const struct baton_hours_def *hours = queue->def ? queue->def->hours : NULL;
	struct baton_queue_place place = { .position = entry->place,
					   .waiting = queue->waiting,
					   .agents = queue->agents,
					   .open = queue->open };

	if (place.open)
		place.wait_ms = place_wait_ms(queue, now, place.position);
	else
		place.opens_ms = baton_hours_next(hours, now.unix_ms);
	return place;
}

static bool is_same(const struct baton_queue_place *a, const struct baton_queue_place *b)
{
	return a->position == b->position && a->waiting == b->waiting && a->wait_ms == b->wait_ms &&
	       a->agents == b->agents && a->open == b->open && a->opens_ms == b->opens_ms;
}

static bool tell(struct baton_desk *desk, struct baton_now now, struct desk_case *entry)
{
	if (!desk_told(entry)->present) {
		entry->shown_at_ms = 0;
		return false;
	}
	if (entry->shown_at_ms > 0 && !desk_passed(entry->shown_at_ms, TELL_MS, now))
		return false;
	struct baton_queue_place place = place_of(entry, now);
	if (entry->shown_at_ms > 0 && is_same(&place, &entry->shown))
		return false;
	entry->shown = place;
	entry->shown_at_ms = now.ms > 0 ? now.ms : 1;
	desk->host.place(desk->host.ud, &entry->notice->session, &place);
	return true;
}

void place_tick(struct baton_desk *desk, struct baton_now now)
{
	size_t told = 0;

	for (struct desk_queue *queue = desk->queues; queue; queue = queue->hh.next)
		queue->open = baton_hours_open(queue->def ? queue->def->hours : NULL, now.unix_ms);
	for (size_t i = 0; i < desk->n_order && told < ROUND_MAX; i++)
		told += tell(desk, now, desk->order[desk->place_cursor++ % desk->n_order]);
}
