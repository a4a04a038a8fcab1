/* SPDX-License-Identifier: Apache-2.0 */

/* The lock is held for moments only, never while something is made. An instance that makes
 * something is not destroyed before its job has ended: the host sees to that. One that waits may go
 * at any time: it takes itself off the list, and a letter that is under way to it is dropped by the
 * host. */
#include "modules/sdk/shared/shared.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct shared_entry {
	struct shared_entry *next;
	uint64_t hash[2]; /* of the configuration, which is let go of when the thing is made */
	size_t n;
	char *json;
	uint32_t refs;
	bool made; /* `thing` or `why` */
	void *thing;
	const char *why;
	struct share *waiting;
};

struct shared {
	const baton_host *host;
	const struct shared_kind *kind;
	pthread_mutex_t lock;
	struct shared_entry *entries;
};

struct shared *shared_new(const baton_host *host, const struct shared_kind *kind)
{
	struct shared *shared = calloc(1, sizeof(*shared));

	if (!shared)
		return NULL;
	shared->host = host;
	shared->kind = kind;
	(void)pthread_mutex_init(&shared->lock, NULL);
	return shared;
}

static void entry_free(struct shared *shared, struct shared_entry *entry)
{
	if (entry->thing)
		shared->kind->drop(entry->thing);
	free(entry->json);
	free(entry);
}

void shared_free(struct shared **shared)
{
	if (!*shared)
		return;
	while ((*shared)->entries) {
		struct shared_entry *entry = (*shared)->entries;

		(*shared)->entries = entry->next;
		entry_free(*shared, entry);
	}
	(void)pthread_mutex_destroy(&(*shared)->lock);
	free(*shared);
	*shared = NULL;
}

/* --- told --------------------------------------------------------------------------------- */

static void share_done(void *user)
{
	struct share *share = user;
	struct shared_entry *entry = share->entry;

	(void)pthread_mutex_lock(&share->shared->lock);
	share->thing = entry->thing;
	share->why = entry->why;
	(void)pthread_mutex_unlock(&share->shared->lock);
	share->done = true;
	share->ready(share->user);
	unsigned n = share->n_checks;
	share->n_checks = 0;
	for (unsigned i = 0; i < n; i++)
		share->check(share->user, share->checks[i]);
}

/* [worker, or the maker's loop] */
static void settle(struct shared *shared, struct shared_entry *entry, void *thing, const char *why)
{
	(void)pthread_mutex_lock(&shared->lock);
	entry->made = true;
	entry->thing = thing;
	entry->why = thing ? NULL : why;
	free(entry->json);
	entry->json = NULL;
	while (entry->waiting) {
		struct share *share = entry->waiting;

		entry->waiting = share->next;
		(void)shared->host->post(share->ctx, share_done, share);
	}
	(void)pthread_mutex_unlock(&shared->lock);
}

static void work(void *user)
{
	struct share *share = user;
	const char *why = "out of memory";
	void *thing = share->shared->kind->make(share->entry->json, share->entry->n, &why);

	settle(share->shared, share->entry, thing, why);
}

static void work_done(void *user, int32_t status)
{
	struct share *share = user;

	(void)status;
	if (!share->entry->made) /* the host did not come to it */
		settle(share->shared, share->entry, NULL, "it could not be made: no thread");
	share_done(share);
}

/* --- begun -------------------------------------------------------------------------------- */

/* Eight bytes at a time: articles are megabytes, and every loop looks at them in create(). */
static uint64_t hash_of(const char *p, size_t n, uint64_t hash)
{
	while (n > 0) {
		size_t part = n < 8 ? n : 8;
		uint64_t word = 0;

		memcpy(&word, p, part);
		hash = (hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
		hash ^= hash >> 29;
		p += part;
		n -= part;
	}
	return hash;
}

static struct shared_entry *entry_find(const struct shared *shared, const uint64_t hash[2],
				       size_t n)
{
	struct shared_entry *entry = shared->entries;

	while (entry && !(entry->n == n && memcmp(entry->hash, hash, sizeof(entry->hash)) == 0))
		entry = entry->next;
	return entry;
}

static struct shared_entry *entry_new(struct shared *shared, const uint64_t hash[2], baton_str json)
{
	struct shared_entry *entry = calloc(1, sizeof(*entry));

	if (!entry)
		return NULL;
	entry->json = malloc(json.n + 1);
	if (!entry->json) {
		free(entry);
		return NULL;
	}
	if (json.n > 0)
		memcpy(entry->json, json.p, json.n);
	entry->json[json.n] = 0;
	memcpy(entry->hash, hash, sizeof(entry->hash));
	entry->n = json.n;
	entry->next = shared->entries;
	shared->entries = entry;
	return entry;
}

/* Under the lock. */
static int32_t join(struct share *share, baton_str json, bool *ret_made)
{
	struct shared *shared = share->shared;
	const uint64_t hash[2] = { hash_of(json.p, json.n, UINT64_C(14695981039346656037)),
				   hash_of(json.p, json.n, UINT64_C(0x9e3779b97f4a7c15)) };
	struct shared_entry *entry = entry_find(shared, hash, json.n);

	share->is_maker = !entry;
	if (share->is_maker)
		entry = entry_new(shared, hash, json);
	if (!entry)
		return BATON_E_NOMEM;
	share->entry = entry;
	entry->refs++;
	*ret_made = entry->made;
	if (share->is_maker)
		return shared->host->job(share->ctx, work, work_done, share, NULL);
	if (!entry->made) {
		share->next = entry->waiting;
		entry->waiting = share;
	}
	return BATON_OK;
}

int32_t share_begin(struct share *share, struct shared *shared, baton_ctx *ctx, baton_str config,
		    void (*ready)(void *user), void (*check)(void *user, baton_call call),
		    void *user)
{
	bool made = false;

	if (config.n == 0)
		config = (baton_str){ "{}", 2 };
	memset(share, 0, sizeof(*share));
	share->shared = shared;
	share->ctx = ctx;
	share->ready = ready;
	share->check = check;
	share->user = user;
	(void)pthread_mutex_lock(&shared->lock);
	int32_t rc = join(share, config, &made);
	(void)pthread_mutex_unlock(&shared->lock);
	if (rc < 0)
		share_end(share);
	else if (made)
		share_done(share);
	return rc;
}

void share_end(struct share *share)
{
	struct shared *shared = share->shared;
	struct shared_entry *entry = share->entry;

	if (!entry)
		return;
	share->entry = NULL;
	share->thing = NULL;
	(void)pthread_mutex_lock(&shared->lock);
	for (struct share **at = &entry->waiting; *at; at = &(*at)->next)
		if (*at == share) {
			*at = share->next;
			break;
		}
	bool last = --entry->refs == 0;
	if (last) {
		struct shared_entry **at = &shared->entries;

		while (*at != entry)
			at = &(*at)->next;
		*at = entry->next;
	}
	(void)pthread_mutex_unlock(&shared->lock);
	if (last)
		entry_free(shared, entry);
}

/* --- asked for ---------------------------------------------------------------------------- */

int32_t share_check(struct share *share, baton_call call)
{
	if (share->done) {
		share->check(share->user, call);
		return BATON_OK;
	}
	if (share->n_checks == SHARE_CHECKS_MAX)
		return BATON_E_AGAIN;
	share->checks[share->n_checks++] = call;
	return BATON_PENDING;
}

void share_cancel(struct share *share, baton_call call)
{
	for (unsigned i = 0; i < share->n_checks; i++)
		if (share->checks[i] == call) {
			share->checks[i] = share->checks[--share->n_checks];
			(void)share->shared->host->end(share->ctx, call, BATON_END_STOP);
			return;
		}
}

void share_fail(const struct share *share, baton_call call, const char *code, const char *message)
{
	const baton_error error = { .size = sizeof(error),
				    .fail = BATON_FAIL_INTERNAL,
				    .code = { code, strlen(code) },
				    .message = { message, strlen(message) } };

	(void)share->shared->host->fail(share->ctx, call, &error);
}
