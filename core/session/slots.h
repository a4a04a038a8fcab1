/* SPDX-License-Identifier: Apache-2.0 */

/* What messages have named that a tool needs: {"order":"4711","email":"[EMAIL_1]"}. Values are texts.
 * Newer words count more than older ones; both what one message says and what is kept of a conversation
 * is bounded. Pure. */
#pragma once

#include "core/base/buf.h"
#include "core/base/mem.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
	BATON_SLOTS_MAX = 32,          /* of one conversation; the oldest goes */
	BATON_SLOT_BYTES_MAX = 256,    /* of one value; a longer one is none */
	BATON_SLOTS_BYTES_MAX = 4096   /* of all, as JSON */
};

/* Appends one object: all of `newer`, and of `older` what it does not name, as far as there is room.
 * What is no object of texts is left out, member by member; nothing at all if no member is left. */
void baton_slots_merge(baton_str newer, baton_str older, struct baton_buf *out);
/* What the slot holds; n = 0: it is not known. A view into `slots`, or a copy in `arena`. */
baton_str baton_slots_value(baton_str slots, const char *name, struct baton_arena *arena);

#ifdef __cplusplus
}
#endif
