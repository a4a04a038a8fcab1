/* SPDX-License-Identifier: Apache-2.0 */

/* What the verbs of the control socket do. Each answers with one line that begins with "ok". */

#include "core/server/control.h"

#include "core/base/errors.h"

#include <unistd.h>

/* --- answers --------------------------------------------------------------------------------- */

static void begin(const struct control_request *request, bool ok, struct baton_buf *line)
{
	baton_buf_z(line, ok ? "{\"ok\":true" : "{\"ok\":false");
	if (request && request->verb_name.n > 0) {
		baton_buf_z(line, ",\"do\":");
		baton_buf_json(line, request->verb_name);
	}
	if (request && request->tag.n > 0) {
		baton_buf_z(line, ",\"tag\":");
		baton_buf_json(line, request->tag);
	}
}

static void end(struct control_conn *conn, struct baton_buf *line)
{
	baton_buf_z(line, "}");
	control_send(conn, line);
	baton_buf_done(line);
}

void control_refuse(struct control_conn *conn, const struct control_request *request, int code,
		    const char *hint)
{
	const struct baton_error_info *info = baton_error_info(code);
	struct baton_buf line = { NULL, 0, 0 };

	begin(request, false, &line);
	if (request && request->key.n > 0) {
		baton_buf_z(&line, ",\"key\":");
		baton_buf_json(&line, request->key);
	}
	baton_buf_printf(&line, ",\"error\":{\"code\":\"%s\",\"message\":", info->wire);
	baton_buf_json(&line, baton_str_of(hint && hint[0] ? hint : info->text));
	baton_buf_z(&line, info->may_retry ? ",\"retryable\":true}" : ",\"retryable\":false}");
	end(conn, &line);
}

/* --- verbs ----------------------------------------------------------------------------------- */

static void do_ping(struct control_conn *conn, const struct control_request *request)
{
	struct baton_buf line = { NULL, 0, 0 };

	begin(request, true, &line);
	baton_buf_printf(&line, ",\"pid\":%d", (int)getpid());
	end(conn, &line);
}

static void do_status(struct control_conn *conn, const struct control_request *request)
{
	struct baton_server *server = conn->control->server;
	struct baton_buf line = { NULL, 0, 0 };

	begin(request, true, &line);
	baton_buf_printf(&line, ",\"pid\":%d,\"base\":", (int)getpid());
	baton_buf_json(&line, baton_str_of(server->base));
	baton_buf_z(&line, ",\"server\":");
	(void)baton_port_ready(&server->workers[0].port, &line);
	while (line.n > 0 && line.p[line.n - 1] == '\n')
		line.n--;
	end(conn, &line);
}

/* Read down: everything the socket can be asked. */
static void (*const handlers[])(struct control_conn *conn,
				const struct control_request *request) = {
	[CONTROL_PING] = do_ping,          [CONTROL_STATUS] = do_status,
	[CONTROL_EXPLAIN] = NULL,          [CONTROL_CONVERSE] = converse_open,
	[CONTROL_MSG] = converse_say,      [CONTROL_HUMAN] = converse_say,
	[CONTROL_FEEDBACK] = converse_say, [CONTROL_CLOSE] = converse_say,
	[CONTROL_LEAVE] = converse_say,
};

void control_answer(struct control_conn *conn, baton_str line)
{
	struct baton_arena arena = { NULL, 0 };
	struct control_request request;
	char hint[400];

	int rc = control_request_read(line, &arena, &request, hint, sizeof(hint));
	if (rc < 0)
		control_refuse(conn, &request, rc, hint);
	else if (!handlers[request.verb])
		control_refuse(conn, &request, BATON_E_UNSUPPORTED, NULL);
	else
		handlers[request.verb](conn, &request);
	/* Somebody who speaks another protocol need not be told for ever. */
	conn->bad = rc == BATON_E_JSON || rc == BATON_E_UTF8 ? conn->bad + 1 : 0;
	if (conn->bad >= BATON_BAD_FRAMES_MAX)
		conn->closing = true;
	baton_arena_done(&arena);
}
