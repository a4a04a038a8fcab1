/* SPDX-License-Identifier: Apache-2.0 */

/* What the child says, said to the host in the instance's name. Two kinds of wrong are told
 * apart. A frame that a baton-modhost never writes is garbage: the child is killed. A sin of
 * the module (two ends, a word for a call that is over) is passed on, for the rack to count it
 * like any module's; only what has crossed a cancel() or the host's own end on its way is no
 * sin and is dropped. */
#include "core/isolate/inside.h"

#include "core/base/errors.h"

#include <stdio.h>

enum {
	HELD_BYTES_MAX = BATON_CREDIT_BYTES + 1024 * 1024,
	CREDIT_AT = BATON_CREDIT_BYTES / 4,
	NAME_BYTES_MAX = 256
};

/* --- the life of the instance ------------------------------------------------------------ */

static bool on_step(struct baton_proxy *proxy, struct baton_reader *in, const char *what)
{
	int32_t rc = baton_get_i32(in);
	if (!baton_reader_ended(in))
		return false;
	if (rc == BATON_OK) {
		proxy->active = !proxy->failed && strcmp(what, "activate") == 0;
		return true;
	}
	char why[64];
	proxy->failed = rc;
	proxy->failed_at = what;
	proxy->active = false;
	(void)snprintf(why, sizeof(why), "%s: expected 0, found %d", what, rc);
	while (proxy->calls)
		baton_proxy_call_fail(proxy, proxy->calls, BATON_FAIL_INTERNAL, why);
	return true;
}

/* --- observing --------------------------------------------------------------------------- */

/* false: so many of them that the loop would do nothing else. */
static bool bear_noise(struct baton_proxy *proxy)
{
	uint64_t now = baton_spawn_ms();
	if (now - proxy->noise_ms >= 1000) {
		proxy->noise_ms = now;
		proxy->noise = 0;
	}
	return ++proxy->noise <= BATON_PROXY_NOISE_PER_S;
}

static bool on_log(struct baton_proxy *proxy, struct baton_reader *in)
{
	uint32_t level = baton_get_u32(in);
	baton_str text = baton_get_str(in);
	if (!baton_reader_ended(in) || !bear_noise(proxy))
		return false;
	proxy->host->log(proxy->ctx, level, text);
	return true;
}

static bool on_measure(struct baton_proxy *proxy, struct baton_reader *in, bool is_time)
{
	char name[NAME_BYTES_MAX];
	baton_str text = baton_get_str(in);
	uint64_t v = baton_get_u64(in);
	if (!baton_reader_ended(in) || text.n >= sizeof(name) || !bear_noise(proxy))
		return false;
	if (text.n > 0)
		memcpy(name, text.p, text.n);
	name[text.n] = 0;
	if (is_time)
		proxy->host->observe(proxy->ctx, name, v);
	else
		proxy->host->count(proxy->ctx, name, v);
	return true;
}

/* --- words of calls ---------------------------------------------------------------------- */

static void give_credit(struct baton_proxy *proxy, struct baton_proxy_call *call)
{
	if (call->due < CREDIT_AT || proxy->fd < 0)
		return;
	size_t at = baton_frame_begin(&proxy->out, BATON_FRAME_CREDIT, call->handle);
	baton_put_u32(&proxy->out, call->due);
	(void)baton_frame_end(&proxy->out, at);
	call->used -= call->due;
	call->due = 0;
	baton_proxy_push(proxy);
}

/* The host has no use for more of this call; the module shall be told so when it speaks next. */
static void close_call(struct baton_proxy *proxy, struct baton_proxy_call *call)
{
	call->closed = true;
	if (proxy->fd < 0)
		return;
	(void)baton_frame_end(&proxy->out,
			      baton_frame_begin(&proxy->out, BATON_FRAME_CLOSED, call->handle));
	baton_proxy_call_over(proxy, call);
	baton_proxy_push(proxy);
}

/* What the host has answered to a word. */
static int32_t after(struct baton_proxy *proxy, uint64_t handle, int32_t rc)
{
	struct baton_proxy_call *call;
	HASH_FIND(hh, proxy->calls, &handle, sizeof(handle), call);
	if (call && rc == BATON_E_STALE && !call->closed)
		close_call(proxy, call);
	return rc;
}

static int32_t say_delta(struct baton_proxy *proxy, const struct baton_frame *frame,
			 struct baton_reader *in)
{
	uint32_t kind = baton_get_u32(in);
	baton_str data = baton_get_str(in);
	return after(proxy, frame->head.call,
		     proxy->host->delta(proxy->ctx, frame->head.call, kind, data));
}

static int32_t say_result(struct baton_proxy *proxy, const struct baton_frame *frame,
			  struct baton_reader *in)
{
	struct baton_arena arena = { 0 };
	baton_str type = baton_get_str(in);
	char *name = baton_arena_dup(&arena, type.p, type.n);
	uint32_t form = baton_get_u32(in), n = 0;
	int32_t rc = BATON_E_INVAL;
	if (form == BATON_RESULT_IS_DOCS) {
		const baton_doc *docs = baton_pod_get_docs(in, &arena, &n);
		if (baton_reader_ended(in))
			rc = proxy->host->result(proxy->ctx, frame->head.call, name, docs,
						 n * sizeof(*docs));
	} else if (form == BATON_RESULT_IS_INTENTS) {
		baton_intents intents;
		baton_pod_get_intents(in, &arena, &intents);
		if (baton_reader_ended(in))
			rc = proxy->host->result(proxy->ctx, frame->head.call, name, &intents,
						 sizeof(intents));
	} else if (form == BATON_RESULT_IS_TOOL) {
		baton_tool_result result;
		baton_pod_get_result(in, &result);
		if (baton_reader_ended(in))
			rc = proxy->host->result(proxy->ctx, frame->head.call, name, &result,
						 sizeof(result));
	} else if (form == BATON_RESULT_RAW) {
		baton_str raw = baton_get_str(in);
		const void *bytes = baton_arena_dup(&arena, raw.p, raw.n);
		if (baton_reader_ended(in))
			rc = proxy->host->result(proxy->ctx, frame->head.call, name, bytes, raw.n);
	} else {
		in->bad = true;
	}
	baton_arena_done(&arena);
	return after(proxy, frame->head.call, rc);
}

static int32_t say_usage(struct baton_proxy *proxy, const struct baton_frame *frame,
			 struct baton_reader *in)
{
	baton_usage usage;
	if (frame->head.flags & BATON_FRAME_NULL)
		return proxy->host->usage(proxy->ctx, frame->head.call, NULL);
	const void *from = baton_get_bytes(in, sizeof(usage));
	if (!from)
		return BATON_E_INVAL;
	memcpy(&usage, from, sizeof(usage));
	usage.size = sizeof(usage);
	return after(proxy, frame->head.call,
		     proxy->host->usage(proxy->ctx, frame->head.call, &usage));
}

static void forget(struct baton_proxy *proxy, uint64_t handle)
{
	struct baton_proxy_call *call;
	HASH_FIND(hh, proxy->calls, &handle, sizeof(handle), call);
	if (call)
		baton_proxy_call_drop(proxy, call);
}

static int32_t say_end(struct baton_proxy *proxy, const struct baton_frame *frame,
		       struct baton_reader *in)
{
	uint32_t reason = baton_get_u32(in);
	forget(proxy, frame->head.call);
	return proxy->host->end(proxy->ctx, frame->head.call, reason);
}

/* BATON_FAIL_MODULE is the host's to say. A module that says it is told on like inline: as a class
 * that modules do not have. */
static int32_t say_fail(struct baton_proxy *proxy, const struct baton_frame *frame,
			struct baton_reader *in)
{
	baton_error error;
	forget(proxy, frame->head.call);
	if (frame->head.flags & BATON_FRAME_NULL)
		return proxy->host->fail(proxy->ctx, frame->head.call, NULL);
	baton_pod_get_error(in, &error);
	if (in->bad)
		return BATON_E_INVAL;
	if (error.fail == BATON_FAIL_MODULE)
		error.fail = UINT32_MAX;
	return proxy->host->fail(proxy->ctx, frame->head.call, &error);
}

/* The module did not take a call that we had promised: nothing has been said of it yet. */
static int32_t say_refused(struct baton_proxy *proxy, const struct baton_frame *frame,
			   struct baton_reader *in)
{
	static const struct {
		int32_t rc;
		uint32_t fail;
	} classes[] = {
		{ BATON_E_AGAIN, BATON_FAIL_OVERLOADED },
		{ BATON_E_INVAL, BATON_FAIL_BAD_REQUEST },
		{ BATON_E_LIMIT, BATON_FAIL_TOO_LONG },
		{ BATON_E_DENIED, BATON_FAIL_ACCESS },
		{ BATON_E_UNSUPPORTED, BATON_FAIL_BAD_REQUEST },
	};
	char why[48];
	baton_error error = { .size = sizeof(error), .fail = BATON_FAIL_INTERNAL };
	int32_t rc = baton_get_i32(in);
	for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++)
		if (classes[i].rc == rc)
			error.fail = classes[i].fail;
	(void)snprintf(why, sizeof(why), "the module did not start it: %d", rc);
	error.message = baton_str_of(why);
	forget(proxy, frame->head.call);
	return proxy->host->fail(proxy->ctx, frame->head.call, &error);
}

/* --- which word, and whether now --------------------------------------------------------- */

static int32_t (*const words[BATON_FRAME_OPS])(struct baton_proxy *, const struct baton_frame *,
					       struct baton_reader *) = {
	[BATON_FRAME_DELTA] = say_delta, [BATON_FRAME_RESULT] = say_result,
	[BATON_FRAME_USAGE] = say_usage, [BATON_FRAME_END] = say_end,
	[BATON_FRAME_FAIL] = say_fail,   [BATON_FRAME_REFUSED] = say_refused,
};

static bool is_end(const struct baton_frame *frame)
{
	return frame->head.op == BATON_FRAME_END || frame->head.op == BATON_FRAME_FAIL ||
	       frame->head.op == BATON_FRAME_REFUSED;
}

/* Credit is spent when the frame comes; more than there was to spend is garbage. */
static bool spend(struct baton_proxy_call *call, const struct baton_frame *frame)
{
	if (frame->head.op != BATON_FRAME_DELTA || frame->payload.n < 2 * sizeof(uint32_t))
		return true;
	call->used += (uint32_t)(frame->payload.n - 2 * sizeof(uint32_t)) + BATON_CREDIT_DELTA;
	return call->used <= BATON_CREDIT_BYTES;
}

static uint32_t cost(const struct baton_frame *frame)
{
	return (uint32_t)(frame->payload.n - 2 * sizeof(uint32_t)) + BATON_CREDIT_DELTA;
}

/* Says one word of an open call. BATON_E_AGAIN: not yet. */
static int32_t say(struct baton_proxy *proxy, struct baton_proxy_call *call,
		   const struct baton_frame *frame, bool *ret_good)
{
	struct baton_reader in = baton_reader_of(frame->payload);
	uint64_t handle = call->handle;
	bool is_sure = (frame->head.flags & BATON_FRAME_SURE) != 0;
	if ((call->cancelled || call->closed) && !is_end(frame) && !is_sure)
		return BATON_OK; /* it has crossed what ended it */
	if (call->closed && is_end(frame)) {
		baton_proxy_call_drop(proxy, call);
		return BATON_OK;
	}
	int32_t rc = words[frame->head.op](proxy, frame, &in);
	bool is_null = (frame->head.flags & BATON_FRAME_NULL) != 0;
	*ret_good = is_null || baton_reader_ended(&in);
	if (frame->head.op == BATON_FRAME_DELTA && rc != BATON_E_AGAIN) {
		HASH_FIND(hh, proxy->calls, &handle, sizeof(handle), call);
		if (call) {
			call->due += cost(frame);
			give_credit(proxy, call);
		}
	}
	return rc;
}

static bool hold(struct baton_proxy_call *call, const struct baton_frame *frame)
{
	baton_buf_add(&call->held, &frame->head, sizeof(frame->head));
	baton_buf_str(&call->held, frame->payload);
	return call->held.n <= HELD_BYTES_MAX;
}

static bool hear_word(struct baton_proxy *proxy, const struct baton_frame *frame)
{
	struct baton_proxy_call *call;
	bool good = true;
	HASH_FIND(hh, proxy->calls, &frame->head.call, sizeof(frame->head.call), call);
	if ((!call || (frame->head.flags & BATON_FRAME_SURE)) && !bear_noise(proxy))
		return false;
	if (!call) { /* its own sin, or it has not heard yet: the rack knows which */
		struct baton_reader in = baton_reader_of(frame->payload);
		(void)words[frame->head.op](proxy, frame, &in);
		return (frame->head.flags & BATON_FRAME_NULL) || baton_reader_ended(&in);
	}
	if (!spend(call, frame))
		return false;
	if (call->held.n > 0 && !call->cancelled)
		return hold(call, frame);
	return say(proxy, call, frame, &good) == BATON_E_AGAIN && good ? hold(call, frame) : good;
}

void baton_proxy_release(struct baton_proxy *proxy, struct baton_proxy_call *call)
{
	struct baton_buf held = call->held;
	uint64_t handle = call->handle;
	struct baton_frame frame;
	size_t at = 0;
	if (held.n == 0)
		return;
	call->held = (struct baton_buf){ 0 };
	for (;;) {
		baton_str rest = { held.p + at, held.n - at };
		bool good = true;
		HASH_FIND(hh, proxy->calls, &handle, sizeof(handle), call);
		if (!call || baton_frame_next(rest, BATON_FRAME_UP, &frame) <= 0)
			break;
		if (say(proxy, call, &frame, &good) == BATON_E_AGAIN)
			break;
		at += sizeof(frame.head) + frame.head.len;
	}
	if (call && at < held.n) {
		baton_buf_drop(&held, at);
		call->held = held;
	} else {
		baton_buf_done(&held);
	}
}

/* --- answers to our questions ------------------------------------------------------------ */

/* One that comes when nobody waits any more was given up; a number that was never asked is a
 * lie. */
static bool on_answer(struct baton_proxy *proxy, const struct baton_frame *frame,
		      struct baton_reader *in)
{
	int32_t rc = baton_get_i32(in);
	if (in->bad || frame->head.call == 0 || frame->head.call > proxy->questions)
		return false;
	if (frame->head.call >= proxy->behind)
		proxy->behind = 0; /* it has caught up */
	if (frame->head.call != proxy->waiting)
		return true;
	proxy->waiting = 0;
	proxy->answer_rc = rc;
	baton_buf_reset(&proxy->answer);
	baton_buf_add(&proxy->answer, in->p, in->n);
	return true;
}

bool baton_proxy_hear(struct baton_proxy *proxy, const struct baton_frame *frame)
{
	struct baton_reader in = baton_reader_of(frame->payload);
	if (words[frame->head.op])
		return hear_word(proxy, frame);
	switch (frame->head.op) {
	case BATON_FRAME_CREATED:
		return on_step(proxy, &in, "create");
	case BATON_FRAME_ACTIVATED:
		return on_step(proxy, &in, "activate");
	case BATON_FRAME_LOG:
		return on_log(proxy, &in);
	case BATON_FRAME_COUNT:
		return on_measure(proxy, &in, false);
	case BATON_FRAME_OBSERVE:
		return on_measure(proxy, &in, true);
	case BATON_FRAME_ANSWER:
		return on_answer(proxy, frame, &in);
	case BATON_FRAME_HTTP_PAUSE:
	case BATON_FRAME_HTTP_STOP:
		return baton_proxy_hear_http(proxy, frame);
	default: /* frame_next() lets nothing else through that comes up */
		return baton_proxy_hear_question(proxy, frame);
	}
}
