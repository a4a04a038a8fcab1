/* SPDX-License-Identifier: Apache-2.0 */

/* The table of the facts of a turn. The transcript keeps their JSON with every decision, so that a
 * new rule can be tried on yesterday's conversations.
 */

#include "core/policy/facts.h"

#include "core/base/mem.h"
#include "core/policy/expr.h"

/* A flag has a bit and no field of its own; everything else the other way round. */
#define OFFSET_STR(field) .offset = offsetof(baton_facts, field)
#define OFFSET_PPM(field) OFFSET_STR(field)
#define OFFSET_U32(field) OFFSET_STR(field)
#define OFFSET_U64(field) OFFSET_STR(field)
#define OFFSET_TAGS(field) OFFSET_STR(field)
/* 0 is both "internal" and "never set"; only a failure has a provider. */
#define OFFSET_FAIL(field) OFFSET_STR(field), .beside = offsetof(baton_facts, last_fail_provider)
#define OFFSET_FLAG(bit) .offset = offsetof(baton_facts, flags), .flag = BATON_FACT_##bit

static const struct baton_fact table[] = {
#define FACT(kind_, name_, field_, doc_)   \
	{ .name = #name_,                  \
	  .doc = doc_,                     \
	  .key = BATON_KEY(#name_),        \
	  .kind = BATON_FACT_KIND_##kind_, \
	  OFFSET_##kind_(field_) },
#include "core/policy/facts.def"
#undef FACT
};

#define TEXT_STR(field) offsetof(baton_facts, field),
#define TEXT_TAGS(field) TEXT_STR(field)
#define TEXT_PPM(field)
#define TEXT_U32(field)
#define TEXT_U64(field)
#define TEXT_FLAG(bit)
#define TEXT_FAIL(field)
static const uint16_t texts[] = {
#define FACT(kind, name, field, doc) TEXT_##kind(field)
#include "core/policy/facts.def"
#undef FACT
	0
};

const struct baton_env baton_env_facts = {
	.name = "facts",
	.facts = table,
	.n = sizeof(table) / sizeof(table[0]),
	.size = sizeof(baton_facts),
	.texts = texts,
};

const struct baton_fact *baton_fact_at(size_t index)
{
	return index < baton_env_facts.n ? &table[index] : NULL;
}

int baton_fact_find(baton_str name)
{
	return baton_env_find(&baton_env_facts, name);
}

void baton_facts_json(const baton_facts *facts, struct baton_buf *out)
{
	baton_env_json_set(&baton_env_facts, facts, out);
}

int baton_facts_parse(baton_str json, struct baton_arena *arena, baton_facts *ret_facts)
{
	baton_facts facts = { .size = sizeof(facts) };
	int rc = baton_env_parse(&baton_env_facts, json, arena, &facts);

	if (rc == 0)
		*ret_facts = facts;
	return rc;
}
