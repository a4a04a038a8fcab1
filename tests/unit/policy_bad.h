/* SPDX-License-Identifier: Apache-2.0 */

/* One damaged file of the set of policy_continuity.h: `from` in `file` becomes `to` ("" for `from`: the
 * whole file does). The set is refused, and `says` is among what is said. */
#pragma once

#include "tests/unit/policy_continuity.h"

struct bad_case {
	const char *file, *from, *to;
	size_t n; /* bytes of `to`; 0: up to its NUL */
	const char *says;
};
