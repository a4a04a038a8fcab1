/* SPDX-License-Identifier: Apache-2.0 */

/* Facts by name, and as JSON. The transcript keeps the JSON of every decision, so that a new rule
 * can be tried on yesterday's conversations: what is written here must read back to the same
 * values.
 */

#include "core/policy/facts.h"

#include "core/base/buf.h"
#include "core/base/errors.h"
#include "core/base/json.h"
#include "core/policy/expr.h"

#include <math.h>

/* A flag has a bit and no field of its own; everything else the other way round. */
#define OFFSET_STR(field) .offset = offsetof(baton_facts, field)
#define OFFSET_PPM(field) OFFSET_STR(field)
#define OFFSET_U32(field) OFFSET_STR(field)
#define OFFSET_U64(field) OFFSET_STR(field)
#define OFFSET_FAIL(field) OFFSET_STR(field)
#define OFFSET_TAGS(field) OFFSET_STR(field)
#define OFFSET_FLAG(bit) .offset = offsetof(baton_facts, flags), .flag = BATON_FACT_##bit

static const struct baton_fact facts_table[] = {
#define FACT(kind_, name_, field_, doc_) \
	{ .name = #name_, .doc = doc_, .kind = BATON_FACT_KIND_##kind_, OFFSET_##kind_(field_) },
#include "core/policy/facts.def"
#undef FACT
};
enum { FACTS_N = sizeof(facts_table) / sizeof(facts_table[0]), FACTS_JSON_BYTES = 1000 };

/* The names as they stand in the JSON: they are written twice in every turn. */
static const baton_str facts_keys[] = {
#define FACT(kind_, name_, field_, doc_) { ",\"" #name_ "\":", sizeof(",\"" #name_ "\":") - 1 },
#include "core/policy/facts.def"
#undef FACT
};

/* Indexed by BATON_FAIL_*. The ABI's list only grows at its end (R3). */
static const char *const fail_names[] = {
	"internal",    "unavailable", "timeout",    "rate_limited", "quota",       "price",
	"access",      "model_gone",  "refused",    "too_long",     "bad_request", "bad_output",
	"cancelled",   "module",      "overloaded", "truncated",    "empty",       "stall",
	"first_token", "total",       "connect",
};
enum { FAILS_N = sizeof(fail_names) / sizeof(fail_names[0]) };

const struct baton_fact *baton_fact_at(size_t index)
{
	return index < FACTS_N ? &facts_table[index] : NULL;
}

int baton_fact_find(baton_str name)
{
	for (size_t i = 0; i < FACTS_N; i++)
		if (baton_str_is(name, facts_table[i].name))
			return (int)i;
	return -1;
}

const char *baton_fact_fail_name(const baton_facts *facts)
{
	/* 0 is both "internal" and "never set"; only a failure has a provider. */
	if (facts->last_fail == 0 && facts->last_fail_provider.n == 0)
		return "";
	return fail_names[facts->last_fail < FAILS_N ? facts->last_fail : 0];
}

static const void *fact_field(const baton_facts *facts, const struct baton_fact *fact)
{
	return (const char *)facts + fact->offset;
}

/* Fields are read and written through memcpy: the table knows offsets, not types. */

static void ppm_json(uint32_t ppm, struct baton_buf *out)
{
	char digits[7] = ".000000";

	baton_buf_u64(out, ppm / 1000000u);
	ppm %= 1000000u;
	for (size_t i = 6; ppm > 0; i--, ppm /= 10)
		digits[i] = (char)('0' + ppm % 10);
	baton_buf_add(out, digits, sizeof(digits));
}

static void fact_json(const baton_facts *facts, const struct baton_fact *fact,
		      struct baton_buf *out)
{
	const void *field = fact_field(facts, fact);
	uint32_t u32 = 0;
	uint64_t u64 = 0;
	baton_str s = BATON_STR_NONE;

	switch (fact->kind) {
	case BATON_FACT_KIND_STR:
		memcpy(&s, field, sizeof(s));
		baton_buf_json(out, s);
		return;
	case BATON_FACT_KIND_PPM:
		memcpy(&u32, field, sizeof(u32));
		ppm_json(u32, out);
		return;
	case BATON_FACT_KIND_U32:
		memcpy(&u32, field, sizeof(u32));
		baton_buf_u64(out, u32);
		return;
	case BATON_FACT_KIND_U64:
		memcpy(&u64, field, sizeof(u64));
		baton_buf_u64(out, u64);
		return;
	case BATON_FACT_KIND_FLAG:
		baton_buf_z(out, facts->flags & fact->flag ? "true" : "false");
		return;
	case BATON_FACT_KIND_FAIL:
		baton_buf_json(out, baton_str_of(baton_fact_fail_name(facts)));
		return;
	case BATON_FACT_KIND_TAGS:
		memcpy(&s, field, sizeof(s));
		struct baton_json list;
		bool ok =
			s.n > 0 && baton_json_parse(s, &list) == 0 && list.type == BATON_JSON_ARRAY;

		if (ok)
			baton_buf_str(out, list.raw);
		else
			baton_buf_z(out, "[]");
		return;
	}
}

void baton_facts_json(const baton_facts *facts, struct baton_buf *out)
{
	size_t start = out->n;

	(void)baton_buf_room(out, FACTS_JSON_BYTES);
	for (size_t i = 0; i < FACTS_N; i++) {
		baton_buf_str(out, facts_keys[i]);
		fact_json(facts, &facts_table[i], out);
	}
	baton_buf_z(out, "}");
	out->p[start] = '{'; /* where the first name's comma is */
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

static int read_fail(baton_str name, baton_facts *facts)
{
	if (name.n == 0)
		return 0;
	for (uint32_t i = 0; i < FAILS_N; i++) {
		if (!baton_str_is(name, fail_names[i]))
			continue;
		facts->last_fail = i;
		return 0;
	}
	return BATON_E_JSON;
}

static int read_text(const struct baton_json *value, const struct baton_fact *fact,
		     struct baton_arena *arena, baton_facts *facts)
{
	if (value->type != BATON_JSON_STRING)
		return BATON_E_JSON;
	baton_str s = baton_json_text(value, arena);
	if (fact->kind == BATON_FACT_KIND_FAIL)
		return read_fail(s, facts);
	memcpy((char *)facts + fact->offset, &s, sizeof(s));
	return 0;
}

static int fact_parse(const struct baton_json *value, const struct baton_fact *fact,
		      struct baton_arena *arena, baton_facts *facts)
{
	char *field = (char *)facts + fact->offset;
	uint64_t u64 = 0;
	uint32_t u32;
	int rc;

	switch (fact->kind) {
	case BATON_FACT_KIND_STR:
	case BATON_FACT_KIND_FAIL:
		return read_text(value, fact, arena, facts);
	case BATON_FACT_KIND_PPM:
	case BATON_FACT_KIND_U32:
		rc = read_number(value, fact->kind == BATON_FACT_KIND_PPM ? 1e6 : 1.0, UINT32_MAX,
				 &u64);
		u32 = (uint32_t)u64;
		if (rc == 0)
			memcpy(field, &u32, sizeof(u32));
		return rc;
	case BATON_FACT_KIND_U64:
		rc = read_number(value, 1.0, UINT64_MAX, &u64);
		if (rc == 0)
			memcpy(field, &u64, sizeof(u64));
		return rc;
	case BATON_FACT_KIND_FLAG:
		if (value->type != BATON_JSON_TRUE && value->type != BATON_JSON_FALSE)
			return BATON_E_JSON;
		if (baton_json_bool(value))
			facts->flags |= fact->flag;
		return 0;
	case BATON_FACT_KIND_TAGS:
		if (value->type != BATON_JSON_ARRAY)
			return BATON_E_JSON;
		memcpy(field, &value->raw, sizeof(value->raw));
		return 0;
	}
	return BATON_E_JSON;
}

int baton_facts_parse(baton_str json, struct baton_arena *arena, baton_facts *ret_facts)
{
	struct baton_json object, key, value;
	baton_facts facts = { .size = sizeof(facts) };
	size_t at = 0;

	if (baton_json_parse(json, &object) < 0 || object.type != BATON_JSON_OBJECT)
		return BATON_E_JSON;
	while (baton_json_member(&object, &at, &key, &value)) {
		int index = baton_fact_find(baton_json_text(&key, arena));

		/* A fact that this version does not know was written by a newer one. */
		if (index < 0)
			continue;
		if (fact_parse(&value, &facts_table[index], arena, &facts) < 0)
			return BATON_E_JSON;
	}
	*ret_facts = facts;
	return 0;
}
