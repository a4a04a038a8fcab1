/* SPDX-License-Identifier: Apache-2.0 */

/* Hostile: a classifier whose answer says that it is longer than the room it was given. */
#define HAS_CLASSIFY
#include "hostile.h"

static int32_t at_classify(struct frame *f, const baton_turn *turn, baton_intents *out)
{
	(void)f;
	if (!frame_is_bad(turn))
		return BATON_OK;
	out->n = 0x7fffffff;
	out->v[0].name = (baton_str){ "x", (size_t)1 << 40 };
	out->v[0].confidence_ppm = UINT32_MAX;
	out->sentiment_ppm = UINT32_MAX;
	return BATON_OK;
}
