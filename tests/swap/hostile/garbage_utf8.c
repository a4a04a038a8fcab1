/* SPDX-License-Identifier: Apache-2.0 */

/* Hostile: every kind of text that is none. */
#define HAS_START
#include "hostile.h"

static int32_t at_start(struct frame *f, baton_call call, const baton_prompt *prompt)
{
	static const char *const bad[] = { "\xff\xfe", "\xc0\x80", "\xed\xa0\x80",
					   "\xf5\x80\x80\x80", "\x80" };
	(void)prompt;
	frame_delta(f, call, bad[frame_answers % 5]);
	(void)f->host->delta(f->ctx, call, 77, (baton_str){ NULL, 12 });
	return frame_say(f, call, "after");
}
