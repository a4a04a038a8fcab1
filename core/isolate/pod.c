/* SPDX-License-Identifier: Apache-2.0 */

/* A row of `pods` says where a struct has its strings; the rest is one pair of functions.
 * Surprising: a pointer of one process never travels, not even as a number, for it would tell
 * the child where the server's memory lies. What is left of it is whether it was NULL. */
#include "core/isolate/pod.h"

enum { STRS_MAX = 13 };

struct pod {
	size_t size, n;
	size_t at[STRS_MAX]; /* offsets of baton_str */
};

#define AT(type, field) offsetof(type, field)
static const struct pod pod_msg = { sizeof(baton_msg),
				    4,
				    { AT(baton_msg, text), AT(baton_msg, name),
				      AT(baton_msg, tool_call_id), AT(baton_msg, parts_json) } };
static const struct pod pod_turn = { sizeof(baton_turn),
				     7,
				     { AT(baton_turn, session_id), AT(baton_turn, turn_id),
				       AT(baton_turn, channel), AT(baton_turn, locale),
				       AT(baton_turn, customer_ref), AT(baton_turn, customer_tier),
				       AT(baton_turn, intent) } };
static const struct pod pod_doc = { sizeof(baton_doc),
				    5,
				    { AT(baton_doc, id), AT(baton_doc, title), AT(baton_doc, uri),
				      AT(baton_doc, snippet), AT(baton_doc, version) } };
static const struct pod pod_prompt = { sizeof(baton_prompt),
				       5,
				       { AT(baton_prompt, model), AT(baton_prompt, idempotency_key),
					 AT(baton_prompt, response_schema),
					 AT(baton_prompt, tools_json),
					 AT(baton_prompt, prefill) } };
static const struct pod pod_query = { sizeof(baton_query),
				      2,
				      { AT(baton_query, text), AT(baton_query, filter_json) } };
static const struct pod pod_facts = {
	sizeof(baton_facts),
	13,
	{ AT(baton_facts, session_id), AT(baton_facts, intent), AT(baton_facts, customer_tier),
	  AT(baton_facts, channel), AT(baton_facts, locale), AT(baton_facts, last_fail_provider),
	  AT(baton_facts, tags_json), AT(baton_facts, primary_state), AT(baton_facts, mode),
	  AT(baton_facts, class_name), AT(baton_facts, language), AT(baton_facts, guard_rule),
	  AT(baton_facts, tool_no) }
};
static const struct pod pod_entry = { sizeof(baton_entry),
				      3,
				      { AT(baton_entry, session_id), AT(baton_entry, type),
					AT(baton_entry, json) } };
static const struct pod pod_intent = {
	sizeof(baton_intent), 2, { AT(baton_intent, name), AT(baton_intent, entities_json) }
};
static const struct pod pod_intents = { sizeof(baton_intents), 1, { AT(baton_intents, language) } };
static const struct pod pod_error = { sizeof(baton_error),
				      2,
				      { AT(baton_error, code), AT(baton_error, message) } };
static const struct pod pod_tool = { sizeof(baton_tool_req),
				     3,
				     { AT(baton_tool_req, name), AT(baton_tool_req, args_json),
				       AT(baton_tool_req, idempotency_key) } };
static const struct pod pod_result = {
	sizeof(baton_tool_result), 2, { AT(baton_tool_result, json), AT(baton_tool_result, code) }
};
static const struct pod pod_inspection = { sizeof(baton_inspection),
					   1,
					   { AT(baton_inspection, text) } };
static const struct pod pod_hit = {
	sizeof(baton_hit), 3, { AT(baton_hit, type), AT(baton_hit, rule), AT(baton_hit, text) }
};
static const struct pod pod_request = { sizeof(baton_http_req),
					3,
					{ AT(baton_http_req, method), AT(baton_http_req, url),
					  AT(baton_http_req, body) } };

/* --- the pair ---------------------------------------------------------------------------- */

/* `copy` is the struct, its other pointers blanked by the caller. */
static void put(struct baton_buf *out, const struct pod *pod, void *copy)
{
	baton_str strs[STRS_MAX];
	for (size_t i = 0; i < pod->n; i++) {
		memcpy(&strs[i], (char *)copy + pod->at[i], sizeof(strs[i]));
		uintptr_t mark = strs[i].p != NULL;
		struct {
			uintptr_t p;
			size_t n;
		} blank = { mark, strs[i].n };
		_Static_assert(sizeof(blank) == sizeof(baton_str), "it takes the string's place");
		memcpy((char *)copy + pod->at[i], &blank, sizeof(blank));
	}
	baton_buf_add(out, copy, pod->size);
	for (size_t i = 0; i < pod->n; i++)
		baton_buf_add(out, strs[i].p, strs[i].p ? strs[i].n : 0);
}

/* NULL with a length comes out as it went in: the rack has words for that sin. */
static void get(struct baton_reader *in, const struct pod *pod, void *ret)
{
	const void *from = baton_get_bytes(in, pod->size);
	if (!from) {
		memset(ret, 0, pod->size);
		return;
	}
	memcpy(ret, from, pod->size);
	for (size_t i = 0; i < pod->n; i++) {
		baton_str s;
		memcpy(&s, (char *)ret + pod->at[i], sizeof(s));
		if (s.p && s.n > 0) /* what was not there is told by `bad` */
			s.p = baton_get_bytes(in, s.n);
		else if (s.p)
			s.p = "";
		if (in->bad)
			s = BATON_STR_NONE;
		memcpy((char *)ret + pod->at[i], &s, sizeof(s));
	}
}

/* An array's length; each element has at least `size` bytes, so that a lie about the number
 * asks for no more memory than the frame itself. */
static uint32_t get_count(struct baton_reader *in, size_t size, uint32_t max)
{
	uint32_t n = baton_get_u32(in);
	if (n > max || (uint64_t)n * size > in->n) {
		in->bad = true;
		return 0;
	}
	return in->bad ? 0 : n;
}

/* --- lists ------------------------------------------------------------------------------- */

void baton_pod_put_docs(struct baton_buf *out, const baton_doc *docs, uint32_t n)
{
	baton_put_u32(out, n);
	for (uint32_t i = 0; i < n; i++) {
		baton_doc copy = docs[i];
		put(out, &pod_doc, &copy);
	}
}

baton_doc *baton_pod_get_docs(struct baton_reader *in, struct baton_arena *arena, uint32_t *ret_n)
{
	uint32_t n = get_count(in, sizeof(baton_doc), UINT32_MAX);
	baton_doc *docs = baton_arena_alloc(arena, n * sizeof(*docs));
	for (uint32_t i = 0; i < n; i++)
		get(in, &pod_doc, &docs[i]);
	*ret_n = n;
	return docs;
}

void baton_pod_put_entries(struct baton_buf *out, const baton_entry *entries, uint32_t n)
{
	baton_put_u32(out, n);
	for (uint32_t i = 0; i < n; i++) {
		baton_entry copy = entries[i];
		put(out, &pod_entry, &copy);
	}
}

baton_entry *baton_pod_get_entries(struct baton_reader *in, struct baton_arena *arena,
				   uint32_t *ret_n)
{
	uint32_t n = get_count(in, sizeof(baton_entry), BATON_POD_ENTRIES_MAX);
	baton_entry *entries = baton_arena_alloc(arena, n * sizeof(*entries));
	for (uint32_t i = 0; i < n; i++)
		get(in, &pod_entry, &entries[i]);
	*ret_n = n;
	return entries;
}

void baton_pod_put_strs(struct baton_buf *out, const baton_str *strs, uint32_t n)
{
	baton_put_u32(out, n);
	for (uint32_t i = 0; i < n; i++)
		baton_put_str(out, strs[i]);
}

baton_str *baton_pod_get_strs(struct baton_reader *in, struct baton_arena *arena, uint32_t max,
			      uint32_t *ret_n)
{
	uint32_t n = get_count(in, sizeof(uint32_t), max);
	baton_str *strs = baton_arena_alloc(arena, n * sizeof(*strs));
	for (uint32_t i = 0; i < n; i++)
		strs[i] = baton_get_str(in);
	*ret_n = n;
	return strs;
}

/* --- turns, prompts, queries ------------------------------------------------------------- */

void baton_pod_put_turn(struct baton_buf *out, const baton_turn *turn)
{
	baton_turn copy = *turn;
	copy.msgs = NULL;
	copy.size = sizeof(copy);
	put(out, &pod_turn, &copy);
	baton_put_u32(out, turn->n_msgs);
	for (uint32_t i = 0; i < turn->n_msgs; i++) {
		baton_msg msg = turn->msgs[i];
		put(out, &pod_msg, &msg);
	}
}

void baton_pod_get_turn(struct baton_reader *in, struct baton_arena *arena, baton_turn *ret)
{
	get(in, &pod_turn, ret);
	ret->n_msgs = get_count(in, sizeof(baton_msg), BATON_POD_MSGS_MAX);
	baton_msg *msgs = baton_arena_alloc(arena, ret->n_msgs * sizeof(*msgs));
	for (uint32_t i = 0; i < ret->n_msgs; i++)
		get(in, &pod_msg, &msgs[i]);
	ret->msgs = msgs;
}

static void put_turn_or_none(struct baton_buf *out, const baton_turn *turn)
{
	baton_put_u32(out, turn != NULL);
	if (turn)
		baton_pod_put_turn(out, turn);
}

static const baton_turn *get_turn_or_none(struct baton_reader *in, struct baton_arena *arena)
{
	if (baton_get_u32(in) == 0)
		return NULL;
	baton_turn *turn = baton_arena_alloc(arena, sizeof(*turn));
	baton_pod_get_turn(in, arena, turn);
	return turn;
}

void baton_pod_put_prompt(struct baton_buf *out, const baton_prompt *prompt)
{
	baton_prompt copy = *prompt;
	copy.turn = NULL;
	copy.docs = NULL;
	copy.size = sizeof(copy);
	put(out, &pod_prompt, &copy);
	put_turn_or_none(out, prompt->turn);
	baton_pod_put_docs(out, prompt->docs, prompt->n_docs);
}

void baton_pod_get_prompt(struct baton_reader *in, struct baton_arena *arena, baton_prompt *ret)
{
	get(in, &pod_prompt, ret);
	ret->turn = get_turn_or_none(in, arena);
	ret->docs = baton_pod_get_docs(in, arena, &ret->n_docs);
}

void baton_pod_put_query(struct baton_buf *out, const baton_query *query)
{
	baton_query copy = *query;
	copy.turn = NULL;
	copy.size = sizeof(copy);
	put(out, &pod_query, &copy);
	put_turn_or_none(out, query->turn);
}

void baton_pod_get_query(struct baton_reader *in, struct baton_arena *arena, baton_query *ret)
{
	get(in, &pod_query, ret);
	ret->turn = get_turn_or_none(in, arena);
}

/* --- facts and verdicts ------------------------------------------------------------------ */

void baton_pod_put_facts(struct baton_buf *out, const baton_facts *facts)
{
	baton_facts copy = *facts;
	copy.size = sizeof(copy);
	put(out, &pod_facts, &copy);
}

void baton_pod_get_facts(struct baton_reader *in, baton_facts *ret)
{
	get(in, &pod_facts, ret);
}

void baton_pod_put_verdict(struct baton_buf *out, const baton_verdict *verdict)
{
	const char *texts[] = { verdict->rule, verdict->reason, verdict->queue,
				verdict->resume_when };
	baton_put_u32(out, verdict->action);
	baton_put_u32(out, verdict->priority);
	baton_put_u32(out, verdict->flags);
	baton_put_u32(out, verdict->cooldown_ms);
	for (size_t i = 0; i < 4; i++) {
		baton_put_u32(out, texts[i] != NULL);
		if (texts[i])
			baton_put_str(out, baton_str_of(texts[i]));
	}
}

static const char *get_text(struct baton_reader *in, struct baton_arena *arena)
{
	if (baton_get_u32(in) == 0)
		return NULL;
	baton_str s = baton_get_str(in);
	return baton_arena_dup(arena, s.p, s.n);
}

void baton_pod_get_verdict(struct baton_reader *in, struct baton_arena *arena, baton_verdict *ret)
{
	*ret = (baton_verdict){ .size = sizeof(*ret) };
	ret->action = baton_get_u32(in);
	ret->priority = baton_get_u32(in);
	ret->flags = baton_get_u32(in);
	ret->cooldown_ms = baton_get_u32(in);
	ret->rule = get_text(in, arena);
	ret->reason = get_text(in, arena);
	ret->queue = get_text(in, arena);
	ret->resume_when = get_text(in, arena);
}

/* --- tools and guards --------------------------------------------------------------------- */

void baton_pod_put_tool(struct baton_buf *out, const baton_tool_req *req)
{
	baton_tool_req copy = *req;
	copy.turn = NULL;
	copy.size = sizeof(copy);
	put(out, &pod_tool, &copy);
	put_turn_or_none(out, req->turn);
}

void baton_pod_get_tool(struct baton_reader *in, struct baton_arena *arena, baton_tool_req *ret)
{
	get(in, &pod_tool, ret);
	ret->turn = get_turn_or_none(in, arena);
}

void baton_pod_put_result(struct baton_buf *out, const baton_tool_result *result)
{
	baton_tool_result copy = *result;
	copy.size = sizeof(copy);
	put(out, &pod_result, &copy);
}

void baton_pod_get_result(struct baton_reader *in, baton_tool_result *ret)
{
	get(in, &pod_result, ret);
	ret->size = sizeof(*ret);
}

void baton_pod_put_inspection(struct baton_buf *out, const baton_inspection *what)
{
	baton_inspection copy = *what;
	copy.turn = NULL;
	copy.size = sizeof(copy);
	put(out, &pod_inspection, &copy);
	put_turn_or_none(out, what->turn);
}

void baton_pod_get_inspection(struct baton_reader *in, struct baton_arena *arena,
			      baton_inspection *ret)
{
	get(in, &pod_inspection, ret);
	ret->turn = get_turn_or_none(in, arena);
}

void baton_pod_put_hits(struct baton_buf *out, const baton_hits *hits, const baton_hit *v,
			uint32_t cap)
{
	bool is_ours = hits->v == v && hits->cap == cap;
	bool fits = is_ours && hits->n <= cap;
	baton_put_u32(out, is_ours);
	baton_put_u32(out, hits->n);
	baton_put_u32(out, hits->safe);
	for (uint32_t i = 0; fits && i < hits->n; i++) {
		baton_hit copy = v[i];
		put(out, &pod_hit, &copy);
	}
}

/* The rack looks at the same two sins, and has words for them. */
void baton_pod_get_hits(struct baton_reader *in, baton_hits *ret)
{
	bool is_ours = baton_get_u32(in) != 0;
	ret->n = baton_get_u32(in);
	ret->safe = baton_get_u32(in);
	bool fits = is_ours && ret->n <= ret->cap;
	for (uint32_t i = 0; fits && i < ret->n; i++)
		get(in, &pod_hit, &ret->v[i]);
	if (!is_ours)
		ret->v = NULL;
}

/* --- what modules answer ----------------------------------------------------------------- */

void baton_pod_put_intents(struct baton_buf *out, const baton_intents *intents)
{
	baton_intents copy = *intents;
	copy.v = NULL;
	copy.size = sizeof(copy);
	put(out, &pod_intents, &copy);
	baton_put_u32(out, intents->v ? intents->n : 0);
	for (uint32_t i = 0; intents->v && i < intents->n; i++) {
		baton_intent intent = intents->v[i];
		put(out, &pod_intent, &intent);
	}
}

/* The count of the struct is the module's claim and the other the truth; the rack refuses a claim
 * without intents. */
void baton_pod_get_intents(struct baton_reader *in, struct baton_arena *arena, baton_intents *ret)
{
	get(in, &pod_intents, ret);
	ret->size = sizeof(*ret);
	uint32_t n = get_count(in, sizeof(baton_intent), UINT32_MAX);
	ret->v = n ? baton_arena_alloc(arena, n * sizeof(*ret->v)) : NULL;
	for (uint32_t i = 0; i < n; i++)
		get(in, &pod_intent, &ret->v[i]);
	if (n != 0 && n != ret->n)
		in->bad = true;
	ret->cap = n;
}

void baton_pod_put_error(struct baton_buf *out, const baton_error *error)
{
	baton_error copy = *error;
	put(out, &pod_error, &copy);
}

void baton_pod_get_error(struct baton_reader *in, baton_error *ret)
{
	get(in, &pod_error, ret);
	ret->size = sizeof(*ret);
}

void baton_pod_put_request(struct baton_buf *out, const baton_http_req *req)
{
	baton_http_req copy = *req;
	copy.headers = NULL;
	copy.size = sizeof(copy);
	put(out, &pod_request, &copy);
	baton_pod_put_strs(out, req->headers, req->n_headers);
}

void baton_pod_get_request(struct baton_reader *in, struct baton_arena *arena, baton_http_req *ret)
{
	get(in, &pod_request, ret);
	ret->size = sizeof(*ret);
	ret->headers = baton_pod_get_strs(in, arena, BATON_POD_HEADERS_MAX, &ret->n_headers);
}
