/* SPDX-License-Identifier: Apache-2.0 */

/* The key file. A slot is
 *
 *      0  4 B  "KEY1", "DEAD" (erased), or zero (never used)
 *      4  12 B nonce
 *     16  32 B the data key, sealed by the master key; slot number and session are associated data
 *     48  16 B tag
 *
 * so a slot that was copied over another, or that belongs to another session, does not open. The
 * file grows in steps of zeros, so that the sync of a new session need not change the file's
 * size. */
#include "core/journal/keys.h"

#include "core/base/assert.h"
#include "core/base/errors.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/journal/file.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { GROW_BYTES = 64 * 1024, GROW_SLOTS = GROW_BYTES / BATON_SLOT_BYTES };
enum { AT_NONCE = 4, AT_KEY = 16, CLEAR_BYTES = 32, SLOT_MAX = 0x7fffffff };

static const uint8_t state_key[4] = { 'K', 'E', 'Y', '1' };
static const uint8_t state_dead[4] = { 'D', 'E', 'A', 'D' };
static const uint8_t state_free[4] = { 0 };
static const struct baton_id check_id = { { 'b', 'a', 't', 'o', 'n', ' ', 'k', 'e', 'y', 's' } };

/* What the wrap vouches for besides the key. */
static void row_clear(uint32_t slot, const struct baton_id *session, uint8_t clear[CLEAR_BYTES])
{
	uint32_t le = htole32(slot);
	memcpy(clear, "baton key v1", 12);
	memcpy(clear + 12, &le, sizeof(le));
	memcpy(clear + 16, session->b, sizeof(session->b));
}

static void row_wrap(struct baton_keys *keys, struct baton_seal *seal,
		     const struct baton_id *session, const uint8_t key[BATON_KEY_BYTES],
		     struct baton_key_row *row)
{
	uint8_t clear[CLEAR_BYTES];
	row_clear(row->slot, session, clear);
	memcpy(row->b, state_key, sizeof(state_key));
	baton_seal_random(seal, row->b + AT_NONCE, BATON_NONCE_BYTES);
	struct baton_seal_job job = { .key = keys->master,
				      .nonce = row->b + AT_NONCE,
				      .clear = clear,
				      .clear_n = sizeof(clear),
				      .text = key,
				      .text_n = BATON_KEY_BYTES };
	baton_seal_lock(seal, &job, row->b + AT_KEY);
}

static int row_unwrap(struct baton_keys *keys, struct baton_seal *seal,
		      const struct baton_id *session, const struct baton_key_row *row,
		      uint8_t ret_key[BATON_KEY_BYTES])
{
	uint8_t clear[CLEAR_BYTES], key[BATON_KEY_BYTES];
	if (memcmp(row->b, state_dead, sizeof(state_dead)) == 0)
		return BATON_E_ERASED;
	if (memcmp(row->b, state_key, sizeof(state_key)) != 0)
		return BATON_E_CORRUPT;

	row_clear(row->slot, session, clear);
	struct baton_seal_job job = { .key = keys->master,
				      .nonce = row->b + AT_NONCE,
				      .clear = clear,
				      .clear_n = sizeof(clear),
				      .text = row->b + AT_KEY,
				      .text_n = BATON_KEY_BYTES + BATON_TAG_BYTES };
	if (!baton_seal_unlock(seal, &job, key))
		return BATON_E_CORRUPT;

	memcpy(ret_key, key, sizeof(key));
	baton_seal_forget(key, sizeof(key));
	return 0;
}

/* A slot beyond the end of the file reads as never used. */
static int row_read(struct baton_keys *keys, struct baton_key_row *row)
{
	memset(row->b, 0, sizeof(row->b));
	ssize_t n = pread(keys->fd, row->b, sizeof(row->b), (off_t)row->slot * BATON_SLOT_BYTES);
	return n < 0 ? BATON_E_IO : 0;
}

static int keys_grow(struct baton_keys *keys, uint64_t bytes)
{
	static const uint8_t zeros[GROW_BYTES];
	while (keys->bytes < bytes) {
		int rc = baton_file_write(keys->fd, zeros, sizeof(zeros), keys->bytes);
		if (rc < 0)
			return rc;
		keys->bytes += sizeof(zeros);
	}
	return 0;
}

/* --- the master key --------------------------------------------------------------------------- */

static int master_make(struct baton_keys *keys, const char *key_path)
{
	struct baton_seal seal;
	baton_seal_init(&seal);
	baton_seal_random(&seal, keys->master, sizeof(keys->master));
	baton_seal_done(&seal);
	int rc = baton_file_create(key_path, keys->master, sizeof(keys->master));
	if (rc < 0)
		baton_log(BATON_LOG_ERROR, "master_key_not_written", "s", "path", key_path);
	else
		baton_log(BATON_LOG_NOTICE, "master_key_made", "s", "path", key_path);
	return rc;
}

static int master_read(struct baton_keys *keys, const char *key_path, bool may_create)
{
	struct stat st;
	int fd = open(key_path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT && may_create)
		return master_make(keys, key_path);
	if (fd < 0) {
		baton_log(BATON_LOG_ERROR, "master_key_missing", "sss", "path", key_path, "error",
			  strerror(errno), "hint",
			  "there is a journal already; without its master key it cannot be read");
		return BATON_E_DENIED;
	}

	uint8_t bytes[BATON_KEY_BYTES + 1];
	ssize_t n = pread(fd, bytes, sizeof(bytes), 0);
	bool open_to_others = fstat(fd, &st) == 0 && (st.st_mode & 077) != 0;
	close(fd);
	if (n != BATON_KEY_BYTES) {
		baton_log(BATON_LOG_ERROR, "master_key_bad", "ss", "path", key_path, "hint",
			  "a master key is exactly 32 bytes");
		return BATON_E_DENIED;
	}
	if (open_to_others)
		baton_log(BATON_LOG_WARN, "master_key_open_to_others", "ss", "path", key_path,
			  "hint", "chmod 600");
	memcpy(keys->master, bytes, BATON_KEY_BYTES);
	baton_seal_forget(bytes, sizeof(bytes));
	return 0;
}

/* --- opening ---------------------------------------------------------------------------------- */

/* The newest slot in use is the last one that is not all zeros; the file ends in at most a step of
 * those. */
static int keys_find_next(struct baton_keys *keys)
{
	uint64_t slot = keys->bytes / BATON_SLOT_BYTES, found = 0;
	uint8_t *rows = baton_alloc(GROW_BYTES);
	ssize_t got = 0;
	while (slot && !found && got >= 0) {
		uint64_t n = slot < GROW_SLOTS ? slot : GROW_SLOTS;
		slot -= n;
		got = pread(keys->fd, rows, n * BATON_SLOT_BYTES, (off_t)(slot * BATON_SLOT_BYTES));
		for (uint64_t i = (uint64_t)got / BATON_SLOT_BYTES; got > 0 && i && !found; i--)
			if (memcmp(rows + (i - 1) * BATON_SLOT_BYTES, state_free,
				   sizeof(state_free)) != 0)
				found = slot + i;
	}
	baton_free(rows);
	atomic_store(&keys->next_slot, found ? (uint32_t)found : 1);
	return got < 0 ? BATON_E_IO : 0;
}

/* Writes the check value of a new file, or of one whose making a crash cut short. */
static int keys_begin(struct baton_keys *keys, struct baton_seal *seal)
{
	uint8_t nothing[BATON_KEY_BYTES] = { 0 };
	struct baton_key_row row = { .slot = 0 };
	if (row_read(keys, &row) < 0)
		return BATON_E_IO;
	if (memcmp(row.b, state_free, sizeof(state_free)) != 0)
		return 0;
	row_wrap(keys, seal, &check_id, nothing, &row);
	return baton_keys_write(keys, &row, 1);
}

static int keys_check(struct baton_keys *keys, struct baton_seal *seal)
{
	uint8_t nothing[BATON_KEY_BYTES];
	struct baton_key_row row = { .slot = 0 };
	if (row_read(keys, &row) < 0)
		return BATON_E_IO;
	if (row_unwrap(keys, seal, &check_id, &row, nothing) == 0)
		return 0;
	baton_log(BATON_LOG_ERROR, "master_key_does_not_fit", "s", "hint",
		  "the key file was wrapped with another master key, or its first slot is damaged");
	return BATON_E_DENIED;
}

static int keys_open_file(struct baton_keys *keys, const char *dir_path, enum baton_keys_way way)
{
	struct stat st;
	char path[BATON_PATH_MAX];
	int flags = way == BATON_KEYS_READ ? O_RDONLY : O_RDWR;
	int rc = baton_file_path(path, dir_path, "keys");
	if (rc < 0)
		return rc;

	keys->fd = open(path, flags | O_CLOEXEC | (way == BATON_KEYS_CREATE ? O_CREAT : 0), 0600);
	if (keys->fd < 0 || fstat(keys->fd, &st) < 0) {
		baton_log(BATON_LOG_ERROR, "key_file_not_opened", "ss", "path", path, "error",
			  strerror(errno));
		return errno == ENOENT ? BATON_E_CORRUPT : BATON_E_IO;
	}
	keys->bytes = (uint64_t)st.st_size;

	struct baton_seal seal;
	baton_seal_init(&seal);
	rc = way == BATON_KEYS_CREATE ? keys_begin(keys, &seal) : 0;
	if (rc == 0)
		rc = keys_check(keys, &seal);
	baton_seal_done(&seal);
	return rc < 0 || way == BATON_KEYS_READ ? rc : keys_find_next(keys);
}

int baton_keys_open(struct baton_keys *keys, const char *dir_path, const char *key_path,
		    enum baton_keys_way way)
{
	memset(keys, 0, sizeof(*keys));
	keys->read_only = way == BATON_KEYS_READ;
	keys->fd = -1;
	pthread_mutex_init(&keys->lock, NULL);
	keys->cached = baton_alloc(BATON_KEYS_CACHED * sizeof(*keys->cached));

	int rc = master_read(keys, key_path, way == BATON_KEYS_CREATE);
	if (rc == 0)
		rc = keys_open_file(keys, dir_path, way);
	if (rc < 0)
		baton_keys_close(keys);
	return rc;
}

void baton_keys_close(struct baton_keys *keys)
{
	if (!keys->cached)
		return;
	if (keys->fd >= 0)
		close(keys->fd);
	baton_seal_forget(keys->cached, BATON_KEYS_CACHED * sizeof(*keys->cached));
	baton_free(keys->cached);
	baton_seal_forget(keys->master, sizeof(keys->master));
	pthread_mutex_destroy(&keys->lock);
	keys->cached = NULL;
	keys->fd = -1;
}

/* --- use -------------------------------------------------------------------------------------- */

void baton_keys_make(struct baton_keys *keys, struct baton_seal *seal,
		     const struct baton_id *session, uint8_t ret_key[BATON_KEY_BYTES],
		     struct baton_key_row *ret_row)
{
	ret_row->slot = atomic_fetch_add(&keys->next_slot, 1);
	baton_assert(ret_row->slot < SLOT_MAX); /* two billion sessions: 128 GiB of keys */
	baton_seal_random(seal, ret_key, BATON_KEY_BYTES);
	row_wrap(keys, seal, session, ret_key, ret_row);
}

static int row_compare(const void *a, const void *b)
{
	const struct baton_key_row *x = a, *y = b;
	return x->slot < y->slot ? -1 : x->slot > y->slot;
}

/* Neighbouring slots go out in one write: a burst of new sessions costs a few calls, not
 * hundreds. */
int baton_keys_write(struct baton_keys *keys, struct baton_key_row *rows, size_t n)
{
	enum { RUN_MAX = 64 };
	uint8_t run[RUN_MAX * BATON_SLOT_BYTES];
	if (n == 0)
		return 0;

	qsort(rows, n, sizeof(*rows), row_compare);
	int rc = keys_grow(keys, ((uint64_t)rows[n - 1].slot + 1) * BATON_SLOT_BYTES);
	for (size_t i = 0, k; i < n && rc == 0; i += k) {
		for (k = 0; i + k < n && k < RUN_MAX && rows[i + k].slot == rows[i].slot + k; k++)
			memcpy(run + k * BATON_SLOT_BYTES, rows[i + k].b, BATON_SLOT_BYTES);
		rc = baton_file_write(keys->fd, run, k * BATON_SLOT_BYTES,
				      (uint64_t)rows[i].slot * BATON_SLOT_BYTES);
	}
	if (rc == 0)
		rc = baton_file_sync(keys->fd);
	return rc;
}

static struct baton_key_cached *keys_place(struct baton_keys *keys, uint32_t slot)
{
	return &keys->cached[slot % BATON_KEYS_CACHED];
}

/* The file is the truth each time: what was erased elsewhere must not be known here. Twice, since
 * the slot may be half overwritten just now; it is then a tombstone the second time. */
static int keys_read(struct baton_keys *keys, struct baton_seal *seal,
		     const struct baton_id *session, struct baton_key_row *row,
		     uint8_t ret_key[BATON_KEY_BYTES])
{
	int rc = BATON_E_CORRUPT;
	for (int i = 0; i < 2 && rc == BATON_E_CORRUPT; i++) {
		rc = row_read(keys, row);
		if (rc == 0)
			rc = row_unwrap(keys, seal, session, row, ret_key);
	}
	return rc;
}

int baton_keys_get(struct baton_keys *keys, struct baton_seal *seal, uint32_t slot,
		   const struct baton_id *session, uint8_t ret_key[BATON_KEY_BYTES])
{
	struct baton_key_row row = { .slot = slot };
	struct baton_key_cached *cached = keys_place(keys, slot);
	if (slot == 0 || slot >= SLOT_MAX)
		return BATON_E_CORRUPT;
	if (keys->read_only)
		return keys_read(keys, seal, session, &row, ret_key);

	pthread_mutex_lock(&keys->lock);
	uint64_t erasures = atomic_load(&keys->erasures);
	bool hit = cached->slot == slot && baton_id_eq(&cached->session, session);
	if (hit)
		memcpy(ret_key, cached->key, BATON_KEY_BYTES);
	pthread_mutex_unlock(&keys->lock);
	if (hit)
		return 0;

	int rc = row_read(keys, &row);
	if (rc == 0)
		rc = row_unwrap(keys, seal, session, &row, ret_key);
	if (rc < 0)
		return rc;

	/* Not kept if a session was erased since: it might have been this one. */
	pthread_mutex_lock(&keys->lock);
	if (erasures == atomic_load(&keys->erasures)) {
		cached->slot = slot;
		cached->session = *session;
		memcpy(cached->key, ret_key, BATON_KEY_BYTES);
	}
	pthread_mutex_unlock(&keys->lock);
	return 0;
}

int baton_keys_erase(struct baton_keys *keys, struct baton_seal *seal, uint32_t slot)
{
	struct baton_key_row row = { .slot = slot };
	uint64_t at = (uint64_t)slot * BATON_SLOT_BYTES;
	memcpy(row.b, state_dead, sizeof(state_dead));
	baton_seal_random(seal, row.b + sizeof(state_dead), sizeof(row.b) - sizeof(state_dead));

	int rc = baton_file_write(keys->fd, row.b, sizeof(row.b), at);
	if (rc == 0)
		rc = baton_file_sync(keys->fd);
	memset(row.b + sizeof(state_dead), 0, sizeof(row.b) - sizeof(state_dead));
	if (rc == 0)
		rc = baton_file_write(keys->fd, row.b, sizeof(row.b), at);
	if (rc == 0)
		rc = baton_file_sync(keys->fd);

	pthread_mutex_lock(&keys->lock);
	atomic_fetch_add(&keys->erasures, 1);
	baton_seal_forget(keys_place(keys, slot), sizeof(*keys->cached));
	pthread_mutex_unlock(&keys->lock);
	return rc;
}
