/* SPDX-License-Identifier: Apache-2.0 */

/* GLib reads the zone's file. It tells the interval and the offset at a moment and no list of
 * changes, so the years are walked a day at a time, where a month has more than one interval, and
 * between two days of different offsets the second is searched for.
 */

#include "core/policy/zone.h"

#include "core/base/errors.h"
#include "core/policy/nearest.h"

#include <stdio.h>
#include <string.h>

/* GLib's headers do not keep to our warnings. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wsign-conversion"
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wcast-qual"
#pragma GCC diagnostic ignored "-Wpedantic"
#include <glib.h>
#pragma GCC diagnostic pop

enum { DAY_S = 86400, MONTH_S = 30 * DAY_S, CHANGES_MAX = 64 };

/* Names alone: a path or a rule in POSIX's form would be taken by GLib, too. */
static bool is_zone_name(const char *name)
{
	for (const char *c = name; *c; c++) {
		bool letter = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z');

		if (!letter && (c == name || !strchr("0123456789_+-/", *c)))
			return false;
	}
	return name[0] != '\0';
}

static int interval_at(GTimeZone *zone, int64_t unix_s)
{
	return g_time_zone_find_interval(zone, G_TIME_TYPE_UNIVERSAL, unix_s);
}

static int32_t offset_at(GTimeZone *zone, int64_t unix_s)
{
	return g_time_zone_get_offset(zone, interval_at(zone, unix_s));
}

/* The first second in (from, to] that has another offset than `from`; `to` has one. */
static int64_t change_between(GTimeZone *zone, int64_t from, int64_t to)
{
	int32_t before = offset_at(zone, from);

	while (to - from > 1) {
		int64_t middle = from + (to - from) / 2;

		if (offset_at(zone, middle) == before)
			from = middle;
		else
			to = middle;
	}
	return to;
}

static void walk(GTimeZone *zone, int64_t from_s, int64_t to_s, struct baton_hours_def *hours)
{
	int32_t offset = offset_at(zone, from_s);

	hours->offsets[hours->n_offsets++] = (struct baton_zone_span){ from_s * 1000, offset };
	for (int64_t day = from_s + DAY_S; day < to_s && hours->n_offsets < CHANGES_MAX;
	     day += DAY_S) {
		while (day + MONTH_S < to_s &&
		       interval_at(zone, day - DAY_S) == interval_at(zone, day + MONTH_S))
			day += MONTH_S;
		if (offset_at(zone, day) == offset)
			continue;
		offset = offset_at(zone, day);
		hours->offsets[hours->n_offsets++] =
			(struct baton_zone_span){ change_between(zone, day - DAY_S, day) * 1000,
						  offset };
	}
}

int baton_zone_resolve(const char *name, int64_t from_s, int64_t to_s, struct baton_arena *arena,
		       struct baton_hours_def *ret_hours)
{
	GTimeZone *zone = is_zone_name(name) ? g_time_zone_new_identifier(name) : NULL;

	if (!zone)
		return BATON_E_NOTFOUND;
	ret_hours->offsets = baton_arena_alloc(arena, CHANGES_MAX * sizeof(*ret_hours->offsets));
	ret_hours->n_offsets = 0;
	walk(zone, from_s, to_s, ret_hours);
	g_time_zone_unref(zone);
	return BATON_OK;
}

/* The third word of a line of zone1970.tab: "DE<tab>+5230+01322<tab>Europe/Berlin<tab>...". */
static const char *zone_of_line(char *line)
{
	char *rest = NULL, *word = NULL;

	if (line[0] == '#')
		return NULL;
	(void)strtok_r(line, "\t\n", &rest);
	(void)strtok_r(NULL, "\t\n", &rest);
	word = strtok_r(NULL, "\t\n", &rest);
	return word;
}

const char *baton_zone_nearest(const char *name, struct baton_arena *arena)
{
	struct baton_nearest nearest = baton_nearest_to(baton_str_of(name));
	char line[512];
	FILE *file = fopen("/usr/share/zoneinfo/zone.tab", "re");

	while (file && fgets(line, sizeof(line), file)) {
		const char *zone = zone_of_line(line);

		/* What is tried must outlive the line. */
		if (zone)
			baton_nearest_try(&nearest, baton_arena_dup(arena, zone, strlen(zone)));
	}
	if (file)
		(void)fclose(file);
	return nearest.name;
}
