/* SPDX-License-Identifier: Apache-2.0 */

/* Hostile: keeps 64 MiB more for each answer, written to so that they are there. */
#define HAS_START
#include "hostile.h"

static void *volatile kept;

static int32_t at_start(struct frame *f, baton_call call, const baton_prompt *prompt)
{
	size_t n = (size_t)64 << 20;
	(void)prompt;
	char *p = malloc(n);
	if (p)
		memset(p, 1, n);
	kept = p;
	return frame_say(f, call, f->text);
}
