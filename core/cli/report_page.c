/* SPDX-License-Identifier: Apache-2.0 */

/* A report as a page: curves over the window first, then the tables that the text has as well. */

#include "core/cli/page.h"
#include "core/cli/report.h"

#include <stdio.h>

enum { LIST_MAX = 40 };

static double step_at(const struct baton_report *report, size_t i)
{
	double since = (double)report->options.since_ms, until = (double)report->options.until_ms;

	return since + (until - since) * (double)i / BATON_REPORT_STEPS;
}

static struct cli_plot plot_of(const struct baton_report *report, struct baton_buf *out,
			       const char *title, const char *unit)
{
	return (struct cli_plot){ .out = out,
				  .title = title,
				  .unit = unit,
				  .x_from = (double)report->options.since_ms,
				  .x_to = (double)report->options.until_ms };
}

static void shade_incidents(const struct baton_report *report, const struct cli_plot *plot)
{
	for (size_t i = 0; i < report->incidents.n; i++) {
		const struct baton_incident *incident = &report->incidents.items[i];
		uint64_t end = incident->ended_ms ? incident->ended_ms : report->options.until_ms;

		cli_plot_band(plot, (double)incident->begun_ms, (double)end, incident->drill);
	}
}

static void plot_turns(const struct baton_report *report, struct baton_buf *out)
{
	static const char *const legend[] = { "healthy",        "healthy turns", "degraded",
					      "degraded turns", "failed",        "failed attempts",
					      "fault",          "incident",      NULL };
	struct cli_plot plot = plot_of(report, out, "Turns, and attempts that failed", "");

	for (size_t i = 0; i < BATON_REPORT_STEPS; i++) {
		const struct baton_report_step *step = &report->steps[i];
		double all = (double)(step->turns[0] + step->turns[1] + step->failed);
		plot.y_to = all > plot.y_to ? all : plot.y_to;
	}
	cli_plot_begin(&plot);
	shade_incidents(report, &plot);
	for (size_t i = 0; i < BATON_REPORT_STEPS; i++) {
		const struct baton_report_step *step = &report->steps[i];
		double a = (double)step->turns[0], b = a + (double)step->turns[1];
		double x = step_at(report, i), end = step_at(report, i + 1);
		cli_plot_bar(&plot, x, end, 0, a, "healthy");
		cli_plot_bar(&plot, x, end, a, b, "degraded");
		cli_plot_bar(&plot, x, end, b, b + (double)step->failed, "failed");
	}
	cli_plot_end(&plot, legend);
}

static void plot_response(const struct baton_report *report, struct baton_buf *out)
{
	static const char *const legend[] = { "healthy",  "p95 of healthy outcomes",
					      "degraded", "p95 of degraded outcomes",
					      "fault",    "incident",
					      NULL };
	static const char *const kinds[] = { "healthy", "degraded" };
	struct cli_plot plot = plot_of(report, out, "Time from message to outcome", "ms");
	double xs[BATON_SIDES][BATON_REPORT_STEPS], ys[BATON_SIDES][BATON_REPORT_STEPS];
	size_t n[BATON_SIDES] = { 0 };

	for (size_t side = 0; side < BATON_SIDES; side++)
		for (size_t i = 0; i < BATON_REPORT_STEPS; i++) {
			const struct baton_spread *spread = &report->steps[i].response[side];
			double p95 = (double)baton_spread_quantile(spread, 950000);
			if (spread->n == 0)
				continue;
			xs[side][n[side]] = (step_at(report, i) + step_at(report, i + 1)) / 2;
			ys[side][n[side]++] = p95;
			plot.y_to = p95 > plot.y_to ? p95 : plot.y_to;
		}
	cli_plot_begin(&plot);
	shade_incidents(report, &plot);
	for (size_t side = 0; side < BATON_SIDES; side++) {
		cli_plot_line(&plot, xs[side], ys[side], n[side], kinds[side]);
		for (size_t i = 0; i < n[side]; i++)
			cli_plot_point(&plot, xs[side][i], ys[side][i], kinds[side], "p95");
	}
	cli_plot_end(&plot, legend);
}

static void plot_queue(const struct baton_report *report, struct baton_buf *out)
{
	static const char *const legend[] = { "queue", "cases waiting for a person", "fault",
					      "incident", NULL };
	struct cli_plot plot = plot_of(report, out, "The queue", "");

	for (size_t i = 0; i < BATON_REPORT_STEPS; i++)
		if ((double)report->steps[i].waiting > plot.y_to)
			plot.y_to = (double)report->steps[i].waiting;
	cli_plot_begin(&plot);
	shade_incidents(report, &plot);
	for (size_t i = 0; i < BATON_REPORT_STEPS; i++)
		cli_plot_bar(&plot, step_at(report, i), step_at(report, i + 1), 0,
			     (double)report->steps[i].waiting, "queue");
	cli_plot_end(&plot, legend);
}

static void put_metric(struct baton_buf *out, const struct baton_metric_row *row,
		       const struct baton_slice *slice)
{
	const struct baton_spread *spread = baton_slice_spread(slice, row->spread);
	struct baton_buf text = { NULL, 0, 0 };

	if (row->is_rate) {
		uint64_t part = baton_slice_count(slice, row->numerator);
		uint64_t of = baton_slice_count(slice, row->denominator);
		if (of > 0)
			baton_buf_printf(&text, "%.1f %% of %llu", (double)part * 100 / (double)of,
					 (unsigned long long)of);
	} else if (spread->n > 0 && strstr(row->name, "edit")) {
		baton_buf_printf(&text, "%.1f %%",
				 (double)baton_spread_quantile(spread, 500000) / 10000);
	} else if (spread->n > 0) {
		cli_put_duration(&text, (double)baton_spread_quantile(spread, 500000));
		baton_buf_z(&text, " / ");
		cli_put_duration(&text, (double)baton_spread_quantile(spread, 950000));
	}
	cli_table_cell(out, "", "%s", text.n ? text.p : "–");
	baton_buf_done(&text);
}

static void put_metrics(const struct baton_report *report, struct baton_buf *out)
{
	static const char *const columns[] = { "metric", "asked for by", "healthy", "degraded",
					       "what it is" };
	size_t n;
	const struct baton_metric_row *rows = baton_report_metrics(&n);

	cli_table_begin(out, "Healthy beside degraded: shares, or median / p95", columns, 5);
	for (size_t i = 0; i < n; i++) {
		cli_table_row(out, rows[i].name);
		cli_table_cell(out, "dim", "%s", rows[i].requirement);
		put_metric(out, &rows[i], &report->total[BATON_SIDE_HEALTHY]);
		put_metric(out, &rows[i], &report->total[BATON_SIDE_DEGRADED]);
		cli_table_cell(out, "what", "%s", rows[i].what);
	}
	cli_table_end(out);
}

static void put_figures(const struct baton_report *report, struct baton_buf *out)
{
	static const char *const columns[] = { "figure", "asked for by", "value", "what it is" };
	struct baton_figure rows[BATON_FIGURES_MAX];
	size_t n = baton_report_figures(report, rows);

	cli_table_begin(out, "The whole", columns, 4);
	for (size_t i = 0; i < n; i++) {
		struct baton_buf text = { NULL, 0, 0 };
		cli_put_figure(&text, &rows[i]);
		cli_table_row(out, rows[i].name);
		cli_table_cell(out, "dim", "%s", rows[i].requirement);
		cli_table_cell(out, "", "%s", text.p);
		cli_table_cell(out, "what", "%s", rows[i].what);
		baton_buf_done(&text);
	}
	cli_table_end(out);
}

static void put_intents(const struct baton_report *report, struct baton_buf *out)
{
	static const char *const columns[] = { "intent",      "turns",       "degraded",
					       "to a person", "substitutes", "p95 healthy",
					       "p95 degraded" };

	cli_table_begin(out, "Per intent", columns, 7);
	for (size_t i = 0; i < report->n_intents; i++) {
		const struct baton_slice *a = &report->intents[i].sides[0], *b = a + 1;
		if (a->turns + b->turns == 0)
			continue;
		cli_table_row(out, report->intents[i].name);
		cli_table_cell(out, "", "%llu", (unsigned long long)(a->turns + b->turns));
		cli_table_cell(out, "", "%llu", (unsigned long long)b->turns);
		cli_table_cell(out, "", "%llu",
			       (unsigned long long)(a->handed_over + b->handed_over));
		cli_table_cell(out, "", "%llu", (unsigned long long)b->fallbacks);
		cli_table_cell(out, "", "%llu ms",
			       (unsigned long long)baton_spread_quantile(&a->response_ms, 950000));
		cli_table_cell(out, "", "%llu ms",
			       (unsigned long long)baton_spread_quantile(&b->response_ms, 950000));
	}
	cli_table_end(out);
}

static void put_fragile(const struct baton_report *report, struct baton_buf *out)
{
	static const char *const columns[] = { "conversations of", "rest on", "asked",
					       "failed",           "redone",  "fragility" };
	uint16_t order[LIST_MAX];
	size_t n = baton_report_fragile_pairs(report, order, LIST_MAX);

	cli_table_begin(out, "What rests on whom, the most fragile first", columns, 6);
	for (size_t i = 0; i < n; i++) {
		const struct baton_report_pair *pair = &report->pairs[order[i]];
		unsigned fragility =
			baton_report_fragility(pair->attempts, pair->failed, pair->redone);
		cli_table_row(out, report->intents[pair->intent].name);
		cli_table_cell(out, "", "%s", report->targets[pair->target].name);
		cli_table_cell(out, "", "%llu", (unsigned long long)pair->attempts);
		cli_table_cell(out, "", "%llu", (unsigned long long)pair->failed);
		cli_table_cell(out, "", "%llu", (unsigned long long)pair->redone);
		cli_table_cell(out, fragility >= 10 ? "bad" : "", "%u %%", fragility);
	}
	cli_table_end(out);
}

static void put_span_cell(struct baton_buf *out, uint64_t from, uint64_t to)
{
	struct baton_buf text = { NULL, 0, 0 };

	if (from > 0 && to >= from)
		cli_put_duration(&text, (double)(to - from));
	cli_table_cell(out, "", "%s", text.n ? text.p : "–");
	baton_buf_done(&text);
}

static void put_incidents(const struct baton_report *report, struct baton_buf *out)
{
	static const char *const columns[] = { "incident", "began",          "degraded after",
					       "lasted",   "conversations",  "to a person",
					       "repeated", "context in full" };

	cli_table_begin(out,
			report->incidents.n ? "Incidents: how quickly, whom it met, who had to "
					      "repeat himself, what people got"
					    : "No incidents",
			columns, 8);
	for (size_t i = 0; i < report->incidents.n; i++) {
		const struct baton_incident *incident = &report->incidents.items[i];
		struct baton_buf text = { NULL, 0, 0 };

		baton_buf_printf(&text, "%s%s%s", incident->what,
				 incident->drill[0] ? " · drill " : "", incident->drill);
		cli_table_row(out, text.p);
		baton_buf_reset(&text);
		cli_put_time(&text, incident->begun_ms);
		cli_table_cell(out, "", "%s", text.p);
		put_span_cell(out, incident->trouble_ms, incident->begun_ms);
		put_span_cell(out, incident->begun_ms, incident->ended_ms);
		cli_table_cell(out, "", "%llu", (unsigned long long)incident->conversations);
		cli_table_cell(out, "", "%llu", (unsigned long long)incident->handed_over);
		cli_table_cell(out, incident->repeats ? "bad" : "", "%llu",
			       (unsigned long long)incident->repeats);
		cli_table_cell(out, "", "%llu of %llu", (unsigned long long)incident->handoffs_full,
			       (unsigned long long)incident->handoffs);
		baton_buf_done(&text);
	}
	cli_table_end(out);
}

void cli_report_page(const struct baton_report *report, const struct cli_report_about *about,
		     struct baton_buf *out)
{
	cli_page_begin(out, about->title);
	baton_buf_z(out, "<p class=\"dim\">");
	cli_put_time(out, report->options.since_ms);
	baton_buf_z(out, " to ");
	cli_put_time(out, report->options.until_ms);
	baton_buf_printf(out, " · %llu events · an hour of a person: $%.2f</p>\n",
			 (unsigned long long)report->events,
			 (double)about->labour_microusd_per_hour / 1e6);
	plot_turns(report, out);
	plot_response(report, out);
	plot_queue(report, out);
	put_metrics(report, out);
	put_figures(report, out);
	put_incidents(report, out);
	put_intents(report, out);
	put_fragile(report, out);
	cli_page_end(out);
}
