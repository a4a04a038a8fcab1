/* SPDX-License-Identifier: Apache-2.0 */

/* transcript-jsonl: every event of every session as one line of JSON in <dir>/<YYYY-MM-DD>.jsonl
 * (the day of the event, UTC).
 *
 * The core hands over its log again from a cursor after a crash, so the same event may come twice:
 * a line is written only if its seq is above the last one of its session in that file. What a file
 * holds is read once, when it is first used after a start; a last line without its end is cut off.
 *
 * A session that was erased is blanked in all files with the same answer that says that its last
 * event is written.
 *
 * All file work happens in a host job, one at a time, so that order is kept. An answer means
 * fdatasync has returned. If a batch cannot be written whole, the file is cut back to where it was.
 */
#include "blank.h"
#include "day.h"

#include "modules/sdk/transcript/entry.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { QUEUE_MAX = 64 };

BATON_MODULE_NOTE("transcript-jsonl", "1.0.0", "transcript", 0);

/* One append() on its way to the disk. */
struct batch {
	struct batch *next;
	baton_call call;
	bool cancelled;
	struct day_line *lines;
	const char **erased; /* sessions whose data must go */
	uint32_t n, n_erased;
	char *customer; /* erase(): whose sessions */
	int rc;         /* 0 or the errno that stopped it */
	char text[];    /* what the lines point into */
};

struct jsonl {
	baton_ctx *ctx;
	const baton_host *host;
	char *dir;
	struct day day; /* the job's while one runs */
	struct batch *queue, **queue_end;
	unsigned queued;
	bool busy;
};

static void job_begin(struct jsonl *j);

/* --- from entries to lines ---------------------------------------------------------------- */

static void batch_free(struct batch *b)
{
	free(b->lines);
	free(b->erased);
	free(b->customer);
	free(b);
}

static struct batch *batch_new(const baton_entry *entries, uint32_t n)
{
	size_t bytes = 0, at = 0;
	for (uint32_t i = 0; i < n; i++)
		bytes += entry_room(&entries[i]) + entries[i].session_id.n + 2;
	struct batch *b = calloc(1, sizeof(*b) + bytes);
	if (!b)
		return NULL;
	b->lines = calloc(n, sizeof(*b->lines));
	b->erased = calloc(n, sizeof(*b->erased));
	if (!b->lines || !b->erased) {
		batch_free(b);
		return NULL;
	}
	for (b->n = 0; b->n < n; b->n++) {
		const baton_entry *e = &entries[b->n];
		struct day_line *line = &b->lines[b->n];
		line->session = b->text + at;
		memcpy(b->text + at, e->session_id.p, e->session_id.n);
		at += e->session_id.n + 1;
		if (entry_is_erasure(e))
			b->erased[b->n_erased++] = line->session;
		line->seq = e->seq;
		line->unix_ms = e->unix_ms;
		line->text = b->text + at;
		line->n = entry_write(b->text + at, bytes - at, e) + 1;
		at += line->n;
		b->text[at - 1] = '\n';
	}
	return b;
}

/* --- the job ------------------------------------------------------------------------------ */

static void job_work(void *user)
{
	struct jsonl *j = user;
	struct batch *b = j->queue;
	b->rc = day_append(&j->day, j->dir, b->lines, b->n);
	if (b->rc == 0 && (b->n_erased > 0 || b->customer))
		day_done(&j->day);
	if (b->rc == 0)
		b->rc = blank_sessions(j->dir, b->erased, b->n_erased);
	if (b->rc == 0 && b->customer)
		b->rc = blank_customer(j->dir, b->customer);
}

static void answer(struct jsonl *j, const struct batch *b)
{
	char text[160];
	const char *reason = strerrordesc_np(b->rc); /* strerror() has one buffer for all */
	if (b->rc == 0) {
		(void)j->host->end(j->ctx, b->call, BATON_END_STOP);
		return;
	}
	int n = snprintf(text, sizeof(text), "%s: %s", j->dir, reason ? reason : "unknown error");
	baton_error error = { .size = sizeof(error), .fail = BATON_FAIL_UNAVAILABLE };
	error.message = (baton_str){ text, n > 0 && (size_t)n < sizeof(text) ? (size_t)n
									     : sizeof(text) - 1 };
	(void)j->host->fail(j->ctx, b->call, &error);
}

static void job_done(void *user, int32_t status)
{
	struct jsonl *j = user;
	struct batch *b = j->queue;
	(void)status;
	j->queue = b->next;
	if (!j->queue)
		j->queue_end = &j->queue;
	j->queued--;
	j->busy = false;
	if (!b->cancelled)
		answer(j, b);
	batch_free(b);
	if (j->queue)
		job_begin(j);
}

/* Everything that waits fails: there is no thread for it. */
static void drop_all(struct jsonl *j)
{
	while (j->queue) {
		struct batch *b = j->queue;
		j->queue = b->next;
		b->rc = EAGAIN;
		if (!b->cancelled)
			answer(j, b);
		batch_free(b);
	}
	j->queue_end = &j->queue;
	j->queued = 0;
}

static void job_begin(struct jsonl *j)
{
	baton_job job;
	j->busy = j->host->job(j->ctx, job_work, job_done, j, &job) == BATON_OK;
	if (!j->busy)
		drop_all(j);
}

/* --- the interface ------------------------------------------------------------------------ */

static int32_t queue(struct jsonl *j, baton_call call, struct batch *b)
{
	if (!b)
		return BATON_E_NOMEM;
	b->call = call;
	*j->queue_end = b;
	j->queue_end = &b->next;
	j->queued++;
	if (!j->busy)
		job_begin(j);
	return BATON_PENDING;
}

static int32_t append(void *inst, baton_call call, const baton_entry *entries, uint32_t n)
{
	struct jsonl *j = inst;
	if (j->queued >= QUEUE_MAX)
		return BATON_E_AGAIN;
	if (!entries_ok(entries, n))
		return BATON_E_INVAL;
	return queue(j, call, batch_new(entries, n));
}

static int32_t erase(void *inst, baton_call call, baton_str customer_ref)
{
	struct jsonl *j = inst;
	if (j->queued >= QUEUE_MAX)
		return BATON_E_AGAIN;
	if (!customer_ref.p || customer_ref.n == 0)
		return BATON_E_INVAL;
	struct batch *b = calloc(1, sizeof(*b));
	if (b && !(b->customer = strndup(customer_ref.p, customer_ref.n))) {
		batch_free(b);
		b = NULL;
	}
	return queue(j, call, b);
}

/* The lines are written all the same: to write them twice later is no harm, to lose them would be.
 */
static void cancel(void *inst, baton_call call, uint32_t why)
{
	struct jsonl *j = inst;
	(void)why;
	for (struct batch *b = j->queue; b; b = b->next)
		if (b->call == call && !b->cancelled) {
			b->cancelled = true;
			(void)j->host->end(j->ctx, call, BATON_END_STOP);
		}
}

static int32_t load(baton_ctx *ctx, const baton_host *host, void **mod)
{
	static const baton_host *table;
	(void)ctx;
	table = host;
	*mod = &table;
	return BATON_OK;
}

/* The host calls it when no job runs any more; what still waited is gone with its cancelled calls.
 */
static void destroy(void *inst)
{
	struct jsonl *j = inst;
	while (j->queue) {
		struct batch *b = j->queue;
		j->queue = b->next;
		batch_free(b);
	}
	day_done(&j->day);
	free(j->dir);
	free(j);
}

static char *dir_of(baton_str config_json)
{
	json_t *config = json_loadb(config_json.p, config_json.n, 0, NULL);
	const char *dir = json_string_value(json_object_get(config, "dir"));
	char *copy = strdup(dir && dir[0] ? dir : "transcripts");
	json_decref(config);
	return copy;
}

static int32_t create(void *mod, baton_ctx *ctx, baton_str config_json, void **inst)
{
	struct jsonl *j = calloc(1, sizeof(*j));
	if (!j)
		return BATON_E_NOMEM;
	j->ctx = ctx;
	j->host = *(const baton_host **)mod;
	j->queue_end = &j->queue;
	day_init(&j->day);
	j->dir = dir_of(config_json);
	if (!j->dir) {
		destroy(j);
		return BATON_E_NOMEM;
	}
	*inst = j;
	return BATON_OK;
}

static const baton_transcript transcript = {
	.size = sizeof(transcript), .append = append, .erase = erase, .cancel = cancel
};
static const baton_iface ifaces[] = { { BATON_TRANSCRIPT, &transcript } };

BATON_EXPORT const baton_module baton_module_entry = {
	BATON_MODULE_HEAD,
	.n_ifaces = 1,
	.id = "transcript-jsonl",
	.version = "1.0.0",
	.vendor = "Baton",
	.license = "Apache-2.0",
	.summary = "Transcripts as lines of JSON, one file per day",
	.config_schema = "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{"
			 "\"dir\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":1024}}}",
	.ifaces = ifaces,
	.load = load,
	.create = create,
	.destroy = destroy,
};
