/* SPDX-License-Identifier: Apache-2.0 */

/* baton dev, inside: dev.c (what happens when), dev_set.c (the folder the little server works in and
 * the set it serves), dev_link.c (its server and its control socket), dev_show.c (what is printed),
 * dev_bench.c (tools and guards, which are asked without a conversation). */
#pragma once

#include "core/cli/child.h"
#include "core/module/scratch.h"

#include <limits.h>
#include <sys/types.h>

enum {
	DEV_NAME_BYTES = 72,
	DEV_TIMES_MAX = 32,
	DEV_SETTLE_MS = 300 /* a linker writes more than once */
};

/* What the `modules` verb was asked for. */
enum dev_asked { DEV_ASKED_NOTHING, DEV_ASKED_BASE, DEV_ASKED_STEPS, DEV_ASKED_STATS };

/* How long one generation has worked, when it was looked at last. */
struct dev_time {
	uint64_t generation, stays_us, calls_us;
};

struct dev_link {
	int fd; /* -1: none */
	struct baton_buf in;
};

struct dev {
	const struct cli_options *options;
	char file[PATH_MAX];                 /* the module as it was given, absolute */
	const char *base;                    /* its last part */
	char stored[DEV_NAME_BYTES];         /* and how it is called in the set */
	char dir[BATON_SCRATCH_BYTES];       /* ours: policies, modules, data */
	char data[BATON_SCRATCH_BYTES + 16]; /* in it */
	char kind[32], name[DEV_NAME_BYTES]; /* of the module in the set */

	struct cli_child child;
	struct dev_link talk, admin; /* the conversation; swaps and questions */
	int watch;                   /* inotify */
	uint64_t changed_ms;         /* the file changed then; 0: no */
	bool swapping, tty, eof, quit, failed;

	struct baton_buf typed; /* lines not sent yet */
	unsigned messages;
	bool busy;       /* a message is being answered */
	bool running;    /* the server works on it */
	uint64_t ack_ms; /* it was durable then; 0: not yet */
	uint64_t asked_ms, first_ms;
	bool mid_line; /* a delta was printed without a newline */
	enum dev_asked asked;
	struct dev_time times[DEV_TIMES_MAX];
	size_t n_times;
};

/* --- dev.c --- */
bool dev_interrupted(void);
void dev_watch_hear(struct dev *dev); /* sets `changed_ms` if it was the file */
/* --- dev_bench.c --- CLI_*, when there is nothing more to say */
int dev_bench(struct dev *dev);

/* --- dev_set.c --- CLI_OK, or CLI_FAILED with a line on stderr --- */
int dev_set_make(struct dev *dev);
/* The file again, into the server's folder. */
int dev_set_take(struct dev *dev);
void dev_set_remove(struct dev *dev);

/* --- dev_link.c --- */
int dev_server_start(struct dev *dev);
int dev_link_open(struct dev *dev, struct dev_link *link);
void dev_link_close(struct dev_link *link);
bool dev_link_send(struct dev_link *link, const struct baton_buf *line);
/* --- dev_show.c --- */
/* A line of the conversation's connection; true: the turn has ended with it. */
void dev_show_talk(struct dev *dev, baton_str line);
void dev_show_admin(struct dev *dev, baton_str line);
void dev_show_log(struct dev *dev, baton_str line);
