/* SPDX-License-Identifier: Apache-2.0 */

/* A worker's thread: its parts come up in order, its loop runs, its parts go in reverse order. */

#include "core/server/crew.h"

#include "core/base/errors.h"
#include "core/base/log.h"

#include <stdio.h>

struct started { /* the starter waits on it */
	pthread_mutex_t lock;
	pthread_cond_t told;
	bool done;
	struct worker *worker;
};

struct worker *worker_of(struct baton_server *server, const struct baton_id *session)
{
	return &server->workers[baton_id_hash(session) % server->n_workers];
}

bool worker_enter(struct worker *worker)
{
	if (worker->in_shard > 0)
		return false;
	shard_enter(worker);
	return true;
}

void worker_leave(struct worker *worker)
{
	shard_leave(worker);
}

/* --- the lane's signals --- */

static void lane_deliver(struct baton_mail *mail, struct baton_loop *loop)
{
	struct worker *worker = ((struct lane_letter *)mail)->worker;

	atomic_store(&worker->lane_signalled, 0);
	if (loop && worker->lane)
		baton_lane_poll(worker->lane);
}

/* [journal's writer] */
static void lane_wake(void *ud)
{
	struct worker *worker = ud;

	if (!atomic_exchange(&worker->lane_signalled, 1))
		baton_loop_post(worker->loop, &worker->lane_letter.mail);
}

static void lane_hand_in(void *ud)
{
	struct worker *worker = ud;

	baton_lane_flush(worker->lane);
}

static void lane_committed(void *ud, uint64_t ticket, int rc, uint64_t position)
{
	struct worker *worker = ud;

	shard_enter(worker);
	baton_shard_committed(worker->shard, ticket, rc, position);
	shard_leave(worker);
}

/* --- the rack's ends --- */

#define HEARD(worker, call)          \
	do {                         \
		shard_enter(worker); \
		call;                \
		shard_leave(worker); \
	} while (0)

static void rack_intents(void *ud, uint64_t ticket, const baton_intents *intents)
{
	struct worker *worker = ud;

	HEARD(worker, baton_shard_heard_intents(worker->shard, ticket, intents));
}

static void rack_docs(void *ud, uint64_t ticket, const baton_doc *docs, uint32_t n)
{
	struct worker *worker = ud;

	HEARD(worker, baton_shard_heard_docs(worker->shard, ticket, docs, n));
}

static void rack_tool(void *ud, uint64_t ticket, const baton_tool_result *result)
{
	struct worker *worker = ud;

	HEARD(worker, baton_shard_heard_tool(worker->shard, ticket, result));
}

static void rack_delta(void *ud, uint64_t ticket, uint32_t kind, baton_str data)
{
	struct worker *worker = ud;

	HEARD(worker, baton_shard_heard_delta(worker->shard, ticket, kind, data));
}

static void rack_whole(void *ud, uint64_t ticket, baton_str text)
{
	struct worker *worker = ud;

	HEARD(worker, baton_shard_heard_whole(worker->shard, ticket, text));
}

static void rack_usage(void *ud, uint64_t ticket, const baton_usage *usage)
{
	struct worker *worker = ud;

	HEARD(worker, baton_shard_heard_usage(worker->shard, ticket, usage));
}

static void rack_end(void *ud, uint64_t ticket, uint32_t reason)
{
	struct worker *worker = ud;

	if (crew_heard(worker, ticket, NULL))
		return;
	HEARD(worker, baton_shard_heard_end(worker->shard, ticket, reason));
}

static void rack_fail(void *ud, uint64_t ticket, const baton_error *error)
{
	struct worker *worker = ud;

	if (crew_heard(worker, ticket, error))
		return;
	HEARD(worker, baton_shard_heard_fail(worker->shard, ticket, error));
}

static void rack_retired(void *ud, struct baton_release *release)
{
	crew_retired(ud, release);
}

/* --- up and down --- */

static int worker_up(struct worker *worker)
{
	struct baton_lane_events lane_events = { worker, lane_wake, lane_committed };
	struct baton_rack_events rack_events = {
		worker,   rack_intents, rack_docs,  rack_delta,   rack_usage,
		rack_end, rack_fail,    rack_whole, rack_retired, rack_tool,
	};
	struct baton_seam seam;

	int rc = baton_lane_open(worker->server->journal, &lane_events, &worker->lane);
	if (rc < 0)
		return rc;
	baton_lane_gather(worker->lane);
	baton_loop_before_wait(worker->loop, lane_hand_in, worker);
	worker->rack = baton_rack_new(worker->loop, &rack_events);
	worker_seam(worker, &seam);
	worker->shard = baton_shard_new(&seam);
	if (worker->index == 0)
		worker_desk_open(worker);
	return BATON_OK;
}

static void worker_down(struct worker *worker)
{
	if (worker->channel)
		worker->server->options.channel->close(worker->channel);
	worker->channel = NULL;
	baton_shard_free(&worker->shard);
	worker_desk_close(worker);
	worker_timers_free(worker);
	identities_leave(worker);
	crew_done(worker);
	if (worker->rack)
		baton_rack_free(&worker->rack);
	if (worker->lane)
		baton_lane_close(&worker->lane);
}

static void tell_started(struct started *started)
{
	pthread_mutex_lock(&started->lock);
	started->done = true;
	pthread_cond_signal(&started->told);
	pthread_mutex_unlock(&started->lock);
}

static void *worker_main(void *ud)
{
	struct started *started = ud;
	struct worker *worker = started->worker;
	char name[16];

	snprintf(name, sizeof(name), "worker-%u", worker->index);
	worker->loop = baton_loop_new(name);
	worker->rc = worker_up(worker);
	int rc = worker->rc;
	tell_started(started); /* `started` is gone after this */
	if (rc == BATON_OK)
		baton_loop_run(worker->loop);
	worker_down(worker);
	baton_mem_thread_done();
	return NULL;
}

int worker_start(struct worker *worker)
{
	struct started started = { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false,
				   worker };

	worker->port.worker = worker;
	worker->lane_letter.mail.deliver = lane_deliver;
	worker->lane_letter.worker = worker;
	if (pthread_create(&worker->thread, NULL, worker_main, &started) != 0)
		return BATON_E_IO;
	pthread_mutex_lock(&started.lock);
	while (!started.done)
		pthread_cond_wait(&started.told, &started.lock);
	pthread_mutex_unlock(&started.lock);
	pthread_mutex_destroy(&started.lock);
	pthread_cond_destroy(&started.told);
	worker->running = true;
	return worker->rc;
}

void workers_stop(struct baton_server *server)
{
	struct worker *workers = server->workers;

	for (unsigned i = 0; i < server->n_workers; i++)
		if (workers[i].running)
			baton_loop_stop(workers[i].loop);
	for (unsigned i = 0; i < server->n_workers; i++)
		if (workers[i].running)
			pthread_join(workers[i].thread, NULL);
	/* Workers write to each other until the last one is down: loops, and the letters in them,
	 * go after that. */
	for (unsigned i = 0; i < server->n_workers; i++)
		if (workers[i].running)
			baton_loop_free(&workers[i].loop);
}
