/* SPDX-License-Identifier: Apache-2.0 */

/* Row 19: says no when it is loaded. */
#define HAS_LOAD
#include "frame.h"

static int32_t at_load(baton_ctx *ctx)
{
	(void)ctx;
	return BATON_E_IO;
}
