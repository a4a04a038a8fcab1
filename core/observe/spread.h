/* SPDX-License-Identifier: Apache-2.0 */

/* How a measure is spread: count, sum and quantiles of many values in a few kilobytes.
 *
 * Values below 64 are kept exactly, larger ones in buckets of which 32 make a doubling: a quantile
 * is at most 1.6 % off, and two spreads add up to the spread of both. Pure.
 */
#pragma once

#include <stdint.h>

enum { BATON_SPREAD_BUCKETS = 64 + 32 * 34 }; /* the last one holds all from 2^40 on */

struct baton_spread {
	uint64_t n, sum;
	uint32_t *buckets; /* NULL while n has never been above 0 */
};

void baton_spread_add(struct baton_spread *spread, uint64_t value);
/* Takes back what was added. */
void baton_spread_sub(struct baton_spread *spread, uint64_t value);
void baton_spread_merge(struct baton_spread *into, const struct baton_spread *from);
/* 0 if it is empty. */
uint64_t baton_spread_mean(const struct baton_spread *spread);
/* The value that `ppm` of all do not exceed; 0 if it is empty. */
uint64_t baton_spread_quantile(const struct baton_spread *spread, uint32_t ppm);
void baton_spread_done(struct baton_spread *spread);
