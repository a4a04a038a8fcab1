/* SPDX-License-Identifier: Apache-2.0 */

/* A whole guard under the fuzzer, through its module's own door: what must hold of any guard. What it
 * finds is in the text, in order, whole characters, none over another. And of an answer that grows:
 * in whatever pieces it comes, the same is found as in the whole, and before any of it was shown. */
#pragma once

#include "tests/fuzz/fuzz.h"

#include <baton/module.h>

enum { GUARD_HITS_MAX = 256, GUARD_KNOWN_MAX = 1024, GUARD_BY_CHARACTER_MAX = 400 };

struct guard_look {
	int32_t rc;
	baton_hits hits;
	baton_hit v[GUARD_HITS_MAX];
};

/* An answer on its way: what was called safe, and what was told before. */
struct guard_growth {
	void *inst;
	const baton_turn *turn;
	baton_str text;
	size_t shown;
	baton_hit known[GUARD_KNOWN_MAX];
	size_t n_known;
};

static inline void guard_log(baton_ctx *ctx, uint32_t level, baton_str text)
{
	(void)ctx, (void)level;
	fprintf(stderr, "%.*s\n", (int)text.n, text.p);
}

static inline void *guard_open(const char *config)
{
	static const baton_host host = { .size = sizeof(host), .log = guard_log };
	const baton_module *module = &baton_module_entry;
	void *mod = NULL, *inst = NULL;

	FUZZ_CHECK(module->load(NULL, &host, &mod) == BATON_OK);
	FUZZ_CHECK(module->create(mod, NULL, (baton_str){ config, strlen(config) }, &inst) ==
		   BATON_OK);
	return inst;
}

static inline bool guard_splits(baton_str text, size_t at)
{
	return at < text.n && ((unsigned char)text.p[at] & 0xc0) == 0x80;
}

static inline void guard_check_form(const struct guard_look *look, baton_str text, bool grows)
{
	size_t end = 0;

	for (uint32_t i = 0; i < look->hits.n; i++) {
		const baton_hit *hit = &look->v[i];
		bool appends = hit->action == BATON_GUARD_APPEND;

		FUZZ_CHECK(hit->begin >= end && hit->end <= text.n);
		FUZZ_CHECK(appends ? hit->begin == hit->end : hit->begin < hit->end);
		FUZZ_CHECK(!guard_splits(text, hit->begin) && !guard_splits(text, hit->end));
		FUZZ_CHECK(hit->type.n > 0 && hit->type.n < 32);
		end = hit->end;
	}
	if (grows && look->rc == BATON_OK)
		FUZZ_CHECK(look->hits.safe <= text.n && !guard_splits(text, look->hits.safe));
}

static inline void guard_look(const struct guard_growth *g, uint32_t at, baton_str text, bool final,
			      struct guard_look *ret)
{
	const baton_guard *vt = baton_module_entry.ifaces[0].vt;
	const baton_inspection what = { .size = sizeof(what),
					.at = at,
					.turn = g->turn,
					.text = text,
					.from = at == BATON_AT_ANSWER ? (uint32_t)g->shown : 0,
					.final = final };

	memset(ret, 0, sizeof(*ret));
	ret->hits = (baton_hits){ .size = sizeof(ret->hits), .cap = GUARD_HITS_MAX, .v = ret->v };
	ret->rc = vt->inspect(g->inst, &what, &ret->hits);
	if (ret->rc == BATON_OK)
		guard_check_form(ret, text, !final);
}

static inline bool guard_same(const baton_hit *a, const baton_hit *b)
{
	return a->begin == b->begin && a->end == b->end && a->action == b->action;
}

static inline bool guard_knows(const baton_hit *v, size_t n, const baton_hit *hit)
{
	for (size_t i = 0; i < n; i++)
		if (guard_same(&v[i], hit))
			return true;
	return false;
}

/* What begins in what has been shown was told before. */
static inline void guard_check_told(const struct guard_growth *g, const struct guard_look *look)
{
	for (uint32_t i = 0; i < look->hits.n; i++) {
		const baton_hit *hit = &look->v[i];

		if (hit->begin >= g->shown || guard_knows(g->known, g->n_known, hit))
			continue;
		fprintf(stderr, "%.*s at %u to %u, when %zu of %zu had been shown\n",
			(int)hit->type.n, hit->type.p, hit->begin, hit->end, g->shown, g->text.n);
		FUZZ_CHECK(!"told too late");
	}
}

static inline bool guard_grow_to(struct guard_growth *g, size_t n)
{
	static struct guard_look look;

	guard_look(g, BATON_AT_ANSWER, (baton_str){ g->text.p, n }, false, &look);
	if (look.rc < 0)
		return false;
	FUZZ_CHECK(look.hits.safe >= g->shown);
	guard_check_told(g, &look);
	for (uint32_t i = 0; i < look.hits.n && g->n_known < GUARD_KNOWN_MAX; i++)
		if (look.v[i].end <= look.hits.safe &&
		    !guard_knows(g->known, g->n_known, &look.v[i]))
			g->known[g->n_known++] = look.v[i];
	g->shown = look.hits.safe;
	return g->n_known < GUARD_KNOWN_MAX;
}

static inline void guard_check_end(struct guard_growth *g)
{
	static struct guard_look rest, whole;

	guard_look(g, BATON_AT_ANSWER, g->text, true, &rest);
	size_t shown = g->shown;
	g->shown = 0;
	guard_look(g, BATON_AT_ANSWER, g->text, true, &whole);
	g->shown = shown;
	if (rest.rc < 0 || whole.rc < 0)
		return;
	guard_check_told(g, &rest);
	guard_check_told(g, &whole);
	for (uint32_t i = 0; i < whole.hits.n; i++)
		if (whole.v[i].end > shown)
			FUZZ_CHECK(guard_knows(rest.v, rest.hits.n, &whole.v[i]));
	for (uint32_t i = 0; i < rest.hits.n; i++)
		FUZZ_CHECK(guard_knows(whole.v, whole.hits.n, &rest.v[i]));
}

/* `pieces`: 16 lengths, of four bits each, longer in a long text; 0: cut at every byte, and what is no whole character waits,
 * as it does in the server. */
static inline void guard_grow(void *inst, const baton_turn *turn, baton_str text, uint64_t pieces)
{
	static struct guard_growth g; /* too big for a stack */
	unsigned turns = 0;

	g = (struct guard_growth){ .inst = inst, .turn = turn, .text = text };
	for (size_t n = 0; n < text.n;) {
		size_t piece = 1 + (pieces >> (turns++ % 16 * 4) & 15u) * (1 + text.n / 256);

		n = n + piece < text.n ? n + piece : text.n;
		if (!guard_grow_to(&g, baton_str_clip(text, n).n))
			return;
	}
	guard_check_end(&g);
}

/* The first eight bytes say in which pieces the rest comes. */
static inline void guard_fuzz(void *inst, const baton_turn *turn, const uint8_t *data, size_t n)
{
	static struct guard_look look;
	const struct guard_growth at_once = { .inst = inst, .turn = turn };
	uint64_t pieces = 0;

	for (int i = 0; i < 8; i++)
		pieces = pieces << 8 | fuzz_byte(&data, &n);
	baton_str text = fuzz_rest(data, n);
	if (text.n == 0 || !baton_str_utf8_ok(text))
		return;
	for (uint32_t at = BATON_AT_CUSTOMER; at <= BATON_AT_ANSWER; at <<= 1)
		if (((const baton_guard *)baton_module_entry.ifaces[0].vt)->at & at)
			guard_look(&at_once, at, text, true, &look);
	guard_grow(inst, turn, text, pieces);
	if (text.n <= GUARD_BY_CHARACTER_MAX)
		guard_grow(inst, turn, text, 0);
}
