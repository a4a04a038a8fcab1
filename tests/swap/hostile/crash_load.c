/* SPDX-License-Identifier: Apache-2.0 */

/* Hostile: falls in load(). */
#define HAS_LOAD
#include "hostile.h"

static int32_t at_load(baton_ctx *ctx)
{
	hostile_crash();
	(void)ctx;
	return BATON_OK;
}
