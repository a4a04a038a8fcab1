/* SPDX-License-Identifier: Apache-2.0 */

/* Hostile: uses up the stack. */
#define HAS_START
#include "hostile.h"

static volatile unsigned depth;

__attribute__((noinline)) static unsigned deeper(unsigned n)
{
	volatile char room[4096];
	room[n % sizeof(room)] = (char)n;
	depth = depth + 1;
	return depth == 0 ? 0 : deeper(n + 1) + (unsigned)room[n % sizeof(room)];
}

static int32_t at_start(struct frame *f, baton_call call, const baton_prompt *prompt)
{
	(void)f, (void)call, (void)prompt;
	return (int32_t)deeper(1);
}
