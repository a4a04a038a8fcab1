/* SPDX-License-Identifier: Apache-2.0 */

/* What the end of a try means: an answer, another try, or a failure, and whether the server can
 * have acted. Words of a server stand in no failure of a call: they may repeat a customer's. */
#include "verdict.h"

#include <stdio.h>

enum {
	TRIES_MAX = 3,
	ROUNDS_MAX = 8, /* how often a server may ask before it answers */
	ROUND_MS = 200,
	RPC_PARSE = -32700,
	RPC_INVALID = -32600,
	RPC_NO_METHOD = -32601,
	RPC_BAD_PARAMS = -32602,
	RPC_HEADERS = -32020,
	RPC_CAPABILITY = -32021,
	RPC_VERSION = -32022,
	RPC_OLD_URL = -32042, /* of 2025-11-25: somebody is to open an address first */
};

void verdict_ignore(void *user, const struct outcome *outcome)
{
	(void)user;
	(void)outcome;
}

/* --- statuses ----------------------------------------------------------------------------- */

struct meaning {
	uint32_t from, to; /* statuses */
	uint32_t fail, scope;
	const char *code;
	bool again; /* it may be otherwise in a moment */
	bool acted; /* the server may have begun */
};

static const struct meaning meanings[] = {
	{ 300, 399, BATON_FAIL_BAD_REQUEST, BATON_SCOPE_PROVIDER, "redirect", false, false },
	{ 401, 401, BATON_FAIL_ACCESS, BATON_SCOPE_ACCOUNT, "unauthorized", false, false },
	{ 403, 403, BATON_FAIL_ACCESS, BATON_SCOPE_ACCOUNT, "forbidden", false, false },
	{ 402, 402, BATON_FAIL_QUOTA, BATON_SCOPE_ACCOUNT, "quota", false, false },
	{ 408, 408, BATON_FAIL_TIMEOUT, BATON_SCOPE_MODEL, "timeout", true, true },
	{ 413, 413, BATON_FAIL_TOO_LONG, BATON_SCOPE_REQUEST, "too_long", false, false },
	{ 429, 429, BATON_FAIL_RATE_LIMITED, BATON_SCOPE_MODEL, "rate_limited", true, false },
	{ 400, 499, BATON_FAIL_BAD_REQUEST, BATON_SCOPE_REQUEST, "bad_request", false, false },
	{ 503, 503, BATON_FAIL_OVERLOADED, BATON_SCOPE_MODEL, "overloaded", true, true },
	{ 529, 529, BATON_FAIL_OVERLOADED, BATON_SCOPE_MODEL, "overloaded", true, true },
	{ 504, 504, BATON_FAIL_TIMEOUT, BATON_SCOPE_MODEL, "timeout", true, true },
	{ 500, 599, BATON_FAIL_UNAVAILABLE, BATON_SCOPE_MODEL, "unavailable", true, true },
	{ 0, UINT32_MAX, BATON_FAIL_BAD_OUTPUT, BATON_SCOPE_MODEL, "no_answer", false, true },
};

static const struct meaning *meaning_of(uint32_t status)
{
	const struct meaning *meaning = meanings;

	while (status < meaning->from || status > meaning->to)
		meaning++;
	return meaning;
}

static bool harmless(const struct visit *visit)
{
	return !visit->writes || visit->idempotent;
}

static void fail_status(struct visit *visit, const struct outcome *outcome)
{
	const struct meaning *meaning = meaning_of(outcome->status);
	char why[VISIT_WHY];

	(void)snprintf(why, sizeof(why), "HTTP %u", (unsigned)outcome->status);
	const struct failing failing = { .fail = meaning->fail,
					 .scope = meaning->scope,
					 .status = outcome->status,
					 .retry_after_ms = outcome->retry_after_ms,
					 .code = meaning->code,
					 .why = why };
	visit_fail(visit, &failing);
}

static void take_status(struct visit *visit, const struct outcome *outcome)
{
	const struct meaning *meaning = meaning_of(outcome->status);

	visit->doubt = visit->doubt || meaning->acted;
	if (meaning->again && harmless(visit) && visit->tries < TRIES_MAX &&
	    visit_again(visit, outcome->retry_after_ms))
		return;
	fail_status(visit, outcome);
}

/* --- a server that has forgotten us ------------------------------------------------------- */

/* Statuses with which a server refuses a session, or a protocol, that it does not know (any more).
 * Nothing was done then, so it may be said again even by a visit that writes. */
static bool is_lost(const struct visit *visit, const struct outcome *outcome)
{
	bool told = outcome->kind == OUTCOME_ERROR;
	uint32_t status = outcome->status;
	bool session = visit->server->era == ERA_LEGACY && visit->server->session[0];

	if (told && outcome->frame.code == RPC_VERSION)
		return true;
	if (status != 400 && status != 404 && status != 405)
		return false;
	if (session)
		return status == 404 || !told || outcome->frame.code > RPC_BAD_PARAMS;
	return visit->server->era == ERA_MODERN && !told &&
	       visit->server->set->protocol == PROTOCOL_AUTO;
}

static bool reopen(struct visit *visit, const struct outcome *outcome)
{
	const struct module_inst *inst = visit->inst;
	bool session = outcome->status == 404 && visit->server->era == ERA_LEGACY;

	if (visit->reopened || !is_lost(visit, outcome))
		return false;
	visit->reopened = true;
	inst->host->count(inst->ctx, "reopened", 1);
	server_reset(visit->server, !session);
	visit_wait(visit);
	return true;
}

/* --- errors of the server ----------------------------------------------------------------- */

static void fail_error(struct visit *visit, const struct outcome *outcome, uint32_t fail,
		       const char *code)
{
	char why[VISIT_WHY];

	(void)snprintf(why, sizeof(why), "error %lld", (long long)outcome->frame.code);
	const struct failing failing = { .fail = fail,
					 .scope = BATON_SCOPE_REQUEST,
					 .status = outcome->status,
					 .retry_after_ms = outcome->retry_after_ms,
					 .code = code,
					 .why = why };
	visit_fail(visit, &failing);
}

static void take_error(struct visit *visit, const struct outcome *outcome)
{
	bool busy = outcome->status == 429 || outcome->status >= 500;

	switch (outcome->frame.code) {
	case RPC_HEADERS: /* the list that we have is not the one that it has */
		if (!visit->relisted) {
			visit->relisted = true;
			visit_wait(visit);
			return;
		}
		fail_error(visit, outcome, BATON_FAIL_BAD_REQUEST, "header_mismatch");
		return;
	case RPC_CAPABILITY:
	case RPC_OLD_URL:
		fail_error(visit, outcome, BATON_FAIL_REFUSED, "input_required");
		return;
	case RPC_BAD_PARAMS:
	case RPC_NO_METHOD:
		visit->server->list_stale = true;
		fail_error(visit, outcome, BATON_FAIL_BAD_REQUEST, "invalid_params");
		return;
	case RPC_PARSE:
	case RPC_INVALID:
	case RPC_VERSION:
		fail_error(visit, outcome, BATON_FAIL_BAD_REQUEST, "invalid_request");
		return;
	default:
		break;
	}
	if (busy) {
		take_status(visit, outcome);
		return;
	}
	visit->doubt = visit->doubt || meaning_of(outcome->status)->acted;
	fail_error(visit, outcome, BATON_FAIL_UNAVAILABLE, "server_error");
}

/* --- answers ------------------------------------------------------------------------------ */

static void fail_as(struct visit *visit, uint32_t fail, const char *code, const char *why)
{
	const struct failing failing = {
		.fail = fail, .scope = BATON_SCOPE_MODEL, .code = code, .why = why
	};

	visit_fail(visit, &failing);
}

/* The request as such is over: what comes now is another one, with what the server wanted. */
static void take_question(struct visit *visit, baton_str result)
{
	bool defaults = visit->server->set->elicit && !visit->writes;

	visit->inputs.n = 0;
	if (visit->rounds++ < ROUNDS_MAX && answer_inputs(&visit->inputs, result, defaults) &&
	    visit_again(visit, visit->rounds == 1 ? 1 : ROUND_MS * visit->rounds)) {
		visit->tries--; /* it has gone on, and not back to the beginning */
		return;
	}
	fail_as(visit, BATON_FAIL_REFUSED, "input_required",
		"the server wants to know something before it goes on");
}

static void take_result(struct visit *visit, const struct outcome *outcome)
{
	struct answer answer;

	answer_read(&answer, outcome->frame.result, visit->set->wants_json);
	switch (answer.kind) {
	case ANSWER_YES:
	case ANSWER_NO:
		visit_end(visit, &answer, outcome->status);
		break;
	case ANSWER_ASKS:
		take_question(visit, outcome->frame.result);
		break;
	case ANSWER_TOO_BIG:
		visit->doubt = true;
		fail_as(visit, BATON_FAIL_BAD_OUTPUT, "too_big",
			"the result is larger than 64 KiB");
		break;
	case ANSWER_BAD:
		visit->doubt = true;
		fail_as(visit, BATON_FAIL_BAD_OUTPUT, "bad_result", "the result is none of a tool");
		break;
	}
	answer_done(&answer);
}

static void fail_outcome(struct visit *visit, const struct outcome *outcome)
{
	const struct failing failing = {
		.fail = outcome->fail,
		.scope = outcome->kind == OUTCOME_REFUSED ? BATON_SCOPE_REQUEST : BATON_SCOPE_MODEL,
		.status = outcome->status,
		.code = outcome->code,
		.why = outcome->why,
	};

	visit_fail(visit, &failing);
}

void verdict_take(void *user, const struct outcome *outcome)
{
	struct visit *visit = user;

	visit->exchange = NULL;
	if ((outcome->kind == OUTCOME_ERROR || outcome->kind == OUTCOME_STATUS) &&
	    reopen(visit, outcome))
		return;
	switch (outcome->kind) {
	case OUTCOME_RESULT:
		take_result(visit, outcome);
		return;
	case OUTCOME_ERROR:
		take_error(visit, outcome);
		return;
	case OUTCOME_STATUS:
		take_status(visit, outcome);
		return;
	case OUTCOME_LOST:
		visit->doubt = true;
		if (harmless(visit) && visit->tries < TRIES_MAX && visit_again(visit, 0))
			return;
		break;
	case OUTCOME_UNSENT:
		if (outcome->fail == BATON_FAIL_CONNECT && visit->tries < TRIES_MAX &&
		    visit_again(visit, 0))
			return;
		break;
	case OUTCOME_BAD:
		visit->doubt = true;
		break;
	case OUTCOME_REFUSED:
		break;
	}
	fail_outcome(visit, outcome);
}

/* Nothing of the call itself has left us. What servers say here is about versions and sessions. */
void verdict_unopened(struct visit *visit, const struct outcome *outcome)
{
	const struct meaning *meaning = meaning_of(outcome->status);
	bool told = outcome->kind == OUTCOME_ERROR || outcome->kind == OUTCOME_STATUS;
	const struct failing failing = {
		.fail = told ? meaning->fail : outcome->fail,
		.scope = told ? meaning->scope : BATON_SCOPE_PROVIDER,
		.status = outcome->status,
		.retry_after_ms = outcome->retry_after_ms,
		.code = told ? meaning->code : outcome->code,
		.why = visit->server->why,
	};

	visit_fail(visit, &failing);
}
