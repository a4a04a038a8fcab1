/* SPDX-License-Identifier: Apache-2.0 */

/* What the verbs of the control socket do. Each answers with one line that begins with "ok". */

#include "core/server/control.h"

#include "core/base/errors.h"
#include "core/base/log.h"
#include "core/policy/nearest.h"
#include "core/server/explain.h"
#include "core/server/live.h"
#include "core/server/loader.h"
#include "core/server/operations.h"
#include "core/server/served.h"
#include "core/server/status.h"
#include "core/server/watch.h"

#include <stdio.h>
#include <unistd.h>

/* --- answers --------------------------------------------------------------------------------- */

void control_begin(const struct control_request *request, bool ok, struct baton_buf *line)
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

void control_end(struct control_conn *conn, struct baton_buf *line)
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

	control_begin(request, false, &line);
	if (request && request->key.n > 0) {
		baton_buf_z(&line, ",\"key\":");
		baton_buf_json(&line, request->key);
	}
	baton_buf_printf(&line, ",\"error\":{\"code\":\"%s\",\"message\":", info->wire);
	baton_buf_json(&line, baton_str_of(hint && hint[0] ? hint : info->text));
	baton_buf_z(&line, info->may_retry ? ",\"retryable\":true}" : ",\"retryable\":false}");
	control_end(conn, &line);
}

/* --- verbs ----------------------------------------------------------------------------------- */

static void do_ping(struct control_conn *conn, const struct control_request *request)
{
	struct baton_buf line = { NULL, 0, 0 };

	control_begin(request, true, &line);
	baton_buf_printf(&line, ",\"pid\":%d", (int)getpid());
	control_end(conn, &line);
}

static void do_policies(struct control_conn *conn, const struct control_request *request)
{
	struct baton_buf line = { NULL, 0, 0 };

	control_begin(request, true, &line);
	int rc = served_policies(conn->control->server, &line);
	if (rc == 0) {
		control_end(conn, &line);
		return;
	}
	baton_buf_done(&line);
	control_refuse(conn, request, rc, "the set cannot be copied to the data folder");
}

static void tell_board(struct control_conn *conn, const struct control_request *request,
		       const char *const *names)
{
	struct baton_buf line = { NULL, 0, 0 };

	control_begin(request, true, &line);
	status_put_board(conn->control->server, names, &line);
	control_end(conn, &line);
}

static void do_board(struct control_conn *conn, const struct control_request *request)
{
	tell_board(conn, request, NULL);
}

static void do_targets(struct control_conn *conn, const struct control_request *request)
{
	static const char *const names[] = { "targets", "accounts", NULL };

	tell_board(conn, request, names);
}

static void do_modes(struct control_conn *conn, const struct control_request *request)
{
	static const char *const names[] = { "modes", NULL };

	tell_board(conn, request, names);
}

static void do_drills(struct control_conn *conn, const struct control_request *request)
{
	static const char *const names[] = { "drills", NULL };

	tell_board(conn, request, names);
}

static void do_status(struct control_conn *conn, const struct control_request *request)
{
	struct baton_buf line = { NULL, 0, 0 };

	control_begin(request, true, &line);
	status_put(conn->control->server, &line);
	control_end(conn, &line);
}

static void do_explain(struct control_conn *conn, const struct control_request *request)
{
	struct baton_server *server = conn->control->server;
	struct explain_ask ask = { .policy = baton_release_policy(conn->control->live),
				   .intent = request->intent,
				   .facts = request->facts };
	struct baton_buf line = { NULL, 0, 0 };
	char why[EXPLAIN_WHY_MAX];

	control_begin(request, true, &line);
	baton_buf_z(&line, ",\"explained\":");
	ask.board = watch_hold(server->watch, &ask.now);
	int rc = explain_route(&ask, &line, why);
	watch_done(server->watch);
	if (rc < 0) {
		baton_buf_done(&line);
		control_refuse(conn, request, rc, why);
		return;
	}
	control_end(conn, &line);
}

/* --- admins change something ----------------------------------------------------------------- */

/* How long a list of names in a refusal may get. */
enum { HINT_MAX = 400 };

struct act {
	const char *what; /* "target disable", for the logs */
	const char *kind; /* "target" */
	const char *subject;
	const char *already; /* what is said behind its name if it is so already */
	bool durable; /* answered when it is on disk; a drill is gone with the process anyway */
	int (*act)(struct baton_board *board, struct baton_now now,
		   const struct control_request *request, const struct baton_admin *admin);
};

/* Names of one kind, for "did you mean" and the list behind it. */
static const char *name_at(const struct baton_policy *policy, const char *kind, size_t i)
{
	if (strcmp(kind, "target") == 0)
		return i < policy->n_targets ? policy->targets[i].name : NULL;
	if (strcmp(kind, "mode") == 0)
		return i < policy->n_modes ? policy->modes[i].name : NULL;
	return NULL;
}

static void hint_unknown(const struct baton_policy *policy, const char *kind, const char *name,
			 char hint[HINT_MAX])
{
	struct baton_nearest nearest = baton_nearest_to(baton_str_of(name));
	size_t i = 0;

	for (; name_at(policy, kind, i); i++)
		baton_nearest_try(&nearest, name_at(policy, kind, i));
	int n = snprintf(hint, HINT_MAX, "there is no %s `%s`", kind, name);
	if (nearest.name)
		n += snprintf(hint + n, (size_t)(HINT_MAX - n), "; did you mean `%s`?",
			      nearest.name);
	else
		n += snprintf(hint + n, (size_t)(HINT_MAX - n),
			      i ? "; there are:" : "; none is declared");
	for (i = 0; !nearest.name && name_at(policy, kind, i) && n < HINT_MAX - 80; i++)
		n += snprintf(hint + n, (size_t)(HINT_MAX - n), "%s %s", i ? "," : "",
			      name_at(policy, kind, i));
}

void control_note(struct control_conn *conn, const char *action, baton_str subject, baton_str why)
{
	struct baton_event event = { .type = BATON_EV_ADMIN_ACTED };

	event.admin_acted = (struct baton_ev_admin_acted){ .by = baton_str_of(conn->by),
							   .action = baton_str_of(action),
							   .subject = subject,
							   .why = why };
	baton_log(BATON_LOG_NOTICE, "admin_acted", "ssSS", "by", conn->by, "action", action,
		  "subject", &subject, "why", &why);
	if (conn->control->operations)
		operations_note(conn->control->operations, &event);
}

/* The answer waits for the disk: what is said to be switched off must still be after a kill. */
struct saving {
	struct control *control;
	uint64_t conn;
	struct baton_buf line; /* all but what the disk says */
	int rc;
};

static void saving_work(void *ud)
{
	struct saving *saving = ud;

	saving->rc = watch_save(saving->control->server->watch);
}

static void saving_done(void *ud)
{
	struct saving *saving = ud;
	struct control_conn *conn = control_conn_find(saving->control, saving->conn);

	if (conn && saving->rc < 0)
		baton_buf_z(
			&saving->line,
			",\"durable\":false,\"note\":\"it is in force, but the disk refused it: free space, "
			"or a restart forgets it\"");
	else if (conn)
		baton_buf_z(&saving->line, ",\"durable\":true");
	if (conn) {
		control_end(conn, &saving->line);
		control_goes_on(conn);
	}
	baton_buf_done(&saving->line);
	baton_free(saving);
}

static void answer_when_saved(struct control_conn *conn, const struct baton_buf *line)
{
	struct saving *saving = baton_new(struct saving);

	saving->control = conn->control;
	saving->conn = conn->number;
	baton_buf_add(&saving->line, line->p, line->n);
	conn->busy = true;
	if (baton_loop_job(conn->control->loop, saving_work, saving_done, saving) == BATON_OK)
		return;
	saving->rc = BATON_E_AGAIN;
	saving_done(saving);
}

static void refuse_act(struct control_conn *conn, const struct control_request *request,
		       const struct act *act, int rc)
{
	const struct baton_policy *policy = baton_release_policy(conn->control->live);
	char hint[HINT_MAX] = "";

	if (rc == BATON_E_NOTFOUND && name_at(policy, act->kind, 0))
		hint_unknown(policy, act->kind, act->subject, hint);
	else if (rc == BATON_E_NOTFOUND)
		snprintf(hint, sizeof(hint), "no %s `%s` is there", act->kind, act->subject);
	else if (rc == BATON_E_STATE)
		snprintf(hint, sizeof(hint), "`%s` %s", act->subject, act->already);
	control_refuse(conn, request, rc, hint);
}

/* True if it was done. */
static bool carry_out(struct control_conn *conn, const struct control_request *request,
		      const struct act *act)
{
	struct watch *watch = conn->control->server->watch;
	struct baton_admin admin = { conn->by, request->why.n ? request->why.p : "" };
	struct baton_buf line = { NULL, 0, 0 };
	struct baton_now now;

	struct baton_board *board = watch_hold(watch, &now);
	int rc = act->act(board, now, request, &admin);
	watch_done(watch);
	if (rc < 0) {
		refuse_act(conn, request, act, rc);
		return false;
	}
	control_note(conn, act->what, baton_str_of(act->subject), request->why);
	control_begin(request, true, &line);
	baton_buf_printf(&line, ",\"%s\":", act->kind);
	baton_buf_json(&line, baton_str_of(act->subject));
	if (act->durable)
		answer_when_saved(conn, &line);
	else
		control_end(conn, &line);
	baton_buf_done(&line);
	return true;
}

static int act_disable(struct baton_board *board, struct baton_now now,
		       const struct control_request *request, const struct baton_admin *admin)
{
	return baton_board_target_disable(board, now, request->target.p, admin);
}

static int act_enable(struct baton_board *board, struct baton_now now,
		      const struct control_request *request, const struct baton_admin *admin)
{
	return baton_board_target_enable(board, now, request->target.p, admin);
}

static int act_enter(struct baton_board *board, struct baton_now now,
		     const struct control_request *request, const struct baton_admin *admin)
{
	return baton_board_mode_enter(board, now, request->mode.p, request->for_ms, admin);
}

static int act_leave(struct baton_board *board, struct baton_now now,
		     const struct control_request *request, const struct baton_admin *admin)
{
	return baton_board_mode_leave(board, now, request->mode.p, admin);
}

static int act_start(struct baton_board *board, struct baton_now now,
		     const struct control_request *request, const struct baton_admin *admin)
{
	struct baton_drill drill = request->drill;

	drill.start_ms = now.ms;
	drill.until_ms = now.ms + request->for_ms;
	return baton_board_drill_start(board, now, &drill, admin);
}

static int act_stop(struct baton_board *board, struct baton_now now,
		    const struct control_request *request, const struct baton_admin *admin)
{
	return baton_board_drill_stop(board, now, request->name.p, admin);
}

static void do_target(struct control_conn *conn, const struct control_request *request)
{
	bool disable = request->verb == CONTROL_TARGET_DISABLE;
	struct act act = { .what = disable ? "target disable" : "target enable",
			   .kind = "target",
			   .subject = request->target.p,
			   .already = disable ? "is switched off already"
					      : "is in use: nothing is to be done",
			   .durable = true,
			   .act = disable ? act_disable : act_enable };

	carry_out(conn, request, &act);
}

static void do_mode(struct control_conn *conn, const struct control_request *request)
{
	bool enter = request->verb == CONTROL_MODE_ENTER;
	struct act act = { .what = enter ? "mode enter" : "mode leave",
			   .kind = "mode",
			   .subject = request->mode.p,
			   .already = enter ? "is on already; leave it first to begin it anew"
					    : "is not on",
			   .durable = true,
			   .act = enter ? act_enter : act_leave };

	carry_out(conn, request, &act);
}

/* A fault for a target that nobody has would be a drill in which nothing happens. */
static bool faults_have_targets(struct control_conn *conn, const struct control_request *request)
{
	const struct baton_policy *policy = baton_release_policy(conn->control->live);
	char hint[HINT_MAX];

	for (size_t i = 0; i < request->drill.n_faults; i++) {
		const char *name = request->drill.faults[i].target;
		bool known = strcmp(name, "primary") == 0 || strcmp(name, "fallback") == 0;

		for (size_t k = 0; k < policy->n_targets && !known; k++)
			known = strcmp(policy->targets[k].name, name) == 0;
		if (known)
			continue;
		hint_unknown(policy, "target", name, hint);
		control_refuse(conn, request, BATON_E_NOTFOUND, hint);
		return false;
	}
	return true;
}

/* Where the connection notes a drill that it holds; "" a free place. NULL: there is none. */
static char *held_place(struct control_conn *conn, const char *name)
{
	for (size_t i = 0; i < BATON_DRILLS_MAX; i++)
		if (strcmp(conn->held[i], name) == 0)
			return conn->held[i];
	return NULL;
}

/* One that was stopped, or whose time is up, is not there any more: nothing is to be done. If
 * another of its name runs by now, that one ends as well, which is the safe side. */
void control_drop_held(struct control_conn *conn)
{
	struct watch *watch = conn->control->server->watch;
	struct baton_admin admin = { conn->by, "whoever held it is gone" };

	for (size_t i = 0; i < BATON_DRILLS_MAX; i++) {
		struct baton_now now;

		if (conn->held[i][0] == '\0')
			continue;
		struct baton_board *board = watch_hold(watch, &now);
		(void)baton_board_drill_stop(board, now, conn->held[i], &admin);
		watch_done(watch);
	}
}

static void do_drill(struct control_conn *conn, const struct control_request *request)
{
	bool start = request->verb == CONTROL_DRILL_START;
	struct act act = { .what = start ? "drill start" : "drill stop",
			   .kind = "drill",
			   .subject = request->name.p,
			   .already = "runs already; stop it first",
			   .act = start ? act_start : act_stop };

	if (start && !faults_have_targets(conn, request))
		return;
	if (start && request->hold && !held_place(conn, "")) {
		control_refuse(conn, request, BATON_E_LIMIT,
			       "one connection holds eight drills; open another");
		return;
	}
	if (!carry_out(conn, request, &act))
		return;
	char *place = held_place(conn, start ? "" : request->name.p);
	if (start && request->hold)
		memcpy(place, request->name.p, request->name.n + 1);
	else if (!start && place)
		place[0] = '\0';
}

/* Read down: everything the socket can be asked. */
static void (*const handlers[])(struct control_conn *conn,
				const struct control_request *request) = {
	[CONTROL_PING] = do_ping,
	[CONTROL_STATUS] = do_status,
	[CONTROL_POLICIES] = do_policies,
	[CONTROL_BOARD] = do_board,
	[CONTROL_TARGETS] = do_targets,
	[CONTROL_TARGET_DISABLE] = do_target,
	[CONTROL_TARGET_ENABLE] = do_target,
	[CONTROL_MODES] = do_modes,
	[CONTROL_MODE_ENTER] = do_mode,
	[CONTROL_MODE_LEAVE] = do_mode,
	[CONTROL_DRILLS] = do_drills,
	[CONTROL_DRILL_START] = do_drill,
	[CONTROL_DRILL_STOP] = do_drill,
	[CONTROL_EXPLAIN] = do_explain,
	[CONTROL_RELEASES] = control_releases,
	[CONTROL_RELOAD] = control_change,
	[CONTROL_PROMOTE] = control_change,
	[CONTROL_ROLLBACK] = control_change,
	[CONTROL_DISCARD] = control_change,
	[CONTROL_DRAIN] = control_change,
	[CONTROL_WHY_LIVE] = control_why_live,
	[CONTROL_MODULES] = control_modules,
	[CONTROL_MODULE_SWAP] = control_change,
	[CONTROL_MODULE_LOAD] = control_change,
	[CONTROL_MODULE_CANARY] = control_change,
	[CONTROL_MODULE_FORGIVE] = control_forgive,
	[CONTROL_SESSION_ERASE] = control_erase,
	[CONTROL_CONVERSE] = converse_open,
	[CONTROL_MSG] = converse_say,
	[CONTROL_HUMAN] = converse_say,
	[CONTROL_FEEDBACK] = converse_say,
	[CONTROL_CLOSE] = converse_say,
	[CONTROL_LEAVE] = converse_say,
};

void control_answer(struct control_conn *conn, baton_str line)
{
	struct baton_arena arena = { NULL, 0 };
	struct control_request request;
	char hint[400];

	int rc = control_request_read(line, &arena, &request, hint, sizeof(hint));
	if (rc == BATON_OK && conn->asked)
		rc = live_may(&request, hint, sizeof(hint));
	if (rc < 0)
		control_refuse(conn, &request, rc, hint);
	else {
		/* What is live now is what the answer is about. */
		conn->control->live = loader_live(conn->control->server);
		handlers[request.verb](conn, &request);
		baton_release_unref(&conn->control->live);
	}
	/* Somebody who speaks another protocol need not be told for ever. */
	conn->bad = rc == BATON_E_JSON || rc == BATON_E_UTF8 ? conn->bad + 1 : 0;
	if (conn->bad >= BATON_BAD_FRAMES_MAX)
		conn->closing = true;
	baton_arena_done(&arena);
}
