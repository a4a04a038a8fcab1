/* SPDX-License-Identifier: Apache-2.0 */

/* A host for one module in a unit test: loads build/<variant>/modules/<name>.so as the server would
 * find it, gives it a clock that moves only when told, and records what it answers. Static
 * functions, so that a test is still one file. */
#pragma once

#include <baton/module.h>

#include <dlfcn.h>
#include <libgen.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	HOST_TIMERS_MAX = 64,
	HOST_CALLS_MAX = 16,
	HOST_DOCS_MAX = 64,
	HOST_TEXT_MAX = 65536,
	HOST_JOBS_MAX = 16
};

struct host_timer {
	uint64_t due_ns;
	void (*fn)(void *user);
	void *user;
	bool armed;
};

/* A job, or (without `work`) a posted function. */
struct host_job {
	void (*work)(void *user);
	void (*done)(void *user, int32_t status);
	void (*fn)(void *user);
	void *user;
};

/* What came back for one call. */
struct host_call {
	char text[HOST_TEXT_MAX]; /* all text deltas, NUL-terminated */
	size_t n_text;
	char citation[HOST_TEXT_MAX];
	unsigned n_deltas, n_citations, n_unknown, n_ends, n_fails, n_results;
	uint32_t end_reason, fail;
	char fail_text[200];
	char result_type[32];
	size_t result_bytes;
	baton_doc
		docs[HOST_DOCS_MAX]; /* strings are the module's: valid while the instance lives */
	uint32_t n_docs;
	baton_usage usage;
	unsigned accept; /* deltas to take before saying BATON_E_AGAIN; 0: no bound */
	bool stale;      /* the host has ended it: everything is BATON_E_STALE */
	void *user;
};

struct module_host {
	baton_host table;
	void *library;
	const baton_module *module;
	const void *vt;
	void *mod, *inst;
	uint64_t now_ns, unix_ms;
	struct host_timer timers[HOST_TIMERS_MAX];
	struct host_call calls[HOST_CALLS_MAX];
	struct host_job jobs[HOST_JOBS_MAX];
	unsigned n_jobs;
	unsigned n_logs;
	char last_log[512];
};

static inline struct module_host *host_of(baton_ctx *ctx)
{
	return (struct module_host *)(void *)ctx;
}

static inline baton_ctx *host_ctx(struct module_host *host)
{
	return (baton_ctx *)(void *)host;
}

static inline baton_str host_str(const char *text)
{
	return (baton_str){ text, strlen(text) };
}

static inline void host_log(baton_ctx *ctx, uint32_t level, baton_str msg)
{
	(void)level;
	host_of(ctx)->n_logs++;
	snprintf(host_of(ctx)->last_log, sizeof(host_of(ctx)->last_log), "%.*s", (int)msg.n, msg.p);
}

static inline uint64_t host_wall_ms(baton_ctx *ctx)
{
	return host_of(ctx)->unix_ms;
}

static inline uint64_t host_now_ns(baton_ctx *ctx)
{
	return host_of(ctx)->now_ns;
}

static inline int32_t host_timer_new(baton_ctx *ctx, uint32_t ms, void (*fn)(void *), void *user,
				     baton_timer *out)
{
	struct module_host *host = host_of(ctx);

	for (unsigned i = 0; i < HOST_TIMERS_MAX; i++) {
		if (host->timers[i].armed)
			continue;
		host->timers[i] = (struct host_timer){ host->now_ns + ms * UINT64_C(1000000), fn,
						       user, true };
		*out = i + 1;
		return BATON_OK;
	}
	return BATON_E_LIMIT;
}

static inline int32_t host_timer_stop(baton_ctx *ctx, baton_timer timer)
{
	if (timer == 0 || timer > HOST_TIMERS_MAX || !host_of(ctx)->timers[timer - 1].armed)
		return BATON_E_STALE;
	host_of(ctx)->timers[timer - 1].armed = false;
	return BATON_OK;
}

static inline int32_t host_job_new(baton_ctx *ctx, void (*work)(void *),
				   void (*done)(void *, int32_t), void *user, baton_job *out)
{
	struct module_host *host = host_of(ctx);

	if (host->n_jobs == HOST_JOBS_MAX)
		return BATON_E_LIMIT;
	host->jobs[host->n_jobs++] = (struct host_job){ .work = work, .done = done, .user = user };
	if (out)
		*out = host->n_jobs;
	return BATON_OK;
}

static inline int32_t host_post(baton_ctx *ctx, void (*fn)(void *), void *user)
{
	struct module_host *host = host_of(ctx);

	if (host->n_jobs == HOST_JOBS_MAX)
		return BATON_E_LIMIT;
	host->jobs[host->n_jobs++] = (struct host_job){ .fn = fn, .user = user };
	return BATON_OK;
}

/* Runs what the module has asked for, and what that asks for, in order, on this thread. */
static inline void host_run_jobs(struct module_host *host)
{
	for (unsigned i = 0; i < host->n_jobs; i++) {
		struct host_job job = host->jobs[i];

		if (job.fn) {
			job.fn(job.user);
			continue;
		}
		job.work(job.user);
		job.done(job.user, BATON_OK);
	}
	host->n_jobs = 0;
}

static inline unsigned host_timers_armed(const struct module_host *host)
{
	unsigned n = 0;

	for (unsigned i = 0; i < HOST_TIMERS_MAX; i++)
		n += host->timers[i].armed;
	return n;
}

/* Moves the clock, running timers in the order of their time. */
static inline void host_pass_ms(struct module_host *host, uint64_t ms)
{
	uint64_t until = host->now_ns + ms * UINT64_C(1000000);

	for (unsigned guard = 0; guard < 100000; guard++) {
		struct host_timer *next = NULL;

		for (unsigned i = 0; i < HOST_TIMERS_MAX; i++) {
			struct host_timer *t = &host->timers[i];

			if (t->armed && t->due_ns <= until && (!next || t->due_ns < next->due_ns))
				next = t;
		}
		if (!next)
			break;
		next->armed = false;
		host->now_ns = next->due_ns > host->now_ns ? next->due_ns : host->now_ns;
		next->fn(next->user);
	}
	host->now_ns = until;
}

/* The record of a call number 1..HOST_CALLS_MAX; NULL once it has ended: the module is told STALE. */
static inline struct host_call *host_open_call(baton_ctx *ctx, baton_call call)
{
	struct host_call *c =
		call > 0 && call <= HOST_CALLS_MAX ? &host_of(ctx)->calls[call - 1] : NULL;

	return !c || c->stale || c->n_ends + c->n_fails > 0 ? NULL : c;
}

static inline int32_t host_delta(baton_ctx *ctx, baton_call call, uint32_t kind, baton_str data)
{
	struct host_call *c = host_open_call(ctx, call);

	if (!c)
		return BATON_E_STALE;
	if (kind == BATON_DELTA_UNKNOWN) {
		c->n_unknown++;
		return BATON_OK;
	}
	if (kind == BATON_DELTA_CITATION) {
		snprintf(c->citation, sizeof(c->citation), "%.*s", (int)data.n, data.p);
		c->n_citations++;
		return BATON_OK;
	}
	if (c->accept > 0 && c->n_deltas >= c->accept)
		return BATON_E_AGAIN;
	if (c->n_text + data.n >= sizeof(c->text))
		return BATON_E_LIMIT;
	memcpy(c->text + c->n_text, data.p, data.n);
	c->n_text += data.n;
	c->text[c->n_text] = 0;
	c->n_deltas++;
	return BATON_OK;
}

static inline int32_t host_result(baton_ctx *ctx, baton_call call, const char *type,
				  const void *pod, size_t n)
{
	struct host_call *c = host_open_call(ctx, call);

	if (!c)
		return BATON_E_STALE;
	c->n_results++;
	c->result_bytes = n;
	snprintf(c->result_type, sizeof(c->result_type), "%s", type);
	if (strcmp(type, "doc/1") == 0 && n <= sizeof(c->docs)) {
		if (n > 0)
			memcpy(c->docs, pod, n);
		c->n_docs = (uint32_t)(n / sizeof(baton_doc));
	}
	return BATON_OK;
}

static inline int32_t host_usage(baton_ctx *ctx, baton_call call, const baton_usage *usage)
{
	struct host_call *c = host_open_call(ctx, call);

	if (c)
		c->usage = *usage;
	return c ? BATON_OK : BATON_E_STALE;
}

static inline int32_t host_end(baton_ctx *ctx, baton_call call, uint32_t reason)
{
	struct host_call *c = host_open_call(ctx, call);

	if (!c)
		return BATON_E_STALE;
	c->n_ends++;
	c->end_reason = reason;
	return BATON_OK;
}

static inline int32_t host_fail(baton_ctx *ctx, baton_call call, const baton_error *error)
{
	struct host_call *c = host_open_call(ctx, call);

	if (!c)
		return BATON_E_STALE;
	c->n_fails++;
	c->fail = error->fail;
	snprintf(c->fail_text, sizeof(c->fail_text), "%.*s", (int)error->message.n,
		 error->message.p);
	return BATON_OK;
}

static inline int32_t host_call_set(baton_ctx *ctx, baton_call call, void *user)
{
	struct host_call *c = host_open_call(ctx, call);

	if (c)
		c->user = user;
	return c ? BATON_OK : BATON_E_STALE;
}

static inline void *host_call_get(baton_ctx *ctx, baton_call call)
{
	return call > 0 && call <= HOST_CALLS_MAX ? host_of(ctx)->calls[call - 1].user : NULL;
}

/* A fresh record for call number `call`, as if it had just been opened. */
static inline struct host_call *host_call_open(struct module_host *host, baton_call call)
{
	memset(&host->calls[call - 1], 0, sizeof(host->calls[call - 1]));
	return &host->calls[call - 1];
}

/* Modules lie beside the tests: <build>/tests/test_x and <build>/modules/name.so. */
static inline int host_library_open(struct module_host *host, const char *name)
{
	char self[PATH_MAX], path[PATH_MAX + 64];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (n <= 0)
		return -1;
	self[n] = 0;
	snprintf(path, sizeof(path), "%s/../modules/%s.so", dirname(self), name);
	host->library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (!host->library) {
		fprintf(stderr, "%s\n", dlerror());
		return -1;
	}
	host->module = dlsym(host->library, BATON_ENTRY_SYMBOL);
	return host->module ? 0 : -1;
}

/* Loads the module; host_create() makes the instance. NULL if it cannot be loaded. */
static inline struct module_host *host_new(const char *name)
{
	struct module_host *host = calloc(1, sizeof(*host));

	if (!host)
		return NULL;
	host->table = (baton_host){
		.size = sizeof(baton_host),
		.abi_minor = BATON_ABI_MINOR,
		.version = "test",
		.log = host_log,
		.now_ns = host_now_ns,
		.unix_ms = host_wall_ms,
		.timer = host_timer_new,
		.timer_stop = host_timer_stop,
		.job = host_job_new,
		.post = host_post,
		.delta = host_delta,
		.result = host_result,
		.usage = host_usage,
		.end = host_end,
		.fail = host_fail,
		.call_set = host_call_set,
		.call_get = host_call_get,
	};
	if (host_library_open(host, name) < 0 ||
	    host->module->load(host_ctx(host), &host->table, &host->mod) != BATON_OK) {
		free(host);
		return NULL;
	}
	host->vt = host->module->ifaces[0].vt;
	return host;
}

/* With the jobs it begins. */
static inline int32_t host_create(struct module_host *host, const char *config)
{
	int32_t rc = host->module->create(host->mod, host_ctx(host), host_str(config), &host->inst);

	host_run_jobs(host);
	return rc < 0 ? rc : host->module->activate(host->inst);
}

static inline void host_destroy(struct module_host *host)
{
	host->module->quiesce(host->inst);
	host->module->destroy(host->inst);
	host->inst = NULL;
}

static inline void host_free(struct module_host **host)
{
	if ((*host)->inst)
		host_destroy(*host);
	(*host)->module->unload((*host)->mod);
	dlclose((*host)->library);
	free(*host);
	*host = NULL;
}

/* True if the module refuses this configuration: by create(), or by a check() that says why. */
static inline bool host_refuses(struct module_host *host, const char *config)
{
	struct host_call *c = host_call_open(host, 1);
	int32_t rc = host_create(host, config);

	if (rc < 0)
		return true;
	(void)host->module->check(host->inst, 1, 0);
	host_destroy(host);
	return c->n_fails == 1 && c->n_ends == 0 && c->fail_text[0];
}

/* tests/data/<name> relative to the source tree: the build folder is <tree>/build/<variant>. NULL
 * if it cannot be read; else NUL-terminated and the caller's to free. */
static inline char *host_data(const char *name, size_t *ret_n)
{
	char self[PATH_MAX], path[PATH_MAX + 256];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (n <= 0)
		return NULL;
	self[n] = 0;
	snprintf(path, sizeof(path), "%s/../../../tests/data/%s", dirname(self), name);
	FILE *file = fopen(path, "rb");

	if (!file)
		return NULL;
	char *bytes = calloc(1, (4U << 20) + 1);

	*ret_n = bytes ? fread(bytes, 1, 4U << 20, file) : 0;
	fclose(file);
	return bytes;
}
