/* SPDX-License-Identifier: Apache-2.0 */

/* Faults by name, as drill files and reports write them. */

#include "core/route/drill.h"

static const char *const names[] = {
	[BATON_FAULT_NONE] = "",
	[BATON_FAULT_OUTAGE] = "outage",
	[BATON_FAULT_RATE_LIMIT] = "rate_limit",
	[BATON_FAULT_QUOTA] = "quota",
	[BATON_FAULT_SLOW] = "slow",
	[BATON_FAULT_CUT] = "cut",
	[BATON_FAULT_STALL] = "stall",
	[BATON_FAULT_DISABLED] = "disabled",
	[BATON_FAULT_EMPTY] = "empty",
	[BATON_FAULT_GARBAGE] = "garbage",
};
enum { NAMES_N = sizeof(names) / sizeof(names[0]) };

const char *baton_fault_name(enum baton_fault_type type)
{
	return names[(unsigned)type < NAMES_N ? type : BATON_FAULT_NONE];
}

enum baton_fault_type baton_fault_find(const char *name, size_t n)
{
	baton_str wanted = { name, n };

	for (unsigned i = 0; i < NAMES_N; i++) {
		if (baton_str_is(wanted, names[i]))
			return (enum baton_fault_type)i;
	}
	return BATON_FAULT_NONE;
}
