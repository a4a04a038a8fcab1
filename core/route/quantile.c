/* SPDX-License-Identifier: Apache-2.0 */

/* Histograms of times; quantile.h says what they promise. */

#include "core/route/quantile.h"

#include <string.h>

enum { SUB_BITS = 4, PPM = 1000000 };

static unsigned bucket_of(uint64_t value)
{
	if (value < BATON_HISTOGRAM_SUB)
		return (unsigned)value;
	unsigned shift = 63u - (unsigned)__builtin_clzll(value) - SUB_BITS;
	unsigned bucket = shift * BATON_HISTOGRAM_SUB + (unsigned)(value >> shift);

	return bucket < BATON_HISTOGRAM_BUCKETS ? bucket : BATON_HISTOGRAM_BUCKETS - 1;
}

/* The middle of a bucket. */
static uint64_t value_of(unsigned bucket)
{
	if (bucket < BATON_HISTOGRAM_SUB)
		return bucket;
	unsigned shift = bucket / BATON_HISTOGRAM_SUB - 1;
	uint64_t from = (uint64_t)(BATON_HISTOGRAM_SUB + bucket % BATON_HISTOGRAM_SUB) << shift;

	return from + ((1ull << shift) >> 1);
}

void baton_histogram_add(struct baton_histogram *to, uint64_t value)
{
	unsigned bucket = bucket_of(value);

	to->counts[bucket]++;
	to->powers[bucket / BATON_HISTOGRAM_SUB]++;
	to->sum += value;
	to->n++;
}

void baton_histogram_merge(struct baton_histogram *to, const struct baton_histogram *from)
{
	for (unsigned i = 0; i < BATON_HISTOGRAM_BUCKETS; i++)
		to->counts[i] += from->counts[i];
	for (unsigned i = 0; i < BATON_HISTOGRAM_POWERS; i++)
		to->powers[i] += from->powers[i];
	to->sum += from->sum;
	to->n += from->n;
}

static void take_away(struct baton_histogram *of, const struct baton_histogram *what)
{
	for (unsigned i = 0; i < BATON_HISTOGRAM_BUCKETS; i++)
		of->counts[i] -= what->counts[i];
	for (unsigned i = 0; i < BATON_HISTOGRAM_POWERS; i++)
		of->powers[i] -= what->powers[i];
	of->sum -= what->sum;
	of->n -= what->n;
}

uint64_t baton_histogram_quantile(const struct baton_histogram *histogram, uint32_t ppm)
{
	if (histogram->n == 0)
		return 0;
	/* Whole millions and the rest apart, so that no count overflows. */
	uint64_t rank = histogram->n / PPM * ppm + (histogram->n % PPM * ppm + PPM - 1) / PPM;
	/* From the top, and by sixteen: high quantiles, the usual question, are few steps away. */
	uint64_t above = histogram->n - (rank > 0 ? rank : 1);
	uint64_t seen = 0;
	unsigned power = BATON_HISTOGRAM_POWERS - 1, i;

	for (; power > 0 && seen + histogram->powers[power] <= above; power--)
		seen += histogram->powers[power];
	for (i = (power + 1) * BATON_HISTOGRAM_SUB - 1; i > 0; i--) {
		seen += histogram->counts[i];
		if (seen > above)
			break;
	}
	return value_of(i);
}

static void roll(struct baton_quantile *quantile, uint64_t now_ms)
{
	uint64_t slice = now_ms / BATON_QUANTILE_SLICE_MS;

	for (unsigned i = 0; quantile->slice < slice && i < BATON_QUANTILE_SLICES; i++) {
		struct baton_histogram *next =
			&quantile->slices[++quantile->slice % BATON_QUANTILE_SLICES];

		if (next->n == 0)
			continue;
		take_away(&quantile->window, next);
		memset(next, 0, sizeof(*next));
	}
	/* After a long silence all of them are empty now, whatever their numbers were. */
	if (quantile->slice < slice)
		quantile->slice = slice;
}

void baton_quantile_add(struct baton_quantile *quantile, uint64_t now_ms, uint64_t value)
{
	roll(quantile, now_ms);
	baton_histogram_add(&quantile->slices[quantile->slice % BATON_QUANTILE_SLICES], value);
	baton_histogram_add(&quantile->window, value);
	quantile->n++;
	quantile->sum += value;
}

const struct baton_histogram *baton_quantile_window(struct baton_quantile *quantile,
						    uint64_t now_ms)
{
	roll(quantile, now_ms);
	return &quantile->window;
}
