/* SPDX-License-Identifier: Apache-2.0 */

/* A server of a command's own. It is in a process group of its own: Ctrl-C is for the command,
 * which tells it. */

#include "core/cli/child.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
	READ_BYTES = 64 * 1024,
	ARG_BYTES = PATH_MAX + 32,
	ARGS_MAX = 12,
	START_MS = 30000,
	STOP_MS = 3000
};

uint64_t cli_now_ms(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

bool cli_take(int fd, struct baton_buf *to)
{
	ssize_t n = read(fd, baton_buf_room(to, READ_BYTES), READ_BYTES);

	if (n < 0)
		return errno == EINTR || errno == EAGAIN;
	to->n += (size_t)n;
	return n > 0;
}

bool cli_line(struct baton_buf *from, struct baton_buf *line)
{
	const char *lf = from->n ? memchr(from->p, '\n', from->n) : NULL;

	baton_buf_reset(line);
	if (!lf)
		return false;
	baton_buf_add(line, from->p, (size_t)(lf - from->p));
	baton_buf_drop(from, (size_t)(lf - from->p) + 1);
	return true;
}

static int spawn(struct cli_child *child, char *const argv[], int out, int err)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&actions, out, 1);
	posix_spawn_file_actions_adddup2(&actions, err, 2);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETPGROUP);
	posix_spawnattr_setpgroup(&attr, 0);
	int rc = posix_spawn(&child->pid, "/proc/self/exe", &actions, &attr, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attr);
	if (rc != 0)
		child->pid = 0;
	return rc == 0 ? CLI_OK : CLI_FAILED;
}

static int launch(struct cli_child *child, const struct cli_child_options *o)
{
	char texts[8][ARG_BYTES];
	char *argv[ARGS_MAX];
	int out[2], err[2], n = 0;
	static char baton[] = "baton", serve[] = "serve", json[] = "--json",
		    loopback[] = "--allow-loopback-http";

	snprintf(texts[0], ARG_BYTES, "--policies=%s", o->policies);
	snprintf(texts[1], ARG_BYTES, "--data=%s", o->data);
	snprintf(texts[2], ARG_BYTES, "--modules=%s", o->modules);
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
	child->out = out[0];
	child->err = err[0];
	int rc = spawn(child, argv, out[1], err[1]);
	close(out[1]), close(err[1]);
	return rc;
}

/* Until it says that it is ready; what it logs meanwhile is told. */
static bool wait_ready(struct cli_child *child, const struct cli_child_options *o)
{
	struct baton_buf line = { NULL, 0, 0 };
	uint64_t until = cli_now_ms() + START_MS;
	bool ready = false, open = true;

	while (!ready && open && cli_now_ms() < until) {
		struct pollfd fds[2] = { { child->out, POLLIN, 0 }, { child->err, POLLIN, 0 } };

		(void)poll(fds, 2, 200);
		if (fds[1].revents)
			open = cli_take(child->err, &child->err_text);
		while (cli_line(&child->err_text, &line))
			if (o->log)
				o->log(o->ud, baton_buf_view(&line));
		if (fds[0].revents)
			open = cli_take(child->out, &child->out_text) && open;
		while (cli_line(&child->out_text, &line))
			ready = ready || (line.n && strstr(line.p, "\"ready\":true"));
	}
	baton_buf_done(&line);
	return ready;
}

int cli_child_start(struct cli_child *child, const struct cli_child_options *options)
{
	*child = (struct cli_child){ .out = -1, .err = -1 };
	if (launch(child, options) == CLI_OK && wait_ready(child, options))
		return CLI_OK;
	return CLI_FAILED;
}

void cli_child_stop(struct cli_child *child)
{
	uint64_t until = cli_now_ms() + STOP_MS;
	int status;

	if (child->pid > 0) {
		(void)kill(child->pid, SIGTERM);
		while (waitpid(child->pid, &status, WNOHANG) == 0) {
			if (cli_now_ms() > until)
				(void)kill(child->pid, SIGKILL);
			(void)poll(NULL, 0, 10);
		}
		if (child->out >= 0)
			close(child->out);
		if (child->err >= 0)
			close(child->err);
	}
	baton_buf_done(&child->out_text);
	baton_buf_done(&child->err_text);
	*child = (struct cli_child){ .out = -1, .err = -1 };
}
