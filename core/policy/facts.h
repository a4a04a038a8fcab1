/* SPDX-License-Identifier: Apache-2.0 */

/* The table of facts (facts.def): what a condition may name and where it is found in baton_facts.
 * Pure. baton_facts_json and baton_facts_parse are declared in expr.h. */
#pragma once

#include "core/base/str.h"

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
	enum baton_fact_kind kind;
	uint32_t flag; /* FLAG: the bit */
	size_t offset; /* of the field within baton_facts */
};

/* The facts in the order of facts.def; NULL behind the last. Static. */
const struct baton_fact *baton_fact_at(size_t index);
/* Index of the fact called `name`, or -1. */
int baton_fact_find(baton_str name);
/* What a condition sees of last_fail. Static text; "" if nothing has failed. */
const char *baton_fact_fail_name(const baton_facts *facts);
