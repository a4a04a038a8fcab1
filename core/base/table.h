/* SPDX-License-Identifier: Apache-2.0 */

/* uthash and utlist as the core uses them: XXH3 as the hash, the core's memory, which never fails. */
#pragma once

#include "core/base/hash.h"
#include "core/base/mem.h"

#define HASH_FUNCTION(key, n, hash) ((hash) = (unsigned)baton_hash((key), (n)))
#define uthash_malloc(n) baton_alloc(n)
#define uthash_free(p, n) baton_free(p)
#include <uthash.h>

/* uthash lets ten entries hang on one bucket before it makes more, so a look-up walks through two or
 * three that it does not want, each a miss of the cache when there are thousands. It is the longest
 * chain that counts: with six there are one or two buckets of 16 bytes for an entry, with four it was
 * up to nine. */
#undef HASH_BKT_CAPACITY_THRESH
#define HASH_BKT_CAPACITY_THRESH 6U

#include <utlist.h>
