/* SPDX-License-Identifier: Apache-2.0 */

/* provider-openai: asks any endpoint that speaks an API of OpenAI's, or Ollama's own. This file
 * is what the operator may write and which wire and dialect it picks; modules/sdk/provider is the
 * life of it. */
#include "modules/provider-openai/wires.h"
#include "modules/sdk/provider/face.h"

BATON_MODULE_NOTE("provider-openai", "1.0.0", "provider", 0);

static const char schema[] =
	"{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{" CONFIG_SCHEMA_COMMON
	",\"organization\":{\"type\":\"string\"},"
	"\"include_usage\":{\"type\":\"boolean\"}}}";

static int32_t openai_read(struct config *config, const json_t *json, const char **why)
{
	const struct config_base base = {
		.wire = &wire_chat,
		.url = "https://api.openai.com/v1",
		.path = "/chat/completions",
		.models_path = "/models",
		.key_header = "Authorization: Bearer",
	};
	const char *organization = config_string(json, "organization");

	int32_t rc = config_read(config, &base, json, why);
	if (rc == BATON_OK && organization &&
	    !config_header(config, config_format("OpenAI-Organization: %s", organization))) {
		*why = "organization: no control characters";
		config_done(config);
		rc = BATON_E_INVAL;
	}
	return rc;
}

static int32_t create(void *mod, baton_ctx *ctx, baton_str config_json, void **inst)
{
	return face_create(mod, ctx, config_json, openai_read, inst);
}

static const baton_iface ifaces[] = { { BATON_PROVIDER, &face_provider } };

BATON_EXPORT const baton_module baton_module_entry = {
	BATON_MODULE_HEAD,
	.n_ifaces = 1,
	.id = "provider-openai",
	.version = "1.0.0",
	.vendor = "Baton",
	.license = "Apache-2.0",
	.summary = "Asks any endpoint that speaks an API of OpenAI's",
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
