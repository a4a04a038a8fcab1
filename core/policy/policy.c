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
	for (size_t i = 0; i < p->n_tools; i++) {
		json_decref(p->tools[i].arguments);
		json_decref(p->tools[i].result);
		json_decref(p->tools[i].config);
	}
	/* Routes that were made from the default one share its look-ups. */
	for (size_t i = 0; i < p->n_routes; i++)
		for (size_t j = 0; j < p->routes[i].n_lookups && !p->routes[i].derived; j++)
			json_decref(p->routes[i].lookups[j].arguments);
	json_decref(p->articles);
	json_decref(p->guards_json);
	struct baton_arena arena = p->arena; /* p itself is not in it; the arrays are */
	baton_free(p);
	baton_arena_done(&arena);
}

size_t baton_policy_changed(const struct baton_policy *old, const struct baton_policy *now,
			    baton_policy_change_fn *fn, void *ud)
{
	size_t i = 0, j = 0, n_old = old ? old->n_files : 0, n = 0;

	/* Both lists are sorted by name. */
	while (i < n_old || j < now->n_files) {
		const struct baton_policy_file *was = i < n_old ? &old->files[i] : NULL;
		const struct baton_policy_file *is = j < now->n_files ? &now->files[j] : NULL;
		int order = !was ? 1 : !is ? -1 : strcmp(was->name, is->name);
		enum baton_policy_change what = order < 0   ? BATON_POLICY_FILE_REMOVED
						: order > 0 ? BATON_POLICY_FILE_ADDED
							    : BATON_POLICY_FILE_CHANGED;

		i += order <= 0;
		j += order >= 0;
		if (order == 0 && memcmp(was->sha256, is->sha256, sizeof(was->sha256)) == 0)
			continue;
		n++;
		if (fn)
			fn(ud, order < 0 ? was->name : is->name, what);
	}
	return n;
}
