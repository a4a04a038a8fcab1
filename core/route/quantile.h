/* SPDX-License-Identifier: Apache-2.0 */

/* Sliding quantiles of times in milliseconds: a log-linear histogram in a ring of slices.
 *
 * Below 16 a bucket holds one value; above, each power of two is cut into 16 equal buckets. A bucket
 * [a, a + w) is read as its middle a + w/2, and w <= a/16, so a quantile is off by at most
 * (w/2)/a <= 1/32, 3.1 %, whatever the shape of the times. The layout is that of HdrHistogram
 * (G. Tene, hdrhistogram.org) with four bits below the leading one; the bound is the relative
 * accuracy of DDSketch (Masson, Rim, Lee: "DDSketch", VLDB 2019, section 2), which it meets with
 * shifts alone. Histograms are sums of counts: the merge of two is the histogram of both.
 *
 * Quantile q of n values is the value of rank ceil(q * n), the smallest being rank 1.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum {
	BATON_HISTOGRAM_SUB = 16,      /* buckets per power of two */
	BATON_HISTOGRAM_BUCKETS = 240, /* up to 2^18 ms, 262 s; what is longer counts as the last */
	BATON_HISTOGRAM_POWERS = BATON_HISTOGRAM_BUCKETS / BATON_HISTOGRAM_SUB,
	BATON_QUANTILE_SLICES = 10,
	BATON_QUANTILE_SLICE_MS = 30000 /* ten of them: the window of five minutes */
};

struct baton_histogram {
	uint64_t n, sum;
	uint32_t counts[BATON_HISTOGRAM_BUCKETS];
	uint32_t powers[BATON_HISTOGRAM_POWERS]; /* the sum of each sixteen counts */
};
void baton_histogram_add(struct baton_histogram *to, uint64_t value);
void baton_histogram_merge(struct baton_histogram *to, const struct baton_histogram *from);
/* The quantile of `ppm` millionths, 0 for a histogram of nothing. */
uint64_t baton_histogram_quantile(const struct baton_histogram *histogram, uint32_t ppm);

/* Of the last five minutes, to the slice: what is older than ten slices is gone. Zeroed: empty. */
struct baton_quantile {
	uint64_t slice;                /* number of the slice that is filled now */
	uint64_t n, sum;               /* since the start */
	struct baton_histogram window; /* the sum of all slices: what is read */
	struct baton_histogram slices[BATON_QUANTILE_SLICES];
};
void baton_quantile_add(struct baton_quantile *quantile, uint64_t now_ms, uint64_t value);
/* Lets slices go that are over, and gives the sum of the others. */
const struct baton_histogram *baton_quantile_window(struct baton_quantile *quantile,
						    uint64_t now_ms);
