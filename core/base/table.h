/* SPDX-License-Identifier: Apache-2.0 */

/* uthash and utlist as the core uses them: XXH3 as the hash, the core's memory, which never fails. */
#pragma once

#include "core/base/mem.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#define HASH_FUNCTION(key, n, hash) ((hash) = (unsigned)XXH3_64bits((key), (n)))
#define uthash_malloc(n) baton_alloc(n)
#define uthash_free(p, n) baton_free(p)
#include <uthash.h>

/* uthash lets ten entries hang on one bucket before it makes more, so a look-up walks through two or
 * three that it does not want, and among thousands of sessions each is a miss of the cache. With
 * four it is seldom more than the one wanted; a bucket has 16 bytes, and there are two or three for
 * an entry then. */
#undef HASH_BKT_CAPACITY_THRESH
#define HASH_BKT_CAPACITY_THRESH 4U

#include <utlist.h>
