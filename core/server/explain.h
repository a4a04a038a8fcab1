/* SPDX-License-Identifier: Apache-2.0 */

/* What would be done about an intent now, and which conditions decide it with which values: rules,
 * modes, switches, then who is asked, and who is asked if that one fails. Nothing is changed: the board
 * is asked as a turn would ask it, and each answer is given back at once as one that never happened.
 */
#pragma once

#include "core/base/json.h"
#include "core/route/board.h"

struct explain_ask {
	const struct baton_policy *policy;
	struct baton_board *board; /* held by the caller; knows the policy */
	struct baton_now now;
	baton_str intent;
	struct baton_json facts; /* an object: name -> text as a person types it, or a JSON value; or NONE */
};

enum { EXPLAIN_WHY_MAX = 300 };

/* Appends one JSON object (docs/CONTROL.md). 0; BATON_E_NOTFOUND (no such intent), BATON_E_INVAL (a fact),
 * with a sentence in `why`. */
int explain_route(const struct explain_ask *ask, struct baton_buf *out, char why[EXPLAIN_WHY_MAX]);
