/* SPDX-License-Identifier: Apache-2.0 */

/* Row 19: is not well. */
#define HAS_CHECK
#include "frame.h"

static int32_t at_check(void *inst, baton_call call, uint32_t level)
{
	struct frame *f = inst;
	baton_error error = { .size = sizeof(error),
			      .fail = BATON_FAIL_UNAVAILABLE,
			      .message = { "the fixture is not well", 23 } };
	(void)level;
	return f->host->fail(f->ctx, call, &error);
}
