/* SPDX-License-Identifier: Apache-2.0 */

/* tool-mcp: tools that another system offers over the Model Context Protocol (streamable HTTP,
 * 2026-07-28, and 2025-11-25 down to 2025-03-26 where that is not spoken).
 *
 * Only what tools.yaml names is ever called. A server's own words about its tools reach nobody but
 * an operator who asks (describe()).
 */
#include "visit.h"

#include <stdlib.h>

#define BATON_TOOL_MCP_VERSION "1.0.0"

BATON_MODULE_NOTE("tool-mcp", BATON_TOOL_MCP_VERSION, "tool", 0);

/* --- what there is ------------------------------------------------------------------------ */

static const char *const stages[] = { "not_asked", "opening", "ready" };

static void field(struct text *to, const char *name, const char *value)
{
	text_z(to, ",\"");
	text_z(to, name);
	text_z(to, "\":");
	text_json(to, str_z(value));
}

static void tool_describe(struct text *to, const struct module_inst *inst,
			  const struct tool_set *set)
{
	const struct server *server = &inst->servers[set->server];
	const struct entry *entry = server->listed_ns ? catalogue_find(&server->list, set) : NULL;

	text_z(to, "{\"name\":");
	text_json(to, str_z(set->name));
	field(to, "description", set->description);
	field(to, "server", server->set->name);
	field(to, "remote", set->remote);
	field(to, "state", server->why[0] ? "unreachable" : stages[server->stage]);
	if (server->why[0])
		field(to, "why", server->why);
	if (server->version[0])
		field(to, "protocol", server->version);
	text_z(to, set->writes ? ",\"writes\":true" : ",\"writes\":false");
	if (entry && entry->schema) {
		text_z(to, ",\"arguments\":");
		text_add(to, entry->schema, entry->schema_n);
	}
	text_z(to, ",\"problems\":[");
	if (entry)
		text_add(to, entry->problems.p, entry->problems.n);
	text_z(to, "]}");
}

static int32_t describe(void *user, const baton_sink *json)
{
	const struct module_inst *inst = user;
	struct text text = { 0 };
	int32_t rc = BATON_E_NOMEM;

	text_z(&text, "[");
	for (unsigned i = 0; i < inst->settings.n_tools; i++) {
		if (i)
			text_z(&text, ",");
		tool_describe(&text, inst, &inst->settings.tools[i]);
	}
	text_z(&text, "]");
	if (!text.failed)
		rc = json->write(json->ud, text.p, text.n);
	text_done(&text);
	return rc;
}

/* --- calls -------------------------------------------------------------------------------- */

static int32_t invoke(void *user, baton_call call, const baton_tool_req *req)
{
	return visit_invoke(user, call, req);
}

static void cancel(void *user, baton_call call, uint32_t why)
{
	const struct module_inst *inst = user;
	struct visit *visit = inst->host->call_get(inst->ctx, call);

	(void)why;
	if (visit)
		visit_cancel(visit);
}

/* 0: ready as it is, servers are met when needed. 1: they are there, with tools of ours. */
static int32_t check(void *user, baton_call call, uint32_t level)
{
	struct module_inst *inst = user;

	if (level == 0)
		return inst->host->end(inst->ctx, call, BATON_END_STOP);
	return visit_check(inst, call);
}

/* --- life --------------------------------------------------------------------------------- */

static int32_t load(baton_ctx *ctx, const baton_host *host, void **mod)
{
	static const baton_host *table;

	(void)ctx;
	table = host;
	*mod = &table;
	return BATON_OK;
}

static void destroy(void *user)
{
	struct module_inst *inst = user;

	for (unsigned i = 0; i < inst->settings.n_servers; i++)
		server_done(&inst->servers[i]);
	free(inst->servers);
	settings_done(&inst->settings);
	free(inst);
}

static int32_t create(void *mod, baton_ctx *ctx, baton_str config_json, void **ret)
{
	const baton_host *host = *(const baton_host **)mod;
	struct module_inst *inst = calloc(1, sizeof(*inst));
	char why[SETTINGS_WHY];

	if (!inst)
		return BATON_E_NOMEM;
	inst->host = host;
	inst->ctx = ctx;
	if (!settings_read(&inst->settings, config_json, why)) {
		host->log(ctx, BATON_LOG_ERROR, str_z(why));
		free(inst);
		return BATON_E_INVAL;
	}
	inst->servers = calloc(inst->settings.n_servers, sizeof(*inst->servers));
	if (!inst->servers) {
		settings_done(&inst->settings);
		free(inst);
		return BATON_E_NOMEM;
	}
	for (unsigned i = 0; i < inst->settings.n_servers; i++) {
		inst->servers[i].inst = inst;
		inst->servers[i].set = &inst->settings.servers[i];
	}
	*ret = inst;
	return BATON_OK;
}

static const baton_tool tool = {
	.size = sizeof(tool), .describe = describe, .invoke = invoke, .cancel = cancel
};
static const baton_iface ifaces[] = { { BATON_TOOL, &tool } };

BATON_EXPORT const baton_module baton_module_entry = {
	BATON_MODULE_HEAD,
	.n_ifaces = 1,
	.id = "tool-mcp",
	.version = BATON_TOOL_MCP_VERSION,
	.vendor = "Baton",
	.license = "Apache-2.0",
	.summary = "Calls tools of Model Context Protocol servers over streamable HTTP",
	.config_schema = settings_schema,
	.ifaces = ifaces,
	.load = load,
	.create = create,
	.destroy = destroy,
	.check = check,
};
