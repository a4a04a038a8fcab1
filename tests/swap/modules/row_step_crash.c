/* SPDX-License-Identifier: Apache-2.0 */

/* Row 19: falls when it is loaded. */
#define HAS_LOAD
#include "frame.h"

static int32_t at_load(baton_ctx *ctx)
{
	(void)ctx;
	*(volatile int *)(uintptr_t)frame_answers = 1;
	return BATON_OK;
}
