/* SPDX-License-Identifier: Apache-2.0 */

/* Row 31: a module that ends the process when the server starts with it, but not when it is
 * tried by itself: the second instance in one process falls. */
#define HAS_ACTIVATE
#define FRAME_ID "boot"
#include "frame.h"

static unsigned instances;

static int32_t at_activate(struct frame *f)
{
	(void)f;
	if (++instances >= 2)
		*(volatile int *)(uintptr_t)instances = 1;
	return BATON_OK;
}
