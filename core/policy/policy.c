/* SPDX-License-Identifier: Apache-2.0 */

/* Asking a loaded set, and ending it. Loading is load.c. */

#include "core/policy/policy.h"

#include "core/base/assert.h"
#include "core/policy/condition.h"

#include <stdatomic.h>

struct baton_policy *baton_policy_ref(struct baton_policy *policy)
{
	(void)atomic_fetch_add(&policy->refs, 1);
	return policy;
}

void baton_policy_free(struct baton_policy **policy)
{
	struct baton_policy *p = *policy;

	if (!p)
		return;
	*policy = NULL;
	if (atomic_fetch_sub(&p->refs, 1) != 0)
		return;
	for (size_t i = 0; i < p->n_modules; i++)
		json_decref(p->modules[i].config);
	for (struct baton_policy_condition *it = p->conditions; it; it = it->next)
		baton_expr_free(it->expr);
	json_decref(p->articles);
	struct baton_arena arena = p->arena; /* p itself is not in it; the arrays are */
	baton_free(p);
	baton_arena_done(&arena);
}
