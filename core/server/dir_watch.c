/* SPDX-License-Identifier: Apache-2.0 */

/* Two directories, one question at a time: what changes while the loader works is asked after. */

#include "core/server/dir_watch.h"

#include "core/base/errors.h"
#include "core/base/log.h"
#include "core/server/control.h"
#include "core/server/loader.h"
#include "core/swap/watch_dir.h"

#include <stdio.h>

enum { LOOK_MS = 1000 }; /* how soon a `watch` that was switched on or off is noticed */

struct dir_watch {
	struct control *control;
	uint64_t timer;
	struct baton_dir_watch *policies, *modules;
	bool on, asking, again;
};

struct answer_mail {
	struct baton_mail mail;
	struct dir_watch *watch;
	int code;
	char text[LOADER_TEXT_MAX];
};

static void ask(struct dir_watch *watch);

/* [control] */
static void answer_deliver(struct baton_mail *mail, struct baton_loop *loop)
{
	struct answer_mail *letter = (struct answer_mail *)mail;
	struct dir_watch *watch = letter->watch;

	if (loop && letter->code < 0)
		baton_log(
			BATON_LOG_ERROR, "watch_refused", "ss", "why", letter->text, "hint",
			"what served before serves on; the files are read again when they change");
	else if (loop)
		baton_log(BATON_LOG_NOTICE, "watch_reloaded", "s", "text", letter->text);
	if (loop) {
		watch->asking = false;
		if (watch->again)
			ask(watch);
	}
	baton_free(letter);
}

/* [loader] */
static void answered(void *ud, const struct loader_answer *answer)
{
	struct dir_watch *watch = ud;
	struct answer_mail *letter = baton_new(struct answer_mail);

	letter->mail.deliver = answer_deliver;
	letter->watch = watch;
	letter->code = answer->code;
	snprintf(letter->text, sizeof(letter->text), "%s", answer->text ? answer->text : "");
	baton_loop_post(watch->control->loop, &letter->mail);
}

static void ask(struct dir_watch *watch)
{
	struct loader_request request = { .verb = LOADER_RELOAD,
					  .cause = "watch",
					  .why = "files have changed" };

	watch->again = false;
	watch->asking = true;
	loader_ask(watch->control->server, &request,
		   &(struct loader_asker){ .ud = watch, .done = answered });
}

static void settled(void *ud)
{
	struct dir_watch *watch = ud;

	if (watch->asking)
		watch->again = true;
	else
		ask(watch);
}

static void begin(struct dir_watch *watch, uint32_t settle_ms)
{
	static const char *const policies[] = { ".yaml", ".md", NULL };
	static const char *const modules[] = { ".so", NULL };
	const struct baton_server_options *options = &watch->control->server->options;
	struct baton_dir_watch_options about = { .path = options->policies,
						 .ends = policies,
						 .settle_ms = settle_ms,
						 .ud = watch,
						 .settled = settled };

	watch->on = true;
	watch->policies = baton_dir_watch_new(watch->control->loop, &about);
	about.path = options->modules_dir;
	about.ends = modules;
	watch->modules = baton_dir_watch_new(watch->control->loop, &about);
	baton_log(BATON_LOG_NOTICE, "watch_begins", "ss", "policies", options->policies, "modules",
		  options->modules_dir);
}

static void end(struct dir_watch *watch)
{
	watch->on = false;
	baton_dir_watch_free(&watch->policies);
	baton_dir_watch_free(&watch->modules);
}

/* What the live release says, now and then: it may have said otherwise before. */
static void look(void *ud)
{
	struct dir_watch *watch = ud;
	struct baton_release *live = loader_live(watch->control->server);
	struct baton_release_def def = { .watch = false };

	if (live)
		def = baton_release_policy(live)->releases;
	baton_release_unref(&live);
	watch->timer = baton_loop_timer(watch->control->loop, LOOK_MS, look, watch);
	if (def.watch && !watch->on)
		begin(watch, def.settle_ms);
	else if (!def.watch && watch->on) {
		end(watch);
		baton_log(BATON_LOG_NOTICE, "watch_ends", "");
	}
	if (watch->policies)
		baton_dir_watch_settle(watch->policies, def.settle_ms);
	if (watch->modules)
		baton_dir_watch_settle(watch->modules, def.settle_ms);
}

struct dir_watch *dir_watch_start(struct control *control)
{
	struct dir_watch *watch = baton_new(struct dir_watch);

	watch->control = control;
	look(watch);
	return watch;
}

void dir_watch_stop(struct dir_watch **watch)
{
	struct dir_watch *w = *watch;

	*watch = NULL;
	if (!w)
		return;
	(void)baton_loop_timer_stop(w->control->loop, w->timer);
	end(w);
	baton_free(w);
}
