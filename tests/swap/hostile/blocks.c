/* SPDX-License-Identifier: Apache-2.0 */

/* Hostile: sleeps 300 ms where it may take 5. */
#include <time.h>
#define HAS_START
#include "hostile.h"

static int32_t at_start(struct frame *f, baton_call call, const baton_prompt *prompt)
{
	struct timespec nap = { 0, 300000000 };
	(void)prompt;
	(void)nanosleep(&nap, NULL);
	return frame_say(f, call, f->text);
}
