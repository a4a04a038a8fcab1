/* SPDX-License-Identifier: Apache-2.0 */

/* One spelling for each JSON value: members sorted by name, no white space, the shortest escapes, and
 * numbers that are equal written alike. Two texts mean the same exactly if their spellings are the
 * same bytes: what hashes and comparisons need. Pure.
 */
#pragma once

#include "core/base/buf.h"
#include "core/base/json.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Of a value that baton_json_parse() has accepted. Of duplicate members the last one counts. */
void baton_json_canon(const struct baton_json *value, struct baton_buf *out);

#ifdef __cplusplus
}
#endif
