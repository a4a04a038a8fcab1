/* SPDX-License-Identifier: Apache-2.0 */

/* Hostile: falls in a timer, when no call of anybody runs. */
#define HAS_START
#include "hostile.h"

static void fired(void *user)
{
	(void)user;
	hostile_crash();
}

static int32_t at_start(struct frame *f, baton_call call, const baton_prompt *prompt)
{
	(void)call, (void)prompt;
	return f->host->timer(f->ctx, 5, fired, f, NULL);
}
