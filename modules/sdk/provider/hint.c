/* SPDX-License-Identifier: Apache-2.0 */

/* Hints are read with care: they come from whoever answers, and a wrong one would keep a customer
 * waiting. What does not look as it should is no hint; none is longer than an hour. */
#include "modules/sdk/provider/hint.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

enum { RETRY_MS_MAX = 3600 * 1000 };

static bool header_is(baton_str header, const char *name, baton_str *ret_value)
{
	size_t n = strlen(name);
	if (header.n <= n || header.p[n] != ':' || strncasecmp(header.p, name, n) != 0)
		return false;
	n++;
	while (n < header.n && (header.p[n] == ' ' || header.p[n] == '\t'))
		n++;
	*ret_value = (baton_str){ header.p + n, header.n - n };
	return true;
}

static uint32_t bounded(double ms)
{
	if (!(ms > 0)) /* negative, zero, not a number */
		return 0;
	return ms < RETRY_MS_MAX ? (uint32_t)ms : RETRY_MS_MAX;
}

/* "Wed, 21 Oct 2015 07:28:00 GMT", without strptime, whose month names follow the locale. */
static bool date_read(const char *text, uint64_t *ret_unix_s)
{
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	char month[4];
	int used = 0;
	struct tm tm = { 0 };

	if (sscanf(text, "%*3[A-Za-z], %2d %3[A-Za-z] %4d %2d:%2d:%2d GMT%n", &tm.tm_mday, month,
		   &tm.tm_year, &tm.tm_hour, &tm.tm_min, &tm.tm_sec, &used) != 6 ||
	    used == 0 || text[used] != '\0')
		return false;
	const char *at = strstr(months, month);
	if (!at || (at - months) % 3 != 0)
		return false;
	tm.tm_mon = (int)(at - months) / 3;
	tm.tm_year -= 1900;
	time_t when = timegm(&tm);
	*ret_unix_s = when > 0 ? (uint64_t)when : 0;
	return when > 0;
}

static uint32_t hint_read(baton_str value, double unit_ms, uint64_t unix_ms)
{
	char text[48];
	uint64_t when;
	if (value.n == 0 || value.n >= sizeof(text))
		return 0;
	memcpy(text, value.p, value.n);
	text[value.n] = '\0';
	if (isalpha((unsigned char)text[0])) {
		if (!date_read(text, &when) || when <= unix_ms / 1000)
			return 0;
		return bounded((double)(when * 1000 - unix_ms));
	}
	char *end;
	double number = strtod(text, &end);
	return *end == '\0' && strspn(text, "0123456789.") == value.n ? bounded(number * unit_ms)
								      : 0;
}

uint32_t hint_of_headers(const baton_str *headers, uint32_t n, uint64_t unix_ms)
{
	uint32_t coarse = 0;
	for (uint32_t i = 0; i < n; i++) {
		baton_str value;
		if (header_is(headers[i], "retry-after-ms", &value)) {
			uint32_t fine = hint_read(value, 1, unix_ms);
			if (fine)
				return fine;
		} else if (header_is(headers[i], "retry-after", &value)) {
			coarse = hint_read(value, 1000, unix_ms);
		}
	}
	return coarse;
}

bool hint_not_again(const baton_str *headers, uint32_t n)
{
	baton_str value;

	for (uint32_t i = 0; i < n; i++)
		if (header_is(headers[i], "x-should-retry", &value))
			return value.n == 5 && strncasecmp(value.p, "false", 5) == 0;
	return false;
}

/* --- sentences --- */

/* "6m0s", "1.5s", "120ms", "20 seconds", "34": as ms, 0 if it is none of them. */
static uint32_t duration_read(const char *text)
{
	static const struct {
		const char *unit;
		double ms;
	} units[] = { { "ms", 1 },      { "milliseconds", 1 }, { "s", 1000 },
		      { "sec", 1000 },  { "second", 1000 },    { "seconds", 1000 },
		      { "m", 60000 },   { "minute", 60000 },   { "minutes", 60000 },
		      { "h", 3600000 }, { "hour", 3600000 },   { "hours", 3600000 } };
	double total = 0;

	for (int part = 0; part < 3 && isdigit((unsigned char)*text); part++) {
		char *end;
		double number = strtod(text, &end);
		while (*end == ' ')
			end++;
		size_t n = strspn(end, "abcdefghijklmnopqrstuvwxyz"), i = 0,
		       len = sizeof(units) / sizeof(units[0]);
		while (i < len &&
		       (strlen(units[i].unit) != n || strncmp(units[i].unit, end, n) != 0))
			i++;
		if (i == len)
			break;
		total += number * units[i].ms;
		text = end + n;
	}
	return bounded(total);
}

uint32_t hint_of_words(const char *message)
{
	static const char *const phrases[] = { "try again in ", "retry in ", "retry after ",
					       "try again after " };

	for (size_t i = 0; i < sizeof(phrases) / sizeof(phrases[0]); i++) {
		const char *at = strcasestr(message, phrases[i]);
		if (at)
			return duration_read(at + strlen(phrases[i]));
	}
	return 0;
}

static uint64_t unix_ms_of(int year, int month, int day, int minutes)
{
	struct tm tm = {
		.tm_year = year - 1900, .tm_mon = month - 1, .tm_mday = day, .tm_min = minutes
	};
	time_t when = timegm(&tm);
	return when > 0 ? (uint64_t)when * 1000 : 0;
}

uint64_t hint_of_day(const char *message)
{
	int year, month, day, hour = 0, minute = 0;
	const char *at = strcasestr(message, "access on ");

	if (!at || sscanf(at + strlen("access on "), "%4d-%2d-%2d at %2d:%2d", &year, &month, &day,
			  &hour, &minute) < 3)
		return 0;
	if (year < 2020 || year > 2100 || month < 1 || month > 12 || day < 1 || day > 31 ||
	    hour < 0 || hour > 23 || minute < 0 || minute > 59)
		return 0;
	return unix_ms_of(year, month, day, hour * 60 + minute);
}

uint64_t hint_next_month(uint64_t unix_ms)
{
	time_t now = (time_t)(unix_ms / 1000);
	struct tm tm;

	return gmtime_r(&now, &tm) ? unix_ms_of(tm.tm_year + 1900, tm.tm_mon + 2, 1, 0) : 0;
}
