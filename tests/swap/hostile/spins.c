/* SPDX-License-Identifier: Apache-2.0 */

/* Hostile: never comes back. */
#define HAS_START
#include "hostile.h"

static volatile unsigned spun;

static int32_t at_start(struct frame *f, baton_call call, const baton_prompt *prompt)
{
	(void)f, (void)call, (void)prompt;
	while (spun + 1 != 0)
		spun = spun | 1;
	return BATON_OK;
}
