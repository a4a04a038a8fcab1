/* SPDX-License-Identifier: Apache-2.0 */

/* What a module holds as baton_ctx: the host's name for one instance, and the ledger of everything
 * that instance has asked the host to run for it. */
#pragma once

#include "core/module/generation.h"

enum baton_ledger_kind {
	BATON_LEDGER_TIMER,
	BATON_LEDGER_JOB,
	BATON_LEDGER_HTTP,
	BATON_LEDGER_WATCH,
	BATON_LEDGER_KINDS
};

struct baton_ctx {
	uint32_t magic;
	struct baton_ctx *next; /* generation->ctxs */
	struct baton_generation *generation; /* counted while `loop` is set; the load ctx borrows */
	struct baton_rack *rack;             /* NULL: load's ctx, or it has left the rack */
	struct baton_loop
		*loop; /* NULL: none yet, or no more. Read by other threads under `lock` */
	pthread_t thread;
	pthread_mutex_t lock;
	void *inst;
	unsigned seats;      /* releases of the rack that it serves */
	unsigned open_calls; /* the module still owes them an end */
	bool created;
	bool closing;                      /* destroy() waits for the last job */
	struct baton_ledger_entry *ledger; /* by id */
	unsigned open[BATON_LEDGER_KINDS];
};

/* `rack` NULL: for load(). Belongs to the generation. */
struct baton_ctx *baton_ctx_new(struct baton_generation *generation, struct baton_rack *rack,
				struct baton_loop *loop);
void baton_ctx_free_all(struct baton_generation *generation);
/* Quiesces, and as soon as no job runs any more destroys the instance, frees what is left and drops
 * the reference on the generation. [loop] */
void baton_ctx_close(struct baton_ctx *ctx);

/* A call into module code, timed. `where` is what is called, for the log. */
struct baton_visit {
	struct baton_ctx *ctx;
	const char *where;
	uint64_t begin_ns;
	struct baton_beacon_was was;
};
struct baton_visit baton_visit_begin(struct baton_ctx *ctx, const char *where);
void baton_visit_end(const struct baton_visit *visit);

/* 0: `ctx` is an instance and this is its loop's thread. Else BATON_E_INVAL, _STATE, _THREAD;
 * counted. */
int baton_ctx_on_loop(struct baton_ctx *ctx, const char *what);
/* false: no ctx of ours. */
bool baton_ctx_ok(const struct baton_ctx *ctx);
void baton_ctx_breach(struct baton_ctx *ctx, enum baton_breach breach, const char *detail);

/* --- the ledger: host table functions [loop], see baton/module.h -------------------------- */

int32_t baton_ledger_timer(baton_ctx *ctx, uint32_t ms, void (*fn)(void *user), void *user,
			   baton_timer *out);
int32_t baton_ledger_timer_stop(baton_ctx *ctx, baton_timer timer);
int32_t baton_ledger_job(baton_ctx *ctx, void (*work)(void *user),
			 void (*done)(void *user, int32_t status), void *user, baton_job *out);
int32_t baton_ledger_post(baton_ctx *ctx, void (*fn)(void *user), void *user);
int32_t baton_ledger_watch(baton_ctx *ctx, int fd, uint32_t events,
			   void (*fn)(void *, int, uint32_t), void *user, baton_watch *out);
int32_t baton_ledger_watch_stop(baton_ctx *ctx, baton_watch watch);
int32_t baton_ledger_http(baton_ctx *ctx, const baton_http_req *req, const baton_http_cb *cb,
			  void *user, baton_http *out);
int32_t baton_ledger_http_pause(baton_ctx *ctx, baton_http http, uint32_t paused);
int32_t baton_ledger_http_stop(baton_ctx *ctx, baton_http http);
/* Stops and frees everything but jobs; returns how many there were. */
unsigned baton_ledger_clear(struct baton_ctx *ctx);
/* The host table that every module gets. */
const baton_host *baton_host_table(void);
