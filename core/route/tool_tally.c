/* SPDX-License-Identifier: Apache-2.0 */

/* Counted and written. A search through so few names is as fast as a table. */
#include "core/route/tool_tally.h"

#include <stdio.h>

static struct baton_tool_tally *find(struct baton_tool_tallies *tallies, baton_str name)
{
	struct baton_tool_tally *tally = tallies->v;
	const char *words = NULL;

	for (size_t i = 0; i < tallies->n; i++, tally++)
		if (baton_str_is(name, tally->name))
			return tally;
	if (tallies->n == BATON_TOOL_TALLIES_MAX || name.n >= sizeof(tally->name)) {
		tally = &tallies->v[BATON_TOOL_TALLIES_MAX];
		words = "other";
	} else {
		tallies->n++;
	}
	(void)snprintf(tally->name, sizeof(tally->name), "%.*s", words ? 5 : (int)name.n,
		       words ? words : name.p);
	return tally;
}

void baton_tool_tallies_add(struct baton_tool_tallies *tallies, baton_str name,
			    enum baton_tool_end end, uint64_t us)
{
	struct baton_tool_tally *tally = find(tallies, name);

	tally->ends[end]++;
	if (us == BATON_TOOL_NOT_ASKED)
		return;
	tally->asked++;
	tally->asked_us += us;
}

/* Each one that was called; names of policies hold nothing that a label would have to escape. */
static const struct baton_tool_tally *next(const struct baton_tool_tallies *tallies, size_t *at)
{
	while (*at <= BATON_TOOL_TALLIES_MAX)
		if (tallies->v[(*at)++].name[0])
			return &tallies->v[*at - 1];
	return NULL;
}

void baton_tool_tallies_metrics(const struct baton_tool_tallies *tallies, struct baton_buf *out)
{
	static const char *const results[] = {
#define END(NAME, result) result,
		BATON_TOOL_ENDS(END)
#undef END
	};
	const struct baton_tool_tally *tally;

	baton_buf_z(out, "# HELP baton_tool_results_total What calls of a tool came to.\n"
			 "# TYPE baton_tool_results_total counter\n");
	for (size_t at = 0; (tally = next(tallies, &at));)
		for (unsigned i = 0; i < BATON_TOOL_ENDS_N; i++)
			baton_buf_printf(
				out, "baton_tool_results_total{tool=\"%s\",result=\"%s\"} %llu\n",
				tally->name, results[i], (unsigned long long)tally->ends[i]);
	baton_buf_z(out,
		    "# HELP baton_tool_seconds Time that calls of a tool took: sum and count.\n"
		    "# TYPE baton_tool_seconds summary\n");
	for (size_t at = 0; (tally = next(tallies, &at));)
		baton_buf_printf(out,
				 "baton_tool_seconds_sum{tool=\"%s\"} %.6f\n"
				 "baton_tool_seconds_count{tool=\"%s\"} %llu\n",
				 tally->name, (double)tally->asked_us / 1e6, tally->name,
				 (unsigned long long)tally->asked);
}
