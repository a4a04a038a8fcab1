/* SPDX-License-Identifier: Apache-2.0 */

/* tool-http: what tools.yaml declares, performed as HTTP requests (docs/TOOLS.md, "HTTP").
 *
 * A call is one request, tried again only if that can do no harm: what reads, or what the set calls
 * idempotent, always with the same key. Whatever leaves it open whether something has happened
 * stays a doubt of the call until the service says what became of it: else the call fails with
 * BATON_ERROR_IN_DOUBT, and nothing here ever tries its luck. Where a request may go is the host's
 * matter (egress), and so are secrets, which this module never sees.
 */
#include "ask.h"
#include "cache.h"
#include "reply.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

BATON_MODULE_NOTE("tool-http", "1.0.0", "tool", 0);

enum { NS_PER_MS = 1000000, OWNER_BYTES = 200, WORTH_MS = 50 /* less is no time for a try */ };

#define STR(z) ((baton_str){ (z), sizeof(z) - 1 })

/* Of all loops: one configuration, and what it has been told. */
struct house {
	const baton_host *host;
	struct cache cache;
};
struct http;
struct call {
	struct http *http;
	baton_call id;
	const struct tool *tool;
	struct ask ask;
	struct reply reply;
	char *cache_key; /* NULL: its answer is not kept */
	uint64_t cache_changes;
	char *key; /* the host's key of this call */
	char owner[OWNER_BYTES];
	baton_http request; /* 0: none is open */
	baton_timer timer;  /* 0: no pause */
	uint32_t tries;
	bool doubt; /* a try may have done something */
	uint64_t due_ns, began_ns;
	struct call *prev, *next;
};
struct probe { /* of check(), one at a time */
	bool open;
	baton_call id;
	baton_http request;
	uint32_t status;
};
struct http {
	const baton_host *host;
	baton_ctx *ctx;
	struct settings settings;
	struct cache *cache;
	struct call *calls;
	struct probe probe;
};

/* --- ends ------------------------------------------------------------------------------------- */

static void call_free(struct call *call)
{
	DL_DELETE(call->http->calls, call);
	ask_done(&call->ask);
	reply_done(&call->reply);
	free(call->cache_key);
	free(call->key);
	free(call);
}

static void call_fail(struct call *call, baton_error error)
{
	struct http *http = call->http;
	baton_call id = call->id;

	if (call->doubt)
		error.flags |= BATON_ERROR_IN_DOUBT;
	http->host->count(http->ctx, call->doubt ? "in_doubt" : "failed", 1);
	if (call->doubt) /* what was known before may not be so any more */
		cache_forget(http->cache, call->owner);
	call_free(call);
	(void)http->host->fail(http->ctx, id, &error);
}

static void call_refuse(struct call *call, const char *code, const char *words)
{
	call_fail(call, (baton_error){ .size = sizeof(baton_error),
				       .fail = BATON_FAIL_BAD_REQUEST,
				       .code = str_z(code),
				       .message = str_z(words),
				       .scope = BATON_SCOPE_REQUEST,
				       .flags = BATON_ERROR_NOT_AGAIN });
}

static void result_tell(struct http *http, baton_call id, const baton_tool_result *result)
{
	int32_t rc = http->host->result(http->ctx, id, BATON_RESULT_TOOL, result, sizeof(*result));

	if (rc != BATON_E_STALE)
		(void)http->host->end(http->ctx, id, BATON_END_STOP);
}

static void call_end(struct call *call, const struct verdict *verdict)
{
	struct http *http = call->http;
	const struct tool *tool = call->tool;
	bool no = verdict->outcome == OUTCOME_NO;
	baton_call id = call->id;
	const baton_tool_result result = { .size = sizeof(result),
					   .flags = no ? BATON_TOOL_NO : 0,
					   .json = str_z(verdict->json),
					   .code = str_z(no ? verdict->code : ""),
					   .http_status = call->reply.status,
					   .tries = call->tries };

	uint64_t now = http->host->now_ns(http->ctx);
	http->host->observe(http->ctx, "call_us", (now - call->began_ns) / 1000);
	if (tool->writes)
		cache_forget(http->cache, call->owner);
	else if (call->cache_key && !no)
		cache_put(http->cache,
			  &(struct cache_answer){ .owner = tool->cache_shared ? "" : call->owner,
						  .key = call->cache_key,
						  .json = verdict->json,
						  .until_ns = now + (uint64_t)tool->cache_ms *
									    NS_PER_MS },
			  call->cache_changes);
	call_free(call);
	result_tell(http, id, &result);
}

/* --- tries ------------------------------------------------------------------------------------ */

static void call_try(struct call *call);

static uint32_t left_ms(const struct call *call)
{
	uint64_t now = call->http->host->now_ns(call->http->ctx);

	return now < call->due_ns ? (uint32_t)((call->due_ns - now) / NS_PER_MS) : 0;
}

static void on_pause_over(void *user)
{
	struct call *call = user;

	call->timer = 0;
	call_try(call);
}

/* Twice as long each time, between half of it and all, so that many do not come back at once; not
 * before the service wants to be asked again. */
static uint32_t pause_ms(const struct call *call, uint32_t retry_after_ms)
{
	uint32_t full = call->tool->backoff_ms << (call->tries - 1), chance = 0;

	(void)call->http->host->random(call->http->ctx, &chance, sizeof(chance));
	uint32_t pause = full / 2 + chance % (full / 2 + 1);
	return pause > retry_after_ms ? pause : retry_after_ms;
}

static void call_again(struct call *call, const struct verdict *verdict)
{
	struct http *http = call->http;
	bool may = !call->doubt || call->tool->idempotent;
	uint32_t pause = pause_ms(call, verdict->error.retry_after_ms);

	if (!may || call->tries > call->tool->retries || pause + WORTH_MS > left_ms(call) ||
	    http->host->timer(http->ctx, pause, on_pause_over, call, &call->timer) < 0) {
		call->timer = 0;
		call_fail(call, verdict->error);
		return;
	}
	http->host->count(http->ctx, "retries", 1);
}

static void call_judge(struct call *call, const baton_error *end)
{
	struct verdict verdict;

	reply_judge(&call->reply, call->tool, end, call->doubt, &verdict);
	call->doubt = call->doubt || verdict.doubt;
	switch (verdict.outcome) {
	case OUTCOME_RESULT:
	case OUTCOME_NO:
		if (verdict.json)
			call_end(call, &verdict);
		else
			call_refuse(call, "no_memory", "out of memory");
		break;
	case OUTCOME_AGAIN:
		call_again(call, &verdict);
		break;
	case OUTCOME_FAILED:
		call_fail(call, verdict.error);
		break;
	}
	verdict_done(&verdict);
}

static void on_head(void *user, baton_http h, uint32_t status, const baton_str *headers, uint32_t n)
{
	struct call *call = user;

	(void)h;
	reply_head(&call->reply, status, headers, n, call->http->host->unix_ms(call->http->ctx));
}

static void on_end(void *user, baton_http h, const baton_error *error)
{
	struct call *call = user;

	(void)h;
	call->request = 0;
	call_judge(call, error);
}

/* What is too long is not read to its end. */
static void on_data(void *user, baton_http h, baton_str event, baton_str data)
{
	struct call *call = user;

	(void)event;
	reply_data(&call->reply, data, call->tool->max_bytes);
	if (!call->reply.too_big)
		return;
	(void)call->http->host->http_stop(call->http->ctx, h);
	call->request = 0;
	call_judge(call, NULL);
}

/* The host would not even begin: what the operator must change, or no room. */
static void call_unsent(struct call *call, int32_t rc)
{
	static const struct {
		int32_t rc;
		const char *code, *words;
	} whys[] = {
		{ BATON_E_DENIED, "denied",
		  "its address is not in the module's `egress`, or a secret not in its `secrets`" },
		{ BATON_E_NOTFOUND, "secret",
		  "a secret of the request is not set on this machine" },
		{ BATON_E_INVAL, "bad_request", "no request can be made of it" },
		{ BATON_E_LIMIT, "limit", "too many requests are open, or it is too large" },
	};
	baton_error error = { .size = sizeof(error),
			      .fail = rc == BATON_E_LIMIT || rc == BATON_E_AGAIN
					      ? BATON_FAIL_UNAVAILABLE
					      : BATON_FAIL_ACCESS,
			      .code = STR("unsent"),
			      .message = STR("the request could not be started"),
			      .scope = BATON_SCOPE_PROVIDER,
			      .flags = BATON_ERROR_NOT_AGAIN };

	for (size_t i = 0; i < sizeof(whys) / sizeof(whys[0]); i++)
		if (whys[i].rc == rc) {
			error.code = str_z(whys[i].code);
			error.message = str_z(whys[i].words);
		}
	call_fail(call, error);
}

static void call_try(struct call *call)
{
	static const baton_http_cb cb = {
		.size = sizeof(cb), .on_head = on_head, .on_data = on_data, .on_end = on_end
	};
	struct http *http = call->http;
	struct ask *ask = &call->ask;
	baton_str lines[LINES_MAX + 1];
	char id[160];
	uint32_t left = left_ms(call), n = ask->n_lines;

	for (uint32_t i = 0; i < n; i++) {
		size_t begin = i ? ask->ends[i - 1] : 0;

		lines[i] = (baton_str){ ask->lines.p + begin, ask->ends[i] - begin };
	}
	call->tries++;
	(void)snprintf(id, sizeof(id), "X-Request-Id: %.100s.%u", call->key, call->tries);
	lines[n++] = str_z(id);
	reply_begin(&call->reply);
	/* What may not happen twice leaves once: else it goes out again where a kept connection
	 * closes. */
	bool once = call->tool->writes && !call->tool->idempotent;
	const baton_http_req req = {
		.size = sizeof(req),
		.flags = once ? BATON_HTTP_ONCE : 0u,
		.method = str_z(call->tool->method),
		.url = text_view(&ask->url),
		.headers = lines,
		.n_headers = n,
		.connect_ms = http->settings.connect_ms,
		.total_ms = left < call->tool->try_ms ? left : call->tool->try_ms,
		.body = text_view(&ask->body),
	};
	http->host->count(http->ctx, "requests", 1);
	int32_t rc = left > 0 ? http->host->http(http->ctx, &req, &cb, call, &call->request)
			      : BATON_E_LIMIT;
	if (rc < 0) {
		call->request = 0;
		call_unsent(call, rc);
	}
}

/* --- the interface ---------------------------------------------------------------------------- */

static char *copy(baton_str s)
{
	char *text = malloc(s.n + 1);

	if (text && s.n)
		memcpy(text, s.p, s.n);
	if (text)
		text[s.n] = '\0';
	return text;
}

/* A customer, or, of one who is not known, a conversation. */
static void owner_of(const baton_turn *turn, char owner[OWNER_BYTES])
{
	baton_str who = turn && turn->customer_ref.n ? turn->customer_ref
			: turn                       ? turn->session_id
						     : (baton_str){ "", 0 };

	(void)snprintf(owner, OWNER_BYTES, "%c%.*s", turn && turn->customer_ref.n ? 'c' : 's',
		       (int)(who.n < OWNER_BYTES - 2 ? who.n : OWNER_BYTES - 2),
		       who.p ? who.p : "");
}

static char *cache_key(const struct call *call, const json_t *args)
{
	char *text = json_dumps(args, JSON_COMPACT | JSON_SORT_KEYS), *key = NULL;
	const char *owner = call->tool->cache_shared ? "" : call->owner;

	if (text && asprintf(&key, "%s\n%s\n%s", call->tool->name, owner, text) < 0)
		key = NULL;
	free(text);
	return key;
}

static bool from_cache(struct call *call)
{
	struct http *http = call->http;
	char *json = call->cache_key
			     ? cache_get(http->cache, call->cache_key,
					 http->host->now_ns(http->ctx), &call->cache_changes)
			     : NULL;
	baton_call id = call->id;

	if (!json)
		return false;
	const baton_tool_result result = { .size = sizeof(result),
					   .flags = BATON_TOOL_CACHED,
					   .json = str_z(json),
					   .code = { "", 0 } };
	http->host->count(http->ctx, "cache_hits", 1);
	call_free(call);
	result_tell(http, id, &result);
	free(json);
	return true;
}

static uint64_t due_of(const struct call *call, const baton_turn *turn)
{
	uint64_t due = call->began_ns + (uint64_t)call->tool->timeout_ms * NS_PER_MS;

	return turn && turn->deadline_ns && turn->deadline_ns < due ? turn->deadline_ns : due;
}

static void call_begin(struct call *call, const baton_tool_req *req, const json_t *args)
{
	struct why why = { "out of memory" };

	call->began_ns = call->http->host->now_ns(call->http->ctx);
	call->due_ns = due_of(call, req->turn);
	owner_of(req->turn, call->owner);
	call->key = copy(req->idempotency_key);
	if (call->tool->cache_ms)
		call->cache_key = cache_key(call, args);
	if (from_cache(call))
		return;
	if (!call->key || !ask_make(&call->ask, &call->http->settings, call->tool, args,
				    req->idempotency_key, &why))
		call_refuse(call, "bad_arguments", why.text);
	else
		call_try(call);
}

/* Tried out: nothing may change, and so nobody is asked to change anything. */
static void shadow_tell(struct http *http, baton_call id)
{
	const baton_tool_result result = { .size = sizeof(result),
					   .json = STR("{\"shadow\":true}"),
					   .code = { "", 0 } };

	result_tell(http, id, &result);
}

static int32_t invoke(void *inst, baton_call id, const baton_tool_req *req)
{
	struct http *http = inst;
	const struct tool *tool = settings_find(&http->settings, req->name);

	if (!tool)
		return BATON_E_NOTFOUND;
	if (req->flags & BATON_TOOL_SHADOW && (tool->writes || req->flags & BATON_TOOL_WRITES)) {
		shadow_tell(http, id);
		return BATON_OK;
	}
	json_t *args = json_loadb(req->args_json.p ? req->args_json.p : "", req->args_json.n,
				  JSON_REJECT_DUPLICATES, NULL);
	struct call *call = json_is_object(args) ? calloc(1, sizeof(*call)) : NULL;
	if (!call) {
		int32_t rc = json_is_object(args) ? BATON_E_NOMEM : BATON_E_INVAL;

		json_decref(args);
		return rc;
	}
	call->http = http;
	call->id = id;
	call->tool = tool;
	DL_APPEND(http->calls, call);
	call_begin(call, req, args);
	json_decref(args);
	return BATON_OK;
}

static void call_stop(struct call *call)
{
	struct http *http = call->http;

	if (call->request) {
		(void)http->host->http_stop(http->ctx, call->request);
		call->doubt = call->doubt || call->tool->writes;
	}
	if (call->timer)
		(void)http->host->timer_stop(http->ctx, call->timer);
	call->request = 0;
	call->timer = 0;
}

static void probe_end(struct http *http, const baton_error *error)
{
	baton_call id = http->probe.id;

	http->probe = (struct probe){ 0 };
	if (error)
		(void)http->host->fail(http->ctx, id, error);
	else
		(void)http->host->end(http->ctx, id, BATON_END_STOP);
}

static void cancel(void *inst, baton_call id, uint32_t why)
{
	struct http *http = inst;
	struct call *call;

	(void)why;
	if (http->probe.open && http->probe.id == id) {
		if (http->probe.request)
			(void)http->host->http_stop(http->ctx, http->probe.request);
		probe_end(http, NULL);
		return;
	}
	DL_FOREACH(http->calls, call) {
		if (call->id != id)
			continue;
		call_stop(call);
		call_fail(call, (baton_error){ .size = sizeof(baton_error),
					       .fail = BATON_FAIL_CANCELLED,
					       .code = STR("cancelled"),
					       .message = STR("nobody waits any more"),
					       .scope = BATON_SCOPE_REQUEST });
		return;
	}
}

static int32_t describe(void *inst, const baton_sink *json)
{
	const struct http *http = inst;
	json_t *list = json_array();

	for (size_t i = 0; i < http->settings.n_tools; i++) {
		const struct tool *tool = &http->settings.tools[i];
		json_t *words = json_object_get(tool->declared, "description"),
		       *arguments = json_object_get(tool->declared, "arguments");

		(void)json_array_append_new(
			list, json_pack("{s:s, s:O*, s:O*, s:b}", "name", tool->name, "description",
					words, "arguments", arguments, "writes", tool->writes));
	}
	char *text = json_dumps(list, JSON_COMPACT);
	int32_t rc = text ? json->write(json->ud, text, strlen(text)) : BATON_E_NOMEM;
	free(text);
	json_decref(list);
	return rc;
}

/* --- is it well ------------------------------------------------------------------------------- */

static void on_probe_head(void *user, baton_http h, uint32_t status, const baton_str *headers,
			  uint32_t n)
{
	struct http *http = user;

	(void)h;
	(void)headers;
	(void)n;
	http->probe.status = status;
}

static void probe_fail(struct http *http, uint32_t fail, const char *code, const char *words)
{
	const baton_error error = { .size = sizeof(error),
				    .fail = fail,
				    .http_status = http->probe.status,
				    .code = str_z(code),
				    .message = str_z(words),
				    .scope = BATON_SCOPE_PROVIDER };

	probe_end(http, &error);
}

/* With an address for it, 2xx alone is well; without one, whoever lets us in is. */
static void on_probe_end(void *user, baton_http h, const baton_error *error)
{
	struct http *http = user;
	uint32_t status = http->probe.status;

	(void)h;
	if (status == 0)
		probe_end(http, error);
	else if (status == 401 || status == 403)
		probe_fail(http, BATON_FAIL_ACCESS, "access", "it does not let us in");
	else if (http->settings.health ? status < 200 || status > 299 : status >= 500)
		probe_fail(http, BATON_FAIL_UNAVAILABLE, "server", "it says that it is not well");
	else
		probe_end(http, NULL);
}

/* The address of `health`, or the beginning of any other. */
static void probe_url(const struct http *http, struct text *url)
{
	const struct settings *s = &http->settings;
	const char *text = s->health                    ? s->health
			   : s->base_url || !s->n_tools ? "/"
							: s->tools[0].url;
	struct why why;

	if (!s->health && !s->base_url) {
		size_t scheme = text[0] == '{' ? 0 : (size_t)(strstr(text, "//") - text) + 2;

		text_add(url, text, scheme + strcspn(text + scheme, "/?"));
		text_z(url, "/");
		return;
	}
	(void)template_fill_url(url, s->base_url, text, NULL, &why);
}

static int32_t check(void *inst, baton_call id, uint32_t level)
{
	static const baton_http_cb cb = { .size = sizeof(cb),
					  .on_head = on_probe_head,
					  .on_end = on_probe_end };
	struct http *http = inst;
	struct text url = { 0 };

	if (level == 0 || (!http->settings.base_url && !http->settings.n_tools))
		return http->host->end(http->ctx, id, BATON_END_STOP);
	if (http->probe.open)
		return BATON_E_AGAIN;
	http->probe = (struct probe){ .open = true, .id = id };
	probe_url(http, &url);
	const baton_str auth = str_z(http->settings.auth);
	const baton_http_req req = { .size = sizeof(req),
				     .method = str_z(http->settings.health ? "GET" : "HEAD"),
				     .url = text_view(&url),
				     .headers = &auth,
				     .n_headers = auth.n > 0,
				     .connect_ms = http->settings.connect_ms,
				     .total_ms = http->settings.connect_ms + 3000 };
	int32_t rc = http->host->http(http->ctx, &req, &cb, http, &http->probe.request);
	text_done(&url);
	if (rc < 0)
		probe_fail(http, BATON_FAIL_ACCESS, "unsent",
			   "not asked: its address is not in `egress`, or a secret is not there");
	return BATON_PENDING;
}

/* --- life ------------------------------------------------------------------------------------- */

static int32_t load(baton_ctx *ctx, const baton_host *host, void **mod)
{
	struct house *house = calloc(1, sizeof(*house));

	(void)ctx;
	if (!house)
		return BATON_E_NOMEM;
	house->host = host;
	cache_init(&house->cache);
	*mod = house;
	return BATON_OK;
}

static void unload(void *mod)
{
	struct house *house = mod;

	cache_done(&house->cache);
	free(house);
}

static void destroy(void *inst)
{
	struct http *http = inst;

	while (http->calls) {
		call_stop(http->calls);
		call_free(http->calls);
	}
	settings_done(&http->settings);
	free(http);
}

static int32_t create(void *mod, baton_ctx *ctx, baton_str config_json, void **inst)
{
	struct house *house = mod;
	const baton_host *host = house->host;
	struct http *http = calloc(1, sizeof(*http));
	struct why why = { "" };

	if (!http)
		return BATON_E_NOMEM;
	http->host = host;
	http->ctx = ctx;
	if (!settings_read(&http->settings, config_json, &why)) {
		host->log(ctx, BATON_LOG_ERROR, str_z(why.text));
		free(http);
		return BATON_E_INVAL;
	}
	http->cache = &house->cache;
	cache_room(http->cache, http->settings.cache_entries);
	*inst = http;
	return BATON_OK;
}

static const baton_tool tool_vt = {
	.size = sizeof(tool_vt), .describe = describe, .invoke = invoke, .cancel = cancel
};
static const baton_iface ifaces[] = { { BATON_TOOL, &tool_vt } };

BATON_EXPORT const baton_module baton_module_entry = {
	BATON_MODULE_HEAD,
	.n_ifaces = 1,
	.id = "tool-http",
	.version = "1.0.0",
	.vendor = "Baton",
	.license = "Apache-2.0",
	.summary = "Looks up and changes what a service over HTTP knows",
	.config_schema = SETTINGS_SCHEMA,
	.ifaces = ifaces,
	.load = load,
	.unload = unload,
	.create = create,
	.destroy = destroy,
	.check = check,
};
