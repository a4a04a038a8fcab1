/* SPDX-License-Identifier: Apache-2.0 */

/* Marks in a model's text: `[[article-id]]` says what a statement rests on, `[[unknown]]` that the
 * model does not know. They are for us: taken out while the text comes in, however it is cut. What
 * only begins like a mark is text. Pure.
 */
#pragma once

#include "core/base/buf.h"

enum { BATON_MARK_BYTES_MAX = 200 };

struct baton_mark_filter {
	char held[BATON_MARK_BYTES_MAX + 8]; /* may be the beginning of a mark, with a blank before it */
	size_t n;
	bool blanks; /* one blank before a mark goes with it: a blank is held until more is known */
};

/* `inside`: what stands between the brackets; never empty. */
typedef void baton_mark_fn(void *ud, baton_str inside);

/* All of it is text, and nothing is held. */
bool baton_marks_pass(const struct baton_mark_filter *marks, baton_str text);
/* Adds to `out` what is text by now. Marks go to `fn`, in order, before the text behind them. */
void baton_marks_take(struct baton_mark_filter *marks, baton_str text, struct baton_buf *out,
		      baton_mark_fn *fn, void *ud);
/* The text is over: what is held was text. */
void baton_marks_end(struct baton_mark_filter *marks, struct baton_buf *out);
