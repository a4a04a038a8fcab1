/* SPDX-License-Identifier: Apache-2.0 */

/* Opening a server; see server.h.
 *
 *   auto     server/discover -- it knows it --> tools/list
 *                            -- it does not --> initialize, notifications/initialized, tools/list
 *
 * The probe is server/discover and not tools/list, as an old server might answer the latter without
 * having understood a word. Every step is one exchange; the first that fails is the opening's end.
 */
#include "server.h"

#include "visit.h"

#include <stdio.h>
#include <stdlib.h>

enum {
	RPC_NO_METHOD = -32601,
	RPC_BAD_PARAMS = -32602,
	RPC_HEADERS = -32020,
	RPC_CAPABILITY = -32021,
	RPC_VERSION = -32022,
	LIST_MS = 600000, /* a list is looked at again after this, if the server does not say */
	LIST_LEAST_MS = 60000,
	LIST_MOST_MS = 3600000,
	LISTEN_MS = 600000, /* then another connection takes its place */
	NS_PER_MS = 1000000,
};

static void list_begin(struct server *server);
static void initialize(struct server *server, const char *version);
static void discover(struct server *server);

bool server_error_is_modern(int64_t code)
{
	return code == RPC_HEADERS || code == RPC_CAPABILITY || code == RPC_VERSION;
}

static void say(const struct server *server, uint32_t level, const char *text)
{
	char line[SERVER_WHY + 200];
	int n = snprintf(line, sizeof(line), "%s: %s", server->set->url, text);

	if (n > 0)
		server->inst->host->log(server->inst->ctx, level,
					(baton_str){ line, strlen(line) });
}

/* --- the end of an opening ---------------------------------------------------------------- */

static void opened(struct server *server)
{
	server->stage = STAGE_READY;
	server->why[0] = '\0';
	visits_ready(server);
}

/* What the server says here is about versions and sessions, not about customers. */
static void why_write(struct server *server, const char *step, const struct outcome *outcome)
{
	char words[100] = "";

	if (outcome->kind == OUTCOME_ERROR) {
		scan_copy(outcome->frame.message, words, sizeof(words));
		(void)snprintf(server->why, sizeof(server->why), "%s: error %lld: %s", step,
			       (long long)outcome->frame.code, words);
	} else if (outcome->kind == OUTCOME_STATUS) {
		(void)snprintf(server->why, sizeof(server->why), "%s: HTTP %u", step,
			       (unsigned)outcome->status);
	} else {
		(void)snprintf(server->why, sizeof(server->why), "%s: %s", step,
			       outcome->why ? outcome->why : "an answer that MCP does not know");
	}
}

static void refused(struct server *server, const char *step, const struct outcome *outcome)
{
	server->stage = STAGE_DOWN;
	catalogue_done(&server->coming);
	why_write(server, step, outcome);
	say(server, BATON_LOG_WARN, server->why);
	visits_refused(server, outcome);
}

static void refused_as(struct server *server, const char *step, const char *code, const char *why)
{
	const struct outcome outcome = {
		.kind = OUTCOME_BAD, .fail = BATON_FAIL_BAD_OUTPUT, .code = code, .why = why
	};

	refused(server, step, &outcome);
}

/* --- one step ----------------------------------------------------------------------------- */

struct step {
	enum exchange_kind kind;
	const char *method, *version;
	baton_str params;
	void (*done)(void *user, const struct outcome *outcome);
};

static void step_start(struct server *server, const struct step *step)
{
	struct text body = { 0 };
	struct outcome outcome;
	const struct frame_ask frame = { .id = step->kind == EXCHANGE_ASK ? ++server->next_id : 0,
					 .method = step->method,
					 .version = step->version,
					 .software = server->inst->host->version,
					 .elicitation = server->set->elicit,
					 .params = step->params };
	const struct exchange_ask ask = { .kind = step->kind,
					  .id = frame.id,
					  .method = step->method,
					  .version = step->version,
					  .body = &body,
					  .total_ms = server->set->total_ms,
					  .done = step->done,
					  .user = server };

	frame_write(&body, &frame);
	server->step = exchange_start(server, &ask, &outcome);
	text_done(&body);
	if (!server->step)
		refused(server, step->method, &outcome);
}

static bool versions_have(baton_str array, const char *version)
{
	struct scan scan = scan_of(array);
	bool begun = false;
	baton_str inside;

	while (scan_element(&scan, &begun))
		if (scan_text(&scan, &inside) && scan_is(inside, version))
			return true;
	return false;
}

/* The newest old version in the list that we speak; NULL: none. */
static const char *versions_legacy(baton_str array)
{
	static const char *const ours[] = { "2025-11-25", "2025-06-18", "2025-03-26" };

	for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
		if (versions_have(array, ours[i]))
			return ours[i];
	return NULL;
}

/* The server has said which versions it speaks. false: none of ours, and that is the end. */
static bool version_choose(struct server *server, baton_str supported)
{
	const char *legacy = versions_legacy(supported);

	if (versions_have(supported, FRAME_MODERN) && server->set->protocol != PROTOCOL_LEGACY) {
		server->era = ERA_MODERN;
		list_begin(server);
		return true;
	}
	if (!legacy || server->set->protocol == PROTOCOL_MODERN)
		return false;
	initialize(server, legacy);
	return true;
}

/* A request of ours was refused for its version. Another one is tried, once. */
static void version_refused(struct server *server, const char *step, const struct outcome *outcome)
{
	bool first = !server->retried;

	server->retried = true;
	if (!first || !version_choose(server, frame_member(outcome->frame.data, "supported")))
		refused(server, step, outcome);
}

/* Statuses with which servers say that they do not know what we mean; all others are about
 * something else: keys, load, the network. */
static bool is_puzzled(uint32_t status)
{
	return status == 200 || status == 400 || status == 404 || status == 405 || status == 406 ||
	       status == 415 || status == 422;
}

/* --- 2026-07-28 --------------------------------------------------------------------------- */

static void on_discovered(void *user, const struct outcome *outcome)
{
	struct server *server = user;
	baton_str versions = frame_member(outcome->frame.result, "supportedVersions");

	server->step = NULL;
	if (outcome->kind == OUTCOME_RESULT && versions.n) {
		if (!version_choose(server, versions))
			refused_as(server, "server/discover", "version",
				   "the server speaks no version that we speak");
	} else if (outcome->kind == OUTCOME_ERROR && outcome->frame.code == RPC_VERSION) {
		version_refused(server, "server/discover", outcome);
	} else if (outcome->kind == OUTCOME_ERROR &&
		   (server_error_is_modern(outcome->frame.code) || !is_puzzled(outcome->status))) {
		refused(server, "server/discover", outcome);
	} else if (outcome->kind == OUTCOME_RESULT || outcome->kind == OUTCOME_ERROR ||
		   outcome->kind == OUTCOME_BAD ||
		   (outcome->kind == OUTCOME_STATUS && is_puzzled(outcome->status))) {
		initialize(server, FRAME_LEGACY);
	} else {
		refused(server, "server/discover", outcome);
	}
}

static void discover(struct server *server)
{
	const struct step step = { .kind = EXCHANGE_ASK,
				   .method = "server/discover",
				   .version = FRAME_MODERN,
				   .done = on_discovered };

	server->era = ERA_UNKNOWN;
	step_start(server, &step);
}

/* --- 2025-11-25 and before ---------------------------------------------------------------- */

static void on_unheard(void *user, const struct outcome *outcome)
{
	struct server *server = user;

	(void)outcome; /* 405: all that it says, it says in answers */
	server->listen = NULL;
}

/* Some servers put their questions on a stream of their own. Where none is answered, none is asked
 * (we declare no such capability), and a connection is saved. */
static void listen_start(struct server *server)
{
	const struct exchange_ask ask = { .kind = EXCHANGE_LISTEN,
					  .method = "",
					  .version = server->version,
					  .total_ms = LISTEN_MS,
					  .done = on_unheard,
					  .user = server };
	struct outcome ignored;

	if (server->set->elicit)
		server->listen = exchange_start(server, &ask, &ignored);
}

static void on_greeted(void *user, const struct outcome *outcome)
{
	struct server *server = user;

	server->step = NULL;
	if (outcome->kind == OUTCOME_RESULT) {
		listen_start(server);
		list_begin(server);
	} else {
		refused(server, "notifications/initialized", outcome);
	}
}

static void on_initialized(void *user, const struct outcome *outcome)
{
	struct server *server = user;
	baton_str version = frame_string(outcome->frame.result, "protocolVersion");
	const struct step step = { .kind = EXCHANGE_NOTICE,
				   .method = "notifications/initialized",
				   .version = server->version,
				   .done = on_greeted };

	server->step = NULL;
	if (outcome->kind == OUTCOME_ERROR &&
	    (outcome->frame.code == RPC_VERSION || outcome->frame.code == RPC_BAD_PARAMS)) {
		version_refused(server, "initialize", outcome);
		return;
	}
	if (outcome->kind != OUTCOME_RESULT && server->era == ERA_LEGACY && !server->retried &&
	    server->set->protocol == PROTOCOL_AUTO && is_puzzled(outcome->status)) {
		server->retried = true; /* it has learnt something new since we met */
		discover(server);
		return;
	}
	if (outcome->kind != OUTCOME_RESULT) {
		refused(server, "initialize", outcome);
		return;
	}
	if (!version.p || !frame_legacy_known(version)) {
		refused_as(server, "initialize", "version",
			   "the server speaks no version that we speak");
		return;
	}
	server->era = ERA_LEGACY;
	scan_copy(version, server->version, sizeof(server->version));
	if (outcome->session)
		memcpy(server->session, outcome->session, strlen(outcome->session) + 1);
	server->inst->host->count(server->inst->ctx, "sessions", 1);
	exchange_stop(&server->listen);
	step_start(server, &step);
}

static void initialize(struct server *server, const char *version)
{
	struct text params = { 0 };
	struct step step = { .kind = EXCHANGE_ASK,
			     .method = "initialize",
			     .version = version,
			     .done = on_initialized };
	const struct frame_ask ask = { .version = version,
				       .software = server->inst->host->version,
				       .elicitation = server->set->elicit };

	server->session[0] = '\0';
	frame_initialize(&params, &ask);
	step.params = text_view(&params);
	step_start(server, &step);
	text_done(&params);
}

/* --- the list ----------------------------------------------------------------------------- */

/* A new problem is worth a line, an old one has had its. */
static void problems_log(const struct server *server, const struct entry *entry)
{
	const struct entry *old = catalogue_find(&server->list, entry->set);
	char line[SERVER_WHY];

	if (entry->n_problems == 0)
		return;
	if (old && old->problems.n == entry->problems.n &&
	    memcmp(old->problems.p, entry->problems.p, old->problems.n) == 0)
		return;
	(void)snprintf(line, sizeof(line), "%s (%s): %.*s", entry->set->name, entry->set->remote,
		       (int)(entry->problems.n < 160 ? entry->problems.n : 160), entry->problems.p);
	say(server, BATON_LOG_WARN, line);
}

static void list_complete(struct server *server)
{
	catalogue_end(&server->coming);
	for (unsigned i = 0; i < server->coming.n; i++)
		problems_log(server, &server->coming.entries[i]);
	catalogue_done(&server->list);
	server->list = server->coming;
	server->coming = (struct catalogue){ 0 };
	server->listed_ns = server->inst->host->now_ns(server->inst->ctx);
	server->list_stale = false;
	opened(server);
}

/* While it serves, an old list is better than none. */
static void list_failed(struct server *server, const struct outcome *outcome)
{
	bool lost = outcome->kind == OUTCOME_STATUS && is_puzzled(outcome->status);

	if (server->stage == STAGE_READY) {
		catalogue_done(&server->coming);
		why_write(server, "tools/list", outcome);
		say(server, BATON_LOG_WARN, server->why);
		server->listed_ns = server->inst->host->now_ns(server->inst->ctx);
		server->list_stale = false;
		visits_ready(server);
		return;
	}
	if (outcome->kind == OUTCOME_ERROR && outcome->frame.code == RPC_VERSION) {
		version_refused(server, "tools/list", outcome);
		return;
	}
	/* What it spoke last time it speaks no more. */
	if (lost && !server->retried && server->set->protocol == PROTOCOL_AUTO) {
		server->retried = true;
		discover(server);
		return;
	}
	refused(server, "tools/list", outcome);
}

static void list_ask(struct server *server, baton_str cursor);

static void on_listed(void *user, const struct outcome *outcome)
{
	struct server *server = user;
	baton_str cursor = { NULL, 0 };

	server->step = NULL;
	if (outcome->kind == OUTCOME_ERROR && outcome->frame.code == RPC_NO_METHOD) {
		list_complete(server); /* it has no tools at all */
		return;
	}
	if (outcome->kind != OUTCOME_RESULT) {
		list_failed(server, outcome);
		return;
	}
	if (!catalogue_page(&server->coming, outcome->frame.result, &cursor)) {
		const struct outcome bad = { .kind = OUTCOME_BAD,
					     .fail = BATON_FAIL_BAD_OUTPUT,
					     .code = "no_answer",
					     .why = "the result is no list of tools" };
		list_failed(server, &bad);
	} else if (cursor.n && ++server->pages < CATALOGUE_PAGES_MAX) {
		list_ask(server, cursor);
	} else {
		list_complete(server);
	}
}

static void list_ask(struct server *server, baton_str cursor)
{
	struct text params = { 0 };
	struct step step = { .kind = EXCHANGE_ASK,
			     .method = "tools/list",
			     .version = server->version,
			     .done = on_listed };

	if (cursor.n) {
		text_z(&params, "\"cursor\":\"");
		text_add(&params, cursor.p, cursor.n);
		text_z(&params, "\"");
	}
	step.params = text_view(&params);
	step_start(server, &step);
	text_done(&params);
}

static void list_begin(struct server *server)
{
	if (server->era == ERA_MODERN) {
		(void)snprintf(server->version, sizeof(server->version), FRAME_MODERN);
		server->session[0] = '\0';
	}
	server->pages = 0;
	catalogue_done(&server->coming);
	if (!catalogue_init(&server->coming, &server->inst->settings,
			    (unsigned)(server - server->inst->servers))) {
		refused_as(server, "tools/list", "no_memory", "out of memory");
		return;
	}
	list_ask(server, (baton_str){ NULL, 0 });
}

void server_relist(struct server *server)
{
	if (server->stage == STAGE_READY && !server->step)
		list_begin(server);
}

uint64_t server_list_age_ms(const struct server *server)
{
	uint64_t now = server->inst->host->now_ns(server->inst->ctx);

	return (now - server->listed_ns) / NS_PER_MS;
}

void server_look(struct server *server)
{
	uint64_t due = server->list.ttl_ms ? server->list.ttl_ms : LIST_MS;

	due = due < LIST_LEAST_MS ? LIST_LEAST_MS : due > LIST_MOST_MS ? LIST_MOST_MS : due;
	if (server->list_stale || server_list_age_ms(server) > due)
		server_relist(server);
}

/* --- life --------------------------------------------------------------------------------- */

void server_open(struct server *server)
{
	if (server->stage != STAGE_DOWN)
		return;
	server->stage = STAGE_OPENING;
	server->retried = false;
	if (server->set->protocol == PROTOCOL_MODERN)
		server->era = ERA_MODERN;
	if (server->era == ERA_MODERN)
		list_begin(server);
	else if (server->era == ERA_LEGACY || server->set->protocol == PROTOCOL_LEGACY)
		initialize(server, FRAME_LEGACY);
	else
		discover(server);
}

void server_reset(struct server *server, bool era)
{
	if (server->stage != STAGE_READY)
		return; /* somebody is at it already */
	exchange_stop(&server->step);
	exchange_stop(&server->listen);
	catalogue_done(&server->coming);
	server->stage = STAGE_DOWN;
	server->session[0] = '\0';
	if (era)
		server->era = ERA_UNKNOWN;
}

void server_done(struct server *server)
{
	exchanges_stop(server);
	server->step = server->listen = NULL;
	catalogue_done(&server->list);
	catalogue_done(&server->coming);
}
