/* SPDX-License-Identifier: Apache-2.0 */

/* A server of a command's own: this very program once more, as `baton serve` with one worker, on a
 * port that nobody knows and with a control socket in its data. For `baton dev` and `baton eval`. */
#pragma once

#include "core/cli/cli.h"

#include <sys/types.h>

struct cli_child {
	pid_t pid;    /* 0: none */
	int out, err; /* what it prints; -1: none */
	struct baton_buf out_text, err_text;
};

struct cli_child_options {
	const char *policies, *data, *modules, *secrets /* NULL: DATA/secrets */;
	bool allow_loopback_http;
	void *ud;
	void (*log)(void *ud, baton_str line); /* a line of its log while it starts; may be NULL */
};

/* CLI_OK when it is ready to serve; CLI_FAILED if that does not come within 30 s. Stop it either way. */
int cli_child_start(struct cli_child *child, const struct cli_child_options *options);
/* Asks it to end, and ends it after three seconds. Nothing happens if there is none. */
void cli_child_stop(struct cli_child *child);

/* Reads what has come; false: it is closed. */
bool cli_take(int fd, struct baton_buf *to);
/* The next whole line, without its newline; false: none. `line` is emptied first. */
bool cli_line(struct baton_buf *from, struct baton_buf *line);
/* Monotonic. */
uint64_t cli_now_ms(void);
