/* SPDX-License-Identifier: Apache-2.0 */

/* The patterns of matches(): the part of RE2's syntax that RE2 and JavaScript read alike. Matching takes
 * one walk over the text, whatever the pattern, and always comes to an end. Internal to the conditions;
 * pure. */
#pragma once

#include "core/base/mem.h"

struct expr_regex;

/* Compiles `pattern` (UTF-8) into `arena`. NULL, and a sentence in *ret_why. */
const struct expr_regex *expr_regex_compile(baton_str pattern, struct baton_arena *arena,
					    const char **ret_why);
/* True if the pattern matches anywhere in `text` (UTF-8; other bytes match nothing). */
bool expr_regex_test(const struct expr_regex *regex, baton_str text);
