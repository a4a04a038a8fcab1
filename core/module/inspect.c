/* SPDX-License-Identifier: Apache-2.0 */

/* How guards are asked: at once, like rules, and held to the form of their hits. What is wrong in a
 * guard's answer makes all of it worthless: the caller then takes the safe reading, it never passes
 * on half of the hits. */
#include "core/base/abi.h"
#include "core/base/errors.h"
#include "core/base/log.h"
#include "core/module/host.h"
#include "core/module/rack.h"

static baton_str keep(struct baton_rack *rack, baton_str s)
{
	if (s.n == 0)
		return BATON_STR("");
	return (baton_str){ baton_arena_dup(&rack->found, s.p, s.n), s.n };
}

/* Texts of the module's own become ours; unknown actions become what the ABI says of them. */
static void take(struct baton_rack *rack, const baton_hits *from, baton_hits *ret)
{
	for (uint32_t i = 0; i < from->n; i++) {
		baton_hit *hit = &ret->v[i];
		bool appends = hit->action == BATON_GUARD_APPEND;
		if (hit->action > BATON_GUARD_BLOCK)
			hit->action = BATON_GUARD_MARK;
		hit->type = keep(rack, hit->type);
		hit->rule = hit->rule.n > 0 ? keep(rack, hit->rule) : hit->type;
		hit->text = appends ? keep(rack, hit->text) : BATON_STR("");
	}
	ret->n = from->n;
	ret->safe = from->safe;
}

static int refused(struct baton_ctx *ctx, int32_t rc)
{
	if (baton_meter_may_log(&ctx->generation->meter))
		baton_log(BATON_LOG_WARN, "guard_failed", "si", "module",
			  ctx->generation->spec->name, "rc", (int64_t)rc);
	return rc == BATON_E_LIMIT ? BATON_E_LIMIT : BATON_E_MODULE;
}

static int ask(struct baton_rack *rack, struct baton_ctx *ctx, const baton_inspection *what,
	       baton_hits *ret)
{
	const baton_guard *vt = ctx->generation->vt;
	baton_hits hits = { .size = sizeof(hits), .cap = ret->cap, .v = ret->v };
	hits.safe = (uint32_t)what->text.n;
	memset(ret->v, 0, ret->cap * sizeof(*ret->v));
	struct baton_visit visit = baton_visit_begin(ctx, "inspect");
	int32_t rc = vt->inspect(ctx->inst, what, &hits);
	baton_visit_end(&visit);
	if (rc < 0)
		return refused(ctx, rc);
	const char *wrong = rc == BATON_OK ? NULL : "a result that inspect() does not have";
	if (!wrong && (hits.v != ret->v || hits.cap != ret->cap))
		wrong = "the host's own list of hits was exchanged";
	if (!wrong)
		wrong = baton_abi_hits_wrong(what, &hits);
	if (wrong) {
		baton_ctx_breach(ctx, BATON_BREACH_OUTPUT, wrong);
		return BATON_E_MODULE;
	}
	take(rack, &hits, ret);
	return 0;
}

int baton_rack_inspect(struct baton_rack *rack, struct baton_release *release, const char *name,
		       const baton_inspection *what, baton_hits *ret)
{
	/* Also if its time is over: what was begun under its guards ends under them. */
	const struct baton_seat *seat = baton_rack_seat(rack, release);
	if (rack->closed || !seat)
		return BATON_E_CLOSED;
	struct baton_ctx *ctx = baton_seat_instance(seat, "guard", name);
	if (!ctx)
		return BATON_E_NOTFOUND;
	bool grows = what->at == BATON_AT_ANSWER && !what->final;
	ret->n = 0;
	ret->safe = (uint32_t)what->text.n;
	if (!(((const baton_guard *)ctx->generation->vt)->at & what->at))
		return 0;
	baton_arena_done(&rack->found);
	uint64_t begin_ns = baton_loop_now_ns(rack->loop);
	int rc = ask(rack, ctx, what, ret);
	baton_meter_answer(&ctx->generation->meter, rc < 0,
			   (baton_loop_now_ns(rack->loop) - begin_ns) / 1000);
	if (!grows || rc < 0)
		ret->safe = rc < 0 ? 0 : (uint32_t)what->text.n;
	if (rc < 0)
		ret->n = 0;
	return rc;
}
