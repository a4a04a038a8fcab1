/* SPDX-License-Identifier: Apache-2.0 */

/* The life of a question. An answer is complete when it says so (a finish mark), never because it
 * stopped; then usage may follow, and is waited for a moment. See inside.h for who may be freed
 * when.
 */
#include "modules/sdk/provider/inside.h"

#include <stdio.h>
#include <stdlib.h>

enum {
	HELD_MAX = 128 * 1024,
	USAGE_WAIT_MS = 2000, /* after the finish mark, for usage and the end */
	DRAIN_WAIT_MS =
		1000, /* after the end, for the last bytes: the connection can then be kept */
	BYTES_PER_TOKEN = 4,
	URL_MAX = 1024,
	KEY_MAX = 217, /* the header with a key of 200 bytes */
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

void answer_close(struct answer *answer)
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
	heard_done(&answer->heard);
	text_done(&answer->body);
	text_done(&answer->prefill);
	text_done(&answer->opening);
	text_done(&answer->held);
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
	const struct heard *heard = &answer->heard;
	baton_usage usage = { .size = sizeof(usage),
			      .in_tokens = heard->in_tokens,
			      .cached_tokens = heard->cached_tokens,
			      .out_tokens = heard->out_tokens };

	/* Nothing for an answer that has words: some servers count so. */
	bool counted = heard->has_usage && (heard->out_tokens || !heard->text_bytes);
	if (!counted) {
		usage.flags = BATON_USAGE_ESTIMATED;
		if (!usage.in_tokens) /* some say it at the beginning */
			usage.in_tokens = answer->asked_bytes / BYTES_PER_TOKEN;
		usage.out_tokens = (heard->text_bytes + BYTES_PER_TOKEN - 1) / BYTES_PER_TOKEN;
	}
	provider->host->usage(provider->ctx, answer->call, &usage);
}

bool answer_fail(struct answer *answer, const struct failure *failure)
{
	const struct provider *provider = answer->provider;
	const struct heard *heard = &answer->heard;
	/* What has been said was computed, and will stand on the bill. */
	bool billed = heard->text_bytes || heard->in_tokens || heard->out_tokens;
	baton_error error = {
		.size = sizeof(error),
		.fail = failure->fail,
		.http_status = answer->status,
		.retry_after_ms = failure->retry_after_ms,
		.code = str_z(failure->code),
		.message = str_z(failure->message),
		.scope = failure->scope,
		.flags = (billed ? BATON_ERROR_BILLED : 0u) |
			 (answer->not_again ? BATON_ERROR_NOT_AGAIN : 0u),
		.until_unix_ms = failure->until_unix_ms,
	};

	/* Who has cancelled wants to hear the end alone. */
	if (billed && failure->fail != BATON_FAIL_CANCELLED)
		usage_tell(answer);
	provider->host->call_set(provider->ctx, answer->call, NULL);
	provider->host->fail(provider->ctx, answer->call, &error);
	answer_close(answer);
	return false;
}

bool answer_fail_as(struct answer *answer, uint32_t fail, const char *code, const char *message)
{
	struct failure failure = { .retry_after_ms = answer->retry_after_ms };
	failure_set(&failure, fail, code, message);
	return answer_fail(answer, &failure);
}

bool answer_fail_protocol(struct answer *answer, const char *message)
{
	return answer_fail_as(answer, BATON_FAIL_BAD_OUTPUT, "protocol", message);
}

static void on_drained(void *user)
{
	struct answer *answer = user;
	answer->timer = 0;
	answer_close(answer);
}

bool answer_end(struct answer *answer, uint32_t reason)
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

static bool begins_with(baton_str text, baton_str with)
{
	return text.n >= with.n && (with.n == 0 || memcmp(text.p, with.p, with.n) == 0);
}

/* The caller has the beginning already. Some servers say it again; and where it ended in white
 * space the model may repeat that alone, since no API takes a beginning that ends so. */
static baton_str opening_cut(const struct answer *answer, bool *ret_known)
{
	baton_str prefill = text_view(&answer->prefill), text = text_view(&answer->opening);
	size_t tail = 0;

	while (tail < prefill.n && strchr(" \t\r\n", prefill.p[prefill.n - tail - 1]))
		tail++;
	baton_str space = { prefill.p + prefill.n - tail, tail };
	*ret_known = text.n >= prefill.n || !begins_with(prefill, text);
	if (begins_with(text, prefill))
		return (baton_str){ text.p + prefill.n, text.n - prefill.n };
	if (tail && begins_with(text, space))
		return (baton_str){ text.p + tail, text.n - tail };
	return text;
}

static bool opening_say(struct answer *answer, bool last)
{
	bool known;
	baton_str text = opening_cut(answer, &known);

	if (!known && !last)
		return true;
	answer->opened = true;
	return text_say(answer, text);
}

bool answer_say(struct answer *answer)
{
	baton_str text = text_view(&answer->heard.content);

	if (answer->opened || !answer->prefill.n)
		return text_say(answer, text);
	if (!text.n)
		return true;
	text_add(&answer->opening, text.p, text.n);
	return opening_say(answer, false);
}

/* Some servers count from where they like. */
static bool is_gap(const struct tool *tool)
{
	return !tool->id.n && !tool->name.n && !tool->args.n && !tool->bad;
}

static bool has_calls(const struct heard *heard)
{
	for (unsigned i = 0; i < heard->n_tools; i++)
		if (!is_gap(&heard->tools[i]))
			return true;
	return heard->tools_bad;
}

static int32_t tool_say(struct answer *answer, const struct tool *tool)
{
	const struct provider *provider = answer->provider;
	struct text json = { 0 };
	int32_t rc = BATON_OK;

	if (is_gap(tool))
		return BATON_OK;
	if (tool_json(tool, answer->tools_told, &json))
		rc = provider->host->delta(provider->ctx, answer->call, BATON_DELTA_TOOL_CALL,
					   text_view(&json));
	text_done(&json);
	return rc;
}

/* All of them or none: half of what a model wants done may be worse than nothing. */
static bool tools_are_good(const struct heard *heard)
{
	bool good = !heard->tools_bad;

	for (unsigned i = 0; good && i < heard->n_tools; i++) {
		struct text json = { 0 };

		good = is_gap(&heard->tools[i]) || tool_json(&heard->tools[i], i, &json);
		text_done(&json);
	}
	return good;
}

/* --- the end of an answer --- */

static bool nothing_said(struct answer *answer)
{
	const struct heard *heard = &answer->heard;

	if (heard->finish == FINISH_FILTERED || heard->refusal)
		return answer_fail_as(answer, BATON_FAIL_REFUSED, "refused", "content filter");
	if (heard->finish == FINISH_CONTEXT)
		return answer_fail_as(answer, BATON_FAIL_TOO_LONG, "context_too_long",
				      "the model's window was full before the first word");
	return answer_fail_as(answer, BATON_FAIL_EMPTY, "empty", "a finished answer without text");
}

static bool calls_conclude(struct answer *answer)
{
	const struct heard *heard = &answer->heard;

	if (!tools_are_good(heard))
		return answer_fail_protocol(answer, "a tool call without a name, or with arguments "
						    "that are no object");
	for (; answer->tools_told < heard->n_tools; answer->tools_told++) {
		int32_t rc = tool_say(answer, &heard->tools[answer->tools_told]);

		if (rc == BATON_E_AGAIN)
			return true; /* goes on with resume() */
		if (rc == BATON_E_STALE) {
			answer_close(answer);
			return false;
		}
		if (rc < 0)
			return answer_fail_protocol(answer, "more of a tool call than is taken");
	}
	return answer_end(answer, BATON_END_TOOL_CALLS);
}

static bool answer_conclude(struct answer *answer)
{
	const struct heard *heard = &answer->heard;

	if (heard->half)
		return answer_fail_protocol(answer, "ends in half a character");
	if (heard->finish == FINISH_BROKEN)
		return answer_fail_as(answer, BATON_FAIL_TRUNCATED, "truncated",
				      "the server gave the answer up");
	if (!answer->opened && answer->opening.n && !opening_say(answer, true))
		return false;
	if (answer->held.n)
		return true; /* goes on with resume() */
	if (!heard->text_bytes && !has_calls(heard))
		return nothing_said(answer);
	if (heard->finish == FINISH_FILTERED || heard->refusal)
		return heard->text_bytes ? answer_end(answer, BATON_END_FILTERED)
					 : nothing_said(answer);
	if (has_calls(heard))
		return calls_conclude(answer);
	switch (heard->finish) {
	case FINISH_LENGTH:
	case FINISH_CONTEXT:
		return answer_end(answer, BATON_END_LENGTH);
	case FINISH_NONE: /* an end without a reason */
	case FINISH_STOP:
	case FINISH_TOOLS:
	case FINISH_FILTERED: /* see above, as broken */
	case FINISH_BROKEN:
		break;
	}
	return answer_end(answer, BATON_END_STOP);
}

static void on_usage_late(void *user)
{
	struct answer *answer = user;
	answer->timer = 0;
	answer->heard.over = true;
	if (!answer->held.n)
		answer_conclude(answer);
}

bool answer_settle(struct answer *answer)
{
	const struct provider *provider = answer->provider;
	const struct config *config = &provider->config;
	const struct heard *heard = &answer->heard;

	if (answer->held.n || !(heard->finish || heard->over))
		return true;
	if (heard->over || heard->has_usage || !config->wire->usage_follows ||
	    !config->include_usage)
		return answer_conclude(answer);
	if (!answer->timer && provider->host->timer(provider->ctx, USAGE_WAIT_MS, on_usage_late,
						    answer, &answer->timer) != BATON_OK)
		return answer_conclude(answer);
	return true;
}

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

/* With the model's name in the place of "{model}", as a path has it; then it is written into `to`. */
static baton_str url_of(const char *url, baton_str model, struct text *to)
{
	static const char place[] = "{model}";
	const char *at = strstr(url, place);

	if (!at)
		return str_z(url);
	text_add(to, url, (size_t)(at - url));
	for (size_t i = 0; i < model.n; i++) {
		unsigned char c = (unsigned char)model.p[i];
		char hex[4];
		bool plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
			     (c >= 'a' && c <= 'z') || (c && strchr("-._~", c));
		snprintf(hex, sizeof(hex), "%%%02X", c);
		text_add(to, plain ? model.p + i : hex, plain ? 1 : 3);
	}
	text_z(to, at + sizeof(place) - 1);
	return text_view(to);
}

static uint32_t headers_fill(const struct provider *provider, baton_str key, baton_str *headers)
{
	uint32_t n = 0;
	for (; n < provider->config.n_headers; n++)
		headers[n] = str_z(provider->config.headers[n]);
	if (key.n)
		headers[n++] = key;
	return n;
}

/* A question that never leaves has its class, too: who set this up is to read why. */
static int32_t refuse(const struct provider *provider, baton_call call,
		      const struct failure *failure)
{
	baton_error error = {
		.size = sizeof(error),
		.fail = failure->fail,
		.code = str_z(failure->code),
		.message = str_z(failure->message),
		.scope = failure->scope,
	};

	return provider->host->fail(provider->ctx, call, &error);
}

static int32_t not_sent(const struct provider *provider, baton_call call, int32_t rc)
{
	struct failure failure = { 0 };

	if (rc != BATON_E_DENIED && rc != BATON_E_NOTFOUND)
		return rc;
	failure_set(&failure, BATON_FAIL_ACCESS, "access",
		    rc == BATON_E_DENIED ? "egress does not have this address, secrets not this "
					   "key, or it is http:// without --allow-loopback-http"
					 : "the secret that it names is not there");
	if (rc == BATON_E_DENIED) /* nothing is wrong with their account */
		failure.scope = BATON_SCOPE_PROVIDER;
	return refuse(provider, call, &failure);
}

/* The host has the beginning already and waits for the rest: an answer from the start would be said
 * twice. */
static int32_t not_continued(const struct provider *provider, baton_call call)
{
	struct failure failure = { 0 };

	failure_set(&failure, BATON_FAIL_BAD_REQUEST, "prefill_refused",
		    "the module's configuration does not allow `prefill`");
	return refuse(provider, call, &failure);
}

static int32_t answer_ask(struct answer *answer, baton_http_req *req, baton_str key)
{
	struct provider *provider = answer->provider;
	baton_str headers[HEADERS_MAX + 1];

	req->size = sizeof(*req);
	req->headers = headers;
	req->n_headers = headers_fill(provider, key, headers);
	req->connect_ms = provider->config.connect_ms;
	req->first_byte_ms = provider->config.first_byte_ms;
	req->idle_ms = provider->config.idle_ms;
	baton_call call = answer->call;
	int32_t rc = provider->host->http(provider->ctx, req, &listen_cb, answer, &answer->http);
	if (rc == BATON_OK) {
		provider->host->call_set(provider->ctx, call, answer);
		return rc;
	}
	answer_close(answer);
	return not_sent(provider, call, rc);
}

/* One retry of the host's is the same question to the vendor, where he knows the header. */
static baton_str key_write(baton_str idempotency, char to[KEY_MAX])
{
	static const char name[] = "Idempotency-Key: ";
	size_t n = sizeof(name) - 1;

	if (idempotency.n == 0 || idempotency.n > KEY_MAX - n)
		return (baton_str){ NULL, 0 };
	memcpy(to, name, n);
	memcpy(to + n, idempotency.p, idempotency.n);
	return (baton_str){ to, n + idempotency.n };
}

/* About what it takes in JSON: growing bit by bit copies it all again and again. */
static size_t body_bytes(const baton_prompt *prompt)
{
	size_t n = 512 + prompt->tools_json.n;

	for (uint32_t i = 0; i < prompt->turn->n_msgs; i++)
		n += prompt->turn->msgs[i].text.n + prompt->turn->msgs[i].parts_json.n + 64;
	return n + n / 16;
}

int32_t answer_start(struct provider *provider, baton_call call, const baton_prompt *prompt)
{
	const struct config *config = &provider->config;
	struct text body = { 0 }, with_model = { 0 };
	char key[KEY_MAX];
	int32_t rc = BATON_E_NOMEM;

	baton_str prefill = BATON_HAS(prompt, prefill) ? prompt->prefill : (baton_str){ NULL, 0 };
	if (prefill.n && !config->prefill)
		return not_continued(provider, call);
	struct answer *answer = answer_new(provider, call);
	baton_str url = url_of(config->url, prompt->model, &with_model);
	text_reserve(&body, body_bytes(prompt));
	if (answer && config->wire->ask(config, prompt, &body) && !with_model.failed &&
	    url.n <= URL_MAX) {
		text_add(&answer->prefill, prefill.p, prefill.n);
		answer->asked_bytes = body.n;
		baton_http_req req = {
			.flags = config->stream ? config->wire->http_flags : BATON_HTTP_SSE,
			.method = str_z("POST"),
			.url = url,
			.body = text_view(&body),
			.total_ms = total_ms(provider, prompt->turn),
		};
		rc = answer_ask(answer, &req, key_write(prompt->idempotency_key, key));
	} else if (answer) {
		answer_close(answer);
	}
	text_done(&body);
	text_done(&with_model);
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
	return answer_ask(answer, &req, (baton_str){ NULL, 0 });
}

/* --- what the host says meanwhile --- */

void answer_cancel(struct answer *answer)
{
	if (answer && !answer->told)
		answer_fail_as(answer, BATON_FAIL_CANCELLED, "cancelled", "cancelled");
}

static bool held_say(struct answer *answer)
{
	const struct provider *provider = answer->provider;
	int32_t rc = provider->host->delta(provider->ctx, answer->call, BATON_DELTA_TEXT,
					   text_view(&answer->held));

	if (rc == BATON_E_AGAIN)
		return false;
	if (rc == BATON_E_STALE) {
		answer_close(answer);
		return false;
	}
	if (rc < 0)
		return answer_fail_protocol(answer, "more text than an answer may have");
	answer->held.n = 0;
	if (answer->http)
		provider->host->http_pause(provider->ctx, answer->http, 0);
	return true;
}

void answer_resume(struct answer *answer)
{
	if (!answer || answer->told)
		return;
	if (answer->held.n && !held_say(answer))
		return;
	answer_settle(answer);
}
