/* SPDX-License-Identifier: Apache-2.0 */

#include "cache.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

struct cache_entry {
	char *key, *owner, *json;
	size_t bytes;
	uint64_t until_ns, hash;
	struct cache_entry *prev, *next;
};

static void entry_drop(struct cache *cache, struct cache_entry *entry)
{
	DL_DELETE(cache->oldest, entry);
	cache->n--;
	cache->bytes -= entry->bytes;
	free(entry->key);
	free(entry->owner);
	free(entry->json);
	free(entry);
}

/* FNV-1a. A few hundred entries are looked through in a microsecond: no table. */
static uint64_t hash_of(const char *key)
{
	uint64_t hash = 0xcbf29ce484222325u;

	for (; *key; key++)
		hash = (hash ^ (unsigned char)*key) * 0x100000001b3u;
	return hash;
}

static struct cache_entry *find(struct cache *cache, const char *key)
{
	uint64_t hash = hash_of(key);
	struct cache_entry *entry;

	DL_FOREACH(cache->oldest, entry) {
		if (entry->hash == hash && strcmp(entry->key, key) == 0)
			return entry;
	}
	return NULL;
}

void cache_init(struct cache *cache)
{
	*cache = (struct cache){ .n_max = 1 };
	(void)pthread_mutex_init(&cache->lock, NULL);
}

void cache_room(struct cache *cache, uint32_t n_max)
{
	(void)pthread_mutex_lock(&cache->lock);
	cache->n_max = n_max;
	(void)pthread_mutex_unlock(&cache->lock);
}

char *cache_get(struct cache *cache, const char *key, uint64_t now_ns, uint64_t *ret_changes)
{
	(void)pthread_mutex_lock(&cache->lock);
	struct cache_entry *entry = find(cache, key);

	if (entry && entry->until_ns <= now_ns) {
		entry_drop(cache, entry);
		entry = NULL;
	}
	*ret_changes = cache->changes;
	char *json = entry ? strdup(entry->json) : NULL;
	(void)pthread_mutex_unlock(&cache->lock);
	return json;
}

static struct cache_entry *entry_new(const struct cache_answer *answer)
{
	struct cache_entry *entry = calloc(1, sizeof(*entry));

	if (!entry)
		return NULL;
	entry->key = strdup(answer->key);
	entry->owner = strdup(answer->owner);
	entry->json = strdup(answer->json);
	if (entry->key && entry->owner && entry->json)
		return entry;
	free(entry->key);
	free(entry->owner);
	free(entry->json);
	free(entry);
	return NULL;
}

/* Under the lock. */
static void put(struct cache *cache, const struct cache_answer *answer)
{
	struct cache_entry *before = find(cache, answer->key), *entry = entry_new(answer);

	if (before)
		entry_drop(cache, before);
	if (!entry) /* no memory: it is asked again, that is all */
		return;
	entry->bytes =
		sizeof(*entry) + strlen(answer->key) + strlen(answer->owner) + strlen(answer->json);
	entry->until_ns = answer->until_ns;
	entry->hash = hash_of(answer->key);
	DL_APPEND(cache->oldest, entry);
	cache->n++;
	cache->bytes += entry->bytes;
	while (cache->oldest && (cache->n > cache->n_max || cache->bytes > CACHE_BYTES_MAX))
		entry_drop(cache, cache->oldest);
}

void cache_put(struct cache *cache, const struct cache_answer *answer, uint64_t changes)
{
	(void)pthread_mutex_lock(&cache->lock);
	if (cache->changes == changes)
		put(cache, answer);
	(void)pthread_mutex_unlock(&cache->lock);
}

void cache_forget(struct cache *cache, const char *owner)
{
	struct cache_entry *entry, *next;

	(void)pthread_mutex_lock(&cache->lock);
	cache->changes++;
	DL_FOREACH_SAFE(cache->oldest, entry, next)
	{
		if (!entry->owner[0] || strcmp(entry->owner, owner) == 0)
			entry_drop(cache, entry);
	}
	(void)pthread_mutex_unlock(&cache->lock);
}

void cache_done(struct cache *cache)
{
	while (cache->oldest)
		entry_drop(cache, cache->oldest);
	(void)pthread_mutex_destroy(&cache->lock);
}
