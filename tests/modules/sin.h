/* SPDX-License-Identifier: Apache-2.0 */

/* What the modules share that `baton module check` is tried with: each keeps the contract as long as
 * its configuration names no sin. */
#pragma once

#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BATON_ABI_NEEDED 0u
#include <baton/module.h>

struct inst {
	baton_ctx *ctx;
	const baton_host *host;
	char sin[32];
	struct call *calls;
	unsigned n;
};

static const baton_host *host;
static unsigned instances;

__attribute__((unused)) static bool is(const struct inst *i, const char *sin)
{
	return strcmp(i->sin, sin) == 0;
}

__attribute__((unused)) static baton_str str(const char *text)
{
	return (baton_str){ text, strlen(text) };
}

/* Only ever reached by a sin. */
static int *volatile nowhere;
__attribute__((unused, no_sanitize("undefined"))) static void crash(void)
{
	*nowhere = 1;
}

__attribute__((unused)) static void nap(long ms)
{
	struct timespec ts = { 0, ms * 1000000 };
	(void)nanosleep(&ts, NULL);
}

__attribute__((unused)) static void nothing(void *user)
{
	(void)user;
}

__attribute__((unused)) static void fail(struct inst *i, baton_call call, uint32_t class,
					 uint32_t status, uint32_t retry_ms)
{
	const baton_error error = { .size = sizeof(error),
				    .fail = class,
				    .http_status = status,
				    .retry_after_ms = retry_ms,
				    .message = str("it went wrong") };
	(void)i->host->fail(i->ctx, call, &error);
}

static int32_t sin_load(baton_ctx *ctx, const baton_host *table, void **mod)
{
	(void)ctx;
	host = table;
	*mod = NULL;
	return BATON_OK;
}

#ifdef SIN_HANDLER /* signal() alone keeps a module mapped for ever */
static void on_signal(int number)
{
	(void)number;
}
#endif
static char *volatile lost;

static int32_t sin_create(void *mod, baton_ctx *ctx, baton_str config, void **inst)
{
	static const char key[] = "\"sin\":\"";
	struct inst *i = calloc(1, sizeof(*i));
	(void)mod;
	if (!i)
		return BATON_E_NOMEM;
	const char *at = memmem(config.p, config.n, key, sizeof(key) - 1);
	at = at ? at + sizeof(key) - 1 : "";
	snprintf(i->sin, sizeof(i->sin), "%.*s", (int)strcspn(at, "\"}"), at);
	i->ctx = ctx;
	i->host = host;
	if (is(i, "crash_huge") && config.n > 100000)
		crash();
	if (is(i, "eight_crash") && ++instances > 4)
		crash();
	if (is(i, "opens_fd"))
		(void)!open("/dev/null", O_RDONLY);
#ifdef SIN_HANDLER
	(void)signal(SIGUSR2, on_signal);
#endif
	if (is(i, "leaks")) {
		lost = malloc(100000);
		if (lost)
			memset(lost, 1, 100000);
	}
	if (is(i, "logs_config"))
		host->log(ctx, BATON_LOG_INFO, config);
	*inst = i;
	return BATON_OK;
}

static void sin_destroy(void *inst)
{
	free(inst);
}

static int32_t sin_check(void *inst, baton_call call, uint32_t level)
{
	struct inst *i = inst;
	(void)level;
	if (is(i, "sick")) {
		fail(i, call, BATON_FAIL_INTERNAL, 0, 0);
		return BATON_OK;
	}
	return i->host->end(i->ctx, call, BATON_END_STOP);
}

#define SIN_SCHEMA \
	"{\"type\":\"object\",\"additionalProperties\":true,\"properties\":{\"sin\":{\"type\":\"string\"}}}"
#define SIN_MODULE(ID, KIND, VT)                                                          \
	BATON_MODULE_NOTE(ID, "1.0.0", KIND, 0);                                          \
	static const baton_iface ifaces[] = { { VT } };                                   \
	BATON_EXPORT const baton_module baton_module_entry = {                            \
		BATON_MODULE_HEAD,                                                        \
		.n_ifaces = 1,                                                            \
		.id = ID,                                                                 \
		.version = "1.0.0",                                                       \
		.config_schema = SIN_SCHEMA,                                              \
		.ifaces = ifaces,                                                         \
		.load = sin_load,                                                         \
		.create = sin_create,                                                     \
		.destroy = sin_destroy,                                                   \
		.check = sin_check,                                                       \
		.state = SIN_STATE,                                                       \
	}
