/* SPDX-License-Identifier: Apache-2.0 */

/* baton serve --supervise: a small process that starts the server, waits, and starts it again when
 * it has crashed. For machines without systemd, whose Restart=on-failure does the same.
 *
 * It opens nothing and has one thread, so there is nothing in it that could crash. Why the server
 * crashed the server itself finds out at its next start: the crash record names the module, and the
 * shelf has one to go back to. A server that has ended by itself, well or with an error that it has
 * told, is not started again: its exit code is ours. It says so with codes that nobody else uses: a
 * module that ends the process must not look like an end in order. */

#include "core/cli/supervise.h"

#include "core/base/log.h"
#include "core/cli/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
	ARGS_MAX = 256,
	ARGS_BYTES_MAX = 256 * 1024,
	PAUSE_FIRST_MS = 100,
	PAUSE_MAX_MS = 10000,
	GOOD_LIFE_MS = 60000, /* who has lived so long starts afresh */
	CRASHES_MAX = 10      /* in a row, none of them after a good life */
};

static const char mark[] = "BATON_SUPERVISED";

struct supervisor {
	char *args; /* as the kernel keeps them: NUL behind each */
	size_t args_n;
	char *argv[ARGS_MAX + 1];
	sigset_t signals, before;
	pid_t pid;
	uint64_t started_ms;
	unsigned crashes;
	uint32_t pause_ms;
	bool is_ending; /* somebody wants us to stop */
};

static uint64_t now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* The arguments we were called with are the server's. */
static bool read_args(struct supervisor *s)
{
	int fd = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
	size_t n = 0;

	s->args = baton_alloc(ARGS_BYTES_MAX);
	while (fd >= 0 && s->args_n < ARGS_BYTES_MAX - 1) {
		ssize_t got = read(fd, s->args + s->args_n, ARGS_BYTES_MAX - 1 - s->args_n);

		if (got <= 0)
			break;
		s->args_n += (size_t)got;
	}
	if (fd >= 0)
		close(fd);
	for (size_t at = 0; at < s->args_n && n < ARGS_MAX; at += strlen(s->args + at) + 1)
		s->argv[n++] = s->args + at;
	return n > 0;
}

/* In a process group of its own: Ctrl-C at a terminal comes to us, and from us to the
 * server, once. */
static bool start(struct supervisor *s)
{
	posix_spawnattr_t how;
	sigset_t all;

	sigfillset(&all);
	posix_spawnattr_init(&how);
	posix_spawnattr_setpgroup(&how, 0);
	posix_spawnattr_setsigdefault(&how, &all);
	posix_spawnattr_setsigmask(&how, &s->before);
	posix_spawnattr_setflags(&how, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF |
					       POSIX_SPAWN_SETSIGMASK);
	int rc = posix_spawn(&s->pid, "/proc/self/exe", NULL, &how, s->argv, environ);
	posix_spawnattr_destroy(&how);
	s->started_ms = now_ms();
	if (rc != 0)
		baton_log(BATON_LOG_ERROR, "server_not_started", "s", "why", strerrordesc_np(rc));
	else
		baton_log(BATON_LOG_INFO, "server_started", "iu", "pid", (int64_t)s->pid, "crashes",
			  (uint64_t)s->crashes);
	return rc == 0;
}

/* Passes signals on until the server has ended; its wait status. */
static int wait_for_end(struct supervisor *s)
{
	int status = 0;

	for (;;) {
		int got = sigwaitinfo(&s->signals, NULL);

		if (got == SIGTERM || got == SIGINT)
			s->is_ending = true;
		if (got == SIGTERM || got == SIGINT || got == SIGHUP)
			(void)kill(s->pid, got);
		/* Also after the others: a SIGCHLD may have been lost meanwhile. */
		if (waitpid(s->pid, &status, WNOHANG) == s->pid)
			return status;
	}
}

/* False: somebody wants us to stop. */
static bool rest(struct supervisor *s)
{
	uint64_t until = now_ms() + s->pause_ms, now;

	while ((now = now_ms()) < until) {
		uint64_t left = until - now;
		struct timespec wait = { .tv_sec = (time_t)(left / 1000),
					 .tv_nsec = (long)(left % 1000) * 1000000 };
		int got = sigtimedwait(&s->signals, NULL, &wait);

		if (got == SIGTERM || got == SIGINT)
			return false;
	}
	return true;
}

/* False: it is of no use. */
static bool after_crash(struct supervisor *s, int status)
{
	uint64_t lived_ms = now_ms() - s->started_ms;
	const char *name = WIFSIGNALED(status) ? sigabbrev_np(WTERMSIG(status)) : "none, it left";

	if (lived_ms >= GOOD_LIFE_MS)
		s->crashes = 0;
	s->pause_ms = s->crashes == 0 ? PAUSE_FIRST_MS : s->pause_ms * 2;
	if (s->pause_ms > PAUSE_MAX_MS)
		s->pause_ms = PAUSE_MAX_MS;
	s->crashes++;
	baton_log(BATON_LOG_ERROR, "server_crashed", "suuu", "signal", name ? name : "?",
		  "lived_ms", lived_ms, "crashes", (uint64_t)s->crashes, "pause_ms",
		  (uint64_t)s->pause_ms);
	if (s->crashes < CRASHES_MAX)
		return true;
	baton_log(BATON_LOG_ERROR, "server_given_up", "u", "crashes", (uint64_t)s->crashes);
	fprintf(stderr,
		"baton: the server has crashed %u times and never lived for %d s; given up. Its log "
		"says in which module; `baton module forgive` and a start bring it back\n",
		s->crashes, GOOD_LIFE_MS / 1000);
	return false;
}

static int supervise(struct supervisor *s)
{
	for (;;) {
		if (!start(s))
			return CLI_FAILED;
		int status = wait_for_end(s);

		if (WIFEXITED(status) && WEXITSTATUS(status) >= CLI_IN_ORDER)
			return WEXITSTATUS(status) - CLI_IN_ORDER;
		if (s->is_ending || !after_crash(s, status))
			return CLI_FAILED;
		if (!rest(s))
			return CLI_OK; /* nothing runs that could be stopped */
	}
}

int cli_supervise(void)
{
	struct supervisor s = { .args = NULL };
	char pid[16];

	if (!read_args(&s)) {
		fprintf(stderr, "baton: cannot read how it was called from /proc\n");
		return CLI_FAILED;
	}
	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	setenv(mark, pid, 1);
	sigemptyset(&s.signals);
	sigaddset(&s.signals, SIGTERM);
	sigaddset(&s.signals, SIGINT);
	sigaddset(&s.signals, SIGHUP);
	sigaddset(&s.signals, SIGCHLD);
	sigprocmask(SIG_BLOCK, &s.signals, &s.before);
	prctl(PR_SET_NAME, "baton-supervise");
	int rc = supervise(&s);
	baton_free(s.args);
	return rc;
}

bool cli_is_supervised(void)
{
	const char *pid = getenv(mark);

	if (!pid || strtol(pid, NULL, 10) != getppid())
		return false;
	/* Nobody would pass signals on any more: end as if asked to. */
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	return strtol(pid, NULL, 10) == getppid();
}
