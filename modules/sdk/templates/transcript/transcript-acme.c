/* SPDX-License-Identifier: Apache-2.0 */

/* transcript-acme: archives every conversation, one file of JSON lines each, in a folder.
 *
 * The server's own log is the truth; it hands it over in pieces, in order, and from its last known
 * place again after a crash. So an answer means "on the disk" (fdatasync has returned), and what is
 * there already is not written twice: the end of a file says how far it goes.
 *
 * Writing may block, so it is done in a job: job_work() runs on a thread of the host's pool, where
 * nothing may be touched that the loop uses meanwhile; job_done() comes on our loop. One job at a
 * time keeps the order. */
#define _GNU_SOURCE

/* The oldest minor of the ABI that is enough: so it also runs on older servers (docs/ABI.md). */
#define BATON_ABI_NEEDED 0u
#include "scan.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

BATON_MODULE_NOTE("transcript-acme", "0.1.0", "transcript", 0);

enum { DIR_BYTES = 512, NAME_BYTES_MAX = 64, QUEUE_MAX = 64, TAIL_BYTES = 32, PART_BYTES = 4096 };

struct line {
	char *session;
	uint64_t seq;
	struct text text;
};

/* One append() on its way to the disk. */
struct batch {
	struct batch *next;
	baton_call call;
	bool cancelled;
	int error; /* errno of what stopped it, 0: none */
	uint32_t n;
	struct line lines[];
};

/* One instance: there is one per event loop, so nothing in here needs a lock. */
struct archive {
	baton_ctx *ctx;
	const baton_host *host;
	char dir[DIR_BYTES];
	struct batch *queue, **queue_end; /* the first one is the job's while one runs */
	unsigned queued;
	bool busy;
	bool unsynced; /* the folder, of a file that is new; the job's while one runs */
};

static void batch_free(struct batch *batch)
{
	for (uint32_t i = 0; i < batch->n; i++) {
		free(batch->lines[i].session);
		text_done(&batch->lines[i].text);
	}
	free(batch);
}

/* --- the job: everything below touches its batch and the disk, and nothing else --------------- */

/* How far the file has whole lines: behind its last line break. -1: errno says why not. */
static off_t whole_lines(int fd)
{
	char part[PART_BYTES];
	off_t end = lseek(fd, 0, SEEK_END);

	while (end > 0) {
		size_t want = end < PART_BYTES ? (size_t)end : PART_BYTES;
		off_t from = end - (off_t)want;
		if (pread(fd, part, want, from) != (ssize_t)want)
			return -1;
		const char *at = memrchr(part, '\n', want);
		if (at)
			return from + (at - part) + 1;
		end = from;
	}
	return end;
}

/* The seq that the last line ends with, 0: no line yet; half a line behind it is cut off. */
static int last_seq(int fd, uint64_t *ret)
{
	char tail[TAIL_BYTES + 1] = "";
	off_t end = whole_lines(fd);
	off_t from = end > TAIL_BYTES ? end - TAIL_BYTES : 0;

	*ret = 0;
	if (end < 0 || ftruncate(fd, end) < 0)
		return errno ? errno : EIO;
	if (end == 0)
		return 0;
	if (pread(fd, tail, (size_t)(end - from), from) != end - from)
		return errno ? errno : EIO;
	const char *at = strrchr(tail, ':');
	return at && sscanf(at, ":%" SCNu64 "}", ret) == 1 ? 0 : EBADMSG; /* not our file */
}

static int write_all(int fd, const char *p, size_t n)
{
	while (n > 0) {
		ssize_t done = write(fd, p, n);
		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return errno ? errno : EIO;
		p += done;
		n -= (size_t)done;
	}
	return 0;
}

/* The lines of one session; *at is moved behind them. */
static int session_write(struct archive *archive, const struct batch *batch, uint32_t *at)
{
	const char *session = batch->lines[*at].session;
	char path[DIR_BYTES + NAME_BYTES_MAX + 16];
	uint64_t last = 0;

	(void)snprintf(path, sizeof(path), "%s/%s.jsonl", archive->dir, session);
	int fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	int error = fd < 0 ? errno : last_seq(fd, &last);
	archive->unsynced = archive->unsynced || last == 0;
	for (; *at < batch->n && strcmp(batch->lines[*at].session, session) == 0; ++*at) {
		const struct line *line = &batch->lines[*at];
		if (!error && line->seq > last)
			error = write_all(fd, line->text.p, line->text.n);
	}
	if (!error && fdatasync(fd) < 0)
		error = errno;
	if (fd >= 0)
		(void)close(fd);
	return error;
}

/* A new file is there after a power cut only if its folder was synced, too. */
static int dir_sync(const char *dir)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int error = fd < 0 || fsync(fd) < 0 ? errno : 0;

	if (fd >= 0)
		(void)close(fd);
	return error;
}

static void job_work(void *user)
{
	struct archive *archive = user;
	struct batch *batch = archive->queue;
	uint32_t at = 0;

	if (mkdir(archive->dir, 0700) < 0 && errno != EEXIST)
		batch->error = errno;
	while (!batch->error && at < batch->n)
		batch->error = session_write(archive, batch, &at);
	if (!batch->error && archive->unsynced) {
		batch->error = dir_sync(archive->dir);
		archive->unsynced = batch->error != 0;
	}
}

/* --- on the loop ---------------------------------------------------------------------------- */

static void answer(const struct archive *archive, const struct batch *batch)
{
	const char *reason = strerrordesc_np(batch->error); /* strerror() is not for threads */
	baton_error error = { .size = sizeof(error),
			      .fail = BATON_FAIL_UNAVAILABLE,
			      .message = str_z(reason ? reason : "unknown error") };

	if (batch->error)
		(void)archive->host->fail(archive->ctx, batch->call, &error);
	else
		(void)archive->host->end(archive->ctx, batch->call, BATON_END_STOP);
}

static void pop(struct archive *archive)
{
	struct batch *batch = archive->queue;

	archive->queue = batch->next;
	if (!archive->queue)
		archive->queue_end = &archive->queue;
	archive->queued--;
	if (!batch->cancelled)
		answer(archive, batch);
	batch_free(batch);
}

static void job_begin(struct archive *archive);

static void job_done(void *user, int32_t status)
{
	struct archive *archive = user;
	(void)status;

	archive->busy = false;
	pop(archive);
	if (archive->queue)
		job_begin(archive);
}

static void job_begin(struct archive *archive)
{
	baton_job job;

	archive->busy =
		archive->host->job(archive->ctx, job_work, job_done, archive, &job) == BATON_OK;
	while (!archive->busy && archive->queue) { /* no thread for us: nothing was written */
		archive->queue->error = EAGAIN;
		pop(archive);
	}
}

/* Becomes the name of a file. */
static bool plain(baton_str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!((s.p[i] >= 'a' && s.p[i] <= 'z') || (s.p[i] >= 'A' && s.p[i] <= 'Z') ||
		      (s.p[i] >= '0' && s.p[i] <= '9') || s.p[i] == '-' || s.p[i] == '_'))
			return false;
	return s.n > 0 && s.n <= NAME_BYTES_MAX;
}

static bool line_write(const baton_entry *entry, struct line *line)
{
	struct text *to = &line->text;

	line->seq = entry->seq;
	line->session = calloc(1, entry->session_id.n + 1);
	if (line->session)
		memcpy(line->session, entry->session_id.p, entry->session_id.n);
	text_z(to, "{\"type\":");
	text_json(to, entry->type);
	text_z(to, ",\"data\":");
	text_add(to, entry->json.p, entry->json.n);
	text_z(to, ",\"unix_ms\":");
	text_u64(to, entry->unix_ms);
	text_z(to, ",\"seq\":"); /* last, where last_seq() looks */
	text_u64(to, entry->seq);
	text_z(to, "}\n");
	return line->session && !to->failed;
}

/* BATON_PENDING: end() or fail() comes when it is durable, or is not. Nothing of the entries lives
 * longer than this call. */
static int32_t append(void *inst, baton_call call, const baton_entry *entries, uint32_t n)
{
	struct archive *archive = inst;

	if (archive->queued == QUEUE_MAX)
		return BATON_E_AGAIN;
	for (uint32_t i = 0; i < n; i++)
		if (!plain(entries[i].session_id) || entries[i].json.n == 0 ||
		    memchr(entries[i].json.p, '\n', entries[i].json.n))
			return BATON_E_INVAL;
	struct batch *batch = calloc(1, sizeof(*batch) + n * sizeof(batch->lines[0]));
	if (!batch)
		return BATON_E_NOMEM;
	batch->call = call;
	for (; batch->n < n; batch->n++)
		if (!line_write(&entries[batch->n], &batch->lines[batch->n])) {
			batch->n++; /* what there is of it goes, too */
			batch_free(batch);
			return BATON_E_NOMEM;
		}
	*archive->queue_end = batch;
	archive->queue_end = &batch->next;
	archive->queued++;
	if (!archive->busy)
		job_begin(archive);
	return BATON_PENDING;
}

/* It is written all the same: to find it there later is no harm, to miss it would be. */
static void cancel(void *inst, baton_call call, uint32_t why)
{
	struct archive *archive = inst;
	(void)why;

	for (struct batch *batch = archive->queue; batch; batch = batch->next)
		if (batch->call == call && !batch->cancelled) {
			batch->cancelled = true;
			(void)archive->host->end(archive->ctx, call, BATON_END_STOP);
		}
}

/* --- life: load once per generation, create once per event loop --- */

static int32_t load(baton_ctx *ctx, const baton_host *host, void **mod)
{
	(void)ctx;
	*mod = (void *)(uintptr_t)host; /* shared by all instances, read-only */
	return BATON_OK;
}

static int32_t create(void *mod, baton_ctx *ctx, baton_str config_json, void **inst)
{
	struct archive *archive = calloc(1, sizeof(*archive));
	struct scan scan = scan_of(config_json);
	bool begun = false;
	baton_str key, dir;

	if (!archive)
		return BATON_E_NOMEM;
	archive->ctx = ctx;
	archive->host = mod;
	archive->queue_end = &archive->queue;
	archive->unsynced = true; /* nobody knows what the one before has done */
	while (scan_member(&scan, &begun, &key)) {
		if (!scan_is(key, "dir"))
			scan_skip(&scan);
		else if (scan_text(&scan, &dir))
			scan_copy(dir, archive->dir, sizeof(archive->dir));
	}
	*inst = archive;
	return BATON_OK;
}

/* The host calls it when no job runs any more; what still waits was cancelled. */
static void destroy(void *inst)
{
	struct archive *archive = inst;

	while (archive->queue) {
		struct batch *batch = archive->queue;
		archive->queue = batch->next;
		batch_free(batch);
	}
	free(archive);
}

static const baton_transcript transcript = { .size = sizeof(transcript),
					     .append = append,
					     .cancel = cancel };
static const baton_iface ifaces[] = { { BATON_TRANSCRIPT, &transcript } };

/* The one symbol that a module exports. Id, version and flags are those of the note. */
BATON_EXPORT const baton_module baton_module_entry = {
	BATON_MODULE_HEAD,
	.n_ifaces = 1,
	.id = "transcript-acme",
	.version = "0.1.0",
	.license = "Apache-2.0",
	.summary = "Conversations as JSON lines, a file each",
	.config_schema =
		"{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"dir\"],"
		"\"properties\":{\"dir\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":500}}}",
	.ifaces = ifaces,
	.load = load,
	.create = create,
	.destroy = destroy,
};
