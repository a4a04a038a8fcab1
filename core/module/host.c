/* SPDX-License-Identifier: Apache-2.0 */

/* The host table: what a module can ask of the server. Here are the parts that need neither loop
 * nor call; timers, jobs and HTTP are in ledger.c, answers in call.c.
 *
 * session_get, session_put and event return BATON_E_UNSUPPORTED in this version: they would have to
 * be written with the turn's own transaction, and no kind served today needs one: what tools and
 * guards do is recorded by the core in events of its own. */
#include "core/module/host.h"

#include "core/base/abi.h"
#include "core/base/errors.h"
#include "core/base/limits.h"
#include "core/base/log.h"
#include "core/journal/journal.h"
#include "core/module/ctx.h"
#include "core/module/rack.h"
#include "core/module/sign.h"
#include "core/policy/expr.h"

#include <errno.h>
#include <sys/random.h>
#include <time.h>

enum { LOG_BYTES_MAX = 1024, KEY_BYTES_MAX = 128, VALUE_BYTES_MAX = 64 * 1024 };

bool baton_host_text_ok(baton_str s, size_t max)
{
	return s.n == 0 || (s.p && s.n <= max && baton_str_utf8_ok(s));
}

static const void *host_get(baton_ctx *ctx, const char *id)
{
	if (!baton_ctx_ok(ctx) || !id)
		return NULL;
	if (strcmp(id, BATON_HOST_SIGN) == 0)
		return baton_sign_host();
	return strcmp(id, BATON_HOST_EXPR) == 0 ? baton_expr_host() : NULL;
}

static void host_log(baton_ctx *ctx, uint32_t level, baton_str msg)
{
	struct baton_buf text = { 0 };
	if (!baton_ctx_ok(ctx) || !msg.p || !baton_meter_may_log(&ctx->generation->meter))
		return;
	if (level > BATON_LOG_ERROR)
		level = BATON_LOG_DEBUG; /* unknown is value 0 (R3) */
	if (!baton_log_wants(level))
		return;
	baton_buf_add(&text, msg.p, msg.n < 64 * 1024 ? msg.n : 64 * 1024);
	baton_generation_scrub(ctx->generation, &text);
	baton_str line = baton_str_clip(baton_buf_view(&text), LOG_BYTES_MAX);
	baton_log(level, "module_says", "sS", "module", ctx->generation->spec->name, "text", &line);
	baton_buf_done(&text);
}

static void measured(baton_ctx *ctx, const char *name, bool is_time, uint64_t v)
{
	if (baton_ctx_ok(ctx) && !baton_meter_add(&ctx->generation->meter, name, is_time, v))
		baton_ctx_breach(ctx, BATON_BREACH_ARGUMENT,
				 "a metric's name is not [a-z0-9_]{1,47}, or one too many");
}

static void host_count(baton_ctx *ctx, const char *name, uint64_t add)
{
	measured(ctx, name, false, add);
}

static void host_observe(baton_ctx *ctx, const char *name, uint64_t us)
{
	measured(ctx, name, true, us);
}

static uint64_t host_now_ns(baton_ctx *ctx)
{
	struct timespec ts;
	(void)ctx;
	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static uint64_t host_unix_ms(baton_ctx *ctx)
{
	(void)ctx;
	return baton_loop_unix_ms();
}

static int32_t host_random(baton_ctx *ctx, void *p, size_t n)
{
	unsigned char *to = p;
	(void)ctx;
	if (!p)
		return n == 0 ? BATON_OK : BATON_E_INVAL;
	while (n > 0) {
		ssize_t got = getrandom(to, n, 0);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return BATON_E_IO;
		to += got;
		n -= (size_t)got;
	}
	return BATON_OK;
}

/* --- small durable values ----------------------------------------------------------------- */

static int kv_key(baton_ctx *ctx, baton_str key, struct baton_buf *out)
{
	if (!baton_ctx_ok(ctx))
		return BATON_E_INVAL;
	if (key.n == 0 || !baton_host_text_ok(key, KEY_BYTES_MAX) || memchr(key.p, 0, key.n)) {
		baton_ctx_breach(ctx, BATON_BREACH_ARGUMENT, "kv: a key is 1..128 bytes of text");
		return BATON_E_INVAL;
	}
	if (!ctx->generation->host.journal)
		return BATON_E_UNSUPPORTED;
	baton_buf_printf(out, "kv/%s/", ctx->generation->spec->name);
	baton_buf_str(out, key);
	return 0;
}

static int32_t host_kv_get(baton_ctx *ctx, baton_str key, const baton_sink *out)
{
	struct baton_buf name = { 0 }, value = { 0 };
	int rc = out && out->size >= BATON_FIRST_SINK && out->write ? kv_key(ctx, key, &name)
								    : BATON_E_INVAL;
	if (rc == 0)
		rc = baton_journal_get(ctx->generation->host.journal, baton_buf_view(&name),
				       &value);
	if (rc == 0)
		rc = out->write(out->ud, value.p, value.n);
	baton_buf_done(&name);
	baton_buf_done(&value);
	return rc;
}

static int32_t host_kv_put(baton_ctx *ctx, baton_str key, baton_str value)
{
	struct baton_buf name = { 0 };
	int rc = value.n > VALUE_BYTES_MAX ? BATON_E_LIMIT
		 : value.n > 0 && !value.p ? BATON_E_INVAL
					   : 0;
	if (rc == 0)
		rc = kv_key(ctx, key, &name);
	if (rc == 0)
		rc = baton_journal_put(ctx->generation->host.journal, baton_buf_view(&name), value);
	baton_buf_done(&name);
	return rc < BATON_E_UNSUPPORTED ? BATON_E_IO : rc;
}

static int32_t host_session_get(baton_ctx *ctx, baton_call call, baton_str key,
				const baton_sink *out)
{
	(void)ctx, (void)call, (void)key, (void)out;
	return BATON_E_UNSUPPORTED;
}

static int32_t host_session_put(baton_ctx *ctx, baton_call call, baton_str key, uint32_t schema,
				baton_str value)
{
	(void)ctx, (void)call, (void)key, (void)schema, (void)value;
	return BATON_E_UNSUPPORTED;
}

static int32_t host_event(baton_ctx *ctx, baton_call call, baton_str type, baton_str json)
{
	(void)ctx, (void)call, (void)type, (void)json;
	return BATON_E_UNSUPPORTED;
}

const baton_host *baton_host_table(void)
{
	static const baton_host table = {
		.size = sizeof(table),
		.abi_minor = BATON_ABI_MINOR,
		.version = "0.1.0",
		.get = host_get,
		.log = host_log,
		.count = host_count,
		.observe = host_observe,
		.now_ns = host_now_ns,
		.unix_ms = host_unix_ms,
		.random = host_random,
		.timer = baton_ledger_timer,
		.timer_stop = baton_ledger_timer_stop,
		.job = baton_ledger_job,
		.post = baton_ledger_post,
		.watch = baton_ledger_watch,
		.watch_stop = baton_ledger_watch_stop,
		.http = baton_ledger_http,
		.http_pause = baton_ledger_http_pause,
		.http_stop = baton_ledger_http_stop,
		.session_get = host_session_get,
		.session_put = host_session_put,
		.kv_get = host_kv_get,
		.kv_put = host_kv_put,
		.event = host_event,
		.delta = baton_call_host_delta,
		.result = baton_call_host_result,
		.usage = baton_call_host_usage,
		.end = baton_call_host_end,
		.fail = baton_call_host_fail,
		.call_set = baton_call_host_set,
		.call_get = baton_call_host_get,
	};
	return &table;
}
