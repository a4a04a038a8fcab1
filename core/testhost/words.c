/* SPDX-License-Identifier: Apache-2.0 */

/* What a module answers, held to the rules and recorded. The rules are those of core/module/call.c,
 * under the same names; tests/unit/test_testhost.c lets the same sins be committed in both. */
#include "core/testhost/inside.h"

#include "core/base/abi.h"
#include "core/base/limits.h"

#include <stdio.h>

enum {
	PPM = 1000000,
	INTENTS_MAX = 64,
	ENTITIES_BYTES_MAX = 4096,
	LANGUAGE_BYTES_MAX = 64,
	DOC_FIELD_BYTES_MAX = 4096,
	FAIL_LAST = BATON_FAIL_CONNECT
};

/* --- ends --------------------------------------------------------------------------------- */

void baton_rig_close(struct baton_rig_call *call, enum baton_testhost_breach late)
{
	call->heard.open = false;
	call->heard.ended_ns = call->ctx->host->now_ns;
	call->late = late;
}

static baton_str keep(struct baton_rig_call *call, baton_str s)
{
	return (baton_str){ baton_arena_dup(&call->arena, s.n ? s.p : "", s.n), s.n };
}

/* The module broke its contract in a way that leaves no answer. For it the handle has ended. */
static int32_t cut(struct baton_rig_call *call, const char *why)
{
	baton_rig_breach(call->ctx->host, BATON_TESTHOST_BREACH_OUTPUT, why);
	call->heard.failed = true;
	call->heard.error =
		(baton_error){ .size = sizeof(baton_error), .fail = BATON_FAIL_BAD_OUTPUT };
	call->heard.error.message = keep(call, baton_str_of(why));
	call->heard.error.code = keep(call, BATON_STR_NONE);
	baton_rig_close(call, BATON_TESTHOST_BREACH_AFTER_END);
	return BATON_E_STALE;
}

void baton_rig_end(struct baton_rig_call *call, uint32_t reason)
{
	for (int i = 0; i < BATON_RIG_DELTA_KINDS; i++)
		if (call->tail_n[i] > 0) {
			(void)cut(call, "the text ends inside a character");
			return;
		}
	call->heard.ended = true;
	call->heard.end_reason = reason;
	baton_rig_close(call, BATON_TESTHOST_BREACH_TWO_ENDS);
}

/* --- finding the call --------------------------------------------------------------------- */

static int32_t find(struct baton_ctx *ctx, baton_call handle, bool is_end,
		    struct baton_rig_call **ret)
{
	int32_t rc = baton_rig_on_loop(ctx, is_end ? "end" : "answer");
	if (rc < 0)
		return rc;
	struct baton_rig_call *call = baton_rig_call_of(ctx->host, handle);
	if (call && call->ctx == ctx && call->heard.open) {
		*ret = call;
		return 0;
	}
	enum baton_testhost_breach breach =
		call && call->ctx == ctx ? call->late : BATON_TESTHOST_BREACH_STALE;
	if (breach == BATON_TESTHOST_BREACH_TWO_ENDS && !is_end)
		breach = BATON_TESTHOST_BREACH_AFTER_END;
	baton_rig_breach(ctx->host, breach,
			 is_end ? "an end for a call that is over"
				: "a word for a call that is over");
	return BATON_E_STALE;
}

/* As find(), for words that make no sense once the call was cancelled. */
static int32_t find_wanted(struct baton_ctx *ctx, baton_call handle, struct baton_rig_call **ret)
{
	struct baton_rig_call *call = NULL;
	int32_t rc = find(ctx, handle, false, &call);
	if (rc == 0 && call->heard.cancelled) {
		baton_rig_breach(ctx->host, BATON_TESTHOST_BREACH_AFTER_CANCEL,
				 "a word after cancel");
		rc = BATON_E_STALE;
	}
	if (rc == 0)
		*ret = call;
	return rc;
}

static int32_t bad_argument(struct baton_ctx *ctx, const char *what)
{
	baton_rig_breach(ctx->host, BATON_TESTHOST_BREACH_ARGUMENT, what);
	return BATON_E_INVAL;
}

/* --- deltas ------------------------------------------------------------------------------- */

/* BATON_E_AGAIN or what a fault asks for; 0: it is taken. */
static int32_t pressure(struct baton_rig_call *call)
{
	baton_testhost *host = call->ctx->host;
	int32_t rc = baton_rig_fault(host, BATON_TESTHOST_DELTA);
	if (rc == BATON_E_STALE) { /* as if the turn had gone: nothing of it is wanted any more */
		baton_rig_close(call, BATON_TESTHOST_BREACH_AFTER_END);
		return rc;
	}
	if (call->told_again) {
		baton_rig_breach(host, BATON_TESTHOST_BREACH_AGAIN,
				 "a delta before resume(), after BATON_E_AGAIN");
		rc = BATON_E_AGAIN;
	}
	if (rc == 0 && call->credit == 0)
		rc = BATON_E_AGAIN;
	if (rc == BATON_E_AGAIN) {
		call->told_again = true;
		call->heard.n_again++;
	} else if (rc == 0 && call->credit != BATON_TESTHOST_NO_BOUND) {
		call->credit--;
	}
	return rc;
}

static uint32_t *counter(baton_heard *heard, uint32_t kind)
{
	switch (kind) {
	case BATON_DELTA_TEXT:
		return &heard->n_text;
	case BATON_DELTA_REASONING:
		return &heard->n_reasoning;
	case BATON_DELTA_TOOL_CALL:
		return &heard->n_tool_calls;
	case BATON_DELTA_CITATION:
		return &heard->n_citations;
	default: /* the ABI's numbers, not our enum */
		return &heard->n_unknown;
	}
}

static void publish_texts(struct baton_rig_call *call)
{
	baton_heard *heard = &call->heard;
	const char **to[] = { &heard->text, &heard->reasoning, &heard->tool_calls,
			      &heard->citations };
	for (int i = 0; i < 4; i++)
		*to[i] = call->text[i].n ? call->text[i].p : "";
	heard->text_n = call->text[BATON_DELTA_TEXT].n;
}

static bool take_text(struct baton_rig_call *call, uint32_t kind, baton_str data)
{
	struct baton_buf *to = &call->text[kind];
	size_t from = to->n - call->tail_n[kind];
	baton_buf_str(to, data);
	baton_str fresh = { to->p + from, to->n - from };
	call->tail_n[kind] = baton_str_utf8_tail(fresh);
	fresh.n -= call->tail_n[kind];
	bool good = baton_str_utf8_ok(fresh);
	if (good && (kind == BATON_DELTA_TOOL_CALL || kind == BATON_DELTA_CITATION) &&
	    call->tail_n[kind] == 0)
		baton_buf_z(to, "\n");
	publish_texts(call);
	return good;
}

int32_t baton_rig_host_delta(baton_ctx *ctx, baton_call handle, uint32_t kind, baton_str data)
{
	struct baton_rig_call *call = NULL;
	int32_t rc = find_wanted(ctx, handle, &call);
	if (rc < 0)
		return rc;
	if (kind >= BATON_RIG_DELTA_KINDS || (!data.p && data.n > 0))
		return bad_argument(ctx, "delta: unknown kind or NULL data");
	if (call->kind != BATON_RIG_GENERATE)
		return cut(call, "a delta in a call that has no text");
	if (data.n > BATON_ANSWER_BYTES_MAX || call->bytes + data.n > BATON_ANSWER_BYTES_MAX)
		return cut(call, "the answer is longer than 64 KiB");
	if (data.n == 0 && kind != BATON_DELTA_UNKNOWN)
		return BATON_OK;
	rc = pressure(call);
	if (rc < 0)
		return rc;
	call->bytes += data.n;
	++*counter(&call->heard, kind);
	if (call->heard.first_ns == 0 && kind == BATON_DELTA_TEXT)
		call->heard.first_ns = ctx->host->now_ns;
	return take_text(call, kind, data) ? BATON_OK : cut(call, "the text is not UTF-8");
}

/* --- results ------------------------------------------------------------------------------ */

static const char *docs_wrong(const baton_doc *docs, size_t n)
{
	size_t bytes = 0;
	for (size_t i = 0; i < n; i++) {
		const baton_doc *d = &docs[i];
		if (!baton_rig_text_ok(d->id, BATON_NAME_BYTES_MAX * 4) ||
		    !baton_rig_text_ok(d->title, DOC_FIELD_BYTES_MAX) ||
		    !baton_rig_text_ok(d->uri, DOC_FIELD_BYTES_MAX) ||
		    !baton_rig_text_ok(d->snippet, BATON_ANSWER_BYTES_MAX) ||
		    !baton_rig_text_ok(d->version, BATON_NAME_BYTES_MAX * 4))
			return "a document's text is NULL, too long or not UTF-8";
		if (d->id.n == 0)
			return "a document without id";
		if (d->score_ppm > PPM)
			return "a document's score_ppm above 1000000";
		bytes += d->snippet.n;
	}
	return bytes <= BATON_RECORD_BYTES_MAX ? NULL : "documents of more than 256 KiB";
}

static const char *intents_wrong(const baton_intents *intents)
{
	if (intents->n > INTENTS_MAX)
		return "more intents than there is room for";
	if (intents->n > 0 && !intents->v)
		return "intents counted, but none given";
	if (!baton_rig_text_ok(intents->language, LANGUAGE_BYTES_MAX))
		return "language is NULL, too long or not UTF-8";
	if (intents->sentiment_ppm > PPM || intents->out_of_scope_ppm > PPM ||
	    intents->human_ppm > PPM)
		return "sentiment_ppm, out_of_scope_ppm or human_ppm above 1000000";
	for (uint32_t i = 0; i < intents->n; i++) {
		const baton_intent *v = &intents->v[i];
		if (v->name.n == 0 || !baton_rig_text_ok(v->name, BATON_NAME_BYTES_MAX))
			return "an intent's name is empty, too long or not UTF-8";
		if (v->confidence_ppm > PPM)
			return "confidence_ppm above 1000000";
		if (!baton_rig_text_ok(v->entities_json, ENTITIES_BYTES_MAX))
			return "entities_json is NULL, too long or not UTF-8";
	}
	return NULL;
}

bool baton_rig_take_intents(struct baton_rig_call *call, const baton_intents *intents)
{
	const char *wrong = intents_wrong(intents);
	if (wrong) {
		(void)cut(call, wrong);
		return false;
	}
	baton_heard *heard = &call->heard;
	baton_intent *v = baton_arena_alloc(&call->arena, (intents->n + 1) * sizeof(*v));
	for (uint32_t i = 0; i < intents->n; i++) {
		v[i] = intents->v[i];
		v[i].name = keep(call, intents->v[i].name);
		v[i].entities_json = keep(call, intents->v[i].entities_json);
	}
	heard->intents = v;
	heard->n_intents = intents->n;
	heard->sentiment_ppm = intents->sentiment_ppm;
	heard->out_of_scope_ppm = intents->out_of_scope_ppm;
	heard->human_ppm = intents->human_ppm;
	heard->language = keep(call, intents->language).p;
	heard->n_results++;
	return true;
}

static int32_t take_docs(struct baton_rig_call *call, const void *pod, size_t n)
{
	const baton_doc *docs = pod;
	if (n % sizeof(*docs) != 0 || (uintptr_t)pod % _Alignof(baton_doc) != 0)
		return cut(call, "doc/1: not whole documents");
	n /= sizeof(*docs);
	if (n > call->results_max)
		return cut(call, "doc/1: more documents than were asked for");
	const char *wrong = docs_wrong(docs, n);
	if (wrong)
		return cut(call, wrong);
	baton_doc *to = baton_arena_alloc(&call->arena, (n + 1) * sizeof(*to));
	for (size_t i = 0; i < n; i++) {
		to[i] = docs[i];
		to[i].id = keep(call, docs[i].id);
		to[i].title = keep(call, docs[i].title);
		to[i].uri = keep(call, docs[i].uri);
		to[i].snippet = keep(call, docs[i].snippet);
		to[i].version = keep(call, docs[i].version);
	}
	call->heard.docs = to;
	call->heard.n_docs = (uint32_t)n;
	call->heard.n_results++;
	return BATON_OK;
}

static int32_t take_tool(struct baton_rig_call *call, const void *pod, size_t n)
{
	baton_tool_result result;
	const char *wrong = "tool/1: too short";
	if (n >= BATON_FIRST_TOOL_RESULT) {
		baton_abi_take(&result, sizeof(result), pod, n);
		wrong = baton_abi_tool_wrong(&result);
	}
	if (wrong)
		return cut(call, wrong);
	baton_tool_result *to = baton_arena_alloc(&call->arena, sizeof(*to));
	*to = (baton_tool_result){ .size = sizeof(*to),
				   .flags = result.flags & (BATON_TOOL_NO | BATON_TOOL_CACHED),
				   .http_status =
					   result.http_status < 1000 ? result.http_status : 0,
				   .tries = result.tries };
	to->json = keep(call, result.json.n > 0 ? result.json : BATON_STR("null"));
	to->code = keep(call, result.flags & BATON_TOOL_NO ? result.code : BATON_STR_NONE);
	call->heard.tool = to;
	call->heard.n_results++;
	return BATON_OK;
}

int32_t baton_rig_host_result(baton_ctx *ctx, baton_call handle, const char *type, const void *pod,
			      size_t n)
{
	struct baton_rig_call *call = NULL;
	int32_t rc = find_wanted(ctx, handle, &call);
	if (rc < 0)
		return rc;
	if (!type || (!pod && n > 0))
		return bad_argument(ctx, "result: no type or no bytes");
	if (call->heard.n_results > 0)
		return cut(call, "two results in one call");
	if (call->kind == BATON_RIG_SEARCH && strcmp(type, BATON_RESULT_DOCS) == 0)
		return take_docs(call, pod, n);
	if (call->kind == BATON_RIG_INVOKE && strcmp(type, BATON_RESULT_TOOL) == 0)
		return take_tool(call, pod, n);
	if (call->kind != BATON_RIG_CLASSIFY || strcmp(type, BATON_RESULT_INTENTS) != 0)
		return cut(call, "a result of a type that was not asked for");
	baton_intents intents;
	if (n < BATON_FIRST_INTENTS)
		return cut(call, "intents/1: too short");
	baton_abi_take(&intents, sizeof(intents), pod, n);
	return baton_rig_take_intents(call, &intents) ? BATON_OK : BATON_E_STALE;
}

int32_t baton_rig_host_usage(baton_ctx *ctx, baton_call handle, const baton_usage *usage)
{
	struct baton_rig_call *call = NULL;
	int32_t rc = find_wanted(ctx, handle, &call);
	if (rc < 0)
		return rc;
	if (!usage || usage->size < BATON_FIRST_USAGE)
		return bad_argument(ctx, "usage: NULL or too short");
	baton_abi_take(&call->heard.usage, sizeof(call->heard.usage), usage, usage->size);
	call->heard.n_usage++;
	return BATON_OK;
}

/* --- the end ------------------------------------------------------------------------------ */

int32_t baton_rig_host_end(baton_ctx *ctx, baton_call handle, uint32_t reason)
{
	struct baton_rig_call *call = NULL;
	int32_t rc = find(ctx, handle, true, &call);
	if (rc < 0)
		return rc;
	if (call->heard.cancelled) {
		call->heard.ended = true;
		baton_rig_close(call, BATON_TESTHOST_BREACH_AFTER_CANCEL);
		return BATON_OK;
	}
	if (reason > BATON_END_FILTERED)
		return cut(call, "an end for a reason that does not exist");
	if (call->heard.n_results == 0 &&
	    (call->kind == BATON_RIG_CLASSIFY || call->kind == BATON_RIG_SEARCH ||
	     call->kind == BATON_RIG_INVOKE))
		return cut(call, "an end without a result");
	baton_rig_end(call, reason);
	return BATON_OK;
}

static baton_error error_read(struct baton_ctx *ctx, const baton_error *error)
{
	baton_error e = { .fail = BATON_FAIL_INTERNAL };

	if (error && error->size >= offsetof(baton_error, scope))
		memcpy(&e, error, error->size < sizeof(e) ? error->size : sizeof(e));
	else
		baton_rig_breach(ctx->host, BATON_TESTHOST_BREACH_ARGUMENT,
				 "fail: NULL or too short");
	/* A proxy is the host's own and may say that its module is the one to blame. */
	bool is_proxy = ctx->host->real_time && e.fail == BATON_FAIL_MODULE;
	if (!is_proxy && (e.fail == BATON_FAIL_MODULE || e.fail > FAIL_LAST)) {
		baton_rig_breach(ctx->host, BATON_TESTHOST_BREACH_ARGUMENT,
				 "fail: a class that modules do not have");
		e.fail = BATON_FAIL_INTERNAL;
	}
	e.size = sizeof(e);
	return e;
}

int32_t baton_rig_host_fail(baton_ctx *ctx, baton_call handle, const baton_error *error)
{
	struct baton_rig_call *call = NULL;
	int32_t rc = find(ctx, handle, true, &call);
	if (rc < 0)
		return rc;
	baton_error e = error_read(ctx, error);
	e.code = keep(call, e.code.p ? e.code : BATON_STR_NONE);
	e.message = keep(call, e.message.p ? e.message : BATON_STR_NONE);
	call->heard.error = e;
	call->heard.failed = true;
	baton_rig_close(call, call->heard.cancelled ? BATON_TESTHOST_BREACH_AFTER_CANCEL
						    : BATON_TESTHOST_BREACH_TWO_ENDS);
	return BATON_OK;
}

int32_t baton_rig_host_call_set(baton_ctx *ctx, baton_call handle, void *user)
{
	struct baton_rig_call *call = NULL;
	int32_t rc = find(ctx, handle, false, &call);
	if (rc == 0)
		rc = baton_rig_fault(ctx->host, BATON_TESTHOST_CALL_SET);
	if (rc == 0)
		call->user = user;
	return rc;
}

/* Asking is no sin: a module may look whether its call is still there. */
void *baton_rig_host_call_get(baton_ctx *ctx, baton_call handle)
{
	if (baton_rig_on_loop(ctx, "call_get") < 0)
		return NULL;
	const struct baton_rig_call *call = baton_rig_call_of(ctx->host, handle);
	return call && call->ctx == ctx && call->heard.open ? call->user : NULL;
}
