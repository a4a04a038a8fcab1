/* SPDX-License-Identifier: Apache-2.0 */

/* The frame of the odd modules: a well-behaved provider that says "ok", with holes. Each fixture
 * defines what it gets wrong before it includes this. */
#pragma once

#ifndef BATON_ABI_NEEDED
#define BATON_ABI_NEEDED 0u
#endif
#include <baton/module.h>

#ifndef FIXTURE_MAJOR
#define FIXTURE_MAJOR BATON_ABI_MAJOR
#endif
#ifndef FIXTURE_ID
#define FIXTURE_ID "fixture"
#endif
#ifndef FIXTURE_VERSION
#define FIXTURE_VERSION "1.0.0"
#endif
#ifndef FIXTURE_KINDS
#define FIXTURE_KINDS "provider"
#endif
#ifndef FIXTURE_FLAGS
#define FIXTURE_FLAGS 0u
#endif
#ifndef FIXTURE_ENTRY_ID
#define FIXTURE_ENTRY_ID FIXTURE_ID
#endif
#ifndef FIXTURE_SCHEMA
#define FIXTURE_SCHEMA NULL
#endif
#ifndef FIXTURE_MAGIC
#define FIXTURE_MAGIC BATON_MAGIC
#endif
#ifndef FIXTURE_LOAD_RC
#define FIXTURE_LOAD_RC BATON_OK
#endif

#ifndef FIXTURE_NO_NOTE
BATON_NOTE_SECTION static const baton_note fixture_note = {
	6u,
	sizeof(((baton_note *)0)->d),
	1u,
	"Baton",
	{ 1u, FIXTURE_MAJOR, BATON_ABI_MINOR, BATON_ABI_NEEDED, FIXTURE_FLAGS, sizeof(baton_module), FIXTURE_ID,
	  FIXTURE_VERSION, FIXTURE_KINDS }
};
#endif

static const baton_host *fixture_host;
static baton_ctx *fixture_ctx; /* of the instance made last */

static int32_t fixture_load(baton_ctx *ctx, const baton_host *host, void **mod)
{
	(void)ctx;
	fixture_host = host;
	*mod = NULL;
	return FIXTURE_LOAD_RC;
}

static int32_t fixture_create(void *mod, baton_ctx *ctx, baton_str config, void **inst)
{
	(void)mod, (void)config;
	fixture_ctx = ctx;
	*inst = NULL;
	return BATON_OK;
}

static void fixture_destroy(void *inst)
{
	(void)inst;
}

static int32_t fixture_start(void *inst, baton_call call, const baton_prompt *prompt)
{
	(void)inst, (void)prompt;
	fixture_host->delta(fixture_ctx, call, BATON_DELTA_TEXT, (baton_str){ "ok", 2 });
	return fixture_host->end(fixture_ctx, call, BATON_END_STOP);
}

static void fixture_cancel(void *inst, baton_call call, uint32_t why)
{
	(void)inst, (void)why;
	(void)fixture_host->end(fixture_ctx, call, BATON_END_STOP);
}

static const baton_provider fixture_provider = {
	.size = sizeof(fixture_provider),
	.start = fixture_start,
	.cancel = fixture_cancel,
};

static const baton_iface fixture_ifaces[] = { { BATON_PROVIDER, &fixture_provider } };

BATON_EXPORT const baton_module baton_module_entry = {
	.magic = FIXTURE_MAGIC,
	.size = sizeof(baton_module),
	.abi_major = FIXTURE_MAJOR,
	.abi_built = BATON_ABI_MINOR,
	.abi_needed = BATON_ABI_NEEDED,
	.flags = FIXTURE_FLAGS,
	.n_ifaces = 1,
	.id = FIXTURE_ENTRY_ID,
	.version = FIXTURE_VERSION,
	.config_schema = FIXTURE_SCHEMA,
	.ifaces = fixture_ifaces,
	.load = fixture_load,
	.create = fixture_create,
	.destroy = fixture_destroy,
};
