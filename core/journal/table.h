/* SPDX-License-Identifier: Apache-2.0 */

/* uthash as this room uses it: every table is keyed by a session id, memory comes from mem.c. */
#pragma once

#include "core/base/id.h"
#include "core/base/mem.h"

static inline unsigned baton_table_hash(const void *id)
{
	uint64_t h = baton_id_hash((const struct baton_id *)id);
	return (unsigned)(h ^ (h >> 32));
}

#define uthash_malloc(n) baton_alloc(n)
#define uthash_free(p, n) baton_free(p)
#define HASH_FUNCTION(key, n, hashv) ((hashv) = baton_table_hash(key))
#include <uthash.h>

/* As in core/base/table.h: short chains. */
#undef HASH_BKT_CAPACITY_THRESH
#define HASH_BKT_CAPACITY_THRESH 4U
