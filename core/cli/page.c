/* SPDX-License-Identifier: Apache-2.0 */

/* See page.h. The page's own policy allows nothing but its style sheet, so that even a name that
 * got through as markup could load and run nothing. */
#include "core/cli/page.h"

#include "core/cli/report.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>

static const char head[] =
	"<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
	"<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
	"style-src 'unsafe-inline'; img-src data:\">\n"
	"<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
	"<link rel=\"icon\" href=\"data:,\">\n<title>";

static const char style[] =
	"</title>\n<style>\n"
	":root { color-scheme: light dark; --bg: light-dark(#f4f6f5, #111816); --card: light-dark(#fff, #1a2421);\n"
	" --ink: light-dark(#17211e, #e7efec); --dim: light-dark(#4d5b56, #a9b9b3); --line: light-dark(#cfd8d4, #34433f);\n"
	" --healthy: light-dark(#14705a, #6fd0b4); --degraded: light-dark(#b07a00, #e8b84e); --person: light-dark(#2b5fb8, #8db8ff);\n"
	" --draft: light-dark(#7a4fb0, #c5a3f2); --kept: light-dark(#5f6b66, #9fb0a9); --failed: light-dark(#b3261e, #ff9d94);\n"
	" --queue: light-dark(#2b5fb8, #8db8ff); --fault: light-dark(#b3261e22, #ff9d9426); }\n"
	"* { box-sizing: border-box; }\n"
	"body { margin: 0 auto; padding: 24px 16px 64px; max-inline-size: 1080px; background: var(--bg); color: var(--ink);\n"
	" font: 15px/1.5 system-ui, sans-serif; }\n"
	"h1 { font-size: 24px; margin: 0; } h2 { font-size: 18px; margin: 36px 0 8px; } p { margin: 4px 0 12px; }\n"
	".dim { color: var(--dim); } .good { color: var(--healthy); } .bad { color: var(--failed); font-weight: 600; }\n"
	"section, figure { background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: 16px; margin: 12px 0; overflow-x: auto; }\n"
	"table { border-collapse: collapse; inline-size: 100%; font-variant-numeric: tabular-nums; }\n"
	"caption { text-align: start; font-weight: 600; padding-block-end: 6px; }\n"
	"th, td { padding: 4px 10px; border-block-end: 1px solid var(--line); text-align: end; white-space: nowrap; }\n"
	"th:first-child { text-align: start; font-weight: 500; white-space: normal; } thead th { color: var(--dim); font-weight: 500; font-size: 13px; }\n"
	"td.what { text-align: start; white-space: normal; color: var(--dim); font-size: 13px; }\n"
	"figure { margin-inline: 0; } figcaption { font-weight: 600; margin-block-end: 6px; }\n"
	"svg { display: block; inline-size: 100%; block-size: auto; min-inline-size: 560px; }\n"
	"svg text { font: 12px system-ui, sans-serif; fill: var(--dim); } .grid { stroke: var(--line); stroke-width: 1; }\n"
	".f-healthy { fill: var(--healthy); } .f-degraded { fill: var(--degraded); } .f-person { fill: var(--person); } .f-draft { fill: var(--draft); }\n"
	".f-kept { fill: var(--kept); } .f-failed { fill: var(--failed); } .f-queue { fill: var(--queue); } .f-fault { fill: var(--fault); }\n"
	".l-healthy { stroke: var(--healthy); } .l-degraded { stroke: var(--degraded); } .l-person { stroke: var(--person); } .l-queue { stroke: var(--queue); }\n"
	".line { fill: none; stroke-width: 2; stroke-linejoin: round; } .legend { display: flex; flex-wrap: wrap; gap: 4px 18px; font-size: 13px; list-style: none; padding: 0; margin: 8px 0 0; }\n"
	".legend svg { inline-size: 12px; block-size: 12px; min-inline-size: 0; display: inline-block; margin-inline-end: 6px; }\n"
	"@media print { body { background: none; } section, figure { break-inside: avoid; } }\n"
	"</style></head><body><main>\n";

void cli_page_text(struct baton_buf *out, baton_str text)
{
	for (size_t i = 0; i < text.n; i++) {
		switch (text.p[i]) {
		case '&':
			baton_buf_z(out, "&amp;");
			break;
		case '<':
			baton_buf_z(out, "&lt;");
			break;
		case '>':
			baton_buf_z(out, "&gt;");
			break;
		case '"':
			baton_buf_z(out, "&quot;");
			break;
		default:
			baton_buf_add(out, &text.p[i], 1);
		}
	}
}

void cli_page_z(struct baton_buf *out, const char *text)
{
	cli_page_text(out, baton_str_of(text));
}

void cli_page_begin(struct baton_buf *out, const char *title)
{
	baton_buf_z(out, head);
	cli_page_z(out, title);
	baton_buf_z(out, style);
	baton_buf_z(out, "<h1>");
	cli_page_z(out, title);
	baton_buf_z(out, "</h1>\n");
}

void cli_page_end(struct baton_buf *out)
{
	baton_buf_z(out, "</main></body></html>\n");
}

/* --- tables --- */

void cli_table_begin(struct baton_buf *out, const char *caption, const char *const *columns,
		     size_t n)
{
	baton_buf_z(out, "<section><table><caption>");
	cli_page_z(out, caption);
	baton_buf_z(out, "</caption><thead><tr>");
	for (size_t i = 0; i < n; i++) {
		baton_buf_z(out, "<th scope=\"col\">");
		cli_page_z(out, columns[i]);
		baton_buf_z(out, "</th>");
	}
	baton_buf_z(out, "</tr></thead><tbody>");
}

void cli_table_row(struct baton_buf *out, const char *header)
{
	baton_buf_z(out, "\n<tr><th scope=\"row\">");
	cli_page_z(out, header);
	baton_buf_z(out, "</th>");
}

void cli_table_cell(struct baton_buf *out, const char *kind, const char *format, ...)
{
	char text[1024];
	va_list args;

	va_start(args, format);
	int n = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	baton_buf_printf(out, "<td class=\"%s\">", kind);
	if (n > 0)
		cli_page_z(out, text);
	baton_buf_z(out, "</td>");
}

void cli_table_end(struct baton_buf *out)
{
	baton_buf_z(out, "\n</tbody></table></section>\n");
}

/* --- plots: a frame of 1000 x 260 with room for labels --- */

enum { LEFT = 70, RIGHT = 990, TOP = 12, BOTTOM = 220, HEIGHT = 250, LINES = 4, MARKS = 6 };

static double place_x(const struct cli_plot *plot, double x)
{
	double span = plot->x_to > plot->x_from ? plot->x_to - plot->x_from : 1;
	double share = (x - plot->x_from) / span;

	share = share < 0 ? 0 : share > 1 ? 1 : share;
	return LEFT + share * (RIGHT - LEFT);
}

static double place_y(const struct cli_plot *plot, double y)
{
	double share = y / plot->y_to;

	return BOTTOM - (share > 1 ? 1 : share) * (BOTTOM - TOP);
}

/* The next larger value that four grid lines divide into whole numbers. */
static double round_up(double value)
{
	static const double steps[] = { 4, 8, 12, 16, 20, 24, 32, 40 };
	double power = 1;

	while (power * 40 < value)
		power *= 10;
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
		if (steps[i] * power >= value)
			return steps[i] * power;
	return 40 * power;
}

static void put_x_label(const struct cli_plot *plot, int mark)
{
	double x = plot->x_from + (plot->x_to - plot->x_from) * mark / MARKS;
	struct baton_buf *out = plot->out;
	time_t seconds = (time_t)(x / 1000);
	struct tm utc;
	char text[32];

	baton_buf_printf(out, "<text x=\"%.1f\" y=\"%d\" text-anchor=\"%s\">", place_x(plot, x),
			 BOTTOM + 18, mark == MARKS ? "end" : "middle");
	if (plot->x_zero > 0)
		baton_buf_printf(out, "%+.0f s", (x - plot->x_zero) / 1000);
	else if (gmtime_r(&seconds, &utc) && strftime(text, sizeof(text), "%d. %H:%M", &utc) > 0)
		baton_buf_z(out, text);
	baton_buf_z(out, "</text>");
}

void cli_plot_begin(struct cli_plot *plot)
{
	struct baton_buf *out = plot->out;

	plot->y_to = round_up(plot->y_to > 4 ? plot->y_to : 4);
	baton_buf_z(out, "<figure><figcaption>");
	cli_page_z(out, plot->title);
	baton_buf_printf(out,
			 "</figcaption><svg viewBox=\"0 0 1000 %d\" role=\"img\" aria-label=\"",
			 HEIGHT);
	cli_page_z(out, plot->title);
	baton_buf_z(out, "\">");
	for (int i = 0; i <= LINES; i++) {
		double value = plot->y_to * i / LINES, y = place_y(plot, value);
		baton_buf_printf(
			out,
			"<line class=\"grid\" x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\"/>"
			"<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">",
			LEFT, RIGHT, y, y, LEFT - 6, y + 4);
		if (strcmp(plot->unit, "ms") == 0)
			cli_put_duration(out, value);
		else
			baton_buf_printf(out, "%.0f", value);
		baton_buf_z(out, "</text>");
	}
	for (int i = 0; i <= MARKS; i++)
		put_x_label(plot, i);
	baton_buf_z(out, "\n");
}

void cli_plot_band(const struct cli_plot *plot, double from, double to, const char *label)
{
	double left = place_x(plot, from), right = place_x(plot, to);

	baton_buf_printf(
		plot->out,
		"<rect class=\"f-fault\" x=\"%.1f\" y=\"%d\" width=\"%.1f\" height=\"%d\"/>", left,
		TOP, right > left ? right - left : 1, BOTTOM - TOP);
	baton_buf_printf(plot->out, "<text x=\"%.1f\" y=\"%d\">", left + 4, TOP + 14);
	cli_page_z(plot->out, label);
	baton_buf_z(plot->out, "</text>\n");
}

void cli_plot_bar(const struct cli_plot *plot, double from, double to, double low, double high,
		  const char *kind)
{
	double left = place_x(plot, from), right = place_x(plot, to);
	double top = place_y(plot, high), bottom = place_y(plot, low);

	if (high > low)
		baton_buf_printf(
			plot->out,
			"<rect class=\"f-%s\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"/>",
			kind, left + 0.5, top, right - left > 1.5 ? right - left - 1 : 0.5,
			bottom - top);
}

void cli_plot_point(const struct cli_plot *plot, double x, double y, const char *kind,
		    const char *label)
{
	baton_buf_printf(plot->out,
			 "<circle class=\"f-%s\" cx=\"%.1f\" cy=\"%.1f\" r=\"4\"><title>", kind,
			 place_x(plot, x), place_y(plot, y));
	cli_page_z(plot->out, label);
	baton_buf_z(plot->out, "</title></circle>\n");
}

void cli_plot_line(const struct cli_plot *plot, const double *xs, const double *ys, size_t n,
		   const char *kind)
{
	baton_buf_printf(plot->out, "<polyline class=\"line l-%s\" points=\"", kind);
	for (size_t i = 0; i < n; i++)
		baton_buf_printf(plot->out, "%.1f,%.1f ", place_x(plot, xs[i]),
				 place_y(plot, ys[i]));
	baton_buf_z(plot->out, "\"/>\n");
}

void cli_plot_end(const struct cli_plot *plot, const char *const *legend)
{
	struct baton_buf *out = plot->out;

	baton_buf_z(out, "</svg><ul class=\"legend\">");
	for (; legend[0]; legend += 2) {
		baton_buf_printf(
			out,
			"<li><svg viewBox=\"0 0 12 12\" aria-hidden=\"true\"><rect class=\"f-%s\" "
			"width=\"12\" height=\"12\" rx=\"3\"/></svg>",
			legend[0]);
		cli_page_z(out, legend[1]);
		baton_buf_z(out, "</li>");
	}
	baton_buf_z(out, "</ul></figure>\n");
}
