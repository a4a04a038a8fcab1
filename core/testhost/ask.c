/* SPDX-License-Identifier: Apache-2.0 */

/* Calls as the server makes them, and their end from its side: cancel() and the fence behind it. */
#include "core/testhost/inside.h"

#include "core/base/limits.h"

enum { CALLS_MAX = 1 << 24, INTENTS_ROOM = 64, GENERATION = 0x5eed };

/* Handles of an instance cannot be guessed from those of another host; 0 is none. */
static baton_call handle_of(uint32_t index)
{
	return (uint64_t)(GENERATION + index) << 32 | (index + 1);
}

struct baton_rig_call *baton_rig_call_of(const baton_testhost *host, baton_call handle)
{
	uint32_t index = (uint32_t)handle - 1;
	if ((uint32_t)handle == 0 || index >= host->n_calls || handle != handle_of(index))
		return NULL;
	return host->calls[index];
}

const baton_heard *baton_testhost_heard(const baton_testhost *host, baton_call handle)
{
	const struct baton_rig_call *call = baton_rig_call_of(host, handle);
	return call ? &call->heard : NULL;
}

static struct baton_rig_call *call_new(struct baton_ctx *ctx, enum baton_rig_call_kind kind)
{
	baton_testhost *host = ctx->host;
	if (host->n_calls == host->cap_calls) {
		host->cap_calls = host->cap_calls ? host->cap_calls * 2 : 64;
		host->calls = baton_realloc(host->calls,
					    host->cap_calls * sizeof(struct baton_rig_call *));
	}
	struct baton_rig_call *call = baton_new(struct baton_rig_call);
	call->handle = handle_of(host->n_calls);
	host->calls[host->n_calls++] = call;
	call->ctx = ctx;
	call->kind = kind;
	call->results_max = BATON_DOCS_MAX;
	call->credit = host->first_credit;
	call->heard = (baton_heard){ .size = sizeof(baton_heard),
				     .inst = ctx->number,
				     .open = true,
				     .text = "",
				     .reasoning = "",
				     .tool_calls = "",
				     .citations = "",
				     .language = "",
				     .started_ns = host->now_ns };
	call->heard.error.code = call->heard.error.message = BATON_STR("");
	return call;
}

void baton_rig_calls_free(baton_testhost *host)
{
	for (uint32_t i = 0; i < host->n_calls; i++) {
		struct baton_rig_call *call = host->calls[i];
		for (int k = 0; k < BATON_RIG_DELTA_KINDS; k++)
			baton_buf_done(&call->text[k]);
		baton_arena_done(&call->arena);
		baton_free(call);
	}
	baton_free(host->calls);
}

/* What the starting call returned. `done`: BATON_OK means that nothing more will come. */
static int32_t started(struct baton_rig_call *call, int32_t rc, bool done)
{
	baton_testhost *host = call->ctx->host;
	call->heard.started = rc;
	if (rc == BATON_PENDING || (rc == BATON_OK && !(done && call->heard.open)))
		return rc;
	if (rc == BATON_OK) {
		baton_rig_end(call, BATON_END_STOP);
		return rc;
	}
	if (!call->heard.open)
		baton_rig_breach(host, BATON_TESTHOST_BREACH_STATE,
				 "a call answered and refused at once");
	else
		baton_rig_close(call, BATON_TESTHOST_BREACH_STALE);
	if (rc > 0 || rc < BATON_E_UNSUPPORTED)
		baton_rig_breach(host, BATON_TESTHOST_BREACH_ARGUMENT,
				 "a result of a starting call that does not exist");
	return rc;
}

int32_t baton_testhost_generate(baton_testhost *host, uint32_t inst, const baton_prompt *prompt,
				baton_call *ret_call)
{
	struct baton_ctx *ctx = baton_rig_ctx(host, inst);
	const baton_provider *vt = host->vt;
	*ret_call = 0;
	if (!ctx || !vt->start)
		return BATON_E_UNSUPPORTED;
	struct baton_rig_call *call = call_new(ctx, BATON_RIG_GENERATE);
	*ret_call = call->handle;
	struct baton_rig_visit visit = baton_rig_enter(host, "start");
	int32_t rc = vt->start(ctx->inst, call->handle, prompt);
	baton_rig_leave(&visit);
	return started(call, rc, false);
}

int32_t baton_testhost_ask(baton_testhost *host, uint32_t inst, const char *question,
			   baton_call *ret_call)
{
	const baton_msg msg = { .role = BATON_ROLE_CUSTOMER, .text = baton_str_of(question) };
	const baton_turn turn = { .size = sizeof(turn),
				  .session_id = BATON_STR("s-1"),
				  .turn_id = BATON_STR("t-1"),
				  .channel = BATON_STR("web"),
				  .locale = BATON_STR("en"),
				  .msgs = &msg,
				  .n_msgs = 1,
				  .deadline_ns = host->now_ns + UINT64_C(30000000000) };
	const baton_prompt prompt = { .size = sizeof(prompt),
				      .turn = &turn,
				      .model = BATON_STR("test-model"),
				      .idempotency_key = BATON_STR("test-key-1"),
				      .temperature_milli = -1 };
	return baton_testhost_generate(host, inst, &prompt, ret_call);
}

int32_t baton_testhost_classify(baton_testhost *host, uint32_t inst, const baton_turn *turn,
				baton_call *ret_call)
{
	struct baton_ctx *ctx = baton_rig_ctx(host, inst);
	const baton_classifier *vt = host->vt;
	baton_intent v[INTENTS_ROOM];
	baton_intents out = { .size = sizeof(out), .cap = INTENTS_ROOM, .v = v };
	*ret_call = 0;
	if (!ctx || !vt->classify)
		return BATON_E_UNSUPPORTED;
	memset(v, 0, sizeof(v));
	struct baton_rig_call *call = call_new(ctx, BATON_RIG_CLASSIFY);
	*ret_call = call->handle;
	struct baton_rig_visit visit = baton_rig_enter(host, "classify");
	int32_t rc = vt->classify(ctx->inst, call->handle, turn, &out);
	baton_rig_leave(&visit);
	if (rc == BATON_OK && call->heard.open && call->heard.n_results == 0 &&
	    !baton_rig_take_intents(call, &out))
		return rc; /* refused: the call has failed */
	return started(call, rc, true);
}

int32_t baton_testhost_search(baton_testhost *host, uint32_t inst, const baton_query *query,
			      baton_call *ret_call)
{
	struct baton_ctx *ctx = baton_rig_ctx(host, inst);
	const baton_retriever *vt = host->vt;
	*ret_call = 0;
	if (!ctx || !vt->search)
		return BATON_E_UNSUPPORTED;
	struct baton_rig_call *call = call_new(ctx, BATON_RIG_SEARCH);
	*ret_call = call->handle;
	if (query->k > 0 && query->k < call->results_max)
		call->results_max = query->k;
	struct baton_rig_visit visit = baton_rig_enter(host, "search");
	int32_t rc = vt->search(ctx->inst, call->handle, query);
	baton_rig_leave(&visit);
	return started(call, rc, false);
}

int32_t baton_testhost_append(baton_testhost *host, uint32_t inst, const baton_entry *entries,
			      uint32_t n, baton_call *ret_call)
{
	struct baton_ctx *ctx = baton_rig_ctx(host, inst);
	const baton_transcript *vt = host->vt;
	*ret_call = 0;
	if (!ctx || !vt->append)
		return BATON_E_UNSUPPORTED;
	struct baton_rig_call *call = call_new(ctx, BATON_RIG_APPEND);
	*ret_call = call->handle;
	struct baton_rig_visit visit = baton_rig_enter(host, "append");
	int32_t rc = vt->append(ctx->inst, call->handle, entries, n);
	baton_rig_leave(&visit);
	return started(call, rc, true);
}

int32_t baton_testhost_invoke(baton_testhost *host, uint32_t inst, const baton_tool_req *req,
			      baton_call *ret_call)
{
	struct baton_ctx *ctx = baton_rig_ctx(host, inst);
	const baton_tool *vt = host->vt;
	*ret_call = 0;
	if (!ctx || !vt->invoke)
		return BATON_E_UNSUPPORTED;
	struct baton_rig_call *call = call_new(ctx, BATON_RIG_INVOKE);
	*ret_call = call->handle;
	struct baton_rig_visit visit = baton_rig_enter(host, "invoke");
	int32_t rc = vt->invoke(ctx->inst, call->handle, req);
	baton_rig_leave(&visit);
	return started(call, rc, false);
}

int32_t baton_testhost_tool(baton_testhost *host, uint32_t inst, const char *name,
			    const char *args_json, uint32_t flags, baton_call *ret_call)
{
	const baton_turn turn = baton_rig_turn(host);
	const baton_tool_req req = { .size = sizeof(req),
				     .flags = flags,
				     .turn = &turn,
				     .name = baton_str_of(name),
				     .args_json = baton_str_of(args_json),
				     .idempotency_key = BATON_STR("test-key-1") };
	return baton_testhost_invoke(host, inst, &req, ret_call);
}

int32_t baton_testhost_check(baton_testhost *host, uint32_t inst, uint32_t level,
			     baton_call *ret_call)
{
	struct baton_ctx *ctx = baton_rig_ctx(host, inst);
	*ret_call = 0;
	if (!ctx || !host->module->check)
		return BATON_E_UNSUPPORTED;
	struct baton_rig_call *call = call_new(ctx, BATON_RIG_CHECK);
	*ret_call = call->handle;
	struct baton_rig_visit visit = baton_rig_enter(host, "check");
	int32_t rc = host->module->check(ctx->inst, call->handle, level);
	baton_rig_leave(&visit);
	return started(call, rc, false);
}

int32_t baton_testhost_evaluate(baton_testhost *host, uint32_t inst, const baton_facts *facts,
				baton_verdict *ret_verdict)
{
	const struct baton_ctx *ctx = baton_rig_ctx(host, inst);
	const baton_rule *vt = host->vt;
	*ret_verdict = (baton_verdict){ .size = sizeof(*ret_verdict), .action = BATON_ACT_NONE };
	if (!ctx || !vt->evaluate)
		return BATON_E_UNSUPPORTED;
	struct baton_rig_visit visit = baton_rig_enter(host, "evaluate");
	host->pure = true;
	int32_t rc = vt->evaluate(ctx->inst, facts, ret_verdict);
	host->pure = false;
	baton_rig_leave(&visit);
	const baton_verdict *v = ret_verdict;
	if (rc == BATON_OK &&
	    (v->action > BATON_ACT_ESCALATE_NOW || (v->action != BATON_ACT_NONE && !v->rule)))
		baton_rig_breach(host, BATON_TESTHOST_BREACH_OUTPUT,
				 "a verdict out of range or without the rule's name");
	const char *const texts[] = { v->rule, v->reason, v->queue, v->resume_when };
	for (size_t i = 0; rc == BATON_OK && i < 4; i++)
		if (texts[i] && !baton_rig_text_ok(baton_str_of(texts[i]), 255))
			baton_rig_breach(host, BATON_TESTHOST_BREACH_OUTPUT,
					 "a verdict's text is longer than 255 bytes or not UTF-8");
	return rc;
}

/* --- the server's side of the end --------------------------------------------------------- */

static void (*cancel_of(const struct baton_rig_call *call))(void *, baton_call, uint32_t)
{
	const void *vt = call->ctx->host->vt;
	switch (call->kind) {
	case BATON_RIG_GENERATE:
		return ((const baton_provider *)vt)->cancel;
	case BATON_RIG_CLASSIFY:
		return ((const baton_classifier *)vt)->cancel;
	case BATON_RIG_SEARCH:
		return ((const baton_retriever *)vt)->cancel;
	case BATON_RIG_APPEND:
		return ((const baton_transcript *)vt)->cancel;
	case BATON_RIG_INVOKE:
		return ((const baton_tool *)vt)->cancel;
	case BATON_RIG_CHECK: /* nothing to call: it may go on, nobody listens */
		return NULL;
	}
	return NULL;
}

void baton_rig_fence_fired(struct baton_rig_call *call)
{
	if (!call->heard.open)
		return;
	/* A check cannot be cancelled, so it is no sin that it goes on. */
	if (call->kind != BATON_RIG_CHECK)
		baton_rig_breach(call->ctx->host, BATON_TESTHOST_BREACH_NO_END,
				 "250 ms after cancel() there is no end");
	baton_rig_close(call, BATON_TESTHOST_BREACH_AFTER_CANCEL);
}

void baton_rig_cancel(struct baton_rig_call *call, uint32_t why)
{
	baton_testhost *host = call->ctx->host;
	if (!call->heard.open || call->heard.cancelled)
		return;
	call->heard.cancelled = true;
	call->heard.cancelled_ns = host->now_ns;
	const struct baton_rig_thing fence = {
		.kind = BATON_RIG_FENCE,
		.ctx = call->ctx,
		.due_ns = host->now_ns + (uint64_t)BATON_RIG_FENCE_MS * BATON_RIG_NS_PER_MS,
		.call = call
	};
	(void)baton_rig_thing_new(&fence);
	void (*fn)(void *, baton_call, uint32_t) = cancel_of(call);
	if (!fn)
		return;
	struct baton_rig_visit visit = baton_rig_enter(host, "cancel");
	fn(call->ctx->inst, call->handle, why);
	baton_rig_leave(&visit);
}

void baton_testhost_cancel(baton_testhost *host, baton_call handle, uint32_t why)
{
	struct baton_rig_call *call = baton_rig_call_of(host, handle);
	if (call)
		baton_rig_cancel(call, why);
}

void baton_testhost_first_credit(baton_testhost *host, uint32_t n)
{
	host->first_credit = n;
}

void baton_testhost_credit(baton_testhost *host, baton_call handle, uint32_t n)
{
	struct baton_rig_call *call = baton_rig_call_of(host, handle);
	const baton_provider *vt = host->vt;
	if (!call || call->kind != BATON_RIG_GENERATE)
		return;
	call->credit = n;
	if (!call->told_again || n == 0 || !call->heard.open)
		return;
	call->told_again = false;
	if (!BATON_HAS(vt, resume) || !vt->resume)
		return;
	struct baton_rig_visit visit = baton_rig_enter(host, "resume");
	vt->resume(call->ctx->inst, handle);
	baton_rig_leave(&visit);
}
