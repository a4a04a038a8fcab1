/* SPDX-License-Identifier: Apache-2.0 */

/* Answers that are kept for a while, each for one customer unless the tool says that it is the same
 * for all. Bounded; the oldest go. */
#pragma once

#include <baton/module.h>
#include <stdbool.h>

enum { CACHE_BYTES_MAX = 4 * 1024 * 1024 };

struct cache_entry;
struct cache {
	struct cache_entry *oldest; /* utlist, by age */
	uint32_t n, n_max;
	size_t bytes;
};

/* The answer's JSON, valid until the next call; NULL: none, or too old. */
const char *cache_get(struct cache *cache, const char *key, uint64_t now_ns);
/* Copies both. `owner`: whose it is, "" for all. */
void cache_put(struct cache *cache, const char *owner, const char *key, const char *json,
	       uint64_t until_ns);
/* Something of this customer's has changed: nothing of it is known any more, nor what all share. */
void cache_forget(struct cache *cache, const char *owner);
void cache_done(struct cache *cache);
