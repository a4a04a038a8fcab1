/* SPDX-License-Identifier: Apache-2.0 */

/* Row 19: never comes back from being loaded. */
#define HAS_LOAD
#include "frame.h"

static volatile unsigned spun;

static int32_t at_load(baton_ctx *ctx)
{
	(void)ctx;
	while (spun + 1 != 0)
		spun = spun | 1;
	return BATON_OK;
}
