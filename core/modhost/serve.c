/* SPDX-License-Identifier: Apache-2.0 */

/* Frames of the server, done: each is one call into the module, as the rack would have made it. */
#include "core/modhost/inside.h"

#include "core/base/errors.h"

#include <stdio.h>

enum { INTENTS_MAX = 64, HITS_MAX = 65536, TEXT_MAX = BATON_FRAME_HUGE - 64 };

typedef bool serve_fn(struct baton_guest *, const struct baton_frame *, struct baton_reader *);

static void tell_i32(struct baton_guest *guest, enum baton_frame_op op, uint64_t call, int32_t v)
{
	(void)pthread_mutex_lock(&baton_house.lock);
	size_t at = baton_frame_begin(&guest->out, op, call);
	baton_put_i32(&guest->out, v);
	(void)baton_frame_end(&guest->out, at);
	(void)pthread_mutex_unlock(&baton_house.lock);
}

static void answer(struct baton_guest *guest, uint64_t number, int32_t rc,
		   const struct baton_buf *b)
{
	(void)pthread_mutex_lock(&baton_house.lock);
	size_t at = baton_frame_begin(&guest->out, BATON_FRAME_ANSWER, number);
	baton_put_i32(&guest->out, rc);
	baton_buf_add(&guest->out, b->p, b->n);
	(void)baton_frame_end(&guest->out, at);
	(void)pthread_mutex_unlock(&baton_house.lock);
}

/* --- the life of the instance ------------------------------------------------------------ */

static int32_t create(struct baton_guest *guest)
{
	uint32_t was = baton_house_enter(BATON_PLACE_CREATE);
	int32_t rc = baton_house.entry->create(baton_house.mod, baton_guest_ctx(guest),
					       baton_buf_view(&guest->config), &guest->inst);
	baton_house_leave(guest, was);
	guest->created = rc == BATON_OK;
	guest->failed = rc != BATON_OK;
	return rc;
}

static bool on_create(struct baton_guest *guest, const struct baton_frame *frame,
		      struct baton_reader *in)
{
	(void)frame;
	baton_buf_str(&guest->config, baton_get_str(in));
	tell_i32(guest, BATON_FRAME_CREATED, 0, create(guest));
	return true;
}

static bool on_activate(struct baton_guest *guest, const struct baton_frame *frame,
			struct baton_reader *in)
{
	int32_t rc = BATON_OK;
	(void)frame, (void)in;
	if (baton_house.entry->activate) {
		uint32_t was = baton_house_enter(BATON_PLACE_ACTIVATE);
		rc = baton_house.entry->activate(guest->inst);
		baton_house_leave(guest, was);
	}
	guest->failed = rc != BATON_OK;
	tell_i32(guest, BATON_FRAME_ACTIVATED, 0, rc);
	return true;
}

static bool on_quiesce(struct baton_guest *guest, const struct baton_frame *frame,
		       struct baton_reader *in)
{
	(void)frame, (void)in;
	if (!guest->quiesced && baton_house.entry->quiesce) {
		uint32_t was = baton_house_enter(BATON_PLACE_QUIESCE);
		baton_house.entry->quiesce(guest->inst);
		baton_house_leave(guest, was);
	}
	guest->quiesced = true;
	return true;
}

/* --- warm state -------------------------------------------------------------------------- */

static int64_t from_str(void *ud, void *p, size_t cap)
{
	baton_str *rest = ud;
	size_t n = rest->n < cap ? rest->n : cap;
	if (n > 0)
		memcpy(p, rest->p, n);
	rest->p += n;
	rest->n -= n;
	return (int64_t)n;
}

static bool on_state_load(struct baton_guest *guest, const struct baton_frame *frame,
			  struct baton_reader *in)
{
	const baton_state *state = baton_house.entry->state;
	uint32_t schema = baton_get_u32(in);
	baton_str bytes = baton_get_str(in);
	const baton_source source = { .size = sizeof(source), .ud = &bytes, .read = from_str };
	(void)frame;
	if (!state || !state->load)
		return true;
	uint32_t was = baton_house_enter(BATON_PLACE_STATE);
	int32_t rc = state->load(guest->inst, schema, &source);
	baton_house_leave(guest, was);
	if (rc != BATON_OK)
		baton_house_say(BATON_LOG_NOTICE,
				"state of schema %u refused with %d: a cold start", schema, rc);
	return true;
}

static int32_t to_buf(void *ud, const void *p, size_t n)
{
	struct baton_buf *b = ud;
	if (n > TEXT_MAX || b->n + n > TEXT_MAX || (!p && n > 0))
		return BATON_E_LIMIT;
	baton_buf_add(b, p, n);
	return BATON_OK;
}

static bool on_state_save(struct baton_guest *guest, const struct baton_frame *frame,
			  struct baton_reader *in)
{
	const baton_state *state = baton_house.entry->state;
	struct baton_buf b = { 0 };
	const baton_sink sink = { .size = sizeof(sink), .ud = &b, .write = to_buf };
	int32_t rc = BATON_E_UNSUPPORTED;
	(void)in;
	if (state && state->save) {
		uint32_t was = baton_house_enter(BATON_PLACE_STATE);
		rc = state->save(guest->inst, &sink);
		baton_house_leave(guest, was);
	}
	answer(guest, frame->head.call, rc, &b);
	baton_buf_done(&b);
	return true;
}

/* --- questions --------------------------------------------------------------------------- */

static int32_t text_of(struct baton_guest *guest, uint32_t which, const baton_sink *sink)
{
	if (which == BATON_TEXT_MODELS && baton_house.provider && baton_house.provider->models)
		return baton_house.provider->models(guest->inst, sink);
	if (which == BATON_TEXT_LABELS && baton_house.classifier && baton_house.classifier->labels)
		return baton_house.classifier->labels(guest->inst, sink);
	if (which == BATON_TEXT_DESCRIBE && baton_house.rule && baton_house.rule->describe)
		return baton_house.rule->describe(guest->inst, sink);
	if (which == BATON_TEXT_TOOLS && baton_house.tool && baton_house.tool->describe)
		return baton_house.tool->describe(guest->inst, sink);
	if (which == BATON_TEXT_FINDS && baton_house.guard && baton_house.guard->describe)
		return baton_house.guard->describe(guest->inst, sink);
	return BATON_E_UNSUPPORTED;
}

static bool on_text(struct baton_guest *guest, const struct baton_frame *frame,
		    struct baton_reader *in)
{
	struct baton_buf b = { 0 };
	const baton_sink sink = { .size = sizeof(sink), .ud = &b, .write = to_buf };
	uint32_t was = baton_house_enter(BATON_PLACE_TEXT);
	int32_t rc = text_of(guest, baton_get_u32(in), &sink);
	baton_house_leave(guest, was);
	answer(guest, frame->head.call, rc, &b);
	baton_buf_done(&b);
	return true;
}

static bool on_estimate(struct baton_guest *guest, const struct baton_frame *frame,
			struct baton_reader *in)
{
	struct baton_arena arena = { 0 };
	struct baton_buf b = { 0 };
	baton_usage usage = { .size = sizeof(usage) };
	baton_prompt prompt;
	baton_pod_get_prompt(in, &arena, &prompt);
	uint32_t was = baton_house_enter(BATON_PLACE_ESTIMATE);
	int32_t rc = baton_house.provider->estimate(guest->inst, &prompt, &usage);
	baton_house_leave(guest, was);
	baton_buf_add(&b, &usage, sizeof(usage));
	answer(guest, frame->head.call, rc, &b);
	baton_buf_done(&b);
	baton_arena_done(&arena);
	return true;
}

static bool on_evaluate(struct baton_guest *guest, const struct baton_frame *frame,
			struct baton_reader *in)
{
	struct baton_buf b = { 0 };
	baton_verdict verdict = { .size = sizeof(verdict), .action = BATON_ACT_NONE };
	baton_facts facts;
	baton_pod_get_facts(in, &facts);
	uint32_t was = baton_house_enter(BATON_PLACE_EVALUATE);
	int32_t rc = baton_house.rule->evaluate(guest->inst, &facts, &verdict);
	baton_house_leave(guest, was);
	if (rc == BATON_OK)
		baton_pod_put_verdict(&b, &verdict);
	answer(guest, frame->head.call, rc, &b);
	baton_buf_done(&b);
	return true;
}

static bool on_inspect(struct baton_guest *guest, const struct baton_frame *frame,
		       struct baton_reader *in)
{
	struct baton_arena arena = { 0 };
	struct baton_buf b = { 0 };
	baton_inspection what;
	uint32_t cap = baton_get_u32(in);
	baton_pod_get_inspection(in, &arena, &what);
	if (cap > HITS_MAX)
		cap = HITS_MAX;
	baton_hit *v = baton_arena_alloc(&arena, cap * sizeof(*v));
	baton_hits out = { .size = sizeof(out), .cap = cap, .v = v };
	out.safe = (uint32_t)what.text.n;
	uint32_t was = baton_house_enter(BATON_PLACE_INSPECT);
	int32_t rc = baton_house.guard->inspect(guest->inst, &what, &out);
	baton_house_leave(guest, was);
	if (rc == BATON_OK)
		baton_pod_put_hits(&b, &out, v, cap);
	answer(guest, frame->head.call, rc, &b);
	baton_buf_done(&b);
	baton_arena_done(&arena);
	return true;
}

/* --- calls ------------------------------------------------------------------------------- */

static void call_begin(struct baton_guest *guest, const struct baton_frame *frame)
{
	struct baton_guest_call *call = baton_new(struct baton_guest_call);
	call->handle = frame->head.call;
	call->op = (enum baton_frame_op)frame->head.op;
	call->credit = BATON_CREDIT_BYTES;
	HASH_ADD(hh, guest->calls, handle, sizeof(call->handle), call);
}

/* What the starting function has returned. `done`: BATON_OK means that nothing more will come. */
static void started(struct baton_guest *guest, uint64_t handle, int32_t rc, bool done)
{
	if (!baton_guest_call(guest, handle))
		return; /* it has ended already */
	if (rc == BATON_OK && done)
		(void)baton_guest_end(baton_guest_ctx(guest), handle, BATON_END_STOP);
	else if (rc != BATON_OK && rc != BATON_PENDING)
		baton_guest_refused(guest, handle, rc);
}

static bool on_check(struct baton_guest *guest, const struct baton_frame *frame,
		     struct baton_reader *in)
{
	uint32_t level = baton_get_u32(in);
	call_begin(guest, frame);
	if (!baton_house.entry->check) {
		started(guest, frame->head.call, BATON_OK, true);
		return true;
	}
	uint32_t was = baton_house_enter(BATON_PLACE_CHECK);
	int32_t rc = baton_house.entry->check(guest->inst, frame->head.call, level);
	baton_house_leave(guest, was);
	started(guest, frame->head.call, rc, false);
	return true;
}

static bool on_start(struct baton_guest *guest, const struct baton_frame *frame,
		     struct baton_reader *in)
{
	struct baton_arena arena = { 0 };
	baton_prompt prompt;
	baton_pod_get_prompt(in, &arena, &prompt);
	call_begin(guest, frame);
	uint32_t was = baton_house_enter(BATON_PLACE_START);
	int32_t rc = baton_house.provider->start(guest->inst, frame->head.call, &prompt);
	baton_house_leave(guest, was);
	started(guest, frame->head.call, rc, false);
	baton_arena_done(&arena);
	return true;
}

static bool on_classify(struct baton_guest *guest, const struct baton_frame *frame,
			struct baton_reader *in)
{
	struct baton_arena arena = { 0 };
	baton_turn turn;
	baton_intent v[INTENTS_MAX];
	baton_intents out = { .size = sizeof(out), .cap = INTENTS_MAX, .v = v };
	memset(v, 0, sizeof(v));
	baton_pod_get_turn(in, &arena, &turn);
	call_begin(guest, frame);
	uint32_t was = baton_house_enter(BATON_PLACE_CLASSIFY);
	int32_t rc = baton_house.classifier->classify(guest->inst, frame->head.call, &turn, &out);
	baton_house_leave(guest, was);
	const struct baton_guest_call *call = baton_guest_call(guest, frame->head.call);
	if (rc == BATON_OK && call && !call->has_result) {
		if (out.n > INTENTS_MAX)
			out.v = NULL; /* a lie; the rack will say so */
		(void)baton_guest_result(baton_guest_ctx(guest), frame->head.call,
					 BATON_RESULT_INTENTS, &out, sizeof(out));
	}
	started(guest, frame->head.call, rc, true);
	baton_arena_done(&arena);
	return true;
}

static bool on_search(struct baton_guest *guest, const struct baton_frame *frame,
		      struct baton_reader *in)
{
	struct baton_arena arena = { 0 };
	baton_query query;
	baton_pod_get_query(in, &arena, &query);
	call_begin(guest, frame);
	uint32_t was = baton_house_enter(BATON_PLACE_SEARCH);
	int32_t rc = baton_house.retriever->search(guest->inst, frame->head.call, &query);
	baton_house_leave(guest, was);
	started(guest, frame->head.call, rc, false);
	baton_arena_done(&arena);
	return true;
}

static bool on_invoke(struct baton_guest *guest, const struct baton_frame *frame,
		      struct baton_reader *in)
{
	struct baton_arena arena = { 0 };
	baton_tool_req req;
	baton_pod_get_tool(in, &arena, &req);
	call_begin(guest, frame);
	uint32_t was = baton_house_enter(BATON_PLACE_INVOKE);
	int32_t rc = baton_house.tool->invoke(guest->inst, frame->head.call, &req);
	baton_house_leave(guest, was);
	started(guest, frame->head.call, rc, false);
	baton_arena_done(&arena);
	return true;
}

static bool on_append(struct baton_guest *guest, const struct baton_frame *frame,
		      struct baton_reader *in)
{
	struct baton_arena arena = { 0 };
	uint32_t n;
	const baton_entry *entries = baton_pod_get_entries(in, &arena, &n);
	call_begin(guest, frame);
	uint32_t was = baton_house_enter(BATON_PLACE_APPEND);
	int32_t rc = baton_house.transcript->append(guest->inst, frame->head.call, entries, n);
	baton_house_leave(guest, was);
	started(guest, frame->head.call, rc, true);
	baton_arena_done(&arena);
	return true;
}

static bool on_read(struct baton_guest *guest, const struct baton_frame *frame,
		    struct baton_reader *in)
{
	baton_str session = baton_get_str(in);
	uint64_t from = baton_get_u64(in);
	uint32_t max = baton_get_u32(in);
	call_begin(guest, frame);
	uint32_t was = baton_house_enter(BATON_PLACE_APPEND);
	int32_t rc =
		baton_house.transcript->read(guest->inst, frame->head.call, session, from, max);
	baton_house_leave(guest, was);
	started(guest, frame->head.call, rc, true);
	return true;
}

static bool on_erase(struct baton_guest *guest, const struct baton_frame *frame,
		     struct baton_reader *in)
{
	baton_str customer = baton_get_str(in);
	call_begin(guest, frame);
	uint32_t was = baton_house_enter(BATON_PLACE_APPEND);
	int32_t rc = baton_house.transcript->erase(guest->inst, frame->head.call, customer);
	baton_house_leave(guest, was);
	started(guest, frame->head.call, rc, true);
	return true;
}

static void (*cancel_of(const struct baton_guest_call *call))(void *, baton_call, uint32_t)
{
	if (call->op == BATON_FRAME_START)
		return baton_house.provider->cancel;
	if (call->op == BATON_FRAME_CLASSIFY)
		return baton_house.classifier->cancel;
	if (call->op == BATON_FRAME_SEARCH)
		return baton_house.retriever->cancel;
	if (call->op == BATON_FRAME_INVOKE)
		return baton_house.tool->cancel;
	return call->op == BATON_FRAME_CHECK ? NULL : baton_house.transcript->cancel;
}

static bool on_cancel(struct baton_guest *guest, const struct baton_frame *frame,
		      struct baton_reader *in)
{
	struct baton_guest_call *call = baton_guest_call(guest, frame->head.call);
	uint32_t why = baton_get_u32(in);
	if (!call || call->cancelled)
		return true; /* its end is on the way to the server */
	call->cancelled = true;
	void (*fn)(void *, baton_call, uint32_t) = cancel_of(call);
	if (fn) {
		uint32_t was = baton_house_enter(BATON_PLACE_CANCEL);
		fn(guest->inst, frame->head.call, why);
		baton_house_leave(guest, was);
	}
	return true;
}

static bool on_credit(struct baton_guest *guest, const struct baton_frame *frame,
		      struct baton_reader *in)
{
	struct baton_guest_call *call = baton_guest_call(guest, frame->head.call);
	uint32_t bytes = baton_get_u32(in);
	if (call) {
		call->credit += bytes;
		baton_guest_resume(guest);
	}
	return true;
}

static bool on_closed(struct baton_guest *guest, const struct baton_frame *frame,
		      struct baton_reader *in)
{
	struct baton_guest_call *call = baton_guest_call(guest, frame->head.call);
	(void)in;
	if (call && (call->closed || call->cancelled))
		baton_guest_call_drop(guest, call); /* nobody waits for its end any more */
	else if (call)
		call->closed = true;
	return true;
}

static bool on_http(struct baton_guest *guest, const struct baton_frame *frame,
		    struct baton_reader *in)
{
	in->n = 0;
	return baton_guest_on_http(guest, frame);
}

/* A reply that comes here was waited for too long. */
static bool on_reply(struct baton_guest *guest, const struct baton_frame *frame,
		     struct baton_reader *in)
{
	(void)guest, (void)frame;
	in->n = 0;
	return true;
}

/* --- which ------------------------------------------------------------------------------- */

static bool has(const struct baton_guest *guest, unsigned op)
{
	switch (op) {
	case BATON_FRAME_START:
		return baton_house.provider != NULL;
	case BATON_FRAME_ESTIMATE:
		return baton_house.provider && baton_house.provider->estimate;
	case BATON_FRAME_CLASSIFY:
		return baton_house.classifier != NULL;
	case BATON_FRAME_EVALUATE:
		return baton_house.rule != NULL;
	case BATON_FRAME_SEARCH:
		return baton_house.retriever != NULL;
	case BATON_FRAME_INVOKE:
		return baton_house.tool && baton_house.tool->invoke;
	case BATON_FRAME_INSPECT:
		return baton_house.guard && baton_house.guard->inspect;
	case BATON_FRAME_APPEND:
		return baton_house.transcript != NULL;
	case BATON_FRAME_READ:
		return baton_house.transcript && baton_house.transcript->read;
	case BATON_FRAME_ERASE:
		return baton_house.transcript && baton_house.transcript->erase;
	default:
		return guest != NULL;
	}
}

bool baton_guest_serve(struct baton_guest *guest, const struct baton_frame *frame)
{
	static serve_fn *const serve[BATON_FRAME_OPS] = {
		[BATON_FRAME_CREATE] = on_create,
		[BATON_FRAME_ACTIVATE] = on_activate,
		[BATON_FRAME_QUIESCE] = on_quiesce,
		[BATON_FRAME_STATE_LOAD] = on_state_load,
		[BATON_FRAME_STATE_SAVE] = on_state_save,
		[BATON_FRAME_CHECK] = on_check,
		[BATON_FRAME_START] = on_start,
		[BATON_FRAME_CLASSIFY] = on_classify,
		[BATON_FRAME_SEARCH] = on_search,
		[BATON_FRAME_APPEND] = on_append,
		[BATON_FRAME_READ] = on_read,
		[BATON_FRAME_ERASE] = on_erase,
		[BATON_FRAME_INVOKE] = on_invoke,
		[BATON_FRAME_CANCEL] = on_cancel,
		[BATON_FRAME_EVALUATE] = on_evaluate,
		[BATON_FRAME_INSPECT] = on_inspect,
		[BATON_FRAME_TEXT] = on_text,
		[BATON_FRAME_ESTIMATE] = on_estimate,
		[BATON_FRAME_CREDIT] = on_credit,
		[BATON_FRAME_CLOSED] = on_closed,
		[BATON_FRAME_HTTP_HEAD] = on_http,
		[BATON_FRAME_HTTP_DATA] = on_http,
		[BATON_FRAME_HTTP_END] = on_http,
		[BATON_FRAME_REPLY] = on_reply,
	};
	struct baton_reader in = baton_reader_of(frame->payload);
	serve_fn *fn = serve[frame->head.op];
	if (!fn)
		return false;
	/* An instance that could not be made is asked nothing; the server knows. */
	if (guest->failed || (!guest->created && frame->head.op != BATON_FRAME_CREATE))
		return true;
	return has(guest, frame->head.op) && fn(guest, frame, &in) && baton_reader_ended(&in);
}
