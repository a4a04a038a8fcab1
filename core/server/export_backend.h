/* SPDX-License-Identifier: Apache-2.0 */

/* One transcript backend: its cursor, the batch that is out, when to try again. Everything here is
 * the exporter's loop's, except `shown`, which others read under the exporter's lock. */
#pragma once

#include "core/base/id.h"
#include "core/base/limits.h"
#include "core/server/exporter.h"
#include "core/server/worker.h"

enum {
	EXPORT_BATCH = 256,
	EXPORT_BATCH_BYTES = 512 * 1024,
	EXPORT_BATCH_MS = 30000,
	EXPORT_PAUSE_MS_MIN = 500,
	EXPORT_PAUSE_MS_MAX = 30000,
	EXPORT_PARKED_MS = 300000, /* what only a person can change is not tried every few seconds */
	EXPORT_WHY_MAX = 240
};

enum export_state { EXPORT_OK, EXPORT_PAUSED, EXPORT_PARKED };

struct backend {
	struct backend *prev, *next;
	struct exporter *exporter;
	char name[BATON_NAME_BYTES_MAX + 1]; /* in modules.yaml */
	struct baton_release *release;       /* whose instance gets the batches; counted */
	uint64_t generation;                 /* its number */
	bool waits; /* the release it had is still ending: nothing is handed out */
	bool goes;  /* the next release has it no more */
	uint64_t cursor, batch_last, ticket, pause_ms, timer;
	/* A batch that failed is cut at the same place when it is handed out again, so that a receiver
	 * knows it by its ends. 0: as many as there are. */
	size_t retry_n;
	baton_entry *entries;
	size_t n_entries, n_bytes;
	struct { /* sessions resolved in the batch */
		struct baton_id session;
		uint64_t seq;
	} resolved[EXPORT_BATCH];
	size_t n_resolved;
	struct baton_arena arena; /* of the batch */
	struct {                  /* under the exporter's lock */
		enum export_state state;
		uint64_t cursor, exported, failures, oldest_ms, retry_ms;
		unsigned row; /* failures since the last batch that was taken */
		char why[EXPORT_WHY_MAX];
	} shown;
};

struct exporter {
	struct baton_server *server;
	pthread_t thread;
	struct baton_loop *loop;
	struct baton_rack *rack;
	struct baton_release *live; /* its archives; counted */
	struct backend *backends;
	uint64_t last_ticket;
	struct switching *order, *orders; /* carried out; waiting behind it */
	struct baton_release *leaving;    /* what `order` replaces; counted */
	uint64_t switch_timer, next_timer;
	_Atomic(int) signalled;
	_Atomic(bool) has_backends; /* without any a commit wakes nobody */
	_Atomic(int) started; /* 1 up, -1 failed */
	pthread_mutex_t lock; /* `started`, the list of backends and what they show */
	pthread_cond_t told;
};

/* With its cursor; a backend that has none begins at the start of the log, or at its end. */
struct backend *backend_new(struct exporter *exporter, const char *name, bool from_now);
void backend_free(struct backend *backend);
void backend_serve(struct backend *backend, struct baton_release *release, uint64_t generation);
/* Hands out the next batch, if there is one and none is out. */
void backend_go(struct backend *backend);
/* The batch that is out, if any, is nobody's any more; nor does it wait to try again. */
void backend_halt(struct backend *backend);
void backend_taken(struct backend *backend);
void backend_failed(struct backend *backend, const baton_error *error);
