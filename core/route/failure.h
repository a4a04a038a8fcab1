/* SPDX-License-Identifier: Apache-2.0 */

/* What a failure means: the table of docs/FAULTS.md, one row for each BATON_FAIL_*. */
#pragma once

#include "core/route/triggers.h"

enum baton_again {   /* may the same target be asked once more? */
	BATON_AGAIN_NEVER,
	BATON_AGAIN_ONCE,  /* after its hint or a jittered delay */
	BATON_AGAIN_ALONE  /* only if nobody else is left */
};
enum baton_effect {  /* on what is known of the target */
	BATON_EFFECT_FAILURE,  /* feeds the breaker */
	BATON_EFFECT_NONE,     /* says nothing about the target */
	BATON_EFFECT_COOLDOWN, /* it works, and wants fewer calls */
	BATON_EFFECT_CLOSE     /* money, access, a model that is gone: until somebody did something */
};

struct baton_failure {
	const char *name;
	enum baton_again again;
	bool elsewhere; /* another target may be asked */
	bool goes_on;   /* what it had written so far is sound: another may continue it */
	enum baton_effect effect;
	enum baton_trigger trigger;
};

/* Static. An unknown class is treated as INTERNAL: rule R3 of the ABI. */
const struct baton_failure *baton_failure_of(uint32_t fail);

/* Number of classes: counters are arrays of it. */
enum { BATON_FAILS_N = BATON_FAIL_CONNECT + 1 };
