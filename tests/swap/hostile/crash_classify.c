/* SPDX-License-Identifier: Apache-2.0 */

/* Hostile: falls in classify(), at some messages. */
#define HAS_CLASSIFY
#include "hostile.h"

static int32_t at_classify(struct frame *f, const baton_turn *turn, baton_intents *out)
{
	(void)f, (void)out;
	if (frame_is_bad(turn))
		hostile_crash();
	return BATON_OK;
}
