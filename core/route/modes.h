/* SPDX-License-Identifier: Apache-2.0 */

/* The degraded modes that policies declare, and which of them are on.
 *
 *            enter_when holds for enter_for; an admin; a class without anybody to ask
 *      off ----------------------------------------------------------------> on
 *       ^   recover_when holds for recover_for; an admin; policies that do   |
 *       |   not declare it any more                                          |
 *       +--------------------------------------------------------------------+
 *       |            max_duration is over                                    |
 *       +-- normal: off, and not by its condition again for a while          |
 *       +-- next: off, and the next mode on                                  |
 *       +-- hand_over: it goes on as intake until recover_when holds, an admin ends it
 *                      or a day is over
 *
 * What is promised:
 * - A mode always ends. `max_duration` bounds every stay, also one that an admin declared, one that
 *   a restart interrupted and one whose policy changed. Intake after a hand_over is bounded by
 *   BATON_MODE_INTAKE_MS_MAX: it is the one state that may last beyond max_duration, because a
 *   person who answers is the one end that is always safe. A chain of `next` that comes back to
 *   where it began hands over instead.
 * - It does not flap: on takes enter_for, off recover_for and at least BATON_MODE_STAY_MS_MIN.
 *   After expiry it is not entered by its condition for recover_for and at least
 *   BATON_MODE_REST_MS_MIN; after an admin ended it, not before its condition has failed to hold
 *   once, or max_duration is over.
 * - A condition that cannot be decided does not hold: nothing is entered and nothing is left by it.
 *   (A division by no calls at all must not send every fresh server into intake.)
 * - A mode that an admin declared ends by an admin or at its end, not because numbers look well.
 * - Each entry and each end is one happening; hand_over is an end (expired) and an entry (intake).
 *   That of an entry says when it ends at the latest: detail = {"until_ms":<unix ms>}.
 *
 * Pure, embedded in the board, not thread-safe. Times are kept on the monotonic clock; what is
 * saved is what the wall clock says, so that an outage of the server itself counts towards the end.
 */
#pragma once

#include "core/policy/mode_facts.h"
#include "core/route/tally.h"

struct baton_json;
struct baton_alert;
struct baton_drills;

enum {
	BATON_MODE_STAY_MS_MIN = 5000,
	BATON_MODE_REST_MS_MIN = 60000,
	BATON_MODE_INTAKE_MS_MAX = 24 * 3600 * 1000,
	BATON_MODE_WHO_BYTES_MAX = 64,
	BATON_MODE_WHY_BYTES_MAX = 200
};

enum baton_mode_state {
	BATON_MODE_OFF,
	BATON_MODE_PENDING,   /* off, and enter_when holds since `holds_ms` */
	BATON_MODE_ON,
	BATON_MODE_RECOVERING /* on, and recover_when holds since `holds_ms` */
};

struct baton_mode {
	char name[BATON_NAME_BYTES_MAX + 1];
	const struct baton_mode_def *def; /* of the adopted policy; NULL: not declared (any more) */
	enum baton_mode_state state;
	enum baton_mode_do what; /* as it was declared when it was entered */
	bool intake;     /* max_duration was over: it goes on as intake */
	bool declared;   /* an admin entered it */
	bool undecided;  /* its condition could not be decided the last time */
	enum baton_trigger trigger;
	char by[BATON_MODE_WHO_BYTES_MAX + 1], why[BATON_MODE_WHY_BYTES_MAX + 1];
	uint64_t since_ms, until_ms, since_unix_ms, until_unix_ms; /* of the stay, while on */
	uint64_t stayed_ms; /* of it, before the server started; since_ms is then the start */
	uint64_t holds_ms;
	uint64_t rest_until_ms; /* its condition does not enter it before */
	bool rest_breaks;  /* ... or it has failed to hold once */
	uint32_t followed; /* modes that expired into each other before it, without a pause */
	uint64_t entered, on_ms; /* entries and time of finished stays, since the start */
};

struct baton_modes {
	struct baton_mode all[BATON_MODES_MAX]; /* in the order of the adopted policy */
	size_t n, n_on;
	bool adopted, dirty; /* dirty: what save() writes changed; the board sets it back */
	baton_board_happened *happened;
	void *ud;
};

/* What modes see during a tick. `health` fills what calls to the scope's targets say: error_ppm,
 * calls, p95_ms, first_token_p95_ms, healthy_targets, total_targets, rate_limited_ppm, cost_ppm,
 * healthy_ms and the flags PRIMARY_OPEN, ALL_DOWN, QUOTA. All else comes from the rest of this. */
struct baton_mode_world {
	void (*health)(void *ud, struct baton_now now, const struct baton_mode_def *mode,
		       struct baton_mode_facts *facts);
	void *ud;
	struct baton_tallies *tallies;
	const struct baton_alert *alert;
	const struct baton_drills *drills;
	uint32_t waiting, agents_free; /* of baton_board_desk() */
	uint64_t oldest_wait_ms;
};

void baton_modes_init(struct baton_modes *modes, baton_board_happened *happened, void *ud);
/* A mode that is not declared any more ends. One that is declared stays as it is, but not longer
 * than its new max_duration. */
void baton_modes_adopt(struct baton_modes *modes, struct baton_now now,
		       const struct baton_policy *policy);
void baton_modes_tick(struct baton_modes *modes, struct baton_now now,
		      const struct baton_mode_world *world);
/* All facts of a mode's scope, as its conditions see them. */
void baton_modes_facts(const struct baton_modes *modes, struct baton_now now,
		       const struct baton_mode_world *world, const struct baton_mode_def *mode,
		       struct baton_mode_facts *ret_facts);

/* Does the mode concern an intent of that class? Both lists empty: it concerns everybody. */
bool baton_mode_concerns(const struct baton_mode_def *mode, const char *intent,
			 const char *class_name);
/* The first mode of `policy` that is on and concerns the route. False: none. */
bool baton_modes_view(const struct baton_modes *modes, const struct baton_policy *policy,
		      const struct baton_route *route, struct baton_mode_view *ret_view);
/* By name; NULL if there is none. */
const struct baton_mode *baton_modes_find(const struct baton_modes *modes, const char *name);
static inline bool baton_mode_is_on(const struct baton_mode *mode)
{
	return mode->state == BATON_MODE_ON || mode->state == BATON_MODE_RECOVERING;
}
/* "off", "pending", "on", "recovering"; "intake", "ticket", ... of modes.yaml. Static. */
const char *baton_mode_state_name(enum baton_mode_state state);
const char *baton_mode_do_name(enum baton_mode_do what);

/* As baton_board_mode_enter() and _leave(): NOTFOUND, or STATE if it is on (off) already. */
int baton_modes_enter(struct baton_modes *modes, struct baton_now now, const char *name,
		      uint64_t for_ms, const struct baton_admin *admin);
int baton_modes_leave(struct baton_modes *modes, struct baton_now now, const char *name,
		      const struct baton_admin *admin);
/* A class met its mode: on, unless it is or the adopted policy does not declare it. Not held back
 * by the rest after an expiry: nobody else is there to ask. */
void baton_modes_met(struct baton_modes *modes, struct baton_now now, const char *name);

/* A JSON array of what must survive a restart. Modes that are on come back on, with the same end;
 * one whose end passed meanwhile expires at the first tick. How long a condition has held is not
 * kept: it must hold anew, nobody has looked in between. BATON_E_SCHEMA: nothing was changed. */
void baton_modes_save(const struct baton_modes *modes, struct baton_now now, struct baton_buf *out);
int baton_modes_load(struct baton_modes *modes, struct baton_now now,
		     const struct baton_json *json);
/* Takes over one mode as it was saved, without a word to anybody; for load(). */
void baton_modes_restore(struct baton_modes *modes, struct baton_now now,
			 const struct baton_mode *saved);

/* For people: an array of objects. */
void baton_modes_json(const struct baton_modes *modes, struct baton_now now, struct baton_buf *out);
/* Prometheus text, with the label mode: baton_mode_on, baton_mode_entries_total,
 * baton_mode_seconds_total. */
void baton_modes_metrics(const struct baton_modes *modes, struct baton_now now,
			 struct baton_buf *out);
