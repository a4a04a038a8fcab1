/* SPDX-License-Identifier: Apache-2.0 */

/* The instances of a release on one worker, and how a turn asks them. */
#include "core/module/rack.h"

#include "core/base/errors.h"
#include "core/base/log.h"
#include "core/module/host.h"

#include <stdio.h>

enum { VERDICT_TEXT_BYTES_MAX = 255, ENTRIES_MAX = 4096 };

/* --- life --------------------------------------------------------------------------------- */

static int instance_new(struct baton_rack *rack, struct baton_generation *g, char *why, size_t cap)
{
	struct baton_ctx *ctx = baton_ctx_new(g, rack->release, rack, rack->loop);
	rack->ctxs[rack->n++] = ctx;
	struct baton_visit visit = baton_visit_begin(ctx, "create");
	int32_t rc = g->entry->create(g->mod, ctx, baton_str_of(g->config), &ctx->inst);
	baton_visit_end(&visit);
	ctx->created = rc == BATON_OK;
	if (ctx->created && g->entry->activate) {
		visit = baton_visit_begin(ctx, "activate");
		rc = g->entry->activate(ctx->inst);
		baton_visit_end(&visit);
	}
	if (rc == BATON_OK)
		return 0;
	(void)snprintf(why, cap, "%s: module %s: %s: expected 0, found %d (%s)", g->spec->file,
		       g->spec->name, ctx->created ? "activate" : "create", rc,
		       rc < 0 ? baton_error_info(rc)->text : "not a result");
	return BATON_E_MODULE;
}

int baton_rack_new(struct baton_release *release, struct baton_loop *loop,
		   const struct baton_rack_events *events, struct baton_rack **ret_rack, char *why,
		   size_t cap)
{
	struct baton_rack *rack = baton_new(struct baton_rack);
	size_t n = baton_release_generations(release);
	int rc = 0;
	rack->release = baton_release_ref(release);
	rack->loop = loop;
	rack->events = *events;
	rack->words_end = &rack->words;
	rack->ctxs = baton_alloc(n * sizeof(struct baton_ctx *));
	for (size_t i = 0; rc == 0 && i < n; i++)
		rc = instance_new(rack, baton_release_generation(release, i), why, cap);
	if (rc < 0)
		baton_rack_free(&rack);
	else
		*ret_rack = rack;
	return rc;
}

void baton_rack_drop(struct baton_rack *rack)
{
	struct baton_interned *s, *next;
	HASH_ITER(hh, rack->strings, s, next) {
		HASH_DEL(rack->strings, s);
		baton_free(s);
	}
	while (rack->words) {
		struct baton_word *word = rack->words;
		rack->words = word->next;
		baton_word_free(word);
	}
	baton_free(rack->slots);
	baton_free(rack->free_slots);
	baton_free(rack->ctxs);
	struct baton_release *release = rack->release;
	baton_free(rack);
	baton_release_unref(&release);
}

void baton_rack_free(struct baton_rack **rack)
{
	struct baton_rack *r = *rack;
	*rack = NULL;
	if (!r || r->closed)
		return;
	r->closed = true;
	r->telling++;
	baton_call_tell_all(r);
	baton_call_end_all(r);
	r->telling--;
	baton_wake_forget(r);
	/* The last created goes first. */
	while (r->n > 0)
		baton_ctx_close(r->ctxs[--r->n]);
	if (r->telling == 0)
		baton_rack_drop(r);
}

struct baton_release *baton_rack_release(const struct baton_rack *rack)
{
	return rack->release;
}

/* --- starting calls ----------------------------------------------------------------------- */

/* The instance of that kind and name; NULL: the first of its kind. */
static struct baton_ctx *instance(const struct baton_rack *rack, const char *kind, const char *name)
{
	for (size_t i = 0; i < rack->n; i++) {
		const struct baton_policy_module *spec = rack->ctxs[i]->generation->spec;
		if (strcmp(spec->kind, kind) == 0 && (!name || strcmp(spec->name, name) == 0))
			return rack->ctxs[i];
	}
	return NULL;
}

static int start(struct baton_rack *rack, struct baton_ctx *ctx, enum baton_call_kind kind,
		 uint64_t ticket, struct baton_call_state **ret)
{
	struct baton_call_state *taken;
	if (rack->closed)
		return BATON_E_CLOSED;
	if (!ctx)
		return BATON_E_NOTFOUND;
	HASH_FIND(hh, rack->listed, &ticket, sizeof(ticket), taken);
	if (taken)
		return BATON_E_STATE;
	*ret = baton_call_open(rack, ctx, kind, ticket);
	return *ret ? 0 : BATON_E_AGAIN;
}

/* What the starting call returned. `done`: BATON_OK means that nothing more will come. */
static int started(struct baton_rack *rack, struct baton_call_state *call, int32_t rc, bool done)
{
	call->starting = false;
	if (rc == BATON_PENDING || (rc == BATON_OK && !(done && call->open)))
		return 0;
	if (rc == BATON_OK) {
		baton_call_finish(rack, call, BATON_END_STOP);
		return 0;
	}
	struct baton_ctx *ctx = call->ctx;
	if (!call->open)
		baton_ctx_breach(ctx, BATON_BREACH_STATE, "a call answered and refused at once");
	baton_call_abandon(rack, call);
	if (rc < 0 && rc >= BATON_E_UNSUPPORTED)
		return rc;
	baton_ctx_breach(ctx, BATON_BREACH_ARGUMENT,
			 "a result of a starting call that does not exist");
	return BATON_E_MODULE;
}

int baton_rack_classify(struct baton_rack *rack, uint64_t ticket, const baton_turn *turn)
{
	struct baton_ctx *ctx = instance(rack, "classifier", NULL);
	struct baton_call_state *call;
	int rc = start(rack, ctx, BATON_CALL_CLASSIFY, ticket, &call);
	if (rc < 0)
		return rc;
	baton_intent v[BATON_INTENTS_MAX];
	baton_intents out = { .size = sizeof(out), .cap = BATON_INTENTS_MAX, .v = v };
	const baton_classifier *vt = ctx->generation->vt;
	memset(v, 0, sizeof(v));
	struct baton_visit visit = baton_visit_begin(ctx, "classify");
	int32_t said = vt->classify(ctx->inst, call->handle, turn, &out);
	baton_visit_end(&visit);
	if (said == BATON_OK && call->open && !call->has_result &&
	    !baton_call_intents(rack, call, &out))
		return 0; /* the failure is on its way */
	return started(rack, call, said, true);
}

int baton_rack_retrieve(struct baton_rack *rack, uint64_t ticket, const baton_query *query)
{
	struct baton_ctx *ctx = instance(rack, "retriever", NULL);
	struct baton_call_state *call;
	int rc = start(rack, ctx, BATON_CALL_RETRIEVE, ticket, &call);
	if (rc < 0)
		return rc;
	if (query->k > 0 && query->k < call->results_max)
		call->results_max = query->k;
	const baton_retriever *vt = ctx->generation->vt;
	struct baton_visit visit = baton_visit_begin(ctx, "search");
	int32_t said = vt->search(ctx->inst, call->handle, query);
	baton_visit_end(&visit);
	return started(rack, call, said, false);
}

int baton_rack_generate(struct baton_rack *rack, uint64_t ticket, const char *provider,
			const baton_prompt *prompt)
{
	struct baton_ctx *ctx = instance(rack, "provider", provider);
	struct baton_call_state *call;
	int rc = start(rack, ctx, BATON_CALL_GENERATE, ticket, &call);
	if (rc < 0)
		return rc;
	const baton_provider *vt = ctx->generation->vt;
	struct baton_visit visit = baton_visit_begin(ctx, "start");
	int32_t said = vt->start(ctx->inst, call->handle, prompt);
	baton_visit_end(&visit);
	return started(rack, call, said, false);
}

int baton_rack_transcript(struct baton_rack *rack, uint64_t ticket, const char *name,
			  const baton_entry *entries, uint32_t n)
{
	struct baton_ctx *ctx = instance(rack, "transcript", name);
	struct baton_call_state *call;
	if (n == 0 || n > ENTRIES_MAX)
		return BATON_E_INVAL;
	int rc = start(rack, ctx, BATON_CALL_TRANSCRIPT, ticket, &call);
	if (rc < 0)
		return rc;
	const baton_transcript *vt = ctx->generation->vt;
	struct baton_visit visit = baton_visit_begin(ctx, "append");
	int32_t said = vt->append(ctx->inst, call->handle, entries, n);
	baton_visit_end(&visit);
	return started(rack, call, said, true);
}

void baton_rack_cancel(struct baton_rack *rack, uint64_t ticket, uint32_t why)
{
	baton_call_cancel(rack, ticket, why);
}

/* --- rules -------------------------------------------------------------------------------- */

/* A verdict's strings live as long as the rack, whatever the module does with its own. */
static bool intern(struct baton_rack *rack, const char **text)
{
	struct baton_interned *s;
	if (!*text)
		return true;
	size_t n = strnlen(*text, VERDICT_TEXT_BYTES_MAX + 1);
	baton_str view = { *text, n };
	if (n > VERDICT_TEXT_BYTES_MAX || !baton_str_utf8_ok(view))
		return false;
	HASH_FIND(hh, rack->strings, *text, n, s);
	if (!s) {
		if (HASH_COUNT(rack->strings) >= BATON_VERDICT_STRINGS_MAX)
			return false;
		s = baton_alloc(sizeof(*s) + n + 1);
		memcpy(s->text, *text, n);
		HASH_ADD(hh, rack->strings, text, n, s);
	}
	*text = s->text;
	return true;
}

static int evaluate(struct baton_rack *rack, struct baton_ctx *ctx, const baton_facts *facts,
		    baton_verdict *ret)
{
	const baton_rule *vt = ctx->generation->vt;
	baton_verdict v = { .size = sizeof(v), .action = BATON_ACT_NONE };
	struct baton_visit visit = baton_visit_begin(ctx, "evaluate");
	int32_t rc = vt->evaluate(ctx->inst, facts, &v);
	baton_visit_end(&visit);
	if (rc != BATON_OK) {
		if (baton_meter_may_log(&ctx->generation->meter))
			baton_log(BATON_LOG_WARN, "rules_failed", "si", "module",
				  ctx->generation->spec->name, "rc", (int64_t)rc);
		return BATON_E_MODULE;
	}
	if (v.action > BATON_ACT_ESCALATE_NOW || (v.action != BATON_ACT_NONE && !v.rule) ||
	    !intern(rack, &v.rule) || !intern(rack, &v.reason) || !intern(rack, &v.queue) ||
	    !intern(rack, &v.resume_when)) {
		baton_ctx_breach(ctx, BATON_BREACH_OUTPUT,
				 "a verdict out of range or without the rule's name");
		return BATON_E_MODULE;
	}
	*ret = v;
	return 0;
}

/* Priorities go from 1, first, to 9, last. */
static uint32_t urgency(const baton_verdict *v)
{
	return v->priority ? v->priority : 5;
}

int baton_rack_rules(struct baton_rack *rack, const baton_facts *facts, baton_verdict *ret_verdict)
{
	baton_verdict best = { .size = sizeof(best), .action = BATON_ACT_NONE };
	int rc = 0;
	if (rack->closed)
		return BATON_E_MODULE;
	for (size_t i = 0; i < rack->n; i++) {
		struct baton_ctx *ctx = rack->ctxs[i];
		baton_verdict v;
		if (strcmp(ctx->generation->spec->kind, "rule") != 0)
			continue;
		if (evaluate(rack, ctx, facts, &v) < 0)
			rc = BATON_E_MODULE;
		else if (v.action > best.action ||
			 (v.action == best.action && urgency(&v) < urgency(&best)))
			best = v;
	}
	*ret_verdict = best;
	return rc;
}
