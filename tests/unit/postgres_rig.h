/* SPDX-License-Identifier: Apache-2.0 */

/* A PostgreSQL server of the test's own, by tests/lib/postgres.sh. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;
static char cluster[64]; /* its folder; "": PostgreSQL is not installed */

/* tests/lib/postgres.sh <what> [<a>] [<b>]; what it prints goes to `out`. */
static inline int script(const char *what, const char *a, const char *b, char *out, size_t cap)
{
	char path[400] = "";
	ssize_t self = readlink("/proc/self/exe", path, 300);
	int fds[2], status = 0;
	pid_t pid;
	size_t n = 0;
	ssize_t got = 1;
	posix_spawn_file_actions_t actions;

	assert_true(self > 0);
	for (int i = 0; i < 2; i++) /* the test's own folder is two below the tree */
		*strrchr(path, '/') = 0;
	memcpy(path + strlen(path), "/../../tests/lib/postgres.sh", 29);
	union {
		const char *in[5];
		char *out[5];
	} argv = { { path, what, a, b, NULL } };
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	(void)posix_spawn_file_actions_init(&actions);
	(void)posix_spawn_file_actions_adddup2(&actions, fds[1], 1);
	assert_int_equal(posix_spawn(&pid, path, &actions, NULL, argv.out, environ), 0);
	(void)posix_spawn_file_actions_destroy(&actions);
	(void)close(fds[1]);
	while (out && n + 1 < cap && (got = read(fds[0], out + n, cap - 1 - n)) > 0)
		n += (size_t)got;
	if (out)
		out[n > 0 && out[n - 1] == '\n' ? n - 1 : n] = 0;
	(void)close(fds[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static inline int cluster_make(void **state)
{
	(void)state;
	int rc = script("make", NULL, NULL, cluster, sizeof(cluster));
	if (rc == 3)
		print_message("no PostgreSQL on this machine\n");
	return rc == 0 || rc == 3 ? 0 : -1;
}

static inline int cluster_remove(void **state)
{
	(void)state;
	return cluster[0] ? script("remove", cluster, NULL, NULL, 0) : 0;
}
