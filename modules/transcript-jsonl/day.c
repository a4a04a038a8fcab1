/* SPDX-License-Identifier: Apache-2.0 */

/* Surprising: after an fdatasync that failed, Linux may have dropped the dirty pages, so what was
 * written is not known to be there. The file is then cut back and read again before it is used. */
#include "day.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* Out of memory is told as ENOMEM; uthash must not end the server's process. */
#define HASH_NONFATAL_OOM 1
#define uthash_nonfatal_oom(e) ((e)->lost = true)
#define HASH_FUNCTION(key, n, hash) ((hash) = fnv1a((key), (n)))

static unsigned fnv1a(const void *key, size_t n)
{
	const unsigned char *p = key;
	uint64_t hash = 14695981039346656037u;
	for (size_t i = 0; i < n; i++)
		hash = (hash ^ p[i]) * 1099511628211u;
	return (unsigned)(hash ^ hash >> 32);
}

#include <uthash.h>

enum { READ_BYTES = 64 * 1024, HEAD_BYTES = 160, SESSION_BYTES = 64, DAY_MS = 86400000 };

struct day_seen {
	uint64_t seq, before; /* before: as of the last sync */
	bool lost;
	UT_hash_handle hh;
	char session[];
};

void day_init(struct day *day)
{
	memset(day, 0, sizeof(*day));
	day->fd = -1;
}

void day_done(struct day *day)
{
	struct day_seen *s, *next;
	HASH_ITER(hh, day->seen, s, next) {
		HASH_DEL(day->seen, s);
		free(s);
	}
	if (day->fd >= 0)
		(void)close(day->fd);
	day_init(day);
}

static struct day_seen *seen_of(struct day *day, const char *session, size_t n)
{
	struct day_seen *s;
	HASH_FIND(hh, day->seen, session, n, s);
	if (s)
		return s;
	s = calloc(1, sizeof(*s) + n + 1);
	if (!s)
		return NULL;
	memcpy(s->session, session, n);
	HASH_ADD(hh, day->seen, session, n, s);
	if (!s->lost)
		return s;
	free(s);
	return NULL;
}

/* --- reading what is there ---------------------------------------------------------------- */

/* Our own lines begin {"session":"<id>","seq":<n>, ; others are left alone. */
static int take_head(struct day *day, const char *line)
{
	static const char begin[] = "{\"session\":\"", middle[] = "\",\"seq\":";
	if (strncmp(line, begin, sizeof(begin) - 1) != 0)
		return 0;
	const char *session = line + sizeof(begin) - 1, *end = strstr(session, middle);
	if (!end || end - session > SESSION_BYTES)
		return 0;
	char *rest;
	unsigned long long seq = strtoull(end + sizeof(middle) - 1, &rest, 10);
	if (*rest != ',')
		return 0;
	struct day_seen *s = seen_of(day, session, (size_t)(end - session));
	if (!s)
		return ENOMEM;
	if (seq > s->seq)
		s->seq = s->before = seq;
	return 0;
}

/* Reads in pieces of bounded size; of each line only the head is kept. */
struct scan {
	char head[HEAD_BYTES + 1];
	size_t head_n;
	uint64_t at, whole; /* bytes read; bytes up to the end of the last whole line */
};

static int scan_piece(struct day *day, struct scan *scan, const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		scan->at++;
		if (p[i] != '\n') {
			if (scan->head_n < HEAD_BYTES)
				scan->head[scan->head_n++] = p[i];
			continue;
		}
		scan->head[scan->head_n] = 0;
		scan->head_n = 0;
		scan->whole = scan->at;
		int rc = take_head(day, scan->head);
		if (rc)
			return rc;
	}
	return 0;
}

static int read_day(struct day *day)
{
	struct scan scan = { .head_n = 0 };
	char *piece = malloc(READ_BYTES);
	int rc = piece ? 0 : ENOMEM;
	while (rc == 0) {
		ssize_t n = pread(day->fd, piece, READ_BYTES, (off_t)scan.at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n == 0)
			break;
		rc = n < 0 ? errno : scan_piece(day, &scan, piece, (size_t)n);
	}
	free(piece);
	/* A crash in the middle of a line: that event was never acknowledged and comes again. */
	if (rc == 0 && scan.at > scan.whole && ftruncate(day->fd, (off_t)scan.whole) < 0)
		rc = errno;
	day->bytes = scan.whole;
	return rc;
}

/* The name of a new file must survive a crash, too. */
static int sync_dir(const char *dir)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc = fd < 0 || fsync(fd) < 0 ? errno : 0;
	if (fd >= 0)
		(void)close(fd);
	return rc;
}

/* The folder, and its name in the one above. */
static int make_dir(const char *dir)
{
	char above[1200];
	const char *slash = strrchr(dir, '/');
	if (mkdir(dir, 0700) < 0)
		return errno == EEXIST ? 0 : errno;
	int n = slash ? snprintf(above, sizeof(above), "%.*s/", (int)(slash - dir), dir)
		      : snprintf(above, sizeof(above), ".");
	return n > 0 && (size_t)n < sizeof(above) ? sync_dir(above) : ENAMETOOLONG;
}

static int open_day(struct day *day, const char *dir, int64_t number)
{
	char path[1200];
	struct tm tm;
	time_t t = (time_t)(number * (DAY_MS / 1000));
	day_done(day);
	if (!gmtime_r(&t, &tm))
		return EINVAL;
	int n = snprintf(path, sizeof(path), "%s/%04d-%02d-%02d.jsonl", dir, tm.tm_year + 1900,
			 tm.tm_mon + 1, tm.tm_mday);
	if (n < 0 || (size_t)n >= sizeof(path))
		return ENAMETOOLONG;
	int made = make_dir(dir);
	if (made)
		return made;
	day->fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (day->fd < 0)
		return errno;
	/* Two writers would overwrite each other; during a swap the older one is gone in a moment.
	 */
	int rc = flock(day->fd, LOCK_EX | LOCK_NB) < 0 ? EBUSY : read_day(day);
	if (rc == 0 && day->bytes == 0)
		rc = sync_dir(dir);
	if (rc)
		day_done(day);
	day->number = number;
	return rc;
}

/* --- appending ---------------------------------------------------------------------------- */

static int write_at(int fd, const char *p, size_t n, uint64_t at)
{
	while (n > 0) {
		ssize_t w = pwrite(fd, p, n, (off_t)at);
		if (w < 0 && errno == EINTR)
			continue;
		if (w <= 0)
			return w < 0 ? errno : EIO;
		p += w;
		n -= (size_t)w;
		at += (uint64_t)w;
	}
	return 0;
}

/* Lines [from, to) are of the open day. */
static int write_lines(struct day *day, const struct day_line *lines, size_t from, size_t to,
		       uint64_t *at)
{
	for (size_t i = from; i < to; i++) {
		const struct day_line *line = &lines[i];
		struct day_seen *s = seen_of(day, line->session, strlen(line->session));
		if (!s)
			return ENOMEM;
		if (line->seq <= s->seq)
			continue;
		int rc = write_at(day->fd, line->text, line->n, *at);
		if (rc)
			return rc;
		*at += line->n;
		s->seq = line->seq;
	}
	return 0;
}

static void settle(struct day *day, const struct day_line *lines, size_t from, size_t to, bool kept)
{
	for (size_t i = from; i < to; i++) {
		struct day_seen *s;
		HASH_FIND(hh, day->seen, lines[i].session, strlen(lines[i].session), s);
		if (s && kept)
			s->before = s->seq;
		else if (s)
			s->seq = s->before;
	}
}

static int append_day(struct day *day, const struct day_line *lines, size_t from, size_t to)
{
	uint64_t at = day->bytes;
	int rc = write_lines(day, lines, from, to, &at);
	if (rc == 0 && at > day->bytes && fdatasync(day->fd) < 0)
		rc = errno;
	settle(day, lines, from, to, rc == 0);
	if (rc == 0)
		day->bytes = at;
	else if (ftruncate(day->fd, (off_t)day->bytes) < 0 || fdatasync(day->fd) < 0)
		day->broken = true;
	return rc;
}

int day_append(struct day *day, const char *dir, const struct day_line *lines, size_t n)
{
	int rc = 0;
	for (size_t from = 0, to; rc == 0 && from < n; from = to) {
		int64_t number = (int64_t)(lines[from].unix_ms / DAY_MS);
		for (to = from + 1; to < n && (int64_t)(lines[to].unix_ms / DAY_MS) == number; to++)
			continue;
		if (day->fd < 0 || day->number != number || day->broken)
			rc = open_day(day, dir, number);
		if (rc == 0)
			rc = append_day(day, lines, from, to);
	}
	return rc;
}
