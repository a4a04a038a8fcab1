/* SPDX-License-Identifier: Apache-2.0 */

/* What the server does around the board: four ticks a second, its state on the disk now and
 * then, and word to sessions when a mode ends or a target is back. And admins on a bad day, who
 * switch targets off, declare modes and run drills at any moment.
 */

#include "tests/sim/sim.h"

#include "core/base/json.h"

#include <stdio.h>

enum {
	TICK_MS = 250,
	SETTLED_TIMES = 3,
	SETTLE_MS = 25000,
	SWEEP_MS = 5000, /* held sessions are looked at, news or not */
	/* Who was chosen is asked, also behind a hint and a drill's wait. */
	CHOSEN_MS = 12000,
	MODE_MS_MAX = 20000 + TICK_MS,             /* of policy_make(): none lasts longer */
	PROBE_MS_MAX = BATON_FIRST_TOKEN_MS + 6000 /* a shard looks now and then */
};

struct baton_now board_now(const struct sim *sim)
{
	return (struct baton_now){ sim->now_ns / MS, sim->wall_ms + sim->now_ns / MS };
}

static struct baton_board *seam_board(void *ud, struct baton_now *ret_now)
{
	struct sim_shard *shard = ud;

	PROMISE(shard->sim, !shard->sim->board_held, "the board is held by one at a time", NULL);
	shard->sim->board_held = true;
	*ret_now = board_now(shard->sim);
	return shard->sim->board;
}

static void seam_board_done(void *ud)
{
	struct sim_shard *shard = ud;

	PROMISE(shard->sim, shard->sim->board_held, "who gives the board back has it", NULL);
	shard->sim->board_held = false;
}

void board_seam(struct baton_seam *seam)
{
	seam->board = seam_board;
	seam->board_done = seam_board_done;
}

/* --- news --- */

static void sweep(struct sim *sim)
{
	for (struct log *log = sim->logs; log; log = log->hh.next) {
		unsigned marks = log->n > 0 ? log->records[log->n - 1].marks : 0;

		if (marks & BATON_MARK_HELD)
			server_resume(sim, &log->session);
	}
}

static void news_due(struct sim *sim, void *nothing)
{
	(void)nothing;
	if (!sim->up)
		return;
	for (unsigned i = 0; i < SIM_SHARDS; i++)
		baton_shard_modes_changed(sim->shards[i].shard);
	sweep(sim);
}

static void happened(void *ud, const struct baton_happening *happening)
{
	struct sim *sim = ud;

	sim_note(sim, "happened", (uint64_t)happening->type, (uint64_t)happening->trigger);
	switch (happening->type) {
	case BATON_HAPPENED_MODE_ON:
		sim->saw.modes_on++;
		sim->mode_on_ns = sim->now_ns;
		break;
	case BATON_HAPPENED_MODE_OFF:
		sim->saw.modes_off++;
		break;
	case BATON_HAPPENED_TARGET:
		sim->saw.target_changes++;
		break;
	case BATON_HAPPENED_DRILL_ON:
		sim->saw.drills++;
		break;
	case BATON_HAPPENED_ACCOUNT:
	case BATON_HAPPENED_ALERT_ON:
	case BATON_HAPPENED_ALERT_OFF:
	case BATON_HAPPENED_BUDGET:
	case BATON_HAPPENED_DRILL_OFF:
		break;
	}
	sim_later_mine(sim, 0, news_due, NULL, DUE_BOARD, 0);
}

/* --- ticks and the disk --- */

struct saving { /* one allocation: who dies with the process is freed unseen */
	size_t n;
	char text[];
};

static void saved_due(struct sim *sim, void *what)
{
	struct saving *saving = what;

	baton_str_drop(&sim->board_saved);
	sim->board_saved = baton_str_keep((baton_str){ saving->text, saving->n });
	baton_free(saving);
}

static void save(struct sim *sim)
{
	struct baton_buf text = { NULL, 0, 0 };

	baton_board_save(sim->board, board_now(sim), &text);
	struct saving *saving = baton_alloc(sizeof(*saving) + text.n);
	saving->n = text.n;
	memcpy(saving->text, text.p, text.n);
	baton_buf_done(&text);
	sim_later_mine(sim, sim_below(sim, 40) * MS, saved_due, saving, DUE_BOARD, 0);
}

static void tick_due(struct sim *sim, void *nothing)
{
	uint64_t waiting, claimed;

	(void)nothing;
	for (unsigned i = 0; i < SIM_SHARDS; i++)
		PROMISE(sim,
			sim->probe[i].ticket == 0 ||
				sim->now_ns < sim->probe[i].since_ns + PROBE_MS_MAX * MS,
			"a probe comes to its end", NULL);
	baton_desk_counts(sim->desk, &waiting, &claimed);
	baton_board_desk(sim->board, (uint32_t)waiting, 0, SIM_AGENTS);
	baton_board_tick(sim->board, board_now(sim));
	if (baton_board_dirty(sim->board) && sim->disk == 0)
		save(sim);
	if (sim->now_ns - sim->swept_ns > SWEEP_MS * MS) {
		sim->swept_ns = sim->now_ns;
		sweep(sim);
	}
	sim_later_mine(sim, TICK_MS * MS, tick_due, NULL, DUE_BOARD, 0);
}

void board_start(struct sim *sim)
{
	sim->board = baton_board_new(happened, sim);
	sim->board_held = false;
	/* What was not saved when the power went is forgotten. */
	memset(sim->off_ns, 0, sizeof(sim->off_ns));
	sim->unpaid_ns = 0;
	memset(sim->probe, 0, sizeof(sim->probe));
	baton_board_adopt(sim->board, board_now(sim), &sim->live->policy);
	if (sim->board_saved.n > 0) {
		int rc = baton_board_load(sim->board, board_now(sim), sim->board_saved);

		PROMISE(sim, rc == 0, "what the board saved it can read", NULL);
	}
	sim->swept_ns = sim->now_ns;
	sim_later_mine(sim, TICK_MS * MS, tick_due, NULL, DUE_BOARD, 0);
	sim_later_mine(sim, 0, news_due, NULL, DUE_BOARD, 0);
}

void board_stop(struct sim *sim)
{
	PROMISE(sim, !sim->board_held, "nobody dies with the board in hand", NULL);
	baton_board_free(&sim->board);
}

/* --- admins --- */

static const struct baton_admin admin = { .by = "root", .why = "bad day" };

static size_t some_target(struct sim *sim)
{
	return sim_below(sim, sim->policy.n_targets);
}

static void switch_off(struct sim *sim, size_t i)
{
	if (baton_board_target_disable(sim->board, board_now(sim), sim->policy.targets[i].name,
				       &admin) == 0 &&
	    sim->off_ns[i] == 0)
		sim->off_ns[i] = sim->now_ns;
}

static void switch_on(struct sim *sim, size_t i)
{
	const struct baton_target *target = &sim->policy.targets[i];

	(void)baton_board_target_enable(sim->board, board_now(sim), target->name, &admin);
	sim->off_ns[i] = 0;
	if (strcmp(target->account, "acme") == 0)
		sim->unpaid_ns = 0;
}

static const char *some_mode(struct sim *sim)
{
	return sim->policy.modes[sim_below(sim, sim->policy.n_modes)].name;
}

static void some_drill(struct sim *sim)
{
	struct baton_now now = board_now(sim);
	struct baton_drill drill = { .name = "storm",
				     .share_ppm = 300000,
				     .start_ms = now.ms,
				     .until_ms = now.ms + 1000 + sim_below(sim, 15000),
				     .n_faults = 1 };

	snprintf(drill.faults[0].target, sizeof(drill.faults[0].target), "%s",
		 sim_chance(sim, 50) ? "primary" : sim->policy.targets[some_target(sim)].name);
	drill.faults[0].fault = (struct baton_fault){
		.type = (enum baton_fault_type)(1 + sim_below(sim, BATON_FAULT_GARBAGE)),
		.ms = (uint32_t)sim_below(sim, 6000),
		.deltas = (uint32_t)sim_below(sim, 5)
	};
	(void)baton_board_drill_start(sim->board, now, &drill, &admin);
}

static void admin_due(struct sim *sim, void *nothing)
{
	struct baton_now now = board_now(sim);

	(void)nothing;
	if (sim->calm)
		return;
	sim_later(sim, (500 + sim_below(sim, 8000)) * MS, admin_due, NULL);
	if (!sim->up)
		return;
	switch (sim_below(sim, 8)) {
	case 0:
		switch_off(sim, some_target(sim));
		break;
	case 1:
	case 2:
		switch_on(sim, some_target(sim));
		break;
	case 3:
		(void)baton_board_mode_enter(sim->board, now, some_mode(sim),
					     sim_chance(sim, 50) ? sim_below(sim, 9000) : 0,
					     &admin);
		break;
	case 4:
		(void)baton_board_mode_leave(sim->board, now, some_mode(sim), &admin);
		break;
	case 5:
		some_drill(sim);
		break;
	default:
		break;
	}
}

void admins_begin(struct sim *sim)
{
	sim_later(sim, sim_below(sim, 5000) * MS, admin_due, NULL);
}

static void settle_due(struct sim *sim, void *nothing)
{
	(void)nothing;
	if (sim->up)
		admins_settle(sim);
}

/* The storm is over: admins undo what they did to targets and pay the bills, more than once, for
 * the last failures come in late. Modes must end by themselves. */
void admins_settle(struct sim *sim)
{
	if (sim->settled++ < SETTLED_TIMES)
		sim_later(sim, SETTLE_MS * MS, settle_due, NULL);
	for (size_t i = 0; i < sim->policy.n_targets; i++)
		switch_on(sim, i);
}

/* --- what the board says of itself --- */

unsigned sim_target(baton_str name)
{
	return baton_str_is(name, "main") ? 0 : baton_str_is(name, "backup") ? 1 : 2;
}

/* A drill for some believes what only its own sessions have met: then nothing is known here. */
void board_unpaid(struct sim *sim, const char *target)
{
	if (sim->saw.drills == 0 && sim->unpaid_ns == 0 &&
	    strcmp(sim->policy.targets[sim_target(baton_str_of(target))].account, "acme") == 0)
		sim->unpaid_ns = sim->now_ns;
}

void promise_may_be_asked(struct sim *sim, const char *name)
{
	unsigned i = sim_target(baton_str_of(name));
	uint64_t off_ns = sim->off_ns[i];

	PROMISE(sim, off_ns == 0 || sim->now_ns < off_ns + CHOSEN_MS * MS,
		"what an admin switched off is not asked", NULL);
	if (sim->saw.drills > 0 || sim->unpaid_ns == 0 ||
	    strcmp(sim->policy.targets[i].account, "acme") != 0)
		return;
	PROMISE(sim, sim->now_ns < sim->unpaid_ns + CHOSEN_MS * MS,
		"a closed account is left alone", NULL);
}

static uint64_t number(const struct baton_json *object, const char *key)
{
	struct baton_json value = baton_json_get(object, key);

	return baton_json_u64(&value, 0);
}

static void check_purse(struct sim *sim, const struct baton_json *purse)
{
	uint64_t ceiling = number(purse, "ceiling_microusd");

	PROMISE(sim, ceiling == 0 || number(purse, "spent_microusd") <= ceiling,
		"no ceiling is broken", NULL);
	PROMISE(sim, number(purse, "reserved_microusd") == 0, "no money stays set aside", NULL);
}

/* No turn is under way, but perhaps calls of probes: `running`. */
static void check_board(struct sim *sim, uint64_t running)
{
	static const char *const lists[] = { "targets", "accounts", "routes" };
	struct baton_buf text = { NULL, 0, 0 };
	struct baton_json board, row;
	uint64_t in_flight = 0;

	baton_board_json(sim->board, board_now(sim), &text);
	PROMISE(sim, baton_json_parse(baton_buf_view(&text), &board) == 0,
		"what the board says can be read", NULL);
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		struct baton_json list = baton_json_get(&board, lists[i]);

		for (size_t at = 0; baton_json_element(&list, &at, &row);) {
			in_flight += number(&row, "in_flight");
			check_purse(sim, &row);
		}
	}
	row = baton_json_get(&board, "budget");
	check_purse(sim, &row);
	PROMISE(sim, number(&board, "calls_running") == running && in_flight == running,
		"each lease is given back", NULL);
	PROMISE(sim, number(&board, "calls_lost") == 0, "no lease is lost", NULL);
	baton_buf_done(&text);
}

void board_idle(struct sim *sim)
{
	check_board(sim, 0);
}

void board_at_the_end(struct sim *sim)
{
	struct baton_mode_view view;

	for (size_t i = 0; i < sim->policy.n_routes; i++)
		PROMISE(sim,
			!baton_board_mode(sim->board, board_now(sim), &sim->policy,
					  &sim->policy.routes[i], &view) ||
				sim->now_ns < sim->mode_on_ns + MODE_MS_MAX * MS,
			"modes always end", NULL);
	/* A probe may be under way; no turn is. */
	check_board(sim, sim->open_calls);
}
