/* SPDX-License-Identifier: Apache-2.0 */

/* Hostile: ends the process it is in, by the processor's instruction. */
#define HAS_START
#include "hostile.h"

static int32_t at_start(struct frame *f, baton_call call, const baton_prompt *prompt)
{
	(void)f, (void)call, (void)prompt;
	(void)raw_call(SYS_exit_group, 0, 0, 0);
	return BATON_OK;
}
