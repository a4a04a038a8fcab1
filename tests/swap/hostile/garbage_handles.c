/* SPDX-License-Identifier: Apache-2.0 */

/* Hostile: answers calls that are not its own, by guessing. */
#define HAS_START
#include "hostile.h"

static int32_t at_start(struct frame *f, baton_call call, const baton_prompt *prompt)
{
	(void)prompt;
	for (uint64_t i = 2; i < 2000; i++) {
		uint64_t guess = i * 0x9e3779b97f4a7c15ULL;
		frame_delta(f, (i & 1) ? guess : call + ((uint64_t)i << 32), "not yours");
		(void)f->host->end(f->ctx, (i & 1) ? i : guess, BATON_END_STOP);
		(void)f->host->call_set(f->ctx, guess, f);
		(void)f->host->timer_stop(f->ctx, guess);
		(void)f->host->http_stop(f->ctx, i);
	}
	return frame_say(f, call, f->text);
}
