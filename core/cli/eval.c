/* SPDX-License-Identifier: Apache-2.0 */

/* baton eval: the same conversations with the set that serves and with one that might. Each side is
 * a whole server of its own: the same journal, turns, guards and modules as in front of customers.
 * Models are really asked, and cost what they cost; tools that write are not performed. */

#include "core/cli/eval.h"

#include "core/cli/report.h"
#include "core/cli/sets.h"
#include "core/module/scratch.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { WAIT_MS = 50, PROGRESS_MS = 2000 };

struct eval {
	const struct cli_options *options;
	struct eval_set set;
	struct eval_side old, now;
	char dir[BATON_SCRATCH_BYTES], secrets[4096];
};

static volatile sig_atomic_t interrupted;

static void on_interrupt(int number)
{
	(void)number;
	interrupted = 1;
}

/* --- what is said ---------------------------------------------------------------------------- */

static int read_set(struct eval *eval)
{
	const struct cli_options *o = eval->options;
	uint64_t now = cli_unix_ms(), since = 0, until = now;

	if (o->operand)
		return eval_read_file(o->operand, &eval->set);
	if (!cli_report_when(o->since ? o->since : "24h", now, &since) ||
	    (o->until && !cli_report_when(o->until, now, &until)) || since > until) {
		fprintf(stderr, "baton eval: --since and --until are a time: 24h, or "
				"2026-11-20T08:00Z\n");
		return CLI_USAGE;
	}
	return eval_read_journal(o->data, since, until, &eval->set);
}

/* --- both servers ---------------------------------------------------------------------------- */

/* Errors of a set are worth reading; the rest of its log is not. */
static void tell_error(void *ud, baton_str line)
{
	(void)ud;
	if (line.n > 0 && memmem(line.p, line.n, "\"level\":\"error\"", 15))
		fprintf(stderr, "baton eval: %.*s\n", (int)line.n, line.p);
}

static int start_side(struct eval *eval, struct eval_side *side, const char *name)
{
	const struct cli_options *o = eval->options;
	struct cli_child_options options = { .policies = side->policies,
					     .data = side->data,
					     .modules = o->modules,
					     .secrets = eval->secrets,
					     .allow_loopback_http = o->allow_loopback_http,
					     .log = tell_error };

	side->set = &eval->set;
	snprintf(side->data, sizeof(side->data), "%s/%s", eval->dir, name);
	if (cli_child_start(&side->child, &options) == CLI_OK)
		return eval_side_open(side);
	fprintf(stderr,
		"baton eval: a server with the set in %s did not start; run `baton check %s`\n",
		side->policies, side->policies);
	return CLI_FAILED;
}

static int start(struct eval *eval)
{
	const struct cli_options *o = eval->options;

	if (o->secrets)
		snprintf(eval->secrets, sizeof(eval->secrets), "%s", o->secrets);
	else
		snprintf(eval->secrets, sizeof(eval->secrets), "%s/secrets", o->data);
	if (baton_scratch_make(eval->dir, "eval") != BATON_OK) {
		fprintf(stderr, "baton eval: cannot make a folder below TMPDIR: %s\n",
			strerrordesc_np(errno));
		return CLI_FAILED;
	}
	int rc = start_side(eval, &eval->old, "now");
	return rc == CLI_OK ? start_side(eval, &eval->now, "candidate") : rc;
}

/* --- the conversations ------------------------------------------------------------------------ */

static bool is_over(const struct eval *eval)
{
	return eval->old.over == eval->set.n && eval->now.over == eval->set.n;
}

static void tell_progress(const struct eval *eval, uint64_t *next_ms)
{
	uint64_t now = cli_now_ms();

	if (now < *next_ms)
		return;
	*next_ms = now + PROGRESS_MS;
	fprintf(stderr, "baton: %zu and %zu of %zu conversations\n", eval->old.over, eval->now.over,
		eval->set.n);
}

static void hear_log(struct eval_side *side)
{
	struct baton_buf line = { NULL, 0, 0 };

	if (!cli_take(side->child.err, &side->child.err_text))
		side->gone = true;
	while (cli_line(&side->child.err_text, &line))
		tell_error(NULL, baton_buf_view(&line));
	baton_buf_done(&line);
}

static void move_both(struct eval *eval)
{
	struct eval_side *sides[] = { &eval->old, &eval->now };
	struct pollfd fds[4];

	for (int i = 0; i < 2; i++) {
		eval_side_tick(sides[i]);
		fds[2 * i] =
			(struct pollfd){ sides[i]->fd,
					 (short)(POLLIN | (sides[i]->out.n ? POLLOUT : 0)), 0 };
		fds[2 * i + 1] = (struct pollfd){ sides[i]->child.err, POLLIN, 0 };
	}
	(void)poll(fds, 4, WAIT_MS);
	for (int i = 0; i < 2; i++) {
		eval_side_move(sides[i], fds[2 * i].revents);
		if (fds[2 * i + 1].revents)
			hear_log(sides[i]);
	}
}

static int hold_all(struct eval *eval)
{
	uint64_t next_ms = cli_now_ms() + PROGRESS_MS;

	while (!is_over(eval) && !interrupted && !eval->old.gone && !eval->now.gone) {
		move_both(eval);
		tell_progress(eval, &next_ms);
	}
	if (!eval->old.gone && !eval->now.gone)
		return CLI_OK; /* what was there when it was interrupted is told */
	fprintf(stderr, "baton eval: the server with %s has ended\n",
		eval->old.gone ? eval->old.policies : eval->now.policies);
	return CLI_FAILED;
}

/* --- what came of it -------------------------------------------------------------------------- */

static int show(const struct eval *eval)
{
	struct eval_sum sum;
	struct baton_buf out = { NULL, 0, 0 }, page = { NULL, 0, 0 };
	int rc = CLI_OK;

	eval_sum(&eval->set, &eval->old, &eval->now, &sum);
	struct eval_result result = { &eval->set, &eval->old, &eval->now, &sum };
	if (eval->options->json)
		eval_show_json(&result, &out);
	else
		eval_show_text(&result, &out);
	cli_write(STDOUT_FILENO, baton_buf_view(&out));
	if (eval->options->html) {
		eval_show_page(&result, &page);
		rc = cli_write_file(eval->options->html, baton_buf_view(&page));
	}
	if (rc == CLI_OK && sum.changed > 0)
		rc = CLI_DIFFERS;
	baton_buf_done(&out);
	baton_buf_done(&page);
	eval_sum_done(&sum);
	return rc;
}

int cli_eval(const struct cli_options *options)
{
	struct eval eval = { .options = options, .old = { .fd = -1 }, .now = { .fd = -1 } };
	const struct sigaction action = { .sa_handler = on_interrupt };

	cli_log_to_stderr("error");
	(void)sigaction(SIGINT, &action, NULL);
	(void)sigaction(SIGTERM, &action, NULL);
	int rc = read_set(&eval);
	if (rc == CLI_OK)
		rc = cli_sets_find(options, eval.old.policies, eval.now.policies);
	if (rc == CLI_OK)
		rc = start(&eval);
	if (rc == CLI_OK)
		rc = hold_all(&eval);
	if (rc == CLI_OK)
		rc = show(&eval);
	eval_side_done(&eval.old);
	eval_side_done(&eval.now);
	eval_set_done(&eval.set);
	baton_scratch_drop(eval.dir);
	return rc;
}
