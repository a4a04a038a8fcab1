/* SPDX-License-Identifier: Apache-2.0 */

/* Hostile: works, and falls when its code is about to be unmapped. */
#define HAS_UNLOAD
#include "hostile.h"

static void at_unload(void)
{
	if (frame_answers > 0)
		hostile_crash();
}
