/* SPDX-License-Identifier: Apache-2.0 */

/* How one backend follows the log. The cursor moves only when the module has said that a batch is
 * durable; a batch that fails is handed out again, the same one, after a pause that grows. Nothing
 * is ever left out for a backend's sake, however long it is away: the log has it all. */
#include "core/server/export_backend.h"

#include "core/base/errors.h"
#include "core/base/log.h"

#include <stdlib.h>

static void cursor_key(const struct backend *backend, struct baton_buf *key)
{
	baton_buf_printf(key, "cursor/%s", backend->name);
}

/* false: it has none, this backend was never seen. */
static bool cursor_load(struct backend *backend)
{
	struct baton_buf key = { NULL, 0, 0 }, value = { NULL, 0, 0 };

	cursor_key(backend, &key);
	int rc =
		baton_journal_get(backend->exporter->server->journal, baton_buf_view(&key), &value);
	if (rc == 0)
		backend->cursor = strtoull(value.p, NULL, 10);
	baton_buf_done(&key);
	baton_buf_done(&value);
	return rc == 0;
}

static int cursor_save(struct backend *backend)
{
	struct baton_buf key = { NULL, 0, 0 }, value = { NULL, 0, 0 };

	cursor_key(backend, &key);
	baton_buf_u64(&value, backend->cursor);
	int rc = baton_journal_put(backend->exporter->server->journal, baton_buf_view(&key),
				   baton_buf_view(&value));
	baton_buf_done(&key);
	baton_buf_done(&value);
	return rc;
}

struct backend *backend_new(struct exporter *exporter, const char *name, bool from_now)
{
	struct backend *backend = baton_new(struct backend);

	backend->exporter = exporter;
	(void)snprintf(backend->name, sizeof(backend->name), "%s", name);
	backend->entries = baton_alloc(EXPORT_BATCH * sizeof(*backend->entries));
	if (!cursor_load(backend) && from_now) {
		backend->cursor = baton_journal_last_position(exporter->server->journal);
		(void)cursor_save(backend); /* else a restart would call a later moment "now" */
	}
	backend->shown.cursor = backend->cursor;
	return backend;
}

void backend_free(struct backend *backend)
{
	baton_arena_done(&backend->arena);
	baton_free(backend->entries);
	baton_release_unref(&backend->release);
	baton_free(backend);
}

void backend_serve(struct backend *backend, struct baton_release *release, uint64_t generation)
{
	struct baton_release *old = backend->release;

	backend->release = baton_release_ref(release);
	baton_release_unref(&old);
	backend->generation = generation;
}

/* --- trying again ------------------------------------------------------------------------- */

static void backend_again(void *ud)
{
	struct backend *backend = ud;

	backend->timer = 0;
	backend_go(backend);
}

static uint64_t next_pause(struct backend *backend, bool parked, uint64_t retry_after_ms)
{
	uint64_t pause = backend->pause_ms ? backend->pause_ms * 2 : EXPORT_PAUSE_MS_MIN;

	backend->pause_ms = pause < EXPORT_PAUSE_MS_MAX ? pause : EXPORT_PAUSE_MS_MAX;
	if (parked)
		return EXPORT_PARKED_MS;
	if (retry_after_ms > EXPORT_PARKED_MS)
		return EXPORT_PARKED_MS;
	return retry_after_ms > backend->pause_ms ? retry_after_ms : backend->pause_ms;
}

static void backend_pause(struct backend *backend, const char *why, bool parked,
			  uint64_t retry_after_ms)
{
	struct exporter *exporter = backend->exporter;
	uint64_t pause = next_pause(backend, parked, retry_after_ms);

	backend->ticket = 0;
	backend->retry_n = backend->n_entries;
	baton_log(parked ? BATON_LOG_ERROR : BATON_LOG_WARN,
		  parked ? "transcript_backend_parked" : "transcript_backend_paused", "ssu",
		  "backend", backend->name, "why", why, "retry_ms", pause);
	pthread_mutex_lock(&exporter->lock);
	backend->shown.state = parked ? EXPORT_PARKED : EXPORT_PAUSED;
	backend->shown.failures++;
	backend->shown.row++;
	backend->shown.retry_ms = pause;
	(void)snprintf(backend->shown.why, sizeof(backend->shown.why), "%s", why);
	pthread_mutex_unlock(&exporter->lock);
	if (!backend->waits && !backend->goes)
		backend->timer = baton_loop_timer(exporter->loop, pause, backend_again, backend);
}

static void batch_late(void *ud)
{
	struct backend *backend = ud;

	backend->timer = 0;
	baton_rack_cancel(backend->exporter->rack, backend->ticket, BATON_CANCEL_DEADLINE);
	backend_pause(backend, "no answer in time", false, 0);
}

/* --- one batch ---------------------------------------------------------------------------- */

static bool collect(void *ud, const struct baton_id *session, const struct baton_record *record)
{
	struct backend *backend = ud;
	const struct baton_event_info *info = baton_event_info(record->type);
	char text[BATON_ID_TEXT + 1];

	baton_id_text(session, text);
	backend->entries[backend->n_entries++] = (baton_entry){
		.seq = record->seq,
		.unix_ms = record->unix_ms,
		.session_id = { baton_arena_dup(&backend->arena, text, BATON_ID_TEXT),
				BATON_ID_TEXT },
		.type = baton_str_of(info ? info->name : "unknown"),
		.json = record->payload.n
				? (baton_str){ baton_arena_dup(&backend->arena, record->payload.p,
							       record->payload.n),
					       record->payload.n }
				: BATON_STR("{}"),
	};
	backend->n_bytes += record->payload.n;
	if (record->type == BATON_EV_SESSION_RESOLVED) {
		backend->resolved[backend->n_resolved].session = *session;
		backend->resolved[backend->n_resolved++].seq = record->seq;
	}
	return backend->n_entries < EXPORT_BATCH && backend->n_bytes < EXPORT_BATCH_BYTES;
}

/* Reads the next batch. A record that is damaged can be given to nobody, today or tomorrow: it is
 * reported (`baton fsck` says more), and those behind it follow. */
static int64_t batch_read(struct backend *backend)
{
	struct baton_journal *journal = backend->exporter->server->journal;
	uint64_t max = backend->retry_n ? backend->retry_n : EXPORT_BATCH;

	for (;;) {
		uint64_t last = backend->cursor;

		baton_arena_done(&backend->arena);
		backend->n_entries = backend->n_bytes = backend->n_resolved = 0;
		int64_t n = baton_journal_follow(journal, backend->cursor, max, collect, backend,
						 &last);
		backend->batch_last = last;
		if (n != BATON_E_CORRUPT || last <= backend->cursor)
			return n;
		baton_log(BATON_LOG_ERROR, "transcript_record_damaged", "su", "backend",
			  backend->name, "position", last);
		backend->cursor = last;
	}
}

static void show_oldest(struct backend *backend)
{
	pthread_mutex_lock(&backend->exporter->lock);
	backend->shown.oldest_ms = backend->n_entries ? backend->entries[0].unix_ms : 0;
	backend->shown.cursor = backend->cursor;
	pthread_mutex_unlock(&backend->exporter->lock);
}

void backend_go(struct backend *backend)
{
	struct exporter *exporter = backend->exporter;

	if (backend->ticket != 0 || backend->timer != 0 || backend->waits || backend->goes)
		return;
	int64_t n = batch_read(backend);
	show_oldest(backend);
	if (n < 0) {
		backend_pause(backend, baton_error_info((int)n)->wire, false, 0);
		return;
	}
	if (backend->n_entries == 0)
		return;
	backend->ticket = ++exporter->last_ticket;
	int rc = baton_rack_transcript(exporter->rack, backend->release, backend->ticket,
				       backend->name, backend->entries,
				       (uint32_t)backend->n_entries);
	if (rc < 0)
		backend_pause(backend, baton_error_info(rc)->text, false, 0);
	else
		backend->timer =
			baton_loop_timer(exporter->loop, EXPORT_BATCH_MS, batch_late, backend);
}

static void stop_clock(struct backend *backend)
{
	(void)baton_loop_timer_stop(backend->exporter->loop, backend->timer);
	backend->timer = 0;
	backend->ticket = 0;
}

void backend_halt(struct backend *backend)
{
	if (backend->ticket) {
		baton_rack_cancel(backend->exporter->rack, backend->ticket, BATON_CANCEL_DRAIN);
		backend->retry_n = backend->n_entries;
	}
	stop_clock(backend);
	backend->pause_ms = 0;
}

static void show_taken(struct backend *backend)
{
	struct exporter *exporter = backend->exporter;

	pthread_mutex_lock(&exporter->lock);
	unsigned row = backend->shown.row;
	backend->shown.state = EXPORT_OK;
	backend->shown.exported += backend->n_entries;
	backend->shown.row = 0;
	backend->shown.why[0] = '\0';
	backend->shown.cursor = backend->cursor;
	backend->shown.oldest_ms = 0;
	pthread_mutex_unlock(&exporter->lock);
	if (row > 0)
		baton_log(BATON_LOG_NOTICE, "transcript_backend_back", "suu", "backend",
			  backend->name, "failures", (uint64_t)row, "behind",
			  baton_journal_last_position(exporter->server->journal) - backend->cursor);
	baton_metrics_count(&exporter->server->export_metrics, BATON_METRIC_EXPORTED,
			    backend->n_entries);
}

void backend_taken(struct backend *backend)
{
	struct baton_server *server = backend->exporter->server;

	stop_clock(backend);
	backend->cursor = backend->batch_last;
	backend->pause_ms = 0;
	backend->retry_n = 0;
	if (cursor_save(backend) < 0) {
		backend_pause(backend, "its cursor could not be written", false, 0);
		backend->retry_n = 0; /* that batch is done: the cursor in memory has moved */
		return;
	}
	for (size_t i = 0; i < backend->n_resolved; i++)
		worker_saved(worker_of(server, &backend->resolved[i].session),
			     &backend->resolved[i].session, baton_str_of(backend->name),
			     backend->resolved[i].seq);
	show_taken(backend);
	backend_go(backend);
}

void backend_failed(struct backend *backend, const baton_error *error)
{
	char why[EXPORT_WHY_MAX];

	stop_clock(backend);
	baton_str cut = baton_str_clip(error->message, sizeof(why) - 1);
	memcpy(why, cut.p ? cut.p : "", cut.n);
	why[cut.n] = '\0';
	backend_pause(backend, why, (error->flags & BATON_ERROR_NOT_AGAIN) != 0,
		      error->retry_after_ms);
}
