/* SPDX-License-Identifier: Apache-2.0 */

/* What came of `baton intents eval`: for people, for scripts, and as a page with the curve of
 * confidence against truth. */

#include "core/cli/intents.h"
#include "core/cli/page.h"

#include <math.h>
#include <stdio.h>

static double percent(size_t part, size_t all)
{
	return all ? 100.0 * (double)part / (double)all : 0;
}

/* --- text --- */

static void text_of_confidence(const struct intents_result *r, struct baton_buf *out)
{
	baton_buf_printf(out,
			 "\nconfidence: %.1f points from the truth on average\n"
			 "  said      messages  right\n",
			 100 * r->error);
	for (unsigned b = 0; b < INTENTS_BINS; b++)
		if (r->bins[b].n > 0)
			baton_buf_printf(out, "  %.1f-%.1f   %8zu  %4.0f %%\n", b / 10.0,
					 (b + 1) / 10.0, r->bins[b].n,
					 percent(r->bins[b].right, r->bins[b].n));
	baton_buf_z(out, "\nto be right in so many  handle from  which is of all\n");
	for (size_t i = 0; i < r->n_levels; i++) {
		if (r->levels[i].threshold > 1)
			baton_buf_printf(out, "  %5.1f %%                 not reached\n",
					 100 * r->levels[i].wanted);
		else
			baton_buf_printf(out, "  %5.1f %%                 %.2f         %.1f %%\n",
					 100 * r->levels[i].wanted, r->levels[i].threshold,
					 100 * r->levels[i].coverage);
	}
}

static void text_of_intents(const struct intents_result *r, struct baton_buf *out)
{
	baton_buf_z(out,
		    "\nintent                          messages  found  right when said  mostly "
		    "taken for\n");
	for (size_t i = 0; i < r->n_classes; i++) {
		const struct intents_class *c = &r->classes[i];

		if (c->n + c->said == 0)
			continue;
		baton_buf_printf(out, "%-30s  %8zu  %3.0f %%  %12.0f %%  ", c->name, c->n,
				 percent(c->right, c->n), percent(c->right, c->said));
		if (c->worst_n > 0)
			baton_buf_printf(out, " %s (%zu)", r->classes[c->worst].name, c->worst_n);
		baton_buf_z(out, "\n");
	}
	if (r->n_mix_ups > 0)
		baton_buf_z(out, "\nmost frequent confusions\n");
	for (size_t i = 0; i < r->n_mix_ups; i++)
		baton_buf_printf(out, "%4zu  %s taken for %s: \"%.*s\"\n", r->mix_ups[i].n,
				 r->classes[r->mix_ups[i].from].name,
				 r->classes[r->mix_ups[i].to].name, (int)r->mix_ups[i].example.n,
				 r->mix_ups[i].example.p);
}

void intents_text(const struct intents_result *r, struct baton_buf *out)
{
	if (r->source)
		baton_buf_printf(out, "%zu messages of %s\n", r->n, r->source);
	else
		baton_buf_printf(out,
				 "%zu examples of the set, each asked of a classifier that was "
				 "taught without it (%u parts)\n",
				 r->n, r->folds);
	baton_buf_printf(out, "accuracy: %.1f %% of %zu\n", percent(r->right, r->in), r->in);
	baton_buf_printf(out,
			 "with the set's own thresholds: %.1f %% handled, %.1f %% of these right\n",
			 percent(r->above, r->in), percent(r->above_right, r->above));
	if (r->n > r->in)
		baton_buf_printf(out,
				 "none of the intents: %zu messages, %.1f %% of them handled all "
				 "the same\n",
				 r->n - r->in, percent(r->leaked, r->n - r->in));
	if (isfinite(r->auroc))
		baton_buf_printf(out, "out of scope told from the others: AUROC %.3f\n", r->auroc);
	text_of_confidence(r, out);
	text_of_intents(r, out);
}

/* --- JSON --- */

static void json_of_lists(const struct intents_result *r, struct baton_buf *out)
{
	baton_buf_z(out, "],\"levels\":[");
	for (size_t i = 0; i < r->n_levels; i++) {
		baton_buf_printf(out, "%s{\"precision_wanted\":%.4f", i ? "," : "",
				 r->levels[i].wanted);
		if (r->levels[i].threshold <= 1)
			baton_buf_printf(out,
					 ",\"threshold\":%.6f,\"precision\":%.4f,\"coverage\":%.4f",
					 r->levels[i].threshold, r->levels[i].precision,
					 r->levels[i].coverage);
		baton_buf_z(out, "}");
	}
	baton_buf_z(out, "],\"intents\":[");
	for (size_t i = 0; i < r->n_classes; i++) {
		baton_buf_z(out, i ? ",{\"name\":" : "{\"name\":");
		baton_buf_json(out, baton_str_of(r->classes[i].name));
		baton_buf_printf(out, ",\"messages\":%zu,\"said\":%zu,\"right\":%zu}",
				 r->classes[i].n, r->classes[i].said, r->classes[i].right);
	}
	baton_buf_z(out, "],\"confusions\":[");
	for (size_t i = 0; i < r->n_mix_ups; i++) {
		baton_buf_z(out, i ? ",{\"is\":" : "{\"is\":");
		baton_buf_json(out, baton_str_of(r->classes[r->mix_ups[i].from].name));
		baton_buf_z(out, ",\"said\":");
		baton_buf_json(out, baton_str_of(r->classes[r->mix_ups[i].to].name));
		baton_buf_printf(out, ",\"n\":%zu,\"example\":", r->mix_ups[i].n);
		baton_buf_json(out, r->mix_ups[i].example);
		baton_buf_z(out, "}");
	}
	baton_buf_z(out, "]}\n");
}

void intents_json(const struct intents_result *r, struct baton_buf *out)
{
	baton_buf_z(out, "{\"source\":");
	baton_buf_json(out, baton_str_of(r->source ? r->source : "examples"));
	baton_buf_printf(out,
			 ",\"folds\":%u,\"messages\":%zu,\"in_scope\":%zu,\"right\":%zu,"
			 "\"handled\":%zu,\"handled_right\":%zu,\"leaked\":%zu,"
			 "\"calibration_error\":%.4f",
			 r->folds, r->n, r->in, r->right, r->above, r->above_right, r->leaked,
			 r->error);
	if (r->n > r->in && isfinite(r->auroc))
		baton_buf_printf(out, ",\"out_of_scope_auroc\":%.4f", r->auroc);
	baton_buf_z(out, ",\"calibration\":[");
	for (unsigned b = 0; b < INTENTS_BINS; b++)
		baton_buf_printf(out, "%s{\"from\":%.1f,\"n\":%zu,\"right\":%zu,\"mean\":%.4f}",
				 b ? "," : "", b / 10.0, r->bins[b].n, r->bins[b].right,
				 r->bins[b].n ? r->bins[b].sum / (double)r->bins[b].n : 0.0);
	json_of_lists(r, out);
}

/* --- the page --- */

enum { SIDE = 320, MARGIN = 44 };

static double place(double share)
{
	return MARGIN + share * SIDE;
}

/* Confidence to the right, truth upwards; a point's size is how many messages it stands for. */
static void plot_confidence(const struct intents_result *r, struct baton_buf *out)
{
	baton_buf_printf(
		out,
		"<figure><svg viewBox=\"0 0 %d %d\" role=\"img\" style=\"max-width:30rem\">"
		"<title>Confidence said, and how often it was right</title>"
		"<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" fill=\"none\" "
		"stroke=\"currentColor\" stroke-opacity=\".3\"/>"
		"<line x1=\"%d\" y1=\"%d\" x2=\"%d\" y2=\"%d\" stroke=\"currentColor\" "
		"stroke-dasharray=\"4 4\" stroke-opacity=\".5\"/>\n",
		SIDE + 2 * MARGIN, SIDE + 2 * MARGIN, MARGIN, MARGIN, SIDE, SIDE, MARGIN,
		MARGIN + SIDE, MARGIN + SIDE, MARGIN);
	for (unsigned b = 0; b < INTENTS_BINS; b++) {
		if (r->bins[b].n == 0)
			continue;
		double n = (double)r->bins[b].n, mean = r->bins[b].sum / n;
		double right = (double)r->bins[b].right / n;

		baton_buf_printf(out,
				 "<circle class=\"f-healthy\" cx=\"%.1f\" cy=\"%.1f\" r=\"%.1f\">"
				 "<title>said %.2f, right %.2f, %zu messages</title></circle>\n",
				 place(mean), SIDE + 2 * MARGIN - place(right),
				 3 + 12 * sqrt(n / (double)r->n), mean, right, r->bins[b].n);
	}
	for (unsigned i = 0; i <= 4; i++)
		baton_buf_printf(
			out,
			"<text x=\"%.0f\" y=\"%d\" font-size=\"11\" fill=\"currentColor\" "
			"text-anchor=\"middle\">%.2f</text><text x=\"%d\" y=\"%.0f\" "
			"font-size=\"11\" fill=\"currentColor\" text-anchor=\"end\">%.2f</text>\n",
			place(i / 4.0), MARGIN + SIDE + 16, i / 4.0, MARGIN - 6,
			SIDE + 2 * MARGIN - place(i / 4.0) + 4, i / 4.0);
	baton_buf_z(out, "</svg><figcaption>Right: the confidence that was said. Up: how often it "
			 "was right. On the dashed line a 0.8 is right in 80 of 100.</figcaption>"
			 "</figure>\n");
}

static void table_of_levels(const struct intents_result *r, struct baton_buf *out)
{
	static const char *const columns[] = { "right in", "handle from", "of all messages" };

	cli_table_begin(out, "Thresholds", columns, 3);
	for (size_t i = 0; i < r->n_levels; i++) {
		char wanted[32];

		snprintf(wanted, sizeof(wanted), "%.1f %%", 100 * r->levels[i].wanted);
		cli_table_row(out, wanted);
		if (r->levels[i].threshold > 1) {
			cli_table_cell(out, "bad", "not reached");
			cli_table_cell(out, "dim", "-");
			continue;
		}
		cli_table_cell(out, "", "%.2f", r->levels[i].threshold);
		cli_table_cell(out, "", "%.1f %%", 100 * r->levels[i].coverage);
	}
	cli_table_end(out);
}

static void table_of_intents(const struct intents_result *r, struct baton_buf *out)
{
	static const char *const columns[] = { "intent", "messages", "found", "right when said",
					       "mostly taken for" };

	cli_table_begin(out, "Intents", columns, 5);
	for (size_t i = 0; i < r->n_classes; i++) {
		const struct intents_class *c = &r->classes[i];
		double found = percent(c->right, c->n);

		if (c->n + c->said == 0)
			continue;
		cli_table_row(out, c->name);
		cli_table_cell(out, "", "%zu", c->n);
		cli_table_cell(out, found < 60 ? "bad" : "", "%.0f %%", found);
		cli_table_cell(out, "", "%.0f %%", percent(c->right, c->said));
		cli_table_cell(out, "dim", "%s", c->worst_n ? r->classes[c->worst].name : "");
	}
	cli_table_end(out);
}

static void table_of_mix_ups(const struct intents_result *r, struct baton_buf *out)
{
	static const char *const columns[] = { "is", "taken for", "messages", "such as" };

	if (r->n_mix_ups == 0)
		return;
	cli_table_begin(out, "Most frequent confusions", columns, 4);
	for (size_t i = 0; i < r->n_mix_ups; i++) {
		cli_table_row(out, r->classes[r->mix_ups[i].from].name);
		cli_table_cell(out, "", "%s", r->classes[r->mix_ups[i].to].name);
		cli_table_cell(out, "", "%zu", r->mix_ups[i].n);
		cli_table_cell(out, "dim", "%.*s", (int)r->mix_ups[i].example.n,
			       r->mix_ups[i].example.p);
	}
	cli_table_end(out);
}

void intents_page(const struct intents_result *r, struct baton_buf *out)
{
	cli_page_begin(out, "Intents");
	baton_buf_printf(out,
			 "<p>%zu messages, %.1f %% right. With the set's own thresholds %.1f %% "
			 "are handled, %.1f %% of these right.</p>\n",
			 r->n, percent(r->right, r->in), percent(r->above, r->in),
			 percent(r->above_right, r->above));
	plot_confidence(r, out);
	table_of_levels(r, out);
	table_of_intents(r, out);
	table_of_mix_ups(r, out);
	cli_page_end(out);
}
