/* SPDX-License-Identifier: Apache-2.0 */

/* Opening hours, asked. Time is cut into pieces in which nothing changes: a piece ends where hours
 * open or close, at midnight (the next date may be closed) and where the zone's offset changes. So
 * the two nights a year with an hour too many or too few need no case of their own: an hour that
 * there is twice counts twice, one that there is not counts not at all. Pure.
 */

#include "core/policy/policy.h"

#include <stdio.h>
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

/* Days since 1970-01-01 as text (Howard Hinnant's civil_from_days). */
static void date_text(int64_t days, char text[16])
{
	int64_t z = days + 719468;
	int64_t era = (z >= 0 ? z : z - 146096) / 146097;
	int64_t doe = z - era * 146097;
	int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	int64_t mp = (5 * doy + 2) / 153;
	int64_t month = mp < 10 ? mp + 3 : mp - 9;

	(void)snprintf(text, 16, "%04d-%02d-%02d", (int)(yoe + era * 400 + (month <= 2)) % 10000,
		       (int)month, (int)(doy - (153 * mp + 2) / 5 + 1));
}

static int date_compare(const void *a, const void *b)
{
	return strcmp(a, *(const char *const *)b);
}

static bool is_closed(const struct baton_hours_def *hours, int64_t days)
{
	char text[16];

	if (hours->n_closed == 0)
		return false;
	date_text(days, text);
	return bsearch(text, hours->closed, hours->n_closed, sizeof(*hours->closed),
		       date_compare) != NULL;
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
