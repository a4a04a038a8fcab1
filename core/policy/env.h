/* SPDX-License-Identifier: Apache-2.0 */

/* Environments: what a condition may name. An environment is a table that says under which name, of
 * which kind and at which offset of a struct each fact is found. There are two: the facts of a turn
 * (facts.h) for rules and routes, and those of a scope over a window (mode_facts.h) for modes and
 * alerts. Pure; the tables are static and never change.
 */
#pragma once

#include "core/base/buf.h"

struct baton_arena;

enum baton_fact_kind {
	BATON_FACT_KIND_STR,
	BATON_FACT_KIND_PPM,
	BATON_FACT_KIND_U32,
	BATON_FACT_KIND_U64,
	BATON_FACT_KIND_FLAG,
	BATON_FACT_KIND_FAIL,
	BATON_FACT_KIND_TAGS
};

struct baton_fact {
	const char *name, *doc;
	struct baton_key key; /* facts are written in every turn */
	enum baton_fact_kind kind;
	uint32_t flag; /* FLAG: the bit of the uint32_t at `offset` */
	size_t offset; /* of the field within the struct */
	size_t beside; /* FAIL: offset of the baton_str that is empty when nothing has failed */
};

struct baton_env {
	const char *name;
	const struct baton_fact *facts;
	size_t n;
	size_t size;           /* bytes of the struct */
	const uint16_t *texts; /* where STR and TAGS are in it, 0 behind the last; NULL: there are none */
};

/* Index of the fact called `name`, or -1. */
int baton_env_find(const struct baton_env *env, baton_str name);
/* Milliseconds by their name: such a fact is an int under its own name, and a duration under the
 * name without `_ms`. */
bool baton_fact_is_ms(const struct baton_fact *fact);
/* Index of the fact that `name` names without its `_ms`, or -1. */
int baton_env_find_duration(const struct baton_env *env, baton_str name);

/* What a condition sees of a FAIL fact. Static text; "" if nothing has failed. */
const char *baton_fact_fail_text(const struct baton_fact *fact, const void *base);

/* All words that a fact can be, up to a NULL; NULL if it can be any text or is none. */
const char *const *baton_fact_words(const struct baton_fact *fact);

/* All facts as one JSON object, in the order of the table. */
void baton_env_json(const struct baton_env *env, const void *base, struct baton_buf *out);
/* The same without those that are empty, 0 or false: they read back as that. Most are, and a
 * transcript keeps them with every turn. */
void baton_env_json_set(const struct baton_env *env, const void *base, struct baton_buf *out);
/* Those that are not as in `before`, whatever they are: read over what `before` wrote, they give all
 * the facts back. */
void baton_env_json_changed(const struct baton_env *env, const void *base, const void *before,
			    struct baton_buf *out);
/* Texts and lists live in `arena` from now on. */
void baton_env_keep(const struct baton_env *env, void *base, struct baton_arena *arena);
/* One value as JSON. */
void baton_env_fact_json(const struct baton_fact *fact, const void *base, struct baton_buf *out);
/* Reads an object back; strings live in `json` or `arena`. Facts that it does not hold keep the value
 * they have in `base`; names that nobody knows are passed over, a newer version wrote them. 0, or
 * BATON_E_JSON, and then `base` is as it was. */
int baton_env_parse(const struct baton_env *env, baton_str json, struct baton_arena *arena,
		    void *base);
/* Sets one fact from text as a person types it: `vip`, `0.3`, `true`, `5m` for milliseconds, `a,b` or
 * a JSON list for a list. Strings live in `arena`. 0, or BATON_E_INVAL with a sentence in `why`. */
int baton_env_set(const struct baton_env *env, void *base, baton_str name, baton_str value,
		  struct baton_arena *arena, char why[160]);
