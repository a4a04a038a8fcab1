/* SPDX-License-Identifier: Apache-2.0 */

/* The live page of admins: who looks at it, and what they ask for. All of it lives on the control
 * thread, beside the socket that shows and does the same for the machine's own account. Workers
 * only send letters (baton_port_operations(), baton_port_admin() in port.h). Internal to
 * core/server.
 */
#pragma once

#include "core/server/control.h"

enum {
	LIVE_LOOKERS_MAX = 64,
	LIVE_EVERY_MS = 2000,   /* while somebody looks */
	LIVE_SAMPLE_MS = 10000, /* ... and of what is kept for whoever comes */
	LIVE_SAMPLES = 60,      /* ten minutes */
	LIVE_LINES = 16         /* targets that a sample names */
};

/* [control] */
struct live *live_start(struct control *control);
void live_stop(struct live **live);

/* A request under way, of a control_conn without a socket. */
struct live_question;
void live_question_free(struct live_question **question);
/* [control] The line that answers it. */
void live_answered(struct control_conn *conn, baton_str line);
/* Whether this may be asked from the page. 0, BATON_E_DENIED or BATON_E_INVAL with a sentence. */
int live_may(const struct control_request *request, char *hint, size_t cap);

/* [any] Asks for `request` (JSON, as on the control socket) in the name of `by`; the DONE goes to
 * `conn`, if that is not 0. */
void live_ask(struct baton_server *server, baton_conn conn, const char *by, baton_str client_id,
	      baton_str request);
