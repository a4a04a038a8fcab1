/* SPDX-License-Identifier: Apache-2.0 */

/* The host has checked the configuration against the schema; here is what a schema cannot say:
 * where arguments stand, that a GET changes nothing, that pointers are pointers. */
#include "settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum {
	CALL_MS = 10000, /* BATON_TOOL_MS, where a set says nothing */
	CONNECT_MS = 2000,
	RETRIES = 2,
	BACKOFF_MS = 200,
	CACHE_ENTRIES = 500,
	ANSWER_BYTES = 256 * 1024,
};

void settings_done(struct settings *settings)
{
	for (size_t i = 0; i < settings->n_tools; i++)
		free(settings->tools[i].auth);
	free(settings->tools);
	free(settings->auth);
	free(settings->base_url);
	json_decref(settings->used);
	json_decref(settings->json);
	memset(settings, 0, sizeof(*settings));
}

const struct tool *settings_find(const struct settings *settings, baton_str name)
{
	for (size_t i = 0; i < settings->n_tools; i++)
		if (strlen(settings->tools[i].name) == name.n &&
		    memcmp(settings->tools[i].name, name.p, name.n) == 0)
			return &settings->tools[i];
	return NULL;
}

static const char *word(const json_t *json, const char *key)
{
	return json_string_value(json_object_get(json, key));
}

static uint32_t number(const json_t *json, const char *key, uint32_t otherwise)
{
	const json_t *value = json_object_get(json, key);

	return json_is_integer(value) && json_integer_value(value) >= 0 &&
			       json_integer_value(value) <= UINT32_MAX
		       ? (uint32_t)json_integer_value(value)
		       : otherwise;
}

/* --- headers ---------------------------------------------------------------------------------- */

static bool token_ok(const char *name)
{
	static const char others[] = "!#$%&'*+-.^_`|~";
	size_t n = strlen(name);

	for (size_t i = 0; i < n; i++)
		if (!((name[i] >= 'a' && name[i] <= 'z') || (name[i] >= 'A' && name[i] <= 'Z') ||
		      (name[i] >= '0' && name[i] <= '9') || strchr(others, name[i])))
			return false;
	return n > 0 && n <= 64;
}

/* What says where a request goes, how long it is or what stands in it is not the operator's. */
static bool name_taken(const char *name)
{
	static const char *const ours[] = { "Host",           "Content-Length",
					    "Content-Type",   "Transfer-Encoding",
					    "Connection",     "X-Request-Id",
					    "Accept-Encoding" };

	for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
		if (strcasecmp(name, ours[i]) == 0)
			return true;
	return false;
}

static bool headers_ok(const json_t *headers, const json_t *known, struct why *why)
{
	const char *name;
	json_t *value;

	if (json_object_size(headers) > HEADERS_MAX)
		return why_set(why, "headers: more than %d", HEADERS_MAX);
	json_object_foreach((json_t *)(uintptr_t)headers, name, value) {
		struct why inner;

		if (!token_ok(name) || name_taken(name))
			return why_set(why, "headers: %.64s is no header that may be set", name);
		if (!json_is_string(value))
			return why_set(why, "headers.%.64s: expected a text", name);
		if (!template_check(json_string_value(value), PLACE_HEADER, known, &inner))
			return why_set(why, "headers.%.64s: %s", name, inner.text);
	}
	return true;
}

static bool secret_name_ok(const char *name)
{
	char text[96];
	struct why why;

	return name && strlen(name) <= 64 &&
	       snprintf(text, sizeof(text), "{{secret:%s}}", name) > 0 &&
	       template_check(text, PLACE_HEADER, NULL, &why);
}

static char *line(const char *before, const char *secret)
{
	char *text = NULL;

	return asprintf(&text, "%s{{secret:%s}}", before, secret) < 0 ? NULL : text;
}

static bool auth_read(struct tool *tool, const json_t *auth, struct why *why)
{
	const char *bearer = word(auth, "bearer"), *basic = word(auth, "basic"),
		   *header = word(auth, "header"), *query = word(auth, "query"),
		   *secret = word(auth, "secret");
	char before[80];

	if (!auth)
		return true;
	if (!!bearer + !!basic + !!header + !!query != 1 || !!secret != (header || query))
		return why_set(why, "auth: expected bearer, basic, or header or query with secret");
	if (!secret_name_ok(secret ? secret : bearer ? bearer : basic))
		return why_set(why, "auth: expected the name of a secret");
	if ((header && (!token_ok(header) || name_taken(header))) || (query && !token_ok(query)))
		return why_set(why, "auth: not a name that can be used");
	if (query) {
		tool->auth_query = query;
		tool->auth_secret = secret;
		return true;
	}
	(void)snprintf(before, sizeof(before), "%s: %s", header ? header : "Authorization",
		       bearer  ? "Bearer "
		       : basic ? "Basic "
			       : "");
	tool->auth = line(before, secret ? secret : bearer ? bearer : basic);
	return tool->auth || why_set(why, "out of memory");
}

/* --- what is sent ----------------------------------------------------------------------------- */

static bool values_ok(const json_t *values, enum place place, const json_t *known, struct why *why)
{
	const char *what = place == PLACE_FORM ? "body.form" : "query";
	const char *name;
	json_t *value;

	if (values && !json_is_object(values))
		return why_set(why, "%s: expected names with texts", what);
	json_object_foreach((json_t *)(uintptr_t)values, name, value) {
		struct why inner;

		if (!json_is_string(value))
			return why_set(why, "%s.%.64s: expected a text", what, name);
		if (!template_check(json_string_value(value), place, known, &inner))
			return why_set(why, "%s.%.64s: %s", what, name, inner.text);
		if (strpbrk(name, "&=?#+%{} \"") ||
		    !template_check(name, PLACE_QUERY, NULL, &inner))
			return why_set(why, "%s: \"%.64s\" is no name for a parameter", what, name);
	}
	return true;
}

/* Every text inside. Depth is bounded by the policies' own bound on YAML. */
static bool json_ok(const json_t *json, const json_t *known, struct why *why)
{
	const char *name;
	json_t *value;
	size_t i;

	if (json_is_string(json))
		return template_check(json_string_value(json), PLACE_TEXT, known, why);
	json_array_foreach(json, i, value) {
		if (!json_ok(value, known, why))
			return false;
	}
	json_object_foreach((json_t *)(uintptr_t)json, name, value) {
		if (!json_ok(value, known, why))
			return false;
	}
	return true;
}

static bool body_read(struct tool *tool, const json_t *body, const json_t *known, struct why *why)
{
	bool carries = strcmp(tool->method, "GET") != 0 && strcmp(tool->method, "DELETE") != 0;
	const json_t *json = json_object_get(body, "json"), *form = json_object_get(body, "form");
	const char *none = json_string_value(body);

	tool->body = carries ? BODY_REST : BODY_NONE;
	if (!body)
		return true;
	tool->body_json = json ? json : form;
	tool->body = json ? BODY_JSON : form ? BODY_FORM : BODY_NONE;
	if (none && strcmp(none, "none") == 0)
		return true;
	if (json_object_size(body) != 1 || !tool->body_json)
		return why_set(why, "body: expected {json: ...}, {form: ...} or none");
	if (!carries)
		return why_set(why, "body: %s has none", tool->method);
	return form ? values_ok(form, PLACE_FORM, known, why) : json_ok(json, known, why);
}

static void name_used(void *ud, const char *name, size_t n)
{
	(void)json_object_setn_new(ud, name, n, json_true());
}

static void names_used(json_t *used, const json_t *values)
{
	const char *name;
	json_t *value;

	json_object_foreach((json_t *)(uintptr_t)values, name, value)
		template_names(json_string_value(value), name_used, used);
}

/* --- what comes back -------------------------------------------------------------------------- */

/* RFC 6901: "" or "/a/0/b". */
static bool pointer_ok(const json_t *json)
{
	const char *text = json_string_value(json);

	return text && (text[0] == '\0' || text[0] == '/');
}

bool code_ok(const char *code)
{
	size_t n = code ? strspn(code, "abcdefghijklmnopqrstuvwxyz0123456789_") : 0;

	return n > 0 && n < 64 && code[n] == '\0';
}

static bool answer_read(struct tool *tool, const json_t *answer, struct why *why)
{
	const char *name;
	json_t *value;

	tool->pick = json_object_get(answer, "pick");
	tool->no = json_object_get(answer, "no");
	tool->code = word(answer, "code");
	tool->max_bytes = number(answer, "max_bytes", ANSWER_BYTES);
	if (tool->pick && !json_is_object(tool->pick) && !pointer_ok(tool->pick))
		return why_set(why, "answer.pick: expected pointers: {status: /order/status}");
	json_object_foreach((json_t *)(uintptr_t)tool->pick, name, value)
		if (!pointer_ok(value))
			return why_set(why, "answer.pick.%.64s: expected a pointer: /order/status",
				       name);
	if (tool->code && tool->code[0] != '/')
		return why_set(why, "answer.code: expected a pointer: /error/code");
	json_object_foreach((json_t *)(uintptr_t)tool->no, name, value)
		if (strlen(name) != 3 || name[0] != '4' || strspn(name, "0123456789") != 3 ||
		    !code_ok(json_string_value(value)))
			return why_set(why, "answer.no: expected statuses from 400 to 499, each "
					    "with a word of [a-z0-9_]");
	return true;
}

/* --- a tool ----------------------------------------------------------------------------------- */

static bool key_header_read(struct tool *tool, const json_t *value, struct why *why)
{
	const char *name = json_string_value(value);

	tool->key_header = tool->writes ? "Idempotency-Key" : NULL;
	if (json_is_boolean(value))
		tool->key_header = json_is_true(value) ? "Idempotency-Key" : NULL;
	if (name && (!token_ok(name) || name_taken(name)))
		return why_set(why, "idempotency_header: %.64s is no header that may be set", name);
	if (name)
		tool->key_header = name;
	if (tool->writes && tool->idempotent && !tool->key_header &&
	    strcmp(tool->method, "POST") == 0)
		return why_set(why, "idempotent, but a POST without a key would be done twice");
	return true;
}

static void times_read(struct tool *tool, const json_t *request)
{
	const json_t *cache = json_object_get(request, "cache");
	bool again = !tool->writes || tool->idempotent;

	tool->timeout_ms = number(tool->declared, "timeout_ms", CALL_MS);
	tool->timeout_ms = tool->timeout_ms ? tool->timeout_ms : CALL_MS;
	tool->try_ms = number(request, "try_ms", tool->timeout_ms);
	tool->retries = again ? number(request, "retries", RETRIES) : 0;
	tool->backoff_ms = number(request, "backoff_ms", BACKOFF_MS);
	tool->cache_ms = number(cache, "ttl_ms", 0);
	tool->cache_shared = json_is_true(json_object_get(cache, "shared"));
}

static bool method_read(struct tool *tool, const json_t *request, struct why *why)
{
	const char *method = word(request, "method");

	tool->method = method ? method : "GET";
	if (tool->writes && strcmp(tool->method, "GET") == 0)
		return why_set(why, "it writes, and a GET may be repeated by whoever it passes");
	if (tool->writes && json_object_get(request, "cache"))
		return why_set(why, "it writes: its answer cannot come out of a cache");
	return true;
}

static bool request_read(struct settings *s, struct tool *tool, const json_t *request,
			 struct why *why)
{
	const json_t *known =
		json_object_get(json_object_get(tool->declared, "arguments"), "properties");
	const json_t *auth = json_object_get(request, "auth");
	json_t *used = json_object();

	(void)json_object_set_new(s->used, tool->name, used);
	tool->used = used;
	tool->url = word(request, "url");
	tool->query = json_object_get(request, "query");
	tool->headers = json_object_get(request, "headers");
	if (!tool->url)
		return why_set(why, "url: expected one");
	if (!method_read(tool, request, why) ||
	    !key_header_read(tool, json_object_get(request, "idempotency_header"), why) ||
	    !template_check_url(tool->url, s->base_url != NULL, known, why) ||
	    !values_ok(tool->query, PLACE_PAIR, known, why) ||
	    !headers_ok(tool->headers, known, why) ||
	    !body_read(tool, json_object_get(request, "body"), known, why) ||
	    !auth_read(tool, auth ? auth : json_object_get(s->json, "auth"), why) ||
	    !answer_read(tool, json_object_get(request, "answer"), why))
		return false;
	times_read(tool, request);
	template_names(tool->url, name_used, used);
	names_used(used, tool->query);
	names_used(used, tool->headers);
	return true;
}

static bool tool_read(struct settings *s, struct tool *tool, const json_t *declared,
		      struct why *why)
{
	struct why inner = { "" };
	const char *name = word(declared, "name");

	tool->declared = declared;
	tool->name = name ? name : "";
	tool->writes = json_is_true(json_object_get(declared, "writes"));
	tool->idempotent = json_is_true(json_object_get(declared, "idempotent"));
	if (!tool->name[0] || json_object_get(s->used, tool->name))
		return why_set(why, "tool \"%.64s\": expected a name of its own", tool->name);
	if (!request_read(s, tool, json_object_get(declared, "config"), &inner))
		return why_set(why, "tool %.64s: request: %.160s", tool->name, inner.text);
	return true;
}

/* --- all of it -------------------------------------------------------------------------------- */

static bool entry_read(struct settings *s, struct why *why)
{
	const char *base = word(s->json, "base_url");
	const json_t *headers = json_object_get(s->json, "headers");
	struct tool trial = { 0 };

	s->health = word(s->json, "health");
	s->connect_ms = number(s->json, "connect_ms", CONNECT_MS);
	s->cache_entries = number(s->json, "cache_entries", CACHE_ENTRIES);
	bool auth_ok = auth_read(&trial, json_object_get(s->json, "auth"), why);
	s->auth = trial.auth;
	if (!auth_ok || (base && !template_check_base(base, why)) ||
	    !headers_ok(headers, json_null(), why))
		return false;
	if (s->health && !template_check_url(s->health, base != NULL, json_null(), why))
		return false;
	s->base_url = base ? strdup(base) : NULL;
	size_t n = s->base_url ? strlen(s->base_url) : 0;
	while (n > 0 && s->base_url[n - 1] == '/')
		s->base_url[--n] = '\0';
	return true;
}

static bool tools_read(struct settings *s, struct why *why)
{
	const json_t *tools = json_object_get(json_object_get(s->json, "policy"), "tools");
	size_t n = json_array_size(tools);

	if (n > TOOLS_MAX)
		return why_set(why, "more than %d tools", TOOLS_MAX);
	s->tools = calloc(n ? n : 1, sizeof(*s->tools));
	if (!s->tools)
		return why_set(why, "out of memory");
	for (; s->n_tools < n; s->n_tools++)
		if (!tool_read(s, &s->tools[s->n_tools], json_array_get(tools, s->n_tools), why)) {
			s->n_tools++; /* what it has got is freed with the rest */
			return false;
		}
	return true;
}

bool settings_read(struct settings *settings, baton_str config, struct why *why)
{
	memset(settings, 0, sizeof(*settings));
	settings->json = json_loadb(config.p, config.n, JSON_REJECT_DUPLICATES, NULL);
	settings->used = json_object();
	bool ok = json_is_object(settings->json)
			  ? entry_read(settings, why) && tools_read(settings, why)
			  : why_set(why, "expected an object");
	if (!ok)
		settings_done(settings);
	return ok;
}
