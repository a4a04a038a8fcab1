/* SPDX-License-Identifier: Apache-2.0 */

/* See spread.h. A bucket's number is the value itself below 64; above, the doubling it lies in and
 * the five bits behind its leading one. */
#include "core/observe/spread.h"

#include "core/base/assert.h"
#include "core/base/mem.h"

enum { EXACT = 64, PER_DOUBLING = 32, FIRST_DOUBLING = 6 };

static unsigned bucket_of(uint64_t value)
{
	if (value < EXACT)
		return (unsigned)value;
	unsigned doubling = 63 - (unsigned)__builtin_clzll(value);
	unsigned step = (unsigned)(value >> (doubling - 5)) & (PER_DOUBLING - 1);
	unsigned bucket = EXACT + (doubling - FIRST_DOUBLING) * PER_DOUBLING + step;

	return bucket < BATON_SPREAD_BUCKETS ? bucket : BATON_SPREAD_BUCKETS - 1;
}

/* The middle of a bucket. */
static uint64_t value_of(unsigned bucket)
{
	if (bucket < EXACT)
		return bucket;
	unsigned doubling = (bucket - EXACT) / PER_DOUBLING + FIRST_DOUBLING;
	uint64_t step = (bucket - EXACT) % PER_DOUBLING;
	uint64_t width = 1ull << (doubling - 5);

	return (PER_DOUBLING + step) * width + width / 2;
}

void baton_spread_add(struct baton_spread *spread, uint64_t value)
{
	if (!spread->buckets)
		spread->buckets = baton_alloc(sizeof(*spread->buckets) * BATON_SPREAD_BUCKETS);
	spread->buckets[bucket_of(value)]++;
	spread->n++;
	spread->sum += value;
}

void baton_spread_sub(struct baton_spread *spread, uint64_t value)
{
	unsigned bucket = bucket_of(value);

	baton_assert(spread->buckets && spread->buckets[bucket] > 0);
	spread->buckets[bucket]--;
	spread->n--;
	spread->sum -= value;
}

void baton_spread_merge(struct baton_spread *into, const struct baton_spread *from)
{
	if (from->n == 0)
		return;
	if (!into->buckets)
		into->buckets = baton_alloc(sizeof(*into->buckets) * BATON_SPREAD_BUCKETS);
	for (unsigned i = 0; i < BATON_SPREAD_BUCKETS; i++)
		into->buckets[i] += from->buckets[i];
	into->n += from->n;
	into->sum += from->sum;
}

uint64_t baton_spread_mean(const struct baton_spread *spread)
{
	return spread->n > 0 ? (spread->sum + spread->n / 2) / spread->n : 0;
}

uint64_t baton_spread_quantile(const struct baton_spread *spread, uint32_t ppm)
{
	/* The smallest value with at least this share at or below it. */
	uint64_t wanted = (spread->n * ppm + 999999) / 1000000, seen = 0;

	if (spread->n == 0)
		return 0;
	if (wanted == 0)
		wanted = 1;
	for (unsigned i = 0; i < BATON_SPREAD_BUCKETS; i++) {
		seen += spread->buckets[i];
		if (seen >= wanted)
			return value_of(i);
	}
	return value_of(BATON_SPREAD_BUCKETS - 1);
}

void baton_spread_done(struct baton_spread *spread)
{
	baton_free(spread->buckets);
	*spread = (struct baton_spread){ 0 };
}
