/* SPDX-License-Identifier: Apache-2.0 */

/* Answers that are kept for a while, each for one customer unless the tool says that it is the same
 * for all. Bounded; the oldest go.
 *
 * One for all loops: a session stays on its loop, but a customer may have several, and what one of
 * them changes must be forgotten for all. The lock is held for a look, never over a call. */
#pragma once

#include <baton/module.h>
#include <pthread.h>
#include <stdbool.h>

enum { CACHE_BYTES_MAX = 4 * 1024 * 1024 };

struct cache_entry;
struct cache {
	struct cache_entry *oldest; /* utlist, by age */
	uint32_t n, n_max;
	size_t bytes;
	uint64_t changes; /* how often something was forgotten */
	pthread_mutex_t lock;
};

void cache_init(struct cache *cache);
/* So many answers at most, from now on. */
void cache_room(struct cache *cache, uint32_t n_max);
/* The answer's JSON, to be freed; NULL: none, or too old. *ret_changes: for cache_put(), by whoever
 * asks instead. */
char *cache_get(struct cache *cache, const char *key, uint64_t now_ns, uint64_t *ret_changes);
/* An answer, and whose it is: "" for all. */
struct cache_answer {
	const char *owner, *key, *json;
	uint64_t until_ns;
};
/* Copies all of it; unless something has changed since it was asked for, so that it may be old. */
void cache_put(struct cache *cache, const struct cache_answer *answer, uint64_t changes);
/* Something of this customer's has changed: nothing of it is known any more, nor what all share. */
void cache_forget(struct cache *cache, const char *owner);
void cache_done(struct cache *cache);
