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

/* The same for what may take minutes; the steps of it are told on stderr if they are wanted. */
int admin_follow(const struct cli_options *options, struct baton_buf *request,
		 struct baton_buf *answer);

/* A table: one row for each element of the array, columns by name of the member. */
struct admin_column {
	const char *title, *member;
	/* NULL: the member as it is. */
	void (*show)(const struct baton_json *row, struct baton_buf *cell);
};
void admin_make_cell(const struct baton_json *row, const struct admin_column *column,
		     struct baton_buf *cell);
void admin_table(const struct baton_json *array, const struct admin_column *columns, size_t n);
/* The member as text: strings without quotes, nothing for absent, false and null. */
void admin_cell(const struct baton_json *value, struct baton_buf *cell);
/* Members of a row: a number, 0 if it is none; a text compared. */
uint64_t admin_number(const struct baton_json *row, const char *name);
bool admin_is(const struct baton_json *row, const char *name, const char *word);
/* Prints a member as admin_cell() says. */
void admin_print(const struct baton_json *row, const char *name);
/* How long ago the unix time `since_ms`, `since_unix_ms`, ... of the row was. */
void admin_since(const struct baton_json *row, const char *name, struct baton_buf *cell);
/* "30m", "90s", "2h", "1500ms" -> milliseconds; false for anything else. */
bool admin_read_duration(const char *text, uint64_t *ret_ms);
/* "45s", "12m", "3h 5m", "2d 1h". */
void admin_duration(uint64_t ms, struct baton_buf *cell);
