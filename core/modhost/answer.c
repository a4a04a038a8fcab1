/* SPDX-License-Identifier: Apache-2.0 */

/* The answering half of the host table. A word goes to the server as it was said, also one that is
 * wrong: the rack counts the module's sins. What differs from inline is time only: a word that the
 * rack refuses (no UTF-8, too long) was taken here already, and it is the next one that is told
 * BATON_E_STALE. */
#include "core/modhost/inside.h"

#include "core/base/abi.h"
#include "core/base/errors.h"

enum { TYPE_BYTES_MAX = 64, RAW_BYTES_MAX = 64 * 1024 };

/* NULL with a reason: no ctx, or another thread than the instance's. */
static struct baton_guest *on_loop(baton_ctx *ctx, int32_t *ret_rc)
{
	struct baton_guest *guest = baton_guest_of(ctx);
	*ret_rc = !guest ? BATON_E_INVAL : BATON_E_THREAD;
	if (guest && !baton_house_is_main()) {
		baton_house.table.count(ctx, "process_wrong_thread", 1);
		return NULL;
	}
	return guest;
}

/* A frame of the call, begun, with the lock held until done(). */
static size_t begin(struct baton_guest *guest, enum baton_frame_op op, uint64_t handle)
{
	(void)pthread_mutex_lock(&baton_house.lock);
	return baton_frame_begin(&guest->out, op, handle);
}

static bool done(struct baton_guest *guest, size_t at, const struct baton_guest_call *call)
{
	if (call && (call->cancelled || call->closed))
		baton_frame_flag(&guest->out, at, BATON_FRAME_SURE);
	bool good = baton_frame_end(&guest->out, at);
	(void)pthread_mutex_unlock(&baton_house.lock);
	return good;
}

/* What a word is told whose call is over: one that never was, has ended, or is not wanted. */
static bool is_over(const struct baton_guest_call *call)
{
	return !call || call->cancelled || call->closed;
}

/* --- deltas and their credit ------------------------------------------------------------- */

static bool may_go(const struct baton_guest *guest, const struct baton_guest_call *call, size_t n)
{
	return call->credit >= n + BATON_CREDIT_DELTA &&
	       baton_guest_unread(guest) <= BATON_GUEST_OUT_MAX;
}

int32_t baton_guest_delta(baton_ctx *ctx, baton_call handle, uint32_t kind, baton_str data)
{
	int32_t rc;
	struct baton_guest *guest = on_loop(ctx, &rc);
	if (!guest)
		return rc;
	struct baton_guest_call *call = baton_guest_call(guest, handle);
	bool bad = kind > BATON_DELTA_UNKNOWN || (!data.p && data.n > 0);
	if (bad) {
		kind = UINT32_MAX;
		data = BATON_STR_NONE;
	}
	/* Of what is too long anyway, so much that it shows. */
	if (data.n > BATON_GUEST_TEXT_MAX + 1)
		data.n = BATON_GUEST_TEXT_MAX + 1;
	if (!is_over(call) && !may_go(guest, call, data.n)) {
		call->starved = true;
		call->need = data.n;
		return BATON_E_AGAIN;
	}
	size_t at = begin(guest, BATON_FRAME_DELTA, handle);
	baton_put_u32(&guest->out, kind);
	baton_put_str(&guest->out, data);
	(void)done(guest, at, call);
	if (is_over(call))
		return BATON_E_STALE;
	call->credit -= (uint32_t)data.n + BATON_CREDIT_DELTA;
	return bad ? BATON_E_INVAL : BATON_OK;
}

void baton_guest_resume(struct baton_guest *guest)
{
	struct baton_guest_call *call, *next;
	if (!baton_house.provider || !baton_house.provider->resume)
		return;
	HASH_ITER(hh, guest->calls, call, next) {
		if (!call->starved || is_over(call) || !may_go(guest, call, call->need))
			continue;
		uint64_t handle = call->handle;
		call->starved = false;
		uint32_t was = baton_house_enter(BATON_PLACE_RESUME);
		baton_house.provider->resume(guest->inst, handle);
		baton_house_leave(guest, was);
		/* It may have ended others: from the top, where those that were resumed are
		 * passed. */
		next = guest->calls;
	}
}

/* --- results ----------------------------------------------------------------------------- */

static bool is_text(baton_str s)
{
	return s.p || s.n == 0;
}

static void put_result(struct baton_buf *out, const char *type, const void *pod, size_t n)
{
	bool is_whole = (uintptr_t)pod % _Alignof(baton_doc) == 0;
	const baton_doc *docs = pod;
	baton_intents intents;
	baton_tool_result result;
	baton_put_str(out, baton_str_clip(baton_str_of(type), TYPE_BYTES_MAX));
	if (strcmp(type, BATON_RESULT_DOCS) == 0 && is_whole && n % sizeof(*docs) == 0) {
		baton_put_u32(out, BATON_RESULT_IS_DOCS);
		baton_pod_put_docs(out, docs, (uint32_t)(n / sizeof(*docs)));
	} else if (strcmp(type, BATON_RESULT_INTENTS) == 0 && is_whole &&
		   n >= BATON_FIRST_INTENTS) {
		baton_put_u32(out, BATON_RESULT_IS_INTENTS);
		baton_abi_take(&intents, sizeof(intents), pod, n);
		baton_pod_put_intents(out, &intents);
	} else if (strcmp(type, BATON_RESULT_TOOL) == 0 && is_whole &&
		   n >= BATON_FIRST_TOOL_RESULT) {
		baton_put_u32(out, BATON_RESULT_IS_TOOL);
		baton_abi_take(&result, sizeof(result), pod, n);
		/* Of what is too long anyway, so much that it shows. */
		if (result.json.n > BATON_GUEST_TEXT_MAX + 1)
			result.json.n = BATON_GUEST_TEXT_MAX + 1;
		if (result.code.n > TYPE_BYTES_MAX)
			result.code.n = TYPE_BYTES_MAX;
		baton_pod_put_result(out, &result);
	} else { /* the rack has words for what is wrong with a byte of anything */
		baton_put_u32(out, BATON_RESULT_RAW);
		baton_put_str(out, (baton_str){ pod, pod && n > 0 ? 1 : 0 });
	}
}

int32_t baton_guest_result(baton_ctx *ctx, baton_call handle, const char *type, const void *pod,
			   size_t n)
{
	int32_t rc;
	struct baton_guest *guest = on_loop(ctx, &rc);
	if (!guest)
		return rc;
	struct baton_guest_call *call = baton_guest_call(guest, handle);
	if (!type || (!pod && n > 0))
		return BATON_E_INVAL;
	size_t at = begin(guest, BATON_FRAME_RESULT, handle);
	put_result(&guest->out, type, pod, n);
	bool fits = done(guest, at, call);
	if (is_over(call))
		return BATON_E_STALE;
	if (!fits)
		return BATON_E_LIMIT;
	call->has_result = true;
	return BATON_OK;
}

/* A struct of an older header is shorter, and what it lacks is 0. */
static bool take(const void *from, size_t least, void *to, size_t n)
{
	uint32_t size = 0;
	if (from)
		memcpy(&size, from, sizeof(size));
	if (size < least)
		return false;
	memset(to, 0, n);
	memcpy(to, from, size < n ? size : n);
	return true;
}

int32_t baton_guest_usage(baton_ctx *ctx, baton_call handle, const baton_usage *usage)
{
	int32_t rc;
	baton_usage copy;
	struct baton_guest *guest = on_loop(ctx, &rc);
	if (!guest)
		return rc;
	struct baton_guest_call *call = baton_guest_call(guest, handle);
	bool good = take(usage, BATON_FIRST_USAGE, &copy, sizeof(copy));
	size_t at = begin(guest, BATON_FRAME_USAGE, handle);
	if (good)
		baton_buf_add(&guest->out, &copy, sizeof(copy));
	else
		baton_frame_flag(&guest->out, at, BATON_FRAME_NULL);
	(void)done(guest, at, call);
	return is_over(call) ? BATON_E_STALE : good ? BATON_OK : BATON_E_INVAL;
}

/* --- ends -------------------------------------------------------------------------------- */

/* The end after cancel() is due and good; only after the host's own end there is nobody to hear. */
static int32_t ended(struct baton_guest *guest, struct baton_guest_call *call)
{
	if (!call)
		return BATON_E_STALE;
	bool closed = call->closed;
	baton_guest_call_drop(guest, call);
	return closed ? BATON_E_STALE : BATON_OK;
}

int32_t baton_guest_end(baton_ctx *ctx, baton_call handle, uint32_t reason)
{
	int32_t rc;
	struct baton_guest *guest = on_loop(ctx, &rc);
	if (!guest)
		return rc;
	size_t at = begin(guest, BATON_FRAME_END, handle);
	baton_put_u32(&guest->out, reason);
	(void)done(guest, at, NULL);
	return ended(guest, baton_guest_call(guest, handle));
}

int32_t baton_guest_fail(baton_ctx *ctx, baton_call handle, const baton_error *error)
{
	int32_t rc;
	baton_error copy;
	struct baton_guest *guest = on_loop(ctx, &rc);
	if (!guest)
		return rc;
	bool good = take(error, offsetof(baton_error, scope), &copy, sizeof(copy));
	size_t at = begin(guest, BATON_FRAME_FAIL, handle);
	if (good) {
		copy.code = is_text(copy.code) ? baton_str_clip(copy.code, RAW_BYTES_MAX)
					       : BATON_STR_NONE;
		copy.message = is_text(copy.message) ? baton_str_clip(copy.message, RAW_BYTES_MAX)
						     : BATON_STR_NONE;
		baton_pod_put_error(&guest->out, &copy);
	} else {
		baton_frame_flag(&guest->out, at, BATON_FRAME_NULL);
	}
	(void)done(guest, at, NULL);
	return ended(guest, baton_guest_call(guest, handle));
}

/* Not an end of the module's: it did not begin. */
void baton_guest_refused(struct baton_guest *guest, uint64_t handle, int32_t rc)
{
	size_t at = begin(guest, BATON_FRAME_REFUSED, handle);
	baton_put_i32(&guest->out, rc);
	(void)done(guest, at, NULL);
	(void)ended(guest, baton_guest_call(guest, handle));
}

/* --- the module's own pointer ------------------------------------------------------------ */

int32_t baton_guest_call_set(baton_ctx *ctx, baton_call handle, void *user)
{
	int32_t rc;
	struct baton_guest *guest = on_loop(ctx, &rc);
	if (!guest)
		return rc;
	struct baton_guest_call *call = baton_guest_call(guest, handle);
	if (!call || call->closed)
		return BATON_E_STALE;
	call->user = user;
	return BATON_OK;
}

void *baton_guest_call_get(baton_ctx *ctx, baton_call handle)
{
	int32_t rc;
	struct baton_guest *guest = on_loop(ctx, &rc);
	const struct baton_guest_call *call = guest ? baton_guest_call(guest, handle) : NULL;
	return call ? call->user : NULL;
}
