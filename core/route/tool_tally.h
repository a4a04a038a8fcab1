/* SPDX-License-Identifier: Apache-2.0 */

/* What calls of each tool came to since the start, for /metrics: which tool it is that does not work
 * is not to be seen in the tallies of intents (tally.h). Tools are named by policies, not by models;
 * more than fit are counted together as "other". Pure, not thread-safe; zeroed is empty. */
#pragma once

#include "core/base/buf.h"
#include "core/base/limits.h"

/* END(NAME, "result") */
#define BATON_TOOL_ENDS(END)      \
	END(ANSWERED, "answered") \
	END(DECLINED, "declined") \
	END(FAILED, "failed")     \
	END(IN_DOUBT, "in_doubt")
enum baton_tool_end {
#define END(NAME, result) BATON_TOOL_##NAME,
	BATON_TOOL_ENDS(END)
#undef END
		BATON_TOOL_ENDS_N
};

#define BATON_TOOL_NOT_ASKED UINT64_MAX

enum { BATON_TOOL_TALLIES_MAX = BATON_TOOLS_MAX }; /* a set's, without a reload of other names */

struct baton_tool_tally {
	char name[BATON_NAME_BYTES_MAX + 1];
	uint64_t ends[BATON_TOOL_ENDS_N];
	uint64_t asked, asked_us; /* those that reached the module */
};
struct baton_tool_tallies {
	struct baton_tool_tally v[BATON_TOOL_TALLIES_MAX + 1]; /* the last: "other" */
	size_t n;                                              /* without it */
};

/* A call is over. `us`: the time the module had; BATON_TOOL_NOT_ASKED: it did not come so far. */
void baton_tool_tallies_add(struct baton_tool_tallies *tallies, baton_str name,
			    enum baton_tool_end end, uint64_t us);
/* baton_tool_results_total{tool,result} and baton_tool_seconds{tool}. */
void baton_tool_tallies_metrics(const struct baton_tool_tallies *tallies, struct baton_buf *out);
