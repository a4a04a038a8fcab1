/* SPDX-License-Identifier: Apache-2.0 */

/* rule-policy: the rules of policies/<set>/rules, evaluated. Each has a condition over facts, which
 * the host's own expression language compiles, and an action. Of those that fire the strictest
 * wins; among equals the more urgent (1 is first, 9 last), then the one written first.
 *
 * Pure: the same facts give the same verdict, today and in a replay. A condition that cannot be
 * decided (a division by zero, say) counts as fired: a person too many is better than one too few.
 */
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BATON_ABI_NEEDED 0u
#include <baton/expr.h>
#include <baton/module.h>

enum { RULES_MAX = 1000, PRIORITY_FIRST = 1, PRIORITY_USUAL = 5, PRIORITY_LAST = 9 };

BATON_MODULE_NOTE("rule-policy", "1.0.0", "rule", 0);

struct rule {
	char *id, *reason, *queue;
	baton_expr *when; /* NULL: always */
	uint32_t action, priority, flags;
	uint32_t stages; /* bit per BATON_STAGE_* */
};

struct rules {
	baton_ctx *ctx;
	const baton_host *host;
	const baton_host_expr *expr;
	struct rule *v;
	size_t n;
};

static const char undecided[] = "could not be decided";
static const char *const actions[] = { "none", "offer_human", "review", "escalate",
				       "escalate_now" };

/* --- reading the configuration ------------------------------------------------------------ */

/* One line for the operator; the rule's own words are the policy's, not a customer's. */
static int32_t complain(const struct rules *rules, size_t i, const char *what, const char *detail)
{
	char line[512];
	int n = snprintf(line, sizeof(line), "rule %zu: %s: %s", i + 1, what, detail);
	if (n > 0)
		rules->host->log(rules->ctx, BATON_LOG_ERROR,
				 (baton_str){ line, (size_t)n < sizeof(line) ? (size_t)n
									     : sizeof(line) - 1 });
	return BATON_E_INVAL;
}

static char *text_of(const json_t *rule, const char *key)
{
	const char *text = json_string_value(json_object_get(rule, key));
	return text && text[0] ? strdup(text) : NULL;
}

static int action_of(const char *name)
{
	for (size_t i = 0; name && i < sizeof(actions) / sizeof(actions[0]); i++)
		if (strcmp(actions[i], name) == 0)
			return (int)i;
	return -1;
}

static uint32_t stages_of(const char *name)
{
	if (!name || strcmp(name, "before") == 0)
		return 1u << BATON_STAGE_BEFORE;
	if (strcmp(name, "after") == 0)
		return 1u << BATON_STAGE_AFTER;
	return 0;
}

static int32_t compile(struct rules *rules, size_t i, const char *when, struct rule *to)
{
	char why[256] = "", detail[320];
	uint32_t column = 0;
	if (!when || !when[0])
		return BATON_OK;
	int32_t rc = rules->expr->compile((baton_str){ when, strlen(when) }, &to->when, why,
					  sizeof(why), &column);
	if (rc == BATON_OK)
		return BATON_OK;
	(void)snprintf(detail, sizeof(detail), "column %u: %s", column, why);
	return complain(rules, i, "when", detail);
}

static int32_t read_rule(struct rules *rules, size_t i, const json_t *json)
{
	struct rule *to = &rules->v[rules->n++];
	const json_t *priority = json_object_get(json, "priority");
	int action = action_of(json_string_value(json_object_get(json, "action")));
	to->id = text_of(json, "id");
	to->reason = text_of(json, "reason");
	to->queue = text_of(json, "queue");
	to->stages = stages_of(json_string_value(json_object_get(json, "stage")));
	if (!to->id)
		return complain(rules, i, "id", "expected a name, found none");
	if (action < 0)
		return complain(
			rules, i, to->id,
			"action: expected one of offer_human, review, escalate, escalate_now");
	if (to->stages == 0)
		return complain(rules, i, to->id, "stage: expected before or after");
	if (priority &&
	    (!json_is_integer(priority) || json_integer_value(priority) < PRIORITY_FIRST ||
	     json_integer_value(priority) > PRIORITY_LAST))
		return complain(rules, i, to->id, "priority: expected 1 (first) to 9 (last)");
	to->action = (uint32_t)action;
	to->priority = priority ? (uint32_t)json_integer_value(priority) : PRIORITY_USUAL;
	to->flags =
		json_is_true(json_object_get(json, "reversible")) ? BATON_VERDICT_REVERSIBLE : 0;
	return compile(rules, i, json_string_value(json_object_get(json, "when")), to);
}

static int32_t read_rules(struct rules *rules, const json_t *config)
{
	const json_t *list = json_object_get(json_object_get(config, "policy"), "rules");
	size_t n = json_array_size(list);
	if (n > RULES_MAX)
		return BATON_E_LIMIT;
	rules->v = calloc(n ? n : 1, sizeof(*rules->v));
	if (!rules->v)
		return BATON_E_NOMEM;
	int32_t rc = BATON_OK;
	for (size_t i = 0; rc == BATON_OK && i < n; i++)
		rc = read_rule(rules, i, json_array_get(list, i));
	return rc;
}

/* --- deciding ----------------------------------------------------------------------------- */

static bool stricter(const struct rule *a, const struct rule *b)
{
	return !b || a->action > b->action || (a->action == b->action && a->priority < b->priority);
}

static int32_t evaluate(void *inst, const baton_facts *facts, baton_verdict *out)
{
	const struct rules *rules = inst;
	uint32_t stage = BATON_HAS(facts, stage) ? facts->stage : BATON_STAGE_BEFORE;
	const struct rule *best = NULL;
	int best_said = 0;
	if (stage > BATON_STAGE_AFTER)
		stage = BATON_STAGE_BEFORE; /* unknown is value 0 (R3) */
	for (size_t i = 0; i < rules->n; i++) {
		const struct rule *rule = &rules->v[i];
		if (!(rule->stages & 1u << stage) || !stricter(rule, best))
			continue;
		int said = rule->when ? rules->expr->test(rule->when, facts) : 1;
		if (said == 0)
			continue;
		best = rule;
		best_said = said;
	}
	if (!best)
		return BATON_OK;
	out->action = best->action;
	out->priority = best->priority;
	out->flags = best->flags;
	out->rule = best->id;
	out->reason = best_said < 0 ? undecided : best->reason;
	out->queue = best->queue;
	return BATON_OK;
}

static int32_t describe(void *inst, const baton_sink *json)
{
	const struct rules *rules = inst;
	int32_t rc = json->write(json->ud, "[", 1);
	for (size_t i = 0; rc == BATON_OK && i < rules->n; i++) {
		const struct rule *rule = &rules->v[i];
		json_t *entry = json_pack("{s:s, s:s, s:i}", "id", rule->id, "action",
					  actions[rule->action], "priority", (int)rule->priority);
		char *text = json_dumps(entry, JSON_COMPACT);
		if (i > 0)
			rc = json->write(json->ud, ",", 1);
		if (rc == BATON_OK)
			rc = text ? json->write(json->ud, text, strlen(text)) : BATON_E_NOMEM;
		free(text);
		json_decref(entry);
	}
	return rc == BATON_OK ? json->write(json->ud, "]", 1) : rc;
}

/* --- the module --------------------------------------------------------------------------- */

static int32_t load(baton_ctx *ctx, const baton_host *host, void **mod)
{
	static const baton_host *table;
	(void)ctx;
	table = host;
	*mod = &table;
	return BATON_OK;
}

static void destroy(void *inst)
{
	struct rules *rules = inst;
	for (size_t i = 0; i < rules->n; i++) {
		free(rules->v[i].id);
		free(rules->v[i].reason);
		free(rules->v[i].queue);
		if (rules->v[i].when)
			rules->expr->drop(rules->v[i].when);
	}
	free(rules->v);
	free(rules);
}

static int32_t create(void *mod, baton_ctx *ctx, baton_str config_json, void **inst)
{
	const baton_host *host = *(const baton_host **)mod;
	struct rules *rules = calloc(1, sizeof(*rules));
	if (!rules)
		return BATON_E_NOMEM;
	rules->ctx = ctx;
	rules->host = host;
	rules->expr = host->get(ctx, BATON_HOST_EXPR);
	json_t *config = json_loadb(config_json.p, config_json.n, JSON_REJECT_DUPLICATES, NULL);
	int32_t rc = !rules->expr ? BATON_E_UNSUPPORTED
		     : config     ? read_rules(rules, config)
				  : BATON_E_INVAL;
	json_decref(config);
	if (rc == BATON_OK)
		*inst = rules;
	else
		destroy(rules);
	return rc;
}

static const baton_rule rule_vt = { .size = sizeof(rule_vt),
				    .describe = describe,
				    .evaluate = evaluate };
static const baton_iface ifaces[] = { { BATON_RULE, &rule_vt } };

BATON_EXPORT const baton_module baton_module_entry = {
	BATON_MODULE_HEAD,
	.n_ifaces = 1,
	.id = "rule-policy",
	.version = "1.0.0",
	.vendor = "Baton",
	.license = "Apache-2.0",
	.summary = "Decides by the rules of the policy set when a person takes over",
	.config_schema =
		"{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{"
		"\"policy\":{\"type\":\"object\",\"properties\":{\"rules\":{\"type\":\"array\","
		"\"maxItems\":1000,\"items\":{\"type\":\"object\",\"required\":[\"id\",\"action\"]}}}}}}",
	.ifaces = ifaces,
	.load = load,
	.create = create,
	.destroy = destroy,
};
