/* SPDX-License-Identifier: Apache-2.0 */

/* retriever-fts: finds the passages of the policy's articles that speak about what a customer asks.
 * Indexes in a job, once for all loops; until then check() waits and search() refuses. Answers
 * within the call. */

#include "search.h"
#include "tongue.h"

#include "modules/sdk/shared/shared.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DAY_MS = 86400000 };

struct mod {
	baton_ctx *ctx;
	const baton_host *host;
	struct shared *libraries;
};

struct inst {
	struct mod *mod;
	baton_ctx *ctx;
	struct share share;
	const struct library *library; /* the share's; NULL until it is indexed, or for ever */
	struct search *search;
};

static baton_str str(const char *text)
{
	return (baton_str){ text, strlen(text) };
}

/* Some articles are looked up by their own titles; each must be among the first hits. */
static bool finds_its_own(const struct library *l)
{
	struct search *search = search_new(l);
	struct hit hits[HITS_MAX];
	bool good = search != NULL;

	for (uint32_t p = 0; good && p < l->n_passages; p += l->n_passages / 8 + 1) {
		uint32_t article = l->passages[p].article;
		const char *title = l->articles[article].title;
		const struct search_question question = {
			.text = title,
			.n = strlen(title),
			.k = HITS_MAX,
		};
		int n = search_run(search, &question, hits), found = 0;

		for (int i = 0; i < n; i++)
			found |= l->passages[hits[i].passage].article == article;
		good = found;
	}
	search_free(&search);
	return good;
}

static void *index_articles(const char *json, size_t n, const char **why)
{
	struct library *library = library_make(json, n, why);

	if (library && !finds_its_own(library)) {
		library_free(&library);
		*why = "an article is not found by its own title";
	}
	return library;
}

static void drop(void *thing)
{
	struct library *library = thing;

	library_free(&library);
}

static int32_t mod_load(baton_ctx *ctx, const baton_host *host, void **ret_mod)
{
	static const struct shared_kind kind = { index_articles, drop };
	struct mod *mod = calloc(1, sizeof(*mod));

	if (!mod)
		return BATON_E_NOMEM;
	mod->ctx = ctx;
	mod->host = host;
	mod->libraries = shared_new(host, &kind);
	if (!mod->libraries) {
		free(mod);
		return BATON_E_NOMEM;
	}
	*ret_mod = mod;
	return BATON_OK;
}

static void mod_unload(void *ptr)
{
	struct mod *mod = ptr;

	shared_free(&mod->libraries);
	free(mod);
}

static void inst_destroy(void *ptr)
{
	struct inst *inst = ptr;

	search_free(&inst->search);
	share_end(&inst->share);
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

/* The index is there, or never will be. */
static void inst_ready(void *ptr)
{
	struct inst *inst = ptr;
	const struct library *library = inst->share.thing;

	inst->search = library ? search_new(library) : NULL;
	inst->library = inst->search ? library : NULL;
	if (library && !inst->library)
		inst->share.why = "out of memory";
	if (inst->library && inst->share.is_maker)
		report(inst);
}

static void tell_check(void *ptr, baton_call call);

static int32_t inst_create(void *mod_ptr, baton_ctx *ctx, baton_str config, void **ret_inst)
{
	struct mod *mod = mod_ptr;
	struct inst *inst = calloc(1, sizeof(*inst));

	if (!inst)
		return BATON_E_NOMEM;
	inst->mod = mod;
	inst->ctx = ctx;
	int32_t rc = share_begin(&inst->share, mod->libraries, ctx, config, inst_ready, tell_check,
				 inst);
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

static baton_doc doc_of(const struct library *l, struct hit hit, int64_t today)
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
		.flags = article->last_day < today ? BATON_DOC_STALE : 0,
		.updated_unix_ms = article->updated_unix_ms,
	};
}

/* --- the filter: {"audience":"customers","language":"de","intent":"refund"} --- */

static bool text_take(const json_t *text, char *to, size_t cap)
{
	if (!json_is_string(text) || json_string_length(text) == 0 ||
	    json_string_length(text) >= cap)
		return false;
	memcpy(to, json_string_value(text), json_string_length(text) + 1);
	return true;
}

static int32_t filter_member(const char *key, const json_t *value, struct search_filter *filter)
{
	char language[QUERY_INTENT_MAX];
	bool is_good;

	if (strcmp(key, "audience") == 0) {
		is_good = text_take(value, filter->audience, sizeof(filter->audience)) &&
			  (strcmp(filter->audience, "customers") == 0 ||
			   strcmp(filter->audience, "agents") == 0);
	} else if (strcmp(key, "language") == 0) {
		is_good = text_take(value, language, sizeof(language));
		if (is_good)
			tongue_primary(language, strlen(language), filter->language,
				       sizeof(filter->language));
		is_good = is_good && filter->language[0];
	} else if (strcmp(key, "intent") == 0) {
		is_good = text_take(value, filter->intent, sizeof(filter->intent));
	} else {
		/* Leaving it out would return what the caller meant to exclude. */
		return BATON_E_UNSUPPORTED;
	}
	return is_good ? BATON_OK : BATON_E_INVAL;
}

/* Members of the filter that are texts, and known; `ret_filter` is all zero where none is said. */
static int32_t filter_read(baton_str json, struct search_filter *ret_filter)
{
	json_t *root = json_loadb(json.p, json.n, JSON_REJECT_DUPLICATES, NULL), *value;
	int32_t rc = json_is_object(root) ? BATON_OK : BATON_E_INVAL;
	const char *key;

	memset(ret_filter, 0, sizeof(*ret_filter));
	json_object_foreach(root, key, value)
		rc = rc == BATON_OK ? filter_member(key, value, ret_filter) : rc;
	json_decref(root);
	return rc;
}

static int32_t search(void *ptr, baton_call call, const baton_query *query)
{
	struct inst *inst = ptr;
	const baton_host *host = inst->mod->host;
	struct search_filter filter;
	struct hit hits[HITS_MAX];
	baton_doc docs[HITS_MAX];
	int32_t rc = BATON_OK;

	if (!inst->library)
		return BATON_E_STATE; /* who does not wait for check() */
	if (query->filter_json.n > 0)
		rc = filter_read(query->filter_json, &filter);
	if (rc < 0)
		return rc;
	const baton_turn *turn = query->turn;
	struct search_question question = {
		.text = query->text.p,
		.n = query->text.p ? query->text.n : 0,
		.intent = turn ? turn->intent.p : NULL,
		.n_intent = turn && turn->intent.p ? turn->intent.n : 0,
		.filter = query->filter_json.n > 0 ? &filter : NULL,
		.today = (int64_t)(host->unix_ms(inst->ctx) / DAY_MS),
		.k = query->k,
	};
	if (turn && turn->locale.p)
		tongue_primary(turn->locale.p, turn->locale.n, question.language,
			       sizeof(question.language));
	int n = search_run(inst->search, &question, hits);

	if (n < 0) {
		share_fail(&inst->share, call, "index", "the full-text index could not be read");
		return BATON_OK;
	}
	for (int i = 0; i < n; i++)
		docs[i] = doc_of(inst->library, hits[i], question.today);
	host->result(inst->ctx, call, "doc/1", docs, (size_t)n * sizeof(docs[0]));
	host->end(inst->ctx, call, BATON_END_STOP);
	return BATON_OK;
}

/* Only check() is ever open: search() answers at once. */
static void cancel(void *ptr, baton_call call, uint32_t why)
{
	struct inst *inst = ptr;

	(void)why;
	share_cancel(&inst->share, call);
}

/* What can be tested was, where the index was made. */
static void tell_check(void *ptr, baton_call call)
{
	struct inst *inst = ptr;

	if (inst->library)
		(void)inst->mod->host->end(inst->ctx, call, BATON_END_STOP);
	else
		share_fail(&inst->share, call, "not_indexed", inst->share.why);
}

/* Ends when the index is there: who waits for it has a retriever that finds. */
static int32_t check(void *ptr, baton_call call, uint32_t level)
{
	struct inst *inst = ptr;

	(void)level; /* there is no upstream to reach */
	return share_check(&inst->share, call);
}

static const baton_retriever retriever = {
	.size = sizeof(baton_retriever),
	.search = search,
	.cancel = cancel,
};
static const baton_iface ifaces[] = { { BATON_RETRIEVER, &retriever } };

BATON_MODULE_NOTE("retriever-fts", "1.1.0", BATON_RETRIEVER, 0);

BATON_EXPORT const baton_module baton_module_entry = {
	BATON_MODULE_HEAD,
	.n_ifaces = 1,
	.id = "retriever-fts",
	.version = "1.1.0",
	.vendor = "Baton",
	.license = "Apache-2.0",
	.summary = "Full-text search over the policy's articles, in memory",
	.homepage = "",
	.config_schema = "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{"
			 "\"policy\":{\"type\":\"object\"},"
			 "\"language\":{\"type\":\"string\"},"
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
