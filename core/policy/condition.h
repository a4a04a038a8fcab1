/* SPDX-License-Identifier: Apache-2.0 */

/* Conditions that a set keeps. Internal to core/policy. */
#pragma once

#include "core/policy/expr.h"

/* One of the set's conditions; the node is in the set's arena, the condition is not. */
struct baton_policy_condition {
	baton_expr *expr;
	struct baton_policy_condition *next;
};
