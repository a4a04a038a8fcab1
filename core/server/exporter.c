/* SPDX-License-Identifier: Apache-2.0 */

/* The exporter: follows the journal and hands every event to each transcript module, once or
 * more, in order per session. It has its own thread and loop, so a slow backend costs nobody
 * anything.
 *
 * Each backend has its own durable cursor. A batch that fails is handed out again after a pause
 * that grows; the cursor moves only when the module has said that the batch is durable.
 */

#include "core/server/loader.h"
#include "core/server/worker.h"

#include "core/base/errors.h"
#include "core/base/log.h"

#include <stdlib.h>

enum { BATCH = 256, FOLLOWER_SLOT = 0, PAUSE_MS_MIN = 500, PAUSE_MS_MAX = 30000, BATCH_MS = 30000 };

struct backend {
	struct exporter *exporter;
	const char *name; /* the policy's */
	uint64_t cursor, batch_last, ticket, pause_ms, timer;
	baton_entry *entries;
	size_t n_entries;
	struct { /* sessions resolved in the batch */
		struct baton_id session;
		uint64_t seq;
	} resolved[BATCH];
	size_t n_resolved;
	struct baton_arena arena; /* of the batch */
};

struct exporter {
	struct baton_server *server;
	struct baton_release *release; /* whose backends these are; counted */
	pthread_t thread;
	struct baton_loop *loop;
	struct baton_rack *rack;
	struct backend *backends;
	size_t n_backends;
	uint64_t last_ticket;
	_Atomic(int) signalled;
	_Atomic(int) started; /* 1 up, -1 failed */
	pthread_mutex_t lock;
	pthread_cond_t told;
};

static void backend_go(struct backend *backend);

static void cursor_key(const struct backend *backend, struct baton_buf *key)
{
	baton_buf_printf(key, "cursor/%s", backend->name);
}

static void cursor_load(struct backend *backend)
{
	struct baton_buf key = { NULL, 0, 0 }, value = { NULL, 0, 0 };

	cursor_key(backend, &key);
	if (baton_journal_get(backend->exporter->server->journal, baton_buf_view(&key), &value) ==
	    0)
		backend->cursor = strtoull(value.p, NULL, 10);
	baton_buf_done(&key);
	baton_buf_done(&value);
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
	if (record->type == BATON_EV_SESSION_RESOLVED) {
		backend->resolved[backend->n_resolved].session = *session;
		backend->resolved[backend->n_resolved++].seq = record->seq;
	}
	return backend->n_entries < BATCH;
}

static void backend_again(void *ud)
{
	struct backend *backend = ud;

	backend->timer = 0;
	backend_go(backend);
}

static void backend_pause(struct backend *backend, const char *why)
{
	struct exporter *exporter = backend->exporter;

	backend->pause_ms = backend->pause_ms ? backend->pause_ms * 2 : PAUSE_MS_MIN;
	if (backend->pause_ms > PAUSE_MS_MAX)
		backend->pause_ms = PAUSE_MS_MAX;
	baton_log(BATON_LOG_WARN, "transcript_backend_paused", "ssu", "backend", backend->name,
		  "why", why, "retry_ms", backend->pause_ms);
	backend->ticket = 0;
	backend->timer =
		baton_loop_timer(exporter->loop, backend->pause_ms, backend_again, backend);
}

static void batch_late(void *ud)
{
	struct backend *backend = ud;

	backend->timer = 0;
	baton_rack_cancel(backend->exporter->rack, backend->ticket, BATON_CANCEL_DEADLINE);
	backend_pause(backend, "no answer in time");
}

/* Hands out the next batch, if there is one and none is out. */
static void backend_go(struct backend *backend)
{
	struct exporter *exporter = backend->exporter;
	uint64_t last = backend->cursor;

	if (backend->ticket != 0 || backend->timer != 0)
		return;
	baton_arena_done(&backend->arena);
	backend->n_entries = backend->n_resolved = 0;
	int64_t n = baton_journal_follow(exporter->server->journal, backend->cursor, BATCH, collect,
					 backend, &last);
	if (n < 0) {
		backend_pause(backend, baton_error_info((int)n)->wire);
		return;
	}
	if (backend->n_entries == 0)
		return;
	backend->batch_last = last;
	backend->ticket = ++exporter->last_ticket;
	int rc = baton_rack_transcript(exporter->rack, exporter->release, backend->ticket,
				       backend->name, backend->entries,
				       (uint32_t)backend->n_entries);
	if (rc < 0)
		backend_pause(backend, baton_error_info(rc)->wire);
	else
		backend->timer = baton_loop_timer(exporter->loop, BATCH_MS, batch_late, backend);
}

static struct backend *backend_of(struct exporter *exporter, uint64_t ticket)
{
	for (size_t i = 0; i < exporter->n_backends; i++)
		if (exporter->backends[i].ticket == ticket)
			return &exporter->backends[i];
	return NULL;
}

static void stop_clock(struct backend *backend)
{
	baton_loop_timer_stop(backend->exporter->loop, backend->timer);
	backend->timer = 0;
	backend->ticket = 0;
}

static void batch_end(void *ud, uint64_t ticket, uint32_t reason)
{
	struct exporter *exporter = ud;
	struct backend *backend = backend_of(exporter, ticket);

	(void)reason;
	if (!backend)
		return;
	stop_clock(backend);
	backend->cursor = backend->batch_last;
	backend->pause_ms = 0;
	if (cursor_save(backend) < 0) {
		backend_pause(backend, "its cursor could not be written");
		return;
	}
	for (size_t i = 0; i < backend->n_resolved; i++)
		worker_saved(worker_of(exporter->server, &backend->resolved[i].session),
			     &backend->resolved[i].session, baton_str_of(backend->name),
			     backend->resolved[i].seq);
	baton_metrics_count(&exporter->server->export_metrics, BATON_METRIC_EXPORTED,
			    backend->n_entries);
	backend_go(backend);
}

static void batch_fail(void *ud, uint64_t ticket, const baton_error *error)
{
	struct backend *backend = backend_of(ud, ticket);
	char why[200];

	if (!backend)
		return;
	stop_clock(backend);
	baton_str cut = baton_str_clip(error->message, sizeof(why) - 1);
	memcpy(why, cut.p ? cut.p : "", cut.n);
	why[cut.n] = '\0';
	backend_pause(backend, why);
}

static void no_intents(void *ud, uint64_t ticket, const baton_intents *intents)
{
	(void)ud;
	(void)ticket;
	(void)intents;
}
static void no_docs(void *ud, uint64_t ticket, const baton_doc *docs, uint32_t n)
{
	(void)ud;
	(void)ticket;
	(void)docs;
	(void)n;
}
static void no_delta(void *ud, uint64_t ticket, uint32_t kind, baton_str data)
{
	(void)ud;
	(void)ticket;
	(void)kind;
	(void)data;
}
static void no_usage(void *ud, uint64_t ticket, const baton_usage *usage)
{
	(void)ud;
	(void)ticket;
	(void)usage;
}

struct wake_mail {
	struct baton_mail mail;
	struct exporter *exporter;
};

static void wake_deliver(struct baton_mail *mail, struct baton_loop *loop)
{
	struct exporter *exporter = ((struct wake_mail *)mail)->exporter;

	baton_free(mail);
	atomic_store(&exporter->signalled, 0);
	for (size_t i = 0; loop && i < exporter->n_backends; i++)
		backend_go(&exporter->backends[i]);
}

/* [journal's writer] */
static void exporter_wake(void *ud)
{
	struct exporter *exporter = ud;

	if (atomic_exchange(&exporter->signalled, 1))
		return;
	struct wake_mail *letter = baton_new(struct wake_mail);
	letter->mail.deliver = wake_deliver;
	letter->exporter = exporter;
	baton_loop_post(exporter->loop, &letter->mail);
}

static int exporter_up(struct exporter *exporter)
{
	struct baton_rack_events events = { exporter,  no_intents, no_docs, no_delta, no_usage,
					    batch_end, batch_fail, NULL,    NULL };
	char why[256];
	exporter->rack = baton_rack_new(exporter->loop, &events);
	int rc = baton_rack_adopt(exporter->rack, exporter->release, why, sizeof(why));

	if (rc < 0)
		baton_log(BATON_LOG_ERROR, "modules_refused", "s", "why", why);
	return rc;
}

static void *exporter_main(void *ud)
{
	struct exporter *exporter = ud;

	exporter->loop = baton_loop_new("exporter");
	int rc = exporter_up(exporter);
	pthread_mutex_lock(&exporter->lock);
	atomic_store(&exporter->started, rc < 0 ? -1 : 1);
	pthread_cond_signal(&exporter->told);
	pthread_mutex_unlock(&exporter->lock);
	if (rc == BATON_OK)
		baton_loop_run(exporter->loop);
	if (exporter->rack)
		baton_rack_free(&exporter->rack);
	return NULL;
}

static void find_backends(struct exporter *exporter)
{
	const struct baton_policy *policy = baton_release_policy(exporter->release);

	exporter->backends = baton_alloc((policy->n_modules + 1) * sizeof(*exporter->backends));
	for (size_t i = 0; i < policy->n_modules; i++) {
		struct backend *backend = &exporter->backends[exporter->n_backends];

		if (strcmp(policy->modules[i].kind, "transcript") != 0)
			continue;
		backend->exporter = exporter;
		backend->name = policy->modules[i].name;
		backend->entries = baton_alloc(BATCH * sizeof(*backend->entries));
		cursor_load(backend);
		exporter->n_backends++;
	}
}

int exporter_start(struct baton_server *server)
{
	struct exporter *exporter = baton_new(struct exporter);

	exporter->server = server;
	exporter->release = loader_live(server);
	server->exporter = exporter;
	pthread_mutex_init(&exporter->lock, NULL);
	pthread_cond_init(&exporter->told, NULL);
	find_backends(exporter);
	if (exporter->n_backends == 0)
		return BATON_OK;
	if (pthread_create(&exporter->thread, NULL, exporter_main, exporter) != 0)
		return BATON_E_IO;
	pthread_mutex_lock(&exporter->lock);
	while (atomic_load(&exporter->started) == 0)
		pthread_cond_wait(&exporter->told, &exporter->lock);
	pthread_mutex_unlock(&exporter->lock);
	if (atomic_load(&exporter->started) < 0)
		return BATON_E_MODULE;
	baton_journal_on_commit(server->journal, FOLLOWER_SLOT, exporter_wake, exporter);
	exporter_wake(exporter); /* what was written while nobody followed */
	return BATON_OK;
}

void exporter_stop(struct baton_server *server)
{
	struct exporter *exporter = server->exporter;

	if (!exporter)
		return;
	if (atomic_load(&exporter->started) != 0) {
		baton_journal_on_commit(server->journal, FOLLOWER_SLOT, NULL, NULL);
		baton_loop_stop(exporter->loop);
		pthread_join(exporter->thread, NULL);
		baton_loop_free(&exporter->loop);
	}
	for (size_t i = 0; i < exporter->n_backends; i++) {
		baton_arena_done(&exporter->backends[i].arena);
		baton_free(exporter->backends[i].entries);
	}
	baton_free(exporter->backends);
	baton_release_unref(&exporter->release);
	pthread_mutex_destroy(&exporter->lock);
	pthread_cond_destroy(&exporter->told);
	baton_free(exporter);
	server->exporter = NULL;
}

void exporter_switch(struct baton_server *server, struct baton_release *release)
{
	(void)server;
	(void)release;
}
