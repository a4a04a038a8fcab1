/* SPDX-License-Identifier: Apache-2.0 */

/* baton-demo-shop: the order service of the demonstration and of the tests. A real HTTP server on
 * loopback, so that tools are tried on what they are for. `baton demo` starts it; it ends when its
 * standard input does, so it never outlives who started it, however that one ends.
 *
 * Surprising: it can misbehave on request (--faults, serve.c), because most of what tools must get
 * right is what a service does wrong. */
#include "core/demo/serve.h"

#include "core/base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { USAGE = 2 };

static int ends[2];

static void on_signal(int number)
{
	(void)number;
	ssize_t n = write(ends[1], "", 1);

	(void)n; /* full: it has been told before */
}

static void say(int fd, const char *text)
{
	size_t n = strlen(text);

	while (n > 0) {
		ssize_t sent = write(fd, text, n);

		if (sent <= 0)
			return;
		text += sent;
		n -= (size_t)sent;
	}
}

/* Until a signal, or the end of standard input. */
static void wait_for_end(bool with_stdin)
{
	struct pollfd fds[] = { { .fd = ends[0], .events = POLLIN },
				{ .fd = with_stdin ? STDIN_FILENO : -1, .events = POLLIN } };
	char byte[64];

	for (;;) {
		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			return;
		if (fds[0].revents)
			return;
		if (fds[1].revents && read(STDIN_FILENO, byte, sizeof(byte)) <= 0)
			return;
	}
}

static bool port_of(const char *text, uint16_t *ret)
{
	char *end;
	unsigned long port = strtoul(text, &end, 10);

	*ret = (uint16_t)port;
	return *text >= '0' && *text <= '9' && !*end && port <= 65535;
}

static bool parse(int argc, char **argv, struct demo_options *ret)
{
	static const struct option longs[] = { { "port", required_argument, NULL, 'p' },
					       { "state", required_argument, NULL, 's' },
					       { "faults", no_argument, NULL, 'f' },
					       { NULL, 0, NULL, 0 } };
	int letter;
	bool ok = true;

	while ((letter = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (letter == 'p')
			ok = port_of(optarg, &ret->port) && ok;
		else if (letter == 's')
			ret->state = optarg;
		else if (letter == 'f')
			ret->faults = true;
		else
			ok = false;
	}
	return ok && optind == argc;
}

int main(int argc, char **argv)
{
	struct demo_options options = { .key = getenv("BATON_DEMO_SHOP_KEY") };
	struct sigaction action = { .sa_handler = on_signal };
	char line[128];
	uint16_t port;

	if (!parse(argc, argv, &options)) {
		say(STDERR_FILENO, "usage: baton-demo-shop [--port N] [--state FILE] [--faults]\n"
				   "BATON_DEMO_SHOP_KEY: the bearer key that it wants\n");
		return USAGE;
	}
	(void)signal(SIGPIPE, SIG_IGN);
	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
		return EXIT_FAILURE;
	(void)sigaction(SIGTERM, &action, NULL);
	(void)sigaction(SIGINT, &action, NULL);
	struct demo *demo = demo_start(&options, &port);
	if (!demo) {
		(void)snprintf(line, sizeof(line), "baton-demo-shop: not started: %s\n",
			       strerror(errno));
		say(STDERR_FILENO, line);
		return EXIT_FAILURE;
	}
	(void)snprintf(line, sizeof(line), "{\"ready\":true,\"base\":\"http://127.0.0.1:%u\"}\n",
		       port);
	say(STDOUT_FILENO, line);
	wait_for_end(fcntl(STDIN_FILENO, F_GETFD) >= 0);
	demo_stop(&demo);
	return EXIT_SUCCESS;
}
