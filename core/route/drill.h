/* SPDX-License-Identifier: Apache-2.0 */

/* Faults on purpose, in the live server: for a labelled share of the sessions, for a bounded time.
 *
 * A drill is a lease: it ends by itself at `until_ms` whatever becomes of whoever started it, it is
 * asked for at every choice and kept nowhere else, and a restart forgets it. Pure.
 */
#pragma once

#include "core/base/id.h"
#include "core/base/limits.h"

enum baton_fault_type {
	BATON_FAULT_NONE,
	BATON_FAULT_OUTAGE,     /* connection refused */
	BATON_FAULT_RATE_LIMIT, /* 429, with `ms` as the hint if not 0 */
	BATON_FAULT_QUOTA,      /* the account is out of credit */
	BATON_FAULT_SLOW,       /* the first word comes `ms` later */
	BATON_FAULT_CUT,        /* the stream ends after `deltas` deltas, without a finish mark */
	BATON_FAULT_STALL,      /* ... or falls silent after them */
	BATON_FAULT_DISABLED,   /* as if an admin had switched the target off */
	BATON_FAULT_EMPTY,      /* success without a word */
	BATON_FAULT_GARBAGE     /* not what the API promises */
};
struct baton_fault {
	enum baton_fault_type type;
	uint32_t ms, deltas;
};

enum { BATON_DRILL_FAULTS_MAX = 8, BATON_DRILLS_MAX = 8, BATON_DRILL_HOLDS_MAX = 8, BATON_DRILL_MS_MAX = 3600000 };

struct baton_drill {
	char name[BATON_NAME_BYTES_MAX + 1];
	uint32_t share_ppm; /* of the sessions, by their id; all attempts of a session alike */
	bool labelled_only; /* only sessions that the drill itself opened (channel "drill") */
	uint64_t start_ms, until_ms; /* of struct baton_now.ms */
	struct {
		char target[BATON_NAME_BYTES_MAX + 1]; /* or "primary", "fallback": of the route at hand */
		struct baton_fault fault;
		uint32_t from_ms, to_ms; /* within the drill; to_ms 0: to its end */
	} faults[BATON_DRILL_FAULTS_MAX];
	size_t n_faults;
};

const char *baton_fault_name(enum baton_fault_type type); /* "outage", "rate_limit", ...; "" for NONE */
/* BATON_FAULT_NONE if there is none of that name. */
enum baton_fault_type baton_fault_find(const char *name, size_t n);
