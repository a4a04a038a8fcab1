/* SPDX-License-Identifier: Apache-2.0 */

/* A report for people at a terminal: figures of the whole, healthy beside degraded, intents, who is
 * fragile, incidents. */

#include "core/cli/report.h"

#include <stdio.h>
#include <time.h>

enum { LIST_MAX = 12, CELL = 64 };

void cli_put_duration(struct baton_buf *out, double ms)
{
	if (ms < 1000)
		baton_buf_printf(out, "%.0f ms", ms);
	else if (ms < 100000)
		baton_buf_printf(out, "%.1f s", ms / 1000);
	else if (ms < 6000000)
		baton_buf_printf(out, "%.0f min", ms / 60000);
	else
		baton_buf_printf(out, "%.1f h", ms / 3600000);
}

void cli_put_time(struct baton_buf *out, uint64_t unix_ms)
{
	time_t seconds = (time_t)(unix_ms / 1000);
	struct tm utc;
	char text[32];

	if (gmtime_r(&seconds, &utc) &&
	    strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%SZ", &utc) > 0)
		baton_buf_z(out, text);
}

void cli_put_figure(struct baton_buf *out, const struct baton_figure *figure)
{
	if (!figure->known) {
		baton_buf_z(out, "-");
		return;
	}
	switch (figure->unit) {
	case BATON_UNIT_COUNT:
		baton_buf_printf(out, "%.0f", figure->value);
		break;
	case BATON_UNIT_MS:
		cli_put_duration(out, figure->value);
		break;
	case BATON_UNIT_SHARE:
		baton_buf_printf(out, "%.1f %%", figure->value * 100);
		break;
	case BATON_UNIT_USD:
		baton_buf_printf(out, "$%.4f", figure->value);
		break;
	}
}

/* One cell, as wide as its column whatever is in it. */
static void put_cell(struct baton_buf *out, int width,
		     void (*put)(struct baton_buf *, const void *), const void *value)
{
	struct baton_buf cell = { NULL, 0, 0 };

	put(&cell, value);
	baton_buf_printf(out, "%*.*s", width, CELL, cell.n ? cell.p : "-");
	baton_buf_done(&cell);
}

struct metric_cell {
	const struct baton_metric_row *row;
	const struct baton_slice *slice;
};

/* A rate with what it is a share of; of a spread median and p95. */
static void put_metric(struct baton_buf *out, const void *value)
{
	const struct metric_cell *cell = value;

	if (cell->row->is_rate) {
		uint64_t part = baton_slice_count(cell->slice, cell->row->numerator);
		uint64_t of = baton_slice_count(cell->slice, cell->row->denominator);
		if (of > 0)
			baton_buf_printf(out, "%.1f %% of %llu", (double)part * 100 / (double)of,
					 (unsigned long long)of);
		return;
	}
	const struct baton_spread *spread = baton_slice_spread(cell->slice, cell->row->spread);
	if (spread->n == 0)
		return;
	if (strstr(cell->row->name, "edit")) {
		baton_buf_printf(out, "%.1f %% / %.1f %%",
				 (double)baton_spread_quantile(spread, 500000) / 10000,
				 (double)baton_spread_quantile(spread, 950000) / 10000);
		return;
	}
	cli_put_duration(out, (double)baton_spread_quantile(spread, 500000));
	baton_buf_z(out, " / ");
	cli_put_duration(out, (double)baton_spread_quantile(spread, 950000));
}

static void put_metrics(const struct baton_report *report, struct baton_buf *out)
{
	size_t n;
	const struct baton_metric_row *rows = baton_report_metrics(&n);

	baton_buf_printf(out, "\n%-26s %-5s %22s %22s\n", "share, or median / p95", "", "healthy",
			 "degraded");
	for (size_t i = 0; i < n; i++) {
		baton_buf_printf(out, "%-26s %-5s ", rows[i].name, rows[i].requirement);
		for (size_t side = 0; side < BATON_SIDES; side++) {
			struct metric_cell cell = { &rows[i], &report->total[side] };
			put_cell(out, side ? 23 : 22, put_metric, &cell);
		}
		baton_buf_z(out, "\n");
	}
}

static void put_outcomes(const struct baton_report *report, struct baton_buf *out)
{
	static const char *const sides[] = { "healthy", "degraded" };

	baton_buf_printf(out, "\n%-10s %8s %9s %9s %12s %9s %6s %14s\n", "turns", "all", "answered",
			 "drafted", "to a person", "kept", "late", "conversations");
	for (size_t side = 0; side < BATON_SIDES; side++) {
		const struct baton_slice *slice = &report->total[side];
		baton_buf_printf(
			out, "%-10s %8llu %9llu %9llu %12llu %9llu %6llu %14llu\n", sides[side],
			(unsigned long long)slice->turns, (unsigned long long)slice->answered,
			(unsigned long long)slice->drafted, (unsigned long long)slice->handed_over,
			(unsigned long long)slice->captured, (unsigned long long)slice->late,
			(unsigned long long)slice->conversations);
	}
}

static void put_figures(const struct baton_report *report, struct baton_buf *out)
{
	struct baton_figure rows[BATON_FIGURES_MAX];
	size_t n = baton_report_figures(report, rows);

	baton_buf_z(out, "\n");
	for (size_t i = 0; i < n; i++) {
		struct baton_buf cell = { NULL, 0, 0 };
		cli_put_figure(&cell, &rows[i]);
		baton_buf_printf(out, "%-26s %-5s %12s  %s\n", rows[i].name, rows[i].requirement,
				 cell.p, rows[i].what);
		baton_buf_done(&cell);
	}
}

static void put_intents(const struct baton_report *report, struct baton_buf *out)
{
	baton_buf_printf(out, "\n%-26s %16s %16s %16s %18s\n", "intent (healthy + degraded)",
			 "turns", "to a person", "substitute", "p95 of outcomes");
	for (size_t i = 0; i < report->n_intents; i++) {
		const struct baton_slice *a = &report->intents[i].sides[0], *b = a + 1;
		char cells[4][32];

		if (a->turns + b->turns == 0)
			continue;
		snprintf(cells[0], sizeof(cells[0]), "%llu + %llu", (unsigned long long)a->turns,
			 (unsigned long long)b->turns);
		snprintf(cells[1], sizeof(cells[1]), "%llu + %llu",
			 (unsigned long long)a->handed_over, (unsigned long long)b->handed_over);
		snprintf(cells[2], sizeof(cells[2]), "%llu", (unsigned long long)b->fallbacks);
		snprintf(cells[3], sizeof(cells[3]), "%llu + %llu ms",
			 (unsigned long long)baton_spread_quantile(&a->response_ms, 950000),
			 (unsigned long long)baton_spread_quantile(&b->response_ms, 950000));
		baton_buf_printf(out, "%-27.27s %16s %16s %16s %18s\n", report->intents[i].name,
				 cells[0], cells[1], cells[2], cells[3]);
	}
}

static void put_review_row(struct baton_buf *out, const char *name, const uint64_t counts[2],
			   uint64_t edit_ppm)
{
	if (counts[0] == 0)
		return;
	baton_buf_printf(out, "%-26.26s %9llu %11llu %9llu%% %13.1f%%\n", name,
			 (unsigned long long)counts[0], (unsigned long long)counts[1],
			 (unsigned long long)(counts[1] * 100 / counts[0]), (double)edit_ppm / 1e4);
}

/* What people made of drafts: by intent, by who wrote them, and of what agents had asked for. */
static void put_reviews(const struct baton_report *report, struct baton_buf *out)
{
	const struct baton_slice *well = &report->total[0];
	const struct baton_slice *hurt = &report->total[1];
	uint64_t suggestions = well->suggestions + hurt->suggestions;
	uint64_t used = well->suggestions_sent + hurt->suggestions_sent;
	uint64_t writeups = well->writeups + hurt->writeups;

	if (well->reviewed + hurt->reviewed + suggestions + writeups == 0)
		return;
	baton_buf_printf(out, "\n%-26s %9s %11s %10s %14s\n", "drafts, by intent and target",
			 "reviewed", "overridden", "share", "words changed");
	for (size_t i = 0; i < report->n_intents; i++) {
		const struct baton_slice *a = &report->intents[i].sides[0], *b = a + 1;
		uint64_t n = a->edit_ppm.n + b->edit_ppm.n;
		uint64_t counts[2] = { a->reviewed + b->reviewed, a->overridden + b->overridden };

		put_review_row(out, report->intents[i].name, counts,
			       n ? (a->edit_ppm.sum + b->edit_ppm.sum) / n : 0);
	}
	for (size_t i = 0; i < report->n_targets; i++) {
		const struct baton_report_target *target = &report->targets[i];
		uint64_t counts[2] = { target->reviewed, target->overridden };

		put_review_row(out, target->name, counts,
			       target->sent ? target->edit_ppm_sum / target->sent : 0);
	}
	baton_buf_printf(out,
			 "suggestions: %llu asked for, %llu sent; write-ups: %llu, "
			 "%llu of them without a model\n",
			 (unsigned long long)suggestions, (unsigned long long)used,
			 (unsigned long long)writeups,
			 (unsigned long long)(well->writeups_template + hurt->writeups_template));
}

static void put_tools(const struct baton_report *report, struct baton_buf *out)
{
	if (report->n_tools > 0)
		baton_buf_printf(out, "\n%-26s %8s %8s %8s %8s\n", "calls of a tool", "answered",
				 "declined", "failed", "in doubt");
	for (size_t i = 0; i < report->n_tools; i++) {
		const struct baton_report_tool *tool = &report->tools[i];
		baton_buf_printf(
			out, "%-26.26s %8llu %8llu %8llu %8llu\n", tool->name,
			(unsigned long long)tool->answered, (unsigned long long)tool->declined,
			(unsigned long long)tool->failed, (unsigned long long)tool->in_doubt);
	}
}

static void put_fragile(const struct baton_report *report, struct baton_buf *out)
{
	uint16_t order[LIST_MAX];
	size_t n = baton_report_fragile_targets(report, order, LIST_MAX);

	baton_buf_printf(out, "\n%-26s %8s %8s %8s %9s %14s %10s\n", "target, most fragile first",
			 "asked", "failed", "redone", "stood in", "conversations", "fragility");
	for (size_t i = 0; i < n; i++) {
		const struct baton_report_target *target = &report->targets[order[i]];
		baton_buf_printf(
			out, "%-26.26s %8llu %8llu %8llu %9llu %14llu %9u%%\n", target->name,
			(unsigned long long)target->attempts, (unsigned long long)target->failed,
			(unsigned long long)target->redone, (unsigned long long)target->stood_in,
			(unsigned long long)target->conversations,
			baton_report_fragility(target->attempts, target->failed, target->redone));
	}
	n = baton_report_fragile_pairs(report, order, LIST_MAX);
	for (size_t i = 0; i < n; i++) {
		const struct baton_report_pair *pair = &report->pairs[order[i]];
		if (pair->failed + pair->redone > 0)
			baton_buf_printf(out,
					 "  %s rests on %s: %llu of %llu attempts in trouble\n",
					 report->intents[pair->intent].name,
					 report->targets[pair->target].name,
					 (unsigned long long)(pair->failed + pair->redone),
					 (unsigned long long)pair->attempts);
	}
}

static void put_span(struct baton_buf *out, const char *what, uint64_t from, uint64_t to)
{
	if (from == 0 || to < from)
		return;
	baton_buf_printf(out, "%s ", what);
	cli_put_duration(out, (double)(to - from));
}

static void put_incident(const struct baton_incident *incident, struct baton_buf *out)
{
	baton_buf_z(out, "\n");
	cli_put_time(out, incident->begun_ms);
	baton_buf_printf(out, "  %s%s%s%s\n", incident->what, incident->drill[0] ? "; drill " : "",
			 incident->drill, incident->alert ? "; the alert rang" : "");
	put_span(out, "    how quickly:  degraded after", incident->trouble_ms, incident->begun_ms);
	put_span(out, ", first degraded outcome after", incident->trouble_ms,
		 incident->degraded_ms);
	put_span(out,
		 incident->trouble_ms ? ", recovered after" : "    how quickly:  recovered after",
		 incident->begun_ms, incident->ended_ms);
	put_span(out, ", healthy outcome after another", incident->ended_ms, incident->resumed_ms);
	if (incident->ended_ms == 0)
		baton_buf_z(out,
			    incident->trouble_ms ? ", it goes on" : "    how quickly:  it goes on");
	baton_buf_printf(
		out,
		"\n    whom it met:  %llu conversations, %llu turns: %llu answered, %llu drafted, "
		"%llu to a person, %llu kept\n",
		(unsigned long long)incident->conversations, (unsigned long long)incident->turns,
		(unsigned long long)incident->answered, (unsigned long long)incident->drafted,
		(unsigned long long)incident->handed_over, (unsigned long long)incident->captured);
	baton_buf_printf(
		out,
		"    repeated:     customers said %llu times again what they had said\n"
		"    context:      %llu of %llu hand-overs with reason and every message\n",
		(unsigned long long)incident->repeats, (unsigned long long)incident->handoffs_full,
		(unsigned long long)incident->handoffs);
}

void cli_report_text(const struct baton_report *report, const struct cli_report_about *about,
		     struct baton_buf *out)
{
	baton_buf_printf(out, "%s ", about->title);
	cli_put_time(out, report->options.since_ms);
	baton_buf_z(out, " to ");
	cli_put_time(out, report->options.until_ms);
	baton_buf_printf(out, ": %llu events", (unsigned long long)report->events);
	if (about->damaged + report->gaps > 0)
		baton_buf_printf(out, ", %llu damaged or missing",
				 (unsigned long long)(about->damaged + report->gaps));
	if (report->drill_conversations > 0)
		baton_buf_printf(out, ", %llu conversations of drills left out",
				 (unsigned long long)report->drill_conversations);
	baton_buf_z(out, "\n");
	put_outcomes(report, out);
	put_metrics(report, out);
	put_figures(report, out);
	put_intents(report, out);
	put_reviews(report, out);
	put_fragile(report, out);
	put_tools(report, out);
	baton_buf_printf(out, "\nincidents: %zu%s\n", report->incidents.n,
			 report->incidents.dropped ? ", older ones are not told" : "");
	for (size_t i = 0; i < report->incidents.n; i++)
		put_incident(&report->incidents.items[i], out);
}
