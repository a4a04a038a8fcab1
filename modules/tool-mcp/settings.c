/* SPDX-License-Identifier: Apache-2.0 */

/* Reading the configuration; see settings.h. */
#include "settings.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CONNECT_MS = 5000, IDLE_MS = 30000, TOTAL_MS = 10000 };

const char settings_schema[] =
	"{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"url\"],\"properties\":{" SETTINGS_SCHEMA_SERVER
	",\"servers\":{\"type\":\"object\"},\"policy\":{}}}";

static bool refuse(char why[SETTINGS_WHY], const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
static bool refuse(char why[SETTINGS_WHY], const char *fmt, ...)
{
	va_list list;

	va_start(list, fmt);
	(void)vsnprintf(why, SETTINGS_WHY, fmt, list);
	va_end(list);
	return false;
}

static const char *string_of(const json_t *json, const char *key, const char *otherwise)
{
	const json_t *value = json_object_get(json, key);

	return json_is_string(value) ? json_string_value(value) : otherwise;
}

static uint32_t number_of(const json_t *json, const char *key, uint32_t otherwise)
{
	const json_t *value = json_object_get(json, key);
	json_int_t n = json_integer_value(value);

	return json_is_integer(value) && n > 0 && n <= 600000 ? (uint32_t)n : otherwise;
}

/* --- servers ------------------------------------------------------------------------------ */

static bool header_ok(const char *name, const char *value)
{
	if (!name[0] || strpbrk(name, ": \t\r\n") || strpbrk(value, "\r\n"))
		return false;
	return true;
}

static bool header_add(struct server_set *server, const char *name, const char *value,
		       char why[SETTINGS_WHY])
{
	size_t n = strlen(name) + strlen(value) + 3;
	char *line;

	if (!header_ok(name, value))
		return refuse(why, "headers: %.60s is no header", name);
	if (server->n_headers == SERVER_HEADERS_MAX)
		return refuse(why, "headers: at most %d", (int)SERVER_HEADERS_MAX);
	line = malloc(n);
	if (!line)
		return refuse(why, "out of memory");
	(void)snprintf(line, n, "%s: %s", name, value);
	server->headers[server->n_headers++] = line;
	return true;
}

static bool headers_read(struct server_set *server, const json_t *json, char why[SETTINGS_WHY])
{
	const json_t *headers = json_object_get(json, "headers");
	const char *secret = string_of(json, "secret", NULL);
	const char *name;
	json_t *value;
	char bearer[200];

	json_object_foreach((json_t *)(uintptr_t)headers, name, value) {
		if (!json_is_string(value))
			return refuse(why, "headers: %.60s: expected text", name);
		if (!header_add(server, name, json_string_value(value), why))
			return false;
	}
	if (!secret)
		return true;
	if (strlen(secret) > 100 || strpbrk(secret, "{}"))
		return refuse(why, "secret: expected the name of one");
	(void)snprintf(bearer, sizeof(bearer), "Bearer {{secret:%s}}", secret);
	return header_add(server, "Authorization", bearer, why);
}

static bool server_read(struct settings *settings, const char *name, const json_t *json,
			char why[SETTINGS_WHY])
{
	const char *url = string_of(json, "url", NULL);
	const char *protocol = string_of(json, "protocol", "auto");

	if (!url || !url[0])
		return refuse(why, "%.60s%surl: where is the server?", name, name[0] ? ": " : "");
	if (settings->n_servers == SERVERS_MAX)
		return refuse(why, "servers: at most %d", (int)SERVERS_MAX);
	struct server_set *server = &settings->servers[settings->n_servers++];
	server->name = strdup(name);
	server->url = strdup(url);
	if (!server->name || !server->url)
		return refuse(why, "out of memory");
	if (strcmp(protocol, "auto") == 0)
		server->protocol = PROTOCOL_AUTO;
	else if (strcmp(protocol, "2026-07-28") == 0)
		server->protocol = PROTOCOL_MODERN;
	else if (strcmp(protocol, "2025-11-25") == 0)
		server->protocol = PROTOCOL_LEGACY;
	else
		return refuse(why, "protocol: expected auto, 2026-07-28 or 2025-11-25");
	server->elicit = strcmp(string_of(json, "elicitation", "decline"), "defaults") == 0;
	server->connect_ms = number_of(json, "connect_ms", CONNECT_MS);
	server->idle_ms = number_of(json, "idle_ms", IDLE_MS);
	server->total_ms = number_of(json, "total_ms", TOTAL_MS);
	return headers_read(server, json, why);
}

static bool servers_read(struct settings *settings, const json_t *json, char why[SETTINGS_WHY])
{
	json_t *servers = json_object_get(json, "servers"), *value;
	const char *name;

	if (json_object_get(json, "url") && !server_read(settings, "", json, why))
		return false;
	json_object_foreach(servers, name, value) {
		if (!name[0])
			return refuse(why, "servers: one has no name");
		if (!server_read(settings, name, value, why))
			return false;
	}
	if (settings->n_servers == 0)
		return refuse(why, "url: where is the server?");
	return true;
}

/* --- tools -------------------------------------------------------------------------------- */

/* Members of an object without its braces. */
static char *members_of(const json_t *object)
{
	char *text = json_object_size(object) ? json_dumps(object, JSON_COMPACT) : NULL;
	size_t n = text ? strlen(text) : 0;

	if (n < 2) {
		free(text);
		return strdup("");
	}
	memmove(text, text + 1, n - 2);
	text[n - 2] = '\0';
	return text;
}

static bool server_find(const struct settings *settings, const char *name, unsigned *ret)
{
	for (unsigned i = 0; i < settings->n_servers; i++)
		if (strcmp(settings->servers[i].name, name) == 0) {
			*ret = i;
			return true;
		}
	return false;
}

/* Arguments that we set must not be declared: a model would fill them in, too. */
static bool ours_alone(const struct tool_set *tool, const char *argument)
{
	return !json_object_get(json_object_get(tool->arguments, "properties"), argument);
}

static bool remote_read(const struct settings *settings, struct tool_set *tool,
			const json_t *remote, char why[SETTINGS_WHY])
{
	const char *server = string_of(remote, "server", NULL), *name;
	const char *key = string_of(remote, "key", NULL);
	json_t *fixed = json_object_get(remote, "set"), *value;

	tool->server = 0;
	if (server && !server_find(settings, server, &tool->server))
		return refuse(why, "tool %.60s: no server is called %.60s", tool->name, server);
	if (!server && settings->n_servers > 1 && settings->servers[0].name[0])
		return refuse(why, "tool %.60s: remote.server: which one of them?", tool->name);
	tool->remote = strdup(string_of(remote, "name", tool->name));
	tool->fixed = members_of(fixed);
	if (key)
		tool->key = strdup(key);
	if (!tool->remote || !tool->fixed || (key && !tool->key))
		return refuse(why, "out of memory");
	json_object_foreach(fixed, name, value)
		if (!ours_alone(tool, name))
			return refuse(why, "tool %.60s: %.60s is set and declared", tool->name,
				      name);
	if (key && (!ours_alone(tool, key) || json_object_get(fixed, key)))
		return refuse(why, "tool %.60s: %.60s takes the key and something else", tool->name,
			      key);
	return true;
}

static bool tool_read(struct settings *settings, const json_t *json, char why[SETTINGS_WHY])
{
	const json_t *config = json_object_get(json, "config");
	const json_t *remote = json_object_get(config, "remote");
	const char *name = string_of(json, "name", NULL);
	struct tool_set *tool = &settings->tools[settings->n_tools];

	if (!name)
		return refuse(why, "policy.tools: one has no name");
	settings->n_tools++;
	tool->name = strdup(name);
	tool->description = strdup(string_of(json, "description", ""));
	tool->arguments = json_incref(json_object_get(json, "arguments"));
	tool->writes = json_is_true(json_object_get(json, "writes"));
	tool->idempotent = json_is_true(json_object_get(json, "idempotent"));
	tool->wants_json = json_is_object(json_object_get(json, "result"));
	tool->timeout_ms = number_of(json, "timeout_ms", 0);
	if (!tool->name || !tool->description)
		return refuse(why, "out of memory");
	return remote_read(settings, tool, remote ? remote : config, why);
}

static bool tools_read(struct settings *settings, const json_t *json, char why[SETTINGS_WHY])
{
	const json_t *tools = json_object_get(json_object_get(json, "policy"), "tools");
	size_t n = json_array_size(tools);

	if (n > TOOLS_MAX)
		return refuse(why, "policy.tools: at most %d", (int)TOOLS_MAX);
	settings->tools = calloc(n + 1, sizeof(*settings->tools));
	if (!settings->tools)
		return refuse(why, "out of memory");
	for (size_t i = 0; i < n; i++)
		if (!tool_read(settings, json_array_get(tools, i), why))
			return false;
	return true;
}

bool settings_read(struct settings *settings, baton_str config, char why[SETTINGS_WHY])
{
	json_error_t error;
	json_t *json = json_loadb(config.p, config.n, 0, &error);

	*settings = (struct settings){ 0 };
	if (!json)
		return refuse(why, "the configuration is no JSON: %.100s", error.text);
	bool ok = servers_read(settings, json, why) && tools_read(settings, json, why);
	json_decref(json);
	if (!ok)
		settings_done(settings);
	return ok;
}

void settings_done(struct settings *settings)
{
	for (unsigned i = 0; i < settings->n_servers; i++) {
		struct server_set *server = &settings->servers[i];
		for (unsigned h = 0; h < server->n_headers; h++)
			free(server->headers[h]);
		free(server->name);
		free(server->url);
	}
	for (unsigned i = 0; i < settings->n_tools; i++) {
		struct tool_set *tool = &settings->tools[i];
		free(tool->name);
		free(tool->remote);
		free(tool->description);
		free(tool->key);
		free(tool->fixed);
		json_decref(tool->arguments);
	}
	free(settings->tools);
	*settings = (struct settings){ 0 };
}

const struct tool_set *settings_tool(const struct settings *settings, baton_str name)
{
	for (unsigned i = 0; i < settings->n_tools; i++) {
		const char *own = settings->tools[i].name;
		if (strlen(own) == name.n && memcmp(own, name.p, name.n) == 0)
			return &settings->tools[i];
	}
	return NULL;
}
