/* SPDX-License-Identifier: Apache-2.0 */

/* A release on its way in decides yesterday's conversations once more, beside the live one. What
 * would change is said with the answer; more than releases.yaml allows is a refusal. */

#include "core/server/releases.h"

#include "core/base/errors.h"
#include "core/base/log.h"
#include "core/swap/ask.h"

#include <pthread.h>
#include <stdio.h>
#include <sys/resource.h>

enum { ASIDE_NICE = 15 };

/* Thousands of decisions keep a core busy for a while: in a thread that gives way to the event
 * loops. The loader's own priority must stay: processes of isolated modules have it from there. */
struct aside {
	struct baton_replay_options options;
	struct baton_replay_sum *sum;
	int rc;
};

/* Whoever reloads policies wants to know; for a module alone the answer would take longer than the
 * swap, so it is asked only where a limit says that it matters. */
static bool is_wanted(const struct change *change, const struct baton_release_def *def)
{
	bool limited = def->max_changed_ppm < 1000000;
	bool rules = false;
	struct baton_generation_view view;
	const struct baton_release *live = change->loader->live->release;

	for (size_t i = 0; i < baton_release_size(change->book->release); i++) {
		baton_release_view(change->book->release, i, &view);
		rules |= strcmp(view.kind, "rule") == 0 &&
			 !baton_release_shares(change->book->release, i, live);
	}
	return def->replay_turns > 0 && (change->book->files_changed > 0 || (rules && limited));
}

static void keep_line(struct change *change, const struct baton_replay_sum *sum)
{
	struct baton_buf line = { NULL, 0, 0 };

	baton_replay_line(sum, &line);
	snprintf(change->tried, sizeof(change->tried), "%.*s", (int)line.n, line.n ? line.p : "");
	baton_buf_done(&line);
}

static void *replay_aside(void *ud)
{
	struct aside *aside = ud;

	(void)setpriority(PRIO_PROCESS, 0, ASIDE_NICE); /* of this thread alone, on Linux */
	aside->rc = baton_replay_run(&aside->options, aside->sum);
	return NULL;
}

static int replay(const struct baton_replay_options *options, struct baton_replay_sum *sum)
{
	struct aside aside = { .options = *options, .sum = sum };
	pthread_t thread;

	if (pthread_create(&thread, NULL, replay_aside, &aside) != 0)
		return baton_replay_run(options, sum);
	pthread_join(thread, NULL);
	return aside.rc;
}

int change_try(struct change *change, char *why, size_t cap)
{
	struct loader *loader = change->loader;
	const struct baton_release_def *def =
		&baton_release_policy(change->book->release)->releases;
	struct baton_replay_sum sum;

	if (!loader->live || change->request.verb == LOADER_ROLLBACK || !is_wanted(change, def))
		return BATON_OK;
	int rc = replay(&(struct baton_replay_options){ .journal = loader->server->journal,
							.turns = def->replay_turns,
							.old = loader->live->release,
							.now = change->book->release },
			&sum);
	change_step(change, "", "replayed");
	if (rc < 0) {
		/* Where no limit is set nothing depends on it. */
		baton_log(BATON_LOG_WARN, "replay_failed", "us", "release", change->book->number,
			  "code", baton_error_info(rc)->wire);
		if (def->max_changed_ppm >= 1000000 || change->request.force)
			return BATON_OK;
		snprintf(
			why, cap,
			"recorded decisions could not be tried (%s), and releases.yaml has a limit; "
			"`baton reload --force` activates it anyway",
			baton_error_info(rc)->wire);
		return rc;
	}
	if (sum.turns > 0)
		keep_line(change, &sum);
	if (!change->request.force && baton_replay_blocks(&sum, def->max_changed_ppm)) {
		struct baton_buf text = { NULL, 0, 0 };

		baton_replay_refusal(&sum, def->max_changed_ppm, &text);
		snprintf(why, cap, "%s", text.p);
		baton_buf_done(&text);
		rc = BATON_E_POLICY;
	}
	baton_replay_sum_done(&sum);
	return rc;
}
