/* SPDX-License-Identifier: Apache-2.0 */

/* Facts by name, as JSON, and as a person types them: one reader and one writer for all
 * environments. What is written must read back to the same values: transcripts rest on it.
 *
 * Fields are read and written through memcpy: a table knows offsets, not types.
 */

#include "core/policy/env.h"

#include "core/base/buf.h"
#include "core/base/errors.h"
#include "core/base/json.h"
#include "core/base/mem.h"
#include "core/policy/expr_duration.h"
#include "core/policy/nearest.h"

#include <math.h>
#include <stdio.h>

enum { JSON_BYTES_PER_FACT = 40, WHY_BYTES = 160 };

/* Indexed by BATON_FAIL_*. The ABI's list only grows at its end (R3). */
static const char *const fail_names[] = {
	"internal",    "unavailable",
	"timeout",     "rate_limited",
	"quota",       "price",
	"access",      "model_gone",
	"refused",     "too_long",
	"bad_request", "bad_output",
	"cancelled",   "module",
	"overloaded",  "truncated",
	"empty",       "stall",
	"first_token", "total",
	"connect",     "",
	NULL, /* "" is what nothing reads as */
};
enum { FAILS_N = sizeof(fail_names) / sizeof(fail_names[0]) - 2 };

/* What core/route/health.c calls the states of a target; "" without one. */
static const char *const state_names[] = { "closed",  "open",           "half_open", "disabled",
					   "cooling", "account_closed", "",          NULL };

int baton_env_find(const struct baton_env *env, baton_str name)
{
	for (size_t i = 0; i < env->n; i++)
		if (baton_str_is(name, env->facts[i].name))
			return (int)i;
	return -1;
}

bool baton_fact_is_ms(const struct baton_fact *fact)
{
	size_t n = strlen(fact->name);

	return (fact->kind == BATON_FACT_KIND_U32 || fact->kind == BATON_FACT_KIND_U64) && n > 3 &&
	       strcmp(fact->name + n - 3, "_ms") == 0;
}

int baton_env_find_duration(const struct baton_env *env, baton_str name)
{
	for (size_t i = 0; i < env->n; i++) {
		const struct baton_fact *fact = &env->facts[i];

		if (baton_fact_is_ms(fact) && name.n + 3 == strlen(fact->name) &&
		    memcmp(name.p, fact->name, name.n) == 0)
			return (int)i;
	}
	return -1;
}

static uint32_t read_u32(const void *base, size_t offset)
{
	uint32_t u;

	memcpy(&u, (const char *)base + offset, sizeof(u));
	return u;
}

static uint64_t read_u64(const void *base, size_t offset)
{
	uint64_t u;

	memcpy(&u, (const char *)base + offset, sizeof(u));
	return u;
}

static baton_str read_str(const void *base, size_t offset)
{
	baton_str s;

	memcpy(&s, (const char *)base + offset, sizeof(s));
	return s;
}

const char *baton_fact_fail_text(const struct baton_fact *fact, const void *base)
{
	uint32_t fail = read_u32(base, fact->offset);

	if (fail == 0 && read_str(base, fact->beside).n == 0)
		return "";
	return fail_names[fail < FAILS_N ? fail : 0];
}

const char *const *baton_fact_words(const struct baton_fact *fact)
{
	if (fact->kind == BATON_FACT_KIND_FAIL)
		return fail_names;
	return strcmp(fact->name, "primary_state") == 0 ? state_names : NULL;
}

static void ppm_json(uint32_t ppm, struct baton_buf *out)
{
	enum { DECIMALS = 6 };
	uint32_t million = 1000000;

	baton_buf_u64(out, ppm / million);
	/* The decimals with a 1 in front, where the point goes: so they are six. */
	char *to = baton_buf_room(out, BATON_U64_TEXT);
	(void)baton_u64_text(million + ppm % million, to);
	to[0] = '.';
	to[1 + DECIMALS] = '\0';
	out->n += 1 + DECIMALS;
}

/* A list that is none is written as an empty one: the transcript stays JSON. */
static baton_str list_of(baton_str tags)
{
	struct baton_json list;
	bool is_list =
		tags.n > 0 && baton_json_parse(tags, &list) == 0 && list.type == BATON_JSON_ARRAY;

	return is_list ? list.raw : BATON_STR("[]");
}

void baton_env_fact_json(const struct baton_fact *fact, const void *base, struct baton_buf *out)
{
	switch (fact->kind) {
	case BATON_FACT_KIND_STR:
		baton_buf_json(out, read_str(base, fact->offset));
		return;
	case BATON_FACT_KIND_PPM:
		ppm_json(read_u32(base, fact->offset), out);
		return;
	case BATON_FACT_KIND_U32:
		baton_buf_u64(out, read_u32(base, fact->offset));
		return;
	case BATON_FACT_KIND_U64:
		baton_buf_u64(out, read_u64(base, fact->offset));
		return;
	case BATON_FACT_KIND_FLAG:
		baton_buf_z(out, read_u32(base, fact->offset) & fact->flag ? "true" : "false");
		return;
	case BATON_FACT_KIND_FAIL:
		baton_buf_json(out, baton_str_of(baton_fact_fail_text(fact, base)));
		return;
	case BATON_FACT_KIND_TAGS:
		baton_buf_str(out, list_of(read_str(base, fact->offset)));
		return;
	}
}

void baton_env_json(const struct baton_env *env, const void *base, struct baton_buf *out)
{
	size_t start = out->n;

	(void)baton_buf_room(out, env->n * JSON_BYTES_PER_FACT);
	for (size_t i = 0; i < env->n; i++) {
		baton_buf_key(out, &env->facts[i].key);
		baton_env_fact_json(&env->facts[i], base, out);
	}
	baton_buf_z(out, "}");
	out->p[start] = '{'; /* where the first name's comma is */
}

/* A name and its value, but for what reads back as nothing set when it is not there. */
static void fact_json_set(const struct baton_fact *fact, const void *base, struct baton_buf *out)
{
	const char *fail;
	uint64_t number;
	baton_str s;

	switch (fact->kind) {
	case BATON_FACT_KIND_STR:
		if ((s = read_str(base, fact->offset)).n == 0)
			return;
		baton_buf_key(out, &fact->key);
		baton_buf_json(out, s);
		return;
	case BATON_FACT_KIND_PPM:
		if ((number = read_u32(base, fact->offset)) == 0)
			return;
		baton_buf_key(out, &fact->key);
		ppm_json((uint32_t)number, out);
		return;
	case BATON_FACT_KIND_U32:
	case BATON_FACT_KIND_U64:
		number = fact->kind == BATON_FACT_KIND_U32 ? read_u32(base, fact->offset)
							   : read_u64(base, fact->offset);
		if (number == 0)
			return;
		baton_buf_key(out, &fact->key);
		baton_buf_u64(out, number);
		return;
	case BATON_FACT_KIND_FLAG:
		if (!(read_u32(base, fact->offset) & fact->flag))
			return;
		baton_buf_key(out, &fact->key);
		baton_buf_z(out, "true");
		return;
	case BATON_FACT_KIND_FAIL:
		if ((fail = baton_fact_fail_text(fact, base))[0] == '\0')
			return;
		baton_buf_key(out, &fact->key);
		baton_buf_json(out, baton_str_of(fail));
		return;
	case BATON_FACT_KIND_TAGS:
		s = read_str(base, fact->offset);
		if (s.n == 0 || (s = list_of(s)).n == 2)
			return;
		baton_buf_key(out, &fact->key);
		baton_buf_str(out, s);
		return;
	}
}

void baton_env_json_set(const struct baton_env *env, const void *base, struct baton_buf *out)
{
	size_t start = out->n;

	(void)baton_buf_room(out, env->n * JSON_BYTES_PER_FACT);
	for (size_t i = 0; i < env->n; i++)
		fact_json_set(&env->facts[i], base, out);
	baton_buf_z(out, out->n == start ? "{}" : "}");
	out->p[start] = '{';
}

static bool same_str(baton_str a, baton_str b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static inline bool same(const struct baton_fact *fact, const void *a, const void *b)
{
	switch (fact->kind) {
	case BATON_FACT_KIND_PPM:
	case BATON_FACT_KIND_U32:
		return read_u32(a, fact->offset) == read_u32(b, fact->offset);
	case BATON_FACT_KIND_FLAG:
		return !((read_u32(a, fact->offset) ^ read_u32(b, fact->offset)) & fact->flag);
	case BATON_FACT_KIND_U64:
		return read_u64(a, fact->offset) == read_u64(b, fact->offset);
	case BATON_FACT_KIND_STR:
	case BATON_FACT_KIND_TAGS:
		return same_str(read_str(a, fact->offset), read_str(b, fact->offset));
	case BATON_FACT_KIND_FAIL:
		return strcmp(baton_fact_fail_text(fact, a), baton_fact_fail_text(fact, b)) == 0;
	}
	return false;
}

void baton_env_json_changed(const struct baton_env *env, const void *base, const void *before,
			    struct baton_buf *out)
{
	size_t start = out->n;

	for (size_t i = 0; i < env->n; i++) {
		if (same(&env->facts[i], base, before))
			continue;
		baton_buf_key(out, &env->facts[i].key);
		baton_env_fact_json(&env->facts[i], base, out);
	}
	baton_buf_z(out, out->n == start ? "{}" : "}");
	out->p[start] = '{';
}

void baton_env_keep(const struct baton_env *env, void *base, struct baton_arena *arena)
{
	if (env->texts)
		baton_arena_keep(arena, base, env->texts);
}

/* --- and back --- */

static int read_number(const struct baton_json *value, double factor, uint64_t max, uint64_t *ret)
{
	if (value->type != BATON_JSON_NUMBER)
		return BATON_E_JSON;
	if (factor == 1.0) {
		uint64_t u = baton_json_u64(value, UINT64_MAX);
		/* UINT64_MAX is also the answer for "no integer"; only its own digits mean it. */
		if (u == UINT64_MAX && !baton_str_is(value->raw, "18446744073709551615"))
			return BATON_E_JSON;
		*ret = u;
		return u <= max ? 0 : BATON_E_JSON;
	}
	double d = baton_json_double(value, -1.0) * factor;
	if (!(d >= 0.0 && d < (double)max + 0.5))
		return BATON_E_JSON;
	*ret = (uint64_t)llround(d);
	return 0;
}

static void write_u32(void *base, size_t offset, uint32_t u)
{
	memcpy((char *)base + offset, &u, sizeof(u));
}

static int read_fail(baton_str name, const struct baton_fact *fact, void *base)
{
	write_u32(base, fact->offset, 0);
	if (name.n == 0)
		return 0;
	for (uint32_t i = 0; i < FAILS_N; i++) {
		if (!baton_str_is(name, fail_names[i]))
			continue;
		write_u32(base, fact->offset, i);
		return 0;
	}
	return BATON_E_JSON;
}

static int parse_text(const struct baton_json *value, const struct baton_fact *fact,
		      struct baton_arena *arena, void *base)
{
	if (value->type != BATON_JSON_STRING)
		return BATON_E_JSON;
	baton_str s = baton_json_text(value, arena);
	if (fact->kind == BATON_FACT_KIND_FAIL)
		return read_fail(s, fact, base);
	memcpy((char *)base + fact->offset, &s, sizeof(s));
	return 0;
}

static int parse_flag(const struct baton_json *value, const struct baton_fact *fact, void *base)
{
	uint32_t flags = read_u32(base, fact->offset) & ~fact->flag;

	if (value->type != BATON_JSON_TRUE && value->type != BATON_JSON_FALSE)
		return BATON_E_JSON;
	write_u32(base, fact->offset, flags | (baton_json_bool(value) ? fact->flag : 0));
	return 0;
}

static int parse_fact(const struct baton_json *value, const struct baton_fact *fact,
		      struct baton_arena *arena, void *base)
{
	bool ppm = fact->kind == BATON_FACT_KIND_PPM;
	char *field = (char *)base + fact->offset;
	uint64_t u64 = 0;
	int rc;

	switch (fact->kind) {
	case BATON_FACT_KIND_STR:
	case BATON_FACT_KIND_FAIL:
		return parse_text(value, fact, arena, base);
	case BATON_FACT_KIND_PPM:
	case BATON_FACT_KIND_U32:
		rc = read_number(value, ppm ? 1e6 : 1.0, UINT32_MAX, &u64);
		if (rc == 0)
			write_u32(base, fact->offset, (uint32_t)u64);
		return rc;
	case BATON_FACT_KIND_U64:
		rc = read_number(value, 1.0, UINT64_MAX, &u64);
		if (rc == 0)
			memcpy(field, &u64, sizeof(u64));
		return rc;
	case BATON_FACT_KIND_FLAG:
		return parse_flag(value, fact, base);
	case BATON_FACT_KIND_TAGS:
		if (value->type != BATON_JSON_ARRAY)
			return BATON_E_JSON;
		memcpy(field, &value->raw, sizeof(value->raw));
		return 0;
	}
	return BATON_E_JSON;
}

int baton_env_parse(const struct baton_env *env, baton_str json, struct baton_arena *arena,
		    void *base)
{
	struct baton_json object, key, value;
	size_t at = 0;
	void *copy;

	if (baton_json_parse(json, &object) < 0 || object.type != BATON_JSON_OBJECT)
		return BATON_E_JSON;
	copy = baton_arena_alloc(arena, env->size);
	memcpy(copy, base, env->size);
	while (baton_json_member(&object, &at, &key, &value)) {
		int index = baton_env_find(env, baton_json_text(&key, arena));

		/* A fact that this version does not know was written by a newer one. */
		if (index < 0)
			continue;
		if (parse_fact(&value, &env->facts[index], arena, copy) < 0)
			return BATON_E_JSON;
	}
	memcpy(base, copy, env->size);
	return 0;
}

/* --- as a person types them --- */

static int unknown(const struct baton_env *env, baton_str name, char why[160])
{
	struct baton_nearest nearest = baton_nearest_to(name);
	baton_str cut = baton_str_clip(name, 40);

	for (size_t i = 0; i < env->n; i++)
		baton_nearest_try(&nearest, env->facts[i].name);
	snprintf(why, WHY_BYTES, "there is no fact `%.*s`%s%s%s", (int)cut.n, cut.p,
		 nearest.name ? ", did you mean `" : "", nearest.name ? nearest.name : "",
		 nearest.name ? "`?" : "");
	return BATON_E_INVAL;
}

/* Words with commas between them, as a JSON list. */
static baton_str words_json(baton_str value, struct baton_arena *arena)
{
	struct baton_buf json = { 0 };

	for (size_t from = 0, at = 0; value.n > 0 && at <= value.n; at++) {
		if (at < value.n && value.p[at] != ',')
			continue;
		baton_buf_z(&json, from == 0 ? "[" : ",");
		baton_buf_json(&json, (baton_str){ value.p + from, at - from });
		from = at + 1;
	}
	baton_buf_z(&json, value.n > 0 ? "]" : "[]");
	baton_str kept = { baton_arena_dup(arena, json.p, json.n), json.n };
	baton_buf_done(&json);
	return kept;
}

/* The value as JSON: what a person leaves away are quotes, brackets and `milliseconds`. */
static baton_str typed_json(const struct baton_fact *fact, baton_str value,
			    struct baton_arena *arena)
{
	struct baton_buf json = { 0 };
	baton_str kept = value;
	int64_t ns = 0;

	if (fact->kind == BATON_FACT_KIND_TAGS && !(value.n > 0 && value.p[0] == '['))
		return words_json(value, arena);
	if (fact->kind == BATON_FACT_KIND_STR || fact->kind == BATON_FACT_KIND_FAIL)
		baton_buf_json(&json, value);
	else if (baton_fact_is_ms(fact) && expr_duration_parse(value, &ns) && ns >= 0)
		baton_buf_i64(&json, ns / 1000000);
	if (json.n > 0)
		kept = (baton_str){ baton_arena_dup(arena, json.p, json.n), json.n };
	baton_buf_done(&json);
	return kept;
}

static const char *wanted(const struct baton_fact *fact)
{
	switch (fact->kind) {
	case BATON_FACT_KIND_STR:
		return "text";
	case BATON_FACT_KIND_PPM:
		return "a share such as 0.3";
	case BATON_FACT_KIND_U32:
	case BATON_FACT_KIND_U64:
		return baton_fact_is_ms(fact) ? "milliseconds, or a duration such as 5m"
					      : "a whole number";
	case BATON_FACT_KIND_FLAG:
		return "true or false";
	case BATON_FACT_KIND_FAIL:
		return "a failure such as timeout or rate_limited";
	case BATON_FACT_KIND_TAGS:
		break;
	}
	return "words with commas between them";
}

int baton_env_set(const struct baton_env *env, void *base, baton_str name, baton_str value,
		  struct baton_arena *arena, char why[160])
{
	int index = baton_env_find(env, name);
	struct baton_json json;

	if (index < 0)
		index = baton_env_find_duration(env, name);
	if (index < 0)
		return unknown(env, name, why);
	const struct baton_fact *fact = &env->facts[index];
	baton_str text = { baton_arena_dup(arena, value.p, value.n), value.n };
	if (baton_json_parse(typed_json(fact, text, arena), &json) < 0 ||
	    parse_fact(&json, fact, arena, base) < 0) {
		baton_str cut = baton_str_clip(value, 32);
		snprintf(why, WHY_BYTES, "`%s` is %s, not `%.*s`", fact->name, wanted(fact),
			 (int)cut.n, cut.p);
		return BATON_E_INVAL;
	}
	/* A failure without a provider would read as none. */
	if (fact->kind == BATON_FACT_KIND_FAIL && value.n > 0 &&
	    read_str(base, fact->beside).n == 0) {
		baton_str someone = BATON_STR("unknown");
		memcpy((char *)base + fact->beside, &someone, sizeof(someone));
	}
	return 0;
}
