/* SPDX-License-Identifier: Apache-2.0 */

/* A module of all seven kinds that tells which ABI it was built for and what it finds of its host:
 * as a provider in its answer, as the others in the log. It asks for a request that cannot be
 * answered, tells what it used, gives results, fills in a verdict, so that the structs it fills in
 * are all read by the host. Built against the header of each minor (matrix.test.mjs). */
#include <baton/module.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef NAME
#define NAME "provider-probe"
#endif
BATON_MODULE_NOTE(NAME, "1.0.0", "provider classifier retriever rule transcript tool guard", 0);

struct inst {
	baton_ctx *ctx;
	const baton_host *host;
};

struct answer {
	struct inst *inst;
	baton_call call;
	char text[256];
};

/* With a header that has `later`, asked through BATON_HAS; without it there is nothing to ask. */
#ifdef HAS_LATER
#define AGE(pointer) (BATON_HAS(pointer, later) ? "new" : "old")
#else
#define AGE(pointer) ((void)(pointer), "unknown")
#endif

static void say(const struct inst *inst, const char *what, const char *age)
{
	char text[128];
	int n = snprintf(text, sizeof(text), "%s=%s", what, age);

	inst->host->log(inst->ctx, BATON_LOG_NOTICE, (baton_str){ text, (size_t)n });
}

static void on_end(void *user, baton_http h, const baton_error *error)
{
	struct answer *a = user;
	struct inst *inst = a->inst;
	baton_usage usage = { .size = sizeof(usage), .in_tokens = 7, .out_tokens = 11 };
	char text[320];
	(void)h;

	snprintf(text, sizeof(text), "%s http=%u", a->text, error ? error->fail : 0);
	inst->host->delta(inst->ctx, a->call, BATON_DELTA_TEXT, (baton_str){ text, strlen(text) });
	inst->host->usage(inst->ctx, a->call, &usage);
	inst->host->end(inst->ctx, a->call, BATON_END_STOP);
	free(a);
}

static int32_t start(void *ptr, baton_call call, const baton_prompt *prompt)
{
	static const baton_http_cb cb = { .size = sizeof(cb), .on_end = on_end };
	struct inst *inst = ptr;
	struct answer *a = calloc(1, sizeof(*a));
	baton_http_req req = { .size = sizeof(req), .method = { "GET", 3 } };

	req.url = (baton_str){ "http://127.0.0.1:9/", 19 };
	req.total_ms = 2000;
	a->inst = inst;
	a->call = call;
	snprintf(a->text, sizeof(a->text), "built=%u host=%s prompt=%s docs=%u intent=%.*s",
		 BATON_ABI_MINOR, AGE(inst->host), AGE(prompt), prompt->n_docs,
		 (int)prompt->turn->intent.n, prompt->turn->intent.p);
	inst->host->call_set(inst->ctx, call, a);
	int32_t rc = inst->host->http(inst->ctx, &req, &cb, a, NULL);
	if (rc != BATON_OK)
		free(a);
	return rc;
}

static void cancel(void *ptr, baton_call call, uint32_t why)
{
	struct inst *inst = ptr;
	(void)why;

	inst->host->end(inst->ctx, call, BATON_END_STOP); /* on_end() frees the answer */
}

/* --- the other kinds ---------------------------------------------------------------------- */

static int32_t classify(void *ptr, baton_call call, const baton_turn *turn, baton_intents *out)
{
	struct inst *inst = ptr;
	baton_intent one = { .name = { "greeting", 8 }, .confidence_ppm = 900000 };
	baton_intents found = {
		.size = sizeof(found), .n = 1, .cap = 1, .sentiment_ppm = 500000, .v = &one
	};
	(void)out;

	say(inst, "turn", AGE(turn));
	inst->host->result(inst->ctx, call, BATON_RESULT_INTENTS, &found, sizeof(found));
	inst->host->end(inst->ctx, call, BATON_END_STOP);
	return BATON_PENDING;
}

static int32_t search(void *ptr, baton_call call, const baton_query *query)
{
	struct inst *inst = ptr;
	baton_doc docs[2] = { { .id = { "a", 1 }, .snippet = { "one", 3 }, .score_ppm = 900000 },
			      { .id = { "b", 1 }, .snippet = { "two", 3 }, .score_ppm = 800000 } };

	say(inst, "query", AGE(query));
	inst->host->result(inst->ctx, call, BATON_RESULT_DOCS, docs, sizeof(docs));
	inst->host->end(inst->ctx, call, BATON_END_STOP);
	return BATON_OK;
}

static int32_t evaluate(void *ptr, const baton_facts *facts, baton_verdict *out)
{
	say(ptr, "facts", AGE(facts));
	say(ptr, "verdict", AGE(out));
	return BATON_OK;
}

static int32_t append(void *ptr, baton_call call, const baton_entry *entries, uint32_t n)
{
	(void)call;
	say(ptr, "entries", n > 0 && entries[0].json.n > 0 ? "there" : "none");
	return BATON_OK;
}

static int32_t invoke(void *ptr, baton_call call, const baton_tool_req *req)
{
	struct inst *inst = ptr;
	baton_tool_result result = { .size = sizeof(result), .json = { "{\"done\":true}", 13 } };

	say(inst, "tool", AGE(req));
	result.tries = req->name.n > 0 && req->args_json.n > 0 ? 1 : 0;
	inst->host->result(inst->ctx, call, BATON_RESULT_TOOL, &result, sizeof(result));
	inst->host->end(inst->ctx, call, BATON_END_STOP);
	return BATON_OK;
}

static int32_t tell_tools(void *ptr, const baton_sink *json)
{
	(void)ptr;
	return json->write(json->ud, "[{\"name\":\"check\"}]", 18);
}

/* The first byte of what is not empty. */
static int32_t inspect(void *ptr, const baton_inspection *what, baton_hits *out)
{
	say(ptr, "inspection", AGE(what));
	say(ptr, "hits", AGE(out));
	if (what->text.n == 0)
		return BATON_OK;
	if (out->cap == 0)
		return BATON_E_LIMIT;
	out->v[0] = (baton_hit){ .end = 1, .confidence_ppm = 7, .type = { "first", 5 } };
	out->n = 1;
	return BATON_OK;
}

/* --- life --------------------------------------------------------------------------------- */

static int32_t load(baton_ctx *ctx, const baton_host *host, void **mod)
{
	(void)ctx;
	*mod = (void *)(size_t)host;
	return BATON_OK;
}

static int32_t create(void *mod, baton_ctx *ctx, baton_str config, void **inst)
{
	struct inst *made = calloc(1, sizeof(*made));
	(void)config;

	made->ctx = ctx;
	made->host = mod;
	*inst = made;
	return BATON_OK;
}

static void destroy(void *inst)
{
	free(inst);
}

static const baton_provider provider = { .size = sizeof(provider),
					 .start = start,
					 .cancel = cancel };
static const baton_classifier classifier = { .size = sizeof(classifier), .classify = classify };
static const baton_retriever retriever = { .size = sizeof(retriever), .search = search };
static const baton_rule rule = { .size = sizeof(rule), .evaluate = evaluate };
static const baton_transcript transcript = { .size = sizeof(transcript), .append = append };
static const baton_tool tool = {
	.size = sizeof(tool), .describe = tell_tools, .invoke = invoke, .cancel = cancel
};
static const baton_guard guard = { .size = sizeof(guard),
				   .at = BATON_AT_CUSTOMER,
				   .inspect = inspect };
static const baton_iface ifaces[] = { { BATON_PROVIDER, &provider },
				      { BATON_CLASSIFIER, &classifier },
				      { BATON_RETRIEVER, &retriever },
				      { BATON_RULE, &rule },
				      { BATON_TRANSCRIPT, &transcript },
				      { BATON_TOOL, &tool },
				      { BATON_GUARD, &guard } };

BATON_EXPORT const baton_module baton_module_entry = {
	BATON_MODULE_HEAD, .n_ifaces = 7, .id = NAME,       .version = "1.0.0",
	.ifaces = ifaces,  .load = load,  .create = create, .destroy = destroy,
};
