/* SPDX-License-Identifier: Apache-2.0 */

/* rule-acme: hands a conversation to a person when the bot has answered often enough.
 *
 * A rule is pure: the same facts give the same verdict, today and when yesterday's turns are
 * played again to see what a new rule would have changed. So it has no clock, no chance, no memory
 * and asks the host for nothing but log(). Where a condition is enough, escalation.yaml needs no
 * module. */

/* The oldest minor of the ABI that is enough: so it also runs on older servers (docs/ABI.md). */
#define BATON_ABI_NEEDED 0u
#include "scan.h"
#include "text.h"

#include <stdlib.h>

BATON_MODULE_NOTE("rule-acme", "0.1.0", "rule", 0);

enum { QUEUE_BYTES = 64, ANSWERS_DEFAULT = 3 };

/* One instance: there is one per event loop, so nothing in here needs a lock. */
struct rule {
	const baton_host *host;
	uint64_t answers; /* from so many on */
	char queue[QUEUE_BYTES];
};

static const char id[] = "acme-long-talk";
static const char reason[] = "The bot has answered several times, and the customer still asks";

/* The strictest verdict of all rules wins; none is BATON_ACT_NONE, which is what `out` has. */
static int32_t evaluate(void *inst, const baton_facts *facts, baton_verdict *out)
{
	const struct rule *rule = inst;

	/* Rules are asked twice: before any model is, and about its answer. Once is enough. */
	if (BATON_HAS(facts, stage) && facts->stage != BATON_STAGE_BEFORE)
		return BATON_OK;
	if (facts->exchanges < rule->answers || (facts->flags & BATON_FACT_HUMAN_ACTIVE))
		return BATON_OK;
	out->action = BATON_ACT_ESCALATE;
	out->rule = id; /* stands in transcripts and reports: never change it */
	out->reason = reason;
	out->queue = rule->queue[0] ? rule->queue : NULL; /* NULL: the intent's own */
	return BATON_OK;
}

static int32_t describe(void *inst, const baton_sink *json)
{
	static const char text[] = "[{\"id\":\"acme-long-talk\",\"action\":\"escalate\"}]";
	(void)inst;

	return json->write(json->ud, text, sizeof(text) - 1);
}

/* --- life: load once per generation, create once per event loop --- */

static int32_t load(baton_ctx *ctx, const baton_host *host, void **mod)
{
	(void)ctx;
	*mod = (void *)(uintptr_t)host; /* shared by all instances, read-only */
	return BATON_OK;
}

static int32_t create(void *mod, baton_ctx *ctx, baton_str config_json, void **inst)
{
	struct rule *rule = calloc(1, sizeof(*rule));
	struct scan scan = scan_of(config_json);
	bool begun = false;
	baton_str key, queue;
	(void)ctx;

	if (!rule)
		return BATON_E_NOMEM;
	rule->host = mod;
	rule->answers = ANSWERS_DEFAULT;
	while (scan_member(&scan, &begun, &key)) {
		if (scan_is(key, "answers"))
			rule->answers = scan_count(&scan);
		else if (!scan_is(key, "queue"))
			scan_skip(&scan); /* `policy`: what the host adds of the policy set */
		else if (scan_text(&scan, &queue))
			scan_copy(queue, rule->queue, sizeof(rule->queue));
	}
	*inst = rule;
	return BATON_OK;
}

static void destroy(void *inst)
{
	free(inst);
}

static const baton_rule rule = { .size = sizeof(rule), .describe = describe, .evaluate = evaluate };
static const baton_iface ifaces[] = { { BATON_RULE, &rule } };

/* The one symbol that a module exports. Id, version and flags are those of the note. */
BATON_EXPORT const baton_module baton_module_entry = {
	BATON_MODULE_HEAD,
	.n_ifaces = 1,
	.id = "rule-acme",
	.version = "0.1.0",
	.license = "Apache-2.0",
	.summary = "A person takes over when the bot has answered often enough",
	.config_schema = "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{"
			 "\"answers\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":1000},"
			 "\"queue\":{\"type\":\"string\",\"maxLength\":63}}}",
	.ifaces = ifaces,
	.load = load,
	.create = create,
	.destroy = destroy,
};
