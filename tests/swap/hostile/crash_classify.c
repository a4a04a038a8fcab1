/* SPDX-License-Identifier: Apache-2.0 */

/* Hostile: falls in classify(). */
#define HAS_CLASSIFY
#include "hostile.h"

static int32_t at_classify(struct frame *f, baton_call call, baton_intents *out)
{
	hostile_crash();
	(void)f, (void)call, (void)out;
	return BATON_OK;
}
