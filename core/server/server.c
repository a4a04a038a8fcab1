/* SPDX-License-Identifier: Apache-2.0 */

/* The parts come up in the order in which they need each other, and go in reverse. */

#include "core/server/server.h"

#include "core/base/errors.h"
#include "core/base/log.h"
#include "core/server/attach.h"
#include "core/server/exporter.h"
#include "core/server/loader.h"
#include "core/server/watch.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

enum { POLL_MS = 20, FLUSH_MS = 100 };

const char *baton_server_base(const struct baton_server *server)
{
	return server->base;
}

/* --- policies, journal, release --- */

static int open_journal(struct baton_server *server)
{
	char path[4096], key_path[4096];
	struct baton_journal_options options = { .path = path,
						 .key_path = key_path,
						 .not_durable = server->options.not_durable,
						 .delay_commit_us =
							 server->options.delay_commit_us };

	if (snprintf(path, sizeof(path), "%s/journal", server->options.data) >= (int)sizeof(path) ||
	    snprintf(key_path, sizeof(key_path), "%s/master.key", server->options.data) >=
		    (int)sizeof(key_path))
		return BATON_E_INVAL;
	return baton_journal_open(&options, &server->journal);
}

/* --- workers --- */

static int start_workers(struct baton_server *server)
{
	for (unsigned i = 0; i < server->n_workers; i++) {
		int rc = worker_start(&server->workers[i]);

		if (rc < 0)
			return rc;
	}
	return BATON_OK;
}

static bool recover_one(void *ud, const struct baton_id *session, uint64_t seq, uint32_t marks)
{
	struct baton_server *server = ud;

	(void)seq;
	(void)marks;
	worker_recover(worker_of(server, session), session);
	return true;
}

/* Letters to the workers, sent before anybody can connect: open turns and cases come first. */
static int recover_sessions(struct baton_server *server)
{
	uint32_t mask = BATON_MARK_TURN_OPEN | BATON_MARK_CASE_WAITING | BATON_MARK_CASE_CLAIMED;

	return baton_journal_work(server->journal, mask, recover_one, server);
}

struct order_mail { /* from the main thread to a worker */
	struct baton_mail mail;
	struct worker *worker;
	void (*carry_out)(struct worker *worker);
	_Atomic(int) *done;
};

static void order_deliver(struct baton_mail *mail, struct baton_loop *loop)
{
	struct order_mail *order = (struct order_mail *)mail;

	if (loop)
		order->carry_out(order->worker);
	atomic_fetch_add(order->done, 1);
	baton_free(order);
}

static void nap(long ms)
{
	nanosleep(&(struct timespec){ .tv_nsec = ms * 1000000 }, NULL);
}

/* Has every worker do something on its own loop, and waits for it. */
static void order_all(struct baton_server *server, void (*carry_out)(struct worker *worker))
{
	_Atomic(int) done = 0;

	for (unsigned i = 0; i < server->n_workers; i++) {
		struct order_mail *order = baton_new(struct order_mail);

		order->mail.deliver = order_deliver;
		order->worker = &server->workers[i];
		order->carry_out = carry_out;
		order->done = &done;
		baton_loop_post(server->workers[i].loop, &order->mail);
	}
	while (atomic_load(&done) < (int)server->n_workers)
		nap(1);
}

static void open_channel(struct worker *worker)
{
	worker->rc = worker->server->options.channel->open(&worker->port, &worker->channel);
}

static int open_channels(struct baton_server *server)
{
	order_all(server, open_channel);
	for (unsigned i = 0; i < server->n_workers; i++)
		if (server->workers[i].rc < 0)
			return server->workers[i].rc;
	return BATON_OK;
}

/* --- the end --- */

static void drain_worker(struct worker *worker)
{
	baton_shard_drain(worker->shard);
	worker->server->options.channel->drain(worker->channel);
}

/* To those whose answer did not end in time. */
static void say_bye(struct worker *worker)
{
	worker->server->options.channel->drain(worker->channel);
}

static void ask_idle(struct worker *worker)
{
	atomic_store(&worker->idle, baton_shard_idle(worker->shard));
}

static bool all_idle(struct baton_server *server)
{
	order_all(server, ask_idle);
	for (unsigned i = 0; i < server->n_workers; i++)
		if (!atomic_load(&server->workers[i].idle))
			return false;
	return true;
}

static uint64_t monotonic_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static bool signalled_again(const sigset_t *signals)
{
	return sigtimedwait(signals, NULL, &(struct timespec){ .tv_nsec = POLL_MS * 1000000 }) > 0;
}

static void drain(struct baton_server *server, const sigset_t *signals)
{
	/* Not the wall clock: that may jump, and the grace with it. */
	uint64_t until_ms = monotonic_ms() + server->options.grace_ms;

	baton_log(BATON_LOG_INFO, "draining", "u", "grace_ms", server->options.grace_ms);
	atomic_store(&server->draining, 1);
	order_all(server, drain_worker);
	while (!all_idle(server) && monotonic_ms() < until_ms && !signalled_again(signals))
		;
	order_all(server, say_bye);
	nap(FLUSH_MS); /* the last frames and the byes go out */
}

/* Who asked us to end while we did must not kill us once signals are let through again. */
static void take_late_signals(const sigset_t *signals)
{
	while (sigtimedwait(signals, NULL, &(struct timespec){ 0 }) > 0)
		;
}

static void said(void *ud, const struct loader_answer *answer)
{
	(void)ud;
	baton_log(answer->code < 0 ? BATON_LOG_WARN : BATON_LOG_INFO, "reloaded", "s", "answer",
		  answer->text);
}

/* SIGHUP: the policies and modules are read again. */
static void reload(struct baton_server *server)
{
	struct loader_request request = { .verb = LOADER_RELOAD, .cause = "signal" };

	loader_ask(server, &request, &(struct loader_asker){ .done = said });
}

static void wait_for_end(struct baton_server *server, const sigset_t *signals)
{
	int got = 0;

	while (got != SIGTERM && got != SIGINT) {
		if (sigwait(signals, &got) != 0)
			return;
		if (got == SIGHUP)
			reload(server);
	}
}

/* A release that went live while the thread was starting found nobody to tell. */
static int start_exporter(struct baton_server *server)
{
	struct baton_release *live = loader_live(server);
	int rc = exporter_start(server, live);
	struct baton_release *now = loader_live(server);

	if (rc == BATON_OK && now != live)
		exporter_switch(server, now);
	baton_release_unref(&now);
	baton_release_unref(&live);
	return rc;
}

static int bring_up(struct baton_server *server)
{
	int rc = open_journal(server);

	if (rc == BATON_OK)
		rc = attach_open(server);
	if (rc == BATON_OK)
		rc = loader_open(server);
	if (rc == BATON_OK)
		watch_open(server);
	if (rc == BATON_OK)
		rc = identities_open(server);
	if (rc == BATON_OK)
		rc = listen_open(server);
	if (rc == BATON_OK)
		rc = start_workers(server);
	if (rc == BATON_OK)
		rc = loader_start(server);
	if (rc == BATON_OK)
		rc = control_start(server);
	if (rc == BATON_OK)
		watch_start(server);
	if (rc == BATON_OK)
		rc = recover_sessions(server);
	if (rc == BATON_OK)
		rc = attach_start(server);
	if (rc == BATON_OK)
		rc = start_exporter(server);
	if (rc == BATON_OK)
		rc = open_channels(server);
	return rc;
}

static void bring_down(struct baton_server *server)
{
	exporter_stop(
		server); /* first: it writes to the workers; what is left it hands out next time */
	loader_stop(server);
	attach_stop(server);
	control_stop(server);
	workers_stop(server);
	control_free(server); /* behind the workers: they write to its loop */
	watch_close(server);
	listen_close(server);
	identities_close(server);
	loader_close(server);
	attach_close(server);
	if (server->journal)
		baton_journal_close(&server->journal);
}

static int server_new(const struct baton_server_options *options, struct baton_server **ret_server)
{
	if (options->workers == 0 || options->workers > BATON_WORKERS_MAX) {
		baton_log(BATON_LOG_ERROR, "workers_invalid", "uu", "workers",
			  (uint64_t)options->workers, "max", (uint64_t)BATON_WORKERS_MAX);
		return BATON_E_INVAL;
	}
	struct baton_server *server = baton_new(struct baton_server);
	server->options = *options;
	server->n_workers = options->workers;
	server->started_ms = baton_loop_unix_ms();
	server->workers = baton_alloc(options->workers * sizeof(*server->workers));
	for (unsigned i = 0; i < options->workers; i++) {
		server->workers[i].server = server;
		server->workers[i].index = i;
		server->workers[i].listen_fd = -1;
	}
	*ret_server = server;
	return BATON_OK;
}

int baton_server_run(const struct baton_server_options *options)
{
	struct baton_server *server = NULL;
	sigset_t signals, before;

	int rc = server_new(options, &server);
	if (rc < 0)
		return rc;
	/* Blocked before the first thread exists, so that only this one ever takes them. */
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGHUP);
	pthread_sigmask(SIG_BLOCK, &signals, &before);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN); /* a file at its limit is a full disk, not the end */

	rc = bring_up(server);
	if (rc == BATON_OK) {
		baton_log(BATON_LOG_INFO, "ready", "su", "base", server->base, "workers",
			  (uint64_t)server->n_workers);
		options->ready(options->ud, server);
		wait_for_end(server, &signals);
		drain(server, &signals);
	}
	bring_down(server);
	baton_log(BATON_LOG_INFO, "stopped", "i", "code", (int64_t)rc);
	take_late_signals(&signals);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	baton_free(server->workers);
	baton_free(server);
	return rc;
}
