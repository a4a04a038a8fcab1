/* SPDX-License-Identifier: Apache-2.0 */

/* What the server does around the board: four ticks a second, its state on the disk now and
 * then, and word to sessions when a mode ends or a target is back. And admins on a bad day, who
 * switch targets off, declare modes and run drills at any moment.
 */

#include "tests/sim/sim.h"

#include <stdio.h>

enum {
	TICK_MS = 250,
	SETTLED_TIMES = 3,
	SETTLE_MS = 25000,
	SWEEP_MS = 5000 /* held sessions are looked at, news or not */
};

static struct baton_now now_of(const struct sim *sim)
{
	return (struct baton_now){ sim->now_ns / MS, sim->wall_ms + sim->now_ns / MS };
}

static struct baton_board *seam_board(void *ud, struct baton_now *ret_now)
{
	struct sim_shard *shard = ud;

	PROMISE(shard->sim, !shard->sim->board_held, "the board is held by one at a time", NULL);
	shard->sim->board_held = true;
	*ret_now = now_of(shard->sim);
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

	baton_board_save(sim->board, now_of(sim), &text);
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
	baton_desk_counts(sim->desk, &waiting, &claimed);
	baton_board_desk(sim->board, (uint32_t)waiting, 0, SIM_AGENTS);
	baton_board_tick(sim->board, now_of(sim));
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
	baton_board_adopt(sim->board, now_of(sim), &sim->policy);
	if (sim->board_saved.n > 0) {
		int rc = baton_board_load(sim->board, now_of(sim), sim->board_saved);

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

static const char *some_target(struct sim *sim)
{
	return sim->policy.targets[sim_below(sim, sim->policy.n_targets)].name;
}

static const char *some_mode(struct sim *sim)
{
	return sim->policy.modes[sim_below(sim, sim->policy.n_modes)].name;
}

static void some_drill(struct sim *sim)
{
	struct baton_now now = now_of(sim);
	struct baton_drill drill = { .name = "storm",
				     .share_ppm = 300000,
				     .start_ms = now.ms,
				     .until_ms = now.ms + 1000 + sim_below(sim, 15000),
				     .n_faults = 1 };

	snprintf(drill.faults[0].target, sizeof(drill.faults[0].target), "%s",
		 sim_chance(sim, 50) ? "primary" : some_target(sim));
	drill.faults[0].fault = (struct baton_fault){
		.type = (enum baton_fault_type)(1 + sim_below(sim, BATON_FAULT_GARBAGE)),
		.ms = (uint32_t)sim_below(sim, 6000),
		.deltas = (uint32_t)sim_below(sim, 5)
	};
	(void)baton_board_drill_start(sim->board, now, &drill, &admin);
}

static void admin_due(struct sim *sim, void *nothing)
{
	struct baton_now now = now_of(sim);

	(void)nothing;
	if (sim->calm)
		return;
	sim_later(sim, (500 + sim_below(sim, 8000)) * MS, admin_due, NULL);
	if (!sim->up)
		return;
	switch (sim_below(sim, 8)) {
	case 0:
		(void)baton_board_target_disable(sim->board, now, some_target(sim), &admin);
		break;
	case 1:
	case 2:
		(void)baton_board_target_enable(sim->board, now, some_target(sim), &admin);
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
		(void)baton_board_target_enable(sim->board, now_of(sim),
						sim->policy.targets[i].name, &admin);
}

void board_at_the_end(struct sim *sim)
{
	struct baton_mode_view view;

	for (size_t i = 0; i < sim->policy.n_routes; i++)
		PROMISE(sim,
			!baton_board_mode(sim->board, now_of(sim), &sim->policy,
					  &sim->policy.routes[i], &view),
			"modes always end", NULL);
}
