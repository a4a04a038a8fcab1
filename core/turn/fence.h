/* SPDX-License-Identifier: Apache-2.0 */

/* Fences: what others wrote (articles, results of tools, the case, older words) stands in prompts
 * between two lines of dashes that carry a number which nobody could know before. So a model can
 * tell data from instructions, and no data can end its fence: whoever forges one has to guess the
 * number, and rows of dashes in data are cut short, so that nothing in it even looks like a fence.
 */
#pragma once

#include "core/base/buf.h"

/* `what`: in our words, such as "the article". */
void fence_open(struct baton_buf *out, uint64_t number, const char *what);
void fence_data(struct baton_buf *out, baton_str data);
void fence_close(struct baton_buf *out, uint64_t number);
/* All three. */
void fence_around(struct baton_buf *out, uint64_t number, const char *what, baton_str data);
/* The sentence that says what fences are; `number` is that of the prompt. */
void fence_explain(struct baton_buf *out, uint64_t number);

/* Bytes that a fence adds to what stands in it, at most. */
enum { FENCE_BYTES = 160 };
