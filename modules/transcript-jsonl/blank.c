/* SPDX-License-Identifier: Apache-2.0 */

/* Why in place: a file that is written anew and renamed would have to be kept apart from the one
 * that is being appended to, and a crash between the two would leave both. A line that a crash left
 * half overwritten is whole again when the same event is handed out again, which it is until we say
 * that it is done.
 *
 * What this cannot reach: copies that others made, and blocks that the file system or the disk has
 * put elsewhere. docs/TRANSCRIPTS.md says so. */
#include "blank.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

static const char begin[] = "{\"session\":\"", erased[] = ",\"type\":\"session_erased\",",
		  opened[] = ",\"type\":\"session_opened\",", data[] = ",\"data\":";

/* One line: what is between its quotes, and where its data begins. */
struct line {
	const char *session, *value; /* value: behind "data": */
	size_t n_session, n_value;   /* with the line's own } */
	bool is_erasure, is_opening;
};

/* Ids and types are plain, so the first "data": is ours. false: not a line of ours. */
static bool line_read(const char *p, size_t n, struct line *line)
{
	size_t n_begin = sizeof(begin) - 1;
	const char *at;

	if (n < n_begin + 2 || memcmp(p, begin, n_begin) != 0 || p[n - 1] != '}')
		return false;
	line->session = p + n_begin;
	at = memchr(line->session, '"', n - n_begin);
	const char *value = memmem(p, n, data, sizeof(data) - 1);
	if (!at || !value || at > value)
		return false;
	line->n_session = (size_t)(at - line->session);
	line->value = value + sizeof(data) - 1;
	line->n_value = n - (size_t)(line->value - p);
	/* The type stands right before the data. */
	size_t n_head = (size_t)(value - p) + 1;
	line->is_erasure = n_head > sizeof(erased) - 1 && memcmp(p + n_head - (sizeof(erased) - 1),
								 erased, sizeof(erased) - 1) == 0;
	line->is_opening = n_head > sizeof(opened) - 1 && memcmp(p + n_head - (sizeof(opened) - 1),
								 opened, sizeof(opened) - 1) == 0;
	return line->n_value >= 3;
}

struct names {
	char **v;
	size_t n, cap;
};

static bool names_has(const char *const *v, size_t n, const struct line *line)
{
	for (size_t i = 0; i < n; i++)
		if (strlen(v[i]) == line->n_session &&
		    memcmp(v[i], line->session, line->n_session) == 0)
			return true;
	return false;
}

/* What is done with each line of ours; errno or 0. `at`: of its data in the file `fd`. */
typedef int line_fn(void *ud, int fd, off_t at, const struct line *line);

static int lines_walk(FILE *file, line_fn *fn, void *ud)
{
	char *text = NULL;
	size_t cap = 0;
	off_t at = 0;
	ssize_t n;
	int rc = 0;

	while (rc == 0 && (n = getline(&text, &cap, file)) > 0) {
		struct line line;

		if (text[n - 1] == '\n' && line_read(text, (size_t)n - 1, &line))
			rc = fn(ud, fileno(file), at + (line.value - text), &line);
		at += n;
	}
	if (rc == 0 && ferror(file))
		rc = EIO;
	free(text);
	return rc;
}

/* Nobody may write to it meanwhile: an older instance that has not ended yet is waited for by
 * trying again. */
static int file_walk(int dir, const char *name, line_fn *fn, void *ud)
{
	int fd = openat(dir, name, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	FILE *file = fd < 0 ? NULL : fdopen(fd, "r+");

	if (!file) {
		int rc = errno;
		if (fd >= 0)
			(void)close(fd);
		return rc;
	}
	int rc = flock(fd, LOCK_EX | LOCK_NB) < 0 ? EBUSY : lines_walk(file, fn, ud);
	if (rc == 0 && fdatasync(fd) < 0)
		rc = errno;
	(void)fclose(file);
	return rc;
}

static int dir_walk(const char *path, line_fn *fn, void *ud)
{
	DIR *dir = opendir(path);
	int rc = dir ? 0 : errno;

	if (!dir)
		return rc == ENOENT ? 0 : rc;
	for (struct dirent *e = readdir(dir); rc == 0 && e; e = readdir(dir)) {
		size_t n = strlen(e->d_name);

		if (n > 6 && strcmp(e->d_name + n - 6, ".jsonl") == 0)
			rc = file_walk(dirfd(dir), e->d_name, fn, ud);
	}
	(void)closedir(dir);
	return rc;
}

/* --- blanking ----------------------------------------------------------------------------- */

struct wanted {
	const char *const *sessions;
	size_t n;
};

static int blank(void *ud, int fd, off_t at, const struct line *line)
{
	const struct wanted *wanted = ud;
	int rc = 0;

	if (line->is_erasure || !names_has(wanted->sessions, wanted->n, line))
		return 0;
	char *text = malloc(line->n_value);
	if (!text)
		return ENOMEM;
	memset(text, ' ', line->n_value);
	memcpy(text, "{}", 2);
	text[line->n_value - 1] = '}';
	for (size_t done = 0; rc == 0 && done < line->n_value;) {
		ssize_t n = pwrite(fd, text + done, line->n_value - done, at + (off_t)done);

		if (n < 0 && errno != EINTR)
			rc = errno;
		done += n > 0 ? (size_t)n : 0;
	}
	free(text);
	return rc;
}

int blank_sessions(const char *dir, const char *const *sessions, size_t n)
{
	struct wanted wanted = { sessions, n };

	return n ? dir_walk(dir, blank, &wanted) : 0;
}

/* --- whose sessions ----------------------------------------------------------------------- */

struct search {
	const char *customer;
	struct names found;
};

static int find(void *ud, int fd, off_t at, const struct line *line)
{
	struct search *search = ud;
	struct names *found = &search->found;

	(void)fd;
	(void)at;
	if (!line->is_opening)
		return 0;
	json_t *json = json_loadb(line->value, line->n_value - 1, 0, NULL);
	const char *customer = json_string_value(json_object_get(json, "customer"));
	bool hit = customer && strcmp(customer, search->customer) == 0;
	json_decref(json);
	if (!hit)
		return 0;
	if (found->n == found->cap) {
		size_t cap = found->cap ? found->cap * 2 : 16;
		char **v = realloc(found->v, cap * sizeof(*v));

		if (!v)
			return ENOMEM;
		found->v = v;
		found->cap = cap;
	}
	found->v[found->n] = strndup(line->session, line->n_session);
	return found->v[found->n] ? (found->n++, 0) : ENOMEM;
}

int blank_customer(const char *dir, const char *customer)
{
	struct search search = { .customer = customer };
	int rc = dir_walk(dir, find, &search);

	if (rc == 0)
		rc = blank_sessions(dir, (const char *const *)search.found.v, search.found.n);
	for (size_t i = 0; i < search.found.n; i++)
		free(search.found.v[i]);
	free(search.found.v);
	return rc;
}
