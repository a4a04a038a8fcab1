/* SPDX-License-Identifier: Apache-2.0 */

/* The development server: this very program once more, as `baton serve`, with its output in pipes
 * and its control socket at hand. */

#include "core/cli/dev.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { READ_BYTES = 64 * 1024, ARG_BYTES = PATH_MAX + 32, START_MS = 30000, STOP_MS = 3000 };

uint64_t dev_now_ms(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

bool dev_take(int fd, struct baton_buf *to)
{
	ssize_t n = read(fd, baton_buf_room(to, READ_BYTES), READ_BYTES);

	if (n < 0)
		return errno == EINTR || errno == EAGAIN;
	to->n += (size_t)n;
	return n > 0;
}

bool dev_line(struct baton_buf *from, struct baton_buf *line)
{
	const char *lf = from->n ? memchr(from->p, '\n', from->n) : NULL;

	baton_buf_reset(line);
	if (!lf)
		return false;
	baton_buf_add(line, from->p, (size_t)(lf - from->p));
	baton_buf_drop(from, (size_t)(lf - from->p) + 1);
	return true;
}

/* --- the process ----------------------------------------------------------------------------- */

static int spawn(struct dev *dev, char *const argv[], int out[2], int err[2])
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&actions, out[1], 1);
	posix_spawn_file_actions_adddup2(&actions, err[1], 2);
	/* A group of its own: Ctrl-C is for us, and we tell it. */
	posix_spawnattr_init(&attr);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETPGROUP);
	posix_spawnattr_setpgroup(&attr, 0);
	int rc = posix_spawn(&dev->server, "/proc/self/exe", &actions, &attr, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attr);
	return rc;
}

static int launch(struct dev *dev)
{
	const struct cli_options *o = dev->options;
	static char texts[8][ARG_BYTES];
	char *argv[16];
	int out[2], err[2], n = 0;
	static char baton[] = "baton", serve[] = "serve", json[] = "--json",
		    loopback[] = "--allow-loopback-http";

	snprintf(texts[0], ARG_BYTES, "--policies=%s/policies", dev->dir);
	snprintf(texts[1], ARG_BYTES, "--data=%s", dev->data);
	snprintf(texts[2], ARG_BYTES, "--modules=%s/modules", dev->dir);
	snprintf(texts[3], ARG_BYTES, "--listen=127.0.0.1:0");
	snprintf(texts[4], ARG_BYTES, "--workers=1");
	snprintf(texts[5], ARG_BYTES, "--grace=1");
	snprintf(texts[6], ARG_BYTES, "--log-level=info");
	snprintf(texts[7], ARG_BYTES, "--secrets=%s", o->secrets ? o->secrets : "");
	argv[n++] = baton, argv[n++] = serve, argv[n++] = json;
	for (int i = 0; i < 7 + (o->secrets != NULL); i++)
		argv[n++] = texts[i];
	if (o->allow_loopback_http)
		argv[n++] = loopback;
	argv[n] = NULL;
	if (pipe2(out, O_CLOEXEC) != 0)
		return CLI_FAILED;
	if (pipe2(err, O_CLOEXEC) != 0) {
		close(out[0]), close(out[1]);
		return CLI_FAILED;
	}
	int rc = spawn(dev, argv, out, err);
	close(out[1]), close(err[1]);
	dev->out = out[0];
	dev->err = err[0];
	if (rc != 0)
		dev->server = 0;
	return rc == 0 ? CLI_OK : CLI_FAILED;
}

/* Until it says that it is ready; what it logs meanwhile is shown. */
static bool wait_ready(struct dev *dev)
{
	struct baton_buf line = { NULL, 0, 0 };
	uint64_t until = dev_now_ms() + START_MS;
	bool ready = false, open = true;

	while (!ready && open && dev_now_ms() < until) {
		struct pollfd fds[2] = { { dev->out, POLLIN, 0 }, { dev->err, POLLIN, 0 } };

		(void)poll(fds, 2, 200);
		if (fds[1].revents)
			open = dev_take(dev->err, &dev->err_text);
		while (dev_line(&dev->err_text, &line))
			dev_show_log(dev, baton_buf_view(&line));
		if (fds[0].revents)
			open = dev_take(dev->out, &dev->out_text) && open;
		while (dev_line(&dev->out_text, &line))
			ready = ready || (line.n && strstr(line.p, "\"ready\":true"));
	}
	baton_buf_done(&line);
	return ready;
}

int dev_server_start(struct dev *dev)
{
	if (launch(dev) == CLI_OK && wait_ready(dev))
		return CLI_OK;
	fprintf(stderr, "baton dev: the server did not start\n");
	return CLI_FAILED;
}

void dev_server_stop(struct dev *dev)
{
	uint64_t until = dev_now_ms() + STOP_MS;
	int status;

	if (dev->server > 0) {
		(void)kill(dev->server, SIGTERM);
		while (waitpid(dev->server, &status, WNOHANG) == 0) {
			if (dev_now_ms() > until)
				(void)kill(dev->server, SIGKILL);
			(void)poll(NULL, 0, 10);
		}
	}
	dev->server = 0;
	if (dev->out > 0)
		close(dev->out), close(dev->err);
	baton_buf_done(&dev->out_text);
	baton_buf_done(&dev->err_text);
}

/* --- the control socket ---------------------------------------------------------------------- */

int dev_link_open(struct dev *dev, struct dev_link *link)
{
	*link = (struct dev_link){ .fd = cli_control_connect(dev->data) };
	return link->fd < 0 ? CLI_UNREACHABLE : CLI_OK;
}

void dev_link_close(struct dev_link *link)
{
	if (link->fd >= 0)
		close(link->fd);
	link->fd = -1;
	baton_buf_done(&link->in);
}

bool dev_link_send(struct dev_link *link, const struct baton_buf *line)
{
	struct baton_buf text = { NULL, 0, 0 };

	baton_buf_str(&text, baton_buf_view(line));
	baton_buf_z(&text, "\n");
	bool sent = send(link->fd, text.p, text.n, MSG_NOSIGNAL) == (ssize_t)text.n;
	baton_buf_done(&text);
	return sent;
}
