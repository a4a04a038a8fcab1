/* SPDX-License-Identifier: Apache-2.0 */

/* What happens to releases and modules, told: a line in the server's log, an event in the
 * operations log. The event travels to the control thread with its words; before there is one,
 * and after, only the line is written. */

#include "core/server/releases.h"

#include "core/base/log.h"
#include "core/server/control.h"
#include "core/server/figures.h"
#include "core/server/operations.h"

struct news_mail {
	struct baton_mail mail;
	struct control *control;
	struct baton_event event;
	struct baton_arena arena;
};

static void news_deliver(struct baton_mail *mail, struct baton_loop *loop)
{
	struct news_mail *letter = (struct news_mail *)mail;

	if (loop && letter->control->operations)
		operations_note(letter->control->operations, &letter->event);
	baton_arena_done(&letter->arena);
	baton_free(letter);
}

static struct news_mail *news_new(struct loader *loader)
{
	struct control *control = loader->server->control;
	struct news_mail *letter;

	if (!control || !control->loop)
		return NULL;
	letter = baton_new(struct news_mail);
	letter->mail.deliver = news_deliver;
	letter->control = control;
	letter->event.unix_ms = baton_loop_unix_ms();
	return letter;
}

static baton_str keep(struct news_mail *letter, const char *text)
{
	size_t n = text ? strlen(text) : 0;

	return n ? (baton_str){ baton_arena_dup(&letter->arena, text, n), n } : BATON_STR("");
}

void release_log(struct loader *loader, const struct release_news *news)
{
	bool bad = strcmp(news->state, "refused") == 0 || strcmp(news->state, "rolled_back") == 0;
	struct news_mail *letter = news_new(loader);

	figures_release(loader->figures, news->state);
	baton_log(bad ? BATON_LOG_WARN : BATON_LOG_INFO, "release_changed", "usssssu", "release",
		  news->number, "state", news->state, "cause", news->cause ? news->cause : "", "by",
		  news->by ? news->by : "", "why", news->why ? news->why : "", "sha256",
		  news->sha12 ? news->sha12 : "", "ms", news->ms);
	if (!letter)
		return;
	letter->event.type = BATON_EV_RELEASE_CHANGED;
	letter->event.release_changed = (struct baton_ev_release_changed){
		.release = news->number,
		.state = keep(letter, news->state),
		.cause = keep(letter, news->cause),
		.by = keep(letter, news->by),
		.why = keep(letter, news->why),
		.sha256 = keep(letter, news->sha12),
		.ms = news->ms,
		.values = news->values.n
				  ? (baton_str){ baton_arena_dup(&letter->arena, news->values.p,
								 news->values.n),
						 news->values.n }
				  : BATON_STR(""),
	};
	baton_loop_post(letter->control->loop, &letter->mail);
}

void release_log_step(void *ud, const struct baton_module_step *step)
{
	struct loader *loader = ud;
	struct news_mail *letter = news_new(loader);
	static const char digits[] = "0123456789abcdef";
	char sha12[13] = "";

	figures_step(loader->figures, step);
	change_heard_step(step);
	if (!letter)
		return;
	for (size_t i = 0; i < 6; i++) {
		sha12[2 * i] = digits[step->sha256[i] >> 4];
		sha12[2 * i + 1] = digits[step->sha256[i] & 15];
	}
	letter->event.type = BATON_EV_MODULE_CHANGED;
	letter->event.module_changed = (struct baton_ev_module_changed){
		.module = keep(letter, step->module),
		.generation = step->generation,
		.state = keep(letter, step->state),
		.release = atomic_load(&loader->staging),
		.version = keep(letter, step->version),
		.sha256 = keep(letter, sha12),
		.us = step->us,
		.reason = keep(letter, step->reason),
	};
	baton_loop_post(letter->control->loop, &letter->mail);
}
