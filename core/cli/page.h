/* SPDX-License-Identifier: Apache-2.0 */

/* Pages that reports are written as: one file, nothing loaded from anywhere, no script, light and
 * dark, readable on paper and by a screen reader. Curves are inline SVG. What anybody has said or named is
 * escaped on its way in.
 */
#pragma once

#include "core/base/buf.h"

void cli_page_begin(struct baton_buf *out, const char *title);
void cli_page_end(struct baton_buf *out);
/* Text with the characters of markup escaped. */
void cli_page_text(struct baton_buf *out, baton_str text);
void cli_page_z(struct baton_buf *out, const char *text);

/* A table: head with `columns` cells, then cells row by row; the first of a row is its header. */
void cli_table_begin(struct baton_buf *out, const char *caption, const char *const *columns,
		     size_t n);
void cli_table_row(struct baton_buf *out, const char *header);
/* One cell; `kind` "" or a class: good, bad, dim. */
void cli_table_cell(struct baton_buf *out, const char *kind, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void cli_table_end(struct baton_buf *out);

/* A plot over time. `kind` of what is drawn is a colour: healthy, degraded, person, draft, kept,
 * failed, queue, fault. */
struct cli_plot {
	struct baton_buf *out;
	const char *title, *unit; /* unit of y: "ms" is told as a duration */
	double x_from, x_to;      /* ms */
	double y_to;              /* from 0; rounded up by begin */
	double x_zero;            /* what x labels count from: "+90 s"; 0: they are times of day */
};
void cli_plot_begin(struct cli_plot *plot);
/* A shaded span of time, behind everything. */
void cli_plot_band(const struct cli_plot *plot, double from, double to, const char *label);
void cli_plot_bar(const struct cli_plot *plot, double from, double to, double low, double high,
		  const char *kind);
void cli_plot_point(const struct cli_plot *plot, double x, double y, const char *kind,
		    const char *label);
/* n points from xs and ys, as one line. */
void cli_plot_line(const struct cli_plot *plot, const double *xs, const double *ys, size_t n,
		   const char *kind);
/* `legend`: pairs of kind and words, NULL behind the last. */
void cli_plot_end(const struct cli_plot *plot, const char *const *legend);
