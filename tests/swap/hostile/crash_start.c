/* SPDX-License-Identifier: Apache-2.0 */

/* Hostile: falls when it is asked. */
#define HAS_START
#include "hostile.h"

static int32_t at_start(struct frame *f, baton_call call, const baton_prompt *prompt)
{
	hostile_crash();
	(void)f, (void)call, (void)prompt;
	return BATON_OK;
}
