/* SPDX-License-Identifier: Apache-2.0 */

/* Opening hours, asked. Time is cut into pieces in which nothing changes: a piece ends where hours
 * open or close, at midnight (the next date may be closed) and where the zone's offset changes. So
 * the two nights a year with an hour too many or too few need no case of their own: an hour that
 * there is twice counts twice, one that there is not counts not at all. Pure.
 */

#include "core/policy/policy.h"

#include <stdlib.h>
#include <string.h>

enum {
	MINUTE_MS = 60000,
	DAY_MIN = 1440,
	THURSDAY = 3,      /* 1970-01-01, Monday being 0 */
	PIECES_MAX = 40000 /* ten years of five a day, and then some: nobody waits longer */
};
static const int64_t DAY_MS = 86400000;

struct piece {
	uint64_t until_ms; /* it ends here */
	bool open;
};

/* The span in force; before the first one the first. */
static size_t zone_span(const struct baton_hours_def *hours, int64_t at_ms)
{
	size_t low = 0, high = hours->n_offsets;

	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;

		if (hours->offsets[middle].since_ms <= at_ms)
			low = middle;
		else
			high = middle;
	}
	return low;
}

/* Of "2026-12-25", which the schema has looked at: days since 1970-01-01 (Howard Hinnant's
 * days_from_civil). */
static int32_t date_days(const char *text)
{
	int32_t month = (int32_t)strtol(text + 5, NULL, 10);
	int32_t year = (int32_t)strtol(text, NULL, 10) - (month <= 2);
	int32_t era = (year >= 0 ? year : year - 399) / 400, yoe = year - era * 400;
	int32_t doy = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 +
		      (int32_t)strtol(text + 8, NULL, 10);

	return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 1 - 719468;
}

static int days_compare(const void *a, const void *b)
{
	int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;

	return (x > y) - (x < y);
}

void baton_hours_compile(struct baton_hours_def *hours, struct baton_arena *arena)
{
	hours->closed_days =
		baton_arena_alloc(arena, hours->n_closed * sizeof(*hours->closed_days));
	for (size_t i = 0; i < hours->n_closed; i++)
		hours->closed_days[i] = hours->closed[i] ? date_days(hours->closed[i]) : INT32_MIN;
	if (hours->n_closed > 0)
		qsort(hours->closed_days, hours->n_closed, sizeof(*hours->closed_days),
		      days_compare);
}

static bool is_closed(const struct baton_hours_def *hours, int64_t days)
{
	size_t low = 0, high = hours->n_closed;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (hours->closed_days[middle] == days)
			return true;
		if (hours->closed_days[middle] < days)
			low = middle + 1;
		else
			high = middle;
	}
	return false;
}

/* Where the state of the week changes next, within the day. */
static int64_t next_edge(const struct baton_hours_def *hours, int64_t week_ms, int64_t end_ms,
			 bool *ret_open)
{
	*ret_open = false;
	for (size_t i = 0; i < hours->n_open; i++) {
		int64_t from = (int64_t)hours->open[i].from_min * MINUTE_MS;
		int64_t to = (int64_t)hours->open[i].to_min * MINUTE_MS;

		if (to <= week_ms)
			continue;
		*ret_open = from <= week_ms;
		int64_t edge = *ret_open ? to : from;
		return edge < end_ms ? edge : end_ms;
	}
	return end_ms;
}

static struct piece piece_at(const struct baton_hours_def *hours, uint64_t at_ms)
{
	size_t zone = zone_span(hours, (int64_t)at_ms);
	int64_t offset_ms = hours->n_offsets > 0 ? hours->offsets[zone].offset_s * 1000LL : 0;
	int64_t local = (int64_t)at_ms + offset_ms;
	int64_t day = (local >= 0 ? local : local - DAY_MS + 1) / DAY_MS;
	int64_t weekday = ((day + THURSDAY) % 7 + 7) % 7;
	int64_t midnight = (weekday + 1) * DAY_MIN * MINUTE_MS;
	int64_t week_ms = weekday * DAY_MIN * MINUTE_MS + (local - day * DAY_MS);
	struct piece piece;
	int64_t edge = next_edge(hours, week_ms, midnight, &piece.open);

	if (is_closed(hours, day)) {
		piece.open = false;
		edge = midnight;
	}
	piece.until_ms = at_ms + (uint64_t)(edge - week_ms);
	if (zone + 1 < hours->n_offsets &&
	    hours->offsets[zone + 1].since_ms < (int64_t)piece.until_ms &&
	    hours->offsets[zone + 1].since_ms > (int64_t)at_ms)
		piece.until_ms = (uint64_t)hours->offsets[zone + 1].since_ms;
	return piece;
}

bool baton_hours_open(const struct baton_hours_def *hours, uint64_t at_ms)
{
	return !hours || piece_at(hours, at_ms).open;
}

uint64_t baton_hours_between(const struct baton_hours_def *hours, uint64_t from_ms, uint64_t to_ms)
{
	uint64_t open = 0;

	if (!hours)
		return to_ms > from_ms ? to_ms - from_ms : 0;
	for (unsigned i = 0; i < PIECES_MAX && from_ms < to_ms; i++) {
		struct piece piece = piece_at(hours, from_ms);
		uint64_t until = piece.until_ms < to_ms ? piece.until_ms : to_ms;

		open += piece.open ? until - from_ms : 0;
		from_ms = until;
	}
	return open;
}

uint64_t baton_hours_after(const struct baton_hours_def *hours, uint64_t from_ms, uint64_t open_ms)
{
	if (!hours)
		return from_ms + open_ms;
	for (unsigned i = 0; i < PIECES_MAX; i++) {
		struct piece piece = piece_at(hours, from_ms);
		uint64_t here = piece.until_ms - from_ms;

		if (piece.open && here >= open_ms)
			return from_ms + open_ms;
		open_ms -= piece.open ? here : 0;
		from_ms = piece.until_ms;
	}
	return 0;
}

uint64_t baton_hours_next(const struct baton_hours_def *hours, uint64_t at_ms)
{
	if (!hours)
		return at_ms;
	for (unsigned i = 0; i < PIECES_MAX; i++) {
		struct piece piece = piece_at(hours, at_ms);

		if (piece.open)
			return at_ms;
		at_ms = piece.until_ms;
	}
	return 0;
}
