/* SPDX-License-Identifier: Apache-2.0 */

/* The world behind tools: what was really done there, kept apart from the server and longer than
 * any process of it. A request may have its effect before the answer comes, or when it comes, or
 * although none comes; who asks twice for what must not happen twice is found out here. */

#include "tests/sim/sim.h"

#include "core/base/json.h"

struct effect { /* of one idempotency key */
	UT_hash_handle hh;
	unsigned asked, done;
	char key[];
};

static struct effect *effect_of(struct sim *sim, baton_str key)
{
	struct effect *effect = NULL;

	HASH_FIND(hh, sim->effects, key.p, key.n, effect);
	if (effect)
		return effect;
	effect = baton_alloc(sizeof(*effect) + key.n + 1);
	memcpy(effect->key, key.p, key.n);
	HASH_ADD_KEYPTR(hh, sim->effects, effect->key, key.n, effect);
	return effect;
}

void tools_free(struct sim *sim)
{
	struct effect *effect, *next;

	HASH_ITER(hh, sim->effects, effect, next) {
		HASH_DEL(sim->effects, effect);
		baton_free(effect);
	}
}

/* Twice with one key is once, if the tool says so of itself; else it is found out when asked. */
static void perform(struct sim *sim, const struct tool_call *tool)
{
	struct effect *effect = tool->effect;

	if (!tool->writes || effect->done > 0)
		return;
	effect->done++;
	sim->outside.effects++;
}

void tools_asked(struct sim *sim, const baton_tool_req *req, struct tool_call *ret)
{
	struct baton_json args;

	PROMISE(sim, req->turn && req->turn->n_msgs == 0, "a tool is shown no conversation", NULL);
	PROMISE(sim, req->name.n > 0 && req->idempotency_key.n > 0, "a tool is told what to do",
		NULL);
	PROMISE(sim, baton_json_parse(req->args_json, &args) == 0 && args.type == BATON_JSON_OBJECT,
		"a tool is given an object", NULL);
	promise_on_record(sim, req);
	*ret = (struct tool_call){ .effect = effect_of(sim, req->idempotency_key),
				   .writes = (req->flags & BATON_TOOL_WRITES) != 0 };
	bool twice = ret->effect->asked++ > 0;
	PROMISE(sim, !twice || !ret->writes || (req->flags & BATON_TOOL_IDEMPOTENT),
		"what must not happen twice is asked for once", NULL);
	PROMISE(sim, !ret->writes || !(req->flags & BATON_TOOL_SHADOW),
		"a turn that is tried out changes nothing", NULL);
	sim->outside.invoked++;
	/* The request may be there long before its answer is here. */
	if (sim_chance(sim, 50))
		perform(sim, ret);
	ret->ends =
		sim->calm || sim->cell ? TOOL_ANSWERS : (enum tool_end)sim_below(sim, TOOL_ENDS);
	if (ret->ends == TOOL_HANGS && sim_chance(sim, 50))
		ret->ends = TOOL_ANSWERS;
}

bool tools_result(struct sim *sim, const struct tool_call *tool, baton_tool_result *ret)
{
	*ret = (baton_tool_result){ .size = sizeof(*ret), .http_status = 200, .tries = 1 };
	switch (tool->ends) {
	case TOOL_ANSWERS:
		perform(sim, tool);
		ret->json = BATON_STR("{\"status\":\"shipped\",\"days\":2}");
		return true;
	case TOOL_SAYS_NO:
		ret->flags = BATON_TOOL_NO;
		ret->http_status = 404;
		ret->code = BATON_STR("not_found");
		ret->json = BATON_STR("null");
		return true;
	case TOOL_FAILS:
	case TOOL_FAILS_LATE:
	case TOOL_HANGS:
	case TOOL_ENDS:
		return false;
	}
	return false;
}

baton_error tools_failure(struct sim *sim, const struct tool_call *tool)
{
	baton_error error = { .size = sizeof(error),
			      .fail = BATON_FAIL_CONNECT,
			      .code = BATON_STR("connect") };

	if (tool->ends != TOOL_FAILS_LATE)
		return error;
	/* Sent, perhaps done, and the answer did not come. */
	if (sim_chance(sim, 50))
		perform(sim, tool);
	error.fail = BATON_FAIL_TIMEOUT;
	error.code = BATON_STR("timeout");
	error.flags = tool->writes ? BATON_ERROR_IN_DOUBT : 0;
	return error;
}
