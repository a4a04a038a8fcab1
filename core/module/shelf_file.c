/* SPDX-License-Identifier: Apache-2.0 */

/* The shelf on disk. Whatever is there is read as if somebody had edited it: a row that is not one
 * is left out, an index that is none is set aside and the one before it is taken, and if that is
 * gone as well, the files tell at least what they are. */
#include "core/module/shelf_inside.h"

#include "core/base/errors.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/module/elf.h"
#include "core/module/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_BYTES = 4096, INDEX_BYTES_MAX = 8 * 1024 * 1024, ROWS_MAX = 4096, HEX = 64 };

static const char *error_text(int number)
{
	const char *text = strerrordesc_np(number);
	return text ? text : "unknown error";
}

static bool path_of(const struct baton_shelf *shelf, const char *name, char path[PATH_BYTES])
{
	int n = snprintf(path, PATH_BYTES, "%s/%s", shelf->dir, name);
	return n > 0 && n < PATH_BYTES;
}

static void file_name(const uint8_t sha256[32], char name[HEX + 4])
{
	baton_file_hex(sha256, 32, name);
	memcpy(name + HEX, ".so", 4);
}

/* --- writing ------------------------------------------------------------------------------ */

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

/* A new file under another name, synced, then renamed, then the directory synced. */
static int write_file(struct baton_shelf *shelf, const char *name, mode_t mode, baton_str bytes)
{
	char path[PATH_BYTES], next[PATH_BYTES];
	if (!path_of(shelf, name, path) || !path_of(shelf, "next", next))
		return BATON_E_IO;
	(void)unlink(next);
	int fd = open(next, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
	int rc = fd < 0 ? BATON_E_IO : write_all(fd, bytes);
	if (rc == 0 && (fchmod(fd, mode) < 0 || fsync(fd) < 0))
		rc = BATON_E_IO;
	if (fd >= 0 && close(fd) < 0)
		rc = BATON_E_IO;
	if (rc == 0 && rename(next, path) < 0)
		rc = BATON_E_IO;
	int dir = rc == 0 ? open(shelf->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	if (dir >= 0) {
		(void)fsync(dir);
		(void)close(dir);
	}
	if (rc < 0)
		baton_log(BATON_LOG_ERROR, "shelf_not_written", "ss", "path", path, "reason",
			  error_text(errno));
	return rc;
}

int baton_shelf_write(struct baton_shelf *shelf)
{
	struct baton_buf text = { 0 };
	char path[PATH_BYTES], old[PATH_BYTES];
	if (path_of(shelf, "index.json", path) && path_of(shelf, "index.old", old)) {
		(void)unlink(old);
		if (link(path, old) < 0 && errno != ENOENT) /* the first time there is none */
			baton_log(BATON_LOG_WARN, "shelf_index_not_doubled", "s", "reason",
				  error_text(errno));
	}
	baton_shelf_rows_json(shelf, &text);
	baton_buf_z(&text, "\n");
	int rc = write_file(shelf, "index.json", 0600, baton_buf_view(&text));
	baton_buf_done(&text);
	return rc;
}

int baton_shelf_file_good(struct baton_shelf *shelf, const uint8_t sha256[32], char *path,
			  size_t cap)
{
	struct baton_buf bytes = { 0 };
	char name[HEX + 4], why[256];
	uint8_t found[32];
	file_name(sha256, name);
	if (baton_file_read(shelf->dir, name, &bytes, why, sizeof(why)) < 0) {
		baton_buf_done(&bytes);
		return BATON_E_NOTFOUND;
	}
	baton_file_sha256(baton_buf_view(&bytes), found);
	baton_buf_done(&bytes);
	if (memcmp(found, sha256, sizeof(found)) != 0) {
		baton_log(BATON_LOG_WARN, "shelf_file_damaged", "s", "file", name);
		return BATON_E_NOTFOUND;
	}
	(void)snprintf(path, cap, "%s/%s", shelf->dir, name);
	return 0;
}

int baton_shelf_file_write(struct baton_shelf *shelf, const uint8_t sha256[32], baton_str bytes)
{
	char name[HEX + 4], path[PATH_BYTES];
	if (baton_shelf_file_good(shelf, sha256, path, sizeof(path)) == 0)
		return 0;
	if (bytes.n == 0)
		return BATON_E_NOTFOUND;
	file_name(sha256, name);
	return write_file(shelf, name, 0500, bytes);
}

void baton_shelf_file_remove(struct baton_shelf *shelf, const uint8_t sha256[32])
{
	char name[HEX + 4], path[PATH_BYTES];
	file_name(sha256, name);
	if (path_of(shelf, name, path))
		(void)unlink(path);
}

/* --- reading ------------------------------------------------------------------------------ */

static bool read_hex(const char *text, uint8_t sha256[32])
{
	static const char digits[] = "0123456789abcdef";
	for (size_t i = 0; i < HEX; i++) {
		const char *at = text[i] ? strchr(digits, text[i]) : NULL;
		if (!at)
			return false;
		unsigned v = (unsigned)(at - digits);
		sha256[i / 2] = (uint8_t)(i % 2 ? sha256[i / 2] | v : v << 4);
	}
	return true;
}

static void read_rows(json_t *list, const char *text_name, struct baton_shelf_rows *rows)
{
	size_t n = json_array_size(list);
	/* From the back, since each goes to the front. */
	for (size_t i = n < ROWS_MAX ? n : ROWS_MAX; i > 0; i--) {
		json_t *row = json_array_get(list, i - 1);
		const char *hex = json_string_value(json_object_get(row, "sha256"));
		const char *module = json_string_value(json_object_get(row, "module"));
		const char *text = json_string_value(json_object_get(row, text_name));
		json_int_t at_ms = json_integer_value(json_object_get(row, "at_ms"));
		uint8_t sha256[32];
		if (!hex || !module || strlen(hex) != HEX || !read_hex(hex, sha256) || at_ms < 0)
			continue;
		(void)baton_shelf_row_new(rows, module, sha256, (uint64_t)at_ms, text ? text : "");
	}
}

/* BATON_E_NOTFOUND: no such file. BATON_E_JSON: it is no index; `why` says where. */
static int read_index(struct baton_shelf *shelf, const char *name, char *why, size_t cap)
{
	char path[PATH_BYTES];
	json_error_t error;
	if (!path_of(shelf, name, path) || access(path, F_OK) < 0)
		return BATON_E_NOTFOUND;
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	bool fine = fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
		    st.st_size <= INDEX_BYTES_MAX;
	json_t *index = fine ? json_loadfd(fd, JSON_REJECT_DUPLICATES, &error) : NULL;
	if (fd >= 0)
		(void)close(fd);
	bool whole = index && json_is_array(json_object_get(index, "good")) &&
		     json_is_array(json_object_get(index, "quarantined")) &&
		     json_is_array(json_object_get(index, "crashes"));
	if (whole) {
		read_rows(json_object_get(index, "good"), "", &shelf->good);
		read_rows(json_object_get(index, "quarantined"), "reason", &shelf->quarantine);
		read_rows(json_object_get(index, "crashes"), "how", &shelf->crashes);
	} else {
		(void)snprintf(why, cap, "%s",
			       !fine   ? "not a file of ours"
			       : index ? "not an index"
				       : error.text);
	}
	json_decref(index);
	return whole ? 0 : BATON_E_JSON;
}

/* Without any index: each file says which module it is; its name in the policies is not known, so
 * its own id stands for it. */
static void take_file(struct baton_shelf *shelf, const char *name)
{
	struct baton_buf bytes = { 0 };
	struct baton_elf elf;
	char why[256];
	uint8_t said[32], found[32];
	if (strlen(name) != HEX + 3 || !read_hex(name, said) || strcmp(name + HEX, ".so") != 0)
		return;
	if (baton_file_read(shelf->dir, name, &bytes, why, sizeof(why)) == 0) {
		baton_file_sha256(baton_buf_view(&bytes), found);
		if (memcmp(said, found, sizeof(said)) == 0 &&
		    baton_elf_check(baton_buf_view(&bytes), &elf, why, sizeof(why)) == 0)
			(void)baton_shelf_row_new(&shelf->good, elf.id, said, 0, "");
	}
	baton_buf_done(&bytes);
}

static void rebuild(struct baton_shelf *shelf)
{
	DIR *dir = opendir(shelf->dir);
	for (struct dirent *e = dir ? readdir(dir) : NULL; e; e = readdir(dir))
		take_file(shelf, e->d_name);
	if (dir)
		(void)closedir(dir);
}

/* Out of the way, for whoever wants to look. A second one in a row takes the place of the first. */
static bool set_aside(struct baton_shelf *shelf, char path[PATH_BYTES])
{
	char aside[PATH_BYTES];
	if (!path_of(shelf, "index.json", path) || !path_of(shelf, "index.damaged", aside))
		return false;
	if (rename(path, aside) == 0)
		return true;
	if (errno == ENOENT)
		return false;
	(void)remove(aside);
	return rename(path, aside) == 0;
}

/* What cannot be written now is logged, and written with the next change. */
static void recover(struct baton_shelf *shelf, const char *reason)
{
	char path[PATH_BYTES], why[256];
	const char *from = "index.old";
	bool was_there = set_aside(shelf, path);
	if (read_index(shelf, "index.old", why, sizeof(why)) < 0) {
		from = "the files";
		rebuild(shelf);
	}
	/* A new shelf has lost nothing. */
	if (was_there || shelf->good.n + shelf->quarantine.n > 0)
		baton_log(BATON_LOG_WARN, "shelf_index_damaged", "sssu", "path", path, "reason",
			  reason, "rebuilt_from", from, "files", (uint64_t)shelf->good.n);
	(void)baton_shelf_write(shelf);
}

int baton_shelf_read(struct baton_shelf *shelf, char *why, size_t cap)
{
	char reason[256];
	struct stat st;
	if ((mkdir(shelf->dir, 0700) < 0 && errno != EEXIST) || lstat(shelf->dir, &st) < 0) {
		(void)snprintf(why, cap, "%s: %s", shelf->dir, error_text(errno));
		return BATON_E_IO;
	}
	if (!S_ISDIR(st.st_mode) || access(shelf->dir, W_OK | X_OK) < 0) {
		(void)snprintf(why, cap,
			       "%s: expected a directory we can write to; make it one, or move it "
			       "away",
			       shelf->dir);
		return BATON_E_IO;
	}
	int rc = read_index(shelf, "index.json", reason, sizeof(reason));
	if (rc < 0)
		recover(shelf, rc == BATON_E_NOTFOUND ? "it is gone" : reason);
	return 0;
}
