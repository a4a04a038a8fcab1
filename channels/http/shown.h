/* SPDX-License-Identifier: Apache-2.0 */

/* What a page shows of its customer in the body of POST /v1/tickets. */
#pragma once

#include "core/server/port.h"

/* `body` is empty or a JSON object; what is unknown in it is passed over, a known member twice
 * refused. 0, or BATON_E_JSON, _INVAL, _LIMIT with a sentence for the integrator. Views into
 * `body` and `arena`. */
int baton_shown_read(baton_str body, struct baton_arena *arena, struct baton_identity_shown *ret,
		     const char **ret_why);
