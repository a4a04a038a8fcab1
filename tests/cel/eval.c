/* SPDX-License-Identifier: Apache-2.0 */

/* Baton's side of tests/cel: one JSON object per line in, {"expr": text, "facts": {...}} with facts as
 * baton_facts_json writes them; one verdict per line out: true, false, error, or
 * `refused COLUMN SENTENCE`. A line that is no such object ends it with 2. */

#include "core/base/json.h"
#include "core/policy/expr.h"
#include "core/policy/facts.h"

#include <stdio.h>
#include <stdlib.h>

static void verdict(baton_str text, const baton_facts *facts)
{
	baton_expr *expr = NULL;
	char why[256];
	uint32_t column = 0;

	if (baton_expr_compile(text, &expr, why, sizeof(why), &column) != 0) {
		printf("refused %u %s\n", column, why);
		return;
	}
	int32_t said = baton_expr_test(expr, facts);
	puts(said < 0 ? "error" : said ? "true" : "false");
	baton_expr_free(expr);
}

static int answer(baton_str line)
{
	struct baton_arena arena = { 0 };
	struct baton_json object;
	baton_facts facts;
	int rc = baton_json_parse(line, &object);

	if (rc == 0) {
		struct baton_json given = baton_json_get(&object, "facts");
		struct baton_json expr = baton_json_get(&object, "expr");
		rc = baton_facts_parse(given.raw, &arena, &facts);
		if (rc == 0)
			verdict(baton_json_text(&expr, &arena), &facts);
	}
	baton_arena_done(&arena);
	return rc;
}

int main(void)
{
	char *line = NULL;
	size_t cap = 0;
	ssize_t n;
	int rc = 0;

	while (rc == 0 && (n = getline(&line, &cap, stdin)) > 0)
		rc = answer((baton_str){ line, (size_t)n });
	free(line);
	return rc == 0 ? 0 : 2;
}
