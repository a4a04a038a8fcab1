/* SPDX-License-Identifier: Apache-2.0 */

/* One call of a tool. That it is made is on record, durable, before it is made; its end is on
 * record before anything is built on it. So whoever finds the one without the other knows that
 * it may have happened.
 *
 * record -> CALL (wait until that is durable, then ask) -> CALLED (wait) -> record the end ->
 * back
 */

#include "core/turn/inside.h"

#include "core/base/errors.h"
#include "core/observe/metrics.h"
#include "core/policy/json_schema.h"
#include "core/turn/guard.h"

#include <stdio.h>

enum { USEFUL_MS_MIN = 500 }; /* less time is no second try */

/* How a call ended. */
struct end {
	bool ok, no, doubt, cached;
	baton_str json, code, message;
	uint32_t tries, http_status;
};

baton_str run_call_error(struct baton_run *run, const char *code, const char *why)
{
	struct baton_buf json = { NULL, 0, 0 };

	baton_buf_z(&json, "{\"error\":");
	baton_buf_json(&json, baton_str_of(code));
	if (why && why[0]) {
		baton_buf_z(&json, ",\"why\":");
		baton_buf_json(&json, baton_str_of(why));
	}
	baton_buf_z(&json, "}");
	return run_keep_buf(run, &json);
}

/* What the model is told; a customer's provider without a model reads the same. */
static baton_str shown(struct baton_run *run, const struct end *end)
{
	struct baton_buf json = { NULL, 0, 0 };

	if (end->ok && !end->no)
		return end->json;
	baton_buf_z(&json, "{\"error\":");
	baton_buf_json(&json, end->code);
	if (end->ok && end->json.n > 0 && !baton_str_is(end->json, "null")) {
		baton_buf_z(&json, ",\"answer\":");
		baton_buf_str(&json, end->json);
	}
	baton_buf_z(&json, "}");
	return run_keep_buf(run, &json);
}

static baton_str code_or(baton_str code, const char *otherwise)
{
	return code.n > 0 ? code : baton_str_of(otherwise);
}

/* --- the end --- */

static uint64_t took_us(const struct baton_run *run)
{
	return (run->ops->now_ns(run->ud) - run->tools.invoked_ns) / 1000;
}

static void count_end(struct baton_run *run, const struct end *end)
{
	static const unsigned metrics[] = {
		[BATON_TOOL_ANSWERED] = BATON_METRIC_TOOLS_OK,
		[BATON_TOOL_DECLINED] = BATON_METRIC_TOOLS_NO,
		[BATON_TOOL_FAILED] = BATON_METRIC_TOOLS_FAILED,
		[BATON_TOOL_IN_DOUBT] = BATON_METRIC_TOOLS_IN_DOUBT,
	};
	enum baton_tool_end how = end->doubt ? BATON_TOOL_IN_DOUBT
				  : !end->ok ? BATON_TOOL_FAILED
				  : end->no  ? BATON_TOOL_DECLINED
					     : BATON_TOOL_ANSWERED;
	struct baton_now now;

	run->ops->count(run->ud, metrics[how], 1);
	struct baton_board *board = run->ops->board(run->ud, &now);
	baton_board_tool(board, run->tools.call->name, how,
			 run->tools.invoked ? took_us(run) : BATON_TOOL_NOT_ASKED);
	run->ops->board_done(run->ud);
	if (run->tools.invoked)
		run->ops->observe(run->ud, BATON_HIST_TOOL, took_us(run));
}

static struct then finish(struct baton_run *run, const struct end *end)
{
	struct baton_run_call *call = run->tools.call;

	if (!run_room_for_notes(run))
		return done();
	run_note(run, BATON_EV_TOOL_FINISHED)->tool_finished = (struct baton_ev_tool_finished){
		.turn = run->turn,
		.call = call->id,
		.ok = end->ok,
		.tool = call->name,
		.result = end->json,
		.code = end->code,
		.message = baton_str_clip(end->message, 500),
		.total_ms = run->tools.invoked ? took_us(run) / 1000 : 0,
		.tries = end->tries,
		.cached = end->cached,
		.http_status = end->http_status,
	};
	count_end(run, end);
	call->ok = end->ok;
	if (end->ok && end->code.n > 0)
		run->tools.no = end->code;
	call->shown = shown(run, end);
	if (run->purpose == BATON_PURPOSE_ANSWER && run_room_for_notes(run))
		call->shown = run_veiled_json(run, BATON_AT_TOOL_RESULT, call->shown, call->name);
	run->tools.n_failed += !end->ok;
	run->tools.in_doubt |= end->doubt;
	run->tools.call = NULL;
	run->tools.invoked = false;
	if (run_flush_notes(run) < 0)
		return done();
	if (end->doubt && run->purpose == BATON_PURPOSE_ANSWER)
		return run_hand_over(run, "core.tool_in_doubt",
				     "nobody knows whether a call of a tool has had its effect");
	if (run->purpose == BATON_PURPOSE_ANSWER && run_guard_down(run))
		return run_guard_refused(run);
	return go_on(run->tools.back);
}

static struct end failed(const char *code, const char *message)
{
	return (struct end){ .code = baton_str_of(code), .message = baton_str_of(message) };
}

/* It was asked for, and no answer says that nothing has happened. Of what only looks up it is
 * enough to say that there is no answer. */
static struct end unknown_end(const struct baton_run *run, baton_str code, baton_str message)
{
	bool doubt = !run->tools.call->tool || run->tools.call->tool->writes;

	return (struct end){ .doubt = doubt,
			     .code = doubt ? BATON_STR("in_doubt") : code,
			     .message = message };
}

struct then run_call_over(struct baton_run *run, struct baton_run_call *call, const char *code,
			  enum baton_step back)
{
	struct end end = failed(code, "");

	run->tools.call = call;
	run->tools.back = back;
	run->tools.invoked = false;
	end.doubt = baton_str_is(end.code, "in_doubt");
	return finish(run, &end);
}

/* --- what came --- */

static struct end judge_result(struct baton_run *run)
{
	const baton_tool_result *result = run->result;
	const struct baton_tool_def *tool = run->tools.call->tool;
	baton_str json = result->json.n > 0 ? result->json : BATON_STR("null");
	bool no = (result->flags & BATON_TOOL_NO) != 0;
	char why[200] = "";
	struct baton_json any;
	struct end end = { .ok = true,
			   .no = no,
			   .cached = (result->flags & BATON_TOOL_CACHED) != 0,
			   .json = json,
			   .code = no ? code_or(result->code, "no") : BATON_STR(""),
			   .tries = result->tries,
			   .http_status = result->http_status };
	int rc = BATON_OK;

	if (json.n > BATON_TOOL_RESULT_BYTES_MAX)
		rc = BATON_E_TOO_BIG;
	else if (no) /* the schema is that of an answer */
		rc = baton_json_parse(json, &any);
	else
		rc = baton_json_schema_fits(baton_str_of(tool->result_json), json, "result", why,
					    sizeof(why));
	if (rc == BATON_OK)
		return end;
	/* What wrote has written, whatever it says about it. */
	end = unknown_end(
		run, rc == BATON_E_TOO_BIG ? BATON_STR("too_long") : BATON_STR("bad_result"),
		(baton_str){ baton_arena_dup(&run->arena, why, strlen(why)), strlen(why) });
	end.tries = result->tries;
	end.http_status = result->http_status;
	return end;
}

static struct end judge_failure(const struct baton_run *run)
{
	const baton_error *error = &run->tools.error;
	baton_str code = code_or(error->code, "failed");
	struct end end = { .code = code, .message = error->message };

	if (error->flags & BATON_ERROR_IN_DOUBT)
		end = unknown_end(run, code, error->message);
	end.http_status = error->http_status;
	end.tries = 1;
	return end;
}

/* --- asking --- */

static uint64_t call_left_ms(const struct baton_run *run)
{
	uint64_t now_ns = run->ops->now_ns(run->ud);

	return now_ns < run->tools.until_ns ? (run->tools.until_ns - now_ns) / BATON_NS_PER_MS : 0;
}

static void limit_time(struct baton_run *run, uint64_t ms)
{
	uint64_t until_ns = run->ops->now_ns(run->ud) + ms * BATON_NS_PER_MS;

	/* A turn has a time of its own; what an agent has approved has its own alone. */
	run->tools.until_ns =
		run->purpose == BATON_PURPOSE_TOOL ? until_ns : least(until_ns, run->deadline_ns);
}

static struct then invoke(struct baton_run *run)
{
	struct baton_run_call *call = run->tools.call;
	const struct baton_tool_def *tool = call->tool;
	baton_turn *view = baton_arena_alloc(&run->arena, sizeof(*view));

	limit_time(run, tool->timeout_ms);
	baton_run_view(run, view);
	view->msgs = NULL;
	view->n_msgs = 0;
	view->deadline_ns = run->tools.until_ns;
	view->flags = run->shadow ? BATON_TURN_SHADOW : 0;
	run->heard_end = run->heard_fail = false;
	run->result = NULL;
	run->tools.error = (baton_error){ .size = sizeof(baton_error) };
	run->tools.invoked = true;
	run->tools.invoked_ns = run->ops->now_ns(run->ud);
	run->ticket = run->ops->ticket(run->ud, run);
	int rc = run->ops->invoke(run->ud, run, tool->module,
				  &(baton_tool_req){
					  .size = sizeof(baton_tool_req),
					  .flags = (tool->writes ? BATON_TOOL_WRITES : 0) |
						   (tool->idempotent ? BATON_TOOL_IDEMPOTENT : 0) |
						   (run->shadow ? BATON_TOOL_SHADOW : 0),
					  .turn = view,
					  .name = baton_str_of(tool->name),
					  .args_json = call->arguments,
					  .idempotency_key = call->key,
				  });
	if (rc < 0) { /* it was not started: nothing has happened */
		struct end end = failed("module", "the tool's module did not start");

		run->ticket = 0;
		return finish(run, &end);
	}
	return go_on(BATON_STEP_CALLED);
}

/* Durable, or it is not made. */
struct then step_call(struct baton_run *run)
{
	if (run->detached) {
		struct end end = failed("cancelled", "");

		return finish(run, &end);
	}
	if (run->ops->durable(run->ud, run, run->tools.record_seq))
		return invoke(run);
	if (call_left_ms(run) == 0) {
		struct end end = failed("not_recorded", "it was not on disk in time, and not made");

		return finish(run, &end);
	}
	return wait_for(BATON_STEP_CALL, call_left_ms(run));
}

/* The same key once more, if twice is once. */
static bool may_ask_again(const struct baton_run *run, const struct end *end)
{
	const struct baton_tool_def *tool = run->tools.call->tool;

	return end->doubt && tool->idempotent && !run->tools.again && !run->detached &&
	       (run->purpose == BATON_PURPOSE_TOOL || run_left_ms(run) >= USEFUL_MS_MIN);
}

static struct then heard(struct baton_run *run, const struct end *end)
{
	if (may_ask_again(run, end)) {
		run->tools.again = true;
		return invoke(run);
	}
	return finish(run, end);
}

struct then step_called(struct baton_run *run)
{
	struct end end;

	if (run->heard_fail) {
		end = judge_failure(run);
		return heard(run, &end);
	}
	if (run->heard_end) {
		end = run->result ? judge_result(run)
				  : unknown_end(run, BATON_STR("no_result"), BATON_STR(""));
		return heard(run, &end);
	}
	/* What only looks up is of no use to anybody any more. */
	bool useless = run->detached && !run->tools.call->tool->writes;
	if (!useless && call_left_ms(run) > 0)
		return wait_for(BATON_STEP_CALLED, call_left_ms(run));
	run_give_up_waiting(run);
	end = useless ? failed("cancelled", "")
		      : unknown_end(run, BATON_STR("timeout"), BATON_STR("no answer in time"));
	return heard(run, &end);
}

/* --- the record --- */

static void note_called(struct baton_run *run, const struct baton_run_call *call)
{
	run_note(run, BATON_EV_TOOL_CALLED)->tool_called = (struct baton_ev_tool_called){
		.turn = run->turn,
		.call = call->id,
		.title = baton_str_of(call->tool->title),
		.tool = call->name,
		.arguments = call->arguments,
		.key = call->key,
		.writes = call->tool->writes,
		.round = call->round,
		.proposal = call->proposal,
	};
}

static void begin(struct baton_run *run, struct baton_run_call *call, enum baton_step back)
{
	run->tools.call = call;
	run->tools.back = back;
	run->tools.invoked = run->tools.again = false;
	limit_time(run, BATON_TURN_TOTAL_MS);
}

struct then run_call(struct baton_run *run, struct baton_run_call *call, enum baton_step back)
{
	if (!run_room_for_notes(run))
		return done();
	begin(run, call, back);
	note_called(run, call);
	run->tools.n_called++;
	run->ops->count(run->ud, BATON_METRIC_TOOLS_CALLED, 1);
	if (run->shadow && call->tool->writes) {
		struct end end = { .ok = true, .json = BATON_STR("{\"shadow\":true}") };

		return finish(run, &end);
	}
	if (run_flush_notes(run) < 0)
		return done();
	run->tools.record_seq = run->session->seq;
	return go_on(BATON_STEP_CALL);
}

/* On record with its end, in one: it is not made. */
struct then run_call_void(struct baton_run *run, struct baton_run_call *call, const char *code,
			  enum baton_step back)
{
	if (!run_room_for_notes(run))
		return done();
	note_called(run, call);
	return run_call_over(run, call, code, back);
}

struct then run_call_again(struct baton_run *run, struct baton_run_call *call, enum baton_step back)
{
	begin(run, call, back);
	run->tools.again = true; /* this is it */
	run->tools.record_seq = run->session->seq;
	return go_on(BATON_STEP_CALL);
}

/* --- a turn that is void with a call under way --- */

uint64_t baton_run_awaits(const struct baton_run *run)
{
	return !run->done && run->step == BATON_STEP_CALL ? run->tools.record_seq : 0;
}

bool baton_run_owes(const struct baton_run *run)
{
	return !run->done && run->tools.call != NULL;
}

void baton_run_detach(struct baton_run *run)
{
	run->detached = true;
	run->purpose = BATON_PURPOSE_TOOL;
	run->n_notes = 0;
	run->tools.back = BATON_STEP_SETTLE;
	if (run->tools.invoked)
		limit_time(run, run->tools.call->tool->timeout_ms);
	run->ops->count(run->ud, BATON_METRIC_TURNS_CANCELLED, 1);
	run->ops->wait(run->ud, run, 1);
}
