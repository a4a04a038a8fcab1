/* SPDX-License-Identifier: Apache-2.0 */

/* Connections of our own; see direct.h.
 *
 * A connection has one request at a time. Its watcher stays armed for reading as long as it lives:
 * in the steady state a request costs one send, one receive and no epoll_ctl. One whose server
 * leaves while it is idle is closed at once, so that nobody has to ask before it is used again.
 *
 * Surprising: libuv tells an error as UV_EBADF and stops watching; what it was is told by the next
 * receive. A kept connection that ends before a byte of the answer has mostly been closed just
 * before we wrote: the request is sent again on a new one, once, as libcurl does, unless it is to
 * leave only once.
 */
#include "core/loop/direct.h"

#include "core/base/errors.h"
#include "core/base/limits.h"
#include "core/base/mem.h"
#include "core/loop/reply.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utlist.h>

enum { ROOM_BYTES = 64 * 1024, IDLE_MS_MAX = 118000 };

struct baton_direct_conn {
	uv_poll_t poll; /* first */
	struct baton_direct *direct;
	struct baton_direct_conn *prev, *next;
	struct baton_request *request; /* NULL: idle */
	union baton_address address;
	int fd, armed; /* what libuv watches */
	size_t sent;
	uint64_t idle_ms; /* since */
	bool connecting, kept,
		deaf; /* kept: had a reply before; deaf: takes no more of the request */
	bool stalled; /* not read from while its user pauses */
	struct baton_reply reply;
};

/* --- the request in bytes --- */

static void header_write(struct baton_buf *out, baton_str header)
{
	while (header.n && (header.p[header.n - 1] == ' ' || header.p[header.n - 1] == '\t'))
		header.n--;
	baton_buf_str(out, header);
	baton_buf_z(out, "\r\n");
}

static bool is_accept(baton_str header)
{
	static const char name[] = "accept:";
	size_t n = sizeof(name) - 1;

	return header.n >= n && strncasecmp(header.p, name, n) == 0;
}

static void host_write(struct baton_buf *out, const struct baton_target *target)
{
	baton_buf_z(out, " HTTP/1.1\r\nHost: ");
	baton_buf_z(out, target->host);
	if (target->port != 80) {
		baton_buf_z(out, ":");
		baton_buf_u64(out, target->port);
	}
	baton_buf_z(out, "\r\n");
}

int baton_direct_ask(struct baton_request *request, const struct baton_http_ask *ask,
		     const struct baton_target *target)
{
	struct baton_buf *out = &request->out;
	bool head = baton_str_is(ask->method, "HEAD"), accepts = false;
	size_t room = ask->body.n + ask->url.n + ask->n_headers * 2 + 256;

	for (size_t i = 0; i < ask->n_headers; i++) {
		room += ask->headers[i].n;
		accepts = accepts || is_accept(ask->headers[i]);
	}
	(void)baton_buf_room(out, room); /* a buffer that moves would leave a key behind */
	baton_buf_str(out, ask->method);
	baton_buf_z(out, " ");
	baton_buf_z(out, baton_target_path(target));
	host_write(out, target);
	if (!accepts)
		baton_buf_z(out, "Accept: */*\r\n");
	for (size_t i = 0; i < ask->n_headers; i++)
		header_write(out, ask->headers[i]);
	if (!head && (ask->body.n || baton_str_is(ask->method, "POST"))) {
		baton_buf_z(out, "Content-Length: ");
		baton_buf_u64(out, ask->body.n);
		baton_buf_z(out, "\r\n");
	}
	baton_buf_z(out, "\r\n");
	request->out_body = out->n;
	if (!head)
		baton_buf_str(out, ask->body);
	return BATON_OK;
}

/* --- the life of a connection --- */

static void on_conn_closed(uv_handle_t *handle)
{
	struct baton_direct_conn *conn = (struct baton_direct_conn *)(void *)handle;

	baton_reply_done(&conn->reply);
	baton_free(conn);
}

static void conn_close(struct baton_direct_conn *conn)
{
	uv_poll_stop(&conn->poll); /* at once: the number may be another file's a moment later */
	close(conn->fd);
	uv_close((uv_handle_t *)&conn->poll, on_conn_closed);
}

static struct baton_request *conn_part(struct baton_direct_conn *conn)
{
	struct baton_request *request = conn->request;

	DL_DELETE(conn->direct->busy, conn);
	conn->request = NULL;
	request->conn = NULL;
	return request;
}

static void idle_close(struct baton_direct *direct, struct baton_direct_conn *conn)
{
	DL_DELETE(direct->idle, conn);
	direct->n_idle--;
	conn_close(conn);
}

static void idle_put(struct baton_direct_conn *conn)
{
	struct baton_direct *direct = conn->direct;

	conn->kept = true;
	conn->idle_ms = uv_now(direct->uv);
	DL_PREPEND(direct->idle, conn);
	direct->n_idle++;
	if (direct->n_idle > BATON_HTTP_IDLE_CONNS_MAX)
		idle_close(direct, direct->idle->prev);
}

static bool address_same(const union baton_address *a, const union baton_address *b)
{
	if (a->any.sa_family != b->any.sa_family)
		return false;
	if (a->any.sa_family == AF_INET)
		return a->in.sin_port == b->in.sin_port &&
		       a->in.sin_addr.s_addr == b->in.sin_addr.s_addr;
	return a->in6.sin6_port == b->in6.sin6_port &&
	       memcmp(&a->in6.sin6_addr, &b->in6.sin6_addr, sizeof(a->in6.sin6_addr)) == 0;
}

static struct baton_direct_conn *idle_take(struct baton_direct *direct,
					   const union baton_address *address)
{
	struct baton_direct_conn *conn, *next;
	uint64_t now = uv_now(direct->uv);

	DL_FOREACH_SAFE(direct->idle, conn, next)
	{
		if (now - conn->idle_ms > IDLE_MS_MAX) { /* nor is any behind it younger */
			idle_close(direct, conn);
			continue;
		}
		if (!address_same(&conn->address, address))
			continue;
		DL_DELETE(direct->idle, conn);
		direct->n_idle--;
		return conn;
	}
	return NULL;
}

/* --- ends --- */

static void conn_over(struct baton_direct_conn *conn, bool keep)
{
	struct baton_direct *direct = conn->direct;
	struct baton_request *request = conn_part(conn);

	if (keep)
		idle_put(conn);
	else
		conn_close(conn);
	direct->on_over(direct->ud, request);
}

static void conn_fail(struct baton_direct_conn *conn, uint32_t fail, const char *code,
		      const char *why)
{
	baton_request_fail(conn->request, fail, code, why);
	conn_over(conn, false);
}

static void request_open(struct baton_direct *direct, struct baton_request *request);

/* The connection has ended; `error` is 0 if orderly. */
static void conn_lost(struct baton_direct_conn *conn, int error)
{
	struct baton_direct *direct = conn->direct;
	struct baton_request *request = conn->request;
	const char *why = error ? uv_strerror(uv_translate_sys_error(error))
				: "the connection ended before the answer did";

	if (conn->connecting) {
		conn_fail(conn, BATON_FAIL_UNAVAILABLE, "connect", why);
	} else if (!conn->reply.begun && conn->kept && !request->once) {
		conn_part(conn);
		conn_close(conn);
		request_open(direct, request);
	} else if (!error && baton_reply_end(&conn->reply)) {
		conn_over(conn, false);
	} else {
		conn_fail(conn, request->head_told ? BATON_FAIL_BAD_OUTPUT : BATON_FAIL_UNAVAILABLE,
			  "cut", why);
	}
}

/* --- bytes --- */

static void on_poll(uv_poll_t *poll, int status, int events);

static bool has_more(const struct baton_direct_conn *conn)
{
	return !conn->deaf && conn->sent < conn->request->out.n;
}

/* Only what changes costs a call. */
static void conn_watch(struct baton_direct_conn *conn)
{
	int want = conn->stalled ? 0 : UV_READABLE;

	if (conn->connecting || has_more(conn))
		want |= UV_WRITABLE;
	if (want == conn->armed)
		return;
	conn->armed = want;
	if (want)
		uv_poll_start(&conn->poll, want, on_poll);
	else
		uv_poll_stop(&conn->poll);
}

static void conn_write(struct baton_direct_conn *conn)
{
	const struct baton_buf *out = &conn->request->out;

	while (has_more(conn)) {
		ssize_t n = send(conn->fd, out->p + conn->sent, out->n - conn->sent, MSG_NOSIGNAL);
		if (n >= 0) {
			conn->sent += (size_t)n;
			continue;
		}
		if (errno == EINTR)
			continue;
		/* Else it has left, and what it said before that is still to be read. */
		conn->deaf = errno != EAGAIN;
		break;
	}
	conn_watch(conn);
}

static bool on_reply_head(void *ud, unsigned status, baton_str head)
{
	return baton_request_head(ud, status, head);
}

static bool on_reply_body(void *ud, baton_str piece)
{
	return baton_request_body(ud, piece);
}

static void conn_hear(struct baton_direct_conn *conn, baton_str bytes)
{
	struct baton_request *request = conn->request;
	size_t taken;
	int rc = baton_reply_feed(&conn->reply, bytes, &taken);

	if (!request->handle)
		return; /* stopped; the turn that follows drops it */
	if (rc == BATON_E_TOO_BIG)
		baton_request_fail(request, BATON_FAIL_BAD_OUTPUT, "too_big",
				   "the head of the answer has no end");
	else if (rc == BATON_E_INVAL)
		baton_request_fail(request, BATON_FAIL_BAD_OUTPUT,
				   request->head_told ? "cut" : "protocol",
				   "the answer is not as HTTP has it");
	if (request->code)
		conn_over(conn, false);
	else if (conn->reply.phase == BATON_REPLY_OVER)
		conn_over(conn,
			  conn->reply.keeps && taken == bytes.n && !has_more(conn) && !conn->deaf);
}

static void conn_read(struct baton_direct_conn *conn)
{
	struct baton_request *request = conn->request;

	if (!request->handle)
		return;
	if (request->paused || request->held.n) {
		conn->stalled = true;
		conn_watch(conn);
		return;
	}
	ssize_t n = recv(conn->fd, conn->direct->room, ROOM_BYTES, 0);
	if (n > 0)
		conn_hear(conn, (baton_str){ conn->direct->room, (size_t)n });
	else if (n == 0)
		conn_lost(conn, 0);
	else if (errno != EAGAIN && errno != EINTR)
		conn_lost(conn, errno);
}

/* --- connecting --- */

static void conn_connected(struct baton_direct_conn *conn)
{
	struct baton_request *request = conn->request;

	conn->connecting = false;
	request->phase = BATON_REQUEST_FIRST_BYTE;
	baton_reply_begin(&conn->reply, request, request->bodiless);
	conn_write(conn);
}

static void conn_connect_end(struct baton_direct_conn *conn)
{
	int error = 0;
	socklen_t n = sizeof(error);

	if (getsockopt(conn->fd, SOL_SOCKET, SO_ERROR, &error, &n) != 0)
		error = errno;
	if (error)
		conn_lost(conn, error);
	else
		conn_connected(conn);
}

static int socket_open(const union baton_address *address, int *ret_fd)
{
	int fd = socket(address->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int one = 1;
	socklen_t n =
		address->any.sa_family == AF_INET ? sizeof(address->in) : sizeof(address->in6);

	if (fd < 0)
		return errno;
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (connect(fd, &address->any, n) != 0 && errno != EINPROGRESS) {
		int error = errno;
		close(fd);
		return error;
	}
	*ret_fd = fd;
	return 0;
}

/* A new connection for it. */
static void request_open(struct baton_direct *direct, struct baton_request *request)
{
	int fd = -1, error = socket_open(&request->target.address, &fd);
	struct baton_direct_conn *conn = baton_new(struct baton_direct_conn);

	if (!error)
		error = -uv_poll_init(direct->uv, &conn->poll, fd);
	if (error) {
		if (fd >= 0)
			close(fd);
		baton_free(conn);
		baton_request_fail(request, BATON_FAIL_UNAVAILABLE, "connect",
				   uv_strerror(uv_translate_sys_error(error)));
		direct->on_over(direct->ud, request);
		return;
	}
	conn->direct = direct;
	conn->fd = fd;
	conn->address = request->target.address;
	conn->reply.on_head = on_reply_head;
	conn->reply.on_body = on_reply_body;
	conn->connecting = true;
	conn->request = request;
	request->conn = conn;
	request->phase = BATON_REQUEST_CONNECT;
	DL_APPEND(direct->busy, conn);
	conn_watch(conn);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
	struct baton_direct_conn *conn = (struct baton_direct_conn *)(void *)poll;

	if (status < 0)
		conn->armed = 0;
	if (!conn->request) { /* it left, or says what nobody has asked */
		idle_close(conn->direct, conn);
	} else if (conn->connecting) {
		conn_connect_end(conn);
	} else if (status < 0) {
		conn->deaf = true;
		conn_watch(conn);
		conn_read(conn);
	} else if (events & UV_READABLE) {
		conn_read(conn);
	} else {
		conn_write(conn);
	}
}

/* --- for http.c --- */

void baton_direct_send(struct baton_direct *direct, struct baton_request *request)
{
	if (!direct->room)
		direct->room = baton_alloc(ROOM_BYTES);
	/* Also when the connection is there: another's rights have opened it. */
	if (!baton_request_may_connect(request, &request->target.address.any)) {
		baton_request_fail(request, BATON_FAIL_ACCESS, "denied",
				   "this address may not be reached");
		direct->on_over(direct->ud, request);
		return;
	}
	struct baton_direct_conn *conn =
		request->once ? NULL : idle_take(direct, &request->target.address);
	if (!conn) {
		request_open(direct, request);
		return;
	}
	conn->request = request;
	request->conn = conn;
	DL_APPEND(direct->busy, conn);
	conn->sent = 0;
	conn_connected(conn);
}

void baton_direct_resume(struct baton_request *request)
{
	struct baton_direct_conn *conn = request->conn;

	if (!conn || !conn->stalled)
		return;
	conn->stalled = false;
	conn_watch(conn);
}

void baton_direct_drop(struct baton_request *request)
{
	struct baton_direct_conn *conn = request->conn;

	if (!conn)
		return;
	conn_part(conn);
	conn_close(conn);
}

void baton_direct_done(struct baton_direct *direct)
{
	while (direct->idle)
		idle_close(direct, direct->idle);
	while (direct->busy)
		baton_direct_drop(direct->busy->request);
	baton_free(direct->room);
	direct->room = NULL;
}
