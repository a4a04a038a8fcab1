/* SPDX-License-Identifier: Apache-2.0 */

/* Files of the loader: the module's bytes, read once and only from places nobody else can write to;
 * the private copy that is mapped; the secrets. Blocking; not on a loop. */
#pragma once

#include "core/base/buf.h"

enum { BATON_SECRET_BYTES_MAX = 4096 };

/* Reads `dir`/`name` (`dir` NULL: `name` is a path and owner and mode are not judged) into `out`.
 * Refused: links, anything but a regular file, group or world writable file or directory, an owner
 * that is neither root nor us. 0, or BATON_E_MODULE, BATON_E_IO with one line in `why`. */
int baton_file_read(const char *dir, const char *name, struct baton_buf *out, char *why,
		    size_t cap);

void baton_file_sha256(baton_str bytes, uint8_t sha256[32]);
/* Is it the file that the policies have pinned? `pin`: 64 digits; NULL or "": any. 0, or
 * BATON_E_MODULE with a line. */
int baton_file_pinned(const char *pin, const uint8_t sha256[32], char *why, size_t cap);
/* 2 * n digits and a NUL. */
void baton_file_hex(const uint8_t *p, size_t n, char *text);

/* A private copy: run_dir/modules/<id>-<sha12>-<n>.so, mode 0500, created by us and nobody else.
 * The open descriptor carries a shared lock that says "in use"; it ends with the process, however
 * that ends. */
struct baton_copy {
	char *path;
	int fd;
};
int baton_copy_make(const char *run_dir, const char *id, const uint8_t sha256[32], baton_str bytes,
		    struct baton_copy *ret_copy, char *why, size_t cap);
/* Removes the file and gives the lock back. NULL-tolerant in `path`. */
void baton_copy_done(struct baton_copy *copy);
/* Removes copies that no process holds any more. Returns how many. */
unsigned baton_copy_sweep(const char *run_dir);

/* BATON_SECRET_<NAME> of the environment, else secrets_dir/<NAME> (no group or world access,
 * newline at the end dropped). `ret` is a new NUL-terminated string; give it back with
 * baton_secret_free(). 0, BATON_E_NOTFOUND, or BATON_E_DENIED with a line in `why` (never with the
 * value). */
int baton_secret_read(const char *secrets_dir, const char *name, char **ret, char *why, size_t cap);
/* Overwrites, then frees. */
void baton_secret_free(char **secret);
