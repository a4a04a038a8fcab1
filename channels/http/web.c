/* SPDX-License-Identifier: Apache-2.0 */

/* Reads the web folders into the table. Only plain files with a type we know, no dot files, no
 * symbolic links, a bounded number of bounded size: a stray editor backup or key is not published.
 *
 * The widget is served as it was built; a name that the build does not make (what the console
 * shares), or all of it without a build, comes from the sources. /w/src/ is the sources alone.
 */

#include "channels/http/web.h"

#include "core/base/hash.h"
#include "core/base/log.h"
#include "core/base/mem.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	FILES_MAX = 512,
	FILE_BYTES_MAX = 4 * 1024 * 1024,
	ALL_BYTES_MAX = 32 * 1024 * 1024,
	FOLDERS_MAX = 64, /* below one of the roots */
	PATH_BYTES_MAX = 256
};

static const struct {
	const char *folder, *prefix;
	bool is_widget;
} roots[] = {
	{ "shop", "/shop/", false },   { "console", "/console/", false },
	{ "admin", "/admin/", false }, { "widget/dist", "/w/1/", true },
	{ "widget", "/w/1/", true },   { "widget", "/w/src/", true },
};

static const struct {
	const char *suffix, *type;
} types[] = {
	{ ".html", "text/html; charset=utf-8" },
	{ ".js", "text/javascript; charset=utf-8" },
	{ ".mjs", "text/javascript; charset=utf-8" },
	{ ".js.gz", "text/javascript; charset=utf-8" },
	{ ".css", "text/css; charset=utf-8" },
	{ ".json", "application/json" },
	{ ".webmanifest", "application/manifest+json" },
	{ ".svg", "image/svg+xml" },
	{ ".png", "image/png" },
	{ ".ico", "image/x-icon" },
	{ ".webp", "image/webp" },
	{ ".woff2", "font/woff2" },
	{ ".txt", "text/plain; charset=utf-8" },
};

static const char *type_of(const char *name)
{
	size_t n = strlen(name);

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		size_t k = strlen(types[i].suffix);
		if (n > k && strcmp(name + n - k, types[i].suffix) == 0)
			return types[i].type;
	}
	return NULL;
}

/* Reads all of `fd`. False if it is no plain file, too large, or cannot be read. */
static bool slurp(int fd, size_t bytes_max, struct baton_buf *out)
{
	struct stat st;

	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || (size_t)st.st_size > bytes_max)
		return false;
	for (;;) {
		size_t room = (size_t)st.st_size - out->n + 1;
		ssize_t n = read(fd, baton_buf_room(out, room), room);
		if (n < 0)
			return false;
		if (n == 0)
			return true;
		out->n += (size_t)n;
		if (out->n > (size_t)st.st_size) /* it grows while we read */
			return false;
	}
}

static void add(struct baton_web *web, const char *path, bool is_widget, struct baton_buf *body)
{
	if (web->n == web->cap) {
		web->cap = web->cap ? 2 * web->cap : 16;
		web->files = baton_realloc(web->files, web->cap * sizeof(*web->files));
	}

	struct baton_web_file *file = &web->files[web->n++];
	*file = (struct baton_web_file){
		.path = baton_memdupz(path, strlen(path)),
		.type = type_of(path),
		.is_widget = is_widget,
		.body = *body,
	};
	(void)snprintf(file->etag, sizeof(file->etag), "\"%016" PRIx64 "\"",
		       baton_hash(body->p, body->n));
	web->bytes += body->n;
	*body = (struct baton_buf){ 0 };
}

static const struct baton_web_file *find(const struct baton_web *web, baton_str path)
{
	for (size_t i = 0; i < web->n; i++)
		if (baton_str_is(path, web->files[i].path))
			return &web->files[i];
	return NULL;
}

static void load_file(struct baton_web *web, int dir_fd, const char *name, size_t root,
		      const char *path)
{
	struct baton_buf body = { 0 };

	if (find(web, baton_str_of(path))) /* the build goes before the source */
		return;
	int fd = openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		return;
	if (web->n < FILES_MAX && web->bytes < ALL_BYTES_MAX && slurp(fd, FILE_BYTES_MAX, &body))
		add(web, path, roots[root].is_widget, &body);
	else
		baton_log(BATON_LOG_WARN, "web_file_skipped", "s", "path", path);
	baton_buf_done(&body);
	close(fd);
}

/* Folders still to be read, as paths below the root with a slash behind; no recursion. */
struct folders {
	char names[FOLDERS_MAX][PATH_BYTES_MAX];
	size_t n;
};

static void load_entry(struct baton_web *web, int dir_fd, const struct dirent *entry,
		       const char *below, struct folders *folders, size_t root)
{
	char path[PATH_BYTES_MAX];
	struct stat st;

	if (entry->d_name[0] == '.' || fstatat(dir_fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return;
	if (S_ISDIR(st.st_mode) && strcmp(entry->d_name, "dist") == 0)
		return; /* a root of its own */
	if (S_ISDIR(st.st_mode) && folders->n < FOLDERS_MAX) {
		int n = snprintf(folders->names[folders->n], PATH_BYTES_MAX, "%s%s/", below,
				 entry->d_name);
		folders->n += n < PATH_BYTES_MAX;
	} else if (S_ISREG(st.st_mode) && type_of(entry->d_name)) {
		int n = snprintf(path, sizeof(path), "%s%s%s", roots[root].prefix, below,
				 entry->d_name);
		if (n < (int)sizeof(path))
			load_file(web, dir_fd, entry->d_name, root, path);
	}
}

static void load_folder(struct baton_web *web, const char *dir, const char *below,
			struct folders *folders, size_t root)
{
	char path[4096];
	int n = snprintf(path, sizeof(path), "%s/%s/%s", dir, roots[root].folder, below);
	DIR *open_dir = n < (int)sizeof(path) ? opendir(path) : NULL;

	if (!open_dir)
		return;
	for (const struct dirent *entry; (entry = readdir(open_dir));)
		load_entry(web, dirfd(open_dir), entry, below, folders, root);
	closedir(open_dir);
}

void baton_web_load(struct baton_web *web, const char *dir)
{
	struct folders *folders = baton_new(struct folders);

	*web = (struct baton_web){ 0 };
	for (size_t root = 0; dir && root < sizeof(roots) / sizeof(roots[0]); root++) {
		folders->names[0][0] = '\0';
		folders->n = 1;
		for (size_t i = 0; i < folders->n; i++)
			load_folder(web, dir, folders->names[i], folders, root);
	}
	baton_free(folders);
}

void baton_web_done(struct baton_web *web)
{
	for (size_t i = 0; i < web->n; i++) {
		baton_free(web->files[i].path);
		baton_buf_done(&web->files[i].body);
	}
	baton_free(web->files);
	*web = (struct baton_web){ 0 };
}

const struct baton_web_file *baton_web_gzip(const struct baton_web *web,
					    const struct baton_web_file *file)
{
	char path[PATH_BYTES_MAX + 8];
	int n = snprintf(path, sizeof(path), "%s.gz", file->path);

	return n < (int)sizeof(path) ? find(web, (baton_str){ path, (size_t)n }) : NULL;
}

const struct baton_web_file *baton_web_find(const struct baton_web *web, baton_str path)
{
	char index[PATH_BYTES_MAX + 16];

	if (path.n == 0 || path.n > PATH_BYTES_MAX)
		return NULL;
	if (path.p[path.n - 1] != '/')
		return find(web, path);
	int n = snprintf(index, sizeof(index), "%.*sindex.html", (int)path.n, path.p);
	return find(web, (baton_str){ index, (size_t)n });
}
