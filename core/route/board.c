/* SPDX-License-Identifier: Apache-2.0 */

/* The board as the host and turns see it: each function hands on to the part that knows. Who is
 * asked next is choice.c; what is written for people and for a restart is board_json.c and
 * board_save.c. */

#include "core/route/inside.h"

enum { LEASE_LOST_MS = 2 * BATON_TURN_TOTAL_MS, SWEEP_MS = 1000 };

struct baton_board *baton_board_new(baton_board_happened *happened, void *ud)
{
	struct baton_board *board = baton_new(struct baton_board);

	board->happened = happened;
	board->ud = ud;
	board->health.happened = board->money.happened = happened;
	board->health.ud = board->money.ud = ud;
	baton_modes_init(&board->modes, happened, ud);
	baton_alert_init(&board->alert, happened, ud);
	baton_drills_init(&board->drills, happened, ud);
	return board;
}

void baton_board_free(struct baton_board **board)
{
	if (!board || !*board)
		return;
	baton_health_done(&(*board)->health);
	baton_health_done(&(*board)->drilled);
	baton_money_done(&(*board)->money);
	baton_leases_done(&(*board)->leases);
	baton_tallies_done(&(*board)->tallies);
	baton_reviews_done(&(*board)->reviews);
	baton_free(*board);
	*board = NULL;
}

void baton_board_adopt(struct baton_board *board, struct baton_now now,
		       const struct baton_policy *policy)
{
	if (!board->ready)
		baton_tallies_init(&board->tallies, now.ms);
	board->ready = true;
	board->policy = policy;
	baton_health_adopt(&board->health, now, policy);
	if (board->drilling)
		baton_health_adopt(&board->drilled, now, policy);
	baton_money_adopt(&board->money, now, policy);
	baton_modes_adopt(&board->modes, now, policy);
	baton_alert_adopt(&board->alert, now, &policy->alert);
}

/* --- turns --- */

void baton_board_settle(struct baton_board *board, struct baton_now now, uint64_t lease,
			const struct baton_outcome *outcome)
{
	struct baton_lease held;

	if (!baton_leases_give(&board->leases, lease, &held))
		return; /* too late: it was taken for lost */
	baton_money_settle(&board->money, now, &held.purses, held.worst, outcome->cost_microusd);
	baton_health_settle(held.health, now, held.target, held.probes, outcome);
}

void baton_board_report(struct baton_board *board, struct baton_now now,
			const struct baton_turn_report *report)
{
	baton_tallies_report(&board->tallies, now, report);
	baton_alert_report(&board->alert, now, report);
}

void baton_board_tool(struct baton_board *board, baton_str name, enum baton_tool_end end,
		      uint64_t us)
{
	baton_tool_tallies_add(&board->tools, name, end, us);
}

void baton_board_judged(struct baton_board *board, struct baton_now now, const char *intent,
			baton_str what)
{
	baton_tallies_judged(&board->tallies, now, intent, what);
	baton_alert_judged(&board->alert, now, what);
}

void baton_board_reviewed(struct baton_board *board, struct baton_now now,
			  const struct baton_review *review)
{
	baton_board_judged(board, now, review->intent, review->action);
	baton_reviews_add(&board->reviews, now.unix_ms, review);
}

static void primary_facts(struct baton_board *board, struct baton_now now,
			  const struct baton_target *primary, baton_facts *facts)
{
	struct baton_target_health *row = baton_health_target(&board->health, now, primary);

	if (row)
		baton_health_primary_facts(row, now.ms, facts);
}

void baton_board_facts(struct baton_board *board, struct baton_now now,
		       const struct baton_policy *policy, const struct baton_route *route,
		       baton_facts *facts)
{
	struct baton_counts counts;
	struct baton_review_sum reviews;
	struct baton_mode_view view;

	facts->primary_state = facts->mode = BATON_STR("");
	facts->primary_p95_ms = 0;
	facts->primary_health_ppm = 1000000;
	if (route->primary)
		primary_facts(board, now, route->primary, facts);
	facts->degraded_level = 0;
	if (baton_board_mode(board, now, policy, route, &view)) {
		facts->mode = baton_str_of(view.mode->name);
		/* A substitute still answers; all other modes keep the customer waiting. */
		facts->degraded_level = view.what == BATON_MODE_SUBSTITUTE ? 1 : 2;
	}
	baton_tallies_intent(&board->tallies, now, route->intent, &counts);
	facts->tool_success_ppm = baton_counts_tool_success_ppm(&counts);
	baton_reviews_sum(&board->reviews, now.unix_ms, route->intent, "", &reviews);
	facts->override_rate_ppm = reviews.override_ppm;
	facts->queue_depth = board->waiting;
	facts->agents_free = board->agents_free;
}

bool baton_board_mode(struct baton_board *board, struct baton_now now,
		      const struct baton_policy *policy, const struct baton_route *route,
		      struct baton_mode_view *ret_view)
{
	(void)now;
	return board->modes.n_on > 0 && baton_modes_view(&board->modes, policy, route, ret_view);
}

bool baton_board_in_drill(const struct baton_board *board, struct baton_now now,
			  const struct baton_id *session, bool labelled)
{
	return board->drills.n > 0 && baton_drills_hurt(&board->drills, now, session, labelled);
}

void baton_board_mode_met(struct baton_board *board, struct baton_now now,
			  const struct baton_mode_def *mode)
{
	baton_modes_met(&board->modes, now, mode->name);
}

/* --- the host --- */

static void health_facts(void *ud, struct baton_now now, const struct baton_mode_def *mode,
			 struct baton_mode_facts *facts)
{
	struct baton_board *board = ud;

	baton_health_facts(&board->health, now, board->policy, mode, facts);
	facts->cost_ppm = baton_money_share_ppm(&board->money, now, board->policy, mode);
}

static void sweep(struct baton_board *board, struct baton_now now)
{
	static const struct baton_outcome gone = { .cancelled = true };
	uint64_t lease;

	if (now.ms < board->swept_ms + SWEEP_MS)
		return;
	board->swept_ms = now.ms;
	while ((lease = baton_leases_lost(&board->leases, now.ms, LEASE_LOST_MS)) != 0) {
		board->lost++;
		baton_board_settle(board, now, lease, &gone);
	}
}

/* The drills for some are over: so is what they made believe, once no call of it runs. */
static void tick_drilled(struct baton_board *board, struct baton_now now)
{
	const struct baton_target_health *row;

	if (!board->drilling)
		return;
	baton_health_tick(&board->drilled, now);
	for (row = board->drilled.targets; row; row = row->hh.next)
		if (row->in_flight > 0)
			return;
	if (baton_drills_partial(&board->drills, now))
		return;
	baton_health_done(&board->drilled);
	board->drilled = (struct baton_health){ .happened = NULL };
	board->drilling = false;
}

void baton_board_tick(struct baton_board *board, struct baton_now now)
{
	struct baton_mode_world world = {
		.health = health_facts,
		.ud = board,
		.tallies = &board->tallies,
		.alert = &board->alert,
		.drills = &board->drills,
		.waiting = board->waiting,
		.agents_free = board->agents_free,
		.oldest_wait_ms = board->oldest_wait_ms,
	};

	sweep(board, now);
	baton_health_tick(&board->health, now);
	tick_drilled(board, now);
	baton_money_tick(&board->money, now);
	baton_drills_tick(&board->drills, now);
	if (!board->policy)
		return;
	baton_alert_tick(&board->alert, now);
	baton_modes_tick(&board->modes, now, &world);
}

void baton_board_desk(struct baton_board *board, uint32_t waiting, uint64_t oldest_wait_ms,
		      uint32_t agents_free)
{
	board->waiting = waiting;
	board->oldest_wait_ms = oldest_wait_ms;
	board->agents_free = agents_free;
}

/* --- admins --- */

int baton_board_target_disable(struct baton_board *board, struct baton_now now, const char *target,
			       const struct baton_admin *admin)
{
	return baton_health_disable(&board->health, now, target, admin) ? BATON_OK
									: BATON_E_NOTFOUND;
}

int baton_board_target_enable(struct baton_board *board, struct baton_now now, const char *target,
			      const struct baton_admin *admin)
{
	return baton_health_enable(&board->health, now, target, admin) ? BATON_OK
								       : BATON_E_NOTFOUND;
}

int baton_board_mode_enter(struct baton_board *board, struct baton_now now, const char *mode,
			   uint64_t for_ms, const struct baton_admin *admin)
{
	return baton_modes_enter(&board->modes, now, mode, for_ms, admin);
}

int baton_board_mode_leave(struct baton_board *board, struct baton_now now, const char *mode,
			   const struct baton_admin *admin)
{
	return baton_modes_leave(&board->modes, now, mode, admin);
}

int baton_board_drill_start(struct baton_board *board, struct baton_now now,
			    const struct baton_drill *drill, const struct baton_admin *admin)
{
	return baton_drills_start(&board->drills, now, drill, admin);
}

int baton_board_drill_stop(struct baton_board *board, struct baton_now now, const char *name,
			   const struct baton_admin *admin)
{
	return baton_drills_stop(&board->drills, now, name, admin);
}
