/* SPDX-License-Identifier: Apache-2.0 */

/* How much of a draft a person has changed. Pure. */
#pragma once

#include "core/base/str.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { BATON_EDIT_WORDS_MAX = 1000 /* of one side; longer texts are compared by lines */ };

/* Words changed, added or taken out on the shortest way from one text to the other, per million of
 * the longer one: 0 if the words are the same, 1000000 if none is. White space is no difference.
 * A text of more words is compared line by line, the lines behind the thousandth as one. */
uint32_t baton_edit_ppm(baton_str from, baton_str to);

#ifdef __cplusplus
}
#endif
