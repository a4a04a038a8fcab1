/* SPDX-License-Identifier: Apache-2.0 */

/* Taking and comparing what a process has only one of. Nothing is read by changing it: the mask
 * comes from /proc, since umask() can only be asked by setting it, and another thread may create a
 * file just then. */
#include "core/module/surroundings.h"

#include "core/base/mem.h"
#include "core/module/beacon.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <locale.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SIGNALS = 65, STATUS_BYTES = 8192 };

/* A number behind `key` in /proc/self/status; UINT_MAX if it is not told there. */
static unsigned status_number(const char *key, int base)
{
	char text[STATUS_BYTES];
	int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd >= 0 ? read(fd, text, sizeof(text) - 1) : -1;
	if (fd >= 0)
		(void)close(fd);
	text[n > 0 ? n : 0] = 0;
	const char *at = strstr(text, key);
	return at ? (unsigned)strtoul(at + strlen(key), NULL, base) : UINT32_MAX;
}

static unsigned count_fds(void)
{
	unsigned n = 0;
	DIR *dir = opendir("/proc/self/fd");
	for (struct dirent *e = dir ? readdir(dir) : NULL; e; e = readdir(dir))
		n += e->d_name[0] != '.';
	if (dir)
		(void)closedir(dir);
	return n;
}

static uint64_t hash_environ(void)
{
	uint64_t h = 14695981039346656037u; /* FNV-1a */
	for (char **e = environ; e && *e; e++)
		for (const char *p = *e;; p++) {
			h = (h ^ (unsigned char)*p) * 1099511628211u;
			if (*p == 0)
				break;
		}
	return h;
}

static void take_directory(struct baton_surroundings *s)
{
	char path[PATH_MAX];
	struct stat st = { .st_ino = 0 };
	(void)stat(".", &st);
	s->directory_dev = st.st_dev;
	s->directory_ino = st.st_ino;
	if (getcwd(path, sizeof(path)))
		s->directory = baton_memdupz(path, strlen(path));
}

void baton_surroundings_take(unsigned what, struct baton_surroundings *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->what = what;
	/* First: what is opened below must not count. */
	if (what & BATON_SURROUND_FDS)
		ret->fds = count_fds();
	if (what & BATON_SURROUND_THREADS)
		ret->threads = status_number("\nThreads:", 10);
	if (what & BATON_SURROUND_UMASK)
		ret->umask = status_number("\nUmask:", 8);
	if (what & BATON_SURROUND_ENVIRON)
		ret->environ_hash = hash_environ();
	if (what & BATON_SURROUND_LOCALE) {
		const char *locale = setlocale(LC_ALL, NULL);
		ret->locale = baton_memdupz(locale ? locale : "C", strlen(locale ? locale : "C"));
	}
	if (what & BATON_SURROUND_DIRECTORY)
		take_directory(ret);
	if (what & BATON_SURROUND_SIGNALS) {
		ret->signals = baton_alloc(SIGNALS * sizeof(*ret->signals));
		for (int i = 1; i < SIGNALS; i++)
			(void)sigaction(i, NULL, &ret->signals[i]);
	}
}

__attribute__((format(printf, 2, 3))) static void tell(struct baton_buf *changed, const char *fmt,
						       ...)
{
	char text[160];
	va_list ap;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (changed->n > 0)
		baton_buf_z(changed, ", ");
	baton_buf_z(changed, text);
}

static unsigned settle_signals(struct baton_surroundings *s, struct baton_buf *changed)
{
	unsigned bits = 0;
	for (int i = 1; i < SIGNALS; i++) {
		struct sigaction now;
		if (sigaction(i, NULL, &now) < 0 || now.sa_handler == s->signals[i].sa_handler)
			continue;
		const char *name = sigabbrev_np(i);
		tell(changed, "handler of SIG%s", name ? name : "RT");
		(void)sigaction(i, &s->signals[i], NULL);
		bits = BATON_SURROUND_SIGNALS;
	}
	return bits;
}

static unsigned settle_locale(struct baton_surroundings *s, struct baton_buf *changed)
{
	const char *now = setlocale(LC_ALL, NULL);
	if (now && strcmp(now, s->locale) == 0)
		return 0;
	tell(changed, "locale");
	(void)setlocale(LC_ALL, s->locale);
	return BATON_SURROUND_LOCALE;
}

static unsigned settle_directory(struct baton_surroundings *s, struct baton_buf *changed)
{
	struct stat is;
	if (stat(".", &is) == 0 && is.st_dev == s->directory_dev && is.st_ino == s->directory_ino)
		return 0;
	bool back = s->directory && chdir(s->directory) == 0;
	tell(changed,
	     back ? "working directory" : "working directory, which cannot be gone back to");
	return BATON_SURROUND_DIRECTORY;
}

static unsigned settle_umask(struct baton_surroundings *s, struct baton_buf *changed)
{
	mode_t now = status_number("\nUmask:", 8);
	if (now == s->umask)
		return 0;
	tell(changed, "file mode mask");
	(void)umask(s->umask);
	return BATON_SURROUND_UMASK;
}

/* More than before; fewer is no sin. */
static unsigned settle_count(unsigned now, unsigned was, const char *what, unsigned bit,
			     struct baton_buf *changed)
{
	if (now == UINT32_MAX || now <= was)
		return 0;
	tell(changed, "%u more %s", now - was, what);
	return bit;
}

unsigned baton_surroundings_settle(struct baton_surroundings *surroundings,
				   struct baton_buf *changed)
{
	struct baton_surroundings *s = surroundings;
	unsigned bits = 0;
	if (s->what & BATON_SURROUND_SIGNALS)
		bits |= settle_signals(s, changed);
	if (s->what & BATON_SURROUND_LOCALE)
		bits |= settle_locale(s, changed);
	if (s->what & BATON_SURROUND_DIRECTORY)
		bits |= settle_directory(s, changed);
	if (s->what & BATON_SURROUND_UMASK)
		bits |= settle_umask(s, changed);
	if ((s->what & BATON_SURROUND_ENVIRON) && hash_environ() != s->environ_hash) {
		tell(changed, "environment");
		bits |= BATON_SURROUND_ENVIRON;
	}
	if (s->what & BATON_SURROUND_FDS)
		bits |= settle_count(count_fds(), s->fds, "open descriptors", BATON_SURROUND_FDS,
				     changed);
	if (s->what & BATON_SURROUND_THREADS)
		bits |= settle_count(status_number("\nThreads:", 10), s->threads, "threads",
				     BATON_SURROUND_THREADS, changed);
	baton_surroundings_done(s);
	return bits;
}

unsigned baton_surroundings_drop_handlers(const struct baton_place *place,
					  struct baton_buf *changed)
{
	unsigned bits = 0;
	for (int i = 1; i < SIGNALS; i++) {
		struct sigaction now, none = { .sa_handler = SIG_DFL };
		uintptr_t code;
		if (sigaction(i, NULL, &now) < 0)
			continue;
		memcpy(&code, &now.sa_handler, sizeof(code));
		if (!baton_place_has(place, code))
			continue;
		const char *name = sigabbrev_np(i);
		tell(changed, "handler of SIG%s", name ? name : "RT");
		(void)sigaction(i, &none, NULL);
		bits = BATON_SURROUND_SIGNALS;
	}
	return bits;
}

void baton_surroundings_done(struct baton_surroundings *surroundings)
{
	baton_free(surroundings->directory);
	surroundings->directory = NULL;
	baton_free(surroundings->signals);
	baton_free(surroundings->locale);
	surroundings->signals = NULL;
	surroundings->locale = NULL;
	surroundings->what = 0;
}
