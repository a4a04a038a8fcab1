/* SPDX-License-Identifier: Apache-2.0 */

/* A breaker: closed while calls succeed, open after too many failed, half open while one probe finds
 * out. It is fed with what calls came to, never with statuses: a success is a whole answer.
 *
 *   closed --(failures in a row, or a share of enough calls)--> open
 *   open --(its wait is over and somebody asks)--> half open, with exactly one probe
 *   half open --(the probe succeeded)--> closed; (it failed)--> open, twice as long
 *
 * A wait is at most open_max_ms, jitter included, and nothing but a failed probe prolongs it: a
 * target that works again is asked again within open_max_ms of the last probe.
 */
#pragma once

#include "core/policy/policy.h"

enum { BATON_BREAKER_SLICES = 6 };

enum baton_breaker_state { BATON_BREAKER_CLOSED, BATON_BREAKER_OPEN, BATON_BREAKER_HALF_OPEN };

struct baton_breaker { /* zeroed: closed */
	enum baton_breaker_state state;
	uint32_t in_a_row; /* failures since the last success */
	uint32_t opened;   /* times it opened since it was closed: each doubles the wait */
	uint64_t until_ms; /* OPEN: from then on a probe may go */
	uint64_t slice;    /* the window of the share */
	struct {
		uint32_t calls, failed;
	} slices[BATON_BREAKER_SLICES];
};

/* `def` with the defaults where it is silent (0): 3 in a row, half of at least 20 calls in 60 s,
 * open for 15 s, at most 25 s. */
struct baton_breaker_def baton_breaker_def_of(const struct baton_breaker_def *def);

/* May a probe go now? */
bool baton_breaker_ready(const struct baton_breaker *breaker, uint64_t now_ms);
/* It goes: half open until one of the three below is told with `decides`. */
void baton_breaker_probe(struct baton_breaker *breaker);

/* How a call ended. `decides`: it was the probe, or was let through while the breaker was open. An
 * open breaker takes no notice of others: they began before it opened. `random`: for the jitter. */
void baton_breaker_success(struct baton_breaker *breaker, uint64_t now_ms,
			   const struct baton_breaker_def *def, bool decides);
void baton_breaker_failure(struct baton_breaker *breaker, uint64_t now_ms,
			   const struct baton_breaker_def *def, bool decides, uint64_t random);
/* It says nothing about the target: the next call may be the probe. */
void baton_breaker_neutral(struct baton_breaker *breaker, uint64_t now_ms);
