/* SPDX-License-Identifier: Apache-2.0 */

/* A guard on the test host, looked through: whole texts, texts that grow, noise. */
#pragma once

#include <baton/testhost.h>

#include "core/base/limits.h"
#include "core/base/str.h"

#include <libgen.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

struct look {
	baton_testhost *host;
	uint32_t inst;
};

struct want {
	size_t begin, end;
	char type[32];
};

static inline baton_testhost *look_host(const char *module)
{
	char path[256], why[256] = "";

	char self[200];
	ssize_t n = readlink("/proc/self/exe", self,
			     sizeof(self) - 1); /* build/<variant>/tests/test_x */

	assert_true(n > 0);
	self[n] = '\0';
	snprintf(path, sizeof(path), "%s/modules/%s.so", dirname(dirname(self)), module);
	baton_testhost *host = baton_testhost_open(path, NULL, why, sizeof(why));
	if (!host)
		fail_msg("%s: %s", path, why);
	return host;
}

static inline struct look *look_open(const char *module, const char *config)
{
	struct look *look = calloc(1, sizeof(*look));

	assert_non_null(look);
	look->host = look_host(module);
	assert_int_equal(baton_testhost_create(look->host, config, &look->inst), BATON_OK);
	return look;
}

static inline void look_close(struct look **look)
{
	unsigned breaches = baton_testhost_breaches((*look)->host);

	if (breaches > 0)
		fail_msg("%s", baton_testhost_breach_text((*look)->host));
	assert_int_equal(baton_testhost_close(&(*look)->host), 0);
	free(*look);
	*look = NULL;
}

static inline void look_refused(const char *module, const char *config)
{
	baton_testhost *host = look_host(module);
	uint32_t inst;

	if (baton_testhost_create(host, config, &inst) >= 0)
		fail_msg("%s is taken", config);
	assert_true(baton_testhost_logs(host) > 0);
	baton_testhost_close(&host);
}

static inline const baton_hits *look_at(struct look *look, uint32_t at, const char *text)
{
	return baton_testhost_look(look->host, look->inst, at, text);
}

static inline bool look_is(baton_str s, const char *z)
{
	return s.n == strlen(z) && memcmp(s.p, z, s.n) == 0;
}

/* For messages: what was found. Static. */
static inline const char *look_list(const baton_hits *hits, const char *text)
{
	static char list[2048];
	size_t n = 0;

	list[0] = '\0';
	for (uint32_t i = 0; i < hits->n && n + 200 < sizeof(list); i++)
		n += (size_t)snprintf(list + n, sizeof(list) - n, "\n  %.*s: %.*s",
				      (int)hits->v[i].type.n, hits->v[i].type.p,
				      (int)(hits->v[i].end - hits->v[i].begin > 100
						    ? 100
						    : hits->v[i].end - hits->v[i].begin),
				      text + hits->v[i].begin);
	return list;
}

/* --- answers that grow --- */

static inline const baton_hits *look_answer(struct look *look, baton_turn *turn, baton_str text,
					    size_t from, bool final)
{
	static baton_hit v[BATON_HITS_MAX];
	static baton_hits hits;
	baton_inspection what = { .size = sizeof(what),
				  .at = BATON_AT_ANSWER,
				  .turn = turn,
				  .text = text,
				  .from = (uint32_t)from,
				  .final = final };

	hits = (baton_hits){ .size = sizeof(hits), .cap = BATON_HITS_MAX, .v = v };
	if (baton_testhost_inspect(look->host, look->inst, &what, &hits) < 0)
		fail_msg("cannot be said: %.*s\n%s", (int)text.n, text.p,
			 baton_testhost_breach_text(look->host));
	return &hits;
}

static inline baton_turn look_turn(const char *intent)
{
	return (baton_turn){ .size = sizeof(baton_turn),
			     .session_id = BATON_STR("s"),
			     .turn_id = BATON_STR("s-1"),
			     .locale = BATON_STR("en"),
			     .intent = baton_str_of(intent) };
}

static inline size_t look_safe(struct look *look, const char *text, size_t from)
{
	baton_turn turn = look_turn("");

	return look_answer(look, &turn, baton_str_of(text), from, false)->safe;
}

/* The text comes in pieces of `step` bytes, and what is safe is shown at once, as the server
 * does it. Nothing of what is found in the whole text may have been shown before it was found. */
static inline void look_grow(struct look *look, const char *text, size_t step)
{
	baton_turn turn = look_turn("");
	size_t n = strlen(text), shown = 0;
	baton_hit whole[64];
	const baton_hits *hits = look_answer(look, &turn, baton_str_of(text), 0, true);
	size_t n_whole = hits->n < 64 ? hits->n : 64;
	bool seen[64] = { false };

	memcpy(whole, hits->v, n_whole * sizeof(*whole));
	for (size_t end = step; end - step < n; end += step) {
		size_t to = end < n ? end : n;
		baton_str now = baton_str_utf8_prefix((baton_str){ text, to });

		hits = look_answer(look, &turn, now, shown, to == n);
		for (size_t i = 0; i < n_whole; i++)
			for (uint32_t k = 0; k < hits->n; k++)
				seen[i] |= hits->v[k].begin <= whole[i].begin &&
					   hits->v[k].end >= whole[i].end;
		size_t safe = to == n ? n : hits->safe;
		assert_true(safe >= shown && safe <= now.n);
		for (size_t i = 0; i < n_whole; i++)
			if (whole[i].begin < safe && !seen[i])
				fail_msg("%s: %u..%u was shown up to %zu before it was found", text,
					 whole[i].begin, whole[i].end, safe);
		shown = safe;
	}
	for (size_t i = 0; i < n_whole; i++)
		assert_true(seen[i]);
}

/* --- noise --- */

static inline uint32_t look_chance(uint64_t *seed)
{
	*seed = *seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(*seed >> 33);
}

/* Pieces of the texts and single characters in any order, made UTF-8: the form of what comes
 * back is checked by the host. */
static inline void look_noise(struct look *look, const char *const *texts, size_t n,
			      unsigned rounds)
{
	static const char *const bits[] = {
		" ",         "\n",     "-",   "(",   ".",    "@",        "0",
		"9",         "x",      "+",   "/",   "\"",   "\xc3\xa4", "\xe2\x80\x8b",
		":",         "=",      "eyJ", "sk-", "4111", "DE89",     "is ",
		"password ", "phone ", "!"
	};
	uint64_t seed = 7;
	char text[600];

	for (unsigned round = 0; round < rounds; round++) {
		size_t length = 0;

		for (unsigned i = 0, pieces = look_chance(&seed) % 20; i < pieces; i++) {
			bool whole = look_chance(&seed) % 3 == 0;
			const char *from =
				whole ? texts[look_chance(&seed) % n]
				      : bits[look_chance(&seed) % (sizeof(bits) / sizeof(*bits))];
			size_t all = strlen(from),
			       begin = whole ? look_chance(&seed) % (all + 1) : 0;
			size_t take = whole ? look_chance(&seed) % (all - begin + 1) : all;

			if (length + take >= sizeof(text))
				break;
			memcpy(text + length, from + begin, take);
			length += take;
		}
		text[length] = '\0';
		if (!baton_str_utf8_ok((baton_str){ text, length }))
			continue;
		(void)look_at(look, BATON_AT_TOOL_RESULT, text);
		if (round % 8 == 0 && length > 0)
			look_grow(look, text, 1 + look_chance(&seed) % 9);
	}
}
