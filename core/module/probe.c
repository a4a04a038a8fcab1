/* SPDX-License-Identifier: Apache-2.0 */

/* The server's side of a probe: start the child, read what it tells, end it if it does not.
 *
 * The child writes lines: "step NAME" before each step, and one JSON object at its end. So a child
 * that hangs or dies without a word has still said where. posix_spawn, never fork: the server has
 * threads and an open LMDB environment. */
#include "core/module/probe.h"

#include "core/base/errors.h"
#include "core/base/json.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { TOLD_BYTES_MAX = 64 * 1024, EXTRA_MS = 500, STEP_BYTES = 48 };

struct probe {
	const struct baton_probe_options *options;
	char *why;
	size_t cap;
	int config, in, out, pidfd; /* `in`: we read, `out`: the child writes */
	pid_t pid;
	uint32_t limit_ms, ready_ms;
	bool hung, waits; /* `waits`: for the end of check() */
	int status;
	struct baton_buf told;
};

__attribute__((format(printf, 3, 4))) static int refuse(struct probe *probe, int rc,
							const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	if (probe->cap > 0)
		(void)vsnprintf(probe->why, probe->cap, fmt, ap);
	va_end(ap);
	return rc;
}

static uint64_t now_us(void)
{
	struct timespec ts;
	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000u + (uint64_t)ts.tv_nsec / 1000u;
}

/* --- starting ----------------------------------------------------------------------------- */

/* The configuration in memory that the child reads as a file: a pipe would fill up. */
static int open_config(struct probe *probe)
{
	const char *text = probe->options->config_json ? probe->options->config_json : "{}";
	size_t n = strlen(text), at = 0;
	probe->config = memfd_create("baton-config", MFD_CLOEXEC);
	while (probe->config >= 0 && at < n) {
		ssize_t w = write(probe->config, text + at, n - at);
		if (w < 0 && errno == EINTR)
			continue;
		if (w <= 0)
			break;
		at += (size_t)w;
	}
	if (probe->config < 0 || at < n || lseek(probe->config, 0, SEEK_SET) < 0)
		return refuse(probe, BATON_E_IO, "probe: no memory for its configuration: %s",
			      strerrordesc_np(errno));
	return 0;
}

static int spawn(struct probe *probe, posix_spawn_file_actions_t *files, posix_spawnattr_t *how)
{
	const struct baton_probe_options *o = probe->options;
	char limit[16], program[] = "baton-modhost", verb[] = "--probe";
	static char *const no_environ[] = { NULL };
	char *argv[] = { program, verb, NULL, NULL, NULL, limit, NULL };
	const char *texts[] = { o->path, o->name, o->kind };
	(void)snprintf(limit, sizeof(limit), "%u", probe->limit_ms + probe->ready_ms);
	/* execve() takes char * for historical reasons and changes nothing. */
	memcpy(&argv[2], texts, sizeof(texts));
	(void)posix_spawn_file_actions_addopen(files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	(void)posix_spawn_file_actions_addopen(files, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
	(void)posix_spawn_file_actions_addopen(files, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
	(void)posix_spawn_file_actions_adddup2(files, probe->config, BATON_PROBE_FD_CONFIG);
	(void)posix_spawn_file_actions_adddup2(files, probe->out, BATON_PROBE_FD_RESULT);
	(void)posix_spawn_file_actions_addclosefrom_np(files, BATON_PROBE_FD_RESULT + 1);
	int rc = posix_spawn(&probe->pid, o->modhost, files, how, argv, no_environ);
	if (rc != 0)
		return refuse(probe, BATON_E_IO, "probe: cannot run %s: %s", o->modhost,
			      strerrordesc_np(rc));
	return 0;
}

/* Both ends above the numbers that the child gets, so that one dup2 cannot overwrite the other. */
static int move_up(int fd)
{
	int up = fcntl(fd, F_DUPFD_CLOEXEC, BATON_PROBE_FD_RESULT + 1);
	(void)close(fd);
	return up;
}

static int start(struct probe *probe)
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t how;
	sigset_t all, none;
	int ends[2];
	int rc = open_config(probe);
	if (rc < 0)
		return rc;
	if (pipe2(ends, O_CLOEXEC) < 0)
		return refuse(probe, BATON_E_IO, "probe: no pipe: %s", strerrordesc_np(errno));
	probe->config = move_up(probe->config);
	probe->in = move_up(ends[0]);
	probe->out = move_up(ends[1]);
	if (probe->config < 0 || probe->in < 0 || probe->out < 0)
		return refuse(probe, BATON_E_IO, "probe: no descriptors left");
	(void)sigfillset(&all);
	(void)sigemptyset(&none);
	(void)posix_spawn_file_actions_init(&files);
	(void)posix_spawnattr_init(&how);
	(void)posix_spawnattr_setsigdefault(&how, &all);
	(void)posix_spawnattr_setsigmask(&how, &none);
	(void)posix_spawnattr_setflags(&how, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
	rc = spawn(probe, &files, &how);
	(void)posix_spawnattr_destroy(&how);
	(void)posix_spawn_file_actions_destroy(&files);
	if (rc == 0)
		probe->pidfd = pidfd_open(probe->pid, 0);
	return rc;
}

/* --- listening ---------------------------------------------------------------------------- */

/* False: nothing more will come. */
static bool take(struct probe *probe)
{
	char bytes[4096];
	ssize_t n = read(probe->in, bytes, sizeof(bytes));
	if (n < 0 && errno == EINTR)
		return true;
	if (n > 0 && probe->told.n < TOLD_BYTES_MAX)
		baton_buf_add(&probe->told, bytes, (size_t)n);
	return n > 0;
}

static bool is_waiting(const struct probe *probe)
{
	static const char step[] = "step " BATON_PROBE_WAITING "\n";
	size_t n = sizeof(step) - 1;
	return probe->told.n >= n && memcmp(probe->told.p + probe->told.n - n, step, n) == 0;
}

/* Waiting for the end of check() has a clock of its own. */
static uint64_t deadline(struct probe *probe, uint64_t until)
{
	if (probe->waits == is_waiting(probe))
		return until;
	probe->waits = !probe->waits;
	uint32_t ms = probe->waits ? probe->ready_ms : probe->limit_ms;
	return now_us() + (uint64_t)(ms + EXTRA_MS) * 1000u;
}

/* Until the child's end or the limit. Its end shows at the pidfd also when somebody else, whom it
 * started against all rules, still holds the pipe. */
static void listen_to(struct probe *probe)
{
	uint64_t until = now_us() + (uint64_t)(probe->limit_ms + EXTRA_MS) * 1000u;
	struct pollfd fds[2] = { { .fd = probe->in, .events = POLLIN },
				 { .fd = probe->pidfd, .events = POLLIN } };
	for (;;) {
		uint64_t now = now_us();
		int wait_ms = now >= until ? 0 : (int)((until - now) / 1000u) + 1;
		int ready = wait_ms > 0 ? poll(fds, 2, wait_ms) : 0;
		if (ready < 0 && errno == EINTR)
			continue;
		probe->hung = ready <= 0;
		if (ready <= 0)
			return;
		if (fds[0].revents && !take(probe))
			return;
		until = deadline(probe, until);
		if (!fds[0].revents && fds[1].revents)
			return;
	}
}

static void end_child(struct probe *probe)
{
	if (probe->hung)
		(void)kill(probe->pid, SIGKILL);
	while (waitpid(probe->pid, &probe->status, 0) < 0 && errno == EINTR)
		;
}

/* --- what it told ------------------------------------------------------------------------- */

/* The last step begun, and the JSON line if there was one. */
static baton_str read_told(const struct probe *probe, char step[STEP_BYTES])
{
	baton_str left = baton_buf_view(&probe->told), last = BATON_STR_NONE;
	(void)snprintf(step, STEP_BYTES, "start");
	while (left.n > 0) {
		const char *end = memchr(left.p, '\n', left.n);
		baton_str line = { left.p, end ? (size_t)(end - left.p) : left.n };
		if (line.n > 5 && memcmp(line.p, "step ", 5) == 0)
			(void)snprintf(step, STEP_BYTES, "%.*s", (int)(line.n - 5), line.p + 5);
		else if (line.n > 0 && line.p[0] == '{')
			last = line;
		left.p += line.n + (end != NULL);
		left.n -= line.n + (end != NULL);
	}
	return last;
}

static void put_text(const struct baton_json *object, const char *name, char *to, size_t cap)
{
	struct baton_arena arena = { 0 };
	struct baton_json value = baton_json_get(object, name);
	baton_str text = baton_json_text(&value, &arena);
	text = baton_str_clip(text, cap - 1);
	if (text.n > 0)
		memcpy(to, text.p, text.n);
	to[text.n] = 0;
	baton_arena_done(&arena);
}

static uint64_t number(const struct baton_json *object, const char *name)
{
	struct baton_json value = baton_json_get(object, name);
	return baton_json_u64(&value, 0);
}

static int judge_crash(struct probe *probe, const struct baton_json *told, const char *step,
		       int number_of_signal)
{
	char where[160];
	const char *name = sigabbrev_np(number_of_signal);
	put_text(told, "where", where, sizeof(where));
	return refuse(probe, BATON_E_MODULE,
		      "probe: expected %s to return, found SIG%s%s%s; nothing of it runs in the "
		      "server",
		      step, name ? name : "?", where[0] ? " " : "", where);
}

static int judge(struct probe *probe, uint64_t us)
{
	char step[STEP_BYTES], reason[400];
	struct baton_json told = { .type = BATON_JSON_NONE };
	baton_str line = read_told(probe, step);
	if (line.n > 0 && baton_json_parse(line, &told) < 0)
		told.type = BATON_JSON_NONE;
	put_text(&told, "refused", reason, sizeof(reason));
	if (reason[0])
		return refuse(probe, BATON_E_MODULE, "%s", reason);
	if (number(&told, "signal") > 0)
		return judge_crash(probe, &told, step, (int)number(&told, "signal"));
	if (probe->hung || (WIFSIGNALED(probe->status) && WTERMSIG(probe->status) == SIGXCPU))
		return refuse(probe, BATON_E_MODULE,
			      "probe: expected %s to end within %u ms, found it still busy; %s",
			      step, probe->waits ? probe->ready_ms : probe->limit_ms,
			      probe->waits ? "`health` in releases.yaml is how long it may take"
					   : "what takes longer belongs into a job");
	if (WIFSIGNALED(probe->status))
		return judge_crash(probe, &told, step, WTERMSIG(probe->status));
	if (number(&told, "done") != 1)
		return refuse(probe, BATON_E_MODULE,
			      "probe: expected %s to return, found that it ended the process (exit "
			      "code %d)",
			      step, WEXITSTATUS(probe->status));
	if (probe->options->ret_result) {
		struct baton_probe_result *r = probe->options->ret_result;
		r->us = us;
		r->state_bytes = number(&told, "state_bytes");
		r->leftovers = (unsigned)number(&told, "leftovers");
		put_text(&told, "changed", r->changed, sizeof(r->changed));
	}
	return 0;
}

int baton_probe_run(const struct baton_probe_options *options, char *why, size_t cap)
{
	struct probe probe = { .options = options,
			       .why = why,
			       .cap = cap,
			       .config = -1,
			       .in = -1,
			       .out = -1,
			       .pidfd = -1 };
	uint64_t begin = now_us();
	probe.limit_ms = options->limit_ms ? options->limit_ms : BATON_PROBE_MS;
	probe.ready_ms = options->ready_ms ? options->ready_ms : probe.limit_ms;
	int rc = start(&probe);
	if (probe.out >= 0)
		(void)close(probe.out);
	if (rc == 0) {
		listen_to(&probe);
		end_child(&probe);
		rc = judge(&probe, now_us() - begin);
	}
	int fds[] = { probe.config, probe.in, probe.pidfd };
	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		if (fds[i] >= 0)
			(void)close(fds[i]);
	baton_buf_done(&probe.told);
	return rc;
}
