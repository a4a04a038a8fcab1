/* SPDX-License-Identifier: Apache-2.0 */

/* Why a copy at all: glibc answers a second dlopen() of one path with the old code, and a file that
 * is overwritten in place while mapped kills the process with SIGBUS. A copy with a name that was
 * never used before has neither problem, and a debugger still finds it, which it would not with a
 * memfd.
 */
#include "core/module/file.h"

#include "core/base/errors.h"
#include "core/base/mem.h"
#include "core/module/elf.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { COPY_TRIES_MAX = 1000, NAME_BYTES_MAX = 255 };

struct line {
	char *p;
	size_t cap;
};

__attribute__((format(printf, 3, 4))) static int refuse(struct line line, int rc, const char *fmt,
							...)
{
	va_list ap;
	va_start(ap, fmt);
	if (line.cap > 0)
		(void)vsnprintf(line.p, line.cap, fmt, ap);
	va_end(ap);
	return rc;
}

/* strerror() has one buffer for all threads. */
static const char *error_text(int number)
{
	const char *text = strerrordesc_np(number);
	return text ? text : "unknown error";
}

/* Whoever can write here can run code as us. */
static int judge(const struct stat *st, const char *what, struct line why)
{
	if (st->st_uid != 0 && st->st_uid != geteuid())
		return refuse(why, BATON_E_MODULE,
			      "%s: expected owner root or %u, found %u; give it to one of them",
			      what, (unsigned)geteuid(), (unsigned)st->st_uid);
	if (st->st_mode & (S_IWGRP | S_IWOTH))
		return refuse(
			why, BATON_E_MODULE,
			"%s: expected nobody else to have write access, found mode %04o; chmod go-w",
			what, (unsigned)st->st_mode & 07777);
	return 0;
}

static int read_all(int fd, size_t n, struct baton_buf *out)
{
	char *to = baton_buf_room(out, n + 1);
	size_t got = 0;
	while (got <= n) {
		ssize_t r = read(fd, to + got, n + 1 - got);
		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return BATON_E_IO;
		if (r == 0)
			break;
		got += (size_t)r;
	}
	/* Longer or shorter than a moment ago: somebody is writing it. */
	if (got != n)
		return BATON_E_AGAIN;
	out->n += n;
	return 0;
}

static int read_fd(int fd, bool trusted, const char *what, struct baton_buf *out, struct line why)
{
	struct stat st;
	if (fstat(fd, &st) < 0)
		return refuse(why, BATON_E_IO, "%s: %s", what, error_text(errno));
	if (!S_ISREG(st.st_mode))
		return refuse(
			why, BATON_E_MODULE,
			"%s: expected a regular file, found something else; install the .so itself",
			what);
	int rc = trusted ? 0 : judge(&st, what, why);
	if (rc < 0)
		return rc;
	if (st.st_size <= 0 || st.st_size > BATON_ELF_BYTES_MAX)
		return refuse(
			why, BATON_E_MODULE,
			"%s: expected 1..%d bytes, found %jd; install the .so that the build made",
			what, BATON_ELF_BYTES_MAX, (intmax_t)st.st_size);
	rc = read_all(fd, (size_t)st.st_size, out);
	if (rc == BATON_E_AGAIN)
		return refuse(
			why, BATON_E_MODULE,
			"%s: expected it to stay as it is while it is read, found it changing; install it by rename",
			what);
	return rc < 0 ? refuse(why, rc, "%s: %s", what, error_text(errno)) : 0;
}

static int open_dir(const char *dir, int *ret_fd, struct line why)
{
	struct stat st;
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return refuse(why, BATON_E_IO, "%s: %s", dir, error_text(errno));
	int rc = fstat(fd, &st) < 0 ? BATON_E_IO : judge(&st, dir, why);
	if (rc < 0)
		(void)close(fd);
	else
		*ret_fd = fd;
	return rc;
}

int baton_file_read(const char *dir, const char *name, struct baton_buf *out, char *why, size_t cap)
{
	struct line line = { why, cap };
	int at = AT_FDCWD;
	if (dir && (strchr(name, '/') || name[0] == '.' || strlen(name) > NAME_BYTES_MAX))
		return refuse(
			line, BATON_E_MODULE,
			"%.80s: expected a plain file name, found a path; name a file of the modules directory",
			name);
	int rc = dir ? open_dir(dir, &at, line) : 0;
	if (rc < 0)
		return rc;
	/* O_NONBLOCK: opening a pipe must not wait for its other end. */
	int fd = openat(at, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | (dir ? O_NOFOLLOW : 0));
	if (fd < 0)
		rc = errno == ELOOP
			     ? refuse(line, BATON_E_MODULE,
				      "%s: expected a file, found a link; install the .so itself",
				      name)
			     : refuse(line, BATON_E_IO, "%s: %s", name, error_text(errno));
	else
		rc = read_fd(fd, !dir, name, out, line);
	if (fd >= 0)
		(void)close(fd);
	if (at != AT_FDCWD)
		(void)close(at);
	return rc;
}

void baton_file_sha256(baton_str bytes, uint8_t sha256[32])
{
	unsigned n = 32;
	memset(sha256, 0, 32);
	(void)EVP_Digest(bytes.p, bytes.n, sha256, &n, EVP_sha256(), NULL);
}

void baton_file_hex(const uint8_t *p, size_t n, char *text)
{
	static const char digits[] = "0123456789abcdef";
	for (size_t i = 0; i < n; i++) {
		text[2 * i] = digits[p[i] >> 4];
		text[2 * i + 1] = digits[p[i] & 15];
	}
	text[2 * n] = 0;
}

int baton_file_pinned(const char *pin, const uint8_t sha256[32], char *why, size_t cap)
{
	char hex[65];
	baton_file_hex(sha256, 32, hex);
	if (!pin || !pin[0] || strcmp(pin, hex) == 0)
		return 0;
	return refuse(
		(struct line){ why, cap }, BATON_E_MODULE,
		"pinned: expected sha256 %.64s, found %s; install the file that was meant, or "
		"change `sha256` in modules.yaml",
		pin, hex);
}

/* --- the private copy --------------------------------------------------------------------- */

static int write_all(int fd, baton_str bytes)
{
	while (bytes.n > 0) {
		ssize_t w = write(fd, bytes.p, bytes.n);
		if (w < 0 && errno == EINTR)
			continue;
		if (w <= 0)
			return BATON_E_IO;
		bytes.p += w;
		bytes.n -= (size_t)w;
	}
	return 0;
}

/* run_dir/modules, 0700, ours. */
static int make_dir(const char *run_dir, struct baton_buf *path, struct line why)
{
	struct stat st;
	baton_buf_printf(path, "%s/modules", run_dir);
	if (mkdir(path->p, 0700) < 0 && errno != EEXIST)
		return refuse(why, BATON_E_IO, "%s: %s", path->p, error_text(errno));
	if (lstat(path->p, &st) < 0 || !S_ISDIR(st.st_mode))
		return refuse(why, BATON_E_IO, "%s: not a directory", path->p);
	return judge(&st, path->p, why);
}

/* A new file with our lock on it, or -1. A sweeper may have seen it between open and lock; then it
 * has no name any more and is not used. */
static int create_locked(const char *path)
{
	struct stat st;
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0500);
	if (fd < 0)
		return -1;
	if (flock(fd, LOCK_SH | LOCK_NB) == 0 && fstat(fd, &st) == 0 && st.st_nlink == 1)
		return fd;
	(void)close(fd);
	errno = EEXIST;
	return -1;
}

int baton_copy_make(const char *run_dir, const char *id, const uint8_t sha256[32], baton_str bytes,
		    struct baton_copy *ret_copy, char *why, size_t cap)
{
	static _Atomic(unsigned) serial;
	struct line line = { why, cap };
	struct baton_buf path = { 0 };
	char sha12[13];
	baton_file_hex(sha256, 6, sha12);
	int rc = make_dir(run_dir, &path, line), fd = -1;
	size_t dir_n = path.n;
	for (int i = 0; rc == 0 && fd < 0 && i < COPY_TRIES_MAX; i++) {
		path.n = dir_n;
		baton_buf_printf(&path, "/%s-%s-%u.so", id, sha12,
				 atomic_fetch_add(&serial, 1) + 1);
		fd = create_locked(path.p);
		if (fd < 0 && errno != EEXIST)
			break;
	}
	if (rc == 0 && fd < 0)
		rc = refuse(line, BATON_E_IO, "%s: %s", path.p, error_text(errno));
	if (fd >= 0 && (write_all(fd, bytes) < 0 || fchmod(fd, 0500) < 0)) {
		rc = refuse(line, BATON_E_IO, "%s: %s", path.p, error_text(errno));
		(void)unlink(path.p);
		(void)close(fd);
	}
	if (rc == 0)
		*ret_copy = (struct baton_copy){ baton_memdupz(path.p, path.n), fd };
	baton_buf_done(&path);
	return rc;
}

void baton_copy_done(struct baton_copy *copy)
{
	if (!copy->path)
		return;
	(void)unlink(copy->path);
	(void)close(copy->fd);
	baton_free(copy->path);
	copy->path = NULL;
}

static bool sweep_one(int dir, const char *name)
{
	size_t n = strlen(name);
	if (n < 4 || strcmp(name + n - 3, ".so") != 0)
		return false;
	int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return false;
	bool gone = flock(fd, LOCK_EX | LOCK_NB) == 0 && unlinkat(dir, name, 0) == 0;
	(void)close(fd);
	return gone;
}

unsigned baton_copy_sweep(const char *run_dir)
{
	struct baton_buf path = { 0 };
	unsigned n = 0;
	baton_buf_printf(&path, "%s/modules", run_dir);
	DIR *dir = opendir(path.p);
	baton_buf_done(&path);
	if (!dir)
		return 0;
	for (struct dirent *e = readdir(dir); e; e = readdir(dir))
		n += sweep_one(dirfd(dir), e->d_name);
	(void)closedir(dir);
	return n;
}

/* --- secrets ------------------------------------------------------------------------------ */

static bool plain_name(const char *name)
{
	size_t n = strlen(name);
	for (size_t i = 0; i < n; i++)
		if (!((name[i] >= 'a' && name[i] <= 'z') || (name[i] >= 'A' && name[i] <= 'Z') ||
		      (name[i] >= '0' && name[i] <= '9') ||
		      (i > 0 && (name[i] == '_' || name[i] == '-'))))
			return false;
	return n > 0 && n <= 64;
}

static int read_secret_fd(int fd, const char *name, char **ret, struct line why)
{
	struct stat st;
	char text[BATON_SECRET_BYTES_MAX + 2];
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return refuse(why, BATON_E_DENIED, "secret %s: expected a regular file", name);
	if ((st.st_mode & 077) || (st.st_uid != 0 && st.st_uid != geteuid()))
		return refuse(why, BATON_E_DENIED,
			      "secret %s: expected a file only we can read, found mode %04o", name,
			      (unsigned)st.st_mode & 07777);
	ssize_t n = read(fd, text, sizeof(text) - 1);
	while (n > 0 && (text[n - 1] == '\n' || text[n - 1] == '\r'))
		n--;
	int rc = 0;
	if (n <= 0 || n > BATON_SECRET_BYTES_MAX || memchr(text, 0, (size_t)n))
		rc = refuse(why, BATON_E_DENIED, "secret %s: expected 1..%d bytes of text", name,
			    BATON_SECRET_BYTES_MAX);
	else
		*ret = baton_memdupz(text, (size_t)n);
	OPENSSL_cleanse(text, sizeof(text));
	return rc;
}

int baton_secret_read(const char *secrets_dir, const char *name, char **ret, char *why, size_t cap)
{
	struct line line = { why, cap };
	char variable[96];
	if (!plain_name(name))
		return refuse(line, BATON_E_DENIED,
			      "secret %.64s: expected a name of letters, digits, _ and -", name);
	(void)snprintf(variable, sizeof(variable), "BATON_SECRET_%s", name);
	const char *value = getenv(variable);
	if (value && value[0] && strlen(value) <= BATON_SECRET_BYTES_MAX) {
		*ret = baton_memdupz(value, strlen(value));
		return 0;
	}
	int dir = secrets_dir ? open(secrets_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	int fd = dir >= 0 ? openat(dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK) : -1;
	int rc = fd >= 0 ? read_secret_fd(fd, name, ret, line)
			 : refuse(line, BATON_E_NOTFOUND,
				  "secret %s: neither %s nor a file of that name is there", name,
				  variable);
	if (fd >= 0)
		(void)close(fd);
	if (dir >= 0)
		(void)close(dir);
	return rc;
}

void baton_secret_free(char **secret)
{
	if (*secret)
		OPENSSL_cleanse(*secret, strlen(*secret));
	baton_free(*secret);
	*secret = NULL;
}
