/* SPDX-License-Identifier: Apache-2.0 */

/* Accepts. The listening socket is ours and shared with the other workers by SO_REUSEPORT, because
 * libwebsockets cannot run two contexts on one port.
 *
 * Surprising: when files run out, accept() leaves the connection in the queue and the loop would
 * spin on it. A spare descriptor is given up for a moment, so that it can be taken and refused.
 */

#include "channels/http/listener.h"

#include "channels/http/lws.h"
#include "core/base/errors.h"
#include "core/base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	/* libwebsockets looks through all handshakes under way at each step of one, so few at a
	 * time begin; those behind them wait here and not in the kernel's queue, which a crowd
	 * overruns: who is dropped there comes back a second later. */
	ADOPTS_PER_LAP = 64,
	ACCEPTS_PER_LAP = 4096,
	WAITING_MAX = 16384
};

static void refuse(int fd)
{
	static const char answer[] = "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 2\r\n"
				     "Content-Length: 0\r\nConnection: close\r\n\r\n";

	(void)send(fd, answer, sizeof(answer) - 1, MSG_DONTWAIT | MSG_NOSIGNAL);
	close(fd);
}

/* Out of files: true if one connection could be taken from the queue and refused. */
static bool shed(struct baton_listener *listener, int listen_fd)
{
	if (listener->spare_fd >= 0)
		close(listener->spare_fd);
	int fd = accept4(listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd >= 0)
		refuse(fd);
	listener->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	return fd >= 0;
}

/* False: nothing more to accept now. */
static bool accept_one(struct baton_listener *listener, int listen_fd)
{
	int fd = accept4(listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd < 0 && (errno == EMFILE || errno == ENFILE))
		return shed(listener, listen_fd);
	if (fd < 0) /* gone before we came: look for the next */
		return errno == EINTR || errno == ECONNABORTED || errno == EPROTO;
	if (fd >= listener->fd_max) {
		refuse(fd);
		return true;
	}

	if (listener->waiting_n == listener->waiting_cap) {
		listener->waiting_cap = listener->waiting_cap ? 2 * listener->waiting_cap : 64;
		listener->waiting =
			baton_realloc(listener->waiting, listener->waiting_cap * sizeof(int));
	}
	listener->waiting[listener->waiting_n++] = fd;
	return listener->waiting_n < WAITING_MAX;
}

static void adopt_some(struct baton_listener *listener);

static void on_next(void *ud)
{
	struct baton_listener *listener = ud;

	listener->next = 0;
	adopt_some(listener);
}

/* In the order in which they came. */
static void adopt_some(struct baton_listener *listener)
{
	for (int i = 0; i < ADOPTS_PER_LAP && listener->waiting_at < listener->waiting_n; i++)
		baton_lws_adopt(listener, listener->waiting[listener->waiting_at++]);
	if (listener->waiting_at < listener->waiting_n) {
		if (listener->next == 0)
			listener->next = baton_loop_timer(baton_port_loop(listener->port), 0,
							  on_next, listener);
		return;
	}
	baton_free(listener->waiting);
	listener->waiting = NULL;
	listener->waiting_at = listener->waiting_n = listener->waiting_cap = 0;
}

static void on_listen_fd(void *ud, bool readable, bool writable)
{
	struct baton_listener *listener = ud;
	int fd = baton_port_listen_fd(listener->port);

	(void)writable;
	if (!readable || listener->watch == 0)
		return;
	for (int i = 0; i < ACCEPTS_PER_LAP && listener->waiting_n < WAITING_MAX; i++)
		if (!accept_one(listener, fd))
			break;
	if (listener->next == 0)
		adopt_some(listener);
}

int baton_listener_open(struct baton_listener *listener, struct baton_port *port,
			const struct baton_ws_ops *ws, void *ud)
{
	*listener = (struct baton_listener){
		.port = port,
		.ws = ws,
		.ws_ud = ud,
		.spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC),
	};
	baton_web_load(&listener->web, baton_port_web_dir(port));

	int rc = baton_lws_open(listener);
	if (rc < 0) {
		baton_listener_close(listener);
		return rc;
	}

	int on = 1; /* whom it accepts inherits it */
	(void)setsockopt(baton_port_listen_fd(port), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	listener->watch = baton_loop_watch(baton_port_loop(port), baton_port_listen_fd(port), true,
					   false, on_listen_fd, listener);
	if (listener->watch == 0) {
		baton_log(BATON_LOG_ERROR, "listen_failed", "i", "fd",
			  (int64_t)baton_port_listen_fd(port));
		baton_listener_close(listener);
		return BATON_E_IO;
	}
	return 0;
}

void baton_listener_drain(struct baton_listener *listener)
{
	if (listener->watch)
		baton_loop_watch_stop(baton_port_loop(listener->port), listener->watch);
	listener->watch = 0;
}

void baton_listener_close(struct baton_listener *listener)
{
	baton_listener_drain(listener);
	baton_loop_timer_stop(baton_port_loop(listener->port), listener->next);
	while (listener->waiting_at < listener->waiting_n)
		close(listener->waiting[listener->waiting_at++]);
	baton_free(listener->waiting);
	listener->waiting = NULL;
	listener->waiting_at = listener->waiting_n = 0;
	baton_lws_close(listener);
	if (listener->spare_fd >= 0)
		close(listener->spare_fd);
	listener->spare_fd = -1;
	baton_web_done(&listener->web);
	baton_buf_done(&listener->out);
}
