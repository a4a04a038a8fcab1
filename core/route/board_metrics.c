/* SPDX-License-Identifier: Apache-2.0 */

/* The board as Prometheus text 0.0.4. Series are described in series.def. Summaries hold
 * the quantiles of five minutes and the totals since the start. */

#include "core/route/inside.h"

#include "core/base/assert.h"

static const double MS_PER_S = 1e3, MICROUSD_PER_USD = 1e6;

static const struct {
	const char *name, *type, *help;
} all[] = {
#define SERIES(name_, type_, labels_, help_) { #name_, #type_, help_ },
#include "core/route/series.def"
#undef SERIES
};

static void describe(struct baton_buf *out, const char *name)
{
	size_t i = 0;

	while (i < sizeof(all) / sizeof(all[0]) && strcmp(all[i].name, name) != 0)
		i++;
	baton_assert(i < sizeof(all) / sizeof(all[0]));
	baton_buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, all[i].help, name, all[i].type);
}

/* {label="value" with \, " and line feeds escaped */
static void label(struct baton_buf *out, const char *name, const char *value)
{
	baton_buf_printf(out, "%s%s=\"", out->p[out->n - 1] == '"' ? "," : "{", name);
	for (; *value; value++) {
		if (*value == '\\' || *value == '"')
			baton_buf_add(out, "\\", 1);
		if (*value == '\n')
			baton_buf_z(out, "\\n");
		else
			baton_buf_add(out, value, 1);
	}
	baton_buf_z(out, "\"");
}

static void series(struct baton_buf *out, const char *name, const char *key, const char *value)
{
	baton_buf_z(out, name);
	label(out, key, value);
}

static void sample(struct baton_buf *out, const char *name, const char *target, double value)
{
	series(out, name, "target", target);
	baton_buf_printf(out, "} %.15g\n", value);
}

static void sample2(struct baton_buf *out, const char *name, const char *target,
		    const char *label_value[2], double value)
{
	series(out, name, "target", target);
	label(out, label_value[0], label_value[1]);
	baton_buf_printf(out, "} %.15g\n", value);
}

/* --- targets --- */

static void states(struct baton_board *board, struct baton_now now, struct baton_buf *out)
{
	struct baton_target_health *row;

	describe(out, "baton_target_state");
	for (row = board->health.targets; row; row = row->hh.next)
		for (unsigned i = 0; i < BATON_TARGET_STATES_N; i++)
			sample2(out, "baton_target_state", row->name,
				(const char *[]){ "state", baton_target_state_name(
								   (enum baton_target_state)i) },
				baton_health_state(row, now.ms) == (enum baton_target_state)i);
}

static void calls(struct baton_board *board, struct baton_buf *out)
{
	struct baton_target_health *row;

	describe(out, "baton_target_calls_total");
	for (row = board->health.targets; row; row = row->hh.next) {
		for (unsigned kind = 0; kind <= BATON_CALL_ANSWERED; kind++)
			if (kind == BATON_CALL_ANSWERED || row->calls.total[kind])
				sample2(out, "baton_target_calls_total", row->name,
					(const char *[]){ "class",
							  kind == BATON_CALL_ANSWERED
								  ? "answered"
								  : baton_fail_name(kind) },
					(double)row->calls.total[kind]);
	}
	describe(out, "baton_target_skipped_total");
	for (row = board->health.targets; row; row = row->hh.next) {
		for (unsigned i = 1; i < BATON_TRIGGERS_N; i++)
			if (row->skipped[i])
				sample2(out, "baton_target_skipped_total", row->name,
					(const char *[]){
						"trigger",
						baton_trigger_name((enum baton_trigger)i) },
					(double)row->skipped[i]);
	}
}

static void summary(struct baton_buf *out, const char *name, const char *target,
		    struct baton_quantile *quantile, uint64_t now_ms)
{
	static const struct {
		const char *name;
		uint32_t ppm;
	} quantiles[] = { { "0.5", 500000 }, { "0.95", 950000 }, { "0.99", 990000 } };
	const struct baton_histogram *window = baton_quantile_window(quantile, now_ms);

	for (size_t i = 0; window->n > 0 && i < sizeof(quantiles) / sizeof(quantiles[0]); i++)
		sample2(out, name, target, (const char *[]){ "quantile", quantiles[i].name },
			(double)baton_histogram_quantile(window, quantiles[i].ppm) / MS_PER_S);
	baton_buf_z(out, name);
	sample(out, "_sum", target, (double)quantile->sum / MS_PER_S);
	baton_buf_z(out, name);
	sample(out, "_count", target, (double)quantile->n);
}

static void times(struct baton_board *board, struct baton_now now, struct baton_buf *out)
{
	struct baton_target_health *row;

	describe(out, "baton_target_first_token_seconds");
	for (row = board->health.targets; row; row = row->hh.next)
		summary(out, "baton_target_first_token_seconds", row->name, &row->first, now.ms);
	describe(out, "baton_target_answer_seconds");
	for (row = board->health.targets; row; row = row->hh.next)
		summary(out, "baton_target_answer_seconds", row->name, &row->whole, now.ms);
}

static void amounts(struct baton_board *board, struct baton_buf *out)
{
	struct baton_target_health *row;

	describe(out, "baton_target_in_flight");
	for (row = board->health.targets; row; row = row->hh.next)
		sample(out, "baton_target_in_flight", row->name, row->in_flight);
	describe(out, "baton_target_retries_total");
	for (row = board->health.targets; row; row = row->hh.next)
		sample(out, "baton_target_retries_total", row->name, (double)row->retries);
	describe(out, "baton_target_cost_dollars_total");
	for (row = board->health.targets; row; row = row->hh.next)
		sample(out, "baton_target_cost_dollars_total", row->name,
		       (double)row->cost_microusd / MICROUSD_PER_USD);
	describe(out, "baton_target_output_tokens_total");
	for (row = board->health.targets; row; row = row->hh.next)
		sample(out, "baton_target_output_tokens_total", row->name, (double)row->out_tokens);
}

/* --- accounts, money, routes --- */

static void accounts(struct baton_board *board, struct baton_buf *out)
{
	const struct baton_account_health *row;

	describe(out, "baton_account_closed");
	for (row = board->health.accounts; row; row = row->hh.next) {
		series(out, "baton_account_closed", "account", row->name);
		baton_buf_printf(out, "} %d\n", row->closure.closed);
	}
}

enum amount { SPENT, RESERVED, CEILING };

static void purse(struct baton_buf *out, const char *name, const char *kind,
		  const struct baton_purse *row, enum amount what)
{
	uint64_t amount = what == SPENT      ? row->spent
			  : what == RESERVED ? row->reserved
					     : row->ceiling;

	if (what == CEILING && amount == 0)
		return;
	series(out, name, "budget", kind);
	label(out, "name", row->name);
	baton_buf_printf(out, "} %.15g\n", (double)amount / MICROUSD_PER_USD);
}

static void money(struct baton_board *board, struct baton_buf *out)
{
	static const char *const gauges[] = {
		[SPENT] = "baton_budget_spent_dollars",
		[RESERVED] = "baton_budget_reserved_dollars",
		[CEILING] = "baton_budget_ceiling_dollars",
	};
	const struct baton_purse *row;

	for (unsigned i = SPENT; i <= CEILING; i++) {
		describe(out, gauges[i]);
		purse(out, gauges[i], "tenant", &board->money.whole, (enum amount)i);
		for (row = board->money.routes; row; row = row->hh.next)
			purse(out, gauges[i], "route", row, (enum amount)i);
		for (row = board->money.accounts; row; row = row->hh.next)
			purse(out, gauges[i], "account", row, (enum amount)i);
	}
}

static void lanes(struct baton_board *board, struct baton_buf *out)
{
	const struct baton_lane *row;

	describe(out, "baton_route_slow");
	for (row = board->health.lanes; row; row = row->hh.next) {
		series(out, "baton_route_slow", "intent", row->intent);
		baton_buf_printf(out, "} %d\n", row->slow);
	}
}

static void plain(struct baton_buf *out, const char *name, uint64_t value)
{
	describe(out, name);
	baton_buf_printf(out, "%s %llu\n", name, (unsigned long long)value);
}

void baton_board_metrics(struct baton_board *board, struct baton_now now, struct baton_buf *out)
{
	states(board, now, out);
	calls(board, out);
	times(board, now, out);
	amounts(board, out);
	accounts(board, out);
	money(board, out);
	lanes(board, out);
	plain(out, "baton_calls_running", board->leases.held);
	plain(out, "baton_calls_lost_total", board->lost);
	plain(out, "baton_alert_on", board->alert.on);
	plain(out, "baton_drills_running", board->drills.n);
	baton_modes_metrics(&board->modes, now, out);
	baton_tallies_metrics(&board->tallies, out);
	baton_tool_tallies_metrics(&board->tools, out);
}
