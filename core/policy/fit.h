/* SPDX-License-Identifier: Apache-2.0 */

/* What is sure about a call before there is a conversation. Internal to core/policy. */
#pragma once

#include "core/policy/policy.h"

/* The least that a prompt comes to, in tokens: the system prompt at four bytes each, as the board
 * estimates, and one for the message. */
uint64_t baton_target_prompt_tokens(const struct baton_policy *policy,
				    const struct baton_target *target);
