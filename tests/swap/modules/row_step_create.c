/* SPDX-License-Identifier: Apache-2.0 */

/* Row 19: says no when an instance is made. */
#define HAS_CREATE
#include "frame.h"

static int32_t at_create(struct frame *f)
{
	free(f);
	return BATON_E_INVAL;
}
