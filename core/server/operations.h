/* SPDX-License-Identifier: Apache-2.0 */

/* The operations log: what became of targets, modes, alerts and drills, and who had a hand in it.
 * A session of the journal like any other, with an id of its own and nobody in it: it begins with no
 * session_opened, is never resolved, and no command reaches it. `baton transcript operations`
 * prints it, exporters hand it on like the rest.
 */
#pragma once

#include "core/base/id.h"

#include <stdatomic.h>

struct baton_loop;
struct baton_event;
struct baton_journal;

/* A UUIDv7 of the year 1970: no conversation can have it, and it sorts before all of them. */
static const struct baton_id BATON_OPERATIONS_ID = {
	{ 0, 0, 0, 0, 0, 0, 0x70, 0, 0x80, 0, 0, 0, 0, 0, 0, 0x01 }
};

enum { OPERATIONS_QUEUE_MAX = 1024 };

struct operations;

/* [loop] Finds the end of the log. 0, or why it cannot be read: then nothing is written, and said so. */
int operations_open(struct baton_journal *journal, struct baton_loop *loop,
		    _Atomic(uint64_t) *dropped, struct operations **ret_operations);
/* [loop] Hands what is queued to the journal and lets go. */
void operations_close(struct operations **operations);
/* [loop] Copies the event and queues it. Never blocks; beyond the bound it is counted in `dropped`. */
void operations_note(struct operations *operations, const struct baton_event *event);
