/* SPDX-License-Identifier: Apache-2.0 */

/* What the operator wrote under `config`: how the server is reached, which table, how long to wait.
 * Never a password: it comes from a passfile, a service file, or is not needed at all. */
#pragma once

#include "modules/sdk/transcript/entry.h"

enum { OPTIONS_MAX = 64, TABLE_BYTES = 160 };

struct settings {
	char *keys[OPTIONS_MAX + 1], *values[OPTIONS_MAX + 1]; /* for libpq, NULL at the end */
	unsigned n;
	char *passfile;
	char table[TABLE_BYTES]; /* quoted for SQL */
	char name[TABLE_BYTES];  /* without its schema and quotes, for the names of indexes */
	bool create_table;
	uint32_t connect_ms, statement_ms;
};

/* false with a sentence in `why`: it cannot be used. */
bool settings_read(struct settings *settings, baton_str config, char *why, size_t cap);
void settings_done(struct settings *settings);
/* libpq would leave out a passfile that others can read, and say so to stderr only. */
bool settings_passfile_ok(const struct settings *settings, char *why, size_t cap);
