/* SPDX-License-Identifier: Apache-2.0 */

/* Room ahead of LMDB's last page; space.h says why and what could go wrong.
 *
 * The zeros go past the page cache (O_DIRECT, where the file system has it): the writer's
 * fdatasync waits for every dirty page of the file, so zeros in the cache would be in the way of
 * each commit while the helper works. No sync of them is needed either: a page that is never
 * used may be lost. */
#include "core/journal/space.h"

#include "core/base/errors.h"
#include "core/journal/file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* While a slice is written, the kernel holds the file's lock, and each write of a commit waits for
 * it. So slices are small, and the helper rests four times as long as one took, which still is
 * faster than a log grows. */
enum { SLICE_BYTES = 256 * 1024, REST_TIMES = 4, REST_US_MAX = 5000, FREE_AGE_US = 1000000 };
enum {
	SLACK_PAGES = 1024
}; /* the free list and the table of tables, written by the commit itself */
#define AHEAD_MIN (8ull << 20)
#define AHEAD_MAX (256ull << 20)

/* How far ahead: half of what there is, so that a small journal stays a small file; never beyond
 * the map, and only where the disk has plenty. */
static uint64_t space_target(struct baton_space *space)
{
	uint64_t used = atomic_load(&space->store->used_bytes);
	uint64_t map = atomic_load(&space->store->map_bytes);
	uint64_t ahead = used / 2 < AHEAD_MIN ? AHEAD_MIN : used / 2;
	if (ahead > AHEAD_MAX)
		ahead = AHEAD_MAX;
	if (baton_space_free(space) < 4 * (ahead + space->reserve_bytes))
		return 0;
	return used + ahead < map ? used + ahead : map;
}

/* One slice; false when there is enough, or no more can be had. */
static bool space_slice(struct baton_space *space, const uint8_t *zeros)
{
	uint64_t target = space_target(space);
	pthread_mutex_lock(&space->lock);
	uint64_t at = atomic_load(&space->frontier);
	bool more = !space->stop && at + SLICE_BYTES <= target;
	int rc = more ? baton_file_write(space->fd, zeros, SLICE_BYTES, at) : 0;
	if (more && rc == 0)
		atomic_store(&space->frontier, at + SLICE_BYTES);
	pthread_mutex_unlock(&space->lock);
	return more && rc == 0;
}

/* Not if the room is nearly used up: to write behind the last page costs a commit more. */
static void space_rest(struct baton_space *space, uint64_t took_us)
{
	uint64_t used = atomic_load(&space->store->used_bytes);
	uint64_t us = REST_TIMES * took_us < REST_US_MAX ? REST_TIMES * took_us : REST_US_MAX;
	struct timespec ts = { .tv_nsec = (long)us * 1000 };
	if (atomic_load(&space->frontier) > used + AHEAD_MIN / 2)
		clock_nanosleep(CLOCK_MONOTONIC, 0, &ts, NULL);
}

static void *space_run(void *ud)
{
	struct baton_space *space = ud;
	uint8_t *zeros = mmap(NULL, SLICE_BYTES, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (zeros == MAP_FAILED)
		return NULL; /* slower commits, nothing else */
	pthread_mutex_lock(&space->lock);
	while (!space->stop) {
		if (!atomic_exchange(&space->asked, false)) {
			pthread_cond_wait(&space->more, &space->lock);
			continue;
		}
		pthread_mutex_unlock(&space->lock);
		uint64_t began = baton_file_now_us();
		while (space_slice(space, zeros)) {
			space_rest(space, baton_file_now_us() - began);
			began = baton_file_now_us();
		}
		pthread_mutex_lock(&space->lock);
	}
	pthread_mutex_unlock(&space->lock);
	munmap(zeros, SLICE_BYTES);
	return NULL;
}

static void space_ask(struct baton_space *space)
{
	uint64_t frontier = atomic_load(&space->frontier), target = space_target(space);
	uint64_t used = atomic_load(&space->store->used_bytes);
	/* Asked when half of the room is used up, so that the helper sleeps most of the time. */
	if (target < frontier + SLICE_BYTES || frontier - used > (target - used) / 2)
		return;
	if (atomic_exchange(&space->asked, true))
		return;
	pthread_mutex_lock(&space->lock);
	pthread_cond_signal(&space->more);
	pthread_mutex_unlock(&space->lock);
}

int baton_space_open(struct baton_space *space, struct baton_store *store, uint64_t reserve_bytes)
{
	struct stat st;
	memset(space, 0, sizeof(*space));
	space->store = store;
	space->reserve_bytes = reserve_bytes;
	pthread_mutex_init(&space->lock, NULL);
	pthread_cond_init(&space->more, NULL);
	space->fd = open(store->data_path, O_WRONLY | O_CLOEXEC | O_DIRECT);
	if (space->fd < 0) /* tmpfs and others have none */
		space->fd = open(store->data_path, O_WRONLY | O_CLOEXEC);
	if (space->fd < 0 || fstat(space->fd, &st) < 0)
		return BATON_E_IO;

	uint64_t bytes = (uint64_t)st.st_size, used = atomic_load(&store->used_bytes);
	bytes -= bytes % store->page_bytes;
	atomic_store(&space->frontier, bytes > used ? bytes : used);
	if (pthread_create(&space->helper, NULL, space_run, space) != 0)
		return BATON_E_IO;
	space->has_helper = true;
	space_ask(space);
	return 0;
}

void baton_space_close(struct baton_space *space)
{
	if (!space->store)
		return;
	if (space->has_helper) {
		pthread_mutex_lock(&space->lock);
		space->stop = true;
		pthread_cond_signal(&space->more);
		pthread_mutex_unlock(&space->lock);
		pthread_join(space->helper, NULL);
	}
	if (space->fd >= 0)
		close(space->fd);
	pthread_cond_destroy(&space->more);
	pthread_mutex_destroy(&space->lock);
	space->store = NULL;
}

int baton_space_commit(struct baton_space *space, MDB_txn *txn, uint64_t pages_max)
{
	struct baton_store *store = space->store;
	uint64_t end =
		atomic_load(&store->used_bytes) + (pages_max + SLACK_PAGES) * store->page_bytes;
	bool is_near = end > atomic_load(&space->frontier);
	if (is_near)
		pthread_mutex_lock(&space->lock);

	int rc = mdb_txn_commit(txn);
	baton_store_measure(store);
	if (is_near) {
		uint64_t used = atomic_load(&store->used_bytes);
		if (used > atomic_load(&space->frontier))
			atomic_store(&space->frontier, used);
		pthread_mutex_unlock(&space->lock);
	}
	space_ask(space);
	return rc;
}

uint64_t baton_space_free(struct baton_space *space)
{
	uint64_t now = baton_file_now_us(), at = atomic_load(&space->free_at_us);
	if (at && now - at < FREE_AGE_US)
		return atomic_load(&space->free_bytes);
	uint64_t bytes = baton_file_space(space->fd);
	atomic_store(&space->free_bytes, bytes);
	atomic_store(&space->free_at_us, now);
	return bytes;
}
