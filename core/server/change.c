/* SPDX-License-Identifier: Apache-2.0 */

/* One change of what is served, from the request to the answer. How a new release is brought in
 * is in bring_in.c; here is what follows when it is there (publishing, a canary, the old one
 * that drains), what else can be asked, and what is said in the end. */

#include "core/server/releases.h"

#include "core/base/errors.h"
#include "core/base/log.h"
#include "core/server/exporter.h"
#include "core/server/figures.h"
#include "core/server/watch.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>

static const char *const verb_names[LOADER_VERBS] = {
	[LOADER_RELOAD] = "reload",     [LOADER_SWAP] = "swap",       [LOADER_LOAD] = "load",
	[LOADER_CANARY] = "canary",     [LOADER_PROMOTE] = "promote", [LOADER_DISCARD] = "discard",
	[LOADER_ROLLBACK] = "rollback", [LOADER_DRAIN] = "drain",
};

uint64_t change_now_us(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static const char *change_cause(const struct change *change)
{
	return change->request.cause[0] ? change->request.cause : verb_names[change->request.verb];
}

uint64_t change_live_number(const struct loader *loader)
{
	return loader->live ? loader->live->number : 0;
}

/* --- telling --- */

void change_step(struct change *change, const char *module, const char *state)
{
	struct loader_step step = { module, state, change_now_us() - change->step_us };

	change->step_us = change_now_us();
	if (change->asker.step)
		change->asker.step(change->asker.ud, &step);
}

/* Files are staged on this thread and for this change; other threads tell steps as well. */
static _Thread_local struct change *staging;

void change_stages(struct change *change)
{
	staging = change;
}

void change_heard_step(const struct baton_module_step *step)
{
	struct loader_step told = { step->module, step->state, step->us };

	if (staging && staging->asker.step)
		staging->asker.step(staging->asker.ud, &told);
}

void change_log(struct change *change, const struct book *book, const char *state, const char *why,
		baton_str values)
{
	release_log(change->loader,
		    &(struct release_news){ .number = book->number,
					    .state = state,
					    .cause = change_cause(change),
					    .by = change->request.by,
					    .why = why && why[0] ? why : change->request.why,
					    .sha12 = book->sha12,
					    .ms = (change_now_us() - change->begin_us) / 1000,
					    .values = values });
}

/* The change is over; the next one may begin. */
void change_answer(struct change *change, int code, const char *text, baton_str json)
{
	struct loader *loader = change->loader;
	struct loader_answer said = { .code = code, .text = text, .json = json };

	if (change->asker.done)
		change->asker.done(change->asker.ud, &said);
	baton_buf_done(&change->findings);
	loader->change = NULL;
	baton_free(change);
	if (!loader->stopping)
		change_next(loader);
}

void change_refuse(struct change *change, int code, const char *fmt, ...)
{
	struct loader *loader = change->loader;
	struct baton_buf json = { NULL, 0, 0 };
	char why[BOOK_WHY_MAX], text[LOADER_TEXT_MAX];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	snprintf(text, sizeof(text), "refused: %s, still %llu", why,
		 (unsigned long long)change_live_number(loader));
	baton_buf_printf(&json, "\"release\":%llu,\"refused\":",
			 (unsigned long long)change_live_number(loader));
	baton_buf_json(&json, baton_str_of(why));
	if (change->n_findings > 0) {
		baton_buf_z(&json, ",\"findings\":[");
		baton_buf_str(&json, baton_buf_view(&change->findings));
		baton_buf_z(&json, "]");
	}
	atomic_fetch_add(&loader->refused, 1);
	if (!change->book)
		release_log(loader, &(struct release_news){
					    .number = change_live_number(loader),
					    .state = "refused",
					    .cause = change_cause(change),
					    .by = change->request.by,
					    .why = why,
					    .ms = (change_now_us() - change->begin_us) / 1000 });
	change_answer(change, code, text, baton_buf_view(&json));
	baton_buf_done(&json);
}

void change_tell_modules(struct loader *loader, const struct book *book,
			 const struct baton_release *unlike, const char *state, uint64_t us)
{
	for (size_t i = 0; i < baton_release_size(book->release); i++) {
		struct baton_generation_view view;

		if (baton_release_shares(book->release, i, unlike))
			continue;
		baton_release_view(book->release, i, &view);
		release_log_step(loader, &(struct baton_module_step){ .module = view.module,
								      .state = state,
								      .reason = "",
								      .version = view.version,
								      .sha256 = view.sha256,
								      .generation = view.number,
								      .us = us });
	}
}

/* --- a release goes --- */

static void nothing_follows(void *ud, int rc, const char *why, uint64_t turns)
{
	(void)ud;
	(void)rc;
	(void)why;
	(void)turns;
}

static void one_less(void *ud, uint64_t number)
{
	struct loader *loader = ud;
	struct book *book = book_of(loader, number);

	if (!book || --book->waits > 0)
		return;
	release_log(loader, &(struct release_news){ .number = number,
						    .state = "retired",
						    .cause = "drained",
						    .sha12 = book->sha12,
						    .ms = baton_loop_unix_ms() - book->since_ms });
	figures_drained(loader->figures, baton_loop_unix_ms() - book->since_ms);
	book_end(loader, book,
		 loader->live ? baton_release_policy(loader->live->release)->releases.keep : 0);
}

static void order(struct loader *loader, struct book *book, enum crew_verb verb)
{
	crew_order(loader->server, &(struct crew_order){ .verb = verb,
							 .release = book->release,
							 .back = loader->loop,
							 .ud = loader,
							 .then = nothing_follows,
							 .retired = one_less });
}

static void drain_over(void *ud)
{
	struct book *book = ud;
	struct loader *loader = book->loader;

	book->timer = 0;
	book->shut = true;
	baton_log(BATON_LOG_NOTICE, "release_drain_over", "uu", "release", book->number, "turns",
		  baton_release_pins(book->release));
	order(loader, book, CREW_SHUT);
}

void change_let_go(struct loader *loader, struct book *book)
{
	uint64_t drain_ms = baton_release_policy(book->release)->releases.drain_ms;

	book_set(loader, book, BOOK_DRAINING);
	change_tell_modules(loader, book, loader->live ? loader->live->release : NULL, "draining",
			    0);
	book->waits = loader->server->n_workers;
	book->timer = baton_loop_timer(loader->loop, drain_ms, drain_over, book);
	order(loader, book, CREW_RETIRE);
}

static void end_trial(struct loader *loader)
{
	pthread_mutex_lock(&loader->lock);
	atomic_store(&loader->on_trial, NULL);
	pthread_mutex_unlock(&loader->lock);
}

/* The candidate goes, whatever it was. Orders reach a worker in the order in which they are
 * given. */
void change_withdraw(struct change *change, const char *state, const char *why)
{
	struct loader *loader = change->loader;
	struct book *book = loader->candidate;

	if (book->state == BOOK_CANARY) {
		end_trial(loader);
		crew_order(loader->server, &(struct crew_order){ .verb = CREW_CANARY,
								 .back = loader->loop,
								 .ud = loader,
								 .then = nothing_follows });
	}
	change_log(change, book, state, why, BATON_STR_NONE);
	change_let_go(loader, book);
}

/* --- publishing --- */

static void with_thousands(uint64_t n, char text[32])
{
	char digits[24];
	int len = snprintf(digits, sizeof(digits), "%llu", (unsigned long long)n);
	size_t at = 0;

	for (int i = 0; i < len; i++) {
		if (i > 0 && (len - i) % 3 == 0)
			text[at++] = ',';
		text[at++] = digits[i];
	}
	text[at] = '\0';
}

static uint64_t sockets(const struct baton_server *server)
{
	uint64_t opened = 0, closed = 0;

	for (unsigned i = 0; i < server->n_workers; i++) {
		const struct baton_metrics *metrics = &server->workers[i].metrics;

		opened += atomic_load(&metrics->counters[BATON_METRIC_CONNECTIONS]);
		closed += atomic_load(&metrics->counters[BATON_METRIC_CONNECTIONS_CLOSED]);
	}
	return opened > closed ? opened - closed : 0;
}

/* "3 files changed, 1 new module"; what did not change is not said. */
static void say_changed(const struct book *book, char text[80])
{
	int n = 0;

	if (book->files_changed > 0 || book->modules_changed == 0)
		n = snprintf(text, 80, "%u %s changed", book->files_changed,
			     book->files_changed == 1 ? "file" : "files");
	if (book->modules_changed > 0)
		snprintf(text + n, 80 - (size_t)n, "%s%u new %s", n > 0 ? ", " : "",
			 book->modules_changed, book->modules_changed == 1 ? "module" : "modules");
}

static void tell_live(struct change *change, uint64_t before, uint64_t turns)
{
	struct book *book = change->loader->live;
	char text[LOADER_TEXT_MAX], changed[80], kept[32], left[32], tail[96] = "";
	uint64_t n = sockets(change->loader->server);
	struct baton_buf json = { NULL, 0, 0 };

	with_thousands(n, kept);
	with_thousands(turns, left);
	if (before > 0)
		snprintf(tail, sizeof(tail), ", %s %s on %llu", left,
			 turns == 1 ? "turn finishes" : "turns finish", (unsigned long long)before);
	say_changed(book, changed);
	snprintf(text, sizeof(text), "release %llu live, %s, %s %s kept%s%s%s",
		 (unsigned long long)book->number, changed, kept, n == 1 ? "socket" : "sockets",
		 tail, change->tried[0] ? "; " : "", change->tried);
	baton_buf_printf(
		&json,
		"\"release\":%llu,\"before\":%llu,\"files_changed\":%u,\"modules_changed\":%u,\"sockets\":%llu,\"turns_left\":%llu,\"ms\":%llu",
		(unsigned long long)book->number, (unsigned long long)before, book->files_changed,
		book->modules_changed, (unsigned long long)n, (unsigned long long)turns,
		(unsigned long long)((change_now_us() - change->begin_us) / 1000));
	if (change->tried[0]) {
		baton_buf_z(&json, ",\"replayed\":");
		baton_buf_json(&json, baton_str_of(change->tried));
	}
	struct baton_buf values = { NULL, 0, 0 };
	baton_buf_printf(&values, "{%.*s}", (int)json.n, json.p);
	change_log(change, book, "live", "", baton_buf_view(&values));
	baton_buf_done(&values);
	atomic_fetch_add(&change->loader->swaps, 1);
	change_answer(change, BATON_OK, text, baton_buf_view(&json));
	baton_buf_done(&json);
}

/* What the whole server keeps of the live policies. */
static void adopt_everywhere(struct loader *loader)
{
	watch_adopt(loader->server, loader->live->release);
	identities_adopt(loader->server, baton_release_policy(loader->live->release));
	exporter_switch(loader->server, loader->live->release);
}

static void published(void *ud, int rc, const char *why, uint64_t turns)
{
	struct change *change = ud;
	struct loader *loader = change->loader;
	struct book *old = loader->live;

	if (rc < 0) {
		change_refuse(change, rc, "%s", why);
		return;
	}
	uint64_t us = change_now_us() - change->step_us;
	change_step(change, "", "published");
	book_set(loader, change->book, BOOK_LIVE);
	change_tell_modules(loader, change->book, old ? old->release : NULL, "active", us);
	if (old) {
		adopt_everywhere(loader);
		change_let_go(loader, old);
	}
	struct baton_release *release = baton_release_ref(loader->live->release);
	tell_live(change, old ? old->number : 0, turns); /* the change is over */
	baton_shelf_keep_n(loader->shelf, baton_release_policy(release)->releases.keep);
	baton_release_keep(release, loader->shelf);
	baton_release_unref(&release);
}

void change_go_live(struct change *change)
{
	struct loader *loader = change->loader;

	if (change->book->state == BOOK_CANARY)
		end_trial(loader);
	crew_order(loader->server, &(struct crew_order){ .verb = CREW_PUBLISH,
							 .release = change->book->release,
							 .back = loader->loop,
							 .ud = change,
							 .then = published });
}

/* --- a share first --- */

static void on_canary(void *ud, int rc, const char *why, uint64_t turns)
{
	struct change *change = ud;
	struct loader *loader = change->loader;
	struct book *book = change->book;
	char text[LOADER_TEXT_MAX];
	struct baton_buf json = { NULL, 0, 0 };

	(void)turns;
	if (rc < 0) {
		change_refuse(change, rc, "%s", why);
		return;
	}
	book_set(loader, book, BOOK_CANARY);
	pthread_mutex_lock(&loader->lock);
	baton_trial_begin(&loader->trial, &baton_release_policy(book->release)->releases,
			  change_now_us() / 1000);
	loader->trial_violations = 0;
	loader->share_ppm = change->request.share_ppm;
	atomic_store(&loader->on_trial, book->release);
	pthread_mutex_unlock(&loader->lock);
	baton_buf_printf(&json, "\"release\":%llu,\"canary\":%llu,\"share_ppm\":%u",
			 (unsigned long long)change_live_number(loader),
			 (unsigned long long)book->number, change->request.share_ppm);
	struct baton_buf values = { NULL, 0, 0 };
	baton_buf_printf(&values, "{%.*s}", (int)json.n, json.p);
	change_log(change, book, "canary", "", baton_buf_view(&values));
	baton_buf_done(&values);
	snprintf(text, sizeof(text),
		 "release %llu serves %g %% of the sessions as a canary, %llu the others",
		 (unsigned long long)book->number, change->request.share_ppm / 10000.0,
		 (unsigned long long)change_live_number(loader));
	change_answer(change, BATON_OK, text, baton_buf_view(&json));
	baton_buf_done(&json);
}

void change_go_canary(struct change *change)
{
	crew_order(change->loader->server, &(struct crew_order){ .verb = CREW_CANARY,
								 .release = change->book->release,
								 .ppm = change->request.share_ppm,
								 .back = change->loader->loop,
								 .ud = change,
								 .then = on_canary });
}

/* --- what else can be asked --- */

/* What the verdict was about has gone, or was decided, while the verdict waited in line. Of what is
 * there now it says nothing; least of all that the release before the live one comes back. */
static bool verdict_is_late(struct change *change)
{
	const struct loader *loader = change->loader;

	if (strcmp(change->request.cause, "canary") != 0 ||
	    (loader->candidate && loader->candidate->state == BOOK_CANARY &&
	     !atomic_load(&loader->on_trial)))
		return false;
	change_refuse(change, BATON_E_STATE, "the canary that this was about is gone");
	return true;
}

static void promote(struct change *change)
{
	if (verdict_is_late(change))
		return;
	if (!change->loader->candidate) {
		change_refuse(change, BATON_E_STATE, "there is no candidate to promote");
		return;
	}
	change->book = change->loader->candidate;
	change_go_live(change);
}

static void discard(struct change *change, const char *state)
{
	struct loader *loader = change->loader;
	uint64_t number = loader->candidate->number;
	bool was_canary = loader->candidate->state == BOOK_CANARY;
	char text[LOADER_TEXT_MAX];
	struct baton_buf json = { NULL, 0, 0 };

	if (was_canary && change->request.verb == LOADER_ROLLBACK) {
		atomic_fetch_add(&loader->rolled_back, 1);
		loader->rolled_back_ms = change_now_us() / 1000;
	}
	change_withdraw(change, state, "");
	snprintf(text, sizeof(text), "release %llu is %s, still %llu", (unsigned long long)number,
		 strcmp(state, "rolled_back") == 0 ? "rolled back" : state,
		 (unsigned long long)change_live_number(loader));
	baton_buf_printf(&json, "\"release\":%llu,\"%s\":%llu",
			 (unsigned long long)change_live_number(loader), state,
			 (unsigned long long)number);
	change_answer(change, BATON_OK, text, baton_buf_view(&json));
	baton_buf_done(&json);
}

static void roll_back(struct change *change)
{
	struct loader *loader = change->loader;

	if (verdict_is_late(change))
		return;
	if (loader->candidate)
		discard(change, "rolled_back");
	else if (loader->n_past == 0)
		change_refuse(change, BATON_E_STATE,
			      "no release before this one is kept (releases.yaml: keep)");
	else
		change_bring_in(change);
}

static void drain_now(struct change *change)
{
	struct loader *loader = change->loader;
	struct book *book;
	uint64_t turns = 0;
	unsigned n = 0;
	char text[LOADER_TEXT_MAX];
	struct baton_buf json = { NULL, 0, 0 };

	DL_FOREACH(loader->books, book) {
		if (book->state != BOOK_DRAINING || book->shut)
			continue;
		turns += baton_release_pins(book->release);
		book->shut = true;
		baton_loop_timer_stop(loader->loop, book->timer);
		book->timer = 0;
		order(loader, book, CREW_SHUT);
		n++;
	}
	snprintf(text, sizeof(text), "%u %s: %llu turns begin again on %llu", n,
		 n == 1 ? "old release ends" : "old releases end", (unsigned long long)turns,
		 (unsigned long long)change_live_number(loader));
	baton_buf_printf(&json, "\"release\":%llu,\"ended\":%u,\"turns\":%llu",
			 (unsigned long long)change_live_number(loader), n,
			 (unsigned long long)turns);
	change_answer(change, BATON_OK, text, baton_buf_view(&json));
	baton_buf_done(&json);
}

static void begin(struct change *change)
{
	switch (change->request.verb) {
	case LOADER_RELOAD:
	case LOADER_SWAP:
	case LOADER_LOAD:
	case LOADER_CANARY:
		change_bring_in(change);
		return;
	case LOADER_PROMOTE:
		promote(change);
		return;
	case LOADER_DISCARD:
		if (change->loader->candidate)
			discard(change, "discarded");
		else
			change_refuse(change, BATON_E_STATE, "there is no candidate to discard");
		return;
	case LOADER_ROLLBACK:
		roll_back(change);
		return;
	case LOADER_DRAIN:
		drain_now(change);
		return;
	case LOADER_VERBS:
		break;
	}
	change_refuse(change, BATON_E_INVAL, "no such verb");
}

static struct change *change_new(struct loader *loader, const struct loader_request *request,
				 const struct loader_asker *asker)
{
	struct change *change = baton_new(struct change);

	change->loader = loader;
	change->request = *request;
	change->asker = *asker;
	change->begin_us = change->step_us = change_now_us();
	loader->change = change;
	return change;
}

void change_next(struct loader *loader)
{
	struct queued *queued;

	if (loader->change)
		return;
	pthread_mutex_lock(&loader->lock);
	queued = loader->line;
	if (queued) {
		loader->line = queued->next;
		if (!loader->line)
			loader->line_end = &loader->line;
		loader->n_line--;
	}
	pthread_mutex_unlock(&loader->lock);
	if (!queued)
		return;
	struct change *change = change_new(loader, &queued->request, &queued->asker);
	baton_free(queued);
	begin(change);
}

void change_boot(struct loader *loader, struct book *book, const struct loader_asker *asker)
{
	struct loader_request request = { .verb = LOADER_RELOAD, .cause = "boot", .force = true };
	struct change *change = change_new(loader, &request, asker);

	change->book = book;
	change_adopt(change);
}

void change_abandon(struct loader *loader)
{
	if (loader->change)
		change_refuse(loader->change, BATON_E_CLOSED, "the server stops");
}

void change_tick(struct loader *loader)
{
	struct loader_request request = { .cause = "canary" };
	static const struct loader_asker nobody = { NULL, NULL, NULL };

	if (!atomic_load(&loader->on_trial))
		return;
	pthread_mutex_lock(&loader->lock);
	enum baton_trial_verdict verdict =
		baton_trial_decide(&loader->trial, change_now_us() / 1000);
	snprintf(request.why, sizeof(request.why), "%s", loader->trial.why);
	if (verdict != BATON_TRIAL_WAIT)
		atomic_store(&loader->on_trial, NULL);
	pthread_mutex_unlock(&loader->lock);
	if (verdict == BATON_TRIAL_WAIT)
		return;
	request.verb = verdict == BATON_TRIAL_PROMOTE ? LOADER_PROMOTE : LOADER_ROLLBACK;
	loader_ask(loader->server, &request, &nobody);
}
