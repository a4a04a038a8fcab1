/* SPDX-License-Identifier: Apache-2.0 */

/* The store of attachments in the server. Sweeping reads the log and the disk, so it has a thread
 * of its own that sleeps most of the time. */
#include "core/server/attach.h"

#include "core/base/errors.h"
#include "core/base/log.h"
#include "core/files/files.h"
#include "core/server/worker.h"

#include <errno.h>
#include <stdio.h>
#include <time.h>

enum { SWEEP_MS_MAX = 5 * 60 * 1000, SWEEP_MS_MIN = 100 };

struct attach {
	struct baton_server *server;
	struct baton_files *files;
	uint64_t sweep_ms;
	pthread_t thread;
	bool running;
	pthread_mutex_t lock;
	pthread_cond_t told;
	bool stopping; /* under lock */
	_Atomic(uint64_t) removed;
};

int attach_open(struct baton_server *server)
{
	struct attach *attach = baton_new(struct attach);
	uint64_t keep_ms = server->options.attachment_keep_ms;
	pthread_condattr_t attr;
	char path[4096];

	server->attach = attach;
	attach->server = server;
	pthread_mutex_init(&attach->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&attach->told, &attr);
	pthread_condattr_destroy(&attr);
	attach->sweep_ms = (keep_ms ? keep_ms : BATON_FILES_KEEP_MS) / 4;
	if (attach->sweep_ms > SWEEP_MS_MAX)
		attach->sweep_ms = SWEEP_MS_MAX;
	if (attach->sweep_ms < SWEEP_MS_MIN)
		attach->sweep_ms = SWEEP_MS_MIN;
	if (snprintf(path, sizeof(path), "%s/attachments", server->options.data) >=
	    (int)sizeof(path))
		return BATON_E_INVAL;
	return baton_files_open(&(struct baton_files_options){ .path = path,
							       .journal = server->journal,
							       .keep_ms = keep_ms },
				&attach->files);
}

void attach_close(struct baton_server *server)
{
	struct attach *attach = server->attach;

	if (!attach)
		return;
	baton_files_close(&attach->files);
	pthread_cond_destroy(&attach->told);
	pthread_mutex_destroy(&attach->lock);
	baton_free(attach);
	server->attach = NULL;
}

/* --- the thread ---------------------------------------------------------------------------- */

/* False: it is to end. */
static bool nap(struct attach *attach)
{
	struct timespec until;

	(void)clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += (time_t)(attach->sweep_ms / 1000);
	until.tv_nsec += (long)(attach->sweep_ms % 1000) * 1000000;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	pthread_mutex_lock(&attach->lock);
	while (!attach->stopping &&
	       pthread_cond_timedwait(&attach->told, &attach->lock, &until) != ETIMEDOUT)
		;
	bool goes_on = !attach->stopping;
	pthread_mutex_unlock(&attach->lock);
	return goes_on;
}

static void *attach_main(void *ud)
{
	struct attach *attach = ud;

	do {
		uint64_t removed = baton_files_sweep(attach->files, baton_loop_unix_ms());

		if (removed > 0)
			baton_log(BATON_LOG_INFO, "attachments_removed", "u", "files", removed);
		atomic_fetch_add(&attach->removed, removed);
	} while (nap(attach));
	baton_mem_thread_done();
	return NULL;
}

int attach_start(struct baton_server *server)
{
	struct attach *attach = server->attach;

	attach->running = pthread_create(&attach->thread, NULL, attach_main, attach) == 0;
	return attach->running ? BATON_OK : BATON_E_NOMEM;
}

void attach_stop(struct baton_server *server)
{
	struct attach *attach = server->attach;

	if (!attach || !attach->running)
		return;
	pthread_mutex_lock(&attach->lock);
	attach->stopping = true;
	pthread_cond_signal(&attach->told);
	pthread_mutex_unlock(&attach->lock);
	pthread_join(attach->thread, NULL);
	attach->running = false;
}

void attach_metrics(struct baton_server *server, struct baton_buf *out)
{
	struct baton_files_stats stats;

	baton_files_stats(server->attach->files, &stats);
	baton_metrics_gauge_text(out, "baton_attachments_new", "files of the last hour",
				 (double)stats.porch);
	baton_metrics_gauge_text(out, "baton_attachments_new_bytes", "bytes of them",
				 (double)stats.porch_bytes);
	baton_metrics_gauge_text(out, "baton_attachments_uploads", "uploads under way",
				 (double)stats.uploads);
	baton_metrics_counter_text(
		out, "baton_attachments_removed_total",
		"files that no message named in time, or of erased conversations",
		atomic_load(&server->attach->removed));
}

/* --- what channels ask --------------------------------------------------------------------- */

struct baton_files *attach_files(struct baton_server *server)
{
	return server->attach->files;
}

struct baton_files *baton_port_files(struct baton_port *port)
{
	return port->worker->server->attach->files;
}

int baton_port_upload_new(struct baton_port *port, const struct baton_port_upload *ask,
			  struct baton_upload **ret_upload)
{
	const struct baton_attachments_def *def =
		&baton_release_policy(port->worker->live)->attachments;

	if (!def->enabled)
		return BATON_E_DENIED;
	return baton_upload_new(baton_port_files(port),
				&(struct baton_upload_ask){
					.session = ask->session,
					.id = baton_port_new_session(port),
					.bytes = ask->bytes,
					.unix_ms = baton_loop_unix_ms(),
					.name = ask->name,
					.agent = ask->agent,
					.bytes_max = def->bytes_max,
					.session_bytes_max = def->session_bytes_max,
					.types = def->types,
					.n_types = def->n_types,
				},
				ret_upload);
}

bool baton_port_attachment(struct baton_port *port, const struct baton_id *session, baton_str text,
			   baton_str agent, struct baton_file_info *ret_info)
{
	struct baton_id id;

	/* Each names what he has sent himself. */
	return baton_id_parse(text, &id) == 0 &&
	       baton_files_find(baton_port_files(port), session, &id, ret_info) &&
	       baton_str_is(agent, ret_info->agent);
}
