/* SPDX-License-Identifier: Apache-2.0 */

/* Hostile: falls in a rule. */
#define HAS_EVALUATE
#include "hostile.h"

static int32_t at_evaluate(struct frame *f, baton_verdict *out)
{
	hostile_crash();
	(void)f, (void)out;
	return BATON_OK;
}
