/* SPDX-License-Identifier: Apache-2.0 */

/* A rule that calls a person after the third exchange. */
#include "tests/modules/sin.h"

static int32_t describe(void *inst, const baton_sink *json)
{
	const char *text = is(inst, "describes_badly") ? "{" : "[{\"id\":\"third\"}]";
	return json->write(json->ud, text, strlen(text));
}

static int32_t evaluate(void *inst, const baton_facts *facts, baton_verdict *out)
{
	struct inst *i = inst;
	bool fires = facts->exchanges >= 3;
	if (is(i, "asks_clock"))
		fires |= i->host->now_ns(i->ctx) == 1;
	if (is(i, "remembers"))
		fires = i->n++ % 3 == 0;
	if (!fires)
		return BATON_OK;
	out->action = is(i, "odd_action") && facts->exchanges > 5 ? 99 : BATON_ACT_ESCALATE;
	out->rule = "third";
	out->reason = "the third exchange";
	return BATON_OK;
}

static const baton_rule rule = { .size = sizeof(rule), .describe = describe, .evaluate = evaluate };
#define SIN_STATE NULL
#define VT BATON_RULE, &rule
SIN_MODULE("sin-rule", "rule", VT);
