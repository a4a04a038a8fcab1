/* SPDX-License-Identifier: Apache-2.0 */

/* The life of an instance's ctx. Surprising: destroy() may come later than the rack's end. A job
 * that runs on a pool thread may still use the instance, and a loop does not wait; so the instance
 * is destroyed by whoever comes last, the rack's end or the last job's. */
#include "core/module/ctx.h"

#include "core/base/errors.h"
#include "core/base/log.h"
#include "core/base/mem.h"

#include <stdio.h>
#include <time.h>

enum { CTX_MAGIC = 0x43545831 };

static uint64_t now_ns(void)
{
	struct timespec ts;
	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

struct baton_ctx *baton_ctx_new(struct baton_generation *generation, struct baton_rack *rack,
				struct baton_loop *loop)
{
	struct baton_ctx *ctx = baton_new(struct baton_ctx);
	ctx->magic = CTX_MAGIC;
	ctx->generation = loop ? baton_generation_ref(generation) : generation;
	ctx->rack = rack;
	ctx->loop = loop;
	ctx->thread = pthread_self();
	(void)pthread_mutex_init(&ctx->lock, NULL);
	(void)pthread_mutex_lock(&generation->ctxs_lock);
	ctx->next = generation->ctxs;
	generation->ctxs = ctx;
	(void)pthread_mutex_unlock(&generation->ctxs_lock);
	return ctx;
}

void baton_ctx_free_all(struct baton_generation *generation)
{
	while (generation->ctxs) {
		struct baton_ctx *ctx = generation->ctxs;
		generation->ctxs = ctx->next;
		(void)pthread_mutex_destroy(&ctx->lock);
		ctx->magic = 0;
		baton_free(ctx);
	}
}

struct baton_visit baton_visit_begin(struct baton_ctx *ctx, const char *where)
{
	return (struct baton_visit){ ctx, where, now_ns(),
				     baton_beacon_enter(ctx->generation->place, where,
							BATON_BEACON_LOOP) };
}

void baton_visit_end(const struct baton_visit *visit)
{
	baton_beacon_leave(visit->was);
	uint64_t us = (now_ns() - visit->begin_ns) / 1000;
	baton_meter_visit(&visit->ctx->generation->meter, visit->where, us);
}

bool baton_ctx_ok(const struct baton_ctx *ctx)
{
	return ctx && ctx->magic == CTX_MAGIC;
}

void baton_ctx_breach(struct baton_ctx *ctx, enum baton_breach breach, const char *detail)
{
	baton_meter_breach(&ctx->generation->meter, breach, detail);
}

int baton_ctx_on_loop(struct baton_ctx *ctx, const char *what)
{
	if (!baton_ctx_ok(ctx))
		return BATON_E_INVAL;
	/* The thread is fixed from the start on; the loop is not, so it is looked at second. */
	if (!pthread_equal(ctx->thread, pthread_self())) {
		baton_ctx_breach(ctx, BATON_BREACH_THREAD, what);
		return BATON_E_THREAD;
	}
	if (!ctx->loop) {
		baton_ctx_breach(ctx, BATON_BREACH_STATE, what);
		return BATON_E_STATE;
	}
	return 0;
}

static void finish(struct baton_ctx *ctx)
{
	const baton_module *entry = ctx->generation->entry;
	if (ctx->created && entry->destroy) {
		struct baton_visit visit = baton_visit_begin(ctx, "destroy");
		entry->destroy(ctx->inst);
		baton_visit_end(&visit);
	}
	unsigned left = baton_ledger_clear(ctx);
	if (left > 0) {
		char detail[64];
		(void)snprintf(detail, sizeof(detail), "%u timers, requests or watches at destroy",
			       left);
		baton_ctx_breach(ctx, BATON_BREACH_LEFTOVER, detail);
	}
	(void)pthread_mutex_lock(&ctx->lock);
	ctx->loop = NULL;
	(void)pthread_mutex_unlock(&ctx->lock);
	/* Last: with the generation the code may go, and this ctx with it. */
	struct baton_generation *generation = ctx->generation;
	baton_generation_unref(&generation);
}

void baton_ctx_close(struct baton_ctx *ctx)
{
	const baton_module *entry = ctx->generation->entry;
	ctx->rack = NULL;
	if (!ctx->closing && ctx->created && entry->quiesce) {
		struct baton_visit visit = baton_visit_begin(ctx, "quiesce");
		entry->quiesce(ctx->inst);
		baton_visit_end(&visit);
	}
	ctx->closing = true;
	if (ctx->open[BATON_LEDGER_JOB] == 0)
		finish(ctx);
}
