/* SPDX-License-Identifier: Apache-2.0 */

/* Its port is any that is free, so its address is told to the server as a secret: written anew at
 * each start, before the policies are read. */
#include "core/cli/demo_shop.h"

#include "core/cli/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PATH_BYTES = 4096 + 128, READY_MS = 5000, LINE_BYTES = 256 };

static bool sorry(const char *what)
{
	fprintf(stderr, "baton demo: without its order service: %s: %s\n", what, strerror(errno));
	return false;
}

/* "BATON_DEMO_SHOP_KEY=..." out of the file of that secret. */
static bool read_key(const char *secrets, char *to, size_t cap)
{
	static const char name[] = "BATON_DEMO_SHOP_KEY=";
	char path[PATH_BYTES];

	snprintf(path, sizeof(path), "%s/%s", secrets, DEMO_SHOP_KEY);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return sorry(path);
	memcpy(to, name, sizeof(name));
	ssize_t n = read(fd, to + sizeof(name) - 1, cap - sizeof(name));
	close(fd);
	to[sizeof(name) - 1 + (size_t)(n > 0 ? n : 0)] = '\0';
	return n > 0;
}

/* Its signals are as a program expects them, whatever ours are; it is ended by its leash, not by a
 * Ctrl-C that is meant for us. */
static int spawn(struct demo_shop *shop, const int in[2], const int out[2], char *const argv[],
		 char *const envp[])
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	sigset_t none;

	(void)posix_spawn_file_actions_init(&files);
	(void)posix_spawnattr_init(&attr);
	(void)sigemptyset(&none);
	(void)posix_spawn_file_actions_adddup2(&files, in[0], STDIN_FILENO);
	(void)posix_spawn_file_actions_adddup2(&files, out[1], STDOUT_FILENO);
	(void)posix_spawnattr_setsigmask(&attr, &none);
	(void)posix_spawnattr_setpgroup(&attr, 0);
	(void)posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP);
	int rc = posix_spawn(&shop->pid, argv[0], &files, &attr, argv, envp);
	(void)posix_spawn_file_actions_destroy(&files);
	(void)posix_spawnattr_destroy(&attr);
	return rc;
}

/* The line in which it says where it is. */
static bool read_base(int fd, char base[LINE_BYTES])
{
	struct pollfd ready = { .fd = fd, .events = POLLIN };
	char line[LINE_BYTES];
	struct baton_json json, value;
	struct baton_arena arena = { NULL, 0 };

	if (poll(&ready, 1, READY_MS) != 1)
		return false;
	ssize_t n = read(fd, line, sizeof(line) - 1);
	if (n <= 0 || baton_json_parse((baton_str){ line, (size_t)n }, &json) != 0)
		return false;
	value = baton_json_get(&json, "base");
	baton_str text = baton_json_text(&value, &arena);
	snprintf(base, LINE_BYTES, "%.*s", (int)text.n, text.n ? text.p : "");
	baton_arena_done(&arena);
	return base[0] != '\0';
}

static bool write_url(const char *secrets, const char *base)
{
	char path[PATH_BYTES];

	snprintf(path, sizeof(path), "%s/%s", secrets, DEMO_SHOP_URL);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return sorry(path);
	cli_write(fd, (baton_str){ base, strlen(base) });
	close(fd);
	return true;
}

bool demo_shop_start(struct demo_shop *shop, const char *secrets, const char *data)
{
	char program[PATH_BYTES], state[PATH_BYTES], key[128], base[LINE_BYTES];
	char option[] = "--state";
	char *argv[] = { program, option, state, NULL }, *envp[] = { key, NULL };
	int in[2], out[2];

	snprintf(program, sizeof(program), "%s", cli_default_demo_shop());
	snprintf(state, sizeof(state), "%s/demo-orders.jsonl", data);
	if (!program[0]) {
		errno = ENOENT;
		return sorry("baton-demo-shop");
	}
	if (!read_key(secrets, key, sizeof(key)))
		return false;
	if (pipe2(in, O_CLOEXEC) < 0)
		return sorry("pipe");
	if (pipe2(out, O_CLOEXEC) < 0) {
		close(in[0]);
		close(in[1]);
		return sorry("pipe");
	}
	shop->leash = in[1];
	errno = spawn(shop, in, out, argv, envp);
	close(in[0]);
	close(out[1]);
	bool ok = errno == 0 || sorry(program);
	if (ok) {
		errno = ETIMEDOUT;
		ok = read_base(out[0], base) || sorry(program);
	}
	close(out[0]);
	return ok && write_url(secrets, base);
}

void demo_shop_stop(struct demo_shop *shop)
{
	if (shop->leash >= 0)
		close(shop->leash);
	if (shop->pid > 0)
		(void)waitpid(shop->pid, NULL, 0);
	*shop = (struct demo_shop)DEMO_SHOP_NONE;
}
