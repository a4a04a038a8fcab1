/* SPDX-License-Identifier: Apache-2.0 */

/* One call of the host, from invoke() to its one end: waiting for the server, asking, asking again
 * where that cannot do harm, and saying in whose hands the matter is when no answer came. */
#pragma once

#include "server.h"

struct visit;

/* BATON_OK: one end will come. */
int32_t visit_invoke(struct module_inst *inst, baton_call call, const baton_tool_req *req);
/* check() of level 1: every server is there and has a tool of ours that can be called. */
int32_t visit_check(struct module_inst *inst, baton_call call);
void visit_cancel(struct visit *visit);

/* From server.c: those that wait for this server may go on, or are told why not. */
void visits_ready(struct server *server);
void visits_refused(struct server *server, const struct outcome *outcome);
/* Is a call under way there that writes? */
bool visits_write(const struct server *server);
