/* SPDX-License-Identifier: Apache-2.0 */

/* tool-acme: performs the tools of tools.yaml by asking a service of yours. One call is one POST to
 * URL/NAME with the arguments as JSON; what comes back as JSON is the result. 404 and 409 are
 * answers, too: no. Yours speaks otherwise: then change ask() and answered(); the rest
 * stays.
 *
 * What may be called, with which arguments, by whom and with whose leave is the policies' affair.
 * Ours is to be honest about what may have happened: a change that was sent and not answered is in
 * doubt, and says so with BATON_ERROR_IN_DOUBT. Keys never come here: the host fills
 * {{secret:NAME}} in. */

/* Tools are served since minor 2 (docs/ABI.md). */
#define BATON_ABI_NEEDED 2u
#include "scan.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>

BATON_MODULE_NOTE("tool-acme", "0.1.0", "tool", 0);

enum { URL_BYTES = 512, HEADER_BYTES = 256, BODY_BYTES_MAX = 64 * 1024, TOTAL_MS_MAX = 60000 };

/* One instance: there is one per event loop, so nothing in here needs a lock. */
struct tool {
	baton_ctx *ctx;
	const baton_host *host;
	char url[URL_BYTES];
	char key[HEADER_BYTES]; /* "Authorization: ..."; empty: the service wants none */
};

/* One call on its way. It is freed with the one end() or fail() of its call. */
struct asking {
	struct tool *tool;
	baton_call call;
	baton_http http;
	uint32_t status;
	struct text body;
	bool writes, too_long;
};

static void asking_free(struct asking *asking)
{
	text_done(&asking->body);
	free(asking);
}

/* --- the two ends --- */

static void bring(struct asking *asking, baton_str json, const char *no)
{
	const struct tool *t = asking->tool;
	const baton_tool_result result = { .size = sizeof(result),
					   .flags = no ? BATON_TOOL_NO : 0,
					   .json = json,
					   .code = str_z(no),
					   .http_status = asking->status,
					   .tries = 1 };

	(void)t->host->result(t->ctx, asking->call, BATON_RESULT_TOOL, &result, sizeof(result));
	(void)t->host->end(t->ctx, asking->call, BATON_END_STOP);
	asking_free(asking);
}

/* `sent`: the service may have done it. */
static void fail(struct asking *asking, baton_error error, bool sent)
{
	const struct tool *t = asking->tool;

	error.size = sizeof(error);
	error.http_status = asking->status;
	error.flags = asking->writes && sent ? BATON_ERROR_IN_DOUBT : 0;
	(void)t->host->fail(t->ctx, asking->call, &error);
	asking_free(asking);
}

static void fail_as(struct asking *asking, uint32_t class, const char *message, bool sent)
{
	fail(asking, (baton_error){ .fail = class, .message = str_z(message) }, sent);
}

/* --- hearing --- */

static bool is_json(baton_str text)
{
	struct scan scan = scan_of(text);

	if (!scan_utf8_ok(text))
		return false;
	scan_skip(&scan);
	return scan_ended(&scan);
}

/* The service has answered: what it means. */
static void answered(struct asking *asking)
{
	static const struct {
		uint32_t status, fail;
		bool sent; /* it may have done it all the same */
	} rows[] = {
		{ 400, BATON_FAIL_BAD_REQUEST, false }, { 401, BATON_FAIL_ACCESS, false },
		{ 403, BATON_FAIL_ACCESS, false },      { 408, BATON_FAIL_TIMEOUT, true },
		{ 422, BATON_FAIL_BAD_REQUEST, false }, { 429, BATON_FAIL_RATE_LIMITED, false },
		{ 503, BATON_FAIL_OVERLOADED, true },   { 504, BATON_FAIL_TIMEOUT, true },
	};

	if (asking->status == 404) {
		bring(asking, str_z("null"), "not_found");
		return;
	}
	if (asking->status == 409) {
		bring(asking, str_z("null"), "conflict");
		return;
	}
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].status == asking->status) {
			fail_as(asking, rows[i].fail, "the service refused", rows[i].sent);
			return;
		}
	if (asking->status != 200 && asking->status != 201)
		fail_as(asking, BATON_FAIL_UNAVAILABLE, "a status that is no answer", true);
	else if (asking->too_long || !is_json(text_view(&asking->body)))
		fail_as(asking, BATON_FAIL_BAD_OUTPUT, "an answer that is no JSON", true);
	else
		bring(asking, text_view(&asking->body), NULL);
}

static void on_head(void *user, baton_http h, uint32_t status, const baton_str *headers, uint32_t n)
{
	struct asking *asking = user;
	(void)h, (void)headers, (void)n;

	asking->status = status;
}

static void on_data(void *user, baton_http h, baton_str event, baton_str data)
{
	struct asking *asking = user;
	(void)h, (void)event;

	asking->too_long |= asking->body.n + data.n > BODY_BYTES_MAX;
	if (!asking->too_long)
		text_add(&asking->body, data.p, data.n);
}

/* Nothing has left the house: no connection, or the host would not have it. */
static bool never_left(const baton_error *error)
{
	static const char *const codes[] = { "connect", "dns", "tls", "denied", "timeout_connect" };

	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if (scan_is(error->code, codes[i]))
			return true;
	return false;
}

/* Exactly once per request that was not stopped. */
static void on_end(void *user, baton_http h, const baton_error *error)
{
	struct asking *asking = user;
	(void)h;

	if (asking->body.failed)
		fail_as(asking, BATON_FAIL_INTERNAL, "out of memory", true);
	else if (error)
		fail(asking, *error, !never_left(error)); /* the host's own classes */
	else
		answered(asking);
}

static const baton_http_cb http_cb = {
	.size = sizeof(http_cb), .on_head = on_head, .on_data = on_data, .on_end = on_end
};

/* --- asking --- */

/* Names of tools are the policies', and still: what goes into an address is looked at. */
static bool name_ok(baton_str name)
{
	for (size_t i = 0; i < name.n; i++)
		if (!((name.p[i] >= 'a' && name.p[i] <= 'z') ||
		      (name.p[i] >= '0' && name.p[i] <= '9') || name.p[i] == '_' ||
		      name.p[i] == '-'))
			return false;
	return name.n > 0 && name.n <= 64;
}

static uint32_t total_ms(const struct tool *t, const baton_turn *turn)
{
	uint64_t now = t->host->now_ns(t->ctx), left = TOTAL_MS_MAX;

	if (turn && turn->deadline_ns)
		left = turn->deadline_ns > now ? (turn->deadline_ns - now) / 1000000 + 1 : 1;
	return left < TOTAL_MS_MAX ? (uint32_t)left : TOTAL_MS_MAX;
}

/* The same key for each try of the same call, also after a restart: who knows it does it once. */
static int32_t ask(struct asking *asking, const baton_tool_req *tool_req)
{
	const struct tool *t = asking->tool;
	char url[URL_BYTES + 80], key[HEADER_BYTES];
	baton_str headers[3] = { str_z("Content-Type: application/json") };
	baton_http_req req = { .size = sizeof(req), .headers = headers, .n_headers = 1 };

	(void)snprintf(url, sizeof(url), "%s/%.*s", t->url, (int)tool_req->name.n,
		       tool_req->name.p);
	if (t->key[0])
		headers[req.n_headers++] = str_z(t->key);
	if (tool_req->idempotency_key.n > 0 && tool_req->idempotency_key.n < HEADER_BYTES - 32) {
		(void)snprintf(key, sizeof(key), "Idempotency-Key: %.*s",
			       (int)tool_req->idempotency_key.n, tool_req->idempotency_key.p);
		headers[req.n_headers++] = str_z(key);
	}
	req.method = str_z("POST");
	req.url = str_z(url);
	req.connect_ms = 3000;
	req.total_ms = total_ms(t, tool_req->turn);
	req.body = tool_req->args_json;
	return t->host->http(t->ctx, &req, &http_cb, asking, &asking->http);
}

/* A negative result means that nothing was started: then no end() may come. */
static int32_t invoke(void *inst, baton_call call, const baton_tool_req *req)
{
	struct tool *t = inst;

	if (!name_ok(req->name))
		return BATON_E_INVAL;
	struct asking *asking = calloc(1, sizeof(*asking));
	if (!asking)
		return BATON_E_NOMEM;
	asking->tool = t;
	asking->call = call;
	asking->writes = (req->flags & BATON_TOOL_WRITES) != 0;
	/* A turn that is tried out: what it would change, it must not. */
	if (asking->writes && (req->flags & BATON_TOOL_SHADOW)) {
		bring(asking, str_z("{\"shadow\":true}"), NULL);
		return BATON_OK;
	}
	int32_t rc = ask(asking, req);
	if (rc != BATON_OK) {
		asking_free(asking);
		return rc;
	}
	/* Hang our state on the call, so that cancel() finds it. */
	(void)t->host->call_set(t->ctx, call, asking);
	return BATON_OK;
}

/* Nobody waits any more. What was sent may still happen. */
static void cancel(void *inst, baton_call call, uint32_t why)
{
	const struct tool *t = inst;
	struct asking *asking = t->host->call_get(t->ctx, call);
	(void)why;

	if (!asking)
		return;
	(void)t->host->http_stop(t->ctx, asking->http);
	fail_as(asking, BATON_FAIL_CANCELLED, "nobody waits any more", true);
}

/* --- life: load once per generation, create once per event loop --- */

/* What all instances share. Read-only from here on; nothing static is needed for it. */
static int32_t load(baton_ctx *ctx, const baton_host *host, void **mod)
{
	(void)ctx;
	*mod = (void *)(uintptr_t)host;
	return BATON_OK;
}

/* The configuration fits config_schema below: the host has checked that. */
static int32_t create(void *mod, baton_ctx *ctx, baton_str config_json, void **inst)
{
	struct tool *t = calloc(1, sizeof(*t));
	struct scan scan = scan_of(config_json);
	char secret[HEADER_BYTES / 2] = "";
	bool begun = false;
	baton_str key, value;

	if (!t)
		return BATON_E_NOMEM;
	t->ctx = ctx;
	t->host = mod;
	while (scan_member(&scan, &begun, &key)) {
		bool is_url = scan_is(key, "url"), is_secret = scan_is(key, "secret");
		if (!is_url && !is_secret)
			scan_skip(&scan); /* `policy`: the tools that tools.yaml gives us */
		else if (scan_text(&scan, &value))
			scan_copy(value, is_url ? t->url : secret,
				  is_url ? sizeof(t->url) : sizeof(secret));
	}
	if (secret[0])
		(void)snprintf(t->key, sizeof(t->key), "Authorization: Bearer {{secret:%s}}",
			       secret);
	*inst = t;
	return BATON_OK;
}

/* No call is open any more: each was ended or cancelled before. */
static void destroy(void *inst)
{
	free(inst);
}

static const baton_tool tool = { .size = sizeof(tool), .invoke = invoke, .cancel = cancel };
static const baton_iface ifaces[] = { { BATON_TOOL, &tool } };

/* The one symbol that a module exports. Id, version and flags are those of the note. */
BATON_EXPORT const baton_module baton_module_entry = {
	BATON_MODULE_HEAD,
	.n_ifaces = 1,
	.id = "tool-acme",
	.version = "0.1.0",
	.license = "Apache-2.0",
	.summary = "Performs tools by asking the service behind acme",
	.config_schema =
		"{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"url\"],"
		"\"properties\":{"
		"\"policy\":{\"type\":\"object\"},"
		"\"url\":{\"type\":\"string\",\"minLength\":8,\"maxLength\":500},"
		"\"secret\":{\"type\":\"string\",\"maxLength\":64}}}",
	.ifaces = ifaces,
	.load = load,
	.create = create,
	.destroy = destroy,
};
