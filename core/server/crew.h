/* SPDX-License-Identifier: Apache-2.0 */

/* An order to every worker, and one word back when the last has carried it out. Workers are told
 * by letter and never wait. What an order does on a worker is in crew.c: that is all that
 * workers know of a swap. Internal to core/server.
 */
#pragma once

#include "core/server/worker.h"

enum crew_verb {
	CREW_ADOPT,   /* make the release's instances, and wait until they are well */
	CREW_PUBLISH, /* new turns pin it; a canary of the same number is one no more */
	CREW_CANARY,  /* turns of `ppm` of the sessions pin it; release NULL: no canary any more */
	CREW_RETIRE,  /* it goes when its turns have ended: `retired` is called once per worker */
	CREW_SHUT     /* its turns begin again on the live one */
};

enum { CREW_WHY_MAX = 512 };

struct crew_order {
	enum crew_verb verb;
	struct baton_release *release;
	uint32_t ppm;
	uint32_t health_ms;
	bool cold;               /* ADOPT: nobody is asked whether it is well */
	struct baton_loop *back; /* where `then` and `retired` are called */
	void *ud;
	/* `rc` of the worst, `why` of the first that failed; `turns` that still run on what was
	 * live, or on what retires. */
	void (*then)(void *ud, int rc, const char *why, uint64_t turns);
	/* RETIRE: nothing of it runs on one more worker. */
	void (*retired)(void *ud, uint64_t number);
};

/* [loader] Copies the order. */
void crew_order(struct baton_server *server, const struct crew_order *order);

/* --- a worker's side [worker] --- */
/* The rack's end or fail of a ticket that belongs to an adoption; false: it does not. `error`
 * NULL: well. */
bool crew_heard(struct worker *worker, uint64_t ticket, const baton_error *error);
/* Nothing of the release runs on this worker any more. */
void crew_retired(struct worker *worker, struct baton_release *release);
/* The worker ends. */
void crew_done(struct worker *worker);
