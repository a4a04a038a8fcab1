/* SPDX-License-Identifier: Apache-2.0 */

/* What the board costs a turn: a choice and its settlement, in nanoseconds, for a healthy route,
 * one with everything that can be looked at, and one whose primary is down. Holds a server's worth
 * of targets and routes.
 *
 *   build/release/tests/board_bench [rounds]
 */

#include "core/base/errors.h"
#include "core/policy/expr.h"
#include "core/route/board.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { TARGETS = 40, ROUTES = 60, BATCH = 1000 };

static struct baton_target targets[TARGETS];
static struct baton_route routes[ROUTES];
static char names[TARGETS + ROUTES][16];
static struct baton_policy policy = {
	.targets = targets, .n_targets = TARGETS, .routes = routes, .n_routes = ROUTES
};
static const struct baton_class class_ = { .name = "drafting" };

static uint64_t now_ns(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static void set_up(void)
{
	for (size_t i = 0; i < TARGETS; i++) {
		(void)snprintf(names[i], sizeof(names[i]), "target-%zu", i);
		targets[i] = (struct baton_target){ .name = names[i],
						    .account = names[i % 5],
						    .region = i % 2 ? "eu" : "us",
						    .substitute = "",
						    .max_output_tokens = 800,
						    .context_tokens = 128000,
						    .in_microusd_per_mtok = 3000000,
						    .out_microusd_per_mtok = 15000000 };
	}
	for (size_t i = 0; i < ROUTES; i++) {
		(void)snprintf(names[TARGETS + i], sizeof(names[0]), "intent-%zu", i);
		routes[i] = (struct baton_route){ .intent = names[TARGETS + i],
						  .primary = &targets[i % TARGETS],
						  .fallbacks = { &targets[(i + 1) % TARGETS],
								 &targets[(i + 2) % TARGETS] },
						  .n_fallbacks = 2,
						  .class_ = &class_ };
	}
}

static int by_value(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* The median over batches of one choice and its settlement. */
static void measure(const char *what, struct baton_board *board, size_t n_routes,
		    const struct baton_outcome *outcome, size_t rounds)
{
	static const struct baton_id session = { .b = { 1 } };
	baton_facts facts = { .size = sizeof(facts) };
	double *ns = calloc(rounds, sizeof(*ns));
	struct baton_now now = { .ms = 100000, .unix_ms = 1795219200000 };
	uint64_t random = 1;

	for (size_t round = 0; round < rounds; round++) {
		uint64_t from = now_ns();

		for (size_t i = 0; i < BATCH; i++) {
			struct baton_choice choice;
			struct baton_ask ask = { .policy = &policy,
						 .route = &routes[i % n_routes],
						 .facts = &facts,
						 .session = &session,
						 .left_ms = 30000,
						 .random = random++,
						 .in_tokens = 900 };

			if (baton_board_next(board, now, &ask, &choice))
				baton_board_settle(board, now, choice.lease, outcome);
		}
		ns[round] = (double)(now_ns() - from) / BATCH;
		now.ms += 10;
	}
	qsort(ns, rounds, sizeof(*ns), by_value);
	printf("%-52s %7.0f ns median, %7.0f ns p99\n", what, ns[rounds / 2],
	       ns[rounds * 99 / 100]);
	free(ns);
}

static struct baton_board *fresh(void)
{
	struct baton_board *board = baton_board_new(NULL, NULL);

	baton_board_adopt(board, (struct baton_now){ .ms = 1, .unix_ms = 1795219200000 }, &policy);
	return board;
}

static void with_everything(void)
{
	struct baton_board *board = fresh();
	static struct baton_switch_def def = { .trigger = "quality" };
	char why[128];
	uint32_t column;

	if (baton_expr_compile(BATON_STR("queue_depth > 100 && customer_tier != \"vip\""),
			       &def.test, why, sizeof(why), &column) != BATON_OK)
		exit(1);
	def.to = &targets[9];
	for (size_t i = 0; i < ROUTES; i++) {
		routes[i].max_p95_ms = 3500;
		routes[i].day_microusd = UINT64_MAX / 2;
		routes[i].turn_microusd = 1000000;
		routes[i].switches = &def;
		routes[i].n_switches = 1;
	}
	policy.budgets.day_microusd = UINT64_MAX / 2;
	baton_board_adopt(board, (struct baton_now){ .ms = 1, .unix_ms = 1795219200000 }, &policy);
	measure("p95, a switch, four ceilings", board, ROUTES,
		&(struct baton_outcome){ .answered = true,
					 .first_token_ms = 400,
					 .total_ms = 1500,
					 .cost_microusd = 900 },
		2000);
	baton_expr_free(def.test);
	baton_board_free(&board);
}

int main(int argc, char **argv)
{
	struct baton_outcome well = { .answered = true, .first_token_ms = 400, .total_ms = 1500 };
	struct baton_outcome lost = { .fail = BATON_FAIL_OVERLOADED };
	size_t rounds = argc > 1 ? (size_t)strtoul(argv[1], NULL, 10) : 2000;
	struct baton_now tick = { .ms = 200000, .unix_ms = 1795219200000 };

	set_up();
	struct baton_board *board = fresh();

	measure("one route, all well", board, 1, &well, rounds);
	measure("60 routes over 40 targets, all well", board, ROUTES, &well, rounds);
	uint64_t from = now_ns();

	for (int i = 0; i < 1000; i++, tick.ms += 250)
		baton_board_tick(board, tick);
	printf("%-52s %7.0f ns\n", "a tick over 40 targets", (double)(now_ns() - from) / 1000);
	baton_board_free(&board);
	board = fresh();
	measure("60 routes, every call fails, all breakers open", board, ROUTES, &lost, rounds);
	baton_board_free(&board);
	with_everything();
	return 0;
}
