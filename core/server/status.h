/* SPDX-License-Identifier: Apache-2.0 */

/* How the server is: one answer for `baton status`, for the control socket and for the live page
 * of admins, so that all of them say the same. docs/CONTROL.md has its members. Internal to
 * core/server.
 */
#pragma once

#include "core/server/worker.h"

/* [control, or any that may block for microseconds] Members, each with its comma in front: `,"pid":1,...` */
void status_put(struct baton_server *server, struct baton_buf *out);
/* [any] Members of the board under their names; NULL: the whole of it as `,"board":{...}`. */
void status_put_board(struct baton_server *server, const char *const *names, struct baton_buf *out);
