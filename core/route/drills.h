/* SPDX-License-Identifier: Apache-2.0 */

/* The drills that run: leases on faults, bounded in number and time (drill.h). Pure. */
#pragma once

#include "core/route/board.h"

struct baton_drills {
	struct baton_drill all[BATON_DRILLS_MAX];
	char by[BATON_DRILLS_MAX][BATON_NAME_BYTES_MAX + 1]; /* who started it */
	size_t n;
	baton_board_happened *happened;
	void *ud;
};

void baton_drills_init(struct baton_drills *drills, baton_board_happened *happened, void *ud);
/* A start_ms that has passed means now. BATON_E_INVAL (no name, no faults, a share above all, an
 * unknown fault, times that make no sense), BATON_E_LIMIT (more or longer than allowed) or
 * BATON_E_STATE (one of that name runs). The hour begins now, also if start_ms is later. */
int baton_drills_start(struct baton_drills *drills, struct baton_now now,
		       const struct baton_drill *drill, const struct baton_admin *admin);
int baton_drills_stop(struct baton_drills *drills, struct baton_now now, const char *name,
		      const struct baton_admin *admin);
/* Ends what has run out. A drill whose time is over gives no faults even without this. */
void baton_drills_tick(struct baton_drills *drills, struct baton_now now);

/* The fault for a call to `target` (the route's primary or not) of this session. `labelled`: a
 * drill opened the session; such a one takes part in every drill. The first drill and its first
 * fault that fit count. False: none. */
bool baton_drills_fault(const struct baton_drills *drills, struct baton_now now,
			const struct baton_id *session, bool labelled, const char *target,
			bool is_primary, struct baton_fault *ret_fault);
/* Does the session take part in a running drill that concerns only some of the sessions? What it
 * meets then says nothing to the others. */
bool baton_drills_apart(const struct baton_drills *drills, struct baton_now now,
			const struct baton_id *session, bool labelled);
/* The same, and one of its faults is on just now. */
bool baton_drills_hurt(const struct baton_drills *drills, struct baton_now now,
		       const struct baton_id *session, bool labelled);
/* Is such a drill running at all? */
bool baton_drills_partial(const struct baton_drills *drills, struct baton_now now);
bool baton_drills_running(const struct baton_drills *drills, struct baton_now now);

/* For people: an array of objects. */
void baton_drills_json(const struct baton_drills *drills, struct baton_now now,
		       struct baton_buf *out);
