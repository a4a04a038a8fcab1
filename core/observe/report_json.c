/* SPDX-License-Identifier: Apache-2.0 */

/* A report as numbers for others: the figures of the whole, who is fragile, all of it as JSON. */
#include "core/observe/report.h"

#include "core/base/buf.h"

/* --- figures of the whole --- */

struct figures {
	struct baton_figure *rows;
	size_t n;
};

static void add(struct figures *figures, const struct baton_figure *figure)
{
	if (figures->n < BATON_FIGURES_MAX)
		figures->rows[figures->n++] = *figure;
}

struct incident_sums {
	uint64_t degrade_ms, degraded, first_ms, firsts, recover_ms, recovered, resume_ms, resumed;
	uint64_t conversations, turns, n;
};

static void sum_incident(const struct baton_incident *incident, struct incident_sums *sums)
{
	sums->n++;
	sums->conversations += incident->conversations;
	sums->turns += incident->turns;
	if (incident->trouble_ms > 0 && incident->begun_ms >= incident->trouble_ms) {
		sums->degraded++;
		sums->degrade_ms += incident->begun_ms - incident->trouble_ms;
	}
	if (incident->trouble_ms > 0 && incident->degraded_ms >= incident->trouble_ms) {
		sums->firsts++;
		sums->first_ms += incident->degraded_ms - incident->trouble_ms;
	}
	if (incident->ended_ms > 0) {
		sums->recovered++;
		sums->recover_ms += incident->ended_ms - incident->begun_ms;
	}
	if (incident->resumed_ms > 0) {
		sums->resumed++;
		sums->resume_ms += incident->resumed_ms - incident->ended_ms;
	}
}

static double mean(uint64_t sum, uint64_t n)
{
	return n ? (double)sum / (double)n : 0;
}

static void add_incidents(const struct baton_report *report, struct figures *figures)
{
	struct incident_sums sums = { 0 };

	for (size_t i = 0; i < report->incidents.n; i++)
		if (report->options.drills || report->incidents.items[i].drill[0] == '\0')
			sum_incident(&report->incidents.items[i], &sums);
	const struct baton_figure rows[] = {
		{ "R134", "time_to_degrade",
		  "mean: first failed attempt until the target is passed over or a mode is on",
		  BATON_UNIT_MS, sums.degraded > 0, mean(sums.degrade_ms, sums.degraded) },
		{ "R134", "time_to_degraded_answer",
		  "mean: first failed attempt until the first outcome of the degraded way",
		  BATON_UNIT_MS, sums.firsts > 0, mean(sums.first_ms, sums.firsts) },
		{ "R134", "time_to_recover",
		  "mean: degraded until all targets are well and all modes over", BATON_UNIT_MS,
		  sums.recovered > 0, mean(sums.recover_ms, sums.recovered) },
		{ "R134", "time_to_healthy_answer",
		  "mean: recovered until the first healthy outcome", BATON_UNIT_MS,
		  sums.resumed > 0, mean(sums.resume_ms, sums.resumed) },
		{ "R137", "incidents", "incidents", BATON_UNIT_COUNT, true, (double)sums.n },
		{ "R137", "outage_conversations", "conversations that incidents met",
		  BATON_UNIT_COUNT, true, (double)sums.conversations },
		{ "R137", "outage_turns", "degraded turns of incidents", BATON_UNIT_COUNT, true,
		  (double)sums.turns },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		add(figures, &rows[i]);
}

static void add_queue(const struct baton_report *report, struct figures *figures)
{
	const struct baton_spread *age = &report->waiting_age_ms;
	const struct baton_figure rows[] = {
		{ "R133", "backlog_start", "cases waiting for a person when the window begins",
		  BATON_UNIT_COUNT, true, (double)report->waiting_start },
		{ "R133", "backlog_end", "... and when it ends", BATON_UNIT_COUNT, true,
		  (double)report->waiting_end },
		{ "R133", "backlog_growth", "end minus start", BATON_UNIT_COUNT, true,
		  (double)report->waiting_end - (double)report->waiting_start },
		{ "R135", "backlog_age", "median age of the cases that wait at the end",
		  BATON_UNIT_MS, age->n > 0, (double)baton_spread_quantile(age, 500000) },
		{ "R135", "backlog_age_oldest", "age of the oldest of them", BATON_UNIT_MS,
		  age->n > 0, (double)report->oldest_wait_ms },
		{ "R133", "transcript_gaps", "events that are missing between others",
		  BATON_UNIT_COUNT, true, (double)report->gaps },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		add(figures, &rows[i]);
}

static void add_shares(const struct baton_report *report, struct figures *figures)
{
	const struct baton_slice *well = &report->total[BATON_SIDE_HEALTHY],
				 *ill = &report->total[BATON_SIDE_DEGRADED];
	uint64_t all = well->conversations + ill->conversations;

	add(figures,
	    &(struct baton_figure){ "R136", "degraded_share",
				    "conversations of which a part was handled in a degraded way",
				    BATON_UNIT_SHARE, all > 0, mean(ill->conversations, all) });
	add(figures, &(struct baton_figure){
			     "R136", "resolution_delta",
			     "resolution rate of degraded conversations minus that of healthy ones",
			     BATON_UNIT_SHARE, well->conversations > 0 && ill->conversations > 0,
			     mean(ill->resolved, ill->conversations) -
				     mean(well->resolved, well->conversations) });
	uint64_t calls = 0, good = 0;
	for (size_t i = 0; i < report->n_tools; i++) {
		const struct baton_report_tool *tool = &report->tools[i];
		good += tool->answered + tool->declined;
		calls += tool->answered + tool->declined + tool->failed + tool->in_doubt;
	}
	add(figures, &(struct baton_figure){ "R139", "tool_success", "tool calls that succeeded",
					     BATON_UNIT_SHARE, calls > 0, mean(good, calls) });
}

static void add_cost(const struct baton_report *report, struct figures *figures)
{
	const struct baton_report_cost *cost = &report->cost;
	bool any = cost->turns > 0;
	uint64_t all = cost->labour_microusd + cost->model_microusd + cost->failed_microusd;
	const struct baton_figure rows[] = {
		{ "R141", "fallback_cost", "labour, models and failed attempts of degraded turns",
		  BATON_UNIT_USD, any, (double)all / 1e6 },
		{ "R141", "fallback_cost_labour", "... people's time at the given rate",
		  BATON_UNIT_USD, any, (double)cost->labour_microusd / 1e6 },
		{ "R141", "fallback_cost_model", "... what substitutes' answers cost",
		  BATON_UNIT_USD, any, (double)cost->model_microusd / 1e6 },
		{ "R141", "fallback_cost_failed", "... what attempts cost that failed",
		  BATON_UNIT_USD, any, (double)cost->failed_microusd / 1e6 },
		{ "R141", "fallback_cost_extra",
		  "a degraded turn costs this much more than a healthy one", BATON_UNIT_USD, any,
		  (double)cost->extra_microusd_per_turn / 1e6 },
		{ "R141", "fallback_delay",
		  "time customers waited longer because attempts failed or messages were kept",
		  BATON_UNIT_MS, any, (double)cost->delay_ms },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		add(figures, &rows[i]);
}

size_t baton_report_figures(const struct baton_report *report, struct baton_figure *ret_figures)
{
	struct figures figures = { ret_figures, 0 };

	add_queue(report, &figures);
	add_incidents(report, &figures);
	add_shares(report, &figures);
	add_cost(report, &figures);
	return figures.n;
}

/* --- the fragile first --- */

enum { ENOUGH_ATTEMPTS = 5 };

struct rank {
	uint16_t number;
	bool enough;
	uint64_t ppm, attempts;
};

static struct rank rank_of(size_t number, uint64_t attempts, uint64_t troubles)
{
	return (struct rank){ (uint16_t)number, attempts >= ENOUGH_ATTEMPTS,
			      attempts ? troubles * 1000000 / attempts : 0, attempts };
}

static bool before(const struct rank *a, const struct rank *b)
{
	if (a->enough != b->enough)
		return a->enough;
	return a->ppm != b->ppm ? a->ppm > b->ppm : a->attempts > b->attempts;
}

/* Keeps the `max` first; few, so putting each in its place is quick enough. */
static size_t insert(struct rank *ranks, size_t n, size_t max, struct rank rank)
{
	size_t at = n;

	while (at > 0 && before(&rank, &ranks[at - 1]))
		at--;
	if (at == max)
		return n;
	size_t move = (n < max ? n : max - 1) - at;
	memmove(&ranks[at + 1], &ranks[at], sizeof(*ranks) * move);
	ranks[at] = rank;
	return n < max ? n + 1 : n;
}

enum { RANKS_MAX = 64 };

size_t baton_report_fragile_targets(const struct baton_report *report, uint16_t *ret, size_t max)
{
	struct rank ranks[RANKS_MAX];
	size_t n = 0, cap = max < RANKS_MAX ? max : RANKS_MAX;

	for (size_t i = 0; i < report->n_targets; i++) {
		const struct baton_report_target *target = &report->targets[i];
		if (target->attempts > 0 || target->reviewed > 0)
			n = insert(ranks, n, cap,
				   rank_of(i, target->attempts, target->failed + target->redone));
	}
	for (size_t i = 0; i < n; i++)
		ret[i] = ranks[i].number;
	return n;
}

size_t baton_report_fragile_pairs(const struct baton_report *report, uint16_t *ret, size_t max)
{
	struct rank ranks[RANKS_MAX];
	size_t n = 0, cap = max < RANKS_MAX ? max : RANKS_MAX;

	for (size_t i = 0; i < report->n_pairs; i++) {
		const struct baton_report_pair *pair = &report->pairs[i];
		if (pair->attempts)
			n = insert(ranks, n, cap,
				   rank_of(i, pair->attempts, pair->failed + pair->redone));
	}
	for (size_t i = 0; i < n; i++)
		ret[i] = ranks[i].number;
	return n;
}

/* --- JSON --- */

/* "," before all but the first of a list. */
static void comma(struct baton_buf *out)
{
	char last = out->n ? out->p[out->n - 1] : '{';

	if (last != '{' && last != '[' && last != ':')
		baton_buf_z(out, ",");
}

static void put_u64(struct baton_buf *out, const char *name, uint64_t value)
{
	comma(out);
	baton_buf_printf(out, "\"%s\":%llu", name, (unsigned long long)value);
}

static void put_text(struct baton_buf *out, const char *name, const char *value)
{
	comma(out);
	baton_buf_printf(out, "\"%s\":", name);
	baton_buf_json(out, baton_str_of(value));
}

static void put_open(struct baton_buf *out, const char *name, const char *bracket)
{
	comma(out);
	if (name)
		baton_buf_printf(out, "\"%s\":%s", name, bracket);
	else
		baton_buf_z(out, bracket);
}

static void put_spread(struct baton_buf *out, const char *name, const struct baton_spread *spread)
{
	put_open(out, name, "{");
	put_u64(out, "n", spread->n);
	put_u64(out, "mean", baton_spread_mean(spread));
	put_u64(out, "p50", baton_spread_quantile(spread, 500000));
	put_u64(out, "p95", baton_spread_quantile(spread, 950000));
	put_u64(out, "p99", baton_spread_quantile(spread, 990000));
	baton_buf_z(out, "}");
}

/* A share with four digits; null where there is nothing to share. */
static void put_share(struct baton_buf *out, const char *name, uint64_t part, uint64_t of)
{
	comma(out);
	if (of == 0)
		baton_buf_printf(out, "\"%s\":null", name);
	else
		baton_buf_printf(out, "\"%s\":%.4f", name, (double)part / (double)of);
}

static void put_metric(struct baton_buf *out, const char *key, const struct baton_metric_row *row,
		       const struct baton_slice *slice)
{
	if (row->is_rate)
		put_share(out, key, baton_slice_count(slice, row->numerator),
			  baton_slice_count(slice, row->denominator));
	else
		put_spread(out, key, baton_slice_spread(slice, row->spread));
}

/* Degraded minus healthy: of rates, or of medians. */
static void put_delta(struct baton_buf *out, const struct baton_metric_row *row,
		      const struct baton_slice *sides)
{
	double value[BATON_SIDES] = { 0 };
	bool known = true;

	for (size_t side = 0; side < BATON_SIDES; side++) {
		const struct baton_spread *spread = baton_slice_spread(&sides[side], row->spread);
		uint64_t of = row->is_rate ? baton_slice_count(&sides[side], row->denominator)
					   : spread->n;

		known &= of > 0;
		value[side] = row->is_rate
				      ? mean(baton_slice_count(&sides[side], row->numerator), of)
				      : (double)baton_spread_quantile(spread, 500000);
	}
	comma(out);
	if (known)
		baton_buf_printf(out, "\"delta\":%.4f", value[1] - value[0]);
	else
		baton_buf_z(out, "\"delta\":null");
}

static void put_metrics(struct baton_buf *out, const struct baton_slice *sides, bool in_full)
{
	struct baton_slice all = { 0 };
	size_t n;
	const struct baton_metric_row *rows = baton_report_metrics(&n);

	baton_slice_sum(&all, &sides[BATON_SIDE_HEALTHY]);
	baton_slice_sum(&all, &sides[BATON_SIDE_DEGRADED]);
	put_open(out, "metrics", "[");
	for (size_t i = 0; i < n; i++) {
		put_open(out, NULL, "{");
		put_text(out, "name", rows[i].name);
		if (in_full) {
			put_text(out, "requirement", rows[i].requirement);
			put_text(out, "what", rows[i].what);
		}
		put_metric(out, "healthy", &rows[i], &sides[BATON_SIDE_HEALTHY]);
		put_metric(out, "degraded", &rows[i], &sides[BATON_SIDE_DEGRADED]);
		put_metric(out, "all", &rows[i], &all);
		put_delta(out, &rows[i], sides);
		baton_buf_z(out, "}");
	}
	baton_buf_z(out, "]");
	baton_slice_done(&all);
}

static void put_counts(struct baton_buf *out, const char *name, const struct baton_slice *slice)
{
	put_open(out, name, "{");
#define COUNT(count, what) put_u64(out, #count, slice->count);
#include "core/observe/report.def"
	baton_buf_z(out, "}");
}

static void put_figures(const struct baton_report *report, struct baton_buf *out)
{
	static const char *const units[] = { "count", "ms", "share", "usd" };
	struct baton_figure rows[BATON_FIGURES_MAX];
	size_t n = baton_report_figures(report, rows);

	put_open(out, "figures", "[");
	for (size_t i = 0; i < n; i++) {
		put_open(out, NULL, "{");
		put_text(out, "name", rows[i].name);
		put_text(out, "requirement", rows[i].requirement);
		put_text(out, "what", rows[i].what);
		put_text(out, "unit", units[rows[i].unit]);
		comma(out);
		if (rows[i].known)
			baton_buf_printf(out, "\"value\":%.6g}", rows[i].value);
		else
			baton_buf_z(out, "\"value\":null}");
	}
	baton_buf_z(out, "]");
}

static void put_intents(const struct baton_report *report, struct baton_buf *out)
{
	put_open(out, "intents", "[");
	for (size_t i = 0; i < report->n_intents; i++) {
		const struct baton_report_intent *intent = &report->intents[i];
		if (intent->sides[0].turns + intent->sides[1].turns +
			    intent->sides[0].conversations + intent->sides[1].conversations ==
		    0)
			continue;
		put_open(out, NULL, "{");
		put_text(out, "intent", intent->name);
		put_counts(out, "healthy", &intent->sides[BATON_SIDE_HEALTHY]);
		put_counts(out, "degraded", &intent->sides[BATON_SIDE_DEGRADED]);
		put_metrics(out, intent->sides, false);
		baton_buf_z(out, "}");
	}
	baton_buf_z(out, "]");
}

static void put_target(const struct baton_report_target *target, struct baton_buf *out)
{
	char id[BATON_ID_TEXT + 1];
	unsigned n = target->n_troubled < 4 ? target->n_troubled : 4;

	put_open(out, NULL, "{");
	put_text(out, "target", target->name);
	put_u64(out, "attempts", target->attempts);
	put_u64(out, "failed", target->failed);
	put_u64(out, "answered", target->answered);
	put_u64(out, "stood_in", target->stood_in);
	put_u64(out, "redone", target->redone);
	put_u64(out, "reviewed", target->reviewed);
	put_u64(out, "overridden", target->overridden);
	put_u64(out, "edit_ppm", target->sent ? target->edit_ppm_sum / target->sent : 0);
	put_u64(out, "conversations", target->conversations);
	put_u64(out, "cost_microusd", target->cost_microusd);
	put_u64(out, "fragility",
		baton_report_fragility(target->attempts, target->failed, target->redone));
	put_open(out, "troubled", "[");
	for (unsigned i = 0; i < n; i++) {
		baton_id_text(&target->troubled[(target->n_troubled - 1 - i) % 4], id);
		comma(out);
		baton_buf_json(out, baton_str_of(id));
	}
	baton_buf_z(out, "]}");
}

static void put_tools(const struct baton_report *report, struct baton_buf *out)
{
	put_open(out, "tools", "[");
	for (size_t i = 0; i < report->n_tools; i++) {
		const struct baton_report_tool *tool = &report->tools[i];
		put_open(out, NULL, "{");
		put_text(out, "tool", tool->name);
		put_u64(out, "answered", tool->answered);
		put_u64(out, "declined", tool->declined);
		put_u64(out, "failed", tool->failed);
		put_u64(out, "in_doubt", tool->in_doubt);
		baton_buf_z(out, "}");
	}
	baton_buf_z(out, "]");
}

static void put_fragile(const struct baton_report *report, struct baton_buf *out)
{
	uint16_t order[RANKS_MAX];
	size_t n = baton_report_fragile_targets(report, order, RANKS_MAX);

	put_open(out, "targets", "[");
	for (size_t i = 0; i < n; i++)
		put_target(&report->targets[order[i]], out);
	baton_buf_z(out, "]");
	n = baton_report_fragile_pairs(report, order, RANKS_MAX);
	put_open(out, "fragile", "[");
	for (size_t i = 0; i < n; i++) {
		const struct baton_report_pair *pair = &report->pairs[order[i]];
		put_open(out, NULL, "{");
		put_text(out, "intent", report->intents[pair->intent].name);
		put_text(out, "target", report->targets[pair->target].name);
		put_u64(out, "attempts", pair->attempts);
		put_u64(out, "failed", pair->failed);
		put_u64(out, "redone", pair->redone);
		put_u64(out, "fragility",
			baton_report_fragility(pair->attempts, pair->failed, pair->redone));
		baton_buf_z(out, "}");
	}
	baton_buf_z(out, "]");
}

static void put_incident(const struct baton_incident *incident, struct baton_buf *out)
{
	put_open(out, NULL, "{");
	put_text(out, "what", incident->what);
	put_text(out, "drill", incident->drill);
	put_u64(out, "trouble_ms", incident->trouble_ms);
	put_u64(out, "begun_ms", incident->begun_ms);
	put_u64(out, "degraded_ms", incident->degraded_ms);
	put_u64(out, "ended_ms", incident->ended_ms);
	put_u64(out, "resumed_ms", incident->resumed_ms);
	put_u64(out, "conversations", incident->conversations);
	put_u64(out, "turns", incident->turns);
	put_u64(out, "answered", incident->answered);
	put_u64(out, "drafted", incident->drafted);
	put_u64(out, "handed_over", incident->handed_over);
	put_u64(out, "captured", incident->captured);
	put_u64(out, "handoffs", incident->handoffs);
	put_u64(out, "handoffs_full", incident->handoffs_full);
	put_u64(out, "repeats", incident->repeats);
	comma(out);
	baton_buf_printf(out, "\"alert\":%s}", incident->alert ? "true" : "false");
}

static void put_steps(const struct baton_report *report, struct baton_buf *out)
{
	put_open(out, "steps", "[");
	for (size_t i = 0; i < BATON_REPORT_STEPS; i++) {
		const struct baton_report_step *step = &report->steps[i];
		put_open(out, NULL, "{");
		put_u64(out, "healthy", step->turns[BATON_SIDE_HEALTHY]);
		put_u64(out, "degraded", step->turns[BATON_SIDE_DEGRADED]);
		put_u64(out, "handed_over", step->handed_over);
		put_u64(out, "failed", step->failed);
		comma(out);
		baton_buf_printf(out, "\"waiting\":%lld", (long long)step->waiting);
		put_u64(out, "healthy_p95_ms",
			baton_spread_quantile(&step->response[BATON_SIDE_HEALTHY], 950000));
		put_u64(out, "degraded_p95_ms",
			baton_spread_quantile(&step->response[BATON_SIDE_DEGRADED], 950000));
		baton_buf_z(out, "}");
	}
	baton_buf_z(out, "]");
}

void baton_report_json(const struct baton_report *report, struct baton_buf *out)
{
	baton_buf_z(out, "{");
	put_u64(out, "since_ms", report->options.since_ms);
	put_u64(out, "until_ms", report->options.until_ms);
	put_u64(out, "events", report->events);
	put_u64(out, "drill_conversations", report->drill_conversations);
	put_figures(report, out);
	put_metrics(out, report->total, true);
	put_open(out, "counts", "{");
	put_counts(out, "healthy", &report->total[BATON_SIDE_HEALTHY]);
	put_counts(out, "degraded", &report->total[BATON_SIDE_DEGRADED]);
	baton_buf_z(out, "}");
	put_intents(report, out);
	put_fragile(report, out);
	put_tools(report, out);
	put_open(out, "incidents", "[");
	for (size_t i = 0; i < report->incidents.n; i++)
		put_incident(&report->incidents.items[i], out);
	baton_buf_z(out, "]");
	put_steps(report, out);
	baton_buf_z(out, "}\n");
}
