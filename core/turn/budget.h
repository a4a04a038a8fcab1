/* SPDX-License-Identifier: Apache-2.0 */

/* The room of a prompt, in bytes. Kept in this order, until nothing more fits: the set's own words,
 * the newest question, the newest lines, articles, what tools said earlier, the summary, older
 * lines. A token is taken for four bytes: right for English, and on the safe side for nearly
 * everything else that is not (Cyrillic and Greek have two bytes a letter, Chinese three a sign).
 * Pure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum {
	BUDGET_BYTES_PER_TOKEN = 4,
	BUDGET_TOKENS = 8192,          /* of a target that does not say */
	BUDGET_BYTES_MAX = 128 * 1024, /* a support question is no library, whatever a model takes */
	BUDGET_MESSAGE_BYTES = 32,     /* what a message takes beside its text */
	BUDGET_RULES_BYTES = 1024,     /* our own sentences: fences, citing */
	BUDGET_QUESTION_BYTES = 512,   /* of the question, if there is no room at all */
	BUDGET_NEWEST_LINES = 6,
};

struct baton_budget {
	size_t left;
};

static inline size_t baton_budget_left(const struct baton_budget *budget)
{
	return budget->left;
}

/* False: it does not fit, and nothing is taken. */
static inline bool baton_budget_take(struct baton_budget *budget, size_t n)
{
	if (n > budget->left)
		return false;
	budget->left -= n;
	return true;
}

/* What has to be there, whether it fits or not. */
static inline void baton_budget_spend(struct baton_budget *budget, size_t n)
{
	budget->left -= n < budget->left ? n : budget->left;
}
