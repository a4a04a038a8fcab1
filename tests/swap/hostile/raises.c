/* SPDX-License-Identifier: Apache-2.0 */

/* Hostile: aborts, as a failed assertion would. */
#define HAS_START
#include "hostile.h"

static int32_t at_start(struct frame *f, baton_call call, const baton_prompt *prompt)
{
	(void)f, (void)call, (void)prompt;
	abort();
}
