/* SPDX-License-Identifier: Apache-2.0 */

/* Hostile: takes the question and says nothing, not even when nobody waits any more. */
#define HAS_START
#define HAS_CANCEL
#include "hostile.h"

static int32_t at_start(struct frame *f, baton_call call, const baton_prompt *prompt)
{
	(void)f, (void)call, (void)prompt;
	return BATON_OK;
}

static void at_cancel(struct frame *f, baton_call call)
{
	(void)f, (void)call;
}
