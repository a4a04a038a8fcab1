/* SPDX-License-Identifier: Apache-2.0 */

/* The exporter's thread, and how it goes from one release to the next. A backend is handed nothing
 * between its old instance's last word and the moment the old release is out of use: two
 * instances of one archive would stand in each other's way (a locked file). The log waits; nobody
 * else does. */
#include "core/server/exporter.h"

#include "core/base/errors.h"
#include "core/base/log.h"
#include "core/server/export_backend.h"

#include <stdio.h>
#include <utlist.h>

enum { FOLLOWER_SLOT = 0, SWITCH_MS = 5000 };

/* An order; when it was carried out, the same letter goes back. */
struct switching {
	struct baton_mail mail;
	struct switching *next;
	struct exporter *exporter;
	struct exporter_order order;
	int rc;
	char why[EXPORTER_WHY_MAX];
};

/* --- the rack's ends ---------------------------------------------------------------------- */

static void switch_check(struct exporter *exporter);

static struct backend *backend_of(struct exporter *exporter, uint64_t ticket)
{
	struct backend *backend;

	DL_FOREACH(exporter->backends, backend)
		if (backend->ticket == ticket)
			return backend;
	return NULL;
}

static void batch_end(void *ud, uint64_t ticket, uint32_t reason)
{
	struct backend *backend = backend_of(ud, ticket);

	(void)reason;
	if (backend)
		backend_taken(backend);
	switch_check(ud);
}

static void batch_fail(void *ud, uint64_t ticket, const baton_error *error)
{
	struct backend *backend = backend_of(ud, ticket);

	if (backend)
		backend_failed(backend, error);
	switch_check(ud);
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

/* --- which backends a release has --------------------------------------------------------- */

/* What the rack here needs of it: a classifier would learn for nobody. */
static struct baton_release *archives_of(const struct baton_release *release)
{
	static const char *const kinds[] = { "transcript", NULL };

	return baton_release_part(release, kinds);
}

/* Number of the generation that serves under that name; 0: none. */
static uint64_t generation_of(const struct baton_release *release, const char *name)
{
	struct baton_generation_view view;

	for (size_t i = 0; i < baton_release_size(release); i++) {
		baton_release_view(release, i, &view);
		if (strcmp(view.module, name) == 0)
			return strcmp(view.kind, "transcript") == 0 ? view.number : 0;
	}
	return 0;
}

static struct backend *backend_named(struct exporter *exporter, const char *name)
{
	struct backend *backend;

	DL_FOREACH(exporter->backends, backend)
		if (strcmp(backend->name, name) == 0)
			return backend;
	return NULL;
}

/* Those it has and we have not. */
static void add_backends(struct exporter *exporter, struct baton_release *release)
{
	const struct baton_policy *policy = baton_release_policy(release);

	for (size_t i = 0; i < policy->n_modules; i++) {
		const struct baton_policy_module *module = &policy->modules[i];

		if (strcmp(module->kind, "transcript") != 0 ||
		    backend_named(exporter, module->name))
			continue;
		struct backend *backend = backend_new(
			exporter, module->name, module->from && strcmp(module->from, "now") == 0);
		backend_serve(backend, release, generation_of(release, module->name));
		pthread_mutex_lock(&exporter->lock);
		DL_APPEND(exporter->backends, backend);
		pthread_mutex_unlock(&exporter->lock);
		atomic_store(&exporter->has_backends, true);
	}
}

static void go_all(struct exporter *exporter)
{
	struct backend *backend;

	DL_FOREACH(exporter->backends, backend)
		backend_go(backend);
}

/* --- going from one release to the next --------------------------------------------------- */

static void switching_free(struct switching *switching)
{
	baton_release_unref(&switching->order.release);
	baton_free(switching);
}

static void back_deliver(struct baton_mail *mail, struct baton_loop *loop)
{
	struct switching *switching = (struct switching *)mail;

	if (loop && switching->order.then)
		switching->order.then(switching->order.ud, switching->rc, switching->why);
	switching_free(switching);
}

static void reply(struct switching *switching, int rc, const char *why)
{
	switching->rc = rc;
	(void)snprintf(switching->why, sizeof(switching->why), "%s", why);
	switching->mail.deliver = back_deliver;
	if (switching->order.back)
		baton_loop_post(switching->order.back, &switching->mail);
	else
		switching_free(switching);
}

/* Each backend learns what becomes of it. */
static void sort_backends(struct exporter *exporter, struct baton_release *release)
{
	struct backend *backend;

	DL_FOREACH(exporter->backends, backend) {
		uint64_t generation = generation_of(release, backend->name);

		if (generation == backend->generation) {
			backend_serve(backend, release, generation);
			continue;
		}
		backend->goes = generation == 0;
		backend->waits = generation != 0;
		if (!backend->ticket)
			backend_halt(backend); /* whatever it waited for was about the old one */
	}
}

/* The old release is out of use here once no batch of what leaves is out. */
static void switch_check(struct exporter *exporter)
{
	struct backend *backend, *next;

	if (!exporter->leaving)
		return;
	DL_FOREACH(exporter->backends, backend)
		if ((backend->waits || backend->goes) && backend->ticket)
			return;
	(void)baton_loop_timer_stop(exporter->loop, exporter->switch_timer);
	exporter->switch_timer = 0;
	DL_FOREACH_SAFE(exporter->backends, backend, next)
	{
		if (!backend->goes)
			continue;
		backend_halt(backend);
		pthread_mutex_lock(&exporter->lock);
		DL_DELETE(exporter->backends, backend);
		pthread_mutex_unlock(&exporter->lock);
		backend_free(backend);
	}
	atomic_store(&exporter->has_backends, exporter->backends != NULL);
	struct baton_release *leaving = exporter->leaving;
	exporter->leaving = NULL;
	(void)baton_rack_retire(exporter->rack, leaving);
	baton_release_unref(&leaving);
}

static void switch_late(void *ud)
{
	struct exporter *exporter = ud;
	struct backend *backend;

	exporter->switch_timer = 0;
	DL_FOREACH(exporter->backends, backend)
		if (backend->waits || backend->goes)
			backend_halt(backend);
	switch_check(exporter);
}

static void switch_begin(struct exporter *exporter)
{
	struct switching *switching = exporter->order = exporter->orders;
	char why[EXPORTER_WHY_MAX] = "";

	LL_DELETE(exporter->orders, switching);
	struct baton_release *release = archives_of(switching->order.release);
	int rc = baton_rack_adopt(exporter->rack, release, why, sizeof(why));
	if (rc < 0) {
		baton_log(BATON_LOG_ERROR, "exporter_release_refused", "us", "release",
			  baton_release_number(release), "why", why);
		baton_release_unref(&release);
		exporter->order = NULL;
		reply(switching, rc, why);
		return;
	}
	exporter->leaving = exporter->live;
	exporter->live = release;
	sort_backends(exporter, release);
	add_backends(exporter, release);
	exporter->switch_timer = baton_loop_timer(exporter->loop, SWITCH_MS, switch_late, exporter);
	go_all(exporter);
	switch_check(exporter);
}

static void switch_next(void *ud)
{
	struct exporter *exporter = ud;

	exporter->next_timer = 0;
	while (exporter->orders && !exporter->order)
		switch_begin(exporter);
}

/* The old release's instances have ended: what waited for that may begin. */
static void retired(void *ud, struct baton_release *release)
{
	struct exporter *exporter = ud;
	struct switching *switching = exporter->order;
	struct backend *backend;

	(void)release;
	if (!switching)
		return;
	DL_FOREACH(exporter->backends, backend) {
		if (!backend->waits)
			continue;
		backend->waits = false;
		backend_serve(backend, exporter->live,
			      generation_of(exporter->live, backend->name));
		backend_go(backend);
	}
	exporter->order = NULL;
	reply(switching, BATON_OK, "");
	/* Not from inside the rack, which is going through its seats. */
	exporter->next_timer = baton_loop_timer(exporter->loop, 0, switch_next, exporter);
}

static void order_deliver(struct baton_mail *mail, struct baton_loop *loop)
{
	struct switching *switching = (struct switching *)mail;

	if (!loop) {
		reply(switching, BATON_E_CLOSED, "the server stops");
		return;
	}
	LL_APPEND(switching->exporter->orders, switching);
	if (!switching->exporter->next_timer)
		switch_next(switching->exporter);
}

void exporter_switch(struct baton_server *server, struct baton_release *release)
{
	/* Else it begins with what is live then. */
	if (server->exporter)
		exporter_give(server, &(struct exporter_order){ .release = release });
}

void exporter_give(struct baton_server *server, const struct exporter_order *order)
{
	struct switching *switching = baton_new(struct switching);

	switching->mail.deliver = order_deliver;
	switching->exporter = server->exporter;
	switching->order = *order;
	switching->order.release = baton_release_ref(order->release);
	baton_loop_post(server->exporter->loop, &switching->mail);
}

/* --- what others see ---------------------------------------------------------------------- */

static uint64_t lag_of(const struct backend *backend, uint64_t last)
{
	return last > backend->shown.cursor ? last - backend->shown.cursor : 0;
}

static double lag_seconds(const struct backend *backend, uint64_t last)
{
	uint64_t now = baton_loop_unix_ms(), oldest = backend->shown.oldest_ms;

	return lag_of(backend, last) && oldest && now > oldest ? (double)(now - oldest) / 1e3 : 0;
}

static double value_of(const struct backend *backend, unsigned family, uint64_t last)
{
	switch (family) {
	case 0:
		return (double)lag_of(backend, last);
	case 1:
		return lag_seconds(backend, last);
	case 2:
		return (double)backend->shown.exported;
	case 3:
		return (double)backend->shown.failures;
	default:
		return backend->shown.state == EXPORT_OK       ? 0
		       : backend->shown.state == EXPORT_PAUSED ? 1
							       : 2;
	}
}

void exporter_metrics(struct baton_server *server, struct baton_buf *out)
{
	static const char *const families[][3] = {
		{ "baton_export_lag_records", "gauge",
		  "records that the backend has not acknowledged" },
		{ "baton_export_lag_seconds", "gauge", "age of the oldest of them" },
		{ "baton_export_records_total", "counter",
		  "records that the backend acknowledged" },
		{ "baton_export_failures_total", "counter", "batches that failed, and were kept" },
		{ "baton_export_state", "gauge",
		  "0: it takes events; 1: paused after a failure; 2: parked until somebody changes something" },
	};
	struct exporter *exporter = server->exporter;
	uint64_t last = baton_journal_last_position(server->journal);
	struct backend *backend;

	if (!exporter)
		return;
	pthread_mutex_lock(&exporter->lock);
	for (unsigned i = 0; i < 5; i++) {
		baton_buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", families[i][0],
				 families[i][2], families[i][0], families[i][1]);
		DL_FOREACH(exporter->backends, backend)
			baton_buf_printf(out, "%s{backend=\"%s\"} %.15g\n", families[i][0],
					 backend->name, value_of(backend, i, last));
	}
	pthread_mutex_unlock(&exporter->lock);
}

void exporter_json(struct baton_server *server, struct baton_buf *out)
{
	static const char *const states[] = { "ok", "paused", "parked" };
	struct exporter *exporter = server->exporter;
	uint64_t last = baton_journal_last_position(server->journal);
	const char *comma = "";
	struct backend *backend;

	baton_buf_z(out, "[");
	if (exporter)
		pthread_mutex_lock(&exporter->lock);
	DL_FOREACH(exporter ? exporter->backends : NULL, backend) {
		baton_buf_printf(out,
				 "%s{\"backend\":\"%s\",\"state\":\"%s\",\"lag_records\":%llu,"
				 "\"failures\":%llu",
				 comma, backend->name, states[backend->shown.state],
				 (unsigned long long)lag_of(backend, last),
				 (unsigned long long)backend->shown.failures);
		if (backend->shown.state != EXPORT_OK) {
			baton_buf_printf(out, ",\"retry_ms\":%llu,\"why\":",
					 (unsigned long long)backend->shown.retry_ms);
			baton_buf_json(out, baton_str_of(backend->shown.why));
		}
		baton_buf_z(out, "}");
		comma = ",";
	}
	if (exporter)
		pthread_mutex_unlock(&exporter->lock);
	baton_buf_z(out, "]");
}

/* --- the thread --------------------------------------------------------------------------- */

struct wake_mail {
	struct baton_mail mail;
	struct exporter *exporter;
};

static void wake_deliver(struct baton_mail *mail, struct baton_loop *loop)
{
	struct exporter *exporter = ((struct wake_mail *)mail)->exporter;

	baton_free(mail);
	atomic_store(&exporter->signalled, 0);
	if (loop)
		go_all(exporter);
}

/* [journal's writer] Whoever adds a backend reads the log afterwards, so that one of the two sees
 * what the other has done. */
static void exporter_wake(void *ud)
{
	struct exporter *exporter = ud;

	if (!atomic_load(&exporter->has_backends))
		return;
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
					    batch_end, batch_fail, NULL,    retired,  NULL };
	char why[EXPORTER_WHY_MAX];

	exporter->rack = baton_rack_new(exporter->loop, &events);
	int rc = baton_rack_adopt(exporter->rack, exporter->live, why, sizeof(why));
	if (rc < 0)
		baton_log(BATON_LOG_ERROR, "modules_refused", "s", "why", why);
	else
		add_backends(exporter, exporter->live);
	return rc;
}

static void exporter_down(struct exporter *exporter)
{
	if (exporter->order)
		reply(exporter->order, BATON_E_CLOSED, "the server stops");
	while (exporter->orders) {
		struct switching *switching = exporter->orders;

		LL_DELETE(exporter->orders, switching);
		reply(switching, BATON_E_CLOSED, "the server stops");
	}
	exporter->order = NULL;
	baton_rack_free(&exporter->rack);
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
	exporter_down(exporter);
	return NULL;
}

int exporter_start(struct baton_server *server, struct baton_release *release)
{
	struct exporter *exporter = baton_new(struct exporter);

	exporter->server = server;
	exporter->live = archives_of(release);
	pthread_mutex_init(&exporter->lock, NULL);
	pthread_cond_init(&exporter->told, NULL);
	server->exporter = exporter;
	if (pthread_create(&exporter->thread, NULL, exporter_main, exporter) != 0) {
		baton_log(BATON_LOG_ERROR, "exporter_thread_failed", "");
		return BATON_E_IO;
	}
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
	struct backend *backend, *next;

	if (!exporter)
		return;
	if (atomic_load(&exporter->started) != 0) {
		baton_journal_on_commit(server->journal, FOLLOWER_SLOT, NULL, NULL);
		baton_loop_stop(exporter->loop);
		pthread_join(exporter->thread, NULL);
		baton_loop_free(&exporter->loop);
	}
	DL_FOREACH_SAFE(exporter->backends, backend, next)
	{
		DL_DELETE(exporter->backends, backend);
		backend_free(backend);
	}
	baton_release_unref(&exporter->leaving);
	baton_release_unref(&exporter->live);
	pthread_mutex_destroy(&exporter->lock);
	pthread_cond_destroy(&exporter->told);
	server->exporter = NULL;
	baton_free(exporter);
}
