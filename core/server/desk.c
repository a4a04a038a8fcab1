/* SPDX-License-Identifier: Apache-2.0 */

/* The desk at work: it lives on worker 0, and everybody else reaches it by letter. What comes out
 * of it goes the same way back: notices to consoles on any worker, commands and places to the
 * worker that has the session.
 */

#include "core/server/worker.h"

enum { TICK_MS = 100 };

static struct baton_now now_of(const struct worker *worker)
{
	return (struct baton_now){ baton_loop_lap_ns(worker->loop) / 1000000,
				   baton_loop_lap_unix_ms(worker->loop) };
}

/* --- what comes out --- */

static void out_notify(void *ud, baton_conn conn, struct baton_notice *notice)
{
	worker_notify(ud, conn, notice);
}

static void out_command(void *ud, const struct baton_id *session,
			const struct baton_command *command)
{
	struct worker *worker = ud;

	worker_command(worker_of(worker->server, session), session, 0, command);
}

static void out_count(void *ud, unsigned metric, uint64_t add)
{
	struct worker *worker = ud;

	baton_metrics_count(&worker->metrics, metric, add);
}

struct place_mail {
	struct baton_mail mail;
	struct worker *worker;
	struct baton_id session;
	struct baton_queue_place place;
};

static void place_deliver(struct baton_mail *mail, struct baton_loop *loop)
{
	struct place_mail *letter = (struct place_mail *)mail;

	if (loop && letter->worker->shard) {
		shard_enter(letter->worker);
		baton_shard_place(letter->worker->shard, &letter->session, &letter->place);
		shard_leave(letter->worker);
	}
	baton_free(letter);
}

static void out_place(void *ud, const struct baton_id *session,
		      const struct baton_queue_place *place)
{
	struct worker *worker = ud;
	struct place_mail *letter = baton_new(struct place_mail);

	letter->mail.deliver = place_deliver;
	letter->worker = worker_of(worker->server, session);
	letter->session = *session;
	letter->place = *place;
	baton_loop_post(letter->worker->loop, &letter->mail);
}

/* --- life, on worker 0 --- */

static void tick(void *ud)
{
	struct worker *worker = ud;

	baton_desk_tick(worker->desk, now_of(worker));
	worker->desk_timer = baton_loop_timer(worker->loop, TICK_MS, tick, worker);
}

void worker_desk_open(struct worker *worker)
{
	struct baton_desk_host host = { worker, out_notify, out_command, out_place, out_count };

	worker->desk = baton_desk_new(&host);
	worker->desk_timer = baton_loop_timer(worker->loop, TICK_MS, tick, worker);
}

void worker_desk_close(struct worker *worker)
{
	if (worker->desk)
		baton_loop_timer_stop(worker->loop, worker->desk_timer);
	baton_desk_free(&worker->desk);
}

void worker_desk_adopt(struct worker *worker, struct baton_release *release)
{
	if (worker->desk)
		baton_desk_policy(worker->desk, now_of(worker), baton_release_policy(release));
}

void worker_desk_hear(struct worker *worker, struct baton_notice *notice)
{
	if (worker->desk)
		baton_desk_update(worker->desk, now_of(worker), notice);
}

void worker_desk_metrics(struct worker *worker, struct baton_buf *out)
{
	baton_desk_metrics(worker->desk, now_of(worker), out);
}

/* --- what consoles say --- */

enum desk_errand { DESK_WATCH, DESK_MORE, DESK_UNWATCH, DESK_STATUS, DESK_DECLINE };

struct desk_mail {
	struct baton_mail mail;
	struct worker *worker;
	enum desk_errand errand;
	baton_conn conn;
	enum baton_role role;
	char agent[65], name[65];
	bool available;
	struct baton_id session;
};

static void watch(const struct desk_mail *letter)
{
	baton_desk_watch(letter->worker->desk, now_of(letter->worker),
			 &(struct baton_desk_who){ .conn = letter->conn,
						   .role = letter->role,
						   .agent = baton_str_of(letter->agent),
						   .name = baton_str_of(letter->name) });
}

static void desk_run(const struct desk_mail *letter)
{
	struct baton_desk *desk = letter->worker->desk;
	struct baton_now now = now_of(letter->worker);

	switch (letter->errand) {
	case DESK_WATCH:
		watch(letter);
		break;
	case DESK_MORE:
		baton_desk_more(desk, letter->conn);
		break;
	case DESK_UNWATCH:
		baton_desk_unwatch(desk, now, letter->conn);
		break;
	case DESK_STATUS:
		baton_desk_status(desk, now, letter->conn, letter->available);
		break;
	case DESK_DECLINE:
		baton_desk_decline(desk, now, letter->conn, &letter->session);
		break;
	}
}

static void desk_deliver(struct baton_mail *mail, struct baton_loop *loop)
{
	struct desk_mail *letter = (struct desk_mail *)mail;

	if (loop && letter->worker->desk)
		desk_run(letter);
	baton_free(letter);
}

static struct desk_mail *letter_new(struct baton_port *port, enum desk_errand errand,
				    baton_conn conn)
{
	struct desk_mail *letter = baton_new(struct desk_mail);

	letter->mail.deliver = desk_deliver;
	letter->worker = &port->worker->server->workers[0];
	letter->errand = errand;
	letter->conn = conn;
	return letter;
}

static void post(struct desk_mail *letter)
{
	baton_loop_post(letter->worker->loop, &letter->mail);
}

void baton_port_desk_watch(struct baton_port *port, baton_conn conn,
			   const struct baton_identity *who)
{
	struct desk_mail *letter = letter_new(port, DESK_WATCH, conn);

	letter->role = who->role;
	memcpy(letter->agent, who->agent, sizeof(letter->agent));
	memcpy(letter->name, who->agent_name, sizeof(letter->name));
	post(letter);
}

void baton_port_desk_more(struct baton_port *port, baton_conn conn)
{
	post(letter_new(port, DESK_MORE, conn));
}

void baton_port_desk_unwatch(struct baton_port *port, baton_conn conn)
{
	post(letter_new(port, DESK_UNWATCH, conn));
}

void baton_port_desk_status(struct baton_port *port, baton_conn conn, bool available)
{
	struct desk_mail *letter = letter_new(port, DESK_STATUS, conn);

	letter->available = available;
	post(letter);
}

void baton_port_desk_decline(struct baton_port *port, baton_conn conn,
			     const struct baton_id *session)
{
	struct desk_mail *letter = letter_new(port, DESK_DECLINE, conn);

	letter->session = *session;
	post(letter);
}
