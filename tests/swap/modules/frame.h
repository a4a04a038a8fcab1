/* SPDX-License-Identifier: Apache-2.0 */

/* The frame of the modules that swaps are tested with: one of every kind, well-behaved, with hooks.
 * A file says which hooks it has (`#define HAS_START`), includes this, and defines them (`at_start`).
 *
 * What it says tells who speaks: a provider answers "ID VERSION set=S n=N", where S is its
 * configuration's `set` and N counts the answers of this generation in the process's memory (a
 * static: new code must begin at 1). A classifier names the intent `set-S`, a retriever finds a
 * passage `set-S`, a rule's reason is "set-S". */
#pragma once

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef BATON_ABI_NEEDED
#define BATON_ABI_NEEDED 0u
#endif
#include <baton/module.h>

#ifndef FRAME_ID
#define FRAME_ID "frame"
#endif
#ifndef FRAME_VERSION
#define FRAME_VERSION "1.0.0"
#endif
#ifndef FRAME_FLAGS
#define FRAME_FLAGS 0u
#endif
#ifndef FRAME_KINDS
#define FRAME_KINDS "provider classifier retriever rule transcript tool guard"
#endif
#ifndef FRAME_SCHEMA
#define FRAME_SCHEMA NULL
#endif
#ifndef FRAME_STATE
#define FRAME_STATE NULL
#endif

BATON_MODULE_NOTE(FRAME_ID, FRAME_VERSION, FRAME_KINDS, FRAME_FLAGS);

struct frame {
	baton_ctx *ctx;
	const baton_host *host;
	char set[32], intent[40], text[512];
	char ledger[256]; /* configured: a file for what a tool does */
	baton_call call;  /* the last one */
	uint64_t kept;    /* answers of all generations: what state carries on */
	void *more;       /* the fixture's own */
};

__attribute__((unused)) static const baton_host *frame_host;
static unsigned frame_answers; /* of this generation */

#ifdef HAS_CONSTRUCTOR
static void at_constructor(void);
__attribute__((constructor)) static void frame_constructor(void)
{
	at_constructor();
}
#endif
#ifdef HAS_LOAD
static int32_t at_load(baton_ctx *ctx);
#endif
#ifdef HAS_UNLOAD
static void at_unload(void);
#endif
#ifdef HAS_CREATE
static int32_t at_create(struct frame *f);
#endif
#ifdef HAS_ACTIVATE
static int32_t at_activate(struct frame *f);
#endif
#ifdef HAS_DESTROY
static void at_destroy(struct frame *f);
#endif
#ifdef HAS_START
static int32_t at_start(struct frame *f, baton_call call, const baton_prompt *prompt);
#endif
#ifdef HAS_CANCEL
static void at_cancel(struct frame *f, baton_call call);
#endif
#ifdef HAS_CLASSIFY
static int32_t at_classify(struct frame *f, const baton_turn *turn, baton_intents *out);
#endif
#ifdef HAS_SEARCH
static int32_t at_search(struct frame *f, baton_call call, const baton_query *query);
#endif
#ifdef HAS_EVALUATE
static int32_t at_evaluate(struct frame *f, const baton_facts *facts, baton_verdict *out);
#endif
#ifdef HAS_APPEND
static int32_t at_append(struct frame *f, const baton_entry *entries, uint32_t n);
#endif
#ifdef HAS_INVOKE
static int32_t at_invoke(struct frame *f, baton_call call, const baton_tool_req *req);
#endif
#ifdef HAS_INSPECT
static int32_t at_inspect(struct frame *f, const baton_inspection *what, baton_hits *out);
#endif
#ifdef HAS_CHECK
static int32_t at_check(void *inst, baton_call call, uint32_t level);
#endif

__attribute__((unused)) static void frame_delta(struct frame *f, baton_call call, const char *text)
{
	(void)f->host->delta(f->ctx, call, BATON_DELTA_TEXT, (baton_str){ text, strlen(text) });
}

__attribute__((unused)) static int32_t frame_say(struct frame *f, baton_call call, const char *text)
{
	frame_delta(f, call, text);
	(void)f->host->end(f->ctx, call, BATON_END_STOP);
	return BATON_OK;
}

__attribute__((unused)) static void frame_log(struct frame *f, const char *text)
{
	f->host->log(f->ctx, BATON_LOG_NOTICE, (baton_str){ text, strlen(text) });
}

/* What was said last begins with "bad": hostile modules keep their harm for that. */
__attribute__((unused)) static int frame_is_bad(const baton_turn *turn)
{
	const baton_msg *last = turn->n_msgs > 0 ? &turn->msgs[turn->n_msgs - 1] : NULL;
	return last && last->text.n >= 3 && memcmp(last->text.p, "bad", 3) == 0;
}

static void frame_take(baton_str config, const char *key, char *to, size_t cap)
{
	const char *at = config.n ? memmem(config.p, config.n, key, strlen(key)) : NULL;
	size_t n = 0;
	if (at)
		for (at += strlen(key);
		     at + n < config.p + config.n && at[n] != '"' && n + 1 < cap;)
			n++;
	memcpy(to, at ? at : "", n);
	to[n] = 0;
}

static int32_t frame_load(baton_ctx *ctx, const baton_host *host, void **mod)
{
	(void)ctx;
	frame_host = host;
	*mod = NULL;
#ifdef HAS_LOAD
	return at_load(ctx);
#else
	return BATON_OK;
#endif
}

static void frame_unload(void *mod)
{
	(void)mod;
#ifdef HAS_UNLOAD
	at_unload();
#endif
}

static int32_t frame_create(void *mod, baton_ctx *ctx, baton_str config, void **inst)
{
	struct frame *f = calloc(1, sizeof(*f));
	(void)mod;
	if (!f)
		return BATON_E_NOMEM;
	f->ctx = ctx;
	f->host = frame_host;
	frame_take(config, "\"set\":\"", f->set, sizeof(f->set));
	frame_take(config, "\"ledger\":\"", f->ledger, sizeof(f->ledger));
	(void)snprintf(f->intent, sizeof(f->intent), "set-%s", f->set);
	*inst = f;
#ifdef HAS_CREATE
	return at_create(f);
#else
	return BATON_OK;
#endif
}

static int32_t frame_activate(void *inst)
{
	(void)inst;
#ifdef HAS_ACTIVATE
	return at_activate(inst);
#else
	return BATON_OK;
#endif
}

static void frame_destroy(void *inst)
{
#ifdef HAS_DESTROY
	at_destroy(inst);
#endif
	free(inst);
}

/* --- the kinds ------------------------------------------------------------------------------ */

static int32_t frame_start(void *inst, baton_call call, const baton_prompt *prompt)
{
	struct frame *f = inst;
	f->call = call;
	frame_answers++;
	f->kept++;
	(void)snprintf(f->text, sizeof(f->text), FRAME_ID " " FRAME_VERSION " set=%s n=%u kept=%ju",
		       f->set, frame_answers, (uintmax_t)f->kept);
	for (uint32_t i = 0; i < prompt->n_docs && i < 1; i++) {
		size_t n = strlen(f->text);
		(void)snprintf(f->text + n, sizeof(f->text) - n, " doc=%.*s",
			       (int)prompt->docs[i].id.n, prompt->docs[i].id.p);
	}
#ifdef HAS_START
	return at_start(f, call, prompt);
#else
	return frame_say(f, call, f->text);
#endif
}

static void frame_cancel(void *inst, baton_call call, uint32_t why)
{
	struct frame *f = inst;
	(void)why;
#ifdef HAS_CANCEL
	at_cancel(f, call);
#else
	(void)f->host->end(f->ctx, call, BATON_END_STOP);
#endif
}

static int32_t frame_classify(void *inst, baton_call call, const baton_turn *turn,
			      baton_intents *out)
{
	struct frame *f = inst;
	(void)turn;
	f->call = call;
	out->n = 1;
	out->v[0] = (baton_intent){ .name = { f->intent, strlen(f->intent) },
				    .confidence_ppm = 990000 };
	out->language = (baton_str){ "en", 2 };
#ifdef HAS_CLASSIFY
	return at_classify(f, turn, out);
#else
	return BATON_OK;
#endif
}

static int32_t frame_search(void *inst, baton_call call, const baton_query *query)
{
	struct frame *f = inst;
	f->call = call;
#ifdef HAS_SEARCH
	return at_search(f, call, query);
#else
	(void)query;
	baton_doc doc = { .id = { f->intent, strlen(f->intent) }, .score_ppm = 900000 };
	doc.title = doc.snippet = doc.id;
	(void)f->host->result(f->ctx, call, BATON_RESULT_DOCS, &doc, sizeof(doc));
	(void)f->host->end(f->ctx, call, BATON_END_STOP);
	return BATON_OK;
#endif
}

static int32_t frame_evaluate(void *inst, const baton_facts *facts, baton_verdict *out)
{
	struct frame *f = inst;
	(void)facts;
	out->action = BATON_ACT_OFFER_HUMAN;
	out->rule = "frame";
	out->reason = f->intent;
#ifdef HAS_EVALUATE
	return at_evaluate(f, facts, out);
#else
	return BATON_OK;
#endif
}

static int32_t frame_append(void *inst, baton_call call, const baton_entry *entries, uint32_t n)
{
	(void)inst, (void)call, (void)entries, (void)n;
#ifdef HAS_APPEND
	return at_append(inst, entries, n);
#else
	return BATON_OK;
#endif
}

static int32_t frame_invoke(void *inst, baton_call call, const baton_tool_req *req)
{
	struct frame *f = inst;
	f->call = call;
#ifdef HAS_INVOKE
	return at_invoke(f, call, req);
#else
	(void)req;
	char json[64];
	(void)snprintf(json, sizeof(json), "{\"set\":\"%.16s\"}", f->set);
	const baton_tool_result result = { .size = sizeof(result), .json = { json, strlen(json) } };
	(void)f->host->result(f->ctx, call, BATON_RESULT_TOOL, &result, sizeof(result));
	(void)f->host->end(f->ctx, call, BATON_END_STOP);
	return BATON_OK;
#endif
}

static int32_t frame_inspect(void *inst, const baton_inspection *what, baton_hits *out)
{
	struct frame *f = inst;
#ifdef HAS_INSPECT
	return at_inspect(f, what, out);
#else
	if (what->text.n == 0 || out->cap == 0)
		return BATON_OK;
	out->n = 1;
	out->v[0] = (baton_hit){ .end = (uint32_t)what->text.n,
				 .action = BATON_GUARD_MARK,
				 .type = { "frame", 5 },
				 .rule = { f->intent, strlen(f->intent) } };
	return BATON_OK;
#endif
}

static const baton_provider frame_provider = { .size = sizeof(frame_provider),
					       .start = frame_start,
					       .cancel = frame_cancel };
static const baton_classifier frame_classifier = { .size = sizeof(frame_classifier),
						   .classify = frame_classify,
						   .cancel = frame_cancel };
static const baton_retriever frame_retriever = { .size = sizeof(frame_retriever),
						 .search = frame_search,
						 .cancel = frame_cancel };
static const baton_rule frame_rule = { .size = sizeof(frame_rule), .evaluate = frame_evaluate };
static const baton_transcript frame_transcript = { .size = sizeof(frame_transcript),
						   .append = frame_append,
						   .cancel = frame_cancel };
static const baton_tool frame_tool = { .size = sizeof(frame_tool),
				       .invoke = frame_invoke,
				       .cancel = frame_cancel };
static const baton_guard frame_guard = { .size = sizeof(frame_guard),
					 .at = BATON_AT_CUSTOMER | BATON_AT_ANSWER,
					 .inspect = frame_inspect };
static const baton_iface frame_ifaces[] = {
	{ BATON_PROVIDER, &frame_provider },     { BATON_CLASSIFIER, &frame_classifier },
	{ BATON_RETRIEVER, &frame_retriever },   { BATON_RULE, &frame_rule },
	{ BATON_TRANSCRIPT, &frame_transcript }, { BATON_TOOL, &frame_tool },
	{ BATON_GUARD, &frame_guard },
};

#ifdef FRAME_STATEFUL
static const baton_state frame_state;
#undef FRAME_STATE
#define FRAME_STATE (&frame_state)
#endif

BATON_EXPORT const baton_module baton_module_entry = {
	BATON_MODULE_HEAD,
	.flags = FRAME_FLAGS,
	.n_ifaces = sizeof(frame_ifaces) / sizeof(frame_ifaces[0]),
	.id = FRAME_ID,
	.version = FRAME_VERSION,
	.config_schema = FRAME_SCHEMA,
	.ifaces = frame_ifaces,
	.load = frame_load,
	.unload = frame_unload,
	.create = frame_create,
	.activate = frame_activate,
	.destroy = frame_destroy,
	.state = FRAME_STATE,
#ifdef HAS_CHECK
	.check = at_check,
#endif
};
