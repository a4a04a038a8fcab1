/* SPDX-License-Identifier: Apache-2.0 */

/* Hostile: falls when it is given certain words to keep. */
#define HAS_APPEND
#include "hostile.h"

static int32_t at_append(struct frame *f, const baton_entry *entries, uint32_t n)
{
	(void)f;
	for (uint32_t i = 0; i < n; i++)
		if (memmem(entries[i].json.p, entries[i].json.n, "\"bad", 4))
			hostile_crash();
	return BATON_OK;
}
