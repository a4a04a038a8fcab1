/* SPDX-License-Identifier: Apache-2.0 */

/* provider-anthropic: asks any endpoint that speaks the Messages API. This file is what the
 * operator may write; messages.c is the wire, modules/sdk/provider the life of a question. */
#include "modules/provider-anthropic/messages.h"
#include "modules/sdk/provider/face.h"

BATON_MODULE_NOTE("provider-anthropic", "1.0.0", "provider", 0);

enum { MAX_TOKENS = 1024 }; /* the API wants a bound; answers in a chat are short */

static const char schema[] =
	"{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{" CONFIG_SCHEMA_COMMON
	",\"version\":{\"type\":\"string\"},"
	"\"beta\":{\"type\":\"array\",\"items\":{\"type\":\"string\"}},"
	"\"max_tokens\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":1000000}}}";

static bool headers_add(struct config *config, const json_t *json)
{
	const char *version = config_string(json, "version");
	const json_t *beta;
	size_t i;

	bool ok = config_header(
		config, config_format("anthropic-version: %s", version ? version : "2023-06-01"));
	json_array_foreach(json_object_get(json, "beta"), i, beta)
		ok = ok && json_is_string(beta) &&
		     config_header(config,
				   config_format("anthropic-beta: %s", json_string_value(beta)));
	return ok;
}

static int32_t anthropic_read(struct config *config, const json_t *json, const char **why)
{
	const struct config_base base = {
		.wire = &wire_messages,
		.url = "https://api.anthropic.com",
		.path = "/v1/messages",
		.models_path = "/v1/models",
		.key_header = "x-api-key:",
		.prefill = true, /* newer models refuse it, and say so */
	};

	int32_t rc = config_read(config, &base, json, why);
	if (rc < 0)
		return rc;
	config->max_tokens = config_number(json, "max_tokens", MAX_TOKENS);
	if (headers_add(config, json))
		return BATON_OK;
	*why = "version, beta: texts without control characters, few of them";
	config_done(config);
	return BATON_E_INVAL;
}

static int32_t create(void *mod, baton_ctx *ctx, baton_str config_json, void **inst)
{
	return face_create(mod, ctx, config_json, anthropic_read, inst);
}

static const baton_iface ifaces[] = { { BATON_PROVIDER, &face_provider } };

BATON_EXPORT const baton_module baton_module_entry = {
	BATON_MODULE_HEAD,
	.n_ifaces = 1,
	.id = "provider-anthropic",
	.version = "1.0.0",
	.vendor = "Baton",
	.license = "Apache-2.0",
	.summary = "Asks any endpoint that speaks the Messages API of Anthropic's",
	.config_schema = schema,
	.ifaces = ifaces,
	.load = face_load,
	.unload = face_unload,
	.create = create,
	.activate = face_activate,
	.quiesce = face_quiesce,
	.destroy = face_destroy,
	.check = face_check,
};
