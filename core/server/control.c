/* SPDX-License-Identifier: Apache-2.0 */

/* The socket of the admins' door: its thread, who may come in, and bytes in and out.
 *
 * The socket is reached through a descriptor of its folder (/proc/self/fd/N/...), because the path
 * of a data folder may be longer than the 107 bytes that a Unix address holds.
 */

#include "core/server/control.h"

#include "core/base/errors.h"
#include "core/base/log.h"
#include "core/server/dir_watch.h"
#include "core/server/live.h"
#include "core/server/operations.h"
#include "core/server/watch.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { BACKLOG = 16, READ_BYTES = 16 * 1024 };
static const char socket_name[] = "control.sock";

static void conn_watch(struct control_conn *conn);
static void conn_lines(struct control_conn *conn);

/* --- sending --------------------------------------------------------------------------------- */

void control_send(struct control_conn *conn, const struct baton_buf *line)
{
	if (conn->broken)
		return;
	if (conn->asked) {
		live_answered(conn, baton_buf_view(line));
		conn->closing = true;
		return;
	}
	baton_buf_add(&conn->out, line->p, line->n);
	baton_buf_add(&conn->out, "\n", 1);
	if (conn->out.n <= CONTROL_OUT_MAX)
		return;
	baton_log(BATON_LOG_WARN, "control_reader_too_slow", "su", "by", conn->by, "unsent_bytes",
		  (uint64_t)conn->out.n);
	conn->broken = true;
}

static void conn_flush(struct control_conn *conn)
{
	while (conn->out.n > 0 && !conn->broken) {
		ssize_t n = send(conn->fd, conn->out.p, conn->out.n, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0)
			conn->broken = true;
		else
			baton_buf_drop(&conn->out, (size_t)n);
	}
}

/* --- the end of a connection ----------------------------------------------------------------- */

static void conn_free(struct control_conn *conn)
{
	struct control *control = conn->control;

	converse_leave_all(conn);
	control_drop_held(conn);
	baton_loop_watch_stop(control->loop, conn->watch);
	baton_loop_timer_stop(control->loop, conn->timer);
	if (conn->asked)
		control->n_windows--;
	else
		control->n_conns--;
	if (conn->fd >= 0)
		close(conn->fd);
	live_question_free(&conn->asked);
	baton_buf_done(&conn->in);
	baton_buf_done(&conn->out);
	DL_DELETE(control->conns, conn);
	baton_free(conn);
}

/* Answers are made while there is room for them: whoever asks and does not read, waits. */
static bool conn_may_ask(const struct control_conn *conn)
{
	return !conn->busy && !conn->closing && !conn->broken && conn->out.n < CONTROL_OUT_PAUSE;
}

static bool conn_has_line(const struct control_conn *conn)
{
	return conn->in.n > 0 && memchr(conn->in.p, '\n', conn->in.n);
}

static bool conn_is_over(const struct control_conn *conn)
{
	bool said_all = conn->closing || (conn->eof && !conn->busy && !conn_has_line(conn));

	return conn->broken || (said_all && conn->out.n == 0);
}

/* Before the loop waits: what gathered is sent, and who is done goes. Nothing else frees a
 * connection, so whoever holds one during a turn of the loop may use it. */
static void settle(void *ud)
{
	struct control *control = ud;
	struct control_conn *conn, *after;

	DL_FOREACH_SAFE(control->conns, conn, after)
	{
		conn_flush(conn);
		/* Until the lines or the room for answers are used up: nothing else would come
		 * back to lines that wait here already. */
		while (conn_may_ask(conn) && conn_has_line(conn)) {
			conn_lines(conn);
			conn_flush(conn);
		}
		if (conn_is_over(conn))
			conn_free(conn);
		else
			conn_watch(conn);
	}
}

static void conn_expired(void *ud)
{
	struct control_conn *conn = ud;

	conn->timer = 0;
	control_refuse(conn, NULL, BATON_E_TIMEOUT,
		       conn->in.n > 0 ? "a line ends with a newline, within ten seconds"
				      : "nothing was said for ten minutes; connect again");
	conn->closing = true;
}

/* A line that was begun has ten seconds, a silence with nothing open ten minutes. */
static void conn_clock(struct control_conn *conn)
{
	bool partial = conn_may_ask(conn) && conn->in.n > 0;
	bool idle = conn_may_ask(conn) && conn->n_talks == 0 && !conn->eof;

	/* The clock of a line that is still not whole goes on: bytes that drip do not wind it. */
	if (partial && conn->timer != 0 && conn->timed == conn->answered + 1)
		return;
	conn->timed = partial ? conn->answered + 1 : 0;
	baton_loop_timer_stop(conn->control->loop, conn->timer);
	conn->timer = 0;
	if (partial || idle)
		conn->timer = baton_loop_timer(conn->control->loop,
					       partial ? CONTROL_PARTIAL_MS : CONTROL_SILENT_MS,
					       conn_expired, conn);
}

/* --- reading --------------------------------------------------------------------------------- */

static void conn_lines(struct control_conn *conn)
{
	char *newline;

	while (conn_may_ask(conn) && conn->in.n > 0 &&
	       (newline = memchr(conn->in.p, '\n', conn->in.n))) {
		size_t n = (size_t)(newline - conn->in.p);
		baton_str line = { conn->in.p, n > 0 && newline[-1] == '\r' ? n - 1 : n };

		if (line.n > CONTROL_LINE_MAX)
			break;
		conn->answered++;
		if (line.n > 0)
			control_answer(conn, line);
		baton_buf_drop(&conn->in, n + 1);
	}
	if (conn->in.n > CONTROL_LINE_MAX && conn_may_ask(conn)) {
		control_refuse(conn, NULL, BATON_E_TOO_BIG, "a line has at most 65536 bytes");
		conn->closing = true;
	}
}

void control_goes_on(struct control_conn *conn)
{
	conn->busy = false;
	conn_lines(conn);
	conn_clock(conn);
}

static void conn_read(struct control_conn *conn)
{
	ssize_t n = recv(conn->fd, baton_buf_room(&conn->in, READ_BYTES), READ_BYTES, MSG_DONTWAIT);

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (n < 0) {
		conn->broken = true;
		return;
	}
	conn->eof = n == 0;
	conn->in.n += (size_t)n;
	conn_lines(conn);
	conn_clock(conn);
}

static void on_conn(void *ud, bool readable, bool writable)
{
	struct control_conn *conn = ud;

	(void)writable; /* settle() sends */
	if (readable && conn->reads)
		conn_read(conn);
}

/* Waits for what is wanted now: no reading while an answer is being made, so that answers come in
 * the order of their questions and nobody can pile up lines. */
static void conn_watch(struct control_conn *conn)
{
	bool reads = conn_may_ask(conn) && !conn->eof, writes = conn->out.n > 0;
	struct baton_loop *loop = conn->control->loop;

	if (conn->asked)
		return;
	if (conn->watch != 0 && reads == conn->reads && writes == conn->writes)
		return;
	baton_loop_watch_stop(loop, conn->watch);
	conn->reads = reads;
	conn->writes = writes;
	conn->watch = reads || writes
			      ? baton_loop_watch(loop, conn->fd, reads, writes, on_conn, conn)
			      : 0;
}

struct control_conn *control_conn_window(struct control *control, struct live_question *asked,
					 const char *by)
{
	if (control->n_windows == CONTROL_WINDOWS_MAX)
		return NULL;
	struct control_conn *conn = baton_new(struct control_conn);
	conn->control = control;
	conn->number = ++control->last_conn;
	conn->fd = -1;
	conn->asked = asked;
	snprintf(conn->by, sizeof(conn->by), "%s", by);
	DL_APPEND(control->conns, conn);
	control->n_windows++;
	return conn;
}

struct control_conn *control_conn_find(struct control *control, uint64_t number)
{
	struct control_conn *conn;

	DL_FOREACH(control->conns, conn)
		if (conn->number == number)
			return conn;
	return NULL;
}

/* --- who comes in ---------------------------------------------------------------------------- */

static void name_account(uid_t uid, char by[BATON_NAME_BYTES_MAX + 1])
{
	struct passwd entry, *found = NULL;
	char text[4096];

	if (getpwuid_r(uid, &entry, text, sizeof(text), &found) == 0 && found &&
	    strlen(entry.pw_name) <= BATON_NAME_BYTES_MAX)
		memcpy(by, entry.pw_name, strlen(entry.pw_name) + 1);
	else
		snprintf(by, BATON_NAME_BYTES_MAX + 1, "uid %u", (unsigned)uid);
}

/* The folder's mode keeps others out already; the kernel's word for who it is counts as well. */
static bool may_enter(int fd, uid_t *ret_uid)
{
	struct ucred peer = { .uid = (uid_t)-1 };
	socklen_t n = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n) != 0)
		return false;
	*ret_uid = peer.uid;
	return peer.uid == geteuid() || peer.uid == 0;
}

/* One line, if it fits into the empty socket, and away. */
static void turn_away(int fd, const char *code, const char *message)
{
	struct baton_buf line = { NULL, 0, 0 };

	baton_buf_printf(&line, "{\"ok\":false,\"error\":{\"code\":\"%s\",\"message\":\"%s\"}}\n",
			 code, message);
	(void)send(fd, line.p, line.n, MSG_NOSIGNAL | MSG_DONTWAIT);
	baton_buf_done(&line);
	close(fd);
}

static void on_listen(void *ud, bool readable, bool writable)
{
	struct control *control = ud;
	uid_t uid = 0;

	(void)readable;
	(void)writable;
	int fd = accept4(control->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd < 0)
		return;
	if (!may_enter(fd, &uid)) {
		baton_log(BATON_LOG_WARN, "control_denied", "u", "uid", (uint64_t)uid);
		turn_away(fd, "denied",
			  "only the account of the server, and root, may come in here");
		return;
	}
	if (control->n_conns == CONTROL_CONNS_MAX) {
		turn_away(fd, "limit", "16 connections are open already; close one first");
		return;
	}
	struct control_conn *conn = baton_new(struct control_conn);
	conn->control = control;
	conn->number = ++control->last_conn;
	conn->fd = fd;
	name_account(uid, conn->by);
	DL_APPEND(control->conns, conn);
	control->n_conns++;
	conn_clock(conn);
}

/* --- the socket ------------------------------------------------------------------------------ */

static void address_of(const struct control *control, struct sockaddr_un *address)
{
	*address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	snprintf(address->sun_path, sizeof(address->sun_path), "/proc/self/fd/%d/%s",
		 control->dir_fd, socket_name);
}

static int refuse_start(const char *why, const char *hint)
{
	baton_log(BATON_LOG_ERROR, "control_socket_failed", "sss", "socket", socket_name, "why",
		  why, "hint", hint);
	return BATON_E_IO;
}

/* A socket that was left behind by a kill is taken away; one that somebody answers on, or anything
 * that is no socket, stays where it is. */
static int clear_stale(const struct control *control, const struct sockaddr_un *address)
{
	struct stat found;

	if (fstatat(control->dir_fd, socket_name, &found, AT_SYMLINK_NOFOLLOW) != 0)
		return errno == ENOENT ? BATON_OK : refuse_start(strerror(errno), "");
	if (!S_ISSOCK(found.st_mode))
		return refuse_start("something of that name is there that is no socket",
				    "look at it and move it away");
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int rc = fd >= 0 ? connect(fd, (const struct sockaddr *)address, sizeof(*address)) : -1;
	int why = errno;
	if (fd >= 0)
		close(fd);
	if (rc == 0 || (why != ECONNREFUSED && why != ENOENT))
		return refuse_start("another server answers on it",
				    "stop that one first, or use another data folder");
	if (unlinkat(control->dir_fd, socket_name, 0) != 0 && errno != ENOENT)
		return refuse_start(strerror(errno), "the data folder must be ours to write");
	return BATON_OK;
}

static int open_socket(struct control *control)
{
	struct sockaddr_un address;

	control->dir_fd = open(control->server->options.data, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (control->dir_fd < 0)
		return refuse_start(strerror(errno), "the data folder must be ours to read");
	address_of(control, &address);
	int rc = clear_stale(control, &address);
	if (rc < 0)
		return rc;
	control->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	/* The mode before the name exists: there is no moment in which others could connect. */
	if (control->listen_fd < 0 || fchmod(control->listen_fd, 0600) != 0 ||
	    bind(control->listen_fd, (const struct sockaddr *)&address, sizeof(address)) != 0 ||
	    listen(control->listen_fd, BACKLOG) != 0)
		return refuse_start(strerror(errno), "the data folder must be ours to write");
	return BATON_OK;
}

/* --- the thread ------------------------------------------------------------------------------ */

static int control_up(struct control *control)
{
	int rc = open_socket(control);

	if (rc < 0)
		return rc;
	control->listen_watch = baton_loop_watch(control->loop, control->listen_fd, true, false,
						 on_listen, control);
	if (control->listen_watch == 0)
		return refuse_start("it cannot be waited on", "");
	/* Without its log the server serves all the same; why has been said. */
	(void)operations_open(control->server->journal, control->loop, &control->dropped,
			      &control->operations);
	watch_listen(control->server->watch, control);
	baton_loop_before_wait(control->loop, settle, control);
	control->dir_watch = dir_watch_start(control);
	control->page = live_start(control);
	return BATON_OK;
}

static void control_down(struct control *control)
{
	struct control_conn *conn, *after;

	baton_loop_watch_stop(control->loop, control->listen_watch);
	dir_watch_stop(&control->dir_watch);
	live_stop(&control->page);
	DL_FOREACH_SAFE(control->conns, conn, after)
	{
		conn_flush(conn);
		conn_free(conn);
	}
	control_erase_drop(control);
	watch_unlisten(control->server->watch);
	operations_close(&control->operations);
	if (control->listen_watch != 0)
		unlinkat(control->dir_fd, socket_name, 0);
	if (control->listen_fd >= 0)
		close(control->listen_fd);
	if (control->dir_fd >= 0)
		close(control->dir_fd);
}

static void *control_main(void *ud)
{
	struct control *control = ud;

	control->loop = baton_loop_new("control");
	int rc = control_up(control);
	pthread_mutex_lock(&control->lock);
	control->started = rc < 0 ? rc : 1;
	pthread_cond_signal(&control->told);
	pthread_mutex_unlock(&control->lock);
	if (rc == BATON_OK)
		baton_loop_run(control->loop);
	control_down(control);
	return NULL;
}

int control_start(struct baton_server *server)
{
	struct control *control = baton_new(struct control);

	server->control = control;
	control->server = server;
	control->dir_fd = control->listen_fd = -1;
	pthread_mutex_init(&control->lock, NULL);
	pthread_cond_init(&control->told, NULL);
	if (pthread_create(&control->thread, NULL, control_main, control) != 0)
		return BATON_E_IO;
	control->running = true;
	pthread_mutex_lock(&control->lock);
	while (control->started == 0)
		pthread_cond_wait(&control->told, &control->lock);
	int rc = control->started;
	pthread_mutex_unlock(&control->lock);
	return rc < 0 ? rc : BATON_OK;
}

void control_stop(struct baton_server *server)
{
	struct control *control = server->control;

	if (!control || !control->running)
		return;
	baton_loop_stop(control->loop);
	pthread_join(control->thread, NULL);
	control->running = false;
}

void control_free(struct baton_server *server)
{
	struct control *control = server->control;

	if (!control)
		return;
	baton_loop_free(&control->loop);
	pthread_mutex_destroy(&control->lock);
	pthread_cond_destroy(&control->told);
	baton_free(control);
	server->control = NULL;
}
