/* SPDX-License-Identifier: Apache-2.0 */

/* Hostile: says it has sent more than any answer may have, and one piece of 16 MiB. */
#define HAS_START
#include "hostile.h"

static int32_t at_start(struct frame *f, baton_call call, const baton_prompt *prompt)
{
	size_t n = (size_t)16 << 20;
	(void)prompt;
	char *p = malloc(n);
	if (!p)
		return BATON_E_NOMEM;
	memset(p, 'x', n);
	(void)f->host->delta(f->ctx, call, BATON_DELTA_TEXT, (baton_str){ p, n });
	for (int i = 0; i < 1000; i++)
		(void)f->host->delta(f->ctx, call, BATON_DELTA_TEXT, (baton_str){ p, 65536 });
	free(p);
	return frame_say(f, call, f->text);
}
