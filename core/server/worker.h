/* SPDX-License-Identifier: Apache-2.0 */

/* A worker: a thread with an event loop, a journal lane, a shard of sessions, an instance of every
 * module, and its own listening socket. Internal to core/server.
 */
#pragma once

#include "core/actor/shard.h"
#include "core/base/table.h"
#include "core/desk/desk.h"
#include "core/journal/journal.h"
#include "core/module/release.h"
#include "core/observe/metrics.h"
#include "core/server/server.h"

#include <pthread.h>

struct baton_identities;

struct key_timer {
	uint64_t key, timer;
	struct worker *worker;
	UT_hash_handle hh;
};

struct baton_port {
	struct worker *worker;
};

/* One is enough, however often the writer calls before it is read. */
struct lane_letter {
	struct baton_mail mail; /* first */
	struct worker *worker;
};

struct worker {
	struct baton_server *server;
	unsigned index;
	pthread_t thread;
	struct baton_port port;
	struct baton_loop *loop;
	struct baton_lane *lane;
	struct baton_rack *rack;
	struct baton_release *live;   /* what a new turn pins; counted */
	struct adoption *adoptions;   /* crew.c */
	struct leaving *leaving;
	uint64_t last_adoption;
	struct baton_release *canary; /* ... of this share of the sessions; NULL: none */
	uint32_t canary_ppm;
	struct baton_shard *shard;
	unsigned
		in_shard; /* its code is on the stack: what comes for it goes through the mailbox */
	struct baton_desk *desk; /* of worker 0 */
	uint64_t desk_timer;
	struct key_timer *timers;
	struct evp_mac_ctx_st *proof; /* of sessions; identity.c */
	void *channel;
	int listen_fd;
	bool running;                /* the thread exists */
	int rc;                      /* why it could not start */
	_Atomic(int) lane_signalled; /* lane_letter is on its way, which will poll the lane */
	struct lane_letter lane_letter;
	_Atomic(int) idle;           /* draining and nothing left to do */
	struct baton_metrics metrics;
};

struct baton_server {
	struct baton_server_options options;
	struct baton_journal *journal;
	struct loader *loader; /* loader.h */
	struct baton_identities *identities;
	struct exporter *exporter;
	struct control *control; /* control.h */
	struct watch *watch;     /* watch.h */
	struct attach *attach;   /* attach.h */
	struct worker *workers;
	unsigned n_workers;
	char base[128];
	struct baton_metrics export_metrics; /* of the exporter's thread */
	_Atomic(int) draining;
	uint64_t started_ms;
};

/* --- worker.c --- */
/* Starts the thread and waits until its parts exist. 0 or why not. */
int worker_start(struct worker *worker);
/* Stops all loops, joins all threads, frees what is left in their mailboxes. */
void workers_stop(struct baton_server *server);
struct worker *worker_of(struct baton_server *server, const struct baton_id *session);
/* Around all that calls the shard's code. */
static inline void shard_enter(struct worker *worker)
{
	worker->in_shard++;
}
static inline void shard_leave(struct worker *worker)
{
	worker->in_shard--;
}
/* The shard's code may be entered, and is: nothing of it is on the stack. */
bool worker_enter(struct worker *worker);
void worker_leave(struct worker *worker);

/* --- seam.c --- */
void worker_seam(struct worker *worker, struct baton_seam *ret_seam);
void worker_timers_free(struct worker *worker);
/* [any] Random bytes at little cost, at most 512 at a time; no secrets are made of them. */
void worker_random(void *p, size_t n);
void worker_notify(struct worker *worker, baton_conn conn, struct baton_notice *notice);
/* The same by letter, for who is asked something by the very connection. */
void worker_notify_later(struct worker *worker, baton_conn conn, struct baton_notice *notice);

/* --- port.c --- */
/* [any] As baton_port_command(), but always by letter. */
void worker_command(struct worker *worker, const struct baton_id *session, baton_conn conn,
		    const struct baton_command *command);
void worker_recover(struct worker *worker, const struct baton_id *session);
void worker_saved(struct worker *worker, const struct baton_id *session, baton_str backend,
		  uint64_t upto);

/* --- desk.c: worker 0 alone has one; the others do nothing here --- */
void worker_desk_open(struct worker *worker);
void worker_desk_close(struct worker *worker);
/* These policies hold from now on; the ones before are still there. */
void worker_desk_adopt(struct worker *worker, struct baton_release *release);
void worker_desk_hear(struct worker *worker, struct baton_notice *notice);
void worker_desk_metrics(struct worker *worker, struct baton_buf *out);

/* --- watch.c --- */
/* [any] A held conversation may go on, if what it waits for has come back. */
void worker_resume(struct worker *worker, const struct baton_id *session);

/* --- desk_words.c --- */
/* See baton_port_desk_words(). */
void desk_words(const struct baton_policy *policy, baton_str agent_id, struct baton_buf *out);

/* --- listen.c --- */
/* "host:port" or "[v6]:port" -> one bound SO_REUSEPORT socket per worker; port 0 picks one for all.
 * 0, BATON_E_INVAL or BATON_E_IO, with a logged reason. */
int listen_open(struct baton_server *server);
void listen_close(struct baton_server *server);

/* --- identity.c --- */
int identities_open(struct baton_server *server);
void identities_close(struct baton_server *server);
/* What the worker keeps at hand of it. */
void identities_leave(struct worker *worker);
/* [any that may wait] From now on the agents of this set may come in, and its keys are believed.
 * Those who are in stay. */
void identities_adopt(struct baton_server *server, const struct baton_policy *policy);

