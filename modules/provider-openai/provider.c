/* SPDX-License-Identifier: Apache-2.0 */

/* provider-openai: asks any endpoint that speaks the OpenAI Chat Completions API. This file is the
 * module's face; answer.c is its life. The key never enters the module: the host fills it in. */
#include "answer.h"

#include <stdlib.h>

BATON_MODULE_NOTE("provider-openai", "1.0.0", "provider", 0);

static int32_t models(void *inst, const baton_sink *json)
{
	const struct provider *provider = inst;
	baton_str list = str_z(provider->config.models);
	return json->write(json->ud, list.p, list.n);
}

/* Four bytes a token is what English needs; other languages need fewer bytes, so this is low. */
static int32_t estimate(void *inst, const baton_prompt *prompt, baton_usage *out)
{
	(void)inst;
	uint64_t bytes = prompt->tools_json.n;
	for (uint32_t i = 0; i < prompt->turn->n_msgs; i++)
		bytes += prompt->turn->msgs[i].text.n;
	for (uint32_t i = 0; i < prompt->n_docs; i++)
		bytes += prompt->docs[i].snippet.n + prompt->docs[i].title.n;
	out->flags = BATON_USAGE_ESTIMATED;
	out->in_tokens = bytes / 4 + 4 * (uint64_t)prompt->turn->n_msgs;
	out->out_tokens = prompt->max_output_tokens;
	return BATON_OK;
}

static int32_t start(void *inst, baton_call call, const baton_prompt *prompt)
{
	return answer_start(inst, call, prompt);
}

static void cancel(void *inst, baton_call call, uint32_t why)
{
	const struct provider *provider = inst;
	(void)why;
	answer_cancel(provider->host->call_get(provider->ctx, call));
}

static void resume(void *inst, baton_call call)
{
	const struct provider *provider = inst;
	answer_resume(provider->host->call_get(provider->ctx, call));
}

static int32_t check(void *inst, baton_call call, uint32_t level)
{
	struct provider *provider = inst;
	if (level > 0)
		return answer_check(provider, call);
	provider->host->end(provider->ctx, call, BATON_END_STOP);
	return BATON_OK;
}

static int32_t load(baton_ctx *ctx, const baton_host *host, void **mod)
{
	(void)ctx;
	const baton_host **table = malloc(sizeof(const baton_host *));
	if (!table)
		return BATON_E_NOMEM;
	*table = host;
	*mod = table;
	return BATON_OK;
}

static void unload(void *mod)
{
	free(mod);
}

static int32_t create(void *mod, baton_ctx *ctx, baton_str config_json, void **inst)
{
	const baton_host *host = *(const baton_host **)mod;
	struct provider *provider = calloc(1, sizeof(*provider));
	const char *why;

	if (!provider)
		return BATON_E_NOMEM;
	provider->ctx = ctx;
	provider->host = host;
	int32_t rc = config_read(&provider->config, config_json, &why);
	if (rc < 0) {
		host->log(ctx, BATON_LOG_ERROR, str_z(why));
		free(provider);
		return rc;
	}
	*inst = provider;
	return BATON_OK;
}

static int32_t activate(void *inst)
{
	(void)inst; /* connects with the first question */
	return BATON_OK;
}

static void quiesce(void *inst)
{
	answer_close_ended(inst);
}

static void destroy(void *inst)
{
	struct provider *provider = inst;
	answer_close_all(provider);
	config_done(&provider->config);
	free(provider);
}

static const baton_provider provider_vt = {
	.size = sizeof(provider_vt),
	.models = models,
	.estimate = estimate,
	.start = start,
	.cancel = cancel,
	.resume = resume,
};
static const baton_iface ifaces[] = { { BATON_PROVIDER, &provider_vt } };

BATON_EXPORT const baton_module baton_module_entry = {
	BATON_MODULE_HEAD,
	.n_ifaces = 1,
	.id = "provider-openai",
	.version = "1.0.0",
	.vendor = "Baton",
	.license = "Apache-2.0",
	.summary = "Asks any endpoint that speaks the OpenAI Chat Completions API",
	.config_schema = config_schema,
	.ifaces = ifaces,
	.load = load,
	.unload = unload,
	.create = create,
	.activate = activate,
	.quiesce = quiesce,
	.destroy = destroy,
	.check = check,
};
