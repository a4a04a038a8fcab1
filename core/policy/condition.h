/* SPDX-License-Identifier: Apache-2.0 */

/* Conditions that a set keeps. Internal to core/policy. */
#pragma once

#include "core/policy/expr_code.h"

/* One of the set's conditions; the node is in the set's arena, the condition is not. */
struct baton_policy_condition {
	baton_expr *expr;
	struct baton_policy_condition *next;
};

/* The fact that an operation asks for, or -1. */
int baton_condition_fact(const struct expr_op *op);
