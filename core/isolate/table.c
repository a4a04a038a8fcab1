/* SPDX-License-Identifier: Apache-2.0 */

/* The functions of the kinds: each becomes a frame. What is asynchronous by contract returns
 * at once; what is not (a verdict, a list of labels, saved state) waits for its answer, and
 * not long. */
#include "core/isolate/inside.h"

#include "core/base/errors.h"

int baton_proxy_ready(const struct baton_proxy *proxy)
{
	if (proxy->failed)
		return BATON_E_STATE;
	if (proxy->fd < 0 || proxy->out.n - proxy->out_at > BATON_PROXY_OUT_SOFT)
		return BATON_E_AGAIN;
	return 0;
}

/* A call's frame, begun. */
static int call_begin(struct baton_proxy *proxy, baton_call handle, enum baton_frame_op op,
		      size_t *ret_at)
{
	int rc = baton_proxy_ready(proxy);
	if (rc == 0 && HASH_COUNT(proxy->calls) >= BATON_PROXY_CALLS_MAX)
		rc = BATON_E_AGAIN;
	if (rc < 0)
		return rc;
	struct baton_proxy_call *call = baton_new(struct baton_proxy_call);
	call->handle = handle;
	HASH_ADD(hh, proxy->calls, handle, sizeof(call->handle), call);
	*ret_at = baton_frame_begin(&proxy->out, op, handle);
	return 0;
}

static int32_t call_end(struct baton_proxy *proxy, baton_call handle, size_t at, int32_t accepted)
{
	if (!baton_frame_end(&proxy->out, at)) {
		struct baton_proxy_call *call;
		HASH_FIND(hh, proxy->calls, &handle, sizeof(handle), call);
		baton_proxy_call_drop(proxy, call);
		return BATON_E_LIMIT;
	}
	baton_proxy_push(proxy);
	return accepted;
}

static struct baton_proxy_call *call_find(struct baton_proxy *proxy, baton_call handle)
{
	struct baton_proxy_call *call;
	HASH_FIND(hh, proxy->calls, &handle, sizeof(handle), call);
	return call;
}

static void proxy_cancel(void *inst, baton_call handle, uint32_t why)
{
	struct baton_proxy *proxy = inst;
	struct baton_proxy_call *call = call_find(proxy, handle);
	if (!call || call->cancelled || proxy->fd < 0)
		return;
	call->cancelled = true;
	size_t at = baton_frame_begin(&proxy->out, BATON_FRAME_CANCEL, handle);
	baton_put_u32(&proxy->out, why);
	(void)baton_frame_end(&proxy->out, at);
	baton_proxy_call_over(proxy, call);
	baton_proxy_release(proxy, call); /* its end may be among what was held */
	baton_proxy_push(proxy);
}

/* --- questions --------------------------------------------------------------------------- */

/* Writes the answer's text to `sink`, what the module's function has returned. */
static int32_t take_text(struct baton_proxy *proxy, const baton_sink *sink)
{
	if (proxy->answer_rc < 0)
		return proxy->answer_rc;
	int32_t rc = sink->write(sink->ud, proxy->answer.p, proxy->answer.n);
	return rc < 0 ? rc : proxy->answer_rc;
}

static int32_t ask_text(struct baton_proxy *proxy, enum baton_text which, const baton_sink *sink)
{
	int rc = baton_proxy_ready(proxy);
	if (rc < 0)
		return rc;
	size_t at = baton_frame_begin(&proxy->out, BATON_FRAME_TEXT, 0);
	baton_put_u32(&proxy->out, which);
	rc = baton_proxy_ask(proxy, at, BATON_PROXY_SAVE_MS, "models, labels or describe");
	return rc < 0 ? rc : take_text(proxy, sink);
}

static int32_t proxy_models(void *inst, const baton_sink *json)
{
	return ask_text(inst, BATON_TEXT_MODELS, json);
}

static int32_t proxy_labels(void *inst, const baton_sink *json)
{
	return ask_text(inst, BATON_TEXT_LABELS, json);
}

static int32_t proxy_describe(void *inst, const baton_sink *json)
{
	return ask_text(inst, BATON_TEXT_DESCRIBE, json);
}

static int32_t proxy_tools(void *inst, const baton_sink *json)
{
	return ask_text(inst, BATON_TEXT_TOOLS, json);
}

static int32_t proxy_finds(void *inst, const baton_sink *json)
{
	return ask_text(inst, BATON_TEXT_FINDS, json);
}

static int32_t proxy_estimate(void *inst, const baton_prompt *prompt, baton_usage *out)
{
	struct baton_proxy *proxy = inst;
	int rc = baton_proxy_ready(proxy);
	if (rc < 0)
		return rc;
	size_t at = baton_frame_begin(&proxy->out, BATON_FRAME_ESTIMATE, 0);
	baton_pod_put_prompt(&proxy->out, prompt);
	rc = baton_proxy_ask(proxy, at, proxy->child->options.evaluate_ms, "estimate");
	if (rc < 0 || proxy->answer_rc < 0)
		return rc < 0 ? rc : proxy->answer_rc;
	if (proxy->answer.n != sizeof(*out)) {
		baton_proxy_garbage(proxy, "ANSWER");
		return BATON_E_IO;
	}
	memcpy(out, proxy->answer.p, sizeof(*out));
	out->size = sizeof(*out);
	return proxy->answer_rc;
}

/* The rack waits. Strings of the verdict live until the next one of this instance. */
static int32_t proxy_evaluate(void *inst, const baton_facts *facts, baton_verdict *out)
{
	struct baton_proxy *proxy = inst;
	int rc = baton_proxy_ready(proxy);
	if (rc < 0 || !proxy->active)
		return rc < 0 ? rc : BATON_E_AGAIN;
	size_t at = baton_frame_begin(&proxy->out, BATON_FRAME_EVALUATE, 0);
	baton_pod_put_facts(&proxy->out, facts);
	rc = baton_proxy_ask(proxy, at, proxy->child->options.evaluate_ms, "evaluate");
	if (rc < 0 || proxy->answer_rc != BATON_OK)
		return rc < 0 ? rc : proxy->answer_rc;
	struct baton_reader in = baton_reader_of(baton_buf_view(&proxy->answer));
	baton_verdict verdict;
	baton_arena_done(&proxy->said);
	baton_pod_get_verdict(&in, &proxy->said, &verdict);
	if (!baton_reader_ended(&in)) {
		baton_proxy_garbage(proxy, "ANSWER");
		return BATON_E_IO;
	}
	*out = verdict;
	return BATON_OK;
}

/* The rack waits here, too. The hits' texts live in the answer, until the next one. */
static int32_t proxy_inspect(void *inst, const baton_inspection *what, baton_hits *out)
{
	struct baton_proxy *proxy = inst;
	int rc = baton_proxy_ready(proxy);
	if (rc < 0 || !proxy->active)
		return rc < 0 ? rc : BATON_E_AGAIN;
	size_t at = baton_frame_begin(&proxy->out, BATON_FRAME_INSPECT, 0);
	baton_put_u32(&proxy->out, out->cap);
	baton_pod_put_inspection(&proxy->out, what);
	rc = baton_proxy_ask(proxy, at, proxy->child->options.inspect_ms, "inspect");
	if (rc < 0 || proxy->answer_rc != BATON_OK)
		return rc < 0 ? rc : proxy->answer_rc;
	struct baton_reader in = baton_reader_of(baton_buf_view(&proxy->answer));
	baton_pod_get_hits(&in, out);
	if (baton_reader_ended(&in))
		return BATON_OK;
	out->n = 0;
	baton_proxy_garbage(proxy, "ANSWER");
	return BATON_E_IO;
}

static int32_t proxy_save(void *inst, const baton_sink *sink)
{
	struct baton_proxy *proxy = inst;
	int rc = baton_proxy_ready(proxy);
	if (rc < 0)
		return rc;
	size_t at = baton_frame_begin(&proxy->out, BATON_FRAME_STATE_SAVE, 0);
	rc = baton_proxy_ask(proxy, at, BATON_PROXY_SAVE_MS, "save");
	return rc < 0 ? rc : take_text(proxy, sink);
}

/* Taken whole and sent; whether the module wanted what it was given is a line in the log. */
static int32_t proxy_load(void *inst, uint32_t schema, const baton_source *source)
{
	enum { PIECE = 64 * 1024 };
	struct baton_proxy *proxy = inst;
	struct baton_buf *out = &proxy->out;
	int rc = baton_proxy_ready(proxy);
	if (rc < 0)
		return rc;
	struct baton_buf state = { 0 };
	int64_t n;
	do {
		n = source->read(source->ud, baton_buf_room(&state, PIECE), PIECE);
		state.n += n > 0 ? (size_t)n : 0;
	} while (n > 0 && state.n < BATON_FRAME_HUGE);
	if (n == 0) {
		size_t at = baton_frame_begin(out, BATON_FRAME_STATE_LOAD, 0);
		baton_put_u32(out, schema);
		baton_put_str(out, baton_buf_view(&state));
		rc = baton_frame_end(out, at) ? BATON_OK : BATON_E_LIMIT;
		baton_proxy_push(proxy);
	} else {
		rc = n < 0 ? BATON_E_IO : BATON_E_LIMIT;
	}
	baton_buf_done(&state);
	return rc;
}

/* --- calls ------------------------------------------------------------------------------- */

static int32_t proxy_start(void *inst, baton_call handle, const baton_prompt *prompt)
{
	struct baton_proxy *proxy = inst;
	size_t at;
	int rc = call_begin(proxy, handle, BATON_FRAME_START, &at);
	if (rc < 0)
		return rc;
	baton_pod_put_prompt(&proxy->out, prompt);
	return call_end(proxy, handle, at, BATON_OK);
}

/* Held words go on; those that the host takes give their credit back. */
static void proxy_resume(void *inst, baton_call handle)
{
	struct baton_proxy *proxy = inst;
	struct baton_proxy_call *call = call_find(proxy, handle);
	if (call && proxy->fd >= 0) {
		baton_proxy_release(proxy, call);
		baton_proxy_push(proxy);
	}
}

static int32_t proxy_classify(void *inst, baton_call handle, const baton_turn *turn,
			      baton_intents *out)
{
	struct baton_proxy *proxy = inst;
	size_t at;
	int rc = call_begin(proxy, handle, BATON_FRAME_CLASSIFY, &at);
	(void)out;
	if (rc < 0)
		return rc;
	baton_pod_put_turn(&proxy->out, turn);
	return call_end(proxy, handle, at, BATON_PENDING);
}

static int32_t proxy_search(void *inst, baton_call handle, const baton_query *query)
{
	struct baton_proxy *proxy = inst;
	size_t at;
	int rc = call_begin(proxy, handle, BATON_FRAME_SEARCH, &at);
	if (rc < 0)
		return rc;
	baton_pod_put_query(&proxy->out, query);
	return call_end(proxy, handle, at, BATON_PENDING);
}

static int32_t proxy_invoke(void *inst, baton_call handle, const baton_tool_req *req)
{
	struct baton_proxy *proxy = inst;
	size_t at;
	int rc = call_begin(proxy, handle, BATON_FRAME_INVOKE, &at);
	if (rc < 0)
		return rc;
	baton_pod_put_tool(&proxy->out, req);
	return call_end(proxy, handle, at, BATON_OK);
}

static int32_t proxy_append(void *inst, baton_call handle, const baton_entry *entries, uint32_t n)
{
	struct baton_proxy *proxy = inst;
	size_t at;
	int rc = n <= BATON_POD_ENTRIES_MAX ? call_begin(proxy, handle, BATON_FRAME_APPEND, &at)
					    : BATON_E_LIMIT;
	if (rc < 0)
		return rc;
	baton_pod_put_entries(&proxy->out, entries, n);
	return call_end(proxy, handle, at, BATON_PENDING);
}

static int32_t proxy_read(void *inst, baton_call handle, baton_str session_id, uint64_t from_seq,
			  uint32_t max)
{
	struct baton_proxy *proxy = inst;
	size_t at;
	int rc = call_begin(proxy, handle, BATON_FRAME_READ, &at);
	if (rc < 0)
		return rc;
	baton_put_str(&proxy->out, session_id);
	baton_put_u64(&proxy->out, from_seq);
	baton_put_u32(&proxy->out, max);
	return call_end(proxy, handle, at, BATON_PENDING);
}

static int32_t proxy_erase(void *inst, baton_call handle, baton_str customer_ref)
{
	struct baton_proxy *proxy = inst;
	size_t at;
	int rc = call_begin(proxy, handle, BATON_FRAME_ERASE, &at);
	if (rc < 0)
		return rc;
	baton_put_str(&proxy->out, customer_ref);
	return call_end(proxy, handle, at, BATON_PENDING);
}

void baton_proxy_fill_tables(struct baton_child *child)
{
	child->provider = (baton_provider){ .size = sizeof(child->provider),
					    .models = proxy_models,
					    .estimate = proxy_estimate,
					    .start = proxy_start,
					    .cancel = proxy_cancel,
					    .resume = proxy_resume };
	child->classifier = (baton_classifier){ .size = sizeof(child->classifier),
						.labels = proxy_labels,
						.classify = proxy_classify,
						.cancel = proxy_cancel };
	child->rule = (baton_rule){ .size = sizeof(child->rule),
				    .describe = proxy_describe,
				    .evaluate = proxy_evaluate };
	child->transcript = (baton_transcript){ .size = sizeof(child->transcript),
						.append = proxy_append,
						.read = proxy_read,
						.erase = proxy_erase,
						.cancel = proxy_cancel };
	child->retriever = (baton_retriever){ .size = sizeof(child->retriever),
					      .search = proxy_search,
					      .cancel = proxy_cancel };
	child->tool = (baton_tool){ .size = sizeof(child->tool),
				    .describe = proxy_tools,
				    .invoke = proxy_invoke,
				    .cancel = proxy_cancel };
	child->guard = (baton_guard){ .size = sizeof(child->guard),
				      .describe = proxy_finds,
				      .inspect = proxy_inspect };
	child->warm = (baton_state){ .size = sizeof(child->warm),
				     .save = proxy_save,
				     .load = proxy_load };
}
