/* SPDX-License-Identifier: Apache-2.0 */

/* The life of a test host and of the instances on it; what was broken is counted here. */
#include "core/testhost/inside.h"

#include "core/base/errors.h"

#include <dlfcn.h>
#include <stdio.h>
#include <time.h>

enum { BREACH_LINES_BYTES_MAX = 64 * 1024 };

/* --- what everything uses ----------------------------------------------------------------- */

const char *baton_testhost_breach_name(enum baton_testhost_breach breach)
{
	static const char *const names[] = {
#define X(NAME, label) [BATON_TESTHOST_BREACH_##NAME] = (label),
		BATON_TESTHOST_BREACHES(X)
#undef X
	};
	return breach < BATON_TESTHOST_BREACH_COUNT ? names[breach] : "unknown";
}

void baton_rig_breach(baton_testhost *host, enum baton_testhost_breach breach, const char *detail)
{
	(void)pthread_mutex_lock(&host->lock);
	host->breaches[breach]++;
	if (host->breach_text.n < BREACH_LINES_BYTES_MAX)
		baton_buf_printf(&host->breach_text, "%s: %s\n", baton_testhost_breach_name(breach),
				 detail);
	(void)pthread_mutex_unlock(&host->lock);
}

/* splitmix64: any seed is a good one, 0 too. */
uint64_t baton_rig_random(baton_testhost *host)
{
	uint64_t z = host->random += UINT64_C(0x9e3779b97f4a7c15);
	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

int32_t baton_rig_fault(baton_testhost *host, uint32_t what)
{
	struct baton_rig_fault *fault = &host->faults[what];
	if (fault->nth > 0 && --fault->nth == 0)
		return fault->rc;
	if (fault->ppm > 0 && baton_rig_random(host) % 1000000 < fault->ppm)
		return fault->chance_rc;
	return 0;
}

bool baton_rig_ctx_ok(const struct baton_ctx *ctx)
{
	return ctx && ctx->host;
}

int32_t baton_rig_on_loop(struct baton_ctx *ctx, const char *what)
{
	if (!baton_rig_ctx_ok(ctx))
		return BATON_E_INVAL;
	if (!pthread_equal(ctx->host->thread, pthread_self())) {
		baton_rig_breach(ctx->host, BATON_TESTHOST_BREACH_THREAD, what);
		return BATON_E_THREAD;
	}
	if (ctx->gone || ctx == &ctx->host->load_ctx) {
		baton_rig_breach(ctx->host, BATON_TESTHOST_BREACH_STATE, what);
		return BATON_E_STATE;
	}
	if (ctx->host->pure)
		baton_rig_breach(ctx->host, BATON_TESTHOST_BREACH_IMPURE, what);
	return BATON_OK;
}

struct baton_ctx *baton_rig_ctx(const baton_testhost *host, uint32_t inst)
{
	return inst < host->n_ctxs && !host->ctxs[inst]->gone ? host->ctxs[inst] : NULL;
}

uint64_t baton_rig_real_ns(void)
{
	struct timespec ts;
	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

struct baton_rig_visit baton_rig_enter(baton_testhost *host, const char *where)
{
	return (struct baton_rig_visit){ host, where, baton_rig_real_ns() };
}

void baton_rig_leave(const struct baton_rig_visit *visit)
{
	uint64_t us = (baton_rig_real_ns() - visit->begin_ns) / 1000;
	baton_testhost *host = visit->host;
	if (strcmp(visit->where, "create") == 0 || strcmp(visit->where, "activate") == 0) {
		if (us > host->slowest_create_us)
			host->slowest_create_us = us;
	} else if (us > host->slowest_us) {
		host->slowest_us = us;
		host->slowest_where = visit->where;
	}
}

bool baton_rig_text_ok(baton_str s, size_t max)
{
	return (s.p || s.n == 0) && s.n <= max && baton_str_utf8_ok(s);
}

char *const *baton_rig_list_copy(const char *const *list)
{
	size_t n = 0;
	if (!list)
		return NULL;
	while (list[n])
		n++;
	char **copy = baton_alloc((n + 1) * sizeof(*copy));
	for (size_t i = 0; i < n; i++)
		copy[i] = baton_memdupz(list[i], strlen(list[i]));
	return copy;
}

void baton_rig_list_free(char *const *list)
{
	for (size_t i = 0; list && list[i]; i++)
		baton_free(list[i]);
	baton_free((void *)(uintptr_t)list);
}

/* --- opening ------------------------------------------------------------------------------ */

/* "provider" and "baton.provider/1" are the same kind. */
static bool kind_is(const char *id, const char *kind)
{
	static const char prefix[] = "baton.";
	if (strcmp(id, kind) == 0)
		return true;
	size_t n = strlen(kind);
	return strncmp(id, prefix, sizeof(prefix) - 1) == 0 &&
	       strncmp(id + sizeof(prefix) - 1, kind, n) == 0 && id[sizeof(prefix) - 1 + n] == '/';
}

static const void *vt_of(const baton_module *module, const char *kind)
{
	for (uint32_t i = 0; i < module->n_ifaces; i++)
		if (!kind || kind_is(module->ifaces[i].id, kind))
			return module->ifaces[i].vt;
	return NULL;
}

static const char *unusable(const baton_module *entry, const char *kind)
{
	if (entry->magic != BATON_MAGIC)
		return "the descriptor has another magic number";
	if (entry->abi_major != BATON_ABI_MAJOR || entry->abi_needed > BATON_ABI_MINOR)
		return "built for another ABI";
	if (!entry->create || !entry->destroy)
		return "create or destroy is missing";
	if (entry->n_ifaces == 0 || !entry->ifaces || !vt_of(entry, kind))
		return "it has no interface of this kind";
	return NULL;
}

static baton_testhost *host_new(const baton_module *entry, const baton_testhost_options *options)
{
	static const baton_testhost_options none = { .size = sizeof(none) };
	const baton_testhost_options *o = options ? options : &none;
	baton_testhost *host = baton_new(struct baton_testhost);
	host->module = entry;
	host->vt = vt_of(entry, o->kind);
	host->secrets = baton_rig_list_copy(o->secrets);
	host->egress = baton_rig_list_copy(o->egress);
	host->thread = pthread_self();
	(void)pthread_mutex_init(&host->lock, NULL);
	host->random = o->seed ? o->seed : 1;
	host->unix_ms = o->unix_ms ? o->unix_ms : UINT64_C(1767225600000);
	host->first_credit = BATON_TESTHOST_NO_BOUND;
	host->now_ns = UINT64_C(1000000000); /* never 0, which means "not yet" */
	host->real_time = o->flags & BATON_TESTHOST_REAL_TIME;
	if (host->real_time)
		host->now_ns = baton_rig_real_ns();
	host->begin_ns = host->now_ns;
	host->mod = o->mod;
	host->load_ctx = (struct baton_ctx){ .host = host, .number = UINT32_MAX };
	return host;
}

static void host_free(baton_testhost *host)
{
	void *library = host->library;
	baton_rig_calls_free(host);
	baton_rig_http_free(host);
	baton_rig_table_free(host);
	for (uint32_t i = 0; i < host->n_ctxs; i++)
		baton_free(host->ctxs[i]);
	baton_free(host->ctxs);
	baton_rig_list_free(host->secrets);
	baton_rig_list_free(host->egress);
	baton_buf_done(&host->breach_text);
	baton_rig_guard_free(host);
	baton_buf_done(&host->sink);
	(void)pthread_mutex_destroy(&host->lock);
	baton_free(host);
	if (library)
		(void)dlclose(library);
}

baton_testhost *baton_testhost_open_entry(const baton_module *entry,
					  const baton_testhost_options *options, char *why,
					  size_t cap)
{
	const char *wrong = unusable(entry, options ? options->kind : NULL);
	if (wrong) {
		(void)snprintf(why, cap, "%s", wrong);
		return NULL;
	}
	baton_testhost *host = host_new(entry, options);
	int32_t rc = BATON_OK;
	if (entry->load)
		rc = entry->load(&host->load_ctx, baton_rig_table(), &host->mod);
	if (rc == BATON_OK) {
		host->loaded = true;
		return host;
	}
	(void)snprintf(why, cap, "load: expected 0, found %d", rc);
	host_free(host);
	return NULL;
}

baton_testhost *baton_testhost_open(const char *path, const baton_testhost_options *options,
				    char *why, size_t cap)
{
	bool stays = options && (options->flags & BATON_TESTHOST_STAY_MAPPED);
	void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL | (stays ? RTLD_NODELETE : 0));
	if (!library) {
		(void)snprintf(why, cap, "%s", dlerror());
		return NULL;
	}
	const baton_module *entry = dlsym(library, BATON_ENTRY_SYMBOL);
	if (!entry)
		(void)snprintf(why, cap, "%s: no %s", path, BATON_ENTRY_SYMBOL);
	baton_testhost *host = entry ? baton_testhost_open_entry(entry, options, why, cap) : NULL;
	if (host)
		host->library = library;
	else
		(void)dlclose(library);
	return host;
}

unsigned baton_testhost_close(baton_testhost **phost)
{
	baton_testhost *host = *phost;
	if (!host)
		return 0;
	*phost = NULL;
	for (uint32_t i = host->n_ctxs; i > 0; i--)
		baton_testhost_destroy(host, i - 1);
	if (host->loaded && host->module->unload)
		host->module->unload(host->mod);
	unsigned broken = baton_testhost_breaches(host);
	host_free(host);
	return broken;
}

/* --- instances ---------------------------------------------------------------------------- */

int32_t baton_testhost_create_only(baton_testhost *host, baton_str config, uint32_t *ret_inst)
{
	struct baton_ctx *ctx = baton_new(struct baton_ctx);
	host->ctxs = baton_realloc(host->ctxs, (host->n_ctxs + 1) * sizeof(struct baton_ctx *));
	host->ctxs[host->n_ctxs] = ctx;
	*ctx = (struct baton_ctx){ .host = host, .number = host->n_ctxs++ };
	struct baton_rig_visit visit = baton_rig_enter(host, "create");
	int32_t rc = host->module->create(host->mod, ctx, config, &ctx->inst);
	baton_rig_leave(&visit);
	if (rc > 0)
		baton_rig_breach(host, BATON_TESTHOST_BREACH_RETURN, "create: expected 0 or less");
	ctx->created = rc == BATON_OK;
	if (ctx->created) {
		*ret_inst = ctx->number;
		return rc;
	}
	if (baton_rig_clear(ctx) > 0)
		baton_rig_breach(host, BATON_TESTHOST_BREACH_LEFTOVER,
				 "timers, requests or watches of a create() that failed");
	ctx->gone = true;
	return rc;
}

int32_t baton_testhost_activate(baton_testhost *host, uint32_t inst)
{
	struct baton_ctx *ctx = baton_rig_ctx(host, inst);
	if (!ctx)
		return BATON_E_STALE;
	if (!host->module->activate)
		return BATON_OK;
	struct baton_rig_visit visit = baton_rig_enter(host, "activate");
	int32_t rc = host->module->activate(ctx->inst);
	baton_rig_leave(&visit);
	return rc;
}

int32_t baton_testhost_create(baton_testhost *host, const char *config, uint32_t *ret_inst)
{
	int32_t rc =
		baton_testhost_create_only(host, baton_str_of(config ? config : "{}"), ret_inst);
	if (rc != BATON_OK)
		return rc;
	rc = baton_testhost_activate(host, *ret_inst);
	if (rc != BATON_OK)
		baton_testhost_destroy(host, *ret_inst);
	return rc;
}

/* Every call of the instance that the module still works on is cancelled and may take its time. */
static void cancel_all(struct baton_ctx *ctx)
{
	baton_testhost *host = ctx->host;
	unsigned open = 0;
	for (uint32_t i = 0; i < host->n_calls; i++)
		if (host->calls[i]->ctx == ctx && host->calls[i]->heard.open) {
			baton_rig_cancel(host->calls[i], BATON_CANCEL_SHUTDOWN);
			open++;
		}
	baton_testhost_settle(host);
	for (uint32_t i = 0; open > 0 && i < host->n_calls; i++)
		if (host->calls[i]->ctx == ctx && host->calls[i]->heard.open)
			(void)baton_testhost_run(host, host->calls[i]->handle,
						 BATON_RIG_FENCE_MS + 1);
}

void baton_testhost_destroy(baton_testhost *host, uint32_t inst)
{
	struct baton_ctx *ctx = baton_rig_ctx(host, inst);
	if (!ctx)
		return;
	cancel_all(ctx);
	if (host->module->quiesce) {
		struct baton_rig_visit visit = baton_rig_enter(host, "quiesce");
		host->module->quiesce(ctx->inst);
		baton_rig_leave(&visit);
	}
	ctx->closing = true;
	baton_rig_finish_jobs(ctx);
	struct baton_rig_visit visit = baton_rig_enter(host, "destroy");
	host->module->destroy(ctx->inst);
	baton_rig_leave(&visit);
	unsigned left = baton_rig_clear(ctx);
	if (left > 0) {
		char detail[64];
		(void)snprintf(detail, sizeof(detail), "%u timers, requests or watches at destroy",
			       left);
		baton_rig_breach(host, BATON_TESTHOST_BREACH_LEFTOVER, detail);
	}
	ctx->gone = true;
}

/* --- looking ------------------------------------------------------------------------------ */

const baton_host *baton_testhost_table(void)
{
	return baton_rig_table();
}

const baton_module *baton_testhost_module(const baton_testhost *host)
{
	return host->module;
}

const void *baton_testhost_vt(const baton_testhost *host)
{
	return host->vt;
}

void *baton_testhost_inst(const baton_testhost *host, uint32_t inst)
{
	const struct baton_ctx *ctx = baton_rig_ctx(host, inst);
	return ctx ? ctx->inst : NULL;
}

uint32_t baton_testhost_instances(const baton_testhost *host)
{
	return host->n_ctxs;
}

unsigned baton_testhost_breaches(const baton_testhost *host)
{
	unsigned n = 0;
	for (unsigned i = 0; i < BATON_TESTHOST_BREACH_COUNT; i++)
		n += host->breaches[i];
	return n;
}

unsigned baton_testhost_breach(const baton_testhost *host, enum baton_testhost_breach breach)
{
	return breach < BATON_TESTHOST_BREACH_COUNT ? host->breaches[breach] : 0;
}

const char *baton_testhost_breach_text(const baton_testhost *host)
{
	return host->breach_text.n ? host->breach_text.p : "";
}

uint64_t baton_testhost_slowest_us(const baton_testhost *host, const char **ret_where)
{
	if (ret_where)
		*ret_where = host->slowest_where ? host->slowest_where : "";
	return host->slowest_us;
}

void baton_testhost_fault(baton_testhost *host, uint32_t what, uint32_t nth, int32_t rc)
{
	if (what >= BATON_TESTHOST_FAULTS)
		return;
	host->faults[what].nth = nth;
	host->faults[what].rc = rc;
}

void baton_testhost_fault_by_chance(baton_testhost *host, uint32_t what, uint32_t ppm, int32_t rc)
{
	if (what >= BATON_TESTHOST_FAULTS)
		return;
	host->faults[what].ppm = ppm;
	host->faults[what].chance_rc = rc;
}
