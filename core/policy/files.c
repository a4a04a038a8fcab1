/* SPDX-License-Identifier: Apache-2.0 */

/* Reads the directory of a set, within bounds: sizes are asked before bytes are read, links may
 * not lead out of the directory (links inside it are how Kubernetes mounts a ConfigMap), and only
 * regular files are opened. Names that begin with a dot are nobody's business.
 */

#include "core/policy/load.h"

#include "core/base/errors.h"
#include "core/base/limits.h"
#include "core/policy/nearest.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static struct baton_policy_source *source_new(struct baton_load *load, const char *name)
{
	struct baton_policy_source *source = baton_arena_alloc(&load->scratch, sizeof(*source));

	source->name = baton_arena_dup(&load->scratch, name, strlen(name));
	source->text = "";
	baton_policy_source_index(source, &load->scratch);
	return source;
}

/* An error about a file as a whole; nothing can be said about what it holds. */
__attribute__((format(printf, 3, 4))) static void file_refuse(struct baton_load *load,
							      struct baton_load_file *file,
							      const char *fmt, ...)
{
	char text[256];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	baton_finding_error(&load->findings, baton_policy_source_whole(file->source), "%s", text);
	file->source->broken = true;
	load->broken[file->kind] = true;
}

static struct baton_load_file *file_add(struct baton_load *load, const char *name,
					enum baton_shape_kind kind)
{
	if (load->n_files == load->cap_files) {
		load->cap_files = load->cap_files ? load->cap_files * 2 : 32;
		load->files = baton_realloc(load->files, load->cap_files * sizeof(*load->files));
	}
	struct baton_load_file *file = &load->files[load->n_files++];
	*file = (struct baton_load_file){ .source = source_new(load, name), .kind = kind };
	return file;
}

/* --- what is there --- */

static bool ends_with(const char *name, const char *end)
{
	size_t n = strlen(name), m = strlen(end);

	return n > m && strcmp(name + n - m, end) == 0;
}

static bool is_folder(int dir, const char *name)
{
	struct stat st;

	return fstatat(dir, name, &st, 0) == 0 && S_ISDIR(st.st_mode);
}

static int shape_of(const char *name, bool folder)
{
	for (int i = 0; i < BATON_SHAPES_N; i++)
		if ((baton_shape_files[i].ends != NULL) == folder &&
		    strcmp(baton_shape_files[i].name, name) == 0)
			return i;
	return -1;
}

static void stray(struct baton_load *load, const char *name, bool folder)
{
	struct baton_place place = baton_policy_source_whole(source_new(load, name));
	struct baton_nearest nearest = baton_nearest_to(baton_str_of(name));

	for (size_t i = 0; i < BATON_SHAPES_N; i++)
		if ((baton_shape_files[i].ends != NULL) == folder)
			baton_nearest_try(&nearest, baton_shape_files[i].name);
	if (shape_of(name, !folder) >= 0)
		baton_finding_error(&load->findings, place, "a %s belongs here, not a %s",
				    folder ? "file" : "folder", folder ? "folder" : "file");
	else if (folder && nearest.name)
		baton_finding_warning(&load->findings, place,
				      "this folder is not read, did you mean `%s`?", nearest.name);
	else if (folder)
		baton_finding_warning(&load->findings, place, "this folder is not read");
	else if (ends_with(name, ".yml"))
		baton_finding_error(&load->findings, place, "files of a set end in .yaml");
	else if (nearest.name)
		baton_finding_error(&load->findings, place,
				    "no such file belongs to a set, did you mean `%s`?",
				    nearest.name);
	else
		baton_finding_error(&load->findings, place, "no such file belongs to a set");
}

/* Names of a folder that matter, within the bound on files. */
static void folder_scan(struct baton_load *load, int root, enum baton_shape_kind kind)
{
	const struct baton_shape_file *shape = &baton_shape_files[kind];
	int fd = openat(root, shape->name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	if (!dir) {
		if (fd >= 0)
			close(fd);
		return; /* is not there: the proofs say what is missing */
	}
	while ((entry = readdir(dir)) != NULL && load->n_files < BATON_POLICY_FILES_MAX) {
		char name[PATH_MAX];

		snprintf(name, sizeof(name), "%s/%s", shape->name, entry->d_name);
		if (entry->d_name[0] == '.' || strcmp(entry->d_name, "README.md") == 0)
			continue;
		if (is_folder(fd, entry->d_name))
			stray(load, name, true);
		else if (ends_with(entry->d_name, shape->ends))
			file_add(load, name, kind);
		else if (ends_with(entry->d_name, ".yml"))
			stray(load, name, false);
	}
	closedir(dir);
}

static void root_scan(struct baton_load *load, DIR *dir)
{
	struct dirent *entry;

	while ((entry = readdir(dir)) != NULL && load->n_files < BATON_POLICY_FILES_MAX) {
		const char *name = entry->d_name;

		if (name[0] == '.')
			continue;
		bool folder = is_folder(dirfd(dir), name);
		int kind = shape_of(name, folder);
		if (kind >= 0 && folder)
			folder_scan(load, dirfd(dir), (enum baton_shape_kind)kind);
		else if (kind >= 0)
			file_add(load, name, (enum baton_shape_kind)kind);
		else if (folder || ends_with(name, ".yaml") || ends_with(name, ".yml") ||
			 shape_of(name, !folder) >= 0)
			stray(load, name, folder);
	}
}

static int file_compare(const void *a, const void *b)
{
	const struct baton_load_file *x = a, *y = b;

	return strcmp(x->source->name, y->source->name);
}

static void check_missing(struct baton_load *load)
{
	for (size_t kind = 0; kind < BATON_SHAPES_N; kind++) {
		bool there = !baton_shape_files[kind].required;

		for (size_t i = 0; i < load->n_files && !there; i++)
			there = load->files[i].kind == kind;
		if (there)
			continue;
		baton_finding_error(
			&load->findings,
			baton_policy_source_whole(source_new(load, baton_shape_files[kind].name)),
			"this file is missing");
		load->broken[kind] = true;
	}
}

/* --- what it holds --- */

/* Opens what `name` is in the end, if that is inside the set. */
static int file_open(struct baton_load *load, struct baton_load_file *file)
{
	char path[PATH_MAX], real[PATH_MAX];
	const char *root = load->policy->path;
	size_t n = strlen(root);
	int fd;

	if (snprintf(path, sizeof(path), "%s/%s", root, file->source->name) >= (int)sizeof(path) ||
	    !realpath(path, real)) {
		file_refuse(load, file, "cannot be read: %s", strerror(errno));
		return -1;
	}
	if (strncmp(real, root, n) != 0 || real[n] != '/') {
		file_refuse(load, file, "a link that leads out of the policy directory");
		return -1;
	}
	/* O_NONBLOCK: a pipe with nobody at its other end must not stop a reload. */
	fd = open(real, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		file_refuse(load, file, "cannot be read: %s", strerror(errno));
	return fd;
}

static bool file_size_ok(struct baton_load *load, struct baton_load_file *file, int fd,
			 size_t *ret_n)
{
	struct stat st;

	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		file_refuse(load, file, "not a regular file");
		return false;
	}
	if (st.st_size > BATON_POLICY_FILE_BYTES_MAX) {
		file_refuse(load, file, "larger than %d bytes", (int)BATON_POLICY_FILE_BYTES_MAX);
		return false;
	}
	load->bytes += (size_t)st.st_size;
	if (load->bytes > BATON_POLICY_BYTES_MAX) {
		file_refuse(load, file, "all files together are larger than %d bytes",
			    (int)BATON_POLICY_BYTES_MAX);
		return false;
	}
	*ret_n = (size_t)st.st_size;
	return true;
}

/* NUL and what is no UTF-8 end the reading of a file: no sentence about it would make sense. */
static void file_bytes(struct baton_load *load, struct baton_load_file *file)
{
	struct baton_policy_source *source = file->source;
	size_t at = 0, n = 0;

	if (baton_str_utf8_ok((baton_str){ source->text, source->n }) &&
	    !memchr(source->text, '\0', source->n))
		return; /* else where? */
	for (; at < source->n; at += n) {
		baton_str one = { source->text + at, 0 };

		for (n = 1; n <= 4 && at + n <= source->n; n++) {
			one.n = n;
			if (baton_str_utf8_ok(one))
				break;
		}
		if (n > 4 || at + n > source->n || source->text[at] == '\0')
			break;
	}
	if (at >= source->n)
		return;
	baton_finding_error(&load->findings, baton_policy_source_place(source, at, 1), "%s",
			    source->text[at] == '\0' ? "a NUL byte" : "not UTF-8");
	source->broken = true;
	load->broken[file->kind] = true;
}

static void file_read(struct baton_load *load, struct baton_load_file *file)
{
	struct baton_policy_source *source = file->source;
	size_t n = 0, got = 0;
	ssize_t r = 1;
	char *text;
	int fd = file_open(load, file);

	if (fd < 0)
		return;
	if (!file_size_ok(load, file, fd, &n)) {
		close(fd);
		return;
	}
	text = baton_arena_alloc(&load->scratch, n + 1);
	while (got < n && r > 0) {
		r = read(fd, text + got, n - got);
		got += r > 0 ? (size_t)r : 0;
	}
	close(fd);
	if (r < 0) {
		file_refuse(load, file, "cannot be read: %s", strerror(errno));
		return;
	}
	source->text = text;
	source->n = got; /* it may have been cut meanwhile: then it is what it is */
	baton_policy_source_index(source, &load->scratch);
	file_bytes(load, file);
}

int baton_load_files(struct baton_load *load)
{
	DIR *dir = opendir(load->policy->path);

	if (!dir)
		return BATON_E_IO;
	root_scan(load, dir);
	closedir(dir);
	qsort(load->files, load->n_files, sizeof(*load->files), file_compare);
	if (load->n_files >= BATON_POLICY_FILES_MAX)
		baton_finding_error(&load->findings,
				    baton_policy_source_whole(source_new(load, ".")),
				    "more than %d files", (int)BATON_POLICY_FILES_MAX - 1);
	check_missing(load);
	for (size_t i = 0; i < load->n_files; i++)
		file_read(load, &load->files[i]);
	return 0;
}

/* The bytes of one file, for "3 files changed". */
static bool file_sha256(struct baton_load *load, const struct baton_policy_source *source,
			struct baton_policy_file *to)
{
	to->name = baton_arena_dup(&load->policy->arena, source->name, strlen(source->name));
	to->text = baton_arena_dup(&load->policy->arena, source->text, source->n);
	to->n = source->n;
	return EVP_Digest(source->text, source->n, to->sha256, NULL, EVP_sha256(), NULL) == 1;
}

void baton_load_version(const struct baton_policy_source *source, char version[9])
{
	uint8_t sum[32] = { 0 };

	(void)EVP_Digest(source->text, source->n, sum, NULL, EVP_sha256(), NULL);
	for (size_t i = 0; i < 4; i++)
		(void)snprintf(version + 2 * i, 3, "%02x", sum[i]);
}

void baton_load_sha256(struct baton_load *load)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool ok = ctx && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1;
	struct baton_policy *policy = load->policy;

	policy->files =
		baton_arena_alloc(&policy->arena, load->n_files * sizeof(*policy->files) + 1);
	for (size_t i = 0; i < load->n_files && ok; i++) {
		const struct baton_policy_source *source = load->files[i].source;
		uint64_t n = source->n; /* lengths keep "a" + "bc" apart from "ab" + "c" */

		ok = file_sha256(load, source, &policy->files[policy->n_files++]) &&
		     EVP_DigestUpdate(ctx, source->name, strlen(source->name) + 1) == 1 &&
		     EVP_DigestUpdate(ctx, &n, sizeof(n)) == 1 &&
		     EVP_DigestUpdate(ctx, source->text, source->n) == 1;
	}
	ok = ok && EVP_DigestFinal_ex(ctx, load->policy->sha256, NULL) == 1;
	EVP_MD_CTX_free(ctx);
	if (!ok)
		baton_finding_error(&load->findings,
				    baton_policy_source_whole(source_new(load, ".")),
				    "its checksum cannot be computed");
}

static int write_one(int dir, const struct baton_policy_file *file)
{
	const char *slash = strchr(file->name, '/');
	const char *p = file->text;
	char folder[NAME_MAX + 1];
	size_t left = file->n;
	ssize_t n = 1;

	if (slash) {
		snprintf(folder, sizeof(folder), "%.*s", (int)(slash - file->name), file->name);
		if (mkdirat(dir, folder, 0700) < 0 && errno != EEXIST)
			return BATON_E_IO;
	}
	int fd = openat(dir, file->name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return BATON_E_IO;
	while (left > 0 && n > 0) {
		n = write(fd, p, left);
		p += n > 0 ? n : 0;
		left -= n > 0 ? (size_t)n : 0;
	}
	return close(fd) == 0 && left == 0 ? 0 : BATON_E_IO;
}

int baton_policy_write(const struct baton_policy *policy, const char *dir)
{
	int rc = 0;
	int fd = mkdir(dir, 0700) == 0 ? open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;

	for (size_t i = 0; fd >= 0 && rc == 0 && i < policy->n_files; i++)
		rc = write_one(fd, &policy->files[i]);
	if (fd >= 0)
		close(fd);
	return fd < 0 ? BATON_E_IO : rc;
}
