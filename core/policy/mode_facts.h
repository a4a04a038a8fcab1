/* SPDX-License-Identifier: Apache-2.0 */

/* The facts of a scope over a window (mode_facts.def): the environment of modes and alerts. The
 * health keeper fills the struct; conditions read it by baton_expr_test_on(). Shares are millionths.
 * Pure. */
#pragma once

#include "core/policy/env.h"

struct baton_mode_facts {
	uint32_t flags; /* BATON_MODE_FACT_* */
	uint32_t error_ppm, rate_limited_ppm, low_confidence_ppm, escalation_ppm, override_ppm;
	uint32_t tool_success_ppm, retrieval_empty_ppm, cost_ppm, stale_ppm;
	uint32_t calls, turns, healthy_targets, total_targets, queue_depth, agents_free;
	uint64_t p95_ms, first_token_p95_ms, oldest_wait_ms, since_ms, healthy_ms;
};

enum {
	BATON_MODE_FACT_PRIMARY_OPEN = 1u,
	BATON_MODE_FACT_ALL_DOWN = 2u,
	BATON_MODE_FACT_QUOTA = 4u,
	BATON_MODE_FACT_ALERT = 8u,
	BATON_MODE_FACT_DRILL = 16u
};

extern const struct baton_env baton_env_mode;
