/* SPDX-License-Identifier: Apache-2.0 */

/* What the tables of the files are written with. Only for core/policy/shapes*.c: a key is added in one
 * row and nowhere else; reading, defaults, bounds, the sentence for a mistake, and policies/schema/
 * all follow. The `doc` column is what an editor shows to an admin. */
#pragma once

#include "core/policy/shapes.h"

#include "core/base/limits.h"

#define AT(type, member) .offset = offsetof(type, member)
#define MANY_AT(type, member) \
	.offset = offsetof(type, member), .count_offset = offsetof(type, n_##member)
#define NOWHERE .offset = BATON_FIELD_NOWHERE
#define REQUIRED .flags = BATON_FIELD_REQUIRED
#define FROM_TO(a, b) .min = (a), .max = (b)

enum { DAY_MS = 86400000, TEXT_MAX = 2000, LISTED_MAX = 1000 };

/* The words of core/route/triggers.def; the first is empty and says that nothing is wrong. */
extern const char *const baton_trigger_words[];
#define TRIGGER_WORDS (baton_trigger_words + 1)
