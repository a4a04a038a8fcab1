/* SPDX-License-Identifier: Apache-2.0 */

/* The facts of a turn (facts.def): the environment of rules and routes, over the ABI's baton_facts.
 * Pure. baton_facts_json and baton_facts_parse are declared in expr.h. */
#pragma once

#include "core/policy/env.h"

extern const struct baton_env baton_env_facts;

/* The facts in the order of facts.def; NULL behind the last. Static. */
const struct baton_fact *baton_fact_at(size_t index);
/* Index of the fact called `name`, or -1. */
int baton_fact_find(baton_str name);
