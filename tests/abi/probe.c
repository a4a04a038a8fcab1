/* SPDX-License-Identifier: Apache-2.0 */

/* A provider that tells, in its answer, which ABI it was built for and what it finds of its
 * host. It asks for a request that cannot be answered, tells what it used and hangs its state on
 * the call, so that the structs it fills in are all read by the host. Built against the header of
 * each minor (matrix.test.mjs). */
#include <baton/module.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef NAME
#define NAME "provider-probe"
#endif
BATON_MODULE_NOTE(NAME, "1.0.0", "provider", 0);

struct inst {
	baton_ctx *ctx;
	const baton_host *host;
};

struct answer {
	struct inst *inst;
	baton_call call;
	char text[256];
};

/* With a header that has `later`, asked through BATON_HAS; without it there is nothing to ask. */
#if BATON_ABI_MINOR >= 1
#define HOST_HAS(host) (BATON_HAS(host, later) ? "new" : "old")
#define PROMPT_HAS(prompt) (BATON_HAS(prompt, later) ? "new" : "old")
#else
#define HOST_HAS(host) "unknown"
#define PROMPT_HAS(prompt) "unknown"
#endif

static void on_end(void *user, baton_http h, const baton_error *error)
{
	struct answer *a = user;
	struct inst *inst = a->inst;
	baton_usage usage = { .size = sizeof(usage), .in_tokens = 7, .out_tokens = 11 };
	char text[320];
	(void)h;

	snprintf(text, sizeof(text), "%s http=%u", a->text, error ? error->fail : 0);
	inst->host->delta(inst->ctx, a->call, BATON_DELTA_TEXT, (baton_str){ text, strlen(text) });
	inst->host->usage(inst->ctx, a->call, &usage);
	inst->host->end(inst->ctx, a->call, BATON_END_STOP);
	free(a);
}

static int32_t start(void *ptr, baton_call call, const baton_prompt *prompt)
{
	static const baton_http_cb cb = { .size = sizeof(cb), .on_end = on_end };
	struct inst *inst = ptr;
	struct answer *a = calloc(1, sizeof(*a));
	baton_http_req req = { .size = sizeof(req), .method = { "GET", 3 } };

	req.url = (baton_str){ "http://127.0.0.1:9/", 19 };
	req.total_ms = 2000;
	a->inst = inst;
	a->call = call;
	snprintf(a->text, sizeof(a->text), "built=%u host=%s prompt=%s", BATON_ABI_MINOR,
		 HOST_HAS(inst->host), PROMPT_HAS(prompt));
	inst->host->call_set(inst->ctx, call, a);
	int32_t rc = inst->host->http(inst->ctx, &req, &cb, a, NULL);
	if (rc != BATON_OK)
		free(a);
	return rc;
}

static void cancel(void *ptr, baton_call call, uint32_t why)
{
	struct inst *inst = ptr;
	(void)why;

	inst->host->end(inst->ctx, call, BATON_END_STOP); /* on_end() frees the answer */
}

static int32_t load(baton_ctx *ctx, const baton_host *host, void **mod)
{
	(void)ctx;
	*mod = (void *)(size_t)host;
	return BATON_OK;
}

static int32_t create(void *mod, baton_ctx *ctx, baton_str config, void **inst)
{
	struct inst *made = calloc(1, sizeof(*made));
	(void)config;

	made->ctx = ctx;
	made->host = mod;
	*inst = made;
	return BATON_OK;
}

static void destroy(void *inst)
{
	free(inst);
}

static const baton_provider provider = { .size = sizeof(provider),
					 .start = start,
					 .cancel = cancel };
static const baton_iface ifaces[] = { { BATON_PROVIDER, &provider } };

BATON_EXPORT const baton_module baton_module_entry = {
	BATON_MODULE_HEAD, .n_ifaces = 1, .id = NAME,       .version = "1.0.0",
	.ifaces = ifaces,  .load = load,  .create = create, .destroy = destroy,
};
