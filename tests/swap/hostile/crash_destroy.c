/* SPDX-License-Identifier: Apache-2.0 */

/* Hostile: works, and falls when it goes; only if it was used, so that no trial shows it. */
#define HAS_DESTROY
#include "hostile.h"

static void at_destroy(struct frame *f)
{
	(void)f;
	if (frame_answers > 0)
		hostile_crash();
}
