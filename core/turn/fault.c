/* SPDX-License-Identifier: Apache-2.0 */

/* What a drill does to an attempt. It happens here, in front of the module, so that everything
 * behind it (failures, breakers, modes, events) is the real thing; the provider is not bothered. */

#include "core/turn/inside.h"

static void fail(struct baton_run *run, uint32_t class_, uint32_t scope, const char *code)
{
	baton_run_heard_fail(run, &(baton_error){ .size = sizeof(baton_error),
						  .fail = class_,
						  .scope = scope,
						  .retry_after_ms = run->choice.fault.ms,
						  .code = baton_str_of(code),
						  .message = BATON_STR("a drill made it fail") });
}

bool run_fault_at_start(struct baton_run *run)
{
	switch (run->choice.fault.type) {
	case BATON_FAULT_OUTAGE:
		run->choice.fault.ms = 0;
		fail(run, BATON_FAIL_CONNECT, BATON_SCOPE_PROVIDER, "connect");
		return true;
	case BATON_FAULT_RATE_LIMIT:
		fail(run, BATON_FAIL_RATE_LIMITED, BATON_SCOPE_MODEL, "rate_limited");
		return true;
	case BATON_FAULT_QUOTA:
		run->choice.fault.ms = 0;
		fail(run, BATON_FAIL_QUOTA, BATON_SCOPE_ACCOUNT, "quota");
		return true;
	case BATON_FAULT_GARBAGE:
		run->choice.fault.ms = 0;
		fail(run, BATON_FAIL_BAD_OUTPUT, BATON_SCOPE_PROVIDER, "protocol");
		return true;
	case BATON_FAULT_EMPTY:
		baton_run_heard_end(run, BATON_END_STOP);
		return true;
	case BATON_FAULT_NONE:
	case BATON_FAULT_SLOW: /* the step waits before it asks */
	case BATON_FAULT_CUT:  /* see below */
	case BATON_FAULT_STALL:
	case BATON_FAULT_DISABLED: /* the board has skipped the target */
		break;
	}
	return false;
}

bool run_fault_at_delta(struct baton_run *run)
{
	enum baton_fault_type type = run->choice.fault.type;

	if (type != BATON_FAULT_CUT && type != BATON_FAULT_STALL)
		return false;
	if (run->drilled++ < run->choice.fault.deltas)
		return false;
	/* The provider is let go; for a stall nothing is heard any more until our clock runs
	 * out. */
	run_give_up_waiting(run);
	if (type == BATON_FAULT_CUT) {
		run->choice.fault.ms = 0;
		fail(run, BATON_FAIL_TRUNCATED, BATON_SCOPE_PROVIDER, "truncated");
		run->ops->wait(run->ud, run, 1);
	}
	return true;
}
