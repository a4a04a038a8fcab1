/* SPDX-License-Identifier: Apache-2.0 */

/* Hostile: falls in create(). */
#define HAS_CREATE
#include "hostile.h"

static int32_t at_create(struct frame *f)
{
	hostile_crash();
	(void)f;
	return BATON_OK;
}
