/* SPDX-License-Identifier: Apache-2.0 */

/* Files that customers and agents attach: on disk beside the journal, each sealed with a key of its
 * own, which is sealed with its session's data key. Erasing the session makes them unreadable at
 * once, also in a copy of the disk.
 *
 * What was uploaded lies on the porch for a while (DATA/attachments/new): no longer than an hour,
 * until a message that names it is in the log. Then it is settled in its session's folder; what no
 * message named is removed. The porch is known in memory, so asking whether a message may name a
 * file costs no disk.
 *
 * Threads: find() and upload_new() only take a lock. All else reads or writes the disk: never call
 * it on an event loop. One upload or open file belongs to one thread at a time. */
#pragma once

#include "core/base/buf.h"
#include "core/base/id.h"
#include "core/journal/journal.h"

enum {
	BATON_FILE_CHUNK_BYTES = 64 * 1024,
	BATON_FILE_NAME_MAX = 120, /* bytes of a name */
	BATON_FILE_TYPE_MAX = 64,
	BATON_FILES_SESSION_MAX = 20,  /* files of one conversation */
	BATON_FILES_UPLOADS_MAX = 64,  /* under way at a time */
	BATON_FILES_UPLOADS_SESSION_MAX = 3,
	BATON_FILES_PORCH_MAX = 20000, /* uploaded within the last hour */
	BATON_FILES_KEEP_MS = 3600 * 1000
};
#define BATON_FILES_PORCH_BYTES_MAX ((uint64_t)4 * 1024 * 1024 * 1024) /* ... together */

struct baton_files;

struct baton_files_options {
	const char *path;       /* directory; created (0700) if missing */
	struct baton_journal *journal;
	uint64_t keep_ms;       /* on the porch; 0: BATON_FILES_KEEP_MS */
	uint64_t reserve_bytes; /* free disk below which nothing is taken; 0: 256 MiB */
};

/* Opens or creates; removes uploads that a stop cut short, and learns what is on the porch.
 * 0, BATON_E_IO, _FULL, _INVAL (path too long); logs the reason. */
int baton_files_open(const struct baton_files_options *options, struct baton_files **ret_files);
/* All uploads and files must be closed. */
void baton_files_close(struct baton_files **files);

struct baton_file_info {
	struct baton_id id, session;
	uint64_t bytes, unix_ms;
	char name[BATON_FILE_NAME_MAX + 1]; /* a label: clean, and its ending says what it is */
	char type[BATON_FILE_TYPE_MAX];
	char sha256[65];
	char agent[65]; /* who sent it; "": the customer */
};

/* [any thread] A finished upload of the last hour, of this conversation. */
bool baton_files_find(struct baton_files *files, const struct baton_id *session,
		      const struct baton_id *id, struct baton_file_info *ret_info);

/* --- upload.c: a file comes in ----------------------------------------------------------------- */

struct baton_upload;

struct baton_upload_ask {
	struct baton_id session, id; /* id: fresh */
	uint64_t bytes, unix_ms;
	baton_str name;       /* as sent, in UTF-8; cleaned here */
	const char *agent;    /* "" or NULL: the customer */
	uint64_t bytes_max, session_bytes_max; /* policy */
	const char *const *types;              /* media types that are taken; copied */
	size_t n_types;
};

/* [any thread] Reserves a place. 0; or BATON_E_INVAL (empty), _TOO_BIG, _LIMIT (the conversation
 * has enough), _AGAIN (too many under way), _RATE (the porch is full). */
int baton_upload_new(struct baton_files *files, const struct baton_upload_ask *ask,
		     struct baton_upload **ret_upload);
/* The next bytes. 0; BATON_E_UNSUPPORTED (a type that is not taken), _INVAL (more than announced),
 * _LIMIT, _FULL, _IO, _ERASED, _CORRUPT. After an error only free() may follow. */
int baton_upload_write(struct baton_upload *upload, const void *p, size_t n);
/* All was written: makes it durable; from 0 on find() knows it. Errors as write(). */
int baton_upload_end(struct baton_upload *upload, struct baton_file_info *ret_info);
/* Removes what has not come to a good end. NULL-tolerant. */
void baton_upload_free(struct baton_upload **upload);

/* --- file.c: a file goes out ------------------------------------------------------------------- */

struct baton_download;

/* 0, BATON_E_NOTFOUND, _ERASED, _CORRUPT, _IO. */
int baton_download_open(struct baton_files *files, const struct baton_id *session,
		    const struct baton_id *id, struct baton_download **ret_download);
const struct baton_file_info *baton_download_info(const struct baton_download *file);
/* Appends the next chunk to `out`, proved; nothing at the end. 0, BATON_E_CORRUPT, _IO. */
int baton_download_read(struct baton_download *file, struct baton_buf *out);
void baton_download_close(struct baton_download **file); /* NULL-tolerant */

/* --- files.c, sweep.c: what lies there --------------------------------------------------------- */

struct baton_files_sum {
	uint64_t files, bytes;
};
/* What the conversation has, or <0: _IO. */
int baton_files_count(struct baton_files *files, const struct baton_id *session,
		      struct baton_files_sum *ret_sum);
/* Removes all of it, keys first; durable when it returns 0. `ret_sum` (may be NULL): what there was.
 * BATON_E_IO: something could not be removed; the rest was. */
int baton_files_erase(struct baton_files *files, const struct baton_id *session,
		      struct baton_files_sum *ret_sum);
/* Settles or removes what has been on the porch for long enough, asking the log. Once after the start
 * also removes what is left of conversations that were erased. One call at a time. Returns how many were
 * removed. */
uint64_t baton_files_sweep(struct baton_files *files, uint64_t unix_ms);
/* [any thread] */
struct baton_files_stats {
	uint64_t porch, porch_bytes, uploads; /* now: waiting for a message, and under way */
};
void baton_files_stats(struct baton_files *files, struct baton_files_stats *ret_stats);
