/* SPDX-License-Identifier: Apache-2.0 */

/* Calls; see visit.h. What comes of each try is in verdict.c.
 *
 * A visit that writes is `in doubt` from the moment its request leaves until something shows that
 * the server did not act on it. Whatever ends the visit in between says so.
 */
#include "verdict.h"

#include <stdio.h>
#include <stdlib.h>

enum {
	LIST_YOUNG_MS = 30000, /* a tool that is not in a list of this age is not there */
	PAUSE_MS = 200,        /* before the second try; doubled for each further one */
	SLACK_MS = 1000,       /* our own clock is to be the first that runs out */
	CHECK_MS = 15000,
	NS_PER_MS = 1000000,
};

static void go(struct visit *visit);

/* --- the end ------------------------------------------------------------------------------ */

static void visit_free(struct visit *visit)
{
	const struct module_inst *inst = visit->inst;

	exchange_stop(&visit->exchange);
	if (visit->clock)
		(void)inst->host->timer_stop(inst->ctx, visit->clock);
	if (visit->pause)
		(void)inst->host->timer_stop(inst->ctx, visit->pause);
	if (visit->prev)
		visit->prev->next = visit->next;
	else
		visit->inst->visits = visit->next;
	if (visit->next)
		visit->next->prev = visit->prev;
	text_done(&visit->args);
	text_done(&visit->inputs);
	free(visit);
}

void visit_fail(struct visit *visit, const struct failing *failing)
{
	const struct module_inst *inst = visit->inst;
	const baton_error error = {
		.size = sizeof(error),
		.fail = failing->fail,
		.http_status = failing->status,
		.retry_after_ms = failing->retry_after_ms,
		.code = str_z(failing->code),
		.message = str_z(failing->why),
		.scope = failing->scope,
		.flags = visit->writes && visit->doubt ? BATON_ERROR_IN_DOUBT : 0u,
	};

	(void)inst->host->fail(inst->ctx, visit->call, &error);
	visit_free(visit);
}

void visit_end(struct visit *visit, const struct answer *answer, uint32_t status)
{
	const struct module_inst *inst = visit->inst;
	const baton_tool_result result = {
		.size = sizeof(result),
		.flags = answer->kind == ANSWER_NO ? BATON_TOOL_NO : 0u,
		.json = text_view(&answer->json),
		.code = str_z(answer->kind == ANSWER_NO ? "tool_error" : ""),
		.http_status = status,
		.tries = visit->tries,
	};

	(void)inst->host->result(inst->ctx, visit->call, BATON_RESULT_TOOL, &result,
				 sizeof(result));
	(void)inst->host->end(inst->ctx, visit->call, BATON_END_STOP);
	visit_free(visit);
}

/* An old server goes on working when a connection ends, unless it is told. */
static void give_notice(struct visit *visit)
{
	struct text body = { 0 }, params = { 0 };
	struct server *server = visit->server;
	struct outcome ignored;

	text_z(&params, "\"requestId\":");
	text_u64(&params, exchange_id(visit->exchange));
	text_z(&params, ",\"reason\":\"nobody waits for it any more\"");
	const struct frame_ask frame = { .method = "notifications/cancelled",
					 .version = server->version,
					 .software = visit->inst->host->version,
					 .params = text_view(&params) };
	frame_write(&body, &frame);
	const struct exchange_ask ask = { .kind = EXCHANGE_NOTICE,
					  .method = frame.method,
					  .version = server->version,
					  .body = &body,
					  .total_ms = server->set->total_ms,
					  .done = verdict_ignore };
	(void)exchange_start(server, &ask, &ignored);
	text_done(&body);
	text_done(&params);
}

static void give_up(struct visit *visit, uint32_t fail, const char *code, const char *why)
{
	const struct failing failing = {
		.fail = fail, .scope = BATON_SCOPE_REQUEST, .code = code, .why = why
	};

	if (visit->exchange) {
		visit->doubt = true;
		if (visit->server->era == ERA_LEGACY)
			give_notice(visit);
	}
	visit_fail(visit, &failing);
}

void visit_cancel(struct visit *visit)
{
	give_up(visit, BATON_FAIL_CANCELLED, "cancelled", "cancelled");
}

static void on_clock(void *user)
{
	struct visit *visit = user;

	visit->clock = 0;
	give_up(visit, BATON_FAIL_TOTAL, "timeout", "the server has not answered in time");
}

/* --- one try ------------------------------------------------------------------------------ */

uint64_t visit_left_ms(const struct visit *visit)
{
	uint64_t now = visit->inst->host->now_ns(visit->inst->ctx);

	return visit->until_ns > now ? (visit->until_ns - now) / NS_PER_MS : 0;
}

static void params_write(const struct visit *visit, struct text *to)
{
	text_z(to, "\"name\":");
	text_json(to, str_z(visit->set->remote));
	text_z(to, ",\"arguments\":");
	text_add(to, visit->args.p, visit->args.n);
	text_add(to, visit->inputs.p, visit->inputs.n);
}

static void extra_lines(const struct visit *visit, const struct entry *entry, struct text *to)
{
	if (visit->server->era == ERA_MODERN)
		(void)catalogue_mirror(entry, text_view(&visit->args), to);
	if (visit->writes && visit->key[0]) {
		text_z(to, "Idempotency-Key: ");
		text_z(to, visit->key);
		text_add(to, "", 1);
	}
}

static void ask_server(struct visit *visit, const struct entry *entry)
{
	struct text params = { 0 }, body = { 0 }, lines = { 0 };
	struct server *server = visit->server;
	struct outcome outcome;

	params_write(visit, &params);
	extra_lines(visit, entry, &lines);
	const struct frame_ask frame = { .id = ++server->next_id,
					 .method = "tools/call",
					 .version = server->version,
					 .software = visit->inst->host->version,
					 .elicitation = server->set->elicit,
					 .params = text_view(&params) };
	frame_write(&body, &frame);
	body.failed = body.failed || params.failed || lines.failed;
	const struct exchange_ask ask = { .kind = EXCHANGE_ASK,
					  .id = frame.id,
					  .method = frame.method,
					  .version = server->version,
					  .name = visit->set->remote,
					  .lines = &lines,
					  .body = &body,
					  .once = visit->writes && !visit->idempotent,
					  .may_accept = server->set->elicit && !visit->writes,
					  .total_ms = (uint32_t)visit_left_ms(visit) + SLACK_MS,
					  .done = verdict_take,
					  .user = visit };
	visit->tries++;
	visit->exchange = exchange_start(server, &ask, &outcome);
	text_done(&params);
	text_done(&lines);
	text_done(&body);
	if (!visit->exchange)
		verdict_take(visit, &outcome);
}

static void on_pause(void *user)
{
	struct visit *visit = user;

	visit->pause = 0;
	go(visit);
}

bool visit_again(struct visit *visit, uint32_t after_ms)
{
	const struct module_inst *inst = visit->inst;
	unsigned doubled = visit->tries < 5 ? visit->tries : 5;
	uint32_t ms = after_ms ? after_ms : (uint32_t)PAUSE_MS << doubled;

	if (visit->pause || ms >= visit_left_ms(visit))
		return false;
	inst->host->count(inst->ctx, "retries", 1);
	return inst->host->timer(inst->ctx, ms, on_pause, visit, &visit->pause) == BATON_OK;
}

/* --- waiting for the server --------------------------------------------------------------- */

void visit_wait(struct visit *visit)
{
	visit->waiting = true;
	if (visit->server->stage == STAGE_READY)
		server_relist(visit->server);
	else
		server_open(visit->server); /* the visit may be gone when this returns */
}

static void tool_missing(struct visit *visit, const struct entry *entry)
{
	const struct failing failing = {
		.fail = BATON_FAIL_BAD_REQUEST,
		.scope = BATON_SCOPE_REQUEST,
		.code = entry && entry->there ? "bad_definition" : "unknown_tool",
		.why = entry && entry->bad ? entry->bad : "the server has no tool of this name",
	};

	if (!visit->relisted && server_list_age_ms(visit->server) > LIST_YOUNG_MS) {
		visit->relisted = true;
		visit_wait(visit);
		return;
	}
	visit_fail(visit, &failing);
}

/* Servers one after the other; then the tools of all. */
static void check_go(struct visit *visit)
{
	struct module_inst *inst = visit->inst;
	unsigned next = (unsigned)(visit->server - inst->servers) + 1;
	unsigned good = 0;

	if (next < inst->settings.n_servers) {
		visit->server = &inst->servers[next];
		visit_wait(visit);
		return;
	}
	for (unsigned i = 0; i < inst->settings.n_servers; i++)
		for (unsigned k = 0; k < inst->servers[i].list.n; k++)
			good += !inst->servers[i].list.entries[k].bad;
	if (good == 0 && inst->settings.n_tools) {
		const struct failing failing = { .fail = BATON_FAIL_BAD_REQUEST,
						 .code = "unknown_tool",
						 .why = "none of the declared tools is there" };
		visit_fail(visit, &failing);
		return;
	}
	(void)inst->host->end(inst->ctx, visit->call, BATON_END_STOP);
	visit_free(visit);
}

static void go(struct visit *visit)
{
	struct server *server = visit->server;

	if (!visit->set) {
		check_go(visit);
		return;
	}
	if (server->stage != STAGE_READY) {
		visit_wait(visit);
		return;
	}
	const struct entry *entry = catalogue_find(&server->list, visit->set);
	if (!entry || entry->bad) {
		tool_missing(visit, entry);
		return;
	}
	ask_server(visit, entry);
}

/* Who waits now is called one by one; who waits again meanwhile is not called twice. */
static struct visit *called_next(struct server *server)
{
	for (struct visit *visit = server->inst->visits; visit; visit = visit->next)
		if (visit->called && visit->server == server) {
			visit->called = visit->waiting = false;
			return visit;
		}
	return NULL;
}

static void call_all(struct server *server)
{
	for (struct visit *visit = server->inst->visits; visit; visit = visit->next)
		if (visit->waiting && visit->server == server)
			visit->called = true;
}

bool visits_write(const struct server *server)
{
	for (const struct visit *visit = server->inst->visits; visit; visit = visit->next)
		if (visit->server == server && visit->writes && visit->exchange)
			return true;
	return false;
}

void visits_ready(struct server *server)
{
	struct visit *visit;

	call_all(server);
	while ((visit = called_next(server)))
		go(visit);
}

void visits_refused(struct server *server, const struct outcome *outcome)
{
	struct visit *visit;

	call_all(server);
	while ((visit = called_next(server)))
		verdict_unopened(visit, outcome);
}

/* --- the beginning ------------------------------------------------------------------------ */

static struct visit *visit_new(struct module_inst *inst, baton_call call, uint32_t ms)
{
	struct visit *visit = calloc(1, sizeof(*visit));

	if (!visit)
		return NULL;
	visit->inst = inst;
	visit->call = call;
	visit->server = inst->servers;
	visit->next = inst->visits;
	if (visit->next)
		visit->next->prev = visit;
	inst->visits = visit;
	visit->until_ns = inst->host->now_ns(inst->ctx) + (uint64_t)ms * NS_PER_MS;
	if (inst->host->timer(inst->ctx, ms, on_clock, visit, &visit->clock) != BATON_OK ||
	    inst->host->call_set(inst->ctx, call, visit) != BATON_OK) {
		visit_free(visit);
		return NULL;
	}
	return visit;
}

int32_t visit_check(struct module_inst *inst, baton_call call)
{
	struct visit *visit = visit_new(inst, call, CHECK_MS);

	if (!visit)
		return BATON_E_NOMEM;
	visit_wait(visit);
	return BATON_OK;
}

/* The arguments with what the operator sets and the key: "{" ours "," theirs "}". */
static void args_write(struct visit *visit, const baton_tool_req *req)
{
	struct scan scan = scan_of(req->args_json);
	struct text *to = &visit->args;
	bool more = visit->set->fixed[0];

	text_z(to, "{");
	text_z(to, visit->set->fixed);
	if (visit->set->key) {
		text_z(to, more ? "," : "");
		text_json(to, str_z(visit->set->key));
		text_z(to, ":");
		text_json(to, req->idempotency_key);
		more = true;
	}
	scan_expect(&scan, '{');
	if (scan_peek(&scan) == '}') {
		text_z(to, "}");
	} else {
		text_z(to, more ? "," : "");
		text_add(to, scan.at, (size_t)(scan.end - scan.at));
	}
	if (scan.bad)
		to->failed = true;
}

/* As a header may carry it. */
static void key_take(struct visit *visit, baton_str key)
{
	if (key.n == 0 || key.n >= sizeof(visit->key))
		return;
	for (size_t i = 0; i < key.n; i++)
		if (key.p[i] <= ' ' || key.p[i] > '~' || key.p[i] == '{')
			return;
	memcpy(visit->key, key.p, key.n);
	visit->key[key.n] = '\0';
}

static void end_shadow(struct visit *visit)
{
	struct answer answer = { .kind = ANSWER_YES };

	text_z(&answer.json, "{\"shadow\":true}");
	visit_end(visit, &answer, 0);
	answer_done(&answer);
}

int32_t visit_invoke(struct module_inst *inst, baton_call call, const baton_tool_req *req)
{
	const struct tool_set *set = settings_tool(&inst->settings, req->name);

	if (!set)
		return BATON_E_NOTFOUND;
	const struct server_set *server = &inst->settings.servers[set->server];
	struct visit *visit =
		visit_new(inst, call, set->timeout_ms ? set->timeout_ms : server->total_ms);
	if (!visit)
		return BATON_E_NOMEM;
	visit->set = set;
	visit->server = &inst->servers[set->server];
	/* Whoever says that it writes is believed. */
	visit->writes = set->writes || (req->flags & BATON_TOOL_WRITES);
	visit->idempotent = set->idempotent && (req->flags & BATON_TOOL_IDEMPOTENT);
	args_write(visit, req);
	key_take(visit, req->idempotency_key);
	if (visit->args.failed) {
		visit_free(visit);
		return BATON_E_INVAL;
	}
	if (visit->writes && (req->flags & BATON_TOOL_SHADOW)) {
		end_shadow(visit);
		return BATON_OK;
	}
	inst->host->count(inst->ctx, "calls", 1);
	if (visit->server->stage == STAGE_READY)
		server_look(visit->server);
	go(visit);
	return BATON_OK;
}
