/* SPDX-License-Identifier: Apache-2.0 */

/* The breaker; its rules stand in breaker.h. */

#include "core/route/breaker.h"

#include <string.h>

enum {
	FAILURES = 3,
	MIN_CALLS = 20,
	SHARE_PPM = 500000,
	WINDOW_MS = 60000,
	OPEN_MS = 15000,
	OPEN_MAX_MS = 25000,
	JITTER_PERCENT = 10, /* to both sides */
	DOUBLINGS_MAX = 16,
	PPM = 1000000
};

static uint32_t or_default(uint32_t value, uint32_t otherwise)
{
	return value ? value : otherwise;
}

struct baton_breaker_def baton_breaker_def_of(const struct baton_breaker_def *def)
{
	struct baton_breaker_def full = {
		.failures = or_default(def->failures, FAILURES),
		.min_calls = or_default(def->min_calls, MIN_CALLS),
		.share_ppm = or_default(def->share_ppm, SHARE_PPM),
		.window_ms = or_default(def->window_ms, WINDOW_MS),
		.open_ms = or_default(def->open_ms, OPEN_MS),
		.open_max_ms = or_default(def->open_max_ms, OPEN_MAX_MS),
	};

	if (full.open_max_ms < full.open_ms)
		full.open_max_ms = full.open_ms;
	return full;
}

bool baton_breaker_ready(const struct baton_breaker *breaker, uint64_t now_ms)
{
	return breaker->state == BATON_BREAKER_OPEN && now_ms >= breaker->until_ms;
}

void baton_breaker_probe(struct baton_breaker *breaker)
{
	breaker->state = BATON_BREAKER_HALF_OPEN;
}

/* Counts one call into the window and adds the window up. */
static void count(struct baton_breaker *breaker, uint64_t now_ms,
		  const struct baton_breaker_def *def, bool failed, uint32_t ret_sum[2])
{
	uint64_t width_ms = def->window_ms / BATON_BREAKER_SLICES + 1;
	uint64_t slice = now_ms / width_ms;

	/* A new policy may change the width: then the window begins anew. */
	if (slice < breaker->slice || slice >= breaker->slice + BATON_BREAKER_SLICES)
		memset(breaker->slices, 0, sizeof(breaker->slices));
	else
		for (uint64_t i = breaker->slice + 1; i <= slice; i++)
			memset(&breaker->slices[i % BATON_BREAKER_SLICES], 0,
			       sizeof(breaker->slices[0]));
	breaker->slice = slice;
	breaker->slices[slice % BATON_BREAKER_SLICES].calls++;
	breaker->slices[slice % BATON_BREAKER_SLICES].failed += failed;

	ret_sum[0] = ret_sum[1] = 0;
	for (unsigned i = 0; i < BATON_BREAKER_SLICES; i++) {
		ret_sum[0] += breaker->slices[i].calls;
		ret_sum[1] += breaker->slices[i].failed;
	}
}

/* The wait of the next opening: doubled for each that went before, 90 to 110 % of that, and never
 * above the maximum, so that "at most" means it. */
static uint64_t wait_ms(const struct baton_breaker *breaker, const struct baton_breaker_def *def,
			uint64_t random)
{
	unsigned doublings = breaker->opened < DOUBLINGS_MAX ? breaker->opened : DOUBLINGS_MAX;
	uint64_t wait = (uint64_t)def->open_ms << doublings;

	if (wait > def->open_max_ms)
		wait = def->open_max_ms;
	uint64_t from = wait - wait * JITTER_PERCENT / 100;
	uint64_t to = wait + wait * JITTER_PERCENT / 100;

	if (to > def->open_max_ms)
		to = def->open_max_ms;
	return from + random % (to - from + 1);
}

static void open_it(struct baton_breaker *breaker, uint64_t now_ms,
		    const struct baton_breaker_def *def, uint64_t random)
{
	breaker->until_ms = now_ms + wait_ms(breaker, def, random);
	breaker->opened++;
	breaker->state = BATON_BREAKER_OPEN;
}

void baton_breaker_success(struct baton_breaker *breaker, uint64_t now_ms,
			   const struct baton_breaker_def *def, bool decides)
{
	uint32_t sum[2];

	if (breaker->state != BATON_BREAKER_CLOSED) {
		if (decides) /* the past does not count any more */
			*breaker = (struct baton_breaker){ .state = BATON_BREAKER_CLOSED };
		return;
	}
	breaker->in_a_row = 0;
	count(breaker, now_ms, def, false, sum);
}

void baton_breaker_failure(struct baton_breaker *breaker, uint64_t now_ms,
			   const struct baton_breaker_def *def, bool decides, uint64_t random)
{
	uint32_t sum[2];

	if (breaker->state == BATON_BREAKER_HALF_OPEN && decides)
		open_it(breaker, now_ms, def, random);
	if (breaker->state != BATON_BREAKER_CLOSED)
		return;
	breaker->in_a_row++;
	count(breaker, now_ms, def, true, sum);
	if (breaker->in_a_row >= def->failures ||
	    (sum[0] >= def->min_calls &&
	     (uint64_t)sum[1] * PPM >= (uint64_t)sum[0] * def->share_ppm))
		open_it(breaker, now_ms, def, random);
}

void baton_breaker_neutral(struct baton_breaker *breaker, uint64_t now_ms)
{
	if (breaker->state != BATON_BREAKER_HALF_OPEN)
		return;
	breaker->state = BATON_BREAKER_OPEN;
	breaker->until_ms = now_ms;
}
