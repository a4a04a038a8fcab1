/* SPDX-License-Identifier: Apache-2.0 */

/* baton report: reading the journal beside a running server, and three ways to show what came of it.
 */
#pragma once

#include "core/base/buf.h"
#include "core/cli/cli.h"
#include "core/observe/report.h"

/* What else is said about a report. */
struct cli_report_about {
	const char *title;
	uint64_t labour_microusd_per_hour;
	uint64_t read, damaged, erased; /* records */
};

/* Feeds the journal in options->data into `report`, whose window it has. 0 or CLI_FAILED, told. */
int cli_report_read(const char *data, struct baton_report *report, struct cli_report_about *about);
/* "24h" before `now_ms`, or a date and time of UTC. False: not one. */
bool cli_report_when(const char *text, uint64_t now_ms, uint64_t *ret_ms);

/* For people; lines of 100 columns. */
void cli_report_text(const struct baton_report *report, const struct cli_report_about *about,
		     struct baton_buf *out);
/* One page that needs nothing else. */
void cli_report_page(const struct baton_report *report, const struct cli_report_about *about,
		     struct baton_buf *out);

/* "1.2 s", "340 ms", "2 h 05 min". */
void cli_put_duration(struct baton_buf *out, double ms);
/* "2026-11-21 05:30:12Z" */
void cli_put_time(struct baton_buf *out, uint64_t unix_ms);
/* A figure in its unit; "-" if it is not known. */
void cli_put_figure(struct baton_buf *out, const struct baton_figure *figure);
/* Writes a file as a whole or not at all; CLI_OK or CLI_FAILED, told. */
int cli_write_file(const char *path, baton_str text);
