/* SPDX-License-Identifier: Apache-2.0 */

/* The loader's thread: its line of requests, its clock, its life. What it does with a request is
 * change.c, what it remembers releases.c. */

#include "core/server/loader.h"

#include "core/base/errors.h"
#include "core/base/json.h"
#include "core/base/log.h"
#include "core/server/crash.h"
#include "core/server/figures.h"
#include "core/server/releases.h"

#include <stdio.h>
#include <stdlib.h>

enum { TICK_MS = 250, WHY_LIVE_WAIT_MS = 2000, WHY_LIVE_MAX = 1000 };
static const char number_key[] = "release/number";

/* --- numbers ------------------------------------------------------------------------------- */

/* They go on over restarts: a transcript names them. One that cannot be written down is used all
 * the same; at worst two releases of two processes share it. */
uint64_t loader_next_number(struct loader *loader)
{
	struct baton_buf value = { NULL, 0, 0 };
	uint64_t last = 0;

	if (baton_journal_get(loader->server->journal, baton_str_of(number_key), &value) == 0 &&
	    value.n > 0)
		last = strtoull(value.p, NULL, 10);
	baton_buf_done(&value);
	return last + 1;
}

void loader_use_number(struct loader *loader, uint64_t number)
{
	struct baton_buf value = { NULL, 0, 0 };

	baton_buf_u64(&value, number);
	if (baton_journal_put(loader->server->journal, baton_str_of(number_key),
			      baton_buf_view(&value)) < 0)
		baton_log(BATON_LOG_WARN, "release_number_unwritten", "u", "release", number);
	baton_buf_done(&value);
}

static void gone(void *ud, struct baton_meter *meter)
{
	loader_counted(ud, meter);
}

void loader_stage_options(struct loader *loader, char *run_dir, struct baton_stage_options *ret)
{
	const struct baton_server_options *options = &loader->server->options;

	snprintf(run_dir, 4096, "%s/run", options->data);
	*ret = (struct baton_stage_options){ .modules_dir = options->modules_dir,
					     .run_dir = run_dir,
					     .secrets_dir = options->secrets_dir,
					     .journal = loader->server->journal,
					     .ca_file = options->ca_file,
					     .allow_loopback_http = options->allow_loopback_http,
					     .modhost = options->modhost,
					     .shelf = loader->shelf,
					     .ud = loader,
					     .step = release_log_step,
					     .crashed = loader_crashed,
					     .gone = gone };
}

void loader_count_quarantine(struct loader *loader)
{
	struct baton_buf text = { NULL, 0, 0 };
	struct baton_json shelf, all, one;
	unsigned n = 0;
	size_t at = 0;

	baton_shelf_json(loader->shelf, &text);
	if (baton_json_parse(baton_buf_view(&text), &shelf) == 0) {
		all = baton_json_get(&shelf, "quarantined");
		while (baton_json_element(&all, &at, &one))
			n++;
	}
	atomic_store(&loader->quarantined, n);
	baton_buf_done(&text);
}

/* --- the first release --------------------------------------------------------------------- */

static void report_finding(void *ud, const struct baton_policy_finding *finding)
{
	(void)ud;
	baton_log(finding->is_error ? BATON_LOG_ERROR : BATON_LOG_WARN, "policy_finding", "suus",
		  "file", finding->file ? finding->file : "", "line", (uint64_t)finding->line,
		  "column", (uint64_t)finding->column, "text", finding->text);
}

static int stage_first(struct loader *loader, struct baton_release **ret)
{
	const char *path = loader->server->options.policies;
	struct baton_policy *policy = NULL;
	struct baton_stage_options options;
	char run_dir[4096], why[512];

	int rc = baton_policy_load(path, report_finding, NULL, &policy);
	if (rc < 0) {
		baton_log(BATON_LOG_ERROR, "policies_refused", "ss", "path", path, "hint",
			  "run `baton check` on it");
		return rc;
	}
	loader_stage_options(loader, run_dir, &options);
	options.boot = true;
	rc = baton_release_stage(&options, NULL, policy, loader_next_number(loader), ret, why,
				 sizeof(why));
	if (rc < 0) {
		baton_log(BATON_LOG_ERROR, "release_refused", "s", "why", why);
		baton_policy_free(&policy);
	}
	return rc;
}

static int open_shelf(struct loader *loader)
{
	char dir[4096], why[512];

	snprintf(dir, sizeof(dir), "%s/shelf", loader->server->options.data);
	int rc = baton_shelf_open(&(struct baton_shelf_options){ .dir = dir }, &loader->shelf, why,
				  sizeof(why));
	if (rc < 0)
		baton_log(BATON_LOG_ERROR, "shelf_refused", "s", "why", why);
	return rc;
}

/* Who ended the last process, before anything of it is let in again; and who may end this one. */
static void mind_crashes(struct loader *loader)
{
	char run_dir[4096];

	snprintf(run_dir, sizeof(run_dir), "%s/run", loader->server->options.data);
	(void)crash_settle(run_dir, loader->shelf, NULL);
	loader_count_quarantine(loader);
	(void)crash_install(run_dir);
	(void)crash_watch_start(0, 0);
}

int loader_open(struct baton_server *server)
{
	struct loader *loader = baton_new(struct loader);
	struct baton_release *release = NULL;

	server->loader = loader;
	loader->server = server;
	loader->line_end = &loader->line;
	loader->figures = figures_new();
	pthread_mutex_init(&loader->lock, NULL);
	int rc = open_shelf(loader);
	if (rc == BATON_OK) {
		mind_crashes(loader);
		rc = stage_first(loader, &release);
	}
	if (rc < 0)
		return rc;
	loader_use_number(loader, baton_release_number(release));
	struct book *book = book_new(loader, release);
	book->loader = loader;
	book->modules_changed = (unsigned)baton_release_size(release);
	pthread_mutex_lock(&loader->lock);
	loader->live = book; /* for what is opened before the workers run */
	pthread_mutex_unlock(&loader->lock);
	return BATON_OK;
}

/* --- the thread ---------------------------------------------------------------------------- */

static void on_tick(void *ud)
{
	struct loader *loader = ud;

	loader->tick = baton_loop_timer(loader->loop, TICK_MS, on_tick, loader);
	change_tick(loader);
}

static void *loader_main(void *ud)
{
	struct loader *loader = ud;
	struct queued *queued;

	loader->tick = baton_loop_timer(loader->loop, TICK_MS, on_tick, loader);
	baton_loop_run(loader->loop);
	pthread_mutex_lock(&loader->lock);
	loader->stopping = true;
	pthread_mutex_unlock(&loader->lock);
	change_abandon(loader);
	while ((queued = loader->line)) {
		static const struct loader_answer closed = { .code = BATON_E_CLOSED,
							     .text = "refused: the server stops" };

		loader->line = queued->next;
		if (queued->asker.done)
			queued->asker.done(queued->asker.ud, &closed);
		baton_free(queued);
	}
	baton_mem_thread_done();
	return NULL;
}

/* Who starts the server waits for its first release. */
struct booting {
	pthread_mutex_t lock;
	pthread_cond_t told;
	bool done;
	int code;
	char text[LOADER_TEXT_MAX];
};

static void booted(void *ud, const struct loader_answer *said)
{
	struct booting *booting = ud;

	pthread_mutex_lock(&booting->lock);
	booting->code = said->code;
	snprintf(booting->text, sizeof(booting->text), "%s", said->text);
	booting->done = true;
	pthread_cond_signal(&booting->told);
	pthread_mutex_unlock(&booting->lock);
}

struct boot_mail {
	struct baton_mail mail;
	struct loader *loader;
	struct loader_asker asker;
};

static void boot_deliver(struct baton_mail *mail, struct baton_loop *loop)
{
	struct boot_mail *letter = (struct boot_mail *)mail;
	struct loader *loader = letter->loader;
	struct loader_asker asker = letter->asker;
	struct book *book = loader->live;

	baton_free(letter);
	if (!loop)
		return;
	pthread_mutex_lock(&loader->lock);
	loader->live = NULL; /* until it is published */
	pthread_mutex_unlock(&loader->lock);
	change_boot(loader, book, &asker);
}

int loader_start(struct baton_server *server)
{
	struct loader *loader = server->loader;
	struct booting booting = { .lock = PTHREAD_MUTEX_INITIALIZER,
				   .told = PTHREAD_COND_INITIALIZER };
	struct boot_mail *letter = baton_new(struct boot_mail);

	loader->loop = baton_loop_new("loader");
	letter->mail.deliver = boot_deliver;
	letter->loader = loader;
	letter->asker = (struct loader_asker){ .ud = &booting, .done = booted };
	baton_loop_post(loader->loop, &letter->mail);
	if (pthread_create(&loader->thread, NULL, loader_main, loader) != 0)
		return BATON_E_IO;
	loader->running = true;
	pthread_mutex_lock(&booting.lock);
	while (!booting.done)
		pthread_cond_wait(&booting.told, &booting.lock);
	pthread_mutex_unlock(&booting.lock);
	if (booting.code < 0)
		baton_log(BATON_LOG_ERROR, "modules_refused", "s", "why", booting.text);
	return booting.code;
}

void loader_stop(struct baton_server *server)
{
	struct loader *loader = server->loader;

	if (!loader || !loader->running)
		return;
	baton_loop_stop(loader->loop);
	pthread_join(loader->thread, NULL);
	loader->running = false;
}

void loader_close(struct baton_server *server)
{
	struct loader *loader = server->loader;

	if (!loader)
		return;
	if (loader->loop)
		baton_loop_free(&loader->loop);
	books_free(loader);
	crash_watch_stop(); /* no module code runs any more */
	crash_remove();
	baton_shelf_close(&loader->shelf);
	figures_free(&loader->figures);
	pthread_mutex_destroy(&loader->lock);
	baton_free(loader);
	server->loader = NULL;
}

/* --- the line ------------------------------------------------------------------------------ */

struct knock_mail {
	struct baton_mail mail;
	struct loader *loader;
};

static void knock_deliver(struct baton_mail *mail, struct baton_loop *loop)
{
	struct loader *loader = ((struct knock_mail *)mail)->loader;

	baton_free(mail);
	if (loop)
		change_next(loader);
}

void loader_ask(struct baton_server *server, const struct loader_request *request,
		const struct loader_asker *asker)
{
	struct loader *loader = server->loader;
	struct queued *queued = baton_new(struct queued);

	queued->request = *request;
	queued->asker = *asker;
	pthread_mutex_lock(&loader->lock);
	/* Admins wait in a line of bounded length; a verdict on a canary must not be lost. */
	bool full = asker->done && loader->n_line >= LOADER_QUEUE_MAX, stopping = loader->stopping;
	if (!full && !stopping) {
		*loader->line_end = queued;
		loader->line_end = &queued->next;
		loader->n_line++;
	}
	pthread_mutex_unlock(&loader->lock);
	if (full || stopping) {
		struct loader_answer no = {
			.code = stopping ? BATON_E_CLOSED : BATON_E_LIMIT,
			.text = stopping ? "refused: the server stops"
					 : "refused: 16 changes wait already; try again"
		};

		baton_free(queued);
		if (asker->done)
			asker->done(asker->ud, &no);
		return;
	}
	struct knock_mail *letter = baton_new(struct knock_mail);
	letter->mail.deliver = knock_deliver;
	letter->loader = loader;
	baton_loop_post(loader->loop, &letter->mail);
}

/* --- asked from elsewhere ------------------------------------------------------------------ */

struct baton_release *loader_live(struct baton_server *server)
{
	struct loader *loader = server->loader;

	pthread_mutex_lock(&loader->lock);
	struct baton_release *release =
		loader->live ? baton_release_ref(loader->live->release) : NULL;
	pthread_mutex_unlock(&loader->lock);
	return release;
}

struct baton_shelf *loader_shelf(struct baton_server *server)
{
	return server->loader->shelf;
}

int loader_forgive(struct baton_server *server, const char *sha, uint8_t ret_sha256[32])
{
	int rc = baton_shelf_forgive(server->loader->shelf, sha, ret_sha256);

	loader_count_quarantine(server->loader);
	return rc;
}

static uint64_t violations_of(const struct loader *loader)
{
	const struct baton_release *release = loader->candidate->release;
	struct baton_generation_view view;
	uint64_t n = 0;

	for (size_t i = 0; i < baton_release_size(release); i++) {
		if (baton_release_shares(release, i, loader->live->release))
			continue;
		baton_release_view(release, i, &view);
		n += view.violations;
	}
	return n;
}

void loader_turned(struct baton_server *server, const struct baton_release *release,
		   const struct baton_trial_sample *sample)
{
	struct loader *loader = server->loader;
	const struct baton_release *on_trial = atomic_load(&loader->on_trial);
	struct baton_trial_sample counted = *sample;

	if (!on_trial)
		return;
	pthread_mutex_lock(&loader->lock);
	if (release == on_trial && loader->candidate) {
		uint64_t n = violations_of(loader);

		counted.violations += (uint32_t)(n - loader->trial_violations);
		loader->trial_violations = n;
		baton_trial_add(&loader->trial, BATON_TRIAL_CANDIDATE, &counted);
	} else if (loader->live && release == loader->live->release) {
		baton_trial_add(&loader->trial, BATON_TRIAL_STABLE, &counted);
	}
	pthread_mutex_unlock(&loader->lock);
}

/* --- why does it live? --------------------------------------------------------------------- */

/* Shared with letters that may come after nobody waits any more. */
struct asking {
	pthread_mutex_t lock;
	pthread_cond_t told;
	unsigned left, refs, n;
	uint64_t release; /* 0: all that are not live */
	struct baton_buf out;
};

struct asking_mail {
	struct baton_mail mail;
	struct worker *worker;
	struct asking *asking;
};

static void asking_unref(struct asking *asking)
{
	pthread_mutex_lock(&asking->lock);
	bool last = --asking->refs == 0;
	pthread_mutex_unlock(&asking->lock);
	if (!last)
		return;
	pthread_mutex_destroy(&asking->lock);
	pthread_cond_destroy(&asking->told);
	baton_buf_done(&asking->out);
	baton_free(asking);
}

struct pinned {
	struct worker *worker;
	struct asking *asking;
};

static void put_pin(void *ud, const struct baton_shard_pin *pin)
{
	struct pinned *pinned = ud;
	struct asking *asking = pinned->asking;
	uint64_t number = baton_release_number(pin->release);
	char session[BATON_ID_TEXT + 1];

	if (pin->release == pinned->worker->live ||
	    (asking->release != 0 && number != asking->release) || asking->n == WHY_LIVE_MAX)
		return;
	baton_id_text(pin->session, session);
	baton_buf_printf(
		&asking->out,
		"%s{\"release\":%llu,\"worker\":%u,\"session\":\"%s\",\"turn\":%llu,\"step\":\"%s\",\"for_ms\":%llu,\"deadline_ms\":%llu}",
		asking->n++ ? "," : "", (unsigned long long)number, pinned->worker->index, session,
		(unsigned long long)pin->turn, pin->step, (unsigned long long)pin->for_ms,
		(unsigned long long)pin->left_ms);
}

static void asking_deliver(struct baton_mail *mail, struct baton_loop *loop)
{
	struct asking_mail *letter = (struct asking_mail *)mail;
	struct asking *asking = letter->asking;
	struct pinned pinned = { letter->worker, asking };

	pthread_mutex_lock(&asking->lock);
	if (loop && letter->worker->shard)
		baton_shard_pins(letter->worker->shard, put_pin, &pinned);
	asking->left--;
	pthread_cond_signal(&asking->told);
	pthread_mutex_unlock(&asking->lock);
	asking_unref(asking);
	baton_free(letter);
}

void loader_why_live(struct baton_server *server, uint64_t release, struct baton_buf *out)
{
	struct asking *asking = baton_new(struct asking);
	struct timespec until;

	pthread_mutex_init(&asking->lock, NULL);
	pthread_cond_init(&asking->told, NULL);
	asking->release = release;
	asking->left = server->n_workers;
	asking->refs = server->n_workers + 1;
	for (unsigned i = 0; i < server->n_workers; i++) {
		struct asking_mail *letter = baton_new(struct asking_mail);

		letter->mail.deliver = asking_deliver;
		letter->worker = &server->workers[i];
		letter->asking = asking;
		baton_loop_post(server->workers[i].loop, &letter->mail);
	}
	(void)clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += WHY_LIVE_WAIT_MS / 1000;
	pthread_mutex_lock(&asking->lock);
	while (asking->left > 0 &&
	       pthread_cond_timedwait(&asking->told, &asking->lock, &until) == 0)
		;
	baton_buf_z(out, "[");
	baton_buf_str(out, baton_buf_view(&asking->out));
	baton_buf_z(out, "]");
	pthread_mutex_unlock(&asking->lock);
	asking_unref(asking);
}
