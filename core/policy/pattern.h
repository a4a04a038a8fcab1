/* SPDX-License-Identifier: Apache-2.0 */

/* Is a regular expression out of a file fit to be run over what strangers write? Internal to
 * core/policy. */
#pragma once

#include "core/base/str.h"

/* True if it compiles, finds something rather than nothing at all, and takes no long time on
 * text that is made to hurt it. Otherwise false and a sentence in `why`. Deterministic; a few
 * milliseconds. */
bool baton_pattern_ok(baton_str pattern, char *why, size_t cap);
