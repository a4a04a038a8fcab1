/* SPDX-License-Identifier: Apache-2.0 */

/* The instances of a release on one worker, and how a turn asks them. */
#include "core/module/rack.h"

#include "core/base/assert.h"
#include "core/base/errors.h"
#include "core/base/log.h"
#include "core/module/host.h"

#include <stdio.h>
#include <utlist.h>

enum { VERDICT_TEXT_BYTES_MAX = 255, ENTRIES_MAX = 4096 };

/* --- life --------------------------------------------------------------------------------- */

struct baton_seat *baton_rack_seat(const struct baton_rack *rack,
				   const struct baton_release *release)
{
	struct baton_seat *seat;
	LL_FOREACH(rack->seats, seat)
		if (seat->release == release)
			return seat;
	return NULL;
}

/* The instance of this generation, if another release has made it already. */
static struct baton_ctx *shared(const struct baton_rack *rack,
				const struct baton_generation *generation)
{
	const struct baton_seat *seat;
	LL_FOREACH(rack->seats, seat)
		for (size_t i = 0; i < seat->n; i++)
			if (seat->ctxs[i]->generation == generation)
				return seat->ctxs[i];
	return NULL;
}

/* What serves under the same name and is the same module, in the newest seat that has it. */
static struct baton_ctx *predecessor(const struct baton_rack *rack,
				     const struct baton_generation *g)
{
	const struct baton_seat *seat;
	LL_FOREACH(rack->seats, seat)
		for (size_t i = 0; i < seat->n; i++) {
			struct baton_ctx *ctx = seat->ctxs[i];
			if (ctx->generation != g && ctx->inst &&
			    strcmp(ctx->generation->spec->name, g->spec->name) == 0 &&
			    strcmp(ctx->generation->id, g->id) == 0)
				return ctx;
		}
	return NULL;
}

/* --- state that is handed over ------------------------------------------------------------- */

enum { STATE_BYTES_MAX = 16 * 1024 * 1024 };

static int32_t state_write(void *ud, const void *p, size_t n)
{
	struct baton_buf *bytes = ud;
	if (n > STATE_BYTES_MAX - bytes->n)
		return BATON_E_LIMIT;
	baton_buf_add(bytes, p, n);
	return BATON_OK;
}

static int64_t state_read(void *ud, void *p, size_t cap)
{
	baton_str *rest = ud;
	size_t n = rest->n < cap ? rest->n : cap;
	memcpy(p, rest->p ? rest->p : "", n);
	*rest = (baton_str){ n ? rest->p + n : rest->p, rest->n - n };
	return (int64_t)n;
}

/* The old one keeps serving. That nothing is handed over is said, never an error: a module's memory
 * is a cache (R9). */
static void hand_state_over(struct baton_ctx *from, struct baton_ctx *to)
{
	const baton_state *old = from->generation->entry->state,
			  *new = to->generation->entry->state;
	struct baton_buf bytes = { 0 };
	if (!old || !new || !old->save || !new->load)
		return;
	bool fits = old->schema >= new->min_schema && old->schema <= new->schema;
	int32_t rc = BATON_E_SCHEMA;
	if (fits) {
		baton_sink sink = { .size = sizeof(sink), .ud = &bytes, .write = state_write };
		struct baton_visit visit = baton_visit_begin(from, "save");
		rc = old->save(from->inst, &sink);
		baton_visit_end(&visit);
	}
	if (fits && rc == BATON_OK) {
		baton_str rest = baton_buf_view(&bytes);
		baton_source source = { .size = sizeof(source), .ud = &rest, .read = state_read };
		struct baton_visit visit = baton_visit_begin(to, "state load");
		rc = new->load(to->inst, old->schema, &source);
		baton_visit_end(&visit);
	}
	if (rc != BATON_OK)
		baton_log(BATON_LOG_NOTICE, "module_starts_cold", "suui", "module",
			  to->generation->spec->name, "from", from->generation->number, "to",
			  to->generation->number, "rc", (int64_t)rc);
	baton_buf_done(&bytes);
}

/* --- seats --------------------------------------------------------------------------------- */

static int instance_start(struct baton_rack *rack, struct baton_ctx *ctx, char *why, size_t cap)
{
	struct baton_generation *g = ctx->generation;
	struct baton_visit visit = baton_visit_begin(ctx, "create");
	int32_t rc = g->entry->create(g->mod, ctx, baton_str_of(g->config), &ctx->inst);
	baton_visit_end(&visit);
	ctx->created = rc == BATON_OK;
	if (ctx->created) {
		struct baton_ctx *old = predecessor(rack, g);
		if (old)
			hand_state_over(old, ctx);
	}
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

/* The last created goes first. */
static void seat_end(struct baton_rack *rack, struct baton_seat *seat)
{
	LL_DELETE(rack->seats, seat);
	rack->n_retired -= seat->retired;
	while (seat->n > 0) {
		struct baton_ctx *ctx = seat->ctxs[--seat->n];
		if (--ctx->seats == 0)
			baton_ctx_close(ctx);
	}
	baton_release_unref(&seat->release);
	baton_free(seat->ctxs);
	baton_free(seat);
}

int baton_rack_adopt(struct baton_rack *rack, struct baton_release *release, char *why, size_t cap)
{
	size_t n = baton_release_generations(release);
	int rc = 0;
	if (rack->closed || baton_rack_seat(rack, release)) {
		(void)snprintf(why, cap, "release %ju has a seat here already",
			       (uintmax_t)baton_release_number(release));
		return BATON_E_STATE;
	}
	struct baton_seat *seat = baton_new(struct baton_seat);
	seat->release = baton_release_ref(release);
	seat->ctxs = baton_alloc((n + 1) * sizeof(struct baton_ctx *));
	for (size_t i = 0; rc == 0 && i < n; i++) {
		struct baton_generation *g = baton_release_generation(release, i);
		struct baton_ctx *ctx = shared(rack, g);
		bool is_new = !ctx;
		if (is_new)
			ctx = baton_ctx_new(g, rack, rack->loop);
		ctx->seats++;
		seat->ctxs[seat->n++] = ctx;
		if (is_new)
			rc = instance_start(rack, ctx, why, cap);
	}
	LL_PREPEND(rack->seats, seat);
	if (rc < 0)
		seat_end(rack, seat);
	return rc;
}

void baton_rack_pin(struct baton_rack *rack, struct baton_release *release)
{
	struct baton_seat *seat = baton_rack_seat(rack, release);
	baton_assert(seat);
	seat->pins++;
	(void)atomic_fetch_add_explicit(baton_release_pin_count(release), 1, memory_order_relaxed);
}

void baton_rack_unpin(struct baton_rack *rack, struct baton_release *release)
{
	struct baton_seat *seat = baton_rack_seat(rack, release);
	baton_assert(seat && seat->pins > 0);
	(void)atomic_fetch_sub_explicit(baton_release_pin_count(release), 1, memory_order_relaxed);
	if (--seat->pins == 0 && seat->retired)
		baton_rack_wake(rack);
}

uint64_t baton_rack_pins(const struct baton_rack *rack, const struct baton_release *release)
{
	const struct baton_seat *seat = baton_rack_seat(rack, release);
	return seat ? seat->pins : 0;
}

bool baton_rack_retire(struct baton_rack *rack, struct baton_release *release)
{
	struct baton_seat *seat = baton_rack_seat(rack, release);
	if (!seat)
		return false;
	if (seat->retired)
		return true;
	seat->retired = true;
	rack->n_retired++;
	baton_rack_wake(rack);
	return true;
}

void baton_rack_shut(struct baton_rack *rack, struct baton_release *release)
{
	struct baton_seat *seat = baton_rack_seat(rack, release);
	if (!seat || seat->shut)
		return;
	seat->shut = true;
	for (size_t i = 0; i < seat->n; i++)
		if (seat->ctxs[i]->seats == 1)
			baton_call_shut(rack, seat->ctxs[i]);
}

bool baton_rack_is_shut(const struct baton_rack *rack, const struct baton_release *release)
{
	const struct baton_seat *seat = baton_rack_seat(rack, release);
	return !seat || seat->shut;
}

/* What others use too may go on working. */
static bool may_end(const struct baton_seat *seat)
{
	if (!seat->retired || seat->pins > 0)
		return false;
	for (size_t i = 0; i < seat->n; i++)
		if (seat->ctxs[i]->seats == 1 && seat->ctxs[i]->open_calls > 0)
			return false;
	return true;
}

void baton_rack_settle(struct baton_rack *rack)
{
	struct baton_seat *seat, *next;
	if (rack->n_retired == 0 || rack->closed || rack->telling > 0)
		return;
	LL_FOREACH_SAFE(rack->seats, seat, next)
	{
		if (!may_end(seat))
			continue;
		struct baton_release *release = baton_release_ref(seat->release);
		seat_end(rack, seat);
		if (rack->events.retired)
			rack->events.retired(rack->events.ud, release);
		baton_release_unref(&release);
	}
}

/* --- life --------------------------------------------------------------------------------- */

struct baton_rack *baton_rack_new(struct baton_loop *loop, const struct baton_rack_events *events)
{
	struct baton_rack *rack = baton_new(struct baton_rack);
	rack->loop = loop;
	rack->events = *events;
	rack->words_end = &rack->words;
	return rack;
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
	baton_arena_done(&rack->found);
	baton_free(rack->slots);
	baton_free(rack->free_slots);
	baton_free(rack);
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
	while (r->seats)
		seat_end(r, r->seats);
	if (r->telling == 0)
		baton_rack_drop(r);
}

/* --- starting calls ----------------------------------------------------------------------- */

/* Few kinds begin with the same letter. */
static bool is_kind(const struct baton_policy_module *spec, const char *kind)
{
	return spec->kind[0] == kind[0] && strcmp(spec->kind, kind) == 0;
}

struct baton_ctx *baton_seat_instance(const struct baton_seat *seat, const char *kind,
				      const char *name)
{
	for (size_t i = 0; i < seat->n; i++) {
		const struct baton_policy_module *spec = seat->ctxs[i]->generation->spec;
		if (is_kind(spec, kind) && (!name || strcmp(spec->name, name) == 0))
			return seat->ctxs[i];
	}
	return NULL;
}

static int instance(const struct baton_rack *rack, const struct baton_release *release,
		    const char *kind, const char *name, struct baton_ctx **ret)
{
	const struct baton_seat *seat = baton_rack_seat(rack, release);
	if (rack->closed || !seat || seat->shut)
		return BATON_E_CLOSED;
	*ret = baton_seat_instance(seat, kind, name);
	return *ret ? 0 : BATON_E_NOTFOUND;
}

static int start(struct baton_rack *rack, struct baton_ctx *ctx, enum baton_call_kind kind,
		 uint64_t ticket, struct baton_call_state **ret)
{
	if (baton_call_listed(rack, ticket))
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

int baton_rack_check(struct baton_rack *rack, struct baton_release *release, size_t i,
		     uint64_t ticket, uint32_t level)
{
	const struct baton_seat *seat = baton_rack_seat(rack, release);
	struct baton_call_state *call = NULL;
	if (!seat || i >= seat->n)
		return BATON_E_NOTFOUND;
	struct baton_ctx *ctx = seat->ctxs[i];
	if (!ctx->generation->entry->check)
		return BATON_E_UNSUPPORTED;
	int rc = start(rack, ctx, BATON_CALL_CHECK, ticket, &call);
	if (rc < 0)
		return rc;
	struct baton_visit visit = baton_visit_begin(ctx, "check");
	int32_t said = ctx->generation->entry->check(ctx->inst, call->handle, level);
	baton_visit_end(&visit);
	return started(rack, call, said, false);
}

int baton_rack_classify(struct baton_rack *rack, struct baton_release *release, uint64_t ticket,
			const baton_turn *turn)
{
	struct baton_ctx *ctx = NULL;
	struct baton_call_state *call = NULL;
	int rc = instance(rack, release, "classifier", NULL, &ctx);
	if (rc == 0)
		rc = start(rack, ctx, BATON_CALL_CLASSIFY, ticket, &call);
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

int baton_rack_retrieve(struct baton_rack *rack, struct baton_release *release, uint64_t ticket,
			const baton_query *query)
{
	struct baton_ctx *ctx = NULL;
	struct baton_call_state *call = NULL;
	int rc = instance(rack, release, "retriever", NULL, &ctx);
	if (rc == 0)
		rc = start(rack, ctx, BATON_CALL_RETRIEVE, ticket, &call);
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

int baton_rack_generate(struct baton_rack *rack, struct baton_release *release, uint64_t ticket,
			const char *provider, const baton_prompt *prompt)
{
	struct baton_ctx *ctx = NULL;
	struct baton_call_state *call = NULL;
	int rc = instance(rack, release, "provider", provider, &ctx);
	if (rc == 0)
		rc = start(rack, ctx, BATON_CALL_GENERATE, ticket, &call);
	if (rc < 0)
		return rc;
	const baton_provider *vt = ctx->generation->vt;
	struct baton_visit visit = baton_visit_begin(ctx, "start");
	int32_t said = vt->start(ctx->inst, call->handle, prompt);
	baton_visit_end(&visit);
	return started(rack, call, said, false);
}

int baton_rack_transcript(struct baton_rack *rack, struct baton_release *release, uint64_t ticket,
			  const char *name, const baton_entry *entries, uint32_t n)
{
	struct baton_ctx *ctx = NULL;
	struct baton_call_state *call = NULL;
	if (n == 0 || n > ENTRIES_MAX)
		return BATON_E_INVAL;
	int rc = instance(rack, release, "transcript", name, &ctx);
	if (rc == 0)
		rc = start(rack, ctx, BATON_CALL_TRANSCRIPT, ticket, &call);
	if (rc < 0)
		return rc;
	const baton_transcript *vt = ctx->generation->vt;
	struct baton_visit visit = baton_visit_begin(ctx, "append");
	int32_t said = vt->append(ctx->inst, call->handle, entries, n);
	baton_visit_end(&visit);
	return started(rack, call, said, true);
}

int baton_rack_invoke(struct baton_rack *rack, struct baton_release *release, uint64_t ticket,
		      const char *name, const baton_tool_req *req)
{
	struct baton_ctx *ctx = NULL;
	struct baton_call_state *call = NULL;
	int rc = instance(rack, release, "tool", name, &ctx);
	if (rc == 0)
		rc = start(rack, ctx, BATON_CALL_INVOKE, ticket, &call);
	if (rc < 0)
		return rc;
	call->writes = (req->flags & BATON_TOOL_WRITES) != 0;
	const baton_tool *vt = ctx->generation->vt;
	struct baton_visit visit = baton_visit_begin(ctx, "invoke");
	int32_t said = vt->invoke(ctx->inst, call->handle, req);
	baton_visit_end(&visit);
	return started(rack, call, said, false);
}

void baton_rack_cancel(struct baton_rack *rack, uint64_t ticket, uint32_t why)
{
	baton_call_cancel(rack, ticket, why);
}

/* --- rules -------------------------------------------------------------------------------- */

static bool intern(struct baton_rack *rack, const char **text)
{
	struct baton_interned *s;
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

/* A verdict's strings live as long as the rack, whatever the module does with its own. Most
 * verdicts have none. */
static bool intern_all(struct baton_rack *rack, baton_verdict *v)
{
	return (!v->rule || intern(rack, &v->rule)) && (!v->reason || intern(rack, &v->reason)) &&
	       (!v->queue || intern(rack, &v->queue)) &&
	       (!v->resume_when || intern(rack, &v->resume_when));
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
	    !intern_all(rack, &v)) {
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

int baton_rack_rules(struct baton_rack *rack, struct baton_release *release,
		     const baton_facts *facts, baton_verdict *ret_verdict)
{
	baton_verdict best = { .size = sizeof(best), .action = BATON_ACT_NONE };
	const struct baton_seat *seat = baton_rack_seat(rack, release);
	int rc = 0;
	/* Also if its time is over: an answer that was shown is judged by its own rules. */
	if (rack->closed || !seat)
		return BATON_E_MODULE;
	for (size_t i = 0; i < seat->n; i++) {
		struct baton_ctx *ctx = seat->ctxs[i];
		baton_verdict v;
		if (!is_kind(ctx->generation->spec, "rule"))
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
