/* SPDX-License-Identifier: Apache-2.0 */

/* Addresses in answers, and characters that nobody sees: what may carry something away or hide
 * it. */
#pragma once

#include <baton/module.h>

struct links {
	char *const *hosts; /* of our own, and all below them */
	size_t n_hosts;
};

/* Pictures of strangers and invisible characters: REMOVE; links to strangers that carry data,
 * or are none that a browser should open: BLOCK. In order, not overlapping; only what reaches
 * behind `from`. So many leading bytes hold nothing that may still grow: *ret_safe. */
int32_t links_find(const struct links *links, const baton_inspection *what, size_t from,
		   baton_hits *out, size_t *ret_safe);
