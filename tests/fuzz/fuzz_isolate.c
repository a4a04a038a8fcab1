/* SPDX-License-Identifier: Apache-2.0 */

/* What a module's own process sends, read by the server: any bytes at all. Nothing may be read
 * outside of them, whatever is passed on to the host table must be there to its last byte, and a
 * call has at most one end. The first byte says which socket the rest came from. */
#include "core/isolate/inside.h"
#include "tests/fuzz/fuzz.h"

enum { CALLS = 4, HITS = 8 };

static unsigned ends[CALLS + 1];
static unsigned taken; /* deltas so far; some are put off */
static volatile unsigned sum;

/* Reads every byte, so that one that is not ours is noticed. */
static void touch(baton_str s)
{
	if (!s.p)
		return; /* with a length it is a sin that the host knows */
	for (size_t i = 0; i < s.n; i++)
		sum += (unsigned char)s.p[i];
}

static const void *host_get(baton_ctx *ctx, const char *id)
{
	(void)ctx, (void)id;
	return NULL;
}

static void host_log(baton_ctx *ctx, uint32_t level, baton_str msg)
{
	(void)ctx, (void)level;
	touch(msg);
}

static void host_count(baton_ctx *ctx, const char *name, uint64_t v)
{
	(void)ctx, (void)v;
	touch(baton_str_of(name));
}

static int32_t host_post(baton_ctx *ctx, void (*fn)(void *), void *user)
{
	(void)ctx, (void)fn, (void)user;
	return BATON_OK;
}

static bool is_open(baton_call call)
{
	return call > 0 && call <= CALLS && ends[call] == 0;
}

static int32_t host_delta(baton_ctx *ctx, baton_call call, uint32_t kind, baton_str data)
{
	(void)ctx, (void)kind;
	touch(data);
	if (!is_open(call))
		return BATON_E_STALE;
	return ++taken % 5 == 0 ? BATON_E_AGAIN : BATON_OK;
}

static int32_t host_result(baton_ctx *ctx, baton_call call, const char *type, const void *pod,
			   size_t n)
{
	(void)ctx;
	if (strcmp(type, BATON_RESULT_DOCS) == 0 && n % sizeof(baton_doc) == 0) {
		const baton_doc *docs = pod;
		for (size_t i = 0; i < n / sizeof(*docs); i++) {
			touch(docs[i].id);
			touch(docs[i].title);
			touch(docs[i].uri);
			touch(docs[i].snippet);
			touch(docs[i].version);
		}
	} else if (strcmp(type, BATON_RESULT_INTENTS) == 0 && n >= sizeof(baton_intents)) {
		baton_intents intents;
		memcpy(&intents, pod, sizeof(intents));
		touch(intents.language);
		for (uint32_t i = 0; intents.v && i < intents.n; i++) {
			touch(intents.v[i].name);
			touch(intents.v[i].entities_json);
		}
	} else if (strcmp(type, BATON_RESULT_TOOL) == 0 && n >= sizeof(baton_tool_result)) {
		baton_tool_result result;
		memcpy(&result, pod, sizeof(result));
		touch(result.json);
		touch(result.code);
	} else {
		touch((baton_str){ pod, n });
	}
	return is_open(call) ? BATON_OK : BATON_E_STALE;
}

static int32_t host_usage(baton_ctx *ctx, baton_call call, const baton_usage *usage)
{
	(void)ctx, (void)usage;
	return is_open(call) ? BATON_OK : BATON_E_STALE;
}

static int32_t host_end(baton_ctx *ctx, baton_call call, uint32_t reason)
{
	(void)ctx, (void)reason;
	if (!is_open(call))
		return BATON_E_STALE;
	ends[call]++;
	return BATON_OK;
}

static int32_t host_fail(baton_ctx *ctx, baton_call call, const baton_error *error)
{
	if (error) {
		touch(error->code);
		touch(error->message);
		/* The host's own class does not come from a child. */
		FUZZ_CHECK(error->fail != BATON_FAIL_MODULE);
	}
	return host_end(ctx, call, 0);
}

static int32_t host_http(baton_ctx *ctx, const baton_http_req *req, const baton_http_cb *cb,
			 void *user, baton_http *out)
{
	(void)ctx, (void)cb, (void)user;
	touch(req->method);
	touch(req->url);
	touch(req->body);
	for (uint32_t i = 0; i < req->n_headers; i++)
		touch(req->headers[i]);
	*out = 7;
	return req->url.n % 2 ? BATON_OK : BATON_E_DENIED;
}

static int32_t host_http_pause(baton_ctx *ctx, baton_http http, uint32_t paused)
{
	(void)ctx, (void)http, (void)paused;
	return BATON_OK;
}

static int32_t host_http_stop(baton_ctx *ctx, baton_http http)
{
	(void)ctx, (void)http;
	return BATON_OK;
}

static int32_t host_kv_get(baton_ctx *ctx, baton_str key, const baton_sink *out)
{
	(void)ctx;
	touch(key);
	return out->write(out->ud, "value", 5);
}

static int32_t host_kv_put(baton_ctx *ctx, baton_str key, baton_str value)
{
	(void)ctx;
	touch(key);
	touch(value);
	return BATON_OK;
}

static int32_t host_session_get(baton_ctx *ctx, baton_call call, baton_str key,
				const baton_sink *out)
{
	(void)call;
	return host_kv_get(ctx, key, out);
}

static int32_t host_session_put(baton_ctx *ctx, baton_call call, baton_str key, uint32_t schema,
				baton_str value)
{
	(void)call, (void)schema;
	return host_kv_put(ctx, key, value);
}

static int32_t host_event(baton_ctx *ctx, baton_call call, baton_str type, baton_str json)
{
	(void)call;
	return host_kv_put(ctx, type, json);
}

static const baton_host table = { .size = sizeof(table),
				  .get = host_get,
				  .log = host_log,
				  .count = host_count,
				  .observe = host_count,
				  .post = host_post,
				  .http = host_http,
				  .http_pause = host_http_pause,
				  .http_stop = host_http_stop,
				  .session_get = host_session_get,
				  .session_put = host_session_put,
				  .kv_get = host_kv_get,
				  .kv_put = host_kv_put,
				  .event = host_event,
				  .delta = host_delta,
				  .result = host_result,
				  .usage = host_usage,
				  .end = host_end,
				  .fail = host_fail };

static void open_call(struct baton_proxy *proxy, uint64_t handle)
{
	struct baton_proxy_call *call = baton_new(struct baton_proxy_call);
	call->handle = handle;
	call->cancelled = handle == 3;
	call->closed = handle == 4;
	ends[handle] = handle == 4;
	HASH_ADD(hh, proxy->calls, handle, sizeof(call->handle), call);
}

/* An answer may be that of a guard: as table.c reads it. */
static void hits_of(const struct baton_proxy *proxy)
{
	struct baton_reader in = baton_reader_of(baton_buf_view(&proxy->answer));
	baton_hit v[HITS];
	baton_hits hits = { .size = sizeof(hits), .cap = HITS, .v = v };
	memset(v, 0, sizeof(v));
	baton_pod_get_hits(&in, &hits);
	for (uint32_t i = 0; hits.v && hits.n <= HITS && i < hits.n; i++) {
		touch(hits.v[i].type);
		touch(hits.v[i].rule);
		touch(hits.v[i].text);
	}
}

static void instance_socket(struct baton_child *child, baton_str bytes)
{
	struct baton_proxy proxy = { .child = child, .host = &table, .fd = -1 };
	struct baton_frame frame;
	proxy.questions = 2;
	proxy.waiting = 2;
	for (uint64_t i = 1; i <= CALLS; i++)
		open_call(&proxy, i);
	while (baton_frame_next(bytes, BATON_FRAME_UP, &frame) > 0) {
		size_t n = sizeof(frame.head) + frame.head.len;
		if (!baton_proxy_hear(&proxy, &frame))
			break;
		bytes = (baton_str){ bytes.p + n, bytes.n - n };
	}
	hits_of(&proxy);
	/* The room is there again: what was held goes on. */
	for (uint64_t i = 1; i <= CALLS; i++) {
		struct baton_proxy_call *call;
		HASH_FIND(hh, proxy.calls, &i, sizeof(i), call);
		if (call)
			baton_proxy_release(&proxy, call);
	}
	baton_proxy_http_stop_all(&proxy);
	while (proxy.calls)
		baton_proxy_call_drop(&proxy, proxy.calls);
	for (unsigned i = 1; i <= CALLS; i++)
		FUZZ_CHECK(ends[i] <= 1);
	baton_buf_done(&proxy.answer);
	baton_buf_done(&proxy.out);
}

/* Of what is described, every text is there and every table known. */
static void descriptor(struct baton_child *child, baton_str bytes)
{
	if (baton_describe(child, bytes)) {
		const baton_module *m = &child->entry;
		touch(baton_str_of(m->id));
		touch(baton_str_of(m->version));
		touch(baton_str_of(m->vendor));
		touch(baton_str_of(m->license));
		touch(baton_str_of(m->summary));
		touch(baton_str_of(m->homepage));
		touch(baton_str_of(m->config_schema));
		FUZZ_CHECK(m->n_ifaces <= BATON_CHILD_KINDS);
	}
	baton_arena_done(&child->arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct baton_child child = { .host = &table };
	taken = 0;
	memset(ends, 0, sizeof(ends));
	if (n == 0)
		return 0;
	baton_str rest = { (const char *)data + 1, n - 1 };
	if (data[0] % 4 == 0)
		descriptor(&child, rest);
	else
		instance_socket(&child, rest);
	return 0;
}
