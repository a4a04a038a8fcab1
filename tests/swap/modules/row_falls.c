/* SPDX-License-Identifier: Apache-2.0 */

/* Row 30: falls in a function with a name, which must be found again. */
#define HAS_START
#define FRAME_ID "falls"
#include "frame.h"

__attribute__((noinline)) static void row_thirty_falls_here(volatile int *at)
{
	*at = 1;
}

static int32_t at_start(struct frame *f, baton_call call, const baton_prompt *prompt)
{
	(void)f, (void)call, (void)prompt;
	row_thirty_falls_here((volatile int *)(uintptr_t)frame_answers);
	return BATON_OK;
}
