/* SPDX-License-Identifier: Apache-2.0 */

/* Row 19: cannot read what the generation before it left, and says so too late. */
#define FRAME_STATEFUL
#include "frame.h"

static int32_t save(void *inst, const baton_sink *out)
{
	(void)inst;
	return out->write(out->ud, "state", 5);
}

static int32_t load_state(void *inst, uint32_t schema, const baton_source *in)
{
	(void)inst, (void)schema, (void)in;
	return BATON_E_INVAL;
}

static const baton_state frame_state = {
	.size = sizeof(frame_state), .schema = 1, .min_schema = 1, .save = save, .load = load_state
};
