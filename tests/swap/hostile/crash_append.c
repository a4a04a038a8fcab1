/* SPDX-License-Identifier: Apache-2.0 */

/* Hostile: falls in append(). */
#define HAS_APPEND
#include "hostile.h"

static int32_t at_append(struct frame *f, baton_call call, uint32_t n)
{
	hostile_crash();
	(void)f, (void)call, (void)n;
	return BATON_OK;
}
