/* SPDX-License-Identifier: Apache-2.0 */

/* Structured logs: one JSON object per line. No customer text above debug.
 *
 * baton_log(BATON_LOG_WARN, "provider_failed", "ss", "target", name, "class", cls) writes
 * {"ts_ms":1795000000000,"level":"warn","event":"provider_failed","target":"...","class":"..."}.
 * The letters tell the kind of each key's value: s char *, S baton_str *, u uint64_t, i int64_t,
 * d struct baton_id * (an id).
 */
#pragma once

#include "core/base/str.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Where lines go; `line` ends with a newline. Called from any thread, must not block for long. */
typedef void baton_log_sink(void *ud, baton_str line);

/* Set once at start, before threads exist. `wall_ms` gives the time to print (unix ms); NULL sink
 * drops everything (the default). Levels are BATON_LOG_* of the ABI. */
void baton_log_to(baton_log_sink *sink, uint64_t (*wall_ms)(void *ud), void *ud,
		  uint32_t level_min);
bool baton_log_wants(uint32_t level);
void baton_log(uint32_t level, const char *event, const char *kinds, ...);

#ifdef __cplusplus
}
#endif
