/* SPDX-License-Identifier: Apache-2.0 */

/* Conditions: any text compiles or is refused with a sentence and a column inside it; what compiles
 * gives the same verdict each time and the same when it is explained, and the facts survive being
 * written down and read back. */

#include "core/base/json.h"
#include "core/base/mem.h"
#include "core/policy/expr.h"
#include "tests/fuzz/fuzz.h"

static baton_facts facts_of(const uint8_t **data, size_t *n)
{
	return (baton_facts){
		.size = sizeof(baton_facts),
		.flags = fuzz_byte(data, n),
		.intent = BATON_STR("refund_dispute"),
		.customer_tier = BATON_STR("gold"),
		.channel = BATON_STR("web"),
		.locale = BATON_STR("en-GB"),
		.tags_json = BATON_STR("[\"a\",\"b\"]"),
		.intent_ppm = fuzz_byte(data, n) * 4000u,
		.sentiment_ppm = fuzz_byte(data, n) * 4000u,
		.idle_ms = fuzz_byte(data, n) * 1000u,
		.exchanges = fuzz_byte(data, n),
		.unresolved_exchanges = fuzz_byte(data, n),
	};
}

/* The explanation ends with the verdict. */
static void check_explained(const baton_expr *expr, const baton_facts *facts, int32_t verdict)
{
	const char *end = verdict < 0 ? "=> undecided" : verdict ? "=> true\n" : "=> false\n";
	struct baton_buf out = { 0 };
	struct baton_json json;

	baton_expr_explain(expr, facts, &out);
	FUZZ_CHECK(strstr(out.p, end) != NULL);
	baton_buf_reset(&out);
	baton_expr_explain_json(expr, facts, &out);
	FUZZ_CHECK(baton_json_parse(baton_buf_view(&out), &json) == 0);
	baton_buf_done(&out);
}

static void check_verdict(const baton_expr *expr, const baton_facts *facts)
{
	struct baton_buf json = { 0 };
	struct baton_arena arena = { 0 };
	baton_facts again = { 0 };
	int32_t verdict = baton_expr_test(expr, facts);

	FUZZ_CHECK(verdict <= 1);
	FUZZ_CHECK(baton_expr_test(expr, facts) == verdict);
	check_explained(expr, facts, verdict);
	baton_facts_json(facts, &json);
	FUZZ_CHECK(baton_facts_parse(baton_buf_view(&json), &arena, &again) == 0);
	FUZZ_CHECK(baton_expr_test(expr, &again) == verdict);
	baton_buf_done(&json);
	baton_arena_done(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	baton_facts facts = facts_of(&data, &n);
	char why[120];
	uint32_t column = 0;
	baton_expr *expr = NULL;

	memset(why, 'x', sizeof(why));
	if (baton_expr_compile(fuzz_rest(data, n), &expr, why, sizeof(why), &column) == 0) {
		check_verdict(expr, &facts);
		baton_expr_free(expr);
		return 0;
	}
	FUZZ_CHECK(memchr(why, 0, sizeof(why)) != NULL && why[0]);
	FUZZ_CHECK(column <= n + 1);
	return 0;
}
