/* SPDX-License-Identifier: Apache-2.0 */

/* A classifier for tests: who says "bad" first has the intent bad, all others have the intent good. */
#define HAS_CLASSIFY
#define FRAME_ID "picker"
#include "frame.h"

static int32_t at_classify(struct frame *f, const baton_turn *turn, baton_intents *out)
{
	(void)f;
	out->v[0].name = frame_is_bad(turn) ? (baton_str){ "bad", 3 } : (baton_str){ "good", 4 };
	return BATON_OK;
}
