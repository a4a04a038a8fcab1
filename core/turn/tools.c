/* SPDX-License-Identifier: Apache-2.0 */

/* Tools in a turn. A model asks, policy decides: what the route does not list, what does not
 * fit, what the customer may not or what is too much is refused, and the model is told so; what
 * needs a person's leave is proposed, and the turn ends with that person; the rest is called,
 * one after the other, in the order in which it was asked for. Then the model is asked again,
 * with what came of it.
 *
 * Words that were said before tools were called ("Let me look that up.") stay, as the beginning
 * of the answer. If they were not shown to anybody they are dropped.
 */

#include "core/turn/inside.h"

#include "core/base/json_canon.h"
#include "core/observe/metrics.h"
#include "core/policy/json_schema.h"
#include "core/turn/guard.h"
#include "core/turn/tools.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

enum { FORBIDDEN_MAX = 2, EXCERPT_BYTES = 200 };

/* --- what the model said --- */

static baton_str keep(struct baton_run *run, baton_str s)
{
	return (baton_str){ baton_arena_dup(&run->arena, s.n ? s.p : "", s.n), s.n };
}

void run_tool_wanted(struct baton_run *run, baton_str json)
{
	struct baton_run_call *call;
	struct baton_json object, name, given;
	struct baton_buf canon = { NULL, 0, 0 };

	run->tools.wanted = true;
	if (run->tools.n == BATON_RUN_CALLS_MAX || json.n > BATON_TOOL_ARGS_BYTES_MAX * 2)
		return; /* more than can be meant; what was heard before is refused or called */
	call = &run->calls[run->tools.n++];
	*call = (struct baton_run_call){ .round = run->tools.round + 1 };
	if (baton_json_parse(json, &object) < 0)
		return; /* without a name it is none of ours */
	name = baton_json_get(&object, "name");
	given = baton_json_get(&object, "arguments");
	baton_str text = baton_str_clip(baton_json_text(&name, &run->arena), BATON_NAME_BYTES_MAX);
	call->name =
		(baton_str){ baton_arena_dup(&run->arena, text.n ? text.p : "", text.n), text.n };
	if (given.type == BATON_JSON_NONE || given.type == BATON_JSON_NULL) {
		call->given = BATON_STR("{}");
		return;
	}
	baton_json_canon(&given, &canon);
	call->given = run_keep_buf(run, &canon);
}

struct then run_tools_asked(struct baton_run *run)
{
	size_t lead = run->tools.lead;
	uint64_t cost = run_cost_microusd(run);

	run_settle(run, true, false);
	run->spent_microusd += cost;
	run->usage = (baton_usage){ .size = sizeof(run->usage) };
	run->tools.wanted = false;
	run->tools.round++;
	if (run->tools.round > run->route->tool_rounds + 1)
		return run_hand_over(
			run, "core.tool_rounds",
			"the model asked for tools again and again and did not answer");
	if (run->answer.n > lead)
		run->tools.said[run->tools.round] = keep(
			run,
			run_veiled(run, (baton_str){ run->answer.p + lead, run->answer.n - lead }));
	/* What was not shown because its sources do not hold is not shown later either. */
	if (run->said == 0 || run->muted)
		run->answer.n = run->said;
	run->tools.lead = run->answer.n;
	return go_on(BATON_STEP_TOOLS);
}

/* Whatever guards do to what has not been shown, the beginning stays the beginning. */
void run_tools_moved(struct baton_run *run, size_t begin, size_t end, size_t n)
{
	size_t *places[] = { &run->tools.lead, &run->kept };

	for (size_t i = 0; i < 2; i++) {
		if (end <= *places[i])
			*places[i] = *places[i] - (end - begin) + n;
		else if (begin < *places[i])
			*places[i] = begin;
	}
}

/* --- what is known from before --- */

struct baton_run_call *tools_add(struct baton_run *run)
{
	if (run->tools.n == BATON_RUN_CALLS_MAX)
		return NULL;
	struct baton_run_call *call = &run->calls[run->tools.n++];

	run->tools.at = run->tools.n;
	*call = (struct baton_run_call){ 0 };
	return call;
}

static baton_str shown_before(struct baton_run *run, const struct baton_called *called)
{
	char code[BATON_NAME_BYTES_MAX + 1];
	baton_str cut = baton_str_clip(called->code, BATON_NAME_BYTES_MAX);

	memcpy(code, cut.p ? cut.p : "", cut.n);
	code[cut.n] = '\0';
	if (!called->ok || cut.n > 0)
		return run_call_error(run, cut.n > 0 ? code : "failed", "");
	if (called->dropped || called->result.n == 0)
		return BATON_STR("{\"done\":true}");
	return keep(run, called->result);
}

static void add_called(struct baton_run *run, const struct baton_called *called)
{
	struct baton_run_call *call = tools_add(run);

	if (!call)
		return;
	call->id = keep(run, baton_str_of(called->call));
	call->name = keep(run, called->tool);
	call->arguments = keep(run, called->arguments);
	call->given = run_veiled_json(run, BATON_AT_TOOL_ARGS, call->arguments, BATON_STR(""));
	call->key = keep(run, baton_str_of(called->key));
	call->ok = called->ok;
	if (called->ok && called->code.n > 0)
		run->tools.no = keep(run, called->code);
	call->shown = run_veiled_json(run, BATON_AT_TOOL_RESULT, shown_before(run, called),
				      BATON_STR(""));
}

static void add_rejected(struct baton_run *run, const struct baton_proposed *rejected)
{
	struct baton_run_call *call = tools_add(run);
	struct baton_buf json = { NULL, 0, 0 };

	if (!call)
		return;
	call->id = keep(run, baton_str_of(rejected->call));
	call->name = keep(run, rejected->tool);
	call->arguments = keep(run, rejected->arguments);
	call->given = run_veiled_json(run, BATON_AT_TOOL_ARGS, call->arguments, BATON_STR(""));
	call->key = keep(run, baton_str_of(rejected->key));
	baton_buf_z(&json, "{\"error\":\"declined\",\"why\":");
	baton_buf_json(&json, rejected->reason.n ? rejected->reason
						 : BATON_STR("a colleague has decided against it"));
	baton_buf_z(&json, "}");
	call->shown = run_veiled(run, run_keep_buf(run, &json));
	call->declined = true;
}

/* This turn may have been begun before, and a person may have decided on what an earlier one
 * wanted. */
void tools_remember(struct baton_run *run)
{
	const struct baton_calls *calls = &run->session->calls;

	for (size_t i = 0; i < calls->n_called; i++) {
		const struct baton_called *called = &calls->called[i];

		if (called->over > 0 &&
		    (called->turn == run->turn || (called->proposal > 0 && !called->told)))
			add_called(run, called);
	}
	for (size_t i = 0; i < calls->n_proposed; i++)
		if (calls->proposed[i].leave == BATON_LEAVE_REJECTED && !calls->proposed[i].told)
			add_rejected(run, &calls->proposed[i]);
}

/* The same call, and it is over. What has failed and may be tried again is none. */
const struct baton_run_call *tools_known(const struct baton_run *run,
					 const struct baton_run_call *call)
{
	for (size_t i = 0; i < run->tools.n; i++) {
		const struct baton_run_call *other = &run->calls[i];
		bool same = other != call && other->shown.n > 0 && other->key.n > 0 &&
			    (baton_str_eq(other->key, call->key) ||
			     (other->round == 0 && baton_str_eq(other->name, call->name) &&
			      baton_str_eq(other->arguments, call->arguments)));

		if (same && (other->ok || other->declined ||
			     (call->tool->writes && !call->tool->idempotent)))
			return other;
	}
	return NULL;
}

/* --- refusals --- */

/* On record as a guard's, because that is what it is. */
static void note_refused(struct baton_run *run, const struct baton_run_call *call, const char *type,
			 const char *why)
{
	baton_str excerpt = baton_str_clip(baton_str_of(why), EXCERPT_BYTES);

	run_note(run, BATON_EV_GUARD_HIT)->guard_hit = (struct baton_ev_guard_hit){
		.turn = run->turn,
		.guard = BATON_STR("core"),
		.at = BATON_STR("tool_args"),
		.action = BATON_STR("block"),
		.type = baton_str_of(type),
		.rule = BATON_STR("core.tools"),
		.subject = call->name,
		.excerpt = keep(run, excerpt),
		.confidence_ppm = 1000000,
	};
	run->ops->count(run->ud, BATON_METRIC_TOOLS_REFUSED, 1);
}

static struct then refuse(struct baton_run *run, struct baton_run_call *call, const char *type,
			  const char *why)
{
	if (!run_room_for_notes(run))
		return done();
	note_refused(run, call, type, why);
	call->shown = run_call_error(run, type, why);
	return go_on(BATON_STEP_TOOLS);
}

/* --- may it be called? --- */

bool run_tools_offered(const struct baton_run *run)
{
	return run->purpose == BATON_PURPOSE_ANSWER && run->route && run->route->n_tools > 0 &&
	       run->choice.target && run->choice.target->tools && !run->choice.tools_off &&
	       !run->planning && !run->plan_failed;
}

static const struct baton_tool_def *offered(const struct baton_run *run, baton_str name)
{
	for (size_t i = 0; run_tools_offered(run) && i < run->route->n_tools; i++)
		if (baton_str_is(name, run->route->tools[i]->name))
			return run->route->tools[i];
	return NULL;
}

static bool is_unattended(const struct baton_run *run, const struct baton_tool_def *tool)
{
	const struct baton_class *class_ = run->route->class_;

	for (size_t i = 0; class_ && i < class_->n_unattended; i++)
		if (strcmp(class_->unattended[i], tool->name) == 0)
			return true;
	return false;
}

/* Why a person is to be asked; NULL: nobody is. */
const char *tools_need_leave(const struct baton_run *run, const struct baton_tool_def *tool)
{
	if (run->route->class_ && run->route->class_->approve_all)
		return "each call of this kind of work needs a person's leave";
	if (tool->writes && run_guard_suspects(run))
		return "something in the conversation reads like instructions to the model";
	if (tool->approval && !is_unattended(run, tool))
		return "this call needs a person's leave";
	return NULL;
}

static baton_str bound_value(const struct baton_run *run, const char *from)
{
	const struct baton_session *session = run->session;

	if (strcmp(from, "customer") == 0) /* the signed one alone */
		return baton_str_of(session->verified ? session->customer : "");
	if (strcmp(from, "customer_tier") == 0)
		return baton_str_of(session->verified ? session->customer_tier : "");
	if (strcmp(from, "session") == 0)
		return baton_str_of(run->session_id);
	return baton_str_of(session->locale);
}

/* The arguments with what the server sets, in one spelling. What a model says under a bound
 * name is gone: of two members the last one counts. False: the server does not know one that
 * the tool needs. */
static bool bind(struct baton_run *run, struct baton_run_call *call)
{
	const struct baton_tool_def *tool = call->tool;
	struct baton_buf text = { NULL, 0, 0 }, canon = { NULL, 0, 0 };
	struct baton_json object;
	bool known_all = true;

	baton_buf_str(&text, call->arguments);
	for (size_t i = 0; i < tool->n_binds; i++) {
		baton_str value = bound_value(run, tool->binds[i].from);

		known_all = known_all && (value.n > 0 || !tool->binds[i].required);
		text.n--; /* the closing brace: it is an object in one spelling */
		baton_buf_z(&text, text.n > 1 ? "," : "");
		baton_buf_json(&text, baton_str_of(tool->binds[i].argument));
		baton_buf_z(&text, ":");
		baton_buf_json(&text, value);
		baton_buf_z(&text, "}");
	}
	if (baton_json_parse(baton_buf_view(&text), &object) == 0)
		baton_json_canon(&object, &canon);
	baton_buf_done(&text);
	call->arguments = run_keep_buf(run, &canon);
	return known_all;
}

void tools_name(struct baton_run *run, struct baton_run_call *call)
{
	struct baton_buf key = { NULL, 0, 0 };

	baton_buf_printf(&key, "%s/%llu/", run->session_id, (unsigned long long)run->turn);
	baton_buf_str(&key, call->name);
	baton_buf_z(&key, "/");
	baton_buf_str(&key, call->arguments);
	XXH128_hash_t hash = XXH3_128bits(key.p, key.n);
	baton_buf_reset(&key);
	baton_buf_printf(&key, "%016llx%016llx", (unsigned long long)hash.high64,
			 (unsigned long long)hash.low64);
	call->key = run_keep_buf(run, &key);
}

/* Unique in the session: the seq grows with each record, and within one the place in the list. */
void tools_number(struct baton_run *run, struct baton_run_call *call)
{
	struct baton_buf id = { NULL, 0, 0 };

	baton_buf_printf(&id, "call_%llu_%zu", (unsigned long long)run->session->seq,
			 (size_t)(call - run->calls));
	call->id = run_keep_buf(run, &id);
}

/* `given` as the tool would get it; NULL: nothing speaks against that. */
static const char *find_objection(struct baton_run *run, struct baton_run_call *call, char *why,
				  size_t cap)
{
	struct baton_json object;
	struct baton_buf canon = { NULL, 0, 0 };

	if (run->tools.round > run->route->tool_rounds)
		return "too_many_rounds";
	if (run->tools.n_called >= BATON_TOOL_CALLS_MAX)
		return "too_many_calls";
	if (call->given.n > BATON_TOOL_ARGS_BYTES_MAX ||
	    baton_json_parse(call->given, &object) < 0 || object.type != BATON_JSON_OBJECT)
		return "bad_arguments";
	if (call->tool->verified && !run->session->verified)
		return "not_verified";
	if (!run_guard_args(run, call->tool, call->given, &call->arguments))
		return "not_allowed";
	/* A guard may have spelled it anew. */
	if (baton_json_parse(call->arguments, &object) < 0 || object.type != BATON_JSON_OBJECT)
		return "not_allowed";
	baton_json_canon(&object, &canon);
	call->arguments = run_keep_buf(run, &canon);
	if (baton_json_schema_fits(baton_str_of(call->tool->arguments_json), call->arguments,
				   "arguments", why, cap) < 0)
		return "bad_arguments";
	if (!bind(run, call))
		return "not_verified";
	return baton_json_schema_fits(baton_str_of(call->tool->schema_json), call->arguments,
				      "arguments", why, cap) < 0
		       ? "bad_arguments"
		       : NULL;
}

/* Looked at once: guards note what they find. There is room for that. */
const char *tools_objection(struct baton_run *run, struct baton_run_call *call, char *why,
			    size_t cap)
{
	why[0] = '\0';
	if (!call->looked_at)
		call->objection = find_objection(run, call, why, cap);
	call->looked_at = true;
	return call->objection;
}

/* --- leave --- */

static void propose(struct baton_run *run, const struct baton_run_call *call, const char *reason)
{
	run_note(run, BATON_EV_TOOL_PROPOSED)->tool_proposed = (struct baton_ev_tool_proposed){
		.turn = run->turn,
		.upto = run->turn,
		.call = call->id,
		.tool = call->name,
		.title = baton_str_of(call->tool->title),
		.arguments = call->arguments,
		.key = call->key,
		.reason = baton_str_of(reason),
		.target = baton_str_of(run->choice.target ? run->choice.target->name : "policy"),
	};
	run->ops->count(run->ud, BATON_METRIC_TOOLS_PROPOSED, 1);
}

static struct then wait_for_leave(struct baton_run *run)
{
	run->tools.at = run->tools.n;
	run->told = baton_str_of(run->policy->say_approval);
	return run_hand_over(run, "core.tool_approval",
			     "what the assistant wants to do needs a person's leave");
}

struct then tools_propose(struct baton_run *run, const struct baton_run_call *call)
{
	const char *reason = tools_need_leave(run, call->tool);

	if (!run_room_for_notes(run))
		return done();
	propose(run, call, reason ? reason : "the route leaves it to a person");
	return wait_for_leave(run);
}

/* A person looks at this call, and at all others of the round that need one. */
static struct then ask_for_leave(struct baton_run *run, struct baton_run_call *call)
{
	size_t n = 0;
	char why[200];

	for (; call < run->calls + run->tools.n && n < BATON_PROPOSALS_OPEN_MAX; call++) {
		const char *reason;

		call->tool = offered(run, call->name);
		if (!run_room_for_notes(run))
			return done();
		if (!call->tool || tools_objection(run, call, why, sizeof(why)) ||
		    !run_plan_allows(run, call->name))
			continue;
		reason = tools_need_leave(run, call->tool);
		tools_name(run, call);
		if (!reason || tools_known(run, call))
			continue;
		if (!run_room_for_notes(run))
			return done();
		tools_number(run, call);
		propose(run, call, reason);
		n++;
	}
	return wait_for_leave(run);
}

/* --- the steps --- */

/* A tool of Baton's own: the plan changes, and nothing else. */
static struct then change_plan(struct baton_run *run, struct baton_run_call *call)
{
	struct baton_buf told = { NULL, 0, 0 };

	if (!run_room_for_notes(run))
		return done();
	run_plan_update(run, call->given, &told);
	call->shown = run_keep_buf(run, &told);
	return go_on(BATON_STEP_TOOLS);
}

static struct then take_call(struct baton_run *run, struct baton_run_call *call)
{
	char why[200];
	const char *no;

	tools_number(run, call);
	if (run_tools_offered(run) && run->plan.version > 0 &&
	    baton_str_is(call->name, BATON_PLAN_TOOL))
		return change_plan(run, call);
	call->tool = offered(run, call->name);
	if (!call->tool) {
		struct then then =
			refuse(run, call, "unauthorised_tool", "there is no such tool here");

		if (then.verb == DONE || ++run->tools.n_forbidden < FORBIDDEN_MAX)
			return then;
		return run_hand_over(run, "core.tool_abuse",
				     "the model asked again for what it was not offered");
	}
	if (!run_room_for_notes(run))
		return done();
	no = tools_objection(run, call, why, sizeof(why));
	if (run_guard_down(run))
		return run_guard_refused(run);
	if (!no && !run_plan_allows(run, call->name))
		no = "not_in_plan";
	if (no)
		return refuse(run, call, no, why);
	tools_name(run, call);
	const struct baton_run_call *before = tools_known(run, call);
	if (before) {
		call->shown = before->shown;
		call->ok = before->ok;
		return go_on(BATON_STEP_TOOLS);
	}
	if (tools_need_leave(run, call->tool))
		return ask_for_leave(run, call);
	return run_call(run, call, BATON_STEP_TOOLS);
}

/* --- what the next model is shown --- */

baton_str tools_list(struct baton_run *run)
{
	struct baton_buf json = { NULL, 0, 0 };

	if (run->route->n_tools == 0)
		return BATON_STR("");
	for (size_t i = 0; i < run->route->n_tools; i++) {
		const struct baton_tool_def *tool = run->route->tools[i];

		baton_buf_z(&json, i ? ",{\"name\":" : "[{\"name\":");
		baton_buf_json(&json, baton_str_of(tool->name));
		baton_buf_z(&json, ",\"description\":");
		baton_buf_json(&json, baton_str_of(tool->description));
		baton_buf_z(&json, ",\"parameters\":");
		baton_buf_z(&json, tool->arguments_json);
		baton_buf_z(&json, "}");
	}
	if (run->route->plan) {
		baton_buf_z(&json, ",");
		run_plan_tool_json(run, &json);
	}
	baton_buf_z(&json, "]");
	return run_keep_buf(run, &json);
}

static bool is_object(baton_str json)
{
	return json.n > 1 && json.p[0] == '{';
}

/* The calls of one round, as the bot's message that wanted them. */
static bool add_asking(struct baton_run *run, unsigned round)
{
	struct baton_buf parts = { NULL, 0, 0 };

	for (size_t i = 0; i < run->tools.n; i++) {
		const struct baton_run_call *call = &run->calls[i];

		if (call->round != round || call->shown.n == 0)
			continue;
		baton_buf_z(&parts, parts.n ? ",{\"id\":" : "[{\"id\":");
		baton_buf_json(&parts, call->id);
		baton_buf_z(&parts, ",\"name\":");
		baton_buf_json(&parts, call->name);
		baton_buf_z(&parts, ",\"arguments\":");
		baton_buf_str(&parts, is_object(call->given) ? call->given : BATON_STR("{}"));
		baton_buf_z(&parts, "}");
	}
	if (parts.n == 0)
		return false;
	baton_buf_z(&parts, "]");
	run_prompt_add(run, &(baton_msg){ .role = BATON_ROLE_BOT,
					  .text = run->tools.said[round],
					  .parts_json = baton_buf_view(&parts) });
	baton_buf_done(&parts);
	return true;
}

/* Round by round: who asked, and what came of each. */
struct then tools_show(struct baton_run *run)
{
	run->n_more = 0;
	for (unsigned round = 0; round <= run->tools.round; round++) {
		if (!add_asking(run, round))
			continue;
		for (size_t i = 0; i < run->tools.n; i++) {
			const struct baton_run_call *call = &run->calls[i];

			if (call->round == round && call->shown.n > 0)
				run_prompt_add(run, &(baton_msg){ .role = BATON_ROLE_TOOL,
								  .text = call->shown,
								  .name = call->name,
								  .tool_call_id = call->id });
		}
	}
	return go_on(BATON_STEP_ASK);
}

struct then step_tools(struct baton_run *run)
{
	if (run->tools.at < run->tools.n)
		return take_call(run, &run->calls[run->tools.at++]);
	return tools_show(run);
}

const struct baton_target *run_tools_again(const struct baton_run *run)
{
	const struct baton_attempt *last =
		run->n_attempts > 0 ? &run->attempts[run->n_attempts - 1] : NULL;

	return run->tools.round > 0 && last && !last->failed ? last->target : NULL;
}

size_t run_failed_attempts(const struct baton_run *run, struct baton_attempt *to)
{
	size_t n = 0;

	for (size_t i = 0; i < run->n_attempts; i++)
		if (run->attempts[i].failed)
			to[n++] = run->attempts[i];
	return n;
}
