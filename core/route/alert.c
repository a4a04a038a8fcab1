/* SPDX-License-Identifier: Apache-2.0 */

/* The business alert; alert.h says when it rings. */

#include "core/route/alert.h"

#include "core/base/buf.h"

#include <string.h>

enum { PPM = 1000000, P95_PPM = 950000, SLACK_PPM = 200000 };

enum { SIGN_SLOW = 1, SIGN_TOOLS = 2, SIGN_OVERRIDE = 4 };

static unsigned count(unsigned signs)
{
	return (signs & 1u) + (signs >> 1 & 1u) + (signs >> 2 & 1u);
}

/* What the window says at one moment. */
struct seen {
	uint32_t turns, tool_success_ppm, override_ppm;
	uint64_t p95_ms;
	unsigned over;    /* signs beyond their limits */
	unsigned not_yet; /* signs that are not a fifth within them */
};

void baton_alert_init(struct baton_alert *alert, baton_board_happened *happened, void *ud)
{
	*alert = (struct baton_alert){ .happened = happened, .ud = ud };
	baton_tally_init(&alert->tally, 0, BATON_TALLY_WINDOW_MS);
}

/* The times go along with the tally's ring. */
static void roll(struct baton_alert *alert, uint64_t now_ms)
{
	uint64_t was = alert->tally.slice;

	baton_tally_window(&alert->tally, now_ms);
	for (unsigned i = 0; was < alert->tally.slice && i < BATON_TALLY_SLICES; i++)
		alert->times[++was % BATON_TALLY_SLICES] = (struct baton_histogram){ 0 };
}

/* --- what comes in --- */

void baton_alert_report(struct baton_alert *alert, struct baton_now now,
			const struct baton_turn_report *report)
{
	struct baton_counts counts;

	if (alert->def.needed == 0)
		return;
	roll(alert, now.ms);
	baton_counts_of_turn(report, &counts);
	baton_tally_add(&alert->tally, now.ms, &counts);
	/* A message that a mode keeps was answered by nobody: its time says nothing. */
	if (!report->captured && report->total_ms > 0)
		baton_histogram_add(&alert->times[alert->tally.slice % BATON_TALLY_SLICES],
				    report->total_ms);
}

void baton_alert_judged(struct baton_alert *alert, struct baton_now now, baton_str what)
{
	struct baton_counts counts;

	if (alert->def.needed == 0 || !baton_counts_of_judgement(what, &counts))
		return;
	roll(alert, now.ms);
	baton_tally_add(&alert->tally, now.ms, &counts);
}

/* --- what it says --- */

static uint32_t share_of(uint32_t value, uint32_t ppm)
{
	return (uint32_t)((uint64_t)value * ppm / PPM);
}

static void look_at_time(struct baton_alert *alert, struct seen *seen)
{
	struct baton_histogram window = { 0 };

	for (unsigned i = 0; i < BATON_TALLY_SLICES; i++)
		baton_histogram_merge(&window, &alert->times[i]);
	seen->p95_ms = baton_histogram_quantile(&window, P95_PPM);
	if (alert->def.p95_ms == 0 || window.n < BATON_TALLY_SAMPLES_MIN)
		return;
	if (seen->p95_ms > alert->def.p95_ms)
		seen->over |= SIGN_SLOW;
	if (seen->p95_ms > share_of(alert->def.p95_ms, PPM - SLACK_PPM))
		seen->not_yet |= SIGN_SLOW;
}

/* A share of bad things against the largest one allowed. */
static void look_at_share(uint32_t bad_ppm, uint32_t allowed_ppm, unsigned sign, struct seen *seen)
{
	if (bad_ppm > allowed_ppm)
		seen->over |= sign;
	if (bad_ppm > share_of(allowed_ppm, PPM - SLACK_PPM))
		seen->not_yet |= sign;
}

static struct seen look(struct baton_alert *alert, uint64_t now_ms)
{
	const struct baton_alert_def *def = &alert->def;
	struct seen seen = { 0 };

	roll(alert, now_ms);
	const struct baton_counts *counts = &alert->tally.window;

	seen.turns = counts->n[BATON_TALLY_TURNS];
	seen.tool_success_ppm = baton_counts_tool_success_ppm(counts);
	seen.override_ppm = baton_counts_override_ppm(counts);
	look_at_time(alert, &seen);
	if (def->tool_success_ppm > 0)
		look_at_share(PPM - seen.tool_success_ppm, PPM - def->tool_success_ppm, SIGN_TOOLS,
			      &seen);
	if (def->override_ppm > 0)
		look_at_share(seen.override_ppm, def->override_ppm, SIGN_OVERRIDE, &seen);
	if (seen.turns < def->min_turns)
		seen.over = seen.not_yet = 0;
	return seen;
}

static void values_json(const struct seen *seen, struct baton_buf *out)
{
	static const char *const words[] = { "slow", "tools", "override" };
	const char *comma = "";

	baton_buf_printf(out,
			 "\"turns\":%u,\"p95_ms\":%llu,\"tool_success_ppm\":%u,"
			 "\"override_ppm\":%u,\"signs\":[",
			 seen->turns, (unsigned long long)seen->p95_ms, seen->tool_success_ppm,
			 seen->override_ppm);
	for (unsigned i = 0; i < 3; i++) {
		if (!(seen->over & (1u << i)))
			continue;
		baton_buf_printf(out, "%s\"%s\"", comma, words[i]);
		comma = ",";
	}
	baton_buf_z(out, "]");
}

/* --- on and off --- */

static void turn(struct baton_alert *alert, struct baton_now now, bool on, const struct seen *seen)
{
	struct baton_buf values = { 0 };

	alert->on = on;
	alert->since_unix_ms = now.unix_ms;
	alert->clear_ms = 0;
	baton_buf_z(&values, "{");
	values_json(seen, &values);
	baton_buf_z(&values, "}");
	alert->happened(alert->ud,
			&(struct baton_happening){
				.type = on ? BATON_HAPPENED_ALERT_ON : BATON_HAPPENED_ALERT_OFF,
				.trigger = BATON_TRIGGER_ALERT,
				.subject = "business",
				.was = on ? "off" : "on",
				.is = on ? "on" : "off",
				.by = "",
				.detail = values.p,
				.unix_ms = now.unix_ms,
			});
	baton_buf_done(&values);
}

static void look_whether_it_ends(struct baton_alert *alert, struct baton_now now,
				 const struct seen *seen)
{
	uint32_t clear_for_ms = alert->def.window_ms / 10;

	if (count(seen->not_yet) >= alert->def.needed) {
		alert->clear_ms = 0;
		return;
	}
	if (clear_for_ms < BATON_ALERT_CLEAR_MS_MIN)
		clear_for_ms = BATON_ALERT_CLEAR_MS_MIN;
	if (alert->clear_ms == 0)
		alert->clear_ms = now.ms > 0 ? now.ms : 1;
	if (now.ms - alert->clear_ms >= clear_for_ms)
		turn(alert, now, false, seen);
}

void baton_alert_tick(struct baton_alert *alert, struct baton_now now)
{
	if (alert->def.needed == 0)
		return;
	struct seen seen = look(alert, now.ms);

	if (alert->on)
		look_whether_it_ends(alert, now, &seen);
	else if (count(seen.over) >= alert->def.needed)
		turn(alert, now, true, &seen);
}

void baton_alert_adopt(struct baton_alert *alert, struct baton_now now,
		       const struct baton_alert_def *def)
{
	bool other_window = def->window_ms != alert->def.window_ms;

	if (def->needed == 0 && alert->on)
		turn(alert, now, false, &(struct seen){ .tool_success_ppm = PPM });
	alert->def = *def;
	if (!other_window || def->needed == 0)
		return;
	baton_tally_init(&alert->tally, now.ms, def->window_ms);
	memset(alert->times, 0, sizeof(alert->times));
}

void baton_alert_json(struct baton_alert *alert, struct baton_now now, struct baton_buf *out)
{
	if (alert->def.needed == 0) {
		baton_buf_z(out, "null");
		return;
	}
	struct seen seen = look(alert, now.ms);

	baton_buf_printf(out, "{\"on\":%s,\"since_unix_ms\":%llu,", alert->on ? "true" : "false",
			 (unsigned long long)alert->since_unix_ms);
	values_json(&seen, out);
	baton_buf_z(out, "}");
}
