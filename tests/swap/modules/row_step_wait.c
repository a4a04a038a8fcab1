/* SPDX-License-Identifier: Apache-2.0 */

/* Row 19: never says whether it is well. */
#define HAS_CHECK
#include "frame.h"

static int32_t at_check(void *inst, baton_call call, uint32_t level)
{
	(void)inst, (void)call, (void)level;
	return BATON_OK;
}
