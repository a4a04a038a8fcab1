/* SPDX-License-Identifier: Apache-2.0 */

/* Durations as CEL writes them: `1h30m`, `-1.5s`, `250ms`. Nanoseconds in 64 bits, which reaches
 * about 292 years either way. Pure. */
#pragma once

#include "core/base/buf.h"

/* The nanoseconds of `text`; false if it is no duration or does not fit. */
bool expr_duration_parse(baton_str text, int64_t *ret_ns);
/* Milliseconds as nanoseconds; more than fit are the longest duration. */
int64_t expr_duration_of_ms(uint64_t ms);
/* The same notation, in the largest units: `1h30m`, `0s`. */
void expr_duration_write(int64_t ns, struct baton_buf *out);
