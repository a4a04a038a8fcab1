/* SPDX-License-Identifier: Apache-2.0 */

/* What a turn tells the board about its attempts, and what the board answers: who is asked next, when,
 * as what, and why not somebody else. The question itself is baton_board_next() in board.h.
 */
#pragma once

#include "core/policy/policy.h"
#include "core/route/drill.h"
#include "core/route/triggers.h"

/* One provider call of a turn and how it failed. */
struct baton_attempt {
	const struct baton_target *target;
	uint32_t fail;           /* BATON_FAIL_* */
	uint32_t scope;          /* BATON_SCOPE_*: what the failure says something about */
	uint32_t retry_after_ms; /* the provider's hint, 0 if none */
	char code[32];           /* failure class in words, for the transcript */
	bool not_again;          /* the provider asks not to be asked the same once more */
	bool failed;             /* it ended so: `fail` says how */
	bool showed;             /* the customer had seen a part of it */
	bool proceeded;          /* it was asked to go on from what the customer had seen */
};

struct baton_choice {
	const struct baton_target *target; /* NULL: nobody */
	uint64_t delay_ms;  /* wait this long first */
	const char *reason; /* primary, retry, fallback, switch, probe, mode, continue */
	bool substitute;    /* not the route's primary */
	enum baton_trigger trigger; /* why not the primary, or why nobody */
	bool probe;         /* the one call that decides whether a breaker closes */
	bool tools_off;     /* the route says: no tools on a fallback */
	bool review;        /* the class says: a person approves what this target writes */
	bool proceed;       /* the target goes on from what the customer has seen */
	bool to_person;     /* with target NULL: the class or a switch wants a person now */
	struct baton_fault fault; /* of a drill */
	bool drilled;       /* the session takes part in a drill that concerns only some: what it meets
	                     * (nobody left, a mode of its class) is no news to the others */
	struct baton_skip {
		const struct baton_target *target;
		enum baton_trigger trigger;
	} skipped[BATON_ROUTE_FALLBACKS_MAX + 2]; /* who was passed over, in order */
	size_t n_skipped;
	uint64_t lease; /* give it back with baton_board_settle(); 0: none is held */
};

/* Name of a failure class in the words of the transcript. Static. */
const char *baton_fail_name(uint32_t fail);
/* The trigger that a failure of this class is. */
enum baton_trigger baton_fail_trigger(uint32_t fail);
