/* SPDX-License-Identifier: Apache-2.0 */

/* What is counted of each tool, and that however many names there are, labels have an end. */
#include "core/route/tool_tally.h"

#include <stdio.h>

#include "unit.h"

static bool says(const struct baton_tool_tallies *tallies, const char *line)
{
	struct baton_buf out = { 0 };
	baton_tool_tallies_metrics(tallies, &out);
	baton_buf_add(&out, "", 1);
	bool found = strstr(out.p, line) != NULL;
	baton_buf_done(&out);
	return found;
}

static void each_tool_is_counted_under_its_name(void **state)
{
	static struct baton_tool_tallies tallies;
	(void)state;
	assert_true(says(&tallies, "# TYPE baton_tool_results_total counter\n"));
	assert_false(says(&tallies, "{tool="));
	baton_tool_tallies_add(&tallies, BATON_STR("find"), BATON_TOOL_ANSWERED, 1999600);
	baton_tool_tallies_add(&tallies, BATON_STR("find"), BATON_TOOL_FAILED, 400);
	baton_tool_tallies_add(&tallies, BATON_STR("find"), BATON_TOOL_DECLINED,
			       BATON_TOOL_NOT_ASKED);
	baton_tool_tallies_add(&tallies, BATON_STR("pay"), BATON_TOOL_IN_DOUBT, 10000);
	assert_true(says(&tallies, "_total{tool=\"find\",result=\"answered\"} 1\n"));
	assert_true(says(&tallies, "_total{tool=\"find\",result=\"failed\"} 1\n"));
	assert_true(says(&tallies, "_total{tool=\"find\",result=\"declined\"} 1\n"));
	assert_true(says(&tallies, "_total{tool=\"find\",result=\"in_doubt\"} 0\n"));
	assert_true(says(&tallies, "_total{tool=\"pay\",result=\"in_doubt\"} 1\n"));
	assert_true(says(&tallies, "baton_tool_seconds_sum{tool=\"find\"} 2.000000\n"));
	assert_true(says(&tallies, "baton_tool_seconds_count{tool=\"find\"} 2\n"));
}

static void labels_have_an_end(void **state)
{
	static struct baton_tool_tallies tallies;
	char name[BATON_NAME_BYTES_MAX + 2];
	(void)state;
	for (unsigned i = 0; i < 10 * BATON_TOOL_TALLIES_MAX; i++) {
		(void)snprintf(name, sizeof(name), "t%u", i);
		baton_tool_tallies_add(&tallies, baton_str_of(name), BATON_TOOL_ANSWERED, 0);
	}
	memset(name, 'x', sizeof(name)); /* none that a policy could have */
	baton_tool_tallies_add(&tallies, (baton_str){ name, sizeof(name) }, BATON_TOOL_FAILED, 0);
	assert_int_equal(tallies.n, BATON_TOOL_TALLIES_MAX);
	assert_true(says(&tallies, "{tool=\"t255\",result=\"answered\"} 1\n"));
	assert_false(says(&tallies, "t256"));
	assert_true(says(&tallies, "{tool=\"other\",result=\"answered\"} 2304\n"));
	assert_true(says(&tallies, "{tool=\"other\",result=\"failed\"} 1\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_tool_is_counted_under_its_name),
		cmocka_unit_test(labels_have_an_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
