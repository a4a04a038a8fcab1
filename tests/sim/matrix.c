/* SPDX-License-Identifier: Apache-2.0 */

/* Five scenarios, fourteen faults of the primary, three classes of work: 210 conversations, each of
 * which must end as its policy declares. The table of what is declared is written down here once
 * more, on purpose: it shares nothing with core/route.
 */

#include "tests/sim/sim.h"

#include "core/base/errors.h"
#include "core/base/json.h"

#include <stdio.h>
#include <stdlib.h>

enum { CELL_MESSAGES_MAX = 4, MESSAGE_GAP_S = 45, AFTER_S = 60 };

/* What the primary does, and what that means for one question. */
enum meaning { RECOVERS, DOWN, REFUSES };
static const struct fault {
	const char *name, *code;
	enum meaning meaning;
	uint32_t fail, scope;
	unsigned times; /* so often, then it is well again; 0: for ever */
	uint32_t retry_after_ms;
	unsigned words; /* said before it fails */
	bool hangs, empty;
} faults[CELL_FAULTS] = {
	{ "refuses the connection", "connect", DOWN, BATON_FAIL_CONNECT, BATON_SCOPE_PROVIDER, 0, 0,
	  0, false, false },
	{ "limits the rate once, with a hint", "rate_limited", RECOVERS, BATON_FAIL_RATE_LIMITED,
	  BATON_SCOPE_MODEL, 1, 400, 0, false, false },
	{ "limits the rate for ever", "rate_limited", DOWN, BATON_FAIL_RATE_LIMITED,
	  BATON_SCOPE_MODEL, 0, 0, 0, false, false },
	{ "fails once", "server", RECOVERS, BATON_FAIL_UNAVAILABLE, BATON_SCOPE_PROVIDER, 1, 0, 0,
	  false, false },
	{ "is overloaded for ever", "overloaded", DOWN, BATON_FAIL_OVERLOADED, BATON_SCOPE_PROVIDER,
	  0, 0, 0, false, false },
	{ "has no credit left", "quota", DOWN, BATON_FAIL_QUOTA, BATON_SCOPE_ACCOUNT, 0, 0, 0,
	  false, false },
	{ "does not know the key", "access", DOWN, BATON_FAIL_ACCESS, BATON_SCOPE_ACCOUNT, 0, 0, 0,
	  false, false },
	{ "has lost the model", "model_gone", DOWN, BATON_FAIL_MODEL_GONE, BATON_SCOPE_MODEL, 0, 0,
	  0, false, false },
	{ "never says a word", "first_token_timeout", DOWN, 0, 0, 0, 0, 0, true, false },
	{ "breaks off in mid-answer", "truncated", DOWN, BATON_FAIL_TRUNCATED, BATON_SCOPE_PROVIDER,
	  0, 0, 4, false, false },
	{ "falls silent in mid-answer", "stall", DOWN, 0, 0, 0, 0, 4, true, false },
	{ "says nothing at all", "empty", DOWN, 0, 0, 0, 0, 0, false, true },
	{ "sends garbage", "protocol", DOWN, BATON_FAIL_BAD_OUTPUT, BATON_SCOPE_PROVIDER, 0, 0, 0,
	  false, false },
	{ "refuses on grounds of content", "refused", REFUSES, BATON_FAIL_REFUSED,
	  BATON_SCOPE_REQUEST, 0, 0, 0, false, false },
};

/* What the customer asks, and at which message the rules of the scenario want a person. */
static const struct scenario {
	const char *name, *tier;
	unsigned messages, person_at; /* 1-based; 0: never */
} scenarios[CELL_SCENARIOS] = {
	{ "policy escalation", "", 2, 1 },
	{ "billing dispute", "", 3, 2 },
	{ "account access", "", 3, 3 },
	{ "several steps of troubleshooting", "", 4, 4 },
	{ "a customer who counts more", "vip", 3, 2 },
};

enum outcome { ANSWERED_BY_MAIN, ANSWERED_BY_BACKUP, DRAFT, PERSON };
static const char *const outcome_names[] = { "answered by the primary", "answered by the fallback",
					     "a draft that a person approves", "a person" };
static const struct class_row {
	const char *intent, *name;
	enum outcome when_down;
} classes[CELL_CLASSES] = {
	{ "default", "may fall back", ANSWERED_BY_BACKUP },
	{ "money", "must not be downgraded", PERSON },
	{ "shipping", "must be reviewed", DRAFT },
};

static enum outcome declared(const struct cell *cell, unsigned message)
{
	if (scenarios[cell->scenario].person_at == message)
		return PERSON;
	switch (faults[cell->fault].meaning) {
	case RECOVERS:
		return ANSWERED_BY_MAIN;
	case REFUSES:
		return PERSON;
	case DOWN:
		break;
	}
	return classes[cell->class_].when_down;
}

/* --- what the modules do in a cell; asked by models.c --- */

const char *cell_intent(const struct cell *cell)
{
	return classes[cell->class_].intent;
}

bool cell_wants_person(const struct cell *cell)
{
	return scenarios[cell->scenario].person_at == cell->messages;
}

bool cell_fault(struct cell *cell, const char *provider, struct cell_call *ret)
{
	const struct fault *fault = &faults[cell->fault];

	if (strcmp(provider, "main") != 0)
		return false;
	cell->asked_main++;
	if (fault->times > 0 && cell->asked_main > fault->times)
		return false;
	*ret = (struct cell_call){ .fail = fault->fail,
				   .scope = fault->scope,
				   .code = fault->code,
				   .retry_after_ms = fault->retry_after_ms,
				   .words = fault->words,
				   .fails = !fault->hangs && !fault->empty,
				   .hangs = fault->hangs,
				   .empty = fault->empty };
	return true;
}

/* --- one conversation --- */

static void write_message(struct sim *sim)
{
	struct customer *customer = &sim->customers[0];
	struct message *message = &customer->messages[customer->n_messages++];

	sim->cell->messages++;
	snprintf(message->id, sizeof(message->id), "m%u", sim->cell->messages);
	snprintf(message->text, sizeof(message->text), "Question %u", sim->cell->messages);
	server_command(sim, &customer->session, 0,
		       &(struct baton_command){ .verb = BATON_CMD_MESSAGE,
						.role = BATON_CUSTOMER,
						.client_id = baton_str_of(message->id),
						.text = baton_str_of(message->text),
						.customer_tier = baton_str_of(
							scenarios[sim->cell->scenario].tier) });
}

static void run_for(struct sim *sim, uint64_t seconds)
{
	uint64_t until_ns = sim->now_ns + seconds * 1000 * MS;

	while (sim->n_due > 0 && sim->heap[0].at_ns <= until_ns)
		sim_step(sim);
	sim->now_ns = until_ns;
}

static baton_str field(const struct stored *stored, const char *key)
{
	struct baton_json object;

	if (baton_json_parse(stored->payload, &object) < 0)
		return BATON_STR("");
	return baton_json_get(&object, key).raw;
}

/* The outcome that the transcript shows behind `after`. */
static bool found(const struct log *log, size_t after, enum outcome *ret, bool *ret_failed)
{
	bool any = false;

	*ret_failed = false;
	for (size_t i = after; i < log->n; i++) {
		const struct stored *record = &log->records[i];

		if (record->type == BATON_EV_MODEL_FAILED)
			*ret_failed = true;
		if (record->type == BATON_EV_ANSWER_GENERATED)
			*ret = baton_str_is(field(record, "target"), "\"main\"")
				       ? ANSWERED_BY_MAIN
				       : ANSWERED_BY_BACKUP;
		else if (record->type == BATON_EV_DRAFT_PROPOSED)
			*ret = DRAFT;
		else if (record->type == BATON_EV_CASE_QUEUED && !any)
			*ret = PERSON;
		else
			continue;
		any = true;
	}
	return any;
}

static bool cell_wrong(const struct sim *sim, unsigned message, const char *was)
{
	const struct cell *cell = sim->cell;

	fprintf(stderr, "not ok - %s, the primary %s, class %s, message %u: %s instead of %s\n",
		scenarios[cell->scenario].name, faults[cell->fault].name,
		classes[cell->class_].name, message, was, outcome_names[declared(cell, message)]);
	return false;
}

static bool converse(struct sim *sim)
{
	const struct scenario *scenario = &scenarios[sim->cell->scenario];
	struct customer *customer = &sim->customers[0];

	for (unsigned i = 1; i <= scenario->messages; i++) {
		struct log *log = store_log(sim, &customer->session);
		size_t before = log ? log->n : 0;
		enum outcome outcome = PERSON;
		bool failed;

		write_message(sim);
		run_for(sim, MESSAGE_GAP_S);
		log = store_log(sim, &customer->session);
		if (!log || !found(log, before, &outcome, &failed))
			return cell_wrong(sim, i, "nothing");
		if (outcome != declared(sim->cell, i))
			return cell_wrong(sim, i, outcome_names[outcome]);
		if (!customer->messages[i - 1].stored)
			return cell_wrong(sim, i, "a lost message");
		if (log->owner != BATON_OWNER_BOT)
			return true; /* from here on it is a person's */
	}
	return true;
}

static bool run_cell(struct sim *sim, struct cell *cell)
{
	sim_begin(sim, 1 + cell->scenario + 7 * cell->fault + 131 * cell->class_, cell);
	struct customer *customer = &sim->customers[0];
	customer->sim = sim;
	customer->session = (struct baton_id){ { 7 } };
	customer->messages = baton_alloc(CELL_MESSAGES_MAX * sizeof(*customer->messages));
	server_start(sim);
	bool ok = converse(sim);
	run_for(sim, ok ? AFTER_S : 0);
	sim_end(sim);
	return ok;
}

int run_matrix(void)
{
	static struct sim sim;
	unsigned cells = 0, good = 0;

	for (unsigned scenario = 0; scenario < CELL_SCENARIOS; scenario++)
		for (unsigned fault = 0; fault < CELL_FAULTS; fault++)
			for (unsigned class_ = 0; class_ < CELL_CLASSES; class_++) {
				struct cell cell = { .scenario = scenario,
						     .fault = fault,
						     .class_ = class_ };

				cells++;
				good += run_cell(&sim, &cell);
			}
	printf("%s - %u of %u cells end as their policy declares\n",
	       good == cells ? "ok" : "not ok", good, cells);
	return good == cells ? 0 : 1;
}
