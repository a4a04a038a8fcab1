/* SPDX-License-Identifier: Apache-2.0 */

/* The server process: shards that come up, are talked to over a network, and are killed. */

#include "tests/sim/sim.h"

enum {
	NETWORK_US = 300,
	DRAIN_MS_MAX = 20000 + 3000 /* an open turn's total, and a slow disk */
};

static uint64_t seam_now_ns(void *ud)
{
	struct sim_shard *shard = ud;

	return shard->sim->now_ns;
}

/* The wall clock jumps about: nothing may rest on it. */
static uint64_t seam_unix_ms(void *ud)
{
	struct sim_shard *shard = ud;
	struct sim *sim = shard->sim;

	if (sim_below(sim, 200) == 0)
		sim->wall_ms += sim_below(sim, 7200000) - 3600000;
	return sim->wall_ms + sim->now_ns / MS;
}

static void seam_random(void *ud, void *p, size_t n)
{
	struct sim_shard *shard = ud;
	uint8_t *bytes = p;

	for (size_t i = 0; i < n; i++)
		bytes[i] = (uint8_t)sim_random(shard->sim);
}

struct timer {
	struct sim_shard *shard;
	uint64_t key;
};

static uint64_t timer_name(const struct sim_shard *shard, uint64_t key)
{
	return key << 2 | shard->index; /* both shards number their actors from 1 */
}

static void timer_due(struct sim *sim, void *what)
{
	struct timer timer = *(struct timer *)what;

	(void)sim;
	baton_free(what);
	baton_shard_timer(timer.shard->shard, timer.key);
}

static void seam_timer_stop(void *ud, uint64_t key)
{
	struct sim_shard *shard = ud;

	sim_forget(shard->sim, DUE_TIMER, timer_name(shard, key));
}

static void seam_timer_set(void *ud, uint64_t key, uint64_t delay_ms)
{
	struct sim_shard *shard = ud;
	struct timer *timer = baton_new(struct timer);

	seam_timer_stop(ud, key);
	timer->shard = shard;
	timer->key = key;
	sim_later_mine(shard->sim, delay_ms * MS, timer_due, timer, DUE_TIMER,
		       timer_name(shard, key));
}

/* --- out --- */

struct telling {
	baton_conn conn;
	struct baton_notice *notice;
};

static void telling_due(struct sim *sim, void *what)
{
	struct telling *telling = what;

	people_hear(sim, telling->conn, telling->notice);
	baton_notice_unref(&telling->notice);
	baton_free(telling);
}

static void seam_notify(void *ud, baton_conn conn, struct baton_notice *notice)
{
	struct sim_shard *shard = ud;
	struct telling *telling = baton_new(struct telling);

	if (notice->type == BATON_NOTE_DELTA)
		promise_shown(shard->sim, notice);
	if (notice->type == BATON_NOTE_PLACE)
		promise_place(shard->sim, notice);
	telling->conn = conn;
	telling->notice = baton_notice_ref(notice);
	sim_later(shard->sim, NETWORK_US * 1000, telling_due, telling);
}

static void seam_desk(void *ud, struct baton_notice *notice)
{
	struct sim_shard *shard = ud;

	baton_desk_update(shard->sim->desk, board_now(shard->sim), notice);
}

static void seam_count(void *ud, unsigned metric, uint64_t add)
{
	(void)ud;
	(void)metric;
	(void)add;
}

/* --- up and down --- */

static struct sim_shard *shard_of(struct sim *sim, const struct baton_id *session)
{
	return &sim->shards[baton_id_hash(session) % SIM_SHARDS];
}

static void recover(struct sim *sim)
{
	struct log *log;

	for (log = sim->logs; log; log = log->hh.next) {
		unsigned marks = log->n > 0 ? log->records[log->n - 1].marks : 0;

		/* The work index of the journal: what somebody has to look at. */
		if ((marks & (BATON_MARK_TURN_OPEN | BATON_MARK_CASE_WAITING |
			      BATON_MARK_CASE_CLAIMED)) == 0)
			continue;
		sim->saw.restarts += (marks & BATON_MARK_TURN_OPEN) != 0;
		baton_shard_recover(shard_of(sim, &log->session)->shard, &log->session);
	}
}

void server_resume(struct sim *sim, const struct baton_id *session)
{
	baton_shard_resume(shard_of(sim, session)->shard, session);
}

void server_start(struct sim *sim)
{
	sim->up = true;
	desk_start(sim);
	releases_start(sim);
	board_start(sim);
	for (unsigned i = 0; i < SIM_SHARDS; i++) {
		struct baton_seam seam = { .ud = &sim->shards[i],
					   .now_ns = seam_now_ns,
					   .unix_ms = seam_unix_ms,
					   .random = seam_random,
					   .timer_set = seam_timer_set,
					   .timer_stop = seam_timer_stop,
					   .notify = seam_notify,
					   .desk = seam_desk,
					   .count = seam_count,
					   .observe = seam_count };

		sim->shards[i].sim = sim;
		sim->shards[i].index = i;
		store_seam(&seam);
		board_seam(&seam);
		models_seam(&seam);
		releases_seam(&seam);
		sim->shards[i].shard = baton_shard_new(&seam);
	}
	sim_note(sim, "up", sim->generation, 0);
	recover(sim);
}

static void start_due(struct sim *sim, void *nothing)
{
	(void)nothing;
	if (!sim->up)
		server_start(sim);
}

/* The process ends, and comes back if there is a storm; orderly or not makes no difference here. */
static void server_end(struct sim *sim)
{
	sim->up = sim->draining = false;
	sim->generation++;
	for (unsigned i = 0; i < SIM_SHARDS; i++)
		baton_shard_free(&sim->shards[i].shard);
	desk_stop(sim);
	board_stop(sim);
	PROMISE(sim, sim->pins == 0, "a dead server holds no release", NULL);
	PROMISE(sim, sim->open_calls == 0, "nobody works for a turn that is over", NULL);
	releases_stop(sim);
	store_crash(sim);
	people_lose_server(sim);
	if (!sim->calm)
		sim_later(sim, sim_below(sim, 500) * MS, start_due, NULL);
}

void server_crash(struct sim *sim)
{
	if (!sim->up)
		return;
	sim_note(sim, "crash", sim->generation, 0);
	sim->saw.crashes++;
	server_end(sim);
}

struct drain {
	unsigned generation;
	uint64_t until_ns;
};

static void drain_due(struct sim *sim, void *what)
{
	struct drain *drain = what;
	bool idle = true;

	if (!sim->up || drain->generation != sim->generation) {
		baton_free(drain); /* the power was faster */
		return;
	}
	for (unsigned i = 0; i < SIM_SHARDS; i++)
		idle = idle && baton_shard_idle(sim->shards[i].shard);
	if (!idle) {
		PROMISE(sim, sim->now_ns < drain->until_ns, "a drain comes to its end", NULL);
		sim_later(sim, 20 * MS, drain_due, drain);
		return;
	}
	baton_free(drain);
	PROMISE(sim, sim->queue == NULL && sim->pins == 0, "who is idle has nothing under way",
		NULL);
	board_idle(sim);
	sim_note(sim, "drained", sim->generation, 0);
	sim->saw.drains++;
	server_end(sim);
}

void server_drain(struct sim *sim)
{
	if (!sim->up || sim->draining)
		return;
	struct drain *drain = baton_new(struct drain);

	sim_note(sim, "drain", sim->generation, 0);
	drain->generation = sim->generation;
	drain->until_ns = sim->now_ns + DRAIN_MS_MAX * MS;
	sim->draining = true;
	for (unsigned i = 0; i < SIM_SHARDS; i++)
		baton_shard_drain(sim->shards[i].shard);
	sim_later(sim, 20 * MS, drain_due, drain);
}

/* --- in: what clients send is on its way for a while, and dies with the process --- */

struct sending {
	struct baton_id session;
	baton_conn conn;
	struct baton_command command;
	struct baton_event event; /* of SAVED */
	struct baton_arena *arena;
	enum {
		SEND_COMMAND,
		SEND_SUBSCRIBE,
		SEND_UNSUBSCRIBE,
		SEND_TYPING,
		SEND_PLACE,
		SEND_PACKAGE
	} kind;
	struct baton_queue_place place;
	enum baton_audience audience;
	uint64_t after;
	unsigned generation;
};

static void sending_due(struct sim *sim, void *what)
{
	struct sending *sending = what;
	bool arrives = sim->up && sending->generation == sim->generation;
	struct baton_shard *shard = shard_of(sim, &sending->session)->shard;

	if (arrives && sending->kind == SEND_COMMAND)
		baton_shard_command(shard, &sending->session, sending->conn, &sending->command);
	else if (arrives && sending->kind == SEND_SUBSCRIBE)
		baton_shard_subscribe(shard, &sending->session, sending->conn, sending->audience,
				      sending->after);
	else if (arrives && sending->kind == SEND_TYPING)
		baton_shard_typing(shard, &sending->session, sending->conn, sending->command.role,
				   sending->command.agent_name);
	else if (arrives && sending->kind == SEND_PACKAGE)
		baton_shard_package(shard, &sending->session, sending->conn);
	else if (arrives && sending->kind == SEND_PLACE)
		baton_shard_place(shard, &sending->session, &sending->place);
	else if (arrives)
		baton_shard_unsubscribe(shard, &sending->session, sending->conn);
	baton_arena_done(sending->arena);
	baton_free(sending->arena);
	baton_free(sending);
}

static struct sending *sending_new(struct sim *sim, const struct baton_id *session, baton_conn conn)
{
	struct sending *sending = baton_new(struct sending);

	sending->session = *session;
	sending->conn = conn;
	sending->arena = baton_new(struct baton_arena);
	sending->generation = sim->generation;
	sim_later(sim, NETWORK_US * 1000, sending_due, sending);
	return sending;
}

static void keep(struct sending *sending, baton_str *s)
{
	if (s->n > 0)
		s->p = baton_arena_dup(sending->arena, s->p, s->n);
}

static void keep_files(struct sending *sending)
{
	struct baton_command *command = &sending->command;
	size_t n = command->n_attachments;

	if (n == 0)
		return;
	struct baton_attachment *files = baton_arena_alloc(sending->arena, n * sizeof(*files));
	for (size_t i = 0; i < n; i++) {
		files[i] = command->attachments[i];
		keep(sending, &files[i].id);
	}
	command->attachments = files;
}

void server_command(struct sim *sim, const struct baton_id *session, baton_conn conn,
		    const struct baton_command *command)
{
	struct sending *sending = sending_new(sim, session, conn);

	sending->kind = SEND_COMMAND;
	sending->command = *command;
	keep(sending, &sending->command.client_id);
	keep(sending, &sending->command.text);
	keep(sending, &sending->command.value);
	keep(sending, &sending->command.agent);
	keep(sending, &sending->command.agent_name);
	keep(sending, &sending->command.to_agent);
	keep(sending, &sending->command.identity.customer);
	keep(sending, &sending->command.identity.customer_tier);
	keep_files(sending);
}

void server_subscribe(struct sim *sim, const struct baton_id *session, baton_conn conn,
		      enum baton_audience audience, uint64_t after)
{
	struct sending *sending = sending_new(sim, session, conn);

	sending->kind = SEND_SUBSCRIBE;
	sending->audience = audience;
	sending->after = after;
}

void server_unsubscribe(struct sim *sim, const struct baton_id *session, baton_conn conn)
{
	sending_new(sim, session, conn)->kind = SEND_UNSUBSCRIBE;
}

void server_package(struct sim *sim, const struct baton_id *session, baton_conn conn)
{
	sending_new(sim, session, conn)->kind = SEND_PACKAGE;
}

void server_place(struct sim *sim, const struct baton_id *session,
		  const struct baton_queue_place *place)
{
	struct sending *sending = sending_new(sim, session, 0);

	sending->kind = SEND_PLACE;
	sending->place = *place;
}

void server_typing(struct sim *sim, const struct baton_id *session, baton_conn conn,
		   enum baton_role role, const char *name)
{
	struct sending *sending = sending_new(sim, session, conn);

	sending->kind = SEND_TYPING;
	sending->command.role = role;
	sending->command.agent_name = baton_str_of(role == BATON_CUSTOMER ? "" : name);
	keep(sending, &sending->command.agent_name);
}

void server_saved(struct sim *sim, const struct baton_id *session, uint64_t upto)
{
	struct sending *sending = sending_new(sim, session, 0);

	sending->kind = SEND_COMMAND;
	sending->event.type = BATON_EV_TRANSCRIPT_SAVED;
	sending->event.transcript_saved.backend = BATON_STR("files");
	sending->event.transcript_saved.upto = upto;
	sending->command = (struct baton_command){ .verb = BATON_CMD_SAVED,
						   .role = BATON_SELF,
						   .events = &sending->event,
						   .n_events = 1 };
}
