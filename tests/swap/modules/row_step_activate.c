/* SPDX-License-Identifier: Apache-2.0 */

/* Row 19: says no when it is to begin. */
#define HAS_ACTIVATE
#include "frame.h"

static int32_t at_activate(struct frame *f)
{
	(void)f;
	return BATON_E_IO;
}
