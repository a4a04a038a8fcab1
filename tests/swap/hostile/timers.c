/* SPDX-License-Identifier: Apache-2.0 */

/* Hostile: ten thousand timers for each answer, each of which begins another. */
#define HAS_START
#include "hostile.h"

static void again(void *user)
{
	struct frame *f = user;
	(void)f->host->timer(f->ctx, 1, again, f, NULL);
}

static int32_t at_start(struct frame *f, baton_call call, const baton_prompt *prompt)
{
	(void)prompt;
	for (int i = 0; i < 10000; i++)
		if (f->host->timer(f->ctx, 1, again, f, NULL) != BATON_OK)
			break;
	return frame_say(f, call, f->text);
}
