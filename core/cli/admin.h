/* SPDX-License-Identifier: Apache-2.0 */

/* What the admins' commands share: questions in parts, tables out of JSON. Internal to core/cli. */
#pragma once

#include "core/base/json.h"
#include "core/cli/cli.h"

/* `{"do":"verb"` and its members; admin_ask() closes it. */
void admin_begin(struct baton_buf *request, const char *verb);
void admin_text(struct baton_buf *request, const char *name, const char *value /* NULL: left out */);
/* Asks; with --json the answer is printed and that is all. CLI_OK, and 0 or the answer to print. */
int admin_ask(const struct cli_options *options, struct baton_buf *request,
	      struct baton_buf *answer);

/* A table: one row for each element of the array, columns by name of the member. */
struct admin_column {
	const char *title, *member;
	/* NULL: the member as it is. */
	void (*show)(const struct baton_json *row, struct baton_buf *cell);
};
void admin_table(const struct baton_json *array, const struct admin_column *columns, size_t n);
/* The member as text: strings without quotes, nothing for absent, false and null. */
void admin_cell(const struct baton_json *value, struct baton_buf *cell);
/* "45s", "12m", "3h 5m", "2d 1h". */
void admin_duration(uint64_t ms, struct baton_buf *cell);
