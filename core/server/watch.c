/* SPDX-License-Identifier: Apache-2.0 */

/* The board's keeper: its lock, its clock, its place on disk.
 *
 * Happenings come while the board is held, so they are only copied; the control thread takes them
 * when it gets to it. Held conversations are let go at a pace: a model that has just come back must
 * not get an hour's questions in one second.
 */

#include "core/server/watch.h"

#include "core/base/errors.h"
#include "core/base/log.h"
#include "core/server/heard.h"
#include "core/server/loader.h"

#include <time.h>

enum {
	TICK_MS = 250,
	SAVE_MS = 1000,          /* at most so often, unless an admin waits for it */
	HEARD_MAX = 4096,        /* happenings that nobody has taken yet */
	PEOPLE_MS = 1000,        /* how old queues and people may be */
	RESUME_PER_TICK = 25,    /* held conversations: a hundred a second */
	RESUME_AGAIN_MS = 1000,  /* the work index is written behind: look twice */
	RESUME_EVERY_MS = 30000, /* and now and then, whatever happens */
	HELD_MAX = 100000        /* of one look; the next one finds the rest */
};
static const char board_key[] = "board";

/* Conversations that wait for a mode's end or a model, as worker 0 lets them go. */
struct held {
	struct watch *watch;
	struct baton_id *ids;
	size_t n, cap, at;
	bool looking; /* a job reads the index */
	bool wanted;  /* look once more when it is done */
	uint64_t next_ms;
};

struct watch {
	struct baton_server *server;
	pthread_mutex_t lock; /* the board, and what follows */
	struct baton_board *board;
	struct baton_now seen;         /* the newest time that the board was told */
	struct baton_release *release; /* whose policies the board has adopted; counted */
	struct watch_desk desk;
	struct baton_buf desk_text; /* of its queues and people, for /metrics */
	struct baton_buf people;    /* its queues and people as JSON members, for status */
	struct heard *heard;        /* oldest first */
	size_t n_heard;
	uint64_t unheard; /* beyond HEARD_MAX */
	bool unlogged;    /* one letter is under way */
	struct control *control;

	pthread_mutex_t save_lock; /* held during a write: a newer state never loses to an older */
	_Atomic(int) unsaved;      /* the last write failed */
	_Atomic(uint64_t) save_failures;

	_Atomic(int) resume; /* something came back */
	/* worker 0's own: */
	bool saving;
	uint64_t next_save_ms, next_people_ms;
	struct held held;
};

static struct baton_now now_is(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (struct baton_now){ (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000,
				   baton_loop_unix_ms() };
}

/* Laps of several workers overlap: the board never sees its time go backwards. */
struct baton_board *watch_hold_at(struct watch *watch, struct baton_now *now)
{
	pthread_mutex_lock(&watch->lock);
	if (now->ms <= watch->seen.ms)
		*now = watch->seen;
	else
		watch->seen = *now;
	return watch->board;
}

struct baton_board *watch_hold(struct watch *watch, struct baton_now *ret_now)
{
	*ret_now = now_is();
	return watch_hold_at(watch, ret_now);
}

void watch_done(struct watch *watch)
{
	pthread_mutex_unlock(&watch->lock);
}

void watch_desk(struct watch *watch, struct watch_desk *ret_desk)
{
	pthread_mutex_lock(&watch->lock);
	*ret_desk = watch->desk;
	pthread_mutex_unlock(&watch->lock);
}

void watch_people(struct watch *watch, struct baton_buf *out)
{
	pthread_mutex_lock(&watch->lock);
	baton_buf_str(out, baton_buf_view(&watch->people));
	pthread_mutex_unlock(&watch->lock);
}

/* --- what happens ---------------------------------------------------------------------------- */

struct heard_mail {
	struct baton_mail mail;
	struct watch *watch;
};

struct modes_mail {
	struct baton_mail mail;
	struct worker *worker;
};

static void modes_deliver(struct baton_mail *mail, struct baton_loop *loop)
{
	struct worker *worker = ((struct modes_mail *)mail)->worker;

	baton_free(mail);
	if (!loop || !worker->shard || !worker->live)
		return; /* before there is a release nobody is connected who could be told */
	shard_enter(worker);
	baton_shard_modes_changed(worker->shard);
	shard_leave(worker);
}

static void tell_workers(struct baton_server *server)
{
	for (unsigned i = 0; i < server->n_workers; i++) {
		struct modes_mail *letter = baton_new(struct modes_mail);

		letter->mail.deliver = modes_deliver;
		letter->worker = &server->workers[i];
		baton_loop_post(server->workers[i].loop, &letter->mail);
	}
}

/* [control] */
static void hear_all(struct watch *watch)
{
	struct heard *heard, *after, *all;
	unsigned effects = 0;

	pthread_mutex_lock(&watch->lock);
	all = watch->heard;
	watch->heard = NULL;
	watch->n_heard = 0;
	watch->unlogged = false;
	pthread_mutex_unlock(&watch->lock);
	DL_FOREACH_SAFE(all, heard, after)
	{
		effects |= heard_out(heard, watch->control);
		heard_free(heard);
	}
	if (effects & HEARD_MODES)
		tell_workers(watch->server);
	if (effects & HEARD_RESUME)
		atomic_store(&watch->resume, 1);
}

static void heard_deliver(struct baton_mail *mail, struct baton_loop *loop)
{
	struct watch *watch = ((struct heard_mail *)mail)->watch;

	baton_free(mail);
	if (loop)
		hear_all(watch);
}

/* Inside a call of the board's: the lock is held. */
static void happened(void *ud, const struct baton_happening *happening)
{
	struct watch *watch = ud;

	if (watch->n_heard == HEARD_MAX) {
		watch->unheard++;
		return;
	}
	struct heard *heard = heard_new(happening);
	DL_APPEND(watch->heard, heard);
	watch->n_heard++;
	if (watch->unlogged || !watch->control)
		return;
	watch->unlogged = true;
	struct heard_mail *letter = baton_new(struct heard_mail);
	letter->mail.deliver = heard_deliver;
	letter->watch = watch;
	baton_loop_post(watch->control->loop, &letter->mail);
}

void watch_listen(struct watch *watch, struct control *control)
{
	pthread_mutex_lock(&watch->lock);
	watch->control = control;
	pthread_mutex_unlock(&watch->lock);
	hear_all(watch);
}

void watch_unlisten(struct watch *watch)
{
	hear_all(watch);
	pthread_mutex_lock(&watch->lock);
	watch->control = NULL;
	pthread_mutex_unlock(&watch->lock);
}

/* --- on disk --------------------------------------------------------------------------------- */

int watch_save(struct watch *watch)
{
	struct baton_buf text = { NULL, 0, 0 };
	struct baton_now now;

	pthread_mutex_lock(&watch->save_lock);
	struct baton_board *board = watch_hold(watch, &now);
	baton_board_save(board, now, &text);
	watch_done(watch);
	int rc = baton_journal_put(watch->server->journal, baton_str_of(board_key),
				   baton_buf_view(&text));
	bool first = !atomic_exchange(&watch->unsaved, rc < 0);
	pthread_mutex_unlock(&watch->save_lock);
	baton_buf_done(&text);
	if (rc < 0)
		atomic_fetch_add(&watch->save_failures, 1);
	if (rc < 0 && first)
		baton_log(BATON_LOG_ERROR, "board_not_saved", "ss", "code",
			  baton_error_info(rc)->wire, "hint",
			  "modes and targets are as they are, but a restart would not know it");
	return rc;
}

static void save_work(void *ud)
{
	(void)watch_save(ud);
}

static void save_done(void *ud)
{
	struct watch *watch = ud;

	watch->saving = false;
}

static void save_if_due(struct watch *watch, uint64_t now_ms, bool dirty)
{
	if (watch->saving || now_ms < watch->next_save_ms ||
	    (!dirty && !atomic_load(&watch->unsaved)))
		return;
	watch->next_save_ms = now_ms + SAVE_MS;
	watch->saving = baton_loop_job(watch->server->workers[0].loop, save_work, save_done,
				       watch) == BATON_OK;
}

static void unreadable(struct watch *watch, const char *why)
{
	struct baton_buf detail = { NULL, 0, 0 };
	struct baton_now now;

	baton_log(BATON_LOG_ERROR, "board_unreadable", "ss", "code", why, "hint",
		  "what was switched off is on again: look at `baton target list`");
	baton_buf_printf(&detail, "{\"unreadable\":\"%s\"}", why);
	(void)watch_hold(watch, &now);
	happened(watch, &(struct baton_happening){ .type = BATON_HAPPENED_ALERT_ON,
						   .subject = "board",
						   .is = "on",
						   .detail = detail.p,
						   .unix_ms = now.unix_ms });
	watch_done(watch);
	baton_buf_done(&detail);
}

/* A state that cannot be read is no reason not to serve: everything counts as healthy then, what an
 * admin switched off is on again, and that must be seen. */
static void load(struct watch *watch)
{
	struct baton_buf text = { NULL, 0, 0 };
	struct baton_now now;

	int rc = baton_journal_get(watch->server->journal, baton_str_of(board_key), &text);
	if (rc == BATON_OK) {
		struct baton_board *board = watch_hold(watch, &now);

		rc = baton_board_load(board, now, baton_buf_view(&text));
		watch_done(watch);
	}
	baton_buf_done(&text);
	if (rc < 0 && rc != BATON_E_NOTFOUND)
		unreadable(watch, baton_error_info(rc)->wire);
}

/* --- held conversations, on worker 0 --------------------------------------------------------- */

struct resume_mail {
	struct baton_mail mail;
	struct worker *worker;
	struct baton_id session;
};

static void resume_deliver(struct baton_mail *mail, struct baton_loop *loop)
{
	struct resume_mail *letter = (struct resume_mail *)mail;
	struct worker *worker = letter->worker;

	if (loop && worker->shard) {
		shard_enter(worker);
		baton_shard_resume(worker->shard, &letter->session);
		shard_leave(worker);
	}
	baton_free(letter);
}

void worker_resume(struct worker *worker, const struct baton_id *session)
{
	struct resume_mail *letter = baton_new(struct resume_mail);

	letter->mail.deliver = resume_deliver;
	letter->worker = worker;
	letter->session = *session;
	baton_loop_post(worker->loop, &letter->mail);
}

static bool held_add(void *ud, const struct baton_id *session, uint64_t seq, uint32_t marks)
{
	struct held *held = ud;

	(void)seq;
	(void)marks;
	if (held->n == held->cap) {
		held->cap = held->cap ? held->cap * 2 : 64;
		held->ids = baton_realloc(held->ids, held->cap * sizeof(*held->ids));
	}
	held->ids[held->n++] = *session;
	return held->n < HELD_MAX;
}

static void held_work(void *ud)
{
	struct held *held = ud;

	(void)baton_journal_work(held->watch->server->journal, BATON_MARK_HELD, held_add, held);
}

static void held_done(void *ud)
{
	struct held *held = ud;

	held->looking = false;
}

static void held_look(struct held *held, uint64_t now_ms)
{
	if (atomic_exchange(&held->watch->resume, 0)) {
		held->wanted = true;
		held->next_ms = now_ms;
		/* A round that only looks now and then makes way: this one finds all that are
		 * still held. */
		if (!held->looking)
			held->at = held->n;
	}
	if (held->looking || held->at < held->n || now_ms < held->next_ms)
		return;
	held->next_ms = now_ms + (held->wanted ? RESUME_AGAIN_MS : RESUME_EVERY_MS);
	held->wanted = false;
	held->n = held->at = 0;
	held->looking = baton_loop_job(held->watch->server->workers[0].loop, held_work, held_done,
				       held) == BATON_OK;
}

static void held_let_go(struct held *held)
{
	struct baton_server *server = held->watch->server;

	for (unsigned i = 0; !held->looking && i < RESUME_PER_TICK && held->at < held->n; i++) {
		const struct baton_id *session = &held->ids[held->at++];

		worker_resume(worker_of(server, session), session);
	}
}

/* --- the clock, on worker 0 ------------------------------------------------------------------ */

static void read_desk(struct watch *watch, struct watch_desk *ret_desk)
{
	struct baton_desk_figures figures;
	uint64_t unix_ms = baton_loop_unix_ms();

	baton_desk_figures(watch->server->workers[0].desk, &figures);
	*ret_desk = (struct watch_desk){ .waiting = figures.waiting,
					 .claimed = figures.claimed,
					 .waits = figures.waits,
					 .waits_ms = figures.waits_ms,
					 .handled = figures.handled,
					 .handled_ms = figures.handled_ms };
	if (figures.oldest_ms > 0 && figures.oldest_ms < unix_ms)
		ret_desk->oldest_wait_ms = unix_ms - figures.oldest_ms;
	ret_desk->agents_free = figures.agents_free;
}

static void read_people(struct watch *watch, struct baton_now now)
{
	struct baton_buf text = { NULL, 0, 0 };

	if (now.ms < watch->next_people_ms)
		return;
	watch->next_people_ms = now.ms + PEOPLE_MS;
	baton_desk_people(watch->server->workers[0].desk, now, &text);
	pthread_mutex_lock(&watch->lock);
	struct baton_buf old = watch->people;
	watch->people = text;
	pthread_mutex_unlock(&watch->lock);
	baton_buf_done(&old);
}

static void tick(void *ud)
{
	struct watch *watch = ud;
	struct watch_desk desk;
	struct baton_now now;

	struct baton_buf text = { NULL, 0, 0 };
	read_desk(watch, &desk);
	worker_desk_metrics(&watch->server->workers[0], &text);
	struct baton_board *board = watch_hold(watch, &now);
	watch->desk = desk;
	struct baton_buf old = watch->desk_text;
	watch->desk_text = text;
	baton_board_desk(board, (uint32_t)desk.waiting, desk.oldest_wait_ms,
			 (uint32_t)desk.agents_free);
	baton_board_tick(board, now);
	bool dirty = baton_board_dirty(board);
	watch_done(watch);
	baton_buf_done(&old);
	read_people(watch, now);
	save_if_due(watch, now.ms, dirty);
	held_look(&watch->held, now.ms);
	held_let_go(&watch->held);
	baton_loop_timer(watch->server->workers[0].loop, TICK_MS, tick, watch);
}

struct start_mail {
	struct baton_mail mail;
	struct watch *watch;
};

static void start_deliver(struct baton_mail *mail, struct baton_loop *loop)
{
	struct watch *watch = ((struct start_mail *)mail)->watch;

	baton_free(mail);
	if (loop)
		tick(watch);
}

/* --- life ------------------------------------------------------------------------------------ */

void watch_open(struct baton_server *server)
{
	struct watch *watch = baton_new(struct watch);
	struct baton_now now;

	server->watch = watch;
	watch->server = server;
	watch->held.watch = watch;
	pthread_mutex_init(&watch->lock, NULL);
	pthread_mutex_init(&watch->save_lock, NULL);
	watch->board = baton_board_new(happened, watch);
	struct baton_board *board = watch_hold(watch, &now);
	watch->release = loader_live(server);
	baton_board_adopt(board, now, baton_release_policy(watch->release));
	watch_done(watch);
	load(watch);
	/* What was held when the last process ended may go on with the first tick. */
	atomic_store(&watch->resume, 1);
}

void watch_adopt(struct baton_server *server, struct baton_release *release)
{
	struct watch *watch = server->watch;
	struct baton_now now;

	struct baton_board *board = watch_hold(watch, &now);
	struct baton_release *old = watch->release;
	watch->release = baton_release_ref(release);
	baton_board_adopt(board, now, baton_release_policy(release));
	watch_done(watch);
	baton_release_unref(&old);
}

void watch_start(struct baton_server *server)
{
	struct start_mail *letter = baton_new(struct start_mail);

	letter->mail.deliver = start_deliver;
	letter->watch = server->watch;
	baton_loop_post(server->workers[0].loop, &letter->mail);
}

void watch_close(struct baton_server *server)
{
	struct watch *watch = server->watch;
	struct heard *heard, *after;

	if (!watch)
		return;
	(void)watch_save(watch);
	DL_FOREACH_SAFE(watch->heard, heard, after)
	heard_free(heard);
	baton_board_free(&watch->board);
	baton_buf_done(&watch->people);
	baton_release_unref(&watch->release);
	baton_free(watch->held.ids);
	baton_buf_done(&watch->desk_text);
	pthread_mutex_destroy(&watch->lock);
	pthread_mutex_destroy(&watch->save_lock);
	baton_free(watch);
	server->watch = NULL;
}

/* A summary without quantiles: its sum and count say the average of any time. */
static void sums(struct baton_buf *out, const char *name, const char *help, uint64_t ms, uint64_t n)
{
	baton_buf_printf(out, "# HELP %s %s\n# TYPE %s summary\n", name, help, name);
	baton_buf_printf(out, "%s_sum %.3f\n%s_count %llu\n", name, (double)ms / 1e3, name,
			 (unsigned long long)n);
}

static void desk_metrics(const struct watch_desk *desk, struct baton_buf *out)
{
	baton_metrics_gauge_text(out, "baton_desk_waiting", "cases that wait for a person",
				 (double)desk->waiting);
	baton_metrics_gauge_text(out, "baton_desk_claimed", "cases that a person has",
				 (double)desk->claimed);
	baton_metrics_gauge_text(out, "baton_desk_oldest_wait_seconds",
				 "how long the first of those that wait has been waiting",
				 (double)desk->oldest_wait_ms / 1e3);
	baton_metrics_gauge_text(
		out, "baton_desk_agents_free",
		"people who are there, available, and have fewer cases than they can",
		(double)desk->agents_free);
	sums(out, "baton_case_wait_seconds", "a case in the queue, until a person claims it",
	     desk->waits_ms, desk->waits);
	sums(out, "baton_case_handle_seconds", "a case with a person, until it is theirs no more",
	     desk->handled_ms, desk->handled);
}

void watch_metrics(struct watch *watch, struct baton_buf *out)
{
	struct watch_desk desk;
	struct baton_now now;

	struct baton_board *board = watch_hold(watch, &now);
	baton_board_metrics(board, now, out);
	desk = watch->desk;
	uint64_t unheard = watch->unheard;
	baton_buf_str(out, baton_buf_view(&watch->desk_text));
	watch_done(watch);
	desk_metrics(&desk, out);
	baton_metrics_counter_text(out, "baton_board_save_failures_total",
				   "times that modes and targets could not be written down",
				   atomic_load(&watch->save_failures));
	baton_metrics_counter_text(out, "baton_board_unheard_total",
				   "happenings that came faster than they could be logged",
				   unheard);
}
