/* SPDX-License-Identifier: Apache-2.0 */

/* The real seam: what a shard asks for, done with the loop, the lane and the rack of its worker. */

#include "core/server/loader.h"
#include "core/server/watch.h"

#include "core/base/assert.h"
#include "core/base/errors.h"

#include <openssl/rand.h>

enum { NOT_YET_MS = 100 };

static uint64_t seam_now_ns(void *ud)
{
	struct worker *worker = ud;

	return baton_loop_lap_ns(worker->loop);
}

static uint64_t seam_unix_ms(void *ud)
{
	struct worker *worker = ud;

	return baton_loop_lap_unix_ms(worker->loop);
}

void worker_random(void *p, size_t n)
{
	/* A call of OpenSSL's generator costs a microsecond however little it is asked for, so each
	 * thread keeps some bytes at hand; none is handed out twice. Jitter and the names of
	 * sessions come from here, no secrets; the generator does not fail once it is seeded. */
	static _Thread_local uint8_t bytes[512];
	static _Thread_local size_t left; /* the first of them have not been handed out */

	baton_assert(n <= sizeof(bytes));
	if (n > left) {
		if (RAND_bytes(bytes, sizeof(bytes)) != 1)
			memset(bytes, 0, sizeof(bytes));
		left = sizeof(bytes);
	}
	left -= n;
	memcpy(p, bytes + left, n);
}

static void seam_random(void *ud, void *p, size_t n)
{
	(void)ud;
	worker_random(p, n);
}

static struct key_timer *timer_find(struct worker *worker, uint64_t key)
{
	struct key_timer *timer = NULL;

	HASH_FIND(hh, worker->timers, &key, sizeof(key), timer);
	return timer;
}

static void timer_drop(struct worker *worker, struct key_timer *timer)
{
	HASH_DEL(worker->timers, timer);
	baton_free(timer);
}

static void timer_fired(void *ud)
{
	struct key_timer *timer = ud;
	struct worker *worker = timer->worker;
	uint64_t key = timer->key;

	/* A start may take its time (a model that learns): until then there is nothing to serve
	 * with, and nothing of a shard's can be done. */
	if (!worker->live) {
		timer->timer = baton_loop_timer(worker->loop, NOT_YET_MS, timer_fired, timer);
		return;
	}
	timer_drop(worker, timer);
	shard_enter(worker);
	baton_shard_timer(worker->shard, key);
	shard_leave(worker);
}

static void seam_timer_set(void *ud, uint64_t key, uint64_t delay_ms)
{
	struct worker *worker = ud;
	struct key_timer *timer = timer_find(worker, key);

	if (timer) {
		baton_loop_timer_stop(worker->loop, timer->timer);
	} else {
		timer = baton_new(struct key_timer);
		timer->key = key;
		timer->worker = worker;
		HASH_ADD(hh, worker->timers, key, sizeof(key), timer);
	}
	timer->timer = baton_loop_timer(worker->loop, delay_ms, timer_fired, timer);
}

static void seam_timer_stop(void *ud, uint64_t key)
{
	struct worker *worker = ud;
	struct key_timer *timer = timer_find(worker, key);

	if (!timer)
		return;
	baton_loop_timer_stop(worker->loop, timer->timer);
	timer_drop(worker, timer);
}

void worker_timers_free(struct worker *worker)
{
	struct key_timer *timer, *after;

	HASH_ITER(hh, worker->timers, timer, after) {
		baton_loop_timer_stop(worker->loop, timer->timer);
		timer_drop(worker, timer);
	}
}

/* --- journal --- */

static int seam_append(void *ud, const struct baton_append *append, uint64_t ticket)
{
	struct worker *worker = ud;

	return baton_lane_append(worker->lane, append, ticket);
}

static int64_t seam_read(void *ud, const struct baton_id *session, uint64_t after, uint64_t max,
			 baton_record_fn *each, void *each_ud)
{
	struct worker *worker = ud;

	return baton_lane_read(worker->lane, session, after, max, each, each_ud);
}

static int seam_snapshot_get(void *ud, const struct baton_id *session, uint64_t *ret_seq,
			     struct baton_buf *out)
{
	struct worker *worker = ud;

	return baton_lane_snapshot_get(worker->lane, session, ret_seq, out);
}

static int seam_snapshot_put(void *ud, const struct baton_id *session, uint64_t seq,
			     baton_str bytes)
{
	struct worker *worker = ud;

	return baton_lane_snapshot_put(worker->lane, session, seq, bytes);
}

static void seam_forget(void *ud, const struct baton_id *session)
{
	struct worker *worker = ud;

	baton_lane_forget(worker->lane, session);
}

static int seam_erase(void *ud, const struct baton_id *session)
{
	struct worker *worker = ud;

	baton_lane_flush(worker->lane); /* it waits: what was gathered need not */
	return baton_journal_erase(worker->server->journal, session);
}

/* --- releases and modules --- */

static struct baton_release *seam_release_pin(void *ud, const struct baton_id *session)
{
	struct worker *worker = ud;
	bool canary = session && worker->canary &&
		      baton_trial_takes(session, worker->canary_ppm,
					baton_release_number(worker->canary));
	struct baton_release *release = canary ? worker->canary : worker->live;

	baton_rack_pin(worker->rack, release);
	return release;
}

static bool seam_release_doubtful(void *ud, struct baton_release *release)
{
	struct worker *worker = ud;

	/* Also a canary that was rolled back: turns that it holds are still its customers. */
	return release != worker->live &&
	       (!baton_release_lived(release) || baton_rack_is_shut(worker->rack, release));
}

static void seam_release_turned(void *ud, struct baton_release *release,
				const struct baton_trial_sample *sample)
{
	struct worker *worker = ud;

	loader_turned(worker->server, release, sample);
}

static void seam_release_unpin(void *ud, struct baton_release *release)
{
	struct worker *worker = ud;

	baton_rack_unpin(worker->rack, release);
}

static const struct baton_policy *seam_policy(void *ud, struct baton_release *release)
{
	(void)ud;
	return baton_release_policy(release);
}

static uint64_t seam_release_number(void *ud, struct baton_release *release)
{
	(void)ud;
	return baton_release_number(release);
}

static int seam_classify(void *ud, struct baton_release *release, baton_ticket ticket,
			 const baton_turn *turn)
{
	struct worker *worker = ud;

	return baton_rack_classify(worker->rack, release, ticket, turn);
}

static int seam_retrieve(void *ud, struct baton_release *release, baton_ticket ticket,
			 const baton_query *query)
{
	struct worker *worker = ud;

	return baton_rack_retrieve(worker->rack, release, ticket, query);
}

static int seam_generate(void *ud, struct baton_release *release, baton_ticket ticket,
			 const char *provider, const baton_prompt *prompt)
{
	struct worker *worker = ud;

	return baton_rack_generate(worker->rack, release, ticket, provider, prompt);
}

static int seam_invoke(void *ud, struct baton_release *release, baton_ticket ticket,
		       const char *module, const baton_tool_req *req)
{
	struct worker *worker = ud;

	return baton_rack_invoke(worker->rack, release, ticket, module, req);
}

static void seam_cancel(void *ud, struct baton_release *release, baton_ticket ticket, uint32_t why)
{
	struct worker *worker = ud;

	(void)release;
	baton_rack_cancel(worker->rack, ticket, why);
}

static int seam_rules(void *ud, struct baton_release *release, const baton_facts *facts,
		      baton_verdict *ret)
{
	struct worker *worker = ud;

	return baton_rack_rules(worker->rack, release, facts, ret);
}

static int seam_inspect(void *ud, struct baton_release *release, const char *module,
			const baton_inspection *what, baton_hits *ret)
{
	struct worker *worker = ud;

	return baton_rack_inspect(worker->rack, release, module, what, ret);
}

/* A set is loaded whole or not at all: what it names is there, what it does not name is not. */
static bool seam_module_works(void *ud, struct baton_release *release, const char *module)
{
	const struct baton_policy *policy = baton_release_policy(release);

	(void)ud;
	for (size_t i = 0; i < policy->n_modules; i++)
		if (strcmp(policy->modules[i].name, module) == 0)
			return true;
	return false;
}

/* --- the board --- */

static struct baton_board *seam_board(void *ud, struct baton_now *ret_now)
{
	struct worker *worker = ud;

	*ret_now = (struct baton_now){ baton_loop_lap_ns(worker->loop) / 1000000,
				       baton_loop_lap_unix_ms(worker->loop) };
	return watch_hold_at(worker->server->watch, ret_now);
}

static void seam_board_done(void *ud)
{
	struct worker *worker = ud;

	watch_done(worker->server->watch);
}

/* --- out --- */

struct notice_mail {
	struct baton_mail mail;
	struct worker *worker;
	baton_conn conn; /* 0: for the desk */
	struct baton_notice *notice;
};

static void notice_deliver(struct baton_mail *mail, struct baton_loop *loop)
{
	struct notice_mail *letter = (struct notice_mail *)mail;
	struct worker *worker = letter->worker;

	if (loop && letter->conn != 0 && worker->channel)
		worker->server->options.channel->notify(worker->channel, letter->conn,
							letter->notice);
	else if (loop && letter->conn == 0)
		worker_desk_hear(worker, letter->notice);
	baton_notice_unref(&letter->notice);
	baton_free(letter);
}

static void notice_post(struct worker *to, baton_conn conn, struct baton_notice *notice)
{
	struct notice_mail *letter = baton_new(struct notice_mail);

	letter->mail.deliver = notice_deliver;
	letter->worker = to;
	letter->conn = conn;
	letter->notice = baton_notice_ref(notice);
	baton_loop_post(to->loop, &letter->mail);
}

void worker_notify(struct worker *worker, baton_conn conn, struct baton_notice *notice)
{
	unsigned index = BATON_CONN_WORKER(conn);

	if (index == CONTROL_WORKER)
		control_notify(worker->server->control, conn, notice);
	if (index >= worker->server->n_workers)
		return;
	if (index != worker->index)
		notice_post(&worker->server->workers[index], conn, notice);
	else if (worker->channel)
		worker->server->options.channel->notify(worker->channel, conn, notice);
}

void worker_notify_later(struct worker *worker, baton_conn conn, struct baton_notice *notice)
{
	notice_post(worker, conn, notice);
}

static void seam_notify(void *ud, baton_conn conn, struct baton_notice *notice)
{
	worker_notify(ud, conn, notice);
}

static void seam_desk(void *ud, struct baton_notice *notice)
{
	struct worker *worker = ud;

	/* Always a letter, even to ourselves: the desk then never runs inside a session's work. */
	notice_post(&worker->server->workers[0], 0, notice);
}

static void seam_count(void *ud, unsigned metric, uint64_t add)
{
	struct worker *worker = ud;

	baton_metrics_count(&worker->metrics, metric, add);
}

static void seam_observe(void *ud, unsigned metric, uint64_t us)
{
	struct worker *worker = ud;

	baton_metrics_observe(&worker->metrics, metric, us);
}

void worker_seam(struct worker *worker, struct baton_seam *ret_seam)
{
	*ret_seam = (struct baton_seam){
		.ud = worker,
		.now_ns = seam_now_ns,
		.unix_ms = seam_unix_ms,
		.random = seam_random,
		.timer_set = seam_timer_set,
		.timer_stop = seam_timer_stop,
		.append = seam_append,
		.read = seam_read,
		.snapshot_get = seam_snapshot_get,
		.snapshot_put = seam_snapshot_put,
		.forget = seam_forget,
		.erase = seam_erase,
		.release_pin = seam_release_pin,
		.release_unpin = seam_release_unpin,
		.release_doubtful = seam_release_doubtful,
		.release_turned = seam_release_turned,
		.release_number = seam_release_number,
		.policy = seam_policy,
		.classify = seam_classify,
		.retrieve = seam_retrieve,
		.generate = seam_generate,
		.invoke = seam_invoke,
		.cancel = seam_cancel,
		.rules = seam_rules,
		.inspect = seam_inspect,
		.module_works = seam_module_works,
		.board = seam_board,
		.board_done = seam_board_done,
		.notify = seam_notify,
		.desk = seam_desk,
		.count = seam_count,
		.observe = seam_observe,
	};
}
