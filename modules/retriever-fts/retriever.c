/* SPDX-License-Identifier: Apache-2.0 */

/* retriever-fts: finds the passages of the policy's articles that speak about what a customer asks.
 * Answers within the call. */

#include "search.h"

#include <baton/module.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct mod {
	baton_ctx *ctx;
	const baton_host *host;
	struct shelf *shelf;
};

struct inst {
	struct mod *mod;
	baton_ctx *ctx;
	const struct library *library; /* shared */
	struct search *search;
};

static baton_str str(const char *text)
{
	return (baton_str){ text, strlen(text) };
}

static int32_t mod_load(baton_ctx *ctx, const baton_host *host, void **ret_mod)
{
	struct mod *mod = calloc(1, sizeof(*mod));

	if (!mod)
		return BATON_E_NOMEM;
	mod->ctx = ctx;
	mod->host = host;
	mod->shelf = shelf_new();
	if (!mod->shelf) {
		free(mod);
		return BATON_E_NOMEM;
	}
	*ret_mod = mod;
	return BATON_OK;
}

static void mod_unload(void *ptr)
{
	struct mod *mod = ptr;

	shelf_free(&mod->shelf);
	free(mod);
}

static void inst_destroy(void *ptr)
{
	struct inst *inst = ptr;

	search_free(&inst->search);
	if (inst->library)
		shelf_return(inst->mod->shelf, inst->library);
	free(inst);
}

static void report(const struct inst *inst)
{
	char line[128];
	const struct library *l = inst->library;
	int n = snprintf(line, sizeof(line), "%u articles, %u passages, index of %lld KB",
			 l->n_articles, l->n_passages, (long long)(l->image_bytes / 1024));

	if (n > 0)
		inst->mod->host->log(inst->ctx, BATON_LOG_INFO, str(line));
}

static int32_t inst_create(void *mod_ptr, baton_ctx *ctx, baton_str config, void **ret_inst)
{
	struct mod *mod = mod_ptr;
	const char *why = NULL;
	struct inst *inst = calloc(1, sizeof(*inst));

	if (!inst)
		return BATON_E_NOMEM;
	inst->mod = mod;
	inst->ctx = ctx;
	if (config.n == 0)
		config = str("{}");
	if (shelf_take(mod->shelf, config.p, config.n, &inst->library, &why) < 0) {
		mod->host->log(ctx, BATON_LOG_ERROR, str(why));
		inst_destroy(inst);
		return BATON_E_INVAL;
	}
	inst->search = search_new(inst->library);
	if (!inst->search) {
		inst_destroy(inst);
		return BATON_E_NOMEM;
	}
	report(inst);
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

static baton_doc doc_of(const struct library *l, struct hit hit)
{
	const struct passage *passage = &l->passages[hit.passage];
	const struct article *article = &l->articles[passage->article];

	return (baton_doc){
		.id = str(article->id),
		.title = str(article->title),
		.uri = str(article->uri),
		.snippet = { passage->text, passage->n },
		.version = str(article->updated),
		.score_ppm = hit.score_ppm,
		.updated_unix_ms = article->updated_unix_ms,
	};
}

static int32_t fail_call(const struct inst *inst, baton_call call, const char *code,
			 const char *message)
{
	const baton_error error = {
		.size = sizeof(error),
		.fail = BATON_FAIL_INTERNAL,
		.code = str(code),
		.message = str(message),
	};

	return inst->mod->host->fail(inst->ctx, call, &error);
}

static int32_t search(void *ptr, baton_call call, const baton_query *query)
{
	struct inst *inst = ptr;
	struct hit hits[HITS_MAX];
	baton_doc docs[HITS_MAX];

	/* Leaving a filter out would return what the caller meant to exclude. */
	if (query->filter_json.n > 0 &&
	    (query->filter_json.n != 2 || memcmp(query->filter_json.p, "{}", 2) != 0))
		return BATON_E_UNSUPPORTED;
	const baton_turn *turn = query->turn;
	const struct search_question question = {
		.text = query->text.p,
		.n = query->text.p ? query->text.n : 0,
		.intent = turn ? turn->intent.p : NULL,
		.n_intent = turn && turn->intent.p ? turn->intent.n : 0,
		.k = query->k,
	};
	int n = search_run(inst->search, &question, hits);

	if (n < 0) {
		fail_call(inst, call, "index", "the full-text index could not be read");
		return BATON_OK;
	}
	for (int i = 0; i < n; i++)
		docs[i] = doc_of(inst->library, hits[i]);
	inst->mod->host->result(inst->ctx, call, "doc/1", docs, (size_t)n * sizeof(docs[0]));
	inst->mod->host->end(inst->ctx, call, BATON_END_STOP);
	return BATON_OK;
}

/* Nothing is ever open: search() answers at once. */
static void cancel(void *ptr, baton_call call, uint32_t why)
{
	(void)ptr;
	(void)call;
	(void)why;
}

/* Some articles are looked up by their own titles; each must be among the first hits. */
static int32_t check(void *ptr, baton_call call, uint32_t level)
{
	struct inst *inst = ptr;
	const struct library *l = inst->library;
	struct hit hits[HITS_MAX];
	uint32_t step = l->n_passages / 8 + 1;

	(void)level; /* there is no upstream to reach */
	for (uint32_t p = 0; p < l->n_passages; p += step) {
		uint32_t article = l->passages[p].article;
		const char *title = l->articles[article].title;
		const struct search_question question = {
			.text = title,
			.n = strlen(title),
			.k = HITS_MAX,
		};
		int n = search_run(inst->search, &question, hits), found = 0;

		for (int i = 0; i < n; i++)
			found |= l->passages[hits[i].passage].article == article;
		if (!found)
			return fail_call(inst, call, "index",
					 "an article is not found by its own title");
	}
	return inst->mod->host->end(inst->ctx, call, BATON_END_STOP);
}

static const baton_retriever retriever = {
	.size = sizeof(baton_retriever),
	.search = search,
	.cancel = cancel,
};
static const baton_iface ifaces[] = { { BATON_RETRIEVER, &retriever } };

BATON_MODULE_NOTE("retriever-fts", "1.0.0", BATON_RETRIEVER, 0);

BATON_EXPORT const baton_module baton_module_entry = {
	BATON_MODULE_HEAD,
	.n_ifaces = 1,
	.id = "retriever-fts",
	.version = "1.0.0",
	.vendor = "Baton",
	.license = "Apache-2.0",
	.summary = "Full-text search over the policy's articles, in memory",
	.homepage = "",
	.config_schema = "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{"
			 "\"policy\":{\"type\":\"object\"},"
			 "\"min_score_ppm\":{\"type\":\"integer\",\"minimum\":0,"
			 "\"maximum\":1000000}}}",
	.ifaces = ifaces,
	.load = mod_load,
	.unload = mod_unload,
	.create = inst_create,
	.activate = inst_activate,
	.quiesce = inst_quiesce,
	.destroy = inst_destroy,
	.check = check,
};
