/* SPDX-License-Identifier: Apache-2.0 */

/* What the hostile modules have in common. They mean harm, so they do not ask the C library where its
 * calls would be seen among the imports; raw_call() is the processor's own instruction. */
#pragma once

#include "../modules/frame.h"
#include "../modules/raw.h"

#include <sys/syscall.h>

/* Not NULL by name: the compiler must not know. */
__attribute__((unused)) static void hostile_crash(void)
{
	static volatile uintptr_t nowhere = 8;
	*(volatile int *)nowhere = 1;
}
