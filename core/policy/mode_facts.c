/* SPDX-License-Identifier: Apache-2.0 */

/* The table of the facts of modes and alerts; see mode_facts.h. */

#include "core/policy/mode_facts.h"

#define OFFSET_PPM(field) .offset = offsetof(struct baton_mode_facts, field)
#define OFFSET_U32(field) OFFSET_PPM(field)
#define OFFSET_U64(field) OFFSET_PPM(field)
#define OFFSET_FLAG(bit) OFFSET_PPM(flags), .flag = BATON_MODE_FACT_##bit

static const struct baton_fact table[] = {
#define FACT(kind_, name_, field_, doc_)   \
	{ .name = #name_,                  \
	  .doc = doc_,                     \
	  .key = BATON_KEY(#name_),        \
	  .kind = BATON_FACT_KIND_##kind_, \
	  OFFSET_##kind_(field_) },
#include "core/policy/mode_facts.def"
#undef FACT
};

const struct baton_env baton_env_mode = {
	.name = "mode",
	.facts = table,
	.n = sizeof(table) / sizeof(table[0]),
	.size = sizeof(struct baton_mode_facts),
};
