/* SPDX-License-Identifier: Apache-2.0 */

/* What the operator wrote: the servers (modules.yaml) and the tools that may be called there
 * (tools.yaml, as the policies hand it over). Read once, when the instance is made. A key never
 * stands in it: the host fills "{{secret:NAME}}" in. */
#pragma once

#include <baton/module.h>
#include <jansson.h>
#include <stdbool.h>

enum { SERVERS_MAX = 16, SERVER_HEADERS_MAX = 16, TOOLS_MAX = 256 };

enum protocol { PROTOCOL_AUTO, PROTOCOL_MODERN, PROTOCOL_LEGACY };

struct server_set {
	char *name; /* "" for the one that has none */
	char *url;
	char *headers[SERVER_HEADERS_MAX]; /* "Name: value", the key's among them */
	unsigned n_headers;
	enum protocol protocol;
	bool elicit; /* a question for a form is answered with its own defaults */
	uint32_t connect_ms, idle_ms, total_ms;
};

struct tool_set {
	char *name, *remote, *description;
	unsigned server;   /* of settings.servers */
	char *key;         /* argument that takes the idempotency key; NULL: none */
	char *fixed;       /* members that every call gets: "\"a\":1"; "" none */
	json_t *arguments; /* the declared schema, may be NULL */
	bool writes, idempotent;
	bool wants_json; /* a result is declared: text that is JSON is taken as such */
	uint32_t timeout_ms;
};

struct settings {
	struct server_set servers[SERVERS_MAX];
	unsigned n_servers;
	struct tool_set *tools;
	unsigned n_tools;
};

enum { SETTINGS_WHY = 200 };
#define SETTINGS_SCHEMA_SERVER                                                                  \
	"\"url\":{\"type\":\"string\",\"default\":\"https://mcp.example/mcp\"},\"headers\":{\"type\":\"object\"},"      \
	"\"secret\":{\"type\":\"string\",\"minLength\":1},"                                     \
	"\"protocol\":{\"type\":\"string\",\"enum\":[\"auto\",\"2026-07-28\",\"2025-11-25\"]}," \
	"\"elicitation\":{\"type\":\"string\",\"enum\":[\"decline\",\"defaults\"]},"            \
	"\"connect_ms\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":60000},"                \
	"\"idle_ms\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":600000},"                  \
	"\"total_ms\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":600000}"
extern const char settings_schema[];

/* false: `why` says what is wrong, and nothing is left behind. */
bool settings_read(struct settings *settings, baton_str config, char why[SETTINGS_WHY]);
void settings_done(struct settings *settings);
/* NULL: not one of ours. */
const struct tool_set *settings_tool(const struct settings *settings, baton_str name);
