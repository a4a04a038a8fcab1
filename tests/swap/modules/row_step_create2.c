/* SPDX-License-Identifier: Apache-2.0 */

/* Row 19: one instance is fine (so it passes every trial), the one of the second worker is
 * not. */
#define HAS_CREATE
#include "frame.h"

static unsigned instances;

static int32_t at_create(struct frame *f)
{
	if (++instances < 2)
		return BATON_OK;
	free(f);
	return BATON_E_LIMIT;
}
