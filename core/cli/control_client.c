/* SPDX-License-Identifier: Apache-2.0 */

/* One question to a running server over its control socket, and what is said when there is none.
 * Blocking and bounded: a server that does not answer within ten seconds is not one that runs; one
 * that brings in a release may take minutes, and tells meanwhile how far it is. */

#include "core/cli/cli.h"

#include "core/base/json.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { ASK_MS = 10000, FOLLOW_MS = 600000, ANSWER_MAX = 16 * 1024 * 1024, READ_BYTES = 64 * 1024 };

/* The path of a data folder may be longer than a Unix address holds: it goes by a descriptor. */
static int connect_in(const char *data)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int dir = open(data, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int fd = dir >= 0 ? socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0) : -1;

	snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/control.sock", dir);
	if (fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof(address)) != 0) {
		int why = errno;

		close(fd);
		fd = -1;
		errno = why;
	}
	int why = errno;
	if (dir >= 0)
		close(dir);
	errno = why;
	return fd;
}

int cli_control_connect(const char *data)
{
	int fd = connect_in(data);

	if (fd >= 0)
		return fd;
	if (errno == EACCES || errno == EPERM)
		fprintf(stderr,
			"baton: the server's socket in %s is for the account that runs it; become that account,"
			" or root\n",
			data);
	else
		fprintf(stderr,
			"baton: no server is running on this data folder (%s): start it with `baton serve --data"
			" %s`, or name its folder with --data\n",
			data, data);
	return -1;
}

static int64_t now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Until the buffer holds a whole line. False: it ended, or nothing came for `ms`. */
static bool read_line(int fd, struct baton_buf *in, int64_t ms, size_t *ret_n)
{
	int64_t until = now_ms() + ms;
	size_t looked = 0;

	while (in->n < ANSWER_MAX) {
		struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
		char *newline =
			in->n > looked ? memchr(in->p + looked, '\n', in->n - looked) : NULL;
		int64_t left = until - now_ms();

		if (newline) {
			*ret_n = (size_t)(newline - in->p);
			return true;
		}
		looked = in->n;
		if (left <= 0 || poll(&poll_fd, 1, (int)left) == 0)
			return false;
		ssize_t n = read(fd, baton_buf_room(in, READ_BYTES), READ_BYTES);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		in->n += (size_t)n;
	}
	return false;
}

/* Facts come before the answer, which is the line with an `ok`. */
static bool read_answer(int fd, const struct cli_follower *follower, struct baton_buf *answer)
{
	struct baton_buf in = { NULL, 0, 0 };
	struct baton_json object, ok;
	bool heard = false;
	size_t n;

	while (!heard && read_line(fd, &in, follower ? FOLLOW_MS : ASK_MS, &n)) {
		if (baton_json_parse((baton_str){ in.p, n }, &object) < 0)
			break;
		ok = baton_json_get(&object, "ok");
		heard = ok.type != BATON_JSON_NONE;
		if (heard)
			baton_buf_add(answer, in.p, n);
		else if (follower && follower->fact)
			follower->fact(follower->ud, &object);
		baton_buf_drop(&in, n + 1);
	}
	baton_buf_done(&in);
	return heard;
}

static void print_refusal(const struct baton_json *answer)
{
	struct baton_json error = baton_json_get(answer, "error");
	struct baton_json message = baton_json_get(&error, "message");
	struct baton_arena arena = { NULL, 0 };
	baton_str text = baton_json_text(&message, &arena);

	fprintf(stderr, "baton: %.*s\n", (int)text.n, text.n ? text.p : "");
	baton_arena_done(&arena);
}

int cli_control_follow(const struct cli_options *options, struct baton_buf *request,
		       const struct cli_follower *follower, struct baton_buf *answer)
{
	struct baton_json object;

	int fd = cli_control_connect(options->data);
	if (fd < 0)
		return CLI_UNREACHABLE;
	baton_buf_add(request, "\n", 1);
	cli_write(fd, baton_buf_view(request));
	bool heard = read_answer(fd, follower, answer);
	close(fd);
	if (!heard || baton_json_parse(baton_buf_view(answer), &object) < 0) {
		fprintf(stderr, "baton: the server on %s did not answer; look into its log\n",
			options->data);
		return CLI_UNREACHABLE;
	}
	struct baton_json ok = baton_json_get(&object, "ok");
	if (baton_json_bool(&ok))
		return CLI_OK;
	if (options->json) {
		cli_write(STDOUT_FILENO, baton_buf_view(answer));
		cli_write(STDOUT_FILENO, BATON_STR("\n"));
	}
	print_refusal(&object);
	return CLI_FAILED;
}

int cli_control_ask(const struct cli_options *options, struct baton_buf *request,
		    struct baton_buf *answer)
{
	return cli_control_follow(options, request, NULL, answer);
}
