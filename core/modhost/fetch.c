/* SPDX-License-Identifier: Apache-2.0 */

/* What this process does not have itself and the server does for it: HTTP, stored values,
 * signatures. A question waits for its reply; an HTTP answer comes later, in frames. */
#include "core/modhost/inside.h"

#include "core/base/abi.h"
#include "core/base/errors.h"
#include "core/policy/expr.h"

#include <baton/sign.h>

enum { HEADERS_MAX = 64 };

static struct baton_buf question(enum baton_frame_op op)
{
	struct baton_buf frame = { 0 };
	(void)baton_frame_begin(&frame, op, 0);
	return frame;
}

static int32_t ask(baton_ctx *ctx, struct baton_buf *frame, struct baton_buf *ret_reply)
{
	struct baton_guest *guest = baton_guest_of(ctx);
	int32_t rc = !guest                      ? BATON_E_INVAL
		     : baton_frame_end(frame, 0) ? baton_guest_ask(guest, frame, ret_reply)
						 : BATON_E_LIMIT;
	baton_buf_done(frame);
	return rc;
}

/* --- HTTP -------------------------------------------------------------------------------- */

static bool request_ok(const baton_http_req *req, const baton_http_cb *cb)
{
	if (!req || !cb || req->size < BATON_FIRST_HTTP_REQ || cb->size < BATON_FIRST_HTTP_CB ||
	    !cb->on_end || (req->n_headers > 0 && !req->headers) || req->n_headers > HEADERS_MAX ||
	    (!req->body.p && req->body.n > 0) || (!req->url.p && req->url.n > 0) ||
	    (!req->method.p && req->method.n > 0))
		return false;
	for (uint32_t i = 0; i < req->n_headers; i++)
		if (!req->headers[i].p && req->headers[i].n > 0)
			return false;
	return true;
}

int32_t baton_guest_http(baton_ctx *ctx, const baton_http_req *req, const baton_http_cb *cb,
			 void *user, baton_http *out)
{
	struct baton_guest *guest = baton_guest_of(ctx);
	if (!guest || !request_ok(req, cb))
		return BATON_E_INVAL;
	if (!baton_house_is_main())
		return BATON_E_THREAD;
	if (HASH_COUNT(guest->https) >= BATON_GUEST_HTTP_MAX)
		return BATON_E_LIMIT;
	uint64_t id = ++baton_house.ids;
	struct baton_buf frame = question(BATON_FRAME_HTTP);
	baton_put_u64(&frame, id);
	baton_http_req whole;
	baton_abi_take(&whole, sizeof(whole), req, req->size);
	baton_pod_put_request(&frame, &whole);
	int32_t rc = ask(ctx, &frame, NULL);
	if (rc == BATON_E_AGAIN)
		(void)baton_guest_http_stop(ctx, id); /* it may be begun all the same */
	if (rc < 0)
		return rc;
	struct baton_guest_http *http = baton_new(struct baton_guest_http);
	http->id = id;
	http->user = user;
	baton_abi_take(&http->cb, sizeof(http->cb), cb, cb->size);
	HASH_ADD(hh, guest->https, id, sizeof(http->id), http);
	if (out)
		*out = id;
	return BATON_OK;
}

static struct baton_guest_http *find(struct baton_guest *guest, uint64_t id)
{
	struct baton_guest_http *http;
	HASH_FIND(hh, guest->https, &id, sizeof(id), http);
	return http;
}

int32_t baton_guest_http_pause(baton_ctx *ctx, baton_http id, uint32_t paused)
{
	struct baton_guest *guest = baton_guest_of(ctx);
	if (!guest || !baton_house_is_main())
		return guest ? BATON_E_THREAD : BATON_E_INVAL;
	if (!find(guest, id))
		return BATON_E_STALE;
	(void)pthread_mutex_lock(&baton_house.lock);
	size_t at = baton_frame_begin(&guest->out, BATON_FRAME_HTTP_PAUSE, id);
	baton_put_u32(&guest->out, paused);
	(void)baton_frame_end(&guest->out, at);
	(void)pthread_mutex_unlock(&baton_house.lock);
	return BATON_OK;
}

int32_t baton_guest_http_stop(baton_ctx *ctx, baton_http id)
{
	struct baton_guest *guest = baton_guest_of(ctx);
	if (!guest || !baton_house_is_main())
		return guest ? BATON_E_THREAD : BATON_E_INVAL;
	struct baton_guest_http *http = find(guest, id);
	(void)pthread_mutex_lock(&baton_house.lock);
	(void)baton_frame_end(&guest->out,
			      baton_frame_begin(&guest->out, BATON_FRAME_HTTP_STOP, id));
	(void)pthread_mutex_unlock(&baton_house.lock);
	if (!http)
		return BATON_E_STALE;
	HASH_DEL(guest->https, http);
	baton_free(http);
	return BATON_OK;
}

void baton_guest_http_clear(struct baton_guest *guest)
{
	while (guest->https) {
		struct baton_guest_http *http = guest->https;
		HASH_DEL(guest->https, http);
		baton_free(http);
	}
}

static bool on_head(const struct baton_guest_http *http, struct baton_reader *in)
{
	struct baton_arena arena = { 0 };
	uint32_t n, status = baton_get_u32(in);
	const baton_str *headers = baton_pod_get_strs(in, &arena, UINT16_MAX, &n);
	if (!in->bad && http->cb.on_head)
		http->cb.on_head(http->user, http->id, status, headers, n);
	baton_arena_done(&arena);
	return !in->bad;
}

static bool on_data(const struct baton_guest_http *http, struct baton_reader *in)
{
	baton_str event = baton_get_str(in);
	baton_str data = baton_get_str(in);
	if (!in->bad && http->cb.on_data)
		http->cb.on_data(http->user, http->id, event, data);
	return !in->bad;
}

static bool on_end(const struct baton_guest_http *http, struct baton_reader *in)
{
	baton_error error;
	bool failed = baton_get_u32(in) != 0;
	baton_pod_get_error(in, &error);
	if (!in->bad)
		http->cb.on_end(http->user, http->id, failed ? &error : NULL);
	return !in->bad;
}

bool baton_guest_on_http(struct baton_guest *guest, const struct baton_frame *frame)
{
	struct baton_guest_http *found = find(guest, frame->head.call), http;
	struct baton_reader in = baton_reader_of(frame->payload);
	if (!found)
		return true; /* stopped; the server had not heard of it */
	http = *found;
	if (frame->head.op == BATON_FRAME_HTTP_END) {
		HASH_DEL(guest->https, found);
		baton_free(found);
	}
	uint32_t was = baton_house_enter(BATON_PLACE_HTTP);
	bool good = frame->head.op == BATON_FRAME_HTTP_HEAD   ? on_head(&http, &in)
		    : frame->head.op == BATON_FRAME_HTTP_DATA ? on_data(&http, &in)
							      : on_end(&http, &in);
	baton_house_leave(guest, was);
	return good;
}

/* --- stored values and events ------------------------------------------------------------ */

static bool is_text(baton_str s)
{
	return s.p || s.n == 0;
}

/* Asks, and gives what came to the module's sink. */
static int32_t ask_to(baton_ctx *ctx, struct baton_buf *frame, const baton_sink *out)
{
	struct baton_buf value = { 0 };
	int32_t rc = ask(ctx, frame, &value);
	if (rc == BATON_OK)
		rc = out->write(out->ud, value.p, value.n);
	baton_buf_done(&value);
	return rc;
}

int32_t baton_guest_kv_get(baton_ctx *ctx, baton_str key, const baton_sink *out)
{
	if (!is_text(key) || !out || out->size < BATON_FIRST_SINK || !out->write)
		return BATON_E_INVAL;
	struct baton_buf frame = question(BATON_FRAME_KV_GET);
	baton_put_str(&frame, key);
	return ask_to(ctx, &frame, out);
}

int32_t baton_guest_kv_put(baton_ctx *ctx, baton_str key, baton_str value)
{
	if (!is_text(key) || !is_text(value))
		return BATON_E_INVAL;
	struct baton_buf frame = question(BATON_FRAME_KV_PUT);
	baton_put_str(&frame, key);
	baton_put_str(&frame, value);
	return ask(ctx, &frame, NULL);
}

int32_t baton_guest_session_get(baton_ctx *ctx, baton_call call, baton_str key,
				const baton_sink *out)
{
	if (!is_text(key) || !out || out->size < BATON_FIRST_SINK || !out->write)
		return BATON_E_INVAL;
	struct baton_buf frame = question(BATON_FRAME_SESSION_GET);
	baton_put_u64(&frame, call);
	baton_put_str(&frame, key);
	return ask_to(ctx, &frame, out);
}

int32_t baton_guest_session_put(baton_ctx *ctx, baton_call call, baton_str key, uint32_t schema,
				baton_str value)
{
	if (!is_text(key) || !is_text(value))
		return BATON_E_INVAL;
	struct baton_buf frame = question(BATON_FRAME_SESSION_PUT);
	baton_put_u64(&frame, call);
	baton_put_str(&frame, key);
	baton_put_u32(&frame, schema);
	baton_put_str(&frame, value);
	return ask(ctx, &frame, NULL);
}

int32_t baton_guest_event(baton_ctx *ctx, baton_call call, baton_str type, baton_str json)
{
	if (!is_text(type) || !is_text(json))
		return BATON_E_INVAL;
	struct baton_buf frame = question(BATON_FRAME_EVENT);
	baton_put_u64(&frame, call);
	baton_put_str(&frame, type);
	baton_put_str(&frame, json);
	return ask(ctx, &frame, NULL);
}

/* --- host parts -------------------------------------------------------------------------- */

static int32_t sign(baton_ctx *ctx, baton_str name, const baton_str *parts, uint32_t n,
		    uint8_t *mac)
{
	if (!is_text(name) || !mac || n > BATON_SIGN_PARTS_MAX || (!parts && n > 0))
		return BATON_E_INVAL;
	struct baton_buf frame = question(BATON_FRAME_SIGN), reply = { 0 };
	baton_put_str(&frame, name);
	baton_put_u32(&frame, n);
	for (uint32_t i = 0; i < n; i++) {
		if (!is_text(parts[i])) {
			baton_buf_done(&frame);
			return BATON_E_INVAL;
		}
		baton_put_str(&frame, parts[i]);
	}
	int32_t rc = ask(ctx, &frame, &reply);
	if (rc == BATON_OK && reply.n != BATON_SIGN_HMAC_SHA256_BYTES)
		rc = BATON_E_IO;
	if (rc == BATON_OK)
		memcpy(mac, reply.p, reply.n);
	baton_buf_done(&reply);
	return rc;
}

/* Conditions are compiled and tested here: they are a library, and ask nothing of the server. */
const void *baton_guest_get(baton_ctx *ctx, const char *id)
{
	static const baton_host_sign signing = { .size = sizeof(signing), .hmac_sha256 = sign };
	if (!baton_guest_of(ctx) || !id)
		return NULL;
	if (strcmp(id, BATON_HOST_EXPR) == 0)
		return baton_expr_host();
	return strcmp(id, BATON_HOST_SIGN) == 0 && (baton_house.parts & BATON_PART_SIGN) ? &signing
											 : NULL;
}
