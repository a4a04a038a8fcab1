/* SPDX-License-Identifier: Apache-2.0 */

/* Calls of any kind: that they end, once, whatever is done to them on the way. */
#include "core/check/inside.h"

#include "core/base/errors.h"

enum { MANY = 100, STEPS_MAX = 400, BUSY = 20, PRESSURE_ROUNDS = 2000 };

void baton_check_start_end(struct baton_try *trial)
{
	baton_call call;
	if (!baton_try_open_learned(trial))
		return;
	int32_t rc = baton_try_begin(trial, trial->host, trial->inst, 0, &call);
	const baton_heard *heard = baton_testhost_heard(trial->host, call);
	if (rc < 0) {
		baton_try_note(trial, "the usual call is refused with %d", rc);
		return;
	}
	bool at_once = !heard->open;
	if (!baton_testhost_run(trial->host, call, trial->call_ms))
		baton_try_fail(trial, "the call has no end after five minutes");
	baton_try_note(trial, "%s, %s%s%s", at_once ? "at once" : "later",
		       heard->ended ? "well" : "failed: ",
		       heard->ended ? "" : baton_try_fail_name(heard->error.fail),
		       trial->wire ? trial->wire->name : "");
	/* Long after the end nothing more may be said. */
	baton_try_idle(trial, trial->host);
}

void baton_check_many(struct baton_try *trial)
{
	baton_call calls[MANY];
	unsigned refused = 0;
	if (!baton_try_open_learned(trial))
		return;
	for (unsigned i = 0; i < MANY; i++) {
		int32_t rc = baton_try_begin(trial, trial->host, trial->inst, i, &calls[i]);
		refused += rc < 0;
		if (rc < 0 && rc != BATON_E_AGAIN && rc != BATON_E_LIMIT && trial->text)
			baton_try_fail(trial, "call %u is refused with %d", i + 1, rc);
	}
	for (unsigned i = 0; i < MANY; i++) {
		const baton_heard *heard = baton_testhost_heard(trial->host, calls[i]);
		(void)baton_testhost_run(trial->host, calls[i], trial->call_ms);
		if (heard->started >= 0 && !baton_try_right(trial, heard))
			return;
	}
	if (refused > 0)
		baton_try_note(trial, "%u of %d at once were refused", refused, MANY);
}

/* --- cancelling ---------------------------------------------------------------------------- */

/* One call, cancelled after `steps` things have happened. false: it had ended before that. */
static bool cancel_after(struct baton_try *trial, unsigned steps, uint32_t why)
{
	baton_call call;
	baton_try_step(trial, "cancel after %u steps", steps);
	if (baton_try_begin(trial, trial->host, trial->inst, steps, &call) < 0)
		return false;
	const baton_heard *heard = baton_testhost_heard(trial->host, call);
	for (unsigned i = 0; i < steps && heard->open; i++)
		baton_testhost_step(trial->host);
	if (!heard->open)
		return false;
	baton_testhost_cancel(trial->host, call, why);
	baton_testhost_advance(trial->host, 251);
	if (heard->open)
		baton_try_fail(trial, "cancelled after %u steps it is still open", steps);
	return true;
}

void baton_check_cancel(struct baton_try *trial)
{
	unsigned steps = 0;
	if (!baton_try_open_learned(trial))
		return;
	while (steps < STEPS_MAX && trial->fails == 0 &&
	       cancel_after(trial, steps, steps % (BATON_CANCEL_SHUTDOWN + 1)))
		steps++;
	if (steps == 0)
		baton_try_note(trial, "a call ends before it could be cancelled");
	else
		baton_try_note(trial, "cancelled at %u moments", steps);
	/* A reason of tomorrow is reason 0. */
	(void)cancel_after(trial, 0, 4711);
	if (trial->fails == 0)
		(void)baton_try_usual(trial, trial->host, trial->inst, 1);
	if (baton_testhost_pending(trial->host, trial->inst) > 0)
		baton_try_idle(trial, trial->host);
}

void baton_check_deadline(struct baton_try *trial)
{
	baton_prompt prompt;
	baton_turn turn;
	baton_msg msg;
	baton_call call;
	if (!baton_try_open_learned(trial))
		return;
	if (baton_try_is(trial, "transcript")) {
		baton_try_skip(trial, "entries have no deadline");
		return;
	}
	baton_try_prompt(&prompt, &turn, &msg, "Where is my order?");
	turn.deadline_ns = baton_testhost_now_ns(trial->host) - 1;
	turn.first_delta_ns = turn.deadline_ns;
	int32_t rc;
	const baton_query query = {
		.size = sizeof(query), .k = 1, .turn = &turn, .text = BATON_STR("order")
	};
	const baton_tool_req req = { .size = sizeof(req),
				     .turn = &turn,
				     .name = baton_str_of(trial->tool.name),
				     .args_json = baton_str_of(trial->tool.args),
				     .idempotency_key = BATON_STR("check-key-late") };
	if (baton_try_is(trial, "provider"))
		rc = baton_testhost_generate(trial->host, trial->inst, &prompt, &call);
	else if (baton_try_is(trial, "classifier"))
		rc = baton_testhost_classify(trial->host, trial->inst, &turn, &call);
	else if (baton_try_is(trial, "tool"))
		rc = baton_testhost_invoke(trial->host, trial->inst, &req, &call);
	else
		rc = baton_testhost_search(trial->host, trial->inst, &query, &call);
	if (rc >= 0 && !baton_testhost_run(trial->host, call, trial->call_ms))
		baton_try_fail(trial, "it has no end");
}

void baton_check_destroy_busy(struct baton_try *trial)
{
	baton_call call;
	if (!baton_try_open_learned(trial))
		return;
	for (unsigned round = 0; round < BUSY && trial->fails == 0; round++) {
		uint32_t inst;
		if (!baton_try_instance(trial, trial->host, &inst))
			return;
		baton_try_step(trial, "destroy with calls open, %u steps in", round);
		for (unsigned i = 0; i < 4; i++)
			(void)baton_try_begin(trial, trial->host, inst, i, &call);
		for (unsigned i = 0; i < round; i++)
			baton_testhost_step(trial->host);
		baton_testhost_destroy(trial->host, inst);
		if (baton_testhost_breach(trial->host, BATON_TESTHOST_BREACH_LEFTOVER) > 0)
			return;
	}
	(void)baton_try_usual(trial, trial->host, trial->inst, 0);
}

/* --- a host that refuses ------------------------------------------------------------------- */

static void fault_run(struct baton_try *trial, uint32_t what, const char *name, unsigned nth,
		      int32_t rc)
{
	baton_call call;
	baton_try_step(trial, "%s number %u answers %d", name, nth, rc);
	baton_testhost_fault(trial->host, what, nth, rc);
	int32_t started = baton_try_begin(trial, trial->host, trial->inst, nth, &call);
	if (started >= 0 && !baton_testhost_run(trial->host, call, trial->call_ms))
		baton_try_fail(trial, "%s number %u answers %d, and the call has no end", name, nth,
			       rc);
	baton_testhost_fault(trial->host, what, 0, 0);
}

void baton_check_faults(struct baton_try *trial)
{
	static const struct {
		uint32_t what;
		const char *name;
		int32_t rc;
	} faults[] = {
		{ BATON_TESTHOST_TIMER, "timer()", BATON_E_LIMIT },
		{ BATON_TESTHOST_JOB, "job()", BATON_E_LIMIT },
		{ BATON_TESTHOST_POST, "post()", BATON_E_STATE },
		{ BATON_TESTHOST_HTTP, "http()", BATON_E_LIMIT },
		{ BATON_TESTHOST_HTTP, "http()", BATON_E_DENIED },
		{ BATON_TESTHOST_HTTP, "http()", BATON_E_NOTFOUND },
		{ BATON_TESTHOST_KV, "kv", BATON_E_IO },
		{ BATON_TESTHOST_RANDOM, "random()", BATON_E_IO },
	};
	if (!baton_try_open_learned(trial))
		return;
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
		for (unsigned nth = 1; nth <= 4 && trial->fails == 0; nth++)
			fault_run(trial, faults[i].what, faults[i].name, nth, faults[i].rc);
	if (trial->fails == 0)
		(void)baton_try_usual(trial, trial->host, trial->inst, 7);
}

/* --- back-pressure ------------------------------------------------------------------------- */

void baton_check_pressure(struct baton_try *trial)
{
	baton_call call;
	if (!baton_try_open_learned(trial))
		return;
	if (!trial->text) {
		baton_try_skip(trial, "its answer to anything is a failure");
		return;
	}
	baton_testhost_first_credit(trial->host, 1);
	if (baton_try_begin(trial, trial->host, trial->inst, 0, &call) < 0)
		return;
	const baton_heard *heard = baton_testhost_heard(trial->host, call);
	for (unsigned rounds = 0; heard->open && rounds < PRESSURE_ROUNDS; rounds++) {
		uint32_t before = rounds == 0 ? 0 : heard->n_again;
		for (unsigned i = 0; heard->open && heard->n_again == before && i < STEPS_MAX; i++)
			if (!baton_testhost_step(trial->host))
				break;
		baton_testhost_credit(trial->host, call, 1);
	}
	if (heard->open) {
		baton_try_fail(trial,
			       "after BATON_E_AGAIN and resume() it does not go on; said so far: "
			       "\"%.80s\"",
			       heard->text);
		return;
	}
	if (heard->n_again == 0)
		baton_try_note(trial, "it said everything before it could be held back");
	(void)baton_try_right(trial, heard);
	/* Held back, then cancelled. */
	if (baton_try_begin(trial, trial->host, trial->inst, 1, &call) < 0)
		return;
	baton_testhost_advance(trial->host, 1000);
	baton_testhost_cancel(trial->host, call, BATON_CANCEL_USER);
	baton_testhost_advance(trial->host, 300);
}

void baton_check_gone(struct baton_try *trial)
{
	if (!baton_try_open_learned(trial))
		return;
	for (unsigned nth = 1; nth <= 8 && trial->fails == 0; nth++) {
		baton_call call;
		baton_try_step(trial, "delta() number %u answers BATON_E_STALE", nth);
		baton_testhost_fault(trial->host, BATON_TESTHOST_DELTA, nth, BATON_E_STALE);
		if (baton_try_begin(trial, trial->host, trial->inst, nth, &call) < 0)
			return;
		(void)baton_testhost_run(trial->host, call, trial->call_ms);
		baton_testhost_advance(trial->host, 1000);
	}
	baton_testhost_fault(trial->host, BATON_TESTHOST_DELTA, 0, 0);
	/* Whatever it still has running must end by itself: nobody asks any more. */
	baton_try_idle(trial, trial->host);
	if (baton_testhost_pending(trial->host, trial->inst) > 0)
		baton_try_fail(trial, "%u timers, requests or watches of calls that are gone",
			       baton_testhost_pending(trial->host, trial->inst));
}
