/* SPDX-License-Identifier: Apache-2.0 */

/* "did you mean": the candidate nearest to a word that was not understood. Pure. */
#pragma once

#include "core/base/str.h"

struct baton_nearest {
	baton_str word;
	const char *name; /* the best candidate so far, NULL if none is near enough */
	size_t distance;
};

static inline struct baton_nearest baton_nearest_to(baton_str word)
{
	struct baton_nearest nearest = { .word = word, .name = NULL, .distance = SIZE_MAX };
	return nearest;
}
/* Looks at one candidate; the first of equally near ones stays. NULL is skipped. */
void baton_nearest_try(struct baton_nearest *nearest, const char *candidate);
/* Damerau-Levenshtein distance (swapped neighbours count once), upper case as lower case.
 * SIZE_MAX if one of them is longer than BATON_NAME_BYTES_MAX. */
size_t baton_nearest_distance(baton_str a, baton_str b);
