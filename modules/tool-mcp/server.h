/* SPDX-License-Identifier: Apache-2.0 */

/* One MCP server as one loop knows it: which protocol it speaks, the session of an old one, what its
 * tools are like. Opened when it is first needed, opened again when it has forgotten us. */
#pragma once

#include "catalogue.h"
#include "exchange.h"
#include "settings.h"

struct module_inst { /* the instance; "tool" would be one of its tools */
	baton_ctx *ctx;
	const baton_host *host;
	struct settings settings;
	struct server *servers; /* as many as settings.servers */
	struct visit *visits;
};

enum era { ERA_UNKNOWN, ERA_MODERN, ERA_LEGACY };
enum stage { STAGE_DOWN, STAGE_OPENING, STAGE_READY };

enum { SESSION_MAX = 512, VERSION_MAX = 16, SERVER_WHY = 240 };

struct server {
	struct module_inst *inst;
	const struct server_set *set;
	enum era era;
	enum stage stage;
	char version[VERSION_MAX]; /* spoken since the era is known */
	char session[SESSION_MAX + 1];
	uint64_t next_id;
	struct catalogue list;
	uint64_t listed_ns; /* 0: never */
	bool list_stale;    /* the server has said that it changed, or it did not fit */
	/* of the opening, and of a list that is fetched again */
	struct exchange *step, *listen;
	struct catalogue coming;
	unsigned pages;
	bool retried;         /* another version, or from the beginning: once in an opening */
	char why[SERVER_WHY]; /* of the last opening that failed */
	struct exchange *exchanges;
};

/* READY, or gets there; who waits is told by visits_ready() or visits_refused(). */
void server_open(struct server *server);
/* Whatever was known is not true any more: forget the session, and with `era` also what it speaks. */
void server_reset(struct server *server, bool era);
/* Fetches the list again, beside what goes on; visits_ready() tells when that is over. */
void server_relist(struct server *server);
/* The same if the list is old, or known to be wrong. */
void server_look(struct server *server);
uint64_t server_list_age_ms(const struct server *server);
/* The error is one of 2026-07-28: whoever says it speaks that version. */
bool server_error_is_modern(int64_t code);
void server_done(struct server *server);
