/* SPDX-License-Identifier: Apache-2.0 */

/* Connections to the control socket: lines out, lines in, one poll() for all of them. */

#include "core/cli/drill.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

enum { READ_BYTES = 64 * 1024, LINE_MAX = 16 * 1024 * 1024 };

int drill_link_open(struct drill_run *run, struct drill_link *link)
{
	*link = (struct drill_link){ .fd = cli_control_connect(run->options->data) };
	if (link->fd < 0)
		return CLI_UNREACHABLE;
	(void)fcntl(link->fd, F_SETFL, fcntl(link->fd, F_GETFL) | O_NONBLOCK);
	return CLI_OK;
}

void drill_link_close(struct drill_link *link)
{
	if (link->fd >= 0)
		close(link->fd);
	link->fd = -1;
	baton_buf_done(&link->in);
	baton_buf_done(&link->out);
}

void drill_link_send(struct drill_link *link, const struct baton_buf *line)
{
	baton_buf_str(&link->out, baton_buf_view(line));
	baton_buf_add(&link->out, "\n", 1);
}

static bool flush(struct drill_link *link)
{
	while (link->out.n > 0) {
		ssize_t n = send(link->fd, link->out.p, link->out.n, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN;
		baton_buf_drop(&link->out, (size_t)n);
	}
	return true;
}

/* True with the next whole line taken out of `in`, its bytes in `line`. */
static bool next_line(struct drill_link *link, struct baton_buf *line)
{
	char *newline = link->in.n ? memchr(link->in.p, '\n', link->in.n) : NULL;

	if (!newline)
		return false;
	size_t n = (size_t)(newline - link->in.p);
	baton_buf_reset(line);
	baton_buf_add(line, link->in.p, n);
	baton_buf_drop(&link->in, n + 1);
	return true;
}

/* False: the other side has ended. */
static bool fill(struct drill_link *link)
{
	for (;;) {
		char *room = baton_buf_room(&link->in, READ_BYTES);
		ssize_t n = recv(link->fd, room, READ_BYTES, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return true;
		if (n <= 0 || link->in.n + (size_t)n > LINE_MAX)
			return false;
		link->in.n += (size_t)n;
	}
}

bool drill_links_wait(struct drill_run *run, uint64_t ms)
{
	struct pollfd fds[DRILL_LINKS_MAX];
	struct baton_buf line = { NULL, 0, 0 };
	bool up = true;

	for (size_t i = 0; i < run->n_links; i++) {
		up = up && flush(&run->links[i]);
		fds[i] =
			(struct pollfd){ run->links[i].fd,
					 (short)(POLLIN | (run->links[i].out.n ? POLLOUT : 0)), 0 };
	}
	/* A signal ends the wait early: the caller looks at its flag. */
	(void)poll(fds, run->n_links, ms > 1000 ? 1000 : (int)ms);
	for (size_t i = 0; i < run->n_links; i++) {
		struct drill_link *link = &run->links[i];

		if (fds[i].revents & POLLOUT)
			up = up && flush(link);
		if (fds[i].revents & (POLLIN | POLLHUP | POLLERR))
			up = fill(link) && up;
		while (next_line(link, &line))
			drill_talk_hear(run, link, baton_buf_view(&line));
	}
	baton_buf_done(&line);
	if (!up && !run->failed) {
		run->failed = true;
		snprintf(
			run->why, sizeof(run->why),
			"the server closed its control socket; what it held for this drill is gone with it");
	}
	return up;
}

bool drill_link_ask(struct drill_run *run, struct baton_buf *line)
{
	struct drill_link *link = &run->lease;
	struct baton_buf answer = { NULL, 0, 0 };
	struct baton_json object;
	struct baton_arena arena = { NULL, 0 };
	uint64_t until = drill_now(run) + DRILL_ANSWER_MS;
	bool heard = false, up = link->fd >= 0;

	if (up)
		drill_link_send(link, line);
	while (up && !heard && drill_now(run) < until) {
		struct pollfd fd = { link->fd, (short)(POLLIN | (link->out.n ? POLLOUT : 0)), 0 };

		up = flush(link);
		(void)poll(&fd, 1, 100);
		up = up && (fd.revents == 0 || fill(link) || link->in.n > 0);
		heard = next_line(link, &answer);
	}
	bool ok = heard && baton_json_parse(baton_buf_view(&answer), &object) == 0;
	struct baton_json yes = ok ? baton_json_get(&object, "ok") : (struct baton_json){ 0 };
	if (ok && !baton_json_bool(&yes)) {
		struct baton_json error = baton_json_get(&object, "error");
		struct baton_json message = baton_json_get(&error, "message");
		baton_str text = baton_json_text(&message, &arena);

		snprintf(run->why, sizeof(run->why), "the server refused: %.*s", (int)text.n,
			 text.n ? text.p : "");
	} else if (!ok) {
		snprintf(run->why, sizeof(run->why), "the server on %s does not answer",
			 run->options->data);
	}
	baton_arena_done(&arena);
	baton_buf_done(&answer);
	return ok && baton_json_bool(&yes);
}
