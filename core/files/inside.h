/* SPDX-License-Identifier: Apache-2.0 */

/* What the files of this folder share: the porch and how a file looks on disk.
 *
 *      0  8 B  "BATONAT1"
 *      8  16 B file, 16 B session
 *     40  8 B bytes, 8 B unix ms (little endian)
 *     64  64 B key under the session's, 128 64 B key under the master key: 4 B state, the wrap
 *    192  2 B length, then name, type, hash and agent as JSON, sealed with the file's key
 *   1024  chunks of 64 KiB, each with its tag
 *
 * A chunk vouches for its file, session, number, the file's length and whether it is the last, so
 * none can be moved, left out or put into another file. Its number is its nonce: no two files have a
 * key in common. */
#pragma once

#include "core/base/table.h"
#include "core/files/files.h"
#include "core/files/kind.h"
#include "core/journal/file.h"
#include "core/journal/seal.h"

#include <pthread.h>

enum {
	FILE_HEADER_BYTES = 1024,
	FILE_AT_FILE = 8,
	FILE_AT_SESSION = 24,
	FILE_AT_BYTES = 40,
	FILE_AT_TIME = 48,
	FILE_AT_WRAPS = 64,
	FILE_WRAP_BYTES = 64,
	FILE_AT_META = 192,
	FILE_AT_SEALED = FILE_AT_META + 2,
	FILE_META_MAX = FILE_HEADER_BYTES - FILE_AT_SEALED - BATON_TAG_BYTES,
	FILE_STORED_CHUNK = BATON_FILE_CHUNK_BYTES + BATON_TAG_BYTES
};

/* Something that is under way or on the porch. */
struct porch_entry {
	struct baton_id id; /* key */
	struct baton_file_info info;
	bool done;   /* the upload has ended well */
	bool erased; /* its session was, meanwhile */
	UT_hash_handle hh;
};

struct baton_files {
	struct baton_journal *journal;
	char path[BATON_PATH_MAX], porch_path[BATON_PATH_MAX];
	uint64_t keep_ms, reserve_bytes;
	bool swept; /* what erased conversations left has been looked for */
	pthread_mutex_t lock;
	struct porch_entry *porch; /* under lock */
	uint64_t uploads;          /* under lock: under way */
};

/* The parts of a file's header that a reader needs. */
struct file_head {
	struct baton_file_info info;
	uint8_t key[BATON_KEY_BYTES]; /* forget it after use */
	enum baton_wrap_kind kind;    /* which of the wraps opened */
};

/* --- place.c: paths ---------------------------------------------------------------------------- */
int place_porch(const struct baton_files *files, const struct baton_id *session,
		const struct baton_id *id, const char *ending, char ret_path[BATON_PATH_MAX]);
/* The folder of a conversation, or the file in it. */
int place_folder(const struct baton_files *files, const struct baton_id *session,
		 char ret_path[BATON_PATH_MAX]);
int place_settled(const struct baton_files *files, const struct baton_id *session,
		  const struct baton_id *id, char ret_path[BATON_PATH_MAX]);
/* Tells the names in a folder, but . and ..; a folder that is missing is empty. Stops if `each`
 * returns <0, and returns that. */
int place_each(const char *path, int (*each)(void *ud, const char *folder, const char *name),
	       void *ud);

/* --- file.c ------------------------------------------------------------------------------------ */
/* Bytes that a file of so many takes on disk. */
uint64_t file_stored_bytes(uint64_t bytes);
/* The other way round. */
uint64_t file_clear_bytes(uint64_t stored);
/* Associated data and nonce of chunk `n` of `chunks`. */
void file_chunk_job(const struct baton_file_info *info, const uint8_t *key, uint32_t n,
		    struct baton_seal_job *job, uint8_t clear[64], uint8_t nonce[12]);
/* Writes the header with its key under the session's if there is a session, else under the master
 * key. */
int file_head_write(struct baton_files *files, int fd, const struct file_head *head);
/* Proves it. `id` and `session`: what it must be. 0, BATON_E_NOTFOUND, _ERASED, _CORRUPT, _IO. */
int file_head_read(struct baton_files *files, int fd, const struct baton_id *session,
		   const struct baton_id *id, struct file_head *ret_head);
/* Moves the key from the master key's protection to the session's, in place. */
int file_head_settle(struct baton_files *files, int fd, const struct file_head *head);
/* Overwrites the keys, then removes it. A file that is gone is fine. *ret_bytes: its length. */
int file_kill(const char *path, uint64_t *ret_bytes);
