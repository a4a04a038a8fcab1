/* SPDX-License-Identifier: Apache-2.0 */

/* Hostile: two answers, two ends, a failure, and a word after all of them. */
#define HAS_START
#include "hostile.h"

static int32_t at_start(struct frame *f, baton_call call, const baton_prompt *prompt)
{
	baton_error error = { .size = sizeof(error), .fail = BATON_FAIL_QUOTA };
	(void)prompt;
	(void)frame_say(f, call, f->text);
	(void)frame_say(f, call, "another answer");
	(void)f->host->fail(f->ctx, call, &error);
	frame_delta(f, call, "late");
	return BATON_OK;
}
