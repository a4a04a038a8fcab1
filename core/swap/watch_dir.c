/* SPDX-License-Identifier: Apache-2.0 */

/* Events only say that it is worth looking; what has changed is what has other bytes. */

#include "core/swap/watch_dir.h"

#include "core/base/log.h"
#include "core/base/mem.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/evp.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	SECOND_LOOK_PART = 4, /* of settle_ms: how long after the first look the second one is */
	SECOND_LOOK_MIN_MS = 20,
	FILES_MAX = 8192,
	EVENTS_BYTES = 16384,
	FOLDERS_MAX = 64
};

static const uint32_t events_of_interest = IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM |
					   IN_DELETE | IN_CREATE | IN_DELETE_SELF | IN_MOVE_SELF;

typedef struct {
	uint8_t b[32];
} digest; /* of all names and bytes; zero: could not be read */

/* One look, on a pool thread. Counted: the watch may end before it does. */
struct look {
	struct baton_dir_watch *watch; /* NULL: nobody waits for it any more; the loop's to write */
	char *path;
	const char *const *ends;
	digest result;
};

struct baton_dir_watch {
	struct baton_loop *loop;
	struct baton_dir_watch_options options;
	char *path, *parent, *name; /* name: of the directory within its parent */
	int fd;
	int parent_wd;
	uint64_t watching, timer;
	struct look *look; /* under way */
	bool changed;      /* meanwhile: look again */
	bool began;        /* `told` is what was there at the start, or was told last */
	bool once;         /* `seen` is the first of two looks */
	digest told, seen;
};

/* --- what counts ----------------------------------------------------------------------------- */

bool baton_dir_watch_counts(const char *name, const char *const *ends)
{
	size_t n = strlen(name);

	if (name[0] == '.' || name[0] == '#')
		return false;
	for (; *ends; ends++)
		if (n > strlen(*ends) && strcmp(name + n - strlen(*ends), *ends) == 0)
			return true;
	return false;
}

/* The link that Kubernetes exchanges when a ConfigMap changes. */
static bool is_exchanged_link(const char *name)
{
	return strcmp(name, "..data") == 0;
}

/* --- a look at all bytes [pool] -------------------------------------------------------------- */

struct names {
	char **v;
	size_t n;
};

static void names_add(struct names *names, const char *folder, const char *name)
{
	char path[PATH_MAX];

	if (names->n == FILES_MAX)
		return;
	snprintf(path, sizeof(path), "%s%s%s", folder, folder[0] ? "/" : "", name);
	names->v[names->n++] = baton_memdupz(path, strlen(path));
}

static bool is_folder(int dir, const char *name)
{
	struct stat st;

	return fstatat(dir, name, &st, 0) == 0 && S_ISDIR(st.st_mode);
}

/* One level of folders: a set has no more. */
static void names_of(int root, const char *folder, const char *const *ends, struct names *names)
{
	int fd = openat(root, folder[0] ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *entry;

	while (dir && (entry = readdir(dir)) != NULL) {
		if (baton_dir_watch_counts(entry->d_name, ends))
			names_add(names, folder, entry->d_name);
		else if (!folder[0] && entry->d_name[0] != '.' && is_folder(fd, entry->d_name))
			names_of(root, entry->d_name, ends, names);
	}
	if (dir)
		closedir(dir);
	else if (fd >= 0)
		close(fd);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void digest_file(EVP_MD_CTX *ctx, int root, const char *name)
{
	char bytes[65536];
	uint64_t total = 0;
	ssize_t n = 0;
	/* Never waits: a pipe may have nobody at its other end. */
	int fd = openat(root, name, O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	(void)EVP_DigestUpdate(ctx, name, strlen(name) + 1);
	while (fd >= 0 && (n = read(fd, bytes, sizeof(bytes))) > 0) {
		(void)EVP_DigestUpdate(ctx, bytes, (size_t)n);
		total += (uint64_t)n;
	}
	(void)EVP_DigestUpdate(ctx, &total, sizeof(total));
	if (fd >= 0)
		close(fd);
}

static void look_work(void *ud)
{
	struct look *look = ud;
	struct names names = { baton_alloc(FILES_MAX * sizeof(char *)), 0 };
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	int root = open(look->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (root >= 0 && ctx && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1) {
		names_of(root, "", look->ends, &names);
		qsort(names.v, names.n, sizeof(*names.v), by_name);
		for (size_t i = 0; i < names.n; i++)
			digest_file(ctx, root, names.v[i]);
		(void)EVP_DigestFinal_ex(ctx, look->result.b, NULL);
	}
	while (names.n > 0)
		baton_free(names.v[--names.n]);
	baton_free(names.v);
	EVP_MD_CTX_free(ctx);
	if (root >= 0)
		close(root);
}

/* --- quiet, look, look again ----------------------------------------------------------------- */

static void look_begin(void *ud);

static void wait_then_look(struct baton_dir_watch *watch, uint64_t ms)
{
	if (watch->timer)
		(void)baton_loop_timer_stop(watch->loop, watch->timer);
	watch->timer = baton_loop_timer(watch->loop, ms, look_begin, watch);
}

static uint64_t second_look_ms(const struct baton_dir_watch *watch)
{
	uint64_t ms = watch->options.settle_ms / SECOND_LOOK_PART;

	return ms > SECOND_LOOK_MIN_MS ? ms : SECOND_LOOK_MIN_MS;
}

static bool same(const digest *a, const digest *b)
{
	return memcmp(a->b, b->b, sizeof(a->b)) == 0;
}

static void take_look(struct baton_dir_watch *watch, const digest *result)
{
	if (!watch->began) {
		watch->began = true;
		watch->told = *result;
		if (watch->changed)
			wait_then_look(watch, watch->options.settle_ms);
		watch->changed = false;
		return;
	}
	if (watch->changed) {
		watch->changed = watch->once = false;
		wait_then_look(watch, watch->options.settle_ms);
		return;
	}
	if (!watch->once || !same(result, &watch->seen)) {
		watch->once = true;
		watch->seen = *result;
		wait_then_look(watch, second_look_ms(watch));
		return;
	}
	watch->once = false;
	if (same(result, &watch->told))
		return;
	watch->told = *result;
	watch->options.settled(watch->options.ud);
}

static void look_free(struct look *look)
{
	baton_free(look->path);
	baton_free(look);
}

static void look_done(void *ud)
{
	struct look *look = ud;
	struct baton_dir_watch *watch = look->watch;

	if (watch) {
		watch->look = NULL;
		take_look(watch, &look->result);
	}
	look_free(look);
}

static void look_begin(void *ud)
{
	struct baton_dir_watch *watch = ud;
	struct look *look;

	watch->timer = 0;
	if (watch->look) { /* one is under way: its end comes back here */
		watch->changed = true;
		return;
	}
	look = baton_new(struct look);
	look->watch = watch;
	look->path = baton_memdupz(watch->path, strlen(watch->path));
	look->ends = watch->options.ends;
	watch->look = look;
	if (baton_loop_job(watch->loop, look_work, look_done, look) == 0)
		return;
	watch->look = NULL;
	look_free(look);
	wait_then_look(watch, watch->options.settle_ms);
}

static void touched(struct baton_dir_watch *watch)
{
	watch->once = false;
	if (watch->look)
		watch->changed = true;
	else
		wait_then_look(watch, watch->options.settle_ms);
}

/* --- events ---------------------------------------------------------------------------------- */

static void listen_to(struct baton_dir_watch *watch, const char *path)
{
	if (inotify_add_watch(watch->fd, path, events_of_interest | IN_ONLYDIR) < 0 &&
	    errno != ENOENT)
		baton_log(BATON_LOG_WARN, "dir_not_watched", "ss", "path", path, "why",
			  strerror(errno));
}

/* The same folder twice is the same watch: what is listened to already is not disturbed. */
static void listen_to_all(struct baton_dir_watch *watch)
{
	DIR *dir = opendir(watch->path);
	struct dirent *entry;
	char path[PATH_MAX];
	unsigned n = 0;

	watch->parent_wd =
		inotify_add_watch(watch->fd, watch->parent,
				  IN_MOVED_TO | IN_CREATE | IN_MOVED_FROM | IN_DELETE | IN_ONLYDIR);
	listen_to(watch, watch->path);
	while (dir && n < FOLDERS_MAX && (entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] == '.' || !is_folder(dirfd(dir), entry->d_name) ||
		    snprintf(path, sizeof(path), "%s/%s", watch->path, entry->d_name) >=
			    (int)sizeof(path))
			continue;
		listen_to(watch, path);
		n++;
	}
	if (dir)
		closedir(dir);
}

/* True: it is worth looking. */
static bool matters(struct baton_dir_watch *watch, const struct inotify_event *event)
{
	const char *name = event->len > 0 ? event->name : "";

	if (event->mask & (IN_Q_OVERFLOW | IN_DELETE_SELF | IN_MOVE_SELF | IN_IGNORED)) {
		listen_to_all(watch);
		return true;
	}
	if (event->wd == watch->parent_wd && strcmp(name, watch->name) == 0) {
		listen_to_all(watch);
		return true;
	}
	if ((event->mask & IN_ISDIR) && name[0] != '.') {
		listen_to_all(watch);
		return event->wd != watch->parent_wd;
	}
	/* A file that is only created has nothing in it yet; a link has all it will have. */
	return event->wd != watch->parent_wd &&
	       (is_exchanged_link(name) || baton_dir_watch_counts(name, watch->options.ends));
}

static void on_readable(void *ud, bool readable, bool writable)
{
	struct baton_dir_watch *watch = ud;
	_Alignas(struct inotify_event) char bytes[EVENTS_BYTES];
	bool worth = false;
	ssize_t n;

	(void)readable;
	(void)writable;
	while ((n = read(watch->fd, bytes, sizeof(bytes))) > 0) {
		for (char *at = bytes; at < bytes + n;) {
			const struct inotify_event *event =
				(const struct inotify_event *)(const void *)at;

			worth |= matters(watch, event);
			at += sizeof(*event) + event->len;
		}
	}
	if (worth)
		touched(watch);
}

/* --- life ------------------------------------------------------------------------------------ */

/* "a/b" -> "a" and "b"; "b" -> "." and "b"; what ends in slashes is cut there. */
static void split(struct baton_dir_watch *watch)
{
	size_t n = strlen(watch->path);

	while (n > 1 && watch->path[n - 1] == '/')
		watch->path[--n] = '\0';
	const char *slash = strrchr(watch->path, '/');
	size_t upto = slash ? (size_t)(slash - watch->path) : 0;
	watch->parent = !slash      ? baton_memdupz(".", 1)
			: upto == 0 ? baton_memdupz("/", 1)
				    : baton_memdupz(watch->path, upto);
	const char *name = slash ? slash + 1 : watch->path;
	watch->name = baton_memdupz(name, strlen(name));
}

struct baton_dir_watch *baton_dir_watch_new(struct baton_loop *loop,
					    const struct baton_dir_watch_options *options)
{
	int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	struct baton_dir_watch *watch;

	if (fd < 0) {
		baton_log(BATON_LOG_WARN, "dir_not_watched", "ss", "path", options->path, "why",
			  strerror(errno));
		return NULL;
	}
	watch = baton_new(struct baton_dir_watch);
	watch->loop = loop;
	watch->options = *options;
	watch->fd = fd;
	watch->path = baton_memdupz(options->path, strlen(options->path));
	split(watch);
	listen_to_all(watch);
	watch->watching = baton_loop_watch(loop, fd, true, false, on_readable, watch);
	look_begin(watch);
	return watch;
}

void baton_dir_watch_settle(struct baton_dir_watch *watch, uint32_t settle_ms)
{
	watch->options.settle_ms = settle_ms;
}

void baton_dir_watch_free(struct baton_dir_watch **watch)
{
	struct baton_dir_watch *w = *watch;

	*watch = NULL;
	if (!w)
		return;
	if (w->look)
		w->look->watch = NULL;
	if (w->timer)
		(void)baton_loop_timer_stop(w->loop, w->timer);
	baton_loop_watch_stop(w->loop, w->watching);
	close(w->fd);
	baton_free(w->path);
	baton_free(w->parent);
	baton_free(w->name);
	baton_free(w);
}
