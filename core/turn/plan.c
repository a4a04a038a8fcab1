/* SPDX-License-Identifier: Apache-2.0 */

/* See plan.h. */

#include "core/turn/plan.h"

#include "core/base/json.h"
#include "core/policy/policy.h"
#include "core/turn/fence.h"
#include "core/turn/inside.h"

const char run_plan_words[] =
	"You plan what a support assistant does next about the customer's newest message. You do not "
	"answer the customer.";

/* --- reading and writing --- */

/* Models like to wrap JSON in words or in a fence of backquotes. */
static bool find_object(baton_str text, struct baton_json *ret)
{
	const char *begin = text.n ? memchr(text.p, '{', text.n) : NULL;
	size_t n = begin ? text.n - (size_t)(begin - text.p) : 0;

	while (n > 0 && begin[n - 1] != '}')
		n--;
	return n > 0 && baton_json_parse((baton_str){ begin, n }, ret) == 0 &&
	       ret->type == BATON_JSON_OBJECT;
}

static bool has_tool(const struct baton_route *route, baton_str name)
{
	for (size_t i = 0; i < route->n_tools; i++)
		if (baton_str_is(name, route->tools[i]->name))
			return true;
	for (size_t i = 0; i < route->n_lookups; i++)
		if (baton_str_is(name, route->lookups[i].tool->name))
			return true;
	return false;
}

static const char *read_step(const struct baton_json *item, const struct baton_route *route,
			     struct baton_arena *arena, struct baton_plan_step *ret_step)
{
	struct baton_json what = baton_json_get(item, "do"), tool = baton_json_get(item, "tool");
	baton_str words = baton_str_clip(baton_json_text(&what, arena), BATON_PLAN_WORDS_MAX);

	ret_step->what =
		(baton_str){ baton_arena_dup(arena, words.p ? words.p : "", words.n), words.n };
	ret_step->tool = baton_json_text(&tool, arena);
	if (item->type != BATON_JSON_OBJECT || words.n == 0)
		return "bad_step";
	if (tool.type != BATON_JSON_NONE && tool.type != BATON_JSON_NULL &&
	    tool.type != BATON_JSON_STRING)
		return "bad_step";
	if (ret_step->tool.n > 0 && !has_tool(route, ret_step->tool))
		return "unknown_tool";
	ret_step->tool.p =
		baton_arena_dup(arena, ret_step->tool.n ? ret_step->tool.p : "", ret_step->tool.n);
	return NULL;
}

const char *baton_plan_parse(baton_str text, const struct baton_route *route,
			     struct baton_arena *arena, struct baton_plan *ret_plan)
{
	struct baton_plan plan = { .version = ret_plan->version + 1 };
	struct baton_json object, list, item;
	const char *why = NULL;
	size_t at = 0;

	if (!find_object(text, &object))
		return "no_json";
	list = baton_json_get(&object, "steps");
	if (list.type != BATON_JSON_ARRAY)
		return "no_steps";
	while (!why && baton_json_element(&list, &at, &item)) {
		if (plan.n == BATON_PLAN_STEPS_MAX)
			return "too_many_steps";
		why = read_step(&item, route, arena, &plan.steps[plan.n++]);
	}
	if (!why && plan.n == 0)
		why = "no_steps";
	if (!why)
		*ret_plan = plan;
	return why;
}

void baton_plan_json(const struct baton_plan *plan, struct baton_buf *out)
{
	baton_buf_z(out, "[");
	for (size_t i = 0; i < plan->n; i++) {
		baton_buf_z(out, i ? ",{\"do\":" : "{\"do\":");
		baton_buf_json(out, plan->steps[i].what);
		if (plan->steps[i].tool.n > 0) {
			baton_buf_z(out, ",\"tool\":");
			baton_buf_json(out, plan->steps[i].tool);
		}
		baton_buf_z(out, "}");
	}
	baton_buf_z(out, "]");
}

/* --- in the turn --- */

bool run_plan_wanted(const struct baton_run *run)
{
	return run->purpose == BATON_PURPOSE_ANSWER && run->route && run->route->plan &&
	       run->plan.version == 0 && !run->plan_failed;
}

static void note_plan(struct baton_run *run, const char *target, uint64_t cost, const char *failed)
{
	struct baton_buf steps = { NULL, 0, 0 };

	baton_plan_json(&run->plan, &steps);
	run_note(run, BATON_EV_PLAN_MADE)->plan_made = (struct baton_ev_plan_made){
		.turn = run->turn,
		.version = run->plan.version,
		.steps = run_keep_buf(run, &steps),
		.target = baton_str_of(target),
		.model = baton_str_of(run->choice.target->model),
		.cost_microusd = cost,
		.failed = baton_str_of(failed),
	};
}

void run_plan_of_policy(struct baton_run *run)
{
	const struct baton_route *route = run->route;

	run->plan = (struct baton_plan){ .version = 1 };
	for (size_t i = 0; i < route->n_lookups && run->plan.n + 1 < BATON_PLAN_STEPS_MAX; i++) {
		const struct baton_tool_def *tool = route->lookups[i].tool;

		run->plan.steps[run->plan.n++] = (struct baton_plan_step){
			baton_str_of(tool->title ? tool->title : tool->name),
			baton_str_of(tool->name)
		};
	}
	run->plan.steps[run->plan.n++].what = BATON_STR("answer from the articles");
	note_plan(run, "policy", 0, "");
}

void run_plan_heard(struct baton_run *run)
{
	uint64_t cost = run_cost_microusd(run);
	const char *why =
		baton_plan_parse(baton_buf_view(&run->answer), run->route, &run->arena, &run->plan);

	run->plan_failed = why != NULL;
	note_plan(run, run->choice.target->name, cost, why ? why : "");
	run->spent_microusd += cost;
	run->asked_microusd += cost;
}

void run_plan_ask(const struct baton_run *run, struct baton_buf *out)
{
	baton_buf_printf(
		out,
		"\n\nReply with one JSON object and nothing else: {\"steps\":[{\"do\":\"what "
		"is done, in a few words\",\"tool\":\"name of the tool, left out if none is "
		"needed\"}]}. At most %d steps, in order; the last one is the reply to the "
		"customer.\n",
		BATON_PLAN_STEPS_MAX);
	baton_buf_z(out,
		    run->route->n_tools > 0 ? "Tools that there are:\n" : "There are no tools.\n");
	for (size_t i = 0; i < run->route->n_tools; i++) {
		const struct baton_tool_def *tool = run->route->tools[i];

		baton_buf_printf(out, "- %s: %s\n", tool->name,
				 tool->description ? tool->description : "");
	}
}

void run_plan_show(const struct baton_run *run, uint64_t number, struct baton_buf *out)
{
	struct baton_buf steps = { NULL, 0, 0 };

	if (run->plan.version == 0)
		return;
	baton_plan_json(&run->plan, &steps);
	fence_around(out, number, "the plan of this turn", baton_buf_view(&steps));
	if (run->route->n_tools > 0)
		baton_buf_z(
			out,
			"Only tools of the plan are called. To do something else, call " BATON_PLAN_TOOL
			" first.\n");
	baton_buf_done(&steps);
}

bool run_plan_allows(const struct baton_run *run, baton_str tool)
{
	if (!run->route || !run->route->plan)
		return true;
	if (run->plan.version > 0 && baton_str_is(tool, BATON_PLAN_TOOL))
		return true;
	for (size_t i = 0; i < run->plan.n; i++)
		if (baton_str_eq(run->plan.steps[i].tool, tool))
			return true;
	return false;
}

void run_plan_tool_json(const struct baton_run *run, struct baton_buf *out)
{
	(void)run;
	baton_buf_printf(
		out,
		"{\"name\":\"" BATON_PLAN_TOOL
		"\",\"description\":\"Replaces the plan of this turn.\",\"parameters\":{"
		"\"type\":\"object\",\"properties\":{\"steps\":{\"type\":\"array\",\"maxItems\":%d,"
		"\"items\":{\"type\":\"object\",\"properties\":{\"do\":{\"type\":\"string\"},"
		"\"tool\":{\"type\":\"string\"}},\"required\":[\"do\"]}}},"
		"\"required\":[\"steps\"]}}",
		BATON_PLAN_STEPS_MAX);
}

void run_plan_update(struct baton_run *run, baton_str arguments, struct baton_buf *out)
{
	const char *why = "too_many_plans";

	if (run->plan.version < BATON_PLAN_VERSIONS_MAX)
		why = baton_plan_parse(arguments, run->route, &run->arena, &run->plan);
	if (why) {
		baton_buf_printf(out, "{\"error\":\"%s\"}", why);
		return;
	}
	note_plan(run, run->choice.target->name, 0, "");
	baton_buf_printf(out, "{\"version\":%u}", run->plan.version);
}
