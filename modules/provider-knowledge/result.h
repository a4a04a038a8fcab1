/* SPDX-License-Identifier: Apache-2.0 */

/* What tools have found out for this question, in the words that the policies give them. */
#pragma once

#include "known.h"
#include "text.h"

/* Says every result that came since the customer's newest words and has words of its own, each a
 * paragraph. False: there is none, and nothing was said. */
bool result_say(const baton_prompt *prompt, const struct known *known, struct text *text);
