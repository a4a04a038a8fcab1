/* SPDX-License-Identifier: Apache-2.0 */

/* baton dev FILE.so --chat: a conversation with a module, in a real server of its own that forgets
 * everything at the end. Each saved build of the file is swapped in; the conversation goes on.
 * Tools and guards are asked directly (dev_bench.c).
 *
 * Without a terminal lines are taken from standard input one after the other, each when the one
 * before is answered; so a session can be written down as a test. */

#include "core/cli/dev.h"

#include <errno.h>
#include <libgen.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

enum {
	NO_RUN_MS = 1500, /* acknowledged, and nobody works on it: a person has the conversation */
	TURN_MS = 60000,
	TYPED_MAX = 1024 * 1024
};

static volatile sig_atomic_t interrupted;

static void on_interrupt(int number)
{
	(void)number;
	interrupted = 1;
}

bool dev_interrupted(void)
{
	return interrupted;
}

static void prompt(const struct dev *dev)
{
	if (dev->tty && !dev->busy && !dev->quit)
		printf("you> ");
	fflush(stdout);
}

/* --- what is sent ---------------------------------------------------------------------------- */

static void say(struct dev *dev, baton_str text)
{
	struct baton_buf line = { NULL, 0, 0 };

	baton_buf_printf(&line,
			 "{\"key\":\"dev\",\"msg\":{\"id\":\"m%u\",\"text\":", ++dev->messages);
	baton_buf_json(&line, text);
	baton_buf_z(&line, "}}");
	if (!dev->tty)
		printf("you: %.*s\n", (int)text.n, text.p);
	dev->busy = true;
	dev->running = false;
	dev->ack_ms = dev->first_ms = 0;
	dev->asked_ms = cli_now_ms();
	dev->failed = dev->failed || !dev_link_send(&dev->talk, &line);
	baton_buf_done(&line);
}

static void swap(struct dev *dev)
{
	struct baton_buf line = { NULL, 0, 0 };

	dev->changed_ms = 0;
	if (dev_set_take(dev) != CLI_OK)
		return;
	baton_buf_z(&line, "{\"do\":\"module.swap\",\"steps\":true,\"why\":\"saved\",\"module\":");
	baton_buf_json(&line, baton_str_of(dev->name));
	baton_buf_z(&line, "}");
	dev->swapping = dev_link_send(&dev->admin, &line);
	baton_buf_done(&line);
}

/* The next line waits for the answer. */
static void ask_modules(struct dev *dev, enum dev_asked what)
{
	struct baton_buf line = { NULL, 0, 0 };

	baton_buf_z(&line, "{\"do\":\"modules\"}");
	dev->asked = what;
	dev->swapping = dev_link_send(&dev->admin, &line);
	baton_buf_done(&line);
}

static void command(struct dev *dev, baton_str text)
{
	if (baton_str_is(text, ":quit") || baton_str_is(text, ":q"))
		dev->quit = true;
	else if (baton_str_is(text, ":swap"))
		swap(dev);
	else if (baton_str_is(text, ":stats"))
		ask_modules(dev, DEV_ASKED_STATS);
	else
		printf("  :swap (read the file again), :stats, :quit; anything else is said\n");
}

/* The next line that was typed, if nothing is under way. */
static void next_typed(struct dev *dev)
{
	struct baton_buf line = { NULL, 0, 0 };

	while (!dev->busy && !dev->swapping && !dev->quit && cli_line(&dev->typed, &line)) {
		baton_str text = baton_buf_view(&line);
		while (text.n > 0 && (text.p[text.n - 1] == '\r' || text.p[text.n - 1] == ' '))
			text.n--;
		if (text.n == 0)
			prompt(dev);
		else if (text.p[0] == ':')
			command(dev, text);
		else if (!baton_str_utf8_ok(text))
			printf("  ! that is not UTF-8\n");
		else
			say(dev, text);
	}
	baton_buf_done(&line);
	/* A last line without its newline counts, too. */
	if (dev->eof && dev->typed.n > 0 && !memchr(dev->typed.p, '\n', dev->typed.n))
		baton_buf_z(&dev->typed, "\n");
	else if (dev->eof && dev->typed.n == 0 && !dev->busy && !dev->swapping)
		dev->quit = true;
}

/* --- what comes ------------------------------------------------------------------------------ */

static void hear(struct dev *dev, struct dev_link *link,
		 void (*show)(struct dev *dev, baton_str line))
{
	struct baton_buf line = { NULL, 0, 0 };

	if (!cli_take(link->fd, &link->in))
		dev->failed = true;
	while (cli_line(&link->in, &line)) {
		bool busy = dev->busy, waiting = dev->busy || dev->swapping;
		show(dev, baton_buf_view(&line));
		if (busy && !dev->busy && !dev->swapping)
			ask_modules(dev, DEV_ASKED_STEPS);
		if (waiting && !dev->busy && !dev->swapping)
			prompt(dev);
	}
	baton_buf_done(&line);
}

static void hear_log(struct dev *dev)
{
	struct baton_buf line = { NULL, 0, 0 };

	if (!cli_take(dev->child.err, &dev->child.err_text))
		dev->failed = true;
	while (cli_line(&dev->child.err_text, &line))
		dev_show_log(dev, baton_buf_view(&line));
	baton_buf_done(&line);
}

void dev_watch_hear(struct dev *dev)
{
	char bytes[4096] __attribute__((aligned(8)));
	ssize_t n = read(dev->watch, bytes, sizeof(bytes));

	for (ssize_t at = 0; at < n;) {
		struct inotify_event event;
		memcpy(&event, bytes + at, sizeof(event));
		const char *name = bytes + at + sizeof(event);
		if (event.len > 0 && strcmp(name, dev->base) == 0)
			dev->changed_ms = cli_now_ms();
		at += (ssize_t)(sizeof(event) + event.len);
	}
}

static void hear_typed(struct dev *dev)
{
	if (!cli_take(STDIN_FILENO, &dev->typed) || dev->typed.n > TYPED_MAX)
		dev->eof = true;
}

/* --- the clock ------------------------------------------------------------------------------- */

static void look_at_clock(struct dev *dev)
{
	uint64_t now = cli_now_ms();

	if (dev->changed_ms && now - dev->changed_ms >= DEV_SETTLE_MS && !dev->swapping)
		swap(dev);
	if (dev->busy && dev->ack_ms && !dev->running && now - dev->ack_ms > NO_RUN_MS) {
		printf("  nobody answers: a person has the conversation\n");
		dev->busy = false;
		prompt(dev);
	}
	if (dev->busy && now - dev->asked_ms > TURN_MS) {
		printf("  ! no answer within a minute\n");
		dev->busy = false;
		prompt(dev);
	}
}

static void turn(struct dev *dev)
{
	struct pollfd fds[] = { { dev->eof ? -1 : STDIN_FILENO, POLLIN, 0 },
				{ dev->talk.fd, POLLIN, 0 },
				{ dev->admin.fd, POLLIN, 0 },
				{ dev->child.err, POLLIN, 0 },
				{ dev->watch, POLLIN, 0 } };

	if (poll(fds, sizeof(fds) / sizeof(fds[0]), 50) < 0 && errno != EINTR)
		dev->failed = true;
	if (fds[0].revents)
		hear_typed(dev);
	if (fds[3].revents)
		hear_log(dev);
	if (fds[1].revents)
		hear(dev, &dev->talk, dev_show_talk);
	if (fds[2].revents)
		hear(dev, &dev->admin, dev_show_admin);
	if (fds[4].revents)
		dev_watch_hear(dev);
	look_at_clock(dev);
	next_typed(dev);
}

/* --- life ------------------------------------------------------------------------------------ */

static int open_talk(struct dev *dev)
{
	struct baton_buf line = { NULL, 0, 0 };
	int rc = dev_link_open(dev, &dev->talk);

	if (rc == CLI_OK)
		rc = dev_link_open(dev, &dev->admin);
	baton_buf_z(&line,
		    "{\"do\":\"converse\",\"key\":\"dev\",\"channel\":\"dev\",\"locale\":\"en\","
		    "\"as\":\"agent\",\"deltas\":true}");
	if (rc == CLI_OK && !dev_link_send(&dev->talk, &line))
		rc = CLI_FAILED;
	baton_buf_done(&line);
	return rc;
}

static int open_watch(struct dev *dev)
{
	char dir[PATH_MAX];

	snprintf(dir, sizeof(dir), "%s", dev->file);
	*strrchr(dir, '/') = '\0';
	dev->watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (dev->watch < 0 ||
	    inotify_add_watch(dev->watch, dir[0] ? dir : "/", IN_CLOSE_WRITE | IN_MOVED_TO) < 0) {
		fprintf(stderr, "baton dev: cannot watch %s: %s\n", dir, strerrordesc_np(errno));
		return CLI_FAILED;
	}
	return CLI_OK;
}

static int chat(struct dev *dev)
{
	int rc = dev_set_make(dev);

	if (rc == CLI_OK)
		rc = open_watch(dev);
	if (rc == CLI_OK && (strcmp(dev->kind, "tool") == 0 || strcmp(dev->kind, "guard") == 0))
		return dev_bench(dev);
	if (rc == CLI_OK)
		rc = dev_server_start(dev);
	if (rc == CLI_OK)
		rc = open_talk(dev);
	if (rc != CLI_OK)
		return rc;
	printf("%s is %s, a %s; each build that is saved is swapped in. :stats, :swap, :quit\n",
	       dev->base, dev->name, dev->kind);
	ask_modules(dev, DEV_ASKED_BASE);
	while (!dev->quit && !dev->failed && !interrupted)
		turn(dev);
	if (dev->failed)
		fprintf(stderr, "baton dev: the server has ended; what it logged is above\n");
	return dev->failed ? CLI_FAILED : CLI_OK;
}

int cli_dev(const struct cli_options *options)
{
	struct dev dev = { .options = options,
			   .tty = isatty(STDIN_FILENO) == 1,
			   .watch = -1,
			   .talk = { .fd = -1 },
			   .admin = { .fd = -1 } };
	const struct sigaction action = { .sa_handler = on_interrupt };

	cli_log_to_stderr("error");
	(void)sigaction(SIGINT, &action, NULL);
	(void)sigaction(SIGTERM, &action, NULL);
	int rc = chat(&dev);
	dev_link_close(&dev.talk);
	dev_link_close(&dev.admin);
	if (dev.watch >= 0)
		close(dev.watch);
	cli_child_stop(&dev.child);
	dev_set_remove(&dev);
	baton_buf_done(&dev.typed);
	return rc;
}
