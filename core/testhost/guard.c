/* SPDX-License-Identifier: Apache-2.0 */

/* Guards, asked as core/module/inspect.c asks them and held to the same form (core/base/abi.h). */
#include "core/testhost/inside.h"

#include "core/base/abi.h"
#include "core/base/limits.h"

enum { TURN_MS = 30000 };

baton_turn baton_rig_turn(const baton_testhost *host)
{
	return (baton_turn){ .size = sizeof(baton_turn),
			     .session_id = BATON_STR("s-1"),
			     .turn_id = BATON_STR("t-1"),
			     .channel = BATON_STR("web"),
			     .locale = BATON_STR("en"),
			     .deadline_ns =
				     host->now_ns + (uint64_t)TURN_MS * BATON_RIG_NS_PER_MS };
}

void baton_rig_guard_free(baton_testhost *host)
{
	baton_arena_done(&host->found);
	baton_free(host->look.v);
}

static baton_str keep(baton_testhost *host, baton_str s)
{
	return (baton_str){ baton_arena_dup(&host->found, s.n ? s.p : "", s.n), s.n };
}

static void take(baton_testhost *host, const baton_hits *from, baton_hits *ret)
{
	for (uint32_t i = 0; i < from->n; i++) {
		baton_hit *hit = &ret->v[i];
		bool appends = hit->action == BATON_GUARD_APPEND;
		if (hit->action > BATON_GUARD_BLOCK)
			hit->action = BATON_GUARD_MARK;
		hit->type = keep(host, hit->type);
		hit->rule = hit->rule.n > 0 ? keep(host, hit->rule) : hit->type;
		hit->text = keep(host, appends ? hit->text : BATON_STR_NONE);
	}
	ret->n = from->n;
	ret->safe = from->safe;
}

static int32_t ask(baton_testhost *host, const struct baton_ctx *ctx, const baton_inspection *what,
		   baton_hits *ret)
{
	const baton_guard *vt = host->vt;
	baton_hits hits = { .size = sizeof(hits), .cap = ret->cap, .v = ret->v };
	hits.safe = (uint32_t)what->text.n;
	memset(ret->v, 0, ret->cap * sizeof(*ret->v));
	struct baton_rig_visit visit = baton_rig_enter(host, "inspect");
	host->pure = true;
	int32_t rc = vt->inspect(ctx->inst, what, &hits);
	host->pure = false;
	baton_rig_leave(&visit);
	if (rc < 0)
		return rc;
	const char *wrong = rc == BATON_OK ? NULL : "a result that inspect() does not have";
	if (!wrong && (hits.v != ret->v || hits.cap != ret->cap))
		wrong = "the host's own list of hits was exchanged";
	if (!wrong)
		wrong = baton_abi_hits_wrong(what, &hits);
	if (wrong) {
		baton_rig_breach(host, BATON_TESTHOST_BREACH_OUTPUT, wrong);
		return BATON_E_INVAL;
	}
	take(host, &hits, ret);
	return BATON_OK;
}

int32_t baton_testhost_inspect(baton_testhost *host, uint32_t inst, const baton_inspection *what,
			       baton_hits *ret)
{
	const struct baton_ctx *ctx = baton_rig_ctx(host, inst);
	const baton_guard *vt = host->vt;
	bool grows = what->at == BATON_AT_ANSWER && !what->final;
	ret->n = ret->safe = 0;
	if (!ctx || !vt->inspect)
		return BATON_E_UNSUPPORTED;
	int32_t rc = BATON_OK;
	baton_arena_done(&host->found);
	ret->safe = (uint32_t)what->text.n;
	if (vt->at & what->at)
		rc = ask(host, ctx, what, ret);
	if (rc < 0)
		ret->n = ret->safe = 0;
	else if (!grows)
		ret->safe = (uint32_t)what->text.n;
	return rc;
}

const baton_hits *baton_testhost_look(baton_testhost *host, uint32_t inst, uint32_t at,
				      const char *text)
{
	const baton_turn turn = baton_rig_turn(host);
	const baton_inspection what = { .size = sizeof(what),
					.at = at,
					.turn = &turn,
					.text = baton_str_of(text),
					.final = 1 };
	if (!host->look.v)
		host->look = (baton_hits){ .size = sizeof(baton_hits),
					   .cap = BATON_HITS_MAX,
					   .v = baton_alloc(BATON_HITS_MAX * sizeof(baton_hit)) };
	return baton_testhost_inspect(host, inst, &what, &host->look) < 0 ? NULL : &host->look;
}
