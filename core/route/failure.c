/* SPDX-License-Identifier: Apache-2.0 */

/* The table of docs/FAULTS.md, "What a failure means". */

#include "core/route/failure.h"

#include "core/route/route.h"

#define ROW(again_, elsewhere_, goes_on_, effect_, trigger_)                             \
	.again = BATON_AGAIN_##again_, .elsewhere = (elsewhere_), .goes_on = (goes_on_), \
	.effect = BATON_EFFECT_##effect_, .trigger = BATON_TRIGGER_##trigger_

enum { NO = 0, YES = 1 };

/* clang-format off */
static const struct baton_failure failures[BATON_FAILS_N] = {
	/*                                             again  else go-on effect    trigger */
	[BATON_FAIL_INTERNAL]     = { "internal",           ROW(NEVER, YES, YES, FAILURE,  DEGRADED) },
	[BATON_FAIL_UNAVAILABLE]  = { "unavailable",        ROW(ONCE,  YES, YES, FAILURE,  UNREACHABLE) },
	[BATON_FAIL_TIMEOUT]      = { "timeout",            ROW(NEVER, YES, YES, FAILURE,  SLOW) },
	[BATON_FAIL_RATE_LIMITED] = { "rate_limited",       ROW(ONCE,  YES, YES, COOLDOWN, THROTTLED) },
	[BATON_FAIL_QUOTA]        = { "quota",              ROW(NEVER, YES, YES, CLOSE,    QUOTA) },
	[BATON_FAIL_PRICE]        = { "price",              ROW(NEVER, YES, NO,  NONE,     COST) },
	[BATON_FAIL_ACCESS]       = { "access",             ROW(NEVER, YES, NO,  CLOSE,    ACCESS) },
	[BATON_FAIL_MODEL_GONE]   = { "model_gone",         ROW(NEVER, YES, NO,  CLOSE,    UNFIT) },
	[BATON_FAIL_REFUSED]      = { "refused",            ROW(NEVER, NO,  NO,  NONE,     REFUSED) },
	[BATON_FAIL_TOO_LONG]     = { "context_too_long",   ROW(NEVER, YES, NO,  NONE,     UNFIT) },
	[BATON_FAIL_BAD_REQUEST]  = { "bad_request",        ROW(NEVER, NO,  NO,  NONE,     UNFIT) },
	[BATON_FAIL_BAD_OUTPUT]   = { "protocol",           ROW(NEVER, YES, NO,  FAILURE,  DEGRADED) },
	[BATON_FAIL_CANCELLED]    = { "cancelled",          ROW(NEVER, NO,  NO,  NONE,     NONE) },
	[BATON_FAIL_MODULE]       = { "module",             ROW(NEVER, YES, NO,  FAILURE,  DEGRADED) },
	[BATON_FAIL_OVERLOADED]   = { "overloaded",         ROW(ONCE,  YES, YES, FAILURE,  UNREACHABLE) },
	[BATON_FAIL_TRUNCATED]    = { "truncated",          ROW(NEVER, YES, YES, FAILURE,  DEGRADED) },
	[BATON_FAIL_EMPTY]        = { "empty",              ROW(NEVER, YES, NO,  FAILURE,  DEGRADED) },
	[BATON_FAIL_STALL]        = { "stall",              ROW(NEVER, YES, YES, FAILURE,  SLOW) },
	[BATON_FAIL_FIRST_TOKEN]  = { "first_token",        ROW(NEVER, YES, NO,  FAILURE,  SLOW) },
	[BATON_FAIL_TOTAL]        = { "total",              ROW(NEVER, YES, YES, FAILURE,  SLOW) },
	[BATON_FAIL_CONNECT]      = { "connect",            ROW(ALONE, YES, YES, FAILURE,  UNREACHABLE) },
};
/* clang-format on */

const struct baton_failure *baton_failure_of(uint32_t fail)
{
	return &failures[fail < BATON_FAILS_N ? fail : BATON_FAIL_INTERNAL];
}

const char *baton_fail_name(uint32_t fail)
{
	return baton_failure_of(fail)->name;
}

enum baton_trigger baton_fail_trigger(uint32_t fail)
{
	return baton_failure_of(fail)->trigger;
}
