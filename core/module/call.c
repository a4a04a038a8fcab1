/* SPDX-License-Identifier: Apache-2.0 */

/* The table of open calls and the answering half of the host table. A module may say anything here
 * at any time; what it may not say is counted under the rule's name and changes nothing. */
#include "core/base/abi.h"
#include "core/base/errors.h"
#include "core/base/limits.h"
#include "core/base/log.h"
#include "core/module/host.h"
#include "core/module/rack.h"

#include <time.h>

enum {
	ERROR_TEXT_BYTES_MAX = 512,
	RETRY_AFTER_MS_MAX = 24 * 3600 * 1000,
	TABLE_FIRST = 64,
	FAIL_LAST = BATON_FAIL_CONNECT /* the newest class of the header; MODULE is the host's */
};

static uint64_t now_ns(void)
{
	struct timespec ts;
	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* --- the table ---------------------------------------------------------------------------- */

static bool table_grow(struct baton_rack *rack)
{
	uint32_t n = rack->n_slots ? rack->n_slots * 2 : TABLE_FIRST;
	if (n > BATON_CALLS_MAX)
		return false;
	rack->slots = baton_realloc(rack->slots, n * sizeof(*rack->slots));
	rack->free_slots = baton_realloc(rack->free_slots, n * sizeof(*rack->free_slots));
	memset(rack->slots + rack->n_slots, 0, (n - rack->n_slots) * sizeof(*rack->slots));
	for (uint32_t i = n; i > rack->n_slots; i--)
		rack->free_slots[rack->n_free++] = i - 1;
	rack->n_slots = n;
	return true;
}

struct baton_call_state *baton_call_open(struct baton_rack *rack, struct baton_ctx *ctx,
					 enum baton_call_kind kind, uint64_t ticket)
{
	/* Handles of two racks differ in where their generations begin, so that one taken to the
	 * wrong loop's instance is noticed. */
	static _Atomic(uint32_t) seed;
	if (rack->n_free == 0 && !table_grow(rack))
		return NULL;
	uint32_t i = rack->free_slots[--rack->n_free];
	struct baton_call_slot *slot = &rack->slots[i];
	if (slot->generation == 0)
		slot->generation = atomic_fetch_add(&seed, 0x9e3779b1u) | 1u;
	slot->generation += slot->generation == UINT32_MAX ? 2 : 1;
	struct baton_call_state *call = baton_new(struct baton_call_state);
	call->handle = (uint64_t)slot->generation << 32 | (i + 1);
	call->ticket = ticket;
	call->ctx = ctx;
	call->kind = kind;
	call->begin_ns = now_ns();
	call->results_max = BATON_DOCS_MAX;
	call->open = call->listed = call->starting = true;
	ctx->open_calls++;
	slot->call = call;
	HASH_ADD_BYHASHVALUE(hh, rack->listed, ticket, sizeof(call->ticket),
			     baton_ticket_hash(ticket), call);
	return call;
}

/* The module's side ends. `late` is what further words of this handle will be called. */
static void close_module_side(struct baton_rack *rack, struct baton_call_state *call,
			      enum baton_breach late)
{
	uint32_t i = (uint32_t)call->handle - 1;
	struct baton_call_slot *slot = &rack->slots[i];
	slot->call = NULL;
	slot->last = call->handle;
	slot->late = late;
	rack->free_slots[rack->n_free++] = i;
	call->open = false;
	call->ctx->open_calls--;
	if (late != BATON_BREACH_STALE) /* it was begun */
		baton_meter_answer(&call->ctx->generation->meter, !call->finished && !call->fenced,
				   (now_ns() - call->begin_ns) / 1000);
	if (rack->n_retired > 0)
		baton_rack_wake(rack);
	if (!call->listed && !call->fenced)
		baton_free(call);
}

struct baton_call_state *baton_call_listed(const struct baton_rack *rack, uint64_t ticket)
{
	struct baton_call_state *call;
	HASH_FIND_BYHASHVALUE(hh, rack->listed, &ticket, sizeof(ticket), baton_ticket_hash(ticket),
			      call);
	return call;
}

static void unlist(struct baton_rack *rack, struct baton_call_state *call)
{
	if (call->listed)
		HASH_DEL(rack->listed, call);
	call->listed = false;
}

void baton_call_abandon(struct baton_rack *rack, struct baton_call_state *call)
{
	unlist(rack, call);
	if (call->open)
		close_module_side(rack, call, BATON_BREACH_STALE);
	else
		baton_free(call);
}

/* --- the fence ---------------------------------------------------------------------------- */

static void fence_fired(void *ud);

static void fence_arm(struct baton_rack *rack, uint64_t now)
{
	const struct baton_call_state *first = rack->fenced_head;
	uint64_t due = first->fenced_ns + (uint64_t)BATON_CALL_FENCE_MS * 1000000u;
	rack->fence_timer = baton_loop_timer(rack->loop, due > now ? (due - now) / 1000000u + 1 : 1,
					     fence_fired, rack);
}

/* The list keeps calls whose end came in time, too, until their time is up: they are only freed. */
static void fence_pop(struct baton_rack *rack)
{
	struct baton_call_state *call = rack->fenced_head;
	rack->fenced_head = call->next_fenced;
	if (!rack->fenced_head)
		rack->fenced_tail = NULL;
	call->fenced = false;
	if (call->open) {
		baton_ctx_breach(call->ctx, BATON_BREACH_NO_END, "the host has ended the call");
		close_module_side(rack, call, BATON_BREACH_AFTER_CANCEL);
	} else if (!call->listed) {
		baton_free(call);
	}
}

static void fence_fired(void *ud)
{
	struct baton_rack *rack = ud;
	uint64_t now = now_ns();
	rack->fence_timer = 0;
	while (rack->fenced_head &&
	       now - rack->fenced_head->fenced_ns >= (uint64_t)BATON_CALL_FENCE_MS * 1000000u)
		fence_pop(rack);
	if (rack->fenced_head)
		fence_arm(rack, now);
}

static void fence(struct baton_rack *rack, struct baton_call_state *call)
{
	call->fenced = true;
	call->fenced_ns = now_ns();
	if (rack->fenced_tail)
		rack->fenced_tail->next_fenced = call;
	else
		rack->fenced_head = call;
	rack->fenced_tail = call;
	if (!rack->fence_timer && !rack->closed)
		fence_arm(rack, call->fenced_ns);
}

static void (*cancel_of(const struct baton_call_state *call))(void *, baton_call, uint32_t)
{
	const void *vt = call->ctx->generation->vt;
	switch (call->kind) {
	case BATON_CALL_CHECK:
		return NULL; /* it has no cancel; the fence ends it */
	case BATON_CALL_CLASSIFY:
		return ((const baton_classifier *)vt)->cancel;
	case BATON_CALL_RETRIEVE:
		return ((const baton_retriever *)vt)->cancel;
	case BATON_CALL_GENERATE:
		return ((const baton_provider *)vt)->cancel;
	case BATON_CALL_TRANSCRIPT:
		return ((const baton_transcript *)vt)->cancel;
	case BATON_CALL_INVOKE:
		return ((const baton_tool *)vt)->cancel;
	}
	return NULL;
}

/* Of a failure that is not the module's own word: nobody knows how far it got. */
static uint32_t doubt_of(const struct baton_call_state *call)
{
	return call->writes ? BATON_ERROR_IN_DOUBT : 0;
}

/* Tells the module, and fences what it may still say. */
static void stop(struct baton_rack *rack, struct baton_call_state *call, uint32_t why)
{
	void (*fn)(void *, baton_call, uint32_t) = cancel_of(call);
	fence(rack, call);
	if (!fn)
		return;
	struct baton_visit visit = baton_visit_begin(call->ctx, "cancel");
	fn(call->ctx->inst, call->handle, why);
	baton_visit_end(&visit);
}

static void cancel(struct baton_rack *rack, struct baton_call_state *call, uint32_t why)
{
	unlist(rack, call);
	if (call->open)
		stop(rack, call, why);
	else if (!call->fenced)
		baton_free(call);
}

void baton_call_cancel(struct baton_rack *rack, uint64_t ticket, uint32_t why)
{
	struct baton_call_state *call = baton_call_listed(rack, ticket);
	if (call)
		cancel(rack, call, why);
}

void baton_call_end_all(struct baton_rack *rack)
{
	baton_error cancelled = { .size = sizeof(cancelled), .fail = BATON_FAIL_CANCELLED };
	struct baton_call_state *call = NULL;
	/* From the top each time: what the turn does in fail() may take others off the list. */
	while (rack->listed) {
		call = rack->listed;
		uint64_t ticket = call->ticket;
		cancelled.flags = doubt_of(call);
		cancel(rack, call, BATON_CANCEL_SHUTDOWN);
		rack->events.fail(rack->events.ud, ticket, &cancelled);
	}
	if (rack->fence_timer)
		(void)baton_loop_timer_stop(rack->loop, rack->fence_timer);
	rack->fence_timer = 0;
	/* The rack's end gives no 250 ms: what has not ended by now is over. */
	while (rack->fenced_head) {
		call = rack->fenced_head;
		rack->fenced_head = call->next_fenced;
		call->fenced = false;
		if (call->open)
			close_module_side(rack, call, BATON_BREACH_AFTER_CANCEL);
		else
			baton_free(call);
	}
	rack->fenced_tail = NULL;
}

/* --- ends --------------------------------------------------------------------------------- */

static void word_fail(struct baton_rack *rack, struct baton_call_state *call, uint32_t fail,
		      const char *message)
{
	struct baton_word *word = baton_word_new(rack, call, BATON_WORD_FAIL, 0);
	word->error.size = sizeof(word->error);
	word->error.fail = fail;
	word->error.flags = doubt_of(call);
	word->error.message = baton_str_of(message); /* static text */
}

void baton_call_shut(struct baton_rack *rack, struct baton_ctx *ctx)
{
	struct baton_call_state *call, *next;
	HASH_ITER(hh, rack->listed, call, next) {
		if (call->ctx != ctx || !call->open || call->fenced)
			continue;
		/* What somebody reads already is not taken away: it ends with its turn's time. */
		if (call->texts > 0)
			continue;
		word_fail(rack, call, BATON_FAIL_MODULE, "its release has ended");
		stop(rack, call, BATON_CANCEL_DRAIN);
	}
}

/* The module broke its contract in a way that leaves no answer. For it the handle has ended. */
static int32_t cut(struct baton_rack *rack, struct baton_call_state *call, const char *why)
{
	baton_ctx_breach(call->ctx, BATON_BREACH_OUTPUT, why);
	word_fail(rack, call, BATON_FAIL_BAD_OUTPUT, why);
	close_module_side(rack, call, BATON_BREACH_AFTER_END);
	return BATON_E_STALE;
}

void baton_call_finish(struct baton_rack *rack, struct baton_call_state *call, uint32_t reason)
{
	for (int i = 0; i < BATON_CALL_DELTA_KINDS; i++)
		if (call->tail_n[i] > 0) {
			(void)cut(rack, call, "the text ends inside a character");
			return;
		}
	struct baton_word *word = baton_word_new(rack, call, BATON_WORD_END, 0);
	word->n = reason;
	call->finished = true;
	close_module_side(rack, call, BATON_BREACH_TWO_ENDS);
}

/* --- the host table ----------------------------------------------------------------------- */

/* The open call of this instance. Else BATON_E_STALE, _THREAD, ..., counted. `is_end` tells the two
 * sins after an end apart. */
static int find(struct baton_ctx *ctx, uint64_t handle, bool is_end, struct baton_call_state **ret)
{
	int rc = baton_ctx_on_loop(ctx, is_end ? "end" : "answer");
	if (rc < 0)
		return rc;
	struct baton_rack *rack = ctx->rack;
	uint32_t i = (uint32_t)handle - 1;
	if (!rack || (uint32_t)handle == 0 || i >= rack->n_slots) {
		baton_ctx_breach(ctx, rack ? BATON_BREACH_STALE : BATON_BREACH_AFTER_END,
				 "no such call");
		return BATON_E_STALE;
	}
	struct baton_call_slot *slot = &rack->slots[i];
	if (slot->call && slot->call->handle == handle && slot->call->ctx == ctx) {
		*ret = slot->call;
		return 0;
	}
	enum baton_breach breach = slot->last == handle ? slot->late : BATON_BREACH_STALE;
	if (breach == BATON_BREACH_TWO_ENDS && !is_end)
		breach = BATON_BREACH_AFTER_END;
	baton_ctx_breach(ctx, breach,
			 is_end ? "an end for a call that is over"
				: "a word for a call that is over");
	return BATON_E_STALE;
}

/* As find(), for words that make no sense once the turn has cancelled. */
static int find_wanted(struct baton_ctx *ctx, uint64_t handle, struct baton_call_state **ret)
{
	struct baton_call_state *call = NULL;
	int rc = find(ctx, handle, false, &call);
	if (rc == 0 && call->fenced) {
		baton_ctx_breach(ctx, BATON_BREACH_AFTER_CANCEL, "a word after cancel");
		rc = BATON_E_STALE;
	}
	if (rc == 0)
		*ret = call;
	return rc;
}

static int32_t bad_argument(struct baton_ctx *ctx, const char *what)
{
	baton_ctx_breach(ctx, BATON_BREACH_ARGUMENT, what);
	return BATON_E_INVAL;
}

/* Passes on whole characters; the beginning of one is kept for the next delta. */
static bool take_text(struct baton_rack *rack, struct baton_call_state *call, uint32_t kind,
		      baton_str data)
{
	char *tail = call->tail[kind];
	size_t kept = call->tail_n[kind];
	struct baton_word *word = baton_word_new(rack, call, BATON_WORD_DELTA, kept + data.n);
	if (kept > 0)
		memcpy(word->text, tail, kept);
	if (data.n > 0)
		memcpy(word->text + kept, data.p, data.n);
	word->n = kind;
	word->data = (baton_str){ word->text, kept + data.n };
	call->tail_n[kind] = baton_str_utf8_tail(word->data);
	word->data.n -= call->tail_n[kind];
	if (call->tail_n[kind] > 0)
		memcpy(tail, word->text + word->data.n, call->tail_n[kind]);
	bool good = baton_str_utf8_ok(word->data);
	if (!good)
		word->data.n = 0;
	return good;
}

int32_t baton_call_host_delta(baton_ctx *ctx, baton_call handle, uint32_t kind, baton_str data)
{
	struct baton_call_state *call = NULL;
	int rc = find_wanted(ctx, handle, &call);
	if (rc < 0)
		return rc;
	if (kind >= BATON_CALL_DELTA_KINDS || (!data.p && data.n > 0))
		return bad_argument(ctx, "delta: unknown kind or NULL data");
	struct baton_rack *rack = ctx->rack;
	if (call->kind != BATON_CALL_GENERATE)
		return cut(rack, call, "a delta in a call that has no text");
	if (data.n > BATON_ANSWER_BYTES_MAX || call->bytes + data.n > BATON_ANSWER_BYTES_MAX)
		return cut(rack, call, "the answer is longer than 64 KiB");
	/* "I do not know" is told by its kind; the others without data say nothing. */
	if (data.n == 0 && kind != BATON_DELTA_UNKNOWN)
		return BATON_OK;
	call->bytes += data.n;
	call->texts += kind == BATON_DELTA_TEXT;
	return take_text(rack, call, kind, data) ? BATON_OK
						 : cut(rack, call, "the text is not UTF-8");
}

bool baton_call_intents(struct baton_rack *rack, struct baton_call_state *call,
			const baton_intents *intents)
{
	const char *why;
	if (!baton_word_intents_ok(intents, BATON_INTENTS_MAX, &why)) {
		(void)cut(rack, call, why);
		return false;
	}
	struct baton_word *word = baton_word_new(rack, call, BATON_WORD_INTENTS, 0);
	baton_word_take_intents(word, intents);
	call->has_result = true;
	return true;
}

static int32_t take_docs(struct baton_rack *rack, struct baton_call_state *call, const void *pod,
			 size_t n)
{
	const baton_doc *docs = pod;
	const char *why;
	if (n % sizeof(*docs) != 0 || (uintptr_t)pod % _Alignof(baton_doc) != 0)
		return cut(rack, call, "doc/1: not whole documents");
	n /= sizeof(*docs);
	if (n > call->results_max)
		return cut(rack, call, "doc/1: more documents than were asked for");
	if (!baton_word_docs_ok(docs, n, &why))
		return cut(rack, call, why);
	struct baton_word *word = baton_word_new(rack, call, BATON_WORD_DOCS, 0);
	baton_word_take_docs(word, docs, n);
	call->has_result = true;
	return BATON_OK;
}

/* A service may send back what it was sent, so secrets are taken out before anybody sees it. */
static int32_t take_tool(struct baton_rack *rack, struct baton_call_state *call, const void *pod,
			 size_t n)
{
	baton_tool_result result;
	struct baton_buf json = { 0 };
	const char *wrong = "tool/1: too short";
	if (n >= BATON_FIRST_TOOL_RESULT) {
		baton_abi_take(&result, sizeof(result), pod, n);
		wrong = baton_abi_tool_wrong(&result);
	}
	if (wrong)
		return cut(rack, call, wrong);
	baton_buf_str(&json, result.json);
	baton_generation_scrub(call->ctx->generation, &json);
	result.json = baton_buf_view(&json);
	wrong = baton_abi_tool_wrong(&result);
	if (!wrong) {
		struct baton_word *word = baton_word_new(rack, call, BATON_WORD_RESULT, 0);
		baton_word_take_result(word, &result);
		call->has_result = true;
	}
	baton_buf_done(&json);
	return wrong ? cut(rack, call, wrong) : BATON_OK;
}

int32_t baton_call_host_result(baton_ctx *ctx, baton_call handle, const char *type, const void *pod,
			       size_t n)
{
	struct baton_call_state *call = NULL;
	int rc = find_wanted(ctx, handle, &call);
	if (rc < 0)
		return rc;
	if (!type || (!pod && n > 0))
		return bad_argument(ctx, "result: no type or no bytes");
	if (call->has_result)
		return cut(ctx->rack, call, "two results in one call");
	if (call->kind == BATON_CALL_RETRIEVE && strcmp(type, BATON_RESULT_DOCS) == 0)
		return take_docs(ctx->rack, call, pod, n);
	if (call->kind == BATON_CALL_INVOKE && strcmp(type, BATON_RESULT_TOOL) == 0)
		return take_tool(ctx->rack, call, pod, n);
	if (call->kind != BATON_CALL_CLASSIFY || strcmp(type, BATON_RESULT_INTENTS) != 0)
		return cut(ctx->rack, call, "a result of a type that was not asked for");
	baton_intents intents;
	if (n < BATON_FIRST_INTENTS)
		return cut(ctx->rack, call, "intents/1: too short");
	baton_abi_take(&intents, sizeof(intents), pod, n);
	return baton_call_intents(ctx->rack, call, &intents) ? BATON_OK : BATON_E_STALE;
}

int32_t baton_call_host_usage(baton_ctx *ctx, baton_call handle, const baton_usage *usage)
{
	struct baton_call_state *call = NULL;
	int rc = find_wanted(ctx, handle, &call);
	if (rc < 0)
		return rc;
	if (!usage || usage->size < BATON_FIRST_USAGE)
		return bad_argument(ctx, "usage: NULL or too short");
	struct baton_word *word = baton_word_new(ctx->rack, call, BATON_WORD_USAGE, 0);
	baton_abi_take(&word->usage, sizeof(word->usage), usage, usage->size);
	word->usage.size = sizeof(*usage);
	return BATON_OK;
}

int32_t baton_call_host_end(baton_ctx *ctx, baton_call handle, uint32_t reason)
{
	struct baton_call_state *call = NULL;
	int rc = find(ctx, handle, true, &call);
	if (rc < 0)
		return rc;
	if (call->fenced) {
		close_module_side(ctx->rack, call, BATON_BREACH_AFTER_CANCEL);
		return BATON_OK;
	}
	if (reason > BATON_END_FILTERED)
		return cut(ctx->rack, call, "an end for a reason that does not exist");
	if (!call->has_result &&
	    (call->kind == BATON_CALL_CLASSIFY || call->kind == BATON_CALL_RETRIEVE ||
	     call->kind == BATON_CALL_INVOKE))
		return cut(ctx->rack, call, "an end without a result");
	baton_call_finish(ctx->rack, call, reason);
	return BATON_OK;
}

/* Text of a vendor: cut, without secrets, UTF-8 or nothing. */
static baton_str clean_text(struct baton_ctx *ctx, struct baton_word *word, baton_str s)
{
	struct baton_buf text = { 0 };
	baton_str out = BATON_STR_NONE;
	if (!s.p || s.n == 0)
		return out;
	/* First the secrets, then the cut: half a key is a secret, too. */
	baton_buf_add(&text, s.p, s.n < 64 * 1024 ? s.n : 64 * 1024);
	baton_generation_scrub(ctx->generation, &text);
	baton_str clipped = baton_str_clip(baton_buf_view(&text), ERROR_TEXT_BYTES_MAX);
	if (baton_str_utf8_ok(clipped))
		out = baton_word_copy(word, clipped);
	baton_buf_done(&text);
	return out;
}

/* Fields that a module's older header did not have are 0. */
static baton_error error_read(struct baton_ctx *ctx, const baton_error *error)
{
	baton_error e = { .fail = BATON_FAIL_INTERNAL };

	if (error && error->size >= offsetof(baton_error, scope))
		memcpy(&e, error, error->size < sizeof(e) ? error->size : sizeof(e));
	else
		baton_ctx_breach(ctx, BATON_BREACH_ARGUMENT, "fail: NULL or too short");
	e.size = sizeof(e);
	if (e.scope > BATON_SCOPE_ACCOUNT)
		e.scope = BATON_SCOPE_MODEL;
	return e;
}

int32_t baton_call_host_fail(baton_ctx *ctx, baton_call handle, const baton_error *error)
{
	struct baton_call_state *call = NULL;
	int rc = find(ctx, handle, true, &call);
	if (rc < 0)
		return rc;
	if (call->fenced) {
		close_module_side(ctx->rack, call, BATON_BREACH_AFTER_CANCEL);
		return BATON_OK;
	}
	baton_error e = error_read(ctx, error);
	/* Of a module in its own process it is the proxy that speaks, and it is ours. */
	bool is_hosts = e.fail == BATON_FAIL_MODULE && !ctx->generation->isolated;
	if (is_hosts || e.fail > FAIL_LAST) {
		baton_ctx_breach(ctx, BATON_BREACH_ARGUMENT,
				 "fail: a class that modules do not have");
		e.fail = BATON_FAIL_INTERNAL;
	}
	struct baton_word *word = baton_word_new(ctx->rack, call, BATON_WORD_FAIL, 0);
	word->error = (baton_error){ .size = sizeof(e), .fail = e.fail };
	word->error.http_status = e.http_status < 1000 ? e.http_status : 0;
	word->error.retry_after_ms =
		e.retry_after_ms < RETRY_AFTER_MS_MAX ? e.retry_after_ms : RETRY_AFTER_MS_MAX;
	word->error.scope = e.scope;
	word->error.flags = e.flags | (e.fail == BATON_FAIL_MODULE ? doubt_of(call) : 0);
	word->error.until_unix_ms = e.until_unix_ms;
	word->error.code = clean_text(ctx, word, e.code);
	word->error.message = clean_text(ctx, word, e.message);
	close_module_side(ctx->rack, call, BATON_BREACH_TWO_ENDS);
	return BATON_OK;
}

int32_t baton_call_host_set(baton_ctx *ctx, baton_call handle, void *user)
{
	struct baton_call_state *call = NULL;
	int rc = find(ctx, handle, false, &call);
	if (rc == 0)
		call->user = user;
	return rc;
}

/* Asking is no sin: a module may look whether its call is still there. */
void *baton_call_host_get(baton_ctx *ctx, baton_call handle)
{
	uint32_t i = (uint32_t)handle - 1;
	if (baton_ctx_on_loop(ctx, "call_get") < 0 || !ctx->rack || (uint32_t)handle == 0 ||
	    i >= ctx->rack->n_slots)
		return NULL;
	const struct baton_call_state *call = ctx->rack->slots[i].call;
	return call && call->handle == handle && call->ctx == ctx ? call->user : NULL;
}
