/* SPDX-License-Identifier: Apache-2.0 */

/* The rest of the host table: what is logged, counted, kept. Other threads may call these, so the
 * lists are under the lock. And the sinks and sources that functions of a module are given. */
#include "core/testhost/inside.h"

#include "core/base/abi.h"
#include "core/policy/expr.h"

#include <stdio.h>

enum { KEY_BYTES_MAX = 128, VALUE_BYTES_MAX = 64 * 1024, LOGS_MAX = 100000, SINK_MAX = 64 << 20 };

static void pure(const struct baton_ctx *ctx, const char *what)
{
	if (ctx->host->pure)
		baton_rig_breach(ctx->host, BATON_TESTHOST_BREACH_IMPURE, what);
}

static const void *host_get(baton_ctx *ctx, const char *id)
{
	if (!baton_rig_ctx_ok(ctx) || !id)
		return NULL;
	if (strcmp(id, BATON_HOST_SIGN) == 0)
		return baton_rig_sign();
	return strcmp(id, BATON_HOST_EXPR) == 0 ? baton_expr_host() : NULL;
}

/* --- logs and counts ---------------------------------------------------------------------- */

static void host_log(baton_ctx *ctx, uint32_t level, baton_str msg)
{
	if (!baton_rig_ctx_ok(ctx) || !msg.p)
		return;
	baton_testhost *host = ctx->host;
	(void)pthread_mutex_lock(&host->lock);
	if (host->n_logs == host->cap_logs && host->cap_logs < LOGS_MAX) {
		host->cap_logs = host->cap_logs ? host->cap_logs * 2 : 64;
		host->logs = baton_realloc(host->logs, host->cap_logs * sizeof(*host->logs));
	}
	if (host->n_logs < host->cap_logs)
		host->logs[host->n_logs++] =
			(struct baton_rig_log){ level, baton_memdupz(msg.p, msg.n) };
	(void)pthread_mutex_unlock(&host->lock);
}

unsigned baton_testhost_logs(const baton_testhost *host)
{
	return host->n_logs;
}

const char *baton_testhost_log(const baton_testhost *host, unsigned i, uint32_t *ret_level)
{
	if (i >= host->n_logs)
		return NULL;
	if (ret_level)
		*ret_level = host->logs[i].level;
	return host->logs[i].text;
}

bool baton_testhost_logged(const baton_testhost *host, const char *part)
{
	for (uint32_t i = 0; i < host->n_logs; i++)
		if (strstr(host->logs[i].text, part))
			return true;
	return false;
}

static struct baton_rig_value *value_of(struct baton_rig_value *list, baton_str name)
{
	while (list && !baton_str_is(name, list->name))
		list = list->next;
	return list;
}

static struct baton_rig_value *value_new(struct baton_rig_value **list, baton_str name)
{
	struct baton_rig_value *v = value_of(*list, name);
	if (v)
		return v;
	v = baton_new(struct baton_rig_value);
	v->name = baton_memdupz(name.p, name.n);
	v->next = *list;
	*list = v;
	return v;
}

static bool name_ok(const char *name)
{
	size_t n = name ? strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") : 0;
	return n > 0 && n < 48 && name[n] == '\0';
}

static void measured(baton_ctx *ctx, const char *name, uint64_t v)
{
	if (!baton_rig_ctx_ok(ctx))
		return;
	pure(ctx, "count");
	if (!name_ok(name)) {
		baton_rig_breach(ctx->host, BATON_TESTHOST_BREACH_ARGUMENT,
				 "a metric's name is not [a-z0-9_]{1,47}");
		return;
	}
	(void)pthread_mutex_lock(&ctx->host->lock);
	value_new(&ctx->host->counts, baton_str_of(name))->sum += v;
	(void)pthread_mutex_unlock(&ctx->host->lock);
}

static void host_count(baton_ctx *ctx, const char *name, uint64_t add)
{
	measured(ctx, name, add);
}

static void host_observe(baton_ctx *ctx, const char *name, uint64_t us)
{
	measured(ctx, name, us);
}

uint64_t baton_testhost_counted(const baton_testhost *host, const char *name)
{
	const struct baton_rig_value *v = value_of(host->counts, baton_str_of(name));
	return v ? v->sum : 0;
}

/* --- time and chance ---------------------------------------------------------------------- */

static uint64_t host_now_ns(baton_ctx *ctx)
{
	pure(ctx, "now_ns");
	return ctx->host->now_ns;
}

static uint64_t host_unix_ms(baton_ctx *ctx)
{
	pure(ctx, "unix_ms");
	return ctx->host->unix_ms + (ctx->host->now_ns - ctx->host->begin_ns) / BATON_RIG_NS_PER_MS;
}

static int32_t host_random(baton_ctx *ctx, void *p, size_t n)
{
	unsigned char *to = p;
	if (!baton_rig_ctx_ok(ctx))
		return BATON_E_INVAL;
	pure(ctx, "random");
	if (!p)
		return n == 0 ? BATON_OK : BATON_E_INVAL;
	int32_t rc = baton_rig_fault(ctx->host, BATON_TESTHOST_RANDOM);
	for (size_t i = 0; rc == BATON_OK && i < n; i++)
		to[i] = (unsigned char)(baton_rig_random(ctx->host) >> 56);
	return rc;
}

/* --- small durable values ----------------------------------------------------------------- */

static int32_t kv_begin(baton_ctx *ctx, baton_str key)
{
	if (!baton_rig_ctx_ok(ctx))
		return BATON_E_INVAL;
	pure(ctx, "kv");
	if (key.n == 0 || !baton_rig_text_ok(key, KEY_BYTES_MAX) || memchr(key.p, 0, key.n)) {
		baton_rig_breach(ctx->host, BATON_TESTHOST_BREACH_ARGUMENT,
				 "kv: a key is 1..128 bytes of text");
		return BATON_E_INVAL;
	}
	return baton_rig_fault(ctx->host, BATON_TESTHOST_KV);
}

static int32_t host_kv_get(baton_ctx *ctx, baton_str key, const baton_sink *out)
{
	int32_t rc = out && out->size >= BATON_FIRST_SINK && out->write ? kv_begin(ctx, key)
									: BATON_E_INVAL;
	if (rc < 0)
		return rc;
	const struct baton_rig_value *v = value_of(ctx->host->kv, key);
	return v ? out->write(out->ud, v->bytes, v->n) : BATON_E_NOTFOUND;
}

void baton_testhost_kv_set(baton_testhost *host, const char *key, baton_str value)
{
	struct baton_rig_value *v = value_new(&host->kv, baton_str_of(key));
	baton_free(v->bytes);
	v->bytes = baton_memdupz(value.n ? value.p : "", value.n);
	v->n = value.n;
}

static int32_t host_kv_put(baton_ctx *ctx, baton_str key, baton_str value)
{
	char name[KEY_BYTES_MAX + 1];
	int32_t rc = value.n > VALUE_BYTES_MAX ? BATON_E_LIMIT
		     : value.n > 0 && !value.p ? BATON_E_INVAL
					       : BATON_OK;
	if (rc == BATON_OK)
		rc = kv_begin(ctx, key);
	if (rc < 0)
		return rc;
	(void)snprintf(name, sizeof(name), "%.*s", (int)key.n, key.p);
	(void)pthread_mutex_lock(&ctx->host->lock);
	baton_testhost_kv_set(ctx->host, name, value);
	(void)pthread_mutex_unlock(&ctx->host->lock);
	return BATON_OK;
}

baton_str baton_testhost_kv(const baton_testhost *host, const char *key)
{
	const struct baton_rig_value *v = value_of(host->kv, baton_str_of(key));
	return v ? (baton_str){ v->bytes, v->n } : BATON_STR_NONE;
}

static int32_t host_session_get(baton_ctx *ctx, baton_call call, baton_str key,
				const baton_sink *out)
{
	(void)ctx, (void)call, (void)key, (void)out;
	return BATON_E_UNSUPPORTED; /* as the server of this version */
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

const baton_host *baton_rig_table(void)
{
	static const baton_host table = {
		.size = sizeof(table),
		.abi_minor = BATON_ABI_MINOR,
		.version = "testhost",
		.get = host_get,
		.log = host_log,
		.count = host_count,
		.observe = host_observe,
		.now_ns = host_now_ns,
		.unix_ms = host_unix_ms,
		.random = host_random,
		.timer = baton_rig_host_timer,
		.timer_stop = baton_rig_host_timer_stop,
		.job = baton_rig_host_job,
		.post = baton_rig_host_post,
		.watch = baton_rig_host_watch,
		.watch_stop = baton_rig_host_watch_stop,
		.http = baton_rig_host_http,
		.http_pause = baton_rig_host_http_pause,
		.http_stop = baton_rig_host_http_stop,
		.session_get = host_session_get,
		.session_put = host_session_put,
		.kv_get = host_kv_get,
		.kv_put = host_kv_put,
		.event = host_event,
		.delta = baton_rig_host_delta,
		.result = baton_rig_host_result,
		.usage = baton_rig_host_usage,
		.end = baton_rig_host_end,
		.fail = baton_rig_host_fail,
		.call_set = baton_rig_host_call_set,
		.call_get = baton_rig_host_call_get,
	};
	return &table;
}

static void values_free(struct baton_rig_value *list)
{
	while (list) {
		struct baton_rig_value *v = list;
		list = v->next;
		baton_free(v->name);
		baton_free(v->bytes);
		baton_free(v);
	}
}

void baton_rig_table_free(baton_testhost *host)
{
	for (uint32_t i = 0; i < host->n_logs; i++)
		baton_free(host->logs[i].text);
	baton_free(host->logs);
	values_free(host->kv);
	values_free(host->counts);
}

/* --- sinks and sources -------------------------------------------------------------------- */

static int32_t sink_write(void *ud, const void *p, size_t n)
{
	baton_testhost *host = ud;
	int32_t rc = baton_rig_fault(host, BATON_TESTHOST_SINK);
	if (rc < 0)
		return rc;
	if (!p && n > 0) {
		baton_rig_breach(host, BATON_TESTHOST_BREACH_ARGUMENT, "sink: NULL with a length");
		return BATON_E_INVAL;
	}
	if (host->sink.n + n > SINK_MAX)
		return BATON_E_LIMIT;
	baton_buf_add(&host->sink, p, n);
	return BATON_OK;
}

int32_t baton_testhost_read_sink(baton_testhost *host,
				 int32_t (*fn)(void *inst, const baton_sink *sink), uint32_t inst,
				 baton_str *ret)
{
	const struct baton_ctx *ctx = baton_rig_ctx(host, inst);
	const baton_sink sink = { .size = sizeof(sink), .ud = host, .write = sink_write };
	*ret = BATON_STR("");
	if (!ctx || !fn)
		return BATON_E_UNSUPPORTED;
	baton_buf_reset(&host->sink);
	struct baton_rig_visit visit = baton_rig_enter(host, "sink");
	int32_t rc = fn(ctx->inst, &sink);
	baton_rig_leave(&visit);
	if (host->sink.n > 0) {
		(void)baton_buf_room(&host->sink, 1);
		host->sink.p[host->sink.n] = '\0';
		*ret = baton_buf_view(&host->sink);
	}
	return rc;
}

int32_t baton_testhost_save(baton_testhost *host, uint32_t inst, baton_str *ret)
{
	*ret = BATON_STR("");
	if (!host->module->state || !host->module->state->save)
		return BATON_E_UNSUPPORTED;
	return baton_testhost_read_sink(host, host->module->state->save, inst, ret);
}

struct reading {
	baton_str rest;
	size_t chunk;
};

static int64_t source_read(void *ud, void *p, size_t cap)
{
	struct reading *r = ud;
	size_t n = r->rest.n < cap ? r->rest.n : cap;
	if (r->chunk > 0 && n > r->chunk)
		n = r->chunk;
	if (n > 0)
		memcpy(p, r->rest.p, n);
	r->rest.p += n;
	r->rest.n -= n;
	return (int64_t)n;
}

int32_t baton_testhost_load(baton_testhost *host, uint32_t inst, uint32_t schema, baton_str bytes,
			    size_t chunk)
{
	const struct baton_ctx *ctx = baton_rig_ctx(host, inst);
	const baton_state *state = host->module->state;
	struct reading reading = { bytes, chunk };
	const baton_source source = { .size = sizeof(source), .ud = &reading, .read = source_read };
	if (!ctx || !state || !state->load)
		return BATON_E_UNSUPPORTED;
	struct baton_rig_visit visit = baton_rig_enter(host, "state load");
	int32_t rc = state->load(ctx->inst, schema, &source);
	baton_rig_leave(&visit);
	return rc;
}
