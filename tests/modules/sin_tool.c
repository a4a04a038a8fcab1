/* SPDX-License-Identifier: Apache-2.0 */

/* A tool that asks a service over HTTP, and knows when it is in doubt. */
#include "tests/modules/sin.h"

struct call {
	struct call *next;
	struct inst *inst;
	baton_call call;
	baton_http http;
	char body[512];
	size_t n;
	uint32_t status;
	bool writes, too_long;
};

static void drop(struct call *c)
{
	struct call **at = &c->inst->calls;
	while (*at && *at != c)
		at = &(*at)->next;
	if (*at)
		*at = c->next;
	free(c);
}

static void fail_as(struct call *c, uint32_t class, bool sent)
{
	const baton_error error = { .size = sizeof(error),
				    .fail = class,
				    .http_status = c->status,
				    .flags = c->writes && sent && !is(c->inst, "sure")
						     ? BATON_ERROR_IN_DOUBT
						     : 0 };
	(void)c->inst->host->fail(c->inst->ctx, c->call, &error);
	drop(c);
}

static void bring(struct call *c, const char *json, uint32_t flags, const char *code)
{
	const struct inst *i = c->inst;
	const baton_tool_result result = { .size = sizeof(result),
					   .flags = flags,
					   .json = str(json),
					   .code = str(code),
					   .http_status = c->status,
					   .tries = 1 };
	(void)i->host->result(i->ctx, c->call, BATON_RESULT_TOOL, &result, sizeof(result));
	(void)i->host->end(i->ctx, c->call, BATON_END_STOP);
	drop(c);
}

static void on_head(void *user, baton_http h, uint32_t status, const baton_str *headers, uint32_t n)
{
	struct call *c = user;
	(void)h, (void)headers, (void)n;
	c->status = status;
}

static void on_data(void *user, baton_http h, baton_str event, baton_str data)
{
	struct call *c = user;
	(void)h, (void)event;
	if (data.n > sizeof(c->body) - 1 - c->n) {
		c->too_long = true;
		return;
	}
	memcpy(c->body + c->n, data.p, data.n);
	c->n += data.n;
}

/* As far as a fixture has to know: {"status":"word", ...} and nothing else. */
static bool is_answer(const struct call *c)
{
	return !c->too_long && c->n > 10 && c->n < sizeof(c->body) && c->body[0] == '{' &&
	       c->body[c->n - 1] == '}' && strncmp(c->body, "{\"status\":\"shipped\"", 19) == 0 &&
	       strspn(c->body, "{}\":,abcdefghijklmnopqrstuvwxyz0123456789") == c->n &&
	       strcmp(c->body, "{\"status\":\"shipped\",\"days\":2}") == 0;
}

static void on_end(void *user, baton_http h, const baton_error *error)
{
	struct call *c = user;
	(void)h;
	c->body[c->n] = 0;
	if (is(c->inst, "takes_anything"))
		bring(c, "{\"status\":\"ok\"}", 0, "");
	else if (error)
		fail_as(c, BATON_FAIL_CONNECT, error->fail != BATON_FAIL_UNAVAILABLE || c->status);
	else if (c->status == 404)
		bring(c, "null", BATON_TOOL_NO,
		      is(c->inst, "odd_code") ? "Not Found" : "not_found");
	else if (c->status != 200 || !is_answer(c))
		fail_as(c, BATON_FAIL_BAD_OUTPUT, true);
	else
		bring(c, c->body, 0, "");
}

static void ended(void *user, baton_http h, const baton_error *error)
{
	(void)user, (void)h, (void)error;
}

static int32_t ask(struct inst *i, baton_call call, bool writes)
{
	static const baton_http_cb cb = {
		.size = sizeof(cb), .on_head = on_head, .on_data = on_data, .on_end = on_end
	};
	static const baton_http_cb deaf = { .size = sizeof(deaf), .on_end = ended };
	struct call *c = calloc(1, sizeof(*c));
	baton_http_req req = { .size = sizeof(req),
			       .method = str(writes ? "POST" : "GET"),
			       .url = str("https://api.example.test/v1/orders"),
			       .total_ms = 10000 };
	if (!c)
		return BATON_E_NOMEM;
	c->inst = i;
	c->call = call;
	c->writes = writes;
	c->next = i->calls;
	i->calls = c;
	int32_t rc = i->host->http(i->ctx, &req, &cb, c, &c->http);
	if (rc < 0)
		drop(c);
	if (rc == BATON_OK && writes && is(i, "insists")) /* to be sure */
		(void)i->host->http(i->ctx, &req, &deaf, i, NULL);
	return rc;
}

static int32_t invoke(void *inst, baton_call call, const baton_tool_req *req)
{
	struct inst *i = inst;
	bool writes = (req->flags & BATON_TOOL_WRITES) != 0;
	if (is(i, "crash_args") && req->args_json.n > 4000)
		crash();
	if (is(i, "crash_null") && memmem(req->args_json.p, req->args_json.n, "null", 4))
		crash();
	if (is(i, "logs_customer"))
		i->host->log(i->ctx, BATON_LOG_INFO, req->args_json);
	if (is(i, "never"))
		return BATON_OK;
	if (is(i, "without_result"))
		return i->host->end(i->ctx, call, BATON_END_STOP);
	if (is(i, "sleeps"))
		nap(300);
	if (writes && (req->flags & BATON_TOOL_SHADOW) && !is(i, "acts")) {
		const baton_tool_result result = { .size = sizeof(result),
						   .json = str("{\"shadow\":true}") };
		(void)i->host->result(i->ctx, call, BATON_RESULT_TOOL, &result, sizeof(result));
		return i->host->end(i->ctx, call, BATON_END_STOP);
	}
	return ask(i, call, writes);
}

static void cancel(void *inst, baton_call call, uint32_t why)
{
	struct inst *i = inst;
	(void)why;
	for (struct call *c = i->calls; c; c = c->next) {
		if (c->call != call)
			continue;
		(void)i->host->http_stop(i->ctx, c->http);
		if (is(i, "late_result"))
			bring(c, "{}", 0, "");
		else
			fail_as(c, BATON_FAIL_CANCELLED, true);
		return;
	}
}

static int32_t describe(void *inst, const baton_sink *json)
{
	const char *text = is(inst, "describes_badly") ? "{\"a\":1}" : "[{\"name\":\"look\"}]";
	return json->write(json->ud, text, strlen(text));
}

static const baton_tool tool = {
	.size = sizeof(tool), .describe = describe, .invoke = invoke, .cancel = cancel
};
#define SIN_STATE NULL
#define VT BATON_TOOL, &tool
SIN_MODULE("sin-tool", "tool", VT);
