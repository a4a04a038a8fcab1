/* SPDX-License-Identifier: Apache-2.0 */

/* Consoles: agents who come, go, refuse, take what they are offered and lose their connection
 * at any time. What each of them is shown is kept and held against the promises of the desk:
 * an offer is one person's, and he is there and has room; nobody is shown what is none of his;
 * those that wait stand in the order they came; and in the end each console shows what the log
 * says, and no case is with somebody who is not there. */

#include "tests/sim/sim.h"

#include "core/base/json.h"
#include "core/observe/metrics.h"

#include <stdio.h>

enum { SETTLED_MS = 60000, NETWORK_NS = 300000 };

/* --- what the desk does --- */

struct telling {
	baton_conn conn;
	struct baton_notice *notice;
};

static void console_hear(struct console *console, const struct baton_notice *notice);

static void telling_due(struct sim *sim, void *what)
{
	struct telling *telling = what;

	for (size_t i = 0; i < SIM_AGENTS; i++)
		if (sim->consoles[i].conn == telling->conn)
			console_hear(&sim->consoles[i], telling->notice);
	baton_notice_unref(&telling->notice);
	baton_free(telling);
}

static void desk_notify(void *ud, baton_conn conn, struct baton_notice *notice)
{
	struct telling *telling = baton_new(struct telling);

	telling->conn = conn;
	telling->notice = baton_notice_ref(notice);
	sim_later(ud, NETWORK_NS, telling_due, telling);
}

static void desk_command(void *ud, const struct baton_id *session,
			 const struct baton_command *command)
{
	struct sim *sim = ud;

	sim_note(sim, "desk asks", command->verb, command->epoch);
	PROMISE(sim, command->role == BATON_SELF && command->epoch > 0,
		"what the desk asks for is fenced", session);
	server_command(sim, session, 0, command);
}

static void desk_place(void *ud, const struct baton_id *session,
		       const struct baton_queue_place *place)
{
	struct sim *sim = ud;

	PROMISE(sim, place->position >= 1 && place->position <= place->waiting,
		"a place is within its queue", session);
	PROMISE(sim, place->wait_ms == 0 || place->agents > 0,
		"nobody promises a wait while nobody works", session);
	sim->saw.places++;
	server_place(sim, session, place);
}

static void desk_count(void *ud, unsigned metric, uint64_t add)
{
	struct sim *sim = ud;

	sim->saw.offers += metric == BATON_METRIC_DESK_OFFERS ? add : 0;
	sim->saw.offers_taken += metric == BATON_METRIC_DESK_OFFERS_TAKEN ? add : 0;
	sim->saw.offers_missed += metric == BATON_METRIC_DESK_OFFERS_MISSED ? add : 0;
	sim->saw.leases_lost += metric == BATON_METRIC_DESK_LEASES_LOST ? add : 0;
	sim->saw.returns += metric == BATON_METRIC_DESK_RETURNS ? add : 0;
	sim->saw.abandoned += metric == BATON_METRIC_DESK_ABANDONED ? add : 0;
}

static void desk_tick(struct sim *sim, void *nothing)
{
	(void)nothing;
	baton_desk_tick(sim->desk, board_now(sim));
	sim_later_mine(sim, 100 * MS, desk_tick, NULL, DUE_DESK, 0);
}

void desk_start(struct sim *sim)
{
	struct baton_desk_host host = { sim, desk_notify, desk_command, desk_place, desk_count };

	sim->desk = baton_desk_new(&host);
	baton_desk_policy(sim->desk, board_now(sim), &sim->policy);
	sim_later_mine(sim, 100 * MS, desk_tick, NULL, DUE_DESK, 0);
}

void desk_stop(struct sim *sim)
{
	baton_desk_free(&sim->desk);
	for (size_t i = 0; i < SIM_AGENTS; i++)
		sim->consoles[i].conn = 0; /* the server is gone; they come again */
}

/* --- what a console is shown --- */

static int customer_index(const struct sim *sim, const struct baton_id *session)
{
	for (int i = 0; i < SIM_CUSTOMERS; i++)
		if (baton_id_eq(&sim->customers[i].session, session))
			return i;
	return -1;
}

static bool is_supervisor(const struct console *console)
{
	return console->index == SIM_SUPERVISOR;
}

/* Agent 0 works on one queue, agent 1 on all, the third looks after everything. */
static bool is_for(const struct console *console, baton_str queue, baton_str agent,
		   baton_str to_agent)
{
	const char *me = console->sim->agents[console->index].id;

	/* Taken from the bot it has none, and one without a queue is everybody's. */
	return console->index != 0 || queue.n == 0 || baton_str_is(queue, "general") ||
	       baton_str_is(agent, me) || baton_str_is(to_agent, me);
}

static void hear_case(struct console *console, const struct baton_notice *notice)
{
	struct sim *sim = console->sim;
	const struct baton_case *kase = &notice->kase;
	const char *me = sim->agents[console->index].id;
	int i = customer_index(sim, &notice->session);

	PROMISE(sim, i >= 0, "a case is some customer's", &notice->session);
	if (kase->state == BATON_CASE_NONE) {
		PROMISE(sim, console->cases[i].shown, "what goes had been shown", &notice->session);
		console->cases[i].shown = false;
		return;
	}
	PROMISE(sim, is_for(console, kase->queue, kase->agent, kase->to_agent),
		"nobody is shown what is none of his", &notice->session);
	PROMISE(sim, kase->claimable == (kase->state == BATON_CASE_WAITING),
		"what is shown and waits may be claimed", &notice->session);
	PROMISE(sim, (kase->position > 0) == (kase->state == BATON_CASE_WAITING),
		"what waits has a rank", &notice->session);
	console->cases[i].shown = true;
	console->cases[i].state = kase->state;
	console->cases[i].rank = kase->position;
	console->cases[i].priority = kase->priority;
	console->cases[i].since_ms = kase->waiting_since_ms;
	console->cases[i].in_general = baton_str_is(kase->queue, "general");
	console->cases[i].mine = kase->state == BATON_CASE_CLAIMED && baton_str_is(kase->agent, me);
}

static size_t has_now(const struct console *console)
{
	size_t n = 0;

	for (size_t i = 0; i < SIM_CUSTOMERS; i++)
		n += (console->cases[i].shown && console->cases[i].mine) ||
		     console->cases[i].offered;
	return n;
}

static void hear_offer(struct console *console, const struct baton_notice *notice)
{
	struct sim *sim = console->sim;
	int i = customer_index(sim, &notice->session);

	PROMISE(sim, i >= 0, "an offer is some customer's", &notice->session);
	if (notice->unix_ms == 0) {
		console->cases[i].offered = false;
		return;
	}
	PROMISE(sim, console->cases[i].shown && console->cases[i].state == BATON_CASE_WAITING,
		"what is offered waits", &notice->session);
	PROMISE(sim, has_now(console) < SIM_CAPACITY, "an offer goes to who has room",
		&notice->session);
	/* What was on its way when he went is not held against anybody. */
	PROMISE(sim, console->available || sim->now_ns - console->away_ns <= NETWORK_NS,
		"an offer goes to who is there", &notice->session);
	for (size_t j = 0; j < SIM_AGENTS; j++)
		PROMISE(sim, !sim->consoles[j].conn || !sim->consoles[j].cases[i].offered,
			"an offer is one person's", &notice->session);
	console->cases[i].offered = true;
}

static void console_hear(struct console *console, const struct baton_notice *notice)
{
	struct baton_json json;
	char text[16384];

	sim_note(console->sim, "console", (uint64_t)notice->type << 32 | console->index,
		 notice->unix_ms != 0);
	switch ((int)notice->type) {
	case BATON_NOTE_DESK:
		memset(console->cases, 0, sizeof(console->cases));
		break;
	case BATON_NOTE_CASE:
		hear_case(console, notice);
		break;
	case BATON_NOTE_OFFER:
		hear_offer(console, notice);
		break;
	case BATON_NOTE_OVERVIEW:
		snprintf(text, sizeof(text), "{%.*s}", (int)notice->text.n, notice->text.p);
		PROMISE(console->sim, baton_json_parse(baton_str_of(text), &json) == 0,
			"an overview is JSON", NULL);
		break;
	default:
		break;
	}
}

/* --- what agents do --- */

static void console_open(struct console *console)
{
	struct sim *sim = console->sim;
	const struct agent *agent = &sim->agents[console->index];

	if (console->conn || !sim->up)
		return;
	console->conn = ++sim->last_conn;
	console->opened_ns = sim->now_ns;
	memset(console->cases, 0, sizeof(console->cases));
	baton_desk_watch(sim->desk, board_now(sim),
			 &(struct baton_desk_who){ .conn = console->conn,
						   .role = is_supervisor(console) ? BATON_SUPERVISOR
										  : BATON_AGENT,
						   .agent = baton_str_of(agent->id),
						   .name = baton_str_of(agent->name) });
	console->available = true;
	baton_desk_status(sim->desk, board_now(sim), console->conn, true);
}

static void console_close(struct console *console)
{
	if (console->conn && console->sim->up)
		baton_desk_unwatch(console->sim->desk, board_now(console->sim), console->conn);
	console->conn = 0;
}

/* What he was offered, now and then; else what the list shows. */
static void console_claim(struct console *console)
{
	struct sim *sim = console->sim;
	const struct agent *agent = &sim->agents[console->index];

	for (size_t i = 0; i < SIM_CUSTOMERS; i++) {
		if (!console->cases[i].offered && sim_chance(sim, 80))
			continue;
		server_command(sim, &sim->customers[i].session, console->conn,
			       &(struct baton_command){ .verb = BATON_CMD_CLAIM,
							.role = BATON_AGENT,
							.agent = baton_str_of(agent->id),
							.agent_name = baton_str_of(agent->name) });
		return;
	}
}

static void console_decline(struct console *console)
{
	for (size_t i = 0; i < SIM_CUSTOMERS; i++)
		if (console->cases[i].offered)
			baton_desk_decline(console->sim->desk, board_now(console->sim),
					   console->conn, &console->sim->customers[i].session);
}

static void console_act(struct sim *sim, void *what)
{
	struct console *console = what;

	if (sim->calm)
		return;
	if (!console->conn) {
		console_open(console);
	} else {
		switch (sim_below(sim, 8)) {
		case 0:
			console_close(console);
			break;
		case 1:
			console->available = !console->available;
			console->away_ns = sim->now_ns;
			baton_desk_status(sim->desk, board_now(sim), console->conn,
					  console->available);
			break;
		case 2:
			console_decline(console);
			break;
		default:
			console_claim(console);
			break;
		}
	}
	sim_later(sim, (100 + sim_below(sim, 4000)) * MS, console_act, console);
}

void desk_people_begin(struct sim *sim)
{
	for (unsigned i = 0; i < SIM_AGENTS; i++) {
		sim->consoles[i].sim = sim;
		sim->consoles[i].index = i;
		sim_later(sim, sim_below(sim, 1000) * MS, console_act, &sim->consoles[i]);
	}
}

/* The first is gone for good; what he had must come back. */
void desk_people_settle(struct sim *sim)
{
	console_close(&sim->consoles[0]);
	for (unsigned i = 1; i < SIM_AGENTS; i++)
		console_open(&sim->consoles[i]);
}

/* --- when all has settled --- */

static bool holder_is_there(const struct sim *sim, const struct log *log)
{
	for (size_t i = 0; i < SIM_AGENTS; i++)
		if (strcmp(sim->agents[i].id, log->agent) == 0)
			return sim->consoles[i].conn != 0;
	return false;
}

static enum baton_case_state state_of(const struct log *log)
{
	if (!log || log->owner == BATON_OWNER_BOT)
		return BATON_CASE_NONE;
	return log->owner == BATON_OWNER_QUEUE ? BATON_CASE_WAITING : BATON_CASE_CLAIMED;
}

static void check_shown(struct sim *sim, const struct console *console, size_t i)
{
	const struct baton_id *session = &sim->customers[i].session;
	enum baton_case_state state = state_of(store_log(sim, session));
	enum baton_case_state shown =
		console->cases[i].shown ? console->cases[i].state : BATON_CASE_NONE;

	PROMISE(sim, shown == state, "a console shows what the log says", session);
}

/* Of one queue and one priority, whoever has waited longer comes first. */
static void check_order(struct sim *sim, const struct console *console)
{
	for (size_t i = 0; i < SIM_CUSTOMERS; i++)
		for (size_t j = 0; j < SIM_CUSTOMERS; j++) {
			const struct shown_case *a = &console->cases[i], *b = &console->cases[j];
			bool both = a->shown && b->shown && a->state == BATON_CASE_WAITING &&
				    b->state == BATON_CASE_WAITING;

			if (both && a->in_general == b->in_general && a->priority == b->priority &&
			    a->since_ms < b->since_ms)
				PROMISE(sim, a->rank < b->rank, "first come, first served",
					&sim->customers[j].session);
		}
}

void desk_at_the_end(struct sim *sim)
{
	for (struct log *log = sim->logs; log; log = log->hh.next)
		PROMISE(sim, log->owner != BATON_OWNER_AGENT || holder_is_there(sim, log),
			"no case stays with somebody who is gone", &log->session);
	for (size_t i = 1; i < SIM_AGENTS; i++) {
		const struct console *console = &sim->consoles[i];

		PROMISE(sim, console->conn && sim->now_ns - console->opened_ns > SETTLED_MS * MS,
			"who is back stays", NULL);
		for (size_t j = 0; j < SIM_CUSTOMERS; j++)
			check_shown(sim, console, j);
		check_order(sim, console);
	}
}
