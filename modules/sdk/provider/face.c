/* SPDX-License-Identifier: Apache-2.0 */

/* The face; answer.c is its life. The key never enters the module: the host fills it in. */
#include "modules/sdk/provider/face.h"

#include <stdlib.h>

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
		bytes += prompt->turn->msgs[i].text.n + prompt->turn->msgs[i].parts_json.n;
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

int32_t face_check(void *inst, baton_call call, uint32_t level)
{
	struct provider *provider = inst;
	if (level > 0)
		return answer_check(provider, call);
	provider->host->end(provider->ctx, call, BATON_END_STOP);
	return BATON_OK;
}

int32_t face_load(baton_ctx *ctx, const baton_host *host, void **mod)
{
	(void)ctx;
	const baton_host **table = malloc(sizeof(const baton_host *));
	if (!table)
		return BATON_E_NOMEM;
	*table = host;
	*mod = table;
	return BATON_OK;
}

void face_unload(void *mod)
{
	free(mod);
}

int32_t face_create(void *mod, baton_ctx *ctx, baton_str config_json,
		    int32_t (*read)(struct config *, const json_t *, const char **), void **inst)
{
	const baton_host *host = *(const baton_host **)mod;
	struct provider *provider = calloc(1, sizeof(*provider));
	json_t *json = json_loadb(config_json.p, config_json.n, JSON_REJECT_DUPLICATES, NULL);
	const char *why = "";

	int32_t rc = provider ? read(&provider->config, json, &why) : BATON_E_NOMEM;
	json_decref(json);
	if (rc < 0) {
		host->log(ctx, BATON_LOG_ERROR, str_z(why));
		free(provider);
		return rc;
	}
	provider->ctx = ctx;
	provider->host = host;
	*inst = provider;
	return BATON_OK;
}

int32_t face_activate(void *inst)
{
	(void)inst; /* connects with the first question */
	return BATON_OK;
}

void face_quiesce(void *inst)
{
	answer_close_ended(inst);
}

void face_destroy(void *inst)
{
	struct provider *provider = inst;
	answer_close_all(provider);
	config_done(&provider->config);
	free(provider);
}

const baton_provider face_provider = {
	.size = sizeof(face_provider),
	.models = models,
	.estimate = estimate,
	.start = start,
	.cancel = cancel,
	.resume = resume,
};
