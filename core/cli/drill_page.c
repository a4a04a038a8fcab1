/* SPDX-License-Identifier: Apache-2.0 */

/* What came of a drill, as a page: every message as a point in time, the fault shaded. */

#include "core/cli/drill.h"
#include "core/cli/page.h"
#include "core/cli/report.h"

#include <stdio.h>

static const char *kind_of(const struct baton_drill_sample *sample)
{
	if (sample->outcome & BATON_DRILL_ANSWERED)
		return sample->degraded ? "degraded" : "healthy";
	if (sample->outcome & BATON_DRILL_DRAFTED)
		return "draft";
	if (sample->outcome & BATON_DRILL_HANDED_OVER)
		return "person";
	return sample->outcome & BATON_DRILL_CAPTURED ? "kept" : "failed";
}

static const char *const legend[] = {
	"healthy", "answered by the primary", "degraded", "answered otherwise",
	"draft",   "drafted for a person",    "person",   "to a person",
	"kept",    "kept until it is over",   "failed",   "lost",
	"fault",   "the fault is on",         NULL
};

static void plot_messages(const struct drill_result *result, struct baton_buf *out)
{
	const struct baton_drill_run *run = result->figures;
	struct cli_plot plot = {
		.out = out,
		.title = "Every message: when it was sent, how long its outcome took",
		.unit = "ms",
		.x_to = (double)run->end_ms,
		.x_zero = (double)run->fault_ms
	};

	for (size_t i = 0; i < run->n_samples; i++) {
		double took = (double)(run->samples[i].done_ms - run->samples[i].sent_ms);
		if (run->samples[i].done_ms > 0 && took > plot.y_to)
			plot.y_to = took;
	}
	cli_plot_begin(&plot);
	cli_plot_band(&plot, (double)run->fault_ms, (double)run->healed_ms, "fault");
	for (size_t i = 0; i < run->n_samples; i++) {
		const struct baton_drill_sample *sample = &run->samples[i];
		const struct baton_drill_talk *script = &run->file->talks[sample->script];
		uint64_t took = sample->done_ms ? sample->done_ms - sample->sent_ms : 0;
		char label[256];

		snprintf(label, sizeof(label), "%s: %s after %llu ms", script->scenario,
			 baton_drill_outcome_name(sample->outcome), (unsigned long long)took);
		cli_plot_point(&plot, (double)sample->sent_ms,
			       sample->done_ms ? (double)took : plot.y_to, kind_of(sample), label);
	}
	cli_plot_end(&plot, legend);
}

enum { SLICES = 60 };

/* Outcomes per sixtieth of the run, one on top of the other. */
static void plot_outcomes(const struct drill_result *result, struct baton_buf *out)
{
	static const char *const kinds[] = { "healthy", "degraded", "draft",
					     "person",  "kept",     "failed" };
	enum { KINDS = sizeof(kinds) / sizeof(kinds[0]) };
	const struct baton_drill_run *run = result->figures;
	double counts[SLICES][KINDS] = { 0 };
	struct cli_plot plot = { .out = out,
				 .title = "What became of them",
				 .unit = "",
				 .x_to = (double)run->end_ms,
				 .x_zero = (double)run->fault_ms };

	for (size_t i = 0; i < run->n_samples; i++) {
		size_t slice = (size_t)(run->samples[i].sent_ms * SLICES / (run->end_ms + 1));
		double all = 0;
		for (size_t k = 0; k < KINDS; k++) {
			counts[slice][k] += strcmp(kinds[k], kind_of(&run->samples[i])) == 0;
			all += counts[slice][k];
		}
		plot.y_to = all > plot.y_to ? all : plot.y_to;
	}
	cli_plot_begin(&plot);
	cli_plot_band(&plot, (double)run->fault_ms, (double)run->healed_ms, "fault");
	for (size_t slice = 0; slice < SLICES; slice++) {
		double low = 0, from = plot.x_to * (double)slice / SLICES;
		for (size_t k = 0; k < KINDS; k++) {
			cli_plot_bar(&plot, from, from + plot.x_to / SLICES, low,
				     low + counts[slice][k], kinds[k]);
			low += counts[slice][k];
		}
	}
	cli_plot_end(&plot, legend);
}

static void put_cell_time(struct baton_buf *out, bool known, double ms)
{
	struct baton_buf text = { NULL, 0, 0 };

	cli_put_duration(&text, ms);
	cli_table_cell(out, known ? "" : "bad", "%s", known ? text.p : "never");
	baton_buf_done(&text);
}

static void put_objectives(const struct baton_drill_sum *sum, struct baton_buf *out)
{
	static const char *const columns[] = { "objective", "wanted", "got", "held" };

	cli_table_begin(out, "Objectives", columns, 4);
	for (size_t i = 0; i < BATON_DRILL_OBJECTIVES; i++) {
		const struct baton_drill_objective *row = &sum->objectives[i];
		bool usd = strstr(row->name, "usd") != NULL;

		if (!row->asked)
			continue;
		cli_table_row(out, row->name);
		if (row->is_condition) {
			cli_table_cell(out, "", "true");
			cli_table_cell(out, "", "%s", row->held ? "true" : "false");
		} else if (row->is_share) {
			cli_table_cell(out, "", "%.1f %%", row->wanted * 100);
			cli_table_cell(out, "", "%.1f %%", row->got * 100);
		} else if (usd) {
			cli_table_cell(out, "", "$%.4f", row->wanted);
			cli_table_cell(out, "", "$%.4f", row->got);
		} else {
			put_cell_time(out, true, row->wanted);
			put_cell_time(out, row->got >= 0, row->got);
		}
		cli_table_cell(out, row->held ? "good" : "bad", "%s", row->held ? "yes" : "NO");
	}
	cli_table_end(out);
}

static void put_figures(const struct drill_result *result, struct baton_buf *out)
{
	static const char *const columns[] = { "figure", "value", "what it is" };
	const struct baton_drill_sum *sum = result->sum;

	cli_table_begin(out, "The whole", columns, 3);
	cli_table_row(out, "time to degrade");
	put_cell_time(out, sum->degrade.known, (double)sum->degrade.ms);
	cli_table_cell(out, "what", "fault on until the first message served without the primary");
	cli_table_row(out, "time to recover");
	put_cell_time(out, sum->recover.known, (double)sum->recover.ms);
	cli_table_cell(out, "what", "fault off until the primary answers again, for good");
	cli_table_row(out, "time to resume");
	put_cell_time(out, sum->resume.known, (double)sum->resume.ms);
	cli_table_cell(out, "what", "fault off until nothing that was kept waits");
	cli_table_row(out, "transcripts preserved");
	cli_table_cell(out, "", "%llu of %llu", (unsigned long long)sum->preserved,
		       (unsigned long long)sum->conversations);
	cli_table_cell(out, "what", "every message that was sent, once, in order");
	cli_table_row(out, "hand-overs that fired");
	cli_table_cell(out, "", "%llu, %llu in full", (unsigned long long)sum->handoffs,
		       (unsigned long long)sum->handoffs_full);
	cli_table_cell(out, "what", "because of the fault; with a reason and every message");
	cli_table_row(out, "cost of models");
	cli_table_cell(out, "", "$%.4f", (double)sum->cost_microusd / 1e6);
	cli_table_cell(out, "what", "of the whole drill");
	cli_table_row(out, "cost of fallback");
	cli_table_cell(out, "", "$%.4f", result->extra_microusd / 1e6);
	cli_table_cell(out, "what",
		       "models and people, above what as many messages cost before the fault");
	cli_table_end(out);
}

static void put_phases(const struct baton_drill_sum *sum, struct baton_buf *out)
{
	static const char *const columns[] = { "phase",       "messages", "answered", "drafted",
					       "to a person", "kept",     "lost",     "as expected",
					       "p50",         "p95" };

	cli_table_begin(out, "Healthy beside degraded", columns, 10);
	for (size_t i = 0; i < BATON_PHASES; i++) {
		const struct baton_drill_counts *row = &sum->phases[i];
		const uint64_t cells[] = { row->messages,    row->answered, row->drafted,
					   row->handed_over, row->captured, row->lost,
					   row->expected };

		cli_table_row(out, baton_drill_phase_name((enum baton_drill_phase)i));
		for (size_t k = 0; k < sizeof(cells) / sizeof(cells[0]); k++)
			cli_table_cell(out, k == 5 && cells[k] ? "bad" : "", "%llu",
				       (unsigned long long)cells[k]);
		put_cell_time(out, true, (double)baton_spread_quantile(&row->response_ms, 500000));
		put_cell_time(out, true, (double)baton_spread_quantile(&row->response_ms, 950000));
	}
	cli_table_end(out);
}

void drill_show_page(const struct drill_result *result, struct baton_buf *out)
{
	const struct baton_drill_file *file = result->run->file;
	char title[128];

	snprintf(title, sizeof(title), "Drill %s", file->name);
	cli_page_begin(out, title);
	baton_buf_printf(out, "<p class=\"%s\">Objectives %s.</p>\n<p class=\"dim\">",
			 result->sum->held ? "good" : "bad",
			 result->sum->held ? "held" : "NOT held");
	cli_page_z(out, file->description);
	baton_buf_z(out, " · ");
	cli_put_time(out, result->run->begun_unix_ms);
	baton_buf_z(out, "</p>\n");
	plot_messages(result, out);
	plot_outcomes(result, out);
	put_objectives(result->sum, out);
	put_figures(result, out);
	put_phases(result->sum, out);
	cli_page_end(out);
}
