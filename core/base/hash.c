/* SPDX-License-Identifier: Apache-2.0 */

/* See hash.h. */
#include "core/base/hash.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

uint64_t baton_hash(const void *p, size_t n)
{
	return XXH3_64bits(p, n);
}

uint64_t baton_hash_seeded(const void *p, size_t n, uint64_t seed)
{
	return XXH3_64bits_withSeed(p, n, seed);
}
