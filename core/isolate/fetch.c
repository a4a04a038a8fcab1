/* SPDX-License-Identifier: Apache-2.0 */

/* What the child cannot have itself: HTTP, stored values, signatures. It asks and waits for the
 * REPLY; the host's own rules (egress, secrets, limits) are applied where they always are. */
#include "core/isolate/inside.h"

#include "core/base/errors.h"

#include <baton/sign.h>

/* --- replies ----------------------------------------------------------------------------- */

static void reply(struct baton_proxy *proxy, uint64_t number, int32_t rc, baton_str bytes)
{
	if (proxy->fd < 0)
		return;
	size_t at = baton_frame_begin(&proxy->out, BATON_FRAME_REPLY, number);
	baton_put_i32(&proxy->out, rc);
	baton_put_str(&proxy->out, bytes);
	if (!baton_frame_end(&proxy->out, at)) {
		at = baton_frame_begin(&proxy->out, BATON_FRAME_REPLY, number);
		baton_put_i32(&proxy->out, BATON_E_LIMIT);
		baton_put_str(&proxy->out, BATON_STR_NONE);
		(void)baton_frame_end(&proxy->out, at);
	}
	baton_proxy_push(proxy);
}

/* --- HTTP -------------------------------------------------------------------------------- */

static struct baton_proxy_http *http_find(struct baton_proxy *proxy, uint64_t id)
{
	struct baton_proxy_http *http;
	HASH_FIND(hh, proxy->https, &id, sizeof(id), http);
	return http;
}

static void http_drop(struct baton_proxy_http *http)
{
	HASH_DEL(http->proxy->https, http);
	baton_free(http);
}

/* A child that reads slowly slows the sender down, not the server's memory up. */
static void hold_back(struct baton_proxy_http *http)
{
	struct baton_proxy *proxy = http->proxy;
	if (http->paused_by_us || proxy->out.n - proxy->out_at <= BATON_PROXY_OUT_SOFT)
		return;
	http->paused_by_us = true;
	(void)proxy->host->http_pause(proxy->ctx, http->inner, 1);
}

void baton_proxy_http_go_on(struct baton_proxy *proxy)
{
	if (proxy->fd < 0 || proxy->out.n - proxy->out_at > BATON_PROXY_OUT_SOFT / 2)
		return;
	struct baton_proxy_http *http, *next;
	HASH_ITER(hh, proxy->https, http, next) {
		if (!http->paused_by_us)
			continue;
		http->paused_by_us = false;
		if (!http->paused_by_child)
			(void)proxy->host->http_pause(proxy->ctx, http->inner, 0);
	}
}

static void on_head(void *user, baton_http h, uint32_t status, const baton_str *headers, uint32_t n)
{
	struct baton_proxy_http *http = user;
	struct baton_proxy *proxy = http->proxy;
	(void)h;
	if (proxy->fd < 0)
		return;
	size_t at = baton_frame_begin(&proxy->out, BATON_FRAME_HTTP_HEAD, http->id);
	baton_put_u32(&proxy->out, status);
	baton_pod_put_strs(&proxy->out, headers, n);
	(void)baton_frame_end(&proxy->out, at);
	baton_proxy_push(proxy);
}

static void on_data(void *user, baton_http h, baton_str event, baton_str data)
{
	struct baton_proxy_http *http = user;
	struct baton_proxy *proxy = http->proxy;
	(void)h;
	if (proxy->fd < 0)
		return;
	size_t at = baton_frame_begin(&proxy->out, BATON_FRAME_HTTP_DATA, http->id);
	baton_put_str(&proxy->out, event);
	baton_put_str(&proxy->out, data);
	(void)baton_frame_end(&proxy->out, at);
	hold_back(http);
	baton_proxy_push(proxy);
}

static void on_end(void *user, baton_http h, const baton_error *error)
{
	static const baton_error none = { .size = sizeof(none) };
	struct baton_proxy_http *http = user;
	struct baton_proxy *proxy = http->proxy;
	uint64_t id = http->id;
	(void)h;
	http_drop(http);
	if (proxy->fd < 0)
		return;
	size_t at = baton_frame_begin(&proxy->out, BATON_FRAME_HTTP_END, id);
	baton_put_u32(&proxy->out, error != NULL);
	baton_pod_put_error(&proxy->out, error ? error : &none);
	(void)baton_frame_end(&proxy->out, at);
	baton_proxy_push(proxy);
}

static bool on_http(struct baton_proxy *proxy, const struct baton_frame *frame,
		    struct baton_reader *in)
{
	static const baton_http_cb cb = {
		.size = sizeof(cb), .on_head = on_head, .on_data = on_data, .on_end = on_end
	};
	struct baton_arena arena = { 0 };
	baton_http_req req;
	uint64_t id = baton_get_u64(in);
	baton_pod_get_request(in, &arena, &req);
	bool good = baton_reader_ended(in) && !http_find(proxy, id);
	if (good) {
		struct baton_proxy_http *http = baton_new(struct baton_proxy_http);
		http->id = id;
		http->proxy = proxy;
		HASH_ADD(hh, proxy->https, id, sizeof(http->id), http);
		int32_t rc = proxy->host->http(proxy->ctx, &req, &cb, http, &http->inner);
		if (rc < 0)
			http_drop(http);
		reply(proxy, frame->head.call, rc, BATON_STR_NONE);
	}
	baton_arena_done(&arena);
	return good;
}

bool baton_proxy_hear_http(struct baton_proxy *proxy, const struct baton_frame *frame)
{
	struct baton_proxy_http *http = http_find(proxy, frame->head.call);
	struct baton_reader in = baton_reader_of(frame->payload);
	if (frame->head.op == BATON_FRAME_HTTP_PAUSE) {
		bool paused = baton_get_u32(&in) != 0;
		if (http && !in.bad) {
			http->paused_by_child = paused;
			if (paused || !http->paused_by_us)
				(void)proxy->host->http_pause(proxy->ctx, http->inner, paused);
		}
	} else if (http) { /* it may have ended on the way here */
		(void)proxy->host->http_stop(proxy->ctx, http->inner);
		http_drop(http);
	}
	return baton_reader_ended(&in);
}

void baton_proxy_http_stop_all(struct baton_proxy *proxy)
{
	while (proxy->https) {
		struct baton_proxy_http *http = proxy->https;
		(void)proxy->host->http_stop(proxy->ctx, http->inner);
		http_drop(http);
	}
}

/* --- stored values, signatures, events --------------------------------------------------- */

static int32_t to_buf(void *ud, const void *p, size_t n)
{
	baton_buf_add(ud, p, n);
	return BATON_OK;
}

static int32_t kv_get(struct baton_proxy *proxy, struct baton_reader *in, struct baton_buf *out)
{
	const baton_sink sink = { .size = sizeof(sink), .ud = out, .write = to_buf };
	baton_str key = baton_get_str(in);
	return in->bad ? BATON_E_INVAL : proxy->host->kv_get(proxy->ctx, key, &sink);
}

static int32_t kv_put(struct baton_proxy *proxy, struct baton_reader *in, struct baton_buf *out)
{
	baton_str key = baton_get_str(in);
	baton_str value = baton_get_str(in);
	(void)out;
	return in->bad ? BATON_E_INVAL : proxy->host->kv_put(proxy->ctx, key, value);
}

static int32_t session_get(struct baton_proxy *proxy, struct baton_reader *in,
			   struct baton_buf *out)
{
	const baton_sink sink = { .size = sizeof(sink), .ud = out, .write = to_buf };
	uint64_t call = baton_get_u64(in);
	baton_str key = baton_get_str(in);
	return in->bad ? BATON_E_INVAL : proxy->host->session_get(proxy->ctx, call, key, &sink);
}

static int32_t session_put(struct baton_proxy *proxy, struct baton_reader *in,
			   struct baton_buf *out)
{
	uint64_t call = baton_get_u64(in);
	baton_str key = baton_get_str(in);
	uint32_t schema = baton_get_u32(in);
	baton_str value = baton_get_str(in);
	(void)out;
	return in->bad ? BATON_E_INVAL
		       : proxy->host->session_put(proxy->ctx, call, key, schema, value);
}

static int32_t event(struct baton_proxy *proxy, struct baton_reader *in, struct baton_buf *out)
{
	uint64_t call = baton_get_u64(in);
	baton_str type = baton_get_str(in);
	baton_str json = baton_get_str(in);
	(void)out;
	return in->bad ? BATON_E_INVAL : proxy->host->event(proxy->ctx, call, type, json);
}

static int32_t sign(struct baton_proxy *proxy, struct baton_reader *in, struct baton_buf *out)
{
	struct baton_arena arena = { 0 };
	const baton_host_sign *part = proxy->host->get(proxy->ctx, BATON_HOST_SIGN);
	uint8_t mac[BATON_SIGN_HMAC_SHA256_BYTES] = { 0 };
	uint32_t n;
	baton_str name = baton_get_str(in);
	const baton_str *parts = baton_pod_get_strs(in, &arena, BATON_SIGN_PARTS_MAX, &n);
	int32_t rc = in->bad ? BATON_E_INVAL
		     : part  ? part->hmac_sha256(proxy->ctx, name, parts, n, mac)
			     : BATON_E_UNSUPPORTED;
	if (rc == BATON_OK)
		baton_buf_add(out, mac, sizeof(mac));
	baton_arena_done(&arena);
	return rc;
}

bool baton_proxy_hear_question(struct baton_proxy *proxy, const struct baton_frame *frame)
{
	static int32_t (*const questions[BATON_FRAME_OPS])(
		struct baton_proxy *, struct baton_reader *, struct baton_buf *) = {
		[BATON_FRAME_KV_GET] = kv_get,
		[BATON_FRAME_KV_PUT] = kv_put,
		[BATON_FRAME_SESSION_GET] = session_get,
		[BATON_FRAME_SESSION_PUT] = session_put,
		[BATON_FRAME_EVENT] = event,
		[BATON_FRAME_SIGN] = sign,
	};
	struct baton_reader in = baton_reader_of(frame->payload);
	struct baton_buf out = { 0 };
	if (frame->head.op == BATON_FRAME_HTTP)
		return on_http(proxy, frame, &in);
	if (!questions[frame->head.op])
		return false;
	int32_t rc = questions[frame->head.op](proxy, &in, &out);
	bool good = baton_reader_ended(&in);
	if (good)
		reply(proxy, frame->head.call, rc, baton_buf_view(&out));
	baton_buf_done(&out);
	return good;
}
