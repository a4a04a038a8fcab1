/* SPDX-License-Identifier: Apache-2.0 */

/* What a receiver's answer means: taken, again later, smaller, or not until somebody changes
 * something. */
#pragma once

#include <baton/module.h>
#include <stdbool.h>

enum { VERDICT_SAID_BYTES = 200, VERDICT_TEXT_BYTES = 480 };

struct verdict {
	uint32_t status; /* 0: no answer yet */
	uint32_t retry_after_ms;
	char said[VERDICT_SAID_BYTES + 1]; /* the beginning of the answer's body */
	size_t n_said;
	char text[VERDICT_TEXT_BYTES]; /* what the error's message points into */
};

enum verdict_kind {
	VERDICT_ACCEPTED,
	VERDICT_SMALLER, /* too large: the same in pieces */
	VERDICT_AGAIN,
	VERDICT_PARKED
};

void verdict_begin(struct verdict *verdict);
void verdict_head(struct verdict *verdict, uint32_t status, const baton_str *headers, uint32_t n);
void verdict_data(struct verdict *verdict, baton_str data);
/* `end`: how the request ended, NULL: well. *ret_error is filled unless it was accepted; its texts live
 * as long as the verdict and `end`. */
enum verdict_kind verdict_of(struct verdict *verdict, const baton_error *end,
			     baton_error *ret_error);
