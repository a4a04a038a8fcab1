/* SPDX-License-Identifier: Apache-2.0 */

/* Time zones, asked once while a set is read: what is left is a table of offsets. Internal to
 * core/policy. Host code: the zones are files of the system. */
#pragma once

#include "core/policy/policy.h"

/* The offsets of the zone between two unix times, in `arena`. 0, or BATON_E_NOTFOUND: the system
 * knows no such zone. Blocking. */
int baton_zone_resolve(const char *name, int64_t from_s, int64_t to_s, struct baton_arena *arena,
		       struct baton_hours_def *ret_hours);
/* A zone of a similar name, in `arena`; NULL: there is none. */
const char *baton_zone_nearest(const char *name, struct baton_arena *arena);
