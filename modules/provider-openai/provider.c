/* SPDX-License-Identifier: Apache-2.0 */

/* provider-openai: asks any endpoint that speaks an API of OpenAI's, or Ollama's own. This file
 * is what the operator may write and which wire and dialect it picks; modules/sdk/provider is the
 * life of it. */
#include "modules/provider-openai/wires.h"
#include "modules/sdk/provider/face.h"

#include <stdio.h>

BATON_MODULE_NOTE("provider-openai", "1.0.0", "provider", 0);

static const char schema[] =
	"{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{" CONFIG_SCHEMA_COMMON
	",\"api\":{\"enum\":[\"chat\",\"responses\",\"ollama\"]},"
	"\"dialect\":{\"enum\":[\"compatible\",\"openai\",\"azure\",\"ollama\",\"llamacpp\",\"vllm\"]},"
	"\"api_version\":{\"type\":\"string\"},\"organization\":{\"type\":\"string\"},"
	"\"project\":{\"type\":\"string\"},\"options\":{\"type\":\"object\"},"
	"\"max_tokens_name\":{\"enum\":[\"max_tokens\",\"max_completion_tokens\"]},"
	"\"include_usage\":{\"type\":\"boolean\"}}}";

/* --- dialects --- */

static const struct dialect_row {
	const char *name, *url;
	enum dialect dialect;
	const char *max_tokens_name;
	bool prefill;
} dialects[] = {
	{ "compatible", NULL, DIALECT_COMPATIBLE, "max_tokens", false },
	{ "openai", "https://api.openai.com/v1", DIALECT_OPENAI, "max_completion_tokens", false },
	{ "azure", NULL, DIALECT_AZURE, "max_tokens", false },
	{ "ollama", "http://127.0.0.1:11434/v1", DIALECT_OLLAMA, "max_tokens", true },
	{ "llamacpp", "http://127.0.0.1:8080/v1", DIALECT_LLAMACPP, "max_tokens", true },
	{ "vllm", "http://127.0.0.1:8000/v1", DIALECT_VLLM, "max_tokens", true },
};
enum { DIALECTS_N = sizeof(dialects) / sizeof(dialects[0]) };

/* Where none is named, the address says whether it is OpenAI itself. */
static const struct dialect_row *dialect_pick(const json_t *json)
{
	const char *name = config_string(json, "dialect"), *url = config_string(json, "base_url");
	static const char openai[] = "https://api.openai.com/";

	if (!name)
		name = !url || strncmp(url, openai, sizeof(openai) - 1) == 0 ? "openai"
									     : "compatible";
	for (size_t i = 0; i < DIALECTS_N; i++)
		if (strcmp(dialects[i].name, name) == 0)
			return &dialects[i];
	return NULL;
}

/* --- what the operator wrote --- */

static bool api_pick(struct config_base *base, const struct dialect_row *row, const json_t *json)
{
	const char *api = config_string(json, "api");

	*base = (struct config_base){
		.wire = &wire_chat,
		.url = row->url,
		.path = "/chat/completions",
		.models_path = "/models",
		.key_header = "Authorization: Bearer",
		.prefill = row->prefill,
	};
	if (!api || strcmp(api, "chat") == 0)
		return true;
	if (strcmp(api, "responses") == 0) {
		base->wire = &wire_responses;
		base->path = "/responses";
		base->prefill = false;
		return true;
	}
	base->wire = &wire_ollama;
	base->url = "http://127.0.0.1:11434";
	base->path = "/api/chat";
	base->models_path = "/api/tags";
	base->prefill = true;
	return strcmp(api, "ollama") == 0;
}

/* Azure names the deployment in the path and the version behind it; "v1" is the new kind without.
 */
static void azure_shape(struct config_base *base, const char *version, char *query, size_t cap)
{
	bool responses = base->wire == &wire_responses;

	base->key_header = "api-key:";
	if (responses || (version && strcmp(version, "v1") == 0)) {
		base->path = responses ? "/openai/v1/responses" : "/openai/v1/chat/completions";
		base->models_path = "/openai/v1/models";
		return;
	}
	snprintf(query, cap, "?api-version=%s", version ? version : "2024-10-21");
	base->path = "/openai/deployments/{model}/chat/completions";
	base->models_path = "/openai/models";
	base->query = query;
}

static bool more_read(struct config *config, const struct dialect_row *row, const json_t *json)
{
	const char *organization = config_string(json, "organization");
	const char *project = config_string(json, "project");
	const char *most = config_string(json, "max_tokens_name");

	config->dialect = row->dialect;
	config->max_tokens_name = row->max_tokens_name;
	if (most)
		config->max_tokens_name =
			strcmp(most, "max_tokens") == 0 ? "max_tokens" : "max_completion_tokens";
	config->options = config_members(json_object_get(json, "options"));
	if (organization &&
	    !config_header(config, config_format("OpenAI-Organization: %s", organization)))
		return false;
	if (project && !config_header(config, config_format("OpenAI-Project: %s", project)))
		return false;
	return config->options;
}

static int32_t openai_read(struct config *config, const json_t *json, const char **why)
{
	const struct dialect_row *row = dialect_pick(json);
	struct config_base base;
	char query[64];

	*why = "api, dialect: not one that is known";
	if (!row || !api_pick(&base, row, json))
		return BATON_E_INVAL;
	if (row->dialect == DIALECT_AZURE)
		azure_shape(&base, config_string(json, "api_version"), query, sizeof(query));
	int32_t rc = config_read(config, &base, json, why);
	if (rc < 0)
		return rc;
	if (!more_read(config, row, json))
		*why = "organization, project: no control characters";
	else if (config->prefill && base.wire == &wire_responses)
		*why = "prefill: the Responses API cannot continue an answer";
	else
		return BATON_OK;
	config_done(config);
	return BATON_E_INVAL;
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
