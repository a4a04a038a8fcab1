/* SPDX-License-Identifier: Apache-2.0 */

/* classifier-linear: says what a customer wants, how sure that is, how they sound, and in which
 * language. Trains in a job, once for all loops; until then check() waits and classify() refuses.
 * Answers within the call; keeps nothing between calls but working memory. */

#include "catalogue.h"
#include "reading.h"
#include "tone.h"

#include "modules/sdk/shared/shared.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct mod {
	baton_ctx *ctx;
	const baton_host *host;
	struct shared *models;
	struct tone_table *tone;
};

struct inst {
	struct mod *mod;
	baton_ctx *ctx;
	struct share share;
	const struct model *model; /* the share's; NULL until it is trained, or for ever */
	struct scratch *scratch;
};

static baton_str str(const char *text)
{
	return (baton_str){ text, strlen(text) };
}

static void mod_unload(void *ptr)
{
	struct mod *mod = ptr;

	tone_free(&mod->tone);
	shared_free(&mod->models);
	free(mod);
}

static void *train(const char *json, size_t n, const char **why)
{
	return model_make(json, n, why);
}

static void drop(void *thing)
{
	struct model *model = thing;

	model_free(&model);
}

static int32_t mod_load(baton_ctx *ctx, const baton_host *host, void **ret_mod)
{
	static const struct shared_kind kind = { train, drop };
	struct mod *mod = calloc(1, sizeof(*mod));

	if (!mod)
		return BATON_E_NOMEM;
	mod->ctx = ctx;
	mod->host = host;
	mod->models = shared_new(host, &kind);
	mod->tone = tone_new();
	if (!mod->models || !mod->tone) {
		mod_unload(mod);
		return BATON_E_NOMEM;
	}
	*ret_mod = mod;
	return BATON_OK;
}

static void inst_destroy(void *ptr)
{
	struct inst *inst = ptr;

	share_end(&inst->share);
	scratch_free(&inst->scratch);
	free(inst);
}

/* One line for the operator: what was learned, and how good it is on examples it has not seen. */
static void report(const struct inst *inst)
{
	char line[160];
	const struct model *m = inst->model;
	int n = snprintf(line, sizeof(line),
			 "%u intents from %u examples, %.1f %% right on held-out ones, %zu KB",
			 m->n_classes, m->n_examples,
			 m->held_out_accuracy < 0 ? 0.0 : 100.0 * (double)m->held_out_accuracy,
			 model_bytes(m) / 1024);

	if (n > 0)
		inst->mod->host->log(inst->ctx, BATON_LOG_INFO, str(line));
}

/* The model is there, or never will be. */
static void inst_ready(void *ptr)
{
	struct inst *inst = ptr;
	const struct model *model = inst->share.thing;

	inst->scratch = model ? scratch_new(model) : NULL;
	inst->model = inst->scratch ? model : NULL;
	if (model && !inst->model)
		inst->share.why = "out of memory";
	if (inst->model && inst->share.is_maker)
		report(inst);
}

static void self_test(void *ptr, baton_call call);

static int32_t inst_create(void *mod_ptr, baton_ctx *ctx, baton_str config, void **ret_inst)
{
	struct mod *mod = mod_ptr;
	struct inst *inst = calloc(1, sizeof(*inst));

	if (!inst)
		return BATON_E_NOMEM;
	inst->mod = mod;
	inst->ctx = ctx;
	int32_t rc =
		share_begin(&inst->share, mod->models, ctx, config, inst_ready, self_test, inst);
	if (rc < 0) {
		inst_destroy(inst);
		return rc;
	}
	*ret_inst = inst;
	return BATON_OK;
}

static int32_t inst_activate(void *ptr)
{
	(void)ptr;
	return BATON_OK;
}

static void inst_quiesce(void *ptr)
{
	(void)ptr;
}

/* A JSON list of the intents' names, in the policy's order. */
static int32_t labels(void *ptr, const baton_sink *sink)
{
	const struct inst *inst = ptr;

	if (!inst->model)
		return BATON_E_STATE;
	json_t *list = json_array();
	int32_t rc = BATON_E_NOMEM;

	for (uint32_t i = 0; i < inst->model->n_classes; i++)
		if (json_array_append_new(list, json_string(inst->model->names[i])) < 0)
			break;
	char *text = json_dumps(list, JSON_COMPACT);

	if (text && json_array_size(list) == inst->model->n_classes)
		rc = sink->write(sink->ud, text, strlen(text));
	free(text);
	json_decref(list);
	return rc;
}

static baton_str last_customer_text(const baton_turn *turn)
{
	for (uint32_t i = turn->n_msgs; turn->msgs && i > 0; i--)
		if (turn->msgs[i - 1].role == BATON_ROLE_CUSTOMER && turn->msgs[i - 1].text.p)
			return turn->msgs[i - 1].text;
	return (baton_str){ "", 0 };
}

static bool prefers_months_first(baton_str locale)
{
	return locale.n >= 5 && memcmp(locale.p, "en", 2) == 0 &&
	       (memcmp(locale.p + 3, "US", 2) == 0 || memcmp(locale.p + 3, "us", 2) == 0);
}

static uint32_t label_of(const struct model *model, baton_str name)
{
	for (uint32_t c = 0; c < model->n_classes && name.n > 0; c++)
		if (strlen(model->names[c]) == name.n &&
		    memcmp(model->names[c], name.p, name.n) == 0)
			return c;
	return UINT32_MAX;
}

/* "4711" after "which order?" is about what the message before was about. */
static void hear_answer(const struct inst *inst, const baton_turn *turn, baton_str text,
			uint32_t cap, struct reading *reading)
{
	enum { IS_ANSWER_PPM = 800000 };
	const struct model *model = inst->model;
	uint32_t before = label_of(model, turn->intent);

	if (before == UINT32_MAX || !model->slots[before] ||
	    !reading_is_answer(inst->scratch, reading))
		return;
	slots_begin(inst->scratch->slots);
	if (slots_find(inst->scratch->slots, model->slots[before], text,
		       prefers_months_first(turn->locale))
		    .n == 0)
		return;
	reading_put_first(reading, before, (float)IS_ANSWER_PPM / 1e6F, cap);
	reading->doubt = 0;
}

static void fill(const struct inst *inst, const baton_turn *turn, baton_str text,
		 const struct reading *reading, baton_intents *out)
{
	slots_begin(inst->scratch->slots);
	for (out->n = 0; out->n < reading->n && out->n < out->cap; out->n++) {
		uint32_t label = reading->v[out->n].label;

		out->v[out->n] = (baton_intent){
			.name = str(inst->model->names[label]),
			.confidence_ppm = (uint32_t)lrintf(1e6F * reading->v[out->n].p),
			.entities_json = slots_find(inst->scratch->slots, inst->model->slots[label],
						    text, prefers_months_first(turn->locale)),
		};
	}
	if (!BATON_HAS(out, human_ppm))
		return;
	out->out_of_scope_ppm = (uint32_t)lrintf(1e6F * reading->doubt);
	out->human_ppm = (uint32_t)lrintf(1e6F * reading->human);
}

static int32_t classify(void *ptr, baton_call call, const baton_turn *turn, baton_intents *out)
{
	struct inst *inst = ptr;

	if (!inst->model)
		return BATON_E_STATE; /* who does not wait for check() */
	baton_str text = last_customer_text(turn);
	struct reading reading;

	(void)call;
	model_read(inst->model, inst->scratch, text, out->cap, &reading);
	const struct text_features *words = &inst->scratch->features; /* model_read() left them */

	hear_answer(inst, turn, text, out->cap, &reading);
	fill(inst, turn, text, &reading, out);
	out->sentiment_ppm = tone_ppm(inst->mod->tone, words, text.p, text.n);
	out->language = str(tone_language(inst->mod->tone, words));
	return BATON_OK;
}

/* Only check() is ever open: classify() answers at once. */
static void cancel(void *ptr, baton_call call, uint32_t why)
{
	struct inst *inst = ptr;

	(void)why;
	share_cancel(&inst->share, call);
}

/* Its own examples must come out as what they are. A few may not: intents can share a phrase. */
static void self_test(void *ptr, baton_call call)
{
	struct inst *inst = ptr;
	const struct model *m = inst->model;
	uint32_t right = 0;

	if (!m) {
		share_fail(&inst->share, call, "not_trained", inst->share.why);
		return;
	}
	for (uint32_t i = 0; i < m->n_probes; i++) {
		struct guess guess =
			model_predict(m, inst->scratch, m->probes[i], strlen(m->probes[i]));

		right += guess.has_evidence && guess.label == m->probe_labels[i];
	}
	if (right * 10 >= m->n_probes * 8)
		(void)inst->mod->host->end(inst->ctx, call, BATON_END_STOP);
	else
		share_fail(&inst->share, call, "examples_contradict",
			   "fewer than 80 % of its own examples are recognised: do intents "
			   "share examples?");
}

/* Ends when the model is there: who waits for it has a classifier that classifies. */
static int32_t check(void *ptr, baton_call call, uint32_t level)
{
	struct inst *inst = ptr;

	(void)level; /* there is no upstream to reach */
	return share_check(&inst->share, call);
}

static const baton_classifier classifier = {
	.size = sizeof(baton_classifier),
	.labels = labels,
	.classify = classify,
	.cancel = cancel,
};
static const baton_iface ifaces[] = { { BATON_CLASSIFIER, &classifier } };

BATON_MODULE_NOTE("classifier-linear", "1.0.0", BATON_CLASSIFIER, 0);

BATON_EXPORT const baton_module baton_module_entry = {
	BATON_MODULE_HEAD,
	.n_ifaces = 1,
	.id = "classifier-linear",
	.version = "1.0.0",
	.vendor = "Baton",
	.license = "Apache-2.0 AND MIT",
	.summary = "Intent, confidence, sentiment and language; learns from the policy's examples",
	.homepage = "",
	.config_schema = "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{"
			 "\"policy\":{\"type\":\"object\"},"
			 "\"epochs\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":50},"
			 "\"out_of_scope_ppm\":{\"type\":\"integer\",\"minimum\":0,"
			 "\"maximum\":500000}}}",
	.ifaces = ifaces,
	.load = mod_load,
	.unload = mod_unload,
	.create = inst_create,
	.activate = inst_activate,
	.quiesce = inst_quiesce,
	.destroy = inst_destroy,
	.check = check,
};
