/* SPDX-License-Identifier: Apache-2.0 */

/* A provider that asks an API of chat completions and reads its events with as little as that
 * takes: no escapes, no tools. */
#include "tests/modules/sin.h"

struct call {
	struct inst *inst;
	struct call *next;
	baton_call call;
	baton_http http;
	uint32_t status, retry_ms, in, out;
	bool events, complete, told;
	char held[4096];
	size_t n_held;
};

static void forget(struct call *c)
{
	struct call **at = &c->inst->calls;
	while (*at && *at != c)
		at = &(*at)->next;
	if (*at)
		*at = c->next;
	if (c->http)
		(void)c->inst->host->http_stop(c->inst->ctx, c->http);
	free(c);
}

static uint32_t class_of(uint32_t status)
{
	switch (status) {
	case 401:
	case 403:
		return BATON_FAIL_ACCESS;
	case 402:
		return BATON_FAIL_QUOTA;
	case 404:
		return BATON_FAIL_MODEL_GONE;
	case 408:
		return BATON_FAIL_TIMEOUT;
	case 429:
		return BATON_FAIL_RATE_LIMITED;
	case 503:
	case 529:
		return BATON_FAIL_OVERLOADED;
	default:
		return status >= 500 && status < 600 ? BATON_FAIL_UNAVAILABLE
		       : status >= 300               ? BATON_FAIL_BAD_REQUEST
						     : BATON_FAIL_BAD_OUTPUT;
	}
}

static void on_head(void *user, baton_http h, uint32_t status, const baton_str *headers, uint32_t n)
{
	struct call *c = user;
	(void)h;
	c->status = status;
	for (uint32_t i = 0; i < n; i++) {
		char line[64];
		snprintf(line, sizeof(line), "%.*s", (int)headers[i].n, headers[i].p);
		long s = strncasecmp(line, "retry-after:", 12) == 0 ? strtol(line + 12, NULL, 10)
								    : 0;
		if (s > 0 && s < 3600)
			c->retry_ms = (uint32_t)s * 1000;
	}
}

/* false: the host has no room, or the call is over. */
static bool say(struct call *c)
{
	struct inst *i = c->inst;
	if (c->n_held == 0)
		return true;
	int32_t rc = i->host->delta(i->ctx, c->call, BATON_DELTA_TEXT,
				    (baton_str){ c->held, c->n_held });
	if (rc == BATON_OK)
		c->n_held = 0;
	else if (rc == BATON_E_AGAIN && c->http)
		(void)i->host->http_pause(i->ctx, c->http, 1);
	else if (rc != BATON_E_AGAIN)
		forget(c);
	return rc == BATON_OK;
}

static void settle(struct call *c)
{
	struct inst *i = c->inst;
	if (c->http || c->n_held > 0)
		return;
	baton_usage usage = { .size = sizeof(usage), .in_tokens = c->in, .out_tokens = c->out };
	if (is(i, "guesses_usage"))
		usage.flags = BATON_USAGE_ESTIMATED;
	(void)i->host->usage(i->ctx, c->call, &usage);
	(void)i->host->end(i->ctx, c->call, BATON_END_STOP);
	forget(c);
}

static const char *find(baton_str data, const char *word)
{
	const char *at = memmem(data.p, data.n, word, strlen(word));
	return at ? at + strlen(word) : NULL;
}

/* Whole characters, none of them overlong: enough for what the checks send. */
static bool is_text(const char *p, size_t n)
{
	for (size_t i = 0; i < n;) {
		unsigned char c = (unsigned char)p[i++];
		unsigned more = c < 0x80                ? 0
				: c >= 0xc2 && c < 0xe0 ? 1
				: c >= 0xe1 && c < 0xed ? 2
							: 4;
		if (c == 0xe0 || (c >= 0xed && c < 0xf0))
			more = 2;
		if (c > 0xf0 && c < 0xf4)
			more = 3;
		if (c == 0xf0 && i < n && (unsigned char)p[i] >= 0x90)
			more = 3;
		if (more > 3 || n - i < more || (c == 0xe0 && (unsigned char)p[i] < 0xa0) ||
		    (c == 0xed && (unsigned char)p[i] > 0x9f))
			return false;
		for (; more > 0; more--)
			if ((p[i++] & 0xc0) != 0x80)
				return false;
	}
	return true;
}

static void on_data(void *user, baton_http h, baton_str event, baton_str data)
{
	struct call *c = user;
	(void)h, (void)event;
	if (is(c->inst, "crash_garbage") && data.n > 0 && data.p[0] == '}')
		crash();
	if (c->status != 200)
		return;
	const char *at = find(data, "\"content\":\"");
	const char *end = at ? memchr(at, '"', (size_t)(data.p + data.n - at)) : NULL;
	c->events |= at != NULL;
	c->complete |= find(data, "\"finish_reason\":\"stop\"") != NULL;
	char numbers[512];
	snprintf(numbers, sizeof(numbers), "%.*s", (int)(data.n < 500 ? data.n : 500),
		 data.n ? data.p : "");
	const char *in = strstr(numbers, "\"prompt_tokens\":");
	const char *out = strstr(numbers, "\"completion_tokens\":");
	if (in && out) {
		c->in = (uint32_t)strtoul(in + 16, NULL, 10);
		c->out = (uint32_t)strtoul(out + 20, NULL, 10);
	}
	if (!end || (size_t)(end - at) + c->n_held > sizeof(c->held) ||
	    !is_text(at, (size_t)(end - at)))
		return;
	memcpy(c->held + c->n_held, at, (size_t)(end - at));
	c->n_held += (size_t)(end - at);
	c->told |= end > at;
	(void)say(c);
}

static void on_end(void *user, baton_http h, const baton_error *error)
{
	struct call *c = user;
	struct inst *i = c->inst;
	uint32_t class = BATON_FAIL_TRUNCATED;
	(void)h;
	c->http = 0;
	if (error && is(i, "reset_hangs"))
		return;
	if (c->status == 200 && (c->complete || is(i, "takes_cut")) && c->told) {
		settle(c);
		return;
	}
	if (is(i, "takes_anything") && c->status == 200) {
		settle(c);
		return;
	}
	if (error && c->status == 0)
		class = error->fail == BATON_FAIL_TIMEOUT ? BATON_FAIL_TIMEOUT : BATON_FAIL_CONNECT;
	else if (error && error->fail == BATON_FAIL_TIMEOUT)
		class = BATON_FAIL_STALL;
	else if (c->status != 200)
		class = is(i, "one_class") ? BATON_FAIL_UNAVAILABLE : class_of(c->status);
	else if (!c->events)
		class = BATON_FAIL_BAD_OUTPUT;
	fail(i, c->call, class, is(i, "no_status") ? 0 : c->status,
	     is(i, "no_hint") ? 0 : c->retry_ms);
	forget(c);
}

static int32_t start(void *inst, baton_call call, const baton_prompt *prompt)
{
	static const baton_http_cb cb = {
		.size = sizeof(cb), .on_head = on_head, .on_data = on_data, .on_end = on_end
	};
	struct inst *i = inst;
	struct call *c = calloc(1, sizeof(*c));
	char header[128];
	if (!c)
		return BATON_E_NOMEM;
	bool key = prompt->idempotency_key.n > 0 && !(is(i, "key_once") && i->n++ > 0);
	snprintf(header, sizeof(header), "Idempotency-Key: %.*s",
		 key ? (int)prompt->idempotency_key.n : 1, key ? prompt->idempotency_key.p : "-");
	const baton_str headers[] = { str("Authorization: Bearer {{secret:KEY}}"), str(header) };
	const baton_http_req req = { .size = sizeof(req),
				     .flags = is(i, "raw_bytes") ? 0 : BATON_HTTP_SSE,
				     .method = str("POST"),
				     .url = str("https://api.example.test/v1/chat/completions"),
				     .headers = headers,
				     .n_headers = 2,
				     .connect_ms = 1000,
				     .idle_ms = 5000,
				     .total_ms = 30000,
				     .body = str("{\"stream\":true}") };
	c->inst = i;
	c->call = call;
	int32_t rc = i->host->http(i->ctx, &req, &cb, c, &c->http);
	if (rc < 0) {
		free(c);
		return rc;
	}
	c->next = i->calls;
	i->calls = c;
	(void)i->host->call_set(i->ctx, call, c);
	return BATON_OK;
}

static void cancel(void *inst, baton_call call, uint32_t why)
{
	struct inst *i = inst;
	struct call *c = i->host->call_get(i->ctx, call);
	(void)why;
	(void)i->host->end(i->ctx, call, BATON_END_STOP);
	if (c && is(i, "left_http"))
		return;
	if (c)
		forget(c);
}

static void resume(void *inst, baton_call call)
{
	struct inst *i = inst;
	struct call *c = i->host->call_get(i->ctx, call);
	if (!c || !say(c))
		return;
	if (c->http)
		(void)i->host->http_pause(i->ctx, c->http, 0);
	else
		settle(c);
}

static const baton_provider provider = {
	.size = sizeof(provider), .start = start, .cancel = cancel, .resume = resume
};
#define SIN_STATE NULL
#define VT BATON_PROVIDER, &provider
SIN_MODULE("sin-upstream", "provider", VT);
