/* SPDX-License-Identifier: Apache-2.0 */

/* How an answer is heard. An answer is complete when it says so (finish_reason or [DONE]), never
 * because it stopped; then usage may follow, and is waited for a moment. What the body says decides
 * what a failure means, wherever it stands: in the status, in the stream, or instead of it.
 *
 * Functions that may close the answer return whether it is still there: false means that `answer`
 * has been freed and must not be touched.
 */
#include "answer.h"

#include "ask.h"
#include "chunk.h"
#include "failure.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum {
	ERROR_BODY_MAX = 16 * 1024,
	ANSWER_BODY_MAX = 1024 * 1024,
	HELD_MAX = 128 * 1024,
	TOOLS_MAX = 16,
	TOOL_ARGS_MAX = 64 * 1024,
	BAD_CHUNKS_MAX = 3,   /* in a row: then it is not a slip but another language */
	USAGE_WAIT_MS = 2000, /* after the finish mark, for usage and [DONE] */
	DRAIN_WAIT_MS =
		1000, /* after the end, for the last bytes: the connection can then be kept */
	BYTES_PER_TOKEN = 4,
};

struct tool {
	struct text id, name, args;
};

struct answer {
	struct provider *provider;
	struct answer *prev, *next;
	baton_call call;
	baton_http http;   /* 0: ended or never begun */
	baton_timer timer; /* waits for usage, later for the last bytes */
	bool check;

	bool head, sse, told; /* told: the call has ended, what still comes is read over */
	uint32_t status, retry_after_ms;
	struct text body; /* of an error or of an answer that is no stream */

	struct chunk chunk;
	unsigned bad, events;
	char finish[32];
	bool over, refusal, has_usage; /* over: nothing more will come */
	baton_usage usage;

	struct text held; /* text that the host had no room for */
	uint64_t asked_bytes, text_bytes;
	struct tool tools[TOOLS_MAX];
	unsigned n_tools, tools_told;
};

/* --- life --- */

static struct answer *answer_new(struct provider *provider, baton_call call)
{
	struct answer *answer = calloc(1, sizeof(*answer));
	if (!answer)
		return NULL;
	answer->provider = provider;
	answer->call = call;
	answer->next = provider->answers;
	if (answer->next)
		answer->next->prev = answer;
	provider->answers = answer;
	return answer;
}

static void answer_close(struct answer *answer)
{
	struct provider *provider = answer->provider;

	if (answer->http)
		provider->host->http_stop(provider->ctx, answer->http);
	if (answer->timer)
		provider->host->timer_stop(provider->ctx, answer->timer);
	if (answer->next)
		answer->next->prev = answer->prev;
	if (answer->prev)
		answer->prev->next = answer->next;
	else
		provider->answers = answer->next;
	chunk_done(&answer->chunk);
	text_done(&answer->body);
	text_done(&answer->held);
	for (unsigned i = 0; i < answer->n_tools; i++) {
		text_done(&answer->tools[i].id);
		text_done(&answer->tools[i].name);
		text_done(&answer->tools[i].args);
	}
	free(answer);
}

void answer_close_all(struct provider *provider)
{
	while (provider->answers)
		answer_close(provider->answers);
}

void answer_close_ended(struct provider *provider)
{
	struct answer *answer = provider->answers;
	while (answer) {
		struct answer *next = answer->next;
		if (answer->told)
			answer_close(answer);
		answer = next;
	}
}

/* --- the two ends --- */

static void usage_tell(struct answer *answer)
{
	const struct provider *provider = answer->provider;
	baton_usage usage = answer->usage;

	usage.size = sizeof(usage);
	if (!answer->has_usage) {
		usage.flags = BATON_USAGE_ESTIMATED;
		usage.in_tokens = answer->asked_bytes / BYTES_PER_TOKEN;
		usage.out_tokens = (answer->text_bytes + BYTES_PER_TOKEN - 1) / BYTES_PER_TOKEN;
	}
	provider->host->usage(provider->ctx, answer->call, &usage);
}

static bool answer_fail(struct answer *answer, const struct failure *failure)
{
	const struct provider *provider = answer->provider;
	baton_error error = {
		.size = sizeof(error),
		.fail = failure->fail,
		.http_status = answer->status,
		.retry_after_ms = answer->retry_after_ms,
		.code = str_z(failure->code),
		.message = str_z(failure->message),
	};

	/* The provider bills what it has sent; who has cancelled wants to hear the end alone. */
	if (answer->text_bytes && failure->fail != BATON_FAIL_CANCELLED)
		usage_tell(answer);
	provider->host->call_set(provider->ctx, answer->call, NULL);
	provider->host->fail(provider->ctx, answer->call, &error);
	answer_close(answer);
	return false;
}

static bool answer_fail_as(struct answer *answer, uint32_t fail, const char *code,
			   const char *message)
{
	struct failure failure = { 0 };
	failure_set(&failure, fail, code, message);
	return answer_fail(answer, &failure);
}

static bool answer_fail_protocol(struct answer *answer, const char *message)
{
	return answer_fail_as(answer, BATON_FAIL_BAD_OUTPUT, "protocol", message);
}

static void on_drained(void *user)
{
	struct answer *answer = user;
	answer->timer = 0;
	answer_close(answer);
}

static bool answer_end(struct answer *answer, uint32_t reason)
{
	const struct provider *provider = answer->provider;

	if (!answer->check)
		usage_tell(answer);
	answer->told = true;
	provider->host->call_set(provider->ctx, answer->call, NULL);
	provider->host->end(provider->ctx, answer->call, reason);
	if (answer->timer)
		provider->host->timer_stop(provider->ctx, answer->timer);
	answer->timer = 0;
	if (!answer->http || provider->host->timer(provider->ctx, DRAIN_WAIT_MS, on_drained, answer,
						   &answer->timer) != BATON_OK) {
		answer_close(answer);
		return false;
	}
	return true;
}

/* --- saying --- */

static bool text_say(struct answer *answer, baton_str text)
{
	const struct provider *provider = answer->provider;
	if (text.n == 0)
		return true;

	answer->text_bytes += text.n;
	int32_t rc = BATON_E_AGAIN;
	if (answer->held.n == 0)
		rc = provider->host->delta(provider->ctx, answer->call, BATON_DELTA_TEXT, text);
	if (rc == BATON_OK)
		return true;
	if (rc == BATON_E_STALE) { /* ended from outside: nobody is to be told */
		answer_close(answer);
		return false;
	}
	if (rc != BATON_E_AGAIN || answer->held.n + text.n > HELD_MAX)
		return answer_fail_protocol(answer, "more text than an answer may have");
	text_add(&answer->held, text.p, text.n);
	if (answer->http)
		provider->host->http_pause(provider->ctx, answer->http, 1);
	return true;
}

static bool tool_say(struct answer *answer, struct tool *tool)
{
	const struct provider *provider = answer->provider;
	struct text json = { 0 };

	text_z(&json, "{\"id\":");
	text_json(&json, text_view(&tool->id));
	text_z(&json, ",\"name\":");
	text_json(&json, text_view(&tool->name));
	text_z(&json, ",\"arguments\":");
	text_json(&json, text_view(&tool->args));
	text_z(&json, "}");
	int32_t rc = json.failed ? BATON_E_NOMEM
				 : provider->host->delta(provider->ctx, answer->call,
							 BATON_DELTA_TOOL_CALL, text_view(&json));
	text_done(&json);
	return rc != BATON_E_AGAIN;
}

/* --- the end of an answer --- */

static bool answer_conclude(struct answer *answer)
{
	bool filtered = strcmp(answer->finish, "content_filter") == 0;

	if (answer->chunk.half)
		return answer_fail_protocol(answer, "ends in half a character");
	for (; answer->tools_told < answer->n_tools; answer->tools_told++)
		if (!tool_say(answer, &answer->tools[answer->tools_told]))
			return true; /* goes on with resume() */
	if (!answer->text_bytes && (filtered || answer->refusal))
		return answer_fail_as(answer, BATON_FAIL_REFUSED, "refused", "content filter");
	if (!answer->text_bytes && !answer->n_tools)
		return answer_fail_as(answer, BATON_FAIL_BAD_OUTPUT, "empty",
				      "a finished answer without text");
	if (filtered)
		return answer_end(answer, BATON_END_FILTERED);
	if (strcmp(answer->finish, "length") == 0)
		return answer_end(answer, BATON_END_LENGTH);
	if (answer->n_tools)
		return answer_end(answer, BATON_END_TOOL_CALLS);
	return answer_end(answer, BATON_END_STOP);
}

static void on_usage_late(void *user)
{
	struct answer *answer = user;
	answer->timer = 0;
	answer->over = true;
	if (!answer->held.n)
		answer_conclude(answer);
}

/* Called whenever something has changed: is it complete, and all of it said? */
static bool answer_settle(struct answer *answer)
{
	const struct provider *provider = answer->provider;

	if (answer->held.n || !(answer->finish[0] || answer->over))
		return true;
	if (answer->over || answer->has_usage || !provider->config.include_usage)
		return answer_conclude(answer);
	if (!answer->timer && provider->host->timer(provider->ctx, USAGE_WAIT_MS, on_usage_late,
						    answer, &answer->timer) != BATON_OK)
		return answer_conclude(answer);
	return true;
}

/* --- chunks --- */

static void tool_add(struct answer *answer, const json_t *call, size_t at)
{
	const json_t *index = json_object_get(call, "index");
	const json_t *function = json_object_get(call, "function");
	const char *id = json_string_value(json_object_get(call, "id"));
	const char *name = json_string_value(json_object_get(function, "name"));
	const json_t *args = json_object_get(function, "arguments");

	json_int_t i = index ? json_integer_value(index) : (json_int_t)at;
	if (i < 0 || i >= TOOLS_MAX)
		return;
	if (answer->n_tools <= (unsigned)i)
		answer->n_tools = (unsigned)i + 1;
	struct tool *tool = &answer->tools[i];
	if (id && !tool->id.n)
		text_z(&tool->id, id);
	if (name && !tool->name.n)
		text_z(&tool->name, name);
	if (json_is_string(args) && tool->args.n + json_string_length(args) <= TOOL_ARGS_MAX)
		text_add(&tool->args, json_string_value(args), json_string_length(args));
}

static bool chunk_take(struct answer *answer)
{
	const struct provider *provider = answer->provider;
	struct chunk *chunk = &answer->chunk;
	json_t *call;
	size_t i;

	if (chunk->reasoning.n) /* a courtesy: without room for it, it is dropped */
		provider->host->delta(provider->ctx, answer->call, BATON_DELTA_REASONING,
				      text_view(&chunk->reasoning));
	json_array_foreach(chunk->tool_calls_borrowed, i, call)
		tool_add(answer, call, i);
	answer->refusal = answer->refusal || chunk->refusal;
	if (chunk->finish[0])
		memcpy(answer->finish, chunk->finish, sizeof(answer->finish));
	if (chunk->has_usage) {
		answer->has_usage = true;
		answer->usage.in_tokens = chunk->in_tokens;
		answer->usage.cached_tokens = chunk->cached_tokens;
		answer->usage.out_tokens = chunk->out_tokens;
	}
	return text_say(answer, text_view(&chunk->content)) && answer_settle(answer);
}

static bool inband_fail(struct answer *answer, baton_str body)
{
	struct failure failure = { 0 };
	failure_from_body(&failure, answer->status, body);
	return answer_fail(answer, &failure);
}

static bool json_take(struct answer *answer, baton_str data)
{
	switch (chunk_read(&answer->chunk, data)) {
	case CHUNK_GOOD:
		answer->bad = 0;
		return chunk_take(answer);
	case CHUNK_ERROR:
		return inband_fail(answer, data);
	case CHUNK_BROKEN:
		return answer_fail_protocol(answer, "text that is not UTF-8");
	case CHUNK_NOT_JSON:
		break;
	}
	if (++answer->bad >= BAD_CHUNKS_MAX || !answer->sse)
		return answer_fail_protocol(answer, "not JSON");
	return true;
}

static bool event_take(struct answer *answer, baton_str event, baton_str data)
{
	while (data.n && (data.p[data.n - 1] == ' ' || data.p[data.n - 1] == '\t'))
		data.n--;
	if (event.n == 5 && memcmp(event.p, "error", 5) == 0)
		return inband_fail(answer, data);
	if (data.n == 6 && memcmp(data.p, "[DONE]", 6) == 0) {
		answer->over = true;
		return answer_settle(answer);
	}
	answer->events++;
	return json_take(answer, data);
}

/* --- what the host's HTTP client calls --- */

static bool type_is(baton_str header, const char *type)
{
	static const char name[] = "content-type:";
	size_t n = sizeof(name) - 1, len = strlen(type);
	if (header.n < n || strncasecmp(header.p, name, n) != 0)
		return false;
	while (n < header.n && header.p[n] == ' ')
		n++;
	return header.n - n >= len && strncasecmp(header.p + n, type, len) == 0;
}

static void on_head(void *user, baton_http h, uint32_t status, const baton_str *headers, uint32_t n)
{
	struct answer *answer = user;
	const struct provider *provider = answer->provider;
	bool json = false;
	(void)h;

	answer->head = true;
	answer->status = status;
	answer->retry_after_ms =
		failure_retry_after(headers, n, provider->host->unix_ms(provider->ctx));
	for (uint32_t i = 0; i < n; i++) {
		answer->sse = answer->sse || type_is(headers[i], "text/event-stream");
		json = json || type_is(headers[i], "application/json");
	}
	if (status == 200 && !answer->sse && !json)
		answer_fail_protocol(answer, "the answer is neither a stream of events nor JSON");
}

static void on_data(void *user, baton_http h, baton_str event, baton_str data)
{
	struct answer *answer = user;
	(void)h;

	if (answer->told)
		return;
	if (answer->status == 200 && answer->sse && event.n) {
		event_take(answer, event, data);
		return;
	}
	size_t max = answer->status == 200 ? ANSWER_BODY_MAX : ERROR_BODY_MAX;
	size_t room = max - answer->body.n;
	text_add(&answer->body, data.p, data.n < room ? data.n : room);
}

static bool check_conclude(struct answer *answer)
{
	if (answer->status == 200)
		return answer_end(answer, BATON_END_STOP);
	return inband_fail(answer, text_view(&answer->body));
}

/* The body has ended as it should: was that an answer? */
static bool answer_finish(struct answer *answer)
{
	if (answer->check)
		return check_conclude(answer);
	if (answer->status != 200)
		return inband_fail(answer, text_view(&answer->body));
	if (!answer->sse) {
		answer->over = true;
		return json_take(answer, text_view(&answer->body));
	}
	if (answer->finish[0] || answer->over) {
		answer->over = true;
		return answer_settle(answer);
	}
	if (!answer->events)
		return answer_fail_protocol(answer, "a stream without events");
	return answer_fail_as(answer, BATON_FAIL_BAD_OUTPUT, "truncated",
			      "the stream ended without a finish mark");
}

static void on_end(void *user, baton_http h, const baton_error *error)
{
	struct answer *answer = user;
	struct failure failure = { 0 };
	(void)h;

	answer->http = 0;
	if (answer->told) {
		answer_close(answer);
		return;
	}
	bool complete = answer->sse && (answer->finish[0] || answer->over);
	bool refused = answer->head && answer->status != 200; /* the status says why, cut or not */
	if (!error || complete || refused) {
		answer_finish(answer);
		return;
	}
	failure_from_http(&failure, error, answer->head);
	answer_fail(answer, &failure);
}

static const baton_http_cb http_cb = {
	.size = sizeof(http_cb),
	.on_head = on_head,
	.on_data = on_data,
	.on_end = on_end,
};

/* --- asking --- */

static uint32_t total_ms(const struct provider *provider, const baton_turn *turn)
{
	uint32_t ms = provider->config.total_ms;
	uint64_t now = provider->host->now_ns(provider->ctx);

	if (!turn->deadline_ns)
		return ms;
	uint64_t left = turn->deadline_ns > now ? (turn->deadline_ns - now) / 1000000 + 1 : 1;
	return !ms || left < ms ? (uint32_t)(left < UINT32_MAX ? left : UINT32_MAX) : ms;
}

static uint32_t headers_fill(const struct provider *provider, const char *key, baton_str *headers)
{
	uint32_t n = 0;
	for (; n < provider->config.n_headers; n++)
		headers[n] = str_z(provider->config.headers[n]);
	if (key)
		headers[n++] = str_z(key);
	return n;
}

static int32_t answer_ask(struct answer *answer, baton_http_req *req, const char *key)
{
	struct provider *provider = answer->provider;
	baton_str headers[HEADERS_MAX + 1];

	req->size = sizeof(*req);
	req->flags = BATON_HTTP_SSE;
	req->headers = headers;
	req->n_headers = headers_fill(provider, key, headers);
	req->connect_ms = provider->config.connect_ms;
	req->first_byte_ms = provider->config.first_byte_ms;
	req->idle_ms = provider->config.idle_ms;
	int32_t rc = provider->host->http(provider->ctx, req, &http_cb, answer, &answer->http);
	if (rc == BATON_OK)
		provider->host->call_set(provider->ctx, answer->call, answer);
	else
		answer_close(answer);
	return rc;
}

int32_t answer_start(struct provider *provider, baton_call call, const baton_prompt *prompt)
{
	struct text body = { 0 };
	char key[256];
	baton_str idempotency = prompt->idempotency_key;

	struct answer *answer = answer_new(provider, call);
	if (!answer || !ask_write(&provider->config, prompt, &body)) {
		if (answer)
			answer_close(answer);
		text_done(&body);
		return BATON_E_NOMEM;
	}
	answer->asked_bytes = body.n;
	bool with_key = idempotency.n && idempotency.n <= 200;
	if (with_key)
		snprintf(key, sizeof(key), "Idempotency-Key: %.*s", (int)idempotency.n,
			 idempotency.p);
	baton_http_req req = {
		.method = str_z("POST"),
		.url = str_z(provider->config.url),
		.body = text_view(&body),
		.total_ms = total_ms(provider, prompt->turn),
	};
	int32_t rc = answer_ask(answer, &req, with_key ? key : NULL);
	text_done(&body);
	return rc;
}

int32_t answer_check(struct provider *provider, baton_call call)
{
	struct answer *answer = answer_new(provider, call);
	if (!answer)
		return BATON_E_NOMEM;
	answer->check = true;
	baton_http_req req = {
		.method = str_z("GET"),
		.url = str_z(provider->config.models_url),
		.total_ms = provider->config.total_ms,
	};
	return answer_ask(answer, &req, NULL);
}

/* --- what the host says meanwhile --- */

void answer_cancel(struct answer *answer)
{
	if (answer && !answer->told)
		answer_fail_as(answer, BATON_FAIL_CANCELLED, "cancelled", "cancelled");
}

void answer_resume(struct answer *answer)
{
	if (!answer || answer->told)
		return;
	const struct provider *provider = answer->provider;

	if (answer->held.n) {
		int32_t rc = provider->host->delta(provider->ctx, answer->call, BATON_DELTA_TEXT,
						   text_view(&answer->held));
		if (rc == BATON_E_AGAIN)
			return;
		if (rc == BATON_E_STALE) {
			answer_close(answer);
			return;
		}
		if (rc < 0) {
			answer_fail_protocol(answer, "more text than an answer may have");
			return;
		}
		answer->held.n = 0;
		if (answer->http)
			provider->host->http_pause(provider->ctx, answer->http, 0);
	}
	answer_settle(answer);
}
