/* SPDX-License-Identifier: Apache-2.0 */

/* Reads and writes durations. The grammar is the one of CEL's duration(): a sign, then numbers with
 * a unit each; a number may have a fraction. What lies below a nanosecond is cut off. */

#include "core/policy/expr_duration.h"

static const struct unit {
	const char *name;
	uint64_t ns;
} units[] = {
	/* Longer names first: `ms` is not `m` and an `s`. */
	{ "ms", 1000000u },      { "us", 1000u },       { "ns", 1u },
	{ "h", 3600000000000u }, { "m", 60000000000u }, { "s", 1000000000u },
};
enum { UNITS_N = sizeof(units) / sizeof(units[0]) };

static bool is_digit(baton_str text, size_t at)
{
	return at < text.n && text.p[at] >= '0' && text.p[at] <= '9';
}

static const struct unit *unit_at(baton_str text, size_t at)
{
	for (size_t i = 0; i < UNITS_N; i++) {
		size_t n = strlen(units[i].name);

		if (text.n - at >= n && memcmp(text.p + at, units[i].name, n) == 0)
			return &units[i];
	}
	return NULL;
}

/* One number and its unit, added to *sum; the bytes it took, 0 if it is none or does not fit. */
static size_t parse_part(baton_str text, size_t from, uint64_t *sum)
{
	uint64_t whole = 0, fraction = 0, scale = 1, ns;
	size_t at = from;

	for (; is_digit(text, at); at++)
		if (__builtin_mul_overflow(whole, 10u, &whole) ||
		    __builtin_add_overflow(whole, (uint64_t)(text.p[at] - '0'), &whole))
			return 0;
	size_t digits = at - from;
	if (at < text.n && text.p[at] == '.') {
		for (at++; is_digit(text, at); at++, digits++) {
			if (scale >= 1000000u) /* an hour has 3.6e12 ns: six digits stay exact */
				continue;
			fraction = fraction * 10 + (uint64_t)(text.p[at] - '0');
			scale *= 10;
		}
	}
	const struct unit *unit = digits > 0 ? unit_at(text, at) : NULL;
	if (!unit || __builtin_mul_overflow(whole, unit->ns, &ns) ||
	    __builtin_add_overflow(ns, fraction * unit->ns / scale, &ns) ||
	    __builtin_add_overflow(*sum, ns, sum))
		return 0;
	return at + strlen(unit->name) - from;
}

bool expr_duration_parse(baton_str text, int64_t *ret_ns)
{
	bool negative = text.n > 0 && text.p[0] == '-';
	size_t at = negative || (text.n > 0 && text.p[0] == '+') ? 1 : 0;
	uint64_t sum = 0;

	if (at == text.n)
		return false;
	if (text.n - at == 1 && text.p[at] == '0') {
		*ret_ns = 0;
		return true;
	}
	while (at < text.n) {
		size_t n = parse_part(text, at, &sum);

		if (n == 0)
			return false;
		at += n;
	}
	if (sum > (uint64_t)INT64_MAX)
		return false;
	*ret_ns = negative ? -(int64_t)sum : (int64_t)sum;
	return true;
}

int64_t expr_duration_of_ms(uint64_t ms)
{
	return ms > (uint64_t)INT64_MAX / 1000000u ? INT64_MAX : (int64_t)(ms * 1000000u);
}

void expr_duration_write(int64_t ns, struct baton_buf *out)
{
	static const char *const order[] = { "h", "m", "s", "ms", "us", "ns" };
	uint64_t left = ns < 0 ? 0 - (uint64_t)ns : (uint64_t)ns;

	if (ns == 0)
		baton_buf_z(out, "0s");
	if (ns < 0)
		baton_buf_z(out, "-");
	for (size_t i = 0; i < UNITS_N && left > 0; i++) {
		baton_str name = baton_str_of(order[i]);
		const struct unit *unit = unit_at(name, 0);

		if (left < unit->ns)
			continue;
		baton_buf_u64(out, left / unit->ns);
		baton_buf_str(out, name);
		left %= unit->ns;
	}
}
