/* SPDX-License-Identifier: Apache-2.0 */

/* What came of a drill (drill_facts.def): the environment of its objectives. Whoever adds the drill up
 * fills the struct; conditions read it by baton_expr_test_on(). Shares are millionths. Pure. */
#pragma once

#include "core/policy/env.h"

struct baton_drill_facts {
	uint32_t flags; /* BATON_DRILL_FACT_* */
	uint32_t conversations, messages, lost, failed_attempts;
	uint32_t answered_ppm, drafted_ppm, handed_over_ppm, captured_ppm, expected_ppm, preserved_ppm;
	uint64_t degrade_ms, recover_ms, resume_ms;
	uint64_t p50_before_ms, p95_before_ms, p50_ms, p95_ms, cost_microusd;
};

enum {
	BATON_DRILL_FACT_DEGRADED = 1u,
	BATON_DRILL_FACT_RECOVERED = 2u,
	BATON_DRILL_FACT_RESUMED = 4u
};

extern const struct baton_env baton_env_drill;
