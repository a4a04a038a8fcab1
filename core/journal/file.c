/* SPDX-License-Identifier: Apache-2.0 */

/* Plain files of the journal's directory. */
#include "core/journal/file.h"

#include "core/base/errors.h"
#include "core/base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

static int file_error(void)
{
	return errno == ENOSPC || errno == EDQUOT || errno == EFBIG ? BATON_E_FULL : BATON_E_IO;
}

int baton_file_path(char ret_path[BATON_PATH_MAX], const char *dir_path, const char *name)
{
	int n = snprintf(ret_path, BATON_PATH_MAX, "%s/%s", dir_path, name);
	return n > 0 && n < BATON_PATH_MAX ? 0 : BATON_E_INVAL;
}

int baton_file_write(int fd, const void *p, size_t n, uint64_t at)
{
	const char *from = p;
	while (n) {
		ssize_t wrote = pwrite(fd, from, n, (off_t)at);
		if (wrote < 0 && errno == EINTR)
			continue;
		if (wrote <= 0)
			return file_error();
		from += wrote;
		n -= (size_t)wrote;
		at += (uint64_t)wrote;
	}
	return 0;
}

int baton_file_sync(int fd)
{
	return fdatasync(fd) < 0 ? file_error() : 0;
}

int baton_file_create(const char *path, const void *p, size_t n)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return file_error();

	int rc = baton_file_write(fd, p, n, 0);
	if (rc == 0 && fsync(fd) < 0)
		rc = file_error();
	close(fd);
	if (rc == 0)
		rc = baton_file_sync_dir(path, /* is_dir= */ false);
	if (rc < 0)
		unlink(path); /* half a key must not be found by the next start */
	return rc;
}

int baton_file_sync_dir(const char *path, bool is_dir)
{
	char dir[BATON_PATH_MAX];
	int n = snprintf(dir, sizeof(dir), "%s", path);
	if (n < 0 || n >= (int)sizeof(dir))
		return BATON_E_INVAL;

	char *slash = is_dir ? NULL : strrchr(dir, '/');
	if (slash)
		slash[slash == dir ? 1 : 0] = '\0';
	int fd = open(is_dir || slash ? dir : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return BATON_E_IO;
	int rc = fsync(fd) < 0 ? BATON_E_IO : 0;
	close(fd);
	return rc;
}

int baton_file_make_dir(const char *path)
{
	if (mkdir(path, 0700) == 0)
		return baton_file_sync_dir(path, /* is_dir= */ false);
	if (errno == EEXIST)
		return 0;
	baton_log(BATON_LOG_ERROR, "journal_dir_not_made", "ss", "path", path, "error",
		  strerror(errno));
	return BATON_E_IO;
}

int baton_file_lock(const char *dir_path, int *ret_fd, long *ret_holder)
{
	char path[BATON_PATH_MAX], text[32] = "";
	int rc = baton_file_path(path, dir_path, "lock");
	if (rc < 0)
		return rc;

	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0) {
		baton_log(BATON_LOG_ERROR, "journal_lock_failed", "ss", "path", path, "error",
			  strerror(errno));
		return BATON_E_IO;
	}
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		ssize_t n = pread(fd, text, sizeof(text) - 1, 0);
		text[n > 0 ? n : 0] = '\0';
		close(fd);
		baton_log(BATON_LOG_ERROR, "journal_in_use", "sss", "path", dir_path, "pid", text,
			  "hint", "one process at a time: stop that one, or name another folder");
		*ret_holder = strtol(text, NULL, 10);
		return BATON_E_STATE;
	}

	/* Only a help for people; the lock is the flock, which no crash leaves behind. */
	int n = snprintf(text, sizeof(text), "%ld", (long)getpid());
	if (ftruncate(fd, 0) < 0 || pwrite(fd, text, (size_t)n, 0) < 0)
		baton_log(BATON_LOG_DEBUG, "journal_lock_pid_not_written", "s", "path", path);
	*ret_fd = fd;
	return 0;
}

int baton_file_size(const char *path, uint64_t *ret_bytes)
{
	struct stat st;
	if (stat(path, &st) == 0) {
		*ret_bytes = (uint64_t)st.st_size;
		return 0;
	}
	if (errno != ENOENT)
		return BATON_E_IO;
	*ret_bytes = 0;
	return 0;
}

uint64_t baton_file_space(int fd)
{
	struct statvfs st;
	if (fstatvfs(fd, &st) < 0)
		return UINT64_MAX;
	return (uint64_t)st.f_bavail * (uint64_t)st.f_frsize;
}

uint64_t baton_file_now_us(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}
