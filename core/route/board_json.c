/* SPDX-License-Identifier: Apache-2.0 */

/* The board for people: one JSON object that `baton status`, `baton target` and drills read. Times
 * in milliseconds, shares in millionths, money in microdollars, windows of five minutes. */

#include "core/route/inside.h"

typedef unsigned long long ull;

static void text(struct baton_buf *out, const char *key, const char *value)
{
	baton_buf_printf(out, "\"%s\":", key);
	baton_buf_json(out, baton_str_of(value));
}

static void number(struct baton_buf *out, const char *key, uint64_t value)
{
	baton_buf_printf(out, ",\"%s\":%llu", key, (ull)value);
}

static void comma(struct baton_buf *out)
{
	char before = out->p[out->n - 1];

	if (before != '[' && before != '{')
		baton_buf_z(out, ",");
}

static uint64_t unix_of(struct baton_now now, uint64_t ms)
{
	return ms > now.ms ? now.unix_ms + (ms - now.ms) : 0;
}

static void quantiles(struct baton_buf *out, const char *key, struct baton_quantile *quantile,
		      uint64_t now_ms)
{
	const struct baton_histogram *window = baton_quantile_window(quantile, now_ms);

	baton_buf_printf(out, ",\"%s\":{\"n\":%llu,\"p50\":%llu,\"p95\":%llu,\"p99\":%llu}", key,
			 (ull)window->n, (ull)baton_histogram_quantile(window, 500000),
			 (ull)baton_histogram_quantile(window, 950000),
			 (ull)baton_histogram_quantile(window, 990000));
}

static void counts(struct baton_buf *out, const struct baton_target_health *row)
{
	baton_buf_printf(out, ",\"calls\":{\"answered\":%u",
			 row->calls.window[BATON_CALL_ANSWERED]);
	for (unsigned fail = 0; fail < BATON_FAILS_N; fail++)
		if (row->calls.window[fail])
			number(out, baton_fail_name(fail), row->calls.window[fail]);
	baton_buf_z(out, "},\"skipped\":{");
	for (unsigned i = 1; i < BATON_TRIGGERS_N; i++) {
		if (row->skipped[i] == 0)
			continue;
		comma(out);
		baton_buf_printf(out, "\"%s\":%llu", baton_trigger_name((enum baton_trigger)i),
				 (ull)row->skipped[i]);
	}
	baton_buf_z(out, "}");
}

static uint64_t until_of(struct baton_now now, const struct baton_target_health *row)
{
	if (row->closure.closed)
		return unix_of(now, row->closure.until_ms);
	if (row->breaker.state == BATON_BREAKER_OPEN)
		return unix_of(now, row->breaker.until_ms);
	return unix_of(now, row->cool_until_ms);
}

static void target(struct baton_now now, struct baton_buf *out, struct baton_target_health *row)
{
	enum baton_target_state state = baton_health_state(row, now.ms);

	comma(out);
	baton_buf_z(out, "{");
	text(out, "target", row->name);
	comma(out);
	text(out, "account", row->account->name);
	comma(out);
	text(out, "region", row->region);
	comma(out);
	text(out, "state", baton_target_state_name(state));
	comma(out);
	text(out, "trigger", baton_trigger_name(baton_health_why(row, state)));
	comma(out);
	text(out, "disabled_by", row->disabled ? row->disabled_by : "");
	baton_buf_printf(out, ",\"declared\":%s", row->adopted ? "true" : "false");
	number(out, "since_unix_ms", row->told_unix_ms);
	number(out, "until_unix_ms", until_of(now, row));
	number(out, "in_flight", row->in_flight);
	number(out, "max_concurrent", row->max_concurrent);
	number(out, "success_ppm", baton_health_share_ppm(row, now.ms));
	quantiles(out, "first_token_ms", &row->first, now.ms);
	quantiles(out, "answer_ms", &row->whole, now.ms);
	counts(out, row);
	number(out, "retries", row->retries);
	number(out, "retries_left", row->retry_ppm / 1000000);
	number(out, "cost_microusd", row->cost_microusd);
	baton_buf_z(out, "}");
}

static void purse(struct baton_buf *out, const struct baton_purse *row)
{
	number(out, "spent_microusd", row ? row->spent : 0);
	number(out, "reserved_microusd", row ? row->reserved : 0);
	number(out, "ceiling_microusd", row ? row->ceiling : 0);
	baton_buf_printf(out, ",\"exhausted\":%s", row && row->broke ? "true" : "false");
}

static void account(struct baton_board *board, struct baton_now now, struct baton_buf *out,
		    const struct baton_account_health *row)
{
	const struct baton_closure *closure = &row->closure;

	comma(out);
	baton_buf_z(out, "{");
	text(out, "account", row->name);
	comma(out);
	text(out, "state", closure->closed ? "closed" : "open");
	comma(out);
	text(out, "trigger", closure->closed ? baton_trigger_name(closure->why) : "");
	number(out, "next_try_unix_ms", closure->closed ? unix_of(now, closure->until_ms) : 0);
	number(out, "said_until_unix_ms", closure->closed ? closure->until_unix_ms : 0);
	purse(out, baton_money_account(&board->money, row->name));
	baton_buf_z(out, "}");
}

static void route(struct baton_board *board, struct baton_now now, struct baton_buf *out,
		  const struct baton_route *row)
{
	struct baton_mode_view view;
	struct baton_lane *lane;

	HASH_FIND_STR(board->health.lanes, row->intent, lane);
	comma(out);
	baton_buf_z(out, "{");
	text(out, "route", row->intent);
	comma(out);
	text(out, "class", row->class_ ? row->class_->name : "");
	comma(out);
	text(out, "primary", row->primary ? row->primary->name : "");
	baton_buf_printf(out, ",\"slow\":%s", lane && lane->slow ? "true" : "false");
	number(out, "max_p95_ms", row->max_p95_ms);
	comma(out);
	text(out, "mode",
	     baton_board_mode(board, now, board->policy, row, &view) ? view.mode->name : "");
	purse(out, baton_money_route(&board->money, row->intent));
	baton_buf_z(out, "}");
}

void baton_board_json(struct baton_board *board, struct baton_now now, struct baton_buf *out)
{
	struct baton_target_health *row;
	const struct baton_account_health *paid;

	baton_buf_z(out, "{\"targets\":[");
	for (row = board->health.targets; row; row = row->hh.next)
		target(now, out, row);
	baton_buf_z(out, "],\"accounts\":[");
	for (paid = board->health.accounts; paid; paid = paid->hh.next)
		account(board, now, out, paid);
	baton_buf_z(out, "],\"routes\":[");
	for (size_t i = 0; board->policy && i < board->policy->n_routes; i++)
		route(board, now, out, &board->policy->routes[i]);
	baton_buf_z(out, "],\"budget\":{\"day\":");
	baton_buf_u64(out, board->money.whole.day);
	purse(out, &board->money.whole);
	baton_buf_z(out, "},\"modes\":");
	baton_modes_json(&board->modes, now, out);
	baton_buf_z(out, ",\"alert\":");
	baton_alert_json(&board->alert, now, out);
	baton_buf_z(out, ",\"reviews\":");
	baton_reviews_json(&board->reviews, now.unix_ms, out);
	baton_buf_z(out, ",\"tallies\":");
	baton_tallies_json(&board->tallies, now, out);
	baton_buf_z(out, ",\"drills\":");
	baton_drills_json(&board->drills, now, out);
	baton_buf_printf(out,
			 ",\"desk\":{\"waiting\":%u,\"oldest_wait_ms\":%llu,\"agents_free\":%u}",
			 board->waiting, (ull)board->oldest_wait_ms, board->agents_free);
	baton_buf_printf(out, ",\"calls_running\":%u,\"calls_lost\":%llu}", board->leases.held,
			 (ull)board->lost);
}
