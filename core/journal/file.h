/* SPDX-License-Identifier: Apache-2.0 */

/* Plain files of the journal's directory: whole writes, syncs, the lock file, free space. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { BATON_PATH_MAX = 4096 };

/* dir/name into `ret_path`. 0 or BATON_E_INVAL (too long). */
int baton_file_path(char ret_path[BATON_PATH_MAX], const char *dir_path, const char *name);
/* Writes all of it. 0, BATON_E_FULL (no space, quota) or BATON_E_IO. */
int baton_file_write(int fd, const void *p, size_t n, uint64_t at);
/* fdatasync. 0, BATON_E_FULL or BATON_E_IO. */
int baton_file_sync(int fd);
/* A new file (0600) with these bytes, it and its directory synced. 0, BATON_E_FULL, _IO. */
int baton_file_create(const char *path, const void *p, size_t n);
/* Syncs the directory that holds `path`; with `is_dir` the directory itself. 0 or BATON_E_IO. */
int baton_file_sync_dir(const char *path, bool is_dir);
/* Creates the directory (0700) if missing. 0 or BATON_E_IO; logs. */
int baton_file_make_dir(const char *path);
/* Takes dir/lock for this open of the journal; the fd holds it. 0, BATON_E_IO, or BATON_E_STATE if
 * another has it: *ret_holder is its pid (0: not known), which is logged. */
int baton_file_lock(const char *dir_path, int *ret_fd, long *ret_holder);
/* Bytes of the file, or 0 if there is none. 0 or BATON_E_IO. */
int baton_file_size(const char *path, uint64_t *ret_bytes);
/* Bytes that may still be written beside `fd`; UINT64_MAX if that cannot be told. */
uint64_t baton_file_space(int fd);
/* CLOCK_MONOTONIC. The journal times its own commits and index; no record is stamped here. */
uint64_t baton_file_now_us(void);
