/* SPDX-License-Identifier: Apache-2.0 */

/* Heads in memory: a hash table in shards, so that lanes and the writer rarely meet at a lock. The
 * writer looks up without one, since nobody else changes a table. */
#include "core/journal/heads.h"

#include "core/base/assert.h"
#include "core/base/mem.h"
#include "core/journal/inside.h"

static size_t head_shard(const struct baton_id *id)
{
	return (size_t)(baton_id_hash(id) >> 56) % BATON_HEADS_SHARDS;
}

static struct baton_head_entry *head_of(struct baton_rolled *rolled)
{
	return (struct baton_head_entry *)rolled;
}

static struct baton_head_entry *shard_find(const struct baton_heads *heads,
					   const struct baton_id *id)
{
	return head_of(baton_roll_find(&heads->shards[head_shard(id)].roll, id));
}

static pthread_mutex_t *entry_lock(struct baton_heads *heads, const struct baton_head_entry *entry)
{
	return &heads->shards[head_shard(&entry->rolled.id)].lock;
}

void baton_heads_init(struct baton_heads *heads)
{
	memset(heads, 0, sizeof(*heads));
	for (size_t i = 0; i < BATON_HEADS_SHARDS; i++)
		pthread_mutex_init(&heads->shards[i].lock, NULL);
}

static void roll_free(struct baton_roll *roll)
{
	for (size_t i = 0; i < roll->n_slots; i++) {
		for (struct baton_rolled *rolled = roll->slots[i], *next; rolled; rolled = next) {
			next = rolled->next;
			baton_free(head_of(rolled)->snapshot);
			baton_free(rolled);
		}
	}
	baton_roll_done(roll);
}

void baton_heads_done(struct baton_heads *heads)
{
	for (size_t i = 0; i < BATON_HEADS_SHARDS; i++) {
		roll_free(&heads->shards[i].roll);
		pthread_mutex_destroy(&heads->shards[i].lock);
	}
	baton_free(heads->changes);
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
		const struct baton_roll *roll = &heads->shards[i].roll;
		pthread_mutex_lock(&heads->shards[i].lock);
		for (size_t slot = 0; slot < roll->n_slots; slot++) {
			struct baton_rolled *rolled = roll->slots[slot];
			for (; rolled; rolled = rolled->next)
				if (head_of(rolled)->dirty && head_of(rolled)->now.seq)
					each(ud, head_of(rolled));
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
	entry->rolled.id = *id;
	entry->now = *head;
	pthread_mutex_lock(&heads->shards[shard].lock);
	baton_roll_add(&heads->shards[shard].roll, &entry->rolled);
	pthread_mutex_unlock(&heads->shards[shard].lock);
	heads->n_clean++;
	return entry;
}

struct baton_head *baton_heads_touch(struct baton_heads *heads, struct baton_head_entry *entry)
{
	if (entry->change)
		return &heads->changes[entry->change - 1].next;
	if (heads->n_changes == heads->cap_changes) {
		heads->cap_changes = heads->cap_changes ? heads->cap_changes * 2 : 64;
		heads->changes =
			baton_realloc(heads->changes, heads->cap_changes * sizeof(*heads->changes));
	}
	struct baton_head_change *change = &heads->changes[heads->n_changes++];
	*change = (struct baton_head_change){ .entry = entry, .next = entry->now };
	entry->change = (uint32_t)heads->n_changes;
	return &change->next;
}

void baton_heads_settle(struct baton_heads *heads, bool committed)
{
	for (size_t i = 0; i < heads->n_changes; i++) {
		const struct baton_head_change *change = &heads->changes[i];
		change->entry->change = 0;
		change->entry->is_used = true;
		if (committed && change->next.seq != change->entry->now.seq)
			baton_heads_set(heads, change->entry, &change->next);
	}
	heads->n_changes = 0;
}

static void dirty_append(struct baton_heads *heads, struct baton_head_entry *entry)
{
	if (heads->dirty)
		heads->dirty_last->dirtied = entry;
	else
		heads->dirty = entry;
	heads->dirty_last = entry;
	heads->n_clean--;
}

void baton_heads_set(struct baton_heads *heads, struct baton_head_entry *entry,
		     const struct baton_head *head)
{
	pthread_mutex_t *lock = entry_lock(heads, entry);
	if (!entry->dirty)
		dirty_append(heads, entry);
	pthread_mutex_lock(lock);
	entry->now = *head;
	entry->dirty = true;
	pthread_mutex_unlock(lock);
}

void baton_heads_dirty(struct baton_heads *heads, struct baton_head_entry *entry)
{
	struct baton_head head = entry->now;
	if (!entry->dirty)
		baton_heads_set(heads, entry, &head);
}

void baton_heads_cleaned(struct baton_heads *heads)
{
	struct baton_head_entry *entry = heads->dirty;
	pthread_mutex_t *lock = entry_lock(heads, entry);
	heads->dirty = entry->dirtied;
	entry->dirtied = NULL;
	heads->n_clean++;
	pthread_mutex_lock(lock);
	entry->dirty = false;
	pthread_mutex_unlock(lock);
}

/* Looks at one slot of a shard. */
static void shard_trim(struct baton_heads *heads, size_t shard)
{
	struct baton_roll *roll = &heads->shards[shard].roll;
	for (struct baton_rolled *rolled = baton_roll_turn(roll), *next; rolled; rolled = next) {
		struct baton_head_entry *entry = head_of(rolled);
		next = rolled->next;
		if (entry->dirty || entry->is_used) {
			entry->is_used = false;
			continue;
		}
		pthread_mutex_lock(&heads->shards[shard].lock);
		baton_roll_remove(roll, rolled);
		pthread_mutex_unlock(&heads->shards[shard].lock);
		heads->n_clean--;
		baton_free(entry->snapshot);
		baton_free(entry);
	}
}

void baton_heads_trim(struct baton_heads *heads)
{
	baton_assert(heads->n_changes == 0);
	while (heads->n_clean > BATON_HEADS_CLEAN_MAX) {
		heads->hand = (heads->hand + 1) % BATON_HEADS_SHARDS;
		if (heads->shards[heads->hand].roll.n)
			shard_trim(heads, heads->hand);
	}
}
