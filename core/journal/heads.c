/* SPDX-License-Identifier: Apache-2.0 */

/* Heads in memory: a hash table in shards, so that lanes and the writer rarely meet at a lock. The
 * writer looks up without one, since nobody else changes a table. */
#include "core/journal/heads.h"

#include "core/base/assert.h"
#include "core/journal/inside.h"

#include <utlist.h>

static size_t head_shard(const struct baton_id *id)
{
	return (size_t)(baton_id_hash(id) >> 56) % BATON_HEADS_SHARDS;
}

static struct baton_head_entry *shard_find(const struct baton_heads *heads,
					   const struct baton_id *id)
{
	struct baton_head_entry *entry;
	HASH_FIND(hh, heads->shards[head_shard(id)].table, id, sizeof(*id), entry);
	return entry;
}

static void entry_free(struct baton_head_entry *entry)
{
	baton_free(entry->snapshot);
	baton_free(entry);
}

void baton_heads_init(struct baton_heads *heads)
{
	memset(heads, 0, sizeof(*heads));
	for (size_t i = 0; i < BATON_HEADS_SHARDS; i++)
		pthread_mutex_init(&heads->shards[i].lock, NULL);
}

void baton_heads_done(struct baton_heads *heads)
{
	for (size_t i = 0; i < BATON_HEADS_SHARDS; i++) {
		struct baton_head_entry *entry, *tmp;
		HASH_ITER(hh, heads->shards[i].table, entry, tmp) {
			HASH_DELETE(hh, heads->shards[i].table, entry);
			entry_free(entry);
		}
		pthread_mutex_destroy(&heads->shards[i].lock);
	}
}

bool baton_heads_get(struct baton_heads *heads, const struct baton_id *id,
		     struct baton_head *ret_head)
{
	pthread_mutex_t *lock = &heads->shards[head_shard(id)].lock;
	pthread_mutex_lock(lock);
	const struct baton_head_entry *entry = shard_find(heads, id);
	if (entry)
		*ret_head = entry->now;
	pthread_mutex_unlock(lock);
	return entry != NULL;
}

void baton_heads_each_dirty(struct baton_heads *heads,
			    void (*each)(void *ud, const struct baton_head_entry *entry), void *ud)
{
	for (size_t i = 0; i < BATON_HEADS_SHARDS; i++) {
		struct baton_head_entry *entry, *tmp;
		pthread_mutex_lock(&heads->shards[i].lock);
		HASH_ITER(hh, heads->shards[i].table, entry, tmp) {
			if (entry->dirty && entry->now.seq)
				each(ud, entry);
		}
		pthread_mutex_unlock(&heads->shards[i].lock);
	}
}

struct baton_head_entry *baton_heads_find(struct baton_heads *heads, const struct baton_id *id)
{
	return shard_find(heads, id);
}

struct baton_head_entry *baton_heads_add(struct baton_heads *heads, const struct baton_id *id,
					 const struct baton_head *head)
{
	struct baton_head_entry *entry = baton_new_lasting(struct baton_head_entry);
	size_t shard = head_shard(id);
	entry->id = *id;
	entry->now = *head;
	pthread_mutex_lock(&heads->shards[shard].lock);
	HASH_ADD(hh, heads->shards[shard].table, id, sizeof(entry->id), entry);
	pthread_mutex_unlock(&heads->shards[shard].lock);
	DL_APPEND2(heads->clean, entry, prev, next_entry);
	heads->n_clean++;
	return entry;
}

void baton_heads_touch(struct baton_heads *heads, struct baton_head_entry *entry)
{
	if (entry->touched)
		return;
	entry->touched = true;
	entry->next = entry->now;
	entry->touched_next = heads->touched;
	heads->touched = entry;
}

/* Moves a clean entry to the end: what is dirty cannot be dropped anyway. */
static void entry_used(struct baton_heads *heads, struct baton_head_entry *entry)
{
	if (entry->dirty)
		return;
	DL_DELETE2(heads->clean, entry, prev, next_entry);
	DL_APPEND2(heads->clean, entry, prev, next_entry);
}

void baton_heads_settle(struct baton_heads *heads, bool committed)
{
	while (heads->touched) {
		struct baton_head_entry *entry = heads->touched;
		heads->touched = entry->touched_next;
		entry->touched = false;
		entry_used(heads, entry);
		if (committed && entry->next.seq != entry->now.seq)
			baton_heads_set(heads, entry, &entry->next);
	}
}

void baton_heads_set(struct baton_heads *heads, struct baton_head_entry *entry,
		     const struct baton_head *head)
{
	pthread_mutex_t *lock = &heads->shards[head_shard(&entry->id)].lock;
	pthread_mutex_lock(lock);
	entry->now = *head;
	pthread_mutex_unlock(lock);
	baton_heads_dirty(heads, entry);
}

void baton_heads_dirty(struct baton_heads *heads, struct baton_head_entry *entry)
{
	if (entry->dirty)
		return;
	DL_DELETE2(heads->clean, entry, prev, next_entry);
	DL_APPEND2(heads->dirty, entry, prev, next_entry);
	heads->n_clean--;
	heads->n_dirty++;
	pthread_mutex_t *lock = &heads->shards[head_shard(&entry->id)].lock;
	pthread_mutex_lock(lock);
	entry->dirty = true;
	pthread_mutex_unlock(lock);
}

void baton_heads_cleaned(struct baton_heads *heads, struct baton_head_entry *entry)
{
	baton_assert(entry->dirty);
	DL_DELETE2(heads->dirty, entry, prev, next_entry);
	DL_APPEND2(heads->clean, entry, prev, next_entry);
	heads->n_clean++;
	heads->n_dirty--;
	pthread_mutex_t *lock = &heads->shards[head_shard(&entry->id)].lock;
	pthread_mutex_lock(lock);
	entry->dirty = false;
	pthread_mutex_unlock(lock);
}

void baton_heads_trim(struct baton_heads *heads)
{
	baton_assert(!heads->touched);
	while (heads->n_clean > BATON_HEADS_CLEAN_MAX) {
		struct baton_head_entry *entry = heads->clean;
		size_t shard = head_shard(&entry->id);
		DL_DELETE2(heads->clean, entry, prev, next_entry);
		heads->n_clean--;
		pthread_mutex_lock(&heads->shards[shard].lock);
		HASH_DELETE(hh, heads->shards[shard].table, entry);
		pthread_mutex_unlock(&heads->shards[shard].lock);
		entry_free(entry);
	}
}
