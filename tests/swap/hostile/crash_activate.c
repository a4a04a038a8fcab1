/* SPDX-License-Identifier: Apache-2.0 */

/* Hostile: falls in activate(). */
#define HAS_ACTIVATE
#include "hostile.h"

static int32_t at_activate(struct frame *f)
{
	hostile_crash();
	(void)f;
	return BATON_OK;
}
